//! What the store in memory keeps.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;

use super::to_signed;
use crate::{
    journal::{
        CachedAnswer, EffectEnd, EffectStart, JournalError, MemoryChange, ProgressMark, Question, Record, Result,
        RunRow, RunStart, TimerMark,
        memory::{cannot_be_added, merge_values},
    },
    project_key::ProjectKey,
    request::{MemoryOp, Usage},
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) runs: BTreeMap<String, Run>,
    pub(super) claimed: HashSet<String>,
    pub(super) programs: HashMap<String, Vec<u8>>,
    pub(super) cache: HashMap<String, CachedAnswer>,
    pub(super) memory: BTreeMap<(String, String), (Json, i64)>,
    pub(super) changes: Vec<(MemoryOp, MemoryChange)>,
    /// The runs and ids of changes that were made.
    pub(super) made: HashSet<(String, String)>,
    pub(super) key: Option<ProjectKey>,
}

/// One run.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) row: Option<RunRow>,
    pub(super) memory: Json,
    pub(super) effects: Vec<Effect>,
    pub(super) timers: Vec<TimerMark>,
    pub(super) events: Vec<(i64, i64, String)>,
    pub(super) progress: HashMap<String, (i64, ProgressMark)>,
    pub(super) last_progress: i64,
    pub(super) questions: Vec<(Question, Option<Json>)>,
    pub(super) failed: HashSet<(String, u32)>,
    pub(super) cancelled: u32,
}

#[derive(Debug)]
pub(super) struct Effect {
    /// Names it while the process that began it lives.
    pub(super) token: Option<u64>,
    pub(super) start: EffectStart,
    pub(super) end: Option<EffectEnd>,
    pub(super) origin: Option<String>,
}

impl Effect {
    pub(super) fn status(&self) -> &'static str {
        self.end.as_ref().map_or("running", |end| end.status)
    }

    pub(super) fn usage(&self) -> Usage {
        self.end.as_ref().map(|end| end.usage).unwrap_or_default()
    }
}

impl State {
    pub(super) fn row(&self, run: &Run) -> Option<RunRow> {
        let mut row = run.row.clone()?;
        row.pid = None;
        if row.status == "running" {
            match self.claimed.contains(&row.id) {
                true => row.pid = Some(std::process::id()),
                false => row.status = "dead".to_owned(),
            }
        }
        Some(row)
    }

    /// Makes a change once: one of the same run with the same id a second time does nothing.
    pub(super) fn change_memory(&mut self, by: Option<(&str, &str)>, op: &MemoryOp, at: i64) -> Result<()> {
        let run = by.map(|(run, _)| run);
        if by.is_some_and(|(run, id)| !self.made.insert((run.to_owned(), id.to_owned()))) {
            return Ok(());
        }
        let place = (op.memory.clone(), op.key.clone());
        let value = if op.append {
            let old = self.memory.get(&place).map_or_else(|| op.initial.clone(), |(value, _)| value.clone());
            merge_values(old, &op.value).ok_or_else(|| cannot_be_added(op))?
        } else {
            op.value.clone()
        };
        self.memory.insert(place, (value.clone(), at));
        let change = MemoryChange {
            at,
            run: run.map(str::to_owned),
            path: Some(op.path.clone()),
            kind: if op.append { "append" } else { "set" }.to_owned(),
            change: Some(op.value.clone()),
            value: Some(value),
        };
        self.changes.push((op.clone(), change));
        Ok(())
    }

    pub(super) fn begin_run(&mut self, start: &RunStart) {
        self.programs.insert(start.hash.clone(), start.program.clone());
        if start.resumed {
            if let Some(row) = self.runs.get_mut(&start.run).and_then(|run| run.row.as_mut()) {
                row.program.clone_from(&start.hash);
                row.status = "running".to_owned();
                (row.ended, row.result, row.error, row.until) = (None, None, None, None);
            }
            return;
        }
        let row = RunRow {
            id: start.run.clone(),
            program: start.hash.clone(),
            file: start.file.clone(),
            cwd: start.cwd.clone(),
            cascade: start.cascade.clone(),
            inputs: start.inputs.clone(),
            fork: start.fork.clone(),
            status: "running".to_owned(),
            pid: None,
            started: start.at,
            ended: None,
            result: None,
            error: None,
            tokens: 0,
            cost: 0,
            until: None,
            clock: 0,
        };
        let mut run = Run { row: Some(row), memory: start.memory.clone(), ..Run::default() };
        if let Some((from, other)) = start.fork.as_ref().and_then(|from| Some((from, self.runs.get(from)?))) {
            run.copy_answers(from, other);
        }
        self.runs.insert(start.run.clone(), run);
    }

