//! A whole run on this machine.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cascade_ir::{CascadeId, ErrorKind, Program};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::{
    driver::drive,
    events::Event,
    failure::Failure,
    host::Host,
    journal::{Journal, RunEnd, RunStart, SqliteJournal},
    local::{Cancel, LocalHost, Observer, Setup},
    machine::{Environment, Machine, Spent, hex},
    models::availability,
    value::{Value, to_json},
};

/// How a run is to be done.
#[derive(Default)]
pub struct RunOptions<'o> {
    /// The journal's file; `None`: nothing is kept.
    pub journal: Option<PathBuf>,
    /// Hears of every event.
    pub observer: Option<Observer<'o>>,
    /// Most programs at once; 0: as many as suit this machine.
    pub max_commands: usize,
    /// Where programs run and files are looked for; the process's own directory if absent.
    pub cwd: Option<PathBuf>,
    /// Ends the run from elsewhere.
    pub cancel: Cancel,
}

/// What came of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// Its id.
    pub run: String,
    /// Its value, or why there is none.
    pub result: Result<Value, Failure>,
    /// What it used.
    pub spent: Spent,
    /// How long it took.
    pub took: Duration,
}

/// Runs a cascade with inputs that were checked (see [`crate::inputs_from_json`]) and waits for
/// its end.
pub fn run(program: &Program, cascade: CascadeId, inputs: Vec<Value>, options: RunOptions<'_>) -> RunOutcome {
    let run = run_id();
    let began = Instant::now();
    // Whatever goes wrong in here is a defect, but never more than the end of this run.
    let caught = catch_unwind(AssertUnwindSafe(|| execute(program, cascade, inputs, options, &run)));
    let (result, spent) = caught.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("a defect of Cascade: {}", what.unwrap_or("unknown"));
        (Err(Failure::new(ErrorKind::Internal, message)), Spent::default())
    });
    RunOutcome { run, result, spent, took: began.elapsed() }
}

fn execute(
    program: &Program,
    cascade: CascadeId,
    inputs: Vec<Value>,
    options: RunOptions<'_>,
    run: &str,
) -> (Result<Value, Failure>, Spent) {
    let none = |failure: Failure| (Err(failure), Spent::default());
    let began = Instant::now();
    if program.format != cascade_ir::FORMAT {
        let message = format!(
            "the program was compiled for another version of Cascade (format {}, this one runs {})",
            program.format,
            cascade_ir::FORMAT
        );
        return none(Failure::new(ErrorKind::Failed, message));
    }
    let Some(entry) = program.cascades.get(cascade.index()) else {
        return none(Failure::new(ErrorKind::Internal, "there is no such cascade"));
    };
    let environment = Environment {
        run: run.to_owned(),
        models: availability(program),
        listening: options.observer.is_some() || options.journal.is_some(),
        ..Environment::default()
    };
    let shown: Map<String, Json> =
        entry.params.iter().zip(&inputs).map(|(p, v)| (p.name.to_string(), to_json(v))).collect();
    let mut machine = match Machine::new(program, cascade, inputs, environment) {
        Ok(machine) => machine,
        Err(failure) => return none(failure),
    };
    let mut journal: Option<Box<dyn Journal>> = None;
    if let Some(path) = &options.journal {
        match SqliteJournal::open(path, run) {
            Ok(opened) => journal = Some(Box::new(opened)),
            Err(error) => return none(Failure::new(ErrorKind::Failed, error.to_string())),
        }
    }
    if let Some(journal) = &mut journal {
        journal.run_started(RunStart {
            run: run.to_owned(),
            program: program_hash(program),
            name: program.name.clone(),
            cascade: entry.name.to_string(),
            inputs: Json::Object(shown),
        });
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return none(Failure::new(ErrorKind::Unavailable, format!("no timer can be made: {error}")));
        }
    };
    let max_commands = match options.max_commands {
        0 => thread::available_parallelism().map_or(8, |n| n.get().max(8)),
        n => n,
    };
    let mut host = LocalHost::new(Setup {
        program,
        cwd: options.cwd,
        max_commands,
        cancel: options.cancel,
        journal,
        observer: options.observer,
    });
    host.event(Event::RunStarted { run: run.to_owned(), cascade: entry.name.to_string() });
    let mut result = runtime.block_on(async {
        let result = drive(&mut machine, &mut host).await;
        host.settle().await;
        result
    });
    let spent = machine.spent();
    let status = match &result {
        Ok(_) => "done",
        Err(failure) if failure.kind == ErrorKind::Cancelled => "cancelled",
        Err(_) => "failed",
    };
    if let Some(journal) = &mut host.journal {
        let end = RunEnd {
            status,
            result: result.as_ref().ok().map(to_json),
            error: result.as_ref().err().and_then(|f| serde_json::to_value(f).ok()),
            tokens: spent.tokens,
            cost: spent.cost,
        };
        if let Err(error) = journal.run_ended(end)
            && result.is_ok()
        {
            result = Err(Failure::new(ErrorKind::Failed, error.to_string()));
        }
    }
    host.event(Event::RunFinished {
        run: run.to_owned(),
        status,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        tokens: spent.tokens,
        cost: spent.cost,
    });
    (result, spent)
}

/// SHA-256 of a compiled program, in hex.
pub fn program_hash(program: &Program) -> String {
    let bytes = serde_json::to_vec(program).unwrap_or_default();
    hex(&Sha256::digest(&bytes))
}

/// A short id that sorts by time: milliseconds since 2024 and a little chance, in base 32.
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
