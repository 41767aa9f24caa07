//! Coding agents: programs that work in a directory, each with a dialect of its own.
//!
//! A [`Dialect`] is pure: it writes the command of a piece of work, reads what the program tells line by line, and
//! says at its end what the answer is. `local/` starts the program and watches it.

mod acp;
mod claude;
mod codex;
mod command;
mod gemini;
mod output;

use std::path::Path;

use cascade_ir::{Ability, ErrorKind, Model, Program};
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::{
    eval::escape_in_tag,
    failure::{Failure, Raise},
    interpreter::Availability,
    models::{self, text_with_documents},
    request::{AgentRequest, Usage},
    search_path::find_program,
    value::Arg,
};
pub(crate) use acp::Conversation;
pub(crate) use output::Heard;

/// How an agent is driven.
pub(crate) trait Dialect: Send + Sync {
    /// The command of a piece of work.
    ///
    /// # Errors
    /// When the agent cannot do what is asked.
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise>;

    /// Takes in a line that the agent wrote to its standard output.
    fn hear(&self, line: &str, heard: &mut Heard);

    /// The answer of an agent that ended with this exit code; `stdout` is all that it wrote.
    ///
    /// # Errors
    /// When it has not done its work.
    fn answer(&self, heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise>;
}

/// How an agent's program ended.
pub(crate) struct Ended<'a> {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: &'a str,
    /// The last lines.
    pub(crate) stderr: &'a str,
}

/// A piece of work for an agent.
pub(crate) struct Work<'a> {
    pub(crate) model: &'a Model,
    pub(crate) request: &'a AgentRequest,
    /// The directory in which it works.
    pub(crate) directory: &'a Path,
    /// A directory for files that the agent is given by their paths.
    pub(crate) support: &'a Path,
}

/// A program to start.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    pub(crate) argv: Vec<Arg>,
    /// Variables beside the inherited ones.
    pub(crate) env: Vec<(SmolStr, Arg)>,
    pub(crate) stdin: String,
    /// What is said to it while it works, for an agent that is talked to.
    pub(crate) conversation: Option<Box<acp::Conversation>>,
}

/// The program of an agent, and how it is driven.
pub(crate) struct Driver {
    /// The program; `None`: the model names it.
    program: Option<&'static str>,
    /// How the program is installed.
    install: &'static str,
    pub(crate) dialect: &'static dyn Dialect,
}

const CLAUDE: Driver =
    Driver { program: Some("claude"), install: "npm install -g @anthropic-ai/claude-code", dialect: &claude::Claude };
const CODEX: Driver =
    Driver { program: Some("codex"), install: "npm install -g @openai/codex", dialect: &codex::Codex };
const GEMINI: Driver =
    Driver { program: Some("gemini"), install: "npm install -g @google/gemini-cli", dialect: &gemini::Gemini };
const ACP: Driver = Driver { program: None, install: "", dialect: &acp::Acp };
const COMMAND: Driver = Driver { program: None, install: "", dialect: &command::Plain };

/// The driver of a model's agent: its own, or that of its provider.
pub(crate) fn find_driver(model: &Model) -> Option<&'static Driver> {
    Some(match model.provider.as_str() {
        "claude_cli" | "anthropic" => &CLAUDE,
        "codex_cli" | "openai" => &CODEX,
        "gemini_cli" | "google" => &GEMINI,
        "acp" => &ACP,
        "agent_cli" => &COMMAND,
        _ => return None,
    })
}

/// What the program of an agent needs in a sandbox, beside the copy that it works in: its service, and the folders in
/// which it keeps its login and its sessions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    /// Hosts by name, as those of a list of a sandbox.
    pub(crate) hosts: Vec<String>,
    /// Folders of the home of the user, with the variable that names each, if there is one.
    pub(crate) folders: &'static [(&'static str, Option<&'static str>)],
}

