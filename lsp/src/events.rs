//! What can happen to a session.

use tokio::sync::oneshot;
use tower_lsp::ls_types::{
    ClientCapabilities, CodeActionOrCommand, CodeActionParams, PositionEncodingKind, TextDocumentContentChangeEvent,
    TextEdit, Uri,
};

use crate::{analysis::Analysis, position::Encoding};

/// What the client said it can do, as far as it changes what is sent to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How columns are counted.
    pub encoding: Encoding,
    /// Whether a diagnostic may point at further places.
    pub related_information: bool,
    /// Whether an edit may say which version it is for.
    pub document_changes: bool,
}

impl Settings {
    /// What the capabilities say. UTF-8 is taken when offered: it needs no counting.
    pub(crate) fn of(client: &ClientCapabilities) -> Self {
        let encodings = client.general.as_ref().and_then(|g| g.position_encodings.as_deref()).unwrap_or_default();
        let utf8 = encodings.contains(&PositionEncodingKind::UTF8);
        let diagnostics = client.text_document.as_ref().and_then(|t| t.publish_diagnostics.as_ref());
        let edits = client.workspace.as_ref().and_then(|w| w.workspace_edit.as_ref());
        Self {
            encoding: if utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
            related_information: diagnostics.and_then(|d| d.related_information).unwrap_or(false),
            document_changes: edits.and_then(|e| e.document_changes).unwrap_or(false),
        }
    }
}

/// One event; a session takes them in the order in which they were sent.
#[derive(Debug)]
pub(crate) enum Event {
    /// The client has introduced itself.
    Settings(Settings),
    /// A document was opened.
    Open { uri: Uri, version: i32, text: String },
    /// A document was edited.
    Change { uri: Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent> },
    /// A document was closed; what counts from now on is the disk.
    Close { uri: Uri },
    /// Files changed on disk.
    Disk { uris: Vec<Uri> },
    /// Somebody wants a document formatted.
    Format { uri: Uri, reply: oneshot::Sender<Option<Vec<TextEdit>>> },
    /// Somebody wants to know what mends the mistakes of a range.
    Actions { params: Box<CodeActionParams>, reply: oneshot::Sender<Vec<CodeActionOrCommand>> },
    /// An analysis is done.
    Analysed(Box<Analysis>),
}
