//! The actions of the grammar: they build nodes with their spans and depths, and check words,
//! numbers and texts whose meaning depends on their place.

mod blocks;
mod depth;
mod exprs;
mod items;
mod literals;
mod operators;
mod skills;
mod stmts;
mod strings;

use lalrpop_util::{ErrorRecovery, ParseError};

pub(crate) use blocks::*;
pub(crate) use items::*;
pub(crate) use operators::{Chain, Operand};
pub(crate) use skills::*;
pub(crate) use stmts::*;

use crate::ast::{DocLine, Name, Span};
use crate::foreign_syntax::foreign_word_error;
use crate::lexer::scan::{Doc, Raw};
use crate::lexer::words::{self, Meaning};
use crate::token::Token;
use crate::{SyntaxError, SyntaxErrorKind, errors};

/// What the generated parser passes to an action after an error it recovered from.
pub(crate) type Mistake = ErrorRecovery<u32, Token, ()>;

/// The state that all actions share.
pub(crate) struct TreeBuilder<'t> {
    pub(crate) text: &'t str,
    pub(crate) errors: Vec<SyntaxError>,
    /// Documentation, by the start of the token after it; `None` when it is taken.
    docs: Vec<(u32, Option<DocLine>)>,
    too_deep: bool,
}

impl<'t> TreeBuilder<'t> {
    pub(crate) fn new(text: &'t str, docs: Vec<Doc>, tokens: &[Raw]) -> Self {
        let docs = docs.into_iter().map(|doc| {
            let after = tokens[doc.before as usize..].iter().find(|token| !token.added);
            (after.map_or(u32::MAX, |token| token.span.start), Some(doc.line))
        });
        Self { text, errors: Vec::new(), docs: docs.collect(), too_deep: false }
    }

    /// The spans of documentation lines that belong to no node, and the errors.
    pub(crate) fn into_errors(self) -> (Vec<Span>, Vec<SyntaxError>) {
        let lost = self.docs.into_iter().filter_map(|(_, line)| line.map(|line| line.span));
        (lost.collect(), self.errors)
    }

    /// Takes the documentation that stands right before the token at `start`.
    pub(crate) fn take_docs(&mut self, start: u32) -> Vec<DocLine> {
        let first = self.docs.partition_point(|(before, _)| *before < start);
        let here = self.docs[first..].iter_mut().take_while(|(before, _)| *before == start);
        here.filter_map(|(_, line)| line.take()).collect()
    }

    pub(crate) fn slice(&self, span: Span) -> &'t str {
        &self.text[span.range()]
    }

    pub(crate) fn error(&mut self, kind: SyntaxErrorKind, span: Span) {
        self.errors.push(SyntaxError { kind, span });
    }

    pub(crate) fn name(&self, span: Span) -> Name {
        Name { text: self.slice(span).into(), span }
    }

    /// A name that is missing after `dot`.
    pub(crate) fn missing_name(&mut self, dot: Span, mistake: Mistake) -> Name {
        self.record_mistake(mistake);
        Name { text: Default::default(), span: Span { start: dot.end, end: dot.end } }
    }

    /// Reports a contextual word that is none of the expected ones.
    pub(crate) fn expect_word(&mut self, span: Span, expected: &[&str]) {
        let word = self.slice(span);
        if !expected.contains(&word) {
            if let Some(error) = foreign_word_error(self.text, span, expected) {
                self.errors.push(error);
                return;
            }
            let expected = expected.iter().map(|word| format!("`{word}`")).collect();
            let found = format!("`{word}`");
            self.error(SyntaxErrorKind::Unexpected { found, expected }, span);
        }
    }

    /// Reports a declared name that could never be used.
    pub(crate) fn reject_reserved_name(&mut self, name: &Name) {
        if matches!(words::word_meaning(&name.text), Meaning::Reserved(_)) {
            self.error(SyntaxErrorKind::ReservedWord(name.text.to_string()), name.span);
        }
    }

    /// Reports the error that the parser recovered from; returns the span of the tokens it dropped.
    pub(crate) fn record_mistake(&mut self, mistake: Mistake) -> Span {
        let (token, expected, at) = match &mistake.error {
            ParseError::UnrecognizedToken { token, expected } => (Some(token.1), expected, token.0),
            ParseError::UnrecognizedEof { location, expected } => (None, expected, *location),
            ParseError::InvalidToken { location } => (None, &Vec::new(), *location),
            ParseError::ExtraToken { token } => (Some(token.1), &Vec::new(), token.0),
            ParseError::User { .. } => return Span::default(),
        };
        let error = errors::unexpected_token(self.text, token, expected);
        self.errors.push(error);
        let dropped = &mistake.dropped_tokens;
        match (dropped.first(), dropped.last()) {
            (Some(first), Some(last)) => Span { start: first.0, end: last.2 },
            _ => Span { start: at, end: at },
        }
    }
}
