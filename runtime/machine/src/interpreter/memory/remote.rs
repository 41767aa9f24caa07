//! Memories on MCP servers (`via mcp`): each key is read before the program begins, and each change is stored when it is
//! made. Both are effects on the record, one after the other, so that a resumed run repeats none that was answered.

use std::collections::VecDeque;

use cascade_ir::{CascadeId, ErrorKind, MemoryId, Place, ServerId};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::{
    super::{
        LIST_TOOLS, Machine, Waiter,
        fiber::Fiber,
        frame::{Frame, Mode},
        own_effect::OwnEffect,
    },
    Change, add_to_value,
    tools::{KeyValueTools, possible_values, read_retrieved, read_stored, says_absent},
};
use crate::{
    check::{Strictness, coerce_value},
    eval::Result,
    failure::{Failure, Raise, defect},
    request::{Answer, McpRequest, Output, RequestId, RequestKind},
    value::{Value, to_json},
};

/// How long a server may take for one request, in milliseconds. It may have to be started, and even installed, for the
/// first one.
const LONGEST_REQUEST: u64 = 120_000;

/// What is to be done on servers before the fiber goes on.
pub(in crate::interpreter) struct RemoteMemory {
    jobs: VecDeque<Job>,
    step: Step,
    request: Option<RequestId>,
    /// The path of the last request, and its attempt.
    asked: Option<(String, u32)>,
    answer: Option<Box<Answer>>,
    then: Then,
}

/// What is done for one key.
enum Job {
    /// The server is asked for its tools only.
    Learn(MemoryId),
    Read(MemoryId, usize),
    Store(Change),
}

/// What the request that is under way asks.
#[derive(Clone)]
enum Step {
    Next,
    Tools(ServerId),
    Retrieve,
    Store,
}

/// How the fiber goes on.
enum Then {
    Begin(CascadeId, Vec<Value>),
    GoOn(Mode),
}

impl RemoteMemory {
    /// The request that is under way, which is not needed any more.
    pub(in crate::interpreter) fn take_request(&mut self) -> Option<RequestId> {
        self.request.take()
    }
}

impl<'p> Machine<'p> {
    /// Begins the run: by its cascade, or by reading the memories on servers that it needs.
    pub(in crate::interpreter) fn begin_run(
        &mut self,
        fiber: &mut Fiber<'p>,
        cascade: CascadeId,
        inputs: Vec<Value>,
    ) -> Result<()> {
        let needed = self.program.cascades.get(cascade.index()).map_or(&[][..], |entry| &entry.remote_memories);
        let mut jobs = VecDeque::new();
        // In a test memories have their first values, and nothing is asked.
        for id in needed.iter().filter(|_| !self.is_rehearsal()) {
            let Some(memory) = self.program.memories.get(id.index()) else { continue };
            match memory.global {
                true => jobs.extend((0..memory.keys.len()).map(|key| Job::Read(*id, key))),
                // Nothing is there of a run that begins. That the server can keep it is found before anything is done.
                false => jobs.push_back(Job::Learn(*id)),
            }
        }
        if jobs.is_empty() {
            return self.enter_cascade(fiber, cascade, inputs);
        }
        push_remote(fiber, jobs, Then::Begin(cascade, inputs));
        Ok(())
    }

    /// Stores what was changed, before the fiber goes on.
    pub(in crate::interpreter) fn store_changes(&mut self, fiber: &mut Fiber<'p>, next: Mode) -> Mode {
        let jobs = std::mem::take(&mut self.unstored).into_iter().map(Job::Store).collect();
        push_remote(fiber, jobs, Then::GoOn(next));
        Mode::Run
    }

