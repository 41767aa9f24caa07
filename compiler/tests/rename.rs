//! Renaming every symbol of the examples and back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a test says what went wrong by failing

use std::{collections::BTreeSet, fs, path::Path};

use cascade_compiler::{
    Compilation, MemorySources, Options, Severity, SourceId, compile_with,
    ide::{Analysed, Change, prepare_rename, rename},
};
use cascade_grammar::TokenClass;

fn compile(name: &str, text: &str) -> Compilation {
    let sources = MemorySources::one(name, text);
    compile_with(name, text.into(), &sources, Options { index: true, ..Options::default() })
}

fn analysed(compiled: &Compilation) -> Analysed<'_> {
    Analysed { analysis: &compiled.analysis, sources: &compiled.sources, diagnostics: &compiled.diagnostics }
}

fn source_of(compiled: &Compilation, name: &str) -> SourceId {
    compiled.sources.iter().find(|(_, source)| source.name == name).unwrap().0
}

fn rename_in(name: &str, text: &str, at: u32, new: &str) -> Result<Vec<Change>, String> {
    let compiled = compile(name, text);
    let sources = MemorySources::one(name, text);
    rename(analysed(&compiled), &[], source_of(&compiled, name), at, new, &sources)
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for change in changes.iter().rev() {
        text.replace_range(change.span.range(), &change.text);
    }
    text
}

fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples");
    let mut found = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cascade") {
                found.push((path.to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_symbol_of_the_examples_is_renamed_and_back() {
    let (mut renamed, mut refused) = (0, Vec::new());
    for (name, text) in examples() {
        let compiled = compile(&name, &text);
        let source = source_of(&compiled, &name);
        let mut seen = BTreeSet::new();
        for token in compiled.analysis.parse(source).unwrap().tokens.iter().filter(|t| t.class() == TokenClass::Name) {
            let at = token.span().start;
            let definitions = cascade_compiler::ide::definition(&compiled.analysis, source, at);
            let Some(first) = definitions.and_then(|d| d.places.first().copied()) else { continue };
            if prepare_rename(analysed(&compiled), source, at).is_err() || !seen.insert(first) {
                continue;
            }
            let old = text[token.span().range()].to_owned();
            let new = if old.starts_with(char::is_uppercase) { "Unheard" } else { "unheard_of" };
            match rename_in(&name, &text, at, new) {
                Err(why) => refused.push(format!("{name}: `{old}`: {why}")),
                Ok(changes) => {
                    let between = apply(&text, &changes);
                    let errors = compile(&name, &between).diagnostics;
                    let errors: Vec<_> = errors.iter().filter(|d| d.severity == Severity::Error).collect();
                    assert!(errors.is_empty(), "{name}: `{old}`: {errors:?}\n{between}");
                    let shift: i64 = changes
                        .iter()
                        .filter(|change| change.span.start < at)
                        .map(|change| change.text.len() as i64 - i64::from(change.span.end - change.span.start))
                        .sum();
                    let there = (i64::from(at) + shift) as u32;
                    let back = rename_in(&name, &between, there, &old).unwrap_or_else(|why| panic!("{old}: {why}"));
                    let changed_back = apply(&between, &back);
                    // A pattern that names a field and a variable keeps both.
                    if !changes.iter().any(|change| change.text.contains(": ")) {
                        assert_eq!(changed_back, text, "{name}: `{old}`");
                    }
                    renamed += 1;
                }
            }
        }
    }
    println!("{renamed} renamed, refused: {refused:#?}");
    assert!(renamed > 120, "{renamed}");
    // A record that is written without its type has the fields of that type: other records with such fields would not
    // fit any more. All others can be renamed.
    let fields = ["`region`", "`orders`", "`revenue`", "`best_product`"];
    let others: Vec<_> = refused.iter().filter(|why| !fields.iter().any(|field| why.contains(field))).collect();
    assert!(others.is_empty() && refused.len() <= 8, "{refused:#?}");
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    let text =
        "fn twice(n: int) -> int = n * 2\n\ncascade main(n: int) -> int {\n  let m = twice(n)\n  return m + n\n}\n";
    let at = |needle: &str| text.find(needle).unwrap() as u32;
    assert!(rename_in("a.cascade", text, at("m ="), "n").unwrap_err().contains("clash"));
    assert!(rename_in("a.cascade", text, at("m ="), "let").unwrap_err().contains("no name"));
    assert!(rename_in("a.cascade", text, at("m ="), "a b").unwrap_err().contains("no name"));
    assert!(rename_in("a.cascade", text, at("twice"), "main").unwrap_err().contains("clash"));
    assert!(rename_in("a.cascade", text, at("int)"), "whole").unwrap_err().contains("language"));
    assert!(rename_in("a.cascade", text, at("{"), "x").unwrap_err().contains("no name here"));
    assert_eq!(rename_in("a.cascade", text, at("m ="), "sum").unwrap().len(), 2);
}

#[test]
fn names_are_renamed_across_files() {
    let lib = "type Report {\n  title: string\n}\n\nfn size(report: Report) -> int = report.title.len()\n";
    let main =
        "import \"./lib.cascade\" { Report, size as length }\n\nfn f(r: Report) -> int = length(r) + r.title.len()\n";
    let mut sources = MemorySources::one("lib.cascade", lib);
    sources.insert("main.cascade", main);
    let options = Options { index: true, ..Options::default() };
    let importer = compile_with("main.cascade", main.into(), &sources, options);
    let imported = compile_with("lib.cascade", lib.into(), &sources, options);
    let source = source_of(&imported, "lib.cascade");
    let count = |changes: &[Change], file: &str| changes.iter().filter(|change| change.file == file).count();
    let ask = |needle: &str, new: &str| {
        let at = lib.find(needle).unwrap() as u32;
        rename(analysed(&imported), &[analysed(&importer)], source, at, new, &sources).unwrap()
    };
    let title = ask("title", "heading");
    assert_eq!((count(&title, "lib.cascade"), count(&title, "main.cascade")), (2, 1));
    // The alias keeps its name.
    let size = ask("size", "measure");
    assert_eq!((count(&size, "lib.cascade"), count(&size, "main.cascade")), (1, 1));
}

#[test]
fn a_field_that_a_pattern_takes_keeps_its_variable() {
    let text = "type P {\n  x: int\n}\n\nfn f(p: P) -> int {\n  let { x } = p\n  x + 1\n}\n";
    let field = rename_in("a.cascade", text, text.find("x: int").unwrap() as u32, "across").unwrap();
    assert!(apply(text, &field).contains("let { across: x } = p\n  x + 1"), "{}", apply(text, &field));
    let variable = rename_in("a.cascade", text, text.find("x + 1").unwrap() as u32, "y").unwrap();
    assert!(apply(text, &variable).contains("let { x: y } = p\n  y + 1"), "{}", apply(text, &variable));
}
