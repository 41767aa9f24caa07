//! The language server through its protocol: capabilities, diagnostics, edits, fixes, imports, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;

use client::Client;
use serde_json::{Value, json};

const A: &str = "file:///nowhere/a.cascade";
const B: &str = "file:///nowhere/b.cascade";

/// A program with an error after an emoji, which has four bytes in UTF-8 and two units in UTF-16.
const BROKEN: &str = "cascade main(name: string) -> string {\n  return \"😀$<nam>\"\n}\n";

fn range_on_line(line: u32, from: u32, to: u32) -> Value {
    json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } })
}

#[tokio::test]
async fn initialize_announces_capabilities() {
    let mut client = Client::connect();
    let answer = client.initialize(json!({})).await;
    let can = &answer["capabilities"];
    assert_eq!(can["positionEncoding"], "utf-16");
    assert_eq!(can["textDocumentSync"]["change"], 2);
    assert_eq!(can["documentFormattingProvider"], true);
    assert_eq!(
        can["codeActionProvider"]["codeActionKinds"],
        json!(["quickfix", "refactor.extract", "refactor.inline", "refactor.rewrite"])
    );
    assert_eq!(answer["serverInfo"]["name"], "cascadec");

    let mut client = Client::connect();
    let offered = json!({ "general": { "positionEncodings": ["utf-16", "utf-8"] } });
    assert_eq!(client.initialize(offered).await["capabilities"]["positionEncoding"], "utf-8");
}

#[tokio::test]
async fn positions_use_the_negotiated_encoding() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, BROKEN).await;
    let found = client.wait_for_diagnostics(A, 1).await;
    let expected = json!([{
        "range": range_on_line(1, 14, 17),
        "severity": 1,
        "code": "E0201",
        "source": "cascade",
        "message": "there is no value `nam`\nnot found\nhelp: did you mean `name`?",
    }]);
    assert_eq!(Value::from(found), expected);

    let mut client = Client::start(json!({ "general": { "positionEncodings": ["utf-8"] } })).await;
    client.open_document(A, BROKEN).await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await[0]["range"], range_on_line(1, 16, 19));
}

#[tokio::test]
async fn an_edit_that_removes_a_mistake_clears_its_diagnostic() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, BROKEN).await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await.len(), 1);
    client.replace_in_line(A, 2, 1, 17, 17, "e").await;
    assert_eq!(client.wait_for_diagnostics(A, 2).await, [] as [Value; 0]);
    client.close_document(A).await;
    assert_eq!(client.wait_for_diagnostics(A, Value::Null).await, [] as [Value; 0]);
}

#[tokio::test]
async fn unused_names_are_tagged_unnecessary() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, "cascade main() -> int {\n  let a = 1\n  return 1\n}\n").await;
    let found = client.wait_for_diagnostics(A, 1).await;
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!("W0101"), &json!(2)));
    assert_eq!(found[0]["tags"], json!([1]));
}

#[tokio::test]
async fn related_information_is_sent_to_clients_that_support_it() {
    const TWICE: &str = "type T {\n  n: int\n}\ntype T {\n  n: int\n}\n";
    let can = json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } });
    let mut client = Client::start(can).await;
    client.open_document(A, TWICE).await;
    let found = client.wait_for_diagnostics(A, 1).await;
    let related = &found[0]["relatedInformation"][0];
    assert_eq!(related["location"], json!({ "uri": A, "range": range_on_line(0, 5, 6) }), "{found:?}");

    let mut client = Client::start(json!({})).await;
    client.open_document(A, TWICE).await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await[0].get("relatedInformation"), None);
}

#[tokio::test]
async fn a_document_without_syntax_errors_is_formatted() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, "type T {\n      n: int\n}\n").await;
    assert_eq!(
        client.request_format(A).await,
        json!([{
            "range": { "start": { "line": 1, "character": 0 }, "end": { "line": 2, "character": 0 } },
            "newText": "  n: int\n",
        }])
    );
    client.replace_in_line(A, 2, 1, 0, 4, "").await;
    assert_eq!(client.request_format(A).await, json!([]));
    client.replace_in_line(A, 3, 0, 7, 8, "").await;
    assert_eq!(client.request_format(A).await, Value::Null);
    assert_eq!(client.request_format(B).await, Value::Null, "not open");
}

