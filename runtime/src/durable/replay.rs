//! Answers from the record.

use std::{collections::HashMap, sync::Arc};

use cascade_ir::ErrorKind;

use super::{Due, Durable};
use crate::{
    events::Event,
    failure::Raise,
    host::{Host, Report},
    journal::{ChangeId, Ledger, Recorded, Status, failure_from, now_ms},
    request::{
        Answer, EffectInfo, MemoryOp, Output, Request, RequestId, RequestKind, RequestMap, TimerId, TimerKind, Usage,
    },
};

/// What the record holds for a request.
pub(super) enum Reply {
    Recorded { path: String, attempt: u32, record: Box<Recorded> },
    Fired,
}

/// The record of a run, and which parts of it have been requested.
pub(super) struct Replay {
    ledger: Ledger,
    due: Due,
    due_of: RequestMap<(i64, u64)>,
    /// Effects that the program withdrew in an earlier part of the run. They begin only if the program
    /// does not withdraw them again.
    withheld: Vec<Request>,
    /// How often each change of memory was made since this process took the run.
    changes: HashMap<ChangeId, u32>,
}

impl Replay {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, due: Due::new(), due_of: RequestMap::default(), withheld: Vec::new(), changes: HashMap::new() }
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.due.is_empty()
    }

    fn expect(&mut self, id: RequestId, seq: i64, reply: Reply) {
        self.due.insert((seq, id.0), reply);
        self.due_of.insert(id, (seq, id.0));
    }

    pub(super) fn expect_fired(&mut self, id: RequestId, seq: i64) {
        self.expect(id, seq, Reply::Fired);
    }

    /// When a timer fired before.
    pub(super) fn fired(&self, timer: &TimerId) -> Option<i64> {
        self.ledger.timers.get(timer)?.fired
    }

    /// The remaining time of a timer that began in an earlier part of the run; `None` for a new timer.
    pub(super) fn time_left(&self, timer: &TimerId, ms: u64, age: i64) -> Option<u64> {
        if timer.kind == TimerKind::Idle {
            return None;
        }
        let began = self.ledger.timers.get(timer)?.began;
        let clock = if timer.kind == TimerKind::Wall { now_ms() } else { age };
        // With a clock that was set back no time has passed.
        let gone = u64::try_from(clock.saturating_sub(began)).unwrap_or(0);
        Some(ms.saturating_sub(gone))
    }

    /// Whether an attempt after this one is on record: the pause before it is over.
    pub(super) fn went_on(&self, path: &str, attempt: u32) -> bool {
        if self.ledger.effects.is_empty() {
            return false;
        }
        if let Some(records) = self.ledger.effects.get(path) {
            return records.iter().any(|r| r.attempt > attempt);
        }
        // The attempts of a stage that is not a single effect are part of the paths below it.
        let next = format!("{path}~{}", attempt + 1);
        self.ledger.effects.keys().any(|p| p.starts_with(&next))
    }

    /// The session of an agent that was asked this and had not answered when the process ended.
    pub(super) fn open_session(&self, path: &str, key: &str) -> Option<String> {
        let records = self.ledger.effects.get(path)?;
        if !records.iter().any(|record| record.key == key && record.status == Status::Open) {
            return None;
        }
        let of_event = |text: &String| {
            let event: serde_json::Value = serde_json::from_str(text).ok()?;
            let is = |name: &str, value: &str| event.get(name).and_then(serde_json::Value::as_str) == Some(value);
            let attempt = event.get("attempt").and_then(serde_json::Value::as_u64)?;
            let session = event.get("session").and_then(serde_json::Value::as_str)?.to_owned();
            (is("event", "agent_session") && is("path", path) && is("key", key)).then_some((attempt, session))
        };
        self.ledger.reported_events.keys().filter_map(of_event).max().map(|(_, session)| session)
    }

    /// Whether the failure of opening or closing this sandbox ended an earlier part of the run.
    fn ended_by_sandbox(&self, kind: &RequestKind, info: &EffectInfo) -> bool {
        if !matches!(kind, RequestKind::OpenSandbox(_) | RequestKind::CloseSandbox(_)) {
            return false;
        }
        let Some((sandbox, _)) = info.path.rsplit_once('#') else { return false };
        // One that is no stage has failed as what is around it.
        let around = sandbox.rsplit_once('/').filter(|(_, name)| name.starts_with("sandbox")).map(|(around, _)| around);
        self.ledger.failed.iter().any(|(stage, _)| stage == sandbox || Some(stage.as_str()) == around)
    }

    /// Whether an attempt was made before this process began.
    pub(super) fn has_answer(&self, path: &str, attempt: u32) -> bool {
        self.ledger.effects.get(path).is_some_and(|r| r.iter().any(|r| r.attempt == attempt))
    }

    pub(super) fn was_told(&mut self, event: &str) -> bool {
        match self.ledger.reported_events.get_mut(event) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The id of a change of memory, unless an earlier part of the run has made it. Equal changes are counted.
    pub(super) fn id_of_new_change(&mut self, op: &MemoryOp) -> Option<String> {
        let change = ChangeId::of_operation(op);
        let before = self.ledger.changes.get(&change).copied().unwrap_or(0);
        match self.changes.get_mut(&change) {
            Some(count) => {
                *count += 1;
                (*count > before).then(|| change.occurrence(*count))
            }
            None => {
                let id = (before == 0).then(|| change.occurrence(1));
                self.changes.insert(change, 1);
                id
            }
        }
    }

    /// Withdraws a request.
    pub(super) fn forget(&mut self, id: RequestId) -> bool {
        if let Some(position) = self.withheld.iter().position(|r| r.id == id) {
            self.withheld.swap_remove(position);
            return true;
        }
        match self.due_of.remove(&id) {
            Some(place) => self.due.remove(&place).is_some(),
            None => false,
        }
    }

    /// The usage of an attempt in earlier parts of the run.
    pub(super) fn paid_usage(&self, path: &str, attempt: u32) -> Usage {
        self.ledger.paid_usage(path, attempt)
    }

    pub(super) fn take_withheld(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.withheld)
    }
}

