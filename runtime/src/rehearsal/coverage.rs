//! Coverage: which places of a program were reached.

use std::collections::{BTreeMap, HashSet};

use cascade_ir::{
    Cascade, Hook, HookKind, NodeId, OnError, Place, Program, Stage, Visitor, Work, walk_cascade, walk_handler,
    walk_hook, walk_stage, walk_work,
};

/// A place that tests should reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The file.
    pub file: String,
    /// Line and column.
    pub at: (u32, u32),
    /// The message if it was not reached.
    pub missed: String,
}

/// The coverage of a program, by cascade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By file and cascade: the points, and whether each was reached.
    pub cascades: BTreeMap<(String, String), BTreeMap<Point, bool>>,
}

impl Coverage {
    /// The points of a program, none of them reached.
    pub fn nothing_reached(program: &Program) -> Self {
        Self::from_reached(program, &HashSet::new())
    }

    pub(crate) fn from_reached(program: &Program, reached: &HashSet<NodeId>) -> Self {
        let mut out = Self::default();
        for cascade in &program.cascades {
            let file = program.files.get(cascade.place.file as usize).cloned().unwrap_or_default();
            // The standard library is tested separately.
            if file.starts_with("std.") {
                continue;
            }
            let mut collector = PointCollector { file: &file, reached, points: BTreeMap::new() };
            collector.visit_cascade(cascade);
            let points = collector.points;
            out.cascades.insert((file.clone(), cascade.name.to_string()), points);
        }
        out
    }

    /// Adds the coverage of another test.
    pub fn add(&mut self, other: Coverage) {
        for (cascade, points) in other.cascades {
            let known = self.cascades.entry(cascade).or_default();
            for (point, reached) in points {
                *known.entry(point).or_default() |= reached;
            }
        }
    }

    /// The numbers of points reached and of all points.
    pub fn sum(&self) -> (usize, usize) {
        let all = || self.cascades.values().flat_map(BTreeMap::values);
        (all().filter(|reached| **reached).count(), all().count())
    }
}

/// Collects the points of one cascade.
struct PointCollector<'a> {
    file: &'a str,
    reached: &'a HashSet<NodeId>,
    points: BTreeMap<Point, bool>,
}

impl PointCollector<'_> {
    fn add_point(&mut self, node: NodeId, place: Place, missed: impl Into<String>) {
        let point = Point { file: self.file.to_owned(), at: (place.line, place.column), missed: missed.into() };
        let reached = self.reached.contains(&node);
        *self.points.entry(point).or_default() |= reached;
    }
}

impl<'p> Visitor<'p> for PointCollector<'_> {
    fn visit_cascade(&mut self, cascade: &'p Cascade) {
        self.add_point(cascade.body.id, cascade.place, format!("the cascade `{}` never ran", cascade.name));
        walk_cascade(self, cascade);
    }

    fn visit_hook(&mut self, kind: HookKind, hook: &'p Hook) {
        let word = match kind {
            HookKind::Success => "success",
            HookKind::Failure => "failure",
            HookKind::Cancel => "cancel",
        };
        self.add_point(hook.body.id, hook.body.place, format!("`on {word}` never ran"));
        walk_hook(self, hook);
    }

    fn visit_stage(&mut self, stage: &'p Stage) {
        self.add_point(stage.id, stage.place, format!("the stage `{}` never ran", stage.name));
        walk_stage(self, stage);
    }

    fn visit_handler(&mut self, handler: &'p OnError) {
        self.add_point(handler.id, handler.place, "`on error` never ran");
        walk_handler(self, handler);
    }

    fn visit_work(&mut self, work: &'p Work) {
        match work {
            Work::If(_, then, otherwise) => {
                self.add_point(then.id, then.place, "the condition was never true");
                // An `else if` starts at its own condition.
                let written = !otherwise.stmts.is_empty() || otherwise.value.is_some();
                let missed = if written { "`else` was never taken" } else { "the condition was never false" };
                self.add_point(otherwise.id, otherwise.place, missed);
            }
            Work::Match(_, arms) => {
                for arm in arms {
                    self.add_point(arm.body.id, arm.body.place, "no value took this arm");
                }
            }
            Work::For(node) => self.add_point(node.body.id, node.place, "the loop body never ran"),
            _ => {}
        }
        walk_work(self, work);
    }
}
