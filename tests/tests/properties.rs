//! For any text: no panic, deterministic results, positions within the text. And compiled programs compute the same
//! values as Rust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, sync::OnceLock};

use cascade_compiler::{Compilation, Diagnostic, MemorySources, compile, format::format, render};
use cascade_ir::{CascadeId, ErrorKind, Program};
use cascade_runtime::{RunOptions, inputs_from_json, run_blocking as run, to_json};
use cascade_tests::{
    mutate::{Damage, apply_damages},
    programs::programs_below,
    pure::{self, Maker},
};
use proptest::prelude::*;
use serde_json::{Map, json};

/// The programs that are damaged.
fn read_samples() -> &'static Vec<String> {
    static SAMPLES: OnceLock<Vec<String>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let folders = ["tests/run", "tests/ui", "examples", "stdlib/std"];
        let files = folders.iter().flat_map(|f| programs_below(f).unwrap());
        files.map(|f| fs::read_to_string(f).unwrap()).filter(|t| t.len() < 8_000).collect()
    })
}

fn check_places(compilation: &Compilation, d: &Diagnostic) {
    let fixes = d.fixes.iter().map(|f| (f.source, f.span));
    let labels = std::iter::once(&d.primary).chain(&d.labels).map(|l| (l.source, l.span));
    for (source, span) in labels.chain(fixes) {
        let text = &compilation.sources.get(source).text;
        assert!(
            text.get(span.start as usize..span.end as usize).is_some(),
            "{}: {span:?} of {}",
            d.message,
            text.len()
        );
    }
}

/// Everything that `check`, `fmt`, `build` and `run --no-journal` do with a text.
fn process_text(text: &str) {
    let compiled = || compile("any.cascade", text.into(), &MemorySources::default());
    let (first, second) = (compiled(), compiled());
    assert_eq!(first.diagnostics, second.diagnostics);
    let key = |d: &Diagnostic| (d.primary.source, d.primary.span.start, d.primary.span.end, d.code);
    assert!(first.diagnostics.is_sorted_by_key(key), "the diagnostics are not sorted");
    first.diagnostics.iter().for_each(|d| check_places(&first, d));
    for shape in [render::Format::Human, render::Format::Short, render::Format::Json, render::Format::Github] {
        let shown = render::render(&first.diagnostics, &first.sources, shape, false);
        assert_eq!(shown.is_empty(), first.diagnostics.is_empty());
    }
    assert_eq!(first.program.is_none(), first.has_failed());
    let parse = cascade_grammar::parse(text);
    let formatted = format(text, &parse);
    assert_eq!(formatted.is_some(), parse.errors.is_empty());
    if let Some(once) = formatted {
        let twice = format(&once, &cascade_grammar::parse(&once));
        assert_eq!(twice.as_ref(), Some(&once), "the format does not settle");
    }
    if let Some(program) = first.program {
        let json = serde_json::to_string(&program).unwrap();
        assert_eq!(serde_json::from_str::<Program>(&json).unwrap(), program);
        // A program with a skill could run any command on this machine, so it is not run.
        if program.skills.is_empty() {
            program.entries.iter().for_each(|entry| run_bounded(&program, *entry));
        }
    }
}

fn run_bounded(program: &Program, entry: CascadeId) {
    let Ok(inputs) = inputs_from_json(program, entry, &Map::new()) else { return };
    let once = run(program, entry, inputs.clone(), RunOptions::default()).result.map(|v| to_json(&v));
    let twice = run(program, entry, inputs, RunOptions::default()).result.map(|v| to_json(&v));
    let shown = |r: &Result<serde_json::Value, cascade_runtime::Failure>| {
        r.as_ref().map(ToString::to_string).map_err(|f| (f.kind, f.message.clone()))
    };
    assert_eq!(shown(&once), shown(&twice));
    if let Err(failure) = once {
        assert_ne!(failure.kind, ErrorKind::Internal, "a defect: {}", failure.message);
    }
}

fn any_damages() -> impl Strategy<Value = Vec<Damage>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "$<",
        ">",
        "\"",
        "\"\"\"",
        "sh\"",
        "\n",
        ",",
        "stage ",
        "let x = ",
        "if ",
        "match x ",
        "parallel ",
        "on error ",
        "retry ",
        "|x| ",
        "?? ",
        "?.",
        "as ",
        "..",
        "...",
        "=",
        "->",
        "null ",
        "é",
        "🦀",
        "\u{0}",
        "\r\n",
        "// ",
        "/// ",
        "@once ",
        "where ",
        "1e999 ",
        "99999999999999999999 ",
        "\\",
    ]);
    let one = prop_oneof![
        3 => (any::<usize>(), any::<usize>()).prop_map(|(a, n)| Damage::Delete(a, n)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, n)| Damage::Duplicate(a, n)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
        3 => (any::<usize>(), words).prop_map(|(a, w)| Damage::Insert(a, w.to_owned())),
        1 => any::<usize>().prop_map(Damage::Truncate),
    ];
    prop::collection::vec(one, 1..4)
}

/// 300 cases, or `PROPTEST_CASES`.
fn proptest_config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        process_text(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_text(text in "\\PC{0,120}") {
        process_text(&text);
    }

    #[test]
    fn damaged_programs(sample in any::<prop::sample::Index>(), damages in any_damages()) {
        process_text(&apply_damages(sample.get::<String>(read_samples()), &damages));
    }

    #[test]
    fn programs_compute_what_rust_computes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut maker = Maker::new(&bytes);
        let (int, list) = (maker.int(5), maker.list(5));
        let text = pure::program(&int, &list);
        let compiled = compile("pure.cascade", text.as_str().into(), &MemorySources::default());
        let said = || render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
        let program = compiled.program.as_ref().unwrap_or_else(|| panic!("{}", said()));
        let found = run(program, program.entries[0], Vec::new(), RunOptions::default());
        match ((int.value)(&[]), (list.value)(&[])) {
            (Some(n), Some(l)) => prop_assert_eq!(to_json(&found.result.unwrap()), json!({ "n": n, "l": l }), "{}", text),
            _ => prop_assert_eq!(found.result.unwrap_err().kind, ErrorKind::Failed, "{}", text),
        }
    }
}
