//! Read-only queries about a schema.

use serde_json::{Map, Value as Json};

/// The position of a schema; it decides how its title and description are used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A declaration, which uses both.
    Declared,
    /// A field, which uses the description.
    Field,
    /// Nested in another type.
    Inside,
}

/// Whether a type or a value is not null.
pub(super) fn not_null(word: &Json) -> bool {
    !word.is_null() && word != "null"
}

/// The properties of an object that has some, or that is closed.
pub(super) fn record_fields(fields: &Map<String, Json>) -> Option<&Map<String, Json>> {
    let object = match fields.get("type") {
        Some(Json::String(word)) => word == "object",
        // Nullability is handled elsewhere.
        Some(Json::Array(words)) => words.iter().any(|w| w == "object"),
        Some(_) => false,
        None => true,
    };
    let properties = fields.get("properties").and_then(Json::as_object)?;
    let closed = fields.get("additionalProperties") == Some(&Json::Bool(false));
    (object && (!properties.is_empty() || closed)).then_some(properties)
}

/// The description, if the enclosing declaration or field does not already use it.
pub(super) fn docs_of(fields: &Map<String, Json>, at: Place) -> String {
    if at == Place::Inside { description_of(fields) } else { String::new() }
}

pub(super) fn description(schema: &Json) -> String {
    schema.as_object().map(description_of).unwrap_or_default()
}

fn description_of(fields: &Map<String, Json>) -> String {
    let text = fields.get("description").and_then(Json::as_str).unwrap_or_default().trim();
    let standard = match fields.get("x-cascade").and_then(Json::as_str) {
        Some("money") => "US dollars",
        Some("duration") => "A duration such as 1m30s",
        _ => "",
    };
    if text == standard { String::new() } else { text.to_owned() }
}
