//! What happened in a run, for those who watch it from another process or afterwards.

use serde::Serialize;
use serde_json::Value as Json;

/// How far a watcher has read the activity of a run. A new one is at the beginning of the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The last effect that was seen to begin.
    pub(super) begun: i64,
    /// The last effect that was seen to end, in the order of the run's answers.
    pub(super) ended: i64,
    /// The number of the last progress.
    pub(super) progress: i64,
    /// The last event.
    pub(super) event: i64,
}

/// Something that happened in a run; what another run was asked, whose answers it took over, did not
/// happen in it. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "activity", rename_all = "snake_case")]
pub enum Activity {
    /// An attempt of a stage began.
    Began {
        /// The stage's path.
        path: String,
        /// The attempt, from 1.
        attempt: u32,
        /// The skill.
        skill: String,
        /// When.
        at: i64,
    },
    /// The newest progress of an attempt that runs.
    Progress {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// What the effect reports: `{"line": "…"}`, `{"tokens": 12}`, `{"step": "…"}`.
        progress: Json,
        /// When.
        at: i64,
    },
    /// An attempt of a stage ended.
    Ended {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// `done`, `failed`, `withdrawn`, `interrupted`.
        status: String,
        /// Why it failed.
        message: Option<String>,
        /// When.
        at: i64,
    },
    /// Another event: a log, a warning, a gate that failed, a retry, a model that was passed over.
    Event {
        /// The event, as `--json` prints it.
        event: Json,
        /// When.
        at: i64,
    },
}

impl Activity {
    /// When it happened, in milliseconds since 1970.
    pub fn last_at(&self) -> i64 {
        match self {
            Self::Began { at, .. } | Self::Progress { at, .. } | Self::Ended { at, .. } | Self::Event { at, .. } => *at,
        }
    }
}
