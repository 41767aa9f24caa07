//! The analysis of the worst case is sound: no run exceeds its bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use cascade_compiler::{
    FileSources, compile,
    cost::{Bound, Cost, Figure, costs},
};
use cascade_ir::{
    ErrorKind, Program,
    limits::{UNKNOWN_OUTPUT, estimated_tokens, most_tokens},
};
use cascade_runtime::{
    Event, Value,
    interpreter::{Environment, Machine},
    request::{Answer, Output, Process, PromptRequest, RequestId, RequestKind, RunRequest},
};
use cascade_tests::workflow::{MOST, workflow};
use proptest::prelude::*;

/// What a run used.
#[derive(Debug, Default)]
struct Happened {
    stages: u128,
    calls: u128,
    tokens: u128,
    money: u128,
    time: u128,
}

/// A host that fails, delays and answers at any length, determined by bytes.
struct World<'p> {
    program: &'p Program,
    bytes: Vec<u8>,
    next: usize,
    now: u64,
    pending: Vec<(u64, u64, RequestId, Answer)>,
    happened: Happened,
}

impl World<'_> {
    fn next(&mut self) -> u8 {
        let (turn, at) = (self.next / self.bytes.len(), self.next % self.bytes.len());
        self.next += 1;
        // A different sequence when all bytes have been used.
        (self.bytes[at] as usize * (2 * turn + 1) + turn) as u8
    }

    fn later(&mut self, ms: u64, id: RequestId, answer: Answer) {
        self.pending.push((self.now + ms, self.next as u64 * 1_000 + self.pending.len() as u64, id, answer));
    }

    fn effect(&mut self, id: RequestId, right: Output, wrong: &[ErrorKind], usage: (u64, u64)) {
        let times = [0, 10, 700, 1_000, 4_999, 5_000, 30_000, 500_000];
        let ms = times[usize::from(self.next()) % times.len()];
        let mut answer = Answer::ok(right);
        if !self.next().is_multiple_of(3) {
            answer = Answer::failed(wrong[usize::from(self.next()) % wrong.len()], "as it happens");
        }
        (answer.usage.tokens_in, answer.usage.tokens_out) = usage;
        self.later(ms, id, answer);
    }

    fn run(&mut self, id: RequestId, run: &RunRequest) {
        use ErrorKind::{CommandFailed, Failed, InvalidOutput, TimedOut, Unavailable};
        let most = if run.argv[0].text == "few" { 3 } else { MOST };
        let output = match run.argv[0].text.as_str() {
            "list" | "few" => {
                let items: Vec<u64> = (0..u64::from(self.next()) % (most + 1)).collect();
                serde_json::to_string(&items).unwrap()
            }
            "flag" => self.next().is_multiple_of(2).to_string(),
            _ => "some text".into(),
        };
        let stdout = Arc::from(output.as_bytes());
        let process = Process { code: Some(0), signal: None, stdout, stderr: String::new() };
        let kinds = [CommandFailed, Failed, InvalidOutput, TimedOut, Unavailable];
        self.effect(id, Output::Process(process), &kinds, (0, 0));
    }

    fn prompt(&mut self, id: RequestId, prompt: &PromptRequest) {
        use ErrorKind::{Denied, InvalidOutput, RateLimited, Refused, Unavailable};
        self.happened.calls += 1;
        let model = &self.program.models[prompt.model.index()];
        let bytes = prompt.text.len() + prompt.system.as_ref().map_or(0, String::len);
        let tokens_in = most_tokens(estimated_tokens(bytes as u64)).min(model.context.unwrap_or(u64::MAX));
        let tokens_out = prompt.max_tokens.or(model.max_output).unwrap_or(UNKNOWN_OUTPUT);
        let usage =
            if self.next().is_multiple_of(8) { (tokens_in / 2, tokens_out / 3) } else { (tokens_in, tokens_out) };
        let kinds = [Unavailable, RateLimited, InvalidOutput, Refused, Denied];
        self.effect(id, Output::Model("said".into()), &kinds, usage);
    }
}

