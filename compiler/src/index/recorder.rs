//! Records the entries of an index while names are resolved and types are inferred.

use std::cmp::Reverse;

use cascade_grammar::ast::{Name, Span};

use super::{Builtin, Definition, ModuleIndex, Symbol, TypedSpan, Use, Variable};
use crate::types::Ty;

/// Records the entries of an index. A recorder that is off records nothing, and costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    entries: Option<Box<Recorded>>,
}

/// All entries: those of parts that were included, which are not copied, then the others.
#[derive(Debug, Default)]
struct Recorded {
    included: Vec<Entries>,
    last: Entries,
}

/// Entries in the order in which they were found, each with its module.
#[derive(Debug, Default)]
struct Entries {
    definitions: Vec<(usize, Definition)>,
    uses: Vec<(usize, Use)>,
    types: Vec<(usize, TypedSpan)>,
    variables: Vec<(usize, Variable)>,
    /// What is expected where the typed name stands, which only one module has.
    expected: Option<(usize, Ty)>,
    /// Records that the typed name is a key of, with what is expected of them.
    records: Vec<(usize, Span, Ty)>,
}

impl Recorder {
    /// A recorder without entries.
    pub fn new(on: bool) -> Self {
        Self { entries: on.then(Box::default) }
    }

    /// Whether anything is recorded.
    pub fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    /// Records where a symbol is defined. A name that is missing (`type {`) defines nothing.
    pub fn record_definition(&mut self, module: usize, span: Span, symbol: Symbol) {
        self.define(module, Definition { span, symbol, named: true });
    }

    /// Records where a symbol is defined whose name is not written there: `it`, `output`, `result`.
    pub fn record_implicit_definition(&mut self, module: usize, span: Span, symbol: Symbol) {
        self.define(module, Definition { span, symbol, named: false });
    }

    fn define(&mut self, module: usize, definition: Definition) {
        if let Some(entries) = &mut self.entries
            && definition.span.start < definition.span.end
        {
            entries.last.definitions.push((module, definition));
        }
    }

    /// Records what a name stands for.
    pub fn record_use(&mut self, module: usize, span: Span, symbol: Symbol) {
        if let Some(entries) = &mut self.entries
            && span.start < span.end
        {
            entries.last.uses.push((module, Use { span, symbol }));
        }
    }

    /// Records words whose meaning the language gives.
    pub fn record_words<'n>(&mut self, module: usize, words: impl IntoIterator<Item = &'n Name>) {
        if self.is_on() {
            for word in words {
                self.record_use(module, word.span, Symbol::Builtin(Builtin::Word));
            }
        }
    }

    /// Records the type of an expression. What was recorded first for a span stays.
    pub fn record_type(&mut self, module: usize, typed: TypedSpan) {
        if let Some(entries) = &mut self.entries {
            entries.last.types.push((module, typed));
        }
    }

    /// Records a variable whose scope has ended.
    pub fn record_variable(&mut self, module: usize, variable: Variable) {
        if let Some(entries) = &mut self.entries {
            entries.last.variables.push((module, variable));
        }
    }

    /// Records the type that is expected where the name stands that is being typed.
    pub fn record_expected(&mut self, module: usize, ty: Ty) {
        if let Some(entries) = &mut self.entries {
            entries.last.expected = Some((module, ty));
        }
    }

    /// Records the type that is expected of a record with the key that is being typed.
    pub fn record_expected_record(&mut self, module: usize, span: Span, ty: Ty) {
        if let Some(entries) = &mut self.entries {
            entries.last.records.push((module, span, ty));
        }
    }

    /// Adds the entries of another recorder after its own.
    pub fn include(&mut self, other: Recorder) {
        if let (Some(own), Some(other)) = (&mut self.entries, other.entries) {
            own.included.push(std::mem::take(&mut own.last));
            own.included.extend(other.included);
            own.included.push(other.last);
        }
    }

    /// The entries of so many modules, sorted by place; of none if the recorder is off.
    pub fn finish(self, modules: usize) -> Vec<ModuleIndex> {
        let Some(recorded) = self.entries else { return Vec::new() };
        let mut modules: Vec<ModuleIndex> = (0..modules).map(|_| ModuleIndex::default()).collect();
        for entries in recorded.included.into_iter().chain([recorded.last]) {
            for (module, entry) in entries.definitions {
                modules[module].definitions.push(entry);
            }
            for (module, entry) in entries.uses {
                modules[module].uses.push(entry);
            }
            for (module, entry) in entries.types {
                modules[module].types.push(entry);
            }
            for (module, entry) in entries.variables {
                modules[module].variables.push(entry);
            }
            if let Some((module, ty)) = entries.expected {
                modules[module].expected = Some(ty);
            }
            for (module, span, ty) in entries.records {
                modules[module].records.push((span, ty));
            }
        }
        for module in &mut modules {
            module.definitions.sort_unstable();
            module.definitions.dedup();
            module.uses.sort_unstable();
            module.uses.dedup();
            // Stable: of several types of one span, the first one recorded stays.
            module.types.sort_by_key(|t| (t.span.start, Reverse(t.span.end)));
            module.types.dedup_by_key(|t| t.span);
            module.variables.sort_unstable_by_key(|v| v.span);
        }
        modules
    }
}
