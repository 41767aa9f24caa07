//! `textDocument/definition` and `textDocument/typeDefinition`.

use cascade_compiler::ide::{definition, type_definition};
use tower_lsp::ls_types::{GotoDefinitionResponse, Position};

use super::View;

/// Where the name at a position is defined.
pub(crate) fn answer(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let checked = view.checked()?;
    let found = definition(checked.compiled, checked.source, view.offset(position))?;
    let places = found.places.into_iter().filter_map(|place| view.location(checked.analysis, place));
    Some(GotoDefinitionResponse::Array(places.collect()))
}

/// Where the type of the expression at a position is declared.
pub(crate) fn answer_type(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let checked = view.checked()?;
    let place = type_definition(checked.compiled, checked.source, view.offset(position))?;
    view.location(checked.analysis, place).map(GotoDefinitionResponse::Scalar)
}
