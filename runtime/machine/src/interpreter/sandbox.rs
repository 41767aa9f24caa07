//! `sandbox` and `isolate`: effects in a private copy of a directory, whose changes are applied when all has gone well.
//!
//! Opening and closing are effects: they are recorded, and a resumed run neither opens a sandbox whose end is recorded
//! nor applies its changes twice. A sandbox that is left by a failure is thrown away by withdrawing the request that
//! opened it.

use std::{collections::BTreeSet, sync::Arc};

use cascade_ir::{Effect, Sandbox, SandboxEnd as EndOfBlock, SandboxNetwork, Stage, Work};

use super::{
    Machine, Waiter,
    call::guard_below,
    fiber::Fiber,
    frame::{Frame, Mode},
    own_effect::OwnEffect,
};
use crate::{
    eval::{Result, with_place, write_slot},
    failure::defect,
    request::{Answer, EffectInfo, Output, RequestId, RequestKind},
    value::Value,
    workspace::{Access, CloseSandbox, OpenSandbox, Policy, SandboxEnd, Workspace},
};

/// A sandbox around a block or a stage.
pub(super) struct Sandboxed<'p> {
    subject: Subject<'p>,
    /// What is asked to be opened.
    open: OpenSandbox,
    /// What becomes of its changes.
    end: SandboxEnd,
    state: State,
    /// The request that is waited for, or that opened it: while it is not withdrawn, the sandbox is there.
    request: Option<RequestId>,
    opened: Option<RequestId>,
    answer: Option<Box<Answer>>,
    /// The keys of the effects in it: the change that is applied is theirs.
    effects: BTreeSet<String>,
}

#[derive(Clone)]
enum Subject<'p> {
    Block(&'p Sandbox),
    /// A stage with `isolate`, and the arguments of its skill or cascade.
    Stage(&'p Stage, Option<Vec<Value>>),
}

enum State {
    Opening,
    Inside,
    /// How the fiber goes on when it is closed.
    Closing(Mode),
}

impl<'p> Sandboxed<'p> {
    /// Its name in paths when no stage names it.
    pub(super) fn label(&self) -> Option<&'p str> {
        match &self.subject {
            Subject::Block(node) => Some(&node.label),
            Subject::Stage(..) => None,
        }
    }

    /// Whether it waits for its turn to be closed.
    pub(super) fn waits_to_merge(&self) -> bool {
        matches!(self.state, State::Closing(_)) && self.request.is_none() && self.answer.is_none()
    }
}

impl<'p> Machine<'p> {
    /// Begins `sandbox directory { }`.
    pub(super) fn enter_sandbox(&mut self, fiber: &mut Fiber<'p>, node: &'p Sandbox) -> Result<Mode> {
        let directory = self.eval.eval(&node.directory, fiber.slots())?;
        let Some(directory) = directory.as_text().map(str::to_owned) else {
            return Err(defect!("a sandbox of {}", directory.kind()));
        };
        let network = match &node.network {
            SandboxNetwork::Off => Access::Only(Vec::new()),
            SandboxNetwork::On => Access::All,
            SandboxNetwork::Hosts(hosts) => {
                let hosts = self.eval.eval(hosts, fiber.slots())?;
                let names = hosts.as_list().unwrap_or_default().iter();
                Access::Only(names.filter_map(|name| name.as_text().map(str::to_owned)).collect())
            }
        };
        let end = match &node.end {
            EndOfBlock::Apply => SandboxEnd::Apply,
            EndOfBlock::Discard => SandboxEnd::Discard,
            EndOfBlock::Branch(name) => {
                let name = self.eval.eval(name, fiber.slots())?;
                SandboxEnd::Branch(name.as_text().unwrap_or_default().to_owned())
            }
        };
        if self.is_rehearsal() {
            // Nothing acts there, so that nothing has to be kept apart.
            if let Some(slot) = node.name {
                write_slot(fiber.slots(), slot, Value::Path(directory.as_str().into()))?;
            }
        }
        self.push_sandbox(fiber, Subject::Block(node), Some(directory), network, end)
    }

