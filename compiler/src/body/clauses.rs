//! Clauses of stages: `using`, `timeout`, `retry`, `budget`, `on error` and others.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, ExprKind, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{BodyChecker, variables::Target};
use crate::{
    checks::{
        capabilities,
        clauses::{self, is_duration},
        names::unknown_word,
    },
    codes,
    flow::Flow,
    suggest::quoted_list,
    types::Ty,
};

impl BodyChecker<'_> {
    /// Checks the clauses of a stage whose value has the type `ty`. Gives them, and whether
    /// `on error skip` makes the value optional. `block` tells whether the stage is a block.
    pub(super) fn check_clauses(
        &mut self,
        clauses: &[Clause],
        ty: Ty,
        value: &Expr,
        block: bool,
    ) -> (ir::Clauses, bool) {
        let mut out = ir::Clauses::default();
        let mut skips = false;
        self.report_all(clauses::repeated(self.view(), clauses));
        let is_sandbox = matches!(value.kind, ExprKind::Sandbox(_));
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Error => {}
                ClauseKind::Using(e) => {
                    out.using = Some(self.check_models(e));
                }
                ClauseKind::Needs(needs) => {
                    self.record_words(needs);
                    needs.iter().for_each(|n| self.report(capabilities::misspelt_need(self.view(), n)));
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
                ClauseKind::Budget(e) => self.check_budget(e, &mut out),
                ClauseKind::TokenBudget(e) => out.budget_tokens = Some(self.check(e, Ty::INT).ir),
                ClauseKind::Cache(e) => {
                    out.cache = Some(self.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Isolate => {
                    out.isolate = true;
                    self.note_unsupported("isolate", clause.span);
                }
                ClauseKind::Discard | ClauseKind::Branch(_) => {
                    if let ClauseKind::Branch(e) = &clause.kind {
                        self.check(e, Ty::STRING);
                    }
                    if !is_sandbox {
                        self.report(clauses::without_sandbox(self.view(), clause));
                    }
                }
                ClauseKind::OnError { filter, action } => {
                    let kinds = filter.iter().filter_map(|name| self.resolve_error_kind(name)).collect();
                    let (action, skip) = self.check_error_action(action, clause.span, ty, block);
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

    /// Records where a budget of money stands, for the analysis of the worst case.
    pub(super) fn note_budget(&mut self, lowered: &ir::Clauses, clauses: &[Clause], of: Span) {
        if lowered.budget.is_some()
            && let Some(clause) =
                clauses.iter().find(|c| matches!(&c.kind, ClauseKind::Budget(value) if !is_duration(value)))
        {
            let budget = (self.place(of), self.source(), clause.span);
            self.outcome.budgets.push(budget);
        }
    }

    /// Checks `budget 0.50usd`, `budget 10m`.
    pub(super) fn check_budget(&mut self, value: &Expr, out: &mut ir::Clauses) {
        let typed = self.infer(value);
        match self.types.base(typed.ty) {
            Ty::MONEY => out.budget = Some(typed.ir),
            Ty::DURATION => out.budget_time = Some(typed.ir),
            Ty::ERROR => {}
            other => {
                let shown = self.type_text(other);
                let mut d = self
                    .diagnostic(
                        codes::MISMATCH,
                        value.span,
                        format!("a budget is money, a time or tokens, not `{shown}`"),
                    )
                    .label(format!("`{shown}`"));
                d = match other {
                    Ty::INT => d.help("write `budget 5usd`, `budget 10m` or `budget 20_000 tokens`"),
                    _ => d.help("write `budget 0.50usd`, `budget 10m` or `budget 20_000 tokens`"),
                };
                self.report(d);
            }
        }
    }

    /// Checks the action of `on error`. Gives it, and whether it skips the stage.
    fn check_error_action(&mut self, action: &ErrorAction, span: Span, ty: Ty, block: bool) -> (ir::ErrorAction, bool) {
        match action {
            ErrorAction::Error => (ir::ErrorAction::Fail(None), false),
            ErrorAction::Skip => (ir::ErrorAction::Skip, true),
            ErrorAction::Use(e) => {
                let models = self.check_models(e);
                if block {
                    let d = self
                        .diagnostic(codes::WRONG_PLACE, span, "`use` switches the model of one call")
                        .label("this stage is a block")
                        .help("put the clause on the stages inside");
                    self.report(d);
                }
                (ir::ErrorAction::Use(models), false)
            }
            ErrorAction::Fail(message) => {
                let message = message.as_ref().map(|m| self.check_message(m, "a message"));
                (ir::ErrorAction::Fail(message), false)
            }
            ErrorAction::Fallback(e) => {
                let is_effect = matches!(&e.kind, ExprKind::Call { callee, .. } if self.is_stage_call(callee));
                if is_effect {
                    let name = Name { text: SmolStr::default(), span: e.span };
                    return match self.check_stage_call(e, &name) {
                        Some(called) => {
                            if !self.types.fits(called.ty, ty) {
                                self.report_mismatch(called.ty, ty, e.span);
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
                    self.check_models(e);
                }
                if let Some(e) = max {
                    self.check(e, Ty::INT);
                }
                (ir::ErrorAction::Unsupported(self.note_unsupported("on error fix", span)), false)
            }
            ErrorAction::Redistribute => {
                (ir::ErrorAction::Unsupported(self.note_unsupported("on error redistribute", span)), false)
            }
            ErrorAction::Escalate(message) => {
                let message = match message {
                    Some(message) => self.check_message(message, "a question"),
                    None => ir::Expr::Const(ir::Const::Str("a stage failed; what shall be done?".into())),
                };
                let skip = self.types.nullable(ty);
                (ir::ErrorAction::Escalate { message, ty: self.types.lower(ty), skip }, false)
            }
        }
    }

    /// Checks an expression that must be a model, a route, or a list of them.
    pub(super) fn check_models(&mut self, e: &Expr) -> ir::Expr {
        match &e.kind {
            ExprKind::List(items) => {
                self.record_type(e.span, Ty::MODEL, &Flow::default());
                ir::Expr::List(items.iter().map(|i| self.check_models(i)).collect())
            }
            ExprKind::Name(name) if self.probe(name) == Target::Unknown => {
                self.report_unknown_declaration(name, "model or route");
                ir::Expr::List(Vec::new())
            }
            _ => self.check(e, Ty::MODEL).ir,
        }
    }

    /// The kind of error that a name stands for; reports an unknown one.
    pub(super) fn resolve_error_kind(&mut self, name: &Name) -> Option<ir::ErrorKind> {
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
            let known = KINDS.iter().map(|(n, _)| *n);
            let message = format!("there is no kind of error `{}`", name.text);
            let otherwise = format!("the kinds are {}", quoted_list(known.clone()));
            self.report(unknown_word(self.view(), codes::UNKNOWN_VARIANT, name, message, known, otherwise));
        }
        found
    }
}
