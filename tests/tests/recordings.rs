//! `run --record` against a server, and `run --replay` without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use cascade_tests::{binary::cascadec, server};
use serde_json::{Value as Json, json};

const TOKEN: &str = "hunter22-token";
const KEY: &str = "sk-very-secret-key";

fn program_text(url: &str, prompt: &str) -> String {
    format!(
        r#"
model local {{
  provider: openai_compatible
  id: "small"
  base_url: "{url}"
  key_env: "FIXTURE_TEST_KEY"
  price: {{ input: 1000usd, output: 1000usd }}
}}

memory notes: global {{
  seen: int = 5
}}

skill fetch(token: secret) -> string {{
  http get "https://service.invalid/items" {{
    headers: {{ Authorization: "Bearer $<token>", Accept: "text/plain" }}
  }}
  output text
}}

skill review(text: string) -> int {{
  prompt """
    {prompt}
    $<text>
    """
}}

skill note(text: string) {{
  run sh"echo $<text> >> notes.txt"
}}

cascade main(token: secret) -> string {{
  stage page = fetch(token)
  stage first = review(page)
    using local
  stage second = review(page)
    using local
    on error skip
  stage noted = note("$<first> $<second ?? 0> $<notes.seen>")
  return "$<page> $<first> $<second ?? 0>"
}}
"#
    )
    .replace("https://service.invalid", url)
}

fn model_answer(n: u32) -> String {
    let content = format!("{{\"value\": {n}}}");
    json!({
        "choices": [{ "message": { "role": "assistant", "content": content }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 100 * n, "completion_tokens": 10 },
        "note": format!("asked with {KEY}"),
    })
    .to_string()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, more: &[&str], key: bool) -> Output {
        let mut command = Command::new(cascadec().as_ref().unwrap());
        command.args(["run", "flow.cascade", "--input"]).arg(format!("token={TOKEN}")).args(more);
        command.current_dir(self.path()).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("FIXTURE_TEST_KEY");
        if key {
            command.env("FIXTURE_TEST_KEY", KEY);
        }
        command.output().unwrap()
    }

    fn write(&self, text: &str) {
        fs::write(self.path().join("flow.cascade"), text).unwrap();
    }

    fn fixtures(&self) -> BTreeMap<String, String> {
        fs::read_dir(self.path().join("fixtures"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
            .collect()
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.path().join("notes.txt")).unwrap_or_default()
    }
}

fn printed_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a recorded run, and the address of the server that is gone.
fn record_run() -> (Folder, String) {
    let page = format!("items\nof {TOKEN}");
    let (url, server) =
        server::serve(vec![(200, page), (200, model_answer(1)), (429, "{}".to_owned()), (200, model_answer(2))]);
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.write(
        &program_text(&url, "How many?")
            .replace("    on error skip", "    retry 1 backoff 1ms..2ms\n    on error skip"),
    );
    let output = folder.run(&["--record", "fixtures"], true);
    assert_eq!(output.status.code(), Some(0), "{}", printed_text(&output));
    let asked = server.join().unwrap();
    assert!(asked[0].contains(TOKEN) && asked[1].contains(KEY), "{asked:?}");
    // The recorded run and the replays find the same memory.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "items\nof [secret] 1 2\n");
    folder.write(&program_text(&url, "How many?"));
    (folder, url)
}

#[test]
fn a_recorded_run_is_replayed_without_network_and_key() {
    let (folder, _) = record_run();
    let fixtures = folder.fixtures();
    let names: Vec<&str> =
        fixtures.keys().map(|name| name.rsplit_once('-').map_or(name.as_str(), |(n, _)| n)).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(fixtures.keys().all(|name| name.starts_with("main-") && name.ends_with(".json")), "{names:?}");
    for (name, text) in &fixtures {
        assert!(!text.contains("hunter22") && !text.contains("sk-very"), "{name}: {text}");
    }
    let page: Json = serde_json::from_str(fixtures.iter().find(|f| f.0.contains("page")).unwrap().1).unwrap();
    assert_eq!(page["answer"]["body"], json!({ "lines": ["items", "of [secret]"] }));
    assert_eq!(page["request"]["headers"], json!({ "Authorization": "[secret]", "Accept": "text/plain" }));
    let second = fixtures.iter().find(|f| f.0.contains("second")).unwrap();
    let review: Json = serde_json::from_str(second.1).unwrap();
    assert_eq!(review["nth"], 2);
    assert_eq!(review["model"], "local");
    assert_eq!(review["request"]["prompt"]["lines"][0], "How many?");
    assert_eq!(review["usage"]["tokens_in"], 200);
    let notes = folder.notes();
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(output.status.code(), Some(0), "{}", printed_text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "items\nof [secret] 1 2\n");
    assert!(printed_text(&output).contains("nothing spent; $0.3200 when it was recorded"), "{}", printed_text(&output));
    // Commands are executed in both.
    assert_eq!(folder.notes(), notes.repeat(2));
    assert_eq!(folder.fixtures(), fixtures);
}

#[test]
fn an_unknown_request_ends_the_run_and_says_what_differs() {
    let (folder, url) = record_run();
    let notes = folder.notes();
    folder.write(&program_text(&url, "How many really?"));
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(output.status.code(), Some(1), "{}", printed_text(&output));
    let text = printed_text(&output);
    for part in [
        "failed: main/first: no recording matches this request",
        "the most similar recording is `fixtures/main-first-",
        "prompt, line 1:",
        "- How many?",
        "+ How many really?",
        "--record fixtures",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    // Nothing came after it.
    assert_eq!(folder.notes(), notes);
}

#[test]
fn no_handler_hides_an_unknown_request() {
    let (folder, url) = record_run();
    // The second stage has `on error skip`.
    folder.write(&program_text(&url, "How many?").replace("second = review(page)", "second = review(\"$<page>!\")"));
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(output.status.code(), Some(1), "{}", printed_text(&output));
    assert!(printed_text(&output).contains("failed: main/second: no recording matches"), "{}", printed_text(&output));
}

#[test]
fn equal_requests_are_answered_as_often_as_they_were_recorded() {
    let (folder, url) = record_run();
    let third = "  stage third = review(page)\n    using local\n  stage noted";
    folder.write(&program_text(&url, "How many?").replace("  stage noted", third));
    let output = folder.run(&["--replay", "fixtures"], false);
    let text = printed_text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("main/third: this request is made 3 times, but 2 answers are recorded"), "{text}");
}

#[test]
fn requests_are_matched_by_content_and_not_by_stage() {
    let (folder, url) = record_run();
    folder.write(&program_text(&url, "How many?").replace("first", "erste").replace("page", "seite"));
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(output.status.code(), Some(0), "{}", printed_text(&output));
}

#[test]
fn a_new_recording_replaces_what_it_asks_again() {
    let (folder, _) = record_run();
    let before = folder.fixtures();
    let page = format!("items\nof {TOKEN}");
    let (url, server) = server::serve(vec![(200, page), (200, model_answer(3)), (200, model_answer(4))]);
    folder.write(&program_text(&url, "How many?").replace("first", "erste"));
    let output = folder.run(&["--record", "fixtures"], true);
    assert_eq!(output.status.code(), Some(0), "{}", printed_text(&output));
    server.join().unwrap();
    let after = folder.fixtures();
    // The address of the server differs, and the stage is renamed.
    assert_eq!(after.len(), before.len() + 1, "{:?}", after.keys());
    assert!(!after.keys().any(|name| name.contains("first")), "{:?}", after.keys());
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "items\nof [secret] 3 4\n", "{}", printed_text(&output));
}

