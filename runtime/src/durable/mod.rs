//! The host that records a run and replays it: it stands between the interpreter and the host that acts.
//!
//! A request whose answer is recorded is answered from the record, in the recorded order. A new answer
//! is recorded before the interpreter sees it. To the interpreter both are the same, so a run continues
//! where it was interrupted, also after an edit.

mod cache;
mod explain_change;
mod host;
mod outcome;
mod people;
mod replay;
mod secrets;
mod watch;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use cascade_ir::{ErrorKind, ModelId, Program};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

pub(crate) use cache::find_cached_output;
pub(crate) use explain_change::{explain_key_change, explain_skill_change};
pub use people::{Asked, Asker, Pause, Reply};
pub use watch::Observer;

use crate::{
    host::{Host, Report},
    journal::{EffectEnd, EffectStart, Journal, JournalError, Ledger, Record, RunEnd, RunStart, Store},
    redact::Redactor,
    request::{Answer, EffectInfo, Request, RequestId, RequestKind, RequestMap, RequestSet, Usage},
    wire::Vault,
};
use cache::cache_record;
use people::People;
use replay::Replay;
use watch::Watch;

/// How often the journal is asked whether a person has answered.
const POLL: Duration = Duration::from_millis(300);

/// How many answers the store confirms together. Each confirmation wakes the run once; with fewer answers in each, the
/// run goes on while the store writes the next ones.
const CONFIRMED_TOGETHER: usize = 256;

/// Messages from other threads.
enum Note {
    /// Answers have been recorded, as durably as they must be, or recording them has failed.
    Recorded(Vec<(RequestId, Answer)>, Result<(), JournalError>),
    /// The beginning of an effect has been recorded: the effect may begin.
    Begun(RequestId, Result<(), JournalError>),
    /// A person answered on the terminal.
    Answered(RequestId, Json),
    /// The terminal is closed.
    NobodyThere,
    /// The beginning of the run has been recorded, or recording it has failed.
    Known(Result<(), JournalError>),
}

/// An effect that runs.
struct Open {
    info: Arc<EffectInfo>,
    model: Option<ModelId>,
    /// Whether its answer may be lost in a crash: it cost nothing and changed nothing.
    cheap: bool,
}

/// How a durable host is made.
pub(crate) struct Durability<'p> {
    pub(crate) program: &'p Program,
    /// The secrets among the inputs: the record names them and does not hold them.
    pub(crate) vault: Vault,
    /// Where the run is recorded, for reading.
    pub(crate) store: Option<Arc<dyn Store>>,
    /// Where it is recorded, for writing.
    pub(crate) journal: Option<Box<dyn Journal>>,
    pub(crate) ledger: Ledger,
    pub(crate) observer: Option<Observer<'p>>,
    /// Asks people on the terminal.
    pub(crate) asker: Option<Asker>,
    /// Whether the process stays alive while the run waits for people or a quota.
    pub(crate) wait: bool,
    /// Whether answers of other runs are taken (`cache`).
    pub(crate) use_cache: bool,
    /// Whether the run is resumed only to be cancelled: nothing begins but its `on cancel`.
    pub(crate) cancel_first: bool,
    pub(crate) run: String,
}

