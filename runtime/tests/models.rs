//! Prompts in the four dialects against a server on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use cascade_ir::*;
use cascade_runtime::{Event, Failure, RunOptions, interpreter::Spent, run_blocking as run, to_json};
use serde_json::{Value as Json, json};
use support::{server::serve, *};

/// A variable that cargo sets for every test; its value stands for a key.
const KEY: &str = "CARGO_PKG_NAME";

fn severity() -> TypeDef {
    let variant = |name: &str| Variant { name: name.into(), doc: String::new(), fields: vec![] };
    TypeDef {
        name: "Severity".into(),
        doc: "How bad.".into(),
        kind: TypeDefKind::Enum(vec![variant("low"), variant("high")]),
    }
}

fn finding() -> TypeDef {
    let of = |name: &str, ty, doc: &str| Field { name: name.into(), ty, doc: doc.into(), default: None };
    let at_least = Refinement {
        predicate: binary(BinaryOp::Ge, slot(0), int(1)),
        slots: 1,
        text: "it >= 1".into(),
        schema: vec![("minimum".into(), Const::Int(1))],
    };
    TypeDef {
        name: "Finding".into(),
        doc: "A problem.".into(),
        kind: TypeDefKind::Record(vec![
            of("line", Type::Optional(Box::new(Type::Refined(Box::new(Type::Int), Box::new(at_least)))), "Where."),
            of("severity", Type::Named(TypeId(0)), ""),
        ]),
    }
}

/// One prompt to one model; the result is what it answers.
fn program(provider: &str, base: &str, output: Type) -> Program {
    let mut make = Make::new();
    make.program.types = vec![severity(), finding()];
    let id = make.model("m", provider);
    make.program.models[0].base_url = Some(base.into());
    make.program.models[0].key_env = Some(KEY.into());
    make.program.models[0].price_cache_read = Some(300_000);
    make.program.models[0].price_cache_write = Some(3_750_000);
    let parts = vec![TextPart::Text("Judge:\n".into()), TextPart::Hole { value: slot(0), rendering: None, indent: 0 }];
    let prompt = Prompt {
        prompt: Template { parts },
        system: Some(Template { parts: vec![TextPart::Text("Be strict.".into())] }),
        temperature: Some(Expr::Const(Const::Float(0.5))),
        max_tokens: Some(int(100)),
        attach: vec![],
        tools: vec![],
    };
    let skill = make.skill("judge", 1, Effect::Prompt(Box::new(prompt)), output);
    let clauses = Clauses { using: Some(Expr::Model(ModelRef::Model(id))), ..Clauses::default() };
    make.main(
        2,
        vec![stage_with("judge", 0, Work::Skill(skill, vec![record(&[("a", int(1))])]), clauses), ret(slot(0))],
    )
}

fn outcome(program: &Program) -> (Result<Json, Failure>, Spent) {
    let outcome = run(program, entry(program), vec![], RunOptions::default());
    (outcome.result.map(|v| to_json(&v)), outcome.spent)
}

/// The answer, the request's head in lower case, and its body.
fn exchange(provider: &str, output: Type, answer: &Json) -> (Result<Json, Failure>, Spent, String, Json) {
    let (url, server) = serve(vec![(200, "", answer.to_string())]);
    let (result, spent) = outcome(&program(provider, &url, output));
    let asked = server.join().unwrap().remove(0);
    let (head, body) = asked.split_once("\n\n").or_else(|| asked.split_once("\r\n\n")).unwrap();
    (result, spent, head.to_lowercase(), serde_json::from_str(body).unwrap())
}

fn finding_type() -> Type {
    Type::Named(TypeId(1))
}

fn schema() -> Json {
    json!({
        "type": "object",
        "properties": {
            "line": { "type": ["integer", "null"], "minimum": 1, "description": "Where." },
            "severity": { "$ref": "#/$defs/Severity" },
        },
        "required": ["line", "severity"],
        "additionalProperties": false,
        "description": "A problem.",
        "$defs": { "Severity": { "type": "string", "enum": ["low", "high"], "description": "How bad." } },
    })
}

