//! Parses JUnit XML, in the variants that test runners write.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    TestCase,
    charset::{self, find_encoding},
    invalid_output, test_run,
};
use crate::{eval::Result, value::Value};

/// Parses all test cases of a report. A report that is inconsistent (its suites count more failures or
/// tests than it contains), incomplete, or without tests is `invalid_output`: it proves nothing.
pub(crate) fn parse_junit(bytes: &[u8]) -> Result<Value> {
    parse_text(&decode_document(bytes)?)
}

/// Parses a report that is decoded, whatever encoding it says to have.
pub(crate) fn parse_text(text: &str) -> Result<Value> {
    let mut reader = Reader::from_str(text);
    let mut report = Report::default();
    loop {
        let event = reader.read_event().map_err(|e| invalid_output(format!("the output is not JUnit XML: {e}")))?;
        match event {
            Event::Start(element) => {
                report.depth += 1;
                report.open_element(&element)?;
            }
            Event::Empty(element) => {
                report.open_element(&element)?;
                report.close_element(element.local_name().as_ref())?;
            }
            Event::End(element) => {
                report.depth = report.depth.saturating_sub(1);
                report.close_element(element.local_name().as_ref())?;
            }
            Event::Text(text) => report.add_text(&text),
            Event::CData(text) => report.add_text(&text),
            Event::GeneralRef(name) => {
                let written = format!("&{};", &*name);
                match quick_xml::escape::unescape(&written) {
                    Ok(text) => report.add_text(&text),
                    Err(_) => report.add_text(&written),
                }
            }
            Event::Eof => return report.finish(),
            _ => {}
        }
    }
}

/// The text of a report. Reports are UTF-8 unless a byte order mark or the XML declaration says
/// otherwise.
fn decode_document(bytes: &[u8]) -> Result<Cow<'_, str>> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let declared = head
        .trim_start_matches('\u{feff}')
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
        .and_then(|(declaration, _)| declaration.split_once("encoding="))
        .and_then(|(_, value)| value.trim_start().get(1..)?.split(['"', '\'']).next().map(str::to_owned));
    let encoding = match declared {
        Some(name) => find_encoding("the report", &name)?,
        None => encoding_rs::UTF_8,
    };
    charset::decode_bytes("the report", bytes, encoding)
}

/// An open suite, or the whole report.
#[derive(Default)]
struct Suite {
    name: Option<String>,
    /// The counts in its attributes; `None` where they are absent.
    tests: Option<usize>,
    failures: Option<usize>,
    /// The counts of its content so far, including nested suites.
    seen_tests: usize,
    seen_failures: usize,
    /// Failures of the suite itself, such as of its setup.
    messages: Vec<String>,
}

#[derive(Default)]
struct Report {
    cases: Vec<TestCase>,
    suites: Vec<Suite>,
    case: Option<TestCase>,
    /// The text of the open failure or skip.
    detail: Option<String>,
    seen_root: bool,
    depth: usize,
}

