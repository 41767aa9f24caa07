//! Lines on standard error: one for each stage that did something, when it ends.

use cascade_runtime::Event;

use super::figures::figures;

/// Writes lines.
pub struct Plain {
    color: bool,
}

impl Plain {
    /// With or without colours.
    pub fn new(color: bool) -> Self {
        Self { color }
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
            Event::StageFinished { path, status, attempts, tokens, cost, ms, message } => {
                let (word, code) = match *status {
                    "done" => ("done", "32"),
                    "failed" => ("FAIL", "31"),
                    "skipped" => ("skip", "33"),
                    _ => ("stop", "33"),
                };
                let mut line =
                    format!("{} {path} ({})", self.paint(code, word), figures(*ms, *attempts, *tokens, *cost));
                if let Some(message) = message.as_deref().filter(|_| *status != "done") {
                    line.push_str(&format!(": {}", first_line(message)));
                }
                line
            }
            Event::StageRetrying { path, attempt, message, next, .. } => {
                format!(
                    "{} {path}: attempt {attempt} failed: {}; next: {next}",
                    self.paint("33", "again"),
                    first_line(message)
                )
            }
            Event::ModelPassedOver { path, model, reason } => {
                format!("{} {path}: `{model}` is passed over: {reason}", self.paint("33", "note"))
            }
            Event::Log { message, .. } => format!("{} {message}", self.paint("34", "log ")),
            Event::Warning { message, .. } => format!("{} {message}", self.paint("33", "warn")),
            Event::GateFailed { message, .. } => format!("{} {message}", self.paint("31", "gate")),
            _ => return None,
        })
    }
}

/// The first line of a message; the whole of it is said at the end.
pub fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
