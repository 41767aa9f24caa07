//! The host that does everything on this machine.
//!
//! Commands run on a pool of threads; HTTP and models as tasks of the caller's runtime; timers and
//! everything else on the thread of the run.

mod agents;
mod builtins;
mod commands;
mod files;
mod lines;
mod locks;
mod mail;
mod mcp;
mod probe;
mod process;
mod prompts;
mod sandboxes;
mod snapshot;
mod survivors;
mod throttle;
mod web;
mod workspace;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use cascade_ir::{ErrorKind, Program, limits::LONGEST_WAIT};
use tokio::sync::{mpsc, watch};

use crate::{
    events::Event,
    failure::Raise,
    host::{Host, Progress, Report},
    journal::now_ms,
    models::{ModelCall, Models, Providers},
    redact::Redactor,
    request::{
        AgentRequest, Answer, EffectInfo, LoadRequest, MemoryOp, Output, Request, RequestId, RequestKind, RunRequest,
        Usage,
    },
    value::Secret,
    workspace::{OpenSandbox, WorkspacePatch},
};
use agents::AgentJob;
pub(crate) use builtins::is_harmless;
use commands::{Commands, Job, Watching};
pub(crate) use files::{RestoredFiles, load_after};
use locks::Locks;
use mcp::Servers;
pub use mcp::probe_server;
pub use probe::{Probe, probe_model};
pub use sandboxes::SandboxSettings;
use sandboxes::Sandboxes;
use survivors::ProcessList;
pub(crate) use survivors::{Process, end_survivors};
use throttle::{Ended, Throttle};
use web::Web;

/// Time between asking a program to end and ending it.
const GRACE: Duration = Duration::from_secs(2);

/// A way to cancel a run from elsewhere: another thread, a signal handler.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Sender<u32>);

impl Default for Cancel {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Cancel {
    /// Cancels the run; the second time it ends at once.
    pub fn cancel(&self) {
        self.0.send_modify(|n| *n += 1);
    }
}

/// A message of a worker to the host.
pub(crate) enum Message {
    /// An effect is over.
    Done(RequestId, Answer),
    /// A running effect has something to report.
    Progress(RequestId, Progress),
    /// A secret became known that effects may repeat.
    Secret(Secret),
    /// A name that was waited for is locked by this file.
    Locked(RequestId, std::fs::File),
}

pub(crate) type Outbox = mpsc::UnboundedSender<Message>;

/// Something to do at a time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Fire(RequestId),
    Kill(RequestId),
}

/// What the local host needs to know.
pub(crate) struct Setup<'p> {
    pub(crate) program: &'p Program,
    /// How the providers of its models are reached.
    pub(crate) providers: Arc<Providers>,
    pub(crate) cwd: Option<PathBuf>,
    /// The most commands at once; 0: chosen by the number of processors.
    pub(crate) max_commands: usize,
    pub(crate) cancel: Cancel,
    /// Whether reports of running effects are wanted.
    pub(crate) watched: bool,
    /// The secrets of the run.
    pub(crate) redactor: Redactor,
    /// Where the programs that run are noted, for the one who resumes the run.
    pub(crate) processes: Option<PathBuf>,
    /// Where names are locked that one run may hold at a time.
    pub(crate) locks: Option<PathBuf>,
    /// The run.
    pub(crate) run: String,
    /// How commands in sandboxes are confined.
    pub(crate) sandbox: SandboxSettings,
}

pub(crate) struct LocalHost<'p> {
    program: &'p Program,
    commands: Commands,
    web: Web,
    models: Models<'p>,
    cwd: Option<PathBuf>,
    watched: bool,
    redactor: Redactor,
    inbox: mpsc::UnboundedReceiver<Message>,
    outbox: Outbox,
    cancelled: watch::Receiver<u32>,
    alarms: BinaryHeap<Reverse<(Instant, Alarm)>>,
    timers: HashSet<RequestId>,
    throttle: Throttle,
    /// Prompts that wait until the throttle of their provider lets them be sent.
    queued: HashMap<RequestId, (ModelCall, Watching)>,
    locks: Locks,
    sandboxes: Sandboxes,
    servers: Servers,
    /// Built-in skills that are being carried out.
    builtins: HashMap<RequestId, tokio::task::JoinHandle<()>>,
    /// Programs that were asked to end and have not ended yet.
    ending: HashSet<RequestId>,
    /// Requests that begin when such programs have ended.
    held: Vec<Request>,
    jitter: Jitter,
}

