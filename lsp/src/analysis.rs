//! The analysis of a snapshot: one open document as the root, and everything that it imports.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use cascade_compiler::{
    Analysis as Compiled, Diagnostic, FileSources, Options, Program, SourceId, SourceMap, Sources, compile_with,
    ide::Analysed, project,
};
use cascade_grammar::Parse;
use tokio::sync::mpsc::UnboundedSender;

use crate::events::Event;

/// Deep nesting takes stack; as much as a process's first thread has, and some more.
pub(crate) const STACK: usize = 16 << 20;

/// The texts of all open documents by their names.
pub(crate) type OpenTexts = HashMap<String, Arc<str>>;

/// Trees of files whose text has not changed since they were parsed, by name. All analyses share them.
#[derive(Debug, Default)]
pub(crate) struct ParseCache(Mutex<HashMap<String, Parsed>>);

/// A text and its tree.
#[derive(Debug)]
struct Parsed {
    text: Box<str>,
    parse: Arc<Parse>,
}

impl ParseCache {
    /// The tree of a text; parses it when the text of this name is new or has changed.
    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        if let Some(parsed) = self.lock().get(name).filter(|parsed| *parsed.text == *text) {
            return Arc::clone(&parsed.parse);
        }
        // Parsed without the lock: other analyses go on meanwhile.
        let parse = Arc::new(cascade_grammar::parse(text));
        self.lock().insert(name.to_owned(), Parsed { text: text.into(), parse: Arc::clone(&parse) });
        parse
    }

    /// Drops the trees of files that nothing reads any more.
    pub(crate) fn retain(&self, is_read: impl Fn(&str) -> bool) {
        self.lock().retain(|name, _| is_read(name));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Parsed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The input of an analysis; it does not change while the documents do.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The document to check.
    pub root: String,
    /// The session's revision when the snapshot was taken.
    pub revision: u64,
    /// All open documents.
    pub open: OpenTexts,
    /// Trees of unchanged files.
    pub parses: Arc<ParseCache>,
    /// Set when a newer version makes the analysis obsolete.
    pub cancelled: Arc<AtomicBool>,
}

/// The result of an analysis.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// The document that was checked.
    pub root: String,
    /// The revision of its snapshot.
    pub revision: u64,
    /// Every file that was read or looked up, including the root.
    pub reads: BTreeSet<String>,
    /// The texts of the diagnostics' spans.
    pub sources: SourceMap,
    /// The trees of all files, shared with the cache.
    pub trees: HashMap<SourceId, Arc<Parse>>,
    /// What answers questions about the program; `None` after a crash.
    pub compiled: Option<Arc<Compiled>>,
    /// The program, unless it has errors.
    pub program: Option<Program>,
    /// The diagnostics of all files.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the compiler panicked, so that there is no result.
    pub crashed: bool,
    /// Whether it was cancelled before its end, so that its diagnostics are incomplete.
    pub cancelled: bool,
}

impl Analysis {
    /// The program for questions about it; `None` after a crash.
    pub(crate) fn analysed(&self) -> Option<Analysed<'_>> {
        let analysis = self.compiled.as_deref()?;
        Some(Analysed { analysis, sources: &self.sources, diagnostics: &self.diagnostics })
    }
}

impl Snapshot {
    /// Runs the analysis in a thread of its own; the result is sent as an event.
    pub(crate) fn spawn_analysis(self, done: UnboundedSender<Event>) -> io::Result<()> {
        thread::Builder::new().name("analysis".to_owned()).stack_size(STACK).spawn(move || {
            // The send fails only if the session has ended, and then nothing needs the result.
            let _ = done.send(Event::Analysed(Box::new(self.run())));
        })?;
        Ok(())
    }

    /// Runs the analysis.
    pub(crate) fn run(self) -> Analysis {
        let Self { root, revision, open, parses, cancelled } = self;
        let text = open.get(&root).cloned().unwrap_or_else(|| Arc::from(""));
        let reads = RefCell::new(BTreeSet::from([root.clone()]));
        let sources = OpenSources { open, reads, parses, cancelled };
        // A panic of the compiler must not end the server.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mut checked = compile_with(&root, text, &sources, Options { index: true, ..Options::default() });
            if Path::new(&root).is_absolute()
                && let Some(project) = project::of_file(&root, &sources)
            {
                project.levels.apply(&mut checked.diagnostics);
            }
            checked
        }));
        let cancelled = sources.is_cancelled();
        let reads = sources.reads.into_inner();
        match checked {
            Ok(checked) => Analysis {
                root,
                revision,
                reads,
                trees: checked
                    .sources
                    .iter()
                    .filter_map(|(id, _)| checked.analysis.parse(id).map(|parse| (id, Arc::clone(parse))))
                    .collect(),
                sources: checked.sources,
                compiled: Some(checked.analysis),
                program: checked.program,
                diagnostics: checked.diagnostics,
                crashed: false,
                cancelled,
            },
            Err(_) => Analysis {
                root,
                revision,
                reads,
                sources: SourceMap::default(),
                compiled: None,
                program: None,
                trees: HashMap::new(),
                diagnostics: Vec::new(),
                crashed: true,
                cancelled,
            },
        }
    }
}

