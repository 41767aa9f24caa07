//! Types as JSON Schema, and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cascade_compiler::{MemorySources, Severity, compile, format::format, import, render};
use cascade_ir::{Program, TypeId};
use cascade_runtime::schema::schema_of_type;
use cascade_tests::types::Choices;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Compiles a program without errors.
fn compile_program(text: &str) -> Program {
    let compiled = compile("types.cascade", text.into(), &MemorySources::default());
    let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    compiled.program.unwrap_or_else(|| panic!("{text}\n{said}"))
}

fn schema_of(text: &str, name: &str) -> Json {
    let program = compile_program(text);
    let index = program.types.iter().position(|def| def.name == name).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    schema_of_type(&program, TypeId(u32::try_from(index).unwrap()))
}

/// Imports a schema and checks that the result compiles and is formatted.
fn import_schema(schema: &Json) -> import::Imported {
    let imported = import::import_types(schema, "Root");
    let text = &imported.text;
    let compiled = compile("types.cascade", text.as_str().into(), &MemorySources::default());
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    assert_eq!(format(text, &cascade_grammar::parse(text)).as_deref(), Some(text.as_str()), "not formatted");
    imported
}

fn proptest_config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any JSON, with the words of schemas in it.
fn any_schema() -> impl Strategy<Value = Json> {
    let word = || {
        prop::sample::select(vec![
            "type",
            "properties",
            "required",
            "items",
            "enum",
            "const",
            "oneOf",
            "anyOf",
            "allOf",
            "$ref",
            "$defs",
            "additionalProperties",
            "minimum",
            "minLength",
            "pattern",
            "format",
            "default",
            "description",
            "title",
            "kind",
            "a",
            "in",
            "not-a-name",
            "Root",
            "x-cascade",
            "patternProperties",
            "multipleOf",
            "$comment",
        ])
    };
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "object",
            "string",
            "integer",
            "number",
            "array",
            "boolean",
            "null",
            "#",
            "#/$defs/a",
            "#/properties/a",
            "#/$defs/Root",
            "date",
            "a b",
            "[",
            "where it",
            "path",
            "line\nbreak",
            "$<x>",
            "*/",
        ])
        .prop_map(|s| json!(s)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        Just(Json::Null),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            3 => prop::collection::vec((word(), inner.clone()), 0..6)
                .prop_map(|all| Json::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            1 => prop::collection::vec(inner, 0..4).prop_map(Json::Array),
        ]
    })
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn a_schema_gives_back_its_type(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = Choices::new(&bytes).program();
        let schema = schema_of(&text, "Root");
        jsonschema::draft202012::meta::validate(&schema).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let imported = import_schema(&schema);
        prop_assert_eq!(&imported.lost, &vec![], "{}\n{}", text, imported.text);
        let again = schema_of(&imported.text, "Root");
        prop_assert_eq!(&again, &schema, "{}\n{}", text, imported.text);
    }

    #[test]
    fn any_alternatives_give_types_that_check(
        ways in prop::collection::vec((0..4_usize, prop::collection::vec(0..6_usize, 0..3), any::<bool>()), 0..5),
        any_of: bool,
    ) {
        let (titles, keys) = (["Cat", "big dog", "match", ""], ["a", "type", "kind", "in", "not-a-name", "x"]);
        let way = |(title, fields, constant): &(usize, Vec<usize>, bool)| {
            let value = if *constant { json!({ "const": "fixed" }) } else { json!({ "$ref": "#/$defs/Other" }) };
            let properties: serde_json::Map<String, Json> =
                fields.iter().map(|key| (keys[*key].to_owned(), value.clone())).collect();
            if fields.is_empty() && *constant {
                json!({ "type": "null" })
            } else {
                json!({ "type": "object", "title": titles[*title], "properties": properties })
            }
        };
        let ways: Vec<Json> = ways.iter().map(way).collect();
        let word = if any_of { "anyOf" } else { "oneOf" };
        import_schema(&json!({ word: ways, "$defs": { "Other": { word: ways }, "Root": { "type": "integer" } } }));
    }

    #[test]
    fn any_schema_gives_types_that_check(schema in any_schema()) {
        import_schema(&schema);
    }
}

/// The declarations of a schema, and what they cannot say.
fn shown_import(schema: &str) -> String {
    let imported = import_schema(&serde_json::from_str(schema).unwrap());
    let lost: Vec<String> = imported.lost.iter().map(|l| format!("{}: {}", l.place, l.what)).collect();
    format!("{}\n{}\n", imported.text, lost.join("\n"))
}

#[test]
fn a_schema_written_by_another_tool() {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("import", shown_import(include_str!("../support/order.schema.json")));
    });
}

#[test]
fn alternatives_are_variants() {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("import_alternatives", shown_import(include_str!("../support/shapes.schema.json")));
    });
}
