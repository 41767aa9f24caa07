//! Commands: lists, pipelines, compound commands, redirections and here-documents.

use crate::{
    cursor::{Cursor, Parsed, PendingHeredoc, hole_of},
    syntax::{Assignment, Command, CommandKind, List, Piece, Pipeline, Redirect, RedirectKind, Word},
    words::{METACHARACTERS, RESERVED_PREFIX},
};

/// Words that have a meaning where a command begins.
const RESERVED: &[&str] =
    &["!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while"];

impl Cursor<'_> {
    /// A whole script.
    pub fn script(&mut self) -> Parsed<List> {
        let list = self.list(&[])?;
        if !self.is_at_end() {
            let at = self.at;
            return match self.reserved_word() {
                Some(word) => self.error(at, format!("`{word}` stands here without the command that it belongs to")),
                None => {
                    let found = self.peek().unwrap_or_default();
                    self.error(at, format!("`{found}` cannot stand here in a command"))
                }
            };
        }
        self.finish_heredocs()?;
        Ok(list)
    }

    /// `$(…)`; `$(` was read.
    pub(crate) fn substitution(&mut self, start: usize) -> Parsed<List> {
        let outer = std::mem::take(&mut self.heredocs);
        let list = self.list(&[])?;
        self.finish_heredocs()?;
        self.heredocs = outer;
        match self.skip_text(")") {
            true => Ok(list),
            false => self.error(start, "a `$(` in this command is never closed"),
        }
    }

    /// Commands up to the end, a `)`, a `;;`, or one of the reserved words.
    fn list(&mut self, ends: &[&str]) -> Parsed<List> {
        let mut list = List::default();
        loop {
            self.skip_lines()?;
            if self.is_at_end()
                || matches!(self.peek(), Some(')'))
                || self.rest().starts_with(";;")
                || self.reserved_word().is_some_and(|word| ends.contains(&word))
            {
                return Ok(list);
            }
            self.and_or(&mut list)?;
            self.skip_blanks();
            self.skip_comment();
            match self.peek() {
                Some(';') if !self.rest().starts_with(";;") => {
                    self.next();
                }
                Some('&') if !self.rest().starts_with("&&") => {
                    self.next();
                    if let Some(last) = list.pipelines.last_mut() {
                        last.plain = false;
                    }
                }
                Some('\n') => {}
                _ => {
                    self.skip_lines()?;
                    return Ok(list);
                }
            }
        }
    }

    /// `a && b || c`
    fn and_or(&mut self, list: &mut List) -> Parsed<()> {
        let mut plain = true;
        loop {
            let mut pipeline = self.pipeline()?;
            self.skip_blanks();
            let joined = self.skip_text("&&") || self.skip_text("||");
            pipeline.plain &= plain && !joined;
            list.pipelines.push(pipeline);
            if !joined {
                return Ok(());
            }
            plain = false;
            self.skip_lines()?;
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut plain = true;
        self.skip_blanks();
        while self.reserved_word() == Some("!") {
            self.next();
            self.skip_blanks();
            plain = false;
        }
        let mut commands = vec![self.nested(Self::command)?];
        loop {
            self.skip_blanks();
            if self.rest().starts_with("||") || !self.skip_text("|") {
                return Ok(Pipeline { commands, plain });
            }
            self.skip_lines()?;
            commands.push(self.nested(Self::command)?);
        }
    }

    /// A command with its redirections.
    fn command(&mut self) -> Parsed<Command> {
        self.skip_blanks();
        let start = self.at;
        let kind = match (self.peek(), self.reserved_word()) {
            (Some('('), _) => {
                self.next();
                let list = self.list(&[])?;
                if !self.skip_text(")") {
                    return self.error(start, "a `(` in this command is never closed");
                }
                CommandKind::Subshell(list)
            }
            (_, Some("{")) => {
                self.next();
                let list = self.list(&["}"])?;
                self.expect_word("}", start, "{")?;
                CommandKind::Group(list)
            }
            (_, Some("if")) => self.if_command(start)?,
            (_, Some("while" | "until")) => {
                let opened = self.name().to_owned();
                self.at += opened.len();
                let condition = self.filled_list(&["do"], start, &opened)?;
                self.expect_word("do", start, &opened)?;
                let body = self.filled_list(&["done"], start, &opened)?;
                self.expect_word("done", start, &opened)?;
                CommandKind::While { condition, body }
            }
            (_, Some("for")) => self.for_command(start)?,
            (_, Some("case")) => self.case_command(start)?,
            (_, Some(word)) => {
                return self.error(start, format!("`{word}` stands here without the command that it belongs to"));
            }
            _ => return self.simple_command(),
        };
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => return Ok(Command { kind, redirects }),
            }
        }
    }

    /// A list that may not be empty.
    fn filled_list(&mut self, ends: &[&str], start: usize, opened: &str) -> Parsed<List> {
        let list = self.list(ends)?;
        match list.is_empty() {
            true => self.error(start, format!("a command is missing in this `{opened}`")),
            false => Ok(list),
        }
    }

    fn expect_word(&mut self, word: &str, start: usize, opened: &str) -> Parsed<()> {
        if self.reserved_word() == Some(word) {
            self.at += word.len();
            return Ok(());
        }
        self.error(start, format!("the `{word}` of this `{opened}` is missing"))
    }

    fn if_command(&mut self, start: usize) -> Parsed<CommandKind> {
        let mut branches = Vec::new();
        loop {
            // `if` and `elif`.
            self.at += self.name().len();
            let condition = self.filled_list(&["then"], start, "if")?;
            self.expect_word("then", start, "if")?;
            let body = self.filled_list(&["elif", "else", "fi"], start, "if")?;
            branches.push((condition, body));
            if self.reserved_word() != Some("elif") {
                break;
            }
        }
        let otherwise = match self.reserved_word() {
            Some("else") => {
                self.at += "else".len();
                Some(self.filled_list(&["fi"], start, "if")?)
            }
            _ => None,
        };
        self.expect_word("fi", start, "if")?;
        Ok(CommandKind::If { branches, otherwise })
    }

    fn for_command(&mut self, start: usize) -> Parsed<CommandKind> {
        self.at += "for".len();
        self.skip_blanks();
        let name = self.name().to_owned();
        if name.is_empty() {
            return self.error(self.at, "the name of a variable was expected after `for`");
        }
        if name.starts_with(RESERVED_PREFIX) {
            return self.error(self.at, format!("names that begin with `{RESERVED_PREFIX}` are reserved for values"));
        }
        self.at += name.len();
        self.skip_lines()?;
        let words = match self.reserved_word() {
            Some("in") => {
                self.at += "in".len();
                let mut words = Vec::new();
                loop {
                    self.skip_blanks();
                    match self.word()? {
                        Some(word) => words.push(word),
                        None => break,
                    }
                }
                Some(words)
            }
            _ => None,
        };
        self.skip_blanks();
        self.skip_text(";");
        self.skip_lines()?;
        let (opened, closed) = match self.reserved_word() {
            Some("{") => ("{", "}"),
            _ => ("do", "done"),
        };
        self.expect_word(opened, start, "for")?;
        let body = self.filled_list(&[closed], start, "for")?;
        self.expect_word(closed, start, "for")?;
        Ok(CommandKind::For { name, words, body })
    }

    fn case_command(&mut self, start: usize) -> Parsed<CommandKind> {
        self.at += "case".len();
        self.skip_blanks();
        let edits = self.edits.len();
        let Some(subject) = self.word()? else {
            return self.error(self.at, "a word was expected after `case`");
        };
        self.join_values(edits);
        self.skip_lines()?;
        self.expect_word("in", start, "case")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines()?;
            if self.reserved_word() == Some("esac") {
                self.at += "esac".len();
                return Ok(CommandKind::Case { subject, arms });
            }
            self.skip_text("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                let edits = self.edits.len();
                let Some(pattern) = self.word()? else {
                    return self.error(start, "the `esac` of this `case` is missing");
                };
                self.join_values(edits);
                patterns.push(pattern);
                self.skip_blanks();
                if !self.skip_text("|") {
                    break;
                }
            }
            if !self.skip_text(")") {
                return self.error(self.at, "a `)` was expected after the pattern of a `case`");
            }
            let body = self.list(&["esac"])?;
            arms.push((patterns, body));
            self.skip_blanks();
            if !self.skip_text(";;") && self.reserved_word() != Some("esac") {
                return self.error(start, "the `esac` of this `case` is missing");
            }
        }
    }

    /// A list cannot become several words where one is expected: its elements are joined.
    fn join_values(&mut self, first_edit: usize) {
        self.edits.iter_mut().skip(first_edit).for_each(|edit| edit.word = None);
    }

    fn simple_command(&mut self) -> Parsed<Command> {
        let start = self.at;
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        let mut ranges = Vec::new();
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let at = self.at;
            if words.is_empty() && self.is_function() {
                return self.function(at);
            }
            if self.peek() == Some('#') {
                break;
            }
            let Some(word) = self.word()? else { break };
            match split_assignment(&word) {
                Some((name, value)) if words.is_empty() => {
                    if name.starts_with(RESERVED_PREFIX) {
                        return self
                            .error(at, format!("names that begin with `{RESERVED_PREFIX}` are reserved for values"));
                    }
                    assignments.push(Assignment { name, value });
                }
                _ => {
                    words.push(word);
                    ranges.push(at..self.at);
                }
            }
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return match self.peek() {
                None => self.error(start, "a command is missing at the end"),
                Some(c) => self.error(start, format!("a command was expected before `{}`", c.escape_debug())),
            };
        }
        if self.peek() == Some('(') {
            return self.error_with_help(self.at, "a `(` cannot stand here in a command", "write it in quotes");
        }
        self.commands.push(ranges);
        Ok(Command { kind: CommandKind::Simple { assignments, words }, redirects })
    }

    /// Whether `name ( )` begins here.
    fn is_function(&self) -> bool {
        let name = self.name();
        let after = self.rest().get(name.len()..).unwrap_or_default().trim_start_matches([' ', '\t']);
        !name.is_empty() && after.strip_prefix('(').is_some_and(|a| a.trim_start_matches([' ', '\t']).starts_with(')'))
    }

    fn function(&mut self, start: usize) -> Parsed<Command> {
        let name = self.name().to_owned();
        self.at += name.len();
        self.skip_blanks();
        self.skip_text("(");
        self.skip_blanks();
        self.skip_text(")");
        self.skip_lines()?;
        let body = self.nested(Self::command)?;
        if matches!(body.kind, CommandKind::Simple { .. }) {
            return self.error_with_help(start, format!("the body of `{name}` must stand in braces"), "write `{ …; }`");
        }
        Ok(Command { kind: CommandKind::Function { name, body: Box::new(body) }, redirects: Vec::new() })
    }

    /// A redirection, if one begins here.
    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let start = self.at;
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if !matches!(rest.get(digits..).and_then(|r| r.chars().next()), Some('<' | '>')) {
            return Ok(None);
        }
        let descriptor = rest.get(..digits).and_then(|d| d.parse().ok());
        self.at += digits;
        if self.rest().starts_with("<<<") {
            return self.error_with_help(start, "`<<<` is not a part of the POSIX shell", "give the text on `stdin`");
        }
        if self.rest().starts_with("<(") || self.rest().starts_with(">(") {
            return self.error_with_help(
                start,
                "a process substitution is not a part of the POSIX shell",
                "write to a file, or use a pipe",
            );
        }
        if self.skip_text("<<") {
            let strip_tabs = self.skip_text("-");
            self.skip_blanks();
            return self.announce_heredoc(start, descriptor, strip_tabs).map(Some);
        }
        let kind = if self.skip_text("<&") || self.skip_text(">&") {
            RedirectKind::Duplicate
        } else if self.skip_text(">>") {
            RedirectKind::Append
        } else if self.skip_text(">|") || (!self.rest().starts_with('<') && self.skip_text(">")) {
            RedirectKind::Write
        } else {
            self.skip_text("<");
            self.skip_text(">");
            RedirectKind::Read
        };
        self.skip_blanks();
        let edits = self.edits.len();
        let Some(target) = self.word()? else {
            return self.error(start, "a file was expected after this redirection");
        };
        self.join_values(edits);
        Ok(Some(Redirect { descriptor, kind, target }))
    }

    fn announce_heredoc(&mut self, start: usize, descriptor: Option<u32>, strip_tabs: bool) -> Parsed<Redirect> {
        let at = self.at;
        let (mut delimiter, mut quoted) = (String::new(), false);
        let mut open: Option<char> = None;
        while let Some(c) = self.peek() {
            if open.is_none() && METACHARACTERS.contains(&c) {
                break;
            }
            self.next();
            if hole_of(c).is_some() {
                return self.error(at, "a value cannot be the end of a here-document");
            }
            match (c, open) {
                ('\'' | '"', None) => (open, quoted) = (Some(c), true),
                (c, Some(quote)) if c == quote => open = None,
                ('\\', None) => {
                    quoted = true;
                    delimiter.extend(self.next());
                }
                _ => delimiter.push(c),
            }
        }
        if self.at == at || open.is_some() {
            return self.error(start, "the word that ends this here-document is missing");
        }
        let document = self.documents.len();
        self.documents.push(Word { pieces: Vec::new(), start: at });
        self.heredocs.push(PendingHeredoc { delimiter, quoted, strip_tabs, start: at, document });
        let target = Word { pieces: Vec::new(), start: at };
        Ok(Redirect { descriptor, kind: RedirectKind::HereDocument(document), target })
    }

    /// Goes past blanks, comments and ends of lines, and the here-documents that begin there.
    pub(crate) fn skip_lines(&mut self) -> Parsed<()> {
        loop {
            self.skip_blanks();
            self.skip_comment();
            if !self.skip_text("\n") {
                return Ok(());
            }
            self.read_heredocs()?;
        }
    }

    fn read_heredocs(&mut self) -> Parsed<()> {
        for pending in std::mem::take(&mut self.heredocs) {
            let start = self.at;
            let mut line_start = start;
            let end = loop {
                let line = self.text.get(line_start..).unwrap_or_default();
                if line.is_empty() {
                    let message = format!("the line `{}` that ends this here-document is missing", pending.delimiter);
                    return self.error(pending.start, message);
                }
                let length = line.find('\n').unwrap_or(line.len());
                let content = line.get(..length).unwrap_or_default();
                let content = if pending.strip_tabs { content.trim_start_matches('\t') } else { content };
                if content == pending.delimiter {
                    break line_start;
                }
                line_start += (length + 1).min(line.len());
            };
            let pieces = match pending.quoted {
                true => {
                    let text = self.text.get(start..end).unwrap_or_default();
                    if let Some((at, _)) = text.char_indices().find(|(_, c)| hole_of(*c).is_some()) {
                        return self.error_with_help(
                            start + at,
                            "the shell puts no value into a here-document whose end is quoted",
                            "write the word after `<<` without quotes, or give the text on `stdin`",
                        );
                    }
                    vec![Piece::Quoted(text.to_owned())]
                }
                false => self.heredoc_pieces(end)?,
            };
            self.at = end;
            let line = self.rest();
            self.at += line.find('\n').unwrap_or(line.len());
            if let Some(document) = self.documents.get_mut(pending.document) {
                document.pieces = pieces;
            }
            if !self.is_at_end() {
                self.next();
            }
        }
        Ok(())
    }

    /// Reports here-documents whose text never began.
    fn finish_heredocs(&mut self) -> Parsed<()> {
        match self.heredocs.first() {
            Some(pending) => {
                let message = format!("the line `{}` that ends this here-document is missing", pending.delimiter);
                self.error(pending.start, message)
            }
            None => Ok(()),
        }
    }

    /// The reserved word that begins here, alone in its word.
    fn reserved_word(&self) -> Option<&'static str> {
        let rest = self.rest();
        let end = rest.find(|c| METACHARACTERS.contains(&c)).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        RESERVED.iter().find(|reserved| **reserved == word).copied()
    }
}

/// The name and the value of a word like `NAME=value`.
pub(crate) fn split_assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Piece::Text(text)) = word.pieces.first() else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    let mut pieces = word.pieces.clone();
    match value {
        "" => {
            pieces.remove(0);
        }
        value => pieces[0] = Piece::Text(value.to_owned()),
    }
    Some((name.to_owned(), Word { pieces, start: word.start }))
}
