//! The specification of a part of a run (from its start or a resume to its end), as a simple interpreter:
//!
//! - Each stage asks a question at a place: the stage's path, the number of the attempt, and what is asked (the
//!   skill as it is written, with its inputs). A question that was answered at that place, by a success or a failure,
//!   is not asked again: its answer counts. Every other question is asked.
//! - A stage is tried once, and as often again as `retry` says. When the last attempt has failed, its clause decides:
//!   it is skipped, something else is asked instead, or it fails. A failure leaves every block and cascade around it,
//!   unless the cascade was called with `retry` or may be skipped. `retry` does not take what `on error fail`
//!   or a person decided.
//! - A failure that ended an earlier part of the run, and is met again, gives its stage a new set of attempts.
//! - A hook acts after a cascade has failed or succeeded. It acts anew for each failure that ended an earlier part of
//!   the run in the same stage.
//! - What must not be repeated blindly and was begun without a known end is not asked again: a person says first what
//!   became of it.
//! - A person's answer counts as soon as it is given. A run that can do nothing else without a person stops.
//! - Branches of a block each go as far as they can. When one fails, the others are given up: how far they came is
//!   not determined, so their questions are possible, and not certain.
//! - Memory is seen as it was when the run began, with the run's own changes. Branches do not see each other's
//!   changes; these are added when the block ends, in the order of the text. A change that was made is not made again.

mod branches;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use branches::Branches;

use super::{
    flow::{Cascade, Flow, Otherwise, PAY, Step, Words, Work},
    write::{result_of, result_of_round, skill_name},
};

/// A question at a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Asked {
    pub path: String,
    pub attempt: u32,
    pub question: String,
}

/// The answer of the environment to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Value(String),
    Failed,
    /// A person says that it failed.
    GivenUp,
    /// No answer while the process lives.
    Nothing,
}

/// The answer of a person about an effect that must not be repeated without confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Again,
    Done(String),
    Failed,
}

/// A change of memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Change {
    pub path: String,
    /// The number of the change at that place, from 0.
    pub number: u32,
    pub value: String,
}

/// The recorded state of a run before a part of it begins.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Questions that were answered.
    pub answers: HashMap<Asked, Said>,
    /// Questions that must not be repeated blindly, begun without a known end.
    pub begun: HashSet<Asked>,
    /// Answers of persons, by path and question.
    pub people: HashMap<(String, String), String>,
    /// Answers of persons about unfinished effects, by path.
    pub fates: HashMap<String, Fate>,
    /// The failures that ended earlier parts: stage and attempts.
    pub ended: BTreeSet<(String, u32)>,
    /// Memory as it was when the run began.
    pub memory: Vec<String>,
    /// Changes that were made.
    pub changes: HashSet<Change>,
}

/// How a part of a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With this value and this memory.
    Done { value: String, seen: Vec<String> },
    /// By the failure of one of these stages, after so many attempts.
    Failed(BTreeSet<(String, u32)>),
    /// It waits for persons.
    Waits,
    /// It waits for an answer that never comes, until its process dies.
    Dies,
}

/// The expected behaviour of a part of a run.
#[derive(Debug, Clone)]
pub struct Expected {
    pub end: End,
    /// Questions to the environment, each with whether it is certain.
    pub asked: BTreeMap<Asked, bool>,
    /// Questions to persons, by path, each with whether it is certain.
    pub people: BTreeMap<String, bool>,
    /// Changes of memory that have not been made yet, in order, each with whether it is certain.
    pub changes: Vec<(Change, bool)>,
    /// How many answers are taken from the record, where that is certain.
    pub reused: u64,
}

/// The outcome of executing a construct.
enum Came<T> {
    Through(T),
    Failed(BTreeSet<(String, u32)>),
    /// It waits, for a person or without end.
    Stopped {
        forever: bool,
    },
}

/// Whether a change of memory reaches the record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Surely,
    Maybe,
    /// Only when the block around it is given up; until then it waits for the end of the block.
    IfGivenUp,
}

/// The values that are visible at a place in the program.
#[derive(Clone)]
struct View {
    path: String,
    values: HashMap<String, Option<String>>,
    memory: Vec<String>,
    /// Changes since the block began.
    changes: Vec<(Change, Made)>,
}

impl View {
    fn text(&self, words: &Words) -> String {
        let mut out = words.word.clone();
        for value in &words.values {
            let known = self.values.get(&value.name).cloned().flatten();
            out.push('-');
            out.push_str(known.as_deref().unwrap_or("none"));
        }
        out
    }
}

