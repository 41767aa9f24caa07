//! The contract of [`Store`]: one suite, which every store must pass.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
};

use cascade_ir::ErrorKind;
use cascade_runtime::{
    Failure,
    journal::{
        Activity, CachedAnswer, Claim, Cursor, EffectEnd, EffectStart, InMemoryStore, Journal, ProgressMark, Question,
        Record, Remembered, RunEnd, RunGuard, RunStart, SqliteStore, Status, Store, TimerMark,
    },
    request::{AnswerForm, EffectInfo, KeyParts, MemoryOp, Output, TimerId, TimerKind, Usage},
};
use serde_json::{Value as Json, json};

/// Opens a store once more, as another process would.
type OpenAgain = Box<dyn Fn() -> Arc<dyn Store>>;

/// A store of each kind.
fn stores() -> Vec<(&'static str, Arc<dyn Store>, OpenAgain)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let file = folder.join("runs.db");
    let memory = InMemoryStore::new();
    let same = memory.clone();
    vec![
        ("SQLite", Arc::new(SqliteStore::at(&file)), Box::new(move || Arc::new(SqliteStore::open(&file).unwrap()))),
        ("memory", Arc::new(memory), Box::new(move || Arc::new(same.clone()))),
    ]
}

fn claim(store: &dyn Store, run: &str) -> RunGuard {
    match store.claim_run(run).unwrap() {
        Claim::Claimed(guard) => guard,
        Claim::HeldBy(holder) => panic!("{run} is held by {holder:?}"),
    }
}

/// Writes a record and waits until it is durable.
fn write(journal: &mut Box<dyn Journal>, record: Record) {
    let (sender, receiver) = mpsc::channel();
    journal.write(record, Some(Box::new(move |result| sender.send(result).unwrap())));
    receiver.recv().unwrap().unwrap();
}

