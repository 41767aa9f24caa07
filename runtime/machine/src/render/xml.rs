//! XML elements, named by the keys.

use cascade_ir::markup::push_escaped;
use serde_json::Value as Json;

use super::scalar_text;

pub(super) fn to_xml(value: &Json) -> String {
    let mut out = String::new();
    write_content(value, 0, &mut out);
    out
}

/// The content of an element. A list gives `item` elements, a record one element per key.
fn write_content(value: &Json, level: usize, out: &mut String) {
    match value {
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                begin_line(i, level, out);
                write_element("item", item, level, out);
            }
        }
        Json::Object(fields) => {
            for (i, (key, item)) in fields.iter().enumerate() {
                begin_line(i, level, out);
                write_element(key, item, level, out);
            }
        }
        scalar => escape_text(&scalar_text(scalar), out),
    }
}

fn write_element(key: &str, value: &Json, level: usize, out: &mut String) {
    let name = if is_name(key) { key } else { "entry" };
    out.push('<');
    out.push_str(name);
    if name != key {
        out.push_str(" name=\"");
        escape_text(key, out);
        out.push('"');
    }
    let nested = match value {
        Json::Array(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
        Json::Null => {
            out.push_str("/>");
            return;
        }
        _ => false,
    };
    out.push('>');
    if nested {
        out.push('\n');
        out.push_str(&"  ".repeat(level + 1));
        write_content(value, level + 1, out);
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    } else {
        write_content(value, level + 1, out);
    }
    out.push_str(&format!("</{name}>"));
}

fn begin_line(i: usize, level: usize, out: &mut String) {
    if i > 0 {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    }
}

fn is_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}

fn escape_text(text: &str, out: &mut String) {
    // XML has no control characters.
    let replace = |c: char| (c.is_control() && !"\n\t\r".contains(c)).then_some("\u{fffd}");
    push_escaped(out, text, replace);
}
