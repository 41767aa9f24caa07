//! Merges the change of a copy with what has become of the folder meanwhile, file by file.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use super::{Change, Content, Entry, Kind, Result, Tree, TreeError, capture::as_text, check_path, files};

/// A file that is to be written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) path: PathBuf,
    /// What it is now.
    pub(super) now: Option<Entry>,
    /// What it shall be.
    pub(super) new: Option<Content>,
}

/// Whether the target of a link is outside of the folder that the link is in: whoever writes to it later writes there.
pub(super) fn leads_out(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

/// The larger of the files that are compared outside.
const MAX_OUTSIDE: u64 = 1 << 30;

impl Tree {
    /// What has to be done to a folder so that the changes are in it. `now` gives the content of a file there.
    ///
    /// # Errors
    /// `Conflict` with the files that were changed on both sides in ways that do not go together.
    pub(super) fn merge(
        &self,
        changes: &[Change],
        now: impl Fn(&Path) -> Result<Option<Content>>,
    ) -> Result<Vec<Step>> {
        let (mut steps, mut conflicts) = (Vec::new(), Vec::new());
        for change in changes {
            let path = check_path(&change.path)?;
            if let Some(Content { kind: Kind::Link, bytes }) = &change.after
                && leads_out(&path, Path::new(OsStr::from_bytes(bytes)))
            {
                let target = String::from_utf8_lossy(bytes);
                let message =
                    format!("`{}` is a new link to `{target}`, which is outside of the workspace", change.path);
                return Err(TreeError::Denied(message));
            }
            let theirs = now(&path)?;
            let entry = |content: &Content| Entry::of(content.kind, &content.bytes);
            let (current, after) = (theirs.as_ref().map(entry), change.after.as_ref().map(entry));
            if current == after {
                continue;
            }
            let new = match current == change.before {
                true => Some(change.after.clone()),
                false => self.merge_file(&path, change, theirs)?,
            };
            match new {
                Some(new) if new.as_ref().map(entry) == current => {}
                Some(new) => steps.push(Step { path, now: current, new }),
                None => conflicts.push(change.path.clone()),
            }
        }
        match conflicts.is_empty() {
            true => Ok(steps),
            false => Err(TreeError::Conflict(conflicts)),
        }
    }

    /// A file with the changes of both sides; `None` when they do not go together.
    fn merge_file(&self, path: &Path, change: &Change, theirs: Option<Content>) -> Result<Option<Option<Content>>> {
        let (Some(first), Some(ours), Some(theirs)) = (self.first_content(path)?, &change.after, theirs) else {
            return Ok(None);
        };
        if [first.kind, ours.kind, theirs.kind].contains(&Kind::Link) {
            return Ok(None);
        }
        let kind = if ours.kind == first.kind { theirs.kind } else { ours.kind };
        let bytes = if ours.bytes == first.bytes {
            theirs.bytes
        } else {
            let (Some(a), Some(b), Some(c)) = (as_text(&first), as_text(&theirs), as_text(ours)) else {
                return Ok(None);
            };
            match diffy::merge(a, b, c) {
                Ok(merged) => merged.into_bytes(),
                Err(_) => return Ok(None),
            }
        };
        Ok(Some(Some(Content { kind, bytes })))
    }

    /// What has to be done to the files of a folder. What does not go together file by file is given to git, which
    /// follows renamed files.
    pub(super) fn plan(&self, changes: &[Change], folder: &Path) -> Result<Vec<Step>> {
        match self.plan_file_by_file(changes, folder) {
            Err(TreeError::Conflict(files)) => self.merge_by_git(changes, folder)?.ok_or(TreeError::Conflict(files)),
            other => other,
        }
    }

    pub(super) fn plan_file_by_file(&self, changes: &[Change], folder: &Path) -> Result<Vec<Step>> {
        // Links that the change itself removes are in nobody's way; others are.
        let removed: Vec<PathBuf> =
            changes.iter().filter(|change| change.after.is_none()).map(|change| PathBuf::from(&change.path)).collect();
        self.merge(changes, |path| {
            if removed.iter().any(|gone| path != gone && path.starts_with(gone)) {
                return Ok(None);
            }
            files::read_content(&files::locate_within(folder, path)?, MAX_OUTSIDE)
        })
    }
}