impl<H: Host> Durable<'_, H> {
    /// An effect: answered from the record, or begun.
    pub(super) fn effect(&mut self, request: Request) {
        let Some(info) = request.effect.as_deref() else {
            self.begin(request);
            return;
        };
        let found = self.replay.ledger.find(&info.path, info.attempt, &info.key);
        // Whoever resumes a run wants what failed to be tried again: a conflict may be settled by now.
        let found = found
            .filter(|record| record.status != Status::Failed || !self.replay.ended_by_sandbox(&request.kind, info));
        match found.map(|r| (r.status, r.seq)) {
            Some((Status::Done | Status::Failed, seq)) => {
                let (path, attempt) = (info.path.clone(), info.attempt);
                if let Some(record) = found.cloned() {
                    // A large answer is a file, and files can be damaged.
                    if record.artifact.is_some()
                        && let Some(store) = &self.store
                        && let Err(error) = store.output(None, record.artifact.as_deref())
                    {
                        self.watch.tell_observer(Event::Warning { path, message: error.to_string(), place: None });
                        self.begin(request);
                        return;
                    }
                    if let RequestKind::OpenSandbox(sandbox) = &request.kind {
                        self.inner.reopen_sandbox(request.id, sandbox);
                    }
                    let reply = Reply::Recorded { path, attempt, record: Box::new(record) };
                    self.replay.expect(request.id, seq, reply);
                }
            }
            Some((Status::Withdrawn, _)) => self.replay.withheld.push(request),
            Some((Status::Open, _)) if info.once => {
                let started = found.map_or(0, |r| r.started);
                self.ask_about_unknown(request, started);
            }
            Some((Status::Open, _)) | None => {
                if matches!(request.kind, RequestKind::Person(_)) {
                    self.ask(request);
                } else if let Some(answer) = self.look_in_cache(&request) {
                    self.begin_answered(request, answer);
                } else {
                    self.begin(request);
                }
            }
        }
    }

    /// Begins an effect that the program withdrew in an earlier part of the run, and now does not. It may have acted
    /// before it was withdrawn: one that must not be repeated blindly is asked about. A person may have answered.
    pub(super) fn begin_withheld(&mut self, request: Request) {
        if matches!(request.kind, RequestKind::Person(_)) {
            self.ask(request);
            return;
        }
        let once = request.effect.as_deref().filter(|info| info.once);
        match once.and_then(|info| self.replay.ledger.find(&info.path, info.attempt, &info.key)).map(|r| r.started) {
            Some(started) => self.ask_about_unknown(request, started),
            None => self.begin(request),
        }
    }

    /// Records an answer that came from elsewhere as if the effect had run here.
    pub(super) fn begin_answered(&mut self, request: Request, answer: Answer) {
        let id = request.id;
        let Some(info) = request.effect.as_deref() else {
            self.instant.push_back((id, answer));
            return;
        };
        let known = Arc::new(EffectInfo { cache_ms: None, ..EffectInfo::clone(info) });
        let open = super::Open { info: known, model: None, cheap: false };
        let answer = Answer { result: self.with_workspace_restored(answer.result), ..answer };
        if let Some(journal) = &mut self.journal {
            let start =
                crate::journal::EffectStart::from_request(id.0, &open.info, &request.kind, self.program, &self.vault);
            journal.write(crate::journal::Record::Started(Box::new(start)), None);
        }
        if let Some(Report::Answer(id, answer)) = self.record(id, &open, answer) {
            self.instant.push_back((id, answer));
        }
    }

    /// An answer that is not given by an effect now, after its change of a workspace was restored.
    pub(super) fn with_workspace_restored(&mut self, result: Result<Output, Raise>) -> Result<Output, Raise> {
        if let Ok(Output::WithPatch(_, patch)) = &result {
            self.inner.restore_workspace(patch)?;
        }
        result
    }

    /// The next answer of the record.
    pub(super) fn recall(&mut self) -> Option<Report> {
        let ((_, id), reply) = self.replay.due.pop_first()?;
        let id = RequestId(id);
        self.replay.due_of.remove(&id);
        match reply {
            Reply::Fired => Some(Report::Answer(id, Answer::ok(Output::Fired))),
            Reply::Recorded { path, attempt, record } => {
                let result = match record.status {
                    Status::Failed => Err(failure_from(record.error.as_deref().unwrap_or_default())),
                    _ => match &self.store {
                        Some(store) => store
                            .output(record.answer.as_deref(), record.artifact.as_deref())
                            .map_err(|e| crate::failure::Failure::raise(ErrorKind::Internal, e.to_string())),
                        None => crate::journal::output_from(record.answer.as_deref().unwrap_or_default())
                            .map_err(|e| crate::failure::Failure::raise(ErrorKind::Internal, e.to_string())),
                    },
                };
                let result = self.with_workspace_restored(result);
                self.reused += 1;
                self.watch.tell_observer(Event::Reused { path: path.clone(), attempt, from: "journal" });
                let usage = self.replay.ledger.paid_usage(&path, attempt);
                Some(Report::Answer(id, Answer { result, usage }))
            }
        }
    }
}
