//! Models over HTTP: four API dialects, over plain JSON.
//!
//! Each dialect is two pure functions: from a request to an HTTP request, and from the HTTP response
//! to text and usage. Nothing here opens a connection.

mod anthropic;
mod failures;
mod google;
mod openai;

use std::env;

use cascade_ir::{ErrorKind, Model, Program, markup::push_escaped};
use serde_json::{Value as Json, json};
use smol_str::SmolStr;

pub(crate) use openai::strict as strict_schema;

use crate::{
    agents,
    eval::escape_in_tag,
    failure::{Failure, Raise},
    interpreter::Availability,
    request::{Answer, Attachment, HttpRequest, PromptRequest, Response, Usage},
    value::Arg,
};

/// A dialect of model APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions, at any base URL.
    Chat,
    /// Gemini `generateContent`.
    Gemini,
}

/// An HTTP request to a model.
#[derive(Debug)]
pub(crate) struct ModelCall {
    pub(crate) request: HttpRequest,
    /// The base URL, by which rate limits are tracked.
    provider: String,
    dialect: Dialect,
    structured: bool,
}

type ModelAnswer = Result<(String, Usage), (Raise, Usage)>;

impl ModelCall {
    /// The provider whose rate limits apply.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// The text and usage of a response.
    pub(crate) fn read(&self, response: &Response) -> ModelAnswer {
        if !(200..300).contains(&response.status) {
            return Err((failures::failure_of_status(response), Usage::default()));
        }
        let Ok(json) = serde_json::from_slice::<Json>(&response.body) else {
            let failure = Failure::raise(ErrorKind::Unavailable, "the model's answer is not JSON");
            return Err((failure, Usage::default()));
        };
        match self.dialect {
            Dialect::Anthropic => anthropic::parse_answer(&json, self.structured),
            Dialect::Responses => openai::read_responses(&json),
            Dialect::Chat => openai::read_chat(&json),
            Dialect::Gemini => google::parse_answer(&json),
        }
    }
}

/// The models of a program, configured by the environment.
pub(crate) struct Models<'p> {
    program: &'p Program,
}

/// How to reach a provider.
struct Provider {
    dialect: Dialect,
    /// The environment variables that may hold the key.
    keys: &'static [&'static str],
    base_env: Option<&'static str>,
    base: &'static str,
}

const ANTHROPIC: Provider = Provider {
    dialect: Dialect::Anthropic,
    keys: &["ANTHROPIC_API_KEY"],
    base_env: Some("ANTHROPIC_BASE_URL"),
    base: "https://api.anthropic.com",
};
const OPENAI: Provider = Provider {
    dialect: Dialect::Responses,
    keys: &["OPENAI_API_KEY"],
    base_env: Some("OPENAI_BASE_URL"),
    base: "https://api.openai.com/v1",
};
const COMPATIBLE: Provider = Provider { dialect: Dialect::Chat, keys: &[], base_env: None, base: "" };
const GOOGLE: Provider = Provider {
    dialect: Dialect::Gemini,
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    base_env: Some("GOOGLE_GEMINI_BASE_URL"),
    base: "https://generativelanguage.googleapis.com",
};

fn provider(name: &str) -> Option<&'static Provider> {
    Some(match name {
        "anthropic" => &ANTHROPIC,
        "openai" => &OPENAI,
        "openai_compatible" => &COMPATIBLE,
        "google" => &GOOGLE,
        _ => return None,
    })
}

/// A non-empty environment variable.
fn environment_variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|v| !v.trim().is_empty())
}

/// The key with which a model is asked; `None` where it needs none.
///
/// # Errors
/// When it needs one and the environment has none: which variables would hold it.
fn api_key(model: &Model, provider: &Provider) -> Result<Option<String>, String> {
    let names: Vec<&str> = match &model.key_env {
        Some(name) => vec![name],
        None if provider.keys.is_empty() => return Ok(None),
        None => provider.keys.to_vec(),
    };
    match names.iter().find_map(|name| environment_variable(name)) {
        Some(key) => Ok(Some(key)),
        None => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            Err(format!("{} is not set", names.join(" or ")))
        }
    }
}

fn base_url(model: &Model, provider: &Provider) -> Option<String> {
    let found = model.base_url.clone().or_else(|| provider.base_env.and_then(environment_variable));
    let base = found.unwrap_or_else(|| provider.base.to_owned());
    let base = base.trim().trim_end_matches('/');
    (!base.is_empty()).then(|| base.to_owned())
}

