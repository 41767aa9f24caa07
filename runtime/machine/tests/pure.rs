//! Pure evaluation: operators and built-ins, by example.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::{Builtin as B, *};
use cascade_machine::{Failure, to_json};
use serde_json::{Value as Json, json};
use support::{mock::*, *};

fn eval(expr: Expr) -> Result<Json, Box<Failure>> {
    let program = Make::new().main(8, vec![ret(expr)]);
    Mock::new(&program, |_| Reply::Never).run().map(|v| to_json(&v))
}

fn float(x: f64) -> Expr {
    Expr::Const(Const::Float(x))
}

fn null() -> Expr {
    Expr::Const(Const::Null)
}

/// JSON as a literal.
fn lit(json: Json) -> Expr {
    match json {
        Json::Null => null(),
        Json::Bool(b) => flag(b),
        Json::Number(n) => n.as_i64().map_or_else(|| float(n.as_f64().unwrap()), int),
        Json::String(s) => text(&s),
        Json::Array(items) => list(items.into_iter().map(lit).collect()),
        Json::Object(fields) => Expr::Map(fields.into_iter().map(|(k, v)| MapEntry::Entry(k.into(), lit(v))).collect()),
    }
}

fn lambda(params: u32, body: Expr) -> Expr {
    Expr::Lambda((0..params).map(Slot).collect(), Box::new(body))
}

fn twice() -> Expr {
    lambda(1, binary(BinaryOp::Mul, slot(0), int(2)))
}

fn odd() -> Expr {
    lambda(1, binary(BinaryOp::Eq, binary(BinaryOp::Rem, slot(0), int(2)), int(1)))
}

#[test]
fn operators() {
    use BinaryOp::*;
    for (op, a, b, wanted) in [
        (Add, int(1), int(2), json!(3)),
        (Div, int(-7), int(2), json!(-3)),
        (Rem, int(-7), int(2), json!(-1)),
        (Add, int(1), float(0.5), json!(1.5)),
        (Add, text("a"), text("b"), json!("ab")),
        (Add, lit(json!([1])), lit(json!([2])), json!([1, 2])),
        (Add, lit(json!({ "a": 1, "b": 1 })), lit(json!({ "b": 2 })), json!({ "a": 1, "b": 2 })),
        (Add, ms(1_000), ms(500), json!("1s500ms")),
        (Mul, usd(500_000), int(3), json!(1.5)),
        (Mul, int(3), usd(500_000), json!(1.5)),
        (Mul, ms(1_000), float(1.5), json!("1s500ms")),
        (Div, ms(3_000), ms(2_000), json!(1.5)),
        (Div, usd(1_000_000), int(4), json!(0.25)),
        (Lt, text("a"), text("b"), json!(true)),
        (Ge, int(2), float(2.0), json!(true)),
        (Eq, lit(json!([{ "a": 1 }])), list(vec![record(&[("a", float(1.0)), ("b", null())])]), json!(true)),
        (Ne, int(1), text("1"), json!(true)),
    ] {
        assert_eq!(eval(binary(op, a.clone(), b.clone())).unwrap(), wanted, "{op:?} {a:?} {b:?}");
    }
    for (op, a, b, message) in [
        (Add, int(i64::MAX), int(1), "integer overflow: 9223372036854775807 + 1"),
        (Mul, int(i64::MIN), int(-1), "integer overflow: -9223372036854775808 * -1"),
        (Div, int(i64::MIN), int(-1), "integer overflow: -9223372036854775808 / -1"),
        (Div, int(1), int(0), "division by zero"),
        (Rem, float(1.0), float(0.0), "division by zero"),
        (Div, ms(1), ms(0), "division by zero"),
        (Mul, float(1e300), float(1e300), "overflow: the result is not a finite number"),
        (Mul, usd(i64::MAX), int(2), "overflow: the amount does not fit"),
    ] {
        let failure = eval(binary(op, a, b)).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Failed, message));
        assert_eq!(failure.place, Some(place(5)));
    }
    assert!(eval(Expr::Neg(Box::new(int(i64::MIN)), place(1))).is_err());
}

