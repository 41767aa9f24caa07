//! What a picture may say beyond the program: where its parts are written, and what became of them in a run.

use std::collections::HashMap;

use cascade_ir as ir;

use super::Origin;

/// What is written into a picture beside the program. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Annotations<'a> {
    /// Names of source files by [`ir::Place::file`]. Parts whose files are here say where they are written.
    pub files: &'a [String],
    /// What became of stages, by [`Origin::path`].
    pub stages: HashMap<String, StageRecord>,
    /// Where the run failed, if that was outside of its stages: at a gate or a `fail`.
    pub failed_at: Option<(ir::Place, String)>,
}

/// What is recorded of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRecord {
    /// What became of it.
    pub state: State,
    /// One line about it: figures, or why it failed.
    pub note: String,
}

/// What became of a stage in a run. In their order: of a stage that ran several times the greatest one is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has its result.
    Done,
    /// It was skipped, interrupted or given up.
    NotDone,
    /// It runs.
    Running,
    /// It waits for a person.
    Waiting,
    /// It failed.
    Failed,
}

impl State {
    /// Its class in a picture.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not-done",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }

    /// Its sign, for who does not see colours.
    pub(super) fn sign(self) -> char {
        match self {
            Self::Done => '✓',
            Self::NotDone => '○',
            Self::Running => '…',
            Self::Waiting => '?',
            Self::Failed => '✗',
        }
    }
}

impl Annotations<'_> {
    /// Whether they say something of a run.
    pub(super) fn is_of_run(&self) -> bool {
        !self.stages.is_empty() || self.failed_at.is_some()
    }

    /// `file:line:column` of a part.
    pub(super) fn place(&self, origin: &Origin) -> Option<String> {
        let place = origin.place?;
        let file = self.files.get(place.file as usize)?;
        Some(format!("{file}:{}:{}", place.line, place.column))
    }

    /// What is recorded of a part.
    pub(super) fn record(&self, origin: &Origin) -> Option<StageRecord> {
        let failed = self.failed_at.as_ref().filter(|(place, _)| origin.path.is_none() && origin.place == Some(*place));
        match (&origin.path, failed) {
            (_, Some((_, message))) => Some(StageRecord { state: State::Failed, note: message.clone() }),
            (Some(path), None) => self.stages.get(path).cloned(),
            (None, None) => None,
        }
    }
}
