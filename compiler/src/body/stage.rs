//! `stage name = call clauses`: every effect of a program is the call of a stage.

use cascade_grammar::ast::{
    Arg, Clause, ClauseKind, ErrorAction, Expr, ExprKind, Name, Span, Stmt, StmtKind, TypeExpr,
};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{BodyChecker, block::Want, variables::Target};
use crate::{
    builtins::PERSON_FUNCTIONS,
    callees::StageSite,
    checks::{bounds, calls, capabilities::models_of_stage, clauses, style, taint::holds_text},
    codes,
    flow::Flow,
    index::{Builtin, Symbol},
    scope::LocalKind,
    types::{Ty, TyKind},
    world::{Def, Signature, doc_text},
};

/// A checked stage.
pub(crate) struct StageOut {
    pub stmt: ir::Stmt,
    pub slot: ir::Slot,
    pub ty: Ty,
    pub flow: Flow,
    pub ends: bool,
}

/// The call of a stage.
pub(crate) struct Called {
    pub work: ir::Work,
    pub ty: Ty,
    pub flow: Flow,
    /// The skill that is called, if one is.
    pub skill: Option<ir::SkillId>,
}

impl BodyChecker<'_> {
    /// Checks a stage and declares its variable.
    pub(super) fn check_stage(
        &mut self,
        stmt: &Stmt,
        name: &Name,
        ty: Option<&TypeExpr>,
        value: &Expr,
        clauses: &[Clause],
    ) -> StageOut {
        let declared = ty.map(|t| self.resolve_type(t));
        self.report(style::value_name(self.view(), name));
        let path = self.paths.unique_name(&name.text);
        // Only a block can hold stages of its own.
        let outer = self.is_block(value).then(|| self.paths.enter(&path));
        // An `on error` that could not be read may give a value of any type.
        let unread = clauses.iter().any(|c| matches!(c.kind, ClauseKind::OnError { action: ErrorAction::Error, .. }));
        let outer_limits = self.surroundings.limits;
        let (limits, wrong_bounds) = bounds::check_clauses(self.view(), clauses, outer_limits);
        self.surroundings.limits = limits;
        self.report_all(wrong_bounds);
        let edits = self.outcome.effects.edits.len();
        let mut ends = false;
        let mut skill = None;
        let mut from_block = false;
        let called = if self.is_block(value) {
            from_block = true;
            let want = Want { value: true, ty: declared };
            match self.check_control(value, want) {
                Some((work, ty, flow, block_ends)) => {
                    ends = block_ends;
                    Some((work, ty, flow))
                }
                None => None,
            }
        } else {
            self.check_stage_call(value, name).map(|called| {
                skill = called.skill;
                (called.work, called.ty, called.flow)
            })
        };
        let (work, mut ty, flow) =
            called.unwrap_or_else(|| (ir::Work::Pure(ir::Expr::Const(ir::Const::Null)), Ty::ERROR, Flow::default()));
        if skill.is_none() && ty != Ty::ERROR {
            self.report(clauses::cache_without_skill(self.view(), clauses));
        }
        let (lowered, skips) = self.check_clauses(clauses, ty, value, from_block);
        self.surroundings.limits = outer_limits;
        if let Some(skill) = skill {
            let of_cascade = self.surroundings.cascade_models.as_ref();
            let found = models_of_stage(self.view(), self.callees, skill, clauses, &lowered, of_cascade);
            self.report_all(found);
        }
        if lowered.isolate {
            // The edits happen in a tree of their own.
            self.outcome.effects.edits[edits..].iter_mut().for_each(|edit| edit.settled = true);
        }
        if unread {
            ty = Ty::ERROR;
        } else if skips {
            ty = self.types.optional(ty);
        }
        if let Some(declared) = declared {
            if !self.types.fits(ty, declared) {
                let (a, b) = (self.type_text(ty), self.type_text(declared));
                let span = stmt_type_span(stmt);
                let source = self.source();
                let mut d = self
                    .diagnostic(codes::MISMATCH, span, format!("the stage is declared `{b}` and gives `{a}`"))
                    .label(format!("`{b}`"))
                    .also(source, value.span, format!("`{a}`"));
                if skips {
                    d = d.help("`on error skip` makes the value null when the stage fails");
                }
                self.report(d);
            }
            ty = declared;
        }
        if let Some(outer) = outer {
            self.paths.leave(outer);
        }
        if ty == Ty::NEVER {
            ty = Ty::NULL;
        }
        self.note_budget(&lowered, clauses, stmt.span);
        let index = self.declare(&name.text, name.span, ty, flow.clone(), LocalKind::Stage);
        let (slot, symbol) = (self.scope.slot(index), self.scope.local(index).symbol);
        self.outcome.stages.push(StageSite { name: name.text.clone(), symbol });
        let once = stmt.attributes.iter().any(|a| a.name.text == "once");
        let stage = ir::Stage {
            id: ir::NodeId::default(),
            name: SmolStr::new(path),
            doc: doc_text(&stmt.docs),
            slot,
            work,
            clauses: lowered,
            once,
            place: self.place(stmt.span),
        };
        StageOut { stmt: ir::Stmt::Stage(Box::new(stage)), slot, ty, flow, ends }
    }

    /// Checks what a stage calls; reports what a stage cannot call.
    pub(super) fn check_stage_call(&mut self, value: &Expr, stage: &Name) -> Option<Called> {
        let called = self.check_stage_callee(value, stage);
        let (ty, flow) = called.as_ref().map_or((Ty::ERROR, Flow::default()), |c| (c.ty, c.flow.clone()));
        self.record_type(value.span, ty, &flow);
        called
    }

    /// Checks the callee of a stage and its arguments.
    fn check_stage_callee(&mut self, value: &Expr, stage: &Name) -> Option<Called> {
        let ExprKind::Call { callee, args, args_span } = &value.kind else {
            if matches!(value.kind, ExprKind::Error) {
                return None;
            }
            if let ExprKind::Paren(inner) = &value.kind {
                return self.check_stage_call(inner, stage);
            }
            let typed = self.infer(value);
            if typed.ty != Ty::ERROR {
                self.report(calls::stage_of_value(self.view(), stage, value));
            }
            return None;
        };
        let def = match &callee.kind {
            ExprKind::Name(name) => match self.probe(name) {
                Target::Local(_) => None,
                Target::Declared(_) => self.resolve_declared(name).map(|def| (def, name)),
                Target::Unknown if PERSON_FUNCTIONS.contains(&name.text.as_str()) => {
                    return self.check_person_call(name, args, *args_span);
                }
                Target::Unknown => {
                    self.report_unknown_declaration(name, "skill or cascade");
                    self.infer_arguments(args);
                    return None;
                }
            },
            ExprKind::Field { receiver, name, safe: false } => match &receiver.kind {
                ExprKind::Name(base) => match self.probe(base) {
                    Target::Declared(Def::Module(_)) | Target::Unknown => {
                        let path = [base.clone(), name.clone()];
                        let Some(def) = self.resolve_path(&path, "skill or cascade") else {
                            self.infer_arguments(args);
                            return None;
                        };
                        Some((def, name))
                    }
                    Target::Declared(Def::Missing) => {
                        self.resolve(base);
                        self.record_use(name.span, Symbol::Missing);
                        Some((Def::Missing, name))
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        match def {
            Some((Def::Skill(id), _)) => {
                let signature = &self.world.declared.skills[id.index()];
                let summary = self.callees.skill(id);
                self.check_unsupported_library(signature, summary.and_then(|s| s.unsupported.as_deref()), callee.span);
                let lowered = self.check_arguments(signature, args, *args_span);
                let mut result = Flow::default();
                if let Some(summary) = summary {
                    self.call_sinks(&summary.flow.program, &lowered.flows, callee.span);
                    self.add_effects_of_call(&summary.effects, &lowered.values, callee.span);
                    // A number, a bool or a variant of an enum carries no text.
                    if holds_text(self.types, signature.result) {
                        result = summary.flow.of_call(&lowered.flows, self.source(), value.span);
                    }
                }
                Some(Called {
                    work: ir::Work::Skill(id, lowered.values),
                    ty: signature.result,
                    flow: result,
                    skill: Some(id),
                })
            }
            Some((Def::Cascade(id), _)) => {
                let signature = &self.world.declared.cascades[id.index()];
                let summary = self.callees.cascade(id);
                self.check_unsupported_library(signature, summary.and_then(|s| s.unsupported.as_deref()), callee.span);
                let lowered = self.check_arguments(signature, args, *args_span);
                self.outcome.calls.push(id);
                let mut result = Flow::default();
                if let Some(summary) = summary {
                    self.call_sinks(&summary.flow.program, &lowered.flows, callee.span);
                    self.add_effects_of_call(&summary.effects, &lowered.values, callee.span);
                    result = summary.flow.of_call(&lowered.flows, self.source(), value.span);
                }
                Some(Called {
                    work: ir::Work::Cascade(id, lowered.values),
                    ty: signature.result,
                    flow: result,
                    skill: None,
                })
            }
            Some((Def::Missing, _)) => {
                self.infer_arguments(args);
                None
            }
            Some((Def::Fn(_), name)) => {
                self.report(calls::stage_of_fn(self.view(), stage, name, callee.span));
                self.infer_arguments(args);
                None
            }
            Some((other, name)) => {
                self.report(calls::call_of_declaration(self.view(), name, other, callee.span));
                self.infer_arguments(args);
                None
            }
            None => {
                let typed = self.infer(value);
                if typed.ty != Ty::ERROR {
                    self.report(calls::stage_of_pure_call(self.view(), stage, value));
                }
                None
            }
        }
    }

    /// Warns of a call into the standard library that this version cannot run. In calls of other
    /// modules, the construct itself is reported.
    fn check_unsupported_library(&mut self, signature: &Signature, unsupported: Option<&str>, span: Span) {
        let Some(construct) = unsupported else { return };
        let modules = self.world.files.modules;
        if !modules[signature.origin.module].std {
            return;
        }
        if modules[self.module].std {
            // Callers outside of the library are warned in turn.
            self.note_unsupported(construct, span);
            return;
        }
        self.report(calls::unsupported_library(self.view(), signature, construct, span));
    }

    /// Checks a question to a person.
    fn check_person_call(&mut self, name: &Name, args: &[Arg], args_span: Span) -> Option<Called> {
        let wanted = if name.text == "choose" { 2 } else { 1 };
        let wrong = calls::arguments_of_question(self.view(), name, args.len(), wanted, args_span);
        if wrong.is_some() {
            self.report(wrong);
            self.infer_arguments(args);
            return None;
        }
        self.record_builtin(name.span, Builtin::Function);
        let question = self.check_message(&args[0].value, "a question");
        let flow = Flow::default();
        Some(match name.text.as_str() {
            "approve" => {
                Called { work: ir::Work::Person(ir::Person::Approve(question)), ty: Ty::BOOL, flow, skill: None }
            }
            "ask" => Called { work: ir::Work::Person(ir::Person::Ask(question)), ty: Ty::STRING, flow, skill: None },
            _ => {
                let strings = self.types.list(Ty::STRING);
                let options = self.check(&args[1].value, strings);
                let work = ir::Work::Person(ir::Person::Choose(question, options.ir));
                Called { work, ty: Ty::STRING, flow: options.flow, skill: None }
            }
        })
    }

    /// The type of a list's elements; `None` when the type is no list.
    pub(super) fn unwrap_list(&self, ty: Ty) -> Option<Ty> {
        match self.types.kind(self.types.base(ty)) {
            TyKind::List(e) => Some(*e),
            TyKind::Error => Some(Ty::ERROR),
            _ => None,
        }
    }
}

fn stmt_type_span(stmt: &Stmt) -> Span {
    match &stmt.kind {
        StmtKind::Stage { ty: Some(ty), .. } => ty.span,
        _ => stmt.span,
    }
}
