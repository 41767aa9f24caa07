//! Skills: the named effects.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Expr, Param, Place, ServerId, SkillId, Slot, Template, Type};

/// A skill: exactly one effect with typed input and output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Its name.
    pub name: SmolStr,
    /// Its documentation.
    pub doc: String,
    /// Where it is declared.
    pub place: Place,
    /// Its inputs, in the first slots.
    pub params: Vec<Param>,
    /// How many slots an activation needs.
    pub slots: u32,
    /// Type of its result; `Null` when it gives none.
    pub result: Type,
    /// What it does to the world.
    pub effect: Effect,
    /// Type that the effect's raw output is read as.
    pub output: Type,
    /// `return expr` and the slot that holds `output`; without it the output is the result.
    pub map: Option<(Slot, Expr)>,
    /// Of a program: the slot of its exit code, where `return` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<Slot>,
    /// Of a program: the slot of the last lines of its standard error, where `return` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Slot>,
    /// Of an agent: the slot of the paths of the files that it changed, where `return` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Slot>,
    /// Of an agent: the slot of its changes as a unified diff, where `return` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Slot>,
    /// Capabilities that a model must provide, from `needs` and the result's type.
    pub needs: Vec<SmolStr>,
    /// `@once`: never repeated blindly.
    pub once: bool,
}

/// What a skill does to the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// A program.
    Run(Box<Run>),
    /// An HTTP request.
    Http(Box<Http>),
    /// A model.
    Prompt(Box<Prompt>),
    /// A coding agent.
    Agent(Box<Agent>),
    /// A tool of an MCP server.
    Mcp(Box<McpCall>),
    /// A built-in skill of the standard library, which the host carries out; its arguments are the
    /// parameters of the skill.
    Builtin(SmolStr),
    /// That of a skill with an error: no program has it that can be run.
    Invalid,
}

/// A program that is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// A value of type command.
    pub command: Expr,
    /// Working directory; the run's own if absent.
    pub cwd: Option<Expr>,
    /// Environment variables beside the inherited ones; null removes one.
    pub env: Vec<(SmolStr, Expr)>,
    /// Standard input; empty if absent. Text as it is, other values as JSON.
    pub stdin: Option<Expr>,
    /// Accepted exit codes, both ends included; 0 alone when empty.
    pub exit: Vec<(i64, i64)>,
    /// How standard output is read.
    pub format: OutputFormat,
    /// The files that it makes, which are its value then, instead of its standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<OutputFiles>,
}

/// The files that a program makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputFiles {
    /// A path, or a pattern for `many`, relative to the working directory of the program.
    pub pattern: Expr,
    /// Whether there may be several files.
    pub many: bool,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// Upper case: `GET`.
    pub method: SmolStr,
    /// The address; holes are percent-encoded. A hole at its very start is taken as a base
    /// address and not encoded.
    pub url: Template,
    /// Headers; null leaves one out.
    pub headers: Vec<(SmolStr, Expr)>,
    /// Query parameters: a record or map; null leaves one out, a list repeats one.
    pub query: Option<Expr>,
    /// Body: text as it is, other values as JSON.
    pub body: Option<Expr>,
    /// Accepted status codes, both ends included; 200 to 299 when empty.
    pub status: Vec<(i64, i64)>,
    /// How the body of the answer is read.
    pub format: OutputFormat,
    /// Whether another method than `GET` and `HEAD` follows a redirect of the server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows_redirects: bool,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The request itself.
    pub prompt: Template,
    /// The system text.
    pub system: Option<Template>,
    /// Sampling temperature.
    pub temperature: Option<Expr>,
    /// Most tokens of the answer.
    pub max_tokens: Option<Expr>,
    /// Files that go with it.
    pub attach: Vec<Attach>,
    /// What the model may use while it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
}

/// A coding agent that works in a directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// What it is asked, with system text, files and tools.
    pub prompt: Prompt,
    /// The directory; that of the run if absent.
    pub directory: Option<Expr>,
    /// What it may do beyond reading.
    pub abilities: Vec<Ability>,
}

/// What a coding agent may do with its own tools. All may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Create, change and remove files of its directory.
    Edit,
    /// Run commands.
    Run,
    /// Read the web.
    Web,
}

impl Ability {
    /// All of them, with their words in `tools`.
    pub const ALL: [(&'static str, Self); 3] = [("edit", Self::Edit), ("run", Self::Run), ("web", Self::Web)];
}

/// Something that a model may use while it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// All tools of a server.
    Server(ServerId),
    /// One tool of a server.
    ServerTool(ServerId, SmolStr),
    /// A skill of the program.
    Skill(SkillId),
}

/// A call of a tool of an MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McpCall {
    /// The server.
    pub server: ServerId,
    /// The tool, as the server names it.
    pub tool: SmolStr,
    /// The arguments: a record; none if absent.
    pub args: Option<Expr>,
}

/// An MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McpServer {
    /// Its name in the program.
    pub name: SmolStr,
    /// Where it is declared.
    pub place: Place,
    /// How it is reached.
    pub transport: McpTransport,
}

/// How an MCP server is reached. The expressions have no variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpTransport {
    /// A program that speaks on its standard input and output.
    Stdio {
        /// A value of type command.
        command: Expr,
        /// Variables beside the inherited ones.
        env: Vec<(SmolStr, Expr)>,
    },
    /// Streamable HTTP.
    Http {
        /// The address.
        url: Expr,
        /// Headers of every request.
        headers: Vec<(SmolStr, Expr)>,
    },
}

/// What goes with a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Attach {
    /// A path, an artifact, or a list of them.
    Value(Expr),
    /// The files that a pattern names.
    Files {
        /// `src/**/*.rs`.
        pattern: Expr,
        /// Where to look; the working directory if absent.
        dir: Option<Expr>,
    },
}

/// How output becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Text, one trailing line end removed.
    Text,
    /// One JSON document.
    Json,
    /// A JSON document a line; the type is a list.
    JsonLines,
    /// CSV with a header; the type is a list of records.
    Csv,
    /// JUnit XML; the type is the built-in `TestRun`.
    Junit,
    /// TAP; the type is the built-in `TestRun`.
    Tap,
    /// Nothing is read (the skill gives nothing).
    None,
}
