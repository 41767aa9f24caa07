//! Files that models are sent, and pictures that they draw.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/streams.rs"]
mod streams;

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use cascade_ir::ErrorKind;
use cascade_runtime::{Begin, Event};
use project::{Project, result_json, stderr, stdout};
use serde_json::{Value as Json, json};
use streams::{DIALECTS, Script, Server, Step, declaration, event, streamed};

/// What begins like a PNG.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\x01 a fox \xff";

fn drawing(dialect: &str, url: &str, end: &str) -> String {
    format!(
        "{}skill draw(what: string) -> image {{\n  prompt \"Draw $<what>.\"\n}}\n\ncascade main() -> image {{\n  \
         stage picture = draw(\"a fox\")\n    using m\n    retry 1 backoff 1ms..2ms\n{end}  return picture\n}}\n",
        declaration(dialect, url)
    )
}

/// A stream with a draft that is thought only, a sentence, and a picture.
fn drawn(dialect: &str, picture: &[u8]) -> Script {
    let data = STANDARD.encode(picture);
    let events = match dialect {
        "google" => vec![
            json!({ "candidates": [{ "content": { "parts": [{ "inlineData": { "mimeType": "image/png", "data": "AAAA" }, "thought": true }] } }] }),
            json!({ "candidates": [{ "content": { "parts": [{ "text": "Here it is." }] } }] }),
            json!({ "candidates": [{ "content": { "parts": [{ "inlineData": { "mimeType": "image/png", "data": data } }] }, "finishReason": "STOP" }],
                "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 1290 } }),
        ],
        _ => {
            let item = json!({ "type": "image_generation_call", "status": "completed", "result": data });
            vec![
                json!({ "type": "response.output_item.done", "item": item }),
                json!({ "type": "response.completed", "response": { "status": "completed", "output": [item],
                    "usage": { "input_tokens": 10, "output_tokens": 1290 } } }),
            ]
        }
    };
    Script::stream(events.iter().map(|data| Step::Send(event(data).into_bytes())).collect())
}

#[test]
fn a_picture_is_a_file_that_a_resumed_run_puts_back() {
    for dialect in ["google", "openai"] {
        let server = Server::start(vec![drawn(dialect, PICTURE)]);
        let project = Project::new();
        let outcome = project.run(&drawing(dialect, &server.url, "  gate 1 == 2, \"not yet\"\n"), Begin::New);
        assert_eq!(outcome.result.unwrap_err().message, "not yet", "{dialect}");
        // 10 tokens at 1 dollar and 1,290 at 10 dollars a million.
        assert_eq!(outcome.spent.cost, 12_910);
        let body = &server.bodies()[0];
        match dialect {
            "google" => assert_eq!(body["generationConfig"]["responseModalities"], json!(["TEXT", "IMAGE"])),
            _ => assert_eq!(body["tools"], json!([{ "type": "image_generation" }])),
        }
        fs::remove_dir_all(project.path().join("images")).unwrap();
        let resumed = project.run(&drawing(dialect, &server.url, ""), Begin::Resume(outcome.run));
        let path = result_json(&resumed);
        let path = path.as_str().unwrap();
        assert!(path.starts_with("images/draw-") && path.ends_with(".png"), "{path}");
        assert_eq!(fs::read(project.path().join(path)).unwrap(), PICTURE);
        assert_eq!(server.bodies().len(), 1, "nothing is drawn twice");
    }
}

#[test]
fn what_is_no_picture_is_asked_for_again() {
    for dialect in ["google", "openai"] {
        let text = streamed(dialect, "I cannot draw today.", false);
        let server = Server::start(vec![text.clone(), drawn(dialect, PICTURE)]);
        let outcome = Project::new().run(&drawing(dialect, &server.url, ""), Begin::New);
        assert!(result_json(&outcome).as_str().unwrap().starts_with("images/draw-"), "{dialect}");
        for (script, said) in [(text, "text, not a picture: I cannot draw"), (drawn(dialect, b"MZ"), "no known format")]
        {
            let server = Server::start(vec![script]);
            let failure = Project::new().run(&drawing(dialect, &server.url, ""), Begin::New).result.unwrap_err();
            assert_eq!(failure.kind, ErrorKind::InvalidOutput, "{dialect}: {failure}");
            assert!(failure.message.contains(said), "{dialect}: {failure}");
        }
    }
}

#[test]
fn a_model_that_draws_nothing_is_passed_over() {
    let (mute, draws) = (Server::start(vec![drawn("google", PICTURE)]), Server::start(vec![drawn("google", PICTURE)]));
    let both =
        declaration("anthropic", &mute.url).replace("model m ", "model words ") + &declaration("google", &draws.url);
    let text =
        drawing("google", "x", "").replace(&declaration("google", "x"), &both).replace("using m", "using [words, m]");
    let (outcome, told) = Project::new().run_with(&text, Begin::New, &json!({}), |_| {});
    assert!(result_json(&outcome).is_string());
    let passed = told.iter().find_map(|event| match event {
        Event::ModelPassedOver { model, reason, .. } => Some(format!("{model}: {reason}")),
        _ => None,
    });
    assert_eq!(passed.unwrap(), "words: `words` gives no images: the provider `anthropic` has none");
    assert_eq!((mute.bodies().len(), draws.bodies().len()), (0, 1));
    let failure = Project::new().run(&drawing("anthropic", &mute.url, ""), Begin::New).result.unwrap_err();
    assert!(failure.message.contains("`m` gives no images"), "{failure}");
}

#[test]
fn a_replayed_run_has_the_pictures_of_the_recorded_one() {
    let server = Server::start(vec![drawn("google", PICTURE)]);
    let project = Project::new();
    project.write("flow.cascade", &drawing("google", &server.url, ""));
    let recorded = project.call(&["run", "flow.cascade", "--record", "fixtures"]);
    let path = stdout(&recorded).trim().to_owned();
    assert!(path.starts_with("images/draw-"), "{path}{}", stderr(&recorded));
    fs::remove_file(project.path().join(&path)).unwrap();
    let replayed = project.call(&["run", "flow.cascade", "--replay", "fixtures"]);
    assert_eq!(stdout(&replayed).trim(), path, "{}", stderr(&replayed));
    assert_eq!(fs::read(project.path().join(&path)).unwrap(), PICTURE);
    assert_eq!(server.bodies().len(), 1);
}

fn looking(dialect: &str, url: &str, file: &str) -> String {
    format!(
        "{}skill look(what: path) -> string {{\n  prompt \"What is it?\"\n  attach what\n}}\n\ncascade main() -> string {{\n  \
         stage seen = look(\"{file}\")\n    using m\n  return seen\n}}\n",
        declaration(dialect, url)
    )
}

/// The files of a request, as each dialect writes them.
fn files_of(dialect: &str, body: &Json) -> Vec<Json> {
    let parts = match dialect {
        "anthropic" | "openai_compatible" => &body["messages"][0]["content"],
        "openai" => &body["input"][0]["content"],
        _ => &body["contents"][0]["parts"],
    };
    let is_file =
        |part: &&Json| !matches!(part["type"].as_str(), Some("text" | "input_text")) && part.get("text").is_none();
    parts.as_array().into_iter().flatten().filter(is_file).cloned().collect()
}

#[test]
fn files_go_as_files_or_are_refused_by_name() {
    let files: [(&str, &[u8], &str, [bool; 4]); 8] = [
        ("p.png", PICTURE, "image/png", [true; 4]),
        ("d.pdf", b"%PDF-1.7 \xff", "application/pdf", [true; 4]),
        ("g.gif", b"GIF89a\xff", "image/gif", [true, true, true, false]),
        ("s.wav", b"RIFF\x01\0\0\0WAVEfmt \xff", "audio/wav", [false, false, true, true]),
        ("s.mp3", b"ID3\x04\0\xff", "audio/mpeg", [false, false, true, true]),
        ("v.mp4", b"\0\0\0\x18ftypisom\xff", "video/mp4", [false, false, false, true]),
        ("a.out", b"\x7fELF\x02\0\xff", "application/octet-stream", [false; 4]),
        ("t.txt", "Grüße".as_bytes(), "text/plain", [true; 4]),
    ];
    for (dialect, position) in DIALECTS.into_iter().zip(0..) {
        for (name, content, media, taken) in files {
            let server = Server::start(vec![streamed(dialect, "seen", false)]);
            let project = Project::new();
            fs::write(project.path().join(name), content).unwrap();
            let outcome = project.run(&looking(dialect, &server.url, name), Begin::New);
            if !taken[position] {
                let failure = outcome.result.unwrap_err();
                assert!(failure.message.contains(&format!("`{name}`")), "{dialect}: {failure}");
                assert!(failure.message.contains("cannot be sent to `m`"), "{dialect}: {failure}");
                assert!(server.bodies().is_empty(), "{dialect} {name}");
                continue;
            }
            assert_eq!(result_json(&outcome), json!("seen"), "{dialect} {name}");
            let body = &server.bodies()[0];
            let sent = files_of(dialect, body);
            if media == "text/plain" {
                assert!(sent.is_empty() && body.to_string().contains("Grüße"), "{dialect}: {body}");
                continue;
            }
            let sent = sent.first().unwrap_or_else(|| panic!("{dialect} {name}: {body}")).to_string();
            assert!(sent.contains(&STANDARD.encode(content)), "{dialect} {name}: {sent}");
            let named = [media, "\"format\":\"wav\"", "\"format\":\"mp3\""];
            assert!(named.iter().any(|kind| sent.contains(kind)), "{dialect} {name}: {sent}");
        }
    }
}

fn reading(models: &str, using: &str, attach: &str) -> String {
    format!(
        "{models}skill read(notes: string) -> string {{\n  system \"Be brief.\"\n  prompt \"Sum up: $<notes>\"\n  \
         attach {attach}\n}}\n\ncascade main(notes: string) -> string {{\n  stage sum = read(notes)\n    using {using}\n  \
         return sum\n}}\n"
    )
}

/// A model whose window holds 100,000 tokens by its declaration.
fn with_window(name: &str, dialect: &str, url: &str, window: &str) -> String {
    declaration(dialect, url).replace("model m ", &format!("model {name} ")).replace("context: 100_000", window)
}

#[test]
fn a_prompt_that_does_not_fit_goes_to_a_model_with_a_larger_window() {
    let (small, large) = (
        Server::start(vec![streamed("openai", "small", false)]),
        Server::start(vec![streamed("google", "large", false)]),
    );
    let project = Project::new();
    // 360,000 bytes: 80,001 tokens, where an estimate by bytes says 103,000.
    project.write("big.txt", &"The quick brown fox jumps over it.\n".repeat(10_000));
    let models = with_window("small", "openai", &small.url, "context: 75_000")
        + &with_window("large", "google", &large.url, "context: 1_000_000");
    let text = reading(&models, "[small, large]", "files \"big.txt\"");
    let inputs = json!({ "notes": "none" });
    let (outcome, told) = project.run_with(&text, Begin::New, &inputs, |_| {});
    assert_eq!(result_json(&outcome), json!("large"));
    let passed: Vec<String> = told
        .iter()
        .filter_map(|event| match event {
            Event::ModelPassedOver { model, reason, .. } => Some(format!("{model}: {reason}")),
            _ => None,
        })
        .collect();
    let [reason] = passed.as_slice() else { panic!("{passed:?}") };
    assert!(
        reason.starts_with("small: the prompt has about 80,") && reason.ends_with("`small` holds 75,000"),
        "{reason}"
    );
    // It fits by its tokens where an estimate by its bytes would not let it.
    let fits = text.replace("context: 75_000", "context: 90_000");
    assert_eq!(result_json(&project.run_with(&fits, Begin::New, &inputs, |_| {}).0), json!("small"));
}

#[test]
fn what_no_model_holds_names_its_largest_pieces() {
    let server = Server::start(vec![streamed("anthropic", "read", false)]);
    let project = Project::new();
    project.write("big.txt", &"The quick brown fox jumps over it.\n".repeat(10_000));
    project.write("little.txt", "Only this.\n");
    let text = reading(&with_window("m", "anthropic", &server.url, "context: 90_000"), "m", "files \"*.txt\"");
    let inputs = json!({ "notes": "one two three four ".repeat(300) });
    let failure = project.run_with(&text, Begin::New, &inputs, |_| {}).0.result.unwrap_err();
    let (_, pieces) =
        failure.message.split_once("`m` holds 90,000; of its tokens, ").unwrap_or_else(|| panic!("{failure}"));
    let names: Vec<&str> = pieces.split(", ").filter(|piece| piece.contains(" has ")).collect();
    let order: Vec<&str> = names.iter().map(|piece| piece.split(" has ").next().unwrap()).collect();
    assert_eq!(order, ["the file `big.txt`", "the input `notes`", "the file `little.txt`", "`system`"], "{pieces}");
    assert!(pieces.starts_with("the file `big.txt` has 80,0"), "{pieces}");
    assert!(server.bodies().is_empty());
}

#[test]
fn a_picture_is_not_measured_as_text() {
    let server = Server::start(vec![streamed("anthropic", "seen", false)]);
    let project = Project::new();
    let picture = [PICTURE, &vec![7; 3_000_000]].concat();
    fs::write(project.path().join("p.png"), picture).unwrap();
    assert_eq!(result_json(&project.run(&looking("anthropic", &server.url, "p.png"), Begin::New)), json!("seen"));
}
