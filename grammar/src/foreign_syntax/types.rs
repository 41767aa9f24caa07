//! Types of other languages, with the Cascade type that is meant.

use super::{Explained, Site, first_word, is_name_char};
use crate::ast::Span;

/// Names of types elsewhere that have one meaning here.
const NAMES: &[(&[&str], &str)] = &[
    (
        &[
            "str", "String", "Str", "text", "Text", "char", "varchar", "url", "Url", "URL", "uri", "email", "uuid",
            "UUID",
        ],
        "string",
    ),
    (
        &[
            "Int", "Integer", "integer", "long", "Long", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize",
            "isize", "int32", "int64", "uint", "bigint", "BigInt",
        ],
        "int",
    ),
    (
        &[
            "Float", "double", "Double", "f32", "f64", "float32", "float64", "decimal", "Decimal", "real", "number",
            "Number",
        ],
        "float",
    ),
    (&["Bool", "boolean", "Boolean"], "bool"),
    (&["any", "Any", "unknown", "object", "Object", "interface{}"], "json"),
    (
        &["date", "Date", "datetime", "DateTime", "Datetime", "timestamp", "Timestamp", "instant", "Instant", "Time"],
        "time",
    ),
    (&["timedelta", "Duration", "interval"], "duration"),
    (&["Path", "filepath", "filename", "Pathlike"], "path"),
    (&["File"], "file"),
    (&["Image"], "image"),
    (&["usd", "currency", "Money", "price"], "money"),
    (&["llm", "LLM", "Model"], "model"),
    (&["password", "token", "SecretStr", "Secret"], "secret"),
];

const LISTS: &[&str] = &[
    "list",
    "List",
    "Array",
    "array",
    "ReadonlyArray",
    "Vec",
    "vec",
    "Sequence",
    "Iterable",
    "Set",
    "set",
    "HashSet",
    "slice",
];
const MAPS: &[&str] = &["map", "Map", "dict", "Dict", "HashMap", "BTreeMap", "Record", "Mapping", "record"];
const OPTIONS: &[&str] = &["Option", "Optional", "option", "optional", "Maybe", "Nullable"];
const WRAPPERS: &[&str] = &["Promise", "Awaitable", "Future", "Box", "Rc", "Arc", "Final", "Readonly"];
const RESULTS: &[&str] = &["Result", "Either"];
/// What is null in a union.
const NULLS: &[&str] = &["null", "None", "undefined", "nil"];

/// Whether a word is the name of a generic type elsewhere, whose types stand in `<>`.
pub(crate) fn is_foreign_generic(word: &str) -> bool {
    !matches!(word, "list" | "map" | "record")
        && [LISTS, MAPS, OPTIONS, WRAPPERS, RESULTS].iter().any(|words| words.contains(&word))
}

/// The type that a text of another language means: `List<String>` is `list<string>`. `None` where
/// nothing corresponds, or the text is no type. A name that is not known stands for itself.
#[must_use]
pub fn translate_type(text: &str) -> Option<String> {
    let text = text.trim();
    // So that nesting cannot exhaust the stack.
    if text.is_empty() || text.len() > 200 {
        return None;
    }
    if let Some(inner) = text.strip_suffix('?') {
        return translate_type(inner).map(optional_type);
    }
    if let Some(inner) = text.strip_prefix(['?', '*', '&']) {
        let inner = translate_type(inner.trim_start_matches("mut "))?;
        return Some(if text.starts_with('&') { inner } else { optional_type(inner) });
    }
    let parts = split_outside(text, '|');
    if parts.len() > 1 {
        let values: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !NULLS.contains(part)).collect();
        return match values.as_slice() {
            [one] if parts.len() > values.len() => translate_type(one).map(optional_type),
            _ => None,
        };
    }
    if let Some(inner) = text.strip_suffix("[]").or_else(|| text.strip_prefix("[]")) {
        return Some(format!("list<{}>", translate_type(inner)?));
    }
    if let Some(inner) = strip_brackets(text, '[', ']') {
        return Some(format!("list<{}>", translate_type(inner)?));
    }
    if let Some((_, value)) = text.strip_prefix("map[").and_then(|rest| rest.split_once(']'))
        && !value.is_empty()
    {
        return Some(format!("map<{}>", translate_type(value)?));
    }
    if let Some(open) = text.find(['<', '[']) {
        let close = if text[open..].starts_with('<') { '>' } else { ']' };
        let (name, args) = (text[..open].trim(), text[open + 1..].strip_suffix(close)?);
        let args = split_outside(args, ',');
        let last = args.last().copied()?;
        return match args.len() {
            1 if LISTS.contains(&name) => Some(format!("list<{}>", translate_type(last)?)),
            1 if OPTIONS.contains(&name) => translate_type(last).map(optional_type),
            1 if WRAPPERS.contains(&name) => translate_type(last),
            1 | 2 if MAPS.contains(&name) => Some(format!("map<{}>", translate_type(last)?)),
            1 if name == "outcome" => Some(format!("outcome<{}>", translate_type(last)?)),
            1 | 2 if RESULTS.contains(&name) => Some(format!("outcome<{}>", translate_type(args.first().copied()?)?)),
            _ => None,
        };
    }
    if let Some((_, here)) = NAMES.iter().find(|(names, _)| names.contains(&text)) {
        return Some((*here).to_owned());
    }
    let named = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    (named && text.starts_with(|c: char| c.is_alphabetic() || c == '_')).then(|| text.to_owned())
}

