//! Random edits, cancelled requests and large projects: the server ends up with the text and the diagnostics that a
//! fresh one has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;

use std::{fs, path::Path};

use client::Client;
use serde_json::{Value, json};

/// What is inserted: signs of every width in UTF-8 and UTF-16, brackets without partners, ends of lines.
const PIECES: &[&str] = &[
    "",
    "",
    "a",
    "é",
    "😀",
    "\n",
    "\r\n",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "$<",
    ">",
    " stage x = f()\n",
    "//",
    "\"\"\"",
    ".",
];

/// A generator of numbers; the same seed gives the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Every program of the examples.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples");
    let mut found = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cascade") {
                found.push((format!("file://{}", path.display()), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 5);
    found
}

/// The position of an offset, as the protocol counts it.
fn position(text: &str, offset: usize, is_utf8: bool) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let line_text = &before[before.rfind('\n').map_or(0, |newline| newline + 1)..];
    let character = if is_utf8 { line_text.len() } else { line_text.encode_utf16().count() };
    json!({ "line": line, "character": character })
}

/// An offset between two characters, not inside of an end of line.
fn boundary(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) || text[..at].ends_with('\r') {
        at -= 1;
    }
    at
}

fn capabilities(is_utf8: bool) -> Value {
    if is_utf8 { json!({ "general": { "positionEncodings": ["utf-8", "utf-16"] } }) } else { json!({}) }
}

/// What shows the text and the meaning of a document.
async fn observe(client: &mut Client, uri: &str, version: i32) -> (Vec<Value>, Vec<Value>) {
    let diagnostics = client.wait_for_diagnostics(uri, version).await;
    let mut seen = Vec::new();
    for method in ["semanticTokens/full", "foldingRange", "documentSymbol"] {
        let params = json!({ "textDocument": { "uri": uri } });
        let mut answer = client.request(&format!("textDocument/{method}"), params).await;
        // Each answer has a name of its own.
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("resultId");
        }
        seen.push(answer);
    }
    (diagnostics, seen)
}

#[tokio::test]
async fn a_storm_of_edits_ends_where_a_fresh_document_begins() {
    // `CASCADE_STORM=500` makes as many edits of each program.
    let edits: usize = std::env::var("CASCADE_STORM").ok().map_or(60, |count| count.parse().unwrap());
    let mut random = Random(0x5eed_cafe);
    for (number, (uri, original)) in examples().into_iter().enumerate() {
        let is_utf8 = number % 2 == 0;
        let mut client = Client::start(capabilities(is_utf8)).await;
        client.open_document(&uri, &original).await;
        let mut text = original;
        let mut version = 1;
        for edit in 0..edits {
            version += 1;
            // Several changes of one message apply one after the other.
            let mut changes = Vec::new();
            for _ in 0..1 + random.below(3) {
                let start = boundary(&text, &mut random);
                let mut end = (start + random.below(12)).min(text.len());
                while !text.is_char_boundary(end) || text[..end].ends_with('\r') {
                    end += 1;
                }
                let piece = PIECES[random.below(PIECES.len())];
                let range = json!({ "start": position(&text, start, is_utf8), "end": position(&text, end, is_utf8) });
                changes.push(json!({ "range": range, "text": piece }));
                text.replace_range(start..end, piece);
            }
            let document = json!({ "uri": uri, "version": version });
            client
                .notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }))
                .await;
            if edit % 7 == 0 {
                // Nobody waits for these; one is cancelled.
                let at = position(&text, boundary(&text, &mut random), is_utf8);
                let params = json!({ "textDocument": { "uri": uri }, "position": at });
                let id = client.send_request("textDocument/completion", params.clone()).await;
                client.notify("$/cancelRequest", json!({ "id": id })).await;
                client.send_request("textDocument/hover", params).await;
            }
        }
        let after = observe(&mut client, &uri, version).await;
        let mut fresh = Client::start(capabilities(is_utf8)).await;
        fresh.open_document(&uri, &text).await;
        let expected = observe(&mut fresh, &uri, 1).await;
        assert_eq!(after, expected, "{uri}");
    }
}

