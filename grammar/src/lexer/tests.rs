//! Tokens as the grammar sees them.

use super::layout::lay_out_tokens;
use super::scan::Scan;
use crate::token::{Kind, Token};

/// The tokens, each as its text; `↵` ends a line, `⟨…⟩` names what has no telling text.
fn tokens(text: &str) -> String {
    let mut scan = Scan::scan_text(text, 0);
    let tokens = lay_out_tokens(&mut scan);
    let told = tokens.iter().map(|Token(kind, span)| match kind {
        Kind::LineEnd => "↵".to_owned(),
        Kind::RecordBrace => "{:".to_owned(),
        Kind::HoleAs => "⟨as⟩".to_owned(),
        Kind::StrEnd | Kind::HoleEnd if span.start == span.end => format!("⟨{kind:?}⟩"),
        _ => text[span.range()].replace('\n', "\\n"),
    });
    told.collect::<Vec<_>>().join(" ")
}

/// The kinds of the words that are no names.
fn words(text: &str) -> Vec<(String, Kind)> {
    let mut scan = Scan::scan_text(text, 0);
    let tokens = lay_out_tokens(&mut scan);
    let is_word = |token: &&Token| text[token.1.range()].starts_with(char::is_alphabetic);
    let words = tokens.iter().filter(is_word).filter(|token| token.0 != Kind::Number);
    words.map(|token| (text[token.1.range()].to_owned(), token.0)).collect()
}

/// Whether the only word `word` of `text` that counts is a plain name.
fn all_names(text: &str, word: &str) -> bool {
    let found: Vec<_> = words(text).into_iter().filter(|(text, _)| text == word).collect();
    assert!(!found.is_empty(), "{word} in {text}");
    found.iter().all(|(_, kind)| *kind == Kind::Ident)
}

fn body(text: &str) -> String {
    format!("cascade f() {{\n{text}\n}}")
}

/// The tokens of a cascade's body.
fn in_body(text: &str) -> String {
    let all = tokens(&body(text));
    let inside = all.strip_prefix("cascade f ( ) { ").and_then(|all| all.strip_suffix(" }"));
    inside.unwrap().to_owned()
}

#[test]
fn a_line_ends_where_a_statement_can_end() {
    assert_eq!(in_body("a\nb"), "a ↵ b");
    assert_eq!(in_body("a +\nb"), "a + b");
    assert_eq!(in_body("f(\na\nb\n)\nc"), "f ( a b ) ↵ c");
    assert_eq!(in_body("x = [\n1,\n2\n]\ny"), "x = [ 1 , 2 ] ↵ y");
    assert_eq!(in_body("return\nx"), "return ↵ x");
}

#[test]
fn a_line_continues_the_one_before() {
    for next in [
        ".b",
        "?.b",
        "+ b",
        "- b",
        "* b",
        "and b",
        "or b",
        "== b",
        "?? b",
        "as b",
        "< b",
        "> b",
        "else { }",
        "until b",
        "using b",
        "needs [b]",
        "timeout 5m",
        "retry 3",
        "budget 1usd",
        "cache 7d",
        "isolate",
        "on error skip",
        "where b",
        "= b",
        "+= b",
        ", b",
    ] {
        assert!(!in_body(&format!("a\n{next}")).contains('↵'), "{next}");
    }
}

#[test]
fn a_line_does_not_continue_the_one_before() {
    for next in [
        "(b)",
        "[b]",
        "-1",
        "b",
        "\"b\"",
        "on success(x) { }",
        "on failure(e) { }",
        "not b",
        "cache.put(b)",
        "cache = b",
        "branch",
        "..3",
        "|x| x",
        "{ b: c }",
        "if b { }",
        "@once",
    ] {
        assert!(in_body(&format!("a\n{next}")).contains("a ↵"), "{next}");
    }
}

#[test]
fn a_line_break_in_a_windows_file_is_one_too() {
    assert_eq!(in_body("a\r\nb\r\n  .c"), "a ↵ b . c");
}

