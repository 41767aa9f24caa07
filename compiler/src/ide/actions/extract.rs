//! Commands and calls that stand where they cannot, moved to where they can.

use cascade_grammar::ast::{Expr, ExprKind, Item, Name, Span, Stmt, StmtKind, StrLit, StrPart};

use super::{ActionKind, Draft, Question, place::find_blocks};
use crate::{codes, walk};

impl Question<'_> {
    /// A skill for the command that a stage has instead of a call; a stage for a call within an expression.
    pub(super) fn draft_extractions(&self, out: &mut Vec<Draft>) {
        let Some((item, decl)) = self.cascade() else { return };
        let places = find_blocks(decl);
        for (number, diagnostic) in self.diagnostics().filter(|(_, d)| d.code == codes::STAGE_CALL) {
            let at = diagnostic.primary.span;
            let stmts = places.iter().flat_map(|place| &place.block.stmts);
            // The innermost statement around it.
            let around = stmts.filter(|stmt| stmt.span.encloses(at));
            let Some(stmt) = around.min_by_key(|stmt| stmt.span.end - stmt.span.start) else { continue };
            let draft = match &stmt.kind {
                StmtKind::Stage { name, value, .. } if value.span == at => match &value.kind {
                    ExprKind::Command(command) => self.skill_of_command(item, name, command),
                    _ => None,
                },
                _ => self.stage_of_call(stmt, at),
            };
            let mended = |(title, changes)| {
                let diagnostic = Some(number);
                Draft { title, kind: ActionKind::QuickFix, diagnostic, changes, reveals: false }
            };
            out.extend(draft.map(mended));
        }
    }

    /// A skill before the cascade that runs the command. What its holes say becomes its parameters.
    fn skill_of_command(
        &self,
        cascade: &Item,
        stage: &Name,
        command: &StrLit,
    ) -> Option<(String, Vec<(Span, String)>)> {
        // A stage may have the name of what it calls.
        let is_declared = self.program.analysis.declared.scopes[self.module].contains_key(&stage.text);
        let skill = if is_declared { self.free_name(&format!("{}_skill", stage.text)) } else { stage.text.to_string() };
        let mut params: Vec<(String, String, &str)> = Vec::new();
        let mut text = String::new();
        let mut done = command.span.start;
        for part in &command.parts {
            let StrPart::Hole { expr, .. } = part else { continue };
            let given = self.text_of(expr.span);
            let name = match params.iter().find(|(_, _, other)| *other == given) {
                Some((name, _, _)) => name.clone(),
                None => {
                    let ty = self.index.type_of(expr.span)?.ty;
                    let wanted = parameter_name(expr);
                    let taken = |name: &String| params.iter().any(|(other, _, _)| other == name);
                    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
                    let name = std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name))?;
                    params.push((name.clone(), self.program.analysis.types.type_text(ty), given));
                    name
                }
            };
            text.push_str(self.text_of(Span { start: done, end: expr.span.start }));
            text.push_str(&name);
            done = expr.span.end;
        }
        text.push_str(self.text_of(Span { start: done, end: command.span.end }));
        let declared: Vec<String> = params.iter().map(|(name, ty, _)| format!("{name}: {ty}")).collect();
        let given: Vec<&str> = params.iter().map(|(_, _, given)| *given).collect();
        let at = cascade.docs.first().map_or(cascade.span.start, |doc| doc.span.start);
        let declaration = format!("skill {skill}({}) -> string {{\n  run {text}\n}}\n\n", declared.join(", "));
        let changes =
            vec![(Span { start: at, end: at }, declaration), (command.span, format!("{skill}({})", given.join(", ")))];
        Some((format!("extract the command into the skill `{skill}`"), changes))
    }

    /// A stage before the statement that makes the call.
    fn stage_of_call(&self, stmt: &Stmt, at: Span) -> Option<(String, Vec<(Span, String)>)> {
        let mut call: Option<(&Expr, &Name)> = None;
        walk::walk_stmt(stmt, &mut |e| {
            if let ExprKind::Call { callee, .. } = &e.kind
                && (e.span == at || callee.span == at)
                && let ExprKind::Name(name) | ExprKind::Field { name, .. } = &callee.kind
            {
                call = Some((e, name));
            }
        });
        let (call, callee) = call?;
        if let StmtKind::Let { value, .. } = &stmt.kind
            && value.span == call.span
            && self.text_of(Span { start: stmt.span.start, end: stmt.span.start + 3 }) == "let"
        {
            let word = Span { start: stmt.span.start, end: stmt.span.start + 3 };
            return Some(("make it a stage".to_owned(), vec![(word, "stage".to_owned())]));
        }
        let name = self.free_name(&format!("{}_result", callee.text));
        let at = stmt.docs.first().map_or(stmt.span.start, |doc| doc.span.start);
        let stage = format!("stage {name} = {}\n", self.text_of(call.span));
        let changes = vec![(Span { start: at, end: at }, stage), (call.span, name.clone())];
        Some((format!("extract the call into the stage `{name}`"), changes))
    }
}

/// A name for what a hole says.
fn parameter_name(e: &Expr) -> &str {
    match &e.kind {
        ExprKind::Name(name) | ExprKind::Field { name, .. } if !name.text.is_empty() => &name.text,
        ExprKind::Call { callee, .. } => parameter_name(callee),
        ExprKind::Paren(inner) | ExprKind::Index { receiver: inner, .. } => parameter_name(inner),
        _ => "value",
    }
}
