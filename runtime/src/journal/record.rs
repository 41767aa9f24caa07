//! What is kept of runs and effects, as data and as JSON. Secrets are not.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use cascade_ir::{
    ErrorKind, ModelId, Program,
    read::{ReadError, read_json, read_program},
};
use serde_json::Value as Json;

use super::{JournalError, Remembered, Result};
use crate::{
    failure::{Failure, Raise},
    interpreter::price_of,
    request::{Answer, EffectInfo, Output, RequestKind, TimerId, Usage},
    wire::{self, Vault},
};

/// A record of a run, in the order in which it is kept.
pub enum Record {
    /// A run began, or goes on.
    RunStarted(Box<RunStart>),
    /// An effect is about to begin.
    Started(Box<EffectStart>),
    /// It ended.
    Ended(Box<EffectEnd>),
    /// Its recorded end came too late: the effect had been withdrawn.
    Overtaken {
        /// Its place in the order of answers.
        seq: i64,
    },
    /// A timer began, or fired.
    Timer(TimerMark),
    /// An event as JSON text, and its time in milliseconds since 1970.
    Event(String, i64),
    /// Progress of an effect that runs; only the newest of a stage is kept.
    Progress(ProgressMark),
    /// A person is asked.
    Asked(Box<Question>),
    /// A question was withdrawn.
    Unasked {
        /// The stage.
        path: String,
        /// Hash of the question.
        key: String,
    },
    /// Memory that outlives the run changes.
    Remember(Box<Remembered>),
    /// An answer that other runs may take.
    Cache(Box<CachedAnswer>),
    /// The run ended, for good or for now.
    RunEnded(Box<RunEnd>),
}

/// The beginning of a run.
#[derive(Debug, Clone, Default)]
pub struct RunStart {
    /// Its id.
    pub run: String,
    /// A digest of the compiled program with the project's key, in hex, under which it is kept. Older versions kept it under
    /// its SHA-256.
    pub hash: String,
    /// The compiled program, as JSON.
    pub program: Vec<u8>,
    /// The file that was compiled.
    pub file: String,
    /// The directory in which it runs.
    pub cwd: String,
    /// The cascade.
    pub cascade: String,
    /// Its inputs as a JSON object, without secrets.
    pub inputs: Json,
    /// Memory that outlives runs, as it was.
    pub memory: Json,
    /// Whether it is resumed.
    pub resumed: bool,
    /// The run whose answers it begins with.
    pub fork: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// `done`, `failed`, `cancelled`, `paused`.
    pub status: &'static str,
    /// Its value, when it is done.
    pub result: Option<Json>,
    /// Its failure, when it has one.
    pub error: Option<Json>,
    /// The stage whose failure ended it, by its path, and how often that stage was tried.
    pub failed_at: Option<(String, u32)>,
    /// When it can go on, in milliseconds since 1970.
    pub until: Option<i64>,
    /// How long the run has lived, in milliseconds.
    pub clock: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The beginning of an effect.
#[derive(Debug, Clone)]
pub struct EffectStart {
    /// Names it in this process.
    pub token: u64,
    /// What identifies it.
    pub info: Arc<EffectInfo>,
    /// `run`, `http`, `prompt`, `person`.
    pub kind: &'static str,
    /// The model that is asked.
    pub model: Option<String>,
    /// The request as JSON text, without secrets.
    pub request: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The end of an effect.
#[derive(Debug, Clone)]
pub struct EffectEnd {
    /// The one of its beginning.
    pub token: u64,
    /// `done`, `failed`, `withdrawn`, `interrupted`.
    pub status: &'static str,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// Its failure as JSON text.
    pub error: Option<String>,
    /// What it used.
    pub usage: Usage,
    /// Its place in the order of the run's answers.
    pub seq: i64,
    /// Whether it must reach the disk before anybody sees it.
    pub full: bool,
    /// Whether its type declares a secret: a file keeps it so that only the project's key opens it.
    pub secret: bool,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The age of the run, in milliseconds.
    pub clock: i64,
}

/// A timer of a stage.
#[derive(Debug, Clone)]
pub struct TimerMark {
    /// Which one.
    pub timer: TimerId,
    /// When it fired, in the order of answers; `None`: it began.
    pub seq: Option<i64>,
    /// Age of the run, or the time of the clock on the wall, in milliseconds.
    pub clock: i64,
}

/// Progress of an effect.
#[derive(Debug, Clone)]
pub struct ProgressMark {
    /// The stage's path.
    pub path: String,
    /// The attempt.
    pub attempt: u32,
    /// What it reports, as JSON text; see [`super::Activity::Progress`].
    pub progress: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// A question to a person.
#[derive(Debug, Clone)]
pub struct Question {
    /// The stage's path.
    pub path: String,
    /// Hash of the question.
    pub key: String,
    /// `approve`, `ask`, `choose`, `escalate`, `unknown`.
    pub kind: String,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// An answer that other runs may take.
#[derive(Debug, Clone)]
pub struct CachedAnswer {
    /// The key of the request.
    pub key: String,
    /// What the key is made of.
    pub parts: Vec<u8>,
    /// The skill.
    pub skill: String,
    /// The run that asked.
    pub run: String,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// The name of the artifact that holds a large answer.
    pub artifact: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

impl EffectStart {
    pub(crate) fn from_request(
        token: u64,
        info: &Arc<EffectInfo>,
        kind: &RequestKind,
        program: &Program,
        vault: &Vault,
    ) -> Self {
        let model = match kind {
            RequestKind::Prompt(prompt) => program.models.get(prompt.model.index()).map(|m| m.name.to_string()),
            _ => None,
        };
        let request = wire::write_request(kind, program, vault);
        Self { token, info: Arc::clone(info), kind: kind.name(), model, request, at: now_ms() }
    }
}

impl EffectEnd {
    /// The end that an answer is.
    pub(crate) fn from_answer(program: &Program, token: u64, model: Option<ModelId>, answer: &Answer) -> Self {
        let (status, text, error) = match &answer.result {
            Ok(output) => ("done", Some(wire::write_answer_text(output)), None),
            Err(failure) => ("failed", None, Some(failure_json(failure).to_string())),
        };
        let mut usage = answer.usage;
        if usage.cost.is_none()
            && let Some(model) = model.and_then(|m| program.models.get(m.index()))
        {
            usage.cost = Some(price_of(model, &usage));
        }
        Self { token, status, answer: text, error, usage, seq: 0, full: true, secret: false, at: now_ms(), clock: 0 }
    }

