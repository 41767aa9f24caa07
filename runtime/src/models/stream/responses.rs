//! The stream of OpenAI Responses. Its last event has the whole response.

use serde_json::{Value as Json, json};

use super::{Fold, take_at};
use crate::{failure::Raise, models::failures::failure_of_error};

#[derive(Default)]
pub(super) struct Stream {
    response: Json,
    /// The items that were completed: not every server repeats them in the response.
    items: Vec<Json>,
    written: u64,
}

impl Fold for Stream {
    fn take(&mut self, mut event: Json) -> Result<bool, Raise> {
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.response = take_at(&mut event, "/response");
                if self.response["output"].as_array().is_none_or(Vec::is_empty)
                    && let Json::Object(response) = &mut self.response
                {
                    response.insert("output".to_owned(), Json::Array(std::mem::take(&mut self.items)));
                }
                return Ok(true);
            }
            "response.output_item.done" => self.items.push(take_at(&mut event, "/item")),
            // The error is in the event itself.
            "error" => {
                let error = if event["error"].is_object() { &event["error"] } else { &event };
                return Err(failure_of_error(error));
            }
            _ if kind.ends_with(".delta") => self.written += event["delta"].as_str().map_or(0, str::len) as u64,
            _ => {}
        }
        Ok(false)
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn body(&mut self) -> Json {
        match self.response.take() {
            Json::Null => json!({}),
            response => response,
        }
    }
}
