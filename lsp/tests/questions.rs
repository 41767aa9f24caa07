//! Questions of an editor through the protocol.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;

use client::Client;
use serde_json::{Value, json};

const A: &str = "file:///nowhere/a.cascade";
const B: &str = "file:///nowhere/b.cascade";

const PROGRAM: &str = "/// Doubles a number.\nfn twice(n: int) -> int = n * 2\n\ncascade main(start: int) -> int {\n  let end = twice(start)\n  return end\n}\n";

async fn open(text: &str) -> Client {
    let mut client = Client::start(json!({})).await;
    client.open_document(A, text).await;
    client
}

fn at(uri: &str, line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

fn labels(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn completion_works_in_a_text_that_is_being_typed() {
    let mut client = open(PROGRAM).await;
    client.replace_in_line(A, 2, 5, 9, 12, "\"$<e").await;
    let answer = client.request("textDocument/completion", at(A, 5, 13)).await;
    assert_eq!(labels(&answer)[0], "end", "{answer}");
    let edit = &answer["items"][0]["textEdit"];
    assert_eq!(edit["newText"], "end");
    assert_eq!(edit["range"]["start"], json!({ "line": 5, "character": 12 }));
    assert_eq!(edit["range"]["end"], json!({ "line": 5, "character": 13 }));
    assert_eq!(answer["items"][0]["detail"], "int");
}

#[tokio::test]
async fn snippets_are_for_clients_that_know_them() {
    let ask = async |capabilities: Value| {
        let mut client = Client::start(capabilities).await;
        client.open_document(A, &PROGRAM.replace("twice(start)", "")).await;
        let answer = client.request("textDocument/completion", at(A, 4, 12)).await;
        let items = answer["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["label"] == "twice").unwrap()
    };
    assert_eq!(ask(json!({})).await["textEdit"]["newText"], "twice");
    let can = json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } } });
    let item = ask(can).await;
    assert_eq!((&item["textEdit"]["newText"], &item["insertTextFormat"]), (&json!("twice(${1:n})"), &json!(2)));
}

#[tokio::test]
async fn a_hover_has_the_declaration_and_its_documentation() {
    let mut client = open(PROGRAM).await;
    let answer = client.request("textDocument/hover", at(A, 4, 13)).await;
    let text = answer["contents"]["value"].as_str().unwrap();
    assert_eq!(text, "```cascade\nfn twice(n: int) -> int\n```\n\nDoubles a number.");
    let cascade = client.request("textDocument/hover", at(A, 3, 10)).await;
    assert!(cascade["contents"]["value"].as_str().unwrap().contains("Worst case: "), "{cascade}");
    assert_eq!(client.request("textDocument/hover", at(A, 2, 0)).await, Value::Null);
    assert_eq!(client.request("textDocument/hover", at(B, 0, 0)).await, Value::Null, "not open");
}

#[tokio::test]
async fn places_lead_to_each_other() {
    let mut client = open(PROGRAM).await;
    let definition = client.request("textDocument/definition", at(A, 4, 13)).await;
    assert_eq!(definition[0]["range"]["start"], json!({ "line": 1, "character": 3 }));
    let mut params = at(A, 1, 3);
    params["context"] = json!({ "includeDeclaration": true });
    assert_eq!(client.request("textDocument/references", params).await.as_array().unwrap().len(), 2);
    let highlights = client.request("textDocument/documentHighlight", at(A, 4, 7)).await;
    assert_eq!(highlights.as_array().unwrap().len(), 2, "{highlights}");
    let symbols = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": A } })).await;
    assert_eq!((&symbols[0]["name"], &symbols[1]["name"]), (&json!("twice"), &json!("main")));
    let found = client.request("workspace/symbol", json!({ "query": "TWC" })).await;
    assert_eq!(found[0]["name"], "twice");
    let help = client.request("textDocument/signatureHelp", at(A, 4, 18)).await;
    assert_eq!(help["signatures"][0]["label"], "fn twice(n: int) -> int");
    assert_eq!(help["activeParameter"], 0);
}

#[tokio::test]
async fn a_type_leads_to_its_declaration() {
    let mut client = open("type T {\n  n: int\n}\n\nfn f(all: list<T>) -> int = all.len()\n").await;
    let found = client.request("textDocument/typeDefinition", at(A, 4, 30)).await;
    assert_eq!(found["range"]["start"], json!({ "line": 0, "character": 5 }), "{found}");
}

