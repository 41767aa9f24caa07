//! Makes the private copy of a folder.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    thread,
    time::{Instant, SystemTime},
};

use super::{
    Content, Entry, Kind, Result, Tree, TreeError,
    dependencies::{self, Link},
    error_at, files,
    list::{List, Original, on_threads},
    manifest::{self, Kept, Listed, Look, Manifest, Seen, kind_of},
    repository::Repository,
    spare::{self, Spare},
};

/// Opens the private copy of `source` in the folder `root`. A copy that is there from an earlier process is brought
/// back to what it was when it was opened; what is ignored in it stays. Where one was kept in `spares`
/// ([`Tree::keep_as_spare`]), what is still the same is taken from it.
///
/// # Errors
/// When something cannot be read, written, or asked of git.
pub fn open_tree(source: &Path, root: &Path, spares: Option<&Path>) -> Result<Tree> {
    let source = source.canonicalize().map_err(error_at(source))?;
    let repository = Repository::of(&source)?;
    let mut readable = repository.as_ref().map(Repository::object_folders).unwrap_or_default();
    let mut find_links = |files: &mut dyn Iterator<Item = &Path>| {
        let links = if repository.is_some() { dependencies::find_package_folders(&source, files) } else { Vec::new() };
        readable.extend(links.iter().map(|link| link.target.clone()));
        links
    };
    if let Some((base, ignores, before)) = manifest::load_manifest(&root.join("base"))?
        && before == source
    {
        let links = find_links(&mut base.keys().map(PathBuf::as_path));
        let current = base.clone();
        let root = root.to_owned();
        let (seen, origins, folders, looked, notes) = (Seen::new(), Vec::new(), None, Instant::now(), Vec::new());
        let mut tree =
            Tree { root, source, ignores, base, current, seen, origins, folders, looked, notes, readable, links };
        tree.reset()?;
        dependencies::make_links(&tree.work(), &tree.links)?;
        return Ok(tree);
    }
    let ignores = repository.is_some();
    remove_all(root)?;
    // A copy of a copy is not asked for again.
    let spares = spares.filter(|_| !is_inside_copy(&source));
    let (list, spare) = thread::scope(|scope| {
        let spare = spares.map(|spares| scope.spawn(|| spare::take_spare(&source, ignores, root, spares)));
        let list = List::of(&source, repository.as_ref());
        // Without a kept copy there is a new one.
        (list, spare.and_then(|taken| taken.join().ok().flatten()))
    });
    let mut list = list?;
    let links = find_links(&mut list.files.iter().map(|file| file.path.as_path()));
    let repository = repository.filter(|repository| repository.top == source);
    let fill = |spare: Option<&Spare>| fill_tree(&source, root, &list, repository.as_ref(), spare, &links);
    let filled = match &spare {
        // What goes wrong with it goes wrong with a new one, too, or does not matter.
        Some(spare) => fill(Some(spare)).or_else(|_| remove_all(root).and_then(|()| fill(None))),
        None => fill(None),
    };
    let Filled { base, seen, origins } = filled?;
    manifest::save_manifest(&base, ignores, &source, root)?;
    let current = base.clone();
    let (root, folders, looked, notes) = (root.to_owned(), None, Instant::now(), std::mem::take(&mut list.notes));
    Ok(Tree { root, source, ignores, base, current, seen, origins, folders, looked, notes, readable, links })
}

fn remove_all(root: &Path) -> Result<()> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(TreeError::Io(root.to_owned(), error)),
        _ => Ok(()),
    }
}

/// What was copied; see the fields of [`Tree`].
struct Filled {
    base: Manifest,
    seen: Seen,
    origins: Vec<Option<Look>>,
}

