//! Reading the record, and what people change in it: answers, memory, old runs.

use cascade_ir::read::read_json;
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use cascade_ir::Program;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value as Json;

use super::{
    Activity, CachedAnswer, Claim, Collected, Cursor, EffectRow, Journal, JournalError, Ledger, MemoryChange,
    MemoryValue, QuestionRow, RecordedTimer, Result, RunRow, Store, Verification,
    artifacts::Artifacts,
    chain,
    last_runs::find_process,
    lock, memory, outcomes, project_key, record,
    record::{failure_from, read_kept_program},
    rows::{RUN, cached_row, effect_row, recorded_row, run_row},
    sqlite::{Closing, SqliteJournal},
    tables,
};
use crate::{
    interpreter::KnownOutcomes,
    project_key::ProjectKey,
    request::{MemoryOp, Output, TimerId, TimerKind},
};

/// Runs in a file of SQLite, which many processes may use at once.
#[derive(Debug)]
pub struct SqliteStore {
    /// For reading; opened when it is first needed. The next journal takes it over.
    connection: Mutex<Option<Connection>>,
    path: PathBuf,
    /// Read when it is first needed.
    key: OnceLock<ProjectKey>,
    closing: Closing,
}

impl SqliteStore {
    /// The store in a file, which is opened, and created, when it is first needed.
    pub fn at(path: &Path) -> Self {
        Self { connection: Mutex::new(None), path: path.to_owned(), key: OnceLock::new(), closing: Closing::default() }
    }

    /// Opens a file, and creates it if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, is no journal, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            connection: Mutex::new(Some(tables::open_journal_file(path)?)),
            path: path.to_owned(),
            key: OnceLock::new(),
            closing: Closing::default(),
        })
    }

    fn sql<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.connected(|connection| query(connection).map_err(|e| tables::explain_error(&self.path, &e)))
    }

    fn artifacts(&self) -> Result<Artifacts> {
        Ok(Artifacts::beside_journal(&self.path, self.project_key()?))
    }

    fn connected<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *slot {
            Some(connection) => connection,
            None => slot.insert(tables::open_journal_file(&self.path)?),
        };
        work(connection)
    }

    /// Checks the files of the answers that are too long for a row.
    fn verify_artifacts(&self, run: &str, verified: &mut Verification) -> Result<()> {
        let artifacts = self.artifacts()?;
        let named: Vec<(String, String)> = self.sql(|c| {
            c.prepare(
                "SELECT path, artifact FROM effects WHERE artifact IS NOT NULL
                   AND run = (SELECT no FROM runs WHERE id = ?1) ORDER BY no",
            )?
            .query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })?;
        for (path, artifact) in named {
            if let Err(error) = artifacts.read(&artifact) {
                verified.faults.push(format!("the answer of `{path}` is damaged: {error}"));
            }
        }
        Ok(())
    }
}

/// Whoever holds a store until a run's result is shown does not make its user wait for the clean-up of the file.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.closing.wait();
    }
}

impl Store for SqliteStore {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn claim_run(&self, run: &str) -> Result<Claim> {
        Ok(match lock::RunLock::acquire(&self.path, run)? {
            Ok(lock) => Claim::Claimed(Box::new(lock)),
            Err(holder) => Claim::HeldBy(holder),
        })
    }

    fn process_list(&self, run: &str) -> Option<PathBuf> {
        Some(lock::process_list(&self.path, run))
    }

    fn lock_directory(&self) -> Option<PathBuf> {
        Some(lock::lock_directory(&self.path))
    }

    fn open_journal(&self, run: &str) -> Result<Box<dyn Journal>> {
        let key = self.project_key()?;
        // To open a file of SQLite means to read its log and to parse its tables: a run that reads nothing more does
        // it once.
        let opened = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        let connection = opened.map_or_else(|| tables::open_journal_file(&self.path), Ok)?;
        Ok(Box::new(SqliteJournal::start(connection, &self.path, run, key, self.closing.clone())?))
    }

    fn project_key(&self) -> Result<ProjectKey> {
        if let Some(key) = self.key.get() {
            return Ok(key.clone());
        }
        let key = self.connected(|connection| project_key::load_key(&self.path, connection))?;
        Ok(self.key.get_or_init(|| key).clone())
    }

