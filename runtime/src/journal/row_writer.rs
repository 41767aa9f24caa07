//! Writes records as rows: one row for each effect, and the digests of what was written.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use rusqlite::{CachedStatement, Connection, params, types::ValueRef};

use super::{
    EffectEnd, EffectStart, Record, Result, RunEnd, RunStart,
    artifacts::Artifacts,
    chain::{BEGINNING_COLUMNS, Chain, ENDING_COLUMNS, Kind, RowDigest},
    memory, project_key, tables,
};
use crate::{
    project_key::ProjectKey,
    request::{RequestId, RequestMap},
};

/// Answers longer than this go to a file of their own, in bytes.
const LARGE: usize = 64 * 1024;

const INSERT_EFFECT: &str =
    "INSERT INTO effects (run, path, attempt, key, parts, kind, skill, model, once, started, request,
       idempotency, ended, seq, status, answer, artifact, error, tokens_in, tokens_out, cost, clock)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
const END_EFFECT: &str = "UPDATE effects SET ended = ?2, seq = ?3, status = ?4, answer = ?5, artifact = ?6, error = ?7,
       tokens_in = ?8, tokens_out = ?9, cost = ?10, clock = ?11 WHERE no = ?1";

/// An effect that has begun.
struct OpenEffect {
    row: i64,
    /// The digest of what is known of it.
    digest: RowDigest,
}

/// The statements for effects. Thousands of effects may be in one commit: each statement is looked up once in it, when it
/// is first needed.
struct Statements<'c> {
    connection: &'c Connection,
    insert: Option<CachedStatement<'c>>,
    update: Option<CachedStatement<'c>>,
}

impl<'c> Statements<'c> {
    fn insert(&mut self) -> rusqlite::Result<&mut CachedStatement<'c>> {
        Ok(match &mut self.insert {
            Some(known) => known,
            slot => slot.insert(self.connection.prepare_cached(INSERT_EFFECT)?),
        })
    }

    fn update(&mut self) -> rusqlite::Result<&mut CachedStatement<'c>> {
        Ok(match &mut self.update {
            Some(known) => known,
            slot => slot.insert(self.connection.prepare_cached(END_EFFECT)?),
        })
    }
}

/// Writes the rows of one run.
pub(super) struct RowWriter {
    run: String,
    /// The run's number in the file.
    no: i64,
    artifacts: Artifacts,
    key: ProjectKey,
    path: PathBuf,
    events: i64,
    /// The number of the last row of progress.
    progress: i64,
    /// Tokens and millionths of a US dollar of all effects of the run.
    used: (i64, i64),
    /// The hashes of what was written.
    chain: Chain,
    /// Effects that have begun, by token.
    open: RequestMap<OpenEffect>,
}

impl RowWriter {
    /// Writes nothing yet: the run is known by its first record.
    pub(super) fn new(run: &str, artifacts: Artifacts, key: ProjectKey, path: &Path) -> Self {
        Self {
            run: run.to_owned(),
            no: 0,
            artifacts,
            key,
            path: path.to_owned(),
            events: 0,
            progress: 0,
            used: (0, 0),
            chain: Chain::default(),
            open: RequestMap::default(),
        }
    }

