//! What can only be said of the whole program: which blocks are pure, which cascades reach what
//! cannot run yet, which imports nobody uses.

use cascade_ir as ir;
use cascade_ir::{Visitor as _, VisitorMut as _};

use super::{Cx, Def};
use crate::depth_first;

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
        let mut program = ir::Program {
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
        };
        program.number_nodes();
        Some(program)
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

/// Marks pure blocks, and passes what cannot run from callees to callers.
fn conclude(cascades: &mut [ir::Cascade], skills: &[ir::Skill]) {
    let mut pure_cascades = vec![false; cascades.len()];
    let order = depth_first::search(cascades.len(), |index| {
        let mut callees = Vec::new();
        calls_of_cascade(&cascades[index], &mut |callee| {
            if let Callee::Cascade(id) = callee {
                callees.push((id.index(), ()));
            }
        });
        callees
    })
    .order;
    for index in order {
        let mut unsupported = std::mem::take(&mut cascades[index].unsupported);
        let mut add = |u: &ir::Unsupported| {
            if !unsupported.contains(u) {
                unsupported.push(u.clone());
            }
        };
        calls_of_cascade(&cascades[index], &mut |callee| match callee {
            Callee::Cascade(id) => cascades[id.index()].unsupported.iter().for_each(&mut add),
            Callee::Skill(id) => {
                if let ir::Effect::Unsupported(u) = &skills[id.index()].effect {
                    add(u);
                }
            }
        });
        let cascade = &mut cascades[index];
        let mut purity = Purity { cascades: &pure_cascades, pure: cascade.clauses.is_empty() };
        purity.visit_cascade(cascade);
        pure_cascades[index] = purity.pure;
        cascade.unsupported = unsupported;
    }
}

pub(super) enum Callee {
    Skill(ir::SkillId),
    Cascade(ir::CascadeId),
}

/// Reports each call of a skill or a cascade.
struct Calls<'f>(&'f mut dyn FnMut(Callee));

impl<'p> ir::Visitor<'p> for Calls<'_> {
    fn visit_work(&mut self, work: &'p ir::Work) {
        match work {
            ir::Work::Skill(id, _) => (self.0)(Callee::Skill(*id)),
            ir::Work::Cascade(id, _) => (self.0)(Callee::Cascade(*id)),
            _ => ir::walk_work(self, work),
        }
    }
}

fn calls_of_cascade(cascade: &ir::Cascade, f: &mut dyn FnMut(Callee)) {
    Calls(f).visit_cascade(cascade);
}

/// What a block calls.
pub(super) fn calls(block: &ir::Block, f: &mut dyn FnMut(Callee)) {
    Calls(f).visit_block(block);
}

/// Reports each stage, an outer one before those inside.
struct Stages<'f>(&'f mut dyn FnMut(&ir::Stage));

impl<'p> ir::Visitor<'p> for Stages<'_> {
    fn visit_stage(&mut self, stage: &'p ir::Stage) {
        (self.0)(stage);
        ir::walk_stage(self, stage);
    }
}

/// Visits the stages of a block and of the blocks inside.
pub(super) fn stages(block: &ir::Block, f: &mut dyn FnMut(&ir::Stage)) {
    Stages(f).visit_block(block);
}

/// Marks pure blocks. `pure` tells of the block that is being visited whether nothing impure was
/// met in it so far.
struct Purity<'a> {
    cascades: &'a [bool],
    pure: bool,
}

impl ir::VisitorMut for Purity<'_> {
    fn visit_block(&mut self, block: &mut ir::Block) {
        let around = std::mem::replace(&mut self.pure, true);
        ir::walk_block_mut(self, block);
        block.pure_ = self.pure;
        self.pure &= around;
    }

    fn visit_stmt(&mut self, stmt: &mut ir::Stmt) {
        if matches!(stmt, ir::Stmt::Remember { .. } | ir::Stmt::Unsupported(_)) {
            self.pure = false;
        }
        ir::walk_stmt_mut(self, stmt);
    }

    fn visit_stage(&mut self, stage: &mut ir::Stage) {
        self.pure &= stage.clauses.is_empty();
        ir::walk_stage_mut(self, stage);
    }

    fn visit_work(&mut self, work: &mut ir::Work) {
        match work {
            ir::Work::Skill(..) | ir::Work::Person(_) => self.pure = false,
            ir::Work::Cascade(id, _) => self.pure &= self.cascades[id.index()],
            _ => ir::walk_work_mut(self, work),
        }
    }
}
