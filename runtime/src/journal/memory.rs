//! Memory that outlives runs: the value of each key, and how it came about.

use cascade_ir::read::read_json;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value as Json;

use super::{JournalError, Result};
use crate::request::MemoryOp;

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

/// Makes a change once: the same change of the same run a second time does nothing.
pub(super) fn change(
    connection: &Connection,
    run: Option<&str>,
    op: &MemoryOp,
    at: i64,
) -> rusqlite::Result<Result<()>> {
    let kind = if op.append { "append" } else { "set" };
    let text = op.value.to_string();
    let added = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO memory_changes (memory, key, at, run, op, path, kind, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![op.memory, op.key, at, run, run.map(|_| &op.id), op.path, kind, text])?;
    if added == 0 {
        return Ok(Ok(()));
    }
    let row = connection.last_insert_rowid();
    let value = if op.append {
        let old = value_of(connection, &op.memory, &op.key)?.unwrap_or_else(|| op.initial.clone());
        match merged(old, &op.value) {
            Some(value) => value,
            None => {
                return Ok(Err(cannot_be_added(op)));
            }
        }
    } else {
        op.value.clone()
    };
    store(connection, &op.memory, &op.key, &value, at, row)?;
    Ok(Ok(()))
}

fn store(connection: &Connection, memory: &str, key: &str, value: &Json, at: i64, row: i64) -> rusqlite::Result<()> {
    let text = value.to_string();
    connection
        .prepare_cached("INSERT OR REPLACE INTO memory (memory, key, value, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![memory, key, text, at])?;
    connection.prepare_cached("UPDATE memory_changes SET value = ?2 WHERE no = ?1")?.execute(params![row, text])?;
    Ok(())
}

/// Why a change that adds is refused.
pub(super) fn cannot_be_added(op: &MemoryOp) -> JournalError {
    JournalError(format!(
        "the memory `{}.{}` holds something that nothing can be added to; see `cascadec memory get {}.{}`",
        op.memory, op.key, op.memory, op.key
    ))
}

/// `old += new`, as the language adds.
pub(super) fn merged(old: Json, new: &Json) -> Option<Json> {
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
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<MemoryValue>> {
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
pub(super) fn history(connection: &Connection, memory: &str, key: &str) -> rusqlite::Result<Vec<MemoryChange>> {
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
    rows.collect()
}

/// Removes a key; its history stays and says so. Whether it was there.
pub(super) fn forget(connection: &Connection, memory: &str, key: &str, at: i64) -> rusqlite::Result<bool> {
    let gone = connection.execute("DELETE FROM memory WHERE memory = ?1 AND key = ?2", [memory, key])? > 0;
    if gone {
        connection.execute(
            "INSERT INTO memory_changes (memory, key, at, kind) VALUES (?1, ?2, ?3, 'forget')",
            params![memory, key, at],
        )?;
    }
    Ok(gone)
}