fn optional_type(inner: String) -> String {
    if inner.ends_with('?') { inner } else { format!("{inner}?") }
}

/// What stands in brackets that enclose the whole text.
fn strip_brackets(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// The parts of a text between separators that stand outside of brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' | '[' | '(' | '{' => depth += 1,
            '>' | ']' | ')' | '}' => depth -= 1,
            _ if c == separator && depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// Where the type ends that begins a text: at the end of a declaration's part, outside of brackets.
pub(super) fn type_end(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '[' | '(' => depth += 1,
            '>' if text[..at].ends_with('-') => {}
            '>' | ']' | ')' if depth == 0 => return at,
            '>' | ']' | ')' => depth -= 1,
            '\n' | '{' => return at,
            ',' | '=' | ';' | '}' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

pub(super) fn explain_type(site: &Site<'_>) -> Option<Explained> {
    let Site { place, found, line, word, .. } = *site;
    if found == "?" && !place.expression && place.name {
        let ty = translate_type(first_word(site.rest)).unwrap_or_else(|| "string".to_owned());
        return Some(Explained::new_at(site.token_span(), "`?` stands after its type", format!("write `{ty}?`")));
    }
    // A type that begins with something else than a name, or goes on after its name.
    let begins = place.name && !place.expression && matches!(found, "[" | "(" | "*" | "&" | "\"" | "enum" | "null");
    let goes_on = !word.is_empty() && matches!(found, "[" | "<" | "|");
    let head = line.trim_end_matches(|c: char| is_name_char(c) || matches!(c, '.' | '?' | '<' | '>' | ' '));
    let after_colon = head.ends_with(':') && !head.ends_with("::");
    let of_type =
        after_colon || line.trim_end_matches(|c: char| is_name_char(c) || matches!(c, '.' | '?' | ' ')).ends_with("->");
    let alias = site.first == "type" && line.contains('=');
    if !(begins || goes_on) || !(of_type || alias) || (place.operator && !alias && site.first == "return") {
        return None;
    }
    let start = if begins { site.span.start as usize } else { site.before - last_type(line).len() };
    let end = start + type_end(super::line_rest(site.text, start));
    let span = Span::new(start, end.max(site.span.end as usize));
    let written = site.text[span.range()].trim();
    let span = Span { end: span.start + written.len() as u32, ..span };
    let value_follows = written.contains(|c: char| c.is_whitespace()) && !written.contains(['|', '[', '<', '(']);
    if let Some(here) = translate_type(written).filter(|here| here != written && !value_follows) {
        let message = format!("`{written}` is written `{here}`");
        return Some(Explained::new_at(span, message, format!("write `{here}`")).write_instead(here).covering(end));
    }
    let strings = written.matches('"').count() >= 2;
    let help = if strings {
        let names: Vec<&str> = written.split('"').skip(1).step_by(2).filter(|name| !name.is_empty()).collect();
        format!("declare an enum: `enum Name {{ {} }}`", names.join(", "))
    } else if found == "|" || written.contains('|') {
        "what may be null is `string?`; one of several is an `enum`".to_owned()
    } else if written.contains("->") {
        "a function is no value: a lambda is the argument of a method, a `fn` is called by its name".to_owned()
    } else if found == "(" {
        "several values together are a record: `{ first: int, second: string }`".to_owned()
    } else if found == "enum" {
        "declare it with a name: `enum Level { low, high }` between declarations".to_owned()
    } else if found == "null" {
        "what may be null has `?` after its type: `string?`; leave `->` out if there is no result".to_owned()
    } else if matches!(found, "[" | "<") {
        "a type's own types stand in `<>`: `list<int>`, `map<int>`".to_owned()
    } else {
        return None;
    };
    let message = if found == "|" || written.contains('|') {
        "a type has no alternatives".to_owned()
    } else {
        format!("`{written}` is not a type")
    };
    Some(Explained::new_at(site.token_span(), message, help).covering(end))
}

/// The type, as far as it was read, that a line ends with.
fn last_type(line: &str) -> &str {
    let start = line.trim_end_matches(|c: char| is_name_char(c) || matches!(c, '.' | '?'));
    line[start.len()..].trim_start()
}

#[cfg(test)]
mod tests {
    use super::translate_type;

    #[test]
    fn types_of_other_languages_have_their_meaning() {
        for (there, here) in [
            ("List<String>", "list<string>"),
            ("string[]", "list<string>"),
            ("[int]", "list<int>"),
            ("Optional[str]", "string?"),
            ("str | None", "string?"),
            ("Dict<string, List<Integer>>", "map<list<int>>"),
            ("map[string]int", "map<int>"),
            ("Result<Report, Error>", "outcome<Report>"),
            ("Option<Vec<T>>", "list<T>?"),
        ] {
            assert_eq!(translate_type(there).as_deref(), Some(here), "{there}");
        }
        for nothing in ["int | string", "(int, string)", "a b", "\"a\" | \"b\"", ""] {
            assert_eq!(translate_type(nothing), None, "{nothing}");
        }
    }
}
