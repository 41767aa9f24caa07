//! Tests: the order of their lines, and what they name.

use cascade_grammar::ast::{Name, Span, TestLine, TestLineKind};

use crate::{
    codes,
    diagnostic::Diagnostic,
    suggest::{quoted_list, with_suggestion},
    world::View,
};

/// Reports a line that stands on the wrong side of the `run`, which stands at `ran` if it was
/// there already.
pub(crate) fn misplaced_line(view: View<'_>, line: &TestLine, ran: Option<Span>) -> Option<Diagnostic> {
    let (message, label) = match (&line.kind, ran) {
        (TestLineKind::Mock { .. }, Some(_)) => ("a mock must precede the `run`", "never called"),
        (TestLineKind::Run(_), Some(_)) => ("a test runs one cascade", "the second run"),
        (TestLineKind::Expect(_) | TestLineKind::ExpectStage { .. } | TestLineKind::ExpectFails { .. }, None) => {
            ("`expect` stands after the `run`", "nothing has run yet")
        }
        _ => return None,
    };
    let d = view.diagnostic(codes::MISPLACED, line.span, message).label(label);
    Some(match ran {
        Some(ran) => d.also_at(view.source(), ran, "it runs here"),
        None => d,
    })
}

/// Reports a test without a `run`.
pub(crate) fn runs_nothing(view: View<'_>, name: Span) -> Diagnostic {
    view.diagnostic(codes::STAGE_CALL, name, "this test has no `run`")
        .label("no `run`")
        .help("`run name(args)` runs the cascade that is tested")
}

/// Reports a test that has the name of one before it, which stands at `first`.
pub(crate) fn duplicate_test(view: View<'_>, name: &str, span: Span, first: Span) -> Diagnostic {
    view.diagnostic(codes::DUPLICATE, span, format!("there are two tests named \"{name}\""))
        .label("again here")
        .also_at(view.source(), first, "first here")
        .help("say in its name what is different about it")
}

/// Reports a stage that the run does not reach; the stages that it reaches are `known`.
pub(crate) fn unknown_stage<'n>(view: View<'_>, name: &Name, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let message = format!("the run has no stage `{}`", name.text);
    let d = view.diagnostic(codes::UNKNOWN_NAME, name.span, message).label("not found");
    let d = with_suggestion(d, &name.text, name.span, known.iter().copied());
    if d.help.is_none() && !known.is_empty() {
        return d.help(format!("its stages are {}", quoted_list(known.into_iter())));
    }
    d
}
