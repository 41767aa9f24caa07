//! Errors in files that are imported but not open. No editor shows them, and the importing file
//! would look correct although it cannot be run; so they are reported at the import.

use std::collections::BTreeSet;

use cascade_compiler::{Diagnostic, FileSources, Label, Severity, SourceId, Sources};
use cascade_grammar::ast::{Import, ImportSource, ItemKind, Span, StrPart};

use crate::analysis::Analysis;

/// An import of the root whose file, or a file that it imports, has errors.
pub(crate) struct BrokenImport<'a> {
    /// The path as written.
    pub target: String,
    /// Where it is written.
    pub place: Label,
    /// The errors of the file and of the files that it imports.
    pub errors: Vec<&'a Diagnostic>,
}

/// The imports of the root with errors that no open document shows.
pub(crate) fn broken_imports(analysis: &Analysis, is_open: impl Fn(&str) -> bool) -> Vec<BrokenImport<'_>> {
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
    let Some(root) = source_named(analysis, &analysis.root) else { return all };
    for (target, span) in imported_files(analysis, root) {
        let files = transitive_imports(analysis, FileSources.resolve(&analysis.root, &target));
        let errors: Vec<&Diagnostic> = hidden.iter().copied().filter(|d| files.contains(name(d))).collect();
        if !errors.is_empty() {
            all.push(BrokenImport { target, place: Label { source: root, span, text: String::new() }, errors });
        }
    }
    all
}

/// A file and everything that it imports, transitively.
fn transitive_imports(analysis: &Analysis, from: String) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        if let Some(source) = source_named(analysis, &name) {
            if seen.contains(&name) {
                continue;
            }
            next.extend(
                imported_files(analysis, source).into_iter().map(|(target, _)| FileSources.resolve(&name, &target)),
            );
        }
        seen.insert(name);
    }
    seen
}

fn source_named(analysis: &Analysis, name: &str) -> Option<SourceId> {
    analysis.sources.iter().find(|(_, source)| source.name == name).map(|(id, _)| id)
}

/// The paths that a file imports, with their spans.
fn imported_files(analysis: &Analysis, source: SourceId) -> Vec<(String, Span)> {
    let items = analysis.trees.get(&source).map_or(&[][..], |parse| &parse.file.items);
    let imports = items.iter().filter_map(|item| match &item.kind {
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
