//! Operators on two values.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Span};
use cascade_ir as ir;

use super::{
    body::{Body, Target, Typed},
    narrow,
};
use crate::{
    codes,
    types::{Ty, TyKind},
};

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Coalesce => "??",
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}

impl<'a> Body<'_, 'a> {
    /// `a op b`.
    pub fn binary(&mut self, a: &'a Expr, op: BinaryOp, b: &'a Expr, span: Span) -> Typed {
        match op {
            BinaryOp::Coalesce => self.coalesce(a, b, None),
            BinaryOp::And | BinaryOp::Or => self.logic(a, op, b),
            BinaryOp::Eq | BinaryOp::Ne => self.equality(a, op, b, span),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => self.order(a, op, b, span),
            _ => self.arithmetic(a, op, b, span),
        }
    }

    fn logic(&mut self, a: &'a Expr, op: BinaryOp, b: &'a Expr) -> Typed {
        let left = self.check(a, Ty::BOOL);
        let mark = self.enter(b.span);
        let facts = narrow::facts(a);
        self.assume(if op == BinaryOp::And { &facts.when_true } else { &facts.when_false });
        let right = self.check(b, Ty::BOOL);
        self.leave(mark);
        let flow = left.flow.join(&right.flow);
        let (left, right) = (Box::new(left.ir), Box::new(right.ir));
        let ir = if op == BinaryOp::And { ir::Expr::And(left, right) } else { ir::Expr::Or(left, right) };
        Typed::new(ir, Ty::BOOL, flow)
    }

    /// `a ?? b`.
    pub fn coalesce(&mut self, a: &'a Expr, b: &'a Expr, expected: Option<Ty>) -> Typed {
        let left = match expected {
            Some(ty) if matches!(a.kind, ExprKind::Call { .. }) => {
                let optional = self.cx.types.optional(ty);
                let ExprKind::Call { callee, args, args_span } = &a.kind else { return Typed::error() };
                let left = self.call(a, callee, args, *args_span, Some(optional));
                self.record_type(a.span, left.ty, &left.flow);
                left
            }
            _ => self.infer(a),
        };
        let inner = self.cx.types.non_null(left.ty);
        if inner == left.ty && left.ty != Ty::ERROR && left.ty != Ty::JSON && left.ty != Ty::NEVER {
            let shown = self.show(left.ty);
            let d = self
                .diag(codes::OPERATOR, a.span, "`??` has no effect: the value before it is never null")
                .label(format!("`{shown}`"))
                .help("remove `??` and what follows it");
            self.report(d);
        }
        let target = match expected {
            Some(ty) if inner == Ty::NEVER || self.cx.types.fits(inner, ty) => ty,
            _ => inner,
        };
        let right = if target == Ty::NEVER { self.infer(b) } else { self.check_or_join(b, target) };
        let ty = if target == Ty::NEVER { right.ty } else { self.cx.types.join(target, right.ty).unwrap_or(target) };
        let flow = left.flow.join(&right.flow);
        Typed::new(ir::Expr::Coalesce(Box::new(left.ir), Box::new(right.ir)), ty, flow)
    }

    /// A value of the type, or of the type made optional.
    fn check_or_join(&mut self, e: &'a Expr, ty: Ty) -> Typed {
        match &e.kind {
            ExprKind::Null => self.infer(e),
            ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Call { .. } | ExprKind::Index { .. } => {
                let optional = self.cx.types.optional(ty);
                let value = self.check_loose(e, optional);
                match self.try_coerce(value, ty, e.span) {
                    Ok(typed) => typed,
                    Err(value) => self.coerce(value, optional, e.span),
                }
            }
            _ => self.check(e, ty),
        }
    }

    /// Like `check`, but what does not fit is left to the caller.
    fn check_loose(&mut self, e: &'a Expr, expected: Ty) -> Typed {
        let typed = self.check_loose_kind(e, expected);
        self.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    fn check_loose_kind(&mut self, e: &'a Expr, expected: Ty) -> Typed {
        match &e.kind {
            ExprKind::Name(name) if !matches!(self.probe(name), Target::Local(_)) => {
                let wanted = self.cx.types.base(self.cx.types.non_null(expected));
                self.variant_named(name, wanted).unwrap_or_else(|| self.infer(e))
            }
            ExprKind::Call { callee, args, args_span } => self.call(e, callee, args, *args_span, Some(expected)),
            _ => self.infer(e),
        }
    }

    fn equality(&mut self, a: &'a Expr, op: BinaryOp, b: &'a Expr, span: Span) -> Typed {
        // A bare variant takes its type from the other side.
        let bare =
            |body: &Self, e: &Expr| matches!(&e.kind, ExprKind::Name(n) if !matches!(body.probe(n), Target::Local(_)));
        let (left, right) = if bare(self, a) && !bare(self, b) {
            let right = self.infer(b);
            (self.check_loose(a, right.ty), right)
        } else {
            let left = self.infer(a);
            let right = match &b.kind {
                ExprKind::Null => self.infer(b),
                _ if left.ty == Ty::ERROR => self.infer(b),
                ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Str(_) => {
                    let base = self.cx.types.base(self.cx.types.non_null(left.ty));
                    let text = matches!(b.kind, ExprKind::Str(_));
                    if text && base != Ty::PATH { self.infer(b) } else { self.check(b, base) }
                }
                _ => self.check_loose(b, left.ty),
            };
            (left, right)
        };
        let types = &self.cx.types;
        let (x, y) = (types.base(types.non_null(left.ty)), types.base(types.non_null(right.ty)));
        let comparable = x == Ty::ERROR
            || y == Ty::ERROR
            || types.fits(x, y)
            || types.fits(y, x)
            || (types.numeric(x) && types.numeric(y))
            || left.ty == Ty::NULL
            || right.ty == Ty::NULL
            || self.list_like(x, y);
        if !comparable {
            let (p, q) = (self.show(left.ty), self.show(right.ty));
            let d = self
                .diag(codes::OPERATOR, span, format!("`{p}` and `{q}` are never equal"))
                .label("always the same answer");
            self.report(d);
        } else if (left.ty == Ty::NULL) != (right.ty == Ty::NULL) {
            let (other, side) = if left.ty == Ty::NULL { (right.ty, b) } else { (left.ty, a) };
            if !self.cx.types.nullable(other) {
                let shown = self.show(other);
                let d = self.diag(codes::OPERATOR, span, "this is never null").label("always the same answer");
                let source = self.source();
                let d = d.also(source, side.span, format!("`{shown}`"));
                self.report(d);
            }
        }
        let flow = left.flow.join(&right.flow);
        let op = if op == BinaryOp::Eq { ir::BinaryOp::Eq } else { ir::BinaryOp::Ne };
        Typed::new(ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.place(span)), Ty::BOOL, flow)
    }

    fn list_like(&self, a: Ty, b: Ty) -> bool {
        match (self.cx.types.kind(a), self.cx.types.kind(b)) {
            (TyKind::List(x), TyKind::List(y)) => self.cx.types.fits(*x, *y) || self.cx.types.fits(*y, *x),
            _ => false,
        }
    }

    fn order(&mut self, a: &'a Expr, op: BinaryOp, b: &'a Expr, span: Span) -> Typed {
        let (left, right) = (self.infer(a), self.infer(b));
        let flow = left.flow.clone().join(&right.flow);
        let types = &self.cx.types;
        let (x, y) = (types.base(left.ty), types.base(right.ty));
        let fine =
            x == Ty::ERROR || y == Ty::ERROR || (types.ordered(x) && x == y) || (types.numeric(x) && types.numeric(y));
        // `a < b < c` was reported by the parser.
        let chained = |e: &Expr| {
            matches!(e.kind, ExprKind::Binary(_, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge, _))
        };
        if !fine && !chained(a) && !chained(b) {
            self.operator_error(op, &left, &right, a.span, b.span, span);
        }
        let (left, right) = self.widen(left, right);
        let op = match op {
            BinaryOp::Lt => ir::BinaryOp::Lt,
            BinaryOp::Le => ir::BinaryOp::Le,
            BinaryOp::Gt => ir::BinaryOp::Gt,
            _ => ir::BinaryOp::Ge,
        };
        Typed::new(ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.place(span)), Ty::BOOL, flow)
    }

    /// When one side is int and the other float, both become float.
    fn widen(&mut self, left: Typed, right: Typed) -> (Typed, Typed) {
        let (x, y) = (self.cx.types.base(left.ty), self.cx.types.base(right.ty));
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

    fn arithmetic(&mut self, a: &'a Expr, op: BinaryOp, b: &'a Expr, span: Span) -> Typed {
        let left = self.infer(a);
        let right = match self.cx.types.kind(self.cx.types.base(left.ty)) {
            TyKind::List(_) if op == BinaryOp::Add => {
                let list = self.cx.types.base(left.ty);
                match &b.kind {
                    ExprKind::List(items) if !items.is_empty() || list != Ty::ERROR => self.check(b, list),
                    _ => self.infer(b),
                }
            }
            _ => self.infer(b),
        };
        let flow = left.flow.clone().join(&right.flow);
        let (x, y) = (self.cx.types.base(left.ty), self.cx.types.base(right.ty));
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
            (BinaryOp::Add, p, q) => match (self.cx.types.kind(p).clone(), self.cx.types.kind(q).clone()) {
                (TyKind::List(s), TyKind::List(t)) => self.cx.types.join(s, t).map(|e| self.cx.types.list(e)),
                (TyKind::Map(s), TyKind::Map(t)) => self.cx.types.join(s, t).map(|e| self.cx.types.map(e)),
                _ => None,
            },
            _ => None,
        };
        let Some(ty) = ty else {
            self.operator_error(op, &left, &right, a.span, b.span, span);
            return Typed::error();
        };
        let (left, right) = if ty == Ty::FLOAT && number(x) { self.widen(left, right) } else { (left, right) };
        let ir_op = match op {
            BinaryOp::Add => ir::BinaryOp::Add,
            BinaryOp::Sub => ir::BinaryOp::Sub,
            BinaryOp::Mul => ir::BinaryOp::Mul,
            BinaryOp::Div => ir::BinaryOp::Div,
            _ => ir::BinaryOp::Rem,
        };
        Typed::new(ir::Expr::Binary(ir_op, Box::new(left.ir), Box::new(right.ir), self.place(span)), ty, flow)
    }

    fn operator_error(&mut self, op: BinaryOp, left: &Typed, right: &Typed, a: Span, b: Span, span: Span) {
        let types = &self.cx.types;
        let nullable = [(left.ty, a), (right.ty, b)].into_iter().find(|(t, _)| types.nullable(*t) && *t != Ty::JSON);
        let (p, q) = (self.show(left.ty), self.show(right.ty));
        if let Some((ty, at)) = nullable {
            let shown = self.show(ty);
            let d = self
                .diag(codes::MAY_BE_NULL, at, format!("this may be null, and `{}` needs a value", symbol(op)))
                .label(format!("`{shown}`"))
                .help("give a value for null with `?? …`, or test it first: `if x != null { … }`");
            self.report(d);
            return;
        }
        let source = self.source();
        let mut d = self
            .diag(codes::OPERATOR, span, format!("`{}` does not work on `{p}` and `{q}`", symbol(op)))
            .also(source, a, format!("`{p}`"))
            .also(source, b, format!("`{q}`"));
        if op == BinaryOp::Add && (left.ty == Ty::STRING || right.ty == Ty::STRING) {
            d = d.help("put values into text: `\"$<a> and $<b>\"`");
        } else if left.ty == Ty::JSON || right.ty == Ty::JSON {
            d = d.help("say what the json is first: `… as int`");
        }
        self.report(d);
    }
}
