//! Statements and work, and where their values go.

use cascade_ir::{BinaryOp, Block, CascadeId, Expr, Stage, Stmt, Work};

use super::{
    Machine,
    call::Call,
    fiber::Fiber,
    frame::{Frame, Iteration, Mode, Rounds},
    guard::{Guard, Subject},
};
use crate::{
    eval::{Result, with_place, write_slot},
    events::Event,
    failure::{Failure, defect, fail},
    render::render_value,
    value::Value,
};

impl<'p> Machine<'p> {
    pub(super) fn run_statement(&mut self, fiber: &mut Fiber<'p>, stmt: &'p Stmt, in_pure_block: bool) -> Result<Mode> {
        match stmt {
            Stmt::Set(slot, expr) => {
                let value = self.evaluate_assignment(fiber, *slot, expr)?;
                write_slot(fiber.slots(), *slot, value)?;
            }
            Stmt::SetField(slot, path, expr) => {
                let value = self.eval.eval(expr, fiber.slots())?;
                let Some(place) = fiber.slots().get_mut(slot.0 as usize) else {
                    return Err(defect!("slot {} is outside its activation", slot.0));
                };
                let old = std::mem::replace(place, Value::Null);
                *place = crate::eval::check_limits(set_path(old, path, value))?;
            }
            Stmt::Remember { memory, key, append, value, place } => {
                let value = self.eval.eval(value, fiber.slots())?;
                let changed = self.change_memory_key(fiber, memory.index(), *key as usize, *append, value, *place);
                with_place(changed, *place)?;
            }
            Stmt::Stage(stage) => return self.begin_stage(fiber, stage, in_pure_block),
            Stmt::Work(work, slot) => {
                fiber.frames.push(Frame::Store(*slot));
                return self.begin_work(fiber, work, None);
            }
            Stmt::Gate(cond, message, place) => {
                if !self.eval.eval_bool(cond, fiber.slots())? {
                    let message = self.evaluate_message(fiber, message.as_ref(), "the gate is closed")?;
                    if self.env.listening {
                        let path = fiber.path();
                        self.emit_event(|| Event::GateFailed { path, message: message.clone(), place: *place });
                    }
                    return with_place(Err(Failure::raise(cascade_ir::ErrorKind::Failed, message)), *place);
                }
            }
            Stmt::Warn(cond, message, place) => {
                if !self.eval.eval_bool(cond, fiber.slots())? {
                    let message = self.evaluate_message(fiber, message.as_ref(), "a warning without words")?;
                    if self.env.listening {
                        self.emit_warning(&fiber.path(), message, Some(*place));
                    }
                }
            }
            Stmt::Log(message, place) => {
                let message = self.evaluate_message(fiber, Some(message), "")?;
                if self.env.listening {
                    let path = fiber.path();
                    self.emit_event(|| Event::Log { path, message, place: *place });
                }
            }
            Stmt::Fail(message, place) => {
                let message = self.evaluate_message(fiber, Some(message), "failed")?;
                return with_place(Err(Failure::raise(cascade_ir::ErrorKind::Failed, message)), *place);
            }
            Stmt::Return(expr) => return Ok(Mode::Return(self.eval.eval(expr, fiber.slots())?)),
        }
        Ok(Mode::Run)
    }

    /// The value of an assignment. `x = x + more` takes `x` out of its slot first, so that a
    /// list grows in place instead of being copied every time.
    pub(super) fn evaluate_assignment(&mut self, fiber: &mut Fiber<'p>, slot: cascade_ir::Slot, expr: &Expr) -> Result {
        if let Expr::Binary(BinaryOp::Add, left, right, place) = expr
            && matches!(&**left, Expr::Slot(s) if *s == slot)
        {
            let more = self.eval.eval(right, fiber.slots())?;
            let Some(held) = fiber.slots().get_mut(slot.0 as usize) else {
                return Err(defect!("slot {} is outside its activation", slot.0));
            };
            let old = match held {
                Value::List(_) | Value::Map(_) => std::mem::replace(held, Value::Null),
                other => other.clone(),
            };
            return with_place(self.eval.binary(BinaryOp::Add, old, more).and_then(crate::eval::check_limits), *place);
        }
        self.eval.eval(expr, fiber.slots())
    }

