//! `check --fix`: applies the safe suggestions, round by round, until nothing changes.

use std::collections::BTreeMap;

use cascade_compiler::{FileSources, Severity, compile, fixes};

use super::all;
use crate::{args::CheckArgs, error::Stop, files};

/// A change can bring up another one; some rounds are enough for all that is real.
const ROUNDS: usize = 5;

/// Mends files; says what was done.
pub fn run(args: &CheckArgs) -> Result<String, Stop> {
    let mut fixed: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let checked = all::check(args)?;
        let mut changed = false;
        for (id, source) in checked.report.sources.iter().filter(|(_, s)| checked.names.contains(&s.name)) {
            let Some(mended) = fixes::apply(&source.text, id, &checked.report.diagnostics) else { continue };
            if mended.text == *source.text || worse(&source.name, &source.text, &mended.text) {
                continue;
            }
            files::replace(source.name.as_ref(), &mended.text)?;
            *fixed.entry(source.name.clone()).or_default() += mended.count;
            changed = true;
        }
        if !changed {
            break;
        }
    }
    let count: usize = fixed.values().sum();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    Ok(match count {
        0 => "nothing to fix".to_owned(),
        n => {
            let mut said = format!("fixed {} in {}", plural(n, "mistake"), plural(fixed.len(), "file"));
            for (name, count) in &fixed {
                said.push_str(&format!("\n  {name}: {count}"));
            }
            said
        }
    })
}

/// Whether a change makes more errors than it mends.
fn worse(name: &str, before: &str, after: &str) -> bool {
    let errors = |text: &str| {
        let checked = compile(name, text.into(), &FileSources);
        let of_syntax = checked.diagnostics.iter().filter(|d| d.code.as_str().starts_with("E01")).count();
        (of_syntax, checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count())
    };
    let (before, after) = (errors(before), errors(after));
    // A file that can be read again may show mistakes that nobody saw before.
    after.0 > before.0 || (after.0 == before.0 && after.1 > before.1)
}
