//! The progress of a run: a live tree on a terminal, lines on a pipe, JSON events with `--json`.

mod alert;
mod events;
mod figures;
mod lines;
mod live;
mod meter;
mod plain;
mod question;
mod terminal;
mod tree;
mod width;

use std::{io::IsTerminal, path::Path};

use cascade_ir::screen::neutralize_controls;
use cascade_runtime::{Asker, Cancel, Event, Observer};

use crate::{error::Stop, people};

pub use alert::Alert;
pub use figures::{dollars, duration_text, short_count, stage_figures};
pub use meter::Meter;

/// An event as a terminal may show it.
fn neutralize_event(event: &Event) -> Event {
    let mut event = event.clone();
    for text in event.texts_mut() {
        *text = neutralize_controls(text).into_owned();
    }
    event
}

/// Who hears of a run's events.
pub enum Progress {
    /// Nobody.
    Quiet,
    /// Lines on standard error.
    Plain(plain::Plain),
    /// A live tree on standard error.
    Tree(live::Live),
    /// JSON lines on standard output.
    Json(events::Events),
}

impl Progress {
    /// What suits the arguments and the terminal.
    ///
    /// `cancel` ends the run when its events cannot be written.
    ///
    /// `meter` gives what counts the money of the run, where that is shown.
    pub fn new(
        quiet: bool,
        json: bool,
        color: bool,
        files: &[String],
        cancel: &Cancel,
        meter: impl FnOnce() -> Option<Meter>,
    ) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb") || std::env::var_os("CI").is_some();
        if json {
            Self::Json(events::Events::new(files, cancel.clone()))
        } else if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() && !dumb {
            Self::Tree(live::Live::new(color, meter()))
        } else {
            Self::Plain(plain::Plain::new(color))
        }
    }

    /// The observer that the run calls; `None` when nothing is shown. `alert` tells a person of questions.
    pub fn observer(&self, alert: Alert) -> Option<Observer<'_>> {
        let mut show: Observer<'_> = match self {
            Self::Quiet if !alert.is_wanted() => return None,
            Self::Quiet => Box::new(|_: &Event| ()),
            Self::Plain(plain) => Box::new(|event: &Event| plain.event(&neutralize_event(event))),
            Self::Tree(live) => Box::new(|event: &Event| live.event(&neutralize_event(event))),
            Self::Json(events) => Box::new(|event: &Event| events.event(event)),
        };
        if !alert.is_wanted() {
            return Some(show);
        }
        Some(Box::new(move |event: &Event| {
            show(event);
            alert.event(event);
        }))
    }

    /// Asks people on the terminal, when there is one.
    pub fn asker(&self, color: bool) -> Option<Asker> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        match self {
            Self::Json(_) => None,
            Self::Tree(live) => {
                let state = live.state();
                Some(Box::new(move |asked| live::ask_below_tree(&state, asked)))
            }
            Self::Quiet | Self::Plain(_) => Some(Box::new(move |asked| people::ask_person(asked, color))),
        }
    }

    /// Ends the drawing, before anything else is printed.
    pub fn finish(&self) {
        if let Self::Tree(live) = self {
            live.finish();
        }
    }

    /// Fails when events could not be written.
    pub fn check(&self) -> Result<(), Stop> {
        match self {
            Self::Json(events) => match events.take_error() {
                Some(error) => Err(Stop::file("write to", Path::new("standard output"), &error)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
