//! What a stage does when it fails, where nothing says so.

use cascade_grammar::ast::{ClauseKind, ExprKind, StmtKind};

use super::{ActionKind, Draft, Question, place::find_blocks};
use crate::index::Symbol;

impl Question<'_> {
    /// Adds `retry` or `on error` to the stage at the cursor. A stage that asks a person fails only if nobody answers,
    /// which another try does not change.
    pub(super) fn draft_clauses(&self, out: &mut Vec<Draft>) {
        let Some((_, decl)) = self.cascade() else { return };
        let stages = find_blocks(decl).into_iter().flat_map(|place| &place.block.stmts);
        // The innermost stage at the cursor, by its first line.
        let at_cursor = stages.filter_map(|stmt| match &stmt.kind {
            StmtKind::Stage { name, value, clauses, .. } if stmt.span.touches(self.selected.start) => {
                Some((stmt, name, value, clauses))
            }
            _ => None,
        });
        let Some((stmt, name, value, clauses)) = at_cursor.min_by_key(|(stmt, ..)| stmt.span.end - stmt.span.start)
        else {
            return;
        };
        let ExprKind::Call { callee, .. } = &value.kind else { return };
        let callee = match &callee.kind {
            ExprKind::Name(name) | ExprKind::Field { name, .. } => name,
            _ => return,
        };
        let called = self.program.analysis.symbols_at(self.source, callee.span.start);
        if !called.iter().any(|(symbol, _)| matches!(symbol, Symbol::Skill(_) | Symbol::Cascade(_))) {
            return;
        }
        let handled = |kind: &ClauseKind| matches!(kind, ClauseKind::Retry { .. } | ClauseKind::OnError { .. });
        if clauses.iter().any(|clause| handled(&clause.kind)) {
            return;
        }
        let end = stmt.span.end;
        let rest = self.text.get(end as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        // A comment behind the stage belongs to its last line.
        let Some(end) = self.end_with_comment(end).filter(|_| !rest.trim_start().starts_with('}')) else { return };
        let question = format!("\"`{}` has failed. What now?\"", name.text);
        for (title, clause) in [
            (format!("retry `{}` when it fails", name.text), "retry 2 backoff 1s..30s".to_owned()),
            (format!("go on without `{}` when it fails", name.text), "on error skip".to_owned()),
            (format!("ask a person when `{}` fails", name.text), format!("on error escalate {question}")),
        ] {
            let changes = vec![(cascade_grammar::ast::Span { start: end, end }, format!("\n    {clause}"))];
            out.push(Draft { title, kind: ActionKind::Rewrite, diagnostic: None, changes, reveals: false });
        }
    }
}
