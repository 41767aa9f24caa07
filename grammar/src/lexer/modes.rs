//! One logos enum for each mode of the scanner.

use logos::Logos;

/// Outside of strings, and in the holes of strings.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(skip r"[ \t\r\x0c]+")]
pub(super) enum Code {
    #[token("\n")]
    Newline,
    #[regex(r"//[^\n]*", allow_greedy = true)]
    Comment,
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Word,
    /// Digits, perhaps a fraction, perhaps a unit; judged when its value is needed.
    #[regex(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([A-Za-z][A-Za-z0-9_]*)?")]
    Number,
    #[token("\"")]
    Quote,
    #[token("\"\"\"")]
    Quotes,
    #[token("sh\"")]
    CommandQuote,
    #[token("sh\"\"\"")]
    CommandQuotes,
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("?.")]
    SafeDot,
    #[token("..")]
    DotDot,
    #[token("...")]
    Ellipsis,
    #[token("->")]
    Arrow,
    #[token("=")]
    Assign,
    #[token("+=")]
    AddAssign,
    #[token("|")]
    Pipe,
    #[token("@")]
    At,
    #[token("?")]
    Question,
    #[token("??")]
    Coalesce,
    #[token("<")]
    Lt,
    #[token(">")]
    #[token(">=")]
    Greater,
    #[token("-")]
    Minus,
    #[token("+")]
    #[token("*")]
    #[token("/")]
    #[token("%")]
    #[token("==")]
    #[token("!=")]
    #[token("<=")]
    Operator,
    #[token("as?")]
    AsOptional,
    /// What other languages write; understood and reported.
    #[token("&&")]
    #[token("||")]
    #[token("!")]
    #[token(";")]
    #[token("=>")]
    #[token(":=")]
    #[token("++")]
    #[regex(r"/\*([^*]|\*+[^*/])*\*+/")]
    Foreign,
    #[regex(r"'[^'\n]*'", allow_greedy = true)]
    #[regex(r"`[^`\n]*`", allow_greedy = true)]
    Quoted,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Hash,
}

/// Between the quotes of a one-line string.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    #[regex(r#"[^"\\$\n]+"#, allow_greedy = true)]
    #[token("$")]
    #[token("$$<")]
    #[token("\\")]
    #[regex(r"\\[^\n]")]
    Text,
    #[token("$<")]
    Hole,
    #[token("\"")]
    Close,
    #[token("\n")]
    Newline,
}

/// Between the quotes of a text block.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    #[regex(r#"[^"\\$]+"#, allow_greedy = true)]
    #[token("$")]
    #[token("$$<")]
    #[token("\"")]
    #[token("\\")]
    #[regex(r"\\(.|\n)")]
    Text,
    #[token("$<")]
    Hole,
    #[token("\"\"\"")]
    Close,
}
