//! The files in `editors/` agree with the lexer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::Value;

const TEXTMATE: &str = include_str!("../../editors/textmate/cascade.tmLanguage.json");
const WORDS: &str = include_str!("../../grammar/src/lexer/words.rs");

/// The words of the first table of the lexer: those that are reserved, or clauses.
fn lexer_words() -> BTreeSet<&'static str> {
    let table = WORDS.split("match word {").nth(1).unwrap().split("_ => Plain").next().unwrap();
    table
        .lines()
        .filter_map(|line| line.split_once("=>"))
        .flat_map(|(words, _)| words.split('"').skip(1).step_by(2))
        .collect()
}

/// The words of every pattern `…\b(a|b|c)\b…` of a rule.
fn grammar_words<'g>(grammar: &'g Value, rule: &str) -> BTreeSet<&'g str> {
    let patterns = grammar["repository"][rule]["patterns"].as_array().unwrap();
    let regexes = patterns.iter().map(|pattern| pattern["match"].as_str().unwrap());
    regexes
        .flat_map(|regex| regex.split("\\b(").skip(1))
        .flat_map(|rest| rest.split(')').next().unwrap().split('|'))
        .collect()
}

#[test]
fn textmate_knows_every_word_of_the_lexer() {
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    assert_eq!(grammar["scopeName"], "source.cascade");
    let mut known = grammar_words(&grammar, "keywords");
    known.extend(grammar_words(&grammar, "words"));
    let words = lexer_words();
    assert!(words.len() > 35, "{words:?}");
    let missing: Vec<_> = words.difference(&known).collect();
    assert!(missing.is_empty(), "editors/textmate does not know {missing:?}");
}

/// Names must not be coloured as keywords.
#[test]
fn textmate_does_not_colour_names_as_keywords() {
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    for word in grammar_words(&grammar, "keywords") {
        let parse = cascade_grammar::parse(&format!("cascade main() {{\n  let {word} = 1\n}}\n"));
        assert!(!parse.errors.is_empty(), "`{word}` is a name");
    }
}

#[test]
fn textmate_includes_only_existing_rules() {
    fn visit(value: &Value, known: &Value) {
        if let Some(name) = value.get("include").and_then(Value::as_str) {
            let name = name.trim_start_matches('#');
            assert!(known.get(name).is_some(), "there is no rule {name}");
        }
        let list = value.as_array().into_iter().flatten();
        list.chain(value.as_object().into_iter().flat_map(|o| o.values())).for_each(|v| visit(v, known));
    }
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    visit(&grammar, &grammar["repository"]);
}

#[test]
fn the_vscode_extension_is_complete() {
    let package: Value = serde_json::from_str(include_str!("../../editors/vscode/package.json")).unwrap();
    let language = &package["contributes"]["languages"][0];
    assert_eq!((&language["id"], &language["extensions"][0]), (&"cascade".into(), &".cascade".into()));
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let configuration = include_str!("../../editors/vscode/language-configuration.json");
    serde_json::from_str::<Value>(configuration).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../editors/vscode/src");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let code: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for command in package["contributes"]["commands"].as_array().unwrap() {
        let name = command["command"].as_str().unwrap();
        assert!(code.contains(&format!("\"{name}\"")), "nothing registers {name}");
    }
}
