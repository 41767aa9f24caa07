//! Resumed runs: after failures, edits, questions, exhausted quotas. A recorded answer is reused unless its request
//! changed.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use cascade_ir::ErrorKind;
use cascade_runtime::{Begin, Event};
use models::{Model, chat_reply, error_reply};
use project::{Project, result_json};
use serde_json::json;

fn review_program(model: &Model, style: &str) -> String {
    format!(
        r#"{}
skill summary(text: string) -> string {{
  prompt "Sum up: $<text>"
}}
skill review(text: string) -> string {{
  prompt "Review {style}: $<text>"
}}
skill conclude(a: string, b: string) -> string {{
  prompt "Conclude from $<a> and $<b>"
}}
cascade main() -> string {{
  stage both = parallel {{
    stage s = summary("a text")
      using m
    stage r = review("a text")
      using m
  }}
  stage end = conclude(both.s, both.r)
    using m
  return end
}}
"#,
        model.declaration()
    )
}

#[test]
fn only_effects_that_depend_on_an_edit_run_again() {
    let model = Model::start(|text| chat_reply(&format!("<{text}>")));
    let project = Project::new();
    let first = project.run(&review_program(&model, "kindly"), Begin::New);
    assert_eq!(model.prompts().len(), 3);
    let edited = review_program(&model, "strictly");

    let plan = project.plan(&edited, &first.run);
    assert_eq!(plan.reused.iter().map(|p| &p.path[..]).collect::<Vec<_>>(), ["main/both/s"]);
    assert_eq!(plan.runs.len(), 1);
    assert_eq!(plan.runs[0].path, "main/both/r");
    assert_eq!(plan.runs[0].reason, "the prompt of `review` changed");
    assert_eq!(plan.depends.iter().map(|p| &p.path[..]).collect::<Vec<_>>(), ["main/end"]);
    assert_eq!(model.prompts().len(), 3, "a plan asks nothing");

    let fork = project.run(&edited, Begin::Fork(first.run.clone()));
    assert_ne!(fork.run, first.run);
    assert!(result_json(&fork).as_str().unwrap().contains("Review strictly"));
    assert_eq!(
        &model.prompts()[3..],
        ["Review strictly: a text", "Conclude from <Sum up: a text> and <Review strictly: a text>"]
    );
    assert_eq!(fork.reused, 1);
    // Two answers are paid for, not three.
    assert_eq!((fork.spent.tokens, fork.spent.cost), (420, 4_020));

    // Documentation, comments and positions are not part of the key.
    let same = format!("// a comment\n{}", edited.replace("skill summary", "/// Sums up.\nskill summary"));
    let plan = project.plan(&same, &fork.run);
    assert_eq!((plan.reused.len(), plan.runs.len(), plan.end.as_deref()), (3, 0, Some("done")));
}

#[test]
fn a_plan_names_what_has_changed() {
    let model = Model::start(|_| chat_reply("7"));
    let project = Project::new();
    let text = |prompt: &str, input: &str, ty: &str, using: &str| {
        format!(
            "{}model other {{ provider: openai_compatible, id: \"o\", base_url: \"{}\" }}\n\
             skill rate(text: string) -> {ty} {{\n  {prompt}\n}}\n\
             cascade main() -> {ty} {{\n  stage r = rate(\"{input}\")\n    using {using}\n  return r\n}}\n",
            model.declaration(),
            model.url
        )
    };
    let plain = "prompt \"Rate: $<text>\"";
    let run = project.run(&text(plain, "x", "int", "m"), Begin::New).run;
    let reason = |text: &str| project.plan(text, &run).runs.first().map(|p| p.reason.clone()).unwrap_or_default();
    assert_eq!(reason(&text(plain, "x", "int", "m")), "");
    assert_eq!(reason(&text("prompt \"Rate it: $<text>\"", "x", "int", "m")), "the prompt of `rate` changed");
    assert_eq!(
        reason(&text("system \"Be fair.\"\n  prompt \"Rate: $<text>\"", "x", "int", "m")),
        "the system text of `rate` changed"
    );
    assert_eq!(reason(&text(plain, "y", "int", "m")), "the input `text` changed");
    assert_eq!(reason(&text(plain, "x", "float", "m")), "the type of the result of `rate` changed");
    assert_eq!(reason(&text(plain, "x", "int", "other")), "the model changed");
}

