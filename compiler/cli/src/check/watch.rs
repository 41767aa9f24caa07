//! `check --watch`: checks again after every change.

use std::{
    collections::BTreeSet,
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use cascade_compiler::project;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{all, tell};
use crate::{args::CheckArgs, error::Stop, projects::from_here};

/// An editor that saves makes several changes at once; this long without another one, it is done.
const QUIET: Duration = Duration::from_millis(30);

/// Checks until the process is ended.
pub fn run(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
    let unable = |e: notify::Error| Stop::usage(format!("changes of files cannot be watched: {e}"));
    let (sender, changes) = channel();
    // When the receiver is gone the process ends anyway.
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let _ = sender.send(event);
    })
    .map_err(unable)?;
    let mut watched = BTreeSet::new();
    // What is named wrongly at the start is a wrong call; later it is only being worked on.
    all::check(args)?;
    let mut why = Vec::new();
    loop {
        round(args, color, &mut watcher, &mut watched, &why);
        why = match wait(&changes) {
            Some(why) => why,
            None => return Ok(0),
        };
    }
}

/// One check, and what is told of it.
fn round(
    args: &CheckArgs,
    color: bool,
    watcher: &mut RecommendedWatcher,
    watched: &mut BTreeSet<PathBuf>,
    why: &[PathBuf],
) {
    if std::io::stderr().is_terminal() {
        eprint!("\x1b[2J\x1b[3J\x1b[H");
    }
    if !why.is_empty() {
        let names: Vec<String> = why.iter().map(|path| from_here(path).display().to_string()).collect();
        eprintln!("changed: {}", names.join(", "));
    }
    // A folder that is watched from now on may have changed between its check and now.
    let checked = loop {
        let checked = all::check(args);
        let Ok(found) = &checked else { break checked };
        if !watch(watcher, watched, &found.folders) {
            break checked;
        }
    };
    let files = checked.as_ref().map_or(0, |checked| checked.files);
    if let Err(stop) = checked.and_then(|checked| tell(args, color, checked)) {
        stop.report(color);
    }
    eprintln!("watching {files} file{}; Ctrl-C ends", if files == 1 { "" } else { "s" });
}

/// Watches folders that are not watched yet; whether there were any.
fn watch(watcher: &mut RecommendedWatcher, watched: &mut BTreeSet<PathBuf>, folders: &BTreeSet<PathBuf>) -> bool {
    let mut new = false;
    for folder in folders {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(whole) = std::fs::canonicalize(folder) else { continue };
        if !watched.contains(&whole) && watcher.watch(&whole, RecursiveMode::NonRecursive).is_ok() {
            watched.insert(whole);
            new = true;
        }
    }
    // One that is gone is watched anew if it comes back.
    watched.retain(|folder| folder.is_dir());
    new
}

/// The files that have changed, as soon as there are any and it is quiet again. `None`: nothing
/// will change any more.
fn wait(changes: &Receiver<notify::Result<Event>>) -> Option<Vec<PathBuf>> {
    let mut changed = BTreeSet::new();
    while changed.is_empty() {
        take(&changes.recv().ok()?, &mut changed);
    }
    while let Ok(event) = changes.recv_timeout(QUIET) {
        take(&event, &mut changed);
    }
    Some(changed.into_iter().collect())
}

fn take(event: &notify::Result<Event>, changed: &mut BTreeSet<PathBuf>) {
    let Ok(event) = event else { return };
    if matches!(event.kind, EventKind::Access(_)) {
        return;
    }
    changed.extend(event.paths.iter().filter(|path| matters(path)).cloned());
}

/// Whether a change of a file can change what is found: programs, the project's files, folders.
fn matters(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let folder = path.extension().is_none() && !matches!(&*name, "target" | "node_modules");
    let known = name.ends_with(".cascade") || name.ends_with(".baseline") || name == project::FILE;
    !name.starts_with('.') && (folder || known)
}
