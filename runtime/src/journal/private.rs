//! Files that only their user may read: the journal, its artifacts, its locks, the project's key.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// The permissions of a folder.
const FOLDER: u32 = 0o700;
/// The permissions of a file.
const FILE: u32 = 0o600;
/// What others may do.
const OTHERS: u32 = 0o077;
/// The name of a project's own folder. A journal may be in another one, which is not only the journal's.
const OWN: &str = ".cascade";

/// Makes a folder, and those above it; the last one is private.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            // Another process may have been faster.
            match DirBuilder::new().mode(FOLDER).create(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                result => result,
            }
        }
        result => result,
    }
}

/// How a private file is opened to be written; it is created if it is not there.
pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE);
    options
}

/// Makes a file if it is not there, before somebody makes it who would let others read it.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    private_options().open(path)
}

/// Takes from others what an earlier version, or a copy, let them read: a journal's files, and all in
/// the folder that is the project's own. What belongs to another user stays as that user wants it.
pub(super) fn tighten_permissions(journal: &Path) {
    let folder = journal.parent().filter(|folder| folder.file_name().is_some_and(|name| name == OWN));
    if let Some(folder) = folder
        && is_open(folder)
    {
        tighten_all(folder, 2);
        set_mode(folder, FOLDER);
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut file = journal.as_os_str().to_owned();
        file.push(suffix);
        if is_open(Path::new(&file)) {
            set_mode(Path::new(&file), FILE);
        }
    }
}

fn tighten_all(folder: &Path, levels: u32) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if levels > 0 {
                    tighten_all(&path, levels - 1);
                }
                set_mode(&path, FOLDER);
            }
            Ok(kind) if kind.is_file() => set_mode(&path, FILE),
            _ => {}
        }
    }
}

/// Whether others may do something with a file or folder of this user.
fn is_open(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(path)
        .is_ok_and(|data| !data.is_symlink() && data.uid() == own && data.mode() & OTHERS != 0)
}

fn set_mode(path: &Path, mode: u32) {
    // A file system without permissions has none to change.
    let _ = std::fs::set_permissions(path, Permissions::from_mode(mode));
}
