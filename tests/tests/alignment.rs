//! The example `examples/alignment`: what is touched runs again with what depends on it and nothing else, what is deleted
//! comes back, and a dry run says so before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cascade_tests::{binary::cascadec, programs::repository_root};
use serde_json::Value as Json;

/// A copy of the example.
struct Example {
    folder: tempfile::TempDir,
}

impl Example {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = repository_root().join("examples/alignment");
        fs::create_dir_all(folder.path().join("data/samples")).unwrap();
        let samples = ["a", "b", "c"].map(|name| format!("data/samples/{name}.reads"));
        for file in ["alignment.cascade", "data/genome.fa"].into_iter().chain(samples.iter().map(String::as_str)) {
            fs::copy(example.join(file), folder.path().join(file)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn cascadec(&self, arguments: &[&str]) -> Output {
        Command::new(cascadec().as_ref().unwrap()).args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// The stages whose commands ran, and the result.
    fn run(&self, arguments: &[&str]) -> (Vec<String>, Json) {
        let output = self.cascadec(&[arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let (mut began, mut reused, mut result) = (BTreeSet::new(), BTreeSet::new(), Json::Null);
        for line in said.lines() {
            let event: Json = serde_json::from_str(line).unwrap();
            let path = event["path"].as_str().unwrap_or_default().to_owned();
            match event["event"].as_str().unwrap() {
                "stage_started" if event["skill"].is_string() => drop(began.insert(path)),
                "reused" => drop(reused.insert(path)),
                "result" => result = event["value"].clone(),
                _ => {}
            }
        }
        // These two have no `cache`: folders are looked at, and results read, each time.
        let uncached = ["variants/samples", "variants/calls"].map(str::to_owned);
        let ran = began.iter().filter(|path| !reused.contains(*path) && !uncached.contains(path));
        (ran.map(|path| path.trim_start_matches("variants/").to_owned()).collect(), result)
    }

    /// What a dry run says, by stage: `reuse`, `run` or `maybe`; and its last line.
    fn plan(&self, arguments: &[&str]) -> (Vec<String>, String) {
        let output = self.cascadec(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let mut stages: Vec<String> = Vec::new();
        for line in said.lines() {
            let mut words = line.split_whitespace();
            if let (Some(word @ ("reuse" | "run" | "maybe")), Some(path)) = (words.next(), words.next())
                && let Some(stage) = path.trim_end_matches(':').strip_prefix("variants/")
            {
                stages.push(format!("{word} {stage}"));
            }
        }
        stages.sort();
        (stages, said.lines().last().unwrap_or_default().to_owned())
    }
}

const RUN: [&str; 6] = ["run", "alignment.cascade", "--input", "data=data", "--input", "out=work"];

fn fork_plan() -> Vec<&'static str> {
    [&RUN[..], &["--fork", "last", "--dry-run"]].concat()
}

fn stages_of(samples: &[usize]) -> Vec<String> {
    samples
        .iter()
        .flat_map(|n| ["aligned", "in_order", "indexed"].map(|stage| format!("sorted[{n}]/{stage}")))
        .collect()
}

fn with_call(mut stages: Vec<String>) -> Vec<String> {
    stages.insert(0, "called".to_owned());
    stages
}

fn drop_first_line(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.split_once('\n').unwrap().1).unwrap();
}

#[test]
fn a_touched_input_runs_exactly_what_depends_on_it() {
    let example = Example::new();
    let (ran, variants) = example.run(&RUN);
    assert_eq!(ran, with_call(stages_of(&[0, 1, 2])));
    let positions: Vec<i64> = variants.as_array().unwrap().iter().map(|v| v["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, [50, 121, 201]);
    assert_eq!(example.run(&RUN), (vec![], variants.clone()));

    let b = example.path("data/samples/b.reads");
    drop_first_line(&b);
    assert_eq!(example.run(&RUN).0, with_call(stages_of(&[1])));
    // The same content is the same file.
    fs::write(&b, fs::read(&b).unwrap()).unwrap();
    assert_eq!(example.run(&RUN).0, [""; 0]);
    // In another order the reads are the same when they are sorted: the chain ends there.
    let reads = fs::read_to_string(&b).unwrap();
    let backwards: Vec<&str> = reads.lines().rev().collect();
    fs::write(&b, backwards.join("\n") + "\n").unwrap();
    assert_eq!(example.run(&RUN).0, ["sorted[1]/aligned", "sorted[1]/in_order"]);
    // Everything depends on the genome.
    let genome = example.read("data/genome.fa");
    fs::write(example.path("data/genome.fa"), genome + "ACGT\n").unwrap();
    let ran = example.run(&RUN).0;
    assert!(
        ran.contains(&"called".to_owned()) && ran.iter().filter(|s| s.ends_with("aligned")).count() == 3,
        "{ran:?}"
    );
}

#[test]
fn a_deleted_or_changed_output_comes_back() {
    let example = Example::new();
    let (_, variants) = example.run(&RUN);
    let (sorted, calls) = (example.read("work/sorted/b.txt"), example.read("work/calls/all.csv"));
    fs::remove_dir_all(example.path("work/sorted")).unwrap();
    fs::write(example.path("work/calls/all.csv"), "position,reference,alternative,seen,depth\n").unwrap();
    // The dry run says that no command has to run, and changes nothing.
    let (stages, end) = example.plan(&fork_plan());
    assert!(stages.iter().all(|stage| stage.starts_with("reuse ")) && stages.len() == 12, "{stages:?}");
    assert!(end.ends_with("nothing to run, all its answers are recorded"), "{end}");
    assert!(!example.path("work/sorted").exists());
    assert_eq!(example.run(&RUN), (vec![], variants));
    assert_eq!((example.read("work/sorted/b.txt"), example.read("work/calls/all.csv")), (sorted, calls));
}

#[test]
fn a_dry_run_tells_what_is_fresh() {
    let example = Example::new();
    example.run(&RUN);
    drop_first_line(&example.path("data/samples/b.reads"));
    let (stages, _) = example.plan(&fork_plan());
    let of = |word: &str| -> Vec<&str> {
        stages.iter().filter_map(|stage| stage.strip_prefix(word)).map(str::trim_start).collect()
    };
    assert_eq!(of("run "), ["sorted[1]/aligned"]);
    assert_eq!(of("maybe "), ["called", "calls", "sorted[1]/in_order", "sorted[1]/indexed"]);
    assert_eq!(of("reuse ").len(), 7);
    // The fork does what was said.
    let fork = [&RUN[..], &["--fork", "last"]].concat();
    assert_eq!(example.run(&fork).0, with_call(stages_of(&[1])));
    assert!(example.plan(&fork_plan()).1.ends_with("nothing to run, all its answers are recorded"));

    // A run that failed for a missing file takes from the cache what other runs have made.
    let genome = fs::read(example.path("data/genome.fa")).unwrap();
    fs::remove_file(example.path("data/genome.fa")).unwrap();
    assert_eq!(example.cascadec(&RUN).status.code(), Some(1));
    let (_, end) = example.plan(&["resume", "--dry-run"]);
    assert!(end.contains("it would end at once") && end.contains("`data/genome.fa` cannot be read"), "{end}");
    fs::write(example.path("data/genome.fa"), genome).unwrap();
    let (stages, _) = example.plan(&["resume", "--dry-run"]);
    let runs: Vec<&String> = stages.iter().filter(|stage| !stage.starts_with("reuse ")).collect();
    assert_eq!(runs, ["run calls"]);
    assert_eq!(example.run(&["resume"]).0, [""; 0]);
}
