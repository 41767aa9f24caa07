//! The outcomes of the stages of a test's run.

use std::collections::HashMap;

use crate::events::Event;

/// A stage of a test's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageOutcome {
    /// Its path.
    pub path: String,
    /// `done`, `skipped`, `failed`, `cancelled`; `running` if the test ended first.
    pub status: &'static str,
    /// The number of attempts.
    pub attempts: u32,
    /// The message of the last failure.
    pub message: Option<String>,
}

impl StageOutcome {
    /// Whether a stage reference of a test matches this stage: its last name is the stage's own, the
    /// others are enclosing stages in this order.
    pub(super) fn is_called(&self, names: &[smol_str::SmolStr]) -> bool {
        let Some((last, above)) = names.split_last() else { return false };
        // The first component is the cascade under test.
        let parts: Vec<&str> = self.path.split('/').skip(1).map(without_numbers).collect();
        let mut parts = parts.into_iter().rev();
        if parts.next() != Some(last.as_str()) {
            return false;
        }
        above.iter().rev().all(|name| parts.by_ref().any(|part| part == name.as_str()))
    }
}

/// `fix[3]~2` as `fix`.
fn without_numbers(part: &str) -> &str {
    part.split(['[', '~', '#']).next().unwrap_or(part)
}

/// The stages recorded so far.
#[derive(Default)]
pub(super) struct Stages {
    seen: Vec<StageOutcome>,
    by_path: HashMap<String, usize>,
}

impl Stages {
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::StageStarted { path, attempt, .. } => {
                let stage = self.stage(path);
                stage.attempts = stage.attempts.max(attempt);
                stage.status = "running";
            }
            Event::StageRetrying { path, message, .. } => self.stage(path).message = Some(message),
            Event::StageFinished { path, status, message, .. } => {
                let stage = self.stage(path);
                stage.status = status;
                if message.is_some() {
                    stage.message = message;
                }
            }
            _ => {}
        }
    }

    fn stage(&mut self, path: String) -> &mut StageOutcome {
        let next = self.seen.len();
        let index = *self.by_path.entry(path.clone()).or_insert(next);
        if index == next {
            self.seen.push(StageOutcome { path, status: "running", attempts: 0, message: None });
        }
        &mut self.seen[index]
    }

    pub(super) fn into_outcomes(self) -> Vec<StageOutcome> {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_mean_stages_by_the_end_of_their_path() {
        let stage = |path: &str| StageOutcome { path: path.into(), status: "done", attempts: 1, message: None };
        let called = |path: &str, names: &str| {
            let names: Vec<smol_str::SmolStr> = names.split('.').map(Into::into).collect();
            stage(path).is_called(&names)
        };
        assert!(called("main/checks/lint", "lint"));
        assert!(called("main/checks/lint", "checks.lint"));
        assert!(called("main/fix[3]~2/test#2", "fix.test"));
        assert!(called("main/a/b/c", "a.c"));
        assert!(!called("main/checks/lint", "checks"));
        assert!(!called("main/checks/lint", "lint.checks"));
        assert!(!called("main", "main"));
    }
}
