//! Real programs and real HTTP on this machine.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    net::TcpListener,
    path::PathBuf,
    time::{Duration, Instant},
};

use cascade_ir::*;
use cascade_runtime::{
    Cancel, Failure, RunOptions, Value, from_json, journal::SqliteStore, run_blocking as run, to_json,
};
use serde_json::json;
use support::{server::serve, *};

fn sh(parts: Vec<ShellPart>) -> CommandTemplate {
    CommandTemplate::Shell { parts, stop_on_error: false }
}

fn code(text: &str) -> ShellPart {
    ShellPart::Text(text.into())
}

fn hole(quote: Quote) -> ShellPart {
    ShellPart::Hole(slot(0), None, quote)
}

/// A program whose only stage runs a command with one value and returns its output.
fn program(command: CommandTemplate, arg: Expr, edit: impl FnOnce(&mut Run, &mut Skill)) -> Program {
    program_with(command, arg, Clauses::default(), edit)
}

fn program_with(
    command: CommandTemplate,
    arg: Expr,
    clauses: Clauses,
    edit: impl FnOnce(&mut Run, &mut Skill),
) -> Program {
    let mut make = Make::new();
    let id = make.run_skill("it", command, OutputFormat::Text, Type::String);
    let mut skill = make.program.skills.pop().unwrap();
    let Effect::Run(mut run) = skill.effect.clone() else { panic!() };
    edit(&mut run, &mut skill);
    skill.effect = Effect::Run(run);
    make.program.skills.push(skill);
    make.main(2, vec![stage_with("it", 0, Work::Skill(id, vec![arg]), clauses), ret(slot(0))])
}

fn done(program: &Program) -> Result<serde_json::Value, Box<Failure>> {
    run(program, entry(program), vec![], RunOptions::default()).result.map(|v| to_json(&v)).map_err(Box::new)
}

fn out(parts: Vec<ShellPart>, arg: &str) -> serde_json::Value {
    done(&program(sh(parts), text(arg), |_, _| ())).unwrap()
}

#[test]
fn hostile_values_stay_values() {
    for value in [
        "a b",
        "it's",
        "say \"hi\"",
        "$(touch /tmp/pwned)",
        "`id`",
        "; rm -rf /",
        "line\nbreak",
        "*",
        "\\",
        "-n",
        "${HOME}",
        "é\u{1f600}",
        "",
    ] {
        assert_eq!(out(vec![code("printf %s "), hole(Quote::Bare)], value), value, "bare");
        assert_eq!(
            out(vec![code("printf %s \"<"), hole(Quote::Double), code(">\"")], value),
            format!("<{value}>"),
            "double"
        );
        assert_eq!(
            out(vec![code("printf %s '<"), hole(Quote::Single), code(">'")], value),
            format!("<{value}>"),
            "single"
        );
        let direct = CommandTemplate::Direct(vec![
            word("printf"),
            word("%s"),
            Word { parts: vec![WordPart::Hole(slot(0), None)] },
        ]);
        assert_eq!(done(&program(direct, text(value), |_, _| ())).unwrap(), value, "direct");
    }
    let failure = done(&program(sh(vec![code("echo "), hole(Quote::Bare)]), text("a\0b"), |_, _| ())).unwrap_err();
    assert!(failure.message.contains("NUL"), "{failure}");
}

#[test]
fn lists_and_nulls_in_commands() {
    let several = || list(vec![text("a b"), text("c")]);
    let words = vec![
        word("printf"),
        word("<%s>"),
        Word { parts: vec![WordPart::Hole(slot(0), None)] },
        Word { parts: vec![WordPart::Text("--x=".into()), WordPart::Hole(slot(0), None)] },
    ];
    assert_eq!(done(&program(CommandTemplate::Direct(words), several(), |_, _| ())).unwrap(), "<a b><c><--x=a b c>");
    let script = sh(vec![code("printf '<%s>' "), hole(Quote::Bare), code(" x"), hole(Quote::Bare)]);
    assert_eq!(done(&program(script, Expr::Const(Const::Null), |_, _| ())).unwrap(), "<x>");
    let script = sh(vec![code("printf '<%s>' "), hole(Quote::Bare)]);
    assert_eq!(done(&program(script, several(), |_, _| ())).unwrap(), "<a b><c>");
}

#[test]
fn env_stdin_and_cwd() {
    let script =
        sh(vec![code("printf %s \"$NAME:${HOME-unset}:$(cat):$(basename $PWD):${#CASCADE_IDEMPOTENCY_KEY}\"")]);
    let made = program(script, text("v"), |run, _| {
        run.env = vec![("NAME".into(), slot(0)), ("HOME".into(), Expr::Const(Const::Null))];
        run.stdin = Some(record(&[("a", slot(0))]));
        run.cwd = Some(text("/usr/bin"));
    });
    assert_eq!(done(&made).unwrap(), "v:unset:{\"a\":\"v\"}:bin:32");
}

