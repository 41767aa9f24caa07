//! The traversal of what a cascade does: its blocks, statements, stages, handlers and work.
//!
//! A visitor implements the methods of the nodes that it is about. A method that it overrides
//! decides by itself whether it goes on inside, by calling the `walk_…` function of its node; the
//! nodes are met in the order of the text. Expressions are not traversed: no pass over the tree
//! is about them alone.

use serde::{Deserialize, Deserializer};

use crate::{Block, Cascade, ErrorAction, Hook, OnError, Program, Stage, Stmt, Work};

/// When a [`Hook`] runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// `on success`.
    Success,
    /// `on failure`.
    Failure,
    /// `on cancel`.
    Cancel,
}

/// Defines a visitor over shared or over mutable nodes, so that both traverse the same nodes in
/// the same order.
macro_rules! visitor {
    (
        $(#[$doc:meta])*
        $visitor:ident<$($of:lifetime)?>, nodes: $($life:lifetime)? $($mutable:ident)?,
        $walk_cascade:ident, $walk_hook:ident, $walk_block:ident, $walk_stmt:ident, $walk_stage:ident,
        $walk_handler:ident, $walk_work:ident
    ) => {
        $(#[$doc])*
        pub trait $visitor<$($of)?>: Sized {
            /// A cascade.
            fn visit_cascade(&mut self, cascade: &$($life)? $($mutable)? Cascade) {
                $walk_cascade(self, cascade);
            }
            /// A block that runs when a cascade has ended.
            fn visit_hook(&mut self, _kind: HookKind, hook: &$($life)? $($mutable)? Hook) {
                $walk_hook(self, hook);
            }
            /// A block.
            fn visit_block(&mut self, block: &$($life)? $($mutable)? Block) {
                $walk_block(self, block);
            }
            /// A statement.
            fn visit_stmt(&mut self, stmt: &$($life)? $($mutable)? Stmt) {
                $walk_stmt(self, stmt);
            }
            /// A stage.
            fn visit_stage(&mut self, stage: &$($life)? $($mutable)? Stage) {
                $walk_stage(self, stage);
            }
            /// An `on error` clause of a stage.
            fn visit_handler(&mut self, handler: &$($life)? $($mutable)? OnError) {
                $walk_handler(self, handler);
            }
            /// The work of a stage, a statement or a fallback.
            fn visit_work(&mut self, work: &$($life)? $($mutable)? Work) {
                $walk_work(self, work);
            }
        }

        /// Visits the body and the hooks of a cascade.
        pub fn $walk_cascade<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, cascade: &$($life)? $($mutable)? Cascade) {
            visitor.visit_block(&$($mutable)? cascade.body);
            let hooks = [
                (HookKind::Success, &$($mutable)? cascade.on_success),
                (HookKind::Failure, &$($mutable)? cascade.on_failure),
                (HookKind::Cancel, &$($mutable)? cascade.on_cancel),
            ];
            for (kind, hook) in hooks {
                if let Some(hook) = hook {
                    visitor.visit_hook(kind, hook);
                }
            }
        }

        /// Visits the body of a hook.
        pub fn $walk_hook<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, hook: &$($life)? $($mutable)? Hook) {
            visitor.visit_block(&$($mutable)? hook.body);
        }

        /// Visits the statements of a block.
        pub fn $walk_block<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, block: &$($life)? $($mutable)? Block) {
            for stmt in &$($mutable)? block.stmts {
                visitor.visit_stmt(stmt);
            }
        }

        /// Visits the stage or the work that a statement is.
        pub fn $walk_stmt<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, stmt: &$($life)? $($mutable)? Stmt) {
            match stmt {
                Stmt::Stage(stage) => visitor.visit_stage(stage),
                Stmt::Work(work, _) => visitor.visit_work(work),
                Stmt::Set(..)
                | Stmt::SetField(..)
                | Stmt::Remember { .. }
                | Stmt::Gate(..)
                | Stmt::Warn(..)
                | Stmt::Log(..)
                | Stmt::Fail(..)
                | Stmt::Return(_) => {}
            }
        }

        /// Visits the work of a stage, then its handlers.
        pub fn $walk_stage<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, stage: &$($life)? $($mutable)? Stage) {
            visitor.visit_work(&$($mutable)? stage.work);
            for handler in &$($mutable)? stage.clauses.on_error {
                visitor.visit_handler(handler);
            }
        }

        /// Visits the fallback of a handler.
        pub fn $walk_handler<$($of,)? V: $visitor<$($of)?>>(
            visitor: &mut V,
            handler: &$($life)? $($mutable)? OnError,
        ) {
            match &$($mutable)? handler.action {
                ErrorAction::Fallback(work) => visitor.visit_work(work),
                ErrorAction::Fix(fix) => visitor.visit_stage(&$($mutable)? fix.repair),
                ErrorAction::Skip
                | ErrorAction::Use(_)
                | ErrorAction::Redistribute
                | ErrorAction::Fail(_)
                | ErrorAction::Escalate { .. }
                | ErrorAction::Keep { .. } => {}
            }
        }

        /// Visits the blocks of work; the branches of a `parallel` are statements. The cascades
        /// and skills that it calls are not visited.
        pub fn $walk_work<$($of,)? V: $visitor<$($of)?>>(visitor: &mut V, work: &$($life)? $($mutable)? Work) {
            match work {
                Work::Skill(..) | Work::Cascade(..) | Work::Person(_) | Work::Pure(_) => {}
                Work::If(_, then, otherwise) => {
                    visitor.visit_block(then);
                    visitor.visit_block(otherwise);
                }
                Work::Match(_, arms) => {
                    for arm in arms {
                        visitor.visit_block(&$($mutable)? arm.body);
                    }
                }
                Work::For(node) => visitor.visit_block(&$($mutable)? node.body),
                Work::Repeat(node) => visitor.visit_block(&$($mutable)? node.body),
                Work::Parallel(node) => {
                    for branch in &$($mutable)? node.branches {
                        visitor.visit_stmt(&$($mutable)? branch.stmt);
                    }
                }
                Work::Block(block) => visitor.visit_block(block),
                Work::Sandbox(node) => visitor.visit_block(&$($mutable)? node.body),
            }
        }
    };
}

