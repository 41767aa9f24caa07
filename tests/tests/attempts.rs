//! An attempt begins, and a hook runs, only when the program that it replaces has ended.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use cascade_runtime::Begin;
use project::{Project, value};

/// A program that does not end when it is asked to, but by itself a little later.
const STUBBORN: &str = "skill job(name: string) -> string {\n  run sh\"\"\"\n    trap '' TERM\n    \
     echo \"begin $<name>\" >> log\n    sleep 0.6\n    echo \"end $<name>\" >> log\n    \"\"\"\n}\n\
     skill note(text: string) -> string {\n  run sh\"echo $<text> >> log; echo noted\"\n}\n";

#[test]
fn the_next_attempt_and_the_next_stage_wait_for_the_program_of_the_last() {
    let project = Project::new();
    let program = format!(
        "{STUBBORN}cascade main() -> string {{\n  stage a = job(\"a\")\n    timeout 100ms\n    \
         retry 1 backoff 1ms..2ms\n    on error skip\n  stage b = note(\"next\")\n  return b\n}}\n"
    );
    let done = project.run(&program, Begin::New);
    assert_eq!(value(&done), "noted");
    assert_eq!(project.lines("log"), ["begin a", "end a", "begin a", "end a", "next"]);
}

#[test]
fn a_hook_waits_for_the_branches_that_were_cancelled() {
    let project = Project::new();
    let program = format!(
        "{STUBBORN}skill fails() -> string {{\n  run sh\"while [ ! -e log ]; do sleep 0.01; done; exit 1\"\n}}\n\
         cascade main() -> string {{\n  parallel {{\n    stage a = job(\"a\")\n    stage b = fails()\n  }}\n  \
         return \"x\"\n  on failure(error) {{\n    stage n = note(\"hook\")\n  }}\n}}\n"
    );
    project.run(&program, Begin::New);
    assert_eq!(project.lines("log"), ["begin a", "end a", "hook"]);
}

#[test]
fn branches_do_not_wait_for_each_other() {
    let project = Project::new();
    // While the program of `a` is ending, `b` goes on to its second stage; `a` ends after that.
    let program = format!(
        "{STUBBORN}skill lasts() -> string {{\n  run sh\"trap '' TERM; echo begin >> log; while ! grep -q second log; \
         do sleep 0.01; done; echo end >> log\"\n}}\n\
         skill wait() -> string {{\n  run sh\"while ! grep -q begin log; do sleep 0.01; done; sleep 0.2; echo w\"\n}}\n\
         cascade other() -> string {{\n  stage w = wait()\n  stage n = note(\"second\")\n  return n\n}}\n\
         cascade main() -> string {{\n  parallel {{\n    stage a = lasts()\n      timeout 100ms\n      on error skip\n    \
         stage b = other()\n  }}\n  stage c = note(\"after\")\n  return c\n}}\n"
    );
    project.run(&program, Begin::New);
    assert_eq!(project.lines("log"), ["begin", "second", "end", "after"]);
}