const TEXT: &str = "Judge:\n{\n  \"a\": 1\n}";

#[test]
fn anthropic_messages() {
    let answer = json!({
        "content": [{ "type": "tool_use", "id": "t", "name": "answer", "input": { "line": 3, "severity": "high" } }],
        "stop_reason": "tool_use",
        "usage": {
            "input_tokens": 1000,
            "output_tokens": 200,
            "cache_read_input_tokens": 500,
            "cache_creation_input_tokens": 400,
        },
    });
    let (result, spent, head, body) = exchange("anthropic", finding_type(), &answer);
    assert_eq!(result.unwrap(), json!({ "line": 3, "severity": "high" }));
    // 1,000 tokens at 3 dollars, 500 at 0.30, 400 at 3.75, and 200 at 15 dollars a million.
    assert_eq!(spent, Spent { tokens: 2_100, cost: 7_650 });
    assert!(head.starts_with("post /v1/messages ") && head.contains("x-api-key: cascade-runtime"), "{head}");
    assert_eq!(
        body,
        json!({
            "model": "m-id",
            "max_tokens": 100,
            "stream": true,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": TEXT }] }],
            "system": "Be strict.",
            "temperature": 0.5,
            "tools": [{ "name": "answer", "description": "Gives the answer as Finding.", "input_schema": schema() }],
            "tool_choice": { "type": "tool", "name": "answer" },
        })
    );
}

#[test]
fn openai_responses() {
    let answer = json!({
        "status": "completed",
        "output": [
            { "type": "reasoning", "summary": [] },
            { "type": "message", "content": [{ "type": "output_text", "text": "{\"value\":[{\"line\":null,\"severity\":\"low\"}]}" }] },
        ],
        "usage": { "input_tokens": 10, "output_tokens": 2, "input_tokens_details": { "cached_tokens": 10 } },
    });
    let (result, spent, head, body) = exchange("openai", Type::List(Box::new(finding_type())), &answer);
    assert_eq!(result.unwrap(), json!([{ "line": null, "severity": "low" }]));
    // 10 tokens at 0.30 dollars and 2 at 15 dollars a million.
    assert_eq!(spent, Spent { tokens: 12, cost: 33 });
    assert!(head.starts_with("post /responses ") && head.contains("authorization: bearer cascade-runtime"));
    let format = &body["text"]["format"];
    assert_eq!(
        (&format["type"], &format["strict"], &format["name"]),
        (&json!("json_schema"), &json!(true), &json!("judge"))
    );
    assert_eq!(
        format["schema"]["properties"]["value"],
        json!({ "type": "array", "items": { "$ref": "#/$defs/Finding" } })
    );
    assert_eq!(format["schema"]["required"], json!(["value"]));
    assert_eq!((&body["instructions"], &body["max_output_tokens"]), (&json!("Be strict."), &json!(100)));
    assert_eq!(body["input"][0]["content"], json!([{ "type": "input_text", "text": TEXT }]));
}

