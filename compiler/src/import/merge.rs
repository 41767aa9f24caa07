//! Merges the objects of an `allOf` into one object.

use serde_json::{Map, Value as Json};

/// Keywords of the objects that can be joined.
const JOINED: &[&str] = &["type", "properties", "required", "title", "description", "additionalProperties", "$comment"];

/// The schema, with every `allOf` of plain objects merged.
pub(super) fn join_all_of(schema: &Json) -> Json {
    let mut out = schema.clone();
    merge_parts(&mut out, schema, 0);
    out
}

fn merge_parts(schema: &mut Json, root: &Json, depth: usize) {
    // The JSON parser limits the nesting of a text; what references add is limited here.
    if depth > 200 {
        return;
    }
    match schema {
        Json::Object(fields) => {
            if let Some(one) = merge_all_of(fields, root, 0) {
                *fields = one;
            }
            fields.values_mut().for_each(|value| merge_parts(value, root, depth + 1));
        }
        Json::Array(items) => items.iter_mut().for_each(|value| merge_parts(value, root, depth + 1)),
        _ => {}
    }
}

/// An object merged with the objects of its `allOf`.
fn merge_all_of(fields: &Map<String, Json>, root: &Json, depth: usize) -> Option<Map<String, Json>> {
    let all = fields.get("allOf")?.as_array()?;
    if depth > 16 || all.len() + usize::from(fields.contains_key("properties")) < 2 {
        return None;
    }
    let mut out: Map<String, Json> =
        fields.iter().filter(|(key, _)| *key != "allOf").map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut properties = Map::new();
    let mut required: Vec<Json> = Vec::new();
    let own = fields.iter().filter(|(key, _)| *key != "allOf").map(|(k, v)| (k.clone(), v.clone())).collect();
    for part in all.iter().map(|part| object_of(part, root, depth)).chain([Some(own)]) {
        let part = part?;
        for (key, property) in part.get("properties").and_then(Json::as_object).into_iter().flatten() {
            // Two different definitions of one property cannot be merged.
            if properties.get(key).is_some_and(|known| known != property) {
                return None;
            }
            properties.insert(key.clone(), property.clone());
        }
        for key in part.get("required").and_then(Json::as_array).into_iter().flatten() {
            if !required.contains(key) {
                required.push(key.clone());
            }
        }
    }
    out.insert("type".to_owned(), Json::from("object"));
    out.insert("properties".to_owned(), Json::Object(properties));
    out.insert("required".to_owned(), Json::Array(required));
    Some(out)
}

/// An element of an `allOf`, if it is an object without other constraints.
fn object_of(part: &Json, root: &Json, depth: usize) -> Option<Map<String, Json>> {
    let target = match part.get("$ref").and_then(Json::as_str) {
        Some(reference) => root.pointer(reference.strip_prefix('#')?)?,
        None => part,
    };
    let fields = target.as_object()?;
    let fields = merge_all_of(fields, root, depth + 1).unwrap_or_else(|| fields.clone());
    let plain =
        fields.keys().all(|key| JOINED.contains(&key.as_str())) && fields.get("type").is_none_or(|t| t == "object");
    (plain && fields.contains_key("properties")).then_some(fields)
}
