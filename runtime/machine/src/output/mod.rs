//! Parses the output of commands and services.

mod charset;
mod junit;
mod tap;

use cascade_ir::ErrorKind;
use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::{
    eval::Result,
    failure::{Failure, Raise},
    value::{Value, from_json, parse_json},
};

pub(crate) use charset::decode_body;
pub(crate) use junit::{parse_junit, parse_text as junit_text};
pub(crate) use tap::parse_tap;

fn invalid_output(message: impl Into<String>) -> Raise {
    Failure::raise(ErrorKind::InvalidOutput, message)
}

fn decode_utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|e| invalid_output(format!("the output is not UTF-8 (at byte {})", e.valid_up_to())))
}

/// Text without a byte order mark and without its last line break.
pub(crate) fn read_text(bytes: &[u8]) -> Result {
    let text = decode_utf8(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Value::str(text.strip_suffix('\r').unwrap_or(text)))
}

/// One JSON document.
pub(crate) fn read_json(bytes: &[u8]) -> Result {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(invalid_output("the output is empty where JSON was expected"));
    }
    match parse_json(bytes) {
        Ok(json) => Ok(from_json(&json)),
        Err(error) => Err(invalid_output(format!("the output {error}"))),
    }
}

/// One JSON document per line; empty lines are ignored.
pub(crate) fn json_lines(bytes: &[u8]) -> Result {
    let mut values = Vec::new();
    let text = decode_utf8(bytes)?;
    for (i, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match parse_json(line.as_bytes()) {
            Ok(json) => values.push(from_json(&json)),
            Err(error) => return Err(invalid_output(format!("line {} of the output {error}", i + 1))),
        }
    }
    Ok(Value::list(values))
}

/// CSV with a header: a list of maps of texts.
pub(crate) fn read_csv(bytes: &[u8]) -> Result {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let wrong = |e: csv::Error| invalid_output(format!("the output is not CSV: {e}"));
    let names: Vec<SmolStr> = reader.headers().map_err(wrong)?.iter().map(|h| h.trim().into()).collect();
    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(invalid_output(format!("the CSV output has two columns `{}`", twice.1)));
    }
    if let Some(line) = open_quote(bytes) {
        return Err(invalid_output(format!("the CSV output has a quote that is never closed, on line {line}")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let row: IndexMap<SmolStr, Value> = names.iter().cloned().zip(record.iter().map(Value::str)).collect();
        rows.push(Value::map(row));
    }
    Ok(Value::list(rows))
}

/// The line of a quote that is not closed.
fn open_quote(bytes: &[u8]) -> Option<usize> {
    let (mut line, mut opened, mut cell_start) = (1, None, true);
    let mut bytes = bytes.iter().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, opened) {
            (b'"', None) if cell_start => opened = Some(line),
            (b'"', Some(_)) => match bytes.peek() {
                Some(b'"') => {
                    bytes.next();
                }
                _ => opened = None,
            },
            _ => {}
        }
        cell_start = opened.is_none() && matches!(byte, b',' | b'\n' | b'\r');
        line += usize::from(*byte == b'\n');
    }
    opened
}

/// One test of a [`test_run`].
#[derive(Debug, Default)]
pub(crate) struct TestCase {
    /// Its name.
    pub(crate) name: String,
    /// The class or suite that contains it.
    pub(crate) suite: Option<String>,
    /// Its file.
    pub(crate) file: Option<String>,
    /// Its line.
    pub(crate) line: Option<i64>,
    /// `passed`, `failed`, `skipped`.
    pub(crate) status: &'static str,
    /// The message of the failure, or the reason of the skip.
    pub(crate) message: Option<String>,
    /// Its duration.
    pub(crate) seconds: Option<f64>,
}

