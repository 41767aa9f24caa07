//! Calls of methods: their arguments, and what their receivers hold.

use cascade_grammar::ast::{Arg, ExprKind, Name, Span, StrPart};

use crate::{codes, diagnostic::Diagnostic, types::Ty, world::View};

/// Reports arguments with names.
pub(crate) fn named_arguments(view: View<'_>, args: &[Arg]) -> Vec<Diagnostic> {
    let report = |label: &Name| {
        view.diagnostic(codes::ARGUMENTS, label.span, "the arguments of a method have no names")
            .label("remove the name")
    };
    args.iter().filter_map(|arg| arg.name.as_ref()).map(report).collect()
}

/// Reports a wrong number of arguments.
pub(crate) fn argument_count(
    view: View<'_>,
    name: &Name,
    given: usize,
    args_span: Span,
    (least, most): (usize, usize),
) -> Option<Diagnostic> {
    if (least..=most).contains(&given) {
        return None;
    }
    let takes = match (least, most) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (a, b) if a == b => format!("{a} arguments"),
        (a, b) => format!("{a} to {b} arguments"),
    };
    let d = view.diagnostic(codes::ARGUMENTS, args_span, format!("`{}` takes {takes}", name.text));
    let d = d.label(format!("{given} given"));
    Some(match name.text.as_str() {
        "sort" | "min" | "max" if most == 0 => {
            let by = format!("{}_by", name.text);
            d.help(format!("write `{by}(|x| …)`"))
        }
        "sum" | "avg" if most == 0 => d.help(format!("write `.map(|x| …).{}()`", name.text)),
        _ => d,
    })
}

/// Reports a method on a list whose elements it does not work on.
pub(crate) fn wrong_elements(view: View<'_>, name: &Name, element: Ty, wanted: &str) -> Option<Diagnostic> {
    (element != Ty::ERROR).then(|| {
        view.diagnostic(codes::OPERATOR, name.span, format!("`{}` works on lists of {wanted}", name.text))
            .label(format!("the elements are `{}`", view.type_text(element)))
    })
}

/// Reports a secret that a method would turn into text.
pub(crate) fn secret_as_text(view: View<'_>, name: &Name) -> Diagnostic {
    view.diagnostic(codes::SECRET_LEAK, name.span, "a secret does not become text").label("would become visible")
}

/// Reports a regular expression that is written out and cannot be read.
pub(crate) fn regular_expression(view: View<'_>, pattern: &Arg) -> Option<Diagnostic> {
    let ExprKind::Str(literal) = &pattern.value.kind else { return None };
    let [StrPart::Text { text, .. }] = literal.parts.as_slice() else { return None };
    let why = match regex_syntax::parse(text).err()? {
        regex_syntax::Error::Parse(e) => e.kind().to_string(),
        regex_syntax::Error::Translate(e) => e.kind().to_string(),
        other => other.to_string(),
    };
    let message = format!("this is not a regular expression: {why}");
    Some(
        view.diagnostic(codes::MISMATCH, pattern.value.span, message)
            .label("cannot be read as a pattern")
            .help("a backslash in text is written `\\\\`: `\"\\\\d+\"`"),
    )
}
