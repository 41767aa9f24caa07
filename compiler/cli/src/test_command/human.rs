//! Test results for people: a line for each test that passed, and the details of each that failed.

use std::collections::{HashMap, HashSet};

use cascade_ir::{
    Place,
    screen::{neutral_source, neutralize_controls},
};
use cascade_runtime::rehearsal::{Problem, StageOutcome};

use super::{Done, File};

struct Paint {
    bold: &'static str,
    red: &'static str,
    green: &'static str,
    yellow: &'static str,
    blue: &'static str,
    dim: &'static str,
    end: &'static str,
}

const PLAIN: Paint = Paint { bold: "", red: "", green: "", yellow: "", blue: "", dim: "", end: "" };
const COLORED: Paint = Paint {
    bold: "\x1b[1m",
    red: "\x1b[1;31m",
    green: "\x1b[32m",
    yellow: "\x1b[33m",
    blue: "\x1b[36m",
    dim: "\x1b[2m",
    end: "\x1b[0m",
};

/// All tests, then what failed, then the sum.
pub fn report_text(done: &[Done<'_>], all: usize, color: bool) -> String {
    let paint = if color { COLORED } else { PLAIN };
    let mut out = String::new();
    let mut file = "";
    for one in done {
        if one.file.name != file {
            file = &one.file.name;
            out.push_str(&format!("{}{file}{}\n", paint.bold, paint.end));
        }
        let (mark, hue) = if one.has_passed() { ("✓", paint.green) } else { ("✗", paint.red) };
        out.push_str(&format!("  {hue}{mark}{} {}\n", paint.end, one.test.name));
        if one.has_passed() {
            for unused in &one.rehearsed.unused {
                let place = unused.place;
                let (line, at) = (place.line, place.column);
                out.push_str(&format!(
                    "    {}warning{}: the mock of `{}` is never called ({file}:{line}:{at})\n",
                    paint.yellow, paint.end, unused.name
                ));
            }
        }
    }
    for one in done.iter().filter(|one| !one.has_passed()) {
        write_failure(&mut out, one, &paint);
    }
    out.push_str(&summary_line(done, all, &paint));
    out
}

fn summary_line(done: &[Done<'_>], all: usize, paint: &Paint) -> String {
    let failed = done.iter().filter(|one| !one.has_passed()).count();
    let passed = done.len() - failed;
    if all == 0 {
        return "there are no tests; write `test \"name\" { … }`\n".to_owned();
    }
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{}{failed} failed{}", paint.red, paint.end));
    }
    if passed > 0 {
        parts.push(format!("{}{passed} passed{}", paint.green, paint.end));
    }
    if all > done.len() {
        parts.push(format!("{} left out", all - done.len()));
    }
    let line = if done.is_empty() { String::new() } else { "\n".to_owned() };
    format!("{line}{} test{}: {}\n", all, if all == 1 { "" } else { "s" }, parts.join(", "))
}

fn write_failure(out: &mut String, one: &Done<'_>, paint: &Paint) {
    out.push_str(&format!("\n{}✗ {}{}", paint.red, one.test.name, paint.end));
    if one.seed > 0 {
        out.push_str(&format!(" {}(with --seed {}){}", paint.dim, one.seed, paint.end));
    }
    out.push('\n');
    for problem in &one.rehearsed.problems {
        write_excerpt(out, one.file, problem, paint);
    }
    if !one.rehearsed.stages.is_empty() {
        out.push_str(&format!("  {}the stages of the run{}\n", paint.dim, paint.end));
        let known: HashSet<&str> = one.rehearsed.stages.iter().map(|stage| stage.path.as_str()).collect();
        for stage in in_tree_order(&one.rehearsed.stages, &known) {
            out.push_str(&line_of(stage, &known, paint));
        }
    }
    for unused in &one.rehearsed.unused {
        out.push_str(&format!(
            "  {}warning{}: the mock of `{}` is never called ({})\n",
            paint.yellow,
            paint.end,
            unused.name,
            position_text(one.file, unused.place)
        ));
    }
}

fn position_text(file: &File, place: Place) -> String {
    let name = file.program.files.get(place.file as usize).map_or("?", String::as_str);
    format!("{name}:{}:{}", place.line, place.column)
}

fn write_excerpt(out: &mut String, file: &File, problem: &Problem, paint: &Paint) {
    let Place { line, column, .. } = problem.place;
    out.push_str(&format!("  {}\n", position_text(file, problem.place)));
    let name = file.program.files.get(problem.place.file as usize);
    let source = name.and_then(|name| file.sources.iter().find(|(_, source)| source.name == *name));
    let text = source.and_then(|(_, source)| source.text.lines().nth(line.saturating_sub(1) as usize));
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    if let Some(text) = text {
        let before = column.saturating_sub(1) as usize;
        let length = text.trim_end().chars().count();
        let width = match problem.width {
            0 => length.saturating_sub(before),
            width => (width as usize).min(length.saturating_sub(before)),
        };
        out.push_str(&format!("  {}{number} │{} {}\n", paint.dim, paint.end, neutral_source(text.trim_end())));
        let (gap, line) = (" ".repeat(before), "^".repeat(width.max(1)));
        out.push_str(&format!("  {}{margin} │{} {gap}{}{line} ", paint.dim, paint.end, paint.red));
        out.push_str(&format!("{}{}\n", neutralize_controls(first_line(&problem.message)), paint.end));
    } else {
        out.push_str(&format!("  {}{}{}\n", paint.red, neutralize_controls(first_line(&problem.message)), paint.end));
    }
    for more in problem.message.lines().skip(1).chain(problem.notes.iter().flat_map(|note| note.lines())) {
        out.push_str(&format!("  {}{margin} │{}   {}\n", paint.dim, paint.end, neutralize_controls(more)));
    }
    if let Some(help) = &problem.help {
        out.push_str(&format!("  {}help{}: {}\n", paint.blue, paint.end, neutralize_controls(help)));
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// Stages with those below them after each; those of one stage in the order in which they began.
fn in_tree_order<'s>(stages: &'s [StageOutcome], known: &HashSet<&str>) -> Vec<&'s StageOutcome> {
    let mut below: HashMap<&str, Vec<&StageOutcome>> = HashMap::new();
    for stage in stages.iter().rev() {
        let above = ends_above(&stage.path, known).last().map_or("", |end| known_path(&stage.path[..*end], known));
        below.entry(above).or_default().push(stage);
    }
    let mut waiting = below.remove("").unwrap_or_default();
    let mut ordered = Vec::with_capacity(stages.len());
    while let Some(stage) = waiting.pop() {
        ordered.push(stage);
        waiting.extend(below.remove(stage.path.as_str()).unwrap_or_default());
    }
    ordered
}

/// Where the paths of the stages end that are above a stage.
fn ends_above(path: &str, known: &HashSet<&str>) -> Vec<usize> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    ends.filter(|at| known.contains(known_path(&path[..*at], known))).collect()
}