#[test]
fn a_failed_run_gets_new_attempts_and_keeps_its_answers() {
    let mut calls = 0;
    let model = Model::start(move |text| {
        calls += 1;
        match text.starts_with("Second") && calls <= 3 {
            true => error_reply(503, "", json!({ "error": { "message": "down" } })),
            false => chat_reply("fine"),
        }
    });
    let project = Project::new();
    let text = format!(
        "{}skill first() -> string {{\n  prompt \"First\"\n}}\nskill second() -> string {{\n  prompt \"Second\"\n}}\n\
         cascade main() -> string {{\n  stage a = first()\n    using m\n  stage b = second()\n    using m\n    \
         retry 1 backoff 0ms..0ms\n  return \"$<a> $<b>\"\n}}\n",
        model.declaration()
    );
    let first = project.run(&text, Begin::New);
    let failure = first.result.as_ref().unwrap_err();
    assert_eq!((failure.kind, failure.attempts), (ErrorKind::Unavailable, 2));
    let again = project.run(&text, Begin::Resume(first.run.clone()));
    assert_eq!(result_json(&again), "fine fine");
    assert_eq!(model.prompts(), ["First", "Second", "Second", "Second"]);
    let attempts: Vec<(String, u32, String)> =
        project.store().effects(&first.run).unwrap().into_iter().map(|e| (e.path, e.attempt, e.status)).collect();
    let row = |path: &str, attempt, status: &str| (path.to_owned(), attempt, status.to_owned());
    assert_eq!(
        attempts,
        [row("main/a", 1, "done"), row("main/b", 1, "failed"), row("main/b", 2, "failed"), row("main/b", 3, "done")]
    );
    let run = project.store().run(&first.run).unwrap().unwrap();
    assert_eq!((run.status.as_str(), run.tokens, run.cost), ("done", 420, 4_020));
}

#[test]
fn a_recorded_answer_needs_no_api_key() {
    // A variable that cargo sets for this test only.
    let model = Model::start(|_| chat_reply("kept"));
    let project = Project::new();
    let text = |env: &str, fails: &str| {
        format!(
            "model m {{ provider: openai_compatible, id: \"m\", base_url: \"{}\", key_env: \"{env}\" }}\n\
             skill say() -> string {{\n  prompt \"Say\"\n}}\ncascade main() -> string {{\n  stage a = say()\n    \
             using m\n  gate {fails}, \"no\"\n  return a\n}}\n",
            model.url
        )
    };
    let first = project.run(&text("CARGO_PKG_NAME", "a == \"\""), Begin::New);
    assert_eq!(first.result.unwrap_err().message, "no");
    let again = project.run(&text("NO_SUCH_VARIABLE_AT_ALL", "a != \"\""), Begin::Resume(first.run));
    assert_eq!(result_json(&again), "kept");
    assert_eq!(model.prompts().len(), 1);
}

#[test]
fn an_exhausted_quota_pauses_the_run_and_starts_nothing_else() {
    let mut calls = 0;
    let model = Model::start(move |_| {
        calls += 1;
        match calls {
            1 => error_reply(
                429,
                "retry-after: 3600\r\n",
                json!({ "error": { "code": "insufficient_quota", "message": "quota spent" } }),
            ),
            _ => chat_reply("ok"),
        }
    });
    let project = Project::new();
    let text = format!(
        "{}skill say(n: int) -> string {{\n  prompt \"Say $<n>\"\n}}\nskill touch(n: int) -> string {{\n  \
         run sh\"echo $<n> >> log.txt\"\n}}\n\
         cascade main() -> list<string?> {{\n  stage all = for n in [1, 2, 3, 4, 5] parallel max 1 {{\n    \
         stage s = say(n)\n      using m\n      retry 3\n      on error skip\n    stage t = touch(n)\n    s\n  }}\n  \
         return all\n}}\n",
        model.declaration()
    );
    let first = project.run(&text, Begin::New);
    let pause = first.pause.as_ref().unwrap();
    assert!(pause.reason().starts_with("a quota is spent: quota spent"), "{}", pause.reason());
    let wait = pause.until.unwrap() - cascade_runtime::journal::now_ms();
    assert!((3_500_000..=3_600_000).contains(&wait), "{wait}");
    assert_eq!(model.prompts().len(), 1, "nobody else meets the same wall");
    assert_eq!(project.lines("log.txt").len(), 0, "nothing else is started");
    assert_eq!(project.store().run(&first.run).unwrap().unwrap().status, "paused");
    let again = project.run(&text, Begin::Resume(first.run));
    assert_eq!(result_json(&again), json!(["ok", "ok", "ok", "ok", "ok"]));
    assert_eq!(model.prompts().len(), 6);
    assert_eq!(project.lines("log.txt"), ["1", "2", "3", "4", "5"]);
}

