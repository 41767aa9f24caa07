//! Tests as JSON: one object a test, and one for the whole.

use std::collections::BTreeMap;

use cascade_runtime::rehearsal::Coverage;
use serde_json::{Value as Json, json};

use super::Done;

/// One JSON object a line.
pub fn json_lines(done: &[Done<'_>], coverage: Option<&Coverage>) -> String {
    let mut out = String::new();
    for one in done {
        out.push_str(&format!("{}\n", test_json(one)));
    }
    let failed = done.iter().filter(|one| !one.has_passed()).count();
    let mut sum = json!({ "event": "summary", "tests": done.len(), "passed": done.len() - failed, "failed": failed });
    if let (Some(coverage), Json::Object(sum)) = (coverage, &mut sum) {
        let (reached, all) = coverage.sum();
        let missed: Vec<Json> = coverage
            .cascades
            .iter()
            .flat_map(|((_, cascade), points)| points.iter().map(move |point| (cascade, point)))
            .filter(|(_, (_, reached))| !**reached)
            .map(|(cascade, (point, _))| {
                json!({
                    "cascade": cascade, "file": point.file, "line": point.at.0, "column": point.at.1,
                    "message": point.missed,
                })
            })
            .collect();
        let files = places_of_files(coverage);
        sum.insert("coverage".into(), json!({ "reached": reached, "places": all, "missed": missed, "files": files }));
    }
    out.push_str(&format!("{sum}\n"));
    out
}

/// All places of each file, and whether a test reached them, for editors that mark them.
fn places_of_files(coverage: &Coverage) -> Vec<Json> {
    let mut files: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for (point, reached) in coverage.cascades.values().flatten() {
        let (line, column) = point.at;
        files.entry(&point.file).or_default().push(json!({ "line": line, "column": column, "reached": reached }));
    }
    files.into_iter().map(|(file, places)| json!({ "file": file, "places": places })).collect()
}

fn test_json(one: &Done<'_>) -> Json {
    let place = |place: cascade_ir::Place| json!({ "line": place.line, "column": place.column });
    let problems: Vec<Json> = one
        .rehearsed
        .problems
        .iter()
        .map(|p| json!({ "message": p.message, "at": place(p.place), "notes": p.notes, "help": p.help }))
        .collect();
    let stages: Vec<Json> = one
        .rehearsed
        .stages
        .iter()
        .map(|s| json!({ "path": s.path, "status": s.status, "attempts": s.attempts, "message": s.message }))
        .collect();
    let unused: Vec<Json> =
        one.rehearsed.unused.iter().map(|u| json!({ "mock": u.name, "at": place(u.place) })).collect();
    json!({
        "event": "test",
        "file": one.file.name,
        "name": one.test.name,
        "at": place(one.test.place),
        "status": if one.has_passed() { "passed" } else { "failed" },
        "runs": one.runs,
        "seed": one.seed,
        "virtual_ms": one.rehearsed.ms,
        "problems": problems,
        "unused": unused,
        "stages": stages,
    })
}
