//! String literals: the text unchanged, the holes in canonical style, the lines of a block
//! indented together.

use cascade_grammar::ast::{Span, StrLit, StrPart};

use super::Formatter;
use super::doc::{Doc, TextBlock};

impl<'t> Formatter<'t> {
    pub(super) fn str_lit(&mut self, literal: &'t StrLit) -> Doc<'t> {
        let text = self.str(literal.span);
        let quotes = if literal.block { 3 } else { 1 };
        let open = if text.starts_with("sh") { quotes + 2 } else { quotes };
        let mut block = Lines { lines: vec![Line::default()] };
        let mut at = literal.span.start + open as u32;
        for part in &literal.parts {
            let StrPart::Hole { span, .. } = part else {
                continue;
            };
            block.text(self.str(Span { start: at, end: span.start }));
            let hole = self.hole(part, *span);
            block.hole(&hole);
            at = span.end;
        }
        let end = literal.span.end - quotes as u32;
        block.text(self.str(Span { start: at, end }));
        let open = &text[..open];
        if literal.block {
            return Doc::Block(Box::new(block.finish(open)));
        }
        let line = block.lines.pop().unwrap_or_default();
        Doc::seq([Doc::Text(open), Doc::Owned(line.text), Doc::Text("\"")])
    }

    /// A hole on one line; as written if it cannot be printed on one line.
    fn hole(&mut self, part: &'t StrPart, span: Span) -> String {
        let StrPart::Hole { expr, format, .. } = part else {
            return String::new();
        };
        if self.comments.in_span(span) {
            self.comments.skip(span);
            return self.str(span).to_owned();
        }
        let earlier = self.comments.set_aside(span.start);
        let value = self.expr(expr).flat_text();
        self.comments.put_back(earlier);
        let Some(value) = value else {
            return self.str(span).to_owned();
        };
        match format {
            Some(format) => format!("$<{value} as {}>", format.text),
            None => format!("$<{value}>"),
        }
    }
}

/// A line of a text block.
#[derive(Default)]
struct Line {
    text: String,
    /// Whether a hole starts on it.
    hole: bool,
}

impl Line {
    fn blanks(&self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '\t']).len()
    }

    fn is_blank(&self) -> bool {
        !self.hole && self.blanks() == self.text.len()
    }
}

/// The lines of a text block; the first one follows the opening quotes.
struct Lines {
    lines: Vec<Line>,
}

impl Lines {
    fn text(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                if let Some(last) = self.lines.last_mut()
                    && last.text.ends_with('\r')
                {
                    last.text.pop();
                }
                self.lines.push(Line::default());
            }
            if let Some(last) = self.lines.last_mut() {
                last.text.push_str(line);
            }
        }
    }

    fn hole(&mut self, hole: &str) {
        if let Some(last) = self.lines.last_mut() {
            last.text.push_str(hole);
            last.hole = true;
        }
    }

    /// Removes the indentation as the parser does.
    fn finish(mut self, open: &str) -> TextBlock<'_> {
        let last = self.lines.len() - 1;
        let counted = self.lines.iter().enumerate().skip(1);
        let counted = counted.filter(|(index, line)| *index == last || !line.is_blank());
        let indentation = counted.map(|(_, line)| line.blanks()).min().unwrap_or(0);
        let closes_line = last > 0 && self.lines[last].is_blank();
        if closes_line {
            self.lines.pop();
        }
        let mut lines = self.lines.into_iter();
        let first = lines.next().filter(|line| last == 0 || !line.is_blank()).map(|line| line.text);
        let strip = |line: Line| line.text[indentation.min(line.blanks())..].to_owned();
        TextBlock { open, first, lines: lines.map(strip).collect(), closes_line }
    }
}
