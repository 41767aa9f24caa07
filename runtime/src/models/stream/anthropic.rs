//! The stream of Anthropic Messages.

use serde_json::{Value as Json, json};

use super::{Fold, merge_json, take_at, take_text};
use crate::{failure::Raise, models::failures::failure_of_error};

/// A content block: what of it belongs to the answer.
struct Block {
    kind: String,
    /// The text, or the input of a tool as JSON text. Reasoning is not kept.
    text: String,
    /// Of a call: its id and the tool.
    call: Option<(String, String)>,
}

#[derive(Default)]
pub(super) struct Stream {
    blocks: Vec<Block>,
    usage: Json,
    stop_reason: Json,
    written: u64,
}

impl Fold for Stream {
    fn take(&mut self, mut event: Json) -> Result<bool, Raise> {
        match event["type"].as_str() {
            Some("message_start") => merge_json(&mut self.usage, take_at(&mut event, "/message/usage")),
            Some("content_block_start") => {
                let kind = take_text(&mut event, "/content_block/type");
                let text = take_text(&mut event, "/content_block/text");
                let call = (kind == "tool_use").then(|| {
                    (take_text(&mut event, "/content_block/id"), take_text(&mut event, "/content_block/name"))
                });
                self.blocks.push(Block { kind, text, call });
            }
            Some("content_block_delta") => {
                let index = event["index"].as_u64().and_then(|n| usize::try_from(n).ok());
                let (pointer, is_answer) = match event["delta"]["type"].as_str() {
                    Some("text_delta") => ("/delta/text", true),
                    Some("input_json_delta") => ("/delta/partial_json", true),
                    Some("thinking_delta") => ("/delta/thinking", false),
                    _ => return Ok(false),
                };
                let text = take_text(&mut event, pointer);
                self.written += text.len() as u64;
                if is_answer && let Some(block) = index.and_then(|index| self.blocks.get_mut(index)) {
                    block.text.push_str(&text);
                }
            }
            Some("message_delta") => {
                merge_json(&mut self.usage, take_at(&mut event, "/usage"));
                self.stop_reason = take_at(&mut event, "/delta/stop_reason");
            }
            Some("message_stop") => return Ok(true),
            Some("error") => return Err(failure_of_error(&event["error"])),
            _ => {}
        }
        Ok(false)
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn body(&mut self) -> Json {
        let content: Vec<Json> = self
            .blocks
            .drain(..)
            .map(|block| match block.kind.as_str() {
                // The reader of answers corrects it where it is no JSON.
                "tool_use" => {
                    let (id, name) = block.call.unwrap_or_default();
                    json!({ "type": "tool_use", "id": id, "name": name, "input": block.text })
                }
                "text" => json!({ "type": "text", "text": block.text }),
                kind => json!({ "type": kind }),
            })
            .collect();
        json!({ "content": content, "stop_reason": self.stop_reason.take(), "usage": self.usage.take() })
    }
}
