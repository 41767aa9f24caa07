//! `x.field`, `x?.field`, `x[i]`.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    Def,
    body::{Body, Target, Typed},
    with_suggestion,
};
use crate::{
    codes,
    flow::{Flow, Origin},
    index::Symbol,
    types::{Ty, TyKind},
};

impl<'a> Body<'_, 'a> {
    /// A field; also a memory's key, an enum's variant and a module's member.
    pub fn field(&mut self, receiver: &'a Expr, name: &'a Name, safe: bool, whole: &'a Expr) -> Typed {
        if let ExprKind::Name(base) = &receiver.kind
            && let Target::Declared(def @ (Def::Memory(_) | Def::Type(_) | Def::Module(_) | Def::Missing)) =
                self.probe(base)
        {
            self.resolve(base);
            match def {
                Def::Memory(id) => return self.memory_key(id, name),
                Def::Type(id) => {
                    let ty = self.cx.type_of(id);
                    if self.cx.types.variants(ty).is_none() {
                        let d = self
                            .diag(codes::UNKNOWN_FIELD, name.span, format!("`{}` is not an enum", base.text))
                            .label("only an enum has variants");
                        self.report(d);
                        return Typed::error();
                    }
                    if name.text.is_empty() {
                        return Typed::error();
                    }
                    return self.variant_named(name, ty).unwrap_or_else(|| {
                        self.unknown_variant(name, ty);
                        Typed::error()
                    });
                }
                Def::Module(other) => return self.module_value(other, name),
                _ => {
                    self.record_use(name.span, Symbol::Missing);
                    return Typed::error();
                }
            }
        }
        let value = self.infer(receiver);
        self.record_field_use(self.cx.types.non_null(value.ty), name);
        if let Some(path) = self.path(whole)
            && let Some(ty) = self.narrowed(&path)
        {
            let ir = if safe {
                ir::Expr::SafeField(Box::new(value.ir), name.text.clone())
            } else {
                ir::Expr::Field(Box::new(value.ir), name.text.clone())
            };
            return Typed::new(ir, ty, value.flow);
        }
        if value.ty == Ty::ERROR || name.text.is_empty() {
            return Typed { ty: Ty::ERROR, ..value };
        }
        let non_null = self.cx.types.non_null(value.ty);
        let nullable = non_null != value.ty;
        if nullable && !safe {
            self.null_access(value.ty, name, receiver.span);
            return Typed::error();
        }
        let Some(ty) = self.cx.types.field(non_null, &name.text) else {
            self.no_field(non_null, name);
            return Typed::error();
        };
        if safe && nullable {
            let ty = self.cx.types.optional(ty);
            return Typed::new(ir::Expr::SafeField(Box::new(value.ir), name.text.clone()), ty, value.flow);
        }
        Typed::new(ir::Expr::Field(Box::new(value.ir), name.text.clone()), ty, value.flow)
    }

    fn memory_key(&mut self, id: ir::MemoryId, name: &Name) -> Typed {
        let info = &self.cx.memory_infos[id.index()];
        match info.keys.iter().position(|(n, _)| *n == name.text) {
            Some(position) => {
                let ty = info.keys[position].1;
                let (via, symbol) = (info.decl.via.is_some(), Symbol::MemoryKey { of: id.0, index: position as u32 });
                self.record_use(name.span, symbol);
                if !matches!(self.kind, super::body::Kind::Cascade | super::body::Kind::Test) {
                    let d = self
                        .diag(codes::MISPLACED, name.span, "only a cascade reads a memory")
                        .label("not here")
                        .help("pass what is needed as a parameter");
                    self.report(d);
                    return Typed::error();
                }
                if via && self.not_yet.iter().all(|n| n.construct != "memory … via mcp") {
                    self.not_yet("memory … via mcp", name.span);
                }
                // What is remembered may have come from a model in an earlier run.
                let flow = Flow::of_untrusted(Origin::Memory, self.source(), name.span);
                Typed::new(ir::Expr::Memory(id, position as u32), ty, flow)
            }
            None if name.text.is_empty() => Typed::error(),
            None => {
                let keys: Vec<SmolStr> = info.keys.iter().map(|(n, _)| n.clone()).collect();
                let memory = info.decl.name.text.clone();
                let d = self
                    .diag(codes::UNKNOWN_FIELD, name.span, format!("the memory `{memory}` has no key `{}`", name.text))
                    .label("not declared");
                let d = with_suggestion(d, &name.text, name.span, keys.iter().map(SmolStr::as_str));
                self.report(d);
                Typed::error()
            }
        }
    }

    fn module_value(&mut self, other: usize, name: &Name) -> Typed {
        if name.text.is_empty() {
            return Typed::error();
        }
        match self.cx.resolve_exported(self.module, other, name) {
            Some(Def::Model(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Model(id)), Ty::MODEL, Flow::default()),
            Some(Def::Route(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Route(id)), Ty::MODEL, Flow::default()),
            Some(def) => {
                let d = self
                    .diag(codes::MISMATCH, name.span, format!("`{}` is {}, not a value", name.text, def.what()))
                    .label("a value is needed here");
                self.report(d);
                Typed::error()
            }
            None => {
                self.cx.not_exported(self.module, other, name);
                Typed::error()
            }
        }
    }

    /// `x[i]`.
    pub fn index(&mut self, receiver: &'a Expr, index: &'a Expr, span: Span) -> Typed {
        let value = self.infer(receiver);
        let base = self.cx.types.base(value.ty);
        let (key, result) = match *self.cx.types.kind(base) {
            TyKind::List(element) => (Ty::INT, self.cx.types.optional(element)),
            TyKind::Map(element) => (Ty::STRING, self.cx.types.optional(element)),
            TyKind::Error => {
                self.infer(index);
                return Typed::error();
            }
            _ => {
                self.infer(index);
                let shown = self.show(value.ty);
                let d = self
                    .diag(codes::OPERATOR, span, format!("`{shown}` has no elements to pick with `[ ]`"))
                    .label("a list or a map is needed");
                let d = if base == Ty::JSON { d.help("say what it is first: `(… as list<json>)[0]`") } else { d };
                self.report(d);
                return Typed::error();
            }
        };
        let index = self.check(index, key);
        let flow = value.flow.join(&index.flow);
        Typed::new(ir::Expr::Index(Box::new(value.ir), Box::new(index.ir), self.place(span)), result, flow)
    }
}
