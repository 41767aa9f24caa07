//! Values as text, in the six renderings of the language.

mod markdown;
mod xml;
mod yaml;

use std::borrow::Cow;

use cascade_ir::Rendering;
use serde_json::Value as Json;

use crate::value::{REDACTED, Value, format_duration, format_money, format_time, to_json};

/// A value as text. Secrets are redacted.
pub fn render_value(value: &Value, rendering: Rendering) -> String {
    match rendering {
        Rendering::Text => value_text(value),
        Rendering::Json => json_text(&to_json(value)),
        Rendering::Yaml => yaml::to_yaml(&to_json(value)),
        Rendering::Markdown => markdown::to_markdown(&to_json(value)),
        Rendering::Xml => xml::to_xml(&to_json(value)),
        Rendering::Csv => to_csv(&to_json(value)),
    }
}

/// The default rendering of a hole in a prompt: scalars as text, other values in the rendering that the
/// model prefers.
pub fn render_preferred(value: &Value, preferred: Rendering) -> String {
    if is_scalar(value) { value_text(value) } else { render_value(value, preferred) }
}

/// The text of a scalar, borrowed where possible; `None` for other values.
pub fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Str(s) => Cow::Borrowed(s.as_str()),
        Value::Path(p) => Cow::Borrowed(p),
        Value::Null => Cow::Borrowed(""),
        Value::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
        Value::Int(i) => Cow::Owned(i.to_string()),
        Value::Float(f) => Cow::Owned(format!("{f:?}")),
        Value::Large(number) => Cow::Borrowed(number.as_str()),
        Value::Duration(ms) => Cow::Owned(format_duration(*ms)),
        Value::Time(ms) => Cow::Owned(format_time(*ms)),
        Value::Money(micro) => Cow::Owned(format_money(*micro)),
        Value::Secret(_) => Cow::Borrowed(REDACTED),
        Value::Command(c) => Cow::Owned(c.to_string()),
        Value::Artifact(a) => Cow::Borrowed(&a.path),
        Value::Variant(v) if !v.tagged => Cow::Borrowed(v.name.as_str()),
        _ => return None,
    })
}

fn is_scalar(value: &Value) -> bool {
    scalar(value).is_some()
}

fn value_text(value: &Value) -> String {
    if let Some(text) = scalar(value) {
        return text.into_owned();
    }
    match value.as_list() {
        Some(items) if items.iter().all(is_scalar) => {
            let mut out = String::new();
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push('\n');
                }
                out.push_str(&scalar(item).unwrap_or_default());
            }
            out
        }
        _ => yaml::to_yaml(&to_json(value)),
    }
}

fn json_text(value: &Json) -> String {
    let nested = matches!(value, Json::Array(_) | Json::Object(_));
    let written = if nested { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    written.unwrap_or_default()
}

/// The text of a JSON scalar.
fn scalar_text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::Null => Cow::Borrowed(""),
        Json::String(s) => Cow::Borrowed(s),
        other => Cow::Owned(other.to_string()),
    }
}

/// The columns of a list of flat records, in order of first appearance; `None` for other values.
fn table_columns(value: &Json) -> Option<(Vec<&str>, &[Json])> {
    let rows = value.as_array()?;
    let mut columns: Vec<&str> = Vec::new();
    for row in rows {
        for (key, cell) in row.as_object()? {
            if matches!(cell, Json::Array(_) | Json::Object(_)) {
                return None;
            }
            if !columns.contains(&key.as_str()) {
                columns.push(key);
            }
        }
    }
    (!columns.is_empty()).then_some((columns, rows))
}

