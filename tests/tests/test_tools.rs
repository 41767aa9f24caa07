//! The suites of `std.testing` with the real test runners, in the real sandbox: what they report of tests that pass, fail,
//! are skipped and crash, what a stale or an unfinished report is taken for, and `fix_until_green` with an agent that a
//! script plays. `tests/tools/run.sh` installs the runners and calls this; it is no part of CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
};

use agents::{Stage, codex_that};
use project::{stderr, stdout};
use serde_json::{Value as Json, json};

/// A test runner with a small project: a sum that is computed wrongly, a test that passes, one that is skipped, and one or
/// more that fail.
struct Runner {
    name: &'static str,
    /// What says that the runner is there.
    probe: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
    /// The file with the mistake; `a - b` should be `a + b`.
    wrong: &'static str,
    /// The tests that fail, and text of each one's message.
    failing: &'static [(&'static str, &'static str)],
    /// The file and the line of the first of them, where the runner tells them.
    place: (Option<&'static str>, Option<u32>),
    /// How many are reported as skipped.
    skipped: usize,
    /// A file that ends the runner while it runs tests.
    crash: (&'static str, &'static str),
    /// What git ignores.
    ignored: &'static str,
}

const RUNNERS: &[Runner] = &[
    Runner {
        name: "pytest",
        probe: &["python", "-m", "pytest", "--version"],
        files: &[
            ("pyproject.toml", "[project]\nname = \"sums\"\nversion = \"0.1.0\"\n"),
            ("sums.py", "def add(a, b):\n    return a - b\n"),
            (
                "tests/test_sums.py",
                "import pytest\nfrom sums import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n\n\n\
                 def test_add_zero():\n    assert add(2, 0) == 2\n\n\n\
                 @pytest.mark.parametrize('a,b', [(1, 0), (2, 3)])\ndef test_pair(a, b):\n    assert add(a, b) == a + b\n\n\n\
                 class TestMore:\n    def test_add(self):\n        assert add(0, 0) == 0\n\n\n\
                 @pytest.mark.skip(reason='later')\ndef test_later():\n    assert False\n",
            ),
            ("conftest.py", ""),
        ],
        wrong: "sums.py",
        failing: &[("test_add", "assert 0 == 4"), ("test_pair[2-3]", "assert -1 == (2 + 3)")],
        place: (Some("tests/test_sums.py"), Some(5)),
        skipped: 1,
        crash: ("tests/test_crash.py", "import os\n\n\ndef test_crash():\n    os._exit(1)\n"),
        ignored: "__pycache__\n",
    },
    Runner {
        name: "vitest",
        probe: &["node", "--version"],
        files: &[
            ("package.json", "{\"type\": \"module\", \"devDependencies\": {\"vitest\": \"3.2.4\"}}\n"),
            ("sums.js", "export const add = (a, b) => a - b\n"),
            (
                "sums.test.js",
                "import { describe, expect, it } from 'vitest'\nimport { add } from './sums.js'\n\n\
                 describe('sums', () => {\n  it('adds (2 + 2)', () => expect(add(2, 2)).toBe(4))\n  \
                   it('adds (2 + 2) and nothing', () => expect(add(2, 0)).toBe(2))\n  \
                   it.skip('later', () => expect(1).toBe(2))\n})\n",
            ),
        ],
        wrong: "sums.js",
        failing: &[("sums > adds (2 + 2)", "expected +0 to be 4")],
        place: (None, None),
        skipped: 1,
        crash: (
            "crash.test.js",
            "import { it } from 'vitest'\nit('crashes', () => process.kill(process.pid, 'SIGKILL'))\n",
        ),
        ignored: "node_modules/\n",
    },
    Runner {
        name: "jest",
        probe: &["node", "--version"],
        files: &[
            ("package.json", "{\"devDependencies\": {\"jest\": \"30.2.0\", \"jest-junit\": \"16.0.0\"}}\n"),
            ("sums.js", "exports.add = (a, b) => a - b\n"),
            (
                "sums.test.js",
                "const { add } = require('./sums')\n\n\
                 describe('sums', () => {\n  test('adds (2 + 2)', () => expect(add(2, 2)).toBe(4))\n  \
                   test('adds (2 + 2) and nothing', () => expect(add(2, 0)).toBe(2))\n  \
                   test.skip('later', () => expect(1).toBe(2))\n})\n",
            ),
        ],
        wrong: "sums.js",
        failing: &[("sums adds (2 + 2)", "Expected: 4")],
        place: (Some("sums.test.js"), None),
        skipped: 1,
        crash: ("crash.test.js", "test('crashes', () => process.kill(process.pid, 'SIGKILL'))\n"),
        ignored: "node_modules\n",
    },
    Runner {
        name: "node",
        probe: &["node", "--version"],
        files: &[
            ("package.json", "{\"type\": \"module\"}\n"),
            ("sums.js", "export const add = (a, b) => a - b\n"),
            (
                "sums.test.js",
                "import assert from 'node:assert'\nimport { describe, it } from 'node:test'\n\
                 import { add } from './sums.js'\n\n\
                 describe('sums', () => {\n  it('adds (2 + 2)', () => assert.equal(add(2, 2), 4))\n  \
                   it('adds nothing', () => assert.equal(add(2, 0), 2))\n  \
                   it('later', { skip: true }, () => assert.equal(1, 2))\n})\n",
            ),
        ],
        wrong: "sums.js",
        failing: &[("adds (2 + 2)", "0 == 4")],
        place: (None, None),
        skipped: 1,
        crash: (
            "crash.test.js",
            "import { it } from 'node:test'\nit('crashes', () => process.kill(process.pid, 'SIGKILL'))\n",
        ),
        ignored: "node_modules\n",
    },
    Runner {
        name: "go",
        probe: &["gotestsum", "--version"],
        files: &[
            ("go.mod", "module sums\n\ngo 1.19\n"),
            ("sums.go", "package sums\n\nfunc Add(a, b int) int { return a - b }\n"),
            (
                "sums_test.go",
                "package sums\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 2) != 4 {\n\t\tt.Error(\"no sum\")\n\t}\n}\n\n\
                 func TestAddZero(t *testing.T) {\n\tif Add(2, 0) != 2 {\n\t\tt.Error(\"no sum\")\n\t}\n}\n\n\
                 func TestLater(t *testing.T) { t.Skip(\"later\") }\n",
            ),
        ],
        wrong: "sums.go",
        failing: &[("TestAdd", "no sum")],
        place: (None, None),
        skipped: 1,
        crash: (
            "crash_test.go",
            "package sums\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestCrash(t *testing.T) { os.Exit(3) }\n",
        ),
        ignored: "",
    },
    Runner {
        name: "nextest",
        probe: &["cargo", "nextest", "--version"],
        files: &[
            ("Cargo.toml", "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            (".config/nextest.toml", "[profile.ci]\nfail-fast = false\n\n[profile.ci.junit]\npath = \"junit.xml\"\n"),
            ("src/lib.rs", RUST),
        ],
        wrong: "src/lib.rs",
        failing: &[("tests::adds", "assertion `left == right` failed")],
        place: (None, None),
        skipped: 0,
        crash: ("tests/crash.rs", "#[test]\nfn crashes() {\n    std::process::abort();\n}\n"),
        ignored: "target\nCargo.lock\n",
    },
    Runner {
        name: "cargo",
        probe: &["cargo", "--version"],
        files: &[
            ("Cargo.toml", "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("src/lib.rs", RUST),
        ],
        wrong: "src/lib.rs",
        failing: &[("tests::adds", "")],
        place: (None, None),
        skipped: 1,
        crash: ("tests/crash.rs", "#[test]\nfn crashes() {\n    std::process::abort();\n}\n"),
        ignored: "target\nCargo.lock\n",
    },
];

const RUST: &str = "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
     fn adds() {\n        assert_eq!(super::add(2, 2), 4);\n    }\n\n    #[test]\n    fn adds_nothing() {\n        \
     assert_eq!(super::add(2, 0), 2);\n    }\n\n    #[test]\n    #[ignore]\n    fn later() {\n        panic!();\n    }\n}\n";

/// Runs all tests in a sandbox that is thrown away.
const ONCE: &str = "import std.testing { TestReport, detect_suite, run_tests }\n\n\
     cascade main() -> TestReport {\n  stage suite = detect_suite(\"repo\")\n  \
       stage work = sandbox \"repo\" network off as box {\n    stage report = run_tests(box, suite)\n    report\n  } discard\n  \
       return work.value\n}\n";

const FIX: &str = "import std.models { codex_auto }\nimport std.testing { FixReport, detect_suite, fix_until_green }\n\n\
     cascade main() -> FixReport {\n  stage suite = detect_suite(\"repo\")\n  \
       stage fixed = fix_until_green(\"repo\", suite, fixer: codex_auto, max: 2)\n  return fixed\n}\n";

fn tools() -> PathBuf {
    env::var_os("CASCADE_TEST_TOOLS").expect("tests/tools/run.sh calls this").into()
}

/// The search path with the installed runners.
fn search_path() -> String {
    format!("{}:{}", tools().join("python/bin").display(), env::var("PATH").unwrap())
}

impl Runner {
    fn is_there(&self) -> bool {
        let mut probe = Command::new(self.probe[0]);
        let found = probe.args(&self.probe[1..]).env("PATH", search_path()).output();
        found.is_ok_and(|output| output.status.success())
    }

