//! Types, signatures and tables of models are resolved before any body is looked at.

use cascade_grammar::ast::{self, FieldDecl, ItemKind, Param, Span, TypeExpr};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{Cx, Def, MemoryInfo, ParamInfo, TypeSource, body::Body};
use crate::{
    codes, depth_first,
    index::{Builtin, Symbol},
    types::{FieldDef, Ty, TyKind, TypeDefKind, VariantDef},
    walk,
};

impl<'a> Cx<'a> {
    /// Resolves all that bodies refer to.
    pub fn declare(&mut self) {
        for index in 0..self.type_infos.len() {
            self.declare_type(index);
        }
        self.report_infinite_types();
        // Defaults may name variants of any enum, so they come after all types.
        for index in 0..self.type_infos.len() {
            self.declare_defaults(index);
        }
        self.declare_models();
        for index in 0..self.memory_infos.len() {
            self.declare_memory(index);
        }
        for index in 0..self.fns.len() {
            let (module, decl) = (self.fns[index].sig.module, self.fns[index].decl);
            let (params, result) = self.signature(module, &decl.params, decl.result.as_ref());
            if decl.result.is_none() && !decl.name.text.is_empty() {
                let d = self
                    .diag(
                        module,
                        codes::CANNOT_INFER,
                        decl.name.span,
                        format!("`{}` does not say what it gives", decl.name.text),
                    )
                    .label("write `-> T` after the parameters");
                self.report(d);
            }
            (self.fns[index].sig.params, self.fns[index].sig.result) =
                (params, if decl.result.is_none() { Ty::ERROR } else { result });
        }
        for index in 0..self.skills.len() {
            let (module, decl) = (self.skills[index].sig.module, self.skills[index].decl);
            (self.skills[index].sig.params, self.skills[index].sig.result) =
                self.signature(module, &decl.params, decl.result.as_ref());
        }
        for index in 0..self.cascades.len() {
            let (module, decl) = (self.cascades[index].sig.module, self.cascades[index].decl);
            (self.cascades[index].sig.params, self.cascades[index].sig.result) =
                self.signature(module, &decl.params, decl.result.as_ref());
        }
    }

    fn declare_type(&mut self, index: usize) {
        let (module, kind) = (self.type_infos[index].module, self.type_infos[index].kind);
        let id = ir::TypeId(index as u32);
        let resolved = match kind {
            TypeSource::Alias(_) => {
                self.type_of(id);
                return;
            }
            TypeSource::Record(decl) => TypeDefKind::Record(self.fields(module, &decl.fields)),
            TypeSource::Enum(decl) => {
                let mut variants: Vec<VariantDef> = Vec::new();
                for variant in &decl.variants {
                    self.snake(module, &variant.name);
                    let fields = match &variant.fields {
                        Some(fields) => self.fields(module, fields),
                        None => Vec::new(),
                    };
                    if let Some(kind) = variant.fields.iter().flatten().find(|f| f.name.text == "kind") {
                        let d = self
                            .diag(module, codes::BAD_TYPE, kind.name.span, "a variant has no field `kind`")
                            .label("taken")
                            .help("in JSON the name of the variant stands under `kind`; call the field something else");
                        self.report(d);
                    }
                    if variants.iter().any(|v| v.name == variant.name.text) {
                        let d = self
                            .diag(
                                module,
                                codes::DUPLICATE,
                                variant.name.span,
                                format!("the variant `{}` is there twice", variant.name.text),
                            )
                            .label("again here");
                        self.report(d);
                    } else if !variant.name.text.is_empty() {
                        variants.push(VariantDef {
                            name: variant.name.text.clone(),
                            doc: Self::type_doc(&variant.docs),
                            fields,
                            span: variant.name.span,
                        });
                    }
                }
                if variants.is_empty() && !decl.name.text.is_empty() {
                    let d = self
                        .diag(module, codes::BAD_TYPE, decl.name.span, format!("`{}` has no variants", decl.name.text))
                        .label("no value can have this type");
                    self.report(d);
                }
                TypeDefKind::Enum(variants)
            }
        };
        self.types.defs[index].kind = resolved;
    }

