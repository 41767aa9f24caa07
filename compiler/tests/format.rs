//! The formatter's promises: what it prints it prints again, means the same, and keeps every
//! comment in its order.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "format/generate.rs"]
mod generate;

use std::path::PathBuf;

use cascade_compiler::format::format;
use cascade_grammar::parse;
use generate::Generator;
use proptest::prelude::*;

fn files(dir: &str) -> Vec<(PathBuf, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(dir);
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cascade"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

fn formatted(text: &str) -> String {
    let parse = parse(text);
    assert_eq!(parse.errors, [], "{text}");
    format(text, &parse).unwrap()
}

/// A tree without its places.
fn meaning(text: &str) -> String {
    let debug = std::format!("{:?}", parse(text).file);
    let mut out = String::with_capacity(debug.len());
    let mut rest = debug.as_str();
    while let Some(at) = rest.find("Span { start: ") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}').unwrap();
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}

/// The comments. Documentation of nothing is a comment like others.
fn comments(text: &str) -> Vec<String> {
    let parse = parse(text);
    let comments = parse.trivia.comments.iter().map(|comment| &text[comment.span.range()]);
    let plain = |text: &str| match text.strip_prefix("///") {
        Some(rest) if !rest.starts_with('/') => std::format!("//{rest}"),
        _ => text.to_owned(),
    };
    comments.map(plain).collect()
}

/// Compares what may be long: shows only where it differs first.
fn same(what: &str, left: &str, right: &str, text: &str, out: &str) {
    if left != right {
        let at = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
        let around = |text: &str| {
            let text = text.as_bytes();
            let (from, to) = (at.saturating_sub(200), (at + 200).min(text.len()));
            String::from_utf8_lossy(&text[from.min(to)..to]).into_owned()
        };
        std::fs::write(std::env::temp_dir().join("format_from.cascade"), text).unwrap();
        std::fs::write(std::env::temp_dir().join("format_to.cascade"), out).unwrap();
        panic!("{what} differs:\n{}\n---\n{}", around(left), around(right));
    }
}

/// All promises for one text.
fn check(text: &str) -> String {
    let once = formatted(text);
    assert_eq!(parse(&once).errors, [], "from:\n{text}\nto:\n{once}");
    same("the tree", &meaning(text), &meaning(&once), text, &once);
    same("a comment", &comments(text).join("\n"), &comments(&once).join("\n"), text, &once);
    same("the second time", &once, &formatted(&once), text, &once);
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"));
    once
}

