//! What belongs to the identity of an effect, and what does not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cascade_ir::*;
use cascade_machine::{Machine, Value, interpreter::Environment, request::EffectInfo, value::Secret};
use support::*;

/// The identity of the first effect of a program.
fn first_effect(program: &Program, inputs: Vec<Value>, folder: &str) -> EffectInfo {
    let environment = Environment { folder: folder.to_owned(), ..Environment::default() };
    let mut machine = Machine::new(program, entry(program), inputs, environment).unwrap();
    machine.step();
    let request = machine.take_request().unwrap();
    EffectInfo::clone(&request.effect.unwrap())
}

/// A cascade with one parameter, which it passes to a skill that is made by `make`.
fn calling(make: impl FnOnce(&mut Make) -> SkillId) -> Program {
    let mut made = Make::new();
    let skill = make(&mut made);
    made.cascade("main", 1, 2, vec![stage("s", 1, Work::Skill(skill, vec![slot(0)]))]);
    made.program
}

fn command() -> Program {
    calling(|make| make.command("tool", OutputFormat::Text, Type::String))
}

#[test]
fn the_value_of_a_secret_is_no_part_of_identity_but_that_there_is_one() {
    let secret = |text: &str| Value::Secret(Secret::new(text));
    let (program, other) = (command(), Value::str("hunter2"));
    let key = |value: Value| first_effect(&program, vec![value], "").key;
    assert_eq!(key(secret("hunter2")), key(secret("renewed")));
    assert_ne!(key(secret("hunter2")), key(other));
    assert!(key(secret("x")).starts_with("2:"));
}

#[test]
fn a_command_is_another_one_in_another_folder() {
    let parts = |program: &Program, folder: &str| first_effect(program, vec![Value::str("x")], folder);
    let program = command();
    assert_ne!(parts(&program, "a").key, parts(&program, "b").key);
    assert_eq!(parts(&program, "a").key, parts(&program, "a").key);
    assert_ne!(parts(&program, "a").parts.get("folder"), parts(&program, "b").parts.get("folder"));
    // What no program runs in a folder for is the same everywhere.
    let http = calling(|make| {
        let http = Http {
            method: "GET".into(),
            url: Template { parts: vec![TextPart::Text("http://x/".into())] },
            headers: Vec::new(),
            query: None,
            body: None,
            status: Vec::new(),
            format: OutputFormat::Text,
            follows_redirects: false,
        };
        make.skill("get", 1, Effect::Http(Box::new(http)), Type::String)
    });
    assert_eq!(parts(&http, "a").key, parts(&http, "b").key);
}

/// A program that asks by a route over models; `edit` changes it.
fn routed(edit: impl FnOnce(&mut Program)) -> EffectInfo {
    let mut program = calling(|make| {
        let (a, b) = (make.model("a", "openai"), make.model("b", "openai"));
        let arm = RouteArm { capability: None, models: vec![ModelRef::Model(a), ModelRef::Model(b)], by: None };
        make.program.routes.push(Route { name: "r".into(), arms: vec![arm] });
        make.program.default_route = Some(RouteId(0));
        make.prompt("ask", "hello", Type::String)
    });
    edit(&mut program);
    first_effect(&program, vec![Value::str("x")], "")
}

#[test]
fn what_a_route_and_a_model_mean_belongs_to_the_key() {
    let plain = routed(|_| {});
    assert_eq!(plain.key, routed(|p| p.models[0].name = "renamed".into()).key, "a name means nothing");
    assert_eq!(plain.key, routed(|p| p.models[0].price_input = None).key, "nor does a price");
    assert_ne!(plain.key, routed(|p| p.models[0].prefers = Rendering::Yaml).key);
    assert_ne!(plain.key, routed(|p| p.models[0].id = "a2".into()).key);
    let narrowed = routed(|p| p.routes[0].arms[0].models.truncate(1));
    assert_ne!(plain.key, narrowed.key);
    assert_eq!(plain.parts.get("model"), narrowed.parts.get("model"));
    let turned = routed(|p| p.routes[0].arms[0].models.reverse());
    assert_ne!(plain.parts.get("candidates"), turned.parts.get("candidates"));
}
