//! Swarms: a pool of agents that share the tasks of some stages.
//!
//! A task is a stage that asks a model or an agent, however deep it is in the swarm. It waits until an agent of the pool
//! is free. `strategy` orders the models that it names, `topology` decides what it is told of the others, and
//! `on error redistribute` gives it to another agent.

use std::{collections::VecDeque, iter};

use cascade_ir::{Effect, Model, ModelId, Parallel, Rendering, Stage, Stmt, Strategy, Topology, Work};
use smol_str::SmolStr;

use super::{
    Machine,
    best_of::{ModelOutcomes, rank_models},
    fiber::Fiber,
    frame::{Frame, Mode},
    guard::Subject,
    locks::Turn,
    mirror::Mirror,
};
use crate::{
    eval::{Result, escape_in_tag},
    events::Event,
    failure::{defect, fail},
    render::render_value,
    value::Value,
};

/// How much of one result another agent is shown, and of all of them together, in bytes.
const LONGEST_RESULT: usize = 2_000;
const LONGEST_BRIEF: usize = 16_000;
/// How much of a result is told outside of its group, in bytes.
const LONGEST_SUMMARY: usize = 200;
/// Agents of a swarm without `max`.
const USUAL_AGENTS: usize = 8;

/// A swarm that runs.
pub(super) struct Swarm<'p> {
    node: &'p Parallel,
    topology: Topology,
    strategy: Strategy,
    /// By agent: the stage whose task it has.
    agents: Vec<Option<Turn>>,
    /// The stages whose tasks wait for an agent, in the order in which they asked.
    waiting: VecDeque<Turn>,
    /// The tasks that are done, in the order in which they ended.
    finished: Vec<Finished>,
    /// Of a swarm that is shown on a server.
    pub(super) mirror: Option<Mirror>,
}

/// A task that is done.
struct Finished {
    /// The branch of the swarm.
    group: usize,
    name: String,
    result: String,
}

/// A swarm around a fiber, and the branch of it that the fiber is in.
#[derive(Clone, Copy)]
pub(super) struct Membership {
    /// The position of the swarm in [`Machine::swarms`].
    pub(super) swarm: usize,
    group: usize,
}

/// What the agent of a task is told of the others.
#[derive(Debug, Clone)]
pub(super) struct Brief {
    pub(super) topology: Topology,
    pub(super) text: String,
}

/// Where a task stands in the pool of its swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    None,
    Waits {
        swarm: usize,
    },
    Has {
        swarm: usize,
        agent: usize,
    },
}

/// What a task of a swarm may take from it when its models are ordered.
#[derive(Clone, Copy)]
pub(super) struct SwarmOrder<'a> {
    pub(super) member: Membership,
    /// Models that have failed at the task.
    pub(super) tried: &'a [ModelId],
}

/// The agent that works for a guard.
#[derive(Debug, Default)]
pub(super) struct GuardAgent {
    /// Whether it has an agent.
    place: Place,
    /// The agent that had the task before.
    previous: Option<usize>,
    /// Models that have failed at the task.
    pub(super) tried: Vec<ModelId>,
    /// How often the task was given to another agent.
    pub(super) moves: usize,
}

impl<'p> Machine<'p> {
    /// Opens the pool of a swarm; gives its position.
    pub(super) fn open_swarm(&mut self, fiber: &mut Fiber<'p>, node: &'p Parallel) -> Result<Option<usize>> {
        let Some(swarm) = &node.swarm else { return Ok(None) };
        let agents = match &swarm.max {
            None => USUAL_AGENTS,
            Some(max) => match self.eval.eval(max, fiber.slots())? {
                Value::Int(max) if max >= 1 => usize::try_from(max).unwrap_or(usize::MAX).min(1_000),
                Value::Int(max) => fail!("`swarm max {max}`: at least one agent is needed"),
                other => return Err(defect!("`max` of {}", other.kind())),
            },
        };
        let mirror = self.open_mirror(fiber, node, agents);
        self.swarms.push(Swarm {
            node,
            topology: swarm.topology,
            strategy: swarm.strategy,
            agents: vec![None; agents],
            waiting: VecDeque::new(),
            finished: Vec::new(),
            mirror,
        });
        let position = self.swarms.len() - 1;
        self.tell_mirror(position);
        Ok(Some(position))
    }

    /// The nearest swarm around a fiber that runs now.
    pub(super) fn membership(&self, fiber: &Fiber<'p>) -> Option<Membership> {
        let mut next = fiber.parent;
        while let Some(parent) = next {
            let above = self.fibers.get(parent.fiber).and_then(Option::as_ref)?;
            if let Some(Frame::Fork(fork)) = above.frames.last()
                && let Some(swarm) = fork.swarm
            {
                return Some(Membership { swarm, group: parent.branch });
            }
            next = above.parent;
        }
        None
    }