#[tokio::test]
async fn a_fix_applies_to_the_newest_text() {
    let mut client = Client::start(json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } })).await;
    client.open_document(A, BROKEN).await;
    client.replace_in_line(A, 2, 0, 0, 0, "\n").await;
    let fixes = client.request_fixes(A, 2, 15).await;
    assert_eq!(fixes[0]["title"], "change to `name`");
    assert_eq!(fixes[0]["kind"], "quickfix");
    assert_eq!(fixes[0]["isPreferred"], true);
    assert_eq!(fixes[0]["diagnostics"][0]["code"], "E0201");
    let change = &fixes[0]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({ "uri": A, "version": 2 }));
    assert_eq!(change["edits"], json!([{ "range": range_on_line(2, 14, 17), "newText": "name" }]));
    assert_eq!(client.request_fixes(A, 0, 0).await, json!([]), "nothing is wrong there");
    assert_eq!(client.request_fixes(B, 0, 0).await, Value::Null, "not open");

    let mut client = Client::start(json!({})).await;
    client.open_document(A, BROKEN).await;
    let fixes = client.request_fixes(A, 1, 14).await;
    assert_eq!(fixes[0]["edit"]["changes"][A], json!([{ "range": range_on_line(1, 14, 17), "newText": "name" }]));
}

#[tokio::test]
async fn imports_see_unsaved_text() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, "import \"./b.cascade\" { T }\ncascade main() -> T {\n  return { n: 1 }\n}\n").await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await[0]["code"], "E0205", "b is not there yet");
    client.open_document(B, "type T {\n  n: int\n}\n").await;
    assert_eq!(client.wait_for_diagnostics(B, 1).await, [] as [Value; 0]);
    assert_eq!(client.wait_for_diagnostics(A, 1).await, [] as [Value; 0], "checked again without an edit of its own");
    client.replace_in_line(B, 2, 1, 5, 8, "string").await;
    let found = client.wait_for_diagnostics(A, 1).await;
    assert_eq!(found[0]["severity"], 1, "{found:?}");
    assert_eq!(found[0]["range"]["start"]["line"], 2, "{found:?}");
    client.close_document(B).await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await[0]["code"], "E0205");
}

#[tokio::test]
async fn an_import_cycle_is_reported_at_the_import_that_closes_it() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, "import \"./b.cascade\" { B }\ntype A {\n  b: B?\n}\n").await;
    client.wait_for_diagnostics(A, 1).await;
    client.open_document(B, "import \"./a.cascade\" { A }\ntype B {\n  a: A?\n}\n").await;
    for uri in [A, B] {
        // The diagnostics of a document become more as documents that import it are checked.
        let found = client
            .wait_for_message(|m| {
                m["params"]["uri"] == uri
                    && m["params"]["diagnostics"].as_array().is_some_and(|d| d.iter().any(|d| d["code"] == "E0206"))
            })
            .await;
        assert_eq!(found["params"]["version"], 1);
    }
}

