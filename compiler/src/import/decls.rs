//! The declarations under construction.

use super::{Loss, write::LineOrigin};

/// All declarations, in their order.
#[derive(Debug, Default)]
pub(super) struct Decls(pub Vec<Decl>);

/// One declaration.
#[derive(Debug)]
pub(super) struct Decl {
    pub name: String,
    pub docs: String,
    /// What could not be converted, for comments.
    pub notes: Vec<String>,
    /// Its JSON pointer in the schema.
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
    /// Replaces the type at a place by `json`; gives whether that changes anything.
    pub fn replace_with_json(&mut self, at: &LineOrigin, why: &str, lost: &mut Vec<Loss>) -> bool {
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
                lost.push(Loss { place: field.place.clone(), what: format!("its default: {why}") });
                true
            }
            Some(field) if field.ty != "json" => {
                field.ty = "json".to_owned();
                field.notes.push(format!("more is known of it: {why}"));
                lost.push(Loss { place: field.place.clone(), what: format!("its type: {why}") });
                true
            }
            _ if !free => {
                decl.kind = Kind::Alias("json".to_owned());
                decl.notes.push(format!("more is known of it: {why}"));
                lost.push(Loss { place, what: format!("its type: {why}") });
                true
            }
            _ => false,
        }
    }

    /// Removes all declarations.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