#[test]
fn built_ins_of_lists() {
    let l = || lit(json!([3, 1, 2, 3]));
    let words = || lit(json!(["b", "a", "b"]));
    for (builtin, args, wanted) in [
        (B::Len, vec![l()], json!(4)),
        (B::IsEmpty, vec![lit(json!([]))], json!(true)),
        (B::Map, vec![l(), twice()], json!([6, 2, 4, 6])),
        (B::Filter, vec![l(), odd()], json!([3, 1, 3])),
        (B::FlatMap, vec![l(), lambda(1, list(vec![slot(0), slot(0)]))], json!([3, 3, 1, 1, 2, 2, 3, 3])),
        (B::Flatten, vec![lit(json!([[1], [], [2]]))], json!([1, 2])),
        (B::Any, vec![l(), odd()], json!(true)),
        (B::All, vec![l(), odd()], json!(false)),
        (B::Count, vec![l(), odd()], json!(3)),
        (B::Find, vec![lit(json!([2, 4])), odd()], json!(null)),
        (B::Reduce, vec![l(), int(10), lambda(2, add(slot(0), slot(1)))], json!(19)),
        (B::Sort, vec![words()], json!(["a", "b", "b"])),
        (B::SortBy, vec![l(), lambda(1, Expr::Neg(Box::new(slot(0)), place(1)))], json!([3, 3, 2, 1])),
        (B::Reverse, vec![l()], json!([3, 2, 1, 3])),
        (B::GroupBy, vec![l(), odd()], json!({ "true": [3, 1, 3], "false": [2] })),
        (B::First, vec![lit(json!([]))], json!(null)),
        (B::Last, vec![l()], json!(3)),
        (B::Take, vec![l(), int(2)], json!([3, 1])),
        (B::Take, vec![l(), int(-5)], json!([])),
        (B::Skip, vec![l(), int(9)], json!([])),
        (B::Join, vec![words(), text(", ")], json!("b, a, b")),
        (B::Sum, vec![l()], json!(9)),
        (B::Sum, vec![lit(json!([]))], json!(0)),
        (B::SumFrom, vec![lit(json!([])), float(0.0)], json!(0.0)),
        (B::SumFrom, vec![list(vec![usd(1), usd(2)]), usd(0)], json!(0.000003)),
        (B::Avg, vec![l()], json!(2.25)),
        (B::Avg, vec![lit(json!([]))], json!(null)),
        (B::ListMin, vec![l()], json!(1)),
        (B::ListMax, vec![l()], json!(3)),
        (B::MaxBy, vec![words(), lambda(1, call(B::Len, vec![slot(0)]))], json!("b")),
        (B::Contains, vec![l(), int(2)], json!(true)),
        (B::IndexOf, vec![l(), int(7)], json!(null)),
        (
            B::Unique,
            vec![list(vec![int(1), float(1.0), text("1"), lit(json!({ "a": 1 })), lit(json!({ "a": 1 }))])],
            json!([1, "1", { "a": 1 }]),
        ),
        (
            B::Zip,
            vec![l(), words()],
            json!([{ "first": 3, "second": "b" }, { "first": 1, "second": "a" }, { "first": 2, "second": "b" }]),
        ),
        (B::Enumerate, vec![lit(json!(["x"]))], json!([{ "index": 0, "value": "x" }])),
        (B::Chunk, vec![l(), int(3)], json!([[3, 1, 2], [3]])),
        (B::Compact, vec![lit(json!([1, null]))], json!([1])),
        (B::ToMap, vec![lit(json!([{ "key": "a", "value": 1 }, { "key": "a", "value": 2 }]))], json!({ "a": 2 })),
        (B::Range, vec![int(2), int(5)], json!([2, 3, 4])),
        (B::Range, vec![int(-1)], json!([])),
    ] {
        assert_eq!(eval(call(builtin, args.clone())).unwrap(), wanted, "{builtin:?} {args:?}");
    }
    assert!(eval(call(B::Chunk, vec![l(), int(0)])).unwrap_err().message.contains("at least 1"));
}

