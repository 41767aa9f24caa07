//! Mocks: scripted answers to calls, with their durations.

use std::collections::HashMap;

use cascade_ir::{MockAnswer, MockTarget, Program, Slot, TestMock};
use serde_json::json;

use super::{Problem, Unused, evaluation_problem};
use crate::{
    describe::shorten_value,
    eval::{Eval, write_slot},
    failure::Failure,
    request::{Answer, CallRequest, Callee, Output, PersonRequest},
    value::{Value, to_json},
};

/// An answer, and the number of calls that it still answers.
struct Step<'p> {
    mock: &'p TestMock,
    /// The index of the mock in the test.
    position: usize,
    answer: &'p MockAnswer,
    /// The remaining calls; `None`: no limit.
    left: Option<u64>,
    ms: u64,
}

/// The answers of one target, in order.
#[derive(Default)]
struct Script<'p> {
    steps: Vec<Step<'p>>,
    at: usize,
    calls: u64,
}

/// The mocks of a test.
pub(super) struct Mocks<'p> {
    eval: Eval<'p>,
    slots: Vec<Value>,
    scripts: HashMap<MockTarget, Script<'p>>,
    all: Vec<(&'p TestMock, bool)>,
}

/// The duration in milliseconds, and the answer.
pub(super) type Timed = (u64, Answer);

