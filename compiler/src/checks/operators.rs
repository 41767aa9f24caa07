//! Operators: operands that they do not work on.

use cascade_grammar::ast::{BinaryOp, Span};

use crate::{codes, diagnostic::Diagnostic, types::Ty, world::View};

/// An operand: its type, and where it stands.
pub(crate) type Operand = (Ty, Span);

/// Reports an operator that does not work on its operands.
pub(crate) fn wrong_operands(view: View<'_>, op: BinaryOp, left: Operand, right: Operand, span: Span) -> Diagnostic {
    let types = view.types;
    if let Some((ty, at)) = [left, right].into_iter().find(|(t, _)| types.nullable(*t) && *t != Ty::JSON) {
        let message = format!("this may be null, and `{}` needs a value", operator_text(op));
        return view
            .diagnostic(codes::MAY_BE_NULL, at, message)
            .label(format!("`{}`", view.type_text(ty)))
            .help("give a value for null with `?? …`, or test it first: `if x != null { … }`");
    }
    let (a, b) = (view.type_text(left.0), view.type_text(right.0));
    let message = format!("`{}` does not work on `{a}` and `{b}`", operator_text(op));
    let d = view.diagnostic(codes::OPERATOR, span, message).also(view.source(), left.1, format!("`{a}`")).also(
        view.source(),
        right.1,
        format!("`{b}`"),
    );
    if op == BinaryOp::Add && (left.0 == Ty::STRING || right.0 == Ty::STRING) {
        d.help("put values into text: `\"$<a> and $<b>\"`")
    } else if left.0 == Ty::JSON || right.0 == Ty::JSON {
        d.help("say what the json is first: `… as int`")
    } else {
        d
    }
}

/// Reports `??` after a value that is never null.
pub(crate) fn coalescing_of_value(view: View<'_>, ty: Ty, span: Span) -> Diagnostic {
    view.diagnostic(codes::OPERATOR, span, "`??` has no effect: the value before it is never null")
        .label(format!("`{}`", view.type_text(ty)))
        .help("remove `??` and what follows it")
}

/// Reports a comparison of values that are never equal.
pub(crate) fn never_equal(view: View<'_>, left: Ty, right: Ty, span: Span) -> Diagnostic {
    let (a, b) = (view.type_text(left), view.type_text(right));
    view.diagnostic(codes::OPERATOR, span, format!("`{a}` and `{b}` are never equal")).label("always the same answer")
}

/// Reports a comparison with null of an operand that is never null.
pub(crate) fn never_null(view: View<'_>, operand: Operand, span: Span) -> Option<Diagnostic> {
    (!view.types.nullable(operand.0)).then(|| {
        view.diagnostic(codes::OPERATOR, span, "this is never null").label("always the same answer").also(
            view.source(),
            operand.1,
            format!("`{}`", view.type_text(operand.0)),
        )
    })
}

fn operator_text(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Coalesce => "??",
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}