fn flush(journal: &mut Box<dyn Journal>) {
    let (sender, receiver) = mpsc::channel();
    journal.flush(Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap().unwrap();
}

fn start(run: &str) -> RunStart {
    RunStart {
        run: run.to_owned(),
        hash: "00".to_owned(),
        program: b"{}".to_vec(),
        file: "flow.cascade".to_owned(),
        cwd: "/".to_owned(),
        cascade: "main".to_owned(),
        inputs: json!({ "n": 1 }),
        memory: json!({ "m": { "k": 1 } }),
        resumed: false,
        fork: None,
        at: 1_000,
    }
}

fn end(status: &'static str, failed_at: Option<(String, u32)>) -> RunEnd {
    let error = failed_at.as_ref().map(|_| serde_json::to_value(Failure::new(ErrorKind::Failed, "no")).unwrap());
    let result = (status == "done").then(|| json!("yes"));
    RunEnd { status, result, error, failed_at, until: None, clock: 77, at: 9_000 }
}

fn begin_effect(token: u64, path: &str, attempt: u32) -> EffectStart {
    let info = EffectInfo {
        path: path.to_owned(),
        skill: "s".into(),
        attempt,
        key: format!("key of {path}"),
        old_keys: Vec::new(),
        parts: KeyParts::default(),
        idempotency: format!("id of {path}"),
        once: false,
        watch: false,
        cache_ms: None,
        answer: AnswerForm::default(),
    };
    EffectStart { token, info: Arc::new(info), kind: "prompt", model: None, request: "{}".to_owned(), at: 2_000 }
}

fn end_effect(token: u64, seq: i64, answer: &str) -> EffectEnd {
    EffectEnd {
        token,
        status: "done",
        answer: Some(json!({ "text": answer }).to_string()),
        error: None,
        usage: Usage { tokens_in: 3, tokens_out: 4, cost: Some(50), ..Usage::default() },
        seq,
        full: true,
        secret: false,
        at: 3_000,
        clock: 20,
    }
}

fn question(path: &str) -> Question {
    Question {
        path: path.to_owned(),
        key: "q".to_owned(),
        kind: "approve".to_owned(),
        question: "Go on?".to_owned(),
        options: Vec::new(),
        at: 2_500,
    }
}

fn timer(seq: Option<i64>) -> Record {
    let timer = TimerId { path: "main/t".to_owned(), attempt: 1, kind: TimerKind::Deadline };
    Record::Timer(TimerMark { timer, seq, clock: 5 })
}

/// The text of an output that a model gave.
fn text(output: Output) -> String {
    match output {
        Output::Model(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_claimed_once() {
    for (name, store, again) in stores() {
        let guard = claim(&*store, "a");
        assert!(matches!(again().claim_run("a").unwrap(), Claim::HeldBy(_)), "{name}");
        drop(claim(&*again(), "b"));
        drop(guard);
        drop(claim(&*again(), "a"));
    }
}

#[test]
fn what_is_written_is_read_by_everybody() {
    for (name, store, again) in stores() {
        let guard = claim(&*store, "run1");
        let mut journal = store.open_journal("run1").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("run1"))));
        let alive = again().run("run").unwrap().unwrap();
        assert_eq!((alive.id.as_str(), alive.status.as_str()), ("run1", "running"), "{name}");
        assert!(alive.pid.is_some(), "{name}");
        assert_eq!(alive.inputs, json!({ "n": 1 }), "{name}");
        assert_eq!(again().memory_of("run1").unwrap(), json!({ "m": { "k": 1 } }), "{name}");

        write(&mut journal, Record::Started(Box::new(begin_effect(1, "main/a", 1))));
        let open = again().ledger("run1").unwrap();
        assert_eq!(open.effects["main/a"][0].status, Status::Open, "{name}");
        write(&mut journal, Record::Ended(Box::new(end_effect(1, 4, "hi"))));
        // Both at once, as a writer that batches sees them.
        journal.write(Record::Started(Box::new(begin_effect(2, "main/b", 2))), None);
        journal.write(Record::Ended(Box::new(end_effect(2, 5, "ho"))), None);
        journal.write(timer(None), None);
        journal.write(timer(Some(6)), None);
        journal.write(Record::Event(json!({ "event": "log", "message": "x" }).to_string(), 4_000), None);
        flush(&mut journal);

        let ledger = again().ledger("run1").unwrap();
        assert_eq!((ledger.seq, ledger.clock), (6, 20), "{name}");
        let b = &ledger.effects["main/b"][0];
        assert_eq!((b.attempt, b.seq, b.status), (2, 5, Status::Done), "{name}");
        assert_eq!(text(store.output(b.answer.as_deref(), b.artifact.as_deref()).unwrap()), "ho", "{name}");
        assert_eq!(ledger.timers.values().next().unwrap().fired, Some(6), "{name}");
        assert_eq!(ledger.reported_events.values().sum::<u32>(), 1, "{name}");
        let rows = again().effects("run1").unwrap();
        let shown: Vec<_> = rows.iter().map(|r| (r.path.as_str(), r.status.as_str(), r.tokens_in)).collect();
        assert_eq!(shown, [("main/a", "done", 3), ("main/b", "done", 3)], "{name}");

        write(&mut journal, Record::Overtaken { seq: 5 });
        assert_eq!(again().ledger("run1").unwrap().effects["main/b"][0].status, Status::Withdrawn, "{name}");
        write(&mut journal, Record::RunEnded(Box::new(end("done", None))));
        drop(journal);
        drop(guard);
        let done = again().run("run1").unwrap().unwrap();
        assert_eq!((done.status.as_str(), done.pid, done.result), ("done", None, Some(json!("yes"))), "{name}");
        assert_eq!((done.tokens, done.cost, done.clock), (14, 100, 77), "{name}");
    }
}

#[test]
fn a_run_whose_process_died_is_known_as_dead() {
    for (name, store, again) in stores() {
        let guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        drop(journal);
        drop(guard);
        assert_eq!(again().run("a").unwrap().unwrap().status, "dead", "{name}");
        again().mark_cancelled("a").unwrap();
        assert_eq!(again().run("a").unwrap().unwrap().status, "cancelled", "{name}");
    }
}

#[test]
fn large_answers_come_back_whole() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        let large = "x".repeat(200_000);
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        write(&mut journal, Record::Started(Box::new(begin_effect(1, "main/a", 1))));
        write(&mut journal, Record::Ended(Box::new(end_effect(1, 1, &large))));
        let ledger = again().ledger("a").unwrap();
        let recorded = &ledger.effects["main/a"][0];
        let output = again().output(recorded.answer.as_deref(), recorded.artifact.as_deref()).unwrap();
        assert_eq!(text(output), large, "{name}");
    }
}

