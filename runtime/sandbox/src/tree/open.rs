//! Makes the private copy of a folder.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use sha2::{Digest, Sha256};

use super::{
    Content, Entry, Kind, Result, Tree, TreeError, at, files, is_git,
    manifest::{self, Kept, Listed, Look, Manifest, Seen, kind_of},
};

/// Opens the private copy of `source` in the folder `root`. A copy that is there from an earlier process is brought
/// back to what it was when it was opened; what is ignored in it stays.
///
/// # Errors
/// When something cannot be read, written, or asked of git.
pub fn open(source: &Path, root: &Path) -> Result<Tree> {
    let source = source.canonicalize().map_err(at(source))?;
    let repository = Repository::of(&source)?;
    let readable = repository.as_ref().map(Repository::object_folders).unwrap_or_default();
    if let Some((base, ignores, before)) = manifest::load(root)?
        && before == source
    {
        let current = base.clone();
        let root = root.to_owned();
        let (seen, folders, looked, notes) = (Seen::new(), None, Instant::now(), Vec::new());
        let mut tree = Tree { root, source, ignores, base, current, seen, folders, looked, notes, readable };
        tree.reset()?;
        return Ok(tree);
    }
    if let Err(error) = fs::remove_dir_all(root)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(TreeError::Io(root.to_owned(), error));
    }
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true).mode(0o700).create(root).map_err(at(root))?;
    let work = root.join("work");
    fs::create_dir(&work).map_err(at(&work))?;
    let mut list = match &repository {
        Some(repository) => repository.list_files(&source)?,
        None => list_folder(&source, is_inside_copy(&source))?,
    };
    list.files.retain(|path| !path.starts_with(".cascade"));
    let ignores = repository.is_some();
    let (base, seen) = thread::scope(|scope| {
        // Git is asked while files are copied.
        let clone = repository.filter(|repository| repository.top == source);
        let clone = clone.map(|repository| scope.spawn(move || repository.write_clone(&root.join("work/.git"))));
        make_folders(&work, &list)?;
        let copied = copy_files(&source, root, &list.files, &mut list.notes)?;
        if let Some(written) = clone.map(thread::ScopedJoinHandle::join) {
            written.unwrap_or_else(|_| Err(thread_ended()))?;
        }
        Ok::<_, TreeError>(copied)
    })?;
    manifest::save(&base, ignores, &source, root)?;
    let current = base.clone();
    let (root, folders, looked, notes) = (root.to_owned(), None, Instant::now(), list.notes);
    Ok(Tree { root, source, ignores, base, current, seen, folders, looked, notes, readable })
}

/// Whether a folder is itself in a private copy, where git must not be asked anything.
fn is_inside_copy(source: &Path) -> bool {
    source.ancestors().any(|folder| {
        folder.file_name().is_some_and(|name| name == "work")
            && folder.parent().is_some_and(|root| root.join("base").is_file())
    })
}

/// What is copied.
#[derive(Default)]
struct List {
    files: Vec<PathBuf>,
    /// Folders without files.
    folders: Vec<PathBuf>,
    notes: Vec<String>,
}

impl List {
    fn note(&mut self, path: &Path, what: &str) {
        self.notes.push(format!("`{}` is {what} and was not copied", path.display()));
    }
}

/// Everything in a folder. Repositories in it come without their own folders, unless it is a copy itself: then its git
/// is only asked inside.
fn list_folder(source: &Path, with_git: bool) -> Result<List> {
    let mut list = List::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let here = source.join(&folder);
        let mut is_empty = true;
        for entry in fs::read_dir(&here).map_err(at(&here))? {
            let entry = entry.map_err(at(&here))?;
            is_empty = false;
            let path = folder.join(entry.file_name());
            if (is_git(&entry.file_name()) && !with_git) || path == Path::new(".cascade") {
                continue;
            }
            let meta = entry.metadata().map_err(at(&entry.path()))?;
            match kind_of(&meta) {
                Some(_) => list.files.push(path),
                None if meta.is_dir() => waiting.push(path),
                None => list.note(&path, "neither file nor folder"),
            }
        }
        if is_empty && !folder.as_os_str().is_empty() {
            list.folders.push(folder);
        }
    }
    Ok(list)
}

