//! The Agent Client Protocol (<https://agentclientprotocol.com>, version 1): messages of JSON-RPC, one a line, on the
//! standard streams of the agent.
//!
//! The messages are read as JSON and not as types of a schema: agents differ in what they leave out and add, and an
//! unknown word in an answer must not lose the answer.

use std::collections::HashMap;

use cascade_ir::{Ability, ErrorKind};
use serde_json::{Value as Json, json};

use super::{
    Dialect, Ended, Heard, Invocation, Work, finished_answer, no_answer, plain_arg, service_failure,
    usage_beside_cache, whole_prompt,
};
use crate::{
    failure::{Failure, Raise},
    request::{OfferedServer, ServerTransport},
};

pub(super) struct Acp;

/// The modes in which known agents ask before they do something. In their other modes some act without asking.
const ASKING_MODES: [&str; 2] = ["default", "read-only"];

/// A message that was sent and has no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Initialize,
    OpenSession,
    SetMode,
    SetModel,
    Prompt,
}

/// The conversation with an agent: what it was told, and what is to be said next.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    sent: Vec<(u64, Sent)>,
    /// Lines that are to be written.
    outgoing: String,
    directory: String,
    servers: Vec<Json>,
    /// Names of the servers whose tools it may use.
    server_names: Vec<String>,
    /// The session that goes on.
    resumed: Option<String>,
    session: String,
    text: String,
    model: String,
    abilities: Vec<Ability>,
    /// The kinds of its tool calls, by their ids.
    kinds: HashMap<String, String>,
    /// Requests that follow when the session is open.
    queue: Vec<(Sent, &'static str, Json)>,
    /// Whether it said that its service failed, which it then reports as text.
    service_failed: bool,
}

