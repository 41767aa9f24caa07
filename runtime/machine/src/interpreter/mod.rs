//! The interpreter: a synchronous, deterministic state machine.
//!
//! It is a function of the program, the inputs and the answers to its requests. Fibers with
//! explicit stacks of frames run until they wait; whatever waits is named by a request. There
//! is no clock, no file and no random number here.
//!
//! - [`Machine::step`] runs everything that can run.
//! - [`Machine::take_request`] gives the next request to the host, [`Machine::take_withdrawn`] the
//!   requests whose answers are no longer wanted.
//! - [`Machine::answer`] takes the answer to a request.

mod agent;
mod answer;
mod best_of;
mod budget;
mod call;
mod context;
mod environment;
mod fiber;
mod frame;
mod guard;
mod handlers;
mod http_request;
mod keys;
mod locks;
mod memory;
mod mirror;
mod mocked_call;
mod own_effect;
mod parallel;
mod parse;
mod person;
mod prompt;
mod repair;
mod routing;
mod sandbox;
mod skill_digest;
mod statement;
mod swarm;
mod timers;
mod tool_loop;
mod unwind;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use cascade_ir::{CascadeId, ErrorKind, NodeId, Place, Program, ServerId};

pub use agent::server_address;
pub use best_of::{KnownOutcomes, ModelOutcomes};
pub use call::{is_fault_of_model, price_of};
pub use environment::{Availability, Environment, Recalled};
pub(crate) use keys::push_hex;
pub use keys::to_hex;
pub use mocked_call::Rehearsal;
pub use skill_digest::part_digest;
pub use tool_loop::LIST_TOOLS;

use crate::{
    eval::Eval,
    events::Event,
    failure::{Failure, Raise, defect},
    key_parts::KeyVersion,
    request::{Answer, MemoryOp, Request, RequestId, RequestKind, RequestMap, Usage},
    value::{Secret, Value},
};
use fiber::Fiber;
use frame::{Cut, Frame, Mode};
use keys::KeyScheme;

/// What waits for the answer to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiter {
    /// The call on top of a fiber.
    Call(usize),
    /// A guard that pauses before its next attempt.
    Delay(usize),
    /// A guard's deadline.
    Deadline(usize, u64),
    /// A part of a guard's limit of silence (`idle`).
    Idle(usize, u64),
    /// A guard's budget of time.
    Budget(usize, u64),
    /// A guard that waits for the name of its `exclusive`.
    Lock(usize, u64),
    /// A sandbox that is opened or closed.
    Sandbox(usize),
    /// A memory on a server, which is read or changed.
    Remote(usize),
    /// The mirror of a swarm, by its position. No fiber waits for it.
    Mirror(usize),
}

impl Waiter {
    /// The fiber that waits.
    fn fiber(&self) -> Option<usize> {
        match self {
            Self::Call(fiber)
            | Self::Delay(fiber)
            | Self::Deadline(fiber, _)
            | Self::Idle(fiber, _)
            | Self::Budget(fiber, _)
            | Self::Lock(fiber, _)
            | Self::Sandbox(fiber)
            | Self::Remote(fiber) => Some(*fiber),
            Self::Mirror(_) => None,
        }
    }
}

/// The interpreter of one run.
pub struct Machine<'p> {
    /// The swarms that were opened, by position.
    swarms: Vec<swarm::Swarm<'p>>,
    /// Whether it counts how good the answers of models are.
    compares_models: bool,
    program: &'p Program,
    eval: Eval<'p>,
    env: Environment,
    keys: Arc<KeyScheme>,
    /// Secrets that effects gave since the host was told last.
    new_secrets: Vec<Secret>,
    fibers: Vec<Option<Fiber<'p>>>,
    free: Vec<usize>,
    ready: VecDeque<usize>,
    requests: VecDeque<Request>,
    withdrawn: Vec<RequestId>,
    events: Vec<Event>,
    waiting: RequestMap<Waiter>,
    /// Effects that were withdrawn, by the fibers that must not go on to others before they have
    /// ended.
    ending: HashMap<usize, Vec<RequestId>>,
    next_request: u64,
    next_serial: u64,
    /// What the program gave, once it has ended.
    result: Option<Result<Value, Raise>>,
    /// The same, once nothing else of the run is under way.
    outcome: Option<Result<Value, Raise>>,
    cancelled: bool,
    /// Names of `exclusive` that the run holds or has asked for.
    locks: Vec<locks::Held>,
    digests: HashMap<u32, keys::PartDigest>,
    /// What is known of the answers of models, with those of this run.
    outcomes: KnownOutcomes,
    spent: Spent,
    memory_ops: Vec<MemoryOp>,
    /// Changes of memories on servers that are not stored yet.
    unstored: Vec<memory::Change>,
    /// The tools of the servers that keep memories, as far as they are known.
    memory_tools: HashMap<ServerId, memory::KeyValueTools>,
    /// How often each request to such a server was made, by its path.
    remote_requests: HashMap<String, u32>,
    /// Memory as it was when the run ended.
    last_memory: Vec<Vec<Value>>,
    /// Fibers whose sandboxes are merged when earlier branches have ended.
    merging_later: Vec<usize>,
    /// Nodes that were reached; `None` unless coverage is wanted.
    reached: Option<HashSet<NodeId>>,
}

