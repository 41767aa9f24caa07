//! Cascades: their clauses, their bodies, and their hooks (`on success`, `on failure`, `on cancel`).

mod block;
mod clauses;
mod control;
mod parallel;
mod paths;
mod stage;

use cascade_grammar::ast::{CascadeDecl, ClauseKind, Item, Name, Span, Stmt, StmtKind};
use cascade_ir as ir;

use super::{BodyChecker, BodyInput, BodyKind};
use crate::{
    callees::{CascadeSummary, StageSite},
    checks::{
        attributes::Target,
        bounds::{self, Limits},
        capabilities::CascadeModels,
        clauses::of_stages_only,
        concurrency, reachability,
    },
    codes, cost,
    findings::Findings,
    flow::{CascadeFlow, Flow, Origin},
    scope::LocalKind,
    types::Ty,
    world::doc_text,
};

use block::Want;
use paths::StagePaths;

/// A checked cascade.
pub(crate) struct CheckedCascade {
    pub ir: ir::Cascade,
    pub summary: CascadeSummary,
    /// The budgets of money in it.
    pub budgets: Vec<cost::Budget>,
    pub findings: Findings,
}

/// Checks the body of a cascade.
pub(crate) fn check_cascade(
    input: BodyInput<'_>,
    id: ir::CascadeId,
    decl: &CascadeDecl,
    item: &Item,
) -> CheckedCascade {
    let signature = &input.world.declared.cascades[id.index()];
    let body = BodyChecker::new(input, signature.origin.module, BodyKind::Cascade);
    let mut checker = CascadeChecker::new(body, signature.result);
    let attributes = checker.body.check_attributes(&item.attributes, Target::of_item(item));
    checker.body.check_header(decl.name.span, decl.body.span);
    let params = checker.body.declare_params(signature, &decl.params);
    let clauses = checker.check_head(decl);
    let mark = checker.body.enter_scope(decl.body.span);
    let out = checker.check_statements(&decl.body, Want::NOTHING);
    let CascadeChecker { body, .. } = &mut checker;
    if !out.ends && signature.result != Ty::NULL && !body.context.types.nullable(signature.result) {
        body.context.report(reachability::missing_return(body.context.view(), decl, signature.result));
    }
    let hooks = checker.check_hooks(&decl.body.stmts, signature.result);
    let CascadeChecker { mut body, result_flow, budgets, stages, .. } = checker;
    body.report_code_of_variables();
    let result_flow = body.outcome.with_variables(&result_flow);
    concurrency::forget_edits(&mut body.outcome.effects.edits, 0, params.len() as u32);
    body.leave_scope(mark);
    body.leave_body(decl.body.span.end);
    let (place, result) = (body.context.place(decl.name.span), body.context.types.lower(signature.result));
    let (slots, outcome) = (body.scope.slot_count(), body.outcome);
    let summary = CascadeSummary {
        flow: CascadeFlow { result: result_flow, program: outcome.program_params },
        effects: outcome.effects,
        stages,
        calls: outcome.calls,
    };
    let ir = ir::Cascade {
        name: decl.name.text.clone(),
        doc: doc_text(&item.docs),
        place,
        params,
        result,
        slots,
        clauses,
        body: out.ir,
        on_success: hooks.success,
        on_failure: hooks.failure,
        on_cancel: hooks.cancel,
        attributes,
        remote_memories: outcome.remote_memories,
    };
    CheckedCascade { ir, summary, budgets, findings: body.context.findings }
}

/// The check of a cascade: of statements, stages, and blocks that may hold stages.
struct CascadeChecker<'a> {
    /// Checks the expressions of the cascade.
    body: BodyChecker<'a>,
    /// The declared result; null in a hook.
    result: Ty,
    /// Whether the current place is in `on success`, `on failure` or `on cancel`.
    in_hook: bool,
    /// Whether a swarm is around the current place.
    in_swarm: bool,
    paths: StagePaths,
    /// The name of the stage whose block begins here: the `until` of a `repeat` sees it.
    named_stage: Option<Name>,
    /// The bounds that hold at the current place.
    limits: Limits,
    /// The models of the cascade's own `using`.
    cascade_models: Option<CascadeModels>,
    /// The variables that were assigned so far.
    writes: Vec<u32>,
    /// The flow of the values that were returned so far.
    result_flow: Flow,
    /// The budgets of money that were met so far.
    budgets: Vec<cost::Budget>,
    /// The stages that were met so far.
    stages: Vec<StageSite>,
}

impl<'a> CascadeChecker<'a> {
    fn new(body: BodyChecker<'a>, result: Ty) -> Self {
        Self {
            body,
            result,
            in_hook: false,
            in_swarm: false,
            paths: StagePaths::default(),
            named_stage: None,
            limits: Limits::default(),
            cascade_models: None,
            writes: Vec::new(),
            result_flow: Flow::default(),
            budgets: Vec::new(),
            stages: Vec::new(),
        }
    }

    /// Checks the clauses in the head of a cascade, and the bounds that they state.
    fn check_head(&mut self, decl: &CascadeDecl) -> ir::Clauses {
        self.body.context.report_all(of_stages_only(self.body.context.view(), &decl.clauses));
        let clauses = self.check_cascade_clauses(decl);
        self.note_budget(&clauses, &decl.clauses, decl.name.span);
        let (limits, wrong_bounds) = bounds::check_clauses(self.body.context.view(), &decl.clauses, self.limits);
        self.limits = limits;
        self.body.context.report_all(wrong_bounds);
        clauses
    }
}

