//! Frames: what a fiber will do when the frame above it is done.

use cascade_ir::{Block, Cascade, For, Repeat, Slot, Stage};

use smol_str::SmolStr;

use super::{
    call::Call, guard::Guard, memory::RemoteMemory, mocked_call::MockedCall, parallel::Fork, person::Asking,
    sandbox::Sandboxed,
};
use crate::{failure::Raise, value::Value};

/// A frame of a fiber's stack.
pub(super) enum Frame<'p> {
    /// Statements in order.
    Block(&'p Block, usize),
    /// Puts the value into a slot, or drops it.
    Store(Option<Slot>),
    /// A stage without clauses and without effects: it needs no guard.
    PureStage(&'p Stage),
    /// A stage or cascade under its clauses.
    Guard(Box<Guard<'p>>),
    /// An activation of a cascade; `true` when its hook has run.
    Cascade(&'p Cascade, bool),
    /// An effect.
    Call(Box<Call<'p>>),
    /// A skill that a model has called, by its name in paths: the frame above.
    Tool(SmolStr),
    /// A call that a test mocks.
    MockedCall(Box<MockedCall<'p>>),
    /// A question to a person.
    Person(Box<Asking>),
    /// Iterations one after the other.
    For(Box<Iteration<'p>>),
    /// Rounds one after the other.
    Repeat(Box<Rounds<'p>>),
    /// A sandbox around a block or a stage.
    Sandbox(Box<Sandboxed<'p>>),
    /// Requests to servers that keep memories.
    Remote(Box<RemoteMemory>),
    /// Branches that run concurrently.
    Fork(Box<Fork<'p>>),
    /// A hook of a cascade, and what follows it.
    Hook(HookName, Box<Mode>),
}

/// The name of a hook in paths.
#[derive(Clone, Copy)]
pub(super) struct HookName {
    /// `on_success`, `on_failure`, `on_cancel`.
    pub(super) name: &'static str,
    /// How often the hook acted in earlier parts of the run, for other failures or cancellations. A
    /// later time has a path of its own, so that its effects are not answered from the record.
    pub(super) before: usize,
}

/// A sequential `for`.
pub(super) struct Iteration<'p> {
    pub(super) node: &'p For,
    pub(super) list: Value,
    pub(super) next: usize,
    pub(super) values: Vec<Value>,
}

/// A `repeat`.
pub(super) struct Rounds<'p> {
    pub(super) node: &'p Repeat,
    pub(super) round: u64,
    pub(super) max: u64,
}

/// What a fiber is about to do.
pub(super) enum Mode {
    /// Run the top frame.
    Run,
    /// Hand a value to the top frame.
    Give(Value),
    /// Hand a failure to the top frame.
    Raise(Raise),
    /// Leave the cascade with a value.
    Return(Value),
    /// Remove frames, as a deadline or a cancellation demands.
    Cut(Cut),
    /// Nothing, until it is woken.
    Wait,
}

/// Frames to remove.
pub(super) struct Cut {
    /// The frame that stays and gets the failure; `None`: the fiber ends.
    pub(super) until: Option<usize>,
    /// The failure.
    pub(super) failure: Option<Raise>,
}

impl Cut {
    /// A cut that removes all frames: the fiber ends.
    pub(super) fn end() -> Self {
        Self { until: None, failure: None }
    }

    /// Makes this cut reach at least as far down as another one.
    pub(super) fn widen(&mut self, other: Cut) {
        if self.until.is_some() && (other.until.is_none() || other.until < self.until) {
            *self = other;
        }
    }
}
