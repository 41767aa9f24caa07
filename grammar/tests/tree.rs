//! What the tree says of a text.

#![allow(clippy::unwrap_used, clippy::panic)]

use cascade_grammar::ast::*;
use cascade_grammar::parse;

/// The only statement of a cascade's body.
fn stmt(text: &str) -> Stmt {
    let text = format!("cascade f() {{\n{text}\n}}\n");
    let parse = parse(&text);
    assert_eq!(parse.errors, [], "{text}");
    let ItemKind::Cascade(cascade) = parse.file.items[0].kind.clone() else { panic!() };
    let [stmt] = <[Stmt; 1]>::try_from(cascade.body.stmts).unwrap();
    stmt
}

/// The value of `let x = …`.
fn expr(text: &str) -> Expr {
    match stmt(&format!("let x = {text}")).kind {
        StmtKind::Let { value, .. } => value,
        kind => panic!("{kind:?}"),
    }
}

/// The text that a string means; holes are `<>`.
fn string(text: &str) -> String {
    let (ExprKind::Str(literal) | ExprKind::Command(literal)) = expr(text).kind else { panic!() };
    let part = |part: &StrPart| match part {
        StrPart::Text { text, .. } => text.clone(),
        StrPart::Hole { .. } => "<>".to_owned(),
    };
    literal.parts.iter().map(part).collect()
}

/// An expression with all its parentheses.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Name(name) => name.text.to_string(),
        ExprKind::Unary(op, value) => format!("({op:?} {})", grouped(value)),
        ExprKind::Binary(left, op, right) => {
            format!("({} {op:?} {})", grouped(left), grouped(right))
        }
        ExprKind::Cast { value, optional, .. } => {
            format!("({} as{})", grouped(value), if *optional { "?" } else { "" })
        }
        ExprKind::Paren(value) => format!("[{}]", grouped(value)),
        ExprKind::Field { receiver, name, safe } => {
            format!("{}{}.{}", grouped(receiver), if *safe { "?" } else { "" }, name.text)
        }
        ExprKind::Call { callee, args, .. } => format!("{}({})", grouped(callee), args.len()),
        kind => panic!("{kind:?}"),
    }
}

