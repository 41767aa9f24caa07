//! Memories on MCP servers (`memory … via mcp`), with a server of key-value tools that a script plays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::fs;

use agents::{KEY_VALUE, SERVER_FUNCTIONS, Stage};
use project::{stderr, stdout};

const DECLARATIONS: &str = "
mcp store {
  command: sh\"toy-store\"
}

memory notes: global via mcp store {
  seen: int = 0
  texts: list<string> = []
  last: string? = null
}

skill say(text: string) -> string {
  run sh\"say $<text>\"
}
";

/// A project with the server; `before` is done in each of its calls.
fn stage(before: &str) -> Stage {
    let stage = Stage::new();
    let server = format!("{SERVER_FUNCTIONS}{KEY_VALUE}\necho start >> \"$LOG\"\nbefore() {{ {before}; }}\nserve\n");
    stage.program("toy-store", &server);
    stage.program("say", "echo \"say $1\" >> \"$LOG\"\n[ -e broken ] && exit 1\nprintf %s \"$1\"\n");
    stage
}

fn program(body: &str) -> String {
    format!("{DECLARATIONS}\ncascade main() -> string {{\n{body}}}\n")
}

/// What the server was asked, without its starts.
fn asked(stage: &Stage) -> Vec<String> {
    stage.log().into_iter().filter(|line| line.starts_with("store ") || line.starts_with("retrieve ")).collect()
}

fn kept(stage: &Stage, key: &str) -> String {
    fs::read_to_string(stage.path().join("log.kv").join(key)).unwrap_or_default()
}

