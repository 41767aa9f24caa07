//! The findings of many compilations as one: sorted, each said once.

use std::{collections::HashMap, sync::Arc};

use crate::{
    diagnostic::{Diagnostic, Label},
    source::{SourceId, SourceMap},
};

/// Diagnostics of any number of files, with the texts that they speak of.
#[derive(Debug, Default)]
pub struct Report {
    /// The texts.
    pub sources: SourceMap,
    /// What is wrong; sorted after [`Report::sort`].
    pub diagnostics: Vec<Diagnostic>,
    known: HashMap<String, Vec<SourceId>>,
}

impl Report {
    /// Adds a text, or finds it.
    pub fn source(&mut self, name: &str, text: &Arc<str>) -> SourceId {
        let same = self.known.get(name).and_then(|ids| {
            // A file that changed in between has two texts; each diagnostic keeps its own.
            ids.iter().copied().find(|id| self.sources.get(*id).text == *text)
        });
        same.unwrap_or_else(|| {
            let id = self.sources.add(name, text.clone());
            self.known.entry(name.to_owned()).or_default().push(id);
            id
        })
    }

    /// Adds the findings of one compilation.
    pub fn add(&mut self, sources: &SourceMap, diagnostics: Vec<Diagnostic>) {
        let mut ids: HashMap<SourceId, SourceId> = HashMap::new();
        for mut d in diagnostics {
            let labels = std::iter::once(&mut d.primary).chain(&mut d.labels).map(|Label { source, .. }| source);
            for source in labels.chain(d.fixes.iter_mut().map(|fix| &mut fix.source)) {
                *source = *ids.entry(*source).or_insert_with(|| {
                    let from = sources.get(*source);
                    self.source(&from.name, &from.text)
                });
            }
            self.diagnostics.push(d);
        }
    }

    /// Sorts by file and place, and drops what several compilations have found alike.
    pub fn sort(&mut self) {
        let Self { sources, diagnostics, .. } = self;
        let key = |d: &Diagnostic| (d.primary.span.start, d.primary.span.end, d.code);
        diagnostics.sort_by(|a, b| {
            let name = |d: &Diagnostic| &*sources.get(d.primary.source).name;
            name(a).cmp(name(b)).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
        });
        diagnostics.dedup_by(|a, b| {
            (a.primary.source, a.primary.span, a.code) == (b.primary.source, b.primary.span, b.code)
                && a.message == b.message
        });
    }
}
