//! The record of runs: what was asked of the world, and what it said.
//!
//! [`Store`] is where runs are recorded: what a durable run needs of a store, written down as a
//! contract that one suite tests (`tests/store.rs`). [`SqliteStore`] keeps runs in a file that many
//! processes share; [`InMemoryStore`] keeps them for as long as it lives. What makes a run durable
//! (the order of answers, quotas, `@once`, the cache, people) knows only the trait.

mod activity;
mod artifacts;
mod chain;
mod in_memory;
mod last_runs;
mod ledger;
mod lock;
mod memory;
mod outcomes;
mod private;
mod project_key;
mod record;
mod row_writer;
mod rows;
mod sqlite;
mod store;
mod tables;

use std::{any::Any, fmt};

use cascade_ir::Program;
use serde::Serialize;
use serde_json::Value as Json;

pub use activity::{Activity, Cursor};
pub use chain::Verification;
pub use in_memory::InMemoryStore;
pub use last_runs::last_runs;
pub use ledger::{Ledger, Recorded, RecordedTimer, Status};
pub use memory::{ChangeId, MemoryChange, MemoryValue, Remembered};
pub use record::{
    CachedAnswer, EffectEnd, EffectStart, ProgressMark, Question, Record, RunEnd, RunStart, TimerMark, now_ms,
};
pub(crate) use record::{failure_from, output_from};
pub use rows::{EffectRow, QuestionRow, RunRow};
pub use store::SqliteStore;

use crate::{interpreter::KnownOutcomes, project_key::ProjectKey, request::Output};

/// Why the record could not be kept or read, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError(pub String);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalError {}

/// The result of a store's operation.
pub type Result<T> = std::result::Result<T, JournalError>;

/// Called when a record is durable, or cannot be kept. It may be called from any thread.
pub type Done = Box<dyn FnOnce(Result<()>) + Send>;

/// A run is claimed as long as its guard lives. When the process dies, however it dies, the claim
/// ends too.
pub type RunGuard = Box<dyn Any + Send>;

/// The answer to [`Store::claim_run`].
pub enum Claim {
    /// The run belongs to the caller until the guard is dropped.
    Claimed(RunGuard),
    /// Somebody else runs it: the number of the process, where that is known.
    HeldBy(Option<u32>),
}

/// What a clean-up removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Runs.
    pub runs: usize,
    /// Files of large answers.
    pub artifacts: usize,
    /// Cached answers.
    pub cached: usize,
    /// Changes in the histories of memories.
    pub changes: usize,
}

/// Where runs are recorded.
///
/// A store may be used by many runs at once, in one process or in several. Every method but
/// [`Store::open_journal`] may be called at any time, also while the run that it asks about is
/// alive. What it returns was durable when it was called: records whose [`Done`] was called are
/// seen by every later call, in every process.
///
/// Methods block for as long as the store needs (a slow disk, another writer); a run calls them
/// only for short reads, and for what it does before it begins.
///
/// # Errors
/// Every method fails when the store cannot be read or written.
pub trait Store: fmt::Debug + Send + Sync {
    /// Where the runs are, for messages: a path, an address.
    fn location(&self) -> String;

    /// Takes a run for this process, or says who has it. At most one guard of a run exists at a
    /// time, in all processes.
    fn claim_run(&self, run: &str) -> Result<Claim>;
    /// The key with which digests of what is recorded here are made. It is always the same.
    fn project_key(&self) -> Result<ProjectKey>;
    /// A file in which this machine may note the programs of a run that are running; `None` where there is
    /// no place for one. It belongs to whoever holds the guard of the run.
    fn process_list(&self, run: &str) -> Option<std::path::PathBuf> {
        let _ = run;
        None
    }
    /// A folder in which this machine may lock names that only one run may hold at a time; `None` where there
    /// is no place for one.
    fn lock_directory(&self) -> Option<std::path::PathBuf> {
        None
    }
    /// Begins to write the record of a run. The caller holds its guard.
    fn open_journal(&self, run: &str) -> Result<Box<dyn Journal>>;

