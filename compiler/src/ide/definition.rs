//! Where the name under the cursor is defined.

use cascade_grammar::ast::Span;
use cascade_ir as ir;

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

/// The models that a route may choose, in the order of its arms: where they are declared. Of a model itself its own
/// declaration; of other names nothing.
pub fn implementations(analysis: &Analysis, source: SourceId, offset: u32) -> Vec<Place> {
    let declared = &analysis.declared;
    let mut found = Vec::new();
    let mut next: Vec<ir::ModelRef> = match analysis.symbols_at(source, offset).first() {
        Some((Symbol::Route(id), _)) => vec![ir::ModelRef::Route(ir::RouteId(*id))],
        Some((Symbol::Model(id), _)) => vec![ir::ModelRef::Model(ir::ModelId(*id))],
        _ => Vec::new(),
    };
    let mut seen = Vec::new();
    while let Some(model) = next.pop() {
        if seen.contains(&model) {
            continue;
        }
        seen.push(model);
        match model {
            ir::ModelRef::Model(id) => {
                let origin = declared.models.get(id.index()).map(|model| model.origin);
                found.extend(origin.map(|origin| analysis.place(origin.module as u32, origin.span)));
            }
            ir::ModelRef::Route(id) => {
                let arms = declared.routes.get(id.index()).map(|route| route.route.arms.as_slice());
                let models = arms.unwrap_or_default().iter().flat_map(|arm| arm.models.iter().copied());
                // The last one pushed is taken first.
                next.extend(models.collect::<Vec<_>>().into_iter().rev());
            }
        }
    }
    found
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
