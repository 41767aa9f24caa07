//! The file: its tables, its version, and what its errors mean.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig};

use super::{JournalError, Result, chain, private};

/// Version of the tables. An older file is brought up to it, a newer one is refused.
pub(super) const FORMAT: i64 = 5;
/// How long to wait for other processes that write. Their commits may each wait for a slow disk, and
/// an effect that ran must be recorded.
const BUSY: Duration = Duration::from_secs(120);

/// Pages of 4 KiB in the write-ahead log before it is folded into the file while a run goes on. SQLite's own default of
/// 1,000 makes a run of 10,000 effects fold it three times.
const LOG_PAGES: u32 = 4_000;

/// Pages in the log with which a journal that is closed folds it. Each process reads the log when it opens the file,
/// 1 to 3 µs for each page; to fold it costs two syncs, and a short run writes 10 pages.
const LEFT_PAGES: i64 = 128;

/// Pages of 4 KiB that a connection may keep in memory. Effects that are under way are written twice, when they begin and
/// when they end: with SQLite's own default of 500, thousands of them are read back from the file in between.
const CACHED_PAGES: u32 = 2_000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE programs (hash TEXT PRIMARY KEY, program BLOB NOT NULL);
CREATE TABLE runs (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, program TEXT NOT NULL, file TEXT NOT NULL,
  cwd TEXT NOT NULL DEFAULT '', cascade TEXT NOT NULL, inputs TEXT NOT NULL, memory TEXT NOT NULL DEFAULT '{}',
  fork TEXT, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, result TEXT, error TEXT,
  pid INTEGER, tokens INTEGER NOT NULL DEFAULT 0, cost INTEGER NOT NULL DEFAULT 0, until INTEGER,
  clock INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE effects (
  no INTEGER PRIMARY KEY, run INTEGER NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL,
  key TEXT NOT NULL, parts BLOB, kind TEXT NOT NULL, skill TEXT NOT NULL, model TEXT, once INTEGER NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, seq INTEGER, status TEXT NOT NULL, request TEXT NOT NULL,
  answer TEXT, artifact TEXT, error TEXT, tokens_in INTEGER NOT NULL DEFAULT 0,
  tokens_out INTEGER NOT NULL DEFAULT 0, cost INTEGER, clock INTEGER, origin TEXT, idempotency TEXT NOT NULL
);
CREATE INDEX effects_of_run ON effects (run);
CREATE TABLE timers (
  run INTEGER NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, kind TEXT NOT NULL,
  began INTEGER NOT NULL, seq INTEGER, PRIMARY KEY (run, path, attempt, kind)
) WITHOUT ROWID;
CREATE TABLE questions (
  run INTEGER NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, question TEXT NOT NULL,
  options TEXT NOT NULL, asked INTEGER NOT NULL, answer TEXT, answered INTEGER,
  PRIMARY KEY (run, path, key)
) WITHOUT ROWID;
CREATE TABLE events (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE cache (
  key TEXT PRIMARY KEY, skill TEXT NOT NULL, parts BLOB NOT NULL, run TEXT NOT NULL, answer TEXT,
  artifact TEXT, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX cache_of_skill ON cache (skill, at);
CREATE TABLE memory (
  memory TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (memory, key)
) WITHOUT ROWID;
CREATE TABLE memory_changes (
  no INTEGER PRIMARY KEY, memory TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, run TEXT, op TEXT,
  path TEXT, kind TEXT NOT NULL, change TEXT, value TEXT, UNIQUE (run, op)
);
CREATE INDEX memory_changes_of_key ON memory_changes (memory, key);
";

/// From the tables of the first version: its effects had no order of their own, and no ids.
const FROM_1: &str = "
ALTER TABLE runs RENAME TO old_runs;
ALTER TABLE effects RENAME TO old_effects;
ALTER TABLE events RENAME TO old_events;
";
const FROM_1_COPY: &str = "
INSERT INTO runs (id, program, file, cascade, inputs, status, started, ended, result, error, pid, tokens, cost)
  SELECT id, program, name, cascade, inputs, status, started, ended, result, error, pid, tokens, cost
  FROM old_runs ORDER BY id;
INSERT INTO effects (run, path, attempt, key, kind, skill, model, once, started, ended, seq, status, request,
    answer, artifact, error, tokens_in, tokens_out, cost, clock, idempotency)
  SELECT r.no, e.path, e.attempt, e.key, e.kind, e.skill, e.model, e.once, e.started, e.ended,
    CASE WHEN e.ended IS NULL THEN NULL ELSE row_number() OVER (PARTITION BY e.run ORDER BY e.ended, e.rowid) END,
    CASE e.status WHEN 'cancelled' THEN 'interrupted' ELSE e.status END, e.request,
    e.answer, e.artifact, e.error, e.tokens_in, e.tokens_out, e.cost, 0, e.idempotency
  FROM old_effects e JOIN runs r ON r.id = e.run;
INSERT INTO events SELECT r.no, e.seq, e.at, e.event FROM old_events e JOIN runs r ON r.id = e.run;
DROP TABLE old_runs; DROP TABLE old_effects; DROP TABLE old_events;
";

/// The tables that the third version added: the second knew only the last end of a run.
const ADDED_IN_3: &str = "
CREATE TABLE ends (
  no INTEGER PRIMARY KEY, run INTEGER NOT NULL, status TEXT NOT NULL, stage TEXT, attempts INTEGER
);
CREATE INDEX ends_of_run ON ends (run);
CREATE TABLE progress (
  run INTEGER NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, progress TEXT NOT NULL, at INTEGER NOT NULL,
  no INTEGER NOT NULL,
  PRIMARY KEY (run, path)
) WITHOUT ROWID;
";
const FROM_2_COPY: &str = "
INSERT INTO ends (run, status, stage, attempts)
  SELECT no, status, CASE WHEN json_valid(error) THEN error ->> '$.stage' END,
    CASE WHEN json_valid(error) THEN error ->> '$.attempts' END
  FROM runs WHERE status IN ('failed', 'cancelled');
";

/// Opens the file to write, and creates or upgrades its tables.
pub(super) fn open_journal_file(path: &Path) -> Result<Connection> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private::create_dir(dir)
        .map_err(|e| JournalError(format!("the directory `{}` cannot be made: {e}", dir.display())))?;
    // What cannot be made cannot be opened either, which is told below.
    let _ = private::create_file(path);
    private::tighten_permissions(path);
    let mut connection = connect_to(path).map_err(|e| explain_error(path, &e))?;
    match format_of(&connection).map_err(|e| explain_error(path, &e))? {
        Some(FORMAT) => {}
        Some(format) if format > FORMAT => {
            return Err(JournalError(format!(
                "the journal `{}` was written by a newer version of Cascade (format {format}, this one knows {FORMAT})",
                path.display()
            )));
        }
        _ => upgrade_tables(&mut connection).map_err(|e| explain_error(path, &e))?,
    }
    Ok(connection)
}

/// Everything in one transaction: another process sees the old file or the new one.
fn upgrade_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match format_of(&transaction)? {
        // Somebody else was faster.
        Some(FORMAT) => return Ok(()),
        Some(1) => {
            transaction.execute_batch(FROM_1)?;
            transaction.execute_batch(TABLES)?;
            transaction.execute_batch(ADDED_IN_3)?;
            transaction.execute_batch(FROM_1_COPY)?;
            transaction.execute_batch(FROM_2_COPY)?;
        }
        Some(2) => {
            transaction.execute_batch(ADDED_IN_3)?;
            transaction.execute_batch(FROM_2_COPY)?;
        }
        // The fourth has the tables of the third. Its keys are digests of another version, which older
        // versions of Cascade would not find again.
        Some(_) => {}
        None => {
            transaction.execute_batch(TABLES)?;
            transaction.execute_batch(ADDED_IN_3)?;
        }
    }
    // The fifth added the hashes of what is recorded.
    transaction.execute_batch(chain::TABLE)?;
    transaction.execute("INSERT OR REPLACE INTO meta VALUES ('format', ?1)", [FORMAT])?;
    transaction.commit()
}

fn connect_to(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Changing the mode needs the file alone and does not wait for others by itself; several runs
    // may create the file at once.
    let deadline = Instant::now() + BUSY;
    while let Err(error) = connection.pragma_update(None, "journal_mode", "WAL") {
        let busy = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
        if !busy || Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(1));
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // The write-ahead log stays when the last run closes the file: to fold it in each time would
    // cost every short run several syncs. It is folded in when it has grown ([`fold_log`]).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "cache_size", CACHED_PAGES)?;
    // On macOS an ordinary fsync does not reach the disk.
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
    }
    Ok(connection)
}

