//! Files that go with a prompt.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_ir::ErrorKind;
use sha2::{Digest, Sha256};

use crate::{
    interpreter::to_hex,
    request::{Answer, Attachment, LoadRequest, Output},
    workspace::{FileContent, WorkspacePatch},
};

/// Largest single file, and most bytes of all files of a prompt.
const MAX_FILE: u64 = 20 * 1024 * 1024;
const MAX_ALL: u64 = 64 * 1024 * 1024;

/// Reads files by name and by pattern. Those that a pattern finds are sorted, `.gitignore` is
/// honoured, and binary ones are left out with a note; a file that is named must be there.
pub(crate) fn load_files(loads: &[LoadRequest], cwd: Option<&Path>) -> Answer {
    load_after(loads, cwd, &RestoredFiles::default())
}

/// Files as recorded answers leave them, when they are used again; by path, with their hashes.
#[derive(Debug, Default)]
pub(crate) struct RestoredFiles(HashMap<PathBuf, String>);

impl RestoredFiles {
    /// Adds what a recorded answer puts back, in a run that begins in `cwd`.
    pub(crate) fn add(&mut self, patch: &WorkspacePatch, cwd: Option<&Path>) {
        let folder = path_within(patch.directory.as_deref().unwrap_or_default(), cwd);
        for change in &patch.changes {
            let path = without_dots(&folder.join(&change.path));
            match &change.after {
                Some(state) => {
                    let hash = match (&state.content, state.content.as_bytes()) {
                        (FileContent::Hash(hash), _) => hash.clone(),
                        (_, bytes) => to_hex(&Sha256::digest(bytes.unwrap_or_default())),
                    };
                    self.0.insert(path, hash);
                }
                None => {
                    self.0.remove(&path);
                }
            }
        }
    }

    fn hash_of(&self, path: &Path) -> Option<String> {
        self.0.get(&without_dots(path)).cloned()
    }
}

/// The path without its parts `.`.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}

/// Reads files as [`load_files`] would after the recorded answers were used that leave `restored`.
pub(crate) fn load_after(loads: &[LoadRequest], cwd: Option<&Path>, restored: &RestoredFiles) -> Answer {
    let (mut files, mut notes, mut total) = (Vec::new(), Vec::new(), 0u64);
    for load in loads {
        let result = match load {
            LoadRequest::Hash(path) => attach_hashed(path, cwd, restored).map(|file| files.push(file)),
            LoadRequest::File(path) => attach_named(path, cwd, &mut files, &mut total),
            LoadRequest::Glob { pattern, dir } => {
                attach_matching(pattern, dir.as_deref(), cwd, &mut files, &mut notes, &mut total)
            }
        };
        if let Err(message) = result {
            return Answer::failed(ErrorKind::Failed, message);
        }
    }
    Answer::ok(Output::Files(files, notes))
}

fn path_within(path: &str, cwd: Option<&Path>) -> PathBuf {
    cwd.map_or_else(|| PathBuf::from(path), |cwd| cwd.join(path))
}

fn attach_named(path: &str, cwd: Option<&Path>, files: &mut Vec<Attachment>, total: &mut u64) -> Result<(), String> {
    let content =
        read_bounded(&path_within(path, cwd), total).map_err(|e| format!("`{path}` cannot be attached: {e}"))?;
    files.push(new_attachment(path.to_owned(), content));
    Ok(())
}

/// The SHA-256 of a file of any size, in hex.
pub(super) fn hash_of_file(file: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut digest)?;
    Ok(to_hex(&digest.finalize()))
}

/// A file that is an input, by its hash.
fn attach_hashed(path: &str, cwd: Option<&Path>, restored: &RestoredFiles) -> Result<Attachment, String> {
    let file = path_within(path, cwd);
    let hash = match restored.hash_of(&file) {
        Some(hash) => hash,
        None => hash_of_file(&file).map_err(|error| format!("the input `{path}` cannot be read: {error}"))?,
    };
    Ok(Attachment { path: path.to_owned(), media: String::new(), content: Arc::from([]), hash })
}

