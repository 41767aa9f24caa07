//! Tokens as the grammar sees them.

use crate::ast::Span;

/// A token: what it is, and where.
///
/// The text is not kept: whoever needs it slices the source by the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(pub(crate) Kind, pub(crate) Span);

impl Token {
    /// Where the token stands. The span is empty if the token was not written: the end of a line, or a
    /// closing bracket that the lexer added.
    pub fn span(self) -> Span {
        self.1
    }

    /// What the token is, as an editor distinguishes tokens.
    pub fn class(self) -> TokenClass {
        self.0.class()
    }
}

/// Classes of tokens. Whether a word is a keyword or a name depends on its place, and is decided here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    /// The end of a statement, a field or an arm.
    LineEnd,
    /// A bracket of any kind.
    Bracket,
    /// `,`, `:`, `.`, `->`, `@`, `=` and other signs that separate parts.
    Punctuation,
    /// A sign or a word that computes a value from others: `+`, `and`, `not`, `??`.
    Operator,
    /// A number, with its unit.
    Number,
    /// `true`, `false`, `null`.
    Constant,
    /// The quotes around a string, and the `sh` before those of a command.
    Quote,
    /// The text of a string between its quotes and its holes.
    StringText,
    /// `$<` and the `>` that closes it.
    Hole,
    /// A word that means a name here.
    Name,
    /// A word of the language.
    Keyword,
}

/// What a token is.
///
/// Words of the same shape share a kind (`let` and `var`, `gate` and `warn`), since every
/// terminal enlarges the generated tables; the actions look at the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A statement, a field, an arm, ends here.
    LineEnd,
    LParen,
    RParen,
    LBracket,
    RBracket,
    /// `{` of a block.
    LBrace,
    /// `{` that a key and `:`, or `...`, follow.
    RecordBrace,
    /// `}` inside an item.
    RBrace,
    /// `{` that begins an item's body, so that recovery cannot go back to its head.
    ItemStart,
    /// `}` that ends an item, so that recovery cannot leave the item early.
    ItemEnd,
    Comma,
    Colon,
    Dot,
    SafeDot,
    DotDot,
    Ellipsis,
    Arrow,
    Assign,
    AddAssign,
    Pipe,
    At,
    Question,
    Coalesce,
    Lt,
    /// `<` right after `list`, `map` or `outcome`: opens the arguments of a type.
    TypeLt,
    Gt,
    Minus,
    /// `+ * / % == != <= >= and or in`, `not in`.
    Operator,
    Number,
    /// `true`, `false`, `null`.
    Constant,
    StrStart,
    CommandStart,
    StrText,
    StrEnd,
    HoleStart,
    /// `as` before the format of a hole.
    HoleAs,
    HoleEnd,
    /// A word that the layout has not judged yet; never reaches the grammar.
    Word,
    Ident,
    Import,
    Type,
    Enum,
    Model,
    Route,
    Mcp,
    Skill,
    Fn,
    Memory,
    Cascade,
    Test,
    Stage,
    /// `let`, `var`.
    Let,
    /// `let` between declarations.
    FileLet,
    If,
    Else,
    Match,
    For,
    In,
    Repeat,
    Until,
    Parallel,
    Swarm,
    Sandbox,
    /// `gate`, `warn`.
    Check,
    /// `fail`, `log`.
    Say,
    Return,
    On,
    Not,
    Where,
    As,
    AsOptional,
    Using,
    Needs,
    Timeout,
    Retry,
    /// `budget`, `cache`, `branch`, `exclusive`.
    ClauseWord,
    /// `isolate`, `discard`.
    ClauseBare,
    /// `on error`, both words.
    OnError,
    Fix,
    /// `using` right after `fix`, which is the agent's and not the stage's.
    FixUsing,
    /// `use`, `fallback`.
    Use,
    /// `escalate`, `fail`.
    Escalate,
    /// `skip`, `keep`, `redistribute`.
    Skip,
    /// `prompt`, `run`, `system` and the like: a word and an expression.
    LineWord,
    Agent,
    Http,
    Output,
    Exit,
    Env,
    Tools,
    Mock,
    Expect,
    Then,
    Times,
}

impl Kind {
    /// The class of tokens of this kind.
    fn class(self) -> TokenClass {
        use Kind::*;
        match self {
            LineEnd => TokenClass::LineEnd,
            LParen | RParen | LBracket | RBracket | LBrace | RecordBrace | RBrace | ItemStart | ItemEnd | TypeLt => {
                TokenClass::Bracket
            }
            Comma | Colon | Dot | SafeDot | DotDot | Ellipsis | Arrow | Assign | AddAssign | Pipe | At | Question => {
                TokenClass::Punctuation
            }
            Coalesce | Lt | Gt | Minus | Operator | Not => TokenClass::Operator,
            Number => TokenClass::Number,
            Constant => TokenClass::Constant,
            StrStart | CommandStart | StrEnd => TokenClass::Quote,
            StrText => TokenClass::StringText,
            HoleStart | HoleEnd => TokenClass::Hole,
            Word | Ident => TokenClass::Name,
            HoleAs | Import | Type | Enum | Model | Route | Mcp | Skill | Fn | Memory | Cascade | Test | Stage
            | Let | FileLet | If | Else | Match | For | In | Repeat | Until | Parallel | Swarm | Sandbox | Check
            | Say | Return | On | Where | As | AsOptional | Using | Needs | Timeout | Retry | ClauseWord
            | ClauseBare | OnError | Fix | FixUsing | Use | Escalate | Skip | LineWord | Agent | Http | Output
            | Exit | Env | Tools | Mock | Expect | Then | Times => TokenClass::Keyword,
        }
    }

    /// Whether a statement can end after this token. Also: whether an operand ends here.
    pub(crate) fn ends_operand(self) -> bool {
        use Kind::*;
        matches!(self, RParen | RBracket | RBrace | ItemEnd | Question | Number | Constant | StrEnd | Ident)
    }

    /// Whether a name, a value or a type must follow.
    pub(crate) fn wants_operand(self) -> bool {
        use Kind::*;
        !self.ends_operand()
            && !matches!(
                self,
                LineEnd | LBrace | RecordBrace | ItemStart | ClauseBare | Skip | Escalate | Fix | HoleEnd
            )
    }

    /// Whether this word begins a declaration.
    pub(crate) fn begins_item(self) -> bool {
        use Kind::*;
        matches!(self, Import | Type | Enum | Model | Route | Mcp | Skill | Fn | Memory | Cascade | Test)
    }

    /// Whether only a statement begins with this word.
    pub(crate) fn begins_statement(self) -> bool {
        matches!(self, Kind::Stage | Kind::Let | Kind::Check | Kind::Say | Kind::Return)
    }

    /// Whether only a statement, or a line of a skill or of a test, begins with this word.
    pub(crate) fn begins_line(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Stage
                | Let
                | Check
                | Say
                | Return
                | On
                | LineWord
                | Agent
                | Http
                | Output
                | Exit
                | Env
                | Tools
                | Mock
                | Expect
        )
    }
}