impl Report {
    fn open_element(&mut self, element: &BytesStart<'_>) -> Result<()> {
        match element.local_name().as_ref() {
            "testsuite" | "testsuites" => {
                self.seen_root = true;
                let failures = match (read_count(element, "failures")?, read_count(element, "errors")?) {
                    (None, None) => None,
                    (failures, errors) => Some(failures.unwrap_or(0) + errors.unwrap_or(0)),
                };
                let (name, tests) = (read_attribute(element, "name"), read_count(element, "tests")?);
                self.suites.push(Suite { name, tests, failures, ..Suite::default() });
            }
            "testcase" => {
                let suite = self.suites.iter().rev().find_map(|suite| suite.name.clone());
                self.case = Some(read_case(element, suite));
            }
            word @ ("failure" | "error" | "skipped") => {
                self.detail = Some(String::new());
                let message = read_attribute(element, "message").filter(|m| !m.is_empty());
                match &mut self.case {
                    // A failed test stays failed if it is also marked as skipped.
                    Some(case) if word == "skipped" && case.status == "failed" => {}
                    Some(case) if word == "skipped" => {
                        case.status = "skipped";
                        add_message(&mut case.message, message);
                    }
                    Some(case) => {
                        if case.status == "skipped" {
                            case.message = None;
                        }
                        case.status = "failed";
                        add_message(&mut case.message, message);
                        self.count_failure();
                    }
                    None if word != "skipped" => {
                        self.count_failure();
                        if let Some(suite) = self.suites.last_mut() {
                            suite.messages.push(message.unwrap_or_default());
                        }
                    }
                    None => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn count_failure(&mut self) {
        if let Some(suite) = self.suites.last_mut() {
            suite.seen_failures += 1;
        }
    }

    fn close_element(&mut self, name: &str) -> Result<()> {
        match name {
            "testsuite" | "testsuites" => {
                if let Some(suite) = self.suites.pop() {
                    self.close_suite(suite)?;
                }
            }
            "testcase" => {
                self.cases.extend(self.case.take());
                if let Some(suite) = self.suites.last_mut() {
                    suite.seen_tests += 1;
                }
            }
            word @ ("failure" | "error" | "skipped") => {
                let Some(text) = self.detail.take() else { return Ok(()) };
                let message = match &mut self.case {
                    // The reason of a skip is not the message of a failure.
                    Some(case) if word == "skipped" && case.status == "failed" => return Ok(()),
                    Some(case) => &mut case.message,
                    None if word == "skipped" => return Ok(()),
                    None => match self.suites.last_mut().and_then(|suite| suite.messages.last_mut()) {
                        Some(last) => {
                            let mut whole = Some(std::mem::take(last)).filter(|m| !m.is_empty());
                            add_detail(&mut whole, text.trim());
                            *last = whole.unwrap_or_default();
                            return Ok(());
                        }
                        None => return Ok(()),
                    },
                };
                add_detail(message, text.trim());
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares the counts of a suite with its content, and adds them to the enclosing suite.
    fn close_suite(&mut self, suite: Suite) -> Result<()> {
        let name = suite.name.clone().unwrap_or_else(|| "the report".to_owned());
        if suite.failures.is_some_and(|declared| declared > suite.seen_failures) {
            let (declared, seen) = (suite.failures.unwrap_or(0), suite.seen_failures);
            return Err(invalid_output(format!(
                "the JUnit report contradicts itself: `{name}` counts {declared} failures and errors, and has {seen}"
            )));
        }
        if suite.tests.is_some_and(|declared| declared > suite.seen_tests) {
            let (declared, seen) = (suite.tests.unwrap_or(0), suite.seen_tests);
            return Err(invalid_output(format!(
                "the JUnit report is not complete: `{name}` counts {declared} tests, and has {seen}"
            )));
        }
        for message in suite.messages {
            self.cases.push(TestCase {
                name: "(suite)".to_owned(),
                suite: suite.name.clone(),
                status: "failed",
                message: Some(message).filter(|m| !m.is_empty()),
                ..TestCase::default()
            });
        }
        if let Some(outer) = self.suites.last_mut() {
            outer.seen_tests += suite.seen_tests;
            outer.seen_failures += suite.seen_failures;
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str) {
        if let Some(detail) = &mut self.detail {
            detail.push_str(text);
        }
    }

    fn finish(self) -> Result<Value> {
        if !self.seen_root {
            return Err(invalid_output("the output is not JUnit XML: there is no `testsuite`"));
        }
        if self.depth > 0 || self.case.is_some() || !self.suites.is_empty() {
            return Err(invalid_output("the JUnit XML ends too early"));
        }
        if self.cases.is_empty() {
            return Err(invalid_output("the JUnit report has no test"));
        }
        Ok(test_run(self.cases))
    }
}

/// A numeric attribute, if it is present.
fn read_count(element: &BytesStart<'_>, name: &str) -> Result<Option<usize>> {
    let Some(text) = read_attribute(element, name).filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(invalid_output(format!("the JUnit report has `{name}=\"{text}\"`, which is no count"))),
    }
}

fn read_attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    let raw = found.value.into_owned();
    Some(quick_xml::escape::unescape(&raw).map(|t| t.into_owned()).unwrap_or(raw))
}

fn read_case(element: &BytesStart<'_>, suite: Option<String>) -> TestCase {
    // GoogleTest writes `status="notrun"` for disabled tests; newer versions also write `result`.
    let not_run = read_attribute(element, "status").is_some_and(|s| s.eq_ignore_ascii_case("notrun"))
        || read_attribute(element, "result")
            .is_some_and(|r| matches!(&*r.to_ascii_lowercase(), "suppressed" | "skipped"));
    // pytest names its suite, and counts lines from 0 (`reportinfo` of its documentation).
    let first_line = i64::from(suite.as_deref() == Some("pytest"));
    TestCase {
        name: read_attribute(element, "name").unwrap_or_default(),
        suite: read_attribute(element, "classname").or(suite),
        file: read_attribute(element, "file"),
        line: read_attribute(element, "line").and_then(|l| l.parse::<i64>().ok()).map(|line| line + first_line),
        status: if not_run { "skipped" } else { "passed" },
        message: None,
        seconds: read_attribute(element, "time").and_then(|t| read_seconds(&t)),
    }
}

/// A time in seconds. Some runners write commas between thousands (`1,234.5`); any other comma may be
/// a decimal one, so that the time is unknown.
fn read_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    if !whole.contains(',') {
        return text.parse().ok();
    }
    let mut groups = whole.split(',');
    let first = groups.next().filter(|group| (1..=3).contains(&group.len()))?;
    let in_thousands = fraction.is_some() && groups.clone().all(|group| group.len() == 3);
    if !in_thousands {
        return None;
    }
    format!("{first}{}.{}", groups.collect::<String>(), fraction?).parse().ok()
}

/// Appends a message.
fn add_message(message: &mut Option<String>, more: Option<String>) {
    let Some(more) = more else { return };
    match message {
        Some(message) => {
            message.push('\n');
            message.push_str(&more);
        }
        None => *message = Some(more),
    }
}

/// Appends the text of a failure, unless it repeats the message; a text that starts with the message
/// replaces it.
fn add_detail(message: &mut Option<String>, text: &str) {
    if text.is_empty() {
        return;
    }
    match message {
        Some(message) if message.ends_with(text) => {}
        Some(message) => match message.rsplit('\n').next().filter(|last| text.starts_with(*last)) {
            Some(last) => {
                message.truncate(message.len() - last.len());
                message.push_str(text);
            }
            None => {
                message.push('\n');
                message.push_str(text);
            }
        },
        None => *message = Some(text.to_owned()),
    }
}
