//! Failures on their way: retries, handlers, deadlines, hooks, cancellation, budgets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::*;
use cascade_machine::{Event, to_json};
use serde_json::json;
use support::{mock::*, *};

fn echo(make: &mut Make) -> SkillId {
    make.command("echo", OutputFormat::Text, Type::String)
}

fn skill(id: SkillId, arg: Expr) -> Work {
    Work::Skill(id, vec![arg])
}

fn result(program: &Program, script: impl FnMut(&Asked) -> Reply + 'static) -> serde_json::Value {
    to_json(&Mock::new(program, script).run().unwrap())
}

#[test]
fn retries_back_off_and_keep_the_idempotency_key() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses { retry: retry(3), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    let mut mock = Mock::new(&program, |asked| Reply::Now(if asked.attempt < 4 { exit(2, "") } else { ok("fine") }));
    assert_eq!(to_json(&mock.run().unwrap()), json!("fine"));
    assert_eq!(mock.delays, [100, 200, 400]);
    assert_eq!(mock.paths(), ["main/a#1", "main/a#2", "main/a#3", "main/a#4"]);
    assert!(mock.asked.windows(2).all(|w| w[0].idempotency == w[1].idempotency && w[0].key == w[1].key));

    let mut mock = Mock::new(&program, |_| Reply::Now(exit(2, "")));
    let failure = mock.run().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::CommandFailed);
    assert_eq!((failure.stage.as_str(), failure.attempts), ("main/a", 4));
    assert_eq!(failure.message, "exit code 2\nthe last words");
}

#[test]
fn some_kinds_are_not_retried_and_retry_after_is_honoured() {
    let mut make = Make::new();
    let get = Http {
        method: "GET".into(),
        url: Template {
            parts: vec![
                TextPart::Text("http://x/".into()),
                TextPart::Hole { value: slot(0), rendering: None, indent: 0 },
            ],
        },
        headers: vec![],
        query: Some(record(&[("q", list(vec![int(1), text("a b")])), ("none", Expr::Const(Const::Null))])),
        body: None,
        status: vec![],
        format: OutputFormat::Json,
        follows_redirects: false,
    };
    let get = make.skill("get", 1, Effect::Http(Box::new(get)), Type::Json);
    let clauses = Clauses { retry: retry(3), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(get, text("é/ü")), clauses), ret(slot(0))]);
    let mut mock = Mock::new(&program, |asked| {
        Reply::Now(if asked.attempt == 1 { http(429, "slow", Some(7_000)) } else { http(200, "{\"n\":1}", None) })
    });
    assert_eq!(to_json(&mock.run().unwrap()), json!({ "n": 1 }));
    assert_eq!(mock.delays, [7_000]);
    assert_eq!(mock.asked[0].what, "GET http://x/%C3%A9%2F%C3%BC?q=1&q=a%20b");

    let mut mock = Mock::new(&program, |_| Reply::Now(http(403, "no", None)));
    assert_eq!(mock.run().unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(mock.asked.len(), 1);
    let mut mock = Mock::new(&program, |_| Reply::Now(http(200, "{", None)));
    assert_eq!(mock.run().unwrap_err().kind, ErrorKind::InvalidOutput);
    assert_eq!(mock.asked.len(), 4);
}

#[test]
fn a_wait_that_is_asked_for_has_a_cap_and_is_told() {
    let asks = |wait: u64, attempt: u32| {
        let mut answer = failed(ErrorKind::RateLimited);
        if let Err(failure) = &mut answer.result {
            failure.retry_after_ms = Some(wait);
        }
        Reply::Now(if attempt == 1 { answer } else { ok("fine") })
    };
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses { retry: retry(3), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses.clone()), ret(slot(0))]);

    let mut mock = Mock::listening(&program, move |asked| asks(600_000, asked.attempt));
    assert_eq!(to_json(&mock.run().unwrap()), json!("fine"));
    assert_eq!(mock.delays, [600_000]);
    let told = mock.events.iter().find_map(|e| match e {
        Event::StageRetrying { wait_ms, next, .. } => Some((*wait_ms, *next)),
        _ => None,
    });
    assert_eq!(told, Some((Some(600_000), "retry")));

    let mut mock = Mock::listening(&program, move |asked| asks(7_200_000, asked.attempt));
    let failure = mock.run().unwrap_err();
    assert_eq!((failure.kind, mock.asked.len(), mock.delays.len()), (ErrorKind::RateLimited, 1, 0));
    assert_eq!(
        failure.message,
        "as scripted; the server asks to wait 2h, and a run waits at most 10m: try again later, or take another with \
         `on error`"
    );

    // A budget of time is not waited away, and handlers take what is not waited for.
    let mut make = Make::new();
    let e = echo(&mut make);
    let budget = Clauses { budget_time: Some(ms(20_000)), ..clauses.clone() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), budget), ret(slot(0))]);
    let failure = Mock::new(&program, move |asked| asks(30_000, asked.attempt)).run().unwrap_err();
    assert!(failure.message.contains("asks to wait 30s, and its budget is 20s"), "{failure}");
    let mut mock = Mock::new(&program, move |asked| asks(10_000, asked.attempt));
    assert_eq!(to_json(&mock.run().unwrap()), json!("fine"));
    let mut make = Make::new();
    let e = echo(&mut make);
    let skipped = Clauses { on_error: vec![on_error(&[ErrorKind::RateLimited], ErrorAction::Skip)], ..clauses };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), skipped), ret(slot(0))]);
    assert_eq!(result(&program, move |asked| asks(7_200_000, asked.attempt)), json!(null));
}

