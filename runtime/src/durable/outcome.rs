//! Reads what a person reports about an effect whose outcome is not known.

use std::sync::Arc;

use cascade_ir::ErrorKind;
use serde_json::Value as Json;

use crate::request::{Answer, Output, Process, RequestKind, Response};

/// The answer that a person gives for an effect; `None`: it shall be tried again.
pub(super) fn answer_from_report(kind: &RequestKind, json: &Json) -> Option<Answer> {
    let output = json.get("output").and_then(Json::as_str).unwrap_or_default();
    match json.get("action").and_then(Json::as_str) {
        Some("done") => Some(Answer::ok(match kind {
            RequestKind::Http(_) => Output::Response(Response {
                status: 200,
                body: Arc::from(output.as_bytes()),
                retry_after_ms: None,
                charset: None,
            }),
            RequestKind::Prompt(_) => Output::Model(output.to_owned()),
            RequestKind::Builtin(_) => Output::Builtin(json.get("output").cloned().unwrap_or_default()),
            _ => Output::Process(Process {
                code: Some(0),
                signal: None,
                stdout: Arc::from(output.as_bytes()),
                stderr: String::new(),
            }),
        })),
        Some("failed") => {
            Some(Answer::failed(ErrorKind::Failed, "it was interrupted, and a person said that it had failed"))
        }
        _ => None,
    }
}
