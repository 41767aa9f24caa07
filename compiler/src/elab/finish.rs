//! What can only be said of the whole program: which blocks are pure, which cascades reach what
//! cannot run yet, which imports nobody uses.

use cascade_ir as ir;

use super::{Cx, Def};

impl Cx<'_> {
    /// The program of the root module.
    pub fn finish(&mut self, root: usize) -> Option<ir::Program> {
        self.unused_names();
        let mut cascades: Vec<ir::Cascade> =
            std::mem::take(&mut self.out.cascades).into_iter().collect::<Option<_>>()?;
        let skills: Vec<ir::Skill> = std::mem::take(&mut self.out.skills).into_iter().collect::<Option<_>>()?;
        let functions = std::mem::take(&mut self.out.functions).into_iter().collect::<Option<_>>()?;
        conclude(&mut cascades, &skills);
        let entries: Vec<ir::CascadeId> = self
            .cascades
            .iter()
            .enumerate()
            .filter(|(_, info)| info.sig.module == root)
            .map(|(i, _)| ir::CascadeId(i as u32))
            .collect();
        let main = main_entry(&entries, &cascades);
        let default_route =
            self.modules.iter().position(|m| m.name == "std.models").and_then(|m| match self.exported(m, "auto") {
                Some(Def::Route(id)) => Some(id),
                _ => None,
            });
        Some(ir::Program {
            format: ir::FORMAT,
            name: self.modules[root].name.clone(),
            files: self.map.iter().map(|(_, s)| s.name.clone()).collect(),
            types: self.types.lower_defs(),
            models: std::mem::take(&mut self.out.models),
            routes: std::mem::take(&mut self.out.routes),
            memories: std::mem::take(&mut self.out.memories),
            functions,
            skills,
            cascades,
            entries,
            main,
            default_route,
            tests: std::mem::take(&mut self.out.tests).into_iter().filter(|t| t.0 == root).map(|t| t.1).collect(),
        })
    }
}

/// The entry that is meant when none is named.
fn main_entry(entries: &[ir::CascadeId], cascades: &[ir::Cascade]) -> Option<ir::CascadeId> {
    if let [one] = entries {
        return Some(*one);
    }
    if let Some(main) = entries.iter().find(|e| cascades[e.index()].name == "main") {
        return Some(*main);
    }
    let mut called = vec![false; cascades.len()];
    for entry in entries {
        calls_of_cascade(&cascades[entry.index()], &mut |callee| {
            if let Callee::Cascade(id) = callee {
                called[id.index()] = true;
            }
        });
    }
    let mut uncalled = entries.iter().filter(|e| !called[e.index()] && !cascades[e.index()].name.starts_with('_'));
    match (uncalled.next(), uncalled.next()) {
        (Some(one), None) => Some(*one),
        _ => None,
    }
}

/// What is known of a cascade once its callees are known.
#[derive(Clone, Default)]
struct Known {
    entered: bool,
    done: bool,
    unsupported: Vec<ir::Unsupported>,
}

/// Marks pure blocks, and passes what cannot run from callees to callers.
fn conclude(cascades: &mut [ir::Cascade], skills: &[ir::Skill]) {
    let mut known = vec![Known::default(); cascades.len()];
    let mut pure_cascades = vec![false; cascades.len()];
    for start in 0..cascades.len() {
        let mut stack = vec![start];
        while let Some(&index) = stack.last() {
            if known[index].done {
                stack.pop();
                continue;
            }
            let mut callees = Vec::new();
            calls_of_cascade(&cascades[index], &mut |c| {
                if let Callee::Cascade(id) = c {
                    callees.push(id.index());
                }
            });
            known[index].entered = true;
            let waiting: Vec<usize> = callees.into_iter().filter(|c| !known[*c].entered).collect();
            if !waiting.is_empty() {
                stack.extend(waiting);
                continue;
            }
            let mut unsupported = std::mem::take(&mut cascades[index].unsupported);
            let mut add = |u: &ir::Unsupported| {
                if !unsupported.contains(u) {
                    unsupported.push(u.clone());
                }
            };
            calls_of_cascade(&cascades[index], &mut |c| match c {
                Callee::Cascade(id) => known[id.index()].unsupported.iter().for_each(&mut add),
                Callee::Skill(id) => {
                    if let ir::Effect::Unsupported(u) = &skills[id.index()].effect {
                        add(u);
                    }
                }
            });
            let cascade = &mut cascades[index];
            let mut pure = mark(&mut cascade.body, &pure_cascades);
            for hook in [&mut cascade.on_success, &mut cascade.on_failure, &mut cascade.on_cancel].into_iter().flatten()
            {
                pure &= mark(&mut hook.body, &pure_cascades);
            }
            pure &= cascade.clauses.is_empty();
            cascade.unsupported = unsupported.clone();
            known[index] = Known { entered: true, done: true, unsupported };
            pure_cascades[index] = pure;
            stack.pop();
        }
    }
}

pub(super) enum Callee {
    Skill(ir::SkillId),
    Cascade(ir::CascadeId),
}

fn calls_of_cascade(cascade: &ir::Cascade, f: &mut dyn FnMut(Callee)) {
    calls(&cascade.body, f);
    for hook in [&cascade.on_success, &cascade.on_failure, &cascade.on_cancel].into_iter().flatten() {
        calls(&hook.body, f);
    }
}

