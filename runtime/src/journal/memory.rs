//! Memory that outlives runs: the value of each key, and how it came about.

use std::collections::HashMap;

use cascade_ir::read::read_json;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{JournalError, Result};
use crate::{interpreter::to_hex, request::MemoryOp};

/// What makes a change of memory that change, in every part of its run: who makes it, of which key, and what is
/// assigned or added. Where it stands among the other changes does not count, since an edit moves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChangeId(String);

impl ChangeId {
    /// The identity of a change.
    pub fn of_operation(op: &MemoryOp) -> Self {
        Self::new(&op.path, &op.memory, &op.key, op.append, &op.value.to_string())
    }

    fn new(path: &str, memory: &str, key: &str, append: bool, value: &str) -> Self {
        let sign = if append { "+=" } else { "=" };
        Self(format!("{path}#{memory}.{key} {sign} {}", to_hex(&Sha256::digest(value)[..8])))
    }

    /// The id of its n-th occurrence in the run, from 1.
    pub fn occurrence(&self, n: u32) -> String {
        format!("{}#{n}", self.0)
    }
}

/// A change of memory as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Its id in the run ([`ChangeId::occurrence`]): a change is recorded once.
    pub id: String,
    /// The change.
    pub op: MemoryOp,
    /// When it was made, in milliseconds since 1970.
    pub at: i64,
}

