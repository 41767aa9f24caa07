//! `cascadec runs logs`.

use std::{thread, time::Duration};

use cascade_ir::screen::{neutral_line, neutralize_controls};
use cascade_runtime::journal::{Activity, Cursor, Store};
use serde_json::{Value as Json, json};

use crate::{args::RunsLogsArgs, commands::print_text, error::Stop, journal, time};

/// How often the activity of a run that lives is read.
const POLL: Duration = Duration::from_millis(250);

/// Prints what happened in a run, in the order of time.
pub fn show_logs(store: &dyn Store, args: &RunsLogsArgs, color: bool) -> Result<u8, Stop> {
    let mut run = journal::find_run(store, &args.run)?;
    let mut cursor = Cursor::default();
    loop {
        let mut out = String::new();
        for activity in store.activity(&run.id, &mut cursor)? {
            let at = activity.last_at();
            let Some(event) = as_event(activity, args.follow) else { continue };
            out.push_str(&if args.json { with_time(at, &event) } else { log_line(at, &event, color) });
            out.push('\n');
        }
        print_text(&out)?;
        if !args.follow || run.pid.is_none() {
            return Ok(0);
        }
        thread::sleep(POLL);
        run = journal::find_run(store, &run.id)?;
    }
}

/// An activity as an event of `--json`. Progress is shown only while the run lives.
fn as_event(activity: Activity, live: bool) -> Option<Json> {
    Some(match activity {
        Activity::Began { path, attempt, skill, .. } => {
            json!({ "event": "started", "path": path, "attempt": attempt, "skill": skill })
        }
        Activity::Ended { path, attempt, status, message, .. } => {
            json!({ "event": "ended", "path": path, "attempt": attempt, "status": status, "message": message })
        }
        Activity::Progress { path, attempt, progress, .. } if live => {
            json!({ "event": "progress", "path": path, "attempt": attempt, "progress": progress })
        }
        Activity::Progress { .. } => return None,
        Activity::Event { at, mut event, .. } => {
            if let Some(until) = wait_end(at, &event) {
                event["until"] = until.into();
            }
            event
        }
    })
}

/// When a wait that a service asked for is over, in milliseconds since 1970; `at` is the time of its event.
pub fn wait_end(at: i64, event: &Json) -> Option<i64> {
    Some(at.saturating_add_unsigned(event.get("wait_ms")?.as_u64()?))
}

fn with_time(at: i64, event: &Json) -> String {
    let mut event = event.clone();
    if let Json::Object(fields) = &mut event {
        fields.insert("at".to_owned(), at.into());
    }
    event.to_string()
}

fn log_line(at: i64, event: &Json, color: bool) -> String {
    let text = |name: &str| neutralize_controls(event.get(name).and_then(Json::as_str).unwrap_or_default());
    let (dim, end) = if color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    let message = text("message");
    let message = message.lines().next().unwrap_or_default();
    let what = match &*text("event") {
        "started" => format!("begin {}", text("path")),
        "ended" if message.is_empty() => format!("{}  {}", text("status"), text("path")),
        "ended" => format!("{} {}: {message}", text("status"), text("path")),
        "progress" => {
            let progress = event.get("progress").unwrap_or(&Json::Null);
            let said = ["line", "step"].iter().find_map(|name| progress.get(name).and_then(Json::as_str));
            let until = progress.get("waits_until").and_then(Json::as_i64);
            let name = progress.get("waits_for").and_then(Json::as_str);
            let otherwise = || match (until, name) {
                (_, Some(name)) => format!("waits for its turn at `{}`", neutralize_controls(name)),
                (Some(until), _) => format!("waits until {}", time::clock_text(until)),
                (None, None) => format!("{} tokens so far", progress.get("tokens").and_then(Json::as_u64).unwrap_or(0)),
            };
            format!("      {}: {}", text("path"), said.map_or_else(otherwise, neutral_line))
        }
        "stage_retrying" => {
            let end = event.get("until").and_then(Json::as_i64);
            let end = end.map_or_else(String::new, |until| format!(" at {}", time::clock_text(until)));
            format!("retry {}: {message}; next: {}{end}", text("path"), text("next"))
        }
        "model_passed_over" => {
            format!("note  {}: `{}` is not used: {}", text("path"), text("model"), text("reason"))
        }
        "model_chosen" => format!("note  {}: `{}` is asked, {}", text("path"), text("model"), text("reason")),
        "task_assigned" => format!("note  {}: agent {} takes it", text("path"), event["agent"]),
        "agent_session" => format!("note  {}: the agent works in session {}", text("path"), text("session")),
        "answer_refused" => format!("note  {}: the answer of attempt {} was refused", text("path"), event["attempt"]),
        "answer_repaired" => {
            format!("note  {}: the answer was repaired: {}", text("path"), describe_repairs(event).join("; "))
        }
        "stage_finished" if message.is_empty() => format!("{} {}", text("status"), text("path")),
        "stage_finished" => format!("{} {}: {message}", text("status"), text("path")),
        "gate_failed" => format!("gate  {message}"),
        "warning" => format!("warn  {message}"),
        "log" => format!("log   {message}"),
        other => format!("{other} {}", text("path")),
    };
    format!("{dim}{}{end} {what}", time::clock_text(at))
}

/// What was corrected to read the answer of a model.
pub fn describe_repairs(event: &Json) -> Vec<String> {
    let repairs = event.get("repairs").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    repairs.iter().filter_map(Json::as_str).map(neutral_line).collect()
}
