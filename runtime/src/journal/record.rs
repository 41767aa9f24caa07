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
    request::{Answer, EffectInfo, MemoryOp, Output, Process, Response, TimerId, Usage, What},
    value::{Arg, REDACTED},
    workspace::WorkspacePatch,
};

/// Something to be kept.
pub(crate) enum Record {
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
    /// Something worth keeping happened.
    Event(String, i64),
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
pub(crate) struct RunStart {
    pub(crate) run: String,
    /// SHA-256 of the compiled program, and the program.
    pub(crate) hash: String,
    pub(crate) program: Vec<u8>,
    /// The file that was compiled.
    pub(crate) file: String,
    pub(crate) cwd: String,
    pub(crate) cascade: String,
    pub(crate) inputs: Json,
    /// Memory that outlives runs, as it was.
    pub(crate) memory: Json,
    pub(crate) resumed: bool,
    /// The run whose answers it begins with.
    pub(crate) fork: Option<String>,
    pub(crate) at: i64,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunEnd {
    /// `done`, `failed`, `cancelled`, `paused`.
    pub(crate) status: &'static str,
    pub(crate) result: Option<Json>,
    pub(crate) error: Option<Json>,
    /// The stage whose failure ended it, by its path, and how often that stage was tried.
    pub(crate) failed_at: Option<(String, u32)>,
    /// When it can go on, in milliseconds since 1970.
    pub(crate) until: Option<i64>,
    /// How long the run has lived, in milliseconds.
    pub(crate) clock: i64,
    pub(crate) at: i64,
}

/// The beginning of an effect.
pub(crate) struct EffectStart {
    /// Names it in this process.
    pub(crate) token: u64,
    pub(crate) info: Arc<EffectInfo>,
    pub(crate) kind: &'static str,
    pub(crate) model: Option<String>,
    pub(crate) request: String,
    pub(crate) at: i64,
}

/// The end of an effect.
pub(crate) struct EffectEnd {
    pub(crate) token: u64,
    /// `done`, `failed`, `withdrawn`, `interrupted`.
    pub(crate) status: &'static str,
    /// The answer as JSON text.
    pub(crate) answer: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) usage: Usage,
    /// Its place in the order of the run's answers.
    pub(crate) seq: i64,
    /// Whether it must reach the disk before anybody sees it.
    pub(crate) full: bool,
    pub(crate) at: i64,
    pub(crate) clock: i64,
}

/// A timer of a stage.
#[derive(Debug, Clone)]
pub(crate) struct TimerMark {
    pub(crate) timer: TimerId,
    /// When it fired, in the order of answers; `None`: it began.
    pub(crate) seq: Option<i64>,
    /// Age of the run, or the time of the clock on the wall, in milliseconds.
    pub(crate) clock: i64,
}

/// A question to a person.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) question: String,
    pub(crate) options: Vec<String>,
    pub(crate) at: i64,
}

/// An answer that other runs may take.
#[derive(Debug, Clone)]
pub(crate) struct CachedAnswer {
    pub(crate) key: String,
    pub(crate) parts: Vec<u8>,
    pub(crate) skill: String,
    pub(crate) run: String,
    pub(crate) answer: Option<String>,
    pub(crate) artifact: Option<String>,
    pub(crate) at: i64,
}

impl EffectStart {
    pub(crate) fn of(token: u64, info: &Arc<EffectInfo>, what: &What, program: &Program) -> Self {
        let model = match what {
            What::Prompt(prompt) => program.models.get(prompt.model.index()).map(|m| m.name.to_string()),
            _ => None,
        };
        Self { token, info: Arc::clone(info), kind: what.kind(), model, request: request(what), at: now() }
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
pub(crate) fn request(what: &What) -> String {
    let kept = match what {
        What::Run(run) => Kept::Run {
            argv: run.argv.iter().map(Shown).collect(),
            cwd: &run.workspace.directory,
            env: run.env.iter().map(|(n, v)| (n.as_str(), v.as_ref().map(Shown))).collect(),
            stdin: run.stdin.as_ref().map(Shown),
        },
        What::Http(http) => Kept::Http {
            method: &http.method,
            url: Shown(&http.url),
            headers: http.headers.iter().map(|(n, v)| (n.as_str(), Shown(v))).collect(),
            body: http.body.as_ref().map(Shown),
        },
        What::Prompt(prompt) => Kept::Prompt {
            system: &prompt.system,
            prompt: &prompt.text,
            attachments: prompt.attachments.iter().map(|f| Attached { path: &f.path, hash: &f.hash }).collect(),
            schema: &prompt.schema,
            temperature: prompt.temperature,
            max_tokens: prompt.max_tokens,
        },
        What::Person(person) => {
            Kept::Person { kind: person.kind, question: &person.question, options: &person.options }
        }
        What::Call(_) | What::Load(_) | What::Delay { .. } | What::Timer { .. } | What::Quota { .. } => Kept::Nothing,
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
