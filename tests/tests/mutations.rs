//! Programs without one of their tokens: the errors are reported near the missing token.
//!
//! By default a sample of tokens is deleted; `CASCADE_MUTATIONS=all cargo test -p cascade-tests --test
//! mutations -- --nocapture` deletes every token of every program once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use cascade_compiler::{FileSources, Severity, compile};
use cascade_tests::{
    programs::{programs_below, shown_path},
    tokens::tokens,
};

/// The share of erroneous deletions that must be reported within one line of the deleted token.
const BAR: f64 = 0.95;
/// How many deletions are tried by default.
const SAMPLE: usize = 2_500;

struct Tried {
    /// Deletions after which the program has errors.
    wrong: usize,
    /// Those with a diagnostic within one line.
    near: usize,
    /// The others.
    far: Vec<String>,
}

fn read_samples() -> Vec<(PathBuf, String)> {
    let folders = ["tests/run", "examples", "stdlib/std"];
    let files = folders.iter().flat_map(|f| programs_below(f).unwrap());
    files.map(|f| (f.clone(), fs::read_to_string(&f).unwrap())).collect()
}

/// Deletes one token and checks where the errors are reported.
fn delete_token(path: &Path, text: &str, token: std::ops::Range<usize>, tried: &mut Tried) {
    let mut damaged = text.to_owned();
    damaged.replace_range(token.clone(), "");
    let line = |text: &str, at: usize| text[..at].matches('\n').count() + 1;
    let at = line(text, token.start);
    let compiled = compile(&path.to_string_lossy(), damaged.as_str().into(), &FileSources);
    let mut lines = Vec::new();
    for d in compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        let source = compiled.sources.get(d.primary.source);
        let what = || format!("{}:{at}: without `{}`: {}", shown_path(path), &text[token.clone()], d.message);
        assert_eq!(source.name, path.to_string_lossy(), "{} is said of another file", what());
        assert!(damaged.get(d.primary.span.range()).is_some(), "{} is outside of the file", what());
        // The primary span and the labels.
        let labels = d.labels.iter().filter(|l| l.source == d.primary.source).map(|l| l.span.end);
        for place in std::iter::once(d.primary.span.start).chain(labels) {
            lines.push((line(&damaged, place as usize), d.message.clone()));
        }
    }
    if lines.is_empty() {
        return;
    }
    tried.wrong += 1;
    if lines.iter().any(|(line, _)| line.abs_diff(at) <= 1) {
        tried.near += 1;
    } else {
        tried.far.push(format!("{}:{at}: without `{}`: {lines:?}", shown_path(path), &text[token]));
    }
}

#[test]
fn a_missing_token_is_reported_where_it_is_missing() {
    let samples = read_samples();
    let all: Vec<(usize, std::ops::Range<usize>)> =
        samples.iter().enumerate().flat_map(|(i, (_, text))| tokens(text).into_iter().map(move |t| (i, t))).collect();
    assert!(all.len() > 5_000, "only {} tokens", all.len());
    // Equal steps spread the sample over all files.
    let every = std::env::var("CASCADE_MUTATIONS").is_ok_and(|v| v == "all");
    let step = if every { 1 } else { all.len() / SAMPLE };
    let mut tried = Tried { wrong: 0, near: 0, far: Vec::new() };
    for (file, token) in all.iter().step_by(step) {
        let (path, text) = &samples[*file];
        delete_token(path, text, token.clone(), &mut tried);
    }
    let share = tried.near as f64 / tried.wrong as f64;
    println!(
        "{} of {} deletions are wrong; {:.2} % of them are told within one line",
        tried.wrong,
        all.len().div_ceil(step),
        share * 100.0
    );
    if every {
        tried.far.iter().for_each(|far| println!("{far}"));
    }
    assert!(tried.wrong > 2_000);
    assert!(share >= BAR, "{:.2} %\n{}", share * 100.0, tried.far.join("\n"));
}
