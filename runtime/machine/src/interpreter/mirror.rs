//! Mirrors of swarms: a swarm `via mcp` is shown on another server, to those who watch it there.
//!
//! The server is told of the swarm, of each agent when it gets its first task, of each task that is assigned, and of its
//! end where the server has a tool for that. Nothing that it answers decides anything, no stage waits for it, and what it
//! does not take is a warning. Each call is an effect on the record, so that a resumed run does not tell it again.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use cascade_ir::{Effect, ErrorKind, Parallel, Place, ServerId, Strategy, Topology, Work};
use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

use super::{
    LIST_TOOLS, Machine, Waiter, fiber::Fiber, frame::Frame, guard::Subject, memory::refusal_in, own_effect::OwnEffect,
};
use crate::{
    failure::{Failure, Raise},
    request::{Answer, McpRequest, Output, RequestId, RequestKind},
};

/// How long the server may take to be ready, and for each call, in milliseconds. The run waits for it at its end.
const LONGEST_START: u64 = 60_000;
const LONGEST_CALL: u64 = 10_000;
/// Names of the kinds of agents that are told, the best first: those of agents that edit files, and of models.
const EDITORS: &[&str] = &["coder", "worker", "specialist"];
const WRITERS: &[&str] = &["analyst", "researcher", "worker", "specialist"];

/// What a server is told of a swarm.
pub(super) struct Mirror {
    server: ServerId,
    /// The path of the swarm.
    path: String,
    place: Place,
    /// The tools of the server, once they are known.
    tools: Option<Json>,
    /// What is still to be told.
    queue: VecDeque<News>,
    /// What is being told.
    telling: Option<(RequestId, News)>,
    agents: HashSet<usize>,
    /// The server's names of the tasks, by path.
    tasks: HashMap<String, String>,
    /// How often the same was told, by what it was.
    told: HashMap<String, u32>,
    /// The tools whose failure was warned of.
    warned: HashSet<&'static str>,
    /// Whether nothing is told any more.
    is_off: bool,
}

/// Something that the server is told.
#[derive(Debug, Clone)]
enum News {
    Tools,
    Swarm { topology: Topology, strategy: Strategy, agents: usize },
    Agent { number: usize, edits: bool, needs: Vec<SmolStr> },
    Task { path: String, skill: SmolStr },
    Done { path: String },
}

impl News {
    fn tool(&self) -> &'static str {
        match self {
            Self::Tools => LIST_TOOLS,
            Self::Swarm { .. } => "swarm_init",
            Self::Agent { .. } => "agent_spawn",
            Self::Task { .. } => "task_orchestrate",
            Self::Done { .. } => "task_complete",
        }
    }

    /// What it is, in the path of its effect: one segment.
    fn label(&self, swarm: &str) -> String {
        match self {
            Self::Tools => "tools".to_owned(),
            Self::Swarm { .. } => self.tool().to_owned(),
            Self::Agent { number, .. } => format!("{} {number}", self.tool()),
            Self::Task { path, .. } | Self::Done { path } => {
                let inside = path.strip_prefix(swarm).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
                format!("{} {}", self.tool(), inside.replace('/', "."))
            }
        }
    }
}

impl Mirror {
    fn is_busy(&self) -> bool {
        self.telling.is_some()
    }

    fn described_tool(&self, name: &str) -> Option<&Json> {
        self.tools.as_ref()?.as_array()?.iter().find(|tool| tool.get("name").is_some_and(|known| known == name))
    }

