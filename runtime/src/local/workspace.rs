//! Workspaces on this machine: directories as they are.
//!
//! This host confines nobody: it takes only effects whose policy allows everything. It can restore
//! what an effect changed.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use cascade_ir::ErrorKind;
use sha2::{Digest, Sha256};

use super::files::{find_files, hash_of_file};
use crate::{
    failure::{Failure, Raise},
    interpreter::to_hex,
    request::FilesRequest,
    workspace::{FileChange, FileContent, FileState, Workspace, WorkspacePatch},
};

/// Refuses a workspace whose policy this host cannot enforce.
pub(super) fn check_policy(workspace: &Workspace) -> Result<(), Raise> {
    if workspace.policy.allows_everything() {
        return Ok(());
    }
    let message = "the policy of the workspace forbids something, and this host cannot enforce it; nothing was started";
    Err(Failure::raise(ErrorKind::Denied, message))
}

/// The largest file, and the largest sum of files, whose contents are kept as outputs of an effect. Of larger
/// ones only the hash is kept: they are verified, and cannot be put back.
const MAX_KEPT_FILE: u64 = 64 * 1024 * 1024;
const MAX_KEPT: u64 = 256 * 1024 * 1024;

/// The files that an effect has made and declares, as a change of its workspace.
///
/// # Errors
/// When one leaves the workspace, or cannot be read.
pub(super) fn collect_outputs(
    files: &FilesRequest,
    workspace: &Workspace,
    run_directory: Option<&Path>,
) -> Result<WorkspacePatch, Raise> {
    let mut root = run_directory.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    root.extend(&workspace.directory);
    let found: Vec<PathBuf> = match files.many {
        true => find_files(&files.pattern, &root, true).map_err(|why| Failure::raise(ErrorKind::Failed, why))?,
        false => vec![PathBuf::from(&files.pattern)],
    };
    let (mut changes, mut total) = (Vec::new(), 0);
    for path in found {
        let shown = path.to_string_lossy().replace('\\', "/");
        let shown = shown.trim_start_matches("./").to_owned();
        let file = locate_file(&root, &shown)?;
        let size = match fs::metadata(&file) {
            Ok(meta) if meta.is_file() => meta.len(),
            Ok(_) => return Err(Failure::raise(ErrorKind::CommandFailed, format!("`{shown}` is no file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(patch_failure("read", &shown, &error)),
        };
        total += size;
        let content = match size > MAX_KEPT_FILE || total > MAX_KEPT {
            true => FileContent::Hash(hash_of_file(&file).map_err(|error| patch_failure("read", &shown, &error))?),
            false => FileContent::from_bytes(fs::read(&file).map_err(|error| patch_failure("read", &shown, &error))?),
        };
        let state = FileState { content, executable: is_executable(&file) };
        changes.push(FileChange { path: shown, before: None, after: Some(state), is_output: true });
    }
    Ok(WorkspacePatch { directory: workspace.directory.clone(), changes })
}

/// Applies a recorded change below the directory of a run. Files that are already as they were
/// after the change are left alone.
///
/// # Errors
/// `merge_conflict` when a file is neither as it was before nor as it was after the change: then no
/// file is touched. `denied` for a path that leaves the workspace, `failed` when a file cannot be
/// read or written.
pub(super) fn restore_patch(patch: &WorkspacePatch, run_directory: Option<&Path>) -> Result<(), Raise> {
    let mut root = run_directory.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    if let Some(directory) = &patch.directory {
        root.push(directory);
    }
    // All are looked at before any is written.
    let mut pending = Vec::new();
    for change in &patch.changes {
        let file = locate_file(&root, &change.path)?;
        if is_pending(change, &file)? {
            pending.push((change, file));
        }
    }
    for (change, file) in pending {
        write_state(change.after.as_ref(), &file).map_err(|error| patch_failure("restored", &change.path, &error))?;
    }
    Ok(())
}

/// The file of a path inside a workspace. No part of it may lead out: neither `..` nor a link.
fn locate_file(root: &Path, path: &str) -> Result<PathBuf, Raise> {
    let outside = || {
        let message = format!("the recorded change of `{path}` leads out of its workspace");
        Failure::raise(ErrorKind::Denied, message)
    };
    let mut file = root.to_path_buf();
    let mut parts = Path::new(path).components().peekable();
    if parts.peek().is_none() {
        return Err(outside());
    }
    for part in parts {
        let Component::Normal(name) = part else { return Err(outside()) };
        file.push(name);
        if fs::symlink_metadata(&file).is_ok_and(|meta| meta.file_type().is_symlink()) {
            return Err(outside());
        }
    }
    Ok(file)
}

/// Whether a change has still to be made.
fn is_pending(change: &FileChange, file: &Path) -> Result<bool, Raise> {
    if let Some(FileState { content: FileContent::Hash(hash), .. }) = &change.after {
        return match hash_of_file(file) {
            Ok(found) if found == *hash => Ok(false),
            Ok(_) | Err(_) => {
                let message = format!(
                    "`{}` is not as it was recorded, and it was too large to be kept; run its stage again",
                    change.path
                );
                Err(Failure::raise(ErrorKind::MergeConflict, message))
            }
        };
    }
    if let Some(FileState { content: FileContent::Link(_), .. }) = &change.after {
        let message = format!("`{}` is a link, and links are restored only in sandboxes", change.path);
        return Err(Failure::raise(ErrorKind::Denied, message));
    }
    let current = match fs::read(file) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(patch_failure("read", &change.path, &error)),
    };
    let after = change.after.as_ref().and_then(|state| state.content.as_bytes());
    if current.as_deref() == after {
        // Of a file that is there, whether it can be executed may still differ.
        return Ok(change.after.as_ref().is_some_and(|state| state.executable != is_executable(file)));
    }
    if change.is_output {
        return Ok(true);
    }
    let digest = current.as_deref().map(|bytes| to_hex(&Sha256::digest(bytes)));
    if digest == change.before {
        return Ok(true);
    }
    let message = format!(
        "`{}` was changed since the run stopped, so that the recorded change of it cannot be restored",
        change.path
    );
    Err(Failure::raise(ErrorKind::MergeConflict, message))
}

fn write_state(after: Option<&FileState>, file: &Path) -> io::Result<()> {
    let Some(state) = after else { return fs::remove_file(file) };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Renamed when it is whole: a run that is killed meanwhile finds the file before or after.
    let mut partial = file.as_os_str().to_owned();
    partial.push(".cascade-restored");
    let partial = PathBuf::from(partial);
    fs::write(&partial, state.content.as_bytes().unwrap_or_default())?;
    set_executable(&partial, state.executable)?;
    fs::rename(&partial, file)
}

#[cfg(unix)]
pub(super) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0)
}