impl<'p> LocalHost<'p> {
    pub(crate) fn new(setup: Setup<'p>) -> Self {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let locks = Locks::new(setup.locks, outbox.clone());
        let sandboxes = Sandboxes::new(setup.sandbox, setup.cwd.as_deref(), &setup.run);
        let servers = Servers::new(outbox.clone(), setup.cwd.clone());
        let mut commands = Commands::new(setup.max_commands, outbox.clone(), ProcessList::at(setup.processes));
        if setup.program.skills.iter().any(|skill| matches!(skill.effect, cascade_ir::Effect::Run(_))) {
            commands.prepare();
        }
        Self {
            program: setup.program,
            commands,
            web: Web::new(outbox.clone()),
            models: Models::new(setup.program, setup.providers),
            cwd: setup.cwd,
            watched: setup.watched,
            redactor: setup.redactor,
            inbox,
            outbox,
            cancelled: setup.cancel.0.subscribe(),
            alarms: BinaryHeap::new(),
            timers: HashSet::new(),
            throttle: Throttle::default(),
            queued: HashMap::new(),
            locks,
            sandboxes,
            servers,
            builtins: HashMap::new(),
            ending: HashSet::new(),
            held: Vec::new(),
            jitter: Jitter::new(),
        }
    }

    fn set_alarm(&mut self, ms: u64, alarm: Alarm) {
        // A time beyond the clock's range never comes.
        if let Some(time) = Instant::now().checked_add(Duration::from_millis(ms)) {
            self.alarms.push(Reverse((time, alarm)));
        }
    }

    /// Starts a program on the pool of threads.
    fn run_program(
        &mut self,
        id: RequestId,
        request: RunRequest,
        effect: Option<&EffectInfo>,
        agent: Option<AgentJob>,
    ) {
        let sandbox = request.workspace.sandbox.as_deref().map(|name| self.sandboxes.find(name)).transpose();
        let sandbox = sandbox.and_then(|sandbox| match sandbox {
            Some(sandbox) => Ok(Some(sandbox)),
            None => workspace::check_policy(&request.workspace).map(|()| None),
        });
        let sandbox = match sandbox {
            Ok(sandbox) => sandbox,
            Err(failure) => return self.refuse_request(id, failure),
        };
        let watch = Watching { idle: effect.is_some_and(|info| info.watch), lines: self.watched };
        let process = match effect {
            Some(info) => Process { stage: info.path.clone(), attempt: info.attempt, once: info.once },
            None => Process { stage: String::new(), attempt: 1, once: false },
        };
        let (cwd, redactor) = (self.cwd.clone(), self.redactor.clone());
        self.commands.start(Job { id, request, cwd, watch, redactor, process, agent, sandbox });
    }

    fn prepare_agent(&self, work: &AgentRequest) -> Result<(RunRequest, AgentJob), Raise> {
        let sandbox = work.workspace.as_ref().and_then(|workspace| workspace.sandbox.as_deref());
        let sandbox = sandbox.map(|name| self.sandboxes.find(name)).transpose()?;
        AgentJob::prepare(self.program, work, self.cwd.as_deref(), sandbox.as_deref())
    }

    fn refuse_request(&self, id: RequestId, failure: Raise) {
        // The run may have ended meanwhile.
        let _ = self.outbox.send(Message::Done(id, Answer { result: Err(failure), usage: Usage::default() }));
    }

    /// Makes or closes a sandbox on a thread of its own: files are copied.
    fn work_on_sandbox(&self, id: RequestId, work: impl FnOnce() -> Answer + Send + 'static) {
        let outbox = self.outbox.clone();
        let started = std::thread::Builder::new().name("cascade-sandbox".to_owned()).spawn(move || {
            let answer = work();
            let _ = outbox.send(Message::Done(id, answer));
        });
        if let Err(error) = started {
            let message = format!("no thread for a sandbox can be started: {error}");
            self.refuse_request(id, crate::failure::Failure::raise(ErrorKind::Unavailable, message));
        }
    }

    fn handle(&mut self, message: Message) -> Report {
        match message {
            Message::Progress(id, progress) => Report::Progress(id, progress),
            Message::Secret(secret) => {
                self.redactor.learn(secret.reveal());
                Report::Secret(secret)
            }
            Message::Locked(id, file) => {
                self.locks.acquired(id, file);
                Report::Answer(id, Answer::ok(Output::Fired))
            }
            Message::Done(id, answer) => {
                self.commands.forget(id);
                if self.ending.remove(&id) {
                    for request in std::mem::take(&mut self.held) {
                        // What still waits for another is held again.
                        self.start(request);
                    }
                }
                self.web.forget(id);
                self.servers.forget(id);
                self.builtins.remove(&id);
                let how = match &answer.result {
                    Err(failure) if failure.kind == ErrorKind::RateLimited => {
                        // A wait that no run waits is told to each request; nothing is kept back for it.
                        let asked = failure.retry_after_ms.filter(|ms| *ms <= LONGEST_WAIT);
                        Ended::Slow(asked.map(Duration::from_millis))
                    }
                    _ => Ended::Served,
                };
                self.throttle.note_end(id, how, Instant::now());
                self.send_due();
                Report::Answer(id, answer)
            }
        }
    }

