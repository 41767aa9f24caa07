//! What is kept of runs and effects, as data and as JSON. Secrets are not.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use cascade_ir::{ErrorKind, ModelId, Program};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::{JournalError, Result};
use crate::{
    failure::{Failure, Raise},
    interpreter::{hex, price},
    request::{Answer, EffectInfo, MemoryOp, Output, Process, RequestKind, Response, TimerId, Usage},
    value::{Arg, REDACTED},
    workspace::WorkspacePatch,
};

/// A record of a run, in the order in which it is kept.
pub enum Record {
    /// A run began, or goes on.
    RunStarted(Box<RunStart>),
    /// An effect is about to begin.
    Started(Box<EffectStart>),
    /// It ended.
    Ended(Box<EffectEnd>),
    /// Its end, recorded before, came too late: nobody wanted it any more.
    Overtaken {
        /// Its place in the order of answers.
        seq: i64,
    },
    /// A timer began, or fired.
    Timer(TimerMark),
    /// An event as JSON text, and its time in milliseconds since 1970.
    Event(String, i64),
    /// Progress of an effect that runs; only the newest of a stage is kept.
    Progress(ProgressMark),
    /// A person is asked.
    Asked(Box<Question>),
    /// A question is not wanted any more.
    Unasked {
        /// The stage.
        path: String,
        /// Hash of the question.
        key: String,
    },
    /// Memory that outlives the run changes.
    Remember(Box<MemoryOp>, i64),
    /// An answer that other runs may take.
    Cache(Box<CachedAnswer>),
    /// The run ended, for good or for now.
    RunEnded(Box<RunEnd>),
}

/// The beginning of a run.
#[derive(Debug, Clone, Default)]
pub struct RunStart {
    /// Its id.
    pub run: String,
    /// SHA-256 of the compiled program, in hex.
    pub hash: String,
    /// The compiled program, as JSON.
    pub program: Vec<u8>,
    /// The file that was compiled.
    pub file: String,
    /// The directory in which it runs.
    pub cwd: String,
    /// The cascade.
    pub cascade: String,
    /// Its inputs as a JSON object, without secrets.
    pub inputs: Json,
    /// Memory that outlives runs, as it was.
    pub memory: Json,
    /// Whether it is resumed.
    pub resumed: bool,
    /// The run whose answers it begins with.
    pub fork: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// `done`, `failed`, `cancelled`, `paused`.
    pub status: &'static str,
    /// Its value, when it is done.
    pub result: Option<Json>,
    /// Its failure, when it has one.
    pub error: Option<Json>,
    /// The stage whose failure ended it, by its path, and how often that stage was tried.
    pub failed_at: Option<(String, u32)>,
    /// When it can go on, in milliseconds since 1970.
    pub until: Option<i64>,
    /// How long the run has lived, in milliseconds.
    pub clock: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The beginning of an effect.
#[derive(Debug, Clone)]
pub struct EffectStart {
    /// Names it in this process.
    pub token: u64,
    /// What identifies it.
    pub info: Arc<EffectInfo>,
    /// `run`, `http`, `prompt`, `person`.
    pub kind: &'static str,
    /// The model that is asked.
    pub model: Option<String>,
    /// The request as JSON text, without secrets.
    pub request: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// The end of an effect.
#[derive(Debug, Clone)]
pub struct EffectEnd {
    /// The one of its beginning.
    pub token: u64,
    /// `done`, `failed`, `withdrawn`, `interrupted`.
    pub status: &'static str,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// Its failure as JSON text.
    pub error: Option<String>,
    /// What it used.
    pub usage: Usage,
    /// Its place in the order of the run's answers.
    pub seq: i64,
    /// Whether it must reach the disk before anybody sees it.
    pub full: bool,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The age of the run, in milliseconds.
    pub clock: i64,
}

/// A timer of a stage.
#[derive(Debug, Clone)]
pub struct TimerMark {
    /// Which one.
    pub timer: TimerId,
    /// When it fired, in the order of answers; `None`: it began.
    pub seq: Option<i64>,
    /// Age of the run, or the time of the clock on the wall, in milliseconds.
    pub clock: i64,
}

/// Progress of an effect.
#[derive(Debug, Clone)]
pub struct ProgressMark {
    /// The stage's path.
    pub path: String,
    /// The attempt.
    pub attempt: u32,
    /// What it reports, as JSON text; see [`super::Activity::Progress`].
    pub progress: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// A question to a person.
#[derive(Debug, Clone)]
pub struct Question {
    /// The stage's path.
    pub path: String,
    /// Hash of the question.
    pub key: String,
    /// `approve`, `ask`, `choose`, `escalate`, `unknown`.
    pub kind: String,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// An answer that other runs may take.
#[derive(Debug, Clone)]
pub struct CachedAnswer {
    /// The key of the request.
    pub key: String,
    /// What the key is made of.
    pub parts: Vec<u8>,
    /// The skill.
    pub skill: String,
    /// The run that asked.
    pub run: String,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// The name of the artifact that holds a large answer.
    pub artifact: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

impl EffectStart {
    pub(crate) fn of(token: u64, info: &Arc<EffectInfo>, kind: &RequestKind, program: &Program) -> Self {
        let model = match kind {
            RequestKind::Prompt(prompt) => program.models.get(prompt.model.index()).map(|m| m.name.to_string()),
            _ => None,
        };
        Self { token, info: Arc::clone(info), kind: kind.name(), model, request: request(kind), at: now() }
    }
}

impl EffectEnd {
    /// The end that an answer is.
    pub(crate) fn of(program: &Program, token: u64, model: Option<ModelId>, answer: &Answer) -> Self {
        let (status, text, error) = match &answer.result {
            Ok(output) => ("done", Some(output_json(output).to_string()), None),
            Err(failure) => ("failed", None, Some(failure_json(failure).to_string())),
        };
        let mut usage = answer.usage;
        if usage.cost.is_none()
            && let Some(model) = model.and_then(|m| program.models.get(m.index()))
        {
            usage.cost = Some(price(model, &usage));
        }
        Self { token, status, answer: text, error, usage, seq: 0, full: true, at: now(), clock: 0 }
    }

