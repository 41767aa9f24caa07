//! Leaving: returns, failures, deadlines, cancellation, and the hooks that run then.

use cascade_ir::{ErrorKind, Hook};

use super::{
    Machine,
    fiber::Fiber,
    frame::{Cut, Frame, HookName, Mode},
};
use crate::{
    eval::{Result, write_slot},
    failure::{Failure, Raise, defect, kind_name},
    value::Value,
};

/// The record of a failure that the program sees: in `on failure(error)`, `on error as`, `on error keep`.
pub(super) fn error_record(failure: &Failure) -> Value {
    let program = failure.program.as_ref();
    Value::record(vec![
        ("stage".into(), Value::str(failure.stage.as_str())),
        ("message".into(), Value::str(failure.message.as_str())),
        ("kind".into(), Value::variant(kind_name(failure.kind).into(), false, Vec::new())),
        ("attempts".into(), Value::Int(i64::from(failure.attempts))),
        ("exit_code".into(), program.and_then(|p| p.exit_code).map_or(Value::Null, |code| Value::Int(code.into()))),
        ("stderr".into(), program.map_or(Value::Null, |p| Value::str(p.stderr.as_str()))),
    ])
}

impl<'p> Machine<'p> {
    /// Hands a failure to the top frame.
    pub(super) fn raise_failure(&mut self, id: usize, fiber: &mut Fiber<'p>, mut failure: Raise) -> Result<Mode> {
        match fiber.frames.last_mut() {
            Some(Frame::Guard(_)) => self.guard_failed(id, fiber, failure),
            Some(Frame::Tool(_)) => self.tool_skill_failed(fiber, failure),
            Some(Frame::Cascade(cascade, hooked)) => {
                let cascade = *cascade;
                if failure.stage.is_empty() && fiber.parent.is_none() && fiber.activations.len() == 1 {
                    failure.stage = cascade.name.to_string();
                }
                let Some(hook) = cascade.on_failure.as_ref().filter(|_| !*hooked) else {
                    fiber.frames.pop();
                    fiber.activations.pop();
                    return Ok(Mode::Raise(failure));
                };
                *hooked = true;
                let seen = error_record(&failure);
                // The same stage may have ended earlier parts of the run, with fewer attempts.
                let earlier = |(path, attempt): &&(String, u32)| *path == failure.stage && *attempt < failure.attempts;
                let before = self.env.recalled.failed.iter().filter(earlier).count();
                self.begin_hook(fiber, HookName { name: "on_failure", before }, hook, seen, Mode::Raise(failure))
            }
            Some(Frame::Fork(fork)) => {
                if fork.children.is_empty() {
                    self.close_fork(fiber)?;
                    return Ok(Mode::Raise(failure));
                }
                fork.failure.get_or_insert(failure);
                let children = fork.children.clone();
                for child in children {
                    self.cut_fiber(child, Cut::end());
                }
                Ok(Mode::Wait)
            }
            Some(Frame::Sandbox(_)) => {
                self.leave_sandbox(fiber);
                fiber.frames.pop();
                Ok(Mode::Raise(failure))
            }
            Some(Frame::Hook(hook, _)) => {
                let message = format!("`{}` failed: {failure}", hook.name.replace('_', " "));
                let path = fiber.path();
                self.emit_warning(&path, message, failure.place);
                self.hook_done(fiber)
            }
            Some(Frame::PureStage(stage)) => {
                if failure.stage.is_empty() {
                    failure.attempts = 1;
                    failure.place.get_or_insert(stage.place);
                    failure.stage_place = Some(stage.place);
                    failure.stage = fiber.path();
                }
                fiber.frames.pop();
                Ok(Mode::Raise(failure))
            }
            Some(Frame::Call(call)) => {
                let (request, reserved) = (call.request.take(), std::mem::take(&mut call.reserved));
                self.withdraw_request(request);
                fiber.frames.pop();
                self.release_running(fiber, reserved);
                Ok(Mode::Raise(failure))
            }
            _ => {
                fiber.frames.pop();
                Ok(Mode::Raise(failure))
            }
        }
    }

    /// `return`: out of everything up to the cascade, or the hook.
    pub(super) fn leave_cascade(&mut self, fiber: &mut Fiber<'p>, value: Value) -> Result<Mode> {
        match fiber.frames.last() {
            Some(Frame::Cascade(..)) => self.cascade_done(fiber, value),
            Some(Frame::Hook(..)) => self.hook_done(fiber),
            Some(Frame::Guard(_)) => {
                self.finish_guard(fiber, "done", None);
                fiber.frames.pop();
                Ok(Mode::Return(value))
            }
            Some(Frame::Fork(_)) => Err(defect!("`return` left a parallel branch")),
            // To leave it with a value is to end well.
            Some(Frame::Sandbox(_)) => self.close_sandbox(fiber, Mode::Return(value)),
            _ => {
                fiber.frames.pop();
                Ok(Mode::Return(value))
            }
        }
    }

