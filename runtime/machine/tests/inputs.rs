//! Inputs from users, and the messages when they do not fit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::*;
use cascade_machine::{inputs_from_json, parse_input_text, to_json};
use serde_json::{Value as Json, json};
use support::*;

fn of(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty, doc: String::new(), default: None }
}

fn variant(name: &str, fields: Vec<Field>) -> Variant {
    Variant { name: name.into(), doc: String::new(), fields }
}

fn program() -> Program {
    let mut make = Make::new();
    let def = |name: &str, kind| TypeDef { name: name.into(), doc: String::new(), kind };
    make.program.types = vec![
        def("Level", TypeDefKind::Enum(vec![variant("low", vec![]), variant("high", vec![])])),
        def(
            "Outcome",
            TypeDefKind::Enum(vec![variant("passed", vec![of("score", Type::Int)]), variant("lost", vec![])]),
        ),
        def(
            "Item",
            TypeDefKind::Record(vec![
                of("name", Type::String),
                of("level", Type::Named(TypeId(0))),
                Field { default: Some(int(3)), ..of("tries", Type::Int) },
                of("note", Type::Optional(Box::new(Type::String))),
            ]),
        ),
    ];
    make.cascade("main", 0, 5, vec![ret(slot(0))]);
    let positive = Refinement {
        predicate: binary(BinaryOp::Gt, slot(0), int(0)),
        slots: 1,
        text: "it > 0".into(),
        schema: vec![],
    };
    make.last().params = vec![
        param("items", Type::List(Box::new(Type::Named(TypeId(2)))), 0),
        Param {
            default: Some(call(Builtin::Len, vec![slot(0)])),
            ..param("count", Type::Refined(Box::new(Type::Int), Box::new(positive)), 1)
        },
        param("pause", Type::Optional(Box::new(Type::Duration)), 2),
        Param {
            default: Some(Expr::Const(Const::Null)),
            ..param("outcome", Type::Optional(Box::new(Type::Named(TypeId(1)))), 3)
        },
    ];
    make.program
}

fn given(inputs: Json) -> Result<Json, Vec<String>> {
    let program = program();
    match inputs_from_json(&program, entry(&program), inputs.as_object().unwrap()) {
        Ok(values) => Ok(values.iter().map(to_json).collect()),
        Err(errors) => Err(errors.into_iter().map(|e| format!("{}: {}", e.input, e.message)).collect()),
    }
}

#[test]
fn defaults_and_conversions() {
    let item = json!({ "name": "a", "level": "high" });
    assert_eq!(
        given(json!({ "items": [item], "pause": 90, "outcome": { "kind": "passed", "score": 7.0 } })),
        Ok(
            json!([[{ "name": "a", "level": "high", "tries": 3, "note": null }], 1, "1m30s", { "kind": "passed", "score": 7 }])
        )
    );
}

#[test]
fn everything_that_is_wrong_is_said() {
    assert_eq!(
        given(json!({ "itms": [], "count": 0, "pause": "soon" })).unwrap_err(),
        [
            "itms: `main` has no such input; did you mean `items`?",
            "items: missing; list<Item> was expected",
            "count: 0 does not satisfy `it > 0`",
            "pause: duration was expected, found \"soon\" (text)",
        ]
    );
    let one = |item: Json| given(json!({ "items": [item] })).unwrap_err().remove(0);
    assert_eq!(one(json!({ "name": "a" })), "items: at /0/level: missing; Level was expected");
    assert_eq!(
        one(json!({ "name": "a", "level": "hihg" })),
        "items: at /0/level: `hihg` is none of low, high; did you mean `high`?"
    );
    assert_eq!(
        one(json!({ "name": "a", "level": "low", "nots": 1 })),
        "items: at /0: there is no field `nots`; did you mean `note`?"
    );
    assert_eq!(
        one(json!({ "name": 5, "level": "low" })),
        "items: at /0/name: string was expected, found 5 (an integer)"
    );
    assert_eq!(one(json!([])), "items: at /0: Item was expected, found a list");
    let outcome = given(json!({ "items": [], "count": 1, "outcome": { "kind": "passed" } })).unwrap_err();
    assert_eq!(outcome, ["outcome: at /score: missing; int was expected"]);
}

#[test]
fn text_of_a_command_line() {
    let program = program();
    let read = |ty: Type, text: &str| parse_input_text(&program, &ty, text);
    assert_eq!(read(Type::String, "42"), Ok(json!("42")));
    assert_eq!(read(Type::Int, "42"), Ok(json!(42)));
    assert_eq!(read(Type::Int, "x"), Err("`x` is not int; write a number like `42`".into()));
    assert_eq!(read(Type::Int, "1.5"), Err("`1.5` is not int; write a number like `42`".into()));
    assert_eq!(read(Type::Bool, "yes"), Err("`yes` is not bool; write `true` or `false`".into()));
    assert_eq!(read(Type::Duration, "1h30m"), Ok(json!("1h30m")));
    assert!(read(Type::Duration, "soon").unwrap_err().contains("`90s`"));
    assert_eq!(read(Type::Money, "0.50usd"), Ok(json!(0.5)));
    assert_eq!(read(Type::Named(TypeId(0)), "low"), Ok(json!("low")));
    assert_eq!(read(Type::Named(TypeId(0)), "lo"), Err("`lo` is none of low, high; did you mean `low`?".into()));
    assert_eq!(read(Type::List(Box::new(Type::Int)), "[1, 2]"), Ok(json!([1, 2])));
    assert!(read(Type::List(Box::new(Type::Int)), "1, 2").unwrap_err().starts_with("`1, 2` is not list<int> ("));
    assert_eq!(read(Type::Optional(Box::new(Type::String)), "null"), Ok(Json::Null));
    assert_eq!(read(Type::Json, "plain"), Ok(json!("plain")));
}