#[test]
fn an_exhausted_quota_is_not_skipped_but_uses_another_model() {
    let model = Model::start(|text| match text {
        "Say" => error_reply(429, "", json!({ "error": { "code": "insufficient_quota", "message": "spent" } })),
        _ => chat_reply("ok"),
    });
    let other = Model::start(|_| chat_reply("from the other"));
    let project = Project::new();
    let text = format!(
        "{}model other {{ provider: openai_compatible, id: \"o\", base_url: \"{}\" }}\n\
         skill say() -> string {{\n  prompt \"Say\"\n}}\ncascade main() -> string {{\n  stage a = say()\n    using m\n    \
         on error use [other]\n  return a\n}}\n",
        model.declaration(),
        other.url
    );
    assert_eq!(result_json(&project.run(&text, Begin::New)), "from the other");
}

#[test]
fn budgets_stop_before_the_overrun() {
    let model = Model::start(|_| chat_reply("ok"));
    let project = Project::new();
    let text = |budget: &str, limit: &str| {
        format!(
            "{}skill say(n: int) -> string {{\n  prompt \"Say $<n>\"\n{limit}}}\n\
             cascade main() -> int\n  budget {budget}\n{{\n  var done = 0\n  for n in [1, 2, 3, 4, 5] {{\n    \
             stage s = say(n)\n      using m\n    done = done + 1\n  }}\n  return done\n}}\n",
            model.declaration()
        )
    };
    // The answer is bounded by the program: 500 tokens are 0.005 dollars.
    let outcome = project.run(&text("0.01usd", "  max_tokens 500\n"), Begin::New);
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::OverBudget);
    assert!(failure.message.starts_with("the next prompt may cost 0.00"), "{failure}");
    // Three answers came to 0.00603; a fourth could have passed 0.01.
    assert_eq!(model.prompts().len(), 3);
    assert!(outcome.spent.cost <= 10_000);

    // Without a bound of its own, the answer is bounded by what is left.
    let outcome = project.run(&text("0.02usd", ""), Begin::New);
    assert_eq!(result_json(&outcome), 5);
    let before = model.prompts().len();
    let outcome = project.run(&text("600 tokens", ""), Begin::New);
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::OverBudget);
    assert!(failure.message.contains("of the budget are left"), "{failure}");
    assert!(outcome.spent.tokens <= 600);
    assert_eq!(model.prompts().len() - before, 2);

    // What was spent before an interruption counts.
    let run = outcome.run;
    let again = project.run(&text("600 tokens", ""), Begin::Resume(run));
    assert_eq!(again.result.unwrap_err().kind, ErrorKind::OverBudget);
    assert_eq!(model.prompts().len() - before, 2);
}

#[test]
fn branches_reserve_their_share_of_a_budget() {
    let model = Model::start(|_| chat_reply("ok"));
    let project = Project::new();
    let text = format!(
        "{}skill say(n: int) -> string {{\n  prompt \"Say $<n>\"\n  max_tokens 500\n}}\n\
         cascade main() -> list<string?>\n  budget 0.012usd\n{{\n  stage all = for n in [1, 2, 3, 4] parallel {{\n    \
         stage s = say(n)\n      using m\n      on error (over_budget) skip\n    s\n  }}\n  return all\n}}\n",
        model.declaration()
    );
    let outcome = project.run(&text, Begin::New);
    // Two may cost 0.005 each at once; a third could pass the budget.
    assert_eq!(result_json(&outcome), json!(["ok", "ok", null, null]));
    assert_eq!(model.prompts().len(), 2);
}