fn run_in_world(program: &Program, inputs: Vec<Value>, bytes: &[u8], cancel_at: Option<u64>) -> Happened {
    let environment = Environment { run: "run".into(), ..Environment::default() };
    let main = program.main.unwrap();
    let mut machine = Machine::new(program, main, inputs, environment).unwrap();
    let mut world =
        World { program, bytes: bytes.to_vec(), next: 0, now: 0, pending: Vec::new(), happened: Happened::default() };
    let mut cancel_at = cancel_at;
    loop {
        machine.step();
        for id in machine.take_withdrawn() {
            world.pending.retain(|p| p.2 != id);
        }
        let begun = |e: &Event| matches!(e, Event::StageStarted { attempt: 1, .. });
        world.happened.stages += machine.take_events().iter().filter(|e| begun(e)).count() as u128;
        while let Some(request) = machine.take_request() {
            match &request.kind {
                RequestKind::Timer { ms, .. } => world.later(*ms, request.id, Answer::ok(Output::Fired)),
                RequestKind::Delay { up_to_ms, at_least_ms, .. } => {
                    world.later((*up_to_ms).max(*at_least_ms), request.id, Answer::ok(Output::Fired));
                }
                RequestKind::Run(run) => world.run(request.id, run),
                RequestKind::Prompt(prompt) => world.prompt(request.id, prompt),
                other => panic!("not expected: {other:?}"),
            }
        }
        if machine.outcome().is_some() {
            world.happened.tokens = machine.total_spent().tokens.into();
            world.happened.money = machine.total_spent().cost.max(0).unsigned_abs().into();
            world.happened.time = world.now.into();
            return world.happened;
        }
        let due = world.pending.iter().enumerate().min_by_key(|(_, p)| (p.0, p.1)).map(|(i, p)| (i, p.0));
        let (at, time) = due.expect("the machine waits for nothing");
        if cancel_at.is_some_and(|t| t <= time) {
            world.now = cancel_at.take().unwrap().max(world.now);
            machine.cancel();
            continue;
        }
        let (_, _, id, answer) = world.pending.remove(at);
        world.now = time;
        machine.answer(id, answer);
    }
}

/// The value of a bound if every name has its largest value.
fn upper_bound(figure: &Figure) -> Option<u128> {
    match &figure.bound {
        Bound::AtMost(poly) => Some(poly.value(MOST.into())),
        Bound::Unlimited(_) => None,
    }
}

fn analyse_program(text: &str) -> (Program, Cost) {
    let compiled = compile("w.cascade", Arc::from(text), &FileSources);
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.code.as_str().starts_with('E')).collect();
    let program = compiled.program.unwrap_or_else(|| panic!("{text}\n{errors:#?}"));
    let cost = costs(&program, false).into_iter().find(|c| c.cascade == "main").unwrap();
    (program, cost)
}

