//! Applies a change to the folder of the user: all of it or nothing, also when the process is killed meanwhile.
//!
//! Everything new is written beside the files first, in `.cascade` of the folder. When it is on the disk, a file
//! `commit` there says what is to be renamed to where: from then on the change is made, by this process or by the next
//! one that calls [`recover_applies`].

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Change, Content, Entry, Kind, Result, Tree, TreeError, error_at, files, merge::Step};

/// How an application ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// These files were written or removed.
    Now(Vec<String>),
    /// It was done by an earlier process.
    Before,
}

/// The journal of an application.
#[derive(Debug, Serialize, Deserialize)]
struct Commit {
    steps: Vec<Written>,
}

/// A step of it.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    path: String,
    /// What the file was when the application was planned.
    now: Option<Entry>,
    /// What it shall be; `None`: it is removed.
    new: Option<Entry>,
}

/// Applies changes to the folder that the copy was made of. `id` names the application: it is not repeated.
///
/// # Errors
/// `Conflict` when the user has changed the same places meanwhile: then nothing is touched. Others when a file cannot
/// be written.
pub fn apply_changes(tree: &Tree, changes: &[Change], id: &str) -> Result<Applied> {
    let folder = tree.source();
    let journal = Journal::of(folder, id);
    let _turn = journal.lock()?;
    if journal.is_done() {
        return Ok(Applied::Before);
    }
    if journal.finish()? {
        return Ok(Applied::Before);
    }
    let steps = tree.plan(changes, folder)?;
    journal.write(&steps)?;
    journal.finish()?;
    Ok(Applied::Now(steps.iter().map(|step| step.path.to_string_lossy().into_owned()).collect()))
}

/// Finishes applications to a folder that an earlier process was interrupted in: what was decided is done, what was not
/// is undone. Gives how many were finished.
///
/// # Errors
/// `Conflict` when a file was changed since, with the names; what is new stays in `.cascade` of the folder.
pub fn recover_applies(folder: &Path) -> Result<usize> {
    let state = folder.join(".cascade");
    let mut finished = 0;
    for entry in fs::read_dir(&state).into_iter().flatten().flatten() {
        if let Some(id) = entry.file_name().to_str().and_then(|name| name.strip_prefix("apply-")) {
            let journal = Journal::of(folder, id);
            let _turn = journal.lock()?;
            finished += usize::from(journal.finish()?);
        }
    }
    Ok(finished)
}

/// Forgets that an application was made: it will not be asked for again.
///
/// # Errors
/// When the file that says so cannot be removed.
pub fn forget_apply(folder: &Path, id: &str) -> Result<()> {
    let Journal { state, .. } = &Journal::of(folder, id);
    let done = Journal::of(folder, id).done();
    match fs::remove_file(&done) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TreeError::Io(done, error)),
        Ok(()) => {}
    }
    // Of a folder that was made for it, nothing is left.
    let ignore = state.join(".gitignore");
    let is_alone = fs::read_dir(state).is_ok_and(|entries| entries.flatten().all(|entry| entry.path() == ignore));
    if is_alone && fs::read(&ignore).is_ok_and(|text| text == b"*\n") {
        fs::remove_file(&ignore).and_then(|()| fs::remove_dir(state)).map_err(error_at(state))?;
    }
    Ok(())
}

/// Where an application is prepared.
struct Journal {
    target: PathBuf,
    state: PathBuf,
    folder: PathBuf,
    id: String,
}

impl Journal {
    fn of(target: &Path, id: &str) -> Self {
        let state = target.join(".cascade");
        Self { target: target.to_owned(), folder: state.join(format!("apply-{id}")), state, id: id.to_owned() }
    }

    /// Waits until no other process applies something to the folder.
    fn lock(&self) -> Result<File> {
        // The folder itself is locked, so that no file is left behind.
        let lock = || {
            let folder = File::open(&self.target)?;
            folder.lock()?;
            Ok(folder)
        };
        lock().map_err(error_at(&self.target))
    }

    fn done(&self) -> PathBuf {
        self.state.join(format!("applied-{}", self.id))
    }

    fn is_done(&self) -> bool {
        self.done().exists()
    }

    fn staged(&self, index: usize) -> PathBuf {
        self.folder.join(index.to_string())
    }

    fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(TreeError::Io(self.folder.clone(), error)),
            _ => Ok(()),
        }
    }

    /// Writes everything that is new, and then the decision.
    fn write(&self, steps: &[Step]) -> Result<()> {
        self.clear()?;
        let is_new = !self.state.exists();
        fs::create_dir_all(&self.folder).map_err(error_at(&self.folder))?;
        if is_new {
            let ignore = self.state.join(".gitignore");
            fs::write(&ignore, "*\n").map_err(error_at(&ignore))?;
        }
        let mut written = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            if let Some(content) = &step.new {
                let mode = mode_for(&self.target.join(&step.path), content);
                files::create_file(&self.staged(index), content, mode)?;
            }
            written.push(Written {
                path: step.path.to_string_lossy().into_owned(),
                now: step.now,
                new: step.new.as_ref().map(|content| Entry::of(content.kind, &content.bytes)),
            });
        }
        let text = serde_json::to_vec(&Commit { steps: written })
            .map_err(|error| TreeError::Io(self.folder.clone(), io::Error::other(error)))?;
        let (partial, commit) = (self.folder.join("commit.partial"), self.folder.join("commit"));
        let decide = || {
            let mut file = File::create(&partial)?;
            file.write_all(&text)?;
            match steps.len() > MANY {
                // One call for all of them, which also waits for what others have written.
                true => sync_file_system(&file)?,
                false => {
                    file.sync_all()?;
                    let written = (0..steps.len()).filter(|index| steps[*index].new.as_ref().is_some_and(is_file));
                    written.into_iter().try_for_each(|index| File::open(self.staged(index))?.sync_all())?;
                }
            }
            drop(file);
            // What the user changes from here on could be lost; it is looked at once more.
            fs::rename(&partial, &commit)?;
            File::open(&self.folder)?.sync_all()
        };
        self.verify(steps)?;
        decide().map_err(error_at(&commit))
    }

    /// Looks whether the files are still as they were when the steps were planned.
    fn verify(&self, steps: &[Step]) -> Result<()> {
        let mut conflicts = Vec::new();
        for step in steps {
            if self.entry_at(&step.path, steps.iter().map(|step| (step.path.as_path(), step.new.is_none())))?
                != step.now
            {
                conflicts.push(step.path.to_string_lossy().into_owned());
            }
        }
        match conflicts.is_empty() {
            true => Ok(()),
            false => {
                self.clear()?;
                Err(TreeError::Conflict(conflicts))
            }
        }
    }

    /// The file at a path; behind one that is removed there is none.
    fn entry_at<'s>(&self, path: &Path, mut all: impl Iterator<Item = (&'s Path, bool)>) -> Result<Option<Entry>> {
        if all.any(|(gone, removed)| removed && path != gone && path.starts_with(gone)) {
            return Ok(None);
        }
        let file = files::locate_within(&self.target, path)?;
        Ok(files::read_content(&file, u64::MAX)?.map(|content| Entry::of(content.kind, &content.bytes)))
    }

    /// Does what was decided; `false` when nothing was. What was prepared and not decided is removed.
    fn finish(&self) -> Result<bool> {
        let commit = self.folder.join("commit");
        let text = match fs::read(&commit) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.clear()?;
                return Ok(false);
            }
            Err(error) => return Err(TreeError::Io(commit, error)),
        };
        let Commit { steps } =
            serde_json::from_slice(&text).map_err(|error| TreeError::Io(commit.clone(), io::Error::other(error)))?;
        let mut changed = Vec::new();
        let mut folders = BTreeSet::new();
        // What is removed makes room for folders, and the deepest first.
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by_key(|index| (steps[*index].new.is_some(), std::cmp::Reverse(steps[*index].path.clone())));
        for index in order {
            let step = &steps[index];
            let path = super::check_path(&step.path)?;
            let target = files::locate_within(&self.target, &path)?;
            let now = files::read_content(&target, u64::MAX)?.map(|content| Entry::of(content.kind, &content.bytes));
            if now == step.new {
                continue;
            }
            if now != step.now {
                changed.push(step.path.clone());
                continue;
            }
            match step.new {
                Some(_) => {
                    if let Some(folder) = target.parent() {
                        fs::create_dir_all(folder).map_err(error_at(folder))?;
                        folders.insert(folder.to_owned());
                    }
                    fs::rename(self.staged(index), &target).map_err(error_at(&target))?;
                }
                None => {
                    fs::remove_file(&target).map_err(error_at(&target))?;
                    files::remove_empty_folders(&self.target, &path);
                }
            }
        }
        if !changed.is_empty() {
            return Err(TreeError::Conflict(changed));
        }
        for folder in folders {
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(error_at(&folder))?;
        }
        let done = self.done();
        File::create(&done).and_then(|file| file.sync_all()).map_err(error_at(&done))?;
        self.clear()?;
        Ok(true)
    }
}

/// Writes a whole file system to the disk.
fn sync_file_system(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return rustix::fs::syncfs(file).map_err(io::Error::from);
    #[cfg(not(target_os = "linux"))]
    {
        rustix::fs::sync();
        file.sync_all()
    }
}

/// From how many files on the whole file system is written to the disk, not each file.
const MANY: usize = 64;

fn is_file(content: &Content) -> bool {
    content.kind != Kind::Link
}

/// The mode of a file that is written: that of the file it replaces, but for whether it can be executed.
fn mode_for(file: &Path, content: &Content) -> u32 {
    let Ok(meta) = fs::symlink_metadata(file) else { return files::mode_of(content.kind) };
    if !meta.is_file() {
        return files::mode_of(content.kind);
    }
    let mode = meta.permissions().mode() & 0o777;
    match content.kind {
        Kind::Executable if meta.mode() & 0o100 == 0 => mode | ((mode & 0o444) >> 2),
        Kind::File => mode & !0o111,
        _ => mode,
    }
}
