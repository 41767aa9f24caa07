//! Finds and reads the files of a command.

use std::{
    collections::HashSet,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_compiler::{Compilation, FileSources, compile, render};
use cascade_ir as ir;

use crate::{
    error::Stop,
    projects::{Projects, apply_model_settings, from_here},
};

/// The name under which standard input appears in messages.
pub const STDIN: &str = "<stdin>";

/// What paths name.
#[derive(Debug, Default)]
pub struct Files {
    /// All `.cascade` files, in the order of the paths, those of a folder sorted. `-` stays as it
    /// is.
    pub files: Vec<PathBuf>,
    /// The folders that were looked through.
    pub folders: Vec<PathBuf>,
}

/// All `.cascade` files that paths name: a file itself, the files below a folder that its project
/// does not exclude. Without a path: the project of the current folder, or that folder.
pub fn expand_paths(paths: &[PathBuf], projects: &mut Projects) -> Result<Files, Stop> {
    let here = match projects.project_of(Path::new("."))? {
        Some(found) => [from_here(&found.root)],
        None => [PathBuf::from(".")],
    };
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut out = Files::default();
    let mut seen = HashSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            out.files.push(path.clone());
            continue;
        }
        let meta = std::fs::metadata(path).map_err(|e| Stop::file("read", path, &e))?;
        if meta.is_dir() {
            let before = out.files.len();
            collect_files(path, projects, &mut out)?;
            if out.files.len() == before {
                return Err(Stop::usage_help(
                    format!("there is no .cascade file below `{}`", path.display()),
                    "name a file, or a folder that has some",
                ));
            }
        } else {
            out.files.push(strip_current_folder(path.clone()));
        }
    }
    out.files.retain(|file| seen.insert(file.clone()));
    Ok(out)
}

fn collect_files(folder: &Path, projects: &mut Projects, out: &mut Files) -> Result<(), Stop> {
    let project = projects.project_of(folder)?;
    let whole = std::fs::canonicalize(folder).map_err(|e| Stop::file("read", folder, &e))?;
    let excluded = |name: &str| {
        project.as_ref().is_some_and(|found| {
            let inside = whole.strip_prefix(&found.root).unwrap_or(Path::new("")).join(name);
            let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            found.project.excludes(&parts.join("/"))
        })
    };
    out.folders.push(folder.to_path_buf());
    let entries = std::fs::read_dir(folder).map_err(|e| Stop::file("read", folder, &e))?;
    let mut found: Vec<(PathBuf, bool)> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Stop::file("read", folder, &e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(|e| Stop::file("read", &entry.path(), &e))?;
        let hidden = name.starts_with('.') || matches!(&*name, "target" | "node_modules");
        let wanted = if kind.is_dir() { !hidden } else { kind.is_file() && name.ends_with(".cascade") };
        if wanted && !excluded(&name) {
            found.push((strip_current_folder(entry.path()), kind.is_dir()));
        }
    }
    found.sort();
    for (path, is_dir) in found {
        if is_dir {
            collect_files(&path, projects, out)?;
        } else {
            out.files.push(path);
        }
    }
    Ok(())
}

/// `./a` as `a`.
fn strip_current_folder(path: PathBuf) -> PathBuf {
    path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path)
}

/// Writes beside the file and renames, so that a crash leaves the old text or the new one.
pub fn replace_file(path: &Path, text: &str) -> Result<(), Stop> {
    let target = std::fs::canonicalize(path).map_err(|e| Stop::file("write", path, &e))?;
    let beside = target.with_extension(format!("cascade.{}.tmp", std::process::id()));
    let result = std::fs::write(&beside, text)
        .and_then(|()| std::fs::metadata(&target))
        .and_then(|meta| std::fs::set_permissions(&beside, meta.permissions()))
        .and_then(|()| std::fs::rename(&beside, &target));
    if result.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    result.map_err(|e| Stop::file("write", path, &e))
}

