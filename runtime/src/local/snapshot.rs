//! The files of a directory before and after an agent worked in it: what it changed.
//!
//! Files that git ignores, and what is in `.git` and `.cascade`, are not looked at. Symbolic links are not followed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use cascade_ir::ErrorKind;
use sha2::{Digest, Sha256};

use super::workspace::is_executable;
use crate::{
    failure::{Failure, Raise},
    interpreter::to_hex,
    workspace::{FileChange, FileContent, FileState, WorkspacePatch},
};

/// Contents are kept for the diff up to these sizes, in bytes: of one file, and of all.
const LONGEST_FILE: u64 = 256 * 1024;
const LONGEST_SUM: u64 = 64 * 1024 * 1024;
/// A change of a larger file, or more than these together, cannot be recorded, in bytes.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;
const LARGEST_SUM: u64 = 256 * 1024 * 1024;
/// The longest diff that is kept, in bytes.
const LONGEST_DIFF: usize = 256 * 1024;

/// The files of a directory at a moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    root: PathBuf,
    files: BTreeMap<String, Known>,
}

/// A file as it was.
#[derive(Debug)]
struct Known {
    /// The SHA-256 of its content, in hex.
    hash: String,
    executable: bool,
    /// Its text, if it is short and UTF-8.
    text: Option<String>,
}

/// What an agent changed.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) patch: WorkspacePatch,
    /// The same for people, as a unified diff.
    pub(super) diff: String,
}

impl Snapshot {
    /// Looks at all files of a directory.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn take(root: &Path) -> Result<Self, Raise> {
        let (mut files, mut kept) = (BTreeMap::new(), 0);
        for (name, path) in list_files(root)? {
            let content = fs::read(&path).map_err(|error| snapshot_failure(&name, &error))?;
            let hash = to_hex(&Sha256::digest(&content));
            let size = content.len() as u64;
            let keep = size <= LONGEST_FILE && kept + size <= LONGEST_SUM;
            let text = if keep { String::from_utf8(content).ok() } else { None };
            kept += text.as_ref().map_or(0, |_| size);
            files.insert(name, Known { hash, executable: is_executable(&path), text });
        }
        Ok(Self { root: root.to_owned(), files })
    }

    /// What is different now. `directory` names the directory in the patch.
    ///
    /// # Errors
    /// When a file cannot be read, or the changes are too large to be recorded.
    pub(super) fn changes(mut self, directory: Option<String>) -> Result<Changes, Raise> {
        let (mut changes, mut diff, mut total) = (Vec::new(), String::new(), 0);
        for (name, path) in list_files(&self.root)? {
            let content = fs::read(&path).map_err(|error| snapshot_failure(&name, &error))?;
            let executable = is_executable(&path);
            let before = self.files.remove(&name);
            let hash = to_hex(&Sha256::digest(&content));
            if before.as_ref().is_some_and(|known| known.hash == hash && known.executable == executable) {
                continue;
            }
            let size = content.len() as u64;
            total += size;
            if size > LARGEST_FILE || total > LARGEST_SUM {
                let message = format!(
                    "the agent has changed more than can be recorded (`{name}`, {} MiB); what it has done is in its \
                     directory, and a resumed run could not restore it",
                    size / 1024 / 1024
                );
                return Err(Failure::raise(ErrorKind::Failed, message));
            }
            add_diff(&mut diff, &name, before.as_ref().map(|known| known.text.as_deref()), Some(&content));
            let state = FileState { content: FileContent::from_bytes(content), executable };
            changes.push(FileChange {
                path: name,
                before: before.map(|known| known.hash),
                after: Some(state),
                is_output: false,
            });
        }
        for (name, known) in self.files {
            add_diff(&mut diff, &name, Some(known.text.as_deref()), None);
            changes.push(FileChange { path: name, before: Some(known.hash), after: None, is_output: false });
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Changes { patch: WorkspacePatch { directory, changes }, diff })
    }
}

/// All files below a directory by their paths in it, with `/` between the parts.
fn list_files(root: &Path) -> Result<BTreeMap<String, PathBuf>, Raise> {
    let mut found = BTreeMap::new();
    let walk = ignore::WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some(".git" | ".cascade")) || entry.depth() == 0)
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| {
            Failure::raise(ErrorKind::Failed, format!("the directory of the agent cannot be read: {error}"))
        })?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Some(name) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else {
            let message = format!("the name of `{}` is not UTF-8", entry.path().display());
            return Err(Failure::raise(ErrorKind::Failed, message));
        };
        found.insert(name.to_owned(), entry.path().to_owned());
    }
    Ok(found)
}

/// Adds the change of a file. `before`: `None` if there was none, `Some(None)` if its text is not known.
fn add_diff(diff: &mut String, name: &str, before: Option<Option<&str>>, after: Option<&[u8]>) {
    if diff.len() >= LONGEST_DIFF {
        return;
    }
    let after_text = match after {
        Some(bytes) if bytes.len() as u64 <= LONGEST_FILE => std::str::from_utf8(bytes).ok(),
        Some(_) => None,
        None => Some(""),
    };
    let (old, new) = (
        before.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{name}")),
        after.map_or_else(|| "/dev/null".to_owned(), |_| format!("b/{name}")),
    );
    let text = match (before.unwrap_or(Some("")), after_text) {
        (Some(before), Some(after)) => {
            similar::TextDiff::from_lines(before, after).unified_diff().header(&old, &new).to_string()
        }
        _ => format!("--- {old}\n+++ {new}\nthe content is not shown: it is no text, or too long\n"),
    };
    diff.push_str(&text);
    cut_diff(diff);
}

/// Cuts a diff that is too long to be kept.
pub(super) fn cut_diff(diff: &mut String) {
    if diff.len() > LONGEST_DIFF {
        diff.truncate(diff.floor_char_boundary(LONGEST_DIFF));
        diff.push_str("\nthe rest is not shown\n");
    }
}

fn snapshot_failure(name: &str, error: &io::Error) -> Raise {
    Failure::raise(ErrorKind::Failed, format!("`{name}` in the directory of the agent cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn what_changed_is_a_patch_and_a_diff() {
        let dir = TempDir::new();
        let root = dir.path().join("repo");
        fs::create_dir_all(root.join(".git")).unwrap();
        for (name, text) in [("a.txt", "one\ntwo\n"), ("gone.txt", "x\n"), ("same.txt", "same"), (".git/config", "a")] {
            fs::write(root.join(name), text).unwrap();
        }
        fs::write(root.join(".gitignore"), "target/\n").unwrap();
        let before = Snapshot::take(&root).unwrap();
        fs::write(root.join("a.txt"), "one\n2\n").unwrap();
        fs::remove_file(root.join("gone.txt")).unwrap();
        fs::write(root.join("new.bin"), [0xff, 0xfe]).unwrap();
        fs::write(root.join(".git/config"), "b").unwrap();
        fs::create_dir(root.join("target")).unwrap();
        fs::write(root.join("target/out"), "ignored").unwrap();
        let changes = before.changes(Some("repo".to_owned())).unwrap();
        let paths: Vec<&str> = changes.patch.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["a.txt", "gone.txt", "new.bin"]);
        assert!(
            changes.diff.contains("--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"),
            "{}",
            changes.diff
        );
        assert!(changes.diff.contains("--- a/gone.txt\n+++ /dev/null\n"), "{}", changes.diff);
        assert!(changes.diff.contains("--- /dev/null\n+++ b/new.bin\nthe content is not shown"), "{}", changes.diff);
    }
}