    /// An effect whose answer is not wanted: `withdrawn` by the program itself, `interrupted`
    /// from outside.
    pub(crate) fn without_answer(token: u64, status: &'static str) -> Self {
        Self {
            token,
            status,
            answer: None,
            error: None,
            usage: Usage::default(),
            seq: 0,
            full: false,
            secret: false,
            at: now_ms(),
            clock: 0,
        }
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A failure as JSON.
pub(crate) fn failure_json(failure: &Failure) -> Json {
    serde_json::to_value(failure).unwrap_or(Json::Null)
}

/// A failure that was kept.
pub(crate) fn failure_from(text: &str) -> Raise {
    match read_json::<Failure>(text.as_bytes()) {
        Ok(failure) => Box::new(failure),
        Err(_) => Failure::raise(ErrorKind::Internal, "the journal holds a failure that cannot be read"),
    }
}

/// The output of an answer that was kept, in the form of [`crate::wire`] or of a version before it.
pub(crate) fn output_from(text: &str) -> Result<Output> {
    let wrong = |detail: String| JournalError(format!("the journal holds an answer that cannot be read: {detail}"));
    let json = read_json(text.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    wire::read_answer(json).map_err(|e| wrong(e.0))
}

/// The program of a run, as a store keeps it.
pub(super) fn read_kept_program(bytes: &[u8]) -> Result<cascade_ir::Program> {
    read_program(bytes).map_err(|e| {
        JournalError(match e {
            ReadError::OtherFormat(_) => "the run was made by another version of Cascade".to_owned(),
            ReadError::Damaged(why) => {
                format!("the program of the run is damaged, or of another version of Cascade: {why}")
            }
        })
    })
}
