//! Models over HTTP as whole programs, in the four dialects: streams, failures, limits.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/streams.rs"]
mod streams;

use std::time::{Duration, SystemTime};

use cascade_ir::ErrorKind;
use cascade_runtime::{Begin, Event, host::Progress};
use project::{Project, result_json};
use serde_json::{Value as Json, json};
use streams::{DIALECTS, Script, Server, Step, declaration, event, events, streamed};

/// A program that asks the model once for a text.
fn prose(dialect: &str, url: &str, clauses: &str) -> String {
    format!(
        "{}skill say() -> string {{\n  prompt \"Say it.\"\n}}\n\ncascade main() -> string {{\n  stage said = say()\n    \
         using m\n{clauses}  return said\n}}\n",
        declaration(dialect, url)
    )
}

/// A program that asks the model once for a record.
fn typed(dialect: &str, url: &str, clauses: &str) -> String {
    format!(
        "type Finding = {{\n  line: int where it >= 1\n  note: string\n  tags: map<string>\n}}\n\n{}skill find() -> Finding {{\n  \
         prompt \"Find it.\"\n}}\n\ncascade main() -> Finding {{\n  stage found = find()\n    using m\n{clauses}  return found\n}}\n",
        declaration(dialect, url)
    )
}

const RETRY: &str = "    retry 2 backoff 1ms..2ms\n";

/// What the model says in these tests: characters of two, three and four bytes.
const TEXT: &str = "Grüße, 你好, 🦀: fertig.";

#[test]
fn an_answer_that_streams_is_read_in_every_dialect() {
    for dialect in DIALECTS {
        let server = Server::start(vec![streamed(dialect, TEXT, false)]);
        let project = Project::new();
        let outcome = project.run(&prose(dialect, &server.url, ""), Begin::New);
        assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}");
        // 100 tokens in at 1 dollar and 20 out at 10 dollars a million.
        assert_eq!((outcome.spent.tokens, outcome.spent.cost), (120, 300), "{dialect}");
        let (body, head) = (&server.bodies()[0], server.heads()[0].to_lowercase());
        match dialect {
            "google" => assert!(head.starts_with("post /v1beta/models/m-1:streamgeneratecontent?alt=sse "), "{head}"),
            _ => assert_eq!(body["stream"], true, "{dialect}"),
        }
    }
}

#[test]
fn a_typed_answer_that_streams_is_read_in_every_dialect() {
    let found = json!({ "line": 3, "note": TEXT, "tags": { "a": "b" } });
    for dialect in DIALECTS {
        let server = Server::start(vec![streamed(dialect, &found.to_string(), true)]);
        let outcome = Project::new().run(&typed(dialect, &server.url, ""), Begin::New);
        assert_eq!(result_json(&outcome), found, "{dialect}");
        let body = &server.bodies()[0];
        // A map is said as far as each dialect can; it never hides the whole shape.
        let schema = match dialect {
            "anthropic" => &body["tools"][0]["input_schema"],
            "openai" => &body["text"]["format"]["schema"],
            "openai_compatible" => &body["response_format"]["json_schema"]["schema"],
            _ => &body["generationConfig"]["responseJsonSchema"],
        };
        assert_eq!(schema["required"], json!(["line", "note", "tags"]), "{dialect}: {schema}");
        assert_eq!(schema["properties"]["line"]["minimum"], 1, "{dialect}: {schema}");
        let strict = [&body["text"]["format"]["strict"], &body["response_format"]["json_schema"]["strict"]];
        assert!(strict.iter().all(|strict| **strict != true), "OpenAI refuses maps in strict mode: {body}");
    }
}

/// The pieces of a network have nothing to do with characters and events.
#[test]
fn a_stream_may_be_divided_anywhere() {
    for dialect in DIALECTS {
        let bytes = events(dialect, TEXT, false).concat().into_bytes();
        let steps = bytes.iter().map(|byte| Step::Send(vec![*byte])).collect();
        let server = Server::start(vec![Script::stream(steps)]);
        let outcome = Project::new().run(&prose(dialect, &server.url, ""), Begin::New);
        assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}");
    }
}

