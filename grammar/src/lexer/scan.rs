//! The first pass: a byte cursor over a stack of modes.

use logos::Logos;

use super::modes::{Block, Code, Line};
use crate::ast::{DocLine, MAX_DEPTH, Span};
use crate::token::Kind;
use crate::{Comment, SyntaxError, SyntaxErrorKind};

/// A token of the first pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw {
    /// What it is; words are all [`Kind::Word`], braces [`Kind::LBrace`], `<` [`Kind::Lt`].
    pub kind: Kind,
    /// Whether a line break stands before it.
    pub first_of_line: bool,
    /// Whether it was not written, but added so that brackets balance.
    pub added: bool,
    /// Where it stands.
    pub span: Span,
}

/// A line of `///`, and the token that it stands before.
#[derive(Debug)]
pub(crate) struct Doc {
    /// The line.
    pub line: DocLine,
    /// Index of the next raw token.
    pub before: u32,
}

/// What is open at a place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Bracket(Kind),
    /// `$<`; counts of the open brackets outside of it.
    Hole([u32; 3]),
    OneLine,
    Block,
}

/// An entry of the stack of modes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub open: Open,
    /// The opening token.
    pub span: Span,
    /// Start of the line that it stands on.
    pub line: u32,
    /// Whether it is a brace that a key and `:` follow.
    pub record: bool,
}

/// The first pass over a text.
pub(crate) struct Scan<'t> {
    pub(super) text: &'t str,
    /// The tokens so far.
    pub tokens: Vec<Raw>,
    /// Comments that are no documentation.
    pub comments: Vec<Comment>,
    /// `///` lines.
    pub docs: Vec<Doc>,
    /// `//!` lines.
    pub file_docs: Vec<DocLine>,
    /// Starts of blank lines outside of strings.
    pub blank_lines: Vec<u32>,
    /// What is wrong.
    pub errors: Vec<SyntaxError>,
    /// Ranges in which errors of the grammar are dropped, since the scanner has reported the mistake.
    pub suppressed: Vec<Span>,
    pub(super) frames: Vec<Frame>,
    /// How many `(`, `[`, `{` are open since the innermost hole.
    pub(super) open: [u32; 3],
    /// How many one-line strings are open.
    pub(super) one_line: u32,
    pub(super) line_start: usize,
    line_has_token: bool,
    pub(super) first_of_line: bool,
    /// The first brace whose `}` stands at another indentation; reported when a `}` is missing.
    pub(super) misindented_brace: Option<(Span, u32)>,
    /// Whether an unterminated text block was ended before the end of the file.
    cut_block: bool,
    /// How many parentheses and brackets were closed because a statement began; their closing brackets,
    /// if they come, are ignored.
    pub(super) closed_early: [u32; 2],
    /// Whether the file has an odd number of `"""`; computed on first use.
    odd_quotes: Option<bool>,
    /// Whether an unterminated text block contains the closing brackets of what is open.
    pub(super) swallowed: bool,
}

impl<'t> Scan<'t> {
    /// Scans a text into raw tokens, from the start of a line on.
    pub(crate) fn scan_text(text: &'t str, start: usize) -> Self {
        let mut scan = Scan {
            text,
            tokens: Vec::with_capacity(text.len().saturating_sub(start) / 4 + 8),
            comments: Vec::new(),
            docs: Vec::new(),
            file_docs: Vec::new(),
            blank_lines: Vec::new(),
            errors: Vec::new(),
            suppressed: Vec::new(),
            frames: Vec::new(),
            open: [0; 3],
            one_line: 0,
            line_start: 0,
            line_has_token: false,
            first_of_line: true,
            misindented_brace: None,
            cut_block: false,
            odd_quotes: None,
            closed_early: [0; 2],
            swallowed: false,
        };
        let mut at = if start == 0 && text.starts_with('\u{feff}') { 3 } else { start };
        scan.line_start = at;
        while at < text.len() {
            at = match scan.frames.last() {
                Some(Frame { open: Open::OneLine, .. }) => scan.scan_one_line_string(at),
                Some(Frame { open: Open::Block, .. }) => scan.scan_text_block(at),
                _ => scan.scan_code(at),
            };
        }
        // A string that the last byte of the file opens.
        if matches!(scan.frames.last(), Some(Frame { open: Open::OneLine, .. })) {
            scan.scan_one_line_string(at);
        }
        scan.close_at_end_of_file();
        scan
    }