/// What the agent of a model needs in a sandbox.
pub(crate) fn needs_in_sandbox(model: &Model) -> Needs {
    let (hosts, folders): (&[&str], &[(&str, Option<&str>)]) = match model.provider.as_str() {
        "claude_cli" | "anthropic" => {
            (&["api.anthropic.com", "console.anthropic.com"], &[(".claude", Some("CLAUDE_CONFIG_DIR"))])
        }
        "codex_cli" | "openai" => {
            (&["api.openai.com", "auth.openai.com", "chatgpt.com"], &[(".codex", Some("CODEX_HOME"))])
        }
        "gemini_cli" | "google" => (
            &["generativelanguage.googleapis.com", "oauth2.googleapis.com", "cloudcode-pa.googleapis.com"],
            &[(".gemini", None)],
        ),
        // What others need is not known: `network [...]` of the sandbox says it.
        _ => (&[], &[]),
    };
    let own = model.base_url.as_deref().and_then(host_of);
    let hosts = match own {
        Some(own) => vec![own],
        None => hosts.iter().map(|host| (*host).to_owned()).collect(),
    };
    Needs { hosts, folders }
}

/// The host of an address, with its port if it has one.
fn host_of(address: &str) -> Option<String> {
    host_of_url(&url::Url::parse(address).ok()?)
}

