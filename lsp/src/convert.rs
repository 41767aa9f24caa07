//! The compiler's diagnostics in the protocol's terms.

use std::collections::HashMap;

use cascade_compiler::{Diagnostic, Fix, Label, Severity, SourceId, codes};
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, Diagnostic as Told, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    DocumentChanges, Location, NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, Range, TextDocumentEdit,
    TextEdit, Uri, WorkspaceEdit,
};

use crate::{
    analysis::Analysis,
    events::Settings,
    imports::{self, Broken},
    position::LineIndex,
};

/// What clients show as the origin of a diagnostic.
const SOURCE: &str = "cascade";

/// A file as the client knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its name to the client.
    pub uri: Uri,
    /// Its version when it is open.
    pub version: Option<i32>,
}

/// Converts what one analysis has found.
pub(crate) struct Converter<'a> {
    analysis: &'a Analysis,
    settings: Settings,
    /// The client's name of a file; `None` for one that no editor can open.
    known: &'a dyn Fn(&str) -> Option<Known>,
    /// Lines of the texts that were needed so far.
    lines: HashMap<SourceId, LineIndex>,
}

impl<'a> Converter<'a> {
    /// For the findings of an analysis.
    pub(crate) fn new(analysis: &'a Analysis, settings: Settings, known: &'a dyn Fn(&str) -> Option<Known>) -> Self {
        Self { analysis, settings, known, lines: HashMap::new() }
    }

    /// What is wrong in one file.
    pub(crate) fn diagnostics(&mut self, file: &str) -> Vec<Told> {
        let analysis = self.analysis;
        if analysis.crashed && analysis.root == file {
            return vec![crash()];
        }
        let mut all: Vec<Told> = self.of(file).map(|d| self.diagnostic(d)).collect();
        if analysis.root == file {
            for broken in imports::broken(analysis, |name| (self.known)(name).is_some_and(|k| k.version.is_some())) {
                all.push(self.import(&broken));
            }
        }
        all
    }

    /// An import through which mistakes come that no open document shows.
    fn import(&mut self, broken: &Broken<'_>) -> Told {
        let mut lines = vec![format!("`{}` has mistakes, so this program cannot be run", broken.target)];
        let mut related = Vec::new();
        for error in &broken.errors {
            let source = self.analysis.sources.get(error.primary.source);
            let (line, column) = source.position(error.primary.span.start);
            lines.push(format!("{}:{line}:{column}: {}", source.name, error.message));
            if let Some(known) = self.file(error.primary.source) {
                let location = Location::new(known.uri, self.range(&error.primary));
                related.push(DiagnosticRelatedInformation { location, message: error.message.clone() });
            }
        }
        Told {
            range: self.range(&broken.place),
            severity: Some(DiagnosticSeverity::ERROR),
            source: Some(SOURCE.to_owned()),
            message: lines.join("\n"),
            related_information: (self.settings.related_information && !related.is_empty()).then_some(related),
            ..Told::default()
        }
    }

    /// What mends the mistakes of a file that touch a range.
    pub(crate) fn fixes(&mut self, file: &str, range: Range) -> Vec<CodeAction> {
        let mut actions = Vec::new();
        for diagnostic in self.of(file) {
            let told = self.diagnostic(diagnostic);
            if told.range.end < range.start || range.end < told.range.start {
                continue;
            }
            for fix in &diagnostic.fixes {
                let Some(edit) = self.edit(fix) else { continue };
                actions.push(CodeAction {
                    title: fix.title.clone(),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![told.clone()]),
                    edit: Some(edit),
                    is_preferred: Some(diagnostic.fixes.len() == 1),
                    ..CodeAction::default()
                });
            }
        }
        actions
    }

    /// The diagnostics whose place is in a file.
    fn of(&self, file: &str) -> impl Iterator<Item = &'a Diagnostic> + use<'a> {
        let (analysis, file) = (self.analysis, file.to_owned());
        analysis.diagnostics.iter().filter(move |d| analysis.sources.get(d.primary.source).name == file)
    }

    fn diagnostic(&mut self, diagnostic: &Diagnostic) -> Told {
        let mut message = diagnostic.message.clone();
        if !diagnostic.primary.text.is_empty() {
            message = format!("{message}\n{}", diagnostic.primary.text);
        }
        if let Some(help) = &diagnostic.help {
            message = format!("{message}\nhelp: {help}");
        }
        Told {
            range: self.range(&diagnostic.primary),
            severity: Some(match diagnostic.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
            }),
            code: Some(NumberOrString::String(diagnostic.code.as_str().to_owned())),
            source: Some(SOURCE.to_owned()),
            message,
            related_information: self.related(diagnostic),
            tags: match diagnostic.code {
                codes::UNUSED => Some(vec![DiagnosticTag::UNNECESSARY]),
                codes::DEPRECATED => Some(vec![DiagnosticTag::DEPRECATED]),
                _ => None,
            },
            ..Told::default()
        }
    }

    /// The places that explain; those in the standard library are left out, since no editor can
    /// open them.
    fn related(&mut self, diagnostic: &Diagnostic) -> Option<Vec<DiagnosticRelatedInformation>> {
        if !self.settings.related_information || diagnostic.labels.is_empty() {
            return None;
        }
        let mut related = Vec::new();
        for label in &diagnostic.labels {
            let Some(known) = self.file(label.source) else { continue };
            let location = Location::new(known.uri, self.range(label));
            related.push(DiagnosticRelatedInformation { location, message: label.text.clone() });
        }
        Some(related)
    }

    fn edit(&mut self, fix: &Fix) -> Option<WorkspaceEdit> {
        let known = self.file(fix.source)?;
        let place = Label { source: fix.source, span: fix.span, text: String::new() };
        let edit = TextEdit { range: self.range(&place), new_text: fix.replacement.clone() };
        if !self.settings.document_changes {
            return Some(WorkspaceEdit {
                changes: Some(HashMap::from([(known.uri, vec![edit])])),
                ..Default::default()
            });
        }
        let text_document = OptionalVersionedTextDocumentIdentifier { uri: known.uri, version: known.version };
        let edits = vec![TextDocumentEdit { text_document, edits: vec![OneOf::Left(edit)] }];
        Some(WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits)), ..Default::default() })
    }

    fn file(&self, source: SourceId) -> Option<Known> {
        (self.known)(&self.analysis.sources.get(source).name)
    }

    fn range(&mut self, label: &Label) -> Range {
        let text = &self.analysis.sources.get(label.source).text;
        let lines = self.lines.entry(label.source).or_insert_with(|| LineIndex::new(text));
        lines.range(text, label.span, self.settings.encoding)
    }
}

/// Silence would read as "nothing is wrong", so a crash is said.
fn crash() -> Told {
    Told {
        severity: Some(DiagnosticSeverity::ERROR),
        source: Some(SOURCE.to_owned()),
        message: "this text could not be checked: the compiler failed on it, which is a mistake of the compiler"
            .to_owned(),
        ..Told::default()
    }
}
