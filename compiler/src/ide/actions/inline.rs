//! A value that is used once, where its name stood.
//!
//! A stage that calls something cannot stand within an expression: its call costs time or money, so it has a name.
//! What can be put elsewhere is the pure value of a `let`, and the name of a stage that is the value of its block.

use cascade_grammar::ast::{Expr, ExprKind, ItemKind, Span, StmtKind};

use super::{
    ActionKind, Draft, Question,
    place::{find_blocks, statement_span},
};
use crate::index::Symbol;

impl Question<'_> {
    /// Puts the value of the `let` at the cursor where it is used, if that is at one place; and leaves out the last
    /// line of a block that only names the stage before it.
    pub(super) fn draft_inlinings(&self, out: &mut Vec<Draft>) {
        let Some((_, decl)) = self.cascade() else { return };
        for place in find_blocks(decl) {
            for (number, stmt) in place.block.stmts.iter().enumerate() {
                match &stmt.kind {
                    StmtKind::Let { name, ty: None, value } if name.span.touches(self.selected.start) => {
                        if let [used] = self.uses_of(name.span).as_slice() {
                            self.draft_value(statement_span(stmt), name.span, value, *used, out);
                        }
                    }
                    StmtKind::Stage { name, .. } if name.span.touches(self.selected.start) && !place.outermost => {
                        let [next] = &place.block.stmts[number + 1..] else { continue };
                        let StmtKind::Expr(value, _) = &next.kind else { continue };
                        if self.uses_of(name.span) == [value.span] && self.starts_line(next.span.start) {
                            let title = format!("leave out `{}` at the end: the last stage is the value", name.text);
                            out.extend(self.without_line(next.span).map(|gone| Draft {
                                title,
                                kind: ActionKind::Inline,
                                diagnostic: None,
                                changes: vec![(gone, String::new())],
                                reveals: false,
                            }));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn draft_value(&self, stmt: Span, name: Span, value: &Expr, used: Span, out: &mut Vec<Draft>) {
        // What changes in between must not be read later.
        let mut changes = false;
        let variables = self.variables_that_change();
        for entry in self.index.uses.iter().filter(|entry| value.span.encloses(entry.span)) {
            changes |= match entry.symbol {
                Symbol::Variable { start, .. } => variables.contains(&start),
                Symbol::MemoryKey { .. } | Symbol::Memory(_) => true,
                _ => false,
            };
        }
        let Some(gone) = self.without_line(stmt).filter(|_| !changes && self.starts_line(stmt.start)) else { return };
        let text = self.text_of(value.span);
        let alone = matches!(
            value.kind,
            ExprKind::Null
                | ExprKind::Bool(_)
                | ExprKind::Int(_)
                | ExprKind::Float(_)
                | ExprKind::Duration(_)
                | ExprKind::Money(_)
                | ExprKind::Str(_)
                | ExprKind::Name(_)
                | ExprKind::List(_)
                | ExprKind::Field { .. }
                | ExprKind::Index { .. }
                | ExprKind::Call { .. }
                | ExprKind::Paren(_)
        );
        let placed = if alone { text.to_owned() } else { format!("({text})") };
        out.push(Draft {
            title: format!("put the value of `{}` where it is used", self.text_of(name)),
            kind: ActionKind::Inline,
            diagnostic: None,
            changes: vec![(gone, String::new()), (used, placed)],
            reveals: false,
        });
    }

    /// The variables of the file that are assigned, by where they are declared.
    fn variables_that_change(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for item in &self.parse.file.items {
            let ItemKind::Cascade(decl) = &item.kind else { continue };
            for place in find_blocks(decl) {
                for stmt in &place.block.stmts {
                    if let StmtKind::Var { name, .. } = &stmt.kind {
                        found.push(name.span.start);
                    }
                }
            }
        }
        found
    }

    /// The lines of a range, if nothing else stands on them.
    fn without_line(&self, span: Span) -> Option<Span> {
        let rest = self.text.get(span.end as usize..)?;
        let line = rest.lines().next().unwrap_or_default();
        let end = span.end + line.len() as u32 + u32::from(rest.len() > line.len());
        let start = self.text.get(..span.start as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
        line.trim().is_empty().then_some(Span { start: start as u32, end })
    }

    fn starts_line(&self, at: u32) -> bool {
        let before = self.text.get(..at as usize).unwrap_or_default();
        before.trim_end_matches([' ', '\t']).ends_with('\n')
    }
}
