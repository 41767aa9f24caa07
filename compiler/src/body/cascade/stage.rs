//! `stage name = call clauses`: every effect of a program is the call of a stage.

use cascade_grammar::ast::{Clause, ClauseKind, ErrorAction, Expr, Name, Span, Stmt, StmtKind, TypeExpr};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    CascadeChecker,
    block::{Want, is_block},
};
use crate::{
    callees::StageSite,
    checks::{bounds, capabilities::models_of_stage, clauses, style},
    codes,
    flow::Flow,
    scope::LocalKind,
    types::Ty,
    world::doc_text,
};

/// A checked stage.
pub(super) struct StageOut {
    pub stmt: ir::Stmt,
    pub slot: ir::Slot,
    pub ty: Ty,
    pub flow: Flow,
    pub ends: bool,
}

impl CascadeChecker<'_> {
    /// Checks a stage and declares its variable.
    pub(super) fn check_stage(
        &mut self,
        stmt: &Stmt,
        name: &Name,
        ty: Option<&TypeExpr>,
        value: &Expr,
        clauses: &[Clause],
    ) -> StageOut {
        let declared = ty.map(|t| self.body.context.resolve_type(t));
        self.body.context.report(style::value_name(self.body.context.view(), name));
        let path = self.paths.unique_name(&name.text);
        // Only a block can hold stages of its own.
        let outer = is_block(value).then(|| self.paths.enter_stage(&path));
        // An `on error` that could not be read may give a value of any type.
        let unread = clauses.iter().any(|c| matches!(c.kind, ClauseKind::OnError { action: ErrorAction::Error, .. }));
        let outer_limits = self.limits;
        let (limits, wrong_bounds) = bounds::check_clauses(self.body.context.view(), clauses, outer_limits);
        self.limits = limits;
        self.body.context.report_all(wrong_bounds);
        let edits = self.body.outcome.effects.edits.len();
        let mut ends = false;
        let mut skill = None;
        // A stage that gives nothing, and is skipped when it fails, has the same value in both cases.
        let mut gives_nothing = false;
        let mut from_block = false;
        let called = if is_block(value) {
            from_block = true;
            let want = Want { value: true, ty: declared };
            self.named_stage = Some(name.clone());
            let checked = self.check_control(value, want);
            self.named_stage = None;
            match checked {
                Some((work, ty, flow, block_ends)) => {
                    ends = block_ends;
                    Some((work, ty, flow))
                }
                None => None,
            }
        } else {
            self.body.check_stage_call(value, name).map(|called| {
                skill = called.skill;
                (called.work, called.ty, called.flow)
            })
        };
        let (mut work, mut ty, flow) =
            called.unwrap_or_else(|| (ir::Work::Pure(ir::Expr::Const(ir::Const::Null)), Ty::ERROR, Flow::default()));
        if skill.is_none() && ty != Ty::ERROR {
            self.body.context.report(clauses::cache_without_skill(self.body.context.view(), clauses));
        }
        self.check_sandbox_end(&mut work, clauses);
        let (lowered, on_failure) = self.check_clauses(clauses, ty, value, from_block);
        self.limits = outer_limits;
        if let Some(skill) = skill {
            let of_cascade = self.cascade_models.as_ref();
            let found =
                models_of_stage(self.body.context.view(), self.body.callees, skill, clauses, &lowered, of_cascade);
            self.body.context.report_all(found);
        }
        if lowered.isolate {
            // The edits happen in a tree of their own.
            self.body.outcome.effects.edits[edits..].iter_mut().for_each(|edit| edit.settled = true);
        }
        if unread {
            ty = Ty::ERROR;
        } else {
            if on_failure.skips {
                gives_nothing = ty == Ty::NULL;
                ty = self.body.context.types.optional(ty);
            }
            if on_failure.keeps {
                ty = self.body.context.outcome_of(ty);
            }
        }
        if let Some(declared) = declared {
            if !self.body.context.types.fits(ty, declared) {
                let (a, b) = (self.body.context.type_text(ty), self.body.context.type_text(declared));
                let span = stmt_type_span(stmt);
                let source = self.body.context.source();
                let mut d = self
                    .body
                    .context
                    .diagnostic(codes::MISMATCH, span, format!("the stage is declared `{b}` and gives `{a}`"))
                    .label(format!("`{b}`"))
                    .also_at(source, value.span, format!("`{a}`"));
                if on_failure.keeps {
                    d = d.help("`on error keep` gives `ok { value }` or `failed { error }`: use `match`");
                } else if on_failure.skips {
                    d = d.help("`on error skip` makes the value null when the stage fails");
                }
                self.body.context.report(d);
            }
            ty = declared;
        }
        if let Some(outer) = outer {
            self.paths.leave_stage(outer);
        }
        if ty == Ty::NEVER {
            ty = Ty::NULL;
        }
        self.note_budget(&lowered, clauses, stmt.span);
        let index = self.body.declare(&name.text, name.span, ty, flow.clone(), LocalKind::Stage);
        self.body.scope.local_mut(index).gives_nothing = gives_nothing;
        let (slot, symbol) = (self.body.scope.slot(index), self.body.scope.local(index).symbol);
        self.stages.push(StageSite { name: name.text.clone(), symbol });
        let once = stmt.attributes.iter().any(|a| a.name.text == "once");
        let stage = ir::Stage {
            id: ir::NodeId::default(),
            name: SmolStr::new(path),
            doc: doc_text(&stmt.docs),
            slot,
            work,
            clauses: lowered,
            once,
            place: self.body.context.place(stmt.span),
        };
        StageOut { stmt: ir::Stmt::Stage(Box::new(stage)), slot, ty, flow, ends }
    }
}

fn stmt_type_span(stmt: &Stmt) -> Span {
    match &stmt.kind {
        StmtKind::Stage { ty: Some(ty), .. } => ty.span,
        _ => stmt.span,
    }
}
