//! Clauses: `using`, `timeout`, `retry`, `budget`, `on error` and their like.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, ExprKind, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    body::{Body, Target},
    with_suggestion,
};
use crate::{codes, flow::Flow, types::Ty};

impl<'a> Body<'_, 'a> {
    /// Reports clauses where none can stand.
    pub fn no_clauses(&mut self, clauses: &'a [Clause]) {
        if let Some(clause) = clauses.first()
            && !matches!(clause.kind, ClauseKind::Error)
        {
            let d = self
                .diag(codes::WRONG_PLACE, clause.span, "a clause belongs to a stage")
                .label("no stage here")
                .help("`stage name = …` before it");
            self.report(d);
        }
    }

    /// Reports `cache` on a stage that has no answer of its own to keep.
    pub(super) fn cache_of_nothing(&mut self, clauses: &'a [Clause]) {
        let Some(clause) = clauses.iter().find(|c| matches!(c.kind, ClauseKind::Cache(_))) else { return };
        let d = self
            .diag(codes::WRONG_PLACE, clause.span, "`cache` keeps the answer of one skill")
            .label("this stage calls none")
            .help("put the clause on the stages inside");
        self.report(d);
    }

    /// Clauses of a stage; whether `on error skip` makes its value optional.
    pub fn clauses(&mut self, clauses: &'a [Clause], ty: Ty, value: &'a Expr, block: bool) -> (ir::Clauses, bool) {
        let mut out = ir::Clauses::default();
        let mut skips = false;
        let mut seen: Vec<(&'static str, Span)> = Vec::new();
        let is_sandbox = matches!(value.kind, ExprKind::Sandbox(_));
        for clause in clauses {
            let word = clause_word(&clause.kind);
            if !matches!(clause.kind, ClauseKind::OnError { .. } | ClauseKind::Error) {
                if let Some((_, first)) = seen.iter().find(|(w, _)| *w == word) {
                    let (first, source) = (*first, self.source());
                    let d = self
                        .diag(codes::DUPLICATE, clause.span, format!("`{word}` is given twice"))
                        .label("again here")
                        .also(source, first, "first here");
                    self.report(d);
                }
                seen.push((word, clause.span));
            }
            match &clause.kind {
                ClauseKind::Error => {}
                ClauseKind::Using(e) => {
                    out.using = Some(self.models(e));
                }
                ClauseKind::Needs(needs) => {
                    self.cx.record_words(self.module, needs);
                    needs.iter().for_each(|n| self.misspelt_need(n));
                    out.needs.extend(needs.iter().map(|n| n.text.clone()));
                }
                ClauseKind::Timeout { total, idle } => {
                    out.timeout = Some(self.check(total, Ty::DURATION).ir);
                    out.idle = idle.as_ref().map(|e| self.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Retry { count, backoff } => {
                    let count = self.check(count, Ty::INT).ir;
                    let backoff = backoff
                        .as_ref()
                        .map(|(low, high)| (self.check(low, Ty::DURATION).ir, self.check(high, Ty::DURATION).ir));
                    out.retry = Some(ir::Retry { count, backoff });
                }
                ClauseKind::Budget(e) => self.budget(e, &mut out),
                ClauseKind::TokenBudget(e) => out.budget_tokens = Some(self.check(e, Ty::INT).ir),
                ClauseKind::Cache(e) => {
                    out.cache = Some(self.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Isolate => {
                    out.isolate = true;
                    self.not_yet("isolate", clause.span);
                }
                ClauseKind::Discard | ClauseKind::Branch(_) => {
                    if let ClauseKind::Branch(e) = &clause.kind {
                        self.check(e, Ty::STRING);
                    }
                    if !is_sandbox {
                        let d = self
                            .diag(codes::WRONG_PLACE, clause.span, format!("`{word}` belongs to a `sandbox`"))
                            .label("no sandbox here");
                        self.report(d);
                    }
                }
                ClauseKind::OnError { filter, action } => {
                    let kinds = filter.iter().filter_map(|name| self.error_kind(name)).collect();
                    let (action, skip) = self.error_action(action, clause.span, ty, block);
                    skips |= skip;
                    out.on_error.push(ir::OnError {
                        id: ir::NodeId::default(),
                        kinds,
                        action,
                        place: self.place(clause.span),
                    });
                }
            }
        }
        (out, skips)
    }

    /// `budget 0.50usd`, `budget 10m`.
    /// Keeps where a budget of money stands, for the analysis of the worst case.
    pub fn budgeted(&mut self, lowered: &ir::Clauses, clauses: &'a [Clause], of: Span) {
        if lowered.budget.is_some()
            && let Some(clause) =
                clauses.iter().find(|c| matches!(&c.kind, ClauseKind::Budget(value) if !is_duration(value)))
        {
            let budget = (self.place(of), self.source(), clause.span);
            self.cx.out.budgets.clauses.push(budget);
        }
    }

    pub fn budget(&mut self, value: &'a Expr, out: &mut ir::Clauses) {
        let typed = self.infer(value);
        match self.cx.types.base(typed.ty) {
            Ty::MONEY => out.budget = Some(typed.ir),
            Ty::DURATION => out.budget_time = Some(typed.ir),
            Ty::ERROR => {}
            other => {
                let shown = self.show(other);
                let mut d = self
                    .diag(codes::MISMATCH, value.span, format!("a budget is money, a time or tokens, not `{shown}`"))
                    .label(format!("`{shown}`"));
                d = match other {
                    Ty::INT => d.help("write `budget 5usd`, `budget 10m` or `budget 20_000 tokens`"),
                    _ => d.help("write `budget 0.50usd`, `budget 10m` or `budget 20_000 tokens`"),
                };
                self.report(d);
            }
        }
    }

    fn error_action(&mut self, action: &'a ErrorAction, span: Span, ty: Ty, block: bool) -> (ir::ErrorAction, bool) {
        match action {
            ErrorAction::Error => (ir::ErrorAction::Fail(None), false),
            ErrorAction::Skip => (ir::ErrorAction::Skip, true),
            ErrorAction::Use(e) => {
                let models = self.models(e);
                if block {
                    let d = self
                        .diag(codes::WRONG_PLACE, span, "`use` switches the model of one call")
                        .label("this stage is a block")
                        .help("put the clause on the stages inside");
                    self.report(d);
                }
                (ir::ErrorAction::Use(models), false)
            }
            ErrorAction::Fail(message) => {
                let message = message.as_ref().map(|m| self.message(m, "a message"));
                (ir::ErrorAction::Fail(message), false)
            }
            ErrorAction::Fallback(e) => {
                let is_effect = matches!(&e.kind, ExprKind::Call { callee, .. } if self.is_stage_call(callee));
                if is_effect {
                    let name = Name { text: SmolStr::default(), span: e.span };
                    return match self.stage_call(e, &name) {
                        Some(called) => {
                            if !self.cx.types.fits(called.ty, ty) {
                                self.mismatch(called.ty, ty, e.span);
                            }
                            (ir::ErrorAction::Fallback(called.work), false)
                        }
                        None => (ir::ErrorAction::Skip, false),
                    };
                }
                let value = self.check(e, ty);
                (ir::ErrorAction::Fallback(ir::Work::Pure(value.ir)), false)
            }
            ErrorAction::Fix { using, max } => {
                if let Some(e) = using {
                    self.models(e);
                }
                if let Some(e) = max {
                    self.check(e, Ty::INT);
                }
                (ir::ErrorAction::Unsupported(self.not_yet("on error fix", span)), false)
            }
            ErrorAction::Redistribute => {
                (ir::ErrorAction::Unsupported(self.not_yet("on error redistribute", span)), false)
            }
            ErrorAction::Escalate(message) => {
                let message = match message {
                    Some(message) => self.message(message, "a question"),
                    None => ir::Expr::Const(ir::Const::Str("a stage failed; what shall be done?".into())),
                };
                let skip = self.cx.types.nullable(ty);
                (ir::ErrorAction::Escalate { message, ty: self.cx.types.lower(ty), skip }, false)
            }
        }
    }

    /// A model, a route, or a list of them.
    pub fn models(&mut self, e: &'a Expr) -> ir::Expr {
        match &e.kind {
            ExprKind::List(items) => {
                self.record_type(e.span, Ty::MODEL, &Flow::default());
                ir::Expr::List(items.iter().map(|i| self.models(i)).collect())
            }
            ExprKind::Name(name) if self.probe(name) == Target::Unknown => {
                self.cx.unknown(self.module, name, "model or route");
                ir::Expr::List(Vec::new())
            }
            _ => self.check(e, Ty::MODEL).ir,
        }
    }

    /// A kind of error by its name.
    pub(super) fn error_kind(&mut self, name: &Name) -> Option<ir::ErrorKind> {
        use ir::ErrorKind as K;
        self.record_word(name);
        const KINDS: &[(&str, K)] = &[
            ("timed_out", K::TimedOut),
            ("rate_limited", K::RateLimited),
            ("quota_exhausted", K::QuotaExhausted),
            ("unavailable", K::Unavailable),
            ("invalid_output", K::InvalidOutput),
            ("command_failed", K::CommandFailed),
            ("refused", K::Refused),
            ("over_budget", K::OverBudget),
            ("merge_conflict", K::MergeConflict),
            ("denied", K::Denied),
            ("cancelled", K::Cancelled),
            ("failed", K::Failed),
            ("internal", K::Internal),
        ];
        let found = KINDS.iter().find(|(n, _)| *n == name.text).map(|(_, k)| *k);
        if found.is_none() && !name.text.is_empty() {
            let d = self
                .diag(codes::UNKNOWN_VARIANT, name.span, format!("there is no kind of error `{}`", name.text))
                .label("not known");
            let mut d = with_suggestion(d, &name.text, name.span, KINDS.iter().map(|(n, _)| *n));
            if d.help.is_none() {
                d = d.help(format!("the kinds are {}", super::literal::names(KINDS.iter().map(|(n, _)| *n))));
            }
            self.report(d);
        }
        found
    }
}

fn clause_word(kind: &ClauseKind) -> &'static str {
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
        ClauseKind::OnError { .. } => "on error",
        ClauseKind::Discard => "discard",
        ClauseKind::Branch(_) => "branch",
        ClauseKind::Error => "",
    }
}

/// Whether a budget is one of time: beside one of money it is no repetition.
fn is_duration(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Duration(_))
}
