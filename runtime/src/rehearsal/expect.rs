//! Checks the expectations of a test.

use cascade_ir::{Expect, Expected, Expr, Place, Program, StageState, Test, TestLine};
use smol_str::SmolStr;

use super::{Problem, StageOutcome, failure_line};
use crate::{
    eval::{DEFAULT_FUEL, Eval, write_slot},
    failure::{Failure, kind_name},
    value::{Value, to_json},
};

/// The maximal length of a value in a message, in characters.
const MAX_SHOWN: usize = 300;

/// Collects the failed expectations.
pub(super) fn failed_expectations(
    program: &Program,
    test: &Test,
    mut slots: Vec<Value>,
    memory: Vec<Vec<Value>>,
    result: &Result<Value, Failure>,
    stages: &[StageOutcome],
) -> Vec<Problem> {
    let mut eval = Eval::new(program, DEFAULT_FUEL);
    eval.memory = memory;
    let mut problems = Vec::new();
    let fails =
        test.after.iter().any(|line| matches!(line, TestLine::Expect(e) if matches!(e.what, Expected::Fails { .. })));
    match result {
        Ok(value) => {
            if let Err(failure) = write_slot(&mut slots, test.result, value.clone()) {
                problems.push(Problem::new(test.run, failure.message));
            }
        }
        Err(failure) if !fails => problems.push(unexpected_failure(program, test.run, failure)),
        Err(_) => {}
    }
    let mut judge = ExpectationChecker { program, eval, slots, result, stages };
    for line in &test.after {
        let problem = match line {
            TestLine::Let(slot, value) => {
                let value = judge.eval.eval(value, &mut judge.slots);
                let written = value.and_then(|value| write_slot(&mut judge.slots, *slot, value));
                // Without a result, the variables derived from it are missing, too.
                written
                    .err()
                    .filter(|_| result.is_ok())
                    .map(|failure| super::evaluation_problem(test.place, "a value of the test", &failure))
            }
            TestLine::Mock(_) => None,
            TestLine::Expect(expect) => judge.expect(expect).map(|mut problem| {
                problem.width = expect.width;
                problem
            }),
        };
        problems.extend(problem);
    }
    problems
}

fn unexpected_failure(program: &Program, place: Place, failure: &Failure) -> Problem {
    let mut problem = Problem::new(place, format!("the run failed: {}", failure_line(failure)));
    for cause in &failure.causes {
        problem = problem.with_note(format!("because {cause}"));
    }
    if let Some(at) = failure.place {
        let file = program.files.get(at.file as usize).map_or("?", String::as_str);
        problem = problem.with_note(format!("at {file}:{}:{}", at.line, at.column));
    }
    problem.help(format!("if it should: `expect fails ({})`", kind_name(failure.kind)))
}

struct ExpectationChecker<'p, 'r> {
    program: &'p Program,
    eval: Eval<'p>,
    slots: Vec<Value>,
    result: &'r Result<Value, Failure>,
    stages: &'r [StageOutcome],
}

impl ExpectationChecker<'_, '_> {
    fn expect(&mut self, expect: &Expect) -> Option<Problem> {
        match &expect.what {
            Expected::Holds { condition, parts, of_result } => {
                if *of_result && self.result.is_err() {
                    // The failure itself is reported elsewhere, unless the test expects one.
                    return None;
                }
                self.check_holds(expect.place, condition, parts)
            }
            Expected::Stage { path, state, times } => self.stage(expect.place, path, *state, times.as_ref()),
            Expected::Fails { kind, message } => {
                let failure = match self.result {
                    Ok(value) => {
                        let problem = Problem::new(expect.place, "the run was expected to fail, but it succeeded");
                        return Some(problem.with_note(format!("its result is {}", value_text(value))));
                    }
                    Err(failure) => failure,
                };
                let wanted = kind.is_none_or(|kind| kind == failure.kind);
                if !wanted {
                    let problem =
                        Problem::new(expect.place, format!("the run failed with `{}`", kind_name(failure.kind)));
                    return Some(self.add_failure(problem, failure));
                }
                let text = match message.as_ref().map(|message| self.eval.eval(message, &mut self.slots)) {
                    Some(Ok(text)) => text,
                    Some(Err(failure)) => {
                        return Some(super::evaluation_problem(expect.place, "the message", &failure));
                    }
                    None => return None,
                };
                let text = text.as_text().unwrap_or_default();
                if failure.message.contains(text) {
                    return None;
                }
                let problem = Problem::new(expect.place, format!("the failure's message does not contain \"{text}\""));
                Some(self.add_failure(problem, failure))
            }
        }
    }