#[test]
fn what_would_fail_again_is_not_repeated_at_any_level() {
    let cut = || {
        let mut answer = failed(ErrorKind::InvalidOutput);
        if let Err(failure) = &mut answer.result {
            failure.permanent = true;
        }
        Reply::Now(answer)
    };
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses { retry: retry(3), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    let mut mock = Mock::new(&program, move |_| cut());
    assert_eq!((mock.run().unwrap_err().kind, mock.asked.len()), (ErrorKind::InvalidOutput, 1));
}

#[test]
fn handlers_are_tried_in_order_with_their_filters() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses {
        on_error: vec![
            on_error(&[ErrorKind::RateLimited], ErrorAction::Skip),
            on_error(&[], ErrorAction::Fallback(skill(e, text("other")))),
            on_error(&[], ErrorAction::Fail(Some(text("gave up")))),
        ],
        ..Clauses::default()
    };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    assert_eq!(result(&program, |_| Reply::Now(failed(ErrorKind::RateLimited))), json!(null));
    let mut mock = Mock::new(&program, |asked| {
        Reply::Now(if asked.path.ends_with("fallback") { ok("instead") } else { failed(ErrorKind::Refused) })
    });
    assert_eq!(to_json(&mock.run().unwrap()), json!("instead"));
    assert_eq!(mock.paths(), ["main/a#1", "main/a/fallback#1"]);
    let failure = Mock::new(&program, |_| Reply::Now(failed(ErrorKind::Refused))).run().unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Failed, "gave up"));
    assert_eq!(failure.causes, ["main/a: as scripted (refused)"]);
}

#[test]
fn the_nearest_deadline_fires_and_cancels_what_is_below() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let inner = Clauses {
        timeout: Some(ms(500)),
        on_error: vec![on_error(&[ErrorKind::TimedOut], ErrorAction::Skip)],
        ..Clauses::default()
    };
    let outer = Clauses { timeout: Some(ms(800)), ..Clauses::default() };
    let body = block(vec![
        stage_with("one", 1, skill(e, text("x")), inner.clone()),
        stage_with("two", 2, skill(e, text("y")), inner),
    ]);
    let program = make.main(4, vec![stage_with("o", 0, Work::Block(body), outer), ret(int(1))]);
    let mut mock = Mock::new(&program, |_| Reply::Never);
    let failure = mock.run().unwrap_err();
    assert_eq!(
        (failure.kind, failure.message.as_str(), failure.stage.as_str()),
        (ErrorKind::TimedOut, "not done within 800ms", "main/o")
    );
    assert_eq!(mock.now, 800);
    assert_eq!(mock.cancelled, ["main/o/one", "main/o/two"]);
}

#[test]
fn a_deadline_holds_for_each_attempt() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses { timeout: Some(ms(500)), retry: retry(1), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    let mut mock =
        Mock::new(&program, |asked| if asked.attempt == 1 { Reply::Never } else { Reply::After(400, ok("done")) });
    assert_eq!(to_json(&mock.run().unwrap()), json!("done"));
    assert_eq!(mock.now, 500 + 100 + 400);
}

#[test]
fn silence_is_noticed_and_signs_of_life_are_heard() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses = Clauses { idle: Some(ms(400)), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    let mut mock = Mock::new(&program, |_| Reply::After(2_000, ok("late")));
    let failure = mock.run().unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::TimedOut, "no sign of life for 400ms"));
    assert_eq!(mock.now, 400);
    let mut mock = Mock::new(&program, |_| Reply::After(2_000, ok("late")));
    mock.alive_every = Some((90, 1_990));
    assert_eq!(to_json(&mock.run().unwrap()), json!("late"));
}

