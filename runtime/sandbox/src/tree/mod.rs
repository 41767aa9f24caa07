//! Private copies of folders: opened, changed by commands, compared, and applied to the folder that they are copies of.
//!
//! Nothing here runs a program in a copy, and git is only asked about the repository of the user: what is inside a copy
//! (its `.git`, its hooks, its filters) is never obeyed outside.

mod apply;
mod branch;
mod capture;
mod dependencies;
mod files;
mod list;
mod manifest;
mod merge;
mod open;
mod patch;
mod renames;
mod repository;
mod spare;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use apply::{Applied, apply_changes, forget_apply, recover_applies};
pub use branch::commit_on_branch;
pub use capture::MAX_FILE;
pub use manifest::{Entry, Kind};
pub use open::open_tree;

use dependencies::Link;
use manifest::{Look, Manifest, Seen};

/// A private copy of a folder.
#[derive(Debug)]
pub struct Tree {
    /// The folder of the copy: the files in `work`, what it began with beside it.
    root: PathBuf,
    /// The folder that it is a copy of.
    source: PathBuf,
    /// Whether ignored files are left out of changes: the folder is in a repository.
    ignores: bool,
    /// Its files as they were when it was opened.
    base: Manifest,
    /// Its files as they were when it was last looked at.
    current: Manifest,
    /// How files looked on the disk then, so that what has not changed is not read again.
    seen: Seen,
    /// How the originals of `base` looked when they were copied, in its order; `None`: that does not tell whether they
    /// have changed since. Empty for a copy that an earlier process has made.
    origins: Vec<Option<Look>>,
    /// How its folders looked when all of them were walked through; `None`: that must be done again.
    folders: Option<Seen>,
    /// When the times of its files were taken: what is changed in the same moment could look unchanged.
    looked: Instant,
    /// What was not copied: sockets, devices.
    notes: Vec<String>,
    /// Folders outside of it that are read in it: the objects of the repository, and installed packages. They are known
    /// from the source; what the copy says of them could be said by a command in it.
    readable: Vec<PathBuf>,
    /// The links in it to installed packages, which are no part of its changes.
    links: Vec<Link>,
}

impl Tree {
    /// Where its files are.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The folder that it is a copy of.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// What was left out, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Waits until a change of a file cannot have the time that the file had when it was looked at: file systems keep
    /// times in steps of up to 10 ms. To be called before a command begins.
    pub fn settle(&self) {
        const STEP: Duration = Duration::from_millis(12);
        std::thread::sleep(STEP.saturating_sub(self.looked.elapsed()));
    }

    /// Folders outside of the copy that are read in it.
    pub fn readable(&self) -> &[PathBuf] {
        &self.readable
    }
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path in the copy, with `/` between the parts.
    pub path: String,
    /// What it was before; `None`: there was no file.
    pub before: Option<Entry>,
    /// What it is; `None`: it was removed.
    pub after: Option<Content>,
}

/// A file with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its kind.
    pub kind: Kind,
    /// Its bytes; of a link its target.
    pub bytes: Vec<u8>,
}

/// Why a copy could not be opened, compared or applied.
#[derive(Debug)]
pub enum TreeError {
    /// A file could not be read or written.
    Io(PathBuf, io::Error),
    /// Files that were changed both in the copy and in the folder, and not in ways that go together.
    Conflict(Vec<String>),
    /// A change that must not leave the copy, in words.
    Denied(String),
    /// A change too large to be kept, in words.
    TooLarge(String),
    /// Git failed, in words.
    Git(String),
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "`{}`: {error}", path.display()),
            Self::Conflict(files) => {
                write!(f, "changed both inside and outside: {}", files.join(", "))
            }
            Self::Denied(why) | Self::TooLarge(why) | Self::Git(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TreeError {}

pub(crate) type Result<T, E = TreeError> = std::result::Result<T, E>;

/// Names a file in an error.
fn error_at(path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    let path = path.to_owned();
    move |error| TreeError::Io(path, error)
}

/// A path of a change as a path below a folder.
///
/// # Errors
/// `Denied` when it leads out of the folder, or into a `.git`.
pub fn check_path(path: &str) -> Result<PathBuf> {
    use std::path::Component;
    let denied = |why: &str| Err(TreeError::Denied(format!("the change of `{path}` {why}")));
    let mut parts = Path::new(path).components().peekable();
    if parts.peek().is_none() || path.ends_with('/') || path.contains('\0') {
        return denied("names no file");
    }
    for part in parts {
        match part {
            Component::Normal(name) if is_git(name) => return denied("is inside of a repository's own folder"),
            Component::Normal(_) => {}
            _ => return denied("leads out of the workspace"),
        }
    }
    Ok(PathBuf::from(path))
}

/// Whether a name is that of the folder of a repository, however a file system may spell it: in capitals, or as the
/// short name on Windows.
fn is_git(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    let plain: String = name.chars().filter(|c| !matches!(c, '\u{200c}' | '\u{200d}' | '\u{feff}')).collect();
    let plain = plain.trim_end_matches(['.', ' ']);
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}
