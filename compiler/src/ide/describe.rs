//! What a declaration is, in words: its first line, its documentation.

use cascade_grammar::ast::{ItemKind, SkillLineKind};

use crate::{
    compile::Analysis,
    index::{Builtin, Callable, Symbol},
    types::{Ty, TyKind, TypeDefKind},
    world::{Origin, Signature, doc_text},
};

/// What editors show of something with a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// How it is declared, in the syntax of the language.
    pub code: String,
    /// Its documentation, in Markdown.
    pub documentation: String,
}

impl Analysis {
    /// The symbol's declaration in words. `None` for what has none.
    pub(super) fn describe(&self, symbol: Symbol) -> Option<Description> {
        let types = &self.types;
        let field = |name: &str, ty: Ty, doc: &str| Description {
            code: format!("{name}: {}", types.type_text(ty)),
            documentation: doc.to_owned(),
        };
        let with_doc = |code: String, origin: Origin| {
            Some(Description { code, documentation: self.doc_of(origin).unwrap_or_default() })
        };
        match symbol {
            Symbol::Type(id) => {
                let def = types.defs.get(id as usize)?;
                let code = match &def.kind {
                    TypeDefKind::Record(fields) => {
                        let fields: Vec<_> =
                            fields.iter().map(|f| format!("  {}: {}\n", f.name, types.type_text(f.ty))).collect();
                        format!("type {} {{\n{}}}", def.name, fields.concat())
                    }
                    TypeDefKind::Enum(variants) => {
                        let names: Vec<_> = variants.iter().map(|v| v.name.as_str()).collect();
                        format!("enum {} {{ {} }}", def.name, names.join(", "))
                    }
                    TypeDefKind::Alias(ty) => format!("type {} = {}", def.name, types.type_text(*ty)),
                    TypeDefKind::Unknown | TypeDefKind::Resolving => format!("type {}", def.name),
                };
                Some(Description { code, documentation: def.doc.clone() })
            }
            Symbol::Model(id) => {
                let declared = self.declared.models.get(id as usize)?;
                let provides: Vec<_> = declared.model.provides.iter().map(|p| p.as_str()).collect();
                let code = format!(
                    "model {} {{ provider: {}, id: \"{}\", provides: [{}] }}",
                    declared.model.name,
                    declared.model.provider,
                    declared.model.id,
                    provides.join(", ")
                );
                with_doc(code, declared.origin)
            }
            Symbol::Route(id) => {
                let declared = self.declared.routes.get(id as usize)?;
                with_doc(format!("route {}", declared.route.name), declared.origin)
            }
            Symbol::Mcp(id) => {
                let declared = self.declared.servers.get(id as usize)?;
                with_doc(format!("mcp {}", declared.server.name), declared.origin)
            }
            Symbol::Memory(id) => {
                let declared = self.declared.memories.get(id as usize)?;
                with_doc(format!("memory {}", declared.name), declared.origin)
            }
            Symbol::Skill(id) => self.describe_callable(Callable::Skill(id)),
            Symbol::Fn(id) => self.describe_callable(Callable::Fn(id)),
            Symbol::Cascade(id) => self.describe_callable(Callable::Cascade(id)),
            Symbol::Module(module) => {
                let module = self.modules.get(module as usize)?;
                Some(Description {
                    code: format!("import {}", module.name),
                    documentation: doc_text(&module.parse.file.docs),
                })
            }
            Symbol::Field { of, index } => match &types.defs.get(of as usize)?.kind {
                TypeDefKind::Record(fields) => fields.get(index as usize).map(|f| field(&f.name, f.ty, &f.doc)),
                _ => None,
            },
            Symbol::Variant { of, index } => {
                let def = types.defs.get(of as usize)?;
                let TypeDefKind::Enum(variants) = &def.kind else { return None };
                let variant = variants.get(index as usize)?;
                let fields: Vec<_> =
                    variant.fields.iter().map(|f| format!("{}: {}", f.name, types.type_text(f.ty))).collect();
                let fields = if fields.is_empty() { String::new() } else { format!(" {{ {} }}", fields.join(", ")) };
                Some(Description {
                    code: format!("{}.{}{fields}", def.name, variant.name),
                    documentation: variant.doc.clone(),
                })
            }
            Symbol::VariantField { of, variant, index } => match &types.defs.get(of as usize)?.kind {
                TypeDefKind::Enum(variants) => {
                    variants.get(variant as usize)?.fields.get(index as usize).map(|f| field(&f.name, f.ty, &f.doc))
                }
                _ => None,
            },
            Symbol::RecordField { record, index } => match types.kind(record) {
                TyKind::Record(fields) => fields.get(index as usize).map(|(name, ty)| field(name, *ty, "")),
                _ => None,
            },
            Symbol::MemoryKey { of, index } => {
                let key = self.declared.memories.get(of as usize)?.keys.get(index as usize)?;
                Some(field(&key.name, key.ty, ""))
            }
            Symbol::Param { of, index } => {
                let param = self.declared.signature(of)?.params.get(index as usize)?;
                Some(field(&param.name, param.ty, &param.doc))
            }
            Symbol::Variable { module, start } => {
                let variables = &self.index.modules().get(module as usize)?.variables;
                let variable = variables.iter().find(|v| v.span.start == start)?;
                Some(field(&variable.name, variable.ty, ""))
            }
            Symbol::Builtin(Builtin::Type | Builtin::Function | Builtin::Method | Builtin::Word | Builtin::Key)
            | Symbol::Missing => None,
        }
    }