#[cfg(unix)]
fn set_executable(file: &Path, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file)?.permissions().mode();
    // Whoever may read it may execute it.
    let mode = if executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 };
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
}

fn patch_failure(what: &str, path: &str, error: &io::Error) -> Raise {
    Failure::raise(ErrorKind::Failed, format!("`{path}`, which an effect changed, cannot be {what}: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        testing::TempDir,
        workspace::{Access, FileContent, Policy},
    };

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: path.to_owned(),
            before: before.map(|text| to_hex(&Sha256::digest(text.as_bytes()))),
            after: after.map(|text| FileState {
                content: FileContent::from_bytes(text.into()),
                executable: path.ends_with(".sh"),
            }),
            is_output: false,
        }
    }

    fn patch(changes: Vec<FileChange>) -> WorkspacePatch {
        WorkspacePatch { directory: Some("repo".to_owned()), changes }
    }

    #[test]
    fn a_patch_is_restored_once_and_as_a_whole() {
        let dir = TempDir::new();
        let repo = dir.path().join("repo");
        fs::create_dir(&repo).unwrap();
        fs::write(repo.join("old.txt"), "old").unwrap();
        fs::write(repo.join("gone.txt"), "gone").unwrap();
        let all = patch(vec![
            change("src/new.sh", None, Some("#!/bin/sh\n")),
            change("old.txt", Some("old"), Some("new")),
            change("gone.txt", Some("gone"), None),
        ]);
        // The second time everything is as it shall be.
        for _ in 0..2 {
            restore_patch(&all, Some(dir.path())).unwrap();
            assert_eq!(fs::read_to_string(repo.join("src/new.sh")).unwrap(), "#!/bin/sh\n");
            assert!(is_executable(&repo.join("src/new.sh")) && !is_executable(&repo.join("old.txt")));
            assert_eq!(fs::read_to_string(repo.join("old.txt")).unwrap(), "new");
            assert!(!repo.join("gone.txt").exists());
        }
        assert_eq!(fs::read_dir(repo.join("src")).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_file_that_somebody_else_changed_stops_the_restoration() {
        let dir = TempDir::new();
        let repo = dir.path().join("repo");
        fs::create_dir(&repo).unwrap();
        fs::write(repo.join("b.txt"), "edited by hand").unwrap();
        let both = patch(vec![change("a.txt", None, Some("a")), change("b.txt", Some("b"), Some("c"))]);
        let failure = restore_patch(&both, Some(dir.path())).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::MergeConflict);
        assert!(failure.message.starts_with("`b.txt` was changed since"), "{}", failure.message);
        assert!(!repo.join("a.txt").exists(), "no file is touched");
        assert_eq!(fs::read_to_string(repo.join("b.txt")).unwrap(), "edited by hand");
    }

    #[test]
    fn no_path_leaves_the_workspace() {
        let dir = TempDir::new();
        let repo = dir.path().join("repo");
        fs::create_dir(&repo).unwrap();
        std::os::unix::fs::symlink(dir.path(), repo.join("link")).unwrap();
        for path in ["../x", "/tmp/x", "a/../../x", "", ".", "link/x", "link"] {
            let failure = restore_patch(&patch(vec![change(path, None, Some("x"))]), Some(dir.path())).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Denied, "`{path}`: {}", failure.message);
        }
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn a_policy_that_cannot_be_enforced_is_refused() {
        let mut workspace = Workspace::default();
        assert!(check_policy(&workspace).is_ok());
        workspace.policy = Policy { network: Access::Only(Vec::new()), ..Policy::default() };
        assert_eq!(check_policy(&workspace).unwrap_err().kind, ErrorKind::Denied);
    }
}
