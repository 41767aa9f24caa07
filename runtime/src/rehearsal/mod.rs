//! Tests of programs: a run in which nothing touches the world.
//!
//! Every call is answered by a mock, and time is a number that jumps to whatever happens next: a
//! test with a deadline of an hour takes no longer than one without. What is answered at the same
//! moment comes in an order that a seed decides, so that a program that depends on it is found.

mod coverage;
mod expect;
mod mocks;
mod stages;
mod world;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use cascade_ir::{ErrorKind, MockTarget, Place, Program, Test, TestLine, TestMock};

pub use coverage::{Coverage, Point};
pub use stages::StageSeen;

use crate::{
    driver::{Driven, drive},
    eval::{DEFAULT_FUEL, Eval, write},
    failure::{Failure, Raise},
    interpreter::{Environment, Machine, Rehearsal},
    value::Value,
};
use mocks::Mocks;
use world::World;

/// How a test is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rehearse {
    /// Decides in which order answers of the same moment come; 0: in the order of the calls.
    pub seed: u64,
    /// Whether to note what was reached.
    pub coverage: bool,
}

/// The result of a test.
#[derive(Debug, Clone, Default)]
pub struct Rehearsed {
    /// What is wrong; it passed when nothing is.
    pub problems: Vec<Problem>,
    /// Mocks that were never called.
    pub unused: Vec<Unused>,
    /// The stages of its run, in the order in which they began.
    pub stages: Vec<StageSeen>,
    /// How long the run took on its own clock, in milliseconds.
    pub ms: u64,
    /// What was reached, if that was asked for.
    pub coverage: Option<Coverage>,
}

impl Rehearsed {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that is wrong with a test, or with what it tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the test.
    pub place: Place,
    /// How many characters of that line are meant; 0: up to its end.
    pub width: u32,
    /// What is wrong.
    pub message: String,
    /// What explains it, a line each.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, width: 0, message: message.into(), notes: Vec::new(), help: None }
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A mock that was never called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// What it stands in for.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

/// Runs a test of a program.
pub fn rehearse(program: &Program, test: &Test, how: Rehearse) -> Rehearsed {
    // Whatever goes wrong in here is a defect, but never more than the end of this test.
    catch_unwind(AssertUnwindSafe(|| perform(program, test, how))).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("a defect of Cascade: {}", what.unwrap_or("unknown"));
        Rehearsed { problems: vec![Problem::new(test.place, message)], ..Rehearsed::default() }
    })
}

fn perform(program: &Program, test: &Test, how: Rehearse) -> Rehearsed {
    match prepared(program, test) {
        Ok(prepared) => prepared.run(program, test, how),
        Err(problem) => Rehearsed { problems: vec![problem], ..Rehearsed::default() },
    }
}

/// A test whose lines before the run have been done.
struct Prepared<'p> {
    slots: Vec<Value>,
    mocks: Mocks<'p>,
    inputs: Vec<Value>,
    cascades: HashSet<cascade_ir::CascadeId>,
}

fn prepared<'p>(program: &'p Program, test: &'p Test) -> Result<Prepared<'p>, Problem> {
    let mut eval = Eval::new(program, DEFAULT_FUEL);
    // Before the run, memory is what the program declares.
    let memory = |eval: &mut Eval<'p>| -> Result<(), Raise> {
        for declared in &program.memories {
            let keys = declared.keys.iter().map(|key| eval.eval(&key.initial, &mut [])).collect::<Result<_, _>>()?;
            eval.memory.push(keys);
        }
        Ok(())
    };
    memory(&mut eval).map_err(|failure| computed(test.place, "the first values of memory", &failure))?;
    let mut slots = vec![Value::Null; test.slots as usize];
    let mut mocks: Vec<&'p TestMock> = Vec::new();
    for line in &test.before {
        match line {
            TestLine::Let(slot, value) => {
                let value = eval.eval(value, &mut slots).and_then(|value| write(&mut slots, *slot, value));
                value.map_err(|failure| computed(test.place, "a value of the test", &failure))?;
            }
            TestLine::Mock(mock) => mocks.push(mock),
            TestLine::Expect(_) => {}
        }
    }
    let inputs = test.args.iter().map(|arg| eval.eval(arg, &mut slots)).collect::<Result<Vec<_>, _>>();
    let inputs = inputs.map_err(|failure| computed(test.run, "an argument of the run", &failure))?;
    let inputs = checked(&mut eval, test, inputs)?;
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

/// Inputs as the types of the cascade have them.
fn checked(eval: &mut Eval<'_>, test: &Test, inputs: Vec<Value>) -> Result<Vec<Value>, Problem> {
    let Some(cascade) = eval.program.cascades.get(test.cascade.index()) else {
        return Err(Problem::new(test.run, "there is no such cascade"));
    };
    let mut out = Vec::with_capacity(inputs.len());
    for (param, input) in cascade.params.iter().zip(inputs) {
        let value = crate::check::coerce(eval, input, &param.ty, crate::check::Strictness::Effect);
        out.push(value.map_err(|failure| Problem::new(test.run, format!("`{}`: {}", param.name, failure.message)))?);
    }
    Ok(out)
}

fn computed(place: Place, what: &str, failure: &Failure) -> Problem {
    Problem::new(failure.place.unwrap_or(place), format!("{what} cannot be computed: {}", failure.message))
}

impl<'p> Prepared<'p> {
    fn run(self, program: &'p Program, test: &'p Test, how: Rehearse) -> Rehearsed {
        let Self { slots, mocks, inputs, cascades } = self;
        let environment = Environment {
            run: "test".to_owned(),
            rehearsal: Some(Arc::new(Rehearsal { cascades, coverage: how.coverage })),
            ..Environment::default()
        };
        let mut machine = match Machine::new(program, test.cascade, inputs, environment) {
            Ok(machine) => machine,
            Err(failure) => {
                let problem = Problem::new(test.run, format!("the run cannot begin: {}", failure.message));
                return Rehearsed { problems: vec![problem], ..Rehearsed::default() };
            }
        };
        let mut world = World::new(program, test.run, mocks, how.seed);
        let driven = at_once(drive(&mut machine, &mut world));
        let mut out = Rehearsed { ms: world.now(), ..Rehearsed::default() };
        let (stages, mocks, stopped) = world.parts();
        out.stages = stages.seen();
        match (stopped, driven) {
            (Some(problem), _) => out.problems.push(problem),
            (None, Some(Driven::Ended(result))) => {
                let memory = machine.take_last_memory();
                out.problems = expect::all(program, test, slots, memory, &result, &out.stages);
                out.unused = mocks.unused();
            }
            (None, _) => out.problems.push(Problem::new(test.run, "the run waits for something that never comes")),
        }
        if how.coverage {
            out.coverage = Some(Coverage::of(program, &machine.take_coverage()));
        }
        out
    }
}

/// Polls work that never waits, since the host of a test always has an answer, to its end.
fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A failure in one line, with its kind.
fn in_words(failure: &Failure) -> String {
    let at = if failure.stage.is_empty() { String::new() } else { format!("`{}`: ", failure.stage) };
    match failure.kind {
        ErrorKind::Failed => format!("{at}{}", failure.message),
        kind => format!("{at}{} ({})", failure.message, crate::failure::kind_name(kind)),
    }
}
