//! `cascadec lsp`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use cascade_lsp::{LastRun, RunHistory};
use cascade_runtime::journal::{RunRow, last_runs};

use crate::{args::LspArgs, error::Stop, journal, progress::stage_figures};

/// Serves an editor until it leaves.
pub fn run_lsp(_: &LspArgs) -> Result<u8, Stop> {
    let journals = Arc::new(Journals::default());
    let code = cascade_lsp::serve_stdio(journals);
    let code = code.map_err(|e| Stop::usage(format!("the language server cannot start: {e}")))?;
    if code != 0 {
        // The protocol says the code; who looks into the editor's log finds why.
        eprintln!("cascadec lsp: the input ended, or what came was no message, and `shutdown` did not come before");
    }
    Ok(code)
}

/// When the files of a journal were changed, the file itself and what was written ahead of it.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// The journals of projects, each read again when it has changed.
#[derive(Debug, Default)]
struct Journals(Mutex<HashMap<PathBuf, ReadJournal>>);

/// The newest runs of a journal, as they were read.
#[derive(Debug)]
struct ReadJournal {
    at: Stamp,
    runs: Arc<Vec<RunRow>>,
}

impl Journals {
    /// The newest runs in a journal. While it cannot be read, nothing is known, and it is tried again.
    fn runs(&self, path: &Path) -> Option<Arc<Vec<RunRow>>> {
        let ahead = path.with_extension("db-wal");
        let stamp =
            [path, &ahead].map(|file| fs::metadata(file).ok().and_then(|m| Some((m.modified().ok()?, m.len()))));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(path).filter(|read| read.at == stamp && !read.runs.iter().any(is_running)) {
            return Some(Arc::clone(&read.runs));
        }
        let runs = Arc::new(last_runs(path).ok()?);
        known.insert(path.to_owned(), ReadJournal { at: stamp, runs: Arc::clone(&runs) });
        Some(runs)
    }
}

/// The death of a process changes no file.
fn is_running(run: &RunRow) -> bool {
    run.status == "running"
}

impl RunHistory for Journals {
    fn last_run(&self, file: &Path, cascade: &str) -> Option<LastRun> {
        let path = journal::find_of_file(file)?;
        let runs = self.runs(&path)?;
        let run = journal::newest_run_of(&runs, file, cascade)?;
        let (took, tokens) = (u64::try_from(run.clock).unwrap_or(0), u64::try_from(run.tokens).unwrap_or(0));
        Some(LastRun {
            id: run.id.clone(),
            summary: format!("{}, {}", run.status, stage_figures(took, 1, tokens, run.cost)),
        })
    }
}
