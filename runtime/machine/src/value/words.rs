//! Commands that a person gives as text: `--input 'suite=pytest -q'`.

use super::command::{Arg, Command, CommandPart, ScriptPart};

/// Characters that mean something to a shell outside of quotes, beside blanks and quotes.
const OF_SHELLS: &str = "|&;<>()$`*?[]#~={}!\n";

/// The command that a text says: plain words, or a script of the shell.
pub fn command_of_text(text: &str) -> Command {
    match plain_words(text) {
        Some(words) => {
            Command::Direct(words.into_iter().map(|word| vec![CommandPart::Text(Arg::plain(word))]).collect())
        }
        None => Command::Shell { parts: vec![ScriptPart::Text(text.into())], stop_on_error: true },
    }
}

/// The words of a text without anything that only a shell understands; `None` when there is such a thing.
fn plain_words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '$' | '`' | '\\' => return None,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            // In an argument `=` is a character like others.
            c if OF_SHELLS.contains(c) && (c != '=' || words.is_empty()) => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::plain_words;

    fn words(text: &str) -> Option<Vec<String>> {
        plain_words(text)
    }

    #[test]
    fn plain_words_are_read_as_a_shell_does() {
        assert_eq!(words("pytest -q").unwrap(), ["pytest", "-q"]);
        assert_eq!(words("a 'b c' \"d e\"f g\\ h ''").unwrap(), ["a", "b c", "d ef", "g h", ""]);
        assert_eq!(words("make CC=gcc").unwrap(), ["make", "CC=gcc"]);
    }

    #[test]
    fn what_needs_a_shell_is_no_list_of_words() {
        for text in ["a | b", "a; b", "CC=gcc make", "a $b", "a \"$b\"", "a > b", "a 'b", "a *.txt", "", "   "] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
