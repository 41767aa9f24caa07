//! An open document and how it is edited.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use tower_lsp::ls_types::{Diagnostic, TextDocumentContentChangeEvent, Uri};

use crate::{
    analysis::Analysis,
    position::{Encoding, LineIndex},
};

/// A document that the client has open; its text counts, not the disk's.
#[derive(Debug)]
pub(crate) struct Document {
    /// How the client names it.
    pub uri: Uri,
    /// How the compiler names it.
    pub name: String,
    /// The client's version of the text.
    pub version: i32,
    /// The text.
    pub text: Arc<str>,
    /// Cancels the analysis of it that runs, if one does.
    pub analysing: Option<Arc<AtomicBool>>,
    /// The last analysis that was still current when it ended.
    pub analysis: Option<Analysis>,
    /// What the client was told last.
    pub published: Option<(i32, Vec<Diagnostic>)>,
}

impl Document {
    /// A document just opened.
    pub(crate) fn new(uri: Uri, version: i32, text: String) -> Self {
        let name = name_of(&uri);
        Self { uri, name, version, text: text.into(), analysing: None, analysis: None, published: None }
    }

    /// Applies edits in their order, each to what the one before has left.
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

/// How the compiler names a document: by its path, so that imports find it. A document that is
/// no file (`untitled:…`) is named by its whole URI.
pub(crate) fn name_of(uri: &Uri) -> String {
    if uri.scheme().as_str() == "file"
        && let Some(path) = uri.to_file_path()
    {
        let tidy: PathBuf = path.components().collect();
        return tidy.to_string_lossy().into_owned();
    }
    uri.as_str().to_owned()
}
