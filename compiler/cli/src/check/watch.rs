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
struct Seen {
    modified: Option<SystemTime>,
    size: u64,
    /// Two files that take each other's name may have one time and one size.
    file: u64,
}

/// The files of some folders that can matter.
type Files = BTreeMap<PathBuf, Option<Seen>>;

/// Checks until the process is ended.
pub fn run(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
    // A wrong path at the start is wrong usage; later the file may be in the middle of an edit.
    let mut folders = whole(&all::check(args)?.folders);
    let mut why = Vec::new();
    loop {
        let before = round(args, color, &mut folders, &why);
        why = loop {
            thread::sleep(EVERY);
            let changed = changes(&before, &look(&folders));
            if !changed.is_empty() {
                break changed;
            }
        };
    }
}

/// Checks once and prints the report; returns the state of the files before the check.
fn round(args: &CheckArgs, color: bool, folders: &mut BTreeSet<PathBuf>, why: &[PathBuf]) -> Files {
    if std::io::stderr().is_terminal() {
        eprint!("\x1b[2J\x1b[3J\x1b[H");
    }
    if !why.is_empty() {
        let names: Vec<String> = why.iter().map(|path| from_here(path).display().to_string()).collect();
        eprintln!("changed: {}", names.join(", "));
    }
    let (checked, before) = loop {
        // Read before the check, so that a change during the check is noticed.
        let mut before = look(folders);
        let checked = all::check(args);
        let now = checked.as_ref().map_or_else(|_| folders.clone(), |checked| whole(&checked.folders));
        // A folder that is new here may have changed between its check and now.
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
fn whole(folders: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let here = |folder: &PathBuf| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
    folders.iter().filter_map(|folder| std::fs::canonicalize(here(folder)).ok()).collect()
}

/// What is in folders now.
fn look(folders: &BTreeSet<PathBuf>) -> Files {
    let mut out = Files::new();
    for folder in folders {
        // One that is gone is as good as empty, until it comes back.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // A link is as new as what it leads to.
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            if matters(&path, &meta) {
                out.insert(path, meta.is_file().then(|| seen(&meta)));
            }
        }
    }
    out
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> u64 {
    0
}

fn seen(meta: &Metadata) -> Seen {
    Seen { modified: meta.modified().ok(), size: meta.len(), file: identity(meta) }
}

/// The files that are new, gone, or not the same any more.
fn changes(before: &Files, now: &Files) -> Vec<PathBuf> {
    let new = now.iter().filter(|(path, seen)| before.get(*path) != Some(seen)).map(|(path, _)| path);
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let all: BTreeSet<&PathBuf> = new.chain(gone).collect();
    all.into_iter().cloned().collect()
}

/// Whether a change of a file can change what is found: programs, the project's files, folders.
fn matters(path: &Path, meta: &Metadata) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let folder = meta.is_dir() && !matches!(&*name, "target" | "node_modules");
    let file = meta.is_file() && (name.ends_with(".cascade") || name.ends_with(".baseline") || name == project::FILE);
    !name.starts_with('.') && (folder || file)
}
