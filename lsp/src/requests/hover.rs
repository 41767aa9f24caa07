//! `textDocument/hover`.

use cascade_compiler::ide::hover;
use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::View;

/// What is known at a position, in Markdown.
pub(crate) fn answer_hover(view: &View, params: &HoverParams) -> Option<Hover> {
    let checked = view.checked()?;
    let offset = view.offset(params.text_document_position_params.position);
    let found = hover(checked.compiled, checked.analysis.program.as_ref(), checked.source, offset)?;
    let mut value = format!("```cascade\n{}\n```", found.code);
    let notes = found.notes.join("\n\n");
    for part in [found.documentation, notes].into_iter().filter(|part| !part.is_empty()) {
        value.push_str("\n\n");
        value.push_str(&part);
    }
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: Some(view.range(found.span)),
    })
}
