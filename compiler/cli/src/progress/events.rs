//! `--json`: one event a line on standard output.

use std::{
    cell::{Cell, RefCell},
    io::{self, ErrorKind, Write},
    time::Instant,
};

use cascade_runtime::{Cancel, Event, journal::now_ms};
use serde_json::Value;

/// Writes events as they come; `at` is the time since the start in milliseconds.
pub struct Events {
    /// Names of the source files, which events know by number.
    files: Vec<String>,
    began: Instant,
    out: RefCell<std::io::Stdout>,
    /// Ends the run when its events cannot be written.
    cancel: Cancel,
    error: Cell<Option<io::Error>>,
}

impl Events {
    /// Starts the clock.
    pub fn new(files: &[String], cancel: Cancel) -> Self {
        let out = RefCell::new(std::io::stdout());
        Self { files: files.to_vec(), began: Instant::now(), out, cancel, error: Cell::new(None) }
    }

    /// Why events could not be written, if they could not.
    pub fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }

    /// Writes an event.
    pub fn event(&self, event: &Event) {
        if let Ok(mut value) = serde_json::to_value(event) {
            if let Event::StageRetrying { wait_ms: Some(ms), .. } = event {
                value["until"] = now_ms().saturating_add_unsigned(*ms).into();
            }
            self.write(value);
        }
    }

    /// Writes a line. A reader that has gone away does not end the run; any other error does.
    pub fn write(&self, mut value: Value) {
        let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Value::Object(map) = &mut value {
            map.insert("at".to_owned(), at.into());
            self.name_place(map);
            if let Some(Value::Object(error)) = map.get_mut("error") {
                self.name_place(error);
            }
        }
        let mut out = self.out.borrow_mut();
        if let Err(error) = writeln!(out, "{value}").and_then(|()| out.flush())
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.error.set(Some(error));
            self.cancel.cancel();
        }
    }

    /// The file of a place by its name.
    fn name_place(&self, map: &mut serde_json::Map<String, Value>) {
        for key in ["place", "stage_place"] {
            let Some(file) = map.get_mut(key).and_then(|place| place.get_mut("file")) else { continue };
            let index = file.as_u64().and_then(|n| usize::try_from(n).ok());
            if let Some(name) = index.and_then(|n| self.files.get(n)) {
                *file = Value::String(name.clone());
            }
        }
    }
}