    fn fields(&mut self, module: usize, decls: &'a [FieldDecl]) -> Vec<FieldDef> {
        let mut fields: Vec<FieldDef> = Vec::new();
        for decl in decls {
            let ty = self.resolve(module, &decl.ty);
            self.snake(module, &decl.name);
            if fields.iter().any(|f| f.name == decl.name.text) {
                let d = self
                    .diag(
                        module,
                        codes::DUPLICATE,
                        decl.name.span,
                        format!("the field `{}` is there twice", decl.name.text),
                    )
                    .label("again here");
                self.report(d);
            } else if !decl.name.text.is_empty() {
                fields.push(FieldDef {
                    name: decl.name.text.clone(),
                    ty,
                    doc: Self::type_doc(&decl.docs),
                    default: None,
                    span: decl.name.span,
                });
            }
        }
        fields
    }

    fn declare_defaults(&mut self, index: usize) {
        let (module, kind) = (self.type_infos[index].module, self.type_infos[index].kind);
        match kind {
            TypeSource::Alias(_) => {}
            TypeSource::Record(decl) => {
                for field in &decl.fields {
                    let Some(value) = self.field_default(module, index, None, field) else { continue };
                    if let TypeDefKind::Record(fields) = &mut self.types.defs[index].kind
                        && let Some(f) = fields.iter_mut().find(|f| f.name == field.name.text)
                    {
                        f.default = Some(value);
                    }
                }
            }
            TypeSource::Enum(decl) => {
                for variant in &decl.variants {
                    for field in variant.fields.iter().flatten() {
                        let Some(value) = self.field_default(module, index, Some(&variant.name.text), field) else {
                            continue;
                        };
                        if let TypeDefKind::Enum(variants) = &mut self.types.defs[index].kind {
                            let found = variants.iter_mut().find(|v| v.name == variant.name.text);
                            if let Some(f) = found.and_then(|v| v.fields.iter_mut().find(|f| f.name == field.name.text))
                            {
                                f.default = Some(value);
                            }
                        }
                    }
                }
            }
        }
    }

    fn field_default(
        &mut self,
        module: usize,
        index: usize,
        variant: Option<&str>,
        field: &'a FieldDecl,
    ) -> Option<ir::Expr> {
        let default = field.default.as_ref()?;
        let fields = match (&self.types.defs[index].kind, variant) {
            (TypeDefKind::Record(fields), None) => fields,
            (TypeDefKind::Enum(variants), Some(v)) => &variants.iter().find(|x| x.name == v)?.fields,
            _ => return None,
        };
        let ty = fields.iter().find(|f| f.name == field.name.text)?.ty;
        Some(Body::closed(self, module, default, ty))
    }

    /// Reports records that contain themselves: no value of such a type can be built.
    fn report_infinite_types(&mut self) {
        let found = depth_first::search(self.type_infos.len(), |index| self.needs_to_build(index));
        for cycle in found.cycles {
            let Some(first) = cycle.nodes.first() else { continue };
            let (module, span) = self.type_place(*first);
            let name = self.types.defs[*first].name.clone();
            let d = self
                .diag(module, codes::BAD_TYPE, span, format!("a `{name}` would contain a `{name}` without end"))
                .label("contains itself")
                .help("make one of the fields optional (`T?`) or a list");
            self.report(d);
        }
    }

    /// The types of which a value is needed to build a value of a type.
    fn needs_to_build(&self, index: usize) -> Vec<(usize, ())> {
        let mut out = Vec::new();
        if let TypeDefKind::Record(fields) = &self.types.defs[index].kind {
            for field in fields {
                self.direct(field.ty, &mut out);
            }
        }
        out.into_iter().rev().map(|needed| (needed, ())).collect()
    }

    fn direct(&self, ty: Ty, out: &mut Vec<usize>) {
        match self.types.kind(ty) {
            TyKind::Named(id) => out.push(id.index()),
            TyKind::Refined(base, _) => self.direct(*base, out),
            TyKind::Record(fields) => fields.iter().for_each(|(_, t)| self.direct(*t, out)),
            _ => {}
        }
    }

