//! `cascadec`, killed at its k-th system call during each command: a run, an answer, an approval, a resume after a
//! failure, a fork, a change of memory, the upgrade of a journal, a clean-up. Then the command is repeated, the other
//! commands follow, and the end must be that of an uninterrupted sequence.
//!
//! By default it is killed at selected calls; with `CASCADE_KILLS=all` at every one, with `CASCADE_KILLS=7` at every
//! seventh.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/tracer.rs"]
mod tracer;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use cascade_runtime::journal::{SqliteStore, Store};
use cascade_tests::binary::cascadec;
use tracer::{Cut, Traced, call};

const FLOW: &str = r#"
memory notes: global {
  seen: list<string> = []
  count: int = 0
}

skill mark(name: string) -> string {
  run sh"""
    echo "$<name> $CASCADE_IDEMPOTENCY_KEY" >> log.txt
    echo "it was $<name>"
    """
}

skill large(name: string) -> string {
  run sh"""
    echo "$<name> $CASCADE_IDEMPOTENCY_KEY" >> log.txt
    head -c 70000 /dev/zero | tr '\0' x
    """
}

skill late(name: string) -> string {
  run sh"""
    echo "$<name> $CASCADE_IDEMPOTENCY_KEY" >> log.txt
    test -e online
    echo "at last"
    """
}

cascade inner(name: string) -> string {
  stage a = mark("$<name>-a")
  notes.seen += [name]
  return a

  on success(result) {
    stage told = mark("$<name>-told")
  }
}

cascade main() -> json {
  stage first = mark("first")
  stage kept = mark("kept")
    cache 1d
  stage all = parallel {
    stage big = large("big")
    stage deep = inner("deep")
  }
  stage who = ask("Who?")
  stage rows = for i in [1, 2] parallel {
    stage row = mark("row-$<i>")
    notes.count += 1
    row
  }
  stage sure = approve("Go on?")
  gate sure, "no"
  stage end = late("late")
  return { first: first, kept: kept, big: all.big.len(), deep: all.deep, who: who, rows: rows, end: end } as json

  on failure(error) {
    stage undo = mark("undo")
  }
}
"#;

/// A step: a command, and the command that is given after an interruption.
struct Step {
    name: &'static str,
    args: &'static [&'static str],
    again: &'static [&'static [&'static str]],
}

const STEPS: &[Step] = &[
    Step { name: "run", args: &["run", "flow.cascade", "-q"], again: &[&["run", "flow.cascade", "--resume", "-q"]] },
    Step { name: "answer", args: &["answer", "last", "who", "ada"], again: &[&["answer", "last", "who", "ada"]] },
    Step { name: "resume", args: &["resume", "-q"], again: &[&["resume", "-q"]] },
    // The stage after it fails.
    Step {
        name: "approve",
        args: &["approve", "last", "--resume", "-q"],
        again: &[&["approve", "last"], &["resume", "-q"]],
    },
    Step { name: "resume after a failure", args: &["resume", "-q"], again: &[&["resume", "-q"]] },
    Step {
        name: "memory set",
        args: &["memory", "set", "notes.count", "40"],
        again: &[&["memory", "set", "notes.count", "40"]],
    },
    Step {
        name: "fork",
        args: &["run", "flow.cascade", "--fork", "RUN", "-q"],
        // A fork that was recorded is gone on with.
        again: &[&["run", "flow.cascade", "--resume-or-fork", "RUN", "-q"]],
    },
    Step { name: "gc", args: &["runs", "gc", "--older-than", "0s"], again: &[&["runs", "gc", "--older-than", "0s"]] },
];

/// The step before which the server is started.
const ONLINE: usize = 4;

/// A folder with the project, always with the same path, which is part of the keys of commands.
struct Journey {
    folder: tempfile::TempDir,
    prints: PathBuf,
}