const COUNT: &str = "  notes.seen = notes.seen + 1
  notes.texts += [\"run $<notes.seen>\"]
  notes.last = \"12\"
  return \"$<notes.seen> $<notes.texts.join(\"+\")> $<notes.last ?? \"none\">\"
";

#[test]
fn values_are_typed_and_outlive_runs_in_both_forms_of_servers() {
    for form in ["pair", "usage"] {
        let stage = stage(":");
        stage.project.write("flow.cascade", &program(COUNT));
        for (run, expected) in [(1, "1 run 1 12"), (2, "2 run 1+run 2 12")] {
            let output = stage.command(&["run", "flow.cascade", "--quiet"]).env("FORM", form).output().unwrap();
            assert_eq!(stdout(&output).trim(), expected, "{form} {run}: {}", stderr(&output));
        }
        // A text that looks like JSON is still a text.
        assert_eq!(kept(&stage, "notes.last"), r#"{\"cascade_value\":\"12\"}"#, "{form}");
        assert_eq!(kept(&stage, "notes.seen"), "2", "{form}");
        let first: Vec<String> = asked(&stage).into_iter().take(7).collect();
        // Read before anything else, one after the other; `+=` reads again what others may have stored.
        let calls = [
            "retrieve notes.seen",
            "retrieve notes.texts",
            "retrieve notes.last",
            "store notes.seen 1",
            "retrieve notes.texts",
            r#"store notes.texts [\"run 1\"]"#,
            r#"store notes.last {\"cascade_value\":\"12\"}"#,
        ];
        assert_eq!(first, calls, "{form}");
        assert_eq!(stage.log().iter().filter(|line| *line == "start").count(), 2, "{form}: once a run");
        // Nothing of it is in the memories of this machine.
        assert!(!stdout(&stage.call(&["memory", "list"])).contains("notes"));
    }
}

#[test]
fn what_others_have_stored_is_added_to() {
    let stage = stage(":");
    // Another client stores while the run is under way, in its own words.
    let other = "printf '[\\\\\"other\\\\\"]' > \"$LOG.kv/notes.texts\"\n";
    stage.program("say", &format!("echo \"say $1\" >> \"$LOG\"\n{other}printf %s \"$1\"\n"));
    let output =
        stage.run(&program("  stage a = say(\"x\")\n  notes.texts += [a]\n  return notes.texts.join(\"+\")\n"));
    // The run sees the memory as it was when it began, with its own changes.
    assert_eq!(stdout(&output).trim(), "x", "{}", stderr(&output));
    assert_eq!(kept(&stage, "notes.texts"), r#"[\"other\",\"x\"]"#);
}

#[test]
fn branches_store_when_all_have_ended_in_the_order_of_the_text() {
    let stage = stage(":");
    let body = "  stage all = for word in [\"a\", \"b\", \"c\"] parallel {\n    stage one = say(word)\n    \
                notes.texts += [one]\n  }\n  return \"$<all.len()> $<notes.texts.join(\"+\")>\"\n";
    let output = stage.run(&program(body));
    assert_eq!(stdout(&output).trim(), "3 a+b+c", "{}", stderr(&output));
    assert_eq!(kept(&stage, "notes.texts"), r#"[\"a\",\"b\",\"c\"]"#);
    let log = stage.log();
    let position = |line: &str| log.iter().position(|known| known.starts_with(line)).unwrap();
    assert!(position("store") > log.iter().rposition(|line| line.starts_with("say")).unwrap(), "{log:?}");
}

/// Killed in each request to the server, a run that is resumed ends as one that was not, and repeats no request that was
/// answered.
#[test]
fn a_run_that_is_killed_in_any_request_repeats_none_that_was_answered() {
    let whole = stage(":");
    let expected = stdout(&whole.run(&program(COUNT)));
    let calls = asked(&whole);
    assert_eq!(calls.len(), 7);
    for kill_at in 1..=calls.len() {
        let count = "n=$(grep -c -e '^store ' -e '^retrieve ' \"$LOG\")";
        let before = format!(
            "{count}; [ \"$n\" = {kill_at} ] && [ ! -e \"$LOG.killed\" ] && {{ touch \"$LOG.killed\"; kill -9 $PPID; }}; true"
        );
        let stage = stage(&before);
        let killed = stage.run(&program(COUNT));
        assert!(!killed.status.success(), "{kill_at}");
        let resumed = stage.call(&["resume", "--quiet"]);
        assert_eq!(stdout(&resumed), expected, "killed at {kill_at}: {}", stderr(&resumed));
        let mut again = calls.clone();
        // Only the one that was under way.
        again.insert(kill_at, calls[kill_at - 1].clone());
        assert_eq!(asked(&stage), again, "killed at {kill_at}");
        assert_eq!(kept(&stage, "notes.texts"), r#"[\"run 1\"]"#, "killed at {kill_at}");
    }
}

#[test]
fn a_resumed_run_sees_the_memory_as_it_was_and_stores_nothing_twice() {
    let stage = stage(":");
    stage.project.write("broken", "");
    let text = program("  notes.seen += 1\n  stage a = say(\"x\")\n  notes.seen += 1\n  return \"$<notes.seen>\"\n");
    assert!(!stage.run(&text).status.success());
    assert_eq!(kept(&stage, "notes.seen"), "1");
    // Meanwhile another run counts.
    fs::write(stage.path().join("log.kv/notes.seen"), "41").unwrap();
    fs::remove_file(stage.path().join("broken")).unwrap();
    let resumed = stage.call(&["resume", "--quiet"]);
    assert_eq!(stdout(&resumed).trim(), "2", "{}", stderr(&resumed));
    assert_eq!(kept(&stage, "notes.seen"), "42");
    assert_eq!(asked(&stage).iter().filter(|call| call.starts_with("store")).count(), 2);
    // Each of them is an effect on the record.
    let shown = stdout(&stage.call(&["runs", "show"]));
    for path in ["main#tools of store", "main#read notes.texts", "main#write notes.seen"] {
        assert!(shown.contains(path), "{path}: {shown}");
    }
}

#[test]
fn a_memory_of_one_run_is_stored_for_those_who_watch_and_never_read() {
    let stage = stage(":");
    let text = "
mcp store {
  command: sh\"toy-store\"
}

memory work: run via mcp store {
  done: list<string> = []
}

cascade main() -> string {
  work.done += [\"a\"]
  work.done += [\"b\"]
  return \"$<run.id> $<work.done.join(\"+\")>\"
}
";
    let output = stage.run(text);
    let said = stdout(&output);
    let (run, list) = said.trim().split_once(' ').unwrap_or_else(|| panic!("{}", stderr(&output)));
    assert_eq!(list, "a+b");
    let stored = |list: &str| format!("store work.done@{run} {list}");
    assert_eq!(asked(&stage), [stored(r#"[\"a\"]"#), stored(r#"[\"a\",\"b\"]"#)]);
}

#[test]
fn failures_say_what_is_wrong_with_the_server() {
    let text = program("  notes.seen += 1\n  return \"done\"\n");
    // It has no such tools.
    let stage = stage(":");
    stage.program("toy-store", &format!("{SERVER_FUNCTIONS}TOOLS='[{{\"name\":\"memory_usage\",\"inputSchema\":{{\"type\":\"object\",\"properties\":{{\"detail\":{{}}}}}}}},{{\"name\":\"swarm_init\",\"inputSchema\":{{\"type\":\"object\"}}}}]'\ncall() {{ :; }}\nserve\n"));
    let said = stderr(&stage.run(&text));
    assert!(
        said.contains("the server `store` cannot keep a memory")
            && said.contains("it has `memory_usage`, `swarm_init`"),
        "{said}"
    );
    assert!(said.contains("flow.cascade:6:8"), "{said}");

    // It is not there.
    fs::remove_file(stage.path().join("bin/toy-store")).unwrap();
    let said = stderr(&stage.run(&text));
    assert!(said.contains("(unavailable)") && said.contains("toy-store"), "{said}");

    // It holds something else.
    let stage = self::stage(":");
    fs::create_dir_all(stage.path().join("log.kv")).unwrap();
    fs::write(stage.path().join("log.kv/notes.seen"), "many").unwrap();
    let said = stderr(&stage.run(&text));
    let expected = "the memory `notes.seen` on the server `store` holds what its type does not allow";
    assert!(said.contains(expected) && said.contains("(invalid_output)"), "{said}");
    assert_eq!(kept(&stage, "notes.seen"), "many", "nothing is overwritten");
}

/// A store that fails is a failure of its stage; whoever resumes the run wants it to be tried again.
#[test]
fn a_store_that_fails_has_handlers_and_is_tried_again_by_a_resumed_run() {
    let refuses = "[ -e \"$LOG.full\" ] && [ -n \"$value\" ] && { structured '{\"success\":false,\"error\":\"the disk is full\"}'; return 1; }; true";
    let stage = stage(refuses);
    fs::write(stage.path().join("log.full"), "").unwrap();
    let handled = "  stage kept = keep()
    on error skip
  return \"$<kept ?? false>\"
}

cascade keep() -> bool {
  notes.seen = 1
  return true
";
    let output = stage.run(&program(handled));
    assert_eq!(stdout(&output).trim(), "false", "{}", stderr(&output));

    let text = program("  notes.seen = 5\n  return \"stored $<notes.seen>\"\n");
    let output = stage.run(&text);
    let said = stderr(&output);
    let expected = "the server `store` did not store the memory `notes.seen`: the disk is full";
    assert!(said.contains(expected) && said.contains("(command_failed)"), "{said}");
    fs::remove_file(stage.path().join("log.full")).unwrap();
    let resumed = stage.call(&["resume", "--quiet"]);
    assert_eq!(stdout(&resumed).trim(), "stored 5", "{}", stderr(&resumed));
    assert_eq!(kept(&stage, "notes.seen"), "5");
}

#[test]
fn tests_of_programs_ask_no_server() {
    let stage = stage(":");
    let text = program(COUNT) + "\ntest \"counts\" {\n  run main()\n  expect result == \"1 run 1 12\"\n}\n";
    stage.project.write("flow.cascade", &text);
    let output = stage.call(&["test", "flow.cascade"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stage.log().is_empty());
}
