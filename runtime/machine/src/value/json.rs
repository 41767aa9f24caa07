//! Values as JSON.

use serde_json::{Map, Number, Value as Json};
use smol_str::SmolStr;

use super::{LargeNumber, REDACTED, Value, format_duration, format_time};

/// The canonical JSON form. A secret becomes a placeholder, a duration a text, a time RFC 3339 text, money a number of
/// dollars, a variant its name or an object with `kind`.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(f) => Number::from_f64(*f).map_or(Json::Null, Json::Number),
        Value::Large(number) => number.to_json(),
        Value::Str(s) => Json::String(s.to_string()),
        Value::Duration(ms) => Json::String(format_duration(*ms)),
        Value::Time(ms) => Json::String(format_time(*ms)),
        Value::Money(micro) if micro % 1_000_000 == 0 => Json::from(micro / 1_000_000),
        Value::Money(micro) => Number::from_f64(*micro as f64 / 1e6).map_or(Json::Null, Json::Number),
        Value::Path(p) => Json::String(p.to_string()),
        Value::Secret(_) => Json::String(REDACTED.to_owned()),
        Value::Command(c) => Json::String(c.to_string()),
        Value::Artifact(a) => Json::String(a.path.clone()),
        Value::Model(m) => Json::String(format!("{m:?}")),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(_) | Value::Record(_) => Json::Object(object_of(value)),
        Value::Variant(v) if !v.tagged => Json::String(v.name.to_string()),
        Value::Variant(v) => {
            let mut all = Map::new();
            all.insert("kind".to_owned(), Json::String(v.name.to_string()));
            all.extend(object_of(value));
            Json::Object(all)
        }
    }
}

fn object_of(value: &Value) -> Map<String, Json> {
    value.entries().into_iter().flatten().map(|(k, v)| (k.to_string(), to_json(v))).collect()
}

/// JSON as a dynamic value: objects become maps, and numbers that neither an integer nor a float holds stay as they are.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(i) => Value::Int(i),
            None => match (LargeNumber::from_number(n), n.as_f64()) {
                (None, Some(float)) => Value::Float(float),
                (Some(large), _) => Value::Large(large),
                (None, None) => Value::Null,
            },
        },
        Json::String(s) => Value::str(s.as_str()),
        Json::Array(items) => Value::list(items.iter().map(from_json).collect()),
        Json::Object(fields) => {
            Value::map(fields.iter().map(|(k, v)| (SmolStr::from(k.as_str()), from_json(v))).collect())
        }
    }
}
