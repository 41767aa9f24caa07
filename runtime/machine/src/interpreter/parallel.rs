//! Concurrent branches: `parallel`, and `for … parallel`.
//!
//! A branch is a fiber with a copy of the variables. Branches are started one at a time, each
//! runs until it waits or ends before the next is started, and at most `max` exist at a time: ten
//! thousand short branches need the memory of one.

use std::{collections::BTreeMap, sync::Arc};

use cascade_ir::{For, Parallel, Program, Stage, Stmt, Visitor, Work, limits::MAX_BRANCHES};

use super::{
    Machine,
    fiber::{Fiber, Label, Parent},
    frame::{Cut, Frame, Mode},
    memory::Change,
};
use crate::{
    eval::{Result, check_limits, with_place, write_slot},
    failure::{Raise, defect, fail},
    value::Value,
};

pub(super) struct Fork<'p> {
    node: Node<'p>,
    max: usize,
    /// The next branch to start, for loops.
    next: usize,
    state: Vec<State>,
    done: usize,
    results: Vec<Value>,
    /// Fibers of the branches that have begun and not ended.
    pub(super) children: Vec<usize>,
    /// The first failure; its siblings are being cancelled, unless the first success is wanted: then it is
    /// kept until all have failed.
    pub(super) failure: Option<Raise>,
    /// Of a `parallel first`: the value of the branch that succeeded first; the others are being cancelled.
    winner: Option<Value>,
    path: Arc<str>,
    label: Option<smol_str::SmolStr>,
    /// Changes of memory by branches that have ended, in the order of the text.
    pub(super) changes: BTreeMap<usize, Vec<Change>>,
    /// Of a swarm: its position among those of the run.
    pub(super) swarm: Option<usize>,
}

impl Fork<'_> {
    /// Whether it is a `parallel first`.
    fn wants_first(&self) -> bool {
        matches!(self.node, Node::Graph(node) if node.first)
    }

    /// Whether a failure must wait: of a `parallel first`, until no branch is left that could succeed.
    fn waits_for_all(&self) -> bool {
        matches!(self.node, Node::Graph(node) if node.first && self.done < node.branches.len())
    }
}