#[tokio::test]
async fn renaming_covers_all_open_files_or_is_refused() {
    let mut client = Client::start(json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } })).await;
    client.open_document(B, "type T {\n  n: int\n}\n").await;
    client.open_document(A, "import \"./b.cascade\" { T }\n\nfn f(t: T) -> int = t.n\n").await;
    client.wait_for_diagnostics(A, 1).await;
    let range = client.request("textDocument/prepareRename", at(B, 1, 2)).await;
    assert_eq!(range["start"], json!({ "line": 1, "character": 2 }));
    let mut params = at(B, 1, 2);
    params["newName"] = json!("number");
    let answer = client.request("textDocument/rename", params.clone()).await;
    let files = answer["documentChanges"].as_array().unwrap();
    let uris: Vec<_> = files.iter().map(|file| file["textDocument"]["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, [A, B], "{answer}");
    assert_eq!(files[0]["edits"][0]["newText"], "number");
    params["newName"] = json!("if");
    let id = client.send_request("textDocument/rename", params).await;
    let refused = client.wait_for_message(|m| m["id"] == id).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("`if` is no name"), "{refused}");
    // Helix asks for a rename on white space.
    let id = client.send_request("textDocument/prepareRename", at(B, 0, 8)).await;
    let refused = client.wait_for_message(|m| m["id"] == id).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("no name"), "{refused}");
}

