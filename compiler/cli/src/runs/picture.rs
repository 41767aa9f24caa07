//! What became of the stages of a cascade in a run, for its graph.

use std::collections::{BTreeMap, HashMap};

use cascade_compiler::graph::{StageRecord, State};
use cascade_ir::{Place, screen::neutralize_controls};
use cascade_runtime::journal::{EffectRow, QuestionRow, RunRow, Store};
use serde_json::Value as Json;

use crate::{error::Stop, progress::stage_figures};

/// What a graph shows of a run.
#[derive(Debug, Default, PartialEq)]
pub struct RunPicture {
    /// By path, without the numbers of iterations and attempts.
    pub stages: HashMap<String, StageRecord>,
    /// Where it failed and why, if it is known.
    pub failed_at: Option<(Place, String)>,
}

/// Reads from the record of a run what its graph shows.
pub fn read_run(store: &dyn Store, run: &RunRow) -> Result<RunPicture, Stop> {
    let mut stages = Stages::default();
    for effect in &store.effects(&run.id)? {
        stages.add_effect(effect, run.status == "running");
    }
    for (_, at, event) in &store.events(&run.id, 0)? {
        stages.add_event(*at, event);
    }
    for question in store.questions(&run.id)?.iter().filter(|question| question.answer.is_none()) {
        stages.add_question(question);
    }
    let failed_at = run.error.as_ref().filter(|_| run.status == "failed");
    let failed_at = failed_at.and_then(|error| Some((error.place?, first_line(&error.message))));
    Ok(RunPicture { stages: stages.sum_up(), failed_at })
}

/// Stages by their paths in the record, without the numbers of attempts only.
#[derive(Default)]
struct Stages(BTreeMap<String, Stage>);

/// What is recorded of one stage in one iteration.
struct Stage {
    state: State,
    /// When it came into this state, in milliseconds since 1970.
    since: i64,
    /// Why it is in this state, if there is more to say.
    message: Option<String>,
    attempts: u32,
    ms: u64,
    tokens: u64,
    cost: i64,
}

impl Stages {
    fn change(&mut self, path: &str, state: State, since: i64, message: Option<String>) -> &mut Stage {
        let stage = self.0.entry(without_attempts(path)).or_insert(Stage {
            state,
            since,
            message: None,
            attempts: 0,
            ms: 0,
            tokens: 0,
            cost: 0,
        });
        if since >= stage.since {
            (stage.state, stage.since, stage.message) = (state, since, message);
        }
        stage
    }

    fn add_effect(&mut self, effect: &EffectRow, run_lives: bool) {
        let (state, word) = match effect.status.as_str() {
            "done" => (State::Done, None),
            "failed" => (State::Failed, None),
            "running" if run_lives => (State::Running, None),
            "withdrawn" => (State::NotDone, Some("given up".to_owned())),
            _ => (State::NotDone, Some("interrupted".to_owned())),
        };
        let message = effect.error.as_ref().map(|error| first_line(&error.message)).or(word);
        let ended = effect.ended.unwrap_or(effect.started);
        let stage = self.change(&effect.path, state, ended, message);
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        stage.attempts = stage.attempts.max(effect.attempt);
        stage.ms = stage.ms.saturating_add(number(ended.saturating_sub(effect.started)));
        stage.tokens = stage.tokens.saturating_add(number(effect.tokens_in)).saturating_add(number(effect.tokens_out));
        stage.cost = stage.cost.saturating_add(effect.cost.unwrap_or(0));
    }

    /// The record has the end of a stage only where it is not done.
    fn add_event(&mut self, at: i64, event: &Json) {
        let text = |name: &str| event.get(name).and_then(Json::as_str);
        if text("event") == Some("stage_finished")
            && let (Some(path), Some(status)) = (text("path"), text("status"))
        {
            let message = text("message").map(first_line);
            match status {
                "failed" => self.change(path, State::Failed, at, message),
                _ => self.change(path, State::NotDone, at, Some(message.unwrap_or_else(|| status.to_owned()))),
            };
        }
    }

    fn add_question(&mut self, question: &QuestionRow) {
        let message = Some(first_line(&question.question));
        self.change(&question.path, State::Waiting, question.asked, message);
    }

