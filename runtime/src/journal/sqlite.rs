//! Writes records: one thread, many records in each commit.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params, types::ValueRef};

use super::{
    Done, EffectEnd, EffectStart, Journal, JournalError, Record, Result, RunEnd, RunStart,
    artifacts::Artifacts,
    chain::{BEGINNING_COLUMNS, Chain, ENDING_COLUMNS, Kind, RowDigest},
    memory, project_key, tables,
};
use crate::project_key::ProjectKey;

/// Answers longer than this go to a file of their own, in bytes.
const LARGE: usize = 64 * 1024;
/// How long a record that nobody waits for waits for others, so that they share a commit.
const COMPANY: Duration = Duration::from_millis(5);
/// The same for beginnings of effects that may be repeated: one that ends by then is one row,
/// written once.
const BEGINNINGS: Duration = Duration::from_millis(50);
/// Most records of one commit.
const BATCH: usize = 1024;

/// The journal of one run in a file that many runs share.
pub(super) struct SqliteJournal {
    writer: Option<Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Job {
    Record(Record, Option<Done>),
    Flush(Done),
}

impl Job {
    /// Whether a caller waits for it.
    fn is_urgent(&self) -> bool {
        match self {
            // Other runs may read it.
            Job::Record(Record::Remember(..), _) => true,
            Job::Record(_, done) => done.is_some(),
            Job::Flush(_) => true,
        }
    }

    /// How long it may wait for others.
    fn patience(&self) -> Duration {
        match self {
            Job::Record(Record::Started(_), _) => BEGINNINGS,
            _ => COMPANY,
        }
    }

    /// Whether it must survive a loss of power.
    fn is_full(&self) -> bool {
        match self {
            Job::Record(Record::Ended(end), _) => end.full,
            // That something unrepeatable began must be known before it begins.
            Job::Record(Record::Started(start), done) => start.info.once && done.is_some(),
            // The end of a run follows from the answers of its effects: it can be lost.
            Job::Record(Record::Remember(..), _) => true,
            _ => false,
        }
    }
}

impl SqliteJournal {
    /// Opens the file, and creates it and its directory if needed.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, is no journal, or was written by a newer version.
    pub(super) fn open(path: &Path, run: &str) -> std::result::Result<Self, JournalError> {
        let connection = tables::open(path)?;
        let key = project_key::load(path, &connection)?;
        let (sender, receiver) = mpsc::channel();
        let mut writer = Writer {
            connection,
            run: run.to_owned(),
            no: 0,
            artifacts: Artifacts::beside(path, key.clone()),
            key,
            path: path.to_owned(),
            events: 0,
            progress: 0,
            chain: Chain::default(),
            open: HashMap::new(),
            full: false,
            failed: None,
        };
        let thread = thread::Builder::new()
            .name("cascade-journal".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.serve(&receiver))
            .map_err(|e| JournalError(format!("no thread for the journal can be started: {e}")))?;
        Ok(Self { writer: Some(sender), thread: Some(thread) })
    }

    fn send(&self, job: Job) {
        // The thread ends only after the last sender has been dropped.
        if let Some(writer) = &self.writer {
            let _ = writer.send(job);
        }
    }
}

impl Journal for SqliteJournal {
    fn write(&mut self, record: Record, done: Option<Done>) {
        self.send(Job::Record(record, done));
    }