    pub(super) fn evaluate_message(
        &mut self,
        fiber: &mut Fiber<'p>,
        expr: Option<&Expr>,
        default: &str,
    ) -> Result<String> {
        match expr {
            Some(expr) => {
                let value = self.eval.eval(expr, fiber.slots())?;
                let text = render_value(&value, cascade_ir::Rendering::Text);
                Ok(if self.hides_secrets() { self.env.redactor.mask_stored(&text).0.into_owned() } else { text })
            }
            None => Ok(default.to_owned()),
        }
    }

    pub(super) fn begin_stage(&mut self, fiber: &mut Fiber<'p>, stage: &'p Stage, in_pure_block: bool) -> Result<Mode> {
        // One who watches a rehearsal wants to see every stage.
        let plain = stage.clauses.is_empty() && !self.is_rehearsal();
        self.mark_reached(stage.id);
        if plain && (in_pure_block || (!self.env.listening && self.is_pure(&stage.work))) {
            if let Work::Pure(expr) = &stage.work {
                let value = self.eval.eval(expr, fiber.slots()).map_err(|mut f| {
                    f.place.get_or_insert(stage.place);
                    f
                })?;
                write_slot(fiber.slots(), stage.slot, value.clone())?;
                return Ok(Mode::Give(value));
            }
            fiber.frames.push(Frame::PureStage(stage));
            return self.begin_work(fiber, &stage.work, None);
        }
        let serial = self.next_guard_serial();
        let guard = Guard::new(serial, Subject::Stage(stage), &stage.clauses);
        fiber.frames.push(Frame::Guard(Box::new(guard)));
        Ok(Mode::Run)
    }

    pub(super) fn next_guard_serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    fn is_pure(&self, work: &Work) -> bool {
        match work {
            Work::Pure(_) => true,
            Work::Cascade(id, _) => self.program.cascades.get(id.index()).is_some_and(|c| c.body.pure_),
            Work::Block(block) => block.pure_,
            Work::If(_, a, b) => a.pure_ && b.pure_,
            Work::Match(_, arms) => arms.iter().all(|a| a.body.pure_),
            Work::For(f) => f.body.pure_,
            Work::Repeat(r) => r.body.pure_,
            Work::Skill(..) | Work::Person(_) | Work::Parallel(_) | Work::Sandbox(_) => false,
        }
    }

