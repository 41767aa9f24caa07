//! Operators on two values.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Span};
use cascade_ir as ir;

use super::{BodyChecker, Typed, variables::Target};
use crate::{
    checks::operators,
    scope::not_null_paths,
    types::{Ty, TyKind},
};

/// The place of a division of integers that decides the value of an arithmetic expression.
fn find_division(e: &ir::Expr) -> Option<ir::Place> {
    match e {
        ir::Expr::Binary(ir::BinaryOp::Div, _, _, place) => Some(*place),
        ir::Expr::Binary(ir::BinaryOp::Add | ir::BinaryOp::Sub | ir::BinaryOp::Mul, left, right, _) => {
            find_division(left).or_else(|| find_division(right))
        }
        ir::Expr::Neg(inner, _) => find_division(inner),
        _ => None,
    }
}

impl BodyChecker<'_> {
    /// Infers `a op b`.
    pub(super) fn infer_binary(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        match op {
            BinaryOp::Coalesce => self.infer_coalesce(a, b, None),
            BinaryOp::And | BinaryOp::Or => self.infer_logic(a, op, b),
            BinaryOp::Eq | BinaryOp::Ne => self.infer_equality(a, op, b, span),
            BinaryOp::In | BinaryOp::NotIn => self.infer_membership(a, op, b, span),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => self.infer_comparison(a, op, b, span),
            _ => self.infer_arithmetic(a, op, b, span),
        }
    }

    fn infer_logic(&mut self, a: &Expr, op: BinaryOp, b: &Expr) -> Typed {
        let left = self.check(a, Ty::BOOL);
        let mark = self.enter_scope(b.span);
        let facts = not_null_paths(a);
        self.assume_not_null(if op == BinaryOp::And { &facts.when_true } else { &facts.when_false });
        let right = self.check(b, Ty::BOOL);
        self.leave_scope(mark);
        let flow = left.flow.join(&right.flow);
        let (left, right) = (Box::new(left.ir), Box::new(right.ir));
        let ir = if op == BinaryOp::And { ir::Expr::And(left, right) } else { ir::Expr::Or(left, right) };
        Typed::new(ir, Ty::BOOL, flow)
    }

    /// Infers `a ?? b`.
    pub(super) fn infer_coalesce(&mut self, a: &Expr, b: &Expr, expected: Option<Ty>) -> Typed {
        let left = match expected {
            Some(ty) if matches!(a.kind, ExprKind::Call { .. }) => {
                let optional = self.context.types.optional(ty);
                let ExprKind::Call { callee, args, args_span } = &a.kind else { return Typed::error() };
                let left = self.infer_call(a, callee, args, *args_span, Some(optional));
                self.context.record_type(a.span, left.ty, &left.flow);
                left
            }
            _ => self.infer(a),
        };
        let inner = self.context.types.non_null(left.ty);
        if self.report_nothing(a) {
            // Reported: both outcomes look the same.
        } else if inner == left.ty && left.ty != Ty::ERROR && left.ty != Ty::JSON && left.ty != Ty::NEVER {
            self.context.report(operators::coalescing_of_value(self.context.view(), left.ty, a.span));
        }
        let target = match expected {
            Some(ty) if inner == Ty::NEVER || self.context.types.fits(inner, ty) => ty,
            _ => inner,
        };
        if let ExprKind::Binary(_, op, _) = &b.kind
            && ![Ty::BOOL, Ty::ERROR, Ty::JSON, Ty::NEVER].contains(&target)
            && let Some(mistake) = operators::comparison_after_coalesce(self.context.view(), *op, b.span)
        {
            self.context.report(mistake);
            return Typed::error();
        }
        let right = if target == Ty::NEVER { self.infer(b) } else { self.check_or_optional(b, target) };
        let ty =
            if target == Ty::NEVER { right.ty } else { self.context.types.join(target, right.ty).unwrap_or(target) };
        let flow = left.flow.join(&right.flow);
        Typed::new(ir::Expr::Coalesce(Box::new(left.ir), Box::new(right.ir)), ty, flow)
    }

    /// Checks an expression against a type, or else against that type made optional.
    fn check_or_optional(&mut self, e: &Expr, ty: Ty) -> Typed {
        match &e.kind {
            ExprKind::Null => self.infer(e),
            ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Call { .. } | ExprKind::Index { .. } => {
                let optional = self.context.types.optional(ty);
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
        self.context.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    fn infer_expecting_kind(&mut self, e: &Expr, expected: Ty) -> Typed {
        match &e.kind {
            ExprKind::Name(name) if !matches!(self.probe(name), Target::Local(_)) => {
                let wanted = self.context.types.base(self.context.types.non_null(expected));
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
                    let base = self.context.types.base(self.context.types.non_null(left.ty));
                    let text = matches!(b.kind, ExprKind::Str(_));
                    if text && base != Ty::PATH { self.infer(b) } else { self.check(b, base) }
                }
                _ => self.infer_expecting(b, left.ty),
            };
            (left, right)
        };
        let types = &self.context.types;
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
            self.context.report(operators::never_equal(self.context.view(), left.ty, right.ty, span));
        } else if self.report_nothing(a) || self.report_nothing(b) {
            // Reported: both outcomes look the same.
        } else if (left.ty == Ty::NULL) != (right.ty == Ty::NULL) {
            let other = if left.ty == Ty::NULL { (right.ty, b.span) } else { (left.ty, a.span) };
            self.context.report(operators::never_null(self.context.view(), other, span));
        }
        let flow = left.flow.join(&right.flow);
        let op = if op == BinaryOp::Eq { ir::BinaryOp::Eq } else { ir::BinaryOp::Ne };
        Typed::new(
            ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.context.place(span)),
            Ty::BOOL,
            flow,
        )
    }

    /// Reports the use of a stage that gives nothing and has `on error skip`: its value is null whether it
    /// succeeded or not.
    pub(super) fn report_nothing(&mut self, e: &Expr) -> bool {
        let ExprKind::Name(name) = &e.kind else { return false };
        let Target::Local(index) = self.probe(name) else { return false };
        let local = self.scope.local(index);
        if !local.gives_nothing {
            return false;
        }
        let declared = local.span;
        self.context.report(operators::says_nothing(self.context.view(), name, declared));
        true
    }

    fn are_comparable_lists(&self, a: Ty, b: Ty) -> bool {
        match (self.context.types.kind(a), self.context.types.kind(b)) {
            (TyKind::List(x), TyKind::List(y)) => self.context.types.fits(*x, *y) || self.context.types.fits(*y, *x),
            _ => false,
        }
    }

    /// Infers `x in xs` and `x not in xs`, where `xs` is a list, a map (its keys) or a text (its parts).
    fn infer_membership(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        // A variant without its enum takes the type of the elements, and a list literal that of the value.
        let bare = matches!(&a.kind, ExprKind::Name(n) if self.probe(n) == Target::Unknown);
        let (value, container) = if bare || !matches!(b.kind, ExprKind::List(_)) {
            let container = self.infer(b);
            let wanted = match *self.context.types.kind(self.context.types.base(container.ty)) {
                TyKind::List(element) => element,
                TyKind::Map(_) | TyKind::String => Ty::STRING,
                _ => Ty::ERROR,
            };
            (self.infer_expecting(a, wanted), container)
        } else {
            let value = self.infer(a);
            let list = self.context.types.list(value.ty);
            (value, self.check(b, list))
        };
        let flow = value.flow.clone().join(&container.flow);
        let base = self.context.types.base(container.ty);
        let fits = match *self.context.types.kind(base) {
            TyKind::List(element) => {
                let (x, y) = (self.context.types.non_null(value.ty), self.context.types.non_null(element));
                self.context.types.fits(x, y)
                    || self.context.types.fits(y, x)
                    || self.context.types.base(x) == self.context.types.base(y)
                    || matches!(
                        (self.context.types.base(x), self.context.types.base(y)),
                        (Ty::STRING, Ty::PATH) | (Ty::PATH, Ty::STRING)
                    )
            }
            TyKind::Map(_) | TyKind::String => matches!(self.context.types.base(value.ty), Ty::STRING | Ty::ERROR),
            TyKind::Error => true,
            _ => false,
        };
        if !fits {
            self.context.report(operators::wrong_membership(
                self.context.view(),
                (value.ty, a.span),
                (container.ty, b.span),
                span,
            ));
            return Typed::new(ir::Expr::Const(ir::Const::Bool(false)), Ty::BOOL, flow);
        }
        let place = self.context.place(span);
        let contains = ir::Expr::Builtin(ir::Builtin::Contains, vec![container.ir, value.ir], place);
        let ir = if op == BinaryOp::In { contains } else { ir::Expr::Not(Box::new(contains)) };
        Typed::new(ir, Ty::BOOL, flow)
    }

    fn infer_comparison(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        let (left, right) = (self.infer(a), self.infer(b));
        let flow = left.flow.clone().join(&right.flow);
        let types = &self.context.types;
        let (x, y) = (types.base(left.ty), types.base(right.ty));
        let fine = x == Ty::ERROR
            || y == Ty::ERROR
            || (types.is_ordered(x) && x == y)
            || (types.numeric(x) && types.numeric(y));
        // `a < b < c` was reported by the parser.
        let chained = |e: &Expr| {
            matches!(e.kind, ExprKind::Binary(_, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge, _))
        };
        if !fine && !chained(a) && !chained(b) {
            self.report_wrong_operands(op, (left.ty, a.span), (right.ty, b.span), span);
        }
        let (left, right) = self.widen_to_float(left, right);
        let op = match op {
            BinaryOp::Lt => ir::BinaryOp::Lt,
            BinaryOp::Le => ir::BinaryOp::Le,
            BinaryOp::Gt => ir::BinaryOp::Gt,
            _ => ir::BinaryOp::Ge,
        };
        Typed::new(
            ir::Expr::Binary(op, Box::new(left.ir), Box::new(right.ir), self.context.place(span)),
            Ty::BOOL,
            flow,
        )
    }

    /// Reports a division of integers whose value becomes a float: its fraction is lost before that.
    pub(super) fn report_whole_division(&mut self, value: &Typed) {
        if self.context.types.base(value.ty) != Ty::INT {
            return;
        }
        let Some(place) = find_division(&value.ir) else { return };
        let Some(found) = self.whole_divisions.iter().rfind(|division| division.place == place).copied() else {
            return;
        };
        let (left, right) = (self.context.source_text(found.left), self.context.source_text(found.right));
        self.context.report(operators::whole_division(self.context.view(), found.left.to(found.right), left, right));
    }

    /// Converts an int operand to float when the other one is a float.
    fn widen_to_float(&mut self, left: Typed, right: Typed) -> (Typed, Typed) {
        let (x, y) = (self.context.types.base(left.ty), self.context.types.base(right.ty));
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

    /// Reports an operator whose operands, given with their types and places, do not go together.
    fn report_wrong_operands(&mut self, op: BinaryOp, left: (Ty, Span), right: (Ty, Span), span: Span) {
        self.context.report(operators::wrong_operands(self.context.view(), op, left, right, span));
    }

    fn infer_arithmetic(&mut self, a: &Expr, op: BinaryOp, b: &Expr, span: Span) -> Typed {
        let left = self.infer(a);
        let right = match self.context.types.kind(self.context.types.base(left.ty)) {
            TyKind::List(_) if op == BinaryOp::Add => {
                let list = self.context.types.base(left.ty);
                match &b.kind {
                    ExprKind::List(items) if !items.is_empty() || list != Ty::ERROR => self.check(b, list),
                    _ => self.infer(b),
                }
            }
            _ => self.infer(b),
        };
        let flow = left.flow.clone().join(&right.flow);
        let (x, y) = (self.context.types.base(left.ty), self.context.types.base(right.ty));
        if x == Ty::ERROR || y == Ty::ERROR {
            return Typed::error();
        }
        let number = |t: Ty| matches!(t, Ty::INT | Ty::FLOAT);
        let ty = match (op, x, y) {
            (_, Ty::INT, Ty::INT) => Some(Ty::INT),
            (_, p, q) if number(p) && number(q) => Some(Ty::FLOAT),
            (BinaryOp::Add | BinaryOp::Sub, p, q) if p == q && matches!(p, Ty::DURATION | Ty::MONEY) => Some(p),
            (BinaryOp::Sub, Ty::TIME, Ty::TIME) => Some(Ty::DURATION),
            (BinaryOp::Add | BinaryOp::Sub, Ty::TIME, Ty::DURATION) | (BinaryOp::Add, Ty::DURATION, Ty::TIME) => {
                Some(Ty::TIME)
            }
            (BinaryOp::Mul, p @ (Ty::DURATION | Ty::MONEY), q) | (BinaryOp::Mul, q, p @ (Ty::DURATION | Ty::MONEY))
                if number(q) =>
            {
                Some(p)
            }
            (BinaryOp::Div, p @ (Ty::DURATION | Ty::MONEY), q) if number(q) => Some(p),
            (BinaryOp::Div, p @ (Ty::DURATION | Ty::MONEY), q) if p == q => Some(Ty::FLOAT),
            (BinaryOp::Add, Ty::STRING, Ty::STRING) => Some(Ty::STRING),
            (BinaryOp::Add, p, q) => match (self.context.types.kind(p).clone(), self.context.types.kind(q).clone()) {
                (TyKind::List(s), TyKind::List(t)) => self.context.types.join(s, t).map(|e| self.context.types.list(e)),
                (TyKind::Map(s), TyKind::Map(t)) => self.context.types.join(s, t).map(|e| self.context.types.map(e)),
                _ => None,
            },
            _ => None,
        };
        let Some(ty) = ty else {
            self.report_wrong_operands(op, (left.ty, a.span), (right.ty, b.span), span);
            return Typed::error();
        };
        let (left, right) = if ty == Ty::FLOAT && number(x) {
            self.report_whole_division(&left);
            self.report_whole_division(&right);
            self.widen_to_float(left, right)
        } else {
            (left, right)
        };
        if (op, ty) == (BinaryOp::Div, Ty::INT) {
            let place = self.context.place(span);
            self.whole_divisions.push(super::WholeDivision { place, left: a.span, right: b.span });
        }
        let ir_op = match op {
            BinaryOp::Add => ir::BinaryOp::Add,
            BinaryOp::Sub => ir::BinaryOp::Sub,
            BinaryOp::Mul => ir::BinaryOp::Mul,
            BinaryOp::Div => ir::BinaryOp::Div,
            _ => ir::BinaryOp::Rem,
        };
        Typed::new(ir::Expr::Binary(ir_op, Box::new(left.ir), Box::new(right.ir), self.context.place(span)), ty, flow)
    }
}