#[test]
fn a_failure_cancels_its_siblings() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let work = || {
        parallel(
            None,
            vec![
                ("slow", 1, skill(e, text("slow")), Clauses::default(), vec![]),
                ("bad", 2, skill(e, text("bad")), Clauses::default(), vec![]),
                ("after", 3, skill(e, text("after")), Clauses::default(), vec![0]),
            ],
        )
    };
    let script = |asked: &Asked| {
        if asked.path.ends_with("bad") { Reply::After(5, exit(1, "")) } else { Reply::Never }
    };
    let stmts = vec![stage("all", 0, work()), ret(int(1))];
    let program = make.main(5, stmts);
    let mut mock = Mock::new(&program, script);
    let failure = mock.run().unwrap_err();
    assert_eq!((failure.kind, failure.stage.as_str()), (ErrorKind::CommandFailed, "main/all/bad"));
    assert_eq!(mock.cancelled, ["main/all/slow"]);
    assert_eq!(mock.asked.len(), 2);
    let finished: Vec<_> = mock
        .events
        .iter()
        .filter_map(|e| match e {
            Event::StageFinished { path, status, .. } => Some((path.as_str(), *status)),
            _ => None,
        })
        .collect();
    assert_eq!(finished, [("main/all/bad", "failed"), ("main/all/slow", "cancelled"), ("main/all", "failed")]);
}

#[test]
fn hooks_see_the_error_and_the_result() {
    let mut make = Make::new();
    let e = echo(&mut make);
    make.cascade("main", 0, 4, vec![stage("a", 0, skill(e, text("x"))), ret(slot(0))]);
    let said = Expr::Template(Template {
        parts: vec![
            TextPart::Hole { value: field(slot(2), "stage"), rendering: None, indent: 0 },
            TextPart::Text(" ".into()),
            TextPart::Hole { value: field(slot(2), "kind"), rendering: None, indent: 0 },
            TextPart::Text(" ".into()),
            TextPart::Hole { value: field(slot(2), "attempts"), rendering: None, indent: 0 },
        ],
    });
    make.last().on_failure = Some(Hook {
        slot: Some(Slot(2)),
        body: block(vec![Stmt::Log(said, place(1)), stage("tell", 3, skill(e, text("told")))]),
    });
    make.last().on_success =
        Some(Hook { slot: Some(Slot(2)), body: block(vec![stage("cheer", 3, skill(e, slot(2)))]) });
    let program = make.program;
    let mut mock = Mock::new(&program, |asked| Reply::Now(if asked.path == "main/a" { exit(9, "") } else { ok("") }));
    assert_eq!(mock.run().unwrap_err().kind, ErrorKind::CommandFailed);
    assert_eq!(mock.paths(), ["main/a#1", "main/on_failure/tell#1"]);
    assert!(
        mock.events.iter().any(|e| matches!(e, Event::Log { message, .. } if message == "main/a command_failed 1"))
    );

    let mut mock =
        Mock::new(&program, |asked| Reply::Now(if asked.path == "main/a" { ok("yes") } else { exit(1, "") }));
    assert_eq!(to_json(&mock.run().unwrap()), json!("yes"));
    assert_eq!(mock.paths(), ["main/a#1", "main/on_success/cheer#1"]);
    assert!(mock.events.iter().any(|e| matches!(e, Event::Warning { message, .. } if message.contains("on success"))));
}

#[test]
fn a_cancelled_run_runs_its_cancel_hooks_in_branches_too() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let sub = make.cascade("sub", 0, 3, vec![stage("wait", 0, skill(e, text("x")))]);
    make.last().on_cancel = Some(Hook { slot: None, body: block(vec![stage("clean", 1, skill(e, text("clean")))]) });
    let work = parallel(
        None,
        vec![
            ("s", 1, Work::Cascade(sub, vec![]), Clauses::default(), vec![]),
            ("t", 2, skill(e, text("t")), Clauses::default(), vec![]),
        ],
    );
    make.cascade("main", 0, 4, vec![stage("all", 0, work)]);
    make.last().on_cancel = Some(Hook { slot: None, body: block(vec![stage("bye", 3, skill(e, text("bye")))]) });
    let program = make.program;
    let mut mock =
        Mock::new(
            &program,
            |asked| {
                if asked.path.contains("on_cancel") { Reply::After(10, ok("")) } else { Reply::Never }
            },
        );
    mock.cancel_at = Some(50);
    assert_eq!(mock.run().unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(
        mock.paths(),
        ["main/all/s/wait#1", "main/all/t#1", "main/all/s/on_cancel/clean#1", "main/on_cancel/bye#1"]
    );
    assert_eq!(mock.now, 70);
}