#[test]
fn arguments_of_types_end_a_line_and_comparisons_do_not() {
    assert_eq!(tokens("type T {\na: list<int>\nb: int\n}"), "type T { a : list < int > ↵ b : int }");
    assert_eq!(in_body("a >\nb"), "a > b");
}

#[test]
fn declarations_collapse_separators() {
    assert_eq!(tokens("enum E {\n\na,\n\nb\n\n\nc }"), "enum E { a , b ↵ c }");
}

#[test]
fn braces_know_what_they_open() {
    assert_eq!(in_body("a = { b: c }"), "a = {: b : c }");
    assert_eq!(in_body("a = { \"b\": c }"), "a = {: \" b \" : c }");
    assert_eq!(in_body("a = { ...c }"), "a = {: ... c }");
    assert_eq!(in_body("a = {}"), "a = {: }");
    assert_eq!(in_body("if a {}"), "if a { }");
    assert_eq!(in_body("if a { b }"), "if a { b }");
    assert_eq!(in_body("a = {\n// why\nb: c }"), "a = {: b : c }");
}

#[test]
fn every_word_is_a_field_a_key_or_an_argument_name() {
    for word in [
        "import", "type", "stage", "if", "for", "in", "true", "null", "not", "and", "as", "on", "using", "retry",
        "cache", "run", "output", "model", "test", "mcp", "fail", "return",
    ] {
        assert!(all_names(&body(&format!("a.{word}")), word), ".{word}");
        assert!(all_names(&body(&format!("a?.{word}.b")), word), "?.{word}");
        assert!(all_names(&body(&format!("a = {{ {word}: b }}")), word), "{word}:");
        assert!(all_names(&body(&format!("a({word}: b)")), word), "({word}:)");
        assert!(all_names(&format!("memory m: global {{\n{word}: int\n}}"), word), "field {word}");
    }
}

#[test]
fn words_that_only_their_place_makes_special_are_names_elsewhere() {
    for word in [
        "output", "max", "min", "run", "test", "model", "branch", "cache", "error", "files", "prompt", "agent", "http",
        "system", "env", "exit", "skip", "fix", "use", "mock", "expect", "then", "times", "idle", "backoff",
        "topology", "network", "discard", "json", "global", "timeout", "retry", "budget",
    ] {
        assert!(all_names(&body(&format!("a = {word}")), word), "= {word}");
        assert!(all_names(&body(&format!("a = f({word}, {word}.b) + {word}[0]")), word), "{word}");
    }
    for word in ["output", "run", "cache", "branch", "model", "test", "max"] {
        assert!(all_names(&body(&format!("a\n{word}.b(c)\n{word} = c")), word), "{word} first");
    }
}

#[test]
fn the_words_of_a_skill_are_special_in_its_body_only() {
    let text = "skill f() -> T {\nrun sh\"x\" in dir\noutput json T\nreturn output.run(exit)\n}";
    let special: Vec<_> = words(text).into_iter().map(|(word, kind)| (kind, word)).collect();
    let kind = |at: usize| (special[at].0, special[at].1.as_str());
    assert_eq!(kind(3), (Kind::LineWord, "run"));
    assert_eq!(kind(8), (Kind::Output, "output"));
    assert_eq!(kind(12), (Kind::Ident, "output"));
    assert_eq!(kind(13), (Kind::Ident, "run"));
    assert_eq!(kind(14), (Kind::Ident, "exit"));
}

#[test]
fn clauses_of_a_stage_need_an_operand() {
    let clause = |text: &str| {
        let words = words(&body(text));
        words.iter().any(|(_, kind)| matches!(kind, Kind::ClauseWord | Kind::ClauseBare))
    };
    assert!(clause("stage a = b() cache 7d"));
    assert!(clause("sandbox a { } branch \"x\""));
    assert!(clause("sandbox a { } branch name"));
    assert!(clause("sandbox a { } discard"));
    assert!(clause("sandbox a { }\ndiscard"));
    assert!(!clause("a\ncache(7)"));
    assert!(!clause("discard(7)"));
}

