//! The edits between two texts.

use cascade_grammar::ast::Span;
use tower_lsp::ls_types::TextEdit;

use crate::position::{Encoding, LineIndex};

/// The edits that turn `before` into `after`: none, or one that leaves the common lines at the
/// start and the end unchanged, so that an editor keeps its cursor, folds and marks.
pub(crate) fn edits(before: &str, after: &str, encoding: Encoding) -> Vec<TextEdit> {
    if before == after {
        return Vec::new();
    }
    let pairs = before.split_inclusive('\n').zip(after.split_inclusive('\n'));
    let head: usize = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
    let (before_rest, after_rest) = (&before[head..], &after[head..]);
    let pairs = before_rest.split_inclusive('\n').rev().zip(after_rest.split_inclusive('\n').rev());
    let tail: usize = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
    let span = Span { start: head as u32, end: (before.len() - tail) as u32 };
    let range = LineIndex::new(before).range(before, span, encoding);
    vec![TextEdit { range, new_text: after_rest[..after_rest.len() - tail].to_owned() }]
}

#[cfg(test)]
mod tests {
    use tower_lsp::ls_types::{Position, Range};

    use super::*;

    #[test]
    fn only_the_lines_that_differ_are_replaced() {
        let edits = edits("a\nb\nc\nd\n", "a\nB\nC\nC\nd\n", Encoding::Utf16);
        let range = Range::new(Position::new(1, 0), Position::new(3, 0));
        assert_eq!(edits, [TextEdit { range, new_text: "B\nC\nC\n".to_owned() }]);
    }

    #[test]
    fn applied_they_give_the_new_text() {
        let texts = ["", "a", "a\n", "a\na\n", "a\na\na\n", "b\na\n", "a\nb", "a\r\nb\n", "\n\n", "😀\na\n", "a\n😀"];
        for before in texts {
            for after in texts {
                let index = LineIndex::new(before);
                let mut text = before.to_owned();
                for edit in edits(before, after, Encoding::Utf16) {
                    let start = index.offset(before, edit.range.start, Encoding::Utf16);
                    let end = index.offset(before, edit.range.end, Encoding::Utf16);
                    text.replace_range(start..end, &edit.new_text);
                }
                assert_eq!(text, after, "from {before:?}");
            }
        }
    }
}
