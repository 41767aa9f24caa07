//! The event loop that owns the documents.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender},
    oneshot,
};
use tower_lsp::ls_types::{Diagnostic, TextEdit, Uri};

use crate::{
    analysis::{Analysis, ParseCache, Snapshot},
    changes,
    convert::{ClientFile, diagnostics_of},
    document::{Document, source_name},
    events::{Event, Settings},
    history::RunHistory,
    publish::Publication,
    requests::{Asked, Needs, Question, View},
};

/// The open documents and their analyses.
pub(crate) struct Session {
    events: UnboundedSender<Event>,
    outbox: UnboundedSender<Publication>,
    history: Arc<dyn RunHistory>,
    settings: Settings,
    documents: BTreeMap<String, Document>,
    /// The number of changes so far, of any file.
    revision: u64,
    /// The revision of each file's last change, whether it is open or not.
    last_changed: HashMap<String, u64>,
    /// The maximal number of concurrent analyses.
    threads: usize,
    /// The trees of unchanged files.
    parses: Arc<ParseCache>,
    /// The folders of the client's project.
    folders: Vec<PathBuf>,
    /// Questions that are not answered yet.
    questions: Vec<Question>,
    /// Cancels the answers that are being computed, by document.
    answering: Vec<(String, Weak<AtomicBool>)>,
}

impl Session {
    /// A session without documents. Analyses report through `events`; publications for the client go
    /// to `outbox`.
    pub(crate) fn new(
        events: UnboundedSender<Event>,
        outbox: UnboundedSender<Publication>,
        history: Arc<dyn RunHistory>,
    ) -> Self {
        Self {
            events,
            outbox,
            history,
            settings: Settings::default(),
            documents: BTreeMap::new(),
            revision: 0,
            last_changed: HashMap::new(),
            threads: thread::available_parallelism().map_or(1, usize::from),
            parses: Arc::default(),
            folders: Vec::new(),
            questions: Vec::new(),
            answering: Vec::new(),
        }
    }

