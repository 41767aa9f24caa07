//! The reader by examples: public cases, answers of models, hostile texts.
#![allow(clippy::unwrap_used, clippy::panic)]

use cascade_ir::{ErrorKind, Field, Program, Type, TypeDef, TypeDefKind, TypeId, Variant};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{eval::Eval, value::to_json};

/// Converts a JSON Schema to a type; `None` if there is no such type (unions, constants).
fn type_of(schema: &Json, root: &Json, program: &mut Program) -> Option<Type> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/")?;
        if let Some(known) = program.types.iter().position(|t| t.name == name) {
            return Some(Type::Named(TypeId(known as u32)));
        }
        let id = TypeId(program.types.len() as u32);
        let empty = TypeDefKind::Alias(Type::Null);
        program.types.push(TypeDef { name: name.into(), doc: String::new(), kind: empty });
        let target = &root["$defs"][name];
        if let Some(names) = target["enum"].as_array() {
            let variant = |n: &Json| Variant { name: n.as_str().unwrap().into(), doc: String::new(), fields: vec![] };
            program.types[id.index()].kind = TypeDefKind::Enum(names.iter().map(variant).collect());
            return Some(Type::Named(id));
        }
        let inner = type_of(target, root, program)?;
        program.types[id.index()].kind = match inner {
            Type::Record(fields) => TypeDefKind::Record(fields),
            other => TypeDefKind::Alias(other),
        };
        return Some(Type::Named(id));
    }
    let constants = match (schema.get("const"), schema["anyOf"].as_array()) {
        (Some(constant), _) => vec![constant],
        (None, Some(choices)) => choices.iter().filter_map(|c| c.get("const")).collect(),
        _ => vec![],
    };
    let among = schema["anyOf"].as_array().map_or(1, Vec::len);
    if !constants.is_empty() {
        if constants.len() != among {
            return None;
        }
        if constants.iter().all(|c| c.is_i64()) {
            return Some(Type::Int);
        }
        if constants.iter().all(|c| c.is_boolean()) {
            return Some(Type::Bool);
        }
        let names: Option<Vec<&str>> = constants.iter().map(|c| c.as_str()).collect();
        let variant = |n: &str| Variant { name: n.into(), doc: String::new(), fields: vec![] };
        let kind = TypeDefKind::Enum(names?.into_iter().map(variant).collect());
        program.types.push(TypeDef { name: "Literal".into(), doc: String::new(), kind });
        return Some(Type::Named(TypeId(program.types.len() as u32 - 1)));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let rest: Vec<&Json> = choices.iter().filter(|c| c["type"] != "null").collect();
        let has = |ty: &str| choices.iter().any(|c| c["type"] == ty);
        if has("string") && has("integer") && has("array") && has("object") {
            return Some(Type::Json);
        }
        return match &rest[..] {
            [one] if choices.len() == 2 => Some(Type::Optional(Box::new(type_of(one, root, program)?))),
            _ => None,
        };
    }
    Some(match schema["type"].as_str()? {
        _ if schema.get("const").is_some() => return None,
        "string" => Type::String,
        "integer" => Type::Int,
        "number" => Type::Float,
        "boolean" => Type::Bool,
        "null" => Type::Null,
        "array" => Type::List(Box::new(type_of(&schema["items"], root, program)?)),
        "object" if schema["properties"].is_object() => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut fields = Vec::new();
            for (name, ty) in schema["properties"].as_object()? {
                let mut ty = type_of(ty, root, program)?;
                if !required.contains(&json!(name)) && !matches!(ty, Type::Optional(_)) {
                    ty = Type::Optional(Box::new(ty));
                }
                fields.push(Field { name: name.as_str().into(), ty, doc: String::new(), default: None });
            }
            Type::Record(fields)
        }
        "object" => Type::Map(Box::new(type_of(&schema["additionalProperties"], root, program)?)),
        _ => return None,
    })
}

