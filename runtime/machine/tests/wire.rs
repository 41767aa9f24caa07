//! The written form of requests and answers: what is written is read again as the same, secrets are
//! never in it, and what older versions wrote is still read.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{collections::HashMap, sync::Arc};

use cascade_ir::{ModelId, Program};
use cascade_machine::{
    Value,
    interpreter::to_hex,
    request::{
        Attachment, BuiltinArg, BuiltinRequest, FilesRequest, HttpRequest, Output, PersonRequest, Process,
        PromptRequest, RequestKind, Response, RunRequest, TimerId, TimerKind,
    },
    value::{Arg, Secret},
    wire::{Resolver, Vault, WireText, read_answer, read_request, write_answer, write_answer_text, write_request},
    workspace::{
        Access, CloseSandbox, ClosedSandbox, FileChange, OpenSandbox, Policy, SandboxEnd, Workspace, WorkspacePatch,
    },
};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use support::Make;

const SECRET: &str = "hunter2-and-more";

/// Secrets and contents.
struct World {
    vault: Vault,
    contents: HashMap<String, Arc<[u8]>>,
}

impl Resolver for World {
    fn secret(&self, name: &str) -> Option<SmolStr> {
        self.vault.secret(name)
    }

    fn content(&self, hash: &str) -> Option<Arc<[u8]>> {
        self.contents.get(hash).cloned()
    }
}

fn sha256(content: &[u8]) -> String {
    to_hex(&Sha256::digest(content))
}

fn world() -> World {
    let token = Value::Secret(Secret::new(SECRET));
    World {
        vault: Vault::from_inputs([("token", &token)]),
        contents: HashMap::from([(sha256(b"content"), Arc::from(&b"content"[..]))]),
    }
}

fn program() -> Program {
    let mut make = Make::new();
    make.model("small", "openai");
    make.model("large", "anthropic");
    make.program
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just(String::new()),
        Just("[secret]".to_owned()),
        Just("{\"secret\":\"token\"}".to_owned())
    ]
}

fn arg() -> impl Strategy<Value = Arg> {
    prop_oneof![text().prop_map(Arg::plain), Just(Arg { text: SECRET.into(), secret: true })]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::All), prop::collection::vec(text(), 0..3).prop_map(Access::Only)]
}

fn policy() -> impl Strategy<Value = Policy> {
    (access(), access(), access()).prop_map(|(read, write, network)| Policy { read, write, network })
}

fn workspace() -> impl Strategy<Value = Workspace> {
    (prop::option::of(text()), prop::option::of(text()), policy()).prop_map(|(directory, sandbox, policy)| Workspace {
        directory,
        sandbox,
        policy,
    })
}

fn named<T: Strategy>(value: T) -> impl Strategy<Value = Vec<(SmolStr, T::Value)>> {
    prop::collection::vec((text().prop_map(SmolStr::from), value), 0..4)
}

