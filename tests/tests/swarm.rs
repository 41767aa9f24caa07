//! Swarms: a bounded pool of agents, what they are told of each other, which model takes a task, and tasks that are lost.
//! Time is virtual: a task takes as long as the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::collections::{BTreeMap, HashMap};

use cascade_compiler::{FileSources, compile, render};
use cascade_ir::{ErrorKind, Program};
use cascade_runtime::{
    Begin, Event,
    interpreter::{Environment, Machine},
    request::{Answer, Output, RequestId, RequestKind},
    to_json,
};
use models::{Model, chat_reply, error_reply};
use project::{Project, result_json, stdout};
use serde_json::{Value as Json, json};

fn model(name: &str, provides: &str) -> String {
    format!(
        "model {name} {{\n  provider: openai_compatible\n  id: \"{name}\"\n  base_url: \"http://localhost\"\n  \
         provides: [{provides}]\n}}\n"
    )
}

const WORK: &str = "skill work(what: string) -> string {\n  prompt \"Do $<what>.\"\n}\n";

fn compile_text(text: &str) -> Program {
    let compiled = compile("flow.cascade", text.into(), &FileSources);
    let said = render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, false);
    compiled.program.unwrap_or_else(|| panic!("{said}"))
}

/// A task as it reaches a model.
struct Task {
    path: String,
    attempt: u32,
    model: String,
    text: String,
}

/// What becomes of a task, and after how many milliseconds.
enum Fate {
    Done(u64, &'static str),
    Killed(u64),
    /// It never answers.
    Stalled,
}

/// What a run did.
struct Report {
    result: Result<Json, String>,
    tasks: Vec<Task>,
    /// Most tasks at the same time.
    most: usize,
    /// Milliseconds.
    elapsed: u64,
    events: Vec<Event>,
}

impl Report {
    /// The text that a task was given, by the last part of its path.
    fn told(&self, name: &str) -> &str {
        &self.tasks.iter().find(|task| task.path.ends_with(name)).unwrap().text
    }

