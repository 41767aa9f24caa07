//! Looks at a schema without changing anything.

use serde_json::{Map, Value as Json};

/// Where a schema stands, which decides what is made of its title and its description.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a declaration, which has both.
    Declared,
    /// It is a field's, which has the description.
    Field,
    /// It is inside of another type.
    Inside,
}

/// Whether a type or a value is not null.
pub(super) fn not_null(word: &Json) -> bool {
    !word.is_null() && word != "null"
}

/// The properties of an object that has some, or that may have no others.
pub(super) fn record(fields: &Map<String, Json>) -> Option<&Map<String, Json>> {
    let object = match fields.get("type") {
        Some(Json::String(word)) => word == "object",
        // Whether null is meant too is asked elsewhere.
        Some(Json::Array(words)) => words.iter().any(|w| w == "object"),
        Some(_) => false,
        None => true,
    };
    let properties = fields.get("properties").and_then(Json::as_object)?;
    let closed = fields.get("additionalProperties") == Some(&Json::Bool(false));
    (object && (!properties.is_empty() || closed)).then_some(properties)
}

/// The description, where nobody else says it.
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
