//! SARIF 2.1.0, which code scanning services read.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    codes::Code,
    diagnostic::{Diagnostic, Label, Severity},
    project::baseline::fingerprint_of,
    source::{SourceId, SourceMap},
};
use cascade_grammar::ast::Span;

/// One log with one run, as one JSON document.
pub fn render_sarif(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let codes: Vec<Code> = diagnostics.iter().map(|d| d.code).collect::<BTreeSet<_>>().into_iter().collect();
    let results: Vec<Value> = diagnostics.iter().map(|d| result_json(d, &codes, sources)).collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cascadec",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule_json(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut out = serde_json::to_string_pretty(&log).unwrap_or_default();
    out.push('\n');
    out
}

fn rule_json(code: Code) -> Value {
    let page = code.explanation();
    let text = page.page.split_once('\n').map_or("", |(_, rest)| rest).trim();
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": page.title() },
        "help": { "text": format!("cascadec explain {}", code.as_str()), "markdown": text },
        "defaultConfiguration": { "level": code.severity().as_str() },
    })
}

fn result_json(d: &Diagnostic, codes: &[Code], sources: &SourceMap) -> Value {
    let mut message = d.message.clone();
    if let Some(help) = &d.help {
        message.push_str(". Help: ");
        message.push_str(help);
    }
    let level = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = json!({
        "ruleId": d.code.as_str(),
        "ruleIndex": codes.binary_search(&d.code).unwrap_or(0),
        "level": level,
        "message": { "text": message },
        "locations": [location_json(&d.primary, sources)],
        "partialFingerprints": { "cascade/v1": fingerprint_of(d, sources) },
    });
    if !d.labels.is_empty() {
        out["relatedLocations"] = (1..)
            .zip(&d.labels)
            .map(|(id, label)| {
                let mut place = location_json(label, sources);
                place["id"] = json!(id);
                place
            })
            .collect();
    }
    if !d.fixes.is_empty() {
        let fixes = d.fixes.iter().map(|fix| {
            json!({
                "description": { "text": fix.title },
                "artifactChanges": [{
                    "artifactLocation": artifact_location(fix.source, sources),
                    "replacements": [{
                        "deletedRegion": region_json(fix.source, fix.span, sources),
                        "insertedContent": { "text": fix.replacement },
                    }],
                }],
            })
        });
        out["fixes"] = fixes.collect();
    }
    out
}

fn location_json(label: &Label, sources: &SourceMap) -> Value {
    let mut place = json!({
        "physicalLocation": {
            "artifactLocation": artifact_location(label.source, sources),
            "region": region_json(label.source, label.span, sources),
        },
    });
    if !label.text.is_empty() {
        place["message"] = json!({ "text": label.text });
    }
    place
}

/// A file as a URI: relative paths stay relative to the working directory.
fn artifact_location(source: SourceId, sources: &SourceMap) -> Value {
    let name = sources.get(source).name.replace('\\', "/");
    let root = if name.starts_with('/') { "file://" } else { "" };
    let mut uri = root.to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    json!({ "uri": uri })
}

fn region_json(source: SourceId, span: Span, sources: &SourceMap) -> Value {
    let source = sources.get(source);
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end);
    json!({
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
        "byteOffset": span.start,
        "byteLength": span.end.saturating_sub(span.start),
    })
}
