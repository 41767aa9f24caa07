//! The wire form of requests.

use cascade_ir::{ArtifactKind, Program};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value as Json};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::{
    Resolver, VERSION, Vault, WireError, WireText,
    agent::{WireAgent, WireServer},
    check_version,
};
use crate::{
    interpreter::to_hex,
    request::{
        Attachment, BuiltinArg, BuiltinRequest, FilesRequest, HttpRequest, McpRequest, OfferedTool, PersonRequest,
        PromptRequest, RequestKind, RunRequest, ToolTurn,
    },
    workspace::{CloseSandbox, OpenSandbox, Workspace},
};

/// The wire form of an effect's request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WireRequest {
    /// Run a command.
    Run {
        /// [`VERSION`] of the writer.
        v: u32,
        /// The command and its arguments.
        argv: Vec<WireText>,
        /// The working directory, and the permissions.
        #[serde(default, skip_serializing_if = "is_default")]
        workspace: Workspace,
        /// Changes to the environment.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        env: Vec<WireEnv>,
        /// Standard input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<WireText>,
        /// The files that it makes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<FilesRequest>,
    },
    /// Send an HTTP request.
    Http {
        /// [`VERSION`] of the writer.
        v: u32,
        /// Upper case.
        method: SmolStr,
        /// The address with its query.
        url: WireText,
        /// Headers, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<WireHeader>,
        /// The body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<WireText>,
        /// Whether another method than `GET` and `HEAD` follows a redirect.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        follows_redirects: bool,
    },
    /// Send a prompt to a model.
    Prompt {
        /// [`VERSION`] of the writer.
        v: u32,
        /// What the model is asked.
        #[serde(flatten)]
        prompt: Box<WirePrompt>,
    },
    /// Let a coding agent work.
    Agent {
        /// [`VERSION`] of the writer.
        v: u32,
        /// What the agent is asked.
        #[serde(flatten)]
        prompt: Box<WirePrompt>,
        /// The rest.
        agent: Box<WireAgent>,
    },
    /// Call a tool of an MCP server.
    Mcp {
        /// [`VERSION`] of the writer.
        v: u32,
        /// The server.
        server: WireServer,
        /// The tool.
        tool: SmolStr,
        /// The arguments.
        args: Json,
        /// How long it may take, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_ms: Option<u64>,
    },
    /// Carry out a built-in skill.
    Builtin {
        /// [`VERSION`] of the writer.
        v: u32,
        /// Its name.
        name: SmolStr,
        /// Its arguments.
        args: Vec<WireArg>,
        /// The sandbox that it is in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sandbox: Option<String>,
    },
    /// Open a sandbox.
    OpenSandbox {
        /// [`VERSION`] of the writer.
        v: u32,
        /// The sandbox.
        #[serde(flatten)]
        sandbox: OpenSandbox,
    },
    /// Close a sandbox.
    CloseSandbox {
        /// [`VERSION`] of the writer.
        v: u32,
        /// The sandbox.
        #[serde(flatten)]
        sandbox: CloseSandbox,
    },
    /// Ask a person.
    Person {
        /// [`VERSION`] of the writer.
        v: u32,
        /// `approve`, `ask`, `choose`, `escalate`. (`kind` is the tag of the form.)
        ask: SmolStr,
        /// The question.
        question: String,
        /// The options.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
    },
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WirePrompt {
    /// The model's name in the program.
    pub model: SmolStr,
    /// System text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The prompt.
    pub prompt: String,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<WireAttachment>,
    /// JSON Schema of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
    /// A name for the schema.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema_name: String,
    /// Sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_float")]
    pub temperature: Option<f64>,
    /// The maximal number of output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The kind of the file that the answer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<ArtifactKind>,
    /// The tools that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<OfferedTool>,
    /// The conversation so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<ToolTurn>,
}

/// A variable of a command's environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireEnv {
    /// Its name.
    pub name: SmolStr,
    /// Its value; `None` removes the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<WireText>,
}

/// An argument of a built-in skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireArg {
    /// Its name.
    pub name: SmolStr,
    /// Its value, where it is no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// The secret that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WireText>,
}

/// A header of an HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireHeader {
    /// Its name.
    pub name: SmolStr,
    /// Its value.
    pub value: WireText,
}

/// A file attached to a prompt, by a hash of its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireAttachment {
    /// Its path in the program.
    pub path: String,
    /// Its media type.
    pub media: String,
    /// SHA-256 of its content in hex.
    pub hash: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a float of a tagged form. Numbers of JSON keep their digits, and a tagged form is buffered by serde, which
