//! A program with every kind of effect, interrupted at each call of its store and its host in turn: the process dies
//! before or after its last records reach the store, or the store fails. It is resumed and compared with an uninterrupted
//! run: the same result, the same record except for times and ids, and no effect is repeated whose end was recorded.
//!
//! The run pauses for a person, fails, succeeds, and is forked. By default most interruptions are made with a store in
//! memory; `CASCADE_KILLS=all` tries all of them in files as well.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/mortal.rs"]
mod mortal;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet, VecDeque},
    future,
    path::Path,
    rc::Rc,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use cascade_compiler::{FileSources, compile, render};
use cascade_ir::{CascadeId, Program};
use cascade_runtime::{
    Begin, Event, RunOptions, RunOutcome, block_on,
    host::{Host, Report},
    journal::{InMemoryStore, SqliteStore, Store},
    request::{Answer, MemoryOp, Output, Process, Request, RequestId, RequestKind, Response},
    run_on, to_json,
};
use mortal::{Fuse, Kept, LAST_WORDS, MortalHost, MortalStore, Way};
use serde_json::{Value as Json, json};

const EVERYTHING: &str = r#"
import std.time

let turns = 2

memory notes: global {
  seen: list<string> = []
  count: int = 0
}

model small {
  provider: openai_compatible
  id: "small"
  base_url: "http://127.0.0.1:9"
}

skill step(n: int) -> string {
  run sh"step $<n>"
}

/// Fails the first time.
skill flaky(n: int) -> string {
  run sh"flaky $<n>"
}

skill large(n: int) -> string {
  run sh"large $<n>"
}

skill never(n: int) -> string {
  run sh"never $<n>"
}

@once
skill pay(n: int) -> string {
  run sh"pay $<n>"
}

skill fetch(what: string) -> string {
  http get "http://127.0.0.1:9/$<what>"
}

skill order(what: string) -> string {
  http post "http://127.0.0.1:9/orders" {
    body: what,
  }
}

skill say(what: string) -> string {
  prompt "Say $<what>."
}

cascade inner(n: int) -> string {
  stage a = step(n)
  notes.seen += ["inner-$<n>"]
  stage b = flaky(n)
    retry 2 backoff 0ms..0ms
  return "$<a> $<b>"

  on success(result) {
    stage told = step(100 + n)
  }
}

cascade main() -> json {
  stage first = step(1)
  stage kept = step(2)
    cache 1d
  stage got = fetch("x")
  notes.count += 1
  stage all = parallel {
    stage said = say("$<first>")
      using small
    stage ordered = order("tea")
    stage big = large(3)
    stage deep = inner(4)
  }
  stage rows = for i in [1, 2] parallel max 2 {
    stage row = for j in [1, 2] {
      stage cell = step(10 * i + j)
      notes.seen += ["$<i>$<j>"]
      cell
    }
    row.join("+")
  }
  stage paid = pay(6)
  stage sure = approve("Go on?")
  gate sure, "no"
  stage gone = never(8)
    on error skip
  stage late = flaky(9)
  stage end = inner(5)
  stage tried = never(20)
    on error keep
  stage race = parallel first {
    stage lost = never(21)
    stage won = step(22)
  }
  stage alone = step(24)
    exclusive "door"
    on error as e fallback e.message
  stage at = time.now()
  for turn in 0..turns {
    stage round = flaky(60 + turn)
      retry 1 backoff 0ms..0ms
  }
  let { first: raced } = { first: race }
  return {
    tried: match tried {
      ok { value } -> value
      failed { error } -> "$<error.kind> after $<error.attempts>"
    },
    race: raced, alone: alone, at: at + 1h30m,
    first: first, kept: kept, got: got, said: all.said, ordered: all.ordered, big: all.big.len(), deep: all.deep,
    rows: rows, paid: paid, gone: gone, late: late, end: end, seen: notes.seen, count: notes.count,
  } as json

  on failure(error) {
    stage undo = step(50)
  }

  on success(result) {
    stage bye = step(51)
  }
}
"#;

/// An effect that was called.
#[derive(Debug, Clone)]
struct Called {
    life: usize,
    path: String,
    attempt: u32,
    idempotency: String,
}

struct World {
    life: usize,
    calls: Rc<RefCell<Vec<Called>>>,
    waiting: VecDeque<(RequestId, Answer)>,
}

fn process(code: i32, stdout: &str) -> Answer {
    let stdout = Arc::from(stdout.as_bytes());
    Answer::ok(Output::Process(Process { code: Some(code), signal: None, stdout, stderr: String::new() }))
}

