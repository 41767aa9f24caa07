//! The events of a run, for observers.

use cascade_ir::{ErrorKind, Place};
use serde::Serialize;

use crate::host::Progress;

/// An event; in JSON one object. The interpreter has no clock: the host adds the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run started.
    RunStarted {
        /// The id of the run.
        run: String,
        /// The cascade.
        cascade: String,
        /// Whether the run was resumed.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// A stage started, or another attempt of it.
    StageStarted {
        /// Its path.
        path: String,
        /// The skill, if the stage calls one.
        skill: Option<String>,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// A loop is about to begin; its rounds have the path of the loop with their number: `main/files[3]`.
    LoopStarted {
        /// The loop's path.
        path: String,
        /// The number of its rounds; of `repeat` the most that there can be.
        total: u64,
        /// What the rounds are about, in their order: texts, variants and paths, shortened; empty if they are
        /// about something else.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
    },
    /// A model was chosen for an attempt.
    ModelChosen {
        /// The stage's path.
        path: String,
        /// The model.
        model: String,
        /// Why it was preferred, where a `best_of` says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A model was skipped: it is not available, or the prompt does not fit into its context window.
    ModelPassedOver {
        /// The stage's path.
        path: String,
        /// The model.
        model: String,
        /// The reason.
        reason: String,
    },
    /// A task of a swarm was given to one of its agents.
    TaskAssigned {
        /// The stage's path.
        path: String,
        /// The agent, from 1.
        agent: usize,
    },
    /// An agent works in a session, by which a resumed run continues it.
    AgentSession {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// The key of its request.
        key: String,
        /// The session.
        session: String,
    },
    /// The answer of a model could not be read as its type.
    AnswerRefused {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
    },
    /// The answer of a model was not JSON of its type, and was read as the value that it states.
    AnswerRepaired {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// What was corrected, in words and in the order of the corrections.
        repairs: Vec<String>,
    },
    /// The progress of a running attempt, at most a few times per second and stage.
    Progress {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// The progress.
        progress: Progress,
    },
    /// An attempt failed, and another one follows.
    StageRetrying {
        /// The stage's path.
        path: String,
        /// The attempt that failed.
        attempt: u32,
        /// The kind of the failure.
        kind: ErrorKind,
        /// The message.
        message: String,
        /// The next step: `retry`, `use`, `fallback`, `fix`, `escalate`, `wait`; `resume` if the run had failed with
        /// this failure and a resumed run repeats the stage.
        next: &'static str,
        /// How long the service asks to wait before the next attempt, in milliseconds, counted from this event.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait_ms: Option<u64>,
        /// The longest pause of `backoff` before the next attempt, in milliseconds: a random time up to it, or the one that
        /// the service asks for if that is longer.
        #[serde(skip_serializing_if = "Option::is_none")]
        up_to_ms: Option<u64>,
    },
    /// A stage ended.
    StageFinished {
        /// Its path.
        path: String,
        /// `done`, `skipped`, `failed`, `cancelled`.
        status: &'static str,
        /// The number of attempts.
        attempts: u32,
        /// The tokens of the stage, including nested stages.
        tokens: u64,
        /// The cost of the stage in millionths of a US dollar, including nested stages.
        cost: i64,
        /// The duration in milliseconds, added by the host.
        ms: u64,
        /// The kind of its failure.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// An answer was taken from the journal or the cache instead of a request.
    Reused {
        /// The stage's path.
        path: String,
        /// The attempt.
        attempt: u32,
        /// `journal` or `cache`.
        from: &'static str,
    },
    /// The cache had no usable answer.
    CacheMissed {
        /// The stage's path.
        path: String,
        /// The reason, in words.
        reason: String,
    },
    /// A time limit or time budget of a stage was exceeded.
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
        /// The options.
        options: Vec<String>,
    },
    /// A question waits no longer: it was answered, or nobody wants the answer any more.
    QuestionClosed {
        /// The stage's path.
        path: String,
    },
    /// The run pauses.
    Paused {
        /// The reason, in words.
        reason: String,
        /// When it can be resumed, in milliseconds since 1970, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// `log`.
    Log {
        /// The stage or cascade that logs.
        path: String,
        /// The message.
        message: String,
        /// Where.
        place: Place,
    },
    /// `warn`, or a message of the runtime itself.
    Warning {
        /// The stage or cascade.
        path: String,
        /// The message.
        message: String,
        /// Where.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// The condition of a gate was false.
    GateFailed {
        /// The cascade's path.
        path: String,
        /// The gate's message.
        message: String,
        /// Where.
        place: Place,
    },
    /// What the run has spent until now, after an answer that cost something.
    Spent {
        /// Tokens.
        tokens: u64,
        /// Millionths of a US dollar.
        cost: i64,
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
    /// The texts that contain output of commands, models and people.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::ModelPassedOver { reason, .. } | Self::CacheMissed { reason, .. } | Self::Paused { reason, .. } => {
                vec![reason]
            }
            Self::Progress {
                progress: Progress::Line(text) | Progress::Step(text) | Progress::WaitsFor(text), ..
            } => vec![text],
            Self::StageRetrying { message, .. }
            | Self::Log { message, .. }
            | Self::Warning { message, .. }
            | Self::GateFailed { message, .. } => vec![message],
            Self::ModelChosen { reason, .. } => reason.iter_mut().collect(),
            Self::AnswerRepaired { repairs, .. } => repairs.iter_mut().collect(),
            Self::StageFinished { message, .. } => message.iter_mut().collect(),
            Self::Asked { question, options, .. } => std::iter::once(question).chain(options).collect(),
            Self::LoopStarted { labels, .. } => labels.iter_mut().collect(),
            Self::RunStarted { .. }
            | Self::QuestionClosed { .. }
            | Self::TaskAssigned { .. }
            | Self::StageStarted { .. }
            | Self::AgentSession { .. }
            | Self::AnswerRefused { .. }
            | Self::Progress { .. }
            | Self::Reused { .. }
            | Self::TimedOut { .. }
            | Self::Spent { .. }
            | Self::RunFinished { .. } => Vec::new(),
        }
    }
}
