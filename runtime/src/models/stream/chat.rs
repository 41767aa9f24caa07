//! The stream of OpenAI Chat Completions, as many servers speak it.

use serde_json::{Value as Json, json};

use super::{Fold, merge_json, reports_error, take_at, take_text};
use crate::{failure::Raise, models::failures::failure_of_error};

#[derive(Default)]
pub(super) struct Stream {
    content: String,
    refusal: String,
    /// The calls of tools so far, by their index.
    calls: Vec<Json>,
    finish_reason: Json,
    usage: Json,
    written: u64,
}

impl Stream {
    /// Takes the next part of the message.
    fn take_delta(&mut self, mut delta: Json) {
        let reasoning = [&delta["reasoning_content"], &delta["reasoning"]].into_iter().find_map(Json::as_str);
        self.written += reasoning.map_or(0, str::len) as u64;
        self.refusal.push_str(&take_text(&mut delta, "/refusal"));
        match &delta["content"] {
            Json::String(text) => self.push(text),
            // Parts: those of another type, such as reasoning, are no answer.
            Json::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).for_each(|t| self.push(t)),
            _ => {}
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.take_call(call);
        }
    }

    /// Takes the next part of a call: its name comes first, its arguments piece by piece.
    fn take_call(&mut self, part: &Json) {
        let last = self.calls.len().saturating_sub(1);
        let index = part["index"].as_u64().and_then(|n| usize::try_from(n).ok());
        // A server that numbers nothing begins a call with its id.
        let index = index.unwrap_or(if part["id"].is_string() { self.calls.len() } else { last });
        if index > self.calls.len() {
            return;
        }
        if index == self.calls.len() {
            self.calls.push(json!({ "function": { "name": "", "arguments": "" } }));
        }
        let Some(call) = self.calls.get_mut(index) else { return };
        if part["id"].is_string() {
            call["id"] = part["id"].clone();
        }
        for field in ["name", "arguments"] {
            let more = match &part["function"][field] {
                Json::Object(arguments) => Json::Object(arguments.clone()).to_string(),
                text => text.as_str().unwrap_or_default().to_owned(),
            };
            self.written += more.len() as u64;
            if let Json::String(text) = &mut call["function"][field] {
                text.push_str(&more);
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.written += text.len() as u64;
        self.content.push_str(text);
    }
}

impl Fold for Stream {
    fn take(&mut self, mut event: Json) -> Result<bool, Raise> {
        if reports_error(&event["error"]) {
            return Err(failure_of_error(&event["error"]));
        }
        merge_json(&mut self.usage, take_at(&mut event, "/usage"));
        // A server that does not stream may send the whole message as one event.
        for pointer in ["/choices/0/delta", "/choices/0/message"] {
            self.take_delta(take_at(&mut event, pointer));
        }
        if let reason @ Json::String(_) = take_at(&mut event, "/choices/0/finish_reason") {
            self.finish_reason = reason;
        }
        // The usage follows; `[DONE]` is the end.
        Ok(false)
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn is_complete(&self) -> bool {
        self.finish_reason.is_string()
    }

    fn body(&mut self) -> Json {
        let refusal = std::mem::take(&mut self.refusal);
        let refusal = if refusal.is_empty() { Json::Null } else { Json::String(refusal) };
        let mut message = json!({ "content": std::mem::take(&mut self.content), "refusal": refusal });
        if !self.calls.is_empty() {
            message["tool_calls"] = std::mem::take(&mut self.calls).into();
        }
        json!({
            "choices": [{ "message": message, "finish_reason": self.finish_reason.take() }],
            "usage": self.usage.take(),
        })
    }
}
