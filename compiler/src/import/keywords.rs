//! Schema keywords as predicates, names and literals of the language.

use serde_json::{Map, Value as Json};

/// Keywords that do not constrain values, or that are handled elsewhere.
const IGNORED: &[&str] = &[
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "$ref",
    "x-cascade",
    "discriminator",
    "unevaluatedProperties",
    "contentMediaType",
    "$vocabulary",
    "id",
];

/// The patterns of formats. They are permissive: a value is refused only if it certainly does not match.
fn format_pattern(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => r"^\d{4}-\d{2}-\d{2}$",
        "time" => r"^\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$",
        "uuid" => r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        "email" => r"^[^@\s]+@[^@\s]+$",
        "uri" | "url" => r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
        "ipv4" => r"^\d{1,3}(\.\d{1,3}){3}$",
        _ => return None,
    })
}

/// The constraints that keywords put on a value.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    /// Predicates over `it`.
    pub predicates: Vec<String>,
    /// Constraints that cannot be expressed.
    pub lost: Vec<String>,
}

/// The constraints beside a type; `base` is `string`, `int`, `float`, `list` or another word.
pub(super) fn read_constraints(schema: &Map<String, Json>, base: &str) -> Constraints {
    let mut out = Constraints::default();
    for (keyword, value) in schema {
        let predicate = match (base, keyword.as_str()) {
            ("int" | "float", "minimum") if schema.get("exclusiveMinimum") == Some(&Json::Bool(true)) => {
                bound_clause(">", value, base)
            }
            ("int" | "float", "maximum") if schema.get("exclusiveMaximum") == Some(&Json::Bool(true)) => {
                bound_clause("<", value, base)
            }
            ("int" | "float", "minimum") => bound_clause(">=", value, base),
            ("int" | "float", "maximum") => bound_clause("<=", value, base),
            ("int" | "float", "exclusiveMinimum" | "exclusiveMaximum") if value.is_boolean() => continue,
            ("int" | "float", "exclusiveMinimum") => bound_clause(">", value, base),
            ("int" | "float", "exclusiveMaximum") => bound_clause("<", value, base),
            ("int", "multipleOf") => value.as_i64().filter(|n| *n > 0).map(|n| format!("it % {n} == 0")),
            ("string", "minLength") | ("list", "minItems") => length_clause(">=", value),
            ("string", "maxLength") | ("list", "maxItems") => length_clause("<=", value),
            ("string", "pattern") => value.as_str().and_then(pattern_clause),
            ("string", "format") => match value.as_str() {
                // Implied by the type, or true of any text.
                Some("duration" | "money" | "path" | "binary" | "password") if schema.contains_key("x-cascade") => {
                    continue;
                }
                Some(format) => format_pattern(format).and_then(pattern_clause),
                None => None,
            },
            ("time", "format") => continue,
            (_, "format") if matches!(value.as_str(), Some("int32" | "int64" | "float" | "double")) => continue,
            (_, "uniqueItems") if *value == Json::Bool(false) => continue,
            (_, word) if IGNORED.contains(&word) || word.starts_with("x-") => continue,
            _ => None,
        };
        match predicate {
            Some(predicate) => out.predicates.push(predicate),
            None => out.lost.push(format!("{keyword}: {}", shorten_json(value))),
        }
    }
    out
}

fn bound_clause(op: &str, value: &Json, base: &str) -> Option<String> {
    let number = match (base, value.as_i64(), value.as_f64()) {
        (_, Some(n), _) => n.to_string(),
        ("float", None, Some(x)) => float_text(x)?,
        // A fractional bound of an integer.
        (_, None, Some(x)) if x.fract() == 0.0 && x.abs() < 9e15 => format!("{x:.0}"),
        _ => return None,
    };
    Some(format!("it {op} {number}"))
}

fn length_clause(op: &str, value: &Json) -> Option<String> {
    let n = value.as_u64().or_else(|| value.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as u64))?;
    i64::try_from(n).ok().map(|n| format!("it.len() {op} {n}"))
}

fn pattern_clause(pattern: &str) -> Option<String> {
    regex_syntax::parse(pattern).ok()?;
    Some(format!("it.matches({})", string_literal(pattern)))
}

/// A float in the syntax of the language, which has no exponent.
fn float_text(x: f64) -> Option<String> {
    let shown = format!("{x:?}");
    (x.is_finite() && !shown.contains(['e', 'E'])).then_some(shown)
}

/// A string literal.
pub(super) fn string_literal(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if chars.peek() == Some(&'<') => out.push_str("$$"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value as a literal, if it has one.
pub(super) fn literal_text(value: &Json) -> Option<String> {
    Some(match value {
        Json::Null => "null".to_owned(),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => n.to_string(),
            (None, Some(x)) => float_text(x)?,
            _ => return None,
        },
        Json::String(s) => string_literal(s),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(literal_text).collect::<Option<_>>()?;
            format!("[{}]", items.join(", "))
        }
        Json::Object(_) => return None,
    })
}

/// Whether a word can be the name of a field.
pub(super) fn is_field(word: &str) -> bool {
    is_identifier(word) && is_program_text(&format!("type T {{\n  {word}: int\n}}\n"))
}

/// Whether a word can be the name of a variant.
pub(super) fn is_variant(word: &str) -> bool {
    is_identifier(word) && is_program_text(&format!("enum T {{\n  {word}\n}}\n"))
}

/// Whether a word can be the name of a type.
pub(super) fn is_type(word: &str) -> bool {
    is_identifier(word) && word.starts_with(char::is_uppercase) && is_program_text(&format!("type {word} = int\n"))
}

fn is_identifier(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && word != "_"
}

fn is_program_text(text: &str) -> bool {
    cascade_grammar::parse(text).errors.is_empty()
}

/// Words in PascalCase.
pub(super) fn to_pascal_case(words: &str) -> String {
    let mut out = String::new();
    for word in words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    match out.chars().next() {
        None => "Value".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("T{out}"),
        Some(_) => out,
    }
}

/// Words in snake_case.
pub(super) fn to_snake_case(words: &str) -> String {
    let mut out = String::new();
    let mut last = None;
    for c in words.chars() {
        let begins = c.is_ascii_uppercase() && last.is_some_and(|l: char| l.is_ascii_lowercase() || l.is_ascii_digit());
        if (begins || !c.is_ascii_alphanumeric()) && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        }
        last = Some(c);
    }
    out.trim_end_matches('_').to_owned()
}

/// A value for a comment or a message: short, on one line.
pub(super) fn shorten_json(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
