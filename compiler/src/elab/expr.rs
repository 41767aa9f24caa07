//! Expressions: types flow in where something is expected and out where it is not.

use cascade_grammar::ast::{BinaryOp, Expr, ExprKind, Name, Span, UnaryOp};
use cascade_ir as ir;

use super::{
    Def,
    body::{Body, Kind, LocalKind, Target, Typed},
    narrow,
};
use crate::{
    codes,
    flow::Flow,
    types::{Ty, TyKind},
};

/// A literal as an instruction.
pub(crate) fn constant(c: ir::Const) -> ir::Expr {
    ir::Expr::Const(c)
}

impl<'a> Body<'_, 'a> {
    /// The value of an expression where a type is expected.
    pub fn check(&mut self, e: &'a Expr, expected: Ty) -> Typed {
        let typed = self.check_kind(e, expected);
        self.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    /// The value of an expression by itself.
    pub fn infer(&mut self, e: &'a Expr) -> Typed {
        let typed = self.infer_kind(e);
        self.record_type(e.span, typed.ty, &typed.flow);
        typed
    }

    fn check_kind(&mut self, e: &'a Expr, expected: Ty) -> Typed {
        let wanted = self.cx.types.base(self.cx.types.non_null(expected));
        match &e.kind {
            ExprKind::Paren(inner) => return self.check(inner, expected),
            ExprKind::Record(entries) if expected != Ty::ERROR && e.kind != ExprKind::Null => {
                if let Some(typed) = self.check_record(entries, e.span, wanted) {
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::List(items) => {
                if let TyKind::List(element) = *self.cx.types.kind(wanted) {
                    let typed = self.list_of(items, element, wanted);
                    return self.coerce(typed, expected, e.span);
                }
                if wanted == Ty::JSON {
                    let typed = self.list_of(items, Ty::JSON, Ty::JSON);
                    return self.coerce(typed, expected, e.span);
                }
                if wanted == Ty::MODEL {
                    let typed = self.list_of(items, Ty::MODEL, Ty::MODEL);
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::Name(name) if !matches!(self.probe(name), Target::Local(_)) => {
                if let Some(typed) = self.variant_named(name, wanted) {
                    return self.coerce(typed, expected, e.span);
                }
            }
            ExprKind::Call { callee, args, args_span } => {
                if let ExprKind::Name(name) = &callee.kind
                    && !matches!(self.probe(name), Target::Local(_))
                    && let Some(typed) = self.variant_call(name, args, wanted)
                {
                    return self.coerce(typed, expected, e.span);
                }
                let typed = self.call(e, callee, args, *args_span, Some(expected));
                return self.coerce(typed, expected, e.span);
            }
            ExprKind::Str(text) if wanted == Ty::JSON => {
                let mut typed = self.text(text);
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
                let typed = self.coalesce(a, b, Some(expected));
                return self.coerce(typed, expected, e.span);
            }
            ExprKind::Binary(a, BinaryOp::Add, b) if matches!(self.cx.types.kind(wanted), TyKind::List(_)) => {
                let (a, b) = (self.check(a, wanted), self.check(b, wanted));
                let flow = a.flow.join(&b.flow);
                let ir = ir::Expr::Binary(ir::BinaryOp::Add, Box::new(a.ir), Box::new(b.ir), self.place(e.span));
                return self.coerce(Typed::new(ir, wanted, flow), expected, e.span);
            }
            ExprKind::If(x) => {
                if let Some(typed) = self.pure_if(x, Some(expected)) {
                    return self.coerce(typed, expected, e.span);
                }
                return Typed::error();
            }
            ExprKind::Match(x) => {
                if let Some(typed) = self.pure_match(x, e.span, Some(expected)) {
                    return self.coerce(typed, expected, e.span);
                }
                return Typed::error();
            }
            _ => {}
        }
        let typed = self.infer(e);
        self.coerce(typed, expected, e.span)
    }

    fn infer_kind(&mut self, e: &'a Expr) -> Typed {
        use ir::Const;
        let plain = |c: Const, ty: Ty| Typed::new(constant(c), ty, Flow::default());
        match &e.kind {
            ExprKind::Null => plain(Const::Null, Ty::NULL),
            ExprKind::Bool(b) => plain(Const::Bool(*b), Ty::BOOL),
            ExprKind::Int(n) => plain(Const::Int(*n), Ty::INT),
            ExprKind::Float(x) => plain(Const::Float(*x), Ty::FLOAT),
            ExprKind::Duration(ms) => plain(Const::Duration(*ms), Ty::DURATION),
            ExprKind::Money(micro) => plain(Const::Money(*micro), Ty::MONEY),
            ExprKind::Str(text) => self.text(text),
            ExprKind::Command(text) => self.command(text),
            ExprKind::Name(name) => self.name(name),
            ExprKind::List(items) => self.infer_list(items),
            ExprKind::Record(entries) => self.infer_record(entries),
            ExprKind::Field { receiver, name, safe } => self.field(receiver, name, *safe, e),
            ExprKind::Index { receiver, index } => self.index(receiver, index, e.span),
            ExprKind::Call { callee, args, args_span } => self.call(e, callee, args, *args_span, None),
            ExprKind::Unary(op, inner) => self.unary(*op, inner, e.span),
            ExprKind::Binary(a, op, b) => self.binary(a, *op, b, e.span),
            ExprKind::Cast { value, ty, optional } => {
                let to = self.cx.resolve(self.module, ty);
                self.cast(value, to, *optional, e.span)
            }
            ExprKind::Lambda { .. } => {
                let d = self
                    .diag(codes::MISPLACED, e.span, "a lambda stands only as an argument of a method")
                    .label("not here")
                    .help("declare a `fn` for what is used in several places");
                self.report(d);
                Typed::error()
            }
            ExprKind::Paren(inner) => self.infer(inner),
            ExprKind::If(x) => self.pure_if(x, None).unwrap_or_else(Typed::error),
            ExprKind::Match(x) => self.pure_match(x, e.span, None).unwrap_or_else(Typed::error),
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
                self.inner_block(word, e.span);
                Typed::error()
            }
            ExprKind::Error => Typed::error(),
        }
    }

    /// Reports a block with stages in the middle of an expression.
    pub fn inner_block(&mut self, word: &str, span: Span) {
        let mut d = self.diag(codes::MISPLACED, span, format!("`{word}` cannot stand in the middle of an expression"));
        d = if self.kind == Kind::Cascade {
            d.label("give it a name of its own")
                .help(format!("`stage name = {word} …` on a line before, then use `name`"))
        } else {
            d.label("only in a cascade").help("`map`, `filter` and `reduce` go over a list without stages")
        };
        self.report(d);
    }

    /// Makes a value fit an expected type, or reports that it does not.
    pub fn coerce(&mut self, value: Typed, expected: Ty, span: Span) -> Typed {
        match self.try_coerce(value, expected, span) {
            Ok(typed) => typed,
            Err(value) => {
                self.mismatch(value.ty, expected, span);
                Typed { ty: Ty::ERROR, ..value }
            }
        }
    }

    /// Makes a value fit an expected type if it can.
    pub fn try_coerce(&mut self, value: Typed, expected: Ty, span: Span) -> Result<Typed, Typed> {
        let types = &self.cx.types;
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
            let ir = ir::Expr::Refine(Box::new(inner.ir), Box::new(refinement), self.place(span));
            return Ok(Typed { ir, ty: expected, flow: inner.flow });
        }
        if expected == Ty::PATH && types.base(value.ty) == Ty::STRING {
            let ir = ir::Expr::Cast(Box::new(value.ir), Box::new(ir::Type::Path), self.place(span));
            return Ok(Typed { ir, ty: Ty::PATH, flow: value.flow });
        }
        if expected == Ty::FLOAT && types.base(value.ty) == Ty::INT {
            let ir = match value.ir {
                ir::Expr::Const(ir::Const::Int(n)) => constant(ir::Const::Float(n as f64)),
                other => ir::Expr::ToFloat(Box::new(other)),
            };
            return Ok(Typed { ir, ty: Ty::FLOAT, flow: value.flow });
        }
        Err(value)
    }

    /// What a name gives.
    fn name(&mut self, name: &Name) -> Typed {
        if name.text.is_empty() {
            return Typed::error();
        }
        let target = self.resolve(name);
        if let Target::Local(index) = target {
            if self.in_hook && self.checks.unset.contains(&index) {
                self.read_unset(name, index);
            }
            return self.read(index);
        }
        let found = match target {
            Target::Declared(def) => Some(def),
            _ => None,
        };
        if let (Some(def @ (Def::Model(_) | Def::Route(_))), false) = (found, self.cx.deprecated.is_empty()) {
            self.cx.warn_deprecated(self.module, def, &name.text, name.span);
        }
        match found {
            Some(Def::Model(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Model(id)), Ty::MODEL, Flow::default()),
            Some(Def::Route(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Route(id)), Ty::MODEL, Flow::default()),
            Some(Def::Missing) => Typed::error(),
            Some(def @ (Def::Skill(_) | Def::Cascade(_) | Def::Fn(_))) => {
                let d = self
                    .diag(codes::MISMATCH, name.span, format!("`{}` is {}, not a value", name.text, def.what()))
                    .label("call it: `(…)`");
                self.report(d);
                Typed::error()
            }
            Some(def) => {
                let d = self
                    .diag(codes::MISMATCH, name.span, format!("`{}` is {}, not a value", name.text, def.what()))
                    .label("a value is needed here");
                let d = match def {
                    Def::Memory(_) => d.help(format!("read one of its keys: `{}.key`", name.text)),
                    Def::Type(_) => d.help(format!("a variant is written `{}.name`", name.text)),
                    _ => d,
                };
                self.report(d);
                Typed::error()
            }
            None => {
                self.unknown_value(name);
                Typed::error()
            }
        }
    }

    fn read(&mut self, index: u32) -> Typed {
        self.reads.push(index);
        let local = &mut self.locals[index as usize];
        local.used = true;
        let (slot, ty, flow) = (local.slot, local.ty, local.flow.clone());
        let path = narrow::Path { local: index, fields: Vec::new() };
        let ty = self.narrowed(&path).unwrap_or(ty);
        Typed::new(ir::Expr::Slot(slot), ty, flow)
    }

    fn unary(&mut self, op: UnaryOp, inner: &'a Expr, span: Span) -> Typed {
        match op {
            UnaryOp::Not => {
                let value = self.check(inner, Ty::BOOL);
                Typed::new(ir::Expr::Not(Box::new(value.ir)), Ty::BOOL, value.flow)
            }
            UnaryOp::Neg => {
                let value = self.infer(inner);
                let base = self.cx.types.base(value.ty);
                match (base, &value.ir) {
                    (Ty::INT, ir::Expr::Const(ir::Const::Int(n))) => match n.checked_neg() {
                        Some(n) => Typed::new(constant(ir::Const::Int(n)), Ty::INT, value.flow),
                        None => Typed::error(),
                    },
                    (Ty::FLOAT, ir::Expr::Const(ir::Const::Float(x))) => {
                        Typed::new(constant(ir::Const::Float(-x)), Ty::FLOAT, value.flow)
                    }
                    (Ty::INT | Ty::FLOAT | Ty::DURATION | Ty::MONEY | Ty::ERROR | Ty::NEVER, _) => {
                        Typed::new(ir::Expr::Neg(Box::new(value.ir), self.place(span)), base, value.flow)
                    }
                    _ => {
                        let shown = self.show(value.ty);
                        let d = self
                            .diag(codes::OPERATOR, span, format!("`-` does not work on `{shown}`"))
                            .label("a number is needed");
                        self.report(d);
                        Typed::error()
                    }
                }
            }
        }
    }

    /// `x as T`, `x as? T`.
    fn cast(&mut self, value: &'a Expr, to: Ty, optional: bool, span: Span) -> Typed {
        let value = self.infer(value);
        let from = self.cx.types.base(self.cx.types.non_null(value.ty));
        let target = self.cx.types.base(self.cx.types.non_null(to));
        let possible = from == Ty::ERROR
            || to == Ty::ERROR
            || from == Ty::JSON
            || target == Ty::JSON
            || (from == Ty::STRING && (target == Ty::PATH || self.cx.types.variants(target).is_some()))
            || (from == Ty::PATH && target == Ty::STRING)
            || self.cx.types.fits(from, target)
            || self.cx.types.fits(target, from)
            || self.cx.types.fields(from).is_some() && self.cx.types.fields(target).is_some();
        if !possible {
            let (a, b) = (self.show(value.ty), self.show(to));
            let d = self
                .diag(codes::MISMATCH, span, format!("`{a}` can never be read as `{b}`"))
                .label("not possible")
                .help("`as` reads `json`, tells apart what may be null, and makes `path` of text");
            self.report(d);
            return Typed::error();
        }
        if value.ty == Ty::SECRET || self.cx.types.holds_secret(value.ty) {
            let d = self
                .diag(codes::SECRET_LEAK, span, "a secret cannot be read as something else")
                .label("would become visible");
            self.report(d);
            return Typed::error();
        }
        let ty = self.cx.types.lower(to);
        if optional {
            let result = self.cx.types.optional(to);
            Typed::new(ir::Expr::TryCast(Box::new(value.ir), Box::new(ty)), result, value.flow)
        } else {
            Typed::new(ir::Expr::Cast(Box::new(value.ir), Box::new(ty), self.place(span)), to, value.flow)
        }
    }

    /// Reports when a variable that a lambda or branch must not change is used wrongly; gives
    /// the index of a variable that may be assigned.
    pub fn assignable(&mut self, name: &Name) -> Option<u32> {
        let Target::Local(index) = self.probe(name) else {
            self.unknown_value(name);
            return None;
        };
        let local = &self.locals[index as usize];
        if local.kind != LocalKind::Var {
            let (span, kind) = (local.span, local.kind);
            let source = self.source();
            let mut d = self
                .diag(codes::NOT_ASSIGNABLE, name.span, format!("`{}` cannot be changed", name.text))
                .label("not a `var`")
                .also(source, span, "set here");
            if kind == LocalKind::Let {
                d = d.help(format!("declare it with `var {} = …`", name.text));
            }
            self.report(d);
            return None;
        }
        Some(index)
    }
}
