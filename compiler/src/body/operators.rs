//! Operators on two values.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Span};
use cascade_ir as ir;

use super::{BodyChecker, Typed, variables::Target};
use crate::{
    checks::operators,
    scope::not_null_paths,
    types::{Ty, TyKind},
};

impl BodyChecker<'_> {
    /// Infers `a op b`.
    pub(super) fn infer_binary(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        match op {
            BinaryOp::Coalesce => self.infer_coalesce(a, b, None),
            BinaryOp::And | BinaryOp::Or => self.infer_logic(a, op, b),
            BinaryOp::Eq | BinaryOp::Ne => self.infer_equality(a, op, b, span),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => self.infer_comparison(a, op, b, span),
            _ => self.infer_arithmetic(a, op, b, span),
        }
    }

    fn infer_logic(&mut self, a: &Expr, op: BinaryOp, b: &Expr) -> Typed {
        let left = self.check(a, Ty::BOOL);
        let mark = self.enter(b.span);
        let facts = not_null_paths(a);
        self.assume_not_null(if op == BinaryOp::And { &facts.when_true } else { &facts.when_false });
        let right = self.check(b, Ty::BOOL);
        self.leave(mark);
        let flow = left.flow.join(&right.flow);
        let (left, right) = (Box::new(left.ir), Box::new(right.ir));
        let ir = if op == BinaryOp::And { ir::Expr::And(left, right) } else { ir::Expr::Or(left, right) };
        Typed::new(ir, Ty::BOOL, flow)
    }

    /// Infers `a ?? b`.
    pub(super) fn infer_coalesce(&mut self, a: &Expr, b: &Expr, expected: Option<Ty>) -> Typed {
        let left = match expected {
            Some(ty) if matches!(a.kind, ExprKind::Call { .. }) => {
                let optional = self.types.optional(ty);
                let ExprKind::Call { callee, args, args_span } = &a.kind else { return Typed::error() };
                let left = self.infer_call(a, callee, args, *args_span, Some(optional));
                self.record_type(a.span, left.ty, &left.flow);
                left
            }
            _ => self.infer(a),
        };
        let inner = self.types.non_null(left.ty);
        if inner == left.ty && left.ty != Ty::ERROR && left.ty != Ty::JSON && left.ty != Ty::NEVER {
            self.report(operators::coalescing_of_value(self.view(), left.ty, a.span));
        }
        let target = match expected {
            Some(ty) if inner == Ty::NEVER || self.types.fits(inner, ty) => ty,
            _ => inner,
        };
        let right = if target == Ty::NEVER { self.infer(b) } else { self.check_or_optional(b, target) };
        let ty = if target == Ty::NEVER { right.ty } else { self.types.join(target, right.ty).unwrap_or(target) };
        let flow = left.flow.join(&right.flow);
        Typed::new(ir::Expr::Coalesce(Box::new(left.ir), Box::new(right.ir)), ty, flow)
    }

    /// Checks an expression against a type, or else against that type made optional.
    fn check_or_optional(&mut self, e: &Expr, ty: Ty) -> Typed {
        match &e.kind {
            ExprKind::Null => self.infer(e),
            ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Call { .. } | ExprKind::Index { .. } => {
                let optional = self.types.optional(ty);
                let value = self.infer_expecting(e, optional);
                match self.try_coerce(value, ty, e.span) {
                    Ok(typed) => typed,
                    Err(value) => self.coerce(value, optional, e.span),
                }
            }
            _ => self.check(e, ty),
        }
    }

    /// Infers an expression with an expected type, which it need not have.
    fn infer_expecting(&mut self, e: &Expr, expected: Ty) -> Typed {
        let typed = self.infer_expecting_kind(e, expected);
        self.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    fn infer_expecting_kind(&mut self, e: &Expr, expected: Ty) -> Typed {
        match &e.kind {
            ExprKind::Name(name) if !matches!(self.probe(name), Target::Local(_)) => {
                let wanted = self.types.base(self.types.non_null(expected));
                self.check_variant_name(name, wanted).unwrap_or_else(|| self.infer(e))
            }
            ExprKind::Call { callee, args, args_span } => self.infer_call(e, callee, args, *args_span, Some(expected)),
            _ => self.infer(e),
        }
    }

    fn infer_equality(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        // A variant without its enum takes the type of the other side.
        let bare =
            |body: &Self, e: &Expr| matches!(&e.kind, ExprKind::Name(n) if !matches!(body.probe(n), Target::Local(_)));
        let (left, right) = if bare(self, a) && !bare(self, b) {
            let right = self.infer(b);
            (self.infer_expecting(a, right.ty), right)
        } else {
            let left = self.infer(a);
            let right = match &b.kind {
                ExprKind::Null => self.infer(b),
                _ if left.ty == Ty::ERROR => self.infer(b),
                ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Str(_) => {
                    let base = self.types.base(self.types.non_null(left.ty));
                    let text = matches!(b.kind, ExprKind::Str(_));
                    if text && base != Ty::PATH { self.infer(b) } else { self.check(b, base) }
                }
                _ => self.infer_expecting(b, left.ty),
            };
            (left, right)
        };
        let types = &self.types;
        let (x, y) = (types.base(types.non_null(left.ty)), types.base(types.non_null(right.ty)));
        let comparable = x == Ty::ERROR
            || y == Ty::ERROR
            || types.fits(x, y)
            || types.fits(y, x)
            || (types.numeric(x) && types.numeric(y))
            || left.ty == Ty::NULL
            || right.ty == Ty::NULL
            || self.are_comparable_lists(x, y);
        if !comparable {
            self.report(operators::never_equal(self.view(), left.ty, right.ty, span));
        } else if (left.ty == Ty::NULL) != (right.ty == Ty::NULL) {
            let other = if left.ty == Ty::NULL { (right.ty, b.span) } else { (left.ty, a.span) };
            self.report(operators::never_null(self.view(), other, span));
        }
        let flow = left.flow.join(&right.flow);
        let op = if op == BinaryOp::Eq { ir::BinaryOp::Eq } else { ir::BinaryOp::Ne };
        Typed::new(ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.place(span)), Ty::BOOL, flow)
    }

    fn are_comparable_lists(&self, a: Ty, b: Ty) -> bool {
        match (self.types.kind(a), self.types.kind(b)) {
            (TyKind::List(x), TyKind::List(y)) => self.types.fits(*x, *y) || self.types.fits(*y, *x),
            _ => false,
        }
    }

    fn infer_comparison(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        let (left, right) = (self.infer(a), self.infer(b));
        let flow = left.flow.clone().join(&right.flow);
        let types = &self.types;
        let (x, y) = (types.base(left.ty), types.base(right.ty));
        let fine =
            x == Ty::ERROR || y == Ty::ERROR || (types.ordered(x) && x == y) || (types.numeric(x) && types.numeric(y));
        // `a < b < c` was reported by the parser.
        let chained = |e: &Expr| {
            matches!(e.kind, ExprKind::Binary(_, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge, _))
        };
        if !fine && !chained(a) && !chained(b) {
            self.report(operators::wrong_operands(self.view(), op, (left.ty, a.span), (right.ty, b.span), span));
        }
        let (left, right) = self.widen_to_float(left, right);
        let op = match op {
            BinaryOp::Lt => ir::BinaryOp::Lt,
            BinaryOp::Le => ir::BinaryOp::Le,
            BinaryOp::Gt => ir::BinaryOp::Gt,
            _ => ir::BinaryOp::Ge,
        };
        Typed::new(ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.place(span)), Ty::BOOL, flow)
    }

    /// Converts an int operand to float when the other one is a float.
    fn widen_to_float(&mut self, left: Typed, right: Typed) -> (Typed, Typed) {
        let (x, y) = (self.types.base(left.ty), self.types.base(right.ty));
        let float = |t: Typed| match t.ir {
            ir::Expr::Const(ir::Const::Int(n)) => {
                Typed::new(ir::Expr::Const(ir::Const::Float(n as f64)), Ty::FLOAT, t.flow)
            }
            other => Typed::new(ir::Expr::ToFloat(Box::new(other)), Ty::FLOAT, t.flow),
        };
        match (x, y) {
            (Ty::INT, Ty::FLOAT) => (float(left), right),
            (Ty::FLOAT, Ty::INT) => (left, float(right)),
            _ => (left, right),
        }
    }

    fn infer_arithmetic(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        let left = self.infer(a);
        let right = match self.types.kind(self.types.base(left.ty)) {
            TyKind::List(_) if op == BinaryOp::Add => {
                let list = self.types.base(left.ty);
                match &b.kind {
                    ExprKind::List(items) if !items.is_empty() || list != Ty::ERROR => self.check(b, list),
                    _ => self.infer(b),
                }
            }
            _ => self.infer(b),
        };
        let flow = left.flow.clone().join(&right.flow);
        let (x, y) = (self.types.base(left.ty), self.types.base(right.ty));
        if x == Ty::ERROR || y == Ty::ERROR {
            return Typed::error();
        }
        let number = |t: Ty| matches!(t, Ty::INT | Ty::FLOAT);
        let ty = match (op, x, y) {
            (_, Ty::INT, Ty::INT) => Some(Ty::INT),
            (_, p, q) if number(p) && number(q) => Some(Ty::FLOAT),
            (BinaryOp::Add | BinaryOp::Sub, p, q) if p == q && matches!(p, Ty::DURATION | Ty::MONEY) => Some(p),
            (BinaryOp::Mul, p @ (Ty::DURATION | Ty::MONEY), q) | (BinaryOp::Mul, q, p @ (Ty::DURATION | Ty::MONEY))
                if number(q) =>
            {
                Some(p)
            }
            (BinaryOp::Div, p @ (Ty::DURATION | Ty::MONEY), q) if number(q) => Some(p),
            (BinaryOp::Div, p @ (Ty::DURATION | Ty::MONEY), q) if p == q => Some(Ty::FLOAT),
            (BinaryOp::Add, Ty::STRING, Ty::STRING) => Some(Ty::STRING),
            (BinaryOp::Add, p, q) => match (self.types.kind(p).clone(), self.types.kind(q).clone()) {
                (TyKind::List(s), TyKind::List(t)) => self.types.join(s, t).map(|e| self.types.list(e)),
                (TyKind::Map(s), TyKind::Map(t)) => self.types.join(s, t).map(|e| self.types.map(e)),
                _ => None,
            },
            _ => None,
        };
        let Some(ty) = ty else {
            self.report(operators::wrong_operands(self.view(), op, (left.ty, a.span), (right.ty, b.span), span));
            return Typed::error();
        };
        let (left, right) = if ty == Ty::FLOAT && number(x) { self.widen_to_float(left, right) } else { (left, right) };
        let ir_op = match op {
            BinaryOp::Add => ir::BinaryOp::Add,
            BinaryOp::Sub => ir::BinaryOp::Sub,
            BinaryOp::Mul => ir::BinaryOp::Mul,
            BinaryOp::Div => ir::BinaryOp::Div,
            _ => ir::BinaryOp::Rem,
        };
        Typed::new(ir::Expr::Binary(ir_op, Box::new(left.ir), Box::new(right.ir), self.place(span)), ty, flow)
    }
}