    /// Begins work; its value will be given to the frame on top. `args` are those of a skill or
    /// cascade when they were evaluated before.
    pub(super) fn begin_work(
        &mut self,
        fiber: &mut Fiber<'p>,
        work: &'p Work,
        args: Option<Vec<Value>>,
    ) -> Result<Mode> {
        match work {
            Work::Pure(expr) => Ok(Mode::Give(self.eval.eval(expr, fiber.slots())?)),
            Work::Skill(id, exprs) => {
                let args = match args {
                    Some(args) => args,
                    None => self.evaluate_arguments(fiber, exprs)?,
                };
                if self.is_rehearsal() {
                    return self.begin_mocked_skill(fiber, *id, args);
                }
                let Some(skill) = self.program.skills.get(id.index()) else {
                    return Err(defect!("there is no skill {}", id.0));
                };
                fiber.frames.push(Frame::Call(Box::new(Call::new(*id, skill, args))));
                Ok(Mode::Run)
            }
            Work::Cascade(id, exprs) => {
                let args = match args {
                    Some(args) => args,
                    None => self.evaluate_arguments(fiber, exprs)?,
                };
                if self.is_mocked_cascade(*id) {
                    return self.begin_mocked_cascade(fiber, *id, args);
                }
                self.enter_cascade(fiber, *id, args)?;
                Ok(Mode::Run)
            }
            Work::If(cond, then, otherwise) => {
                let block = if self.eval.eval_bool(cond, fiber.slots())? { then } else { otherwise };
                Ok(self.enter_block(fiber, block))
            }
            Work::Match(subject, arms) => {
                let subject = self.eval.eval(subject, fiber.slots())?;
                for arm in arms {
                    let slots = fiber.slots();
                    if self.eval.matches(&arm.pattern, &subject, slots)?
                        && arm.guard.as_ref().map_or(Ok(true), |g| self.eval.eval_bool(g, slots))?
                    {
                        return Ok(self.enter_block(fiber, &arm.body));
                    }
                }
                Err(defect!("no arm of a match applies"))
            }
            Work::For(node) if !node.parallel || node.body.pure_ => {
                let list = self.eval.eval(&node.list, fiber.slots())?;
                if list.as_list().is_none() {
                    return Err(defect!("`for` over {}", list.kind()));
                }
                self.report_loop(fiber, &node.name, list.as_list().unwrap_or_default());
                let iteration = Iteration { node, list, next: 0, values: Vec::new() };
                fiber.frames.push(Frame::For(Box::new(iteration)));
                Ok(Mode::Run)
            }
            Work::For(node) => self.fork_for(fiber, node),
            Work::Repeat(node) => {
                let max = match self.eval.eval(&node.max, fiber.slots())? {
                    Value::Int(max) => max,
                    other => return Err(defect!("`repeat max` of {}", other.kind())),
                };
                if max < 1 {
                    return with_place(zero_rounds(max), node.place);
                }
                let path = self.env.watched.then(|| fiber.loop_path("repeat"));
                if let Some(path) = path {
                    self.emit_event(|| Event::LoopStarted { path, total: max.unsigned_abs(), labels: Vec::new() });
                }
                let rounds = Rounds { node, round: 0, max: max.unsigned_abs() };
                fiber.frames.push(Frame::Repeat(Box::new(rounds)));
                Ok(Mode::Run)
            }
            Work::Parallel(node) => self.fork_graph(fiber, node),
            Work::Block(block) => Ok(self.enter_block(fiber, block)),
            Work::Person(person) => self.begin_question(fiber, person),
            Work::Sandbox(node) => self.enter_sandbox(fiber, node),
        }
    }

    /// Tells those who watch how many rounds a loop over this list has, and what each is about.
    pub(super) fn report_loop(&mut self, fiber: &Fiber<'p>, name: &str, list: &[Value]) {
        if !self.env.watched {
            return;
        }
        let label = |item: &Value| {
            let is_short = matches!(item, Value::Str(_) | Value::Path(_));
            is_short.then(|| shorten_label(&render_value(item, cascade_ir::Rendering::Text)))
        };
        let labels: Option<Vec<String>> = list.iter().take(MAX_LABELS).map(label).collect();
        let (path, total) = (fiber.loop_path(name), u64::try_from(list.len()).unwrap_or(u64::MAX));
        self.emit_event(|| Event::LoopStarted { path, total, labels: labels.unwrap_or_default() });
    }

    pub(super) fn evaluate_arguments(&mut self, fiber: &mut Fiber<'p>, exprs: &[Expr]) -> Result<Vec<Value>> {
        exprs.iter().map(|e| self.eval.eval(e, fiber.slots())).collect()
    }

    /// Pushes an activation of a cascade.
    pub(super) fn enter_cascade(&mut self, fiber: &mut Fiber<'p>, id: CascadeId, mut args: Vec<Value>) -> Result<()> {
        let Some(cascade) = self.program.cascades.get(id.index()) else {
            return Err(defect!("there is no cascade {}", id.0));
        };
        // The compiler forbids recursion; a damaged program must not exhaust the memory.
        if fiber.activations.len() > 100_000 {
            fail!("cascades are nested too deeply");
        }
        args.resize((cascade.slots as usize).max(args.len()), Value::Null);
        fiber.activations.push(args);
        self.mark_reached(cascade.body.id);
        fiber.frames.push(Frame::Cascade(cascade, false));
        if cascade.clauses.is_empty() {
            fiber.frames.push(Frame::Block(&cascade.body, 0));
        } else {
            let guard = Guard::new(self.next_guard_serial(), Subject::Cascade(cascade), &cascade.clauses);
            fiber.frames.push(Frame::Guard(Box::new(guard)));
        }
        Ok(())
    }

