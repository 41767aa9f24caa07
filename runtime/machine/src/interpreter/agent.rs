//! Coding agents and tools of MCP servers: from a skill to the request.

use std::sync::Arc;

use cascade_ir::{Agent, ErrorKind, Expr, McpCall, McpTransport, ModelId, Program, ServerId, Tool};
use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

use super::{Environment, Machine, call::guard_below_mut, fiber::Fiber, frame::Frame};
use crate::{
    eval::{Eval, Facts, Result},
    failure::{Failure, defect, fail},
    request::{
        AgentProgram, AgentRequest, AgentSession, McpRequest, OfferedServer, PromptRequest, RequestKind, ServerAddress,
        ServerTransport,
    },
    value::{Arg, Command, Value, to_json},
    workspace::Workspace,
};

/// An agent at the moment when it is asked.
pub(super) struct AgentTurn<'p> {
    /// `None` for a plain prompt to a model that is reached through an agent.
    pub(super) agent: Option<&'p Agent>,
    pub(super) workspace: Option<Workspace>,
    /// What it is told of its last answer.
    pub(super) complaint: Option<String>,
    /// The session of an earlier attempt.
    pub(super) session: Option<(ModelId, String)>,
    /// Whether its answer is on record.
    pub(super) is_recorded: bool,
}

impl<'p> Machine<'p> {
    /// The directory in which an agent works.
    pub(super) fn agent_workspace(&mut self, agent: &Agent, slots: &mut [Value]) -> Result<Workspace> {
        let directory = match &agent.directory {
            Some(expr) => self.eval.eval(expr, slots)?.as_text().map(str::to_owned),
            None => None,
        };
        Ok(Workspace { directory, ..Workspace::default() })
    }

    /// The request to an agent.
    pub(super) fn agent_request(
        &mut self,
        fiber: &mut Fiber<'p>,
        prompt: PromptRequest,
        turn: AgentTurn<'p>,
    ) -> Result<RequestKind> {
        let AgentTurn { agent, workspace, complaint, session, is_recorded } = turn;
        let session = session.filter(|(model, _)| *model == prompt.model).map(|(_, session)| session);
        let mut max_cost: Option<i64> = None;
        self.each_running_guard(fiber, |guard| {
            if let Some(left) = guard.money_left() {
                max_cost = Some(max_cost.map_or(left, |most| most.min(left)));
            }
        });
        if max_cost.is_some_and(|left| left <= 0) && !is_recorded {
            return Err(Failure::raise(ErrorKind::OverBudget, "nothing of the budget is left for an agent"));
        }
        let program = match self.program.models.get(prompt.model.index()).and_then(|model| model.command.as_ref()) {
            Some(command) => Some(self.agent_program(command, &prompt, session.as_deref())?),
            None => None,
        };
        let (abilities, tools) = match agent {
            Some(agent) => (agent.abilities.clone(), agent.prompt.tools.as_slice()),
            None => (Vec::new(), [].as_slice()),
        };
        let servers = self.offered_servers(tools)?;
        let mut request = AgentRequest { prompt, workspace, abilities, servers, session: None, program, max_cost };
        match (session, complaint) {
            // It knows what it was asked.
            (Some(id), Some(text)) => request.session = Some(AgentSession { id, text }),
            (Some(id), None) => request.go_on(id),
            (None, _) => {}
        }
        Ok(RequestKind::Agent(Box::new(request)))
    }

    /// The command of an agent that the program names, with what it is asked.
    fn agent_program(&mut self, command: &Expr, prompt: &PromptRequest, session: Option<&str>) -> Result<AgentProgram> {
        let Value::Command(command) = self.eval.eval(command, &mut [])? else {
            return Err(defect!("the command of an agent is no command"));
        };
        let id = self.program.models.get(prompt.model.index()).map(|model| model.id.clone()).unwrap_or_default();
        let text = match &prompt.system {
            Some(system) => format!("{system}\n\n{}", prompt.text),
            None => prompt.text.clone(),
        };
        let asked: Command = command.with_value("prompt", &Arg::plain(text));
        let reads_prompt = asked == *command;
        let asked =
            asked.with_value("model", &Arg::plain(id)).with_value("session", &Arg::plain(session.unwrap_or_default()));
        let argv = asked.argv();
        if argv.first().is_none_or(|program| program.text.is_empty()) {
            fail!("the command of the agent is empty");
        }
        Ok(AgentProgram { argv, reads_prompt })
    }

