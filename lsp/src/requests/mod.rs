//! The client's questions, one kind a file. Each is a thin face of a query of the compiler: it converts
//! positions, asks, and converts the answer. A question is answered in a thread of its own on a [`View`],
//! which does not change while the documents do.

pub(crate) mod actions;
pub(crate) mod calls;
pub(crate) mod completion;
pub(crate) mod definition;
pub(crate) mod diagnostics;
pub(crate) mod hints;
pub(crate) mod hover;
pub(crate) mod indent;
pub(crate) mod lenses;
pub(crate) mod links;
mod project;
pub(crate) mod ranges;
pub(crate) mod references;
pub(crate) mod rename;
pub(crate) mod signature;
pub(crate) mod symbols;
pub(crate) mod tokens;

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cascade_compiler::{Analysis as Compiled, SourceId, ide::Place};
use tokio::sync::oneshot;
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Result},
    ls_types::{Location, Position, Range, Uri},
};

use crate::{
    analysis::{Analysis, OpenSources, OpenTexts, ParseCache},
    convert::ClientFile,
    events::Settings,
    history::RunHistory,
    position::LineIndex,
};

/// What a question sees.
#[derive(Debug)]
pub(crate) struct View {
    /// The document's name; empty for a question about the whole project.
    pub name: String,
    /// The document's text.
    pub text: Arc<str>,
    /// The client's settings.
    pub settings: Settings,
    /// The current analysis of the document. It is there if the question asked for it.
    pub analysis: Option<Arc<Analysis>>,
    /// The last analysis of the document, perhaps of an older text. What it imports has not changed since.
    pub kept: Option<Arc<Analysis>>,
    /// The current analyses of the other open documents.
    pub others: Vec<Arc<Analysis>>,
    /// The texts of all open documents.
    pub open: OpenTexts,
    /// The client's names of the open documents.
    pub files: HashMap<String, ClientFile>,
    /// The folders of the client's project.
    pub folders: Vec<PathBuf>,
    /// Knows the last runs of cascades.
    pub history: Arc<dyn RunHistory>,
    /// The semantic tokens of the document that were sent last.
    pub tokens: Arc<tokens::SentTokens>,
    /// Trees of unchanged files.
    pub parses: Arc<ParseCache>,
    /// Set when the document changes: nobody wants the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

/// A checked document.
pub(crate) struct Checked<'v> {
    /// The analysis of the document and of what it imports.
    pub analysis: &'v Analysis,
    /// What answers questions.
    pub compiled: &'v Compiled,
    /// The document in it.
    pub source: SourceId,
}

/// What becomes of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It can be answered.
    View(Box<View>),
    /// Its document is not open.
    NotOpen,
    /// Its document has changed since.
    Changed,
}

/// What the answer to a question is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The document's text. When it changes before the answer, the question is given up.
    Text,
    /// The analysis of that text, for which the question waits.
    Analysis,
    /// The text as it is when the question comes. Completion is asked while its user types on, and editors wait for the
    /// answer to narrow it down by what was typed meanwhile: without one they show nothing and do not ask again.
    TextOfItsMoment,
}

type Work = Box<dyn FnOnce(Asked) + Send>;

/// A question about a document.
pub(crate) struct Question {
    /// The document.
    pub document: String,
    /// The version of the document when the question came.
    pub version: Option<i32>,
    /// What its answer is made of.
    pub needs: Needs,
    work: Work,
    is_abandoned: Box<dyn Fn() -> bool + Send>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("document", &self.document).finish_non_exhaustive()
    }
}

impl Question {
    /// A question with the way to answer it, and where its answer arrives.
    pub(crate) fn new<T: Send + 'static>(
        document: String,
        needs: Needs,
        answer: impl FnOnce(&View) -> Result<Option<T>> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<Option<T>>>) {
        let (reply, receiver) = oneshot::channel();
        let gone = Arc::new(std::sync::Mutex::new(Some(reply)));
        let sender = Arc::clone(&gone);
        let work = move |asked: Asked| {
            let result = match asked {
                Asked::NotOpen => Ok(None),
                Asked::Changed => Err(content_modified()),
                Asked::View(view) => {
                    let found = answer(&view);
                    if view.cancelled.load(Ordering::Relaxed) { Err(content_modified()) } else { found }
                }
            };
            let reply = sender.lock().ok().and_then(|mut reply| reply.take());
            // The send fails only if the client has cancelled the request.
            let _ = reply.map(|reply| reply.send(result));
        };
        let is_abandoned =
            move || gone.lock().is_ok_and(|reply| reply.as_ref().is_some_and(oneshot::Sender::is_closed));
        let (work, is_abandoned) = (Box::new(work), Box::new(is_abandoned));
        (Self { document, version: None, needs, work, is_abandoned }, receiver)
    }

    /// Whether the client has cancelled it.
    pub(crate) fn is_abandoned(&self) -> bool {
        (self.is_abandoned)()
    }

    /// Answers it.
    pub(crate) fn answer(self, asked: Asked) {
        (self.work)(asked);
    }
}

/// The error of a request whose document has changed meanwhile; the client asks again if it still wants
/// to know.
fn content_modified() -> Error {
    Error {
        code: ErrorCode::ServerError(-32801),
        message: "the document has changed since the request".into(),
        data: None,
    }
}

/// An error that the client shows.
fn refusal_error(message: String) -> Error {
    // `RequestFailed` of the protocol.
    Error { code: ErrorCode::ServerError(-32803), message: message.into(), data: None }
}

impl View {
    /// The byte offset of a position in the document.
    pub(crate) fn offset(&self, position: Position) -> u32 {
        LineIndex::new(&self.text).offset(&self.text, position, self.settings.encoding) as u32
    }

    /// The analysis of the document, unless the compiler crashed.
    pub(crate) fn checked(&self) -> Option<Checked<'_>> {
        let analysis = self.analysis.as_deref()?;
        let (source, _) = analysis.sources.iter().find(|(_, source)| source.name == self.name)?;
        Some(Checked { analysis, compiled: analysis.compiled.as_deref()?, source })
    }

    /// The open documents and the disk.
    pub(crate) fn sources(&self) -> OpenSources {
        OpenSources::new(self.open.clone(), Arc::clone(&self.parses), Arc::clone(&self.cancelled))
    }

    /// The client's name of a file; `None` for a file that no editor can open.
    pub(crate) fn client_file(&self, name: &str) -> Option<ClientFile> {
        if let Some(file) = self.files.get(name) {
            return Some(file.clone());
        }
        let path = std::path::Path::new(name);
        if !path.is_absolute() {
            return None;
        }
        Some(ClientFile { uri: Uri::from_file_path(path)?, version: None })
    }

    /// A place of an analysis as a location; `None` in the standard library, which has no file.
    pub(crate) fn location(&self, analysis: &Analysis, place: Place) -> Option<Location> {
        let source = analysis.sources.get(place.source);
        let range = LineIndex::new(&source.text).range(&source.text, place.span, self.settings.encoding);
        Some(Location::new(self.client_file(&source.name)?.uri, range))
    }

    /// The range of a span of the document.
    pub(crate) fn range(&self, span: cascade_grammar::ast::Span) -> Range {
        LineIndex::new(&self.text).range(&self.text, span, self.settings.encoding)
    }
}
