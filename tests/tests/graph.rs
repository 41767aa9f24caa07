//! `cascadec graph --run`: the paths that a picture expects are those that the interpreter gives its stages.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use project::{Project, stderr, stdout};

/// Every form that gives a stage a path, with a stage in it.
const FLOW: &str = r#"
skill note(what: string) -> string {
  run sh"echo $<what>"
}

skill broken() -> string {
  run sh"exit 3"
}

skill needs(file: string) -> string {
  run sh"cat $<file>"
}

cascade child(what: string) -> string {
  stage inner = note(what)
  return inner
}

cascade main() -> string {
  stage named = parallel {
    stage left = note("l")
    stage right = for a in [1, 2] {
      stage deep = note("$<a>")
    }
  }
  parallel {
    stage other = note("o")
  }
  for b in [1, 2] parallel max 2 {
    if b == 1 {
      stage yes = note("y")
    } else {
      stage no = note("n")
    }
  }
  stage rounds = repeat max 2 {
    stage round = note("r")
  } until round == "never"
  repeat max 1 {
    stage plain = note("p")
  }
  stage called = child("c")
  stage chosen = match called {
    "c" -> {
      stage arm = note("a")
      arm
    }
    _ -> "none"
  }
  stage rescued = broken()
    on error fallback note("f")
  stage last = needs("file")
  gate last != "stop", "stopped"
  return "$<rescued>$<last>"

  on success {
    stage told = note("t")
  }
  on failure {
    stage mourned = note("m")
  }
}
"#;

/// Titles of the parts with a class and their tooltips.
fn recorded(svg: &str) -> Vec<(String, String)> {
    let groups = svg.split("<g class=\"").skip(1);
    let text = |group: &str, from: &str, to: &str| {
        group.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0.to_owned()
    };
    groups.map(|group| (group.split_once('"').unwrap().0.to_owned(), text(group, "<title>", "</title>"))).collect()
}

fn draw(project: &Project, more: &[&str]) -> String {
    let output = project.call(&[&["graph", "flow.cascade", "main", "--format", "svg"], more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn every_form_of_stage_is_found_in_the_record_of_a_run() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    project.write("file", "go on");
    let output = project.call(&["run", "flow.cascade", "main", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let parts = recorded(&draw(&project, &["--run", "last"]));
    let missing = parts.iter().filter(|(class, _)| class != "done").collect::<Vec<_>>();
    assert!(missing.is_empty(), "{missing:?}");
    let names: Vec<&str> = parts.iter().map(|(_, title)| title.split(": ").next().unwrap()).collect();
    let all = [
        "named",
        "left",
        "right",
        "deep",
        "other",
        "for each, in parallel b",
        "yes",
        "no",
        "rounds",
        "round",
        "repeat at most 1 times",
        "plain",
        "called",
        "chosen",
        "arm",
        "rescued",
        "last",
        "on success",
        "told",
    ];
    assert_eq!(names, all);
    assert!(parts.iter().any(|(_, title)| title.starts_with("deep: done (2 times)")), "{parts:?}");
}

#[test]
fn failures_and_places_are_shown() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    project.write("file", "stop");
    assert!(!project.call(&["run", "flow.cascade", "main", "-q"]).status.success());
    let svg = draw(&project, &["--run", "last"]);
    let parts = recorded(&svg);
    let failed: Vec<_> = parts.iter().filter(|(class, _)| class == "failed").collect();
    assert_eq!(failed.len(), 1, "{parts:?}");
    assert!(failed[0].1.starts_with("gate: stopped"), "{failed:?}");
    assert!(parts.iter().any(|(_, title)| title.starts_with("mourned: done")), "{parts:?}");
    let line = FLOW.lines().position(|line| line.contains("stage called")).unwrap() + 1;
    assert!(svg.contains(&format!("<g class=\"done\" data-place=\"flow.cascade:{line}:3\">")), "{svg}");
}

#[test]
fn a_resumed_run_is_drawn_as_it_ended_last() {
    let project = Project::new();
    let text = FLOW.replace("return inner", "stage read = needs(\"file\")\n  return \"$<inner>$<read>\"");
    let text = text.replace("\"c\" ->", "\"cgo on\" ->");
    project.write("flow.cascade", &text);
    assert!(!project.call(&["run", "flow.cascade", "main", "-q"]).status.success());
    let parts = recorded(&draw(&project, &["--run", "last"]));
    let failed: Vec<_> = parts.iter().filter(|(class, _)| class == "failed").collect();
    assert!(matches!(&failed[..], [(_, title)] if title.starts_with("called: failed: ")), "{parts:?}");

    project.write("file", "go on");
    let output = project.call(&["resume", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let parts = recorded(&draw(&project, &["--run", "last"]));
    assert!(parts.iter().all(|(class, _)| class == "done"), "{parts:?}");
}

#[test]
fn a_cascade_that_was_never_run_is_drawn_without_a_run() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    let output = project.call(&["graph", "flow.cascade", "main", "--format", "svg", "--run", "last"]);
    assert_eq!(stderr(&output), "note: no run of `main` is recorded: the picture shows none\n");
    assert_eq!(stdout(&output), draw(&project, &[]));
    let output = project.call(&["graph", "flow.cascade", "main", "--run", "last"]);
    assert!(stderr(&output).contains("only an SVG can show a run"), "{}", stderr(&output));
}

#[test]
fn a_run_of_another_cascade_is_refused() {
    let project = Project::new();
    project.write("flow.cascade", FLOW);
    let output = project.call(&["run", "flow.cascade", "child", "-q", "--input", "what=x"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let id = project.store().runs().unwrap().remove(0).id;
    let output = project.call(&["graph", "flow.cascade", "main", "--format", "svg", "--run", &id]);
    assert!(stderr(&output).contains(&format!("the run {id} is one of `child`")), "{}", stderr(&output));
}