#[test]
fn a_question_waits_without_a_process() {
    let project = Project::new();
    let text = r#"
skill note(what: string) -> string {
  run sh"echo $<what> >> log.txt; echo $<what>"
}
cascade main() -> string {
  stage before = note("before")
  stage ok = approve("Deploy $<before>?")
  gate ok, "not approved"
  stage name = ask("Who are you?")
  stage where_to = choose("Where to?", ["eu", "us"])
  stage after = note("after")
  return "$<name> $<where_to> $<after>"
}
"#;
    let first = project.run(text, Begin::New);
    let pause = first.pause.as_ref().unwrap();
    assert_eq!(pause.reason(), "`main/ok` waits for a person");
    assert_eq!((&pause.questions[0].kind[..], &pause.questions[0].question[..]), ("approve", "Deploy before?"));
    let run = first.run;
    let resume = || project.run(text, Begin::Resume(run.clone()));
    assert!(resume().pause.is_some(), "nobody has answered");
    project.answer(&run, &json!(true));
    assert_eq!(resume().pause.unwrap().questions[0].kind, "ask");
    project.answer(&run, &json!("Ada"));
    assert_eq!(resume().pause.unwrap().questions[0].options, ["eu", "us"]);
    project.answer(&run, &json!("eu"));
    assert_eq!(result_json(&resume()), "Ada eu after");
    assert_eq!(project.lines("log.txt"), ["before", "after"]);
}

#[test]
fn other_branches_continue_while_a_question_is_open() {
    let project = Project::new();
    let text = r#"
skill note(what: string) -> string {
  run sh"echo $<what> >> log.txt; echo $<what>"
}
cascade main() -> string {
  stage all = parallel {
    stage ok = approve("Go?")
    stage a = note("a")
    stage b = note("b$<a>")
  }
  return "$<all.ok> $<all.b>"
}
"#;
    let first = project.run(text, Begin::New);
    assert!(first.pause.is_some());
    assert_eq!(project.lines("log.txt"), ["a", "ba"]);
    project.answer(&first.run, &json!(false));
    assert_eq!(result_json(&project.run(text, Begin::Resume(first.run))), "false ba");
}

#[test]
fn a_failure_is_escalated_to_a_person() {
    let text = r#"
skill work() -> int {
  run sh"echo try >> log.txt; test -e ready && echo 7"
    output json int
}
cascade main() -> int? {
  stage a: int? = work()
    on error escalate "The work failed"
    on error fail "given up"
  return a
}
"#;
    let begin = |project: &Project| {
        let first = project.run(text, Begin::New);
        let pause = first.pause.unwrap();
        assert_eq!(pause.questions[0].path, "main/a/escalate");
        assert!(pause.questions[0].question.starts_with("The work failed\n"));
        first.run
    };
    // Again.
    let project = Project::new();
    let run = begin(&project);
    assert_eq!(project.store().questions(&run).unwrap()[0].options, ["retry", "value", "abort"]);
    project.write("ready", "");
    project.answer(&run, &json!({ "action": "retry" }));
    assert_eq!(result_json(&project.run(text, Begin::Resume(run))), 7);
    assert_eq!(project.lines("log.txt").len(), 2);
    // A value, of the right type.
    let project = Project::new();
    let run = begin(&project);
    project.answer(&run, &json!({ "action": "value", "value": 3 }));
    assert_eq!(result_json(&project.run(text, Begin::Resume(run))), 3);
    // The person gives up: the next handler is used.
    let project = Project::new();
    let run = begin(&project);
    project.answer(&run, &json!({ "action": "abort" }));
    let failure = project.run(text, Begin::Resume(run)).result.unwrap_err();
    assert_eq!(failure.message, "given up");
}

