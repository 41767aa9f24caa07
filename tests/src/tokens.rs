//! The tokens of a program, without comments and the content of strings. Written independently of the lexer.

use std::ops::Range;

/// The construct that encloses a position.
enum Around {
    /// `"…"`
    Line,
    /// `"""…"""`
    Block,
    /// `$<…>` with the brackets that are open in it.
    Hole(u32),
}

/// Signs of more than one character, the longest first.
const SIGNS: &[&str] = &["...", "->", "??", "?.", "..", "==", "!=", "<=", ">=", "+="];

/// Where the tokens of a text that can be read stand.
pub fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut around: Vec<Around> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let len = match around.last_mut() {
            Some(Around::Line | Around::Block) => scan_text(rest, &mut around, &mut found, at),
            _ => scan_code(rest, &mut around, &mut found, at),
        };
        at += len.max(1);
    }
    found
}

fn scan_text(rest: &str, around: &mut Vec<Around>, found: &mut Vec<Range<usize>>, at: usize) -> usize {
    let quotes = if matches!(around.last(), Some(Around::Block)) { "\"\"\"" } else { "\"" };
    if rest.starts_with("$$<") {
        return 3;
    }
    if rest.starts_with("$<") {
        around.push(Around::Hole(0));
        found.push(at..at + 2);
        return 2;
    }
    if rest.starts_with(quotes) {
        around.pop();
        found.push(at..at + quotes.len());
        return quotes.len();
    }
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match rest.chars().nth(1) {
        Some(escaped) if rest.starts_with('\\') => first + escaped.len_utf8(),
        _ => first,
    }
}

fn scan_code(rest: &str, around: &mut Vec<Around>, found: &mut Vec<Range<usize>>, at: usize) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    let Some(c) = rest.chars().next() else { return 0 };
    let mut add = |len: usize| {
        found.push(at..at + len);
        len
    };
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    for prefix in ["sh", ""] {
        let Some(quoted) = rest.strip_prefix(prefix) else { continue };
        if quoted.starts_with("\"\"\"") {
            around.push(Around::Block);
            return add(prefix.len() + 3);
        }
        if quoted.starts_with('"') {
            around.push(Around::Line);
            return add(prefix.len() + 1);
        }
    }
    if c.is_whitespace() {
        return c.len_utf8();
    }
    if c.is_ascii_digit() {
        let whole = word(rest);
        let fraction = rest[whole..].strip_prefix('.').filter(|f| f.starts_with(|c: char| c.is_ascii_digit()));
        return add(fraction.map_or(whole, |f| whole + 1 + word(f)));
    }
    if c.is_alphabetic() || c == '_' {
        return add(word(rest));
    }
    if let Some(Around::Hole(open)) = around.last_mut() {
        match c {
            '(' | '[' | '{' => *open += 1,
            ')' | ']' | '}' => *open = open.saturating_sub(1),
            '>' if *open == 0 => {
                around.pop();
                return add(1);
            }
            _ => {}
        }
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => add(sign.len()),
        None => add(c.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_a_reader() {
        let text = "let a = b.c ?? 1.5 // not this\nrun sh\"ls $<x.map(f(y > 1))> b\\\" c\"\n\"\"\"\n a \"b\" $<c>\n\"\"\"\n1..2";
        let found: Vec<&str> = tokens(text).into_iter().map(|r| &text[r]).collect();
        let expected = "let a = b . c ?? 1.5 run sh\" $< x . map ( f ( y > 1 ) ) > \" \"\"\" $< c > \"\"\" 1 .. 2";
        assert_eq!(found.join(" "), expected);
    }
}
