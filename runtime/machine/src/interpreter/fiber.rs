//! A fiber: one line of control with its own stack and variables.

use std::{fmt::Write, sync::Arc};

use smol_str::SmolStr;

use super::{
    Machine,
    frame::{Frame, Mode},
    guard::Subject,
    memory::Change,
};
use crate::{
    failure::{Raise, defect},
    value::Value,
};

/// Where a fiber reports its end.
#[derive(Clone, Copy)]
pub(super) struct Parent {
    pub(super) fiber: usize,
    pub(super) branch: usize,
    /// Its position among the branches that live.
    pub(super) position: usize,
}

pub(super) struct Fiber<'p> {
    pub(super) frames: Vec<Frame<'p>>,
    /// Variables of the cascades being run, the innermost last.
    pub(super) activations: Vec<Vec<Value>>,
    pub(super) parent: Option<Parent>,
    /// Path of the place where it was forked, and the part that names its iteration.
    pub(super) base: Arc<str>,
    pub(super) label: Option<Label>,
    pub(super) mode: Mode,
    pub(super) queued: bool,
    /// Its view of memory; while it runs, the evaluator holds it.
    pub(super) memory: Vec<Vec<Value>>,
    /// What it changed there, if it is a branch.
    pub(super) changes: Vec<Change>,
}

/// The part of a path that names an iteration: `files[3]`.
pub(super) struct Label {
    /// The loop's name; `None` when the stage's own name stands before it.
    pub(super) name: Option<SmolStr>,
    pub(super) index: usize,
}

