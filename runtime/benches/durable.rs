//! What durability costs: `cargo bench -p cascade-runtime --bench durable`.
//!
//! The host answers at once, so that what is measured is the interpreter with its journal. Every
//! figure stands beside the machine's own: one commit of SQLite (WAL, `synchronous = FULL`) on the
//! same disk in the same minute.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use cascade_ir::*;
use cascade_runtime::{
    Begin, Event, RunOptions, RunOutcome, block_on,
    host::{Host, Report},
    journal::SqliteStore,
    request::{Answer, MemoryOp, Output, Request, RequestId, RequestKind, Response, Usage},
    run_on,
};
use support::*;

/// Answers at once; after so many answers it never answers again, which is a dead process.
struct Instant0 {
    answers: VecDeque<(RequestId, Answer)>,
    begun: usize,
    first: Option<Instant>,
    dead_after: usize,
}

impl Instant0 {
    fn new(dead_after: usize) -> Self {
        Self { answers: VecDeque::new(), begun: 0, first: None, dead_after }
    }
}

impl Host for &mut Instant0 {
    fn start(&mut self, request: Request) {
        self.begun += 1;
        self.first.get_or_insert_with(Instant::now);
        let answer = match &request.kind {
            RequestKind::Prompt(_) => Answer {
                result: Ok(Output::Model("fine".into())),
                usage: Usage { tokens_in: 10, tokens_out: 10, cost: Some(1), ..Usage::default() },
            },
            RequestKind::Http(_) => Answer::ok(Output::Response(Response {
                status: 200,
                body: Arc::from(&b"fine"[..]),
                retry_after_ms: None,
                charset: None,
            })),
            _ => Answer::ok(Output::Fired),
        };
        assert!(self.begun <= self.dead_after, "the process dies");
        self.answers.push_back((request.id, answer));
    }
    fn cancel(&mut self, _id: RequestId) {}
    async fn next(&mut self) -> Report {
        match self.answers.pop_front() {
            Some((id, answer)) => Report::Answer(id, answer),
            None => std::future::pending().await,
        }
    }
    fn ready(&mut self) -> Option<Report> {
        self.answers.pop_front().map(|(id, answer)| Report::Answer(id, answer))
    }
    fn event(&mut self, _event: Event) {}
    fn remember(&mut self, _op: MemoryOp) {}
}

fn get(make: &mut Make) -> SkillId {
    let http = Http {
        method: "GET".into(),
        url: Template { parts: vec![TextPart::Text("http://localhost/".into())] },
        headers: Vec::new(),
        query: None,
        body: None,
        status: Vec::new(),
        format: OutputFormat::Text,
        follows_redirects: false,
    };
    make.skill("read", 1, Effect::Http(Box::new(http)), Type::String)
}

fn ask(make: &mut Make) -> SkillId {
    make.model("m", "openai_compatible");
    make.program.models[0].base_url = Some("http://localhost".into());
    make.program.routes.push(Route {
        name: "auto".into(),
        arms: vec![RouteArm { capability: None, models: vec![ModelRef::Model(ModelId(0))], by: None }],
    });
    make.program.default_route = Some(RouteId(0));
    make.prompt("ask", "Ask.", Type::String)
}

/// So many stages one after the other.
fn chain(stages: u32, dear: bool) -> Program {
    let mut make = Make::new();
    let skill = if dear { ask(&mut make) } else { get(&mut make) };
    let stmts = (0..stages).map(|i| stage(&format!("s{i}"), i, Work::Skill(skill, vec![int(i64::from(i))]))).collect();
    make.main(stages, stmts)
}

/// So many branches at once.
fn fan(branches: i64) -> Program {
    let mut make = Make::new();
    let skill = ask(&mut make);
    let list = Expr::List((0..branches).map(int).collect());
    let body = block(vec![stage("s", 2, Work::Skill(skill, vec![slot(1)]))]);
    let node =
        For { name: "x".into(), item: Slot(1), list, parallel: true, max: Some(int(branches)), body, place: place(1) };
    make.main(3, vec![Stmt::Work(Box::new(Work::For(Box::new(node))), Some(Slot(0)))])
}

struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("cascade-bench-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }
    fn file(&self) -> PathBuf {
        self.0.join("runs.db")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program. The time ends with the result; the file is closed afterwards, as `cascadec run` closes it.
fn perform(program: &Program, file: &Path, begin: Begin, host: &mut Instant0) -> (RunOutcome, Duration) {
    let store = std::sync::Arc::new(SqliteStore::at(file));
    let options = RunOptions { store: Some(store.clone()), begin, ..RunOptions::default() };
    let began = Instant::now();
    let outcome = block_on(run_on(host, program, entry(program), vec![], options));
    let took = began.elapsed();
    drop(store);
    (outcome, took)
}

fn best(times: usize, mut f: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| f()).min().unwrap()
}

/// One commit of a record of one kilobyte, as SQLite does it here.
fn commit() -> Duration {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let db = rusqlite::Connection::open(dir.file()).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch("CREATE TABLE t (a TEXT)").unwrap();
    let text = "x".repeat(1024);
    let began = Instant::now();
    for _ in 0..1_000 {
        db.execute("INSERT INTO t VALUES (?1)", [&text]).unwrap();
    }
    began.elapsed() / 1_000
}

/// A run in a project that has a journal already.
fn fresh(program: &Program) -> Duration {
    let dir = Dir::new();
    perform(&chain(1, false), &dir.file(), Begin::New, &mut Instant0::new(usize::MAX));
    let (outcome, took) = perform(program, &dir.file(), Begin::New, &mut Instant0::new(usize::MAX));
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    took
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, file, run] = &args[..]
        && word == "resume"
    {
        resumed(100_000, 99_999, Path::new(file), run.clone());
        println!("{}", peak() / 1024);
        return;
    }
    if std::env::args().any(|a| a == "fan") {
        let fan = fan(10_000);
        println!("10,000 branches: {:.1?}", best(20, || fresh(&fan)));
        return;
    }
    let own = best(5, commit);
    println!("one commit of SQLite (WAL, FULL):           {own:>10.1?}");
    let dear = best(5, || fresh(&chain(1_000, true))) / 1_000;
    let ratio = dear.as_secs_f64() / own.as_secs_f64();
    println!("a stage that costs money, of 1,000 in a row: {dear:>9.1?} (1 fsync each; {ratio:.2} commits)");
    let cheap = best(5, || fresh(&chain(1_000, false))) / 1_000;
    println!("a stage that costs nothing, of 1,000:       {cheap:>10.1?} (0 fsyncs)");
    let fan = fan(10_000);
    println!("10,000 branches at once that cost money:    {:>10.1?}", best(5, || fresh(&fan)));

    for (stages, dead) in [(1_000, 900), (100_000, 99_999)] {
        let took = best(3, || {
            let dir = Dir::new();
            let run = die(stages, dead, &dir.file());
            resumed(stages, dead, &dir.file(), run)
        });
        println!("{stages} stages, {dead} on record: to the first new one {took:>10.1?}");
    }
    // In a process of its own: what was needed to make the record does not count.
    let dir = Dir::new();
    let run = die(100_000, 99_999, &dir.file());
    let this = std::env::current_exe().unwrap();
    let child = std::process::Command::new(this).arg("resume").arg(dir.file()).arg(run).output().unwrap();
    println!("memory to resume 100,000 stages:            {:>7} MB", String::from_utf8_lossy(&child.stdout).trim());
}

/// A run that dies; its id.
fn die(stages: u32, dead: usize, file: &Path) -> String {
    std::panic::set_hook(Box::new(|_| ()));
    let (first, _) = perform(&chain(stages, false), file, Begin::New, &mut Instant0::new(dead));
    let _ = std::panic::take_hook();
    assert!(first.result.is_err());
    first.run
}

/// The time from its resumption to its first new effect.
fn resumed(stages: u32, dead: usize, file: &Path, run: String) -> Duration {
    let program = chain(stages, false);
    let mut host = Instant0::new(usize::MAX);
    let began = Instant::now();
    let (second, _) = perform(&program, file, Begin::Resume(run), &mut host);
    assert!(second.result.is_ok(), "{:?}", second.result);
    assert_eq!(second.reused, dead as u64, "nothing is repeated that was answered");
    host.first.unwrap() - began
}

/// Peak resident memory in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