    pub(super) fn error(&mut self, kind: SyntaxErrorKind, span: Span) {
        self.errors.push(SyntaxError { kind, span });
    }

    /// Whether the brackets are open deeper than the grammar follows.
    fn too_deep(&self) -> bool {
        self.frames.len() > usize::from(MAX_DEPTH)
    }

    pub(super) fn push(&mut self, kind: Kind, span: Span) {
        self.line_has_token = true;
        if !self.too_deep() {
            let first_of_line = self.first_of_line;
            self.tokens.push(Raw { kind, first_of_line, added: false, span });
        }
        self.first_of_line = false;
    }

    /// Adds a token that is missing in the text.
    pub(super) fn push_missing(&mut self, kind: Kind, at: usize) {
        if !self.too_deep() {
            let span = Span::new(at, at);
            self.tokens.push(Raw { kind, first_of_line: false, added: true, span });
        }
    }

    pub(super) fn push_frame(&mut self, open: Open, kind: Kind, span: Span) {
        self.push(kind, span);
        match open {
            Open::Bracket(kind) => {
                if let Some(count) = bracket_index(kind) {
                    self.open[count] += 1;
                }
            }
            Open::Hole(_) => self.open = [0; 3],
            Open::OneLine => self.one_line += 1,
            Open::Block => {}
        }
        let record = open == Open::Bracket(Kind::LBrace) && self.begins_record(span.end as usize);
        self.frames.push(Frame { open, span, line: self.line_start as u32, record });
        if self.frames.len() == usize::from(MAX_DEPTH) + 1 {
            self.error(SyntaxErrorKind::TooDeep, span);
        }
    }

    /// Leaves the innermost mode.
    pub(super) fn pop_frame(&mut self) -> Option<Frame> {
        let deep = self.too_deep();
        let frame = self.frames.pop()?;
        match frame.open {
            Open::Bracket(kind) => {
                if let Some(count) = bracket_index(kind) {
                    self.open[count] -= 1;
                }
            }
            Open::Hole(outside) => self.open = outside,
            Open::OneLine => self.one_line -= 1,
            Open::Block => {}
        }
        if deep && !self.too_deep() {
            self.suppressed.push(Span { start: frame.span.start, end: self.end_of_tokens(frame) });
        }
        Some(frame)
    }

    fn end_of_tokens(&self, frame: Frame) -> u32 {
        self.tokens.last().map_or(frame.span.end, |token| token.span.end.max(frame.span.end))
    }

