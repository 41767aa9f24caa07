//! `cascadec doctor` and `cascadec models test`: what is here, what is missing, and that no key is shown.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/streams.rs"]
mod streams;

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use project::{Project, stderr, stdout};
use serde_json::{Value as Json, json};
use streams::{Script, Server, streamed};

const KEY: &str = "k3y-that-nobody-sees-77";

fn model(name: &str, dialect: &str, url: &str, key: &str) -> String {
    format!(
        "model {name} {{\n  provider: {dialect}\n  id: \"{name}-1\"\n  base_url: \"{url}\"\n  key_env: \"{key}\"\n  \
         context: 100_000\n  price: {{ input: 1usd, output: 10usd }}\n}}\n\n"
    )
}

/// A program that asks two models, starts a program, and has two servers.
fn program(models: &str, using: &str, command: &str) -> String {
    format!(
        "{models}skill say() -> string {{\n  prompt \"Say it.\"\n}}\n\nskill build() -> string {{\n  run sh\"{command} now\"\n}}\n\n\
         cascade main() -> string {{\n  stage said = say()\n    using {using}\n  stage built = build()\n  return said + built\n}}\n"
    )
}

/// Runs the doctor with a folder of programs of its own in `PATH`.
fn doctor(project: &Project, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let bin = project.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for (name, text) in [
        ("sh", "#!/bin/sh\n"),
        ("git", "#!/bin/sh\necho git version 9.9.9\n"),
        ("codex", "#!/bin/sh\nexit 3\n"),
        ("make", "#!/bin/sh\necho must not run > ran.txt\n"),
    ] {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = project.command(&[&["doctor"], args].concat());
    command.env("PATH", &bin).envs(environment.iter().copied()).output().unwrap()
}

/// The findings, by check and name: state, detail, remedy.
fn findings(output: &Output) -> (bool, Vec<Json>) {
    let json: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
    (json["ok"].as_bool().unwrap(), json["findings"].as_array().unwrap().clone())
}

fn find<'f>(found: &'f [Json], check: &str, name: &str) -> &'f Json {
    found
        .iter()
        .find(|f| f["check"] == check && f["name"] == name)
        .unwrap_or_else(|| panic!("{check} {name}: {found:#?}"))
}

#[test]
fn what_is_needed_and_missing_is_told_with_its_remedy() {
    let project = Project::new();
    let models = model("one", "anthropic", "http://127.0.0.1:9", "KEY_ONE")
        + &model("two", "openai", "http://127.0.0.1:9", "KEY_TWO");
    project.write("flow.cascade", &program(&models, "[one, two]", "make"));
    project.write("cascade.toml", "[project]\nname = \"shop\"\n");
    let output = doctor(&project, &[("KEY_TWO", KEY)], &["--json"]);
    let (ok, found) = findings(&output);
    assert_eq!((ok, output.status.code()), (true, Some(0)), "{found:#?}");
    assert_eq!(find(&found, "models", "two")["state"], "good");
    let one = find(&found, "models", "one");
    assert_eq!(one["state"], "note");
    assert!(one["detail"].as_str().unwrap().contains("`KEY_ONE` is not set"), "{one}");
    assert!(one["remedy"].as_str().unwrap().contains("`[providers.anthropic]`"), "{one}");
    assert_eq!(find(&found, "programs", "git")["detail"], "git version 9.9.9");
    assert_eq!(find(&found, "programs", "make")["state"], "good");
    assert!(find(&found, "programs", "codex")["detail"].as_str().unwrap().contains("exit status: 3"));
    assert!(find(&found, "programs", "claude")["remedy"].as_str().unwrap().contains("npm install"));
    assert!(!project.path().join("ran.txt").exists(), "programs of skills are not started");
    // A program without a sandbox does not need one, whatever this machine can do.
    let sandbox: Vec<&Json> = found.iter().filter(|f| f["check"] == "sandbox").collect();
    assert!(!sandbox.is_empty() && sandbox.iter().all(|f| f["state"] != "missing"), "{sandbox:#?}");
    let shown = stdout(&output) + &stdout(&doctor(&project, &[("KEY_TWO", KEY)], &[]));
    assert!(!shown.contains(KEY) && shown.contains("all that is needed is here"), "{shown}");
    // Without any key nothing can be asked, and a program is not there.
    project.write("flow.cascade", &program(&models, "[one, two]", "no-such-tool"));
    let output = doctor(&project, &[], &["--json"]);
    let (ok, found) = findings(&output);
    assert_eq!((ok, output.status.code()), (false, Some(1)));
    assert_eq!(find(&found, "models", "main in flow.cascade")["state"], "missing");
    let tool = find(&found, "programs", "no-such-tool");
    assert_eq!((&tool["state"], &tool["detail"]), (&json!("missing"), &json!("not in `PATH`; `build` starts it")));
    let shown = stdout(&doctor(&project, &[], &[]));
    assert!(shown.contains("✗ no-such-tool") && shown.contains("2 things are missing"), "{shown}");
}