    pub(super) fn next_iteration(&mut self, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::For(frame)) = fiber.frames.last_mut() else {
            return Err(defect!("an iteration without its loop"));
        };
        let node = frame.node;
        match frame.list.as_list().and_then(|l| l.get(frame.next)) {
            Some(item) => {
                let item = item.clone();
                frame.next += 1;
                write_slot(fiber.slots(), node.item, item)?;
                Ok(self.enter_block(fiber, &node.body))
            }
            None => {
                let values = std::mem::take(&mut frame.values);
                fiber.frames.pop();
                Ok(Mode::Give(crate::eval::check_limits(Value::list(values))?))
            }
        }
    }

    pub(super) fn next_round(&mut self, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::Repeat(frame)) = fiber.frames.last_mut() else {
            return Err(defect!("a round without its loop"));
        };
        frame.round += 1;
        let body = &frame.node.body;
        Ok(self.enter_block(fiber, body))
    }

    /// Begins a block.
    pub(super) fn enter_block(&mut self, fiber: &mut Fiber<'p>, block: &'p Block) -> Mode {
        self.mark_reached(block.id);
        fiber.frames.push(Frame::Block(block, 0));
        Mode::Run
    }

    /// Hands a value to the top frame.
    pub(super) fn give_value(&mut self, id: usize, fiber: &mut Fiber<'p>, value: Value) -> Result<Mode> {
        match fiber.frames.last_mut() {
            Some(Frame::Block(..)) => Ok(Mode::Run),
            Some(Frame::Store(slot)) => {
                let slot = *slot;
                fiber.frames.pop();
                if let Some(slot) = slot {
                    write_slot(fiber.slots(), slot, value)?;
                }
                Ok(Mode::Give(Value::Null))
            }
            Some(Frame::PureStage(stage)) => {
                let slot = stage.slot;
                fiber.frames.pop();
                write_slot(fiber.slots(), slot, value.clone())?;
                Ok(Mode::Give(value))
            }
            Some(Frame::Guard(guard)) => match (guard.fixing.take(), guard.escalated.take()) {
                // An agent has repaired something: another attempt.
                (Some(_), _) => Ok(Mode::Run),
                (None, Some(escalated)) => self.apply_decision(id, fiber, escalated, &value),
                (None, None) => self.guard_done(fiber, value, "done"),
            },
            Some(Frame::Tool(_)) => self.tool_skill_done(fiber, &value),
            Some(Frame::Cascade(..)) => self.cascade_done(fiber, value),
            Some(Frame::For(frame)) => {
                frame.values.push(value);
                Ok(Mode::Run)
            }
            Some(Frame::Repeat(frame)) => {
                let (node, last) = (frame.node, frame.round >= frame.max);
                if let Some(slot) = node.round {
                    write_slot(fiber.slots(), slot, value.clone())?;
                }
                let stop = last || node.until.as_ref().map_or(Ok(false), |u| self.eval.eval_bool(u, fiber.slots()))?;
                if stop {
                    fiber.frames.pop();
                    return Ok(Mode::Give(value));
                }
                Ok(Mode::Run)
            }
            Some(Frame::Hook(..)) => self.hook_done(fiber),
            Some(Frame::Sandbox(_)) => self.close_sandbox(fiber, Mode::Give(value)),
            Some(Frame::Call(_) | Frame::MockedCall(_) | Frame::Person(..) | Frame::Fork(_) | Frame::Remote(_)) => {
                fiber.frames.pop();
                Err(defect!("a value was given to a frame that waits for the world"))
            }
            None => Ok(Mode::Give(value)),
        }
    }
}

/// Rounds beyond have no label: nobody looks at so many.
const MAX_LABELS: usize = 1_000;

/// The first line of a text, at most 40 characters of it.
fn shorten_label(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn zero_rounds(max: i64) -> Result<Mode> {
    fail!("`repeat max {max}`: at least one round is needed")
}

/// `value.a.b = new`.
fn set_path(value: Value, path: &[smol_str::SmolStr], new: Value) -> Value {
    let Some((first, rest)) = path.split_first() else {
        return new;
    };
    if rest.is_empty() {
        return value.with_entry(first, new);
    }
    let inner = value.get(first).cloned().unwrap_or(Value::Null);
    value.with_entry(first, set_path(inner, rest, new))
}
