//! What the server is told of runs. It knows no journal: who starts it gives it one that it can ask.

use std::{fmt, path::Path};

/// The last run of a cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// Its id.
    pub id: String,
    /// How it ended and what it took, for a person: "done, 1.2s, $0.0034".
    pub summary: String,
}

/// Knows the runs of cascades. It is asked often, by any thread, and answers from what it remembers while nothing has
/// been recorded since.
pub trait RunHistory: fmt::Debug + Send + Sync {
    /// The last run of a cascade of a file; `None` where none is known.
    fn last_run(&self, file: &Path, cascade: &str) -> Option<LastRun>;
}

/// A history of nothing, for who has no journal.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl RunHistory for NoHistory {
    fn last_run(&self, _: &Path, _: &str) -> Option<LastRun> {
        None
    }
}
