//! Expressions and types without blocks.

use super::{Mistake, TreeBuilder};
use crate::ast::*;

impl TreeBuilder<'_> {
    pub(crate) fn name_expr(&mut self, name: Name) -> Expr {
        let span = name.span;
        self.expr(ExprKind::Name(name), span)
    }

    pub(crate) fn field_expr(&mut self, receiver: Expr, name: Name, dot: (Span, bool)) -> Expr {
        let span = receiver.span.to(name.span);
        self.expr(ExprKind::Field { receiver: Box::new(receiver), name, safe: dot.1 }, span)
    }

    /// `x.` without a field: the receiver is kept, so that an editor can complete.
    pub(crate) fn missing_field(&mut self, receiver: Expr, dot: (Span, bool), mistake: Mistake) -> Expr {
        let name = self.missing_name(dot.0, mistake);
        self.field_expr(receiver, name, dot)
    }

    pub(crate) fn call_expr(&mut self, callee: Expr, args: Vec<Arg>, args_span: Span) -> Expr {
        let span = callee.span.to(args_span);
        self.expr(ExprKind::Call { callee: Box::new(callee), args, args_span }, span)
    }

    pub(crate) fn index_expr(&mut self, receiver: Expr, index: Expr, end: Span) -> Expr {
        let span = receiver.span.to(end);
        let (receiver, index) = (Box::new(receiver), Box::new(index));
        self.expr(ExprKind::Index { receiver, index }, span)
    }

    pub(crate) fn cast_expr(&mut self, value: Expr, ty: TypeExpr, optional: bool) -> Expr {
        let span = value.span.to(ty.span);
        let (value, ty) = (Box::new(value), Box::new(ty));
        self.expr(ExprKind::Cast { value, ty, optional }, span)
    }

    pub(crate) fn lambda_expr(&mut self, start: Span, params: Vec<Name>, body: Expr) -> Expr {
        let span = start.to(body.span);
        self.expr(ExprKind::Lambda { params, body: Box::new(body) }, span)
    }

    pub(crate) fn list_expr(&mut self, items: Vec<Expr>, span: Span) -> Expr {
        self.expr(ExprKind::List(items), span)
    }

    pub(crate) fn paren_expr(&mut self, inner: Expr, span: Span) -> Expr {
        self.expr(ExprKind::Paren(Box::new(inner)), span)
    }

    pub(crate) fn record_expr(&mut self, entries: Vec<RecordEntry>, span: Span) -> Expr {
        self.expr(ExprKind::Record(entries), span)
    }

    /// `"key": value`.
    pub(crate) fn quoted_entry(&mut self, key: StrLit, value: Expr) -> RecordEntry {
        let text = match key.parts.as_slice() {
            [StrPart::Text { text, .. }] => text.as_str().into(),
            _ => Default::default(),
        };
        RecordEntry::Field { key: Name { text, span: key.span }, quoted: true, value }
    }

    pub(crate) fn named_type(&mut self, path: Vec<Name>, args: Vec<TypeExpr>, end: Option<Span>) -> TypeExpr {
        let span = path_span(&path);
        let span = end.map_or(span, |end| span.to(end));
        self.ty(TypeExprKind::Named { path, args }, span)
    }

    pub(crate) fn optional_type(&mut self, ty: TypeExpr, mark: Span) -> TypeExpr {
        let span = ty.span.to(mark);
        self.ty(TypeExprKind::Optional(Box::new(ty)), span)
    }

    pub(crate) fn refined_type(&mut self, ty: TypeExpr, predicate: Expr) -> TypeExpr {
        let span = ty.span.to(predicate.span);
        self.ty(TypeExprKind::Where(Box::new(ty), Box::new(predicate)), span)
    }

    pub(crate) fn record_type(&mut self, fields: Vec<FieldDecl>, span: Span) -> TypeExpr {
        self.ty(TypeExprKind::Record(fields), span)
    }

    pub(crate) fn error_type(&mut self, mistake: Mistake) -> TypeExpr {
        let span = self.record_mistake(mistake);
        if let Some(error) = self.errors.last_mut() {
            crate::errors::expect_type(error);
        }
        self.ty(TypeExprKind::Error, span)
    }
}

/// From the first to the last part of a dotted name.
pub(crate) fn path_span(path: &[Name]) -> Span {
    match (path.first(), path.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    }
}
