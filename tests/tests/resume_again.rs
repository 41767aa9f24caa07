//! A run can be resumed any number of times: every failure that ended it is retried.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{fs, time::Duration};

use cascade_runtime::{Begin, RunOutcome};
use project::{Project, result_json};
use serde_json::json;

const TWO: &str = "\
skill step(n: int) -> string {
  run sh\"test -e ok$<n> && echo done$<n> && echo $<n> >> log\"
}

cascade main() -> string {
  stage a = step(1)
  stage b = step(2)
  return \"$<a> $<b>\"
}
";

fn failure_message(outcome: &RunOutcome) -> String {
    outcome.result.as_ref().unwrap_err().to_string()
}

fn failed_stage(outcome: &RunOutcome) -> &str {
    &outcome.result.as_ref().unwrap_err().stage
}

#[test]
fn each_failure_is_retried_by_every_resume() {
    let project = Project::new();
    let first = project.run(TWO, Begin::New);
    assert_eq!(failed_stage(&first), "main/a");
    let again = || project.run(TWO, Begin::Resume(first.run.clone()));
    // Resumed twice before the cause is removed: it fails again and can still be resumed.
    assert_eq!(failed_stage(&again()), "main/a");
    assert_eq!(failed_stage(&again()), "main/a");
    project.write("ok1", "");
    assert_eq!(failed_stage(&again()), "main/b");
    assert_eq!(failed_stage(&again()), "main/b");
    project.write("ok2", "");
    assert_eq!(result_json(&again()), "done1 done2");
    assert_eq!(project.lines("log"), ["1", "2"]);
}

#[test]
fn a_fork_of_a_run_that_failed_tries_again() {
    let project = Project::new();
    let first = project.run(TWO, Begin::New);
    project.write("ok1", "");
    let second = project.run(TWO, Begin::Resume(first.run.clone()));
    assert_eq!(failed_stage(&second), "main/b");
    project.write("ok2", "");
    let fork = project.run(TWO, Begin::Fork(first.run.clone()));
    assert_eq!(result_json(&fork), "done1 done2");
    assert_eq!(project.lines("log"), ["1", "2"]);
}

#[test]
fn a_fork_that_fails_can_be_resumed() {
    let project = Project::new();
    let first = project.run(TWO, Begin::New);
    let fork = project.run(TWO, Begin::Fork(first.run));
    assert_eq!(failed_stage(&fork), "main/a");
    project.write("ok1", "");
    project.write("ok2", "");
    assert_eq!(result_json(&project.run(TWO, Begin::Resume(fork.run))), "done1 done2");
}

#[test]
fn failures_in_branches_and_iterations_are_tried_again() {
    for body in [
        "stage all = parallel max 1 {\n    stage a = step(1)\n    stage b = step(2)\n  }\n  return \"$<all.a> $<all.b>\"",
        "stage all = for n in [1, 2] {\n    stage s = step(n)\n  }\n  return all.join(\" \")",
        "stage all = for n in [1, 2] parallel max 1 {\n    stage s = step(n)\n  }\n  return all.join(\" \")",
        "stage a = step(1)\n    retry 1 backoff 0ms..0ms\n  stage b = step(2)\n    on error fail \"no\"\n  return \"$<a> $<b>\"",
    ] {
        let text =
            TWO[..TWO.find("cascade").unwrap()].to_owned() + &format!("cascade main() -> string {{\n  {body}\n}}\n");
        let project = Project::new();
        let first = project.run(&text, Begin::New);
        assert!(first.result.is_err());
        project.write("ok1", "");
        assert!(project.run(&text, Begin::Resume(first.run.clone())).result.is_err(), "{body}");
        assert!(project.run(&text, Begin::Resume(first.run.clone())).result.is_err(), "{body}");
        project.write("ok2", "");
        let last = project.run(&text, Begin::Resume(first.run.clone()));
        assert_eq!(result_json(&last), "done1 done2", "{body}");
        assert_eq!(project.lines("log"), ["1", "2"], "{body}");
    }
}

#[test]
fn an_earlier_failure_is_retried_after_a_kill() {
    let project = Project::new();
    let text = "\
skill step(n: int) -> string {
  run sh\"test -e ok$<n> && echo done$<n>\"
}

skill slow() -> string {
  run sh\"touch slow; test -e quick || sleep 60; echo slow\"
}

