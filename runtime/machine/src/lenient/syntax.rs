//! JSON as models write it: trailing commas, comments, unquoted keys and texts, missing closing
//! brackets. Nothing that stands in the text is left out; what is cut off or has two meanings stops
//! the reader.

use serde_json::{Map, Number, Value as Json};

use super::{Repair, words};

/// The maximal nesting.
const MAX_DEPTH: u32 = 128;
/// How far a key is looked for after a comma.
const KEY_REACH: usize = 200;

/// Why a text is not read as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub at: usize,
    pub why: String,
}

/// A value with where it ends and what was repaired.
#[derive(Debug)]
pub(super) struct Parsed {
    pub json: Json,
    pub end: usize,
    pub repairs: Vec<Repair>,
}

/// Reads the value that starts at a place of the text.
pub(super) fn parse_value(text: &str, start: usize) -> Result<Parsed, Stop> {
    let mut reader = Reader { text, at: start, open: 0, repairs: Vec::new() };
    let json = reader.value(Place::Top)?;
    Ok(Parsed { json, end: reader.at, repairs: reader.repairs })
}

/// What surrounds a value: it decides which delimiters end it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    List,
    /// A key of an object.
    Key,
    /// A value of an object, and whether its key has quotes.
    Field {
        quoted_key: bool,
    },
}

pub(super) struct Reader<'t> {
    pub text: &'t str,
    pub at: usize,
    /// How many brackets are open.
    pub open: u32,
    repairs: Vec<Repair>,
}

type Read<T> = Result<T, Stop>;

