//! OpenAI: Responses for its own service, Chat Completions for compatible servers.

use cascade_ir::Model;
use serde_json::{Value as Json, json};

use super::{
    ModelAnswer, base64, cached_tokens, empty_answer, is_image, refusal, set_optional, temperature,
    text_with_documents, token_count, truncated_answer, usage,
};
use crate::{
    request::{Attachment, PromptRequest, Usage},
    schema::is_closed,
};

fn data_url(file: &Attachment) -> String {
    format!("data:{};base64,{}", file.media, base64(file))
}

/// The schema without the keywords that strict mode refuses; the answer is validated against the
/// full schema afterwards. Maps and free JSON are refused there too: then the mode is not strict, and the model
/// is shown the schema all the same.
pub(crate) fn strict(schema: &Json) -> Json {
    match schema {
        Json::Object(fields) => {
            let kept = |name: &str, value: &Json| {
                !(matches!(name, "minLength" | "maxLength" | "uniqueItems")
                    && (value.is_number() || value.is_boolean()))
            };
            let fields = fields.iter().filter(|(n, v)| kept(n, v));
            Json::Object(fields.map(|(n, v)| (n.clone(), strict(v))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(strict).collect()),
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
    let mut body = json!({
        "model": model.id,
        "input": [{ "role": "user", "content": content }],
        "store": false,
    });
    set_optional(&mut body, "instructions", prompt.system.as_ref().map(|s| json!(s)));
    set_optional(&mut body, "temperature", temperature(prompt));
    set_optional(&mut body, "max_output_tokens", prompt.max_tokens.or(model.max_output).map(|n| json!(n)));
    if let Some(schema) = &prompt.schema {
        body["text"] = json!({
            "format": {
                "type": "json_schema",
                "name": prompt.schema_name,
                "schema": strict(schema),
                "strict": is_closed(schema),
            },
        });
    }
    body
}

pub(super) fn read_responses(json: &Json) -> ModelAnswer {
    let spent = &json["usage"];
    let cache_read = cached_tokens(&spent["input_tokens_details"], "cached_tokens");
    let usage = Usage { cache_read, ..usage(token_count(spent, "input_tokens"), token_count(spent, "output_tokens")) };
    match (json["status"].as_str(), json["incomplete_details"]["reason"].as_str()) {
        (Some("incomplete"), Some("content_filter")) => {
            return Err(refusal("content filter", usage));
        }
        (Some("incomplete"), _) => return Err(truncated_answer(usage)),
        (Some("failed"), _) => {
            let message = json["error"]["message"].as_str().unwrap_or("the request failed");
            return Err((super::failures::failure_of_code(json["error"]["code"].as_str(), message), usage));
        }
        _ => {}
    }
    let mut text = String::new();
    // What the model thought (`reasoning`) and the calls that it made are no part of its answer.
    let items = json["output"].as_array().into_iter().flatten();
    let messages = items.filter(|item| matches!(item["type"].as_str(), Some("message") | None));
    for part in messages.filter_map(|item| item["content"].as_array()).flatten() {
        if let Some(reason) = part["refusal"].as_str() {
            return Err(refusal(reason, usage));
        }
        text.push_str(part["text"].as_str().unwrap_or_default());
    }
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((text, usage)) }
}

pub(super) fn chat_body(model: &Model, prompt: &PromptRequest) -> Json {
    let mut messages: Vec<Json> = Vec::new();
    if let Some(system) = &prompt.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    let text = text_with_documents(prompt);
    let images: Vec<Json> = prompt
        .attachments
        .iter()
        .filter(|f| is_image(f))
        .map(|f| json!({ "type": "image_url", "image_url": { "url": data_url(f) } }))
        .collect();
    // Plain text where possible: not every compatible server accepts content parts.
    let content = if images.is_empty() {
        json!(text)
    } else {
        let mut parts = images;
        parts.push(json!({ "type": "text", "text": text }));
        Json::Array(parts)
    };
    messages.push(json!({ "role": "user", "content": content }));
    let mut body = json!({ "model": model.id, "messages": messages });
    set_optional(&mut body, "temperature", temperature(prompt));
    set_optional(&mut body, "max_tokens", prompt.max_tokens.or(model.max_output).map(|n| json!(n)));
    if let Some(schema) = &prompt.schema {
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": { "name": prompt.schema_name, "schema": strict(schema), "strict": is_closed(schema) },
        });
    }
    body
}

pub(super) fn read_chat(json: &Json) -> ModelAnswer {
    let spent = &json["usage"];
    let cache_read = cached_tokens(&spent["prompt_tokens_details"], "cached_tokens");
    let usage =
        Usage { cache_read, ..usage(token_count(spent, "prompt_tokens"), token_count(spent, "completion_tokens")) };
    let choice = &json["choices"][0];
    if let Some(reason) = choice["message"]["refusal"].as_str() {
        return Err(refusal(reason, usage));
    }
    match choice["finish_reason"].as_str() {
        Some("length") => return Err(truncated_answer(usage)),
        Some("content_filter") => return Err(refusal("content filter", usage)),
        _ => {}
    }
    let content = &choice["message"]["content"];
    let text = match content {
        Json::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((text, usage)) }
}
