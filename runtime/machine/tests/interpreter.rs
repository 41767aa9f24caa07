//! The interpreter against a scripted host on virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::*;
use cascade_machine::{Event, Value, to_json};
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
        round: None,
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
fn absent_models_are_passed_over_and_others_tried_on_error() {
    use cascade_machine::interpreter::{Availability, Environment};
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
            Availability::NoKey(vec!["OPENAI_API_KEY".into()]),
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

    // A failure names each variable once, and there is no note of each model beside it.
    let no_key = |name: &str| Availability::NoKey(vec![name.into(), "BOTH".into()]);
    let gone = Environment { models: vec![no_key("X"), no_key("X"), no_key("Y")], ..Environment::default() };
    let mut mock = Mock::with(&program, vec![], gone, |_| Reply::Never);
    let failure = mock.run().unwrap_err();
    let message = "no model is available: set one of `X`, `BOTH`, `Y` (models `a`, `b`, `c`)";
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Denied, message));
    assert!(!mock.events.iter().any(|event| matches!(event, Event::ModelPassedOver { .. })));
}

#[test]
fn nothing_runs_for_ever_or_exhausts_the_stack() {
    // A loop of 3,000 × 3,000 × 3,000 additions.
    let inner = for_each("c", 2, range(3_000), pure_block(vec![set(3, add(slot(2), int(1)))], slot(3)));
    let middle = for_each("b", 1, range(3_000), pure_block(vec![Stmt::Work(Box::new(inner), None)], int(0)));
    let outer = for_each("a", 0, range(3_000), pure_block(vec![Stmt::Work(Box::new(middle), None)], int(0)));
    let program = Make::new().main(5, vec![Stmt::Work(Box::new(outer), None)]);
    let environment = cascade_machine::interpreter::Environment { fuel: 1_000_000, ..Default::default() };
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
        server: None,
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
