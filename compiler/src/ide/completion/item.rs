//! What completion offers.

use cascade_grammar::ast::Span;

/// What an entry is, for its icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// A word of the language.
    Keyword,
    /// A variable, a parameter, a constant.
    Variable,
    /// A stage whose value is known.
    Field,
    /// A variant of an enum.
    Variant,
    /// A record, an alias or a built-in type.
    Type,
    /// An enum.
    Enum,
    /// A skill, a fn, a cascade or a built-in function.
    Function,
    /// A method.
    Method,
    /// A model or a route.
    Model,
    /// A module.
    Module,
    /// A memory, an mcp server.
    Store,
    /// A setting or the name of an argument.
    Property,
    /// A word with a meaning at its place: a capability, a format, a kind of error.
    Word,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The name.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type or its signature.
    pub detail: String,
    /// Its documentation, in Markdown.
    pub documentation: String,
    /// What is written in place of what was typed.
    pub insert: String,
    /// Whether `insert` is a snippet: `${1:name}` is a place to fill in.
    pub snippet: bool,
    /// Changes elsewhere, such as an import.
    pub also: Vec<(Span, String)>,
    /// Whether it is deprecated.
    pub deprecated: bool,
}

/// The answer: entries, the best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completions {
    /// What was typed, which an entry replaces.
    pub replace: Span,
    /// The entries.
    pub entries: Vec<Completion>,
}

/// Entries while they are collected, each with its score.
#[derive(Debug, Default)]
pub(super) struct Collected {
    entries: Vec<(i32, Completion)>,
}

impl Collected {
    /// Adds an entry; the larger its score, the earlier it is shown.
    pub fn add(&mut self, score: i32, completion: Completion) {
        self.entries.push((score, completion));
    }

    /// Adds words.
    pub fn words<'w>(&mut self, score: i32, kind: CompletionKind, words: impl IntoIterator<Item = &'w str>) {
        for word in words {
            self.add(score, Completion::new(word, kind));
        }
    }

    /// Whether an entry of the name exists already.
    pub fn has(&self, label: &str) -> bool {
        self.entries.iter().any(|(_, entry)| entry.label == label)
    }

    /// The entries, the best first; of several with one label, the best.
    pub fn finish(mut self) -> Vec<Completion> {
        self.entries.sort_by_key(|(score, _)| -score);
        let mut seen = std::collections::HashSet::new();
        self.entries.retain(|(_, entry)| seen.insert(entry.label.clone()));
        self.entries.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl Completion {
    /// An entry that inserts its label.
    pub(super) fn new(label: impl Into<String>, kind: CompletionKind) -> Self {
        let label = label.into();
        Self {
            insert: label.clone(),
            label,
            kind,
            detail: String::new(),
            documentation: String::new(),
            snippet: false,
            also: Vec::new(),
            deprecated: false,
        }
    }

    /// With a type or a signature.
    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With documentation.
    pub(super) fn documentation(mut self, text: impl Into<String>) -> Self {
        self.documentation = text.into();
        self
    }

    /// With what is written instead of the label.
    pub(super) fn insert(mut self, text: impl Into<String>) -> Self {
        self.insert = text.into();
        self
    }

    /// With a snippet that is written instead of the label.
    pub(super) fn snippet(mut self, text: impl Into<String>) -> Self {
        self.insert = text.into();
        self.snippet = true;
        self
    }
}
