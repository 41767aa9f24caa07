//! Reading the record, and what people change in it: answers, memory, old runs.

use std::path::{Path, PathBuf};

use cascade_ir::Program;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    CachedAnswer, JournalError, Ledger, MemoryChange, MemoryValue, Recorded, Result,
    artifacts::Artifacts,
    ledger::{RecordedTimer, Status},
    lock, memory, record, tables,
};
use crate::{
    failure::Failure,
    request::{KeyParts, MemoryOp, Output, TimerId, TimerKind, Usage},
};

/// A journal's file, open for reading.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

/// A run as it is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// SHA-256 of the compiled program.
    pub program: String,
    /// The file that was compiled.
    pub file: String,
    /// The directory in which it ran.
    pub cwd: String,
    /// The cascade.
    pub cascade: String,
    /// Its inputs; secrets are not kept.
    pub inputs: Json,
    /// The run whose answers it began with.
    pub fork: Option<String>,
    /// `running`, `done`, `failed`, `cancelled`, `paused`, or `dead`: its process ended without
    /// a word, and it can be resumed.
    pub status: String,
    /// The process that runs it now.
    pub pid: Option<u32>,
    /// Milliseconds since 1970.
    pub started: i64,
    /// Milliseconds since 1970.
    pub ended: Option<i64>,
    /// Its result.
    pub result: Option<Json>,
    /// Its failure.
    pub error: Option<Failure>,
    /// Tokens of all its effects.
    pub tokens: i64,
    /// Millionths of a US dollar.
    pub cost: i64,
    /// When a paused run can go on, in milliseconds since 1970, if that is known.
    pub until: Option<i64>,
    /// How long it has lived, in milliseconds.
    pub clock: i64,
}

/// An effect as it is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct EffectRow {
    /// The stage's path.
    pub path: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// `run`, `http`, `prompt`, `person`.
    pub kind: String,
    /// The skill.
    pub skill: String,
    /// The model.
    pub model: Option<String>,
    /// `running`, `done`, `failed`, `withdrawn`, `interrupted`.
    pub status: String,
    /// Milliseconds since 1970.
    pub started: i64,
    /// Milliseconds since 1970.
    pub ended: Option<i64>,
    /// Its place in the order of the run's answers.
    pub seq: Option<i64>,
    /// What was asked, without secrets.
    pub request: Json,
    /// What was answered.
    pub answer: Option<Json>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// Tokens read.
    pub tokens_in: i64,
    /// Tokens written.
    pub tokens_out: i64,
    /// Millionths of a US dollar.
    pub cost: Option<i64>,
    /// The run that really asked, when this one took over its answer.
    pub origin: Option<String>,
    /// SHA-256 of everything that the answer depends on.
    pub key: String,
    /// What services and programs were given to recognise a repetition.
    pub idempotency: String,
}

/// A question to a person.
#[derive(Debug, Clone, Serialize)]
pub struct QuestionRow {
    /// The stage's path.
    pub path: String,
    /// Hash of the question.
    pub key: String,
    /// `approve`, `ask`, `choose`, `escalate`, `unknown`.
    pub kind: String,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// When it was asked, in milliseconds since 1970.
    pub asked: i64,
    /// The answer.
    pub answer: Option<Json>,
}

/// What a clean-up removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Runs.
    pub runs: usize,
    /// Files of large answers.
    pub artifacts: usize,
    /// Cached answers.
    pub cached: usize,
}

impl Store {
    /// Opens a journal.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, is no journal, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { connection: tables::open(path)?, path: path.to_owned() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.connection).map_err(|e| tables::explain(&self.path, &e))
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRow>> {
        let mut rows = self.sql(|c| {
            let mut statement = c.prepare(&format!("SELECT {RUN} FROM runs ORDER BY id DESC"))?;
            statement.query_map([], run_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for row in &mut rows {
            self.look_alive(row);
        }
        Ok(rows)
    }

    /// The run with this id, or the only one whose id begins so; `None` when there is none.
    ///
    /// # Errors
    /// When several begin so, or the journal cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRow>> {
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
                self.look_alive(&mut row);
                Ok(Some(row))
            }
            n => Err(JournalError(format!("{n} runs begin with `{id}`; give more of the id"))),
        }
    }