/// A list of flat records as a table. Nested cells are compact JSON; any other value becomes one
/// column named `value`.
fn to_csv(value: &Json) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let single = [value.clone()];
    let rows = value.as_array().map_or(&single[..], Vec::as_slice);
    let mut names: Vec<&str> = Vec::new();
    for key in rows.iter().filter_map(Json::as_object).flat_map(|row| row.keys()) {
        if !names.contains(&key.as_str()) {
            names.push(key);
        }
    }
    // Writing to memory does not fail.
    if names.is_empty() {
        if !rows.is_empty() {
            let _ = writer.write_record(["value"]);
        }
        for row in rows {
            let _ = writer.write_record([scalar_text(row).as_ref()]);
        }
    } else {
        let _ = writer.write_record(&names);
        for row in rows {
            let cells = names.iter().map(|name| row.get(name).map(scalar_text).unwrap_or_default().into_owned());
            let _ = writer.write_record(cells);
        }
    }
    let bytes = writer.into_inner().unwrap_or_default();
    let mut out = String::from_utf8(bytes).unwrap_or_default();
    if out.ends_with('\n') {
        out.pop();
    }
    out
}

/// Percent-encodes everything except the unreserved characters.
pub fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Indents every line except the first.
pub fn indent_lines(text: &str, spaces: u32) -> Cow<'_, str> {
    if spaces == 0 || !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let pad = format!("\n{}", " ".repeat(spaces as usize));
    Cow::Owned(text.replace('\n', &pad))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::from_json;

    fn sample() -> Value {
        from_json(&json!([
            { "file": "a.py", "line": 3, "note": "x | y, \"z\"" },
            { "file": "b <c>.py", "line": null, "note": "two\nlines" },
        ]))
    }

    #[test]
    fn all_six_renderings() {
        assert_eq!(
            render_value(&sample(), Rendering::Yaml),
            "- file: a.py\n  line: 3\n  note: 'x | y, \"z\"'\n- file: b <c>.py\n  line: null\n  note: |-\n    two\n    lines"
        );
        assert_eq!(
            render_value(&sample(), Rendering::Markdown),
            "| file | line | note |\n| --- | --- | --- |\n| a.py | 3 | x \\| y, \"z\" |\n| b <c>.py |  | two<br>lines |"
        );
        assert_eq!(
            render_value(&sample(), Rendering::Csv),
            "file,line,note\na.py,3,\"x | y, \"\"z\"\"\"\nb <c>.py,,\"two\nlines\""
        );
        assert_eq!(
            render_value(&from_json(&json!({ "a b": 1, "list": ["<x>", 2] })), Rendering::Xml),
            "<entry name=\"a b\">1</entry>\n<list>\n  <item>&lt;x&gt;</item>\n  <item>2</item>\n</list>"
        );
        assert_eq!(render_value(&from_json(&json!({ "a": [1] })), Rendering::Json), "{\n  \"a\": [\n    1\n  ]\n}");
        assert_eq!(render_value(&Value::str("x"), Rendering::Json), "\"x\"");
        assert_eq!(render_value(&from_json(&json!(["a", 1, true])), Rendering::Text), "a\n1\ntrue");
    }

    #[test]
    fn yaml_quotes_ambiguous_text() {
        let tricky = json!({ "a": "yes", "b": "1.5", "c": "", "d": "- x", "e": "a: b", "f": "#x", "g": {}, "h": [], "i": " x", "j": "null" });
        assert_eq!(
            render_value(&from_json(&tricky), Rendering::Yaml),
            "a: 'yes'\nb: '1.5'\nc: ''\nd: '- x'\ne: 'a: b'\nf: '#x'\ng: {}\nh: []\ni: ' x'\nj: 'null'"
        );
    }

    #[test]
    fn secrets_are_redacted_in_every_rendering() {
        let v = Value::record(vec![("k".into(), Value::Secret(crate::value::Secret::new("hunter2")))]);
        for r in
            [Rendering::Text, Rendering::Json, Rendering::Yaml, Rendering::Markdown, Rendering::Xml, Rendering::Csv]
        {
            assert!(!render_value(&v, r).contains("hunter2"));
        }
    }

    #[test]
    fn urls_are_encoded() {
        let mut out = String::new();
        percent_encode("a b/ü?&", &mut out);
        assert_eq!(out, "a%20b%2F%C3%BC%3F%26");
    }
}