/// Why a model cannot be asked in the current environment.
enum Obstacle {
    UnknownProvider,
    NoBaseUrl,
    /// Which variables would hold the key.
    NoKey(String),
}

fn obstacle(model: &Model) -> Option<Obstacle> {
    let Some(provider) = provider(&model.provider) else { return Some(Obstacle::UnknownProvider) };
    if base_url(model, provider).is_none() {
        return Some(Obstacle::NoBaseUrl);
    }
    api_key(model, provider).err().map(Obstacle::NoKey)
}

/// The message that a key is missing, where the model is not named beside it.
fn missing_key(model: &Model, reason: &str) -> String {
    format!("{reason} (model `{}`)", model.name)
}

/// Which models are available in the current environment.
pub fn availability(program: &Program) -> Vec<Availability> {
    let of = |model: &Model| match obstacle(model) {
        _ if model.is_agent() => match agents::why_no_agent(model) {
            None => Availability::Available,
            Some(reason) => Availability::Missing(missing_key(model, &reason)),
        },
        None => Availability::Available,
        Some(Obstacle::NoKey(reason)) => Availability::Missing(missing_key(model, &reason)),
        Some(_) => Availability::Missing(why_unavailable(model).unwrap_or_default()),
    };
    program.models.iter().map(of).collect()
}

/// Why a model cannot be asked in the current environment, for a place beside its name; `None`: it can.
pub fn why_unavailable(model: &Model) -> Option<String> {
    if model.is_agent() {
        return agents::why_no_agent(model);
    }
    Some(match obstacle(model)? {
        Obstacle::UnknownProvider => format!(
            "provider `{}` of model `{}` is not supported by this version of Cascade",
            model.provider, model.name
        ),
        Obstacle::NoBaseUrl => format!("model `{}` has no base URL", model.name),
        Obstacle::NoKey(reason) => reason,
    })
}

/// The API keys in the environment for the models of a program.
pub(crate) fn api_keys(program: &Program) -> Vec<String> {
    let of = |model: &Model| api_key(model, provider(&model.provider)?).ok().flatten();
    program.models.iter().filter_map(of).collect()
}

impl<'p> Models<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        Self { program }
    }

    /// The HTTP request of a prompt.
    pub(crate) fn call(&self, prompt: &PromptRequest) -> Result<ModelCall, Answer> {
        let Some(model) = self.program.models.get(prompt.model.index()) else {
            return Err(Answer::failed(ErrorKind::Internal, "there is no such model"));
        };
        let Some(provider) = provider(&model.provider) else {
            let message = format!("provider `{}` is not supported by this version of Cascade", model.provider);
            return Err(Answer::failed(ErrorKind::Denied, message));
        };
        let key = api_key(model, provider)
            .map_err(|reason| Answer::failed(ErrorKind::Denied, missing_key(model, &reason)))?;
        let Some(base) = base_url(model, provider) else {
            return Err(Answer::failed(ErrorKind::Denied, format!("model `{}` has no base URL", model.name)));
        };
        let mut call = build_http_request(model, prompt, provider.dialect, &base, key.as_deref());
        call.provider = base;
        Ok(call)
    }
}

/// The HTTP request in a dialect.
fn build_http_request(
    model: &Model,
    prompt: &PromptRequest,
    dialect: Dialect,
    base: &str,
    key: Option<&str>,
) -> ModelCall {
    let secret = |text: String| Arg { text: text.into(), secret: true };
    let mut headers: Vec<(SmolStr, Arg)> = vec![("content-type".into(), Arg::plain("application/json"))];
    let (url, body) = match dialect {
        Dialect::Anthropic => {
            headers.push(("anthropic-version".into(), Arg::plain("2023-06-01")));
            headers.extend(key.map(|k| ("x-api-key".into(), secret(k.to_owned()))));
            let base = base.trim_end_matches("/v1");
            (format!("{base}/v1/messages"), anthropic::request_body(model, prompt))
        }
        Dialect::Responses | Dialect::Chat => {
            headers.extend(key.map(|k| ("authorization".into(), secret(format!("Bearer {k}")))));
            if dialect == Dialect::Responses {
                (format!("{base}/responses"), openai::responses_body(model, prompt))
            } else {
                (format!("{base}/chat/completions"), openai::chat_body(model, prompt))
            }
        }
        Dialect::Gemini => {
            headers.extend(key.map(|k| ("x-goog-api-key".into(), secret(k.to_owned()))));
            let base = base.trim_end_matches("/v1beta");
            (format!("{base}/v1beta/models/{}:generateContent", model.id), google::request_body(model, prompt))
        }
    };
    let request = HttpRequest {
        method: "POST".into(),
        url: Arg::plain(url),
        headers,
        body: Some(Arg::plain(body.to_string())),
        follows_redirects: false,
    };
    ModelCall { request, provider: String::new(), dialect, structured: prompt.schema.is_some() }
}

