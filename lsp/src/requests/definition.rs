//! `textDocument/definition`, `textDocument/typeDefinition` and `textDocument/implementation`.

use cascade_compiler::ide::{definition, implementations, type_definition};
use tower_lsp::ls_types::{GotoDefinitionResponse, Position};

use super::View;

/// Where the name at a position is defined.
pub(crate) fn answer_definition(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let checked = view.checked()?;
    let found = definition(checked.compiled, checked.source, view.offset(position))?;
    let places = found.places.into_iter().filter_map(|place| view.location(checked.analysis, place));
    Some(GotoDefinitionResponse::Array(places.collect()))
}

/// Where the models are declared that the route at a position may choose.
pub(crate) fn answer_implementation(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let checked = view.checked()?;
    let found = implementations(checked.compiled, checked.source, view.offset(position));
    let places = found.into_iter().filter_map(|place| view.location(checked.analysis, place));
    Some(GotoDefinitionResponse::Array(places.collect()))
}

/// Where the type of the expression at a position is declared.
pub(crate) fn answer_type(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let checked = view.checked()?;
    let place = type_definition(checked.compiled, checked.source, view.offset(position))?;
    view.location(checked.analysis, place).map(GotoDefinitionResponse::Scalar)
}
