//! What the interpreter asks of the world, and what it hears back.

use std::sync::Arc;

use cascade_ir::{ErrorKind, ModelId};
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::{
    failure::{Failure, Raise},
    value::{Arg, Secret},
};

/// Names one request of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Something that only the world can do.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its name; the answer carries it.
    pub id: RequestId,
    /// What is to be done.
    pub what: What,
    /// Who asks, for effects.
    pub effect: Option<Box<EffectInfo>>,
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
    /// SHA-256 of the compiled skill, its inputs, the model and the attached contents, in hex.
    pub key: String,
    /// The same for every attempt of this stage in this run; services that know it do not act twice.
    pub idempotency: String,
    /// Whether it must never be repeated blindly.
    pub once: bool,
    /// Whether signs of life are wanted (an `idle` clause holds).
    pub watch: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum What {
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
    /// Wait before another attempt: a random time up to `up_to_ms`, at least `at_least_ms`.
    Delay {
        /// The longest pause of the back-off, in milliseconds.
        up_to_ms: u64,
        /// What the service asked for, in milliseconds; 0 if nothing.
        at_least_ms: u64,
    },
    /// Answer after this many milliseconds.
    Timer {
        /// Milliseconds.
        ms: u64,
    },
}

/// A program to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The program and its arguments.
    pub argv: Vec<Arg>,
    /// Working directory; the run's own if absent.
    pub cwd: Option<String>,
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
    /// `approve`, `ask`, `choose`.
    pub kind: &'static str,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
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
    /// A timer or delay is over.
    Fired,
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

impl What {
    /// The kind of effect, for the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Http(_) => "http",
            Self::Prompt(_) => "prompt",
            Self::Load(_) => "load",
            Self::Person(_) => "person",
            Self::Delay { .. } => "delay",
            Self::Timer { .. } => "timer",
        }
    }
}

/// A secret as an argument.
impl From<&Secret> for Arg {
    fn from(secret: &Secret) -> Self {
        Self { text: secret.reveal().into(), secret: true }
    }
}
