//! `textDocument/diagnostic`: for clients that ask for diagnostics instead of being sent them.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use tower_lsp::{
    jsonrpc::{Error, Result},
    ls_types::{
        Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportKind,
        DocumentDiagnosticReportResult, FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport,
        RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    },
};

use super::View;
use crate::{analysis::Analysis, convert::diagnostics_of};

/// The diagnostics of the document, and those of the files that it imports and that are not open. A client that has
/// them already is told so.
pub(crate) fn answer_diagnostics(
    view: &View,
    params: &DocumentDiagnosticParams,
) -> Result<Option<DocumentDiagnosticReportResult>> {
    let Some(analysis) = view.analysis.as_deref() else { return Ok(None) };
    let items = view_diagnostics(view, analysis, &view.name);
    let mut related = HashMap::new();
    let files = analysis.sources.iter().map(|(_, source)| source.name.as_str());
    for file in files.filter(|name| view.settings.related_documents && !view.files.contains_key(*name)) {
        let items = view_diagnostics(view, analysis, file);
        if let (false, Some(client_file)) = (items.is_empty(), view.client_file(file)) {
            let report = FullDocumentDiagnosticReport { result_id: None, items };
            related.insert(client_file.uri, DocumentDiagnosticReportKind::Full(report));
        }
    }
    let result_id = result_id(&items, &related)?;
    let report = if params.previous_result_id.as_ref() == Some(&result_id) {
        DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        })
    } else {
        DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
            related_documents: (!related.is_empty()).then_some(related),
            full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(result_id), items },
        })
    };
    Ok(Some(DocumentDiagnosticReportResult::Report(report)))
}

fn view_diagnostics(view: &View, analysis: &Analysis, file: &str) -> Vec<Diagnostic> {
    let analyses = std::iter::once(analysis).chain(view.others.iter().map(|other| &**other));
    diagnostics_of(file, analyses, view.settings, &|name| view.client_file(name))
}

/// A text that differs where an answer differs.
fn result_id(items: &[Diagnostic], related: &HashMap<Uri, DocumentDiagnosticReportKind>) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    let text = |value: serde_json::Result<String>| value.map_err(|_| Error::internal_error());
    text(serde_json::to_string(items))?.hash(&mut hasher);
    let mut others: Vec<_> = related.iter().map(|(uri, report)| (uri.as_str(), report)).collect();
    others.sort_by_key(|(uri, _)| *uri);
    text(serde_json::to_string(&others))?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
