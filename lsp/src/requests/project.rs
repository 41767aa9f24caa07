//! The files of the client's project beside the document.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use cascade_compiler::Sources;

use super::View;
use crate::analysis::{Analysis, Snapshot};

/// How many files of a project are read at most.
const MOST_FILES: usize = 5_000;

impl View {
    /// The names of the project's programs: those in its folders, and those that are open.
    pub(crate) fn project_files(&self) -> BTreeSet<String> {
        let mut found: BTreeSet<String> = self.open.keys().cloned().collect();
        for folder in &self.folders {
            collect_files(folder, &mut found);
        }
        found
    }

    /// The analyses of the project's other programs that read a file: of open documents as they are, of others
    /// made now.
    pub(crate) fn programs_with(&self, file: &str) -> Vec<Arc<Analysis>> {
        let mut found: Vec<_> = self.others.iter().filter(|other| other.reads.contains(file)).cloned().collect();
        let sources = self.sources();
        let base = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for name in self.project_files() {
            if name == self.name || self.open.contains_key(&name) || name == file {
                continue;
            }
            // Whoever imports the file has its name in its text, or imports a file that has.
            let Ok(text) = sources.read(&name) else { continue };
            if !text.contains(&base) && !text.contains("import \"") {
                continue;
            }
            let analysis = self.analyse(&name, text);
            if analysis.reads.contains(file) {
                found.push(Arc::new(analysis));
            }
        }
        found
    }

    /// Analyses a file of the project as a program of its own.
    pub(super) fn analyse(&self, name: &str, text: Arc<str>) -> Analysis {
        let mut open = self.open.clone();
        open.insert(name.to_owned(), text);
        let snapshot = Snapshot {
            root: name.to_owned(),
            revision: 0,
            open,
            parses: Arc::clone(&self.parses),
            cancelled: Arc::clone(&self.cancelled),
        };
        snapshot.run()
    }
}

/// Adds the programs in a folder. Hidden folders, and those of builds and packages, have none of their own.
fn collect_files(folder: &Path, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if found.len() >= MOST_FILES || name.starts_with('.') || matches!(&*name, "target" | "node_modules") {
            continue;
        }
        if kind.is_dir() {
            collect_files(&entry.path(), found);
        } else if name.ends_with(".cascade") {
            found.insert(entry.path().to_string_lossy().into_owned());
        }
    }
}