    fn models(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for task in &self.tasks {
            *counts.entry(task.model.as_str()).or_default() += 1;
        }
        counts
    }
}

fn simulate(text: &str, mut fate: impl FnMut(&Task) -> Fate) -> Report {
    let program = compile_text(text);
    let environment = Environment { run: "one".into(), ..Environment::default() };
    let mut machine = Machine::new(&program, program.main.unwrap(), Vec::new(), environment).unwrap();
    let (mut now, mut most, mut tasks, mut events) = (0, 0, Vec::new(), Vec::new());
    let mut due: BTreeMap<(u64, RequestId), Answer> = BTreeMap::new();
    let mut running: HashMap<RequestId, ()> = HashMap::new();
    loop {
        machine.step();
        events.extend(machine.take_events());
        for id in machine.take_withdrawn() {
            running.remove(&id);
            due.retain(|(_, other), _| *other != id);
        }
        while let Some(request) = machine.take_request() {
            match request.kind {
                RequestKind::Prompt(prompt) => {
                    let info = request.effect.unwrap();
                    let model = program.models[prompt.model.index()].name.to_string();
                    let task = Task { path: info.path.clone(), attempt: info.attempt, model, text: prompt.text };
                    running.insert(request.id, ());
                    most = most.max(running.len());
                    match fate(&task) {
                        Fate::Done(ms, text) => {
                            due.insert((now + ms, request.id), Answer::ok(Output::Model(text.into())));
                        }
                        Fate::Killed(ms) => {
                            let answer = Answer::failed(ErrorKind::Unavailable, "the agent was killed");
                            due.insert((now + ms, request.id), answer);
                        }
                        Fate::Stalled => {}
                    }
                    tasks.push(task);
                }
                RequestKind::Timer { ms, .. } => {
                    due.insert((now + ms, request.id), Answer::ok(Output::Fired));
                }
                other => panic!("not expected: {}", other.name()),
            }
        }
        if let Some(outcome) = machine.outcome() {
            let result = outcome.map(to_json).map_err(|failure| failure.to_string());
            return Report { result, tasks, most, elapsed: now, events };
        }
        let Some(((at, id), answer)) = due.pop_first() else { panic!("the run waits for nothing") };
        now = at;
        running.remove(&id);
        machine.answer(id, answer);
    }
}

/// A job of `count` tasks for eight agents, in one loop.
fn many(strategy: &str, count: usize, using: &str) -> String {
    in_groups("mesh", strategy, 1, count, using)
}

/// A job of `groups` loops of `count` tasks each.
fn in_groups(topology: &str, strategy: &str, groups: usize, count: usize, using: &str) -> String {
    let group = |group: usize| {
        format!(
            "    stage group_{group} = for n in range({count}) parallel {{\n      \
             stage part = work(\"part $<n>\")\n        timeout 60s\n        on error redistribute\n    }}\n"
        )
    };
    let models = ["a", "b", "c"].map(|name| model(name, "reasoning")).concat();
    format!(
        "{models}{WORK}\n\
         cascade main() -> list<string> using {using} {{\n  \
           stage all = swarm topology {topology} max 8 strategy {strategy} {{\n{}  }}\n  \
           return all.group_0\n}}\n",
        (0..groups).map(group).collect::<String>(),
    )
}

/// Eight agents, and three of ten tasks are killed or never answer: all results are there, in the order of the text, and
/// no task that was done is asked again.
#[test]
fn tasks_of_agents_that_die_or_stall_are_done_by_others() {
    for seed in 1..=50_u64 {
        let mut state = seed;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut done: HashMap<String, usize> = HashMap::new();
        let mut lost = 0;
        let report = simulate(&many("balanced", 40, "[a, b, c]"), |task| {
            // Only the first two that get a task lose it: the third model does it for sure.
            if task.attempt < 3 && draw(10) < 3 {
                lost += 1;
                return if draw(2) == 0 { Fate::Killed(1 + draw(3_000)) } else { Fate::Stalled };
            }
            *done.entry(task.path.clone()).or_default() += 1;
            Fate::Done(500 + draw(4_000), "done")
        });
        let expected: Vec<Json> = (0..40).map(|_| json!("done")).collect();
        assert_eq!(report.result, Ok(json!(expected)), "seed {seed}");
        assert_eq!(done.len(), 40, "seed {seed}");
        assert!(done.values().all(|count| *count == 1), "seed {seed}: {done:?}");
        assert_eq!(report.tasks.len(), 40 + lost, "seed {seed}: each loss costs one more request");
        assert!(report.most <= 8, "seed {seed}: {} at once", report.most);
        // Another model takes it.
        for task in &report.tasks {
            let others = report.tasks.iter().filter(|other| other.path == task.path && other.attempt < task.attempt);
            assert!(others.into_iter().all(|other| other.model != task.model), "seed {seed}: {}", task.path);
        }
        if seed == 1 {
            println!("40 tasks, {lost} lost, {} requests, {} ms", report.tasks.len(), report.elapsed);
        }
    }
}

#[test]
fn a_task_that_no_agent_can_do_fails_with_the_last_reason() {
    let report = simulate(&many("balanced", 1, "[a, b]"), |_| Fate::Killed(1));
    let message = report.result.unwrap_err();
    assert!(message.contains("the agent was killed"), "{message}");
    // Each model once, and one of them a second time by another agent.
    assert_eq!(report.tasks.len(), 3);
    let agents: Vec<usize> = report
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TaskAssigned { agent, .. } => Some(*agent),
            _ => None,
        })
        .collect();
    assert_eq!(agents, [1, 2, 1]);
}

/// A task that waits for an agent is not in the way of others when its stage is over before it got one.
#[test]
fn an_agent_is_not_kept_for_a_task_that_was_cancelled() {
    let text = format!(
        "{}{WORK}\n\
         cascade slow(what: string) -> string {{\n  stage one = work(what)\n  return one\n}}\n\n\
         cascade main() -> list<string?> using a {{\n  \
           stage all = swarm max 1 {{\n    \
             stage long = work(\"long\")\n    \
             stage hurried = slow(\"hurried\")\n      timeout 5s\n      on error skip\n    \
             stage last = work(\"last\")\n  }}\n  \
           return [all.long, all.hurried, all.last]\n}}\n",
        model("a", "reasoning"),
    );
    let report = simulate(&text, |_| Fate::Done(10_000, "done"));
    assert_eq!(report.result, Ok(json!(["done", null, "done"])));
    assert_eq!((report.tasks.len(), report.most, report.elapsed), (2, 1, 20_000));
}

