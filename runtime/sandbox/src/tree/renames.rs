//! Merges with git's own merge, which follows files that one side has renamed.
//!
//! Git works in an empty repository that is made for it, with the files that one of the sides has changed and nothing
//! else. It reads no configuration of anybody. Rules of attributes, by which files name ways to be merged, are not among
//! the files: what is inside of a copy could have written them. They are merged file by file.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    fs,
    io::{Seek, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    Change, Content, Entry, Kind, Result, Tree, TreeError, check_path, error_at, files,
    list::List,
    manifest::Look,
    merge::{Step, leads_out},
    repository::{Repository, git_command, output_of},
};

/// The largest sum of the files outside that git is given, in bytes.
const MOST_BYTES: u64 = 256 << 20;
/// The name of files with rules of attributes.
const ATTRIBUTES: &str = ".gitattributes";

/// A file on the three sides.
#[derive(Default)]
struct Sides {
    first: Option<Content>,
    inside: Option<Content>,
    outside: Option<Content>,
}

impl Sides {
    /// The file on a side, by the name of its commit.
    fn side(&self, name: &str) -> &Option<Content> {
        match name {
            "first" => &self.first,
            "inside" => &self.inside,
            _ => &self.outside,
        }
    }
}

impl Tree {
    /// What has to be done to a folder so that the changes are in it, where files were renamed on one side and changed on
    /// the other; `None` when git is not there, or too old (before 2.38), or too much has changed outside.
    ///
    /// # Errors
    /// `Conflict` with the files that do not go together for git either.
    pub(super) fn merge_by_git(&self, changes: &[Change], folder: &Path) -> Result<Option<Vec<Step>>> {
        let Some(sides) = self.collect_sides(changes, folder)? else { return Ok(None) };
        let Ok(merger) = Merger::new(&self.root, &sides) else { return Ok(None) };
        let Some(merged) = merger.merge()? else { return Ok(None) };
        let (inside, outside, merged) = (merger.list("inside")?, merger.list("outside")?, merger.list(&merged)?);
        // Most of what is new is what the copy has.
        let known: HashMap<&str, &Content> = inside
            .iter()
            .filter_map(|(path, (_, object))| Some((object.as_str(), sides.get(path)?.inside.as_ref()?)))
            .collect();
        let mut paths: Vec<&PathBuf> = outside.keys().chain(merged.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        let (mut steps, mut conflicts) = (Vec::new(), Vec::new());
        for path in paths.into_iter().filter(|path| outside.get(*path) != merged.get(*path)) {
            let new = match merged.get(path) {
                None => None,
                Some((kind, object)) => {
                    let bytes = match known.get(object.as_str()) {
                        Some(content) => content.bytes.clone(),
                        None => merger.read(object)?,
                    };
                    Some(Content { kind: *kind, bytes })
                }
            };
            if let Some(Content { kind: Kind::Link, bytes }) = &new
                && leads_out(path, Path::new(OsStr::from_bytes(bytes)))
            {
                let message = format!("`{}` would lead out of the workspace at its new place", path.display());
                return Err(TreeError::Denied(message));
            }
            // What git was not told of, because it is ignored, is nobody's to overwrite.
            let entry = |content: &Content| Entry::of(content.kind, &content.bytes);
            let now = sides.get(path).and_then(|sides| sides.outside.as_ref()).map(entry);
            let found = files::read_content(&files::locate_within(folder, path)?, u64::MAX)?;
            match found.as_ref().map(entry) == now {
                true => steps.push(Step { path: path.clone(), now, new }),
                false => conflicts.push(path.to_string_lossy().into_owned()),
            }
        }
        let attributes: Vec<Change> =
            changes.iter().filter(|change| Path::new(&change.path).ends_with(ATTRIBUTES)).cloned().collect();
        match self.plan_file_by_file(&attributes, folder) {
            Ok(more) => steps.extend(more),
            Err(TreeError::Conflict(files)) => conflicts.extend(files),
            Err(error) => return Err(error),
        }
        match conflicts.is_empty() {
            true => Ok(Some(steps)),
            false => Err(TreeError::Conflict(conflicts)),
        }
    }

    /// The files that differ on one side from what they were; `None` when that is too much.
    fn collect_sides(&self, changes: &[Change], folder: &Path) -> Result<Option<BTreeMap<PathBuf, Sides>>> {
        let mut sides: BTreeMap<PathBuf, Sides> = BTreeMap::new();
        let outside = List::of(folder, Repository::of(folder)?.as_ref())?;
        let looks: HashMap<&Path, Look> =
            outside.files.iter().map(|file| (file.path.as_path(), Look::of(&file.meta))).collect();
        let mut left = MOST_BYTES;
        // What is behind a link, or too large, is no file of this merge.
        let mut read =
            |path: &Path| match files::locate_within(folder, path).and_then(|file| files::read_content(&file, left)) {
                Ok(content) => {
                    left -= content.as_ref().map_or(0, |content| content.bytes.len() as u64).min(left);
                    Ok(content)
                }
                Err(TreeError::Denied(_)) => Ok(None),
                Err(error) => Err(error),
            };
        for (index, (path, listed)) in self.base.iter().enumerate() {
            let before = self.origins.get(index).copied().flatten();
            if before.is_some() && looks.get(path.as_path()).copied() == before {
                continue;
            }
            // One that is ignored by now is still there.
            let now = match read(path) {
                Err(TreeError::TooLarge(_)) => return Ok(None),
                now => now?,
            };
            if now.as_ref().map(|content| Entry::of(content.kind, &content.bytes)) != Some(listed.entry) {
                sides.insert(path.clone(), Sides { outside: now, ..Sides::default() });
            }
        }
        for file in outside.files.iter().filter(|file| !self.base.contains_key(&file.path)) {
            let now = match read(&file.path) {
                Err(TreeError::TooLarge(_)) => return Ok(None),
                now => now?,
            };
            sides.insert(file.path.clone(), Sides { outside: now, ..Sides::default() });
        }
        for (path, sides) in &mut sides {
            sides.first = self.first_content(path)?;
            sides.inside.clone_from(&sides.first);
        }
        for change in changes {
            let path = check_path(&change.path)?;
            let first = self.first_content(&path)?;
            let found = sides.entry(path).or_insert_with(|| Sides { outside: first.clone(), first, inside: None });
            found.inside.clone_from(&change.after);
        }
        sides.retain(|path, _| !path.ends_with(ATTRIBUTES));
        Ok(Some(sides))
    }
}

/// A repository for one merge.
struct Merger {
    folder: TempDir,
}

impl Merger {
    fn new(root: &Path, sides: &BTreeMap<PathBuf, Sides>) -> Result<Self> {
        let merger =
            Self { folder: tempfile::Builder::new().prefix("merge-").tempdir_in(root).map_err(error_at(root))? };
        for name in ["objects", "refs"] {
            let folder = merger.folder.path().join(name);
            fs::create_dir(&folder).map_err(error_at(&folder))?;
        }
        for (name, text) in [("HEAD", "ref: refs/heads/first\n"), ("config", "[core]\n\tbare = true\n")] {
            let file = merger.folder.path().join(name);
            fs::write(&file, text).map_err(error_at(&file))?;
        }
        let mut input = tempfile::tempfile_in(root).map_err(error_at(root))?;
        write_commits(&mut input, sides).and_then(|()| input.rewind()).map_err(error_at(root))?;
        output_of(merger.git().args(["fast-import", "--quiet", "--done"]).stdin(input))?;
        Ok(merger)
    }