    /// The servers that a `tools` line names, each once.
    fn offered_servers(&mut self, tools: &[Tool]) -> Result<Vec<OfferedServer>> {
        let mut offered: Vec<(ServerId, Option<Vec<SmolStr>>)> = Vec::new();
        for tool in tools {
            let (id, name) = match tool {
                Tool::Server(id) => (*id, None),
                Tool::ServerTool(id, name) => (*id, Some(name)),
                Tool::Skill(_) => continue,
            };
            match (offered.iter_mut().find(|(known, _)| *known == id), name) {
                (Some((_, tools)), None) => *tools = None,
                (Some((_, tools)), Some(name)) => tools.iter_mut().for_each(|tools| tools.push(name.clone())),
                (None, name) => offered.push((id, name.map(|name| vec![name.clone()]))),
            }
        }
        let with_address = |(id, tools)| Ok(OfferedServer { server: self.server_address(id)?, tools });
        offered.into_iter().map(with_address).collect()
    }

    /// How a server is reached.
    pub(super) fn server_address(&mut self, id: ServerId) -> Result<Arc<ServerAddress>> {
        Ok(Arc::new(self.eval.server_address(id)?))
    }

    /// The request to a tool of a server.
    pub(super) fn mcp_request(&mut self, call: &McpCall, slots: &mut [Value]) -> Result<RequestKind> {
        let args = match &call.args {
            Some(expr) => {
                let value = self.eval.eval(expr, slots)?;
                self.eval.use_fuel(value.weight() as usize)?;
                to_json(&value)
            }
            None => Json::Object(Map::new()),
        };
        let args = match args {
            // A tool takes what is missing as it is described, and not as null.
            Json::Object(mut fields) => {
                fields.retain(|_, value| !value.is_null());
                Json::Object(fields)
            }
            Json::Null => Json::Object(Map::new()),
            other => fail!("the arguments of a tool are a record, not {other}"),
        };
        let server = self.server_address(call.server)?;
        Ok(RequestKind::Mcp(Box::new(McpRequest { server, tool: call.tool.clone(), args, limit_ms: None })))
    }
}

/// Keeps the session of an agent for the next attempt of its stage.
pub(super) fn keep_session(fiber: &mut Fiber<'_>, session: Option<String>) {
    let model = match fiber.frames.last() {
        Some(Frame::Call(call)) => call.model,
        _ => None,
    };
    if let (Some(guard), Some(model), Some(session)) = (guard_below_mut(fiber), model, session) {
        guard.session = Some((model, session));
    }
}

impl Eval<'_> {
    /// How a server is reached.
    fn server_address(&mut self, id: ServerId) -> Result<ServerAddress> {
        let Some(server) = self.program.servers.get(id.index()) else {
            return Err(defect!("there is no server {}", id.0));
        };
        let transport = match &server.transport {
            McpTransport::Stdio { command, env } => {
                let Value::Command(command) = self.eval(command, &mut [])? else {
                    return Err(defect!("the command of a server is no command"));
                };
                ServerTransport::Stdio { argv: command.argv(), env: self.named_texts(env)? }
            }
            McpTransport::Http { url, headers } => {
                let Some(url) = self.optional_text(url, &mut [])? else {
                    return Err(defect!("a server without an address"));
                };
                ServerTransport::Http { url, headers: self.named_texts(headers)? }
            }
        };
        Ok(ServerAddress { name: server.name.clone(), transport })
    }

    /// Texts by name; null leaves one out.
    fn named_texts(&mut self, texts: &[(SmolStr, Expr)]) -> Result<Vec<(SmolStr, Arg)>> {
        let mut named = Vec::with_capacity(texts.len());
        for (name, expr) in texts {
            named.extend(self.optional_text(expr, &mut [])?.map(|text| (name.clone(), text)));
        }
        Ok(named)
    }
}

/// How a server of a program is reached, outside of any run; `facts` has the variables that its settings name.
///
/// # Errors
/// When a setting cannot be evaluated, such as a variable that is not set.
pub fn server_address(program: &Program, id: ServerId, facts: Facts) -> Result<ServerAddress> {
    let mut eval = Eval::new(program, Environment::default().fuel);
    eval.facts = facts;
    eval.server_address(id)
}
