//! The interpreter against a scripted host on virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::*;
use cascade_runtime::{Event, Value, to_json};
use serde_json::json;
use support::{mock::*, *};

fn echo(make: &mut Make) -> SkillId {
    make.command("echo", OutputFormat::Text, Type::String)
}

fn skill(id: SkillId, arg: Expr) -> Work {
    Work::Skill(id, vec![arg])
}

/// Answers every command with its last argument.
fn parrot(asked: &Asked) -> Reply {
    Reply::Now(ok(asked.what.rsplit(' ').next().unwrap_or_default()))
}

fn result(program: &Program, script: impl FnMut(&Asked) -> Reply + 'static) -> serde_json::Value {
    to_json(&Mock::new(program, script).run().unwrap())
}

#[test]
fn stages_run_in_order_and_see_each_other() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let program = make.main(
        3,
        vec![
            stage("a", 0, skill(e, text("one"))),
            stage("b", 1, skill(e, add(slot(0), text("+two")))),
            ret(list(vec![slot(0), slot(1)])),
        ],
    );
    let mut mock = Mock::new(&program, parrot);
    assert_eq!(to_json(&mock.run().unwrap()), json!(["one", "one+two"]));
    assert_eq!(mock.paths(), ["main/a#1", "main/b#1"]);
    assert_ne!(mock.asked[0].key, mock.asked[1].key);
}

#[test]
fn branches_of_if_and_match_are_chosen() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let arms = vec![
        Arm {
            pattern: Pattern::Range(Some(int(90)), None),
            guard: None,
            body: valued(vec![stage("high", 1, skill(e, text("high")))], slot(1)),
        },
        Arm { pattern: Pattern::Any, guard: Some(flag(false)), body: valued(vec![], text("never")) },
        Arm { pattern: Pattern::Any, guard: None, body: valued(vec![stage("low", 1, skill(e, text("low")))], slot(1)) },
    ];
    let program = make.main(
        4,
        vec![
            Stmt::Work(Box::new(Work::If(flag(true), block(vec![set(0, int(95))]), block(vec![set(0, int(1))]))), None),
            stage("m", 2, Work::Match(slot(0), arms)),
            ret(slot(2)),
        ],
    );
    let mut mock = Mock::new(&program, parrot);
    assert_eq!(to_json(&mock.run().unwrap()), json!("high"));
    assert_eq!(mock.paths(), ["main/m/high#1"]);
}

#[test]
fn loops_give_lists_and_their_paths_have_indexes() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let body = valued(vec![stage("say", 1, skill(e, slot(0)))], slot(1));
    let rounds = Repeat {
        max: int(5),
        body: valued(vec![stage("try", 3, skill(e, text("x"))), set(4, add(slot(4), slot(3)))], slot(4)),
        until: Some(binary(BinaryOp::Eq, slot(4), text("xxx"))),
        place: place(9),
    };
    let program = make.main(
        6,
        vec![
            stage("all", 2, for_each("w", 0, list(vec![text("p"), text("q")]), body.clone())),
            Stmt::Work(Box::new(for_each("w", 0, list(vec![text("r")]), body)), None),
            set(4, text("")),
            Stmt::Work(Box::new(Work::Repeat(Box::new(rounds))), Some(Slot(5))),
            ret(list(vec![slot(2), slot(5)])),
        ],
    );
    let mut mock = Mock::new(&program, parrot);
    assert_eq!(to_json(&mock.run().unwrap()), json!([["p", "q"], "xxx"]));
    assert_eq!(
        mock.paths(),
        [
            "main/all[0]/say#1",
            "main/all[1]/say#1",
            "main/w[0]/say#1",
            "main/repeat[0]/try#1",
            "main/repeat[1]/try#1",
            "main/repeat[2]/try#1"
        ]
    );
}

