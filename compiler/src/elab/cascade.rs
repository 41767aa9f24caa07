//! Cascades: clauses, body, and what follows at the end.

use cascade_grammar::ast::{ClauseKind, Stmt, StmtKind};
use cascade_ir as ir;

use super::{
    Cx, Def,
    block::Want,
    body::{Body, Kind},
};
use crate::{
    codes,
    flow::{CascadeFlow, Flow},
    types::Ty,
};

impl<'a> Cx<'a> {
    /// Checks and lowers a cascade.
    pub fn lower_cascade(&mut self, index: usize) -> ir::Cascade {
        let info = &self.cascades[index];
        let (module, decl, item, sig) = (info.sig.module, info.decl, info.item, info.sig.clone());
        let attributes = self.item_attributes(module, item);
        let budgets = self.out.budgets.clauses.len();
        let mut body = Body::new(self, module, Kind::Cascade);
        body.result = sig.result;
        body.header_broken = body.cx.header_broken(module, decl.name.span.end, decl.body.span.start);
        body.end = decl.body.span.end;
        let params = body.params(&sig, &decl.params);
        for clause in &decl.clauses {
            if !matches!(
                clause.kind,
                ClauseKind::Using(_)
                    | ClauseKind::Timeout { .. }
                    | ClauseKind::Budget(_)
                    | ClauseKind::TokenBudget(_)
                    | ClauseKind::Needs(_)
                    | ClauseKind::Error
            ) {
                let d = body
                    .diag(codes::WRONG_PLACE, clause.span, "this clause belongs to a stage")
                    .label("a cascade has `budget`, `timeout`, `using` and `needs`")
                    .help("put it on the stage that calls this cascade");
                body.report(d);
            }
        }
        let clauses = body.cascade_clauses(decl);
        body.budgeted(&clauses, &decl.clauses, decl.name.span);
        body.enter_limits(&decl.clauses);
        let mark = body.enter(decl.body.span);
        let out = body.statements(&decl.body, Want::NOTHING);
        if !out.ends && sig.result != Ty::NULL && !body.cx.types.nullable(sig.result) {
            body.missing_return(decl, sig.result);
        }
        let hooks = body.hooks(&decl.body.stmts, sig.result);
        body.forget_edits(0, params.len() as u32);
        body.leave(mark);
        body.unused();
        let effects = std::mem::take(&mut body.checks.effects);
        let mut lowered = ir::Cascade {
            name: decl.name.text.clone(),
            doc: Self::type_doc(&item.docs),
            place: ir::Place::default(),
            params,
            result: body.cx.types.lower(sig.result),
            slots: body.slots,
            clauses,
            body: out.ir,
            on_success: hooks.success,
            on_failure: hooks.failure,
            on_cancel: hooks.cancel,
            attributes,
            unsupported: std::mem::take(&mut body.not_yet),
        };
        let flow = CascadeFlow { result: body.result_flow, program: std::mem::take(&mut body.program) };
        lowered.place = self.place(module, decl.name.span);
        if self.out.budgets.clauses.len() > budgets {
            self.out.budgets.cascades.push(ir::CascadeId(index as u32));
        }
        self.cascades[index].flow = flow;
        self.cascades[index].effects = effects;
        lowered
    }
}

/// Blocks for the end of a cascade.
#[derive(Default)]
struct Hooks {
    success: Option<ir::Hook>,
    failure: Option<ir::Hook>,
    cancel: Option<ir::Hook>,
}

impl<'a> Body<'_, 'a> {
    fn cascade_clauses(&mut self, decl: &'a cascade_grammar::ast::CascadeDecl) -> ir::Clauses {
        let mut out = ir::Clauses::default();
        for clause in &decl.clauses {
            match &clause.kind {
                ClauseKind::Using(e) => {
                    let models = self.models(e);
                    self.checks.using = Some(models.clone());
                    self.checks.using_span = e.span;
                    out.using = Some(models);
                }
                ClauseKind::Needs(needs) => {
                    self.cx.record_words(self.module, needs);
                    out.needs = needs.iter().map(|n| n.text.clone()).collect();
                }
                ClauseKind::Timeout { total, idle } => {
                    out.timeout = Some(self.check(total, Ty::DURATION).ir);
                    out.idle = idle.as_ref().map(|e| self.check(e, Ty::DURATION).ir);
                }
                ClauseKind::Budget(e) => self.budget(e, &mut out),
                ClauseKind::TokenBudget(e) => out.budget_tokens = Some(self.check(e, Ty::INT).ir),
                _ => {}
            }
        }
        out
    }

    fn hooks(&mut self, stmts: &'a [Stmt], result: Ty) -> Hooks {
        let mut out = Hooks::default();
        let mut after: Option<cascade_grammar::ast::Span> = None;
        for stmt in stmts {
            let StmtKind::On { event, param, body } = &stmt.kind else {
                if let (Some(_), false) = (after, matches!(stmt.kind, StmtKind::Error)) {
                    let d = self
                        .diag(
                            codes::MISPLACED,
                            stmt.span,
                            "`on success`, `on failure` and `on cancel` stand at the end",
                        )
                        .label("stands after one of them");
                    self.report(d);
                }
                continue;
            };
            after = Some(stmt.span);
            self.record_word(event);
            let outer_result = std::mem::replace(&mut self.result, Ty::NULL);
            let outer = std::mem::replace(&mut self.prefix, format!("on_{}", event.text));
            self.in_hook = true;
            self.checks.unset = self.unset_in_hook(stmts, &event.text);
            let mark = self.enter(body.span);
            let ty = match event.text.as_str() {
                "success" => result,
                "failure" => self.error_type(),
                _ => Ty::NULL,
            };
            let slot = param.as_ref().map(|name| self.bind(name, ty, Flow::default()));
            if let (Some(name), "cancel") = (param, event.text.as_str()) {
                let d = self.diag(codes::ARGUMENTS, name.span, "`on cancel` is given nothing").label("remove it");
                self.report(d);
            }
            let block = self.statements(body, Want::NOTHING);
            self.leave(mark);
            self.in_hook = false;
            (self.prefix, self.result) = (outer, outer_result);
            let hook = Some(ir::Hook { slot, body: block.ir });
            let place = match event.text.as_str() {
                "success" => &mut out.success,
                "failure" => &mut out.failure,
                "cancel" => &mut out.cancel,
                _ => continue,
            };
            if place.is_some() {
                let d = self
                    .diag(codes::DUPLICATE, stmt.span, format!("`on {}` is there twice", event.text))
                    .label("again here");
                self.report(d);
            } else {
                *place = hook;
            }
        }
        out
    }

    /// The prelude's type of the error that `on failure` is given.
    fn error_type(&mut self) -> Ty {
        let def = self.cx.prelude.and_then(|p| self.cx.exported(p, "Error"));
        match def {
            Some(Def::Type(id)) => self.cx.type_of(id),
            _ => Ty::ERROR,
        }
    }
}