/// The blocks that run when a cascade has ended.
#[derive(Default)]
struct Hooks {
    success: Option<ir::Hook>,
    failure: Option<ir::Hook>,
    cancel: Option<ir::Hook>,
}

impl CascadeChecker<'_> {
    /// Checks the clauses in the head of a cascade.
    fn check_cascade_clauses(&mut self, decl: &CascadeDecl) -> ir::Clauses {
        let mut out = ir::Clauses::default();
        for clause in &decl.clauses {
            match &clause.kind {
                ClauseKind::Using(e) => {
                    let models = self.check_models(e);
                    self.cascade_models = Some((models.clone(), e.span));
                    out.using = Some(models);
                }
                ClauseKind::Needs(needs) => {
                    self.body.context.record_words(needs);
                    out.needs = needs.iter().map(|n| n.text.clone()).collect();
                }
                ClauseKind::Timeout { total, idle } => {
                    out.timeout = Some(self.body.check(total, Ty::DURATION).ir);
                    out.idle = idle.as_ref().map(|e| self.body.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Budget(e) => self.check_budget(e, &mut out),
                ClauseKind::TokenBudget(e) => out.budget_tokens = Some(self.body.check(e, Ty::INT).ir),
                ClauseKind::Exclusive { name, nowait } => {
                    let name = self.body.check_message(name, "the name of a lock");
                    out.exclusive = Some(ir::Exclusive { name, nowait: *nowait });
                }
                _ => {}
            }
        }
        out
    }

    /// Checks the hooks of a cascade whose result has a type.
    fn check_hooks(&mut self, stmts: &[Stmt], result: Ty) -> Hooks {
        let mut out = Hooks::default();
        let mut after: Option<Span> = None;
        for stmt in stmts {
            let StmtKind::On { event, param, body } = &stmt.kind else {
                if let (Some(_), false) = (after, matches!(stmt.kind, StmtKind::Error)) {
                    let d = self
                        .body
                        .context
                        .diagnostic(
                            codes::MISPLACED,
                            stmt.span,
                            "`on success`, `on failure` and `on cancel` stand at the end",
                        )
                        .label("stands after one of them");
                    self.body.context.report(d);
                }
                continue;
            };
            after = Some(stmt.span);
            self.body.context.record_word(event);
            let outer_result = std::mem::replace(&mut self.result, Ty::NULL);
            let outer = self.paths.enter_hook(&event.text);
            self.in_hook = true;
            let unset = reachability::unset_in_hook(stmts, &event.text);
            let unset: Vec<u32> = unset.into_iter().filter_map(|name| self.body.scope.find(&name.text)).collect();
            // A stage that did not end is null there; what is computed of it is not known.
            let (stages, others): (Vec<u32>, Vec<u32>) = unset
                .into_iter()
                .partition(|local| event.text != "success" && self.body.scope.local(*local).kind == LocalKind::Stage);
            let facts = self.body.scope.take_facts();
            let declared: Vec<(u32, Ty)> =
                stages.iter().map(|local| (*local, self.body.scope.local(*local).ty)).collect();
            for (local, ty) in &declared {
                self.body.scope.local_mut(*local).ty = self.body.context.types.optional(*ty);
            }
            self.body.surroundings.unset_in_hook = others;
            let mark = self.body.enter_scope(body.span);
            let ty = match event.text.as_str() {
                "success" => result,
                "failure" => self.body.context.prelude_type("Error"),
                _ => Ty::NULL,
            };
            let flow = |name: &Name| match event.text.as_str() {
                "success" => self.result_flow.clone(),
                "failure" => Flow::of_untrusted(Origin::Failure, self.body.context.source(), name.span),
                _ => Flow::default(),
            };
            let flow = param.as_ref().map(flow).unwrap_or_default();
            let slot = param.as_ref().map(|name| self.body.declare_bound(name, ty, flow));
            if let (Some(name), "cancel") = (param, event.text.as_str()) {
                let d = self
                    .body
                    .context
                    .diagnostic(codes::ARGUMENTS, name.span, "`on cancel` is given nothing")
                    .label("remove it");
                self.body.context.report(d);
            }
            let block = self.check_statements(body, Want::NOTHING);
            self.body.leave_scope(mark);
            for (local, ty) in declared {
                self.body.scope.local_mut(local).ty = ty;
            }
            self.body.scope.restore_facts(facts);
            self.in_hook = false;
            self.paths.leave_stage(outer);
            self.result = outer_result;
            let hook = Some(ir::Hook { slot, body: block.ir });
            let place = match event.text.as_str() {
                "success" => &mut out.success,
                "failure" => &mut out.failure,
                "cancel" => &mut out.cancel,
                _ => continue,
            };
            if place.is_some() {
                let d = self
                    .body
                    .context
                    .diagnostic(codes::DUPLICATE, stmt.span, format!("`on {}` is there twice", event.text))
                    .label("again here");
                self.body.context.report(d);
            } else {
                *place = hook;
            }
        }
        out
    }
}
