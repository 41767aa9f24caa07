//! Texts in quotes: inner quotes without escapes, line breaks, triple quotes, code in fences.

use super::syntax::{Place, Reader, Stop, starts_with_key};

type Read<T> = Result<T, Stop>;

impl Reader<'_> {
    /// A text in quotes. A quote after which no delimiter follows belongs to the text.
    pub(super) fn quoted(&mut self, place: Place) -> Read<String> {
        let Some(open) = self.next_char() else { return self.cut_off("a text") };
        if open == '`' && self.rest().starts_with("``") {
            self.at += 2;
            return self.fenced();
        }
        let after_two = self.rest().strip_prefix("\"\"");
        if open == '"' && after_two.is_some_and(|after| !after.trim_start().starts_with([',', '}', ']', ':'])) {
            self.at += 2;
            return self.triple();
        }
        if open != '"' {
            self.repair("a text in other quotes was read");
        }
        let close = if open == '\u{201c}' { '\u{201d}' } else { open };
        let mut out = String::new();
        loop {
            match self.next_char() {
                None => return self.cut_off("a text"),
                Some(c) if c == close => {
                    if self.closes(close, place)? {
                        return Ok(out);
                    }
                    self.repair("a quote within a text was kept");
                    out.push(c);
                }
                Some('\\') => self.escape(&mut out)?,
                Some(c) => {
                    if c == '\n' {
                        self.repair("a line break within a text was kept");
                    }
                    out.push(c);
                }
            }
        }
    }

    /// Whether the quote before this place ends its text.
    fn closes(&self, quote: char, place: Place) -> Read<bool> {
        let rest = self.rest();
        let after = rest.trim_start();
        let gap = &rest[..rest.len() - after.len()];
        let Some(next) = after.chars().next() else { return Ok(true) };
        if after.starts_with("//") || after.starts_with("/*") || after.starts_with("# ") {
            return Ok(place != Place::Key);
        }
        Ok(match (place, next) {
            (Place::Key, _) => next == ':',
            (Place::Top, _) => gap.contains('\n'),
            (Place::List, ',') => self.starts_element(after[1..].trim_start()),
            (Place::Field { quoted_key }, ',') => {
                let follows = after[1..].trim_start();
                let other_line = after[1..after.len() - follows.len()].contains('\n');
                follows.is_empty()
                    || follows.starts_with(['}', ']', '/'])
                    || starts_with_key(follows, !quoted_key || other_line)
                    || (other_line && follows.starts_with(char::is_alphabetic) && self.is_apart(after, follows))
            }
            (_, '}' | ']') => self.closers_end(after),
            (Place::Field { .. }, '`') => after.starts_with("```") && gap.contains('\n'),
            (Place::Field { quoted_key }, _) if gap.contains('\n') => {
                starts_with_key(after, !quoted_key || quote == '"')
            }
            (Place::Field { quoted_key }, c) if c == quote && quoted_key => starts_with_key(after, false),
            (Place::List, '`') => after.starts_with("```") && gap.contains('\n'),
            (Place::List, c) if c == quote && gap.contains('\n') => true,
            (Place::List, c) if c == quote && !gap.is_empty() => {
                return self.stop_reading("it is unclear whether a comma is missing between two texts");
            }
            _ => false,
        })
    }

    /// Whether an empty line separates what follows a comma.
    fn is_apart(&self, after: &str, follows: &str) -> bool {
        after[1..after.len() - follows.len()].matches('\n').count() > 1
    }

    fn starts_element(&self, text: &str) -> bool {
        let Some(first) = text.chars().next() else { return true };
        let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        matches!(first, '"' | '\'' | '`' | '\u{201c}' | '{' | '[' | ']' | '}' | '-' | '/')
            || first.is_ascii_digit()
            || matches!(word, "true" | "false" | "null" | "True" | "False" | "None")
    }

    /// Whether the closing brackets at the start of a text end values, and are no part of a text.
    fn closers_end(&self, text: &str) -> bool {
        let (mut closers, mut lines) = (0, false);
        for c in text.chars() {
            match c {
                '}' | ']' => closers += 1,
                '\n' => lines = true,
                c if c.is_whitespace() => {}
                ',' | '`' | '{' | '"' => return true,
                ')' | '\'' | ';' => return lines,
                _ => return lines || closers >= self.open,
            }
        }
        true
    }

    /// A text between triple quotes.
    fn triple(&mut self) -> Read<String> {
        let rest = self.rest();
        let Some(end) = rest.find("\"\"\"") else { return self.cut_off("a text") };
        // `""""` ends a text whose last character is a quote.
        let end = end + rest[end + 3..].chars().take_while(|c| *c == '"').count();
        let after = rest[end + 3..].trim_start_matches([' ', '\t', '\r']);
        if !(after.is_empty() || after.starts_with([',', '}', ']', '\n', ':'])) {
            self.at += end + 3;
            return self.stop_reading("text follows after triple quotes");
        }
        self.at += end + 3;
        self.repair("a text in triple quotes was read");
        Ok(match rest[..end].strip_prefix('\n').or_else(|| rest[..end].strip_prefix("\r\n")) {
            Some(lines) => dedent_lines(lines),
            None => rest[..end].to_owned(),
        })
    }

    /// Code between fences; the words after the first fence describe it.
    fn fenced(&mut self) -> Read<String> {
        let rest = self.rest();
        let (mut from, mut line_start, mut lines) = (0, 0, 0);
        let end = loop {
            let Some(found) = rest[from..].find("```") else { return self.cut_off("code in a fence") };
            let at = from + found;
            if let Some(newline) = rest[from..at].rfind('\n') {
                line_start = from + newline + 1;
                lines += 1;
            }
            let after = rest[at + 3..].trim_start_matches([' ', '\t', '\r']);
            let delimited = after.is_empty() || after.starts_with([',', '}', ']', '\n']);
            if delimited && (lines == 0 || rest[line_start..at].trim().is_empty()) {
                break at;
            }
            from = at + 3;
        };
        self.at += end + 3;
        self.repair("code in a fence was read as a text");
        Ok(match rest[..end].split_once('\n') {
            Some((_, code)) => dedent_lines(code),
            None => rest[..end].to_owned(),
        })
    }

    fn escape(&mut self, out: &mut String) -> Read<()> {
        match self.next_char() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let first = self.hex()?;
                let code = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    (0xdc00..0xe000).contains(&low).then(|| 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))
                } else {
                    Some(first)
                };
                match code.and_then(char::from_u32) {
                    Some(c) => out.push(c),
                    None => return self.stop_reading("an escape `\\u` is no character"),
                }
            }
            Some(c @ ('"' | '\'' | '\\' | '/' | '`')) => out.push(c),
            // Not an escape of JSON: a path of Windows, or a regular expression.
            Some(c) => {
                self.repair("a backslash within a text was kept");
                out.push('\\');
                out.push(c);
            }
            None => return self.cut_off("a text"),
        }
        Ok(())
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|d| u32::from_str_radix(d, 16).ok()) {
            Some(n) => {
                self.at += 4;
                Ok(n)
            }
            None => self.stop_reading("an escape `\\u` has four hexadecimal digits"),
        }
    }
}

/// Lines without their common indentation and without blanks on empty lines and at the end.
fn dedent_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let blank = |line: &&str| line.trim().is_empty();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common = lines.iter().filter(|l| !blank(l)).map(|l| indent(l)).min().unwrap_or(0);
    let cut: Vec<&str> = lines.iter().map(|l| if blank(l) { "" } else { &l[common..] }).collect();
    cut.join("\n")
}