/// The host that records and replays.
pub(crate) struct Durable<'p, H> {
    inner: H,
    program: &'p Program,
    vault: Vault,
    store: Option<Arc<dyn Store>>,
    journal: Option<Box<dyn Journal>>,
    run: String,
    use_cache: bool,
    replay: Replay,
    people: People,
    watch: Watch<'p>,
    outbox: mpsc::UnboundedSender<Note>,
    inbox: mpsc::UnboundedReceiver<Note>,
    /// Answers that are ready: no other host and no disk is waited for.
    instant: VecDeque<(RequestId, Answer)>,
    open: RequestMap<Open>,
    /// Sessions of agents by path of the stage and key of the request.
    sessions: HashMap<(String, String), String>,
    /// Effects that begin once their beginning is recorded.
    beginning: RequestMap<Request>,
    /// Answers that are being written to the store, with their position in the recorded order.
    committing: RequestMap<i64>,
    /// Answers that were given to the store, which has not yet been asked to confirm them.
    unconfirmed: Vec<(RequestId, Answer)>,
    /// Answers that the store has confirmed.
    confirmed: VecDeque<(RequestId, Answer)>,
    /// Files being read and pauses between attempts: the run is not idle while they last.
    busy: RequestSet,
    /// The stages that have asked for a name of their own (`exclusive`).
    locks: RequestMap<String>,
    /// Requests that may not begin while a quota is spent.
    held: VecDeque<Request>,
    /// Requests that may not begin before the run itself is recorded: otherwise the run could not be
    /// resumed.
    unknown: Option<VecDeque<Request>>,
    /// Why nothing can be recorded any more. Then nothing begins: what acts now would act again.
    broken: Option<JournalError>,
    seq: i64,
    /// Age of the run when this process took it, in milliseconds.
    age: i64,
    began: Instant,
    cancelled: bool,
    cancel_first: bool,
    /// How many answers were taken from the record.
    reused: u64,
    noted_memory: bool,
}

impl<'p, H: Host> Durable<'p, H> {
    pub(crate) fn new(inner: H, setup: Durability<'p>) -> Self {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let (seq, age) = (setup.ledger.seq, setup.ledger.clock);
        Self {
            inner,
            program: setup.program,
            vault: setup.vault,
            store: setup.store,
            journal: setup.journal,
            run: setup.run,
            use_cache: setup.use_cache,
            replay: Replay::new(setup.ledger),
            people: People::new(setup.asker, setup.wait),
            watch: Watch::new(setup.observer),
            outbox,
            inbox,
            instant: VecDeque::new(),
            open: RequestMap::default(),
            sessions: HashMap::new(),
            beginning: RequestMap::default(),
            committing: RequestMap::default(),
            unconfirmed: Vec::new(),
            confirmed: VecDeque::new(),
            busy: RequestSet::default(),
            locks: RequestMap::default(),
            held: VecDeque::new(),
            unknown: None,
            broken: None,
            seq,
            age,
            began: Instant::now(),
            cancelled: false,
            cancel_first: setup.cancel_first,
            reused: 0,
            noted_memory: false,
        }
    }

    /// The host that acts.
    pub(crate) fn inner_mut(&mut self) -> &mut H {
        &mut self.inner
    }