/// A body, formatted; both without their indentation.
fn body(text: &str) -> String {
    let out = check(&std::format!("cascade f() {{\n{text}\n}}\n"));
    let inside = out.strip_prefix("cascade f() {\n").unwrap().strip_suffix("\n}\n").unwrap();
    let lines = inside.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_programs_are_in_the_canonical_style() {
    for (path, text) in files("examples/workflows") {
        let out = check(&text);
        assert_eq!(out, text, "{}", path.display());
    }
}

#[test]
fn the_standard_library_keeps_the_promises() {
    for (_, text) in files("stdlib/std") {
        check(&text);
    }
}

#[test]
fn every_construct_has_one_style() {
    let out = check(include_str!("format/everything.cascade"));
    let expected = include_str!("format/everything.formatted.cascade");
    same("the style", expected, &out, "", &out);
}

#[test]
fn a_text_with_errors_is_left_alone() {
    let text = "type T {";
    assert_eq!(format(text, &parse(text)), None);
}

/// Found by fuzzing: it became the documentation of the file, and was no comment any more.
#[test]
fn documentation_of_nothing_stays_a_comment() {
    assert_eq!(check("///! of nothing\n"), "///! of nothing\n");
    assert_eq!(check("/// of nothing\n"), "// of nothing\n");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\n\n"), "");
    assert_eq!(formatted("// only"), "// only\n");
    assert_eq!(formatted("\n//! doc\n\n\n\n// c\n\n"), "//! doc\n\n// c\n");
}

#[test]
fn spaces_and_separators_are_canonical() {
    assert_eq!(check("type  T{a:int,b:list< int >?=null}"), "type T { a: int, b: list<int>? = null }\n");
    assert_eq!(check("type T {\n a: int,\n\n\n b: int }"), "type T {\n  a: int\n\n  b: int\n}\n");
    assert_eq!(check("enum E { a,\n b {x:int} }"), "enum E { a, b { x: int } }\n");
    assert_eq!(check("enum E {\n a, b }"), "enum E {\n  a\n  b\n}\n");
    assert_eq!(check("import a.b{c as d,e,}as f"), "import a.b { c as d, e } as f\n");
    assert_eq!(body("let x=-a*( b+c )as T??not d"), "let x = -a * (b + c) as T ?? not d");
    assert_eq!(body("let x = f( a,b:c, )[ 0 ]?.d"), "let x = f(a, b: c)[0]?.d");
    assert_eq!(body("let f = | a,b |{c:a,...b}"), "let f = |a, b| { c: a, ...b }");
    assert_eq!(body("let x = 1_000 + 0.50usd"), "let x = 1_000 + 0.50usd");
}

#[test]
fn declarations_stand_apart_and_imports_together() {
    assert_eq!(
        check("import a\nimport b\n\n\nimport c\ntype T { a: int }\n// c\ntype U { a: int }"),
        "import a\nimport b\n\nimport c\n\ntype T { a: int }\n\n// c\ntype U { a: int }\n"
    );
}

#[test]
fn records_and_lists_stay_broken_and_calls_do_not() {
    assert_eq!(body("let x = {\na: 1, b: 2}"), "let x = {\n  a: 1,\n  b: 2,\n}");
    assert_eq!(body("let x = { a: 1,\n b: 2}"), "let x = { a: 1, b: 2 }");
    assert_eq!(body("let x = [\n1]"), "let x = [\n  1,\n]");
    assert_eq!(body("let x = f(\na,\nb\n)"), "let x = f(a, b)");
    assert_eq!(body("let x = f(a, {\nb: 1})"), "let x = f(a, {\n  b: 1,\n})");
    assert_eq!(body("let x = f({\nb: 1}, a)"), "let x = f(\n  {\n    b: 1,\n  },\n  a,\n)");
}

#[test]
fn what_is_too_long_breaks() {
    let a = "a".repeat(60);
    assert_eq!(body(&std::format!("let x = f({a}, {a})")), std::format!("let x = f(\n  {a},\n  {a},\n)"));
    assert_eq!(body(&std::format!("let x = [{a}, {a}]")), std::format!("let x = [\n  {a},\n  {a},\n]"));
    assert_eq!(
        body(&std::format!("let x = f(b, {{ c: {a}, d: {a} }})")),
        std::format!("let x = f(b, {{\n  c: {a},\n  d: {a},\n}})")
    );
    assert_eq!(body(&std::format!("let x = {a} + {a} - b")), std::format!("let x = {a}\n  + {a}\n  - b"));
    assert_eq!(
        body(&std::format!("let x = b.c.d({a}).e.f({a})")),
        std::format!("let x = b.c\n  .d({a})\n  .e\n  .f({a})").replace("\n  .e\n", ".e\n")
    );
    assert_eq!(
        body(&std::format!("let x = b.map(|c| {{ d: {a}, e: {a} }})")),
        std::format!("let x = b.map(|c| {{\n  d: {a},\n  e: {a},\n}})")
    );
    assert_eq!(
        check(&std::format!("skill f({a}: int, b: int = {a}) -> int {{ prompt \"x\" }}")),
        std::format!("skill f(\n  {a}: int,\n  b: int = {a},\n) -> int {{\n  prompt \"x\"\n}}\n")
    );
    assert_eq!(body(&std::format!("stage x = f({a}, b) using {a}")), std::format!("stage x = f({a}, b)\n  using {a}"));
}

#[test]
fn clauses_stand_on_their_lines() {
    assert_eq!(body("stage a = b() using c timeout 5m idle 3s"), "stage a = b() using c\n  timeout 5m idle 3s");
    assert_eq!(body("stage a = b()\nusing c"), "stage a = b()\n  using c");
    assert_eq!(body("sandbox a { b }\ndiscard"), "sandbox a {\n  b\n}\n  discard");
    assert_eq!(
        body("sandbox  a network [ \"b.org\",\"*.c.org:8443\" ] as d { e }"),
        "sandbox a network [\"b.org\", \"*.c.org:8443\"] as d {\n  e\n}"
    );
    assert_eq!(body("sandbox a { b } branch \"x\""), "sandbox a {\n  b\n} branch \"x\"");
    assert_eq!(
        check("cascade f() -> int budget 1usd timeout 3m { }"),
        "cascade f() -> int\n  budget 1usd\n  timeout 3m\n{}\n"
    );
}

#[test]
fn options_of_an_effect_stand_further_in() {
    assert_eq!(
        check("skill f() -> T { needs [a]\nrun sh\"x\" in dir exit [0,1]\noutput json T\nreturn output }"),
        "skill f() -> T {\n  needs [a]\n  run sh\"x\" in dir exit [0, 1]\n    output json T\n  return output\n}\n"
    );
}

#[test]
fn blocks_break_and_values_of_an_if_may_not() {
    assert_eq!(
        body("if a { log b } else if c { log d } else { log e }"),
        "if a {\n  log b\n} else if c {\n  log d\n} else {\n  log e\n}"
    );
    assert_eq!(body("let x = if a { b } else { c }"), "let x = if a { b } else { c }");
    assert_eq!(body("let x = if a {\nb } else { c }"), "let x = if a {\n  b\n} else {\n  c\n}");
    assert_eq!(body("match a { b -> c, _ if d -> { e } }"), "match a {\n  b -> c\n  _ if d -> {\n    e\n  }\n}");
    assert_eq!(body("for a in b parallel max 3 { }"), "for a in b parallel max 3 {}");
}

#[test]
fn text_blocks_move_as_one() {
    assert_eq!(
        body("log \"\"\"\n        a\n          $< b >\n\n        c\n        \"\"\""),
        "log \"\"\"\n  a\n    $<b>\n\n  c\n  \"\"\""
    );
    assert_eq!(body("f(a, \"\"\"\n b\n \"\"\")"), "f(a, \"\"\"\n  b\n  \"\"\")");
    assert_eq!(body("let x = { a: \"\"\"\n b\n \"\"\" }"), "let x = {\n  a: \"\"\"\n    b\n    \"\"\",\n}");
    assert_eq!(body("log \"\"\"a\n  b\"\"\""), "log \"\"\"a\n  b\"\"\"");
    assert_eq!(body("log \"a $< b . c ( d ) as json >\""), "log \"a $<b.c(d) as json>\"");
}

#[test]
fn comments_stay_where_they_stand() {
    for text in [
        "// before\nlog a // behind\n\n// at the end",
        "let x = [\n  // one\n  1, // two\n\n  // three\n  2,\n  // four\n]",
        "f(\n  a, // one\n  // two\n  b,\n)",
        "stage a = b() // one\n  // two\n  using c // three",
        "match a {\n  // one\n  b -> c // two\n  // three\n}",
        "if a {\n  // nothing yet\n}",
        "/// documented\nstage a = b()",
    ] {
        assert_eq!(body(text), text);
    }
    // A comment inside of what stands on one line goes to its end.
    assert_eq!(body("let x = a + // one\n  b"), "let x = a + b // one");
    assert_eq!(body("let x = a + // one\n  b // two"), "let x = a + b // one\n// two");
    assert_eq!(
        check("// a\n\n// b\n/// doc\n// c\n@once // d\n// e\nskill f( // f\n  a: int,\n) -> int { // g\n  prompt \"x\" // h\n  // i\n}\n// j\n"),
        "// a\n\n// b\n/// doc\n// c\n@once // d\n// e\nskill f(\n  // f\n  a: int,\n) -> int {\n  // g\n  prompt \"x\" // h\n  // i\n}\n\n// j\n"
            .replace("}\n\n// j", "}\n// j")
    );
}

#[test]
fn deep_programs_are_printed_on_a_small_stack() {
    let run = || {
        let n = 200;
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("f(a, ", ")"),
            ("{ a: ", "}"),
            ("|x| ", ""),
            ("not ", ""),
            ("xs.map(|x| ", ")"),
            ("if a { ", " }"),
            ("match a {\n_ -> {\n", "\n}\n}"),
        ] {
            let text = std::format!("let x = {}a{}", open.repeat(n / 2), close.repeat(n / 2));
            body(&text);
            let sum = std::format!("let x = a{}", " + a.b(c)".repeat(n));
            body(&sum);
            let chain = std::format!("let x = a{}", ".b(c)".repeat(n / 2));
            body(&chain);
            let holes = std::format!("log {}a{}", "\"$<".repeat(n / 4), ">\"".repeat(n / 4));
            body(&holes);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// What a text has of the tree.
fn constructs(text: &str, seen: &mut std::collections::BTreeSet<String>) {
    let debug = std::format!("{:?}", parse(text).file);
    for word in debug.split(|c: char| !c.is_alphanumeric()) {
        if word.starts_with(char::is_uppercase) {
            seen.insert(word.to_owned());
        }
    }
}

/// The generator knows the language: what the programs of every kind have, its programs have.
#[test]
fn generated_programs_have_every_construct() {
    let mut wanted = std::collections::BTreeSet::new();
    constructs(include_str!("format/everything.cascade"), &mut wanted);
    let mut seen = std::collections::BTreeSet::new();
    let mut state = 1u64;
    for _ in 0..600 {
        let mut bytes = Vec::new();
        for _ in 0..400 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push((state >> 33) as u8);
        }
        constructs(&Generator::new(&bytes).program(), &mut seen);
    }
    let missing: Vec<&String> = wanted.iter().filter(|word| !seen.contains(*word)).collect();
    // Lines of skills that all look alike, and names and texts of that program.
    let rare = [
        "SkillFile",
        "Temperature",
        "MaxTokens",
        "Tools",
        "Attach",
        "Value",
        "Stdin",
        "TokenBudget",
        "Cache",
        "X",
        "A",
        "B",
        "NAME",
        "T",
        "Deploy",
        "Id",
        "Outcome",
        "SKILL",
    ];
    let missing: Vec<_> = missing.into_iter().filter(|word| !rare.contains(&word.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Texts to start from.
fn seeds() -> Vec<String> {
    let mut seeds: Vec<_> = files("examples/workflows").into_iter().map(|(_, text)| text).collect();
    seeds.extend(files("stdlib/std").into_iter().map(|(_, text)| text));
    seeds.push(include_str!("format/everything.cascade").to_owned());
    seeds
}

/// Changes that mostly keep a program readable.
fn mutate(text: &mut String, how: u8, at: prop::sample::Index) {
    let spaces: Vec<usize> = text.match_indices([' ', '\n']).map(|(at, _)| at).collect();
    if spaces.is_empty() {
        return;
    }
    let at = *at.get(&spaces);
    match how {
        0 => text.replace_range(at..=at, "\n"),
        1 => text.replace_range(at..=at, " "),
        2 => text.insert_str(at, " // c1\n"),
        3 => text.insert_str(at, "\n// c2\n"),
        4 => text.insert_str(at, "\n\n\n"),
        5 => text.insert_str(at, "\n\n  // c3\n\n"),
        6 => {
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            text.insert_str(end, " // c4");
        }
        7 => text.insert_str(at, "    "),
        8 => text.insert_str(at, &std::format!(" {} ", "long_name_".repeat(9))),
        9 => {
            let open = text[at..].find(['{', '[', '(']).map(|open| at + open + 1);
            open.into_iter().for_each(|open| text.insert(open, '\n'));
        }
        10 => text.insert_str(at, "\n/// doc\n"),
        _ => {
            let comma = text[at..].find(',').map(|comma| at + comma + 1);
            comma.into_iter().for_each(|comma| text.insert_str(comma, " // c5\n"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        max_global_rejects: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn promises_hold_for_mutated_programs(
        seed in any::<prop::sample::Index>(),
        edits in prop::collection::vec((0..12u8, any::<prop::sample::Index>()), 1..6),
    ) {
        let seeds = seeds();
        let mut text = seed.get(&seeds).clone();
        for (how, at) in edits {
            let before = text.clone();
            mutate(&mut text, how, at);
            if !parse(&text).errors.is_empty() {
                text = before;
            }
        }
        check(&text);
    }

    #[test]
    fn promises_hold_for_generated_programs(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&Generator::new(&bytes).program());
    }

    #[test]
    fn promises_hold_for_generated_expressions(text in expression()) {
        let text = std::format!("cascade f() {{\n  let x = {text}\n}}\n");
        prop_assume!(parse(&text).errors.is_empty());
        check(&text);
    }
}

/// Expressions of all shapes and lengths, with line breaks where an author may put them.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "some_name",
        "another_quite_long_name",
        "1",
        "0.5",
        "5m",
        "1usd",
        "null",
        "\"text\"",
        "\"a $<b.c> d\"",
        "sh\"ls $<dir>\"",
        "{}",
        "[]",
        "\"\"\"\n  one\n    two $<a>\n  \"\"\"",
    ]);
    let gap = prop::sample::select(vec!["", "", "", "\n", " // c\n", "\n// d\n"]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 60, 4, move |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (list.clone(), gap.clone()).prop_map(|(items, gap)| std::format!("[{gap}{}{gap}]", items.join(", "))),
            (list.clone(), gap.clone()).prop_map(|(items, gap)| {
                let fields: Vec<_> = items.iter().map(|item| std::format!("key: {item}")).collect();
                std::format!("{{{gap}{}{gap}}}", fields.join(&std::format!(",{gap}")))
            }),
            (list.clone(), gap.clone()).prop_map(|(items, gap)| std::format!("call({gap}{}{gap})", items.join(", "))),
            (inner.clone(), list, gap.clone()).prop_map(|(base, items, gap)| {
                std::format!("({base}){gap}.method({}).other(last: {})", items.join(","), items[0])
            }),
            (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*", "and", "??", "=="]))
                .prop_map(|(a, b, op)| std::format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|body| std::format!("xs.map(|x| {body})")),
            (inner.clone(), inner.clone(), gap.clone())
                .prop_map(|(a, b, gap)| { std::format!("(if a {{{gap} {a} }} else {{ {b} {gap}}})") }),
            inner.clone().prop_map(|a| std::format!("(not {a} as list<T>?)")),
            inner.clone().prop_map(|a| std::format!("\"$<({a})>\"")),
            inner.prop_map(|a| std::format!("(match x {{ 1.. -> {a}\n _ -> {{\n {a}\n }} }})")),
        ]
    })
}
