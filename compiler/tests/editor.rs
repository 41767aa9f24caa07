//! Questions of an editor at marked places of small files. `‸` marks a place; what is found there stands in the file
//! beside, which `CASCADE_WRITE_EDITOR=1` writes.
#![allow(clippy::unwrap_used, clippy::panic)] // a test says what went wrong by failing

use std::{fmt::Write, fs, path::Path};

use cascade_compiler::{
    MemorySources, Options, compile_with,
    ide::{Analysed, complete, definition, find_actions, hover, signature_help},
};

const MARK: char = '‸';

/// The answers at every mark of a text, a paragraph each.
fn answers(name: &str, marked: &str) -> (usize, String) {
    let text: String = marked.chars().filter(|c| *c != MARK).collect();
    let sources = MemorySources::one(name, &text);
    let compiled = compile_with(name, text.as_str().into(), &sources, Options { index: true, ..Options::default() });
    let source = compiled.sources.iter().find(|(_, source)| source.name == name).unwrap().0;
    let (mut out, mut marks) = (String::new(), 0);
    for (at, _) in marked.match_indices(MARK) {
        let at = (at - marks * MARK.len_utf8()) as u32;
        marks += 1;
        let (line, column) = compiled.sources.get(source).position(at);
        let line_start = text[..at as usize].rfind('\n').map_or(0, |newline| newline + 1);
        let shown = text[line_start..].lines().next().unwrap_or_default();
        let (before, after) = shown.split_at(at as usize - line_start);
        writeln!(out, "{line}:{column} {}{MARK}{after}", before.trim_start()).unwrap();
        let found = complete(name, &text, at, &sources, None).entries;
        let first: Vec<_> = found.iter().take(6).map(|e| e.insert.replace('\n', "\\n")).collect();
        writeln!(out, "  complete: {}", first.join(" · ")).unwrap();
        if let Some(found) = hover(&compiled.analysis, compiled.program.as_ref(), source, at) {
            writeln!(out, "  hover: {}", found.code.replace('\n', " ")).unwrap();
            for note in found.notes {
                writeln!(out, "    {note}").unwrap();
            }
        }
        if let Some(place) = definition(&compiled.analysis, source, at).and_then(|d| d.places.first().copied()) {
            let file = compiled.sources.get(place.source);
            let (line, column) = file.position(place.span.start);
            writeln!(out, "  definition: {}:{line}:{column}", file.name).unwrap();
        }
        let program =
            Analysed { analysis: &compiled.analysis, sources: &compiled.sources, diagnostics: &compiled.diagnostics };
        let cursor = cascade_grammar::ast::Span { start: at, end: at };
        for action in find_actions(program, source, cursor, &sources, &Vec::new) {
            writeln!(out, "  action: {}", action.title).unwrap();
        }
        if let Some(help) = signature_help(&compiled.analysis, source, at) {
            writeln!(out, "  call: {}, argument {:?}", help.label, help.active).unwrap();
        }
    }
    (marks, out)
}

#[test]
fn answers_at_marked_places() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/editor");
    let (mut marks, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "cascade") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (found, answers) = answers(&name, &fs::read_to_string(&path).unwrap());
        marks += found;
        let expected = path.with_extension("answers");
        if std::env::var_os("CASCADE_WRITE_EDITOR").is_some() {
            fs::write(&expected, &answers).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if expected != answers {
            let differs = expected.lines().zip(answers.lines()).find(|(a, b)| a != b);
            wrong.push(format!("{name}: {differs:?}"));
        }
    }
    assert!(marks >= 400, "{marks} places");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_completed_where_a_text_names_them() {
    let folder = std::env::temp_dir().join(format!("cascade-editor-{}", std::process::id()));
    fs::create_dir_all(folder.join("skills")).unwrap();
    fs::create_dir_all(folder.join("flows")).unwrap();
    for file in ["cascade.toml", "flows/lib.cascade", "skills/review.md", "notes.txt"] {
        fs::write(folder.join(file), "").unwrap();
    }
    let name = folder.join("flows/main.cascade").to_string_lossy().into_owned();
    let labels = |marked: &str| -> Vec<String> {
        let at = marked.find(MARK).unwrap() as u32;
        let found = complete(&name, &marked.replace(MARK, ""), at, &cascade_compiler::FileSources, None);
        found.entries.into_iter().map(|entry| entry.insert).collect()
    };
    assert_eq!(labels("import \"‸\" { x }\n"), ["./lib.cascade"]);
    assert_eq!(labels("import \"../‸\" { x }\n"), ["flows/", "skills/", "../"]);
    assert_eq!(labels("skill s() {\n  skill_file \"../skills/rev‸\"\n}\n"), ["review.md"]);
    assert_eq!(
        labels("skill s() {\n  attach files \"no‸\" in \"flows\"\n}\n"),
        ["cascade.toml", "notes.txt", "flows/", "skills/"]
    );
    assert_eq!(labels("skill s() {\n  run sh\"ls\"\n  in \"sk‸\"\n}\n"), ["flows/", "skills/"]);
    assert_eq!(labels("let a = \"‸\"\n"), [""; 0], "any text");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_not_imported_is_completed_with_its_import() {
    let ask = |text: &str, name: &str| {
        let at = text.find(MARK).unwrap() as u32;
        let text = text.replace(MARK, "");
        let found = complete("a.cascade", &text, at, &MemorySources::one("a.cascade", &text), None).entries;
        let entry = found.into_iter().find(|entry| entry.label == name).unwrap();
        let mut after = text;
        for (span, change) in entry.also.iter().rev() {
            after.replace_range(span.range(), change);
        }
        after
    };
    let new = ask("/// A.\nfn f(s: Test‸) -> int = 1\n", "TestSuite");
    assert_eq!(new, "import std.testing { TestSuite }\n\n/// A.\nfn f(s: Test) -> int = 1\n");
    let more = ask("import std.testing { run_tests }\n\nfn f(s: Test‸) -> int = 1\n", "TestSuite");
    assert_eq!(more, "import std.testing { run_tests, TestSuite }\n\nfn f(s: Test) -> int = 1\n");
}

#[test]
fn a_field_of_what_may_be_null_is_read_safely() {
    let text = "type T {\n  n: int\n}\n\nfn f(t: T?) -> int? = t.\n";
    let at = text.find("t.\n").unwrap() as u32 + 2;
    let found = complete("a.cascade", text, at, &MemorySources::one("a.cascade", text), None);
    let entry = &found.entries[0];
    assert_eq!((entry.label.as_str(), entry.also[0].1.as_str()), ("n", "?."));
}
