//! A store that lives in the memory of this process: for tests, and for programs that embed the
//! runtime and keep their runs elsewhere or nowhere.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cascade_ir::{Program, read::read_json};
use serde_json::{Map, Value as Json};

use super::{
    Activity, CachedAnswer, ChangeId, Claim, Collected, Cursor, Done, EffectRow, Journal, JournalError, Ledger,
    MemoryChange, MemoryValue, QuestionRow, Record, Recorded, RecordedTimer, Result, RunRow, Status, Store,
    project_key,
    record::{failure_from, now_ms, output_from, read_kept_program},
    rows::shown_parts,
};
use crate::{
    project_key::ProjectKey,
    request::{MemoryOp, Output},
};
use state::{Run, State};

/// Runs in the memory of this process. Clones share their runs.
#[derive(Debug, Clone, Default)]
pub struct InMemoryStore {
    state: Arc<Mutex<State>>,
}

/// Releases a run when it is dropped.
struct Guard {
    state: Arc<Mutex<State>>,
    run: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock_state(&self.state).claimed.remove(&self.run);
    }
}

fn lock_state(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl InMemoryStore {
    /// A store without runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a run; the default when it is not there.
    fn read<T: Default>(&self, run: &str, read: impl FnOnce(&Run) -> T) -> T {
        lock_state(&self.state).runs.get(run).map(read).unwrap_or_default()
    }
}

/// Writes into the store at once: nothing here is more durable than the process.
struct InMemoryJournal {
    state: Arc<Mutex<State>>,
    run: String,
    failed: Option<JournalError>,
}

impl Journal for InMemoryJournal {
    fn write(&mut self, record: Record, done: Option<Done>) {
        if self.failed.is_none() {
            self.failed = lock_state(&self.state).write(&self.run, record).err();
        }
        if let Some(done) = done {
            done(self.failed.clone().map_or(Ok(()), Err));
        }
    }

    fn flush(&mut self, done: Done) {
        done(self.failed.clone().map_or(Ok(()), Err));
    }
}

impl Store for InMemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn claim_run(&self, run: &str) -> Result<Claim> {
        if !lock_state(&self.state).claimed.insert(run.to_owned()) {
            return Ok(Claim::HeldBy(Some(std::process::id())));
        }
        Ok(Claim::Claimed(Box::new(Guard { state: Arc::clone(&self.state), run: run.to_owned() })))
    }

    fn project_key(&self) -> Result<ProjectKey> {
        let mut state = lock_state(&self.state);
        if let Some(key) = &state.key {
            return Ok(key.clone());
        }
        Ok(state.key.insert(project_key::random_key()?).clone())
    }

    fn open_journal(&self, run: &str) -> Result<Box<dyn Journal>> {
        Ok(Box::new(InMemoryJournal { state: Arc::clone(&self.state), run: run.to_owned(), failed: None }))
    }

    fn runs(&self) -> Result<Vec<RunRow>> {
        let state = lock_state(&self.state);
        Ok(state.runs.values().rev().filter_map(|run| state.row(run)).collect())
    }

    fn run(&self, id: &str) -> Result<Option<RunRow>> {
        let state = lock_state(&self.state);
        if let Some(run) = state.runs.get(id) {
            return Ok(state.row(run));
        }
        let mut found = state.runs.iter().filter(|(name, _)| name.starts_with(id)).map(|(_, run)| run);
        match (found.next(), found.count()) {
            (None, _) => Ok(None),
            (Some(run), 0) => Ok(state.row(run)),
            (Some(_), more) => Err(JournalError(format!("{} runs begin with `{id}`; give more of the id", more + 1))),
        }
    }

    fn program(&self, hash: &str) -> Result<Program> {
        let state = lock_state(&self.state);
        let bytes =
            state.programs.get(hash).ok_or_else(|| JournalError("the program of the run is not kept".to_owned()))?;
        read_kept_program(bytes)
    }

    fn effects(&self, run: &str) -> Result<Vec<EffectRow>> {
        let json = |text: &Option<String>| text.as_deref().and_then(|t| read_json(t.as_bytes()).ok());
        Ok(self.read(run, |run| {
            let mut rows: Vec<EffectRow> = run
                .effects
                .iter()
                .map(|effect| {
                    let (info, end) = (&effect.start.info, effect.end.as_ref());
                    let usage = effect.usage();
                    EffectRow {
                        path: info.path.clone(),
                        attempt: info.attempt,
                        kind: effect.start.kind.to_owned(),
                        skill: info.skill.to_string(),
                        model: effect.start.model.clone(),
                        status: effect.status().to_owned(),
                        started: effect.start.at,
                        ended: end.map(|e| e.at),
                        seq: end.map(|e| e.seq),
                        request: read_json(effect.start.request.as_bytes()).unwrap_or(Json::Null),
                        answer: end.and_then(|e| json(&e.answer)),
                        error: end.and_then(|e| e.error.as_deref()).and_then(|t| read_json(t.as_bytes()).ok()),
                        tokens_in: to_signed(usage.tokens_in),
                        tokens_out: to_signed(usage.tokens_out),
                        cost: end.and_then(|e| e.usage.cost),
                        origin: effect.origin.clone(),
                        key: info.key.clone(),
                        key_parts: shown_parts(&info.parts),
                        idempotency: info.idempotency.clone(),
                    }
                })
                .collect();
            rows.sort_by_key(|row| row.started);
            rows
        }))
    }

    fn events(&self, run: &str, after: i64) -> Result<Vec<(i64, i64, Json)>> {
        let read = |(seq, at, text): &(i64, i64, String)| (*seq, *at, read_json(text.as_bytes()).unwrap_or(Json::Null));
        Ok(self.read(run, |run| run.events.iter().filter(|e| e.0 > after).map(read).collect()))
    }

    fn activity(&self, run: &str, since: &mut Cursor) -> Result<Vec<Activity>> {
        let mut out = Vec::new();
        for (seq, at, event) in self.events(run, since.event)? {
            since.event = seq;
            out.push(Activity::Event { event, at });
        }
        self.read(run, |run| {
            let new = run.effects.iter().skip(usize::try_from(since.begun).unwrap_or(0));
            for effect in new.filter(|effect| effect.origin.is_none()) {
                let info = &effect.start.info;
                out.push(Activity::Began {
                    path: info.path.clone(),
                    attempt: info.attempt,
                    skill: info.skill.to_string(),
                    at: effect.start.at,
                });
            }
            let mut marks: Vec<_> = run.progress.values().filter(|(no, _)| *no > since.progress).collect();
            marks.sort_by_key(|(no, _)| *no);
            for (_, mark) in marks {
                out.push(Activity::Progress {
                    path: mark.path.clone(),
                    attempt: mark.attempt,
                    progress: read_json(mark.progress.as_bytes()).unwrap_or(Json::Null),
                    at: mark.at,
                });
            }
            let own = run.effects.iter().filter(|effect| effect.origin.is_none());
            let ends = own.filter_map(|effect| Some((effect, effect.end.as_ref()?)));
            let mut ends: Vec<_> = ends.filter(|(_, end)| end.seq > since.ended).collect();
            ends.sort_by_key(|(_, end)| end.seq);
            for (effect, end) in &ends {
                out.push(Activity::Ended {
                    path: effect.start.info.path.clone(),
                    attempt: effect.start.info.attempt,
                    status: end.status.to_owned(),
                    message: end.error.as_deref().map(|text| failure_from(text).message),
                    at: end.at,
                });
            }
            since.ended = ends.last().map_or(since.ended, |(_, end)| end.seq);
            since.begun = to_signed(run.effects.len() as u64);
            since.progress = since.progress.max(run.last_progress);
        });
        out.sort_by_key(Activity::last_at);
        Ok(out)
    }

    fn ledger(&self, run: &str) -> Result<Ledger> {
        let mut ledger = self.read(run, |run| {
            let mut ledger = Ledger {
                failed: run.failed.clone(),
                cancelled: run.cancelled,
                newest_question: run.questions.last().map(|(question, _)| question.key.clone()),
                ..Ledger::default()
            };
            for effect in &run.effects {
                let (info, end) = (&effect.start.info, effect.end.as_ref());
                let seq = end.map_or(0, |e| e.seq);
                ledger.seq = ledger.seq.max(seq);
                ledger.clock = ledger.clock.max(end.map_or(0, |e| e.clock));
                let recorded = Recorded {
                    attempt: info.attempt,
                    key: info.key.clone(),
                    parts: Some(info.parts.clone()),
                    kind: effect.start.kind.into(),
                    skill: info.skill.clone(),
                    status: match effect.status() {
                        "done" => Status::Done,
                        "failed" => Status::Failed,
                        "withdrawn" => Status::Withdrawn,
                        _ => Status::Open,
                    },
                    seq,
                    started: effect.start.at,
                    answer: end.and_then(|e| e.answer.clone()),
                    artifact: None,
                    error: end.and_then(|e| e.error.clone()),
                    usage: effect.usage(),
                };
                ledger.add_effect(info.path.clone(), recorded);
            }
            for mark in &run.timers {
                ledger.seq = ledger.seq.max(mark.seq.unwrap_or(0));
                ledger.timers.insert(mark.timer.clone(), RecordedTimer { began: mark.clock, fired: mark.seq });
            }
            for (_, _, event) in &run.events {
                *ledger.reported_events.entry(event.clone()).or_insert(0) += 1;
            }
            ledger.clock = ledger.clock.max(run.row.as_ref().map_or(0, |row| row.clock));
            ledger
        });
        for (op, change) in &lock_state(&self.state).changes {
            if change.run.as_deref() == Some(run) {
                *ledger.changes.entry(ChangeId::of_operation(op)).or_insert(0) += 1;
            }
        }
        Ok(ledger)
    }

    fn output(&self, answer: Option<&str>, _artifact: Option<&str>) -> Result<Output> {
        answer
            .ok_or_else(|| JournalError("the journal holds an answer without content".to_owned()))
            .and_then(output_from)
    }

    fn mark_cancelled(&self, run: &str) -> Result<()> {
        if let Some(row) = lock_state(&self.state).runs.get_mut(run).and_then(|run| run.row.as_mut()) {
            row.status = "cancelled".to_owned();
            (row.ended, row.until) = (row.ended.or_else(|| Some(now_ms())), None);
        }
        Ok(())
    }

    fn questions(&self, run: &str) -> Result<Vec<QuestionRow>> {
        Ok(self.read(run, |run| {
            let mut rows: Vec<QuestionRow> = run
                .questions
                .iter()
                .map(|(q, answer)| QuestionRow {
                    path: q.path.clone(),
                    key: q.key.clone(),
                    kind: q.kind.clone(),
                    question: q.question.clone(),
                    options: q.options.clone(),
                    asked: q.at,
                    answer: answer.clone(),
                })
                .collect();
            rows.sort_by(|a, b| (a.asked, &a.path).cmp(&(b.asked, &b.path)));
            rows
        }))
    }

    fn answer_question(&self, run: &str, path: &str, key: &str, answer: &Json) -> Result<bool> {
        let mut state = lock_state(&self.state);
        let questions = state.runs.get_mut(run).map(|run| run.questions.as_mut_slice()).unwrap_or_default();
        let open = questions.iter_mut().find(|(q, answer)| q.path == path && q.key == key && answer.is_none());
        Ok(open.map(|(_, slot)| *slot = Some(answer.clone())).is_some())
    }

    fn answer_of(&self, run: &str, path: &str, key: &str) -> Result<Option<String>> {
        Ok(self.read(run, |run| {
            let (_, answer) = run.questions.iter().find(|(q, _)| q.path == path && q.key == key)?;
            answer.as_ref().map(ToString::to_string)
        }))
    }

    fn cached(&self, key: &str) -> Result<Option<CachedAnswer>> {
        Ok(lock_state(&self.state).cache.get(key).cloned())
    }

    fn cached_of_skill(&self, skill: &str) -> Result<Option<CachedAnswer>> {
        let state = lock_state(&self.state);
        Ok(state.cache.values().filter(|c| c.skill == skill).max_by_key(|c| c.at).cloned())
    }

    fn memory(&self) -> Result<Vec<MemoryValue>> {
        let row = |((memory, key), (value, at)): (&(String, String), &(Json, i64))| MemoryValue {
            memory: memory.clone(),
            key: key.clone(),
            value: value.clone(),
            at: *at,
        };
        Ok(lock_state(&self.state).memory.iter().map(row).collect())
    }

    fn memory_of(&self, run: &str) -> Result<Json> {
        let kept = self.read(run, |run| run.memory.clone());
        Ok(if kept.is_null() { Json::Object(Map::new()) } else { kept })
    }

    fn memory_history(&self, memory: &str, key: &str) -> Result<Vec<MemoryChange>> {
        let state = lock_state(&self.state);
        let changes = state.changes.iter().filter(|(op, _)| op.memory == memory && op.key == key);
        Ok(changes.map(|(_, change)| change.clone()).collect())
    }

    fn set_memory(&self, memory: &str, key: &str, value: Json) -> Result<()> {
        lock_state(&self.state).change_memory(None, &MemoryOp::by_person(memory, key, value), now_ms())
    }

    fn forget_memory(&self, memory: &str, key: &str) -> Result<bool> {
        let mut state = lock_state(&self.state);
        let gone = state.memory.remove(&(memory.to_owned(), key.to_owned())).is_some();
        if gone {
            let change = MemoryChange {
                at: now_ms(),
                run: None,
                path: None,
                kind: "forget".to_owned(),
                change: None,
                value: None,
            };
            state.changes.push((MemoryOp::by_person(memory, key, Json::Null), change));
        }
        Ok(gone)
    }

    fn collect(&self, before: i64, all: bool) -> Result<Collected> {
        let mut state = lock_state(&self.state);
        let mut collected = Collected::default();
        let rows: Vec<RunRow> = state.runs.values().filter_map(|run| state.row(run)).collect();
        for row in rows {
            if row.pid.is_none() && (row.status == "done" || all) && row.ended.unwrap_or(row.started) < before {
                state.runs.remove(&row.id);
                collected.runs += 1;
            }
        }
        let kept = state.cache.len();
        state.cache.retain(|_, cached| cached.at >= before);
        collected.cached = kept - state.cache.len();
        Ok(collected)
    }
}
