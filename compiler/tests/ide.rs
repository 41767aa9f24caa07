//! Editor questions over every program of the project: each name resolves to its definition, each
//! use is found from it, each expression has a type.

#![allow(clippy::unwrap_used, clippy::panic)] // a test says what went wrong by failing

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use cascade_compiler::{
    Analysis, Compilation, FileSources, MemorySources, Options, Severity, SourceId, compile_with,
    ide::{Place, TokenKind, definition, references, semantic_tokens, type_at, type_of},
};
use cascade_grammar::ast::Span;

fn analyse(name: &str, text: &str) -> Compilation {
    let compiled = compile_with(name, Arc::from(text), &FileSources, Options { index: true, ..Options::default() });
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
    compiled
}

fn analyse_files(files: &[(&str, &str)]) -> Compilation {
    let mut sources = MemorySources::default();
    for (name, text) in files {
        sources.insert(name, text);
    }
    let (name, text) = files[0];
    let compiled = compile_with(name, Arc::from(text), &sources, Options { index: true, ..Options::default() });
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
    compiled
}

/// Every program that has no errors, and the standard library.
fn all_programs() -> Vec<Compilation> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["examples", "tests/run", "tests/gauntlet", "tests/chaos", "tests/cmd"] {
        support::programs_below(&root.join(folder), &mut files);
    }
    files.sort();
    let mut compiled: Vec<Compilation> = files
        .iter()
        .filter_map(|file| {
            let text = fs::read_to_string(file).ok()?;
            let compiled = compile_with(
                &file.to_string_lossy(),
                text.into(),
                &FileSources,
                Options { index: true, ..Options::default() },
            );
            (!compiled.has_failed()).then_some(compiled)
        })
        .collect();
    assert!(compiled.len() > 80, "{} programs", compiled.len());
    let imports: String =
        cascade_stdlib::modules().iter().filter(|m| **m != "std.prelude").map(|m| format!("import {m}\n")).collect();
    let text = format!("{imports}cascade main() {{}}\n");
    compiled.push(compile_with(
        "all.cascade",
        text.into(),
        &FileSources,
        Options { index: true, ..Options::default() },
    ));
    compiled
}

/// Every `Name` of a tree, taken from how the tree prints itself: no walk can forget one.
fn names_of(analysis: &Analysis, source: SourceId) -> Vec<(String, Span)> {
    let printed = format!("{:?}", analysis.parse(source).unwrap().file);
    let mut names = Vec::new();
    for part in printed.split("Name { text: \"").skip(1) {
        let (text, rest) = part.split_once("\", span: Span { start: ").unwrap();
        let (start, rest) = rest.split_once(", end: ").unwrap();
        let (end, _) = rest.split_once(' ').unwrap();
        names.push((text.to_owned(), Span { start: start.parse().unwrap(), end: end.parse().unwrap() }));
    }
    names
}

fn at(compiled: &Compilation, place: Place) -> String {
    let source = compiled.sources.get(place.source);
    let (line, column) = source.position(place.span.start);
    let text = source.text.get(place.span.range()).unwrap_or_default();
    format!("{}:{line}:{column} `{text}`", source.name)
}