#[test]
fn built_ins_of_text_maps_and_numbers() {
    let m = || lit(json!({ "a": 1, "b": 2 }));
    for (builtin, args, wanted) in [
        (B::Len, vec![text("é\u{1f600}")], json!(2)),
        (B::Split, vec![text("a,b"), text(",")], json!(["a", "b"])),
        (B::Split, vec![text("é!"), text("")], json!(["é", "!"])),
        (B::Trim, vec![text(" x ")], json!("x")),
        (B::Lines, vec![text("a\r\nb\n")], json!(["a", "b"])),
        (B::Words, vec![text(" a  b ")], json!(["a", "b"])),
        (B::Upper, vec![text("straße")], json!("STRASSE")),
        (B::Replace, vec![text("aXa"), text("a"), text("$1")], json!("$1X$1")),
        (B::StartsWith, vec![text("abc"), text("ab")], json!(true)),
        (B::Matches, vec![text("v1.2"), text("[0-9]+")], json!(true)),
        (B::Capture, vec![text("k=v"), text("(\\w)=(\\w)(x)?")], json!(["k=v", "k", "v", null])),
        (B::PadStart, vec![text("7"), int(3), text("0")], json!("007")),
        (B::PadEnd, vec![text("7"), int(3)], json!("7  ")),
        (B::Repeat, vec![text("ab"), int(2)], json!("abab")),
        (B::ToInt, vec![text(" 12 ")], json!(12)),
        (B::ToInt, vec![text("1.5")], json!(null)),
        (B::ToFloat, vec![text("inf")], json!(null)),
        (B::ParseJson, vec![text("{\"a\":[1]}")], json!({ "a": [1] })),
        (B::ParseJson, vec![text("{")], json!(null)),
        (B::ToText, vec![usd(1_500_000)], json!("1.50usd")),
        (B::ToJson, vec![m()], json!("{\"a\":1,\"b\":2}")),
        (B::Slug, vec![text("  Hello, Wörld! ")], json!("hello-w-rld")),
        (B::Contains, vec![m(), text("a")], json!(true)),
        (B::IndexOf, vec![text("aéb"), text("b")], json!(2)),
        (B::Keys, vec![m()], json!(["a", "b"])),
        (B::Entries, vec![lit(json!({ "k": 1 }))], json!([{ "key": "k", "value": 1 }])),
        (B::Get, vec![m(), text("z")], json!(null)),
        (B::Set, vec![m(), text("z"), int(3)], json!({ "a": 1, "b": 2, "z": 3 })),
        (B::Remove, vec![m(), text("a")], json!({ "b": 2 })),
        (B::Merge, vec![m(), lit(json!({ "a": 9 }))], json!({ "a": 9, "b": 2 })),
        (B::MapValues, vec![m(), twice()], json!({ "a": 2, "b": 4 })),
        (B::Min, vec![int(3), int(1), int(2)], json!(1)),
        (B::Abs, vec![int(-3)], json!(3)),
        (B::Round, vec![float(-2.5)], json!(-3)),
        (B::Round, vec![float(1.256), int(2)], json!(1.26)),
        (B::Floor, vec![float(-1.5)], json!(-2)),
        (B::Ceil, vec![float(1.2)], json!(2)),
        (B::Clamp, vec![int(12), int(0), int(10)], json!(10)),
        (B::PathJoin, vec![text("a"), text("b.rs")], json!("a/b.rs")),
        (B::PathStem, vec![text("a/b.tar.gz")], json!("b.tar")),
        (B::PathExtension, vec![text("a/b")], json!(null)),
        (B::PathParent, vec![text("b")], json!(".")),
        (B::Seconds, vec![ms(1_500)], json!(1.5)),
        (B::Usd, vec![usd(1_500_000)], json!(1.5)),
    ] {
        assert_eq!(eval(call(builtin, args.clone())).unwrap(), wanted, "{builtin:?} {args:?}");
    }
    let failure = eval(call(B::Matches, vec![text("x"), text("(")])).unwrap_err();
    assert_eq!(
        (failure.message.as_str(), failure.place),
        ("`(` is not a regular expression: unclosed group", Some(place(6)))
    );
    assert!(eval(call(B::Repeat, vec![text("abc"), int(i64::MAX)])).unwrap_err().message.contains("too long"));
    assert!(eval(call(B::PadStart, vec![text("a"), int(i64::MAX)])).is_err());
}