#[test]
fn return_leaves_loops_and_stages() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let body = block(vec![
        stage("say", 1, skill(e, slot(0))),
        Stmt::Work(
            Box::new(Work::If(binary(BinaryOp::Eq, slot(1), text("b")), block(vec![ret(slot(1))]), block(vec![]))),
            None,
        ),
    ]);
    let work = for_each("w", 0, list(vec![text("a"), text("b"), text("c")]), body);
    let program = make.main(4, vec![stage("loop", 2, work), ret(text("not reached"))]);
    let mut mock = Mock::new(&program, parrot);
    assert_eq!(to_json(&mock.run().unwrap()), json!("b"));
    assert_eq!(mock.asked.len(), 2);
}

#[test]
fn a_parallel_graph_starts_what_is_ready() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let c = Clauses::default;
    let work = parallel(
        Some(2),
        vec![
            ("d", 3, skill(e, add(slot(1), slot(2))), c(), vec![1, 2]),
            ("b", 1, skill(e, text("b")), c(), vec![]),
            ("c", 2, skill(e, text("c")), c(), vec![]),
            ("e", 4, skill(e, text("e")), c(), vec![]),
        ],
    );
    let program = make.main(6, vec![stage("all", 0, work), ret(slot(0))]);
    for backwards in [false, true] {
        let mut mock = Mock::new(&program, parrot);
        mock.backwards = backwards;
        assert_eq!(to_json(&mock.run().unwrap()), json!({ "d": "bc", "b": "b", "c": "c", "e": "e" }));
        assert_eq!(mock.most_live, 2);
        assert!(mock.paths().contains(&"main/all/d#1".to_owned()));
    }
}

#[test]
fn parallel_loops_respect_max_and_keep_order() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let body = valued(vec![stage("say", 1, skill(e, slot(0)))], slot(1));
    let work = for_parallel(
        "w",
        0,
        call(Builtin::Map, vec![range(7), Expr::Lambda(vec![Slot(3)], Box::new(call(Builtin::ToText, vec![slot(3)])))]),
        Some(3),
        body,
    );
    let program = make.main(4, vec![stage("all", 2, work), ret(slot(2))]);
    for backwards in [false, true] {
        let mut mock = Mock::new(&program, parrot);
        mock.backwards = backwards;
        assert_eq!(to_json(&mock.run().unwrap()), json!(["0", "1", "2", "3", "4", "5", "6"]));
        assert_eq!(mock.most_live, 3);
        assert_eq!(mock.asked[0].path, "main/all[0]/say");
    }
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
    assert_eq!(mock.machine.spent().cost, 3_000_000);
}