/// What a run has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens, in and out.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost: i64,
}

impl<'p> Machine<'p> {
    /// A machine that is about to run a cascade with these inputs, already checked.
    ///
    /// # Errors
    /// When there is no such cascade, or an initial value of memory cannot be computed.
    pub fn new(
        program: &'p Program,
        cascade: CascadeId,
        inputs: Vec<Value>,
        mut env: Environment,
    ) -> Result<Self, Raise> {
        if program.cascades.get(cascade.index()).is_none() {
            return Err(Failure::raise(ErrorKind::Internal, format!("there is no cascade {}", cascade.0)));
        }
        let reached = env.rehearsal.as_ref().filter(|r| r.coverage).map(|_| HashSet::new());
        let mut machine = Self {
            program,
            eval: Eval::new(program, env.fuel),
            keys: Arc::new(
                KeyScheme::new(env.recalled.key_version, env.project_key.as_ref())
                    .in_folder(&env.folder)
                    .for_models(program.models.len()),
            ),
            swarms: Vec::new(),
            compares_models: program.compares_models(),
            new_secrets: Vec::new(),
            outcomes: Arc::unwrap_or_clone(std::mem::take(&mut env.outcomes)),
            env,
            fibers: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            requests: VecDeque::new(),
            withdrawn: Vec::new(),
            ending: HashMap::new(),
            events: Vec::new(),
            waiting: RequestMap::default(),
            next_request: 0,
            next_serial: 0,
            result: None,
            outcome: None,
            cancelled: false,
            locks: Vec::new(),
            digests: HashMap::new(),
            spent: Spent::default(),
            memory_ops: Vec::new(),
            unstored: Vec::new(),
            memory_tools: HashMap::new(),
            remote_requests: HashMap::new(),
            last_memory: Vec::new(),
            merging_later: Vec::new(),
            reached,
        };
        machine.eval.facts = std::mem::take(&mut machine.env.facts);
        let mut fiber = Fiber::new(None, "".into());
        fiber.memory = machine.first_memory()?;
        machine.begin_run(&mut fiber, cascade, inputs)?;
        machine.add_fiber(fiber, false);
        Ok(machine)
    }

    /// Runs every fiber until it waits or ends.
    pub fn step(&mut self) {
        while !self.step_to(usize::MAX) {}
    }

    /// Runs fibers until each of them waits or has ended, or until there are so many requests. Returns whether no fiber
    /// can go on.
    pub fn step_to(&mut self, requests: usize) -> bool {
        while self.requests.len() < requests {
            let Some(id) = self.ready.pop_front() else { return true };
            let Some(mut fiber) = self.fibers.get_mut(id).and_then(Option::take) else {
                continue;
            };
            fiber.queued = false;
            if matches!(fiber.mode, Mode::Wait) {
                fiber.mode = Mode::Run;
            }
            if self.run_fiber(id, &mut fiber) {
                self.free.push(id);
                self.end_fiber(id, fiber);
            } else {
                if let Some(place) = self.fibers.get_mut(id) {
                    *place = Some(fiber);
                }
            }
        }
        self.ready.is_empty()
    }

    /// The next request, if any.
    pub fn take_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Requests whose answers are no longer wanted.
    pub fn take_withdrawn(&mut self) -> Vec<RequestId> {
        std::mem::take(&mut self.withdrawn)
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Changes of memory that outlives the run, in their order.
    pub fn take_memory_ops(&mut self) -> Vec<MemoryOp> {
        std::mem::take(&mut self.memory_ops)
    }

    /// Whether secrets are taken out of values and questions. In a run that an older version began they are not,
    /// since what was asked then would not be recognised.
    fn hides_secrets(&self) -> bool {
        self.env.recalled.key_version >= KeyVersion::V3
    }

    /// Hides a secret of which the host has learned.
    pub fn learn_secret(&mut self, secret: &Secret) {
        self.env.redactor.learn(secret.reveal());
    }

    /// Secrets that effects gave since the last call.
    pub fn take_new_secrets(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.new_secrets)
    }

