//! Mocked calls: in a test a call of a skill, or of a cascade that the test mocks, is one request
//! that the host answers with the call's result. Nothing of the callee is executed.

use std::collections::HashSet;

use cascade_ir::{CascadeId, NodeId, Place, SkillId, Type};
use smol_str::SmolStr;

use super::{
    Machine, Waiter,
    call::{guard_below, guard_below_mut},
    fiber::Fiber,
    frame::{Frame, Mode},
};
use crate::{
    check::{Strictness, coerce_value},
    eval::{Result, with_place},
    failure::defect,
    request::{Answer, CallRequest, Callee, Output, RequestId, RequestKind},
    value::Value,
};

/// How a machine runs in a test: every call of a skill is a request for its result, and nothing of
/// the skill is evaluated.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// Cascades that are mocked as well.
    pub cascades: HashSet<CascadeId>,
    /// Whether [`Machine::take_coverage`] is wanted.
    pub coverage: bool,
}

/// A mocked call that waits for its result.
pub(super) struct MockedCall<'p> {
    callee: Callee,
    pub(super) name: &'p SmolStr,
    result: &'p Type,
    place: Place,
    args: Vec<Value>,
    pub(super) request: Option<RequestId>,
    pub(super) answer: Option<Box<Answer>>,
}

impl<'p> Machine<'p> {
    /// Records that a node was reached, if coverage is wanted.
    pub(super) fn mark_reached(&mut self, node: NodeId) {
        if let Some(reached) = &mut self.reached {
            reached.insert(node);
        }
    }

    /// The nodes that were reached; empty unless coverage is wanted.
    pub fn take_coverage(&mut self) -> HashSet<NodeId> {
        self.reached.take().unwrap_or_default()
    }

    /// Whether this run is a test, in which calls are mocked.
    pub(super) fn is_rehearsal(&self) -> bool {
        self.env.rehearsal.is_some()
    }

    pub(super) fn is_mocked_cascade(&self, cascade: CascadeId) -> bool {
        self.env.rehearsal.as_ref().is_some_and(|r| r.cascades.contains(&cascade))
    }

    /// Begins a mocked call of a skill.
    pub(super) fn begin_mocked_skill(&mut self, fiber: &mut Fiber<'p>, id: SkillId, args: Vec<Value>) -> Result<Mode> {
        let Some(skill) = self.program.skills.get(id.index()) else {
            return Err(defect!("there is no skill {}", id.0));
        };
        fiber.frames.push(Frame::MockedCall(Box::new(MockedCall {
            callee: Callee::Skill(id),
            name: &skill.name,
            result: &skill.result,
            place: skill.place,
            args,
            request: None,
            answer: None,
        })));
        if self.membership(fiber).is_some() {
            self.assign_mocked_task(fiber, &skill.needs);
        }
        Ok(Mode::Run)
    }

    /// Notes which model of a swarm a mocked task stands for: it is lost as often as a real one, each time by the next.
    fn assign_mocked_task(&mut self, fiber: &mut Fiber<'p>, needs: &[SmolStr]) {
        let own = guard_below(fiber).map(|guard| &guard.clauses.needs[..]).unwrap_or_default();
        let needs: Vec<SmolStr> = needs.iter().chain(own).cloned().collect();
        let models = self.models_for(fiber, &needs);
        if let Some(guard) = guard_below_mut(fiber) {
            let untried = models.iter().find(|model| !guard.agent.tried.contains(model));
            (guard.asked, guard.models) = (untried.or(models.first()).copied(), models);
        }
    }

    /// Begins a mocked call of a cascade.
    pub(super) fn begin_mocked_cascade(
        &mut self,
        fiber: &mut Fiber<'p>,
        id: CascadeId,
        args: Vec<Value>,
    ) -> Result<Mode> {
        let Some(cascade) = self.program.cascades.get(id.index()) else {
            return Err(defect!("there is no cascade {}", id.0));
        };
        fiber.frames.push(Frame::MockedCall(Box::new(MockedCall {
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

    pub(super) fn continue_mocked_call(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let path = fiber.path();
        let Some(Frame::MockedCall(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an answer without its mocked call"));
        };
        if let Some(answer) = call.answer.take() {
            let (result, place) = (call.result, call.place);
            let value = match answer.result? {
                Output::Value(value) => {
                    with_place(coerce_value(&mut self.eval, value, result, Strictness::Effect), place)?
                }
                _ => return Err(defect!("a mocked call was answered by something else than a value")),
            };
            fiber.frames.pop();
            return Ok(Mode::Give(value));
        }
        if call.request.is_none() {
            let asked = CallRequest { callee: call.callee, path, args: call.args.clone() };
            let request = self.send_request(RequestKind::Call(Box::new(asked)), None, Waiter::Call(id));
            if let Some(Frame::MockedCall(call)) = fiber.frames.last_mut() {
                call.request = Some(request);
            }
        }
        Ok(Mode::Wait)
    }
}
