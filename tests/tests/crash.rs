//! Processes that are killed, damaged files, full disks: no answer is lost, no `@once` effect is repeated, and unknown
//! outcomes are asked about.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use cascade_runtime::{Begin, journal::RunRow};
use models::Model;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use project::{Project, result_json, stderr, stdout};
use rusqlite::Connection;
use serde_json::json;

fn only_run(project: &Project) -> RunRow {
    let mut runs = project.store().runs().unwrap();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// Waits until a condition holds; fails the test after a time limit.
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A skill that kills the process that runs it, the first time.
const DEADLY: &str = r#"
skill note(what: string) -> string {
  run sh"echo $<what> >> log.txt; echo $<what>"
}
skill deadly() -> string {
  run sh"""
    echo "deadly $CASCADE_IDEMPOTENCY_KEY" >> log.txt
    test -e survived && echo ok && exit
    touch survived
    kill -9 $PPID
    sleep 1
    """
}
cascade main() -> string {
  stage a = note("a")
  stage b = deadly()
  stage c = note("c")
  return "$<a> $<b> $<c>"
}
"#;

#[test]
fn an_interrupted_effect_is_repeated_with_the_same_key() {
    let project = Project::new();
    project.write("flow.cascade", DEADLY);
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none(), "it was killed");
    let run = only_run(&project);
    assert_eq!((run.status.as_str(), run.pid), ("dead", None));
    let again = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&again), "a ok c\n", "{}", stderr(&again));
    let log = project.lines("log.txt");
    assert_eq!(log.len(), 4, "{log:?}");
    assert_eq!((&log[0][..], &log[3][..]), ("a", "c"));
    assert!(log[1] == log[2] && log[1].len() == "deadly ".len() + 32, "{log:?}");
    assert_eq!(only_run(&project).status, "done");
}

#[test]
fn an_interrupted_once_effect_is_asked_about() {
    let text = DEADLY.replace("skill deadly", "@once\nskill deadly");
    for (answer, result) in
        [(vec!["done", "by hand\n"], "a by hand c"), (vec!["again"], "a ok c"), (vec!["failed"], "")]
    {
        let project = Project::new();
        project.write("flow.cascade", &text);
        assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
        let paused = project.call(&["resume"]);
        assert_eq!(paused.status.code(), Some(3), "{}", stderr(&paused));
        assert!(stderr(&paused).contains("must not be repeated blindly. What became of it?"), "{}", stderr(&paused));
        assert_eq!(project.lines("log.txt").len(), 2, "it was not repeated");
        let run = only_run(&project).id;
        let mut words = vec!["answer", &run[..], "b"];
        words.extend(&answer);
        words.extend(["--resume", "-q"]);
        let end = project.call(&words);
        if result.is_empty() {
            assert_eq!(end.status.code(), Some(1));
            assert!(stderr(&end).contains("a person said that it had failed"), "{}", stderr(&end));
        } else {
            assert_eq!(stdout(&end), format!("{result}\n"), "{}", stderr(&end));
        }
        let times = project.lines("log.txt").iter().filter(|l| l.starts_with("deadly")).count();
        assert_eq!(times, if answer[0] == "again" { 2 } else { 1 });
    }
}

