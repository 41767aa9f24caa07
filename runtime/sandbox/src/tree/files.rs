//! Reading and writing single files without following links.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use super::{Content, Kind, Result, TreeError, error_at, manifest::kind_of};

/// The file of a path below a folder; none of the folders on the way may be a link.
pub(super) fn locate_within(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut file = root.to_path_buf();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        file.push(part);
        if parts.peek().is_some() && fs::symlink_metadata(&file).is_ok_and(|meta| meta.file_type().is_symlink()) {
            return Err(TreeError::Denied(format!("`{}` is behind a link", path.display())));
        }
    }
    Ok(file)
}

/// The file of a path below a copy, with folders on the way to it and nothing else in its place: a link on the way is
/// removed, and a folder where the file shall be.
pub(super) fn clear_way(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut file = root.to_path_buf();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        file.push(part);
        let found = fs::symlink_metadata(&file).ok().map(|meta| meta.is_dir());
        let cleared = match (found, parts.peek().is_some()) {
            (Some(true), true) | (Some(false), false) | (None, false) => Ok(()),
            (Some(true), false) => fs::remove_dir_all(&file),
            (Some(false), true) => fs::remove_file(&file).and_then(|()| fs::create_dir(&file)),
            (None, true) => fs::create_dir(&file),
        };
        cleared.map_err(error_at(&file))?;
    }
    Ok(file)
}

/// The file at a path, if there is one: `None` for nothing, and for folders.
///
/// # Errors
/// When it cannot be read, or is longer than `most`.
pub(super) fn read_content(file: &Path, most: u64) -> Result<Option<Content>> {
    let meta = match fs::symlink_metadata(file) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(TreeError::Io(file.to_owned(), error)),
    };
    let Some(kind) = kind_of(&meta) else { return Ok(None) };
    if kind == Kind::Link {
        let target = fs::read_link(file).map_err(error_at(file))?;
        return Ok(Some(Content { kind, bytes: target.into_os_string().into_vec() }));
    }
    if meta.len() > most {
        let message = format!("`{}` is larger than {} MiB", file.display(), most >> 20);
        return Err(TreeError::TooLarge(message));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
    open_file(file)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(error_at(file))?;
    Ok(Some(Content { kind, bytes }))
}

/// Opens a file for reading, which must not have become a link or a pipe meanwhile.
pub(super) fn open_file(file: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(file)
}

/// Writes a new file, which must not be there.
pub(super) fn create_file(file: &Path, content: &Content, mode: u32) -> Result<()> {
    let write = || -> io::Result<()> {
        if content.kind == Kind::Link {
            return std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&content.bytes), file);
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
        io::Write::write_all(&mut new, &content.bytes)?;
        // The mask of the process does not decide whether a file can be executed.
        new.set_permissions(fs::Permissions::from_mode(mode))
    };
    write().map_err(error_at(file))
}

/// The mode of a new file of this kind.
pub(super) fn mode_of(kind: Kind) -> u32 {
    match kind {
        Kind::Executable => 0o755,
        Kind::File | Kind::Link => 0o644,
    }
}

/// Removes the folders of a path that are empty, up to the root.
pub(super) fn remove_empty_folders(root: &Path, path: &Path) {
    let mut folder = path.parent();
    while let Some(name) = folder.filter(|name| !name.as_os_str().is_empty()) {
        // One that is not empty stays.
        if fs::remove_dir(root.join(name)).is_err() {
            return;
        }
        folder = name.parent();
    }
}
