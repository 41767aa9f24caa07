//! Markdown: tables for lists of flat records, `-` for other lists, bold keys for records.

use serde_json::Value as Json;

use super::{scalar_text, table_columns};

pub(super) fn to_markdown(value: &Json) -> String {
    let mut out = String::new();
    match table_columns(value) {
        Some((table_columns, rows)) => write_table(&table_columns, rows, &mut out),
        None => write_node(value, 0, &mut out),
    }
    out
}

fn write_table(columns: &[&str], rows: &[Json], out: &mut String) {
    let row = |cells: &mut dyn Iterator<Item = String>, out: &mut String| {
        for cell in cells {
            out.push_str("| ");
            out.push_str(&cell);
            out.push(' ');
        }
        out.push('|');
    };
    row(&mut columns.iter().map(|c| escape_cell(c)), out);
    out.push('\n');
    row(&mut columns.iter().map(|_| "---".to_owned()), out);
    for entry in rows {
        out.push('\n');
        row(&mut columns.iter().map(|c| entry.get(c).map(|v| escape_cell(&scalar_text(v))).unwrap_or_default()), out);
    }
}

fn escape_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', "<br>")
}

fn write_node(value: &Json, level: usize, out: &mut String) {
    let pad = "  ".repeat(level);
    match value {
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                begin_line(i, level, out);
                out.push_str("- ");
                nested(item, level + 1, out);
            }
        }
        Json::Object(fields) => {
            for (i, (key, item)) in fields.iter().enumerate() {
                begin_line(i, level, out);
                out.push_str(&format!("**{key}**: "));
                if matches!(item, Json::Array(a) if !a.is_empty()) || matches!(item, Json::Object(o) if !o.is_empty()) {
                    out.pop();
                    out.push('\n');
                    out.push_str(&pad);
                    // Nested records become lists, so that the levels stay visible.
                    if let Json::Object(inner) = item {
                        for (j, (k, v)) in inner.iter().enumerate() {
                            begin_line(j, level, out);
                            out.push_str(&format!("- **{k}**: "));
                            nested(v, level + 1, out);
                        }
                    } else {
                        write_node(item, level, out);
                    }
                } else {
                    nested(item, level, out);
                }
            }
        }
        scalar => out.push_str(&scalar_text(scalar).replace('\n', &format!("\n{pad}"))),
    }
}

fn nested(value: &Json, level: usize, out: &mut String) {
    if matches!(value, Json::Array(a) if a.is_empty()) || matches!(value, Json::Object(o) if o.is_empty()) {
        return;
    }
    if let Json::Array(_) = value {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    }
    write_node(value, level, out);
}

fn begin_line(i: usize, level: usize, out: &mut String) {
    if i > 0 {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    }
}
