//! The edits between two texts.

use cascade_compiler::ide::difference;
use tower_lsp::ls_types::TextEdit;

use crate::position::{Encoding, LineIndex};

/// The edits that turn `before` into `after`: none, or one of the lines that differ.
pub(crate) fn edits_between(before: &str, after: &str, encoding: Encoding) -> Vec<TextEdit> {
    let edit = |(span, new_text)| TextEdit { range: LineIndex::new(before).range(before, span, encoding), new_text };
    difference(before, after).map(edit).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use tower_lsp::ls_types::{Position, Range};

    use super::*;

    #[test]
    fn only_the_lines_that_differ_are_replaced() {
        let edits = edits_between("a\nb\nc\nd\n", "a\nB\nC\nC\nd\n", Encoding::Utf16);
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
                for edit in edits_between(before, after, Encoding::Utf16) {
                    let start = index.offset(before, edit.range.start, Encoding::Utf16);
                    let end = index.offset(before, edit.range.end, Encoding::Utf16);
                    text.replace_range(start..end, &edit.new_text);
                }
                assert_eq!(text, after, "from {before:?}");
            }
        }
    }
}