#[test]
fn every_name_resolves_and_is_found_from_its_definition() {
    let mut wrong = BTreeSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for compiled in all_programs() {
        let analysis = &*compiled.analysis;
        for (source, _) in compiled.sources.iter() {
            for (text, span) in names_of(analysis, source) {
                if text.is_empty() {
                    continue;
                }
                let here = Place { source, span };
                let Some(found) = definition(analysis, source, span.start) else {
                    wrong.insert(format!("nothing is known of {}", at(&compiled, here)));
                    continue;
                };
                *kinds.entry(found.what).or_default() += 1;
                if found.name != span {
                    wrong.insert(format!("another name is found at {}", at(&compiled, here)));
                }
                let given = found.what.starts_with("a built-in")
                    || matches!(found.what, "a word of the language" | "a key" | "a module" | "a field");
                if found.places.is_empty() && !given {
                    wrong.insert(format!("{} has no definition: {}", found.what, at(&compiled, here)));
                }
                // From each definition this use is found.
                for place in &found.places {
                    if found.what == "a module" {
                        continue;
                    }
                    let named = compiled.sources.get(place.source).text.get(place.span.range()) == Some(text.as_str());
                    let from = references(analysis, place.source, place.span.start);
                    if named && !from.iter().any(|r| r.place == here) {
                        wrong.insert(format!("{} is not found from {}", at(&compiled, here), at(&compiled, *place)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
    // The programs have every kind of name.
    for kind in [
        "a type",
        "a model",
        "a route",
        "a skill",
        "a fn",
        "a memory",
        "a cascade",
        "a module",
        "a field",
        "a variant",
        "a key of a memory",
        "a parameter",
        "a variable",
        "a built-in type",
        "a built-in function",
        "a built-in method",
    ] {
        assert!(kinds.get(kind).is_some_and(|n| *n > 0), "no program names {kind}: {kinds:?}");
    }
}

#[test]
fn every_expression_has_a_type() {
    let mut wrong = BTreeSet::new();
    let mut count = 0;
    for compiled in all_programs() {
        let analysis = &*compiled.analysis;
        for (source, _) in compiled.sources.iter() {
            let printed = format!("{:#?}", analysis.parse(source).unwrap().file);
            for span in expressions(&printed) {
                count += 1;
                let found = type_of(analysis, source, span);
                // The name of a fn stands for a function, and functions are no values.
                if definition(analysis, source, span.start).is_some_and(|d| d.what == "a fn" && d.name == span) {
                    continue;
                }
                if found.is_none_or(|f| f.ty.is_empty()) {
                    wrong.insert(format!("no type at {}", at(&compiled, Place { source, span })));
                }
            }
        }
    }
    assert!(count > 3_000, "{count} expressions");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The spans of the values of a tree, from how it prints itself: of every `Expr` but those that
/// are no values (names of modules, enums and callees; words of settings; lambdas).
fn expressions(printed: &str) -> Vec<Span> {
    let lines: Vec<&str> = printed.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    // The settings and attributes around a line, by their indentation.
    let mut around: Vec<usize> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        while around.last().is_some_and(|depth| indent(line) <= *depth) {
            around.pop();
        }
        if ["ModelDecl {", "McpDecl {", "Attribute {"].iter().any(|word| line.contains(word)) {
            around.push(indent(line));
        }
        if line.trim().rsplit(' ').nth(1) != Some("Expr") {
            continue;
        }
        let role = line.trim().split_once(": ").map_or("", |(role, _)| role);
        let kind = lines[at + 1].trim();
        let deeper = indent(line) + 4;
        if matches!(role, "callee" | "receiver") || kind.starts_with("kind: Lambda") || !around.is_empty() {
            continue;
        }
        let span = lines[at..].iter().position(|l| indent(l) == deeper && l.trim() == "span: Span {").unwrap() + at;
        let number = |line: &str| line.trim().trim_end_matches(',').rsplit(' ').next().unwrap().parse().unwrap();
        found.push(Span { start: number(lines[span + 1]), end: number(lines[span + 2]) });
    }
    found
}

/// Offsets of the marks `‹n›` in a text, and the text without them.
fn marked(text: &str) -> (String, BTreeMap<u32, u32>) {
    let (mut out, mut marks, mut rest) = (String::new(), BTreeMap::new(), text);
    while let Some((before, after)) = rest.split_once('‹') {
        out.push_str(before);
        let (number, after) = after.split_once('›').unwrap();
        marks.insert(number.parse().unwrap(), out.len() as u32);
        rest = after;
    }
    out.push_str(rest);
    (out, marks)
}

#[test]
fn names_resolve_wherever_they_stand() {
    // Each odd mark stands before a use of what the even mark before it defines.
    let (text, marks) = marked(
        r#"import "./lib.cascade" { Report, size as length }
import std.testing as testing

type Config {
  ‹10›limit: int
}

enum State {
  ‹20›ready
  ‹22›failed { ‹24›reason: string }
}

memory notes: run {
  ‹30›seen: int = 0
}

skill ‹40›greet(‹42›who: string, times: int = 1) -> string {
  run sh"echo $<‹43›who> $<times>"
}

skill think(‹44›topic: string) -> string {
  prompt "About $<‹45›topic>."
}

fn describe(‹50›state: State) -> string = match ‹51›state {
  ‹21›ready -> "ready"
  ‹23›failed { ‹25›reason: ‹52›why } -> ‹53›why
}

cascade main(‹60›name: string) -> string {
  let ‹62›config: Config = { ‹11›limit: 3 }
  stage ‹64›hello = ‹41›greet(‹46›who: ‹61›name)
  stage both = parallel {
    stage ‹70›left = greet(name)
    stage right = think(hello)
  }
  var ‹72›total = 0
  for ‹74›item in [1, 2] {
    ‹73›total += ‹75›item
  }
  notes.‹31›seen = ‹76›total
  let long = [‹63›config.‹12›limit].map(|‹78›x| ‹79›x + 1)
  log "$<‹65›hello> $<both.‹71›left> $<long>"
  let state: State = failed(‹26›reason: "no")
  return describe(state)
}

test "says hello" {
  mock ‹47›greet -> "hi"
  mock think -> "ho"
  run main("you")
  expect stage ‹66›hello ran
  expect result == "no"
}
"#,
    );
    let lib = "type Report {\n  title: string\n}\n\nfn size(report: Report) -> int = report.title.len()\n";
    let compiled = analyse_files(&[("main.cascade", &text), ("./lib.cascade", lib), ("lib.cascade", lib)]);
    let analysis = &*compiled.analysis;
    let source = compiled.sources.iter().find(|(_, s)| s.name == "main.cascade").unwrap().0;
    let uses = [
        (10, 11),
        (10, 12),
        (20, 21),
        (22, 23),
        (24, 25),
        (24, 26),
        (30, 31),
        (40, 41),
        (42, 43),
        (42, 46),
        (40, 47),
        (44, 45),
        (50, 51),
        (52, 53),
        (60, 61),
        (62, 63),
        (64, 65),
        (64, 66),
        (70, 71),
        (72, 73),
        (72, 76),
        (74, 75),
        (78, 79),
    ];
    for (defined, used) in uses {
        let (at_definition, at_use) = (marks[&defined], marks[&used]);
        let found = definition(analysis, source, at_use).unwrap_or_else(|| panic!("mark {used}: nothing"));
        let starts: Vec<u32> = found.places.iter().map(|p| p.span.start).collect();
        assert_eq!(starts, [at_definition], "mark {used} is {}", found.what);
        let all = references(analysis, source, at_definition);
        assert!(all.iter().any(|r| r.place.span.start == at_use && !r.definition), "mark {used} from {defined}");
        assert!(all.iter().any(|r| r.place.span.start == at_definition && r.definition), "mark {defined} itself");
    }
}

#[test]
fn imports_and_aliases_lead_to_the_other_file() {
    let main = "import \"./lib.cascade\" { size as length, Report }\nimport \"./lib.cascade\" as lib\n\ncascade main() -> \
                int {\n  let report: Report = { title: \"a\" }\n  return length(report) + lib.size(report)\n}\n";
    let lib = "type Report {\n  title: string\n}\n\nfn size(report: Report) -> int = report.title.len()\n";
    let compiled = analyse_files(&[("main.cascade", main), ("lib.cascade", lib)]);
    let analysis = &*compiled.analysis;
    let source = |name: &str| compiled.sources.iter().find(|(_, s)| s.name == name).unwrap().0;
    let (main_file, lib_file) = (source("main.cascade"), source("lib.cascade"));
    let declared = lib.find("size").unwrap() as u32;
    let mut uses: Vec<u32> = vec![];
    for (word, from) in [("size as", 0), ("length,", 0), ("length(", 0), ("size(report)\n", 0)] {
        uses.push((main[from..].find(word).unwrap() + from) as u32);
    }
    for at_use in &uses {
        let found = definition(analysis, main_file, *at_use).unwrap();
        assert_eq!(found.what, "a fn");
        assert_eq!(found.places.len(), 1);
        assert_eq!((found.places[0].source, found.places[0].span.start), (lib_file, declared));
    }
    let all = references(analysis, lib_file, declared);
    let in_main: Vec<u32> = all.iter().filter(|r| r.place.source == main_file).map(|r| r.place.span.start).collect();
    uses.sort_unstable();
    assert_eq!(in_main, uses);
    // The field of the other file, from a literal of this one.
    let key = main.find("title").unwrap() as u32;
    let field = definition(analysis, main_file, key).unwrap();
    assert_eq!((field.what, field.places[0].source), ("a field", lib_file));
    // The name of a module leads to its file.
    let module = definition(analysis, main_file, main.find("lib.size").unwrap() as u32).unwrap();
    assert_eq!((module.what, module.places[0].source), ("a module", lib_file));
}

#[test]
fn types_are_those_before_conversion() {
    let text = "skill ask_model(q: string) -> string {\n  prompt \"$<q>\"\n}\n\ncascade main(token: secret, n: int?) {\n  \
                let x: float = 1\n  stage answer = ask_model(\"a\")\n  let said = answer.trim()\n  if n != null {\n    \
                log \"$<n> $<x> $<said>\"\n  }\n  let kept = [token]\n  log \"$<kept.len()>\"\n}\n";
    let compiled = analyse("types.cascade", text);
    let analysis = &*compiled.analysis;
    let source = compiled.sources.iter().find(|(_, s)| s.name == "types.cascade").unwrap().0;
    let ask = |word: &str, skip: usize| {
        let at = text.find(word).unwrap() + skip;
        type_at(analysis, source, at as u32).unwrap()
    };
    assert_eq!(ask("= 1", 2).ty, "int");
    assert_eq!(ask("x: float", 0).ty, "float");
    let said = ask("answer.trim", 8);
    assert_eq!((said.ty.as_str(), said.untrusted, said.secret), ("string", true, false));
    assert!(!ask("\"a\"", 1).untrusted);
    assert_eq!(ask("n != null", 0).ty, "int?");
    // A test has narrowed it.
    assert_eq!(ask("$<n>", 2).ty, "int");
    let kept = ask("kept", 0);
    assert_eq!((kept.ty.as_str(), kept.secret), ("list<secret>", true));
    assert_eq!(ask("[token]", 1).ty, "secret");
}

#[test]
fn tokens_are_apart_and_in_order() {
    let mut programs = 0;
    for compiled in all_programs() {
        for (source, file) in compiled.sources.iter() {
            let mut end = 0;
            for token in semantic_tokens(&compiled.analysis, source, &file.text) {
                let text = file.text.get(token.span.range());
                assert!(
                    token.span.start >= end && text.is_some_and(|t| !t.is_empty()),
                    "{}: {token:?} {text:?}",
                    file.name
                );
                end = token.span.end;
                programs += usize::from(token.kind == TokenKind::ShellProgram);
            }
        }
    }
    assert!(programs > 300, "{programs} programs in commands");
}
