//! An open document and its edits.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use tower_lsp::ls_types::{Diagnostic, TextDocumentContentChangeEvent, Uri};

use crate::{
    analysis::Analysis,
    position::{Encoding, LineIndex},
    requests::tokens::SentTokens,
};

/// A document that the client has open; its text takes precedence over the file on disk.
#[derive(Debug)]
pub(crate) struct Document {
    /// The client's name.
    pub uri: Uri,
    /// The compiler's name.
    pub name: String,
    /// The client's version of the text.
    pub version: i32,
    /// The text.
    pub text: Arc<str>,
    /// Cancels the running analysis of this document, if there is one.
    pub analysing: Option<Arc<AtomicBool>>,
    /// The last analysis that was still current when it finished.
    pub analysis: Option<Arc<Analysis>>,
    /// The diagnostics that were published last.
    pub published: Option<(i32, Vec<Diagnostic>)>,
    /// The semantic tokens that were sent last.
    pub tokens: Arc<SentTokens>,
}

impl Document {
    /// A newly opened document.
    pub(crate) fn new(uri: Uri, version: i32, text: String) -> Self {
        let name = source_name(&uri);
        let (text, tokens) = (text.into(), Arc::default());
        Self { uri, name, version, text, analysing: None, analysis: None, published: None, tokens }
    }

    /// Applies edits in order, each to the result of the previous one.
    pub(crate) fn apply(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        let mut text = self.text.to_string();
        for change in changes {
            let Some(range) = change.range else {
                text = change.text;
                continue;
            };
            let index = LineIndex::new(&text);
            let start = index.offset(&text, range.start, encoding);
            let end = index.offset(&text, range.end, encoding).max(start);
            text.replace_range(start..end, &change.text);
        }
        self.text = text.into();
        self.version = version;
    }
}

/// The compiler's name of a document: its path, so that imports resolve to it. A document that is
/// not a file (`untitled:…`) is named by its whole URI.
pub(crate) fn source_name(uri: &Uri) -> String {
    if uri.scheme().as_str() == "file"
        && let Some(path) = uri.to_file_path()
    {
        let tidy: PathBuf = path.components().collect();
        return tidy.to_string_lossy().into_owned();
    }
    uri.as_str().to_owned()
}
