//! Runs a program on this machine.

use std::{
    collections::HashMap,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cascade_ir::{CascadeId, ErrorKind, Param, Program};
use cascade_machine::record_input;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::{
    agents::agent_availability,
    driver::{DriveOutcome, drive},
    durable::{Asker, Durability, Durable, Observer, Pause},
    eval::Facts,
    events::Event,
    failure::{Failure, Raise},
    folder::{folder_key, run_folder},
    host::Host,
    interpreter::{Environment, KnownOutcomes, Machine, Recalled, Spent, to_hex},
    journal::{Claim, Journal, JournalError, Ledger, RunEnd, RunGuard, RunStart, Store, now_ms},
    local::{Cancel, LocalHost, SandboxSettings, Setup, end_survivors},
    models::Providers,
    recordings::{RecordingHost, Recordings},
    redact::{self, Cut, Redactor},
    request::KeyVersion,
    value::{Secret, Value, to_json},
    wire::Vault,
};

/// The options of a run.
#[derive(Default)]
pub struct RunOptions<'o> {
    /// The store that records the run; `None`: it is not recorded.
    pub store: Option<Arc<dyn Store>>,
    /// Where the run starts.
    pub begin: Begin,
    /// Receives every event.
    pub observer: Option<Observer<'o>>,
    /// Answers questions interactively.
    pub asker: Option<Asker>,
    /// Whether to wait until people have answered and quotas are available again.
    pub wait: bool,
    /// Whether cached answers of other runs are ignored (`cache`).
    pub no_cache: bool,
    /// Whether the run is resumed only to be cancelled: nothing starts except its `on cancel`.
    pub cancel_first: bool,
    /// The maximal number of concurrent commands; 0: chosen by the number of processors.
    pub max_commands: usize,
    /// The working directory of commands and attached files; that of the process if absent.
    pub cwd: Option<PathBuf>,
    /// Cancels the run from outside.
    pub cancel: Cancel,
    /// Where answers of models and HTTP requests are recorded, or replayed from.
    pub recordings: Option<Arc<Recordings>>,
    /// How commands in sandboxes are confined.
    pub sandbox: SandboxSettings,
    /// How the providers of its models are reached. One of these is for one run.
    pub providers: Arc<Providers>,
}

/// Where a run starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Begin {
    /// A new run.
    #[default]
    New,
    /// Resumes this run, under the same id. Recorded answers are reused unless the request has
    /// changed.
    Resume(String),
    /// A new run that starts with the answers of this run.
    Fork(String),
}

/// The outcome of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// Its id.
    pub run: String,
    /// Its value or its failure. A paused run has the failure that says so.
    pub result: Result<Value, Failure>,
    /// What a paused run is waiting for.
    pub pause: Option<Pause>,
    /// Its total usage, including nested cascades.
    pub spent: Spent,
    /// The number of answers taken from the record.
    pub reused: u64,
    /// The duration of this execution, without earlier ones.
    pub took: Duration,
}

/// Runs a cascade with validated inputs (see [`crate::inputs_from_json`]) to its end, or until it
/// pauses.
///
/// The future is polled on a tokio runtime with time and I/O enabled, and does not block it: commands
/// and the writes of the journal have threads of their own.
pub async fn run(program: &Program, cascade: CascadeId, inputs: Vec<Value>, options: RunOptions<'_>) -> RunOutcome {
    let (cwd, cancel, sandbox) = (options.cwd.clone(), options.cancel.clone(), options.sandbox.clone());
    let watched = options.observer.is_some() || options.store.is_some();
    let redactor = run_redactor(program, &inputs, &options.providers);
    let run = id_of(&options.begin);
    let processes = options.store.as_ref().and_then(|store| store.process_list(&run));
    let locks = options.store.as_ref().and_then(|store| store.lock_directory());
    let setup = Setup {
        program,
        providers: Arc::clone(&options.providers),
        cwd,
        max_commands: options.max_commands,
        cancel,
        watched,
        redactor: redactor.clone(),
        processes,
        locks,
        run: run.clone(),
        sandbox,
    };
    let local = LocalHost::new(setup);
    let Some(recordings) = options.recordings.clone() else {
        return run_with_id(local, program, cascade, inputs, options, run).await;
    };
    let host = RecordingHost::new(local, program, Arc::clone(&recordings), redactor);
    let mut outcome = run_with_id(host, program, cascade, inputs, options, run).await;
    if let (false, Some(error)) = (recordings.records(), recordings.first_error()) {
        outcome.result = Err(error);
        outcome.pause = None;
    }
    outcome
}

