//! `test` blocks: mocks, virtual time, expectations, coverage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cascade_compiler::{MemorySources, compile, render};
use cascade_ir::Program;
use cascade_runtime::rehearsal::{Coverage, RehearsalOptions, RehearsalOutcome, rehearse};
use proptest::prelude::*;

const SKILLS: &str = r#"
type Review {
  score: int where it >= 0 and it <= 100
  words: list<string>
}

memory project: global {
  scores: list<int> = [7]
}

skill look(file: path) -> int {
  run sh"look $<file>"
    output json
}

skill review(text: string) -> Review {
  prompt "Review $<text>"
}

skill tell(text: string) {
  http post "https://example.org" { body: text }
}

cascade inner(file: path) -> int {
  stage seen = look(file)
  return seen + 1
}
"#;

fn compile_program(text: &str) -> Program {
    let whole = format!("{SKILLS}\n{text}");
    let compiled = compile("flow.cascade", whole.into(), &MemorySources::default());
    let shown = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    compiled.program.unwrap_or_else(|| panic!("{shown}"))
}

fn rehearse_text(text: &str) -> RehearsalOutcome {
    let program = compile_program(text);
    let [test] = program.tests.as_slice() else { panic!("one test is wanted") };
    rehearse(&program, test, RehearsalOptions { seed: 0, coverage: true })
}

#[track_caller]
fn assert_passes(text: &str) -> RehearsalOutcome {
    let out = rehearse_text(text);
    assert!(out.has_passed(), "{:#?}\n{:#?}", out.problems, out.stages);
    out
}

/// The failures of a test, one line each: message, notes, help.
#[track_caller]
fn failure_lines(text: &str) -> Vec<String> {
    let out = rehearse_text(text);
    assert!(!out.has_passed(), "it passed: {:#?}", out.stages);
    out.problems.into_iter().flat_map(|p| [p.message].into_iter().chain(p.notes).chain(p.help)).collect()
}

#[test]
fn mocks_answer_in_order_and_see_what_they_are_given() {
    assert_passes(
        r#"
cascade main() -> list<int> {
  stage all = for file in ["a", "b", "c", "d"] {
    stage one = look(file)
  }
  return all
}
test "t" {
  mock look -> 1 then -> 2 times 2
  mock look -> if file == "d" { 40 } else { 0 }
  run main()
  expect result == [1, 2, 2, 40]
  expect stage one ran times 4
}"#,
    );
}

#[test]
fn mocked_failures_are_handled_like_failures() {
    let out = assert_passes(
        r#"
cascade main() -> int {
  stage seen = look("a")
    retry 2 backoff 10s..1m
    on error (rate_limited) fallback inner("b")
  stage told = tell("x")
    on error skip
  return seen
}
test "t" {
  mock look fails (rate_limited, "slow down") times 3 then -> 4
  mock tell fails (denied)
  run main()
  expect stage told skipped
  expect stage seen ran times 4
  expect result == 5
}"#,
    );
    // Two pauses of at most 10 s and 20 s: the test took none of that time.
    assert_eq!(out.ms, 30_000);
}

#[test]
fn time_is_virtual() {
    let out = assert_passes(
        r#"
cascade main() -> string {
  stage seen = look("a")
    timeout 1h
    on error (timed_out) skip
  stage again = look("b")
    timeout 3h
  return "$<seen ?? 0> $<again>"
}
test "t" {
  mock look -> 1 after 2h
  run main()
  expect result == "0 1"
  expect stage seen skipped
}"#,
    );
    assert_eq!(out.ms, 3 * 3_600_000);
}

#[test]
fn a_cascade_and_a_person_are_mocked() {
    assert_passes(
        r#"
cascade main() -> string {
  stage n = inner("a")
  stage sure = approve("$<n>?")
  gate sure, "no"
  stage name = ask("Who?")
  stage place = choose("Where?", ["eu", "us"])
  stage seen = look("b")
    on error escalate "What now?"
    on error skip
  return "$<n> $<name> $<place> $<seen ?? 0>"
}
test "t" {
  mock inner -> 3
  mock approve -> true
  mock ask -> "Ada"
  mock choose -> "us"
  mock escalate -> "retry" then -> "abort"
  mock look fails (unavailable)
  run main()
  expect result == "3 Ada us 0"
  expect stage seen ran times 2
}"#,
    );
}