    /// Begins a stage with `isolate`.
    pub(super) fn isolate_stage(
        &mut self,
        fiber: &mut Fiber<'p>,
        stage: &'p Stage,
        args: Option<Vec<Value>>,
    ) -> Result<Mode> {
        let directory = self.directory_of_skill(&stage.work, args.as_deref())?;
        let subject = Subject::Stage(stage, args);
        self.push_sandbox(fiber, subject, directory, Access::All, SandboxEnd::Apply)
    }

    /// The directory in which a skill says that it works.
    fn directory_of_skill(&mut self, work: &Work, args: Option<&[Value]>) -> Result<Option<String>> {
        let Work::Skill(id, _) = work else { return Ok(None) };
        let Some(skill) = self.program.skills.get(id.index()) else { return Ok(None) };
        let directory = match &skill.effect {
            Effect::Run(run) => run.cwd.as_ref(),
            Effect::Agent(agent) => agent.directory.as_ref(),
            _ => None,
        };
        let Some(directory) = directory else { return Ok(None) };
        let mut slots = args.unwrap_or_default().to_vec();
        slots.resize((skill.slots as usize).max(slots.len()), Value::Null);
        Ok(self.eval.eval(directory, &mut slots)?.as_text().map(str::to_owned))
    }

    fn push_sandbox(
        &mut self,
        fiber: &mut Fiber<'p>,
        subject: Subject<'p>,
        directory: Option<String>,
        network: Access,
        end: SandboxEnd,
    ) -> Result<Mode> {
        let policy = Policy { read: Access::Only(Vec::new()), write: Access::Only(vec![".".to_owned()]), network };
        let inside = self.sandbox_around(fiber).map(|around| around.open.name.clone());
        let whole_repository = matches!(subject, Subject::Stage(..));
        let open = OpenSandbox { name: String::new(), directory, whole_repository, inside, policy };
        let (request, opened, answer) = (None, None, None);
        let state = State::Opening;
        let effects = BTreeSet::new();
        let frame = Sandboxed { subject, open, end, state, request, opened, answer, effects };
        fiber.frames.push(Frame::Sandbox(Box::new(frame)));
        let (path, attempt) = (fiber.path(), attempt_of(fiber));
        if let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() {
            sandbox.open.name = if attempt > 1 { format!("{path}~{attempt}") } else { path };
        }
        Ok(Mode::Run)
    }