/// Like [`run`], for callers without a runtime: it creates one for the duration of the run.
///
/// # Panics
/// When called from within a tokio runtime.
pub fn run_blocking(program: &Program, cascade: CascadeId, inputs: Vec<Value>, options: RunOptions<'_>) -> RunOutcome {
    block_on(run(program, cascade, inputs, options))
}

/// Blocks on a run, on a new runtime.
pub fn block_on(run: impl Future<Output = RunOutcome>) -> RunOutcome {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run);
            // A pending DNS lookup is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => {
            let message = format!("the runtime cannot be started: {error}");
            RunOutcome {
                run: String::new(),
                result: Err(Failure::new(ErrorKind::Unavailable, message)),
                pause: None,
                spent: Spent::default(),
                reused: 0,
                took: Duration::ZERO,
            }
        }
    }
}

/// Like [`run`] with another host, which carries out the effects; the journal stays local.
pub async fn run_on<H: Host>(
    host: H,
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: RunOptions<'_>,
) -> RunOutcome {
    let run = id_of(&options.begin);
    run_with_id(host, program, cascade, inputs, options, run).await
}

/// The id of a run that begins so: that of the run that is resumed, or a new one.
fn id_of(begin: &Begin) -> String {
    match begin {
        Begin::Resume(run) => run.clone(),
        Begin::New | Begin::Fork(_) => run_id(),
    }
}

async fn run_with_id<H: Host>(
    host: H,
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: RunOptions<'_>,
    run: String,
) -> RunOutcome {
    let began = Instant::now();
    let redactor = run_redactor(program, &inputs, &options.providers);
    // A panic in the interpreter is a bug, but it must only fail this run.
    let mut execution = Box::pin(execute_run(host, program, cascade, inputs, options, &run));
    let poll_caught =
        |context: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| execution.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        };
    let caught = poll_fn(poll_caught).await;
    drop(execution);
    let done = caught.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        // Truncated output can end with a part of a secret.
        let said = redactor.mask_cut(what.unwrap_or("unknown"), Cut { start: false, end: true });
        let message = format!("a bug in Cascade: {said}");
        RunResult::failed(Failure::new(ErrorKind::Internal, message))
    });
    let RunResult { result, pause, spent, reused } = done;
    RunOutcome { run, result, pause, spent, reused, took: began.elapsed() }
}

struct RunResult {
    result: Result<Value, Failure>,
    pause: Option<Pause>,
    spent: Spent,
    reused: u64,
}

impl RunResult {
    fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), pause: None, spent: Spent::default(), reused: 0 }
    }
}

impl From<JournalError> for Raise {
    fn from(error: JournalError) -> Self {
        Failure::raise(ErrorKind::Failed, error.to_string())
    }
}

/// The record of a run before it starts.
struct RecordedRun {
    ledger: Ledger,
    memory: HashMap<(String, String), Json>,
    /// The stages whose commands an earlier process of the run had left running, and which were terminated.
    ended_programs: Vec<String>,
    /// Held until the end of the run.
    _guard: Option<RunGuard>,
}

