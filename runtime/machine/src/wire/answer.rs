//! The wire form of answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{VERSION, WireBytes, WireError, check_version};
use crate::{
    request::{AgentAnswer, Output, Process, Response, ToolCalls},
    workspace::{ClosedSandbox, WorkspacePatch},
};

/// The wire form of an effect's [`Output`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireAnswer {
    /// [`VERSION`] of the writer; 0: written before there were versions.
    #[serde(default)]
    v: u32,
    /// The result of the effect.
    #[serde(flatten)]
    output: WireOutput,
    /// The changes of the effect to its workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<Arc<WorkspacePatch>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WireOutput {
    Process {
        #[serde(default)]
        code: Option<i32>,
        #[serde(default)]
        signal: Option<i32>,
        stdout: WireBytes,
        #[serde(default)]
        stderr: String,
    },
    Response {
        status: u16,
        body: WireBytes,
        #[serde(default)]
        retry_after_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charset: Option<String>,
    },
    Model {
        text: String,
    },
    Calls {
        #[serde(flatten)]
        calls: ToolCalls,
    },
    Agent {
        #[serde(flatten)]
        answer: AgentAnswer,
    },
    Tool {
        value: Json,
    },
    Builtin {
        value: Json,
    },
    Person {
        answer: Json,
    },
    Opened {
        directory: String,
    },
    Closed {
        // Not flattened: it has a patch of its own.
        sandbox: ClosedSandbox,
    },
}

impl WireAnswer {
    /// The wire form of an output; `None` if it is not an effect's.
    pub fn from_output(output: &Output) -> Option<Self> {
        let output = match output {
            Output::Process(p) => WireOutput::Process {
                code: p.code,
                signal: p.signal,
                stdout: WireBytes::from_bytes(&p.stdout),
                stderr: p.stderr.clone(),
            },
            Output::Response(r) => WireOutput::Response {
                status: r.status,
                body: WireBytes::from_bytes(&r.body),
                retry_after_ms: r.retry_after_ms,
                charset: r.charset.clone(),
            },
            Output::Model(text) => WireOutput::Model { text: text.clone() },
            Output::Calls(calls) => WireOutput::Calls { calls: calls.clone() },
            Output::Agent(answer) => WireOutput::Agent { answer: (**answer).clone() },
            Output::Tool(value) => WireOutput::Tool { value: value.clone() },
            Output::Builtin(value) => WireOutput::Builtin { value: value.clone() },
            Output::Person(answer) => WireOutput::Person { answer: answer.clone() },
            Output::Opened(directory) => WireOutput::Opened { directory: directory.clone() },
            Output::Closed(sandbox) => WireOutput::Closed { sandbox: sandbox.clone() },
            Output::WithPatch(output, patch) => {
                return Some(Self { patch: Some(Arc::clone(patch)), ..Self::from_output(output)? });
            }
            Output::Value(_) | Output::Files(..) | Output::Fired => return None,
        };
        Some(Self { v: VERSION, output, patch: None })
    }

    /// The output.
    ///
    /// # Errors
    /// If it contains invalid bytes, or a newer version wrote it.
    pub fn into_output(self) -> Result<Output, WireError> {
        check_version(self.v)?;
        let output = match self.output {
            WireOutput::Process { code, signal, stdout, stderr } => {
                Output::Process(Process { code, signal, stdout: stdout.to_bytes()?, stderr })
            }
            WireOutput::Response { status, body, retry_after_ms, charset } => {
                Output::Response(Response { status, body: body.to_bytes()?, retry_after_ms, charset })
            }
            WireOutput::Model { text } => Output::Model(text),
            WireOutput::Calls { calls } => Output::Calls(calls),
            WireOutput::Agent { answer } => Output::Agent(Box::new(answer)),
            WireOutput::Tool { value } => Output::Tool(value),
            WireOutput::Builtin { value } => Output::Builtin(value),
            WireOutput::Person { answer } => Output::Person(answer),
            WireOutput::Opened { directory } => Output::Opened(directory),
            WireOutput::Closed { sandbox } => Output::Closed(sandbox),
        };
        Ok(match self.patch {
            Some(patch) => Output::WithPatch(Box::new(output), patch),
            None => output,
        })
    }
}

/// The wire form of an output as JSON; null if it is not an effect's.
pub fn write_answer(output: &Output) -> Json {
    serde_json::to_value(WireAnswer::from_output(output)).unwrap_or_default()
}

/// The wire form of an output as JSON text, as [`write_answer`] gives it.
pub fn write_answer_text(output: &Output) -> String {
    serde_json::to_string(&WireAnswer::from_output(output)).unwrap_or_default()
}

/// Parses what [`write_answer`] wrote, in this version or before the wire form existed.
///
/// # Errors
/// If it is not a wire form of an output, or a newer version wrote it.
pub fn read_answer(mut json: Json) -> Result<Output, WireError> {
    if let Some(fields) = json.as_object_mut()
        && !fields.contains_key("kind")
        && let Some(kind) = kind_of_untagged(fields)
    {
        fields.insert("kind".to_owned(), kind.into());
    }
    let answer: WireAnswer = serde_json::from_value(json).map_err(|e| WireError(e.to_string()))?;
    answer.into_output()
}

/// The kind of an output from before the wire form existed: each kind had a field of its own.
fn kind_of_untagged(fields: &serde_json::Map<String, Json>) -> Option<&'static str> {
    let kinds = [("stdout", "process"), ("status", "response"), ("text", "model"), ("answer", "person")];
    kinds.into_iter().find(|(field, _)| fields.contains_key(*field)).map(|(_, kind)| kind)
}
