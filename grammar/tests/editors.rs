//! The grammars of `editors/` have every word of the lexer. `tests/editors/run.sh` compares them over whole programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

const WORDS: &str = include_str!("../src/lexer/words.rs");
const LALRPOP: &str = include_str!("../src/cascade.lalrpop");
const TEXTMATE: &str = include_str!("../../editors/textmate/cascade.tmLanguage.json");
const TREE_SITTER: &str = include_str!("../../editors/tree-sitter/grammar.js");
const HIGHLIGHTS: &str = include_str!("../../editors/tree-sitter/queries/highlights.scm");

/// The words in quotes between two places of a text.
fn quoted_words<'t>(text: &'t str, from: &str, to: &str) -> BTreeSet<&'t str> {
    let part = text.split_once(from).unwrap_or_else(|| panic!("`{from}` is gone")).1;
    let part = part.split_once(to).unwrap_or_else(|| panic!("`{to}` is gone")).0;
    part.split('"').skip(1).step_by(2).collect()
}

/// The words of the lexer's tables but the formats of holes, and those that the grammar expects as names.
fn language_words() -> BTreeSet<&'static str> {
    let mut words = BTreeSet::from(["discard", "exclusive", "cache", "branch"]);
    for table in ["fn word_meaning", "fn item_keyword", "fn skill_line", "fn test_line", "fn error_action"] {
        words.extend(quoted_words(WORDS, table, "\n}"));
    }
    // Line by line: the grammar has other words in quotes.
    for line in LALRPOP.lines().filter(|line| line.contains("expect_word")) {
        words.extend(quoted_words(line, "&[", "]"));
    }
    words
}

fn parts_of(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

#[test]
fn every_word_is_in_the_grammars_of_editors() {
    let words = language_words();
    assert!(words.len() > 70, "{words:?}");
    // In a regular expression `\b` would be the first letter of the word after it.
    let textmate = TEXTMATE.replace("\\\\b", " ").replace("\\\\s", " ");
    for (name, text) in [("textmate", textmate.as_str()), ("grammar.js", TREE_SITTER), ("highlights.scm", HIGHLIGHTS)] {
        let known = parts_of(text);
        let missing: Vec<_> = words.iter().filter(|word| !known.contains(*word)).collect();
        // A constant is one node, and coloured as one.
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|word| name != "highlights.scm" || !["true", "false", "null"].contains(word))
            .collect();
        assert!(missing.is_empty(), "{name} does not know {missing:?}");
    }
}