/// Where the stream is cut: in the middle of `ü`, and before the event that says that the answer is complete.
#[test]
fn a_stream_that_is_cut_is_no_answer_and_is_asked_for_again() {
    for dialect in DIALECTS {
        let whole = events(dialect, TEXT, false).concat().into_bytes();
        let in_character = whole.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
        // Everything but the events after the text.
        let text_end = whole.windows(8).rposition(|w| w == "fertig.\"".as_bytes()).unwrap();
        for (at, clean) in [(in_character, false), (in_character, true), (text_end, false), (text_end, true)] {
            let mut steps = vec![Step::Send(whole[..at].to_vec())];
            if !clean {
                steps.push(Step::Cut);
            }
            let cut = Script::stream(steps);
            let server = Server::start(vec![cut.clone(), streamed(dialect, TEXT, false)]);
            let outcome = Project::new().run(&prose(dialect, &server.url, RETRY), Begin::New);
            assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}, cut at {at}");
            assert_eq!(server.bodies().len(), 2, "{dialect}, cut at {at}");
            let server = Server::start(vec![cut]);
            let failure = Project::new().run(&prose(dialect, &server.url, ""), Begin::New).result.unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Unavailable, "{dialect}, cut at {at}: {failure}");
        }
    }
}

#[test]
fn errors_within_a_success_have_their_kinds() {
    let mut cases: Vec<(&str, Script, ErrorKind)> = Vec::new();
    let error = |name: &str, code: Json| json!({ "message": "no luck", name: code });
    for (kind, anthropic, openai, google) in [
        (ErrorKind::Unavailable, "overloaded_error", "server_error", 503),
        (ErrorKind::RateLimited, "rate_limit_error", "rate_limit_exceeded", 429),
        (ErrorKind::Denied, "authentication_error", "invalid_api_key", 401),
        (ErrorKind::Failed, "invalid_request_error", "model_not_found", 400),
    ] {
        for dialect in DIALECTS {
            let error = match dialect {
                "anthropic" => error("type", json!(anthropic)),
                "google" => error("code", json!(google)),
                _ => error("code", json!(openai)),
            };
            let report = match dialect {
                "anthropic" => json!({ "type": "error", "error": error }),
                "openai" => {
                    json!({ "type": "response.failed", "response": { "status": "failed", "error": error, "output": [] } })
                }
                _ => json!({ "error": error }),
            };
            // After the beginning of an answer, and as the whole body.
            let begun = events(dialect, TEXT, false)[..3].concat() + &event(&report);
            cases.push((dialect, Script::stream(vec![Step::Send(begun.into_bytes())]), kind));
            cases.push((dialect, Script::json(200, "", &json!({ "error": error })), kind));
        }
    }
    let told = json!({ "type": "error", "code": "rate_limit_exceeded", "message": "no luck" });
    cases.push(("openai", Script::stream(vec![Step::Send(event(&told).into_bytes())]), ErrorKind::RateLimited));
    let gateway = json!({ "choices": [{ "message": { "content": "half" }, "finish_reason": "error", "error": { "code": 502, "message": "no luck" } }] });
    cases.push(("openai_compatible", Script::json(200, "", &gateway), ErrorKind::Unavailable));
    for (n, (dialect, script, kind)) in cases.into_iter().enumerate() {
        let server = Server::start(vec![script]);
        let failure = Project::new().run(&prose(dialect, &server.url, ""), Begin::New).result.unwrap_err();
        assert_eq!(failure.kind, kind, "{n}, {dialect}: {failure}");
        assert!(failure.message.contains("no luck"), "{n}, {dialect}: {failure}");
    }
}

