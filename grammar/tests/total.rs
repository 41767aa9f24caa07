//! `parse` is total: whatever the text, it gives a tree, soon, and its errors point into the text.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use cascade_grammar::ast::{File, ItemKind};
use cascade_grammar::{Parse, SyntaxErrorKind, TokenClass, parse};
use proptest::prelude::*;

fn programs() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/workflows");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cascade"));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What every parse keeps.
fn check(text: &str) -> Parse {
    let parse = parse(text);
    let mut last = 0;
    for error in &parse.errors {
        let range = error.span.range();
        assert!(range.start <= range.end && range.end <= text.len(), "{error:?}");
        assert!(text.is_char_boundary(range.start), "{error:?}");
        assert!(text.is_char_boundary(range.end), "{error:?}");
        assert!(range.start >= last, "not sorted: {:?}", parse.errors);
        last = range.start;
    }
    for comment in &parse.trivia.comments {
        assert!(text[comment.span.range()].starts_with("//"), "{comment:?}");
    }
    assert!(parse.trivia.comments.is_sorted_by_key(|comment| comment.span.start));
    for token in &parse.tokens {
        assert!(text.get(token.span().range()).is_some(), "{token:?}");
    }
    assert!(parse.tokens.is_sorted_by_key(|token| token.span().start));
    for item in &parse.file.items {
        assert!(item.span.end as usize <= text.len(), "{item:?}");
        if parse.errors.is_empty() {
            assert!(!matches!(item.kind, ItemKind::Error), "an error that nobody told");
        }
    }
    parse
}

/// Where the pieces of a text lie that a mutation moves about: words, numbers, signs.
fn pieces(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut pieces = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        if c.is_alphanumeric() {
            while let Some((at, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                end = at + c.len_utf8();
            }
        }
        if !c.is_whitespace() || c == '\n' {
            pieces.push(start..end);
        }
    }
    pieces
}

