//! `cascadec lsp` as a process: it answers, and it ends when and how it should.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longer than anything here takes on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

struct Editor {
    process: Child,
    to: ChildStdin,
    messages: Receiver<Value>,
}

impl Editor {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cascadec"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let to = process.stdin.take().unwrap();
        let mut from = BufReader::new(process.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            while let Some(message) = read(&mut from) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut editor = Self { process, to, messages };
        editor.send(json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
        let answer = editor.wait(|m| m["id"] == 1);
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
        editor.send(json!({ "method": "initialized", "params": {} }));
        editor
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.to.flush().unwrap();
    }

    fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }

    /// The exit code; the process gets no signal and, when `hang_up` is not set, no end of input.
    fn exit_code(mut self, hang_up: bool) -> Option<i32> {
        let to = (!hang_up).then_some(self.to);
        let start = Instant::now();
        // The end of its output is the end of the process, but for an instant.
        while self.messages.recv_timeout(PATIENCE.saturating_sub(start.elapsed())).is_ok() {}
        if start.elapsed() >= PATIENCE {
            self.process.kill().unwrap();
            panic!("the process does not end");
        }
        let code = self.process.wait().unwrap().code();
        drop(to);
        code
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((_, n)) => length = n.parse().ok()?,
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn answers_and_ends() {
    let mut editor = Editor::start();
    let text = "cascade main() -> int {\n  return nothing\n}\n";
    let document = json!({ "uri": "file:///nowhere/a.cascade", "languageId": "cascade", "version": 7, "text": text });
    editor.send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
    let told = editor.wait(|m| m["method"] == "textDocument/publishDiagnostics");
    assert_eq!(told["params"]["version"], 7);
    assert_eq!(told["params"]["diagnostics"][0]["code"], "E0201");
    editor.send(json!({ "id": 2, "method": "shutdown" }));
    assert_eq!(editor.wait(|m| m["id"] == 2)["result"], Value::Null);
    editor.send(json!({ "method": "exit" }));
    assert_eq!(editor.exit_code(false), Some(0));
}

#[test]
fn exit_without_shutdown_is_a_failure() {
    let mut editor = Editor::start();
    editor.send(json!({ "method": "exit" }));
    assert_eq!(editor.exit_code(false), Some(1));
}

#[test]
fn ends_when_the_editor_is_gone() {
    let editor = Editor::start();
    assert_eq!(editor.exit_code(true), Some(1));
}