#[test]
fn a_repeated_request_has_the_same_idempotency_key() {
    let child: Arc<Mutex<Option<u32>>> = Arc::default();
    let victim = Arc::clone(&child);
    let mut first = true;
    let service = Model::start(move |_| {
        if std::mem::take(&mut first) {
            wait_until("the process is known", || victim.lock().unwrap().is_some());
            let pid = victim.lock().unwrap().unwrap();
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
        }
        (200, String::new(), "{\"id\": 7}".to_owned())
    });
    let project = Project::new();
    project.write(
        "flow.cascade",
        &format!(
            "skill order(what: string) -> {{ id: int }} {{\n  http post \"{}/orders\" {{\n    body: what,\n  }}\n    output json\n}}\n\
             cascade main() -> int {{\n  stage o = order(\"tea\")\n  return o.id\n}}\n",
            service.url
        ),
    );
    let mut run: Child = project.command(&["run", "flow.cascade"]).spawn().unwrap();
    *child.lock().unwrap() = Some(run.id());
    assert!(run.wait().unwrap().code().is_none());
    let again = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&again), "7\n", "{}", stderr(&again));
    let keys: Vec<String> = service
        .request_heads()
        .iter()
        .map(|h| h.lines().find(|l| l.to_lowercase().starts_with("idempotency-key:")).unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn a_running_run_cannot_be_resumed() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill wait() -> string {\n  run sh\"touch started; while ! test -e go; do sleep 0.05; done; echo gone\"\n}\n\
         cascade main() -> string {\n  stage a = wait()\n  return a\n}\n",
    );
    let run = project.command(&["run", "flow.cascade", "-q"]).spawn().unwrap();
    wait_until("it has begun", || project.path().join("started").exists() && project.journal().is_file());
    wait_until("it is recorded", || project.store().runs().unwrap().len() == 1);
    let row = only_run(&project);
    assert_eq!((row.status.as_str(), row.pid), ("running", Some(run.id())));
    let refused = project.call(&["resume", &row.id]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains(&format!("is being run by process {}", run.id())), "{}", stderr(&refused));
    // Another run of the same program is no trouble.
    project.write("go", "");
    let other = project.call(&["run", "flow.cascade", "-q"]);
    assert_eq!(stdout(&other), "gone\n");
    assert_eq!(stdout(&run.wait_with_output().unwrap()), "gone\n");
    let statuses: Vec<String> = project.store().runs().unwrap().into_iter().map(|r| r.status).collect();
    assert_eq!(statuses, ["done", "done"]);
}

#[test]
fn a_cancelled_run_is_resumed_where_it_stopped() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        r#"
skill note(what: string) -> string {
  run sh"echo $<what> >> log.txt; echo $<what>"
}
skill wait() -> string {
  run sh"touch started; while ! test -e go; do sleep 0.05; done; echo waited"
}
cascade main() -> string {
  stage a = note("a")
  stage b = wait()
  return "$<a> $<b>"

  on cancel {
    stage told = note("cancelled")
  }
}
"#,
    );
    for _ in 0..2 {
        let _ = std::fs::remove_file(project.path().join("started"));
        let args: &[&str] = if project.journal().is_file() { &["resume"] } else { &["run", "flow.cascade"] };
        let run = project.command(args).spawn().unwrap();
        wait_until("it has begun", || project.path().join("started").exists());
        kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).unwrap();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(stderr(&output).contains("resume it with: cascadec resume"), "{}", stderr(&output));
        assert_eq!(only_run(&project).status, "cancelled");
    }
    // The hook ran each time; the finished stage did not.
    assert_eq!(project.lines("log.txt"), ["a", "cancelled", "cancelled"]);
    project.write("go", "");
    let end = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&end), "a waited\n", "{}", stderr(&end));
    assert_eq!(project.lines("log.txt"), ["a", "cancelled", "cancelled"]);
}

#[test]
fn many_runs_at_once_share_a_journal() {
    let project = Project::new();
    let text = r#"
memory shared: global {
  names: list<int> = []
}
skill note(n: int) -> int {
  run sh"echo $<n>"
    output json int
}
cascade main(from: int) -> list<int> {
  stage all = for i in [0, 1, 2, 3] parallel {
    stage x = note(from + i)
    shared.names += [x]
    x
  }
  return all
}
"#;
    thread::scope(|scope| {
        for from in 0..8 {
            let project = &project;
            scope.spawn(move || {
                let (outcome, _) = project.run_with(text, Begin::New, &json!({ "from": from * 10 }), |_| ());
                let n = from * 10;
                assert_eq!(result_json(&outcome), json!([n, n + 1, n + 2, n + 3]));
            });
        }
    });
    assert_eq!(project.store().runs().unwrap().iter().filter(|r| r.status == "done").count(), 8);
    // No addition is lost, and those of one run are in order.
    let kept = project.store().memory().unwrap().remove(0).value;
    let mut kept: Vec<i64> = serde_json::from_value(kept).unwrap();
    assert_eq!(kept.len(), 32);
    for run in 0..8 {
        let of_run: Vec<i64> = kept.iter().copied().filter(|n| n / 10 == run).collect();
        assert_eq!(of_run, [run * 10, run * 10 + 1, run * 10 + 2, run * 10 + 3]);
    }
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), 32);
}

