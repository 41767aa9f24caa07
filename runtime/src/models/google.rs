//! Gemini `generateContent`.

use cascade_ir::Model;
use serde_json::{Value as Json, json};

use super::{
    Content, Expected, ModelAnswer, cached_tokens, empty_answer, encode_base64, is_text, new_usage, picture_answer,
    refusal_failure, set_optional, temperature_of, text_with_documents, token_count, tools, truncated_answer,
};
use crate::request::{PromptRequest, Usage};

/// Whether a model looks things up on the web before it answers.
fn has_search(model: &Model) -> bool {
    model.provides.iter().any(|capability| capability == "current_info")
}

pub(super) fn request_body(model: &Model, prompt: &PromptRequest) -> Json {
    let mut parts: Vec<Json> = Vec::new();
    for file in &prompt.attachments {
        if !is_text(file) {
            parts.push(json!({ "inlineData": { "mimeType": file.media, "data": encode_base64(file) } }));
        }
    }
    let searches = has_search(model) && prompt.tools.is_empty();
    // An answer of a form excludes searches and tools there: the form is then said in words.
    let in_words = searches || !prompt.tools.is_empty();
    let mut text = text_with_documents(prompt);
    if let Some(schema) = prompt.schema.as_ref().filter(|_| in_words) {
        text.push_str(&format!("\n\nThe answer is one JSON value that is valid by this JSON Schema:\n{schema}"));
    }
    parts.push(json!({ "text": text }));
    let mut contents = vec![json!({ "role": "user", "parts": parts })];
    tools::gemini_turns(prompt, &mut contents);
    let mut body = json!({ "contents": contents });
    if !prompt.tools.is_empty() {
        body["tools"] = tools::gemini_tools(&prompt.tools);
    }
    if let Some(system) = &prompt.system {
        body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
    }
    let mut config = json!({});
    set_optional(&mut config, "temperature", temperature_of(prompt));
    set_optional(&mut config, "maxOutputTokens", prompt.max_tokens.or(model.max_output).map(|n| json!(n)));
    if let Some(schema) = prompt.schema.as_ref().filter(|_| !in_words) {
        config["responseMimeType"] = json!("application/json");
        config["responseJsonSchema"] = schema.clone();
    }
    if searches {
        body["tools"] = json!([{ "googleSearch": {} }]);
    }
    if prompt.file.is_some() {
        config["responseModalities"] = json!(["TEXT", "IMAGE"]);
    }
    if config.as_object().is_some_and(|c| !c.is_empty()) {
        body["generationConfig"] = config;
    }
    body
}

pub(super) fn parse_answer(json: &Json, expected: Expected) -> ModelAnswer {
    let spent = &json["usageMetadata"];
    let tokens_out = token_count(spent, "candidatesTokenCount") + token_count(spent, "thoughtsTokenCount");
    let cache_read = cached_tokens(spent, "cachedContentTokenCount");
    let usage = Usage { cache_read, ..new_usage(token_count(spent, "promptTokenCount"), tokens_out) };
    if let Some(reason) = json["promptFeedback"]["blockReason"].as_str() {
        return Err(refusal_failure(reason, usage));
    }
    let candidate = &json["candidates"][0];
    match candidate["finishReason"].as_str() {
        None | Some("STOP" | "FINISH_REASON_UNSPECIFIED") => {}
        Some("MAX_TOKENS") => return Err(truncated_answer(usage)),
        Some(reason) => return Err(refusal_failure(reason, usage)),
    }
    let parts = || candidate["content"]["parts"].as_array().into_iter().flatten().filter(|p| p["thought"] != true);
    let text: String = parts().filter_map(|p| p["text"].as_str()).collect();
    if expected == Expected::Image {
        return picture_answer(parts().map(|p| &p["inlineData"]["data"]), &text, usage);
    }
    if let Some(calls) = tools::gemini_calls(parts(), &text) {
        return Ok((calls, usage));
    }
    if text.is_empty() { Err(empty_answer(usage)) } else { Ok((Content::Text(text), usage)) }
}
