//! An attempt begins, and a hook runs, only when the program that it replaces has ended.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use cascade_runtime::Begin;
use project::{Project, result_json};

/// A program that ignores SIGTERM and ends by itself a little later.
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
    assert_eq!(result_json(&done), "noted");
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

/// Waits until a file of the project has as many lines.
fn wait_for_lines(project: &Project, count: usize) {
    while project.lines("log").len() < count {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Waits until a program of a run of the project is noted as running.
fn wait_for_note(project: &Project) {
    let noted = || {
        let lists = std::fs::read_dir(project.path().join(".cascade/running")).into_iter().flatten().flatten();
        let lists = lists.filter(|entry| entry.file_name().to_string_lossy().ends_with(".programs"));
        lists.flat_map(|entry| std::fs::read_to_string(entry.path())).any(|text| text.starts_with("+ "))
    };
    while !noted() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Starts a run and kills its process when its program has begun.
fn kill_in_the_middle(project: &Project, program: &str) {
    project.write("flow.cascade", program);
    let mut child = project.command(&["run", "-q", "flow.cascade"]).spawn().unwrap();
    wait_for_lines(project, 1);
    wait_for_note(project);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_resumed_run_ends_the_programs_that_outlived_the_killed_one() {
    let project = Project::new();
    // The first one goes on until it is ended, and says so.
    let program = "skill job() -> string {\n  run sh\"\"\"\n    trap 'echo ended >> log; exit 1' TERM\n    \
                   if [ -e log ]; then echo second >> log; exit 0; fi\n    echo first >> log\n    \
                   while :; do :; done\n    \"\"\"\n}\n\
                   cascade main() -> string {\n  stage a = job()\n  return \"done\"\n}\n";
    kill_in_the_middle(&project, program);
    let resumed = project.call(&["resume"]);
    assert!(resumed.status.success(), "{}", project::stderr(&resumed));
    assert!(project::stderr(&resumed).contains("was still running"), "{}", project::stderr(&resumed));
    assert_eq!(project.lines("log"), ["first", "ended", "second"]);
}

/// Removes the lists of programs: what a kill leaves between the start of a program and its note.
#[cfg(target_os = "linux")]
fn forget_notes(project: &Project) {
    for entry in std::fs::read_dir(project.path().join(".cascade/running")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".programs") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_was_started_in_the_moment_of_the_kill_is_found() {
    let project = Project::new();
    let program = "skill job() -> string {\n  run sh\"\"\"\n    trap 'echo ended >> log; exit 1' TERM\n    \
                   if [ -e log ]; then echo second >> log; exit 0; fi\n    echo \"$CASCADE_RUN\" >> run\n    \
                   echo first >> log\n    while :; do :; done\n    \"\"\"\n}\n\
                   cascade main() -> string {\n  stage a = job()\n  return \"done\"\n}\n";
    let other = Project::new();
    for project in [&project, &other] {
        kill_in_the_middle(project, program);
        forget_notes(project);
    }
    let named = project.lines("run").remove(0);
    let run = project.store().runs().unwrap().remove(0).id;
    assert!(named.starts_with(&format!("{run}.")) && named.ends_with(" - 1 main/a"), "{named}");

    for (project, first) in [(&project, true), (&other, false)] {
        let resumed = project.call(&["resume"]);
        assert!(resumed.status.success(), "{}", project::stderr(&resumed));
        assert!(project::stderr(&resumed).contains("was still running"), "{}", project::stderr(&resumed));
        assert_eq!(project.lines("log"), ["first", "ended", "second"]);
        // That of another project goes on.
        if first {
            assert_eq!(other.lines("log"), ["first"]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_program_left_running_is_not_ended_when_the_program_has_ended() {
    let project = Project::new();
    let program = "skill server() -> string {\n  run sh\"\"\"\n    \
                   (trap 'echo ended >> log; exit' TERM; echo $$ > up; while [ ! -e go ]; do sleep 0.02; done; echo served >> log) \
                   >/dev/null 2>&1 &\n    while [ ! -e up ]; do sleep 0.02; done\n    echo up\n    \"\"\"\n}\n\
                   skill use() -> string {\n  run sh\"test -e ready\"\n}\n\
                   cascade main() -> string {\n  stage a = server()\n  stage b = use()\n  return \"done\"\n}\n";
    project.write("flow.cascade", program);
    assert!(!project.call(&["run", "-q", "flow.cascade"]).status.success());
    project.write("ready", "");
    let resumed = project.call(&["resume"]);
    assert!(resumed.status.success(), "{}", project::stderr(&resumed));
    project.write("go", "");
    wait_for_lines(&project, 1);
    assert_eq!(project.lines("log"), ["served"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_must_not_be_repeated_is_not_ended() {
    let project = Project::new();
    let program = "@once\nskill pay() -> string {\n  run sh\"\"\"\n    echo paying >> log\n    \
                   while [ ! -e go ]; do sleep 0.02; done\n    echo paid >> log\n    \"\"\"\n}\n\
                   cascade main() -> string {\n  stage a = pay()\n  return \"done\"\n}\n";
    kill_in_the_middle(&project, program);
    let refused = project.call(&["resume"]);
    let said = project::stderr(&refused);
    assert!(!refused.status.success() && said.contains("must not be repeated, still runs"), "{said}");
    project.write("go", "");
    wait_for_lines(&project, 2);
    // It has ended, perhaps a moment ago; nobody knows its answer, so a person is asked.
    let said = loop {
        let resumed = project.call(&["resume"]);
        let said = project::stderr(&resumed);
        if !said.contains("still runs") {
            break said;
        }
    };
    assert_eq!(project.lines("log"), ["paying", "paid"], "{said}");
}
