//! Worst cases as text and as JSON.

use std::fmt::Write as _;

use cascade_ir::Place;
use serde_json::{Value as Json, json};

use super::{Bound, Cost, Figure, NoteKind, Poly, Share};

/// The name of a figure, the figure, and the function that writes its numbers.
type Row<'c> = (&'static str, &'c Figure, fn(u128) -> String);

fn cost_rows(cost: &Cost) -> [Row<'_>; 5] {
    [
        ("stages", &cost.stages, count_text),
        ("model calls", &cost.calls, count_text),
        ("tokens", &cost.tokens, count_text),
        ("money", &cost.money, money_text),
        ("time", &cost.time, time_text),
    ]
}

/// `1,234,567`.
fn count_text(n: u128) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Dollars with cents, or more digits where they matter; rounded up.
pub(super) fn money_text(millionths: u128) -> String {
    if millionths < 10_000 && millionths > 0 {
        return format!("${}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    }
    let cents = millionths.div_ceil(10_000);
    format!("${}.{:02}", count_text(cents / 100), cents % 100)
}

/// The two largest units, rounded up.
fn time_text(ms: u128) -> String {
    const UNITS: [(u128, &str); 5] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let Some(first) = UNITS.iter().position(|(size, _)| ms >= *size) else { return "0s".into() };
    let (size, unit) = UNITS[first];
    let Some((small, small_unit)) = UNITS.get(first + 1) else { return format!("{ms}{unit}") };
    let rest = (ms % size).div_ceil(*small);
    match rest {
        0 => format!("{}{unit}", ms / size),
        // The smaller unit was rounded up to a whole larger one.
        n if n * small == size => time_text(ms / size * size + size),
        n => format!("{}{unit}{n}{small_unit}", ms / size),
    }
}

fn figure_text(figure: &Figure, format_number: fn(u128) -> String) -> String {
    match &figure.bound {
        Bound::AtMost(poly) => poly.format(format_number),
        Bound::Unlimited(_) => "no limit".into(),
    }
}

fn place_text(place: Place, files: &[String]) -> String {
    format!("{}:{}", files.get(place.file as usize).map_or("?", String::as_str), place.line)
}

/// The explanation of a figure: why it is unlimited, what limits it, or what dominates it.
fn explain_figure(figure: &Figure, format_number: fn(u128) -> String, files: &[String]) -> Option<String> {
    if let Bound::Unlimited(why) = &figure.bound {
        return Some(format!("{}, {}", why.text, place_text(why.place, files)));
    }
    if let Some(cap) = &figure.cap {
        let otherwise = cap.otherwise.as_ref().map_or("no limit".to_owned(), |p| p.format(format_number));
        return Some(format!(
            "limited by the {} at {}; without it {otherwise}",
            cap.clause,
            place_text(cap.place, files)
        ));
    }
    figure.peak.as_ref().map(|peak| format!("mostly {}, {}", peak.what, place_text(peak.place, files)))
}

/// The message of a note.
fn note_message(kind: NoteKind, example: &str) -> String {
    match kind {
        NoteKind::Window => format!(
            "the length of `{example}`'s prompt is known only at run time: it is assumed to fill its model's context window"
        ),
        NoteKind::Output => format!(
            "`{example}` has no `max_output`: {} tokens per answer are assumed",
            count_text(cascade_ir::limits::UNKNOWN_OUTPUT.into())
        ),
        NoteKind::Price => format!("`{example}` has no price: it is counted as free, as it is in a run"),
        NoteKind::Pauses => format!("a service may ask for longer pauses between attempts (`{example}`)"),
        NoteKind::Quota => format!("waiting for a provider's quota is not counted (`{example}`)"),
        NoteKind::NoModel => format!("no model can answer `{example}`, so no call of it is counted"),
        NoteKind::Agent => format!(
            "the agent of `{example}` is given its budget where its program takes one; otherwise it may pass it by one session"
        ),
    }
}

/// The notes that matter for these figures: pauses and quotas only if the time is not limited.
fn notes_of(cost: &Cost) -> impl Iterator<Item = (NoteKind, &str, Place)> {
    let timed = cost.time.poly().is_some() && cost.time.cap.is_none();
    let matters = move |kind| timed || !matches!(kind, NoteKind::Pauses | NoteKind::Quota);
    cost.notes.iter().map(|(k, e, p)| (*k, e.as_str(), *p)).filter(move |(kind, ..)| matters(*kind))
}

/// A table for each cascade. `files` are those of the program.
pub fn report_text(costs: &[Cost], files: &[String]) -> String {
    let mut out = String::new();
    for cost in costs {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{} ({}), at most:", cost.cascade, place_text(cost.place, files));
        let rows = cost_rows(cost).map(|(name, figure, format_number)| {
            (name, figure_text(figure, format_number), explain_figure(figure, format_number, files))
        });
        let width = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0).min(48);
        for (name, value, remark) in rows {
            let line = format!("  {name:<11}  {value:<width$}  {}", remark.unwrap_or_default());
            let _ = writeln!(out, "{}", line.trim_end());
        }
        write_shares(cost, &mut out);
        for (kind, example, at) in notes_of(cost) {
            let _ = writeln!(out, "  note: {}, {}", note_message(kind, example), place_text(at, files));
        }
    }
    out
}

/// What each stage costs at most with each of its models. Budgets around them hold as well.
fn write_shares(cost: &Cost, out: &mut String) {
    let row = |share: &Share| {
        let calls = figure_text(&share.calls, count_text);
        let noun = if calls == "1" { "call" } else { "calls" };
        [
            share.stage.to_string(),
            share.model.to_string(),
            format!("{calls} {noun}"),
            figure_text(&share.money, money_text),
        ]
    };
    let rows: Vec<[String; 4]> = cost.shares.iter().map(row).collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "  money by stage, if one model answers all of its prompts:");
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(48);
    let widths = [width(0), width(1), width(2)];
    let mut last = "";
    for [stage, model, calls, money] in &rows {
        let shown = if last == stage { "" } else { stage.as_str() };
        last = stage;
        let [a, b, c] = widths;
        let _ = writeln!(out, "    {shown:<a$}  {model:<b$}  {calls:<c$}  {money}");
    }
}