    /// The requests on top go on.
    pub(in crate::interpreter) fn continue_remote(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        loop {
            let remote = top_remote(fiber)?;
            if remote.request.is_some() {
                return Ok(Mode::Wait);
            }
            let done = match remote.answer.take() {
                Some(answer) => self.take_remote_answer(fiber, *answer),
                None => Ok(()),
            };
            let remote = top_remote(fiber)?;
            let asked = match (done, remote.jobs.front()) {
                (Err(failure), _) => Err(failure),
                (Ok(()), Some(_)) => self.ask_server(id, fiber),
                (Ok(()), None) => {
                    let Some(Frame::Remote(remote)) = fiber.frames.pop() else {
                        return Err(defect!("requests to servers without their frame"));
                    };
                    return match remote.then {
                        Then::GoOn(next) => Ok(next),
                        Then::Begin(cascade, inputs) => {
                            self.enter_cascade(fiber, cascade, inputs)?;
                            Ok(Mode::Run)
                        }
                    };
                }
            };
            if let Err(failure) = asked {
                self.remote_failed(fiber, failure)?;
            }
        }
    }

    /// A request has failed, and so the rest is not done. A failure or a cancellation that goes on anyway is not replaced by
    /// this one.
    fn remote_failed(&mut self, fiber: &mut Fiber<'p>, mut failure: Raise) -> Result<()> {
        let (path, place) = self.site_of_job(fiber)?;
        let remote = top_remote(fiber)?;
        let left_out = remote.jobs.len().saturating_sub(1);
        if left_out > 0 && matches!(remote.then, Then::GoOn(_)) {
            failure.message.push_str(&format!("; {left_out} more changes of memories were not stored"));
        }
        remote.jobs.clear();
        remote.step = Step::Next;
        if let Then::GoOn(Mode::Raise(_) | Mode::Cut(_)) = remote.then {
            self.emit_warning(&path, failure.message, Some(place));
            return Ok(());
        }
        // By these it is recognised when the run is resumed, and tried again.
        (failure.stage, failure.attempts) = remote.asked.take().unwrap_or((path, 1));
        failure.place.get_or_insert(place);
        Err(failure)
    }

    /// The stage or cascade that the next job belongs to, and its place in the program.
    fn site_of_job(&self, fiber: &mut Fiber<'p>) -> Result<(String, Place)> {
        let remote = top_remote(fiber)?;
        let cascade = match &remote.then {
            Then::Begin(cascade, _) => self.program.cascades.get(cascade.index()),
            Then::GoOn(_) => None,
        };
        match remote.jobs.front() {
            Some(Job::Store(change)) => Ok((change.origin.clone().unwrap_or_default(), change.place)),
            Some(Job::Learn(memory) | Job::Read(memory, _)) => {
                let place = self.program.memories.get(memory.index()).map(|memory| memory.place).unwrap_or_default();
                Ok((cascade.map(|cascade| cascade.name.to_string()).unwrap_or_default(), place))
            }
            None => Err(defect!("a memory without a request")),
        }
    }

