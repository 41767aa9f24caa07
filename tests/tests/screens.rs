//! Text of models, programs and people cannot control a terminal, GitHub annotations or pictures.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::process::Output;

use project::{Project, stderr, stdout};

/// A text that moves the cursor, clears a line, sets a title, changes the direction of writing, and gives GitHub a command.
const HOSTILE: &str = "fine\u{1b}[1A\u{1b}[2K\u{1b}]0;t\u{7}\r\u{9b}2J\u{202e}txt\n::add-mask::x\n##[error]y\n";

const PROGRAM: &str = r#"memory seen: global {
  all: list<string> = []
}

skill say() -> string {
  run sh"cat hostile"
}

skill fails() -> string {
  run sh"cat hostile >&2; exit 3"
}

skill number() -> int {
  run sh"cat hostile.json"
    output json int
}

cascade main() -> string {
  stage said = say()
  log "$<said>"
  warn said == "", "$<said>"
  seen.all += [said]
  stage failed = fails()
    on error skip
  stage yes = approve("Go on? $<said>")
  stage one = choose("Which? $<said>", [said, "b"])
  return "done"
}

cascade failing() -> string {
  stage failed = fails()
  return failed
}

cascade gated() -> string {
  stage said = say()
  gate said == "", "closed: $<said>"
  return said
}

cascade misfit() -> int {
  stage n = number()
  return n
}
"#;

fn project_with_hostile_text() -> Project {
    let project = Project::new();
    project.write("flow.cascade", PROGRAM);
    project.write("hostile", HOSTILE);
    project.write("hostile.json", &serde_json::to_string(HOSTILE).unwrap());
    project
}

fn assert_harmless(what: &str, output: &Output) {
    for text in [stdout(output), stderr(output)] {
        let bad = text.chars().find(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(bad, None, "{what}: {text:?}");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{what}: {line}");
        }
    }
}

#[test]
fn output_of_programs_cannot_control_the_terminal() {
    let project = project_with_hostile_text();
    let output = project.call(&["run", "flow.cascade"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_harmless("run", &output);
    let said = stderr(&output);
    assert!(said.contains("fine␛[1A␛[2K␛]0;t␇␍"), "{said}");
    // Each line of a question is marked as one of its lines.
    assert!(
        said.contains("main/yes: Go on? fine") && said.contains("\n    | : :add-mask::x\n    | # #[error]y"),
        "{said}"
    );
    for args in [
        &["runs", "show", "last", "--io", "--full"][..],
        &["runs", "show", "last", "--io"],
        &["runs", "logs", "last"],
        &["memory", "list"],
        &["memory", "history", "seen.all"],
    ] {
        assert_harmless(&args.join(" "), &project.call(args));
    }
    assert_harmless("approve", &project.call(&["approve", "last", "--resume"]));
    assert_harmless("answer", &project.call(&["answer", "last", "one", "no\u{1b}[2J"]));
    for cascade in ["failing", "gated", "misfit"] {
        let output = project.call(&["run", "flow.cascade", cascade]);
        assert_eq!(output.status.code(), Some(1));
        assert_harmless(cascade, &output);
        assert_harmless("runs show", &project.call(&["runs", "show", "last"]));
    }
    let runs: Vec<String> = project.store().runs().unwrap().into_iter().map(|run| run.id).collect();
    assert_harmless("runs diff", &project.call(&["runs", "diff", &runs[3], &runs[1]]));
}

#[test]
fn messages_about_arguments_cannot_control_the_terminal() {
    let project = Project::new();
    project.write("flow.cascade", "cascade main(n: int) -> int {\n  return n\n}\n");
    for given in ["n=\u{1b}[2J", "\u{1b}[2J=1", "\u{1b}[2J"] {
        let output = project.call(&["run", "flow.cascade", "--input", given]);
        assert_eq!(output.status.code(), Some(2));
        assert_harmless(given, &output);
    }
    assert_harmless("a file", &project.call(&["run", "no\u{1b}[2Jsuch.cascade"]));
    assert_harmless("a run", &project.call(&["run", "flow.cascade", "--fork", "\u{1b}[2J"]));
}

#[test]
fn diagnostics_show_control_characters_of_sources() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "/// A\u{1b}[2J\u{9b}\u{202e} doc.\ncascade main() -> int {\n  return \"a\u{1b}[31m\u{202e}\u{9b}\" // \u{1b}[1A\n}\n",
    );
    for format in ["human", "short", "github"] {
        let output = project.call(&["check", "--format", format, "flow.cascade"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let text = stdout(&output) + &stderr(&output);
        let bad = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(bad, None, "{format}: {text:?}");
    }
}

#[test]
fn pictures_show_labels_as_text() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill s(a: string) -> string {\n  run sh\"true\"\n}\n\
         cascade main(x: int) -> string {\n  gate x > 1 and x < 5, \"`<b>#quot;\\\"\"\n  stage a = s(\"<script>\")\n  return a\n}\n",
    );
    let output = project.call(&["graph", "flow.cascade", "--format", "mermaid"]);
    let text = stdout(&output);
    assert!(text.contains("flowchart"), "{}", stderr(&output));
    for line in text.lines().filter(|line| !line.contains("-->")) {
        let label = line.split_once('"').map_or("", |(_, label)| label);
        assert!(!label.contains(['<', '&', '`']), "{line}");
    }
}
