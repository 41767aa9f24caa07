//! The indentation of a line that is being typed, in code that is not whole yet.

use cascade_grammar::{Parse, Token, TokenClass, ast::Span};

/// How much deeper a level of indentation is, as the formatter writes it.
const STEP: usize = 2;

/// The change that indents the line of the offset, just after `typed` was typed before it: a line break, or a bracket
/// that closes. `None` where the line is right already, where nothing can be said, and within texts.
pub fn indent_line(parse: &Parse, text: &str, offset: u32, typed: &str) -> Option<(Span, String)> {
    let before = text.get(..offset as usize)?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    if is_within_text(parse, start as u32) {
        return None;
    }
    let line = text.get(start..)?.lines().next().unwrap_or_default();
    let written = line.len() - line.trim_start_matches([' ', '\t']).len();
    let first = line.get(written..).and_then(|rest| rest.chars().next());
    let width = match first.filter(|c| "}])".contains(*c)) {
        // It stands under the line that opened it.
        Some(closer) => indentation_at(text, open_before(parse, text, start + written, Some(closer))?.start as usize),
        // A bracket behind something else is where its author put it.
        None if typed != "\n" => return None,
        None => indentation_of_next(parse, text, start)?,
    };
    let span = Span::new(start, start + written);
    let wanted = " ".repeat(width);
    (text.get(span.range()) != Some(wanted.as_str())).then_some((span, wanted))
}

/// The indentation of what follows the line before: a level deeper where that opens a bracket, or ends with a sign that
/// something must follow; otherwise its own.
fn indentation_of_next(parse: &Parse, text: &str, start: usize) -> Option<usize> {
    let above = text.get(..start)?.trim_end();
    let at = above.rfind('\n').map_or(0, |newline| newline + 1);
    let open = open_before(parse, text, start, None);
    if let Some(open) = open
        && open.start as usize >= at
    {
        return Some(indentation_at(text, at) + STEP);
    }
    // The line before begins within a text: what counts is where the statement begins.
    let mut begins = at;
    while let Some(token) = text_around(parse, begins as u32) {
        begins = text.get(..token.start as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
    }
    let width = indentation_at(text, begins);
    let end = parse.tokens.partition_point(|token| (token.span().end as usize) <= above.len());
    let last = parse.tokens[..end].iter().rev().find(|token| is_written(token));
    let continues = last.is_some_and(|token| {
        let sign = text.get(token.span().range()).unwrap_or_default();
        token.span().end as usize == above.len() && matches!(sign, "=" | "->" | "+" | "and" | "or" | "??" | "+=")
    });
    Some(if continues { width + STEP } else { width })
}

/// The innermost bracket that is open before an offset; the one that `closer` closes, if it is given.
fn open_before(parse: &Parse, text: &str, offset: usize, closer: Option<char>) -> Option<Span> {
    let mut open: Vec<(char, Span)> = Vec::new();
    let written = parse.tokens.iter().filter(|token| token.class() == TokenClass::Bracket && is_written(token));
    for token in written.take_while(|token| (token.span().end as usize) <= offset) {
        match text.get(token.span().range()).and_then(|sign| sign.chars().next())? {
            opener @ ('{' | '[' | '(') => open.push((opener, token.span())),
            closer => close_bracket(&mut open, closer),
        }
    }
    if let Some(closer) = closer {
        let opener = opener_of(closer);
        return open.iter().rev().find(|(other, _)| *other == opener).map(|(_, span)| *span);
    }
    open.last().map(|(_, span)| *span)
}

/// Takes the bracket that a sign closes, with those inside of it that nobody closed.
fn close_bracket(open: &mut Vec<(char, Span)>, closer: char) {
    if let Some(at) = open.iter().rposition(|(opener, _)| *opener == opener_of(closer)) {
        open.truncate(at);
    }
}

fn opener_of(closer: char) -> char {
    match closer {
        '}' => '{',
        ']' => '[',
        _ => '(',
    }
}

/// Brackets that the author forgot have tokens without text.
fn is_written(token: &Token) -> bool {
    token.span().start < token.span().end
}

/// Whether a line begins within a text of several lines.
fn is_within_text(parse: &Parse, start: u32) -> bool {
    text_around(parse, start).is_some()
}

/// The text of several lines around the begin of a line.
fn text_around(parse: &Parse, start: u32) -> Option<Span> {
    let texts = parse.tokens.iter().filter(|token| token.class() == TokenClass::StringText);
    texts.map(|token| token.span()).find(|span| span.start < start && start <= span.end)
}

/// The width of the indentation of the line of an offset.
fn indentation_at(text: &str, offset: usize) -> usize {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default();
    line.chars().take_while(|c| *c == ' ').count()
}
