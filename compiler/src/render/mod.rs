//! Diagnostics as text: for people, for programs, for the annotations of a pull request.

mod github;
mod human;
mod json;
mod sarif;
mod short;

pub use github::annotate_error;

use crate::{
    diagnostic::{Diagnostic, Severity},
    source::SourceMap,
};

/// The output format of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Source, labels and help, for people.
    Human,
    /// One line each: `file:line:column: error[E0201]: message`.
    Short,
    /// One JSON object a line.
    Json,
    /// One SARIF 2.1.0 document, for code scanning.
    Sarif,
    /// GitHub's workflow commands, which annotate a pull request.
    Github,
}

/// Renders diagnostics in their order. Without diagnostics the result is empty, except for SARIF,
/// which is always a document.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, format: Format, color: bool) -> String {
    match format {
        Format::Human => human::render_human(diagnostics, sources, color),
        Format::Short => short::render_short(diagnostics, sources),
        Format::Json => json::render_json(diagnostics, sources),
        Format::Sarif => sarif::render_sarif(diagnostics, sources),
        Format::Github => github::render_annotations(diagnostics, sources),
    }
}

/// "2 errors and 1 warning"; `None` without diagnostics.
pub fn summarize_counts(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => None,
        (e, 0) => Some(plural(e, "error")),
        (0, w) => Some(plural(w, "warning")),
        (e, w) => Some(format!("{} and {}", plural(e, "error"), plural(w, "warning"))),
    }
}
