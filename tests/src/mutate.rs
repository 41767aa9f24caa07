//! Damaged programs: incomplete texts as in an editor while somebody types, and worse.

/// A kind of damage. Positions and counts are taken modulo the number of tokens.
#[derive(Debug, Clone)]
pub enum Damage {
    /// Removes some tokens from a place on.
    Delete(usize, usize),
    /// Writes some tokens twice.
    Duplicate(usize, usize),
    /// Swaps two tokens.
    Swap(usize, usize),
    /// Puts a text before a token.
    Insert(usize, String),
    /// Ends the text at a token.
    Truncate(usize),
}

/// Applies damages to a text, one after the other.
pub fn apply_damages(text: &str, damages: &[Damage]) -> String {
    let mut tokens: Vec<&str> = tokens(text);
    for damage in damages {
        let n = tokens.len();
        if n == 0 {
            break;
        }
        match damage {
            Damage::Delete(at, count) => {
                let at = at % n;
                tokens.drain(at..(at + count % 8 + 1).min(n));
            }
            Damage::Duplicate(at, count) => {
                let at = at % n;
                let part: Vec<&str> = tokens[at..(at + count % 8 + 1).min(n)].to_vec();
                tokens.splice(at..at, part);
            }
            Damage::Swap(a, b) => tokens.swap(a % n, b % n),
            Damage::Insert(at, text) => tokens.insert(at % n, text),
            Damage::Truncate(at) => tokens.truncate(at % n),
        }
    }
    tokens.concat()
}

/// Words, spaces and single signs; together they are the text.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut found = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|b| b != kind(c) || b == 2) {
            found.push(&text[start..at]);
            start = at;
        }
        before = Some(kind(c));
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_done_where_it_says() {
        let text = "let a = b.c";
        assert_eq!(tokens(text).concat(), text);
        assert_eq!(apply_damages(text, &[Damage::Delete(0, 1)]), "a = b.c");
        assert_eq!(apply_damages(text, &[Damage::Swap(2, 6)]), "let b = a.c");
        assert_eq!(apply_damages(text, &[Damage::Truncate(3)]), "let a");
        assert_eq!(apply_damages(text, &[Damage::Insert(0, "x ".into()), Damage::Duplicate(0, 0)]), "x x let a = b.c");
    }
}