/// The host of an address that was read, with its port if it has one.
pub(crate) fn host_of_url(url: &url::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Which models have an agent that can work here.
pub(crate) fn agent_availability(program: &Program) -> Vec<Availability> {
    program.models.iter().map(availability_of).collect()
}

/// Whether a model has an agent that can work here.
pub(crate) fn availability_of(model: &Model) -> Availability {
    why_no_agent(model).map_or(Availability::Available, Availability::Missing)
}

/// Why the agent of a model cannot work here, for a place beside its name; `None`: it can.
pub(crate) fn why_no_agent(model: &Model) -> Option<String> {
    let Some(driver) = find_driver(model) else {
        return Some(format!(
            "provider `{}` has no coding agent; `using` a model of `claude_cli`, `codex_cli`, `gemini_cli`, `acp` or \
             `agent_cli` helps",
            model.provider
        ));
    };
    match driver.program {
        Some(program) => missing_program(program, driver.install),
        None => missing_program(first_word(model)?, ""),
    }
}

/// The program of a command that is written out; `None` where it is computed.
fn first_word(model: &Model) -> Option<&str> {
    let cascade_ir::Expr::Command(command) = model.command.as_ref()? else { return None };
    command.literal_program()
}

fn missing_program(program: &str, install: &str) -> Option<String> {
    if find_program(program).is_some() {
        return None;
    }
    Some(match install {
        "" => format!("the program `{program}` is not installed"),
        install => format!("the program `{program}` is not installed (`{install}`)"),
    })
}

/// The prompt with its documents, and without its system text.
///
/// # Errors
/// When a file can only be given as it is: an agent reads such files itself.
fn prompt_text(work: &Work<'_>) -> Result<String, Raise> {
    let prompt = &work.request.prompt;
    if let Some(file) = prompt.attachments.iter().find(|file| !models::is_text(file)) {
        let message = format!(
            "`{}` is {}, which cannot be given to an agent as text; name its path in the prompt instead",
            file.path, file.media
        );
        return Err(Failure::raise(ErrorKind::Denied, message));
    }
    Ok(match &work.request.session {
        Some(session) => session.text.clone(),
        None => text_with_documents(prompt),
    })
}

/// The same with the system text before it, and the form of the answer after it: for agents that have no place of
/// their own for them.
fn whole_prompt(work: &Work<'_>) -> Result<String, Raise> {
    let prompt = &work.request.prompt;
    let mut parts = Vec::new();
    if let (Some(system), None) = (&prompt.system, &work.request.session) {
        parts.push(format!("<instructions>\n{}\n</instructions>", escape_in_tag(system, "instructions")));
    }
    parts.push(prompt_text(work)?);
    if let Some(schema) = &prompt.schema {
        parts.push(format!(
            "When you are done, answer with one JSON value and nothing else. It must be valid by this JSON Schema:\n{schema}"
        ));
    }
    Ok(parts.join("\n\n"))
}

fn has_ability(work: &Work<'_>, ability: Ability) -> bool {
    work.request.abilities.contains(&ability)
}

/// The key of a model in the environment, where its declaration or its provider names one.
fn key_of(model: &Model) -> Option<Arg> {
    models::key_in_environment(model).map(|text| Arg { text: text.into(), secret: true })
}

/// Names and values as an object, for settings of agents.
fn named_object(named: &[(SmolStr, Arg)]) -> Json {
    named
        .iter()
        .map(|(name, value)| (name.to_string(), Json::from(value.text.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// An argument without secrets.
fn plain_arg(text: impl Into<SmolStr>) -> Arg {
    Arg::plain(text)
}

/// The failure that an error of an agent's service stands for.
fn service_failure(status: Option<u64>, message: &str, whose: &str) -> Raise {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = match status {
        Some(401 | 403) => ErrorKind::Denied,
        Some(429) if says(&["quota", "usage limit", "credit balance"]) => ErrorKind::QuotaExhausted,
        Some(429) => ErrorKind::RateLimited,
        Some(408 | 500..=599) => ErrorKind::Unavailable,
        Some(_) => ErrorKind::Failed,
        None if says(&["unauthorized", "not logged in", "/login", "invalid api key", "authentication"]) => {
            ErrorKind::Denied
        }
        None if says(&["usage limit", "quota"]) => ErrorKind::QuotaExhausted,
        None if says(&["rate limit", "429", "too many requests"]) => ErrorKind::RateLimited,
        None => ErrorKind::Unavailable,
    };
    let way_out = match kind {
        ErrorKind::Denied => format!("; sign in with `{whose}`, or set the key that it needs"),
        _ => String::new(),
    };
    Failure::raise(kind, format!("{whose}: {}{way_out}", message.trim()))
}

/// The answer of an agent that has said that it is over; `without_answer` is the failure of one that has not.
///
/// # Errors
/// The failure that it reported, or `without_answer`.
fn finished_answer(heard: &mut Heard, without_answer: impl FnOnce() -> Raise) -> Result<String, Raise> {
    if let Some(failure) = heard.failure.take() {
        return Err(failure);
    }
    heard.take_answer().filter(|_| heard.is_over).ok_or_else(without_answer)
}

/// The failure of an agent that ended without an answer.
fn no_answer(whose: &str, ended: &Ended<'_>) -> Raise {
    let how = match ended.code {
        Some(code) => format!("ended with exit code {code}"),
        None => "was ended by a signal".to_owned(),
    };
    let stderr = ended.stderr.trim_end();
    let mut message = format!("`{whose}` {how} and gave no answer");
    if !stderr.is_empty() {
        message.push('\n');
        message.push_str(stderr);
    }
    Failure::raise(ErrorKind::CommandFailed, message)
}

/// What is said where an agent that is talked to does not find a session.
const SESSION_IS_LOST: &str = "the session is not there any more";

/// Whether a message says that there is no session of the name that was given: what the agents say that are known here.
pub(crate) fn says_session_is_lost(message: &str) -> bool {
    const SAID: [&str; 5] = [
        SESSION_IS_LOST,
        "No conversation found",
        "no rollout found",
        "Invalid session identifier",
        "No previous sessions found",
    ];
    SAID.iter().any(|said| message.contains(said))
}

/// A number of tokens in a report.
fn token_count(json: &Json, name: &str) -> u64 {
    json.get(name).and_then(Json::as_u64).unwrap_or(0)
}

/// Tokens of a report, of which `input` does not count those of the cache.
fn usage_beside_cache(input: u64, cache_read: u64, cache_write: u64, output: u64) -> Usage {
    let short = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Usage {
        tokens_in: input.saturating_add(cache_read).saturating_add(cache_write),
        tokens_out: output,
        cache_read: short(cache_read),
        cache_write: short(cache_write),
        cost: None,
    }
}