#[test]
fn every_end_of_a_run_is_known_when_it_is_resumed() {
    for (name, store, again) in stores() {
        let guard = claim(&*store, "a");
        for (resumed, end) in [
            (false, end("failed", Some(("main/a".to_owned(), 1)))),
            (true, end("failed", Some(("main/b".to_owned(), 3)))),
            (true, end("cancelled", None)),
        ] {
            let mut journal = store.open_journal("a").unwrap();
            write(&mut journal, Record::RunStarted(Box::new(RunStart { resumed, ..start("a") })));
            write(&mut journal, Record::RunEnded(Box::new(end)));
        }
        drop(guard);
        let ledger = again().ledger("a").unwrap();
        let mut failed: Vec<_> = ledger.failed.into_iter().collect();
        failed.sort();
        assert_eq!(failed, [("main/a".to_owned(), 1), ("main/b".to_owned(), 3)], "{name}");
        assert_eq!((ledger.cancelled, ledger.clock), (1, 77), "{name}");
    }
}

#[test]
fn a_fork_begins_with_the_answers_of_another_run_and_pays_nothing() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        write(&mut journal, Record::Started(Box::new(begin_effect(1, "main/a", 1))));
        write(&mut journal, Record::Ended(Box::new(end_effect(1, 1, "hi"))));
        write(&mut journal, Record::Started(Box::new(begin_effect(2, "main/open", 1))));
        write(&mut journal, Record::RunEnded(Box::new(end("failed", Some(("main/a".to_owned(), 1))))));
        let _other = claim(&*store, "b");
        let mut fork = store.open_journal("b").unwrap();
        write(&mut fork, Record::RunStarted(Box::new(RunStart { fork: Some("a".to_owned()), ..start("b") })));
        let ledger = again().ledger("b").unwrap();
        assert_eq!(ledger.effects.keys().collect::<Vec<_>>(), ["main/a"], "{name}");
        assert_eq!(ledger.effects["main/a"][0].usage.cost, Some(0), "{name}");
        assert!(ledger.failed.contains(&("main/a".to_owned(), 1)), "{name}");
        assert_eq!(again().effects("b").unwrap()[0].origin.as_deref(), Some("a"), "{name}");
        assert_eq!(again().activity("b", &mut Cursor::default()).unwrap(), [], "{name}");
    }
}

#[test]
fn questions_are_asked_once_and_answered_once() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        for path in ["main/q", "main/q", "main/withdrawn"] {
            write(&mut journal, Record::Asked(Box::new(question(path))));
        }
        write(&mut journal, Record::Unasked { path: "main/withdrawn".to_owned(), key: "q".to_owned() });
        assert_eq!(again().questions("a").unwrap().len(), 1, "{name}");
        assert_eq!(store.answer_of("a", "main/q", "q").unwrap(), None, "{name}");
        assert!(again().answer_question("a", "main/q", "q", &Json::Bool(true)).unwrap(), "{name}");
        assert!(!again().answer_question("a", "main/q", "q", &Json::Bool(false)).unwrap(), "{name}");
        assert!(!again().answer_question("a", "main/other", "q", &Json::Bool(false)).unwrap(), "{name}");
        assert_eq!(store.answer_of("a", "main/q", "q").unwrap().as_deref(), Some("true"), "{name}");
        // What was answered stays, also when the run does not want it any more.
        write(&mut journal, Record::Unasked { path: "main/q".to_owned(), key: "q".to_owned() });
        assert_eq!(again().questions("a").unwrap()[0].answer, Some(Json::Bool(true)), "{name}");
    }
}