struct Walk<'a> {
    flow: &'a Flow,
    book: &'a Book,
    /// The answer of the environment to the n-th question of a path.
    world: &'a dyn Fn(&str, u32) -> Said,
    /// How often each path was asked.
    counts: HashMap<String, u32>,
    /// The stage whose failure was the first, where several were possible.
    first: Option<&'a str>,
    asked: Vec<(Asked, bool)>,
    people: Vec<(String, bool)>,
    numbers: HashMap<String, u32>,
    reused: u64,
    /// Whether the newest failure is one that the program or a person decided: `retry` of a cascade around it does not take it.
    decided: bool,
}

/// The behaviour of a run from its beginning, given its recorded state.
pub fn expect(
    flow: &Flow,
    book: &Book,
    counts: &HashMap<String, u32>,
    world: &dyn Fn(&str, u32) -> Said,
    first: Option<&str>,
) -> Expected {
    let mut walk = Walk {
        flow,
        book,
        world,
        counts: counts.clone(),
        first,
        asked: Vec::new(),
        people: Vec::new(),
        numbers: HashMap::new(),
        reused: 0,
        decided: false,
    };
    let mut view = View {
        path: "main".to_owned(),
        values: HashMap::from([("word".to_owned(), Some("begin".to_owned()))]),
        memory: book.memory.clone(),
        changes: Vec::new(),
    };
    let came = match flow.cascades.last() {
        Some(main) => walk.run_cascade(main, &mut view),
        None => Came::Stopped { forever: true },
    };
    let end = match came {
        Came::Through(value) => End::Done { value, seen: view.memory },
        Came::Failed(stages) => End::Failed(stages),
        Came::Stopped { forever: true } => End::Dies,
        Came::Stopped { forever: false } => End::Waits,
    };
    let new =
        view.changes.into_iter().filter(|(change, made)| *made != Made::IfGivenUp && !book.changes.contains(change));
    let changes = new.map(|(change, made)| (change, made == Made::Surely)).collect();
    let people = walk.people.into_iter().collect();
    Expected { end, asked: walk.asked.into_iter().collect(), people, changes, reused: walk.reused }
}

