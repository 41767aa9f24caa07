//! The names that the language itself gives: types, functions, methods.

use crate::types::{Ty, TyKind};

/// Names of the built-in types.
pub(crate) const BASIC_TYPE_NAMES: &[&str] = &[
    "string", "int", "float", "bool", "path", "json", "duration", "time", "money", "secret", "command", "file",
    "image", "audio", "video", "model", "list", "map", "outcome",
];

/// The built-in type of a name; `list` and `map` take an argument and are not among them.
pub(crate) fn basic_type(name: &str) -> Option<Ty> {
    Some(match name {
        "string" => Ty::STRING,
        "int" => Ty::INT,
        "float" => Ty::FLOAT,
        "bool" => Ty::BOOL,
        "path" => Ty::PATH,
        "json" => Ty::JSON,
        "duration" => Ty::DURATION,
        "time" => Ty::TIME,
        "money" => Ty::MONEY,
        "secret" => Ty::SECRET,
        "command" => Ty::COMMAND,
        "file" => Ty::FILE,
        "image" => Ty::IMAGE,
        "audio" => Ty::AUDIO,
        "video" => Ty::VIDEO,
        "model" => Ty::MODEL,
        _ => return None,
    })
}

/// Functions without a receiver, each with its form.
pub(crate) const FREE_FUNCTIONS: &[(&str, &str)] = &[
    ("min", "min(a, b, …)"),
    ("max", "max(a, b, …)"),
    ("abs", "abs(x)"),
    ("round", "round(x)"),
    ("range", "range(n)"),
    ("slug", "slug(text)"),
];

/// Functions that wait for a person; stages only.
pub(crate) const PERSON_FUNCTIONS: &[&str] = &["approve", "ask", "choose"];

const LIST: &[&str] = &[
    "len",
    "is_empty",
    "map",
    "filter",
    "flat_map",
    "flatten",
    "any",
    "all",
    "count",
    "find",
    "reduce",
    "sort",
    "sort_by",
    "reverse",
    "group_by",
    "walk",
    "first",
    "last",
    "take",
    "skip",
    "join",
    "sum",
    "avg",
    "min",
    "max",
    "min_by",
    "max_by",
    "contains",
    "index_of",
    "unique",
    "zip",
    "enumerate",
    "chunk",
    "compact",
    "to_map",
    "to_text",
    "to_json",
];
const TEXT: &[&str] = &[
    "len",
    "is_empty",
    "split",
    "trim",
    "lines",
    "words",
    "lower",
    "upper",
    "replace",
    "starts_with",
    "ends_with",
    "contains",
    "matches",
    "capture",
    "index_of",
    "take",
    "skip",
    "reverse",
    "repeat",
    "pad_start",
    "pad_end",
    "to_int",
    "to_float",
    "parse_json",
    "parse_time",
    "to_text",
    "to_json",
];
const MAP: &[&str] = &[
    "len",
    "is_empty",
    "keys",
    "values",
    "entries",
    "get",
    "contains",
    "set",
    "remove",
    "merge",
    "map_values",
    "to_text",
    "to_json",
];
const NUMBER: &[&str] = &["abs", "round", "floor", "ceil", "clamp", "to_float", "to_text", "to_json"];
const PATH: &[&str] =
    &["join", "name", "stem", "extension", "parent", "to_text", "to_json", "starts_with", "ends_with"];
const DURATION: &[&str] = &["seconds", "to_text", "to_json"];
const TIME: &[&str] = &["format", "to_text", "to_json"];
const MONEY: &[&str] = &["usd", "to_text", "to_json"];
const JSON: &[&str] = &["get", "to_text", "to_json"];
const COMMAND: &[&str] = &["with"];
const OTHER: &[&str] = &["to_text", "to_json"];

/// The names of the methods of a type.
pub(crate) fn method_names(kind: &TyKind) -> &'static [&'static str] {
    match kind {
        TyKind::List(_) => LIST,
        TyKind::String => TEXT,
        TyKind::Map(_) => MAP,
        TyKind::Int | TyKind::Float => NUMBER,
        TyKind::Path => PATH,
        TyKind::Duration => DURATION,
        TyKind::Time => TIME,
        TyKind::Money => MONEY,
        TyKind::Json => JSON,
        TyKind::Command => COMMAND,
        TyKind::Bool
        | TyKind::Record(_)
        | TyKind::Named(_)
        | TyKind::File
        | TyKind::Image
        | TyKind::Audio
        | TyKind::Video => OTHER,
        _ => &[],
    }
}
