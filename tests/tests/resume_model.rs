//! A run that fails, pauses, is killed, edited, resumed and forked in any order behaves as a simple reference
//! (`tests/src/recovery/reference.rs`): the same requests, none twice, the same result.
//!
//! `CASCADE_MODEL=20000 cargo test -p cascade-tests --test resume_model` tries more sequences than a thousand,
//! `CASCADE_MODEL_SEED=7` starts with another seed.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/answering.rs"]
mod answering;
#[path = "support/mortal.rs"]
mod mortal;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, Once},
    thread,
    time::Duration,
};

use answering::{Called, Mood, Seen, World, choose_outcome};
use cascade_compiler::{FileSources, compile, render};
use cascade_ir::{CascadeId, Program};
use cascade_runtime::{
    Begin, RunOptions, RunOutcome, block_on,
    journal::{InMemoryStore, Store as _},
    run_on, to_json,
};
use cascade_tests::recovery::{
    Chance,
    edit::{KINDS, edit},
    flow::{Flow, generate_flow},
    reference::{Asked, Book, Change, End, Expected, Fate, Said, expect},
    write::text,
};
use mortal::{Fuse, Kept, LAST_WORDS, MortalHost, MortalStore, Way};
use serde_json::{Value as Json, json};

/// A run and its recorded state.
struct Run {
    id: String,
    book: Book,
    done: bool,
}

/// Counts over all sequences.
#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    kills: u64,
    failures: u64,
    pauses: u64,
    done: u64,
    forks: u64,
    edits: BTreeMap<&'static str, u64>,
    answers: u64,
    calls: u64,
    reused: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.kills += other.kills;
        self.failures += other.failures;
        self.pauses += other.pauses;
        self.done += other.done;
        self.forks += other.forks;
        self.answers += other.answers;
        self.calls += other.calls;
        self.reused += other.reused;
        for (name, count) in &other.edits {
            *self.edits.entry(name).or_default() += count;
        }
    }
}

/// A sequence of operations on a program, an environment, a store, and its runs.
struct Sequence {
    seed: u64,
    chance: Chance,
    flow: Flow,
    compiled: Option<(Program, CascadeId)>,
    store: InMemoryStore,
    seen: Rc<RefCell<Seen>>,
    runs: Vec<Run>,
    /// The content of memory.
    memory: Vec<String>,
    /// The question for each key of the runtime.
    questions: HashMap<String, String>,
    /// The idempotency key of each question, by run and path.
    told: HashMap<(String, String, String), String>,
    story: String,
    tally: Tally,
}

/// How a part of a run begins.
#[derive(Debug, Clone, Copy)]
enum From {
    New,
    Resume(usize),
    Fork(usize),
}

