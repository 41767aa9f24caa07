//! Observers of a run.

use std::{collections::HashMap, time::Instant};

use super::{Durable, secrets::hide_in_progress};
use crate::{
    events::Event,
    host::{Host, Progress},
    journal::{ProgressMark, Record, now_ms},
    request::RequestId,
};

/// Receives the events of a run.
pub type Observer<'o> = Box<dyn FnMut(&Event) + 'o>;

/// Passes events on, with the time that stages took.
pub(super) struct Watch<'o> {
    observer: Option<Observer<'o>>,
    started: HashMap<String, Instant>,
}

impl<'o> Watch<'o> {
    pub(super) fn new(observer: Option<Observer<'o>>) -> Self {
        Self { observer, started: HashMap::new() }
    }

    pub(super) fn tell_observer(&mut self, mut event: Event) {
        let Some(observer) = &mut self.observer else {
            return;
        };
        match &mut event {
            Event::StageStarted { path, .. } => {
                self.started.entry(path.clone()).or_insert_with(Instant::now);
            }
            Event::StageFinished { path, ms, .. } => {
                *ms = self.started.remove(path).map_or(0, |t| u64::try_from(t.elapsed().as_millis()).unwrap_or(0));
            }
            _ => {}
        }
        observer(&event);
    }
}

impl<H: Host> Durable<'_, H> {
    /// Passes on what a running effect reports, to those who watch here and to those who read the
    /// store.
    pub(super) fn progressed(&mut self, id: RequestId, progress: &Progress) {
        let (path, attempt) = match (self.open.get(&id), self.locks.get(&id)) {
            _ if *progress == Progress::Alive => return,
            (Some(open), _) => (open.info.path.clone(), open.info.attempt),
            (None, Some(path)) => (path.clone(), 1),
            (None, None) => return,
        };
        if let (Progress::Session(session), Some(open)) = (progress, self.open.get(&id)) {
            let key = open.info.key.clone();
            self.sessions.insert((path.clone(), key.clone()), session.clone());
            self.event(Event::AgentSession { path, attempt, key, session: session.clone() });
            return;
        }
        let progress = &hide_in_progress(self.vault.redactor(), progress);
        if let Some(journal) = &mut self.journal
            && let Ok(text) = serde_json::to_string(progress)
        {
            let mark = ProgressMark { path: path.clone(), attempt, progress: text, at: now_ms() };
            journal.write(Record::Progress(mark), None);
        }
        self.watch.tell_observer(Event::Progress { path, attempt, progress: progress.clone() });
    }
}

/// Selects the events that the journal keeps: those that do not follow from its other tables.
pub(super) fn is_kept(event: &Event) -> bool {
    // An effect that ended well may still have failed its stage: an exit code that is not accepted, an
    // answer of another type. Stages that are done need no record of their own.
    if let Event::StageFinished { status, .. } = event {
        return *status != "done";
    }
    matches!(
        event,
        Event::Log { .. }
            | Event::Warning { .. }
            | Event::GateFailed { .. }
            | Event::StageRetrying { .. }
            | Event::ModelPassedOver { .. }
            | Event::AnswerRepaired { .. }
            | Event::AnswerRefused { .. }
            | Event::AgentSession { .. }
            | Event::TaskAssigned { .. }
            | Event::ModelChosen { reason: Some(_), .. }
    )
}
