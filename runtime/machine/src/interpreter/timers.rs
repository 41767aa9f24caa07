//! Timers of guards: deadlines, silence, budgets of time.

use super::{
    Machine, Waiter,
    fiber::Fiber,
    frame::Frame,
    guard::{Subject, set_timer},
};
use crate::{
    events::Event,
    failure::Failure,
    request::{RequestId, RequestKind, TimerId, TimerKind},
    value::format_duration,
};
use cascade_ir::ErrorKind;

/// An `idle` limit is watched in this many ticks: silence is noticed at most a quarter late.
const IDLE_TICKS: u8 = 4;
impl<'p> Machine<'p> {
    /// Starts the deadline and the watch of the guard on top; both hold for one attempt, and
    /// for a fallback.
    pub(super) fn start_timers(&mut self, id: usize, fiber: &mut Fiber<'p>) {
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return;
        };
        let (serial, timeout, idle) = (guard.serial, guard.timeout, guard.idle);
        if timeout.is_none() && idle.is_none() {
            return;
        }
        let deadline = timeout.and_then(|ms| {
            let timer = timer_id(fiber, serial, TimerKind::Deadline)?;
            Some(self.start_timer(ms, timer, Waiter::Deadline(id, serial)))
        });
        let watch = idle.and_then(|ms| {
            let timer = timer_id(fiber, serial, TimerKind::Idle)?;
            Some(self.start_timer(ms / i64::from(IDLE_TICKS), timer, Waiter::Idle(id, serial)))
        });
        set_timer(fiber, |guard| {
            guard.deadline = deadline;
            guard.watch = watch;
            guard.silent_ticks = 0;
            guard.alive = false;
        });
    }

    /// Starts the clock of a budget of time, which holds for all attempts together.
    pub(super) fn start_budget(&mut self, id: usize, fiber: &mut Fiber<'p>) {
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return;
        };
        let (Some(ms), serial) = (guard.limits.time, guard.serial) else {
            return;
        };
        let Some(timer) = timer_id(fiber, serial, TimerKind::Budget) else {
            return;
        };
        let budget = self.start_timer(ms, timer, Waiter::Budget(id, serial));
        set_timer(fiber, |guard| guard.budget = Some(budget));
    }

    fn start_timer(&mut self, ms: i64, timer: TimerId, waiter: Waiter) -> RequestId {
        let ms = ms.max(0).unsigned_abs();
        self.send_request(RequestKind::Timer { ms, timer }, None, waiter)
    }

    pub(super) fn deadline_passed(&mut self, fiber: usize, serial: u64) {
        self.timed_out(fiber, serial, TimerKind::Deadline);
        self.fail_guard(fiber, serial, |guard| {
            guard.deadline = None;
            let limit = format_duration(guard.timeout.unwrap_or(0));
            Some(Failure::raise(ErrorKind::TimedOut, format!("not done within {limit}")))
        });
    }

    pub(super) fn budget_passed(&mut self, fiber: usize, serial: u64) {
        self.timed_out(fiber, serial, TimerKind::Budget);
        self.fail_guard(fiber, serial, |guard| {
            guard.budget = None;
            let limit = format_duration(guard.limits.time.unwrap_or(0));
            Some(Failure::raise(ErrorKind::OverBudget, format!("not done within its budget of {limit}")))
        });
    }

    /// Tells that a guard's time is over; the record of it makes a resumed run take the same way.
    fn timed_out(&mut self, fiber: usize, serial: u64, kind: TimerKind) {
        let blamed = self.fiber(fiber).and_then(|fiber| match fiber.frames.as_slice() {
            [.., Frame::Guard(guard), Frame::Call(call)] if guard.serial == serial => {
                call.model.map(|model| (call.skill.name.clone(), model))
            }
            _ => None,
        });
        if let Some((skill, model)) = blamed {
            self.count_outcome(&skill, Some(model), false, 0);
        }
        if !self.env.listening {
            return;
        }
        let Some(TimerId { path, attempt, kind }) = self.fiber(fiber).and_then(|f| timer_id(f, serial, kind)) else {
            return;
        };
        self.emit_event(|| Event::TimedOut { path, attempt, timer: kind.name() });
    }

    pub(super) fn idle_tick(&mut self, fiber: usize, serial: u64) {
        let mut again = None;
        let over = self.find_guard(fiber, serial).is_some_and(|g| !g.alive && g.silent_ticks + 1 >= IDLE_TICKS);
        if over {
            self.timed_out(fiber, serial, TimerKind::Idle);
        }
        self.fail_guard(fiber, serial, |guard| {
            guard.watch = None;
            guard.silent_ticks = if std::mem::take(&mut guard.alive) { 0 } else { guard.silent_ticks + 1 };
            let limit = guard.idle.unwrap_or(0);
            if guard.silent_ticks >= IDLE_TICKS {
                let limit = format_duration(limit);
                return Some(Failure::raise(ErrorKind::TimedOut, format!("no sign of life for {limit}")));
            }
            again = Some(limit / i64::from(IDLE_TICKS));
            None
        });
        if let Some(ms) = again {
            let Some(timer) = self.fiber(fiber).and_then(|f| timer_id(f, serial, TimerKind::Idle)) else {
                return;
            };
            let timer = self.start_timer(ms, timer, Waiter::Idle(fiber, serial));
            if let Some(guard) = self.find_guard(fiber, serial) {
                guard.watch = Some(timer);
            }
        }
    }
}

/// The identity of a timer of the guard with this serial number.
fn timer_id(fiber: &Fiber<'_>, serial: u64, kind: TimerKind) -> Option<TimerId> {
    let position = fiber.frames.iter().position(|f| matches!(f, Frame::Guard(g) if g.serial == serial))?;
    let Some(Frame::Guard(guard)) = fiber.frames.get(position) else {
        return None;
    };
    let mut path = fiber.path_of_guard(position);
    // A stage and the cascade that it calls have the same path, and clauses of their own.
    if matches!(guard.subject, Subject::Cascade(_)) {
        path.push_str("()");
    }
    if guard.falling_back {
        path.push_str(&format!("/fallback{}", guard.next_handler));
    }
    let kind = match kind {
        TimerKind::Deadline if guard.is_person() => TimerKind::Wall,
        other => other,
    };
    // One budget holds for all attempts.
    let attempt = if kind == TimerKind::Budget { 1 } else { guard.attempts };
    Some(TimerId { path, attempt, kind })
}
