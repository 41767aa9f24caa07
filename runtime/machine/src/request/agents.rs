//! What models and coding agents are given to work with: tools, servers, sessions; and what an agent answers.

use std::sync::Arc;

use cascade_ir::Ability;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::PromptRequest;
use crate::{value::Arg, workspace::Workspace};

/// A tool that a model may call while it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedTool {
    /// Its name.
    pub name: SmolStr,
    /// What it is for.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Json,
}

/// A turn of a conversation: the calls of a model, and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolTurn {
    /// What the model said.
    pub calls: ToolCalls,
    /// The results, in the order of the calls.
    pub results: Vec<ToolResult>,
}

/// What a model says instead of an answer: the tools that it wants to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCalls {
    /// The text beside the calls.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// In order.
    pub calls: Vec<ToolCall>,
}

/// A call of a tool by a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The name that the provider gives to the call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The tool.
    pub name: SmolStr,
    /// The arguments: an object, if the model has kept to the schema.
    pub args: Json,
}

/// What a model is told of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The result, or what went wrong.
    pub text: String,
    /// Whether it went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// Work for a coding agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRequest {
    /// What it is asked, and the form of its answer.
    pub prompt: PromptRequest,
    /// Where it works; `None`: in an empty directory, which is removed afterwards.
    pub workspace: Option<Workspace>,
    /// What it may do with its own tools, beyond reading.
    pub abilities: Vec<Ability>,
    /// The servers whose tools it may use.
    pub servers: Vec<OfferedServer>,
    /// The session that goes on; `None`: a new one.
    pub session: Option<AgentSession>,
    /// The agent, where the program names it.
    pub program: Option<AgentProgram>,
    /// The most that it may cost, in millionths of a US dollar, where a budget says so.
    pub max_cost: Option<i64>,
}

impl AgentRequest {
    /// Lets it go on with a session in which it had not answered yet.
    pub fn go_on(&mut self, id: String) {
        self.session = Some(AgentSession { id, text: format!("{GO_ON}{}", self.prompt.text) });
    }
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSession {
    /// How the agent names it.
    pub id: String,
    /// What is said in it, in place of the prompt.
    pub text: String,
}

/// What an agent is told when its session goes on after it was cut off.
const GO_ON: &str = "Your work was interrupted before you had answered. Go on with it; this is what was asked:\n\n";

/// The program that is an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentProgram {
    /// The command and its arguments.
    pub argv: Vec<Arg>,
    /// Whether its standard input is the prompt, which none of its arguments is.
    pub reads_prompt: bool,
}

/// An MCP server, and what of it may be used.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferedServer {
    /// The server.
    pub server: Arc<ServerAddress>,
    /// The names of the tools; `None`: all of them.
    pub tools: Option<Vec<SmolStr>>,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerAddress {
    /// Its name in the program.
    pub name: SmolStr,
    /// The program that is started, or the address that is connected to.
    pub transport: ServerTransport,
}

/// The way to an MCP server.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerTransport {
    /// A program that speaks on its standard input and output.
    Stdio {
        /// The command and its arguments.
        argv: Vec<Arg>,
        /// Variables beside the inherited ones.
        env: Vec<(SmolStr, Arg)>,
    },
    /// Streamable HTTP.
    Http {
        /// The address.
        url: Arg,
        /// Headers of every request.
        headers: Vec<(SmolStr, Arg)>,
    },
}

/// A call of a tool of an MCP server.
#[derive(Debug, Clone, PartialEq)]
pub struct McpRequest {
    /// The server.
    pub server: Arc<ServerAddress>,
    /// The tool, as the server names it.
    pub tool: SmolStr,
    /// The arguments: an object.
    pub args: Json,
    /// How long it may take, in milliseconds, with the start of the server; then it fails with `timed_out`. `None`: as long
    /// as the clauses of its stage allow.
    pub limit_ms: Option<u64>,
}

/// The answer of a coding agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAnswer {
    /// Text, or JSON text if there is a schema.
    pub text: String,
    /// The session, by which it can be continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Its changes as a unified diff.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// What is to be said of its work: what it was not allowed to do, what it claims and has not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
