//! Whether the arguments of a tool fit the schema that its server declares: the mistakes that are made in programs.
//! The server itself checks the rest.

use serde_json::Value as Json;

/// What is wrong with the arguments, in words; `None`: nothing that is seen here.
pub(super) fn find_mismatch(schema: &Json, args: &Json) -> Option<String> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let required = schema.get("required").and_then(Json::as_array);
    let args = args.as_object()?;
    for name in required.into_iter().flatten().filter_map(Json::as_str) {
        if !args.contains_key(name) {
            return Some(format!("`{name}` is missing"));
        }
    }
    let properties = properties?;
    for (name, value) in args {
        match properties.get(name) {
            Some(property) => {
                let types = expected_types(property);
                if !types.is_empty() && !types.iter().any(|expected| is_of_type(value, expected)) {
                    return Some(format!("`{name}` must be {}, and is {value}", types.join(" or ")));
                }
            }
            None if schema.get("additionalProperties") == Some(&Json::Bool(false)) => {
                let known: Vec<String> = properties.keys().map(|known| format!("`{known}`")).collect();
                return Some(format!("there is no `{name}`; it takes {}", known.join(", ")));
            }
            None => {}
        }
    }
    None
}

/// The types that a schema names.
fn expected_types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of_type(value: &Json, expected: &str) -> bool {
    match expected {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        // A type that this version does not know forbids nothing.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find_mismatch;

    #[test]
    fn the_mistakes_of_programs_are_seen() {
        let schema = json!({
            "type": "object",
            "properties": { "a": { "type": "number" }, "b": { "type": ["string", "null"] }, "c": {} },
            "required": ["a"],
            "additionalProperties": false,
        });
        for (args, why) in [
            (json!({ "a": 1, "b": "x", "c": [] }), None),
            (json!({ "a": 1.5, "b": null }), None),
            (json!({}), Some("`a` is missing")),
            (json!({ "a": "1" }), Some("`a` must be number, and is \"1\"")),
            (json!({ "a": 1, "b": 2 }), Some("`b` must be string or null, and is 2")),
            (json!({ "a": 1, "d": 2 }), Some("there is no `d`; it takes `a`, `b`, `c`")),
        ] {
            assert_eq!(find_mismatch(&schema, &args).as_deref(), why, "{args}");
        }
        // A server that says nothing of its arguments takes all.
        assert_eq!(find_mismatch(&json!({ "type": "object" }), &json!({ "x": 1 })), None);
    }
}
