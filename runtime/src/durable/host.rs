//! The durable host as the interpreter sees it.

use super::{Durable, POLL, secrets, watch};
use crate::{
    events::Event,
    failure::Raise,
    host::{Host, Report},
    journal::{EffectEnd, Record, Remembered, TimerMark, now_ms},
    request::{Answer, MemoryOp, Output, Request, RequestId, RequestKind, TimerKind},
    value::Secret,
    workspace::{OpenSandbox, WorkspacePatch},
};

impl<H: Host> Host for Durable<'_, H> {
    fn reopen_sandbox(&mut self, id: RequestId, sandbox: &OpenSandbox) {
        self.inner.reopen_sandbox(id, sandbox);
    }

    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> Result<(), Raise> {
        self.inner.restore_workspace(patch)
    }

    fn start(&mut self, request: Request) {
        let id = request.id;
        match &request.kind {
            RequestKind::Timer { ms, timer } => {
                let (ms, timer) = (*ms, timer.clone());
                if let Some(seq) = self.replay.fired(&timer) {
                    self.replay.expect_fired(id, seq);
                    return;
                }
                let left = self.replay.time_left(&timer, ms, self.age);
                if left.is_none() && timer.kind != TimerKind::Idle {
                    let clock = if timer.kind == TimerKind::Wall { now_ms() } else { self.clock() };
                    self.write(Record::Timer(TimerMark { timer: timer.clone(), seq: None, clock }));
                }
                self.inner.start(Request { kind: RequestKind::Timer { ms: left.unwrap_or(ms), timer }, ..request });
            }
            RequestKind::Delay { path, attempt, .. } => {
                if self.broken.is_some() || self.replay.went_on(path, *attempt) {
                    self.instant.push_back((id, Answer::ok(Output::Fired)));
                } else {
                    self.busy.insert(id);
                    self.inner.start(request);
                }
            }
            RequestKind::Quota { .. } => self.wait_for_quota(request),
            // A resumed run takes its names again.
            RequestKind::Lock { path, .. } => {
                self.locks.insert(id, path.clone());
                self.inner.start(request);
            }
            RequestKind::Load(_) | RequestKind::Call(_) => self.begin(request),
            RequestKind::Run(_)
            | RequestKind::Http(_)
            | RequestKind::Prompt(_)
            | RequestKind::Agent(_)
            | RequestKind::Mcp(_)
            | RequestKind::Builtin(_)
            | RequestKind::OpenSandbox(_)
            | RequestKind::CloseSandbox(_)
            | RequestKind::Person(_) => self.effect(request),
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if self.replay.forget(id) {
            return;
        }
        if let Some((path, key)) = self.people.forget(id) {
            self.watch.tell_observer(Event::QuestionClosed { path: path.clone() });
            // One that is interrupted is asked again when the run goes on.
            if !self.cancelled {
                self.write(Record::Unasked { path, key });
            }
            return;
        }
        self.people.forget_quota(id);
        if let Some(position) = self.held.iter().position(|r| r.id == id) {
            self.held.remove(position);
            return;
        }
        if let Some(waiting) = &mut self.unknown
            && let Some(position) = waiting.iter().position(|r| r.id == id)
        {
            waiting.remove(position);
            return;
        }
        self.busy.remove(&id);
        self.instant.retain(|(other, _)| *other != id);
        if let Some(seq) = self.committing.remove(&id) {
            self.write(Record::Overtaken { seq });
            return;
        }
        let unborn = self.beginning.remove(&id).is_some();
        if self.open.remove(&id).is_some() {
            let status = if self.cancelled { "interrupted" } else { "withdrawn" };
            let mut end = EffectEnd::without_answer(id.0, status);
            (end.seq, end.clock) = (self.next_seq(), self.clock());
            self.write(Record::Ended(Box::new(end)));
        }
        if !unborn {
            self.inner.cancel(id);
        }
    }

    async fn next(&mut self) -> Report {
        loop {
            self.release_held();
            self.confirm_answers();
            if let Some(report) = self.take_confirmed() {
                return report;
            }
            if let Some((id, answer)) = self.instant.pop_front() {
                return Report::Answer(id, answer);
            }
            if let Some(report) = self.recall() {
                return report;
            }
            let withheld = self.replay.take_withheld();
            if !withheld.is_empty() {
                for request in withheld {
                    self.begin_withheld(request);
                }
                continue;
            }
            if self.cancel_first && !self.cancelled && self.is_idle() {
                self.cancelled = true;
                return Report::Cancel;
            }
            if self.is_idle() && self.people.must_pause() {
                // What is due by now comes first: the time to answer may be over.
                return self.ready().unwrap_or(Report::Paused);
            }
            let polling = self.people.is_polling();
            let poll = async {
                match polling {
                    true => tokio::time::sleep(POLL).await,
                    false => std::future::pending().await,
                }
            };
            let report = tokio::select! {
                biased;
                report = self.inner.next() => match report {
                    Report::Answer(id, answer) => self.answered(id, answer),
                    Report::Cancel => {
                        self.cancelled = true;
                        Some(Report::Cancel)
                    }
                    Report::Progress(id, progress) => {
                        self.progressed(id, &progress);
                        Some(Report::Progress(id, progress))
                    }
                    Report::Secret(secret) => {
                        self.vault.learn(&secret);
                        Some(Report::Secret(secret))
                    }
                    other => Some(other),
                },
                Some(note) = self.inbox.recv() => self.handle_note(note),
                () = poll => {
                    self.look_for_answers();
                    None
                }
            };
            // What else is there comes along, so that the store confirms it together.
            if let Some(report) = report.or_else(|| self.ready()) {
                return report;
            }
        }
    }

    fn ready(&mut self) -> Option<Report> {
        // Recorded answers are given one at a time: what one of them leads to may come before
        // the next.
        if !self.instant.is_empty() || self.replay.is_pending() {
            return None;
        }
        loop {
            if let Some(report) = self.take_confirmed() {
                return Some(report);
            }
            let report = match self.inner.ready() {
                Some(Report::Answer(id, answer)) => self.answered(id, answer),
                Some(Report::Cancel) => {
                    self.cancelled = true;
                    return Some(Report::Cancel);
                }
                Some(Report::Progress(id, progress)) => {
                    self.progressed(id, &progress);
                    return Some(Report::Progress(id, progress));
                }
                Some(Report::Secret(secret)) => {
                    self.vault.learn(&secret);
                    return Some(Report::Secret(secret));
                }
                Some(other) => return Some(other),
                None => {
                    self.confirm_answers();
                    let note = self.inbox.try_recv().ok()?;
                    self.handle_note(note)
                }
            };
            if report.is_some() {
                return report;
            }
        }
    }

    fn event(&mut self, mut event: Event) {
        secrets::hide_in_event(self.vault.redactor(), &mut event);
        if let Event::TimedOut { path, attempt, timer } = &event
            && let Some(kind) = TimerKind::of_name(timer)
        {
            let timer = crate::request::TimerId { path: path.clone(), attempt: *attempt, kind };
            if self.replay.fired(&timer).is_none() {
                let (seq, clock) = (self.next_seq(), self.clock());
                self.write(Record::Timer(TimerMark { timer, seq: Some(seq), clock }));
            }
        }
        if watch::is_kept(&event)
            && let Some(journal) = &mut self.journal
            && let Ok(text) = serde_json::to_string(&event)
        {
            // The event was reported before the interruption.
            if self.replay.was_told(&text) {
                return;
            }
            journal.write(Record::Event(text, now_ms()), None);
        }
        self.watch.tell_observer(event);
    }

    fn learn_secret(&mut self, secret: &Secret) {
        self.vault.learn(secret);
        self.inner.learn_secret(secret);
    }

    fn remember(&mut self, mut op: MemoryOp) {
        self.vault.redactor().mask_json(&mut op.value);
        self.vault.redactor().mask_json(&mut op.initial);
        if self.journal.is_some() {
            if let Some(id) = self.replay.id_of_new_change(&op) {
                self.write(Record::Remember(Box::new(Remembered { id, op, at: now_ms() })));
            }
        } else if !self.noted_memory {
            self.noted_memory = true;
            let message = format!("memory `{}` is not kept: the run has no journal", op.memory);
            self.watch.tell_observer(Event::Warning { path: op.path, message, place: None });
        }
    }
}
