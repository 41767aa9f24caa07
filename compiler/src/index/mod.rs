//! What an analysis keeps for editors: definitions, uses, types and scopes by place.
//!
//! A [`Symbol`] is the identity of something that has a name. While names are resolved and types
//! inferred, a [`Recorder`] writes down where each symbol is defined and used, and which type each
//! expression has; an [`Index`] sorts that when the first question comes, since diagnostics need none of it.
//! Entries are small and copied, so that a question is a binary search.

mod recorder;

use std::{
    cmp::{Ordering, Reverse},
    sync::{Mutex, OnceLock, PoisonError},
};

use cascade_grammar::ast::Span;
use cascade_ir as ir;
use smol_str::SmolStr;

pub(crate) use recorder::Recorder;

use crate::types::{Ty, TyKind, TypeDefKind, Types};

/// Something with parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Callable {
    Skill(u32),
    Fn(u32),
    Cascade(u32),
}

/// The identity of something that has a name. Numbers are indexes into the declared world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Symbol {
    Type(u32),
    Model(u32),
    Route(u32),
    Mcp(u32),
    Skill(u32),
    Fn(u32),
    Memory(u32),
    Cascade(u32),
    /// A file, or a module of the standard library.
    Module(u32),
    /// A field of a declared record.
    Field {
        of: u32,
        index: u32,
    },
    Variant {
        of: u32,
        index: u32,
    },
    VariantField {
        of: u32,
        variant: u32,
        index: u32,
    },
    /// A field of an anonymous record. It is defined wherever a record of that type is written:
    /// in a type, in a literal, by the stages of a `parallel`. Records that built-in methods give
    /// have no such place.
    RecordField {
        record: Ty,
        index: u32,
    },
    MemoryKey {
        of: u32,
        index: u32,
    },
    Param {
        of: Callable,
        index: u32,
    },
    /// A variable, by the module and the offset of its name.
    Variable {
        module: u32,
        start: u32,
    },
    /// A name that the language gives.
    Builtin(Builtin),
    /// Of an import that could not be loaded.
    Missing,
}

impl Symbol {
    /// A number of its own, by which symbols are ordered: one comparison, where a derived order takes several.
    fn rank(self) -> u128 {
        let (kind, [a, b, c]) = match self {
            Self::Type(id) => (0, [id, 0, 0]),
            Self::Model(id) => (1, [id, 0, 0]),
            Self::Route(id) => (2, [id, 0, 0]),
            Self::Mcp(id) => (3, [id, 0, 0]),
            Self::Skill(id) => (4, [id, 0, 0]),
            Self::Fn(id) => (5, [id, 0, 0]),
            Self::Memory(id) => (6, [id, 0, 0]),
            Self::Cascade(id) => (7, [id, 0, 0]),
            Self::Module(id) => (8, [id, 0, 0]),
            Self::Field { of, index } => (9, [of, index, 0]),
            Self::Variant { of, index } => (10, [of, index, 0]),
            Self::VariantField { of, variant, index } => (11, [of, variant, index]),
            Self::RecordField { record, index } => (12, [record.number(), index, 0]),
            Self::MemoryKey { of, index } => (13, [of, index, 0]),
            Self::Param { of: Callable::Skill(id), index } => (14, [id, index, 0]),
            Self::Param { of: Callable::Fn(id), index } => (15, [id, index, 0]),
            Self::Param { of: Callable::Cascade(id), index } => (16, [id, index, 0]),
            Self::Variable { module, start } => (17, [module, start, 0]),
            Self::Builtin(builtin) => (18, [builtin as u32, 0, 0]),
            Self::Missing => (19, [0, 0, 0]),
        };
        [a, b, c].into_iter().fold(kind, |rank, part| rank << 32 | u128::from(part))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a name of the language is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Builtin {
    Type,
    Function,
    Method,
    /// A word with a meaning at its place only: a setting, an attribute, a rendering, a capability,
    /// a kind of error.
    Word,
    /// The key of a map, of JSON, of a header: data, and no name of anything.
    Key,
}

/// Where a symbol is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    pub span: Span,
    pub symbol: Symbol,
    /// Whether the span is the name itself. `output`, `result` and `it` have a place, but no name
    /// is written there.
    pub named: bool,
}

/// A name that stands for a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub span: Span,
    pub symbol: Symbol,
}

/// The type of an expression, before it is converted to what its place expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypedSpan {
    pub span: Span,
    pub ty: Ty,
    /// Whether the value may hold text that came from a model, a command, the web or a tool.
    pub untrusted: bool,
}

/// A variable and where it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub name: SmolStr,
    /// Its name; of `it`, `output` and `result`, which nobody writes, what declares them.
    pub span: Span,
    pub ty: Ty,
    /// The end of its scope, which begins after the declaration.
    pub scope_end: u32,
    pub untrusted: bool,
}

/// The name that stands for the one that is being typed; see [`crate::ide::complete`].
pub(crate) const TYPED_NAME: &str = "name_that_is_being_typed";

/// The entries of one module, each list sorted by place.
#[derive(Debug, Default)]
pub(crate) struct ModuleIndex {
    pub definitions: Vec<Definition>,
    pub uses: Vec<Use>,
    /// Sorted by start; of those with one start, the longer ones come first.
    pub types: Vec<TypedSpan>,
    pub variables: Vec<Variable>,
    /// The type that is expected where [`TYPED_NAME`] stands.
    pub expected: Option<Ty>,
    /// Records that [`TYPED_NAME`] is a key of, with the type that is expected of them.
    pub records: Vec<(Span, Ty)>,
}