#[tokio::test]
async fn a_change_on_disk_is_analysed() {
    let folder = std::env::temp_dir().join(format!("cascade lsp {}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (a, b) = (folder.join("a.cascade"), folder.join("b.cascade"));
    std::fs::write(&b, "type T {\n  n: int\n}\n").unwrap();
    let uri = |path: &std::path::Path| format!("file://{}", path.to_str().unwrap().replace(' ', "%20"));
    let mut client = Client::start(json!({})).await;
    client.open_document(&uri(&a), "import \"./b.cascade\" { T }\ncascade main() -> T {\n  return { n: 1 }\n}\n").await;
    assert_eq!(client.wait_for_diagnostics(&uri(&a), 1).await, [] as [Value; 0]);
    std::fs::remove_file(&b).unwrap();
    let changes = json!({ "changes": [{ "uri": uri(&b), "type": 3 }] });
    client.notify("workspace/didChangeWatchedFiles", changes).await;
    assert_eq!(client.wait_for_diagnostics(&uri(&a), 1).await[0]["code"], "E0205");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn errors_of_files_that_are_not_open_are_reported_at_the_import() {
    let folder = std::env::temp_dir().join(format!("cascade-lsp-closed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let uri = |name: &str| format!("file://{}/{name}", folder.to_str().unwrap());
    std::fs::write(folder.join("b.cascade"), "import \"./c.cascade\" { C }\ntype B {\n  c: C\n}\n").unwrap();
    let broken = "type C {\n  n: Missing\n}\n";
    std::fs::write(folder.join("c.cascade"), broken).unwrap();
    let can = json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } });
    let mut client = Client::start(can).await;
    client.open_document(&uri("a.cascade"), "// uses b\nimport \"./b.cascade\" { B }\ntype A {\n  b: B\n}\n").await;
    let found = client.wait_for_diagnostics(&uri("a.cascade"), 1).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["range"], &found[0]["severity"]), (&range_on_line(1, 7, 20), &json!(1)));
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.starts_with("`./b.cascade` has errors"), "{message}");
    assert!(message.contains("c.cascade:2:6: "), "{message}");
    let related = &found[0]["relatedInformation"][0]["location"];
    assert_eq!(related, &json!({ "uri": uri("c.cascade"), "range": range_on_line(1, 5, 12) }));
    // When the file is open, its errors are reported in it.
    client.open_document(&uri("c.cascade"), broken).await;
    assert_eq!(client.wait_for_diagnostics(&uri("c.cascade"), 1).await.len(), 1);
    assert_eq!(client.wait_for_diagnostics(&uri("a.cascade"), 1).await, [] as [Value; 0]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn file_watchers_are_registered_with_clients_that_support_it() {
    let can = json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut client = Client::start(can).await;
    let asked = client.wait_for_message(|m| m["method"] == "client/registerCapability").await;
    let registration = &asked["params"]["registrations"][0];
    assert_eq!(registration["method"], "workspace/didChangeWatchedFiles");
    assert_eq!(registration["registerOptions"]["watchers"][0]["globPattern"], "**/*.cascade");
    // The client never answers the request, and the server does not wait for the answer.
    client.open_document(A, BROKEN).await;
    assert_eq!(client.wait_for_diagnostics(A, 1).await.len(), 1);
}

#[tokio::test]
async fn diagnostics_are_those_of_the_last_of_many_edits() {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, "cascade main(name: string) -> string {\n  return \"$<name>\"\n}\n").await;
    // Inserts and deletes at the end of the name; after the last edit there is one letter too many. If edits were
    // applied in another order, the text would differ.
    for version in 2..=200 {
        match version % 2 {
            0 => client.replace_in_line(A, version, 1, 16, 16, "s").await,
            _ => client.replace_in_line(A, version, 1, 16, 17, "").await,
        }
    }
    client.replace_in_line(A, 201, 1, 16, 17, "xyz").await;
    let found = client.wait_for_diagnostics(A, 201).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["range"], range_on_line(1, 12, 19));
    assert_eq!(found[0]["message"].as_str().unwrap().lines().next(), Some("there is no value `namexyz`"));
}

#[tokio::test]
async fn the_exit_code_depends_on_shutdown() {
    let mut client = Client::start(json!({})).await;
    assert_eq!(client.request("shutdown", Value::Null).await, Value::Null);
    client.notify("exit", Value::Null).await;
    assert_eq!(client.exit_code().await, 0, "shutdown, exit");

    // Many clients do not wait for the answer.
    for _ in 0..20 {
        let mut client = Client::start(json!({})).await;
        client.send_request("shutdown", Value::Null).await;
        client.notify("exit", Value::Null).await;
        assert_eq!(client.exit_code().await, 0, "shutdown and exit at once");
    }

    let mut client = Client::start(json!({})).await;
    client.notify("exit", Value::Null).await;
    assert_eq!(client.exit_code().await, 1, "exit");

    let mut client = Client::start(json!({})).await;
    client.open_document(A, BROKEN).await;
    client.hang_up();
    assert_eq!(client.exit_code().await, 1, "gone");
}