/// The figures of a cascade in one line: `model calls 3; …`.
pub fn cost_figures(cost: &Cost) -> String {
    let rows =
        cost_rows(cost).map(|(name, figure, format_number)| format!("{name} {}", figure_text(figure, format_number)));
    rows.join("; ")
}

/// One line for each cascade.
pub fn short_report(costs: &[Cost], files: &[String]) -> String {
    let mut out = String::new();
    for cost in costs {
        let _ = writeln!(out, "{}: {}: {}", place_text(cost.place, files), cost.cascade, cost_figures(cost));
    }
    out
}

fn terms_json(poly: &Poly) -> Json {
    poly.terms().map(|(names, n)| json!({ "times": number_json(n), "of": names })).collect()
}

/// As a JSON number; a number that does not fit becomes the largest that does.
fn number_json(n: u128) -> Json {
    u64::try_from(n).unwrap_or(u64::MAX).into()
}

fn figure_json(figure: &Figure, format_number: fn(u128) -> String, files: &[String]) -> Json {
    let at = |p: Place| json!({ "file": files.get(p.file as usize), "line": p.line, "column": p.column });
    let mut out = json!({ "shown": figure_text(figure, format_number) });
    match &figure.bound {
        Bound::AtMost(poly) => {
            out["most"] = poly.as_number().map_or(Json::Null, number_json);
            out["terms"] = terms_json(poly);
        }
        Bound::Unlimited(why) => out["unlimited"] = json!({ "why": why.text.as_str(), "at": at(why.place) }),
    }
    if let Some(peak) = &figure.peak {
        out["dominated_by"] = json!({ "what": peak.what.as_str(), "at": at(peak.place) });
    }
    if let Some(cap) = &figure.cap {
        let otherwise = cap.otherwise.as_ref().map(|p| p.format(format_number));
        out["held_by"] = json!({ "clause": cap.clause, "at": at(cap.place), "otherwise": otherwise });
    }
    out
}

/// One JSON object a line for each cascade.
pub fn report_json(costs: &[Cost], files: &[String]) -> String {
    let mut out = String::new();
    for cost in costs {
        let notes: Vec<String> = notes_of(cost).map(|(kind, example, _)| note_message(kind, example)).collect();
        let mut object = json!({
            "kind": "cost",
            "cascade": cost.cascade.as_str(),
            "file": files.get(cost.place.file as usize),
            "line": cost.place.line,
        });
        for (name, of, format_number) in cost_rows(cost) {
            let name = match name {
                "model calls" => "model_calls",
                "money" => "microdollars",
                "time" => "milliseconds",
                other => other,
            };
            object[name] = figure_json(of, format_number, files);
        }
        object["notes"] = notes.into();
        let _ = writeln!(out, "{object}");
    }
    out
}
