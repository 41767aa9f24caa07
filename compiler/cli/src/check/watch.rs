//! `check --watch`: checks again after every change.
//!
//! It looks at the files themselves, several times a second: that works on every file system,
//! over the network and in containers, and a few hundred calls of `stat` cost less than a
//! millisecond.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::Metadata,
    io::IsTerminal,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use cascade_compiler::project;

use super::{all, print_report};
use crate::{args::CheckArgs, error::Stop, projects::from_here};

/// How often the files are polled.
const EVERY: Duration = Duration::from_millis(250);

/// The state of a file without reading it; of a folder, that it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    modified: Option<SystemTime>,
    size: u64,
    /// Two files that take each other's name may have one time and one size.
    file: u64,
}

/// The files of some folders that can matter.
pub type Files = BTreeMap<PathBuf, Option<Seen>>;

/// Checks until the process is ended.
pub fn watch_check(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
    // A wrong path at the start is wrong usage; later the file may be in the middle of an edit.
    let mut folders = canonical_folders(&all::check_all(args)?.folders);
    let mut why = Vec::new();
    loop {
        let before = check_once(args, color, &mut folders, &why);
        why = wait_for_change(&folders, &before);
    }
}

/// Waits until files of the folders are others than before; gives those that were added, removed or changed.
pub fn wait_for_change(folders: &BTreeSet<PathBuf>, before: &Files) -> Vec<PathBuf> {
    loop {
        thread::sleep(EVERY);
        let changed = changed_files(before, &read_stamps(folders));
        if !changed.is_empty() {
            return changed;
        }
    }
}

/// The names of files, as seen from here.
pub fn name_files(files: &[PathBuf]) -> String {
    files.iter().map(|path| from_here(path).display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Checks once and prints the report; returns the state of the files before the check.
fn check_once(args: &CheckArgs, color: bool, folders: &mut BTreeSet<PathBuf>, why: &[PathBuf]) -> Files {
    if std::io::stderr().is_terminal() {
        eprint!("\x1b[2J\x1b[3J\x1b[H");
    }
    if !why.is_empty() {
        eprintln!("changed: {}", name_files(why));
    }
    let (checked, before) = loop {
        // Read before the check, so that a change during the check is noticed.
        let mut before = read_stamps(folders);
        let checked = all::check_all(args);
        let now = checked.as_ref().map_or_else(|_| folders.clone(), |checked| canonical_folders(&checked.folders));
        // A folder that was not watched yet may have changed since it was checked.
        let more = !now.is_subset(folders);
        *folders = now;
        if !more {
            before.retain(|path, _| path.parent().is_some_and(|folder| folders.contains(folder)));
            break (checked, before);
        }
    };
    let files = checked.as_ref().map_or(0, |checked| checked.files);
    if let Err(stop) = checked.and_then(|checked| print_report(args, color, checked)) {
        stop.report(color);
    }
    eprintln!("watching {files} file{}; Ctrl-C ends", if files == 1 { "" } else { "s" });
    before
}

/// Folders without symbolic links, each once.
pub fn canonical_folders(folders: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let here = |folder: &PathBuf| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
    folders.iter().filter_map(|folder| std::fs::canonicalize(here(folder)).ok()).collect()
}

/// The watched files and folders in some folders, with their stamps.
pub fn read_stamps(folders: &BTreeSet<PathBuf>) -> Files {
    let mut out = Files::new();
    for folder in folders {
        // A folder that was removed is treated as empty.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // Of a link, the target counts.
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            if is_watched(&path, &meta) {
                out.insert(path, meta.is_file().then(|| file_stamp(&meta)));
            }
        }
    }
    out
}

#[cfg(unix)]
fn file_number(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn file_number(_: &Metadata) -> u64 {
    0
}

fn file_stamp(meta: &Metadata) -> Seen {
    Seen { modified: meta.modified().ok(), size: meta.len(), file: file_number(meta) }
}

/// The files that were added, removed or changed.
fn changed_files(before: &Files, now: &Files) -> Vec<PathBuf> {
    let new = now.iter().filter(|(path, seen)| before.get(*path) != Some(seen)).map(|(path, _)| path);
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let all: BTreeSet<&PathBuf> = new.chain(gone).collect();
    all.into_iter().cloned().collect()
}

/// Whether a file can change the result of a check: programs, files of the project, folders.
fn is_watched(path: &Path, meta: &Metadata) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let folder = meta.is_dir() && !matches!(&*name, "target" | "node_modules");
    let file = meta.is_file() && (name.ends_with(".cascade") || name.ends_with(".baseline") || name == project::FILE);
    !name.starts_with('.') && (folder || file)
}