/// Makes the files of a copy, of which some may be there.
fn fill_tree(
    source: &Path,
    root: &Path,
    list: &List,
    repository: Option<&Repository>,
    spare: Option<&Spare>,
    links: &[Link],
) -> Result<Filled> {
    let work = root.join("work");
    let files = || list.files.iter().map(|file| file.path.as_path());
    let folders = files().filter_map(Path::parent).chain(list.folders.iter().map(PathBuf::as_path));
    let folders = spare::with_outer(folders);
    match spare {
        Some(_) => spare::clear_others(&work, &files().map(Path::as_os_str).collect(), &folders)?,
        None => fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(error_at(root))?,
    }
    thread::scope(|scope| {
        make_folder(&work)?;
        // Git is asked while files are copied.
        let clone = repository.map(|repository| {
            scope.spawn(|| repository.write_clone(&work.join(".git"), &dependencies::write_ignore_rules(links)))
        });
        let mut folders: Vec<&Path> = folders.into_iter().collect();
        folders.sort_unstable();
        folders.into_iter().try_for_each(|folder| make_folder(&work.join(folder)))?;
        let filled = copy_files(source, root, &list.files, spare)?;
        dependencies::make_links(&work, links)?;
        if let Some(written) = clone.map(thread::ScopedJoinHandle::join) {
            written.unwrap_or_else(|_| Err(thread_ended()))?;
        }
        Ok(filled)
    })
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir(path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(TreeError::Io(path.to_owned(), error)),
    })
}

/// Whether a folder is itself in a private copy, where git must not be asked anything.
pub(super) fn is_inside_copy(source: &Path) -> bool {
    source.ancestors().any(|folder| {
        folder.file_name().is_some_and(|name| name == "work")
            && folder.parent().is_some_and(|root| root.join("base").is_file())
    })
}

/// Copies files on several threads; the contents are kept in packs, too.
fn copy_files(source: &Path, root: &Path, list: &[Original], spare: Option<&Spare>) -> Result<Filled> {
    let first = spare.map_or(0, |spare| spare.next_pack);
    let copied = on_threads(list, |index, files| copy_part(source, root, files, first + index, spare))?;
    let mut origins = Vec::with_capacity(list.len());
    let mut seen = Seen::with_capacity(list.len());
    let copied = copied.into_iter().flatten().map(|Copied { path, listed, copy, origin }| {
        origins.push(origin);
        seen.insert(path.clone(), copy);
        (path, listed)
    });
    let base = copied.collect();
    Ok(Filled { base, seen, origins })
}

pub(super) fn thread_ended() -> TreeError {
    TreeError::Denied("a thread that copied files ended".to_owned())
}

struct Copied {
    path: PathBuf,
    listed: Listed,
    copy: Look,
    /// How its original looked, if that tells whether it has changed.
    origin: Option<Look>,
}

fn copy_part(source: &Path, root: &Path, list: &[Original], pack: u32, spare: Option<&Spare>) -> Result<Vec<Copied>> {
    let (work, now) = (root.join("work"), SystemTime::now());
    let (mut keeper, mut copied, mut buffer) = (Keeper::new(root, pack), Vec::with_capacity(list.len()), Vec::new());
    for Original { path, meta } in list {
        let Some(kind) = kind_of(meta) else { continue };
        let (to, origin) = (work.join(path), Look::of(meta));
        if let Some((listed, copy)) = spare.and_then(|spare| spare.find(path, origin, &to)) {
            copied.push(Copied { path: path.clone(), listed, copy, origin: Some(origin) });
            continue;
        }
        if spare.is_some()
            && let Err(error) = fs::remove_file(&to)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(TreeError::Io(to, error));
        }
        let from = source.join(path);
        buffer.clear();
        match read_original(&from, kind, &mut buffer) {
            // Removed by the user just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(error_at(&from))?,
        }
        let copy = write_copy(&to, kind, &buffer, meta).map_err(error_at(&to))?;
        let listed = Listed { entry: Entry::of(kind, &buffer), kept: Some(keeper.keep(&buffer)?) };
        let origin = origin.is_settled(now).then_some(origin);
        copied.push(Copied { path: path.clone(), listed, copy: Look::of(&copy), origin });
    }
    keeper.finish()?;
    Ok(copied)
}