    fn describe_callable(&self, of: Callable) -> Option<Description> {
        let signature = self.declared.signature(of)?;
        Some(Description {
            code: self.signature_text(signature),
            documentation: self.doc_of(signature.origin).unwrap_or_default(),
        })
    }

    /// `skill name(a: int, b: string = …) -> T`.
    pub(super) fn signature_text(&self, signature: &Signature) -> String {
        let kind = match signature.of {
            _ if signature.is_constant => return self.constant_text(signature),
            Callable::Skill(_) => "skill",
            Callable::Fn(_) => "fn",
            Callable::Cascade(_) => "cascade",
        };
        let params: Vec<String> = (0..signature.params.len()).map(|n| self.param_text(signature, n)).collect();
        format!("{kind} {}({}){}", signature.name, params.join(", "), self.result_text(signature))
    }

    fn constant_text(&self, signature: &Signature) -> String {
        format!("let {}: {}", signature.name, self.types.type_text(signature.result))
    }

    /// `name: T`, with ` = …` where there is a default.
    pub(super) fn param_text(&self, signature: &Signature, number: usize) -> String {
        let Some(param) = signature.params.get(number) else { return String::new() };
        let default = if param.default.is_some() { " = …" } else { "" };
        format!("{}: {}{default}", param.name, self.types.type_text(param.ty))
    }

    /// ` -> T`, empty where there is no result.
    pub(super) fn result_text(&self, signature: &Signature) -> String {
        match signature.result {
            Ty::NULL => String::new(),
            ty => format!(" -> {}", self.types.type_text(ty)),
        }
    }

    /// The documentation of a declaration.
    pub(super) fn doc_of(&self, origin: Origin) -> Option<String> {
        let item = self.modules.get(origin.module)?.parse.file.items.get(origin.item)?;
        Some(doc_text(&item.docs))
    }

    /// The capabilities that a skill asks for.
    pub(super) fn needs_of(&self, signature: &Signature) -> Vec<&str> {
        let module = self.modules.get(signature.origin.module);
        let item = module.and_then(|m| m.parse.file.items.get(signature.origin.item));
        let Some(ItemKind::Skill(decl)) = item.map(|item| &item.kind) else { return Vec::new() };
        let lines = decl.body.iter().filter_map(|line| match &line.kind {
            SkillLineKind::Needs(names) => Some(names),
            _ => None,
        });
        lines.flatten().map(|name| name.text.as_str()).collect()
    }

    /// Whether a skill asks a model.
    pub(super) fn asks_model(&self, signature: &Signature) -> bool {
        let module = self.modules.get(signature.origin.module);
        let item = module.and_then(|m| m.parse.file.items.get(signature.origin.item));
        let Some(ItemKind::Skill(decl)) = item.map(|item| &item.kind) else { return false };
        decl.body.iter().any(|line| {
            matches!(line.kind, SkillLineKind::Prompt(_) | SkillLineKind::Agent { .. } | SkillLineKind::SkillFile(_))
        })
    }
}
