//! What the parser expected, in the reader's words.

use crate::ast::Span;
use crate::habits::{self, Place, habit};
use crate::token::{Kind, Token};
use crate::{SyntaxError, SyntaxErrorKind};

const DECLARATION: &str = "a declaration";
const EXPRESSION: &str = "an expression";
const NAME: &str = "a name";

/// The categories, in the order in which they are told; each with what the grammar calls it.
const CATEGORIES: &[(&str, &[&str])] = &[
    (DECLARATION, &["\"import\"", "\"type\"", "\"enum\"", "\"cascade\""]),
    (EXPRESSION, &["\"number\"", "\"constant\""]),
    ("a statement", &["\"stage\"", "\"check\""]),
    ("a line of a skill", &["\"line word\""]),
    ("`mock`, `run` or `expect`", &["\"mock\""]),
    (NAME, &["\"ident\""]),
    ("`->`", &["\"->\""]),
    ("`[`", &["\"[\""]),
    ("`=`", &["\"=\""]),
    ("`:`", &["\":\""]),
    ("`in`", &["\"in\""]),
    ("`(`", &["\"(\""]),
    ("`{`", &["\"{\"", "\"begin of item\""]),
    ("`>`", &["\">\""]),
    ("`,`", &["\",\""]),
    ("`)`", &["\")\""]),
    ("`]`", &["\"]\""]),
    ("`}`", &["\"}\"", "\"end of item\""]),
    ("the end of the hole (`>`)", &["\"hole end\""]),
    ("a string", &["\"string\""]),
    ("a clause", &["\"using\""]),
    ("what to do then (`skip`, `use …`, `fail …`)", &["\"skip\""]),
    ("an operator", &["\"operator\""]),
    ("the end of the line", &["\"line end\""]),
];

/// The error for a token that cannot stand where it stands.
pub(crate) fn unexpected(text: &str, token: Option<Token>, expected: &[String]) -> SyntaxError {
    let has = |terminal: &str| expected.iter().any(|e| e == terminal);
    let (found, span) = match token {
        None => ("the end of the file".to_owned(), Span::new(text.len(), text.len())),
        Some(Token(kind, span)) => (found(text, kind, span), span),
    };
    let expression = has("\"number\"") && has("\"constant\"");
    let operator = has("\"operator\"");
    if let Some(Token(kind, span)) = token
        && !expression
        && has("\"ident\"")
        && is_reserved(text, kind, span)
    {
        let word = text[span.range()].to_owned();
        return SyntaxError { kind: SyntaxErrorKind::ReservedWord(word), span };
    }
    let place = Place {
        declaration: has("\"import\"") && has("\"cascade\""),
        expression,
        operator,
        block: has("\"{\"") || has("\"begin of item\""),
        name: has("\"ident\""),
    };
    if let Some(error) = habit(text, span, &place) {
        return error;
    }
    // What stands before `:` is missing, and not what would end the line before.
    let named = matches!(token, Some(Token(Kind::Colon, _)));
    let (found, span) = if named && !expression {
        (found, span)
    } else if expression || (has("\"ident\"") && !operator) || has("\"skip\"") {
        unfinished_line(text, span).unwrap_or((found, span))
    } else {
        (found, span)
    };
    let mut told = Vec::new();
    for (category, terminals) in CATEGORIES {
        let implied = match *category {
            NAME | "a string" | "`{`" => expression,
            "`(`" | "`[`" => expression || operator || has("\"skip\""),
            "`=`" | "`:`" | "`>`" => operator,
            "`in`" => has("\"line word\""),
            "the end of the line" => has("\"import\""),
            _ => false,
        };
        if told.len() < 4 && !implied && terminals.iter().any(|terminal| has(terminal)) {
            told.push((*category).to_owned());
        }
    }
    SyntaxError { kind: SyntaxErrorKind::Unexpected { found, expected: told }, span }
}

/// Something is missing before a token that begins a line: the line before is to blame, unless it
/// ends with what lets a new one begin.
fn unfinished_line(text: &str, span: Span) -> Option<(String, Span)> {
    let mut before = &text[..span.start as usize];
    if !before[before.trim_end().len()..].contains('\n') {
        return None;
    }
    loop {
        before = before.trim_end();
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let code =
            before[line..].find("//").filter(|at| before[line..line + at].matches('"').count().is_multiple_of(2));
        match code {
            Some(at) => before = &before[..line + at],
            None => break,
        }
    }
    let told = !before.is_empty() && !before.ends_with(['{', '(', '[', ',']);
    told.then(|| ("the end of the line".to_owned(), Span::new(before.len(), before.len())))
}

