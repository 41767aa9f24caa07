//! `docs/language-sheet.md` is current, complete and short. Its programs are checked by `tests/docs.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    sync::Arc,
};

use cascade_compiler::{FileSources, Options, SourceId, compile_with, ide::type_of, render};
use cascade_grammar::ast::Span;
use cascade_runtime::{RunOptions, inputs_from_json, run_blocking, to_json};
use cascade_tests::{
    language_sheet::{Evaluated, Facts, VALUES, methods, write_sheet},
    programs::repository_root,
};
use serde_json::json;

fn read_file(path: &str) -> String {
    fs::read_to_string(repository_root().join(path)).unwrap()
}

/// Words in quotes between two places of a source file.
fn quoted_words(file: &str, from: &str, to: &str) -> Vec<String> {
    let text = read_file(file);
    let part = text.split_once(from).unwrap_or_else(|| panic!("{file}: `{from}` is gone")).1;
    let part = part.split_once(to).unwrap_or_else(|| panic!("{file}: `{to}` is gone")).0;
    part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn examples() -> Vec<&'static str> {
    methods().iter().flat_map(|m| m.examples.lines()).filter(|line| !line.is_empty()).collect()
}

/// JSON on one line.
fn compact(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text).unwrap().to_string()
}

/// Compiles and runs all examples in one program.
fn evaluate(examples: &[&'static str]) -> HashMap<&'static str, Evaluated> {
    let mut text = format!("{VALUES}\ncascade main(at: time) -> list<string> {{\n");
    let mut places = Vec::new();
    for (n, example) in examples.iter().enumerate() {
        text.push_str(&format!("  let value_{n} = "));
        let start = text.len();
        text.push_str(example);
        let span = Span { start: u32::try_from(start).unwrap(), end: u32::try_from(text.len()).unwrap() };
        places.push(span);
        text.push('\n');
    }
    let values: Vec<String> = (0..examples.len()).map(|n| format!("\"$<value_{n} as json>\"")).collect();
    text.push_str(&format!("  return [{}]\n}}\n", values.join(", ")));
    let compiled =
        compile_with("examples.cascade", Arc::from(text), &FileSources, Options { index: true, ..Options::default() });
    let shown = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Short, false);
    let program = compiled.program.as_ref().unwrap_or_else(|| panic!("{shown}"));
    let given = json!({ "at": "2026-03-01T23:00:00Z" });
    let inputs = inputs_from_json(program, program.entries[0], given.as_object().unwrap()).unwrap();
    let outcome = run_blocking(program, program.entries[0], inputs, RunOptions::default());
    let values = to_json(&outcome.result.unwrap());
    let source: SourceId = compiled.sources.iter().find(|(_, s)| &*s.name == "examples.cascade").unwrap().0;
    let evaluated = examples.iter().enumerate().map(|(n, example)| {
        let ty = type_of(&compiled.analysis, source, places[n]).unwrap_or_else(|| panic!("`{example}` has no type")).ty;
        (*example, Evaluated { ty, value: compact(values[n].as_str().unwrap()) })
    });
    evaluated.collect()
}

fn sheet() -> String {
    let evaluated = evaluate(&examples());
    let library: Vec<(&str, &str)> =
        cascade_stdlib::modules().iter().map(|name| (*name, cascade_stdlib::source(name).unwrap())).collect();
    let functions = quoted_words("compiler/src/builtins.rs", "const FREE_FUNCTIONS", "];");
    let reserved = read_file("grammar/src/lexer/words.rs");
    let reserved = reserved.split("match word {").nth(1).unwrap().split("_ => Plain").next().unwrap();
    let reserved = reserved.lines().filter(|line| line.contains("Reserved("));
    let reserved = reserved.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect();
    let facts = Facts {
        read: &read_file,
        evaluated: &evaluated,
        functions: functions.into_iter().filter(|form| form.contains('(')).collect(),
        reserved,
        library,
    };
    write_sheet(&facts).unwrap()
}

#[test]
fn the_sheet_is_current_and_short() {
    let page = repository_root().join("docs/language-sheet.md");
    let wanted = sheet();
    if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
        fs::write(&page, &wanted).unwrap();
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    let stale =
        "docs/language-sheet.md is stale: CASCADE_WRITE_DOCS=1 cargo test -p cascade-tests --test language_sheet";
    assert!(found == wanted, "{stale}");
    // About 15,000 tokens of a model.
    assert!(wanted.len() < 50_000, "the sheet has {} characters", wanted.len());
}

#[test]
fn every_method_has_an_example() {
    let mut missing = BTreeSet::new();
    for section in methods() {
        let names = quoted_words("compiler/src/builtins.rs", &format!("const {}: ", section.constant), "];");
        assert!(!names.is_empty(), "{}", section.constant);
        missing.extend(names.into_iter().filter(|name| !section.examples.contains(&format!(".{name}("))));
    }
    let all = quoted_words("compiler/src/builtins.rs", "const LIST", "pub(crate) fn");
    let sheet = sheet();
    missing.extend(all.into_iter().filter(|name| !sheet.contains(&format!(".{name}("))));
    assert!(missing.is_empty(), "no example of {missing:?} in tests/src/language_sheet/methods.txt");
}

/// Every word and every public declaration of the library is on the sheet.
#[test]
fn the_sheet_has_every_word() {
    let sheet = sheet();
    let words: BTreeSet<&str> = sheet.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let mut wanted = quoted_words("compiler/src/builtins.rs", "BASIC_TYPE_NAMES", "];");
    wanted.extend(quoted_words("compiler/src/body/error_kind.rs", "const KINDS", "];"));
    wanted.extend(quoted_words("compiler/src/builtins.rs", "const PERSON_FUNCTIONS", ";"));
    wanted.extend(quoted_words("grammar/src/lexer/words.rs", "fn error_action", "\n}"));
    for (name, text) in cascade_stdlib::modules().iter().map(|name| (name, cascade_stdlib::source(name).unwrap())) {
        let declared = text.lines().filter_map(|line| line.split_once(' ')).filter_map(|(word, rest)| {
            let declares = ["skill", "cascade", "fn", "type", "enum", "model", "route"].contains(&word);
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            (declares && !name.starts_with('_')).then_some(name)
        });
        let declared: Vec<String> = declared.collect();
        assert!(!declared.is_empty(), "{name}");
        wanted.extend(declared);
    }
    let missing: Vec<&String> = wanted.iter().filter(|w| !w.is_empty() && !words.contains(w.as_str())).collect();
    assert!(missing.is_empty(), "the sheet does not have {missing:?}");
}
