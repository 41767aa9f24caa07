//! Syntax of other languages, recognised by the tokens around an unexpected one, with the Cascade
//! syntax to write instead.
//!
//! [`Site`] is what stands around the token. Each part looks at it for one idea: [`lines`] for words that
//! begin a line, [`clauses`], [`declarations`], [`types`], [`operators`], [`blocks`], [`stages`], [`values`], [`words`]
//! between values, and the lines of [tests](tests_of_programs).

mod blocks;
pub(crate) mod clauses;
mod declarations;
mod lines;
mod operators;
mod stages;
mod tests_of_programs;
pub(crate) mod types;
mod values;
mod words;

use crate::ast::Span;
use crate::{SyntaxError, SyntaxErrorKind};

/// What could stand where the token stands.
#[derive(Default)]
pub(crate) struct Place {
    pub declaration: bool,
    pub statement: bool,
    pub skill_line: bool,
    pub test_line: bool,
    pub expression: bool,
    pub operator: bool,
    pub block: bool,
    pub name: bool,
    pub action: bool,
    pub arrow: bool,
    pub line_end: bool,
}

/// An unexpected token with the text around it.
struct Site<'t> {
    text: &'t str,
    span: Span,
    place: &'t Place,
    /// The token.
    found: &'t str,
    /// What stands before the token on its line, or on the line that ended before it; without white space at the end.
    line: &'t str,
    /// The rest of the line, after the token.
    rest: &'t str,
    /// The first word of the line.
    first: &'t str,
    /// The word right before the token, on the same line.
    word: &'t str,
    /// Where the text before the token ends.
    before: usize,
    /// Whether nothing stands between the token and what is before it.
    glued: bool,
    /// Whether a value ends right before the token, on the same line.
    operator: bool,
}

/// A mistake that is explained.
struct Explained {
    message: String,
    help: String,
    /// What to write instead of the span, when only that can be meant.
    instead: Option<String>,
    span: Span,
    /// Up to where errors of the grammar follow from this one.
    covers: u32,
}

impl Explained {
    fn new_at(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), instead: None, span, covers: span.end }
    }

    /// Gives the only text that can be meant, which replaces the span.
    fn write_instead(self, text: impl Into<String>) -> Self {
        Self { instead: Some(text.into()), ..self }
    }

    /// Explains all errors of the grammar up to a place too.
    fn covering(self, end: usize) -> Self {
        Self { covers: self.covers.max(end as u32), ..self }
    }

    fn into_error(self) -> SyntaxError {
        let Self { message, help, instead, span, covers } = self;
        SyntaxError { kind: SyntaxErrorKind::Foreign { message, help, instead, covers }, span }
    }
}

fn no_such_word(word: &str) -> String {
    format!("there is no `{word}`")
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that a text ends with; empty when it ends with something else.
fn last_word(text: &str) -> &str {
    &text[text.trim_end_matches(is_name_char).len()..]
}

/// The word that a text begins with.
fn first_word(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(is_name_char).len()]
}

impl<'t> Site<'t> {
    fn new(text: &'t str, span: Span, place: &'t Place) -> Self {
        let (start, end) = (span.start as usize, span.end as usize);
        let before = text[..start].trim_end();
        let line = crate::errors::line_start(before, before.len()).map_or("", |start| &before[start..]);
        let same_line = !text[before.len()..start].contains('\n');
        let rest = line_rest(text, end);
        let ends_value = line.ends_with(|c: char| is_name_char(c) || matches!(c, ')' | ']' | '}' | '"'));
        Self {
            text,
            span,
            place,
            found: &text[span.range()],
            line,
            rest,
            first: first_word(line.trim_start()),
            word: if same_line { last_word(before) } else { "" },
            before: before.len(),
            glued: before.len() == start,
            operator: place.operator || (same_line && !place.expression && ends_value),
        }
    }

    /// The place of the token; one character long at least.
    fn token_span(&self) -> Span {
        Span { start: self.span.start, end: self.span.end.max(self.span.start + 1).min(self.text.len() as u32) }
    }

    /// From so many bytes before the token to its end.
    fn span_before(&self, bytes: usize) -> Span {
        Span::new(self.before - bytes, self.span.end as usize)
    }

