//! What the cascades of a program use.

use std::collections::BTreeSet;

use cascade_ir::{CascadeId, Program, Skill, SkillId, Visitor, Work, walk_work};

/// The skills and cascades that the cascades of the file itself reach.
struct Reach<'p> {
    program: &'p Program,
    skills: BTreeSet<SkillId>,
    cascades: BTreeSet<CascadeId>,
    pending: Vec<CascadeId>,
    sandboxes: bool,
}

impl<'p> Visitor<'p> for Reach<'p> {
    fn visit_work(&mut self, work: &'p Work) {
        match work {
            Work::Skill(id, _) => {
                self.skills.insert(*id);
            }
            Work::Cascade(id, _) if self.cascades.insert(*id) => self.pending.push(*id),
            Work::Sandbox(_) => self.sandboxes = true,
            _ => {}
        }
        walk_work(self, work);
    }
}

/// The skills that the cascades of a program's own file call, directly and by others.
pub(super) fn used_skills(program: &Program) -> Vec<&Skill> {
    reach_of(program).skills.iter().filter_map(|id| program.skills.get(id.index())).collect()
}

/// Whether they open a sandbox.
pub(super) fn uses_sandbox(program: &Program) -> bool {
    reach_of(program).sandboxes
}

fn reach_of(program: &Program) -> Reach<'_> {
    let mut reach = Reach {
        program,
        skills: BTreeSet::new(),
        cascades: program.entries.iter().copied().collect(),
        pending: program.entries.clone(),
        sandboxes: false,
    };
    while let Some(id) = reach.pending.pop() {
        if let Some(cascade) = reach.program.cascades.get(id.index()) {
            reach.visit_cascade(cascade);
        }
    }
    reach
}
