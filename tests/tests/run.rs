//! Whole programs have the result or the failure that is written at their head; see `README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, fs, path::Path, thread};

use cascade_compiler::{FileSources, compile, render};
use cascade_ir::Program;
use cascade_runtime::{RunOptions, inputs_from_json, run_blocking as run, to_json};
use cascade_tests::{
    headers::{Header, read_header},
    programs::{programs_below, shown_path},
};
use serde_json::{Map, Value as Json, json};

/// The outcome of a program: its result, or the kind and message of its failure.
type Outcome = Result<Json, (String, String)>;

fn compile_program(name: &str, text: &str) -> Result<Program, String> {
    let compiled = compile(name, text.into(), &FileSources);
    let format = render::Format::Human;
    compiled.program.ok_or_else(|| render::render(&compiled.diagnostics, &compiled.sources, format, false))
}

fn run_program(program: &Program, header: &Header, folder: &Path) -> (Outcome, Vec<String>) {
    let mut inputs: Map<String, Json> = match &header.input {
        Some(text) => serde_json::from_str(text).expect("the input is JSON"),
        None => Map::new(),
    };
    let server = (!header.server.is_empty()).then(|| cascade_tests::server::serve(header.server.clone()));
    if let Some((url, _)) = &server {
        inputs.insert("url".into(), json!(url));
    }
    let name = |id: &cascade_ir::CascadeId| program.cascades[id.index()].name == "main";
    let main = program.entries.iter().copied().find(name).expect("there is a cascade `main`");
    let inputs = match inputs_from_json(program, main, &inputs) {
        Ok(inputs) => inputs,
        Err(errors) => {
            let said: Vec<_> = errors.into_iter().map(|e| format!("{}: {}", e.input, e.message)).collect();
            return (Err(("inputs".into(), said.join("; "))), Vec::new());
        }
    };
    let options = RunOptions { cwd: Some(folder.to_path_buf()), ..RunOptions::default() };
    let outcome = run(program, main, inputs, options);
    let result = match outcome.result {
        Ok(value) => Ok(to_json(&value)),
        Err(failure) => Err((cascade_runtime::failure::kind_name(failure.kind).to_string(), failure.message)),
    };
    // A server that expects more requests would wait without end.
    let asked = server.map(|(_, thread)| thread.join().unwrap()).unwrap_or_default();
    (result, asked)
}

fn read_files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    entries
        .map(|e| (e.file_name().to_string_lossy().into_owned(), fs::read_to_string(e.path()).unwrap_or_default()))
        .collect()
}

/// Runs one program; returns how it differs from its head.
fn check_program(path: &Path) -> Option<String> {
    let name = shown_path(path);
    let text = fs::read_to_string(path).unwrap();
    let header = read_header(&text);
    let folder = tempfile::tempdir().unwrap();
    let program = match compile_program(&name, &text) {
        Ok(program) => program,
        Err(said) => return Some(said),
    };
    let (found, _) = run_program(&program, &header, folder.path());
    let fits = match (&header.result, &header.fails, &found) {
        (Some(expected), None, Ok(found)) => serde_json::from_str::<Json>(expected).unwrap() == *found,
        (None, Some((kind, message)), Err((k, m))) => kind == k && m.contains(message),
        _ => false,
    };
    if !fits {
        let found = found.map(|json| json.to_string());
        return Some(format!("{name}: expected {:?} {:?}\n  found {found:?}", header.result, header.fails));
    }
    let left = read_files(folder.path());
    match header.files {
        Some(expected) if left != expected.iter().cloned().collect() => {
            Some(format!("{name}: expected the files {expected:?}, found {left:?}"))
        }
        _ => None,
    }
}

#[test]
fn programs_have_the_outcome_at_their_head() {
    let all = programs_below("tests/run").unwrap();
    assert!(all.len() >= 60, "only {} programs were found", all.len());
    // Four at once, since they mostly wait for other processes.
    let wrong: Vec<String> = thread::scope(|scope| {
        let parts: Vec<_> = (0..4)
            .map(|n| all.iter().skip(n).step_by(4).collect::<Vec<_>>())
            .map(|part| scope.spawn(move || part.into_iter().filter_map(|p| check_program(p)).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|p| p.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn http_requests_are_sent_as_declared() {
    let path = programs_below("tests/run").unwrap().into_iter().find(|p| p.ends_with("http.cascade")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (_, asked) = run_program(&compile_program("http.cascade", &text).unwrap(), &read_header(&text), folder.path());
    assert!(asked[0].starts_with("GET /v1/a%20b%2F%C3%BC%3F?units=metric&day=3 HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].to_lowercase().contains("accept: application/json"), "{}", asked[0]);
    assert!(asked[1].starts_with("POST /numbers HTTP/1.1") && asked[1].ends_with("{\"wanted\":3}"), "{}", asked[1]);
    assert_eq!(asked.len(), 4);
}