    /// One record for each path without numbers. What is recorded of a stage itself counts, and not what happened within
    /// it, unless that is newer: a stage that failed and was resumed.
    fn sum_up(self) -> HashMap<String, StageRecord> {
        let mut newest_within: HashMap<&str, i64> = HashMap::new();
        for (path, stage) in &self.0 {
            for above in ancestors(path) {
                let newest = newest_within.entry(above).or_insert(stage.since);
                *newest = stage.since.max(*newest);
            }
        }
        let counts = |path: &str, stage: &Stage| newest_within.get(path).is_none_or(|newest| *newest <= stage.since);
        let mut sums: HashMap<String, Sum> = HashMap::new();
        for (path, stage) in &self.0 {
            if counts(path, stage) {
                sums.entry(without_iterations(path)).or_default().add(stage, true);
            }
            let hidden = |above: &str| self.0.get(above).is_some_and(|stage| counts(above, stage));
            for above in ancestors(path).filter(|above| !hidden(above)) {
                sums.entry(without_iterations(above)).or_default().add(stage, false);
            }
        }
        sums.into_iter().map(|(path, sum)| (path, sum.record())).collect()
    }
}

/// `main` and `main/a` of `main/a[0]/b`: what is recorded of a loop itself has no number.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().filter(|(_, c)| *c == '/').filter_map(|(at, _)| {
        let above = path.get(..at)?;
        let last = above.rfind('/').map_or(0, |slash| slash + 1);
        let number = above.get(last..)?.find('[').map_or(at, |bracket| last + bracket);
        above.get(..number)
    })
}

/// Several iterations of a stage, or the stages within it.
#[derive(Default)]
struct Sum {
    state: Option<State>,
    message: Option<String>,
    /// How often the stage itself was done.
    times: usize,
    attempts: u32,
    ms: u64,
    tokens: u64,
    cost: i64,
}

impl Sum {
    fn add(&mut self, stage: &Stage, is_own: bool) {
        if self.state.is_none_or(|state| stage.state > state) {
            self.state = Some(stage.state);
            self.message.clone_from(&stage.message);
        }
        self.times += usize::from(is_own);
        self.attempts = self.attempts.max(stage.attempts);
        self.ms = self.ms.saturating_add(stage.ms);
        self.tokens = self.tokens.saturating_add(stage.tokens);
        self.cost = self.cost.saturating_add(stage.cost);
    }

    fn record(self) -> StageRecord {
        let state = self.state.unwrap_or(State::NotDone);
        let word = match state {
            State::Done => "done",
            State::NotDone => "not done",
            State::Running => "running",
            State::Waiting => "waits for an answer",
            State::Failed => "failed",
        };
        let times = if self.times > 1 { format!(" ({} times)", self.times) } else { String::new() };
        let message = self.message.map(|message| format!(": {message}")).unwrap_or_default();
        let spent = if self.ms > 0 || self.tokens > 0 || self.cost > 0 {
            format!(", {}", stage_figures(self.ms, self.attempts, self.tokens, self.cost))
        } else {
            String::new()
        };
        StageRecord { state, note: format!("{word}{times}{message}{spent}") }
    }
}

fn first_line(text: &str) -> String {
    neutralize_controls(text.lines().next().unwrap_or_default()).into_owned()
}

/// `main/x~2/fallback` is `main/x`: other attempts at the same, of which the last one counts. A hook is called again by
/// a later part of the run, as `on_failure#2`.
fn without_attempts(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| *part != "fallback") {
        let part = part.split_once('~').map_or(part, |(name, _)| name);
        let hook = part.split_once('#').filter(|(name, _)| matches!(*name, "on_success" | "on_failure" | "on_cancel"));
        parts.push(hook.map_or(part, |(name, _)| name));
    }
    parts.join("/")
}

/// `main/file[3]/size` is `main/file/size`.
fn without_iterations(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').map(|part| part.split_once('[').map_or(part, |(name, _)| name)).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_numbers() {
        assert_eq!(without_attempts("main/deploy~2/fallback/step"), "main/deploy/step");
        assert_eq!(without_attempts("main/on_failure#2/tell#2"), "main/on_failure/tell#2");
        assert_eq!(without_iterations("main/file[3]/size"), "main/file/size");
        assert_eq!(without_iterations("main/each[0][2]/size"), "main/each/size");
    }

    fn shown(stages: Stages) -> BTreeMap<String, String> {
        stages.sum_up().into_iter().map(|(path, record)| (path, record.note)).collect()
    }

    #[test]
    fn the_worst_iteration_is_shown_and_a_resumed_stage_is_as_it_ended_last() {
        let mut stages = Stages::default();
        stages.change("m/all[0]/x", State::Done, 1, None);
        stages.change("m/all[1]/x", State::Failed, 2, Some("exit code 1".into()));
        stages.change("m/all", State::NotDone, 3, Some("skipped".into()));
        stages.change("m/again", State::Failed, 3, Some("gate".into()));
        stages.change("m/again~2/y", State::Done, 5, None);
        let notes = shown(stages);
        assert_eq!(notes["m/all/x"], "failed (2 times): exit code 1");
        assert_eq!(notes["m/all"], "not done: skipped");
        assert_eq!(notes["m/again/y"], "done");
        assert_eq!(notes["m/again"], "done");
    }
}
