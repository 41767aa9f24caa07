//! Source texts: where they come from, and where in them a byte stands.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use cascade_grammar::{Parse, parse};

/// Index of a source in a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// Where texts come from. The only way in which the compiler reads anything.
pub trait Sources {
    /// The text of a file. `name` is a path as [`Sources::resolve`] gives it.
    ///
    /// # Errors
    /// Whatever the reading gives: not found, not permitted, not UTF-8 (`InvalidData`).
    fn read(&self, name: &str) -> io::Result<Arc<str>>;

    /// The tree of a file's text. Who checks again and again keeps the trees of texts that have
    /// not changed and gives those.
    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        let _ = name;
        Arc::new(parse(text))
    }

    /// Whether nobody wants the result of the compilation any more. It is asked between bodies; a
    /// compilation that is cancelled has no program, and not all of its diagnostics.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// The names in a folder, each with whether it is a folder itself; for whoever completes a path.
    ///
    /// # Errors
    /// Whatever the reading gives. Sources without folders have empty ones.
    fn list(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        let _ = folder;
        Ok(Vec::new())
    }

    /// The name of the file that `import "target"` in the file `from` means. Two spellings of
    /// one file must give one name.
    fn resolve(&self, from: &str, target: &str) -> String {
        let base = Path::new(from).parent().unwrap_or(Path::new(""));
        normalize_path(&base.join(target))
    }
}

/// `a/./b/../c` as `a/c`; leading `..` are kept.
fn normalize_path(path: &Path) -> String {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.last(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined: std::path::PathBuf = parts.iter().collect();
    joined.to_string_lossy().into_owned()
}

/// Sources on disk.
#[derive(Debug, Default, Clone, Copy)]
pub struct FileSources;

impl Sources for FileSources {
    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        std::fs::read_to_string(name).map(Arc::from)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        let entries = std::fs::read_dir(if folder.is_empty() { "." } else { folder })?;
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is no text cannot be written in a program.
            if let Ok(name) = entry.file_name().into_string() {
                found.push((name, entry.path().is_dir()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Sources in memory, for tests, standard input and unsaved text.
#[derive(Debug, Default, Clone)]
pub struct MemorySources {
    files: HashMap<String, Arc<str>>,
}

impl MemorySources {
    /// With one file.
    pub fn one(name: &str, text: &str) -> Self {
        let mut sources = Self::default();
        sources.insert(name, text);
        sources
    }
    /// Adds or replaces a file.
    pub fn insert(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), Arc::from(text));
    }
}

impl Sources for MemorySources {
    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// One text and where its lines begin.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name, for messages: the path as the user gave it, or `std.testing`.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
    /// Start offset of each line; the first is 0.
    pub line_starts: Vec<u32>,
}

impl Source {
    /// A source from its text.
    pub fn new(name: &str, text: Arc<str>) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        Self { name: name.to_owned(), text, line_starts }
    }

    /// Line and column (in characters), both from 1, of a byte offset.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0) as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(0, |before| before.chars().count());
        (line as u32, column as u32 + 1)
    }

    /// The line of a byte offset, from 1. Unlike [`Source::position`] it reads no text.
    pub fn line(&self, offset: u32) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset).max(1) as u32
    }

    /// The byte offset of a line and a column (in characters), both from 1.
    pub fn offset(&self, line: u32, column: u32) -> u32 {
        let start = self.line_starts.get(line.saturating_sub(1) as usize).copied().unwrap_or(0);
        let rest = self.text.get(start as usize..).unwrap_or_default();
        let before: usize = rest.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
        start + before as u32
    }
}

/// All texts of one compilation.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text.
    pub fn add(&mut self, name: &str, text: Arc<str>) -> SourceId {
        self.sources.push(Source::new(name, text));
        SourceId(self.sources.len() as u32 - 1)
    }
    /// The texts with another one in place of one of them.
    #[must_use]
    pub(crate) fn with_text(&self, id: SourceId, text: Arc<str>) -> Self {
        let replace = |(other, source): (SourceId, &Source)| {
            if other == id { Source::new(&source.name, Arc::clone(&text)) } else { source.clone() }
        };
        Self { sources: self.iter().map(replace).collect() }
    }
    /// A text by its index.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }
    /// All texts in the order of their indexes.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(i, s)| (SourceId(i as u32), s))
    }
}
