//! Text on a screen: the one place that knows what a terminal, or a log that is read by a machine,
//! would do instead of showing it.

use std::borrow::Cow;

/// Makes text of models, programs and people harmless before it is shown. Every line stays a line.
///
/// - A control character is shown as a picture of itself (`␛`), so that no text moves the cursor,
///   changes colours, or repaints what stands before it. Line ends and tabs stay.
/// - Characters that turn the direction of writing around, and line ends that only some know, are shown
///   as `�`.
/// - A line that GitHub would read as a command (`::error::`, `##[error]`) is broken up.
pub fn neutralize_controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| control_picture(c).is_some()) && !text.contains("::") && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let line = match line.strip_suffix("\r\n") {
            Some(line) => format!("{line}\n"),
            None => line.to_owned(),
        };
        let line = line.replace("##[", "# #[");
        let indent = line.len() - line.trim_start().len();
        let (blank, mut rest) = line.split_at(indent);
        push_neutral(&mut out, blank);
        if let Some(command) = rest.strip_prefix("::") {
            out.push_str(": :");
            rest = command;
        }
        push_neutral(&mut out, rest);
    }
    Cow::Owned(out)
}

/// The same for one line: its line ends are shown as `⏎`.
pub fn neutral_line(text: &str) -> String {
    neutralize_controls(text.trim_end()).replace('\n', "⏎")
}

/// The source of a program with its characters at the same bytes, so that places in it stay right.
pub fn neutral_source(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\r' && control_picture(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let same_length = |c: char| match (control_picture(c), c.len_utf8()) {
        (None, _) => c,
        _ if c == '\r' => c,
        (Some(_), 1) => '?',
        (Some(_), 2) => '¿',
        (Some(_), _) => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(same_length).collect())
}

fn push_neutral(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| control_picture(c).unwrap_or(c)));
}

/// What is shown in place of a character; `None`: itself.
fn control_picture(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        '\u{80}'..='\u{9f}' => Some('\u{fffd}'),
        // Marks, embeddings, overrides and isolates of direction.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        '\u{2028}' | '\u{2029}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_text() {
        assert_eq!(neutralize_controls("a\u{1b}[2J\u{1b}]0;t\u{7}b\rc"), "a␛[2J␛]0;t␇b␍c");
        assert_eq!(neutralize_controls("a\u{9b}2Jb\u{7f}"), "a\u{fffd}2Jb␡");
        assert_eq!(neutralize_controls("pay \u{202e}001\u{202c} now\u{2028}x"), "pay \u{fffd}001\u{fffd} now\u{fffd}x");
        assert_eq!(neutralize_controls("one\r\ntwo\tthree\n"), "one\ntwo\tthree\n");
        assert!(matches!(neutralize_controls("ordinary: text\n  äöü 👩‍💻\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(
            neutralize_controls("a\n  ::error::b\n::add-mask::c\n##[group]d"),
            "a\n  : :error::b\n: :add-mask::c\n# #[group]d"
        );
        assert_eq!(neutralize_controls("std::fs"), "std::fs");
    }

    #[test]
    fn a_source_keeps_its_places() {
        let source = "a \u{1b}[1m\u{85}\u{202e}\r\n";
        let shown = neutral_source(source);
        assert_eq!(shown, "a ?[1m¿\u{fffd}\r\n");
        assert_eq!(shown.len(), source.len());
    }

    #[test]
    fn one_line_stays_one() {
        assert_eq!(neutral_line("a\nb\u{1b}\n"), "a⏎b␛");
    }
}