    /// Code, until the mode changes; gives where the next mode begins.
    fn scan_code(&mut self, from: usize) -> usize {
        let mut lexer = Code::lexer(&self.text[from..]);
        let mut unknown_end = usize::MAX;
        while let Some(token) = lexer.next() {
            let start = from + lexer.span().start;
            let end = from + lexer.span().end;
            let span = Span::new(start, end);
            let Ok(token) = token else {
                // Neighbouring unknown bytes are one mistake.
                if unknown_end != start
                    && let Some(c) = self.text[start..].chars().next()
                {
                    self.error(SyntaxErrorKind::UnknownCharacter(c), span);
                }
                unknown_end = end;
                continue;
            };
            let kind = match token {
                Code::Newline => {
                    self.begin_line(start);
                    if let Some(at) = self.close_holes_at_line_end(start) {
                        return at;
                    }
                    continue;
                }
                Code::Comment => {
                    self.push_comment(span);
                    continue;
                }
                Code::Word => {
                    if start == self.line_start {
                        self.maybe_item(start, end);
                    }
                    if self.first_of_line {
                        self.maybe_statement(start, end);
                    }
                    Kind::Word
                }
                Code::Quote => {
                    self.push_frame(Open::OneLine, Kind::StrStart, span);
                    return end;
                }
                Code::CommandQuote => {
                    self.push_frame(Open::OneLine, Kind::CommandStart, span);
                    return end;
                }
                Code::Quotes | Code::CommandQuotes => {
                    if let Some(at) = self.quotes_in_hole(start, end) {
                        return at;
                    }
                    let command = token == Code::CommandQuotes;
                    let kind = if command { Kind::CommandStart } else { Kind::StrStart };
                    self.push_frame(Open::Block, kind, span);
                    return end;
                }
                Code::LParen => {
                    self.push_frame(Open::Bracket(Kind::LParen), Kind::LParen, span);
                    continue;
                }
                Code::LBracket => {
                    self.push_frame(Open::Bracket(Kind::LBracket), Kind::LBracket, span);
                    continue;
                }
                Code::LBrace => {
                    self.push_frame(Open::Bracket(Kind::LBrace), Kind::LBrace, span);
                    continue;
                }
                Code::RParen | Code::RBracket | Code::RBrace => {
                    let (open, close) = match token {
                        Code::RParen => (Kind::LParen, Kind::RParen),
                        Code::RBracket => (Kind::LBracket, Kind::RBracket),
                        _ => (Kind::LBrace, Kind::RBrace),
                    };
                    if let Some(at) = self.close_bracket(open, close, span) {
                        return at;
                    }
                    continue;
                }
                Code::Greater => {
                    if let Some(Frame { open: Open::Hole(_), .. }) = self.frames.last() {
                        let span = Span::new(start, start + 1);
                        self.pop_frame();
                        self.push(Kind::HoleEnd, span);
                        return start + 1;
                    }
                    if end - start == 1 { Kind::Gt } else { Kind::Operator }
                }
                Code::Number => Kind::Number,
                Code::Comma => Kind::Comma,
                Code::Colon => Kind::Colon,
                Code::Dot => Kind::Dot,
                Code::SafeDot => Kind::SafeDot,
                Code::DotDot => Kind::DotDot,
                Code::Ellipsis => Kind::Ellipsis,
                Code::Arrow => Kind::Arrow,
                Code::Assign => Kind::Assign,
                Code::AddAssign => Kind::AddAssign,
                Code::Pipe => Kind::Pipe,
                Code::At => {
                    if start == self.line_start {
                        self.maybe_attribute(start);
                    }
                    Kind::At
                }
                Code::Question => Kind::Question,
                Code::Coalesce => Kind::Coalesce,
                Code::Lt => Kind::Lt,
                Code::Minus => Kind::Minus,
                Code::Operator => Kind::Operator,
                Code::AsOptional => Kind::AsOptional,
                Code::Foreign | Code::Quoted | Code::Hash => {
                    if let Some(kind) = self.report_foreign_token(token, span) {
                        self.push(kind, span);
                    }
                    continue;
                }
            };
            self.push(kind, span);
        }
        self.text.len()
    }

    fn begin_line(&mut self, at: usize) {
        if !self.line_has_token {
            self.blank_lines.push(self.line_start as u32);
        }
        self.line_start = at + 1;
        self.line_has_token = false;
        self.first_of_line = true;
    }

    fn push_comment(&mut self, span: Span) {
        let text = self.text[span.range()].trim_end();
        let span = Span { start: span.start, end: span.start + text.len() as u32 };
        let own_line = !self.line_has_token;
        self.line_has_token = true;
        let strip = |marker: &str| {
            let rest = text.strip_prefix(marker)?;
            Some(rest.strip_prefix(' ').unwrap_or(rest).to_owned())
        };
        let bottom = self.frames.is_empty();
        if own_line && bottom && self.tokens.is_empty() && text.starts_with("//!") {
            self.file_docs.extend(strip("//!").map(|text| DocLine { text, span }));
        } else if own_line && text.starts_with("///") && !text.starts_with("////") {
            let before = self.tokens.len() as u32;
            let line = strip("///").map(|text| DocLine { text, span });
            self.docs.extend(line.map(|line| Doc { line, before }));
        } else {
            self.comments.push(Comment { span, own_line });
        }
    }

    /// A one-line string, until it ends or a hole begins.
    fn scan_one_line_string(&mut self, from: usize) -> usize {
        let mut lexer = Line::lexer(&self.text[from..]);
        while let Some(token) = lexer.next() {
            let start = from + lexer.span().start;
            let end = from + lexer.span().end;
            match token {
                Ok(Line::Hole) => {
                    self.string_text(from, start);
                    self.push_frame(Open::Hole(self.open), Kind::HoleStart, Span::new(start, end));
                    return end;
                }
                Ok(Line::Close) => {
                    self.string_text(from, start);
                    self.pop_frame();
                    self.push(Kind::StrEnd, Span::new(start, end));
                    return end;
                }
                Ok(Line::Newline) => {
                    self.string_text(from, start);
                    self.end_unterminated_string(start);
                    return start;
                }
                Ok(Line::Text) | Err(()) => {}
            }
        }
        let end = self.text.len();
        self.string_text(from, end);
        self.end_unterminated_string(end);
        end
    }

