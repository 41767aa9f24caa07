//! `textDocument/foldingRange` and `textDocument/selectionRange`.

use cascade_compiler::{
    Sources,
    ide::{enclosing_ranges, folding_ranges},
};
use tower_lsp::ls_types::{FoldingRange, Position, SelectionRange};

use super::View;
use crate::position::LineIndex;

/// What can be folded.
pub(crate) fn answer_folding(view: &View) -> Option<Vec<FoldingRange>> {
    let parse = view.sources().parse(&view.name, &view.text);
    let lines = LineIndex::new(&view.text);
    let ranges = folding_ranges(&parse, &view.text).into_iter().map(|span| {
        let range = lines.range(&view.text, span, view.settings.encoding);
        FoldingRange {
            start_line: range.start.line,
            start_character: None,
            // The last line, with the closing bracket, stays.
            end_line: range.end.line.saturating_sub(1).max(range.start.line),
            end_character: None,
            kind: None,
            collapsed_text: None,
        }
    });
    Some(ranges.filter(|range| range.start_line < range.end_line).collect())
}

/// The ranges around each position, each with the next larger one.
pub(crate) fn answer_selection(view: &View, positions: &[Position]) -> Option<Vec<SelectionRange>> {
    let parse = view.sources().parse(&view.name, &view.text);
    let lines = LineIndex::new(&view.text);
    let mut found = Vec::with_capacity(positions.len());
    for position in positions {
        let spans = enclosing_ranges(&parse, &view.text, view.offset(*position));
        let largest_first = spans.into_iter().rev();
        let nested = largest_first.fold(None, |parent: Option<Box<SelectionRange>>, span| {
            let range = lines.range(&view.text, span, view.settings.encoding);
            Some(Box::new(SelectionRange { range, parent }))
        });
        found.push(*nested?);
    }
    Some(found)
}
