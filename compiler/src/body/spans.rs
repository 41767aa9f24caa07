//! Spans of the heads of constructs.

use cascade_grammar::ast::{Expr, Span};

/// The span from a keyword to the end of the expression after it.
pub(super) fn span_of_head(whole: Span, subject: &Expr) -> Span {
    Span { start: whole.start, end: subject.span.end }
}

/// The span of the keyword at the start of a span.
pub(super) fn head_word(whole: Span, word: &str) -> Span {
    Span { start: whole.start, end: (whole.start + word.len() as u32).min(whole.end) }
}
