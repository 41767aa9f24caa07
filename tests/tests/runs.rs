//! `cascadec runs`: lists, trees, logs, differences, and clean-ups.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::io::{BufRead, BufReader};

use cascade_runtime::Begin;
use models::{Model, chat_reply};
use project::{Project, stderr, stdout};
use serde_json::Value as Json;

const FLOW: &str = r#"
skill note(what: string) -> string {
  run sh"echo noted $<what>"
}
skill flaky() -> string {
  run sh"test -e ready || { touch ready; exit 3; }; echo at last"
}
cascade main(name: string = "a") -> string {
  stage first = note(name)
  for x in [1, 2] {
    stage each = note("$<name>$<x>")
  }
  stage second = flaky()
    retry 2 backoff 0ms..0ms
  log "said $<second>"
  return "$<first>, $<second>"
}
"#;

fn run_cascade(project: &Project, name: &str) -> String {
    let output = project.call(&["run", "flow.cascade", "-q", "--input", &format!("name={name}")]);
    assert!(output.status.success(), "{}", stderr(&output));
    project.store().runs().unwrap().remove(0).id
}

#[test]
fn a_run_is_listed_and_shown() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    let run = run_cascade(&project, "a");
    let listed = stdout(&project.call(&["runs"]));
    assert!(listed.lines().nth(1).unwrap().starts_with(&format!("{run}  done")), "{listed}");
    let json: Json = serde_json::from_slice(&project.call(&["runs", "list", "--json"]).stdout).unwrap();
    assert_eq!((json["id"].as_str(), json["status"].as_str()), (Some(&run[..]), Some("done")));
    assert_eq!(stdout(&project.call(&["runs", "list", "--status", "failed"])), "no runs are recorded\n");

    let shown = stdout(&project.call(&["runs", "show", &run[..6], "--io"]));
    for line in [
        "of     flow.cascade main",
        "input  name = a",
        "x[0]",
        "2 attempts",
        "asked",
        "said  noted a",
        "result noted a, at last",
    ] {
        assert!(shown.contains(line), "`{line}` is missing in\n{shown}");
    }
    let json: Json = serde_json::from_slice(&project.call(&["runs", "show", "--json"]).stdout).unwrap();
    let effects: Vec<(&str, u64, &str)> = json["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["path"].as_str().unwrap(), e["attempt"].as_u64().unwrap(), e["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        effects,
        [
            ("main/first", 1, "done"),
            ("main/x[0]/each", 1, "done"),
            ("main/x[1]/each", 1, "done"),
            ("main/second", 1, "done"),
            ("main/second", 2, "done")
        ]
    );
    let unknown = project.call(&["runs", "show", "zzz"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there is no run `zzz`"), "{}", stderr(&unknown));
}

#[test]
fn logs_follow_a_run_to_its_end() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill wait() -> string {\n  run sh\"touch started; while ! test -e go; do sleep 0.02; done; echo gone\"\n}\n\
         cascade main() -> string {\n  log \"it begins\"\n  stage a = wait()\n  return a\n}\n",
    );
    let run = project.command(&["run", "flow.cascade", "-q"]).spawn().unwrap();
    while !project.path().join("started").exists() {
        std::thread::yield_now();
    }
    let logs = project.command(&["runs", "logs", "last", "-f"]).spawn().unwrap();
    project.write("go", "");
    assert!(run.wait_with_output().unwrap().status.success());
    let said = stdout(&logs.wait_with_output().unwrap());
    let words: Vec<&str> = said.lines().map(|l| l.splitn(3, ' ').nth(2).unwrap()).collect();
    assert_eq!(words, ["log   it begins", "begin main/a", "done  main/a"], "{said}");
}

#[test]
fn two_runs_are_compared() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    let (first, second) = (run_cascade(&project, "a"), run_cascade(&project, "b"));
    let output = project.call(&["runs", "diff", &first, &second]);
    assert_eq!(output.status.code(), Some(1), "they differ");
    let text = stdout(&output);
    for line in [
        "input name\n  - a\n  + b\n",
        "main/first: another question, another answer\n  - noted a\n  + noted b\n",
        "result\n",
    ] {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
    assert!(text.ends_with("1 stage the same\n"), "{text}");
    assert_eq!(project.call(&["runs", "diff", &first, &first]).status.code(), Some(0));
}

