//! Concurrency: what parallel branches would do to each other.

use cascade_grammar::ast::{Name, Span};
use cascade_ir as ir;

use crate::{
    codes,
    diagnostic::Diagnostic,
    elab::body::Body,
    source::SourceId,
    types::{Ty, TyKind},
};

/// A directory, as far as it is known: a variable and its fields, or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// The variable that it is read from.
    slot: Option<u32>,
    path: String,
}

impl Directory {
    /// Where a run stands, when nothing else is said.
    pub fn here() -> Self {
        Self { slot: None, path: ".".to_owned() }
    }

    /// The directory that an expression names; `None` when it could be any.
    pub fn of(e: &ir::Expr) -> Option<Self> {
        match e {
            ir::Expr::Slot(slot) => Some(Self { slot: Some(slot.0), path: String::new() }),
            ir::Expr::Const(ir::Const::Str(text)) => {
                let path = text.trim_start_matches("./").trim_end_matches('/');
                Some(Self { slot: None, path: if path.is_empty() { "." } else { path }.to_owned() })
            }
            ir::Expr::Cast(inner, _, _) => Self::of(inner),
            ir::Expr::Field(base, name) => {
                let mut base = Self::of(base)?;
                base.path.push('.');
                base.path.push_str(name);
                Some(base)
            }
            _ => None,
        }
    }

    /// The same directory, seen by whoever gives the parameters these values.
    fn called(&self, args: &[ir::Expr]) -> Option<Self> {
        match self.slot {
            None => Some(self.clone()),
            Some(slot) => {
                let mut given = Self::of(args.get(slot as usize)?)?;
                given.path.push_str(&self.path);
                Some(given)
            }
        }
    }
}

/// An agent that edits a directory.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    directory: Directory,
    /// The agent, or its call in the current body.
    span: Span,
    /// The agent itself.
    agent: (SourceId, Span),
    /// Whether it has been reported, or works in a tree of its own.
    settled: bool,
}

/// A key of a memory that is set with `=`.
#[derive(Debug, Clone)]
pub(crate) struct MemorySet {
    memory: ir::MemoryId,
    key: u32,
    place: (SourceId, Span),
}

