//! JUnit XML, as test runners write it.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{TestCase, invalid, test_run};
use crate::{eval::Result, value::Value};

/// Reads all test cases of a report.
pub(crate) fn read(bytes: &[u8]) -> Result<Value> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut cases = Vec::new();
    let mut suites: Vec<Option<String>> = Vec::new();
    let mut open: Option<TestCase> = None;
    let mut detail: Option<String> = None;
    let mut seen_root = false;
    let wrong = |e: &dyn std::fmt::Display| invalid(format!("the output is not JUnit XML: {e}"));
    loop {
        let event = reader.read_event().map_err(|e| wrong(&e))?;
        match event {
            Event::Start(element) => {
                seen_root |= is(&element, "testsuite") || is(&element, "testsuites");
                match element.local_name().as_ref() {
                    "testsuite" => suites.push(attribute(&element, "name")),
                    "testcase" => open = Some(case(&element, &suites)),
                    "failure" | "error" | "skipped" => {
                        outcome(&element, open.as_mut());
                        detail = Some(String::new());
                    }
                    _ => {}
                }
            }
            Event::Empty(element) => {
                seen_root |= is(&element, "testsuite") || is(&element, "testsuites");
                match element.local_name().as_ref() {
                    "testcase" => cases.push(case(&element, &suites)),
                    "failure" | "error" | "skipped" => outcome(&element, open.as_mut()),
                    _ => {}
                }
            }
            Event::End(element) => match element.local_name().as_ref() {
                "testsuite" => {
                    suites.pop();
                }
                "testcase" => cases.extend(open.take()),
                "failure" | "error" | "skipped" => {
                    if let (Some(case), Some(text)) = (open.as_mut(), detail.take()) {
                        add_detail(case, text.trim());
                    }
                }
                _ => {}
            },
            Event::Text(text) => {
                if let Some(detail) = &mut detail {
                    detail.push_str(&text);
                }
            }
            Event::CData(text) => {
                if let Some(detail) = &mut detail {
                    detail.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                if let Some(detail) = &mut detail {
                    let written = format!("&{};", &*name);
                    match quick_xml::escape::unescape(&written) {
                        Ok(text) => detail.push_str(&text),
                        Err(_) => detail.push_str(&written),
                    }
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !seen_root {
        return Err(invalid("the output is not JUnit XML: there is no `testsuite`"));
    }
    if open.is_some() || !suites.is_empty() {
        return Err(invalid("the JUnit XML ends too early"));
    }
    Ok(test_run(cases))
}

fn is(element: &BytesStart<'_>, name: &str) -> bool {
    element.local_name().as_ref() == name
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    let raw = found.value.into_owned();
    Some(quick_xml::escape::unescape(&raw).map(|t| t.into_owned()).unwrap_or(raw))
}

fn case(element: &BytesStart<'_>, suites: &[Option<String>]) -> TestCase {
    TestCase {
        name: attribute(element, "name").unwrap_or_default(),
        suite: attribute(element, "classname").or_else(|| suites.last().cloned().flatten()),
        file: attribute(element, "file"),
        line: attribute(element, "line").and_then(|l| l.parse().ok()),
        status: "passed",
        message: None,
        seconds: attribute(element, "time").and_then(|t| t.replace(',', "").parse().ok()),
    }
}

fn outcome(element: &BytesStart<'_>, case: Option<&mut TestCase>) {
    if let Some(case) = case {
        case.status = if is(element, "skipped") { "skipped" } else { "failed" };
        case.message = attribute(element, "message").filter(|m| !m.is_empty());
    }
}

/// The text inside a failure, after its message unless it repeats it.
fn add_detail(case: &mut TestCase, text: &str) {
    if text.is_empty() {
        return;
    }
    case.message = Some(match case.message.take() {
        Some(message) if !text.starts_with(&message) => format!("{message}\n{text}"),
        _ => text.to_owned(),
    });
}
