//! A stand-in for the model APIs that the command lines of coding agents speak: Anthropic Messages, OpenAI Responses,
//! Gemini. What it says is decided by a word in the prompt: `CASE-EDIT`, `CASE-FAIL`, `CASE-HANG`,
//! `CASE-SLOW` (the first question is not answered), `CASE-REPAIR` (the first answer is not typed); otherwise it gives [`ANSWER`].

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use cascade_tests::server::{Reply, read_request, write_reply};
use serde_json::{Value as Json, json};

/// The name of the call of a tool that the model makes.
const CALL: &str = "call_of_the_test";
/// An answer that is not typed.
pub const BAD_ANSWER: &str = "the work was pleasant";
/// The typed answer.
pub const ANSWER: &str = r#"{"summary":"done","score":4}"#;

/// The server; it runs until the process ends.
pub struct ModelApi {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ModelApi {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    let Some((head, body)) = read_request(&stream) else { return };
                    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    let json: Json = serde_json::from_str(&body).unwrap_or_default();
                    if is_question(&path) {
                        let mut kept = kept.lock().unwrap();
                        kept.push(body.clone());
                        // The first of them is never answered.
                        let slow = kept.iter().filter(|body| body.contains("CASE-SLOW")).count();
                        drop(kept);
                        if body.contains("CASE-SLOW") && slow == 1 {
                            thread::sleep(Duration::from_secs(120));
                        }
                    }
                    let (status, headers, body) = reply(&path, &json, &body);
                    // The client may have gone.
                    let _ = write_reply(&mut stream, &Reply { status, headers, body });
                });
            }
        });
        Self { url, asked }
    }

    /// The bodies of the questions to a model so far.
    pub fn questions(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_question(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.ends_with("/messages") || path.ends_with("/responses") || path.contains("enerateContent")
}

fn reply(path: &str, json: &Json, body: &str) -> (u16, String, String) {
    let events = |all: &[Json], named: bool| {
        let one = |data: &Json| match (named, data["type"].as_str()) {
            (true, Some(name)) => format!("event: {name}\ndata: {data}\n\n"),
            _ => format!("data: {data}\n\n"),
        };
        (200, "content-type: text/event-stream\r\n".to_owned(), all.iter().map(one).collect::<String>())
    };
    if !is_question(path) {
        return (
            200,
            "content-type: application/json\r\n".to_owned(),
            json!({ "input_tokens": 1, "data": [] }).to_string(),
        );
    }
    if body.contains("CASE-FAIL") {
        let error = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "the stand-in refuses", "code": 400, "status": "INVALID_ARGUMENT" } });
        return (400, "content-type: application/json\r\n".to_owned(), error.to_string());
    }
    if body.contains("CASE-HANG") {
        thread::sleep(Duration::from_secs(120));
    }
    let has_called = body.contains(CALL);
    let answer = if body.contains("CASE-REPAIR") && !body.contains(BAD_ANSWER) { BAD_ANSWER } else { ANSWER };
    let wants = |case: &str| body.contains(case) && !has_called;
    let write = json!({ "file_path": "new.txt", "content": "hello\n" });
    if path.contains("enerateContent") {
        let part = if wants("CASE-EDIT") {
            json!({ "functionCall": { "id": CALL, "name": "write_file", "args": write } })
        } else {
            json!({ "text": answer })
        };
        let said = json!({ "candidates": [{ "content": { "role": "model", "parts": [part] }, "finishReason": "STOP", "index": 0 }],
            "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120 } });
        return match path.contains("streamGenerateContent") {
            true => events(&[said], false),
            false => (200, "content-type: application/json\r\n".to_owned(), said.to_string()),
        };
    }
    if path.contains("/responses") {
        let item = if wants("CASE-EDIT") {
            let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";
            let has =
                |name: &str| json["tools"].as_array().is_some_and(|all| all.iter().any(|tool| tool["name"] == name));
            if has("apply_patch") {
                json!({ "type": "custom_tool_call", "id": "i", "call_id": CALL, "name": "apply_patch", "input": patch })
            } else {
                let name = if has("exec_command") { "exec_command" } else { "shell" };
                let args = match name {
                    "exec_command" => json!({ "cmd": "printf 'hello\\n' > new.txt" }),
                    _ => json!({ "command": ["sh", "-c", "printf 'hello\\n' > new.txt"] }),
                };
                json!({ "type": "function_call", "id": "i", "call_id": CALL, "name": name, "arguments": args.to_string() })
            }
        } else {
            json!({ "type": "message", "id": "i", "role": "assistant", "content": [{ "type": "output_text", "text": answer, "annotations": [] }] })
        };
        let usage = json!({ "input_tokens": 100, "output_tokens": 20, "total_tokens": 120 });
        let all = [
            json!({ "type": "response.created", "response": { "id": "r" } }),
            json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
            json!({ "type": "response.completed", "response": { "id": "r", "usage": usage } }),
        ];
        return events(&all, true);
    }
    let structured =
        json["tools"].as_array().is_some_and(|all| all.iter().any(|tool| tool["name"] == "StructuredOutput"));
    let has_answered = body.contains("answer_of_the_test");
    let use_tool = |id: &str, name: &str, input: &Json| {
        (
            json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
            "tool_use",
        )
    };
    let (block, delta, stop) = if wants("CASE-EDIT") {
        use_tool(CALL, "Write", &write)
    } else if structured && !has_answered && answer == ANSWER {
        use_tool("answer_of_the_test", "StructuredOutput", &serde_json::from_str(ANSWER).unwrap())
    } else {
        (json!({ "type": "text", "text": "" }), json!({ "type": "text_delta", "text": answer }), "end_turn")
    };
    let model = json["model"].clone();
    let usage = json!({ "input_tokens": 100, "output_tokens": 20 });
    if json["stream"] != true {
        let said = json!({ "id": "m", "type": "message", "role": "assistant", "model": model, "content": [{ "type": "text", "text": ANSWER }],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": usage });
        return (200, "content-type: application/json\r\n".to_owned(), said.to_string());
    }
    let all = [
        json!({ "type": "message_start", "message": { "id": "m", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": stop, "stop_sequence": null }, "usage": usage }),
        json!({ "type": "message_stop" }),
    ];
    events(&all, true)
}
