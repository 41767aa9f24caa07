//! In GitHub Actions `check` and `test` annotate what they find and write a summary of the job.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::process::Output;

use project::{Project, stderr, stdout};

fn call(project: &Project, args: &[&str]) -> Output {
    let summary = project.path().join("summary.md");
    project.command(args).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary).output().unwrap()
}

#[test]
fn diagnostics_are_annotated() {
    let project = Project::new();
    project.write("flow.cascade", "cascade main() -> int {\n  return \"a|b @everyone\"\n}\n");
    let output = call(&project, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("E0301"), "the report is still for people: {}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("::error file=flow.cascade,line=2,"), "{said}");
    let summary = project.lines("summary.md").join("\n");
    assert!(summary.contains("| flow.cascade:2 | E0301 |"), "{summary}");
    // Another form is as it was.
    let short = call(&project, &["check", "--format", "short"]);
    assert!(!stdout(&short).contains("::error"), "{}", stdout(&short));
}

#[test]
fn failures_of_tests_are_annotated_and_no_text_ends_the_line() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "cascade main() -> string {\n  fail \"one\\n::error::forged | two\"\n}\n\ntest \"it works\" {\n  run main()\n}\n\n\
         test \"it fails\" {\n  run main()\n  expect fails\n}\n",
    );
    let output = call(&project, &["test"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("::error file=flow.cascade,line=6,title=test \"it works\"::"), "{said}");
    let summary = project.lines("summary.md");
    assert_eq!(summary.iter().filter(|line| line.starts_with("| flow")).count(), 2, "{summary:?}");
    assert!(summary.iter().any(|line| line.contains("it works | **failed**: ") && line.contains("forged \\| two")));
    assert!(summary.iter().any(|line| line.contains("it fails | passed |")), "{summary:?}");
}