impl Journey {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prints = folder.path().join("prints");
        let journey = Self { folder, prints };
        fs::create_dir(journey.project()).unwrap();
        fs::write(journey.project().join("flow.cascade"), FLOW).unwrap();
        journey
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.project().join(".cascade/runs.db")).unwrap()
    }

    /// Saves the state of the project before a step.
    fn keep(&self, step: usize) {
        let copied = Command::new("cp").arg("-a").arg(self.project()).arg(self.stand(step)).status().unwrap();
        assert!(copied.success());
    }

    /// Restores the state before a step.
    fn go_back(&self, step: usize) {
        fs::remove_dir_all(self.project()).unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.stand(step)).arg(self.project()).status().unwrap();
        assert!(copied.success());
    }

    fn stand(&self, step: usize) -> PathBuf {
        self.folder.path().join(format!("before-{step}"))
    }

    fn prepare(&self, step: usize) {
        if step == ONLINE {
            fs::write(self.project().join("online"), "").unwrap();
        }
    }

    /// The arguments of a command. A fork is made of the first run.
    fn words(&self, args: &[&str]) -> Vec<String> {
        let runs = || self.store().runs().unwrap();
        if args.contains(&"--resume-or-fork") && runs().len() > 1 {
            let fork = runs().remove(0);
            let ended = fork.status == "done";
            return if ended { vec!["runs".into()] } else { vec!["resume".into(), fork.id, "-q".into()] };
        }
        let word = |arg: &&str| match *arg {
            "RUN" => runs().pop().unwrap().id,
            "--resume-or-fork" => "--fork".to_owned(),
            arg => arg.to_owned(),
        };
        args.iter().map(word).collect()
    }

    fn call(&self, args: &[&str]) {
        let words = self.words(args);
        let binary = cascadec().as_ref().unwrap();
        let mut command = Command::new(binary);
        command.args(&words).current_dir(self.project()).stdin(Stdio::null());
        let output = command.output().unwrap();
        fs::write(&self.prints, [output.stdout, output.stderr].concat()).unwrap();
    }

    fn traced(&self, args: &[&str], end: Option<(u64, Cut)>) -> Traced {
        let binary = cascadec().as_ref().unwrap();
        call(binary, &self.words(args), &self.project(), &self.prints, end)
    }

    /// Runs the steps from one to the last.
    fn go_on(&self, from: usize) {
        for (i, step) in STEPS.iter().enumerate().skip(from) {
            self.prepare(i);
            if step.name == "gc" {
                break;
            }
            self.call(step.args);
        }
    }

    /// What must not depend on interruptions: the runs with their results and records, and memory.
    fn found(&self) -> Vec<String> {
        let store = self.store();
        let mut out = Vec::new();
        for run in store.runs().unwrap().iter().rev() {
            let result = run.result.as_ref().map(ToString::to_string);
            out.push(format!("run {} {} {result:?} {}", run.cascade, run.status, run.fork.is_some()));
            let mut effects = BTreeMap::new();
            for row in store.effects(&run.id).unwrap() {
                // A stage that fails again has more attempts when the run is resumed early; only its end is compared.
                if row.status == "done" || row.status == "failed" {
                    let said = row.answer.unwrap_or_default().to_string();
                    effects.insert(row.path, format!("{} {} {}", row.skill, row.status, &said[..said.len().min(500)]));
                }
            }
            let hooks = |path: &str| path.contains("/on_failure");
            out.extend(
                effects.into_iter().filter(|(path, _)| !hooks(path)).map(|(path, line)| format!("{path} {line}")),
            );
            for question in store.questions(&run.id).unwrap() {
                out.push(format!("question {} {:?}", question.path, question.answer));
            }
        }
        out.extend(store.memory().unwrap().into_iter().map(|m| format!("memory {} {}", m.key, m.value)));
        out
    }

    /// Checks that each effect ran once, or twice if it was interrupted, with one key.
    fn check_effects(&self, calm: &BTreeMap<String, usize>) -> Result<usize, String> {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in fs::read_to_string(self.project().join("log.txt")).unwrap().lines() {
            let (name, key) = line.split_once(' ').unwrap();
            keys.entry(name.to_owned()).or_default().push(key.to_owned());
        }
        let mut repeated = 0;
        for (name, keys) in &keys {
            let usual = calm.get(name).copied().unwrap_or(0);
            // The hook of a failure is another effect each time.
            let one_key = name == "undo" || keys.iter().all(|key| *key == keys[0]);
            if keys.len() > usual + 1 || !one_key {
                return Err(format!("{name} was done {} times, usually {usual}: {keys:?}", keys.len()));
            }
            repeated += keys.len().saturating_sub(usual);
        }
        match calm.keys().find(|name| !keys.contains_key(*name)) {
            Some(name) => Err(format!("{name} was not done")),
            None => Ok(repeated),
        }
    }
}