/// does not know that such a number can be read as a float.
fn read_float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<Number>::deserialize(deserializer)?.and_then(|number| number.as_f64()))
}

impl WireRequest {
    /// The form of a request; `None` if it is not an effect.
    pub fn from_request(what: &RequestKind, program: &Program, vault: &Vault) -> Option<Self> {
        let hide = |arg| vault.hide(arg);
        Some(match what {
            RequestKind::Run(run) => Self::Run {
                v: VERSION,
                argv: run.argv.iter().map(hide).collect(),
                workspace: run.workspace.clone(),
                env: run
                    .env
                    .iter()
                    .map(|(name, value)| WireEnv { name: name.clone(), value: value.as_ref().map(hide) })
                    .collect(),
                stdin: run.stdin.as_ref().map(hide),
                files: run.files.clone(),
            },
            RequestKind::Http(http) => Self::Http {
                v: VERSION,
                method: http.method.clone(),
                url: hide(&http.url),
                headers: http
                    .headers
                    .iter()
                    .map(|(name, value)| WireHeader { name: name.clone(), value: hide(value) })
                    .collect(),
                body: http.body.as_ref().map(hide),
                follows_redirects: http.follows_redirects,
            },
            RequestKind::Prompt(prompt) => {
                Self::Prompt { v: VERSION, prompt: Box::new(WirePrompt::from_prompt(prompt, program, vault)) }
            }
            RequestKind::Agent(agent) => Self::Agent {
                v: VERSION,
                prompt: Box::new(WirePrompt::from_prompt(&agent.prompt, program, vault)),
                agent: Box::new(WireAgent::from_agent(agent, vault)),
            },
            RequestKind::Mcp(call) => Self::Mcp {
                v: VERSION,
                server: WireServer::from_server(&call.server, vault),
                tool: call.tool.clone(),
                args: vault.mask_json(&call.args),
                limit_ms: call.limit_ms,
            },
            RequestKind::Builtin(builtin) => Self::Builtin {
                v: VERSION,
                sandbox: builtin.sandbox.clone(),
                name: builtin.name.clone(),
                args: builtin
                    .args
                    .iter()
                    .map(|(name, arg)| match arg {
                        BuiltinArg::Value(json) => {
                            WireArg { name: name.clone(), value: Some(vault.mask_json(json)), secret: None }
                        }
                        BuiltinArg::Secret(arg) => {
                            WireArg { name: name.clone(), value: None, secret: Some(vault.hide(arg)) }
                        }
                    })
                    .collect(),
            },
            RequestKind::OpenSandbox(sandbox) => Self::OpenSandbox { v: VERSION, sandbox: sandbox.clone() },
            RequestKind::CloseSandbox(sandbox) => Self::CloseSandbox { v: VERSION, sandbox: sandbox.clone() },
            RequestKind::Person(person) => Self::Person {
                v: VERSION,
                ask: person.kind.into(),
                question: person.question.clone(),
                options: person.options.clone(),
            },
            RequestKind::Call(_)
            | RequestKind::Load(_)
            | RequestKind::Delay { .. }
            | RequestKind::Timer { .. }
            | RequestKind::Lock { .. }
            | RequestKind::Quota { .. } => {
                return None;
            }
        })
    }

