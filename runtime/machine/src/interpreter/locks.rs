//! `exclusive`: names that only one stage of all runs of a project may hold.
//!
//! The host gives a name to a run; the stages of one run take turns here, in the order in which they asked.
//! So a resumed run takes the same turns as it did before, whatever other runs do.

use std::collections::VecDeque;

use cascade_ir::{ErrorKind, Rendering};

use super::{
    Machine, Waiter,
    fiber::Fiber,
    frame::{Frame, Mode},
};
use crate::{
    eval::Result,
    events::Event,
    failure::{Failure, Raise, defect},
    host::Progress,
    render::render_value,
    request::{RequestId, RequestKind},
};

/// A stage or cascade that takes turns with others: its fiber and the number of its guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) fiber: usize,
    pub(super) serial: u64,
}

/// A name that the run holds or has asked for.
#[derive(Debug)]
pub(super) struct Held {
    name: String,
    request: RequestId,
    /// Whether the host has given it to the run.
    granted: bool,
    holder: Turn,
    waiting: VecDeque<Turn>,
}

/// The name that a guard needs, and how far it is.
#[derive(Debug, Default)]
pub(super) struct GuardLock {
    /// The name; `None` when the clause was not evaluated yet, or there is none.
    name: Option<String>,
    asked: bool,
    /// Why the name was not given.
    refused: Option<Raise>,
}

impl<'p> Machine<'p> {
    /// Takes the name of the guard on top, or says that the guard waits for it. `None`: it holds the name, or
    /// needs none.
    pub(super) fn acquire_lock(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Option<Mode>> {
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else {
            return Err(defect!("a lock without its guard"));
        };
        let Some(clause) = &guard.clauses.exclusive else { return Ok(None) };
        if let Some(failure) = guard.lock.refused.take() {
            guard.lock.asked = false;
            guard.attempts += 1;
            return Err(failure);
        }
        let turn = Turn { fiber: id, serial: guard.serial };
        if guard.lock.asked {
            let holds = self.locks.iter().any(|held| held.holder == turn && held.granted);
            return Ok((!holds).then_some(Mode::Wait));
        }
        let name = match guard.lock.name.clone() {
            Some(name) => name,
            None => {
                let value = self.eval.eval(&clause.name, fiber.slots())?;
                render_value(&value, Rendering::Text)
            }
        };
        if self.holds_around(fiber, &name) {
            return Err(Failure::raise(ErrorKind::Failed, format!("`{name}` is held by a stage around this one")));
        }
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            guard.lock.name = Some(name.clone());
        }
        match self.locks.iter_mut().find(|held| held.name == name) {
            Some(_) if clause.nowait => {
                if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
                    guard.attempts += 1;
                }
                let message = format!("another stage of this run holds `{name}`");
                return Err(Failure::raise(ErrorKind::Unavailable, message));
            }
            Some(held) => {
                held.waiting.push_back(turn);
                let (path, progress) = (fiber.path(), Progress::WaitsFor(name));
                self.emit_if_watched(|| Event::Progress { path, attempt: 1, progress });
            }
            None => {
                let path = fiber.path();
                let request = self.ask_for_lock(turn, &name, clause.nowait, path);
                let waiting = VecDeque::new();
                self.locks.push(Held { name, request, granted: false, holder: turn, waiting });
            }
        }
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            guard.lock.asked = true;
        }
        Ok(Some(Mode::Wait))
    }

    fn ask_for_lock(&mut self, turn: Turn, name: &str, nowait: bool, path: String) -> RequestId {
        let kind = RequestKind::Lock { name: name.to_owned(), nowait, path };
        self.send_request(kind, None, Waiter::Lock(turn.fiber, turn.serial))
    }

    /// Whether a stage or a cascade around the guard on top holds the name: it would wait for itself.
    fn holds_around(&self, fiber: &Fiber<'p>, name: &str) -> bool {
        let holds = |fiber: &Fiber<'p>, frames: usize| {
            fiber.frames.iter().take(frames).any(|frame| match frame {
                Frame::Guard(guard) => guard.lock.asked && guard.lock.name.as_deref() == Some(name),
                _ => false,
            })
        };
        let mut parent = fiber.parent;
        if holds(fiber, fiber.frames.len().saturating_sub(1)) {
            return true;
        }
        while let Some(above) = parent.and_then(|parent| self.fibers.get(parent.fiber)).and_then(Option::as_ref) {
            if holds(above, above.frames.len()) {
                return true;
            }
            parent = above.parent;
        }
        false
    }

    /// The host has given a name to the run, or refused it.
    pub(super) fn lock_answered(&mut self, fiber: usize, serial: u64, request: RequestId, refused: Option<Raise>) {
        let Some(position) = self.locks.iter().position(|held| held.request == request) else { return };
        match refused {
            None => self.locks[position].granted = true,
            Some(failure) => {
                let mut held = self.locks.remove(position);
                if let Some(guard) = self.find_guard(fiber, serial) {
                    guard.lock.refused = Some(failure);
                }
                // Whoever waited behind it asks for itself.
                if let Some(next) = held.waiting.pop_front() {
                    let request = self.ask_for_lock(next, &held.name, false, String::new());
                    self.locks.push(Held { request, granted: false, holder: next, ..held });
                }
            }
        }
        self.queue_fiber(fiber);
    }

    /// The guard is over: the name goes to the next stage of the run that waits for it, or back to the host.
    pub(super) fn release_lock(&mut self, serial: u64) {
        for held in &mut self.locks {
            held.waiting.retain(|turn| turn.serial != serial);
        }
        let Some(position) = self.locks.iter().position(|held| held.holder.serial == serial) else { return };
        let held = &mut self.locks[position];
        match held.waiting.pop_front() {
            Some(next) if held.granted => {
                held.holder = next;
                self.queue_fiber(next.fiber);
            }
            Some(next) => {
                // The answer of the host wakes the one that asked: it must be the one that has the turn.
                let (request, name) = (held.request, held.name.clone());
                self.withdraw_request(Some(request));
                let request = self.ask_for_lock(next, &name, false, String::new());
                let held = &mut self.locks[position];
                (held.holder, held.request) = (next, request);
            }
            None => {
                let held = self.locks.remove(position);
                match held.granted {
                    true => self.withdrawn.push(held.request),
                    false => self.withdraw_request(Some(held.request)),
                }
            }
        }
    }
}
