//! A host that answers from a script, on virtual time, and keeps what it was asked.

use std::{collections::VecDeque, sync::Arc};

use cascade_ir::{ErrorKind, Program};
use cascade_machine::{
    Event, Failure, Value,
    interpreter::{Environment, Machine},
    request::{Answer, MemoryOp, Output, Process, Request, RequestId, RequestKind, Response, Usage},
};

use super::entry;

/// What a script says to an effect.
pub enum Reply {
    Now(Answer),
    /// After this many milliseconds.
    After(u64, Answer),
    Never,
}

type Script = Box<dyn FnMut(&Asked) -> Reply>;

/// An effect that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub path: String,
    pub skill: String,
    pub attempt: u32,
    pub what: String,
    pub key: String,
    pub idempotency: String,
}

pub struct Mock<'p> {
    pub machine: Machine<'p>,
    script: Script,
    pub asked: Vec<Asked>,
    pub events: Vec<Event>,
    /// Changes of memory that outlives the run.
    pub memory: Vec<MemoryOp>,
    pub delays: Vec<u64>,
    pub cancelled: Vec<String>,
    pub now: u64,
    /// Answers to come: time, order, request.
    pending: Vec<(u64, u64, RequestId, Answer)>,
    live: Vec<(RequestId, String)>,
    order: u64,
    /// Whether answers due at the same time come last in, first out.
    pub backwards: bool,
    /// When to cancel from outside.
    pub cancel_at: Option<u64>,
    /// Signs of life: every so many milliseconds while an effect runs, up to a time.
    pub alive_every: Option<(u64, u64)>,
    pub most_live: usize,
}

pub fn ok(stdout: &str) -> Answer {
    exit(0, stdout)
}

pub fn exit(code: i32, stdout: &str) -> Answer {
    Answer::ok(Output::Process(Process {
        code: Some(code),
        signal: None,
        stdout: Arc::from(stdout.as_bytes()),
        stderr: "the last words\n".into(),
    }))
}

pub fn model(text: &str, tokens_in: u64, tokens_out: u64) -> Answer {
    Answer { result: Ok(Output::Model(text.into())), usage: Usage { tokens_in, tokens_out, ..Usage::default() } }
}

pub fn http(status: u16, body: &str, retry_after_ms: Option<u64>) -> Answer {
    Answer::ok(Output::Response(Response { status, body: Arc::from(body.as_bytes()), retry_after_ms, charset: None }))
}

pub fn failed(kind: ErrorKind) -> Answer {
    Answer::failed(kind, "as scripted")
}

impl<'p> Mock<'p> {
    pub fn new(program: &'p Program, script: impl FnMut(&Asked) -> Reply + 'static) -> Self {
        Self::with(program, Vec::new(), Environment { run: "run".into(), ..Environment::default() }, script)
    }

    /// One whose machine tells its events.
    pub fn listening(program: &'p Program, script: impl FnMut(&Asked) -> Reply + 'static) -> Self {
        let environment = Environment { run: "run".into(), listening: true, ..Environment::default() };
        Self::with(program, Vec::new(), environment, script)
    }

    pub fn with(
        program: &'p Program,
        inputs: Vec<Value>,
        environment: Environment,
        script: impl FnMut(&Asked) -> Reply + 'static,
    ) -> Self {
        Self {
            machine: Machine::new(program, entry(program), inputs, environment).unwrap(),
            script: Box::new(script),
            asked: Vec::new(),
            events: Vec::new(),
            memory: Vec::new(),
            delays: Vec::new(),
            cancelled: Vec::new(),
            now: 0,
            pending: Vec::new(),
            live: Vec::new(),
            order: 0,
            backwards: false,
            cancel_at: None,
            alive_every: None,
            most_live: 0,
        }
    }

