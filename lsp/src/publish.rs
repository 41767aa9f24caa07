//! Publishes diagnostics to the client.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedReceiver;
use tower_lsp::{
    Client,
    ls_types::{Diagnostic, Uri},
};

/// All diagnostics of a document.
#[derive(Debug)]
pub(crate) struct Publication {
    /// The document.
    pub uri: Uri,
    /// The version that they apply to; `None` for a closed document.
    pub version: Option<i32>,
    /// The diagnostics.
    pub diagnostics: Vec<Diagnostic>,
}

/// Sends publications. A slow client gets only the latest one of each document.
pub(crate) async fn publish_diagnostics(client: &Client, mut publications: UnboundedReceiver<Publication>) {
    let mut waiting: BTreeMap<Uri, Publication> = BTreeMap::new();
    loop {
        if waiting.is_empty() {
            match publications.recv().await {
                Some(first) => waiting.insert(first.uri.clone(), first),
                None => return,
            };
        }
        while let Ok(next) = publications.try_recv() {
            waiting.insert(next.uri.clone(), next);
        }
        if let Some((uri, publication)) = waiting.pop_first() {
            client.publish_diagnostics(uri, publication.diagnostics, publication.version).await;
        }
    }
}
