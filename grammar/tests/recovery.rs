//! What people really type wrong: one error for each mistake, and the tree is kept.

#![allow(clippy::unwrap_used, clippy::panic)]

use cascade_grammar::ast::{ExprKind, ItemKind, StmtKind};
use cascade_grammar::{Parse, SyntaxErrorKind, parse};

/// The errors, each as `line: what`.
fn errors(text: &str) -> Vec<String> {
    let parse = parse(text);
    let line = |at: u32| text[..at as usize].matches('\n').count() + 1;
    let told = parse.errors.iter().map(|error| {
        let what = match &error.kind {
            SyntaxErrorKind::Unexpected { found, expected } => {
                format!("{found}, not {}", expected.join(" or "))
            }
            SyntaxErrorKind::Unclosed { open, .. } => format!("unclosed {open}"),
            SyntaxErrorKind::Unopened(c) => format!("unopened {c}"),
            SyntaxErrorKind::ReservedWord(word) => format!("reserved {word}"),
            SyntaxErrorKind::Other { message, .. } | SyntaxErrorKind::Foreign { message, .. } => message.clone(),
            SyntaxErrorKind::BadNumber(why) => why.clone(),
            SyntaxErrorKind::BadEscape(escape) => format!("escape {escape}"),
            SyntaxErrorKind::UnknownCharacter(c) => format!("character {c}"),
            kind => format!("{kind:?}"),
        };
        format!("{}: {what}", line(error.span.start))
    });
    told.collect()
}

/// The errors of a cascade's body, whose first line is line 1.
fn in_body(text: &str) -> Vec<String> {
    errors(&format!("cascade f() {{ {text}\n}}\nskill ok() -> int {{ prompt \"x\" }}\n"))
}

fn item_kinds(parse: &Parse) -> Vec<&'static str> {
    let kind = |item: &cascade_grammar::ast::Item| match item.kind {
        ItemKind::Cascade(_) => "cascade",
        ItemKind::Skill(_) => "skill",
        ItemKind::Type(_) => "type",
        ItemKind::Error => "error",
        _ => "other",
    };
    parse.file.items.iter().map(|item| kind(item)).collect()
}

#[test]
fn ten_mistakes_are_ten_errors() {
    let text = "cascade f(a: int) -> int {
  let a =
  let = 3
  stage x y = f()
  stage z = f(a b)
  if a { log }
  let q = [1 2]
  log \"a $<b\"
  gate a ==
  log x.
  stage match = g()
}
";
    let lines: Vec<_> = errors(text);
    let numbers: Vec<_> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(numbers, ["2", "3", "4", "5", "6", "7", "8", "9", "10", "11"], "{lines:#?}");
}

#[test]
fn an_unfinished_statement_is_told_at_its_own_line() {
    assert_eq!(in_body("let a =\nlet b = 1"), ["1: the end of the line, not an expression"]);
    assert_eq!(in_body("gate a ==\nreturn 1"), ["1: the end of the line, not an expression"]);
}

#[test]
fn a_dot_keeps_its_receiver() {
    for text in ["x.\nlet y = 1", "x.", "x?.\nlet y = 1"] {
        assert_eq!(in_body(text).len(), 1, "{text}");
    }
    let parse = parse("cascade f() {\n  let y = x.\n  let z = 1\n}\n");
    let ItemKind::Cascade(cascade) = &parse.file.items[0].kind else { panic!() };
    assert_eq!(cascade.body.stmts.len(), 2);
    let StmtKind::Let { value, .. } = &cascade.body.stmts[0].kind else { panic!() };
    let ExprKind::Field { receiver, name, .. } = &value.kind else { panic!("{value:?}") };
    assert!(matches!(&receiver.kind, ExprKind::Name(name) if name.text == "x"));
    assert_eq!(name.text, "");
}

