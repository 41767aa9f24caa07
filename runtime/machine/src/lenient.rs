//! Parses JSON as models write it: in code fences, within prose, with trailing commas, comments, single
//! quotes, unquoted keys, or truncated.

use serde_json::{Map, Number, Value as Json};

use crate::value::Value;

/// The maximal nesting.
const MAX_DEPTH: u32 = 128;

/// The possible interpretations of a model's answer, the most likely first.
pub(crate) fn candidates(text: &str) -> Vec<Json> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if let Ok(json) = serde_json::from_str(text) {
        return vec![json];
    }
    let mut found: Vec<Json> = fenced_blocks(text).into_iter().filter_map(parse_document).collect();
    found.extend(parse_document(text));
    found.extend(find_document(text));
    found
}

/// A number in common notations: `1,234`, `$5`, `50%`, `1/2`.
pub(crate) fn number(text: &str) -> Option<Value> {
    let plain =
        text.trim().trim_start_matches(['$', '€', '£']).trim_end_matches(['%', '.', '!']).replace([',', '_'], "");
    let plain = plain.trim();
    if let Ok(n) = plain.parse::<i64>() {
        return Some(Value::Int(n));
    }
    if let Some((a, b)) = plain.split_once('/') {
        let (a, b) = (a.trim().parse::<f64>().ok()?, b.trim().parse::<f64>().ok()?);
        return (b != 0.0).then_some(Value::Float(a / b));
    }
    plain.parse::<f64>().ok().filter(|f| f.is_finite()).map(Value::Float)
}

/// The number in a text that contains exactly one.
pub(crate) fn only_number(text: &str) -> Option<Value> {
    if let Some(found) = number(text) {
        return Some(found);
    }
    let is_part = |c: char| c.is_ascii_digit() || ".,-/".contains(c);
    let mut found = text
        .split(|c| !is_part(c))
        .filter(|p| p.contains(|c: char| c.is_ascii_digit()))
        .map(|p| p.trim_end_matches([',', '-', '/']));
    let first = number(found.next()?)?;
    found.next().is_none().then_some(first)
}

/// The word of the list that a text contains, if it is exactly one; case does not matter.
pub(crate) fn only_word<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    let plain = |t: &str| t.to_lowercase().replace(['-', '_'], " ");
    let padded: String = plain(text).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let padded = format!(" {} ", padded.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut found = words.iter().filter(|w| padded.contains(&format!(" {} ", plain(w))));
    let first = *found.next()?;
    found.next().is_none().then_some(first)
}

/// The contents of code fences.
fn fenced_blocks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("```") {
        let after = &rest[open + 3..];
        let Some(line) = after.find('\n') else { break };
        let body = &after[line + 1..];
        match body.find("\n```").or_else(|| body.find("```")) {
            Some(end) => {
                found.push(body[..end].trim());
                rest = body[end..].trim_start_matches(['\n', '`']);
            }
            None => {
                found.push(body.trim());
                break;
            }
        }
    }
    found
}

/// A text that starts with a value.
fn parse_document(text: &str) -> Option<Json> {
    if let Ok(json) = serde_json::from_str(text) {
        return Some(json);
    }
    if !text.starts_with(['{', '[', '"']) {
        return None;
    }
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    // `{…} and {…}`: several documents are ambiguous.
    Some(value)
}

/// The largest object or list within prose. The work is limited: unmatched brackets are ignored after a
/// few passes over the text.
fn find_document(text: &str) -> Option<Json> {
    let mut best: Option<Json> = None;
    let (mut from, mut work) = (0, 0);
    while let Some(start) = text[from..].find(['{', '[']).map(|i| i + from) {
        let mut reader = Reader { text, at: start };
        let value = reader.value(0).filter(is_substantial);
        work += reader.at - start + 1;
        from = start + 1;
        if let Some(value) = value {
            if best.as_ref().is_none_or(|b| count_nodes(&value) > count_nodes(b)) {
                best = Some(value);
            }
            from = reader.at.max(from);
        }
        if work > 8 * text.len() + 4096 {
            break;
        }
    }
    best
}

/// Whether a value is more than incidental brackets, such as the footnote `[1]` or `{}`.
fn is_substantial(value: &Json) -> bool {
    match value {
        Json::Object(fields) => !fields.is_empty(),
        Json::Array(_) => true,
        _ => false,
    }
}