    /// The project, with an agent that does what a script says.
    fn project(&self, agent: &str) -> Stage {
        let stage = Stage::new();
        stage.program("codex", &codex_that(agent, "I changed a line."));
        let repo = stage.path().join("repo");
        for (name, text) in self.files.iter().chain([&(".gitignore", self.ignored)]) {
            let file = repo.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        if matches!(self.name, "vitest" | "jest") {
            // As npm would install them.
            let from = tools().join("node_modules");
            let copied = Command::new("cp").arg("-al").arg(&from).arg(repo.join("node_modules")).status().unwrap();
            assert!(copied.success());
        }
        stage.commit_and_allow_sandboxes();
        stage
    }

    fn run(&self, stage: &Stage, program: &str) -> Output {
        stage.project.write("flow.cascade", program);
        let mut command = stage.command(&["run", "flow.cascade", "--quiet"]);
        let path = format!("{}:{}", stage.path().join("bin").display(), search_path());
        command.env("PATH", path).env_remove("CARGO_TARGET_DIR");
        // Tool chains are in the home of the user.
        if let Some(home) = env::var_os("HOME") {
            command.env("HOME", home);
        }
        command.output().unwrap()
    }
}

fn json_of(output: &Output) -> Json {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs the tests of a project once. They must not be taken for passed: the run fails, or reports tests that failed.
fn assert_not_green(runner: &Runner, stage: &Stage) {
    let output = runner.run(stage, ONCE);
    println!("{}: {}{}", runner.name, stdout(&output), stderr(&output));
    if output.status.success() {
        let report = json_of(&output);
        assert_ne!(report["failed"], json!([]), "{}: {report}", runner.name);
    }
}

fn for_each_runner(check: impl Fn(&Runner)) {
    let only = env::var("ONLY").unwrap_or_default();
    for runner in RUNNERS.iter().filter(|runner| runner.name.contains(&only)) {
        match runner.is_there() {
            true => check(runner),
            false => println!("   not tested  {}: it is not installed", runner.name),
        }
    }
}

#[test]
#[ignore = "tests/tools/run.sh calls it"]
fn tests_that_pass_fail_and_are_skipped_are_told_apart() {
    for_each_runner(|runner| {
        let stage = runner.project("true");
        let report = json_of(&runner.run(&stage, ONCE));
        println!("{}: {report}", runner.name);
        let failed = report["failed"].as_array().unwrap();
        assert_eq!(failed.len(), runner.failing.len(), "{}: {report}", runner.name);
        for ((name, message), found) in runner.failing.iter().zip(failed) {
            assert_eq!(found["test"], *name, "{}: {report}", runner.name);
            assert!(found["message"].as_str().unwrap_or_default().contains(message), "{}: {report}", runner.name);
        }
        assert_eq!(failed[0]["line"], json!(runner.place.1), "{}: {report}", runner.name);
        let file = failed[0]["file"].as_str().map(|file| file.trim_start_matches('/'));
        assert!(file.is_none() == runner.place.0.is_none(), "{}: {report}", runner.name);
        assert!(file.unwrap_or_default().ends_with(runner.place.0.unwrap_or_default()), "{}: {report}", runner.name);
        assert_eq!(report["skipped"], runner.skipped, "{}: {report}", runner.name);
        assert_eq!(stage.git(&["status", "--porcelain"]), "", "{}", runner.name);
    });
}

/// What ends the runner is never taken for a suite that passes.
#[test]
#[ignore = "tests/tools/run.sh calls it"]
fn a_crash_is_no_success() {
    for_each_runner(|runner| {
        let stage = runner.project("true");
        let repo = stage.path().join("repo");
        let wrong = repo.join(runner.wrong);
        fs::write(&wrong, fs::read_to_string(&wrong).unwrap().replace("a - b", "a + b")).unwrap();
        let whole = json_of(&runner.run(&stage, ONCE));
        assert_eq!(whole["failed"], json!([]), "{}: {whole}", runner.name);
        let (name, text) = runner.crash;
        fs::create_dir_all(repo.join(name).parent().unwrap()).unwrap();
        fs::write(repo.join(name), text).unwrap();
        assert_not_green(runner, &stage);
    });
}

/// The report of an earlier run is in the repository, and the runner cannot even start.
#[test]
#[ignore = "tests/tools/run.sh calls it"]
fn a_stale_report_is_not_read() {
    const STALE: &str =
        "<testsuites><testsuite name=\"s\" tests=\"1\"><testcase name=\"t\"/></testsuite></testsuites>\n";
    for_each_runner(|runner| {
        let stage = runner.project("true");
        let repo = stage.path().join("repo");
        for (name, text) in
            [("report.xml", STALE), ("target/nextest/ci/junit.xml", STALE), (".cascade-tests.tap", "ok 1 - t\n1..1\n")]
        {
            let file = repo.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::write(repo.join(".gitignore"), "").unwrap();
        for (name, _) in runner.files.iter().filter(|(name, _)| name.contains("test") || name.contains("src/")) {
            fs::write(repo.join(name), "this is } no program (\n").unwrap();
        }
        assert_not_green(runner, &stage);
    });
}

#[test]
#[ignore = "tests/tools/run.sh calls it"]
fn what_fails_is_repaired_and_applied() {
    for_each_runner(|runner| {
        let agent = format!("sed -i 's/a - b/a + b/' {}", runner.wrong);
        let stage = runner.project(&agent);
        let report = json_of(&runner.run(&stage, FIX));
        println!("{}: {report}", runner.name);
        assert_eq!((&report["failed"], &report["flaky"]), (&json!([]), &json!([])), "{}: {report}", runner.name);
        assert_eq!(report["repaired"].as_array().unwrap().len(), runner.failing.len(), "{}: {report}", runner.name);
        assert_eq!(stage.git(&["status", "--porcelain"]), format!(" M {}\n", runner.wrong), "{}", runner.name);
    });
}

/// The obvious repair breaks a test that passed.
#[test]
#[ignore = "tests/tools/run.sh calls it"]
fn what_breaks_another_test_is_not_applied() {
    for_each_runner(|runner| {
        let agent = format!("sed -i 's/a - b/2 + 2/' {}", runner.wrong);
        let stage = runner.project(&agent);
        let output = runner.run(&stage, FIX);
        println!("{}: {}", runner.name, stderr(&output));
        assert!(!output.status.success(), "{}: {}", runner.name, stdout(&output));
        assert_eq!(stage.git(&["status", "--porcelain"]), "", "{}", runner.name);
    });
}