impl<'t> Reader<'t> {
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next_char(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub fn stop_reading<T>(&self, why: impl Into<String>) -> Read<T> {
        Err(Stop { at: self.at, why: why.into() })
    }

    pub fn cut_off<T>(&self, within: &str) -> Read<T> {
        self.stop_reading(format!("the answer is cut off within {within}"))
    }

    pub fn repair(&mut self, what: impl Into<String>) {
        let what = Repair(what.into());
        if !self.repairs.contains(&what) {
            self.repairs.push(what);
        }
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let end = if trimmed.starts_with("//") || trimmed.starts_with("# ") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => end + 2,
                    None => return self.cut_off("a comment"),
                }
            } else {
                return Ok(());
            };
            self.repair("a comment was skipped");
            self.at += end;
        }
    }

    fn value(&mut self, place: Place) -> Read<Json> {
        self.space()?;
        match self.peek() {
            None => self.cut_off("a value"),
            Some('{' | '[') if self.open >= MAX_DEPTH => self.stop_reading("the answer is nested too deeply"),
            Some('{') => {
                self.open += 1;
                let object = self.object();
                self.open -= 1;
                object
            }
            Some('[') => {
                self.open += 1;
                let list = self.list();
                self.open -= 1;
                list
            }
            Some('"' | '\'' | '`' | '\u{201c}') => self.quoted(place).map(Json::String),
            Some(_) => self.read_bare(place),
        }
    }

    /// Whether the object or list that is open ends here although its bracket is missing.
    fn ends_without_bracket(&mut self, other: char, after_comma: bool) -> Read<bool> {
        let rest = self.rest();
        let ends = match self.peek() {
            None if after_comma => return self.cut_off("an object or a list, after a comma"),
            None => true,
            Some(c) if c == other => self.open > 1,
            Some('`') => rest.starts_with("```"),
            Some(_) => self.is_prose_of_its_own(),
        };
        if ends {
            self.repair("a missing closing bracket was added");
        }
        Ok(ends)
    }

    /// Whether prose after an empty line begins here, and no field or element.
    fn is_prose_of_its_own(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        let gap = &before[before.trim_end_matches([' ', '\t', '\r', '\n']).len()..];
        if gap.matches('\n').count() < 2 {
            return false;
        }
        let line = self.rest().lines().next().unwrap_or_default();
        line.starts_with(char::is_alphabetic) && line.trim().contains(' ') && !line.contains([':', '"', '{', '[', ','])
    }

    fn object(&mut self) -> Read<Json> {
        self.next_char();
        let mut fields = Map::new();
        let (mut after_comma, mut line) = (true, self.at);
        loop {
            self.space()?;
            match self.peek() {
                Some('}') => {
                    if after_comma && !fields.is_empty() {
                        self.repair("a comma before a closing bracket was dropped");
                    }
                    self.next_char();
                    break;
                }
                Some(',') if !fields.is_empty() && !after_comma => {
                    self.next_char();
                    after_comma = true;
                    continue;
                }
                Some(',') => return self.stop_reading("a field is missing before a comma"),
                None if fields.is_empty() => return self.cut_off("an object"),
                _ => {}
            }
            if !fields.is_empty() && self.ends_without_bracket(']', after_comma)? {
                break;
            }
            if !after_comma {
                if !self.text[line..self.at].contains('\n') && !self.rest().starts_with(['"', '\'']) {
                    return self.stop_reading("a comma is missing between two fields");
                }
                self.repair("a missing comma was added");
            }
            let quoted_key = matches!(self.peek(), Some('"' | '\'' | '`' | '\u{201c}'));
            let key = if quoted_key { self.quoted(Place::Key)? } else { self.bare_key()? };
            self.space()?;
            match self.peek() {
                None => return self.cut_off("a field"),
                Some(':') => self.next_char(),
                Some(_) => return self.stop_reading(format!("`:` is missing after the key `{key}`")),
            };
            let value = self.value(Place::Field { quoted_key })?;
            if fields.get(&key).is_some_and(|known| *known != value) {
                return self.stop_reading(format!("the key `{key}` stands twice with different values"));
            }
            fields.insert(key, value);
            after_comma = false;
            line = self.at;
        }
        Ok(Json::Object(fields))
    }

    fn bare_key(&mut self) -> Read<String> {
        let rest = self.rest();
        let window = searched_part(rest);
        let Some(end) = window.find([':', ',', '}', '{', '[', ']', '\n', '"']) else {
            return if window.len() == rest.len() {
                self.cut_off("a key")
            } else {
                self.stop_reading("a key was expected")
            };
        };
        let key = rest[..end].trim();
        if !rest[end..].starts_with(':') || key.is_empty() {
            return self.stop_reading("a key was expected");
        }
        self.at += end;
        self.repair("a key without quotes was read");
        Ok(key.to_owned())
    }

    fn list(&mut self) -> Read<Json> {
        self.next_char();
        let mut items = Vec::new();
        let mut after_comma = true;
        loop {
            self.space()?;
            match self.peek() {
                Some(']') => {
                    if after_comma && !items.is_empty() {
                        self.repair("a comma before a closing bracket was dropped");
                    }
                    self.next_char();
                    break;
                }
                Some(',') if !items.is_empty() && !after_comma => {
                    self.next_char();
                    after_comma = true;
                    continue;
                }
                Some(',') => return self.stop_reading("an element is missing before a comma"),
                Some(':') => return self.stop_reading("a list has no keys"),
                None if items.is_empty() => return self.cut_off("a list"),
                _ => {}
            }
            if !items.is_empty() && self.ends_without_bracket('}', after_comma)? {
                break;
            }
            if !after_comma {
                self.repair("a missing comma was added");
            }
            items.push(self.value(Place::List)?);
            after_comma = false;
        }
        Ok(Json::Array(items))
    }

    /// An unquoted value: a number, a word, or text up to a delimiter.
    fn read_bare(&mut self, place: Place) -> Read<Json> {
        let rest = self.rest();
        let end = match place {
            Place::Field { .. } => self.end_of_bare_field(rest),
            _ => rest.find([',', ']', '}', '\n']),
        };
        let whole = end.is_none();
        let end = end.unwrap_or(rest.len());
        let mut word = rest[..end].trim();
        if let Some(comment) = word.find(" //") {
            word = word[..comment].trim_end();
            self.repair("a comment was skipped");
        }
        if word.is_empty() || word.starts_with([':', ']', '}']) {
            return self.stop_reading("a value was expected");
        }
        if whole && !(is_keyword(word) || (is_number(word) && rest[..end].ends_with(char::is_whitespace))) {
            return self.cut_off("a value");
        }
        if place == Place::List && is_part_of_grouped_number(word, &rest[end..]) {
            return self
                .stop_reading(format!("in a list, `{word}` can be a part of a number with thousands separators"));
        }
        self.at += end;
        Ok(match words::unquoted_value(word) {
            Json::String(text) => {
                self.repair("a value without quotes was read");
                Json::String(text)
            }
            other => other,
        })
    }

    /// Where an unquoted value of an object ends: before a closing bracket, or before a comma or a line
    /// break after which a key follows.
    fn end_of_bare_field(&self, rest: &str) -> Option<usize> {
        let mut from = 0;
        while let Some(i) = rest[from..].find(['}', ']', ',', '\n']).map(|i| from + i) {
            if rest[i..].starts_with(['}', ']']) {
                return Some(i);
            }
            let after = rest[i..].trim_start_matches([',', ' ', '\t', '\r', '\n']);
            let gap = &rest[i..rest.len() - after.len()];
            let word = rest[..i].trim();
            let is_scalar = word.len() < 64 && (is_keyword(word) || is_number(word));
            if after.is_empty() {
                return (is_scalar && gap.contains(',')).then_some(i);
            }
            let ended = after.starts_with(['}', ']'])
                || (after.starts_with("//") || after.starts_with("/*"))
                || starts_with_key(after, true)
                || (is_scalar && gap.contains('\n'));
            if ended {
                return Some(i);
            }
            from = i + gap.len();
        }
        None
    }
}

