//! Field access (`x.field`, `x?.field`), members of modules and enums, and indexing (`x[i]`).

use cascade_grammar::ast::{Expr, ExprKind, Name, Span};
use cascade_ir as ir;

use super::{BodyChecker, BodyKind, Typed, variables::Target};
use crate::{
    checks::types,
    codes,
    flow::{Flow, Origin},
    index::Symbol,
    suggest::with_suggestion,
    types::{Ty, TyKind},
    world::Def,
};

impl BodyChecker<'_> {
    /// Infers `receiver.name`: a field, a key of a memory, a variant of an enum, or a member of a module.
    pub(super) fn infer_field(&mut self, receiver: &Expr, name: &Name, safe: bool, whole: &Expr) -> Typed {
        if let ExprKind::Name(base) = &receiver.kind
            && let Target::Declared(def @ (Def::Memory(_) | Def::Type(_) | Def::Module(_) | Def::Missing)) =
                self.probe(base)
        {
            self.resolve(base);
            match def {
                Def::Memory(id) => return self.infer_memory_key(id, name),
                Def::Type(id) => {
                    let ty = self.context.type_of(id);
                    if self.context.types.variants(ty).is_none() {
                        let d = self
                            .context
                            .diagnostic(codes::UNKNOWN_FIELD, name.span, format!("`{}` is not an enum", base.text))
                            .label("only an enum has variants");
                        self.context.report(d);
                        return Typed::error();
                    }
                    if name.text.is_empty() {
                        return Typed::error();
                    }
                    return self.check_variant_name(name, ty).unwrap_or_else(|| {
                        self.report_unknown_variant(name, ty);
                        Typed::error()
                    });
                }
                Def::Module(other) => return self.infer_module_member(other, name),
                _ => {
                    self.context.record_use(name.span, Symbol::Missing);
                    return Typed::error();
                }
            }
        }
        if let ExprKind::Name(base) = &receiver.kind
            && base.text == "run"
            && self.probe(base) == Target::Unknown
            && matches!(self.kind, BodyKind::Cascade | BodyKind::Skill | BodyKind::Test)
        {
            return self.infer_run_fact(base, name);
        }
        let value = self.infer(receiver);
        self.context.record_field_use(self.context.types.non_null(value.ty), name);
        if let Some(path) = self.scope.path(whole)
            && let Some(ty) = self.scope.narrowed_type(&path)
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
        let non_null = self.context.types.non_null(value.ty);
        let nullable = non_null != value.ty;
        if nullable && !safe {
            self.context.report(types::access_of_null(self.context.view(), value.ty, name, receiver.span));
            return Typed::error();
        }
        let Some(ty) = self.context.types.field(non_null, &name.text) else {
            self.context.report(types::unknown_field(self.context.view(), non_null, name));
            return Typed::error();
        };
        if safe && nullable {
            let ty = self.context.types.optional(ty);
            return Typed::new(ir::Expr::SafeField(Box::new(value.ir), name.text.clone()), ty, value.flow);
        }
        Typed::new(ir::Expr::Field(Box::new(value.ir), name.text.clone()), ty, value.flow)
    }

    /// Infers `run.id` and its like.
    fn infer_run_fact(&mut self, run: &Name, name: &Name) -> Typed {
        const FACTS: &[(&str, ir::RunFact, Ty)] = &[
            ("id", ir::RunFact::Id, Ty::STRING),
            ("started", ir::RunFact::Started, Ty::TIME),
            ("cascade", ir::RunFact::Cascade, Ty::STRING),
            ("attempt", ir::RunFact::Attempt, Ty::INT),
        ];
        self.context.record_word(run);
        self.context.record_type(run.span, Ty::ERROR, &Flow::default());
        match FACTS.iter().find(|(known, ..)| *known == name.text) {
            Some((_, fact, ty)) => {
                self.context.record_word(name);
                Typed::new(ir::Expr::Run(*fact), *ty, Flow::default())
            }
            None if name.text.is_empty() => Typed::error(),
            None => {
                let message = format!("nothing is known of a run as `{}`", name.text);
                let d = self
                    .context
                    .diagnostic(codes::UNKNOWN_FIELD, name.span, message)
                    .label("not a fact of the run")
                    .help("there are `run.id`, `run.started`, `run.cascade` and `run.attempt`");
                self.context.report(d);
                Typed::error()
            }
        }
    }

    /// Infers `memory.name`.
    fn infer_memory_key(&mut self, id: ir::MemoryId, name: &Name) -> Typed {
        let memory = &self.context.world.declared.memories[id.index()];
        match memory.keys.iter().position(|key| key.name == name.text) {
            Some(position) => {
                let ty = memory.keys[position].ty;
                let symbol = Symbol::MemoryKey { of: id.0, index: position as u32 };
                self.context.record_use(name.span, symbol);
                if !matches!(self.kind, BodyKind::Cascade | BodyKind::Test) {
                    let d = self
                        .context
                        .diagnostic(codes::MISPLACED, name.span, "only a cascade reads a memory")
                        .label("not here")
                        .help("pass what is needed as a parameter");
                    self.context.report(d);
                    return Typed::error();
                }
                if memory.memory.server.is_some() && !self.outcome.remote_memories.contains(&id) {
                    self.outcome.remote_memories.push(id);
                }
                // The value may have been written by a model in an earlier run.
                let flow = Flow::of_untrusted(Origin::Memory, self.context.source(), name.span);
                Typed::new(ir::Expr::Memory(id, position as u32), ty, flow)
            }
            None if name.text.is_empty() => Typed::error(),
            None => {
                let message = format!("the memory `{}` has no key `{}`", memory.name, name.text);
                let d = self.context.diagnostic(codes::UNKNOWN_FIELD, name.span, message).label("not declared");
                let d = with_suggestion(d, &name.text, name.span, memory.keys.iter().map(|key| key.name.as_str()));
                self.context.report(d);
                Typed::error()
            }
        }
    }

    /// Infers `module.name`: a model or a route of another module.
    fn infer_module_member(&mut self, other: usize, name: &Name) -> Typed {
        if name.text.is_empty() {
            return Typed::error();
        }
        match self.context.resolve_exported(other, name) {
            Some(Def::Model(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Model(id)), Ty::MODEL, Flow::default()),
            Some(Def::Const(id)) => self.read_constant(id),
            Some(Def::Route(id)) => Typed::new(ir::Expr::Model(ir::ModelRef::Route(id)), Ty::MODEL, Flow::default()),
            Some(def) => {
                let d = self
                    .context
                    .diagnostic(
                        codes::MISMATCH,
                        name.span,
                        format!("`{}` is {}, not a value", name.text, def.kind_name()),
                    )
                    .label("a value is needed here");
                self.context.report(d);
                Typed::error()
            }
            None => {
                self.report_not_exported(other, name);
                Typed::error()
            }
        }
    }

    /// Infers `receiver[index]`.
    pub(super) fn infer_index(&mut self, receiver: &Expr, index: &Expr, span: Span) -> Typed {
        let value = self.infer(receiver);
        let base = self.context.types.base(value.ty);
        let (key, result) = match *self.context.types.kind(base) {
            TyKind::List(element) => (Ty::INT, self.context.types.optional(element)),
            TyKind::Map(element) => (Ty::STRING, self.context.types.optional(element)),
            TyKind::Error => {
                self.infer(index);
                return Typed::error();
            }
            _ => {
                let key = self.infer(index).ty;
                let shown = self.context.type_text(value.ty);
                let d = self
                    .context
                    .diagnostic(codes::OPERATOR, span, format!("`{shown}` has no elements to pick with `[ ]`"))
                    .label("a list or a map is needed");
                let d = match (base == Ty::JSON, key) {
                    (true, Ty::STRING) => d.help("say what it is first: `(… as map<json>)[\"name\"]`"),
                    (true, _) => d.help("say what it is first: `(… as list<json>)[0]`"),
                    (false, _) => d,
                };
                self.context.report(d);
                return Typed::error();
            }
        };
        let index = self.check(index, key);
        let flow = value.flow.join(&index.flow);
        Typed::new(ir::Expr::Index(Box::new(value.ir), Box::new(index.ir), self.context.place(span)), result, flow)
    }
}