/// The text of a file or of standard input, and its name for messages.
pub fn read_source(path: &Path) -> Result<(String, Arc<str>), Stop> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(|e| Stop::file("read", Path::new(STDIN), &e))?;
        return Ok((STDIN.to_owned(), decode_text("standard input", bytes)?));
    }
    let bytes = std::fs::read(path).map_err(|e| Stop::file("read", path, &e))?;
    let name = path.to_string_lossy().into_owned();
    let text = decode_text(&format!("`{name}`"), bytes)?;
    Ok((name, text))
}

/// Bytes as text, or where they are not.
fn decode_text(name: &str, bytes: Vec<u8>) -> Result<Arc<str>, Stop> {
    String::from_utf8(bytes).map(Arc::from).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        Stop::usage_help(
            format!("{name} is not UTF-8 text: byte {} (line {line}) begins no character", good + 1),
            "a .cascade file is UTF-8; save it in that encoding",
        )
    })
}

/// Compiles a file, says what is wrong with it, and gives the program when nothing is an error.
pub fn load_program(path: &Path, color: bool, quiet: bool) -> Result<ir::Program, Stop> {
    if path.extension().is_some_and(|e| e == "cir") {
        return read_built(path);
    }
    let (name, text) = read_source(path)?;
    let compiled = compile(&name, text, &FileSources);
    // What a run is about to do matters more than style: warnings are left to `check`.
    if compiled.has_failed() {
        let shown: Vec<_> = compiled
            .diagnostics
            .iter()
            .filter(|d| !quiet || d.severity == cascade_compiler::Severity::Error)
            .cloned()
            .collect();
        eprint!("{}", render::render(&shown, &compiled.sources, render::Format::Human, color));
    }
    let mut program = finish_compilation(compiled, path)?;
    if let Some(found) = Projects::default().of_file(path)? {
        apply_model_settings(&mut program, &found.project);
    }
    Ok(program)
}

/// The program of a file for a list or a hint; nothing is said of one that cannot be read or has mistakes.
pub fn program_without_messages(path: &Path) -> Option<ir::Program> {
    let (name, text) = read_source(path).ok()?;
    compile(&name, text, &FileSources).program
}

fn finish_compilation(compiled: Compilation, path: &Path) -> Result<ir::Program, Stop> {
    match compiled.program {
        Some(program) => Ok(program),
        None => {
            if let Some(summary) = render::summarize_counts(&compiled.diagnostics) {
                eprintln!("{}: {summary}", path.display());
            }
            Err(Stop::Said)
        }
    }
}

/// A program that `cascadec build` wrote.
fn read_built(path: &Path) -> Result<ir::Program, Stop> {
    let bytes = std::fs::read(path).map_err(|e| Stop::file("read", path, &e))?;
    let broken = |why: String| {
        Stop::usage_help(
            format!("`{}` is not a compiled program: {why}", path.display()),
            "write it again with `cascadec build file.cascade -o file.cir`",
        )
    };
    ir::read::read_program(&bytes).map_err(|e| broken(e.to_string()))
}

/// The cascade that a command means.
pub fn find_entry(program: &ir::Program, wanted: Option<&str>) -> Result<ir::CascadeId, Stop> {
    let name = |id: &ir::CascadeId| program.cascades.get(id.index()).map(|c| c.name.to_string()).unwrap_or_default();
    let names = || program.entries.iter().map(|e| format!("`{}`", name(e))).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = wanted {
        return program.entries.iter().copied().find(|e| name(e) == wanted).ok_or_else(|| {
            Stop::usage_help(
                format!("`{}` has no cascade `{wanted}`", program.name),
                if program.entries.is_empty() { "it has none".to_owned() } else { format!("it has {}", names()) },
            )
        });
    }
    match program.entries.as_slice() {
        [] => Err(Stop::usage_help(
            format!("`{}` has no cascade to run", program.name),
            "declare one: `cascade main() { … }`",
        )),
        several => program.main.ok_or_else(|| {
            Stop::usage_help(
                format!("`{}` has several cascades: {}", program.name, names()),
                format!("say which: `… {} {}`", program.name, several.last().map(name).unwrap_or_default()),
            )
        }),
    }
}