impl Host for World {
    fn start(&mut self, request: Request) {
        if let Some(info) = &request.effect {
            self.calls.borrow_mut().push(Called {
                life: self.life,
                path: info.path.clone(),
                attempt: info.attempt,
                idempotency: info.idempotency.clone(),
            });
        }
        let attempt = request.effect.as_ref().map_or(1, |info| info.attempt);
        let answer = match &request.kind {
            RequestKind::Run(run) => {
                let argv: Vec<&str> = run.argv.iter().map(|a| a.text.as_ref()).collect();
                match argv[0] {
                    "large" => process(0, &"x".repeat(70_000)),
                    "never" => process(1, ""),
                    "flaky" if attempt == 1 => process(1, ""),
                    _ => process(0, &argv.join("-")),
                }
            }
            RequestKind::Http(http) => {
                let body = Arc::from(format!("{} answered", http.method).as_bytes());
                Answer::ok(Output::Response(Response { status: 200, body, retry_after_ms: None, charset: None }))
            }
            RequestKind::Builtin(_) => Answer::ok(Output::Builtin(json!("2026-03-01T12:00:00Z"))),
            RequestKind::Prompt(prompt) => Answer::ok(Output::Model(format!("said: {}", prompt.text))),
            RequestKind::Timer { .. } => return,
            RequestKind::Person(_) => panic!("persons are not asked by a host"),
            _ => Answer::ok(Output::Fired),
        };
        self.waiting.push_back((request.id, answer));
    }

    fn cancel(&mut self, id: RequestId) {
        self.waiting.retain(|(other, _)| *other != id);
    }

    async fn next(&mut self) -> Report {
        match self.ready() {
            Some(report) => report,
            None => future::pending().await,
        }
    }

    fn ready(&mut self) -> Option<Report> {
        self.waiting.pop_front().map(|(id, answer)| Report::Answer(id, answer))
    }

    fn event(&mut self, _event: Event) {}

    fn remember(&mut self, _op: MemoryOp) {}
}

/// What must not depend on interruptions, in lines: results, the record of each run (the last end of each attempt,
/// events, questions), memory.
type Found = Vec<String>;

/// The run until it succeeds, and its fork.
struct Journey<'p> {
    program: &'p Program,
    main: CascadeId,
    store: Arc<dyn Store>,
    /// How the n-th process ends, and at which call.
    end: Option<(usize, u64, Way)>,
    calls: Rc<RefCell<Vec<Called>>>,
    /// How many calls each process made.
    lives: Vec<u64>,
    /// Effects whose end was recorded, by run.
    ended: HashSet<(String, String, u32)>,
}

impl Journey<'_> {
    /// Runs one process.
    fn run_process(&mut self, begin: Begin) -> RunOutcome {
        let life = self.lives.len();
        let fuse = Fuse::new(self.end.filter(|(at, ..)| *at == life).map(|(_, k, way)| (k, way)));
        let world = World { life, calls: Rc::clone(&self.calls), waiting: VecDeque::new() };
        let host = MortalHost { inner: world, fuse: fuse.clone() };
        let store = MortalStore { inner: Arc::clone(&self.store), fuse: fuse.clone() };
        let options = RunOptions { store: Some(Arc::new(store)), begin, ..RunOptions::default() };
        let outcome = block_on(run_on(host, self.program, self.main, Vec::new(), options));
        self.lives.push(fuse.calls());
        let own = |path: &str, attempt: u32| (outcome.run.clone(), path.to_owned(), attempt);
        for call in self.calls.borrow().iter().filter(|call| call.life == life) {
            assert!(!self.ended.contains(&own(&call.path, call.attempt)), "{call:?} had ended, and was repeated");
        }
        let mut open = BTreeMap::new();
        for kept in fuse.kept() {
            match kept {
                Kept::Started { token, path, attempt, .. } => drop(open.insert(token, own(&path, attempt))),
                Kept::Ended { token, status: "done" | "failed", .. } => self.ended.extend(open.remove(&token)),
                _ => {}
            }
        }
        outcome
    }

    /// Resumes until the run succeeds, and answers its questions.
    fn until_done(&mut self, begin: Begin) -> (String, Json) {
        let mut next = begin.clone();
        for _ in 0..12 {
            let known: HashSet<String> = self.store.runs().unwrap().into_iter().map(|r| r.id).collect();
            let outcome = self.run_process(next.clone());
            if let Ok(value) = &outcome.result {
                return (outcome.run, to_json(value));
            }
            let run = outcome.run;
            if known.contains(&run) || self.store.run(&run).unwrap().is_some() {
                for question in self.store.questions(&run).unwrap() {
                    let answer = match &question.kind[..] {
                        "unknown" => self.what_became(&question.path),
                        _ => json!(true),
                    };
                    // Some are answered.
                    let _ = self.store.answer_question(&run, &question.path, &question.key, &answer).unwrap();
                }
                next = Begin::Resume(run);
            }
        }
        panic!("it never ends well");
    }

    /// The answer of a person about a payment.
    fn what_became(&self, path: &str) -> Json {
        match self.calls.borrow().iter().any(|call| call.path == path) {
            true => json!({ "action": "done", "output": "pay-6" }),
            false => json!({ "action": "again" }),
        }
    }

    fn run_journey(&mut self) -> Found {
        let (run, result) = self.until_done(Begin::New);
        let (fork, again) = self.until_done(Begin::Fork(run.clone()));
        let mut found = vec![format!("result {result}"), format!("result {again}")];
        for memory in self.store.memory().unwrap() {
            found.push(format!("memory {} {}", memory.key, memory.value));
        }
        for (name, run) in [("run", &run), ("fork", &fork)] {
            let mut effects = BTreeMap::new();
            for row in self.store.effects(run).unwrap() {
                if !matches!(&row.status[..], "done" | "failed") {
                    continue;
                }
                let request = row.request.to_string().replace(&row.idempotency, "IDEMPOTENCY");
                let said = row.answer.unwrap_or_else(|| json!(row.error)).to_string();
                let said = if said.len() > 1000 { said.len().to_string() } else { said };
                let line = format!("{} {} {request} {said}", row.skill, row.status);
                effects.insert((row.path, row.attempt), line);
            }
            found.extend(effects.into_iter().map(|((path, n), line)| format!("{name} effect {path} {n} {line}")));
            let mut events: Vec<String> = self.store.events(run, 0).unwrap().iter().map(|e| e.2.to_string()).collect();
            events.sort();
            found.extend(events.into_iter().map(|event| format!("{name} event {event}")));
            let asked = self.store.questions(run).unwrap().into_iter().filter(|q| q.kind != "unknown");
            found.extend(asked.map(|q| format!("{name} question {} {:?}", q.path, q.answer)));
        }
        found
    }
}