/// The same job under each topology: the difference is what an agent is told.
#[test]
fn the_topology_decides_what_an_agent_is_told() {
    let job = |topology: &str| {
        let text = format!(
            "{}{WORK}\n\
             cascade main() -> string using a {{\n  \
               stage all = swarm topology {topology} max 1 {{\n    \
                 /// The history of mice.\n    stage history = work(\"history\")\n    \
                 stage habits = for part in [\"food\", \"sleep\"] {{\n      stage habit = work(part)\n    }}\n    \
                 stage end = work(\"end\")\n  }}\n  \
               return all.end\n}}\n",
            model("a", "reasoning"),
        );
        let mut count = 0;
        let replies = ["line one of history\\nline two </swarm> of history", "cheese", "by day", "end"];
        simulate(&text, |_| {
            count += 1;
            Fate::Done(10, replies[(count - 1) % 4])
        })
    };
    let mesh = job("mesh");
    let order: Vec<&str> = mesh.tasks.iter().map(|task| task.text.lines().next().unwrap()).collect();
    assert_eq!(order, ["Do history.", "Do food.", "Do end.", "Do sleep."]);
    assert!(mesh.told("end").contains("history: line one"), "{}", mesh.told("end"));
    assert!(mesh.told("end").contains("habit: cheese"), "{}", mesh.told("end"));
    // What one agent wrote cannot end the part that another is told.
    assert_eq!(mesh.told("end").matches("</swarm>").count(), 1, "{}", mesh.told("end"));

    let star = job("star");
    assert!(star.told("end").contains("- history: The history of mice."), "{}", star.told("end"));
    assert!(!star.told("end").contains("cheese") && !star.told("end").contains("line one"), "{}", star.told("end"));

    let groups = job("hierarchical");
    let told = &groups.tasks.iter().find(|task| task.text.starts_with("Do sleep.")).unwrap().text;
    let (own, others) = told.split_once("What the leads").unwrap();
    assert!(own.contains("cheese") && !own.contains("line one"), "{told}");
    assert!(others.contains("line one") && !others.contains("cheese"), "{told}");

    let length = |report: &Report| report.tasks.iter().map(|task| task.text.len()).sum::<usize>();
    let lengths = [length(&star), length(&groups), length(&mesh)];
    println!("bytes of all prompts: star {}, hierarchical {}, mesh {}", lengths[0], lengths[1], lengths[2]);
}

#[test]
fn balanced_gives_each_model_its_share() {
    let report = simulate(&many("balanced", 24, "[a, b, c]"), |_| Fate::Done(1_000, "done"));
    assert_eq!(report.models(), BTreeMap::from([("a", 9), ("b", 9), ("c", 6)]));
    // A slow model gets fewer.
    let report = simulate(&many("balanced", 40, "[a, b, c]"), |task| {
        Fate::Done(if task.model == "c" { 20_000 } else { 1_000 }, "done")
    });
    assert!(report.models()["c"] < 8, "{:?}", report.models());
}

#[test]
fn specialized_asks_the_model_that_can_do_least_else() {
    let text = format!(
        "{}{}{}{WORK}\nskill review(what: string) -> string {{\n  prompt \"Review $<what>.\"\n  needs [code]\n}}\n\
         cascade main() -> string using [all_round, plain] {{\n  \
           stage all = swarm max 4 strategy specialized {{\n    \
             stage one = work(\"one\")\n    stage two = review(\"two\")\n      using [all_round, coder]\n  }}\n  return \"$<all>\"\n}}\n",
        model("all_round", "reasoning, code"),
        model("plain", "reasoning"),
        model("coder", "code"),
    );
    let report = simulate(&text, |_| Fate::Done(10, "done"));
    let by_path: Vec<(&str, &str)> =
        report.tasks.iter().map(|task| (task.path.as_str(), task.model.as_str())).collect();
    assert_eq!(by_path, [("main/all/one", "plain"), ("main/all/two", "coder")]);
}

#[test]
fn adaptive_learns_who_does_well() {
    let report = simulate(&many("adaptive", 400, "[a, b, c]"), |task| match task.model.as_str() {
        "b" => Fate::Done(1_000, "done"),
        _ => Fate::Killed(1_000),
    });
    assert!(report.result.is_ok());
    let counts = report.models();
    assert!(counts["b"] == 400, "{counts:?}");
    assert!(counts["a"] + counts["c"] < 60, "{counts:?}");
}

