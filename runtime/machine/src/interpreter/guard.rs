//! Guards: a stage or cascade under its clauses, through all its attempts.

use std::collections::VecDeque;

use cascade_ir::{
    Cascade, Clauses, ErrorAction, ErrorKind, ModelId, ModelRef, OnError, Stage, Work,
    limits::{BACKOFF, LONGEST_WAIT, MAX_RETRIES},
};

use super::{
    Machine, Waiter,
    budget::{Limits, Reserve},
    fiber::Fiber,
    frame::{Cut, Frame, Mode},
    locks::GuardLock,
    person::{Decision, Escalated},
    swarm::GuardAgent,
    unwind::error_record,
};
use crate::{
    eval::{Result, with_place, write_slot},
    events::Event,
    failure::{Failure, Raise, defect, fail},
    render::render,
    request::{RequestId, RequestKind},
    value::{Value, format_duration},
};

/// The status of a stage whose failure is its value (`on error keep`).
const KEPT: &str = "kept";

/// What the clauses apply to.
#[derive(Clone, Copy)]
pub(super) enum Subject<'p> {
    Stage(&'p Stage),
    Cascade(&'p Cascade),
}

pub(super) struct Guard<'p> {
    /// Distinguishes it from all other guards of the run.
    pub(super) serial: u64,
    pub(super) subject: Subject<'p>,
    pub(super) clauses: &'p Clauses,
    /// Arguments of the stage's skill or cascade, evaluated once.
    pub(super) args: Option<Vec<Value>>,
    prepared: bool,
    pub(super) attempts: u32,
    /// Attempts after the first, as the program says.
    pub(super) retries: u32,
    pub(super) retries_left: u32,
    pub(super) retries_done: u32,
    backoff: (i64, i64),
    pub(super) timeout: Option<i64>,
    pub(super) idle: Option<i64>,
    pub(super) deadline: Option<RequestId>,
    pub(super) watch: Option<RequestId>,
    pub(super) silent_ticks: u8,
    /// Whether an effect below reported progress since the last tick of `idle`.
    pub(super) alive: bool,
    delay: Option<RequestId>,
    /// The end of its budget of time.
    pub(super) budget: Option<RequestId>,
    pub(super) limits: Limits,
    pub(super) tokens: u64,
    pub(super) cost: i64,
    /// Most that the running calls below may still use.
    pub(super) reserved: Reserve,
    /// How old a cached answer may be, in milliseconds.
    pub(super) cache: Option<i64>,
    /// The models of `using`, or the one that `on error use` tries.
    pub(super) using: Option<Vec<ModelRef>>,
    /// The models of `using`.
    pub(super) named: Option<Vec<ModelRef>>,
    pub(super) candidates: VecDeque<ModelRef>,
    pub(super) next_handler: usize,
    pub(super) falling_back: bool,
    /// The failure whose cause an agent is repairing.
    pub(super) fixing: Option<Raise>,
    /// Repairs that are left, once that is known.
    pub(super) fixes_left: Option<i64>,
    /// A failure that a person is being asked about.
    pub(super) escalated: Option<Escalated<'p>>,
    /// What the model is told of its last answer when it is asked again.
    pub(super) complaint: Option<String>,
    /// The session of the agent that worked for it last, and the model.
    pub(super) session: Option<(ModelId, String)>,
    /// The order of its models that a `best_of` has drawn.
    pub(super) ranked: Option<Vec<ModelId>>,
    /// The model that was asked last, and all that could have been.
    pub(super) asked: Option<ModelId>,
    pub(super) models: Vec<ModelId>,
    /// The agent of a swarm that has its task.
    pub(super) agent: GuardAgent,
    /// The name of its `exclusive`.
    pub(super) lock: GuardLock,
}

impl<'p> Guard<'p> {
    pub(super) fn new(serial: u64, subject: Subject<'p>, clauses: &'p Clauses) -> Self {
        Self {
            serial,
            subject,
            clauses,
            args: None,
            prepared: false,
            attempts: 0,
            retries: 0,
            retries_left: 0,
            retries_done: 0,
            backoff: BACKOFF,
            timeout: None,
            idle: None,
            deadline: None,
            watch: None,
            silent_ticks: 0,
            alive: false,
            delay: None,
            budget: None,
            limits: Limits::default(),
            tokens: 0,
            cost: 0,
            reserved: Reserve::default(),
            cache: None,
            using: None,
            named: None,
            candidates: VecDeque::new(),
            next_handler: 0,
            falling_back: false,
            fixing: None,
            fixes_left: None,
            escalated: None,
            complaint: None,
            session: None,
            ranked: None,
            asked: None,
            models: Vec::new(),
            agent: GuardAgent::default(),
            lock: GuardLock::default(),
        }
    }

    /// Whether its work is a single effect.
    pub(super) fn is_skill(&self) -> bool {
        matches!(self.subject, Subject::Stage(Stage { work: Work::Skill(..), .. }))
    }