    /// Takes an agent of the swarm for the task of the guard on top, or waits for one. `None`: it has one, or needs none.
    pub(super) fn acquire_agent(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Option<Mode>> {
        if self.swarms.is_empty() {
            return Ok(None);
        }
        let Some(Frame::Guard(guard)) = fiber.frames.last() else {
            return Err(defect!("a task without its guard"));
        };
        if matches!(guard.agent.place, Place::Has { .. }) || !self.is_task(guard.subject) {
            return Ok(None);
        }
        let turn = Turn { fiber: id, serial: guard.serial };
        let (previous, place) = (guard.agent.previous, guard.agent.place);
        let position = match place {
            Place::Waits { swarm } => Some(swarm),
            _ => self.membership(fiber).map(|member| member.swarm),
        };
        let Some(position) = position else { return Ok(None) };
        let Some(swarm) = self.swarms.get_mut(position) else {
            return Err(defect!("a swarm that is not there"));
        };
        let free = || swarm.agents.iter().enumerate().filter(|(_, holder)| holder.is_none()).map(|(agent, _)| agent);
        let agent = match place {
            Place::Waits { .. } => swarm.agents.iter().position(|holder| *holder == Some(turn)),
            // An agent is free only while nobody waits.
            _ => free().find(|agent| Some(*agent) != previous).or_else(|| free().next()),
        };
        if let (None, Place::None) = (agent, place) {
            swarm.waiting.push_back(turn);
        }
        if let Some(holder) = agent.and_then(|agent| swarm.agents.get_mut(agent)) {
            *holder = Some(turn);
        }
        let place = match agent {
            Some(agent) => Place::Has { swarm: position, agent },
            None => Place::Waits { swarm: position },
        };
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            guard.agent.place = place;
        }
        let Some(agent) = agent else { return Ok(Some(Mode::Wait)) };
        let path = fiber.path_of_guard(fiber.frames.len().saturating_sub(1));
        self.mirror_task(position, agent, fiber, &path);
        self.emit_event(|| Event::TaskAssigned { path, agent: agent + 1 });
        Ok(None)
    }

    /// Gives the agent of the guard on top to the task that has waited longest. `value`: the result of the task.
    pub(super) fn release_agent(&mut self, fiber: &mut Fiber<'p>, value: Option<&Value>) {
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else { return };
        let serial = guard.serial;
        let (position, agent) = match std::mem::take(&mut guard.agent.place) {
            Place::None => return,
            Place::Waits { swarm: position } => {
                let Some(swarm) = self.swarms.get_mut(position) else { return };
                swarm.waiting.retain(|waiting| waiting.serial != serial);
                // It may have been given one already.
                match swarm.agents.iter().position(|holder| holder.is_some_and(|turn| turn.serial == serial)) {
                    Some(agent) => (position, agent),
                    None => return,
                }
            }
            Place::Has { swarm, agent } => {
                guard.agent.previous = Some(agent);
                (swarm, agent)
            }
        };
        let name = match guard.subject {
            Subject::Stage(stage) => stage.name.to_string(),
            Subject::Cascade(cascade) => cascade.name.to_string(),
        };
        let group = self.membership(fiber).map_or(0, |member| member.group);
        if value.is_some() {
            let path = fiber.path_of_guard(fiber.frames.len().saturating_sub(1));
            self.mirror_end_of_task(position, &path);
        }
        let hides = !self.env.redactor.is_empty();
        let Some(swarm) = self.swarms.get_mut(position) else { return };
        if let Some(value) = value {
            let form = if matches!(value, Value::Str(_)) { Rendering::Text } else { Rendering::Json };
            let text = render_value(value, form);
            let text = if hides { self.env.redactor.mask_stored(&text).0.into_owned() } else { text };
            let result = text.get(..text.floor_char_boundary(LONGEST_RESULT)).unwrap_or_default().to_owned();
            swarm.finished.push(Finished { group, name, result });
        }
        let next = swarm.waiting.pop_front();
        if let Some(holder) = swarm.agents.get_mut(agent) {
            *holder = next;
        }
        if let Some(next) = next {
            self.queue_fiber(next.fiber);
        }
    }

    /// Gives the task of the guard on top to another agent, and to a model that has not failed at it where there is one.
    /// `false`: all have had it, or it was not a model or an agent that failed.
    pub(super) fn redistribute(&mut self, fiber: &mut Fiber<'p>) -> bool {
        self.release_agent(fiber, None);
        let Some(Frame::Guard(guard)) = fiber.frames.last_mut() else { return false };
        if !self.is_task(guard.subject) {
            return false;
        }
        let last = guard.asked.take();
        guard.agent.tried.extend(last);
        let untried = guard.models.iter().any(|model| !guard.agent.tried.contains(model));
        // Another agent of the only model may do better, once.
        if !untried && guard.agent.moves >= guard.models.len().max(1) {
            return false;
        }
        guard.agent.moves += 1;
        guard.next_handler = guard.next_handler.saturating_sub(1);
        // It begins anew.
        (guard.session, guard.complaint, guard.ranked) = (None, None, None);
        true
    }

