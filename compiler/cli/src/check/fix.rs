//! `check --fix`: applies the safe suggestions, round after round, until nothing changes.

use std::collections::BTreeMap;

use cascade_compiler::{FileSources, Severity, compile, fixes};

use super::all;
use crate::{args::CheckArgs, error::Stop, files};

/// Most rounds: a change can lead to another one.
const ROUNDS: usize = 5;

/// Fixes files; returns a summary.
pub fn fix_files(args: &CheckArgs) -> Result<String, Stop> {
    let mut fixed: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let checked = all::check_all(args)?;
        let mut changed = false;
        for (id, source) in checked.report.sources.iter().filter(|(_, s)| checked.names.contains(&s.name)) {
            let Some(fixed_text) = fixes::apply_fixes(&source.text, id, &checked.report.diagnostics) else { continue };
            if fixed_text.text == *source.text || adds_errors(&source.name, &source.text, &fixed_text.text) {
                continue;
            }
            files::replace_file(source.name.as_ref(), &fixed_text.text)?;
            *fixed.entry(source.name.clone()).or_default() += fixed_text.count;
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
            let mut summary = format!("fixed {} in {}", plural(n, "mistake"), plural(fixed.len(), "file"));
            for (name, count) in &fixed {
                summary.push_str(&format!("\n  {name}: {count}"));
            }
            summary
        }
    })
}

/// Whether a change adds more errors than it fixes.
fn adds_errors(name: &str, before: &str, after: &str) -> bool {
    let errors = |text: &str| {
        let checked = compile(name, text.into(), &FileSources);
        let of_syntax = checked.diagnostics.iter().filter(|d| d.code.as_str().starts_with("E01")).count();
        (of_syntax, checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count())
    };
    let (before, after) = (errors(before), errors(after));
    // A file whose syntax is fixed may have other errors, which could not be found before.
    after.0 > before.0 || (after.0 == before.0 && after.1 > before.1)
}