/// Definitions, uses, types and scopes of all modules of a compilation, sorted when they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// What was recorded; nothing once it is sorted.
    recorded: Mutex<Recorder>,
    /// The number of modules.
    count: usize,
    modules: OnceLock<Vec<ModuleIndex>>,
    by_symbol: OnceLock<PlacesBySymbol>,
}

/// Places by symbol, each with its module.
#[derive(Debug, Default)]
struct PlacesBySymbol {
    definitions: Vec<(Symbol, u32, Span)>,
    uses: Vec<(Symbol, u32, Span)>,
}

impl Index {
    /// The index of what was recorded in so many modules.
    pub fn new(recorded: Recorder, count: usize) -> Self {
        Self { recorded: Mutex::new(recorded), count, ..Self::default() }
    }

    /// The entries by module; none if nothing was to be recorded.
    pub fn modules(&self) -> &[ModuleIndex] {
        self.modules.get_or_init(|| {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *recorded).finish(self.count)
        })
    }

    fn by_symbol(&self) -> &PlacesBySymbol {
        self.by_symbol.get_or_init(|| {
            let mut found = PlacesBySymbol::default();
            for (number, module) in self.modules().iter().enumerate() {
                found.definitions.extend(module.definitions.iter().map(|d| (d.symbol, number as u32, d.span)));
                found.uses.extend(module.uses.iter().map(|u| (u.symbol, number as u32, u.span)));
            }
            found.definitions.sort_unstable();
            found.uses.sort_unstable();
            found
        })
    }

    /// Where a symbol is defined: nowhere for what the language gives, several times for a field
    /// of an anonymous record.
    pub fn definitions(&self, symbol: Symbol) -> impl Iterator<Item = (u32, Span)> {
        places_of(&self.by_symbol().definitions, symbol)
    }

    /// Where a symbol is used.
    pub fn uses(&self, symbol: Symbol) -> impl Iterator<Item = (u32, Span)> {
        places_of(&self.by_symbol().uses, symbol)
    }
}

fn places_of(sorted: &[(Symbol, u32, Span)], symbol: Symbol) -> impl Iterator<Item = (u32, Span)> {
    let first = sorted.partition_point(|(s, _, _)| *s < symbol);
    sorted[first..].iter().take_while(move |(s, _, _)| *s == symbol).map(|(_, module, span)| (*module, *span))
}

impl ModuleIndex {
    /// The symbols of the name that the offset touches: what is used there, then what is defined.
    pub fn symbols_at(&self, offset: u32) -> Vec<(Symbol, Span)> {
        let mut found = Vec::new();
        for entry in entries_touching(&self.uses, offset, |u| u.span) {
            found.push((entry.symbol, entry.span));
        }
        for entry in entries_touching(&self.definitions, offset, |d| d.span).filter(|d| d.named) {
            found.push((entry.symbol, entry.span));
        }
        // At `a|b` two names touch the offset; the one that begins there is meant.
        if let Some(start) = found.iter().map(|(_, span)| span.start).max() {
            found.retain(|(_, span)| span.start == start);
        }
        found
    }

    /// The type of the expression of exactly a span.
    pub fn type_of(&self, span: Span) -> Option<TypedSpan> {
        let key = |t: &TypedSpan| (t.span.start, Reverse(t.span.end));
        let found = self.types.binary_search_by_key(&(span.start, Reverse(span.end)), key).ok()?;
        self.types.get(found).copied()
    }

    /// The smallest expression that holds the offset.
    pub fn type_at(&self, offset: u32) -> Option<TypedSpan> {
        let end = self.types.partition_point(|t| t.span.start <= offset);
        self.types[..end]
            .iter()
            .rev()
            .filter(|t| offset < t.span.end || (offset == t.span.end && t.span.start < t.span.end))
            .min_by_key(|t| (offset == t.span.end, t.span.end - t.span.start))
            .copied()
    }
}

/// Entries, sorted by start and not nested, whose span touches the offset.
fn entries_touching<'e, T>(
    sorted: &'e [T],
    offset: u32,
    span: impl Fn(&T) -> Span + Copy + 'e,
) -> impl Iterator<Item = &'e T> {
    let end = sorted.partition_point(|e| span(e).start <= offset);
    // Names do not nest; only a few entries share a name, and at most one name ends at the offset.
    sorted[..end].iter().rev().take(16).filter(move |e| span(e).touches(offset))
}

/// The symbol of one field of a record type, declared or anonymous.
pub(crate) fn field_symbol(types: &Types, ty: Ty, name: &str) -> Option<Symbol> {
    let base = types.base(ty);
    match types.kind(base) {
        TyKind::Record(fields) => fields
            .iter()
            .position(|(n, _)| n == name)
            .map(|index| Symbol::RecordField { record: base, index: index as u32 }),
        TyKind::Named(id) => match &types.defs[id.index()].kind {
            TypeDefKind::Record(fields) => {
                fields.iter().position(|f| f.name == name).map(|index| Symbol::Field { of: id.0, index: index as u32 })
            }
            _ => None,
        },
        _ => None,
    }
}

macro_rules! symbols {
    ($($id:ty => $kind:ident;)*) => {
        $(impl From<$id> for Symbol {
            fn from(id: $id) -> Self {
                Symbol::$kind(id.index() as u32)
            }
        })*
    };
}
symbols! {
    ir::TypeId => Type;
    ir::ModelId => Model;
    ir::RouteId => Route;
    ir::SkillId => Skill;
    ir::FnId => Fn;
    ir::MemoryId => Memory;
    ir::CascadeId => Cascade;
}