fn without_nulls(json: &Json) -> Json {
    match json {
        Json::Object(fields) => Json::Object(
            fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
        Json::Number(n) => json!(n.as_f64()),
        other => other.clone(),
    }
}

/// Public cases that are left out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("mod/test_string_from_string22", "an answer that is text has no white space around it"),
    ("mod/test_object_from_string_ordered_class", "the name of its own field is a placeholder"),
    ("test_basics/test_string_to_float_from_comma_separated", "a count of something else is no answer"),
    ("test_basics/test_multiple_top_level_prefix_suffix_1", "of two values the last counts, not the first"),
    ("test_class/test_nested_class_with_extra_text", "of two values the last counts, not the first"),
    ("test_code/unescaped_single_quotes_in_triple_quotes", "the text after the inner triple quotes would be lost"),
    ("test_constraints/test_block_level_enum_assert_failure", "its condition is not in the data"),
    ("test_lists/test_list_streaming_inside_json_block", "cut off after a comma"),
    ("test_literals/test_union_literal_string_with_both", "two variants are named"),
    ("test_maps/test_unterminated_map", "cut off within a text"),
];

#[test]
fn public_cases_are_read_right() {
    let data: Json = serde_json::from_str(include_str!("../../tests/data/model_answers.json")).unwrap();
    let (mut right, mut total, mut foreign, mut wrong) = (0, 0, 0, 0);
    for case in data["cases"].as_array().unwrap() {
        let mut program = Program::empty("test.cascade");
        let Some(ty) = type_of(&case["schema"], &case["schema"], &mut program) else {
            foreign += 1;
            continue;
        };
        let name = case["name"].as_str().unwrap();
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
            continue;
        }
        total += 1;
        let text = case["text"].as_str().unwrap();
        let mut eval = Eval::new(&program, 1_000_000);
        let read = read_answer(&mut eval, &ty, text);
        let found = read.as_ref().map(|r| without_nulls(&to_json(&r.value))).ok();
        let wanted = case.get("value").map(without_nulls);
        if found == wanted {
            right += 1;
        } else {
            wrong += usize::from(found.is_some());
            let why = read.err().map(|f| f.message).unwrap_or_default();
            println!("{name}: wanted {wanted:?}, found {found:?} {why}\n  {text}");
        }
    }
    println!("{right} of {total} right; {} left out; {foreign} of types that the language has not", LEFT_OUT.len());
    assert!(right * 100 >= total * 95, "{right} of {total}");
    assert_eq!(wrong, 0, "wrong acceptances");
}

/// Reads a text as a type that a JSON Schema describes: the value and the repairs, or the complaint.
fn read_as(schema: &Json, text: &str) -> std::result::Result<(Json, Vec<String>), String> {
    let mut program = Program::empty("test.cascade");
    let ty = type_of(schema, schema, &mut program).unwrap();
    let mut eval = Eval::new(&program, 100_000_000);
    match read_answer(&mut eval, &ty, text) {
        Ok(read) => Ok((to_json(&read.value), read.repairs.into_iter().map(|r| r.0).collect())),
        Err(failure) => {
            assert_eq!(failure.kind, ErrorKind::InvalidOutput, "{}", failure.message);
            Err(failure.message)
        }
    }
}

fn verdict() -> Json {
    json!({ "$ref": "#/$defs/Verdict", "$defs": { "Verdict": { "type": "string", "enum": ["approve", "reject"] } } })
}

fn record(fields: &Json, required: &[&str]) -> Json {
    json!({ "type": "object", "properties": fields, "required": required })
}

fn review() -> Json {
    let mut schema = verdict();
    schema["$ref"] = json!("#/$defs/Review");
    schema["$defs"]["Review"] = record(
        &json!({ "score": { "type": "integer" }, "verdict": { "$ref": "#/$defs/Verdict" } }),
        &["score", "verdict"],
    );
    schema
}

fn list_of(item: &Json) -> Json {
    json!({ "type": "array", "items": item })
}

