//! Clauses: where they stand, and how often.

use cascade_grammar::ast::{Clause, ClauseKind, Expr, ExprKind, Span};

use crate::{codes, diagnostic::Diagnostic, world::View};

/// The word of a clause. A budget of time is another clause than one of money.
pub(crate) fn clause_word(kind: &ClauseKind) -> &'static str {
    match kind {
        ClauseKind::Using(_) => "using",
        ClauseKind::Needs(_) => "needs",
        ClauseKind::Timeout { .. } => "timeout",
        ClauseKind::Retry { .. } => "retry",
        ClauseKind::Budget(value) if is_duration(value) => "budget of time",
        ClauseKind::Budget(_) => "budget",
        ClauseKind::TokenBudget(_) => "budget of tokens",
        ClauseKind::Cache(_) => "cache",
        ClauseKind::Isolate => "isolate",
        ClauseKind::Exclusive { .. } => "exclusive",
        ClauseKind::OnError { .. } => "on error",
        ClauseKind::Discard => "discard",
        ClauseKind::Branch(_) => "branch",
        ClauseKind::Error => "",
    }
}

/// Whether the value of a budget is a time.
pub(crate) fn is_duration(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Duration(_))
}

/// Reports clauses on an expression that is no stage.
pub(crate) fn without_stage(view: View<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
    let clause = clauses.first().filter(|clause| !matches!(clause.kind, ClauseKind::Error))?;
    Some(
        view.diagnostic(codes::WRONG_PLACE, clause.span, "a clause belongs to a stage")
            .label("no stage here")
            .help("`stage name = …` before it"),
    )
}

/// Reports clauses of a cascade that only a stage can have.
pub(crate) fn of_stages_only(view: View<'_>, clauses: &[Clause]) -> Vec<Diagnostic> {
    let misplaced = clauses.iter().filter(|clause| {
        !matches!(
            clause.kind,
            ClauseKind::Using(_)
                | ClauseKind::Timeout { .. }
                | ClauseKind::Budget(_)
                | ClauseKind::TokenBudget(_)
                | ClauseKind::Needs(_)
                | ClauseKind::Exclusive { .. }
                | ClauseKind::Error
        )
    });
    let report = |clause: &Clause| {
        view.diagnostic(codes::WRONG_PLACE, clause.span, "this clause belongs to a stage")
            .label("a cascade has `budget`, `timeout`, `using`, `needs` and `exclusive`")
            .help("put it on the stage that calls this cascade")
    };
    misplaced.map(report).collect()
}

/// Reports `cache` on a stage that calls no skill, and so has no answer of its own to keep.
pub(crate) fn cache_without_skill(view: View<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
    let clause = clauses.iter().find(|clause| matches!(clause.kind, ClauseKind::Cache(_)))?;
    Some(
        view.diagnostic(codes::WRONG_PLACE, clause.span, "`cache` stores the answer of a single skill")
            .label("this stage calls none")
            .help("put the clause on the stages inside"),
    )
}

/// Reports clauses that a stage has twice. Of `on error` it may have several.
pub(crate) fn repeated_clauses(view: View<'_>, clauses: &[Clause]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: Vec<(&'static str, Span)> = Vec::new();
    for clause in clauses {
        if matches!(clause.kind, ClauseKind::OnError { .. } | ClauseKind::Error) {
            continue;
        }
        let word = clause_word(&clause.kind);
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == word) {
            let d = view
                .diagnostic(codes::DUPLICATE, clause.span, format!("`{word}` is given twice"))
                .label("again here")
                .also_at(view.source(), *first, "first here");
            found.push(d);
        }
        seen.push((word, clause.span));
    }
    found
}

/// Reports a second word about what becomes of the changes of a sandbox.
pub(crate) fn two_ends(view: View<'_>, clauses: &[Clause]) -> Option<Diagnostic> {
    let mut ends = clauses.iter().filter(|clause| matches!(clause.kind, ClauseKind::Discard | ClauseKind::Branch(_)));
    let (first, second) = (ends.next()?, ends.next()?);
    // The same word twice is reported as for every clause.
    if clause_word(&first.kind) == clause_word(&second.kind) {
        return None;
    }
    let message = "a change is thrown away or committed to a branch, not both";
    Some(view.diagnostic(codes::DUPLICATE, second.span, message).label("or this").also_at(
        view.source(),
        first.span,
        "either this",
    ))
}

/// Reports a clause that only a stage with a `sandbox` can have.
pub(crate) fn without_sandbox(view: View<'_>, clause: &Clause) -> Diagnostic {
    let word = clause_word(&clause.kind);
    view.diagnostic(codes::WRONG_PLACE, clause.span, format!("`{word}` belongs to a `sandbox`"))
        .label("no sandbox here")
}
