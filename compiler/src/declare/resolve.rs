//! Types as written become types.

use std::sync::Arc;

use cascade_grammar::ast::{ItemKind, Name, Span, TypeExpr, TypeExprKind};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{CheckExpressions, names::resolve_path};
use crate::{
    builtins::basic_type,
    checks::names::foreign_type,
    codes,
    diagnostic::Diagnostic,
    findings::Findings,
    index::{Builtin, Symbol, field_symbol},
    types::{Ty, TyKind, TypeDefKind, Types},
    world::{Def, View, World},
};

/// Resolves types as they are written, in any module.
pub(crate) struct TypeResolver<'r> {
    pub world: World<'r>,
    pub types: &'r mut Types,
    pub findings: &'r mut Findings,
    pub expressions: &'r dyn CheckExpressions,
}

impl TypeResolver<'_> {
    fn view(&self, module: usize) -> View<'_> {
        View { world: self.world, types: self.types, module }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.findings.report(diagnostic);
    }

    /// The type that is written in a module; reports what is wrong with it.
    pub fn resolve(&mut self, module: usize, ty: &TypeExpr) -> Ty {
        match &ty.kind {
            TypeExprKind::Error => Ty::ERROR,
            TypeExprKind::Optional(inner) => {
                let inner = self.resolve(module, inner);
                self.types.optional(inner)
            }
            TypeExprKind::Record(fields) => {
                let mut out: Vec<(SmolStr, Ty)> = Vec::new();
                for field in fields {
                    let t = self.resolve(module, &field.ty);
                    if let Some(default) = &field.default {
                        let d = self
                            .view(module)
                            .diagnostic(codes::BAD_TYPE, default.span, "a field of an anonymous record has no default")
                            .label("not here")
                            .help("declare the record with `type` to give its fields defaults");
                        self.report(d);
                    }
                    if out.iter().any(|(n, _)| *n == field.name.text) {
                        let d = self
                            .view(module)
                            .diagnostic(
                                codes::DUPLICATE,
                                field.name.span,
                                format!("the field `{}` is there twice", field.name.text),
                            )
                            .label("again here");
                        self.report(d);
                    } else if !field.name.text.is_empty() {
                        out.push((field.name.text.clone(), t));
                    }
                }
                let ty = self.types.record(out);
                if self.findings.index.is_on() {
                    for field in fields {
                        if let Some(symbol) = field_symbol(self.types, ty, &field.name.text) {
                            self.findings.index.record_definition(module, field.name.span, symbol);
                        }
                    }
                }
                ty
            }
            TypeExprKind::Where(base, predicate) => {
                let base_ty = self.resolve(module, base);
                let findings = std::mem::take(self.findings);
                let checked =
                    self.expressions.check_predicate(self.world, self.types, module, base_ty, predicate, findings);
                *self.findings = checked.findings;
                let text =
                    self.world.files.text(module, predicate.span).split_whitespace().collect::<Vec<_>>().join(" ");
                let unit = if self.types.base(base_ty) == Ty::STRING {
                    ("minLength", "maxLength")
                } else {
                    ("minItems", "maxItems")
                };
                let schema = schema_of(&checked.ir, unit);
                let refinement = ir::Refinement { predicate: checked.ir, slots: checked.slots, text, schema };
                let found = self.types.refinements.iter().position(|r| *r == refinement);
                let index = found.unwrap_or_else(|| {
                    Arc::make_mut(&mut self.types.refinements).push(refinement);
                    self.types.refinements.len() - 1
                });
                self.types.intern(TyKind::Refined(base_ty, index as u32))
            }
            TypeExprKind::Named { path, args } => self.resolve_named(module, path, args, ty.span),
        }
    }

    /// `outcome<T>`.
    pub fn outcome(&mut self, of: Ty) -> Ty {
        let error = match self.world.find_prelude_type("Error") {
            Some(id) => self.types.intern(TyKind::Named(id)),
            None => Ty::ERROR,
        };
        self.types.outcome(of, error)
    }

    fn resolve_named(&mut self, module: usize, path: &[Name], args: &[TypeExpr], span: Span) -> Ty {
        let Some(first) = path.first() else { return Ty::ERROR };
        if path.len() == 1 {
            if let "list" | "map" | "outcome" = first.text.as_str() {
                self.findings.index.record_use(module, first.span, Symbol::Builtin(Builtin::Type));
                let Some(arg) = args.first() else {
                    let word = &first.text;
                    let d = self
                        .view(module)
                        .diagnostic(codes::BAD_TYPE, span, format!("`{word}` needs the type of its elements"))
                        .label(format!("write `{word}<string>`, say"));
                    self.report(d);
                    return Ty::ERROR;
                };
                let element = self.resolve(module, arg);
                if let Some(extra) = args.get(1) {
                    if let Some(d) = foreign_type(self.view(module), first, span) {
                        self.report(d);
                        return Ty::ERROR;
                    }
                    let help = if first.text == "map" {
                        "the keys of a map are always text"
                    } else {
                        "a list has one type of element"
                    };
                    let d = self
                        .view(module)
                        .diagnostic(codes::BAD_TYPE, extra.span, format!("`{}` takes one type", first.text))
                        .label("one too many")
                        .help(help);
                    self.report(d);
                }
                return match first.text.as_str() {
                    "list" => self.types.list(element),
                    "map" => self.types.map(element),
                    _ => self.outcome(element),
                };
            }
            if let Some(ty) = basic_type(&first.text) {
                self.findings.index.record_use(module, first.span, Symbol::Builtin(Builtin::Type));
                self.check_no_arguments(module, args, &first.text);
                return ty;
            }
        }
        let view = View { world: self.world, types: self.types, module };
        if path.len() == 1
            && self.world.find_binding(module, &first.text).is_none()
            && let Some(d) = foreign_type(view, first, span)
        {
            self.report(d);
            return Ty::ERROR;
        }
        match resolve_path(view, path, "type", self.findings) {
            Some(Def::Type(id)) => {
                self.check_no_arguments(module, args, &first.text);
                self.type_of(id)
            }
            Some(Def::Missing) | None => Ty::ERROR,
            Some(other) => {
                let d = self
                    .view(module)
                    .diagnostic(
                        codes::UNKNOWN_TYPE,
                        span,
                        format!("`{}` is {}, not a type", first.text, other.kind_name()),
                    )
                    .label("a type is needed here");
                self.report(d);
                Ty::ERROR
            }
        }
    }

    fn check_no_arguments(&mut self, module: usize, args: &[TypeExpr], name: &str) {
        if let Some(arg) = args.first() {
            let d = self
                .view(module)
                .diagnostic(codes::BAD_TYPE, arg.span, format!("`{name}` takes no type in `< >`"))
                .label("remove it");
            self.report(d);
        }
    }

    /// The type of a declaration; an alias is what it stands for.
    pub fn type_of(&mut self, id: ir::TypeId) -> Ty {
        // The enums of `outcome<T>` are declared nowhere.
        let Some(declared) = self.world.declared.types.get(id.index()) else {
            return self.types.intern(TyKind::Named(id));
        };
        let origin = declared.origin;
        let item = self.world.files.item(origin.module, origin.item);
        let ItemKind::Alias(decl) = &item.kind else {
            return self.types.intern(TyKind::Named(id));
        };
        match self.types.defs[id.index()].kind {
            TypeDefKind::Alias(ty) => ty,
            TypeDefKind::Resolving => {
                let message = format!("`{}` stands for itself", decl.name.text);
                let d = self
                    .view(origin.module)
                    .diagnostic(codes::BAD_TYPE, decl.name.span, message)
                    .label("defined by itself");
                self.report(d);
                Ty::ERROR
            }
            _ => {
                Arc::make_mut(&mut self.types.defs)[id.index()].kind = TypeDefKind::Resolving;
                let ty = self.resolve(origin.module, &decl.ty);
                Arc::make_mut(&mut self.types.defs)[id.index()].kind = TypeDefKind::Alias(ty);
                ty
            }
        }
    }
}