fn compile_flow(flow: &Flow) -> Result<(Program, CascadeId), String> {
    let text = text(flow);
    let compiled = compile("flow.cascade", text.as_str().into(), &FileSources);
    let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    let program = compiled.program.ok_or(said)?;
    let main = program.entries.iter().copied().find(|e| program.cascades[e.index()].name == "main").unwrap();
    Ok((program, main))
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let flow = generate_flow(&mut chance);
        Self {
            seed,
            chance,
            flow,
            compiled: None,
            store: InMemoryStore::new(),
            seen: Rc::default(),
            runs: Vec::new(),
            memory: Vec::new(),
            questions: HashMap::new(),
            told: HashMap::new(),
            story: String::new(),
            tally: Tally::default(),
        }
    }

    fn log_step(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.story, "{what}");
    }

    /// Plays the sequence and resumes its first run until it succeeds.
    fn run_sequence(&mut self) {
        self.compile();
        self.run_process(From::New, Mood::Harsh);
        for _ in 0..3 + self.chance.below(6) {
            match self.chance.below(10) {
                0 | 1 => {
                    let kind = KINDS[self.chance.below(KINDS.len())];
                    self.edit_program(kind);
                }
                2 => {
                    let of = self.chance.below(self.runs.len());
                    match self.runs.is_empty() {
                        true => self.run_process(From::New, Mood::Harsh),
                        false => self.run_process(From::Fork(of), Mood::Harsh),
                    }
                }
                3 | 4 => self.answer_questions(),
                _ => self.resume_run(Mood::Harsh),
            }
        }
        self.finish_runs();
    }

    /// Resumes until all runs have succeeded.
    fn finish_runs(&mut self) {
        for _ in 0..400 {
            if self.runs.iter().all(|run| run.done) && !self.runs.is_empty() {
                return;
            }
            self.answer_questions();
            self.resume_run(Mood::Calm);
        }
        panic!("it never ends");
    }

    fn compile(&mut self) {
        self.compiled = Some(compile_flow(&self.flow).unwrap_or_else(|said| panic!("{said}")));
    }

    /// Resumes a run that has not succeeded.
    fn resume_run(&mut self, mood: Mood) {
        let open: Vec<usize> = (0..self.runs.len()).filter(|i| !self.runs[*i].done).collect();
        match open.get(self.chance.below(open.len())) {
            Some(run) => self.run_process(From::Resume(*run), mood),
            None if self.runs.is_empty() => self.run_process(From::New, mood),
            None => {}
        }
    }

    /// Makes an edit of a kind; returns whether there was something to edit.
    fn edit_program(&mut self, kind: &'static str) -> bool {
        let mut flow = self.flow.clone();
        let Some(edit) = edit(&mut flow, kind, &mut self.chance) else { return false };
        self.log_step(format_args!("edit: {edit:?}"));
        self.flow = flow;
        self.compile();
        *self.tally.edits.entry(kind).or_default() += 1;
        true
    }

    /// Answers every open question.
    fn answer_questions(&mut self) {
        for i in 0..self.runs.len() {
            let run = self.runs[i].id.clone();
            for question in self.store.questions(&run).unwrap() {
                if question.answer.is_some() {
                    continue;
                }
                let number = self.chance.below(1000);
                let book = &mut self.runs[i].book;
                let answer = if question.kind == "unknown" {
                    let (fate, answer) = match number % 3 {
                        0 => (Fate::Again, json!({ "action": "again" })),
                        1 => (
                            Fate::Done(format!("h{number}")),
                            json!({ "action": "done", "output": format!("h{number}") }),
                        ),
                        _ => (Fate::Failed, json!({ "action": "failed" })),
                    };
                    book.fates.insert(question.path.clone(), fate);
                    answer
                } else {
                    book.people.insert((question.path.clone(), question.question.clone()), format!("h{number}"));
                    json!(format!("h{number}"))
                };
                assert!(self.store.answer_question(&run, &question.path, &question.key, &answer).unwrap());
                self.log_step(format_args!("answer: {run} {} {answer}", question.path));
                self.tally.answers += 1;
            }
        }
    }

    /// Runs a process that starts or resumes a run, until its end or until it dies at a random call.
    fn run_process(&mut self, from: From, mood: Mood) {
        let end = match self.chance.below(6) {
            _ if mood == Mood::Calm => None,
            0 | 1 => Some((1 + self.chance.next_number() % 40, Way::Dies { kept: self.chance.below(101) })),
            2 => Some((1 + self.chance.next_number() % 40, Way::StoreFails)),
            _ => None,
        };
        self.run_process_until(from, mood, end);
    }

    /// The same with a given end; returns how many calls were made.
    fn run_process_until(&mut self, from: From, mood: Mood, end: Option<(u64, Way)>) -> u64 {
        // Executions of `@once` effects are distinguished by their time.
        thread::sleep(Duration::from_millis(1));
        let (begin, mut book, known) = match from {
            From::New => (Begin::New, Book { memory: self.memory.clone(), ..Book::default() }, None),
            From::Resume(i) => (Begin::Resume(self.runs[i].id.clone()), self.runs[i].book.clone(), Some(i)),
            From::Fork(i) => {
                let of = &self.runs[i];
                let book = Book {
                    answers: of.book.answers.clone(),
                    begun: of.book.begun.clone(),
                    ended: of.book.ended.clone(),
                    memory: self.memory.clone(),
                    ..Book::default()
                };
                self.tally.forks += 1;
                (Begin::Fork(of.id.clone()), book, None)
            }
        };
        let counts = self.seen.borrow().counts.clone();
        let before = self.seen.borrow().calls.len();
        let fuse = Fuse::new(end);
        let outcome = self.run(begin.clone(), mood, &fuse);
        self.tally.lives += 1;
        let calls: Vec<Called> = self.seen.borrow().calls[before..].to_vec();
        self.log_step(format_args!("{begin:?} as {}, {mood:?}, {end:?}: {:?}", outcome.run, outcome_text(&outcome)));
        for call in &calls {
            self.log_step(format_args!(
                "  {} {} {} -> {:?}",
                call.asked.path, call.asked.attempt, call.asked.question, call.said
            ));
        }
        let first = outcome.result.as_ref().err().map(|failure| failure.stage.clone());
        let seed = self.seed;
        let world = move |path: &str, count: u32| choose_outcome(seed, mood, path, count);
        let expected = expect(&self.flow, &book, &counts, &world, first.as_deref().filter(|f| !f.is_empty()));
        self.log_step(format_args!("  expected: {:?}, {:?}", expected.end, expected.changes));
        let died = fuse.is_burnt();
        let killed = fuse.ended_by_count();
        self.compare_calls(&outcome.run, &calls, &expected, killed);
        self.compare_end(&outcome, &expected, died, killed);
        if !died {
            self.compare_questions(&outcome.run, &expected);
        }
        self.questions.extend(calls.iter().map(|c| (c.key.clone(), c.asked.question.clone())));
        self.questions.extend(fuse.questions());
        let began = self.read_record(&mut book, &fuse.kept(), &calls);
        let certain = !killed && !matches!(expected.end, End::Dies);
        self.compare_memory(&mut book, &expected, certain);
        let done = !died && outcome.result.is_ok();
        match known {
            Some(i) => (self.runs[i].book, self.runs[i].done) = (book, done),
            None if began => self.runs.push(Run { id: outcome.run, book, done }),
            None => {}
        }
        fuse.calls()
    }

    fn run(&mut self, begin: Begin, mood: Mood, fuse: &Fuse) -> RunOutcome {
        let world = World {
            seed: self.seed,
            mood,
            seen: Rc::clone(&self.seen),
            order: Chance(self.chance.next_number()),
            waiting: Vec::new(),
            endless: Vec::new(),
            fuse: fuse.clone(),
        };
        let host = MortalHost { inner: world, fuse: fuse.clone() };
        let store = MortalStore { inner: Arc::new(self.store.clone()), fuse: fuse.clone() };
        let options = RunOptions { store: Some(Arc::new(store)), begin, ..RunOptions::default() };
        let (program, main) = self.compiled.as_ref().unwrap();
        block_on(run_on(host, program, *main, Vec::new(), options))
    }

    /// Checks that exactly the expected questions were asked, each once.
    fn compare_calls(&mut self, run: &str, calls: &[Called], expected: &Expected, killed: bool) {
        let mut found = BTreeSet::new();
        for call in calls {
            assert!(found.insert(&call.asked), "it was asked twice: {:?}", call.asked);
            assert!(expected.asked.contains_key(&call.asked), "it was not to be asked: {:?}", call.asked);
            let place = (run.to_owned(), call.asked.path.clone(), call.asked.question.clone());
            let told = self.told.entry(place).or_insert_with(|| call.idempotency.clone());
            assert_eq!(*told, call.idempotency, "another idempotency key: {:?}", call.asked);
        }
        let keys: HashSet<&String> = self.told.values().collect();
        assert_eq!(keys.len(), self.told.len(), "an idempotency key stands for two effects");
        for (asked, certain) in &expected.asked {
            assert!(killed || !certain || found.contains(asked), "it was not asked: {asked:?}");
        }
        self.tally.calls += calls.len() as u64;
    }

    fn compare_end(&mut self, outcome: &RunOutcome, expected: &Expected, died: bool, killed: bool) {
        if killed {
            self.tally.kills += 1;
            return;
        }
        match &expected.end {
            End::Done { value, seen } => {
                let given = outcome.result.as_ref().map(to_json);
                assert_eq!(given, Ok(json!({ "value": value, "seen": seen })));
                assert_eq!(outcome.reused, expected.reused, "answers were reused");
                self.tally.done += 1;
                self.tally.reused += outcome.reused;
            }
            End::Failed(stages) => {
                let failure = outcome.result.as_ref().expect_err("it had to fail");
                assert!(outcome.pause.is_none(), "it paused: {:?}", outcome.pause);
                assert!(stages.contains(&(failure.stage.clone(), failure.attempts)), "{failure:?}, not {stages:?}");
                self.tally.failures += 1;
            }
            End::Waits => {
                assert!(outcome.pause.is_some(), "it had to wait: {:?}", outcome.result);
                self.tally.pauses += 1;
            }
            End::Dies => assert!(died, "it had to wait for what never ends: {:?}", outcome.result),
        }
    }

    fn compare_questions(&self, run: &str, expected: &Expected) {
        let open: BTreeSet<String> =
            self.store.questions(run).unwrap().into_iter().filter(|q| q.answer.is_none()).map(|q| q.path).collect();
        for (path, certain) in &expected.people {
            assert!(!certain || open.contains(path), "`{path}` did not ask: {open:?}");
        }
        if expected.end == End::Waits {
            // An edit may have left questions that nobody asks any more.
            assert!(!open.is_empty(), "it waits, and asks nothing");
        }
    }

    /// Updates the known state from the record; returns whether the run is recorded.
    fn read_record(&mut self, book: &mut Book, kept: &[Kept], calls: &[Called]) -> bool {
        let mut open: HashMap<u64, Asked> = HashMap::new();
        let mut seqs: HashMap<i64, Asked> = HashMap::new();
        let mut began = false;
        for record in kept {
            match record {
                Kept::Began => began = true,
                Kept::Started { token, path, attempt, key, request } => {
                    // Not every recorded effect has begun; the environment only knows those that have.
                    let known = self.questions.get(key).cloned();
                    let question =
                        known.or_else(|| question_of_request(request)).unwrap_or_else(|| panic!("{path}: {request}"));
                    let asked = Asked { path: path.clone(), attempt: *attempt, question };
                    book.begun.insert(asked.clone());
                    open.insert(*token, asked);
                }
                Kept::Ended { token, seq, status } => {
                    let Some(asked) = open.remove(token) else { panic!("an end without a beginning") };
                    if matches!(*status, "withdrawn" | "interrupted") {
                        continue;
                    }
                    let called = calls.iter().find(|call| call.asked == asked).map(|call| call.said.clone());
                    let by_person = || match book.fates.get(&asked.path) {
                        Some(Fate::Done(value)) => Said::Value(value.clone()),
                        Some(_) => Said::GivenUp,
                        None => Said::Value(book.people[&(asked.path.clone(), asked.question.clone())].clone()),
                    };
                    let said = called.unwrap_or_else(by_person);
                    book.begun.remove(&asked);
                    book.answers.insert(asked.clone(), said);
                    seqs.insert(*seq, asked);
                }
                Kept::Overtaken { seq } => {
                    if let Some(asked) = seqs.get(seq) {
                        book.answers.remove(asked);
                        book.begun.insert(asked.clone());
                    }
                }
                Kept::RunEnded { failed_at } => book.ended.extend(failed_at.clone()),
                Kept::Changed(_) => {}
            }
        }
        // A new beginning is asked about anew.
        for record in kept {
            if let Kept::Started { path, .. } = record {
                book.fates.remove(path);
            }
        }
        began
    }

    /// Checks that each expected change of memory was made once.
    fn compare_memory(&mut self, book: &mut Book, expected: &Expected, certain: bool) {
        let held = self.store.memory().unwrap().pop().map_or(json!([]), |m| m.value);
        let held: Vec<String> = held.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
        assert!(held.starts_with(&self.memory), "memory was {:?} and is {held:?}", self.memory);
        let new = &held[self.memory.len()..];
        let mut left = expected.changes.iter();
        for value in new {
            // In the order of the text; what is not certain may be missing.
            let found = left.by_ref().find(|(change, must)| {
                assert!(change.value == *value || !must, "memory has {value} before {change:?}");
                change.value == *value
            });
            let (change, _) = found.unwrap_or_else(|| panic!("nobody was to remember {value}: {:?}", expected.changes));
            book.changes.insert(Change::clone(change));
        }
        if certain {
            let missing: Vec<_> = left.filter(|(_, must)| *must).collect();
            assert!(missing.is_empty(), "memory lacks {missing:?}");
        }
        self.memory = held;
    }
}