    /// The innermost sandbox around what a fiber does.
    fn sandbox_around<'a>(&'a self, fiber: &'a Fiber<'p>) -> Option<&'a Sandboxed<'p>> {
        let of_fiber = |fiber: &'a Fiber<'p>| {
            fiber.frames.iter().rev().find_map(|frame| match frame {
                Frame::Sandbox(sandbox) => Some(&**sandbox),
                _ => None,
            })
        };
        let mut fiber = fiber;
        loop {
            if let Some(found) = of_fiber(fiber) {
                return Some(found);
            }
            fiber = self.fibers.get(fiber.parent?.fiber)?.as_ref()?;
        }
    }

    /// Whether a fiber is in a sandbox.
    pub(super) fn is_in_sandbox(&self, fiber: &Fiber<'p>) -> bool {
        self.sandbox_around(fiber).is_some()
    }

    /// The name of the sandbox that a fiber is in.
    pub(super) fn sandbox_name(&self, fiber: &Fiber<'p>) -> Option<String> {
        self.sandbox_around(fiber).map(|sandbox| sandbox.open.name.clone())
    }

    /// Puts an effect into the sandbox around it, if there is one.
    pub(super) fn place_in_sandbox(&self, fiber: &Fiber<'p>, workspace: &mut Workspace) {
        if let Some(around) = self.sandbox_around(fiber) {
            workspace.sandbox = Some(around.open.name.clone());
            workspace.policy = around.open.policy.clone();
        }
    }

    /// Notes that an effect is in the sandboxes around it: what they apply depends on it.
    pub(super) fn note_effect_in_sandbox(&mut self, fiber: &mut Fiber<'p>, key: &str) {
        let note = |fiber: &mut Fiber<'p>| {
            for frame in &mut fiber.frames {
                if let Frame::Sandbox(sandbox) = frame {
                    sandbox.effects.insert(key.to_owned());
                }
            }
        };
        note(fiber);
        let mut next = fiber.parent;
        while let Some(fiber) = next.and_then(|parent| self.fiber(parent.fiber)) {
            note(fiber);
            next = fiber.parent;
        }
    }

    /// The sandbox on top goes on.
    pub(super) fn continue_sandbox(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        if self.is_rehearsal() {
            return self.rehearse_sandbox(fiber);
        }
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() else {
            return Err(defect!("a sandbox without its frame"));
        };
        let Some(answer) = sandbox.answer.take() else {
            if sandbox.request.is_none() {
                return self.ask_for_sandbox(id, fiber);
            }
            return Ok(Mode::Wait);
        };
        sandbox.request = None;
        let place = match &sandbox.subject {
            Subject::Block(node) => node.place,
            Subject::Stage(stage, _) => stage.place,
        };
        let output = with_place(answer.result, place)?.split_patch().0;
        let path = fiber.path();
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() else {
            return Err(defect!("a sandbox without its frame"));
        };
        match output {
            Output::Opened(directory) => {
                sandbox.state = State::Inside;
                let subject = sandbox.subject.clone();
                self.begin_inside(fiber, subject, &directory)
            }
            Output::Closed(closed) => {
                let State::Closing(next) = std::mem::replace(&mut sandbox.state, State::Inside) else {
                    return Err(defect!("a sandbox was closed that was not being closed"));
                };
                let subject = sandbox.subject.clone();
                self.leave_sandbox(fiber);
                fiber.frames.pop();
                for note in closed.notes {
                    self.emit_warning(&path, note, Some(place));
                }
                Ok(with_changes(next, &subject, closed.patch, closed.branch))
            }
            other => Err(defect!("a sandbox was answered with {other:?}")),
        }
    }

    /// In a test nothing acts, so that nothing is opened and nothing has changed.
    fn rehearse_sandbox(&mut self, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() else {
            return Err(defect!("a sandbox without its frame"));
        };
        let subject = sandbox.subject.clone();
        match std::mem::replace(&mut sandbox.state, State::Inside) {
            State::Opening => {
                let directory = sandbox.open.directory.clone().unwrap_or_default();
                self.begin_inside(fiber, subject, &directory)
            }
            State::Inside => Err(defect!("a sandbox goes on without a reason")),
            State::Closing(next) => {
                let branch = match &sandbox.end {
                    SandboxEnd::Branch(name) => Some(name.clone()),
                    SandboxEnd::Apply | SandboxEnd::Discard => None,
                };
                fiber.frames.pop();
                Ok(with_changes(next, &subject, String::new(), branch))
            }
        }
    }

    fn begin_inside(&mut self, fiber: &mut Fiber<'p>, subject: Subject<'p>, directory: &str) -> Result<Mode> {
        match subject {
            Subject::Block(node) => {
                if let Some(slot) = node.name {
                    write_slot(fiber.slots(), slot, Value::Path(directory.into()))?;
                }
                Ok(self.enter_block(fiber, &node.body))
            }
            Subject::Stage(stage, args) => self.begin_work(fiber, &stage.work, args),
        }
    }

    /// The work in the sandbox on top has ended well: its changes are applied, and then the fiber goes on so.
    pub(super) fn close_sandbox(&mut self, fiber: &mut Fiber<'p>, next: Mode) -> Result<Mode> {
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() else {
            return Err(defect!("a sandbox without its frame"));
        };
        sandbox.state = State::Closing(next);
        Ok(Mode::Run)
    }

    /// Asks the host to open or to close the sandbox on top.
    fn ask_for_sandbox(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last() else {
            return Err(defect!("a sandbox without its frame"));
        };
        let is_isolated = matches!(sandbox.subject, Subject::Stage(..));
        let (kind, word) = match sandbox.state {
            State::Opening => (RequestKind::OpenSandbox(sandbox.open.clone()), "open"),
            State::Closing(_) => {
                let close = CloseSandbox { name: sandbox.open.name.clone(), end: sandbox.end.clone() };
                (RequestKind::CloseSandbox(close), "close")
            }
            State::Inside => return Ok(Mode::Wait),
        };
        // The changes of isolated branches are merged in the order of the text.
        if word == "close" && is_isolated && self.waits_for_earlier_branches(fiber) {
            self.merging_later.push(id);
            return Ok(Mode::Wait);
        }
        let info = self.sandbox_effect(fiber, &kind, word)?;
        let request = self.send_request(kind, Some(Arc::new(info)), Waiter::Sandbox(id));
        if let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() {
            sandbox.request = Some(request);
            if word == "open" {
                sandbox.opened = Some(request);
            }
        }
        Ok(Mode::Wait)
    }

    /// How the opening or closing of the sandbox on top is recorded.
    fn sandbox_effect(&mut self, fiber: &Fiber<'p>, kind: &RequestKind, word: &str) -> Result<EffectInfo> {
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last() else {
            return Err(defect!("a sandbox without its frame"));
        };
        let mut text = vec![word.to_owned()];
        match kind {
            RequestKind::OpenSandbox(open) => {
                text.push(open.directory.clone().unwrap_or_default());
                text.push(format!("{:?}", open.policy.network));
            }
            RequestKind::CloseSandbox(close) => {
                text.push(format!("{:?}", close.end));
                text.extend(sandbox.effects.iter().cloned());
            }
            _ => return Err(defect!("a sandbox asks for something else")),
        }
        let path = format!("{}#{word}", fiber.path());
        Ok(self.own_effect_info(OwnEffect { name: "sandbox", path, attempt: attempt_of(fiber), content: &text }))
    }

    /// The host has opened or closed a sandbox, or could not.
    pub(super) fn sandbox_answered(&mut self, id: usize, answer: Answer) {
        if let Some(fiber) = self.fiber(id)
            && let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut()
        {
            sandbox.answer = Some(Box::new(answer));
        }
        self.queue_fiber(id);
    }

    /// The sandbox on top is left: what is in it is of no use any more.
    pub(super) fn leave_sandbox(&mut self, fiber: &mut Fiber<'p>) {
        let Some(Frame::Sandbox(sandbox)) = fiber.frames.last_mut() else { return };
        let (request, opened) = (sandbox.request.take(), sandbox.opened.take());
        self.withdraw_request(request);
        if let Some(opened) = opened.filter(|opened| Some(*opened) != request) {
            self.withdrawn.push(opened);
        }
    }
}

/// The number of the attempt that effects of the stage around the top have; that of other work is in its path.
fn attempt_of(fiber: &Fiber<'_>) -> u32 {
    guard_below(fiber).filter(|guard| guard.is_skill()).map_or(1, |guard| guard.attempts)
}

/// How a fiber goes on: the value of a block with what has changed, that of a stage as it is.
fn with_changes(next: Mode, subject: &Subject<'_>, patch: String, branch: Option<String>) -> Mode {
    match (next, subject) {
        (Mode::Give(value), Subject::Block(_)) => Mode::Give(Value::record(vec![
            ("value".into(), value),
            ("patch".into(), Value::str(patch)),
            ("branch".into(), branch.map_or(Value::Null, Value::str)),
        ])),
        (next, _) => next,
    }
}
