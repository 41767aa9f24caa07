//! The journal of a project, and the runs that a command names.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_runtime::journal::{JournalError, RunRow, SqliteStore, Store};

use crate::error::Stop;

/// The folder of a project's journal, with its file's name.
pub const FILE: &str = ".cascade/runs.db";

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Stop::usage(error.to_string())
    }
}

/// The journal of the project that a file belongs to: beside `cascade.toml`, or else in the
/// current folder. It is made if it is not there.
pub fn of_file(file: &Path) -> Result<PathBuf, Stop> {
    let mut folder = std::env::current_dir().unwrap_or_default();
    if file.as_os_str() != "-" {
        let start = std::fs::canonicalize(file).unwrap_or_default();
        if let Some(project) = project_above(&start) {
            folder = project.to_path_buf();
        }
    }
    let folder = folder.join(".cascade");
    let ignore = folder.join(".gitignore");
    // A process that was killed here may have left the folder without it, or the file empty.
    if !std::fs::metadata(&ignore).is_ok_and(|file| file.len() > 0) {
        let private = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        let made = private.and_then(|()| std::fs::write(&ignore, "*\n"));
        made.map_err(|e| {
            Stop::usage_help(
                format!("the journal of the run cannot be kept in `{}`: {e}", folder.display()),
                "run in a folder that can be written, or with `--no-journal`",
            )
        })?;
    }
    Ok(folder.join("runs.db"))
}

/// The journal in which runs of a file are recorded, if there is one: beside `cascade.toml`, or else in the file's folder
/// or above it. Nothing is made.
pub fn find_of_file(file: &Path) -> Option<PathBuf> {
    let mut journals = match project_above(file) {
        Some(project) => vec![project.join(FILE)],
        None => file.ancestors().skip(1).map(|folder| folder.join(FILE)).collect(),
    }
    .into_iter();
    journals.find(|journal| journal.is_file())
}

/// The newest of these runs that is of this cascade of this file. A run names its file from the folder in which it was
/// called.
pub fn newest_run_of<'r>(runs: &'r [RunRow], file: &Path, cascade: &str) -> Option<&'r RunRow> {
    let file = std::fs::canonicalize(file).ok()?;
    let named = |run: &RunRow| std::fs::canonicalize(Path::new(&run.cwd).join(&run.file)).ok();
    let is_of_file = |run: &&RunRow| run.cascade == cascade && named(run).as_ref() == Some(&file);
    runs.iter().filter(is_of_file).max_by_key(|run| run.started)
}

/// The folder of the project that a file belongs to: the nearest one with a `cascade.toml`.
fn project_above(file: &Path) -> Option<&Path> {
    file.ancestors().skip(1).find(|folder| folder.join("cascade.toml").is_file())
}

/// The journal that the current folder belongs to: its own, or that of a folder above.
pub fn open_project_store() -> Result<Arc<dyn Store>, Stop> {
    let start = std::env::current_dir().unwrap_or_default();
    let found = start.ancestors().map(|a| a.join(FILE)).find(|f| f.is_file());
    let Some(path) = found else {
        return Err(Stop::usage_help(
            "no run is recorded here: there is no `.cascade/runs.db` in this folder or above it",
            "go to the folder in which `cascadec run` was called",
        ));
    };
    open_store(&path)
}

/// Opens a journal that is there.
pub fn open_store(path: &Path) -> Result<Arc<dyn Store>, Stop> {
    Ok(Arc::new(SqliteStore::open(path)?))
}

/// The run with this id or beginning of an id; `last` is the newest.
pub fn find_run(store: &dyn Store, id: &str) -> Result<RunRow, Stop> {
    if id == "last" {
        return store.runs()?.into_iter().next().ok_or_else(|| Stop::usage("no runs are recorded"));
    }
    store.run(id)?.ok_or_else(|| {
        Stop::usage_help(format!("there is no run `{id}` in `{}`", store.location()), "`cascadec runs` lists them")
    })
}

/// Whether a run can be resumed.
pub fn is_unfinished(run: &RunRow) -> bool {
    matches!(run.status.as_str(), "dead" | "failed" | "cancelled" | "paused")
}

/// The newest run that can be resumed.
pub fn newest_unfinished(store: &dyn Store) -> Result<RunRow, Stop> {
    store.runs()?.into_iter().find(is_unfinished).ok_or_else(|| {
        Stop::usage_help("there is no run to resume: all have ended well or are running", "`cascadec runs` lists them")
    })
}