/// What JSON Schema can say of a predicate: bounds of numbers and lengths, patterns, joined by
/// `and`. What it cannot say is left out; the predicate itself is enforced anyway.
fn schema_of(predicate: &ir::Expr, unit: (&'static str, &'static str)) -> Vec<(SmolStr, ir::Const)> {
    let mut out = Vec::new();
    collect_schema(predicate, unit, &mut out);
    out
}

fn collect_schema(e: &ir::Expr, unit: (&'static str, &'static str), out: &mut Vec<(SmolStr, ir::Const)>) {
    use ir::{BinaryOp as Op, Builtin, Const, Expr};
    let is_it = |e: &Expr| matches!(e, Expr::Slot(ir::Slot(0)));
    let is_float_it = |e: &Expr| matches!(e, Expr::ToFloat(x) if is_it(x));
    let is_len = |e: &Expr| matches!(e, Expr::Builtin(Builtin::Len, args, _) if args.first().is_some_and(is_it));
    match e {
        Expr::And(a, b) => {
            collect_schema(a, unit, out);
            collect_schema(b, unit, out);
        }
        Expr::Builtin(Builtin::Matches, args, _) => {
            if let [it, Expr::Const(Const::Str(pattern))] = args.as_slice()
                && is_it(it)
            {
                out.push(("pattern".into(), Const::Str(pattern.clone())));
            }
        }
        Expr::Binary(op, a, b, _) => {
            let (op, subject, bound) = match (&**a, &**b) {
                (x, Expr::Const(c)) => (*op, x, c),
                (Expr::Const(c), x) => {
                    let flipped = match op {
                        Op::Lt => Op::Gt,
                        Op::Le => Op::Ge,
                        Op::Gt => Op::Lt,
                        Op::Ge => Op::Le,
                        other => *other,
                    };
                    (flipped, x, c)
                }
                _ => return,
            };
            if is_it(subject) || is_float_it(subject) {
                let word = match op {
                    Op::Ge => "minimum",
                    Op::Gt => "exclusiveMinimum",
                    Op::Le => "maximum",
                    Op::Lt => "exclusiveMaximum",
                    _ => return,
                };
                if matches!(bound, Const::Int(_) | Const::Float(_)) {
                    out.push((word.into(), bound.clone()));
                }
            } else if is_len(subject)
                && let Const::Int(n) = bound
            {
                let (word, n) = match op {
                    Op::Ge => (unit.0, *n),
                    Op::Gt => (unit.0, n.saturating_add(1)),
                    Op::Le => (unit.1, *n),
                    Op::Lt => (unit.1, n.saturating_sub(1)),
                    _ => return,
                };
                out.push((word.into(), Const::Int(n)));
            }
        }
        _ => {}
    }
}
