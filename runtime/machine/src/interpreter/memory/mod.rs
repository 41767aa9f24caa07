//! Memory: shared state that cascades read plainly and change by `=` and `+=`.
//!
//! Every branch of a `parallel` works on a copy of memory. Its changes are recorded, and applied to
//! its parent's copy when all branches have ended, in the order of the text: so the result does not
//! depend on which branch was faster.

mod remote;
mod tools;

use cascade_ir::{ErrorKind, Place};

pub(super) use remote::RemoteMemory;
pub(super) use tools::{KeyValueTools, refusal_in};

use super::{Machine, fiber::Fiber, frame::Frame};
use crate::{
    check::{Strictness, coerce_value},
    eval::{Eval, Result, check_limits},
    failure::{Failure, defect},
    request::MemoryOp,
    value::{Value, from_json, to_json},
};

/// A change of one key.
#[derive(Clone)]
pub(super) struct Change {
    memory: usize,
    key: usize,
    append: bool,
    value: Value,
    /// The path of the stage or cascade that made it; only for memory that is kept outside of the run.
    origin: Option<String>,
    place: Place,
}

impl<'p> Machine<'p> {
    /// The first values of all keys.
    pub(super) fn first_memory(&mut self) -> Result<Vec<Vec<Value>>> {
        let mut memory = Vec::with_capacity(self.program.memories.len());
        for declared in &self.program.memories {
            let mut values = Vec::with_capacity(declared.keys.len());
            for key in &declared.keys {
                let known = match declared.global && declared.server.is_none() {
                    true => self.env.memory.get(&(declared.name.to_string(), key.name.to_string())),
                    false => None,
                };
                values.push(match known {
                    Some(json) => {
                        let value = from_json(json);
                        coerce_value(&mut self.eval, value, &key.ty, Strictness::Effect).map_err(|failure| {
                            let message = format!(
                                "the memory `{0}.{1}` holds what its type does not allow: {2}; see `cascadec memory get {0}.{1}`",
                                declared.name, key.name, failure.message
                            );
                            let mut failure = Failure::raise(ErrorKind::Failed, message);
                            failure.place = Some(declared.place);
                            failure
                        })?
                    }
                    None => self.eval.eval(&key.initial, &mut [])?,
                });
            }
            memory.push(values);
        }
        Ok(memory)
    }

    /// `memory.key = value` and `memory.key += value`.
    pub(super) fn change_memory_key(
        &mut self,
        fiber: &mut Fiber<'p>,
        memory: usize,
        key: usize,
        append: bool,
        value: Value,
        place: Place,
    ) -> Result<()> {
        let is_kept = self.program.memories.get(memory).is_some_and(|m| m.global || m.server.is_some());
        let origin = is_kept.then(|| fiber.path());
        let change = Change { memory, key, append, value, origin, place };
        self.apply_own_change(fiber, change)
    }

    /// Applies a change to the running fiber's copy of memory, and records it for its parent.
    fn apply_own_change(&mut self, fiber: &mut Fiber<'p>, change: Change) -> Result<()> {
        apply_change(&mut self.eval, &change)?;
        if fiber.parent.is_some() {
            fiber.changes.push(change);
        } else {
            self.emit_memory_op(change);
        }
        Ok(())
    }

    /// Hands a change of memory that outlives the run to the host, or notes it for its server.
    fn emit_memory_op(&mut self, change: Change) {
        let Some(memory) = self.program.memories.get(change.memory) else { return };
        if memory.server.is_some() {
            // In a test nothing is stored.
            if !self.is_rehearsal() {
                self.unstored.push(change);
            }
            return;
        }
        let Some(path) = change.origin else { return };
        let Some(key) = memory.keys.get(change.key) else { return };
        let initial = if change.append { self.eval.eval(&key.initial, &mut []).ok() } else { None };
        self.memory_ops.push(MemoryOp {
            path,
            memory: memory.name.to_string(),
            key: key.name.to_string(),
            append: change.append,
            initial: initial.as_ref().map_or(serde_json::Value::Null, to_json),
            value: to_json(&change.value),
        });
    }

    /// Removes the fork on top, whose branches have all ended, and applies their changes of memory.
    pub(super) fn close_fork(&mut self, fiber: &mut Fiber<'p>) -> Result<()> {
        let Some(Frame::Fork(mut fork)) = fiber.frames.pop() else {
            return Err(defect!("branches without their fork"));
        };
        for (_, changes) in std::mem::take(&mut fork.changes) {
            for change in changes {
                self.apply_own_change(fiber, change)?;
            }
        }
        Ok(())
    }
}

fn apply_change(eval: &mut Eval<'_>, change: &Change) -> Result<()> {
    let (memory, key) = (change.memory, change.key);
    let Some(held) = eval.memory.get_mut(memory).and_then(|m| m.get_mut(key)) else {
        return Err(defect!("memory {memory} has no key {key}"));
    };
    if !change.append {
        *held = change.value.clone();
        return Ok(());
    }
    // Taken out of its place, so that a list grows without being copied.
    let old = std::mem::replace(held, Value::Null);
    let kept = if matches!(old, Value::List(_) | Value::Map(_)) { Value::Null } else { old.clone() };
    let (value, result) = match add_to_value(eval, old, change.value.clone()) {
        Ok(new) => (new, Ok(())),
        Err(failure) => (kept, Err(failure)),
    };
    if let Some(held) = eval.memory.get_mut(memory).and_then(|m| m.get_mut(key)) {
        *held = value;
    }
    result
}

/// `old += more`.
fn add_to_value(eval: &mut Eval<'_>, old: Value, more: Value) -> Result<Value> {
    match old {
        Value::Null => Ok(more),
        old => eval.binary(cascade_ir::BinaryOp::Add, old, more).and_then(check_limits),
    }
}