/// The key of a model in the environment, where one is set: for agents, which may be signed in without one.
pub(crate) fn key_in_environment(model: &Model) -> Option<String> {
    let names: &[&str] = match model.provider.as_str() {
        "gemini_cli" => GOOGLE.keys,
        "codex_cli" if base_url_of_codex(model).is_some() => OPENAI.keys,
        name => provider(name).map_or(&[], |provider| provider.keys),
    };
    match &model.key_env {
        Some(name) => environment_variable(name),
        None => names.iter().find_map(|name| environment_variable(name)),
    }
}

/// The address of a service other than that of OpenAI, where the model or the environment names one.
pub(crate) fn base_url_of_codex(model: &Model) -> Option<String> {
    model.base_url.clone().or_else(|| OPENAI.base_env.and_then(environment_variable))
}

/// Whether an attached file is given to a model as text.
pub(crate) fn is_text(file: &Attachment) -> bool {
    file.media == "text/plain" || file.media == "image/svg+xml"
}

/// An attached text file as a document with its path.
fn document(file: &Attachment) -> String {
    let text = String::from_utf8_lossy(&file.content);
    let mut path = String::new();
    push_escaped(&mut path, &file.path, |c| c.is_control().then_some(" "));
    let text = escape_in_tag(text.trim_end_matches('\n'), "document");
    format!("<document path=\"{path}\">\n{text}\n</document>")
}

fn is_image(file: &Attachment) -> bool {
    file.media.starts_with("image/") && file.media != "image/svg+xml"
}

fn base64(file: &Attachment) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(&file.content)
}

/// The prompt after its attached documents.
pub(crate) fn text_with_documents(prompt: &PromptRequest) -> String {
    let mut parts: Vec<String> = prompt.attachments.iter().filter(|file| is_text(file)).map(document).collect();
    parts.push(prompt.text.clone());
    parts.join("\n\n")
}

/// A number in a response; 0 if it is missing.
fn token_count(json: &Json, name: &str) -> u64 {
    json.get(name).and_then(Json::as_u64).unwrap_or(0)
}

/// A number of input tokens that a cache was used for.
fn cached_tokens(json: &Json, name: &str) -> u32 {
    u32::try_from(token_count(json, name)).unwrap_or(u32::MAX)
}

fn usage(tokens_in: u64, tokens_out: u64) -> Usage {
    Usage { tokens_in, tokens_out, ..Usage::default() }
}

/// The failure of a response without text.
fn empty_answer(usage: Usage) -> (Raise, Usage) {
    (Failure::raise(ErrorKind::InvalidOutput, "the model's answer is empty"), usage)
}

/// The failure of an answer that was cut off. The same prompt with the same limit would be cut off again.
fn truncated_answer(usage: Usage) -> (Raise, Usage) {
    let message = format!(
        "the model's answer was cut off at the limit of output tokens, after {} of them, and is not asked for again: \
         give the skill more with `max_tokens`, or ask for less",
        usage.tokens_out
    );
    let mut failure = Failure::raise(ErrorKind::InvalidOutput, message);
    failure.permanent = true;
    (failure, usage)
}

fn refusal(reason: &str, usage: Usage) -> (Raise, Usage) {
    (Failure::raise(ErrorKind::Refused, format!("the model declined: {reason}")), usage)
}

/// Sets a parameter if the program states it.
fn set_optional(body: &mut Json, name: &str, value: Option<Json>) {
    if let (Json::Object(fields), Some(value)) = (body, value) {
        fields.insert(name.to_owned(), value);
    }
}

fn temperature(prompt: &PromptRequest) -> Option<Json> {
    prompt.temperature.map(|t| json!(t))
}
