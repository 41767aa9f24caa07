//! Statements and clauses.

use super::TreeBuilder;
use crate::SyntaxErrorKind;
use crate::ast::*;

type StmtParts = (Span, StmtKind);

pub(crate) fn stage_stmt(word: Span, name: Name, ty: Option<TypeExpr>, value: Expr, clauses: Vec<Clause>) -> StmtParts {
    let span = word.to(value.span);
    let span = clauses.last().map_or(span, |last| span.to(last.span));
    (span, StmtKind::Stage { name, ty, value, clauses })
}

pub(crate) fn expr_stmt(value: Expr, clauses: Vec<Clause>) -> StmtParts {
    let span = clauses.last().map_or(value.span, |last| value.span.to(last.span));
    (span, StmtKind::Expr(value, clauses))
}

pub(crate) fn assign_stmt(target: Expr, op: AssignOp, value: Expr) -> StmtParts {
    (target.span.to(value.span), StmtKind::Assign { target, op, value })
}

pub(crate) fn return_stmt(word: Span, value: Option<Expr>) -> StmtParts {
    let span = value.as_ref().map_or(word, |value| word.to(value.span));
    (span, StmtKind::Return(value))
}

pub(crate) fn new_clause(span: Span, kind: ClauseKind) -> Clause {
    Clause { kind, span }
}

pub(crate) fn on_error(word: Span, filter: Vec<Name>, binding: Option<Name>, action: (ErrorAction, Span)) -> Clause {
    let (action, end) = action;
    new_clause(word.to(end), ClauseKind::OnError { filter, binding, action })
}

