//! Expected diagnostics, written into the programs that give them.
//!
//! `// E0301: expected` at the end of a line says that this line has a diagnostic of this code
//! whose message holds this text. Where no comment can stand, `//^ E0301: expected` on the line
//! below says it of the line above; each further `^` is one line further up. Several on one line
//! follow each other: `// E0301: one // E0201: two`. An annotation has to be the end of its line.

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// The line, from 1.
    pub line: u32,
    /// The code.
    pub code: String,
    /// A part of the message.
    pub message: String,
}

/// All annotations of a text, by line.
pub fn annotations(text: &str) -> Vec<Expected> {
    let mut found = Vec::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        for part in line.split("//").skip(1) {
            let up = part.len() - part.trim_start_matches('^').len();
            if let Some((code, message)) = part.get(up..).and_then(one) {
                let line = number.saturating_sub(u32::try_from(up).unwrap_or(u32::MAX));
                found.push(Expected { line, code: code.to_owned(), message: message.to_owned() });
            }
        }
    }
    found.sort();
    found
}

/// ` E0301: text` as code and text.
fn one(part: &str) -> Option<(&str, &str)> {
    let (code, message) = part.trim().split_once(':')?;
    let digits = code.strip_prefix(['E', 'W'])?;
    let is_code = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    is_code.then_some((code, message.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_name_lines() {
        let text = "let x = y // E0201: no `y` // W0101: `x`\n\"a\n//^ E0103: open\n//^^ E0105: two up\n// E01: no\n";
        let found: Vec<_> = annotations(text).into_iter().map(|e| (e.line, e.code, e.message)).collect();
        let one = |line, code: &str, message: &str| (line, code.to_owned(), message.to_owned());
        assert_eq!(
            found,
            [one(1, "E0201", "no `y`"), one(1, "W0101", "`x`"), one(2, "E0103", "open"), one(2, "E0105", "two up")]
        );
    }
}