#[test]
fn ranges_are_no_fractions() {
    assert_eq!(in_body("1..5"), "1 .. 5");
    assert_eq!(in_body("90.. -> a"), "90 .. -> a");
    assert_eq!(in_body("threshold.."), "threshold ..");
    assert_eq!(in_body("1.5"), "1.5");
    assert_eq!(in_body("1.len()"), "1 . len ( )");
    assert_eq!(in_body("1s..30s"), "1s .. 30s");
}

#[test]
fn holes_end_at_the_first_greater_outside_of_brackets() {
    assert_eq!(in_body("\"a$<b>c\""), "\" a $< b > c \"");
    assert_eq!(in_body("\"$<b>=c\""), "\" $< b > =c \"");
    assert_eq!(in_body("\"$<(a > b)>\""), "\" $< ( a > b ) > \"");
    assert_eq!(in_body("\"$<f(\"$<x>\")>\""), "\" $< f ( \" $< x > \" ) > \"");
    assert_eq!(in_body("\"$<x as json>\""), "\" $< x ⟨as⟩ json > \"");
    assert_eq!(in_body("\"$<x as Row>\""), "\" $< x as Row > \"");
    assert_eq!(in_body("\"$<(x as json)>\""), "\" $< ( x as json ) > \"");
    assert_eq!(in_body("\"$$<a> $ $5\""), "\" $$<a> $ $5 \"");
    assert_eq!(in_body("\"\\\"$<a>\""), "\" \\\" $< a > \"");
}

#[test]
fn a_hole_that_is_not_closed_ends_with_its_line() {
    assert_eq!(in_body("\"$<a\nb"), "\" $< a ⟨HoleEnd⟩ ⟨StrEnd⟩ ↵ b");
    assert_eq!(in_body("\"$<a)\"\nb"), "\" $< a ⟨HoleEnd⟩ ) \" ↵ b");
    assert_eq!(in_body("\"\"\"\n$<a\nb\n\"\"\"\nc"), "\"\"\" \\n $< a ⟨HoleEnd⟩ \\nb\\n \"\"\" ↵ c");
    assert_eq!(in_body("\"\"\"$<f(\"\"\"\nc"), "\"\"\" $< f (  ⟨HoleEnd⟩ \"\"\" ↵ c");
}

#[test]
fn a_hole_of_a_text_block_may_go_on() {
    assert_eq!(in_body("\"\"\"\n$<a\n  .b\n>\n\"\"\""), "\"\"\" \\n $< a . b > \\n \"\"\"");
    assert_eq!(in_body("\"\"\"$<f(\na)>\"\"\""), "\"\"\" $< f ( a ) > \"\"\"");
}

#[test]
fn brackets_always_balance() {
    for text in ["(", "(]", "[(", "{(}", "((\n", "\"$<(\n)", "f(\nstage a = b\n}", "\"$<[\"", "sh\"\"\"$<{"] {
        let mut scan = Scan::scan_text(text, 0);
        let mut open = Vec::new();
        for Token(kind, _) in lay_out_tokens(&mut scan) {
            match kind {
                Kind::LParen => open.push(vec![Kind::RParen]),
                Kind::LBracket => open.push(vec![Kind::RBracket]),
                Kind::LBrace | Kind::RecordBrace | Kind::ItemStart => open.push(vec![Kind::RBrace, Kind::ItemEnd]),
                Kind::HoleStart => open.push(vec![Kind::HoleEnd]),
                Kind::StrStart | Kind::CommandStart => open.push(vec![Kind::StrEnd]),
                Kind::RParen | Kind::RBracket | Kind::RBrace | Kind::ItemEnd | Kind::HoleEnd | Kind::StrEnd => {
                    assert!(open.pop().unwrap().contains(&kind), "{text}")
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{text}");
        assert!(!scan.errors.is_empty(), "{text}");
    }
}