/// The question of a recorded command.
fn question_of_request(request: &str) -> Option<String> {
    let request: Json = serde_json::from_str(request).ok()?;
    let argv = request["argv"].as_array()?.iter().map(|arg| arg["text"].as_str().or(arg.as_str()).map(str::to_owned));
    Some(answering::question_of(&argv.collect::<Option<Vec<_>>>()?))
}

fn outcome_text(outcome: &RunOutcome) -> String {
    match (&outcome.result, &outcome.pause) {
        (_, Some(_)) => "paused".to_owned(),
        (Ok(value), _) => to_json(value).to_string(),
        (Err(failure), _) => format!("{} {}: {failure}", failure.stage, failure.attempts),
    }
}

/// Silences the messages of panics that simulate the death of a process.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let said = info.payload().downcast_ref::<String>().is_some_and(|m| m == LAST_WORDS)
                || info.payload().downcast_ref::<&str>().is_some_and(|m| *m == LAST_WORDS);
            if !said {
                usual(info);
            }
        }));
    });
}

/// Plays the sequence of a seed, and prints it if a check fails.
fn run_seed(seed: u64) -> Tally {
    let mut sequence = Sequence::new(seed);
    let first = text(&sequence.flow);
    if catch_unwind(AssertUnwindSafe(|| sequence.run_sequence())).is_err() {
        let (story, now) = (&sequence.story, text(&sequence.flow));
        panic!("the sequence of seed {seed} went wrong:\n{first}\n{story}\nthe text at the end:\n{now}");
    }
    sequence.tally
}