fn make_folders(work: &Path, list: &List) -> Result<()> {
    let parents = list.files.iter().filter_map(|file| file.parent());
    let folders: BTreeSet<&Path> = parents.chain(list.folders.iter().map(PathBuf::as_path)).collect();
    let mut made = HashSet::new();
    for folder in folders.into_iter().filter(|folder| !folder.as_os_str().is_empty()) {
        if made.insert(folder) {
            let path = work.join(folder);
            fs::create_dir_all(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// Copies files on several threads; the contents are kept in packs, too.
fn copy_files(source: &Path, root: &Path, list: &[PathBuf], notes: &mut Vec<String>) -> Result<(Manifest, Seen)> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8).min(list.len() / 64 + 1);
    let part = list.len().div_ceil(threads).max(1);
    let copied: Vec<Result<Vec<Copied>>> = thread::scope(|scope| {
        let running: Vec<_> = list
            .chunks(part)
            .zip(0u32..)
            .map(|(files, pack)| scope.spawn(move || copy_part(source, root, files, pack)))
            .collect();
        let ended = |thread: thread::ScopedJoinHandle<'_, Result<Vec<Copied>>>| {
            thread.join().unwrap_or_else(|_| Err(thread_ended()))
        };
        running.into_iter().map(ended).collect()
    });
    let (mut base, mut seen) = (Manifest::new(), Seen::new());
    for part in copied {
        for Copied { path, found } in part? {
            match found {
                Some((listed, look)) => {
                    base.insert(path.clone(), listed);
                    seen.insert(path, look);
                }
                None => notes.push(format!("`{}` is neither file nor folder and was not copied", path.display())),
            }
        }
    }
    Ok((base, seen))
}

fn thread_ended() -> TreeError {
    TreeError::Denied("a thread that copied files ended".to_owned())
}

struct Copied {
    path: PathBuf,
    /// `None`: neither a file nor a link.
    found: Option<(Listed, Look)>,
}

fn copy_part(source: &Path, root: &Path, list: &[PathBuf], pack: u32) -> Result<Vec<Copied>> {
    let (work, packed) = (root.join("work"), manifest::pack_path(root, pack));
    let mut keeper = BufWriter::with_capacity(256 * 1024, File::create(&packed).map_err(at(&packed))?);
    let (mut offset, mut copied, mut buffer) = (0, Vec::with_capacity(list.len()), Vec::new());
    for path in list {
        let from = source.join(path);
        let meta = match fs::symlink_metadata(&from) {
            Ok(meta) => meta,
            // Git knows it, and it was removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(TreeError::Io(from, error)),
        };
        let Some(kind) = kind_of(&meta) else {
            copied.push(Copied { path: path.clone(), found: None });
            continue;
        };
        buffer.clear();
        let to = work.join(path);
        let look = match kind {
            Kind::Link => {
                let target = fs::read_link(&from).map_err(at(&from))?;
                buffer.extend_from_slice(target.as_os_str().as_bytes());
                std::os::unix::fs::symlink(&target, &to).map_err(at(&to))?;
                fs::symlink_metadata(&to).map_err(at(&to))?
            }
            Kind::File | Kind::Executable => {
                io::Read::read_to_end(&mut files::open(&from).map_err(at(&from))?, &mut buffer).map_err(at(&from))?;
                write_copy(&to, &buffer, &meta).map_err(at(&to))?
            }
        };
        let kept = Kept { pack, offset, length: buffer.len() as u64 };
        offset += kept.length;
        keeper.write_all(&buffer).map_err(at(&packed))?;
        let entry = Entry { kind, hash: Sha256::digest(&buffer).into() };
        copied.push(Copied { path: path.clone(), found: Some((Listed { entry, kept: Some(kept) }, Look::of(&look))) });
    }
    keeper.flush().map_err(at(&packed))?;
    Ok(copied)
}

/// Writes a copy with the mode and the time of its original.
fn write_copy(to: &Path, bytes: &[u8], original: &fs::Metadata) -> io::Result<fs::Metadata> {
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
        for entry in super::capture::walker(&work, self.ignores) {
            let entry = entry.map_err(|error| TreeError::Io(work.clone(), io::Error::other(error)))?;
            let Ok(path) = entry.path().strip_prefix(&work) else { continue };
            if entry.file_type().is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            let found = files::read(entry.path(), u64::MAX)?.map(|content| Entry::of(content.kind, &content.bytes));
            if found.is_none() || found != expected.get(path).map(|listed| listed.entry) {
                fs::remove_file(entry.path()).map_err(at(entry.path()))?;
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
        files::create(&file, &content, files::mode_of(content.kind))
    }

    /// The first content of a file.
    pub(super) fn content_of(&self, path: &Path, listed: Listed) -> Result<Vec<u8>> {
        match listed.kept {
            Some(kept) => manifest::read_kept(&self.root, kept),
            None => Err(TreeError::Denied(format!("the first content of `{}` is not kept", path.display()))),
        }
    }
}

/// The repository that a folder is in.
pub(super) struct Repository {
    /// The top of its working tree.
    pub(super) top: PathBuf,
    /// The folder of this working tree, and the one that all share.
    folder: PathBuf,
    common: PathBuf,
    format: String,
}

/// Git for the repository of the user, with nothing of the environment that would lead it elsewhere, and without the
/// programs that a configuration may name.
pub(super) fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("GIT_")) {
        git.env_remove(name);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    git
}

/// What git writes.
///
/// # Errors
/// What it says when it fails.
pub(super) fn output_of(git: &mut Command) -> Result<Vec<u8>> {
    let output = git.output().map_err(|error| TreeError::Git(format!("git cannot be started: {error}")))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(TreeError::Git(format!("git failed: {message}")));
    }
    Ok(output.stdout)
}

