//! `test "name" { … }`: checked here, run by `cascadec test`.

use cascade_grammar::ast::{MockOutcome, TestDecl, TestLineKind};

use super::{
    Cx, Def,
    body::{Body, Kind, LocalKind},
    flow::Flow,
};
use crate::{codes, types::Ty};

impl<'a> Cx<'a> {
    /// Checks a test: its mocks have the types of what they stand for, its expectations are
    /// truth values over `result`.
    pub fn check_test(&mut self, module: usize, test: &'a TestDecl) {
        let mut body = Body::new(self, module, Kind::Fn);
        let mut ran = false;
        for line in &test.body {
            match &line.kind {
                TestLineKind::Error => {}
                TestLineKind::Mock { skill, outcomes } => {
                    let ty = match body.cx.lookup_path(module, skill, "skill") {
                        Some(Def::Skill(id)) => body.cx.skills[id.index()].sig.result,
                        Some(Def::Cascade(id)) => body.cx.cascades[id.index()].sig.result,
                        Some(Def::Missing) | None => Ty::ERROR,
                        Some(other) => {
                            let span = skill.first().map_or(line.span, |n| n.span);
                            let d = body
                                .diag(
                                    codes::NOT_CALLABLE,
                                    span,
                                    format!("only skills and cascades are mocked; this is {}", other.what()),
                                )
                                .label(other.what());
                            body.report(d);
                            Ty::ERROR
                        }
                    };
                    for outcome in outcomes {
                        let times = match outcome {
                            MockOutcome::Value { value, times } => {
                                body.check(value, ty);
                                times
                            }
                            MockOutcome::Fails { times, .. } => times,
                        };
                        if let Some(times) = times {
                            body.check(times, Ty::INT);
                        }
                    }
                }
                TestLineKind::Run(call) => {
                    let name = cascade_grammar::ast::Name { text: "result".into(), span: line.span };
                    let ty = body.stage_call(call, &name).map_or(Ty::ERROR, |called| called.ty);
                    body.not_yet.clear();
                    if !ran {
                        let index = body.declare("result", line.span, ty, Flow::default(), LocalKind::Bound);
                        body.locals[index as usize].used = true;
                    }
                    ran = true;
                }
                TestLineKind::ExpectStage { state, .. } => {
                    if !matches!(state.text.as_str(), "ran" | "skipped" | "failed" | "") {
                        let d = body
                            .diag(
                                codes::UNKNOWN_SETTING,
                                state.span,
                                format!("a stage is not expected to be `{}`", state.text),
                            )
                            .label("`ran`, `skipped` or `failed`");
                        body.report(d);
                    }
                }
                TestLineKind::Expect(condition) => {
                    body.check(condition, Ty::BOOL);
                }
                TestLineKind::Let { name, ty, value } => {
                    let typed = match ty.as_ref().map(|t| body.cx.resolve(module, t)) {
                        Some(ty) => body.check(value, ty),
                        None => body.infer(value),
                    };
                    body.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
                }
            }
        }
        if !ran && !test.body.is_empty() {
            let d = body
                .diag(codes::STAGE_CALL, test.name.span, "this test runs nothing")
                .label("no `run`")
                .help("`run name(args)` runs the cascade that is tested");
            body.report(d);
        }
        body.unused();
    }
}