/// In a test, pure cascades are stages like others.
#[test]
fn pure_cascades_are_stages_and_can_be_mocked() {
    let out = assert_passes(
        r#"
cascade plus(n: int) -> int {
  return n + 1
}
cascade main(xs: list<int>) -> list<int> {
  stage all = for x in xs parallel {
    stage one = plus(x)
    one
  }
  stage again = repeat max 5 {
    stage seen = look("r")
    seen
  } until seen > 3
  return all + [again]
}
test "t" {
  mock plus -> n * 100
  mock look -> 2 then -> 3 after 1h then -> 4
  run main([1, 2])
  expect result == [100, 200, 4]
  expect stage one ran times 2
  expect stage again.seen ran times 3
}"#,
    );
    assert_eq!(out.ms, 3_600_000);
}

#[test]
fn a_branch_that_fails_ends_its_siblings() {
    let out = assert_passes(
        r#"
cascade main() {
  parallel {
    stage slow = look("a")
    stage wrong = look("b")
  }
  stage later = look("c")
}
test "t" {
  mock look -> 1 after 3h then fails (refused) after 1m
  run main()
  expect fails (refused)
  expect stage wrong failed
  expect stage later skipped
}"#,
    );
    assert_eq!(out.ms, 60_000);
    assert!(out.stages.iter().any(|s| s.path == "main/slow" && s.status == "cancelled"), "{:?}", out.stages);
}

#[test]
fn an_exhausted_quota_is_waited_for() {
    let out = assert_passes(
        r#"
cascade main() -> int {
  stage seen = look("a")
  return seen
}
test "t" {
  mock look fails (quota_exhausted) then -> 7
  run main()
  expect result == 7
  expect stage seen ran times 2
}"#,
    );
    assert_eq!(out.ms, 3_600_000);
}

#[test]
fn what_cannot_be_run_yet_can_be_rehearsed() {
    assert_passes(
        r#"
skill mend(repo: path) -> int {
  agent in repo "Mend it."
}
cascade main() -> int {
  stage done = mend(".")
  return done
}
test "t" {
  mock mend -> 3
  run main()
  expect result == 3
}"#,
    );
}

#[test]
fn memory_begins_as_declared_and_can_be_expected() {
    assert_passes(
        r#"
cascade main() -> int {
  stage both = parallel {
    stage a = inner("a")
    stage b = inner("b")
  }
  project.scores += [both.a, both.b]
  return project.scores.len()
}
test "t" {
  let before = project.scores
  mock look -> if file == "a" { 1 } else { 2 }
  run main()
  expect before == [7]
  expect project.scores == [7, 2, 3]
}"#,
    );
}

#[test]
fn a_rehearsal_has_no_side_effects() {
    let main = r#"
cascade main() {
  stage a = look("a")
    on error skip
  stage b = tell("b")
    on error skip
  stage ok = approve("Sure?")
    on error skip
}
"#;
    let said = failure_lines(&format!("{main}test \"t\" {{\n  run main()\n}}"));
    assert_eq!(
        said,
        [
            "the run calls `look` (a command), which is not mocked",
            "by the stage `main/a`: look(file: \"a\")",
            "mock it: `mock look -> …`; a test makes no real calls"
        ]
    );
    let said = failure_lines(&format!("{main}test \"t\" {{\n  mock look -> 1\n  run main()\n}}"));
    assert_eq!(said[0], "the run calls `tell` (an HTTP request), which is not mocked");
    let said = failure_lines(&format!("{main}test \"t\" {{\n  mock look -> 1\n  mock tell -> null\n  run main()\n}}"));
    assert_eq!(said[0], "the run asks a person (`approve`), but no answer is mocked");
    assert_eq!(said[2], "mock the answer: `mock approve -> true`");
}

