//! `textDocument/signatureHelp`.

use cascade_compiler::ide::signature_help;
use tower_lsp::ls_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, Position, SignatureHelp,
    SignatureInformation,
};

use super::View;

/// The parameters of the call around a position.
pub(crate) fn answer_signature(view: &View, position: Position) -> Option<SignatureHelp> {
    let checked = view.checked()?;
    let found = signature_help(checked.compiled, checked.source, view.offset(position))?;
    let markdown = |value: String| {
        (!value.is_empty()).then_some(Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value }))
    };
    let parameters = found.params.into_iter().map(|(label, documentation)| ParameterInformation {
        label: ParameterLabel::Simple(label),
        documentation: markdown(documentation),
    });
    let active = found.active.map(|active| active as u32);
    let signature = SignatureInformation {
        label: found.label,
        documentation: markdown(found.documentation),
        parameters: Some(parameters.collect()),
        active_parameter: active,
    };
    Some(SignatureHelp { signatures: vec![signature], active_signature: Some(0), active_parameter: active })
}
