//! Words and numbers as people write them: without regard to case, quotes and accents, with
//! thousands separators, signs of currencies and fractions.

use serde_json::Value as Json;

use super::syntax::json_number;
use crate::value::Value;

/// The letters that a person reads as the same letter with an accent.
const ACCENTED: [(&str, &str); 13] = [
    ("a", "àáâãäåāăą"),
    ("c", "çćĉċč"),
    ("d", "ďđ"),
    ("e", "èéêëēĕėęě"),
    ("g", "ĝğġģ"),
    ("i", "ìíîïĩīĭįı"),
    ("l", "ĺļľł"),
    ("n", "ñńņňŉ"),
    ("o", "òóôõöøōŏő"),
    ("r", "ŕŗř"),
    ("s", "śŝşšș"),
    ("u", "ùúûüũūŭůűų"),
    ("z", "źżž"),
];

/// Quotes, emphasis and punctuation around a word.
const AROUND: &[char] = &[
    '"', '\'', '`', '*', '_', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '«', '»', '.', '!', ',', ';', ':', '(',
    ')', '[', ']', '#', '@', ' ', '\t', '\r', '\n',
];

/// A word without case, accents and the signs between its parts: `Not-Spam` is `not spam`.
pub(crate) fn fold_word(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim_matches(AROUND).chars().flat_map(char::to_lowercase) {
        match c {
            '\u{300}'..='\u{36f}' => {}
            '-' | '_' | ' ' | '\n' | '\t' | '\r' | '\u{a0}' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            c => match ACCENTED.iter().find(|(_, letters)| !c.is_ascii() && letters.contains(c)) {
                Some((plain, _)) => out.push_str(plain),
                None => out.push(c),
            },
        }
    }
    out
}

/// The name that a word means, if it is exactly one.
pub(crate) fn same_word<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let word = word.trim();
    if let Some(exact) = names.iter().find(|name| **name == word) {
        return Some(exact);
    }
    let folded = fold_word(word);
    let mut same = names.iter().filter(|name| fold_word(name) == folded);
    let first = *same.next()?;
    same.next().is_none().then_some(first)
}

/// A truth value as people write it.
pub(crate) fn read_bool(text: &str) -> Option<bool> {
    match fold_word(text).as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// A number in common notations: `1,234.50`, `1_000`, `$5`, `50%`, `1/2`. A text that has another
/// meaning as well, such as `12,11`, is none.
pub(crate) fn read_number(text: &str) -> Option<Value> {
    let text = text.trim().trim_matches(['*', '`', '"', '\'']).trim().replace('\u{2212}', "-");
    let text = text.trim_end_matches(['.', '!']).trim_end_matches(['%', '€', '£', '$']).trim_end();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(['$', '€', '£']).trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(_) if negative => return None,
        Some(rest) => (true, rest),
        None => (negative, text),
    };
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some((above, below)) = text.split_once('/') {
        let (above, below) =
            (ungroup_digits(above.trim())?.parse::<f64>().ok()?, ungroup_digits(below.trim())?.parse::<f64>().ok()?);
        let value = above / below;
        return value.is_finite().then_some(Value::Float(if negative { -value } else { value }));
    }
    let plain = ungroup_digits(text)?;
    let signed = if negative { format!("-{plain}") } else { plain };
    if !signed.contains(['.', 'e', 'E']) {
        return signed.parse::<i64>().ok().map(Value::Int);
    }
    signed.parse::<f64>().ok().filter(|f| f.is_finite()).map(Value::Float)
}

/// A number without its thousands separators, if they stand where they belong.
fn ungroup_digits(text: &str) -> Option<String> {
    let (whole, fraction) = match text.find(['.', 'e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if fraction.contains([',', '_', '\'']) || !text.chars().all(|c| c.is_ascii_digit() || ".,_'eE+-".contains(c)) {
        return None;
    }
    for separator in [',', '_', '\'', '\u{a0}'] {
        if whole.contains(separator) {
            let mut groups = whole.split(separator);
            let first = groups.next()?;
            let all_digits = |g: &str| g.chars().all(|c| c.is_ascii_digit());
            let grouped = (1..=3).contains(&first.len()) && all_digits(first);
            return (grouped && groups.all(|g| g.len() == 3 && all_digits(g)))
                .then(|| format!("{}{fraction}", whole.replace(separator, "")));
        }
    }
    Some(text.to_owned())
}

/// An unquoted word as JSON: a keyword, a number in the notation of JSON, or text.
pub(super) fn unquoted_value(word: &str) -> Json {
    match word {
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        "null" | "None" | "NULL" | "Null" | "undefined" | "nil" => Json::Null,
        _ => match json_number(word) {
            Some(number) => Json::Number(number),
            None => Json::String(word.to_owned()),
        },
    }
}

/// Whether a text only holds the place of an answer: `TODO`, `N/A`, `<string>`, or the name of its
/// field.
pub(crate) fn is_placeholder(text: &str, field: Option<&str>) -> bool {
    let text = text.trim();
    if text.len() > 100 {
        return false;
    }
    let inner = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .or_else(|| text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
    let word = fold_word(inner.unwrap_or(text));
    matches!(word.as_str(), "n/a" | "todo" | "tbd" | "placeholder" | "your answer" | "your answer here" | "lorem ipsum")
        || matches!(text, "string" | "..." | "…")
        || (inner.is_some() && matches!(word.as_str(), "string" | "text" | "value"))
        || field.is_some_and(|field| word == fold_word(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, wanted) in [
            ("-2,000.00", Some(-2000.0)),
            ("$1,234", Some(1234.0)),
            ("-$5", Some(-5.0)),
            ("50%", Some(50.0)),
            ("1/4", Some(0.25)),
            ("1_000_000", Some(1e6)),
            ("12.11.", Some(12.11)),
            ("1e3", Some(1000.0)),
            ("12,11", None),
            ("1,2,3", None),
            ("1.234,56", None),
            ("--5", None),
            ("1/0", None),
            ("5 apples", None),
            ("inf", None),
            ("", None),
        ] {
            let found = read_number(text).map(|v| match v {
                Value::Int(i) => i as f64,
                Value::Float(f) => f,
                other => panic!("{other:?}"),
            });
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn words_are_compared_as_a_person_reads_them() {
        let names = ["NOT_SPAM", "Résumé", "two"];
        for (word, wanted) in [
            ("not spam", Some("NOT_SPAM")),
            ("\"Not-Spam\".", Some("NOT_SPAM")),
            ("resume", Some("Résumé")),
            ("re\u{301}sume\u{301}", Some("Résumé")),
            ("**TWO!**", Some("two")),
            ("spam", None),
        ] {
            assert_eq!(same_word(word, &names), wanted, "{word}");
        }
        assert_eq!(same_word("a", &["A", "a"]), Some("a"));
        assert_eq!(same_word("AB", &["Ab", "aB"]), None);
    }
}
