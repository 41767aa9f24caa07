//! Declared types: records and enums with their fields, aliases, and the defaults of fields.

use std::sync::Arc;

use cascade_grammar::ast::{FieldDecl, ItemKind};
use cascade_ir as ir;

use super::Declarer;
use crate::{
    codes, depth_first,
    types::{FieldDef, Ty, TyKind, TypeDefKind, VariantDef},
    world::{Origin, doc_text},
};

impl Declarer<'_> {
    /// Resolves all declared types, without the defaults of their fields.
    pub(super) fn declare_types(&mut self) {
        for index in 0..self.declared.types.len() {
            self.declare_type(index);
        }
        self.report_infinite_types();
    }

    /// Checks the defaults of fields, which may name variants of any enum and all constants.
    pub(super) fn declare_all_defaults(&mut self) {
        for index in 0..self.declared.types.len() {
            self.declare_defaults(index);
        }
    }

    fn declare_type(&mut self, index: usize) {
        let origin = self.declared.types[index].origin;
        let module = origin.module;
        let resolved = match &self.files.item(module, origin.item).kind {
            ItemKind::Alias(_) => {
                self.with_resolver(module, |resolver| resolver.type_of(ir::TypeId(index as u32)));
                return;
            }
            ItemKind::Type(decl) => TypeDefKind::Record(self.declare_fields(module, &decl.fields)),
            ItemKind::Enum(decl) => {
                let mut variants: Vec<VariantDef> = Vec::new();
                for variant in &decl.variants {
                    self.check_value_name(module, &variant.name);
                    let fields = match &variant.fields {
                        Some(fields) => self.declare_fields(module, fields),
                        None => Vec::new(),
                    };
                    if let Some(kind) = variant.fields.iter().flatten().find(|f| f.name.text == "kind") {
                        let d = self
                            .view(module)
                            .diagnostic(codes::BAD_TYPE, kind.name.span, "a variant has no field `kind`")
                            .label("taken")
                            .help("in JSON the name of the variant stands under `kind`; call the field something else");
                        self.report(module, d);
                    }
                    if variants.iter().any(|v| v.name == variant.name.text) {
                        let d = self
                            .view(module)
                            .diagnostic(
                                codes::DUPLICATE,
                                variant.name.span,
                                format!("the variant `{}` is there twice", variant.name.text),
                            )
                            .label("again here");
                        self.report(module, d);
                    } else if !variant.name.text.is_empty() {
                        variants.push(VariantDef {
                            name: variant.name.text.clone(),
                            doc: doc_text(&variant.docs),
                            fields,
                            span: variant.name.span,
                        });
                    }
                }
                if variants.is_empty() && !decl.name.text.is_empty() {
                    let d = self
                        .view(module)
                        .diagnostic(codes::BAD_TYPE, decl.name.span, format!("`{}` has no variants", decl.name.text))
                        .label("no value can have this type");
                    self.report(module, d);
                }
                TypeDefKind::Enum(variants)
            }
            _ => return,
        };
        Arc::make_mut(&mut self.types.defs)[index].kind = resolved;
    }

    fn declare_fields(&mut self, module: usize, decls: &[FieldDecl]) -> Vec<FieldDef> {
        let mut fields: Vec<FieldDef> = Vec::new();
        for decl in decls {
            let ty = self.resolve_type(module, &decl.ty);
            self.check_value_name(module, &decl.name);
            if fields.iter().any(|f| f.name == decl.name.text) {
                let d = self
                    .view(module)
                    .diagnostic(
                        codes::DUPLICATE,
                        decl.name.span,
                        format!("the field `{}` is there twice", decl.name.text),
                    )
                    .label("again here");
                self.report(module, d);
            } else if !decl.name.text.is_empty() {
                fields.push(FieldDef {
                    name: decl.name.text.clone(),
                    ty,
                    doc: doc_text(&decl.docs),
                    default: None,
                    span: decl.name.span,
                });
            }
        }
        fields
    }

    fn declare_defaults(&mut self, index: usize) {
        let origin = self.declared.types[index].origin;
        let module = origin.module;
        match &self.files.item(module, origin.item).kind {
            ItemKind::Type(decl) => {
                for field in &decl.fields {
                    let Some(value) = self.check_default(module, index, None, field) else { continue };
                    if let TypeDefKind::Record(fields) = &mut Arc::make_mut(&mut self.types.defs)[index].kind
                        && let Some(f) = fields.iter_mut().find(|f| f.name == field.name.text)
                    {
                        f.default = Some(value);
                    }
                }
            }
            ItemKind::Enum(decl) => {
                for variant in &decl.variants {
                    for field in variant.fields.iter().flatten() {
                        let Some(value) = self.check_default(module, index, Some(&variant.name.text), field) else {
                            continue;
                        };
                        if let TypeDefKind::Enum(variants) = &mut Arc::make_mut(&mut self.types.defs)[index].kind {
                            let found = variants.iter_mut().find(|v| v.name == variant.name.text);
                            if let Some(f) = found.and_then(|v| v.fields.iter_mut().find(|f| f.name == field.name.text))
                            {
                                f.default = Some(value);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// The default of a field of a record, or of a variant.
    fn check_default(
        &mut self,
        module: usize,
        index: usize,
        variant: Option<&str>,
        field: &FieldDecl,
    ) -> Option<ir::Expr> {
        let default = field.default.as_ref()?;
        let fields = match (&self.types.defs[index].kind, variant) {
            (TypeDefKind::Record(fields), None) => fields,
            (TypeDefKind::Enum(variants), Some(v)) => &variants.iter().find(|x| x.name == v)?.fields,
            _ => return None,
        };
        let ty = fields.iter().find(|f| f.name == field.name.text)?.ty;
        Some(self.check_constant(module, default, ty))
    }

    /// Reports records that contain themselves: no value of such a type can be built.
    fn report_infinite_types(&mut self) {
        let found = depth_first::search_depth_first(self.declared.types.len(), |index| self.needs_to_build(index));
        for cycle in found.cycles {
            let Some(first) = cycle.nodes.first() else { continue };
            let Origin { module, span, .. } = self.declared.types[*first].origin;
            let name = self.types.defs[*first].name.clone();
            let d = self
                .view(module)
                .diagnostic(
                    codes::BAD_TYPE,
                    span,
                    format!("`{name}` contains itself, so that its values would be infinite"),
                )
                .label("contains itself")
                .help("make one of the fields optional (`T?`) or a list");
            self.report(module, d);
        }
    }

    /// The types of which a value is needed to build a value of a type.
    fn needs_to_build(&self, index: usize) -> Vec<(usize, ())> {
        let mut out = Vec::new();
        if let TypeDefKind::Record(fields) = &self.types.defs[index].kind {
            for field in fields {
                self.add_types_inside(field.ty, &mut out);
            }
        }
        out.into_iter().rev().map(|needed| (needed, ())).collect()
    }

    /// Adds the declared types of which a value of the type holds one for certain.
    fn add_types_inside(&self, ty: Ty, out: &mut Vec<usize>) {
        match self.types.kind(ty) {
            TyKind::Named(id) => out.push(id.index()),
            TyKind::Refined(base, _) => self.add_types_inside(*base, out),
            TyKind::Record(fields) => fields.iter().for_each(|(_, t)| self.add_types_inside(*t, out)),
            _ => {}
        }
    }
}