#[test]
fn exit_codes_and_missing_programs() {
    let failure = done(&program(sh(vec![code("echo one >&2; echo two >&2; exit 3")]), int(1), |_, _| ())).unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::CommandFailed, "exit code 3\none\ntwo"));
    let made = program(sh(vec![code("echo fine; exit 3")]), int(1), |run, _| run.exit = vec![(0, 0), (2, 4)]);
    assert_eq!(done(&made).unwrap(), "fine");
    let made = program(CommandTemplate::Direct(vec![word("no-such-program-anywhere")]), int(1), |_, _| ());
    let failure = done(&made).unwrap_err();
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (ErrorKind::Unavailable, "program `no-such-program-anywhere` not found")
    );
    let made =
        program(CommandTemplate::Direct(vec![word("true")]), int(1), |run, _| run.cwd = Some(text("/no/such/dir")));
    assert_eq!(done(&made).unwrap_err().message, "there is no directory `/no/such/dir`");
    let failure = done(&program(sh(vec![code("kill -9 $$")]), int(1), |_, _| ())).unwrap_err();
    assert_eq!(failure.message, "ended by signal 9");
}

#[test]
fn large_streams_do_not_deadlock() {
    let big = "x".repeat(3_000_000);
    let script = sh(vec![code("head -c 2000000 /dev/zero | tr '\\0' e >&2; cat")]);
    let made = program(script, text(&big), |run, _| run.stdin = Some(slot(0)));
    assert_eq!(done(&made).unwrap().as_str().unwrap().len(), big.len());
    // A program that does not read its input.
    let made = program(sh(vec![code("echo early")]), text(&big), |run, _| run.stdin = Some(slot(0)));
    assert_eq!(done(&made).unwrap(), "early");
    let failure = done(&program(sh(vec![code("cat /dev/zero")]), int(1), |_, _| ())).unwrap_err();
    assert_eq!(failure.message, "the program wrote more than 64 MiB");
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
#[cfg(target_os = "linux")]
fn a_deadline_ends_grandchildren_too() {
    let dir = temp("grandchild");
    let file = dir.join("pid");
    let script =
        sh(vec![code("sh -c 'echo $$ > '"), hole(Quote::Bare), code("'; sleep 100' & sh -c 'sleep 100'; wait")]);
    let clauses = Clauses { timeout: Some(ms(700)), ..Clauses::default() };
    let made = program_with(script, text(file.to_str().unwrap()), clauses, |_, _| ());
    let began = Instant::now();
    let failure = done(&made).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(10));
    let pid = std::fs::read_to_string(file).unwrap();
    // The signal was sent; the kernel may need a moment to deliver it.
    while is_alive(pid.trim()) {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn what_is_left_in_the_background_is_not_waited_for() {
    if cfg!(target_os = "linux") {
        let began = Instant::now();
        assert_eq!(out(vec![code("sleep 30 & echo done")], ""), "done");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn cancelling_ends_a_run() {
    let cancel = Cancel::default();
    let made = program(sh(vec![code("echo started; sleep 100")]), int(1), |_, _| ());
    let other = cancel.clone();
    let mut started = false;
    let observer = Box::new(move |event: &cascade_runtime::Event| {
        if matches!(event, cascade_runtime::Event::StageStarted { .. }) && !started {
            started = true;
            other.cancel();
        }
    });
    let outcome =
        run(&made, entry(&made), vec![], RunOptions { cancel, observer: Some(observer), ..RunOptions::default() });
    assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn secrets_reach_the_program_and_nothing_else() {
    let script =
        sh(vec![code("test \"$TOKEN\" = 'Bearer hunter2' && printf %s \"$TOKEN "), hole(Quote::Double), code("\"")]);
    let bearer = Expr::Template(Template {
        parts: vec![TextPart::Text("Bearer ".into()), TextPart::Hole { value: slot(0), rendering: None, indent: 0 }],
    });
    let mut made = program(script, slot(0), |run, _| run.env = vec![("TOKEN".into(), bearer)]);
    made.cascades[0].params = vec![param("token", Type::Secret, 0)];
    // The value is logged as well, by a template.
    let shown = Expr::Template(Template { parts: vec![TextPart::Hole { value: slot(0), rendering: None, indent: 0 }] });
    made.cascades[0].body.stmts.insert(0, Stmt::Log(shown, place(1)));
    let inputs =
        cascade_runtime::inputs_from_json(&made, entry(&made), json!({ "token": "hunter2" }).as_object().unwrap())
            .unwrap();
    let dir = temp("secrets");
    let seen = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    let events = seen.clone();
    let observer =
        Box::new(move |e: &cascade_runtime::Event| events.borrow_mut().push_str(&serde_json::to_string(e).unwrap()));
    let journal = dir.join("runs.db");
    let outcome = run(
        &made,
        entry(&made),
        inputs,
        RunOptions {
            store: Some(std::sync::Arc::new(SqliteStore::at(&journal))),
            observer: Some(observer),
            ..RunOptions::default()
        },
    );
    assert_eq!(to_json(&outcome.result.unwrap()), "Bearer [secret] [secret]");
    assert!(!seen.borrow().contains("hunter2"));
    let request: String = rusqlite::Connection::open(journal)
        .unwrap()
        .query_row("SELECT request FROM effects", [], |r| r.get(0))
        .unwrap();
    // The argument is the secret itself; the variable is made of it.
    let (named, unnamed) = (r#"{"secret":"token"}"#, r#"{"name":"TOKEN","value":{"secret":null}}"#);
    assert!(!request.contains("hunter2") && request.contains(named) && request.contains(unnamed), "{request}");
}

#[test]
fn a_secret_that_a_program_repeats_in_its_failure_is_hidden() {
    let script = sh(vec![code("echo \"not accepted: ${TOKEN#Bearer }\" >&2; echo \"$TOKEN\" >&2; exit 1")]);
    let bearer = Expr::Template(Template {
        parts: vec![TextPart::Text("Bearer ".into()), TextPart::Hole { value: slot(0), rendering: None, indent: 0 }],
    });
    let mut made = program(script, slot(0), |run, _| run.env = vec![("TOKEN".into(), bearer)]);
    made.cascades[0].params = vec![param("token", Type::Secret, 0)];
    let inputs =
        cascade_runtime::inputs_from_json(&made, entry(&made), json!({ "token": "hunter2" }).as_object().unwrap())
            .unwrap();
    let failure = run(&made, entry(&made), inputs, RunOptions::default()).result.unwrap_err();
    assert!(failure.message.contains("not accepted: [secret]"), "{}", failure.message);
    assert!(!failure.message.contains("hunter2"), "{}", failure.message);
}

/// A failure keeps the end of standard error. The cut must not leave half a secret, which nothing would
/// recognise.
#[test]
fn a_secret_where_standard_error_is_cut_is_hidden() {
    // 4,096 bytes from the end the token is in its middle.
    let script = sh(vec![code("printf '%s%04085d%s' \"$TOKEN\" 0 end >&2; exit 1")]);
    let mut made = program(script, slot(0), |run, _| run.env = vec![("TOKEN".into(), slot(0))]);
    made.cascades[0].params = vec![param("token", Type::Secret, 0)];
    let token = "correct-horse-battery-staple";
    let inputs =
        cascade_runtime::inputs_from_json(&made, entry(&made), json!({ "token": token }).as_object().unwrap()).unwrap();
    let failure = run(&made, entry(&made), inputs, RunOptions::default()).result.unwrap_err();
    assert!(failure.message.contains("0end"), "{}", failure.message);
    assert!(!failure.message.contains("staple"), "{}", failure.message);
}

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("cascade-local-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn http_program(url: &str, clauses: Clauses, edit: impl FnOnce(&mut Http)) -> Program {
    let mut make = Make::new();
    let mut http = Http {
        method: "POST".into(),
        url: Template {
            parts: vec![
                TextPart::Hole { value: slot(0), rendering: None, indent: 0 },
                TextPart::Text("/a/".into()),
                TextPart::Hole { value: text("x y"), rendering: None, indent: 0 },
            ],
        },
        headers: vec![("X-Token".into(), text("t")), ("X-None".into(), Expr::Const(Const::Null))],
        query: Some(record(&[("q", text("1&2"))])),
        body: Some(record(&[("n", int(1))])),
        status: vec![],
        format: OutputFormat::Json,
        follows_redirects: false,
    };
    edit(&mut http);
    let id = make.skill("post", 1, Effect::Http(Box::new(http)), Type::Json);
    make.main(2, vec![stage_with("post", 0, Work::Skill(id, vec![text(url)]), clauses), ret(slot(0))])
}

#[test]
fn http_requests_are_sent_as_written() {
    let (url, server) = serve(vec![(200, "", "{\"ok\":true}".into())]);
    assert_eq!(done(&http_program(&url, Clauses::default(), |_| ())).unwrap(), json!({ "ok": true }));
    let asked = server.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /a/x%20y?q=1%262 HTTP/1.1"), "{asked}");
    let lower = asked.to_lowercase();
    assert!(
        lower.contains("x-token: t") && !lower.contains("x-none") && lower.contains("content-type: application/json")
    );
    assert!(lower.contains("idempotency-key: "));
    assert!(asked.ends_with("{\"n\":1}"));
}

#[test]
fn http_failures_have_kinds() {
    let (url, server) = serve(vec![(503, "retry-after: 0\r\n", "busy".into()), (404, "", "no such thing".into())]);
    let clauses = Clauses { retry: Some(Retry { count: int(3), backoff: Some((ms(1), ms(2))) }), ..Clauses::default() };
    let failure = done(&http_program(&url, clauses, |_| ())).unwrap_err();
    server.join().unwrap();
    assert_eq!(
        (failure.kind, failure.message.as_str(), failure.attempts),
        (ErrorKind::Failed, "HTTP status 404: no such thing", 2)
    );
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = done(&http_program(&format!("http://{unused}"), Clauses::default(), |_| ())).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unavailable, "{failure}");
    let failure = done(&http_program("nonsense", Clauses::default(), |_| ())).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Failed, "{failure}");
}

#[test]
fn values_pass_through_json() {
    let value = json!({ "a": [1, 2.5, null, true, "x"], "b": {} });
    assert_eq!(to_json(&from_json(&value)), value);
    assert_eq!(from_json(&json!(1)), Value::Float(1.0));
}
