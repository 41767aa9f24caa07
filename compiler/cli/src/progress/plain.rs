//! Lines on standard error: one for each stage that did something, when it ends.

use std::{cell::RefCell, collections::HashSet};

use cascade_runtime::{Event, host::Progress};

use super::figures::stage_figures;

/// Writes lines.
pub struct Plain {
    color: bool,
    /// Stages whose answer was not asked for.
    reused: RefCell<HashSet<String>>,
}

impl Plain {
    /// With or without colours.
    pub fn new(color: bool) -> Self {
        Self { color, reused: RefCell::default() }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Writes what there is to say of an event.
    pub fn event(&self, event: &Event) {
        if let Some(line) = self.line(event) {
            eprintln!("{line}");
        }
    }

    fn line(&self, event: &Event) -> Option<String> {
        Some(match event {
            // Its own line has been written.
            Event::StageFinished { path, status: "done", .. } if self.reused.borrow().contains(path) => return None,
            Event::StageFinished { path, status, attempts, tokens, cost, ms, message } => {
                let (word, code) = match *status {
                    "done" => ("done", "32"),
                    "failed" => ("FAIL", "31"),
                    "skipped" => ("skip", "33"),
                    "kept" => ("kept", "33"),
                    _ => ("stop", "33"),
                };
                let mut line =
                    format!("{} {path} ({})", self.paint(code, word), stage_figures(*ms, *attempts, *tokens, *cost));
                if let Some(message) = message.as_deref().filter(|_| *status != "done") {
                    line.push_str(&format!(": {}", first_line(message)));
                }
                line
            }
            Event::StageRetrying { path, attempt, message, next, wait_ms, .. } => {
                let end = wait_ms.map_or_else(String::new, |ms| format!(" at {}", crate::time::clock_in(ms)));
                format!(
                    "{} {path}: attempt {attempt} failed: {}; next: {next}{end}",
                    self.paint("33", "retry"),
                    first_line(message)
                )
            }
            Event::Progress { path, progress: Progress::WaitsFor(name), .. } => {
                format!("{} {path}: waits for its turn at `{name}`", self.paint("33", "wait"))
            }
            Event::Progress { path, progress: Progress::WaitsUntil(until), .. } => {
                let until = crate::time::clock_text(*until);
                format!("{} {path}: its provider asked to slow down; it is sent at {until}", self.paint("33", "wait"))
            }
            Event::ModelPassedOver { path, model, reason } => {
                format!("{} {path}: `{model}` is not used: {reason}", self.paint("33", "note"))
            }
            Event::AnswerRepaired { path, repairs, .. } => {
                let repairs = repairs.join("; ");
                format!("{} {path}: the answer was repaired: {}", self.paint("33", "note"), first_line(&repairs))
            }
            Event::Reused { path, from, .. } => {
                self.reused.borrow_mut().insert(path.clone());
                let word = if *from == "cache" { "from the cache" } else { "from the record" };
                format!("{} {path}: {word}", self.paint("2", "reuse"))
            }
            Event::CacheMissed { path, reason } => {
                format!("{} {path}: not taken from the cache: {reason}", self.paint("2", "note"))
            }
            Event::Paused { reason, until: Some(until) } => {
                format!("{} {reason}; it continues at {}", self.paint("33", "wait"), crate::time::clock_text(*until))
            }
            Event::Log { message, .. } => format!("{} {message}", self.paint("34", "log ")),
            Event::Warning { message, .. } => format!("{} {message}", self.paint("33", "warn")),
            Event::GateFailed { message, .. } => format!("{} {message}", self.paint("31", "gate")),
            _ => return None,
        })
    }
}

/// The first line of a message; the whole message is printed at the end of the run.
pub fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
