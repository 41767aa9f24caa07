//! The language reference is complete: it mentions every keyword and built-in name of the compiler, and its page of the
//! grammar is generated from the current grammar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use cascade_tests::{grammar_page, programs::repository_root};

fn read_file(path: &str) -> String {
    fs::read_to_string(repository_root().join(path)).unwrap()
}

#[test]
fn the_page_of_the_grammar_is_current() {
    let page: PathBuf = repository_root().join("docs/reference/grammar.md");
    let wanted = grammar_page::write_page(&read_file("grammar/src/cascade.lalrpop"));
    if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
        fs::write(&page, &wanted).unwrap();
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    let stale = "docs/reference/grammar.md is stale: CASCADE_WRITE_DOCS=1 cargo test -p cascade-tests --test reference";
    assert!(found == wanted, "{stale}");
    // The page has neither actions nor names of parts.
    assert!(!wanted.contains("=>") && !wanted.contains("tree."));
    for rule in ["File", "Declaration", "Stmt", "Clause", "Expr", "Pattern"] {
        assert!(wanted.contains(&format!("\n{rule}\n  = ")), "{rule} is missing");
    }
    assert!(wanted.contains("\"stage\" Name (\":\" Type)? \"=\" Expr Clause*"), "{wanted}");
}

/// Words in quotes between two places of a source file.
fn quoted_words(file: &str, from: &str, to: &str) -> Vec<String> {
    let text = read_file(file);
    let part = text.split_once(from).unwrap_or_else(|| panic!("{file}: `{from}` is gone")).1;
    let part = part.split_once(to).unwrap_or_else(|| panic!("{file}: `{to}` is gone")).0;
    part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Words in the code of the pages: between backquotes, and in fences.
fn words_in_code() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for page in ["README.md", "tour.md", "values.md", "declarations.md", "statements.md"] {
        let text = read_file(&format!("docs/reference/{page}")).replace("```", "`");
        let code = text.split('`').skip(1).step_by(2);
        words.extend(code.flat_map(|c| c.split(|c: char| !c.is_alphanumeric() && c != '_')).map(str::to_owned));
    }
    words
}

#[test]
fn every_keyword_and_name_is_in_the_reference() {
    let mut wanted = quoted_words("grammar/src/lexer/words.rs", "match word {", "\n}");
    wanted.extend(quoted_words("grammar/src/lexer/words.rs", "fn skill_line", "\n}"));
    wanted.extend(quoted_words("grammar/src/lexer/words.rs", "fn test_line", "\n}"));
    wanted.extend(quoted_words("grammar/src/lexer/words.rs", "fn error_action", "\n}"));
    wanted.extend(quoted_words("grammar/src/lexer/words.rs", "fn is_hole_format", "\n}"));
    wanted.extend(quoted_words("compiler/src/builtins.rs", "const LIST", "pub(crate) fn"));
    wanted.extend(quoted_words("compiler/src/body/error_kind.rs", "const KINDS", "];"));
    wanted.extend(quoted_words("compiler/src/declare/models.rs", "const PROVIDERS", "];"));
    wanted.extend(quoted_words("compiler/src/builtins.rs", "const PERSON", ";"));
    let attributes = quoted_words("compiler/src/checks/attributes.rs", "const ATTRIBUTES", "];");
    wanted.extend(attributes.into_iter().filter(|word| !word.contains(' ') && !word.is_empty()));
    assert!(wanted.len() > 150, "only {} words were found", wanted.len());
    let known = words_in_code();
    let word = |w: &&String| w.chars().all(|c| c.is_alphanumeric() || c == '_') && !w.is_empty();
    let missing: BTreeSet<&String> = wanted.iter().filter(word).filter(|w| !known.contains(*w)).collect();
    assert!(missing.is_empty(), "the reference does not say {missing:?}");
}
