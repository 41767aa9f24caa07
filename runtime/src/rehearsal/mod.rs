//! Runs the tests of a program, without any effect on the outside world.
//!
//! Every call is answered by a mock. Time is virtual and jumps to the next event: a test with a
//! timeout of an hour is as fast as one without. Answers due at the same time are ordered by a
//! seed, so that a program that depends on their order is detected.

mod coverage;
mod expect;
mod host;
mod mocks;
mod stages;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use cascade_ir::{ErrorKind, MockTarget, Place, Program, Test, TestLine, TestMock};

pub use coverage::{Coverage, Point};
pub use stages::StageOutcome;

use crate::{
    driver::{DriveOutcome, drive},
    eval::{DEFAULT_FUEL, Eval, Facts, write_slot},
    failure::{Failure, Raise},
    interpreter::{Environment, Machine, Rehearsal},
    value::Value,
};
use host::TestHost;
use mocks::Mocks;

/// The options of a test.
#[derive(Debug, Clone, Copy, Default)]
pub struct RehearsalOptions {
    /// The seed for the order of answers that are due at the same time; 0: in the order of the calls.
    pub seed: u64,
    /// Whether to record coverage.
    pub coverage: bool,
}

/// The result of a test.
#[derive(Debug, Clone, Default)]
pub struct RehearsalOutcome {
    /// What is wrong; the test passed if this is empty.
    pub problems: Vec<Problem>,
    /// Mocks that were never called.
    pub unused: Vec<Unused>,
    /// The stages of the run, in the order in which they began.
    pub stages: Vec<StageOutcome>,
    /// The virtual duration of the run, in milliseconds.
    pub ms: u64,
    /// The coverage, if it was requested.
    pub coverage: Option<Coverage>,
}

impl RehearsalOutcome {
    /// Whether the test passed.
    pub fn has_passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A failed expectation, or a mistake in the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its place in the test.
    pub place: Place,
    /// The length of the span in characters; 0: to the end of the line.
    pub width: u32,
    /// The message.
    pub message: String,
    /// Further explanations, one per line.
    pub notes: Vec<String>,
    /// What the user can do.
    pub help: Option<String>,
}

impl Problem {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, width: 0, message: message.into(), notes: Vec::new(), help: None }
    }

    fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A mock that was never used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The mocked skill, cascade or question.
    pub name: String,
    /// Its place.
    pub place: Place,
}

/// Runs a test of a program.
pub fn rehearse(program: &Program, test: &Test, how: RehearsalOptions) -> RehearsalOutcome {
    // A panic in the interpreter is a bug, but it must only fail this test.
    catch_unwind(AssertUnwindSafe(|| run_test(program, test, how))).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("a bug in Cascade: {}", what.unwrap_or("unknown"));
        RehearsalOutcome { problems: vec![Problem::new(test.place, message)], ..RehearsalOutcome::default() }
    })
}

fn run_test(program: &Program, test: &Test, how: RehearsalOptions) -> RehearsalOutcome {
    match prepare_test(program, test) {
        Ok(prepared) => prepared.run(program, test, how),
        Err(problem) => RehearsalOutcome { problems: vec![problem], ..RehearsalOutcome::default() },
    }
}

/// A test after its preparatory lines.
struct Prepared<'p> {
    slots: Vec<Value>,
    mocks: Mocks<'p>,
    inputs: Vec<Value>,
    cascades: HashSet<cascade_ir::CascadeId>,
}