    /// Where a type is declared.
    pub fn type_place(&self, index: usize) -> (usize, Span) {
        let info = &self.type_infos[index];
        let span = match info.kind {
            TypeSource::Record(d) => d.name.span,
            TypeSource::Enum(d) => d.name.span,
            TypeSource::Alias(d) => d.name.span,
        };
        (info.module, span)
    }

    fn signature(&mut self, module: usize, params: &'a [Param], result: Option<&'a TypeExpr>) -> (Vec<ParamInfo>, Ty) {
        let mut out: Vec<ParamInfo> = Vec::new();
        for param in params {
            self.snake(module, &param.name);
            let ty = self.resolve(module, &param.ty);
            if out.iter().any(|p| p.name == param.name.text && !p.name.is_empty()) {
                let d = self
                    .diag(
                        module,
                        codes::DUPLICATE,
                        param.name.span,
                        format!("the parameter `{}` is there twice", param.name.text),
                    )
                    .label("again here");
                self.report(d);
            }
            let default = param.default.as_ref().map(|default| Body::closed(self, module, default, ty));
            let (name, doc) = (param.name.text.clone(), Self::type_doc(&param.docs));
            out.push(ParamInfo { name, ty, doc, default, span: param.name.span });
        }
        let result = match result {
            Some(ty) => self.resolve(module, ty),
            None => Ty::NULL,
        };
        (out, result)
    }

    fn declare_memory(&mut self, index: usize) {
        let MemoryInfo { module, decl, .. } = self.memory_infos[index];
        if !matches!(decl.scope.text.as_str(), "run" | "global" | "") {
            let d = self
                .diag(
                    module,
                    codes::UNKNOWN_SETTING,
                    decl.scope.span,
                    format!("`{}` is no scope of a memory", decl.scope.text),
                )
                .label("`run` or `global`")
                .help("`run` lives with one run, `global` with the project");
            self.report(d);
        }
        self.record_words(module, [&decl.scope]);
        if let Some(via) = &decl.via {
            self.record_server(module, via);
        }
        let mut keys: Vec<(SmolStr, Ty)> = Vec::new();
        let mut out = Vec::new();
        for entry in &decl.entries {
            let symbol = Symbol::MemoryKey { of: index as u32, index: keys.len() as u32 };
            self.record_definition(module, entry.name.span, symbol);
            let ty = self.resolve(module, &entry.ty);
            let initial = match &entry.default {
                Some(value) => Body::closed(self, module, value, ty),
                None => {
                    if !self.types.nullable(ty) {
                        let shown = self.types.show(ty);
                        let d = self
                            .diag(
                                module,
                                codes::MISSING_FIELD,
                                entry.span,
                                format!("`{}` has no first value", entry.name.text),
                            )
                            .label(format!("write `= …`, or make it `{shown}?`"));
                        self.report(d);
                    }
                    ir::Expr::Const(ir::Const::Null)
                }
            };
            if self.types.holds_secret(ty) {
                let d = self
                    .diag(module, codes::SECRET_LEAK, entry.ty.span, "a memory cannot keep a secret")
                    .label("would be written to disk");
                self.report(d);
            }
            out.push(ir::MemoryKey { name: entry.name.text.clone(), ty: self.types.lower(ty), initial });
            keys.push((entry.name.text.clone(), ty));
        }
        self.memory_infos[index].keys = keys;
        let place = self.place(module, decl.name.span);
        self.out.memories.push(ir::Memory {
            name: decl.name.text.clone(),
            global: decl.scope.text == "global",
            keys: out,
            place,
        });
    }

    /// Records the name of an mcp server where nothing checks it.
    pub fn record_server(&mut self, module: usize, name: &ast::Name) {
        if self.recorder.is_some() {
            let symbol = self.probe(module, &name.text).map_or(Symbol::Builtin(Builtin::Word), Def::symbol);
            self.record_use(module, name.span, symbol);
        }
    }

