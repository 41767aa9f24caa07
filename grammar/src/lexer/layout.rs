//! The second pass of the lexer: decides what depends on the neighbours of a token (line ends, records
//! or blocks, contextual words).

use super::scan::{Raw, Scan};
use super::words::{self, ForeignPlace, Meaning};
use crate::ast::{MAX_DEPTH, Span};
use crate::foreign_syntax::types::is_foreign_generic;
use crate::token::{Kind, Token};
use crate::{SyntaxError, SyntaxErrorKind};

/// The kind of place that a bracket makes for the tokens inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between declarations.
    File,
    /// `(`, `[`, `$<`, quotes: no line ends in here.
    Inline,
    /// The parentheses of `on error (…)`.
    Filter,
    /// Braces.
    Braces,
    /// The braces of another item's body.
    Item,
    /// The braces of a skill's body.
    Skill,
    /// The braces of a test's body.
    Test,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    place: Place,
    open: Span,
    kind: Kind,
    /// How many `<` of types are open.
    angles: u16,
}

/// The second pass over a text's tokens.
struct Layout<'t> {
    text: &'t str,
    raw: &'t [Raw],
    out: Vec<Token>,
    errors: Vec<SyntaxError>,
    suppressed: Vec<Span>,
    frames: Vec<Frame>,
    /// The keyword of the declaration that we are in.
    item: Kind,
    /// Whether the body of that declaration has begun.
    has_body: bool,
    /// Whether `on error`, perhaps with its filter, was just read.
    action_next: bool,
    /// Whether the name of the error, after `on error as`, comes next.
    error_name_next: bool,
    /// Whether the current line of a skill is a `return`.
    skill_return: bool,
    /// How many tokens that nest without brackets stand since the last brace or line end.
    prefixes: u16,
    /// How many `<` of types are open between declarations.
    file_angles: u16,
    /// Whether the last token is a `>` that closed a type's arguments.
    closed_angle: bool,
}

/// Gives the grammar's tokens; adds to the scan's errors.
pub(crate) fn lay_out_tokens(scan: &mut Scan<'_>) -> Vec<Token> {
    let mut layout = Layout {
        text: scan.text,
        raw: &scan.tokens,
        out: Vec::with_capacity(scan.tokens.len() + scan.tokens.len() / 8 + 1),
        errors: Vec::new(),
        suppressed: Vec::new(),
        frames: Vec::new(),
        item: Kind::LineEnd,
        has_body: false,
        action_next: false,
        error_name_next: false,
        skill_return: false,
        prefixes: 0,
        file_angles: 0,
        closed_angle: false,
    };
    let mut at = 0;
    while at < layout.raw.len() {
        at = layout.place_token(at);
    }
    let Layout { out, errors, suppressed, .. } = layout;
    scan.errors.extend(errors);
    scan.suppressed.extend(suppressed);
    out
}