#[test]
fn chat_completions_at_any_base_url() {
    let answer = json!({
        "choices": [{ "message": { "role": "assistant", "content": "Just text.\n" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": { "cached_tokens": 6 } },
    });
    let (result, spent, head, body) = exchange("openai_compatible", Type::String, &answer);
    assert_eq!(result.unwrap(), "Just text.");
    // 1 token at 3 dollars, 6 at 0.30 and 5 at 15 dollars a million: 79.8 millionths, rounded up.
    assert_eq!(spent, Spent { tokens: 12, cost: 80 });
    assert!(head.starts_with("post /chat/completions "));
    assert_eq!(
        body,
        json!({
            "model": "m-id",
            "messages": [{ "role": "system", "content": "Be strict." }, { "role": "user", "content": TEXT }],
            "stream": true,
            "stream_options": { "include_usage": true },
            "temperature": 0.5,
            "max_tokens": 100,
        })
    );
}

#[test]
fn gemini_generate_content() {
    let answer = json!({
        "candidates": [{ "content": { "parts": [{ "text": "thinking", "thought": true }, { "text": "```json\n{\"line\": 2, \"severity\": \"High\",}\n```" }] }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "cachedContentTokenCount": 5 },
    });
    let (result, spent, head, body) = exchange("google", finding_type(), &answer);
    assert_eq!(result.unwrap(), json!({ "line": 2, "severity": "high" }));
    // 5 tokens at 0.30 dollars and 7 at 15 dollars a million: 106.5 millionths, rounded up.
    assert_eq!(spent, Spent { tokens: 12, cost: 107 });
    assert!(
        head.starts_with("post /v1beta/models/m-id:streamgeneratecontent?alt=sse ")
            && head.contains("x-goog-api-key: ")
    );
    assert_eq!(body["contents"], json!([{ "role": "user", "parts": [{ "text": TEXT }] }]));
    assert_eq!(body["systemInstruction"], json!({ "parts": [{ "text": "Be strict." }] }));
    assert_eq!(body["generationConfig"]["responseJsonSchema"], schema());
}

#[test]
fn a_map_in_the_answer_is_asked_for_without_strict_mode() {
    let answer = json!({
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "{\"value\":{\"cats\":2}}" }] }],
    });
    let (result, _, _, body) = exchange("openai", Type::Map(Box::new(Type::Int)), &answer);
    assert_eq!(result.unwrap(), json!({ "cats": 2 }));
    let format = &body["text"]["format"];
    assert_eq!(format["strict"], json!(false));
    assert_eq!(
        format["schema"]["properties"]["value"],
        json!({ "type": "object", "additionalProperties": { "type": "integer" } })
    );
    let answer = json!({
        "choices": [{ "message": { "content": "{\"value\":{\"dogs\":1}}" }, "finish_reason": "stop" }],
    });
    let (result, _, _, body) = exchange("openai_compatible", Type::Map(Box::new(Type::Int)), &answer);
    assert_eq!(result.unwrap(), json!({ "dogs": 1 }));
    assert_eq!(body["response_format"]["json_schema"]["strict"], json!(false));
}

