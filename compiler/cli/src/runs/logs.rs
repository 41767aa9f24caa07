//! `cascadec runs logs`.

use std::{thread, time::Duration};

use cascade_runtime::journal::{EffectRow, Store};
use serde_json::{Value as Json, json};

use crate::{args::RunsLogsArgs, commands::print, error::Stop, journal, time};

/// How often a run that goes on is looked at.
const POLL: Duration = Duration::from_millis(250);

/// Prints what happened in a run, in the order of time.
pub fn logs(store: &Store, args: &RunsLogsArgs, color: bool) -> Result<u8, Stop> {
    let mut run = journal::run(store, &args.run)?;
    let (mut after, mut begun, mut ended) = (0, 0, 0);
    loop {
        let mut lines: Vec<(i64, Json)> = Vec::new();
        for (seq, at, event) in store.events(&run.id, after)? {
            after = after.max(seq);
            lines.push((at, event));
        }
        let effects = store.effects(&run.id)?;
        let (starts, ends) = news(&effects, begun, ended);
        begun += starts.len();
        ended += ends.len();
        lines.extend(starts);
        lines.extend(ends);
        lines.sort_by_key(|(at, _)| *at);
        let mut out = String::new();
        for (at, event) in &lines {
            out.push_str(&if args.json { with_time(*at, event) } else { line(*at, event, color) });
            out.push('\n');
        }
        print(&out)?;
        if !args.follow || run.pid.is_none() {
            return Ok(0);
        }
        thread::sleep(POLL);
        run = journal::run(store, &run.id)?;
    }
}

type Lines = Vec<(i64, Json)>;

/// Effects that began and ended since they were last looked at.
fn news(effects: &[EffectRow], begun: usize, ended: usize) -> (Lines, Lines) {
    let starts = effects.iter().filter(|e| e.origin.is_none()).skip(begun).map(|e| {
        let event = json!({ "event": "started", "path": e.path, "attempt": e.attempt, "skill": e.skill });
        (e.started, event)
    });
    let mut over: Vec<&EffectRow> = effects.iter().filter(|e| e.origin.is_none() && e.ended.is_some()).collect();
    over.sort_by_key(|e| e.seq);
    let ends = over.into_iter().skip(ended).map(|e| {
        let event = json!({
            "event": "ended", "path": e.path, "attempt": e.attempt, "status": e.status,
            "message": e.error.as_ref().map(|f| f.message.clone()),
        });
        (e.ended.unwrap_or(e.started), event)
    });
    (starts.collect(), ends.collect())
}

fn with_time(at: i64, event: &Json) -> String {
    let mut event = event.clone();
    if let Json::Object(fields) = &mut event {
        fields.insert("at".to_owned(), at.into());
    }
    event.to_string()
}

fn line(at: i64, event: &Json, color: bool) -> String {
    let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
    let (dim, end) = if color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    let message = text("message").lines().next().unwrap_or_default();
    let what = match text("event") {
        "started" => format!("begin {}", text("path")),
        "ended" if message.is_empty() => format!("{}  {}", text("status"), text("path")),
        "ended" => format!("{} {}: {message}", text("status"), text("path")),
        "stage_retrying" => format!("again {}: {message}; next: {}", text("path"), text("next")),
        "model_passed_over" => {
            format!("note  {}: `{}` is passed over: {}", text("path"), text("model"), text("reason"))
        }
        "gate_failed" => format!("gate  {message}"),
        "warning" => format!("warn  {message}"),
        "log" => format!("log   {message}"),
        other => format!("{other} {}", text("path")),
    };
    format!("{dim}{}{end} {what}", time::clock(at))
}
