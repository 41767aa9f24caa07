//! Where the name under the cursor is defined.

use cascade_grammar::ast::Span;

use super::Place;
use crate::{
    compile::Analysis,
    index::{Builtin, Symbol},
    source::SourceId,
};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name that was asked about.
    pub name: Span,
    /// What it is, with its article: `a skill`, `a field`.
    pub what: &'static str,
    /// Where it is defined: nowhere for what the language itself gives, at several places for a
    /// field of an anonymous record.
    pub places: Vec<Place>,
}

/// What the name at an offset of a file stands for. `None`: no name stands there, or it stands
/// for nothing.
pub fn definition(analysis: &Analysis, source: SourceId, offset: u32) -> Option<Definition> {
    let (symbol, name) = analysis.symbols_at(source, offset).into_iter().next()?;
    let places = match symbol {
        // A module is the whole of its file.
        Symbol::Module(module) => vec![analysis.place(module, Span::default())],
        _ => analysis.index.definitions(symbol).map(|(module, span)| analysis.place(module, span)).collect(),
    };
    Some(Definition { name, what: kind_name(symbol), places })
}

fn kind_name(symbol: Symbol) -> &'static str {
    match symbol {
        Symbol::Type(_) => "a type",
        Symbol::Model(_) => "a model",
        Symbol::Route(_) => "a route",
        Symbol::Mcp(_) => "an mcp server",
        Symbol::Skill(_) => "a skill",
        Symbol::Fn(_) => "a fn",
        Symbol::Memory(_) => "a memory",
        Symbol::Cascade(_) => "a cascade",
        Symbol::Module(_) => "a module",
        Symbol::Field { .. } | Symbol::VariantField { .. } | Symbol::RecordField { .. } => "a field",
        Symbol::Variant { .. } => "a variant",
        Symbol::MemoryKey { .. } => "a key of a memory",
        Symbol::Param { .. } => "a parameter",
        Symbol::Variable { .. } => "a variable",
        Symbol::Builtin(Builtin::Type) => "a built-in type",
        Symbol::Builtin(Builtin::Function) => "a built-in function",
        Symbol::Builtin(Builtin::Method) => "a built-in method",
        Symbol::Builtin(Builtin::Word) => "a word of the language",
        Symbol::Builtin(Builtin::Key) => "a key",
        Symbol::Missing => "a name of a module that could not be loaded",
    }
}