    /// A text block, until it ends or a hole begins.
    fn scan_text_block(&mut self, from: usize) -> usize {
        let mut lexer = Block::lexer(&self.text[from..]);
        while let Some(token) = lexer.next() {
            let start = from + lexer.span().start;
            let end = from + lexer.span().end;
            match token {
                Ok(Block::Hole) => {
                    self.string_text(from, start);
                    self.push_frame(Open::Hole(self.open), Kind::HoleStart, Span::new(start, end));
                    return end;
                }
                Ok(Block::Close) => {
                    if let Some(end) = self.item_inside(from, start) {
                        return self.block_without_end(from, end);
                    }
                    self.string_text(from, start);
                    self.pop_frame();
                    self.push(Kind::StrEnd, Span::new(start, end));
                    return end;
                }
                Ok(Block::Text) | Err(()) => {}
            }
        }
        // Nothing closes the block. From the first line that begins a declaration on, the text is more
        // likely code; the search is made once a file, so that scanning stays linear.
        let end = if self.cut_block { None } else { self.next_item_line(from) };
        self.block_without_end(from, end.unwrap_or(self.text.len()))
    }

    /// Where a declaration begins inside a text block, when the file has an odd number of `"""`: then
    /// the closing quotes of this block are missing, and those at `to` open another one.
    fn item_inside(&mut self, from: usize, to: usize) -> Option<usize> {
        if self.cut_block {
            return None;
        }
        let text = self.text;
        let odd = *self.odd_quotes.get_or_insert_with(|| text.matches("\"\"\"").count() % 2 == 1);
        if odd { self.next_item_line(from).filter(|at| *at < to) } else { None }
    }

    /// Ends a text block that nothing closes.
    fn block_without_end(&mut self, from: usize, end: usize) -> usize {
        self.cut_block = true;
        self.string_text(from, end);
        if let Some(frame) = self.frames.last().copied() {
            let before = self.end_of_block(from, end) as u32;
            self.error(SyntaxErrorKind::UnterminatedBlock { before }, frame.span);
            self.suppressed.push(Span { start: frame.span.start, end: end as u32 });
        }
        self.pop_frame();
        self.push_missing(Kind::StrEnd, end);
        self.swallowed = true;
        end
    }

    /// Where the lines end that are indented as a text block is: the last one before a line that
    /// stands no further right than the line that opens the block.
    fn end_of_block(&self, from: usize, end: usize) -> usize {
        let opening = self.text[..from].rfind('\n').map_or(0, |at| at + 1);
        let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let outer = indentation(&self.text[opening..from]);
        let mut at = from;
        let mut last = from;
        for line in self.text[from..end].split_inclusive('\n') {
            if at > from && !line.trim().is_empty() && indentation(line) <= outer {
                break;
            }
            at += line.len();
            if !line.trim().is_empty() {
                last = at - (line.len() - line.trim_end().len());
            }
        }
        last
    }

    fn string_text(&mut self, start: usize, end: usize) {
        if start == end {
            return;
        }
        self.push(Kind::StrText, Span::new(start, end));
        if let Some(newline) = self.text[start..end].rfind('\n') {
            self.line_start = start + newline + 1;
            // Only a text block holds line breaks; what follows it continues its line.
            self.line_has_token = end > self.line_start;
        }
    }

    /// Closes whatever is open at the end of the text.
    fn close_at_end_of_file(&mut self) {
        let end = self.text.len();
        if self.one_line > 0 {
            self.close_one_line(end);
        }
        self.close_all(end);
    }
}

/// The index of a bracket in [`Scan::open`].
pub(super) fn bracket_index(kind: Kind) -> Option<usize> {
    match kind {
        Kind::LParen => Some(0),
        Kind::LBracket => Some(1),
        Kind::LBrace => Some(2),
        _ => None,
    }
}