/// The path of the stage itself. What a loop repeats stands below the loop.
fn known_path<'p>(path: &'p str, known: &HashSet<&str>) -> &'p str {
    match path.rsplit_once('[') {
        Some((of_loop, _)) if !known.contains(path) => of_loop,
        _ => path,
    }
}

fn line_of(stage: &StageOutcome, known: &HashSet<&str>, paint: &Paint) -> String {
    let (mark, hue) = match stage.status {
        "done" => ("✓", paint.green),
        "skipped" => ("–", paint.yellow),
        "failed" => ("✗", paint.red),
        "cancelled" => ("■", paint.dim),
        _ => ("…", paint.dim),
    };
    let above = ends_above(&stage.path, known);
    let depth = above.len();
    // Loops and hooks above the stage are shown with its name; the cascade is not.
    let begin = above.last().copied().or_else(|| stage.path.find('/')).map_or(0, |at| at + 1);
    let round = above
        .last()
        .and_then(|at| stage.path[..*at].rsplit_once('['))
        .filter(|(_, rest)| rest.ends_with(']') && !rest.contains('/'));
    let name = match round {
        Some((_, round)) => format!("[{round} {}", &stage.path[begin..]),
        None => stage.path[begin..].to_owned(),
    };
    let mut more = Vec::new();
    match stage.status {
        "done" | "failed" => {}
        "running" => more.push("had not ended".to_owned()),
        other => more.push(other.to_owned()),
    }
    if stage.attempts > 1 {
        more.push(format!("{} attempts", stage.attempts));
    }
    if let (Some(message), "failed" | "skipped") = (&stage.message, stage.status) {
        more.push(neutralize_controls(first_line(message)).into_owned());
    }
    let more = if more.is_empty() { String::new() } else { format!("  {}{}{}", paint.dim, more.join(", "), paint.end) };
    format!("    {}{hue}{mark}{} {name}{more}\n", "  ".repeat(depth), paint.end)
}