impl<'p> Fiber<'p> {
    pub(super) fn new(parent: Option<Parent>, base: Arc<str>) -> Self {
        Self {
            frames: Vec::new(),
            activations: Vec::new(),
            parent,
            base,
            label: None,
            mode: Mode::Run,
            queued: false,
            memory: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The variables of the innermost cascade.
    pub(super) fn slots(&mut self) -> &mut [Value] {
        self.activations.last_mut().map_or(&mut [], Vec::as_mut_slice)
    }

    /// The path of what the top frame does.
    pub(super) fn path(&self) -> String {
        self.path_to(&self.frames, true)
    }

    /// The path of the stage whose guard is this frame, without the mark of its attempt.
    pub(super) fn path_of_guard(&self, position: usize) -> String {
        self.path_to(self.frames.get(..=position).unwrap_or_default(), false)
    }

    fn path_to(&self, frames: &[Frame<'p>], mark_last: bool) -> String {
        let mut out = String::with_capacity(64);
        out.push_str(&self.base);
        if let Some(label) = &self.label {
            push_iteration(&mut out, label.name.as_deref(), label.index);
        }
        // Whether the frame below has just named the work: a stage, or the root.
        let mut named = false;
        let mut root = self.parent.is_none();
        for (index, frame) in frames.iter().enumerate() {
            let marked = mark_last || index + 1 < frames.len();
            match frame {
                Frame::PureStage(stage) => push_segment(&mut out, &stage.name),
                Frame::Guard(guard) => match guard.subject {
                    Subject::Stage(stage) => {
                        push_segment(&mut out, &stage.name);
                        if !marked {
                        } else if guard.falling_back {
                            out.push_str("/fallback");
                        } else if guard.attempts > 1 && (!guard.is_skill() || guard.fixing.is_some()) {
                            // Writing into a string cannot fail.
                            let _ = write!(out, "~{}", guard.attempts);
                        }
                    }
                    Subject::Cascade(_) => {
                        if marked && guard.attempts > 1 {
                            let _ = write!(out, "~{}", guard.attempts);
                        }
                        continue;
                    }
                },
                Frame::Cascade(cascade, _) => {
                    if root || !named {
                        push_segment(&mut out, &cascade.name);
                    }
                    root = false;
                }
                Frame::Call(call) => {
                    if !named {
                        push_segment(&mut out, &call.skill.name);
                    }
                    if let Some(step) = call.step.as_ref().filter(|_| marked) {
                        push_segment(&mut out, step);
                    }
                }
                Frame::Tool(label) => push_segment(&mut out, label),
                Frame::MockedCall(call) if !named => push_segment(&mut out, call.name),
                Frame::For(f) => {
                    push_iteration(&mut out, (!named).then_some(f.node.name.as_str()), f.next.saturating_sub(1));
                }
                Frame::Repeat(r) => {
                    push_iteration(
                        &mut out,
                        (!named).then_some("repeat"),
                        usize::try_from(r.round).unwrap_or(0).saturating_sub(1),
                    );
                }
                Frame::Hook(hook, _) => {
                    out.push('/');
                    out.push_str(hook.name);
                    if hook.before > 0 {
                        let _ = write!(out, "#{}", hook.before + 1);
                    }
                }
                _ => {}
            }
            if let Frame::Sandbox(sandbox) = frame {
                if let Some(label) = sandbox.label().filter(|_| !named) {
                    push_segment(&mut out, label);
                }
            } else {
                named = matches!(frame, Frame::Guard(_) | Frame::PureStage(_) | Frame::Tool(_));
            }
        }
        out
    }

    /// The path of a loop that is about to begin, which has this name where no stage has named it.
    pub(super) fn loop_path(&self, name: &str) -> String {
        let mut path = self.path();
        if !self.is_named() {
            push_segment(&mut path, name);
        }
        path
    }

    /// Whether the frame on top was just named by a stage below it.
    pub(super) fn is_named(&self) -> bool {
        let below = self.frames.iter().rev().find(|frame| !matches!(frame, Frame::Sandbox(_)));
        matches!(below, Some(Frame::Guard(_) | Frame::PureStage(_)))
    }
}

fn push_segment(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push('/');
    }
    out.push_str(name);
}

fn push_iteration(out: &mut String, name: Option<&str>, index: usize) {
    if let Some(name) = name {
        push_segment(out, name);
    }
    let _ = write!(out, "[{index}]");
}

impl<'p> Machine<'p> {
    /// Runs a fiber until it waits (`false`) or ends (`true`).
    pub(super) fn run_fiber(&mut self, id: usize, fiber: &mut Fiber<'p>) -> bool {
        std::mem::swap(&mut self.eval.memory, &mut fiber.memory);
        let ended = self.run_fiber_frames(id, fiber);
        std::mem::swap(&mut self.eval.memory, &mut fiber.memory);
        ended
    }

    fn run_fiber_frames(&mut self, id: usize, fiber: &mut Fiber<'p>) -> bool {
        loop {
            let mode = std::mem::replace(&mut fiber.mode, Mode::Run);
            if fiber.frames.is_empty() {
                fiber.mode = mode;
                return true;
            }
            let next = match mode {
                Mode::Run => self.run_top_frame(id, fiber),
                Mode::Give(value) => self.give_value(id, fiber, value),
                Mode::Raise(failure) => self.raise_failure(id, fiber, failure),
                Mode::Return(value) => self.leave_cascade(fiber, value),
                Mode::Cut(cut) => match self.cut_frames(fiber, cut) {
                    Ok(result) => result,
                    Err(cut) => {
                        // Branches still end; the last one wakes this fiber.
                        fiber.mode = Mode::Cut(cut);
                        return false;
                    }
                },
                Mode::Wait => Ok(Mode::Wait),
            };
            match next {
                Ok(Mode::Wait) => {
                    fiber.mode = Mode::Wait;
                    return false;
                }
                Ok(mode) => fiber.mode = mode,
                Err(failure) => fiber.mode = Mode::Raise(failure),
            }
            if !self.unstored.is_empty() {
                let next = std::mem::replace(&mut fiber.mode, Mode::Run);
                fiber.mode = self.store_changes(fiber, next);
            }
        }
    }

    /// The top frame goes on.
    fn run_top_frame(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode, Raise> {
        match fiber.frames.last_mut() {
            Some(Frame::Block(block, next)) => {
                let block = *block;
                match block.stmts.get(*next) {
                    Some(stmt) => {
                        *next += 1;
                        self.eval.use_fuel(1)?;
                        self.run_statement(fiber, stmt, block.pure_)
                    }
                    None => {
                        let value = match &block.value {
                            Some(expr) => self.eval.eval(expr, fiber.slots())?,
                            None => Value::Null,
                        };
                        fiber.frames.pop();
                        Ok(Mode::Give(value))
                    }
                }
            }
            Some(Frame::Guard(_)) => self.begin_attempt(id, fiber),
            Some(Frame::Call(_)) => self.continue_call(id, fiber),
            Some(Frame::MockedCall(_)) => self.continue_mocked_call(id, fiber),
            Some(Frame::Person(..)) => self.continue_question(id, fiber),
            Some(Frame::For(_)) => self.next_iteration(fiber),
            Some(Frame::Repeat(_)) => self.next_round(fiber),
            Some(Frame::Fork(_)) => self.start_ready_branches(id, fiber),
            Some(Frame::Sandbox(_)) => self.continue_sandbox(id, fiber),
            Some(Frame::Remote(_)) => self.continue_remote(id, fiber),
            Some(Frame::Store(_) | Frame::Tool(_) | Frame::PureStage(_) | Frame::Cascade(..) | Frame::Hook(..)) => {
                fiber.frames.pop();
                Err(defect!("a frame without work of its own was run"))
            }
            None => Err(defect!("a fiber without frames was run")),
        }
    }
}
