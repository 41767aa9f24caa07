//! The events of a session.

use std::path::PathBuf;

use tokio::sync::oneshot;
use tower_lsp::ls_types::{ClientCapabilities, PositionEncodingKind, TextDocumentContentChangeEvent, TextEdit, Uri};

use crate::{analysis::Analysis, position::Encoding, requests::Question};

/// The client's capabilities that change what is sent to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The encoding of columns.
    pub encoding: Encoding,
    /// Whether a diagnostic may have related locations.
    pub related_information: bool,
    /// Whether a diagnostic may have a page that explains it.
    pub code_descriptions: bool,
    /// Whether the client asks for diagnostics and takes none by itself.
    pub pulls_diagnostics: bool,
    /// Whether an answer about the diagnostics of a document may have those of others.
    pub related_documents: bool,
    /// Whether an edit may name the document version it applies to.
    pub document_changes: bool,
    /// Whether a completion may be a snippet with places to fill in.
    pub snippets: bool,
}

impl Settings {
    /// Reads the capabilities. UTF-8 is preferred if offered, since it needs no conversion.
    pub(crate) fn from_client(client: &ClientCapabilities) -> Self {
        let encodings = client.general.as_ref().and_then(|g| g.position_encodings.as_deref()).unwrap_or_default();
        let utf8 = encodings.contains(&PositionEncodingKind::UTF8);
        let diagnostics = client.text_document.as_ref().and_then(|t| t.publish_diagnostics.as_ref());
        let pulled = client.text_document.as_ref().and_then(|t| t.diagnostic.as_ref());
        let completion = client.text_document.as_ref().and_then(|t| t.completion.as_ref());
        let item = completion.and_then(|c| c.completion_item.as_ref());
        let edits = client.workspace.as_ref().and_then(|w| w.workspace_edit.as_ref());
        Self {
            encoding: if utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
            related_information: diagnostics.and_then(|d| d.related_information).unwrap_or(false),
            code_descriptions: diagnostics.and_then(|d| d.code_description_support).unwrap_or(false)
                || (diagnostics.is_none() && pulled.is_some()),
            pulls_diagnostics: diagnostics.is_none() && pulled.is_some(),
            related_documents: pulled.and_then(|p| p.related_document_support).unwrap_or(false),
            snippets: item.and_then(|i| i.snippet_support).unwrap_or(false),
            document_changes: edits.and_then(|e| e.document_changes).unwrap_or(false),
        }
    }
}

/// An event; a session handles events in the order in which they were sent.
#[derive(Debug)]
pub(crate) enum Event {
    /// The client sent its capabilities and the folders of its project.
    Settings(Settings, Vec<PathBuf>),
    /// A document was opened.
    Open { uri: Uri, version: i32, text: String },
    /// A document was edited.
    Change { uri: Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent> },
    /// A document was closed; from now on the file on disk is used.
    Close { uri: Uri },
    /// Files changed on disk.
    Disk { uris: Vec<Uri> },
    /// A request to format a document.
    Format { uri: Uri, reply: oneshot::Sender<Option<Vec<TextEdit>>> },
    /// A question about a document.
    Ask(Question),
    /// An analysis finished.
    Analysed(Box<Analysis>),
}