    fn git(&self) -> Command {
        let mut git = git_command(self.folder.path());
        git.env("GIT_DIR", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.env("GIT_ATTR_NOSYSTEM", "1").args(["-c", "core.attributesFile=/dev/null"]);
        // As file by file: what is new in a folder that the other side has renamed stays there.
        git.args(["-c", "merge.directoryRenames=false"]);
        git
    }

    /// The merged tree; `None` when git cannot do that.
    fn merge(&self) -> Result<Option<String>> {
        let mut git = self.git();
        git.args(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "outside", "inside"]);
        let output = git.output().map_err(|error| TreeError::Git(format!("git cannot be started: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut parts = text.split('\0').filter(|part| !part.is_empty());
        match (output.status.code(), parts.next()) {
            (Some(0), Some(merged)) => Ok(Some(merged.to_owned())),
            (Some(1), Some(_)) => {
                let mut files: Vec<String> = parts.map(str::to_owned).collect();
                files.sort();
                files.dedup();
                Err(TreeError::Conflict(files))
            }
            _ => Ok(None),
        }
    }

    /// The files of a tree with their objects.
    fn list(&self, tree: &str) -> Result<BTreeMap<PathBuf, (Kind, String)>> {
        let listed = output_of(self.git().args(["ls-tree", "-r", "-z", "--full-tree", tree]))?;
        let file = |line: &[u8]| {
            let split = line.iter().position(|byte| *byte == b'\t')?;
            let (facts, path) = (std::str::from_utf8(&line[..split]).ok()?, &line[split + 1..]);
            let mut facts = facts.split(' ');
            let kind = match facts.next()? {
                "100755" => Kind::Executable,
                "120000" => Kind::Link,
                _ => Kind::File,
            };
            Some((PathBuf::from(OsStr::from_bytes(path)), (kind, facts.nth(1)?.to_owned())))
        };
        Ok(listed.split(|byte| *byte == 0).filter_map(file).collect())
    }

    fn read(&self, object: &str) -> Result<Vec<u8>> {
        output_of(self.git().args(["cat-file", "blob", object]))
    }
}

/// Writes three commits as `git fast-import` reads them: what was there first, and the two sides on top of it.
fn write_commits(out: &mut impl Write, sides: &BTreeMap<PathBuf, Sides>) -> std::io::Result<()> {
    for name in ["first", "inside", "outside"] {
        write!(out, "commit refs/heads/{name}\ncommitter Cascade <cascade@localhost> 0 +0000\ndata 0\n")?;
        if name != "first" {
            writeln!(out, "from refs/heads/first")?;
        }
        // What is removed makes room.
        for (path, of_path) in sides.iter().filter(|(_, of_path)| of_path.side(name) != &of_path.first) {
            if of_path.first.is_some() {
                out.write_all(b"D ")?;
                write_path(out, path)?;
            }
        }
        for (path, of_path) in sides {
            let Some(content) = of_path.side(name) else { continue };
            if name != "first" && Some(content) == of_path.first.as_ref() {
                continue;
            }
            let mode = match content.kind {
                Kind::File => "100644",
                Kind::Executable => "100755",
                Kind::Link => "120000",
            };
            write!(out, "M {mode} inline ")?;
            write_path(out, path)?;
            writeln!(out, "data {}", content.bytes.len())?;
            out.write_all(&content.bytes)?;
            out.write_all(b"\n")?;
        }
    }
    out.write_all(b"done\n")
}

/// A path in quotes, and the end of the line.
fn write_path(out: &mut impl Write, path: &Path) -> std::io::Result<()> {
    out.write_all(b"\"")?;
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => out.write_all(&[b'\\', *byte])?,
            b'\n' => out.write_all(b"\\n")?,
            other => out.write_all(&[*other])?,
        }
    }
    out.write_all(b"\"\n")
}
