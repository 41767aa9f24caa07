//! `if` and `match` in expressions: each branch is one expression.

use cascade_grammar::ast::{ArmBody, Block, Else, Expr, ExprKind, IfExpr, MatchExpr, PatternField, Span, StmtKind};
use cascade_ir as ir;

use super::{BodyChecker, Typed, spans::span_of_head};
use crate::{
    checks::{
        blocks,
        reachability::{self, Coverage},
        style, types,
    },
    codes,
    flow::Flow,
    scope::{LocalKind, not_null_paths},
    types::Ty,
};

impl BodyChecker<'_> {
    /// The common type of two branches. A branch whose end is never reached has no value.
    pub(super) fn join_types(&mut self, a: (Ty, bool), b: (Ty, bool), span: Span) -> Ty {
        match (a, b) {
            ((_, true), (_, true)) => Ty::NEVER,
            ((_, true), (ty, false)) | ((ty, false), (_, true)) => ty,
            ((x, false), (y, false)) => match self.context.types.join(x, y) {
                Some(ty) => ty,
                None => {
                    self.context.report(types::different_types(self.context.view(), x, y, span));
                    Ty::ERROR
                }
            },
        }
    }

    /// In an arm that does not take null, or after one that took it, the subject is not null.
    pub(super) fn assume_in_arm(&mut self, subject: &Expr, pattern: &ir::Pattern, null_before: bool) {
        let is_null = matches!(pattern, ir::Pattern::Equal(ir::Expr::Const(ir::Const::Null)));
        let proves = match pattern {
            ir::Pattern::Any => null_before,
            _ => !is_null,
        };
        if proves {
            self.assume_not_null(&[subject]);
        }
    }

    /// Checks `if` in an expression: each branch is one expression.
    pub(super) fn check_if_expr(&mut self, x: &IfExpr, expected: Option<Ty>) -> Option<Typed> {
        let condition = self.check(&x.condition, Ty::BOOL);
        let facts = not_null_paths(&x.condition);
        let mark = self.enter_scope(x.then.span);
        self.assume_not_null(&facts.when_true);
        let then = self.check_block_expr(&x.then, "if", expected);
        self.leave_scope(mark);
        let mark = self.enter_scope(x.otherwise.as_ref().map_or(x.then.span, else_span));
        self.assume_not_null(&facts.when_false);
        let otherwise = match &x.otherwise {
            Some(Else::Block(b)) => self.check_block_expr(b, "if", expected),
            Some(Else::If(e)) => match &e.kind {
                ExprKind::If(x) => {
                    let typed = self.check_if_expr(x, expected);
                    if let Some(typed) = &typed {
                        self.context.record_type(e.span, typed.ty, &typed.flow);
                    }
                    typed
                }
                _ => None,
            },
            None => {
                let at = x.then.span;
                let null = Typed::new(ir::Expr::Const(ir::Const::Null), Ty::NULL, Flow::default());
                match expected {
                    Some(ty) if !self.context.types.nullable(ty) => {
                        let d = self
                            .context
                            .diagnostic(codes::MISMATCH, at, "an `if` that gives a value needs an `else`")
                            .label("and otherwise?");
                        self.context.report(d);
                        None
                    }
                    _ => Some(null),
                }
            }
        };
        self.leave_scope(mark);
        let (then, otherwise) = (then?, otherwise?);
        let ty = match expected {
            Some(ty) => ty,
            None => self.join_types((then.ty, false), (otherwise.ty, false), x.then.span),
        };
        let flow = then.flow.join(&otherwise.flow);
        Some(Typed::new(ir::Expr::If(Box::new(condition.ir), Box::new(then.ir), Box::new(otherwise.ir)), ty, flow))
    }

    /// Checks the block of a fn: `let` lines, and the value as the last expression.
    pub(super) fn check_fn_block(&mut self, block: &Block, result: Ty) -> Typed {
        self.check_block_expr(block, "fn", Some(result)).unwrap_or_else(Typed::error)
    }

    /// Declares the variables of `let { a, b } = record`, where the record stands in the slot `whole`. Gives
    /// their slots and values.
    pub(super) fn declare_fields(
        &mut self,
        fields: &[PatternField],
        record: &Typed,
        whole: ir::Slot,
    ) -> Vec<(ir::Slot, ir::Expr)> {
        let mut out = Vec::with_capacity(fields.len());
        let is_record = record.ty == Ty::ERROR || self.context.types.fields(record.ty).is_some();
        if let (false, Some(first)) = (is_record, fields.first()) {
            let span = fields.last().map_or(first.field.span, |last| first.field.span.to(last.field.span));
            self.context.report(blocks::not_a_record(self.context.view(), record.ty, span));
        }
        for field in fields {
            let ty = match self.context.types.field(record.ty, &field.field.text) {
                Some(ty) => {
                    self.context.record_field_use(record.ty, &field.field);
                    ty
                }
                None => {
                    if is_record && record.ty != Ty::ERROR {
                        self.context.report(types::unknown_field(self.context.view(), record.ty, &field.field));
                    }
                    Ty::ERROR
                }
            };
            let name = field.binding.as_ref().unwrap_or(&field.field);
            self.context.report(style::value_name(self.context.view(), name));
            let index = self.declare(&name.text, name.span, ty, record.flow.clone(), LocalKind::Let);
            let value = ir::Expr::Field(Box::new(ir::Expr::Slot(whole)), field.field.text.clone());
            out.push((self.scope.slot(index), value));
        }
        out
    }

    fn check_block_expr(&mut self, block: &Block, word: &str, expected: Option<Ty>) -> Option<Typed> {
        let mark = self.enter_scope(block.span);
        let mut lets = Vec::new();
        let mut value = None;
        for (i, stmt) in block.stmts.iter().enumerate() {
            let last = i + 1 == block.stmts.len();
            match &stmt.kind {
                StmtKind::Let { name, ty, value } => {
                    let declared = ty.as_ref().map(|t| self.context.resolve_type(t));
                    let typed = match declared {
                        Some(ty) => self.check(value, ty),
                        None => self.infer(value),
                    };
                    let index = self.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
                    lets.push((self.scope.slot(index), typed.ir));
                }
                StmtKind::LetFields { fields, value } => {
                    let typed = self.infer(value);
                    let whole = self.scope.new_slot();
                    let fields = self.declare_fields(fields, &typed, whole);
                    lets.push((whole, typed.ir));
                    lets.extend(fields);
                }
                StmtKind::Return(Some(e)) if last && word == "fn" => {
                    self.context.report(blocks::return_in_fn(self.context.view(), stmt.span, e.span));
                    value = Some(match expected {
                        Some(ty) => self.check(e, ty),
                        None => self.infer(e),
                    });
                }
                StmtKind::Expr(e, _) if last => {
                    value = Some(match expected {
                        Some(ty) => self.check(e, ty),
                        None => self.infer(e),
                    });
                }
                StmtKind::Error => {
                    self.leave_scope(mark);
                    return None;
                }
                _ => {
                    self.report_inner_block(word, stmt.span);
                    self.leave_scope(mark);
                    return None;
                }
            }
        }
        self.leave_scope(mark);
        let Some(value) = value else {
            let d = self
                .context
                .diagnostic(codes::MISMATCH, block.span, "this block gives no value")
                .label("a value is needed here");
            self.context.report(d);
            return None;
        };
        let ir =
            lets.into_iter().rev().fold(value.ir, |body, (slot, v)| ir::Expr::Let(slot, Box::new(v), Box::new(body)));
        Some(Typed { ir, ..value })
    }

    /// Checks `match` in an expression: each arm is one expression.
    pub(super) fn check_match_expr(&mut self, x: &MatchExpr, span: Span, expected: Option<Ty>) -> Option<Typed> {
        let subject = self.infer(&x.subject);
        self.report_nothing(&x.subject);
        let mut coverage = Coverage::default();
        let mut arms = Vec::new();
        let mut flow = subject.flow.clone();
        let mut joined: Option<Ty> = None;
        let mut broken = false;
        for arm in &x.arms {
            let mark = self.enter_scope(arm.span);
            let null_before = coverage.null;
            let pattern = self.check_pattern(&arm.pattern, &subject, &mut coverage, arm.guard.is_some());
            self.assume_in_arm(&x.subject, &pattern, null_before);
            let guard = arm.guard.as_ref().map(|g| self.check(g, Ty::BOOL).ir);
            let value = match &arm.body {
                ArmBody::Block(b) | ArmBody::Statement(b) => self.check_block_expr(b, "match", expected),
                ArmBody::Expr(e) => Some(match expected {
                    Some(ty) => self.check(e, ty),
                    None => self.infer(e),
                }),
            };
            self.leave_scope(mark);
            let Some(value) = value else {
                broken = true;
                continue;
            };
            flow.include(&value.flow);
            joined = Some(match (joined, expected) {
                (_, Some(ty)) => ty,
                (None, None) => value.ty,
                (Some(before), None) => self.join_types((before, false), (value.ty, false), arm.span),
            });
            arms.push(ir::ExprArm { pattern, guard, body: value.ir });
        }
        let filler = joined.or(expected).and_then(|ty| self.context.types.placeholder(ty));
        let places = (span, span_of_head(span, &x.subject));
        self.context.report(reachability::not_exhaustive(self.context.view(), &coverage, subject.ty, places, filler));
        if broken {
            return None;
        }
        let ir = ir::Expr::Match { subject: Box::new(subject.ir), arms };
        Some(Typed::new(ir, joined.unwrap_or(Ty::ERROR), flow))
    }
}

/// The span of what follows `else`.
fn else_span(otherwise: &Else) -> Span {
    match otherwise {
        Else::Block(block) => block.span,
        Else::If(e) => e.span,
    }
}
