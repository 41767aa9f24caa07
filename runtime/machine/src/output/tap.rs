//! The Test Anything Protocol.

use super::{TestCase, invalid, test_run};
use crate::{eval::Result, value::Value};

/// Reads the top level of a TAP stream; lines below a failing test become its message.
pub(crate) fn read(bytes: &[u8]) -> Result<Value> {
    let text = String::from_utf8_lossy(bytes);
    let mut cases: Vec<TestCase> = Vec::new();
    let mut plan: Option<usize> = None;
    for line in text.lines() {
        if line.starts_with([' ', '\t']) || line.starts_with('#') {
            note(cases.last_mut(), line.trim_start_matches('#').trim());
        } else if let Some(rest) = line.strip_prefix("ok") {
            cases.push(case(rest, true));
        } else if let Some(rest) = line.strip_prefix("not ok") {
            cases.push(case(rest, false));
        } else if let Some(count) = line.strip_prefix("1..") {
            let count = count.split_whitespace().next().unwrap_or_default();
            plan = Some(count.parse().map_err(|_| invalid(format!("`{line}` is not a TAP plan")))?);
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            return Err(invalid(format!("the tests were given up: {}", reason.trim())));
        }
    }
    match plan {
        None if cases.is_empty() => Err(invalid("the output is not TAP: there is no plan and no test")),
        Some(plan) if plan != cases.len() => {
            Err(invalid(format!("the TAP plan has {plan} tests, the output {}", cases.len())))
        }
        _ => Ok(test_run(cases)),
    }
}

fn case(rest: &str, ok: bool) -> TestCase {
    let (description, directive) = match rest.split_once(" # ") {
        Some((description, directive)) => (description, Some(directive.trim())),
        None => (rest, None),
    };
    let description = description.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    let description = description.strip_prefix("- ").unwrap_or(description);
    let word = directive.and_then(|d| d.split_whitespace().next()).map(str::to_ascii_lowercase);
    let aside = word.as_deref().is_some_and(|w| w.starts_with("skip") || w == "todo");
    TestCase {
        name: description.trim().to_owned(),
        status: if aside {
            "skipped"
        } else if ok {
            "passed"
        } else {
            "failed"
        },
        message: directive
            .filter(|_| aside)
            .and_then(|d| d.split_once(' '))
            .map(|(_, reason)| reason.trim().to_owned()),
        ..TestCase::default()
    }
}

fn note(case: Option<&mut TestCase>, line: &str) {
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
