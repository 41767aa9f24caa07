//! What commands have changed in a copy.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use ignore::{Walk, WalkBuilder};

use super::{
    Change, Content, Entry, Kind, Result, Tree, TreeError, check_path, error_at, files, is_git,
    manifest::{Listed, Look, Seen, kind_of},
};

/// The largest file whose change is kept, in bytes, and the largest sum of them.
pub const MAX_FILE: u64 = 64 << 20;
const MAX_SUM: u64 = 256 << 20;

/// The files of a folder that git would not ignore (`ignores`), or all of them. Nothing of git is executed: the rules
/// are read as text. The folders of repositories are left out, and so is the state of Cascade.
pub(super) fn new_walker(folder: &Path, ignores: bool) -> Walk {
    let mut walk = WalkBuilder::new(folder);
    let root = folder.to_owned();
    walk.standard_filters(false)
        .git_ignore(ignores)
        .git_global(ignores)
        .git_exclude(ignores)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let is_state = entry.file_name() == ".cascade" && entry.path().parent() == Some(&root);
            !is_state && !is_git(entry.file_name())
        });
    walk.build()
}

impl Tree {
    /// What has changed since the last call, or since the copy was opened. No command may run in it meanwhile.
    ///
    /// # Errors
    /// When a file cannot be read, its name is no text, or the change is too large to be kept. Then the next call
    /// tells the same changes again.
    pub fn changes(&mut self) -> Result<Vec<Change>> {
        let work = self.work();
        let (mut found, mut changes, mut looks, mut sum) = (HashSet::new(), Vec::new(), Vec::new(), 0u64);
        if let Some(different) = self.look_quickly() {
            for path in different {
                self.compare(&path, &work.join(&path), &mut changes, &mut looks, &mut sum)?;
            }
            return Ok(self.take_over(changes, looks));
        }
        let mut folders = Seen::new();
        for entry in new_walker(&work, self.ignores) {
            let entry = entry.map_err(|error| TreeError::Io(work.clone(), std::io::Error::other(error)))?;
            let Ok(path) = entry.path().strip_prefix(&work) else { continue };
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                folders.insert(
                    path.to_owned(),
                    Look::of(&fs::symlink_metadata(entry.path()).map_err(error_at(entry.path()))?),
                );
                continue;
            }
            self.compare(path, entry.path(), &mut changes, &mut looks, &mut sum)?;
            found.insert(path.to_owned());
        }
        // What was there before counts even if it is ignored by now.
        let rest: Vec<PathBuf> = self.current.keys().filter(|path| !found.contains(*path)).cloned().collect();
        for path in rest {
            let is_there = files::locate_within(&work, &path)
                .is_ok_and(|file| fs::symlink_metadata(&file).is_ok_and(|meta| kind_of(&meta).is_some()));
            match is_there {
                true => self.compare(&path, &work.join(&path), &mut changes, &mut looks, &mut sum)?,
                false => {
                    let before = self.current.get(&path).map(|listed| listed.entry);
                    changes.push(Change { path: text_of(&path)?, before, after: None });
                }
            }
        }
        let changes = self.take_over(changes, looks);
        self.folders = self.look_at_more_folders(folders);
        Ok(changes)
    }

    /// Takes changes over into what is known of the files.
    fn take_over(&mut self, mut changes: Vec<Change>, looks: Vec<(PathBuf, Look)>) -> Vec<Change> {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        for change in &changes {
            self.note(change);
        }
        self.seen.extend(looks);
        self.looked = Instant::now();
        changes
    }

    /// The files that look different, if no folder does and no rule of what is ignored: then no file is new, and none is
    /// gone. Walking through all folders takes ten times as long.
    fn look_quickly(&self) -> Option<Vec<PathBuf>> {
        let work = self.work();
        let look = |path: &Path| fs::symlink_metadata(work.join(path)).ok().map(|meta| Look::of(&meta));
        let folders = self.folders.as_ref()?;
        if folders.iter().any(|(path, before)| look(path).as_ref() != Some(before)) {
            return None;
        }
        let mut different = Vec::new();
        for path in self.current.keys() {
            let now = look(path)?;
            if self.seen.get(path) == Some(&now) {
                continue;
            }
            if path.ends_with(".gitignore") {
                return None;
            }
            different.push(path.clone());
        }
        Some(different)
    }

    /// Adds the folders of files that are known although they are ignored, and the rules of the repository.
    fn look_at_more_folders(&self, mut folders: Seen) -> Option<Seen> {
        let work = self.work();
        let rules = Path::new(".git/info/exclude");
        let parents = self.current.keys().filter_map(|path| path.parent());
        let rules = (self.ignores && work.join(rules).exists()).then_some(rules);
        for path in parents.chain(rules) {
            if !folders.contains_key(path) {
                let meta = fs::symlink_metadata(work.join(path)).ok()?;
                folders.insert(path.to_owned(), Look::of(&meta));
            }
        }
        Some(folders)
    }

    /// Repositories that were made in the copy, which are left behind: the folder of a repository is no part of a
    /// change.
    pub fn find_nested_repositories(&self) -> Vec<String> {
        let work = self.work();
        let mut found = Vec::new();
        let mut waiting = vec![work.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if is_git(&entry.file_name()) {
                    if folder != work {
                        found.push(path.strip_prefix(&work).unwrap_or(&path).display().to_string());
                    }
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    waiting.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Compares a file with what it was.
    fn compare(
        &self,
        path: &Path,
        file: &Path,
        changes: &mut Vec<Change>,
        looks: &mut Vec<(PathBuf, Look)>,
        sum: &mut u64,
    ) -> Result<()> {
        let meta = fs::symlink_metadata(file).map_err(error_at(file))?;
        let Some(kind) = kind_of(&meta) else { return Ok(()) };
        if kind == Kind::Link && self.is_link_to_packages(path, file) {
            return Ok(());
        }
        let look = Look::of(&meta);
        if self.seen.get(path) == Some(&look) {
            return Ok(());
        }
        let before = self.current.get(path).map(|listed| listed.entry);
        let Some(content) = files::read_content(file, MAX_FILE)? else { return Ok(()) };
        let now = Entry::of(kind, &content.bytes);
        looks.push((path.to_owned(), look));
        if before == Some(now) {
            return Ok(());
        }
        *sum += content.bytes.len() as u64;
        if *sum > MAX_SUM {
            return Err(TreeError::TooLarge(format!("the change is larger than {} MiB", MAX_SUM >> 20)));
        }
        changes.push(Change { path: text_of(path)?, before, after: Some(Content { kind, bytes: content.bytes }) });
        Ok(())
    }

    /// Takes a change over into what is known of the files.
    fn note(&mut self, change: &Change) {
        let path = PathBuf::from(&change.path);
        match &change.after {
            Some(content) => {
                let entry = Entry::of(content.kind, &content.bytes);
                // Its first content is where it was, if this is that content again.
                let kept = self.base.get(&path).filter(|first| first.entry == entry).and_then(|first| first.kept);
                self.current.insert(path, Listed { entry, kept });
            }
            None => {
                self.seen.remove(&path);
                self.current.remove(&path);
            }
        }
    }

    /// Makes a change that was made in another copy of the same folder.
    ///
    /// # Errors
    /// `Conflict` when a file is neither as it was before the change nor as it was after it: then none is touched.
    pub fn restore(&mut self, changes: &[Change]) -> Result<()> {
        let mut conflicts = Vec::new();
        for change in changes {
            let path = check_path(&change.path)?;
            let now = self.current.get(&path).map(|listed| listed.entry.hash);
            let after = change.after.as_ref().map(|content| Entry::of(content.kind, &content.bytes).hash);
            // A record does not say of what kind the file was before.
            if now != change.before.map(|entry| entry.hash) && now != after {
                conflicts.push(change.path.clone());
            }
        }
        if !conflicts.is_empty() {
            return Err(TreeError::Conflict(conflicts));
        }
        let work = self.work();
        (self.folders, self.looked) = (None, Instant::now());
        // What is removed makes room.
        let (removed, written): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.after.is_none());
        for change in removed.into_iter().chain(written) {
            let path = check_path(&change.path)?;
            let file = match &change.after {
                None => files::locate_within(&work, &path)?,
                Some(_) => files::clear_way(&work, &path)?,
            };
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(TreeError::Io(file, error)),
                _ => {}
            }
            match &change.after {
                Some(content) => files::create_file(&file, content, files::mode_of(content.kind))?,
                None => files::remove_empty_folders(&work, &path),
            }
            self.seen.remove(&path);
            self.note(change);
        }
        Ok(())
    }

    /// Everything that has changed since the copy was opened, as it was when [`Tree::changes`] was called last.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn all_changes(&self) -> Result<Vec<Change>> {
        let work = self.work();
        let mut paths: Vec<&PathBuf> = self.base.keys().chain(self.current.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut changes = Vec::new();
        for path in paths {
            let (before, now) = (self.base.get(path), self.current.get(path));
            if before.map(|listed| listed.entry) == now.map(|listed| listed.entry) {
                continue;
            }
            let after = match now {
                Some(_) => {
                    Some(files::read_content(&files::locate_within(&work, path)?, MAX_FILE)?.ok_or_else(|| {
                        TreeError::Denied(format!("`{}` was changed while nothing ran in the copy", path.display()))
                    })?)
                }
                None => None,
            };
            changes.push(Change { path: text_of(path)?, before: before.map(|listed| listed.entry), after });
        }
        Ok(changes)
    }

    /// The first content of a file, and its kind.
    pub(super) fn first_content(&self, path: &Path) -> Result<Option<Content>> {
        match self.base.get(path) {
            Some(listed) => Ok(Some(Content { kind: listed.entry.kind, bytes: self.content_of(path, *listed)? })),
            None => Ok(None),
        }
    }
}

/// A path as it is recorded.
fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        TreeError::Denied(format!("the name of `{}` is no UTF-8, and its change cannot be kept", path.display()))
    })?;
    check_path(text).map(|_| text.to_owned())
}

/// Whether content is text, as far as merging and showing it is concerned.
pub(super) fn as_text(content: &Content) -> Option<&str> {
    if content.kind == Kind::Link || content.bytes.contains(&0) {
        return None;
    }
    std::str::from_utf8(&content.bytes).ok()
}
