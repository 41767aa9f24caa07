//! MCP servers, tools of prompts and skill files, with a server that a script plays and a model on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
};

use agents::{MCP, Stage};
use models::{Model, Said, chat_reply};
use project::{stderr, stdout};
use serde_json::{Value as Json, json};

const SERVER: &str = "mcp toy { command: sh\"toy-server\", env: { TOKEN: \"t-1\" } }\n";

fn stage() -> Stage {
    let stage = Stage::new();
    stage.program("toy-server", MCP);
    stage
}

#[test]
fn tools_of_a_server_are_typed_effects() {
    let stage = stage();
    let text = format!(
        "{SERVER}\nskill add(a: int, b: int) -> int {{\n  mcp toy.add_numbers {{ a: a, b: b }}\n}}\n\n\
         skill items() -> {{ items: list<int> }} {{\n  mcp toy.json\n}}\n\n\
         cascade main() -> string {{\n  stage sum = add(40, 2)\n  stage more = items()\n  \
         return \"$<sum> $<more.items.len()>\"\n}}\n"
    );
    let output = stage.run(&text);
    assert_eq!(stdout(&output).trim(), "42 2", "{}", stderr(&output));
    // Started once, told its variable, and ended with the run.
    assert_eq!(stage.log(), ["start t-1", "call add-numbers", "call json", "end"]);
    // A second run takes what is recorded of a resumed one, and asks no server.
    let shown = stdout(&stage.call(&["runs", "show", "--io"]));
    assert!(
        shown.contains("asked toy.add-numbers {\"a\":40,\"b\":2}") || shown.contains("asked toy.add_numbers"),
        "{shown}"
    );
}

#[test]
fn failures_of_tools_have_kinds() {
    for (call, kind, says) in [
        ("toy.refuse", "command_failed", "`toy.refuse`: not today"),
        ("toy.missing", "failed", "it has `add-numbers`, `refuse`, `crash`, `json`"),
        ("toy.add_numbers { a: 1 }", "failed", "`b` is missing"),
        ("toy.add_numbers { a: 1, b: \"x\" }", "failed", "`b` must be integer, and is \"x\""),
        ("toy.add_numbers { a: 1, b: 2, c: 3 }", "failed", "there is no `c`"),
        ("toy.crash", "unavailable", "something broke"),
    ] {
        let stage = stage();
        let output = stage.run(&format!(
            "{SERVER}\nskill use_tool() -> string {{\n  mcp {call}\n}}\n\ncascade main() {{\n  stage a = use_tool()\n}}\n"
        ));
        let said = stderr(&output);
        // The kind of what a program decides is not named.
        let named = kind == "failed" || said.contains(&format!("({kind})"));
        assert!(named && said.contains(says), "{call}: {said}");
    }
    for (command, says) in [("no-such-server", "`no-such-server`"), ("false", "the server `toy` cannot be used")] {
        let stage = stage();
        let output = stage.run(&format!(
            "mcp toy {{ command: sh\"{command}\" }}\n\nskill use_tool() -> string {{\n  mcp toy.x\n}}\n\n\
             cascade main() {{\n  stage a = use_tool()\n}}\n"
        ));
        let said = stderr(&output);
        assert!(said.contains("(unavailable)") && said.contains(says), "{command}: {said}");
    }
    // The only client of HTTP in the run.
    let stage = stage();
    let output = stage.run(
        "mcp far {\n  url: \"http://127.0.0.1:9/mcp\"\n}\n\nskill use_tool() -> string {\n  mcp far.x\n}\n\n\
         cascade main() {\n  stage a = use_tool()\n}\n",
    );
    let said = stderr(&output);
    assert!(said.contains("(unavailable)") && said.contains("the server `far` cannot be used"), "{said}");
}

#[test]
fn a_server_that_crashed_is_started_again() {
    let stage = stage();
    let output = stage.run(&format!(
        "{SERVER}\nskill crash() -> string {{\n  mcp toy.crash\n}}\n\nskill add() -> int {{\n  mcp toy.add_numbers {{ a: 1, b: 2 }}\n}}\n\n\
         cascade main() -> int {{\n  stage a = crash()\n    on error skip\n  stage b = add()\n  return b\n}}\n"
    ));
    assert_eq!(stdout(&output).trim(), "3", "{}", stderr(&output));
    let starts = stage.log().iter().filter(|line| line.starts_with("start")).count();
    assert_eq!(starts, 2);
}