#[test]
fn brackets_that_are_not_closed_are_blamed_where_they_open() {
    assert_eq!(in_body("stage x = g(a, b\nstage y = h(c)"), ["1: unclosed ("]);
    assert_eq!(in_body("let x = [1, 2\nlet y = 3"), ["1: unclosed ["]);
    assert_eq!(in_body("let x = [(1, 2]\nlet y = 3"), ["1: unclosed ("]);
    assert_eq!(in_body("let x = { a: 1\nlet y = 3"), ["1: unclosed {"]);
    assert_eq!(in_body("stage x = g(1, { a: 1\nlet y = 3"), ["1: unclosed ("]);
    assert_eq!(in_body("let x = f((1, [2\n"), ["1: unclosed ("]);
    assert_eq!(in_body("let x = 1)\nlet y = 3"), ["1: unopened )"]);
    let text = "cascade f() {\n  if x {\n    log \"a\"\n  return 1\n}\nskill g() -> int { prompt \"x\" }\n";
    assert_eq!(errors(text), ["2: unclosed {"]);
    assert_eq!(item_kinds(&parse(text)), ["cascade", "skill"]);
    let text = "skill f(a: int -> string { prompt \"a\" }\ntype T { a: int }\n";
    assert_eq!(errors(text), ["1: unclosed ("]);
}

#[test]
fn one_brace_too_many_is_one_error() {
    let text = "cascade f() {\n  let x = 1 }\n  let y = 2\n}\nskill g() -> int { prompt \"x\" }\n";
    assert_eq!(errors(text).len(), 1, "{:?}", errors(text));
    assert_eq!(errors("type T { a: int }\n}\ntype U { a: int }"), ["2: unopened }"]);
}

#[test]
fn strings_that_are_not_closed_end_with_their_line() {
    assert_eq!(in_body("log \"abc\nlet y = 3").len(), 1);
    assert_eq!(in_body("stage x = g(\"abc, b)\nstage y = h(c)").len(), 1);
    assert_eq!(in_body("let x = { a: \"abc }\nlet y = 3").len(), 1);
    assert_eq!(in_body("let x = sh\"abc\nlet y = 3").len(), 1);
}

#[test]
fn a_text_block_without_end_stops_at_the_next_declaration() {
    let text = "cascade f() {\n  log \"\"\"\n    hello\n  stage y = h(c)\n}\n\ntype T { a: int }\n";
    assert_eq!(errors(text), ["2: UnterminatedBlock { before: 33 }"]);
    assert_eq!(item_kinds(&parse(text)), ["cascade", "type"]);
}

#[test]
fn holes_that_are_not_closed_are_one_error() {
    for text in [
        "log \"a $<b c\"\nlet y = 3",
        "log f(\"$<name\", other)\nlet y = 3",
        "log h(\"$<x)\")\nlet y = 3",
        "log \"\"\"\n  a $<b\n  c ) d }\n  \"\"\"\nlet y = 3",
        "log \"\"\"\n  a $<f(b\n  c ( d {\n  \"\"\"\nlet y = 3",
    ] {
        assert_eq!(in_body(text).len(), 1, "{text}: {:?}", in_body(text));
        assert!(in_body(text)[0].contains("UnterminatedHole"), "{text}");
    }
    assert_eq!(in_body("log \"$<>\""), ["1: the end of the hole, not an expression"]);
}

#[test]
fn fields_without_a_type_are_told_one_by_one() {
    let text = "type T {\n  a int\n  b:\n  c: list<int\n  d: string?\n  e: int =\n}\n";
    assert_eq!(
        errors(text),
        [
            "2: `int`, not `:`",
            "3: the end of the line, not a type",
            "4: the end of the line, not `>` or `,`",
            "6: the end of the line, not an expression",
        ]
    );
    let parse = parse(text);
    let ItemKind::Type(decl) = &parse.file.items[0].kind else { panic!() };
    let names: Vec<_> = decl.fields.iter().map(|field| field.name.text.as_str()).collect();
    assert_eq!(names, ["b", "c", "d", "e"]);
}

#[test]
fn lines_of_a_skill_recover() {
    let text = "skill f() -> X {\n  prompt\n  run sh\"x\" exit 3\n  foo bar\n  needs reasoning\n  output json X\n}\n";
    assert_eq!(
        errors(text),
        [
            "2: the end of the line, not an expression",
            "3: `3`, not `[`",
            "4: `foo`, not a line of a skill or `}` or the end of the line",
            "5: `needs` is followed by a list",
        ]
    );
}

