//! A record that proves itself: each commit of a run's journal notes the digests of the rows that it
//! wrote, and carries a hash of that and of the hash of the commit before it, made with the project's key.
//! So a row that was changed, added or removed by somebody who does not have the key is found, and so is
//! a commit that is missing, but for the last ones of the record.
//!
//! Covered are what a run was asked and gave (its row), its effects with their answers, its events, and
//! its ends; not progress, timers, and open questions, which say nothing of what came of a run.

use std::collections::HashMap;

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, Row, params, types::ValueRef};

use crate::project_key::ProjectKey;

/// Bytes of a digest of a row.
const DIGEST: usize = 16;
/// Bytes of an entry: its kind, the number of the row, its digest.
const ENTRY: usize = 1 + 8 + DIGEST;
/// What the project's key is used for here.
const PURPOSE: &str = "journal chain";

/// The table of the hashes.
pub(super) const TABLE: &str = "
CREATE TABLE chain (
  run INTEGER NOT NULL, no INTEGER NOT NULL, rows BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (run, no)
) WITHOUT ROWID;
";

/// The columns of each table that are covered, with the column that names a row. The number of a run's
/// own row is 0.
const EFFECTS: (&str, &str) = (
    "no, path, attempt, key, parts, kind, skill, model, once, started, request, idempotency, origin, ended, seq, answer,
     artifact, error, tokens_in, tokens_out, cost, clock, status",
    "effects",
);
const EVENTS: (&str, &str) = ("seq, at, event", "events");
const ENDS: (&str, &str) = ("no, status, stage, attempts", "ends");
const RUN: &str = "0, id, program, file, cwd, cascade, inputs, memory, fork, started, status, result, error";

/// How many columns of an effect are known when it begins; they do not change. The others follow when it ends.
pub(super) const BEGINNING_COLUMNS: usize = 13;
pub(super) const ENDING_COLUMNS: usize = 10;
/// The position of the status among the columns of a run.
const RUN_STATUS: usize = 10;

/// The kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    Effect = 1,
    Event = 2,
    End = 3,
    Run = 4,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Effect, Self::Event, Self::End, Self::Run].into_iter().find(|kind| *kind as u8 == byte)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Effect => "an effect",
            Self::Event => "an event",
            Self::End => "an end",
            Self::Run => "the run itself",
        }
    }

    /// The statement that reads all rows of a run.
    fn select(self) -> String {
        match self {
            Self::Effect => format!("SELECT {} FROM {} WHERE run = ?1 ORDER BY no", EFFECTS.0, EFFECTS.1),
            Self::Event => format!("SELECT {} FROM {} WHERE run = ?1 ORDER BY seq", EVENTS.0, EVENTS.1),
            Self::End => format!("SELECT {} FROM {} WHERE run = ?1 ORDER BY no", ENDS.0, ENDS.1),
            Self::Run => format!("SELECT {RUN} FROM runs WHERE no = ?1"),
        }
    }

    /// The statement that reads one row of a run.
    fn select_one(self) -> String {
        match self {
            Self::Effect => format!("SELECT {} FROM {} WHERE no = ?2 AND run = ?1", EFFECTS.0, EFFECTS.1),
            Self::Event => format!("SELECT {} FROM {} WHERE run = ?1 AND seq = ?2", EVENTS.0, EVENTS.1),
            Self::End => format!("SELECT {} FROM {} WHERE no = ?2 AND run = ?1", ENDS.0, ENDS.1),
            Self::Run => format!("SELECT {RUN} FROM runs WHERE no = ?1 AND ?2 = 0"),
        }
    }
}

const KINDS: [Kind; 4] = [Kind::Run, Kind::Effect, Kind::Event, Kind::End];

/// What a check of a run's record found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many rows are covered and as they were written.
    pub rows: u64,
    /// What is wrong, in words; empty when the record is whole and unchanged.
    pub faults: Vec<String>,
    /// Whether an earlier version of Cascade, which kept no hashes, wrote the record.
    pub unknown: bool,
}

