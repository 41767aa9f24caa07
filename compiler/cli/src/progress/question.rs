//! A question below the tree: its text, and the line that is being typed.

use cascade_ir::screen::neutralize_controls;
use cascade_runtime::Asked;

use super::width::{fit_end, fit_to_width, wrap_line};
use crate::people;

/// What keys have done to the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// It is not finished.
    Unfinished,
    /// Enter was pressed.
    Line(String),
    /// Ctrl-D on an empty line.
    Closed,
}

/// Where the reader of keys is in a sequence that stands for a key without a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// After `ESC`.
    Begun,
    /// After `ESC [` or `ESC O`, until a letter.
    Inside,
}

/// A question that is being asked.
#[derive(Debug)]
pub struct Question {
    /// The stage that asks.
    pub path: String,
    text: String,
    hint: String,
    line: String,
    complaint: Option<String>,
    escape: Escape,
    /// The beginning of a character of several bytes.
    partial: Vec<u8>,
    /// Whether its text has been printed in full: it is longer than a screen.
    pub printed: bool,
}

impl Question {
    /// A question with an empty line.
    pub fn new(asked: &Asked) -> Self {
        let (text, hint) = people::describe_question(asked);
        Self {
            path: asked.path.clone(),
            text,
            hint,
            line: String::new(),
            complaint: None,
            escape: Escape::None,
            partial: Vec::new(),
            printed: false,
        }
    }

    /// Takes bytes of the terminal. What stands behind the end of the line is dropped: it is no answer to a later question.
    pub fn take_bytes(&mut self, bytes: &[u8]) -> Typed {
        for byte in bytes {
            match (self.escape, byte) {
                (Escape::None, 0x1b) => self.escape = Escape::Begun,
                (Escape::Begun, b'[' | b'O') => self.escape = Escape::Inside,
                (Escape::Begun, _) | (Escape::Inside, 0x40..=0x7e) => self.escape = Escape::None,
                (Escape::Inside, _) => {}
                (Escape::None, b'\n' | b'\r') => return Typed::Line(std::mem::take(&mut self.line)),
                (Escape::None, 0x04) if self.line.is_empty() => return Typed::Closed,
                (Escape::None, 0x7f | 0x08) => {
                    self.line.pop();
                }
                // Ctrl-U and Ctrl-W, as shells have them.
                (Escape::None, 0x15) => self.line.clear(),
                (Escape::None, 0x17) => {
                    let kept = self.line.trim_end().rfind(' ').map_or(0, |blank| blank + 1);
                    self.line.truncate(kept);
                }
                (Escape::None, 0..0x20) => {}
                (Escape::None, byte) => self.add_byte(*byte),
            }
        }
        Typed::Unfinished
    }

    fn add_byte(&mut self, byte: u8) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                self.line.push_str(text);
                self.partial.clear();
            }
            // It goes on with the next byte, unless it cannot.
            Err(error) if error.error_len().is_none() => {}
            Err(_) => self.partial.clear(),
        }
    }

    /// Says why a line is no answer.
    pub fn show_complaint(&mut self, why: &str) {
        self.complaint = Some(neutralize_controls(why).into_owned());
    }

    /// All of its text, for the history of the terminal.
    pub fn full_text(&self, color: bool) -> String {
        format!("{} {}", self.head(color), self.text)
    }

    fn head(&self, color: bool) -> String {
        let (cyan, dim, end) = if color { ("\x1b[1;36m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        // Where it is asked stands before what is asked: no text can push it away.
        format!("{cyan}?{end} {dim}({}){end}", self.path)
    }

    /// Its lines, of which the last one is the one that is typed, at most `most` and at least two.
    pub fn lines(&self, width: usize, most: usize, color: bool) -> Vec<String> {
        let (dim, red, end) = if color { ("\x1b[2m", "\x1b[31m", "\x1b[0m") } else { ("", "", "") };
        let plain = format!("? ({}) {}", self.path, self.text);
        let mut lines: Vec<String> = plain.lines().flat_map(|line| wrap_line(line, width)).collect();
        let most = most.saturating_sub(1 + usize::from(self.complaint.is_some())).max(1);
        if lines.len() > most {
            let hidden = lines.len() - most + 1;
            lines.truncate(most - 1);
            lines
                .push(format!("{dim}{}{end}", fit_to_width(&format!("  … {hidden} more lines above the tree"), width)));
        }
        if let Some(first) = lines.first_mut()
            && let Some(rest) = first.strip_prefix(&format!("? ({})", self.path))
        {
            *first = format!("{}{rest}", self.head(color));
        }
        if let Some(complaint) = &self.complaint {
            lines.push(format!(
                "  {red}{}{end}",
                fit_to_width(complaint.lines().next().unwrap_or_default(), width.max(3) - 2)
            ));
        }
        let prompt = fit_to_width(&format!("  {}> ", self.hint), width / 2);
        let room = width.saturating_sub(prompt.chars().count() + 1);
        lines.push(format!("{dim}{prompt}{end}{}", fit_end(&self.line, room)));
        lines
    }

    /// Whether all of its text is shown by [`Question::lines`].
    pub fn fits_screen(&self, width: usize, most: usize) -> bool {
        let plain = format!("? ({}) {}", self.path, self.text);
        plain.lines().map(|line| wrap_line(line, width).len()).sum::<usize>() < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: &str, text: &str) -> Question {
        Question::new(&Asked {
            run: "r".into(),
            path: "main/sure".into(),
            kind: kind.into(),
            question: text.into(),
            options: Vec::new(),
        })
    }

    #[test]
    fn keys_edit_the_line() {
        let mut question = question("ask", "name?");
        for (keys, line) in [
            (&b"Ada"[..], "Ada"),
            (b"\x7f\x08", "A"),
            ("dä".as_bytes(), "Adä"),
            (b" Love lace\x17", "Adä Love "),
            (b"\x1b[A\x1b[3~\x1bOP", "Adä Love "),
            (b"\x15x\x01\x02", "x"),
            (b"\xff", "x"),
        ] {
            assert_eq!(question.take_bytes(keys), Typed::Unfinished, "{keys:?}");
            assert_eq!(question.line, line, "{keys:?}");
        }
        // A character that comes in two pieces.
        let euro = "€".as_bytes();
        question.take_bytes(&euro[..1]);
        question.take_bytes(&euro[1..]);
        assert_eq!(question.take_bytes(b"\nyes\n"), Typed::Line("x€".into()));
        assert_eq!(question.take_bytes(b"\x04"), Typed::Closed);
    }

    #[test]
    fn a_long_question_leaves_room_for_the_answer() {
        let mut question = question("approve", &"a line of the change\n".repeat(50));
        question.take_bytes(b"no, since it is a mistake that nobody would see");
        question.show_complaint("`perhaps` is neither yes nor no");
        let lines = question.lines(30, 8, false);
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 30), "{lines:#?}");
        assert!(lines[0].starts_with("? (main/sure) a line of the ch"), "{lines:#?}");
        assert!(lines[7].starts_with("  yes or no> ") && lines[7].ends_with("would see"), "{lines:#?}");
        assert!(!question.fits_screen(30, 8) && question.fits_screen(30, 200));
    }
}
