//! The newest run of each cascade, for who only looks: an editor.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{
    Result, RunRow, lock,
    rows::{RUN, run_row},
    tables,
};

/// The newest run of each cascade of each file and folder that is recorded in a file of SQLite. The file is neither
/// made nor brought to another version: of one that was written by another version of Cascade nothing is read.
///
/// # Errors
/// When the file is not there or cannot be read.
pub fn last_runs(path: &Path) -> Result<Vec<RunRow>> {
    let read = || -> rusqlite::Result<Vec<RunRow>> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // Who looks does not wait for those who write; it looks again.
        connection.busy_timeout(std::time::Duration::from_millis(50))?;
        if tables::format_of(&connection)? != Some(tables::FORMAT) {
            return Ok(Vec::new());
        }
        let query = format!(
            "SELECT {RUN} FROM runs WHERE id IN (SELECT max(id) FROM runs GROUP BY file, cwd, cascade) ORDER BY id"
        );
        connection.prepare(&query)?.query_map([], run_row)?.collect()
    };
    let mut rows = read().map_err(|error| tables::explain_error(path, &error))?;
    rows.iter_mut().for_each(|row| find_process(path, row));
    Ok(rows)
}

/// A run that says that it runs does so only while its process holds its lock.
pub(super) fn find_process(path: &Path, row: &mut RunRow) {
    if row.status == "running" {
        row.pid = lock::running_process(path, &row.id);
        if row.pid.is_none() {
            row.status = "dead".to_owned();
        }
    } else {
        row.pid = None;
    }
}