    /// Checks and lowers all bodies, callees before callers. `false` when it was cancelled in between.
    pub fn bodies(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        for index in self.order(false) {
            if is_cancelled() {
                return false;
            }
            let lowered = self.lower_fn(index);
            self.out.functions[index] = Some(lowered);
        }
        for index in 0..self.skills.len() {
            if is_cancelled() {
                return false;
            }
            let lowered = self.lower_skill(index);
            self.out.skills.push(Some(lowered));
        }
        for index in self.order(true) {
            if is_cancelled() {
                return false;
            }
            let lowered = self.lower_cascade(index);
            self.out.cascades[index] = Some(lowered);
        }
        for module in 0..self.modules.len() {
            let modules = self.modules;
            for item in &modules[module].parse.file.items {
                if let ItemKind::Test(test) = &item.kind {
                    self.check_test(module, test);
                }
                // Those of cascades are lowered with them.
                if !item.attributes.is_empty() && !matches!(item.kind, ItemKind::Cascade(_)) {
                    self.item_attributes(module, item);
                }
            }
        }
        true
    }

    fn lower_fn(&mut self, index: usize) -> ir::Function {
        let (module, decl) = (self.fns[index].sig.module, self.fns[index].decl);
        let (params, result) = (self.fns[index].sig.params.clone(), self.fns[index].sig.result);
        Body::function(self, module, self.fns[index].sig.of, decl, &params, result)
    }

    /// Positions of all fns (or cascades) so that what is called comes first; reports whatever
    /// calls itself.
    fn order(&mut self, cascades: bool) -> Vec<usize> {
        let count = if cascades { self.cascades.len() } else { self.fns.len() };
        if cascades {
            self.out.cascades.resize_with(count, || None);
        } else {
            self.out.functions.resize_with(count, || None);
        }
        let found = depth_first::search(count, |index| self.callees(index, cascades));
        for cycle in found.cycles {
            let (Some(first), Some(last)) = (cycle.nodes.first(), cycle.nodes.last()) else { continue };
            let names = cycle.nodes.iter().chain([first]);
            let way: Vec<String> = names.map(|i| format!("`{}`", self.callable(*i, cascades).0)).collect();
            let message = if way.len() == 2 {
                format!("{} calls itself", way[0])
            } else {
                format!("these call each other: {}", way.join(" → "))
            };
            let d = self
                .diag(self.callable(*last, cascades).1, codes::RECURSION, cycle.closing, message)
                .label("begins again here")
                .help("nothing in Cascade recurses, so that every run has a bound; use `repeat max n` or `for`");
            self.report(d);
        }
        found.order
    }

    fn callable(&self, index: usize, cascades: bool) -> (SmolStr, usize) {
        let sig = if cascades { &self.cascades[index].sig } else { &self.fns[index].sig };
        (sig.name.clone(), sig.module)
    }

    fn callees(&self, index: usize, cascades: bool) -> Vec<(usize, Span)> {
        let mut out = Vec::new();
        let module = self.callable(index, cascades).1;
        let mut visit = |e: &'a ast::Expr| {
            let ast::ExprKind::Call { callee, .. } = &e.kind else { return };
            let def = match &callee.kind {
                ast::ExprKind::Name(name) => self.scopes[module].get(&name.text).map(|b| b.def),
                ast::ExprKind::Field { receiver, name, .. } => match &receiver.kind {
                    ast::ExprKind::Name(base) => match self.scopes[module].get(&base.text).map(|b| b.def) {
                        Some(Def::Module(other)) => self.exported(other, &name.text),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            };
            match def {
                Some(Def::Cascade(id)) if cascades => out.push((id.index(), callee.span)),
                Some(Def::Fn(id)) if !cascades => out.push((id.index(), callee.span)),
                _ => {}
            }
        };
        if cascades {
            let decl = self.cascades[index].decl;
            walk::clauses(&decl.clauses, &mut visit);
            walk::block(&decl.body, &mut visit);
        } else {
            walk::expr(&self.fns[index].decl.body, &mut visit);
        }
        out
    }
}
