//! `[providers.…]` of `cascade.toml`: keys, headers, addresses and proxies of models, in whole processes.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/models.rs"]
mod models;
#[path = "support/project.rs"]
mod project;

use std::fs;

use models::{Model, chat_reply};
use project::{Project, files_below, stderr, stdout};

const KEY: &str = "k3y-0f-the-team-5d1c9a7b";

/// A program that asks a model three times at once.
fn program(settings: &str) -> String {
    format!(
        r#"model m {{
  provider: openai
  id: "m"
{settings}  context: 100_000
  max_output: 1_000
  price: {{ input: 1usd, output: 10usd }}
}}

skill say(n: int) -> string {{
  prompt "Say $<n>."
}}

cascade main() -> string {{
  stage all = for n in range(3) parallel {{
    stage said = say(n)
      using m
    said
  }}
  return all.join(" ")
}}
"#
    )
}

/// Answers of the dialect of OpenAI's Responses.
fn responses_reply(text: &str) -> models::Said {
    let (_, headers, _) = chat_reply("");
    let body = serde_json::json!({
        "status": "completed",
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": text }] }],
    });
    (200, headers, body.to_string())
}

/// A project with a program and its settings, and how `cascadec run` went.
fn run(
    project: &Project,
    text: &str,
    settings: &str,
    environment: &[(&str, &str)],
    args: &[&str],
) -> std::process::Output {
    project.write("cascade.toml", settings);
    project.write("flow.cascade", text);
    let mut command = project.command(&[&["run", "flow.cascade"], args].concat());
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
    ] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn keys_headers_and_addresses_come_from_the_project() {
    let model = Model::start(|_| responses_reply("yes"));
    let project = Project::new();
    let settings = format!(
        "[providers.openai]\nbase_url = \"{}/v1/\"\nkey_env = [\"OTHER_KEY\", \"TEAM_KEY\"]\n\
         headers = {{ \"X-Team\" = \"core\", \"x-pass\" = \"env:GATE_PASS\" }}\n",
        model.url
    );
    let environment = [("TEAM_KEY", KEY), ("GATE_PASS", "open-the-gate-please")];
    let output = run(&project, &program(""), &settings, &environment, &[]);
    assert_eq!(stdout(&output), "yes yes yes\n", "{}", stderr(&output));
    for head in model.request_heads() {
        let head = head.to_lowercase();
        assert!(head.starts_with("post /v1/responses "), "{head}");
        for line in
            [format!("authorization: bearer {KEY}"), "x-team: core".into(), "x-pass: open-the-gate-please".into()]
        {
            assert!(head.contains(&line), "{line}: {head}");
        }
    }
    // Without the variable of the header the model cannot be asked, and nothing is sent.
    let output = run(&project, &program(""), &settings, &[("TEAM_KEY", KEY)], &[]);
    assert!(stderr(&output).contains("`GATE_PASS` is not set, which the header `x-pass` needs"), "{}", stderr(&output));
    // A header that carries a key replaces the key.
    let settings =
        format!("[providers.openai]\nbase_url = \"{}\"\nheaders = {{ authorization = \"env:TEAM_KEY\" }}\n", model.url);
    let output = run(&project, &program(""), &settings, &[("TEAM_KEY", KEY)], &[]);
    assert_eq!(stdout(&output), "yes yes yes\n", "{}", stderr(&output));
    let head = model.request_heads().pop().unwrap().to_lowercase();
    assert!(head.contains(&format!("authorization: {KEY}")) && !head.contains("bearer"), "{head}");
    // A model that names another address gets neither the key nor the headers.
    let other = Model::start(|_| responses_reply("yes"));
    let elsewhere = program(&format!("  base_url: \"{}\"\n  key_env: \"OWN_KEY\"\n", other.url));
    let output = run(&project, &elsewhere, &settings, &[("TEAM_KEY", KEY), ("OWN_KEY", "mine")], &[]);
    assert_eq!(stdout(&output), "yes yes yes\n", "{}", stderr(&output));
    assert!(!other.request_heads().concat().contains(KEY));
}

#[test]
fn a_command_prints_the_key_once_and_nobody_sees_it() {
    // The server repeats the key, in an answer and in an error.
    let model = Model::start(|prompt| match prompt.contains("Say 2") {
        true => (500, String::new(), format!("{{\"error\":{{\"message\":\"bad {KEY}\"}}}}")),
        false => responses_reply(&format!("the key is {KEY}")),
    });
    let project = Project::new();
    project.write("key.sh", &format!("echo ran >> ran.txt\necho {KEY}\necho second line\n"));
    let settings = format!("[providers.openai]\nbase_url = \"{}\"\nkey_command = [\"sh\", \"key.sh\"]\n", model.url);
    let text = program("").replace("using m\n", "using m\n      on error keep\n").replace(
        "    said\n",
        "    match said {\n      ok { value } -> value\n      failed { error } -> error.message\n    }\n",
    );
    let output = run(&project, &text, &settings, &[], &["--json"]);
    let shown = stdout(&output) + &stderr(&output);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("the key is [secret]"), "{shown}");
    assert_eq!(project.lines("ran.txt"), ["ran"], "the command runs once in a run");
    assert!(
        model.request_heads().iter().all(|head| head.to_lowercase().contains(&format!("authorization: bearer {KEY}")))
    );
    assert!(!shown.contains(KEY), "{shown}");
    for file in files_below(project.path()) {
        let holds = fs::read(&file).unwrap().windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!holds || file.ends_with("key.sh"), "{} holds the key", file.display());
    }
}

