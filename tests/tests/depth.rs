//! Deeply nested programs and values are recorded and read again; damaged programs are refused.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::process::Command;

use cascade_tests::binary::cascadec;
use project::Project;

/// Runs the command in the folder of a project; gives its exit code and what it wrote.
fn call_cascadec(project: &Project, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(cascadec().as_ref().unwrap()).args(args).current_dir(project.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Programs with the deepest nesting that the compiler accepts.
fn deep_programs() -> [(&'static str, String); 2] {
    let (opened, closed) = ("if x >= 0 {\n".repeat(120), "}\n".repeat(120));
    let nested = format!("cascade main(x: int) -> int {{\n  var y = 0\n{opened}y = 7\n{closed}  return y\n}}\n");
    let operands = vec!["x"; 200].join(" + ");
    [("nested", nested), ("operands", format!("cascade main(x: int) -> int {{\n  return {operands}\n}}\n"))]
}

#[test]
fn a_deep_program_is_built_run_and_resumed() {
    for (name, text) in deep_programs() {
        let project = Project::new();
        project.write("flow.cascade", &text);
        let (code, _, error) = call_cascadec(&project, &["build", "flow.cascade", "-o", "flow.cir"]);
        assert_eq!(code, 0, "{name}: {error}");
        let (code, result, error) = call_cascadec(&project, &["run", "-q", "flow.cir", "--input", "x=1"]);
        assert_eq!((code, result.trim()), (0, if name == "nested" { "7" } else { "200" }), "{error}");
    }
    // A run is resumed without its file by the program that is kept with it.
    let project = Project::new();
    let (opened, closed) = ("if x >= 0 {\n".repeat(60), "}\n".repeat(60));
    project.write(
        "flow.cascade",
        &format!(
            "skill check() -> string {{\n  run sh\"test -e ready && echo yes\"\n}}\n\
             cascade main(x: int) -> string {{\n  var y = \"\"\n{opened}stage c = check()\ny = c\n{closed}  return y\n}}\n"
        ),
    );
    assert_eq!(call_cascadec(&project, &["run", "-q", "flow.cascade", "--input", "x=1"]).0, 1);
    std::fs::remove_file(project.path().join("flow.cascade")).unwrap();
    project.write("ready", "");
    let (code, result, error) = call_cascadec(&project, &["resume", "-q"]);
    assert_eq!((code, result.trim()), (0, "yes"), "{error}");
}

#[test]
fn a_deep_value_in_memory_does_not_make_later_runs_fail() {
    let project = Project::new();
    project.write("deep.json", &format!("{}{}", "[".repeat(127), "]".repeat(127)));
    project.write(
        "flow.cascade",
        "memory notes: global {\n  items: list<json> = []\n}\n\
         skill deep() -> json {\n  run sh\"cat deep.json\"\n    output json json\n}\n\
         cascade add() -> int {\n  stage d = deep()\n  notes.items += [d]\n  return notes.items.len()\n}\n",
    );
    for count in ["1", "2", "3"] {
        let (code, result, error) = call_cascadec(&project, &["run", "-q", "flow.cascade"]);
        assert_eq!((code, result.trim()), (0, count), "{error}");
    }
    assert_eq!(call_cascadec(&project, &["memory", "list"]).0, 0);
}

#[test]
fn a_damaged_program_is_refused() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "fn one(n: int) -> int = n + 1\ncascade first(x: int) -> int {\n  return one(x)\n}\n\
         cascade main(x: int) -> int {\n  stage f = first(x)\n  return f\n}\n",
    );
    assert_eq!(call_cascadec(&project, &["build", "flow.cascade", "-o", "flow.cir"]).0, 0);
    let good = std::fs::read_to_string(project.path().join("flow.cir")).unwrap();
    let (before, after) = good.split_once("\"slots\":").unwrap();
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    let cases = [
        (format!("{before}\"slots\":2147483648{after}"), "2147483648 slots"),
        (good.replacen("\"Cascade\":[0,", "\"Cascade\":[1,", 1), "calls itself"),
        (good.replacen("\"Cascade\":[0,", "\"Cascade\":[9,", 1), "cascade 9"),
        (good.replacen("\"Call\":[0,", "\"Call\":[7,", 1), "function 7"),
        (format!("{}{good}", "[".repeat(5_000)), "nested too deeply"),
        (format!("{good}x"), "trailing"),
        (good.replacen("\"format\":", "\"format\":9", 1), "format 9"),
        ("{}".to_owned(), "no format number"),
    ];
    for (text, why) in cases {
        assert_ne!(text, good, "{why}");
        project.write("bad.cir", &text);
        let (code, _, error) = call_cascadec(&project, &["run", "bad.cir", "--input", "x=1"]);
        assert!(code == 2 && error.contains(why), "{why}: {code} {error}");
    }
}
