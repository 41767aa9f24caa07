//! `cascadec new` and `cascadec init`: a project that checks, runs and has a test.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{args::NewArgs, error::Stop};

/// The files of a new project, with `NAME` for its name.
const FILES: &[(&str, &str)] = &[
    ("cascade.toml", include_str!("new/cascade.toml")),
    ("main.cascade", include_str!("new/main.cascade")),
    (".gitignore", include_str!("new/gitignore")),
    (".github/workflows/cascade.yml", include_str!("new/workflow.yml")),
    (".vscode/extensions.json", include_str!("new/extensions.json")),
    (".vscode/settings.json", include_str!("new/settings.json")),
];

/// `cascadec new`.
pub fn create_folder(args: &NewArgs) -> Result<u8, Stop> {
    let folder = &args.name;
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Stop::usage_help(
                    format!("`{}` is there already, and is not empty", folder.display()),
                    "choose another name, or run `cascadec init` in it",
                ));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Stop::file("read", folder, &error)),
    }
    begin_project(folder)?;
    eprintln!("\nNow: cd {} && cascadec run && cascadec test", folder.display());
    Ok(0)
}

/// `cascadec init`.
pub fn begin_here() -> Result<u8, Stop> {
    if Path::new("cascade.toml").exists() {
        return Err(Stop::usage_help("this folder has a cascade.toml already", "`cascadec list` shows its cascades"));
    }
    begin_project(Path::new("."))?;
    eprintln!("\nNow: cascadec run && cascadec test");
    Ok(0)
}

/// Writes the files that are not there.
fn begin_project(folder: &Path) -> Result<(), Stop> {
    std::fs::create_dir_all(folder).map_err(|e| Stop::file("make", folder, &e))?;
    let whole = std::fs::canonicalize(folder).map_err(|e| Stop::file("read", folder, &e))?;
    let name = whole.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
    // In TOML a name is a string; what would end it is left out.
    let name: String = name.chars().filter(|letter| !letter.is_control() && !matches!(letter, '"' | '\\')).collect();
    for (file, text) in FILES {
        let path: PathBuf = folder.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Stop::file("make", parent, &e))?;
        }
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut out| {
            use std::io::Write;
            out.write_all(text.replace("NAME", &name).as_bytes())
        });
        match made {
            Ok(()) => eprintln!("made {}", path.display()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => eprintln!("kept {}", path.display()),
            Err(error) => return Err(Stop::file("write", &path, &error)),
        }
    }
    Ok(())
}
