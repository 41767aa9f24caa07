//! Untrusted text: it must not choose the program of a command.

use cascade_grammar::ast::Span;
use cascade_shell::Reason;

use crate::{
    codes,
    diagnostic::Diagnostic,
    flow::{CodeReason, Flow, Untrusted},
    source::SourceId,
    types::{Ty, TyKind, Types},
    world::View,
};

/// Reports untrusted text that would be code. `span` is the place of the text, and `at` that where
/// it would become code, here or in what is called.
pub(crate) fn untrusted_code(
    view: View<'_>,
    flow: &Flow,
    span: Span,
    reason: &CodeReason,
    at: (SourceId, Span),
) -> Option<Diagnostic> {
    let untrusted = flow.untrusted?;
    let (message, label, help) = describe_reason(reason);
    let mut d = view.diagnostic(codes::UNTRUSTED_PROGRAM, span, message).label(label).help(help);
    let (source, place) = at;
    if source != view.source() || place.start > span.end || place.end < span.start {
        d = d.also_at(source, place, "becomes code here");
    }
    Some(with_way(view, d, untrusted))
}

/// Reports a placeholder (`{test}`) where a program is chosen: any text may be put there.
pub(crate) fn placeholder_sink(view: View<'_>, span: Span) -> Diagnostic {
    view.diagnostic(codes::UNTRUSTED_PROGRAM, span, "a placeholder would choose the program that is run")
        .label("what `with` puts there could be any program")
        .help("write the program out; a placeholder stands for an argument")
}

/// Whether a value of the type could hold text.
pub(crate) fn holds_text(types: &Types, ty: Ty) -> bool {
    let text = |t| {
        // The keys of a map are text.
        matches!(t, Ty::STRING | Ty::PATH | Ty::JSON | Ty::COMMAND | Ty::FILE | Ty::ERROR)
            || matches!(types.kind(t), TyKind::Map(_))
    };
    types.any_part(ty, &mut Vec::new(), &text)
}

/// Whether the values of the type are neither text nor named by text: numbers, booleans, variants without such fields.
pub(crate) fn carries_nothing(types: &Types, ty: Ty) -> bool {
    let named = |t| matches!(t, Ty::IMAGE | Ty::AUDIO | Ty::VIDEO | Ty::SECRET | Ty::MODEL);
    !holds_text(types, ty) && !types.any_part(ty, &mut Vec::new(), &named)
}

/// Adds the way of untrusted text from where it comes to where it is.
fn with_way(view: View<'_>, d: Diagnostic, untrusted: Untrusted) -> Diagnostic {
    let (source, span) = untrusted.from;
    let d = d.also_at(source, span, format!("this comes from {}", untrusted.origin.description()));
    match untrusted.carried {
        Some((source, span)) => {
            let name = view.world.files.map.get(source).text.get(span.range()).unwrap_or_default();
            d.also_at(source, span, format!("carried into `{name}` here"))
        }
        None => d,
    }
}

/// The message, the label and the way out for text that would be code.
fn describe_reason(reason: &CodeReason) -> (String, &'static str, &'static str) {
    const PROGRAM: &str = "write the program out and pass the text as an argument, `match` it against the programs that \
                           you allow, or vouch for it with `as trusted`";
    const CODE: &str = "pass the text as an argument that is read as data, or vouch for it with `as trusted`";
    let reason = match reason {
        CodeReason::Shell(reason) => reason,
        CodeReason::Server => {
            return (
                "untrusted text would decide which server is asked".to_owned(),
                "stands before the path of the address",
                "write the server out, or vouch for the text with `as trusted`",
            );
        }
    };
    match reason {
        Reason::Program => {
            ("untrusted text would decide which program runs".to_owned(), "the program of a command is code", PROGRAM)
        }
        Reason::Code(program) => (
            format!("`{program}` would read untrusted text as code"),
            "an answer of a model, or of a program, could run anything",
            CODE,
        ),
        Reason::Option(program) => (
            format!("`{program}` could read untrusted text as an option that runs a program"),
            "could begin with `-`",
            "write `--` before it if the program understands that, or begin the word with literal text (`./$<…>`); \
             or vouch for it with `as trusted`",
        ),
        Reason::Variable(name) => (
            format!("untrusted text in `{name}` would decide which program runs"),
            "this variable chooses programs",
            "write the value out, or vouch for it with `as trusted`",
        ),
        Reason::Arithmetic => (
            "a shell could run untrusted text in arithmetic".to_owned(),
            "some shells run commands in it",
            "calculate with `int` values outside of the command",
        ),
        Reason::UnknownProgram => (
            "untrusted text would be an argument of a program that is not known here".to_owned(),
            "the program could read it as code",
            PROGRAM,
        ),
        Reason::Directory => (
            "untrusted text would decide which program runs".to_owned(),
            "the program is looked for in this directory",
            "name the program by an absolute path, or vouch for the directory with `as trusted`",
        ),
        Reason::File(name) => {
            (format!("untrusted text in the file `{name}` would be run"), "written to the file", CODE)
        }
    }
}