    fn runs(&self) -> Result<Vec<RunRow>> {
        let mut rows = self.sql(|c| {
            let mut statement = c.prepare(&format!("SELECT {RUN} FROM runs ORDER BY id DESC"))?;
            statement.query_map([], run_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for row in &mut rows {
            find_process(&self.path, row);
        }
        Ok(rows)
    }

    fn run(&self, id: &str) -> Result<Option<RunRow>> {
        let mut found = self.sql(|c| {
            let mut statement =
                c.prepare(&format!("SELECT {RUN} FROM runs WHERE substr(id, 1, ?2) = ?1 ORDER BY id"))?;
            let length = i64::try_from(id.chars().count()).unwrap_or(i64::MAX);
            statement.query_map(params![id, length], run_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        if let Some(exact) = found.iter().position(|r| r.id == id) {
            found = vec![found.swap_remove(exact)];
        }
        match found.len() {
            0 => Ok(None),
            1 => {
                let mut row = found.swap_remove(0);
                find_process(&self.path, &mut row);
                Ok(Some(row))
            }
            n => Err(JournalError(format!("{n} runs begin with `{id}`; give more of the id"))),
        }
    }

    fn program(&self, hash: &str) -> Result<Program> {
        let bytes: Option<Vec<u8>> = self.sql(|c| {
            c.query_row("SELECT program FROM programs WHERE hash = ?1", [hash], |row| row.get(0)).optional()
        })?;
        let bytes = bytes.ok_or_else(|| JournalError("the program of the run is not kept".to_owned()))?;
        read_kept_program(&bytes)
    }

    fn verify(&self, run: &str) -> Result<Verification> {
        let key = self.project_key()?;
        let verified = self.sql(|c| {
            let no = c.query_row("SELECT no FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional()?;
            no.map(|no| chain::verify_chain(c, no, &key)).transpose()
        })?;
        let mut verified = verified.ok_or_else(|| JournalError(format!("there is no run `{run}`")))?;
        if !verified.unknown {
            self.verify_artifacts(run, &mut verified)?;
        }
        Ok(verified)
    }

    fn effects(&self, run: &str) -> Result<Vec<EffectRow>> {
        let mut rows = self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT path, attempt, kind, skill, model, status, started, ended, seq, request, answer, error,
                   tokens_in, tokens_out, cost, origin, key, idempotency, parts, artifact FROM effects
                 WHERE run = (SELECT no FROM runs WHERE id = ?1) ORDER BY started, no",
            )?;
            let rows = statement.query_map([run], |row| {
                let artifact: Option<String> = row.get(19)?;
                Ok((effect_row(row)?, artifact))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for (row, artifact) in &mut rows {
            if let Some(hash) = artifact
                && let Ok(artifacts) = self.artifacts()
            {
                row.answer = artifacts.read(hash).ok().and_then(|text| read_json(text.as_bytes()).ok());
            }
        }
        Ok(rows.into_iter().map(|(row, _)| row).collect())
    }

    fn events(&self, run: &str, after: i64) -> Result<Vec<(i64, i64, Json)>> {
        self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT seq, at, event FROM events WHERE run = (SELECT no FROM runs WHERE id = ?1) AND seq > ?2
                 ORDER BY seq",
            )?;
            let rows = statement.query_map(params![run, after], |row| {
                let text: String = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?, read_json(text.as_bytes()).unwrap_or(Json::Null)))
            })?;
            rows.collect()
        })
    }

    fn activity(&self, run: &str, since: &mut Cursor) -> Result<Vec<Activity>> {
        let mut out = Vec::new();
        for (seq, at, event) in self.events(run, since.event)? {
            since.event = seq;
            out.push(Activity::Event { event, at });
        }
        self.sql(|c| {
            let no: Option<i64> =
                c.query_row("SELECT no FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional()?;
            let Some(no) = no else { return Ok(()) };
            let mut statement = c.prepare_cached(
                "SELECT no, path, attempt, skill, started FROM effects WHERE run = ?1 AND no > ?2 AND origin IS NULL
                 ORDER BY no",
            )?;
            let mut rows = statement.query(params![no, since.begun])?;
            while let Some(row) = rows.next()? {
                since.begun = row.get(0)?;
                out.push(Activity::Began {
                    path: row.get(1)?,
                    attempt: row.get(2)?,
                    skill: row.get(3)?,
                    at: row.get(4)?,
                });
            }
            let mut statement = c.prepare_cached(
                "SELECT path, attempt, progress, at, no FROM progress WHERE run = ?1 AND no > ?2 ORDER BY no",
            )?;
            let mut rows = statement.query(params![no, since.progress])?;
            while let Some(row) = rows.next()? {
                since.progress = row.get(4)?;
                let text: String = row.get(2)?;
                let progress = read_json(text.as_bytes()).unwrap_or(Json::Null);
                out.push(Activity::Progress { path: row.get(0)?, attempt: row.get(1)?, progress, at: row.get(3)? });
            }
            let mut statement = c.prepare_cached(
                "SELECT seq, path, attempt, status, ended, error FROM effects
                 WHERE run = ?1 AND seq > ?2 AND ended IS NOT NULL AND origin IS NULL ORDER BY seq",
            )?;
            let mut rows = statement.query(params![no, since.ended])?;
            while let Some(row) = rows.next()? {
                since.ended = row.get(0)?;
                out.push(Activity::Ended {
                    path: row.get(1)?,
                    attempt: row.get(2)?,
                    status: row.get(3)?,
                    message: row.get::<_, Option<String>>(5)?.map(|text| failure_from(&text).message),
                    at: row.get(4)?,
                });
            }
            Ok(())
        })?;
        // In one millisecond, events come first, and what began comes before its end.
        out.sort_by_key(Activity::last_at);
        Ok(out)
    }

    fn questions(&self, run: &str) -> Result<Vec<QuestionRow>> {
        self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT path, key, kind, question, options, asked, answer FROM questions
                 WHERE run = (SELECT no FROM runs WHERE id = ?1) ORDER BY asked, path",
            )?;
            let rows = statement.query_map([run], |row| {
                let options: String = row.get(4)?;
                let answer: Option<String> = row.get(6)?;
                Ok(QuestionRow {
                    path: row.get(0)?,
                    key: row.get(1)?,
                    kind: row.get(2)?,
                    question: row.get(3)?,
                    options: read_json(options.as_bytes()).unwrap_or_default(),
                    asked: row.get(5)?,
                    answer: answer.and_then(|a| read_json(a.as_bytes()).ok()),
                })
            })?;
            rows.collect()
        })
    }

    fn answer_question(&self, run: &str, path: &str, key: &str, answer: &Json) -> Result<bool> {
        self.sql(|c| {
            c.execute(
                "UPDATE questions SET answer = ?4, answered = ?5 WHERE path = ?2 AND key = ?3 AND answer IS NULL
                   AND run = (SELECT no FROM runs WHERE id = ?1)",
                params![run, path, key, answer.to_string(), record::now_ms()],
            )
        })
        .map(|n| n > 0)
    }

    fn answer_of(&self, run: &str, path: &str, key: &str) -> Result<Option<String>> {
        self.sql(|c| {
            c.prepare_cached(
                "SELECT answer FROM questions WHERE path = ?2 AND key = ?3
                   AND run = (SELECT no FROM runs WHERE id = ?1)",
            )?
            .query_row(params![run, path, key], |row| row.get(0))
            .optional()
        })
        .map(Option::flatten)
    }

    fn mark_cancelled(&self, run: &str) -> Result<()> {
        self.sql(|c| {
            c.execute(
                "UPDATE runs SET status = 'cancelled', ended = coalesce(ended, ?2), pid = NULL, until = NULL WHERE id = ?1",
                params![run, record::now_ms()],
            )
        })
        .map(|_| ())
    }

    fn output(&self, answer: Option<&str>, artifact: Option<&str>) -> Result<Output> {
        let text = match (answer, artifact) {
            (Some(text), _) => text.to_owned(),
            (None, Some(hash)) => self.artifacts()?.read(hash)?,
            (None, None) => return Err(JournalError("the journal holds an answer without content".to_owned())),
        };
        if !project_key::is_sealed(&text) {
            return record::output_from(&text);
        }
        let opened = project_key::open_sealed(&self.project_key()?, &text)?;
        record::output_from(opened.as_deref().unwrap_or(&text))
    }

    fn ledger(&self, run: &str) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT path, attempt, key, parts, kind, skill, model, status, seq, started, answer, artifact, error,
                   tokens_in, tokens_out, cost, clock FROM effects
                 WHERE run = (SELECT no FROM runs WHERE id = ?1) ORDER BY no",
            )?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                let path: String = row.get(0)?;
                ledger.clock = ledger.clock.max(row.get::<_, Option<i64>>(16)?.unwrap_or(0));
                let seq = row.get::<_, Option<i64>>(8)?.unwrap_or(0);
                ledger.seq = ledger.seq.max(seq);
                let recorded = recorded_row(row, seq)?;
                ledger.add_effect(path, recorded);
            }
            let mut statement = c.prepare(
                "SELECT path, attempt, kind, began, seq FROM timers WHERE run = (SELECT no FROM runs WHERE id = ?1)",
            )?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                let kind: String = row.get(2)?;
                let Some(kind) = TimerKind::of_name(&kind) else { continue };
                let timer = TimerId { path: row.get(0)?, attempt: row.get(1)?, kind };
                let fired: Option<i64> = row.get(4)?;
                ledger.seq = ledger.seq.max(fired.unwrap_or(0));
                ledger.timers.insert(timer, RecordedTimer { began: row.get(3)?, fired });
            }
            let mut statement =
                c.prepare("SELECT event FROM events WHERE run = (SELECT no FROM runs WHERE id = ?1)")?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                *ledger.reported_events.entry(row.get(0)?).or_insert(0) += 1;
            }
            ledger.changes = memory::changes_of(c, run)?;
            let clock: Option<i64> =
                c.query_row("SELECT clock FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional()?;
            ledger.clock = ledger.clock.max(clock.unwrap_or(0));
            let mut statement =
                c.prepare("SELECT status, stage, attempts FROM ends WHERE run = (SELECT no FROM runs WHERE id = ?1)")?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                match (row.get::<_, String>(0)?.as_str(), row.get(1)?, row.get(2)?) {
                    ("cancelled", ..) => ledger.cancelled += 1,
                    (_, Some(stage), Some(attempts)) => {
                        ledger.failed.insert((stage, attempts));
                    }
                    _ => {}
                }
            }
            ledger.newest_question = c
                .query_row(
                    "SELECT key FROM questions WHERE run = (SELECT no FROM runs WHERE id = ?1) ORDER BY asked DESC LIMIT 1",
                    [run],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(())
        })?;
        Ok(ledger)
    }

    fn memory_of(&self, run: &str) -> Result<Json> {
        let text: Option<String> =
            self.sql(|c| c.query_row("SELECT memory FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional())?;
        Ok(text.and_then(|t| read_json(t.as_bytes()).ok()).unwrap_or(Json::Null))
    }

    fn cached(&self, key: &str) -> Result<Option<CachedAnswer>> {
        self.sql(|c| {
            c.prepare_cached("SELECT key, parts, skill, run, answer, artifact, at FROM cache WHERE key = ?1")?
                .query_row([key], cached_row)
                .optional()
        })
    }

    fn cached_of_skill(&self, skill: &str) -> Result<Option<CachedAnswer>> {
        self.sql(|c| {
            c.prepare_cached(
                "SELECT key, parts, skill, run, answer, artifact, at FROM cache WHERE skill = ?1
                 ORDER BY at DESC LIMIT 1",
            )?
            .query_row([skill], cached_row)
            .optional()
        })
    }

    fn model_outcomes(&self) -> Result<KnownOutcomes> {
        self.sql(outcomes::of_tables)
    }

    fn memory(&self) -> Result<Vec<MemoryValue>> {
        self.sql(memory::all_values)
    }

    fn memory_history(&self, memory: &str, key: &str) -> Result<Vec<MemoryChange>> {
        self.sql(|c| memory::value_history(c, memory, key))
    }

    fn set_memory(&self, memory: &str, key: &str, value: Json) -> Result<()> {
        let op = MemoryOp::by_person(memory, key, value);
        self.sql(|c| memory::record_change(c, None, &op, record::now_ms()))?
    }

    fn forget_memory(&self, memory: &str, key: &str) -> Result<bool> {
        self.sql(|c| memory::forget_value(c, memory, key, record::now_ms()))
    }

    fn collect(&self, before: i64, all: bool) -> Result<Collected> {
        let mut collected = Collected::default();
        for run in self.runs()? {
            let over = run.status == "done" || all;
            if run.pid.is_some() || !over || run.ended.unwrap_or(run.started) >= before {
                continue;
            }
            self.sql(|c| {
                let transaction = c.unchecked_transaction()?;
                let no: i64 = transaction.query_row("SELECT no FROM runs WHERE id = ?1", [&run.id], |r| r.get(0))?;
                for table in ["effects", "timers", "questions", "events", "ends", "progress", "chain"] {
                    transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [no])?;
                }
                transaction.execute("DELETE FROM runs WHERE no = ?1", [no])?;
                transaction.commit()
            })?;
            collected.runs += 1;
        }
        collected.changes = self.sql(|c| {
            let transaction = c.unchecked_transaction()?;
            let removed = memory::compact_changes(&transaction, before)?;
            transaction.commit()?;
            Ok(removed)
        })?;
        collected.cached = self.sql(|c| c.execute("DELETE FROM cache WHERE at < ?1", [before]))?;
        self.sql(|c| c.execute("DELETE FROM programs WHERE hash NOT IN (SELECT program FROM runs)", []))?;
        // Files first appear, then rows that name them: a file of a living run may have no row yet.
        if self.runs()?.iter().all(|r| r.pid.is_none()) {
            let artifacts = self.artifacts()?;
            for hash in artifacts.all_names() {
                let used = self.sql(|c| {
                    c.query_row(
                        "SELECT EXISTS (SELECT 1 FROM effects WHERE artifact = ?1)
                           OR EXISTS (SELECT 1 FROM cache WHERE artifact = ?1)",
                        [&hash],
                        |row| row.get::<_, bool>(0),
                    )
                })?;
                if !used && std::fs::remove_file(artifacts.file(&hash)).is_ok() {
                    collected.artifacts += 1;
                }
            }
        }
        if collected.runs > 0 {
            self.sql(|c| c.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);"))?;
        }
        Ok(collected)
    }
}
