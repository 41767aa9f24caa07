//! Expressions with blocks, and patterns.

use super::TreeBuilder;
pub(crate) use super::exprs::path_span;
use crate::ast::*;

/// `if condition { }` of a chain.
pub(crate) struct IfArm {
    pub(crate) start: Span,
    pub(crate) condition: Expr,
    pub(crate) then: Block,
}

/// A word before the braces of a swarm, and its value.
pub(crate) enum SwarmOption {
    Value(Span, Expr),
    Via(Span, Name),
}

impl TreeBuilder<'_> {
    /// `if … else if … else …`, built from the last arm to the first, so that a long chain needs no recursion.
    pub(crate) fn if_chain(&mut self, arms: Vec<IfArm>, last: Option<Block>) -> Expr {
        let mut end = last.as_ref().map(|block| block.span);
        let mut otherwise = last.map(Else::Block);
        let mut result = None;
        for arm in arms.into_iter().rev() {
            if let Some(next) = result.take() {
                otherwise = Some(Else::If(Box::new(next)));
            }
            let IfArm { start, condition, then } = arm;
            let span = start.to(*end.get_or_insert(then.span));
            let node = IfExpr { condition, then, otherwise: otherwise.take() };
            result = Some(self.expr(ExprKind::If(Box::new(node)), span));
        }
        match result {
            Some(chain) => chain,
            None => self.expr(ExprKind::Error, Span::default()),
        }
    }

    /// A condition that is written as an assignment.
    pub(crate) fn assignment_in_condition(&mut self, value: Expr, sign: Span, other: Expr) -> Expr {
        let message = "`=` does not compare".to_owned();
        self.error(
            crate::SyntaxErrorKind::Other {
                message,
                help: Some("write `==`".to_owned()),
                instead: Some("==".to_owned()),
            },
            sign,
        );
        let span = value.span.to(other.span);
        self.expr(ExprKind::Error, span)
    }

    pub(crate) fn match_expr(&mut self, subject: Expr, arms: Vec<MatchArm>, span: Span) -> Expr {
        self.expr(ExprKind::Match(Box::new(MatchExpr { subject, arms })), span)
    }

    pub(crate) fn for_expr(
        &mut self,
        start: Span,
        item: Name,
        iterable: Expr,
        parallel: Option<Option<Expr>>,
        body: Block,
    ) -> Expr {
        let span = start.to(body.span);
        let (parallel, max) = (parallel.is_some(), parallel.flatten());
        let node = ForExpr { item, iterable, parallel, max, body };
        self.expr(ExprKind::For(Box::new(node)), span)
    }

    pub(crate) fn repeat_expr(&mut self, start: Span, max: Option<Expr>, body: Block, until: Option<Expr>) -> Expr {
        let end = until.as_ref().map_or(body.span, |until| until.span);
        let node = RepeatExpr { max, body, until };
        self.expr(ExprKind::Repeat(Box::new(node)), start.to(end))
    }

    pub(crate) fn parallel_expr(&mut self, start: Span, max: Option<Expr>, body: Block) -> Expr {
        let span = start.to(body.span);
        self.expr(ExprKind::Parallel(Box::new(ParallelExpr { first: None, max, body })), span)
    }

    /// `parallel first { … }`.
    pub(crate) fn parallel_first_expr(&mut self, start: Span, word: Span, body: Block) -> Expr {
        self.expect_word(word, &["first", "max"]);
        let span = start.to(body.span);
        self.expr(ExprKind::Parallel(Box::new(ParallelExpr { first: Some(word), max: None, body })), span)
    }

    /// `low..high` after `in`.
    pub(crate) fn range_expr(&mut self, low: Expr, high: Expr) -> Expr {
        let span = low.span.to(high.span);
        self.expr(ExprKind::Range(Box::new(low), Box::new(high)), span)
    }

    pub(crate) fn swarm_expr(&mut self, start: Span, options: Vec<SwarmOption>, body: Block) -> Expr {
        let span = start.to(body.span);
        let mut node = SwarmExpr { topology: None, max: None, strategy: None, via: None, body };
        for option in options {
            match option {
                SwarmOption::Via(word, name) => {
                    self.expect_word(word, &["via"]);
                    node.via = Some(name);
                }
                SwarmOption::Value(word, value) => match self.slice(word) {
                    "max" => node.max = Some(value),
                    "topology" => node.topology = self.option_name(value),
                    "strategy" => node.strategy = self.option_name(value),
                    _ => self.expect_word(word, &["topology", "max", "strategy", "via"]),
                },
            }
        }
        self.expr(ExprKind::Swarm(Box::new(node)), span)
    }

    /// The value of an option that is a word.
    fn option_name(&mut self, value: Expr) -> Option<Name> {
        match value.kind {
            ExprKind::Name(name) => Some(name),
            ExprKind::Error => None,
            _ => {
                let found = format!("`{}`", self.slice(value.span));
                let expected = vec!["a name".to_owned()];
                let kind = crate::SyntaxErrorKind::Unexpected { found, expected };
                self.error(kind, value.span);
                None
            }
        }
    }

    pub(crate) fn sandbox_expr(
        &mut self,
        start: Span,
        dir: Expr,
        network: Option<(Span, NetworkSetting)>,
        name: Option<Name>,
        body: Block,
    ) -> Expr {
        let span = start.to(body.span);
        let network = network.map(|(word, network)| {
            self.expect_word(word, &["network"]);
            if let NetworkSetting::Word(setting) = &network {
                self.expect_word(setting.span, &["on", "off"]);
            }
            network
        });
        self.expr(ExprKind::Sandbox(Box::new(SandboxExpr { dir, network, name, body })), span)
    }
}

pub(crate) fn match_arm(pattern: Pattern, guard: Option<Expr>, body: (ArmBody, Span)) -> MatchArm {
    let (body, end) = body;
    let span = pattern.span.to(end);
    MatchArm { pattern, guard, body, span }
}

/// `a | b`.
pub(crate) fn either_pattern(first: Pattern, next: Pattern) -> Pattern {
    let span = first.span.to(next.span);
    let mut all = match first.kind {
        PatternKind::OneOf(all) => all,
        _ => vec![first],
    };
    all.push(next);
    Pattern { kind: PatternKind::OneOf(all), span }
}

/// `-> return x`, `-> fail "…"`.
pub(crate) fn statement_arm(stmt: Stmt) -> (ArmBody, Span) {
    let span = stmt.span;
    (ArmBody::Statement(Block { stmts: vec![stmt], span }), span)
}

/// A pattern that is one name or one literal.
pub(crate) fn simple_pattern(end: Expr) -> Pattern {
    let span = end.span;
    let kind = match end.kind {
        ExprKind::Name(name) if name.text == "_" => PatternKind::Wildcard,
        ExprKind::Name(name) => PatternKind::Variant { name, fields: None },
        ExprKind::Error => PatternKind::Error,
        _ => PatternKind::Literal(end),
    };
    Pattern { kind, span }
}

pub(crate) fn range_pattern(low: Option<Expr>, dots: Span, high: Option<Expr>) -> Pattern {
    let start = low.as_ref().map_or(dots, |low| low.span);
    let end = high.as_ref().map_or(dots, |high| high.span);
    Pattern { kind: PatternKind::Range(low, high), span: start.to(end) }
}

pub(crate) fn variant_pattern(name: Name, fields: Vec<PatternField>, end: Span) -> Pattern {
    let span = name.span.to(end);
    Pattern { kind: PatternKind::Variant { name, fields: Some(fields) }, span }
}
