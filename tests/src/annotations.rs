//! Expected diagnostics, annotated in the programs that cause them.
//!
//! `// E0301 9-14: message // help: text` at the end of a line says that this line has a diagnostic of
//! this code, at these columns, with this message and this help. Columns count characters from 1, the
//! last one included; `9-` is a span that ends on a later line. A diagnostic without help has no
//! `// help:`; of several lines of help, the first is written, and `...` at its end stands for any text. Where no comment can stand,
//! `//^ E0301 9-14: message` on the line below says it of the line above; each further `^` is one line
//! further up. Several on one line follow each other. An annotation is the end of its line.

/// An expected diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// The line, from 1.
    pub line: u32,
    /// The columns, as they are written: `9-14`, `9`, `9-`.
    pub columns: String,
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
    /// The first line of the help; `...` at its end stands for any text.
    pub help: Option<String>,
}

impl Expected {
    /// Whether a diagnostic that gives `given` is the expected one.
    pub fn fits(&self, given: &Self) -> bool {
        let help = match (&self.help, &given.help) {
            (Some(wanted), Some(help)) => match wanted.strip_suffix("...") {
                Some(begin) => help.starts_with(begin),
                None => wanted == help,
            },
            (wanted, help) => wanted == help,
        };
        help && (self.line, &self.columns, &self.code, &self.message)
            == (given.line, &given.columns, &given.code, &given.message)
    }
}

/// An annotation in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The expected diagnostic.
    pub expected: Expected,
    /// The line that it stands on, from 1.
    pub on: u32,
    /// The bytes of that line that it takes, its help included.
    pub bytes: std::ops::Range<usize>,
    /// How many lines further up its diagnostic is.
    pub up: usize,
}

/// The expected diagnostics of a text, by the line of the diagnostic.
pub fn expected_diagnostics(text: &str) -> Vec<Expected> {
    let mut found: Vec<Expected> = read_annotations(text).into_iter().map(|a| a.expected).collect();
    found.sort();
    found
}

/// The annotations of a text, by the line of the annotation.
pub fn read_annotations(text: &str) -> Vec<Annotation> {
    let mut found = Vec::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        let mut starts: Vec<usize> = line.match_indices("//").map(|(at, _)| at).collect();
        starts.retain(|at| begins_annotation(&line[at + 2..]));
        for (i, start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(line.len());
            let part = &line[start + 2..end];
            let up = part.len() - part.trim_start_matches('^').len();
            let (part, help) = match part[up..].split_once("// help:") {
                Some((part, help)) => (part, Some(help.trim().to_owned())),
                None => (&part[up..], None),
            };
            let Some((head, message)) = part.trim().split_once(':') else { continue };
            let (code, columns) = head.split_once(' ').unwrap_or((head, ""));
            let line = number.saturating_sub(u32::try_from(up).unwrap_or(u32::MAX));
            let expected = Expected {
                line,
                columns: columns.trim().to_owned(),
                code: code.to_owned(),
                message: message.trim().to_owned(),
                help,
            };
            found.push(Annotation { expected, on: number, bytes: *start..end, up });
        }
    }
    found
}

/// Whether what follows `//` is an annotation: `E0301 9-14: …`, perhaps after some `^`.
fn begins_annotation(rest: &str) -> bool {
    let Some((head, _)) = rest.trim_start_matches('^').split_once(':') else { return false };
    let mut words = head.split_whitespace();
    let code = words.next().and_then(|word| word.strip_prefix(['E', 'W']));
    let is_code = code.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()));
    let columns = |word: &str| word.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_code && words.next().is_none_or(columns) && words.next().is_none()
}

/// The text of an annotation for a diagnostic `up` lines further up.
pub fn write_annotation(expected: &Expected, up: usize) -> String {
    let Expected { columns, code, message, help, .. } = expected;
    let help = help.as_ref().map(|help| format!(" // help: {help}")).unwrap_or_default();
    format!("//{} {code} {columns}: {message}{help}", "^".repeat(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(line: u32, code: &str, columns: &str, message: &str, help: Option<&str>) -> Expected {
        Expected {
            line,
            columns: columns.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            help: help.map(str::to_owned),
        }
    }

    #[test]
    fn annotations_name_lines_and_columns() {
        let text = "let x = y // E0201 9: no `y` // help: write `//` // W0101 5-: `x`\n\"a\n//^ E0103 1-2: open\n\
                    //^^ E0105 3-4: two up\n// E01: no\n// E0301 is no: annotation\n";
        assert_eq!(
            expected_diagnostics(text),
            [
                expected(1, "W0101", "5-", "`x`", None),
                expected(1, "E0201", "9", "no `y`", Some("write `//`")),
                expected(2, "E0103", "1-2", "open", None),
                expected(2, "E0105", "3-4", "two up", None),
            ]
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let one = expected(1, "E0301", "3-9", "expected `int`, found `string`", Some("call `.to_int()`"));
        let text = format!("line\n{}\n", write_annotation(&one, 1));
        assert_eq!(expected_diagnostics(&text), [one]);
    }
}
