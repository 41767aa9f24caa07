//! A client that talks to a server in this process, with the framing of the protocol.
#![allow(dead_code)] // each file of tests uses a part of it

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream},
    task::JoinHandle,
    time::timeout,
};

/// The time limit for each message, which also holds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the language server.
pub struct Client {
    to: Option<DuplexStream>,
    from: BufReader<DuplexStream>,
    server: JoinHandle<u8>,
    requests: i64,
    early: VecDeque<Value>,
}

impl Client {
    /// A connected client that has sent nothing.
    pub fn connect() -> Self {
        Self::connect_with(Arc::new(cascade_lsp::NoHistory))
    }

    /// A connected client of a server that asks this history.
    pub fn connect_with(history: Arc<dyn cascade_lsp::RunHistory>) -> Self {
        let (to, input) = tokio::io::duplex(4096);
        let (output, from) = tokio::io::duplex(4096);
        let server = tokio::spawn(cascade_lsp::serve(input, output, history));
        Self { to: Some(to), from: BufReader::new(from), server, requests: 0, early: VecDeque::new() }
    }

    /// An initialized client with these capabilities.
    pub async fn start(capabilities: Value) -> Self {
        let mut client = Self::connect();
        client.initialize(capabilities).await;
        client
    }

    /// Sends `initialize` and `initialized`; returns the result of the former.
    pub async fn initialize(&mut self, capabilities: Value) -> Value {
        let params = json!({ "processId": null, "rootUri": null, "capabilities": capabilities });
        let answer = self.request("initialize", params).await;
        self.notify("initialized", json!({})).await;
        answer
    }

    async fn send_message(&mut self, message: Value) {
        let body = message.to_string();
        let to = self.to.as_mut().unwrap();
        to.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    }

    /// Sends a notification.
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send_message(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a request; returns its id.
    pub async fn send_request(&mut self, method: &str, params: Value) -> i64 {
        self.requests += 1;
        let id = self.requests;
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send_message(message).await;
        id
    }

    /// Sends a request and waits for its result.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send_request(method, params).await;
        self.wait_for_result(id).await
    }

    /// Waits for the result of a request.
    pub async fn wait_for_result(&mut self, id: i64) -> Value {
        let answer = self.wait_for_message(|m| m["id"] == id && m.get("method").is_none()).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// Waits for the diagnostics of a version of a document; other messages are kept.
    pub async fn wait_for_diagnostics(&mut self, uri: &str, version: impl Into<Value>) -> Vec<Value> {
        let version = version.into();
        let found = self
            .wait_for_message(|m| {
                let params = &m["params"];
                m["method"] == "textDocument/publishDiagnostics"
                    && params["uri"] == uri
                    && params.get("version").unwrap_or(&Value::Null) == &version
            })
            .await;
        found["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Waits for a message that fulfils a condition; others are kept.
    pub async fn wait_for_message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.early.iter().position(&wanted) {
            return self.early.remove(at).unwrap();
        }
        loop {
            let message = self.read_message().await;
            if wanted(&message) {
                return message;
            }
            self.early.push_back(message);
        }
    }

    async fn read_message(&mut self) -> Value {
        let message = async {
            let mut length = 0;
            loop {
                let mut line = String::new();
                assert!(self.from.read_line(&mut line).await.unwrap() > 0, "the server has left: {:?}", self.early);
                match line.trim_end().split_once(": ") {
                    Some(("Content-Length", n)) => length = n.parse().unwrap(),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            self.from.read_exact(&mut body).await.unwrap();
            serde_json::from_slice(&body).unwrap()
        };
        timeout(PATIENCE, message).await.expect("the awaited message comes in time")
    }

    /// Opens a document as version 1.
    pub async fn open_document(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "cascade", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
    }

    /// Replaces a part of a line.
    pub async fn replace_in_line(&mut self, uri: &str, version: i32, line: u32, from: u32, to: u32, text: &str) {
        let range = json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
        let change = json!({ "range": range, "text": text });
        let document = json!({ "uri": uri, "version": version });
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] })).await;
    }

    /// Closes a document.
    pub async fn close_document(&mut self, uri: &str) {
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } })).await;
    }

    /// Requests the code actions at a position.
    pub async fn request_fixes(&mut self, uri: &str, line: u32, character: u32) -> Value {
        let at = json!({ "line": line, "character": character });
        let context = json!({ "diagnostics": [] });
        let range = json!({ "start": at, "end": at });
        let document = json!({ "uri": uri });
        self.request("textDocument/codeAction", json!({ "textDocument": document, "range": range, "context": context }))
            .await
    }

    /// Requests the formatting of a document.
    pub async fn request_format(&mut self, uri: &str) -> Value {
        let options = json!({ "tabSize": 2, "insertSpaces": true });
        self.request("textDocument/formatting", json!({ "textDocument": { "uri": uri }, "options": options })).await
    }

    /// Closes the connection from this side.
    pub fn hang_up(&mut self) {
        self.to = None;
    }

    /// Waits until the server has ended; returns its exit code.
    pub async fn exit_code(self) -> u8 {
        timeout(PATIENCE, self.server).await.expect("the server ends in time").unwrap()
    }
}
