//! Types as written become types.

use cascade_grammar::ast::{Name, Span, TypeExpr, TypeExprKind};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{Cx, Def, Resolve, TypeSource, body::Body};
use crate::{
    codes,
    index::{Builtin, Symbol},
    types::{Ty, TyKind, TypeDefKind},
};

/// Names of the built-in types.
pub(crate) const BASIC_NAMES: &[&str] = &[
    "string", "int", "float", "bool", "path", "json", "duration", "money", "secret", "command", "file", "image",
    "audio", "video", "model", "list", "map",
];

fn basic(name: &str) -> Option<Ty> {
    Some(match name {
        "string" => Ty::STRING,
        "int" => Ty::INT,
        "float" => Ty::FLOAT,
        "bool" => Ty::BOOL,
        "path" => Ty::PATH,
        "json" => Ty::JSON,
        "duration" => Ty::DURATION,
        "money" => Ty::MONEY,
        "secret" => Ty::SECRET,
        "command" => Ty::COMMAND,
        "file" => Ty::FILE,
        "image" => Ty::IMAGE,
        "audio" => Ty::AUDIO,
        "video" => Ty::VIDEO,
        "model" => Ty::MODEL,
        _ => return None,
    })
}

impl<'a> Cx<'a> {
    /// The type that a text means; reports what is wrong with it.
    pub fn resolve(&mut self, module: usize, ty: &'a TypeExpr) -> Ty {
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
                            .diag(
                                module,
                                codes::BAD_TYPE,
                                default.span,
                                "a field of an anonymous record has no default",
                            )
                            .label("not here")
                            .help("declare the record with `type` to give its fields defaults");
                        self.report(d);
                    }
                    if out.iter().any(|(n, _)| *n == field.name.text) {
                        let d = self
                            .diag(
                                module,
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
                if self.recorder.is_some() {
                    for field in fields {
                        if let Some(symbol) = crate::index::field_symbol(&self.types, ty, &field.name.text) {
                            self.record_definition(module, field.name.span, symbol);
                        }
                    }
                }
                ty
            }
            TypeExprKind::Where(base, predicate) => {
                let base_ty = self.resolve(module, base);
                let (expr, slots) = Body::predicate(self, module, base_ty, predicate);
                let text = self.text(module, predicate.span).split_whitespace().collect::<Vec<_>>().join(" ");
                let unit = if self.types.base(base_ty) == Ty::STRING {
                    ("minLength", "maxLength")
                } else {
                    ("minItems", "maxItems")
                };
                let schema = schema_of(&expr, unit);
                let refinement = ir::Refinement { predicate: expr, slots, text, schema };
                let found = self.types.refinements.iter().position(|r| *r == refinement);
                let index = found.unwrap_or_else(|| {
                    self.types.refinements.push(refinement);
                    self.types.refinements.len() - 1
                });
                self.types.intern(TyKind::Refined(base_ty, index as u32))
            }
            TypeExprKind::Named { path, args } => self.resolve_named(module, path, args, ty.span),
        }
    }

    fn resolve_named(&mut self, module: usize, path: &'a [Name], args: &'a [TypeExpr], span: Span) -> Ty {
        let Some(first) = path.first() else { return Ty::ERROR };
        if path.len() == 1 {
            if let "list" | "map" = first.text.as_str() {
                self.record_use(module, first.span, Symbol::Builtin(Builtin::Type));
                let Some(arg) = args.first() else {
                    let word = &first.text;
                    let d = self
                        .diag(module, codes::BAD_TYPE, span, format!("`{word}` needs the type of its elements"))
                        .label(format!("write `{word}<string>`, say"));
                    self.report(d);
                    return Ty::ERROR;
                };
                let element = self.resolve(module, arg);
                if let Some(extra) = args.get(1) {
                    let help = if first.text == "map" {
                        "the keys of a map are always text"
                    } else {
                        "a list has one type of element"
                    };
                    let d = self
                        .diag(module, codes::BAD_TYPE, extra.span, format!("`{}` takes one type", first.text))
                        .label("one too many")
                        .help(help);
                    self.report(d);
                }
                return if first.text == "list" { self.types.list(element) } else { self.types.map(element) };
            }
            if let Some(ty) = basic(&first.text) {
                self.record_use(module, first.span, Symbol::Builtin(Builtin::Type));
                self.no_args(module, args, &first.text);
                return ty;
            }
        }
        match self.lookup_path(module, path, "type") {
            Some(Def::Type(id)) => {
                self.no_args(module, args, &first.text);
                self.type_of(id)
            }
            Some(Def::Missing) | None => Ty::ERROR,
            Some(other) => {
                let d = self
                    .diag(
                        module,
                        codes::UNKNOWN_TYPE,
                        span,
                        format!("`{}` is {}, not a type", first.text, other.what()),
                    )
                    .label("a type is needed here");
                self.report(d);
                Ty::ERROR
            }
        }
    }

    fn no_args(&mut self, module: usize, args: &[TypeExpr], name: &str) {
        if let Some(arg) = args.first() {
            let d = self
                .diag(module, codes::BAD_TYPE, arg.span, format!("`{name}` takes no type in `< >`"))
                .label("remove it");
            self.report(d);
        }
    }

    /// The type of a declaration; an alias is what it stands for.
    pub fn type_of(&mut self, id: ir::TypeId) -> Ty {
        let info = &self.type_infos[id.index()];
        let TypeSource::Alias(decl) = info.kind else {
            return self.types.intern(TyKind::Named(id));
        };
        let module = info.module;
        match info.state.get() {
            Resolve::Done => {}
            Resolve::Running => {
                let d = self
                    .diag(module, codes::BAD_TYPE, decl.name.span, format!("`{}` stands for itself", decl.name.text))
                    .label("defined by itself");
                self.report(d);
                return Ty::ERROR;
            }
            Resolve::Waiting => {
                info.state.set(Resolve::Running);
                let ty = self.resolve(module, &decl.ty);
                self.types.defs[id.index()].kind = TypeDefKind::Alias(ty);
                self.type_infos[id.index()].state.set(Resolve::Done);
            }
        }
        match self.types.defs[id.index()].kind {
            TypeDefKind::Alias(ty) => ty,
            _ => Ty::ERROR,
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