/// What a block calls.
pub(super) fn calls(block: &ir::Block, f: &mut dyn FnMut(Callee)) {
    for stmt in &block.stmts {
        calls_of_stmt(stmt, f);
    }
}

fn calls_of_stmt(stmt: &ir::Stmt, f: &mut dyn FnMut(Callee)) {
    match stmt {
        ir::Stmt::Stage(stage) => {
            calls_of_work(&stage.work, f);
            for handler in &stage.clauses.on_error {
                if let ir::ErrorAction::Fallback(work) = &handler.action {
                    calls_of_work(work, f);
                }
            }
        }
        ir::Stmt::Work(work, _) => calls_of_work(work, f),
        _ => {}
    }
}

fn calls_of_work(work: &ir::Work, f: &mut dyn FnMut(Callee)) {
    match work {
        ir::Work::Skill(id, _) => f(Callee::Skill(*id)),
        ir::Work::Cascade(id, _) => f(Callee::Cascade(*id)),
        ir::Work::Person(_) | ir::Work::Pure(_) => {}
        ir::Work::If(_, a, b) => {
            calls(a, f);
            calls(b, f);
        }
        ir::Work::Match(_, arms) => arms.iter().for_each(|a| calls(&a.body, f)),
        ir::Work::For(x) => calls(&x.body, f),
        ir::Work::Repeat(x) => calls(&x.body, f),
        ir::Work::Parallel(x) => x.branches.iter().for_each(|b| calls_of_stmt(&b.stmt, f)),
        ir::Work::Block(b) => calls(b, f),
    }
}

/// Visits the stages of a block and of the blocks inside.
pub(super) fn stages(block: &ir::Block, f: &mut dyn FnMut(&ir::Stage)) {
    block.stmts.iter().for_each(|stmt| stages_of_stmt(stmt, f));
}

fn stages_of_stmt(stmt: &ir::Stmt, f: &mut dyn FnMut(&ir::Stage)) {
    match stmt {
        ir::Stmt::Stage(stage) => {
            f(stage);
            stages_of_work(&stage.work, f);
        }
        ir::Stmt::Work(work, _) => stages_of_work(work, f),
        _ => {}
    }
}

fn stages_of_work(work: &ir::Work, f: &mut dyn FnMut(&ir::Stage)) {
    match work {
        ir::Work::Skill(..) | ir::Work::Cascade(..) | ir::Work::Person(_) | ir::Work::Pure(_) => {}
        ir::Work::If(_, a, b) => {
            stages(a, f);
            stages(b, f);
        }
        ir::Work::Match(_, arms) => arms.iter().for_each(|a| stages(&a.body, f)),
        ir::Work::For(x) => stages(&x.body, f),
        ir::Work::Repeat(x) => stages(&x.body, f),
        ir::Work::Parallel(x) => x.branches.iter().for_each(|b| stages_of_stmt(&b.stmt, f)),
        ir::Work::Block(b) => stages(b, f),
    }
}

/// Marks a block and those inside; whether it is pure.
fn mark(block: &mut ir::Block, pure_cascades: &[bool]) -> bool {
    let mut pure = true;
    for stmt in &mut block.stmts {
        pure &= mark_stmt(stmt, pure_cascades);
    }
    block.pure_ = pure;
    pure
}

fn mark_stmt(stmt: &mut ir::Stmt, pure_cascades: &[bool]) -> bool {
    match stmt {
        ir::Stmt::Set(..)
        | ir::Stmt::SetField(..)
        | ir::Stmt::Gate(..)
        | ir::Stmt::Warn(..)
        | ir::Stmt::Log(..)
        | ir::Stmt::Fail(..)
        | ir::Stmt::Return(_) => true,
        ir::Stmt::Remember { .. } | ir::Stmt::Unsupported(_) => false,
        ir::Stmt::Stage(stage) => {
            let work = mark_work(&mut stage.work, pure_cascades);
            work && stage.clauses.is_empty()
        }
        ir::Stmt::Work(work, _) => mark_work(work, pure_cascades),
    }
}

fn mark_work(work: &mut ir::Work, pure_cascades: &[bool]) -> bool {
    match work {
        ir::Work::Skill(..) | ir::Work::Person(_) => false,
        ir::Work::Cascade(id, _) => pure_cascades[id.index()],
        ir::Work::Pure(_) => true,
        ir::Work::If(_, a, b) => {
            let a = mark(a, pure_cascades);
            mark(b, pure_cascades) && a
        }
        ir::Work::Match(_, arms) => every(arms, |arm| mark(&mut arm.body, pure_cascades)),
        ir::Work::For(x) => mark(&mut x.body, pure_cascades),
        ir::Work::Repeat(x) => mark(&mut x.body, pure_cascades),
        ir::Work::Parallel(x) => every(&mut x.branches, |b| mark_stmt(&mut b.stmt, pure_cascades)),
        ir::Work::Block(b) => mark(b, pure_cascades),
    }
}

/// Whether it holds of all; unlike `all`, it looks at each, since looking marks.
fn every<T>(items: &mut [T], mut mark: impl FnMut(&mut T) -> bool) -> bool {
    let mut all = true;
    for item in items {
        all &= mark(item);
    }
    all
}