    pub(super) fn write(&mut self, id: &str, record: Record) -> Result<()> {
        match record {
            Record::RunStarted(start) => {
                self.begin_run(&start);
                return Ok(());
            }
            Record::Remember(change) => {
                return self.change_memory(Some((id, &change.id)), &change.op, change.at);
            }
            Record::Cache(cached) => {
                self.cache.insert(cached.key.clone(), *cached);
                return Ok(());
            }
            _ => {}
        }
        let Some(run) = self.runs.get_mut(id) else {
            return Err(JournalError(format!("run `{id}` has not begun")));
        };
        run.write(record);
        Ok(())
    }
}

impl Run {
    /// The answers of another run. It paid; this run does not.
    pub(super) fn copy_answers(&mut self, from: &str, other: &Run) {
        self.failed.clone_from(&other.failed);
        self.cancelled = other.cancelled;
        self.timers = other.timers.iter().filter(|timer| timer.seq.is_some()).cloned().collect();
        for effect in &other.effects {
            let is_kept = |e: &&EffectEnd| matches!(e.status, "done" | "failed" | "withdrawn");
            let end = match effect.end.as_ref().filter(is_kept) {
                Some(end) => end.clone(),
                // It began, and must not be repeated blindly.
                None if effect.start.info.once => EffectEnd::without_answer(0, "interrupted"),
                None => continue,
            };
            let usage = Usage { cost: Some(0), ..Usage::default() };
            self.effects.push(Effect {
                token: None,
                start: effect.start.clone(),
                end: Some(EffectEnd { usage, clock: 0, ..end }),
                origin: effect.origin.clone().or_else(|| Some(from.to_owned())),
            });
        }
    }

    pub(super) fn write(&mut self, record: Record) {
        match record {
            Record::Started(start) => {
                self.effects.push(Effect { token: Some(start.token), start: *start, end: None, origin: None });
            }
            Record::Ended(end) => {
                let begun = |e: &&mut Effect| e.token == Some(end.token) && e.end.is_none();
                if let Some(effect) = self.effects.iter_mut().rev().find(begun) {
                    (effect.token, effect.end) = (None, Some(*end));
                }
            }
            Record::Overtaken { seq } => {
                let ends = self.effects.iter_mut().filter_map(|e| e.end.as_mut());
                ends.filter(|end| end.seq == seq).for_each(|end| end.status = "withdrawn");
            }
            Record::Timer(mark) => match self.timers.iter_mut().find(|known| known.timer == mark.timer) {
                Some(known) => known.seq = mark.seq,
                None => self.timers.push(mark),
            },
            Record::Event(event, at) => {
                let seq = to_signed(self.events.len() as u64) + 1;
                self.events.push((seq, at, event));
            }
            Record::Progress(mark) => {
                self.last_progress = (self.last_progress + 1).max(mark.at);
                self.progress.insert(mark.path.clone(), (self.last_progress, mark));
            }
            Record::Asked(question) => {
                let same = |(q, _): &(Question, _)| q.path == question.path && q.key == question.key;
                if !self.questions.iter().any(same) {
                    self.questions.push((*question, None));
                }
            }
            Record::Unasked { path, key } => {
                self.questions.retain(|(q, answer)| answer.is_some() || q.path != path || q.key != key);
            }
            Record::RunEnded(end) => {
                match (end.status, end.failed_at) {
                    ("cancelled", _) => self.cancelled += 1,
                    ("failed", Some(failed)) => {
                        self.failed.insert(failed);
                    }
                    _ => {}
                }
                let (mut tokens, mut cost) = (0_i64, 0_i64);
                for effect in &self.effects {
                    let usage = effect.usage();
                    tokens = tokens.saturating_add(to_signed(usage.tokens_in.saturating_add(usage.tokens_out)));
                    cost = cost.saturating_add(usage.cost.unwrap_or(0));
                }
                if let Some(row) = &mut self.row {
                    row.status = end.status.to_owned();
                    (row.ended, row.result, row.until, row.clock) = (Some(end.at), end.result, end.until, end.clock);
                    row.error = end.error.and_then(|error| serde_json::from_value(error).ok());
                    (row.tokens, row.cost) = (tokens, cost);
                }
            }
            Record::RunStarted(_) | Record::Remember(..) | Record::Cache(_) => {}
        }
    }
}