impl Layout<'_> {
    fn kind_at(&self, at: usize) -> Kind {
        self.raw.get(at).map_or(Kind::LineEnd, |raw| raw.kind)
    }

    fn word_at(&self, at: usize) -> &str {
        match self.raw.get(at) {
            Some(raw) if raw.kind == Kind::Word => &self.text[raw.span.range()],
            _ => "",
        }
    }

    /// Whether the raw token at `at` stands on the line of the one before it.
    fn same_line(&self, at: usize) -> bool {
        self.raw.get(at).is_some_and(|raw| !raw.first_of_line)
    }

    fn previous_kind(&self) -> Kind {
        self.out.last().map_or(Kind::LineEnd, |token| token.0)
    }

    fn place(&self) -> Place {
        self.frames.last().map_or(Place::File, |frame| frame.place)
    }

    /// Places one raw token; returns the index of the next one.
    fn place_token(&mut self, at: usize) -> usize {
        let raw = self.raw[at];
        let mut next = at + 1;
        let action_next = std::mem::take(&mut self.action_next);
        let mut span = raw.span;
        let kind = match raw.kind {
            Kind::Word => {
                let (kind, used) = self.word_kind(at, action_next);
                if used == 2 {
                    span = span.to(self.raw[at + 1].span);
                    next = at + 2;
                }
                kind
            }
            Kind::LBrace if self.begins_record(at) => Kind::RecordBrace,
            Kind::Lt if self.after_generic(span) => Kind::TypeLt,
            kind => kind,
        };
        if raw.first_of_line && self.line_ends_before(kind, at) {
            let end = self.out.last().map_or(span.start, |token| token.1.end);
            self.out.push(Token(Kind::LineEnd, Span { start: end, end }));
            self.prefixes = 0;
            *self.open_angles() = 0;
        }
        if !self.count_nesting(kind, span) {
            return next;
        }
        if kind == Kind::LBrace && self.frames.is_empty() && self.previous_kind() == Kind::Arrow {
            self.type_missing(span);
        }
        let named = std::mem::take(&mut self.error_name_next);
        self.track_brackets(kind, raw, span, action_next);
        self.error_name_next = action_next && kind == Kind::As;
        self.action_next |= kind == Kind::OnError || named;
        if self.place() == Place::Skill && kind.begins_line() {
            self.skill_return = kind == Kind::Return;
        }
        next
    }

    /// `-> {` before a body: the type of the result is missing, not that of a record's field.
    fn type_missing(&mut self, span: Span) {
        if !matches!(self.item, Kind::Skill | Kind::Cascade) {
            return;
        }
        let kind = SyntaxErrorKind::Unexpected { found: "`{`".to_owned(), expected: vec!["a type".to_owned()] };
        self.errors.push(SyntaxError { kind, span });
        // A name without text stands for what is missing.
        self.out.push(Token(Kind::Ident, Span { start: span.start, end: span.start }));
    }

    /// Counts tokens that nest without brackets (`not`, `-`, `if`, …). False when there are too many:
    /// then this token and all up to the next bracket or comma are left out.
    fn count_nesting(&mut self, kind: Kind, span: Span) -> bool {
        use Kind::{
            Comma, CommandStart, For, HoleEnd, HoleStart, If, LBrace, LBracket, LParen, Match, Minus, Not, Pipe,
            RBrace, RBracket, RParen, RecordBrace, Sandbox, StrEnd, StrStart, TypeLt,
        };
        match kind {
            LBrace | RecordBrace | RBrace | Comma => self.prefixes = 0,
            LParen | RParen | LBracket | RBracket | StrStart | CommandStart | StrEnd | HoleStart | HoleEnd => {}
            If | Match | For | Sandbox | Pipe | Minus | Not | TypeLt => {
                self.prefixes = self.prefixes.saturating_add(1);
                if self.prefixes == MAX_DEPTH + 1 {
                    self.errors.push(SyntaxError { kind: SyntaxErrorKind::TooDeep, span });
                    self.suppressed.push(span);
                }
                return self.prefixes <= MAX_DEPTH;
            }
            _ => return self.prefixes <= MAX_DEPTH,
        }
        true
    }

    /// Keeps the stack of brackets, and pushes the token.
    fn track_brackets(&mut self, kind: Kind, raw: Raw, span: Span, action_next: bool) {
        use Kind::{
            CommandStart, FileLet, Fn, Gt, HoleEnd, HoleStart, ItemEnd, ItemStart, LBrace, LBracket, LParen, Let,
            RBrace, RBracket, RParen, RecordBrace, StrEnd, StrStart, TypeLt,
        };
        let was_angle = std::mem::take(&mut self.closed_angle);
        let mut kind = kind;
        match kind {
            LParen | LBracket | StrStart | CommandStart | HoleStart => {
                let place = if kind == LParen && action_next { Place::Filter } else { Place::Inline };
                self.frames.push(Frame { place, open: span, kind, angles: 0 });
            }
            LBrace | RecordBrace => {
                let previous = self.previous_kind();
                let after_head = previous.ends_operand()
                    || was_angle
                    || matches!(previous, Kind::ClauseBare | Kind::Skip | Kind::Escalate);
                let place = match self.item {
                    _ if !self.frames.is_empty() || matches!(self.item, Fn | FileLet) || !after_head => Place::Braces,
                    Kind::Skill => Place::Skill,
                    Kind::Test => Place::Test,
                    _ => Place::Item,
                };
                self.has_body |= self.frames.is_empty();
                self.frames.push(Frame { place, open: span, kind, angles: 0 });
                if matches!(place, Place::Item | Place::Skill | Place::Test) {
                    kind = ItemStart;
                }
            }
            RParen | RBracket | RBrace | StrEnd | HoleEnd => {
                if let Some(frame) = self.frames.pop() {
                    self.action_next = frame.place == Place::Filter;
                    if raw.added && frame.kind == RecordBrace {
                        self.suppressed.push(frame.open.to(span));
                    }
                    if matches!(frame.place, Place::Item | Place::Skill | Place::Test) {
                        kind = ItemEnd;
                    }
                }
            }
            TypeLt => *self.open_angles() += 1,
            Gt if *self.open_angles() > 0 => {
                *self.open_angles() -= 1;
                self.closed_angle = true;
            }
            _ if kind.begins_item() && self.frames.is_empty() => (self.item, self.has_body) = (kind, false),
            // `cascade 1` is the edition of the file, and has no body.
            Kind::Number if self.frames.is_empty() && self.previous_kind() == Kind::Cascade => self.has_body = true,
            Let if self.frames.is_empty() && self.statement_begins_line() => {
                kind = FileLet;
                (self.item, self.has_body) = (kind, false);
            }
            _ => {}
        }
        self.out.push(Token(kind, span));
    }

    fn open_angles(&mut self) -> &mut u16 {
        match self.frames.last_mut() {
            Some(frame) => &mut frame.angles,
            None => &mut self.file_angles,
        }
    }

    /// Whether `<` at `span` opens the arguments of a type: only these three have any. Values may well be
    /// called `outcome`, so that word must stand where a type does.
    fn after_generic(&self, span: Span) -> bool {
        let Some(last) = self.out.last().filter(|last| last.0 == Kind::Ident && last.1.end == span.start) else {
            return false;
        };
        match &self.text[last.1.range()] {
            "list" | "map" => true,
            // Of another language, where a type stands: it is read as one, and reported as unknown.
            word if is_foreign_generic(word) => {
                let before = self.out.len().checked_sub(2).map(|at| self.out[at].0);
                matches!(before, Some(Kind::Colon | Kind::Arrow | Kind::As | Kind::AsOptional | Kind::TypeLt))
            }
            "outcome" => {
                let before = self.out.len().checked_sub(2).map(|at| self.out[at].0);
                let alias = self.item == Kind::Type && self.frames.is_empty();
                match before {
                    Some(Kind::Colon | Kind::Arrow | Kind::As | Kind::AsOptional | Kind::TypeLt) => true,
                    Some(Kind::Assign) => alias,
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether the line before the token at `at`, the first of its own line, ends.
    fn line_ends_before(&self, kind: Kind, at: usize) -> bool {
        let Some(frame) = self.frames.last() else {
            // Declarations need no line ends; they give mistakes a line to stand on.
            // After the head of a cascade the brace of its body is missing.
            let statement = kind.begins_statement() && self.statement_begins_line();
            let begins = kind.begins_item() || kind == Kind::At || statement;
            return !self.out.is_empty() && begins;
        };
        if matches!(frame.place, Place::Inline | Place::Filter) || self.previous_kind() == Kind::Comma {
            return false;
        }
        let opened = matches!(self.previous_kind(), Kind::LBrace | Kind::RecordBrace | Kind::ItemStart | Kind::LineEnd);
        if kind.begins_line() && !opened {
            // No construct continues with this word, whatever stands before it.
            return true;
        }
        let unfinished = matches!(self.previous_kind(), Kind::Colon | Kind::Assign);
        if unfinished && kind == Kind::Ident && self.kind_at(at + 1) == Kind::Colon {
            return true;
        }
        self.line_can_end() && !self.continues_line(kind, at)
    }

    /// Whether the word of a statement between declarations begins a line: it does not after the head of
    /// a cascade without its brace.
    fn statement_begins_line(&self) -> bool {
        self.item != Kind::Cascade || self.has_body
    }

    /// Whether a line of braces may end after the last token.
    fn line_can_end(&self) -> bool {
        match self.previous_kind() {
            Kind::ClauseBare | Kind::Skip | Kind::Escalate | Kind::Return => true,
            // A field, a type or an answer that is still missing.
            Kind::Dot | Kind::SafeDot | Kind::Arrow => true,
            Kind::Gt => self.closed_angle,
            kind => kind.ends_operand(),
        }
    }

    /// Whether a token at the start of a line continues the line before.
    fn continues_line(&self, kind: Kind, at: usize) -> bool {
        use Kind::{
            AddAssign, Arrow, As, AsOptional, Assign, ClauseBare, ClauseWord, Coalesce, Comma, Dot, Else, Gt, LBrace,
            Lt, Minus, Needs, OnError, Operator, Question, RBrace, RBracket, RParen, RecordBrace, Retry, SafeDot,
            Timeout, TypeLt, Until, Using, Where,
        };
        match kind {
            Dot | SafeDot | Operator | Coalesce | Lt | TypeLt | Gt | As | AsOptional | Else | Until | Where | Arrow
            | Assign | AddAssign | Comma | Question | RParen | RBracket | RBrace | Using | Needs | Timeout | Retry
            | ClauseWord | ClauseBare | OnError | LBrace => true,
            RecordBrace => self.place() == Place::Skill,
            // `- x` subtracts, `-1` is a number (perhaps the pattern of an arm).
            Minus => self.raw.get(at + 1).is_some_and(|next| next.span.start > self.raw[at].span.end),
            _ => false,
        }
    }

    /// Whether the brace at `at` opens a record: a key and `:` follow, or `...`, or nothing where
    /// only a value can stand.
    fn begins_record(&self, at: usize) -> bool {
        match self.kind_at(at + 1) {
            Kind::Word => self.kind_at(at + 2) == Kind::Colon,
            Kind::Ellipsis => true,
            Kind::StrStart => {
                let end = if self.kind_at(at + 2) == Kind::StrText { at + 3 } else { at + 2 };
                self.kind_at(end) == Kind::StrEnd && self.kind_at(end + 1) == Kind::Colon
            }
            Kind::RBrace => self.previous_kind().wants_operand() && self.empty_is_record(),
            _ => false,
        }
    }

    /// Whether `{}` after the last token is a record and not a block without statements.
    fn empty_is_record(&self) -> bool {
        use Kind::{Arrow, Else, Env, Gt, Parallel, Repeat, Swarm};
        !matches!(self.previous_kind(), Arrow | Else | Env | Gt | Parallel | Repeat | Swarm)
    }

    /// The kind of a word in its place, and how many raw tokens it uses.
    fn word_kind(&mut self, at: usize, action_next: bool) -> (Kind, usize) {
        let text = self.text;
        let raw = self.raw[at];
        let word = &text[raw.span.range()];
        let previous = self.previous_kind();
        let line = !raw.first_of_line;
        if line && matches!(previous, Kind::Dot | Kind::SafeDot | Kind::At) {
            return (Kind::Ident, 1);
        }
        let names = self.names_next(previous) && line;
        if self.kind_at(at + 1) == Kind::Colon && self.same_line(at + 1) && !names {
            return (Kind::Ident, 1);
        }
        let meaning = words::word_meaning(word);
        if names
            && let Meaning::Reserved(kind) = meaning
            && kind != Kind::In
        {
            let kind = SyntaxErrorKind::ReservedWord(word.to_owned());
            self.errors.push(SyntaxError { kind, span: raw.span });
            return (Kind::Ident, 1);
        }
        if action_next
            && line
            && let Some(kind) = words::error_action_keyword(word)
        {
            return (kind, 1);
        }
        match meaning {
            Meaning::Reserved(Kind::On) if self.word_at(at + 1) == "error" => (Kind::OnError, 2),
            Meaning::Reserved(Kind::On) if previous == Kind::Ident && line => {
                let named = self.out.last().is_some_and(|t| &text[t.1.range()] == "network");
                (if named { Kind::Ident } else { Kind::On }, 1)
            }
            Meaning::Reserved(Kind::As) if self.is_hole_format(at) => (Kind::HoleAs, 1),
            Meaning::Reserved(Kind::In) if self.is_membership(previous) => (Kind::Operator, 1),
            Meaning::Reserved(Kind::Not) if self.word_at(at + 1) == "in" && self.ends_value(previous) => {
                (Kind::Operator, 2)
            }
            Meaning::Reserved(kind) => (kind, 1),
            Meaning::Clause(Kind::Using) if previous == Kind::Fix => (Kind::FixUsing, 1),
            Meaning::Clause(_) if previous.wants_operand() && !(previous == Kind::Gt && self.closed_angle) => {
                (Kind::Ident, 1)
            }
            Meaning::Clause(kind) => (kind, 1),
            Meaning::Plain => match self.foreign_word_kind(at, word) {
                Some(kind) => (kind, 1),
                None => (self.contextual_word_kind(at, word, previous), 1),
            },
        }
    }

    /// Whether a value ends with `previous`.
    fn ends_value(&self, previous: Kind) -> bool {
        previous.ends_operand() || (previous == Kind::Gt && self.closed_angle)
    }

    /// Whether `in` after `previous` asks if something contains a value; else it belongs to a `for`, or to a
    /// line of a skill (`run sh"…" in dir`).
    fn is_membership(&self, previous: Kind) -> bool {
        let before = self.out.len().checked_sub(2).map(|at| self.out[at].0);
        self.ends_value(previous) && before != Some(Kind::For) && (self.place() != Place::Skill || self.skill_return)
    }

    /// Whether a name is declared right after `previous`.
    fn names_next(&self, previous: Kind) -> bool {
        use Kind::{Cascade, Enum, FileLet, Fn, For, Let, Mcp, Memory, Model, Route, Skill, Stage, Type};
        matches!(
            previous,
            Stage | Let | FileLet | For | Type | Enum | Model | Route | Mcp | Skill | Fn | Memory | Cascade
        )
    }

    /// Whether `as` at `at` begins the format of the hole that it stands in.
    fn is_hole_format(&self, at: usize) -> bool {
        self.frames.last().is_some_and(|frame| frame.kind == Kind::HoleStart)
            && words::is_hole_format(self.word_at(at + 1))
            && self.kind_at(at + 2) == Kind::HoleEnd
    }

    /// The kind of a word of another language that begins a line and has one meaning here, which is reported.
    fn foreign_word_kind(&mut self, at: usize, word: &str) -> Option<Kind> {
        let raw = self.raw[at];
        if !raw.first_of_line || self.kind_at(at + 1) != Kind::Word || !self.same_line(at + 1) {
            return None;
        }
        let place = match self.place() {
            Place::File => ForeignPlace::File,
            Place::Item | Place::Braces => ForeignPlace::Braces,
            _ => return None,
        };
        let (native, kind) = words::native_word(place, word)?;
        // What follows must go on as ours would: else more than the word is wrong.
        let goes_on = match kind {
            Kind::Let | Kind::Stage => matches!(self.kind_at(at + 2), Kind::Assign | Kind::Colon),
            Kind::Cascade => self.kind_at(at + 2) == Kind::LParen,
            Kind::Type => self.kind_at(at + 2) == Kind::LBrace,
            _ => words::error_action_keyword(self.word_at(at + 1)).is_some(),
        };
        if !goes_on {
            return None;
        }
        let kind_of_error = SyntaxErrorKind::Other {
            message: format!("there is no `{word}`"),
            help: Some(format!("write `{native}`")),
            instead: Some(native.to_owned()),
        };
        self.errors.push(SyntaxError { kind: kind_of_error, span: raw.span });
        Some(kind)
    }

    /// The kind of a contextual word: a keyword in some places, a name in others.
    fn contextual_word_kind(&self, at: usize, word: &str, previous: Kind) -> Kind {
        let raw = self.raw[at];
        let starts = raw.first_of_line || matches!(previous, Kind::LBrace | Kind::RecordBrace | Kind::ItemStart);
        let next = self.kind_at(at + 1);
        let next_on_line = self.same_line(at + 1);
        let after_operand = previous.ends_operand() || (previous == Kind::Gt && self.closed_angle);
        match (self.place(), word) {
            (Place::File, "model" | "test") => {
                let named = if word == "test" { Kind::StrStart } else { Kind::Word };
                if next == named && next_on_line && (raw.first_of_line || after_operand) {
                    return words::item_keyword(word).unwrap_or(Kind::Ident);
                }
            }
            (Place::Skill, _) if starts || after_operand => {
                if let Some(kind) = words::skill_line_keyword(word) {
                    return kind;
                }
            }
            (Place::Test, "then") if after_operand => return Kind::Then,
            (Place::Test, "times") if after_operand => return Kind::Times,
            (Place::Test, _) if starts => {
                if let Some(kind) = words::test_line_keyword(word) {
                    return kind;
                }
            }
            _ => {}
        }
        // A clause follows a complete operand and has one of its own, which no name has.
        let clause_can_stand = after_operand || matches!(previous, Kind::ClauseBare | Kind::Skip | Kind::Escalate);
        match word {
            "cache" | "branch" | "exclusive"
                if clause_can_stand && next_on_line && matches!(next, Kind::Number | Kind::Word | Kind::StrStart) =>
            {
                Kind::ClauseWord
            }
            "discard"
                if previous == Kind::RBrace
                    && !(next_on_line
                        && matches!(
                            next,
                            Kind::Dot | Kind::LParen | Kind::LBracket | Kind::Assign | Kind::AddAssign | Kind::Comma
                        )) =>
            {
                Kind::ClauseBare
            }
            _ => Kind::Ident,
        }
    }
}
