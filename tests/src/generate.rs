//! Programs of any size, for benchmarks and properties.

use std::fmt::Write as _;

/// A program of about `lines` lines, in units of types, skills, fns and cascades with
/// interpolations. `chained`: each cascade calls the one before, so that nothing can be checked
/// by itself.
pub fn program(lines: usize, chained: bool) -> String {
    const UNIT: usize = 50;
    let mut out = String::with_capacity(lines * 32);
    for i in 0..lines.div_ceil(UNIT) {
        let _ = write!(
            out,
            r#"/// How bad finding {i} is.
enum Level{i} {{ low, medium, high }}

/// One problem of kind {i}.
type Finding{i} {{
  file: path
  line: int?
  level: Level{i} = low
  message: string
}}

type Review{i} {{
  score: int where it >= 0 and it <= 100
  summary: string
  findings: list<Finding{i}>
}}

skill lint_{i}(repo: path) -> list<Finding{i}> {{
  run sh"lint-{i} --format json $<repo>" in repo
    exit [0, 1]
    output json list<{{ filename: path, message: string, row: int }}>
  return output.map(|f| {{ file: f.filename, line: f.row, level: medium, message: "{i}: $<f.message>" }})
}}

skill describe_{i}(review: Review{i}, depth: int) -> string {{
  run sh"describe --depth $<depth> --name $<review.summary>"
}}

fn weight_{i}(level: Level{i}) -> int = match level {{
  low -> 1
  medium -> 3
  high -> 9
}}

cascade review_{i}(repo: path, threshold: int = 80) -> Review{i} {{
  stage findings = lint_{i}(repo)
    retry 2 backoff 1s..10s
"#
        );
        if chained && i > 0 {
            let _ = writeln!(out, "  stage before = review_{}(repo, threshold - 1)", i - 1);
            let _ =
                writeln!(out, "  log \"before: $<before.score> of $<threshold>, $<before.findings.len()> findings\"");
        } else {
            let _ = writeln!(out, "  let before = threshold * 2 - {i}");
            let _ = writeln!(out, "  log \"before: $<before> of $<threshold>\"");
        }
        let _ = write!(
            out,
            r#"  let total = findings.map(|f| weight_{i}(f.level)).sum()
  let review: Review{i} = {{ score: max(0, 100 - total), summary: "total $<total> in $<repo>", findings: findings }}
  gate review.score >= threshold, "only $<review.score> of $<threshold>"
  return review
}}

"#
        );
    }
    out
}

/// A cascade of `count` stages, each fed by the one before.
pub fn stages(count: usize) -> String {
    let mut out = String::from(
        "skill step(n: int) -> int {\n  run sh\"echo $<n>\"\n    output json int\n}\n\ncascade main() -> int {\n  stage s0 = step(1)\n",
    );
    for i in 1..count {
        let _ = writeln!(out, "  stage s{i} = step(s{} + 1)", i - 1);
    }
    let _ = writeln!(out, "  return s{}\n}}", count.saturating_sub(1));
    out
}

/// A chain of `count` stages, each a call of a pure cascade.
pub fn pure_chain(count: usize) -> String {
    let mut out = String::from(
        "cascade add(n: int) -> int {\n  return n + 1\n}\n\ncascade main() -> int {\n  stage s0 = add(0)\n",
    );
    for i in 1..count {
        let _ = writeln!(out, "  stage s{i} = add(s{})", i - 1);
    }
    let _ = writeln!(out, "  return s{}\n}}", count.saturating_sub(1));
    out
}

/// A loop of `count` pure iterations.
pub fn pure_loop(count: usize) -> String {
    format!(
        "cascade main() -> int {{\n  var n = 0\n  repeat max {count} {{\n    n = n + 1\n  }} until n >= {count}\n  return n\n}}\n"
    )
}

/// `count` trivial branches at once, joined by a reduce.
pub fn fan_out(count: usize) -> String {
    format!(
        "cascade twice(n: int) -> int {{\n  return n * 2\n}}\n\ncascade main() -> int {{\n  stage all = for n in range({count}) parallel {{\n    stage one = twice(n)\n  }}\n  return all.reduce(0, |sum, n| sum + n)\n}}\n"
    )
}

/// `count` stages that each run `/bin/true`, at most eight at once.
pub fn commands(count: usize) -> String {
    format!(
        "skill nothing(n: int) {{\n  run sh\"/bin/true\"\n}}\n\ncascade main() {{\n  for n in range({count}) parallel max 8 {{\n    stage one = nothing(n)\n  }}\n}}\n"
    )
}

/// One stage that greets.
pub fn hello() -> String {
    "skill greet(name: string) -> string {\n  run sh\"echo hello, $<name>\"\n}\n\ncascade main(name: string = \"world\") -> string {\n  stage greeting = greet(name)\n  return greeting\n}\n"
        .to_owned()
}
