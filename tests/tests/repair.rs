//! `std.testing`: suites that are run, and `fix_until_green` on small repositories with tests that really fail. The
//! coding agent is played by a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::{fs, process::Output};

use agents::{Stage, codex_that};
use project::{stderr, stdout};
use serde_json::{Value as Json, json};

/// A suite of three tests in shell: each is a file that holds a program.
const RUNNER: &str = r#"
rm -f report.tap
n=0
for file in tests/*.sh; do
  name=$(basename "$file" .sh)
  if [ -n "$1" ] && [ "$1" != "$name" ]; then continue; fi
  n=$((n + 1))
  if sh "$file"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
done > tap
[ "$n" = 0 ] || { echo "1..$n" >> tap; mv tap report.tap; }
rm -f tap
"#;

/// A repository whose tests say which lines `src.txt` must have; and a suite for it.
fn seeded(agent: &str, tests: &[(&str, &str)]) -> Stage {
    let stage = Stage::new();
    stage.program("codex", &codex_that(agent, "I changed a line."));
    let repo = stage.path().join("repo");
    fs::create_dir(repo.join("tests")).unwrap();
    fs::write(repo.join("run.sh"), RUNNER).unwrap();
    fs::write(repo.join("src.txt"), "one\ntwo\nthree\n").unwrap();
    for (name, text) in tests {
        fs::write(repo.join(format!("tests/{name}.sh")), text).unwrap();
    }
    stage.project.write(
        "flow.cascade",
        "import std.models { codex_auto }\nimport std.testing { FixReport, TestSuite, fix_until_green }\n\n\
         cascade main() -> FixReport {\n  \
           let suite: TestSuite = {\n    command: sh\"sh ./run.sh\",\n    one: sh\"sh ./run.sh {test}\",\n    \
             report: \"report.tap\",\n    format: tap,\n  }\n  \
           stage fixed = fix_until_green(\"repo\", suite, fixer: codex_auto, max: 2)\n  return fixed\n}\n",
    );
    stage.commit_and_allow_sandboxes();
    stage
}

fn run(stage: &Stage) -> Output {
    stage.call(&["run", "flow.cascade", "--quiet"])
}

fn report(output: &Output) -> Json {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const ONE: (&str, &str) = ("one", "grep -q one src.txt");
const TWO: (&str, &str) = ("two", "grep -q TWO src.txt");

#[test]
fn what_an_agent_repairs_is_applied() {
    let stage = seeded("sed -i s/two/TWO/ src.txt", &[ONE, TWO]);
    let report = report(&run(&stage));
    assert_eq!(report["tests"]["passed"], json!(2), "{report}");
    assert_eq!(report["repaired"], json!(["two"]), "{report}");
    assert_eq!((&report["iterations"], &report["failed"], &report["flaky"]), (&json!(1), &json!([]), &json!([])));
    // The repair, and no report of a test run.
    assert_eq!(stage.git(&["status", "--porcelain"]), " M src.txt\n");
    assert_eq!(stage.file("repo/src.txt"), "one\nTWO\nthree\n");
}

#[test]
fn a_repair_that_breaks_another_test_is_not_applied() {
    let stage = seeded("printf 'TWO\\n' > src.txt", &[ONE, TWO]);
    let output = run(&stage);
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("the repair breaks tests that passed before: one"), "{said}");
    assert_eq!(stage.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_cannot_be_repaired_is_told_and_leaves_the_files_alone() {
    let stage = seeded("echo junk >> src.txt; echo junk > junk.txt", &[ONE, TWO]);
    let output = run(&stage);
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("1 tests still fail after 2 attempts each: two"), "{said}");
    assert_eq!(stage.git(&["status", "--porcelain"]), "");
}

/// The attempts at a test that stays broken leave nothing in the repair of another.
#[test]
fn one_repair_is_kept_where_another_is_given_up() {
    let stage = seeded("echo junk >> junk.txt; sed -i s/two/TWO/ src.txt", &[TWO, ("z", "grep -q never src.txt")]);
    let output = run(&stage);
    let said = stderr(&output);
    assert!(said.contains("1 tests still fail after 2 attempts each: z"), "{said}");
    assert_eq!(stage.file("repo/src.txt"), "one\nTWO\nthree\n");
    assert_eq!(stage.file("repo/junk.txt"), "junk\n");
}

/// A test that fails each second time, without any change.
#[test]
fn a_flaky_test_is_not_given_to_an_agent() {
    let flaky = "n=$(cat count 2> /dev/null || echo 0); n=$((n + 1)); echo $n > count; [ $((n % 2)) = 0 ]";
    let stage = seeded("echo asked >> src.txt", &[ONE, ("shaky", flaky)]);
    fs::write(stage.path().join("repo/.gitignore"), "count\n").unwrap();
    let report = report(&run(&stage));
    assert_eq!(report["flaky"], json!(["shaky"]), "{report}");
    assert_eq!((&report["iterations"], &report["failed"]), (&json!(0), &json!([])), "{report}");
    assert_eq!(stage.file("repo/src.txt"), "one\ntwo\nthree\n");
}

/// `cargo test` without nextest, on a real crate with a mistake.
#[test]
fn the_suite_of_a_crate_is_found_and_repaired() {
    let stage = seeded("sed -i 's/a - b/a + b/' src/lib.rs", &[]);
    let repo = stage.path().join("repo");
    fs::create_dir(repo.join("src")).unwrap();
    fs::write(repo.join("Cargo.toml"), "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .unwrap();
    fs::write(repo.join(".gitignore"), "target\nCargo.lock\n").unwrap();
    fs::write(
        repo.join("src/lib.rs"),
        "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
         fn sums() {\n        assert_eq!(super::add(2, 2), 4);\n    }\n\n    #[test]\n    fn nothing() {}\n}\n",
    )
    .unwrap();
    stage.project.write(
        "flow.cascade",
        "import std.models { codex_auto }\nimport std.testing { FixReport, detect_suite, fix_until_green }\n\n\
         cascade main() -> FixReport {\n  stage suite = detect_suite(\"repo\")\n  \
           stage fixed = fix_until_green(\"repo\", suite, fixer: codex_auto)\n  return fixed\n}\n",
    );
    // The tool chain is in the home of the user.
    let mut command = stage.command(&["run", "flow.cascade", "--quiet"]);
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    let output = command.env_remove("CARGO_TARGET_DIR").output().unwrap();
    let report = report(&output);
    assert_eq!(report["repaired"], json!(["tests::sums"]), "{report}");
    assert_eq!(report["tests"]["passed"], json!(2), "{report}");
    assert!(stage.file("repo/src/lib.rs").contains("a + b"));
}

/// `cargo test` goes on after a test program that was aborted, and prints nothing of its tests.
#[test]
fn a_test_program_that_ends_early_is_a_test_that_failed() {
    let stage = seeded("true", &[]);
    let repo = stage.path().join("repo");
    for (name, text) in [
        ("Cargo.toml", "[package]\nname = \"ends\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "#[test]\nfn passes() {}\n"),
        ("tests/ends.rs", "#[test]\nfn ends() {\n    std::process::abort();\n}\n"),
    ] {
        fs::create_dir_all(repo.join(name).parent().unwrap()).unwrap();
        fs::write(repo.join(name), text).unwrap();
    }
    stage.project.write(
        "flow.cascade",
        "import std.testing { TestReport, cargo_test_suite, run_tests }\n\n\
         cascade main() -> TestReport {\n  stage report = run_tests(\"repo\", cargo_test_suite())\n  return report\n}\n",
    );
    let mut command = stage.command(&["run", "flow.cascade", "--quiet"]);
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    let report = report(&command.env_remove("CARGO_TARGET_DIR").output().unwrap());
    assert_eq!(report["passed"], json!(1), "{report}");
    let failed = report["failed"][0]["name"].as_str().unwrap();
    assert!(failed.starts_with("tests/ends.rs") && failed.ends_with("ended before its tests"), "{report}");
}

/// `kill -9` when the run has told its k-th event: the repository is as before or repaired, never between, and a resumed run
/// repairs it without a second question to the agent that answered. A selection of the events; all of them with
/// `CASCADE_KILLS=all`.
#[test]
fn a_repair_that_is_killed_at_any_event_is_whole() {
    use std::io::{BufRead, BufReader};
    let agent = "echo asked >> \"$LOG.asked\"; sed -i s/two/TWO/ src.txt; echo new > new.txt";
    let state = |stage: &Stage| {
        let new = stage.path().join("repo/new.txt").exists();
        match (stage.file("repo/src.txt").as_str(), new) {
            ("one\ntwo\nthree\n", false) => "before",
            ("one\nTWO\nthree\n", true) => "after",
            other => panic!("torn: {other:?}"),
        }
    };
    let step = if std::env::var("CASCADE_KILLS").is_ok_and(|kills| kills == "all") { 1 } else { 13 };
    let (mut before, mut after) = (0, 0);
    for events in (1..).step_by(step) {
        let stage = seeded(agent, &[ONE, TWO]);
        let mut child = stage
            .command(&["run", "flow.cascade", "--json"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.by_ref().take(events).map_while(Result::ok).count();
        let _ = child.kill();
        child.wait().unwrap();
        match state(&stage) {
            "before" => before += 1,
            _ => after += 1,
        }
        // It had ended, and only told so.
        let has_ended = stage.project.store().runs().unwrap().first().is_some_and(|run| run.status == "done");
        if told < events || has_ended {
            assert_eq!(state(&stage), "after");
            break;
        }
        // One that was killed before anything was recorded begins anew.
        let output = stage.call(&["run", "flow.cascade", "--quiet", "--resume"]);
        let report = report(&output);
        assert_eq!(report["repaired"], json!(["two"]), "after {events} events: {report}");
        assert_eq!(state(&stage), "after", "after {events} events");
        // An answer that was on its way when the process was killed is asked for again; never one that was recorded.
        let asked = stage.file("log.asked").lines().count();
        assert!(asked <= 2, "after {events} events: asked {asked} times");
    }
    assert!(before > 0 && after > 0, "{before} before, {after} after");
    println!("{before} kills left the repository as before, {after} left it repaired");
}
