//! Recovery of the scanner: closes brackets, strings and holes that the text leaves open, and reports
//! the one that was most likely forgotten.

use super::modes::Code;
use super::scan::{Frame, Open, Scan, bracket_index};
use super::words;
use crate::SyntaxErrorKind;
use crate::ast::Span;
use crate::token::Kind;

/// The token that closes what `open` opened.
fn closing_kind(open: Open) -> Kind {
    match open {
        Open::Bracket(Kind::LParen) => Kind::RParen,
        Open::Bracket(Kind::LBracket) => Kind::RBracket,
        Open::Bracket(_) => Kind::RBrace,
        Open::Hole(_) => Kind::HoleEnd,
        Open::OneLine | Open::Block => Kind::StrEnd,
    }
}

impl Scan<'_> {
    /// Closes the innermost open bracket, hole or string with an added token.
    fn close_top(&mut self, at: usize) -> Option<Frame> {
        let frame = self.pop_frame()?;
        self.push_missing(closing_kind(frame.open), at);
        Some(frame)
    }

    /// Closes the innermost open bracket, hole or string and reports it.
    fn close_unclosed(&mut self, at: usize) {
        let Some(frame) = self.close_top(at) else {
            return;
        };
        self.report_unclosed(frame, at);
    }

    /// The end of the last written token before `at`.
    fn end_before(&self, at: usize) -> u32 {
        let real = self.tokens.iter().rev().find(|token| !token.added && token.span.end as usize <= at);
        real.map_or(at as u32, |token| token.span.end)
    }

    fn report_unclosed(&mut self, frame: Frame, at: usize) {
        let before = self.end_before(at);
        let at = at as u32;
        let (kind, span) = match frame.open {
            Open::Bracket(Kind::LBrace) if frame.record => {
                (SyntaxErrorKind::Unclosed { open: '{', before }, frame.span)
            }
            Open::Bracket(Kind::LBrace) => {
                self.suppressed.push(Span { start: at, end: at });
                let (span, before) = self.misindented_brace.take().unwrap_or((frame.span, before));
                return self.error(SyntaxErrorKind::Unclosed { open: '{', before }, span);
            }
            Open::Bracket(Kind::LBracket) => (SyntaxErrorKind::Unclosed { open: '[', before }, frame.span),
            Open::Bracket(_) => (SyntaxErrorKind::Unclosed { open: '(', before }, frame.span),
            Open::Hole(_) => (SyntaxErrorKind::UnterminatedHole, frame.span),
            Open::OneLine | Open::Block => (SyntaxErrorKind::UnterminatedString, frame.span),
        };
        self.error(kind, span);
        self.suppressed.push(Span { start: frame.span.start, end: at });
    }

    /// Closes everything that is open. Reports the outermost bracket, or the brace whose `}` stands at a
    /// wrong indentation when there is one.
    pub(super) fn close_all(&mut self, at: usize) {
        let mut outermost = None;
        while let Some(frame) = self.close_top(at) {
            outermost = Some(frame);
            // A parenthesis explains more than the brace around it.
            if frame.open != Open::Bracket(Kind::LBrace) {
                while self.frames.last().is_some_and(|f| f.open != Open::Bracket(Kind::LBrace)) {
                    outermost = self.close_top(at);
                }
                break;
            }
        }
        while self.close_top(at).is_some() {}
        if let Some(frame) = outermost
            && !std::mem::take(&mut self.swallowed)
        {
            self.report_unclosed(frame, at);
        }
        self.misindented_brace = None;
    }

    /// A word at the start of a line: when it begins a declaration, nothing can be open.
    pub(super) fn maybe_item(&mut self, start: usize, end: usize) {
        if words::item_keyword(&self.text[start..end]).is_none() {
            return;
        }
        if self.frames.is_empty() {
            self.misindented_brace = None;
        } else if begins_item(&self.text[start..]) {
            self.close_before(start);
        }
    }

    /// `@` at the start of a line: when it begins a declaration, nothing can be open.
    pub(super) fn maybe_attribute(&mut self, start: usize) {
        if !self.frames.is_empty() && begins_attribute(&self.text[start..]) {
            self.close_before(start);
        }
    }

    /// Closes all that is open where the tokens before `start` end.
    fn close_before(&mut self, start: usize) {
        let at = self.tokens.last().map_or(start, |token| token.span.end as usize);
        self.close_all(at);
    }

    /// Whether a key and `:` stand at `at`.
    pub(super) fn begins_record(&self, at: usize) -> bool {
        let rest = self.text[at..].trim_start();
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        word.is_some_and(|end| {
            let after = rest[end..].trim_start_matches(' ');
            end > 0 && after.starts_with(':') && !after.starts_with(":=")
        })
    }

    /// A word that is the first of its line: when it begins a statement, no parenthesis, no bracket and
    /// no record can be open. Closes them and reports the outermost.
    pub(super) fn maybe_statement(&mut self, start: usize, end: usize) {
        let inside =
            |frame: &&Frame| frame.record || matches!(frame.open, Open::Bracket(Kind::LParen | Kind::LBracket));
        if self.frames.last().filter(inside).is_none() || self.open[2] == 0 {
            return;
        }
        let word = &self.text[start..end];
        let rest = self.text[end..].trim_start_matches([' ', '\t']);
        let statement = matches!(word, "stage" | "let" | "var" | "gate" | "return");
        let unnamed = matches!(word, "stage" | "let" | "var") && rest.starts_with("= ");
        if !statement || !(unnamed || rest.starts_with(|c: char| c.is_alphanumeric() || "_\"({[".contains(c))) {
            return;
        }
        let at = self.tokens.last().map_or(start, |token| token.span.end as usize);
        let mut outermost = None;
        while let Some(frame) = self.frames.last().filter(inside).copied() {
            if let Open::Bracket(kind) = frame.open
                && let Some(slot) = bracket_index(kind)
                && slot < 2
            {
                self.closed_early[slot] += 1;
            }
            outermost = self.close_top(at);
        }
        if let Some(frame) = outermost {
            self.report_unclosed(frame, at);
        }
    }

    /// Handles a closing bracket; returns where the string goes on when the bracket closed a hole.
    pub(super) fn close_bracket(&mut self, open: Kind, close: Kind, span: Span) -> Option<usize> {
        let matching = bracket_index(open).is_some_and(|slot| self.open[slot] > 0);
        if matching {
            let mut outermost = None;
            while let Some(frame) = self.frames.last().copied() {
                if frame.open == Open::Bracket(open) {
                    self.note_indentation(frame, open, span);
                    // The closer of the deepest bracket that the grammar sees is seen too.
                    self.pop_frame();
                    self.push(close, span);
                    break;
                }
                outermost = self.close_top(span.start as usize);
            }
            if let Some(frame) = outermost {
                self.report_unclosed(frame, span.start as usize);
            }
            return None;
        }
        if let Some(Frame { open: Open::Hole(_), .. }) = self.frames.last() {
            self.close_unclosed(span.start as usize);
            return Some(span.start as usize);
        }
        let partner = |frame: &Frame| matches!(frame.open, Open::Bracket(k) if k != Kind::LBrace);
        if let Some(frame) = self.frames.last().copied().filter(partner)
            && frame.line as usize == self.line_start
        {
            // The wrong one of two, on one line.
            let right = if closing_kind(frame.open) == Kind::RParen { ')' } else { ']' };
            let message = format!("`{}` does not match the open bracket", &self.text[span.range()]);
            let help = Some(format!("write `{right}`"));
            self.error(SyntaxErrorKind::Other { message, help, instead: None }, span);
            self.pop_frame();
            self.push(closing_kind(frame.open), span);
            return None;
        }
        if let Some(count) = bracket_index(open).and_then(|slot| self.closed_early.get_mut(slot))
            && *count > 0
        {
            // Its opening bracket was closed when a statement began.
            *count -= 1;
            return None;
        }
        let bracket = match close {
            Kind::RParen => ')',
            Kind::RBracket => ']',
            _ => '}',
        };
        self.error(SyntaxErrorKind::Unopened(bracket), span);
        None
    }

    /// Remembers a brace whose `}` stands further left than the line of the brace: if a `}` turns out to
    /// be missing, it is the one of that brace.
    fn note_indentation(&mut self, frame: Frame, open: Kind, close: Span) {
        if open != Kind::LBrace || !self.first_of_line || self.misindented_brace.is_some() {
            return;
        }
        let line = &self.text[frame.line as usize..frame.span.start as usize];
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if (close.start as usize - self.line_start) < indentation {
            self.misindented_brace = Some((frame.span, self.end_before(close.start as usize)));
        }
    }

    /// A line end in code: closes holes that cannot continue on the next line; returns where the string
    /// goes on.
    pub(super) fn close_holes_at_line_end(&mut self, at: usize) -> Option<usize> {
        if self.one_line > 0 {
            self.close_one_line(at);
        }
        let Some(Frame { open: Open::Hole(_), span, .. }) = self.frames.last().copied() else {
            return None;
        };
        // In a text block a hole continues on the next line right after `$<`, before `.` or `?.`, and
        // before a `>` that begins the line.
        let rest = self.text[at + 1..].trim_start_matches([' ', '\t', '\r']);
        let begins = self.tokens.last().is_some_and(|token| token.span == span);
        if begins || rest.starts_with('.') || rest.starts_with('?') || rest.starts_with('>') {
            return None;
        }
        self.close_unclosed(at);
        Some(at)
    }

    /// Ends a one-line string at its line's end.
    pub(super) fn end_unterminated_string(&mut self, at: usize) {
        // Inside the hole of another one-line string, the unclosed hole is the mistake.
        if self.one_line > 1 {
            return self.close_one_line(at);
        }
        let Some(frame) = self.close_top(at) else {
            return;
        };
        let span = Span { start: frame.span.start, end: at as u32 };
        self.error(SyntaxErrorKind::UnterminatedString, span);
        self.suppressed.push(span);
        self.close_swallowed(frame, at);
        if let Some(Frame { open: Open::Hole(_), .. }) = self.frames.last() {
            self.close_top(at);
        }
    }

    /// Ends all one-line strings and what is open in them; reports the outermost hole.
    pub(super) fn close_one_line(&mut self, at: usize) {
        let mut hole = None;
        let mut last = None;
        while self.one_line > 0 {
            let Some(frame) = self.close_top(at) else {
                break;
            };
            if let Open::Hole(_) = frame.open {
                hole = Some(frame);
            }
            last = Some(frame);
        }
        if let Some(hole) = hole {
            self.error(SyntaxErrorKind::UnterminatedHole, hole.span);
            self.suppressed.push(Span { start: hole.span.start, end: at as u32 });
        }
        if let Some(frame) = last {
            self.close_swallowed(frame, at);
        }
    }

    /// Closes, without a report, the brackets whose closing brackets stand inside an unterminated string.
    fn close_swallowed(&mut self, string: Frame, at: usize) {
        let text = self.text;
        for c in text[string.span.end as usize..at].chars() {
            let Some(frame) = self.frames.last() else {
                return;
            };
            let open = match c {
                ')' => Kind::LParen,
                ']' => Kind::LBracket,
                '}' => Kind::LBrace,
                _ => continue,
            };
            if frame.open == Open::Bracket(open) && frame.line == string.line {
                let from = frame.span.start;
                self.close_top(at);
                self.suppressed.push(Span { start: from, end: at as u32 });
            }
        }
    }

    /// `"""` in the hole of a text block ends the block, since blocks do not nest; returns where the
    /// block goes on: right before the quotes.
    pub(super) fn quotes_in_hole(&mut self, start: usize, _end: usize) -> Option<usize> {
        let in_block = self.frames.iter().rev().take_while(|f| f.open != Open::Block);
        let mut hole = None;
        let mut depth = 0;
        for frame in in_block {
            depth += 1;
            if let Open::Hole(_) = frame.open {
                hole = Some(*frame);
            }
            if frame.open == Open::OneLine {
                return None;
            }
        }
        if depth == self.frames.len() {
            return None;
        }
        let hole = hole?;
        for _ in 0..depth {
            self.close_top(start);
        }
        self.report_unclosed(hole, start);
        Some(start)
    }

    /// Reports a token of another language; returns the kind of the token that is meant.
    pub(super) fn report_foreign_token(&mut self, token: Code, span: Span) -> Option<Kind> {
        let word = &self.text[span.range()];
        let (message, help, kind, instead) = match (token, word) {
            (Code::Quoted, _) => {
                let inner = &word[1..word.len() - 1];
                if word.starts_with('`') {
                    return Some(self.report_backticks(inner, span));
                }
                let plain = !inner.contains(['"', '\\']) && !inner.contains("$<");
                let instead = plain.then(|| format!("\"{inner}\""));
                ("strings are written in double quotes", "write `\"…\"`", Some(Kind::Constant), instead)
            }
            (Code::Hash, _) => {
                let instead = Some(format!("//{}", &word[1..]));
                ("`#` begins no comment", "write `//`", None, instead)
            }
            (_, "&&") => ("`&&` is not an operator", "write `and`", Some(Kind::Operator), self.pad_word("and", span)),
            (_, "||") => ("`||` is not an operator", "write `or`", Some(Kind::Operator), self.pad_word("or", span)),
            (_, "=>") if self.frames.last().is_some_and(|f| f.open == Open::Bracket(Kind::LParen)) => {
                ("the parameters of a lambda are written between bars", "write `|x| …`", Some(Kind::Arrow), None)
            }
            (_, "++") => ("there is no `++`", "write `n += 1`", None, None),
            (_, ":=") => ("`:=` is not an operator", "write `let name = …`", Some(Kind::Assign), None),
            (_, text) if text.starts_with("/*") => {
                ("there are no comments between `/*` and `*/`", "each line of a comment begins with `//`", None, None)
            }
            (_, "=>") if self.is_after_result_of_fn(span) => {
                ("the body of a fn follows after `=`", "write `=`", Some(Kind::Assign), Some("=".to_owned()))
            }
            (_, "=>") => ("`=>` is not an arrow", "write `->`", Some(Kind::Arrow), Some("->".to_owned())),
            (_, "!") if self.ends_value_before(span) => return self.report_mark_after_value(span),
            (_, "!") => ("`!` is not an operator", "write `not`", Some(Kind::Not), self.pad_word("not", span)),
            _ => ("a statement ends with its line", "leave `;` out", None, self.at_end_of_line(span).then(String::new)),
        };
        let (message, help) = (message.to_owned(), Some(help.to_owned()));
        self.error(SyntaxErrorKind::Other { message, help, instead }, span);
        kind
    }

    /// Reports text between backticks: a command after `run`, else a string.
    fn report_backticks(&mut self, inner: &str, span: Span) -> Kind {
        let plain = !inner.contains(['"', '\\']) && !inner.contains("$<") && !inner.contains("${");
        let command = self.text[..span.start as usize].trim_end().ends_with("run");
        let (message, sign) = if command {
            ("a command is written in `sh\"…\"`", "sh")
        } else {
            ("strings are written in double quotes", "")
        };
        let help = match (plain, inner.contains("${")) {
            (true, _) => format!("write `{sign}\"{inner}\"`"),
            (_, true) => format!("write `{sign}\"…\"`: a value in it is `$<name>`"),
            _ => format!("write `{sign}\"…\"`"),
        };
        let instead = plain.then(|| format!("{sign}\"{inner}\""));
        self.error(SyntaxErrorKind::Other { message: message.to_owned(), help: Some(help), instead }, span);
        Kind::Constant
    }

    /// Whether the line begins with a `fn` and has its result before a place.
    fn is_after_result_of_fn(&self, span: Span) -> bool {
        let start = span.start as usize;
        crate::errors::line_start(self.text, start)
            .map(|line| &self.text[line..start])
            .is_some_and(|line| line.starts_with("fn ") && line.contains("->"))
    }

    /// Whether a name or a bracket ends right before a place.
    fn ends_value_before(&self, span: Span) -> bool {
        let before = self.text[..span.start as usize].chars().next_back();
        before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'))
    }

    /// Reports `value!`, `as! T` and `macro!(…)`.
    fn report_mark_after_value(&mut self, span: Span) -> Option<Kind> {
        let before = &self.text[..span.start as usize];
        let name = &before[before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()..];
        let called = self.text[span.end as usize..].starts_with(['(', '[']);
        let (message, help, instead) = match name {
            "println" | "print" | "eprintln" | "dbg" => {
                ("there are no macros", "`log \"…\"` writes a message".to_owned(), None)
            }
            "format" => ("there are no macros", "put values into text: `\"$<name>\"`".to_owned(), None),
            "vec" => ("there are no macros", "a list is written `[…]`".to_owned(), None),
            "panic" | "unreachable" | "todo" | "bail" => {
                ("there are no macros", "write `fail \"message\"`".to_owned(), None)
            }
            "assert" | "assert_eq" | "ensure" => {
                ("there are no macros", "write `gate condition, \"message\"`".to_owned(), None)
            }
            "as" => {
                ("there is no `as!`", "write `as`: a value that does not fit fails".to_owned(), Some(String::new()))
            }
            _ if called => ("there are no macros", "leave `!` out".to_owned(), Some(String::new())),
            _ => {
                let shown = if name.is_empty() { "x" } else { name };
                let help = format!(
                    "say what holds for null: `{shown} ?? other`, or `gate {shown} != null, \"message\"` before"
                );
                ("a value has no `!` after it", help, None)
            }
        };
        self.error(SyntaxErrorKind::Other { message: message.to_owned(), help: Some(help), instead }, span);
        None
    }

    /// The word that replaces a sign, with spaces where it would touch its neighbours.
    fn pad_word(&self, word: &str, span: Span) -> Option<String> {
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let before = if touches(self.text[..span.start as usize].chars().next_back()) { " " } else { "" };
        let after = if self.text[span.end as usize..].starts_with(char::is_whitespace) { "" } else { " " };
        Some(format!("{before}{word}{after}"))
    }

    /// Whether nothing but a comment follows on the line (otherwise removing `;` would join two statements).
    fn at_end_of_line(&self, span: Span) -> bool {
        let rest = self.text[span.end as usize..].lines().next().unwrap_or_default().trim_start();
        rest.is_empty() || rest.starts_with("//")
    }

    /// The first line after `from` that begins a declaration at its first column.
    pub(super) fn next_item_line(&self, from: usize) -> Option<usize> {
        let bytes = &self.text[from..];
        let mut at = 0;
        while let Some(newline) = bytes[at..].find('\n') {
            at += newline + 1;
            if begins_item(&bytes[at..]) || begins_attribute(&bytes[at..]) {
                // The line break belongs to the code.
                return Some(from + at - 1);
            }
        }
        None
    }
}

/// Whether a text begins with the head of a declaration, perhaps one without its name.
fn begins_item(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(kind) = words::item_keyword(&text[..end]) else {
        return false;
    };
    let rest = &text[end..];
    let after = rest.trim_start_matches([' ', '\t']);
    if after.len() == rest.len() {
        return false;
    }
    match kind {
        Kind::Test => after.starts_with('"'),
        Kind::Import => after.starts_with(|c: char| c.is_ascii_alphabetic() || "_\"{".contains(c)),
        Kind::Model => after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'),
        _ => after.starts_with(|c: char| c.is_ascii_alphabetic() || "_{(".contains(c)),
    }
}

/// Whether a text begins with an attribute of a declaration: such a line, and then its head.
fn begins_attribute(text: &str) -> bool {
    let mut lines = text.lines().take(8).skip_while(|line| line.starts_with('@'));
    text.starts_with('@') && lines.next().is_some_and(begins_item)
}