    /// Runs to the end.
    pub fn run(&mut self) -> Result<Value, Box<Failure>> {
        loop {
            self.machine.step();
            for id in self.machine.take_withdrawn() {
                self.pending.retain(|p| p.2 != id);
                if let Some(position) = self.live.iter().position(|(l, _)| *l == id) {
                    self.cancelled.push(self.live.remove(position).1);
                }
            }
            self.events.extend(self.machine.take_events());
            self.memory.extend(self.machine.take_memory_ops());
            let mut new: VecDeque<Request> = std::iter::from_fn(|| self.machine.take_request()).collect();
            if let Some(outcome) = self.machine.outcome() {
                assert!(new.is_empty(), "requests after the end: {new:?}");
                assert!(self.live.is_empty(), "effects outlive the run: {:?}", self.live);
                return outcome.cloned().map_err(|failure| Box::new(failure.clone()));
            }
            while let Some(request) = new.pop_front() {
                self.start(request);
            }
            self.most_live = self.most_live.max(self.live.len());
            self.next();
        }
    }

    fn start(&mut self, request: Request) {
        let Request { id, kind, effect, .. } = request;
        match kind {
            RequestKind::Timer { ms, .. } => self.later(ms, id, Answer::ok(Output::Fired)),
            RequestKind::Delay { up_to_ms, at_least_ms, .. } => {
                let ms = up_to_ms.max(at_least_ms);
                self.delays.push(ms);
                self.later(ms, id, Answer::ok(Output::Fired));
            }
            RequestKind::Quota { retry_after_ms, .. } => {
                let ms = retry_after_ms.unwrap_or(60_000);
                self.delays.push(ms);
                self.later(ms, id, Answer::ok(Output::Fired));
            }
            RequestKind::Lock { .. } => self.later(0, id, Answer::ok(Output::Fired)),
            RequestKind::Load(_) => self.later(0, id, Answer::ok(Output::Files(Vec::new(), Vec::new()))),
            kind => {
                let effect = effect.unwrap();
                let shown = match &kind {
                    RequestKind::Run(run) => run.argv.iter().map(|a| a.text.as_str()).collect::<Vec<_>>().join(" "),
                    RequestKind::Http(http) => format!("{} {}", http.method, http.url.text),
                    RequestKind::Prompt(prompt) => format!("{:?} {}", prompt.model, prompt.text),
                    other => format!("{other:?}"),
                };
                let asked = Asked {
                    path: effect.path.clone(),
                    skill: effect.skill.to_string(),
                    attempt: effect.attempt,
                    what: shown,
                    key: effect.key.clone(),
                    idempotency: effect.idempotency.clone(),
                };
                self.live.push((id, asked.path.clone()));
                match (self.script)(&asked) {
                    Reply::Now(answer) => self.later(0, id, answer),
                    Reply::After(ms, answer) => self.later(ms, id, answer),
                    Reply::Never => {}
                }
                self.asked.push(asked);
            }
        }
    }

    fn later(&mut self, ms: u64, id: RequestId, answer: Answer) {
        self.order += 1;
        self.pending.push((self.now + ms, self.order, id, answer));
    }

    /// The next thing that happens.
    fn next(&mut self) {
        let backwards = self.backwards;
        let due =
            self.pending.iter().enumerate().min_by_key(|(_, p)| (p.0, if backwards { u64::MAX - p.1 } else { p.1 }));
        let time = due.as_ref().map(|(_, p)| p.0);
        if let Some(at) = self.cancel_at
            && time.is_none_or(|t| t >= at)
        {
            self.now = at;
            self.cancel_at = None;
            self.machine.cancel();
            return;
        }
        if let Some((every, until)) = self.alive_every {
            let next = self.now + every;
            if next <= until && time.is_none_or(|t| t > next) {
                self.now = next;
                for (id, _) in &self.live {
                    self.machine.alive(*id);
                }
                return;
            }
        }
        let Some((position, _)) = due else {
            panic!("the machine waits for nothing; asked: {:#?}", self.asked);
        };
        let (time, _, id, answer) = self.pending.remove(position);
        self.now = time;
        self.live.retain(|(l, _)| *l != id);
        self.machine.answer(id, answer);
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked.iter().map(|a| format!("{}#{}", a.path, a.attempt)).collect()
    }
}
