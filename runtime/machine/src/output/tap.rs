//! The Test Anything Protocol: <https://testanything.org/tap-version-14-specification.html>

use std::collections::HashSet;

use super::{TestCase, decode_utf8, invalid_output, test_run};
use crate::{eval::Result, value::Value};

/// Parses the top level of a TAP stream; the lines below a failing test become its message. A stream
/// without a plan may be incomplete, and is `invalid_output`.
pub(crate) fn parse_tap(bytes: &[u8]) -> Result<Value> {
    let text = decode_utf8(bytes)?;
    let mut cases: Vec<TestCase> = Vec::new();
    let mut numbers: HashSet<usize> = HashSet::new();
    let mut plan: Option<usize> = None;
    for line in text.lines() {
        if line.starts_with([' ', '\t']) || line.starts_with('#') {
            add_note(cases.last_mut(), line.trim_start_matches('#').trim());
        } else if let Some((ok, rest)) = test_line(line) {
            let (number, case) = read_case(rest, ok);
            if let Some(number) = number.filter(|number| !numbers.insert(*number)) {
                return Err(invalid_output(format!("the TAP output has two tests with the number {number}")));
            }
            cases.push(case);
        } else if let Some(rest) = line.strip_prefix("1..") {
            if plan.is_some() {
                return Err(invalid_output("the TAP output has two plans"));
            }
            let (count, reason) = rest.split_once('#').unwrap_or((rest, ""));
            let count = count.trim().parse().map_err(|_| invalid_output(format!("`{line}` is not a TAP plan")))?;
            plan = Some(count);
            if let (0, Some(reason)) = (count, skip_reason(reason.trim())) {
                return Ok(test_run(vec![TestCase {
                    name: "(all)".to_owned(),
                    status: "skipped",
                    message: Some(reason.to_owned()).filter(|r| !r.is_empty()),
                    ..TestCase::default()
                }]));
            }
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            return Err(invalid_output(format!("the tests were given up: {}", reason.trim())));
        }
    }
    let Some(plan) = plan else {
        return Err(match cases.is_empty() {
            true => invalid_output("the output is not TAP: there is no plan and no test"),
            false => invalid_output(format!(
                "the TAP output has {} tests and no plan (`1..N`): it may be cut off",
                cases.len()
            )),
        });
    };
    if plan != cases.len() {
        return Err(invalid_output(format!("the TAP plan has {plan} tests, the output {}", cases.len())));
    }
    if let Some(number) = numbers.iter().find(|number| **number > plan) {
        return Err(invalid_output(format!(
            "the TAP output has a test with the number {number}, and its plan {plan} tests"
        )));
    }
    if cases.is_empty() {
        return Err(invalid_output("the TAP output has no test"));
    }
    Ok(test_run(cases))
}

/// A test line: whether the test passed, and the text after `ok` or `not ok`.
fn test_line(line: &str) -> Option<(bool, &str)> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    // `okay` is ordinary output, not a test line.
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some((ok, rest))
}

/// The number of a test, if it has one, and the test.
fn read_case(rest: &str, ok: bool) -> (Option<usize>, TestCase) {
    let (description, directive) = split_directive(rest);
    let description = description.trim();
    let after_number = description.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = description[..description.len() - after_number.len()].parse().ok();
    let description = match number {
        Some(_) => after_number.trim(),
        None => description,
    };
    let description = description.strip_prefix('-').map_or(description, str::trim_start);
    let skipped = directive.and_then(|directive| {
        let todo = directive.get(..4).filter(|word| word.eq_ignore_ascii_case("todo"));
        skip_reason(directive).or_else(|| todo.map(|_| directive[4..].trim()))
    });
    let status = match (skipped, ok) {
        (Some(_), _) => "skipped",
        (None, true) => "passed",
        (None, false) => "failed",
    };
    let message = skipped.filter(|reason| !reason.is_empty()).map(str::to_owned);
    (number, TestCase { name: unescape_description(description.trim()), status, message, ..TestCase::default() })
}

/// The text after `SKIP` (or `SKIPPED`), if the directive is one.
fn skip_reason(directive: &str) -> Option<&str> {
    let word = directive.get(..4)?;
    if !word.eq_ignore_ascii_case("skip") {
        return None;
    }
    Some(directive[4..].trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(':').trim())
}

/// A description and its directive, which follows the last `#` that is not escaped.
fn split_directive(rest: &str) -> (&str, Option<&str>) {
    let mut last = None;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            '#' if !escaped => last = Some(at),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    let directive = last.map(|at| (at, rest[at + 1..].trim()));
    let is_directive = |text: &str| {
        let word = text.get(..4).unwrap_or_default();
        word.eq_ignore_ascii_case("skip") || word.eq_ignore_ascii_case("todo")
    };
    match directive {
        Some((at, directive)) if is_directive(directive) => (&rest[..at], Some(directive)),
        _ => (rest, None),
    }
}

/// Removes the escapes of a description: `\#` is `#`, and `\\` is a backslash.
fn unescape_description(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next @ ('#' | '\\')) if c == '\\' => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

fn add_note(case: Option<&mut TestCase>, line: &str) {
    let Some(case) = case.filter(|c| c.status == "failed") else {
        return;
    };
    if line.is_empty() || matches!(line, "---" | "...") {
        return;
    }
    let message = case.message.get_or_insert_default();
    if message.len() < 4096 {
        if !message.is_empty() {
            message.push('\n');
        }
        message.push_str(line);
    }
}
