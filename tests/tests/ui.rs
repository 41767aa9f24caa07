//! Programs with mistakes have exactly the diagnostics that are annotated in them; see `README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cascade_compiler::{Compilation, Diagnostic, FileSources, codes, compile, render};
use cascade_tests::{
    annotations::{Expected, expected_diagnostics, read_annotations, write_annotation},
    programs::{programs_below, repository_root, shown_path},
};

/// Codes that need a very large program, or that are about the files of a project.
const WITHOUT_PROGRAM: &[&str] = &["E0111", "E1001", "E1002", "E1003", "W1001"];

/// The programs: single files, and the `main.cascade` of each folder with several files.
fn program_names() -> Vec<String> {
    let all = programs_below("tests/ui").unwrap();
    let of_several = |p: &Path| p.ancestors().skip(1).any(|folder| folder.join("main.cascade").exists());
    let alone = |p: &Path| p.file_name().unwrap() == "main.cascade" || !of_several(p);
    all.iter().filter(|p| alone(p)).map(|p| shown_path(p)).collect()
}

/// Compiles a program by its path, independent of the folder in which the test runs.
fn compile_program(name: &str) -> Compilation {
    // Only UTF-8 reaches the compiler.
    let text = fs::read_to_string(repository_root().join(name)).unwrap();
    compile(&repository_root().join(name).to_string_lossy(), text.into(), &FileSources)
}

/// The file of a diagnostic, and its annotation.
fn describe_diagnostic(compilation: &Compilation, d: &Diagnostic) -> (String, Expected) {
    let source = compilation.sources.get(d.primary.source);
    let (line, first) = source.position(d.primary.span.start);
    let (last_line, end) = source.position(d.primary.span.end);
    let columns = match end.saturating_sub(1) {
        _ if last_line != line => format!("{first}-"),
        last if last <= first => first.to_string(),
        last => format!("{first}-{last}"),
    };
    // Messages contain full paths, which differ between checkouts.
    let folder = format!("{}/", repository_root().display());
    let help = d.help.as_ref().and_then(|help| help.lines().next()).map(|line| line.trim().replace(&folder, ""));
    let message = d.message.replace(&folder, "");
    let expected = Expected { line, columns, code: d.code.as_str().to_owned(), message, help };
    (shown_path(Path::new(&source.name)), expected)
}

/// The files of a program whose annotations count.
fn annotated_files(name: &str) -> Vec<String> {
    let folder = repository_root().join(name).parent().unwrap().to_path_buf();
    let several = name.ends_with("/main.cascade");
    programs_below(&shown_path(&folder))
        .unwrap()
        .iter()
        .map(|p| shown_path(p))
        .filter(|p| several || p == name)
        .collect()
}