    /// Whether its work is a question to a person.
    pub(super) fn is_person(&self) -> bool {
        self.escalated.is_some() || matches!(self.subject, Subject::Stage(Stage { work: Work::Person(_), .. }))
    }

    /// Whether a clause that has not been used yet handles a spent quota.
    fn takes_quota(&self) -> bool {
        let rest = self.clauses.on_error.get(self.next_handler..).unwrap_or_default();
        !self.candidates.is_empty() || rest.iter().any(|h| handler_applies(h, ErrorKind::QuotaExhausted))
    }

    pub(super) fn watches_idle(&self) -> bool {
        self.idle.is_some()
    }
}

impl<'p> Machine<'p> {
    /// Begins an attempt of the guard on top.
    pub(super) fn begin_attempt(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let prepared = self.evaluate_clauses(fiber)?;
        if prepared {
            self.start_budget(id, fiber);
        }
        if let Some(wait) = self.acquire_lock(id, fiber)? {
            return Ok(wait);
        }
        if let Some(wait) = self.acquire_agent(id, fiber)? {
            return Ok(wait);
        }
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return Err(defect!("an attempt without its guard"));
        };
        guard.attempts += 1;
        guard.delay = None;
        if let Some(failure) = guard.over_budget() {
            return Err(failure);
        }
        let (subject, attempt) = (guard.subject, guard.attempts);
        let args = guard.args.clone();
        self.start_timers(id, fiber);
        match subject {
            Subject::Stage(stage) => {
                if self.env.watched {
                    let path = fiber.path();
                    let skill = match &stage.work {
                        Work::Skill(id, _) => self.program.skills.get(id.index()).map(|s| s.name.to_string()),
                        _ => None,
                    };
                    self.emit_if_watched(|| Event::StageStarted { path, skill, attempt });
                }
                if stage.clauses.isolate {
                    return self.isolate_stage(fiber, stage, args);
                }
                self.begin_work(fiber, &stage.work, args)
            }
            Subject::Cascade(cascade) => {
                fiber.frames.push(Frame::Block(&cascade.body, 0));
                Ok(Mode::Run)
            }
        }
    }

    /// Evaluates the clauses and arguments, once. Gives whether it did so now.
    fn evaluate_clauses(&mut self, fiber: &mut Fiber<'p>) -> Result<bool> {
        let (clauses, subject) = match fiber.frames.last_mut() {
            Some(Frame::Guard(guard)) if !guard.prepared => {
                guard.prepared = true;
                (guard.clauses, guard.subject)
            }
            _ => return Ok(false),
        };
        let mut using = None;
        if let Some(expr) = &clauses.using {
            let value = self.eval.eval(expr, fiber.slots())?;
            using = Some(models_of_value(&value)?);
        }
        let mut number = |expr: &Option<cascade_ir::Expr>| -> Result<Option<i64>> {
            match expr {
                Some(expr) => match self.eval.eval(expr, fiber.slots())? {
                    Value::Duration(n) | Value::Money(n) | Value::Int(n) => Ok(Some(n)),
                    Value::Null => Ok(None),
                    other => Err(defect!("a clause is {}", other.kind())),
                },
                None => Ok(None),
            }
        };
        let timeout = number(&clauses.timeout)?;
        let idle = number(&clauses.idle)?;
        let cache = number(&clauses.cache)?;
        let limits = Limits {
            cost: number(&clauses.budget)?,
            tokens: number(&clauses.budget_tokens)?.map(|n| n.max(0).unsigned_abs()),
            time: number(&clauses.budget_time)?,
        };
        let mut retries = 0;
        let mut backoff = BACKOFF;
        if let Some(retry) = &clauses.retry {
            let count = self.eval.eval(&retry.count, fiber.slots())?;
            let Value::Int(count) = count else {
                return Err(defect!("`retry` of {}", count.kind()));
            };
            retries = u32::try_from(count.clamp(0, MAX_RETRIES)).unwrap_or(0);
            if let Some((low, high)) = &retry.backoff {
                match (self.eval.eval(low, fiber.slots())?, self.eval.eval(high, fiber.slots())?) {
                    (Value::Duration(low), Value::Duration(high)) => backoff = (low.max(0), high.max(low).max(0)),
                    (other, _) => return Err(defect!("`backoff` of {}", other.kind())),
                }
            }
        }
        let args = match subject {
            Subject::Stage(Stage { work: Work::Skill(_, exprs) | Work::Cascade(_, exprs), .. }) => {
                Some(self.evaluate_arguments(fiber, exprs)?)
            }
            _ => None,
        };
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            guard.named.clone_from(&using);
            guard.using = using;
            guard.timeout = timeout;
            guard.idle = idle;
            guard.cache = cache;
            guard.limits = limits;
            guard.retries = retries;
            guard.retries_left = retries;
            guard.backoff = backoff;
            guard.args = args;
        }
        Ok(true)
    }

    /// Ends the guard on top with the value of its stage.
    pub(super) fn guard_done(&mut self, fiber: &mut Fiber<'p>, value: Value, status: &'static str) -> Result<Mode> {
        self.release_agent(fiber, Some(&value).filter(|_| status == "done"));
        self.finish_guard(fiber, status, None);
        let Some(Frame::Guard(guard)) = fiber.frames.pop() else {
            return Err(defect!("a guard ended that was not there"));
        };
        let keeps = guard.clauses.on_error.iter().find_map(|handler| match handler.action {
            ErrorAction::Keep { value } => Some(value),
            _ => None,
        });
        let value = match keeps {
            // With `on error keep` success is a variant too.
            Some(has_value) if status != KEPT => {
                let fields = if has_value { vec![("value".into(), value)] } else { Vec::new() };
                Value::variant("ok".into(), true, fields)
            }
            _ => value,
        };
        if let Subject::Stage(stage) = guard.subject {
            write_slot(fiber.slots(), stage.slot, value.clone())?;
        }
        Ok(Mode::Give(value))
    }

    /// Stops the timers of the guard on top and emits the end of its stage.
    pub(super) fn finish_guard(&mut self, fiber: &mut Fiber<'p>, status: &'static str, message: Option<String>) {
        self.stop_timers(fiber);
        self.release_agent(fiber, None);
        let budget = match fiber.frames.last_mut() {
            Some(Frame::Guard(guard)) => guard.budget.take(),
            _ => None,
        };
        self.withdraw_request(budget);
        if let Some(Frame::Guard(guard)) = fiber.frames.last()
            && guard.clauses.exclusive.is_some()
        {
            let serial = guard.serial;
            self.release_lock(serial);
        }
        let Some(Frame::Guard(guard)) = fiber.frames.last() else {
            return;
        };
        // The record needs only what its effects do not tell: that a stage is not done.
        if let Subject::Stage(_) = guard.subject
            && (self.env.watched || (self.env.listening && status != "done"))
        {
            let (attempts, tokens, cost) = (guard.attempts, guard.tokens, guard.cost);
            let path = stage_path(fiber);
            self.emit(|| Event::StageFinished { path, status, attempts, tokens, cost, ms: 0, message });
        }
    }

    pub(super) fn stop_timers(&mut self, fiber: &mut Fiber<'p>) {
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            let open = [guard.deadline.take(), guard.watch.take(), guard.delay.take()];
            for timer in open {
                self.withdraw_request(timer);
            }
        }
    }

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
            self.emit_retrying(&path, attempt, &failure, "retry", failure.retry_after_ms);
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
                            Ok(value) => render(&value, cascade_ir::Rendering::Text),
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
                ErrorAction::Unsupported(what) => failure = with_cause(super::statement::unsupported(what), failure),
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

    fn emit_retrying(&mut self, path: &str, attempt: u32, failure: &Failure, next: &'static str, wait_ms: Option<u64>) {
        self.emit(|| Event::StageRetrying {
            path: path.to_owned(),
            attempt,
            kind: failure.kind,
            message: failure.message.clone(),
            next,
            wait_ms,
        });
    }

    pub(super) fn find_guard(&mut self, fiber: usize, serial: u64) -> Option<&mut Guard<'p>> {
        self.fiber(fiber)?.frames.iter_mut().find_map(|frame| match frame {
            Frame::Guard(guard) if guard.serial == serial => Some(&mut **guard),
            _ => None,
        })
    }

    /// Cancels everything below a guard when `f` gives a failure, and hands the failure to the guard.
    pub(super) fn fail_guard(&mut self, fiber: usize, serial: u64, f: impl FnOnce(&mut Guard<'p>) -> Option<Raise>) {
        let Some(found) = self.fiber(fiber) else {
            return;
        };
        let position =
            found.frames.iter().position(|frame| matches!(frame, Frame::Guard(guard) if guard.serial == serial));
        let Some(position) = position else { return };
        let Some(Frame::Guard(guard)) = found.frames.get_mut(position) else {
            return;
        };
        if let Some(failure) = f(guard) {
            self.cut_fiber(fiber, Cut { until: Some(position), failure: Some(failure) });
        }
    }
}

pub(super) fn set_timer<'p>(fiber: &mut Fiber<'p>, f: impl FnOnce(&mut Guard<'p>)) {
    if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
        f(guard);
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
fn stage_path(fiber: &mut Fiber<'_>) -> String {
    fiber.frames.len().checked_sub(1).map_or_else(String::new, |top| fiber.path_of_guard(top))
}

/// Whether a handler takes a failure. One without a filter leaves two kinds alone: a cancelled
/// stage is not wanted any more, and a spent quota makes the run wait, unless another model is
/// named. Neither must make a stage look done.
fn handler_applies(handler: &OnError, kind: ErrorKind) -> bool {
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
fn models_of_value(value: &Value) -> Result<Vec<ModelRef>> {
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