/// The tree without its spans.
fn tree(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:#?}");
    let mut kept = String::new();
    let mut skip = 0;
    for line in text.lines() {
        if skip > 0 {
            skip -= 1;
        } else if line.trim_start().ends_with("span: Span {") {
            skip = 3;
        } else if !line.trim_start().starts_with("depth: ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn operators_bind_as_documented() {
    for (text, meant) in [
        ("a + b * c - d", "((a Add (b Mul c)) Sub d)"),
        ("a ?? b or c and d == e", "(a Coalesce (b Or (c And (d Eq e))))"),
        ("a == b and c or d ?? e", "((((a Eq b) And c) Or d) Coalesce e)"),
        ("not a == b and c", "((Not (a Eq b)) And c)"),
        ("a and not b or c", "((a And (Not b)) Or c)"),
        ("not not a", "(Not (Not a))"),
        ("-a * b", "((Neg a) Mul b)"),
        ("a - -b", "(a Sub (Neg b))"),
        ("-a as T + b", "((Neg (a as)) Add b)"),
        ("a * b as? T", "(a Mul (b as?))"),
        ("a.b as T as U", "((a.b as) as)"),
        ("a % b / c", "((a Rem b) Div c)"),
        ("a < b", "(a Lt b)"),
        ("(a >= b) != c", "([(a Ge b)] Ne c)"),
        ("a?.b(c).d", "a?.b(1).d"),
        ("a ?? b ?? c", "((a Coalesce b) Coalesce c)"),
        ("x as list<int> ?? y", "((x as) Coalesce y)"),
        ("x as int < 5", "((x as) Lt 5)"),
    ] {
        assert_eq!(grouped(&expr(text)), meant, "{text}");
    }
}

#[test]
fn numbers_have_units() {
    let kind = |text: &str| expr(text).kind;
    assert_eq!(kind("1_000"), ExprKind::Int(1_000));
    assert_eq!(kind("0.5"), ExprKind::Float(0.5));
    assert_eq!(kind("250ms"), ExprKind::Duration(250));
    assert_eq!(kind("30s"), ExprKind::Duration(30_000));
    assert_eq!(kind("5m"), ExprKind::Duration(300_000));
    assert_eq!(kind("2h"), ExprKind::Duration(7_200_000));
    assert_eq!(kind("7d"), ExprKind::Duration(604_800_000));
    assert_eq!(kind("3usd"), ExprKind::Money(3_000_000));
    assert_eq!(kind("0.50usd"), ExprKind::Money(500_000));
    assert_eq!(kind("0.000001usd"), ExprKind::Money(1));
    assert_eq!(kind("9223372036854775807"), ExprKind::Int(i64::MAX));
}

#[test]
fn escapes_are_resolved() {
    assert_eq!(string(r#""a\n\t\r\\\"\0\u{e9}b""#), "a\n\t\r\\\"\0éb");
    assert_eq!(string(r#""$$<a> $x $5 $$ $$$<""#), "$<a> $x $5 $$ $$<");
    assert_eq!(string(r#""a $<b> c""#), "a <> c");
    assert_eq!(string(r#""""#), "");
    assert_eq!(string("\"\"\"\n  a \\\"\"\" b\n  \"\"\""), "a \"\"\" b");
}

#[test]
fn backslashes_of_a_command_belong_to_the_shell() {
    assert_eq!(string(r#"sh"grep \"a\\.b\" \n '\$x'""#), r#"grep "a\\.b" \n '\$x'"#);
    assert_eq!(string("sh\"\"\"\n  a \\\n    \\\"b\\\"\n  \"\"\""), "a \\\n  \\\"b\\\"");
    assert_eq!(string(r#"sh"echo $$<x $HOME""#), "echo $<x $HOME");
}

#[test]
fn the_common_indentation_of_a_block_is_removed() {
    assert_eq!(string("\"\"\"\n    a\n      b\n\n    c\n    \"\"\""), "a\n  b\n\nc");
    assert_eq!(string("\"\"\"\n    a\n  \"\"\""), "  a");
    assert_eq!(string("\"\"\"\n    $<a>\n      $<b>\n    \"\"\""), "<>\n  <>");
    assert_eq!(string("\"\"\"a\n  b\"\"\""), "a\nb");
    assert_eq!(string("\"\"\"\"\"\""), "");
    assert_eq!(string("\"\"\"\n\"\"\""), "");
    assert_eq!(string("\"\"\"\n  \"\"\""), "");
    assert_eq!(string("\"\"\"\n\n  \"\"\""), "");
    assert_eq!(string("\"\"\"\n  a\n\n  \"\"\""), "a\n");
    assert_eq!(string("\"\"\"\r\n  a\r\n  b\r\n  \"\"\""), "a\nb");
    assert_eq!(string("\"\"\"\n  a $<f(\nx)> b\n  \"\"\""), "a <> b");
    assert_eq!(string("\"\"\"\n  a $<b>\n  \"\"\""), "a <>");
}

#[test]
fn a_hole_has_a_format_or_a_cast() {
    let hole = |text: &str| {
        let ExprKind::Str(literal) = expr(text).kind else { panic!() };
        match literal.parts.into_iter().next().unwrap() {
            StrPart::Hole { expr, format, .. } => (expr.kind, format.map(|name| name.text)),
            part => panic!("{part:?}"),
        }
    };
    assert!(matches!(hole("\"$<a as json>\""), (ExprKind::Name(_), Some(format)) if format == "json"));
    assert!(matches!(hole("\"$<a as Row>\""), (ExprKind::Cast { .. }, None)));
    assert!(matches!(hole("\"$<(a as json)>\""), (ExprKind::Paren(_), None)));
    assert!(matches!(hole("\"$<a as Row as text>\""), (ExprKind::Cast { .. }, Some(_))));
}

#[test]
fn documentation_finds_its_place() {
    let text = "//! the file\n// plain\n/// the item\n@once\n/// too\ntype T {\n  /// a field\n  a: int // trailing\n  b: int /// not documentation\n}\n/// lost\n";
    let parse = parse(text);
    assert_eq!(parse.errors, []);
    assert_eq!(parse.file.docs[0].text, "the file");
    let item = &parse.file.items[0];
    let docs = |docs: &[DocLine]| docs.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    assert_eq!(docs(&item.docs), ["the item", "too"]);
    let ItemKind::Type(decl) = &item.kind else { panic!() };
    assert_eq!(docs(&decl.fields[0].docs), ["a field"]);
    let comments: Vec<_> = parse.trivia.comments.iter().map(|c| (&text[c.span.range()], c.own_line)).collect();
    assert_eq!(
        comments,
        [("// plain", true), ("// trailing", false), ("/// not documentation", false), ("/// lost", true)]
    );
}

#[test]
fn documentation_where_none_can_stand_is_a_comment() {
    let text = "cascade f() {\n  /// of the stage\n  stage a = b(\n    /// of nothing\n    c,\n  )\n  /// nor here\n  return a\n}\n";
    let parse = parse(text);
    assert_eq!(parse.errors, []);
    let ItemKind::Cascade(cascade) = &parse.file.items[0].kind else { panic!() };
    assert_eq!(cascade.body.stmts[0].docs.len(), 1);
    let comments: Vec<_> = parse.trivia.comments.iter().map(|c| &text[c.span.range()]).collect();
    assert_eq!(comments, ["/// of nothing", "/// nor here"]);
}

#[test]
fn lines_and_blank_lines_are_known() {
    let text = "\u{feff}type T {\r\n  a: int\r\n\r\n  b: int\r\n}\r\n  \nfn f() -> string = \"\"\"\n\n  \"\"\"\n";
    let parse = parse(text);
    assert_eq!(parse.errors, []);
    let starts: Vec<_> = text.match_indices('\n').map(|(at, _)| at as u32 + 1).collect();
    assert_eq!(parse.trivia.line_starts[0], 0);
    assert_eq!(parse.trivia.line_starts[1..], starts);
    // The blank line in the text block is text.
    let blank: Vec<_> = parse.trivia.blank_lines.iter().map(|at| starts.binary_search(at).unwrap() + 2).collect();
    assert_eq!(blank, [3, 6]);
}

#[test]
fn skills() {
    let text = r#"
skill fetch(url: string, max: int = 3) -> list<Row>? {
  attach files "src/**" in repo
  attach files
  http get "https://x.y/$<url>" { headers: { "X-A": "b" } }
    exit [0, 200..299] output json { rows: list<Row> }
  return output.rows
}
"#;
    let parse = parse(text);
    assert_eq!(parse.errors, []);
    insta::assert_snapshot!(tree(&parse.file.items[0].kind));
}

#[test]
fn tests_of_the_language() {
    let text = r#"
test "limits" {
  mock std.review fails (rate_limited) times 1 then -> { score: 70 }
  mock a -> {}
  run f(repo: "./a")
  expect stage one.two skipped
  expect result.score >= 50
}
"#;
    let parse = parse(text);
    assert_eq!(parse.errors, []);
    insta::assert_snapshot!(tree(&parse.file.items[0].kind));
}

#[test]
fn stages_and_their_clauses() {
    let stage = stmt(
        "@once\nstage x: T? = f(a, max: 3) using [b, c] timeout 5m idle 60s retry 3 backoff 1s..30s \
         cache 7d isolate needs [d]\n on error (timed_out) use e\n on error fix using g max 3\n \
         on error fallback h(1)\n on error escalate \"?\"\n on error skip\n on error redistribute\n \
         on error fail",
    );
    insta::assert_snapshot!(tree(&stage));
}

#[test]
fn patterns() {
    let value = stmt(
        "match x {\n 90.. -> 1\n ..10 -> 2\n a..b -> 3\n -5 -> 4\n passed { score: s, why } if s > 5 -> { log why }\n _ -> { a: 1 }, null -> 5\n}",
    );
    insta::assert_snapshot!(tree(&value.kind));
}
