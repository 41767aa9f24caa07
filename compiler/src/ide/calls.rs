//! Who calls a skill, a fn or a cascade, and what it calls.

use std::collections::BTreeMap;

use cascade_grammar::ast::{Item, ItemKind, Span};

use super::{Place, SymbolKind};
use crate::{compile::Analysis, index::Symbol, source::SourceId};

/// A declaration that calls or is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// Its name; of a test what is written between its quotes.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub whole: Place,
    /// Its name.
    pub place: Place,
}

/// Calls between a declaration and another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The other declaration.
    pub other: Callee,
    /// Where the calls stand, in the file of the caller.
    pub spans: Vec<Span>,
}

impl Analysis {
    /// The skill, fn or cascade that the name at an offset stands for.
    pub fn callee_at(&self, source: SourceId, offset: u32) -> Option<Callee> {
        let symbols = self.symbols_at(source, offset);
        let symbol = symbols.into_iter().map(|(symbol, _)| symbol).find(|symbol| is_callable(*symbol))?;
        self.callee(symbol)
    }

    /// The declarations that call what the name at an offset stands for, with their calls. Each is in one file.
    pub fn callers(&self, source: SourceId, offset: u32) -> Vec<Calls> {
        let Some((symbol, _)) = self.symbols_at(source, offset).into_iter().find(|(s, _)| is_callable(*s)) else {
            return Vec::new();
        };
        let mut by_caller: BTreeMap<(u32, usize), Vec<Span>> = BTreeMap::new();
        for (module, span) in self.index.uses(symbol) {
            if let Some(item) = self.item_around(module, span) {
                by_caller.entry((module, item)).or_default().push(span);
            }
        }
        let calls = by_caller
            .into_iter()
            .filter_map(|((module, item), spans)| Some(Calls { other: self.declaration(module, item)?, spans }));
        calls.collect()
    }

    /// The declarations that the skill, fn or cascade at an offset calls, with their calls.
    pub fn calls(&self, source: SourceId, offset: u32) -> Vec<Calls> {
        let Some(callee) = self.callee_at(source, offset) else { return Vec::new() };
        let Some(number) = self.module(callee.whole.source) else { return Vec::new() };
        let Some(index) = self.index.modules().get(number) else { return Vec::new() };
        let mut by_callee: BTreeMap<Symbol, Vec<Span>> = BTreeMap::new();
        let whole = callee.whole.span;
        let inside = index.uses.iter().filter(|u| whole.encloses(u.span));
        for used in inside.filter(|u| is_callable(u.symbol)) {
            by_callee.entry(used.symbol).or_default().push(used.span);
        }
        by_callee.into_iter().filter_map(|(symbol, spans)| Some(Calls { other: self.callee(symbol)?, spans })).collect()
    }

    fn callee(&self, symbol: Symbol) -> Option<Callee> {
        let (module, span) = self.index.definitions(symbol).next()?;
        self.declaration(module, self.item_around(module, span)?)
    }

    /// The declaration around a place of a module; an import calls nothing.
    fn item_around(&self, module: u32, span: Span) -> Option<usize> {
        let items = &self.modules.get(module as usize)?.parse.file.items;
        let item = items.partition_point(|item| item.span.start <= span.start).checked_sub(1)?;
        items.get(item).filter(|item| span.end <= item.span.end).map(|_| item)
    }

    fn declaration(&self, module: u32, item: usize) -> Option<Callee> {
        let item: &Item = self.modules.get(module as usize)?.parse.file.items.get(item)?;
        let (name, kind, span) = match &item.kind {
            ItemKind::Skill(decl) => (decl.name.text.to_string(), SymbolKind::Skill, decl.name.span),
            ItemKind::Cascade(decl) => (decl.name.text.to_string(), SymbolKind::Cascade, decl.name.span),
            ItemKind::Fn(decl) => (decl.name.text.to_string(), SymbolKind::Fn, decl.name.span),
            ItemKind::Const(decl) => (decl.name.text.to_string(), SymbolKind::Constant, decl.name.span),
            ItemKind::Test(decl) => {
                let name = crate::declare::plain_text(&decl.name).unwrap_or_default();
                (name, SymbolKind::Test, decl.name.span)
            }
            ItemKind::Type(decl) => (decl.name.text.to_string(), SymbolKind::Type, decl.name.span),
            _ => return None,
        };
        Some(Callee { name, kind, whole: self.place(module, item.span), place: self.place(module, span) })
    }
}

/// Whether something is called: a constant is read.
fn is_callable(symbol: Symbol) -> bool {
    matches!(symbol, Symbol::Skill(_) | Symbol::Fn(_) | Symbol::Cascade(_))
}