    /// The arguments for the server; `None`: it is not told of this.
    fn arguments(&self, news: &News) -> Option<Map<String, Json>> {
        let tool = self.described_tool(news.tool());
        let schema = |name: &str| tool?.get("inputSchema")?.get("properties")?.get(name);
        let most = |name: &str| schema(name)?.get("maximum")?.as_u64();
        let args = match news {
            News::Tools => json!({}),
            News::Swarm { topology, strategy, agents } => {
                let agents = most("maxAgents").map_or(*agents as u64, |most| most.min(*agents as u64));
                json!({ "topology": topology, "strategy": strategy, "maxAgents": agents })
            }
            News::Agent { number, edits, needs } => {
                let wanted = if *edits { EDITORS } else { WRITERS };
                let known = schema("type").and_then(|schema| schema.get("enum")?.as_array());
                let kind = match known {
                    Some(known) => {
                        let usual = wanted.iter().find(|name| known.iter().any(|one| one == **name));
                        usual.map(|name| (*name).to_owned()).or_else(|| Some(known.first()?.as_str()?.to_owned()))?
                    }
                    None => wanted.first().map(|name| (*name).to_owned())?,
                };
                json!({ "type": kind, "name": format!("agent-{number}"), "capabilities": needs })
            }
            News::Task { path, skill } => json!({ "task": format!("{path}: {skill}"), "maxAgents": 1 }),
            // Not every server can be told.
            News::Done { path } => {
                tool?;
                json!({ "taskId": self.tasks.get(path)?, "result": { "status": "done" } })
            }
        };
        let Json::Object(mut args) = args else { return None };
        if let Some(Json::Object(known)) = tool.and_then(|tool| tool.get("inputSchema")?.get("properties")) {
            args.retain(|name, _| known.contains_key(name));
        }
        Some(args)
    }
}

impl<'p> Machine<'p> {
    /// The mirror of a swarm that is about to begin, if it has one.
    pub(super) fn open_mirror(&self, fiber: &Fiber<'p>, node: &'p Parallel, agents: usize) -> Option<Mirror> {
        let swarm = node.swarm.as_ref()?;
        // In a test nothing is told.
        let server = swarm.mirror.filter(|_| !self.is_rehearsal())?;
        let first = News::Swarm { topology: swarm.topology, strategy: swarm.strategy, agents };
        Some(Mirror {
            server,
            path: fiber.path(),
            place: node.place,
            tools: None,
            queue: VecDeque::from([News::Tools, first]),
            telling: None,
            agents: HashSet::new(),
            tasks: HashMap::new(),
            told: HashMap::new(),
            warned: HashSet::new(),
            is_off: false,
        })
    }

    fn mirror(&mut self, swarm: usize) -> Option<&mut Mirror> {
        self.swarms.get_mut(swarm)?.mirror.as_mut()
    }

    /// An agent of a swarm has got a task: that of the guard on top.
    pub(super) fn mirror_task(&mut self, swarm: usize, agent: usize, fiber: &Fiber<'p>, path: &str) {
        let Some(Frame::Guard(guard)) = fiber.frames.last() else { return };
        let Subject::Stage(stage) = guard.subject else { return };
        let Work::Skill(id, _) = &stage.work else { return };
        let Some(skill) = self.program.skills.get(id.index()) else { return };
        let Some(mirror) = self.mirror(swarm) else { return };
        let number = agent + 1;
        if mirror.agents.insert(number) {
            let edits = matches!(skill.effect, Effect::Agent(_));
            mirror.queue.push_back(News::Agent { number, edits, needs: skill.needs.clone() });
        }
        mirror.queue.push_back(News::Task { path: path.to_owned(), skill: skill.name.clone() });
        self.tell_mirror(swarm);
    }

    /// A task of a swarm is done.
    pub(super) fn mirror_end_of_task(&mut self, swarm: usize, path: &str) {
        if let Some(mirror) = self.mirror(swarm) {
            mirror.queue.push_back(News::Done { path: path.to_owned() });
            self.tell_mirror(swarm);
        }
    }

    /// Tells the mirror what is next, unless it is being told something.
    pub(super) fn tell_mirror(&mut self, swarm: usize) {
        loop {
            let Some(mirror) = self.mirror(swarm).filter(|mirror| !mirror.is_busy()) else { return };
            if mirror.is_off {
                mirror.queue.clear();
            }
            let Some(news) = mirror.queue.pop_front() else { return };
            let Some(args) = mirror.arguments(&news) else { continue };
            let (id, label) = (mirror.server, news.label(&mirror.path));
            let times = mirror.told.entry(label.clone()).or_insert(0);
            *times += 1;
            let path = match *times {
                1 => format!("{}#{label}", mirror.path),
                times => format!("{}#{label} {times}", mirror.path),
            };
            let server = match self.server_address(id) {
                Ok(server) => server,
                Err(failure) => {
                    self.mirror_failed(swarm, &news, &failure);
                    continue;
                }
            };
            let limit_ms = Some(if matches!(news, News::Tools) { LONGEST_START } else { LONGEST_CALL });
            let request = McpRequest { server, tool: news.tool().into(), args: Json::Object(args), limit_ms };
            let content = [request.server.name.to_string(), request.tool.to_string(), request.args.to_string()];
            let info = self.own_effect_info(OwnEffect { name: "swarm", path, attempt: 1, content: &content });
            let kind = RequestKind::Mcp(Box::new(request));
            let request = self.send_request(kind, Some(Arc::new(info)), Waiter::Mirror(swarm));
            if let Some(mirror) = self.mirror(swarm) {
                mirror.telling = Some((request, news));
            }
            return;
        }
    }

