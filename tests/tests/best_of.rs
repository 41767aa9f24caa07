//! `best_of`: which of several models is asked is learned from their answers, and stays so when a run is resumed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::sync::Arc;

use cascade_compiler::{FileSources, compile};
use cascade_ir::Program;
use cascade_runtime::{
    Begin,
    interpreter::{Environment, KnownOutcomes, Machine, ModelOutcomes},
    request::{Answer, Output, RequestKind},
};
use models::{Model, chat_reply};
use project::{Project, result_json, stderr, stdout};
use serde_json::json;

/// How many stages ask a model.
const STAGES: usize = 2_000;
/// Each model's chance of a good answer and its cost, in millionths of a US dollar.
const MODELS: [(f64, i64); 3] = [(0.6, 300), (0.9, 1_000), (0.75, 200)];

fn program(by: &str) -> Program {
    let model = |name: &str| {
        format!(
            "model {name} {{\n  provider: openai_compatible\n  id: \"{name}\"\n  base_url: \"http://localhost\"\n}}\n"
        )
    };
    let text = format!(
        "{}{}{}route pick {{\n  _ -> best_of [a, b, c] by {by}\n}}\n\nskill judge(n: int) -> bool {{\n  prompt \"Judge $<n>.\"\n}}\n\n\
         cascade main() {{\n  for n in range({STAGES}) {{\n    stage verdict = judge(n)\n      using pick\n      \
         on error skip\n  }}\n}}\n",
        model("a"),
        model("b"),
        model("c"),
    );
    let compiled = compile("flow.cascade", text.into(), &FileSources);
    compiled.program.expect("the program has mistakes")
}

/// Numbers between 0 and 1 that are the same in each test.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The models that the stages of a run asked, in their order.
fn asked(program: &Program, run: &str, known: KnownOutcomes) -> Vec<usize> {
    let environment = Environment { run: run.into(), outcomes: Arc::new(known), ..Environment::default() };
    let mut machine = Machine::new(program, program.main.unwrap(), Vec::new(), environment).unwrap();
    let (mut luck, mut asked) = (Luck(7), Vec::new());
    loop {
        machine.step();
        let mut answers = Vec::new();
        while let Some(request) = machine.take_request() {
            let answer = match &request.kind {
                RequestKind::Prompt(prompt) => {
                    let (chance, cost) = MODELS[prompt.model.index()];
                    asked.push(prompt.model.index());
                    let text = if luck.next() < chance { "{\"value\": true}" } else { "I cannot say." };
                    let mut answer = Answer::ok(Output::Model(text.into()));
                    answer.usage.cost = Some(cost);
                    answer
                }
                other => panic!("not expected: {other:?}"),
            };
            answers.push((request.id, answer));
        }
        if machine.outcome().is_some() {
            return asked;
        }
        for (id, answer) in answers {
            machine.answer(id, answer);
        }
    }
}

/// What the choices lose against the best model, in all and in the second half; and what a choice without knowledge
/// loses in all.
fn regret(by: &str, run: &str, loss: impl Fn(f64, i64) -> f64) -> (f64, f64, f64) {
    let program = program(by);
    let losses = MODELS.map(|(chance, cost)| loss(chance, cost));
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let asked = asked(&program, run, KnownOutcomes::new());
    assert_eq!(asked.len(), STAGES);
    let (mut total, mut half) = (0.0, 0.0);
    for (i, model) in asked.iter().enumerate() {
        if [125, 250, 500, 1_000].contains(&i) {
            println!("by {by}, {run}: after {i} stages {total:.4}");
        }
        total += losses[*model] - least;
        half = if i < STAGES / 2 { total } else { half };
    }
    let even = losses.iter().map(|loss| loss - least).sum::<f64>() / losses.len() as f64 * STAGES as f64;
    println!("by {by}, {run}: after {STAGES} stages {total:.4}; a choice by lot {even:.4}");
    (total, total - half, even)
}

/// The curve of what is lost flattens: most of it is lost at the beginning, while little is known.
#[test]
fn the_regret_of_2000_stages_is_sublinear() {
    for run in ["one", "two", "three"] {
        let (total, second_half, even) = regret("success", run, |chance, _| 1.0 - chance);
        assert!(total < even / 5.0, "{run}: {total} of {even}");
        assert!(second_half < total / 3.0, "{run}: {second_half} of {total}");
        // What a good answer costs: a model that fails is paid and asked again.
        let (total, second_half, even) = regret("cost", run, |chance, cost| cost as f64 / chance);
        assert!(total < even / 5.0, "{run}: {total} of {even}");
        assert!(second_half < total / 2.0, "{run}: {second_half} of {total}");
    }
}

#[test]
fn the_fastest_model_is_preferred_by_what_earlier_runs_took() {
    let program = program("latency");
    let known = ["a", "b", "c"].into_iter().zip([9_000, 300, 2_000]).map(|(model, ms)| {
        let mut outcomes = ModelOutcomes::default();
        (0..50).for_each(|_| outcomes.add(true, 0, Some(ms)));
        (("judge".into(), model.into()), outcomes)
    });
    let asked = asked(&program, "one", known.collect());
    let fast = asked.iter().filter(|model| **model == 1).count();
    assert!(fast > STAGES * 9 / 10, "{fast}");
}

/// What a run learned is known to the next, and a resumed run asks nobody again for what was answered.
#[test]
fn outcomes_are_learned_across_runs_and_kept_on_resume() {
    let good = Model::start(|_| chat_reply("{\"value\": 1}"));
    let bad = Model::start(|_| chat_reply("I would rather not say."));
    let project = Project::new();
    let text = |gate: &str| {
        format!(
            "model bad {{\n  provider: openai_compatible\n  id: \"bad\"\n  base_url: \"{}\"\n}}\n\n\
             model good {{\n  provider: openai_compatible\n  id: \"good\"\n  base_url: \"{}\"\n}}\n\n\
             route pick {{\n  _ -> best_of [bad, good] by success\n}}\n\n\
             skill count(n: int) -> int {{\n  prompt \"Count $<n>.\"\n}}\n\n\
             cascade main() -> int {{\n  for n in range(30) {{\n    stage one = count(n)\n      using pick\n      \
             on error skip\n  }}\n  gate {gate}, \"no\"\n  return 1\n}}\n",
            bad.url, good.url
        )
    };
    let first = project.run(&text("1 == 2"), Begin::New);
    assert_eq!(first.result.unwrap_err().message, "no");
    let (asked_bad, asked_good) = (bad.prompts().len(), good.prompts().len());
    assert_eq!(asked_bad + asked_good, 30);
    assert!(asked_bad < 10, "{asked_bad} of 30 went to the model that never answers well");
    // The failures are tried again, each with a new choice; what was answered is not.
    let again = project.run(&text("1 == 1"), Begin::Resume(first.run.clone()));
    assert_eq!(result_json(&again), json!(1));
    assert_eq!(good.prompts().len() + bad.prompts().len(), 30);
    // Another run begins with what is known.
    let known = bad.prompts().len();
    project.run(&text("1 == 1"), Begin::New);
    assert!(bad.prompts().len() - known <= 3, "{} of 30", bad.prompts().len() - known);
    let shown = stdout(&project.call(&["runs", "logs", &first.run]));
    assert!(shown.contains("best by success: "), "{shown}");
    let stats = project.call(&["models", "stats"]);
    assert!(stdout(&stats).contains("count"), "{}{}", stdout(&stats), stderr(&stats));
}
