//! Mistakes in files that are imported and not open. No editor shows them, and a program that
//! seems to be without mistakes and is not run would be a lie; so they show at the import.

use std::collections::BTreeSet;

use cascade_compiler::{Diagnostic, FileSources, Label, Severity, SourceId, Sources};
use cascade_grammar::ast::{Import, ImportSource, ItemKind, Span, StrPart};

use crate::analysis::Analysis;

/// An import of the root through which errors come.
pub(crate) struct Broken<'a> {
    /// The path as it is written.
    pub target: String,
    /// Where it is written.
    pub place: Label,
    /// The errors of the file and of those that it imports.
    pub errors: Vec<&'a Diagnostic>,
}

/// The imports of an analysis' root through which errors come that no open document shows.
pub(crate) fn broken(analysis: &Analysis, is_open: impl Fn(&str) -> bool) -> Vec<Broken<'_>> {
    let name = |diagnostic: &Diagnostic| analysis.sources.get(diagnostic.primary.source).name.as_str();
    let hidden: Vec<&Diagnostic> = analysis
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error && name(d) != analysis.root && !is_open(name(d)))
        .collect();
    let mut all = Vec::new();
    if hidden.is_empty() {
        return all;
    }
    let Some(root) = source(analysis, &analysis.root) else { return all };
    for (target, span) in imports(analysis, root) {
        let files = reach(analysis, FileSources.resolve(&analysis.root, &target));
        let errors: Vec<&Diagnostic> = hidden.iter().copied().filter(|d| files.contains(name(d))).collect();
        if !errors.is_empty() {
            all.push(Broken { target, place: Label { source: root, span, text: String::new() }, errors });
        }
    }
    all
}

/// A file and all that it imports, near and far.
fn reach(analysis: &Analysis, from: String) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        if let Some(source) = source(analysis, &name) {
            if seen.contains(&name) {
                continue;
            }
            next.extend(imports(analysis, source).into_iter().map(|(target, _)| FileSources.resolve(&name, &target)));
        }
        seen.insert(name);
    }
    seen
}

fn source(analysis: &Analysis, name: &str) -> Option<SourceId> {
    analysis.sources.iter().find(|(_, source)| source.name == name).map(|(id, _)| id)
}

/// The paths that a file imports, and where they are written.
fn imports(analysis: &Analysis, source: SourceId) -> Vec<(String, Span)> {
    let Some(parse) = analysis.program.as_ref().and_then(|program| program.parse(source)) else { return Vec::new() };
    let imports = parse.file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Import(Import { source: ImportSource::Path(path), .. }) => Some(path),
        _ => None,
    });
    imports
        .filter_map(|path| match path.parts.as_slice() {
            [StrPart::Text { text, .. }] => Some((text.clone(), path.span)),
            _ => None,
        })
        .collect()
}