#[test]
fn refusals_and_cut_off_answers_in_streams_have_their_kinds() {
    let stream = |events: &[Json], end: &str| {
        let text = events.iter().map(event).collect::<String>() + end;
        Script::stream(vec![Step::Send(text.into_bytes())])
    };
    let anthropic = |reason: &str| {
        stream(
            &[
                json!({ "type": "message_start", "message": { "usage": { "input_tokens": 9, "output_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "half" } }),
                json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 64 } }),
                json!({ "type": "message_stop" }),
            ],
            "",
        )
    };
    let responses = |reason: &str| {
        stream(
            &[json!({ "type": "response.incomplete", "response": { "status": "incomplete", "output": [],
                "incomplete_details": { "reason": reason }, "usage": { "input_tokens": 9, "output_tokens": 64 } } })],
            "",
        )
    };
    let chat = |reason: &str| {
        stream(
            &[
                json!({ "choices": [{ "delta": { "content": "half" } }] }),
                json!({ "choices": [{ "delta": {}, "finish_reason": reason }] }),
                json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 64 } }),
            ],
            "data: [DONE]",
        )
    };
    let gemini = |reason: &str| {
        stream(
            &[json!({ "candidates": [{ "content": { "parts": [{ "text": "half" }] }, "finishReason": reason }],
                "usageMetadata": { "promptTokenCount": 9, "candidatesTokenCount": 64 } })],
            "",
        )
    };
    let declined = stream(
        &[
            json!({ "choices": [{ "delta": { "refusal": "I can" } }] }),
            json!({ "choices": [{ "delta": { "refusal": "not" }, "finish_reason": "stop" }] }),
        ],
        "",
    );
    let blocked = stream(&[json!({ "promptFeedback": { "blockReason": "SAFETY" } })], "");
    let empty = stream(&[json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] })], "");
    let cases = [
        ("anthropic", anthropic("max_tokens"), ErrorKind::InvalidOutput, "after 64 of them"),
        ("anthropic", anthropic("refusal"), ErrorKind::Refused, "declined"),
        ("openai", responses("max_output_tokens"), ErrorKind::InvalidOutput, "after 64 of them"),
        ("openai", responses("content_filter"), ErrorKind::Refused, "content filter"),
        ("openai_compatible", chat("length"), ErrorKind::InvalidOutput, "after 64 of them"),
        ("openai_compatible", chat("content_filter"), ErrorKind::Refused, "content filter"),
        ("openai_compatible", declined, ErrorKind::Refused, "I cannot"),
        ("openai_compatible", empty, ErrorKind::InvalidOutput, "empty"),
        ("google", gemini("MAX_TOKENS"), ErrorKind::InvalidOutput, "after 64 of them"),
        ("google", gemini("PROHIBITED_CONTENT"), ErrorKind::Refused, "PROHIBITED_CONTENT"),
        ("google", blocked, ErrorKind::Refused, "SAFETY"),
    ];
    for (n, (dialect, script, kind, said)) in cases.into_iter().enumerate() {
        let server = Server::start(vec![script]);
        let failure = Project::new().run(&prose(dialect, &server.url, ""), Begin::New).result.unwrap_err();
        assert_eq!(failure.kind, kind, "{n}, {dialect}: {failure}");
        assert!(failure.message.contains(said), "{n}, {dialect}: {failure}");
    }
}

