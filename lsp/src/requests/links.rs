//! `textDocument/documentLink`.

use std::path::Path;

use cascade_compiler::{Sources, ide::links};
use tower_lsp::ls_types::DocumentLink;

use super::View;
use crate::position::LineIndex;

/// The files that the document names. What does not exist is no link; a diagnostic says so where it matters.
pub(crate) fn answer_links(view: &View) -> Option<Vec<DocumentLink>> {
    let sources = view.sources();
    let lines = LineIndex::new(&view.text);
    let found = links(&view.name, &sources.parse(&view.name, &view.text), &sources).into_iter().filter_map(|link| {
        let exists = view.open.contains_key(&link.file) || Path::new(&link.file).is_file();
        let target = view.client_file(&link.file).filter(|_| exists)?.uri;
        let range = lines.range(&view.text, link.span, view.settings.encoding);
        Some(DocumentLink { range, target: Some(target), tooltip: None, data: None })
    });
    Some(found.collect())
}
