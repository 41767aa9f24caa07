//! Rows of the tables as data.

use cascade_ir::read::read_json;
use rusqlite::Row;
use serde::Serialize;
use serde_json::Value as Json;

use super::{CachedAnswer, Recorded, ledger::Status};
use crate::{
    failure::Failure,
    interpreter::to_hex,
    request::{KeyParts, Usage},
};

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
    /// recording an end, and the run can be resumed.
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
    /// The run that made the request, when this one reused its answer.
    pub origin: Option<String>,
    /// SHA-256 of everything that the answer depends on.
    pub key: String,
    /// The names of the parts of the key, each with the beginning of its digest in hex. Empty for an effect that
    /// the first version of Cascade recorded.
    pub key_parts: Vec<(String, String)>,
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

/// The columns that [`run_row`] reads.
pub(super) const RUN: &str = "id, program, file, cwd, cascade, inputs, fork, status, pid, started, ended, result, error, tokens, \
                   cost, until, clock";

pub(super) fn parse_column(text: Option<String>) -> Option<Json> {
    text.and_then(|t| read_json(t.as_bytes()).ok())
}

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let error: Option<String> = row.get(12)?;
    Ok(RunRow {
        id: row.get(0)?,
        program: row.get(1)?,
        file: row.get(2)?,
        cwd: row.get(3)?,
        cascade: row.get(4)?,
        inputs: parse_column(row.get(5)?).unwrap_or(Json::Null),
        fork: row.get(6)?,
        status: row.get(7)?,
        pid: row.get(8)?,
        started: row.get(9)?,
        ended: row.get(10)?,
        result: parse_column(row.get(11)?),
        error: error.and_then(|e| read_json(e.as_bytes()).ok()),
        tokens: row.get(13)?,
        cost: row.get(14)?,
        until: row.get(15)?,
        clock: row.get(16)?,
    })
}

/// The parts of a key as they are shown.
fn key_parts(recorded: Option<Vec<u8>>) -> Vec<(String, String)> {
    let parts = recorded.and_then(|bytes| KeyParts::from_bytes(&bytes)).unwrap_or_default();
    shown_parts(&parts)
}

pub(super) fn shown_parts(parts: &KeyParts) -> Vec<(String, String)> {
    parts.iter().map(|(name, digest)| (name.to_owned(), to_hex(&digest))).collect()
}

pub(super) fn effect_row(row: &Row<'_>) -> rusqlite::Result<EffectRow> {
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
        request: parse_column(row.get(9)?).unwrap_or(Json::Null),
        answer: parse_column(row.get(10)?),
        error: error.and_then(|e| read_json(e.as_bytes()).ok()),
        tokens_in: row.get(12)?,
        tokens_out: row.get(13)?,
        cost: row.get(14)?,
        origin: row.get(15)?,
        key: row.get(16)?,
        idempotency: row.get(17)?,
        key_parts: key_parts(row.get(18)?),
    })
}

pub(super) fn recorded_row(row: &Row<'_>, seq: i64) -> rusqlite::Result<Recorded> {
    let status: String = row.get(7)?;
    let parts: Option<Vec<u8>> = row.get(3)?;
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Recorded {
        attempt: row.get(1)?,
        key: row.get(2)?,
        parts: parts.and_then(|p| KeyParts::from_bytes(&p)),
        kind: row.get_ref(4)?.as_str()?.into(),
        skill: row.get_ref(5)?.as_str()?.into(),
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
            // The cost is recorded: what of it the cache saved is not needed again.
            ..Usage::default()
        },
    })
}

pub(super) fn cached_row(row: &Row<'_>) -> rusqlite::Result<CachedAnswer> {
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