impl<'a> Body<'_, 'a> {
    /// Reports a variable from outside that a parallel branch assigns.
    pub fn parallel_write(&mut self, name: &Name, index: u32) {
        let span = self.locals[index as usize].span;
        let source = self.source();
        let d = self
            .diag(
                codes::PARALLEL_WRITE,
                name.span,
                format!("parallel branches would overwrite each other's `{}`", name.text),
            )
            .label("assigned from a parallel branch")
            .also(source, span, "declared outside")
            .help("let each branch give a value, and join them after the block");
        self.report(d);
    }

    /// Notes that an agent edits a directory.
    pub fn edits(&mut self, directory: Option<Directory>, span: Span) {
        let Some(directory) = directory else { return };
        let agent = (self.source(), span);
        self.checks.effects.edits.push(Edit { directory, span, agent, settled: false });
    }

    /// Takes over the edits of a callee.
    pub fn called_edits(&mut self, edits: &[Edit], args: &[ir::Expr], span: Span) {
        for edit in edits.iter().filter(|e| !e.settled) {
            if let Some(directory) = edit.directory.called(args) {
                self.checks.effects.edits.push(Edit { directory, span, agent: edit.agent, settled: false });
            }
        }
    }

    /// The edits since `from` happen in a tree of their own.
    pub fn isolated(&mut self, from: usize) {
        for edit in self.checks.effects.edits.iter_mut().skip(from) {
            edit.settled = true;
        }
    }

    /// Keeps of the edits since `from` those that are still to be seen when the slots from
    /// `slots` on mean nothing any more.
    pub fn forget_edits(&mut self, from: usize, slots: u32) {
        let edits = &mut self.checks.effects.edits;
        let tail = edits.split_off(from.min(edits.len()));
        edits.extend(tail.into_iter().filter(|e| !e.settled && e.directory.slot.is_none_or(|s| s < slots)));
    }

    /// Reports edits since `from` that every iteration makes in the same directory: one that is
    /// named by nothing of the iteration, whose slots begin at `slots`.
    pub fn iterations_edit(&mut self, from: usize, slots: u32) {
        let edits = &self.checks.effects.edits;
        let shared = |e: &Edit| !e.settled && e.directory.slot.is_none_or(|s| s < slots);
        let found: Vec<usize> = (from..edits.len()).filter(|i| shared(&edits[*i])).collect();
        for index in found {
            let edit = self.checks.effects.edits[index].clone();
            self.checks.effects.edits[index].settled = true;
            let d = self
                .diag(codes::SHARED_DIRECTORY, edit.span, "iterations that run at once would edit one directory")
                .label("each of them edits it");
            self.shared_directory(d, &edit);
        }
    }

    /// Reports branches of a `parallel` that edit one directory, and do not wait for each other.
    /// Each branch comes with where its edits begin and the branches that it waits for.
    pub fn branches_edit(&mut self, branches: &[(usize, std::ops::Range<usize>, Vec<u32>)]) {
        let edits = &self.checks.effects.edits;
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (n, (branch, range, _)) in branches.iter().enumerate() {
            for second in range.clone().filter(|i| !edits[*i].settled) {
                let mut before = branches[..n].iter().filter(|(other, _, _)| !waits(branches, *branch, *other));
                let first = before.find_map(|(_, range, _)| {
                    range.clone().find(|i| !edits[*i].settled && edits[*i].directory == edits[second].directory)
                });
                found.extend(first.map(|first| (first, second)));
            }
        }
        for (first, second) in found {
            if self.checks.effects.edits[second].settled {
                continue;
            }
            self.checks.effects.edits[second].settled = true;
            let (one, other) = (self.checks.effects.edits[first].clone(), self.checks.effects.edits[second].clone());
            let source = self.source();
            let d = self
                .diag(codes::SHARED_DIRECTORY, other.span, "branches that run at once would edit one directory")
                .label("edits it")
                .also(source, one.span, "and so does this, at the same time");
            self.shared_directory(d, &other);
        }
    }

    fn shared_directory(&mut self, mut d: Diagnostic, edit: &Edit) {
        if edit.agent != (self.source(), edit.span) {
            d = d.also(edit.agent.0, edit.agent.1, "the agent works there");
        }
        let d = d.help("`isolate` gives the stage a tree of its own, whose changes are merged when it is done");
        self.report(d);
    }

    /// Judges `memory.key = …`.
    pub fn sets_memory(&mut self, memory: ir::MemoryId, key: u32, ty: Ty, span: Span) {
        self.overwrites(memory, key, ty, span, None);
        let place = (self.source(), span);
        self.checks.effects.sets.push(MemorySet { memory, key, place });
    }

    /// Takes over what a callee sets.
    pub fn called_sets(&mut self, sets: &[MemorySet], span: Span) {
        for set in sets {
            let ty = self.cx.memory_infos[set.memory.index()].keys.get(set.key as usize).map_or(Ty::ERROR, |k| k.1);
            self.overwrites(set.memory, set.key, ty, span, Some(set.place));
            self.checks.effects.sets.push(set.clone());
        }
    }

    fn overwrites(&mut self, memory: ir::MemoryId, key: u32, ty: Ty, span: Span, place: Option<(SourceId, Span)>) {
        if self.level == 0 {
            return;
        }
        let info = &self.cx.memory_infos[memory.index()];
        let key = info.keys.get(key as usize).map(|k| k.0.clone()).unwrap_or_default();
        let text = format!("{}.{key}", info.decl.name.text);
        let message = format!("parallel branches would overwrite each other's `{text}`");
        let mut d = self.diag(codes::PARALLEL_WRITE, span, message).label("set from a parallel branch");
        if let Some((source, span)) = place {
            d = d.also(source, span, "set here");
        }
        let base = self.cx.types.base(ty);
        let joined = matches!(self.cx.types.kind(base), TyKind::List(_) | TyKind::Map(_) | TyKind::Int | TyKind::Float);
        let d = d.help(if joined {
            format!("`{text} += …` adds without losing what others wrote")
        } else {
            "let each branch give a value, and set it after the loop from all of them".to_owned()
        });
        self.report(d);
    }
}

/// Whether a branch waits for another one, perhaps by way of others.
fn waits(branches: &[(usize, std::ops::Range<usize>, Vec<u32>)], branch: usize, other: usize) -> bool {
    let mut seen = vec![branch];
    let mut next = 0;
    while let Some(at) = seen.get(next).copied() {
        next += 1;
        let after = branches.iter().find(|(index, _, _)| *index == at).map_or(&[][..], |(_, _, after)| after);
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
