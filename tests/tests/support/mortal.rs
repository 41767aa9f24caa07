//! The simulated death of a process: a store and a host that wrap others and share a fuse, which counts their calls.
//! The process dies, or its store fails, at the call at which the fuse burns down.
//!
//! As in a store on a disk, a record that no caller waits for may be lost with the process; an acknowledged record is
//! kept, and all before it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cascade_ir::Program;
use cascade_runtime::{
    Event, Failure,
    host::{Host, Report},
    journal::{
        Activity, CachedAnswer, Claim, Collected, Cursor, Done, EffectRow, Journal, JournalError, Ledger, MemoryChange,
        MemoryValue, QuestionRow, Record, Result, RunRow, Store,
    },
    project_key::ProjectKey,
    request::{MemoryOp, Output, Request, RequestId},
    value::Secret,
    workspace::WorkspacePatch,
};
use serde_json::Value as Json;

/// The message of the panic that simulates the death of a process.
pub const LAST_WORDS: &str = "the process dies here";

/// What happens at the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The process dies; this percentage of the unacknowledged records reaches the store.
    Dies { kept: usize },
    /// The store fails, and the process gets the error.
    StoreFails,
}

/// A record that reached the store.
#[derive(Debug, Clone)]
pub enum Kept {
    Began,
    Started { token: u64, path: String, attempt: u32, key: String, request: String },
    Ended { token: u64, seq: i64, status: &'static str },
    Overtaken { seq: i64 },
    RunEnded { failed_at: Option<(String, u32)> },
    Changed(MemoryOp),
}

#[derive(Debug, Default)]
struct State {
    /// How many calls are left; `None`: any number.
    left: Option<u64>,
    way: Option<Way>,
    calls: u64,
    burnt: bool,
    kept: Vec<Kept>,
    questions: HashMap<String, String>,
}

/// The counter of calls that a store and a host share.
#[derive(Debug, Clone, Default)]
pub struct Fuse(Arc<Mutex<State>>);

impl Fuse {
    /// A fuse that burns down at the k-th call; `None`: never.
    pub fn new(end: Option<(u64, Way)>) -> Self {
        let (left, way) = end.unzip();
        Self(Arc::new(Mutex::new(State { left, way, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Whether it has burnt down.
    pub fn is_burnt(&self) -> bool {
        self.state().burnt
    }

    /// Whether it burnt down by its count, and not by [`Fuse::die`].
    pub fn ended_by_count(&self) -> bool {
        self.state().left == Some(0)
    }

    /// A record that reached the store.
    pub fn kept(&self) -> Vec<Kept> {
        self.state().kept.clone()
    }

    /// The texts of questions to persons, by key.
    pub fn questions(&self) -> HashMap<String, String> {
        self.state().questions.clone()
    }

    /// Counts a call; returns how the process ends if it is the last one.
    fn count(&self) -> Option<Way> {
        let mut state = self.state();
        if state.burnt {
            return state.way;
        }
        state.calls += 1;
        let left = state.left.as_mut()?;
        *left = left.saturating_sub(1);
        if *left > 0 {
            return None;
        }
        state.burnt = true;
        state.way
    }

    /// Ends the process.
    pub fn die(&self) -> ! {
        self.state().burnt = true;
        panic!("{LAST_WORDS}");
    }
}

/// A store at whose calls the process may die.
#[derive(Debug)]
pub struct MortalStore {
    pub inner: Arc<dyn Store>,
    pub fuse: Fuse,
}

struct MortalJournal {
    inner: Box<dyn Journal>,
    fuse: Fuse,
    /// Records that no caller waits for yet.
    queue: Vec<Record>,
}

impl MortalJournal {
    fn note_record(&self, record: &Record) {
        let kept = match record {
            Record::RunStarted(_) => Kept::Began,
            Record::Started(start) => Kept::Started {
                token: start.token,
                path: start.info.path.clone(),
                attempt: start.info.attempt,
                key: start.info.key.clone(),
                request: start.request.clone(),
            },
            Record::Ended(end) => Kept::Ended { token: end.token, seq: end.seq, status: end.status },
            Record::Overtaken { seq } => Kept::Overtaken { seq: *seq },
            Record::RunEnded(end) => Kept::RunEnded { failed_at: end.failed_at.clone() },
            Record::Remember(change) => Kept::Changed(change.op.clone()),
            _ => return,
        };
        self.fuse.state().kept.push(kept);
    }

    /// Passes on this number of records, the last one with its callback.
    fn pass_records(&mut self, count: usize, mut done: Option<Done>) {
        let records: Vec<Record> = self.queue.drain(..count).collect();
        let last = records.len().wrapping_sub(1);
        for (i, record) in records.into_iter().enumerate() {
            self.note_record(&record);
            self.inner.write(record, if i == last { done.take() } else { None });
        }
    }

    /// Ends the process if this call is the last; returns `done` otherwise.
    fn last(&mut self, done: Option<Done>) -> std::result::Result<Option<Done>, ()> {
        match self.fuse.count() {
            None => Ok(done),
            Some(Way::StoreFails) => {
                if let Some(done) = done {
                    done(Err(JournalError("the disk is full".to_owned())));
                }
                Err(())
            }
            Some(Way::Dies { kept }) => {
                let count = self.queue.len() * kept / 100;
                self.pass_records(count, None);
                self.fuse.die()
            }
        }
    }
}

impl Journal for MortalJournal {
    fn write(&mut self, record: Record, done: Option<Done>) {
        if let Record::Asked(question) = &record {
            self.fuse.state().questions.insert(question.key.clone(), question.question.clone());
        }
        let failed = self.fuse.is_burnt();
        if !failed {
            self.queue.push(record);
        }
        if let Ok(Some(done)) = self.last(done) {
            self.pass_records(self.queue.len(), Some(done));
        }
    }

    fn flush(&mut self, done: Done) {
        if let Ok(Some(done)) = self.last(Some(done)) {
            self.pass_records(self.queue.len(), None);
            self.inner.flush(done);
        }
    }
}

impl Store for MortalStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn claim_run(&self, run: &str) -> Result<Claim> {
        self.inner.claim_run(run)
    }

    fn project_key(&self) -> Result<ProjectKey> {
        self.inner.project_key()
    }

    fn open_journal(&self, run: &str) -> Result<Box<dyn Journal>> {
        let inner = self.inner.open_journal(run)?;
        Ok(Box::new(MortalJournal { inner, fuse: self.fuse.clone(), queue: Vec::new() }))
    }

    fn runs(&self) -> Result<Vec<RunRow>> {
        self.inner.runs()
    }

    fn run(&self, id: &str) -> Result<Option<RunRow>> {
        self.inner.run(id)
    }

    fn program(&self, hash: &str) -> Result<Program> {
        self.inner.program(hash)
    }

    fn effects(&self, run: &str) -> Result<Vec<EffectRow>> {
        self.inner.effects(run)
    }

    fn events(&self, run: &str, after: i64) -> Result<Vec<(i64, i64, Json)>> {
        self.inner.events(run, after)
    }

    fn activity(&self, run: &str, since: &mut Cursor) -> Result<Vec<Activity>> {
        self.inner.activity(run, since)
    }

    fn ledger(&self, run: &str) -> Result<Ledger> {
        self.inner.ledger(run)
    }

    fn output(&self, answer: Option<&str>, artifact: Option<&str>) -> Result<Output> {
        self.inner.output(answer, artifact)
    }

    fn mark_cancelled(&self, run: &str) -> Result<()> {
        self.inner.mark_cancelled(run)
    }

    fn questions(&self, run: &str) -> Result<Vec<QuestionRow>> {
        self.inner.questions(run)
    }

    fn answer_question(&self, run: &str, path: &str, key: &str, answer: &Json) -> Result<bool> {
        self.inner.answer_question(run, path, key, answer)
    }

    fn answer_of(&self, run: &str, path: &str, key: &str) -> Result<Option<String>> {
        self.inner.answer_of(run, path, key)
    }

    fn cached(&self, key: &str) -> Result<Option<CachedAnswer>> {
        self.inner.cached(key)
    }

    fn cached_of_skill(&self, skill: &str) -> Result<Option<CachedAnswer>> {
        self.inner.cached_of_skill(skill)
    }

    fn memory(&self) -> Result<Vec<MemoryValue>> {
        self.inner.memory()
    }

    fn memory_of(&self, run: &str) -> Result<Json> {
        self.inner.memory_of(run)
    }

    fn memory_history(&self, memory: &str, key: &str) -> Result<Vec<MemoryChange>> {
        self.inner.memory_history(memory, key)
    }

    fn set_memory(&self, memory: &str, key: &str, value: Json) -> Result<()> {
        self.inner.set_memory(memory, key, value)
    }

    fn forget_memory(&self, memory: &str, key: &str) -> Result<bool> {
        self.inner.forget_memory(memory, key)
    }

    fn collect(&self, before: i64, all: bool) -> Result<Collected> {
        self.inner.collect(before, all)
    }
}

/// A host at whose calls the process may die.
pub struct MortalHost<H> {
    pub inner: H,
    pub fuse: Fuse,
}

impl<H> MortalHost<H> {
    fn call(&self) {
        if let Some(Way::Dies { .. }) = self.fuse.count() {
            self.fuse.die();
        }
    }
}

impl<H: Host> Host for MortalHost<H> {
    /// The process dies before the effect begins, or at the next call, which follows at once.
    fn start(&mut self, request: Request) {
        self.call();
        self.inner.start(request);
        self.call();
    }

    fn cancel(&mut self, id: RequestId) {
        self.call();
        self.inner.cancel(id);
    }

    async fn next(&mut self) -> Report {
        let report = self.inner.next().await;
        self.call();
        report
    }

    fn ready(&mut self) -> Option<Report> {
        self.inner.ready()
    }

    fn event(&mut self, event: Event) {
        self.inner.event(event);
    }

    fn learn_secret(&mut self, secret: &Secret) {
        self.inner.learn_secret(secret);
    }

    fn remember(&mut self, op: MemoryOp) {
        self.inner.remember(op);
    }

    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> std::result::Result<(), Box<Failure>> {
        self.inner.restore_workspace(patch)
    }

    async fn settle(&mut self) {
        self.inner.settle().await;
    }
}