impl Conversation {
    fn send(&mut self, what: Sent, method: &str, params: &Json) {
        let id = self.sent.len() as u64 + 1;
        self.sent.push((id, what));
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    fn write(&mut self, message: &Json) {
        self.outgoing.push_str(&message.to_string());
        self.outgoing.push('\n');
    }

    /// What is to be written to the agent now.
    pub(crate) fn take_outgoing(&mut self) -> String {
        std::mem::take(&mut self.outgoing)
    }

    /// Sends what is next: the settings of the session, and then the prompt.
    fn advance(&mut self) {
        if self.queue.is_empty() {
            let params = json!({ "sessionId": self.session, "prompt": [{ "type": "text", "text": self.text }] });
            self.send(Sent::Prompt, "session/prompt", &params);
            return;
        }
        let (what, method, params) = self.queue.remove(0);
        self.send(what, method, &params);
    }

    fn initialized(&mut self, result: &Json) {
        let can =
            |path: &str| result.pointer(path).is_some_and(|value| !value.is_null() && *value != Json::Bool(false));
        // Claude's adapter must not even be able to pass over permissions: as root it would not start.
        let meta = json!({ "claudeCode": { "options": { "allowDangerouslySkipPermissions": false } } });
        let params = json!({ "cwd": self.directory, "mcpServers": self.servers, "_meta": meta });
        let Some(session) = self.resumed.clone() else {
            return self.send(Sent::OpenSession, "session/new", &params);
        };
        let mut params = params;
        params["sessionId"] = session.into();
        // What was said before is repeated by a load, and not by a resume.
        let method = match can("/agentCapabilities/sessionCapabilities/resume") {
            true => "session/resume",
            false => "session/load",
        };
        self.send(Sent::OpenSession, method, &params);
    }

    fn opened(&mut self, result: &Json) {
        let session = result.get("sessionId").and_then(Json::as_str).map(str::to_owned);
        self.session = session.or_else(|| self.resumed.clone()).unwrap_or_default();
        let modes = result.get("modes").unwrap_or(&Json::Null);
        let current = modes.get("currentModeId").and_then(Json::as_str);
        let available = modes.get("availableModes").and_then(Json::as_array);
        let ids: Vec<&str> =
            available.into_iter().flatten().filter_map(|mode| mode.get("id").and_then(Json::as_str)).collect();
        let asking = ASKING_MODES.into_iter().find(|mode| ids.contains(mode));
        if let Some(mode) = asking.filter(|mode| current != Some(mode)) {
            let params = json!({ "sessionId": self.session, "modeId": mode });
            self.queue.push((Sent::SetMode, "session/set_mode", params));
        }
        if !self.model.is_empty() {
            let options = result.get("configOptions").and_then(Json::as_array);
            let is_model = |option: &&Json| {
                [option.get("id"), option.get("category")].into_iter().flatten().any(|name| name == "model")
            };
            let option = options.into_iter().flatten().find(is_model).and_then(|o| o.get("id")).and_then(Json::as_str);
            let request = match option {
                Some(option) => (
                    "session/set_config_option",
                    json!({ "sessionId": self.session, "configId": option, "value": self.model }),
                ),
                None => ("session/set_model", json!({ "sessionId": self.session, "modelId": self.model })),
            };
            self.queue.push((Sent::SetModel, request.0, request.1));
        }
        self.advance();
    }

    /// Whether a tool may be used.
    fn allows(&self, kind: &str, call: &Json) -> bool {
        let may = |ability| self.abilities.contains(&ability);
        match kind {
            "read" | "search" | "think" => true,
            "edit" | "delete" | "move" => may(Ability::Edit) && self.is_inside(call),
            "execute" => may(Ability::Run),
            "fetch" => may(Ability::Web),
            _ => {
                let title = call.get("title").and_then(Json::as_str).unwrap_or_default();
                self.server_names.iter().any(|name| title.contains(name.as_str()))
            }
        }
    }

    /// Whether all places of a call are in the directory.
    fn is_inside(&self, call: &Json) -> bool {
        let locations = call.get("locations").and_then(Json::as_array);
        locations.into_iter().flatten().filter_map(|place| place.get("path").and_then(Json::as_str)).all(|path| {
            let path = std::path::Path::new(path);
            let has_parent = path.components().any(|part| part == std::path::Component::ParentDir);
            !has_parent && (path.is_relative() || path.starts_with(&self.directory))
        })
    }
}

impl Dialect for Acp {
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise> {
        let Some(program) = &work.request.program else {
            return Err(Failure::raise(ErrorKind::Internal, "an agent without its command"));
        };
        let servers: Vec<Json> = work.request.servers.iter().map(server_entry).collect();
        let mut conversation = Conversation {
            sent: Vec::new(),
            outgoing: String::new(),
            directory: work.directory.to_string_lossy().into_owned(),
            servers,
            server_names: work.request.servers.iter().map(|offered| offered.server.name.to_string()).collect(),
            resumed: work.request.session.as_ref().map(|session| session.id.clone()),
            session: String::new(),
            text: whole_prompt(work)?,
            model: work.model.id.clone(),
            abilities: work.request.abilities.clone(),
            kinds: HashMap::new(),
            queue: Vec::new(),
            service_failed: false,
        };
        // Files and commands are the agent's own affair; each of its calls asks for permission.
        let params = json!({
            "protocolVersion": 1,
            "clientCapabilities": { "fs": { "readTextFile": false, "writeTextFile": false }, "terminal": false },
            "clientInfo": { "name": "cascade", "version": env!("CARGO_PKG_VERSION") },
        });
        conversation.send(Sent::Initialize, "initialize", &params);
        let argv = program.argv.clone();
        Ok(Invocation { argv, conversation: Some(Box::new(conversation)), ..Invocation::default() })
    }

