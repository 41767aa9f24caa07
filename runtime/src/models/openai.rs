//! OpenAI: Responses for its own service, Chat Completions for compatible servers.

use cascade_ir::Model;
use serde_json::{Value as Json, json};

use super::{
    Content, Expected, ModelAnswer, cached_tokens, empty_answer, encode_base64, is_image, is_text, new_usage,
    picture_answer, refusal_failure, set_optional, temperature_of, text_with_documents, token_count, tools,
    truncated_answer,
};
use crate::{
    request::{Attachment, PromptRequest, Usage},
    schema::is_closed,
};

fn data_url(file: &Attachment) -> String {
    format!("data:{};base64,{}", file.media, encode_base64(file))
}

/// The schema without the keywords that strict mode refuses; the answer is validated against the
/// full schema afterwards. Maps and free JSON are refused there too: then the mode is not strict, and the model
/// is shown the schema all the same.
pub(crate) fn strict_schema(schema: &Json) -> Json {
    match schema {
        Json::Object(fields) => {
            let kept = |name: &str, value: &Json| {
                !(matches!(name, "minLength" | "maxLength" | "uniqueItems")
                    && (value.is_number() || value.is_boolean()))
            };
            let fields = fields.iter().filter(|(n, v)| kept(n, v));
            Json::Object(fields.map(|(n, v)| (n.clone(), strict_schema(v))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(strict_schema).collect()),
        other => other.clone(),
    }
}

pub(super) fn responses_body(model: &Model, prompt: &PromptRequest) -> Json {
    let mut content: Vec<Json> = Vec::new();
    for file in &prompt.attachments {
        if is_image(file) {
            content.push(json!({ "type": "input_image", "image_url": data_url(file) }));
        } else if file.media == "application/pdf" {
            content.push(json!({ "type": "input_file", "filename": file.path, "file_data": data_url(file) }));
        }
    }
    content.push(json!({ "type": "input_text", "text": text_with_documents(prompt) }));
    let mut input = vec![json!({ "role": "user", "content": content })];
    tools::responses_turns(prompt, &mut input);
    let mut body = json!({
        "model": model.id,
        "input": input,
        "store": false,
        "stream": true,
    });
    set_optional(&mut body, "instructions", prompt.system.as_ref().map(|s| json!(s)));
    set_optional(&mut body, "temperature", temperature_of(prompt));
    set_optional(&mut body, "max_output_tokens", prompt.max_tokens.or(model.max_output).map(|n| json!(n)));
    if let Some(schema) = &prompt.schema {
        body["text"] = json!({
            "format": {
                "type": "json_schema",
                "name": prompt.schema_name,
                "schema": strict_schema(schema),
                "strict": is_closed(schema),
            },
        });
    }
    if !prompt.tools.is_empty() {
        body["tools"] = tools::responses_tools(&prompt.tools);
    }
    if prompt.file.is_some() {
        body["tools"] = json!([{ "type": "image_generation" }]);
        body["tool_choice"] = json!({ "type": "image_generation" });
    }
    body
}

pub(super) fn read_responses(json: &Json, expected: Expected) -> ModelAnswer {
    let spent = &json["usage"];
    let cache_read = cached_tokens(&spent["input_tokens_details"], "cached_tokens");
    let usage =
        Usage { cache_read, ..new_usage(token_count(spent, "input_tokens"), token_count(spent, "output_tokens")) };
    match (json["status"].as_str(), json["incomplete_details"]["reason"].as_str()) {
        (Some("incomplete"), Some("content_filter")) => {
            return Err(refusal_failure("content filter", usage));
        }
        (Some("incomplete"), _) => return Err(truncated_answer(usage)),
        (Some("failed"), _) => return Err((super::failures::failure_of_error(&json["error"]), usage)),
        _ => {}
    }
    let mut text = String::new();
    // What the model thought (`reasoning`) and the calls that it made are no part of its answer.
    let items = || json["output"].as_array().into_iter().flatten();
    let messages = items().filter(|item| matches!(item["type"].as_str(), Some("message") | None));
    for part in messages.filter_map(|item| item["content"].as_array()).flatten() {
        if let Some(reason) = part["refusal"].as_str() {
            return Err(refusal_failure(reason, usage));
        }
        text.push_str(part["text"].as_str().unwrap_or_default());
    }
    if expected == Expected::Image {
        let drawn = items().filter(|item| item["type"] == "image_generation_call").map(|item| &item["result"]);
        return picture_answer(drawn, &text, usage);
    }
    if let Some(calls) = tools::responses_calls(json, &text) {
        return Ok((calls, usage));
    }
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((Content::Text(text), usage)) }
}

/// A file as a part of a message.
fn chat_part(file: &Attachment) -> Json {
    match file.media.as_str() {
        "audio/wav" => {
            json!({ "type": "input_audio", "input_audio": { "data": encode_base64(file), "format": "wav" } })
        }
        "audio/mpeg" => {
            json!({ "type": "input_audio", "input_audio": { "data": encode_base64(file), "format": "mp3" } })
        }
        media if media.starts_with("image/") => json!({ "type": "image_url", "image_url": { "url": data_url(file) } }),
        _ => json!({ "type": "file", "file": { "filename": file.path, "file_data": data_url(file) } }),
    }
}

pub(super) fn chat_body(model: &Model, prompt: &PromptRequest) -> Json {
    let mut messages: Vec<Json> = Vec::new();
    if let Some(system) = &prompt.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    let text = text_with_documents(prompt);
    let files: Vec<Json> = prompt.attachments.iter().filter(|file| !is_text(file)).map(chat_part).collect();
    // Plain text where possible: not every compatible server accepts content parts.
    let content = if files.is_empty() {
        json!(text)
    } else {
        let mut parts = files;
        parts.push(json!({ "type": "text", "text": text }));
        Json::Array(parts)
    };
    messages.push(json!({ "role": "user", "content": content }));
    tools::chat_turns(prompt, &mut messages);
    let mut body = json!({
        "model": model.id,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    set_optional(&mut body, "temperature", temperature_of(prompt));
    set_optional(&mut body, "max_tokens", prompt.max_tokens.or(model.max_output).map(|n| json!(n)));
    if let Some(schema) = &prompt.schema {
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": { "name": prompt.schema_name, "schema": strict_schema(schema), "strict": is_closed(schema) },
        });
    }
    if !prompt.tools.is_empty() {
        body["tools"] = tools::chat_tools(&prompt.tools);
    }
    body
}

pub(super) fn read_chat(json: &Json) -> ModelAnswer {
    let spent = &json["usage"];
    let cache_read = cached_tokens(&spent["prompt_tokens_details"], "cached_tokens");
    let usage =
        Usage { cache_read, ..new_usage(token_count(spent, "prompt_tokens"), token_count(spent, "completion_tokens")) };
    let choice = &json["choices"][0];
    if let Some(reason) = choice["message"]["refusal"].as_str() {
        return Err(refusal_failure(reason, usage));
    }
    match choice["finish_reason"].as_str() {
        Some("length") => return Err(truncated_answer(usage)),
        Some("content_filter") => return Err(refusal_failure("content filter", usage)),
        // A gateway whose own provider failed on the way.
        Some("error") => return Err((super::failures::failure_of_error(&choice["error"]), usage)),
        _ => {}
    }
    let content = &choice["message"]["content"];
    let text = match content {
        Json::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    if let Some(calls) = tools::chat_calls(&choice["message"], &text) {
        return Ok((calls, usage));
    }
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((Content::Text(text), usage)) }
}
