//! Converts the protocol's messages to events. Handlers do no work of their own: after its first
//! await, a handler can be overtaken by later ones.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tower_lsp::{
    Client, LanguageServer,
    jsonrpc::{Error, Result},
    ls_types::{
        CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CodeActionResponse,
        DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWatchedFilesRegistrationOptions,
        DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentFormattingParams,
        FileSystemWatcher, GlobPattern, InitializeParams, InitializeResult, InitializedParams, OneOf,
        PositionEncodingKind, Registration, ServerCapabilities, ServerInfo, TextDocumentSyncCapability,
        TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TextEdit,
    },
};

use crate::{
    events::{Event, Settings},
    position::Encoding,
};

/// Receives the client's messages.
pub(crate) struct Backend {
    client: Client,
    events: UnboundedSender<Event>,
    shutdown_received: Arc<AtomicBool>,
    /// Whether the client can watch files at the request of a server.
    watches: AtomicBool,
}

impl Backend {
    /// Creates a backend that forwards events and records whether the client sent `shutdown`.
    pub(crate) fn new(client: Client, events: UnboundedSender<Event>, shutdown_received: Arc<AtomicBool>) -> Self {
        Self { client, events, shutdown_received, watches: AtomicBool::new(false) }
    }

    /// Forwards an event. This fails only if the session has ended, and then nothing needs the event.
    fn push(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// The capabilities of this server.
fn capabilities(settings: Settings) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match settings.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::Supported(true)),
            ..TextDocumentSyncOptions::default()
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

/// The files that the client is asked to watch: a program changes with the files that it imports.
fn watch_registration() -> Option<Registration> {
    let pattern = FileSystemWatcher { glob_pattern: GlobPattern::String("**/*.cascade".to_owned()), kind: None };
    let options = DidChangeWatchedFilesRegistrationOptions { watchers: vec![pattern] };
    Some(Registration {
        id: "cascade-files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(serde_json::to_value(options).ok()?),
    })
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let settings = Settings::of(&params.capabilities);
        self.push(Event::Settings(settings));
        let watched = params.capabilities.workspace.and_then(|w| w.did_change_watched_files);
        self.watches.store(watched.and_then(|w| w.dynamic_registration).unwrap_or(false), Ordering::SeqCst);
        Ok(InitializeResult {
            capabilities: capabilities(settings),
            server_info: Some(ServerInfo {
                name: "cascadec".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        if !self.watches.load(Ordering::SeqCst) {
            return;
        }
        let client = self.client.clone();
        // Not awaited: the response arrives on the same stream as the messages behind this one.
        tokio::spawn(async move {
            if let Some(watchers) = watch_registration() {
                // A client that refuses still reports saved documents.
                let _ = client.register_capability(vec![watchers]).await;
            }
        });
    }

    async fn shutdown(&self) -> Result<()> {
        self.shutdown_received.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.push(Event::Open { uri: document.uri, version: document.version, text: document.text });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        self.push(Event::Change { uri: document.uri, version: document.version, changes: params.content_changes });
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.push(Event::Close { uri: params.text_document.uri });
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.push(Event::Disk { uris: vec![params.text_document.uri] });
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.push(Event::Disk { uris: params.changes.into_iter().map(|change| change.uri).collect() });
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let (reply, answer) = oneshot::channel();
        self.push(Event::Format { uri: params.text_document.uri, reply });
        answer.await.map_err(|_| Error::internal_error())
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let (reply, answer) = oneshot::channel();
        self.push(Event::Actions { params: Box::new(params), reply });
        answer.await.map(Some).map_err(|_| Error::internal_error())
    }
}
