//! The type of the expression or the variable under the cursor.

use cascade_grammar::ast::Span;

use crate::{compile::Analysis, source::SourceId};

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
    let number = analysis.module(source)?;
    let (module, types) = (analysis.index.modules.get(number)?, &analysis.types);
    let variable = module.variables.iter().find(|v| v.span.touches(offset)).map(|v| (v.span, v.ty, v.untrusted));
    let expression = module.type_at(offset).map(|t| (t.span, t.ty, t.untrusted));
    // A name that is no expression: of a field, of a parameter at its call.
    for (symbol, name) in module.symbols_at(offset) {
        let is_expression = expression.is_some_and(|(span, ..)| span.end == name.end);
        if let (false, Some(ty)) = (is_expression, analysis.declared.type_of(types, symbol)) {
            return Some(TypeAt {
                span: name,
                ty: types.type_text(ty),
                untrusted: false,
                secret: types.holds_secret(ty),
            });
        }
    }
    let smaller = |a: &(Span, _, _), b: &(Span, _, _)| a.0.end - a.0.start <= b.0.end - b.0.start;
    let (span, ty, untrusted) = match (variable, expression) {
        (Some(v), Some(e)) => {
            if smaller(&v, &e) {
                v
            } else {
                e
            }
        }
        (one, other) => one.or(other)?,
    };
    Some(TypeAt { span, ty: types.type_text(ty), untrusted, secret: types.holds_secret(ty) })
}

/// The type of exactly the expression that a range holds. `None` when the range is no expression.
pub fn type_of(analysis: &Analysis, source: SourceId, span: Span) -> Option<TypeAt> {
    let module = analysis.index.modules.get(analysis.module(source)?)?;
    let found = module.type_of(span)?;
    let types = &analysis.types;
    let (ty, secret) = (types.type_text(found.ty), types.holds_secret(found.ty));
    Some(TypeAt { span, ty, untrusted: found.untrusted, secret })
}