fn change(id: &str, append: bool, value: Json) -> Record {
    let op = MemoryOp {
        path: "main".to_owned(),
        memory: "m".to_owned(),
        key: "k".to_owned(),
        append,
        initial: json!([0]),
        value,
    };
    Record::Remember(Box::new(Remembered { id: id.to_owned(), op, at: 4_000 }))
}

#[test]
fn a_change_of_memory_is_made_once() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        for _ in 0..2 {
            write(&mut journal, change("1", true, json!([1])));
            write(&mut journal, change("2", true, json!([2])));
        }
        assert_eq!(again().memory().unwrap()[0].value, json!([0, 1, 2]), "{name}");
        again().set_memory("m", "k", json!([9])).unwrap();
        write(&mut journal, change("3", true, json!([3])));
        let history = again().memory_history("m", "k").unwrap();
        let kinds: Vec<&str> = history.iter().map(|c| c.kind.as_str()).collect();
        assert_eq!(kinds, ["append", "append", "set", "append"], "{name}");
        assert_eq!(history[3].value, Some(json!([9, 3])), "{name}");
        assert!(again().forget_memory("m", "k").unwrap(), "{name}");
        assert!(!again().forget_memory("m", "k").unwrap(), "{name}");
        assert!(again().memory().unwrap().is_empty(), "{name}");

        // Nothing can be added to a text that a person put there: the record says so.
        again().set_memory("m", "k", json!(true)).unwrap();
        let (sender, receiver) = mpsc::channel();
        let done = move |result| sender.send(result).unwrap();
        journal.write(change("4", true, json!([4])), Some(Box::new(done)));
        assert!(receiver.recv().unwrap().unwrap_err().to_string().contains("m.k"), "{name}");
    }
}

#[test]
fn the_newest_cached_answer_is_found() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        for (key, answer, at) in [("k1", "old", 10), ("k1", "new", 20), ("k2", "other", 15)] {
            let cached = CachedAnswer {
                key: key.to_owned(),
                parts: Vec::new(),
                skill: "s".to_owned(),
                run: "a".to_owned(),
                answer: Some(json!({ "text": answer }).to_string()),
                artifact: None,
                at,
            };
            write(&mut journal, Record::Cache(Box::new(cached)));
        }
        let found = again().cached("k1").unwrap().unwrap();
        assert_eq!(text(store.output(found.answer.as_deref(), None).unwrap()), "new", "{name}");
        assert_eq!(again().cached_of_skill("s").unwrap().unwrap().key, "k1", "{name}");
        assert!(again().cached("k3").unwrap().is_none(), "{name}");
    }
}

/// What a viewer in another process sees while the run lives.
#[test]
fn activity_is_read_while_the_run_lives() {
    for (name, store, again) in stores() {
        let _guard = claim(&*store, "a");
        let mut journal = store.open_journal("a").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("a"))));
        let viewer = again();
        let mut cursor = Cursor::default();
        let mut read = || viewer.activity("a", &mut cursor).unwrap();
        write(&mut journal, Record::Started(Box::new(begin_effect(1, "main/a", 1))));
        assert!(matches!(&read()[..], [Activity::Began { path, attempt: 1, .. }] if path == "main/a"), "{name}");
        for n in 1..4 {
            let progress = json!({ "line": format!("line {n}") }).to_string();
            let mark = ProgressMark { path: "main/a".to_owned(), attempt: 1, progress, at: 2_500 };
            write(&mut journal, Record::Progress(mark));
        }
        let seen = read();
        assert!(
            matches!(&seen[..], [Activity::Progress { progress, .. }] if *progress == json!({ "line": "line 3" })),
            "{name}: {seen:?}"
        );
        assert_eq!(read(), [], "{name}");
        write(&mut journal, Record::Event(json!({ "event": "log" }).to_string(), 2_600));
        write(&mut journal, Record::Ended(Box::new(end_effect(1, 1, "hi"))));
        let seen = read();
        assert!(
            matches!(&seen[..], [Activity::Event { .. }, Activity::Ended { status, .. }] if status == "done"),
            "{name}: {seen:?}"
        );
        assert_eq!(read(), [], "{name}");
        // And afterwards, from the beginning.
        assert_eq!(again().activity("a", &mut Cursor::default()).unwrap().len(), 4, "{name}");
    }
}