#[test]
fn a_word_is_taken_from_prose_that_states_it() {
    for (text, wanted) in [
        ("I would not approve this change.", None),
        ("approve", Some("approve")),
        ("**Approve**.", Some("approve")),
        ("I approve this change.", Some("approve")),
        ("Verdict: approve", Some("approve")),
        ("There are no faults left.\n\nVerdict: **approve**", Some("approve")),
        ("My verdict is approve.", Some("approve")),
        ("approve, because the tests pass", Some("approve")),
        ("If the tests pass, approve.", None),
        ("approve if the tests pass", None),
        ("Verdict: approve once the tests pass", None),
        ("I can't approve this.", None),
        ("I don\u{2019}t approve.", None),
        ("Should I approve?", None),
        ("Approve or reject?", None),
        ("I considered reject. My verdict is approve.", None),
        ("Verdict: reject\nVerdict: approve", None),
        ("The approve button is green.", None),
        ("It is far from an approve.", None),
        ("<think>Verdict: reject</think>\nVerdict: approve", Some("approve")),
        ("<think>approve", None),
        ("```\napprove\n```", Some("approve")),
        ("**approve** - it is sound", Some("approve")),
        ("", None),
    ] {
        let read = read_as(&verdict(), text);
        assert_eq!(read.as_ref().ok().and_then(|(v, _)| v.as_str()), wanted, "{text}: {read:?}");
    }
}

#[test]
fn a_negation_within_a_name_is_part_of_the_name() {
    let names = ["SPAM", "NOT_SPAM"];
    assert_eq!(stated_word("It is classified as NOT_SPAM.", &names), Some("NOT_SPAM"));
    assert_eq!(stated_word("It is not classified as SPAM.", &names), None);
}

#[test]
fn a_number_is_taken_from_prose_that_states_it() {
    for (text, wanted) in [
        ("I looked at all 3 files and found no problems", None),
        ("3", Some(3)),
        ("The answer is 3.", Some(3)),
        ("Score: **90**", Some(90)),
        ("The score is 90.", Some(90)),
        ("The answer is not 3.", None),
        ("The answer is 3 or 4.", None),
        ("The answer is 3 apples", None),
        ("It is at least 3.", None),
        ("It may be 3.", None),
        ("12,111", Some(12111)),
        ("3.5", None),
        ("See [1] for details.", None),
    ] {
        let read = read_as(&json!({ "type": "integer" }), text);
        assert_eq!(read.as_ref().ok().and_then(|(v, _)| v.as_i64()), wanted, "{text}: {read:?}");
    }
}

#[test]
fn the_last_value_outside_of_reasoning_and_examples_counts() {
    let right = json!({ "score": 90, "verdict": "approve" });
    for text in [
        "<think>{\"score\": 10, \"verdict\": \"reject\"} seems too harsh.</think>\n{\"score\": 90, \"verdict\": \"approve\"}",
        "{\"score\": 10, \"verdict\": \"reject\"} is too harsh.</think>{\"score\": 90, \"verdict\": \"approve\"}",
        "First {\"score\": 10, \"verdict\": \"reject\"}, then:\n{\"score\": 90, \"verdict\": \"approve\"}",
        "{\"score\": 90, \"verdict\": \"approve\"}\n\nAn example of the other: {\"score\": 1, \"verdict\": \"reject\"}",
    ] {
        let (value, repairs) = read_as(&review(), text).unwrap();
        assert_eq!(value, right, "{text}");
        let told = repairs.iter().any(|r| r.contains("differ"));
        assert_eq!(told, text.starts_with("First"), "{repairs:?}");
    }
    assert!(read_as(&review(), "<think>{\"score\": 10, \"verdict\": \"reject\"}").is_err());
    let cut = "{\"score\": 10, \"verdict\": \"reject\"} No: {\"score\": 90, \"verd";
    assert!(read_as(&review(), cut).unwrap_err().contains("cut off"));
}

