//! What of a program's output is shown to people: its last line while it runs, the end of standard error when it fails.

use crate::redact::{Cut, Redactor};

/// How much of standard error is put into a failure, in bytes and lines.
pub(super) const MAX_STDERR: (usize, usize) = (4096, 20);
/// The longest line that is reported, in characters.
const LONGEST_LINE: usize = 200;
/// How far back the last line is looked for, in bytes. A line that does not begin there is not reported:
/// a secret that it repeats could be cut, and what is left of it would not be recognised.
const LINE_WINDOW: usize = 4096;

/// The last complete line of an output that has visible text, without secrets, as it is shown to people.
/// A carriage return ends a line too: that is how programs redraw their progress.
pub(super) fn last_line(bytes: &[u8], redactor: &Redactor) -> Option<String> {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let unfinished = bytes.iter().rev().take(LINE_WINDOW).position(ends)?;
    let complete = &bytes[..bytes.len() - unfinished];
    let start = complete.len().saturating_sub(LINE_WINDOW);
    let whole = match start {
        0 => 0,
        _ => start + complete[start..].iter().position(ends)?,
    };
    // All of the window is searched: a secret may be broken into lines.
    let masked = redactor.mask_bytes(&complete[whole..], Cut { start: whole > 0, end: true });
    let line = masked.rsplit(ends).map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    Some(printable_line(&String::from_utf8_lossy(line)))
}

/// A line as it is shown to people: cut to a length, control characters as spaces.
pub(super) fn printable_line(line: &str) -> String {
    line.chars().take(LONGEST_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The last lines of standard error.
pub(super) fn last_lines(text: &str) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_STDERR.0));
    let lines: Vec<&str> = text[start..].trim_end().lines().collect();
    lines[lines.len().saturating_sub(MAX_STDERR.1)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{LINE_WINDOW, LONGEST_LINE, Redactor, last_line, printable_line};

    #[test]
    fn only_whole_lines_are_reported() {
        let last = |text: &str| last_line(text.as_bytes(), &Redactor::default());
        let wide = "x".repeat(LINE_WINDOW);
        assert_eq!(last("one\ntwo\n").as_deref(), Some("two"));
        // The rest of a line, and of a secret in it, may still follow.
        assert_eq!(last("one\ntw").as_deref(), Some("one"));
        assert_eq!(last("10%\r20%\r").as_deref(), Some("20%"));
        assert_eq!(last("one\n \n\n").as_deref(), Some("one"));
        assert_eq!(last("tw"), None);
        assert_eq!(last(&format!("{wide}{wide}\n")), None);
        assert_eq!(last(&format!("one\n{wide}{wide}")), None);
        assert_eq!(last(&format!("{wide}\none\n")).as_deref(), Some("one"));
    }

    #[test]
    fn a_secret_in_lines_is_not_reported() {
        let redactor = Redactor::new(["a-long-secret-of-27-letters"]);
        let last = |text: &str| last_line(text.as_bytes(), &redactor).unwrap();
        assert_eq!(last("step 1: a-long-secret-of-27-letters\n"), "step 1: [secret]");
        // Its base64, of which the second line may be still to come.
        assert_eq!(last("YS1sb25nLXNlY3Jl\ndC1vZi0yNy1sZXR0ZXJz\n"), "[secret]");
        assert_eq!(last("see YS1sb25nLXNlY3Jl\n"), "see [secret]");
    }

    #[test]
    fn a_line_is_shown_short_and_without_controls() {
        assert_eq!(printable_line("a\u{1b}[31mb"), "a [31mb");
        assert_eq!(printable_line(&"ä".repeat(500)).chars().count(), LONGEST_LINE);
    }
}
