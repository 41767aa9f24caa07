//! The wire form of agents and of MCP servers.

use cascade_ir::Ability;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Resolver, Vault, WireError, WireHeader, WireText};
use crate::{
    request::{AgentProgram, AgentRequest, AgentSession, OfferedServer, PromptRequest, ServerAddress, ServerTransport},
    workspace::Workspace,
};

/// What an agent is given beside its prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireAgent {
    /// Where it works; `None`: in an empty directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// What it may do with its own tools, beyond reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abilities: Vec<Ability>,
    /// The servers whose tools it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<WireOfferedServer>,
    /// The session that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<AgentSession>,
    /// The command of the agent, where the program names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<WireText>,
    /// Whether the standard input of that command is the prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_prompt: bool,
    /// The most that it may cost, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<i64>,
}

/// An MCP server, and what of it may be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireOfferedServer {
    /// The server.
    pub server: WireServer,
    /// The names of the tools; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<SmolStr>>,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireServer {
    /// Its name in the program.
    pub name: SmolStr,
    /// The command of a server that is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<WireText>,
    /// Its variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<WireHeader>,
    /// The address of a server that is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<WireText>,
    /// Headers of every request to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<WireHeader>,
}

type Named = Vec<(SmolStr, crate::value::Arg)>;

fn hide_named(named: &Named, vault: &Vault) -> Vec<WireHeader> {
    named.iter().map(|(name, value)| WireHeader { name: name.clone(), value: vault.hide(value) }).collect()
}

fn resolve_named(named: Vec<WireHeader>, resolver: &dyn Resolver) -> Result<Named, WireError> {
    named.into_iter().map(|one| Ok((one.name, one.value.resolve(resolver)?))).collect()
}

impl WireAgent {
    pub(super) fn from_agent(agent: &AgentRequest, vault: &Vault) -> Self {
        let offered = |offered: &OfferedServer| WireOfferedServer {
            server: WireServer::from_server(&offered.server, vault),
            tools: offered.tools.clone(),
        };
        Self {
            workspace: agent.workspace.clone(),
            abilities: agent.abilities.clone(),
            servers: agent.servers.iter().map(offered).collect(),
            session: agent.session.clone(),
            argv: agent.program.iter().flat_map(|program| &program.argv).map(|arg| vault.hide(arg)).collect(),
            reads_prompt: agent.program.as_ref().is_some_and(|program| program.reads_prompt),
            max_cost: agent.max_cost,
        }
    }

    pub(super) fn into_agent(self, prompt: PromptRequest, resolver: &dyn Resolver) -> Result<AgentRequest, WireError> {
        let argv: Vec<_> = self.argv.into_iter().map(|text| text.resolve(resolver)).collect::<Result<_, _>>()?;
        let offered = |offered: WireOfferedServer| {
            Ok(OfferedServer { server: offered.server.into_server(resolver)?.into(), tools: offered.tools })
        };
        Ok(AgentRequest {
            prompt,
            workspace: self.workspace,
            abilities: self.abilities,
            servers: self.servers.into_iter().map(offered).collect::<Result<_, WireError>>()?,
            session: self.session,
            program: (!argv.is_empty()).then_some(AgentProgram { argv, reads_prompt: self.reads_prompt }),
            max_cost: self.max_cost,
        })
    }
}

impl WireServer {
    pub(super) fn from_server(server: &ServerAddress, vault: &Vault) -> Self {
        let mut out =
            Self { name: server.name.clone(), argv: Vec::new(), env: Vec::new(), url: None, headers: Vec::new() };
        match &server.transport {
            ServerTransport::Stdio { argv, env } => {
                out.argv = argv.iter().map(|arg| vault.hide(arg)).collect();
                out.env = hide_named(env, vault);
            }
            ServerTransport::Http { url, headers } => {
                out.url = Some(vault.hide(url));
                out.headers = hide_named(headers, vault);
            }
        }
        out
    }

    pub(super) fn into_server(self, resolver: &dyn Resolver) -> Result<ServerAddress, WireError> {
        let transport = match self.url {
            Some(url) => {
                ServerTransport::Http { url: url.resolve(resolver)?, headers: resolve_named(self.headers, resolver)? }
            }
            None => ServerTransport::Stdio {
                argv: self.argv.into_iter().map(|text| text.resolve(resolver)).collect::<Result<_, _>>()?,
                env: resolve_named(self.env, resolver)?,
            },
        };
        Ok(ServerAddress { name: self.name, transport })
    }
}
