//! YAML, quoted such that every parser reads the same values.

use serde_json::Value as Json;

/// A document without a final line break.
pub(super) fn to_yaml(value: &Json) -> String {
    let mut out = String::new();
    write_node(value, 0, &mut out);
    out
}

fn write_node(value: &Json, level: usize, out: &mut String) {
    match value {
        Json::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                begin_line(i, level, out);
                out.push('-');
                if is_block(item) {
                    out.push(' ');
                    write_node(item, level + 1, out);
                } else {
                    out.push(' ');
                    write_scalar(item, level + 1, out);
                }
            }
        }
        Json::Object(fields) if !fields.is_empty() => {
            for (i, (key, item)) in fields.iter().enumerate() {
                begin_line(i, level, out);
                out.push_str(&quote_scalar(key));
                out.push(':');
                if is_block(item) {
                    // A list or record below its key, indented by one level.
                    out.push('\n');
                    out.push_str(&"  ".repeat(level + 1));
                    write_node(item, level + 1, out);
                } else {
                    out.push(' ');
                    write_scalar(item, level + 1, out);
                }
            }
        }
        other => write_scalar(other, level, out),
    }
}

/// Starts a line for every entry but the first, which continues the current line.
fn begin_line(i: usize, level: usize, out: &mut String) {
    if i > 0 {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    }
}

fn is_block(value: &Json) -> bool {
    match value {
        Json::Array(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

fn write_scalar(value: &Json, level: usize, out: &mut String) {
    match value {
        Json::String(s) if fits_block(s) => {
            out.push_str(if s.ends_with('\n') { "|" } else { "|-" });
            for text in s.strip_suffix('\n').unwrap_or(s).split('\n') {
                out.push('\n');
                if !text.is_empty() {
                    out.push_str(&"  ".repeat(level.max(1)));
                    out.push_str(text);
                }
            }
        }
        Json::String(s) => out.push_str(&quote_scalar(s)),
        other => out.push_str(&other.to_string()),
    }
}

/// Whether a multi-line text can be a literal block without an indentation indicator.
fn fits_block(s: &str) -> bool {
    s.contains('\n')
        && !s.starts_with([' ', '\n', '\t'])
        && !s.ends_with("\n\n")
        && s.strip_suffix('\n').unwrap_or(s).split('\n').all(|l| !l.ends_with(' '))
        && s.chars().all(|c| c == '\n' || c == '\t' || !c.is_control())
}

fn quote_scalar(s: &str) -> String {
    if s.chars().any(char::is_control) {
        return serde_json::to_string(s).unwrap_or_default();
    }
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "~", "y"];
    let special = s.is_empty()
        || s.starts_with([
            ' ', '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
        ])
        || s.ends_with([' ', ':'])
        || s.contains(": ")
        || s.contains(" #")
        || s.contains('"')
        || s.parse::<f64>().is_ok()
        || s.eq_ignore_ascii_case("n")
        || WORDS.iter().any(|w| s.eq_ignore_ascii_case(w));
    if special { format!("'{}'", s.replace('\'', "''")) } else { s.to_owned() }
}
