//! What becomes of a failure: another attempt, a handler of `on error`, or the way up.

use std::collections::VecDeque;

use cascade_ir::{ErrorAction, ErrorKind, ModelRef, OnError, limits::LONGEST_WAIT};

use super::{
    Machine, Waiter,
    fiber::Fiber,
    frame::{Frame, Mode},
    guard::{Guard, KEPT, Subject, set_timer},
    person::{Decision, Escalated},
    unwind::error_record,
};
use crate::{
    eval::{Result, with_place, write_slot},
    events::Event,
    failure::{Failure, Raise, defect, fail},
    render::render_value,
    request::RequestKind,
    value::{Value, format_duration},
};

impl<'p> Machine<'p> {
    /// Hands a failure from below to the guard on top: another attempt, a handler, or the way up.
    pub(super) fn guard_failed(&mut self, id: usize, fiber: &mut Fiber<'p>, mut failure: Raise) -> Result<Mode> {
        self.stop_timers(fiber);
        let path = stage_path(fiber);
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return Err(defect!("a failure without its guard"));
        };
        if failure.stage.is_empty() {
            failure.stage.clone_from(&path);
            failure.attempts = guard.attempts;
            if let Subject::Stage(stage) = guard.subject {
                failure.stage_place = Some(stage.place);
            }
        }
        if failure.place.is_none()
            && let Subject::Stage(stage) = guard.subject
        {
            failure.place = Some(stage.place);
        }
        let attempt = guard.attempts;
        if let Some(mut failed) = guard.fixing.take() {
            // The repair itself failed: another would, too.
            guard.fixes_left = Some(0);
            failed.causes.push(format!("the repair failed: {failure}"));
            return self.apply_handlers(id, fiber, failed, &path);
        }
        if let Some(escalated) = guard.escalated.take() {
            // The question itself failed: nobody answered in time.
            let failure = with_cause(failure, escalated.failure);
            return self.apply_handlers(id, fiber, failure, &path);
        }
        if failure.kind == ErrorKind::QuotaExhausted && guard.is_skill() && !guard.takes_quota() {
            let (retry_after_ms, message) = (failure.retry_after_ms, failure.message.clone());
            self.emit_retrying(&path, attempt, &failure, "wait", None);
            let kind = RequestKind::Quota { path, attempt, retry_after_ms, message };
            let quota = self.send_request(kind, None, Waiter::Delay(id));
            set_timer(fiber, |guard| {
                guard.delay = Some(quota);
                guard.falling_back = false;
            });
            return Ok(Mode::Wait);
        }
        refuse_long_wait(&mut failure, guard.limits.time);
        if guard.retries_left > 0 && failure.is_retryable() && !guard.falling_back {
            guard.retries_left -= 1;
            let doubled = guard.backoff.0.saturating_mul(1 << guard.retries_done.min(30));
            guard.retries_done += 1;
            let up_to_ms = doubled.min(guard.backoff.1).max(0).unsigned_abs();
            let at_least_ms = failure.retry_after_ms.unwrap_or(0);
            self.emit_retrying(&path, attempt, &failure, "retry", Some(up_to_ms));
            let kind = RequestKind::Delay { up_to_ms, at_least_ms, path, attempt };
            let delay = self.send_request(kind, None, Waiter::Delay(id));
            set_timer(fiber, |guard| guard.delay = Some(delay));
            return Ok(Mode::Wait);
        }
        if let Some(model) = guard.candidates.pop_front() {
            guard.using = Some(vec![model]);
            self.emit_retrying(&path, attempt, &failure, "use", None);
            return Ok(Mode::Run);
        }
        self.apply_handlers(id, fiber, failure, &path)
    }

    /// Applies what a person decided about a failure of the guard on top.
    pub(super) fn apply_decision(
        &mut self,
        id: usize,
        fiber: &mut Fiber<'p>,
        escalated: Escalated<'p>,
        value: &Value,
    ) -> Result<Mode> {
        match self.read_decision(&escalated, value)? {
            Decision::Retry => {
                set_timer(fiber, Guard::start_over);
                Ok(Mode::Run)
            }
            Decision::Skip => self.guard_done(fiber, Value::Null, "skipped"),
            Decision::Value(value) => self.guard_done(fiber, value, "done"),
            Decision::Abort => {
                let path = stage_path(fiber);
                self.apply_handlers(id, fiber, escalated.failure, &path)
            }
        }
    }

    /// Applies the first handler, in the order written, that takes the failure.
    fn apply_handlers(&mut self, id: usize, fiber: &mut Fiber<'p>, mut failure: Raise, path: &str) -> Result<Mode> {
        loop {
            let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
                return Err(defect!("a failure without its guard"));
            };
            let (clauses, attempt) = (guard.clauses, guard.attempts);
            let Some(handler) = clauses.on_error.get(guard.next_handler) else {
                if self.retry_ended_run(fiber, path, attempt, &failure) {
                    return Ok(Mode::Run);
                }
                self.finish_guard(fiber, "failed", Some(failure.message.clone()));
                fiber.frames.pop();
                return Ok(Mode::Raise(failure));
            };
            guard.next_handler += 1;
            if !handler_applies(handler, failure.kind) {
                continue;
            }
            self.mark_reached(handler.id);
            if let Some(slot) = handler.binding {
                write_slot(fiber.slots(), slot, error_record(&failure))?;
            }
            match &handler.action {
                ErrorAction::Skip => return self.guard_done(fiber, Value::Null, "skipped"),
                ErrorAction::Keep { .. } if self.retry_ended_run(fiber, path, attempt, &failure) => {
                    return Ok(Mode::Run);
                }
                ErrorAction::Keep { .. } => {
                    let kept = Value::variant("failed".into(), true, vec![("error".into(), error_record(&failure))]);
                    return self.guard_done(fiber, kept, KEPT);
                }
                ErrorAction::Use(expr) => {
                    let value = self.eval.eval(expr, fiber.slots());
                    match with_place(value.and_then(|v| models_of_value(&v)), handler.place) {
                        Ok(models) => {
                            let mut models = VecDeque::from(models);
                            let Some(first) = models.pop_front() else {
                                continue;
                            };
                            if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
                                guard.using = Some(vec![first]);
                                guard.candidates = models;
                                guard.falling_back = false;
                            }
                            self.emit_retrying(path, attempt, &failure, "use", None);
                            return Ok(Mode::Run);
                        }
                        Err(other) => failure = with_cause(other, failure),
                    }
                }
                ErrorAction::Fallback(work) => {
                    self.emit_retrying(path, attempt, &failure, "fallback", None);
                    set_timer(fiber, |guard| guard.falling_back = true);
                    self.start_timers(id, fiber);
                    let depth = fiber.frames.len();
                    match self.begin_work(fiber, work, None) {
                        Ok(mode) => return Ok(mode),
                        Err(other) => {
                            fiber.frames.truncate(depth);
                            self.stop_timers(fiber);
                            failure = with_cause(other, failure);
                        }
                    }
                }
                ErrorAction::Fail(_) if self.retry_ended_run(fiber, path, attempt, &failure) => {
                    return Ok(Mode::Run);
                }
                ErrorAction::Fail(message) => {
                    let message = match message {
                        Some(expr) => match self.eval.eval(expr, fiber.slots()) {
                            Ok(value) => render_value(&value, cascade_ir::Rendering::Text),
                            Err(other) => other.message,
                        },
                        None => failure.message.clone(),
                    };
                    let mut new = Failure::raise(ErrorKind::Failed, message);
                    new.stage.clone_from(&failure.stage);
                    new.attempts = failure.attempts;
                    new.place = Some(handler.place);
                    let new = with_cause(new, failure);
                    self.finish_guard(fiber, "failed", Some(new.message.clone()));
                    fiber.frames.pop();
                    return Ok(Mode::Raise(new));
                }
                ErrorAction::Fix(fix) => {
                    let told = failure.clone();
                    match self.begin_fix(fiber, fix, failure)? {
                        Ok(mode) => {
                            self.emit_retrying(path, attempt, &told, "fix", None);
                            return Ok(mode);
                        }
                        Err(unrepaired) => failure = unrepaired,
                    }
                }
                ErrorAction::Redistribute => {
                    if self.redistribute(fiber) {
                        self.emit_retrying(path, attempt, &failure, "redistribute", None);
                        return Ok(Mode::Run);
                    }
                }
                ErrorAction::Escalate { message, ty, skip } => {
                    let message = self.evaluate_message(fiber, Some(message), "")?;
                    self.emit_retrying(path, attempt, &failure, "escalate", None);
                    let escalated = Escalated { failure, ty, skip: *skip };
                    return self.begin_escalation(fiber, escalated, message);
                }
            }
        }
    }

    /// Gives the stage on top a new set of attempts when this very failure ended an earlier part of
    /// the run: whoever resumes a run wants what failed to be tried again.
    fn retry_ended_run(&mut self, fiber: &mut Fiber<'p>, path: &str, attempt: u32, failure: &Failure) -> bool {
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else { return false };
        // Only runs that are resumed have such failures; the text is not copied for others.
        let ended = !self.env.recalled.failed.is_empty()
            && guard.is_skill()
            && self.env.recalled.failed.contains(&(path.to_owned(), attempt));
        if ended {
            guard.start_over();
            self.emit_retrying(path, attempt, failure, "resume", None);
        }
        ended
    }

    fn emit_retrying(
        &mut self,
        path: &str,
        attempt: u32,
        failure: &Failure,
        next: &'static str,
        up_to_ms: Option<u64>,
    ) {
        self.emit_event(|| Event::StageRetrying {
            path: path.to_owned(),
            attempt,
            kind: failure.kind,
            message: failure.message.clone(),
            next,
            wait_ms: up_to_ms.and(failure.retry_after_ms),
            up_to_ms: up_to_ms.filter(|ms| *ms > 0),
        });
    }
}