    /// Memory as it was when the run ended.
    pub fn take_last_memory(&mut self) -> Vec<Vec<Value>> {
        std::mem::take(&mut self.last_memory)
    }

    /// How the run ended, once it has.
    pub fn outcome(&self) -> Option<Result<&Value, &Failure>> {
        self.outcome.as_ref().map(|o| o.as_ref().map_err(|f| &**f))
    }

    /// Whether nothing can run and nothing is waited for: a defect, reported instead of waiting for
    /// ever.
    pub fn is_stuck(&self) -> bool {
        self.outcome.is_none() && self.ready.is_empty() && self.waiting.is_empty()
    }

    /// What the run used so far.
    pub fn total_spent(&self) -> Spent {
        self.spent
    }

    /// Takes the answer to a request. The answer to a withdrawn request is dropped.
    pub fn answer(&mut self, id: RequestId, answer: Answer) {
        let Some(waiter) = self.waiting.remove(&id) else {
            return;
        };
        match waiter {
            Waiter::Call(fiber) => {
                // It began after those that it had to wait for.
                self.ending.remove(&fiber);
                self.call_answered(fiber, answer);
            }
            Waiter::Delay(fiber) => self.queue_fiber(fiber),
            Waiter::Deadline(fiber, serial) => self.deadline_passed(fiber, serial),
            Waiter::Idle(fiber, serial) => self.idle_tick(fiber, serial),
            Waiter::Budget(fiber, serial) => self.budget_passed(fiber, serial),
            Waiter::Sandbox(fiber) => {
                self.ending.remove(&fiber);
                self.sandbox_answered(fiber, answer);
            }
            Waiter::Remote(fiber) => {
                self.ending.remove(&fiber);
                self.remote_answered(fiber, answer);
            }
            Waiter::Mirror(swarm) => self.mirror_answered(swarm, answer),
            Waiter::Lock(fiber, serial) => self.lock_answered(fiber, serial, id, answer.result.err()),
        }
    }

    /// A sign of life of a running effect.
    pub fn alive(&mut self, id: RequestId) {
        if let Some(Waiter::Call(fiber)) = self.waiting.get(&id) {
            let fiber = *fiber;
            self.each_guard(fiber, |guard| guard.alive = true);
        }
    }

    /// Cancels the run: `on cancel` hooks run, then it ends. A second call ends it at once.
    pub fn cancel(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        if !self.cancelled {
            self.cancelled = true;
            match &self.result {
                // Only mirrors are waited for.
                Some(_) => self.end_when_mirrored(),
                None => self.cut_fiber(0, Cut::end()),
            }
            return;
        }
        let mut open: Vec<RequestId> = self.waiting.drain().map(|(id, _)| id).collect();
        open.sort();
        self.withdrawn.extend(open);
        self.ready.clear();
        self.requests.clear();
        self.fibers.clear();
        self.outcome = Some(Err(unwind::cancelled_failure()));
    }

    fn send_request(
        &mut self,
        kind: RequestKind,
        effect: Option<std::sync::Arc<crate::request::EffectInfo>>,
        waiter: Waiter,
    ) -> RequestId {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        let after = match self.ending.is_empty() {
            true => Vec::new(),
            false => waiter.fiber().and_then(|fiber| self.ending.get(&fiber)).cloned().unwrap_or_default(),
        };
        self.waiting.insert(id, waiter);
        self.requests.push_back(Request { id, kind, effect, after });
        id
    }

    fn withdraw_request(&mut self, id: Option<RequestId>) {
        let Some(id) = id else { return };
        let Some(waiter) = self.waiting.remove(&id) else { return };
        // A request that the host has not taken yet is dropped.
        match self.requests.iter().position(|r| r.id == id) {
            Some(position) => {
                self.requests.remove(position);
            }
            None => {
                self.withdrawn.push(id);
                if let Waiter::Call(fiber) = waiter {
                    self.ending.entry(fiber).or_default().push(id);
                }
            }
        }
    }

    /// What must end before a branch goes on is what must end before the fiber around it does.
    fn inherit_ending(&mut self, from: usize, to: usize) {
        if let Some(ids) = self.ending.get(&from).cloned() {
            let inherited = self.ending.entry(to).or_default();
            ids.into_iter().for_each(|id| {
                if !inherited.contains(&id) {
                    inherited.push(id);
                }
            });
        }
    }

