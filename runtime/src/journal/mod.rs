//! The record of runs: what was asked of the world, and what it said.

mod record;
mod sqlite;

use std::fmt;

use cascade_ir::Program;

pub(crate) use record::{EffectEnd, EffectStart};
pub use record::{RunEnd, RunStart};
pub use sqlite::SqliteJournal;

use crate::{
    events::Event,
    request::{EffectInfo, What},
};

/// Why the record could not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError(pub String);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalError {}

/// Called when a record is durable, or cannot be.
pub(crate) type Done = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// Keeps the record of a run.
pub(crate) trait Journal {
    /// A run began.
    fn run_started(&mut self, run: RunStart);
    /// An effect is about to begin.
    fn effect_started(&mut self, info: &EffectInfo, what: &What, program: &Program);
    /// An effect ended; `done` is called once that is durable.
    fn effect_ended(&mut self, end: EffectEnd, done: Done);
    /// Something worth keeping happened.
    fn event(&mut self, event: &Event);
    /// The run ended; returns once everything is durable.
    fn run_ended(&mut self, end: RunEnd) -> Result<(), JournalError>;
}