enum Node<'p> {
    For(&'p For, Value),
    Graph(&'p Parallel),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

impl<'p> Machine<'p> {
    fn fork_max(&mut self, fiber: &mut Fiber<'p>, max: Option<&'p cascade_ir::Expr>) -> Result<usize> {
        let Some(expr) = max else {
            return Ok(MAX_BRANCHES);
        };
        match self.eval.eval(expr, fiber.slots())? {
            Value::Int(max) if max >= 1 => Ok(usize::try_from(max).unwrap_or(usize::MAX)),
            Value::Int(max) => fail!("`max {max}`: at least one branch must be able to run"),
            other => Err(defect!("`max` of {}", other.kind())),
        }
    }

    pub(super) fn fork_for(&mut self, fiber: &mut Fiber<'p>, node: &'p For) -> Result<Mode> {
        let max = with_place(self.fork_max(fiber, node.max.as_ref()), node.place)?;
        let list = self.eval.eval(&node.list, fiber.slots())?;
        let Some(length) = list.as_list().map(<[Value]>::len) else {
            return Err(defect!("`for` over {}", list.kind()));
        };
        self.report_loop(fiber, &node.name, list.as_list().unwrap_or_default());
        let label = (!fiber.is_named()).then(|| node.name.clone());
        let results = vec![Value::Null; length];
        self.push_fork(fiber, Node::For(node, list), max, Vec::new(), results, label);
        Ok(Mode::Run)
    }

    pub(super) fn fork_graph(&mut self, fiber: &mut Fiber<'p>, node: &'p Parallel) -> Result<Mode> {
        let max = with_place(self.fork_max(fiber, node.max.as_ref()), node.place)?;
        let state = vec![State::Waiting; node.branches.len()];
        let swarm = with_place(self.open_swarm(fiber, node), node.place)?;
        self.push_fork(fiber, Node::Graph(node), max, state, Vec::new(), None);
        if let Some(Frame::Fork(fork)) = fiber.frames.last_mut() {
            fork.swarm = swarm;
        }
        Ok(Mode::Run)
    }

    fn push_fork(
        &mut self,
        fiber: &mut Fiber<'p>,
        node: Node<'p>,
        max: usize,
        state: Vec<State>,
        results: Vec<Value>,
        label: Option<smol_str::SmolStr>,
    ) {
        let path = Arc::from(fiber.path());
        fiber.frames.push(Frame::Fork(Box::new(Fork {
            node,
            max,
            next: 0,
            state,
            done: 0,
            results,
            children: Vec::new(),
            failure: None,
            winner: None,
            path,
            label,
            changes: BTreeMap::new(),
            swarm: None,
        })));
    }

    /// Starts the next branch that may run; waits while none may; ends the fork after the last.
    pub(super) fn start_ready_branches(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        loop {
            let Some(Frame::Fork(fork)) = fiber.frames.last_mut() else {
                return Err(defect!("branches without their fork"));
            };
            if fork.winner.is_some() {
                if !fork.children.is_empty() {
                    return Ok(Mode::Wait);
                }
                let value = fork.winner.take().unwrap_or(Value::Null);
                self.close_fork(fiber)?;
                return Ok(Mode::Give(value));
            }
            if fork.failure.is_some() && !fork.waits_for_all() {
                if !fork.children.is_empty() {
                    return Ok(Mode::Wait);
                }
                let failure = fork.failure.take();
                self.close_fork(fiber)?;
                return Ok(failure.map_or(Mode::Give(Value::Null), Mode::Raise));
            }
            match fork.node {
                Node::For(node, ref list) => {
                    if fork.done == fork.results.len() {
                        let results = std::mem::take(&mut fork.results);
                        self.close_fork(fiber)?;
                        return Ok(Mode::Give(check_limits(Value::list(results))?));
                    }
                    let item = list.as_list().and_then(|l| l.get(fork.next)).cloned();
                    let Some(item) = item.filter(|_| fork.children.len() < fork.max) else {
                        return Ok(Mode::Wait);
                    };
                    let index = fork.next;
                    fork.next += 1;
                    let label = Label { name: fork.label.clone(), index };
                    let mut child = branch_fiber(fiber, id, index)?;
                    child.label = Some(label);
                    child.memory.clone_from(&self.eval.memory);
                    write_slot(child.slots(), node.item, item)?;
                    self.mark_reached(node.body.id);
                    child.frames.push(Frame::Block(&node.body, 0));
                    return Ok(self.start_branch(id, fiber, child));
                }
                Node::Graph(node) => {
                    if fork.done == node.branches.len() {
                        self.close_fork(fiber)?;
                        return Ok(Mode::Give(self.eval.eval(&node.value, fiber.slots())?));
                    }
                    if fork.children.len() >= fork.max {
                        return Ok(Mode::Wait);
                    }
                    let is_ready = |(i, b): (usize, &cascade_ir::Branch)| {
                        fork.state[i] == State::Waiting
                            && b.after.iter().all(|a| fork.state.get(*a as usize).is_none_or(|s| *s == State::Done))
                    };
                    let found = node.branches.iter().enumerate().position(is_ready);
                    let Some(index) = found else {
                        if fork.children.is_empty() {
                            return Err(defect!("branches wait for each other"));
                        }
                        return Ok(Mode::Wait);
                    };
                    match &node.branches[index].stmt {
                        Stmt::Set(slot, expr) => {
                            fork.state[index] = State::Done;
                            fork.done += 1;
                            let value = self.eval.eval(expr, fiber.slots())?;
                            write_slot(fiber.slots(), *slot, value)?;
                        }
                        Stmt::Stage(stage) => {
                            fork.state[index] = State::Running;
                            let mut child = branch_fiber(fiber, id, index)?;
                            child.memory.clone_from(&self.eval.memory);
                            // A branch that ended without waiting has left its mode behind.
                            child.mode = self.begin_stage(&mut child, stage, false)?;
                            return Ok(self.start_branch(id, fiber, child));
                        }
                        _ => return Err(defect!("a branch is neither a stage nor a value")),
                    }
                }
            }
        }
    }

    /// Whether a branch in the text before what a fiber is in has isolated stages that are not merged yet. Only the
    /// branches of the sandbox around it matter: what others change is somewhere else.
    pub(super) fn waits_for_earlier_branches(&self, fiber: &Fiber<'p>) -> bool {
        let mut next = fiber.parent;
        while let Some(parent) = next {
            let Some(above) = self.fibers.get(parent.fiber).and_then(Option::as_ref) else { return false };
            if let Some(Frame::Fork(fork)) = above.frames.last()
                && self.has_earlier_isolated_branch(fork, parent.branch)
            {
                return true;
            }
            if above.frames.iter().any(|frame| matches!(frame, Frame::Sandbox(_))) {
                return false;
            }
            next = above.parent;
        }
        false
    }

    fn has_earlier_isolated_branch(&self, fork: &Fork<'p>, branch: usize) -> bool {
        match fork.node {
            Node::For(..) => fork.children.iter().any(|child| {
                let parent = self.fibers.get(*child).and_then(Option::as_ref).and_then(|child| child.parent);
                parent.is_some_and(|parent| parent.branch < branch)
            }),
            // Only one of them is wanted.
            Node::Graph(node) if node.first => false,
            Node::Graph(node) => node.branches.iter().enumerate().take(branch).any(|(index, earlier)| {
                fork.state.get(index) != Some(&State::Done)
                    && has_isolated_stage(self.program, &earlier.stmt)
                    && !comes_after(node, index, branch)
            }),
        }
    }

    /// Lets those go on that waited for earlier branches to be merged.
    pub(super) fn wake_merging(&mut self) {
        for id in std::mem::take(&mut self.merging_later) {
            let waits = |fiber: &mut Fiber<'p>| matches!(fiber.frames.last(), Some(Frame::Sandbox(sandbox)) if sandbox.waits_to_merge());
            if self.fiber(id).is_some_and(waits) {
                self.queue_fiber(id);
            }
        }
    }

    /// Runs a new branch first, then the fork again.
    fn start_branch(&mut self, id: usize, fiber: &mut Fiber<'p>, mut child: Fiber<'p>) -> Mode {
        if let (Some(Frame::Fork(fork)), Some(parent)) = (fiber.frames.last(), &mut child.parent) {
            parent.position = fork.children.len();
        }
        // The fork is queued before its branch is put in front of it.
        fiber.queued = true;
        self.ready.push_front(id);
        let child = self.add_fiber(child, true);
        if let Some(Frame::Fork(fork)) = fiber.frames.last_mut() {
            fork.children.push(child);
        }
        Mode::Wait
    }

    /// A branch has ended.
    pub(super) fn branch_ended(&mut self, parent: Parent, child: usize, changes: Vec<Change>, result: Result) {
        let Some(fiber) = self.fiber(parent.fiber) else {
            return;
        };
        let cut = matches!(fiber.mode, Mode::Cut(_));
        let Some(Frame::Fork(fork)) = fiber.frames.last_mut() else {
            return;
        };
        debug_assert_eq!(fork.children.get(parent.position), Some(&child));
        let mut moved = None;
        if parent.position < fork.children.len() {
            fork.children.swap_remove(parent.position);
            moved = fork.children.get(parent.position).copied();
        }
        if !changes.is_empty() {
            fork.changes.insert(parent.branch, changes);
        }
        let mut siblings = Vec::new();
        match result {
            Ok(value) if fork.wants_first() => {
                if fork.winner.is_none() && !cut {
                    fork.winner = Some(value);
                    siblings.clone_from(&fork.children);
                }
            }
            Ok(value) => {
                fork.done += 1;
                match fork.node {
                    Node::For(..) => {
                        if let Some(place) = fork.results.get_mut(parent.branch) {
                            *place = value;
                        }
                    }
                    Node::Graph(node) => {
                        // The values of the others are seen only through this slot.
                        if let Some(state) = fork.state.get_mut(parent.branch) {
                            *state = State::Done;
                        }
                        if let Some(branch) = node.branches.get(parent.branch) {
                            let slot = branch.slot.0 as usize;
                            if let Some(place) = fiber.slots().get_mut(slot) {
                                *place = value;
                            }
                        }
                    }
                }
            }
            Err(failure) if fork.wants_first() => {
                fork.done += 1;
                if let Some(state) = fork.state.get_mut(parent.branch) {
                    *state = State::Done;
                }
                match &mut fork.failure {
                    Some(first) => first.causes.push(failure.to_string()),
                    None => fork.failure = Some(failure),
                }
            }
            Err(failure) => {
                if fork.failure.is_none() && !cut {
                    fork.failure = Some(failure);
                    siblings.clone_from(&fork.children);
                }
            }
        }
        // No search among ten thousand branches: the last one takes the position of this one.
        if let Some(moved) = moved.and_then(|id| self.fiber(id))
            && let Some(above) = &mut moved.parent
        {
            above.position = parent.position;
        }
        for sibling in siblings {
            self.cut_fiber(sibling, Cut::end());
        }
        self.queue_fiber(parent.fiber);
    }
}

/// Whether a branch begins only after another one has ended.
fn comes_after(node: &Parallel, branch: usize, other: usize) -> bool {
    let Some(branch) = node.branches.get(branch) else { return false };
    branch.after.iter().map(|before| *before as usize).any(|before| before == other || comes_after(node, before, other))
}

/// Whether a stage in a statement, or in a cascade that it calls, is isolated.
fn has_isolated_stage(program: &Program, stmt: &Stmt) -> bool {
    struct Search<'p> {
        program: &'p Program,
        found: bool,
    }
    impl<'p> Visitor<'p> for Search<'p> {
        fn visit_stage(&mut self, stage: &'p Stage) {
            self.found |= stage.clauses.isolate;
            cascade_ir::walk_stage(self, stage);
        }

        fn visit_work(&mut self, work: &'p Work) {
            if let Work::Cascade(id, _) = work
                && let Some(cascade) = self.program.cascades.get(id.index())
                && !self.found
            {
                self.visit_cascade(cascade);
            }
            cascade_ir::walk_work(self, work);
        }
    }
    let mut search = Search { program, found: false };
    search.visit_stmt(stmt);
    search.found
}

/// A fiber for a branch, on a copy of the variables.
fn branch_fiber<'p>(fiber: &Fiber<'p>, id: usize, index: usize) -> Result<Fiber<'p>> {
    let Some(Frame::Fork(fork)) = fiber.frames.last() else {
        return Err(defect!("a branch without its fork"));
    };
    let mut child = Fiber::new(Some(Parent { fiber: id, branch: index, position: 0 }), Arc::clone(&fork.path));
    child.activations.push(fiber.activations.last().cloned().unwrap_or_default());
    Ok(child)
}
