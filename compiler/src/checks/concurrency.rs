//! Concurrency: what parallel branches would do to each other.

use std::ops::Range;

use cascade_grammar::ast::{Name, Span};
use cascade_ir as ir;

use crate::{
    callees::{At, Edit, MemorySet},
    codes,
    diagnostic::Diagnostic,
    types::{Ty, TyKind},
    world::View,
};

/// A branch of a `parallel`, as far as it edits directories.
#[derive(Debug)]
pub(crate) struct EditingBranch {
    /// Its position among the branches.
    pub index: usize,
    /// Its edits among those of the body.
    pub edits: Range<usize>,
    /// The branches that it waits for.
    pub after: Vec<u32>,
}

/// Reports a variable from outside that a parallel branch assigns; `declared` is its declaration.
pub(crate) fn parallel_write(view: View<'_>, name: &Name, declared: Span) -> Diagnostic {
    let message = format!("parallel branches would overwrite each other's `{}`", name.text);
    view.diagnostic(codes::PARALLEL_WRITE, name.span, message)
        .label("assigned from a parallel branch")
        .also_at(view.source(), declared, "declared outside")
        .help("let each branch give a value, and join them after the block")
}

/// The edits of a callee, as its caller sees them at a call with these arguments.
pub(crate) fn edits_of_call(edits: &[Edit], args: &[ir::Expr], span: Span) -> impl Iterator<Item = Edit> {
    edits.iter().filter(|edit| !edit.settled).filter_map(move |edit| {
        let directory = edit.directory.seen_by_caller(args)?;
        Some(Edit { directory, span, agent: edit.agent, settled: false })
    })
}

/// Keeps of the edits since `from` those that are still to be seen when the slots from `slots` on
/// mean nothing any more.
pub(crate) fn forget_edits(edits: &mut Vec<Edit>, from: usize, slots: u32) {
    let tail = edits.split_off(from.min(edits.len()));
    edits.extend(tail.into_iter().filter(|e| !e.settled && e.directory.slot.is_none_or(|s| s < slots)));
}

/// Reports the edits of a parallel loop that every iteration makes in the same directory: one
/// that is named by nothing of the iteration, whose slots begin at `slots`. Settles them.
pub(crate) fn iterations_edit(view: View<'_>, edits: &mut [Edit], slots: u32) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for edit in edits.iter_mut().filter(|e| !e.settled && e.directory.slot.is_none_or(|s| s < slots)) {
        edit.settled = true;
        let message = "iterations that run at once would edit one directory";
        let d = view.diagnostic(codes::SHARED_DIRECTORY, edit.span, message).label("each of them edits it");
        found.push(with_agent(view, d, edit));
    }
    found
}

/// Reports branches of a `parallel` that edit one directory, and do not wait for each other.
/// Settles the later edit of each two.
pub(crate) fn branches_edit(view: View<'_>, edits: &mut [Edit], branches: &[EditingBranch]) -> Vec<Diagnostic> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (n, branch) in branches.iter().enumerate() {
        for second in branch.edits.clone().filter(|i| !edits[*i].settled) {
            let mut before =
                branches[..n].iter().filter(|other| !waits_for_branch(branches, branch.index, other.index));
            let first = before.find_map(|other| {
                other.edits.clone().find(|i| !edits[*i].settled && edits[*i].directory == edits[second].directory)
            });
            pairs.extend(first.map(|first| (first, second)));
        }
    }
    let mut found = Vec::new();
    for (first, second) in pairs {
        if edits[second].settled {
            continue;
        }
        edits[second].settled = true;
        let (one, other) = (&edits[first], &edits[second]);
        let d = view
            .diagnostic(codes::SHARED_DIRECTORY, other.span, "branches that run at once would edit one directory")
            .label("edits it")
            .also_at(view.source(), one.span, "and so does this, at the same time");
        found.push(with_agent(view, d, other));
    }
    found
}

/// Adds where the agent of an edit stands, and what to do.
fn with_agent(view: View<'_>, mut d: Diagnostic, edit: &Edit) -> Diagnostic {
    if edit.agent != (view.source(), edit.span) {
        d = d.also_at(edit.agent.0, edit.agent.1, "the agent works there");
    }
    d.help("`isolate` gives the stage a tree of its own, whose changes are merged when it is done")
}

/// Whether a branch waits for another one, perhaps by way of others.
fn waits_for_branch(branches: &[EditingBranch], branch: usize, other: usize) -> bool {
    let mut seen = vec![branch];
    let mut next = 0;
    while let Some(at) = seen.get(next).copied() {
        next += 1;
        let after = branches.iter().find(|b| b.index == at).map_or(&[][..], |b| &b.after);
        for index in after.iter().map(|i| *i as usize) {
            if index == other {
                return true;
            }
            if !seen.contains(&index) {
                seen.push(index);
            }
        }
    }
    false
}

/// Reports a key of a memory that parallel branches set. `span` is the assignment or the call,
/// `callee` the assignment when it stands in what is called.
pub(crate) fn overwritten_key(view: View<'_>, set: &MemorySet, span: Span, callee: Option<At>) -> Diagnostic {
    let memory = &view.world.declared.memories[set.memory.index()];
    let key = memory.keys.get(set.key as usize);
    let text = format!("{}.{}", memory.name, key.map_or("", |key| key.name.as_str()));
    let message = format!("parallel branches would overwrite each other's `{text}`");
    let mut d = view.diagnostic(codes::PARALLEL_WRITE, span, message).label("set from a parallel branch");
    if let Some((source, span)) = callee {
        d = d.also_at(source, span, "set here");
    }
    let base = view.types.base(key.map_or(Ty::ERROR, |key| key.ty));
    let joined = matches!(view.types.kind(base), TyKind::List(_) | TyKind::Map(_) | TyKind::Int | TyKind::Float);
    d.help(if joined {
        format!("`{text} += …` adds without losing what others wrote")
    } else {
        "let each branch give a value, and set it after the loop from all of them".to_owned()
    })
}