#[test]
fn memory_is_changed_once_and_a_run_sees_its_first_value() {
    let project = Project::new();
    let text = |ty: &str, first: &str| {
        format!(
            r#"
memory project: global {{
  seen: {ty} = {first}
}}
skill deadly() -> string {{
  run sh"test -e survived || {{ touch survived; sleep 0.2; kill -9 $PPID; sleep 1; }}; echo ok"
}}
cascade main() -> {ty} {{
  let before = project.seen
  project.seen += {first}
  stage a = deadly()
  project.seen += {first}
  return before
}}
"#
        )
    };
    project.write("flow.cascade", &text("list<int>", "[1]"));
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
    // The memory is changed meanwhile; the run still sees the old value, and adds what is missing.
    let set = project.call(&["memory", "set", "project.seen", "[1, 1, 5]"]);
    assert!(set.status.success(), "{}", stderr(&set));
    let end = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&end).split_whitespace().collect::<String>(), "[1]", "{}", stderr(&end));
    assert_eq!(
        stdout(&project.call(&["memory", "get", "project.seen"])).split_whitespace().collect::<String>(),
        "[1,1,5,1]"
    );
    let history = stdout(&project.call(&["memory", "history", "project.seen"]));
    assert_eq!(history.lines().count(), 3, "{history}");
    // A value that does not fit the edited type is reported.
    project.write("flow.cascade", &text("list<string>", "[\"x\"]"));
    let wrong = project.call(&["run", "flow.cascade"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr(&wrong).contains("the memory `project.seen` holds what its type does not allow"),
        "{}",
        stderr(&wrong)
    );
    assert!(project.call(&["memory", "forget", "project.seen"]).status.success());
    assert!(project.call(&["run", "flow.cascade", "-q"]).status.success());
}

#[test]
fn an_incomplete_end_of_the_journal_is_ignored() {
    let project = Project::new();
    project.write("flow.cascade", DEADLY);
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
    // The last page of the write-ahead log never reached the disk.
    let wal = project.path().join(".cascade/runs.db-wal");
    let length = wal.metadata().unwrap().len();
    assert!(length > 4096, "{length}");
    let mut file = OpenOptions::new().write(true).open(&wal).unwrap();
    file.seek(SeekFrom::Start(length - 3000)).unwrap();
    file.write_all(&[0xa5; 3000]).unwrap();
    drop(file);
    let again = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&again), "a ok c\n", "{}", stderr(&again));
    // The start of `deadly` may be lost, or the end of `a`; nothing is lost that was known.
    let log = project.lines("log.txt");
    assert!(log.iter().filter(|l| *l == "a").count() <= 2, "{log:?}");
    let keys: Vec<&String> = log.iter().filter(|l| l.starts_with("deadly")).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{log:?}");
}

#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    // An error of the journal is not a failure of a stage: it is neither retried nor skipped.
    check_run_on_full_disk("");
    check_run_on_full_disk("\n      retry 5 backoff 0ms..0ms\n      on error skip");
}

fn check_run_on_full_disk(clauses: &str) {
    let project = Project::new();
    let text = r#"
skill note(n: int) -> string {
  run sh"echo $<n> >> log.txt; head -c 20000 /dev/urandom | od -An -tx1"
}
cascade main() -> int {
  var total = 0
  for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] {
    stage x = note(n)
    total = total + 1
  }
  return total
}
"#;
    let text = text.replace("= note(n)", &format!("= note(n){clauses}"));
    project.write("flow.cascade", &text);
    // No file may grow beyond 512 KiB: writing fails as on a full disk.
    let binary = cascade_tests::binary::cascadec().as_ref().unwrap();
    let output = Command::new("bash")
        .args(["-c", "ulimit -f 512; trap '' XFSZ; exec \"$0\" run flow.cascade -q"])
        .arg(binary)
        .current_dir(project.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("the journal `"), "{}", stderr(&output));
    let before = project.lines("log.txt");
    assert!(before.len() > 1 && before.len() < 20, "{before:?}");
    let end = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&end), "20\n", "{}", stderr(&end));
    // Only the one whose answer could not be kept is repeated.
    let after = project.lines("log.txt");
    assert!(after.len() <= 21, "{after:?}");
}