/// Reports missing and unexpected lines.
fn compare_results(found: &Found, calm: &Found, what: &str) {
    let only = |a: &Found, b: &Found| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
    let (more, less) = (only(found, calm), only(calm, found));
    assert!(found == calm, "{what}\nmore: {more:#?}\nless: {less:#?}");
}

fn compile_program() -> (Program, CascadeId) {
    let compiled = compile("flow.cascade", EVERYTHING.into(), &FileSources);
    let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    let program = compiled.program.unwrap_or_else(|| panic!("{said}"));
    let main = program.entries.iter().copied().find(|e| program.cascades[e.index()].name == "main").unwrap();
    (program, main)
}

fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let said = info.payload().downcast_ref::<String>().is_some_and(|m| m == LAST_WORDS);
            if !said {
                usual(info);
            }
        }));
    });
}

/// The results of an interrupted run, and how many effects were called more than once.
fn run_interrupted(
    (program, main): &(Program, CascadeId),
    file: Option<&Path>,
    end: Option<(usize, u64, Way)>,
) -> (Found, Vec<u64>, usize) {
    let store: Arc<dyn Store> = match file {
        Some(file) => Arc::new(SqliteStore::at(&file.join(".cascade/runs.db"))),
        None => Arc::new(InMemoryStore::new()),
    };
    let calls = Rc::default();
    let mut journey = Journey { program, main: *main, store, end, calls, lives: Vec::new(), ended: HashSet::new() };
    let found = journey.run_journey();
    let mut times: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    for call in journey.calls.borrow().iter() {
        times.entry((call.path.clone(), call.attempt)).or_default().push(call.idempotency.clone());
    }
    let mut repeated = 0;
    for ((path, attempt), keys) in times {
        let most = if path.ends_with("/paid") { 1 } else { 2 };
        assert!(keys.len() <= most, "{path} {attempt} was done {} times", keys.len());
        assert!(keys.iter().all(|key| *key == keys[0]), "{path} {attempt} has several keys");
        repeated += keys.len() - 1;
    }
    (found, journey.lives, repeated)
}

#[test]
fn results_are_the_same_when_the_process_ends_at_any_call() {
    silence_panics();
    let everything = std::env::var("CASCADE_KILLS").is_ok_and(|all| all == "all");
    let program = compile_program();
    let folder = tempfile::tempdir().unwrap();
    let (calm, lives, repeated) = run_interrupted(&program, None, None);
    assert_eq!((lives.len(), repeated), (4, 0), "it pauses, fails, ends well, and is forked");
    let (in_file, ..) = run_interrupted(&program, Some(folder.path()), None);
    compare_results(&in_file, &calm, "in a file");

    let mut ends = Vec::new();
    for (life, calls) in lives.iter().enumerate() {
        for k in 1..=*calls {
            let ways = [Way::Dies { kept: 0 }, Way::Dies { kept: 100 }, Way::StoreFails];
            ends.extend(ways.map(|way| (life, k, way)));
        }
    }
    let (next, repetitions) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(end) = ends.get(i) else { return };
                    let folder = (everything || i % 61 == 0).then(|| tempfile::tempdir().unwrap());
                    let (found, _, repeated) = run_interrupted(&program, folder.as_ref().map(|f| f.path()), Some(*end));
                    compare_results(&found, &calm, &format!("{end:?}"));
                    // The effects that ran at once, and a `GET`, whose answer is not waited for.
                    assert!(repeated <= 5, "{repeated} repeated: {end:?}");
                    repetitions.fetch_add(repeated, Ordering::Relaxed);
                }
            });
        }
    });
    let (tried, repetitions) = (ends.len(), repetitions.into_inner());
    println!("{tried} ends tried, {tried} held; {repetitions} effects were repeated");
    assert!(tried > 300 && repetitions > 0, "{tried} ends, {repetitions} repeated");
}