/// Sources that prefer open documents to the disk. They record every file that was requested, so
/// that a later change or creation of it makes the analysis obsolete.
pub(crate) struct OpenSources {
    open: OpenTexts,
    reads: RefCell<BTreeSet<String>>,
    parses: Arc<ParseCache>,
    cancelled: Arc<AtomicBool>,
}

impl OpenSources {
    /// Sources of the open documents and the disk.
    pub(crate) fn new(open: OpenTexts, parses: Arc<ParseCache>, cancelled: Arc<AtomicBool>) -> Self {
        Self { open, reads: RefCell::default(), parses, cancelled }
    }
}

impl Sources for OpenSources {
    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        self.reads.borrow_mut().insert(name.to_owned());
        if let Some(text) = self.open.get(name) {
            return Ok(text.clone());
        }
        if !Path::new(name).is_absolute() {
            // The working directory of the server is unrelated to the document.
            return Err(io::Error::other("a document that is not saved cannot import files"));
        }
        FileSources.read(name)
    }

    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        self.parses.parse(name, text)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        if !Path::new(folder).is_absolute() {
            return Ok(Vec::new());
        }
        FileSources.list(folder)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use cascade_compiler::Severity;

    use super::*;

    fn run_analysis(root: &str, files: &[(&str, &str)]) -> Analysis {
        snapshot(root, files, &Arc::default()).run()
    }

    fn snapshot(root: &str, files: &[(&str, &str)], parses: &Arc<ParseCache>) -> Snapshot {
        let open = files.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
        let (root, parses, cancelled) = (root.to_owned(), Arc::clone(parses), Arc::default());
        Snapshot { root, revision: 1, open, parses, cancelled }
    }

    #[test]
    fn files_that_have_not_changed_are_parsed_once() {
        let parses = Arc::<ParseCache>::default();
        let tree = |name: &str| Arc::clone(&parses.lock()[name].parse);
        let shared = ("/no/b.cascade", "type T {\n  n: int\n}\n");
        let first = ("/no/a.cascade", "import \"./b.cascade\" { T }\nfn f(t: T) -> int = t.n\n");
        snapshot(first.0, &[first, shared], &parses).run();
        let (a, b) = (tree("/no/a.cascade"), tree("/no/b.cascade"));
        let second = ("/no/a.cascade", "import \"./b.cascade\" { T }\nfn g(t: T) -> int = t.n\n");
        assert_eq!(snapshot(second.0, &[second, shared], &parses).run().diagnostics, []);
        assert!(Arc::ptr_eq(&b, &tree("/no/b.cascade")));
        assert!(!Arc::ptr_eq(&a, &tree("/no/a.cascade")));
        parses.retain(|name| name == "/no/b.cascade");
        assert_eq!(parses.lock().len(), 1);
    }

    #[test]
    fn a_cancelled_analysis_checks_no_body() {
        let text = ("/no/a.cascade", "fn f() -> int = \"no\"\n");
        let wanted = snapshot(text.0, &[text], &Arc::default());
        let cancelled = snapshot(text.0, &[text], &Arc::default());
        cancelled.cancelled.store(true, Ordering::Relaxed);
        assert_eq!(wanted.run().diagnostics.len(), 1);
        let found = cancelled.run();
        assert!(found.cancelled && found.diagnostics.is_empty(), "{:?}", found.diagnostics);
    }

    #[test]
    fn imports_see_what_is_open() {
        let a = ("/no/a.cascade", "import \"./b.cascade\" { T }\ncascade main() -> T {\n  return { n: 1 }\n}\n");
        let found = run_analysis(a.0, &[a, ("/no/b.cascade", "type T {\n  n: int\n}\n")]);
        assert_eq!(found.diagnostics, []);
        assert!(found.reads.contains("/no/b.cascade"));
    }

    #[test]
    fn a_file_that_is_missing_is_remembered() {
        let found = run_analysis("/no/a.cascade", &[("/no/a.cascade", "import \"./b.cascade\" { T }\n")]);
        assert!(!found.diagnostics.is_empty());
        assert!(found.reads.contains("/no/b.cascade"));
    }

    #[test]
    fn a_project_sets_the_levels() {
        let a = ("/no/flows/a.cascade", "cascade main() -> int {\n  let n = 1\n  return 2\n}\n");
        let severities = |toml: &str| {
            let found = run_analysis(a.0, &[a, ("/no/cascade.toml", toml)]);
            assert!(found.reads.contains("/no/cascade.toml"));
            found.diagnostics.iter().map(|d| d.severity).collect::<Vec<_>>()
        };
        assert_eq!(severities(""), [Severity::Warning]);
        assert_eq!(severities("[check.levels]\nW01 = \"deny\"\n"), [Severity::Error]);
        assert_eq!(severities("[check.levels]\nW0101 = \"allow\"\n"), []);
    }

    #[test]
    fn an_unsaved_document_imports_nothing_from_the_servers_folder() {
        let found = run_analysis("untitled:1", &[("untitled:1", "import \"./Cargo.toml\" { T }\n")]);
        assert!(found.diagnostics.iter().any(|d| d.primary.text.contains("not saved")), "{:?}", found.diagnostics);
    }
}
