//! The stream of Gemini (`streamGenerateContent`): each event has the form of a response with the next parts.

use serde_json::{Value as Json, json};

use super::{Fold, merge_json, reports_error, take_at};
use crate::{failure::Raise, models::failures::failure_of_error};

#[derive(Default)]
pub(super) struct Stream {
    text: String,
    /// Parts that are no text: images, calls of tools.
    parts: Vec<Json>,
    finish_reason: Json,
    feedback: Json,
    usage: Json,
    written: u64,
}

impl Fold for Stream {
    fn take(&mut self, mut event: Json) -> Result<bool, Raise> {
        if reports_error(&event["error"]) {
            return Err(failure_of_error(&event["error"]));
        }
        merge_json(&mut self.usage, take_at(&mut event, "/usageMetadata"));
        if event["promptFeedback"].is_object() {
            self.feedback = take_at(&mut event, "/promptFeedback");
        }
        if let reason @ Json::String(_) = take_at(&mut event, "/candidates/0/finishReason") {
            self.finish_reason = reason;
        }
        let Json::Array(parts) = take_at(&mut event, "/candidates/0/content/parts") else { return Ok(false) };
        for part in parts {
            let text = part["text"].as_str().unwrap_or_default();
            self.written += text.len() as u64;
            if part["thought"] == true {
                continue;
            }
            self.text.push_str(text);
            if part["inlineData"].is_object() || part["functionCall"].is_object() {
                self.parts.push(part);
            }
        }
        Ok(false)
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn is_complete(&self) -> bool {
        self.finish_reason.is_string() || self.feedback["blockReason"].is_string()
    }

    fn body(&mut self) -> Json {
        let mut parts = std::mem::take(&mut self.parts);
        if !self.text.is_empty() {
            parts.insert(0, json!({ "text": std::mem::take(&mut self.text) }));
        }
        json!({
            "candidates": [{ "content": { "parts": parts }, "finishReason": self.finish_reason.take() }],
            "promptFeedback": self.feedback.take(),
            "usageMetadata": self.usage.take(),
        })
    }
}
