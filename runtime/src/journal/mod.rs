//! The record of runs: what was asked of the world, and what it said.
//!
//! Writing goes through [`Journal`]: records are queued, committed in groups by a thread of their
//! own, and acknowledged once they are durable. Reading goes through [`Store`], from any process
//! and at any time.

mod artifacts;
mod ledger;
mod lock;
mod memory;
mod record;
mod rows;
mod sqlite;
mod store;
mod tables;

use std::fmt;

pub(crate) use ledger::{Ledger, Recorded, Status};
pub use lock::RunLock;
pub use memory::{MemoryChange, MemoryValue};
pub use record::now;
pub(crate) use record::{
    CachedAnswer, EffectEnd, EffectStart, Question, Record, RunEnd, RunStart, TimerMark, failure_from, output_from,
    output_json,
};
pub use rows::{EffectRow, QuestionRow, RunRow};
pub use sqlite::SqliteJournal;
pub use store::{Collected, Store};

use crate::request::Output;

/// Why the record could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError(pub String);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalError {}

pub(crate) type Result<T> = std::result::Result<T, JournalError>;

/// Called when a record is durable, or cannot be.
pub(crate) type Done = Box<dyn FnOnce(Result<()>) + Send>;

/// Keeps the record of one run.
pub(crate) trait Journal {
    /// Queues a record; records are kept in the order in which they come. `done` is called once
    /// it is as durable as it must be, from any thread.
    fn write(&mut self, record: Record, done: Option<Done>);
    /// Waits until everything that was queued is durable.
    fn flush(&mut self) -> Result<()>;
    /// The newest answer of any run to a request with this key.
    fn cached(&mut self, key: &str) -> Result<Option<CachedAnswer>>;
    /// The newest answer of a skill that the cache holds, whatever its key.
    fn cached_of_skill(&mut self, skill: &str) -> Result<Option<CachedAnswer>>;
    /// What a person has answered, as JSON text.
    fn answer(&mut self, path: &str, key: &str) -> Result<Option<String>>;
    /// An output that was kept.
    fn output(&mut self, answer: Option<&str>, artifact: Option<&str>) -> Result<Output>;
}
