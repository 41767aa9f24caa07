//! The host that does everything on this machine.
//!
//! Commands run on a pool of threads; HTTP and models on a small runtime of their own, built
//! when first needed; timers and everything else on the thread of the run.

mod commands;
mod files;
mod process;
mod web;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use cascade_ir::{ErrorKind, Program};
use tokio::sync::{mpsc, watch};

use crate::{
    events::Event,
    host::{Host, Report},
    journal::{EffectEnd, Journal},
    models::Models,
    request::{Answer, Output, Request, RequestId, What},
};
use commands::Commands;
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

/// What a worker tells the host.
pub(crate) enum Message {
    /// An effect is over.
    Done(RequestId, Answer),
    /// Its end is in the journal: the run may see it.
    Recorded(RequestId, Answer),
    /// A program wrote something.
    Alive(RequestId),
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
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) max_commands: usize,
    pub(crate) cancel: Cancel,
    pub(crate) journal: Option<Box<dyn Journal>>,
    pub(crate) observer: Option<Observer<'p>>,
}

/// Hears of the events of a run.
pub type Observer<'o> = Box<dyn FnMut(&Event) + 'o>;

pub(crate) struct LocalHost<'p> {
    commands: Commands,
    web: Web,
    models: Models<'p>,
    cwd: Option<PathBuf>,
    inbox: mpsc::UnboundedReceiver<Message>,
    outbox: Outbox,
    cancelled: watch::Receiver<u32>,
    alarms: BinaryHeap<Reverse<(Instant, Alarm)>>,
    timers: HashSet<RequestId>,
    pub(crate) journal: Option<Box<dyn Journal>>,
    /// Effects whose end is still to be recorded, with the time of their start.
    open: HashMap<RequestId, crate::request::EffectInfo>,
    program: &'p Program,
    observer: Option<Observer<'p>>,
    started: HashMap<String, Instant>,
    jitter: Jitter,
}

impl<'p> LocalHost<'p> {
    pub(crate) fn new(setup: Setup<'p>) -> Self {
        let (outbox, inbox) = mpsc::unbounded_channel();
        Self {
            commands: Commands::new(setup.max_commands, outbox.clone()),
            web: Web::new(outbox.clone()),
            models: Models::new(setup.program),
            cwd: setup.cwd,
            inbox,
            outbox,
            cancelled: setup.cancel.0.subscribe(),
            alarms: BinaryHeap::new(),
            timers: HashSet::new(),
            journal: setup.journal,
            open: HashMap::new(),
            program: setup.program,
            observer: setup.observer,
            started: HashMap::new(),
            jitter: Jitter::new(),
        }
    }

    fn alarm(&mut self, ms: u64, alarm: Alarm) {
        // A time beyond the clock's range never comes.
        if let Some(time) = Instant::now().checked_add(Duration::from_millis(ms)) {
            self.alarms.push(Reverse((time, alarm)));
        }
    }

    fn handle(&mut self, message: Message) -> Option<Report> {
        match message {
            Message::Alive(id) => Some(Report::Alive(id)),
            Message::Recorded(id, answer) => Some(Report::Answer(id, answer)),
            Message::Done(id, answer) => {
                self.commands.forget(id);
                self.web.forget(id);
                let Some(info) = self.open.remove(&id) else {
                    return Some(Report::Answer(id, answer));
                };
                match &mut self.journal {
                    Some(journal) => {
                        let end = EffectEnd::of(self.program, &info, &answer);
                        let outbox = self.outbox.clone();
                        journal.effect_ended(
                            end,
                            Box::new(move |written| {
                                let answer = match written {
                                    Ok(()) => answer,
                                    Err(error) => Answer::failed(ErrorKind::Internal, error.to_string()),
                                };
                                // The run may have ended meanwhile.
                                let _ = outbox.send(Message::Recorded(id, answer));
                            }),
                        );
                        None
                    }
                    None => Some(Report::Answer(id, answer)),
                }
            }
        }
    }

