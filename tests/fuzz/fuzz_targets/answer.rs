//! The reader of models' answers: any text gives a value of the type or `invalid_output`, the same each time; and what
//! was read is, written as JSON, an answer that is read again as the same value without a repair.
#![no_main]

use std::sync::OnceLock;

use cascade_compiler::{MemorySources, compile};
use cascade_ir::{CascadeId, ErrorKind, Program};
use cascade_machine::{
    Event, Machine, Value,
    interpreter::Environment,
    request::{Answer, Output, RequestKind},
    to_json,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// The types as which answers are read; an object at the top is not wrapped.
const TYPES: [(&str, bool); 16] = [
    ("int", true),
    ("float", true),
    ("bool", true),
    ("Verdict", true),
    ("list<int>", true),
    ("list<string>", true),
    ("list<Finding>", true),
    ("Finding", false),
    ("Page", false),
    ("map<int>", true),
    ("Shape", true),
    ("int?", true),
    ("list<list<float>>", true),
    ("duration", true),
    ("Tree", false),
    ("{ a: string, b: bool?, c: json }", false),
];

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut text = "model m { provider: openai_compatible, id: \"m\", base_url: \"http://localhost\" }\n\
            enum Verdict { approve, reject, needs_work }\n\
            enum Shape { circle { radius: float }, square { side: float }, none }\n\
            type Finding { line: int where it >= 1, severity: Verdict, note: string? }\n\
            type Page { title: string, body: string, tags: list<string> = [] }\n\
            type Tree { name: string, children: list<Tree> = [] }\n"
            .to_owned();
        for (n, (ty, _)) in TYPES.iter().enumerate() {
            text.push_str(&format!(
                "@allow(W0501)\nskill s{n}() -> {ty} {{\n  prompt \"x\"\n}}\n\
                 cascade c{n}() -> {ty} {{\n  stage x = s{n}() using m\n  return x\n}}\n"
            ));
        }
        let compiled = compile("fuzz.cascade", text.into(), &MemorySources::default());
        let said: Vec<&str> = compiled.diagnostics.iter().map(|d| d.message.as_str()).collect();
        compiled.program.unwrap_or_else(|| panic!("{said:?}"))
    })
}

/// The value of an answer, or the kind of its failure; and whether it was repaired.
fn read(cascade: CascadeId, text: &str) -> (Result<Value, ErrorKind>, bool) {
    let environment = Environment { listening: true, ..Environment::default() };
    let Ok(mut machine) = Machine::new(program(), cascade, Vec::new(), environment) else { panic!("no machine") };
    loop {
        machine.step();
        if let Some(outcome) = machine.outcome() {
            let outcome = outcome.cloned().map_err(|failure| failure.kind);
            let repaired = machine.take_events().iter().any(|event| matches!(event, Event::AnswerRepaired { .. }));
            return (outcome, repaired);
        }
        let request = machine.take_request().expect("a request");
        assert!(matches!(request.kind, RequestKind::Prompt(_)));
        machine.answer(request.id, Answer::ok(Output::Model(text.to_owned())));
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (chosen, text) = input;
    let index = usize::from(chosen) % TYPES.len();
    let cascade = program()
        .entries
        .iter()
        .copied()
        .find(|id| program().cascades[id.index()].name == format!("c{index}").as_str())
        .expect("a cascade");
    let (value, _) = read(cascade, text);
    assert_eq!(read(cascade, text).0, value, "the same answer is read in two ways");
    let value = match value {
        Ok(value) => value,
        Err(kind) => {
            assert!(matches!(kind, ErrorKind::InvalidOutput | ErrorKind::Failed), "{kind:?}");
            return;
        }
    };
    let json = to_json(&value);
    let written = match TYPES[index].1 {
        true => json!({ "value": json }).to_string(),
        false => json.to_string(),
    };
    let (again, repaired) = read(cascade, &written);
    assert_eq!(again, Ok(value), "{written}");
    assert!(!repaired, "{written}");
});
