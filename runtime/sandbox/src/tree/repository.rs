//! The repository of the user, as far as git outside is asked about it: its files, its objects, and a private clone.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Result, TreeError, error_at, open::is_inside_copy};

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
pub(super) fn git_command(folder: &Path) -> Command {
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
        let answer = output_of(git_command(folder).args(["rev-parse", "--path-format=absolute"]).args(questions))?;
        let answer = String::from_utf8(answer).map_err(|_| TreeError::Git("git's answer is no text".to_owned()))?;
        let mut lines = answer.lines();
        let mut next = || lines.next().ok_or_else(|| TreeError::Git("git's answer is too short".to_owned()));
        let (top, own, common, format) = (next()?, next()?, next()?, next()?.to_owned());
        let top = PathBuf::from(top).canonicalize().map_err(error_at(Path::new(top)))?;
        Ok(Some(Self { top, folder: own.into(), common: common.into(), format }))
    }

    /// The folders of its objects.
    pub(super) fn object_folders(&self) -> Vec<PathBuf> {
        let own = self.common.join("objects");
        let mut folders = read_alternates(&own);
        folders.insert(0, own);
        folders
    }

    /// The names of what is tracked, and of what is neither tracked nor ignored. Some may be listed twice, or be gone.
    pub(super) fn list_names(&self, source: &Path) -> Result<Vec<PathBuf>> {
        let listed =
            output_of(git_command(source).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
        let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name))).collect())
    }

    /// Writes the folder of a repository that shares the objects of this one, and can change none of its files.
    /// `rules` are added to those by which it ignores files.
    pub(super) fn write_clone(&self, clone: &Path, rules: &str) -> Result<()> {
        for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "logs"] {
            let folder = clone.join(folder);
            fs::create_dir_all(&folder).map_err(error_at(&folder))?;
        }
        let write = |name: &str, text: &[u8]| {
            let file = clone.join(name);
            fs::write(&file, text).map_err(error_at(&file))
        };
        let mut alternates = self.common.join("objects").into_os_string();
        alternates.push("\n");
        write("objects/info/alternates", alternates.as_bytes())?;
        let refs = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", "refs/remotes"];
        let mut packed = b"# pack-refs with: sorted \n".to_vec();
        packed.extend(output_of(git_command(&self.top).args(refs))?);
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
        let known = git_command(&self.top).args(["config", "--get-regexp", r"^user\.(name|email)$"]).output();
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
        if !rules.is_empty() {
            let file = clone.join("info/exclude");
            let add = || fs::OpenOptions::new().create(true).append(true).open(&file)?.write_all(rules.as_bytes());
            add().map_err(error_at(&file))?;
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(name) = name.to_str().filter(|name| name.starts_with("sharedindex.")) {
                write(name, &fs::read(entry.path()).map_err(error_at(&entry.path()))?)?;
            }
        }
        Ok(())
    }
}

/// The folders of objects that a folder of objects refers to, and those that they refer to.
fn read_alternates(objects: &Path) -> Vec<PathBuf> {
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