impl<'p> Mocks<'p> {
    pub(super) fn new(mut eval: Eval<'p>, slots: &[Value], mocks: &[&'p TestMock]) -> Result<Self, Problem> {
        let mut slots = slots.to_vec();
        let mut scripts: HashMap<MockTarget, Script<'p>> = HashMap::new();
        for (position, mock) in mocks.iter().enumerate() {
            let script = scripts.entry(mock.target.clone()).or_default();
            for outcome in &mock.outcomes {
                let mut number = |expr: &Option<cascade_ir::Expr>| match expr {
                    Some(expr) => match eval.eval(expr, &mut slots) {
                        Ok(Value::Int(n) | Value::Duration(n)) => Ok(Some(n)),
                        Ok(_) => Ok(None),
                        Err(failure) => {
                            Err(evaluation_problem(mock.place, &format!("the mock of `{}`", mock.name), &failure))
                        }
                    },
                    None => Ok(None),
                };
                let (times, after) = (number(&outcome.times)?, number(&outcome.after)?);
                if times.is_some_and(|n| n < 1) {
                    return Err(Problem::new(mock.place, "`times` must be at least 1"));
                }
                script.steps.push(Step {
                    mock,
                    position,
                    answer: &outcome.answer,
                    left: times.map(i64::unsigned_abs),
                    ms: after.unwrap_or(0).max(0).unsigned_abs(),
                });
            }
        }
        for script in scripts.values_mut() {
            // Without `times` an outcome answers one call, and the last outcome all that follow.
            let last = script.steps.len().saturating_sub(1);
            for step in &mut script.steps[..last] {
                step.left.get_or_insert(1);
            }
        }
        let all = mocks.iter().map(|mock| (*mock, false)).collect();
        Ok(Self { eval, slots, scripts, all })
    }

    /// The mocks that were never used.
    pub(super) fn find_unused(&self) -> Vec<Unused> {
        let unused = self.all.iter().filter(|(_, used)| !used);
        unused.map(|(mock, _)| Unused { name: mock.name.clone(), place: mock.place }).collect()
    }

    /// Answers a call of a skill or a cascade.
    pub(super) fn call(&mut self, program: &'p Program, call: &CallRequest) -> Result<Timed, Problem> {
        let (target, name, params, what) = match call.callee {
            Callee::Skill(id) => {
                let skill = program.skills.get(id.index());
                let what = skill.map_or("a skill", |skill| effect_word(&skill.effect));
                let params = skill.map_or(&[][..], |skill| &skill.params);
                (MockTarget::Skill(id), skill.map(|s| s.name.as_str()).unwrap_or_default(), params, what)
            }
            Callee::Cascade(id) => {
                let cascade = program.cascades.get(id.index());
                let params = cascade.map_or(&[][..], |cascade| &cascade.params);
                (MockTarget::Cascade(id), cascade.map(|c| c.name.as_str()).unwrap_or_default(), params, "a cascade")
            }
        };
        let given = |problem: Problem| {
            let args = params.iter().zip(&call.args);
            let args: Vec<String> =
                args.map(|(param, value)| format!("{}: {}", param.name, shorten_value(value))).collect();
            problem.with_note(format!("by the stage `{}`: {name}({})", call.path, args.join(", ")))
        };
        let Some(step) = self.next_answer(&target) else {
            let message = format!("the run calls `{name}` ({what}), which is not mocked");
            return Err(given(Problem::new(cascade_ir::Place::default(), message))
                .help(format!("mock it: `mock {name} -> …`; a test makes no real calls")));
        };
        let (mock, answer, ms) = step.map_err(&given)?;
        for (slot, value) in mock.params.iter().zip(&call.args) {
            if let Some(slot) = slot {
                self.fill_slot(*slot, value.clone(), mock)?;
            }
        }
        Ok((ms, self.answer(mock, answer)?))
    }

    /// Answers a question that is put to a person.
    pub(super) fn person(&mut self, question: &PersonRequest, path: &str) -> Result<Timed, Problem> {
        let kind = question.kind;
        let asked = |problem: Problem| problem.with_note(format!("by the stage `{path}`: \"{}\"", question.question));
        let Some(step) = self.next_answer(&MockTarget::Person(kind.into())) else {
            let message = format!("the run asks a person (`{kind}`), but no answer is mocked");
            let value = match kind {
                "approve" => "true",
                "escalate" => "\"skip\"",
                _ => "\"…\"",
            };
            return Err(asked(Problem::new(cascade_ir::Place::default(), message))
                .help(format!("mock the answer: `mock {kind} -> {value}`")));
        };
        let (mock, answer, ms) = step.map_err(&asked)?;
        let mut answer = self.answer(mock, answer)?;
        if let Ok(Output::Value(value)) = &answer.result {
            let json = to_json(value);
            if matches!(kind, "choose" | "escalate")
                && !question.options.iter().any(|o| Some(o.as_str()) == json.as_str())
            {
                let message = format!("the mock of `{kind}` answers {json}, which is not one of the options");
                let options = question.options.iter().filter(|o| *o != "value").map(|o| format!("\"{o}\""));
                let options = options.collect::<Vec<_>>().join(", ");
                return Err(asked(Problem::new(mock.place, message)).help(format!("the options are {options}")));
            }
            let json = if kind == "escalate" { json!({ "action": json }) } else { json };
            answer = Answer::ok(Output::Person(json));
        }
        Ok((ms, answer))
    }

    /// The answer of the next call; an error if there are no more answers.
    fn next_answer(&mut self, target: &MockTarget) -> Option<Result<(&'p TestMock, &'p MockAnswer, u64), Problem>> {
        let script = self.scripts.get_mut(target)?;
        script.calls += 1;
        while script.steps.get(script.at).is_some_and(|step| step.left == Some(0)) {
            script.at += 1;
        }
        let Some(step) = script.steps.get_mut(script.at) else {
            let last = script.steps.last()?;
            let message =
                format!("`{}` is called {} times, but its mock has fewer answers", last.mock.name, script.calls);
            return Some(Err(
                Problem::new(last.mock.place, message).help("without `times` the last answer is repeated")
            ));
        };
        if let Some(left) = &mut step.left {
            *left -= 1;
        }
        let (mock, answer, ms) = (step.mock, step.answer, step.ms);
        if let Some((_, used)) = self.all.get_mut(step.position) {
            *used = true;
        }
        Some(Ok((mock, answer, ms)))
    }

    fn fill_slot(&mut self, slot: Slot, value: Value, mock: &TestMock) -> Result<(), Problem> {
        write_slot(&mut self.slots, slot, value)
            .map_err(|failure| evaluation_problem(mock.place, &format!("the mock of `{}`", mock.name), &failure))
    }

    fn answer(&mut self, mock: &'p TestMock, answer: &'p MockAnswer) -> Result<Answer, Problem> {
        let wrong = |failure: &Failure| {
            let message = format!("the mock of `{}` cannot be computed: {}", mock.name, failure.message);
            Problem::new(mock.place, message)
        };
        match answer {
            MockAnswer::Value(expr) => {
                let value = self.eval.eval(expr, &mut self.slots).map_err(|failure| wrong(&failure))?;
                Ok(Answer::ok(Output::Value(value)))
            }
            MockAnswer::Fails(kind, message) => {
                let message = match message {
                    Some(expr) => {
                        let value = self.eval.eval(expr, &mut self.slots).map_err(|failure| wrong(&failure))?;
                        crate::render::render_value(&value, cascade_ir::Rendering::Text)
                    }
                    None => "mocked failure".to_owned(),
                };
                Ok(Answer::failed(*kind, message))
            }
        }
    }
}

/// The effect of a skill, with its article.
fn effect_word(effect: &cascade_ir::Effect) -> &'static str {
    match effect {
        cascade_ir::Effect::Run(_) => "a command",
        cascade_ir::Effect::Http(_) => "an HTTP request",
        cascade_ir::Effect::Prompt(_) => "a model",
        cascade_ir::Effect::Agent(_) => "an agent",
        cascade_ir::Effect::Mcp(_) => "a tool of a server",
        cascade_ir::Effect::Builtin(_) => "a built-in skill",
        cascade_ir::Effect::Invalid => "a skill",
    }
}