/// The content of a file, or the target of a link.
fn read_original(from: &Path, kind: Kind, buffer: &mut Vec<u8>) -> io::Result<()> {
    match kind {
        Kind::Link => buffer.extend_from_slice(fs::read_link(from)?.as_os_str().as_bytes()),
        Kind::File | Kind::Executable => {
            io::Read::read_to_end(&mut files::open_file(from)?, buffer)?;
        }
    }
    Ok(())
}

/// Writes contents into a pack, which is made when there is one to write.
struct Keeper {
    path: PathBuf,
    pack: u32,
    file: Option<BufWriter<File>>,
    offset: u64,
}

impl Keeper {
    fn new(root: &Path, pack: u32) -> Self {
        Self { path: manifest::pack_path(root, pack), pack, file: None, offset: 0 }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Kept> {
        let kept = Kept { pack: self.pack, offset: self.offset, length: bytes.len() as u64 };
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = File::create(&self.path).map_err(error_at(&self.path))?;
                self.file.insert(BufWriter::with_capacity(256 * 1024, file))
            }
        };
        file.write_all(bytes).map_err(error_at(&self.path))?;
        self.offset += kept.length;
        Ok(kept)
    }

    fn finish(self) -> Result<()> {
        match self.file {
            Some(mut file) => file.flush().map_err(error_at(&self.path)),
            None => Ok(()),
        }
    }
}

/// Writes a copy with the mode and the time of its original.
fn write_copy(to: &Path, kind: Kind, bytes: &[u8], original: &fs::Metadata) -> io::Result<fs::Metadata> {
    if kind == Kind::Link {
        std::os::unix::fs::symlink(OsStr::from_bytes(bytes), to)?;
        return fs::symlink_metadata(to);
    }
    let mode = original.mode() & 0o777 | 0o600;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(to)?;
    file.write_all(bytes)?;
    if file.metadata()?.mode() & 0o777 != mode {
        fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    }
    file.set_times(fs::FileTimes::new().set_modified(original.modified()?))?;
    file.metadata()
}

impl Tree {
    /// Makes the files what the last look at them should have found: of a copy that another process left.
    fn reset(&mut self) -> Result<()> {
        let work = self.work();
        let expected = self.base.clone();
        // What is ignored is decided by the rules as they were.
        for (path, listed) in expected.iter().filter(|(path, _)| path.ends_with(".gitignore")) {
            let file = files::clear_way(&work, path)?;
            fs::remove_file(&file).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(TreeError::Io(file.clone(), error)),
            })?;
            self.put_first_content(path, *listed)?;
        }
        for entry in super::capture::new_walker(&work, self.ignores) {
            let entry = entry.map_err(|error| TreeError::Io(work.clone(), io::Error::other(error)))?;
            let Ok(path) = entry.path().strip_prefix(&work) else { continue };
            if entry.file_type().is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            if self.is_link_to_packages(path, entry.path()) {
                continue;
            }
            let found =
                files::read_content(entry.path(), u64::MAX)?.map(|content| Entry::of(content.kind, &content.bytes));
            if found.is_none() || found != expected.get(path).map(|listed| listed.entry) {
                fs::remove_file(entry.path()).map_err(error_at(entry.path()))?;
                files::remove_empty_folders(&work, path);
            }
        }
        for (path, listed) in &expected {
            self.put_first_content(path, *listed)?;
        }
        self.current = expected;
        Ok(())
    }

    /// Writes a file as it was at first, if there is none.
    fn put_first_content(&self, path: &Path, listed: Listed) -> Result<()> {
        let file = files::clear_way(&self.work(), path)?;
        if fs::symlink_metadata(&file).is_ok() {
            return Ok(());
        }
        let content = Content { kind: listed.entry.kind, bytes: self.content_of(path, listed)? };
        files::create_file(&file, &content, files::mode_of(content.kind))
    }

    /// The first content of a file.
    pub(super) fn content_of(&self, path: &Path, listed: Listed) -> Result<Vec<u8>> {
        match listed.kept {
            Some(kept) => manifest::read_kept(&self.root, kept),
            None => Err(TreeError::Denied(format!("the first content of `{}` is not kept", path.display()))),
        }
    }
}
