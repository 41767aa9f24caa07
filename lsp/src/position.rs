//! Converts byte offsets to positions of the protocol and back.

use cascade_grammar::ast::Span;
use tower_lsp::ls_types::{Position, Range};

/// The unit of columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// In bytes.
    Utf8,
    /// UTF-16 code units, which every client supports.
    #[default]
    Utf16,
}

impl Encoding {
    fn units(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }
    fn width(self, c: char) -> usize {
        match self {
            Self::Utf8 => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
        }
    }
}

/// The line starts of a text. The protocol ends a line at `\n`, `\r\n` and a lone `\r`, unlike the
/// compiler; hence an index of its own.
#[derive(Debug, Clone)]
pub(crate) struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// The index of a text.
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes.get(at..at + 2) != Some(b"\r\n") {
                starts.push(at as u32 + 1);
            }
        }
        Self { starts }
    }

    /// The position of a byte offset; an offset inside a character counts as the character's start.
    pub(crate) fn position(&self, text: &str, offset: u32, encoding: Encoding) -> Position {
        let mut end = (offset as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = self.starts.partition_point(|start| *start as usize <= end).max(1) - 1;
        let start = self.starts.get(line).copied().unwrap_or(0) as usize;
        let units = text.get(start..end).map_or(0, |before| encoding.units(before));
        Position::new(line as u32, units as u32)
    }

    /// The range of a span.
    pub(crate) fn range(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        Range::new(self.position(text, span.start, encoding), self.position(text, span.end, encoding))
    }

    /// The byte offset of a position. As the protocol demands, a column beyond the line is clamped to
    /// the line's end, and a line beyond the text to the text's end.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).map(|s| *s as usize) else { return text.len() };
        let end = self.starts.get(line + 1).map_or(text.len(), |s| *s as usize);
        let content = text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let mut left = position.character as usize;
        for (at, c) in content.char_indices() {
            let width = encoding.width(c);
            if left < width {
                return start + at;
            }
            left -= width;
        }
        start + content.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a😀b\r\nç\rx\n";

    #[test]
    fn every_boundary_goes_there_and_back() {
        let index = LineIndex::new(TEXT);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (at, c) in TEXT.char_indices() {
                // The `\n` of `\r\n` is beyond the end of its line and has no position of its own.
                if c == '\n' && TEXT[..at].ends_with('\r') {
                    continue;
                }
                let position = index.position(TEXT, at as u32, encoding);
                assert_eq!(index.offset(TEXT, position, encoding), at, "{encoding:?} {position:?}");
            }
        }
    }

    #[test]
    fn columns_are_counted_in_the_units_agreed_on() {
        let index = LineIndex::new(TEXT);
        let b = TEXT.find('b').unwrap() as u32;
        assert_eq!(index.position(TEXT, b, Encoding::Utf16), Position::new(0, 3));
        assert_eq!(index.position(TEXT, b, Encoding::Utf8), Position::new(0, 5));
        let x = TEXT.find('x').unwrap() as u32;
        assert_eq!(index.position(TEXT, x, Encoding::Utf16), Position::new(2, 0));
    }

    #[test]
    fn what_lies_beyond_is_clamped() {
        let index = LineIndex::new(TEXT);
        assert_eq!(index.offset(TEXT, Position::new(0, 99), Encoding::Utf16), TEXT.find('\r').unwrap());
        assert_eq!(index.offset(TEXT, Position::new(99, 0), Encoding::Utf16), TEXT.len());
        // The middle of a character that takes two units.
        assert_eq!(index.offset(TEXT, Position::new(0, 2), Encoding::Utf16), 1);
        assert_eq!(index.position(TEXT, 3, Encoding::Utf16), Position::new(0, 1));
        assert_eq!(index.position(TEXT, 999, Encoding::Utf16), Position::new(3, 0));
    }
}