#[test]
fn a_limit_for_a_moment_is_waited_for_and_a_spent_plan_pauses_the_run() {
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    for dialect in DIALECTS {
        let limited = match dialect {
            "anthropic" => json!({ "error": { "type": "rate_limit_error", "message": "usage limit per minute" } }),
            "google" => json!({ "error": { "code": 429, "message": "check your quota and billing", "details": [
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": "GenerateRequestsPerMinutePerProject" }] },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s" } ] } }),
            _ => json!({ "error": { "code": "rate_limit_exceeded", "message": "see your billing page" } }),
        };
        // A date that has passed: the next attempt may follow at once.
        let headers = format!("retry-after: {date}\r\n");
        let script = Script::json(429, &headers, &limited);
        let server = Server::start(vec![script.clone(), script, streamed(dialect, TEXT, false)]);
        let outcome = Project::new().run(&prose(dialect, &server.url, RETRY), Begin::New);
        assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}");
        let spent = match dialect {
            "anthropic" => {
                json!({ "error": { "type": "invalid_request_error", "message": "Your credit balance is too low" } })
            }
            "google" => json!({ "error": { "code": 429, "message": "quota", "details": [
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": "GenerateRequestsPerDayPerProject" }] } ] } }),
            _ => json!({ "error": { "code": "insufficient_quota", "message": "You exceeded your current quota" } }),
        };
        let status = if dialect == "anthropic" { 400 } else { 429 };
        let server = Server::start(vec![Script::json(status, "", &spent), streamed(dialect, TEXT, false)]);
        let project = Project::new();
        let text = prose(dialect, &server.url, RETRY);
        let outcome = project.run(&text, Begin::New);
        assert_eq!(outcome.pause.unwrap().quota.len(), 1, "{dialect}");
        assert_eq!(server.bodies().len(), 1, "{dialect}: nothing is asked again before the run is resumed");
        let resumed = project.run(&text, Begin::Resume(outcome.run));
        assert_eq!(result_json(&resumed), json!(TEXT), "{dialect}");
    }
}

#[test]
fn a_wrong_key_and_an_overloaded_server_have_their_kinds() {
    for dialect in DIALECTS {
        let error = |message: &str| json!({ "error": { "message": message } });
        let server = Server::start(vec![Script::json(401, "", &error("bad key"))]);
        let failure = Project::new().run(&prose(dialect, &server.url, RETRY), Begin::New).result.unwrap_err();
        assert_eq!((failure.kind, server.bodies().len()), (ErrorKind::Denied, 1), "{dialect}: {failure}");
        for status in [503, 529] {
            let server =
                Server::start(vec![Script::json(status, "", &error("Overloaded")), streamed(dialect, TEXT, false)]);
            let outcome = Project::new().run(&prose(dialect, &server.url, RETRY), Begin::New);
            assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}, {status}");
        }
    }
}

#[test]
fn what_is_malformed_is_repaired_and_what_is_wrong_is_asked_for_again() {
    let wrong = "{\"line\": 0, \"note\": \"x\", \"tags\": {}}";
    let malformed = "{\"line\": 3, \"note\": \"über\", \"tags\": {\"a\": \"b\",}";
    for dialect in DIALECTS {
        let server = Server::start(vec![streamed(dialect, wrong, true), streamed(dialect, malformed, true)]);
        let (outcome, told) =
            Project::new().run_with(&typed(dialect, &server.url, RETRY), Begin::New, &json!({}), |_| {});
        assert_eq!(result_json(&outcome), json!({ "line": 3, "note": "über", "tags": { "a": "b" } }), "{dialect}");
        assert!(server.bodies()[1].to_string().contains("does not satisfy"), "{dialect}");
        let repaired =
            told.iter().any(|event| matches!(event, Event::AnswerRepaired { repairs, .. } if !repairs.is_empty()));
        assert!(repaired, "{dialect}: {told:?}");
    }
}

/// Each dialect of a server that does not stream, though it was asked to.
#[test]
fn a_server_that_does_not_stream_is_understood() {
    for dialect in DIALECTS {
        let body = match dialect {
            "anthropic" => json!({ "content": [{ "type": "text", "text": TEXT }], "stop_reason": "end_turn" }),
            "openai" => {
                json!({ "status": "completed", "output": [{ "type": "message", "content": [{ "type": "output_text", "text": TEXT }] }] })
            }
            "openai_compatible" => json!({ "choices": [{ "message": { "content": TEXT }, "finish_reason": "stop" }] }),
            _ => json!({ "candidates": [{ "content": { "parts": [{ "text": TEXT }] }, "finishReason": "STOP" }] }),
        };
        let server = Server::start(vec![Script::json(200, "", &body)]);
        assert_eq!(
            result_json(&Project::new().run(&prose(dialect, &server.url, ""), Begin::New)),
            json!(TEXT),
            "{dialect}"
        );
    }
    // One that refuses the options of a stream is asked again without them, in the same attempt.
    let refusal = json!({ "error": { "message": "extra fields not permitted: stream_options" } });
    let whole = json!({ "choices": [{ "message": { "content": TEXT }, "finish_reason": "stop" }] });
    let server = Server::start(vec![Script::json(422, "", &refusal), Script::json(200, "", &whole)]);
    let outcome = Project::new().run(&prose("openai_compatible", &server.url, ""), Begin::New);
    assert_eq!(result_json(&outcome), json!(TEXT));
    let [first, second] = server.bodies().try_into().unwrap_or_else(|bodies| panic!("{bodies:?}"));
    assert_eq!(
        (&first["stream"], &second["stream"], &second["stream_options"]),
        (&json!(true), &Json::Null, &Json::Null)
    );
    assert_eq!(first["messages"], second["messages"]);
}

/// `idle` is the time without a byte of the answer: one that comes slowly is waited for, one that does not come is not.
#[test]
fn idle_is_measured_on_what_arrives() {
    in_every_dialect(|dialect| {
        let mut pieces: Vec<String> = vec![": keep-alive\n\n".to_owned(); 5];
        pieces.extend(events(dialect, TEXT, false));
        let slow = |piece: &String| [Step::Send(piece.clone().into_bytes()), Step::Wait(Duration::from_millis(250))];
        let server = Server::start(vec![Script::stream(pieces.iter().flat_map(slow).collect())]);
        // In all it takes longer than the limit of silence.
        let clauses = "    timeout 1m idle 2s\n";
        let (outcome, told) =
            Project::new().run_with(&prose(dialect, &server.url, clauses), Begin::New, &json!({}), |_| {});
        assert_eq!(result_json(&outcome), json!(TEXT), "{dialect}");
        let counts: Vec<u64> = told
            .iter()
            .filter_map(|event| match event {
                Event::Progress { progress: Progress::Tokens(count), .. } => Some(*count),
                _ => None,
            })
            .collect();
        assert!(!counts.is_empty() && counts.is_sorted(), "{dialect}: {counts:?}");
        // Nothing arrives after the beginning, or nothing at all.
        for begun in [1, 0] {
            let mut steps: Vec<Step> = pieces[..begun].iter().map(|e| Step::Send(e.clone().into_bytes())).collect();
            steps.push(Step::Wait(Duration::from_secs(30)));
            let server = Server::start(vec![Script::stream(steps)]);
            let outcome = Project::new().run(&prose(dialect, &server.url, "    timeout 1m idle 200ms\n"), Begin::New);
            assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::TimedOut, "{dialect}, {begun}");
        }
    });
}