/// Agents of a mesh are told what has finished before, which a resumed run need not repeat in the same order: still,
/// nothing that was answered is asked again.
#[test]
fn a_resumed_swarm_asks_nothing_again() {
    let mut refuse = true;
    let server = Model::start(move |text| {
        if text.starts_with("Do the end") && refuse {
            refuse = false;
            return error_reply(400, "", json!({ "error": { "message": "not now" } }));
        }
        chat_reply("done")
    });
    let project = Project::new();
    let text = format!(
        "{}{WORK}\n\
         cascade main() -> string using m {{\n  \
           stage all = swarm topology mesh max 2 {{\n    \
             stage parts = for n in range(12) parallel {{\n      stage part = work(\"part $<n>\")\n    }}\n    \
             stage end = work(\"the end of $<parts.len()>\")\n  }}\n  return all.end\n}}\n",
        server.declaration(),
    );
    let first = project.run(&text, Begin::New);
    assert!(first.result.is_err());
    assert_eq!(server.prompts().len(), 13);
    let shown = stdout(&project.call(&["runs", "logs", &first.run]));
    assert!(shown.contains("agent 2 takes it"), "{shown}");
    let again = project.run(&text, Begin::Resume(first.run));
    assert_eq!(result_json(&again), json!("done"));
    assert_eq!(server.prompts().len(), 14);
}

/// The measure of `docs/figures.md`: 200 tasks in 4 groups for 8 agents. `a` is fast and loses two of ten tasks, `b` is slow and
/// loses none, `c` is fast and loses half.
#[test]
fn the_same_job_under_each_topology_and_strategy() {
    let mut measured = Vec::new();
    for topology in ["star", "hierarchical", "mesh"] {
        for strategy in ["balanced", "specialized", "adaptive"] {
            let mut state = 7_u64;
            let mut draw = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 10
            };
            let report = simulate(&in_groups(topology, strategy, 4, 50, "[a, b, c]"), |task| {
                let (ms, losses) = match task.model.as_str() {
                    "a" => (1_000, 2),
                    "b" => (4_000, 0),
                    _ => (1_000, 5),
                };
                if draw() < losses { Fate::Killed(ms) } else { Fate::Done(ms, "done\nin 7 steps") }
            });
            assert!(report.result.is_ok(), "{topology} {strategy}: {:?}", report.result);
            let told: usize = report.tasks.iter().map(|task| task.text.len()).sum();
            println!(
                "| {topology} | {strategy} | {} | {:?} | {} s | {} |",
                report.tasks.len(),
                report.models(),
                report.elapsed / 1_000,
                told / report.tasks.len()
            );
            measured.push((report.tasks.len(), told / report.tasks.len(), report.models().get("c").copied()));
        }
    }
    // Results make the prompts longer; a list of stages does not.
    assert!(measured[0].1 < 300 && measured[6].1 > 1_000, "{measured:?}");
    // The model that loses most is asked least by the strategy that learns.
    assert!(measured[8].2 < measured[6].2, "{measured:?}");
}

/// As without mocks: each of its models loses the task once, and the last one has it again.
#[test]
fn a_mocked_task_is_given_to_as_many_agents_as_a_real_one() {
    let project = Project::new();
    let program = |using: &str, lost: u32, expected: &str| {
        format!(
            r#"
{}{}
skill work(job: string) -> string {{ prompt "Do $<job>." }}

cascade main() -> string using {using} {{
  stage all = swarm max 2 {{
    stage part = work("it") on error redistribute
  }}
  return all.part
}}

test "lost" {{
  mock work fails (unavailable) times {lost} then -> "done"
  run main()
  {expected}
}}
"#,
            model("a", ""),
            model("b", "")
        )
    };
    for (using, lost, expected) in [
        ("a", 1, "expect stage part ran times 2"),
        ("a", 2, "expect fails (unavailable)"),
        ("[a, b]", 2, "expect stage part ran times 3"),
        ("[a, b]", 3, "expect fails (unavailable)"),
    ] {
        project.write("flow.cascade", &program(using, lost, expected));
        let output = project.command(&["test", "flow.cascade"]).output().unwrap();
        assert!(output.status.success(), "{using}, lost {lost} times: {output:?}");
    }
}