    fn flush(&mut self, done: Done) {
        self.send(Job::Flush(done));
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

/// An effect that has begun.
struct OpenEffect {
    row: i64,
    /// The digest of what is known of it.
    digest: RowDigest,
}

struct Writer {
    connection: Connection,
    run: String,
    /// The run's number in the file.
    no: i64,
    artifacts: Artifacts,
    key: ProjectKey,
    path: PathBuf,
    events: i64,
    /// The number of the last row of progress.
    progress: i64,
    /// The hashes of what was written.
    chain: Chain,
    /// Effects that have begun, by token.
    open: HashMap<u64, OpenEffect>,
    /// Whether each commit reaches the disk before it returns.
    full: bool,
    /// The first failure; everything after it fails too.
    failed: Option<JournalError>,
}

impl Writer {
    fn serve(&mut self, jobs: &Receiver<Job>) {
        let mut batch = Vec::with_capacity(64);
        while let Ok(job) = jobs.recv() {
            let mut urgent = job.is_urgent();
            let mut deadline = Instant::now() + job.patience();
            batch.push(job);
            while batch.len() < BATCH {
                let next = match jobs.try_recv() {
                    Err(TryRecvError::Empty) if !urgent => {
                        jobs.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
                    }
                    other => other.ok(),
                };
                let Some(job) = next else { break };
                urgent |= job.is_urgent();
                if !matches!(job, Job::Record(Record::Started(_), _)) {
                    deadline = deadline.min(Instant::now() + COMPANY);
                }
                batch.push(job);
            }
            if self.failed.is_none()
                && let Err(error) = self.commit(&batch)
            {
                // A failed commit leaves its transaction open.
                let _ = self.connection.execute_batch("ROLLBACK");
                self.chain.roll_back();
                self.failed = Some(error);
            }
            let result = self.failed.clone().map_or(Ok(()), Err);
            for job in batch.drain(..) {
                match job {
                    Job::Record(_, Some(done)) | Job::Flush(done) => done(result.clone()),
                    Job::Record(_, None) => {}
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Job]) -> Result<()> {
        if batch.iter().all(|job| matches!(job, Job::Flush(_))) {
            return Ok(());
        }
        // Records of paid answers survive a loss of power; the others survive a crash of the process.
        let full = batch.iter().any(Job::is_full);
        if full != self.full {
            let level = if full { "FULL" } else { "NORMAL" };
            self.sql(|c| c.pragma_update(None, "synchronous", level))?;
            self.full = full;
        }
        self.sql(|c| c.prepare_cached("BEGIN IMMEDIATE")?.execute([]))?;
        // An effect that begins and ends within one commit is one row, written once.
        let mut begun: Vec<(u64, &EffectStart)> = Vec::new();
        let mut waiting: HashMap<u64, &EffectStart> = HashMap::new();
        for job in batch {
            let Job::Record(record, _) = job else { continue };
            match record {
                Record::Started(start) => {
                    begun.push((start.token, start));
                    waiting.insert(start.token, start);
                }
                Record::Ended(end) => match waiting.remove(&end.token) {
                    Some(start) => {
                        self.insert(start, Some(end))?;
                    }
                    None => self.end(end)?,
                },
                other => self.write(other)?,
            }
        }
        for (token, start) in begun {
            if waiting.contains_key(&token) {
                let effect = self.insert(start, None)?;
                self.open.insert(token, effect);
            }
        }
        let Self { chain, connection, no, key, path, .. } = self;
        chain.commit(connection, *no, key).map_err(|e| tables::explain(path, &e))?;
        self.sql(|c| c.prepare_cached("COMMIT")?.execute([]))?;
        Ok(())
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.connection).map_err(|e| tables::explain(&self.path, &e))
    }

    /// The answer in its row, or the hash of the file that holds it.
    fn kept<'e>(&self, answer: Option<&'e str>) -> Result<(Option<&'e str>, Option<String>)> {
        Ok(match answer {
            Some(text) if text.len() > LARGE => (None, Some(self.artifacts.keep(text)?)),
            other => (other, None),
        })
    }

    /// The answer of an effect; sealed, if there is a secret in it.
    fn answer<'e>(&self, end: &'e EffectEnd) -> Result<Option<Cow<'e, str>>> {
        Ok(match &end.answer {
            Some(text) if end.secret => Some(Cow::Owned(project_key::seal(&self.key, text)?)),
            other => other.as_deref().map(Cow::Borrowed),
        })
    }