#[test]
fn a_cache_answers_other_runs() {
    let model = Model::start(|text| chat_reply(&format!("<{text}>")));
    let project = Project::new();
    let text = |input: &str, age: &str| {
        format!(
            "{}skill say(what: string) -> string {{\n  prompt \"Say $<what>\"\n}}\n\
             cascade main() -> string {{\n  stage a = say(\"{input}\")\n    using m\n    cache {age}\n  return a\n}}\n",
            model.declaration()
        )
    };
    let missed = |events: &[Event]| -> Vec<String> {
        let reason = |e: &Event| match e {
            Event::CacheMissed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        events.iter().filter_map(reason).collect()
    };
    let run = |text: &str, no_cache: bool| project.run_with(text, Begin::New, &json!({}), |o| o.no_cache = no_cache);
    let (first, events) = run(&text("x", "7d"), false);
    assert_eq!(missed(&events), ["no answer of `say` is kept"]);
    let (second, events) = run(&text("x", "7d"), false);
    assert_eq!(result_json(&second), result_json(&first));
    assert!(events.iter().any(|e| matches!(e, Event::Reused { from: "cache", .. })));
    assert_eq!((model.prompts().len(), second.spent.cost), (1, 0));
    let (_, events) = run(&text("y", "7d"), false);
    assert_eq!(missed(&events), ["the input `what` changed"]);
    let (_, events) = run(&text("x", "7d"), true);
    assert_eq!(missed(&events), ["the cache is switched off"]);
    let (_, events) = run(&text("x", "0ms"), false);
    assert!(missed(&events).iter().all(|m| m.contains("old, and at most 0s are allowed")), "{events:?}");
    // A cached answer is recorded as an answer of this run, which is resumed from its own record.
    assert_eq!(project.plan(&text("x", "7d"), &second.run).reused.len(), 1);
}

#[test]
fn a_waiting_process_reads_answers_that_others_record() {
    let project = Project::new();
    let text = "cascade main() -> string {\n  stage name = ask(\"Who?\")\n  return name\n}\n";
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| project.run_with(text, Begin::New, &json!({}), |o| o.wait = true));
        let store = loop {
            let asked = project.journal().is_file().then(|| project.store());
            match asked.filter(|s| s.runs().unwrap().iter().any(|r| s.questions(&r.id).unwrap().len() == 1)) {
                Some(store) => break store,
                None => std::thread::yield_now(),
            }
        };
        let run = store.runs().unwrap().remove(0);
        assert_eq!(run.pid, Some(std::process::id()), "it lives on");
        project.answer(&run.id, &json!("Grace"));
        assert_eq!(result_json(&waiting.join().unwrap().0), "Grace");
    });
}

#[test]
fn a_waiting_process_continues_when_the_quota_is_available() {
    let mut calls = 0;
    let model = Model::start(move |_| {
        calls += 1;
        let spent = json!({ "error": { "code": "insufficient_quota", "message": "spent" } });
        if calls == 1 { error_reply(429, "retry-after: 0\r\n", spent) } else { chat_reply("ok") }
    });
    let project = Project::new();
    let text = format!(
        "{}skill say() -> string {{\n  prompt \"Say\"\n}}\ncascade main() -> string {{\n  stage a = say()\n    using m\n  \
         return a\n}}\n",
        model.declaration()
    );
    let (outcome, events) = project.run_with(&text, Begin::New, &json!({}), |o| o.wait = true);
    assert_eq!(result_json(&outcome), "ok");
    assert!(events.iter().any(|e| matches!(e, Event::Paused { until: Some(_), .. })), "{events:?}");
}

#[test]
fn a_secret_is_not_recorded_and_is_required_to_resume() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill call(token: secret) -> string {\n  run sh\"test -e ready && echo $TOKEN | wc -c\"\n    env { TOKEN: token }\n}\n\
         cascade main(token: secret) -> string {\n  stage a = call(token)\n  return a\n}\n",
    );
    let first = project.call(&["run", "flow.cascade", "--input", "token=hunter2"]);
    assert_eq!(first.status.code(), Some(1));
    for entry in std::fs::read_dir(project.path().join(".cascade")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(7).any(|w| w == b"hunter2"), "{} holds the secret", path.display());
        }
    }
    project.write("ready", "");
    let without = project.call(&["resume"]);
    assert_eq!(without.status.code(), Some(2));
    assert!(project::stderr(&without).contains("input `token`: missing"), "{}", project::stderr(&without));
    let with = project.call(&["resume", "-q", "--input", "token=hunter2"]);
    assert_eq!(project::stdout(&with), "8\n", "{}", project::stderr(&with));
}

#[test]
fn what_was_spent_counts_after_an_edit() {
    let model = Model::start(|_| chat_reply("no"));
    let project = Project::new();
    let text = |prompt: &str, gate: &str| {
        format!(
            "{}skill say() -> string {{\n  prompt \"{prompt}\"\n  max_tokens 200\n}}\n\
             cascade main() -> string\n  budget 0.005usd\n{{\n  stage a = say()\n    using m\n  gate {gate}, \"no\"\n  \
             stage b = say()\n    using m\n  return b\n}}\n",
            model.declaration()
        )
    };
    let first = project.run(&text("One", "a == \"yes\""), Begin::New);
    assert_eq!(first.result.unwrap_err().message, "no");
    // Edited, the first stage is asked again; both answers together leave too little for the second.
    let again = project.run(&text("Two", "a == \"no\""), Begin::Resume(first.run.clone()));
    assert_eq!(again.result.unwrap_err().kind, ErrorKind::OverBudget);
    assert_eq!((model.prompts().len(), again.spent.cost), (2, 4_020));
    assert_eq!(project.store().run(&first.run).unwrap().unwrap().cost, 4_020);
    // And once more, from the record alone.
    let again = project.run(&text("Two", "a == \"no\""), Begin::Resume(first.run));
    assert_eq!((model.prompts().len(), again.spent.cost), (2, 4_020));
}

