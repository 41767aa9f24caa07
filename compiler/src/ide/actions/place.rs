//! The blocks and statements around a place.

use cascade_grammar::ast::{Block, CascadeDecl, Expr, ExprKind, Item, ItemKind, Span, Stmt, StmtKind};

use super::Question;
use crate::{index::Symbol, walk};

/// A block of a cascade.
#[derive(Clone, Copy)]
pub(super) struct BlockPlace<'a> {
    pub block: &'a Block,
    /// Whether its stages run at once, so that its names are fields of its value.
    pub concurrent: bool,
    /// Whether it is the body of the cascade.
    pub outermost: bool,
}

impl<'a> Question<'a> {
    /// The cascade around the selection.
    pub fn cascade(&self) -> Option<(&'a Item, &'a CascadeDecl)> {
        let mut items = self.parse.file.items.iter();
        items.find_map(|item| match &item.kind {
            ItemKind::Cascade(decl) if item.span.touches(self.selected.start) => Some((&**item, decl)),
            _ => None,
        })
    }

    /// Where a variable is used, in this file.
    pub fn uses_of(&self, name: Span) -> Vec<Span> {
        let symbol = Symbol::Variable { module: self.module as u32, start: name.start };
        let uses = self.program.analysis.index.uses(symbol);
        uses.filter(|(module, _)| *module as usize == self.module).map(|(_, span)| span).collect()
    }

    /// A name that the file does not have yet: the wanted one, or with a number.
    pub fn free_name(&self, wanted: &str) -> String {
        let is_taken = |name: &str| {
            let known = &self.program.analysis.declared.scopes;
            let prelude = self.program.analysis.modules.iter().position(|module| module.name == "std.prelude");
            known[self.module].contains_key(name)
                || prelude.is_some_and(|prelude| known[prelude].contains_key(name))
                || self.parse.tokens.iter().any(|token| self.text_of(token.span()) == name)
        };
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// The end of what belongs to a statement: the comment behind it on its line goes with it. `None` if something
    /// else follows on the line.
    pub fn end_with_comment(&self, end: u32) -> Option<u32> {
        let rest = self.text.get(end as usize..)?.lines().next().unwrap_or_default();
        match rest.trim() {
            "" => Some(end),
            comment if comment.starts_with("//") => Some(end + rest.trim_end().len() as u32),
            _ => None,
        }
    }
}

/// All blocks of a cascade that hold statements, outer ones first.
pub(super) fn find_blocks(decl: &CascadeDecl) -> Vec<BlockPlace<'_>> {
    let mut found = vec![BlockPlace { block: &decl.body, concurrent: false, outermost: true }];
    let mut next = 0;
    while let Some(place) = found.get(next).copied() {
        next += 1;
        for stmt in &place.block.stmts {
            let concurrent = value_of(stmt).is_some_and(runs_at_once);
            let mut inner = Vec::new();
            walk::blocks_of(stmt, &mut inner);
            found.extend(inner.into_iter().map(|block| BlockPlace { block, concurrent, outermost: false }));
        }
    }
    found
}

/// The statement with its documentation.
pub(super) fn statement_span(stmt: &Stmt) -> Span {
    let start = stmt.docs.first().map_or(stmt.span.start, |doc| doc.span.start);
    Span { start, end: stmt.span.end }
}

fn value_of(stmt: &Stmt) -> Option<&Expr> {
    match &stmt.kind {
        StmtKind::Stage { value, .. }
        | StmtKind::Let { value, .. }
        | StmtKind::Expr(value, _)
        | StmtKind::Return(Some(value)) => Some(value),
        _ => None,
    }
}

fn runs_at_once(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Parallel(_) | ExprKind::Swarm(_) => true,
        ExprKind::Paren(inner) => runs_at_once(inner),
        _ => false,
    }
}
