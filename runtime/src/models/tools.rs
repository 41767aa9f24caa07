//! Tools that are offered to a model, and the conversation so far, in each dialect.

use serde_json::{Value as Json, json};

use super::Content;
use crate::request::{OfferedTool, PromptRequest, ToolCall, ToolCalls};

/// The calls in an answer; `None` when it has none, so that it is the answer itself.
fn calls_of(text: String, calls: Vec<ToolCall>) -> Option<Content> {
    (!calls.is_empty()).then_some(Content::Calls(ToolCalls { text, calls }))
}

/// Arguments that arrive as text. What is no object is given to the tool's check as it is.
fn read_arguments(text: &str) -> Json {
    match text.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text)),
    }
}

// ---- Anthropic ----

pub(super) fn anthropic_tools(tools: &[OfferedTool]) -> impl Iterator<Item = Json> + '_ {
    tools
        .iter()
        .map(|tool| json!({ "name": tool.name.as_str(), "description": tool.description, "input_schema": tool.schema }))
}

/// The messages that follow the first one.
pub(super) fn anthropic_turns(prompt: &PromptRequest, messages: &mut Vec<Json>) {
    for turn in &prompt.turns {
        let mut said: Vec<Json> = Vec::new();
        if !turn.calls.text.is_empty() {
            said.push(json!({ "type": "text", "text": turn.calls.text }));
        }
        said.extend(
            turn.calls.calls.iter().map(
                |call| json!({ "type": "tool_use", "id": call.id, "name": call.name.as_str(), "input": call.args }),
            ),
        );
        messages.push(json!({ "role": "assistant", "content": said }));
        let results = turn.calls.calls.iter().zip(&turn.results).map(|(call, result)| {
            json!({
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": result.text,
                "is_error": result.is_error,
            })
        });
        messages.push(json!({ "role": "user", "content": results.collect::<Vec<_>>() }));
    }
}

/// The calls of an answer; `answer` is the tool that stands for a structured answer.
pub(super) fn anthropic_calls(blocks: &[Json], answer: &str) -> Option<Content> {
    let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use" && block["name"] != answer);
    let calls = calls.map(|block| ToolCall {
        id: block["id"].as_str().unwrap_or_default().to_owned(),
        name: block["name"].as_str().unwrap_or_default().into(),
        args: match &block["input"] {
            Json::String(text) => read_arguments(text),
            input => input.clone(),
        },
    });
    calls_of(text, calls.collect())
}

// ---- OpenAI Responses ----

pub(super) fn responses_tools(tools: &[OfferedTool]) -> Json {
    let tool = |tool: &OfferedTool| {
        json!({
            "type": "function",
            "name": tool.name.as_str(),
            "description": tool.description,
            "parameters": tool.schema,
            "strict": false,
        })
    };
    tools.iter().map(tool).collect()
}

pub(super) fn responses_turns(prompt: &PromptRequest, input: &mut Vec<Json>) {
    for turn in &prompt.turns {
        if !turn.calls.text.is_empty() {
            input.push(json!({
                "role": "assistant",
                "content": [{ "type": "output_text", "text": turn.calls.text }],
            }));
        }
        input.extend(turn.calls.calls.iter().map(|call| {
            json!({
                "type": "function_call",
                "call_id": call.id,
                "name": call.name.as_str(),
                "arguments": call.args.to_string(),
            })
        }));
        input.extend(turn.calls.calls.iter().zip(&turn.results).map(
            |(call, result)| json!({ "type": "function_call_output", "call_id": call.id, "output": result.text }),
        ));
    }
}

pub(super) fn responses_calls(json: &Json, text: &str) -> Option<Content> {
    let items = json["output"].as_array().into_iter().flatten().filter(|item| item["type"] == "function_call");
    let calls = items.map(|item| ToolCall {
        id: item["call_id"].as_str().unwrap_or_default().to_owned(),
        name: item["name"].as_str().unwrap_or_default().into(),
        args: read_arguments(item["arguments"].as_str().unwrap_or_default()),
    });
    calls_of(text.to_owned(), calls.collect())
}

