//! `--json`: one event a line on standard output.

use std::{cell::RefCell, io::Write, time::Instant};

use cascade_runtime::Event;
use serde_json::Value;

/// Writes events as they come; `at` is the time since the start in milliseconds.
pub struct Events {
    began: Instant,
    out: RefCell<std::io::Stdout>,
}

impl Events {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { began: Instant::now(), out: RefCell::new(std::io::stdout()) }
    }

    /// Writes an event.
    pub fn event(&self, event: &Event) {
        if let Ok(value) = serde_json::to_value(event) {
            self.write(value);
        }
    }

    /// Writes a line. A reader that has gone away is no reason to stop the run.
    pub fn write(&self, mut value: Value) {
        let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Value::Object(map) = &mut value {
            map.insert("at".to_owned(), at.into());
        }
        let mut out = self.out.borrow_mut();
        let _ = writeln!(out, "{value}").and_then(|()| out.flush());
    }
}