    /// An effect whose answer is not wanted: `withdrawn` by the program itself, `interrupted`
    /// from outside.
    pub(crate) fn without_answer(token: u64, status: &'static str) -> Self {
        Self {
            token,
            status,
            answer: None,
            error: None,
            usage: Usage::default(),
            seq: 0,
            full: false,
            at: now(),
            clock: 0,
        }
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A failure as JSON.
pub(crate) fn failure_json(failure: &Failure) -> Json {
    serde_json::to_value(failure).unwrap_or(Json::Null)
}

/// A failure that was kept.
pub(crate) fn failure_from(text: &str) -> Raise {
    match serde_json::from_str::<Failure>(text) {
        Ok(failure) => Box::new(failure),
        Err(_) => Failure::raise(ErrorKind::Internal, "the journal holds a failure that cannot be read"),
    }
}

/// An argument without its secret.
struct Shown<'a>(&'a Arg);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.secret { REDACTED } else { &self.0.text })
    }
}

/// Requests as they are kept; written straight to text, since there may be many.
#[derive(Serialize)]
#[serde(untagged)]
enum Kept<'a> {
    Run {
        argv: Vec<Shown<'a>>,
        cwd: &'a Option<String>,
        env: BTreeMap<&'a str, Option<Shown<'a>>>,
        stdin: Option<Shown<'a>>,
    },
    Http {
        method: &'a str,
        url: Shown<'a>,
        headers: Vec<(&'a str, Shown<'a>)>,
        body: Option<Shown<'a>>,
    },
    Prompt {
        system: &'a Option<String>,
        prompt: &'a str,
        attachments: Vec<Attached<'a>>,
        schema: &'a Option<Json>,
        temperature: Option<f64>,
        max_tokens: Option<u64>,
    },
    Person {
        kind: &'a str,
        question: &'a str,
        options: &'a [String],
    },
    Nothing,
}

#[derive(Serialize)]
struct Attached<'a> {
    path: &'a str,
    hash: &'a str,
}

/// A request as it is kept: without secrets, as JSON text.
pub(crate) fn request(kind: &RequestKind) -> String {
    let kept = match kind {
        RequestKind::Run(run) => Kept::Run {
            argv: run.argv.iter().map(Shown).collect(),
            cwd: &run.workspace.directory,
            env: run.env.iter().map(|(n, v)| (n.as_str(), v.as_ref().map(Shown))).collect(),
            stdin: run.stdin.as_ref().map(Shown),
        },
        RequestKind::Http(http) => Kept::Http {
            method: &http.method,
            url: Shown(&http.url),
            headers: http.headers.iter().map(|(n, v)| (n.as_str(), Shown(v))).collect(),
            body: http.body.as_ref().map(Shown),
        },
        RequestKind::Prompt(prompt) => Kept::Prompt {
            system: &prompt.system,
            prompt: &prompt.text,
            attachments: prompt.attachments.iter().map(|f| Attached { path: &f.path, hash: &f.hash }).collect(),
            schema: &prompt.schema,
            temperature: prompt.temperature,
            max_tokens: prompt.max_tokens,
        },
        RequestKind::Person(person) => {
            Kept::Person { kind: person.kind, question: &person.question, options: &person.options }
        }
        RequestKind::Call(_)
        | RequestKind::Load(_)
        | RequestKind::Delay { .. }
        | RequestKind::Timer { .. }
        | RequestKind::Quota { .. } => Kept::Nothing,
    };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Bytes as text, or in hex when they are not.
fn bytes(content: &[u8]) -> Json {
    match std::str::from_utf8(content) {
        Ok(text) => Json::from(text),
        Err(_) => json!({ "hex": hex(content) }),
    }
}

fn bytes_from(json: Option<&Json>) -> Option<Arc<[u8]>> {
    match json? {
        Json::String(text) => Some(Arc::from(text.as_bytes())),
        Json::Object(map) => {
            let text = map.get("hex")?.as_str()?.as_bytes();
            let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
            text.chunks(2).map(|c| Some(digit(*c.first()?)? << 4 | digit(*c.get(1)?)?)).collect()
        }
        _ => None,
    }
}

/// An output as JSON.
pub(crate) fn output_json(output: &Output) -> Json {
    match output {
        Output::Process(p) => {
            json!({ "code": p.code, "signal": p.signal, "stdout": bytes(&p.stdout), "stderr": p.stderr })
        }
        Output::Response(r) => {
            json!({ "status": r.status, "body": bytes(&r.body), "retry_after_ms": r.retry_after_ms })
        }
        Output::Model(text) => json!({ "text": text }),
        Output::Person(answer) => json!({ "answer": answer }),
        Output::Value(_) | Output::Files(..) | Output::Fired => Json::Null,
        Output::WithPatch(output, patch) => {
            let mut json = output_json(output);
            if let Json::Object(fields) = &mut json {
                fields.insert("patch".to_owned(), serde_json::to_value(patch).unwrap_or_default());
            }
            json
        }
    }
}

/// The output that [`output_json`] wrote.
pub(crate) fn output_from(text: &str) -> Result<Output> {
    let wrong = || JournalError("the journal holds an answer that cannot be read".to_owned());
    let mut json: Json = serde_json::from_str(text).map_err(|_| wrong())?;
    if let Some(patch) = json.as_object_mut().and_then(|fields| fields.shift_remove("patch")) {
        let patch: WorkspacePatch = serde_json::from_value(patch).map_err(|_| wrong())?;
        return Ok(Output::WithPatch(Box::new(output_from(&json.to_string())?), Arc::new(patch)));
    }
    let number = |name: &str| json.get(name).and_then(Json::as_i64).and_then(|n| i32::try_from(n).ok());
    if json.get("stdout").is_some() {
        return Ok(Output::Process(Process {
            code: number("code"),
            signal: number("signal"),
            stdout: bytes_from(json.get("stdout")).ok_or_else(wrong)?,
            stderr: json.get("stderr").and_then(Json::as_str).unwrap_or_default().to_owned(),
        }));
    }
    if let Some(status) = json.get("status").and_then(Json::as_u64) {
        return Ok(Output::Response(Response {
            status: u16::try_from(status).map_err(|_| wrong())?,
            body: bytes_from(json.get("body")).ok_or_else(wrong)?,
            retry_after_ms: json.get("retry_after_ms").and_then(Json::as_u64),
        }));
    }
    if let Some(text) = json.get("text").and_then(Json::as_str) {
        return Ok(Output::Model(text.to_owned()));
    }
    json.get("answer").cloned().map(Output::Person).ok_or_else(wrong)
}