/// The end of the chain of a run, to which the journal adds.
#[derive(Debug, Default)]
pub(super) struct Chain {
    no: i64,
    hash: Vec<u8>,
    /// Rows that the current commit wrote, with their digests where those are known.
    touched: Vec<(Kind, i64, Option<[u8; DIGEST]>)>,
}

impl Chain {
    /// The chain of a run; what an earlier version recorded of it begins the chain.
    pub(super) fn open(connection: &Connection, run: i64) -> rusqlite::Result<Self> {
        let last = connection
            .prepare_cached("SELECT no, hash FROM chain WHERE run = ?1 ORDER BY no DESC LIMIT 1")?
            .query_row([run], |row| Ok((row.get(0)?, row.get(1)?)));
        let (no, hash) = match last {
            Ok(found) => found,
            Err(rusqlite::Error::QueryReturnedNoRows) => (0, Vec::new()),
            Err(error) => return Err(error),
        };
        let mut chain = Self { no, hash, touched: Vec::new() };
        if no == 0 {
            for kind in [Kind::Effect, Kind::Event, Kind::End] {
                let mut statement = connection.prepare(&kind.select())?;
                let mut rows = statement.query([run])?;
                while let Some(row) = rows.next()? {
                    chain.touched.push((kind, row.get(0)?, None));
                }
            }
        }
        Ok(chain)
    }

    /// Notes that the current commit wrote a row.
    pub(super) fn mark_changed(&mut self, kind: Kind, row: i64) {
        // A row that is written twice in a commit is read once, at the end: what is known of it is out of date.
        match self.touched.iter_mut().rev().take(64).find(|(k, r, _)| (*k, *r) == (kind, row)) {
            Some((_, _, digest)) => *digest = None,
            None => self.touched.push((kind, row, None)),
        }
    }

    /// The same for a row whose columns are at hand: the digest of the first ones, and the last ones.
    pub(super) fn touch_with(&mut self, kind: Kind, row: i64, first: &RowDigest, last: &[ValueRef<'_>]) {
        let mut digest = first.clone();
        digest.add(last.iter().copied());
        self.touched.push((kind, row, Some(digest.finish())));
    }

    /// Adds what the current commit wrote.
    pub(super) fn commit(&mut self, connection: &Connection, run: i64, key: &ProjectKey) -> rusqlite::Result<()> {
        if self.touched.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(self.touched.len() * ENTRY);
        for (kind, row, known) in self.touched.drain(..) {
            let digest = match known {
                Some(digest) => digest,
                None => connection
                    .prepare_cached(&kind.select_one())?
                    .query_row(params![run, row], |row| digest_of(row, kind, None))?,
            };
            entries.push(kind as u8);
            entries.extend_from_slice(&row.to_le_bytes());
            entries.extend_from_slice(&digest);
        }
        self.hash = next_hash(key, run, self.no + 1, &self.hash, &entries);
        self.no += 1;
        connection
            .prepare_cached("INSERT INTO chain (run, no, rows, hash) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![run, self.no, entries, self.hash])?;
        Ok(())
    }

    /// Forgets what a commit wrote that failed.
    pub(super) fn roll_back(&mut self) {
        self.touched.clear();
    }
}

fn next_hash(key: &ProjectKey, run: i64, no: i64, before: &[u8], entries: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(before.len() + entries.len() + 16);
    content.extend_from_slice(&run.to_le_bytes());
    content.extend_from_slice(&no.to_le_bytes());
    content.extend_from_slice(before);
    content.extend_from_slice(entries);
    key.digest(PURPOSE, &content).to_vec()
}

/// The digest of a row, with another status in the place of its own where one is given.
fn digest_of(row: &Row<'_>, kind: Kind, status: Option<&str>) -> rusqlite::Result<[u8; DIGEST]> {
    let status_at = (kind == Kind::Run).then_some(RUN_STATUS);
    let columns = (0..row.as_ref().column_count()).map(|column| match status {
        Some(status) if status_at == Some(column) => Ok(ValueRef::Text(status.as_bytes())),
        _ => row.get_ref(column),
    });
    let columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut digest = RowDigest::new();
    digest.add(columns.into_iter());
    Ok(digest.finish())
}

/// The SHA-256 of the columns of a row so far. Every row that is written has one; `ring` needs the least work for it
/// on processors without instructions for it.
#[derive(Clone)]
pub(super) struct RowDigest(Context);

impl RowDigest {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds the next columns.
    pub(super) fn add<'c>(&mut self, columns: impl Iterator<Item = ValueRef<'c>>) {
        // An update for each number would cost more than the digest of a row.
        let mut content = Vec::with_capacity(1024);
        for column in columns {
            let (mark, bytes): (u8, &[u8]) = match &column {
                ValueRef::Null => (0, &[]),
                ValueRef::Integer(n) => (1, &n.to_le_bytes()),
                ValueRef::Real(x) => (2, &x.to_le_bytes()),
                ValueRef::Text(text) => (3, text),
                ValueRef::Blob(bytes) => (4, bytes),
            };
            content.push(mark);
            content.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            content.extend_from_slice(bytes);
        }
        self.0.update(&content);
    }

    fn finish(self) -> [u8; DIGEST] {
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&self.0.finish().as_ref()[..DIGEST]);
        digest
    }
}

