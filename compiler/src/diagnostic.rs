//! What is wrong with a program, as data; [`crate::render`] makes text of it.

use cascade_grammar::ast::Span;

use crate::{codes::Code, source::SourceId};

pub use crate::codes::Severity;

/// A place and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The file.
    pub source: SourceId,
    /// The bytes.
    pub span: Span,
    /// What is to be said; may be empty.
    pub text: String,
}

/// A change that mends the mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does: "change to `review`".
    pub title: String,
    /// The file.
    pub source: SourceId,
    /// The bytes to replace.
    pub span: Span,
    /// What to put there.
    pub replacement: String,
    /// Whether it surely is what was meant, so that it may be applied without a look.
    pub safe: bool,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which mistake.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Places that explain it.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Changes that mend it.
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
    /// Says something of the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }
    /// Adds a place that explains.
    pub fn also(mut self, source: SourceId, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { source, span, text: text.into() });
        self
    }
    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
    /// Offers a change in the primary place's file that may be what was meant.
    pub fn fix(self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.offer(title.into(), span, replacement.into(), false)
    }
    /// Offers a change in the primary place's file that keeps what the program means, or can be
    /// the only thing that was meant: `check --fix` applies it.
    pub fn safe_fix(self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.offer(title.into(), span, replacement.into(), true)
    }
    fn offer(mut self, title: String, span: Span, replacement: String, safe: bool) -> Self {
        self.fixes.push(Fix { title, source: self.primary.source, span, replacement, safe });
        self
    }
}

/// Sorts by file, place and code, and drops what was said twice.
pub fn finish(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.source, d.primary.span.start, d.primary.span.end, d.code.as_str());
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup();
}
