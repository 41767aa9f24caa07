//! Telling a person who looks elsewhere that a run waits: a bell, or a command of the project.

use std::{
    io::{IsTerminal, Write},
    process::{Command, Stdio},
    thread,
};

use cascade_ir::screen::neutral_line;
use cascade_runtime::Event;

/// How it is told; by default not at all.
#[derive(Debug, Clone, Default)]
pub struct Alert {
    /// Rings the bell of the terminal.
    pub bell: bool,
    /// A program with its arguments, to which the question is added as the last one; empty for none.
    pub notify: Vec<String>,
}

impl Alert {
    /// Whether there is anything to do.
    pub fn is_wanted(&self) -> bool {
        self.bell || !self.notify.is_empty()
    }

    /// Tells of a question.
    pub fn event(&self, event: &Event) {
        let Event::Asked { path, question, .. } = event else { return };
        let mut err = std::io::stderr();
        if self.bell && err.is_terminal() {
            let _ = err.write_all(b"\x07").and_then(|()| err.flush());
        }
        let Some((program, arguments)) = self.notify.split_first() else { return };
        let text = format!("{path}: {}", neutral_line(question.lines().next().unwrap_or_default()));
        let mut command = Command::new(program);
        command.args(arguments).arg(text).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A run is not held up by it, and does not fail with it.
        if let Ok(mut child) = command.spawn() {
            thread::spawn(move || child.wait());
        }
    }
}
