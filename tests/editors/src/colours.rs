//! Whether the highlights have the classes of the compiler's tokens.

use std::error::Error;

use cascade_grammar::TokenClass;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Query, QueryCursor};

use crate::Program;
use crate::agreement::describe_place;
use crate::report::Report;

/// What a capture of the query means; `None` if the query must not have it.
fn class_of_capture(capture: &str) -> Option<Colour> {
    use Colour::{Comment, Contextual, Token};
    let (head, rest) = capture.split_once('.').unwrap_or((capture, ""));
    Some(match (head, rest) {
        ("comment", _) => Comment,
        // A name for the lexer, a word of the language for the grammar and for who reads it.
        ("keyword", "modifier") => Contextual,
        ("keyword", "operator") | ("operator", _) => Token(TokenClass::Operator),
        ("keyword", _) => Token(TokenClass::Keyword),
        ("number", _) => Token(TokenClass::Number),
        ("constant", "builtin") => Token(TokenClass::Constant),
        ("string", _) => Token(TokenClass::StringText),
        ("punctuation", "special") => Token(TokenClass::Hole),
        ("punctuation", "bracket") => Token(TokenClass::Bracket),
        ("punctuation", "delimiter") => Token(TokenClass::Punctuation),
        ("variable" | "function" | "type" | "module" | "constant" | "attribute", _) => Token(TokenClass::Name),
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Comment,
    Contextual,
    Token(TokenClass),
}

/// Whether a colour is right for a token of a class.
fn colour_is_right(colour: Colour, class: TokenClass, text: &str) -> bool {
    match (colour, class) {
        (Colour::Contextual, TokenClass::Name) => CONTEXTUAL.contains(&text),
        (Colour::Token(TokenClass::StringText), TokenClass::Quote) => true,
        // The lexer does not tell the `>` of a type from that of a comparison.
        (Colour::Token(TokenClass::Bracket), TokenClass::Operator) => text == ">",
        (Colour::Token(colour), class) => colour == class,
        _ => false,
    }
}

/// The words that only the grammar makes words of the language (`expect_word` in `grammar/src/tree_builder`).
pub const CONTEXTUAL: &[&str] = &[
    "after", "backoff", "best_of", "by", "fails", "file", "files", "first", "idle", "max", "network", "nowait", "off",
    "on", "strategy", "tokens", "topology", "via", "json", "yaml", "markdown", "xml", "csv", "text", "words",
    "trusted",
];

/// The colour of each byte: that of the innermost node, and there of the last pattern.
fn colour_bytes(program: &Program<'_>, query: &Query) -> Result<Vec<Option<Colour>>, Box<dyn Error>> {
    let mut captures = Vec::new();
    let mut cursor = QueryCursor::new();
    let mut found = cursor.captures(query, program.tree.root_node(), program.text.as_bytes());
    while let Some((found, at)) = found.next() {
        let capture = found.captures()[*at];
        let range = capture.node.byte_range();
        captures.push((range.start, std::cmp::Reverse(range.end), found.pattern_index, capture.index));
    }
    captures.sort_unstable();
    let mut colours = vec![None; program.text.len()];
    for (start, std::cmp::Reverse(end), _, index) in captures {
        let name = query.capture_names()[index as usize];
        let colour = class_of_capture(name).ok_or_else(|| format!("highlights.scm: what is @{name}?"))?;
        colours[start..end].fill(Some(colour));
    }
    Ok(colours)
}

/// Each token has the colour of its class, and what is no token is a comment or white space.
pub fn compare_colours(program: &Program<'_>, query: &Query, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let colours = colour_bytes(program, query)?;
    let bytes = program.text.as_bytes();
    let mut in_token = vec![false; bytes.len()];
    for token in &program.compiled.tokens {
        let range = token.span().range();
        in_token[range.clone()].fill(true);
        let text = &program.text[range.clone()];
        // Between the words of `not in` and `on error` there is no colour; in a string there is.
        let wrong = range.clone().find(|&at| {
            let shown = token.class() == TokenClass::StringText || !bytes[at].is_ascii_whitespace();
            shown && !colours[at].is_some_and(|colour| colour_is_right(colour, token.class(), text))
        });
        if let Some(at) = wrong {
            let (place, class, colour) = (describe_place(program, at), token.class(), colours[at]);
            report.disagree(&format!("{place}: `{text}` is {class:?} for the compiler, {colour:?} in highlights.scm"));
        }
    }
    let stray = (0..bytes.len()).find(|&at| {
        !in_token[at]
            && !bytes[at].is_ascii_whitespace()
            && bytes[at].is_ascii()
            && colours[at] != Some(Colour::Comment)
    });
    if let Some(at) = stray {
        let place = describe_place(program, at);
        report.disagree(&format!("{place}: no token of the compiler, {:?} in highlights.scm", colours[at]));
    }
    Ok(())
}
