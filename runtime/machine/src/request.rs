//! The interpreter's requests to the host, and the answers.

mod agents;

use std::sync::Arc;

use cascade_ir::{ArtifactKind, CascadeId, ErrorKind, ModelId, SkillId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use smol_str::SmolStr;

pub use agents::*;

pub use crate::key_parts::{KeyParts, KeyVersion};
pub use crate::request_id::{RequestId, RequestMap, RequestSet};
use crate::{
    failure::{Failure, Raise},
    value::{Arg, Secret, Value},
    workspace::{CloseSandbox, ClosedSandbox, OpenSandbox, Workspace, WorkspacePatch},
};

/// A request to the host.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its id, which the answer carries, too.
    pub id: RequestId,
    /// The kind of request, with its details.
    pub kind: RequestKind,
    /// The identity of the effect, for effects.
    pub effect: Option<Arc<EffectInfo>>,
    /// Cancelled effects that must have ended before this one starts. A host that does not know them, or
    /// knows that they ended, does not wait.
    pub after: Vec<RequestId>,
}

/// The identity of an effect, as it is recorded in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectInfo {
    /// The stage's path: `main/checks/lint`, `main/fix[3]/test`.
    pub path: String,
    /// The skill.
    pub skill: SmolStr,
    /// The stage's attempt, from 1.
    pub attempt: u32,
    /// The content of the request: a digest of named parts, with its version (see [`crate::key_parts`]). A
    /// recorded answer is reused for a request with the same key.
    pub key: String,
    /// The keys of the same request in earlier versions; only set where answers of other runs can be used
    /// (`cache`).
    pub old_keys: Vec<String>,
    /// The parts of the key, so that a change can be explained.
    pub parts: KeyParts,
    /// Equal for all attempts of this stage in this run; services use it to detect duplicates.
    pub idempotency: String,
    /// Whether the effect must not be repeated if its outcome is unknown.
    pub once: bool,
    /// Whether progress must be reported (for an `idle` limit).
    pub watch: bool,
    /// The maximal age of another run's answer (`cache`), in milliseconds.
    pub cache_ms: Option<i64>,
    /// The form of the answer.
    pub answer: AnswerForm,
}

/// The form of an answer, as far as the search for secrets depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerForm {
    /// JSON, which must stay valid JSON.
    pub json: bool,
    /// A type that contains secrets: they are part of the value, and only removed elsewhere.
    pub secret: bool,
}

/// The identity of a stage's timer, by which a resumed run recognises it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TimerId {
    /// The stage's path.
    pub path: String,
    /// The attempt.
    pub attempt: u32,
    /// The limit that it measures.
    pub kind: TimerKind,
}

/// The limit that a timer measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// `timeout`: the time of an attempt while the process runs.
    Deadline,
    /// `timeout` of a question: wall-clock time, including the time when no process runs.
    Wall,
    /// `idle`: a fraction of the limit; several in a row without progress reach the limit.
    Idle,
    /// `budget` of time: the total time of all attempts while the process runs.
    Budget,
}

