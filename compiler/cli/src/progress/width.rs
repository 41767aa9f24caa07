//! Texts cut to the columns of a terminal, in which a character may take none, one or two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a text without control characters.
pub fn count_columns(text: &str) -> usize {
    text.width()
}

/// The beginning of a text that fits.
pub fn fit_to_width(text: &str, width: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|letter| {
            used += letter.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// The end of a text that fits.
pub fn fit_end(text: &str, width: usize) -> String {
    let mut used = 0;
    let kept: Vec<char> = text
        .chars()
        .rev()
        .take_while(|letter| {
            used += letter.width().unwrap_or(0);
            used <= width
        })
        .collect();
    kept.into_iter().rev().collect()
}

/// A line in pieces that fit; at least one.
pub fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in line.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide > width.max(2) {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!((fit_to_width("日本語", 5), fit_end("日本語", 4)), ("日本".into(), "本語".into()));
        assert_eq!(wrap_line("日本語ab", 4), ["日本", "語ab"]);
        assert_eq!(wrap_line("", 4), [""]);
        assert_eq!(count_columns("日e\u{301}"), 3);
    }
}