#[test]
fn absent_models_are_passed_over_and_others_tried_on_error() {
    use cascade_runtime::machine::{Availability, Environment};
    let mut make = Make::new();
    let (a, b, c) = (make.model("a", "openai"), make.model("b", "google"), make.model("c", "anthropic"));
    make.program.models[1].context = Some(10);
    let route = |capability: Option<&str>, model| RouteArm {
        capability: capability.map(Into::into),
        models: vec![ModelRef::Model(model)],
        by: None,
    };
    make.program.routes.push(Route {
        name: "auto".into(),
        arms: vec![route(Some("big"), a), route(Some("odd"), a), route(None, b), route(None, c)],
    });
    make.program.default_route = Some(RouteId(0));
    let p = make.prompt("think", "a prompt that has rather more than ten tokens in it, surely", Type::String);
    make.program.skills[0].needs = vec!["big".into()];
    let clauses = Clauses {
        on_error: vec![on_error(
            &[ErrorKind::Refused],
            ErrorAction::Use(list(vec![Expr::Model(ModelRef::Model(a)), Expr::Model(ModelRef::Model(c))])),
        )],
        ..Clauses::default()
    };
    let program = make.main(2, vec![stage_with("s", 0, skill(p, int(1)), clauses), ret(slot(0))]);
    let environment = Environment {
        models: vec![
            Availability::Missing("`OPENAI_API_KEY` is not set".into()),
            Availability::Available,
            Availability::Available,
        ],
        ..Environment::default()
    };
    let mut mock = Mock::with(&program, vec![], environment, |asked| {
        Reply::Now(if asked.attempt < 3 { failed(ErrorKind::Refused) } else { model("ok", 1, 1) })
    });
    assert_eq!(to_json(&mock.run().unwrap()), json!("ok"));
    assert!(mock.asked.iter().all(|a| a.what.starts_with("ModelId(2)")));
    let passed: Vec<_> = mock
        .events
        .iter()
        .filter_map(|e| match e {
            Event::ModelPassedOver { model, reason, .. } => Some(format!("{model}: {reason}")),
            _ => None,
        })
        .collect();
    assert_eq!(passed[0], "a: `OPENAI_API_KEY` is not set");
    assert!(passed[1].starts_with("b: the prompt has about"), "{passed:?}");

    let gone =
        Environment { models: vec![Availability::Missing("`X` is not set".into()); 3], ..Environment::default() };
    let failure = Mock::with(&program, vec![], gone, |_| Reply::Never).run().unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Denied, "no model is available: `X` is not set"));
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
fn nothing_runs_for_ever_or_exhausts_the_stack() {
    // A loop of 3,000 × 3,000 × 3,000 additions.
    let inner = for_each("c", 2, range(3_000), pure_block(vec![set(3, add(slot(2), int(1)))], slot(3)));
    let middle = for_each("b", 1, range(3_000), pure_block(vec![Stmt::Work(Box::new(inner), None)], int(0)));
    let outer = for_each("a", 0, range(3_000), pure_block(vec![Stmt::Work(Box::new(middle), None)], int(0)));
    let program = Make::new().main(5, vec![Stmt::Work(Box::new(outer), None)]);
    let environment = cascade_runtime::machine::Environment { fuel: 1_000_000, ..Default::default() };
    let failure = Mock::with(&program, vec![], environment, |_| Reply::Never).run().unwrap_err();
    assert!(failure.message.contains("computes for too long"), "{failure}");
    // A value that is nested too deeply, and one that is too large.
    for grow in [list(vec![slot(0)]), list(vec![slot(0), slot(0)])] {
        let nest = for_each("a", 1, range(1_000), pure_block(vec![set(0, grow)], int(0)));
        let program = Make::new().main(2, vec![Stmt::Work(Box::new(nest), None)]);
        let failure = Mock::new(&program, |_| Reply::Never).run().unwrap_err();
        assert!(failure.message.starts_with("the value is"), "{failure}");
    }
    // An expression nested as deeply as a damaged program can be.
    let mut deep = int(0);
    for _ in 0..10_000 {
        deep = Expr::Not(Box::new(deep));
    }
    let program = Make::new().main(1, vec![ret(deep)]);
    assert!(Mock::new(&program, |_| Reply::Never).run().is_err());
    std::mem::forget(program);
    let program = Make::new().main(1, vec![ret(range(i64::MAX))]);
    assert!(Mock::new(&program, |_| Reply::Never).run().unwrap_err().message.contains("too long"));
}

#[test]
fn ten_thousand_branches_are_few_fibers() {
    let mut make = Make::new();
    let e = echo(&mut make);
    let body = valued(vec![stage("say", 1, skill(e, text("x")))], int(1));
    let program = make.main(
        3,
        vec![
            stage("all", 2, for_parallel("w", 0, range(10_000), Some(16), body)),
            ret(call(Builtin::Sum, vec![slot(2)])),
        ],
    );
    let mut mock = Mock::new(&program, parrot);
    assert_eq!(mock.run().unwrap(), Value::Int(10_000));
    assert_eq!(mock.most_live, 16);
}

#[test]
fn memory_is_shared_and_appended() {
    let mut make = Make::new();
    let e = echo(&mut make);
    make.program.memories.push(Memory {
        name: "notes".into(),
        global: false,
        keys: vec![MemoryKey { name: "all".into(), ty: Type::List(Box::new(Type::String)), initial: list(vec![]) }],
        place: place(1),
    });
    let body = block(vec![
        stage("say", 1, skill(e, slot(0))),
        Stmt::Remember { memory: MemoryId(0), key: 0, append: true, value: list(vec![slot(1)]), place: place(2) },
    ]);
    let program = make.main(
        3,
        vec![
            stage("all", 2, for_parallel("w", 0, list(vec![text("a"), text("b")]), None, body)),
            ret(Expr::Memory(MemoryId(0), 0)),
        ],
    );
    assert_eq!(result(&program, parrot), json!(["a", "b"]));
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
