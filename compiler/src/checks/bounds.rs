//! Bounds: what can never happen within the time, the money or the number that is given.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, ExprKind, Span, UnaryOp};

use crate::{codes, elab::body::Body};

/// A bound that is known before the program runs, and where it is written.
type Known = Option<(i64, Span)>;

/// The bounds that hold at a place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// In milliseconds.
    timeout: Known,
    /// Of money in millionths of a dollar, of tokens, of time in milliseconds.
    budgets: [Known; 3],
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

/// A literal number, duration or amount; negative ones too.
fn literal(e: &Expr) -> Option<i64> {
    match &e.kind {
        ExprKind::Int(n) | ExprKind::Duration(n) | ExprKind::Money(n) => Some(*n),
        ExprKind::Paren(inner) => literal(inner),
        ExprKind::Unary(UnaryOp::Neg, inner) => literal(inner).map(|n| -n),
        _ => None,
    }
}

impl<'a> Body<'_, 'a> {
    /// Judges the bounds of a stage or a cascade, which hold until the result is given to
    /// [`Body::leave_limits`].
    pub fn enter_limits(&mut self, clauses: &'a [Clause]) -> Limits {
        let outer = self.checks.limits;
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Timeout { total, idle } => self.timeout_bound(total, idle.as_ref(), outer),
                ClauseKind::Budget(_) | ClauseKind::TokenBudget(_) => {
                    let Some((kind, e)) = budget_kind(&clause.kind) else { continue };
                    let Some(budget) = literal(e) else { continue };
                    if let Some((around, at)) = outer.budgets[kind]
                        && budget > around
                    {
                        self.pointless(e.span, "this budget can never be spent", at, "the budget around it is smaller");
                    }
                    self.checks.limits.budgets[kind] = Some((budget, e.span));
                }
                ClauseKind::Retry { count, backoff } => self.retry_bound(count, backoff.as_ref(), outer),
                ClauseKind::OnError { action: ErrorAction::Fix { max: Some(max), .. }, .. } => {
                    self.at_least_one(max, "a repair is tried at least once");
                }
                _ => {}
            }
        }
        outer
    }

    /// Ends what [`Body::enter_limits`] began.
    pub fn leave_limits(&mut self, outer: Limits) {
        self.checks.limits = outer;
    }

    fn timeout_bound(&mut self, total: &'a Expr, idle: Option<&'a Expr>, outer: Limits) {
        for e in [Some(total), idle].into_iter().flatten() {
            if literal(e).is_some_and(|ms| ms <= 0) {
                self.zero(e.span, "nothing can happen in no time");
            }
        }
        let Some(ms) = literal(total) else { return };
        if let Some(idle) = idle
            && literal(idle).is_some_and(|idle| idle >= ms)
        {
            let message = "no stage is ever idle that long";
            self.pointless(idle.span, message, total.span, "it has no more time than this");
        }
        if let Some((around, at)) = outer.timeout
            && ms > around
        {
            self.pointless(total.span, "this time can never pass", at, "the time around it is shorter");
        }
        self.checks.limits.timeout = Some((ms, total.span));
    }

    fn retry_bound(&mut self, count: &'a Expr, backoff: Option<&'a (Expr, Expr)>, outer: Limits) {
        let times = literal(count);
        match times {
            Some(n) if n < 0 => self.zero(count.span, "nothing is tried less than never"),
            Some(0) => {
                let d = self
                    .diag(codes::POINTLESS_BOUND, count.span, "`retry 0` never tries again")
                    .label("no second attempt")
                    .help("leave the clause out");
                self.report(d);
            }
            _ => {}
        }
        let Some((low, high)) = backoff else { return };
        let (Some(first), Some(longest)) = (literal(low), literal(high)) else { return };
        if first > longest {
            let message = "the first pause is longer than the longest";
            self.pointless(low.span, message, high.span, "the longest pause");
        }
        // The timeout of the stage itself is that of one attempt; those around hold for all.
        let least = first.checked_mul(times.unwrap_or(0));
        if let (Some((around, at)), Some(least)) = (outer.timeout, least)
            && least > around
        {
            self.pointless(
                low.span,
                "the pauses of this retry do not fit into the time around it",
                at,
                "it ends before",
            );
        }
    }

    fn pointless(&mut self, span: Span, message: &str, around: Span, label: &str) {
        let source = self.source();
        let d = self
            .diag(codes::POINTLESS_BOUND, span, message)
            .label("has no effect")
            .also(source, around, label)
            .help("make this one smaller, or the other one larger");
        self.report(d);
    }

    fn zero(&mut self, span: Span, message: &str) {
        let d = self.diag(codes::ZERO_BOUND, span, message).label("must be more than that");
        self.report(d);
    }

    /// Reports a number of times, or of things at once, that is less than one.
    pub fn at_least_one(&mut self, e: &Expr, message: &str) {
        if literal(e).is_some_and(|n| n < 1) {
            self.zero(e.span, message);
        }
    }
}
