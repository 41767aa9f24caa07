//! Runs that are killed at any instant, resumed, and killed again: the result is that of an uninterrupted run, and no
//! effect is lost or repeated without need.
//!
//! `CASCADE_CHAOS=1000 cargo test -p cascade-tests --test chaos` kills more often,
//! `CASCADE_CHAOS_SEED=7` chooses other instants.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use cascade_runtime::journal::{SqliteStore, Store as _};
use cascade_tests::binary::cascadec;
use serde_json::Value as Json;

const FLOW: &str = include_str!("../chaos/flow.cascade");

/// xorshift64: the instants are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

fn cascadec_command(folder: &Path, args: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(cascadec().as_ref().unwrap());
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn call_to_end(folder: &Path, args: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    cascadec_command(folder, args).output().unwrap()
}

/// Calls the command and kills it after a time; `None` if it was killed.
fn call_and_kill(folder: &Path, args: &[impl AsRef<std::ffi::OsStr>], after: Duration) -> Option<Output> {
    let mut child = cascadec_command(folder, args).spawn().unwrap();
    thread::sleep(after);
    match child.try_wait().unwrap() {
        Some(_) => Some(child.wait_with_output().unwrap()),
        None => {
            child.kill().unwrap();
            child.wait().unwrap();
            None
        }
    }
}

/// How often each effect ran, and with how many keys.
fn effects_by_path(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in fs::read_to_string(folder.join("log.txt")).unwrap_or_default().lines() {
        let (name, key) = line.split_once(' ').unwrap();
        out.entry(name.to_owned()).or_default().push(key.to_owned());
    }
    out
}

/// Answers the question of a paused run whether a payment was made, from the log.
fn answer_payment(folder: &Path, met: &Met) {
    met.unknown.fetch_add(1, Ordering::Relaxed);
    let listed = effects_by_path(folder);
    for (stage, payment) in [("paid", "pay-1"), ("paid_again", "pay-2")] {
        let run = run_id(folder).unwrap();
        let output = match listed.contains_key(payment) {
            true => call_to_end(folder, &["answer", &run, stage, "done", &format!("paid {payment}\n")[..]]),
            false => call_to_end(folder, &["answer", &run, stage, "again"]),
        };
        // One of the two asks.
        let _ = output;
    }
}

/// The run, once it has been recorded.
fn run_id(folder: &Path) -> Option<String> {
    let file = folder.join(".cascade/runs.db");
    if !file.is_file() {
        return None;
    }
    let mut runs = SqliteStore::open(&file).unwrap().runs().unwrap();
    assert!(runs.len() <= 1, "it began {} times", runs.len());
    runs.pop().map(|r| r.id)
}

/// The arguments that begin or resume the run.
fn next_arguments(folder: &Path) -> Vec<String> {
    match run_id(folder) {
        Some(run) => vec!["resume".into(), run, "-q".into()],
        None => vec!["run".into(), "flow.cascade".into(), "-q".into()],
    }
}

/// Counts of what was interrupted.
#[derive(Default)]
struct Met {
    interruptions: AtomicUsize,
    repeated: AtomicUsize,
    unknown: AtomicUsize,
}

/// Runs the program with kills at these times; the error is what went wrong.
fn run_with_kills(instants: &[Duration], reference: &Json, met: &Met) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("flow.cascade"), FLOW).unwrap();
    let mut interruptions = 0;
    let mut last = None;
    for after in instants {
        match call_and_kill(folder, &next_arguments(folder), *after) {
            None => interruptions += 1,
            Some(output) if output.status.code() == Some(3) => answer_payment(folder, met),
            Some(output) => {
                last = Some(output);
                break;
            }
        }
    }
    let mut rounds = 0;
    let output = loop {
        if let Some(output) = last.take() {
            break output;
        }
        let output = call_to_end(folder, &next_arguments(folder));
        if output.status.code() != Some(3) {
            break output;
        }
        answer_payment(folder, met);
        rounds += 1;
        if rounds > 5 {
            return Err("it pauses for ever".to_owned());
        }
    };
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let result: Json = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    if &result != reference {
        return Err(format!("another result:\n{result}\ninstead of\n{reference}"));
    }
    met.interruptions.fetch_add(interruptions, Ordering::Relaxed);
    // A killed process may leave one of each branch unfinished or unrecorded.
    for (name, keys) in effects_by_path(folder) {
        let usual = if name == "flaky" { 2 } else { 1 };
        if !keys.iter().all(|k| *k == keys[0]) {
            return Err(format!("{name} has several idempotency keys: {keys:?}"));
        }
        if name.starts_with("pay") && keys.len() != 1 {
            return Err(format!("{name} was done {} times, and must never be repeated", keys.len()));
        }
        met.repeated.fetch_add(keys.len() - usual, Ordering::Relaxed);
        if keys.len() > usual + interruptions {
            return Err(format!("{name} was done {} times after {interruptions} interruptions", keys.len()));
        }
    }
    Ok(())
}

#[test]
fn results_are_the_same_when_killed_at_any_instant() {
    let kills: usize = std::env::var("CASCADE_CHAOS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let seed: u64 = std::env::var("CASCADE_CHAOS_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_261_123);

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flow.cascade"), FLOW).unwrap();
    // Built now, so that the time is that of the run alone.
    assert!(cascadec().is_ok());
    let began = Instant::now();
    let output = call_to_end(folder.path(), &["run", "flow.cascade", "-q"]);
    let usual = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reference: Json = serde_json::from_slice(&output.stdout).unwrap();
    let all = effects_by_path(folder.path());
    assert!(all.len() >= 200, "{} effects", all.len());
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), all.len() + 1, "one is tried twice");

    // Some runs are killed once, and some repeatedly.
    let mut chance = Chance(seed | 1);
    let mut torments: Vec<Vec<Duration>> = Vec::new();
    let mut left = kills;
    while left > 0 {
        let times = if torments.len() % 5 == 4 { 4.min(left) } else { 1 };
        let instants = (0..times).map(|_| Duration::from_micros(chance.below(usual.as_micros() as u64 + 1)));
        torments.push(instants.collect());
        left -= times;
    }
    let (next, met) = (AtomicUsize::new(0), Met::default());
    let workers = thread::available_parallelism().map_or(2, |n| n.get());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(instants) = torments.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(wrong) = run_with_kills(instants, &reference, &met) {
                        panic!("seed {seed}, killed after {instants:?}: {wrong}");
                    }
                }
            });
        }
    });
    // Most instants must be within the run, or nothing was tested.
    let interruptions = met.interruptions.into_inner();
    println!("{interruptions} kills, {:?} effects repeated, {:?} unknown payments", met.repeated, met.unknown);
    assert!(interruptions * 2 > kills, "only {interruptions} of {kills} kills met a run");
}
