//! Programs with many mistakes: what is said about each must not grow with how many there are,
//! and what is searched for each is bounded.

#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

use cascade_compiler::{Compilation, MemorySources, codes, compile};

fn check(text: &str) -> Compilation {
    compile("many.cascade", text.into(), &MemorySources::default())
}

/// How many names are compared: a diagnostic that has a suggestion was searched for.
fn with_help(compiled: &Compilation) -> usize {
    compiled.diagnostics.iter().filter(|d| d.help.is_some()).count()
}

fn text_length(compiled: &Compilation) -> usize {
    let length = |d: &cascade_compiler::Diagnostic| d.message.len() + d.help.as_ref().map_or(0, String::len);
    compiled.diagnostics.iter().map(length).sum()
}

fn unknown_values(count: usize) -> String {
    let known: String = (0..count).map(|i| format!("  let value_{i} = {i}\n  log \"$<value_{i}>\"\n")).collect();
    let unknown: String = (0..count).map(|i| format!("  log \"$<valeu_{i}>\"\n")).collect();
    format!("cascade main() {{\n{known}{unknown}}}\n")
}

fn wrong_fields(count: usize) -> String {
    let fields: String = (0..count).map(|i| format!("  field_{i}: int\n")).collect();
    let wrong: Vec<String> = (0..count).map(|i| format!("wrong_{i}_name: {i}")).collect();
    format!("type T {{\n{fields}}}\n\nfn make() -> T = {{ {} }}\n", wrong.join(", "))
}

#[test]
fn every_unknown_name_is_reported_and_some_get_a_suggestion() {
    for count in [300, 600] {
        let compiled = check(&unknown_values(count));
        let unknown = compiled.diagnostics.iter().filter(|d| d.code == codes::UNKNOWN_NAME).count();
        assert_eq!(unknown, count);
        let helped = with_help(&compiled);
        assert!((1..=64).contains(&helped), "{helped} suggestions for {count} names");
    }
}

#[test]
fn what_is_said_of_wrong_fields_grows_with_their_number_only() {
    let (small, large) = (check(&wrong_fields(200)), check(&wrong_fields(400)));
    assert_eq!(large.diagnostics.iter().filter(|d| d.code == codes::UNKNOWN_FIELD).count(), 400);
    let (small, large) = (text_length(&small), text_length(&large));
    assert!(large * 10 <= small * 22, "{small} bytes for 200 fields, {large} for 400");
}
