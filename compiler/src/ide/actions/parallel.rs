//! Stages that run one after the other, to run at once.

use cascade_grammar::ast::{Name, Span, Stmt, StmtKind};

use super::{
    ActionKind, Draft, Question,
    place::{BlockPlace, find_blocks, statement_span},
};

impl Question<'_> {
    /// Puts the selected stages, or the independent neighbours of the stage at the cursor, in a `parallel`.
    pub(super) fn draft_parallels(&self, out: &mut Vec<Draft>) {
        let Some((_, decl)) = self.cascade() else { return };
        for place in find_blocks(decl).into_iter().filter(|place| !place.concurrent) {
            let stmts = &place.block.stmts;
            let touches = |stmt: &Stmt| {
                let name = stage_name(stmt).map(|name| Span { start: stmt.span.start, end: name.span.end });
                let place = if self.selected.start == self.selected.end { name } else { Some(stmt.span) };
                place.is_some_and(|place| place.start <= self.selected.end && self.selected.start <= place.end)
            };
            let Some(first) = stmts.iter().position(touches) else { continue };
            let last = stmts.iter().rposition(touches).unwrap_or(first);
            let run = if first < last { first..last + 1 } else { self.independent_around(stmts, first) };
            let (run_first, run_last) = (run.start, run.end);
            if run_last - run_first >= 2 && stmts[run_first..run_last].iter().all(|stmt| stage_name(stmt).is_some()) {
                let title = if first < last { "wrap in `parallel`" } else { "run in `parallel` with its neighbours" };
                self.draft_parallel(decl.body.stmts.as_slice(), place, run_first, run_last, title, out);
            }
        }
    }

    /// The stages around one that use no value of each other.
    fn independent_around(&self, stmts: &[Stmt], at: usize) -> std::ops::Range<usize> {
        let apart = |a: &Stmt, b: &Stmt| match stage_name(a) {
            Some(name) => !self.uses_of(name.span).iter().any(|used| b.span.encloses(*used)),
            None => false,
        };
        let (mut start, mut end) = (at, at + 1);
        while end < stmts.len()
            && stage_name(&stmts[end]).is_some()
            && stmts[start..end].iter().all(|s| apart(s, &stmts[end]))
        {
            end += 1;
        }
        while start > 0 && stage_name(&stmts[start - 1]).is_some() {
            let before = &stmts[start - 1];
            if !stmts[start..end].iter().all(|s| apart(before, s)) {
                break;
            }
            start -= 1;
        }
        start..end
    }

    fn draft_parallel(
        &self,
        body: &[Stmt],
        place: BlockPlace<'_>,
        first: usize,
        last: usize,
        title: &str,
        out: &mut Vec<Draft>,
    ) {
        let stmts = &place.block.stmts;
        // The last stage of an inner block is its value, which would be another one.
        if last == stmts.len() && !place.outermost {
            return;
        }
        let run = &stmts[first..last];
        let (Some(start), Some(end)) = (run.first().map(statement_span), run.last().map(statement_span)) else {
            return;
        };
        let Some(end) = self.end_with_comment(end.end) else { return };
        let wrapped = Span { start: start.start, end };
        let name = self.free_name(if run.len() == 2 { "both" } else { "all" });
        let mut changes = vec![
            (Span { start: wrapped.start, end: wrapped.start }, format!("stage {name} = parallel {{\n")),
            (Span { start: wrapped.end, end: wrapped.end }, "\n}".to_owned()),
        ];
        // In `on failure` and `on cancel` a stage that did not end is null.
        let hooks: Vec<Span> = body.iter().filter(|s| is_hook_of_failure(s)).map(|s| s.span).collect();
        for stage in run.iter().filter_map(stage_name) {
            for used in self.uses_of(stage.span).into_iter().filter(|used| !wrapped.encloses(*used)) {
                if self.text_of(used) != stage.text {
                    return;
                }
                let dot = if hooks.iter().any(|hook| hook.encloses(used)) { "?." } else { "." };
                changes.push((used, format!("{name}{dot}{}", stage.text)));
            }
        }
        let (title, kind) = (title.to_owned(), ActionKind::Rewrite);
        out.push(Draft { title, kind, diagnostic: None, changes, reveals: false });
    }
}

fn stage_name(stmt: &Stmt) -> Option<&Name> {
    match &stmt.kind {
        StmtKind::Stage { name, .. } if !name.text.is_empty() => Some(name),
        _ => None,
    }
}

fn is_hook_of_failure(stmt: &Stmt) -> bool {
    matches!(&stmt.kind, StmtKind::On { event, .. } if event.text != "success")
}