#[test]
fn a_tool_that_hangs_is_withdrawn_and_no_server_is_left() {
    let stage = Stage::new();
    let hangs = MCP.replace("echo \"call", "echo $$ > pid; sleep 300; echo \"call");
    stage.program("toy-server", &hangs);
    let output = stage.run(&format!(
        "{SERVER}\nskill add() -> int {{\n  mcp toy.add_numbers {{ a: 1, b: 2 }}\n}}\n\n\
         cascade main() {{\n  stage a = add()\n    timeout 300ms\n}}\n"
    ));
    assert!(stderr(&output).contains("timed_out"), "{}", stderr(&output));
    assert!(!agents::is_running(&stage.file("pid")), "the server is left");
}

/// Millions of lines that are no messages, and one of several megabytes, before the answer.
#[test]
fn a_server_that_floods_standard_output_is_understood() {
    let stage = Stage::new();
    let floods = MCP.replace(
        "echo \"call",
        "yes 'noise, and no message' | head -c 20000000; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo \"call",
    );
    assert_ne!(floods, MCP);
    stage.program("toy-server", &floods);
    let output = stage.run(&format!(
        "{SERVER}\nskill add() -> int {{\n  mcp toy.add_numbers {{ a: 1, b: 2 }}\n}}\n\n\
         cascade main() -> int {{\n  stage a = add()\n    timeout 1m\n  return a\n}}\n"
    ));
    assert_eq!(stdout(&output).trim(), "3", "{}", stderr(&output));
    assert_eq!(stage.log().last().map(String::as_str), Some("end"));
}