    /// Writes the records of one commit and their hash, within the transaction that is open.
    ///
    /// # Errors
    /// When the file cannot be written; then the transaction has to be rolled back.
    pub(super) fn write_all<'r>(&mut self, c: &Connection, records: impl Iterator<Item = &'r Record>) -> Result<()> {
        // An effect that begins and ends within one commit is one row, written once.
        let mut begun: Vec<RequestId> = Vec::new();
        let mut waiting: RequestMap<&EffectStart> = RequestMap::default();
        let mut statements = Statements { connection: c, insert: None, update: None };
        for record in records {
            match record {
                Record::Started(start) => {
                    begun.push(RequestId(start.token));
                    waiting.insert(RequestId(start.token), start);
                }
                Record::Ended(end) => match waiting.remove(&RequestId(end.token)) {
                    Some(start) => {
                        self.insert(&mut statements, start, Some(end))?;
                    }
                    None => self.write_end(&mut statements, end)?,
                },
                other => self.write(c, other)?,
            }
        }
        for token in begun {
            if let Some(start) = waiting.remove(&token) {
                let effect = self.insert(&mut statements, start, None)?;
                self.open.insert(token, effect);
            }
        }
        let Self { chain, no, key, path, .. } = self;
        chain.commit(c, *no, key).map_err(|e| tables::explain_error(path, &e))
    }

    /// Forgets what was written since the last commit.
    pub(super) fn roll_back(&mut self) {
        self.chain.roll_back();
    }

    fn sql<T>(&self, c: &Connection, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.explain(f(c))
    }

    fn explain<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|e| tables::explain_error(&self.path, &e))
    }

    /// The answer in its row, or the hash of the file that holds it.
    fn keep_answer<'e>(&self, answer: Option<&'e str>) -> Result<(Option<&'e str>, Option<String>)> {
        Ok(match answer {
            Some(text) if text.len() > LARGE => (None, Some(self.artifacts.keep_text(text)?)),
            other => (other, None),
        })
    }

    /// The answer of an effect; sealed, if there is a secret in it.
    fn answer<'e>(&self, end: &'e EffectEnd) -> Result<Option<Cow<'e, str>>> {
        Ok(match &end.answer {
            Some(text) if end.secret => Some(Cow::Owned(project_key::seal_text(&self.key, text)?)),
            other => other.as_deref().map(Cow::Borrowed),
        })
    }

    fn insert(
        &mut self,
        statements: &mut Statements<'_>,
        start: &EffectStart,
        end: Option<&EffectEnd>,
    ) -> Result<OpenEffect> {
        let info = &start.info;
        let answer = end.map(|end| self.answer(end)).transpose()?.flatten();
        let (answer, artifact) = self.keep_answer(answer.as_deref())?;
        let usage = end.map(|e| e.usage).unwrap_or_default();
        let parts = info.parts.to_bytes();
        let insert = self.explain(statements.insert())?;
        let written = insert.execute(params![
            self.no,
            info.path,
            info.attempt,
            info.key,
            parts,
            start.kind,
            info.skill.as_str(),
            start.model,
            info.once,
            start.at,
            start.request,
            info.idempotency,
            end.map(|e| e.at),
            end.map(|e| e.seq),
            end.map_or("running", |e| e.status),
            answer,
            artifact,
            end.and_then(|e| e.error.as_deref()),
            token_count(usage.tokens_in),
            token_count(usage.tokens_out),
            usage.cost,
            end.map(|e| e.clock),
        ]);
        self.explain(written)?;
        let row = statements.connection.last_insert_rowid();
        if let Some(end) = end {
            self.count_usage(end);
        }
        // In the order of the columns that the chain covers.
        let columns: [ValueRef<'_>; BEGINNING_COLUMNS] = [
            ValueRef::Integer(row),
            text_ref(&info.path),
            ValueRef::Integer(i64::from(info.attempt)),
            text_ref(&info.key),
            ValueRef::Blob(&parts),
            text_ref(start.kind),
            text_ref(&info.skill),
            optional_ref(start.model.as_deref()),
            ValueRef::Integer(i64::from(info.once)),
            ValueRef::Integer(start.at),
            text_ref(&start.request),
            text_ref(&info.idempotency),
            ValueRef::Null,
        ];
        let mut digest = RowDigest::new();
        digest.add(columns.into_iter());
        self.chain.touch_with(Kind::Effect, row, &digest, &ending_columns(end, answer, artifact.as_deref()));
        Ok(OpenEffect { row, digest })
    }

    fn write_end(&mut self, statements: &mut Statements<'_>, end: &EffectEnd) -> Result<()> {
        let Some(OpenEffect { row, digest }) = self.open.remove(&RequestId(end.token)) else { return Ok(()) };
        let answer = self.answer(end)?;
        let (answer, artifact) = self.keep_answer(answer.as_deref())?;
        let update = self.explain(statements.update())?;
        let written = update.execute(params![
            row,
            end.at,
            end.seq,
            end.status,
            answer,
            artifact,
            end.error,
            token_count(end.usage.tokens_in),
            token_count(end.usage.tokens_out),
            end.usage.cost,
            end.clock,
        ]);
        self.explain(written)?;
        self.count_usage(end);
        self.chain.touch_with(Kind::Effect, row, &digest, &ending_columns(Some(end), answer, artifact.as_deref()));
        Ok(())
    }

    fn count_usage(&mut self, end: &EffectEnd) {
        self.used.0 = self
            .used
            .0
            .saturating_add(token_count(end.usage.tokens_in))
            .saturating_add(token_count(end.usage.tokens_out));
        self.used.1 = self.used.1.saturating_add(end.usage.cost.unwrap_or(0));
    }

    fn write(&mut self, c: &Connection, record: &Record) -> Result<()> {
        match record {
            Record::RunStarted(start) => self.run_started(c, start)?,
            Record::RunEnded(end) => self.run_ended(c, end)?,
            Record::Started(_) | Record::Ended(_) => {}
            Record::Overtaken { seq } => {
                let rows = self.sql(c, |c| {
                    c.prepare_cached(
                        "UPDATE effects SET status = 'withdrawn' WHERE run = ?1 AND seq = ?2 RETURNING no",
                    )?
                    .query_map(params![self.no, seq], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<i64>>>()
                })?;
                rows.into_iter().for_each(|row| self.chain.mark_changed(Kind::Effect, row));
            }
            Record::Timer(mark) => {
                let timer = &mark.timer;
                self.sql(c, |c| {
                    c.prepare_cached(
                        "INSERT INTO timers (run, path, attempt, kind, began, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                         ON CONFLICT DO UPDATE SET seq = excluded.seq",
                    )?
                    .execute(params![
                        self.no,
                        timer.path,
                        timer.attempt,
                        timer.kind.name(),
                        mark.clock,
                        mark.seq
                    ])
                })?;
            }
            Record::Event(event, at) => {
                self.events += 1;
                self.sql(c, |c| {
                    c.prepare_cached("INSERT INTO events (run, seq, at, event) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![self.no, self.events, at, event])
                })?;
                self.chain.mark_changed(Kind::Event, self.events);
            }
            Record::Progress(mark) => {
                // Grows with every row, also across the processes that run one run.
                self.progress = (self.progress + 1).max(mark.at);
                self.sql(c, |c| {
                    c.prepare_cached(
                        "INSERT OR REPLACE INTO progress (run, path, attempt, progress, at, no)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        self.no,
                        mark.path,
                        mark.attempt,
                        mark.progress,
                        mark.at,
                        self.progress
                    ])
                })?;
            }
            Record::Asked(q) => {
                let options = serde_json::to_string(&q.options).unwrap_or_default();
                self.sql(c, |c| {
                    c.prepare_cached(
                        "INSERT OR IGNORE INTO questions (run, path, key, kind, question, options, asked)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![self.no, q.path, q.key, q.kind, q.question, options, q.at])
                })?;
            }
            Record::Unasked { path, key } => {
                self.sql(c, |c| {
                    c.prepare_cached(
                        "DELETE FROM questions WHERE run = ?1 AND path = ?2 AND key = ?3 AND answer IS NULL",
                    )?
                    .execute(params![self.no, path, key])
                })?;
            }
            Record::Remember(change) => {
                let by = Some((self.run.as_str(), change.id.as_str()));
                self.sql(c, |c| memory::record_change(c, by, &change.op, change.at)).and_then(|applied| applied)?;
            }
            Record::Cache(cached) => {
                let (answer, artifact) = self.keep_answer(cached.answer.as_deref())?;
                self.sql(c, |c| {
                    c.prepare_cached(
                        "INSERT OR REPLACE INTO cache (key, skill, parts, run, answer, artifact, at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        cached.key,
                        cached.skill,
                        cached.parts,
                        cached.run,
                        answer,
                        artifact,
                        cached.at
                    ])
                })?;
            }
        }
        Ok(())
    }

    fn run_started(&mut self, c: &Connection, start: &RunStart) -> Result<()> {
        self.run.clone_from(&start.run);
        self.sql(c, |c| {
            c.prepare_cached("INSERT OR IGNORE INTO programs (hash, program) VALUES (?1, ?2)")?
                .execute(params![start.hash, start.program])
        })?;
        if start.resumed {
            self.sql(c, |c| {
                c.prepare_cached(
                    "UPDATE runs SET program = ?2, status = 'running', ended = NULL, result = NULL, error = NULL,
                       until = NULL, pid = ?3 WHERE id = ?1",
                )?
                .execute(params![start.run, start.hash, std::process::id()])
            })?;
        } else {
            self.sql(c, |c| {
                c.prepare_cached(
                    "INSERT INTO runs (id, program, file, cwd, cascade, inputs, memory, fork, status, started, pid)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'running', ?9, ?10)",
                )?
                .execute(params![
                    start.run,
                    start.hash,
                    start.file,
                    start.cwd,
                    start.cascade,
                    start.inputs.to_string(),
                    start.memory.to_string(),
                    start.fork,
                    start.at,
                    std::process::id()
                ])
            })?;
        }
        let run = start.run.clone();
        self.no = self
            .sql(c, |c| c.prepare_cached("SELECT no FROM runs WHERE id = ?1")?.query_row([&run], |row| row.get(0)))?;
        if let Some(fork) = start.fork.as_ref().filter(|_| !start.resumed) {
            self.sql(c, |c| copy_answers(c, self.no, fork))?;
        }
        self.chain = self.sql(c, |c| Chain::open(c, self.no))?;
        self.chain.mark_changed(Kind::Run, 0);
        if start.resumed {
            self.events = self.sql(c, |c| {
                c.query_row("SELECT coalesce(max(seq), 0) FROM events WHERE run = ?1", [self.no], |row| row.get(0))
            })?;
            self.used = self.sql(c, |c| {
                c.query_row(
                    "SELECT coalesce(sum(tokens_in + tokens_out), 0), coalesce(sum(cost), 0) FROM effects WHERE run = ?1",
                    [self.no],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
            })?;
        }
        Ok(())
    }

    fn run_ended(&mut self, c: &Connection, end: &RunEnd) -> Result<()> {
        let (run, used) = (self.run.clone(), self.used);
        self.sql(c, |c| {
            c.prepare_cached(
                "UPDATE runs SET status = ?2, ended = ?3, result = ?4, error = ?5, until = ?6, clock = ?7, pid = NULL,
                   tokens = ?8, cost = ?9 WHERE id = ?1",
            )?
            .execute(params![
                run,
                end.status,
                end.at,
                end.result.as_ref().map(ToString::to_string),
                end.error.as_ref().map(ToString::to_string),
                end.until,
                end.clock,
                // What an edit made useless was paid for all the same.
                used.0,
                used.1
            ])
        })?;
        self.chain.mark_changed(Kind::Run, 0);
        if matches!(end.status, "failed" | "cancelled") {
            let stage = end.failed_at.as_ref();
            let row = self.sql(c, |c| {
                c.prepare_cached("INSERT INTO ends (run, status, stage, attempts) VALUES (?1, ?2, ?3, ?4)")?.execute(
                    params![self.no, end.status, stage.map(|(path, _)| path), stage.map(|(_, attempts)| attempts)],
                )?;
                Ok(c.last_insert_rowid())
            })?;
            self.chain.mark_changed(Kind::End, row);
        }
        Ok(())
    }
}

/// Copies the answers of another run to the beginning of this one, without their usage.
fn copy_answers(connection: &Connection, run: i64, from: &str) -> rusqlite::Result<usize> {
    connection.execute(
        "INSERT INTO ends (run, status, stage, attempts) SELECT ?1, status, stage, attempts FROM ends
         WHERE run = (SELECT no FROM runs WHERE id = ?2)",
        params![run, from],
    )?;
    connection.execute(
        "INSERT INTO timers SELECT ?1, path, attempt, kind, began, seq FROM timers
         WHERE seq IS NOT NULL AND run = (SELECT no FROM runs WHERE id = ?2)",
        params![run, from],
    )?;
    connection.execute(
        "INSERT INTO effects (run, path, attempt, key, parts, kind, skill, model, once, started, ended, seq, status,
           request, answer, artifact, error, cost, clock, origin, idempotency)
         SELECT ?1, path, attempt, key, parts, kind, skill, model, once, started, ended, seq,
           replace(status, 'running', 'interrupted'), request, answer, artifact, error, 0, 0, coalesce(origin, ?2),
           idempotency FROM effects
         WHERE run = (SELECT no FROM runs WHERE id = ?2) AND (once OR status IN ('done', 'failed', 'withdrawn'))
         ORDER BY no",
        params![run, from],
    )
}

/// The columns of an effect that are written when it ends, in the order of those that the chain covers.
fn ending_columns<'e>(
    end: Option<&'e EffectEnd>,
    answer: Option<&'e str>,
    artifact: Option<&'e str>,
) -> [ValueRef<'e>; ENDING_COLUMNS] {
    let number = |n: Option<i64>| n.map_or(ValueRef::Null, ValueRef::Integer);
    let usage = end.map(|end| end.usage).unwrap_or_default();
    [
        number(end.map(|end| end.at)),
        number(end.map(|end| end.seq)),
        optional_ref(answer),
        optional_ref(artifact),
        optional_ref(end.and_then(|end| end.error.as_deref())),
        ValueRef::Integer(token_count(usage.tokens_in)),
        ValueRef::Integer(token_count(usage.tokens_out)),
        number(usage.cost),
        number(end.map(|end| end.clock)),
        text_ref(end.map_or("running", |end| end.status)),
    ]
}

fn text_ref(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn optional_ref(found: Option<&str>) -> ValueRef<'_> {
    found.map_or(ValueRef::Null, text_ref)
}

fn token_count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