/// Folds the write-ahead log into the file when it has grown, and empties it: that it is folded is known only to processes
/// that have the file open, and the next one would read all of it. Nobody waits for it: what is not folded now, because
/// another process uses the file or because the disk is full, is folded later.
pub(super) fn fold_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let in_log: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    if in_log > LEFT_PAGES {
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// The format of the file; `None` when it is new.
pub(super) fn format_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let known: Option<i64> =
        connection.query_row("SELECT 1 FROM sqlite_master WHERE name = 'meta'", [], |row| row.get(0)).optional()?;
    match known {
        Some(_) => {
            connection.query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0)).optional()
        }
        None => Ok(None),
    }
}

/// An error of SQLite in words that say what can be done.
pub(super) fn explain_error(path: &Path, error: &rusqlite::Error) -> JournalError {
    let path = path.display();
    JournalError(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("the journal `{path}` is locked by another process")
        }
        Some(ErrorCode::DiskFull) => format!("the disk of the journal `{path}` is full"),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!("the journal `{path}` is damaged or not a journal; move it away to go on without it")
        }
        Some(ErrorCode::CannotOpen) => format!("the journal `{path}` cannot be opened"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("the journal `{path}` may not be written")
        }
        _ => format!("the journal `{path}` cannot be used: {error}"),
    })
}
