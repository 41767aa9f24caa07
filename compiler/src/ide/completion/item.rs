//! What completion offers.

use std::sync::Arc;

use cascade_grammar::ast::{Item, Span};
use rustc_hash::FxHashSet as HashSet;
use smol_str::SmolStr;

use super::{Question, habits::Habits};
use crate::world::Def;

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
    /// Whether there are more entries than were kept: another letter may show others.
    pub cut: bool,
}

/// How many entries are shown at most. A person reads some of them, and types a letter more for the others.
const MOST: usize = 200;

/// Entries while they are collected, each with its score.
#[derive(Debug, Default)]
pub(super) struct Collected {
    entries: Vec<(i32, Entry)>,
}

/// An entry; what is declared is described when it is known to be shown.
#[derive(Debug)]
enum Entry {
    Whole(Completion),
    Declared {
        name: SmolStr,
        def: Def,
        arguments: bool,
    },
    /// A declaration of the standard library that is not imported.
    Importable {
        name: SmolStr,
        module: &'static str,
        item: Arc<Item>,
    },
}

impl Entry {
    fn label(&self) -> &str {
        match self {
            Self::Whole(completion) => &completion.label,
            Self::Declared { name, .. } | Self::Importable { name, .. } => name,
        }
    }
}

impl Collected {
    /// Adds an entry; the larger its score, the earlier it is shown.
    pub fn add(&mut self, score: i32, completion: Completion) {
        self.entries.push((score, Entry::Whole(completion)));
    }

    /// Adds the entry of a declared name; see [`Question::declared_entry`].
    pub fn add_declared(&mut self, score: i32, name: &SmolStr, def: Def, arguments: bool) {
        self.entries.push((score, Entry::Declared { name: name.clone(), def, arguments }));
    }

    /// Adds the entry of a declaration of a module that is not imported; see [`Question::importable_entry`].
    pub fn add_importable(&mut self, score: i32, name: &SmolStr, module: &'static str, item: &Arc<Item>) {
        self.entries.push((score, Entry::Importable { name: name.clone(), module, item: Arc::clone(item) }));
    }

    /// Adds words.
    pub fn words<'w>(&mut self, score: i32, kind: CompletionKind, words: impl IntoIterator<Item = &'w str>) {
        for word in words {
            self.add(score, Completion::new(word, kind));
        }
    }

    /// The names of the entries so far.
    pub fn labels(&self) -> HashSet<SmolStr> {
        self.entries.iter().map(|(_, entry)| SmolStr::new(entry.label())).collect()
    }

    /// The entries, the best first; of several with one label, the best. When there are too many, only those that
    /// have the letters of `prefix` in their order are kept, and the best of them; then the second part is `true`.
    pub fn finish(mut self, question: &Question<'_>, prefix: &str) -> (Vec<Completion>, bool) {
        let habits = Habits::learn(question);
        for (score, entry) in &mut self.entries {
            *score += habits.score(entry.label().trim_end_matches(':'));
        }
        self.entries.sort_by_key(|(score, _)| -score);
        let mut seen = HashSet::default();
        let first: Vec<bool> = self.entries.iter().map(|(_, entry)| seen.insert(entry.label())).collect();
        let mut first = first.into_iter();
        self.entries.retain(|_| first.next().unwrap_or(false));
        let cut = self.entries.len() > MOST;
        if cut {
            self.entries.retain(|(_, entry)| has_letters(entry.label(), prefix));
            self.entries.truncate(MOST);
        }
        let describe = |(_, entry)| match entry {
            Entry::Whole(completion) => Some(completion),
            Entry::Declared { name, def, arguments } => Some(question.declared_entry(&name, def, arguments)),
            Entry::Importable { module, item, .. } => question.importable_entry(module, &item),
        };
        (self.entries.into_iter().filter_map(describe).collect(), cut)
    }
}

/// Whether a name has the letters of another one in their order, large or small.
fn has_letters(name: &str, letters: &str) -> bool {
    let mut name = name.chars();
    letters.chars().all(|letter| name.any(|c| c.eq_ignore_ascii_case(&letter)))
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
