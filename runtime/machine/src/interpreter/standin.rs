//! Calls that are answered as a whole: in a rehearsal nothing of a skill is done, and a cascade
//! may be stood in for.

use std::collections::HashSet;

use cascade_ir::{CascadeId, Place, SkillId, Type};
use smol_str::SmolStr;

use super::{
    Machine, Waiter,
    fiber::Fiber,
    frame::{Frame, Mode},
};
use crate::{
    check::{Strictness, coerce},
    eval::{Result, at},
    failure::defect,
    request::{Answer, CallRequest, Callee, Output, RequestId, What},
    value::Value,
};

/// How a machine rehearses: every call of a skill is a request of its own kind, nothing of it is
/// computed.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// Cascades that are answered for, too.
    pub cascades: HashSet<CascadeId>,
    /// Whether [`Machine::take_coverage`] is wanted.
    pub coverage: bool,
}

/// A call on its way to whoever stands in.
pub(super) struct StandIn<'p> {
    callee: Callee,
    pub(super) name: &'p SmolStr,
    result: &'p Type,
    place: Place,
    args: Vec<Value>,
    pub(super) request: Option<RequestId>,
    pub(super) answer: Option<Box<Answer>>,
}

/// Something whose having been reached is told: its address and its kind, since a node and the
/// first one inside it may have one address.
pub type Reached = (usize, Kind);

/// Kinds of nodes that are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A block of statements.
    Block,
    /// A stage.
    Stage,
    /// An `on error` clause.
    Handler,
    /// `on success`, `on failure` or `on cancel`.
    Hook,
}

/// What stands for a node.
pub fn mark<T>(node: &T, kind: Kind) -> Reached {
    (std::ptr::from_ref(node) as usize, kind)
}

impl<'p> Machine<'p> {
    /// Notes that a node was reached, if anybody wants to know.
    pub(super) fn reach<T>(&mut self, node: &T, kind: Kind) {
        if let Some(reached) = &mut self.reached {
            reached.insert(mark(node, kind));
        }
    }

    /// The nodes that were reached.
    pub fn take_coverage(&mut self) -> HashSet<Reached> {
        self.reached.take().unwrap_or_default()
    }

    /// Whether calls are answered as a whole.
    pub(super) fn rehearses(&self) -> bool {
        self.env.rehearsal.is_some()
    }

    pub(super) fn stands_in_for(&self, cascade: CascadeId) -> bool {
        self.env.rehearsal.as_ref().is_some_and(|r| r.cascades.contains(&cascade))
    }

    /// Begins a call of a skill that is answered as a whole.
    pub(super) fn stand_in_for_skill(&mut self, fiber: &mut Fiber<'p>, id: SkillId, args: Vec<Value>) -> Result<Mode> {
        let Some(skill) = self.program.skills.get(id.index()) else {
            return Err(defect!("there is no skill {}", id.0));
        };
        fiber.frames.push(Frame::StandIn(Box::new(StandIn {
            callee: Callee::Skill(id),
            name: &skill.name,
            result: &skill.result,
            place: skill.place,
            args,
            request: None,
            answer: None,
        })));
        Ok(Mode::Run)
    }

    /// Begins a call of a cascade that is answered as a whole.
    pub(super) fn stand_in_for_cascade(
        &mut self,
        fiber: &mut Fiber<'p>,
        id: CascadeId,
        args: Vec<Value>,
    ) -> Result<Mode> {
        let Some(cascade) = self.program.cascades.get(id.index()) else {
            return Err(defect!("there is no cascade {}", id.0));
        };
        fiber.frames.push(Frame::StandIn(Box::new(StandIn {
            callee: Callee::Cascade(id),
            name: &cascade.name,
            result: &cascade.result,
            place: cascade.place,
            args,
            request: None,
            answer: None,
        })));
        Ok(Mode::Run)
    }

    pub(super) fn go_on_standing_in(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let path = fiber.path();
        let Some(Frame::StandIn(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an answer without its call"));
        };
        if let Some(answer) = call.answer.take() {
            let (result, place) = (call.result, call.place);
            let value = match answer.result? {
                Output::Value(value) => at(coerce(&mut self.eval, value, result, Strictness::Effect), place)?,
                _ => return Err(defect!("a call was answered by something else than a value")),
            };
            fiber.frames.pop();
            return Ok(Mode::Give(value));
        }
        if call.request.is_none() {
            let asked = CallRequest { callee: call.callee, path, args: call.args.clone() };
            let request = self.request(What::Call(Box::new(asked)), None, Waiter::Call(id));
            if let Some(Frame::StandIn(call)) = fiber.frames.last_mut() {
                call.request = Some(request);
            }
        }
        Ok(Mode::Wait)
    }
}
