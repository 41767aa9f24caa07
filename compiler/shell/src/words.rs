//! Words: quotes, expansions, and the values that stand in them.

use crate::{
    cursor::{Cursor, EditKind, Parsed, Quoting, hole_of},
    syntax::{Operation, Parameter, Piece, Word},
};

/// Characters that end a word outside of quotes.
pub(crate) const METACHARACTERS: &[char] = &[' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')'];

/// Names of variables that are reserved for values.
pub const RESERVED_PREFIX: &str = "__cascade_";

const NO_BACKSLASH: &str = "write `\\\\` for a backslash before a value";

impl Cursor<'_> {
    /// A word, or `None` where none begins.
    pub fn word(&mut self) -> Parsed<Option<Word>> {
        let start = self.at;
        let first_edit = self.edits.len();
        let pieces = self.pieces_until(|c| METACHARACTERS.contains(&c), Quoting::Bare)?;
        if self.at == start {
            return Ok(None);
        }
        let word = Word { pieces, start };
        let range = start..self.at;
        if let (Some(_), [edit]) = (word.sole_piece(), &mut self.edits[first_edit..]) {
            edit.word = Some(range);
        }
        Ok(Some(word))
    }

    /// Parts of a word outside of double quotes, up to a character that ends them.
    fn pieces_until(&mut self, ends: impl Fn(char) -> bool, holes: Quoting) -> Parsed<Vec<Piece>> {
        let mut pieces = Vec::new();
        while let Some(c) = self.peek() {
            if ends(c) {
                break;
            }
            self.piece(c, holes, &mut pieces)?;
        }
        Ok(pieces)
    }

    fn piece(&mut self, c: char, holes: Quoting, pieces: &mut Vec<Piece>) -> Parsed<()> {
        let start = self.at;
        match c {
            '\\' => {
                self.next();
                match self.next() {
                    Some('\n') => {}
                    Some(c) if hole_of(c).is_some() => {
                        return self.error_with_help(start, "a backslash stands before a value", NO_BACKSLASH);
                    }
                    Some(c) => push_text(pieces, c, true),
                    None => return self.error(start, "the backslash at the end has nothing to quote"),
                }
            }
            '\'' => {
                self.next();
                let piece = self.single_quoted(start)?;
                pieces.push(piece);
            }
            '"' => {
                self.next();
                let inner = self.nested(|p| p.double_quoted(start))?;
                pieces.push(Piece::Double(inner));
            }
            _ => self.piece_in_any_quotes(c, holes, pieces)?,
        }
        Ok(())
    }

    /// What means the same with and without double quotes: values, expansions, text.
    fn piece_in_any_quotes(&mut self, c: char, holes: Quoting, pieces: &mut Vec<Piece>) -> Parsed<()> {
        let start = self.at;
        match c {
            '$' => {
                let piece = self.nested(|p| p.dollar(holes))?;
                match piece {
                    Some(piece) => pieces.push(piece),
                    None => push_text(pieces, '$', holes == Quoting::Double),
                }
            }
            '`' => {
                let piece = self.nested(|p| p.backticks(holes == Quoting::Double))?;
                pieces.push(piece);
            }
            '{' if self.placeholder().is_some() => {
                let name = self.placeholder().unwrap_or_default().to_owned();
                self.at += name.len() + 2;
                self.record_edit(start..self.at, EditKind::Placeholder(name.clone(), holes));
                pieces.push(Piece::Placeholder(name));
            }
            _ => {
                self.next();
                match hole_of(c) {
                    Some(id) => {
                        self.record_edit(start..self.at, EditKind::Hole(id, holes));
                        pieces.push(Piece::Hole(id));
                    }
                    None => push_text(pieces, c, holes == Quoting::Double),
                }
            }
        }
        Ok(())
    }

    /// What stands between single quotes; the first was read.
    fn single_quoted(&mut self, start: usize) -> Parsed<Piece> {
        let mut pieces = Vec::new();
        loop {
            let at = self.at;
            match self.peek() {
                None => return self.error(start, "a `'` in this command is never closed"),
                Some('\'') => {
                    self.next();
                    break;
                }
                Some('{') if self.placeholder().is_some() => {
                    self.piece_in_any_quotes('{', Quoting::Single, &mut pieces)?;
                }
                Some(c) => {
                    self.next();
                    match hole_of(c) {
                        Some(id) => {
                            self.record_edit(at..self.at, EditKind::Hole(id, Quoting::Single));
                            pieces.push(Piece::Hole(id));
                        }
                        None => push_text(&mut pieces, c, true),
                    }
                }
            }
        }
        Ok(match pieces.as_slice() {
            [] => Piece::Quoted(String::new()),
            [Piece::Quoted(_)] => pieces.remove(0),
            _ => Piece::Single(pieces),
        })
    }

    /// What stands between double quotes; the first was read.
    fn double_quoted(&mut self, start: usize) -> Parsed<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                None => return self.error(start, "a `\"` in this command is never closed"),
                Some('"') => {
                    self.next();
                    return Ok(pieces);
                }
                Some(c) => self.piece_in_double_quotes(c, &['$', '`', '"', '\\'], &mut pieces)?,
            }
        }
    }

    fn piece_in_double_quotes(&mut self, c: char, escaped: &[char], pieces: &mut Vec<Piece>) -> Parsed<()> {
        if c != '\\' {
            return self.piece_in_any_quotes(c, Quoting::Double, pieces);
        }
        let start = self.at;
        self.next();
        match self.peek() {
            Some('\n') => {
                self.next();
            }
            Some(next) if escaped.contains(&next) => {
                self.next();
                push_text(pieces, next, true);
            }
            Some(next) => {
                if hole_of(next).is_some() {
                    // Before the expansion that stands for the value it would quote the `$`.
                    self.record_edit(start..self.at, EditKind::Text("\\\\"));
                }
                push_text(pieces, '\\', true);
            }
            None => push_text(pieces, '\\', true),
        }
        Ok(())
    }

    /// The text of a here-document, in which quotes mean nothing.
    pub(crate) fn heredoc_pieces(&mut self, end: usize) -> Parsed<Vec<Piece>> {
        let mut pieces = Vec::new();
        while let Some(c) = self.peek().filter(|_| self.at < end) {
            self.piece_in_double_quotes(c, &['$', '`', '\\'], &mut pieces)?;
        }
        Ok(pieces)
    }

    /// An expansion that begins with `$`; `None` when the character stands for itself.
    fn dollar(&mut self, holes: Quoting) -> Parsed<Option<Piece>> {
        let start = self.at;
        self.next();
        if self.rest().starts_with("((")
            && let Some(arithmetic) = self.arithmetic(start)?
        {
            return Ok(Some(arithmetic));
        }
        if self.skip_text("(") {
            let list = self.substitution(start)?;
            return Ok(Some(Piece::Substitution(list)));
        }
        if self.skip_text("{") {
            let parameter = self.braced_parameter(start, holes)?;
            return Ok(Some(Piece::Parameter(parameter)));
        }
        let name = self.name();
        if !name.is_empty() {
            self.refuse_reserved(start, name)?;
            self.at += name.len();
            return Ok(Some(value_of(name)));
        }
        match self.peek() {
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.next();
                Ok(Some(value_of(&c.to_string())))
            }
            Some('\'') if holes == Quoting::Bare => {
                let text = self.rest().get(1..).unwrap_or_default();
                let end = text.find('\'').unwrap_or(text.len());
                match text.get(..end).is_some_and(|inner| inner.contains('\\')) {
                    true => self.error_with_help(
                        start,
                        "`$'…'` is not a part of the POSIX shell",
                        "use `printf` for special characters",
                    ),
                    false => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn refuse_reserved(&self, at: usize, name: &str) -> Parsed<()> {
        match name.starts_with(RESERVED_PREFIX) {
            true => self.error(at, format!("names that begin with `{RESERVED_PREFIX}` are reserved for values")),
            false => Ok(()),
        }
    }

    /// `$((…))`, or `None` when it is a subshell in a substitution. `$` was read.
    fn arithmetic(&mut self, start: usize) -> Parsed<Option<Piece>> {
        let (before, edits, commands) = (self.at, self.edits.len(), self.commands.len());
        self.at += 2;
        let (mut pieces, mut open) = (Vec::new(), 0_u32);
        loop {
            match self.peek() {
                None => break,
                Some('(') => open += 1,
                Some(')') if open > 0 => open -= 1,
                Some(')') => {
                    if self.skip_text("))") {
                        return Ok(Some(Piece::Arithmetic(pieces)));
                    }
                    break;
                }
                Some(c) => {
                    let read = match c {
                        '\\' | '\'' | '"' => self.piece(c, Quoting::Arithmetic, &mut pieces),
                        _ => self.piece_in_any_quotes(c, Quoting::Arithmetic, &mut pieces),
                    };
                    if read.is_err() {
                        break;
                    }
                    continue;
                }
            }
            if let Some(c) = self.next() {
                push_text(&mut pieces, c, true);
            }
        }
        if self.is_at_end() && open == 0 && !self.text.get(before..).unwrap_or_default().contains(')') {
            return self.error(start, "a `$((` in this command is never closed");
        }
        self.at = before;
        self.edits.truncate(edits);
        self.commands.truncate(commands);
        Ok(None)
    }

    /// `${…}`; `${` was read.
    fn braced_parameter(&mut self, start: usize, holes: Quoting) -> Parsed<Parameter> {
        let length = self.peek() == Some('#') && self.peek_second().is_some_and(|c| c != '}');
        if length {
            self.next();
        }
        let name = self.name();
        let name = if name.is_empty() {
            match self.peek() {
                Some(c) if c.is_ascii_digit() => {
                    let rest = self.rest();
                    rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())).unwrap_or_default()
                }
                Some(c) if "@*#?-$!".contains(c) => self.rest().get(..1).unwrap_or_default(),
                _ => return self.error(start, "the name of a variable was expected after `${`"),
            }
        } else {
            name
        };
        self.refuse_reserved(start, name)?;
        self.at += name.len();
        let name = name.to_owned();
        let indirect = name == "!" && self.peek() != Some('}');
        let colon = self.peek() == Some(':') && self.peek_second().is_some_and(|c| "-=?+".contains(c));
        if colon {
            self.next();
        }
        let operation = match self.peek() {
            Some('}') => Operation::Value,
            Some(c @ ('-' | '=' | '?' | '+')) if !length && !indirect => {
                self.next();
                let word = self.word_in_braces(holes)?;
                match c {
                    '=' => Operation::Assign(word),
                    _ => Operation::Default(word),
                }
            }
            Some(c @ ('#' | '%')) if !length => {
                self.next();
                self.skip_text(c.encode_utf8(&mut [0; 4]));
                Operation::Trim(self.word_in_braces(Quoting::Pattern)?)
            }
            _ => {
                let word = self.word_in_braces(Quoting::Pattern)?;
                if word.pieces.iter().any(|p| matches!(p, Piece::Hole(_))) {
                    return self.error_with_help(
                        start,
                        "a value cannot stand in this expansion, which is not a part of the POSIX shell",
                        "give it to a variable first",
                    );
                }
                Operation::Other(word)
            }
        };
        match self.skip_text("}") {
            true => Ok(Parameter { name, operation }),
            false => self.error(start, "a `${` in this command is never closed"),
        }
    }

    /// The word of an expansion, up to its `}`.
    fn word_in_braces(&mut self, holes: Quoting) -> Parsed<Word> {
        let start = self.at;
        let pieces = match holes {
            Quoting::Double => {
                let mut pieces = Vec::new();
                while let Some(c) = self.peek().filter(|c| *c != '}') {
                    match c {
                        '"' => self.piece(c, holes, &mut pieces)?,
                        '\\' => self.piece_in_double_quotes(c, &['$', '`', '"', '\\', '}'], &mut pieces)?,
                        _ => self.piece_in_any_quotes(c, holes, &mut pieces)?,
                    }
                }
                pieces
            }
            _ => self.pieces_until(|c| c == '}', holes)?,
        };
        Ok(Word { pieces, start })
    }

    /// `` `…` ``: read as `$(…)` of the text that remains when its backslashes are taken away.
    fn backticks(&mut self, in_double_quotes: bool) -> Parsed<Piece> {
        let start = self.at;
        self.next();
        let mut inner = String::new();
        loop {
            match self.next() {
                None => return self.error(start, "a back-tick in this command is never closed"),
                Some('`') => break,
                Some('\\') => match self.peek() {
                    Some(c) if "$`\\".contains(c) || (in_double_quotes && c == '"') => {
                        self.next();
                        inner.push(c);
                    }
                    _ => inner.push('\\'),
                },
                Some(c) => inner.push(c),
            }
        }
        let mut reader = Cursor::new(&inner, self.depth());
        reader.documents = std::mem::take(&mut self.documents);
        let read = reader.script();
        let (edits, documents) = (std::mem::take(&mut reader.edits), std::mem::take(&mut reader.documents));
        self.documents = documents;
        let list = read.map_err(|error| crate::SyntaxError { at: start, ..error })?;
        if !edits.is_empty() {
            self.record_edit(start..self.at, EditKind::Substitution(inner, edits));
        }
        Ok(Piece::Substitution(list))
    }
}

fn value_of(name: &str) -> Piece {
    Piece::Parameter(Parameter { name: name.to_owned(), operation: Operation::Value })
}

/// Adds a character of literal text to the part before, if that is of the same kind.
fn push_text(pieces: &mut Vec<Piece>, c: char, quoted: bool) {
    match (pieces.last_mut(), quoted) {
        (Some(Piece::Text(text)), false) | (Some(Piece::Quoted(text)), true) => text.push(c),
        (_, false) => pieces.push(Piece::Text(c.to_string())),
        (_, true) => pieces.push(Piece::Quoted(c.to_string())),
    }
}