    /// What is due by now.
    fn due(&mut self) -> Option<Report> {
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

    /// Waits until every program that was asked to end has ended. One who cancels twice does
    /// not wait.
    pub(crate) async fn settle(&mut self) {
        while self.commands.is_busy() {
            if *self.cancelled.borrow() > 1 {
                self.commands.kill_all();
            }
            // Whatever is reported now has nobody to hear it.
            let _ = self.next().await;
        }
    }
}

impl Host for LocalHost<'_> {
    fn start(&mut self, request: Request) {
        let Request { id, what, effect } = request;
        let info = effect.map(|info| *info);
        if let (Some(info), Some(journal)) = (&info, &mut self.journal) {
            journal.effect_started(info, &what, self.program);
            self.open.insert(id, info.clone());
        }
        match what {
            What::Timer { ms } => {
                self.timers.insert(id);
                self.alarm(ms, Alarm::Fire(id));
            }
            What::Delay { up_to_ms, at_least_ms } => {
                self.timers.insert(id);
                let ms = self.jitter.below(up_to_ms).max(at_least_ms);
                self.alarm(ms, Alarm::Fire(id));
            }
            What::Run(run) => {
                let watch = info.is_some_and(|i| i.watch);
                self.commands.start(id, run, self.cwd.clone(), watch);
            }
            What::Http(http) => self.web.http(id, http),
            What::Prompt(prompt) => {
                let call = self.models.call(&prompt);
                self.web.prompt(id, call);
            }
            What::Load(loads) => {
                let answer = files::load(&loads, self.cwd.as_deref());
                let _ = self.outbox.send(Message::Done(id, answer));
            }
            What::Person(question) => {
                let message = format!("nobody can be asked by this version of Cascade: {}", question.question);
                let _ = self.outbox.send(Message::Done(id, Answer::failed(ErrorKind::Unavailable, message)));
            }
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if self.timers.remove(&id) {
            return;
        }
        if self.commands.stop(id) {
            self.alarm(GRACE.as_millis() as u64, Alarm::Kill(id));
        }
        self.web.stop(id);
        if let (Some(info), Some(journal)) = (self.open.remove(&id), &mut self.journal) {
            journal.effect_ended(EffectEnd::cancelled(&info), Box::new(|_| ()));
        }
    }

    async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.due() {
                return report;
            }
            let next = self.alarms.peek().map(|Reverse((time, _))| *time);
            let sleep = async {
                match next {
                    Some(time) => tokio::time::sleep_until(time.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Ok(()) = self.cancelled.changed() => return Report::Cancel,
                Some(message) = self.inbox.recv() => {
                    if let Some(report) = self.handle(message) {
                        return report;
                    }
                }
                () = sleep => {}
            }
        }
    }

    fn ready(&mut self) -> Option<Report> {
        while let Ok(message) = self.inbox.try_recv() {
            if let Some(report) = self.handle(message) {
                return Some(report);
            }
        }
        None
    }

    fn event(&mut self, mut event: Event) {
        if let Some(journal) = &mut self.journal
            && is_kept(&event)
        {
            journal.event(&event);
        }
        let Some(observer) = &mut self.observer else {
            return;
        };
        match &mut event {
            Event::StageStarted { path, .. } => {
                self.started.entry(path.clone()).or_insert_with(Instant::now);
            }
            Event::StageFinished { path, ms, .. } => {
                *ms = self.started.remove(path).map_or(0, |t| t.elapsed().as_millis() as u64);
            }
            _ => {}
        }
        observer(&event);
    }
}

/// Events that the journal keeps: those that its other tables do not tell.
fn is_kept(event: &Event) -> bool {
    matches!(
        event,
        Event::Log { .. }
            | Event::Warning { .. }
            | Event::GateFailed { .. }
            | Event::StageRetrying { .. }
            | Event::ModelPassedOver { .. }
    )
}

/// A small source of randomness for pauses, seeded by the process.
struct Jitter(u64);

impl Jitter {
    fn new() -> Self {
        use std::hash::{BuildHasher, Hasher, RandomState};
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    /// A number from 0 to the limit.
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64: nothing here needs more.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.saturating_add(1).max(1)
    }
}