    /// All runs, the newest first.
    fn runs(&self) -> Result<Vec<RunRow>>;
    /// The run with this id, or the only one whose id begins so; `None` when there is none, an
    /// error when there are several.
    fn run(&self, id: &str) -> Result<Option<RunRow>>;
    /// The program with this hash ([`RunRow::program`]).
    fn program(&self, hash: &str) -> Result<Program>;
    /// The effects of a run, in the order in which they began.
    fn effects(&self, run: &str) -> Result<Vec<EffectRow>>;
    /// Events of a run after a number, with their numbers and times (milliseconds since 1970).
    fn events(&self, run: &str, after: i64) -> Result<Vec<(i64, i64, Json)>>;
    /// What happened in a run since a cursor, which is moved on: stages that began, that report
    /// progress, that ended, and events. For those who watch a run from another process.
    fn activity(&self, run: &str, since: &mut Cursor) -> Result<Vec<Activity>>;
    /// Whether the record of a run is whole and as it was written. A store that keeps no proof says that
    /// it does not know.
    fn verify(&self, run: &str) -> Result<Verification> {
        let _ = run;
        Ok(Verification { unknown: true, ..Verification::default() })
    }
    /// Everything that is recorded of a run, for resuming it or for a run that begins with its
    /// answers.
    fn ledger(&self, run: &str) -> Result<Ledger>;
    /// An output that was recorded: its text, or the name of the artifact that holds it.
    fn output(&self, answer: Option<&str>, artifact: Option<&str>) -> Result<Output>;
    /// Marks a run that nobody runs as cancelled.
    fn mark_cancelled(&self, run: &str) -> Result<()>;

    /// The questions of a run, answered or not, the oldest first.
    fn questions(&self, run: &str) -> Result<Vec<QuestionRow>>;
    /// Answers a question; the run that waits for it, or is resumed, takes the answer. `false` when
    /// it was answered before or is not asked.
    fn answer_question(&self, run: &str, path: &str, key: &str, answer: &Json) -> Result<bool>;
    /// What a person has answered, as JSON text.
    fn answer_of(&self, run: &str, path: &str, key: &str) -> Result<Option<String>>;

    /// The newest answer of any run to a request with this key (`cache`).
    fn cached(&self, key: &str) -> Result<Option<CachedAnswer>>;
    /// The newest cached answer of a skill, whatever its key.
    fn cached_of_skill(&self, skill: &str) -> Result<Option<CachedAnswer>>;

    /// What the newest recorded answers of models tell of them, by the names of the skill and the model.
    fn model_outcomes(&self) -> Result<KnownOutcomes> {
        outcomes::of_rows(self)
    }

    /// Every key of the memories that outlive runs.
    fn memory(&self) -> Result<Vec<MemoryValue>>;
    /// The memories that outlive runs as a run saw them when it began: an object of objects.
    fn memory_of(&self, run: &str) -> Result<Json>;
    /// How a key came to its value, the oldest change first.
    fn memory_history(&self, memory: &str, key: &str) -> Result<Vec<MemoryChange>>;
    /// Gives a key a value, as a person.
    fn set_memory(&self, memory: &str, key: &str, value: Json) -> Result<()>;
    /// Removes a key: the next run begins with the first value that its program declares. `false`
    /// when there was none.
    fn forget_memory(&self, memory: &str, key: &str) -> Result<bool>;

    /// Removes runs that ended before a time (milliseconds since 1970), cached answers from before
    /// it, and the artifacts that nothing names any more. Runs that live, wait or can be resumed
    /// stay unless `all`.
    fn collect(&self, before: i64, all: bool) -> Result<Collected>;
}

/// Writes the record of one run.
///
/// Records are kept in the order in which they come. A record is kept whole or not at all, and when
/// one is kept, so are all before it: what a crash leaves is always a beginning of the record. After
/// a failure nothing more is kept, and every later [`Done`] gets that failure.
pub trait Journal: Send {
    /// Queues a record; it does not wait. `done` is called once the record is as durable as it must
    /// be: the end of an effect that cost money ([`EffectEnd::full`]), the beginning of one that
    /// must not be repeated, and a change of memory survive a loss of power; all others survive the
    /// death of the process.
    fn write(&mut self, record: Record, done: Option<Done>);
    /// Calls `done` when everything that was queued before is durable.
    fn flush(&mut self, done: Done);
}
