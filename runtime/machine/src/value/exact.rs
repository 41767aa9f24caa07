//! Parses JSON without changing numbers.

use std::{fmt, sync::Arc};

use serde_json::{Number, Value as Json};

/// A number of JSON that neither an `i64` nor an `f64` holds: an integer of more than 64 bits, or one beyond the range
/// of floats. It is kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LargeNumber(Arc<str>);

impl LargeNumber {
    /// The number, unless a value of the language holds it.
    pub(super) fn from_number(number: &Number) -> Option<Self> {
        let text = number.as_str();
        let is_whole = !text.contains(['.', 'e', 'E']);
        let is_held = if is_whole { number.is_i64() } else { number.as_f64().is_some_and(f64::is_finite) };
        (!is_held).then(|| Self(Arc::from(text)))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a float, if there is one of exactly this value.
    pub fn as_exact_float(&self) -> Option<f64> {
        let float = self.0.parse::<f64>().ok().filter(|f| f.is_finite())?;
        (format!("{float:.0}") == *self.0).then_some(float)
    }

    /// As JSON.
    pub(super) fn to_json(&self) -> Json {
        // It was a number before.
        self.0.parse::<Number>().map_or_else(|_| Json::String(self.0.to_string()), Json::Number)
    }
}

impl fmt::Display for LargeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses JSON, after an optional byte order mark.
///
/// # Errors
/// The message, with the place: for bytes that are not UTF-8, and for invalid JSON.
pub fn parse_json(bytes: &[u8]) -> Result<Json, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| format!("is not UTF-8 (at byte {})", e.valid_up_to()))?;
    serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Value, from_json, to_json};
    use serde_json::json;

    #[test]
    fn numbers_are_as_they_were_written() {
        assert_eq!(
            parse_json(b"\xef\xbb\xbf{\"a\": 0.9999999999999999}").unwrap(),
            json!({ "a": 0.999_999_999_999_999_9 })
        );
        for kept in [
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "[1,-9223372036854775809]",
            "{\"a\\\"1\":12345678901234567890}",
            "123456789012345678901234567890123456789012345678901234567890",
            "1e+400",
            "-0.0",
            "\"12345678901234567890 \\\" 99999999999999999999\"",
        ] {
            let value = from_json(&parse_json(kept.as_bytes()).unwrap());
            assert_eq!(to_json(&value).to_string(), kept);
            assert_eq!(value, from_json(&parse_json(kept.as_bytes()).unwrap()));
        }
        assert!(matches!(from_json(&parse_json(b"1e30").unwrap()), Value::Float(f) if f == 1e30));
        assert!(matches!(from_json(&parse_json(b"12345678901234567890.5").unwrap()), Value::Float(_)));
        assert!(parse_json(b"{\"a\": \"caf\xe9\"}").unwrap_err().contains("at byte 10"));
    }

    #[test]
    fn only_a_float_of_the_same_value_stands_for_a_large_number() {
        let float = |text: &str| match from_json(&parse_json(text.as_bytes()).unwrap()) {
            Value::Large(large) => large.as_exact_float(),
            other => panic!("{other:?}"),
        };
        assert_eq!(float("10000000000000000000"), Some(1e19));
        assert_eq!(float("12345678901234567890"), None);
        assert_eq!(float("1e400"), None);
    }
}
