//! `cascadec new` and `init`: what they make checks, is formatted, runs and passes its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{fs, path::Path, process::Command};

use project::{Project, stderr, stdout};

fn call(folder: &Path, args: &[&str]) -> (bool, String, String) {
    let output = Command::new(cascade_tests::binary::cascadec().as_ref().unwrap())
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    (output.status.success(), stdout(&output), stderr(&output))
}

#[test]
fn a_new_project_works() {
    let project = Project::new();
    let (made, _, said) = call(project.path(), &["new", "my \"tidy\" project"]);
    assert!(made, "{said}");
    let folder = project.path().join("my \"tidy\" project");
    for args in
        [&["check", "--deny", "warnings"][..], &["fmt", "--check"], &["test"], &["run"], &["run", "main", "folder=."]]
    {
        let (worked, out, said) = call(&folder, args);
        assert!(worked, "{args:?}: {out}{said}");
    }
    let (_, out, _) = call(&folder, &["run", "-q"]);
    let lines = |name: &str| fs::read_to_string(folder.join(name)).unwrap().lines().count();
    assert_eq!(out.trim(), (lines("cascade.toml") + lines("main.cascade")).to_string());
    assert!(fs::read_to_string(folder.join(".github/workflows/cascade.yml")).unwrap().contains("cascadec check"));
}

#[test]
fn files_that_are_there_are_kept() {
    let project = Project::new();
    project.write("main.cascade", "cascade main() -> int {\n  return 1\n}\n");
    let (made, _, said) = call(project.path(), &["init"]);
    assert!(made && said.contains("kept ./main.cascade"), "{said}");
    assert_eq!(call(project.path(), &["run", "-q"]).1, "1\n");
    assert!(!call(project.path(), &["init"]).0);
}

/// The only run that waits is the one that is approved.
#[test]
fn an_approval_without_a_run_is_for_the_one_that_waits() {
    let project = Project::new();
    project.write("flow.cascade", "cascade main() -> bool {\n  stage ok = approve(\"Go on?\")\n  return ok\n}\n");
    for _ in 0..2 {
        assert_eq!(project.call(&["run", "flow.cascade"]).status.code(), Some(3));
    }
    let output = project.call(&["approve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("2 runs wait for approval"), "{}", stderr(&output));
    let id = stderr(&output).split("cascadec approve ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert!(project.call(&["reject", &id, "--resume"]).status.success());
    let output = project.call(&["approve", "--resume"]);
    assert_eq!(stdout(&output).trim(), "true", "{}", stderr(&output));
}