#[test]
fn failures_have_kinds() {
    let cases = [
        ("anthropic", 429, r#"{"error":{"type":"rate_limit_error","message":"slow down"}}"#, ErrorKind::RateLimited),
        (
            "openai",
            429,
            r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
            ErrorKind::QuotaExhausted,
        ),
        ("anthropic", 529, r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#, ErrorKind::Unavailable),
        ("google", 401, r#"{"error":{"code":401,"message":"bad key","status":"UNAUTHENTICATED"}}"#, ErrorKind::Denied),
        ("openai", 400, r#"{"error":{"message":"unknown model"}}"#, ErrorKind::Failed),
        (
            "openai",
            200,
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#,
            ErrorKind::InvalidOutput,
        ),
        ("anthropic", 200, r#"{"content":[],"stop_reason":"refusal"}"#, ErrorKind::Refused),
        ("openai_compatible", 200, r#"{"choices":[{"message":{"content":null,"refusal":"no"}}]}"#, ErrorKind::Refused),
        ("google", 200, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, ErrorKind::Refused),
        ("google", 200, "not json", ErrorKind::Unavailable),
    ];
    for (provider, status, body, kind) in cases {
        let (url, server) = serve(vec![(status, "", body.to_owned())]);
        if kind == ErrorKind::QuotaExhausted {
            // It does not fail: the run waits.
            let program = program(provider, &url, Type::String);
            let outcome = run(&program, entry(&program), vec![], RunOptions::default());
            server.join().unwrap();
            assert_eq!(outcome.pause.unwrap().quota.len(), 1, "{provider} {status} {body}");
            continue;
        }
        let failure = outcome(&program(provider, &url, Type::String)).0.unwrap_err();
        server.join().unwrap();
        assert_eq!(failure.kind, kind, "{provider} {status} {body}: {failure}");
        assert_eq!(failure.stage, "main/judge");
    }
}

#[test]
fn what_does_not_fit_the_type_is_asked_for_again() {
    let answer = |text: &str| json!({ "choices": [{ "message": { "content": text } }] }).to_string();
    let (url, server) = serve(vec![
        (200, "", answer("I cannot say.")),
        (200, "", answer("{\"line\": 0, \"severity\": \"low\"}")),
        (200, "", answer("Here: {\"line\": 4, \"severity\": \"LOW\",} as you wished")),
    ]);
    let mut made = program("openai_compatible", &url, finding_type());
    let Stmt::Stage(stage) = &mut made.cascades[0].body.stmts[0] else { panic!() };
    stage.clauses.retry = Some(Retry { count: int(5), backoff: Some((ms(0), ms(0))) });
    let (mut messages, mut repaired) = (Vec::new(), Vec::new());
    let observer = Box::new(|e: &Event| match e {
        Event::StageRetrying { message, .. } => messages.push(message.clone()),
        Event::AnswerRepaired { path, attempt, repairs } => repaired.push((path.clone(), *attempt, repairs.clone())),
        _ => {}
    });
    let outcome = run(&made, entry(&made), vec![], RunOptions { observer: Some(observer), ..RunOptions::default() });
    assert_eq!(to_json(&outcome.result.unwrap()), json!({ "line": 4, "severity": "low" }));
    let asked: Vec<Json> = server
        .join()
        .unwrap()
        .iter()
        .map(|request| {
            let (_, body) = request.split_once("\n\n").or_else(|| request.split_once("\r\n\n")).unwrap();
            serde_json::from_str::<Json>(body).unwrap()["messages"][1]["content"].clone()
        })
        .collect();
    let told = |answer: &str, complaint: &str| {
        json!(format!(
            "{TEXT}\n\nYour previous answer was:\n<previous_answer>\n{answer}\n</previous_answer>\n\
             It could not be used: {complaint}\nAnswer again, so that it can be used."
        ))
    };
    assert_eq!(asked[0], json!(TEXT));
    assert_eq!(asked[1], told("I cannot say.", "the answer is not JSON: I cannot say."));
    assert_eq!(
        asked[2],
        told("{\"line\": 0, \"severity\": \"low\"}", "at /line: 0 does not satisfy `it >= 1`"),
        "only the last answer is shown"
    );
    assert_eq!(
        repaired,
        [(
            "main/judge".to_owned(),
            3,
            ["a comma before a closing bracket was dropped", "at /severity: the value was read as `low`"]
                .map(str::to_owned)
                .to_vec()
        )]
    );
    assert_eq!(messages, ["the answer is not JSON: I cannot say.", "at /line: 0 does not satisfy `it >= 1`"]);
}

#[test]
fn an_answer_that_was_cut_off_is_not_asked_for_again() {
    for (provider, cut) in [
        (
            "anthropic",
            json!({ "stop_reason": "max_tokens", "content": [{ "type": "text", "text": "{\"li" }],
                "usage": { "input_tokens": 9, "output_tokens": 64 } }),
        ),
        (
            "openai",
            json!({ "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" },
                "usage": { "input_tokens": 9, "output_tokens": 64 } }),
        ),
        (
            "openai_compatible",
            json!({ "choices": [{ "finish_reason": "length", "message": { "content": "{\"li" } }],
                "usage": { "prompt_tokens": 9, "completion_tokens": 64 } }),
        ),
        (
            "google",
            json!({ "candidates": [{ "finishReason": "MAX_TOKENS", "content": { "parts": [{ "text": "{\"li" }] } }],
                "usageMetadata": { "promptTokenCount": 9, "candidatesTokenCount": 64 } }),
        ),
    ] {
        let (url, server) = serve(vec![(200, "", cut.to_string())]);
        let mut made = program(provider, &url, finding_type());
        let Stmt::Stage(stage) = &mut made.cascades[0].body.stmts[0] else { panic!() };
        stage.clauses.retry = Some(Retry { count: int(5), backoff: Some((ms(0), ms(0))) });
        let outcome = run(&made, entry(&made), vec![], RunOptions::default());
        let failure = outcome.result.unwrap_err();
        assert_eq!((failure.kind, failure.attempts), (ErrorKind::InvalidOutput, 1), "{provider}: {failure}");
        assert!(failure.message.contains("after 64 of them"), "{provider}: {failure}");
        assert!(failure.message.contains("`max_tokens`"), "{provider}: {failure}");
        assert_eq!(outcome.spent.tokens, 73, "{provider}: what was written is paid for");
        server.join().unwrap();
    }
}

#[test]
fn attachments_go_along() {
    let dir = std::env::temp_dir().join(format!("cascade-attach-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("a.txt"), "alpha\n").unwrap();
    std::fs::write(dir.join("p.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    let answer = json!({ "content": [{ "type": "text", "text": "seen" }], "stop_reason": "end_turn" });
    let (url, server) = serve(vec![(200, "", answer.to_string())]);
    let mut made = program("anthropic", &url, Type::String);
    let Effect::Prompt(prompt) = &mut made.skills[0].effect else { panic!() };
    prompt.attach = vec![Attach::Value(list(vec![text("p.png")])), Attach::Files { pattern: text("*.txt"), dir: None }];
    let outcome = run(&made, entry(&made), vec![], RunOptions { cwd: Some(dir), ..RunOptions::default() });
    assert_eq!(to_json(&outcome.result.unwrap()), "seen");
    let asked = server.join().unwrap().remove(0);
    assert!(
        asked.contains(
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgpyZXN0"}}"#
        ),
        "{asked}"
    );
    assert!(asked.contains(r#"<document path=\"a.txt\">\nalpha\n</document>\n\nJudge:"#), "{asked}");
}

/// All dialects against the stand-in for model APIs, where there is a Python to run it.
#[test]
fn the_stand_in_understands_every_dialect() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/fake_models.py");
    let Ok(mut server) = Command::new("python3").args([script, "--port", "0"]).stdout(Stdio::piped()).spawn() else {
        return;
    };
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
    for (provider, suffix) in [("anthropic", ""), ("openai", "/v1"), ("openai_compatible", "/v1"), ("google", "")] {
        let made = program(provider, &format!("{}{suffix}", url.trim()), finding_type());
        let (result, spent) = outcome(&made);
        assert_eq!(result.unwrap(), json!({ "line": 1, "severity": "low" }), "{provider}");
        assert_eq!(spent.tokens, 120, "{provider}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_prompt_that_waits_for_its_provider_says_until_when() {
    let answer = json!({ "choices": [{ "message": { "content": "hi" } }] }).to_string();
    let (url, server) = serve(vec![(429, "retry-after: 0.3\r\n", "{}".to_owned()), (200, "", answer)]);
    let mut made = program("openai_compatible", &url, Type::String);
    let Stmt::Stage(stage) = &mut made.cascades[0].body.stmts[0] else { panic!() };
    let again = stage.clone();
    stage.clauses.on_error = vec![on_error(&[ErrorKind::RateLimited], ErrorAction::Skip)];
    let mut second = again;
    second.name = "second".into();
    made.cascades[0].body.stmts.insert(1, Stmt::Stage(second));
    let (began, mut waits) = (cascade_runtime::journal::now_ms(), Vec::new());
    let observer = Box::new(|e: &Event| {
        if let Event::Progress { path, progress: cascade_runtime::host::Progress::WaitsUntil(until), .. } = e {
            waits.push((path.clone(), *until));
        }
    });
    let outcome = run(&made, entry(&made), vec![], RunOptions { observer: Some(observer), ..RunOptions::default() });
    assert_eq!(to_json(&outcome.result.unwrap()), json!("hi"));
    server.join().unwrap();
    let [(path, until)] = waits.as_slice() else { panic!("{waits:?}") };
    assert_eq!(path, "main/second");
    assert!((began + 200..began + 60_000).contains(until));
}
