//! What is left of a run in its journal.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use cascade_ir::*;
use cascade_runtime::{
    RunOptions, RunOutcome,
    journal::{SqliteStore, Store as _},
    run_blocking as run,
};
use rusqlite::Connection;
use support::*;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("cascade-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.join("runs.db")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn script(code: &str) -> Program {
    let mut make = Make::new();
    let command = CommandTemplate::Shell { parts: vec![ShellPart::Text(code.into())], stop_on_error: false };
    let id = make.run_skill("it", command, OutputFormat::Text, Type::String);
    let clauses = Clauses { retry: Some(Retry { count: int(1), backoff: Some((ms(0), ms(0))) }), ..Clauses::default() };
    let stmts = vec![
        Stmt::Log(text("here"), place(1)),
        stage_with("a", 0, Work::Skill(id, vec![int(1)]), clauses),
        ret(slot(0)),
    ];
    make.main(2, stmts)
}

fn kept(program: &Program, dir: &Dir) -> RunOutcome {
    run(
        program,
        entry(program),
        vec![],
        RunOptions { store: Some(std::sync::Arc::new(SqliteStore::at(&dir.file()))), ..RunOptions::default() },
    )
}

#[test]
fn runs_and_effects_are_there_afterwards() {
    let dir = Dir::new("kept");
    let first = kept(&script("echo hi"), &dir);
    let second = kept(&script("exit 4"), &dir);
    assert!(first.result.is_ok() && second.result.is_err());
    assert!(first.run < second.run, "ids sort by time");
    let db = Connection::open(dir.file()).unwrap();
    let run = |id: &str| -> (String, String, Option<String>, Option<String>, bool) {
        db.query_row("SELECT status, cascade, result, error, ended >= started FROM runs WHERE id = ?1", [id], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })
        .unwrap()
    };
    assert_eq!(run(&first.run), ("done".into(), "main".into(), Some("\"hi\"".into()), None, true));
    let (status, _, result, error, _) = run(&second.run);
    assert_eq!((status.as_str(), result), ("failed", None));
    assert!(error.unwrap().contains("\"kind\":\"command_failed\""));
    let mut statement = db
        .prepare(
            "SELECT path, attempt, e.status, kind, length(key), answer FROM effects e JOIN runs r ON r.no = e.run
             WHERE r.id = ?1 ORDER BY attempt",
        )
        .unwrap();
    let effects: Vec<(String, u32, String, String, u32, Option<String>)> = statement
        .query_map([&second.run], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let answer = Some(r#"{"v":1,"kind":"process","code":4,"signal":null,"stdout":"","stderr":""}"#.to_owned());
    assert_eq!(
        effects,
        [
            ("main/a".into(), 1, "done".into(), "run".into(), 66, answer.clone()),
            ("main/a".into(), 2, "done".into(), "run".into(), 66, answer)
        ]
    );
    let events: u32 = db
        .query_row("SELECT count(*) FROM events e JOIN runs r ON r.no = e.run WHERE r.id = ?1", [&second.run], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(events, 3, "the log, the retry and the failure of the stage");
}

#[test]
fn large_answers_are_files() {
    let dir = Dir::new("large");
    assert!(kept(&script("head -c 100000 /dev/zero | tr '\\0' x"), &dir).result.is_ok());
    let db = Connection::open(dir.file()).unwrap();
    let (answer, hash): (Option<String>, String) =
        db.query_row("SELECT answer, artifact FROM effects", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert_eq!(answer, None);
    let content = std::fs::read_to_string(dir.0.join("artifacts").join(hash)).unwrap();
    assert!(content.len() > 100_000 && content.starts_with("{\"v\":1,\"kind\":\"process\",\"code\":0"));
}

#[test]
fn what_cannot_be_used_is_said() {
    let dir = Dir::new("newer");
    assert!(kept(&script("true"), &dir).result.is_ok());
    Connection::open(dir.file()).unwrap().execute("UPDATE meta SET value = 99 WHERE name = 'format'", []).unwrap();
    let failure = kept(&script("true"), &dir).result.unwrap_err();
    assert!(failure.message.contains("newer version of Cascade (format 99"), "{failure}");

    let dir = Dir::new("damaged");
    std::fs::create_dir_all(&dir.0).unwrap();
    std::fs::write(dir.file(), "this is no database, and it is long enough to be looked at as one").unwrap();
    let failure = kept(&script("true"), &dir).result.unwrap_err();
    assert!(failure.message.contains("damaged or not a journal"), "{failure}");

    let outcome = run(
        &script("true"),
        CascadeId(0),
        vec![],
        RunOptions {
            store: Some(std::sync::Arc::new(SqliteStore::at("/proc/none/runs.db".as_ref()))),
            ..RunOptions::default()
        },
    );
    assert!(outcome.result.unwrap_err().message.starts_with("the directory `/proc/none` cannot be made"));
}

/// The tables of the first version, with a run that had died.
const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id TEXT PRIMARY KEY, program TEXT NOT NULL, name TEXT NOT NULL, cascade TEXT NOT NULL,
  inputs TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
  result TEXT, error TEXT, pid INTEGER, tokens INTEGER NOT NULL DEFAULT 0, cost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE effects (
  run TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL, skill TEXT NOT NULL, model TEXT, once INTEGER NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, status TEXT NOT NULL,
  request TEXT NOT NULL, answer TEXT, artifact TEXT, error TEXT,
  tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0, cost INTEGER,
  idempotency TEXT NOT NULL, PRIMARY KEY (run, path, attempt)
);
CREATE TABLE events (
  run TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', 1);
INSERT INTO runs VALUES ('0a', 'p', 'old.cascade', 'main', '{}', 'running', 1000, NULL, NULL, NULL, 7, 0, 0);
INSERT INTO effects VALUES
  ('0a', 'main/b', 1, 'k2', 'run', 'it', NULL, 0, 1200, NULL, 'running', '{}', NULL, NULL, NULL, 0, 0, NULL, 'i'),
  ('0a', 'main/a', 1, 'k1', 'run', 'it', NULL, 0, 1000, 1100, 'done', '{}', '{\"stdout\":\"x\"}', NULL, NULL, 0, 0, NULL, 'i');
INSERT INTO events VALUES ('0a', 1, 1050, '{\"event\":\"log\"}');
";

#[test]
fn a_journal_of_the_first_version_is_brought_up_to_date() {
    let dir = Dir::new("first");
    std::fs::create_dir_all(&dir.0).unwrap();
    Connection::open(dir.file()).unwrap().execute_batch(FIRST).unwrap();
    let store = SqliteStore::open(&dir.file()).unwrap();
    let run = store.run("0a").unwrap().unwrap();
    assert_eq!((&run.file[..], &run.status[..]), ("old.cascade", "dead"));
    let effects: Vec<_> = store
        .effects("0a")
        .unwrap()
        .into_iter()
        .map(|e| (e.path, e.status, e.seq.is_some(), e.answer.map(|a| a.to_string())))
        .collect();
    assert_eq!(
        effects,
        [
            ("main/a".into(), "done".into(), true, Some("{\"stdout\":\"x\"}".into())),
            ("main/b".into(), "running".into(), false, None)
        ]
    );
    assert_eq!(store.events("0a", 0).unwrap().len(), 1);
    drop(store);
    // And new runs are kept beside it.
    assert!(kept(&script("true"), &dir).result.is_ok());
    assert_eq!(SqliteStore::open(&dir.file()).unwrap().runs().unwrap().len(), 2);
}