#[test]
fn a_journal_that_another_process_writes_is_waited_for() {
    let project = Project::new();
    project.write("flow.cascade", DEADLY);
    project.write("survived", "");
    assert!(project.call(&["run", "flow.cascade", "-q"]).status.success());
    // Another connection holds the lock for a moment.
    let holder = Connection::open(project.journal()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = project.lines("log.txt").len();
    let running = project.path().join(".cascade/running");
    let run = project.command(&["run", "flow.cascade", "-q"]).spawn().unwrap();
    wait_until("it lives", || std::fs::read_dir(&running).unwrap().next().is_some());
    assert_eq!(project.lines("log.txt").len(), before, "nothing begins that is not on record");
    holder.execute_batch("ROLLBACK").unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "a ok c\n", "{}", stderr(&output));
}

#[test]
fn a_damaged_artifact_is_asked_for_again() {
    let project = Project::new();
    let text = r#"
skill large() -> string {
  run sh"echo large >> log.txt; head -c 100000 /dev/zero | tr '\0' x"
}
skill check() -> string {
  run sh"test -e ready && echo fine"
}
cascade main() -> int {
  stage a = large()
  stage b = check()
  return a.len()
}
"#;
    let first = project.run(text, Begin::New);
    assert!(first.result.is_err());
    let artifacts = project.path().join(".cascade/artifacts");
    let file = std::fs::read_dir(&artifacts).unwrap().next().unwrap().unwrap().path();
    let mut content = String::new();
    File::open(&file).unwrap().read_to_string(&mut content).unwrap();
    std::fs::write(&file, &content[..content.len() / 2]).unwrap();
    project.write("ready", "");
    let again = project.run(text, Begin::Resume(first.run));
    assert_eq!(result_json(&again), 100_000);
    assert_eq!(project.lines("log.txt").len(), 2);
}

#[test]
fn a_clock_that_is_set_back_does_not_shorten_waits() {
    let project = Project::new();
    let text = DEADLY.replace("stage b = deadly()", "stage b = deadly()\n    timeout 1h\n    budget 2h");
    project.write("flow.cascade", &text);
    assert!(project.call(&["run", "flow.cascade"]).status.code().is_none());
    // All recorded times are a year in the future.
    let db = Connection::open(project.journal()).unwrap();
    let year = 365_i64 * 86_400_000;
    for (table, column) in [("runs", "started"), ("effects", "started"), ("effects", "ended"), ("timers", "began")] {
        db.execute(&format!("UPDATE {table} SET {column} = {column} + ?1"), [year]).unwrap();
    }
    drop(db);
    let again = project.call(&["resume", "-q"]);
    assert_eq!(stdout(&again), "a ok c\n", "{}", stderr(&again));
    assert!(project.call(&["runs", "show", "last"]).status.success());
    assert!(project.call(&["runs"]).status.success());
}

/// A process may be killed between the making of the project's folder and that of its `.gitignore`.
#[test]
fn an_incomplete_project_folder_is_repaired() {
    let project = Project::new();
    project.write("flow.cascade", "cascade main() -> int {\n  return 1\n}\n");
    let ignore = project.path().join(".cascade/.gitignore");
    std::fs::create_dir(project.path().join(".cascade")).unwrap();
    for half in [None, Some("")] {
        if let Some(half) = half {
            std::fs::write(&ignore, half).unwrap();
        }
        assert!(project.call(&["run", "-q", "flow.cascade"]).status.success());
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "*\n");
    }
}