    /// The request, with every reference resolved.
    ///
    /// # Errors
    /// If the resolver lacks a secret or a content, the program has no such model, or a newer version
    /// wrote the form.
    pub fn into_request(self, program: &Program, resolver: &dyn Resolver) -> Result<RequestKind, WireError> {
        let resolve = |text: WireText| text.resolve(resolver);
        let (Self::Run { v, .. }
        | Self::Http { v, .. }
        | Self::Prompt { v, .. }
        | Self::Agent { v, .. }
        | Self::Mcp { v, .. }
        | Self::Builtin { v, .. }
        | Self::OpenSandbox { v, .. }
        | Self::CloseSandbox { v, .. }
        | Self::Person { v, .. }) = &self;
        check_version(*v)?;
        Ok(match self {
            Self::Run { v: _, argv, workspace, env, stdin, files } => RequestKind::Run(RunRequest {
                argv: argv.into_iter().map(resolve).collect::<Result<_, _>>()?,
                workspace,
                env: env
                    .into_iter()
                    .map(|variable| Ok((variable.name, variable.value.map(resolve).transpose()?)))
                    .collect::<Result<_, WireError>>()?,
                stdin: stdin.map(resolve).transpose()?,
                files,
            }),
            Self::Http { v: _, method, url, headers, body, follows_redirects } => RequestKind::Http(HttpRequest {
                method,
                url: resolve(url)?,
                headers: headers.into_iter().map(|header| Ok((header.name, resolve(header.value)?))).collect::<Result<
                    _,
                    WireError,
                >>(
                )?,
                body: body.map(resolve).transpose()?,
                follows_redirects,
            }),
            Self::Prompt { v: _, prompt } => RequestKind::Prompt(Box::new(prompt.into_prompt(program, resolver)?)),
            Self::Agent { v: _, prompt, agent } => {
                RequestKind::Agent(Box::new(agent.into_agent(prompt.into_prompt(program, resolver)?, resolver)?))
            }
            Self::Mcp { v: _, server, tool, args, limit_ms } => {
                let server = server.into_server(resolver)?.into();
                RequestKind::Mcp(Box::new(McpRequest { server, tool, args, limit_ms }))
            }
            Self::Builtin { v: _, name, args, sandbox } => {
                let arg = |arg: WireArg| {
                    let value = match arg.secret {
                        Some(secret) => BuiltinArg::Secret(secret.resolve(resolver)?),
                        None => BuiltinArg::Value(arg.value.unwrap_or_default()),
                    };
                    Ok((arg.name, value))
                };
                let args = args.into_iter().map(arg).collect::<Result<_, WireError>>()?;
                RequestKind::Builtin(BuiltinRequest { name, args, sandbox })
            }
            Self::OpenSandbox { v: _, sandbox } => RequestKind::OpenSandbox(sandbox),
            Self::CloseSandbox { v: _, sandbox } => RequestKind::CloseSandbox(sandbox),
            Self::Person { v: _, ask, question, options } => {
                let kinds = ["approve", "ask", "choose", "escalate"];
                let kind = kinds
                    .into_iter()
                    .find(|kind| *kind == ask)
                    .ok_or_else(|| WireError(format!("a person cannot be asked to `{ask}`")))?;
                RequestKind::Person(PersonRequest { kind, question, options })
            }
        })
    }
}

impl WirePrompt {
    fn from_prompt(prompt: &PromptRequest, program: &Program, vault: &Vault) -> Self {
        let attachment = |file: &Attachment| WireAttachment {
            path: file.path.clone(),
            media: file.media.clone(),
            hash: vault.hide_hash(&file.hash),
        };
        Self {
            model: program.models.get(prompt.model.index()).map(|model| model.name.clone()).unwrap_or_default(),
            system: prompt.system.clone(),
            prompt: prompt.text.clone(),
            attachments: prompt.attachments.iter().map(attachment).collect(),
            schema: prompt.schema.clone(),
            schema_name: prompt.schema_name.clone(),
            temperature: prompt.temperature,
            max_tokens: prompt.max_tokens,
            tools: prompt.tools.clone(),
            turns: prompt.turns.clone(),
            file: prompt.file,
        }
    }

    fn into_prompt(self, program: &Program, resolver: &dyn Resolver) -> Result<PromptRequest, WireError> {
        let position = program.models.iter().position(|known| known.name == self.model);
        let id = position.and_then(|i| u32::try_from(i).ok()).map(cascade_ir::ModelId);
        Ok(PromptRequest {
            model: id.ok_or_else(|| WireError(format!("the program has no model `{}`", self.model)))?,
            system: self.system,
            text: self.prompt,
            attachments: self.attachments.into_iter().map(|file| file.resolve(resolver)).collect::<Result<_, _>>()?,
            schema: self.schema,
            schema_name: self.schema_name,
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            tools: self.tools,
            turns: self.turns,
            file: self.file,
        })
    }
}

impl WireAttachment {
    fn resolve(self, resolver: &dyn Resolver) -> Result<Attachment, WireError> {
        let content = resolver
            .content(&self.hash)
            .ok_or_else(|| WireError(format!("the content of `{}` is not known here", self.path)))?;
        let hash = to_hex(&Sha256::digest(&content));
        Ok(Attachment { path: self.path, media: self.media, content, hash })
    }
}

/// The form of a request as JSON text; `null` if it is not an effect.
pub fn write_request(what: &RequestKind, program: &Program, vault: &Vault) -> String {
    serde_json::to_string(&WireRequest::from_request(what, program, vault)).unwrap_or_default()
}

/// Parses what [`write_request`] wrote.
///
/// # Errors
/// If it is not a form of a request.
pub fn read_request(text: &str) -> Result<WireRequest, WireError> {
    serde_json::from_str(text).map_err(|e| WireError(e.to_string()))
}