/// Runs a test that waits in all dialects at the same time.
fn in_every_dialect(test: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for dialect in DIALECTS {
            let test = &test;
            scope.spawn(move || test(dialect));
        }
    });
}

/// A server that is slow to begin is waited for as long as the stage says, and no longer.
#[test]
fn a_slow_first_byte_is_waited_for_within_the_limits_of_the_stage() {
    in_every_dialect(|dialect| {
        let slow = |ms| Script { delay: Duration::from_millis(ms), ..streamed(dialect, TEXT, false) };
        let server = Server::start(vec![slow(300)]);
        let text = prose(dialect, &server.url, "    timeout 1m idle 20s\n");
        assert_eq!(result_json(&Project::new().run(&text, Begin::New)), json!(TEXT), "{dialect}");
        // The next attempt is not slow.
        for clauses in ["    timeout 2s\n", "    timeout 1m idle 1s\n"] {
            let server = Server::start(vec![slow(30_000), slow(0)]);
            let text = prose(dialect, &server.url, &format!("{clauses}{RETRY}"));
            assert_eq!(result_json(&Project::new().run(&text, Begin::New)), json!(TEXT), "{dialect}, {clauses}");
            assert_eq!(server.bodies().len(), 2, "{dialect}, {clauses}");
        }
    });
}

/// Gemini takes no schema beside a search, so its form is said in words.
#[test]
fn a_model_of_current_information_searches() {
    let found = json!({ "line": 3, "note": "x", "tags": {} });
    let server = Server::start(vec![streamed("google", &format!("Here it is: {found}"), true)]);
    let text = typed("google", &server.url, "").replace("  context:", "  provides: [current_info]\n  context:");
    assert_eq!(result_json(&Project::new().run(&text, Begin::New)), found);
    let body = &server.bodies()[0];
    assert_eq!(body["tools"], json!([{ "googleSearch": {} }]));
    assert_eq!(body["generationConfig"].get("responseJsonSchema"), None);
    let asked = body["contents"][0]["parts"][0]["text"].as_str().unwrap();
    assert!(asked.starts_with("Find it.") && asked.contains("\"required\":[\"line\",\"note\",\"tags\"]"), "{asked}");
    // Another model is given the schema, and does not search.
    let server = Server::start(vec![streamed("google", &found.to_string(), true)]);
    Project::new().run(&typed("google", &server.url, ""), Begin::New);
    assert_eq!(server.bodies()[0].get("tools"), None);
}

/// What a provider itself finds too long is not sent again unchanged.
#[test]
fn a_prompt_that_the_provider_finds_too_long_is_sent_once() {
    for (dialect, status, error) in [
        (
            "anthropic",
            400,
            json!({ "type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum" }),
        ),
        ("openai", 400, json!({ "code": "context_length_exceeded", "message": "Your input exceeds the limit" })),
        (
            "openai_compatible",
            400,
            json!({ "type": "exceed_context_size_error", "message": "the request exceeds the available context size" }),
        ),
        (
            "google",
            400,
            json!({ "code": 400, "message": "The input token count exceeds the maximum number of tokens allowed" }),
        ),
    ] {
        let server = Server::start(vec![Script::json(status, "", &json!({ "error": error }))]);
        let failure = Project::new().run(&prose(dialect, &server.url, RETRY), Begin::New).result.unwrap_err();
        assert_eq!((failure.kind, server.bodies().len()), (ErrorKind::Failed, 1), "{dialect}: {failure}");
        assert!(failure.message.contains("does not fit into the model's context window"), "{dialect}: {failure}");
    }
}
