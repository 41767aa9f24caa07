//! The declarations that are being made.

use super::{Lost, write::At};

/// All declarations in their order.
#[derive(Debug, Default)]
pub(super) struct Decls(pub Vec<Decl>);

/// One declaration.
#[derive(Debug)]
pub(super) struct Decl {
    pub name: String,
    pub docs: String,
    /// What could not be said, for comments.
    pub notes: Vec<String>,
    /// Where it stands in the schema.
    pub place: String,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Record(Vec<Field>),
    Enum(Vec<Variant>),
    Alias(String),
}

/// A field of a record or of a variant.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    pub ty: String,
    pub default: Option<String>,
    pub docs: String,
    pub notes: Vec<String>,
    pub place: String,
}

/// A variant of an enum.
#[derive(Debug)]
pub(super) struct Variant {
    pub name: String,
    pub docs: String,
    pub fields: Vec<Field>,
}

impl Decls {
    /// Makes free JSON of what stands at a place; whether that changes anything.
    pub fn free(&mut self, at: &At, why: &str, lost: &mut Vec<Lost>) -> bool {
        let Some(decl) = self.0.get_mut(at.decl) else { return false };
        let place = decl.place.clone();
        let free = matches!(&decl.kind, Kind::Alias(ty) if ty == "json");
        let field = match (&mut decl.kind, at.field) {
            (Kind::Record(fields), Some(n)) => fields.get_mut(n),
            (Kind::Enum(variants), Some(n)) => variants.iter_mut().flat_map(|v| &mut v.fields).nth(n),
            _ => None,
        };
        match field {
            Some(field) if field.default.is_some() => {
                field.default = None;
                lost.push(Lost { place: field.place.clone(), what: format!("its default: {why}") });
                true
            }
            Some(field) if field.ty != "json" => {
                field.ty = "json".to_owned();
                field.notes.push(format!("more is known of it: {why}"));
                lost.push(Lost { place: field.place.clone(), what: format!("its type: {why}") });
                true
            }
            _ if !free => {
                decl.kind = Kind::Alias("json".to_owned());
                decl.notes.push(format!("more is known of it: {why}"));
                lost.push(Lost { place, what: format!("its type: {why}") });
                true
            }
            _ => false,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
