//! `textDocument/onTypeFormatting`.

use cascade_compiler::{Sources, ide::indent_line};
use tower_lsp::ls_types::{DocumentOnTypeFormattingParams, TextEdit};

use super::View;

/// What is typed when a line may get another indentation.
pub(crate) const TRIGGERS: [&str; 4] = ["}", "\n", "]", ")"];

/// The edit that indents the line of the cursor.
pub(crate) fn answer_indent(view: &View, params: &DocumentOnTypeFormattingParams) -> Option<Vec<TextEdit>> {
    let parse = view.sources().parse(&view.name, &view.text);
    let offset = view.offset(params.text_document_position.position);
    let found = indent_line(&parse, &view.text, offset, &params.ch);
    Some(found.map(|(span, new_text)| TextEdit { range: view.range(span), new_text }).into_iter().collect())
}
