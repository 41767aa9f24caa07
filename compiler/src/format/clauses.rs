//! Clauses of stages and cascades.

use cascade_grammar::ast::*;

use super::Formatter;
use super::doc::Doc;

impl<'t> Formatter<'t> {
    /// A value and its clauses. The first clause stays on the value's line if the author wrote it
    /// there; all others are on lines of their own.
    pub(super) fn with_clauses(&mut self, value: Doc<'t>, end: u32, clauses: &'t [Clause]) -> Doc<'t> {
        let mut value = value;
        let mut rest = clauses;
        if let Some((first, others)) = clauses.split_first()
            && !self.line_between(end, first.span.start)
        {
            let clause = self.clause(first);
            let after = Doc::nest_doc(Doc::seq([Doc::Soft, clause]));
            value = Doc::loose_group(Doc::seq([value, after]));
            rest = others;
            self.comments.skip_until(first.span.end);
        }
        if rest.is_empty() {
            return value;
        }
        let before = clauses.len() - rest.len();
        let end = before.checked_sub(1).and_then(|last| clauses.get(last)).map_or(end, |c| c.span.end);
        let mut docs = vec![value];
        let trailing = self.comments.take_trailing(end);
        docs.push(Doc::nest_doc(Doc::seq(ends_line(trailing))));
        docs.push(self.own_clauses(rest, None));
        Doc::seq(docs)
    }

    /// Clauses on lines of their own, indented by one level. Comments before `end` belong to them;
    /// without an `end`, comments after the last clause are left to the enclosing construct.
    pub(super) fn own_clauses(&mut self, clauses: &'t [Clause], end: Option<u32>) -> Doc<'t> {
        let mut docs = Vec::new();
        for (index, clause) in clauses.iter().enumerate() {
            for (comment, _) in self.comments.leading(&[], clause.span.start).lines {
                docs.extend([Doc::Hard, Doc::Text(comment)]);
            }
            docs.push(Doc::Hard);
            docs.push(self.clause(clause));
            if index + 1 < clauses.len() || end.is_some() {
                docs.extend(ends_line(self.comments.take_trailing(clause.span.end)));
            }
        }
        for (comment, _) in end.map_or(Vec::new(), |end| self.comments.leading(&[], end).lines) {
            docs.extend([Doc::Hard, Doc::Text(comment)]);
        }
        Doc::nest_doc(Doc::seq(docs))
    }

    fn clause(&mut self, clause: &'t Clause) -> Doc<'t> {
        match &clause.kind {
            ClauseKind::Using(value) => self.word_and_value("using ", value),
            ClauseKind::Budget(value) => self.word_and_value("budget ", value),
            ClauseKind::TokenBudget(value) => Doc::seq([self.word_and_value("budget ", value), Doc::Text(" tokens")]),
            ClauseKind::Cache(value) => self.word_and_value("cache ", value),
            ClauseKind::Branch(value) => self.word_and_value("branch ", value),
            ClauseKind::Exclusive { name, nowait } => {
                let clause = self.word_and_value("exclusive ", name);
                Doc::seq([clause, Doc::Text(if *nowait { " nowait" } else { "" })])
            }
            ClauseKind::Needs(names) => {
                let names = self.names(names, std::slice::from_ref, clause.span.end - 1);
                Doc::seq([Doc::Text("needs "), names])
            }
            ClauseKind::Timeout { total, idle } => {
                let mut docs = vec![self.word_and_value("timeout ", total)];
                docs.extend(idle.as_ref().map(|idle| self.word_and_value(" idle ", idle)));
                Doc::seq(docs)
            }
            ClauseKind::Retry { count, backoff } => {
                let mut docs = vec![self.word_and_value("retry ", count)];
                if let Some((first, last)) = backoff {
                    docs.push(self.word_and_value(" backoff ", first));
                    docs.push(self.word_and_value("..", last));
                }
                Doc::seq(docs)
            }
            ClauseKind::Isolate => Doc::Text("isolate"),
            ClauseKind::Discard => Doc::Text("discard"),
            ClauseKind::OnError { filter, binding, action } => {
                let mut docs = vec![Doc::Text("on error ")];
                if !filter.is_empty() {
                    docs.push(Doc::Text("("));
                    for (index, kind) in filter.iter().enumerate() {
                        docs.push(Doc::Text(if index > 0 { ", " } else { "" }));
                        docs.push(Doc::Text(&kind.text));
                    }
                    docs.push(Doc::Text(") "));
                }
                if let Some(name) = binding {
                    docs.extend([Doc::Text("as "), Doc::Text(&name.text), Doc::Text(" ")]);
                }
                docs.push(self.error_action(action, clause.span));
                Doc::seq(docs)
            }
            ClauseKind::Error => Doc::Text(self.str(clause.span)),
        }
    }

    fn error_action(&mut self, action: &'t ErrorAction, span: Span) -> Doc<'t> {
        match action {
            ErrorAction::Fix { using, max } => {
                let mut docs = vec![Doc::Text("fix")];
                docs.extend(using.as_ref().map(|using| self.word_and_value(" using ", using)));
                docs.extend(max.as_ref().map(|max| self.word_and_value(" max ", max)));
                Doc::seq(docs)
            }
            ErrorAction::Use(value) => self.word_and_value("use ", value),
            ErrorAction::Fallback(value) => self.word_and_value("fallback ", value),
            ErrorAction::Redistribute => Doc::Text("redistribute"),
            ErrorAction::Escalate(Some(message)) => self.word_and_value("escalate ", message),
            ErrorAction::Escalate(None) => Doc::Text("escalate"),
            ErrorAction::Skip => Doc::Text("skip"),
            ErrorAction::Keep => Doc::Text("keep"),
            ErrorAction::Fail(Some(message)) => self.word_and_value("fail ", message),
            ErrorAction::Fail(None) => Doc::Text("fail"),
            ErrorAction::Error => Doc::Text(self.str(span)),
        }
    }

    /// A keyword and an expression, separated by a space.
    pub(super) fn word_and_value(&mut self, word: &'static str, value: &'t Expr) -> Doc<'t> {
        Doc::seq([Doc::Text(word), self.expr(value)])
    }
}

/// Comments at the end of a line: the first on that line, the others below it.
pub(super) fn ends_line(comments: Vec<&str>) -> Vec<Doc<'_>> {
    let mut docs = Vec::new();
    for (index, comment) in comments.into_iter().enumerate() {
        if index == 0 {
            docs.push(Doc::Suffix(comment));
        } else {
            docs.extend([Doc::Hard, Doc::Text(comment)]);
        }
    }
    docs
}