impl Repository {
    /// The repository of a folder, if it is in one and not in a private copy.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>> {
        if is_inside_copy(folder) || !folder.ancestors().any(|above| above.join(".git").exists()) {
            return Ok(None);
        }
        let questions = ["--show-toplevel", "--git-dir", "--git-common-dir", "--show-object-format"];
        let answer = output_of(git(folder).args(["rev-parse", "--path-format=absolute"]).args(questions))?;
        let answer = String::from_utf8(answer).map_err(|_| TreeError::Git("git's answer is no text".to_owned()))?;
        let mut lines = answer.lines();
        let mut next = || lines.next().ok_or_else(|| TreeError::Git("git's answer is too short".to_owned()));
        let (top, own, common, format) = (next()?, next()?, next()?, next()?.to_owned());
        let top = PathBuf::from(top).canonicalize().map_err(at(Path::new(top)))?;
        Ok(Some(Self { top, folder: own.into(), common: common.into(), format }))
    }

    /// The folders of its objects.
    fn object_folders(&self) -> Vec<PathBuf> {
        let own = self.common.join("objects");
        let mut folders = alternates(&own);
        folders.insert(0, own);
        folders
    }

    /// What is tracked, and what is neither tracked nor ignored.
    fn list_files(&self, source: &Path) -> Result<List> {
        let tracked = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let mut list = List::default();
        let mut known = HashSet::new();
        for name in output_of(git(source).args(tracked))?.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(name));
            if !known.insert(path.clone()) {
                continue;
            }
            // A submodule, or a repository that is not part of this one.
            if fs::symlink_metadata(source.join(&path)).is_ok_and(|meta| meta.is_dir()) {
                walk_nested(source, &path, &mut list);
            } else {
                list.files.push(path);
            }
        }
        Ok(list)
    }

    /// Writes the folder of a repository that shares the objects of this one, and can change none of its files.
    fn write_clone(&self, clone: &Path) -> Result<()> {
        for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "logs"] {
            let folder = clone.join(folder);
            fs::create_dir_all(&folder).map_err(at(&folder))?;
        }
        let write = |name: &str, text: &[u8]| {
            let file = clone.join(name);
            fs::write(&file, text).map_err(at(&file))
        };
        let mut alternates = self.common.join("objects").into_os_string();
        alternates.push("\n");
        write("objects/info/alternates", alternates.as_bytes())?;
        let refs = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", "refs/remotes"];
        let mut packed = b"# pack-refs with: sorted \n".to_vec();
        packed.extend(output_of(git(&self.top).args(refs))?);
        write("packed-refs", &packed)?;
        let version = if self.format == "sha1" { 0 } else { 1 };
        // Times and sizes are those of the originals, so that the copied index holds for the copies.
        let mut config = format!(
            "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n\tcheckStat = minimal\n\
             \ttrustctime = false\n"
        );
        if version == 1 {
            config.push_str(&format!("[extensions]\n\tobjectFormat = {}\n", self.format));
        }
        // Whoever commits inside is the user.
        let known = git(&self.top).args(["config", "--get-regexp", r"^user\.(name|email)$"]).output();
        let known = known.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        for (name, value) in known.lines().filter_map(|line| line.split_once(' ')) {
            let name = name.trim_start_matches("user.");
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            config.push_str(&format!("[user]\n\t{name} = \"{quoted}\"\n"));
        }
        write("config", config.as_bytes())?;
        let own = |name: &str| self.folder.join(name);
        let shared = |name: &str| self.common.join(name);
        let mut copies: HashMap<&str, PathBuf> = HashMap::from([
            ("HEAD", own("HEAD")),
            ("index", own("index")),
            ("info/exclude", shared("info/exclude")),
            ("shallow", shared("shallow")),
        ]);
        for (name, from) in copies.drain() {
            match fs::read(&from) {
                Ok(bytes) => write(name, &bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(TreeError::Io(from, error)),
            }
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(name) = name.to_str().filter(|name| name.starts_with("sharedindex.")) {
                write(name, &fs::read(entry.path()).map_err(at(&entry.path()))?)?;
            }
        }
        Ok(())
    }
}

/// What is not ignored of a repository in a repository. Git is not asked: its configuration is not this one's.
fn walk_nested(source: &Path, nested: &Path, list: &mut List) {
    for entry in super::capture::walker(&source.join(nested), true) {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| !kind.is_dir()) => {
                if let Ok(path) = entry.path().strip_prefix(source) {
                    list.files.push(path.to_owned());
                }
            }
            Ok(_) => {}
            Err(error) => list.notes.push(format!("not copied: {error}")),
        }
    }
}

/// The folders of objects that a folder of objects refers to, and those that they refer to.
fn alternates(objects: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![objects.to_owned()]);
    while let Some(objects) = waiting.pop() {
        let text = fs::read(objects.join("info/alternates")).unwrap_or_default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#') {
            let path = objects.join(std::ffi::OsStr::from_bytes(line));
            if let Ok(path) = path.canonicalize()
                && !found.contains(&path)
            {
                found.push(path.clone());
                waiting.push(path);
            }
        }
    }
    found
}
