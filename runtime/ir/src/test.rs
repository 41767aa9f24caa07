//! Tests: what `cascadec test` runs.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{CascadeId, ErrorKind, Expr, Place, SkillId, Slot};

/// `test "name" { … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Its name, distinct among the tests of its file.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// How many slots its lines need.
    pub slots: u32,
    /// What comes before the run, in order.
    pub before: Vec<TestLine>,
    /// The cascade that is run.
    pub cascade: CascadeId,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// Where its result goes.
    pub result: Slot,
    /// Where the run is written.
    pub run: Place,
    /// What comes after the run, in order.
    pub after: Vec<TestLine>,
}

/// A line of a test beside its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TestLine {
    /// `let name = value`.
    Let(Slot, Expr),
    /// `mock …`; only before the run.
    Mock(Box<TestMock>),
    /// `expect …`; only after it.
    Expect(Box<Expect>),
}

/// Stands in for what a run calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestMock {
    /// What it stands in for.
    pub target: MockTarget,
    /// Its name as the test writes it.
    pub name: String,
    /// Where the arguments of the call go, by their position; `None`: the test has another value
    /// of that name.
    pub params: Vec<Option<Slot>>,
    /// What the calls give, in order.
    pub outcomes: Vec<MockOutcome>,
    /// Where it is written.
    pub place: Place,
}

/// What a mock stands in for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MockTarget {
    /// A skill.
    Skill(SkillId),
    /// A cascade that the tested one calls.
    Cascade(CascadeId),
    /// A person: `approve`, `ask`, `choose`, `escalate`.
    Person(SmolStr),
}

/// What a mocked call comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MockOutcome {
    /// The answer.
    pub answer: MockAnswer,
    /// How many calls get it; without it one, and the last outcome goes on.
    pub times: Option<Expr>,
    /// How long it takes, on the test's own clock.
    pub after: Option<Expr>,
}

/// The answer to a mocked call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MockAnswer {
    /// This value.
    Value(Expr),
    /// A failure of this kind, with this message.
    Fails(ErrorKind, Option<Expr>),
}

/// Something that must hold after the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// What.
    pub what: Expected,
    /// Where it is written.
    pub place: Place,
    /// How many characters long it is on its first line, for messages.
    pub width: u32,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expected {
    /// `expect condition`.
    Holds {
        /// The condition.
        condition: Expr,
        /// What it is made of, as written, and how to compute it: shown when it does not hold.
        parts: Vec<(String, Expr)>,
        /// Whether it looks at the result: a run that failed has none.
        of_result: bool,
    },
    /// `expect stage a.b ran times n`.
    Stage {
        /// Names of stages, the outermost first.
        path: Vec<SmolStr>,
        /// What became of it.
        state: StageState,
        /// How often it was tried.
        times: Option<Expr>,
    },
    /// `expect fails (kind, message)`: the run fails.
    Fails {
        /// Its kind; any when absent.
        kind: Option<ErrorKind>,
        /// A text that its message holds.
        message: Option<Expr>,
    },
}

/// What became of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// It began.
    Ran,
    /// It never began, or `on error skip` gave it up.
    Skipped,
    /// It failed for good.
    Failed,
}
