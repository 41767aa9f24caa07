//! `textDocument/inlayHint`.

use cascade_compiler::ide::type_hints;
use tower_lsp::ls_types::{InlayHint, InlayHintKind, InlayHintLabel, Range};

use super::View;
use crate::position::LineIndex;

/// The types of variables and stages in a range that are declared without one.
pub(crate) fn answer_hints(view: &View, range: Range) -> Option<Vec<InlayHint>> {
    let checked = view.checked()?;
    let (start, end) = (view.offset(range.start), view.offset(range.end));
    let lines = LineIndex::new(&view.text);
    let hints = type_hints(checked.compiled, checked.source).into_iter();
    let hints = hints.filter(|hint| start <= hint.offset && hint.offset <= end).map(|hint| InlayHint {
        position: lines.position(&view.text, hint.offset, view.settings.encoding),
        label: InlayHintLabel::String(format!(": {}", hint.ty)),
        kind: Some(InlayHintKind::TYPE),
        text_edits: None,
        tooltip: None,
        padding_left: None,
        padding_right: None,
        data: None,
    });
    Some(hints.collect())
}
