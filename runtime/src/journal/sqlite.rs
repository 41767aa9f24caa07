//! Writes records: one thread, many records in each commit.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{Done, Journal, JournalError, Record, Result, artifacts::Artifacts, row_writer::RowWriter, tables};
use crate::project_key::ProjectKey;

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
    closing: Closing,
}

/// Threads of journals that are closed, which may still fold the log of the file; whoever closes the file waits for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing(Arc<Mutex<Vec<thread::JoinHandle<()>>>>);

impl Closing {
    /// Waits until they have ended.
    pub(super) fn wait(&self) {
        for thread in std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            // A panic of the writer has nothing to add here.
            let _ = thread.join();
        }
    }
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
    /// Starts the thread that writes records through this connection to the file `path`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        connection: Connection,
        path: &Path,
        run: &str,
        key: ProjectKey,
        closing: Closing,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let rows = RowWriter::new(run, Artifacts::beside_journal(path, key.clone()), key, path);
        let mut writer = Writer { connection, rows, path: path.to_owned(), full: false, failed: None };
        let thread = thread::Builder::new()
            .name("cascade-journal".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.serve(&receiver))
            .map_err(|e| JournalError(format!("no thread for the journal can be started: {e}")))?;
        Ok(Self { writer: Some(sender), thread: Some(thread), closing })
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
        // What was queued is written when the journal is closed; nobody waits for what only tidies the file.
        let (sender, written) = mpsc::channel();
        self.send(Job::Flush(Box::new(move |_| {
            let _ = sender.send(());
        })));
        self.writer = None;
        let _ = written.recv();
        let mut closing = self.closing.0.lock().unwrap_or_else(PoisonError::into_inner);
        closing.extend(self.thread.take());
    }
}

struct Writer {
    connection: Connection,
    rows: RowWriter,
    path: PathBuf,
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
                self.rows.roll_back();
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
        if self.failed.is_none() {
            // Everything is recorded, whether this succeeds or not.
            let _ = tables::fold_log(&self.connection);
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
        let records = batch.iter().filter_map(|job| match job {
            Job::Record(record, _) => Some(record),
            Job::Flush(_) => None,
        });
        self.rows.write_all(&self.connection, records)?;
        self.sql(|c| c.prepare_cached("COMMIT")?.execute([]))?;
        Ok(())
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.connection).map_err(|e| tables::explain_error(&self.path, &e))
    }
}
