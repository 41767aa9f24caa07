//! Swarms that are shown on a server (`swarm … via mcp`), which a script plays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use agents::{SERVER_FUNCTIONS, SWARM_SERVER, Stage};
use cascade_compiler::{FileSources, compile};
use cascade_ir::ErrorKind;
use cascade_runtime::{
    Event,
    interpreter::{Environment, Machine},
    request::{Answer, Output, RequestKind},
};
use models::{Model, chat_reply};
use project::{stderr, stdout};

/// Two tasks, the second of which is told the result of the first.
fn program(model: &Model) -> String {
    format!(
        "{}mcp board {{\n  command: sh\"board-server\"\n}}\n\nskill write(about: string) -> string {{\n  \
         prompt \"Write about $<about>.\"\n}}\n\nskill check() {{\n  run sh\"test ! -e broken\"\n}}\n\n\
         cascade main() -> string {{\n  stage all = swarm topology star max 2 strategy adaptive via mcp board {{\n    \
         stage one = write(\"mice\")\n      using m\n    stage two = write(one)\n      using m\n  }}\n  \
         stage last = check()\n  return \"$<all.one> $<all.two>\"\n}}\n",
        model.declaration()
    )
}

/// A project with the server, in whose script this stands before it serves.
fn stage(change: &str) -> Stage {
    let stage = Stage::new();
    let script = format!("{SERVER_FUNCTIONS}{SWARM_SERVER}\necho start >> \"$LOG\"\n{change}\nserve\n");
    stage.program("board-server", &script);
    stage
}

fn writer() -> Model {
    Model::start_with_bodies(|_| chat_reply("text"))
}

#[test]
fn the_server_is_told_of_the_swarm_its_agents_and_its_tasks() {
    let (stage, model) = (stage(""), writer());
    let output = stage.run(&program(&model));
    assert_eq!(stdout(&output).trim(), "text text", "{}", stderr(&output));
    let told = [
        "start",
        "tools",
        "init star adaptive 2",
        "agent analyst",
        "task main/all/one: write",
        "done id of main/all/one: write",
        "task main/all/two: write",
        "done id of main/all/two: write",
    ];
    assert_eq!(stage.log(), told);
    // Nothing is wrong.
    let logs = stdout(&stage.call(&["runs", "logs"]));
    assert!(!logs.contains("board"), "{logs}");
}

#[test]
fn a_resumed_run_does_not_tell_it_again() {
    let (stage, model) = (stage(""), writer());
    stage.project.write("broken", "");
    assert!(!stage.run(&program(&model)).status.success());
    let told = stage.log();
    assert_eq!(told.len(), 8, "{told:?}");
    std::fs::remove_file(stage.path().join("broken")).unwrap();
    let resumed = stage.call(&["resume", "--quiet"]);
    assert_eq!(stdout(&resumed).trim(), "text text", "{}", stderr(&resumed));
    assert_eq!(stage.log(), told, "not even the server is started");
}

#[test]
fn what_the_server_does_not_take_is_a_warning_and_no_failure() {
    for (change, says) in [
        // It is no server.
        ("exit 3", "the server `board` cannot be used"),
        // It cannot show swarms.
        ("TOOLS='[{\"name\":\"other\",\"inputSchema\":{\"type\":\"object\"}}]'", "it has `other`"),
        // It refuses, in one way and in the other.
        ("call() { text 'no room' true; }", "no room"),
        ("call() { structured '{\"success\":false,\"error\":\"not now\"}'; }", "not now"),
        // It crashes in the middle.
        ("call() { exit 1; }", "ended before it had answered"),
        // It talks nonsense.
        ("call() { echo nonsense; structured '[1]'; }", ""),
    ] {
        let (stage, model) = (stage(change), writer());
        let output = stage.run(&program(&model));
        assert_eq!(stdout(&output).trim(), "text text", "{change}: {}", stderr(&output));
        let logs = stdout(&stage.call(&["runs", "logs"]));
        let warnings: Vec<&str> =
            logs.lines().filter(|line| line.contains("does not show all of this swarm")).collect();
        assert!(warnings.len() <= 1 && logs.contains(says), "{change}: {logs}");
        assert_eq!(warnings.is_empty(), says.is_empty(), "{change}: {logs}");
    }
}

/// A server that never answers holds up no task, and the run ends when its time is over. Time is virtual.
#[test]
fn a_server_that_never_answers_holds_up_no_task() {
    let text = program(&writer());
    let program = compile("flow.cascade", text.into(), &FileSources).program.unwrap();
    let environment = Environment { run: "one".into(), listening: true, ..Environment::default() };
    let mut machine = Machine::new(&program, program.main.unwrap(), Vec::new(), environment).unwrap();
    let (mut silent, mut events) = (None, Vec::new());
    loop {
        machine.step();
        events.extend(machine.take_events());
        let Some(request) = machine.take_request() else { break };
        let output = match request.kind {
            RequestKind::Prompt(_) => Output::Model("text".into()),
            RequestKind::Run(_) => Output::Process(cascade_runtime::request::Process {
                code: Some(0),
                signal: None,
                stdout: Vec::new().into(),
                stderr: String::new(),
            }),
            RequestKind::Mcp(call) => {
                assert!(silent.is_none(), "one request at a time");
                silent = Some((request.id, call.limit_ms.unwrap()));
                continue;
            }
            other => panic!("not expected: {}", other.name()),
        };
        machine.answer(request.id, Answer::ok(output));
    }
    assert!(machine.outcome().is_none(), "it waits for the mirror, and for nothing else");
    assert!(!machine.is_stuck());
    let done = |events: &[Event]| events.iter().filter(|e| matches!(e, Event::StageFinished { .. })).count();
    assert_eq!(done(&events), 4);
    let (id, limit) = silent.unwrap();
    assert!(limit <= 60_000);
    machine.answer(id, Answer::failed(ErrorKind::TimedOut, "it was not answered"));
    assert!(machine.outcome().unwrap().is_ok());
    let warned = machine.take_events().into_iter().filter(|e| matches!(e, Event::Warning { .. })).count();
    assert_eq!(warned, 1);
}

/// One who cancels while only the mirror is waited for has the result of the program.
#[test]
fn one_who_cancels_does_not_wait_for_it() {
    let text = program(&writer()).replace("  stage last = check()\n", "");
    let program = compile("flow.cascade", text.into(), &FileSources).program.unwrap();
    let environment = Environment { run: "one".into(), ..Environment::default() };
    let mut machine = Machine::new(&program, program.main.unwrap(), Vec::new(), environment).unwrap();
    loop {
        machine.step();
        match machine.take_request() {
            Some(request) if matches!(request.kind, RequestKind::Prompt(_)) => {
                machine.answer(request.id, Answer::ok(Output::Model("text".into())));
            }
            Some(_) => {}
            None => break,
        }
    }
    assert!(machine.outcome().is_none());
    machine.cancel();
    assert!(machine.outcome().unwrap().is_ok());
    assert_eq!(machine.take_withdrawn().len(), 1);
}