#[test]
fn a_run_that_waits_for_a_person_can_be_cancelled() {
    let project = Project::new();
    project.write(
        "flow.cascade",
        "skill note(what: string) {\n  run sh\"echo $<what> >> log.txt\"\n}\n\
         cascade main() {\n  stage a = note(\"begun\")\n  stage ok = approve(\"Go on?\")\n  stage b = note(\"went on\")\n\n  \
         on cancel {\n    stage c = note(\"cancelled\")\n  }\n}\n",
    );
    assert_eq!(project.call(&["run", "flow.cascade", "-q"]).status.code(), Some(3));
    let output = project.call(&["runs", "cancel", "last"]);
    assert!(output.status.success(), "{}", project::stderr(&output));
    assert_eq!(project.lines("log.txt"), ["begun", "cancelled"]);
    let run = project.store().runs().unwrap().remove(0);
    assert_eq!(run.status, "cancelled");
    // It can be resumed all the same, and asks again.
    assert_eq!(project.call(&["resume", "-q"]).status.code(), Some(3));
    assert!(project.call(&["approve", "last", "--resume", "-q"]).status.success());
    assert_eq!(project.lines("log.txt"), ["begun", "cancelled", "went on"]);
}

#[test]
fn a_question_is_withdrawn_after_its_timeout() {
    let project = Project::new();
    let text = "cascade main() -> bool? {\n  stage ok = approve(\"Go on?\")\n    timeout 1ms\n    on error skip\n  \
                return ok\n}\n";
    let first = project.run(text, Begin::New);
    // Whether or not the run has paused: the time limit is over by the wall clock when the run is resumed.
    let outcome = if first.pause.is_some() { project.run(text, Begin::Resume(first.run.clone())) } else { first };
    assert_eq!(result_json(&outcome), json!(null));
    assert!(project.store().questions(&outcome.run).unwrap().is_empty());
}

#[test]
fn requests_that_wait_for_a_quota_do_not_begin_when_the_run_is_cancelled() {
    let spent = json!({ "error": { "code": "insufficient_quota", "message": "spent" } });
    let model = Model::start(move |_| error_reply(429, "retry-after: 3600\r\n", spent.clone()));
    let project = Project::new();
    let text = format!(
        "{}skill say() -> string {{\n  prompt \"Say\"\n}}\nskill wait() -> string {{\n  \
         run sh\"while ! test -e go; do sleep 0.01; done; echo gone\"\n}}\n\
         skill touch(n: int) -> string {{\n  run sh\"echo $<n> >> log.txt\"\n}}\n\
         cascade main() {{\n  stage all = parallel {{\n    stage s = say()\n      using m\n    stage w = wait()\n    \
         stage a = touch(w.len())\n    stage b = touch(w.len() + 1)\n  }}\n}}\n",
        model.declaration()
    );
    let cancel = cascade_runtime::Cancel::default();
    let handle = cancel.clone();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            project.run_with(&text, Begin::New, &json!({}), |o| {
                o.wait = true;
                o.cancel = cancel.clone();
            })
        });
        // The quota is recorded as exhausted, then the other branch reaches the request that must wait.
        let ended = |path: &str| {
            project.journal().is_file()
                && project.store().runs().unwrap().first().is_some_and(|run| {
                    let effects = project.store().effects(&run.id).unwrap();
                    effects.iter().any(|e| e.path == path && e.ended.is_some())
                })
        };
        while !ended("main/all/s") {
            std::thread::yield_now();
        }
        project.write("go", "");
        while !ended("main/all/w") {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        handle.cancel();
        let (outcome, _) = run.join().unwrap();
        assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Cancelled);
        let effects = project.store().effects(&outcome.run).unwrap();
        let begun: Vec<&str> = effects.iter().map(|e| &e.path[..]).collect();
        assert_eq!(begun, ["main/all/s", "main/all/w"], "nothing else was begun");
    });
    assert!(project.lines("log.txt").is_empty());
}