    /// The cascade on top has its result.
    pub(super) fn cascade_done(&mut self, fiber: &mut Fiber<'p>, value: Value) -> Result<Mode> {
        if let Some(Frame::Cascade(cascade, hooked)) = fiber.frames.last_mut()
            && let Some(hook) = cascade.on_success.as_ref().filter(|_| !*hooked)
        {
            *hooked = true;
            return self.begin_hook(
                fiber,
                HookName { name: "on_success", before: 0 },
                hook,
                value.clone(),
                Mode::Give(value),
            );
        }
        fiber.frames.pop();
        fiber.activations.pop();
        Ok(Mode::Give(value))
    }

    fn begin_hook(
        &mut self,
        fiber: &mut Fiber<'p>,
        name: HookName,
        hook: &'p Hook,
        seen: Value,
        then: Mode,
    ) -> Result<Mode> {
        if let Some(slot) = hook.slot {
            write_slot(fiber.slots(), slot, seen)?;
        }
        self.mark_reached(hook.body.id);
        fiber.frames.push(Frame::Hook(name, Box::new(then)));
        fiber.frames.push(Frame::Block(&hook.body, 0));
        Ok(Mode::Run)
    }

    /// The hook on top is done: what it interrupted goes on.
    pub(super) fn hook_done(&mut self, fiber: &mut Fiber<'p>) -> Result<Mode> {
        match fiber.frames.pop() {
            Some(Frame::Hook(_, then)) => Ok(*then),
            _ => Err(defect!("a hook ended that was not there")),
        }
    }

    /// Cuts a fiber that is not running at the moment. A cancel hook that runs above the cut is
    /// left to finish.
    pub(super) fn cut_fiber(&mut self, id: usize, cut: Cut) {
        let Some(fiber) = self.fiber(id) else { return };
        if let Mode::Cut(pending) = &mut fiber.mode {
            pending.widen(cut);
            self.queue_fiber(id);
            return;
        }
        for (position, frame) in fiber.frames.iter_mut().enumerate() {
            if let Frame::Hook(_, then) = frame
                && let Mode::Cut(pending) = &mut **then
                && cut.until.is_none_or(|until| until < position)
            {
                pending.widen(cut);
                return;
            }
        }
        fiber.mode = Mode::Cut(cut);
        self.queue_fiber(id);
    }

    /// Removes frames; `Err` gives the cut back while branches still end.
    pub(super) fn cut_frames(&mut self, fiber: &mut Fiber<'p>, mut cut: Cut) -> std::result::Result<Result<Mode>, Cut> {
        loop {
            let Some(top) = fiber.frames.len().checked_sub(1) else {
                return Ok(Ok(Mode::Cut(cut)));
            };
            if cut.until == Some(top) {
                let failure = cut.failure.take().unwrap_or_else(|| defect!("a cut without its failure"));
                return Ok(Ok(Mode::Raise(failure)));
            }
            match fiber.frames.last_mut() {
                Some(Frame::Guard(_)) => self.finish_guard(fiber, "cancelled", None),
                Some(Frame::Call(call)) => {
                    let (request, reserved) = (call.request.take(), std::mem::take(&mut call.reserved));
                    self.withdraw_request(request);
                    self.release_running(fiber, reserved);
                }
                Some(Frame::MockedCall(call)) => {
                    let request = call.request.take();
                    self.withdraw_request(request);
                }
                Some(Frame::Person(asking)) => {
                    let request = asking.request.take();
                    self.withdraw_request(request);
                }
                Some(Frame::Sandbox(_)) => self.leave_sandbox(fiber),
                Some(Frame::Remote(remote)) => {
                    let request = remote.take_request();
                    self.withdraw_request(request);
                }
                Some(Frame::Fork(fork)) if !fork.children.is_empty() => {
                    let children = fork.children.clone();
                    for child in children {
                        self.cut_fiber(child, Cut::end());
                    }
                    return Err(cut);
                }
                Some(Frame::Fork(_)) => {
                    // What its branches changed holds, although the fork is given up.
                    if let Err(failure) = self.close_fork(fiber) {
                        let path = fiber.path();
                        self.emit_warning(&path, failure.message, None);
                    }
                    continue;
                }
                Some(Frame::Cascade(cascade, hooked)) => {
                    let cascade = *cascade;
                    if let Some(hook) = cascade.on_cancel.as_ref().filter(|_| !*hooked) {
                        *hooked = true;
                        let before = usize::try_from(self.env.recalled.cancelled).unwrap_or(usize::MAX);
                        let name = HookName { name: "on_cancel", before };
                        return Ok(self.begin_hook(fiber, name, hook, Value::Null, Mode::Cut(cut)));
                    }
                    fiber.activations.pop();
                }
                _ => {}
            }
            fiber.frames.pop();
        }
    }
}

/// The failure of a run that was cancelled.
pub(super) fn cancelled_failure() -> Raise {
    Failure::raise(ErrorKind::Cancelled, "cancelled")
}
