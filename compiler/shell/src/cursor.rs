//! The text of a script, read from its begin to its end, and what is noted on the way.

use std::ops::Range;

use crate::syntax::{HoleId, Word};

/// The first of the characters that stand for holes in the text of a script. They are of a plane
/// for private use, and literal text with one of them is refused.
const FIRST_HOLE: u32 = 0xF_0000;
/// How many holes a script may have.
pub const MAX_HOLES: u32 = 0xFFFD;

/// How deep commands, quotes and substitutions may be nested.
const MAX_DEPTH: u32 = 200;

/// The character that stands for a hole in the text that is parsed.
pub fn hole_character(id: HoleId) -> Option<char> {
    (id < MAX_HOLES).then(|| char::from_u32(FIRST_HOLE + id)).flatten()
}

/// The hole that a character stands for.
pub fn hole_of(c: char) -> Option<HoleId> {
    (u32::from(c)).checked_sub(FIRST_HOLE).filter(|id| *id < MAX_HOLES)
}

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where, as a byte offset in the text that was parsed.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub help: Option<&'static str>,
}

/// Result of reading a part of a script.
pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// The quotes around a value, which decide how its variable is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// No quotes: `"${v}"`.
    Bare,
    /// Double quotes, or a here-document: `${v}`.
    Double,
    /// Single quotes: `'"${v}"'`.
    Single,
    /// A pattern of an expansion, which quotes around the expansion do not reach: `"${v}"`.
    Pattern,
    /// Arithmetic: `(${v})`.
    Arithmetic,
}

/// What is put in the place of a range of the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    pub range: Range<usize>,
    pub kind: EditKind,
    /// The whole word, when the value stands alone in it.
    pub word: Option<Range<usize>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EditKind {
    Hole(HoleId, Quoting),
    Placeholder(String, Quoting),
    /// Literal text.
    Text(&'static str),
    /// A command in back-ticks, written as `$(…)`: its own text and edits.
    Substitution(String, Vec<Edit>),
}

/// A reader of the text of a script.
pub(crate) struct Cursor<'s> {
    pub text: &'s str,
    pub at: usize,
    pub edits: Vec<Edit>,
    /// The words of each simple command.
    pub commands: Vec<Vec<Range<usize>>>,
    /// Here-documents whose text begins with the next line.
    pub heredocs: Vec<PendingHeredoc>,
    /// The texts of the here-documents that were announced so far.
    pub documents: Vec<Word>,
    depth: u32,
}

/// A here-document that was announced.
pub(crate) struct PendingHeredoc {
    pub delimiter: String,
    pub quoted: bool,
    pub strip_tabs: bool,
    pub start: usize,
    /// Its position among the here-documents.
    pub document: usize,
}

impl<'s> Cursor<'s> {
    pub fn new(text: &'s str, depth: u32) -> Self {
        Self {
            text,
            at: 0,
            edits: Vec::new(),
            commands: Vec::new(),
            heredocs: Vec::new(),
            documents: Vec::new(),
            depth,
        }
    }

    pub fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    pub fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Goes past a text, if it stands here.
    pub fn skip_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub fn error<T>(&self, at: usize, message: impl Into<String>) -> Parsed<T> {
        Err(SyntaxError { at, message: message.into(), help: None })
    }

    pub fn error_with_help<T>(&self, at: usize, message: impl Into<String>, help: &'static str) -> Parsed<T> {
        Err(SyntaxError { at, message: message.into(), help: Some(help) })
    }

    /// Reads something that may contain itself.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.error(self.at, "the script is nested too deeply");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    pub fn depth(&self) -> u32 {
        self.depth
    }

    pub fn record_edit(&mut self, range: Range<usize>, kind: EditKind) {
        self.edits.push(Edit { range, kind, word: None });
    }

    /// Goes past blanks, and lines that go on after a backslash.
    pub fn skip_blanks(&mut self) {
        while self.skip_text(" ") || self.skip_text("\t") || self.skip_text("\\\n") {}
    }

    /// Goes past a comment, which ends before the end of its line. Values in it are left out.
    pub fn skip_comment(&mut self) {
        if self.peek() != Some('#') {
            return;
        }
        while let Some(c) = self.peek().filter(|c| *c != '\n') {
            if hole_of(c).is_some() {
                self.record_edit(self.at..self.at + c.len_utf8(), EditKind::Text(""));
            }
            self.next();
        }
    }

    /// A name of a variable that begins here.
    pub fn name(&self) -> &'s str {
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// The name of a placeholder that begins here: `{name}`.
    pub fn placeholder(&self) -> Option<&'s str> {
        let inner = self.rest().strip_prefix('{')?;
        let (name, _) = inner.split_once('}')?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then_some(name)
    }
}