visitor! {
    /// Reads the nodes of cascades; what it is given lives as long as the program.
    Visitor<'p>, nodes: 'p,
    walk_cascade, walk_hook, walk_block, walk_stmt, walk_stage, walk_handler, walk_work
}

visitor! {
    /// Changes the nodes of cascades.
    VisitorMut<>, nodes: mut,
    walk_cascade_mut, walk_hook_mut, walk_block_mut, walk_stmt_mut, walk_stage_mut, walk_handler_mut, walk_work_mut
}

/// Identity of a block, a stage or an `on error` clause within its [`Program`]: its position among
/// these in the order of the text, from 1. 0 for a node that was never numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NodeId(pub u32);

impl Program {
    /// Gives every block, stage and `on error` clause its [`NodeId`]. The compiler calls it at its
    /// end; a program that is read is numbered then, since ids are not written: no digest of a
    /// program may depend on them.
    pub fn number_nodes(&mut self) {
        number_cascades(&mut self.cascades);
    }
}

fn number_cascades(cascades: &mut [Cascade]) {
    let mut numbering = Numbering(0);
    for cascade in cascades {
        numbering.visit_cascade(cascade);
    }
}

/// Reads cascades and numbers their nodes.
pub(crate) fn read_numbered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cascade>, D::Error> {
    let mut cascades = Vec::deserialize(deserializer)?;
    number_cascades(&mut cascades);
    Ok(cascades)
}

/// The last id that was given.
struct Numbering(u32);

impl Numbering {
    fn next_id(&mut self) -> NodeId {
        self.0 += 1;
        NodeId(self.0)
    }
}

impl VisitorMut for Numbering {
    fn visit_block(&mut self, block: &mut Block) {
        block.id = self.next_id();
        walk_block_mut(self, block);
    }

    fn visit_stage(&mut self, stage: &mut Stage) {
        stage.id = self.next_id();
        walk_stage_mut(self, stage);
    }

    fn visit_handler(&mut self, handler: &mut OnError) {
        handler.id = self.next_id();
        walk_handler_mut(self, handler);
    }
}
