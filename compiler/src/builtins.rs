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

/// How a method is called and what it gives, for editors: `(separator: string)`, `string`. `T` stands for the elements
/// of the list or map, and `U` for what the function gives.
pub(crate) fn method_signature(kind: &TyKind, name: &str) -> (&'static str, &'static str) {
    match (kind, name) {
        (_, "len") => ("()", "int"),
        (_, "is_empty") => ("()", "bool"),
        (_, "to_text" | "to_json") => ("()", "string"),
        (TyKind::List(_), "map") => ("(|x| …)", "list<U>"),
        (TyKind::List(_), "flat_map") => ("(|x| [ … ])", "list<U>"),
        (TyKind::List(_), "filter") => ("(|x| …)", "list<T>"),
        (TyKind::List(_), "any" | "all") => ("(|x| …)", "bool"),
        (TyKind::List(_), "count") => ("(|x| …)", "int"),
        (TyKind::List(_), "find" | "min_by" | "max_by") => ("(|x| …)", "T?"),
        (TyKind::List(_), "sort_by") => ("(|x| …)", "list<T>"),
        (TyKind::List(_), "walk") => ("(|x| [ … ])", "list<T>"),
        (TyKind::List(_), "group_by") => ("(|x| …)", "map<list<T>>"),
        (TyKind::List(_), "reduce") => ("(start, |sum, x| …)", "U"),
        (TyKind::List(_), "sort" | "reverse" | "unique" | "compact" | "flatten") => ("()", "list<T>"),
        (TyKind::List(_), "first" | "last" | "min" | "max") => ("()", "T?"),
        (TyKind::List(_), "take" | "skip") => ("(n: int)", "list<T>"),
        (TyKind::List(_), "join") => ("(separator: string)", "string"),
        (TyKind::List(_), "sum") => ("()", "T"),
        (TyKind::List(_), "avg") => ("()", "float?"),
        (TyKind::List(_), "contains") => ("(x: T)", "bool"),
        (TyKind::List(_), "index_of") => ("(x: T)", "int?"),
        (TyKind::List(_), "zip") => ("(other: list<U>)", "list<{ first: T, second: U }>"),
        (TyKind::List(_), "enumerate") => ("()", "list<{ index: int, value: T }>"),
        (TyKind::List(_), "chunk") => ("(n: int)", "list<list<T>>"),
        (TyKind::List(_), "to_map") => ("()", "map<U>"),
        (TyKind::String, "split") => ("(separator: string)", "list<string>"),
        (TyKind::String, "lines" | "words") => ("()", "list<string>"),
        (TyKind::String, "trim" | "lower" | "upper" | "reverse") => ("()", "string"),
        (TyKind::String, "replace") => ("(from: string, to: string)", "string"),
        (TyKind::String, "starts_with" | "ends_with" | "contains") => ("(text: string)", "bool"),
        (TyKind::String, "matches") => ("(regex: string)", "bool"),
        (TyKind::String, "capture") => ("(regex: string)", "list<string>?"),
        (TyKind::String, "index_of") => ("(text: string)", "int?"),
        (TyKind::String, "take" | "skip" | "repeat") => ("(n: int)", "string"),
        (TyKind::String, "pad_start" | "pad_end") => ("(n: int, fill: string)", "string"),
        (TyKind::String, "to_int") => ("()", "int?"),
        (TyKind::String, "to_float") => ("()", "float?"),
        (TyKind::String, "parse_json") => ("()", "json?"),
        (TyKind::String, "parse_time") => ("()", "time?"),
        (TyKind::Map(_), "keys") => ("()", "list<string>"),
        (TyKind::Map(_), "values") => ("()", "list<T>"),
        (TyKind::Map(_), "entries") => ("()", "list<{ key: string, value: T }>"),
        (TyKind::Map(_), "get") => ("(key: string)", "T?"),
        (TyKind::Map(_), "contains") => ("(key: string)", "bool"),
        (TyKind::Map(_), "set") => ("(key: string, value: T)", "map<T>"),
        (TyKind::Map(_), "remove") => ("(key: string)", "map<T>"),
        (TyKind::Map(_), "merge") => ("(other: map<T>)", "map<T>"),
        (TyKind::Map(_), "map_values") => ("(|x| …)", "map<U>"),
        (TyKind::Int | TyKind::Float, "abs") => ("()", "number"),
        (TyKind::Int | TyKind::Float, "clamp") => ("(low, high)", "number"),
        (TyKind::Int | TyKind::Float, "round" | "floor" | "ceil") => ("()", "int"),
        (TyKind::Int | TyKind::Float, "to_float") => ("()", "float"),
        (TyKind::Path, "join") => ("(part: string)", "path"),
        (TyKind::Path, "name" | "stem" | "extension") => ("()", "string"),
        (TyKind::Path, "parent") => ("()", "path"),
        (TyKind::Path, "starts_with" | "ends_with") => ("(text: string)", "bool"),
        (TyKind::Duration, "seconds") | (TyKind::Money, "usd") => ("()", "float"),
        (TyKind::Time, "format") => ("(pattern: string, zone: string = …)", "string"),
        (TyKind::Json, "get") => ("(key: string)", "json?"),
        (TyKind::Command, "with") => ("(name: string, value: string)", "command"),
        _ => ("()", ""),
    }
}
