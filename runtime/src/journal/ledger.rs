//! What a run is known to have been answered, for taking it up again.

use std::collections::{HashMap, HashSet};

use crate::{
    interpreter::Recalled,
    request::{KeyParts, TimerId, Usage},
};

/// How an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// With an answer.
    Done,
    /// With a failure.
    Failed,
    /// The program gave it up: a deadline, a sibling that failed.
    Withdrawn,
    /// It began; how it ended is not known.
    Open,
}

/// A record of an effect.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) attempt: u32,
    pub(crate) key: String,
    pub(crate) parts: Option<KeyParts>,
    pub(crate) kind: String,
    pub(crate) skill: String,
    pub(crate) status: Status,
    pub(crate) seq: i64,
    pub(crate) started: i64,
    pub(crate) answer: Option<String>,
    pub(crate) artifact: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) usage: Usage,
}

/// A timer that had begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordedTimer {
    /// The run's age, or the time on the wall, when it began.
    pub(crate) began: i64,
    /// When it fired, in the order of answers.
    pub(crate) fired: Option<i64>,
}

/// All that is recorded of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) effects: HashMap<String, Vec<Recorded>>,
    pub(crate) timers: HashMap<TimerId, RecordedTimer>,
    /// Events that were told before, as text, with how often.
    pub(crate) told: HashMap<String, u32>,
    /// The highest place in the order of answers.
    pub(crate) seq: i64,
    /// How long the run has lived, in milliseconds.
    pub(crate) clock: i64,
    /// Failures that ended earlier parts of the run: the stage's path and its attempts.
    pub(crate) failed: HashSet<(String, u32)>,
    /// How often the run was cancelled.
    pub(crate) cancelled: u32,
}

impl Ledger {
    /// The newest record of an attempt that asked exactly this.
    pub(crate) fn find(&self, path: &str, attempt: u32, key: &str) -> Option<&Recorded> {
        self.effects.get(path)?.iter().rev().find(|r| r.attempt == attempt && r.key == key)
    }

    /// What was paid for an attempt, whatever was asked: an edit does not bring the money back.
    pub(crate) fn paid(&self, path: &str, attempt: u32) -> Usage {
        let mut sum = Usage { cost: Some(0), ..Usage::default() };
        for record in self.effects.get(path).into_iter().flatten().filter(|r| r.attempt == attempt) {
            sum.add(record.usage);
        }
        sum
    }

    /// The newest answer at a place, whatever was asked.
    pub(crate) fn newest(&self, path: &str) -> Option<&Recorded> {
        self.effects.get(path)?.last()
    }

    /// The ledger of a new run that begins with these answers: another one has paid for them.
    pub(crate) fn become_a_fork(&mut self) {
        self.clock = 0;
        self.told.clear();
        for record in self.effects.values_mut().flatten() {
            record.usage = Usage { cost: Some(0), ..Usage::default() };
        }
    }

    /// What the interpreter must know of it.
    pub(crate) fn recalled(&self) -> Recalled {
        let mut answered = HashSet::new();
        for (path, records) in &self.effects {
            for r in records {
                if r.kind == "prompt" && matches!(r.status, Status::Done | Status::Failed) {
                    answered.insert((path.clone(), r.attempt, r.key.clone()));
                }
            }
        }
        Recalled { answered, failed: self.failed.clone(), cancelled: self.cancelled }
    }
}
