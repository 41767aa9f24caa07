//! Sources with changes, for whoever looks at what the program would be with them.

use std::{collections::HashMap, io, sync::Arc};

use cascade_grammar::Parse;

use super::{Analysed, Change};
use crate::source::Sources;

/// Sources with changes.
pub(super) struct Changed<'s> {
    /// The texts of the files that may differ.
    pub texts: HashMap<String, Arc<str>>,
    sources: &'s dyn Sources,
}

impl<'s> Changed<'s> {
    /// The texts of programs with changes, which are sorted by place.
    pub fn apply(changes: &[Change], sources: &'s dyn Sources, programs: &[Analysed<'_>]) -> Self {
        let mut texts = HashMap::new();
        for program in programs {
            for (_, source) in program.sources.iter() {
                let mut text = source.text.to_string();
                for change in changes.iter().rev().filter(|change| change.file == source.name) {
                    if text.get(change.span.range()).is_some() {
                        text.replace_range(change.span.range(), &change.text);
                    }
                }
                texts.entry(source.name.clone()).or_insert_with(|| Arc::from(text));
            }
        }
        Self { texts, sources }
    }

    /// Another text of one file.
    pub fn one(name: &str, text: Arc<str>, sources: &'s dyn Sources) -> Self {
        Self { texts: HashMap::from([(name.to_owned(), text)]), sources }
    }
}

impl Sources for Changed<'_> {
    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        match self.texts.get(name) {
            Some(text) => Ok(text.clone()),
            None => self.sources.read(name),
        }
    }
    fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        // The trees of changed texts are of no use to anyone else.
        let kept = name.starts_with("std.") || !self.texts.contains_key(name);
        if kept { self.sources.parse(name, text) } else { Arc::new(cascade_grammar::parse(text)) }
    }
    fn is_cancelled(&self) -> bool {
        self.sources.is_cancelled()
    }
    fn resolve(&self, from: &str, target: &str) -> String {
        self.sources.resolve(from, target)
    }
}
