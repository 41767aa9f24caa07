//! What the recorded answers of models tell of them, for `best_of`.

use std::collections::HashSet;

use cascade_ir::ErrorKind;
use rusqlite::Connection;
use serde_json::Value as Json;

use super::{Result, Store};
use crate::interpreter::{KnownOutcomes, is_fault_of_model};

/// The number of answers that are looked at, the newest first: what a model was like long ago says little.
const MOST: usize = 10_000;

/// An answer of a model, or a call that failed.
struct Answered<'a> {
    skill: &'a str,
    model: &'a str,
    /// As the record has it: `done`, `failed`, `withdrawn`, …
    status: &'a str,
    failed: Option<ErrorKind>,
    /// Whether the answer was not of its type, or came too late.
    refused: bool,
    cost: i64,
    ms: Option<i64>,
}

fn count_answer(out: &mut KnownOutcomes, answered: &Answered<'_>) {
    let good = match answered.status {
        "done" => !answered.refused,
        "failed" if answered.failed.is_some_and(is_fault_of_model) => false,
        "withdrawn" if answered.refused => false,
        _ => return,
    };
    let ms = answered.ms.and_then(|ms| u64::try_from(ms).ok());
    out.entry((answered.skill.into(), answered.model.into())).or_default().add(good, answered.cost, ms);
}

/// Whether an event says that the answer of its stage's attempt was of no use.
fn is_refusal(event: &Json) -> bool {
    let text = |name: &str| event.get(name).and_then(Json::as_str);
    match text("event") {
        Some("answer_refused") => true,
        Some("stage_retrying") => text("kind") == Some("timed_out"),
        _ => false,
    }
}

/// The outcomes by the rows of any store.
pub(super) fn of_rows(store: &(impl Store + ?Sized)) -> Result<KnownOutcomes> {
    let mut out = KnownOutcomes::new();
    let mut seen = 0;
    for run in store.runs()? {
        if seen >= MOST {
            break;
        }
        let events = store.events(&run.id, 0)?;
        let refused: HashSet<(&str, u64)> = events
            .iter()
            .filter(|(_, _, event)| is_refusal(event))
            .filter_map(|(_, _, event)| Some((event.get("path")?.as_str()?, event.get("attempt")?.as_u64()?)))
            .collect();
        for effect in store.effects(&run.id)?.iter().filter(|effect| effect.kind == "prompt" && effect.origin.is_none())
        {
            let Some(model) = &effect.model else { continue };
            seen += 1;
            let answered = Answered {
                skill: &effect.skill,
                model,
                status: &effect.status,
                failed: effect.error.as_ref().map(|error| error.kind),
                refused: refused.contains(&(effect.path.as_str(), u64::from(effect.attempt))),
                cost: effect.cost.unwrap_or(0),
                ms: effect.ended.map(|ended| ended.saturating_sub(effect.started)),
            };
            count_answer(&mut out, &answered);
        }
    }
    Ok(out)
}

/// The same from the tables of a file, without reading what was asked and answered.
pub(super) fn of_tables(connection: &Connection) -> rusqlite::Result<KnownOutcomes> {
    let mut statement = connection.prepare_cached(
        "WITH recent AS MATERIALIZED (
           SELECT run, path, attempt, skill, model, status, error, cost, started, ended FROM effects
           WHERE kind = 'prompt' AND model IS NOT NULL AND origin IS NULL ORDER BY no DESC LIMIT ?1
         ), refused AS MATERIALIZED (
           SELECT DISTINCT run, event ->> '$.path' AS path, event ->> '$.attempt' AS attempt FROM events
           WHERE run >= (SELECT min(run) FROM recent) AND (event ->> '$.event' = 'answer_refused'
             OR (event ->> '$.event' = 'stage_retrying' AND event ->> '$.kind' = 'timed_out'))
         )
         SELECT r.skill, r.model, r.status, CASE WHEN json_valid(r.error) THEN r.error ->> '$.kind' END,
           f.run IS NOT NULL, coalesce(r.cost, 0), r.ended - r.started
         FROM recent r LEFT JOIN refused f ON f.run = r.run AND f.path = r.path AND f.attempt = r.attempt",
    )?;
    let mut rows = statement.query([i64::try_from(MOST).unwrap_or(i64::MAX)])?;
    let mut out = KnownOutcomes::new();
    while let Some(row) = rows.next()? {
        let (skill, model, status): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let failed: Option<String> = row.get(3)?;
        let failed = failed.and_then(|kind| serde_json::from_value(Json::String(kind)).ok());
        let (refused, cost, ms) = (row.get(4)?, row.get(5)?, row.get(6)?);
        count_answer(&mut out, &Answered { skill: &skill, model: &model, status: &status, failed, refused, cost, ms });
    }
    Ok(out)
}