#[test]
fn other_expressions() {
    let m = lit(json!({ "a": [10, 20, 30] }));
    let index = |base: Expr, i: Expr| Expr::Index(Box::new(base), Box::new(i), place(1));
    assert_eq!(eval(index(field(m.clone(), "a"), int(-1))).unwrap(), 30);
    assert_eq!(eval(index(field(m.clone(), "a"), int(3))).unwrap(), json!(null));
    assert_eq!(eval(Expr::Coalesce(Box::new(index(m, text("z"))), Box::new(int(7)))).unwrap(), 7);
    let cast = |e: Expr, ty: Type| Expr::Cast(Box::new(e), Box::new(ty), place(2));
    assert_eq!(eval(cast(lit(json!(["1"])), Type::Json)).unwrap(), json!(["1"]));
    let failure =
        eval(cast(lit(json!([[1], ["x"]])), Type::List(Box::new(Type::List(Box::new(Type::Int)))))).unwrap_err();
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (ErrorKind::InvalidOutput, "at /1/0: int was expected, found \"x\" (text)")
    );
    assert_eq!(eval(Expr::TryCast(Box::new(text("x")), Box::new(Type::Int))).unwrap(), json!(null));
    let arms = vec![
        ExprArm { pattern: Pattern::Equal(int(1)), guard: None, body: text("one") },
        ExprArm { pattern: Pattern::Range(Some(int(2)), Some(int(4))), guard: None, body: text("few") },
        ExprArm { pattern: Pattern::Any, guard: None, body: text("many") },
    ];
    let matched = |n| eval(Expr::Match { subject: Box::new(int(n)), arms: arms.clone() }).unwrap();
    assert_eq!((matched(1), matched(4), matched(5)), (json!("one"), json!("few"), json!("many")));
    let spread = Expr::Map(vec![MapEntry::Spread(record(&[("a", int(1))])), MapEntry::Entry("b".into(), int(2))]);
    assert_eq!(eval(spread).unwrap(), json!({ "a": 1, "b": 2 }));
    let refined = Refinement {
        predicate: binary(BinaryOp::Gt, slot(0), int(5)),
        slots: 1,
        text: "it > 5".into(),
        schema: vec![],
    };
    let failure = eval(Expr::Refine(Box::new(int(3)), Box::new(refined), place(3))).unwrap_err();
    assert_eq!((failure.message.as_str(), failure.place), ("3 does not satisfy `it > 5`", Some(place(3))));
}

#[test]
fn functions_may_fan_out_but_not_for_ever() {
    let mut make = Make::new();
    // f0(x) = x + 1; f(n)(x) = f(n-1)(f(n-1)(x)): 2^40 additions.
    for i in 0..40u32 {
        let body = match i {
            0 => add(slot(0), int(1)),
            _ => Expr::Call(FnId(i - 1), vec![Expr::Call(FnId(i - 1), vec![slot(0)])]),
        };
        make.program.functions.push(Function { name: format!("f{i}").into(), params: 1, slots: 1, body });
    }
    let stmts = |n: u32| vec![ret(Expr::Call(FnId(n), vec![int(0)]))];
    make.cascade("small", 0, 1, stmts(5));
    let program = make.program;
    assert_eq!(to_json(&Mock::new(&program, |_| Reply::Never).run().unwrap()), 32);
    let mut make = Make { program };
    make.cascade("large", 0, 1, stmts(39));
    let program = make.program;
    let environment = cascade_machine::interpreter::Environment { fuel: 100_000, ..Default::default() };
    let failure = Mock::with(&program, vec![], environment, |_| Reply::Never).run().unwrap_err();
    assert!(failure.message.contains("computes for too long"));
}
