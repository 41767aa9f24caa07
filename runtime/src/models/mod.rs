//! Models over HTTP: four API dialects, over plain JSON.
//!
//! Each dialect is two pure functions: from a request to an HTTP request, and from the HTTP response
//! to text and usage. Answers are streamed; [`stream`] makes the same response of a stream. Nothing here opens a
//! connection.

mod anthropic;
mod failures;
mod google;
mod key_command;
mod openai;
mod providers;
mod stream;
mod tools;

use std::sync::Arc;

use cascade_ir::{ErrorKind, Model, Program, markup::push_escaped};
use serde_json::{Value as Json, json};
use smol_str::SmolStr;

pub(crate) use openai::strict_schema;

use crate::{
    eval::escape_in_tag,
    failure::{Failure, Raise},
    media,
    request::{Answer, Attachment, HttpRequest, PromptRequest, Response, ToolCalls, Usage},
    value::{Arg, Secret},
};

pub(crate) use key_command::KeyCommand;
use providers::{Access, Key};
pub use providers::{ProviderSettings, Providers, ProxySetting, SettingText};
pub(crate) use providers::{base_url_of_codex, key_in_environment};
pub(crate) use stream::AnswerReader;

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
    /// The proxy that the project names; empty: none.
    pub(crate) proxy: Option<String>,
    /// The key, if the request does not have it yet.
    key: Key,
    dialect: Dialect,
    expected: Expected,
    /// A name for the file that the answer is.
    file_name: String,
}

type ModelAnswer = Result<(Content, Usage), (Raise, Usage)>;

/// What a model answers with.
#[derive(Debug)]
pub(crate) enum Content {
    /// Text, or JSON text.
    Text(String),
    /// The content of a file.
    File(Vec<u8>),
    /// The tools that it wants to use first.
    Calls(ToolCalls),
}

/// What is expected of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Text.
    Text,
    /// JSON of a schema.
    Structured,
    /// A picture.
    Image,
}

impl ModelCall {
    /// The provider whose rate limits apply.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// The command that prints the key which the request still needs.
    pub(crate) fn key_command(&self) -> Option<Arc<KeyCommand>> {
        match &self.key {
            Key::Command(command) => Some(Arc::clone(command)),
            Key::None | Key::Known(_) => None,
        }
    }

    /// Adds the key.
    pub(crate) fn authorize(&mut self, key: &Secret) {
        let key = key.reveal();
        let (name, value) = match self.dialect {
            Dialect::Anthropic => ("x-api-key", key.to_owned()),
            Dialect::Responses | Dialect::Chat => ("authorization", format!("Bearer {key}")),
            Dialect::Gemini => ("x-goog-api-key", key.to_owned()),
        };
        self.request.headers.push((name.into(), Arg { text: value.into(), secret: true }));
        self.key = Key::None;
    }

    /// A name for the file that the answer is.
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// What reads the body of an answer.
    pub(crate) fn reader(&self) -> AnswerReader {
        AnswerReader::new(self.dialect, self.expected)
    }

    /// The failure of a response whose status is no success.
    pub(crate) fn refusal_of(&self, response: &Response) -> Raise {
        failures::failure_of_status(response)
    }

    /// The same request without a stream, if the response says that this is what it was refused for: some gateways do
    /// not know the options of a stream, and some accounts may not stream some models.
    pub(crate) fn without_stream(&self, response: &Response) -> Option<HttpRequest> {
        if !matches!(self.dialect, Dialect::Chat | Dialect::Responses) || !matches!(response.status, 400 | 422 | 501) {
            return None;
        }
        if !String::from_utf8_lossy(&response.body).to_ascii_lowercase().contains("stream") {
            return None;
        }
        let text = self.request.body.as_ref()?.text.as_str();
        let Ok(Json::Object(mut body)) = serde_json::from_str::<Json>(text) else { return None };
        body.shift_remove("stream")?;
        body.shift_remove("stream_options");
        Some(HttpRequest { body: Some(Arg::plain(Json::Object(body).to_string())), ..self.request.clone() })
    }
}

impl Dialect {
    /// The text and usage of a response.
    fn read(self, json: &Json, expected: Expected) -> ModelAnswer {
        match self {
            Self::Anthropic => anthropic::parse_answer(json, expected),
            Self::Responses => openai::read_responses(json, expected),
            Self::Chat => openai::read_chat(json),
            Self::Gemini => google::parse_answer(json, expected),
        }
    }
}

/// The models of a program, and how they are reached.
pub(crate) struct Models<'p> {
    program: &'p Program,
    providers: Arc<Providers>,
}

impl<'p> Models<'p> {
    pub(crate) fn new(program: &'p Program, providers: Arc<Providers>) -> Self {
        Self { program, providers }
    }

