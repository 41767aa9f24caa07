//! The record in SQLite: WAL, one thread that writes, many records a commit.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread,
    time::{Duration, Instant},
};

use cascade_ir::Program;
use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig, params};
use sha2::{Digest, Sha256};

use super::{Done, EffectEnd, EffectStart, Journal, JournalError, RunEnd, RunStart, record};
use crate::{
    events::Event,
    machine::hex,
    request::{EffectInfo, What},
};

/// Version of the tables. A newer file is refused.
const FORMAT: i64 = 1;
/// Answers longer than this go to a file of their own, in bytes.
const LARGE: usize = 64 * 1024;
/// How long a record that nobody waits for waits for others, so that they share a commit.
const COMPANY: Duration = Duration::from_millis(5);
/// Most records of one commit.
const BATCH: usize = 256;
/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, program TEXT NOT NULL, name TEXT NOT NULL, cascade TEXT NOT NULL,
  inputs TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
  result TEXT, error TEXT, pid INTEGER, tokens INTEGER NOT NULL DEFAULT 0, cost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effects (
  run TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL, skill TEXT NOT NULL, model TEXT, once INTEGER NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, status TEXT NOT NULL,
  request TEXT NOT NULL, answer TEXT, artifact TEXT, error TEXT,
  tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0, cost INTEGER,
  idempotency TEXT NOT NULL, PRIMARY KEY (run, path, attempt)
);
CREATE TABLE IF NOT EXISTS events (
  run TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', 1);
COMMIT;";

/// The journal of one run in a file that many runs share.
pub struct SqliteJournal {
    writer: Option<Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
    run: String,
}

enum Job {
    RunStarted(RunStart, i64),
    Started(Box<EffectStart>),
    Ended(Box<EffectEnd>, Done),
    Event(String, i64),
    RunEnded(RunEnd, i64, Sender<Result<(), JournalError>>),
}

impl Job {
    /// Whether somebody waits for it, or it must be known after a crash: the beginning of a
    /// command that may be repeated is neither.
    fn is_urgent(&self) -> bool {
        match self {
            Job::Event(..) => false,
            // Nobody waits for it, but now there is time: the first effect is still on its way.
            Job::RunStarted(..) => true,
            Job::Started(start) => start.info.once || start.kind != "run",
            Job::Ended(..) | Job::RunEnded(..) => true,
        }
    }
}

impl SqliteJournal {
    /// Opens the file, and creates it and its directory if needed.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, is no journal, or was written by a newer version.
    pub fn open(path: &Path, run: &str) -> Result<Self, JournalError> {
        let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        std::fs::create_dir_all(&dir)
            .map_err(|e| JournalError(format!("the directory `{}` cannot be made: {e}", dir.display())))?;
        let connection = connect(path).map_err(|e| explain(path, &e))?;
        if let Some(format) = format_of(&connection).map_err(|e| explain(path, &e))? {
            if format > FORMAT {
                return Err(JournalError(format!(
                    "the journal `{}` was written by a newer version of Cascade (format {format}, this one knows {FORMAT})",
                    path.display()
                )));
            }
        } else {
            connection.execute_batch(TABLES).map_err(|e| explain(path, &e))?;
        }
        let (sender, receiver) = mpsc::channel();
        let mut writer = Writer {
            connection,
            run: run.to_owned(),
            artifacts: dir.join("artifacts"),
            path: path.to_owned(),
            seq: 0,
            full: false,
            failed: None,
        };
        let thread = thread::Builder::new()
            .name("cascade-journal".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.serve(&receiver))
            .map_err(|e| JournalError(format!("no thread for the journal can be started: {e}")))?;
        Ok(Self { writer: Some(sender), thread: Some(thread), run: run.to_owned() })
    }

    fn send(&self, job: Job) {
        // The thread ends only after the last sender has gone.
        if let Some(writer) = &self.writer {
            let _ = writer.send(job);
        }
    }
}

impl Journal for SqliteJournal {
    fn run_started(&mut self, run: RunStart) {
        self.run.clone_from(&run.run);
        self.send(Job::RunStarted(run, record::now()));
    }

    fn effect_started(&mut self, info: &EffectInfo, what: &What, program: &Program) {
        self.send(Job::Started(Box::new(EffectStart::of(info, what, program))));
    }

    fn effect_ended(&mut self, end: EffectEnd, done: Done) {
        self.send(Job::Ended(Box::new(end), done));
    }

    fn event(&mut self, event: &Event) {
        if let Ok(text) = serde_json::to_string(event) {
            self.send(Job::Event(text, record::now()));
        }
    }

    fn run_ended(&mut self, end: RunEnd) -> Result<(), JournalError> {
        let (sender, receiver) = mpsc::channel();
        self.send(Job::RunEnded(end, record::now(), sender));
        receiver.recv().unwrap_or_else(|_| Err(JournalError("the journal's thread has ended".to_owned())))
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has nothing to add here.
            let _ = thread.join();
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // The write-ahead log stays when the last run closes the file: to fold it in each time would
    // cost every short run several syncs. It is folded in when it has grown.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // On macOS an ordinary fsync does not reach the disk.
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
    }
    Ok(connection)
}

/// The format of the file; `None` when it is new.
fn format_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
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
fn explain(path: &Path, error: &rusqlite::Error) -> JournalError {
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

struct Writer {
    connection: Connection,
    run: String,
    artifacts: PathBuf,
    path: PathBuf,
    seq: i64,
    /// Whether each commit reaches the disk before it returns.
    full: bool,
    /// The first failure; everything after it fails too.
    failed: Option<JournalError>,
}

impl Writer {
    fn serve(&mut self, jobs: &Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Ok(job) = jobs.recv() {
            let mut urgent = job.is_urgent();
            batch.push(job);
            let deadline = Instant::now() + COMPANY;
            while batch.len() < BATCH {
                let next = match jobs.try_recv() {
                    Err(TryRecvError::Empty) if !urgent => {
                        jobs.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
                    }
                    other => other.ok(),
                };
                let Some(job) = next else { break };
                urgent |= job.is_urgent();
                batch.push(job);
            }
            if self.failed.is_none()
                && let Err(error) = self.commit(&batch)
            {
                // A failed commit leaves its transaction open.
                let _ = self.connection.execute_batch("ROLLBACK");
                self.failed = Some(error);
            }
            let result = self.failed.clone().map_or(Ok(()), Err);
            for job in batch.drain(..) {
                match job {
                    Job::Ended(_, done) => done(result.clone()),
                    Job::RunEnded(_, _, done) => {
                        // The run waits for this, unless it was dropped.
                        let _ = done.send(result.clone());
                    }
                    _ => {}
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Job]) -> Result<(), JournalError> {
        // What would have to be paid again survives a loss of power; the rest a crash.
        let precious = batch.iter().any(|job| matches!(job, Job::Ended(end, _) if end.precious));
        if precious != self.full {
            let level = if precious { "FULL" } else { "NORMAL" };
            self.sql(|c| c.pragma_update(None, "synchronous", level))?;
            self.full = precious;
        }
        self.sql(|c| c.prepare_cached("BEGIN IMMEDIATE")?.execute([]))?;
        for job in batch {
            self.write(job)?;
        }
        self.sql(|c| c.prepare_cached("COMMIT")?.execute([]))?;
        Ok(())
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        f(&self.connection).map_err(|e| explain(&self.path, &e))
    }

    fn write(&mut self, job: &Job) -> Result<(), JournalError> {
        let run = self.run.clone();
        match job {
            Job::RunStarted(start, at) => self.sql(|c| {
                c.prepare_cached(
                    "INSERT INTO runs (id, program, name, cascade, inputs, status, started, pid)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'running', ?6, ?7)",
                )?
                .execute(params![
                    start.run,
                    start.program,
                    start.name,
                    start.cascade,
                    start.inputs.to_string(),
                    at,
                    std::process::id()
                ])
            })?,
            Job::Started(start) => self.sql(|c| {
                let info = &start.info;
                c.prepare_cached(
                    "INSERT OR REPLACE INTO effects
                     (run, path, attempt, key, kind, skill, model, once, started, status, request, idempotency)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'running', ?10, ?11)",
                )?
                .execute(params![
                    run,
                    info.path,
                    info.attempt,
                    info.key,
                    start.kind,
                    info.skill.as_str(),
                    start.model,
                    info.once,
                    start.at,
                    start.request,
                    info.idempotency
                ])
            })?,
            Job::Ended(end, _) => {
                let (answer, artifact) = match &end.answer {
                    Some(text) if text.len() > LARGE => (None, Some(self.artifact(text)?)),
                    other => (other.as_deref(), None),
                };
                self.sql(|c| {
                    c.prepare_cached(
                        "UPDATE effects SET ended = ?4, status = ?5, answer = ?6, artifact = ?7, error = ?8,
                         tokens_in = ?9, tokens_out = ?10, cost = ?11
                         WHERE run = ?1 AND path = ?2 AND attempt = ?3",
                    )?
                    .execute(params![
                        run,
                        end.path,
                        end.attempt,
                        end.at,
                        end.status,
                        answer,
                        artifact,
                        end.error,
                        i64::try_from(end.usage.tokens_in).unwrap_or(i64::MAX),
                        i64::try_from(end.usage.tokens_out).unwrap_or(i64::MAX),
                        end.usage.cost
                    ])
                })?
            }
            Job::Event(event, at) => {
                self.seq += 1;
                let seq = self.seq;
                self.sql(|c| {
                    c.prepare_cached("INSERT INTO events (run, seq, at, event) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![run, seq, at, event])
                })?
            }
            Job::RunEnded(end, at, _) => self.sql(|c| {
                c.prepare_cached(
                    "UPDATE runs SET status = ?2, ended = ?3, result = ?4, error = ?5, tokens = ?6, cost = ?7, pid = NULL
                     WHERE id = ?1",
                )?
                .execute(params![
                    run,
                    end.status,
                    at,
                    end.result.as_ref().map(ToString::to_string),
                    end.error.as_ref().map(ToString::to_string),
                    i64::try_from(end.tokens).unwrap_or(i64::MAX),
                    end.cost
                ])
            })?,
        };
        Ok(())
    }

    /// Keeps a large answer in a file named by its hash.
    fn artifact(&self, text: &str) -> Result<String, JournalError> {
        let hash = hex(&Sha256::digest(text.as_bytes()));
        let file = self.artifacts.join(&hash);
        if file.exists() {
            return Ok(hash);
        }
        let wrong =
            |e: std::io::Error| JournalError(format!("the artifact `{}` cannot be written: {e}", file.display()));
        std::fs::create_dir_all(&self.artifacts).map_err(wrong)?;
        // Renamed when it is whole, so that no half of it is ever taken for it.
        let partial = self.artifacts.join(format!("{hash}.{}", std::process::id()));
        let write = || {
            let mut out = std::fs::File::create(&partial)?;
            std::io::Write::write_all(&mut out, text.as_bytes())?;
            out.sync_all()?;
            std::fs::rename(&partial, &file)
        };
        write().map_err(wrong)?;
        Ok(hash)
    }
}
