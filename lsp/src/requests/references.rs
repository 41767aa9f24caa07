//! `textDocument/references` and `textDocument/documentHighlight`.

use cascade_compiler::ide::{Reference, references};
use tower_lsp::ls_types::{DocumentHighlight, DocumentHighlightKind, Location, Position, ReferenceParams};

use super::View;
use crate::analysis::Analysis;

/// Every place that names what the name at a position stands for, in the document, in what it imports, and
/// in the other programs of the project.
pub(crate) fn answer_references(view: &View, params: &ReferenceParams) -> Option<Vec<Location>> {
    let checked = view.checked()?;
    let offset = view.offset(params.text_document_position.position);
    let found = references(checked.compiled, checked.source, offset);
    let definition = found.iter().find(|reference| reference.definition).copied();
    let wanted = |reference: &Reference| params.context.include_declaration || !reference.definition;
    let mut locations = Vec::new();
    let mut add = |analysis: &Analysis, found: Vec<Reference>| {
        for reference in found.into_iter().filter(wanted) {
            if let Some(location) = view.location(analysis, reference.place)
                && !locations.contains(&location)
            {
                locations.push(location);
            }
        }
    };
    add(checked.analysis, found);
    if let Some(definition) = definition {
        let file = &checked.analysis.sources.get(definition.place.source).name;
        for other in view.programs_with(file) {
            let source = other.sources.iter().find(|(_, source)| source.name == *file);
            if let (Some((source, _)), Some(compiled)) = (source, &other.compiled) {
                add(&other, references(compiled, source, definition.place.span.start));
            }
        }
    }
    Some(locations)
}

/// The places of the document that name the same.
pub(crate) fn answer_highlights(view: &View, position: Position) -> Option<Vec<DocumentHighlight>> {
    let checked = view.checked()?;
    let found = references(checked.compiled, checked.source, view.offset(position));
    let here = found.into_iter().filter(|reference| reference.place.source == checked.source);
    let highlights = here.map(|reference| DocumentHighlight {
        range: view.range(reference.place.span),
        kind: Some(if reference.definition { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ }),
    });
    Some(highlights.collect())
}
