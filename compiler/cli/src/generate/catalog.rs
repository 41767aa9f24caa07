//! The skills that a program may be made of: Agent Skills and Cascade files of a folder.

use std::path::{Path, PathBuf};

use cascade_compiler::{FileSources, compile};

use crate::{error::Stop, files};

/// The longest description of one skill, in characters.
const LONGEST: usize = 400;

/// A text that lists the skills below a folder, each with how it is used in a program that stands in `output`.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn describe_skills(folder: &Path, output: &Path) -> Result<String, Stop> {
    let mut out = String::new();
    for file in find_files(folder)? {
        let path = shown_path(&file, output);
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("cascade") => {
                let (name, text) = files::read_source(&file)?;
                let compiled = compile(&name, text, &FileSources);
                let Some(program) = compiled.program else {
                    eprintln!("warning: `{}` has mistakes, so that its skills are left out", file.display());
                    continue;
                };
                let is_own = |file: u32| program.files.get(file as usize).is_some_and(|known| *known == name);
                for skill in program.skills.iter().filter(|skill| is_own(skill.place.file)) {
                    out.push_str(&format!(
                        "- skill `{}`, by import \"{path}\": {}\n",
                        skill.name,
                        shorten_text(&skill.doc)
                    ));
                }
            }
            _ => {
                let (_, text) = files::read_source(&file)?;
                out.push_str(&format!("- skill_file \"{path}\": {}\n", shorten_text(&front_matter(&text))));
            }
        }
    }
    Ok(if out.is_empty() { "none".to_owned() } else { out })
}

/// The Cascade files and the files `SKILL.md` below a folder, in order.
fn find_files(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|error| Stop::file("read", folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| Stop::file("read", folder, &error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            found.extend(find_files(&path)?);
        } else if path.file_name().is_some_and(|name| name == "SKILL.md")
            || path.extension().is_some_and(|extension| extension == "cascade")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A path as a program names it that stands beside `output`.
fn shown_path(file: &Path, output: &Path) -> String {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let relative = folder.and_then(|folder| file.strip_prefix(folder).ok()).unwrap_or(file);
    let text = relative.to_string_lossy();
    if relative.is_absolute() || text.starts_with('.') { text.into_owned() } else { format!("./{text}") }
}

/// The front matter of a skill file, as one line.
fn front_matter(text: &str) -> String {
    let matter = text.strip_prefix("---").and_then(|rest| rest.split_once("\n---")).map_or("", |(matter, _)| matter);
    matter.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn shorten_text(text: &str) -> String {
    text.replace('\n', " ").chars().take(LONGEST).collect()
}