#[test]
fn budgets_hold_for_everything_below_them() {
    let mut make = Make::new();
    let model_id = make.model("big", "anthropic");
    let p = make.prompt("think", "think", Type::String);
    let using = Some(Expr::Model(ModelRef::Model(model_id)));
    let inner = || Clauses { using: using.clone(), ..Clauses::default() };
    let body = block(vec![
        stage_with("a", 1, skill(p, int(1)), inner()),
        stage_with("b", 2, skill(p, int(2)), inner()),
        stage_with("c", 3, skill(p, int(3)), inner()),
    ]);
    let clauses = Clauses {
        budget: Some(usd(2_000_000)),
        on_error: vec![on_error(&[ErrorKind::OverBudget], ErrorAction::Fallback(Work::Pure(text("cheap"))))],
        ..Clauses::default()
    };
    let program = make.main(5, vec![stage_with("s", 0, Work::Block(body), clauses), ret(slot(0))]);
    // Each answer costs 1.50 dollars: 0.5 million tokens in at 3 dollars a million.
    let mut mock = Mock::new(&program, |_| Reply::Now(model("hm", 500_000, 0)));
    assert_eq!(to_json(&mock.run().unwrap()), json!("cheap"));
    assert_eq!(mock.paths(), ["main/s/a#1", "main/s/b#1"]);
    assert_eq!(mock.machine.total_spent().cost, 3_000_000);
}

#[test]
fn a_retried_cascade_has_paths_of_its_own() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let sub = make.cascade("sub", 0, 2, vec![stage("inner", 0, skill(e, text("x"))), ret(slot(0))]);
    let clauses = Clauses { retry: retry(1), ..Clauses::default() };
    make.cascade("main", 0, 2, vec![stage_with("s", 0, Work::Cascade(sub, vec![]), clauses), ret(slot(0))]);
    let program = make.program;
    let mut mock =
        Mock::new(&program, |asked| Reply::Now(if asked.path == "main/s/inner" { exit(1, "") } else { ok("second") }));
    assert_eq!(to_json(&mock.run().unwrap()), json!("second"));
    assert_eq!(mock.paths(), ["main/s/inner#1", "main/s~2/inner#1"]);
}
#[test]
fn pure_errors_tell_their_place() {
    let program = Make::new().main(1, vec![set(0, binary(BinaryOp::Div, int(1), int(0))), ret(slot(0))]);
    let failure = Mock::new(&program, |_| Reply::Never).run().unwrap_err();
    assert_eq!(
        (failure.kind, failure.message.as_str(), failure.place),
        (ErrorKind::Failed, "division by zero", Some(place(5)))
    );
    let gate = Stmt::Gate(flag(false), Some(text("not good enough")), place(7));
    let program = Make::new().main(1, vec![gate]);
    let mut mock = Mock::new(&program, |_| Reply::Never);
    let failure = mock.run().unwrap_err();
    assert_eq!((failure.message.as_str(), failure.place), ("not good enough", Some(place(7))));
    assert!(matches!(mock.events[0], Event::GateFailed { .. }));
}

#[test]
fn a_budget_of_time_holds_for_all_attempts() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let clauses =
        Clauses { budget_time: Some(ms(1_000)), timeout: Some(ms(400)), retry: retry(9), ..Clauses::default() };
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), clauses), ret(slot(0))]);
    let mut mock = Mock::new(&program, |_| Reply::Never);
    let failure = mock.run().unwrap_err();
    let message = "not done within its budget of 1s";
    assert_eq!((failure.kind, failure.message.as_str(), mock.now), (ErrorKind::OverBudget, message, 1_000));
}

#[test]
fn a_spent_quota_waits_and_takes_no_attempt() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let program = make.main(2, vec![stage_with("a", 0, skill(e, text("x")), Clauses::default()), ret(slot(0))]);
    let mut mock = Mock::new(&program, |asked| {
        Reply::Now(if asked.attempt == 1 { failed(ErrorKind::QuotaExhausted) } else { ok("done") })
    });
    assert_eq!(to_json(&mock.run().unwrap()), json!("done"));
    assert_eq!(mock.now, 60_000, "as long as the host says");
}
