//! `parallel` and `swarm`: stages that start as soon as what they name is done.

use rustc_hash::FxHashMap as HashMap;

use cascade_grammar::ast::{Block, Expr, ExprKind, Name, Span, Stmt, StmtKind, SwarmExpr};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    body::Body,
    control::{Worked, head_word},
    with_suggestion,
};
use crate::{codes, depth_first, flow::Flow, index::Symbol, types::Ty, walk};

impl<'a> Body<'_, 'a> {
    /// `parallel max n { … }`.
    pub fn parallel_work(&mut self, max: Option<&'a Expr>, body: &'a Block, span: Span) -> Worked {
        if let Some(e) = max {
            self.at_least_one(e, "nothing would ever run");
        }
        let max = max.map(|e| self.check(e, Ty::INT).ir);
        let mark = self.enter(body.span);
        self.level += 1;
        let (branches, stages) = self.branches(body);
        self.level -= 1;
        let mut flow = Flow::default();
        for (_, _, _, f) in &stages {
            flow.include(f);
        }
        let ty = self.cx.types.record(stages.iter().map(|(n, _, t, _)| (n.clone(), *t)).collect());
        if let Some(recorder) = &mut self.cx.recorder {
            for (index, (_, slot, _, _)) in stages.iter().enumerate() {
                if let Some(local) = self.locals.iter().find(|l| l.slot == *slot) {
                    let symbol = Symbol::RecordField { record: ty, index: index as u32 };
                    recorder.define(self.module, local.span, symbol, true);
                }
            }
        }
        let value = ir::Expr::Record(stages.iter().map(|(n, s, _, _)| (n.clone(), ir::Expr::Slot(*s))).collect());
        self.leave(mark);
        let work = ir::Work::Parallel(Box::new(ir::Parallel { max, branches, value, place: self.place(span) }));
        (work, ty, flow, false)
    }

    /// `swarm … { … }`: typed as a `parallel`.
    pub fn swarm_work(&mut self, x: &'a SwarmExpr, span: Span) -> Worked {
        self.not_yet("swarm", head_word(span, "swarm"));
        self.one_of(x.topology.as_ref(), "topology", &["mesh", "star", "hierarchical"]);
        if let Some(via) = &x.via {
            self.cx.record_server(self.module, via);
        }
        self.one_of(x.strategy.as_ref(), "strategy", &["balanced", "specialized", "adaptive"]);
        self.parallel_work(x.max.as_ref(), &x.body, span)
    }

    fn one_of(&mut self, name: Option<&Name>, what: &str, known: &[&str]) {
        let Some(name) = name else { return };
        self.record_word(name);
        if name.text.is_empty() || known.contains(&name.text.as_str()) {
            return;
        }
        let d = self
            .diag(codes::UNKNOWN_SETTING, name.span, format!("there is no {what} `{}`", name.text))
            .label("not known");
        let mut d = with_suggestion(d, &name.text, name.span, known.iter().copied());
        if d.help.is_none() {
            d = d.help(format!("write {}", super::literal::names(known.iter().copied())));
        }
        self.report(d);
    }

    #[allow(clippy::type_complexity)]
    fn branches(&mut self, body: &'a Block) -> (Vec<ir::Branch>, Vec<(SmolStr, ir::Slot, Ty, Flow)>) {
        let mut stmts: Vec<&'a Stmt> = Vec::new();
        for stmt in &body.stmts {
            match &stmt.kind {
                StmtKind::Stage { .. } | StmtKind::Let { .. } => stmts.push(stmt),
                StmtKind::Error => {}
                _ => {
                    let d = self
                        .diag(codes::MISPLACED, stmt.span, "only stages stand in a `parallel` block")
                        .label("has no place in a graph of stages")
                        .help("put what belongs together into a cascade of its own, and call it as one stage");
                    self.report(d);
                }
            }
        }
        let order = self.graph(&stmts);
        let mut positions: HashMap<u32, usize> = HashMap::default();
        let mut lowered: Vec<Option<(ir::Branch, Option<(SmolStr, ir::Slot, Ty, Flow)>)>> =
            stmts.iter().map(|_| None).collect();
        let mut edits = Vec::new();
        for index in order {
            let stmt = stmts[index];
            let edits_before = self.checks.effects.edits.len();
            let before = std::mem::take(&mut self.reads);
            let mut out = Vec::new();
            let (slot, stage) = match &stmt.kind {
                StmtKind::Stage { name, ty, value, clauses } => {
                    let stage = self.stage(stmt, name, ty.as_ref(), value, clauses);
                    out.push(stage.stmt);
                    (stage.slot, Some((name.text.clone(), stage.slot, stage.ty, stage.flow)))
                }
                _ => {
                    self.let_branch(stmt, &mut out);
                    let slot = self.locals.last().map_or(ir::Slot(0), |l| l.slot);
                    (slot, None)
                }
            };
            let own = self.locals.len() as u32 - 1;
            let mut after: Vec<u32> =
                self.reads.iter().filter_map(|read| positions.get(read)).map(|p| *p as u32).collect();
            after.sort_unstable();
            after.dedup();
            let mut reads = std::mem::replace(&mut self.reads, before);
            self.reads.append(&mut reads);
            positions.insert(own, index);
            let edits_here = edits_before..self.checks.effects.edits.len();
            if !edits_here.is_empty() || !edits.is_empty() {
                edits.push((index, edits_here, after.clone()));
            }
            if let Some(stmt) = out.pop() {
                lowered[index] = Some((ir::Branch { stmt, slot, after }, stage));
            }
        }
        self.branches_edit(&edits);
        let mut branches = Vec::new();
        let mut stages = Vec::new();
        for (branch, stage) in lowered.into_iter().flatten() {
            branches.push(branch);
            stages.extend(stage);
        }
        (branches, stages)
    }

    fn let_branch(&mut self, stmt: &'a Stmt, out: &mut Vec<ir::Stmt>) {
        let StmtKind::Let { name, ty, value } = &stmt.kind else { return };
        let declared = ty.as_ref().map(|t| self.cx.resolve(self.module, t));
        let typed = match declared {
            Some(ty) => self.check(value, ty),
            None => self.infer(value),
        };
        let index = self.declare(&name.text, name.span, typed.ty, typed.flow, super::body::LocalKind::Let);
        out.push(ir::Stmt::Set(self.locals[index as usize].slot, typed.ir));
    }

    /// The order in which the statements can be looked at: what is named before what names it.
    /// Reports stages that wait for each other; those are put in the order of the text.
    fn graph(&mut self, stmts: &[&'a Stmt]) -> Vec<usize> {
        let mut declared: HashMap<&str, usize> = HashMap::default();
        let name_of = |stmt: &'a Stmt| match &stmt.kind {
            StmtKind::Stage { name, .. } | StmtKind::Let { name, .. } => Some(name),
            _ => None,
        };
        for (i, stmt) in stmts.iter().enumerate() {
            if let Some(name) = name_of(stmt) {
                declared.entry(name.text.as_str()).or_insert(i);
            }
        }
        let mut needs: Vec<Vec<(usize, Span)>> = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            let mut found: Vec<(usize, Span)> = Vec::new();
            walk::stmt(stmt, &mut |e| {
                if let ExprKind::Name(name) = &e.kind
                    && let Some(i) = declared.get(name.text.as_str())
                    && !found.iter().any(|(j, _)| j == i)
                {
                    found.push((*i, name.span));
                }
            });
            needs.push(found);
        }
        let found = depth_first::search(stmts.len(), |index| std::mem::take(&mut needs[index]));
        for cycle in found.cycles {
            let Some(first) = cycle.nodes.first() else { continue };
            let names = cycle.nodes.iter().chain([first]).filter_map(|i| name_of(stmts[*i]));
            let way: Vec<String> = names.map(|n| format!("`{}`", n.text)).collect();
            let message = if way.len() == 2 {
                format!("{} waits for itself", way[0])
            } else {
                format!("these stages wait for each other: {}", way.join(" → "))
            };
            let d = self
                .diag(codes::PARALLEL_CYCLE, cycle.closing, message)
                .label("closes the circle")
                .help("in `parallel` a stage starts when the stages that it names are done");
            self.report(d);
            // What uses the name before it is set must not be reported again.
            self.broken.extend(name_of(stmts[*first]).map(|n| n.text.clone()));
        }
        found.order
    }
}
