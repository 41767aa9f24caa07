//! The language server as a process: what an editor's broken messages do to it, and what it knows of runs.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use project::Project;
use serde_json::{Value as Json, json};

/// How long the slowest machine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with its messages.
struct Server {
    process: Child,
    input: Option<ChildStdin>,
    messages: mpsc::Receiver<Json>,
}

impl Server {
    fn start(project: &Project) -> Self {
        let mut command = project.command(&["lsp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || read_messages(output, &sender));
        Self { process, input, messages }
    }

    /// A server that was greeted.
    fn greeted(project: &Project) -> Self {
        let mut server = Self::start(project);
        server.send(&json!({ "id": 1, "method": "initialize", "params": { "processId": null, "rootUri": null, "capabilities": {} } }));
        assert!(server.next()["result"]["capabilities"].is_object());
        server.send(&json!({ "method": "initialized", "params": {} }));
        server
    }

    fn write(&mut self, bytes: &[u8]) {
        // A server that has ended reads no more.
        let _ = self.input.as_mut().unwrap().write_all(bytes);
    }

    fn send(&mut self, message: &Json) {
        let mut message = message.clone();
        message["jsonrpc"] = json!("2.0");
        self.write(&framed(&message.to_string()));
    }

    fn next(&self) -> Json {
        self.messages.recv_timeout(PATIENCE).unwrap()
    }

    /// The answer to a request; other messages before it are dropped.
    fn request(&mut self, id: i64, method: &str, params: &Json) -> Json {
        self.send(&json!({ "id": id, "method": method, "params": params }));
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Closes the input, and waits for the end: its code, and what it said.
    fn leave(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(self.process.wait_with_output()));
        let output = ended.recv_timeout(PATIENCE).unwrap().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn framed(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn read_messages(output: ChildStdout, sender: &mpsc::Sender<Json>) {
    let mut output = BufReader::new(output);
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().ok(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length.unwrap()];
        if output.read_exact(&mut body).is_err() || sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
            return;
        }
    }
}

/// Where a message ends that is broken, and the next one begins, nobody knows: the server says what is wrong and ends, as
/// the editor starts it again.
#[test]
fn a_broken_message_is_answered_with_an_error_and_ends_the_server() {
    let project = Project::new();
    let request = r#"{"jsonrpc":"2.0","id":7,"method":"shutdown"}"#;
    let short = format!("Content-Length: 10\r\n\r\n{request}");
    let broken: [(&str, Vec<u8>, i64); 8] = [
        ("a length that is too small", short.into_bytes(), -32700),
        ("no header", format!("{request}\r\n\r\n").into_bytes(), -32700),
        ("a length that is no number", b"Content-Length: x\r\n\r\n{}".to_vec(), -32700),
        ("a length that no machine has", b"Content-Length: 99999999999999999999\r\n\r\n{}".to_vec(), -32700),
        ("a negative length", b"Content-Length: -5\r\n\r\n{}".to_vec(), -32700),
        ("a body that is no JSON", framed("hello"), -32700),
        ("a body that is no text", b"Content-Length: 2\r\n\r\n\xff\xfe".to_vec(), -32700),
        ("a body that is no request", framed("[]"), -32600),
    ];
    for (what, bytes, code) in broken {
        let mut server = Server::greeted(&project);
        server.write(&bytes);
        let answer = server.next();
        assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
        let (code, said) = server.leave();
        assert_eq!(code, Some(1), "{what}");
        assert!(said.contains("no message"), "{what}: {said}");
    }
}

#[test]
fn a_request_that_makes_no_sense_is_answered_and_the_next_one_is_read() {
    let project = Project::new();
    let mut server = Server::greeted(&project);
    let unknown = server.request(2, "no/such", &json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let wrong = server.request(3, "textDocument/hover", &json!(5));
    assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
    // A notification that nobody knows is no reason to say anything.
    server.send(&json!({ "method": "$/no/such", "params": {} }));
    assert_eq!(server.request(4, "shutdown", &Json::Null).get("error"), None);
    server.send(&json!({ "method": "exit" }));
    assert_eq!(server.leave(), (Some(0), String::new()));
}

#[test]
fn an_input_that_ends_ends_the_server() {
    let project = Project::new();
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("within a header", b"Content-Le"),
        ("between header and body", b"Content-Length: 9\r\n\r\n"),
        ("within a body", b"Content-Length: 5000\r\n\r\n{\"jsonrpc\":\"2.0\""),
    ] {
        for is_greeted in [false, true] {
            let mut server = if is_greeted { Server::greeted(&project) } else { Server::start(&project) };
            server.write(bytes);
            let (code, said) = server.leave();
            assert_eq!(code, Some(1), "{what}");
            assert!(said.contains("`shutdown` did not come before"), "{what}: {said}");
        }
    }
}

const FLOW: &str = "skill one(n: int) -> int {\n  run sh\"exit $<n>\"\n  return 1\n}\n\ncascade good() -> int {\n  stage a = one(0)\n  return a\n}\n\ncascade bad() -> int {\n  stage a = one(3)\n  return a\n}\n";

#[test]
fn the_last_run_stands_above_its_cascade() {
    let project = Project::new();
    project.write("cascade.toml", "");
    project.write("flow.cascade", FLOW);
    let file = std::fs::canonicalize(project.path()).unwrap().join("flow.cascade");
    let uri = format!("file://{}", file.display());
    let mut server = Server::greeted(&project);
    let document = json!({ "uri": uri, "languageId": "cascade", "version": 1, "text": FLOW });
    server.send(&json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
    let mut ask = |id: i64| -> Vec<String> {
        let answer = server.request(id, "textDocument/codeLens", &json!({ "textDocument": { "uri": uri } }));
        let lenses = answer["result"].as_array().unwrap().iter().map(|lens| &lens["command"]);
        let last = lenses.filter(|command| command["command"] == "cascade.lastRun");
        last.map(|command| {
            let (name, title) = (command["arguments"][1].as_str().unwrap(), command["title"].as_str().unwrap());
            format!("{name}: {}", title.split(',').next().unwrap())
        })
        .collect()
    };
    assert_eq!(ask(2), [""; 0]);
    assert!(!project.path().join(".cascade").exists(), "who looks makes no journal");
    assert!(project.call(&["run", "-q", "flow.cascade", "good"]).status.success());
    assert_eq!(ask(3), ["good: Last run: done"]);
    assert!(!project.call(&["run", "-q", "flow.cascade", "bad"]).status.success());
    assert_eq!(ask(4), ["good: Last run: done", "bad: Last run: failed"]);
    // Somebody else's file.
    std::fs::write(project.path().join(".cascade/runs.db"), "no journal").unwrap();
    std::fs::remove_file(project.path().join(".cascade/runs.db-wal")).unwrap();
    assert_eq!(ask(5), [""; 0]);
    // `exit` can overtake a `shutdown` that is not answered yet.
    assert_eq!(server.request(9, "shutdown", &Json::Null).get("error"), None);
    server.send(&json!({ "method": "exit" }));
    assert_eq!(server.leave().0, Some(0));
}