    /// The word before the token.
    fn word_span(&self) -> Span {
        Span::new(self.before - self.word.len(), self.before)
    }

    /// Whether the token is the first of its line.
    fn begins_line(&self) -> bool {
        let start = self.span.start as usize;
        crate::errors::line_start(self.text, start).is_some_and(|line| self.text[line..start].trim().is_empty())
    }

    /// Whether the line has only its first word before the token.
    fn after_first_word(&self) -> bool {
        !self.first.is_empty() && self.line.trim_start() == self.first && !self.begins_line()
    }

    /// The end of the line.
    fn line_end(&self) -> usize {
        self.span.end as usize + self.rest.len()
    }

    /// The end of the block that the token stands in.
    fn enclosing_end(&self) -> usize {
        let from = self.span.end as usize;
        let mut depth = 0_i32;
        for (at, c) in self.text[from..].char_indices().take(4_000) {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return from + at,
                '}' => depth -= 1,
                _ => {}
            }
        }
        self.line_end()
    }

    /// The end of the lines below that are further to the right than the beginning of a line, closing braces included.
    fn indented_end(&self) -> usize {
        let mut end = self.line_end();
        let Some(newline) = self.text[end..].find('\n').filter(|at| *at < 240) else { return end };
        end += newline + 1;
        let below = &self.text[end..];
        for line in below.split_inclusive('\n').take(100) {
            if !line.starts_with([' ', '\t', '}', '\n', '\r']) {
                break;
            }
            end += line.len();
        }
        end
    }

    /// The end of the block that opens on the line, with the blocks that are joined to it (`else`, `catch`); the end
    /// of the line when none does.
    fn block_end(&self) -> usize {
        let line_start =
            self.before.min(self.span.start as usize) - if self.begins_line() { 0 } else { self.line.len() };
        let mut end = self.line_end();
        let Some(open) = self.text[line_start..end].find('{') else { return end };
        let mut at = line_start + open;
        loop {
            let Some(close) = closing_brace(self.text, at) else { return end };
            end = close;
            let next = self.text[close..].trim_start();
            let word = first_word(next);
            if !matches!(word, "else" | "elif" | "catch" | "except" | "finally" | "rescue" | "while") {
                return end;
            }
            let from = self.text.len() - next.len();
            let head = line_rest(next, 0);
            match head.find('{') {
                Some(brace) => at = from + brace,
                None => return from + head.len(),
            }
        }
    }
}

/// What follows on the line of a place, as far as people write: a file of one long line with many mistakes is
/// read in linear time.
fn line_rest(text: &str, at: usize) -> &str {
    let mut end = text.len().min(at + 240);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let rest = text[at..end].split('\n').next().unwrap_or_default();
    // A comment is no part of what is written.
    let comment = rest.match_indices("//").find(|(at, _)| rest[..*at].ends_with(char::is_whitespace));
    comment.map_or(rest, |(at, _)| rest[..at].trim_end())
}

/// Where the block ends whose brace stands at `open`. Looks a few thousand characters ahead.
fn closing_brace(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text[open..].char_indices().take(4_000) {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if quoted => escaped = true,
            '\n' => quoted = false,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The error that explains the Cascade syntax, when the token at `span` comes from another language.
pub(crate) fn foreign_syntax_error(text: &str, span: Span, place: &Place) -> Option<SyntaxError> {
    let site = Site::new(text, span, place);
    declarations::explain_declaration(&site)
        .or_else(|| clauses::explain_clause(&site))
        .or_else(|| lines::explain_line(&site))
        .or_else(|| types::explain_type(&site))
        .or_else(|| operators::explain_operator(&site))
        .or_else(|| blocks::explain_block(&site))
        .or_else(|| stages::explain_stage(&site))
        .or_else(|| values::explain_value(&site))
        .or_else(|| words::explain_word(&site))
        .map(Explained::into_error)
}

/// The error that explains a word that none of the `expected` ones is, which stands where one of them could.
pub(crate) fn foreign_word_error(text: &str, span: Span, expected: &[&str]) -> Option<SyntaxError> {
    let place = Place::default();
    clauses::explain_word(&Site::new(text, span, &place), expected).map(Explained::into_error)
}