fn number_from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn any_sequence_behaves_as_the_reference() {
    silence_panics();
    let (count, first) = (number_from_env("CASCADE_MODEL", 1000), number_from_env("CASCADE_MODEL_SEED", 1));
    let workers = thread::available_parallelism().map_or(2, |n| n.get()) as u64;
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let played: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for seed in (first + worker..first + count).step_by(workers as usize) {
                        tally.add(&run_seed(seed));
                    }
                    tally
                })
            })
            .collect();
        played.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Tally::default();
    tallies.iter().for_each(|tally| all.add(tally));
    println!("{count} sequences held: {all:?}");
    // Otherwise the test would not cover these cases.
    for (what, found) in
        [("kills", all.kills), ("failures", all.failures), ("pauses", all.pauses), ("forks", all.forks)]
    {
        assert!(found * 10 > count, "only {found} {what} in {count} sequences");
    }
}

/// For every place of a kill, and every kind of edit after it: what is reused is exactly what the rules say.
#[test]
fn every_call_is_killed_before_every_kind_of_edit() {
    silence_panics();
    let mut tried: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..number_from_env("CASCADE_MODEL", 1000) / 250 {
        let calls = {
            let mut sequence = Sequence::new(seed);
            sequence.compile();
            sequence.run_process_until(From::New, Mood::Calm, None)
        };
        for (k, kind) in (1..=calls).flat_map(|k| KINDS.map(|kind| (k, kind))) {
            let mut sequence = Sequence::new(seed);
            sequence.chance = Chance(seed ^ (k << 8));
            let kept = sequence.chance.below(101);
            let played = catch_unwind(AssertUnwindSafe(|| {
                sequence.compile();
                sequence.run_process_until(From::New, Mood::Calm, Some((k, Way::Dies { kept })));
                let edited = sequence.edit_program(kind);
                sequence.finish_runs();
                edited
            }));
            match played {
                Ok(edited) => *tried.entry(kind).or_default() += u64::from(edited),
                Err(_) => panic!("seed {seed}, killed at {k}, {kind}:\n{}\n{}", sequence.story, text(&sequence.flow)),
            }
        }
    }
    println!("held: {tried:?}");
    assert!(KINDS.iter().all(|kind| tried.get(kind).is_some_and(|n| *n > 20)), "{tried:?}");
}
