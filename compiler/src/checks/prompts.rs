//! Prompts: what of their answers is checked.

use cascade_grammar::ast::Span;

use crate::{
    codes,
    diagnostic::Diagnostic,
    types::{Ty, TyKind, TypeDefKind, Types},
    world::View,
};

/// Warns of a structured result of a prompt in which any text fits every field: such an answer is never found wrong. A
/// text alone is prose, of which nothing else is expected.
pub(crate) fn merely_texts(view: View<'_>, types: &Types, output: Ty, at: Span) -> Option<Diagnostic> {
    if !is_structured(types, output) {
        return None;
    }
    let is_checked = |ty: Ty| match types.kind(ty) {
        TyKind::String | TyKind::List(_) | TyKind::Optional(_) | TyKind::Record(_) => false,
        TyKind::Named(id) => matches!(types.defs[id.index()].kind, TypeDefKind::Enum(_)),
        _ => true,
    };
    if types.any_part(output, &mut Vec::new(), &is_checked) {
        return None;
    }
    if !types.any_part(output, &mut Vec::new(), &|ty| ty == Ty::STRING) {
        return None;
    }
    let shown = types.type_text(output);
    Some(
        view.diagnostic(codes::MERELY_TEXTS, at, format!("any answer fits `{shown}`: it has only texts, and none is limited"))
            .label("an answer of the model is never found wrong")
            .help("limit a text by `where`, or take an enum, a number or a bool where the answer is one of few; prose is a `string`"),
    )
}

/// Whether a type is a record or a list, perhaps by another name.
fn is_structured(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::List(_) | TyKind::Record(_) => true,
        TyKind::Optional(inner) => is_structured(types, *inner),
        TyKind::Named(id) => match &types.defs[id.index()].kind {
            TypeDefKind::Record(_) => true,
            TypeDefKind::Alias(inner) => is_structured(types, *inner),
            _ => false,
        },
        _ => false,
    }
}