impl TimerKind {
    /// The kind with this name.
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

/// The kind of a request.
#[derive(Debug, Clone)]
pub enum RequestKind {
    /// Run a command.
    Run(RunRequest),
    /// Send an HTTP request.
    Http(HttpRequest),
    /// Send a prompt to a model.
    Prompt(Box<PromptRequest>),
    /// Let a coding agent work.
    Agent(Box<AgentRequest>),
    /// Call a tool of an MCP server.
    Mcp(Box<McpRequest>),
    /// Carry out a built-in skill.
    Builtin(BuiltinRequest),
    /// Open a sandbox. It is there until the request is withdrawn, also after it was answered.
    OpenSandbox(OpenSandbox),
    /// Close a sandbox: apply its changes, or do with them what the program says.
    CloseSandbox(CloseSandbox),
    /// Read the files attached to a prompt.
    Load(Vec<LoadRequest>),
    /// Ask a person a question.
    Person(PersonRequest),
    /// Answer a whole call; only in tests, where skills have no effects.
    Call(Box<CallRequest>),
    /// Wait before another attempt: a random time of at least `at_least_ms` and at most `up_to_ms`.
    Delay {
        /// The upper bound of the back-off, in milliseconds.
        up_to_ms: u64,
        /// The time that the service asks to wait, in milliseconds; 0 if it does not.
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
    /// Answer when the run holds a name that only one run of the project may hold. It is held until the
    /// request is withdrawn, also after it was answered.
    Lock {
        /// The name.
        name: String,
        /// Whether to fail with `unavailable` when another run holds it.
        nowait: bool,
        /// The stage that waits; empty when it waited for another stage of the run before.
        path: String,
    },
    /// Answer when the quota is available again. Until then no new request starts.
    Quota {
        /// The stage that waits.
        path: String,
        /// The attempt that exceeded the quota.
        attempt: u32,
        /// The time that the service asks to wait, in milliseconds, if it does.
        retry_after_ms: Option<u64>,
        /// The service's message.
        message: String,
    },
}

/// A command to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The command and its arguments.
    pub argv: Vec<Arg>,
    /// The working directory, and the permissions.
    pub workspace: Workspace,
    /// Changes to the environment; `None` removes a variable.
    pub env: Vec<(SmolStr, Option<Arg>)>,
    /// Standard input.
    pub stdin: Option<Arg>,
    /// The files that it makes.
    pub files: Option<FilesRequest>,
}

/// The files that a program makes, which the host keeps with the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRequest {
    /// A path, or a pattern for `many`, relative to the working directory.
    pub pattern: String,
    /// Whether there may be several files.
    pub many: bool,
}

/// A built-in skill of the standard library.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltinRequest {
    /// Its name: `files.read`.
    pub name: SmolStr,
    /// Its arguments by name, as JSON; a secret that is an argument of its own is text.
    pub args: Vec<(SmolStr, BuiltinArg)>,
    /// The sandbox that it is in: its paths are in the copy.
    pub sandbox: Option<String>,
}

/// An argument of a built-in skill.
#[derive(Debug, Clone, PartialEq)]
pub enum BuiltinArg {
    /// A value without secrets.
    Value(Json),
    /// A secret.
    Secret(Arg),
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
    /// Whether another method than `GET` and `HEAD` follows a redirect of the server.
    pub follows_redirects: bool,
}

/// A prompt for a model.
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
    /// The JSON Schema of the answer, which is an object at the top; `None`: the answer is text.
    pub schema: Option<Json>,
    /// A name for the schema.
    pub schema_name: String,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// The maximal number of output tokens.
    pub max_tokens: Option<u64>,
    /// The kind of the file that the answer is; `None`: the answer is text or JSON.
    pub file: Option<ArtifactKind>,
    /// The tools that it may call.
    pub tools: Vec<OfferedTool>,
    /// The conversation so far.
    pub turns: Vec<ToolTurn>,
}

/// Files to read.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadRequest {
    /// The hash of one file, without its content.
    Hash(String),
    /// One file.
    File(String),
    /// The files that match the pattern, below the directory.
    Glob {
        /// `src/**/*.rs`.
        pattern: String,
        /// The directory; that of the run if absent.
        dir: Option<String>,
    },
}

/// A file attached to a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Its path in the program.
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
    /// The options.
    pub options: Vec<String>,
}

/// A call that is answered as a whole.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The callee.
    pub callee: Callee,
    /// The stage's path.
    pub path: String,
    /// The arguments.
    pub args: Vec<Value>,
}

/// The callee of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callee {
    /// A skill.
    Skill(SkillId),
    /// A cascade.
    Cascade(CascadeId),
}

/// A change of persistent memory. It has no answer; it must be applied exactly once, and before later
/// requests are recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryOp {
    /// The stage or cascade that makes the change.
    pub path: String,
    /// The memory.
    pub memory: String,
    /// The key.
    pub key: String,
    /// Whether the value is appended to the current value.
    pub append: bool,
    /// The initial value, if there is no current value: the one that the program declares.
    pub initial: Json,
    /// The value.
    pub value: Json,
}

