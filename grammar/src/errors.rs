//! Turns the parser's expectations into error messages, and drops errors that only follow from others.

use crate::ast::Span;
use crate::foreign_syntax::{Place, foreign_syntax_error};
use crate::token::{Kind, Token};
use crate::{SyntaxError, SyntaxErrorKind};

const DECLARATION: &str = "a declaration";
const EXPRESSION: &str = "an expression";
const NAME: &str = "a name";

/// Categories of what can be expected, in the order in which a message lists them, each with the
/// terminals of the grammar that stand for it.
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
pub(crate) fn unexpected_token(text: &str, token: Option<Token>, expected: &[String]) -> SyntaxError {
    let has = |terminal: &str| expected.iter().any(|e| e == terminal);
    let (found, span) = match token {
        None => ("the end of the file".to_owned(), Span::new(text.len(), text.len())),
        Some(Token(kind, span)) => (describe_token(text, kind, span), span),
    };
    let expression = has("\"number\"") && has("\"constant\"");
    let operator = has("\"operator\"");
    let place = Place {
        declaration: has("\"import\"") && has("\"cascade\""),
        statement: has("\"stage\"") && has("\"check\""),
        skill_line: has("\"line word\"") && has("\"http\""),
        test_line: has("\"mock\"") && has("\"expect\""),
        line_end: has("\"line end\"") || has("\"}\"") || has("\"end of item\""),
        arrow: has("\"->\""),
        action: has("\"skip\"") && has("\"escalate\""),
        expression,
        operator,
        block: has("\"{\"") || has("\"begin of item\""),
        name: has("\"ident\""),
    };
    if let Some(error) = foreign_syntax_error(text, span, &place) {
        return error;
    }
    if let Some(Token(kind, span)) = token
        && !expression
        && has("\"ident\"")
        && is_reserved(text, kind, span)
    {
        let word = text[span.range()].to_owned();
        return SyntaxError { kind: SyntaxErrorKind::ReservedWord(word), span };
    }
    // Before a `:` a name is missing; the line before it is complete.
    let named = matches!(token, Some(Token(Kind::Colon, _)));
    let (found, span) = if named && !expression {
        (found, span)
    } else if expression || (has("\"ident\"") && !operator) || has("\"skip\"") {
        unfinished_line(text, span).unwrap_or((found, span))
    } else {
        (found, span)
    };
    let mut shown = Vec::new();
    for (category, terminals) in CATEGORIES {
        let implied = match *category {
            NAME | "a string" | "`{`" => expression,
            "`(`" | "`[`" => expression || operator || has("\"skip\""),
            "`=`" | "`:`" | "`>`" => operator,
            "`in`" => has("\"line word\""),
            "the end of the line" => has("\"import\""),
            _ => false,
        };
        if shown.len() < 4 && !implied && terminals.iter().any(|terminal| has(terminal)) {
            shown.push((*category).to_owned());
        }
    }
    SyntaxError { kind: SyntaxErrorKind::Unexpected { found, expected: shown }, span }
}

/// The end of the previous line, when the unexpected token begins a line: then something is missing
/// at the end of the line before it. `None` when that line may end there (after `{`, `(`, `[`, `,`).
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
    let shown = !before.is_empty() && !before.ends_with(['{', '(', '[', ',']);
    shown.then(|| ("the end of the line".to_owned(), Span::new(before.len(), before.len())))
}

