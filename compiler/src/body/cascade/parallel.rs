//! `parallel` and `swarm`: each stage starts when the stages that it names are done.

use cascade_grammar::ast::{Block, Expr, ExprKind, Name, ParallelExpr, Span, Stmt, StmtKind, SwarmExpr};
use cascade_ir as ir;
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

use super::{CascadeChecker, control::Worked};
use crate::{
    checks::{
        blocks, bounds,
        concurrency::{EditingBranch, branches_edit},
        names::unknown_word,
    },
    codes, depth_first,
    flow::Flow,
    index::Symbol,
    scope::LocalKind,
    suggest::quoted_list,
    types::Ty,
    walk,
    world::View,
};

impl CascadeChecker<'_> {
    /// Checks `parallel max n { … }` and `parallel first { … }`.
    pub(super) fn check_parallel(&mut self, x: &ParallelExpr, span: Span) -> Worked {
        match x.first {
            Some(word) => self.check_parallel_first(&x.body, word, span),
            None => self.check_parallel_all(x.max.as_ref(), &x.body, span),
        }
    }

    /// Checks `parallel first { … }`, whose value is that of the stage that succeeds first.
    fn check_parallel_first(&mut self, body: &Block, word: Span, span: Span) -> Worked {
        let mark = self.body.enter_scope(body.span);
        self.body.surroundings.level += 1;
        let (branches, stages) = self.check_branches(body);
        self.body.surroundings.level -= 1;
        let depends = branches.iter().any(|branch| !branch.after.is_empty());
        if stages.len() < 2 || depends || branches.len() != stages.len() {
            self.body.context.report(blocks::unsuitable_for_first(self.body.context.view(), word, depends));
        }
        let mut flow = Flow::default();
        let mut joined: Option<Ty> = None;
        for (_, slot, ty, stage_flow) in &stages {
            flow.include(stage_flow);
            self.body.scope.use_slot(*slot);
            joined = Some(match joined {
                None => *ty,
                Some(before) => self.body.join_types((before, false), (*ty, false), span),
            });
        }
        self.body.leave_scope(mark);
        let place = self.body.context.place(span);
        let null = ir::Expr::Const(ir::Const::Null);
        let work = ir::Work::Parallel(Box::new(ir::Parallel {
            first: true,
            max: None,
            branches,
            swarm: None,
            value: null,
            place,
        }));
        (work, joined.unwrap_or(Ty::ERROR), flow, false)
    }

    fn check_parallel_all(&mut self, max: Option<&Expr>, body: &Block, span: Span) -> Worked {
        if let Some(e) = max {
            self.body.context.report(bounds::less_than_one(self.body.context.view(), e, "nothing would ever run"));
        }
        let max = max.map(|e| self.body.check(e, Ty::INT).ir);
        let mark = self.body.enter_scope(body.span);
        self.body.surroundings.level += 1;
        let (branches, stages) = self.check_branches(body);
        self.body.surroundings.level -= 1;
        let mut flow = Flow::default();
        for (_, _, _, f) in &stages {
            flow.include(f);
        }
        let ty = self.body.context.types.record(stages.iter().map(|(n, _, t, _)| (n.clone(), *t)).collect());
        if self.body.context.recorder().is_on() {
            for (index, (_, slot, _, _)) in stages.iter().enumerate() {
                if let Some(span) = self.body.scope.locals().iter().find(|l| l.slot == *slot).map(|l| l.span) {
                    self.body.context.record_definition(span, Symbol::RecordField { record: ty, index: index as u32 });
                }
            }
        }
        let value = ir::Expr::Record(stages.iter().map(|(n, s, _, _)| (n.clone(), ir::Expr::Slot(*s))).collect());
        self.body.leave_scope(mark);
        let work = ir::Work::Parallel(Box::new(ir::Parallel {
            first: false,
            max,
            branches,
            swarm: None,
            value,
            place: self.body.context.place(span),
        }));
        (work, ty, flow, false)
    }

    /// Checks `swarm … { … }`, which has the types of a `parallel`.
    pub(super) fn check_swarm(&mut self, x: &SwarmExpr, span: Span) -> Worked {
        self.check_setting_word(x.topology.as_ref(), "topology", &["mesh", "star", "hierarchical"]);
        let mirror = x.via.as_ref().and_then(|via| self.body.context.resolve_server(via));
        self.check_setting_word(x.strategy.as_ref(), "strategy", &["balanced", "specialized", "adaptive"]);
        let outside = std::mem::replace(&mut self.in_swarm, true);
        let (mut work, ty, flow, gives) = self.check_parallel_all(x.max.as_ref(), &x.body, span);
        self.in_swarm = outside;
        if let ir::Work::Parallel(node) = &mut work {
            let word = |name: &Option<Name>| name.as_ref().map_or("", |name| name.text.as_str()).to_owned();
            let topology = match word(&x.topology).as_str() {
                "star" => ir::Topology::Star,
                "hierarchical" => ir::Topology::Hierarchical,
                _ => ir::Topology::Mesh,
            };
            let strategy = match word(&x.strategy).as_str() {
                "specialized" => ir::Strategy::Specialized,
                "adaptive" => ir::Strategy::Adaptive,
                _ => ir::Strategy::Balanced,
            };
            // The pool bounds the tasks, and not the stages that hold them.
            node.swarm = Some(ir::Swarm { max: node.max.take(), topology, strategy, mirror });
        }
        (work, ty, flow, gives)
    }

    fn check_setting_word(&mut self, name: Option<&Name>, setting: &str, known: &[&str]) {
        let Some(name) = name else { return };
        self.body.context.record_word(name);
        if name.text.is_empty() || known.contains(&name.text.as_str()) {
            return;
        }
        let message = format!("there is no {setting} `{}`", name.text);
        let otherwise = format!("write {}", quoted_list(known.iter().copied()));
        let known = known.iter().copied();
        self.body.context.report(unknown_word(
            self.body.context.view(),
            codes::UNKNOWN_SETTING,
            name,
            message,
            known,
            otherwise,
        ));
    }

    #[allow(clippy::type_complexity)]
    fn check_branches(&mut self, body: &Block) -> (Vec<ir::Branch>, Vec<(SmolStr, ir::Slot, Ty, Flow)>) {
        let mut stmts: Vec<&Stmt> = Vec::new();
        for stmt in &body.stmts {
            match &stmt.kind {
                StmtKind::Stage { .. } | StmtKind::Let { .. } => stmts.push(stmt),
                StmtKind::Error => {}
                _ => {
                    self.body.context.report(blocks::statement_in_parallel(self.body.context.view(), stmt.span));
                }
            }
        }
        let order = self.order_branches(&stmts);
        let mut positions: HashMap<u32, usize> = HashMap::default();
        let mut lowered: Vec<Option<(ir::Branch, Option<(SmolStr, ir::Slot, Ty, Flow)>)>> =
            stmts.iter().map(|_| None).collect();
        let mut edits = Vec::new();
        for index in order {
            let stmt = stmts[index];
            let edits_before = self.body.outcome.effects.edits.len();
            let before = std::mem::take(&mut self.body.reads);
            let mut out = Vec::new();
            let (slot, stage) = match &stmt.kind {
                StmtKind::Stage { name, ty, value, clauses } => {
                    let stage = self.check_stage(stmt, name, ty.as_ref(), value, clauses);
                    out.push(stage.stmt);
                    (stage.slot, Some((name.text.clone(), stage.slot, stage.ty, stage.flow)))
                }
                _ => {
                    self.check_let_branch(stmt, &mut out);
                    let slot = self.body.scope.locals().last().map_or(ir::Slot(0), |l| l.slot);
                    (slot, None)
                }
            };
            let own = self.body.scope.len() as u32 - 1;
            let mut after: Vec<u32> =
                self.body.reads.iter().filter_map(|read| positions.get(read)).map(|p| *p as u32).collect();
            after.sort_unstable();
            after.dedup();
            let mut reads = std::mem::replace(&mut self.body.reads, before);
            self.body.reads.append(&mut reads);
            positions.insert(own, index);
            let edits_here = edits_before..self.body.outcome.effects.edits.len();
            if !edits_here.is_empty() || !edits.is_empty() {
                edits.push(EditingBranch { index, edits: edits_here, after: after.clone() });
            }
            if let Some(stmt) = out.pop() {
                lowered[index] = Some((ir::Branch { stmt, slot, after }, stage));
            }
        }
        let view =
            View { world: self.body.context.world, types: self.body.context.types, module: self.body.context.module };
        let found = branches_edit(view, &mut self.body.outcome.effects.edits, &edits);
        self.body.context.report_all(found);
        let mut branches = Vec::new();
        let mut stages = Vec::new();
        for (branch, stage) in lowered.into_iter().flatten() {
            branches.push(branch);
            stages.extend(stage);
        }
        (branches, stages)
    }

    fn check_let_branch(&mut self, stmt: &Stmt, out: &mut Vec<ir::Stmt>) {
        let StmtKind::Let { name, ty, value } = &stmt.kind else { return };
        let declared = ty.as_ref().map(|t| self.body.context.resolve_type(t));
        let typed = match declared {
            Some(ty) => self.body.check(value, ty),
            None => self.body.infer(value),
        };
        let index = self.body.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
        out.push(ir::Stmt::Set(self.body.scope.slot(index), typed.ir));
    }

    /// The order in which the statements are checked: a stage follows those that it names. Reports
    /// stages that wait for each other.
    fn order_branches(&mut self, stmts: &[&Stmt]) -> Vec<usize> {
        let mut declared: HashMap<&str, usize> = HashMap::default();
        for (i, stmt) in stmts.iter().enumerate() {
            if let Some(name) = name_of(stmt) {
                declared.entry(name.text.as_str()).or_insert(i);
            }
        }
        let mut needs: Vec<Vec<(usize, Span)>> = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            let mut found: Vec<(usize, Span)> = Vec::new();
            let mut callees: Vec<Span> = Vec::new();
            walk::walk_stmt(stmt, &mut |e| {
                // A name that is called is a skill, even if a stage has the same name.
                if let ExprKind::Call { callee, .. } = &e.kind
                    && self.body.is_stage_call(callee)
                {
                    callees.push(callee.span);
                }
                if let ExprKind::Name(name) = &e.kind
                    && !callees.contains(&name.span)
                    && let Some(i) = declared.get(name.text.as_str())
                    && !found.iter().any(|(j, _)| j == i)
                {
                    found.push((*i, name.span));
                }
            });
            needs.push(found);
        }
        let found = depth_first::search_depth_first(stmts.len(), |index| std::mem::take(&mut needs[index]));
        for cycle in found.cycles {
            let Some(first) = cycle.nodes.first() else { continue };
            let names = cycle.nodes.iter().chain([first]).filter_map(|i| name_of(stmts[*i]));
            let way: Vec<String> = names.map(|n| format!("`{}`", n.text)).collect();
            self.body.context.report(blocks::stages_in_circle(self.body.context.view(), &way, cycle.closing));
            // What uses the name before it is set must not be reported again.
            self.body.unreadable.names.extend(name_of(stmts[*first]).map(|n| n.text.clone()));
        }
        found.order
    }
}

/// The name that a stage or a `let` gives.
fn name_of(stmt: &Stmt) -> Option<&Name> {
    match &stmt.kind {
        StmtKind::Stage { name, .. } | StmtKind::Let { name, .. } => Some(name),
        _ => None,
    }
}