/// Makes a failure final whose service asks to wait longer than a run waits, or than the budget of time allows.
fn refuse_long_wait(failure: &mut Failure, budget: Option<i64>) {
    let Some(asked) = failure.retry_after_ms.filter(|_| failure.is_retryable()) else { return };
    let budget = budget.map(|ms| ms.max(0).unsigned_abs()).filter(|ms| *ms < LONGEST_WAIT);
    let longest = budget.unwrap_or(LONGEST_WAIT);
    if asked <= longest {
        return;
    }
    let shown = |ms: u64| format_duration(i64::try_from(ms).unwrap_or(i64::MAX));
    let why = if budget.is_some() { "its budget is" } else { "a run waits at most" };
    failure.message.push_str(&format!(
        "; the server asks to wait {}, and {why} {}: try again later, or take another with `on error`",
        shown(asked),
        shown(longest),
    ));
    failure.permanent = true;
}

/// The path of the guard on top, without the marks of its attempts.
pub(super) fn stage_path(fiber: &mut Fiber<'_>) -> String {
    fiber.frames.len().checked_sub(1).map_or_else(String::new, |top| fiber.path_of_guard(top))
}

/// Whether a handler takes a failure. One without a filter leaves two kinds alone: a cancelled
/// stage is not wanted any more, and a spent quota makes the run wait, unless another model is
/// named. Neither must make a stage look done.
pub(super) fn handler_applies(handler: &OnError, kind: ErrorKind) -> bool {
    if !handler.kinds.is_empty() {
        return handler.kinds.contains(&kind);
    }
    match kind {
        ErrorKind::Cancelled => false,
        ErrorKind::QuotaExhausted => matches!(handler.action, ErrorAction::Use(_)),
        _ => true,
    }
}

/// A failure that came while another was handled.
fn with_cause(mut new: Raise, old: Raise) -> Raise {
    new.causes.push(old.to_string());
    new.causes.extend(old.causes);
    if new.stage.is_empty() {
        new.stage = old.stage;
        new.attempts = old.attempts;
    }
    new
}

/// The models that a value of `using` names.
pub(super) fn models_of_value(value: &Value) -> Result<Vec<ModelRef>> {
    match value {
        Value::Model(model) => Ok(vec![*model]),
        Value::List(items) => {
            let mut all = Vec::with_capacity(items.len());
            for item in items.iter() {
                all.extend(models_of_value(item)?);
            }
            if all.is_empty() {
                fail!("a list of models is empty");
            }
            Ok(all)
        }
        other => Err(defect!("{} is no model", other.kind())),
    }
}