/// A model that calls these tools, one after the other, and then answers.
fn model_with_calls(calls: &[(&'static str, Json)], answer: &'static str) -> (Model, Arc<Mutex<Vec<Json>>>) {
    let calls = calls.to_vec();
    let seen: Arc<Mutex<Vec<Json>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let model = Model::start_with_bodies(move |body| {
        let turn = body["messages"].as_array().map_or(0, |all| all.iter().filter(|m| m["role"] == "tool").count());
        kept.lock().unwrap().push(body.clone());
        match calls.get(turn) {
            Some((name, args)) => call_reply(name, args),
            None => chat_reply(answer),
        }
    });
    (model, seen)
}

fn call_reply(name: &str, args: &Json) -> Said {
    let call = json!({ "id": format!("id-{name}"), "type": "function", "function": { "name": name, "arguments": args.to_string() } });
    let body = json!({
        "choices": [{ "message": { "content": "", "tool_calls": [call] }, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 20 },
    });
    (200, String::new(), body.to_string())
}

const TOOLS: &str = "
/// Adds one to a number.
skill increment(n: int, by: int = 1) -> string {
  run sh\"expr $<n> + $<by>\"
}

skill solve() -> string {
  prompt \"Solve it.\"
  tools [toy.add_numbers, increment]
}

cascade main() -> string {
  stage answer = solve()
    using m
  return answer
}
";

#[test]
fn a_model_uses_tools_of_servers_and_skills_until_it_answers() {
    let stage = stage();
    let (model, bodies) = model_with_calls(
        &[
            ("toy__add_numbers", json!({ "a": 20, "b": 21 })),
            ("increment", json!({ "n": 41 })),
            ("increment", json!({ "m": 1 })),
            ("no_such_tool", json!({})),
            ("toy__add_numbers", json!({ "a": 1 })),
        ],
        "42",
    );
    let output = stage.run(&format!("{}{SERVER}{TOOLS}", model.declaration()));
    assert_eq!(stdout(&output).trim(), "42", "{}", stderr(&output));
    let bodies = bodies.lock().unwrap();
    assert_eq!(bodies.len(), 6);
    let tools: Vec<&str> =
        bodies[0]["tools"].as_array().unwrap().iter().map(|t| t["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(tools, ["toy__add_numbers", "increment"], "the other tools of the server are not offered");
    let increment = &bodies[0]["tools"][1]["function"];
    assert_eq!(increment["description"], "Adds one to a number.");
    assert_eq!(increment["parameters"]["properties"]["n"]["type"], "integer");
    let results: Vec<&str> = bodies[5]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["role"] == "tool")
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(results[..2], ["41", "42"]);
    assert_eq!(results[2], "`increment` has no input `m`; it has `n`, `by`");
    assert_eq!(results[3], "there is no tool `no_such_tool`; there are `toy__add_numbers`, `increment`");
    assert!(results[4].contains("`b` is missing"), "{}", results[4]);
    // Each turn and each call is an effect with a path of its own.
    let shown = stdout(&stage.call(&["runs", "show"]));
    for step in ["tools of toy", "toy__add_numbers[0]", "increment[1]", "turn[1]", "turn[5]"] {
        assert!(shown.contains(step), "{step}: {shown}");
    }
}

#[test]
fn a_model_that_never_answers_is_stopped() {
    let stage = stage();
    let calls: Vec<(&'static str, Json)> = (0..50).map(|n| ("increment", json!({ "n": n }))).collect();
    let (model, bodies) = model_with_calls(&calls, "never");
    let output = stage.run(&format!("{}{SERVER}{TOOLS}", model.declaration()));
    assert!(stderr(&output).contains("has used its tools in 10 turns and has not answered"), "{}", stderr(&output));
    assert_eq!(bodies.lock().unwrap().len(), 10);
}

/// Killed at each of its turns, a conversation goes on where it was: no turn that was answered is asked again, and no
/// tool that has ended runs again.
#[test]
fn a_conversation_that_is_killed_at_any_turn_repeats_nothing_that_was_answered() {
    for kill_at in 1..=4_usize {
        let stage = stage();
        stage.program("count", "echo \"ran $1\" >> \"$LOG\"\nexpr $1 + 1\n");
        let text = TOOLS.replace("sh\"expr $<n> + $<by>\"", "sh\"count $<n>\"");
        let pid: Arc<Mutex<Option<u32>>> = Arc::default();
        let (victim, asked) = (Arc::clone(&pid), Arc::new(Mutex::new(0_usize)));
        let count = Arc::clone(&asked);
        let model = Model::start_with_bodies(move |body| {
            let turn = body["messages"].as_array().map_or(0, |all| all.iter().filter(|m| m["role"] == "tool").count());
            *count.lock().unwrap() += 1;
            if turn + 1 == kill_at
                && let Some(pid) = victim.lock().unwrap().take()
            {
                Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
            }
            match turn {
                0 => call_reply("toy__add_numbers", &json!({ "a": 20, "b": 21 })),
                n @ 1..=2 => call_reply("increment", &json!({ "n": n })),
                _ => chat_reply("fine"),
            }
        });
        stage.project.write("flow.cascade", &format!("{}{SERVER}{text}", model.declaration()));
        let mut child = stage.command(&["run", "flow.cascade"]).spawn().unwrap();
        *pid.lock().unwrap() = Some(child.id());
        child.wait().unwrap();
        let output = stage.call(&["resume", "--quiet"]);
        assert_eq!(stdout(&output).trim(), "fine", "killed at {kill_at}: {}", stderr(&output));
        assert_eq!(*asked.lock().unwrap(), 5, "killed at {kill_at}: four turns, one of them twice");
        for tool in ["ran 1", "ran 2", "call add-numbers"] {
            assert_eq!(stage.log().iter().filter(|line| *line == tool).count(), 1, "killed at {kill_at}: {tool}");
        }
    }
}

#[test]
fn the_instructions_of_a_skill_file_and_what_it_links_to_are_sent_and_part_of_the_key() {
    let stage = Stage::new();
    let bodies: Arc<Mutex<Vec<Json>>> = Arc::default();
    let kept = Arc::clone(&bodies);
    let model = Model::start_with_bodies(move |body| {
        kept.lock().unwrap().push(body.clone());
        chat_reply("reviewed")
    });
    fs::create_dir_all(stage.path().join("skills/review/ref")).unwrap();
    stage.project.write(
        "skills/review/SKILL.md",
        "---\nname: review\ndescription: Reviews texts.\n---\n# Review\nFollow [the rules](ref/rules.md).\n",
    );
    stage.project.write("skills/review/ref/rules.md", "No riddles.\n");
    let text = format!(
        "{}\nskill review(text: string, level: int) -> string {{\n  skill_file \"./skills/review/SKILL.md\"\n}}\n\n\
         cascade main() -> string {{\n  stage a = review(\"a text\", 3)\n    using m\n    cache 1h\n  return a\n}}\n",
        model.declaration()
    );
    for _ in 0..2 {
        let output = stage.run(&text);
        assert_eq!(stdout(&output).trim(), "reviewed", "{}", stderr(&output));
    }
    assert_eq!(bodies.lock().unwrap().len(), 1, "the second answer is from the cache");
    let first = bodies.lock().unwrap()[0].clone();
    assert_eq!(
        first["messages"][0]["content"],
        "# Review\nFollow [the rules](ref/rules.md).\n\n<file path=\"ref/rules.md\">\nNo riddles.\n</file>"
    );
    assert_eq!(first["messages"][1]["content"], "Do this.\n\ntext:\na text\n\nlevel:\n3");
    stage.project.write("skills/review/ref/rules.md", "No poetry.\n");
    stage.run(&text);
    assert_eq!(bodies.lock().unwrap().len(), 2, "a linked file has changed");
}
