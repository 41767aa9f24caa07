//! `test "name" { … }`: its mocks have the types of what they stand in for, its expectations are
//! conditions over `result`, and the stages that it names are there.

use std::rc::Rc;

use cascade_grammar::ast::{
    Expr, ExprKind, MockOutcome, Name, Span, StrPart, TestDecl, TestLine, TestLineKind, UnaryOp,
};
use cascade_ir as ir;
use rustc_hash::FxHashSet as HashSet;
use smol_str::SmolStr;

use super::{
    Cx, Def, ParamInfo,
    body::{Body, Kind, LocalKind},
    with_suggestion,
};
use crate::{
    codes,
    index::{Builtin, Callable, Symbol},
    types::Ty,
};

/// What a person who is mocked is asked.
const PEOPLE: &[(&str, Ty)] =
    &[("approve", Ty::BOOL), ("ask", Ty::STRING), ("choose", Ty::STRING), ("escalate", Ty::STRING)];

/// The run of a test.
struct Run {
    cascade: ir::CascadeId,
    args: Vec<ir::Expr>,
    result: ir::Slot,
    place: ir::Place,
}

/// What a mock stands in for, as far as it is known.
struct Target {
    ir: Option<ir::MockTarget>,
    of: Option<Callable>,
    ty: Ty,
    params: Vec<ParamInfo>,
}

impl<'a> Cx<'a> {
    /// Checks a test and lowers it.
    pub fn check_test(&mut self, module: usize, test: &'a TestDecl) {
        let mut body = Body::new(self, module, Kind::Test);
        body.end = test.body_span.end;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut ran: Option<Span> = None;
        let mut run: Option<Run> = None;
        for line in &test.body {
            if ran.is_none() && matches!(line.kind, TestLineKind::Run(_)) {
                ran = Some(line.span);
                if let TestLineKind::Run(call) = &line.kind {
                    run = body.test_run(line.span, call);
                }
                continue;
            }
            body.test_order(line, ran);
            let cascade = run.as_ref().map(|run| run.cascade);
            if let Some(lowered) = body.test_line(line, cascade) {
                if ran.is_some() { after.push(lowered) } else { before.push(lowered) }
            }
        }
        if ran.is_none() && !test.body.is_empty() {
            let d = body
                .diag(codes::STAGE_CALL, test.name.span, "this test runs nothing")
                .label("no `run`")
                .help("`run name(args)` runs the cascade that is tested");
            body.report(d);
        }
        body.unused();
        let (slots, place) = (body.slots, body.place(test.name.span));
        let name = match test.name.parts.as_slice() {
            [] => String::new(),
            [StrPart::Text { text, .. }] => text.clone(),
            _ => {
                self.not_constant(module, test.name.span, "plain text in quotes, without `$<>`");
                return;
            }
        };
        if let Some(first) = self.tests.insert((module, name.clone()), test.name.span) {
            let source = self.source(module);
            let d = self
                .diag(module, codes::DUPLICATE, test.name.span, format!("there are two tests named \"{name}\""))
                .label("again here")
                .also(source, first, "first here")
                .help("say in its name what is different about it");
            self.report(d);
        }
        if let Some(Run { cascade, args, result, place: run }) = run {
            let test = ir::Test { name, place, slots, before, cascade, args, result, run, after };
            self.out.tests.push((module, test));
        }
    }

    /// Names of the stages that a cascade reaches, as they are written.
    fn stage_names(&mut self, root: ir::CascadeId) -> Rc<HashSet<SmolStr>> {
        if let Some(known) = self.stages.get(&root) {
            return Rc::clone(known);
        }
        let mut names = HashSet::default();
        self.each_stage(root, &mut |stage| {
            names.insert(SmolStr::new(stage.name.split('#').next().unwrap_or_default()));
        });
        let names = Rc::new(names);
        self.stages.insert(root, Rc::clone(&names));
        names
    }