#[test]
fn clauses_recover_and_keep_the_stage() {
    let text = "cascade f() -> int\n  bugdet 5usd\n{\n  stage x = f() timeot 5m\n  stage y = g() timeout 5m idel 3s\n  stage z = h() using\n  return 3\n}\n";
    let numbers: Vec<_> = errors(text).iter().map(|line| line[..1].to_owned()).collect();
    assert_eq!(numbers, ["2", "4", "5", "6"]);
    let parse = parse(text);
    let ItemKind::Cascade(cascade) = &parse.file.items[0].kind else { panic!() };
    let stages = cascade.body.stmts.iter().filter(|stmt| matches!(stmt.kind, StmtKind::Stage { .. }));
    assert_eq!(stages.count(), 3);
}

#[test]
fn heads_of_blocks_recover() {
    for text in [
        "if x y { a }\nlet z = 1",
        "for x of xs { a }\nlet z = 1",
        "for in xs { a }\nlet z = 1",
        "parallel foo {\n  stage a = b()\n}\nlet z = 1",
        "while x { a }\nlet z = 1",
        "match x {\n  a 1\n  b -> 2\n}\nlet z = 1",
        "repeat 3 {\n  a\n} until b\nlet z = 1",
        "swarm max {\n  stage a = b()\n}\nlet z = 1",
        "if a { b } else c\nlet z = 1",
        "on failur(e) { }",
    ] {
        assert_eq!(in_body(text).len(), 1, "{text}: {:?}", in_body(text));
    }
}

#[test]
fn other_languages_are_understood() {
    for (text, said) in [
        ("let x = 1;", "1: a statement ends with its line"),
        ("let x = a && b", "1: `&&` is not an operator"),
        ("let x = a || b", "1: `||` is not an operator"),
        ("let x = !a", "1: `!` is not an operator"),
        ("let x = 'a'", "1: strings are written in double quotes"),
        ("# hello", "1: `#` begins no comment"),
        ("match x { a => 1 }", "1: `=>` is not an arrow"),
        ("let x = a < b < c", "1: comparisons do not chain"),
    ] {
        assert_eq!(in_body(text), [said], "{text}");
    }
}

#[test]
fn reserved_words_are_no_names() {
    assert_eq!(in_body("let match = 3"), ["1: reserved match"]);
    assert_eq!(in_body("stage stage = f()"), ["1: reserved stage"]);
    assert_eq!(errors("skill if() -> int { prompt \"a\" }"), ["1: reserved if"]);
    assert_eq!(errors("enum E { a, for, b }"), ["1: reserved for"]);
    assert_eq!(errors("fn f(match: int) -> int = 3"), ["1: reserved match"]);
}

#[test]
fn declarations_recover() {
    let text = "foo bar\nimport\nimport a.\nmodel x\ntype T { a: int }\n@\nskill f() -> int { prompt \"x\" }\n";
    let numbers: Vec<_> = errors(text).iter().map(|line| line[..1].to_owned()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "6"], "{:?}", errors(text));
    let kinds = item_kinds(&parse(text));
    assert!(kinds.contains(&"type") && kinds.contains(&"skill"), "{kinds:?}");
}

#[test]
fn numbers_are_judged() {
    for (text, said) in [
        ("99999999999999999999", "1: the number is too large"),
        ("9999999999999999d", "1: the number is too large"),
        ("99999999999999usd", "1: the amount is too large"),
        ("0.1234567usd", "1: an amount of money has six decimals at most"),
        ("1.5h", "1: a duration is a whole number of its unit; write `1h30m` for an hour and a half"),
        ("5x", "1: unknown unit `x`; the units are `ms`, `s`, `m`, `h`, `d` and `usd`"),
        ("1__0", "1: `_` stands between digits"),
        ("\"\\q\"", "1: escape \\q"),
        ("\"\\u{110000}\"", "1: escape \\u{110000}"),
        ("`", "1: character `"),
    ] {
        assert_eq!(in_body(&format!("let x = {text}"))[..1], [said], "{text}");
    }
}

#[test]
fn tests_recover() {
    let text = "test \"x\" {\n  mock a 3\n  mock b ->\n  run\n  expect stage x\n  foo\n  run f()\n}\n";
    let numbers: Vec<_> = errors(text).iter().map(|line| line[..1].to_owned()).collect();
    assert_eq!(numbers, ["2", "3", "4", "5", "6"], "{:?}", errors(text));
}

