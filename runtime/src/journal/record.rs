//! What is kept of runs and effects. Secrets are not.

use std::time::{SystemTime, UNIX_EPOCH};

use cascade_ir::Program;
use serde_json::{Value as Json, json};

use crate::{
    failure::Failure,
    machine::hex,
    request::{Answer, EffectInfo, Output, Usage, What},
    value::{Arg, REDACTED},
};

/// The beginning of a run.
#[derive(Debug, Clone)]
pub struct RunStart {
    /// Its id.
    pub run: String,
    /// SHA-256 of the compiled program.
    pub program: String,
    /// The file that was compiled.
    pub name: String,
    /// The cascade.
    pub cascade: String,
    /// Its inputs.
    pub inputs: Json,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// `done`, `failed`, `cancelled`.
    pub status: &'static str,
    /// Its result.
    pub result: Option<Json>,
    /// Its failure.
    pub error: Option<Json>,
    /// Tokens of all its effects.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost: i64,
}

/// The beginning of an effect.
pub(crate) struct EffectStart {
    pub(crate) info: EffectInfo,
    pub(crate) kind: &'static str,
    pub(crate) model: Option<String>,
    pub(crate) request: String,
    pub(crate) at: i64,
}

/// The end of an effect.
pub(crate) struct EffectEnd {
    pub(crate) path: String,
    pub(crate) attempt: u32,
    pub(crate) status: &'static str,
    /// The answer as JSON text.
    pub(crate) answer: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) usage: Usage,
    /// Whether losing it would cost money or repeat something outside.
    pub(crate) precious: bool,
    pub(crate) at: i64,
}

impl EffectStart {
    pub(crate) fn of(info: &EffectInfo, what: &What, program: &Program) -> Self {
        let model = match what {
            What::Prompt(prompt) => program.models.get(prompt.model.index()).map(|m| m.name.to_string()),
            _ => None,
        };
        Self { info: info.clone(), kind: what.kind(), model, request: request(what).to_string(), at: now() }
    }
}

impl EffectEnd {
    pub(crate) fn of(_program: &Program, info: &EffectInfo, answer: &Answer) -> Self {
        let (status, text, error) = match &answer.result {
            Ok(output) => ("done", Some(output_json(output).to_string()), None),
            Err(failure) => ("failed", None, Some(failure_json(failure).to_string())),
        };
        // Programs are run again at no price; answers of services are paid for.
        let precious = info.once || !matches!(answer.result, Ok(Output::Process(_)));
        Self {
            path: info.path.clone(),
            attempt: info.attempt,
            status,
            answer: text,
            error,
            usage: answer.usage,
            precious,
            at: now(),
        }
    }

    /// An effect that was given up.
    pub(crate) fn cancelled(info: &EffectInfo) -> Self {
        Self {
            path: info.path.clone(),
            attempt: info.attempt,
            status: "cancelled",
            answer: None,
            error: None,
            usage: Usage::default(),
            precious: false,
            at: now(),
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A failure as JSON.
pub(crate) fn failure_json(failure: &Failure) -> Json {
    serde_json::to_value(failure).unwrap_or(Json::Null)
}

fn shown(arg: &Arg) -> Json {
    Json::String(if arg.secret { REDACTED.to_owned() } else { arg.text.to_string() })
}

fn request(what: &What) -> Json {
    match what {
        What::Run(run) => {
            let env: serde_json::Map<String, Json> =
                run.env.iter().map(|(n, v)| (n.to_string(), v.as_ref().map_or(Json::Null, shown))).collect();
            json!({
                "argv": run.argv.iter().map(shown).collect::<Vec<_>>(),
                "cwd": run.cwd,
                "env": env,
                "stdin": run.stdin.as_ref().map(shown),
            })
        }
        What::Http(http) => {
            let headers: Vec<Json> = http.headers.iter().map(|(n, v)| json!([n.as_str(), shown(v)])).collect();
            json!({
                "method": http.method.as_str(),
                "url": shown(&http.url),
                "headers": headers,
                "body": http.body.as_ref().map(shown),
            })
        }
        What::Prompt(prompt) => {
            let files: Vec<Json> =
                prompt.attachments.iter().map(|f| json!({ "path": f.path, "hash": f.hash })).collect();
            json!({
                "system": prompt.system,
                "prompt": prompt.text,
                "attachments": files,
                "schema": prompt.schema,
                "temperature": prompt.temperature,
                "max_tokens": prompt.max_tokens,
            })
        }
        What::Person(person) => {
            json!({ "kind": person.kind, "question": person.question, "options": person.options })
        }
        What::Load(_) | What::Delay { .. } | What::Timer { .. } => Json::Null,
    }
}

/// Bytes as text, or in hex when they are not.
fn bytes(content: &[u8]) -> Json {
    match std::str::from_utf8(content) {
        Ok(text) => Json::from(text),
        Err(_) => json!({ "hex": hex(content) }),
    }
}

fn output_json(output: &Output) -> Json {
    match output {
        Output::Process(p) => {
            json!({ "code": p.code, "signal": p.signal, "stdout": bytes(&p.stdout), "stderr": p.stderr })
        }
        Output::Response(r) => json!({ "status": r.status, "body": bytes(&r.body) }),
        Output::Model(text) => json!({ "text": text }),
        Output::Person(answer) => json!({ "answer": answer }),
        Output::Files(..) | Output::Fired => Json::Null,
    }
}
