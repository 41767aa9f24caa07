//! The time from a keystroke to published diagnostics, measured from outside: a client that talks to
//! the release binary over its standard input and output.
//!
//!     cargo build --release -p cascadec && cargo bench -p cascade-tests --bench keystroke
//!
//! The client opens a file of 10,000 lines, waits for its diagnostics, and then types: each keystroke
//! changes one line in the middle of the file, and the clock runs from the write of `didChange` to the
//! read of the `publishDiagnostics` of that version. Then it asks for a completion, a hover and a rename, each right
//! after an edit whose diagnostics it has received.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use cascade_tests::generate;
use serde_json::{Value, json};

const LINES: usize = 10_000;
const KEYSTROKES: usize = 100;
const URI: &str = "untitled:keystrokes.cascade";

struct Client {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(binary: &Path) -> io::Result<Self> {
        let mut server = Command::new(binary)
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (server.stdin.take(), server.stdout.take()) else {
            return Err(io::Error::other("the server has no pipes"));
        };
        Ok(Self { server, input, output: BufReader::new(output) })
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.input.flush()
    }

    fn notify(&mut self, method: &str, params: Value) -> io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    fn receive(&mut self) -> io::Result<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", n)) => length = n.parse().map_err(io::Error::other)?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body)?;
        serde_json::from_slice(&body).map_err(io::Error::other)
    }

    /// Waits for the answer of a request.
    fn answer(&mut self, id: i64) -> io::Result<Value> {
        loop {
            let message = self.receive()?;
            if message["id"] == id {
                return Ok(message);
            }
        }
    }

    /// Waits for the diagnostics of a version; gives their number.
    fn diagnostics(&mut self, version: usize) -> io::Result<usize> {
        loop {
            let message = self.receive()?;
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["version"] == version {
                return Ok(message["params"]["diagnostics"].as_array().map_or(0, Vec::len));
            }
        }
    }
}

fn main() -> io::Result<()> {
    let binary = binary();
    if !binary.exists() {
        eprintln!("{} is missing: cargo build --release -p cascadec", binary.display());
        std::process::exit(1);
    }
    for (what, chained) in [("flat", false), ("chained", true)] {
        for (kind, mut times) in measure(&binary, chained)? {
            times.sort_unstable();
            let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
            println!(
                "{kind} in {LINES} lines, {what}: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms",
                at(50),
                at(90),
                at(99)
            );
        }
    }
    Ok(())
}

/// The times of each kind of request.
type Times = Vec<(&'static str, Vec<Duration>)>;

fn measure(binary: &Path, chained: bool) -> io::Result<Times> {
    let text = generate::program(LINES, chained);
    // A line of its own in the middle, between two declarations.
    let middle = text.lines().count() / 2;
    let line = text.lines().skip(middle).position(|line| line.starts_with("///")).map_or(middle, |n| middle + n);
    let mut client = Client::start(binary)?;
    let params = json!({ "processId": null, "rootUri": null, "capabilities": {} });
    client.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))?;
    while client.receive()?["id"] != 1 {}
    client.notify("initialized", json!({}))?;
    let document = json!({ "uri": URI, "languageId": "cascade", "version": 0, "text": text });
    client.notify("textDocument/didOpen", json!({ "textDocument": document }))?;
    let before = client.diagnostics(0)?;
    let replace = |text: String, from: usize, to: usize| {
        let position = |character: usize| json!({ "line": line, "character": character });
        json!([{ "range": { "start": position(from), "end": position(to) }, "text": text }])
    };
    // Every other keystroke gives the body of this function a wrong type.
    let start = "fn typed() -> int = ";
    let document = |version: usize| json!({ "uri": URI, "version": version });
    let changes = replace(format!("{start}0\n"), 0, 0);
    client.notify("textDocument/didChange", json!({ "textDocument": document(1), "contentChanges": changes }))?;
    assert_eq!(client.diagnostics(1)?, before, "a declaration that is right");
    let mut times = Vec::with_capacity(KEYSTROKES);
    let mut questions = [
        ("textDocument/completion", Vec::with_capacity(KEYSTROKES)),
        ("textDocument/hover", Vec::with_capacity(KEYSTROKES)),
        ("textDocument/rename", Vec::with_capacity(KEYSTROKES)),
    ];
    let mut requests = 10;
    for stroke in 0..KEYSTROKES {
        let version = stroke + 2;
        let (old, new) = if stroke % 2 == 0 { (1, "\"a\"") } else { (3, "0") };
        let changes = replace(new.to_owned(), start.len(), start.len() + old);
        let params = json!({ "textDocument": document(version), "contentChanges": changes });
        let begin = Instant::now();
        client.notify("textDocument/didChange", params)?;
        let found = client.diagnostics(version)?;
        times.push(begin.elapsed());
        assert_eq!(found, before + usize::from(stroke % 2 == 0), "one more where the type is wrong");
        for (method, times) in &mut questions {
            requests += 1;
            // The value of the function is completed, its name explained and renamed.
            let character = if *method == "textDocument/completion" { start.len() } else { 3 };
            let place = json!({ "line": line, "character": character });
            let params = json!({ "textDocument": { "uri": URI }, "position": place, "newName": "renamed" });
            let begin = Instant::now();
            client.send(&json!({ "jsonrpc": "2.0", "id": requests, "method": method, "params": params }))?;
            let answer = client.answer(requests)?;
            times.push(begin.elapsed());
            assert!(answer["result"].is_object(), "{answer}");
        }
        // A person does not type at the speed of the server.
        std::thread::sleep(Duration::from_millis(20));
    }
    let memory = std::fs::read_to_string(format!("/proc/{}/status", client.server.id())).unwrap_or_default();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("memory at most: {peak}");
    client.send(&json!({ "jsonrpc": "2.0", "id": 2, "method": "shutdown" }))?;
    client.notify("exit", Value::Null)?;
    client.server.wait()?;
    let [completion, hover, rename] = questions.map(|(_, times)| times);
    Ok(vec![("keystroke to diagnostics", times), ("completion", completion), ("hover", hover), ("rename", rename)])
}

fn binary() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let target = here
        .ancestors()
        .find(|a| a.ends_with("release"))
        .map_or_else(|| PathBuf::from("target/release"), Path::to_path_buf);
    target.join("cascadec")
}