cascade main() -> string {
  stage a = step(1)
  stage b = slow()
  return \"$<a> $<b>\"
}
";
    project.write("flow.cascade", text);
    assert_eq!(project.call(&["run", "-q", "flow.cascade"]).status.code(), Some(1));
    project.write("ok1", "");
    let mut resumed = project.command(&["resume", "-q"]).spawn().unwrap();
    while !project.path().join("slow").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    resumed.kill().unwrap();
    resumed.wait().unwrap();
    project.write("quick", "");
    let last = project.call(&["resume", "-q"]);
    assert_eq!(String::from_utf8_lossy(&last.stdout), "done1 slow\n", "{}", String::from_utf8_lossy(&last.stderr));
}

const HOOKED: &str = "\
skill work() -> string {
  run sh\"echo locked > lock; test -e ok\"
}

skill unlock() -> string {
  run sh\"rm -f lock; echo unlocked >> log\"
}

cascade main() -> string {
  stage a = work()
  return a

  on failure(error) {
    stage u = unlock()
  }
}
";

#[test]
fn a_hook_runs_again_for_a_new_failure_of_its_stage() {
    let project = Project::new();
    let first = project.run(HOOKED, Begin::New);
    for times in 2..4 {
        let again = project.run(HOOKED, Begin::Resume(first.run.clone()));
        assert!(again.result.is_err());
        assert!(!project.path().join("lock").exists());
        assert_eq!(project.lines("log").len(), times, "{}", failure_message(&again));
    }
    project.write("ok", "");
    assert!(project.run(HOOKED, Begin::Resume(first.run)).result.is_ok());
    assert_eq!(project.lines("log").len(), 3);
}

#[test]
fn a_hook_of_a_handled_failure_does_not_run_again() {
    let project = Project::new();
    let text = HOOKED.replace("cascade main()", "cascade inner()")
        + "\nskill step() -> string {\n  run sh\"test -e ok && echo done\"\n}\n\n\
           cascade main() -> string {\n  stage i = inner()\n    on error skip\n  stage s = step()\n  return s\n}\n";
    let first = project.run(&text, Begin::New);
    assert_eq!(failed_stage(&first), "main/s");
    assert_eq!(failed_stage(&project.run(&text, Begin::Resume(first.run.clone()))), "main/s");
    project.write("ok", "");
    assert!(project.run(&text, Begin::Resume(first.run)).result.is_ok());
    assert_eq!(project.lines("log"), ["unlocked"]);
}

/// A stage may have the name of a hook.
#[test]
fn a_stage_with_the_name_of_a_hook_is_not_repeated() {
    let project = Project::new();
    let text = "\
skill note(n: int) -> string {
  run sh\"echo $<n> >> log; echo $<n>\"
}

skill last() -> string {
  run sh\"test -e ok && echo done\"
}

cascade main() -> string {
  stage on_cancel = for n in [1, 2] {
    stage x = note(n)
  }
  stage z = last()
  return z
}
";
    let first = project.run(text, Begin::New);
    fs::write(project.path().join("ok"), "").unwrap();
    assert_eq!(result_json(&project.run(text, Begin::Resume(first.run))), "done");
    assert_eq!(project.lines("log"), ["1", "2"]);
}

/// A payment that hangs, beside a stage that fails meanwhile.
const GIVEN_UP: &str = "\
@once
skill pay() -> string {
  run sh\"echo paid >> log; touch paying; test -e quick || sleep 60; echo receipt\"
}

skill other() -> string {
  run sh\"while ! test -e paying; do sleep 0.01; done; test -e ok && echo fine\"
}

cascade main() -> string {
  stage all = parallel {
    stage paid = pay()
    stage rest = other()
  }
  return \"$<all.paid> $<all.rest>\"
}
";

/// The effect was running when a sibling failed: its outcome is unknown.
#[test]
fn an_abandoned_once_effect_is_asked_about() {
    let project = Project::new();
    let first = project.run(GIVEN_UP, Begin::New);
    assert_eq!(failed_stage(&first), "main/all/rest");
    project.write("ok", "");
    project.write("quick", "");
    let again = project.run(GIVEN_UP, Begin::Resume(first.run.clone()));
    assert!(again.pause.is_some_and(|p| p.questions[0].kind == "unknown"), "{:?}", again.result);
    assert_eq!(project.lines("log"), ["paid"]);
    project.answer(&first.run, &json!({ "action": "done", "output": "by hand" }));
    assert_eq!(result_json(&project.run(GIVEN_UP, Begin::Resume(first.run))), "by hand fine");
    assert_eq!(project.lines("log"), ["paid"]);
}

