//! What a run tells those who watch it.

use cascade_ir::{ErrorKind, Place};
use serde::Serialize;

use crate::host::Progress;

/// Something that happened; one JSON object each. The interpreter knows no time: whoever passes
/// events on adds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Its id.
        run: String,
        /// The cascade.
        cascade: String,
        /// Whether it goes on after an interruption.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// A stage, or another attempt of it, began.
    StageStarted {
        /// Its path.
        path: String,
        /// The skill, if it is one.
        skill: Option<String>,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// A model was chosen for an attempt.
    ModelChosen {
        /// The stage's path.
        path: String,
        /// The model.
        model: String,
    },
    /// A model was not available or could not hold the prompt.
    ModelPassedOver {
        /// The stage's path.
        path: String,
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A running attempt reports progress. At most a few a second for each stage.
    Progress {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// What it reports.
        progress: Progress,
    },
    /// An attempt failed and another follows.
    StageRetrying {
        /// The stage's path.
        path: String,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        kind: ErrorKind,
        /// In words.
        message: String,
        /// What follows: `retry`, `use`, `fallback`, `escalate`, `wait`; `resume` when the run had
        /// ended with this failure and a resumed run tries the stage again.
        next: &'static str,
    },
    /// A stage ended.
    StageFinished {
        /// Its path.
        path: String,
        /// `done`, `skipped`, `failed`, `cancelled`.
        status: &'static str,
        /// How often it was tried.
        attempts: u32,
        /// Tokens in and below it.
        tokens: u64,
        /// Millionths of a US dollar in and below it.
        cost: i64,
        /// Milliseconds, added by the host side.
        ms: u64,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// An answer was taken from the journal or the cache instead of being asked for.
    Reused {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// `journal` or `cache`.
        from: &'static str,
    },
    /// `cache` found nothing to take.
    CacheMissed {
        /// The stage's path.
        path: String,
        /// Why, in words.
        reason: String,
    },
    /// A stage's time or patience is over.
    TimedOut {
        /// Its path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// `deadline`, `wall`, `idle` or `budget`.
        timer: &'static str,
    },
    /// The run waits for a person.
    Asked {
        /// The stage's path.
        path: String,
        /// `approve`, `ask`, `choose`, `escalate`, `unknown`.
        kind: String,
        /// The question.
        question: String,
        /// What can be chosen.
        options: Vec<String>,
    },
    /// The run goes no further for now.
    Paused {
        /// Why, in words.
        reason: String,
        /// When it can go on, in milliseconds since 1970, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// `log`.
    Log {
        /// The stage or cascade that says it.
        path: String,
        /// What it says.
        message: String,
        /// Where.
        place: Place,
    },
    /// `warn`, or a note of the runtime itself.
    Warning {
        /// The stage or cascade.
        path: String,
        /// What it says.
        message: String,
        /// Where.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// A gate did not open.
    GateFailed {
        /// The cascade's path.
        path: String,
        /// Its message.
        message: String,
        /// Where.
        place: Place,
    },
    /// A run ended.
    RunFinished {
        /// Its id.
        run: String,
        /// `done`, `failed`, `cancelled`, `paused`.
        status: &'static str,
        /// Milliseconds.
        ms: u64,
        /// Tokens of the run.
        tokens: u64,
        /// Millionths of a US dollar.
        cost: i64,
    },
}

impl Event {
    /// Its texts that say what programs, models and people said.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::ModelPassedOver { reason, .. } | Self::CacheMissed { reason, .. } | Self::Paused { reason, .. } => {
                vec![reason]
            }
            Self::Progress { progress: Progress::Line(text) | Progress::Step(text), .. } => vec![text],
            Self::StageRetrying { message, .. }
            | Self::Log { message, .. }
            | Self::Warning { message, .. }
            | Self::GateFailed { message, .. } => vec![message],
            Self::StageFinished { message, .. } => message.iter_mut().collect(),
            Self::Asked { question, options, .. } => std::iter::once(question).chain(options).collect(),
            Self::RunStarted { .. }
            | Self::StageStarted { .. }
            | Self::ModelChosen { .. }
            | Self::Progress { .. }
            | Self::Reused { .. }
            | Self::TimedOut { .. }
            | Self::RunFinished { .. } => Vec::new(),
        }
    }
}