fn count_nodes(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(count_nodes).sum::<usize>(),
        Json::Object(fields) => 2 + fields.values().map(count_nodes).sum::<usize>(),
        _ => 1,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let end = if trimmed.starts_with("//") || trimmed.starts_with("# ") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").map_or(trimmed.len(), |e| e + 2)
            } else {
                return;
            };
            self.at += end;
        }
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            '{' => self.object(depth),
            '[' => self.list(depth),
            '"' | '\'' | '`' | '\u{201c}' => self.quoted().map(Json::String),
            _ => self.unquoted(&[',', '}', ']', '\n']),
        }
    }

    fn object(&mut self, depth: u32) -> Option<Json> {
        self.next_char();
        let mut fields = Map::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => break,
                Some('}') => {
                    self.next_char();
                    break;
                }
                Some(',') => {
                    self.next_char();
                    continue;
                }
                _ => {}
            }
            let key = match self.peek()? {
                '"' | '\'' | '`' | '\u{201c}' => self.quoted()?,
                _ => {
                    let rest = self.rest();
                    let end = rest.find([':', ',', '}', '{', '[', ']', '\n'])?;
                    if !rest[end..].starts_with(':') {
                        return None;
                    }
                    self.at += end;
                    rest[..end].trim().to_owned()
                }
            };
            self.skip_space();
            if self.peek() != Some(':') {
                // Truncated after a key: the entries before it are used.
                return if self.peek().is_none() { Some(Json::Object(fields)) } else { None };
            }
            self.next_char();
            self.skip_space();
            if self.peek().is_none() {
                break;
            }
            let value = self.value(depth + 1)?;
            fields.insert(key, value);
        }
        Some(Json::Object(fields))
    }

    fn list(&mut self, depth: u32) -> Option<Json> {
        self.next_char();
        let mut items = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => break,
                Some(']') => {
                    self.next_char();
                    break;
                }
                Some(',') => {
                    self.next_char();
                }
                Some('}' | ':') => return None,
                _ => items.push(self.value(depth + 1)?),
            }
        }
        Some(Json::Array(items))
    }

    /// A quoted text. A quote that is not followed by a delimiter belongs to the text.
    fn quoted(&mut self) -> Option<String> {
        let open = self.next_char()?;
        let fence = open == '`' && self.rest().starts_with("``");
        if fence {
            self.at += 2;
            let rest = self.rest();
            let end = rest.find("```").unwrap_or(rest.len());
            self.at += (end + 3).min(rest.len());
            return Some(rest[..end].to_owned());
        }
        let triple = open == '"'
            && self.rest().starts_with("\"\"")
            && !self.rest()[2..].trim_start().starts_with([',', '}', ']', ':']);
        if triple {
            self.at += 2;
            let rest = self.rest();
            let end = rest.find("\"\"\"").unwrap_or(rest.len());
            self.at += (end + 3).min(rest.len());
            return Some(rest[..end].to_owned());
        }
        let close = if open == '\u{201c}' { '\u{201d}' } else { open };
        let mut out = String::new();
        loop {
            match self.next_char() {
                None => return Some(out),
                Some(c) if c == close => {
                    let after = self.rest().trim_start();
                    if after.is_empty()
                        || after.starts_with([',', '}', ']', ':'])
                        || after.starts_with("//")
                        || after.starts_with("/*")
                    {
                        return Some(out);
                    }
                    out.push(c);
                }
                Some('\\') => self.escape(&mut out),
                Some(c) => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) {
        match self.next_char() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let first = self.hex();
                let c = match first {
                    Some(high @ 0xd800..0xdc00) if self.rest().starts_with("\\u") => {
                        self.at += 2;
                        let low = self.hex().unwrap_or(0xdc00);
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff))
                    }
                    Some(n) => char::from_u32(n),
                    None => None,
                };
                out.push(c.unwrap_or('\u{fffd}'));
            }
            Some(c @ ('"' | '\'' | '\\' | '/' | '`')) => out.push(c),
            // Not a JSON escape: a Windows path, or a regular expression.
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => {}
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let n = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(n)
    }

    /// An unquoted value: a number, a word, or text up to a delimiter.
    fn unquoted(&mut self, ends: &[char]) -> Option<Json> {
        let rest = self.rest();
        let end = rest.find(|c| ends.contains(&c)).unwrap_or(rest.len());
        let mut word = rest[..end].trim();
        if let Some(comment) = word.find(" //") {
            word = word[..comment].trim();
        }
        if word.is_empty() || word.starts_with(':') {
            return None;
        }
        self.at += end;
        Some(match word {
            "true" | "True" | "TRUE" => Json::Bool(true),
            "false" | "False" | "FALSE" => Json::Bool(false),
            "null" | "None" | "NULL" | "undefined" | "nil" => Json::Null,
            _ => match word.parse::<i64>() {
                Ok(n) => Json::from(n),
                Err(_) => match word.parse::<f64>().ok().and_then(Number::from_f64) {
                    Some(n) => Json::Number(n),
                    None => Json::String(word.to_owned()),
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use cascade_ir::{Field, Program, Type, TypeDef, TypeDefKind, TypeId, Variant};
    use serde_json::json;

    use super::*;
    use crate::{eval::Eval, interpreter::read_model_answer, value::to_json};

    /// Converts a JSON Schema to a type; `None` if there is no such type (unions, constants).
    fn type_of(schema: &Json, root: &Json, program: &mut Program) -> Option<Type> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/$defs/")?;
            if let Some(known) = program.types.iter().position(|t| t.name == name) {
                return Some(Type::Named(TypeId(known as u32)));
            }
            let id = TypeId(program.types.len() as u32);
            let empty = TypeDefKind::Alias(Type::Null);
            program.types.push(TypeDef { name: name.into(), doc: String::new(), kind: empty });
            let target = &root["$defs"][name];
            if let Some(names) = target["enum"].as_array() {
                let variant =
                    |n: &Json| Variant { name: n.as_str().unwrap().into(), doc: String::new(), fields: vec![] };
                program.types[id.index()].kind = TypeDefKind::Enum(names.iter().map(variant).collect());
                return Some(Type::Named(id));
            }
            let inner = type_of(target, root, program)?;
            program.types[id.index()].kind = match inner {
                Type::Record(fields) => TypeDefKind::Record(fields),
                other => TypeDefKind::Alias(other),
            };
            return Some(Type::Named(id));
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let rest: Vec<&Json> = choices.iter().filter(|c| c["type"] != "null").collect();
            let has = |ty: &str| choices.iter().any(|c| c["type"] == ty);
            if has("string") && has("integer") && has("array") && has("object") {
                return Some(Type::Json);
            }
            return match &rest[..] {
                [one] if choices.len() == 2 => Some(Type::Optional(Box::new(type_of(one, root, program)?))),
                _ => None,
            };
        }
        Some(match schema["type"].as_str()? {
            _ if schema.get("const").is_some() => return None,
            "string" => Type::String,
            "integer" => Type::Int,
            "number" => Type::Float,
            "boolean" => Type::Bool,
            "null" => Type::Null,
            "array" => Type::List(Box::new(type_of(&schema["items"], root, program)?)),
            "object" if schema["properties"].is_object() => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let mut fields = Vec::new();
                for (name, ty) in schema["properties"].as_object()? {
                    let mut ty = type_of(ty, root, program)?;
                    if !required.contains(&json!(name)) && !matches!(ty, Type::Optional(_)) {
                        ty = Type::Optional(Box::new(ty));
                    }
                    fields.push(Field { name: name.as_str().into(), ty, doc: String::new(), default: None });
                }
                Type::Record(fields)
            }
            "object" => Type::Map(Box::new(type_of(&schema["additionalProperties"], root, program)?)),
            _ => return None,
        })
    }

    fn without_nulls(json: &Json) -> Json {
        match json {
            Json::Object(fields) => Json::Object(
                fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
            ),
            Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
            Json::Number(n) => json!(n.as_f64()),
            other => other.clone(),
        }
    }

    #[test]
    fn common_deviations_of_models_are_parsed() {
        let data: Json = serde_json::from_str(include_str!("../tests/data/model_answers.json")).unwrap();
        let (mut passed, mut total, mut foreign) = (0, 0, 0);
        for case in data["cases"].as_array().unwrap() {
            let mut program = Program::empty("test.cascade");
            let Some(ty) = type_of(&case["schema"], &case["schema"], &mut program) else {
                foreign += 1;
                continue;
            };
            total += 1;
            let text = case["text"].as_str().unwrap();
            let mut eval = Eval::new(&program, 1_000_000);
            let read = read_model_answer(&mut eval, &ty, text);
            let found = read.as_ref().map(|v| without_nulls(&to_json(v))).ok();
            let wanted = case.get("value").map(without_nulls);
            if found == wanted {
                passed += 1;
            } else {
                let why = read.err().map(|f| f.message).unwrap_or_default();
                println!("{}: wanted {wanted:?}, found {found:?} {why}\n  {text}", case["name"]);
            }
        }
        println!("{passed} of {total} understood; {foreign} have types that the language has not");
        assert!(passed * 10 >= total * 7, "{passed} of {total}");
    }

    #[test]
    fn any_text_is_parsed_without_panic() {
        for text in [
            "{",
            "[",
            "{\"a",
            "{\"a\":",
            "[1,",
            "```",
            "```json\n{",
            "\"\\u12",
            "\\",
            "{'a': 'b",
            "[[[[",
            "\u{201c}x",
            "{a:b:c}",
            "{\"\u{1f600}\": \"\\ud83d\\ude00\"}",
        ] {
            let _ = candidates(text);
        }
        let _ = candidates(&"[".repeat(100_000));
        let _ = candidates(&"{a:".repeat(100_000));
    }
}