    /// The server of a mirror has answered.
    pub(super) fn mirror_answered(&mut self, swarm: usize, answer: Answer) {
        let Some((_, news)) = self.mirror(swarm).and_then(|mirror| mirror.telling.take()) else { return };
        let answered = answer.result.and_then(|output| match output {
            Output::Tool(json) => check_accepted(json),
            _ => Err(Failure::raise(ErrorKind::InvalidOutput, "it answered with something else than a result")),
        });
        match (answered, self.mirror(swarm)) {
            (Ok(tools), Some(mirror)) if matches!(news, News::Tools) => mirror.tools = Some(tools),
            (Ok(answer), Some(mirror)) => {
                if let News::Task { path, .. } = news {
                    mirror.tasks.extend(name_of_task(&answer).map(|name| (path, name)));
                }
            }
            (Err(failure), _) => self.mirror_failed(swarm, &news, &failure),
            (Ok(_), None) => {}
        }
        self.tell_mirror(swarm);
        self.end_when_mirrored();
    }

    /// Warns of what a mirror has not taken, once for each tool. A server that is not there is not told any more.
    fn mirror_failed(&mut self, swarm: usize, news: &News, failure: &Raise) {
        let Some(mirror) = self.mirror(swarm) else { return };
        let is_gone = matches!(news, News::Tools | News::Swarm { .. })
            || matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::TimedOut);
        mirror.is_off |= is_gone;
        if !mirror.warned.insert(news.tool()) {
            return;
        }
        let (id, path, place) = (mirror.server, mirror.path.clone(), mirror.place);
        let server = self.program.servers.get(id.index()).map(|server| server.name.clone()).unwrap_or_default();
        let what = match (news, is_gone) {
            (_, true) => "it is not told any more of it".to_owned(),
            (news, false) => format!("`{}` is warned of once", news.tool()),
        };
        let message = format!("`{server}` does not show all of this swarm: {} ({what})", failure.message);
        self.emit_warning(&path, message, Some(place));
    }

    /// Ends the run whose program has ended, once its mirrors were told all. A cancelled run does not wait for them.
    pub(super) fn end_when_mirrored(&mut self) {
        let is_busy = |swarm: &super::swarm::Swarm<'p>| swarm.mirror.as_ref().is_some_and(Mirror::is_busy);
        if self.result.is_none() || (!self.cancelled && self.swarms.iter().any(is_busy)) {
            return;
        }
        for swarm in 0..self.swarms.len() {
            let request = self.mirror(swarm).and_then(|mirror| mirror.telling.take()).map(|(request, _)| request);
            self.withdraw_request(request);
        }
        self.outcome = self.result.take();
    }
}

/// The answer of a tool, unless it says that it has failed.
fn check_accepted(answer: Json) -> Result<Json, Raise> {
    let read = answer.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let answer = read.unwrap_or(answer);
    match answer.as_object().and_then(refusal_in) {
        Some(why) => Err(Failure::raise(ErrorKind::CommandFailed, why)),
        None => Ok(answer),
    }
}

/// How a server names a task that it was told of.
fn name_of_task(answer: &Json) -> Option<String> {
    let name = |fields: &Json| {
        ["taskId", "task_id", "id"].iter().find_map(|field| Some(fields.get(*field)?.as_str()?.to_owned()))
    };
    name(answer).or_else(|| name(answer.get("task")?))
}
