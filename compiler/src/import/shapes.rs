//! `oneOf` and `anyOf` of objects without a common tag: an enum, of which a value is read as the one variant that it
//! fits.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::{
    convert::Importer,
    decls::Variant,
    inspect::{description, record_fields},
    keywords::{is_variant, to_snake_case},
};

/// One of the objects among which a schema lets a value choose.
pub(super) struct Shape<'s> {
    /// The name of its variant.
    name: String,
    /// Where it is within the schema: `anyOf/1`.
    place: String,
    schema: &'s Json,
    fields: &'s Map<String, Json>,
}

/// The alternatives of a schema and the word that introduces them.
pub(super) fn find_alternatives(fields: &Map<String, Json>) -> Option<(&'static str, &[Json])> {
    let word = ["oneOf", "anyOf"].into_iter().find(|word| fields.contains_key(*word))?;
    Some((word, fields.get(word)?.as_array()?))
}

/// Whether a schema is that of null.
pub(super) fn is_null(way: &Json) -> bool {
    way.get("type").is_some_and(|t| t == "null") || way.get("const").is_some_and(Json::is_null)
}

impl<'s> Importer<'s> {
    /// The objects among which a schema lets a value choose, apart from null. `None` if there are fewer than two, if
    /// one is no object with fields, or if they have no names that differ.
    pub(super) fn shapes(&self, fields: &'s Map<String, Json>) -> Option<Vec<Shape<'s>>> {
        let (word, ways) = find_alternatives(fields)?;
        let mut shapes = Vec::new();
        for (index, way) in ways.iter().enumerate().filter(|(_, way)| !is_null(way)) {
            let reference = way.get("$ref").and_then(Json::as_str);
            let schema = match reference {
                Some(reference) => self.resolve_reference(reference)?,
                None => way,
            };
            let fields = schema.as_object()?;
            let properties = record_fields(fields)?;
            // In the language a field `kind` is the tag of its variant.
            if properties.is_empty() || properties.contains_key("kind") {
                return None;
            }
            let title = || schema.get("title").and_then(Json::as_str);
            let constant = || properties.values().find_map(|p| p.get("const").and_then(Json::as_str));
            let name = reference.and_then(|r| r.rsplit('/').next()).or_else(title).or_else(constant).map(to_snake_case);
            let name = name.filter(|name| is_variant(name)).unwrap_or_else(|| format!("option_{}", index + 1));
            shapes.push(Shape { name, place: format!("{word}/{index}"), schema, fields });
        }
        let names: HashSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        (shapes.len() > 1 && names.len() == shapes.len()).then_some(shapes)
    }

    /// The variants of an enum of such objects.
    pub(super) fn shape_variants(&mut self, shapes: Vec<Shape<'s>>, name: &str, place: &str) -> Vec<Variant> {
        let variant = |shape: Shape<'s>| {
            // The losses within a variant are reported; a variant has no place for comments.
            let mut notes = Vec::new();
            let place = format!("{place}/{}", shape.place);
            let fields = self.fields(shape.fields, (&format!("{name}_{}", shape.name), &place, ""), &mut notes);
            Variant { name: shape.name, docs: description(shape.schema), fields }
        };
        shapes.into_iter().map(variant).collect()
    }
}
