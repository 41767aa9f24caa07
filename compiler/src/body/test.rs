//! `test "name" { … }`: mocks of skills and cascades, the run of one cascade, and expectations of its
//! result and its stages.

use std::rc::Rc;

use cascade_grammar::ast::{Expr, ExprKind, MockOutcome, Name, Span, TestDecl, TestLine, TestLineKind, UnaryOp};
use cascade_ir as ir;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use smol_str::SmolStr;

use super::{BodyChecker, BodyInput, BodyKind};
use crate::{
    callees::Callees,
    checks::tests,
    codes,
    declare::{not_constant, plain_text},
    findings::Findings,
    index::{Builtin, Callable, Symbol},
    scope::LocalKind,
    types::Ty,
    world::{Def, ParamInfo},
};

/// The questions to a person that can be mocked, with the types of their answers.
const PEOPLE: &[(&str, Ty)] =
    &[("approve", Ty::BOOL), ("ask", Ty::STRING), ("choose", Ty::STRING), ("escalate", Ty::STRING)];

/// The run of a test.
struct Run {
    cascade: ir::CascadeId,
    args: Vec<ir::Expr>,
    result: ir::Slot,
    place: ir::Place,
}

/// What a mock replaces; fields are empty where it is not known.
struct Target {
    ir: Option<ir::MockTarget>,
    of: Option<Callable>,
    ty: Ty,
    params: Vec<ParamInfo>,
}

/// The names of the stages that cascades reach, found once for each cascade that a test runs.
#[derive(Default)]
pub(crate) struct ReachedStages {
    by_cascade: HashMap<ir::CascadeId, Rc<HashSet<SmolStr>>>,
}

impl ReachedStages {
    fn stages_of(&mut self, callees: &Callees, cascade: ir::CascadeId) -> Rc<HashSet<SmolStr>> {
        let names = || callees.reached_stages(cascade).into_iter().map(|stage| stage.name.clone()).collect();
        Rc::clone(self.by_cascade.entry(cascade).or_insert_with(|| Rc::new(names())))
    }
}

/// A checked test.
pub(crate) struct CheckedTest {
    /// Its name, when that is plain text.
    pub name: Option<String>,
    /// The test, when it runs something.
    pub ir: Option<ir::Test>,
    pub findings: Findings,
}

/// Checks a test.
pub(crate) fn check_test(
    input: BodyInput<'_>,
    reached: &mut ReachedStages,
    module: usize,
    test: &TestDecl,
) -> CheckedTest {
    let body = BodyChecker::new(input, module, BodyKind::Test);
    let mut checker = TestChecker { body, reached };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut ran: Option<Span> = None;
    let mut run: Option<Run> = None;
    // A line that could not be read may be the run.
    let unread = test.body.iter().any(|line| matches!(line.kind, TestLineKind::Error));
    for line in &test.body {
        if ran.is_none() && matches!(line.kind, TestLineKind::Run(_)) {
            ran = Some(line.span);
            if let TestLineKind::Run(call) = &line.kind {
                run = checker.check_run_line(line.span, call);
            }
            continue;
        }
        if ran.is_some() || !unread {
            checker.body.context.report(tests::misplaced_line(checker.body.context.view(), line, ran));
        }
        let cascade = run.as_ref().map(|run| run.cascade);
        if let Some(lowered) = checker.check_test_line(line, cascade) {
            if ran.is_some() { after.push(lowered) } else { before.push(lowered) }
        }
    }
    let mut body = checker.body;
    if ran.is_none() && !test.body.is_empty() && !unread {
        body.context.report(tests::runs_nothing(body.context.view(), test.name.span));
    }
    body.leave_body(test.body_span.end);
    let (slots, place) = (body.scope.slot_count(), body.context.place(test.name.span));
    let name = plain_text(&test.name);
    if name.is_none() {
        body.context.report(not_constant(body.context.view(), test.name.span, "plain text in quotes, without `$<>`"));
    }
    let ir = name.clone().zip(run).map(|(name, run)| {
        let Run { cascade, args, result, place: run } = run;
        ir::Test { name, place, slots, before, cascade, args, result, run, after }
    });
    CheckedTest { name, ir, findings: body.context.findings }
}

/// The check of a test.
struct TestChecker<'a> {
    body: BodyChecker<'a>,
    reached: &'a mut ReachedStages,
}