impl TreeBuilder<'_> {
    pub(crate) fn stmt(&mut self, attributes: Vec<Attribute>, parts: StmtParts) -> Stmt {
        let (span, kind) = parts;
        let mut docs = Vec::new();
        // Only stages are documented; before anything else it is a comment.
        if let StmtKind::Stage { .. } = kind {
            for attribute in &attributes {
                docs.extend(self.take_docs(attribute.span.start));
            }
            docs.extend(self.take_docs(span.start));
        }
        let span = attributes.first().map_or(span, |first| first.span.to(span));
        Stmt { docs, attributes, kind, span }
    }

    pub(crate) fn let_stmt(&mut self, word: Span, name: Name, ty: Option<TypeExpr>, value: Expr) -> StmtParts {
        let span = word.to(value.span);
        let kind = if self.slice(word) == "var" {
            StmtKind::Var { name, ty, value }
        } else {
            StmtKind::Let { name, ty, value }
        };
        (span, kind)
    }

    /// `let { a, b } = record`.
    pub(crate) fn let_fields_stmt(&mut self, word: Span, fields: Vec<PatternField>, value: Expr) -> StmtParts {
        if self.slice(word) == "var" {
            let kind = SyntaxErrorKind::Other {
                message: "the fields of a record are taken apart by `let`".to_owned(),
                help: Some("write `let { … } = …`, and a `var` for what changes".to_owned()),
                instead: Some("let".to_owned()),
            };
            self.error(kind, word);
        }
        (word.to(value.span), StmtKind::LetFields { fields, value })
    }

    /// `gate`, `warn`.
    pub(crate) fn check_stmt(&mut self, word: Span, condition: Expr, message: Option<Expr>) -> StmtParts {
        let end = message.as_ref().map_or(condition.span, |message| message.span);
        let kind = if self.slice(word) == "warn" {
            StmtKind::Warn { condition, message }
        } else {
            StmtKind::Gate { condition, message }
        };
        (word.to(end), kind)
    }

    /// `fail`, `log`.
    pub(crate) fn message_stmt(&mut self, word: Span, value: Expr) -> StmtParts {
        let span = word.to(value.span);
        let kind = if self.slice(word) == "log" { StmtKind::Log(value) } else { StmtKind::Fail(value) };
        (span, kind)
    }

    /// `on success(x) { }` and its like.
    pub(crate) fn on_event(&mut self, word: Span, event: Name, param: Option<Name>, body: Block) -> StmtParts {
        self.expect_word(event.span, &["success", "failure", "cancel"]);
        (word.to(body.span), StmtKind::On { event, param, body })
    }

    pub(crate) fn timeout_clause(&mut self, word: Span, total: Expr, idle: Option<(Span, Expr)>) -> Clause {
        let mut span = word.to(total.span);
        let idle = idle.map(|(word, idle)| {
            self.expect_word(word, &["idle"]);
            span = span.to(idle.span);
            idle
        });
        new_clause(span, ClauseKind::Timeout { total, idle })
    }

    pub(crate) fn retry_clause(
        &mut self,
        word: Span,
        count: Expr,
        backoff: Option<(Span, Expr, Span, Expr)>,
    ) -> Clause {
        let mut span = word.to(count.span);
        let backoff = backoff.map(|(word, first, _, last)| {
            self.expect_word(word, &["backoff"]);
            span = span.to(last.span);
            (first, last)
        });
        new_clause(span, ClauseKind::Retry { count, backoff })
    }

    /// `budget`, `cache`, `branch`, `exclusive`.
    pub(crate) fn word_clause(&mut self, word: Span, value: Expr, unit: Option<Span>) -> Clause {
        let span = word.to(unit.unwrap_or(value.span));
        if let Some(unit) = unit {
            let wanted: &[&'static str] = match self.slice(word) {
                "budget" => &["tokens"],
                "exclusive" => &["nowait"],
                _ => &["a new line"],
            };
            self.expect_word(unit, wanted);
        }
        let kind = match self.slice(word) {
            "budget" if unit.is_some() => ClauseKind::TokenBudget(value),
            "budget" => ClauseKind::Budget(value),
            "cache" => ClauseKind::Cache(value),
            "exclusive" => ClauseKind::Exclusive { name: value, nowait: unit.is_some() },
            _ => ClauseKind::Branch(value),
        };
        new_clause(span, kind)
    }

    /// `isolate`, `discard`.
    pub(crate) fn bare_clause(&mut self, word: Span) -> Clause {
        let discard = self.slice(word) == "discard";
        new_clause(word, if discard { ClauseKind::Discard } else { ClauseKind::Isolate })
    }

    /// `fix using model max n`.
    pub(crate) fn fix_action(
        &mut self,
        word: Span,
        using: Option<Expr>,
        max: Option<(Span, Expr)>,
    ) -> (ErrorAction, Span) {
        let mut span = using.as_ref().map_or(word, |using| word.to(using.span));
        let max = max.map(|(word, max)| {
            self.expect_word(word, &["max"]);
            span = span.to(max.span);
            max
        });
        (ErrorAction::Fix { using, max }, span)
    }

    /// `use`, `fallback`.
    pub(crate) fn use_action(&mut self, word: Span, value: Expr) -> (ErrorAction, Span) {
        let span = word.to(value.span);
        let fallback = self.slice(word) == "fallback";
        (if fallback { ErrorAction::Fallback(value) } else { ErrorAction::Use(value) }, span)
    }

    /// `escalate`, `fail`.
    pub(crate) fn escalate_action(&mut self, word: Span, message: Option<Expr>) -> (ErrorAction, Span) {
        let span = message.as_ref().map_or(word, |message| word.to(message.span));
        let fail = self.slice(word) == "fail";
        (if fail { ErrorAction::Fail(message) } else { ErrorAction::Escalate(message) }, span)
    }

    /// `skip`, `keep`, `redistribute`.
    pub(crate) fn bare_action(&mut self, word: Span) -> (ErrorAction, Span) {
        let action = match self.slice(word) {
            "skip" => ErrorAction::Skip,
            "keep" => ErrorAction::Keep,
            _ => ErrorAction::Redistribute,
        };
        (action, word)
    }
}