    fn add_failure(&self, problem: Problem, failure: &Failure) -> Problem {
        let mut problem = problem.with_note(format!("it says {}", failure_line(failure)));
        if let Some(at) = failure.place {
            let file = self.program.files.get(at.file as usize).map_or("?", String::as_str);
            problem = problem.with_note(format!("at {file}:{}:{}", at.line, at.column));
        }
        problem
    }

    fn check_holds(&mut self, place: Place, condition: &Expr, parts: &[(String, Expr)]) -> Option<Problem> {
        let problem = match self.eval.eval(condition, &mut self.slots) {
            Ok(Value::Bool(true)) => return None,
            Ok(_) => Problem::new(place, "this condition is false"),
            Err(failure) => Problem::new(place, format!("this cannot be computed: {}", failure.message)),
        };
        Some(parts.iter().fold(problem, |problem, (text, expr)| {
            match self.eval.eval(expr, &mut self.slots) {
                Ok(value) => problem.with_note(format!("`{text}` is {}", value_text(&value))),
                // The evaluation failed; the failure is the explanation.
                Err(_) => problem,
            }
        }))
    }

    fn stage(&mut self, place: Place, path: &[SmolStr], state: StageState, times: Option<&Expr>) -> Option<Problem> {
        let name = path.join(".");
        let stages: Vec<&StageOutcome> = self.stages.iter().filter(|stage| stage.is_called(path)).collect();
        let with = |status: &str| stages.iter().filter(|stage| stage.status == status).count() as u64;
        let tries: u64 = stages.iter().map(|stage| u64::from(stage.attempts)).sum();
        let (count, so) = match state {
            StageState::Ran => (tries, tries > 0),
            StageState::Skipped => (with("skipped"), stages.is_empty() || with("skipped") > 0),
            StageState::Failed => (with("failed"), with("failed") > 0),
        };
        let times = match times.map(|times| self.eval.eval(times, &mut self.slots)) {
            None => None,
            Some(Ok(Value::Int(times))) => Some(times),
            Some(Ok(_)) => None,
            Some(Err(failure)) => return Some(super::evaluation_problem(place, "`times`", &failure)),
        };
        let word = match state {
            StageState::Ran => "ran",
            StageState::Skipped => "was skipped",
            StageState::Failed => "failed",
        };
        let problem = match times {
            Some(times) if i64::try_from(count) == Ok(times) => return None,
            Some(times) => Problem::new(
                place,
                format!("the stage `{name}` {word} {}, not {}", times_text(count), times_text(times.unsigned_abs())),
            ),
            None if so => return None,
            None => match (state, stages.is_empty()) {
                (_, true) => Problem::new(place, format!("the stage `{name}` never began")),
                (StageState::Skipped, false) => Problem::new(place, format!("the stage `{name}` was not skipped")),
                (_, false) => Problem::new(place, format!("the stage `{name}` did not fail")),
            },
        };
        Some(stages.iter().fold(problem, |problem, stage| {
            let tries = if stage.attempts > 1 { format!(" after {} attempts", stage.attempts) } else { String::new() };
            let why = stage.message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
            problem.with_note(format!("`{}` is {}{tries}{why}", stage.path, stage.status))
        }))
    }
}

fn times_text(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// A value as JSON, shortened.
fn value_text(value: &Value) -> String {
    let text = to_json(value).to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
