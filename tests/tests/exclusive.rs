//! `exclusive`: one stage at a time, in a run and in all runs of a project, whatever becomes of the process.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use cascade_runtime::Begin;
use project::{Project, result_json, stderr, stdout};

const DEPLOY: &str = r#"
skill step(name: string) -> string {
  run sh"echo begin $<name> >> log; while test -e hold; do sleep 0.01; done; echo end $<name> >> log; echo $<name>"
}

cascade deploy(name: string) -> string
  exclusive "deploy"
{
  stage first = step("$<name>1")
  stage second = step("$<name>2")
  return first + second
}

cascade main() -> string {
  stage both = for part in ["x", "y"] parallel {
    stage done = deploy("a$<part>")
    done
  }
  return both.join(" ")
}

cascade impatient() -> string {
  stage done = step("i")
    exclusive "deploy" nowait
    on error (unavailable) as e fallback e.message
  return done
}

cascade nested() -> string {
  stage outer = deploy("n")
    exclusive "deploy"
  return outer
}
"#;

/// Whether each step ends before another begins.
fn one_at_a_time(lines: &[String]) -> bool {
    lines.chunks(2).all(|pair| match pair {
        [begin, end] => begin.strip_prefix("begin ") == end.strip_prefix("end "),
        _ => false,
    })
}

fn wait_for(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        thread::sleep(Duration::from_millis(5));
    }
}

fn start(project: &Project, cascade: &str) -> Child {
    project.command(&["run", "-q", "flow.cascade", cascade]).spawn().unwrap()
}

#[test]
fn stages_of_one_run_take_turns_in_the_order_in_which_they_asked() {
    let project = Project::new();
    assert_eq!(result_json(&project.run(DEPLOY, Begin::New)), "ax1ax2 ay1ay2");
    let lines = project.lines("log");
    assert!(one_at_a_time(&lines), "{lines:?}");
    let begins: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("begin ")).collect();
    assert_eq!(begins, ["ax1", "ax2", "ay1", "ay2"]);
}

#[test]
fn runs_of_a_project_take_turns() {
    let project = Project::new();
    project.write("flow.cascade", DEPLOY);
    let runs: Vec<Child> = (0..3).map(|_| start(&project, "main")).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(stdout(&output).trim(), "ax1ax2 ay1ay2", "{}", stderr(&output));
    }
    let lines = project.lines("log");
    assert_eq!(lines.len(), 24);
    assert!(one_at_a_time(&lines), "{lines:?}");
}

#[test]
fn nowait_fails_at_once_while_another_run_holds_the_name() {
    let project = Project::new();
    project.write("flow.cascade", DEPLOY);
    project.write("hold", "");
    let holder = start(&project, "main");
    wait_for(|| !project.lines("log").is_empty());
    let output = project.call(&["run", "-q", "flow.cascade", "impatient"]);
    assert_eq!(stdout(&output).trim(), "another run holds `deploy`", "{}", stderr(&output));
    // One that waits says for what; so does the second branch of the first run.
    let mut waiting = project.command(&["run", "flow.cascade", "main"]).spawn().unwrap();
    let lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    let told: Vec<String> = lines.filter(|line| line.contains("waits for its turn at `deploy`")).take(2).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    fs::remove_file(project.path().join("hold")).unwrap();
    assert!(holder.wait_with_output().unwrap().status.success());
}

#[test]
fn a_killed_run_gives_the_name_back_and_takes_it_again_when_it_is_resumed() {
    let project = Project::new();
    project.write("flow.cascade", DEPLOY);
    project.write("hold", "");
    let mut killed = start(&project, "main");
    wait_for(|| !project.lines("log").is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    fs::remove_file(project.path().join("hold")).unwrap();
    let output = project.call(&["run", "-q", "flow.cascade", "impatient"]);
    assert_eq!(stdout(&output).trim(), "i", "{}", stderr(&output));
    let output = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&output).trim(), "ax1ax2 ay1ay2", "{}", stderr(&output));
}

#[test]
fn a_stage_that_would_wait_for_itself_fails() {
    let project = Project::new();
    project.write("flow.cascade", DEPLOY);
    let output = project.call(&["run", "-q", "flow.cascade", "nested"]);
    assert!(stderr(&output).contains("`deploy` is held by a stage around this one"), "{}", stderr(&output));
    // Nothing of it is left: the next run gets the name.
    let output = project.call(&["run", "-q", "flow.cascade", "impatient"]);
    assert_eq!(stdout(&output).trim(), "i", "{}", stderr(&output));
}

#[test]
fn a_run_without_a_record_cannot_share_a_name() {
    let project = Project::new();
    project.write("flow.cascade", DEPLOY);
    let output = project.call(&["run", "-q", "--no-journal", "flow.cascade", "main"]);
    assert!(stderr(&output).contains("`exclusive` needs the record of the project"), "{}", stderr(&output));
}
