//! Clauses of stages: `using`, `timeout`, `retry`, `budget`, `on error` and others.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, ExprKind, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::CascadeChecker;
use crate::{
    body::variables::Target,
    checks::{
        capabilities,
        clauses::{self, is_duration},
    },
    codes,
    flow::{Flow, Origin},
    types::Ty,
};

/// What `on error` makes of the value of a stage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OnFailure {
    /// `skip`: the value may be null.
    pub skips: bool,
    /// `keep`: the value is an `outcome`.
    pub keeps: bool,
}

impl CascadeChecker<'_> {
    /// Checks the clauses of a stage whose value has the type `ty`. Gives them, and what `on error` makes of
    /// the value. `block` tells whether the stage is a block.
    pub(super) fn check_clauses(
        &mut self,
        clauses: &[Clause],
        ty: Ty,
        value: &Expr,
        block: bool,
    ) -> (ir::Clauses, OnFailure) {
        let mut out = ir::Clauses::default();
        let mut on_failure = OnFailure::default();
        self.body.context.report_all(clauses::repeated_clauses(self.body.context.view(), clauses));
        let is_sandbox = matches!(value.kind, ExprKind::Sandbox(_));
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Error => {}
                ClauseKind::Using(e) => {
                    out.using = Some(self.check_models(e));
                }
                ClauseKind::Needs(needs) => {
                    self.body.context.record_words(needs);
                    needs.iter().for_each(|n| {
                        self.body.context.report(capabilities::misspelt_need(self.body.context.view(), n))
                    });
                    out.needs.extend(needs.iter().map(|n| n.text.clone()));
                }
                ClauseKind::Timeout { total, idle } => {
                    out.timeout = Some(self.body.check(total, Ty::DURATION).ir);
                    out.idle = idle.as_ref().map(|e| self.body.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Retry { count, backoff } => {
                    let count = self.body.check(count, Ty::INT).ir;
                    let backoff = backoff.as_ref().map(|(low, high)| {
                        (self.body.check(low, Ty::DURATION).ir, self.body.check(high, Ty::DURATION).ir)
                    });
                    out.retry = Some(ir::Retry { count, backoff });
                }
                ClauseKind::Budget(e) => self.check_budget(e, &mut out),
                ClauseKind::TokenBudget(e) => out.budget_tokens = Some(self.body.check(e, Ty::INT).ir),
                ClauseKind::Cache(e) => {
                    out.cache = Some(self.body.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Isolate => {
                    out.isolate = true;
                }
                ClauseKind::Discard | ClauseKind::Branch(_) if is_sandbox => {}
                ClauseKind::Discard | ClauseKind::Branch(_) => {
                    if let ClauseKind::Branch(e) = &clause.kind {
                        self.body.check(e, Ty::STRING);
                    }
                    self.body.context.report(clauses::without_sandbox(self.body.context.view(), clause));
                }
                ClauseKind::Exclusive { name, nowait } => {
                    let name = self.body.check_message(name, "the name of a lock");
                    out.exclusive = Some(ir::Exclusive { name, nowait: *nowait });
                }
                ClauseKind::OnError { filter, binding, action } => {
                    let kinds = filter.iter().filter_map(|name| self.body.resolve_error_kind(name)).collect();
                    let mark = self.body.enter_scope(clause.span);
                    let binding = binding.as_ref().map(|name| {
                        let error = self.body.context.prelude_type("Error");
                        let flow = Flow::of_untrusted(Origin::Failure, self.body.context.source(), name.span);
                        self.body.declare_bound(name, error, flow)
                    });
                    let (action, gives) = self.check_error_action(action, clause.span, ty, block);
                    self.body.leave_scope(mark);
                    on_failure.skips |= gives.skips;
                    on_failure.keeps |= gives.keeps;
                    out.on_error.push(ir::OnError {
                        id: ir::NodeId::default(),
                        kinds,
                        binding,
                        action,
                        place: self.body.context.place(clause.span),
                    });
                }
            }
        }
        (out, on_failure)
    }

    /// Checks what becomes of the changes of a sandbox.
    pub(super) fn check_sandbox_end(&mut self, work: &mut ir::Work, clauses: &[Clause]) {
        let ir::Work::Sandbox(sandbox) = work else { return };
        self.body.context.report(clauses::two_ends(self.body.context.view(), clauses));
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Discard => sandbox.end = ir::SandboxEnd::Discard,
                ClauseKind::Branch(name) => {
                    sandbox.end = ir::SandboxEnd::Branch(self.body.check(name, Ty::STRING).ir);
                }
                _ => {}
            }
        }
    }

    /// Records where a budget of money stands, for the analysis of the worst case.
    pub(super) fn note_budget(&mut self, lowered: &ir::Clauses, clauses: &[Clause], of: Span) {
        if lowered.budget.is_some()
            && let Some(clause) =
                clauses.iter().find(|c| matches!(&c.kind, ClauseKind::Budget(value) if !is_duration(value)))
        {
            let budget = (self.body.context.place(of), self.body.context.source(), clause.span);
            self.budgets.push(budget);
        }
    }

    /// Checks `budget 0.50usd`, `budget 10m`.
    pub(super) fn check_budget(&mut self, value: &Expr, out: &mut ir::Clauses) {
        let typed = self.body.infer(value);
        match self.body.context.types.base(typed.ty) {
            Ty::MONEY => out.budget = Some(typed.ir),
            Ty::DURATION => out.budget_time = Some(typed.ir),
            Ty::ERROR => {}
            other => {
                let shown = self.body.context.type_text(other);
                let mut d = self
                    .body
                    .context
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
                self.body.context.report(d);
            }
        }
    }

    /// Checks the action of `on error`. Gives it, and what it makes of the stage's value.
    fn check_error_action(
        &mut self,
        action: &ErrorAction,
        span: Span,
        ty: Ty,
        block: bool,
    ) -> (ir::ErrorAction, OnFailure) {
        let none = OnFailure::default();
        match action {
            ErrorAction::Error => (ir::ErrorAction::Fail(None), none),
            ErrorAction::Skip => (ir::ErrorAction::Skip, OnFailure { skips: true, ..none }),
            ErrorAction::Keep => {
                let value = !matches!(ty, Ty::NULL | Ty::NEVER);
                (ir::ErrorAction::Keep { value }, OnFailure { keeps: true, ..none })
            }
            ErrorAction::Use(e) => {
                let models = self.check_models(e);
                if block {
                    let d = self
                        .body
                        .context
                        .diagnostic(codes::WRONG_PLACE, span, "`use` switches the model of one call")
                        .label("this stage is a block")
                        .help("put the clause on the stages inside");
                    self.body.context.report(d);
                }
                (ir::ErrorAction::Use(models), none)
            }
            ErrorAction::Fail(message) => {
                let message = message.as_ref().map(|m| self.body.check_message(m, "a message"));
                (ir::ErrorAction::Fail(message), none)
            }
            ErrorAction::Fallback(e) => {
                let is_effect = matches!(&e.kind, ExprKind::Call { callee, .. } if self.body.is_stage_call(callee));
                if is_effect {
                    let name = Name { text: SmolStr::default(), span: e.span };
                    return match self.body.check_stage_call(e, &name) {
                        Some(called) => {
                            if !self.body.context.types.fits(called.ty, ty) {
                                self.body.context.report_mismatch(called.ty, ty, e.span);
                            }
                            (ir::ErrorAction::Fallback(called.work), none)
                        }
                        None => (ir::ErrorAction::Skip, none),
                    };
                }
                let value = self.body.check(e, ty);
                (ir::ErrorAction::Fallback(ir::Work::Pure(value.ir)), none)
            }
            ErrorAction::Fix { using, max } => {
                let using = using.as_ref().map(|e| self.check_models(e));
                let max = max.as_ref().map(|e| self.body.check(e, Ty::INT).ir);
                (self.lower_fix(using, max, span), none)
            }
            ErrorAction::Redistribute => {
                let mistake = match (self.in_swarm, block) {
                    (false, _) => Some(("no swarm is around this stage", "write `on error use [model, …]`")),
                    (true, true) => Some(("this stage is a block", "put the clause on the stages inside")),
                    (true, false) => None,
                };
                if let Some((label, help)) = mistake {
                    let d = self.body.context.diagnostic(
                        codes::WRONG_PLACE,
                        span,
                        "`redistribute` gives the task of a swarm to another of its agents",
                    );
                    self.body.context.report(d.label(label).help(help));
                }
                (ir::ErrorAction::Redistribute, none)
            }
            ErrorAction::Escalate(message) => {
                let message = match message {
                    Some(message) => self.body.check_message(message, "a question"),
                    None => ir::Expr::Const(ir::Const::Str("a stage failed; what shall be done?".into())),
                };
                let skip = self.body.context.types.nullable(ty);
                (ir::ErrorAction::Escalate { message, ty: self.body.context.types.lower(ty), skip }, none)
            }
        }
    }

    /// Lowers `on error fix`: a stage that calls the skill of the standard library that repairs.
    fn lower_fix(&mut self, using: Option<ir::Expr>, max: Option<ir::Expr>, span: Span) -> ir::ErrorAction {
        let Some(skill) = self.body.context.world.repair_skill() else {
            return ir::ErrorAction::Fail(None);
        };
        let (failed, slot) = (self.body.scope.new_slot(), self.body.scope.new_slot());
        let repair = ir::Stage {
            id: ir::NodeId::default(),
            name: "fix".into(),
            doc: String::new(),
            slot,
            work: ir::Work::Skill(skill, vec![ir::Expr::Slot(failed)]),
            clauses: ir::Clauses { using, ..ir::Clauses::default() },
            once: false,
            place: self.body.context.place(span),
        };
        ir::ErrorAction::Fix(Box::new(ir::Fix { failed, repair, max }))
    }

    /// Checks an expression that must be a model, a route, or a list of them.
    pub(super) fn check_models(&mut self, e: &Expr) -> ir::Expr {
        match &e.kind {
            ExprKind::List(items) => {
                self.body.context.record_type(e.span, Ty::MODEL, &Flow::default());
                ir::Expr::List(items.iter().map(|i| self.check_models(i)).collect())
            }
            ExprKind::Name(name) if self.body.probe(name) == Target::Unknown => {
                self.body.report_unknown_declaration(name, "model or route");
                ir::Expr::List(Vec::new())
            }
            _ => self.body.check(e, Ty::MODEL).ir,
        }
    }
}