    /// Adds a fiber to those that are ready to run: before all others, or after them.
    fn add_fiber(&mut self, mut fiber: Fiber<'p>, first: bool) -> usize {
        fiber.queued = true;
        let parent = fiber.parent.map(|parent| parent.fiber);
        let id = match self.free.pop() {
            Some(id) => {
                self.fibers[id] = Some(fiber);
                id
            }
            None => {
                self.fibers.push(Some(fiber));
                self.fibers.len() - 1
            }
        };
        if let Some(parent) = parent {
            self.inherit_ending(parent, id);
        }
        if first {
            self.ready.push_front(id);
        } else {
            self.ready.push_back(id);
        }
        id
    }

    fn fiber(&mut self, id: usize) -> Option<&mut Fiber<'p>> {
        self.fibers.get_mut(id).and_then(Option::as_mut)
    }

    /// Puts a waiting fiber among those that are ready to run.
    fn queue_fiber(&mut self, id: usize) {
        if let Some(fiber) = self.fiber(id)
            && !fiber.queued
        {
            fiber.queued = true;
            self.ready.push_back(id);
        }
    }

    /// Applies `f` to the guards around a fiber, the innermost first.
    fn each_guard(&mut self, fiber: usize, mut f: impl FnMut(&mut guard::Guard<'p>)) {
        let mut next = Some(fiber);
        while let Some(id) = next {
            let Some(fiber) = self.fiber(id) else { return };
            for frame in fiber.frames.iter_mut().rev() {
                if let Frame::Guard(guard) = frame {
                    f(guard);
                }
            }
            next = fiber.parent.map(|p| p.fiber);
        }
    }

    /// Charges what an effect used to all guards around it. Gives the innermost guard that is now over
    /// its budget, with the failure.
    fn charge_usage(&mut self, fiber: usize, usage: &Usage, cost: i64) -> Option<(usize, u64, Raise)> {
        let tokens = usage.tokens_in.saturating_add(usage.tokens_out);
        self.spent.tokens = self.spent.tokens.saturating_add(tokens);
        self.spent.cost = self.spent.cost.saturating_add(cost);
        if tokens > 0 || cost > 0 {
            let Spent { tokens, cost } = self.spent;
            self.emit_if_watched(|| Event::Spent { tokens, cost });
        }
        let mut over = None;
        let mut next = Some(fiber);
        while let Some(id) = next {
            let fiber = self.fiber(id)?;
            for frame in fiber.frames.iter_mut().rev() {
                if let Frame::Guard(guard) = frame {
                    guard.alive = true;
                    guard.tokens = guard.tokens.saturating_add(tokens);
                    guard.cost = guard.cost.saturating_add(cost);
                    if over.is_none()
                        && let Some(failure) = guard.over_budget()
                    {
                        over = Some((id, guard.serial, failure));
                    }
                }
            }
            next = fiber.parent.map(|p| p.fiber);
        }
        over
    }

    /// Emits an event that only observers need, not the journal.
    fn emit_if_watched(&mut self, event: impl FnOnce() -> Event) {
        if self.env.watched {
            self.events.push(event());
        }
    }

    fn emit_event(&mut self, event: impl FnOnce() -> Event) {
        if self.env.listening {
            self.events.push(event());
        }
    }

    fn emit_warning(&mut self, path: &str, message: String, place: Option<Place>) {
        self.emit_event(|| Event::Warning { path: path.to_owned(), message, place });
    }

    /// Reports the end of a fiber to its parent; the end of the first fiber is the run's.
    fn end_fiber(&mut self, id: usize, fiber: Fiber<'p>) {
        self.wake_merging();
        let changes = fiber.changes;
        let result = match fiber.mode {
            Mode::Give(value) | Mode::Return(value) => Ok(value),
            Mode::Raise(failure) => Err(failure),
            Mode::Cut(_) => Err(unwind::cancelled_failure()),
            Mode::Run | Mode::Wait => Err(defect!("a fiber ended while it ran")),
        };
        match fiber.parent {
            Some(parent) => {
                self.inherit_ending(id, parent.fiber);
                self.ending.remove(&id);
                self.branch_ended(parent, id, changes, result);
            }
            None => {
                self.last_memory = fiber.memory;
                self.result = Some(result);
                self.end_when_mirrored();
            }
        }
    }
}
