//! A host that answers at once, in a pseudo-random order, and counts requests.

use std::{
    cell::RefCell,
    collections::HashMap,
    future,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
    sync::Arc,
};

use cascade_runtime::{
    Event,
    host::{Host, Report},
    request::{Answer, MemoryOp, Output, Process, Request, RequestId, RequestKind},
};
use cascade_tests::recovery::{
    Chance,
    reference::{Asked, Said},
};

use crate::mortal::Fuse;

/// An effect that was called.
#[derive(Debug, Clone)]
pub struct Called {
    pub asked: Asked,
    pub key: String,
    pub idempotency: String,
    pub said: Said,
}

/// The requests of all processes of all runs.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each path was called.
    pub counts: HashMap<String, u32>,
    pub calls: Vec<Called>,
}

/// How often the host fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// No effect fails.
    Calm,
    /// Many effects fail, and some never end.
    Harsh,
}

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The answer to the n-th call of a path.
pub fn choose_outcome(seed: u64, mood: Mood, path: &str, count: u32) -> Said {
    let drawn = hash_of((seed, path, count));
    match drawn % 20 {
        0 if mood == Mood::Harsh => Said::Nothing,
        1..9 if mood == Mood::Harsh => Said::Failed,
        _ => Said::Value(format!("a{:06x}", drawn >> 40)),
    }
}

pub struct World {
    pub seed: u64,
    pub mood: Mood,
    pub seen: Rc<RefCell<Seen>>,
    pub order: Chance,
    pub waiting: Vec<(RequestId, Answer)>,
    /// Effects that never end.
    pub endless: Vec<RequestId>,
    /// Dies when only effects that never end are left.
    pub fuse: Fuse,
}

/// The question of a command: `work1 v2` and its input.
pub fn question_of(argv: &[String]) -> String {
    let [skill, version, input] = argv else { panic!("a command of three words: {argv:?}") };
    format!("{skill} {version}|{input}")
}

impl Host for World {
    fn start(&mut self, request: Request) {
        let answer = match (&request.kind, &request.effect) {
            (RequestKind::Run(run), Some(info)) => {
                let argv: Vec<String> = run.argv.iter().map(|a| a.text.to_string()).collect();
                let question = question_of(&argv);
                let mut seen = self.seen.borrow_mut();
                let count = seen.counts.entry(info.path.clone()).or_insert(0);
                *count += 1;
                let said = choose_outcome(self.seed, self.mood, &info.path, *count);
                seen.calls.push(Called {
                    asked: Asked { path: info.path.clone(), attempt: info.attempt, question },
                    key: info.key.clone(),
                    idempotency: info.idempotency.clone(),
                    said: said.clone(),
                });
                let (code, stdout) = match &said {
                    Said::Value(value) => (0, value.as_str()),
                    Said::Failed | Said::GivenUp => (1, ""),
                    Said::Nothing => {
                        self.endless.push(request.id);
                        return;
                    }
                };
                Answer::ok(Output::Process(Process {
                    code: Some(code),
                    signal: None,
                    stdout: Arc::from(stdout.as_bytes()),
                    stderr: String::new(),
                }))
            }
            (RequestKind::Timer { .. }, _) => return,
            _ => Answer::ok(Output::Fired),
        };
        self.waiting.push((request.id, answer));
    }

    fn cancel(&mut self, id: RequestId) {
        self.waiting.retain(|(other, _)| *other != id);
        self.endless.retain(|other| *other != id);
    }

    async fn next(&mut self) -> Report {
        if let Some(report) = self.ready() {
            return report;
        }
        if self.endless.is_empty() {
            return future::pending().await;
        }
        // Other tasks are polled first.
        for _ in 0..8 {
            yield_once().await;
        }
        self.fuse.die()
    }

    fn ready(&mut self) -> Option<Report> {
        if self.waiting.is_empty() {
            return None;
        }
        let (id, answer) = self.waiting.swap_remove(self.order.below(self.waiting.len()));
        Some(Report::Answer(id, answer))
    }

    fn event(&mut self, _event: Event) {}

    fn remember(&mut self, _op: MemoryOp) {}
}

/// Yields to other tasks once.
async fn yield_once() {
    let mut yielded = false;
    future::poll_fn(|context| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