#[test]
fn a_fork_keeps_unfinished_once_effects() {
    let project = Project::new();
    let text = "\
@once
skill pay() -> string {
  run sh\"echo paid >> log; test -e survived && echo receipt && exit; touch survived; kill -9 $PPID; sleep 1\"
}

cascade main() -> string {
  stage paid = pay()
  return paid
}
";
    project.write("flow.cascade", text);
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
    let run = project.store().runs().unwrap().remove(0).id;
    let fork = project.run(text, Begin::Fork(run));
    assert!(fork.pause.is_some(), "{:?}", fork.result);
    // Nobody has answered yet.
    let again = project.run(text, Begin::Resume(fork.run.clone()));
    assert!(again.pause.is_some(), "{:?}", again.result);
    project.answer(&fork.run, &json!({ "action": "done", "output": "by hand" }));
    assert_eq!(result_json(&project.run(text, Begin::Resume(fork.run))), "by hand");
    assert_eq!(project.lines("log"), ["paid"]);
}

/// The answer of a person is being recorded when a sibling fails.
#[test]
fn an_answer_after_a_sibling_failed_is_used_by_the_next_resume() {
    let project = Project::new();
    let text = "\
skill note() -> string {
  run sh\"echo noted\"
}

skill deadly() -> string {
  run sh\"test -e survived && echo alive && exit; touch survived; kill -9 $PPID; sleep 1\"
}

cascade main() -> string {
  stage all = parallel {
    stage who = ask(\"Who?\")
    stage rest = for x in [1] {
      stage a = note()
      stage b = deadly()
      \"$<a> $<b>\"
    }
  }
  return \"$<all.who>: $<all.rest.join(\"\")>\"
}
";
    project.write("flow.cascade", text);
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
    let run = project.store().runs().unwrap().remove(0).id;
    project.answer(&run, &json!("ada"));
    let stopped = text.replace("stage b =", "gate a == \"other\", \"no\"\n      stage b =");
    assert!(project.run(&stopped, Begin::Resume(run.clone())).result.is_err());
    assert_eq!(result_json(&project.run(text, Begin::Resume(run))), "ada: noted alive");
}

/// A cascade that changes memory as `changes` say, and then waits for a file.
fn remembering(changes: &str) -> String {
    format!(
        "memory notes: global {{\n  seen: list<string> = []\n  last: string = \"\"\n}}\n\
         skill ready() -> string {{\n  run sh\"test -e ready && echo ready\"\n}}\n\
         cascade main() -> string {{\n{changes}  stage s = ready()\n  return notes.seen.join(\" \")\n}}\n"
    )
}

#[test]
fn changes_of_memory_are_made_once_whatever_an_edit_puts_before_or_takes_away() {
    let (one, two, new) = ("  notes.seen += [\"one\"]\n", "  notes.seen += [\"two\"]\n", "  notes.seen += [\"new\"]\n");
    let set = "  notes.last = \"set\"\n";
    for (before, after, kept) in [
        // Something before, between and behind what was changed.
        (format!("{one}{two}"), format!("{new}{one}{two}"), json!(["one", "two", "new"])),
        (format!("{one}{two}"), format!("{one}{set}{two}"), json!(["one", "two"])),
        (format!("{one}{two}"), format!("{one}{two}{new}"), json!(["one", "two", "new"])),
        // Something is taken away, or stands elsewhere.
        (format!("{one}{two}"), two.to_owned(), json!(["one", "two"])),
        (format!("{set}{one}{two}"), format!("{one}{two}"), json!(["one", "two"])),
        (format!("{one}{two}"), format!("{two}{one}"), json!(["one", "two"])),
        // Equal changes are counted.
        (format!("{one}{one}"), format!("{two}{one}{one}"), json!(["one", "one", "two"])),
        (format!("{one}{two}"), format!("{one}{one}{two}"), json!(["one", "two", "one"])),
        (format!("{two}{one}"), format!("{one}{one}{one}"), json!(["two", "one", "one", "one"])),
        // Another value is another change.
        (one.to_owned(), two.to_owned(), json!(["one", "two"])),
    ] {
        let project = Project::new();
        let first = project.run(&remembering(&before), Begin::New);
        assert!(first.result.is_err());
        let resume = || Begin::Resume(first.run.clone());
        let seen = || project.store().memory().unwrap().into_iter().find(|m| m.key == "seen").unwrap().value;
        for _ in 0..2 {
            assert!(project.run(&remembering(&after), resume()).result.is_err());
            assert_eq!(seen(), kept, "{before} edited to\n{after}");
        }
        // And back again: nothing of it is new.
        assert!(project.run(&remembering(&before), resume()).result.is_err());
        assert_eq!(seen(), kept, "{after} edited back to\n{before}");
        project.write("ready", "");
        assert!(project.run(&remembering(&after), resume()).result.is_ok());
        assert_eq!(seen(), kept, "{before} edited to\n{after}");
    }
}