const SOUP: &[&str] = &[
    "import", "type", "enum", "model", "route", "mcp", "skill", "fn", "memory", "cascade", "test", "stage", "let",
    "var", "if", "else", "match", "for", "in", "repeat", "until", "parallel", "swarm", "sandbox", "gate", "fail",
    "log", "return", "on", "on error", "not", "and", "where", "as", "as?", "using", "needs", "timeout", "retry",
    "budget", "cache", "branch", "discard", "isolate", "fix", "use", "skip", "escalate", "prompt", "agent", "run",
    "http", "output", "exit", "env", "mock", "expect", "then", "times", "max", "x", "y", "T", "list<", "(", ")", "[",
    "]", "{", "}", "{ a: ", ",", ":", ".", "?.", "..", "...", "->", "=", "+=", "|", "@", "?", "??", "<", ">", ">=",
    "-", "+", "==", "1", "2.5", "5m", "1usd", "true", "null", "\"", "\"a\"", "\"\"\"", "sh\"", "$<", "\"$<",
    "\"$<x>\"", "\\", "$$<", "// c\n", "/// d\n", "//! e\n", "\n", "\n", "\n  ", "\r\n", "é", "😀", ";", "&&", "'",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text(text in ".{0,200}") {
        check(&text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn token_soup(words in prop::collection::vec(prop::sample::select(SOUP), 0..80), glue in any::<bool>()) {
        check(&words.join(if glue { "" } else { " " }));
    }

    #[test]
    fn mutated_programs(
        program in 0..9usize,
        edits in prop::collection::vec((0..3u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let mut text = programs().swap_remove(program);
        for (how, first, second) in edits {
            let pieces = pieces(&text);
            let (a, b) = (first.get(&pieces).clone(), second.get(&pieces).clone());
            match how {
                0 => text.replace_range(a, ""),
                1 => {
                    let copy = format!(" {} ", &text[a.clone()]);
                    text.insert_str(a.end, &copy);
                }
                _ => {
                    let (copy_a, copy_b) = (text[a.clone()].to_owned(), text[b.clone()].to_owned());
                    if a.end <= b.start {
                        text.replace_range(b, &copy_a);
                        text.replace_range(a, &copy_b);
                    }
                }
            }
        }
        check(&text);
    }

    #[test]
    fn cut_programs(program in 0..9usize, at in any::<prop::sample::Index>()) {
        let text = programs().swap_remove(program);
        let mut at = at.index(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        check(&text[..at]);
    }
}

#[test]
fn the_place_of_a_mistake_does_not_spread() {
    // A mistake in one item leaves all the others as they are.
    for text in programs() {
        let whole = parse(&text);
        let broken = parse(&format!("{text}\ncascade broken() {{\n  let x = (1 2\n  ) }} stage\n"));
        let kept = broken.file.items.iter().zip(&whole.file.items);
        assert!(broken.file.items.len() > whole.file.items.len());
        assert!(kept.clone().all(|(a, b)| a == b));
    }
}

/// Parses on a small stack, in a time that only a linear parser keeps.
fn deep(name: &str, text: String) -> (File, Vec<SyntaxErrorKind>) {
    let name = name.to_owned();
    let run = move || {
        let start = Instant::now();
        let parse = check(&text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
        // What walks over the tree may recurse.
        let copy = parse.file.clone();
        assert!(copy == parse.file);
        assert!(!format!("{copy:?}").is_empty());
        (copy, parse.errors.into_iter().map(|error| error.kind).collect())
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
    thread.join().unwrap()
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    const N: usize = 100_000;
    let body = |text: String| format!("cascade f() {{\n  let x = {text}\n}}\n");
    let cases = [
        ("parentheses", body(format!("{}1{}", "(".repeat(N), ")".repeat(N)))),
        ("open parentheses", body("(".repeat(N))),
        ("brackets", body("[".repeat(N))),
        ("braces", body("{".repeat(N))),
        ("records", body("{ a: ".repeat(N))),
        ("mixed", body("([{".repeat(N))),
        ("calls", body("f(".repeat(N))),
        ("holes", body("\"$<".repeat(N))),
        ("holes on lines", body("\"$<\n".repeat(N))),
        ("text blocks", body("\"\"\"$<".repeat(N))),
        ("sums", body(format!("1{}", "+1".repeat(N)))),
        ("coalescing", body(format!("a{}", " ?? a".repeat(N)))),
        ("fields", body(format!("a{}", ".b".repeat(N)))),
        ("indexes", body(format!("a{}", "[0]".repeat(N)))),
        ("casts", body(format!("a{}", " as T".repeat(N)))),
        ("nots", body(format!("{} a", "not ".repeat(N)))),
        ("minuses", body(format!("{} a", "-".repeat(N)))),
        ("lambdas", body(format!("{} a", "|x| ".repeat(N)))),
        ("ifs", body("if ".repeat(N))),
        ("else ifs", body(format!("if a {{ }}{}", " else if a { }".repeat(N)))),
        ("nested ifs", body("if a { ".repeat(N))),
        ("matches", body("match ".repeat(N))),
        ("fors", body("for x in ".repeat(N))),
        ("types", body("a as list<".repeat(N))),
        ("lists of lists", format!("type T = {}int{}", "list<".repeat(N), ">".repeat(N))),
        ("marks", format!("type T = int{}", " ?".repeat(N))),
        ("record types", format!("type T = {}", "{ a: ".repeat(N))),
        ("less", body("a < ".repeat(N))),
        ("blocks", format!("cascade f() {{\n{}", "parallel {\n".repeat(N))),
        ("events", format!("cascade f() {{\n{}", "on cancel {\n".repeat(N))),
        ("sandboxes", body("sandbox ".repeat(N))),
        ("closers", ")]}".repeat(N)),
        ("openers and other closers", format!("{}{}", "(".repeat(N), "}".repeat(N))),
        ("attributes", "@a(".repeat(N)),
        ("words", "foo ".repeat(N)),
        ("blank lines in a hole", body(format!("\"\"\"$<{}", "\n".repeat(N)))),
    ];
    for (name, text) in cases {
        let (_, errors) = deep(name, text);
        assert!(!errors.is_empty(), "{name}");
        let deep = errors.iter().filter(|error| **error == SyntaxErrorKind::TooDeep).count();
        assert!(deep <= 3, "{name}: {deep}");
    }
}

#[test]
fn what_is_too_deep_is_told_once() {
    let sum = format!("cascade f() {{\n  let x = 1{}\n}}\n", " + 1".repeat(1_000));
    assert_eq!(parse(&sum).errors.len(), 1);
    assert_eq!(parse(&sum).errors[0].kind, SyntaxErrorKind::TooDeep);
    let parens = format!("cascade f() {{\n  let x = {}1{}\n  let y = 2\n}}\n", "(".repeat(1_000), ")".repeat(1_000));
    assert_eq!(parse(&parens).errors.len(), 1, "{:?}", parse(&parens).errors);
    let chain = format!("cascade f() {{\n  if a {{ }}{}\n}}\n", " else if a { }".repeat(1_000));
    assert_eq!(parse(&chain).errors.len(), 1);
}

#[test]
fn what_is_not_too_deep_is_read() {
    let parens = format!("cascade f() {{\n  let x = {}1{}\n}}\n", "(".repeat(200), ")".repeat(200));
    assert_eq!(parse(&parens).errors, []);
    let sum = format!("cascade f() {{\n  let x = 1{}\n}}\n", " + 1".repeat(200));
    assert_eq!(parse(&sum).errors, []);
}

#[test]
fn twice_the_text_takes_twice_the_time_at_most_four_times() {
    let mistakes = |count: usize| format!("cascade f() {{\n{}}}\n", "  let x = (1 2\n".repeat(count));
    let time = |text: &str| {
        let runs = (0..3).map(|_| {
            let start = Instant::now();
            check(text);
            start.elapsed()
        });
        runs.min().unwrap()
    };
    let (small, large) = (time(&mistakes(2_000)), time(&mistakes(16_000)));
    assert!(large < small * 8 * 4, "{small:?} {large:?}");
}

/// Whether a part of a text is only white space and comments.
fn is_trivia(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with("//"))
}

#[test]
fn tokens_and_comments_are_the_whole_text() {
    for text in programs() {
        let parse = check(&text);
        let mut end = 0;
        for token in &parse.tokens {
            let range = token.span().range();
            assert!(end <= range.start, "{token:?} overlaps the token before");
            assert!(is_trivia(&text[end..range.start]), "{:?} is in no token", &text[end..range.start]);
            end = range.end;
        }
        assert!(is_trivia(&text[end..]));
    }
}

#[test]
fn the_class_of_a_word_depends_on_its_place() {
    let text = "skill s(prompt: text) -> text {\n  prompt \"a $<prompt> b\"\n}\n";
    let parse = check(text);
    let classes = |word: &str| -> Vec<TokenClass> {
        let tokens = parse.tokens.iter().filter(|token| &text[token.span().range()] == word);
        tokens.map(|token| token.class()).collect()
    };
    assert_eq!(classes("prompt"), [TokenClass::Name, TokenClass::Keyword, TokenClass::Name]);
    assert_eq!(classes("skill"), [TokenClass::Keyword]);
    assert_eq!(classes("text"), [TokenClass::Name, TokenClass::Name]);
    assert_eq!(classes("$<"), [TokenClass::Hole]);
    assert_eq!(classes("a "), [TokenClass::StringText]);
    assert_eq!(classes("\""), [TokenClass::Quote, TokenClass::Quote]);
}
