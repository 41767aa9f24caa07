//! The one loop that owns the documents.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender},
    oneshot,
};
use tower_lsp::ls_types::{CodeActionOrCommand, CodeActionParams, Diagnostic, TextEdit, Uri};

use crate::{
    analysis::{Analysis, ParseCache, Snapshot},
    changes,
    convert::{Converter, Known},
    document::{Document, name_of},
    events::{Event, Settings},
    publish::Publication,
};

/// A question about fixes, which waits until the text it is about has been checked: fixes found
/// in an older text would be applied at the wrong places.
#[derive(Debug)]
struct Question {
    document: String,
    params: Box<CodeActionParams>,
    reply: oneshot::Sender<Vec<CodeActionOrCommand>>,
}

/// What is open, and what is known of it.
pub(crate) struct Session {
    events: UnboundedSender<Event>,
    outbox: UnboundedSender<Publication>,
    settings: Settings,
    documents: BTreeMap<String, Document>,
    /// Counts changes of any file.
    revision: u64,
    /// When each file changed last, open or not.
    changed: HashMap<String, u64>,
    questions: Vec<Question>,
    /// Analyses that may run at once.
    threads: usize,
    /// Trees of files that have not changed.
    parses: Arc<ParseCache>,
}

impl Session {
    /// A session without documents. Analyses report through `events`; what the client is to be
    /// told goes to `outbox`.
    pub(crate) fn new(events: UnboundedSender<Event>, outbox: UnboundedSender<Publication>) -> Self {
        Self {
            events,
            outbox,
            settings: Settings::default(),
            documents: BTreeMap::new(),
            revision: 0,
            changed: HashMap::new(),
            questions: Vec::new(),
            threads: thread::available_parallelism().map_or(1, usize::from),
            parses: Arc::default(),
        }
    }