    /// A run that says that it runs does so only while its process holds its lock.
    fn look_alive(&self, row: &mut RunRow) {
        if row.status == "running" {
            row.pid = lock::living(&self.path, &row.id);
            if row.pid.is_none() {
                row.status = "dead".to_owned();
            }
        } else {
            row.pid = None;
        }
    }

    /// The process that runs a run now.
    pub fn living(&self, run: &str) -> Option<u32> {
        lock::living(&self.path, run)
    }

    /// The program that a run was begun or last resumed with.
    ///
    /// # Errors
    /// When it is not there or was compiled by another version.
    pub fn program(&self, hash: &str) -> Result<Program> {
        let bytes: Option<Vec<u8>> = self.sql(|c| {
            c.query_row("SELECT program FROM programs WHERE hash = ?1", [hash], |row| row.get(0)).optional()
        })?;
        let bytes = bytes.ok_or_else(|| JournalError("the program of the run is not kept".to_owned()))?;
        let program: Program = serde_json::from_slice(&bytes)
            .map_err(|_| JournalError("the run was made by another version of Cascade".to_owned()))?;
        if program.format != cascade_ir::FORMAT {
            return Err(JournalError("the run was made by another version of Cascade".to_owned()));
        }
        Ok(program)
    }

    /// The effects of a run, in the order in which they began.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn effects(&self, run: &str) -> Result<Vec<EffectRow>> {
        let artifacts = Artifacts::beside(&self.path);
        let mut rows = self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT path, attempt, kind, skill, model, status, started, ended, seq, request, answer, error,
                   tokens_in, tokens_out, cost, origin, key, idempotency, artifact FROM effects
                 WHERE run = (SELECT no FROM runs WHERE id = ?1) ORDER BY started, no",
            )?;
            let rows = statement.query_map([run], |row| {
                let artifact: Option<String> = row.get(18)?;
                Ok((effect_row(row)?, artifact))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for (row, artifact) in &mut rows {
            if let Some(hash) = artifact {
                row.answer = artifacts.read(hash).ok().and_then(|text| serde_json::from_str(&text).ok());
            }
        }
        Ok(rows.into_iter().map(|(row, _)| row).collect())
    }

    /// Events of a run after a number, with their numbers and times.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn events(&self, run: &str, after: i64) -> Result<Vec<(i64, i64, Json)>> {
        self.sql(|c| {
            let mut statement = c.prepare(
                "SELECT seq, at, event FROM events WHERE run = (SELECT no FROM runs WHERE id = ?1) AND seq > ?2
                 ORDER BY seq",
            )?;
            let rows = statement.query_map(params![run, after], |row| {
                let text: String = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&text).unwrap_or(Json::Null)))
            })?;
            rows.collect()
        })
    }

    /// The questions of a run, answered or not, the oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn questions(&self, run: &str) -> Result<Vec<QuestionRow>> {
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
                    options: serde_json::from_str(&options).unwrap_or_default(),
                    asked: row.get(5)?,
                    answer: answer.and_then(|a| serde_json::from_str(&a).ok()),
                })
            })?;
            rows.collect()
        })
    }

    /// Answers a question; a run that waits for it, or is resumed, takes it. `false` when it was
    /// answered before.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn answer(&self, run: &str, path: &str, key: &str, answer: &Json) -> Result<bool> {
        self.sql(|c| {
            c.execute(
                "UPDATE questions SET answer = ?4, answered = ?5 WHERE path = ?2 AND key = ?3 AND answer IS NULL
                   AND run = (SELECT no FROM runs WHERE id = ?1)",
                params![run, path, key, answer.to_string(), record::now()],
            )
        })
        .map(|n| n > 0)
    }

    pub(super) fn answer_of(&self, run: &str, path: &str, key: &str) -> Result<Option<String>> {
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

    /// Marks a run that nobody runs as cancelled.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn mark_cancelled(&self, run: &str) -> Result<()> {
        self.sql(|c| {
            c.execute(
                "UPDATE runs SET status = 'cancelled', ended = coalesce(ended, ?2), pid = NULL, until = NULL WHERE id = ?1",
                params![run, record::now()],
            )
        })
        .map(|_| ())
    }

    /// An output that was kept.
    pub(crate) fn output(&self, answer: Option<&str>, artifact: Option<&str>) -> Result<Output> {
        match (answer, artifact) {
            (Some(text), _) => record::output_from(text),
            (None, Some(hash)) => record::output_from(&Artifacts::beside(&self.path).read(hash)?),
            (None, None) => Err(JournalError("the journal holds an answer without content".to_owned())),
        }
    }

    /// All that is recorded of a run, for taking it up again.
    pub(crate) fn ledger(&self, run: &str) -> Result<Ledger> {
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
                // The run is not being cancelled now; if it is again, its hooks run again.
                if path.contains("/on_cancel/") {
                    continue;
                }
                let recorded = recorded(row, seq)?;
                ledger.effects.entry(path).or_default().push(recorded);
            }
            let mut statement = c.prepare(
                "SELECT path, attempt, kind, began, seq FROM timers WHERE run = (SELECT no FROM runs WHERE id = ?1)",
            )?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                let kind: String = row.get(2)?;
                let kinds = [TimerKind::Deadline, TimerKind::Wall, TimerKind::Idle, TimerKind::Budget];
                let Some(kind) = kinds.into_iter().find(|k| k.name() == kind) else { continue };
                let timer = TimerId { path: row.get(0)?, attempt: row.get(1)?, kind };
                let fired: Option<i64> = row.get(4)?;
                ledger.seq = ledger.seq.max(fired.unwrap_or(0));
                ledger.timers.insert(timer, RecordedTimer { began: row.get(3)?, fired });
            }
            let mut statement =
                c.prepare("SELECT event FROM events WHERE run = (SELECT no FROM runs WHERE id = ?1)")?;
            let mut rows = statement.query([run])?;
            while let Some(row) = rows.next()? {
                *ledger.told.entry(row.get(0)?).or_insert(0) += 1;
            }
            let ended: Option<(String, Option<String>, i64)> = c
                .query_row("SELECT status, error, clock FROM runs WHERE id = ?1", [run], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            if let Some((status, error, clock)) = ended {
                ledger.clock = ledger.clock.max(clock);
                let failure = error.and_then(|e| serde_json::from_str::<Failure>(&e).ok());
                if let Some(failure) = failure.filter(|_| status == "failed") {
                    ledger.again.insert(failure.stage, failure.attempts);
                }
            }
            Ok(())
        })?;
        Ok(ledger)
    }

    /// Contents of the memories that outlive runs, as the run saw them when it began.
    pub(crate) fn memory_of(&self, run: &str) -> Result<Json> {
        let text: Option<String> =
            self.sql(|c| c.query_row("SELECT memory FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional())?;
        Ok(text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or(Json::Null))
    }

    pub(super) fn cached(&self, key: &str) -> Result<Option<CachedAnswer>> {
        self.sql(|c| {
            c.prepare_cached("SELECT key, parts, skill, run, answer, artifact, at FROM cache WHERE key = ?1")?
                .query_row([key], cached_row)
                .optional()
        })
    }

    pub(super) fn cached_of_skill(&self, skill: &str) -> Result<Option<CachedAnswer>> {
        self.sql(|c| {
            c.prepare_cached(
                "SELECT key, parts, skill, run, answer, artifact, at FROM cache WHERE skill = ?1
                 ORDER BY at DESC LIMIT 1",
            )?
            .query_row([skill], cached_row)
            .optional()
        })
    }

    /// Every key of the memories that outlive runs.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn memory(&self) -> Result<Vec<MemoryValue>> {
        self.sql(memory::all)
    }

    /// How a key came to its value, the oldest change first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn memory_history(&self, memory: &str, key: &str) -> Result<Vec<MemoryChange>> {
        self.sql(|c| memory::history(c, memory, key))
    }

    /// Gives a key a value, as a person.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn set_memory(&self, memory: &str, key: &str, value: Json) -> Result<()> {
        let op = MemoryOp {
            id: String::new(),
            path: String::new(),
            memory: memory.to_owned(),
            key: key.to_owned(),
            append: false,
            initial: Json::Null,
            value,
        };
        self.sql(|c| memory::change(c, None, &op, record::now()))?
    }

    /// Removes a key: the next run begins with the first value that its program declares.
    /// `false` when there was none.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn forget_memory(&self, memory: &str, key: &str) -> Result<bool> {
        self.sql(|c| memory::forget(c, memory, key, record::now()))
    }

    /// Removes runs that ended before a time, cached answers from before it, and the files that
    /// nothing names any more. Runs that live, wait or can be resumed stay unless `all`.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn collect(&self, before: i64, all: bool) -> Result<Collected> {
        let mut collected = Collected::default();
        for run in self.runs()? {
            let over = run.status == "done" || all;
            if run.pid.is_some() || !over || run.ended.unwrap_or(run.started) >= before {
                continue;
            }
            self.sql(|c| {
                let transaction = c.unchecked_transaction()?;
                let no: i64 = transaction.query_row("SELECT no FROM runs WHERE id = ?1", [&run.id], |r| r.get(0))?;
                for table in ["effects", "timers", "questions", "events"] {
                    transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [no])?;
                }
                transaction.execute("DELETE FROM runs WHERE no = ?1", [no])?;
                transaction.commit()
            })?;
            collected.runs += 1;
        }
        collected.cached = self.sql(|c| c.execute("DELETE FROM cache WHERE at < ?1", [before]))?;
        self.sql(|c| c.execute("DELETE FROM programs WHERE hash NOT IN (SELECT program FROM runs)", []))?;
        // Files first appear, then rows that name them: a file of a living run may have no row yet.
        if self.runs()?.iter().all(|r| r.pid.is_none()) {
            let artifacts = Artifacts::beside(&self.path);
            for hash in artifacts.all() {
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

const RUN: &str = "id, program, file, cwd, cascade, inputs, fork, status, pid, started, ended, result, error, tokens, \
                   cost, until, clock";

fn json(text: Option<String>) -> Option<Json> {
    text.and_then(|t| serde_json::from_str(&t).ok())
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let error: Option<String> = row.get(12)?;
    Ok(RunRow {
        id: row.get(0)?,
        program: row.get(1)?,
        file: row.get(2)?,
        cwd: row.get(3)?,
        cascade: row.get(4)?,
        inputs: json(row.get(5)?).unwrap_or(Json::Null),
        fork: row.get(6)?,
        status: row.get(7)?,
        pid: row.get(8)?,
        started: row.get(9)?,
        ended: row.get(10)?,
        result: json(row.get(11)?),
        error: error.and_then(|e| serde_json::from_str(&e).ok()),
        tokens: row.get(13)?,
        cost: row.get(14)?,
        until: row.get(15)?,
        clock: row.get(16)?,
    })
}

fn effect_row(row: &Row<'_>) -> rusqlite::Result<EffectRow> {
    let error: Option<String> = row.get(11)?;
    Ok(EffectRow {
        path: row.get(0)?,
        attempt: row.get(1)?,
        kind: row.get(2)?,
        skill: row.get(3)?,
        model: row.get(4)?,
        status: row.get(5)?,
        started: row.get(6)?,
        ended: row.get(7)?,
        seq: row.get(8)?,
        request: json(row.get(9)?).unwrap_or(Json::Null),
        answer: json(row.get(10)?),
        error: error.and_then(|e| serde_json::from_str(&e).ok()),
        tokens_in: row.get(12)?,
        tokens_out: row.get(13)?,
        cost: row.get(14)?,
        origin: row.get(15)?,
        key: row.get(16)?,
        idempotency: row.get(17)?,
    })
}

fn recorded(row: &Row<'_>, seq: i64) -> rusqlite::Result<Recorded> {
    let status: String = row.get(7)?;
    let parts: Option<Vec<u8>> = row.get(3)?;
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Recorded {
        attempt: row.get(1)?,
        key: row.get(2)?,
        parts: parts.and_then(|p| KeyParts::from_bytes(&p)),
        kind: row.get(4)?,
        skill: row.get(5)?,
        status: match status.as_str() {
            "done" => Status::Done,
            "failed" => Status::Failed,
            "withdrawn" => Status::Withdrawn,
            _ => Status::Open,
        },
        seq,
        started: row.get(9)?,
        answer: row.get(10)?,
        artifact: row.get(11)?,
        error: row.get(12)?,
        usage: Usage {
            tokens_in: number(row.get(13)?),
            tokens_out: number(row.get(14)?),
            cost: row.get::<_, Option<i64>>(15)?,
        },
    })
}

fn cached_row(row: &Row<'_>) -> rusqlite::Result<CachedAnswer> {
    Ok(CachedAnswer {
        key: row.get(0)?,
        parts: row.get(1)?,
        skill: row.get(2)?,
        run: row.get(3)?,
        answer: row.get(4)?,
        artifact: row.get(5)?,
        at: row.get(6)?,
    })
}
