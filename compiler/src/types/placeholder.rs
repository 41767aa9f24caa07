//! Values that stand where the author has not written one yet.

use super::{Ty, TyKind, TypeDefKind, Types};

/// How deeply records are filled in: a type may contain itself.
const DEEPEST: usize = 4;

impl Types {
    /// The text of a value of a type: zero, empty, null, the first variant. `None` where no value can be written, or
    /// none is as good as another (a secret, a file, a type with a condition).
    pub fn placeholder(&self, ty: Ty) -> Option<String> {
        self.placeholder_within(ty, DEEPEST)
    }

    fn placeholder_within(&self, ty: Ty, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        if self.nullable(ty) {
            return Some("null".to_owned());
        }
        let fill = |fields: &mut dyn Iterator<Item = (&str, Ty)>| -> Option<Vec<String>> {
            fields.map(|(name, ty)| Some(format!("{name}: {}", self.placeholder_within(ty, depth)?))).collect()
        };
        Some(match self.kind(ty) {
            TyKind::String | TyKind::Path => "\"\"".to_owned(),
            TyKind::Int => "0".to_owned(),
            TyKind::Float => "0.0".to_owned(),
            TyKind::Bool => "false".to_owned(),
            TyKind::Json | TyKind::Null => "null".to_owned(),
            TyKind::Duration => "0s".to_owned(),
            TyKind::Money => "0usd".to_owned(),
            TyKind::List(_) => "[]".to_owned(),
            TyKind::Map(_) => "{}".to_owned(),
            TyKind::Record(fields) => {
                let fields = fill(&mut fields.iter().map(|(name, ty)| (name.as_str(), *ty)))?;
                format!("{{ {} }}", fields.join(", "))
            }
            TyKind::Named(id) => match &self.defs.get(id.index())?.kind {
                TypeDefKind::Record(fields) => {
                    let needed = fields.iter().filter(|field| field.default.is_none() && !self.nullable(field.ty));
                    let fields = fill(&mut needed.map(|field| (field.name.as_str(), field.ty)))?;
                    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
                }
                TypeDefKind::Enum(variants) => {
                    let plain = variants.iter().find(|variant| variant.fields.is_empty());
                    plain?.name.to_string()
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}
