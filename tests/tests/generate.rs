//! `cascadec generate`, against models that write well, badly and never.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::{
    fs,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use models::{Model, Said};
use project::{Project, stderr, stdout};
use serde_json::{Value as Json, json};

const GOOD: &str = "skill greet(name: string) -> string {\n  run sh\"echo hello $<name>\"\n}\n\ncascade main(name: string = \"world\") -> string {\n    stage said = greet(name)\n  return said\n}\n";
const BAD: &str = "cascade main() -> string {\n  return 3\n}\n";

/// An answer in the dialect of Anthropic, whose structured answer is the input of a tool.
fn draft(program: &str) -> Said {
    let input = json!({ "program": program, "explanation": "It greets somebody." });
    let body = json!({
        "content": [{ "type": "tool_use", "id": "t", "name": "answer", "input": input }],
        "stop_reason": "tool_use",
        "usage": { "input_tokens": 1000, "output_tokens": 100 },
    });
    (200, String::new(), body.to_string())
}

/// Runs the command with a model that writes these programs, one after the other.
fn generate(project: &Project, programs: &'static [&'static str], args: &[&str]) -> (Output, Vec<Json>) {
    let next = Arc::new(AtomicUsize::new(0));
    let seen: Arc<std::sync::Mutex<Vec<Json>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let model = Model::start_with_bodies(move |body| {
        kept.lock().unwrap().push(body.clone());
        let index = next.fetch_add(1, Ordering::Relaxed).min(programs.len() - 1);
        draft(programs[index])
    });
    let args: Vec<&str> = ["generate", "greet somebody", "--model", "claude"].iter().chain(args).copied().collect();
    let output = project
        .command(&args)
        .env("ANTHROPIC_API_KEY", "key-of-the-test")
        .env("ANTHROPIC_BASE_URL", &model.url)
        .output()
        .unwrap();
    let bodies = seen.lock().unwrap().clone();
    (output, bodies)
}

fn prompt(body: &Json) -> String {
    body["messages"][0]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_good_program_is_formatted_explained_and_not_run() {
    let project = Project::new();
    fs::create_dir_all(project.path().join("skills/review")).unwrap();
    project.write("skills/review/SKILL.md", "---\nname: review\ndescription: Reviews texts.\n---\nDo it.\n");
    project.write("skills/greetings.cascade", "/// Waves.\nskill wave() {\n  run sh\"true\"\n}\n");
    let (output, bodies) = generate(&project, &[GOOD], &["-o", "hello.cascade", "--skills", "skills"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let text = fs::read_to_string(project.path().join("hello.cascade")).unwrap();
    assert!(text.contains("\n  stage said = greet(name)\n"), "formatted: {text}");
    for part in ["It greets somebody.", "main (hello.cascade:5), at most:", "nothing was run", "1.1k tokens, $0.0030"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!project.path().join(".cascade").exists(), "nothing was run");
    assert_eq!(bodies.len(), 1);
    // The model knows the language, the goal and the skills at hand.
    assert!(bodies[0]["system"].as_str().unwrap().contains("# Cascade on one sheet"));
    let asked = prompt(&bodies[0]);
    for part in [
        "greet somebody",
        "- skill_file \"./skills/review/SKILL.md\": name: review; description: Reviews texts.",
        "- skill `wave`, by import \"./skills/greetings.cascade\": Waves.",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    // A file is not replaced unasked.
    let (output, _) = generate(&project, &[GOOD], &["-o", "hello.cascade"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`hello.cascade` exists"), "{}", stderr(&output));
}

#[test]
fn mistakes_go_back_to_the_model() {
    let project = Project::new();
    let fenced: &'static str = Box::leak(format!("```cascade\n{GOOD}```").into_boxed_str());
    let programs: &'static [&'static str] = Box::leak(vec![BAD, fenced].into_boxed_slice());
    let (output, bodies) = generate(&project, programs, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(project.path().join("generated.cascade").exists());
    assert_eq!(bodies.len(), 2);
    let again = prompt(&bodies[1]);
    assert!(again.contains("return 3") && again.contains("[E0301] Error: expected `string`, found `int`"), "{again}");
}

#[test]
fn a_model_that_never_gets_it_right_is_stopped_and_its_draft_is_kept() {
    let project = Project::new();
    let (output, bodies) = generate(&project, &[BAD], &["--rounds", "3"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(bodies.len(), 3);
    assert!(
        said.contains("after 3 rounds the program still has mistakes; it is in `generated.cascade.draft`"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(project.path().join("generated.cascade.draft")).unwrap(), BAD.trim());
    assert!(!project.path().join("generated.cascade").exists());
}

#[test]
fn without_a_model_it_says_what_is_missing() {
    let project = Project::new();
    let output =
        project.command(&["generate", "greet", "--model", "claude"]).env_remove("ANTHROPIC_API_KEY").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("set `ANTHROPIC_API_KEY` (model `claude`)"), "{}", stderr(&output));
    let output = project.call(&["generate", "greet", "--model", "nobody"]);
    assert!(stderr(&output).contains("there is no model `nobody`"), "{}", stderr(&output));
    let output = project.call(&["generate"]);
    assert!(stderr(&output).contains("what shall the program do?"), "{}", stderr(&output));
    let output = project.call(&["generate", "--sheet"]);
    assert!(stdout(&output).starts_with("---\nname: cascade-language\n"));
}
