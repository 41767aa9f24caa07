//! Operators: operands that they do not work on.

use cascade_grammar::ast::{BinaryOp, Name, Span};

use crate::{checks::types::how_to_match, codes, diagnostic::Diagnostic, types::Ty, world::View};

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
    let d = view.diagnostic(codes::OPERATOR, span, message).also_at(view.source(), left.1, format!("`{a}`")).also_at(
        view.source(),
        right.1,
        format!("`{b}`"),
    );
    if op == BinaryOp::Add && (left.0 == Ty::STRING || right.0 == Ty::STRING) {
        let part = |operand: Operand| {
            let written = view.world.files.text(view.module, operand.1);
            match written.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(text) => text.to_owned(),
                None => format!("$<{written}>"),
            }
        };
        let text = format!("{}{}", part(left), part(right));
        if text.len() > 60 || text.contains(['\n', '`']) || text.matches('"').count() > 0 {
            d.help("put values into text: `\"$<a> and $<b>\"`")
        } else {
            d.help(format!("put values into text: `\"{text}\"`"))
        }
    } else if left.0 == Ty::JSON || right.0 == Ty::JSON {
        d.help("say what the json is first: `… as int`")
    } else {
        d
    }
}

/// Reports `in` with something that contains no such values.
pub(crate) fn wrong_membership(view: View<'_>, value: Operand, container: Operand, span: Span) -> Diagnostic {
    let (a, b) = (view.type_text(value.0), view.type_text(container.0));
    if view.types.nullable(container.0) && container.0 != Ty::JSON {
        return view
            .diagnostic(codes::MAY_BE_NULL, container.1, "this may be null, and `in` needs a value")
            .label(format!("`{b}`"))
            .help("give a value for null with `?? …`, or test it first: `if x != null { … }`");
    }
    view.diagnostic(codes::OPERATOR, span, format!("a `{b}` never contains a `{a}`"))
        .also_at(view.source(), value.1, format!("`{a}`"))
        .also_at(view.source(), container.1, format!("`{b}`"))
        .help("`in` looks for an element of a list, a key of a map, or a part of a text")
}

/// Reports a division of integers where a float is wanted.
pub(crate) fn whole_division(view: View<'_>, span: Span, left: &str, right: &str) -> Diagnostic {
    let simple = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '(' | ')'));
    let float = match left.parse::<i64>() {
        Ok(_) => format!("{left}.0"),
        Err(_) if simple(left) || (left.starts_with('(') && left.ends_with(')')) => format!("{left}.to_float()"),
        Err(_) => format!("({left}).to_float()"),
    };
    view.diagnostic(codes::WHOLE_DIVISION, span, "this is a whole-number division, and a float is wanted")
        .label("rounds toward zero: `1 / 2` is 0")
        .help(format!("write `{float} / {right}`, or `({left} / {right}).to_float()` for the whole number"))
        .fix(format!("divide with a fraction: `{float} / {right}`"), span, format!("{float} / {right}"))
        .fix(
            format!("keep the whole number: `({left} / {right}).to_float()`"),
            span,
            format!("({left} / {right}).to_float()"),
        )
}

/// Reports a comparison of a stage's value that is null whatever happened.
pub(crate) fn says_nothing(view: View<'_>, name: &Name, declared: Span) -> Diagnostic {
    let name_text = &name.text;
    view.diagnostic(codes::OPERATOR, name.span, format!("`{name_text}` is null whether it succeeded or failed"))
        .label("tells nothing")
        .also_at(view.source(), declared, "gives nothing, and `on error skip` makes a failure null")
        .help(format!(
            "write `on error keep` instead of `on error skip`, and `match {name_text} {{ ok -> … failed {{ error }} -> … }}`"
        ))
}

/// Reports `??` after a value that is never null.
pub(crate) fn coalescing_of_value(view: View<'_>, ty: Ty, span: Span) -> Diagnostic {
    view.diagnostic(codes::OPERATOR, span, "`??` has no effect: the value before it is never null")
        .label(format!("`{}`", view.type_text(ty)))
        .help("remove `??` and what follows it")
}

/// Reports `a ?? b > c` where `a` is no truth value: the comparison is made first.
pub(crate) fn comparison_after_coalesce(view: View<'_>, op: BinaryOp, span: Span) -> Option<Diagnostic> {
    let compares =
        matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
    if !compares {
        return None;
    }
    let sign = operator_text(op);
    let d = view
        .diagnostic(codes::OPERATOR, span, format!("`{sign}` is read before `??`"))
        .label("all of this is what `??` falls back to");
    Some(d.help(format!("write `(… ?? …) {sign} …`")))
}

/// Reports a comparison of values that are never equal.
pub(crate) fn never_equal(view: View<'_>, left: Ty, right: Ty, span: Span) -> Diagnostic {
    let (a, b) = (view.type_text(left), view.type_text(right));
    view.diagnostic(codes::OPERATOR, span, format!("`{a}` and `{b}` are never equal")).label("always the same answer")
}

/// Reports a comparison with null of an operand that is never null.
pub(crate) fn never_null(view: View<'_>, operand: Operand, span: Span) -> Option<Diagnostic> {
    (!view.types.nullable(operand.0)).then(|| {
        let d = view.diagnostic(codes::OPERATOR, span, "this is never null").label("always the same answer").also_at(
            view.source(),
            operand.1,
            format!("`{}`", view.type_text(operand.0)),
        );
        match how_to_match(view, operand.0) {
            Some(help) => d.help(help),
            None => d,
        }
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
        BinaryOp::In => "in",
        BinaryOp::NotIn => "not in",
    }
}
