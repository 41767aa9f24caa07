//! Baselines: the known diagnostics of an existing code base, so that only new ones are reported.
//!
//! A diagnostic is identified by its file, its code and a hash of its message and of the text of
//! its line, not by the line number: inserted lines do not change it. The file is text, one entry
//! per line, sorted, so that it can be merged and reviewed.

use std::collections::BTreeMap;

use crate::{
    codes,
    diagnostic::{Diagnostic, Severity},
    source::{SourceId, SourceMap},
};
use cascade_grammar::ast::Span;

/// The default file name.
pub const FILE: &str = "cascade.baseline";

const HEADER: &str = "# Known diagnostics of `cascadec check`; written by `cascadec check --write-baseline`.\n\
                    # file, code, fingerprint, how often\n";

/// The identity of a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: String,
    code: String,
    fingerprint: String,
}

/// The known diagnostics, with the number of occurrences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<Key, usize>,
    /// The offset of each entry in the text it was read from.
    places: BTreeMap<Key, Span>,
}

/// The result of filtering diagnostics by a baseline.
#[derive(Debug, Default)]
pub struct FilteredDiagnostics {
    /// How many known diagnostics were dropped.
    pub known: usize,
    /// Entries that no diagnostic matches any more, as diagnostics.
    pub stale: Vec<Diagnostic>,
}

impl Baseline {
    /// Parses the text of a baseline.
    ///
    /// # Errors
    /// The number of the first line that is not an entry.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut baseline = Self::default();
        let mut start = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let at = Span::new(start, start + line.trim_end().len());
            start += line.len();
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.split('\t');
            let (Some(file), Some(code), Some(fingerprint), Some(count), None) =
                (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(number + 1);
            };
            let count: usize = count.parse().map_err(|_| number + 1)?;
            let key = Key { file: file.to_owned(), code: code.to_owned(), fingerprint: fingerprint.to_owned() };
            *baseline.entries.entry(key.clone()).or_default() += count;
            baseline.places.entry(key).or_insert(at);
        }
        Ok(baseline)
    }

    /// The text that [`Baseline::parse`] reads.
    pub fn render(&self) -> String {
        let mut out = HEADER.to_owned();
        for (key, count) in &self.entries {
            out.push_str(&format!("{}\t{}\t{}\t{count}\n", key.file, key.code, key.fingerprint));
        }
        out
    }

    /// The number of known diagnostics.
    pub fn len(&self) -> usize {
        self.entries.values().sum()
    }

    /// Whether there are no known diagnostics.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Replaces the entries of the files that were checked. `name` maps a file to its name in the
    /// baseline, `None` for a file outside of the project; `checked` tells of such a name whether the
    /// file was checked or no longer exists.
    pub fn update(
        &mut self,
        diagnostics: &[Diagnostic],
        sources: &SourceMap,
        name: &dyn Fn(&str) -> Option<String>,
        checked: &dyn Fn(&str) -> bool,
    ) {
        self.entries.retain(|key, _| !checked(&key.file));
        for d in diagnostics {
            if let Some(key) = key_of(d, sources, name) {
                *self.entries.entry(key).or_default() += 1;
            }
        }
    }

    /// Drops the known diagnostics. `source` is the id of the baseline's own text; the functions are
    /// those of [`Baseline::update`].
    pub fn filter_known(
        &self,
        diagnostics: &mut Vec<Diagnostic>,
        sources: &SourceMap,
        source: SourceId,
        name: &dyn Fn(&str) -> Option<String>,
        checked: &dyn Fn(&str) -> bool,
    ) -> FilteredDiagnostics {
        let mut left = self.entries.clone();
        let before = diagnostics.len();
        diagnostics.retain(|d| match key_of(d, sources, name).and_then(|key| left.get_mut(&key)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
        let mut stale = Vec::new();
        for (key, count) in left.iter().filter(|(key, count)| **count > 0 && checked(&key.file)) {
            let at = self.places.get(key).copied().unwrap_or_default();
            let times = if *count == 1 { String::new() } else { format!(" {count} times") };
            stale.push(
                Diagnostic::new(
                    codes::STALE_BASELINE,
                    source,
                    at,
                    format!("`{}` no longer has this {}{times}", key.file, key.code),
                )
                .label("matches no diagnostic")
                .help("`cascadec check --write-baseline` updates the file"),
            );
        }
        FilteredDiagnostics { known: before - diagnostics.len(), stale }
    }
}

fn key_of(d: &Diagnostic, sources: &SourceMap, name: &dyn Fn(&str) -> Option<String>) -> Option<Key> {
    // Errors in the project file itself are never part of a baseline.
    if d.code.as_str().get(1..3) == Some("10") {
        return None;
    }
    Some(Key {
        file: name(&sources.get(d.primary.source).name)?,
        code: d.code.as_str().to_owned(),
        fingerprint: fingerprint_of(d, sources),
    })
}

/// A hash of a diagnostic's code, its message and the text of its line, which stays the same when
/// other lines are inserted or removed.
pub fn fingerprint_of(d: &Diagnostic, sources: &SourceMap) -> String {
    let source = sources.get(d.primary.source);
    let (line, _) = source.position(d.primary.span.start);
    let from = source.line_starts.get(line as usize - 1).copied().unwrap_or(0) as usize;
    let text = source.text.get(from..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let words = text.split_whitespace().flat_map(|word| [word, " "]);
    let severity = Severity::as_str(d.code.severity());
    for part in [severity, d.code.as_str(), "\0", &d.message, "\0"].into_iter().chain(words) {
        for byte in part.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
