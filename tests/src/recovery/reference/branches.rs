//! What becomes of branches that run at once.

use std::collections::BTreeSet;

use super::{Came, Change, Made, View, Walk};

/// Where the questions of a branch begin and end.
type Range = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Branches that run at once.
pub(super) struct Branches {
    max: Option<usize>,
    ranges: Vec<Range>,
    stopped: usize,
    forever: bool,
    failed: Vec<(usize, BTreeSet<(String, u32)>)>,
    changes: Vec<Vec<(Change, Made)>>,
}

impl Branches {
    pub(super) fn new(max: Option<usize>) -> Self {
        Self { max, ranges: Vec::new(), stopped: 0, forever: false, failed: Vec::new(), changes: Vec::new() }
    }

    /// Whether all slots are occupied permanently, or the only one has failed.
    pub(super) fn is_full(&self) -> bool {
        self.max.is_some_and(|max| self.stopped >= max || (max == 1 && !self.failed.is_empty()))
    }

    pub(super) fn begin(&mut self, walk: &Walk<'_>) {
        self.ranges.push((walk.asked.len()..walk.asked.len(), walk.people.len()..walk.people.len()));
    }

    pub(super) fn end(&mut self, walk: &Walk<'_>, came: Came<()>, changes: Vec<(Change, Made)>) {
        if let Some(range) = self.ranges.last_mut() {
            (range.0.end, range.1.end) = (walk.asked.len(), walk.people.len());
        }
        self.changes.push(changes);
        match came {
            Came::Through(()) => {}
            Came::Failed(stages) => self.failed.push((self.ranges.len() - 1, stages)),
            Came::Stopped { forever } => {
                self.stopped += 1;
                self.forever |= forever;
            }
        }
    }

    /// The outcome of all branches.
    pub(super) fn close(mut self, walk: &mut Walk<'_>, view: &mut View) -> Came<()> {
        if self.failed.is_empty() {
            if self.stopped > 0 {
                let waiting = self.changes.into_iter().flatten().map(|(change, _)| (change, Made::IfGivenUp));
                view.changes.extend(waiting);
                return Came::Stopped { forever: self.forever };
            }
            for change in self.changes.into_iter().flatten() {
                view.memory.push(change.0.value.clone());
                view.changes.push(change);
            }
            return Came::Through(());
        }
        // The first one reached its end; the progress of the others is not determined.
        let first = match self.failed.as_slice() {
            [(only, _)] => Some(*only),
            several => {
                let is_first = |stage: &str| walk.first.is_some_and(|first| first == stage);
                several.iter().find(|(_, stages)| stages.iter().any(|(s, _)| is_first(s))).map(|(i, _)| *i)
            }
        };
        for (i, (asked, people)) in self.ranges.iter().enumerate() {
            if first != Some(i) {
                walk.asked[asked.clone()].iter_mut().for_each(|(_, certain)| *certain = false);
            }
            // Questions to persons are withdrawn when the block is abandoned.
            walk.people[people.clone()].iter_mut().for_each(|(_, certain)| *certain = false);
        }
        for (i, changes) in std::mem::take(&mut self.changes).into_iter().enumerate() {
            for (change, made) in changes {
                view.memory.push(change.value.clone());
                let surely = made == Made::Surely && first == Some(i);
                view.changes.push((change, if surely { Made::Surely } else { Made::Maybe }));
            }
        }
        let mut stages = BTreeSet::new();
        for (i, failed) in self.failed {
            if first.is_none_or(|first| first == i) {
                stages.extend(failed);
            }
        }
        Came::Failed(stages)
    }
}
