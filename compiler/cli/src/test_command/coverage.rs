//! Which branches tests take, for a person.

use cascade_runtime::rehearsal::Coverage;

/// Every cascade in per cent, with the places that no test reaches.
pub fn coverage_text(coverage: &Coverage, color: bool) -> String {
    let (bold, yellow, dim, end) = if color { ("\x1b[1m", "\x1b[33m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "") };
    let mut out = String::from("\n");
    for ((_, cascade), points) in &coverage.cascades {
        let reached = points.values().filter(|reached| **reached).count();
        let per_cent = percentage(reached, points.len());
        out.push_str(&format!("{bold}{per_cent:>4}%{end} {cascade}  {dim}{reached} of {}{end}\n", points.len()));
        for (point, _) in points.iter().filter(|(_, reached)| !**reached) {
            let (line, column) = point.at;
            out.push_str(&format!("      {yellow}{}:{line}:{column}{end} {}\n", point.file, point.missed));
        }
    }
    let (reached, all) = coverage.sum();
    out.push_str(&format!("{bold}{:>4}%{end} of all branches and stages are reached\n", percentage(reached, all)));
    out
}

/// Per cent, rounded down: 100 is all.
fn percentage(part: usize, all: usize) -> usize {
    (part * 100).checked_div(all).unwrap_or(100)
}
