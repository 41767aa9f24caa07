//! Which places of a program were reached.

use std::collections::{BTreeMap, HashSet};

use cascade_ir::{Block, Cascade, Clauses, Hook, Place, Program, Stage, Stmt, Work};

use crate::interpreter::{Kind, Reached, mark};

/// A place that a run can reach or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The file.
    pub file: String,
    /// Line and column.
    pub at: (u32, u32),
    /// What it means that it was not reached.
    pub missed: String,
}

/// What was reached, by cascade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files and names of cascades, and their places with whether they were reached.
    pub cascades: BTreeMap<(String, String), BTreeMap<Point, bool>>,
}

impl Coverage {
    /// The places of a program, none reached.
    pub fn none(program: &Program) -> Self {
        Self::of(program, &HashSet::new())
    }

    pub(crate) fn of(program: &Program, reached: &HashSet<Reached>) -> Self {
        let mut out = Self::default();
        for cascade in &program.cascades {
            let file = program.files.get(cascade.place.file as usize).cloned().unwrap_or_default();
            // The standard library has tests of its own.
            if file.starts_with("std.") {
                continue;
            }
            let mut look = Look { file: &file, reached, points: BTreeMap::new() };
            look.cascade(cascade);
            let points = look.points;
            out.cascades.insert((file.clone(), cascade.name.to_string()), points);
        }
        out
    }

    /// Adds what another test reached.
    pub fn add(&mut self, other: Coverage) {
        for (cascade, points) in other.cascades {
            let known = self.cascades.entry(cascade).or_default();
            for (point, reached) in points {
                *known.entry(point).or_default() |= reached;
            }
        }
    }

    /// How many places were reached, and how many there are.
    pub fn sum(&self) -> (usize, usize) {
        let all = || self.cascades.values().flat_map(BTreeMap::values);
        (all().filter(|reached| **reached).count(), all().count())
    }
}

struct Look<'a> {
    file: &'a str,
    reached: &'a HashSet<Reached>,
    points: BTreeMap<Point, bool>,
}

impl Look<'_> {
    fn point<T>(&mut self, node: &T, kind: Kind, place: Place, missed: impl Into<String>) {
        let point = Point { file: self.file.to_owned(), at: (place.line, place.column), missed: missed.into() };
        let reached = self.reached.contains(&mark(node, kind));
        *self.points.entry(point).or_default() |= reached;
    }

    fn cascade(&mut self, cascade: &Cascade) {
        self.point(&cascade.body, Kind::Block, cascade.place, format!("the cascade `{}` never ran", cascade.name));
        self.block(&cascade.body);
        for (hook, word) in
            [(&cascade.on_success, "success"), (&cascade.on_failure, "failure"), (&cascade.on_cancel, "cancel")]
        {
            if let Some(hook) = hook {
                self.hook(hook, word);
            }
        }
    }

    fn hook(&mut self, hook: &Hook, word: &str) {
        self.point(hook, Kind::Hook, hook.body.place, format!("`on {word}` never ran"));
        self.block(&hook.body);
    }

    fn block(&mut self, block: &Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Stage(stage) => self.stage(stage),
            Stmt::Work(work, _) => self.work(work),
            _ => {}
        }
    }

    fn stage(&mut self, stage: &Stage) {
        self.point(stage, Kind::Stage, stage.place, format!("the stage `{}` never ran", stage.name));
        self.work(&stage.work);
        self.clauses(&stage.clauses);
    }

    fn clauses(&mut self, clauses: &Clauses) {
        for handler in &clauses.on_error {
            self.point(handler, Kind::Handler, handler.place, "`on error` never had to help");
        }
    }

    fn work(&mut self, work: &Work) {
        match work {
            Work::Skill(..) | Work::Cascade(..) | Work::Person(_) | Work::Pure(_) => {}
            Work::If(_, then, otherwise) => {
                self.point(then, Kind::Block, then.place, "the condition was never true");
                // An `else if` begins where its own condition does.
                let written = !otherwise.stmts.is_empty() || otherwise.value.is_some();
                let missed = if written { "`else` was never taken" } else { "the condition was never false" };
                self.point(otherwise, Kind::Block, otherwise.place, missed);
                self.block(then);
                self.block(otherwise);
            }
            Work::Match(_, arms) => {
                for arm in arms {
                    self.point(&arm.body, Kind::Block, arm.body.place, "no value took this arm");
                    self.block(&arm.body);
                }
            }
            Work::For(node) => {
                self.point(&node.body, Kind::Block, node.place, "the loop never had an element");
                self.block(&node.body);
            }
            Work::Repeat(node) => self.block(&node.body),
            Work::Parallel(node) => node.branches.iter().for_each(|branch| self.stmt(&branch.stmt)),
            Work::Block(block) => self.block(block),
        }
    }
}