fn attach_matching(
    pattern: &str,
    dir: Option<&str>,
    cwd: Option<&Path>,
    files: &mut Vec<Attachment>,
    notes: &mut Vec<String>,
    total: &mut u64,
) -> Result<(), String> {
    let root = path_within(dir.unwrap_or("."), cwd);
    if !root.is_dir() {
        return Err(format!("there is no directory `{}`", root.display()));
    }
    let found = find_files(pattern, &root, false)?;
    if found.is_empty() {
        notes.push(format!("`{pattern}` matches no file"));
    }
    for relative in found {
        let shown = relative.to_string_lossy().into_owned();
        let content =
            read_bounded(&root.join(&relative), total).map_err(|e| format!("`{shown}` cannot be attached: {e}"))?;
        let file = new_attachment(shown, content);
        // A pattern finds what it finds; sound, films and unknown formats are sent when they are named.
        let is_usual =
            file.media.starts_with("text/") || file.media.starts_with("image/") || file.media == "application/pdf";
        if !is_usual {
            notes.push(format!("`{}` is binary and was left out", file.path));
        } else {
            files.push(file);
        }
    }
    Ok(())
}

/// The files below a folder whose paths match a pattern, relative to the folder and sorted. Those that
/// `.gitignore` names count only with `ignored`, hidden ones only when the pattern names them.
pub(super) fn find_files(pattern: &str, root: &Path, ignored: bool) -> Result<Vec<PathBuf>, String> {
    let glob = globset::GlobBuilder::new(pattern.trim_start_matches("./"))
        .literal_separator(true)
        .build()
        .map_err(|e| format!("`{pattern}` is not a pattern: {e}"))?
        .compile_matcher();
    let mut found: Vec<PathBuf> = Vec::new();
    let walk = ignore::WalkBuilder::new(root)
        .require_git(false)
        .standard_filters(!ignored)
        .hidden(!pattern.contains("/.") && !pattern.starts_with('.'))
        .build();
    for entry in walk.flatten() {
        let path = entry.path();
        if entry.file_type().is_some_and(|t| t.is_file())
            && let Ok(relative) = path.strip_prefix(root)
            && glob.is_match(relative)
        {
            found.push(relative.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

fn read_bounded(path: &Path, total: &mut u64) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    *total += size;
    if size > MAX_FILE || *total > MAX_ALL {
        return Err(io::Error::other(format!(
            "too large (at most {} MiB a file, {} MiB together)",
            MAX_FILE / 1024 / 1024,
            MAX_ALL / 1024 / 1024
        )));
    }
    fs::read(path)
}

fn new_attachment(path: String, content: Vec<u8>) -> Attachment {
    let media = media_type(&path, &content).to_owned();
    let hash = to_hex(&Sha256::digest(&content));
    Attachment { path, media, content: Arc::from(content), hash }
}

/// The media type, by what the content shows.
pub(super) fn media_type(path: &str, content: &[u8]) -> &'static str {
    match content {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "audio/wav",
        [b'I', b'D', b'3', ..] | [0xff, 0xfb | 0xf3 | 0xf2, ..] => "audio/mpeg",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'f', b'L', b'a', b'C', ..] => "audio/flac",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', b'i', ..] => "image/heic",
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', ..] => "video/quicktime",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/webm",
        [b'%', b'P', b'D', b'F', ..] => "application/pdf",
        _ if content.contains(&0) || std::str::from_utf8(content).is_err() => "application/octet-stream",
        _ if path.ends_with(".svg") => "image/svg+xml",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(answer: Answer) -> (Vec<Attachment>, Vec<String>) {
        match answer.result.unwrap() {
            Output::Files(files, notes) => (files, notes),
            _ => panic!(),
        }
    }

    #[test]
    fn patterns_find_sorted_text_that_git_knows() {
        let dir = crate::testing::TempDir::new();
        for (name, content) in [
            ("b.rs", &b"b"[..]),
            ("a.rs", b"a"),
            ("deep/c.rs", b"c"),
            ("bin.rs", b"\0\x01"),
            ("target/x.rs", b"x"),
            (".gitignore", b"target\n"),
            ("other.txt", b"o"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let load_one = |pattern: &str| {
            loaded(load_files(&[LoadRequest::Glob { pattern: pattern.into(), dir: None }], Some(dir.path())))
        };
        let (files, notes) = load_one("**/*.rs");
        let names: Vec<_> = files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(names, ["a.rs", "b.rs", "deep/c.rs"]);
        assert_eq!(notes, ["`bin.rs` is binary and was left out"]);
        assert_eq!(load_one("*.zig").1, ["`*.zig` matches no file"]);
        let missing = load_files(&[LoadRequest::File("none".into())], Some(dir.path()));
        assert!(missing.result.unwrap_err().message.starts_with("`none` cannot be attached"));
    }
}
