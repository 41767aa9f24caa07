//! `cascadec runs diff`: what two runs did differently.

use std::collections::BTreeMap;

use cascade_ir::screen::neutral_line;
use cascade_runtime::{
    journal::{EffectRow, Store},
    value::REDACTED,
};
use serde_json::{Value as Json, json};

use crate::{args::RunsDiffArgs, commands::print_text, error::Stop, journal};

/// Compares two runs.
pub fn show_run_diff(store: &dyn Store, args: &RunsDiffArgs, color: bool) -> Result<u8, Stop> {
    let (a, b) = (journal::find_run(store, &args.before)?, journal::find_run(store, &args.after)?);
    let mut lines: Vec<Json> = Vec::new();
    let names = |value: &Json| value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut inputs = names(&a.inputs);
    inputs.extend(names(&b.inputs).into_iter().filter(|n| a.inputs.get(n).is_none()));
    for name in inputs {
        let (x, y) = (a.inputs.get(&name), b.inputs.get(&name));
        if x != y {
            lines.push(json!({ "what": format!("input {name}"), "before": x, "after": y }));
        }
    }
    let (before, after) = (last_attempts(store.effects(&a.id)?), last_attempts(store.effects(&b.id)?));
    let mut paths: Vec<&String> = before.keys().chain(after.keys().filter(|p| !before.contains_key(*p))).collect();
    paths.sort();
    let mut same = 0;
    for path in paths {
        match (before.get(path), after.get(path)) {
            (Some(x), None) => lines.push(json!({ "what": path, "change": "gone", "before": output_of(x) })),
            (None, Some(y)) => lines.push(json!({ "what": path, "change": "new", "after": output_of(y) })),
            (Some(x), Some(y)) => {
                let change = match (x.key == y.key, output_of(x) == output_of(y)) {
                    (true, true) => {
                        same += 1;
                        continue;
                    }
                    (true, false) => "another answer",
                    (false, true) => "another question, the same answer",
                    (false, false) => "another question, another answer",
                };
                lines.push(json!({ "what": path, "change": change, "before": output_of(x), "after": output_of(y) }));
            }
            (None, None) => {}
        }
    }
    if a.status != b.status {
        lines.push(json!({ "what": "status", "before": a.status, "after": b.status }));
    }
    if a.result != b.result {
        lines.push(json!({ "what": "result", "before": a.result, "after": b.result }));
    }
    if args.json {
        print_text(&format!("{}\n", json!({ "before": a.id, "after": b.id, "same": same, "differences": lines })))?;
        return Ok(u8::from(!lines.is_empty()));
    }
    let paint = |code: &str, text: String| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
    let mut out = String::new();
    for line in &lines {
        let text = |name: &str| line.get(name).filter(|v| !v.is_null()).map(shorten_value);
        let change = line.get("change").and_then(Json::as_str).map(|c| format!(": {c}")).unwrap_or_default();
        out.push_str(&format!("{}{change}\n", line.get("what").and_then(Json::as_str).unwrap_or_default()));
        if let Some(before) = text("before") {
            out.push_str(&paint("31", format!("  - {before}")));
            out.push('\n');
        }
        if let Some(after) = text("after") {
            out.push_str(&paint("32", format!("  + {after}")));
            out.push('\n');
        }
    }
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    out.push_str(&format!("{}, {} the same\n", plural(lines.len(), "difference"), plural(same, "stage")));
    print_text(&out)?;
    // As `diff` does.
    Ok(u8::from(!lines.is_empty()))
}

/// The last attempt of each stage.
fn last_attempts(effects: Vec<EffectRow>) -> BTreeMap<String, EffectRow> {
    effects.into_iter().map(|e| (e.path.clone(), e)).collect()
}

/// What a stage gave.
fn output_of(effect: &EffectRow) -> Json {
    match (&effect.answer, &effect.error) {
        // It is sealed anew each time.
        (Some(answer), _) if answer.get("sealed").is_some() => REDACTED.into(),
        (Some(answer), _) => {
            ["stdout", "body", "text", "answer"].iter().find_map(|n| answer.get(n)).unwrap_or(answer).clone()
        }
        (None, Some(error)) => Json::String(error.to_string()),
        (None, None) => Json::String(effect.status.clone()),
    }
}

fn shorten_value(value: &Json) -> String {
    let text = match value {
        Json::String(text) => neutral_line(text),
        other => neutral_line(&other.to_string()),
    };
    if text.chars().count() > 200 { text.chars().take(200).chain(['…']).collect() } else { text }
}