    /// Visits the stages that a cascade reaches.
    fn each_stage(&self, root: ir::CascadeId, visit: &mut dyn FnMut(&ir::Stage)) {
        let (mut waiting, mut seen) = (vec![root], HashSet::from_iter([root]));
        while let Some(id) = waiting.pop() {
            let Some(cascade) = self.out.cascades.get(id.index()).and_then(Option::as_ref) else { continue };
            let hooks = [&cascade.on_success, &cascade.on_failure, &cascade.on_cancel];
            let blocks = hooks.into_iter().flatten().map(|hook| &hook.body).chain([&cascade.body]);
            for block in blocks {
                super::finish::stages(block, visit);
                super::finish::calls(block, &mut |callee| {
                    if let super::finish::Callee::Cascade(id) = callee
                        && seen.insert(id)
                    {
                        waiting.push(id);
                    }
                });
            }
        }
    }
}

impl<'a> Body<'_, 'a> {
    /// What is written where it makes no sense.
    fn test_order(&mut self, line: &TestLine, ran: Option<Span>) {
        let (what, label) = match (&line.kind, ran) {
            (TestLineKind::Mock { .. }, Some(_)) => ("a mock stands before the `run`", "nothing calls it any more"),
            (TestLineKind::Run(_), Some(_)) => ("a test runs one cascade", "the second run"),
            (TestLineKind::Expect(_) | TestLineKind::ExpectStage { .. } | TestLineKind::ExpectFails { .. }, None) => {
                ("`expect` stands after the `run`", "nothing has run yet")
            }
            _ => return,
        };
        let mut d = self.diag(codes::MISPLACED, line.span, what).label(label);
        if let Some(ran) = ran {
            d = d.also(self.source(), ran, "it runs here");
        }
        self.report(d);
    }

    fn test_run(&mut self, span: Span, call: &'a Expr) -> Option<Run> {
        let name = Name { text: "result".into(), span };
        let called = self.stage_call(call, &name);
        self.not_yet.clear();
        let ty = called.as_ref().map_or(Ty::ERROR, |called| called.ty);
        let index = self.declare_implicit("result", span, ty) as usize;
        let result = self.locals[index].slot;
        match called?.work {
            ir::Work::Cascade(cascade, args) => Some(Run { cascade, args, result, place: self.place(span) }),
            _ => {
                let d = self
                    .diag(codes::STAGE_CALL, call.span, "a test runs a cascade")
                    .label("not a cascade")
                    .help("a skill is what a test stands in for, by `mock`");
                self.report(d);
                None
            }
        }
    }

    fn test_line(&mut self, line: &'a TestLine, cascade: Option<ir::CascadeId>) -> Option<ir::TestLine> {
        let what = match &line.kind {
            // A second run is reported already.
            TestLineKind::Error | TestLineKind::Run(_) => return None,
            TestLineKind::Mock { skill, outcomes } => {
                return self.mock(line.span, skill, outcomes).map(|mock| ir::TestLine::Mock(Box::new(mock)));
            }
            TestLineKind::Let { name, ty, value } => {
                let typed = match ty.as_ref().map(|t| self.cx.resolve(self.module, t)) {
                    Some(ty) => self.check(value, ty),
                    None => self.infer(value),
                };
                let index = self.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let) as usize;
                return Some(ir::TestLine::Let(self.locals[index].slot, typed.ir));
            }
            TestLineKind::ExpectStage { path, state, times } => {
                let times = times.as_ref().map(|times| self.check(times, Ty::INT).ir);
                let state = self.stage_state(state)?;
                self.known_stages(path, cascade?)?;
                let path = path.iter().map(|name| name.text.clone()).collect();
                ir::Expected::Stage { path, state, times }
            }
            TestLineKind::ExpectFails { kind, message } => {
                let kind = match kind {
                    Some(name) => Some(self.error_kind(name)?),
                    None => None,
                };
                let message = message.as_ref().map(|message| self.check(message, Ty::STRING).ir);
                ir::Expected::Fails { kind, message }
            }
            TestLineKind::Expect(condition) => {
                self.reads.clear();
                let lowered = self.check(condition, Ty::BOOL).ir;
                let of_result = self.find("result").is_some_and(|result| self.reads.contains(&result));
                let mut parts = Vec::new();
                self.parts(condition, &lowered, &mut parts);
                ir::Expected::Holds { condition: lowered, parts, of_result }
            }
        };
        let text = self.cx.text(self.module, line.span);
        let width = text.lines().next().map_or(1, |first| first.chars().count().max(1)) as u32;
        Some(ir::TestLine::Expect(Box::new(ir::Expect { what, place: self.place(line.span), width })))
    }

    fn mock(&mut self, span: Span, skill: &'a [Name], outcomes: &'a [MockOutcome]) -> Option<ir::TestMock> {
        let target = self.mock_target(span, skill);
        let mark = self.enter(span);
        let mut params = Vec::with_capacity(target.params.len());
        for (index, param) in target.params.iter().enumerate() {
            // What the test itself calls so is meant.
            let free = self.find(&param.name).is_none();
            let symbol = target.of.map_or(Symbol::Missing, |of| Symbol::Param { of, index: index as u32 });
            params.push(free.then(|| self.declare_given(&param.name, span, param.ty, symbol)));
        }
        let mut lowered = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let (answer, times, after) = match outcome {
                MockOutcome::Value { value, times, after } => {
                    (Some(ir::MockAnswer::Value(self.check(value, target.ty).ir)), times, after)
                }
                MockOutcome::Fails { kind, message, times, after } => {
                    let message = message.as_ref().map(|message| self.check(message, Ty::STRING).ir);
                    (self.error_kind(kind).map(|kind| ir::MockAnswer::Fails(kind, message)), times, after)
                }
            };
            let times = times.as_ref().map(|times| self.check(times, Ty::INT).ir);
            let after = after.as_ref().map(|after| self.check(after, Ty::DURATION).ir);
            lowered.extend(answer.map(|answer| ir::MockOutcome { answer, times, after }));
        }
        self.leave(mark);
        let name = skill.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".");
        Some(ir::TestMock { target: target.ir?, name, params, outcomes: lowered, place: self.place(span) })
    }

    fn mock_target(&mut self, span: Span, skill: &'a [Name]) -> Target {
        let unknown = Target { ir: None, of: None, ty: Ty::ERROR, params: Vec::new() };
        if let [name] = skill
            && let Some((word, ty)) = PEOPLE.iter().find(|(word, _)| *word == name.text)
            && self.cx.probe(self.module, &name.text).is_none()
        {
            self.record_builtin(name.span, Builtin::Function);
            let target = ir::MockTarget::Person((*word).into());
            return Target { ir: Some(target), of: None, ty: *ty, params: Vec::new() };
        }
        match self.cx.lookup_path(self.module, skill, "skill") {
            Some(Def::Skill(id)) => {
                let sig = &self.cx.skills[id.index()].sig;
                Target {
                    ir: Some(ir::MockTarget::Skill(id)),
                    of: Some(sig.of),
                    ty: sig.result,
                    params: sig.params.clone(),
                }
            }
            Some(Def::Cascade(id)) => {
                let sig = &self.cx.cascades[id.index()].sig;
                Target {
                    ir: Some(ir::MockTarget::Cascade(id)),
                    of: Some(sig.of),
                    ty: sig.result,
                    params: sig.params.clone(),
                }
            }
            Some(Def::Missing) | None => unknown,
            Some(other) => {
                let span = skill.first().map_or(span, |n| n.span);
                let message = format!("only skills and cascades are mocked; this is {}", other.what());
                let d = self.diag(codes::NOT_CALLABLE, span, message).label(other.what());
                self.report(d);
                unknown
            }
        }
    }

    fn stage_state(&mut self, state: &Name) -> Option<ir::StageState> {
        self.record_word(state);
        match state.text.as_str() {
            "ran" => Some(ir::StageState::Ran),
            "skipped" => Some(ir::StageState::Skipped),
            "failed" => Some(ir::StageState::Failed),
            "" => None,
            other => {
                let d = self
                    .diag(codes::UNKNOWN_SETTING, state.span, format!("a stage is not expected to be `{other}`"))
                    .label("`ran`, `skipped` or `failed`");
                self.report(d);
                None
            }
        }
    }

    /// A stage that is not there would be skipped for ever.
    fn known_stages(&mut self, path: &[Name], cascade: ir::CascadeId) -> Option<()> {
        let known = self.cx.stage_names(cascade);
        for name in path {
            if name.text.is_empty() {
                return None;
            }
            if self.cx.recorder.is_some() {
                self.record_stage_uses(name, cascade);
            }
            if !known.contains(&name.text) {
                let d = self
                    .diag(codes::UNKNOWN_NAME, name.span, format!("the run has no stage `{}`", name.text))
                    .label("not found");
                let mut names: Vec<&str> = known.iter().map(SmolStr::as_str).collect();
                names.sort_unstable();
                let mut d = with_suggestion(d, &name.text, name.span, names.iter().copied());
                if d.help.is_none() && !names.is_empty() {
                    d = d.help(format!("its stages are {}", super::literal::names(names.into_iter())));
                }
                self.report(d);
                return None;
            }
        }
        Some(())
    }

    /// Records that a test names the stages of a name that a cascade reaches.
    fn record_stage_uses(&mut self, name: &Name, root: ir::CascadeId) {
        let mut starts = Vec::new();
        self.cx.each_stage(root, &mut |stage| {
            if stage.name.split('#').next() == Some(name.text.as_str()) {
                starts.push(stage.place);
            }
        });
        for place in starts {
            let module = self.cx.modules.iter().position(|m| m.source.0 == place.file);
            let Some(module) = module else { continue };
            let start = self.cx.map.get(self.cx.modules[module].source).offset(place.line, place.column);
            let symbol = self.cx.recorder.as_ref().and_then(|r| r.stage(module, start));
            if let Some(symbol) = symbol {
                self.record_use(name.span, symbol);
            }
        }
    }

    /// What a condition is made of: what a reader wants to see when it does not hold.
    fn parts(&self, e: &Expr, lowered: &ir::Expr, out: &mut Vec<(String, ir::Expr)>) {
        match (&e.kind, lowered) {
            (ExprKind::Paren(inner), _) => self.parts(inner, lowered, out),
            (ExprKind::Unary(UnaryOp::Not, inner), ir::Expr::Not(value)) => self.parts(inner, value, out),
            (ExprKind::Binary(a, _, b), ir::Expr::And(x, y) | ir::Expr::Or(x, y)) => {
                self.parts(a, x, out);
                self.parts(b, y, out);
            }
            (ExprKind::Binary(a, _, b), ir::Expr::Binary(_, x, y, _)) => {
                self.part(a, x, out);
                self.part(b, y, out);
            }
            (ExprKind::Call { callee, .. }, ir::Expr::Builtin(_, args, _)) => {
                if let (ExprKind::Field { receiver, .. }, Some(value)) = (&callee.kind, args.first()) {
                    self.part(receiver, value, out);
                }
            }
            _ => {}
        }
    }

    fn part(&self, e: &Expr, lowered: &ir::Expr, out: &mut Vec<(String, ir::Expr)>) {
        let lowered = match lowered {
            ir::Expr::ToFloat(inner) => inner,
            other => other,
        };
        let literal = matches!(lowered, ir::Expr::Const(_) | ir::Expr::Neg(..) | ir::Expr::Variant { .. })
            || matches!(&e.kind, ExprKind::Str(_) | ExprKind::List(_) | ExprKind::Record(_));
        if literal {
            return;
        }
        let text = self.cx.text(self.module, e.span).split_whitespace().collect::<Vec<_>>().join(" ");
        if !out.iter().any(|(known, _)| *known == text) {
            out.push((text, lowered.clone()));
        }
        // `result.list.len()` says little without the list.
        self.parts(e, lowered, out);
    }
}