fn count_effects(journey: &Journey) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(journey.project().join("log.txt")).unwrap().lines() {
        *counts.entry(line.split_once(' ').unwrap().0.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// The calls at which a command is killed: every n-th, and at least some.
fn selected_calls(calls: u64, least: u64) -> impl Iterator<Item = u64> {
    let every = match std::env::var("CASCADE_KILLS").as_deref() {
        Ok("all") => 1,
        Ok(n) => n.parse().unwrap(),
        Err(_) => (calls / least).max(1),
    };
    (1..=calls).filter(move |k| k % every == 0 || *k == calls)
}

#[derive(Default)]
struct Tally {
    tried: BTreeMap<String, u64>,
    at: BTreeMap<&'static str, u64>,
    repeated: usize,
}

#[test]
fn results_are_the_same_when_the_command_ends_at_any_system_call() {
    let journey = Journey::new();
    for (i, step) in STEPS.iter().enumerate() {
        journey.prepare(i);
        journey.keep(i);
        if step.name != "gc" {
            journey.call(step.args);
        }
    }
    let (expected, usual) = (journey.found(), count_effects(&journey));
    assert!(expected.iter().filter(|line| line.starts_with("run main done")).count() == 2, "{expected:#?}");

    let mut tally = Tally::default();
    for (i, step) in STEPS.iter().enumerate() {
        journey.go_back(i);
        let calls = journey.traced(step.args, None).calls;
        println!("{} makes {calls} calls; {:?} so far", step.name, tally.tried);
        for k in selected_calls(calls, 6) {
            for cut in [Cut::Before, Cut::Torn] {
                journey.go_back(i);
                let traced = journey.traced(step.args, Some((k, cut)));
                let Some(at) = traced.cut else { continue };
                for again in step.again {
                    journey.call(again);
                }
                let what = format!("`{}` was ended at call {k} of {calls}, {at}, {cut:?}", step.name);
                if step.name == "gc" {
                    // Both runs succeeded and were removed.
                    assert!(journey.store().runs().unwrap().is_empty(), "{what}");
                    let memory = |lines: &[String]| lines.iter().filter(|l| l.starts_with("memory")).count();
                    assert_eq!(memory(&journey.found()), memory(&expected), "{what}");
                } else {
                    journey.go_on(i + 1);
                    let found = journey.found();
                    let said = fs::read_to_string(&journey.prints).unwrap_or_default();
                    assert!(found == expected, "{what}\n{}\n{said}", describe_difference(&found, &expected));
                    tally.repeated += journey.check_effects(&usual).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
                }
                *tally.tried.entry(step.name.to_owned()).or_default() += 1;
                *tally.at.entry(at).or_default() += 1;
            }
        }
    }
    let tried: u64 = tally.tried.values().sum();
    println!(
        "{tried} ends tried, {tried} held; {:?}; at {:?}; {} effects repeated",
        tally.tried, tally.at, tally.repeated
    );
    assert!(tally.tried.len() == STEPS.len() && tried > 60, "{:?}", tally.tried);
}

/// The journal of an older version is upgraded by the first command that opens it.
#[test]
fn an_upgrade_of_a_journal_can_be_interrupted() {
    let mut tried = 0;
    for format in ["format_1.sql", "format_2.sql", "format_3.sql"] {
        let journey = Journey::new();
        let journals = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/tests/journals");
        fs::copy(format!("{journals}/flow.cascade"), journey.project().join("flow.cascade")).unwrap();
        fs::write(journey.project().join("cascade.toml"), "").unwrap();
        fs::write(journey.project().join("ready"), "").unwrap();
        fs::create_dir(journey.project().join(".cascade")).unwrap();
        let dump = fs::read_to_string(format!("{journals}/{format}")).unwrap();
        let file = journey.project().join(".cascade/runs.db");
        rusqlite::Connection::open(file).unwrap().execute_batch(&dump).unwrap();
        journey.keep(0);
        let resume = ["resume", "-q", "--input", "token=abcd"];
        let calls = journey.traced(&resume, None).calls;
        for k in selected_calls(calls, 8) {
            for cut in [Cut::Before, Cut::Torn] {
                journey.go_back(0);
                let traced = journey.traced(&resume, Some((k, cut)));
                let Some(at) = traced.cut else { continue };
                let what = format!("{format}, ended at call {k} of {calls}, {at}, {cut:?}");
                journey.call(&resume);
                let run = journey.store().runs().unwrap().remove(0);
                let said = fs::read_to_string(&journey.prints).unwrap();
                assert_eq!(
                    (run.status.as_str(), run.result),
                    ("done", Some("noted ONE 7 ready".into())),
                    "{what}\n{said}"
                );
                // Only the check, which had failed, was done here: once, or twice when it was interrupted.
                let log = fs::read_to_string(journey.project().join("log")).unwrap();
                assert!(log == "a.txt\n" || log == "a.txt\na.txt\n", "{what}: {log}");
                tried += 1;
            }
        }
    }
    println!("{tried} ends tried, {tried} held");
    assert!(tried >= 24, "{tried}");
}

fn describe_difference(found: &[String], expected: &[String]) -> String {
    let only = |a: &[String], b: &[String]| a.iter().filter(|l| !b.contains(l)).cloned().collect::<Vec<_>>();
    format!("more: {:#?}\nless: {:#?}", only(found, expected), only(expected, found))
}