/// Checks the record of a run.
pub(super) fn verify_chain(connection: &Connection, run: i64, key: &ProjectKey) -> rusqlite::Result<Verification> {
    let mut out = Verification::default();
    let mut known: HashMap<(Kind, i64), [u8; DIGEST]> = HashMap::new();
    let mut statement = connection.prepare("SELECT no, rows, hash FROM chain WHERE run = ?1 ORDER BY no")?;
    let mut commits = statement.query([run])?;
    let (mut before, mut expected): (Vec<u8>, i64) = (Vec::new(), 1);
    while let Some(commit) = commits.next()? {
        let (no, entries, hash): (i64, Vec<u8>, Vec<u8>) = (commit.get(0)?, commit.get(1)?, commit.get(2)?);
        if no != expected || hash != next_hash(key, run, no, &before, &entries) {
            out.faults.push(format!("commit {no} does not follow from the one before it"));
        }
        for entry in entries.chunks_exact(ENTRY) {
            let (Some(kind), Ok(row), Ok(digest)) =
                (Kind::from_byte(entry[0]), entry[1..9].try_into(), entry[9..].try_into())
            else {
                continue;
            };
            known.insert((kind, i64::from_le_bytes(row)), digest);
        }
        (before, expected) = (hash, no + 1);
    }
    if expected == 1 {
        out.unknown = true;
        return Ok(out);
    }
    for kind in KINDS {
        let mut statement = connection.prepare(&kind.select())?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let Some(digest) = known.remove(&(kind, number)) else {
                out.faults.push(format!("{} (row {number}) was added", kind.name()));
                continue;
            };
            match has_digest(row, kind, &digest)? {
                true => out.rows += 1,
                false => out.faults.push(format!("{} was changed", describe_row(row, kind)?)),
            }
        }
    }
    let mut removed: Vec<_> = known.into_keys().collect();
    removed.sort_by_key(|(kind, row)| (*kind as u8, *row));
    out.faults.extend(removed.into_iter().map(|(kind, row)| format!("{} (row {row}) was removed", kind.name())));
    Ok(out)
}

fn has_digest(row: &Row<'_>, kind: Kind, digest: &[u8; DIGEST]) -> rusqlite::Result<bool> {
    if digest_of(row, kind, None)? == *digest {
        return Ok(true);
    }
    // A run that nobody runs any more may be marked as cancelled from outside of its journal.
    if kind != Kind::Run || row.get_ref(RUN_STATUS)? != ValueRef::Text(b"cancelled") {
        return Ok(false);
    }
    for status in ["running", "paused"] {
        if digest_of(row, kind, Some(status))? == *digest {
            return Ok(true);
        }
    }
    Ok(false)
}

fn describe_row(row: &Row<'_>, kind: Kind) -> rusqlite::Result<String> {
    Ok(match kind {
        Kind::Effect => format!("the effect `{}` (attempt {})", row.get::<_, String>(1)?, row.get::<_, i64>(2)?),
        other => other.name().to_owned(),
    })
}
