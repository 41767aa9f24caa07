//! Everything that is recorded of a run, for resuming it.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::ChangeId;
use crate::{
    interpreter::Recalled,
    request::{KeyParts, KeyVersion, TimerId, Usage},
};

/// How an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// With an answer.
    Done,
    /// With a failure.
    Failed,
    /// The program withdrew it: a deadline passed, or a sibling failed.
    Withdrawn,
    /// It began; how it ended is not known.
    Open,
}

/// A record of an effect.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The key of the request.
    pub key: String,
    /// What the key is made of, where that was recorded.
    pub parts: Option<KeyParts>,
    /// `run`, `http`, `prompt`, `person`.
    pub kind: SmolStr,
    /// The skill.
    pub skill: SmolStr,
    /// How it ended.
    pub status: Status,
    /// Its place in the order of the run's answers; 0 when it has none.
    pub seq: i64,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// The name of the artifact that holds a large answer.
    pub artifact: Option<String>,
    /// The failure as JSON text.
    pub error: Option<String>,
    /// What it used.
    pub usage: Usage,
}

/// A timer that had begun.
#[derive(Debug, Clone, Copy)]
pub struct RecordedTimer {
    /// The age of the run, or the wall-clock time, when it began.
    pub began: i64,
    /// When it fired, in the order of answers.
    pub fired: Option<i64>,
}

/// All that is recorded of a run.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Effects by path, in the order in which they began.
    pub effects: HashMap<String, Vec<Recorded>>,
    /// Timers that began.
    pub timers: HashMap<TimerId, RecordedTimer>,
    /// Events that were reported before, as text, with how often.
    pub reported_events: HashMap<String, u32>,
    /// Changes of memory that were made before, with how often.
    pub changes: HashMap<ChangeId, u32>,
    /// The highest place in the order of answers.
    pub seq: i64,
    /// How long the run has lived, in milliseconds.
    pub clock: i64,
    /// Failures that ended earlier parts of the run: the stage's path and its attempts.
    pub failed: HashSet<(String, u32)>,
    /// How often the run was cancelled.
    pub cancelled: u32,
    /// The key of the question that was asked last.
    pub newest_question: Option<String>,
}

impl Ledger {
    /// Adds the record of an effect. Nearly all stages have one, so that there is no room for more at first.
    pub(super) fn add_effect(&mut self, path: String, recorded: Recorded) {
        self.effects.entry(path).or_insert_with(|| Vec::with_capacity(1)).push(recorded);
    }

    /// The newest record of an attempt that asked exactly this.
    pub(crate) fn find(&self, path: &str, attempt: u32, key: &str) -> Option<&Recorded> {
        self.effects.get(path)?.iter().rev().find(|r| r.attempt == attempt && r.key == key)
    }

    /// The usage of an attempt, whatever was asked: an edit of the program does not refund it.
    pub(crate) fn paid_usage(&self, path: &str, attempt: u32) -> Usage {
        let mut sum = Usage { cost: Some(0), ..Usage::default() };
        for record in self.effects.get(path).into_iter().flatten().filter(|r| r.attempt == attempt) {
            sum.add(record.usage);
        }
        sum
    }

    /// Whether the last effect of an attempt has answered.
    pub(crate) fn has_ended(&self, path: &str, attempt: u32) -> bool {
        let last = self.effects.get(path).and_then(|records| records.iter().rev().find(|r| r.attempt == attempt));
        last.is_some_and(|record| matches!(record.status, Status::Done | Status::Failed))
    }

    /// The newest answer at a place, whatever was asked.
    pub(crate) fn newest(&self, path: &str) -> Option<&Recorded> {
        self.effects.get(path)?.last()
    }

    /// The ledger of a new run that begins with these answers. Their usage counts for the other run.
    pub(crate) fn become_a_fork(&mut self) {
        self.clock = 0;
        self.reported_events.clear();
        self.changes.clear();
        for record in self.effects.values_mut().flatten() {
            record.usage = Usage { cost: Some(0), ..Usage::default() };
        }
    }

    /// What the interpreter must know of it.
    pub(crate) fn recalled(&self) -> Recalled {
        let mut answered = HashSet::new();
        for (path, records) in &self.effects {
            for r in records {
                if matches!(r.kind.as_str(), "prompt" | "agent") && matches!(r.status, Status::Done | Status::Failed) {
                    answered.insert((path.clone(), r.attempt, r.key.clone()));
                }
            }
        }
        let (failed, cancelled) = (self.failed.clone(), self.cancelled);
        Recalled { answered, key_version: self.key_version(), failed, cancelled }
    }

    /// How the run's keys are made: as those that are recorded. Otherwise a run that an older version
    /// began would find none of its answers.
    fn key_version(&self) -> KeyVersion {
        // Questions have no parts in any version. Of several versions in one run the last one asked
        // again for what it did not find.
        let effects = self.effects.values().flatten().filter(|record| record.kind != "person");
        let newest = effects.max_by_key(|record| (record.started, record.seq));
        match (newest, &self.newest_question) {
            (Some(record), _) => {
                // The first version has no parts.
                KeyVersion::of_key(&record.key, record.parts.as_ref().is_some_and(|parts| !parts.is_empty()))
            }
            (None, Some(question)) => KeyVersion::of_key(question, true),
            (None, None) => KeyVersion::V4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a run that waits for a person would ask again what was answered.
    #[test]
    fn a_run_that_has_only_asked_keeps_the_version_of_its_keys() {
        let version = |question: Option<&str>| {
            let newest_question = question.map(str::to_owned);
            Ledger { newest_question, ..Ledger::default() }.recalled().key_version
        };
        assert_eq!(version(None), KeyVersion::V4);
        assert_eq!(version(Some("4:ab")), KeyVersion::V4);
        assert_eq!(version(Some("3:ab")), KeyVersion::V3);
        assert_eq!(version(Some("2:ab")), KeyVersion::V2);
        assert_eq!(version(Some("ab")), KeyVersion::V1);
    }
}