fn prepare_test<'p>(program: &'p Program, test: &'p Test) -> Result<Prepared<'p>, Problem> {
    let mut eval = Eval::new(program, DEFAULT_FUEL);
    // Before the run, memory has the declared initial values.
    let memory = |eval: &mut Eval<'p>| -> Result<(), Raise> {
        for declared in &program.memories {
            let keys = declared.keys.iter().map(|key| eval.eval(&key.initial, &mut [])).collect::<Result<_, _>>()?;
            eval.memory.push(keys);
        }
        Ok(())
    };
    memory(&mut eval).map_err(|failure| evaluation_problem(test.place, "the first values of memory", &failure))?;
    let mut slots = vec![Value::Null; test.slots as usize];
    let mut mocks: Vec<&'p TestMock> = Vec::new();
    for line in &test.before {
        match line {
            TestLine::Let(slot, value) => {
                let value = eval.eval(value, &mut slots).and_then(|value| write_slot(&mut slots, *slot, value));
                value.map_err(|failure| evaluation_problem(test.place, "a value of the test", &failure))?;
            }
            TestLine::Mock(mock) => mocks.push(mock),
            TestLine::Expect(_) => {}
        }
    }
    let inputs = test.args.iter().map(|arg| eval.eval(arg, &mut slots)).collect::<Result<Vec<_>, _>>();
    let inputs = inputs.map_err(|failure| evaluation_problem(test.run, "an argument of the run", &failure))?;
    let inputs = check_inputs(&mut eval, test, inputs)?;
    let cascades = mocks
        .iter()
        .filter_map(|mock| match mock.target {
            MockTarget::Cascade(id) => Some(id),
            _ => None,
        })
        .collect();
    let mocks = Mocks::new(eval, &slots, &mocks)?;
    Ok(Prepared { slots, mocks, inputs, cascades })
}

/// Validates the inputs against the parameter types of the cascade.
fn check_inputs(eval: &mut Eval<'_>, test: &Test, inputs: Vec<Value>) -> Result<Vec<Value>, Problem> {
    let Some(cascade) = eval.program.cascades.get(test.cascade.index()) else {
        return Err(Problem::new(test.run, "there is no such cascade"));
    };
    let mut out = Vec::with_capacity(inputs.len());
    for (param, input) in cascade.params.iter().zip(inputs) {
        let value = crate::check::coerce_value(eval, input, &param.ty, crate::check::Strictness::Effect);
        out.push(value.map_err(|failure| Problem::new(test.run, format!("`{}`: {}", param.name, failure.message)))?);
    }
    Ok(out)
}

fn evaluation_problem(place: Place, what: &str, failure: &Failure) -> Problem {
    Problem::new(failure.place.unwrap_or(place), format!("{what} cannot be computed: {}", failure.message))
}

impl<'p> Prepared<'p> {
    fn run(self, program: &'p Program, test: &'p Test, how: RehearsalOptions) -> RehearsalOutcome {
        let Self { slots, mocks, inputs, cascades } = self;
        let environment = Environment {
            run: "test".to_owned(),
            facts: Facts {
                id: "test".to_owned(),
                started: 0,
                cascade: program.cascades.get(test.cascade.index()).map(|c| c.name.to_string()).unwrap_or_default(),
                attempt: 1,
                variables: Arc::default(),
            },
            rehearsal: Some(Arc::new(Rehearsal { cascades, coverage: how.coverage })),
            ..Environment::default()
        };
        let mut machine = match Machine::new(program, test.cascade, inputs, environment) {
            Ok(machine) => machine,
            Err(failure) => {
                let problem = Problem::new(test.run, format!("the run cannot start: {}", failure.message));
                return RehearsalOutcome { problems: vec![problem], ..RehearsalOutcome::default() };
            }
        };
        let mut world = TestHost::new(program, test.run, mocks, how.seed);
        let driven = poll_to_end(drive(&mut machine, &mut world));
        let mut out = RehearsalOutcome { ms: world.now(), ..RehearsalOutcome::default() };
        let (stages, mocks, stopped) = world.into_parts();
        out.stages = stages.into_outcomes();
        match (stopped, driven) {
            (Some(problem), _) => out.problems.push(problem),
            (None, Some(DriveOutcome::Ended(result))) => {
                let memory = machine.take_last_memory();
                out.problems = expect::failed_expectations(program, test, slots, memory, &result, &out.stages);
                out.unused = mocks.find_unused();
            }
            (None, _) => {
                out.problems.push(Problem::new(test.run, "the run waits forever: no answer and no timer is pending"))
            }
        }
        if how.coverage {
            out.coverage = Some(Coverage::from_reached(program, &machine.take_coverage()));
        }
        out
    }
}

/// Polls a future that never waits to its end: the host of a test always has an answer.
fn poll_to_end<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A failure in one line, with its kind.
fn failure_line(failure: &Failure) -> String {
    let at = if failure.stage.is_empty() { String::new() } else { format!("`{}`: ", failure.stage) };
    match failure.kind {
        ErrorKind::Failed => format!("{at}{}", failure.message),
        kind => format!("{at}{} ({})", failure.message, crate::failure::kind_name(kind)),
    }
}