impl Walk<'_> {
    fn question(&self, skill: usize, words: String) -> String {
        let version = self.flow.versions.get(skill).copied().unwrap_or_default();
        format!("{} v{version}|{words}", skill_name(skill))
    }

    /// Asks the environment, or takes the recorded answer.
    fn ask_world(&mut self, skill: usize, path: &str, attempt: u32, words: String) -> Said {
        let asked = Asked { path: path.to_owned(), attempt, question: self.question(skill, words) };
        if let Some(said) = self.book.answers.get(&asked) {
            self.reused += 1;
            return said.clone();
        }
        if skill == PAY && self.book.begun.contains(&asked) {
            match self.book.fates.get(path) {
                None => {
                    self.people.push((path.to_owned(), true));
                    // It waits for a person, not for the environment.
                    return Said::Nothing;
                }
                Some(Fate::Done(value)) => return Said::Value(value.clone()),
                Some(Fate::Failed) => return Said::GivenUp,
                Some(Fate::Again) => {}
            }
        }
        let count = self.counts.entry(path.to_owned()).or_insert(0);
        *count += 1;
        let said = (self.world)(path, *count);
        self.asked.push((asked, true));
        said
    }

    /// Whether the last question waits for a person.
    fn waits_for_person(&self, before: usize) -> bool {
        self.people.len() > before
    }

    fn run_work(&mut self, work: &Work, view: &View) -> Came<Option<String>> {
        let path = format!("{}/{}", view.path, work.name);
        let words = view.text(&work.words);
        let mut attempt = 0;
        loop {
            // One set of attempts.
            let mut left = work.retry;
            let given_up = loop {
                attempt += 1;
                let people = self.people.len();
                match self.ask_world(work.skill, &path, attempt, words.clone()) {
                    Said::Value(value) => return Came::Through(Some(value)),
                    Said::Nothing => return Came::Stopped { forever: !self.waits_for_person(people) },
                    Said::Failed if left > 0 => left -= 1,
                    said @ (Said::Failed | Said::GivenUp) => break said == Said::GivenUp,
                }
            };
            match &work.otherwise {
                Otherwise::Skip => return Came::Through(None),
                Otherwise::Fallback { skill, word } => {
                    match self.ask_world(*skill, &format!("{path}/fallback"), attempt, word.clone()) {
                        Said::Value(value) => return Came::Through(Some(value)),
                        Said::Nothing => return Came::Stopped { forever: true },
                        Said::Failed | Said::GivenUp => {}
                    }
                }
                Otherwise::Fail | Otherwise::FailWith => {}
            }
            if !self.book.ended.contains(&(path.clone(), attempt)) {
                self.decided = given_up || matches!(work.otherwise, Otherwise::FailWith);
                return Came::Failed(BTreeSet::from([(path, attempt)]));
            }
        }
    }

    fn ask_person(&mut self, name: &str, words: &Words, view: &View) -> Came<Option<String>> {
        let (path, question) = (format!("{}/{name}", view.path), view.text(words));
        let asked = Asked { path: path.clone(), attempt: 1, question: question.clone() };
        if let Some(Said::Value(value)) = self.book.answers.get(&asked) {
            self.reused += 1;
            return Came::Through(Some(value.clone()));
        }
        if let Some(value) = self.book.people.get(&(path.clone(), question)) {
            return Came::Through(Some(value.clone()));
        }
        self.people.push((path, true));
        Came::Stopped { forever: false }
    }

    /// A cascade from its beginning to the end of its hooks.
    fn run_cascade(&mut self, cascade: &Cascade, view: &mut View) -> Came<String> {
        let came = self.run_steps(&cascade.steps, view);
        let hook = |walk: &mut Self, work: &Work, name: &str| {
            let mut inner = view.clone();
            inner.path = format!("{}/{name}", view.path);
            let decided = walk.decided;
            let came = walk.run_work(work, &inner);
            walk.decided = decided;
            match came {
                Came::Stopped { forever } => Some(forever),
                // The failure of a hook changes nothing.
                Came::Through(_) | Came::Failed(_) => None,
            }
        };
        match came {
            Came::Through(()) => {
                let value = view.text(&result_of(cascade));
                if let Some(forever) = cascade.on_success.as_ref().and_then(|work| hook(self, work, "on_success")) {
                    return Came::Stopped { forever };
                }
                Came::Through(value)
            }
            Came::Failed(stages) => {
                let chosen = stages.iter().find(|(stage, _)| self.first.is_none_or(|f| f == stage));
                let (stage, attempts) = chosen.or(stages.first()).cloned().unwrap_or_default();
                let before = self.book.ended.iter().filter(|(s, n)| *s == stage && *n < attempts).count();
                let name = match before {
                    0 => "on_failure".to_owned(),
                    before => format!("on_failure#{}", before + 1),
                };
                if let Some(forever) = cascade.on_failure.as_ref().and_then(|work| hook(self, work, &name)) {
                    return Came::Stopped { forever };
                }
                Came::Failed(stages)
            }
            Came::Stopped { forever } => Came::Stopped { forever },
        }
    }

    fn run_steps(&mut self, steps: &[Step], view: &mut View) -> Came<()> {
        for step in steps {
            match self.run_step(step, view) {
                Came::Through(values) => view.values.extend(values),
                Came::Failed(stages) => return Came::Failed(stages),
                Came::Stopped { forever } => return Came::Stopped { forever },
            }
        }
        Came::Through(())
    }

    /// Runs a step; returns the values that later steps can use.
    fn run_step(&mut self, step: &Step, view: &mut View) -> Came<Vec<(String, Option<String>)>> {
        let named = |name: &str, came| match came {
            Came::Through(value) => Came::Through(vec![(name.to_owned(), value)]),
            Came::Failed(stages) => Came::Failed(stages),
            Came::Stopped { forever } => Came::Stopped { forever },
        };
        match step {
            Step::Work(work) => named(&work.name, self.run_work(work, view)),
            Step::Ask { name, words } => named(name, self.ask_person(name, words, view)),
            Step::Remember(words) => {
                let value = view.text(words);
                let number = self.numbers.entry(view.path.clone()).or_insert(0);
                *number += 1;
                let change = Change { path: view.path.clone(), number: *number, value: value.clone() };
                view.changes.push((change, Made::Surely));
                view.memory.push(value);
                Came::Through(Vec::new())
            }
            Step::Call { name, cascade, words, retry, skip } => {
                let came = self.run_call(name, *cascade, words, (*retry, *skip), view);
                named(name, came)
            }
            Step::For { name, item, rounds, at_once, body } => {
                self.run_rounds(name, item, (*rounds, *at_once), body, view)
            }
            Step::Parallel { name, one_by_one, branches } => self.run_parallel(name, *one_by_one, branches, view),
        }
    }

    fn run_call(
        &mut self,
        name: &str,
        cascade: usize,
        words: &Words,
        (retry, skip): (u32, bool),
        view: &mut View,
    ) -> Came<Option<String>> {
        let Some(cascade) = self.flow.cascades.get(cascade) else { return Came::Stopped { forever: true } };
        let word = view.text(words);
        let mut attempt = 1;
        loop {
            let path = match attempt {
                1 => format!("{}/{name}", view.path),
                n => format!("{}/{name}~{n}", view.path),
            };
            let mut inner = View {
                path,
                values: HashMap::from([("word".to_owned(), Some(word.clone()))]),
                memory: view.memory.clone(),
                changes: std::mem::take(&mut view.changes),
            };
            let came = self.run_cascade(cascade, &mut inner);
            (view.memory, view.changes) = (inner.memory, inner.changes);
            match came {
                Came::Through(value) => return Came::Through(Some(value)),
                Came::Failed(_) if attempt <= retry && !self.decided => attempt += 1,
                Came::Failed(_) if skip => return Came::Through(None),
                Came::Failed(stages) => return Came::Failed(stages),
                Came::Stopped { forever } => return Came::Stopped { forever },
            }
        }
    }

    fn run_rounds(
        &mut self,
        name: &str,
        item: &str,
        (rounds, at_once): (usize, Option<usize>),
        body: &[Step],
        view: &mut View,
    ) -> Came<Vec<(String, Option<String>)>> {
        let mut branches = Branches::new(at_once);
        let mut texts = Vec::new();
        for i in 0..rounds {
            if branches.is_full() {
                break;
            }
            let mut inner = view.clone();
            inner.path = format!("{}/{name}[{i}]", view.path);
            inner.values.insert(item.to_owned(), Some(format!("i{i}")));
            if at_once.is_some() {
                inner.changes = Vec::new();
            }
            branches.begin(self);
            let came = self.run_steps(body, &mut inner);
            let given = inner.text(&result_of_round(item, body));
            match (at_once, came) {
                (Some(_), came) => branches.end(self, came, inner.changes),
                (None, came) => {
                    (view.memory, view.changes) = (inner.memory.clone(), std::mem::take(&mut inner.changes));
                    match came {
                        Came::Through(()) => {}
                        Came::Failed(stages) => return Came::Failed(stages),
                        Came::Stopped { forever } => return Came::Stopped { forever },
                    }
                }
            }
            texts.push(given);
        }
        match branches.close(self, view) {
            Came::Through(()) => Came::Through(vec![(format!("j{name}"), Some(texts.join("+")))]),
            Came::Failed(stages) => Came::Failed(stages),
            Came::Stopped { forever } => Came::Stopped { forever },
        }
    }

    fn run_parallel(
        &mut self,
        name: &str,
        one_by_one: bool,
        steps: &[Step],
        view: &mut View,
    ) -> Came<Vec<(String, Option<String>)>> {
        let mut branches = Branches::new(one_by_one.then_some(1));
        let mut known = view.clone();
        known.path = format!("{}/{name}", view.path);
        let mut missing: Vec<String> = Vec::new();
        for step in steps {
            if branches.is_full() {
                break;
            }
            // A branch begins when everything that it needs is available.
            if needs(step).iter().any(|name| missing.contains(name)) {
                missing.extend(step.name().map(str::to_owned));
                continue;
            }
            let mut inner = known.clone();
            inner.changes = Vec::new();
            branches.begin(self);
            let came = self.run_step(step, &mut inner);
            let came = match came {
                Came::Through(values) => {
                    known.values.extend(values);
                    Came::Through(())
                }
                Came::Failed(stages) => Came::Failed(stages),
                Came::Stopped { forever } => Came::Stopped { forever },
            };
            if !matches!(came, Came::Through(())) {
                missing.extend(step.name().map(str::to_owned));
            }
            branches.end(self, came, inner.changes);
        }
        match branches.close(self, view) {
            Came::Through(()) => {
                let mut values = Vec::new();
                for step in steps {
                    for source in step.values() {
                        let value = known.values.get(&source.name).cloned().flatten();
                        values.push((format!("{name}.{}", source.name), value));
                    }
                }
                Came::Through(values)
            }
            Came::Failed(stages) => Came::Failed(stages),
            Came::Stopped { forever } => Came::Stopped { forever },
        }
    }
}

/// The names that a stage needs.
fn needs(step: &Step) -> Vec<String> {
    let of = |words: &Words| words.values.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
    match step {
        Step::Work(work) => of(&work.words),
        Step::Ask { words, .. } | Step::Call { words, .. } | Step::Remember(words) => of(words),
        Step::Parallel { branches, .. } => branches.iter().flat_map(needs).collect(),
        Step::For { body, .. } => body.iter().flat_map(needs).collect(),
    }
}