    /// Sends the prompts that may be sent by now.
    fn send_due(&mut self) {
        for id in self.throttle.take_due(Instant::now()) {
            if let Some((call, watch)) = self.queued.remove(&id) {
                self.web.prompt(id, call, self.redactor.clone(), watch, self.cwd.clone());
            }
        }
    }

    /// What is due by now.
    fn next_due_report(&mut self) -> Option<Report> {
        while let Some(Reverse((time, _))) = self.alarms.peek() {
            if *time > Instant::now() {
                return None;
            }
            let Reverse((_, alarm)) = self.alarms.pop()?;
            match alarm {
                Alarm::Fire(id) if self.timers.remove(&id) => {
                    return Some(Report::Answer(id, Answer::ok(Output::Fired)));
                }
                Alarm::Fire(_) => {}
                Alarm::Kill(id) => self.commands.kill(id),
            }
        }
        None
    }
}

impl Host for LocalHost<'_> {
    fn start(&mut self, request: Request) {
        if request.after.iter().any(|id| self.ending.contains(id)) {
            self.held.push(request);
            return;
        }
        let Request { id, kind, effect, after: _ } = request;
        let watch = Watching { idle: effect.as_ref().is_some_and(|info| info.watch), lines: self.watched };
        match kind {
            RequestKind::Timer { ms, .. } => {
                self.timers.insert(id);
                self.set_alarm(ms, Alarm::Fire(id));
            }
            RequestKind::Delay { up_to_ms, at_least_ms, .. } => {
                self.timers.insert(id);
                let ms = self.jitter.next_below(up_to_ms).max(at_least_ms);
                self.set_alarm(ms, Alarm::Fire(id));
            }
            RequestKind::Run(run) => {
                self.run_program(id, run, effect.as_deref(), None);
            }
            RequestKind::Agent(work) => match self.prepare_agent(&work) {
                Ok((run, agent)) => self.run_program(id, run, effect.as_deref(), Some(agent)),
                Err(failure) => {
                    let answer = Answer { result: Err(failure), usage: Usage::default() };
                    let _ = self.outbox.send(Message::Done(id, answer));
                }
            },
            RequestKind::Http(http) => self.web.http(id, http, self.redactor.clone()),
            RequestKind::Prompt(prompt) => match self.models.call(&prompt) {
                Ok(call) => {
                    if self.throttle.admit(call.provider(), id, Instant::now()) {
                        self.web.prompt(id, call, self.redactor.clone(), watch, self.cwd.clone());
                    } else {
                        if let Some(until) = self.throttle.opens_at(call.provider()) {
                            let left = until.saturating_duration_since(Instant::now());
                            let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
                            let progress = Progress::WaitsUntil(now_ms().saturating_add(left));
                            let _ = self.outbox.send(Message::Progress(id, progress));
                        }
                        self.queued.insert(id, (call, watch));
                    }
                }
                Err(answer) => {
                    let _ = self.outbox.send(Message::Done(id, answer));
                }
            },
            RequestKind::Mcp(call) => {
                let mark = self.commands.mark_of_server(&call.server.name);
                self.servers.call(id, *call, mark);
            }
            RequestKind::Builtin(builtin) => {
                let sandbox = builtin.sandbox.as_deref().map(|name| self.sandboxes.find(name)).transpose();
                let sandbox = match sandbox {
                    Ok(sandbox) => sandbox,
                    Err(failure) => return self.refuse_request(id, failure),
                };
                let (outbox, cwd) = (self.outbox.clone(), self.cwd.clone());
                let task = tokio::spawn(async move {
                    let answer = builtins::carry_out(builtin, cwd, sandbox).await;
                    let _ = outbox.send(Message::Done(id, answer));
                });
                self.builtins.insert(id, task);
            }
            RequestKind::OpenSandbox(open) => {
                let sandbox = self.sandboxes.add(id, &open);
                self.work_on_sandbox(id, move || sandbox.answer_open());
            }
            RequestKind::CloseSandbox(close) => match (self.sandboxes.find(&close.name), &effect) {
                (Ok(sandbox), Some(effect)) => {
                    let (key, seconds) = (effect.idempotency.clone(), now_ms() / 1000);
                    self.work_on_sandbox(id, move || sandbox.answer_close(&close, &key, seconds));
                }
                (Err(failure), _) => self.refuse_request(id, failure),
                (_, None) => {
                    let failure = crate::failure::Failure::raise(ErrorKind::Internal, "a sandbox without its effect");
                    self.refuse_request(id, failure);
                }
            },
            RequestKind::Load(loads) => {
                let path = |load: &LoadRequest| match load {
                    LoadRequest::Hash(path) | LoadRequest::File(path) => path.clone(),
                    LoadRequest::Glob { dir, .. } => dir.clone().unwrap_or_else(|| ".".to_owned()),
                };
                let in_copies: Vec<_> = loads
                    .iter()
                    .map(path)
                    .filter_map(|path| self.sandboxes.of_path(&path).map(|sandbox| (sandbox, path)))
                    .collect();
                if in_copies.is_empty() {
                    let answer = files::load_files(&loads, self.cwd.as_deref());
                    let _ = self.outbox.send(Message::Done(id, answer));
                    return;
                }
                let cwd = self.cwd.clone();
                self.work_on_sandbox(id, move || {
                    match in_copies.iter().try_for_each(|(sandbox, path)| sandbox.prepare_read(path)) {
                        Ok(()) => files::load_files(&loads, cwd.as_deref()),
                        Err(failure) => Answer { result: Err(failure), usage: Usage::default() },
                    }
                });
            }
            RequestKind::Person(question) => {
                let message = format!("nobody is there to ask: {}", question.question);
                let _ = self.outbox.send(Message::Done(id, Answer::failed(ErrorKind::Unavailable, message)));
            }
            RequestKind::Call(_) => {
                let answer = Answer::failed(ErrorKind::Internal, "a call that only a rehearsal knows");
                let _ = self.outbox.send(Message::Done(id, answer));
            }
            RequestKind::Lock { name, nowait, .. } => self.locks.acquire(id, &name, nowait),
            RequestKind::Quota { message, .. } => {
                let _ = self.outbox.send(Message::Done(id, Answer::failed(ErrorKind::QuotaExhausted, message)));
            }
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if self.timers.remove(&id) || self.locks.release(id) || self.sandboxes.release(id) {
            return;
        }
        if let Some(position) = self.held.iter().position(|request| request.id == id) {
            self.held.remove(position);
            return;
        }
        if self.commands.stop(id) {
            self.ending.insert(id);
            self.set_alarm(GRACE.as_millis() as u64, Alarm::Kill(id));
        }
        if let Some(task) = self.builtins.remove(&id) {
            task.abort();
        }
        self.servers.stop(id);
        self.queued.remove(&id);
        self.throttle.note_end(id, Ended::GivenUp, Instant::now());
        self.web.stop(id);
        self.send_due();
    }

    async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.next_due_report() {
                return report;
            }
            self.send_due();
            let next = self.alarms.peek().map(|Reverse((time, _))| *time);
            let next = next.into_iter().chain(self.throttle.next()).min();
            let sleep = async {
                match next {
                    Some(time) => tokio::time::sleep_until(time.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Ok(()) = self.cancelled.changed() => return Report::Cancel,
                Some(message) = self.inbox.recv() => return self.handle(message),
                () = sleep => {}
            }
        }
    }

    fn ready(&mut self) -> Option<Report> {
        match self.inbox.try_recv() {
            Ok(message) => Some(self.handle(message)),
            Err(_) => self.next_due_report(),
        }
    }

    /// Nobody watches here; see [`crate::durable`].
    fn event(&mut self, _event: Event) {}

    fn learn_secret(&mut self, secret: &Secret) {
        self.redactor.learn(secret.reveal());
    }

    /// Nothing outlives the run here; see [`crate::durable`].
    fn remember(&mut self, _op: MemoryOp) {}

    fn reopen_sandbox(&mut self, id: RequestId, sandbox: &OpenSandbox) {
        self.sandboxes.add(id, sandbox);
    }

    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> Result<(), Raise> {
        if self.sandboxes.restore(patch) {
            return Ok(());
        }
        workspace::restore_patch(patch, self.cwd.as_deref())
    }

    /// Waits until every program that was asked to end has ended. One who cancels twice does
    /// not wait.
    async fn settle(&mut self) {
        // The run has ended: nothing begins any more.
        self.held.clear();
        while self.commands.is_busy() {
            if *self.cancelled.borrow() > 1 {
                self.commands.kill_all();
            }
            // Reports have no receiver any more.
            let _ = self.next().await;
        }
        self.servers.close().await;
        // Before the end is recorded: nobody would remove a copy of a run that has ended.
        for removing in self.sandboxes.take_removing() {
            // One that has panicked has removed what it could.
            let _ = tokio::task::spawn_blocking(|| removing.join()).await;
        }
    }
}

/// A small source of randomness for pauses, seeded by the process.
struct Jitter(u64);

impl Jitter {
    fn new() -> Self {
        use std::hash::{BuildHasher, Hasher, RandomState};
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    /// A number from 0 to the limit.
    fn next_below(&mut self, limit: u64) -> u64 {
        // xorshift64: nothing here needs more.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.saturating_add(1).max(1)
    }
}
