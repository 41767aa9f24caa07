//! Collects the entries of an index while names are resolved and types are inferred.

use std::cmp::Reverse;

use cascade_grammar::ast::Span;
use rustc_hash::FxHashMap as HashMap;

use super::{Definition, Index, ModuleIndex, Symbol, TypedSpan, Use, Variable};

/// Entries in the order in which they were found.
#[derive(Debug)]
pub(crate) struct Recorder {
    modules: Vec<ModuleIndex>,
    /// The variables of stages by where their statements begin: tests name stages by path.
    stages: HashMap<(u32, u32), Symbol>,
}

impl Recorder {
    /// A recorder for so many modules.
    pub fn new(modules: usize) -> Self {
        Self { modules: (0..modules).map(|_| ModuleIndex::default()).collect(), stages: HashMap::default() }
    }

    /// Records where a symbol is defined. A name that is missing (`type {`) defines nothing.
    pub fn define(&mut self, module: usize, span: Span, symbol: Symbol, named: bool) {
        if span.start < span.end {
            self.modules[module].definitions.push(Definition { span, symbol, named });
        }
    }

    /// Records what a name stands for.
    pub fn record_use(&mut self, module: usize, span: Span, symbol: Symbol) {
        if span.start < span.end {
            self.modules[module].uses.push(Use { span, symbol });
        }
    }

    /// Records the type of an expression. What was recorded first for a span stays.
    pub fn record_type(&mut self, module: usize, typed: TypedSpan) {
        self.modules[module].types.push(typed);
    }

    /// Records a variable whose scope has ended.
    pub fn record_variable(&mut self, module: usize, variable: Variable) {
        self.modules[module].variables.push(variable);
    }

    /// Records the variable of the stage whose statement begins at a line and column of a module.
    pub fn record_stage(&mut self, module: usize, start: u32, symbol: Symbol) {
        self.stages.insert((module as u32, start), symbol);
    }

    /// The variable of a stage.
    pub fn stage(&self, module: usize, start: u32) -> Option<Symbol> {
        self.stages.get(&(module as u32, start)).copied()
    }

    /// Sorts everything.
    pub fn finish(mut self) -> Index {
        for module in &mut self.modules {
            module.definitions.sort_unstable();
            module.definitions.dedup();
            module.uses.sort_unstable();
            module.uses.dedup();
            // Stable: of several types of one span, the first one recorded stays.
            module.types.sort_by_key(|t| (t.span.start, Reverse(t.span.end)));
            module.types.dedup_by_key(|t| t.span);
            module.variables.sort_unstable_by_key(|v| v.span);
        }
        let mut by_definition: Vec<(Symbol, u32, Span)> = Vec::new();
        let mut by_use: Vec<(Symbol, u32, Span)> = Vec::new();
        for (number, module) in self.modules.iter().enumerate() {
            by_definition.extend(module.definitions.iter().map(|d| (d.symbol, number as u32, d.span)));
            by_use.extend(module.uses.iter().map(|u| (u.symbol, number as u32, u.span)));
        }
        by_definition.sort_unstable();
        by_use.sort_unstable();
        Index { modules: self.modules, by_definition, by_use }
    }
}
