//! Syntax errors as diagnostics of family E01.

use cascade_grammar::{
    SyntaxError, SyntaxErrorKind as Kind,
    ast::{MAX_DEPTH, Span},
};

use crate::{codes, diagnostic::Diagnostic, source::SourceId};

/// The diagnostic of a syntax error.
pub(crate) fn syntax_diagnostic(error: &SyntaxError, source: SourceId) -> Diagnostic {
    let at = |code, message: String| Diagnostic::new(code, source, error.span, message);
    match &error.kind {
        Kind::Unexpected { found, expected } => {
            let d = at(codes::UNEXPECTED, format!("unexpected {}", without_article(found)));
            if expected.is_empty() {
                d.label("cannot stand here")
            } else {
                d.label(format!("expected {}", list_words(expected)))
            }
        }
        Kind::UnknownCharacter(c) => {
            let shown = if *c == '`' { "a backtick".to_owned() } else { format!("`{c}`") };
            let d = at(codes::UNKNOWN_CHARACTER, format!("unknown character: {shown}"))
                .label("not a character of the language");
            match c {
                ';' => d.help("statements end with their line; there are no semicolons").safe_fix(
                    "remove it",
                    error.span,
                    "",
                ),
                '^' => d.help("a power is a product: `x * x`; of two bools, `xor` is `!=`"),
                '~' => d.help("write `not`; a pattern is matched by `text.matches(\"…\")`"),
                '\\' => d.help("a lambda is written `|x| …`"),
                '&' => d.help("`and` joins conditions; there are no references: leave `&` out before a name"),
                '!' => d.help("write `not`"),
                '\'' | '`' => d.help("strings are written in double quotes"),
                '$' => d.help("a value in text is written `$<name>`; money is written `5usd`"),
                '#' => d.help("a comment begins with `//`"),
                _ => d,
            }
        }
        Kind::UnterminatedString => at(codes::UNTERMINATED_STRING, "this string is not closed".into())
            .label("opened here")
            .help("close it with `\"`; text of several lines stands in `\"\"\"`"),
        Kind::UnterminatedHole => at(codes::UNTERMINATED_HOLE, "this `$<` is not closed".into())
            .label("opened here")
            .help("close it with `>`; for a literal `$<` write `$$<`"),
        Kind::UnterminatedBlock { before } => {
            let at_end = Span { start: *before, end: *before };
            at(codes::UNTERMINATED_STRING, "this string is not closed".into())
                .label("opened here")
                .also_at(source, at_end, "`\"\"\"` is missing after this")
                .help("close it with `\"\"\"`")
        }
        Kind::Unclosed { open, before } => {
            let at_end = Span { start: *before, end: *before };
            let close = match open {
                '(' => ')',
                '[' => ']',
                _ => '}',
            };
            at(codes::UNCLOSED, format!("this `{open}` is not closed")).label("opened here").also_at(
                source,
                at_end,
                format!("`{close}` is missing after this"),
            )
        }
        Kind::Unopened(c) => {
            at(codes::UNOPENED, format!("this `{c}` has no opening bracket")).label("no bracket is open here")
        }
        Kind::BadEscape(text) => at(codes::BAD_ESCAPE, format!("unknown escape sequence `{text}`"))
            .label("not known")
            .help("known are \\n \\t \\r \\\\ \\\" \\0 \\u{…}; a backslash itself is `\\\\`"),
        Kind::BadNumber(why) => at(codes::BAD_NUMBER, why.clone()).label("this number"),
        Kind::ReservedWord(word) => at(codes::RESERVED_WORD, format!("`{word}` is a reserved word"))
            .label("a name is needed here")
            .help(format!("choose another name, such as `{word}_`"))
            .fix(format!("rename to `{word}_`"), error.span, format!("{word}_")),
        Kind::TooDeep => at(codes::TOO_DEEP, format!("this is nested more than {MAX_DEPTH} levels deep"))
            .label("too deep")
            .help("give parts of it names"),
        Kind::TooLarge => at(codes::TOO_LARGE, "the file is larger than 4 GiB".into()),
        Kind::Foreign { message, help, instead, .. } => {
            let d = at(codes::SYNTAX, message.clone()).label("here").help(help.clone());
            match instead {
                Some(text) => d.safe_fix(help.as_str(), error.span, text),
                None => d,
            }
        }
        Kind::Other { message, help, instead } => {
            let mut d = at(codes::SYNTAX, message.clone()).label("here");
            d.help.clone_from(help);
            match instead {
                Some(text) => d.safe_fix(help.as_deref().unwrap_or("change it"), error.span, text),
                None => d,
            }
        }
    }
}

/// "a, b or c".
fn list_words(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} or {last}", start.join(", ")),
    }
}

/// "end of the file" for "the end of the file".
fn without_article(what: &str) -> &str {
    ["the ", "a ", "an "].iter().find_map(|article| what.strip_prefix(article)).unwrap_or(what)
}
