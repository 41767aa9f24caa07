//! What the interpreter asks of the world, and what it hears back.

use std::sync::Arc;

use cascade_ir::{CascadeId, ErrorKind, ModelId, SkillId};
use serde_json::Value as Json;
use smol_str::SmolStr;

pub use crate::key_parts::{KeyParts, KeyVersion};
pub use crate::request_id::{RequestId, RequestMap, RequestSet};
use crate::{
    failure::{Failure, Raise},
    value::{Arg, Secret, Value},
    workspace::{Workspace, WorkspacePatch},
};

/// Something that only the world can do.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its name; the answer carries it.
    pub id: RequestId,
    /// What is asked for, with its details.
    pub kind: RequestKind,
    /// Who asks, for effects.
    pub effect: Option<Arc<EffectInfo>>,
    /// Withdrawn effects that this one replaces or comes after: it must not begin before they have
    /// ended. A host to which they are unknown, or ended, does not wait.
    pub after: Vec<RequestId>,
}

/// The identity of an effect: what is journalled.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectInfo {
    /// The stage's path: `main/checks/lint`, `main/fix[3]/test`.
    pub path: String,
    /// The skill.
    pub skill: SmolStr,
    /// The stage's attempt, from 1.
    pub attempt: u32,
    /// What it asks: a digest of named parts, with its version (see [`crate::key_parts`]). An answer
    /// on record is reused by a request with the same key.
    pub key: String,
    /// The keys that earlier versions gave it; only where answers of other runs may be reused
    /// (`cache`).
    pub old_keys: Vec<String>,
    /// What the key is made of, so that a difference can be named.
    pub parts: KeyParts,
    /// The same for every attempt of this stage in this run; services that know it do not act twice.
    pub idempotency: String,
    /// Whether it must never be repeated blindly.
    pub once: bool,
    /// Whether signs of life are wanted (an `idle` clause holds).
    pub watch: bool,
    /// How old an answer of another run may be to be taken (`cache`), in milliseconds.
    pub cache_ms: Option<i64>,
    /// How its answer is read.
    pub answer: AnswerForm,
}

/// How an answer is read, as far as those must know who look for secrets in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerForm {
    /// As JSON, which it must stay.
    pub json: bool,
    /// As a type in which there are secrets: what it says there is meant, and is told to nobody else.
    pub secret: bool,
}

/// The identity of a timer of a stage: a resumed run recognises it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TimerId {
    /// The stage's path.
    pub path: String,
    /// The attempt that it belongs to.
    pub attempt: u32,
    /// What it watches over.
    pub kind: TimerKind,
}

/// What a timer watches over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// `timeout`: the time of an attempt while the run lives.
    Deadline,
    /// `timeout` of a question: the time of the clock on the wall, also while no process lives.
    Wall,
    /// `idle`: a part of the limit; several in a row without a sign of life are the limit.
    Idle,
    /// `budget` of time: the time of all attempts while the run lives.
    Budget,
}

impl TimerKind {
    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Deadline, Self::Wall, Self::Idle, Self::Budget].into_iter().find(|k| k.name() == name)
    }

    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Wall => "wall",
            Self::Idle => "idle",
            Self::Budget => "budget",
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub enum RequestKind {
    /// Run a program.
    Run(RunRequest),
    /// Send an HTTP request.
    Http(HttpRequest),
    /// Ask a model.
    Prompt(Box<PromptRequest>),
    /// Read files that go with a prompt.
    Load(Vec<LoadRequest>),
    /// Ask a person.
    Person(PersonRequest),
    /// Answer a call as a whole; asked only in a rehearsal, where nothing of a skill is done.
    Call(Box<CallRequest>),
    /// Wait before another attempt: a random time up to `up_to_ms`, at least `at_least_ms`.
    Delay {
        /// The longest pause of the back-off, in milliseconds.
        up_to_ms: u64,
        /// What the service asked for, in milliseconds; 0 if nothing.
        at_least_ms: u64,
        /// The stage that waits.
        path: String,
        /// The attempt that failed.
        attempt: u32,
    },
    /// Answer after this many milliseconds.
    Timer {
        /// Milliseconds.
        ms: u64,
        /// Which timer it is.
        timer: TimerId,
    },
    /// Answer when a spent quota is there again. Until then nothing new begins.
    Quota {
        /// The stage that waits.
        path: String,
        /// The attempt that met the limit.
        attempt: u32,
        /// How long the service asks to wait, in milliseconds, if it says so.
        retry_after_ms: Option<u64>,
        /// What the service said.
        message: String,
    },
}

/// A program to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The program and its arguments.
    pub argv: Vec<Arg>,
    /// Where it runs, and what it may do there.
    pub workspace: Workspace,
    /// Variables beside the inherited ones; `None` removes one.
    pub env: Vec<(SmolStr, Option<Arg>)>,
    /// Standard input.
    pub stdin: Option<Arg>,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// Upper case.
    pub method: SmolStr,
    /// The address with its query.
    pub url: Arg,
    /// Headers.
    pub headers: Vec<(SmolStr, Arg)>,
    /// The body.
    pub body: Option<Arg>,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRequest {
    /// The chosen model.
    pub model: ModelId,
    /// System text.
    pub system: Option<String>,
    /// The prompt.
    pub text: String,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// JSON Schema of the answer; an object at its top. `None`: text is wanted.
    pub schema: Option<Json>,
    /// A name for the schema.
    pub schema_name: String,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u64>,
}