    /// The HTTP request of a prompt.
    pub(crate) fn call(&self, prompt: &PromptRequest) -> Result<ModelCall, Answer> {
        let Some(model) = self.program.models.get(prompt.model.index()) else {
            return Err(Answer::failed(ErrorKind::Internal, "there is no such model"));
        };
        // A model is chosen by what it takes and gives; a request of an older record may not know.
        if let Some(kind) = prompt.file.filter(|kind| !media::is_given(&model.provider, *kind)) {
            let message = format!("provider `{}` gives no files of the kind {kind:?}", model.provider);
            return Err(Answer::failed(ErrorKind::Denied, message));
        }
        if let Some(file) = prompt.attachments.iter().find(|file| !media::is_accepted(&model.provider, &file.media)) {
            let message = format!("`{}` ({}) cannot be sent to `{}`", file.path, file.media, model.name);
            return Err(Answer::failed(ErrorKind::Denied, message));
        }
        let access = self.providers.access(model).map_err(|obstacle| {
            Answer::failed(ErrorKind::Denied, format!("{} (model `{}`)", obstacle.describe(model), model.name))
        })?;
        Ok(build_call(model, prompt, access))
    }
}

/// The HTTP request in a dialect.
fn build_call(model: &Model, prompt: &PromptRequest, access: Access) -> ModelCall {
    let Access { dialect, base, key, headers: of_project, proxy } = access;
    let mut headers: Vec<(SmolStr, Arg)> = vec![("content-type".into(), Arg::plain("application/json"))];
    let (url, body) = match dialect {
        Dialect::Anthropic => {
            headers.push(("anthropic-version".into(), Arg::plain("2023-06-01")));
            let base = base.trim_end_matches("/v1");
            (format!("{base}/v1/messages"), anthropic::request_body(model, prompt))
        }
        Dialect::Responses => (format!("{base}/responses"), openai::responses_body(model, prompt)),
        Dialect::Chat => (format!("{base}/chat/completions"), openai::chat_body(model, prompt)),
        Dialect::Gemini => {
            let base = base.trim_end_matches("/v1beta");
            let url = format!("{base}/v1beta/models/{}:streamGenerateContent?alt=sse", model.id);
            (url, google::request_body(model, prompt))
        }
    };
    headers.retain(|(name, _)| of_project.iter().all(|(other, ..)| other != name.as_str()));
    headers
        .extend(of_project.into_iter().map(|(name, value, secret)| (name.into(), Arg { text: value.into(), secret })));
    let request = HttpRequest {
        method: "POST".into(),
        url: Arg::plain(url),
        headers,
        body: Some(Arg::plain(body.to_string())),
        follows_redirects: false,
    };
    let expected = match (prompt.file, &prompt.schema) {
        (Some(_), _) => Expected::Image,
        (None, Some(_)) => Expected::Structured,
        (None, None) => Expected::Text,
    };
    let file_name = prompt.schema_name.clone();
    let mut call = ModelCall { request, provider: base, proxy, key: Key::None, dialect, expected, file_name };
    match key {
        Key::Known(key) => call.authorize(&key),
        key => call.key = key,
    }
    call
}

/// An attached text file as a document with its path.
fn document_text(file: &Attachment) -> String {
    let text = String::from_utf8_lossy(&file.content);
    let mut path = String::new();
    push_escaped(&mut path, &file.path, |c| c.is_control().then_some(" "));
    let text = escape_in_tag(text.trim_end_matches('\n'), "document");
    format!("<document path=\"{path}\">\n{text}\n</document>")
}

/// Whether a file goes into the text of the prompt.
pub(crate) fn is_text(file: &Attachment) -> bool {
    matches!(file.media.as_str(), "text/plain" | "image/svg+xml")
}

fn is_image(file: &Attachment) -> bool {
    file.media.starts_with("image/") && file.media != "image/svg+xml"
}

fn encode_base64(file: &Attachment) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(&file.content)
}

/// The prompt after its attached documents.
pub(crate) fn text_with_documents(prompt: &PromptRequest) -> String {
    let mut parts: Vec<String> = prompt.attachments.iter().filter(|file| is_text(file)).map(document_text).collect();
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

fn new_usage(tokens_in: u64, tokens_out: u64) -> Usage {
    Usage { tokens_in, tokens_out, ..Usage::default() }
}

/// The picture of an answer, from its Base64. The last one counts: earlier ones are drafts.
fn picture_answer<'j>(found: impl Iterator<Item = &'j Json>, text: &str, usage: Usage) -> ModelAnswer {
    use base64::Engine;
    let Some(data) = found.filter_map(Json::as_str).last() else {
        let said: String = text.chars().take(300).collect();
        let message = match said.is_empty() {
            true => "the model's answer has no picture".to_owned(),
            false => format!("the model's answer is text, not a picture: {said}"),
        };
        return Err((Failure::raise(ErrorKind::InvalidOutput, message), usage));
    };
    match base64::engine::general_purpose::STANDARD.decode(data) {
        Ok(content) => Ok((Content::File(content), usage)),
        Err(error) => {
            let message = format!("the picture in the model's answer is no Base64: {error}");
            Err((Failure::raise(ErrorKind::InvalidOutput, message), usage))
        }
    }
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

fn refusal_failure(reason: &str, usage: Usage) -> (Raise, Usage) {
    (Failure::raise(ErrorKind::Refused, format!("the model declined: {reason}")), usage)
}

/// Sets a parameter if the program states it.
fn set_optional(body: &mut Json, name: &str, value: Option<Json>) {
    if let (Json::Object(fields), Some(value)) = (body, value) {
        fields.insert(name.to_owned(), value);
    }
}

fn temperature_of(prompt: &PromptRequest) -> Option<Json> {
    prompt.temperature.map(|t| json!(t))
}
