//! Diagnostics as JSON, one object per line.

use serde_json::{Value, json};

use crate::{
    diagnostic::{Diagnostic, Label},
    source::{SourceId, SourceMap},
};
use cascade_grammar::ast::Span;

/// Lines and columns start at 1, columns count characters, offsets count bytes.
pub fn render_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let value = json!({
            "code": d.code.as_str(),
            "severity": d.severity.as_str(),
            "message": d.message,
            "primary": label_json(&d.primary, sources),
            "labels": d.labels.iter().map(|l| label_json(l, sources)).collect::<Vec<_>>(),
            "help": d.help,
            "fixes": d.fixes.iter().map(|f| json!({
                "title": f.title,
                "range": range_json(f.source, f.span, sources),
                "replacement": f.replacement,
                "safe": f.safe,
            })).collect::<Vec<_>>(),
        });
        out.push_str(&value.to_string());
        out.push('\n');
    }
    out
}

fn label_json(label: &Label, sources: &SourceMap) -> Value {
    json!({ "text": label.text, "range": range_json(label.source, label.span, sources) })
}

fn range_json(source: SourceId, span: Span, sources: &SourceMap) -> Value {
    let source = sources.get(source);
    let point = |offset: u32| {
        let (line, column) = source.position(offset);
        json!({ "line": line, "column": column, "offset": offset })
    };
    json!({ "file": source.name, "start": point(span.start), "end": point(span.end) })
}