/// The value of JUnit and TAP output: `{ tests, total, passed, failed, skipped }`, with tests of the form
/// `{ name, test, suite, file, line, status, message, seconds }`. The `name` is `suite::test`, which is
/// unique; errors count as failures.
pub(crate) fn test_run(cases: Vec<TestCase>) -> Value {
    let count = |status: &str| Value::Int(cases.iter().filter(|c| c.status == status).count() as i64);
    let text = |t: &Option<String>| t.as_deref().map_or(Value::Null, Value::str);
    let case = |c: &TestCase| {
        let full = match &c.suite {
            Some(suite) if !suite.is_empty() => format!("{suite}::{}", c.name),
            _ => c.name.clone(),
        };
        Value::record(vec![
            ("name".into(), Value::str(full)),
            ("test".into(), Value::str(c.name.as_str())),
            ("suite".into(), text(&c.suite)),
            ("file".into(), text(&c.file)),
            ("line".into(), c.line.map_or(Value::Null, Value::Int)),
            ("status".into(), Value::str(c.status)),
            ("message".into(), text(&c.message)),
            ("seconds".into(), c.seconds.filter(|s| s.is_finite()).map_or(Value::Null, Value::Float)),
        ])
    };
    Value::record(vec![
        ("tests".into(), Value::list(cases.iter().map(case).collect())),
        ("total".into(), Value::Int(cases.len() as i64)),
        ("passed".into(), count("passed")),
        ("failed".into(), count("failed")),
        ("skipped".into(), count("skipped")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::to_json;
    use serde_json::json;

    #[test]
    fn text_is_stripped_of_one_line_break() {
        assert_eq!(read_text(b"a\n\n").unwrap(), Value::str("a\n"));
        assert_eq!(read_text(b"\xef\xbb\xbfa\r\n").unwrap(), Value::str("a"));
        assert!(read_text(b"caf\xe9\n").unwrap_err().message.contains("at byte 3"));
    }

    #[test]
    fn json_lines_report_the_invalid_line() {
        assert_eq!(to_json(&json_lines(b"{\"a\":1}\n\n[2]\n").unwrap()), json!([{ "a": 1 }, [2]]));
        assert!(json_lines(b"1\nx\n").unwrap_err().message.starts_with("line 2 "));
        assert!(read_json(b" \n").unwrap_err().message.contains("empty"));
    }

    #[test]
    fn csv_needs_a_header() {
        let value = read_csv(b"\xef\xbb\xbfname,n\n\"a, b\",1\nc,\n").unwrap();
        assert_eq!(to_json(&value), json!([{ "name": "a, b", "n": "1" }, { "name": "c", "n": "" }]));
        assert!(read_csv(b"a,b\n1\n").is_err());
        assert!(read_csv(b"a,b,a\n1,2,3\n").unwrap_err().message.contains("two columns `a`"));
        assert!(read_csv(b"a,b\n1,2\n3,\"open\n4,5\n").unwrap_err().message.contains("line 3"));
        assert_eq!(to_json(&read_csv(b"a\n\"x \"\"y\"\" z\"\n").unwrap()), json!([{ "a": "x \"y\" z" }]));
    }

    #[test]
    fn junit_counts_tests_and_keeps_messages() {
        let xml = br#"<?xml version="1.0"?><testsuites><testsuite name="s">
            <testcase classname="t.A" name="ok" time="0.5" file="a.py" line="3"/>
            <testcase classname="t.A" name="bad"><failure message="1 &lt; 2">trace
line</failure></testcase>
            <testcase name="err"><error>boom &amp; bust</error></testcase>
            <testcase name="skip"><skipped message="later"/></testcase>
          </testsuite></testsuites>"#;
        let run = to_json(&parse_junit(xml).unwrap());
        assert_eq!(
            (&run["total"], &run["passed"], &run["failed"], &run["skipped"]),
            (&json!(4), &json!(1), &json!(2), &json!(1))
        );
        assert_eq!(
            run["tests"][0],
            json!({ "name": "t.A::ok", "test": "ok", "suite": "t.A", "file": "a.py", "line": 3, "status": "passed", "message": null, "seconds": 0.5 })
        );
        assert_eq!(run["tests"][1]["message"], "1 < 2\ntrace\nline");
        assert_eq!(run["tests"][2]["message"], "boom & bust");
        assert_eq!(run["tests"][2]["suite"], "s");
        assert!(parse_junit(b"<testsuite><testcase></testsuite>").is_err());
        assert!(parse_junit(b"<testsuites><testsuite><testcase name='a'/></testsuite>").is_err());
        assert!(parse_junit(b"<testsuite tests='0'/>").unwrap_err().message.contains("no test"));
        assert!(parse_junit(b"not xml").is_err());
    }

    /// An inconsistent report, or a test with several outcomes, never counts as passed.
    #[test]
    fn inconsistent_junit_never_passes() {
        let run = |xml: &str| to_json(&parse_junit(xml.as_bytes()).unwrap());
        let wrong = |xml: &str| parse_junit(xml.as_bytes()).unwrap_err().message;
        assert!(wrong("<testsuites tests='3' failures='2' errors='1'/>").contains("counts 3 failures"));
        assert!(wrong("<testsuite tests='2'><testcase name='a'/></testsuite>").contains("counts 2 tests, and has 1"));
        let both = run("<testsuite><testcase name='a'><failure message='no'/><skipped/></testcase></testsuite>");
        assert_eq!((&both["failed"], &both["skipped"]), (&json!(1), &json!(0)));
        let both = run(
            "<testsuite><testcase name='a'><skipped message='later'/><failure message='no'/></testcase></testsuite>",
        );
        assert_eq!((&both["failed"], &both["tests"][0]["message"]), (&json!(1), &json!("no")));
        let setup = run(
            "<testsuite name='s' tests='1' errors='1'><error message='setup'>trace</error><testcase name='a'/></testsuite>",
        );
        assert_eq!((&setup["failed"], &setup["passed"]), (&json!(1), &json!(1)));
        assert_eq!(
            (&setup["tests"][1]["name"], &setup["tests"][1]["message"]),
            (&json!("s::(suite)"), &json!("setup\ntrace"))
        );
        let several = run(
            "<testsuite><testcase name='a'><failure message='one'/><failure message='two'>two: more</failure></testcase></testsuite>",
        );
        assert_eq!(several["tests"][0]["message"], "one\ntwo: more");
        let not_run = run(
            "<testsuite tests='2'><testcase name='a' status='run' result='completed' time='1,234.5'/><testcase name='b' status='notrun' result='suppressed' time='1,5'/></testsuite>",
        );
        assert_eq!((&not_run["passed"], &not_run["skipped"]), (&json!(1), &json!(1)));
        assert_eq!((&not_run["tests"][0]["seconds"], &not_run["tests"][1]["seconds"]), (&json!(1234.5), &json!(null)));
    }

    /// Reports of real runners: those of pytest, cargo-nextest, node and Test::More were recorded, those of
    /// gtest and surefire copied from their documentation.
    #[test]
    fn reports_of_real_runners_are_parsed() {
        let read = |name: &str| {
            let path = format!("{}/tests/data/reports/{name}", env!("CARGO_MANIFEST_DIR"));
            #[allow(clippy::disallowed_methods)] // a test reads its data
            let bytes = std::fs::read(path).unwrap();
            to_json(&if name.ends_with(".tap") { parse_tap(&bytes) } else { parse_junit(&bytes) }.unwrap())
        };
        for (name, passed, failed, skipped) in [
            ("pytest.xml", 1, 3, 2),
            ("pytest_collection.xml", 0, 1, 0),
            ("nextest.xml", 1, 1, 0),
            ("node.xml", 2, 1, 2),
            ("node.tap", 2, 1, 2),
            ("test_more.tap", 1, 1, 1),
            ("gtest.xml", 1, 1, 2),
            ("surefire.xml", 1, 2, 1),
        ] {
            let run = read(name);
            let found = (&run["passed"], &run["failed"], &run["skipped"]);
            assert_eq!(found, (&json!(passed), &json!(failed), &json!(skipped)), "{name}: {run:#}");
        }
        let gtest = read("gtest.xml");
        let message = gtest["tests"][1]["message"].as_str().unwrap();
        assert!(message.contains("m.cc:8") && message.contains("m.cc:9"), "{message}");
        assert_eq!(read("surefire.xml")["tests"][0]["seconds"], 1200.25);
        assert_eq!(read("node.tap")["tests"][1]["name"], "bad # 1");
        assert!(read("pytest_collection.xml")["tests"][0]["message"].as_str().unwrap().contains("nothing_there"));
    }

    #[test]
    fn lines_count_from_1_also_in_reports_of_pytest() {
        let line = |suite: &str| {
            let text = format!(
                "<testsuites><testsuite name='{suite}'><testcase name='t' file='t.py' line='4'/></testsuite></testsuites>"
            );
            to_json(&parse_junit(text.as_bytes()).unwrap())["tests"][0]["line"].clone()
        };
        assert_eq!((line("pytest"), line("other")), (json!(5), json!(4)));
    }

    #[test]
    fn junit_is_decoded_by_its_declared_encoding() {
        let name =
            |bytes: &[u8]| to_json(&parse_junit(bytes).unwrap())["tests"][0]["test"].as_str().unwrap().to_owned();
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='caf\xe9'/></testsuite>";
        assert_eq!(name(latin), "caf\u{e9}");
        let text = "\u{feff}<testsuite><testcase name='caf\u{e9}'/></testsuite>";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(name(&utf16), "caf\u{e9}");
        assert_eq!(name(text.as_bytes()), "caf\u{e9}");
        assert!(
            parse_junit(b"<testsuite><testcase name='caf\xe9'/></testsuite>").unwrap_err().message.contains("UTF-8")
        );
        let wrong = b"<?xml version='1.0' encoding='shift_jis'?><testsuite><testcase name='\xff'/></testsuite>";
        assert_eq!(parse_junit(wrong).unwrap_err().message, "the report is not Shift_JIS (at byte 69)");
        assert!(
            parse_junit(b"<?xml version='1.0' encoding='klingon'?><testsuite/>")
                .unwrap_err()
                .message
                .contains("klingon")
        );
    }

    #[test]
    fn tap_counts_and_keeps_diagnostics() {
        let run = to_json(
            &parse_tap(b"TAP version 13\n1..4\nok 1 - one\nnot ok 2 - two\n  ---\n  message: no\n  ...\nok 3 three # SKIP later\nnot ok 4 four # TODO some day\n").unwrap(),
        );
        assert_eq!((&run["passed"], &run["failed"], &run["skipped"]), (&json!(1), &json!(1), &json!(2)));
        assert_eq!(run["tests"][1]["message"], "message: no");
        assert_eq!(run["tests"][2]["message"], "later");
        assert!(parse_tap(b"hello\n").is_err());
        assert!(parse_tap(b"1..3\nok 1\n").unwrap_err().message.contains("3"));
        assert!(parse_tap(b"ok 1 - first\n").unwrap_err().message.contains("no plan"));
        assert!(parse_tap(b"1..2\nok 1 a\nok 1 b\n").unwrap_err().message.contains("number 1"));
        assert!(parse_tap(b"1..0\n").is_err());
        let skipped = to_json(&parse_tap(b"1..0 # SKIP no database\n").unwrap());
        assert_eq!((&skipped["skipped"], &skipped["tests"][0]["message"]), (&json!(1), &json!("no database")));
        let names =
            to_json(&parse_tap(b"okay, here\n1..3\nok 1 - a # b # SKIP c\nok 2 - d \\# e\nok 3 - f #TODO\n").unwrap());
        let names: Vec<_> = names["tests"].as_array().unwrap().iter().map(|t| (&t["name"], &t["status"])).collect();
        assert_eq!(
            names,
            [
                (&json!("a # b"), &json!("skipped")),
                (&json!("d # e"), &json!("passed")),
                (&json!("f"), &json!("skipped"))
            ]
        );
        assert!(parse_tap(b"ok 1\nBail out! no disk\n").unwrap_err().message.contains("no disk"));
    }
}