fn describe_token(text: &str, kind: Kind, span: Span) -> String {
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

/// Replaces the expected categories by "a type": the terminals that begin a type also begin a block,
/// so the parser cannot tell the two apart.
pub(crate) fn expect_type(error: &mut SyntaxError) {
    if let SyntaxErrorKind::Unexpected { expected, .. } = &mut error.kind
        && expected.iter().any(|category| category == NAME)
    {
        *expected = vec!["a type".to_owned()];
    }
}

/// Sorts errors by place and drops those that follow from another error.
///
/// Inside a suppressed range the scanner has reported the mistake already. A closing bracket is
/// unexpected only because of what stands before it, since the tokens balance. A second unexpected
/// token on one line is most often a consequence of the first.
pub(crate) fn drop_follow_up_errors(
    text: &str,
    mut errors: Vec<SyntaxError>,
    mut suppressed: Vec<Span>,
    line_starts: &[u32],
) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.span.start, error.span.end, report_order(&error.kind)));
    errors.dedup();
    suppressed.sort();
    let mut kept: Vec<SyntaxError> = Vec::with_capacity(errors.len());
    let mut suppressed_spans = suppressed.into_iter().peekable();
    let mut suppressed_to: Option<u32> = None;
    let mut foreign_to: Option<u32> = None;
    let mut last_line = None;
    let mut outside = false;
    let mut stray = false;
    let mut too_deep = false;
    for error in errors {
        while let Some(span) = suppressed_spans.next_if(|span| span.start <= error.span.start) {
            suppressed_to = suppressed_to.max(Some(span.end));
        }
        let line = line_starts.partition_point(|start| *start <= error.span.start);
        let follows = match &error.kind {
            SyntaxErrorKind::Unexpected { expected, .. } => {
                let declaration = expected.iter().any(|category| category == DECLARATION);
                // The lines below the head of a declaration that could not be read are not reported one by one.
                let below =
                    std::mem::replace(&mut stray, declaration) && declaration && line_is_indented(text, error.span);
                stray |= below;
                outside |= expected.iter().any(|category| category == DECLARATION || category == "`{`");
                let missing = expected.iter().any(|category| category == EXPRESSION);
                below
                    || suppressed_to.is_some_and(|end| error.span.start <= end)
                    || last_line == Some(line)
                    || (!kept.is_empty() && !missing && is_closing_bracket(text, error.span))
            }
            SyntaxErrorKind::ReservedWord(_) => suppressed_to.is_some_and(|end| error.span.start <= end),
            // Once a line: what follows on it follows from it.
            SyntaxErrorKind::Foreign { .. } => {
                outside = true;
                last_line == Some(line) || suppressed_to.is_some_and(|end| error.span.start <= end)
            }
            // What another mistake of its line explains.
            SyntaxErrorKind::Other { message, .. } => {
                let covered = foreign_to.is_some_and(|end| error.span.start <= end);
                let once_a_line =
                    ["there is no `", "a statement ends with its line"].iter().any(|start| message.starts_with(start));
                covered || (last_line == Some(line) && once_a_line)
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
        if may_cause_another(&error.kind) {
            last_line = Some(line);
        }
        if let SyntaxErrorKind::Foreign { covers, .. } = &error.kind {
            suppressed_to = suppressed_to.max(Some(*covers));
            foreign_to = foreign_to.max(Some(*covers));
        }
        kept.push(error);
    }
    kept
}

/// Whether a line begins with white space.
fn line_is_indented(text: &str, span: Span) -> bool {
    line_start(text, span.start as usize).is_some_and(|line| text[line..].starts_with([' ', '\t']))
}

/// How far back the beginning of a line is looked for, in bytes: a file of one long line with many
/// mistakes is read in linear time.
const LONGEST_LINE: usize = 240;

/// Where the line of a place begins; `None` when it is longer than people write.
pub(crate) fn line_start(text: &str, at: usize) -> Option<usize> {
    let window = at.saturating_sub(LONGEST_LINE);
    match text.as_bytes()[window..at].iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => Some(window + newline + 1),
        None => (window == 0).then_some(0),
    }
}

/// At one place, errors of the scanner come before those of the grammar.
fn report_order(kind: &SyntaxErrorKind) -> u8 {
    u8::from(matches!(kind, SyntaxErrorKind::Unexpected { .. }))
}

/// Whether the grammar may report the same mistake a second time.
fn may_cause_another(kind: &SyntaxErrorKind) -> bool {
    !matches!(kind, SyntaxErrorKind::BadEscape(_) | SyntaxErrorKind::BadNumber(_))
}

fn is_closing_bracket(text: &str, span: Span) -> bool {
    matches!(&text[span.range()], "}" | ")" | "]")
}
