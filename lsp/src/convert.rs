//! Converts the compiler's diagnostics to the protocol's types.

use std::collections::HashMap;

use cascade_compiler::{Diagnostic, Label, Severity, SourceId, codes};
use tower_lsp::ls_types::{
    CodeDescription, Diagnostic as LspDiagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    DocumentChanges, Location, NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, Range, TextDocumentEdit,
    TextEdit, Uri, WorkspaceEdit,
};

use crate::{
    analysis::Analysis,
    events::Settings,
    imports::{self, BrokenImport},
    position::LineIndex,
};

/// The source that clients show for a diagnostic.
const SOURCE: &str = "cascade";

/// A file as the client identifies it.
#[derive(Debug, Clone)]
pub(crate) struct ClientFile {
    /// Its URI.
    pub uri: Uri,
    /// Its version if it is open.
    pub version: Option<i32>,
}

/// The diagnostics of a document: those of its own analysis, which is the first one, then those that only the
/// analyses of importing documents find, such as an import that closes a cycle.
pub(crate) fn diagnostics_of<'a>(
    name: &str,
    analyses: impl Iterator<Item = &'a Analysis>,
    settings: Settings,
    client_file: &dyn Fn(&str) -> Option<ClientFile>,
) -> Vec<LspDiagnostic> {
    let mut all: Vec<LspDiagnostic> = Vec::new();
    for analysis in analyses.filter(|analysis| analysis.reads.contains(name)) {
        for diagnostic in Converter::new(analysis, settings, client_file).diagnostics(name) {
            if !all.contains(&diagnostic) {
                all.push(diagnostic);
            }
        }
    }
    all
}

/// The page that explains a code, in the project's repository.
fn explanation_link(code: &str) -> Option<CodeDescription> {
    let page = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/diagnostics.md");
    Some(CodeDescription { href: format!("{page}#{}", code.to_lowercase()).parse().ok()? })
}

/// The edits of one file, in the form that the client takes.
pub(crate) fn edit_of_file(file: ClientFile, edits: Vec<TextEdit>, settings: Settings) -> WorkspaceEdit {
    if !settings.document_changes {
        return WorkspaceEdit { changes: Some(HashMap::from([(file.uri, edits)])), ..WorkspaceEdit::default() };
    }
    let text_document = OptionalVersionedTextDocumentIdentifier { uri: file.uri, version: file.version };
    let edits = vec![TextDocumentEdit { text_document, edits: edits.into_iter().map(OneOf::Left).collect() }];
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits)), ..WorkspaceEdit::default() }
}

/// Converts the diagnostics of one analysis.
pub(crate) struct Converter<'a> {
    analysis: &'a Analysis,
    settings: Settings,
    /// Finds the client's identification of a file; `None` for a file that no editor can open.
    client_file: &'a dyn Fn(&str) -> Option<ClientFile>,
    /// The line indexes of the texts used so far.
    lines: HashMap<SourceId, LineIndex>,
}

impl<'a> Converter<'a> {
    /// A converter for an analysis.
    pub(crate) fn new(
        analysis: &'a Analysis,
        settings: Settings,
        client_file: &'a dyn Fn(&str) -> Option<ClientFile>,
    ) -> Self {
        Self { analysis, settings, client_file, lines: HashMap::new() }
    }

    /// The diagnostics of one file.
    pub(crate) fn diagnostics(&mut self, file: &str) -> Vec<LspDiagnostic> {
        let analysis = self.analysis;
        if analysis.crashed && analysis.root == file {
            return vec![crash_diagnostic()];
        }
        let mut all: Vec<LspDiagnostic> = self.diagnostics_in(file).map(|d| self.diagnostic(d)).collect();
        if analysis.root == file {
            for broken in
                imports::broken_imports(analysis, |name| (self.client_file)(name).is_some_and(|k| k.version.is_some()))
            {
                all.push(self.broken_import(&broken));
            }
        }
        all
    }