#[test]
fn a_mock_with_too_few_answers_fails_the_test() {
    let said = failure_lines(
        r#"
cascade main() {
  stage a = look("a")
  stage b = look("b")
}
test "t" {
  mock look -> 1 times 1
  run main()
}"#,
    );
    assert_eq!(said[0], "`look` is called 2 times, but its mock has fewer answers");
}

#[test]
fn values_of_mocks_are_checked_by_type() {
    // The number is only known at run time, where its type is checked.
    let said = failure_lines(
        r#"
fn far(n: int) -> int = n * 100
cascade main() -> Review {
  stage a = review("a")
  return a
}
test "t" {
  let score = far(2)
  mock review -> { score: score, words: [] }
  run main()
}"#,
    );
    assert_eq!(said[0], "the mock of `review` cannot be computed: 200 does not satisfy `it >= 0 and it <= 100`");
}

#[test]
fn a_failed_expectation_shows_its_parts() {
    let main = r#"
cascade main() -> Review {
  stage a = review("a")
  stage b = inner("b")
    on error skip
  return a
}
test "t" {
  mock review -> { score: 40, words: ["x", "y"] }
  mock look fails (unavailable, "gone")
  run main()
"#;
    let expecting = |text: &str| failure_lines(&format!("{main}  expect {text}\n}}"));
    assert_eq!(expecting("result.score >= 50"), ["this condition is false", "`result.score` is 40"]);
    assert_eq!(
        expecting("result.score == 40 and result.words.len() == 3"),
        [
            "this condition is false",
            "`result.score` is 40",
            "`result.words.len()` is 2",
            "`result.words` is [\"x\",\"y\"]"
        ]
    );
    assert_eq!(expecting("stage b ran times 2")[0], "the stage `b` ran once, not 2 times");
    assert_eq!(expecting("stage seen skipped"), ["the stage `seen` was not skipped", "`main/b/seen` is failed: gone"]);
    assert_eq!(expecting("stage a failed"), ["the stage `a` did not fail", "`main/a` is done"]);
    assert_eq!(expecting("fails")[0], "the run was expected to fail, but it succeeded");
    assert_eq!(expecting("result.score / 0 == 1")[0], "this cannot be computed: division by zero");
}

#[test]
fn a_failing_run_fails_its_test() {
    let main = r#"
cascade main(n: int) -> int {
  stage a = look("a")
  gate a > n, "only $<a>"
  return a
}
test "t" {
  mock look -> 3
  run main(5)
"#;
    assert_passes(&format!("{main}  expect fails\n}}"));
    assert_passes(&format!("{main}  expect fails (failed, \"only 3\")\n  expect stage a ran\n}}"));
    let said = failure_lines(&format!("{main}  expect result == 3\n}}"));
    assert_eq!(said[0], "the run failed: `main`: only 3", "{said:?}");
    assert!(said.contains(&"if it should: `expect fails (failed)`".to_owned()), "{said:?}");
    assert_eq!(said.iter().filter(|line| line.contains("does not hold")).count(), 0, "{said:?}");
    assert_eq!(failure_lines(&format!("{main}  expect fails (timed_out)\n}}"))[0], "the run failed with `failed`");
    assert_eq!(
        failure_lines(&format!("{main}  expect fails (failed, \"gone\")\n}}"))[0],
        "the failure's message does not contain \"gone\""
    );
}

#[test]
fn unused_mocks_are_reported() {
    let out = assert_passes(
        r#"
cascade main() -> int {
  stage a = look("a")
  return a
}
test "t" {
  mock look -> 3
  mock tell -> null
  run main()
  expect result == 3
}"#,
    );
    assert_eq!(out.unused.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["tell"]);
}

#[test]
fn coverage_names_what_was_not_reached() {
    let text = r#"
cascade main(n: int) -> int {
  if n > 1 {
    stage a = look("a")
      on error skip
  } else if n == 1 {
    log "one"
  }
  let xs: list<int> = []
  for x in xs {
    log "$<x>"
  }
  stage v = look("v")
  return v
  on success(r) {
    log "$<r>"
  }
  on failure(e) {
    log "$<e.kind>"
  }
}
test "t" {
  mock look -> 1
  run main(2)
}
test "u" {
  mock look -> 1
  run main(1)
}"#;
    let program = compile_program(text);
    let mut sum = Coverage::nothing_reached(&program);
    assert_eq!(sum.sum().0, 0);
    let mut missed = Vec::new();
    for test in &program.tests {
        let out = rehearse(&program, test, RehearsalOptions { seed: 0, coverage: true });
        assert!(out.has_passed(), "{:?}", out.problems);
        sum.add(out.coverage.unwrap());
        let points = &sum.cascades[&("flow.cascade".to_owned(), "main".to_owned())];
        missed.push(points.iter().filter(|p| !*p.1).map(|p| p.0.missed.clone()).collect::<Vec<_>>());
    }
    let last = missed.pop().unwrap();
    assert_eq!(
        last,
        ["`on error` never ran", "the condition was never false", "the loop body never ran", "`on failure` never ran"]
    );
    let first = missed.pop().unwrap();
    assert!(first.contains(&"the condition was never true".to_owned()), "{first:?}");
    assert!(first.len() > last.len());
}

#[test]
fn a_program_keeps_its_tests_when_it_is_written() {
    let program = compile_program(
        "cascade main() -> int {\n  stage a = look(\"a\")\n  return a\n}\ntest \"t\" {\n  mock look -> 1\n  run main()\n  expect result == 1\n}\n",
    );
    let text = serde_json::to_string(&program).unwrap();
    let read: Program = serde_json::from_str(&text).unwrap();
    assert_eq!(read, program);
    assert!(rehearse(&read, &read.tests[0], RehearsalOptions::default()).has_passed());
}

/// A program with branches, loops, retries and memory whose result does not depend on the order of answers.
const AT_ONCE: &str = r#"
cascade main(files: list<path>) -> list<int> {
  stage all = parallel {
    stage left = for file in files parallel {
      stage one = inner(file)
        retry 1 backoff 1s..2s
      project.scores += [one]
      one
    }
    stage right = review("a")
      retry 3
    stage both = look("$<right.score>")
  }
  return all.left + [all.both]
}
test "t" {
  mock look -> if file == "x" { 1 } else { 2 }
  mock review fails (rate_limited) times 2 then -> { score: 40, words: [] }
  run main(["x", "y", "z"])
  expect result == [2, 3, 3, 2]
  expect project.scores == [7, 2, 3, 3]
  expect stage right ran times 3
}"#;

proptest! {
    #[test]
    fn a_test_passes_whatever_the_order_of_answers(seed in any::<u64>()) {
        let program = compile_program(AT_ONCE);
        let out = rehearse(&program, &program.tests[0], RehearsalOptions { seed, coverage: false });
        prop_assert!(out.has_passed(), "{:#?}\n{:#?}", out.problems, out.stages);
        // The same seed gives the same result.
        let again = rehearse(&program, &program.tests[0], RehearsalOptions { seed, coverage: false });
        prop_assert_eq!(out.stages, again.stages);
    }
}

/// A test of a program that depends on the order of answers fails with some seeds.
#[test]
fn dependence_on_the_order_of_answers_is_detected() {
    let program = compile_program(
        r#"
cascade main() -> int {
  stage all = for file in ["a", "b", "c", "d"] parallel {
    stage one = look(file)
    stage two = look(file)
    two
  }
  return all.first() ?? 0
}
test "t" {
  mock look -> 1 then -> 2 then -> 3 then -> 4 then -> 5 then -> 6 then -> 7
  run main()
  expect result == 5
}"#,
    );
    let passed = |seed| rehearse(&program, &program.tests[0], RehearsalOptions { seed, coverage: false }).has_passed();
    assert!(passed(0));
    let failed = (1..50).filter(|seed| !passed(*seed)).count();
    assert!(failed > 5, "{failed}");
}
