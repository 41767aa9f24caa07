//! A server that speaks the four dialects of model APIs by a script, piece by piece.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use cascade_tests::server::read_request;
use serde_json::{Value as Json, json};

/// The dialects, by the names of their providers.
pub const DIALECTS: [&str; 4] = ["anthropic", "openai", "openai_compatible", "google"];

/// A part of what the server does with a request.
#[derive(Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends nothing for so long.
    Wait(Duration),
    /// Ends the connection without the end of the answer.
    Cut,
}

/// An answer: status, headers, and what follows.
#[derive(Clone)]
pub struct Script {
    /// The time before the first byte.
    pub delay: Duration,
    pub status: u16,
    pub headers: String,
    pub steps: Vec<Step>,
}

impl Script {
    /// An answer that is one JSON.
    pub fn json(status: u16, headers: &str, body: &Json) -> Self {
        let headers = format!("content-type: application/json\r\n{headers}");
        Self { delay: Duration::ZERO, status, headers, steps: vec![Step::Send(body.to_string().into_bytes())] }
    }

    /// A stream of events.
    pub fn stream(steps: Vec<Step>) -> Self {
        Self { delay: Duration::ZERO, status: 200, headers: "content-type: text/event-stream\r\n".into(), steps }
    }
}

/// The server; it runs until the process ends. After the last answer it gives that one again.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<(String, Json)>>>,
}

impl Server {
    pub fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, Json)>>> = Arc::default();
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let Some((head, body)) = read_request(&stream) else { continue };
                kept.lock().unwrap().push((head, serde_json::from_str(&body).unwrap_or_default()));
                let script = scripts[n.min(scripts.len() - 1)].clone();
                thread::spawn(move || answer(stream, &script));
            }
        });
        Self { url, asked }
    }

    /// The bodies of the requests, in order.
    pub fn bodies(&self) -> Vec<Json> {
        self.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    /// The heads of the requests, in order.
    pub fn heads(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }
}

fn answer(mut stream: TcpStream, script: &Script) {
    let Script { delay, status, headers, steps } = script;
    thread::sleep(*delay);
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{headers}\r\n");
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    for step in steps {
        match step {
            Step::Send(bytes) => {
                let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
                // The client may have gone.
                if stream.write_all(&chunk).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
            Step::Wait(time) => thread::sleep(*time),
            Step::Cut => return,
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}

/// An event as it stands in a stream.
pub fn event(data: &Json) -> String {
    match data["type"].as_str() {
        Some(name) => format!("event: {name}\r\ndata: {data}\r\n\r\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// The events in which a dialect gives an answer: reasoning, the answer in several parts, the usage of 100 tokens in and
/// 20 out, and what says that the answer is complete.
pub fn events(dialect: &str, text: &str, structured: bool) -> Vec<String> {
    let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (a, b) = text.split_at(middle);
    let draft = "I think that the answer is {\"value\": 13}.";
    let all: Vec<Json> = match dialect {
        "anthropic" => {
            let (kind, delta, name) = match structured {
                true => ("tool_use", "input_json_delta", "partial_json"),
                false => ("text", "text_delta", "text"),
            };
            let part = |text: &str| json!({ "type": "content_block_delta", "index": 1, "delta": { "type": delta, name: text } });
            vec![
                json!({ "type": "message_start", "message": { "role": "assistant", "content": [],
                    "usage": { "input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 0 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": draft } }),
                json!({ "type": "content_block_stop", "index": 0 }),
                json!({ "type": "ping" }),
                json!({ "type": "content_block_start", "index": 1, "content_block": { "type": kind, "id": "t", "name": "answer", "text": "", "input": {} } }),
                part(a),
                part(b),
                json!({ "type": "content_block_stop", "index": 1 }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 20 } }),
                json!({ "type": "message_stop" }),
            ]
        }
        "openai" => {
            let reasoning = json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": draft }] });
            let message = json!({ "type": "message", "role": "assistant",
                "content": [{ "type": "output_text", "text": text, "annotations": [] }] });
            let usage =
                json!({ "input_tokens": 100, "output_tokens": 20, "output_tokens_details": { "reasoning_tokens": 9 } });
            vec![
                json!({ "type": "response.created", "response": { "status": "in_progress", "output": [], "usage": null } }),
                json!({ "type": "response.reasoning_summary_text.delta", "delta": draft }),
                json!({ "type": "response.output_item.done", "item": reasoning }),
                json!({ "type": "response.output_text.delta", "delta": a }),
                json!({ "type": "response.output_text.delta", "delta": b }),
                json!({ "type": "response.output_item.done", "item": message }),
                json!({ "type": "response.completed", "response": { "status": "completed", "error": null,
                    "output": [reasoning, message], "usage": usage } }),
            ]
        }
        "openai_compatible" => vec![
            json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }], "usage": null }),
            json!({ "choices": [{ "index": 0, "delta": { "reasoning_content": draft } }] }),
            json!({ "choices": [{ "index": 0, "delta": { "content": a } }] }),
            json!({ "choices": [{ "index": 0, "delta": { "content": b } }] }),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 20 } }),
        ],
        _ => {
            let part = |part: Json, usage: Json| json!({ "candidates": [{ "index": 0, "content": { "role": "model", "parts": [part] } }], "usageMetadata": usage });
            let mut last = part(
                json!({ "text": b }),
                json!({ "promptTokenCount": 100, "candidatesTokenCount": 11, "thoughtsTokenCount": 9 }),
            );
            last["candidates"][0]["finishReason"] = json!("STOP");
            vec![
                part(
                    json!({ "text": draft, "thought": true }),
                    json!({ "promptTokenCount": 100, "thoughtsTokenCount": 9 }),
                ),
                part(
                    json!({ "text": a }),
                    json!({ "promptTokenCount": 100, "candidatesTokenCount": 5, "thoughtsTokenCount": 9 }),
                ),
                last,
            ]
        }
    };
    let mut out: Vec<String> = all.iter().map(event).collect();
    out.insert(1, ": keep-alive\n\n".to_owned());
    if dialect == "openai_compatible" {
        out.push("data: [DONE]\n\n".to_owned());
    }
    out
}

/// The answer as a stream.
pub fn streamed(dialect: &str, text: &str, structured: bool) -> Script {
    let steps = events(dialect, text, structured).into_iter().map(|event| Step::Send(event.into_bytes()));
    Script::stream(steps.collect())
}

/// The declaration of model `m` in a dialect. Its key is a variable that cargo sets for every test.
pub fn declaration(dialect: &str, url: &str) -> String {
    format!(
        "model m {{\n  provider: {dialect}\n  id: \"m-1\"\n  base_url: \"{url}\"\n  key_env: \"CARGO_PKG_NAME\"\n  \
         context: 100_000\n  max_output: 1_000\n  price: {{ input: 1usd, output: 10usd }}\n}}\n\n"
    )
}