impl MemoryOp {
    /// A change by a user, outside of a run.
    pub fn by_person(memory: &str, key: &str, value: Json) -> Self {
        Self {
            path: String::new(),
            memory: memory.to_owned(),
            key: key.to_owned(),
            append: false,
            initial: Json::Null,
            value,
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The result.
    pub result: Result<Output, Raise>,
    /// The usage, which counts even for a failure.
    pub usage: Usage,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Input tokens of a model.
    pub tokens_in: u64,
    /// Output tokens of a model.
    pub tokens_out: u64,
    /// Those of the input tokens that the provider read from its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read: u32,
    /// Those of the input tokens that the provider wrote into its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write: u32,
    /// The cost in millionths of a US dollar, if the service reports it.
    pub cost: Option<i64>,
}

impl Usage {
    /// Adds earlier usage, whose cost is known.
    pub fn add(&mut self, before: Usage) {
        self.tokens_in = self.tokens_in.saturating_add(before.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(before.tokens_out);
        self.cache_read = self.cache_read.saturating_add(before.cache_read);
        self.cache_write = self.cache_write.saturating_add(before.cache_write);
        if let Some(cost) = before.cost {
            self.cost = Some(self.cost.unwrap_or(0).saturating_add(cost));
        }
    }
}

/// The result of an effect.
#[derive(Debug, Clone)]
pub enum Output {
    /// The exit of a command.
    Process(Process),
    /// An HTTP response.
    Response(Response),
    /// A model's answer: text, JSON text if there is a schema, or the path of the file that it is.
    Model(String),
    /// The tools that a model wants to use before it answers.
    Calls(ToolCalls),
    /// The answer of a coding agent.
    Agent(Box<AgentAnswer>),
    /// The result of a tool: what is structured in it, or its text.
    Tool(Json),
    /// The files, and notes on files that were left out.
    Files(Vec<Attachment>, Vec<String>),
    /// The result of a built-in skill.
    Builtin(Json),
    /// A person's answer.
    Person(Json),
    /// The result of a whole call; it is checked against the type.
    Value(Value),
    /// A timer or a pause has ended.
    Fired,
    /// An open sandbox: the directory of the copy.
    Opened(String),
    /// A closed sandbox.
    Closed(ClosedSandbox),
    /// The result of an effect that also changed files of its workspace.
    WithPatch(Box<Output>, Arc<WorkspacePatch>),
}

impl Output {
    /// The result without the changes to the workspace.
    pub fn without_patch(&self) -> &Output {
        match self {
            Self::WithPatch(output, _) => output.without_patch(),
            output => output,
        }
    }

    /// Splits off the changes to the workspace.
    pub fn split_patch(self) -> (Output, Option<Arc<WorkspacePatch>>) {
        match self {
            Self::WithPatch(output, patch) => (output.split_patch().0, Some(patch)),
            output => (output, None),
        }
    }
}

/// The exit of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The exit code; `None` if a signal ended the process.
    pub code: Option<i32>,
    /// The signal.
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
    /// The time that the server asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The charset that the server declares for the body. It goes before what the body says itself.
    pub charset: Option<String>,
}

impl Answer {
    /// An answer without usage.
    pub fn ok(output: Output) -> Self {
        Self { result: Ok(output), usage: Usage::default() }
    }

    /// A failure without usage.
    pub fn failed(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { result: Err(Failure::raise(kind, message)), usage: Usage::default() }
    }
}

impl RequestKind {
    /// The name of the kind in journals and recordings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Http(_) => "http",
            Self::Prompt(_) => "prompt",
            Self::Agent(_) => "agent",
            Self::Mcp(_) => "mcp",
            Self::Builtin(_) => "builtin",
            Self::OpenSandbox(_) => "open_sandbox",
            Self::CloseSandbox(_) => "close_sandbox",
            Self::Load(_) => "load",
            Self::Person(_) => "person",
            Self::Call(_) => "call",
            Self::Delay { .. } => "delay",
            Self::Timer { .. } => "timer",
            Self::Quota { .. } => "quota",
            Self::Lock { .. } => "lock",
        }
    }
}

/// Converts a secret to an argument.
impl From<&Secret> for Arg {
    fn from(secret: &Secret) -> Self {
        Self { text: secret.reveal().into(), secret: true }
    }
}
