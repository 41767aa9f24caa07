//! Guards: a stage or cascade under its clauses, through all its attempts.

use std::collections::VecDeque;

use cascade_ir::{
    Cascade, Clauses, ErrorAction, ErrorKind, ModelId, ModelRef, Stage, Work,
    limits::{BACKOFF, MAX_RETRIES},
};

use super::{
    Machine,
    budget::{Limits, Reserve},
    fiber::Fiber,
    frame::{Cut, Frame, Mode},
    handlers::{handler_applies, models_of_value, stage_path},
    locks::GuardLock,
    person::Escalated,
    swarm::GuardAgent,
};
use crate::{
    eval::{Result, write_slot},
    events::Event,
    failure::{Raise, defect},
    request::RequestId,
    value::Value,
};

/// The status of a stage whose failure is its value (`on error keep`).
pub(super) const KEPT: &str = "kept";

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
    pub(super) prepared: bool,
    pub(super) attempts: u32,
    /// Attempts after the first, as the program says.
    pub(super) retries: u32,
    pub(super) retries_left: u32,
    pub(super) retries_done: u32,
    pub(super) backoff: (i64, i64),
    pub(super) timeout: Option<i64>,
    pub(super) idle: Option<i64>,
    pub(super) deadline: Option<RequestId>,
    pub(super) watch: Option<RequestId>,
    pub(super) silent_ticks: u8,
    /// Whether an effect below reported progress since the last tick of `idle`.
    pub(super) alive: bool,
    pub(super) delay: Option<RequestId>,
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
    pub(super) fn takes_quota(&self) -> bool {
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
            self.emit_event(|| Event::StageFinished { path, status, attempts, tokens, cost, ms: 0, message });
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
