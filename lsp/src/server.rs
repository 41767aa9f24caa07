//! Converts the protocol's messages to events. Handlers do no work of their own: after its first
//! await, a handler can be overtaken by later ones.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tower_lsp::{
    Client, LanguageServer,
    jsonrpc::{Error, Result},
    ls_types::{
        CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem, CallHierarchyOutgoingCall,
        CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams, CallHierarchyServerCapability, CodeActionOptions,
        CodeActionParams, CodeActionProviderCapability, CodeActionResponse, CodeLens, CodeLensOptions, CodeLensParams,
        CompletionOptions, CompletionParams, CompletionResponse, DiagnosticOptions, DiagnosticServerCapabilities,
        DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWatchedFilesRegistrationOptions,
        DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentDiagnosticParams,
        DocumentDiagnosticReport, DocumentDiagnosticReportResult, DocumentFormattingParams, DocumentHighlight,
        DocumentHighlightParams, DocumentLink, DocumentLinkOptions, DocumentLinkParams,
        DocumentOnTypeFormattingOptions, DocumentOnTypeFormattingParams, DocumentSymbolParams, DocumentSymbolResponse,
        FileSystemWatcher, FoldingRange, FoldingRangeParams, FoldingRangeProviderCapability, GlobPattern,
        GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams, HoverProviderCapability,
        ImplementationProviderCapability, InitializeParams, InitializeResult, InitializedParams, InlayHint,
        InlayHintParams, Location, OneOf, Position, PositionEncodingKind, PrepareRenameResponse, Range,
        ReferenceParams, Registration, RenameOptions, RenameParams, SelectionRange, SelectionRangeParams,
        SelectionRangeProviderCapability, SemanticTokensDeltaParams, SemanticTokensFullDeltaResult,
        SemanticTokensFullOptions, SemanticTokensOptions, SemanticTokensParams, SemanticTokensRangeParams,
        SemanticTokensRangeResult, SemanticTokensResult, SemanticTokensServerCapabilities, ServerCapabilities,
        ServerInfo, SignatureHelp, SignatureHelpOptions, SignatureHelpParams, TextDocumentPositionParams,
        TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
        TextEdit, TypeDefinitionProviderCapability, Uri, WorkDoneProgressOptions, WorkspaceEdit, WorkspaceSymbolParams,
        WorkspaceSymbolResponse,
    },
};

use crate::{
    document::source_name,
    events::{Event, Settings},
    position::Encoding,
    requests::{
        Needs, Question, View, actions, calls, completion, definition, diagnostics, hints, hover, indent, lenses,
        links, ranges, references, rename, signature, symbols, tokens,
    },
};

/// Receives the client's messages.
pub(crate) struct Backend {
    client: Client,
    events: UnboundedSender<Event>,
    /// Whether the client can watch files at the request of a server.
    watches: AtomicBool,
}

impl Backend {
    /// Creates a backend that forwards events.
    pub(crate) fn new(client: Client, events: UnboundedSender<Event>) -> Self {
        Self { client, events, watches: AtomicBool::new(false) }
    }

    /// Asks about a document, or about the project where there is none. The question is sent before anything is
    /// awaited.
    async fn ask<P: Send + 'static, T: Send + 'static>(
        &self,
        document: Option<&Uri>,
        needs: Needs,
        params: P,
        answer: impl FnOnce(&View, &P) -> Result<Option<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        let document = document.map(source_name).unwrap_or_default();
        let (question, answered) = Question::new(document, needs, move |view| answer(view, &params));
        self.push(Event::Ask(question));
        answered.await.map_err(|_| Error::internal_error())?
    }

    /// Forwards an event. This fails only if the session has ended, and then nothing needs the event.
    fn push(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// The capabilities of this server.
fn server_capabilities(settings: Settings) -> ServerCapabilities {
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
        document_on_type_formatting_provider: {
            let [first, others @ ..] = indent::TRIGGERS.map(str::to_owned);
            let more_trigger_character = Some(others.to_vec());
            Some(DocumentOnTypeFormattingOptions { first_trigger_character: first, more_trigger_character })
        },
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(completion::TRIGGERS.iter().map(|sign| (*sign).to_owned()).collect()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        type_definition_provider: Some(TypeDefinitionProviderCapability::Simple(true)),
        implementation_provider: Some(ImplementationProviderCapability::Simple(true)),
        references_provider: Some(OneOf::Left(true)),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        // Who takes both would show everything twice.
        diagnostic_provider: settings.pulls_diagnostics.then(|| {
            DiagnosticServerCapabilities::Options(DiagnosticOptions {
                inter_file_dependencies: true,
                ..DiagnosticOptions::default()
            })
        }),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(
            SemanticTokensOptions {
                legend: tokens::tokens_legend(),
                range: Some(true),
                full: Some(SemanticTokensFullOptions::Delta { delta: Some(true) }),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            },
        )),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(vec!["(".to_owned(), ",".to_owned()]),
            ..SignatureHelpOptions::default()
        }),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(actions::action_kinds()),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

/// The folders of the client's project.
fn project_folders(params: &InitializeParams) -> Vec<PathBuf> {
    let path = |uri: &Uri| uri.to_file_path().map(|path| path.into_owned());
    let folders = params.workspace_folders.iter().flatten().filter_map(|folder| path(&folder.uri)).collect::<Vec<_>>();
    #[allow(deprecated)] // clients that know no folders of a workspace give this
    let root = || params.root_uri.as_ref().and_then(path);
    if folders.is_empty() { root().into_iter().collect() } else { folders }
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
        let settings = Settings::from_client(&params.capabilities);
        self.push(Event::Settings(settings, project_folders(&params)));
        let watched = params.capabilities.workspace.and_then(|w| w.did_change_watched_files);
        self.watches.store(watched.and_then(|w| w.dynamic_registration).unwrap_or(false), Ordering::SeqCst);
        Ok(InitializeResult {
            capabilities: server_capabilities(settings),
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

    async fn on_type_formatting(&self, params: DocumentOnTypeFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let uri = params.text_document_position.text_document.uri.clone();
        self.ask(Some(&uri), Needs::Text, params, |view, params| Ok(indent::answer_indent(view, params))).await
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let uri = params.text_document_position.text_document.uri.clone();
        self.ask(Some(&uri), Needs::TextOfItsMoment, params, |view, params| {
            Ok(completion::answer_completion(view, params))
        })
        .await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let uri = params.text_document_position_params.text_document.uri.clone();
        self.ask(Some(&uri), Needs::Analysis, params, |view, params| Ok(hover::answer_hover(view, params))).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let at = params.text_document_position_params;
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, |view, at| {
            Ok(definition::answer_definition(view, *at))
        })
        .await
    }

    async fn goto_type_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let at = params.text_document_position_params;
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, |view, at| {
            Ok(definition::answer_type(view, *at))
        })
        .await
    }