#[test]
fn a_clean_up_removes_what_nobody_needs() {
    let project = Project::new();
    let text = r#"
skill large() -> string {
  run sh"head -c 100000 /dev/zero | tr '\0' x"
}
cascade main(fails: bool = false) -> int {
  stage a = large()
  gate not fails, "no"
  return a.len()
}
"#;
    let (good, _) = project.run_with(text, Begin::New, &serde_json::json!({}), |_| ());
    assert!(good.result.is_ok());
    let (failed, _) = project.run_with(text, Begin::New, &serde_json::json!({ "fails": true }), |_| ());
    assert!(failed.result.is_err());
    let files = || std::fs::read_dir(project.path().join(".cascade/artifacts")).unwrap().count();
    assert_eq!(files(), 1, "the same content is kept once");
    let gc = |args: &[&str]| stdout(&project.call(args));
    assert_eq!(
        gc(&["runs", "gc"]),
        "removed 0 runs, 0 cached answers, 0 old changes of memory and 0 files of large answers\n"
    );
    // A failed run can still be resumed, and needs its answers.
    assert!(gc(&["runs", "gc", "--older-than", "0s"]).starts_with("removed 1 run,"));
    assert_eq!((files(), project.store().runs().unwrap().len()), (1, 1));
    assert!(gc(&["runs", "gc", "--older-than", "0s", "--all"]).starts_with("removed 1 run,"));
    assert_eq!((files(), project.store().runs().unwrap().len()), (0, 0));
    let wrong = project.call(&["runs", "gc", "--older-than", "soon"]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// Calls the command in a folder of the project.
fn call_in(project: &Project, folder: &str, args: &[&str]) -> std::process::Output {
    let mut command = project.command(args);
    command.current_dir(project.path().join(folder)).output().unwrap()
}

#[test]
fn a_plan_made_in_another_folder_sees_the_files_of_the_run() {
    let model = models::Model::start(|_| models::chat_reply("fine"));
    let project = Project::new();
    std::fs::create_dir(project.path().join("below")).unwrap();
    project.write("notes.txt", "the notes");
    project.write("below/notes.txt", "other notes");
    project.write(
        "flow.cascade",
        &format!(
            r#"{}
skill review(notes: file) -> string {{
  attach notes
  prompt "Review $<notes>"
}}
skill check() -> string {{
  run sh"exit 1"
}}
cascade main(notes: file) -> string {{
  stage said = review(notes)
    using m
  stage checked = check()
  return "$<said> $<checked>"
}}
"#,
            model.declaration()
        ),
    );
    let output = project.call(&["run", "flow.cascade", "-q", "--input", "notes=notes.txt"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(model.prompts().len(), 1, "{}", stderr(&output));
    for folder in [".", "below"] {
        let output = call_in(&project, folder, &["resume", "--dry-run", "--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let json: Json = serde_json::from_slice(&output.stdout).unwrap();
        let reused: Vec<&str> =
            json["plan"]["reused"].as_array().unwrap().iter().map(|p| p["path"].as_str().unwrap()).collect();
        assert_eq!(reused, ["main/said", "main/checked"], "in `{folder}`: {json}");
        let runs = json["plan"]["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1, "in `{folder}`: {json}");
        assert_eq!(runs[0]["path"], "main/checked");
        // A program that exited with 1 is not a bug in Cascade.
        assert_eq!(runs[0]["reason"], "its last attempt failed (command_failed)");
    }
}

#[test]
fn a_stage_that_a_resumed_run_tries_again_is_shown_with_its_failure() {
    let project = Project::new();
    project.write("flow.cascade", &FLOW.replace("    retry 2 backoff 0ms..0ms\n", ""));
    assert_eq!(project.call(&["run", "flow.cascade", "-q"]).status.code(), Some(1));
    let output = project.call(&["resume"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = "retry main/second: attempt 1 failed: exit code 3; next: resume";
    assert!(stderr(&output).lines().any(|line| line == told), "{}", stderr(&output));
}

#[test]
fn a_text_that_looks_like_a_hidden_secret_is_an_input_like_others() {
    let project = Project::new();
    let program = r#"
skill note(what: string, who: string, token: secret) -> string {
  run sh"test -e ready && echo noted $<what> for $<who>"
  env { TOKEN: token }
}
cascade main(what: string, who: string = "nobody", token: secret) -> string {
  stage noted = note(what, who, token)
  return noted
}
"#;
    project.write("flow.cascade", program);
    let given = ["--input", "what=[secret]", "--input", "who=[secret]", "--input", "token=abcd"];
    let output = project.call(&[&["run", "flow.cascade", "-q"][..], &given[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    project.write("ready", "");
    // A secret is not kept: it must be given again, and the message says which.
    let output = project.call(&["resume", "-q"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: input `token`: missing"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("input `what`"), "{}", stderr(&output));
    // It was a secret when the run began, whatever the program declares now: the placeholder is not its value.
    project.write("flow.cascade", &program.replace("token: secret", "token: string"));
    let output = project.call(&["resume", "-q"]);
    assert!(stderr(&output).starts_with("error: input `token`: missing"), "{}", stderr(&output));
    project.write("flow.cascade", program);
    let output = project.call(&["resume", "-q", "--input", "token=abcd"]);
    assert_eq!(stdout(&output), "noted [secret] for [secret]\n", "{}", stderr(&output));
}

#[test]
fn an_answer_of_a_command_belongs_to_its_folder() {
    let project = Project::new();
    project.write("cascade.toml", "[project]\nname = \"x\"\n");
    for (folder, text) in [("a", "one"), ("b", "two")] {
        std::fs::create_dir(project.path().join(folder)).unwrap();
        project.write(&format!("{folder}/data.txt"), text);
    }
    let program = "skill total() -> string {\n  run sh\"cat data.txt; echo x >> ../log\"\n}\n\
                   cascade main() -> string {\n  stage t = total()\n    cache 1d\n  return t\n}\n";
    project.write("flow.cascade", program);
    let run = |folder: &str, more: &[&str]| {
        let output = call_in(&project, folder, &[&["run", "-q", "../flow.cascade"], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!((run("a", &[]), run("b", &[]), run("a", &[])), ("one\n".into(), "two\n".into(), "one\n".into()));
    assert_eq!(project.lines("log").len(), 2, "the third took the answer of the first");
    assert_eq!(run("b", &["--fork", "last", "--no-cache"]), "two\n");
}

/// The tree shows the outcome of each stage: an exit code that is not accepted, a stage that was skipped or fell back, a
/// failure before a successful attempt, a hook that failed.
#[test]
fn the_outcome_of_each_stage_is_shown() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill sh_code(n: int) -> string {\n  run sh\"test -e ok || exit $<n>; echo fine\"\n}\n\n\
         skill fine() -> string {\n  run sh\"echo fine\"\n}\n\n\
         cascade main() -> string {\n  stage skipped = sh_code(3)\n    on error skip\n  stage other = sh_code(4)\n    \
         on error fallback fine()\n  stage failed = sh_code(5)\n  return failed\n\n  on failure(error) {\n    \
         stage hook = sh_code(6)\n  }\n}\n",
    );
    assert_eq!(project.call(&["run", "-q", "flow.cascade"]).status.code(), Some(1));
    let shown = stdout(&project.call(&["runs", "show", "last"]));
    let line =
        |name: &str| shown.lines().find(|l| l.contains(&format!(" {name} "))).unwrap_or_default().trim().to_owned();
    assert!(line("skipped").starts_with("○ skipped") && line("skipped").ends_with(", skipped"), "{shown}");
    assert!(line("other").starts_with("✓ other") && line("other").ends_with("fell back"), "{shown}");
    assert!(line("failed").starts_with("✗ failed") && line("failed").ends_with(": exit code 5"), "{shown}");
    assert!(line("hook").starts_with("✗ hook") && line("hook").ends_with(": exit code 6"), "{shown}");
    project.write("ok", "");
    assert!(project.call(&["resume", "-q"]).status.success());
    let shown = stdout(&project.call(&["runs", "show", "last"]));
    assert!(shown.lines().any(|l| l.trim().starts_with("✓ failed")), "{shown}");
}

/// A reader of the events must not take a run for a success without its result.
#[test]
fn a_run_whose_events_cannot_be_written_fails() {
    let project = Project::new();
    project.write("flow.cascade", "cascade main() -> int {\n  return 7\n}\n");
    for args in [&["run", "--json", "flow.cascade"][..], &["run", "-q", "flow.cascade"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = project.command(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("cannot write to `standard output`"), "{}", stderr(&output));
    }
}

/// A provider that limits requests per minute: the wait is shown with its end, wherever one looks.
#[test]
fn a_wait_that_a_server_asks_for_is_shown_with_its_end() {
    let busy = (429, "retry-after: 300\r\n", "{\"error\": \"slow down\"}".to_owned());
    let (url, server) = cascade_tests::server::serve(vec![busy]);
    let project = Project::new();
    let text = format!(
        "skill ask() -> string {{\n  http get \"{url}/\"\n}}\n\
         cascade main() -> string {{\n  stage a = ask()\n    retry 2\n  return a\n}}\n"
    );
    project.write("wait.cascade", &text);
    let mut child = project.command(&["run", "--json", "wait.cascade"]).spawn().unwrap();
    let began = cascade_runtime::journal::now_ms();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map(|line| line.unwrap()).find(|line| line.contains("stage_retrying")).unwrap();
    server.join().unwrap();
    let event: Json = serde_json::from_str(&told).unwrap();
    assert_eq!(event["wait_ms"], 300_000, "{event}");
    let until = event["until"].as_i64().unwrap();
    assert!((began + 300_000..began + 360_000).contains(&until), "{event}");
    // The record has it soon.
    let store = project.store();
    let run = store.runs().unwrap().remove(0).id;
    while store.events(&run, 0).unwrap().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let shown = stdout(&project.call(&["runs", "show", &run]));
    assert!(shown.contains(" a  ask, ") && shown.contains(", waits until "), "{shown}");
    let logs = stdout(&project.call(&["runs", "logs", &run]));
    assert!(logs.contains("; next: retry at 2"), "{logs}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What was corrected to read an answer of a model is told while the run lives and stays in its record, once.
#[test]
fn repairs_of_an_answer_are_shown() {
    let model = Model::start(|text| match text.contains("could not be used") {
        false => chat_reply("{\"n\": -1}"),
        true => chat_reply("{n: 2,}"),
    });
    let project = Project::new();
    let text = format!(
        "{}type Count {{\n  n: int where it >= 0\n}}\n\nskill count() -> Count {{\n  prompt \"Count.\"\n}}\n\n\
         cascade main(fails: bool = true) -> int {{\n  stage counted = count()\n    using m\n    retry 1 backoff 1ms..1ms\n  \
         gate not fails, \"no\"\n  return counted.n\n}}\n",
        model.declaration()
    );
    project.write("count.cascade", &text);
    let output = project.call(&["run", "count.cascade"]);
    assert!(stderr(&output).contains("main/counted: the answer was repaired: "), "{}", stderr(&output));
    let run = project.store().runs().unwrap().remove(0).id;
    project.write("count.cascade", &text.replace("fails: bool = true", "fails: bool = false"));
    project.call(&["resume", &run]);
    assert_eq!(model.prompts().len(), 2);
    let shown = stdout(&project.call(&["runs", "show", "--io", &run]));
    assert!(shown.contains("attempts, ") && shown.contains(", repaired\n"), "{shown}");
    assert!(shown.contains("read  a comma before a closing bracket was dropped\n"), "{shown}");
    let logs = stdout(&project.call(&["runs", "logs", &run]));
    assert_eq!(logs.matches("the answer was repaired: ").count(), 1, "{logs}");
}