fn request() -> impl Strategy<Value = RequestKind> {
    let files = prop::option::of((text(), any::<bool>()).prop_map(|(pattern, many)| FilesRequest { pattern, many }));
    let run = (
        prop::collection::vec(arg(), 0..4),
        workspace(),
        named(prop::option::of(arg())),
        prop::option::of(arg()),
        files,
    )
        .prop_map(|(argv, workspace, env, stdin, files)| {
            RequestKind::Run(RunRequest { argv, workspace, env, stdin, files })
        });
    let builtin_arg = prop_oneof![
        text().prop_map(|text| BuiltinArg::Value(json!({ "a": [text, null, 1] }))),
        arg().prop_map(BuiltinArg::Secret),
    ];
    let builtin = (text(), named(builtin_arg))
        .prop_map(|(name, args)| RequestKind::Builtin(BuiltinRequest { name: name.into(), args, sandbox: None }));
    let http = (text(), arg(), named(arg()), prop::option::of(arg())).prop_map(|(method, url, headers, body)| {
        RequestKind::Http(HttpRequest { method: method.into(), url, headers, body, follows_redirects: false })
    });
    let attachment = (text(), text()).prop_map(|(path, media)| Attachment {
        path,
        media,
        content: Arc::from(&b"content"[..]),
        hash: sha256(b"content"),
    });
    let prompt = (
        0..2u32,
        prop::option::of(text()),
        text(),
        prop::collection::vec(attachment, 0..3),
        prop::option::of(text().prop_map(|name| json!({ "type": "object", "title": name, "max": 0.1 }))),
        prop::option::of(-1000i32..1000),
        prop::option::of(any::<u64>()),
        prop::option::of(Just(cascade_ir::ArtifactKind::Image)),
    )
        .prop_map(|(model, system, text, attachments, schema, temperature, max_tokens, file)| {
            RequestKind::Prompt(Box::new(PromptRequest {
                model: ModelId(model),
                system,
                schema_name: text.clone(),
                text,
                attachments,
                schema,
                temperature: temperature.map(|t| f64::from(t) / 8.0),
                max_tokens,
                tools: Vec::new(),
                turns: Vec::new(),
                file,
            }))
        });
    let kinds = prop::sample::select(vec!["approve", "ask", "choose", "escalate"]);
    let person = (kinds, text(), prop::collection::vec(text(), 0..3))
        .prop_map(|(kind, question, options)| RequestKind::Person(PersonRequest { kind, question, options }));
    let open = (text(), prop::option::of(text()), any::<bool>(), prop::option::of(text()), policy()).prop_map(
        |(name, directory, whole_repository, inside, policy)| {
            RequestKind::OpenSandbox(OpenSandbox { name, directory, whole_repository, inside, policy })
        },
    );
    let end = prop_oneof![Just(SandboxEnd::Apply), Just(SandboxEnd::Discard), text().prop_map(SandboxEnd::Branch)];
    let close = (text(), end).prop_map(|(name, end)| RequestKind::CloseSandbox(CloseSandbox { name, end }));
    prop_oneof![run, http, prompt, builtin, person, open, close]
}

fn plain_output() -> impl Strategy<Value = Output> {
    let bytes = || prop_oneof![any::<Vec<u8>>(), text().prop_map(String::into_bytes)];
    prop_oneof![
        (any::<Option<i32>>(), any::<Option<i32>>(), bytes(), text()).prop_map(|(code, signal, stdout, stderr)| {
            Output::Process(Process { code, signal, stdout: stdout.into(), stderr })
        }),
        (any::<u16>(), bytes(), any::<Option<u64>>(), any::<Option<String>>()).prop_map(
            |(status, body, retry_after_ms, charset)| {
                Output::Response(Response { status, body: body.into(), retry_after_ms, charset })
            }
        ),
        text().prop_map(Output::Model),
        text().prop_map(Output::Opened),
        (text(), prop::option::of(text()), prop::collection::vec(text(), 0..3))
            .prop_map(|(patch, branch, notes)| { Output::Closed(ClosedSandbox { patch, branch, notes }) }),
        text().prop_map(|text| Output::Builtin(json!([text, { "kind": "builtin" }]))),
        (text(), any::<i64>()).prop_map(|(text, n)| Output::Person(json!({ "action": text, "kind": [n, null] }))),
    ]
}

fn output() -> impl Strategy<Value = Output> {
    (plain_output(), prop::option::of((text(), any::<bool>()))).prop_map(|(output, patch)| match patch {
        Some((path, was)) => {
            let change = FileChange { path, before: was.then(|| "00".to_owned()), after: None, is_output: was };
            let patch = WorkspacePatch { directory: None, changes: vec![change] };
            Output::WithPatch(Box::new(output), Arc::new(patch))
        }
        None => output,
    })
}