/// The changes that a run has made, with how often: from what they are, since versions of Cascade before this
/// one gave ids by another rule.
pub(super) fn changes_of(connection: &Connection, run: &str) -> rusqlite::Result<HashMap<ChangeId, u32>> {
    let mut statement =
        connection.prepare("SELECT path, memory, key, kind, change FROM memory_changes WHERE run = ?1")?;
    let mut rows = statement.query([run])?;
    let mut changes = HashMap::new();
    while let Some(row) = rows.next()? {
        let (Some(path), Some(value)): (Option<String>, Option<String>) = (row.get(0)?, row.get(4)?) else { continue };
        let (memory, key, kind): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        *changes.entry(ChangeId::new(&path, &memory, &key, kind == "append", &value)).or_insert(0) += 1;
    }
    Ok(changes)
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryValue {
    /// The memory.
    pub memory: String,
    /// The key.
    pub key: String,
    /// Its value.
    pub value: Json,
    /// When it was last changed, in milliseconds since 1970.
    pub at: i64,
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryChange {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The run that made it; `None`: a person, from the command line.
    pub run: Option<String>,
    /// The stage or cascade that made it.
    pub path: Option<String>,
    /// `set`, `append` or `forget`.
    pub kind: String,
    /// What was assigned or added.
    pub change: Option<Json>,
    /// The value after it.
    pub value: Option<Json>,
}

/// Makes a change once: one of the same run with the same id a second time does nothing. A person's has no id.
pub(super) fn record_change(
    connection: &Connection,
    by: Option<(&str, &str)>,
    op: &MemoryOp,
    at: i64,
) -> rusqlite::Result<Result<()>> {
    let (run, id) = by.unzip();
    let kind = if op.append { "append" } else { "set" };
    let text = op.value.to_string();
    let added = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO memory_changes (memory, key, at, run, op, path, kind, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![op.memory, op.key, at, run, id, op.path, kind, text])?;
    if added == 0 {
        return Ok(Ok(()));
    }
    let row = connection.last_insert_rowid();
    let old = if op.append { value_of(connection, &op.memory, &op.key)? } else { None };
    // Where the change says what the value is, or the change before it does, the value is not kept a second
    // time: a list that grows would make its history grow with the square of its length.
    let is_base = op.append && old.is_none();
    let value = match op.append {
        true => match merge_values(old.unwrap_or_else(|| op.initial.clone()), &op.value) {
            Some(value) => value,
            None => return Ok(Err(cannot_be_added(op))),
        },
        false => op.value.clone(),
    };
    let text = value.to_string();
    connection
        .prepare_cached("INSERT OR REPLACE INTO memory (memory, key, value, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![op.memory, op.key, text, at])?;
    if is_base {
        keep_value(connection, row, &text)?;
    }
    Ok(Ok(()))
}

/// Keeps the value after a change with the change.
fn keep_value(connection: &Connection, row: i64, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE memory_changes SET value = ?2 WHERE no = ?1")?.execute(params![row, value])?;
    Ok(())
}

/// The value after a change, from the value before it.
fn value_after(before: Option<Json>, kind: &str, change: Option<&Json>, kept: Option<Json>) -> Option<Json> {
    match (kept, kind, change) {
        (Some(kept), ..) => Some(kept),
        (None, "set", Some(change)) => Some(change.clone()),
        (None, "append", Some(change)) => merge_values(before.unwrap_or(Json::Null), change),
        _ => None,
    }
}

/// Removes the changes before a time of runs that are not recorded any more; the history of a key then begins
/// with what is left. Gives how many were removed.
pub(super) fn compact_changes(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare(
        "SELECT no, memory, key, kind, change, value, at < ?1 AND (run IS NULL OR run NOT IN (SELECT id FROM runs))
         FROM memory_changes ORDER BY memory, key, no",
    )?;
    let json = |text: Option<String>| text.and_then(|t| read_json(t.as_bytes()).ok());
    let (mut removed, mut kept): (Vec<i64>, Vec<(i64, String)>) = (Vec::new(), Vec::new());
    let mut current: Option<(String, String)> = None;
    let (mut value, mut at_start): (Option<Json>, bool) = (None, true);
    let mut rows = statement.query([before])?;
    while let Some(row) = rows.next()? {
        let of = (row.get(1)?, row.get(2)?);
        if current.as_ref() != Some(&of) {
            (current, value, at_start) = (Some(of), None, true);
        }
        let (no, kind, recorded): (i64, String, Option<String>) = (row.get(0)?, row.get(3)?, row.get(5)?);
        let is_kept = recorded.is_some();
        value = value_after(value.take(), &kind, json(row.get(4)?).as_ref(), json(recorded));
        if at_start && row.get(6)? {
            removed.push(no);
        } else {
            // The first one that is left says what the value was.
            if at_start
                && kind == "append"
                && !is_kept
                && let Some(value) = &value
            {
                kept.push((no, value.to_string()));
            }
            at_start = false;
        }
    }
    for (no, value) in kept {
        keep_value(connection, no, &value)?;
    }
    for no in &removed {
        connection.prepare_cached("DELETE FROM memory_changes WHERE no = ?1")?.execute([no])?;
    }
    Ok(removed.len())
}

/// Why a change that adds is refused.
pub(super) fn cannot_be_added(op: &MemoryOp) -> JournalError {
    JournalError(format!(
        "the memory `{}.{}` holds something that nothing can be added to; see `cascadec memory get {}.{}`",
        op.memory, op.key, op.memory, op.key
    ))
}

/// `old += new`, as the language adds.
pub(super) fn merge_values(old: Json, new: &Json) -> Option<Json> {
    Some(match (old, new) {
        (Json::Null, new) => new.clone(),
        (Json::Array(mut old), Json::Array(new)) => {
            old.extend(new.iter().cloned());
            Json::Array(old)
        }
        (Json::Object(mut old), Json::Object(new)) => {
            for (name, value) in new {
                old.insert(name.clone(), value.clone());
            }
            Json::Object(old)
        }
        (Json::String(old), Json::String(new)) => Json::String(old + new),
        (Json::Number(a), Json::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Json::from(a.checked_add(b)?),
            // The language does not reckon with integers beyond 64 bits.
            _ if [&a, b].iter().any(|n| !n.is_i64() && !n.is_f64()) => return None,
            _ => serde_json::Number::from_f64(a.as_f64()? + b.as_f64()?).map(Json::Number)?,
        },
        _ => return None,
    })
}

fn value_of(connection: &Connection, memory: &str, key: &str) -> rusqlite::Result<Option<Json>> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM memory WHERE memory = ?1 AND key = ?2")?
        .query_row([memory, key], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|t| read_json(t.as_bytes()).ok()))
}

/// All keys, in order.
pub(super) fn all_values(connection: &Connection) -> rusqlite::Result<Vec<MemoryValue>> {
    let mut statement = connection.prepare("SELECT memory, key, value, at FROM memory ORDER BY memory, key")?;
    let rows = statement.query_map([], |row| {
        let text: String = row.get(2)?;
        Ok(MemoryValue {
            memory: row.get(0)?,
            key: row.get(1)?,
            value: read_json(text.as_bytes()).unwrap_or(Json::Null),
            at: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// The changes of a key, the oldest first.
pub(super) fn value_history(connection: &Connection, memory: &str, key: &str) -> rusqlite::Result<Vec<MemoryChange>> {
    let mut statement = connection.prepare(
        "SELECT at, run, path, kind, change, value FROM memory_changes WHERE memory = ?1 AND key = ?2 ORDER BY no",
    )?;
    let json = |text: Option<String>| text.and_then(|t| read_json(t.as_bytes()).ok());
    let rows = statement.query_map([memory, key], |row| {
        Ok(MemoryChange {
            at: row.get(0)?,
            run: row.get(1)?,
            path: row.get(2)?,
            kind: row.get(3)?,
            change: json(row.get(4)?),
            value: json(row.get(5)?),
        })
    })?;
    let mut changes: Vec<MemoryChange> = rows.collect::<rusqlite::Result<_>>()?;
    let mut value = None;
    for change in &mut changes {
        value = value_after(value, &change.kind, change.change.as_ref(), change.value.take());
        change.value.clone_from(&value);
    }
    Ok(changes)
}

/// Removes a key; its history stays and says so. Whether it was there.
pub(super) fn forget_value(connection: &Connection, memory: &str, key: &str, at: i64) -> rusqlite::Result<bool> {
    let gone = connection.execute("DELETE FROM memory WHERE memory = ?1 AND key = ?2", [memory, key])? > 0;
    if gone {
        connection.execute(
            "INSERT INTO memory_changes (memory, key, at, kind) VALUES (?1, ?2, ?3, 'forget')",
            params![memory, key, at],
        )?;
    }
    Ok(gone)
}