#[test]
fn a_command_that_gives_no_key_says_why() {
    let model = Model::start(|_| responses_reply("yes"));
    let project = Project::new();
    for (command, said) in [
        ("[\"sh\", \"-c\", \"echo half-a-key; exit 3\"]", "`sh` ended with exit status: 3"),
        ("[\"no-such-program-here\"]", "`no-such-program-here` cannot be started"),
        ("[\"true\"]", "`true` printed none on its first line"),
    ] {
        let settings = format!("[providers.openai]\nbase_url = \"{}\"\nkey_command = {command}\n", model.url);
        let output = run(&project, &program(""), &settings, &[], &[]);
        let shown = stderr(&output);
        assert!(shown.contains(said) && shown.contains("`key_command` of provider `openai`"), "{shown}");
        assert!(!shown.contains("half-a-key") && output.status.code() == Some(1), "{shown}");
    }
    assert!(model.prompts().is_empty());
}

#[test]
fn prompts_go_through_the_proxy_of_the_environment_or_of_the_project() {
    // A proxy gets the whole address.
    let proxy = Model::start(|_| responses_reply("by proxy"));
    let direct = Model::start(|_| responses_reply("directly"));
    let project = Project::new();
    let key = ("OPENAI_API_KEY", KEY);
    let away = "http://models.invalid/v1";
    let (text, plain) = (program(""), format!("[providers.openai]\nbase_url = \"{away}\"\n"));
    let output = run(&project, &text, &plain, &[key, ("HTTP_PROXY", &proxy.url)], &[]);
    assert_eq!(stdout(&output), "by proxy by proxy by proxy\n", "{}", stderr(&output));
    let head = proxy.request_heads().pop().unwrap();
    assert!(head.starts_with(&format!("POST {away}/responses ")), "{head}");
    // The project's own, past that of the environment.
    let own = format!("{plain}proxy = \"{}\"\n", proxy.url);
    let output = run(&project, &text, &own, &[key, ("HTTP_PROXY", "http://127.0.0.1:9")], &[]);
    assert_eq!(stdout(&output), "by proxy by proxy by proxy\n", "{}", stderr(&output));
    let by_variable = format!("{plain}proxy = \"env:TEAM_PROXY\"\n");
    let output = run(&project, &text, &by_variable, &[key, ("TEAM_PROXY", &proxy.url)], &[]);
    assert_eq!(stdout(&output), "by proxy by proxy by proxy\n", "{}", stderr(&output));
    // None: by `NO_PROXY`, or by the project.
    let here = format!("[providers.openai]\nbase_url = \"{}\"\n", direct.url);
    for (settings, exceptions) in [(here.clone(), "127.0.0.1"), (format!("{here}proxy = \"none\"\n"), "")] {
        let environment = [key, ("HTTP_PROXY", proxy.url.as_str()), ("NO_PROXY", exceptions)];
        let output = run(&project, &text, &settings, &environment, &[]);
        assert_eq!(stdout(&output), "directly directly directly\n", "{}", stderr(&output));
    }
}

#[test]
fn a_mistake_in_the_settings_stops_the_run() {
    let project = Project::new();
    let output = run(&project, &program(""), "[providers.openai]\nkey_comand = [\"pass\"]\n", &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unknown setting of `[providers.openai]`: `key_comand`"), "{}", stderr(&output));
}

#[test]
fn models_have_the_settings_of_the_project() {
    let model = Model::start(|_| responses_reply("yes"));
    let project = Project::new();
    let text = "import std.models { codex_reasoning }\n\nskill say() -> string {\n  prompt \"Say it.\"\n}\n\n\
        cascade main() -> string {\n  stage said = say()\n    using codex_reasoning\n  return said\n}\n";
    let settings = format!(
        "[models.codex_reasoning]\nid = \"gpt-next\"\nbase_url = \"{}/v1\"\nkey_env = \"OWN_KEY\"\nmax_output = 77\n",
        model.url
    );
    let output = run(&project, text, &settings, &[("OWN_KEY", KEY)], &[]);
    assert_eq!(stdout(&output), "yes\n", "{}", stderr(&output));
    let asked = model.prompts().pop().unwrap();
    assert!(asked.contains("\"model\":\"gpt-next\"") && asked.contains("\"max_output_tokens\":77"), "{asked}");
    let listed = stdout(&project.call(&["models", "list"]));
    assert!(listed.contains("gpt-next"), "{listed}");
}
