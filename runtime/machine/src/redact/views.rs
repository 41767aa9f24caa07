//! Texts with their escapes decoded, and the position of each byte in the original. Which characters are escaped
//! differs between programs (`%2B` or `+`, `\u00e9` or `é`), so escapes are decoded before the search instead of
//! listing every escaped form of a secret.

/// A decoded text. Byte `i` comes from the range `places[i]` of the original.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    places: Vec<(usize, usize)>,
}

/// A decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    /// Backslashes of JSON, of shells and of most programming languages.
    Backslash,
    /// `%2B` in URLs.
    Percent,
    /// `%2B`, and `+` for a space, in forms.
    Form,
    /// `&amp;`, `&#43;`, `&#x2b;` in HTML and XML.
    Entity,
    /// Removes white space and colons: hex and base64 are written in lines and groups.
    Squeezed,
}

impl Decoding {
    /// Whether a text can contain anything to decode.
    pub(super) fn occurs_in(self, bytes: &[u8]) -> bool {
        match self {
            Self::Backslash => bytes.contains(&b'\\'),
            Self::Percent => bytes.contains(&b'%'),
            Self::Form => bytes.contains(&b'+'),
            Self::Entity => bytes.contains(&b'&'),
            Self::Squeezed => bytes.iter().any(|byte| is_gap(*byte)),
        }
    }

    /// Decodes a text.
    pub(super) fn decode(self, bytes: &[u8]) -> View {
        let mut view = View { bytes: Vec::with_capacity(bytes.len()), places: Vec::with_capacity(bytes.len()) };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let length = match self {
                Self::Backslash => decode_backslash(rest, at, &mut view),
                Self::Percent => decode_percent(rest, at, &mut view),
                Self::Form if rest[0] == b'+' => view.push(b" ", at, 1),
                Self::Form => decode_percent(rest, at, &mut view),
                Self::Entity => decode_entity(rest, at, &mut view),
                Self::Squeezed if is_gap(rest[0]) => Some(1),
                Self::Squeezed => None,
            };
            at += match length {
                Some(length) => length,
                None => {
                    view.bytes.push(rest[0]);
                    view.places.push((at, at + 1));
                    1
                }
            };
        }
        view
    }
}

impl View {
    /// Bytes that were written together, in `length` bytes from `at` on.
    fn push(&mut self, bytes: &[u8], at: usize, length: usize) -> Option<usize> {
        self.bytes.extend_from_slice(bytes);
        self.places.extend(std::iter::repeat_n((at, at + length), bytes.len()));
        Some(length)
    }

    fn push_char(&mut self, number: u32, at: usize, length: usize) -> Option<usize> {
        let char = char::from_u32(number)?;
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes(), at, length)
    }

    /// The written range of a decoded one.
    pub(super) fn original_range(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let start = self.places.get(range.start).map_or(0, |place| place.0);
        let end = range.end.checked_sub(1).and_then(|last| self.places.get(last));
        start..end.map_or(start, |place| place.1)
    }
}

fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b':')
}

/// The number that so many digits at the front of a text are.
fn parse_digits(text: &[u8], count: usize, radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(..count)?).ok()?;
    let all = digits.chars().all(|c| c.is_digit(radix));
    u32::from_str_radix(digits, radix).ok().filter(|_| all)
}

fn decode_backslash(rest: &[u8], at: usize, view: &mut View) -> Option<usize> {
    let next = *rest.get(1).filter(|_| rest[0] == b'\\')?;
    match next {
        b'n' => view.push(b"\n", at, 2),
        b't' => view.push(b"\t", at, 2),
        b'r' => view.push(b"\r", at, 2),
        b'b' => view.push(&[8], at, 2),
        b'f' => view.push(&[12], at, 2),
        b'x' => view.push(&[u8::try_from(parse_digits(&rest[2..], 2, 16)?).ok()?], at, 4),
        b'0'..=b'7' => view.push(&[u8::try_from(parse_digits(&rest[1..], 3, 8)?).ok()?], at, 4),
        b'u' => match parse_digits(&rest[2..], 4, 16)? {
            // Two halves of a character beyond the first plane.
            high @ 0xd800..0xdc00 => {
                let low = parse_digits(rest.get(8..).filter(|_| rest[6..].starts_with(b"\\u"))?, 4, 16)?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                view.push_char(0x10000 + ((high - 0xd800) << 10) + low, at, 12)
            }
            number => view.push_char(number, at, 6),
        },
        byte if byte.is_ascii_alphanumeric() => None,
        byte => view.push(&[byte], at, 2),
    }
}

fn decode_percent(rest: &[u8], at: usize, view: &mut View) -> Option<usize> {
    if rest[0] != b'%' {
        return None;
    }
    view.push(&[u8::try_from(parse_digits(&rest[1..], 2, 16)?).ok()?], at, 3)
}

fn decode_entity(rest: &[u8], at: usize, view: &mut View) -> Option<usize> {
    if rest[0] != b'&' {
        return None;
    }
    let end = rest.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[1..end]).ok()?;
    let byte = match name {
        "amp" => b"&",
        "lt" => b"<",
        "gt" => b">",
        "quot" => b"\"",
        "apos" => b"'",
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            return view.push_char(number.ok()?, at, end + 1);
        }
    };
    view.push(byte, at, end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_text(decoding: Decoding, text: &str) -> String {
        String::from_utf8_lossy(&decoding.decode(text.as_bytes()).bytes).into_owned()
    }

    #[test]
    fn escapes_are_decoded_and_all_else_stays() {
        assert_eq!(decode_text(Decoding::Backslash, r#"a\"b\/c\u00e9\ud83d\ude00\n\x41\101\z\"#), "a\"b/cé😀\nAA\\z\\");
        assert_eq!(decode_text(Decoding::Percent, "a%2Bb%2b+%zz%"), "a+b++%zz%");
        assert_eq!(decode_text(Decoding::Form, "a%2Bb+c"), "a+b c");
        assert_eq!(decode_text(Decoding::Entity, "&amp;&lt;&#43;&#x2b;&nothing;&"), "&<++&nothing;&");
        assert_eq!(decode_text(Decoding::Squeezed, "68 75\n6e:74"), "68756e74");
    }

    #[test]
    fn a_range_covers_the_escapes_that_it_was_written_with() {
        let text = "x%C3%A9y";
        let view = Decoding::Percent.decode(text.as_bytes());
        assert_eq!(view.bytes, "xéy".as_bytes());
        assert_eq!(view.original_range(1..3), 1..7);
        assert_eq!(view.original_range(0..4), 0..8);
        let view = Decoding::Backslash.decode(br"\u00e9!");
        assert_eq!(view.original_range(0..2), 0..6);
    }
}