#[test]
fn old_runs_are_collected() {
    for (name, store, again) in stores() {
        for (id, status) in [("a", "done"), ("b", "failed")] {
            let _guard = claim(&*store, id);
            let mut journal = store.open_journal(id).unwrap();
            write(&mut journal, Record::RunStarted(Box::new(start(id))));
            write(&mut journal, Record::RunEnded(Box::new(end(status, None))));
        }
        assert_eq!(again().collect(8_000, false).unwrap().runs, 0, "{name}");
        assert_eq!(again().collect(10_000, false).unwrap().runs, 1, "{name}");
        let left: Vec<String> = again().runs().unwrap().into_iter().map(|r| r.id).collect();
        assert_eq!(left, ["b"], "{name}");
        assert_eq!(again().collect(10_000, true).unwrap().runs, 1, "{name}");
    }
}

/// Many processes may want one run at the moment when it is released.
#[test]
fn no_two_claim_a_run_at_once() {
    for (name, store, _) in stores() {
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..4_000 {
                        if let Claim::Claimed(guard) = store.claim_run("r").unwrap() {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "{name}: two hold the run");
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(guard);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn outcomes_of_models_are_counted() {
    for (name, store, again) in stores() {
        let guard = claim(&*store, "run1");
        let mut journal = store.open_journal("run1").unwrap();
        write(&mut journal, Record::RunStarted(Box::new(start("run1"))));
        let failure = |kind| serde_json::to_string(&Failure::new(kind, "no")).ok();
        let cases = [
            ("good", "done", None),
            ("refused", "done", None),
            ("unreachable", "failed", failure(ErrorKind::Unavailable)),
            ("limited", "failed", failure(ErrorKind::RateLimited)),
            ("late", "withdrawn", None),
            ("cancelled", "withdrawn", None),
        ];
        for (token, (path, status, error)) in (1..).zip(cases) {
            let begun = EffectStart { model: Some("m".into()), ..begin_effect(token, path, 1) };
            write(&mut journal, Record::Started(Box::new(begun)));
            let ended = EffectEnd { status, error, ..end_effect(token, token as i64, "hi") };
            write(&mut journal, Record::Ended(Box::new(ended)));
        }
        let event = |event: Json| Record::Event(event.to_string(), 4_000);
        write(&mut journal, event(json!({ "event": "answer_refused", "path": "refused", "attempt": 1 })));
        write(&mut journal, event(json!({ "event": "answer_refused", "path": "good", "attempt": 2 })));
        let late = json!({ "event": "stage_retrying", "path": "late", "attempt": 1, "kind": "timed_out" });
        write(&mut journal, event(late));
        flush(&mut journal);
        let outcomes = again().model_outcomes().unwrap();
        assert_eq!(outcomes.len(), 1, "{name}");
        let ((_, model), known) = outcomes.iter().next().unwrap();
        assert_eq!(model, "m", "{name}");
        assert_eq!((known.good, known.bad, known.cost, known.timed, known.ms), (1, 3, 200, 4, 4_000), "{name}");
        drop(guard);
    }
}
