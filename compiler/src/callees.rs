//! What callers must know of skills and cascades beside their signatures: where their results come
//! from, what they do, and what of them cannot run yet. The driver fills the table, callees before
//! callers; the checker of a body reads it.

use cascade_grammar::ast::Span;
use cascade_ir as ir;
use rustc_hash::FxHashSet as HashSet;
use smol_str::SmolStr;

use crate::{
    flow::{CascadeFlow, SkillFlow},
    index::Symbol,
    source::SourceId,
};

/// A place in a file.
pub(crate) type At = (SourceId, Span);

/// A use of the network by something that is no model.
#[derive(Debug, Clone)]
pub(crate) struct NetworkUse {
    /// What needs the network: `http`, `curl`.
    pub program: SmolStr,
    /// Where it is written.
    pub at: At,
}

/// A directory, as far as it is known: a variable and its fields, or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// The variable that it is read from.
    pub slot: Option<u32>,
    path: String,
}

impl Directory {
    /// The working directory of a run, when nothing else is said.
    pub fn working_directory() -> Self {
        Self { slot: None, path: ".".to_owned() }
    }

    /// The directory that an expression names; `None` when it could be any.
    pub fn of_expr(e: &ir::Expr) -> Option<Self> {
        match e {
            ir::Expr::Slot(slot) => Some(Self { slot: Some(slot.0), path: String::new() }),
            ir::Expr::Const(ir::Const::Str(text)) => {
                let path = text.trim_start_matches("./").trim_end_matches('/');
                Some(Self { slot: None, path: if path.is_empty() { "." } else { path }.to_owned() })
            }
            ir::Expr::Cast(inner, _, _) => Self::of_expr(inner),
            ir::Expr::Field(base, name) => {
                let mut base = Self::of_expr(base)?;
                base.path.push('.');
                base.path.push_str(name);
                Some(base)
            }
            _ => None,
        }
    }

    /// The same directory, seen by whoever gives the parameters these values.
    pub fn seen_by_caller(&self, args: &[ir::Expr]) -> Option<Self> {
        match self.slot {
            None => Some(self.clone()),
            Some(slot) => {
                let mut given = Self::of_expr(args.get(slot as usize)?)?;
                given.path.push_str(&self.path);
                Some(given)
            }
        }
    }
}

/// An agent that edits a directory.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub directory: Directory,
    /// The agent, or its call in the current body.
    pub span: Span,
    /// The agent itself.
    pub agent: At,
    /// Whether it has been reported, or works in a tree of its own.
    pub settled: bool,
}

/// A key of a memory that is set with `=`.
#[derive(Debug, Clone)]
pub(crate) struct MemorySet {
    pub memory: ir::MemoryId,
    /// The position of the key.
    pub key: u32,
    /// The assignment itself.
    pub at: At,
}

/// What a skill or a cascade does beside giving its result.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Where it uses the network outside of models.
    pub network: Option<NetworkUse>,
    /// Directories that its agents edit.
    pub edits: Vec<Edit>,
    /// Keys of memories that it sets with `=`.
    pub sets: Vec<MemorySet>,
}

/// A checked skill, for its callers.
#[derive(Debug)]
pub(crate) struct SkillSummary {
    pub flow: SkillFlow,
    pub effects: Effects,
    /// What its model must provide.
    pub needs: Vec<SmolStr>,
    /// Whether its effect is that of a model.
    pub asks_model: bool,
}

/// A stage of a cascade, for the tests that name it.
#[derive(Debug)]
pub(crate) struct StageSite {
    /// Its name as it is written.
    pub name: SmolStr,
    /// Its variable.
    pub symbol: Symbol,
}

/// A checked cascade, for its callers.
#[derive(Debug)]
pub(crate) struct CascadeSummary {
    pub flow: CascadeFlow,
    pub effects: Effects,
    /// The stages of its body and of its hooks.
    pub stages: Vec<StageSite>,
    /// The cascades that it calls.
    pub calls: Vec<ir::CascadeId>,
}

/// The summaries of what was checked so far, by id.
#[derive(Debug, Default)]
pub(crate) struct Callees {
    pub skills: Vec<Option<SkillSummary>>,
    pub cascades: Vec<Option<CascadeSummary>>,
}

impl Callees {
    /// The summary of a skill; `None` when it is not checked yet, which only recursion can cause.
    pub fn skill(&self, id: ir::SkillId) -> Option<&SkillSummary> {
        self.skills.get(id.index())?.as_ref()
    }

    /// The summary of a cascade; `None` when it is not checked yet, which only recursion can cause.
    pub fn cascade(&self, id: ir::CascadeId) -> Option<&CascadeSummary> {
        self.cascades.get(id.index())?.as_ref()
    }

    /// The stages that a cascade reaches by itself and by what it calls.
    pub fn reached_stages(&self, root: ir::CascadeId) -> Vec<&StageSite> {
        let (mut waiting, mut seen) = (vec![root], HashSet::from_iter([root]));
        let mut stages = Vec::new();
        while let Some(summary) = waiting.pop().map(|id| self.cascade(id)) {
            let Some(summary) = summary else { continue };
            stages.extend(&summary.stages);
            waiting.extend(summary.calls.iter().copied().filter(|id| seen.insert(*id)));
        }
        stages
    }
}