proptest! {
    #[test]
    fn a_request_is_the_same_after_it_was_written_and_read(what in request()) {
        let (program, world) = (program(), world());
        let text = write_request(&what, &program, &world.vault);
        prop_assert!(!text.contains(SECRET), "{}", text);
        let again = read_request(&text).unwrap().into_request(&program, &world).unwrap();
        prop_assert_eq!(format!("{what:?}"), format!("{again:?}"));
    }

    #[test]
    fn an_answer_is_the_same_after_it_was_written_and_read(output in output()) {
        let text = write_answer(&output).to_string();
        prop_assert_eq!(&write_answer_text(&output), &text);
        let again = read_answer(serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(format!("{output:?}"), format!("{again:?}"));
    }
}

#[test]
fn a_secret_is_a_reference_that_only_its_holder_resolves() {
    let world = world();
    let whole = Arg { text: SECRET.into(), secret: true };
    let part = Arg { text: format!("Bearer {SECRET}").into(), secret: true };
    let reference = world.vault.hide(&whole);
    assert_eq!(serde_json::to_string(&reference).unwrap(), r#"{"secret":"token"}"#);
    assert_eq!(reference.resolve(&world), Ok(whole));
    assert!(reference.resolve(&Vault::default()).is_err(), "nobody else has it");
    let unknown = world.vault.hide(&part);
    assert_eq!(unknown, WireText::Secret { secret: None });
    assert!(unknown.resolve(&world).is_err(), "what is made of a secret is not guessed");
}

#[test]
fn secrets_inside_inputs_are_named_by_their_path() {
    let secret = |text: &str| Value::Secret(Secret::new(text));
    let keys = Value::list(vec![secret("first"), secret("second")]);
    let vault = Vault::from_inputs([("keys", &keys)]);
    let hidden = vault.hide(&Arg { text: "second".into(), secret: true });
    assert_eq!(hidden, WireText::Secret { secret: Some("keys[1]".into()) });
}

#[test]
fn answers_of_before_there_were_forms_are_read() {
    let cases = [
        (json!({ "code": 4, "signal": null, "stdout": { "hex": "ff00" }, "stderr": "no" }), "Process"),
        (json!({ "status": 429, "body": "slow down", "retry_after_ms": 5 }), "Response"),
        (json!({ "text": "hello" }), "Model"),
        (json!({ "answer": { "action": "skip" } }), "Person"),
        (json!({ "code": 0, "signal": null, "stdout": "", "stderr": "", "patch": { "changes": [] } }), "WithPatch"),
    ];
    for (json, kind) in cases {
        let read = read_answer(json.clone()).unwrap_or_else(|e| panic!("{json}: {e}"));
        assert!(format!("{read:?}").starts_with(kind), "{json}: {read:?}");
    }
}

#[test]
fn forms_that_cannot_be_read_are_errors() {
    for json in [
        json!(null),
        json!({}),
        json!({ "kind": "tarot", "v": 1 }),
        json!({ "kind": "model", "v": 1 }),
        json!({ "kind": "model", "v": 99, "text": "from the future" }),
        json!({ "kind": "process", "v": 1, "stdout": { "hex": "f" } }),
    ] {
        assert!(read_answer(json.clone()).is_err(), "{json}");
    }
    let newer = r#"{"kind":"person","v":99,"ask":"ask","question":"?"}"#;
    assert!(read_request(newer).unwrap().into_request(&program(), &world()).is_err());
}

#[test]
fn a_field_that_has_its_default_is_not_written() {
    let run = RunRequest {
        argv: vec![Arg::plain("ls")],
        workspace: Workspace::default(),
        env: Vec::new(),
        stdin: None,
        files: None,
    };
    let text = write_request(&RequestKind::Run(run), &program(), &Vault::default());
    assert_eq!(text, r#"{"kind":"run","v":1,"argv":["ls"]}"#);
}

#[test]
fn what_is_no_effect_has_no_form() {
    let timer = TimerId { path: "main/a".into(), attempt: 1, kind: TimerKind::Idle };
    assert_eq!(write_request(&RequestKind::Timer { ms: 1, timer }, &program(), &Vault::default()), "null");
    assert_eq!(write_answer(&Output::Fired), json!(null));
}