fn found(text: &str, kind: Kind, span: Span) -> String {
    match kind {
        Kind::LineEnd => "the end of the line".to_owned(),
        Kind::StrStart => "a string".to_owned(),
        Kind::CommandStart => "a command".to_owned(),
        Kind::StrEnd => "the end of the string".to_owned(),
        Kind::HoleEnd => "the end of the hole".to_owned(),
        _ => format!("`{}`", &text[span.range()]),
    }
}

fn is_reserved(text: &str, kind: Kind, span: Span) -> bool {
    kind != Kind::Ident
        && text[span.range()].starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(kind, Kind::Number | Kind::CommandStart | Kind::In)
}

/// Says that a type was expected, which the terminals alone do not tell from a block.
pub(crate) fn of_type(error: &mut SyntaxError) {
    if let SyntaxErrorKind::Unexpected { expected, .. } = &mut error.kind
        && expected.iter().any(|category| category == NAME)
    {
        *expected = vec!["a type".to_owned()];
    }
}

/// Sorts, and drops what only follows from another error.
///
/// Inside of a poisoned range the scanner has said already what is wrong. A closing bracket is
/// unexpected only because of what stands before it, since the tokens balance. And a second
/// surprise on one line is most often the first one still.
pub(crate) fn settle(
    text: &str,
    mut errors: Vec<SyntaxError>,
    mut poison: Vec<Span>,
    line_starts: &[u32],
) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.span.start, error.span.end, rank(&error.kind)));
    errors.dedup();
    poison.sort();
    let mut kept: Vec<SyntaxError> = Vec::with_capacity(errors.len());
    let mut poisons = poison.into_iter().peekable();
    let mut poisoned_to: Option<u32> = None;
    let mut last_line = None;
    let mut outside = false;
    let mut stray = false;
    let mut too_deep = false;
    for error in errors {
        while let Some(span) = poisons.next_if(|span| span.start <= error.span.start) {
            poisoned_to = poisoned_to.max(Some(span.end));
        }
        let line = line_starts.partition_point(|start| *start <= error.span.start);
        let follows = match &error.kind {
            SyntaxErrorKind::Unexpected { expected, .. } => {
                let declaration = expected.iter().any(|category| category == DECLARATION);
                // The lines below a head that could not be read are not told one by one.
                let below = std::mem::replace(&mut stray, declaration) && declaration && indented(text, error.span);
                stray |= below;
                outside |= expected.iter().any(|category| category == DECLARATION || category == "`{`");
                let missing = expected.iter().any(|category| category == EXPRESSION);
                below
                    || poisoned_to.is_some_and(|end| error.span.start <= end)
                    || last_line == Some(line)
                    || (!kept.is_empty() && !missing && is_closer(text, error.span))
            }
            SyntaxErrorKind::ReservedWord(_) => poisoned_to.is_some_and(|end| error.span.start <= end),
            SyntaxErrorKind::Other { .. } => {
                (last_line == Some(line) && habits::once_a_line(&error.kind)) || habits::follows(&error.kind, &kept)
            }
            SyntaxErrorKind::TooDeep => std::mem::replace(&mut too_deep, true),
            SyntaxErrorKind::UnknownCharacter(_) => last_line == Some(line),
            // A brace too many ended a declaration early; its own brace is one too many then.
            SyntaxErrorKind::Unopened('}') => std::mem::take(&mut outside),
            _ => false,
        };
        if follows {
            continue;
        }
        if disturbs(&error.kind) {
            last_line = Some(line);
        }
        kept.push(error);
    }
    kept
}

/// Whether a line begins with white space.
fn indented(text: &str, span: Span) -> bool {
    let line = text[..span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    text[line..].starts_with([' ', '\t'])
}

/// At one place, what the scanner says goes before what the grammar says.
fn rank(kind: &SyntaxErrorKind) -> u8 {
    u8::from(matches!(kind, SyntaxErrorKind::Unexpected { .. }))
}

/// Whether the grammar may stumble over the same mistake again.
fn disturbs(kind: &SyntaxErrorKind) -> bool {
    !matches!(kind, SyntaxErrorKind::BadEscape(_) | SyntaxErrorKind::BadNumber(_))
}

fn is_closer(text: &str, span: Span) -> bool {
    matches!(&text[span.range()], "}" | ")" | "]")
}