    /// An import whose file has errors that no open document shows.
    fn broken_import(&mut self, broken: &BrokenImport<'_>) -> LspDiagnostic {
        let mut lines = vec![format!("`{}` has errors, so this program cannot be run", broken.target)];
        let mut related = Vec::new();
        for error in &broken.errors {
            let source = self.analysis.sources.get(error.primary.source);
            let (line, column) = source.position(error.primary.span.start);
            lines.push(format!("{}:{line}:{column}: {}", source.name, error.message));
            if let Some(client_file) = self.file(error.primary.source) {
                let location = Location::new(client_file.uri, self.range(&error.primary));
                related.push(DiagnosticRelatedInformation { location, message: error.message.clone() });
            }
        }
        LspDiagnostic {
            range: self.range(&broken.place),
            severity: Some(DiagnosticSeverity::ERROR),
            source: Some(SOURCE.to_owned()),
            message: lines.join("\n"),
            related_information: (self.settings.related_information && !related.is_empty()).then_some(related),
            ..LspDiagnostic::default()
        }
    }

    /// The diagnostics with their primary span in a file.
    fn diagnostics_in(&self, file: &str) -> impl Iterator<Item = &'a Diagnostic> + use<'a> {
        let (analysis, file) = (self.analysis, file.to_owned());
        analysis.diagnostics.iter().filter(move |d| analysis.sources.get(d.primary.source).name == file)
    }

    /// One diagnostic.
    pub(crate) fn diagnostic(&mut self, diagnostic: &Diagnostic) -> LspDiagnostic {
        let mut message = diagnostic.message.clone();
        if !diagnostic.primary.text.is_empty() {
            message = format!("{message}\n{}", diagnostic.primary.text);
        }
        if let Some(help) = &diagnostic.help {
            message = format!("{message}\nhelp: {help}");
        }
        LspDiagnostic {
            range: self.range(&diagnostic.primary),
            severity: Some(match diagnostic.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
            }),
            code: Some(NumberOrString::String(diagnostic.code.as_str().to_owned())),
            code_description: explanation_link(diagnostic.code.as_str()).filter(|_| self.settings.code_descriptions),
            source: Some(SOURCE.to_owned()),
            message,
            related_information: self.related_information(diagnostic),
            tags: match diagnostic.code {
                codes::UNUSED => Some(vec![DiagnosticTag::UNNECESSARY]),
                codes::DEPRECATED => Some(vec![DiagnosticTag::DEPRECATED]),
                _ => None,
            },
            ..LspDiagnostic::default()
        }
    }

    /// The related spans; those in the standard library are left out, since no editor can open them.
    fn related_information(&mut self, diagnostic: &Diagnostic) -> Option<Vec<DiagnosticRelatedInformation>> {
        if !self.settings.related_information || diagnostic.labels.is_empty() {
            return None;
        }
        let mut related = Vec::new();
        for label in &diagnostic.labels {
            let Some(client_file) = self.file(label.source) else { continue };
            let location = Location::new(client_file.uri, self.range(label));
            related.push(DiagnosticRelatedInformation { location, message: label.text.clone() });
        }
        Some(related)
    }

    fn file(&self, source: SourceId) -> Option<ClientFile> {
        (self.client_file)(&self.analysis.sources.get(source).name)
    }

    fn range(&mut self, label: &Label) -> Range {
        let text = &self.analysis.sources.get(label.source).text;
        let lines = self.lines.entry(label.source).or_insert_with(|| LineIndex::new(text));
        lines.range(text, label.span, self.settings.encoding)
    }
}

/// Reports a crash: no diagnostics at all would look like a correct program.
fn crash_diagnostic() -> LspDiagnostic {
    LspDiagnostic {
        severity: Some(DiagnosticSeverity::ERROR),
        source: Some(SOURCE.to_owned()),
        message: "this file could not be checked: the compiler crashed, which is a bug in the compiler".to_owned(),
        ..LspDiagnostic::default()
    }
}
