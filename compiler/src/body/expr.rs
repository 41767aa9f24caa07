//! Expressions: checked against a type where one is expected, inferred elsewhere.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Name, Span, UnaryOp};
use cascade_ir as ir;

use super::{BodyChecker, BodyKind, Typed, variables::Target};
use crate::{
    checks::{blocks::block_in_expression, names::deprecated_use, taint::carries_nothing},
    codes,
    flow::Flow,
    types::{Ty, TyKind},
    world::Def,
};

/// The IR of a constant.
pub(super) fn constant_expr(c: ir::Const) -> ir::Expr {
    ir::Expr::Const(c)
}

impl BodyChecker<'_> {
    /// Checks an expression against the type that is expected of it.
    pub(super) fn check(&mut self, e: &Expr, expected: Ty) -> Typed {
        self.context.record_expected(e, expected);
        let typed = self.check_kind(e, expected);
        self.context.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    /// Infers the type of an expression.
    pub(super) fn infer(&mut self, e: &Expr) -> Typed {
        let mut typed = self.infer_kind(e);
        // A number or a variant of an enum carries no text, also where it was a part of what does.
        if typed.flow != Flow::default() && carries_nothing(self.context.types, typed.ty) {
            typed.flow = Flow::default();
        }
        self.context.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    fn check_kind(&mut self, e: &Expr, expected: Ty) -> Typed {
        let wanted = self.context.types.base(self.context.types.non_null(expected));
        match &e.kind {
            ExprKind::Paren(inner) => return self.check(inner, expected),
            ExprKind::Record(entries) if expected != Ty::ERROR && e.kind != ExprKind::Null => {
                if let Some(typed) = self.check_record(entries, e.span, wanted) {
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::List(items) => {
                if let TyKind::List(element) = *self.context.types.kind(wanted) {
                    let typed = self.check_list(items, element, wanted);
                    return self.coerce(typed, expected, e.span);
                }
                if wanted == Ty::JSON {
                    let typed = self.check_list(items, Ty::JSON, Ty::JSON);
                    return self.coerce(typed, expected, e.span);
                }
                if wanted == Ty::MODEL {
                    let typed = self.check_list(items, Ty::MODEL, Ty::MODEL);
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::Name(name) if !matches!(self.probe(name), Target::Local(_)) => {
                if let Some(typed) = self.check_variant_name(name, wanted) {
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::Call { callee, args, args_span } => {
                if let ExprKind::Name(name) = &callee.kind
                    && !matches!(self.probe(name), Target::Local(_))
                    && let Some(typed) = self.check_variant_call(name, args, wanted)
                {
                    return self.coerce(typed, expected, e.span);
                }
                let typed = self.infer_call(e, callee, args, *args_span, Some(expected));
                return self.coerce(typed, expected, e.span);
            }
            ExprKind::Str(text) if wanted == Ty::JSON => {
                let mut typed = self.infer_text(text);
                if wanted == Ty::JSON && typed.ty == Ty::STRING {
                    typed.ty = Ty::JSON;
                }
                return self.coerce(typed, expected, e.span);
            }
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) if wanted == Ty::JSON => {
                let mut typed = self.infer(e);
                typed.ty = Ty::JSON;
                return typed;
            }
            ExprKind::Unary(UnaryOp::Neg, inner)
                if wanted == Ty::JSON && matches!(inner.kind, ExprKind::Int(_) | ExprKind::Float(_)) =>
            {
                let mut typed = self.infer(e);
                typed.ty = Ty::JSON;
                return typed;
            }
            ExprKind::Binary(a, BinaryOp::Coalesce, b) => {
                let typed = self.infer_coalesce(a, b, Some(expected));
                return self.coerce(typed, expected, e.span);
            }
            ExprKind::Binary(a, BinaryOp::Add, b) if matches!(self.context.types.kind(wanted), TyKind::List(_)) => {
                let (a, b) = (self.check(a, wanted), self.check(b, wanted));
                let flow = a.flow.join(&b.flow);
                let ir =
                    ir::Expr::Binary(ir::BinaryOp::Add, Box::new(a.ir), Box::new(b.ir), self.context.place(e.span));
                return self.coerce(Typed::new(ir, wanted, flow), expected, e.span);
            }
            ExprKind::If(x) => {
                if let Some(typed) = self.check_if_expr(x, Some(expected)) {
                    return self.coerce(typed, expected, e.span);
                }
                return Typed::error();
            }
            ExprKind::Match(x) => {
                if let Some(typed) = self.check_match_expr(x, e.span, Some(expected)) {
                    return self.coerce(typed, expected, e.span);
                }
                return Typed::error();
            }
            _ => {}
        }
        let typed = self.infer(e);
        self.coerce(typed, expected, e.span)
    }

    fn infer_kind(&mut self, e: &Expr) -> Typed {
        use ir::Const;
        let plain = |c: Const, ty: Ty| Typed::new(constant_expr(c), ty, Flow::default());
        match &e.kind {
            ExprKind::Null => plain(Const::Null, Ty::NULL),
            ExprKind::Bool(b) => plain(Const::Bool(*b), Ty::BOOL),
            ExprKind::Int(n) => plain(Const::Int(*n), Ty::INT),
            ExprKind::Float(x) => plain(Const::Float(*x), Ty::FLOAT),
            ExprKind::Duration(ms) => plain(Const::Duration(*ms), Ty::DURATION),
            ExprKind::Money(micro) => plain(Const::Money(*micro), Ty::MONEY),
            ExprKind::Str(text) => self.infer_text(text),
            ExprKind::Command(text) => self.infer_command(text),
            ExprKind::Name(name) => self.infer_name(name),
            ExprKind::List(items) => self.infer_list(items),
            ExprKind::Record(entries) => self.infer_record(entries),
            ExprKind::Field { receiver, name, safe } => self.infer_field(receiver, name, *safe, e),
            ExprKind::Index { receiver, index } => self.infer_index(receiver, index, e.span),
            ExprKind::Call { callee, args, args_span } => self.infer_call(e, callee, args, *args_span, None),
            ExprKind::Unary(op, inner) => self.infer_unary(*op, inner, e.span),
            ExprKind::Binary(a, op, b) => self.infer_binary(a, *op, b, e.span),
            ExprKind::Cast { value, ty, optional } => {
                let to = self.context.resolve_type(ty);
                self.infer_cast(value, to, *optional, e.span)
            }
            ExprKind::Lambda { .. } => {
                let d = self
                    .context
                    .diagnostic(codes::MISPLACED, e.span, "a lambda stands only as an argument of a method")
                    .label("not here")
                    .help("declare a `fn` for what is used in several places");
                self.context.report(d);
                Typed::error()
            }
            ExprKind::Paren(inner) => self.infer(inner),
            ExprKind::If(x) => self.check_if_expr(x, None).unwrap_or_else(Typed::error),
            ExprKind::Match(x) => self.check_match_expr(x, e.span, None).unwrap_or_else(Typed::error),
            ExprKind::Range(low, high) => {
                let (low, high) = (self.check(low, Ty::INT), self.check(high, Ty::INT));
                let flow = low.flow.join(&high.flow);
                let ir = ir::Expr::Builtin(ir::Builtin::Range, vec![low.ir, high.ir], self.context.place(e.span));
                Typed::new(ir, self.context.types.list(Ty::INT), flow)
            }
            ExprKind::For(_)
            | ExprKind::Repeat(_)
            | ExprKind::Parallel(_)
            | ExprKind::Swarm(_)
            | ExprKind::Sandbox(_) => {
                let word = match &e.kind {
                    ExprKind::For(_) => "for",
                    ExprKind::Repeat(_) => "repeat",
                    ExprKind::Parallel(_) => "parallel",
                    ExprKind::Swarm(_) => "swarm",
                    _ => "sandbox",
                };
                self.report_inner_block(word, e.span);
                Typed::error()
            }
            ExprKind::Error => Typed::error(),
        }
    }

    /// Reports a block with stages in the middle of an expression.
    pub(super) fn report_inner_block(&mut self, word: &str, span: Span) {
        let in_cascade = self.kind == BodyKind::Cascade;
        self.context.report(block_in_expression(self.context.view(), word, span, in_cascade));
    }

    /// Converts a value to the type that is expected of it, or reports a mismatch.
    pub(super) fn coerce(&mut self, value: Typed, expected: Ty, span: Span) -> Typed {
        match self.try_coerce(value, expected, span) {
            Ok(typed) => typed,
            Err(value) => {
                self.context.report_mismatch(value.ty, expected, span);
                Typed { ty: Ty::ERROR, ..value }
            }
        }
    }

    /// Converts a value to the type that is expected of it; gives the value back where that is impossible.
    pub(super) fn try_coerce(&mut self, value: Typed, expected: Ty, span: Span) -> Result<Typed, Typed> {
        let types = &self.context.types;
        if types.fits(value.ty, expected) {
            let ty = if value.ty == Ty::ERROR { Ty::ERROR } else { expected };
            return Ok(Typed { ty, ..value });
        }
        if let TyKind::Optional(inner) = *types.kind(expected)
            && !types.nullable(value.ty)
        {
            return self.try_coerce(value, inner, span).map(|t| Typed { ty: expected, ..t });
        }
        if let TyKind::Refined(base, r) = *types.kind(expected) {
            let refinement = types.refinements[r as usize].clone();
            let inner = self.try_coerce(value, base, span)?;
            let ir = ir::Expr::Refine(Box::new(inner.ir), Box::new(refinement), self.context.place(span));
            return Ok(Typed { ir, ty: expected, flow: inner.flow });
        }
        if self.stands_for(value.ty, expected) {
            let target = types.lower(expected);
            let ir = ir::Expr::Cast(Box::new(value.ir), Box::new(target), self.context.place(span));
            return Ok(Typed { ir, ty: expected, flow: value.flow });
        }
        if expected == Ty::FLOAT && types.base(value.ty) == Ty::INT {
            self.report_whole_division(&value);
            let ir = match value.ir {
                ir::Expr::Const(ir::Const::Int(n)) => constant_expr(ir::Const::Float(n as f64)),
                other => ir::Expr::ToFloat(Box::new(other)),
            };
            return Ok(Typed { ir, ty: Ty::FLOAT, flow: value.flow });
        }
        Err(value)
    }

    /// Whether a text or a path stands for a value of another type, into which it is cast.
    fn stands_for(&self, ty: Ty, expected: Ty) -> bool {
        let types = &self.context.types;
        let base = types.base(ty);
        // What a path names is read when the stage begins: then it is a file.
        let element_fits =
            |from: Ty, to: Ty| (to == Ty::PATH && from == Ty::STRING) || (types.artifact(to) && from == Ty::PATH);
        match (types.kind(base), types.kind(expected)) {
            // In a test a text stands for a secret or a file.
            _ if self.kind == BodyKind::Test && (expected == Ty::SECRET || types.artifact(expected)) => {
                matches!(base, Ty::STRING | Ty::PATH)
            }
            // A list of texts is a list of paths: what a program printed, line by line.
            (TyKind::List(from), TyKind::List(to)) => element_fits(types.base(*from), *to),
            _ => element_fits(base, expected),
        }
    }

    /// Infers a name that stands for a value.
    fn infer_name(&mut self, name: &Name) -> Typed {
        if name.text.is_empty() {
            return Typed::error();
        }
        let target = self.resolve(name);
        if let Target::Local(index) = target {
            return self.read_variable(name, index);
        }
        let found = match target {
            Target::Declared(def) => Some(def),
            _ => None,
        };
        if let (Some(def @ (Def::Model(_) | Def::Route(_))), false) =
            (found, self.context.world.declared.deprecated.is_empty())
        {
            self.context.report(deprecated_use(self.context.view(), def, &name.text, name.span));
        }
        match found {
            Some(Def::Model(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Model(id)), Ty::MODEL, Flow::default()),
            Some(Def::Route(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Route(id)), Ty::MODEL, Flow::default()),
            Some(Def::Const(id)) => self.read_constant(id),
            Some(Def::Missing) => Typed::error(),
            Some(def @ (Def::Skill(_) | Def::Cascade(_) | Def::Fn(_))) => {
                let d = self
                    .context
                    .diagnostic(
                        codes::MISMATCH,
                        name.span,
                        format!("`{}` is {}, not a value", name.text, def.kind_name()),
                    )
                    .label("call it: `(…)`");
                self.context.report(d);
                Typed::error()
            }
            Some(def) => {
                let d = self
                    .context
                    .diagnostic(
                        codes::MISMATCH,
                        name.span,
                        format!("`{}` is {}, not a value", name.text, def.kind_name()),
                    )
                    .label("a value is needed here");
                let d = match def {
                    Def::Memory(_) => d.help(format!("read one of its keys: `{}.key`", name.text)),
                    Def::Type(_) => d.help(format!("a variant is written `{}.name`", name.text)),
                    _ => d,
                };
                self.context.report(d);
                Typed::error()
            }
            None => {
                self.report_unknown_value(name);
                Typed::error()
            }
        }
    }

    /// The value of a constant of a file: written out where it is a literal, so that bounds see it.
    pub(super) fn read_constant(&mut self, id: ir::FnId) -> Typed {
        let signature = &self.context.world.declared.fns[id.index()];
        let ir = signature.literal.clone().unwrap_or_else(|| ir::Expr::Call(id, Vec::new()));
        Typed::new(ir, signature.result, Flow::default())
    }

    /// Infers `not x` and `-x`.
    fn infer_unary(&mut self, op: UnaryOp, inner: &Expr, span: Span) -> Typed {
        match op {
            UnaryOp::Not => {
                let value = self.check(inner, Ty::BOOL);
                Typed::new(ir::Expr::Not(Box::new(value.ir)), Ty::BOOL, value.flow)
            }
            UnaryOp::Neg => {
                let value = self.infer(inner);
                let base = self.context.types.base(value.ty);
                match (base, &value.ir) {
                    (Ty::INT, ir::Expr::Const(ir::Const::Int(n))) => match n.checked_neg() {
                        Some(n) => Typed::new(constant_expr(ir::Const::Int(n)), Ty::INT, value.flow),
                        None => Typed::error(),
                    },
                    (Ty::FLOAT, ir::Expr::Const(ir::Const::Float(x))) => {
                        Typed::new(constant_expr(ir::Const::Float(-x)), Ty::FLOAT, value.flow)
                    }
                    (Ty::INT | Ty::FLOAT | Ty::DURATION | Ty::MONEY | Ty::ERROR | Ty::NEVER, _) => {
                        Typed::new(ir::Expr::Neg(Box::new(value.ir), self.context.place(span)), base, value.flow)
                    }
                    _ => {
                        let shown = self.context.type_text(value.ty);
                        let d = self
                            .context
                            .diagnostic(codes::OPERATOR, span, format!("`-` does not work on `{shown}`"))
                            .label("a number is needed");
                        self.context.report(d);
                        Typed::error()
                    }
                }
            }
        }
    }

    /// Infers `x as T` and `x as? T`.
    fn infer_cast(&mut self, value: &Expr, to: Ty, optional: bool, span: Span) -> Typed {
        let value = self.infer(value);
        let from = self.context.types.base(self.context.types.non_null(value.ty));
        let target = self.context.types.base(self.context.types.non_null(to));
        let possible = from == Ty::ERROR
            || to == Ty::ERROR
            || from == Ty::JSON
            || target == Ty::JSON
            || (from == Ty::STRING && (target == Ty::PATH || self.context.types.variants(target).is_some()))
            || (from == Ty::PATH && target == Ty::STRING)
            || (matches!(from, Ty::STRING | Ty::PATH) && self.context.types.artifact(target))
            || self.context.types.fits(from, target)
            || self.context.types.fits(target, from)
            || self.context.types.fields(from).is_some() && self.context.types.fields(target).is_some();
        if !possible {
            let (a, b) = (self.context.type_text(value.ty), self.context.type_text(to));
            let d = self
                .context
                .diagnostic(codes::MISMATCH, span, format!("`{a}` can never be read as `{b}`"))
                .label("not possible")
                .help("`as` reads `json`, tells apart what may be null, and makes `path` of text");
            self.context.report(d);
            return Typed::error();
        }
        if value.ty == Ty::SECRET || self.context.types.holds_secret(value.ty) {
            let d = self
                .context
                .diagnostic(codes::SECRET_LEAK, span, "a secret cannot be read as something else")
                .label("would become visible");
            self.context.report(d);
            return Typed::error();
        }
        let ty = self.context.types.lower(to);
        if optional {
            let result = self.context.types.optional(to);
            Typed::new(ir::Expr::TryCast(Box::new(value.ir), Box::new(ty)), result, value.flow)
        } else {
            Typed::new(ir::Expr::Cast(Box::new(value.ir), Box::new(ty), self.context.place(span)), to, value.flow)
        }
    }
}