/// Rewrites the annotations of a program: each gets the diagnostic of its line and code.
fn rewrite_annotations(name: &str) {
    let compilation = compile_program(name);
    let mut given: Vec<(String, Expected)> =
        compilation.diagnostics.iter().map(|d| describe_diagnostic(&compilation, d)).collect();
    for file in annotated_files(name) {
        let text = fs::read_to_string(repository_root().join(&file)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut rewritten: BTreeMap<u32, String> = BTreeMap::new();
        for annotation in read_annotations(&text) {
            let old = &annotation.expected;
            let fits = |(f, e): &(String, Expected)| *f == file && e.line == old.line && e.code == old.code;
            let Some(at) = given.iter().position(fits) else { continue };
            let (_, new) = given.remove(at);
            // A matching annotation is not changed, so that `...` is kept.
            let new = if old.fits(&new) { old.clone() } else { new };
            let line = lines[annotation.on as usize - 1].clone();
            let kept = rewritten.entry(annotation.on).or_insert_with(|| line[..annotation.bytes.start].to_owned());
            if !kept.is_empty() && !kept.ends_with(' ') {
                kept.push(' ');
            }
            kept.push_str(&write_annotation(&new, annotation.up));
        }
        for (on, line) in rewritten {
            lines[on as usize - 1] = line;
        }
        fs::write(repository_root().join(&file), lines.join("\n") + "\n").unwrap();
    }
}

/// The differences between the annotations and the diagnostics of a program.
fn compare_annotations(name: &str, seen: &mut BTreeSet<String>) -> Vec<String> {
    let compilation = compile_program(name);
    let mut expected: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
    for file in annotated_files(name) {
        let found = expected_diagnostics(&fs::read_to_string(repository_root().join(&file)).unwrap());
        expected.insert(file, found);
    }
    let mut wrong = Vec::new();
    if expected.values().all(Vec::is_empty) {
        wrong.push(format!("{name}: has no annotation"));
    }
    for d in &compilation.diagnostics {
        seen.insert(d.code.as_str().to_owned());
        let (file, given) = describe_diagnostic(&compilation, d);
        let list = expected.entry(file.clone()).or_default();
        match list.iter().position(|e| e.fits(&given)) {
            Some(at) => {
                list.remove(at);
            }
            None => wrong.push(format!("{file}:{}: not expected: {}", given.line, write_annotation(&given, 0))),
        }
    }
    for (file, list) in expected {
        wrong.extend(list.iter().map(|e| format!("{file}:{}: not found: {}", e.line, write_annotation(e, 0))));
    }
    wrong
}

#[test]
fn diagnostics_equal_annotations() {
    let mut seen = BTreeSet::new();
    let programs = program_names();
    if std::env::var_os("CASCADE_WRITE_UI").is_some() {
        programs.iter().for_each(|name| rewrite_annotations(name));
    }
    let wrong: Vec<String> = programs.iter().flat_map(|name| compare_annotations(name, &mut seen)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(programs.len() >= 150, "only {} programs were found", programs.len());
    let of_syntax =
        programs.iter().filter(|p| p.starts_with("tests/ui/syntax/") || p.starts_with("tests/ui/habits/")).count();
    assert!(of_syntax * 3 >= programs.len(), "only {of_syntax} of {} are of syntax", programs.len());
    let all = codes::ALL.iter().map(|(c, _)| c.as_str());
    let missing: Vec<&str> = all.filter(|c| !seen.contains(*c) && !WITHOUT_PROGRAM.contains(c)).collect();
    assert!(missing.is_empty(), "no program shows {missing:?}");
}

#[test]
fn ten_mistakes_are_ten_errors() {
    for name in ["tests/ui/syntax/ten_mistakes.cascade", "tests/ui/syntax/ten_of_syntax.cascade"] {
        let compilation = compile_program(name);
        let lines: BTreeSet<u32> = compilation
            .diagnostics
            .iter()
            .map(|d| compilation.sources.get(d.primary.source).position(d.primary.span.start).0)
            .collect();
        // Each on a line of its own.
        assert_eq!((compilation.diagnostics.len(), lines.len()), (10, 10), "{name}: {:#?}", compilation.diagnostics);
    }
}

/// Snapshots of the human rendering of representative mistakes.
#[test]
fn human_rendering_of_common_mistakes() {
    for name in [
        "effects/capability",
        "effects/parallel_cycle",
        "flow/match_not_exhaustive",
        "multi/cycle_of_three/main",
        "multi/private/main",
        "names/duplicate_declarations",
        "names/unknown_value",
        "seeded/07_maybe_unset",
        "seeded/09_two_parallel_writers",
        "seeded/10_text_chooses_program",
        "syntax/several",
        "syntax/unclosed_brace",
        "types/may_be_null",
        "types/let_calls_skill",
        "types/not_ascii",
    ] {
        let compilation = compile_program(&format!("tests/ui/{name}.cascade"));
        let shown = render::render(&compilation.diagnostics, &compilation.sources, render::Format::Human, false);
        // The path of the repository is removed.
        let shown = shown.replace(&format!("{}/", repository_root().display()), "");
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name.replace('/', "__"), shown);
        });
    }
}
