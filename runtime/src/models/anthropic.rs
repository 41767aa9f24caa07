//! Anthropic Messages. A structured answer is requested as the input of one forced tool, which every
//! model of the family supports.

use cascade_ir::Model;
use serde_json::{Value as Json, json};

use super::{
    Content, Expected, ModelAnswer, cached_tokens, empty_answer, encode_base64, is_image, new_usage, refusal_failure,
    set_optional, temperature_of, text_with_documents, token_count, tools, truncated_answer,
};
use crate::request::{PromptRequest, Usage};

/// The default limit of output tokens; the API requires one.
const DEFAULT_MAX_TOKENS: u64 = 8_192;
const TOOL: &str = "answer";

pub(super) fn request_body(model: &Model, prompt: &PromptRequest) -> Json {
    let mut content: Vec<Json> = Vec::new();
    for file in &prompt.attachments {
        if is_image(file) {
            content.push(json!({
                "type": "image",
                "source": { "type": "base64", "media_type": file.media, "data": encode_base64(file) },
            }));
        } else if file.media == "application/pdf" {
            content.push(json!({
                "type": "document",
                "source": { "type": "base64", "media_type": file.media, "data": encode_base64(file) },
            }));
        }
    }
    content.push(json!({ "type": "text", "text": text_with_documents(prompt) }));
    let max_tokens = prompt.max_tokens.or(model.max_output).unwrap_or(DEFAULT_MAX_TOKENS);
    let mut messages = vec![json!({ "role": "user", "content": content })];
    tools::anthropic_turns(prompt, &mut messages);
    let mut body = json!({
        "model": model.id,
        "max_tokens": max_tokens,
        "stream": true,
        "messages": messages,
    });
    set_optional(&mut body, "system", prompt.system.as_ref().map(|s| json!(s)));
    set_optional(&mut body, "temperature", temperature_of(prompt));
    if let Some(schema) = &prompt.schema {
        body["tools"] = json!([{
            "name": TOOL,
            "description": format!("Gives the answer as {}.", prompt.schema_name),
            "input_schema": schema,
        }]);
        body["tool_choice"] = json!({ "type": "tool", "name": TOOL });
    }
    if !prompt.tools.is_empty() {
        // The answer is one of the tools, where it has a form: one of them must be used.
        let answer = body["tools"].as_array().cloned().unwrap_or_default();
        let choice = if answer.is_empty() { "auto" } else { "any" };
        body["tools"] = answer.into_iter().chain(tools::anthropic_tools(&prompt.tools)).collect();
        body["tool_choice"] = json!({ "type": choice });
    }
    body
}

pub(super) fn parse_answer(json: &Json, expected: Expected) -> ModelAnswer {
    let spent = &json["usage"];
    // What the cache read or wrote is not within `input_tokens`.
    let cache_read = cached_tokens(spent, "cache_read_input_tokens");
    let cache_write = cached_tokens(spent, "cache_creation_input_tokens");
    let tokens_in =
        token_count(spent, "input_tokens").saturating_add(cache_read.into()).saturating_add(cache_write.into());
    let usage = Usage { cache_read, cache_write, ..new_usage(tokens_in, token_count(spent, "output_tokens")) };
    match json["stop_reason"].as_str() {
        Some("max_tokens" | "model_context_window_exceeded") => return Err(truncated_answer(usage)),
        Some("refusal") => return Err(refusal_failure("the provider refused the request", usage)),
        _ => {}
    }
    let blocks = json["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(calls) = tools::anthropic_calls(blocks, TOOL) {
        return Ok((calls, usage));
    }
    if expected == Expected::Structured
        && let Some(block) = blocks.iter().find(|b| b["type"] == "tool_use")
    {
        let input = match &block["input"] {
            // Of a stream: the text as it arrived.
            Json::String(text) if text.is_empty() => "{}".to_owned(),
            Json::String(text) => text.clone(),
            input => input.to_string(),
        };
        return Ok((Content::Text(input), usage));
    }
    let text: String = blocks.iter().filter_map(|b| b["text"].as_str()).collect();
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((Content::Text(text), usage)) }
}