    fn insert(&mut self, start: &EffectStart, end: Option<&EffectEnd>) -> Result<OpenEffect> {
        let info = &start.info;
        let answer = end.map(|end| self.answer(end)).transpose()?.flatten();
        let (answer, artifact) = self.kept(answer.as_deref())?;
        let usage = end.map(|e| e.usage).unwrap_or_default();
        let parts = info.parts.to_bytes();
        let row = self.sql(|c| {
            c.prepare_cached(
                "INSERT INTO effects (run, path, attempt, key, parts, kind, skill, model, once, started, request,
                   idempotency, ended, seq, status, answer, artifact, error, tokens_in, tokens_out, cost, clock)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                   ?21, ?22)",
            )?
            .execute(params![
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
                tokens(usage.tokens_in),
                tokens(usage.tokens_out),
                usage.cost,
                end.map(|e| e.clock),
            ])?;
            Ok(c.last_insert_rowid())
        })?;
        // In the order of the columns that the chain covers.
        let columns: [ValueRef<'_>; BEGINNING_COLUMNS] = [
            ValueRef::Integer(row),
            text(&info.path),
            ValueRef::Integer(i64::from(info.attempt)),
            text(&info.key),
            ValueRef::Blob(&parts),
            text(start.kind),
            text(&info.skill),
            maybe(start.model.as_deref()),
            ValueRef::Integer(i64::from(info.once)),
            ValueRef::Integer(start.at),
            text(&start.request),
            text(&info.idempotency),
            ValueRef::Null,
        ];
        let mut digest = RowDigest::new();
        digest.add(columns.into_iter());
        self.chain.touch_with(Kind::Effect, row, &digest, &ending_columns(end, answer, artifact.as_deref()));
        Ok(OpenEffect { row, digest })
    }

    fn end(&mut self, end: &EffectEnd) -> Result<()> {
        let Some(OpenEffect { row, digest }) = self.open.remove(&end.token) else { return Ok(()) };
        let answer = self.answer(end)?;
        let (answer, artifact) = self.kept(answer.as_deref())?;
        self.sql(|c| {
            c.prepare_cached(
                "UPDATE effects SET ended = ?2, seq = ?3, status = ?4, answer = ?5, artifact = ?6, error = ?7,
                   tokens_in = ?8, tokens_out = ?9, cost = ?10, clock = ?11 WHERE no = ?1",
            )?
            .execute(params![
                row,
                end.at,
                end.seq,
                end.status,
                answer,
                artifact,
                end.error,
                tokens(end.usage.tokens_in),
                tokens(end.usage.tokens_out),
                end.usage.cost,
                end.clock,
            ])
        })?;
        self.chain.touch_with(Kind::Effect, row, &digest, &ending_columns(Some(end), answer, artifact.as_deref()));
        Ok(())
    }

    fn write(&mut self, record: &Record) -> Result<()> {
        match record {
            Record::RunStarted(start) => self.run_started(start)?,
            Record::RunEnded(end) => self.run_ended(end)?,
            Record::Started(_) | Record::Ended(_) => {}
            Record::Overtaken { seq } => {
                let rows = self.sql(|c| {
                    c.prepare_cached(
                        "UPDATE effects SET status = 'withdrawn' WHERE run = ?1 AND seq = ?2 RETURNING no",
                    )?
                    .query_map(params![self.no, seq], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<i64>>>()
                })?;
                rows.into_iter().for_each(|row| self.chain.touch(Kind::Effect, row));
            }
            Record::Timer(mark) => {
                let timer = &mark.timer;
                self.sql(|c| {
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
                self.sql(|c| {
                    c.prepare_cached("INSERT INTO events (run, seq, at, event) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![self.no, self.events, at, event])
                })?;
                self.chain.touch(Kind::Event, self.events);
            }
            Record::Progress(mark) => {
                // Grows with every row, also across the processes that run one run.
                self.progress = (self.progress + 1).max(mark.at);
                self.sql(|c| {
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
                self.sql(|c| {
                    c.prepare_cached(
                        "INSERT OR IGNORE INTO questions (run, path, key, kind, question, options, asked)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![self.no, q.path, q.key, q.kind, q.question, options, q.at])
                })?;
            }
            Record::Unasked { path, key } => {
                self.sql(|c| {
                    c.prepare_cached(
                        "DELETE FROM questions WHERE run = ?1 AND path = ?2 AND key = ?3 AND answer IS NULL",
                    )?
                    .execute(params![self.no, path, key])
                })?;
            }
            Record::Remember(change) => {
                let by = Some((self.run.as_str(), change.id.as_str()));
                self.sql(|c| memory::change(c, by, &change.op, change.at)).and_then(|applied| applied)?;
            }
            Record::Cache(cached) => {
                let (answer, artifact) = self.kept(cached.answer.as_deref())?;
                self.sql(|c| {
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

    fn run_started(&mut self, start: &RunStart) -> Result<()> {
        self.run.clone_from(&start.run);
        self.sql(|c| {
            c.prepare_cached("INSERT OR IGNORE INTO programs (hash, program) VALUES (?1, ?2)")?
                .execute(params![start.hash, start.program])
        })?;
        if start.resumed {
            self.sql(|c| {
                c.prepare_cached(
                    "UPDATE runs SET program = ?2, status = 'running', ended = NULL, result = NULL, error = NULL,
                       until = NULL, pid = ?3 WHERE id = ?1",
                )?
                .execute(params![start.run, start.hash, std::process::id()])
            })?;
        } else {
            self.sql(|c| {
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
        self.no =
            self.sql(|c| c.prepare_cached("SELECT no FROM runs WHERE id = ?1")?.query_row([&run], |row| row.get(0)))?;
        if let Some(fork) = start.fork.as_ref().filter(|_| !start.resumed) {
            self.sql(|c| copy_answers(c, self.no, fork))?;
        }
        self.chain = self.sql(|c| Chain::open(c, self.no))?;
        self.chain.touch(Kind::Run, 0);
        if start.resumed {
            self.events = self.sql(|c| {
                c.query_row("SELECT coalesce(max(seq), 0) FROM events WHERE run = ?1", [self.no], |row| row.get(0))
            })?;
        }
        Ok(())
    }

    fn run_ended(&mut self, end: &RunEnd) -> Result<()> {
        let run = self.run.clone();
        self.sql(|c| {
            c.prepare_cached(
                // What an edit made useless was paid for all the same.
                "UPDATE runs SET status = ?2, ended = ?3, result = ?4, error = ?5, until = ?6, clock = ?7, pid = NULL,
                   tokens = (SELECT coalesce(sum(tokens_in + tokens_out), 0) FROM effects WHERE run = runs.no),
                   cost = (SELECT coalesce(sum(cost), 0) FROM effects WHERE run = runs.no) WHERE id = ?1",
            )?
            .execute(params![
                run,
                end.status,
                end.at,
                end.result.as_ref().map(ToString::to_string),
                end.error.as_ref().map(ToString::to_string),
                end.until,
                end.clock
            ])
        })?;
        self.chain.touch(Kind::Run, 0);
        if matches!(end.status, "failed" | "cancelled") {
            let stage = end.failed_at.as_ref();
            let row = self.sql(|c| {
                c.prepare_cached("INSERT INTO ends (run, status, stage, attempts) VALUES (?1, ?2, ?3, ?4)")?.execute(
                    params![self.no, end.status, stage.map(|(path, _)| path), stage.map(|(_, attempts)| attempts)],
                )?;
                Ok(c.last_insert_rowid())
            })?;
            self.chain.touch(Kind::End, row);
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
        maybe(answer),
        maybe(artifact),
        maybe(end.and_then(|end| end.error.as_deref())),
        ValueRef::Integer(tokens(usage.tokens_in)),
        ValueRef::Integer(tokens(usage.tokens_out)),
        number(usage.cost),
        number(end.map(|end| end.clock)),
        text(end.map_or("running", |end| end.status)),
    ]
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn maybe(found: Option<&str>) -> ValueRef<'_> {
    found.map_or(ValueRef::Null, text)
}

fn tokens(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
