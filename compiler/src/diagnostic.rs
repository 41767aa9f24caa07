//! Diagnostics as data; [`crate::render`] turns them into text.

use cascade_grammar::ast::Span;

use crate::{codes::Code, source::SourceId};

pub use crate::codes::Severity;

/// A span with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The file of the span.
    pub source: SourceId,
    /// The byte range.
    pub span: Span,
    /// The message; may be empty.
    pub text: String,
}

/// A suggested change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The title: "change to `review`".
    pub title: String,
    /// The file to change.
    pub source: SourceId,
    /// The byte range to replace.
    pub span: Span,
    /// The new text.
    pub replacement: String,
    /// Whether it can be applied without review, since nothing else can be meant.
    pub safe: bool,
}

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code.
    pub code: Code,
    /// Its severity.
    pub severity: Severity,
    /// The message: one sentence without a full stop.
    pub message: String,
    /// The primary span.
    pub primary: Label,
    /// Further spans that explain it.
    pub labels: Vec<Label>,
    /// What the user can do.
    pub help: Option<String>,
    /// Suggested changes.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A diagnostic with the severity of its code.
    pub fn new(code: Code, source: SourceId, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Label { source, span, text: String::new() },
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }
    /// Sets the message of the primary span.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }
    /// Adds a further span that explains the diagnostic.
    pub fn also_at(mut self, source: SourceId, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { source, span, text: text.into() });
        self
    }
    /// Sets the help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
    /// Suggests a change in the primary span's file that may be what the user meant.
    pub fn fix(self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.add_fix(title.into(), span, replacement.into(), false)
    }
    /// Suggests a change in the primary span's file that keeps the program's meaning, or that is the
    /// only possible correction: `check --fix` applies it.
    pub fn safe_fix(self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.add_fix(title.into(), span, replacement.into(), true)
    }
    fn add_fix(mut self, title: String, span: Span, replacement: String, safe: bool) -> Self {
        self.fixes.push(Fix { title, source: self.primary.source, span, replacement, safe });
        self
    }
}

/// Sorts by file, place and code, and removes duplicates.
pub fn sort_diagnostics(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.source, d.primary.span.start, d.primary.span.end, d.code.as_str());
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup();
}