#[test]
fn mistakes_in_the_project_and_servers_that_are_not_there_are_told() {
    let project = Project::new();
    project.write("cascade.toml", "[providers.openai]\nkey_comand = [\"pass\"]\n");
    project.write("wrong.cascade", "cascade main() -> int {\n  return \"one\"\n}\n");
    project.write(
        "tools.cascade",
        "mcp local {\n  command: sh\"no-such-server --stdio\"\n}\n\nmcp far {\n  url: \"http://127.0.0.1:9/mcp\"\n}\n\n\
         skill a() -> json {\n  mcp local.one\n}\n\nskill b() -> json {\n  mcp far.two\n}\n\n\
         cascade main() -> json {\n  stage x = a()\n  stage y = b()\n  return [x, y]\n}\n",
    );
    let output = doctor(&project, &[], &["--json"]);
    let (ok, found) = findings(&output);
    assert!(!ok, "{found:#?}");
    assert!(find(&found, "project", "cascade.toml")["detail"].as_str().unwrap().contains("`key_comand`"));
    assert_eq!(find(&found, "project", "wrong.cascade")["state"], "missing");
    assert_eq!(find(&found, "servers", "local")["detail"], "its program `no-such-server` is not in `PATH`");
    let far = find(&found, "servers", "far");
    assert_eq!(far["state"], "missing", "{far}");
    assert!(far["detail"].as_str().unwrap().contains("the server `far` cannot be used"), "{far}");
    assert!(far["remedy"].as_str().unwrap().contains("start the server"), "{far}");
}

#[test]
fn servers_that_programs_declare_are_asked_and_ended() {
    let project = Project::new();
    let tool = |name: &str, server: &str| {
        format!(
            "mcp {server} {{\n  command: sh\"{name}\"\n}}\n\nskill of_{server}() -> json {{\n  mcp {server}.one\n}}\n\n"
        )
    };
    let main = "cascade main() -> json {\n  stage x = of_good()\n  stage y = of_bad()\n  return [x, y]\n}\n";
    project.write("flow.cascade", &(tool("good-server", "good") + &tool("bad-server", "bad") + main));
    let bin = project.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let reply = |id: &str, result: &str| format!("echo '{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}'");
    let hello = reply(
        "0",
        "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}",
    );
    let tools = reply("1", "{\"tools\":[{\"name\":\"one\",\"inputSchema\":{\"type\":\"object\"}}]}");
    let good = format!("#!/bin/sh\necho $$ > pid\nread -r a; {hello}; read -r b; read -r c; {tools}\nread -r d\n");
    for (name, text) in [("good-server", good.as_str()), ("bad-server", "#!/bin/sh\necho no licence >&2; exit 4\n")] {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (ok, found) = findings(&doctor(&project, &[], &["--json"]));
    assert!(!ok);
    let (good, bad) = (find(&found, "servers", "good"), find(&found, "servers", "bad"));
    assert_eq!((&good["state"], &good["detail"]), (&json!("good"), &json!("it answers, with 1 tool")));
    assert_eq!(bad["state"], "missing");
    assert!(bad["detail"].as_str().unwrap().contains("no licence"), "{bad}");
    let pid = fs::read_to_string(project.path().join("pid")).unwrap();
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "the server is left");
}

