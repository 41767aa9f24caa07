//! The text of string literals: escapes are resolved, and the indentation of a text block is removed.
//!
//! In text, `\n \t \r \\ \" \0 \u{…}` are escapes. In a command, backslashes belong to the shell
//! and stay as written, but for `\"` in the one-line form, which is a quote. In both, `$$<` is a
//! literal `$<`.

use super::{Mistake, TreeBuilder};
use crate::SyntaxErrorKind;
use crate::ast::{Expr, ExprKind, Span, StrLit, StrPart};

/// How the texts of one literal are unescaped.
#[derive(Clone, Copy)]
struct Reading {
    block: bool,
    command: bool,
    /// How many blanks to remove at the start of each line.
    indentation: usize,
}

impl TreeBuilder<'_> {
    /// `"…"` where a value stands.
    pub(crate) fn string_expr(&mut self, literal: StrLit) -> Expr {
        let span = literal.span;
        self.expr(ExprKind::Str(literal), span)
    }

    /// `sh"…"`.
    pub(crate) fn command_expr(&mut self, start: Span, parts: Vec<StrPart>, end: Span) -> Expr {
        let literal = self.str_lit(start, parts, end);
        let span = literal.span;
        self.expr(ExprKind::Command(literal), span)
    }

    /// A text as written; [`TreeBuilder::str_lit`] unescapes it when its literal is complete.
    pub(crate) fn raw_text(&mut self, span: Span) -> StrPart {
        StrPart::Text { text: String::new(), span }
    }

    /// A literal from its parts.
    pub(crate) fn str_lit(&mut self, start: Span, mut parts: Vec<StrPart>, end: Span) -> StrLit {
        let open = self.slice(start);
        let block = open.ends_with("\"\"\"");
        let mut reading = Reading { block, command: open.starts_with("sh"), indentation: 0 };
        if block {
            reading.indentation = self.common_indentation(&parts);
        }
        let last = parts.len().saturating_sub(1);
        for (index, part) in parts.iter_mut().enumerate() {
            if let StrPart::Text { text, span } = part {
                *text = self.unescape_text(*span, reading, index == 0, index == last);
            }
        }
        parts.retain(|part| !matches!(part, StrPart::Text { text, .. } if text.is_empty()));
        StrLit { parts, block, span: start.to(end) }
    }

    /// The indentation that the lines of a block have in common, the closing line included.
    fn common_indentation(&self, parts: &[StrPart]) -> usize {
        let mut least = usize::MAX;
        for part in parts {
            let StrPart::Text { span, .. } = part else {
                continue;
            };
            let mut lines = self.slice(*span).split('\n').skip(1).peekable();
            while let Some(line) = lines.next() {
                let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
                let blank = line.trim_end_matches('\r').len() == blanks;
                // The last line of a text goes on in a hole, or holds the closing quotes.
                let goes_on = lines.peek().is_none();
                if !blank || goes_on {
                    least = least.min(blanks);
                }
            }
        }
        if least == usize::MAX { 0 } else { least }
    }

    /// The meaning of one text of a literal.
    fn unescape_text(&mut self, span: Span, reading: Reading, first: bool, last: bool) -> String {
        let mut raw = self.slice(span);
        let mut at = span.start as usize;
        let mut line_start = false;
        if reading.block && first {
            let rest = raw.trim_start_matches([' ', '\t', '\r']);
            if let Some(rest) = rest.strip_prefix('\n') {
                at += raw.len() - rest.len();
                raw = rest;
                line_start = true;
            }
        }
        if reading.block && last {
            let rest = raw.trim_end_matches([' ', '\t']);
            if let Some(rest) = rest.strip_suffix('\n') {
                raw = rest.strip_suffix('\r').unwrap_or(rest);
            } else if rest.is_empty() && line_start {
                raw = rest;
            }
        }
        let mut text = String::with_capacity(raw.len());
        loop {
            if line_start {
                let blanks = raw.bytes().take(reading.indentation);
                let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                at += blanks;
                raw = &raw[blanks..];
            }
            let stop = raw.find(['\\', '$', '\n', '\r']).unwrap_or(raw.len());
            text.push_str(&raw[..stop]);
            at += stop;
            raw = &raw[stop..];
            let Some(c) = raw.chars().next() else {
                return text;
            };
            line_start = c == '\n';
            let used = self.unescape_char(c, raw, at, reading, &mut text);
            at += used;
            raw = &raw[used..];
        }
    }

    /// Unescapes what begins with a special character; returns how many bytes it used.
    fn unescape_char(&mut self, c: char, raw: &str, at: usize, reading: Reading, text: &mut String) -> usize {
        match c {
            '$' if raw.starts_with("$$<") => {
                text.push_str("$<");
                3
            }
            '\r' if reading.block && raw.starts_with("\r\n") => 1,
            '\\' if reading.command => {
                if !reading.block && raw.starts_with("\\\"") {
                    text.push('"');
                    return 2;
                }
                // The character after it is the shell's too, even a second backslash.
                // A line break is left to the block's indentation.
                let next = raw[1..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
                let next = next.map_or(0, char::len_utf8);
                text.push_str(&raw[..1 + next]);
                1 + next
            }
            '\\' => self.unescape(raw, at, text),
            _ => {
                text.push(c);
                c.len_utf8()
            }
        }
    }

    fn unescape(&mut self, raw: &str, at: usize, text: &mut String) -> usize {
        let plain = match raw.as_bytes().get(1) {
            Some(b'n') => Some('\n'),
            Some(b't') => Some('\t'),
            Some(b'r') => Some('\r'),
            Some(b'\\') => Some('\\'),
            Some(b'"') => Some('"'),
            Some(b'0') => Some('\0'),
            _ => None,
        };
        if let Some(c) = plain {
            text.push(c);
            return 2;
        }
        if raw.starts_with("\\u{")
            && let Some(length) = raw.bytes().take(12).position(|byte| byte == b'}')
        {
            let digits = &raw[3..length];
            let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
            if let Some(c) = c.filter(|_| !digits.starts_with('+')) {
                text.push(c);
                return length + 1;
            }
            self.bad_escape(&raw[..=length], at);
            return length + 1;
        }
        let next = raw[1..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
        let used = 1 + next.map_or(0, char::len_utf8);
        self.bad_escape(&raw[..used], at);
        text.push_str(&raw[..used]);
        used
    }

    fn bad_escape(&mut self, escape: &str, at: usize) {
        let span = Span::new(at, at + escape.len());
        self.error(SyntaxErrorKind::BadEscape(escape.to_owned()), span);
    }

    /// An operand that could not be read.
    pub(crate) fn error_expr(&mut self, mistake: Mistake) -> Expr {
        let span = self.record_mistake(mistake);
        self.expr(ExprKind::Error, span)
    }
}
