//! What the analysis of a part of the program finds beside its result.

use crate::{diagnostic::Diagnostic, index::Recorder};

/// How many unknown names of a file are compared with the known ones at most. A comparison costs
/// time in proportion to the number of known names.
const MAX_SUGGESTIONS: u32 = 64;

/// A name of a module's scope, by the module and the number of its binding.
pub(crate) type UsedName = (usize, u32);

/// Diagnostics, the names that are used, and entries of the index. Whoever analyses a part of the
/// program returns them; the driver adds them to those of the module.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Names of module scopes that something names. A name may be there several times.
    pub used_names: Vec<UsedName>,
    /// Definitions, uses, types and variables, where an index is wanted.
    pub index: Recorder,
    /// How many more unknown names of the module are compared with the known ones.
    suggestions_left: u32,
}

impl Findings {
    /// Nothing found yet in a module.
    pub fn new(with_index: bool) -> Self {
        Self { index: Recorder::new(with_index), suggestions_left: MAX_SUGGESTIONS, ..Self::default() }
    }

    /// Nothing found yet in a further part of the same module.
    pub fn of_next_part(&self) -> Self {
        Self { index: Recorder::new(self.index.is_on()), suggestions_left: self.suggestions_left, ..Self::default() }
    }

    /// Adds what was found in a part that began with [`Findings::of_next_part`].
    pub fn include(&mut self, mut part: Findings) {
        self.diagnostics.append(&mut part.diagnostics);
        self.used_names.append(&mut part.used_names);
        self.index.include(part.index);
        self.suggestions_left = part.suggestions_left;
    }

    /// Adds a diagnostic.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether a name that does not exist is compared with those that do. Each question counts.
    pub fn may_suggest(&mut self) -> bool {
        self.suggestions_left = self.suggestions_left.saturating_sub(1);
        self.suggestions_left > 0
    }
}

/// The names of module scopes that something names.
#[derive(Debug, Default)]
pub(crate) struct UsedNames {
    /// By module and by the number of the binding.
    used: Vec<Vec<bool>>,
}

impl UsedNames {
    /// No names of so many modules.
    pub fn new(modules: usize) -> Self {
        Self { used: vec![Vec::new(); modules] }
    }

    /// Counts a name as used.
    pub fn insert(&mut self, (module, number): UsedName) {
        let (used, number) = (&mut self.used[module], number as usize);
        if used.len() <= number {
            used.resize(number + 1, false);
        }
        used[number] = true;
    }

    /// Whether a name is used.
    pub fn contains(&self, (module, number): UsedName) -> bool {
        self.used[module].get(number as usize).copied().unwrap_or_default()
    }
}
