//! Types as the IR has them.

use cascade_ir as ir;

use super::{FieldDef, Ty, TyKind, TypeDefKind, Types};

impl Types {
    /// The type as the runtime needs it.
    pub fn lower(&self, ty: Ty) -> ir::Type {
        match self.kind(ty) {
            TyKind::Error | TyKind::Never | TyKind::Null => ir::Type::Null,
            TyKind::String => ir::Type::String,
            TyKind::Int => ir::Type::Int,
            TyKind::Float => ir::Type::Float,
            TyKind::Bool => ir::Type::Bool,
            TyKind::Path => ir::Type::Path,
            TyKind::Json => ir::Type::Json,
            TyKind::Duration => ir::Type::Duration,
            TyKind::Time => ir::Type::Time,
            TyKind::Money => ir::Type::Money,
            TyKind::Secret => ir::Type::Secret,
            TyKind::Command => ir::Type::Command,
            TyKind::Model => ir::Type::Model,
            TyKind::File => ir::Type::Artifact(ir::ArtifactKind::File),
            TyKind::Image => ir::Type::Artifact(ir::ArtifactKind::Image),
            TyKind::Audio => ir::Type::Artifact(ir::ArtifactKind::Audio),
            TyKind::Video => ir::Type::Artifact(ir::ArtifactKind::Video),
            TyKind::List(t) => ir::Type::List(Box::new(self.lower(*t))),
            TyKind::Map(t) => ir::Type::Map(Box::new(self.lower(*t))),
            TyKind::Optional(t) => ir::Type::Optional(Box::new(self.lower(*t))),
            TyKind::Record(fields) => ir::Type::Record(
                fields
                    .iter()
                    .map(|(name, t)| ir::Field {
                        name: name.clone(),
                        ty: self.lower(*t),
                        doc: String::new(),
                        default: None,
                    })
                    .collect(),
            ),
            TyKind::Named(id) => ir::Type::Named(*id),
            TyKind::Refined(base, r) => {
                ir::Type::Refined(Box::new(self.lower(*base)), Box::new(self.refinements[*r as usize].clone()))
            }
        }
    }

    /// Declared types as the runtime needs them.
    pub fn lower_defs(&self) -> Vec<ir::TypeDef> {
        let fields = |fields: &[FieldDef]| {
            fields
                .iter()
                .map(|f| ir::Field {
                    name: f.name.clone(),
                    ty: self.lower(f.ty),
                    doc: f.doc.clone(),
                    default: f.default.clone(),
                })
                .collect()
        };
        self.defs
            .iter()
            .map(|def| ir::TypeDef {
                name: def.name.clone(),
                doc: def.doc.clone(),
                kind: match &def.kind {
                    TypeDefKind::Unknown | TypeDefKind::Resolving => ir::TypeDefKind::Alias(ir::Type::Null),
                    TypeDefKind::Record(f) => ir::TypeDefKind::Record(fields(f)),
                    TypeDefKind::Alias(t) => ir::TypeDefKind::Alias(self.lower(*t)),
                    TypeDefKind::Enum(variants) => ir::TypeDefKind::Enum(
                        variants
                            .iter()
                            .map(|v| ir::Variant {
                                name: v.name.clone(),
                                doc: v.doc.clone(),
                                fields: fields(&v.fields),
                            })
                            .collect(),
                    ),
                },
            })
            .collect()
    }
}