fn compare_with_bound(text: &str, world: &[u8], n: i64, xs: u64, cancel_at: Option<u64>) -> Result<(), String> {
    let (program, cost) = analyse_program(text);
    let xs = (0..xs as i64).map(Value::Int).collect();
    let happened = run_in_world(&program, vec![Value::Int(n), Value::list(xs)], world, cancel_at);
    let rows = [
        ("stages", happened.stages, &cost.stages),
        ("calls", happened.calls, &cost.calls),
        ("tokens", happened.tokens, &cost.tokens),
        ("money", happened.money, &cost.money),
        ("time", happened.time, &cost.time),
    ];
    for (name, really, figure) in rows {
        if upper_bound(figure).is_some_and(|most| really > most) {
            return Err(format!("{name}: {really} happened, {:?} is the limit\n{text}\n{happened:?}", figure.bound));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_run_exceeds_its_worst_case(
        made in proptest::collection::vec(any::<u8>(), 0..250),
        world in proptest::collection::vec(any::<u8>(), 1..60),
        n in 0..=(MOST as i64),
        xs in 0..=MOST,
        cancel in proptest::option::of(0u64..40_000),
    ) {
        compare_with_bound(&workflow(&made), &world, n, xs, cancel).map_err(TestCaseError::fail)?;
    }
}

/// With more branches than run at once, the time is that of the branches one after the other.
#[test]
fn branches_beyond_the_concurrency_limit_take_time() {
    let stages: String =
        (0..5).map(|i| format!("    stage s{i} = slow({i})\n      timeout 4s\n      on error skip\n")).collect();
    let text = format!(
        "skill slow(n: int) -> string {{\n  run sh\"text $<n>\"\n}}\n\ncascade main(n: int, xs: list<int>) {{\n  stage all = parallel max 2 {{\n{stages}  }}\n}}\n"
    );
    let (program, cost) = analyse_program(&text);
    let inputs = || vec![Value::Int(0), Value::list(Vec::new())];
    let longest = (0..=255).map(|byte| run_in_world(&program, inputs(), &[byte], None).time).max();
    assert_eq!((longest, upper_bound(&cost.time)), (Some(12_000), Some(14_000)));
}

/// The complete results of the analysis for small programs.
#[test]
fn figures_of_small_programs() {
    const HEAD: &str = "model m {\n  provider: anthropic\n  id: \"m\"\n  context: 1_000\n  max_output: 100\n  price: { input: 1usd, output: 10usd }\n}\nskill ask(text: string) -> string {\n  prompt \"$<text>\"\n}\nskill two() -> string {\n  max_tokens 10\n  prompt \"hi\"\n}\nskill list() -> list<int> where it.len() <= 5 {\n  run sh\"list\"\n    output json list<int>\n}\n";
    let cases = [
        // An answer of ten tokens to one token.
        ("stage a = two()\nusing m", "stages 1; model calls 1; tokens 11; money $0.000101; time no limit"),
        // A prompt of unknown size fills the window.
        (
            "stage a = ask(text)\nusing m\ntimeout 10s",
            "stages 1; model calls 1; tokens 1,100; money $0.002000; time 10s",
        ),
        // Pauses of 1, 2 and 3 s; the second prompt and those after it say why the answer before was refused.
        (
            "stage a = two()\nusing m\ntimeout 10s\nretry 3 backoff 1s..3s",
            "stages 1; model calls 4; tokens 3,041; money $0.003401; time 46s",
        ),
        // Lengths that are names, products, numbers.
        (
            "for f in files {\nstage a = two()\nusing m\n}",
            "stages len(files); model calls len(files); tokens 11·len(files); money $0.000101·len(files); time no limit",
        ),
        (
            "for f in files.take(3) {\nfor g in files {\nlet x = 1\nstage a = two()\nusing m\n}\n}",
            "stages 3·len(files); model calls 3·len(files); tokens 33·len(files); money $0.000303·len(files); time no limit",
        ),
        (
            "stage l = list()\nfor f in l {\nstage a = two()\nusing m\n}",
            "stages 6; model calls 5; tokens 55; money $0.000505; time no limit",
        ),
        (
            "repeat max n {\nstage a = two()\nusing m\n}",
            "stages n; model calls n; tokens 11·n; money $0.000101·n; time no limit",
        ),
        // Budgets and timeouts around.
        (
            "stage all = parallel {\nstage a = ask(text)\nusing m\nstage b = ask(text)\nusing m\n} timeout 1m budget 0.0015usd",
            "stages 3; model calls 2; tokens 2,200; money $0.001500; time 1m",
        ),
        (
            "stage a = ask(text)\nusing m\nbudget 500 tokens",
            "stages 1; model calls 1; tokens 500; money $0.002000; time no limit",
        ),
    ];
    let mut wrong = Vec::new();
    for (body, expected) in cases {
        let text = format!("{HEAD}cascade main(text: string, files: list<path>, n: int) {{\n{body}\n}}\n");
        let (program, cost) = analyse_program(&text);
        let said = cascade_compiler::cost::short_report(&[cost], &program.files);
        let said = said.trim_end().split("main: ").nth(1).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{body}\n  {said}\n  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