    fn hear(&self, line: &str, heard: &mut Heard) {
        // Others write what they like to their standard output.
        let Ok(message) = serde_json::from_str::<Json>(line) else { return };
        let Some(mut conversation) = heard.conversation.take() else { return };
        let id = message.get("id");
        match (message.get("method").and_then(Json::as_str), id) {
            (Some("session/update"), _) => hear_update(&message, &mut conversation, heard),
            (Some("session/request_permission"), Some(id)) => answer_permission(id, &message, &mut conversation, heard),
            (Some(method), Some(id)) => {
                let error = json!({ "code": -32601, "message": format!("`{method}` is not offered") });
                conversation.write(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
            }
            (Some(_), None) => {}
            (None, id) => hear_response(id.and_then(Json::as_u64), &message, &mut conversation, heard),
        }
        heard.conversation = Some(conversation);
    }

    fn answer(&self, heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise> {
        let without = || no_answer("the agent", ended);
        finished_answer(heard, without)
            .and_then(|answer| if answer.trim().is_empty() { Err(without()) } else { Ok(answer) })
    }
}

fn hear_response(id: Option<u64>, message: &Json, conversation: &mut Conversation, heard: &mut Heard) {
    let Some((_, what)) = conversation.sent.iter().find(|(sent, _)| Some(*sent) == id).copied() else { return };
    if let Some(error) = message.get("error") {
        heard.is_over = true;
        heard.failure = Some(failure_of_error(what, error, conversation));
        return;
    }
    let result = message.get("result").unwrap_or(&Json::Null);
    match what {
        Sent::Initialize => conversation.initialized(result),
        Sent::OpenSession => {
            conversation.opened(result);
            heard.session = Some(conversation.session.clone()).filter(|session| !session.is_empty());
        }
        Sent::SetMode | Sent::SetModel => conversation.advance(),
        Sent::Prompt => hear_end(result, conversation, heard),
    }
}

/// The end of the turn.
fn hear_end(result: &Json, conversation: &Conversation, heard: &mut Heard) {
    heard.is_over = true;
    let number = |paths: [&str; 2]| {
        paths.into_iter().find_map(|path| result.pointer(path).and_then(Json::as_u64)).unwrap_or_default()
    };
    let cost = heard.usage.cost;
    heard.usage = usage_beside_cache(
        number(["/usage/inputTokens", "/_meta/quota/token_count/input_tokens"]),
        number(["/usage/cachedReadTokens", "/usage/cachedReadTokens"]),
        number(["/usage/cachedWriteTokens", "/usage/cachedWriteTokens"]),
        number(["/usage/outputTokens", "/_meta/quota/token_count/output_tokens"]),
    );
    heard.usage.cost = cost;
    let failure = |kind, message: &str| Some(Failure::raise(kind, format!("the agent: {message}")));
    heard.failure = match result.get("stopReason").and_then(Json::as_str) {
        _ if conversation.service_failed => {
            Some(service_failure(None, heard.text.as_deref().unwrap_or("its service failed"), "the agent"))
        }
        Some("refusal") => failure(ErrorKind::Refused, "it declined"),
        Some("cancelled") if !heard.denied.is_empty() => {
            failure(ErrorKind::Denied, &format!("it gave up when it was not allowed: {}", heard.denied.join(", ")))
        }
        Some("cancelled") => failure(ErrorKind::Cancelled, "it was cancelled"),
        Some("max_tokens") => failure(ErrorKind::InvalidOutput, "its answer was cut off at the limit of tokens"),
        Some("max_turn_requests") => failure(ErrorKind::Failed, "the work took too many turns"),
        _ => None,
    };
}

fn failure_of_error(what: Sent, error: &Json, conversation: &Conversation) -> Raise {
    let message = error.get("message").and_then(Json::as_str).unwrap_or("an error without a message");
    let data = error.get("data").map(Json::to_string).unwrap_or_default();
    let code = error.get("code").and_then(Json::as_i64);
    if what == Sent::OpenSession && conversation.resumed.is_some() {
        return Failure::raise(ErrorKind::Unavailable, format!("the agent: {} ({message})", super::SESSION_IS_LOST));
    }
    if what == Sent::SetModel {
        let message = format!("the agent cannot use the model `{}`: {message} {data}", conversation.model);
        return Failure::raise(ErrorKind::Denied, message);
    }
    let status = match code {
        // Authentication is required (the protocol's own code).
        Some(-32000) => Some(401),
        Some(code @ 400..=599) => u64::try_from(code).ok(),
        _ => None,
    };
    service_failure(status, &format!("{message} {data}"), "the agent")
}

fn hear_update(message: &Json, conversation: &mut Conversation, heard: &mut Heard) {
    let Some(update) = message.pointer("/params/update") else { return };
    let text = |name: &str| update.get(name).and_then(Json::as_str);
    match text("sessionUpdate") {
        // A session that is loaded repeats what was said before.
        Some("agent_message_chunk") if conversation.sent.iter().any(|(_, what)| *what == Sent::Prompt) => {
            if let Some(said) = update.pointer("/content/text").and_then(Json::as_str) {
                heard.text.get_or_insert_default().push_str(said);
            }
        }
        Some("tool_call" | "tool_call_update") => {
            if let (Some(id), Some(kind)) = (text("toolCallId"), text("kind")) {
                conversation.kinds.insert(id.to_owned(), kind.to_owned());
                heard.claims_change |= matches!(kind, "edit" | "delete" | "move");
            }
            if let Some(title) = text("title") {
                heard.step = Some(title.to_owned());
            }
            // What it says before it uses a tool is not its answer.
            heard.text = None;
        }
        Some("usage_update") => {
            let is_usd = update.pointer("/cost/currency").and_then(Json::as_str) == Some("USD");
            let amount = update.pointer("/cost/amount").and_then(Json::as_f64).filter(|_| is_usd);
            heard.usage.cost = amount.map(|usd| (usd * 1e6).ceil() as i64).or(heard.usage.cost);
        }
        Some("session_info_update") => {
            let status = update.pointer("/_meta/codex/threadStatus/type").and_then(Json::as_str);
            conversation.service_failed |= status == Some("systemError");
        }
        _ => {}
    }
}

/// Answers a question for permission as the program says.
fn answer_permission(id: &Json, message: &Json, conversation: &mut Conversation, heard: &mut Heard) {
    let call = message.pointer("/params/toolCall").unwrap_or(&Json::Null);
    let text = |name: &str| call.get(name).and_then(Json::as_str);
    let known = text("toolCallId").and_then(|id| conversation.kinds.get(id).map(String::as_str));
    let kind = text("kind").or(known).unwrap_or("other").to_owned();
    let allowed = conversation.allows(&kind, call);
    if !allowed {
        heard.denied.push(text("title").unwrap_or(&kind).to_owned());
    }
    // By the kind of an option, never by its place or name.
    let wanted = if allowed { ["allow_once", "allow_always"] } else { ["reject_once", "reject_always"] };
    let options = message.pointer("/params/options").and_then(Json::as_array);
    let options: Vec<&Json> = options.into_iter().flatten().collect();
    let option = wanted.iter().find_map(|wanted| {
        let option = options.iter().find(|option| option.get("kind").and_then(Json::as_str) == Some(wanted))?;
        option.get("optionId")
    });
    let outcome = match option {
        Some(option) => json!({ "outcome": "selected", "optionId": option }),
        None => json!({ "outcome": "cancelled" }),
    };
    conversation.write(&json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": outcome } }));
}

fn server_entry(offered: &OfferedServer) -> Json {
    let server = &offered.server;
    let named = |named: &[(smol_str::SmolStr, crate::value::Arg)]| -> Vec<Json> {
        named.iter().map(|(name, value)| json!({ "name": name.as_str(), "value": value.text.as_str() })).collect()
    };
    match &server.transport {
        ServerTransport::Stdio { argv, env } => {
            let args: Vec<&str> = argv.iter().skip(1).map(|arg| arg.text.as_str()).collect();
            let command = argv.first().map_or_else(|| plain_arg(""), Clone::clone);
            json!({ "name": server.name.as_str(), "command": command.text.as_str(), "args": args, "env": named(env) })
        }
        ServerTransport::Http { url, headers } => {
            json!({ "type": "http", "name": server.name.as_str(), "url": url.text.as_str(), "headers": named(headers) })
        }
    }
}
