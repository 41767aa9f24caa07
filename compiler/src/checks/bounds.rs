//! Bounds: what can never happen within the time, the money or the number that is given.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, ExprKind, Span, UnaryOp};

use crate::{codes, diagnostic::Diagnostic, world::View};

/// A bound that is known before the program runs, and where it is written.
type KnownBound = Option<(i64, Span)>;

/// The bounds that hold at a place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// In milliseconds.
    timeout: KnownBound,
    /// Of money in millionths of a dollar, of tokens, of time in milliseconds.
    budgets: [KnownBound; 3],
}

/// Which of the budgets a clause states: of money, tokens or time.
fn budget_kind(clause: &ClauseKind) -> Option<(usize, &Expr)> {
    match clause {
        ClauseKind::TokenBudget(e) => Some((1, e)),
        ClauseKind::Budget(e) => {
            let mut bare = e;
            while let ExprKind::Paren(inner) = &bare.kind {
                bare = inner;
            }
            match &bare.kind {
                ExprKind::Money(_) => Some((0, e)),
                ExprKind::Duration(_) => Some((2, e)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The value of a literal number, duration or amount; negative ones too.
fn literal_value(e: &Expr) -> Option<i64> {
    match &e.kind {
        ExprKind::Int(n) | ExprKind::Duration(n) | ExprKind::Money(n) => Some(*n),
        ExprKind::Paren(inner) => literal_value(inner),
        ExprKind::Unary(UnaryOp::Neg, inner) => literal_value(inner).map(|n| -n),
        _ => None,
    }
}

/// The bounds that hold inside of a stage or a cascade with these clauses, and what is wrong with
/// them. `outer` are the bounds that hold around it.
pub(crate) fn check_clauses(view: View<'_>, clauses: &[Clause], outer: Limits) -> (Limits, Vec<Diagnostic>) {
    let mut inner = outer;
    let mut found = Vec::new();
    for clause in clauses {
        match &clause.kind {
            ClauseKind::Timeout { total, idle } => {
                check_timeout(view, total, idle.as_ref(), outer, &mut found);
                if let Some(ms) = literal_value(total) {
                    inner.timeout = Some((ms, total.span));
                }
            }
            ClauseKind::Budget(_) | ClauseKind::TokenBudget(_) => {
                let Some((kind, e)) = budget_kind(&clause.kind) else { continue };
                let Some(budget) = literal_value(e) else { continue };
                if let Some((around, at)) = outer.budgets[kind]
                    && budget > around
                {
                    let message = "this budget is larger than the enclosing one";
                    found.push(pointless_bound(view, e.span, message, at, "the enclosing budget is smaller"));
                }
                inner.budgets[kind] = Some((budget, e.span));
            }
            ClauseKind::Retry { count, backoff } => check_retry(view, count, backoff.as_ref(), outer, &mut found),
            ClauseKind::OnError { action: ErrorAction::Fix { max: Some(max), .. }, .. } => {
                found.extend(less_than_one(view, max, "a repair is tried at least once"));
            }
            _ => {}
        }
    }
    (inner, found)
}

fn check_timeout(view: View<'_>, total: &Expr, idle: Option<&Expr>, outer: Limits, found: &mut Vec<Diagnostic>) {
    for e in [Some(total), idle].into_iter().flatten() {
        if literal_value(e).is_some_and(|ms| ms <= 0) {
            found.push(too_small(view, e.span, "the time must be greater than zero"));
        }
    }
    let Some(ms) = literal_value(total) else { return };
    if let Some(idle) = idle
        && literal_value(idle).is_some_and(|idle| idle >= ms)
    {
        let message = "this `idle` limit is not shorter than the timeout, which ends the stage first";
        found.push(pointless_bound(view, idle.span, message, total.span, "the timeout"));
    }
    if let Some((around, at)) = outer.timeout
        && ms > around
    {
        let message = "this time limit is longer than the enclosing one";
        found.push(pointless_bound(view, total.span, message, at, "the enclosing time limit is shorter"));
    }
}

fn check_retry(
    view: View<'_>,
    count: &Expr,
    backoff: Option<&(Expr, Expr)>,
    outer: Limits,
    found: &mut Vec<Diagnostic>,
) {
    let times = literal_value(count);
    match times {
        Some(n) if n < 0 => found.push(too_small(view, count.span, "the number of retries cannot be negative")),
        Some(0) => found.push(
            view.diagnostic(codes::POINTLESS_BOUND, count.span, "`retry 0` has no effect")
                .label("no second attempt")
                .help("leave the clause out"),
        ),
        _ => {}
    }
    let Some((low, high)) = backoff else { return };
    let (Some(first), Some(longest)) = (literal_value(low), literal_value(high)) else { return };
    if first > longest {
        let message = "the first pause is longer than the longest";
        found.push(pointless_bound(view, low.span, message, high.span, "the longest pause"));
    }
    // The timeout of the stage itself is that of one attempt; those around hold for all.
    let least = first.checked_mul(times.unwrap_or(0));
    if let (Some((around, at)), Some(least)) = (outer.timeout, least)
        && least > around
    {
        let message = "the pauses of this retry exceed the enclosing time limit";
        found.push(pointless_bound(view, low.span, message, at, "it ends before"));
    }
}

fn pointless_bound(view: View<'_>, span: Span, message: &str, around: Span, label: &str) -> Diagnostic {
    view.diagnostic(codes::POINTLESS_BOUND, span, message)
        .label("has no effect")
        .also_at(view.source(), around, label)
        .help("decrease this limit, or increase the other one")
}

fn too_small(view: View<'_>, span: Span, message: &str) -> Diagnostic {
    view.diagnostic(codes::ZERO_BOUND, span, message).label("must be more than that")
}

/// Reports a number of times, or of things at once, that is less than one.
pub(crate) fn less_than_one(view: View<'_>, e: &Expr, message: &str) -> Option<Diagnostic> {
    literal_value(e).is_some_and(|n| n < 1).then(|| too_small(view, e.span, message))
}
