//! Checking a snapshot: one open document as the root, with everything that it imports.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
};

use cascade_compiler::{Diagnostic, FileSources, SourceMap, Sources, compile, project};
use cascade_grammar::Parse;
use tokio::sync::mpsc::UnboundedSender;

use crate::{events::Event, trees::Trees};

/// Deep nesting takes stack; as much as a process's first thread has, and some more.
pub(crate) const STACK: usize = 16 << 20;

/// The texts of all open documents by their names.
pub(crate) type OpenTexts = HashMap<String, Arc<str>>;

/// What an analysis needs to know; it does not change while the documents do.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The document to check.
    pub root: String,
    /// When the snapshot was taken, in the session's count of changes.
    pub revision: u64,
    /// All open documents.
    pub open: OpenTexts,
    /// The trees of earlier analyses.
    pub trees: Trees,
}

/// What an analysis has found.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// The document that was checked.
    pub root: String,
    /// When its snapshot was taken.
    pub revision: u64,
    /// Every file that was read or looked for, the root included.
    pub reads: BTreeSet<String>,
    /// The texts that the diagnostics speak of.
    pub sources: SourceMap,
    /// The files with their trees; `None` when the compiler fell over.
    pub program: Option<Arc<cascade_compiler::Analysis>>,
    /// What is wrong, in all files.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the compiler fell over, so that nothing is known.
    pub crashed: bool,
}

impl Snapshot {
    /// Checks in a thread of its own; the result comes back as an event.
    pub(crate) fn analyse_apart(self, done: UnboundedSender<Event>) -> io::Result<()> {
        thread::Builder::new().name("analysis".to_owned()).stack_size(STACK).spawn(move || {
            // The session may be gone by now; then nobody wants to know.
            let _ = done.send(Event::Analysed(Box::new(self.analyse())));
        })?;
        Ok(())
    }

    /// Checks.
    fn analyse(self) -> Analysis {
        let Self { root, revision, open, trees } = self;
        let text = open.get(&root).cloned().unwrap_or_else(|| Arc::from(""));
        let sources = OpenSources { open, trees, reads: RefCell::new(BTreeSet::from([root.clone()])) };
        // A mistake in the compiler must not take the editor's server with it.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mut checked = compile(&root, text, &sources);
            if Path::new(&root).is_absolute()
                && let Some(project) = project::of_file(&root, &sources)
            {
                project.levels.apply(&mut checked.diagnostics);
            }
            checked
        }));
        let reads = sources.reads.into_inner();
        match checked {
            Ok(checked) => Analysis {
                root,
                revision,
                reads,
                sources: checked.sources,
                program: Some(checked.analysis),
                diagnostics: checked.diagnostics,
                crashed: false,
            },
            Err(_) => Analysis {
                root,
                revision,
                reads,
                sources: SourceMap::default(),
                program: None,
                diagnostics: Vec::new(),
                crashed: true,
            },
        }
    }
}

/// Open documents before the disk. Takes down what was asked for, so that a later change of it,
/// its coming into being included, is known to matter.
struct OpenSources {
    open: OpenTexts,
    trees: Trees,
    reads: RefCell<BTreeSet<String>>,
}

impl Sources for OpenSources {
    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        self.trees.parse(name, text)
    }

    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        self.reads.borrow_mut().insert(name.to_owned());
        if let Some(text) = self.open.get(name) {
            return Ok(text.clone());
        }
        if !Path::new(name).is_absolute() {
            // The folder in which the server happens to run has nothing to do with the document.
            return Err(io::Error::other("a document that was never saved has no folder to import from"));
        }
        FileSources.read(name)
    }
}

#[cfg(test)]
mod tests {
    use cascade_compiler::Severity;

    use super::*;

    fn analyse(root: &str, files: &[(&str, &str)]) -> Analysis {
        let open = files.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
        Snapshot { root: root.to_owned(), revision: 1, open, trees: Trees::default() }.analyse()
    }

    #[test]
    fn imports_see_what_is_open() {
        let a = ("/no/a.cascade", "import \"./b.cascade\" { T }\ncascade main() -> T {\n  return { n: 1 }\n}\n");
        let found = analyse(a.0, &[a, ("/no/b.cascade", "type T {\n  n: int\n}\n")]);
        assert_eq!(found.diagnostics, []);
        assert!(found.reads.contains("/no/b.cascade"));
    }

    #[test]
    fn a_file_that_is_missing_is_remembered() {
        let found = analyse("/no/a.cascade", &[("/no/a.cascade", "import \"./b.cascade\" { T }\n")]);
        assert!(!found.diagnostics.is_empty());
        assert!(found.reads.contains("/no/b.cascade"));
    }

    #[test]
    fn a_project_sets_the_levels() {
        let a = ("/no/flows/a.cascade", "cascade main() -> int {\n  let n = 1\n  return 2\n}\n");
        let severities = |toml: &str| {
            let found = analyse(a.0, &[a, ("/no/cascade.toml", toml)]);
            assert!(found.reads.contains("/no/cascade.toml"));
            found.diagnostics.iter().map(|d| d.severity).collect::<Vec<_>>()
        };
        assert_eq!(severities(""), [Severity::Warning]);
        assert_eq!(severities("[check.levels]\nW01 = \"deny\"\n"), [Severity::Error]);
        assert_eq!(severities("[check.levels]\nW0101 = \"allow\"\n"), []);
    }

    #[test]
    fn an_unsaved_document_imports_nothing_from_the_servers_folder() {
        let found = analyse("untitled:1", &[("untitled:1", "import \"./Cargo.toml\" { T }\n")]);
        assert!(found.diagnostics.iter().any(|d| d.primary.text.contains("never saved")), "{:?}", found.diagnostics);
    }
}
