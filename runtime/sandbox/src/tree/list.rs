//! What is copied of a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use super::{
    Result, TreeError, error_at, is_git,
    manifest::kind_of,
    open::{is_inside_copy, thread_ended},
    repository::Repository,
    spare::with_outer,
};

/// What is copied.
#[derive(Default)]
pub(super) struct List {
    /// Files and links, sorted by their paths.
    pub(super) files: Vec<Original>,
    /// Folders without files.
    pub(super) folders: Vec<PathBuf>,
    /// What is not copied, in words.
    pub(super) notes: Vec<String>,
}

/// A file or link that is copied.
pub(super) struct Original {
    pub(super) path: PathBuf,
    pub(super) meta: fs::Metadata,
}

impl List {
    /// Looks for everything that is copied of a folder.
    pub(super) fn of(source: &Path, repository: Option<&Repository>) -> Result<Self> {
        let mut list = Self::default();
        let mut names = match repository {
            Some(repository) => repository.list_names(source)?,
            None => list.walk_folder(source, is_inside_copy(source))?,
        };
        names.retain(|path| !path.starts_with(".cascade"));
        names.sort_unstable();
        names.dedup();
        leave_out_what_is_behind_files(&mut names);
        let folders = list.look_at(source, names)?;
        // Submodules, and repositories that are not part of this one.
        let mut nested = Vec::new();
        for folder in folders.into_iter().filter(|_| repository.is_some()) {
            list.walk_nested(source, &folder, &mut nested);
        }
        if !nested.is_empty() {
            list.look_at(source, nested)?;
            list.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            list.files.dedup_by(|a, b| a.path == b.path);
        }
        Ok(list)
    }

    /// Everything in a folder. Repositories in it come without their own folders, unless it is a copy itself: then its
    /// git is only asked inside.
    fn walk_folder(&mut self, source: &Path, with_git: bool) -> Result<Vec<PathBuf>> {
        let (mut names, mut waiting) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(folder) = waiting.pop() {
            let here = source.join(&folder);
            let mut is_empty = true;
            for entry in fs::read_dir(&here).map_err(error_at(&here))? {
                let entry = entry.map_err(error_at(&here))?;
                is_empty = false;
                let path = folder.join(entry.file_name());
                if (is_git(&entry.file_name()) && !with_git) || path == Path::new(".cascade") {
                    continue;
                }
                match entry.file_type().map_err(error_at(&entry.path()))?.is_dir() {
                    true => waiting.push(path),
                    false => names.push(path),
                }
            }
            if is_empty && !folder.as_os_str().is_empty() {
                self.folders.push(folder);
            }
        }
        Ok(names)
    }

    /// What is not ignored of a repository in a repository. Git is not asked: its configuration is not this one's.
    fn walk_nested(&mut self, source: &Path, nested: &Path, names: &mut Vec<PathBuf>) {
        for entry in super::capture::new_walker(&source.join(nested), true) {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| !kind.is_dir()) => {
                    names.extend(entry.path().strip_prefix(source).map(Path::to_owned));
                }
                Ok(_) => {}
                Err(error) => self.notes.push(format!("not copied: {error}")),
            }
        }
    }

    /// Adds the files of these names. What is gone is left out: git knows it, and it was removed. Gives the folders.
    fn look_at(&mut self, source: &Path, names: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
        let looks = on_threads(&names, |_, names| {
            let look = |name: &PathBuf| match fs::symlink_metadata(source.join(name)) {
                Ok(meta) => Ok(Some(meta)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    Ok(None)
                }
                Err(error) => Err(TreeError::Io(source.join(name), error)),
            };
            names.iter().map(look).collect::<Result<Vec<_>>>()
        })?;
        let mut folders = Vec::new();
        for (path, meta) in names.into_iter().zip(looks.into_iter().flatten()) {
            match meta {
                None => {}
                Some(meta) if kind_of(&meta).is_some() => self.files.push(Original { path, meta }),
                Some(meta) if meta.is_dir() => folders.push(path),
                Some(_) => {
                    self.notes.push(format!("`{}` is neither file nor folder and was not copied", path.display()));
                }
            }
        }
        Ok(folders)
    }
}

/// Git lists the files of a folder also when a file or a link has taken the place of the folder.
fn leave_out_what_is_behind_files(names: &mut Vec<PathBuf>) {
    let folders = with_outer(names.iter().filter_map(|file| file.parent()));
    let instead: Vec<PathBuf> = names.iter().filter(|path| folders.contains(path.as_path())).cloned().collect();
    if !instead.is_empty() {
        // The list is sorted: what is behind a file follows it.
        names.retain(|path| {
            !path.ancestors().skip(1).any(|outer| instead.binary_search_by(|f| f.as_path().cmp(outer)).is_ok())
        });
    }
}

/// Does something with the parts of a list on several threads; gives the results in the order of the parts.
pub(super) fn on_threads<T: Sync, R: Send>(list: &[T], work: impl Fn(u32, &[T]) -> Result<R> + Sync) -> Result<Vec<R>> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8).min(list.len() / 64 + 1);
    let part = list.len().div_ceil(threads).max(1);
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> =
            list.chunks(part).zip(0..).map(|(part, index)| scope.spawn(move || work(index, part))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(thread_ended()))).collect()
    })
}