#[test]
fn folders_that_cannot_be_used() {
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.write(&program_text("http://127.0.0.1:9", "x"));
    let missing = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(missing.status.code(), Some(2));
    assert!(printed_text(&missing).contains("cannot read `fixtures`"), "{}", printed_text(&missing));
    fs::create_dir(folder.path().join("fixtures")).unwrap();
    let empty = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(empty.status.code(), Some(2));
    assert!(printed_text(&empty).contains("there are no recordings in `fixtures`"), "{}", printed_text(&empty));
    fs::write(folder.path().join("fixtures/a.json"), "{\"cascade_fixture\": 99}").unwrap();
    assert!(printed_text(&folder.run(&["--replay", "fixtures"], false)).contains("has format 99"));
    fs::write(folder.path().join("fixtures/a.json"), "{\"cascade_fixture\": 1}").unwrap();
    assert!(printed_text(&folder.run(&["--replay", "fixtures"], false)).contains("is not a complete recording"));
    fs::write(folder.path().join("fixtures/a.json"), "{").unwrap();
    assert!(printed_text(&folder.run(&["--replay", "fixtures"], false)).contains("is not JSON"));
    let both = folder.run(&["--replay", "fixtures", "--record", "fixtures"], false);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn memory_is_what_the_recorded_run_found() {
    let (folder, _) = record_run();
    let set = Command::new(cascadec().as_ref().unwrap())
        .args(["memory", "set", "notes.seen", "8"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(set.status.success(), "{}", printed_text(&set));
    // The recorded run did not find it.
    let output = folder.run(&["--replay", "fixtures"], false);
    assert_eq!(output.status.code(), Some(0), "{}", printed_text(&output));
    assert_eq!(folder.notes(), "1 2 5\n1 2 5\n");
    let page = format!("items\nof {TOKEN}");
    let (url, server) = server::serve(vec![(200, page), (200, model_answer(1)), (200, model_answer(2))]);
    folder.write(&program_text(&url, "How many?"));
    assert!(folder.run(&["--record", "fixtures"], true).status.success());
    server.join().unwrap();
    fs::remove_dir_all(folder.path().join(".cascade")).unwrap();
    assert!(folder.run(&["--replay", "fixtures"], false).status.success());
    assert_eq!(folder.notes(), "1 2 5\n1 2 5\n1 2 8\n1 2 8\n");
}
