//! Parses JSON without changing numbers.

use serde_json::Value as Json;

/// Parses JSON, after an optional byte order mark.
///
/// # Errors
/// The message, with the place: for bytes that are not UTF-8, for invalid JSON, and for integers
/// that do not fit into 64 bits, which would be rounded.
pub fn parse_json(bytes: &[u8]) -> Result<Json, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| format!("is not UTF-8 (at byte {})", e.valid_up_to()))?;
    let json = serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))?;
    check_integers(text)?;
    Ok(json)
}

/// Checks that every integer of valid JSON fits into 64 bits.
///
/// # Errors
/// A message about the first that does not.
pub fn check_integers(text: &str) -> Result<(), String> {
    match find_long_integer(text) {
        Some(digits) => Err(format!("has the number {digits}, which does not fit into 64 bits; write it as text")),
        None => Ok(()),
    }
}

/// The first integer of valid JSON that does not fit into an `i64`.
fn find_long_integer(text: &str) -> Option<&str> {
    /// The length of the shortest number that may not fit: 9,223,372,036,854,775,808.
    const SHORTEST: usize = 19;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                at += bytes[at..].iter().take_while(|byte| is_number(byte)).count();
                let number = &text[start..at];
                let is_whole = !number.contains(['.', 'e', 'E']);
                if number.len() >= SHORTEST && is_whole && number.parse::<i64>().is_err() {
                    return Some(number);
                }
            }
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_as_they_were_written() {
        assert_eq!(
            parse_json(b"\xef\xbb\xbf{\"a\": 0.9999999999999999}").unwrap(),
            json!({ "a": 0.999_999_999_999_999_9 })
        );
        for kept in ["9223372036854775807", "-9223372036854775808", "1e30", "12345678901234567890.5", "-0.0"] {
            assert!(parse_json(kept.as_bytes()).is_ok(), "{kept}");
        }
        for refused in ["9223372036854775808", "[1, -9223372036854775809]", "{\"a\\\"1\": 12345678901234567890}"] {
            assert!(parse_json(refused.as_bytes()).unwrap_err().contains("64 bits"), "{refused}");
        }
        assert!(parse_json(b"\"12345678901234567890 \\\" 99999999999999999999\"").is_ok());
        assert!(parse_json(b"{\"a\": \"caf\xe9\"}").unwrap_err().contains("at byte 10"));
        assert!(parse_json(b"1e400").is_err());
    }
}
