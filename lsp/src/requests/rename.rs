//! `textDocument/prepareRename` and `textDocument/rename`.

use std::collections::{BTreeMap, HashMap};

use cascade_compiler::ide::{Analysed, Change, prepare_rename, rename};
use tower_lsp::{
    jsonrpc::Result,
    ls_types::{
        DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Position, PrepareRenameResponse, RenameParams,
        TextDocumentEdit, TextEdit, WorkspaceEdit,
    },
};

use super::{View, refusal_error};
use crate::position::LineIndex;

/// The name at a position, if it can be renamed.
pub(crate) fn answer_prepare(view: &View, position: Position) -> Result<Option<PrepareRenameResponse>> {
    let Some(checked) = view.checked() else { return Ok(None) };
    let Some(program) = checked.analysis.analysed() else { return Ok(None) };
    let span = prepare_rename(program, checked.source, view.offset(position)).map_err(refusal_error)?;
    Ok(Some(PrepareRenameResponse::Range(view.range(span))))
}

/// The edits that rename what the name at a position stands for, in all files of the project.
pub(crate) fn answer_rename(view: &View, params: &RenameParams) -> Result<Option<WorkspaceEdit>> {
    let Some(checked) = view.checked() else { return Ok(None) };
    let Some(program) = checked.analysis.analysed() else { return Ok(None) };
    let offset = view.offset(params.text_document_position.position);
    // Programs that read a file of this one; which of them are concerned the query finds out.
    let others: Vec<_> = checked
        .analysis
        .sources
        .iter()
        .map(|(_, source)| source.name.as_str())
        .filter(|name| std::path::Path::new(name).is_absolute())
        .flat_map(|name| view.programs_with(name))
        .collect();
    let other_programs: Vec<Analysed<'_>> = others.iter().filter_map(|other| other.analysed()).collect();
    let changes = rename(program, &other_programs, checked.source, offset, &params.new_name, &view.sources());
    let changes = changes.map_err(refusal_error)?;
    let texts = std::iter::once(checked.analysis).chain(others.iter().map(|other| &**other));
    let texts: HashMap<String, _> = texts
        .flat_map(|analysis| analysis.sources.iter())
        .map(|(_, source)| (source.name.clone(), source.text.clone()))
        .collect();
    Ok(Some(workspace_edit(view, &changes, &texts)))
}

fn workspace_edit(view: &View, changes: &[Change], texts: &HashMap<String, std::sync::Arc<str>>) -> WorkspaceEdit {
    let mut by_file: BTreeMap<&str, Vec<TextEdit>> = BTreeMap::new();
    let mut lines: HashMap<&str, LineIndex> = HashMap::new();
    for change in changes {
        let Some(text) = texts.get(&change.file) else { continue };
        let lines = lines.entry(&change.file).or_insert_with(|| LineIndex::new(text));
        let range = lines.range(text, change.span, view.settings.encoding);
        by_file.entry(&change.file).or_default().push(TextEdit { range, new_text: change.text.clone() });
    }
    let files = by_file.into_iter().filter_map(|(name, edits)| Some((view.client_file(name)?, edits)));
    if !view.settings.document_changes {
        let changes = files.map(|(file, edits)| (file.uri, edits)).collect();
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    let edits = files.map(|(file, edits)| TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri: file.uri, version: file.version },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    });
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits.collect())), ..WorkspaceEdit::default() }
}