/// Claims a run and reads its record. It may block on the disk.
fn claim_and_load(store: Option<&dyn Store>, begin: &Begin, run: &str, has_memory: bool) -> Result<RecordedRun, Raise> {
    let Some(store) = store else {
        if *begin != Begin::New {
            return Err(JournalError("a run can be resumed only from a journal".to_owned()).into());
        }
        return Ok(RecordedRun {
            ledger: Ledger::default(),
            memory: HashMap::new(),
            ended_programs: Vec::new(),
            _guard: None,
        });
    };
    let guard = match store.claim_run(run)? {
        Claim::Claimed(guard) => guard,
        Claim::HeldBy(holder) => {
            let who = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            let message = format!("run {run} is being run by {who}");
            return Err(Failure::raise(ErrorKind::Denied, message));
        }
    };
    let (mut ledger, mut memory) = (Ledger::default(), HashMap::new());
    match begin {
        Begin::New => {}
        Begin::Resume(from) | Begin::Fork(from) => ledger = store.ledger(from)?,
    }
    if let Begin::Fork(_) = begin {
        ledger.become_a_fork();
    }
    let mut ended_programs = Vec::new();
    if let (Begin::Resume(_), Some(list)) = (begin, store.process_list(run)) {
        ended_programs = end_survivors(&list, |stage, attempt| ledger.has_ended(stage, attempt))
            .map_err(|why| Failure::raise(ErrorKind::Denied, why))?;
    }
    if has_memory {
        // A run uses the memory as it was when the run began, also after it is resumed.
        memory = match begin {
            Begin::Resume(run) => snapshot_from(&store.memory_of(run)?),
            _ => store.memory()?.into_iter().map(|m| ((m.memory, m.key), m.value)).collect(),
        };
    }
    Ok(RecordedRun { ledger, memory, ended_programs, _guard: Some(guard) })
}

/// Like `claim_and_recall`, on a blocking thread if there is much to read.
async fn load_recorded_run(program: &Program, options: &RunOptions<'_>, run: &str) -> Result<RecordedRun, Raise> {
    let has_memory = program.memories.iter().any(|m| m.global);
    let store = options.store.clone();
    if options.begin == Begin::New && !has_memory {
        return claim_and_load(store.as_deref(), &options.begin, run, false);
    }
    let (begin, run) = (options.begin.clone(), run.to_owned());
    let reading = move || claim_and_load(store.as_deref(), &begin, &run, has_memory);
    match tokio::task::spawn_blocking(reading).await {
        Ok(recalled) => recalled,
        Err(error) => Err(Failure::raise(ErrorKind::Internal, format!("the record was not read: {error}"))),
    }
}

pub(crate) fn snapshot_from(json: &Json) -> HashMap<(String, String), Json> {
    let mut out = HashMap::new();
    for (memory, keys) in json.as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            out.insert((memory.clone(), key.clone()), value.clone());
        }
    }
    out
}

pub(crate) fn memory_snapshot(memory: &HashMap<(String, String), Json>) -> Json {
    let mut out = Map::new();
    for ((name, key), value) in memory {
        let keys = out.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(keys) = keys {
            keys.insert(key.clone(), value.clone());
        }
    }
    Json::Object(out)
}

async fn execute_run<H: Host>(
    host: H,
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: RunOptions<'_>,
    run: &str,
) -> RunResult {
    if program.format != cascade_ir::FORMAT {
        let message = format!(
            "the program was compiled for another version of Cascade (format {}, this one runs {})",
            program.format,
            cascade_ir::FORMAT
        );
        return RunResult::failed(Failure::new(ErrorKind::Failed, message));
    }
    if program.cascades.get(cascade.index()).is_none() {
        return RunResult::failed(Failure::new(ErrorKind::Internal, "there is no such cascade"));
    }
    let ended = match load_recorded_run(program, &options, run).await {
        Ok(recalled) => drive_recorded(host, program, cascade, inputs, options, run, recalled).await,
        Err(failure) => Err(failure),
    };
    ended.unwrap_or_else(|failure| RunResult::failed(*failure))
}

/// Shorter API keys, in bytes, are not treated as secrets: local servers accept any word (`ollama`,
/// `EMPTY`), which would be removed from ordinary text.
const MIN_KEY_LENGTH: usize = 12;

/// The redactor of a run: it knows the secrets among its inputs, and the API keys of its models.
pub(crate) fn run_redactor(program: &Program, inputs: &[Value], providers: &Providers) -> Redactor {
    let mut redactor = Redactor::of_values(inputs);
    environment_variables(program).values().for_each(|secret| redactor.learn(secret.reveal()));
    providers.secrets(program).iter().filter(|key| key.len() >= MIN_KEY_LENGTH).for_each(|key| redactor.learn(key));
    redactor
}