    /// Records the end of the run, and waits until everything is recorded.
    pub(crate) async fn end_run(&mut self, end: RunEnd) -> Result<(), JournalError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.write(Record::RunEnded(Box::new(end)), None);
        let (sender, receiver) = oneshot::channel();
        journal.flush(Box::new(move |result| {
            // The receiver may have been dropped.
            let _ = sender.send(result);
        }));
        receiver.await.unwrap_or_else(|_| Err(JournalError("the journal's thread has ended".to_owned())))
    }

    /// Records the beginning of the run; no effect begins before that is done.
    pub(crate) fn begin_run(&mut self, start: RunStart) {
        if let Some(journal) = &mut self.journal {
            let outbox = self.outbox.clone();
            let done = move |result| {
                // The run may have ended meanwhile.
                let _ = outbox.send(Note::Known(result));
            };
            journal.write(Record::RunStarted(Box::new(start)), Some(Box::new(done)));
            self.unknown = Some(VecDeque::new());
        }
    }

    /// Age of the run: the time in which a process ran it, in milliseconds.
    pub(crate) fn clock(&self) -> i64 {
        self.age.saturating_add(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// What knows the secrets of the run.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.vault.redactor()
    }

    /// How many answers were taken from the record.
    pub(crate) fn reused_count(&self) -> u64 {
        self.reused
    }

    /// What the run waits for, when it has stopped.
    pub(crate) fn pause(&self) -> Pause {
        self.people.pause()
    }

    fn write(&mut self, record: Record) {
        if let Some(journal) = &mut self.journal {
            journal.write(record, None);
        }
    }

    fn next_seq(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// Whether nothing new may begin for now.
    fn is_holding(&self) -> bool {
        (self.people.is_out_of_quota() || self.cancel_first) && !self.cancelled
    }

    /// Lets an agent that was interrupted go on where it was: in an earlier process of the run, or in an attempt
    /// that was withdrawn.
    fn continue_session(&self, request: &mut Request) {
        let (RequestKind::Agent(work), Some(info)) = (&mut request.kind, &request.effect) else { return };
        if work.session.is_some() {
            return;
        }
        let known = self.sessions.get(&(info.path.clone(), info.key.clone())).cloned();
        if let Some(session) = known.or_else(|| self.replay.open_session(&info.path, &info.key)) {
            work.go_on(session);
        }
    }

    /// Begins an effect for real.
    fn begin(&mut self, mut request: Request) {
        if self.is_holding() {
            self.held.push_back(request);
            return;
        }
        if self.unknown.is_some() {
            self.look_whether_known();
        }
        if let Some(waiting) = &mut self.unknown {
            waiting.push_back(request);
            return;
        }
        let id = request.id;
        if let Some(error) = &self.broken {
            self.instant.push_back((id, Answer::failed(ErrorKind::Internal, error.to_string())));
            return;
        }
        let Some(info) = request.effect.clone() else {
            self.busy.insert(id);
            self.inner.start(request);
            return;
        };
        self.continue_session(&mut request);
        let model = match &request.kind {
            RequestKind::Prompt(prompt) => Some(prompt.model),
            RequestKind::Agent(work) => Some(work.prompt.model),
            _ => None,
        };
        secrets::learn_args(self.vault.redactor_mut(), &request.kind);
        let once = info.once;
        let cheap = !once && is_cheap(&request.kind);
        self.open.insert(id, Open { info: Arc::clone(&info), model, cheap });
        if let Some(journal) = &mut self.journal {
            let start = EffectStart::from_request(id.0, &info, &request.kind, self.program, &self.vault);
            let done: Option<crate::journal::Done> = once.then(|| {
                let outbox = self.outbox.clone();
                let done = move |result| {
                    // The run may have ended meanwhile.
                    let _ = outbox.send(Note::Begun(id, result));
                };
                Box::new(done) as crate::journal::Done
            });
            journal.write(Record::Started(Box::new(start)), done);
            if once {
                self.beginning.insert(id, request);
                return;
            }
        }
        self.inner.start(request);
    }

    /// Begins what has waited for the record of the run, if that is written by now.
    fn look_whether_known(&mut self) {
        // Nothing has begun that could be answered: the other notes change what is known and are no reports.
        while self.unknown.is_some()
            && let Ok(note) = self.inbox.try_recv()
        {
            if let Some(report) = self.handle_note(note)
                && let Report::Answer(id, answer) = report
            {
                self.instant.push_back((id, answer));
            }
        }
    }

    /// An answer of the inner host.
    fn answered(&mut self, id: RequestId, answer: Answer) -> Option<Report> {
        self.busy.remove(&id);
        self.people.forget_quota(id);
        match self.open.remove(&id) {
            Some(open) => self.record(id, &open, answer),
            None => Some(Report::Answer(id, self.hide_secrets(None, answer))),
        }
    }

    /// Records the end of an effect. Returns the answer if it can be given before it is on the disk.
    fn record(&mut self, id: RequestId, open: &Open, answer: Answer) -> Option<Report> {
        let mut answer = self.hide_secrets(Some(&open.info), answer);
        let seq = self.next_seq();
        let clock = self.clock();
        let paid = self.replay.paid_usage(&open.info.path, open.info.attempt);
        let Some(journal) = &mut self.journal else {
            return Some(Report::Answer(id, answer));
        };
        let mut end = EffectEnd::from_answer(self.program, id.0, open.model, &answer);
        end.secret = open.info.answer.secret;
        if paid != (Usage { cost: Some(0), ..Usage::default() }) {
            // What was asked here before an edit has been paid for, and counts for the budgets.
            answer.usage.cost = end.usage.cost;
            answer.usage.add(paid);
        }
        (end.seq, end.clock, end.full) = (seq, clock, !open.cheap);
        let cached = cache_record(&self.run, &open.info, &end, &answer);
        let at_once = open.cheap && self.committing.is_empty();
        journal.write(Record::Ended(Box::new(end)), None);
        if let Some(cached) = cached {
            journal.write(Record::Cache(Box::new(cached)), None);
        }
        if at_once {
            return Some(Report::Answer(id, answer));
        }
        self.committing.insert(id, seq);
        self.unconfirmed.push((id, answer));
        if self.unconfirmed.len() >= CONFIRMED_TOGETHER {
            self.confirm_answers();
        }
        None
    }

    /// Asks the store to tell when the answers that it was given are recorded.
    fn confirm_answers(&mut self) {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.unconfirmed.is_empty()) else { return };
        let answers = std::mem::take(&mut self.unconfirmed);
        let outbox = self.outbox.clone();
        journal.flush(Box::new(move |result| {
            // The run may have ended meanwhile.
            let _ = outbox.send(Note::Recorded(answers, result));
        }));
    }

    /// The next answer that is recorded and still wanted.
    fn take_confirmed(&mut self) -> Option<Report> {
        while let Some((id, answer)) = self.confirmed.pop_front() {
            if self.committing.remove(&id).is_some() {
                return Some(Report::Answer(id, answer));
            }
        }
        None
    }

    fn handle_note(&mut self, note: Note) -> Option<Report> {
        match note {
            Note::Recorded(answers, Ok(())) => {
                self.confirmed.extend(answers);
                self.take_confirmed()
            }
            Note::Recorded(answers, Err(error)) => {
                let failed = Answer::failed(ErrorKind::Internal, error.to_string());
                self.confirmed.extend(answers.into_iter().map(|(id, _)| (id, failed.clone())));
                self.broken = Some(error);
                self.take_confirmed()
            }
            Note::Begun(id, result) => {
                let request = self.beginning.remove(&id)?;
                match result {
                    Ok(()) => {
                        self.inner.start(request);
                        None
                    }
                    Err(error) => {
                        self.open.remove(&id);
                        let failed = Answer::failed(ErrorKind::Internal, error.to_string());
                        self.broken = Some(error);
                        Some(Report::Answer(id, failed))
                    }
                }
            }
            Note::Answered(id, json) => {
                self.person_answered(id, json);
                None
            }
            Note::Known(result) => {
                self.broken = self.broken.take().or(result.err());
                for request in self.unknown.take().unwrap_or_default() {
                    self.begin(request);
                }
                None
            }
            Note::NobodyThere => {
                self.people.leave_terminal();
                None
            }
        }
    }

    /// Begins the requests that were held back, once nothing holds them back. It is not called while
    /// requests are being withdrawn, since those that were held back may be withdrawn next.
    fn release_held(&mut self) {
        if self.is_holding() {
            return;
        }
        for request in std::mem::take(&mut self.held) {
            self.begin(request);
        }
    }

    /// Whether no work is under way that could advance the run.
    fn is_idle(&self) -> bool {
        let unknown = self.unknown.as_ref().is_some_and(|u| !u.is_empty());
        self.open.is_empty() && self.committing.is_empty() && self.busy.is_empty() && !unknown
    }
}

/// Whether an effect can be repeated at no cost: it costs no money and changes nothing.
fn is_cheap(kind: &RequestKind) -> bool {
    match kind {
        RequestKind::Http(http) => matches!(http.method.as_str(), "GET" | "HEAD"),
        RequestKind::Builtin(builtin) => crate::local::is_harmless(&builtin.name),
        _ => false,
    }
}

/// Recorded answers that were asked for, in the order in which they were given.
type Due = BTreeMap<(i64, u64), replay::Reply>;