#[tokio::test]
async fn renaming_reaches_files_that_are_not_open() {
    let folder = std::env::temp_dir().join(format!("cascade-lsp-rename-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let uri = |name: &str| format!("file://{}/{name}", folder.to_str().unwrap());
    std::fs::write(folder.join("a.cascade"), "import \"./b.cascade\" { T }\n\nfn f(t: T) -> int = t.n\n").unwrap();
    std::fs::write(folder.join("c.cascade"), "fn g(n: int) -> int = n\n").unwrap();
    let mut client = Client::connect();
    let root = format!("file://{}", folder.to_str().unwrap());
    client.request("initialize", json!({ "processId": null, "rootUri": root, "capabilities": {} })).await;
    client.notify("initialized", json!({})).await;
    client.open_document(&uri("b.cascade"), "type T {\n  n: int\n}\n").await;
    let mut params = at(&uri("b.cascade"), 1, 2);
    params["newName"] = json!("number");
    let answer = client.request("textDocument/rename", params).await;
    let changes = answer["changes"].as_object().unwrap();
    let mut files: Vec<_> = changes.keys().collect();
    files.sort();
    assert_eq!(files, [&uri("a.cascade"), &uri("b.cascade")], "{answer}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn tokens_tell_prompts_commands_and_values_from_outside() {
    const TEXT: &str = "skill ask(q: string) -> string {\n  prompt \"Say $<q>\"\n}\n\nskill ls() -> string {\n  run sh\"ls -l\"\n}\n\ncascade main() -> string {\n  stage a = ls()\n  return a\n}\n";
    let mut client = Client::connect();
    let answer = client.initialize(json!({})).await;
    let legend = &answer["capabilities"]["semanticTokensProvider"]["legend"];
    let kind_of = |number: &Value| legend["tokenTypes"][number.as_u64().unwrap() as usize].as_str().unwrap().to_owned();
    client.open_document(A, TEXT).await;
    let document = json!({ "textDocument": { "uri": A } });
    let full = client.request("textDocument/semanticTokens/full", document.clone()).await;
    let data = full["data"].as_array().unwrap();
    let (mut line, mut character) = (0, 0);
    let mut found = Vec::new();
    for token in data.chunks(5) {
        let [lines, start, length] = [&token[0], &token[1], &token[2]].map(|n| n.as_u64().unwrap() as usize);
        character = if lines == 0 { character + start } else { start };
        line += lines;
        let word = TEXT.lines().nth(line).unwrap()[character..character + length].to_owned();
        found.push((word, kind_of(&token[3]), token[4].as_u64().unwrap()));
    }
    let kinds =
        |word: &str| found.iter().filter(|(w, ..)| w == word).map(|(_, k, m)| (k.as_str(), *m)).collect::<Vec<_>>();
    assert_eq!(kinds("Say "), [("prompt", 0)], "{found:?}");
    assert_eq!(kinds("-l"), [("option", 0)]);
    assert_eq!(kinds("$<"), [("hole", 0)]);
    assert_eq!(kinds("ls"), [("skill", 1), ("program", 0), ("skill", 0)]);
    // What a command printed is marked as untrusted, where it is declared and where it is read.
    assert_eq!(kinds("a"), [("variable", 3), ("variable", 2)]);
    let range = json!({ "start": { "line": 9, "character": 0 }, "end": { "line": 10, "character": 0 } });
    let mut params = document;
    params["range"] = range;
    let part = client.request("textDocument/semanticTokens/range", params).await;
    assert!(part["data"].as_array().unwrap().len() < data.len() / 2, "{part}");
}

#[tokio::test]
async fn ranges_and_hints_follow_the_text() {
    let mut client = open(PROGRAM).await;
    let document = json!({ "textDocument": { "uri": A } });
    let folds = client.request("textDocument/foldingRange", document.clone()).await;
    assert_eq!(folds, json!([{ "startLine": 3, "endLine": 5 }]));
    let mut params = document.clone();
    params["positions"] = json!([{ "line": 4, "character": 19 }]);
    let selection = client.request("textDocument/selectionRange", params).await;
    let start = |range: &Value| range["range"]["start"].clone();
    assert_eq!(start(&selection[0]), json!({ "line": 4, "character": 18 }), "the name");
    assert_eq!(start(&selection[0]["parent"]), json!({ "line": 4, "character": 12 }), "the call");
    let mut params = document;
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
    let hints = client.request("textDocument/inlayHint", params).await;
    assert_eq!(hints[0]["label"], ": int");
    assert_eq!(hints[0]["position"], json!({ "line": 4, "character": 9 }));
}

const FLOW: &str = "model quick {\n  provider: openai\n  id: \"quick\"\n  provides: [coding]\n}\n\nroute best {\n  _ -> quick\n}\n\nskill count(text: string) -> int {\n  run sh\"wc -c\"\n  stdin text\n  output json int\n}\n\ncascade inner() -> int {\n  stage a = count(\"a\")\n  return a\n}\n\ncascade main() -> int {\n  stage one = inner()\n  stage two = count(\"b\")\n  return one + two\n}\n\ntest \"it counts\" {\n  mock count -> 1\n  run main()\n}\n";

#[tokio::test]
async fn lenses_name_what_they_do_and_for_what() {
    let mut client = open(FLOW).await;
    let answer = client.request("textDocument/codeLens", json!({ "textDocument": { "uri": A } })).await;
    let commands: Vec<_> = answer.as_array().unwrap().iter().map(|lens| lens["command"].clone()).collect();
    let command =
        |title: &str, command: &str, name: &str| json!({ "title": title, "command": command, "arguments": [A, name] });
    let expected = [
        command("▶ Run", "cascade.run", "inner"),
        command("Graph", "cascade.graph", "inner"),
        command("▶ Run", "cascade.run", "main"),
        command("Graph", "cascade.graph", "main"),
        command("▶ Test", "cascade.test", "it counts"),
    ];
    assert_eq!(commands, expected);
    assert_eq!(answer[0]["range"]["start"], json!({ "line": 16, "character": 8 }));
}

#[tokio::test]
async fn calls_lead_in_both_directions() {
    let mut client = open(FLOW).await;
    let items = client.request("textDocument/prepareCallHierarchy", at(A, 17, 13)).await;
    assert_eq!((&items[0]["name"], &items[0]["uri"]), (&json!("count"), &json!(A)), "{items}");
    let callers = client.request("callHierarchy/incomingCalls", json!({ "item": items[0] })).await;
    let names: Vec<_> = callers.as_array().unwrap().iter().map(|call| call["from"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["inner", "main", "it counts"]);
    assert_eq!(callers[0]["fromRanges"][0]["start"], json!({ "line": 17, "character": 12 }));
    let called = client.request("callHierarchy/outgoingCalls", json!({ "item": callers[1]["from"] })).await;
    let names: Vec<_> = called.as_array().unwrap().iter().map(|call| call["to"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["count", "inner"]);
    assert_eq!(client.request("textDocument/prepareCallHierarchy", at(A, 6, 6)).await, Value::Null, "a route");
}

#[tokio::test]
async fn a_route_is_implemented_by_its_models() {
    let mut client = open(FLOW).await;
    let answer = client.request("textDocument/implementation", at(A, 6, 7)).await;
    assert_eq!(answer[0]["range"]["start"], json!({ "line": 0, "character": 6 }), "{answer}");
    assert_eq!(client.request("textDocument/implementation", at(A, 16, 9)).await, json!([]));
}

#[tokio::test]
async fn texts_that_name_files_are_links() {
    let folder = std::env::temp_dir().join(format!("cascade-links-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("flows")).unwrap();
    for (file, text) in [("cascade.toml", ""), ("notes.txt", "a"), ("flows/lib.cascade", "fn f() -> int = 1\n")] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let text = "import \"./lib.cascade\" { f }\nimport \"./none.cascade\" { g }\nskill s() -> string {\n  prompt \"p\"\n  attach files \"notes.txt\"\n  attach files \"*.txt\"\n}\n";
    let uri = format!("file://{}/flows/main.cascade", folder.display());
    let mut client = Client::start(json!({})).await;
    client.open_document(&uri, text).await;
    let answer = client.request("textDocument/documentLink", json!({ "textDocument": { "uri": uri } })).await;
    let links: Vec<_> = answer.as_array().unwrap().iter().map(|link| link["target"].as_str().unwrap()).collect();
    let target = |file: &str| format!("file://{}/{file}", folder.display());
    assert_eq!(links, [target("flows/lib.cascade"), target("notes.txt")]);
    assert_eq!(
        answer[0]["range"],
        json!({ "start": { "line": 0, "character": 8 }, "end": { "line": 0, "character": 21 } })
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn diagnostics_are_given_to_who_asks_for_them() {
    let capabilities = json!({ "textDocument": { "diagnostic": { "relatedDocumentSupport": true } } });
    let mut client = Client::connect();
    let answer = client.initialize(capabilities).await;
    assert_eq!(answer["capabilities"]["diagnosticProvider"]["interFileDependencies"], json!(true), "{answer}");
    let folder = std::env::temp_dir().join(format!("cascade-pull-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("lib.cascade"), "fn f() -> int = \"a\"\n").unwrap();
    let uri = format!("file://{}/main.cascade", folder.display());
    client.open_document(&uri, "import \"./lib.cascade\" { f }\nfn g() -> int = f()\n").await;
    let ask = |previous: Value| json!({ "textDocument": { "uri": uri }, "previousResultId": previous });
    let first = client.request("textDocument/diagnostic", ask(Value::Null)).await;
    assert_eq!((&first["kind"], first["items"].as_array().unwrap().len()), (&json!("full"), 1), "{first}");
    let lib = format!("file://{}/lib.cascade", folder.display());
    let related = &first["relatedDocuments"][&lib]["items"][0];
    assert_eq!(related["code"], "E0301", "{first}");
    let page = related["codeDescription"]["href"].as_str().unwrap();
    assert!(page.ends_with("/docs/diagnostics.md#e0301"), "{page}");
    let same = client.request("textDocument/diagnostic", ask(first["resultId"].clone())).await;
    assert_eq!(same, json!({ "kind": "unchanged", "resultId": first["resultId"] }));
    client.replace_in_line(&uri, 2, 1, 16, 19, "true").await;
    let next = client.request("textDocument/diagnostic", ask(first["resultId"].clone())).await;
    assert_eq!((&next["kind"], next["items"].as_array().unwrap().len()), (&json!("full"), 2), "{next}");
    let unknown = json!({ "textDocument": { "uri": B } });
    assert_eq!(client.request("textDocument/diagnostic", unknown).await["items"], json!([]), "not open");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn actions_are_given_by_kind() {
    let text = "skill size(f: path) -> int {\n  run sh\"wc -c < $<f>\"\n    output json int\n}\n\ncascade main() -> int {\n  stage a = size(\"a\")\n  stage b = size(\"b\")\n  return a + b\n}\n";
    let mut client = Client::connect();
    let answer = client.initialize(json!({})).await;
    let kinds = json!(["quickfix", "refactor.extract", "refactor.inline", "refactor.rewrite"]);
    assert_eq!(answer["capabilities"]["codeActionProvider"]["codeActionKinds"], kinds);
    client.open_document(A, text).await;
    let mut ask = async |only: Value| {
        let place = json!({ "line": 6, "character": 8 });
        let context = json!({ "diagnostics": [], "only": only });
        let range = json!({ "start": place, "end": place });
        let params = json!({ "textDocument": { "uri": A }, "range": range, "context": context });
        client.request("textDocument/codeAction", params).await.as_array().unwrap().clone()
    };
    let all = ask(Value::Null).await;
    let titles: Vec<_> = all.iter().map(|action| action["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        ["run in `parallel` with its neighbours", "retry `a` when it fails", "ask a person when `a` fails"]
    );
    assert_eq!(all[0]["kind"], "refactor.rewrite");
    let edit = &all[0]["edit"]["changes"][A][0];
    assert_eq!(edit["range"]["start"], json!({ "line": 6, "character": 0 }), "{edit}");
    let wanted = "  stage both = parallel {\n    stage a = size(\"a\")\n    stage b = size(\"b\")\n  }\n  return both.a + both.b\n";
    assert_eq!(edit["newText"], wanted);
    assert_eq!(ask(json!(["refactor"])).await.len(), 3);
    assert_eq!(ask(json!(["refactor.inline"])).await.len(), 0);
    assert_eq!(ask(json!(["quickfix", "source"])).await.len(), 0);
}

/// The words of a program with what they are: `kind word`, of the kinds that only a command has.
async fn words_of_commands(text: &str) -> Vec<String> {
    let mut client = Client::connect();
    let answer = client.initialize(json!({ "general": { "positionEncodings": ["utf-8"] } })).await;
    let legend = answer["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"].clone();
    client.open_document(A, text).await;
    let document = json!({ "textDocument": { "uri": A } });
    let full = client.request("textDocument/semanticTokens/full", document).await;
    let (mut line, mut character, mut found) = (0, 0, Vec::new());
    for token in full["data"].as_array().unwrap().chunks(5) {
        let [lines, start, length, kind] = [0, 1, 2, 3].map(|n| token[n].as_u64().unwrap() as usize);
        character = if lines == 0 { character + start } else { start };
        line += lines;
        let kind = legend[kind].as_str().unwrap();
        if matches!(kind, "program" | "option" | "argument" | "hole") {
            found.push(format!("{kind} {}", &text.lines().nth(line).unwrap()[character..character + length]));
        }
    }
    found
}

#[tokio::test]
async fn words_of_commands_are_told_apart() {
    let skill = |command: &str| format!("skill s(a: path) -> string {{\n  run {command}\n}}\n");
    let found = words_of_commands(&skill("sh\"A=1 env B=2 grep -n --file=$<a> 'ö x' < in | sort -- -k # no\"")).await;
    let wanted = [
        "program env",
        "argument B=2",
        "program grep",
        "option -n",
        "option --file=",
        "hole $<",
        "hole >",
        "argument 'ö x'",
        "program sort",
        "option --",
        "argument -k",
    ];
    assert_eq!(found, wanted);
    // A block loses its indentation; a command within a word is painted over it.
    let found = words_of_commands(&skill(
        "sh\"\"\"\n    if test -f \"$(dirname $<a>)/x\"; then\n      cat \\\n        y`date`\n    fi\n    \"\"\"",
    ))
    .await;
    let wanted = [
        "program test",
        "option -f",
        "argument \"$(",
        "program dirname",
        "argument  ",
        "hole $<",
        "hole >",
        "argument )/x\"",
        "program cat",
        "argument y`date`",
    ];
    assert_eq!(found, wanted);
    assert_eq!(words_of_commands(&skill("sh\"ls 'open\"")).await, [""; 0], "no shell reads this");
}

#[tokio::test]
async fn tokens_are_told_by_their_difference() {
    let mut client = open(PROGRAM).await;
    let document = json!({ "textDocument": { "uri": A } });
    let first = client.request("textDocument/semanticTokens/full", document.clone()).await;
    let (mut id, mut data) = (first["resultId"].clone(), first["data"].as_array().unwrap().clone());
    let ask = |id: &Value| json!({ "textDocument": { "uri": A }, "previousResultId": id });
    let edits = [(0, 0, 0, "\n"), (2, 0, 0, "fn two() -> int = 2\n"), (3, 0, 1, ""), (0, 0, 0, "")];
    for (version, (line, from, to, text)) in (2..).zip(edits) {
        client.replace_in_line(A, version, line, from, to, text).await;
        let delta = client.request("textDocument/semanticTokens/full/delta", ask(&id)).await;
        assert_ne!(delta["resultId"], id);
        id = delta["resultId"].clone();
        for edit in delta["edits"].as_array().unwrap() {
            let [start, deleted] = ["start", "deleteCount"].map(|key| edit[key].as_u64().unwrap() as usize);
            let new = edit["data"].as_array().unwrap().clone();
            assert!(new.len() < data.len() && start % 5 == 0, "{edit}");
            data.splice(start..start + deleted, new);
        }
        if text.is_empty() && to == 0 {
            assert_eq!(delta["edits"], json!([]), "nothing has changed");
        }
        let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
        let mut params = document.clone();
        params["range"] = range;
        let all = client.request("textDocument/semanticTokens/range", params).await;
        assert_eq!(all["data"], Value::Array(data.clone()));
    }
    let unknown = client.request("textDocument/semanticTokens/full/delta", ask(&json!("0"))).await;
    assert_eq!(unknown["data"], Value::Array(data), "of an answer that is not known any more, all");
}

#[tokio::test]
async fn a_typed_line_is_indented() {
    let mut client = open("cascade main() {\n  if true {\n    log \"ö\" }\n").await;
    client.replace_in_line(A, 2, 2, 12, 13, "\n    }").await;
    let mut params = at(A, 3, 5);
    params["ch"] = json!("}");
    params["options"] = json!({ "tabSize": 4, "insertSpaces": true });
    let edits = client.request("textDocument/onTypeFormatting", params).await;
    let range = json!({ "start": { "line": 3, "character": 0 }, "end": { "line": 3, "character": 4 } });
    assert_eq!(edits, json!([{ "range": range, "newText": "  " }]));
}

#[derive(Debug)]
struct OneRun;

impl cascade_lsp::RunHistory for OneRun {
    fn last_run(&self, file: &std::path::Path, cascade: &str) -> Option<cascade_lsp::LastRun> {
        let is_known = file == std::path::Path::new("/no/a.cascade") && cascade == "main";
        is_known.then(|| cascade_lsp::LastRun { id: "2npg".to_owned(), summary: "failed, 3ms".to_owned() })
    }
}

#[tokio::test]
async fn the_last_run_of_a_cascade_is_shown_above_it() {
    let mut client = Client::connect_with(std::sync::Arc::new(OneRun));
    client.initialize(json!({})).await;
    let uri = "file:///no/a.cascade";
    client.open_document(uri, FLOW).await;
    let answer = client.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } })).await;
    let last: Vec<_> =
        answer.as_array().unwrap().iter().filter(|lens| lens["command"]["command"] == "cascade.lastRun").collect();
    let command =
        json!({ "title": "Last run: failed, 3ms", "command": "cascade.lastRun", "arguments": [uri, "main", "2npg"] });
    assert_eq!((last.len(), &last[0]["command"], &last[0]["range"]["start"]["line"]), (1, &command, &json!(21)));
}

/// A document whose analysis takes long: what is asked meanwhile waits for it.
async fn open_long() -> Client {
    let mut text = String::new();
    for number in 0..6_000 {
        text.push_str(&format!("fn f{number}(n: int) -> int = n + {number}\n"));
    }
    let mut client = Client::start(json!({})).await;
    client.open_document(A, &text).await;
    client
}

#[tokio::test]
async fn a_question_that_waits_is_given_up_when_its_document_changes() {
    let mut client = open_long().await;
    let id = client.send_request("textDocument/hover", at(A, 4, 3)).await;
    client.replace_in_line(A, 2, 0, 0, 0, "\n").await;
    let answer = client.wait_for_message(|m| m["id"] == id).await;
    assert_eq!(answer["error"]["code"], -32801, "{answer}");
    // The next one is answered from the new text.
    let answer = client.request("textDocument/hover", at(A, 5, 3)).await;
    assert!(answer["contents"]["value"].as_str().unwrap().contains("f4"), "{answer}");
}

/// Editors show no completion, and do not ask again, when the question that they wait for is taken back.
#[tokio::test]
async fn a_completion_is_answered_although_its_user_types_on() {
    let mut client = open_long().await;
    client.replace_in_line(A, 2, 4, 27, 28, "f").await;
    let id = client.send_request("textDocument/completion", at(A, 4, 28)).await;
    client.replace_in_line(A, 3, 4, 28, 28, "5").await;
    let answer = client.wait_for_message(|m| m["id"] == id).await;
    let items = answer["result"]["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert!(!items.is_empty(), "{answer}");
}

#[tokio::test]
async fn a_question_that_waits_is_cancelled() {
    let mut client = open_long().await;
    let id = client.send_request("textDocument/hover", at(A, 4, 3)).await;
    client.notify("$/cancelRequest", json!({ "id": id })).await;
    let answer = client.wait_for_message(|m| m["id"] == id || m["method"] == "textDocument/publishDiagnostics").await;
    // Before the analysis has ended, of which the diagnostics tell.
    assert_eq!(answer["error"]["code"], -32800, "{answer}");
    assert!(client.request("textDocument/hover", at(A, 4, 3)).await.is_object(), "the server goes on");
}