#[test]
fn a_list_keeps_every_element_or_fails() {
    let rows =
        list_of(&record(&json!({ "n": { "type": "integer" }, "amount": { "type": "number" } }), &["n", "amount"]));
    let text = "Here you are:\n[{\"n\": 1, \"amount\": -2,000.00}, {\"n\": 2, \"amount\": -2,000.00}, {\"n\": 3, \"amount\": 5},\n\
                {\"n\": 4, \"amount\": \"-2,000.00\"}, {\"n\": 5, \"amount\": -2,000.00}]";
    let (value, repairs) = read_as(&rows, text).unwrap();
    let amounts: Vec<f64> = value.as_array().unwrap().iter().map(|r| r["amount"].as_f64().unwrap()).collect();
    assert_eq!(amounts, [-2000.0, -2000.0, 5.0, -2000.0, -2000.0]);
    assert!(!repairs.is_empty());

    let odd = "[{\"n\": 1, \"amount\": 1}, {\"n\": 2, \"amount\": {}}, {\"n\": 3, \"amount\": 3}]";
    assert!(read_as(&rows, odd).unwrap_err().contains("/1/amount"));
    assert!(read_as(&rows, "[{\"n\": 1, \"amount\": 1}, {\"n\": 2 \"amount\" 2}, {\"n\": 3, \"amount\": 3}]").is_err());
    let two = "{\"n\": 1, \"amount\": 1}\n{\"n\": 2, \"amount\": 2}";
    assert_eq!(read_as(&rows, two).unwrap().0.as_array().unwrap().len(), 2);
    assert!(read_as(&rows, "{\"n\": 1, \"amount\": 1} and {\"n\": 2, \"amount\": 2}").is_err());

    let texts = list_of(&json!({ "type": "string" }));
    for cut in
        [r#"["alpha", "beta", "gam"#, r#"["alpha", "beta","#, r#"["alpha" "beta"]"#, "[alpha, beta, gam", "[1, 2, 3"]
    {
        assert!(read_as(&texts, cut).is_err(), "{cut}");
    }
    let (value, repairs) = read_as(&texts, r#"["alpha", "beta""#).unwrap();
    assert_eq!((value, repairs.len()), (json!(["alpha", "beta"]), 1));
    assert_eq!(read_as(&list_of(&json!({ "type": "boolean" })), "[\"yes\", False]").unwrap().0, json!([true, false]));
    assert_eq!(read_as(&list_of(&json!({ "type": "boolean" })), "true").unwrap().0, json!([true]));
    let numbers = list_of(&json!({ "type": "number" }));
    assert!(read_as(&numbers, "[-2,000.00]").is_err());
    assert!(read_as(&numbers, "[$1,234.00, $5]").is_err());
}

#[test]
fn keys_match_without_case_when_only_one_is_meant() {
    let (value, repairs) = read_as(&review(), r#"{" Score ": 5, "VERDICT": "Approve"}"#).unwrap();
    assert_eq!(value, json!({ "score": 5, "verdict": "approve" }));
    assert_eq!(repairs.len(), 3, "{repairs:?}");
    assert!(read_as(&review(), r#"{"Score": 5, "SCORE": 6, "verdict": "approve"}"#).is_err());
    assert!(read_as(&review(), r#"{"score": 5, score: 6, "verdict": "approve"}"#).is_err());
}

#[test]
fn a_placeholder_is_no_answer() {
    let named = record(&json!({ "title": { "type": "string" } }), &["title"]);
    for text in ["string", "N/A", "TODO", "title", "<title>", "...", "Title"] {
        assert!(read_as(&named, &json!({ "title": text }).to_string()).is_err(), "{text}");
    }
    for text in ["", "The title", "strings", "A TODO list"] {
        assert_eq!(read_as(&named, &json!({ "title": text }).to_string()).unwrap().0["title"], text);
    }
}

#[test]
fn strict_json_needs_no_repair() {
    assert_eq!(read_as(&review(), r#"{"score": 5, "verdict": "approve"}"#).unwrap().1, Vec::<String>::new());
    assert!(read_as(&json!({ "type": "number" }), "123456789012345678901234").is_err());
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[ -~\\n\u{e9}\u{4e2d}]{0,12}", 0..6)
}

proptest! {
    #[test]
    fn strict_json_is_read_back_exactly(words in texts(), numbers in proptest::collection::vec(any::<i64>(), 0..5)) {
        prop_assume!(!words.iter().any(|w| is_placeholder(w, Some("words"))));
        let schema = record(&json!({ "words": list_of(&json!({ "type": "string" })),
            "numbers": list_of(&json!({ "type": "integer" })) }), &["words", "numbers"]);
        let value = json!({ "words": words, "numbers": numbers });
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(&read_as(&schema, &text).unwrap().0, &value);
            // The tolerant reader reads it in the same way.
            let parsed = syntax::parse_value(&text, 0);
            if !words.iter().any(|w| w.contains(['"', '\\'])) {
                prop_assert_eq!(&parsed.unwrap().json, &value);
            }
        }
    }

    #[test]
    fn no_element_that_began_is_lost_from_a_prefix(words in texts(), cut in any::<prop::sample::Index>()) {
        let schema = list_of(&json!({ "type": "string" }));
        let text = json!(words).to_string();
        let mut end = cut.index(text.len());
        while !text.is_char_boundary(end) { end -= 1; }
        if let Ok((value, _)) = read_as(&schema, &text[..end]) {
            let value = value.as_array().unwrap();
            // What is accepted is all that the prefix contains: closed, it is strict JSON.
            let closed = serde_json::from_str::<Json>(&format!("{}]", &text[..end]));
            prop_assert!(closed.is_ok_and(|closed| closed == json!(value)), "{}", &text[..end]);
        }
    }

    #[test]
    fn a_denied_or_conditional_word_is_never_stated(
        before in proptest::sample::select(vec!["not", "never", "don't", "if the tests pass", "unless asked", "cannot", "I would", "no"]),
        lead in "[a-z ,.]{0,20}", between in "[a-z ]{0,20}", after in "[a-z .!,]{0,20}",
        name in proptest::sample::select(vec!["approve", "Reject", "**approve**"]),
    ) {
        let text = format!("{lead} {before} {between} {name} {after}");
        prop_assert!(read_as(&verdict(), &text).is_err(), "{}", text);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "([\\[\\]{}:,\"'`\\\\<>/ \\n#*=a-z0-9.$-]|```|\"\"\"|<think>|</think>|approve|\u{e9}){0,60}") {
        for schema in [verdict(), review(), list_of(&review_items()), json!({ "type": "integer" }),
            list_of(&json!({ "type": "string" })), json!({ "type": "object", "additionalProperties": { "type": "string" } })] {
            let _ = read_as(&schema, &text);
        }
    }
}

fn review_items() -> Json {
    record(&json!({ "a": { "type": "string" } }), &[])
}

#[test]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the test measures time")]
fn hostile_texts_take_linear_time() {
    use std::time::Instant;
    for part in [
        "[",
        "{",
        "{a:",
        "[a ",
        "\"",
        "{\"a\": \"",
        "[\"a\"b",
        "```",
        "{\"a\":```x",
        "<think>",
        "</think>",
        "<",
        ",\n",
        "approve ",
        "{a: b,",
        "{\"a\": 1} ",
        "\"}",
        "[\"\" ",
        "{a:\n\n",
        "\\",
        "1 ",
        "{'a': '\\u",
        "[1, ",
        "{{",
        "/*",
        "}",
        "<think>\n",
        "\n",
        "\"\"\"",
        "a: 1\n",
    ] {
        for lead in ["", "{\"a\": ", "[\""] {
            let text = format!("{lead}{}", part.repeat(40_000 / part.len()));
            for schema in [verdict(), review(), list_of(&json!({ "type": "string" })), json!({ "type": "integer" })] {
                let one = Instant::now();
                let _ = read_as(&schema, &text);
                assert!(one.elapsed().as_millis() < 3000, "{lead}{part} {schema}");
            }
        }
    }
}