fn is_keyword(word: &str) -> bool {
    !matches!(words::unquoted_value(word), Json::String(_) | Json::Number(_))
}

fn is_number(word: &str) -> bool {
    matches!(words::unquoted_value(word), Json::Number(_))
}

/// Whether a comma within a number may have been taken for one between elements: `$1`, `000.50`.
fn is_part_of_grouped_number(word: &str, after: &str) -> bool {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let bare = word.trim_start_matches(['-', '+', '$', '€', '£', ' ']);
    let rest = &bare[digits(bare)..];
    let numeric = digits(bare) > 0 && rest.chars().all(|c| c.is_ascii_digit() || ".%€$ ".contains(c));
    let leading_zero = digits(bare) == 3 && bare.starts_with('0') && numeric;
    let currency = bare.len() != word.trim_start_matches('-').len() && numeric;
    leading_zero || (currency && after.starts_with(',') && digits(&after[1..]) == 3)
}

/// The first bytes of a text, cut between two characters.
fn searched_part(text: &str) -> &str {
    let mut end = text.len().min(KEY_REACH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether a text starts with a key and `:`; also with one without quotes.
pub(super) fn starts_with_key(text: &str, bare: bool) -> bool {
    let text = searched_part(text);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`' | '\u{201c}'));
    if let Some(quote) = quote {
        let close = if quote == '\u{201c}' { '\u{201d}' } else { quote };
        let inner = &text[quote.len_utf8()..];
        return inner.find([close, '\n']).is_some_and(|end| {
            inner[end..].strip_prefix(close).is_some_and(|after| after.trim_start().starts_with(':'))
        });
    }
    bare && text.find([':', ',', '}', '{', '[', ']', '\n', '"']).is_some_and(|end| {
        let key = text[..end].trim();
        let is_name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        text[end..].starts_with(':')
            && !text[end..].starts_with("://")
            && !key.is_empty()
            && key.chars().all(is_name)
            && key.split(' ').count() < 4
    })
}

/// A number in the notation of JSON.
pub(super) fn json_number(word: &str) -> Option<Number> {
    serde_json::from_str::<Json>(word).ok().and_then(|json| match json {
        Json::Number(n) if n.is_i64() || word.contains(['.', 'e', 'E']) => Some(n),
        _ => None,
    })
}