    /// Handles events until the channel is closed.
    pub(crate) async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        while let Some(event) = inbox.recv().await {
            self.handle(event);
            // Pending events are handled first: the states between them need no analysis.
            while let Ok(event) = inbox.try_recv() {
                self.handle(event);
            }
            self.answer_questions();
            self.start_analyses();
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Settings(settings, folders) => (self.settings, self.folders) = (settings, folders),
            Event::Open { uri, version, text } => {
                let document = Document::new(uri, version, text);
                self.mark_changed(document.name.clone());
                self.documents.insert(document.name.clone(), document);
            }
            Event::Change { uri, version, changes } => {
                let name = source_name(&uri);
                if let Some(document) = self.documents.get_mut(&name) {
                    document.apply(version, changes, self.settings.encoding);
                    self.mark_changed(name);
                }
            }
            Event::Close { uri } => self.close_document(&uri),
            Event::Disk { uris } => {
                for name in uris.iter().map(source_name) {
                    // For an open document the client's text is used, not the disk.
                    if !self.documents.contains_key(&name) {
                        self.mark_changed(name);
                    }
                }
            }
            Event::Ask(mut question) => {
                let document = self.documents.get(&question.document);
                question.version = document.map(|document| document.version);
                if question.needs == Needs::TextOfItsMoment && document.is_some() {
                    self.start_answer(question);
                } else {
                    self.questions.push(question);
                }
            }
            Event::Format { uri, reply } => self.format(&uri, reply),
            Event::Analysed(analysis) => self.finish_analysis(*analysis),
        }
    }

    fn mark_changed(&mut self, name: String) {
        self.revision += 1;
        // Running analyses that read the older text are cancelled.
        for document in self.documents.values() {
            let reads = |analysis: &Analysis| analysis.reads.contains(&name);
            if let Some(cancelled) = &document.analysing
                && (document.name == name || document.analysis.as_deref().is_some_and(reads))
            {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
        self.answering.retain(|(document, cancelled)| {
            let Some(cancelled) = cancelled.upgrade() else { return false };
            cancelled.fetch_or(*document == name, Ordering::Relaxed);
            true
        });
        self.last_changed.insert(name, self.revision);
    }

    fn close_document(&mut self, uri: &Uri) {
        let name = source_name(uri);
        if let Some(document) = self.documents.remove(&name) {
            self.mark_changed(name);
            if !self.settings.pulls_diagnostics {
                self.send(Publication { uri: document.uri, version: None, diagnostics: Vec::new() });
            }
        }
    }

    /// Whether no file that an analysis has read changed since.
    fn is_current(&self, analysis: &Analysis) -> bool {
        analysis.reads.iter().all(|name| self.last_changed.get(name).is_none_or(|at| *at <= analysis.revision))
    }

    /// Whether no other file changed that an analysis has read; its own may have.
    fn imports_are_current(&self, analysis: &Analysis) -> bool {
        let others = analysis.reads.iter().filter(|name| **name != analysis.root);
        others.map(|name| self.last_changed.get(name)).all(|at| at.is_none_or(|at| *at <= analysis.revision))
    }

    /// The current analysis of a document, if there is one.
    fn current_analysis(&self, name: &str) -> Option<&Analysis> {
        self.shared_analysis(name).map(|analysis| &**analysis)
    }

    fn shared_analysis(&self, name: &str) -> Option<&Arc<Analysis>> {
        self.documents.get(name)?.analysis.as_ref().filter(|analysis| self.is_current(analysis))
    }

    /// Starts the missing analyses, beginning with the most recently changed document.
    fn start_analyses(&mut self) {
        let busy = self.documents.values().filter(|d| d.analysing.is_some()).count();
        let mut wanted: Vec<(u64, String)> = self
            .documents
            .values()
            .filter(|d| d.analysing.is_none() && self.current_analysis(&d.name).is_none())
            .map(|d| (self.last_changed.get(&d.name).copied().unwrap_or(0), d.name.clone()))
            .collect();
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        wanted.truncate(self.threads.saturating_sub(busy));
        if wanted.is_empty() {
            return;
        }
        let open: HashMap<_, _> = self.documents.values().map(|d| (d.name.clone(), d.text.clone())).collect();
        for (_, root) in wanted {
            let cancelled = Arc::<AtomicBool>::default();
            let snapshot = Snapshot {
                root: root.clone(),
                revision: self.revision,
                open: open.clone(),
                parses: Arc::clone(&self.parses),
                cancelled: Arc::clone(&cancelled),
            };
            let started = snapshot.spawn_analysis(self.events.clone());
            if let Some(document) = self.documents.get_mut(&root) {
                // If no thread can be started, the next event tries again.
                document.analysing = started.is_ok().then_some(cancelled);
            }
        }
    }

    fn finish_analysis(&mut self, analysis: Analysis) {
        let current = self.is_current(&analysis);
        let Some(document) = self.documents.get_mut(&analysis.root) else { return };
        document.analysing = None;
        if !current || analysis.cancelled {
            return;
        }
        document.analysis = Some(Arc::new(analysis));
        let read: BTreeSet<&str> = self
            .documents
            .values()
            .filter_map(|d| d.analysis.as_ref())
            .flat_map(|a| &a.reads)
            .map(String::as_str)
            .collect();
        self.parses.retain(|name| read.contains(name) || name.starts_with("std."));
        self.publish();
    }

    /// Publishes the diagnostics of every document whose analysis is current and whose diagnostics
    /// differ from those published last.
    fn publish(&mut self) {
        if self.settings.pulls_diagnostics {
            return;
        }
        let mut news = Vec::new();
        for document in self.documents.values() {
            if self.current_analysis(&document.name).is_none() {
                continue;
            }
            let published = (document.version, self.diagnostics(&document.name));
            if document.published.as_ref() != Some(&published) {
                news.push((document.name.clone(), published));
            }
        }
        for (name, published) in news {
            let Some(document) = self.documents.get_mut(&name) else { continue };
            document.published = Some(published.clone());
            let uri = document.uri.clone();
            self.send(Publication { uri, version: Some(published.0), diagnostics: published.1 });
        }
    }

    /// The diagnostics of a document.
    fn diagnostics(&self, name: &str) -> Vec<Diagnostic> {
        let importers = self.documents.keys().filter(|other| *other != name);
        let roots = std::iter::once(name).chain(importers.map(String::as_str));
        let analyses = roots.filter_map(|root| self.current_analysis(root));
        diagnostics_of(name, analyses, self.settings, &|file: &str| self.client_file(file))
    }

    fn client_file(&self, file: &str) -> Option<ClientFile> {
        if let Some(document) = self.documents.get(file) {
            return Some(ClientFile { uri: document.uri.clone(), version: Some(document.version) });
        }
        let path = std::path::Path::new(file);
        if !path.is_absolute() {
            return None;
        }
        Some(ClientFile { uri: Uri::from_file_path(path)?, version: None })
    }

    fn send(&self, publication: Publication) {
        // Fails only if the client has disconnected.
        let _ = self.outbox.send(publication);
    }

    /// Answers the questions whose documents have been checked, each in a thread of its own.
    fn answer_questions(&mut self) {
        for question in std::mem::take(&mut self.questions) {
            if question.is_abandoned() {
                continue;
            }
            let document = self.documents.get(&question.document);
            let analysis = self.shared_analysis(&question.document);
            match document {
                None if !question.document.is_empty() => question.answer(Asked::NotOpen),
                Some(document) if question.version != Some(document.version) => question.answer(Asked::Changed),
                Some(_) if question.needs == Needs::Analysis && analysis.is_none() => self.questions.push(question),
                _ => self.start_answer(question),
            }
        }
    }

    /// Answers a question in a thread of its own.
    fn start_answer(&mut self, question: Question) {
        let document = self.documents.get(&question.document);
        let view = self.view(document, self.shared_analysis(&question.document));
        if question.needs != Needs::TextOfItsMoment {
            self.answering.push((question.document.clone(), Arc::downgrade(&view.cancelled)));
        }
        // If no thread can be started, the reply is dropped, which the client receives as an error.
        let _ = thread::Builder::new()
            .name("request".to_owned())
            .stack_size(crate::analysis::STACK)
            .spawn(move || question.answer(Asked::View(Box::new(view))));
    }

    /// What a question about a document sees.
    fn view(&self, document: Option<&Document>, analysis: Option<&Arc<Analysis>>) -> View {
        let text = document.map_or_else(|| Arc::from(""), |document| Arc::clone(&document.text));
        let name = document.map(|document| document.name.clone()).unwrap_or_default();
        let others = self.documents.keys().filter(|other| **other != name);
        View {
            others: others.filter_map(|other| self.shared_analysis(other)).cloned().collect(),
            name,
            text,
            settings: self.settings,
            analysis: analysis.cloned(),
            kept: document.and_then(|d| d.analysis.as_ref()).filter(|a| self.imports_are_current(a)).cloned(),
            open: self.documents.values().map(|d| (d.name.clone(), d.text.clone())).collect(),
            files: self.documents.keys().filter_map(|name| Some((name.clone(), self.client_file(name)?))).collect(),
            folders: self.folders.clone(),
            history: Arc::clone(&self.history),
            tokens: document.map(|document| Arc::clone(&document.tokens)).unwrap_or_default(),
            parses: Arc::clone(&self.parses),
            cancelled: Arc::default(),
        }
    }

    /// Formats the current text in a thread of its own.
    fn format(&self, uri: &Uri, reply: oneshot::Sender<Option<Vec<TextEdit>>>) {
        let Some(document) = self.documents.get(&source_name(uri)) else {
            let _ = reply.send(None);
            return;
        };
        let (text, encoding) = (document.text.clone(), self.settings.encoding);
        // If no thread can be started, or the formatter panics, the reply is dropped, which the client
        // receives as an error.
        let _ = thread::Builder::new().name("format".to_owned()).stack_size(crate::analysis::STACK).spawn(move || {
            let parse = cascade_grammar::parse(&text);
            let formatted = cascade_compiler::format::format(&text, &parse);
            let _ = reply.send(formatted.map(|after| changes::edits_between(&text, &after, encoding)));
        });
    }
}
