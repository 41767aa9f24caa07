//! Calls that only a stage makes: of skills, of cascades, of people.

use cascade_grammar::ast::{Arg, Expr, ExprKind, Name, Span};
use cascade_ir as ir;

use super::{BodyChecker, variables::Target};
use crate::{
    builtins::PERSON_FUNCTIONS,
    checks::{calls, taint::holds_text},
    flow::Flow,
    index::{Builtin, Symbol},
    types::Ty,
    world::Def,
};

/// The call of a stage.
pub(super) struct Called {
    pub work: ir::Work,
    pub ty: Ty,
    pub flow: Flow,
    /// The skill that is called, if one is.
    pub skill: Option<ir::SkillId>,
}

impl BodyChecker<'_> {
    /// Checks what a stage calls; reports what a stage cannot call.
    pub(super) fn check_stage_call(&mut self, value: &Expr, stage: &Name) -> Option<Called> {
        let called = self.check_stage_callee(value, stage);
        let (ty, flow) = called.as_ref().map_or((Ty::ERROR, Flow::default()), |c| (c.ty, c.flow.clone()));
        self.context.record_type(value.span, ty, &flow);
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
                self.context.report(calls::stage_of_value(self.context.view(), stage, value));
            }
            return None;
        };
        let def = match &callee.kind {
            ExprKind::Name(name) => match self.probe_called(name) {
                Target::Local(_) => None,
                Target::Declared(_) => self.context.resolve_declared(name).map(|def| (def, name)),
                Target::Unknown if PERSON_FUNCTIONS.contains(&name.text.as_str()) => {
                    return self.check_person_call(name, args, *args_span);
                }
                Target::Unknown => {
                    self.report_unknown_declaration(name, "skill or cascade");
                    // The arguments of `all(a(), b())` are stages.
                    let is_stage = |arg: &Arg| match &arg.value.kind {
                        ExprKind::Call { callee, .. } => self.is_stage_call(callee),
                        _ => false,
                    };
                    if !args.iter().any(is_stage) {
                        self.infer_arguments(args);
                    }
                    return None;
                }
            },
            ExprKind::Field { receiver, name, safe: false } => match &receiver.kind {
                ExprKind::Name(base) => match self.probe(base) {
                    Target::Declared(Def::Module(_)) | Target::Unknown => {
                        let path = [base.clone(), name.clone()];
                        let Some(def) = self.context.resolve_path(&path, "skill or cascade") else {
                            self.infer_arguments(args);
                            return None;
                        };
                        Some((def, name))
                    }
                    Target::Declared(Def::Missing) => {
                        self.resolve(base);
                        self.context.record_use(name.span, Symbol::Missing);
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
                let signature = &self.context.world.declared.skills[id.index()];
                let summary = self.callees.skill(id);
                let lowered = self.check_arguments(signature, args, *args_span);
                let mut result = Flow::default();
                if let Some(summary) = summary {
                    self.call_sinks(&summary.flow.program, &lowered.flows, callee.span);
                    self.add_effects_of_call(&summary.effects, &lowered.values, callee.span);
                    // A number, a bool or a variant of an enum carries no text.
                    if holds_text(self.context.types, signature.result) {
                        result = summary.flow.of_call(&lowered.flows, self.context.source(), value.span);
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
                let signature = &self.context.world.declared.cascades[id.index()];
                let summary = self.callees.cascade(id);
                let lowered = self.check_arguments(signature, args, *args_span);
                self.outcome.calls.push(id);
                let mut result = Flow::default();
                if let Some(summary) = summary {
                    self.call_sinks(&summary.flow.program, &lowered.flows, callee.span);
                    self.add_effects_of_call(&summary.effects, &lowered.values, callee.span);
                    result = summary.flow.of_call(&lowered.flows, self.context.source(), value.span);
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
                self.context.report(calls::stage_of_fn(self.context.view(), stage, name, callee.span));
                self.infer_arguments(args);
                None
            }
            Some((other, name)) => {
                self.context.report(calls::call_of_declaration(self.context.view(), name, other, callee.span));
                self.infer_arguments(args);
                None
            }
            None => {
                let typed = self.infer(value);
                if typed.ty != Ty::ERROR {
                    self.context.report(calls::stage_of_pure_call(self.context.view(), stage, value));
                }
                None
            }
        }
    }

    /// Checks a question to a person.
    fn check_person_call(&mut self, name: &Name, args: &[Arg], args_span: Span) -> Option<Called> {
        let wanted = if name.text == "choose" { 2 } else { 1 };
        let wrong = calls::arguments_of_question(self.context.view(), name, args.len(), wanted, args_span);
        if wrong.is_some() {
            self.context.report(wrong);
            self.infer_arguments(args);
            return None;
        }
        self.context.record_builtin(name.span, Builtin::Function);
        let question = self.check_message(&args[0].value, "a question");
        let flow = Flow::default();
        Some(match name.text.as_str() {
            "approve" => {
                Called { work: ir::Work::Person(ir::Person::Approve(question)), ty: Ty::BOOL, flow, skill: None }
            }
            "ask" => Called { work: ir::Work::Person(ir::Person::Ask(question)), ty: Ty::STRING, flow, skill: None },
            _ => {
                let strings = self.context.types.list(Ty::STRING);
                let options = self.check(&args[1].value, strings);
                let work = ir::Work::Person(ir::Person::Choose(question, options.ir));
                Called { work, ty: Ty::STRING, flow: options.flow, skill: None }
            }
        })
    }
}