#[test]
fn agents_that_programs_use_are_asked_whether_they_are_signed_in() {
    let project = Project::new();
    let text = |provider: &str| {
        format!(
            "model helper {{\n  provider: {provider}\n  id: \"best\"\n}}\n\nskill mend() {{\n  agent in \".\" \"Mend it.\"\n}}\n\n\
             cascade main() {{\n  stage a = mend()\n    using helper\n}}\n"
        )
    };
    let bin = project.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let claude = "#!/bin/sh\n[ \"$1 $2\" = \"auth status\" ] && [ -z \"$SIGNED\" ] && exit 1\necho 2.1.0\n";
    fs::write(bin.join("claude"), claude).unwrap();
    fs::set_permissions(bin.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
    project.write("flow.cascade", &text("claude_cli"));
    let look = |environment: &[(&str, &str)]| {
        let (_, found) = findings(&doctor(&project, environment, &["--json"]));
        find(&found, "agents", "helper").clone()
    };
    let none = ("ANTHROPIC_API_KEY", "");
    let unsigned = look(&[none]);
    assert_eq!((&unsigned["state"], &unsigned["detail"]), (&json!("missing"), &json!("`claude` is not signed in")));
    assert!(unsigned["remedy"].as_str().unwrap().contains("claude auth login"));
    assert_eq!(look(&[none, ("SIGNED", "1")])["detail"], "`claude` is here and signed in");
    let with_key = look(&[("ANTHROPIC_API_KEY", KEY)]);
    assert_eq!(with_key["detail"], "`claude` is here, and `ANTHROPIC_API_KEY` is set");
    project.write("flow.cascade", &text("gemini_cli"));
    let absent = look(&[]);
    assert_eq!(
        (&absent["state"], &absent["detail"]),
        (&json!("missing"), &json!("its program `gemini` is not in `PATH`"))
    );
}

#[test]
fn a_folder_without_programs_can_be_looked_at() {
    let project = Project::new();
    let output = doctor(&project, &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("no program asks a model"), "{}", stdout(&output));
}

#[test]
fn each_model_that_can_be_asked_is_asked_once() {
    let good = Server::start(vec![streamed("anthropic", "ready", false)]);
    let bad = Server::start(vec![Script::json(401, "", &json!({ "error": { "message": format!("bad key {KEY}") } }))]);
    let project = Project::new();
    let models = model("good", "anthropic", &good.url, "KEY_ONE")
        + &model("bad", "google", &bad.url, "KEY_ONE")
        + &model("none", "openai", &bad.url, "KEY_NONE");
    project.write("flow.cascade", &program(&models, "[good, bad, none]", "make"));
    let test = |args: &[&str]| {
        let mut command = project.command(&[&["models", "test", "--file", "flow.cascade"], args].concat());
        command.env("KEY_ONE", KEY).output().unwrap()
    };
    let output = test(&["--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let rows: Json = serde_json::from_slice(&output.stdout).unwrap();
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    // 100 tokens in at 1 dollar and 20 out at 10 dollars a million.
    assert_eq!(
        (&row("good")["ok"], &row("good")["said"], &row("good")["microdollars"]),
        (&json!(true), &json!("ready"), &json!(300))
    );
    assert_eq!((&row("bad")["ok"], &row("bad")["kind"]), (&json!(false), &json!("denied")));
    assert_eq!(row("none")["why_not"], "`KEY_NONE` is not set");
    assert!(!stdout(&output).contains(KEY), "{}", stdout(&output));
    assert_eq!((good.bodies().len(), bad.bodies().len()), (1, 1));
    let shown = stdout(&test(&[])).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("✓ good \"ready\" in ") && shown.contains("120 tokens, $0.0003"), "{shown}");
    assert!(shown.contains("✗ bad denied: bad key [secret]"), "{shown}");
    assert_eq!(test(&["good"]).status.code(), Some(0));
    let unknown = test(&["godo"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there is no model `godo`"), "{}", stderr(&unknown));
}

/// Each promise of a sandbox is attacked, and what does not hold is told with what to do.
#[test]
#[cfg(target_os = "linux")]
fn each_promise_of_a_sandbox_is_tried() {
    let (_, found) = findings(&doctor(&Project::new(), &[], &["--json"]));
    let promises: Vec<&Json> = found.iter().filter(|f| f["check"] == "sandbox" && f["name"] != "landlock").collect();
    // That of the network twice: with none, and with that of the machine.
    assert_eq!(promises.len(), 7, "{found:?}");
    for promise in promises {
        let is_held = promise["detail"].as_str().unwrap().starts_with("held: ");
        assert!(is_held || promise["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{promise}");
        assert!(!promise["detail"].as_str().unwrap().contains("an attack on it succeeded"), "{promise}");
    }
}
