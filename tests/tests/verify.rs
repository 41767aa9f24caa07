//! Changes that are made to the journal of a run are detected.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use cascade_runtime::{Begin, journal::Verification};
use project::{Project, result_json};
use rusqlite::Connection;

const PROGRAM: &str = "skill note(text: string) -> string {\n  run sh\"echo $<text> >> log; echo $<text>\"\n}\n\
     skill long() -> string {\n  run sh\"head -c 100000 /dev/zero | tr '\\\\0' x\"\n}\n\
     skill check() -> string {\n  run sh\"test -e ready && echo ready\"\n}\n\
     cascade main() -> string {\n  parallel {\n    stage a = note(\"a\")\n    stage b = note(\"b\")\n  }\n  \
     stage l = long()\n  log \"so far\"\n  stage c = check()\n  return c\n}\n";

/// A project with a run that failed once and was resumed; gives its id.
fn project_with_run() -> (Project, String) {
    let project = Project::new();
    let run = project.run(PROGRAM, Begin::New).run;
    project.write("ready", "");
    let done = project.run(PROGRAM, Begin::Resume(run.clone()));
    assert_eq!(result_json(&done), "ready");
    (project, run)
}

fn verify_run(project: &Project, run: &str) -> Verification {
    project.store().verify(run).unwrap()
}

#[test]
fn an_unchanged_record_is_verified() {
    let (project, run) = project_with_run();
    let verified = verify_run(&project, &run);
    assert!(verified.faults.is_empty() && !verified.unknown && verified.rows > 6, "{verified:?}");
    let fork = project.run(PROGRAM, Begin::Fork(run)).run;
    let verified = verify_run(&project, &fork);
    assert!(verified.faults.is_empty() && verified.rows > 5, "{verified:?}");
    let said = project.call(&["runs", "verify"]);
    assert!(said.status.success(), "{}", project::stdout(&said));
    assert_eq!(project::stdout(&said).lines().filter(|line| line.contains("whole and unchanged")).count(), 2);
    assert!(project::stdout(&project.call(&["runs", "show"])).contains("\nrecord whole and unchanged ("));
}

#[test]
fn every_change_is_detected() {
    let changes = [
        ("UPDATE effects SET answer = replace(answer, 'a', 'z') WHERE path LIKE '%/a'", "`main/a`"),
        ("UPDATE effects SET cost = 7 WHERE path LIKE '%/b'", "`main/b`"),
        ("UPDATE effects SET status = 'withdrawn' WHERE path LIKE '%/b'", "`main/b`"),
        ("UPDATE effects SET path = 'main/x' WHERE path LIKE '%/b'", "`main/x`"),
        ("DELETE FROM effects WHERE path LIKE '%/a'", "an effect"),
        (
            "INSERT INTO effects SELECT no + 1000, run, path, attempt, key, parts, kind, skill, model, once, started, ended,
               seq, status, request, answer, artifact, error, tokens_in, tokens_out, cost, clock, origin, idempotency
             FROM effects WHERE path LIKE '%/a'",
            "was added",
        ),
        ("UPDATE events SET event = '{}' WHERE seq = 1", "an event was changed"),
        ("DELETE FROM ends", "an end"),
        ("UPDATE runs SET result = '\"other\"'", "the run itself"),
        ("UPDATE runs SET inputs = '{\"a\": 1}'", "the run itself"),
        ("UPDATE runs SET status = 'failed'", "the run itself"),
        ("DELETE FROM chain WHERE no = 2", "does not follow"),
        ("UPDATE chain SET hash = randomblob(32) WHERE no = 1", "does not follow"),
        ("UPDATE chain SET rows = zeroblob(length(rows)) WHERE no = 1", "does not follow"),
    ];
    let (original, run) = project_with_run();
    for (change, expected) in changes {
        let project = copy_of(&original);
        assert!(Connection::open(project.journal()).unwrap().execute(change, []).unwrap() > 0, "{change}");
        let verified = verify_run(&project, &run);
        assert!(verified.faults.iter().any(|fault| fault.contains(expected)), "{change}: {verified:?}");
        let said = project.call(&["runs", "verify", &run]);
        assert_eq!(said.status.code(), Some(1), "{change}");
        assert!(project::stdout(&said).contains("NOT what was written"), "{change}");
    }
}

#[test]
fn a_changed_artifact_is_detected() {
    let (project, run) = project_with_run();
    let folder = project.journal().with_file_name("artifacts");
    let files: Vec<_> = files_below(&folder);
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::write(&files[0], "something else").unwrap();
    let verified = verify_run(&project, &run);
    assert!(verified.faults.iter().any(|fault| fault.contains("`main/l`")), "{verified:?}");
}

/// The journal of a project, without its programs, in another one.
fn copy_of(original: &Project) -> Project {
    let (copy, from) = (Project::new(), original.path().join(".cascade"));
    for file in files_below(&from) {
        let to = copy.path().join(".cascade").join(file.strip_prefix(&from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    copy
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
