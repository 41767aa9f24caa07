//! Assembles the program from its checked parts, and concludes what needs all of them: which
//! blocks are pure, which memories on servers each cascade needs, which cascade is the entry.

use cascade_ir as ir;
use cascade_ir::{Visitor as _, VisitorMut as _};

use crate::{
    depth_first,
    types::Types,
    world::{Def, World},
};

/// The bodies of a program, by id, and its tests with the modules that they stand in.
#[derive(Default)]
pub(crate) struct CheckedBodies {
    pub functions: Vec<ir::Function>,
    pub skills: Vec<ir::Skill>,
    pub cascades: Vec<ir::Cascade>,
    pub tests: Vec<(usize, ir::Test)>,
}

/// The program of the root module.
pub(crate) fn assemble_program(world: World<'_>, types: &Types, bodies: CheckedBodies, root: usize) -> ir::Program {
    let CheckedBodies { functions, skills, mut cascades, tests } = bodies;
    mark_pure_and_collect_memories(&mut cascades);
    let (files, declared) = (world.files, world.declared);
    let entries: Vec<ir::CascadeId> = declared
        .cascades
        .iter()
        .enumerate()
        .filter(|(_, signature)| signature.origin.module == root)
        .map(|(i, _)| ir::CascadeId(i as u32))
        .collect();
    let main = main_entry(&entries, &cascades);
    let models = files.modules.iter().position(|m| m.name == "std.models");
    let default_route = match models.and_then(|module| world.find_exported(module, "auto")) {
        Some(Def::Route(id)) => Some(id),
        _ => None,
    };
    let mut program = ir::Program {
        format: ir::FORMAT,
        name: files.modules[root].name.clone(),
        files: files.map.iter().map(|(_, s)| s.name.clone()).collect(),
        types: types.lower_defs(),
        models: declared.models.iter().map(|declared| declared.model.clone()).collect(),
        routes: declared.routes.iter().map(|declared| declared.route.clone()).collect(),
        memories: declared.memories.iter().map(|declared| declared.memory.clone()).collect(),
        functions,
        skills,
        cascades,
        entries,
        main,
        default_route,
        tests: tests.into_iter().filter(|(module, _)| *module == root).map(|(_, test)| test).collect(),
        variables: declared.variables.clone(),
        servers: declared.servers.iter().map(|declared| declared.server.clone()).collect(),
    };
    program.number_nodes();
    program
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
        calls_of_cascade(&cascades[entry.index()], &mut |callee| called[callee.index()] = true);
    }
    let mut uncalled = entries.iter().filter(|e| !called[e.index()] && !cascades[e.index()].name.starts_with('_'));
    match (uncalled.next(), uncalled.next()) {
        (Some(one), None) => Some(*one),
        _ => None,
    }
}

/// Marks pure blocks, and passes the memories on servers from callees to callers.
fn mark_pure_and_collect_memories(cascades: &mut [ir::Cascade]) {
    let mut pure_cascades = vec![false; cascades.len()];
    let order = depth_first::search_depth_first(cascades.len(), |index| {
        let mut callees = Vec::new();
        calls_of_cascade(&cascades[index], &mut |callee| callees.push((callee.index(), ())));
        callees
    })
    .order;
    for index in order {
        let mut memories = std::mem::take(&mut cascades[index].remote_memories);
        calls_of_cascade(&cascades[index], &mut |callee| memories.extend(&cascades[callee.index()].remote_memories));
        memories.sort_unstable();
        memories.dedup();
        let cascade = &mut cascades[index];
        let mut purity = Purity { cascades: &pure_cascades, pure: cascade.clauses.is_empty() };
        purity.visit_cascade(cascade);
        pure_cascades[index] = purity.pure;
        cascade.remote_memories = memories;
    }
}

/// Reports each call of a cascade.
struct Calls<'f>(&'f mut dyn FnMut(ir::CascadeId));

impl<'p> ir::Visitor<'p> for Calls<'_> {
    fn visit_work(&mut self, work: &'p ir::Work) {
        match work {
            ir::Work::Cascade(id, _) => (self.0)(*id),
            _ => ir::walk_work(self, work),
        }
    }
}

fn calls_of_cascade(cascade: &ir::Cascade, f: &mut dyn FnMut(ir::CascadeId)) {
    Calls(f).visit_cascade(cascade);
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
        if matches!(stmt, ir::Stmt::Remember { .. }) {
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
            ir::Work::Sandbox(_) => {
                ir::walk_work_mut(self, work);
                self.pure = false;
            }
            _ => ir::walk_work_mut(self, work),
        }
    }
}
