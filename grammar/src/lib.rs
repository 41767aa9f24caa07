//! The grammar of Cascade: text to tokens to syntax tree.
//!
//! [`parse`] never fails: any text gives a tree, its comments and its syntax errors.

pub mod ast;
mod errors;
mod expectations;
mod foreign_syntax;
mod lexer;
mod parse;
mod token;
mod tree_builder;

use ast::Span;
pub use expectations::{Expectations, expected_at};
pub use foreign_syntax::types::translate_type;
pub use parse::{parse, parse_from};
pub use token::{Token, TokenClass};

/// A comment that is not documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// `//` included, line end excluded.
    pub span: Span,
    /// Whether nothing but white space stands before it on its line.
    pub own_line: bool,
}

/// Comments and blank lines, sorted by place. The tree does not hold them; the formatter needs both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trivia {
    /// `//` comments (documentation is in the tree).
    pub comments: Vec<Comment>,
    /// Start offsets of blank lines.
    pub blank_lines: Vec<u32>,
    /// Start offsets of all lines, the first (0) included.
    pub line_starts: Vec<u32>,
}

/// A syntax error. The compiler turns it into a diagnostic of family E01.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What.
    pub kind: SyntaxErrorKind,
    /// Where.
    pub span: Span,
}

/// Kinds of syntax error; each has a code of its own in the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// A token that cannot stand here.
    Unexpected {
        /// What was found, as the reader would call it: `` `}` ``, "the end of the file".
        found: String,
        /// What could stand here, in categories, four at most: "an expression".
        expected: Vec<String>,
    },
    /// Bytes that begin no token.
    UnknownCharacter(char),
    /// A string that is not closed before its line or the file ends.
    UnterminatedString,
    /// A text block that is not closed.
    UnterminatedBlock {
        /// Where it would have to be closed at the latest.
        before: u32,
    },
    /// `$<` that is not closed before its string ends.
    UnterminatedHole,
    /// A bracket that is never closed; the span is the opening one.
    Unclosed {
        /// The bracket.
        open: char,
        /// Where it would have to be closed at the latest.
        before: u32,
    },
    /// A closing bracket that nothing opened.
    Unopened(char),
    /// A backslash followed by something that is no escape.
    BadEscape(String),
    /// A number that does not fit or is malformed; the text says why.
    BadNumber(String),
    /// A reserved word where a name is needed.
    ReservedWord(String),
    /// Nesting beyond [`ast::MAX_DEPTH`].
    TooDeep,
    /// The file is larger than 2^32 - 1 bytes.
    TooLarge,
    /// Syntax of another language, of which a line has one.
    Foreign {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
        /// What to write instead, when only that can be meant.
        instead: Option<String>,
        /// Up to where errors of the grammar follow from this one.
        covers: u32,
    },
    /// An error with its own message, where "unexpected token" would say less.
    Other {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
        /// What to write instead, when only that can be meant.
        instead: Option<String>,
    },
}

/// What [`parse`] gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parse {
    /// The tree, with `Error` nodes where the text could not be read.
    pub file: ast::File,
    /// The tokens from which the tree was built, sorted by place. Comments and documentation are not among them;
    /// neither is text nested deeper than [`ast::MAX_DEPTH`].
    pub tokens: Vec<Token>,
    /// Comments and blank lines.
    pub trivia: Trivia,
    /// What is wrong, sorted by place.
    pub errors: Vec<SyntaxError>,
}