    /// Takes events until there can be no more.
    pub(crate) async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        while let Some(event) = inbox.recv().await {
            self.take(event);
            // Everything that is there already comes first: what it changes need not be checked
            // in between.
            while let Ok(event) = inbox.try_recv() {
                self.take(event);
            }
            self.answer();
            self.schedule();
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Settings(settings) => self.settings = settings,
            Event::Open { uri, version, text } => {
                let document = Document::new(uri, version, text);
                self.touch(document.name.clone());
                self.documents.insert(document.name.clone(), document);
            }
            Event::Change { uri, version, changes } => {
                let name = name_of(&uri);
                if let Some(document) = self.documents.get_mut(&name) {
                    document.apply(version, changes, self.settings.encoding);
                    self.touch(name);
                }
            }
            Event::Close { uri } => self.close(&uri),
            Event::Disk { uris } => {
                for name in uris.iter().map(name_of) {
                    // The text of an open document is the client's, whatever the disk has.
                    if !self.documents.contains_key(&name) {
                        self.touch(name);
                    }
                }
            }
            Event::Format { uri, reply } => self.format(&uri, reply),
            Event::Actions { params, reply } => {
                let document = name_of(&params.text_document.uri);
                self.questions.push(Question { document, params, reply });
            }
            Event::Analysed(analysis) => self.analysed(*analysis),
        }
    }

    fn touch(&mut self, name: String) {
        self.revision += 1;
        // What is being analysed from the older text is of no use any more.
        for document in self.documents.values() {
            let reads = |analysis: &Analysis| analysis.reads.contains(&name);
            if let Some(cancelled) = &document.analysing
                && (document.name == name || document.analysis.as_ref().is_some_and(reads))
            {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
        self.changed.insert(name, self.revision);
    }

    fn close(&mut self, uri: &Uri) {
        let name = name_of(uri);
        if let Some(document) = self.documents.remove(&name) {
            self.touch(name);
            self.tell(Publication { uri: document.uri, version: None, diagnostics: Vec::new() });
        }
    }

    /// Whether nothing that an analysis has read was changed since.
    fn is_current(&self, analysis: &Analysis) -> bool {
        analysis.reads.iter().all(|name| self.changed.get(name).is_none_or(|at| *at <= analysis.revision))
    }

    /// What is known of a document's present text.
    fn current(&self, name: &str) -> Option<&Analysis> {
        self.documents.get(name)?.analysis.as_ref().filter(|analysis| self.is_current(analysis))
    }

    /// Starts analyses of what is not known, the document that changed last first.
    fn schedule(&mut self) {
        let busy = self.documents.values().filter(|d| d.analysing.is_some()).count();
        let mut wanted: Vec<(u64, String)> = self
            .documents
            .values()
            .filter(|d| d.analysing.is_none() && self.current(&d.name).is_none())
            .map(|d| (self.changed.get(&d.name).copied().unwrap_or(0), d.name.clone()))
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
            let started = snapshot.analyse_apart(self.events.clone());
            if let Some(document) = self.documents.get_mut(&root) {
                // Without a thread it is tried again with the next event.
                document.analysing = started.is_ok().then_some(cancelled);
            }
        }
    }

    fn analysed(&mut self, analysis: Analysis) {
        let current = self.is_current(&analysis);
        let Some(document) = self.documents.get_mut(&analysis.root) else { return };
        document.analysing = None;
        if !current || analysis.cancelled {
            return;
        }
        document.analysis = Some(analysis);
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

    /// Tells the client of every document whose diagnostics are known and are not what it was
    /// told last.
    fn publish(&mut self) {
        let mut news = Vec::new();
        for document in self.documents.values() {
            if self.current(&document.name).is_none() {
                continue;
            }
            let told = (document.version, self.diagnostics(&document.name));
            if document.published.as_ref() != Some(&told) {
                news.push((document.name.clone(), told));
            }
        }
        for (name, told) in news {
            let Some(document) = self.documents.get_mut(&name) else { continue };
            document.published = Some(told.clone());
            let uri = document.uri.clone();
            self.tell(Publication { uri, version: Some(told.0), diagnostics: told.1 });
        }
    }

    /// What is wrong in a document: what its own analysis says, then what only shows in those
    /// that import it, such as an import that closes a cycle.
    fn diagnostics(&self, name: &str) -> Vec<Diagnostic> {
        let importers = self.documents.keys().filter(|other| *other != name);
        let roots = std::iter::once(name).chain(importers.map(String::as_str));
        let mut all: Vec<Diagnostic> = Vec::new();
        for analysis in roots.filter_map(|root| self.current(root)).filter(|a| a.reads.contains(name)) {
            let known = |file: &str| self.known(file);
            for diagnostic in Converter::new(analysis, self.settings, &known).diagnostics(name) {
                if !all.contains(&diagnostic) {
                    all.push(diagnostic);
                }
            }
        }
        all
    }

    fn known(&self, file: &str) -> Option<Known> {
        if let Some(document) = self.documents.get(file) {
            return Some(Known { uri: document.uri.clone(), version: Some(document.version) });
        }
        let path = std::path::Path::new(file);
        if !path.is_absolute() {
            return None;
        }
        Some(Known { uri: Uri::from_file_path(path)?, version: None })
    }

    fn tell(&self, publication: Publication) {
        // Fails only when the client is gone.
        let _ = self.outbox.send(publication);
    }

    /// Answers the questions about texts that have been checked, and those about documents that
    /// are closed.
    fn answer(&mut self) {
        for question in std::mem::take(&mut self.questions) {
            if question.reply.is_closed() {
                continue;
            }
            let open = self.documents.contains_key(&question.document);
            match self.current(&question.document) {
                Some(analysis) => {
                    let actions = self.actions(analysis, &question);
                    let _ = question.reply.send(actions);
                }
                None if open => self.questions.push(question),
                None => {
                    let _ = question.reply.send(Vec::new());
                }
            }
        }
    }

    fn actions(&self, analysis: &Analysis, question: &Question) -> Vec<CodeActionOrCommand> {
        // A client asks for a kind and means the kinds below it, too; `quickfix` has none.
        let wanted = |kind: &str| kind.is_empty() || kind == "quickfix";
        if question.params.context.only.as_ref().is_some_and(|only| !only.iter().any(|kind| wanted(kind.as_str()))) {
            return Vec::new();
        }
        let known = |file: &str| self.known(file);
        let mut converter = Converter::new(analysis, self.settings, &known);
        let fixes = converter.fixes(&question.document, question.params.range);
        fixes.into_iter().map(CodeActionOrCommand::CodeAction).collect()
    }

    /// Formats in a thread of its own, from the text as it is now.
    fn format(&self, uri: &Uri, reply: oneshot::Sender<Option<Vec<TextEdit>>>) {
        let Some(document) = self.documents.get(&name_of(uri)) else {
            let _ = reply.send(None);
            return;
        };
        let (text, encoding) = (document.text.clone(), self.settings.encoding);
        // Without a thread, or when the formatter falls over, the reply is dropped, which the
        // client gets as an error.
        let _ = thread::Builder::new().name("format".to_owned()).stack_size(crate::analysis::STACK).spawn(move || {
            let parse = cascade_grammar::parse(&text);
            let formatted = cascade_compiler::format::format(&text, &parse);
            let _ = reply.send(formatted.map(|after| changes::edits(&text, &after, encoding)));
        });
    }
}