/// What expressions can know of a run that is taken up with these records.
pub(crate) fn run_facts(program: &Program, cascade: CascadeId, run: &str, started: i64, recalled: &Recalled) -> Facts {
    let failed = u32::try_from(recalled.failed.len()).unwrap_or(u32::MAX);
    Facts {
        id: run.to_owned(),
        started,
        cascade: program.cascades.get(cascade.index()).map(|c| c.name.to_string()).unwrap_or_default(),
        attempt: failed.saturating_add(recalled.cancelled).saturating_add(1),
        variables: environment_variables(program),
    }
}

/// What is known of the models that a `best_of` of the program compares; nothing is read for other programs.
pub(crate) fn known_outcomes(program: &Program, store: Option<&dyn Store>) -> Result<Arc<KnownOutcomes>, JournalError> {
    match store.filter(|_| program.compares_models()) {
        Some(store) => Ok(Arc::new(store.model_outcomes()?)),
        None => Ok(Arc::default()),
    }
}

/// Drives a run that was claimed, and records it.
async fn drive_recorded<H: Host>(
    host: H,
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: RunOptions<'_>,
    run: &str,
    recalled: RecordedRun,
) -> Result<RunResult, Raise> {
    let began = Instant::now();
    let Some(entry) = program.cascades.get(cascade.index()) else {
        return Err(Failure::raise(ErrorKind::Internal, "there is no such cascade"));
    };
    let RecordedRun { ledger, memory, ended_programs, _guard } = recalled;
    let (models, agents, memory) = match &options.recordings {
        Some(recordings) => {
            let models = recordings.availability(program, &options.providers);
            let agents = if recordings.records() { agent_availability(program) } else { models.clone() };
            (models, agents, recordings.memory(memory))
        }
        None => (options.providers.availability(program), agent_availability(program), memory),
    };
    let resumed = matches!(options.begin, Begin::Resume(_));
    let kept_memory = memory_snapshot(&memory);
    let project_key = options.store.as_ref().map(|store| store.project_key()).transpose()?;
    let redactor = run_redactor(program, &inputs, &options.providers);
    let recorded = |(param, value): (&Param, &Value)| (param.name.to_string(), record_input(&redactor, value));
    let shown: Map<String, Json> = entry.params.iter().zip(&inputs).map(recorded).collect();
    let recalled = match options.begin {
        Begin::New => Recalled { key_version: KeyVersion::V4, ..Recalled::default() },
        Begin::Resume(_) | Begin::Fork(_) => ledger.recalled(),
    };
    let started = match (&options.store, resumed) {
        (Some(store), true) => store.run(run)?.map(|row| row.started),
        _ => None,
    };
    let started = started.unwrap_or_else(now_ms);
    let facts = run_facts(program, cascade, run, started, &recalled);
    let environment = Environment {
        outcomes: known_outcomes(program, options.store.as_deref())?,
        facts,
        run: run.to_owned(),
        folder: folder_key(&run_folder(options.cwd.as_deref())),
        models,
        agents,
        listening: options.observer.is_some() || options.store.is_some(),
        watched: options.observer.is_some(),
        recalled: Arc::new(recalled),
        project_key: project_key.clone(),
        redactor: redactor.clone(),
        memory,
        ..Environment::default()
    };
    let mut vault = Vault::from_inputs(entry.params.iter().map(|param| param.name.as_str()).zip(&inputs));
    *vault.redactor_mut() = redactor;
    vault.set_project_key(project_key.clone());
    let mut machine = Machine::new(program, cascade, inputs, environment)?;
    let mut key_in_program = None;
    let (mut journal, mut start): (Option<Box<dyn Journal>>, Option<RunStart>) = (None, None);
    if let Some(store) = &options.store {
        let bytes = serde_json::to_vec(program).unwrap_or_default();
        key_in_program = redact::find_key(&bytes);
        let cwd = run_folder(options.cwd.as_deref());
        start = Some(RunStart {
            run: run.to_owned(),
            hash: match &project_key {
                Some(key) => key.name_content("program", &bytes),
                None => to_hex(&Sha256::digest(&bytes)),
            },
            program: bytes,
            file: program.name.clone(),
            cwd: cwd.display().to_string(),
            cascade: entry.name.to_string(),
            inputs: Json::Object(shown),
            memory: kept_memory,
            resumed,
            fork: match &options.begin {
                Begin::Fork(from) => Some(from.clone()),
                _ => None,
            },
            at: if resumed { now_ms() } else { started },
        });
        journal = Some(store.open_journal(run)?);
    }
    let mut host = Durable::new(
        host,
        Durability {
            program,
            vault,
            store: options.store,
            journal,
            ledger,
            observer: options.observer,
            asker: options.asker,
            wait: options.wait,
            use_cache: !options.no_cache,
            cancel_first: options.cancel_first,
            run: run.to_owned(),
        },
    );
    if let Some(start) = start {
        host.begin_run(start);
    }
    host.event(Event::RunStarted { run: run.to_owned(), cascade: entry.name.to_string(), resumed });
    for path in ended_programs {
        let message = "the program of this stage was still running since the run was interrupted; it was ended";
        host.event(Event::Warning { path, message: message.to_owned(), place: None });
    }
    if let Some(what) = key_in_program {
        let message = format!(
            "the program holds what looks like {what}, and the record holds the program; give it as an input of the \
             type `secret`"
        );
        host.event(Event::Warning { path: entry.name.to_string(), message, place: None });
    }
    let driven = drive(&mut machine, &mut host).await;
    host.inner_mut().settle().await;
    let (mut result, pause) = match driven {
        DriveOutcome::Ended(result) => (result, None),
        DriveOutcome::Paused => {
            let pause = host.pause();
            (Err(Failure::new(ErrorKind::Cancelled, format!("paused: {}", pause.reason()))), Some(pause))
        }
    };
    result = match result {
        Ok(value) => Ok(host.redactor().mask_value(value)),
        Err(mut failure) => {
            host.redactor().mask_failure(&mut failure);
            Err(failure)
        }
    };
    let spent = machine.total_spent();
    let status = match (&result, &pause) {
        (_, Some(_)) => "paused",
        (Ok(_), None) => "done",
        (Err(failure), None) if failure.kind == ErrorKind::Cancelled => "cancelled",
        (Err(_), None) => "failed",
    };
    if let Some(pause) = &pause {
        host.event(Event::Paused { reason: pause.reason(), until: pause.until });
    }
    let (clock, reused) = (host.clock(), host.reused_count());
    let end = RunEnd {
        status,
        result: result.as_ref().ok().map(to_json),
        error: result.as_ref().err().and_then(|f| serde_json::to_value(f).ok()),
        failed_at: result.as_ref().err().map(|f| (f.stage.clone(), f.attempts)),
        until: pause.as_ref().and_then(|p| p.until),
        clock,
        at: now_ms(),
    };
    if let Err(error) = host.end_run(end).await
        && result.is_ok()
    {
        result = Err(Failure::new(ErrorKind::Failed, error.to_string()));
    }
    host.event(Event::RunFinished {
        run: run.to_owned(),
        status,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        tokens: spent.tokens,
        cost: spent.cost,
    });
    Ok(RunResult { result, pause, spent, reused })
}

/// A short id that sorts by time: milliseconds since 2024 and some random bits, in base 32.
fn run_id() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    const EPOCH_2024: u128 = 1_704_067_200_000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let ms = u64::try_from(now.saturating_sub(EPOCH_2024)).unwrap_or(0) & ((1 << 40) - 1);
    let chance = RandomState::new().build_hasher().finish() & 0x7fff;
    let bits = (ms << 15) | chance;
    (0..11).rev().map(|i| DIGITS[((bits >> (i * 5)) & 31) as usize] as char).collect()
}

/// The variables of the environment that a program names by `env("NAME")`, as far as they are set.
pub fn environment_variables(program: &Program) -> Arc<HashMap<SmolStr, Secret>> {
    let read = |name: &SmolStr| std::env::var(name.as_str()).ok().map(|value| (name.clone(), Secret::new(&value)));
    Arc::new(program.variables.iter().filter_map(read).collect())
}