#[tokio::test]
async fn versions_that_go_back_are_taken_as_they_come() {
    let uri = "file:///nowhere/a.cascade";
    let mut client = Client::start(json!({})).await;
    client.open_document(uri, "fn f() -> int = 1\n").await;
    client.replace_in_line(uri, 9, 0, 16, 17, "\"a\"").await;
    assert_eq!(client.wait_for_diagnostics(uri, 9).await.len(), 1);
    client.replace_in_line(uri, 4, 0, 16, 19, "2").await;
    assert_eq!(client.wait_for_diagnostics(uri, 4).await, Vec::<Value>::new());
}

#[tokio::test]
async fn messages_with_wrong_parameters_are_refused_and_the_server_goes_on() {
    let uri = "file:///nowhere/a.cascade";
    let mut client = Client::start(json!({})).await;
    client.open_document(uri, "fn f() -> int = 1\n").await;
    let wrong = [
        ("textDocument/hover", json!({ "textDocument": 1 })),
        ("textDocument/completion", json!([])),
        ("textDocument/rename", json!({ "textDocument": { "uri": uri }, "position": { "line": -1, "character": 0 } })),
        ("textDocument/nothing", json!({})),
    ];
    for (method, params) in wrong {
        let id = client.send_request(method, params).await;
        let answer = client.wait_for_message(|m| m["id"] == id && m.get("method").is_none()).await;
        assert!(answer["error"]["code"].is_number(), "{method}: {answer}");
    }
    client.notify("textDocument/didChange", json!({ "textDocument": {} })).await;
    client.notify("textDocument/didClose", json!(3)).await;
    let params = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 3 } });
    assert!(client.request("textDocument/hover", params).await["contents"]["value"].is_string());
}

#[tokio::test]
async fn importers_are_checked_again_in_a_project_of_500_files() {
    let folder = std::env::temp_dir().join(format!("cascade-500-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let shared = "type Shared {\n  count: int\n}\n";
    fs::write(folder.join("shared.cascade"), shared).unwrap();
    let importer = |n: usize| {
        format!("import \"./shared.cascade\" {{ Shared }}\n\nfn get_{n}(s: Shared) -> int = s.count + {n}\n")
    };
    for n in 1..500 {
        fs::write(folder.join(format!("importer_{n}.cascade")), importer(n)).unwrap();
    }
    let uri = |name: &str| format!("file://{}/{name}.cascade", folder.display());
    let mut client = Client::connect();
    let params = json!({ "processId": null, "rootUri": format!("file://{}", folder.display()), "capabilities": {} });
    client.request("initialize", params).await;
    client.notify("initialized", json!({})).await;
    client.open_document(&uri("shared"), shared).await;
    let opened = 20;
    for n in 1..=opened {
        client.open_document(&uri(&format!("importer_{n}")), &importer(n)).await;
        assert_eq!(client.wait_for_diagnostics(&uri(&format!("importer_{n}")), 1).await, Vec::<Value>::new());
    }
    // The field becomes a text: every open importer is wrong now.
    client.replace_in_line(&uri("shared"), 2, 1, 9, 12, "string").await;
    for n in 1..=opened {
        let found = client.wait_for_diagnostics(&uri(&format!("importer_{n}")), 1).await;
        assert_eq!(found.len(), 1, "{n}: {found:?}");
    }
    client.replace_in_line(&uri("shared"), 3, 1, 9, 15, "int").await;
    for n in 1..=opened {
        assert_eq!(client.wait_for_diagnostics(&uri(&format!("importer_{n}")), 1).await, Vec::<Value>::new());
    }
    // A rename changes the files that are not open, too.
    let params = json!({
        "textDocument": { "uri": uri("shared") },
        "position": { "line": 1, "character": 3 },
        "newName": "amount",
    });
    let edit = client.request("textDocument/rename", params).await;
    assert_eq!(edit["changes"].as_object().unwrap().len(), 500);
    fs::remove_dir_all(&folder).unwrap();
}