// ---- OpenAI Chat Completions ----

pub(super) fn chat_tools(tools: &[OfferedTool]) -> Json {
    let tool = |tool: &OfferedTool| {
        json!({
            "type": "function",
            "function": {
                "name": tool.name.as_str(),
                "description": tool.description,
                "parameters": tool.schema,
            },
        })
    };
    tools.iter().map(tool).collect()
}

pub(super) fn chat_turns(prompt: &PromptRequest, messages: &mut Vec<Json>) {
    for turn in &prompt.turns {
        let calls = turn.calls.calls.iter().map(|call| {
            json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name.as_str(), "arguments": call.args.to_string() },
            })
        });
        messages.push(json!({
            "role": "assistant",
            "content": turn.calls.text,
            "tool_calls": calls.collect::<Vec<_>>(),
        }));
        messages.extend(
            turn.calls
                .calls
                .iter()
                .zip(&turn.results)
                .map(|(call, result)| json!({ "role": "tool", "tool_call_id": call.id, "content": result.text })),
        );
    }
}

pub(super) fn chat_calls(message: &Json, text: &str) -> Option<Content> {
    let calls = message["tool_calls"].as_array().into_iter().flatten().enumerate().map(|(index, call)| ToolCall {
        // Some servers give no ids.
        id: call["id"].as_str().map_or_else(|| format!("call_{index}"), str::to_owned),
        name: call["function"]["name"].as_str().unwrap_or_default().into(),
        args: match &call["function"]["arguments"] {
            Json::String(text) => read_arguments(text),
            Json::Null => json!({}),
            arguments => arguments.clone(),
        },
    });
    calls_of(text.to_owned(), calls.collect())
}

// ---- Gemini ----

pub(super) fn gemini_tools(tools: &[OfferedTool]) -> Json {
    let tool = |tool: &OfferedTool| {
        json!({
            "name": tool.name.as_str(),
            "description": tool.description,
            "parametersJsonSchema": tool.schema,
        })
    };
    json!([{ "functionDeclarations": tools.iter().map(tool).collect::<Vec<_>>() }])
}

pub(super) fn gemini_turns(prompt: &PromptRequest, contents: &mut Vec<Json>) {
    for turn in &prompt.turns {
        let mut said: Vec<Json> = Vec::new();
        if !turn.calls.text.is_empty() {
            said.push(json!({ "text": turn.calls.text }));
        }
        said.extend(turn.calls.calls.iter().map(|call| {
            let mut part = json!({ "functionCall": { "name": call.name.as_str(), "args": call.args } });
            if !call.id.is_empty() {
                part["thoughtSignature"] = call.id.as_str().into();
            }
            part
        }));
        contents.push(json!({ "role": "model", "parts": said }));
        let results = turn.calls.calls.iter().zip(&turn.results).map(|(call, result)| {
            let field = if result.is_error { "error" } else { "result" };
            json!({ "functionResponse": { "name": call.name.as_str(), "response": { field: result.text } } })
        });
        contents.push(json!({ "role": "user", "parts": results.collect::<Vec<_>>() }));
    }
}

/// The calls of an answer. A model that thinks signs them, and wants to see its signature again: it is their id.
pub(super) fn gemini_calls<'p>(parts: impl Iterator<Item = &'p Json>, text: &str) -> Option<Content> {
    let calls = parts.filter(|part| part["functionCall"].is_object()).map(|part| ToolCall {
        id: part["thoughtSignature"].as_str().unwrap_or_default().to_owned(),
        name: part["functionCall"]["name"].as_str().unwrap_or_default().into(),
        args: match &part["functionCall"]["args"] {
            Json::Null => json!({}),
            args => args.clone(),
        },
    });
    calls_of(text.to_owned(), calls.collect())
}
