//! Sandboxes of runs that fail, are killed and are resumed: applied once, as a whole, and nothing is left running.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/sandbox.rs"]
mod sandbox;

use std::{fs, thread, time::Duration};

use project::{stderr, stdout};
use sandbox::{World, wait_for, walk};

#[test]
fn a_conflict_is_a_failure_of_its_kind_and_touches_nothing() {
    let world = World::new();
    // What the user does meanwhile: a command in the sandbox waits for it.
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage inside = write(box, "b.txt", "inside")
    stage also = write(box, "c.txt", "inside")
    stage waits = sh_in(box, sh"touch started; while ! test -e /tmp/never; do if test -e go; then break; fi; sleep 0.01; done")
  }
  return work.value
}
"#,
    );
    let child = world.command(&["run", "-q", "flow.cascade"]).spawn().unwrap();
    let started = || walk(&world.project.path().join("copies")).into_iter().find(|path| path.ends_with("work/started"));
    wait_for(|| started().is_some());
    world.write("b.txt", "outside\n");
    fs::write(started().unwrap().with_file_name("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`b.txt` cannot be merged") && said.contains("(merge_conflict)"), "{said}");
    assert_eq!((world.file("b.txt").as_str(), world.file("c.txt").as_str()), ("outside\n", ""));
    // When the user has put it back, the same run ends well.
    world.git(&["checkout", "-q", "b.txt"]);
    let output = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!((world.file("b.txt").as_str(), world.file("c.txt").as_str()), ("inside\n", "inside\n"));
}

/// A run that is killed at many moments and resumed: every finished command is not repeated, the change is applied once,
/// and the repository is before or after, never between.
#[test]
fn a_killed_run_goes_on_in_a_fresh_copy_and_applies_once() {
    const PROGRAM: &str = r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage one = append(box, "a.txt", "six")
    stage two = append(box, "a.txt", "seven")
    stage many = sh_in(box, sh"for i in $(seq 1 150); do echo $i > f$i; done; rm b.txt")
    stage three = append(box, "a.txt", "eight")
    three
  }
  return work.value
}
"#;
    let expected = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight";
    let whole = |world: &World| -> bool {
        let after = world.file("a.txt").trim_end() == expected;
        let files = (1..=150).filter(|i| world.file(&format!("f{i}")) == format!("{i}\n")).count();
        match (after, files, world.file("b.txt").is_empty()) {
            (true, 150, true) => true,
            (false, 0, false) => false,
            other => panic!("torn: {other:?}"),
        }
    };
    let (mut before, mut after) = (0, 0);
    for round in 0..14u64 {
        let world = World::new();
        world.program(PROGRAM);
        let mut child = world.command(&["run", "-q", "flow.cascade"]).spawn().unwrap();
        // Half of them when the change is decided, the others at any moment.
        if round % 2 == 1 {
            let decided =
                || walk(&world.project.path().join("repo/.cascade")).iter().any(|path| path.ends_with("commit"));
            while child.try_wait().unwrap().is_none() && !decided() {
                thread::sleep(Duration::from_micros(200));
            }
            thread::sleep(Duration::from_micros(round * 300));
        } else {
            thread::sleep(Duration::from_millis(20 + round * 12));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !world.project.journal().exists() || world.project.store().runs().unwrap().is_empty() {
            before += 1;
            continue;
        }
        // Copies of a machine that was restarted are gone.
        if round % 4 == 2 {
            let _ = fs::remove_dir_all(world.project.path().join("copies"));
        }
        let output = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
        assert!(output.status.success(), "round {round}: {}", stderr(&output));
        assert_eq!(stdout(&output).trim_end(), expected, "round {round}");
        assert!(whole(&world), "round {round}");
        after += 1;
        assert_eq!(world.copies(), 0, "round {round}");
    }
    assert!(after > 0, "{before} and {after}");
}

#[test]
fn a_resumed_run_repeats_no_finished_command() {
    let world = World::new();
    let program = |gate: &str| {
        format!(
            r#"
cascade main() -> string {{
  stage work = sandbox "repo" as box {{
    stage one = append(box, "a.txt", "six")
    stage two = append(box, "a.txt", "seven")
    gate {gate}, "stop here"
    stage three = append(box, "a.txt", "eight")
    three
  }}
  return work.value
}}
"#
        )
    };
    world.program(&program("two == \"\""));
    assert!(world.failure().contains("stop here"));
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    // The user has changed another place meanwhile.
    world.write("b.txt", "meanwhile\n");
    world.program(&program("two != \"\""));
    let output = world.command(&["resume", &world.run_id(), "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stderr(&output) + &stdout(&output);
    assert!(events.contains(r#""path":"main/work/one","attempt":1,"from":"journal""#), "{events}");
    assert!(events.contains(r#""path":"main/work/two","attempt":1,"from":"journal""#), "{events}");
    assert_eq!(world.file("a.txt"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n");
    assert_eq!(world.file("b.txt"), "meanwhile\n");
    // When it is resumed again nothing is applied, whatever has become of the files.
    world.write("a.txt", "changed back\n");
    let again = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(world.file("a.txt"), "changed back\n");
}

#[test]
fn what_is_started_inside_ends_with_its_command() {
    let world = World::new();
    let mark = format!("cascade-daemon-{}", std::process::id());
    world.program(&format!(
        r#"
cascade main() -> string {{
  stage work = sandbox "repo" as box {{
    stage left = sh_in(box, sh"(setsid sh -c 'exec sleep 300; : {mark}' >/dev/null 2>&1 &) ; sleep 0.1; echo started")
    left
  }}
  return work.value
}}
"#
    ));
    assert_eq!(world.result(), "started");
    let is_left = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let of_run = format!("GIT_CEILING_DIRECTORIES={}", world.project.path().join("copies").display());
            environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(of_run.as_bytes()))
        })
    };
    wait_for(|| !is_left());
}

/// With and without namespaces: a killed `cascadec` takes everything inside with it, also what left its group.
#[test]
fn nothing_inside_outlives_a_killed_process() {
    for namespaces in ["on", "off"] {
        let world = World::new();
        world.program(
            r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage stays = sh_in(box, sh"(setsid sleep 300 >/dev/null 2>&1 &); touch begun; sleep 300")
    stays
  }
  return work.value
}
"#,
        );
        let mut command = world.command(&["run", "-q", "flow.cascade"]);
        let mut child = command.env("CASCADE_SANDBOX_NAMESPACES", namespaces).spawn().unwrap();
        let begun = || walk(&world.project.path().join("copies")).iter().any(|path| path.ends_with("work/begun"));
        wait_for(begun);
        child.kill().unwrap();
        child.wait().unwrap();
        let of_run = format!("GIT_CEILING_DIRECTORIES={}", world.project.path().join("copies").display());
        let is_left = || {
            fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(of_run.as_bytes()))
            })
        };
        wait_for(|| !is_left());
    }
}