impl TestChecker<'_> {
    /// Checks `run cascade(args)` and declares `result`.
    fn check_run_line(&mut self, span: Span, call: &Expr) -> Option<Run> {
        let name = Name { text: "result".into(), span };
        let called = self.body.check_stage_call(call, &name);
        let ty = called.as_ref().map_or(Ty::ERROR, |called| called.ty);
        let index = self.body.declare_implicit("result", span, ty);
        let result = self.body.scope.slot(index);
        match called?.work {
            ir::Work::Cascade(cascade, args) => {
                Some(Run { cascade, args, result, place: self.body.context.place(span) })
            }
            _ => {
                let d = self
                    .body
                    .context
                    .diagnostic(codes::STAGE_CALL, call.span, "a test runs a cascade")
                    .label("not a cascade")
                    .help("a skill is what a test stands in for, by `mock`");
                self.body.context.report(d);
                None
            }
        }
    }

    /// Checks a line other than `run`. Gives `None` for a line that is wrong.
    fn check_test_line(&mut self, line: &TestLine, cascade: Option<ir::CascadeId>) -> Option<ir::TestLine> {
        let what = match &line.kind {
            // A second run is reported already.
            TestLineKind::Error | TestLineKind::Run(_) => return None,
            TestLineKind::Mock { skill, outcomes } => {
                return self.check_mock(line.span, skill, outcomes).map(|mock| ir::TestLine::Mock(Box::new(mock)));
            }
            TestLineKind::Let { name, ty, value } => {
                let typed = match ty.as_ref().map(|t| self.body.context.resolve_type(t)) {
                    Some(ty) => self.body.check(value, ty),
                    None => self.body.infer(value),
                };
                let index = self.body.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
                return Some(ir::TestLine::Let(self.body.scope.slot(index), typed.ir));
            }
            TestLineKind::ExpectStage { path, state, times } => {
                let times = times.as_ref().map(|times| self.body.check(times, Ty::INT).ir);
                let state = self.resolve_stage_state(state)?;
                self.check_stages(path, cascade?)?;
                let path = path.iter().map(|name| name.text.clone()).collect();
                ir::Expected::Stage { path, state, times }
            }
            TestLineKind::ExpectFails { kind, message } => {
                let kind = match kind {
                    Some(name) => Some(self.body.resolve_error_kind(name)?),
                    None => None,
                };
                let message = message.as_ref().map(|message| self.body.check(message, Ty::STRING).ir);
                ir::Expected::Fails { kind, message }
            }
            TestLineKind::Expect(condition) => {
                self.body.reads.clear();
                let lowered = self.body.check(condition, Ty::BOOL).ir;
                let of_result = self.body.scope.find("result").is_some_and(|result| self.body.reads.contains(&result));
                let mut parts = Vec::new();
                self.collect_operands(condition, &lowered, &mut parts);
                ir::Expected::Holds { condition: lowered, parts, of_result }
            }
        };
        let text = self.body.context.source_text(line.span);
        let width = text.lines().next().map_or(1, |first| first.chars().count().max(1)) as u32;
        Some(ir::TestLine::Expect(Box::new(ir::Expect { what, place: self.body.context.place(line.span), width })))
    }

    /// Checks `mock skill { … }`; its outcomes see the parameters of what it replaces.
    fn check_mock(&mut self, span: Span, skill: &[Name], outcomes: &[MockOutcome]) -> Option<ir::TestMock> {
        let target = self.resolve_mock_target(span, skill);
        let mark = self.body.enter_scope(span);
        let mut params = Vec::with_capacity(target.params.len());
        for (index, param) in target.params.iter().enumerate() {
            // A variable of the test hides the parameter.
            let free = self.body.scope.find(&param.name).is_none();
            let symbol = target.of.map_or(Symbol::Missing, |of| Symbol::Param { of, index: index as u32 });
            params.push(free.then(|| self.body.declare_given(&param.name, span, param.ty, symbol)));
        }
        let mut lowered = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let (answer, times, after) = match outcome {
                MockOutcome::Value { value, times, after } => {
                    (Some(ir::MockAnswer::Value(self.body.check(value, target.ty).ir)), times, after)
                }
                MockOutcome::Fails { kind, message, times, after } => {
                    let message = message.as_ref().map(|message| self.body.check(message, Ty::STRING).ir);
                    (self.body.resolve_error_kind(kind).map(|kind| ir::MockAnswer::Fails(kind, message)), times, after)
                }
            };
            let times = times.as_ref().map(|times| self.body.check(times, Ty::INT).ir);
            let after = after.as_ref().map(|after| self.body.check(after, Ty::DURATION).ir);
            lowered.extend(answer.map(|answer| ir::MockOutcome { answer, times, after }));
        }
        self.body.leave_scope(mark);
        let name = skill.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".");
        Some(ir::TestMock { target: target.ir?, name, params, outcomes: lowered, place: self.body.context.place(span) })
    }

    fn resolve_mock_target(&mut self, span: Span, skill: &[Name]) -> Target {
        let unknown = Target { ir: None, of: None, ty: Ty::ERROR, params: Vec::new() };
        if let [name] = skill
            && let Some((word, ty)) = PEOPLE.iter().find(|(word, _)| *word == name.text)
            && self.body.context.world.find_name(self.body.context.module, &name.text).is_none()
        {
            self.body.context.record_builtin(name.span, Builtin::Function);
            let target = ir::MockTarget::Person((*word).into());
            return Target { ir: Some(target), of: None, ty: *ty, params: Vec::new() };
        }
        match self.body.context.resolve_path(skill, "skill") {
            Some(Def::Skill(id)) => {
                let signature = &self.body.context.world.declared.skills[id.index()];
                Target {
                    ir: Some(ir::MockTarget::Skill(id)),
                    of: Some(signature.of),
                    ty: signature.result,
                    params: signature.params.clone(),
                }
            }
            Some(Def::Cascade(id)) => {
                let signature = &self.body.context.world.declared.cascades[id.index()];
                Target {
                    ir: Some(ir::MockTarget::Cascade(id)),
                    of: Some(signature.of),
                    ty: signature.result,
                    params: signature.params.clone(),
                }
            }
            Some(Def::Missing) | None => unknown,
            Some(other) => {
                let span = skill.first().map_or(span, |n| n.span);
                let message = format!("only skills and cascades are mocked; this is {}", other.kind_name());
                let d = self.body.context.diagnostic(codes::NOT_CALLABLE, span, message).label(other.kind_name());
                self.body.context.report(d);
                unknown
            }
        }
    }

    fn resolve_stage_state(&mut self, state: &Name) -> Option<ir::StageState> {
        self.body.context.record_word(state);
        match state.text.as_str() {
            "ran" => Some(ir::StageState::Ran),
            "skipped" => Some(ir::StageState::Skipped),
            "failed" => Some(ir::StageState::Failed),
            "" => None,
            other => {
                let d = self
                    .body
                    .context
                    .diagnostic(codes::UNKNOWN_SETTING, state.span, format!("a stage is not expected to be `{other}`"))
                    .label("`ran`, `skipped` or `failed`");
                self.body.context.report(d);
                None
            }
        }
    }

    /// Reports stages that the cascade does not reach; gives `None` when there is one.
    fn check_stages(&mut self, path: &[Name], cascade: ir::CascadeId) -> Option<()> {
        let known = self.reached.stages_of(self.body.callees, cascade);
        for name in path {
            if name.text.is_empty() {
                return None;
            }
            if self.body.context.recorder().is_on() {
                self.record_stage_uses(name, cascade);
            }
            if !known.contains(&name.text) {
                self.body.context.report(tests::unknown_stage(
                    self.body.context.view(),
                    name,
                    known.iter().map(SmolStr::as_str),
                ));
                return None;
            }
        }
        Some(())
    }

    /// Records the use of all reached stages of a name.
    fn record_stage_uses(&mut self, name: &Name, root: ir::CascadeId) {
        for stage in self.body.callees.reached_stages(root) {
            if stage.name == name.text {
                self.body.context.record_use(name.span, stage.symbol);
            }
        }
    }

    /// Collects the operands of a condition, whose values are shown when it does not hold.
    fn collect_operands(&self, e: &Expr, lowered: &ir::Expr, out: &mut Vec<(String, ir::Expr)>) {
        match (&e.kind, lowered) {
            (ExprKind::Paren(inner), _) => self.collect_operands(inner, lowered, out),
            (ExprKind::Unary(UnaryOp::Not, inner), ir::Expr::Not(value)) => self.collect_operands(inner, value, out),
            (ExprKind::Binary(a, _, b), ir::Expr::And(x, y) | ir::Expr::Or(x, y)) => {
                self.collect_operands(a, x, out);
                self.collect_operands(b, y, out);
            }
            (ExprKind::Binary(a, _, b), ir::Expr::Binary(_, x, y, _)) => {
                self.collect_operand(a, x, out);
                self.collect_operand(b, y, out);
            }
            (ExprKind::Call { callee, .. }, ir::Expr::Builtin(_, args, _)) => {
                if let (ExprKind::Field { receiver, .. }, Some(value)) = (&callee.kind, args.first()) {
                    self.collect_operand(receiver, value, out);
                }
            }
            _ => {}
        }
    }

    fn collect_operand(&self, e: &Expr, lowered: &ir::Expr, out: &mut Vec<(String, ir::Expr)>) {
        let lowered = match lowered {
            ir::Expr::ToFloat(inner) => inner,
            other => other,
        };
        let literal = matches!(lowered, ir::Expr::Const(_) | ir::Expr::Neg(..) | ir::Expr::Variant { .. })
            || matches!(&e.kind, ExprKind::Str(_) | ExprKind::List(_) | ExprKind::Record(_));
        if literal {
            return;
        }
        let text = self.body.context.source_text(e.span).split_whitespace().collect::<Vec<_>>().join(" ");
        if !out.iter().any(|(known, _)| *known == text) {
            out.push((text, lowered.clone()));
        }
        // For `result.list.len()`, the list is shown too.
        self.collect_operands(e, lowered, out);
    }
}