    /// Sends what the next job needs.
    fn ask_server(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<()> {
        let (path, _) = self.site_of_job(fiber)?;
        let remote = top_remote(fiber)?;
        let (memory, key) = match remote.jobs.front() {
            Some(Job::Learn(memory)) => (memory.index(), 0),
            Some(Job::Read(memory, key)) => (memory.index(), *key),
            Some(Job::Store(change)) => (change.memory, change.key),
            None => return Err(defect!("a memory without a request")),
        };
        let Some(declared) = self.program.memories.get(memory) else {
            return Err(defect!("there is no memory {memory}"));
        };
        let Some(server) = declared.server else { return Err(defect!("the memory {} is on no server", declared.name)) };
        let address = self.server_address(server)?;
        let Some(tools) = self.memory_tools.get(&server).cloned() else {
            top_remote(fiber)?.step = Step::Tools(server);
            let args = Json::Object(serde_json::Map::new());
            let request =
                McpRequest { server: address, tool: LIST_TOOLS.into(), args, limit_ms: Some(LONGEST_REQUEST) };
            let what = format!("tools of {}", request.server.name);
            return self.send_remote(id, fiber, path, &what, request);
        };
        let Some(declared_key) = declared.keys.get(key) else {
            return Err(defect!("memory {memory} has no key {key}"));
        };
        let label = format!("{}.{}", declared.name, declared_key.name);
        let name = self.key_on_server(declared.global, &label);
        let remote = top_remote(fiber)?;
        let ((tool, args), word) = match (remote.jobs.front(), &remote.step) {
            (Some(Job::Learn(_)), _) => {
                remote.jobs.pop_front();
                return Ok(());
            }
            (Some(Job::Store(change)), Step::Next) if !change.append || !declared.global => {
                let value = match change.append {
                    // The run is the only one that changes it.
                    true => self.eval.memory.get(memory).and_then(|keys| keys.get(key)).cloned().unwrap_or(Value::Null),
                    false => change.value.clone(),
                };
                remote.step = Step::Store;
                (tools.store(&name, &self.json_to_store(&value)), "write")
            }
            (Some(_), _) => {
                remote.step = Step::Retrieve;
                (tools.retrieve(&name), "read")
            }
            (None, _) => return Err(defect!("a memory without a request")),
        };
        let request = McpRequest { server: address, tool, args, limit_ms: Some(LONGEST_REQUEST) };
        self.send_remote(id, fiber, path, &format!("{word} {label}"), request)
    }

    /// The name of a key on its server. That of a memory of one run says which run.
    fn key_on_server(&self, is_global: bool, label: &str) -> String {
        if is_global { label.to_owned() } else { format!("{label}@{}", self.env.run) }
    }

    /// A value as it is stored: without the secrets of the run.
    fn json_to_store(&self, value: &Value) -> Json {
        let mut json = to_json(value);
        self.env.redactor.mask_json(&mut json);
        json
    }

    fn send_remote(
        &mut self,
        id: usize,
        fiber: &mut Fiber<'p>,
        path: String,
        what: &str,
        request: McpRequest,
    ) -> Result<()> {
        let content = [request.server.name.to_string(), request.tool.to_string(), request.args.to_string()];
        let mut path = format!("{path}#{what}");
        // A key that is changed again at the same place is another effect.
        let times = self.remote_requests.entry(path.clone()).or_insert(0);
        *times += 1;
        if *times > 1 {
            path.push_str(&format!(" {times}"));
        }
        // Whoever resumes a run wants what ended it to be tried again.
        let failed = self.env.recalled.failed.iter().filter(|(stage, _)| *stage == path).map(|(_, attempt)| *attempt);
        let attempt = failed.max().unwrap_or(0).saturating_add(1);
        top_remote(fiber)?.asked = Some((path.clone(), attempt));
        let info = self.own_effect_info(OwnEffect { name: "memory", path, attempt, content: &content });
        let request =
            self.send_request(RequestKind::Mcp(Box::new(request)), Some(std::sync::Arc::new(info)), Waiter::Remote(id));
        top_remote(fiber)?.request = Some(request);
        Ok(())
    }

    /// A server has answered.
    pub(in crate::interpreter) fn remote_answered(&mut self, id: usize, answer: Answer) {
        if let Some(fiber) = self.fiber(id)
            && let Some(Frame::Remote(remote)) = fiber.frames.last_mut()
        {
            remote.request = None;
            remote.answer = Some(Box::new(answer));
        }
        self.queue_fiber(id);
    }

    /// Does what follows from an answer.
    fn take_remote_answer(&mut self, fiber: &mut Fiber<'p>, answer: Answer) -> Result<()> {
        let remote = top_remote(fiber)?;
        let step = std::mem::replace(&mut remote.step, Step::Next);
        let answered = answer.result.and_then(|output| match output {
            Output::Tool(json) => Ok(json),
            _ => Err(defect!("a server answered with something else than a result")),
        });
        if let Step::Tools(server) = step {
            let tools = KeyValueTools::recognise(&answered?).map_err(|names| self.no_tools(server, &names))?;
            self.memory_tools.insert(server, tools);
            return Ok(());
        }
        let Some(job) = remote.jobs.front() else { return Err(defect!("an answer that nothing was asked for")) };
        let (memory, key) = match job {
            Job::Learn(_) => return Err(defect!("an answer that nothing was asked for")),
            Job::Read(memory, key) => (memory.index(), *key),
            Job::Store(change) => (change.memory, change.key),
        };
        let Some(declared) = self.program.memories.get(memory) else {
            return Err(defect!("there is no memory {memory}"));
        };
        let label = match declared.keys.get(key) {
            Some(key) => format!("{}.{}", declared.name, key.name),
            None => return Err(defect!("memory {memory} has no key {key}")),
        };
        let server = declared.server.and_then(|id| self.program.servers.get(id.index()));
        let server = server.map(|server| server.name.clone()).unwrap_or_default();
        let refused = |verb: &str, why: String| {
            let message = format!("the server `{server}` did not {verb} the memory `{label}`: {why}");
            Failure::raise(ErrorKind::CommandFailed, message)
        };
        if let Step::Store = step {
            read_stored(&answered?).map_err(|why| refused("store", why))?;
            top_remote(fiber)?.jobs.pop_front();
            return Ok(());
        }
        let name = self.key_on_server(declared.global, &label);
        let given = match answered {
            Ok(answer) => read_retrieved(answer, &name).map_err(|why| refused("give", why))?,
            Err(failure) if failure.kind == ErrorKind::CommandFailed && says_absent(&failure.message, &name) => None,
            Err(failure) => return Err(failure),
        };
        let value = self.value_from_server(memory, key, given, &label, &server)?;
        let remote = top_remote(fiber)?;
        match remote.jobs.front_mut() {
            Some(Job::Store(change)) => {
                // What others have stored meanwhile is kept.
                change.value = add_to_value(&mut self.eval, value, change.value.clone())?;
                change.append = false;
            }
            _ => {
                remote.jobs.pop_front();
                if let Some(held) = self.eval.memory.get_mut(memory).and_then(|keys| keys.get_mut(key)) {
                    *held = value;
                }
            }
        }
        Ok(())
    }

    /// The value of a key from what its server has given; its first value, if that is nothing.
    fn value_from_server(
        &mut self,
        memory: usize,
        key: usize,
        given: Option<Json>,
        label: &str,
        server: &SmolStr,
    ) -> Result<Value> {
        let Some(declared) = self.program.memories.get(memory).and_then(|memory| memory.keys.get(key)) else {
            return Err(defect!("memory {memory} has no key {key}"));
        };
        let mut why = None;
        for meaning in given.map(possible_values).unwrap_or_default() {
            match coerce_value(&mut self.eval, crate::value::from_json(&meaning), &declared.ty, Strictness::Effect) {
                Ok(value) => return Ok(value),
                // Some servers say so that they have nothing.
                Err(_) if meaning.is_null() => {}
                Err(failure) => {
                    why.get_or_insert(failure.message);
                }
            }
        }
        match why {
            None => self.eval.eval(&declared.initial, &mut []),
            Some(why) => {
                let message =
                    format!("the memory `{label}` on the server `{server}` holds what its type does not allow: {why}");
                Err(Failure::raise(ErrorKind::InvalidOutput, message))
            }
        }
    }

    /// The failure of a server that keeps no values by key.
    fn no_tools(&self, server: ServerId, names: &[String]) -> Raise {
        const MOST: usize = 20;
        let server = self.program.servers.get(server.index()).map(|server| server.name.clone()).unwrap_or_default();
        let mut shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
        if names.len() > MOST {
            shown.push(format!("and {} more", names.len() - MOST));
        }
        let has = if shown.is_empty() { "no tools".to_owned() } else { shown.join(", ") };
        let message = format!(
            "the server `{server}` cannot keep a memory: it needs a pair of tools such as `memory_store {{ key, value }}` and \
             `memory_retrieve {{ key }}`, or one such as `memory_usage {{ action, key, value }}`; it has {has}"
        );
        Failure::raise(ErrorKind::Failed, message)
    }
}

fn push_remote(fiber: &mut Fiber<'_>, jobs: VecDeque<Job>, then: Then) {
    let remote = RemoteMemory { jobs, step: Step::Next, request: None, asked: None, answer: None, then };
    fiber.frames.push(Frame::Remote(Box::new(remote)));
}

fn top_remote<'f>(fiber: &'f mut Fiber<'_>) -> Result<&'f mut RemoteMemory> {
    match fiber.frames.last_mut() {
        Some(Frame::Remote(remote)) => Ok(remote),
        _ => Err(defect!("requests to servers without their frame")),
    }
}