    async fn goto_implementation(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let at = params.text_document_position_params;
        let answer = |view: &View, at: &Position| Ok(definition::answer_implementation(view, *at));
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, answer).await
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        let uri = params.text_document.uri.clone();
        let found = self.ask(Some(&uri), Needs::Analysis, params, diagnostics::answer_diagnostics).await?;
        // Of a document that is not open nothing is known.
        Ok(found.unwrap_or_else(|| DocumentDiagnosticReport::Full(Default::default()).into()))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.ask(Some(&params.text_document.uri), Needs::Text, (), |view, ()| Ok(lenses::answer_lenses(view))).await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        self.ask(Some(&params.text_document.uri), Needs::Text, (), |view, ()| Ok(links::answer_links(view))).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let at = params.text_document_position_params;
        let answer = |view: &View, at: &Position| Ok(calls::answer_prepare(view, *at));
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, answer).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        // The item may be in a file that is not open; its analysis is made for the answer.
        self.ask(None, Needs::Text, params.item, |view, item| Ok(calls::answer_incoming(view, item))).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        self.ask(None, Needs::Text, params.item, |view, item| Ok(calls::answer_outgoing(view, item))).await
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let uri = params.text_document_position.text_document.uri.clone();
        self.ask(Some(&uri), Needs::Analysis, params, |view, params| Ok(references::answer_references(view, params)))
            .await
    }

    async fn document_highlight(&self, params: DocumentHighlightParams) -> Result<Option<Vec<DocumentHighlight>>> {
        let at = params.text_document_position_params;
        let answer = |view: &View, at: &Position| Ok(references::answer_highlights(view, *at));
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, answer).await
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        self.ask(Some(&params.text_document.uri), Needs::Text, (), |view, ()| Ok(symbols::answer_symbols(view))).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        self.ask(None, Needs::Text, params, |view, params| Ok(symbols::answer_workspace(view, params))).await
    }

    async fn prepare_rename(&self, params: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        let answer = |view: &View, at: &Position| rename::answer_prepare(view, *at);
        self.ask(Some(&params.text_document.uri), Needs::Analysis, params.position, answer).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let uri = params.text_document_position.text_document.uri.clone();
        self.ask(Some(&uri), Needs::Analysis, params, rename::answer_rename).await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let at = params.text_document_position_params;
        self.ask(Some(&at.text_document.uri), Needs::Analysis, at.position, |view, at| {
            Ok(signature::answer_signature(view, *at))
        })
        .await
    }

    async fn semantic_tokens_full(&self, params: SemanticTokensParams) -> Result<Option<SemanticTokensResult>> {
        let answer = |view: &View, (): &()| Ok(tokens::answer_tokens(view).map(SemanticTokensResult::Tokens));
        self.ask(Some(&params.text_document.uri), Needs::Analysis, (), answer).await
    }

    async fn semantic_tokens_full_delta(
        &self,
        params: SemanticTokensDeltaParams,
    ) -> Result<Option<SemanticTokensFullDeltaResult>> {
        let answer = |view: &View, previous: &String| Ok(tokens::answer_delta(view, previous));
        self.ask(Some(&params.text_document.uri), Needs::Analysis, params.previous_result_id, answer).await
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let answer =
            |view: &View, range: &Range| Ok(tokens::answer_range(view, *range).map(SemanticTokensRangeResult::Tokens));
        self.ask(Some(&params.text_document.uri), Needs::Analysis, params.range, answer).await
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.ask(Some(&params.text_document.uri), Needs::Text, (), |view, ()| Ok(ranges::answer_folding(view))).await
    }

    async fn selection_range(&self, params: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        let answer = |view: &View, positions: &Vec<Position>| Ok(ranges::answer_selection(view, positions));
        self.ask(Some(&params.text_document.uri), Needs::Text, params.positions, answer).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let answer = |view: &View, range: &Range| Ok(hints::answer_hints(view, *range));
        self.ask(Some(&params.text_document.uri), Needs::Analysis, params.range, answer).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let uri = params.text_document.uri.clone();
        self.ask(Some(&uri), Needs::Analysis, params, |view, params| Ok(actions::answer_code_actions(view, params)))
            .await
    }
}