/// Files to read.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadRequest {
    /// This file.
    File(String),
    /// Those that match the pattern, below the directory.
    Glob {
        /// `src/**/*.rs`.
        pattern: String,
        /// Where; the run's own directory if absent.
        dir: Option<String>,
    },
}

/// A file that goes with a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Its path as the program knows it.
    pub path: String,
    /// Its media type: `text/plain`, `image/png`.
    pub media: String,
    /// Its content.
    pub content: Arc<[u8]>,
    /// SHA-256 of the content in hex.
    pub hash: String,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRequest {
    /// `approve`, `ask`, `choose`, `escalate`.
    pub kind: &'static str,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
}

/// A call that is answered as a whole.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// What is called.
    pub callee: Callee,
    /// The stage's path.
    pub path: String,
    /// What it is given.
    pub args: Vec<Value>,
}

/// What a stage calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callee {
    /// A skill.
    Skill(SkillId),
    /// A cascade.
    Cascade(CascadeId),
}

/// A change of memory that outlives the run. Nobody waits for it; it must be done once, and
/// before anything that was asked later is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryOp {
    /// The same when the run is taken up again.
    pub id: String,
    /// The stage or cascade that makes it.
    pub path: String,
    /// The memory.
    pub memory: String,
    /// Its key.
    pub key: String,
    /// Whether the value is added to what is there.
    pub append: bool,
    /// What it is added to where nothing is there: the first value that the program declares.
    pub initial: Json,
    /// The value.
    pub value: Json,
}

impl MemoryOp {
    /// A change that a person makes, and not a run.
    pub fn by_person(memory: &str, key: &str, value: Json) -> Self {
        Self {
            id: String::new(),
            path: String::new(),
            memory: memory.to_owned(),
            key: key.to_owned(),
            append: false,
            initial: Json::Null,
            value,
        }
    }
}

/// What the world says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What came of it.
    pub result: Result<Output, Raise>,
    /// What it used; counts even when it failed.
    pub usage: Usage,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Tokens read by a model.
    pub tokens_in: u64,
    /// Tokens written by a model.
    pub tokens_out: u64,
    /// Millionths of a US dollar, when the service itself says so.
    pub cost: Option<i64>,
}

impl Usage {
    /// Adds what was used before; its cost is known.
    pub fn add(&mut self, before: Usage) {
        self.tokens_in = self.tokens_in.saturating_add(before.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(before.tokens_out);
        if let Some(cost) = before.cost {
            self.cost = Some(self.cost.unwrap_or(0).saturating_add(cost));
        }
    }
}

/// What an effect gave.
#[derive(Debug, Clone)]
pub enum Output {
    /// A program ended.
    Process(Process),
    /// An HTTP answer.
    Response(Response),
    /// A model's answer: text, or JSON text when a schema was given.
    Model(String),
    /// Files, and notes on those left out.
    Files(Vec<Attachment>, Vec<String>),
    /// A person's answer.
    Person(Json),
    /// The result of a call that is answered as a whole; it is checked against the type.
    Value(Value),
    /// A timer or delay is over.
    Fired,
    /// What an effect gave that also changed files of its workspace.
    WithPatch(Box<Output>, Arc<WorkspacePatch>),
}

impl Output {
    /// The output alone, without what the effect changed in its workspace.
    pub fn without_patch(&self) -> &Output {
        match self {
            Self::WithPatch(output, _) => output.without_patch(),
            output => output,
        }
    }

    /// Splits off what the effect changed in its workspace.
    pub fn split_patch(self) -> (Output, Option<Arc<WorkspacePatch>>) {
        match self {
            Self::WithPatch(output, patch) => (output.split_patch().0, Some(patch)),
            output => (output, None),
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Arc<[u8]>,
    /// The last lines of standard error.
    pub stderr: String,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Body.
    pub body: Arc<[u8]>,
    /// The pause that the server asks for, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Answer {
    /// An answer that cost nothing.
    pub fn ok(output: Output) -> Self {
        Self { result: Ok(output), usage: Usage::default() }
    }

    /// A failure that cost nothing.
    pub fn failed(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { result: Err(Failure::raise(kind, message)), usage: Usage::default() }
    }
}

impl RequestKind {
    /// The name of this kind, as journals and recordings write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Http(_) => "http",
            Self::Prompt(_) => "prompt",
            Self::Load(_) => "load",
            Self::Person(_) => "person",
            Self::Call(_) => "call",
            Self::Delay { .. } => "delay",
            Self::Timer { .. } => "timer",
            Self::Quota { .. } => "quota",
        }
    }
}

/// A secret as an argument.
impl From<&Secret> for Arg {
    fn from(secret: &Secret) -> Self {
        Self { text: secret.reveal().into(), secret: true }
    }
}
