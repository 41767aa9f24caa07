//! The type of the expression or the variable under the cursor.

use cascade_grammar::ast::Span;

use super::Place;
use crate::{compile::Analysis, index::TypedSpan, source::SourceId, types::TyKind};

/// A type at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeAt {
    /// The expression, or the name of the variable.
    pub span: Span,
    /// The type as it is written in a program.
    pub ty: String,
    /// Whether the value may hold text that came from a model, a command, the web or a tool.
    pub untrusted: bool,
    /// Whether the value holds a secret.
    pub secret: bool,
}

/// The type of the smallest expression at an offset of a file, or of the variable that is
/// declared there. `None` where neither stands.
pub fn type_at(analysis: &Analysis, source: SourceId, offset: u32) -> Option<TypeAt> {
    let found = find_type(analysis, source, offset)?;
    let types = &analysis.types;
    let (ty, secret) = (types.type_text(found.ty), types.holds_secret(found.ty));
    Some(TypeAt { span: found.span, ty, untrusted: found.untrusted, secret })
}

/// Where the type of the expression at an offset is declared: of a list or an optional the type of its elements.
pub fn type_definition(analysis: &Analysis, source: SourceId, offset: u32) -> Option<Place> {
    let mut ty = find_type(analysis, source, offset)?.ty;
    loop {
        match analysis.types.kind(ty) {
            TyKind::Optional(inner) | TyKind::List(inner) | TyKind::Map(inner) | TyKind::Refined(inner, _) => {
                ty = *inner;
            }
            TyKind::Named(id) => {
                // An `outcome<T>` is declared nowhere.
                let origin = analysis.declared.types.get(id.index())?.origin;
                return Some(analysis.place(origin.module as u32, origin.span));
            }
            _ => return None,
        }
    }
}

fn find_type(analysis: &Analysis, source: SourceId, offset: u32) -> Option<TypedSpan> {
    let number = analysis.module(source)?;
    let (module, types) = (analysis.index.modules().get(number)?, &analysis.types);
    let variable = module.variables.iter().find(|v| v.span.touches(offset));
    let variable = variable.map(|v| TypedSpan { span: v.span, ty: v.ty, untrusted: v.untrusted });
    let expression = module.type_at(offset);
    // A name that is no expression: of a field, of a parameter at its call.
    for (symbol, name) in module.symbols_at(offset) {
        let is_expression = expression.is_some_and(|found| found.span.end == name.end);
        if let (false, Some(ty)) = (is_expression, analysis.declared.type_of(types, symbol)) {
            return Some(TypedSpan { span: name, ty, untrusted: false });
        }
    }
    let length = |found: &TypedSpan| found.span.end - found.span.start;
    variable.into_iter().chain(expression).min_by_key(length)
}

/// The type of exactly the expression that a range holds. `None` when the range is no expression.
pub fn type_of(analysis: &Analysis, source: SourceId, span: Span) -> Option<TypeAt> {
    let module = analysis.index.modules().get(analysis.module(source)?)?;
    let found = module.type_of(span)?;
    let types = &analysis.types;
    let (ty, secret) = (types.type_text(found.ty), types.holds_secret(found.ty));
    Some(TypeAt { span, ty, untrusted: found.untrusted, secret })
}