#[test]
fn no_more_than_four_things_are_expected() {
    for text in ["let x = (", "x y", "cascade", "stage", "type T { a: int b }", "f(1 2)", "[1 2"] {
        for error in parse(&format!("cascade f() {{\n{text}\n}}")).errors {
            if let SyntaxErrorKind::Unexpected { expected, .. } = error.kind {
                assert!((1..=4).contains(&expected.len()), "{text}: {expected:?}");
            }
        }
    }
}

#[test]
fn a_text_that_the_last_byte_opens_is_never_closed() {
    for text in ["fn a() -> string = \"", "import \"", "fn a() -> command = sh\"", "fn a() -> string = \"x $<\""] {
        assert!(!cascade_grammar::parse(text).errors.is_empty(), "{text}");
    }
}

/// Broken declarations with one mistake each.
const BROKEN: &[&str] = &[
    "fn a(x: int -> int = 1",
    "fn b(y int) -> int = 2",
    "fn c() -> int =",
    "fn (y: int) -> int = 2",
    "fn d() int = 4",
    "fn e() -> list<int = []",
    "fn f() -> int = (1 + 2",
    "fn g() -> = 2",
    "fn h() -> int = [1, 2",
    "fn i() -> string = \"open",
    "fn i() -> string = \"open $<x\"",
    "fn j(x: int) -> int { x + }",
    "type T { x int }",
    "type { x: int }",
    "type T { x: int",
    "type T = ",
    "enum E { a b }",
    "enum E { a, b { x: int }",
    "enum { a }",
    "model m { provider openai }",
    "model m { provider: openai",
    "route r { a - b }",
    "route r { a -> best_of [x, y by cost }",
    "memory m: run { a: int",
    "memory m { a: int = 1 }",
    "import std.models { auto",
    "import { auto }",
    "import std.",
    "skill s(a: string {\n  run sh\"x\"\n}",
    "skill s(a: string) -> {\n  run sh\"x\"\n}",
    "skill s() {\n  run\n}",
    "skill s() {\n  prompt \"\"\"\n    hello\n}",
    "skill s() {\n  needs [a\n  prompt \"x\"\n}",
    "skill s() {\n  http get\n}",
    "cascade k( {\n  return 2\n}",
    "cascade k() {\n  let = 3\n}",
    "cascade k() {\n  stage x y = f()\n}",
    "cascade k() {\n  let x = [1, 2\n}",
    "cascade k() {\n  let x = f(1, 2\n  log \"a\"\n}",
    "cascade k() {\n  if a {\n    log \"a\"\n}",
    "cascade k()\n  let x = 1\n}",
    "cascade k() {\n  let x = { a: 1, b 2 }\n}",
    "cascade k() {\n  for x xs {\n    log \"a\"\n  }\n}",
    "test \"t\" {\n  run k(\n}",
    "@once(",
];

#[test]
fn a_broken_declaration_hides_no_mistake_of_the_next() {
    let whole = "fn whole() -> int = 1";
    let mut wrong = Vec::new();
    for first in BROKEN {
        if parse(&format!("{first}\n{whole}\n")).errors.len() != 1 {
            wrong.push(format!("{first:?} alone: {:?}", errors(&format!("{first}\n{whole}\n"))));
            continue;
        }
        for second in BROKEN {
            if first.contains("\"\"\"") && second.contains("\"\"\"") {
                // These quotes come in pairs again.
                continue;
            }
            let text = format!("{first}\n{second}\n{whole}\n");
            let found = parse(&text).errors;
            let border = first.len() as u32;
            let of_first = found.iter().filter(|e| e.span.start <= border).count();
            if found.len() != 2 || of_first != 1 {
                wrong.push(format!("{first:?} then {second:?}: {:?}", errors(&text)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} pairs\n{}", wrong.len(), wrong.join("\n"));
}

/// Found by generated programs: `>` ended a type, and the clause was taken for a name after a
/// comparison.
#[test]
fn clauses_follow_the_arguments_of_a_type() {
    for result in ["list<int>", "map<list<int>>", "list<int>?", "int"] {
        for gap in [" ", "\n  "] {
            let text = format!("cascade f() -> {result}{gap}timeout 5m{gap}retry 2{gap}{{\n  return a > timeout\n}}\n");
            assert_eq!(cascade_grammar::parse(&text).errors, [], "{text}");
        }
    }
}
