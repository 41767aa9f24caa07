//! Diagnostics for people, rendered by ariadne.

use std::collections::{BTreeSet, HashMap};

use ariadne::{Color, Config, IndexType, Label, Report, ReportKind, Source};

use cascade_ir::screen::{neutral_line, neutral_source, neutralize_controls};

use crate::{
    diagnostic::{Diagnostic, Severity},
    source::{SourceId, SourceMap},
};

/// Renders all diagnostics, each followed by an empty line.
pub fn render_human(diagnostics: &[Diagnostic], sources: &SourceMap, color: bool) -> String {
    let mut cache = Cache { sources, parsed: HashMap::new(), names: file_names(diagnostics, sources) };
    let mut out = Vec::new();
    for d in diagnostics {
        let (kind, main) = match d.severity {
            Severity::Error => (ReportKind::Error, Color::Red),
            Severity::Warning => (ReportKind::Warning, Color::Yellow),
        };
        let at = |source: SourceId, span: cascade_grammar::ast::Span| {
            let length = sources.get(source).text.len();
            let start = (span.start as usize).min(length);
            (source, start..(span.end as usize).clamp(start, length))
        };
        let mut report = Report::build(kind, at(d.primary.source, d.primary.span))
            .with_config(Config::default().with_color(color).with_index_type(IndexType::Byte).with_compact(false))
            .with_code(d.code.as_str())
            .with_message(neutralize_controls(&d.message));
        // Labels are sorted by place, since ariadne otherwise repeats the file; the primary label's file comes first.
        let mut labels: Vec<_> =
            std::iter::once((&d.primary, main)).chain(d.labels.iter().map(|l| (l, Color::Cyan))).collect();
        labels.sort_by_key(|(l, _)| (l.source != d.primary.source, l.source, l.span.start));
        for (order, (label, color)) in (0..).zip(labels) {
            let shown = Label::new(at(label.source, label.span)).with_color(color).with_order(order);
            report = report.with_label(if label.text.is_empty() {
                shown
            } else {
                shown.with_message(neutralize_controls(&label.text))
            });
        }
        if let Some(help) = &d.help {
            report = report.with_help(neutralize_controls(help));
        }
        // Writing to memory does not fail; a report that ariadne cannot render falls back to the short form.
        let mut one = Vec::new();
        if report.finish().write(&mut cache, &mut one).is_err() {
            one = super::short::render_short(std::slice::from_ref(d), sources).into_bytes();
        }
        out.extend_from_slice(&one);
        out.push(b'\n');
    }
    let text = String::from_utf8_lossy(&out);
    let mut clean = String::with_capacity(text.len());
    for line in text.lines() {
        clean.push_str(line.trim_end());
        clean.push('\n');
    }
    clean
}

fn file_names(diagnostics: &[Diagnostic], sources: &SourceMap) -> HashMap<SourceId, String> {
    let ids: BTreeSet<SourceId> =
        diagnostics.iter().flat_map(|d| std::iter::once(&d.primary).chain(&d.labels)).map(|l| l.source).collect();
    ids.into_iter().map(|id| (id, neutral_line(&sources.get(id).name))).collect()
}

struct Cache<'s> {
    sources: &'s SourceMap,
    parsed: HashMap<SourceId, Source<String>>,
    names: HashMap<SourceId, String>,
}

impl ariadne::Cache<SourceId> for &mut Cache<'_> {
    type Storage = String;

    fn fetch(&mut self, id: &SourceId) -> Result<&Source<Self::Storage>, impl std::fmt::Debug> {
        let sources = self.sources;
        Ok::<_, String>(
            self.parsed.entry(*id).or_insert_with(|| Source::from(neutral_source(&sources.get(*id).text).into_owned())),
        )
    }

    fn display<'a>(&self, id: &'a SourceId) -> Option<impl std::fmt::Display + 'a> {
        self.names.get(id).cloned()
    }
}