    /// Whether what a guard is about is a task: a call of a skill that asks a model or an agent.
    fn is_task(&self, subject: Subject<'p>) -> bool {
        let Subject::Stage(Stage { work: Work::Skill(id, _), .. }) = subject else { return false };
        let effect = self.program.skills.get(id.index()).map(|skill| &skill.effect);
        matches!(effect, Some(Effect::Prompt(_) | Effect::Agent(_)))
    }

    /// The order in which the models of a task are asked.
    pub(super) fn order_for_swarm(
        &self,
        by: SwarmOrder<'_>,
        candidates: &[ModelId],
        needs: &[SmolStr],
        skill: &SmolStr,
        path: &str,
    ) -> Vec<ModelId> {
        let mut order = candidates.to_vec();
        let SwarmOrder { member, tried } = by;
        let Some(swarm) = self.swarms.get(member.swarm).filter(|_| order.len() > 1) else { return order };
        match swarm.strategy {
            Strategy::Balanced => order.sort_by_cached_key(|id| self.running_tasks(swarm, *id)),
            Strategy::Specialized => order.sort_by_key(|id| {
                let provides = self.program.models.get(id.index()).map_or(&[][..], |model| &model.provides);
                let lacks = needs.iter().filter(|need| !provides.contains(need)).count();
                (lacks, provides.iter().filter(|provided| !needs.contains(provided)).count())
            }),
            Strategy::Adaptive => {
                let known: Vec<(ModelId, &Model, ModelOutcomes)> = order
                    .iter()
                    .filter_map(|id| Some((*id, self.program.models.get(id.index())?, self.outcomes_of(skill, *id))))
                    .collect();
                let ranked = rank_models("success", &known, &self.env.run, path);
                if ranked.len() == order.len() {
                    order = ranked;
                }
            }
        }
        // Who has failed at the task is asked last.
        order.sort_by_key(|id| tried.contains(id));
        order
    }

    /// How many tasks of a swarm a model has at the moment.
    fn running_tasks(&self, swarm: &Swarm<'p>, model: ModelId) -> usize {
        let runs = |turn: &&Turn| match self.fibers.get(turn.fiber).and_then(Option::as_ref).map(|f| f.frames.last()) {
            Some(Some(Frame::Call(call))) => call.request.is_some() && call.model == Some(model),
            _ => false,
        };
        swarm.agents.iter().flatten().filter(runs).count()
    }

    /// What the agent of a task is told of the others; `None`: nothing.
    pub(super) fn swarm_brief(&self, member: Option<Membership>) -> Option<Brief> {
        let Membership { swarm, group } = member?;
        let swarm = self.swarms.get(swarm)?;
        let agents = swarm.agents.len();
        let result = |done: &Finished| format!("- {}: {}", done.name, done.result);
        let lines: Box<dyn Iterator<Item = String>> = match swarm.topology {
            Topology::Star => {
                let tasks = swarm.node.branches.iter().filter_map(|branch| match &branch.stmt {
                    Stmt::Stage(stage) if stage.doc.is_empty() => Some(format!("- {}", stage.name)),
                    Stmt::Stage(stage) => Some(format!("- {}: {}", stage.name, stage.doc)),
                    _ => None,
                });
                let title = "The parts of the job, which others do; only the coordinator sees all results:";
                Box::new(iter::once(title.to_owned()).chain(tasks))
            }
            Topology::Mesh => {
                let title = "What the others have finished so far:";
                Box::new(iter::once(title.to_owned()).chain(swarm.finished.iter().map(result)))
            }
            Topology::Hierarchical => {
                let own = swarm.finished.iter().filter(move |done| done.group == group).map(result);
                let others = swarm.finished.iter().filter(move |done| done.group != group);
                let others = others.map(|done| format!("- {}: {}", done.name, first_line(&done.result)));
                let titles = ["What your group has finished so far:", "What the leads of the other groups say:"];
                let [of_own, of_others] = titles.map(|title| iter::once(title.to_owned()));
                Box::new(of_own.chain(own).chain(of_others).chain(others))
            }
        };
        let text = join_up_to(lines, LONGEST_BRIEF);
        let text = escape_in_tag(&text, "swarm");
        let text = format!("<swarm>\nYou are one of {agents} agents that share a job.\n{text}\n</swarm>");
        Some(Brief { topology: swarm.topology, text })
    }
}

/// Lines as one text of at most so many bytes. What does not fit is not written, however many tasks have finished.
fn join_up_to(lines: impl Iterator<Item = String>, most: usize) -> String {
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
        if text.len() > most {
            text.truncate(text.floor_char_boundary(most));
            text.push_str("\n(the rest is left out)");
            break;
        }
    }
    text
}

fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.get(..line.floor_char_boundary(LONGEST_SUMMARY)).unwrap_or(line)
}
