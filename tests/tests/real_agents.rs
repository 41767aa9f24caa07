//! The real command lines of coding agents and real MCP servers, against a stand-in for their model APIs on loopback.
//! `tests/agents/run.sh` installs them and calls this; it is no part of CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/model_api.rs"]
mod model_api;
#[path = "support/project.rs"]
mod project;

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
    thread,
    time::Duration,
};

use agents::Stage;
use model_api::ModelApi;
use project::{stderr, stdout};

/// The variable that marks what a case has started, also outside of its process group.
const MARK: &str = "CASCADE_TEST_OF_AGENTS";

/// An agent: provider, model, and the command of one that speaks the Agent Client Protocol.
type Agent = (&'static str, &'static str, &'static str);

const AGENTS: [Agent; 6] = [
    ("claude_cli", "haiku", ""),
    ("codex_cli", "gpt-5.5", ""),
    ("gemini_cli", "gemini-2.5-flash", ""),
    ("acp", "gemini-2.5-flash", "gemini --acp"),
    ("acp", "haiku", "claude-agent-acp"),
    ("acp", "gpt-5.5", "codex-acp"),
];

struct Case {
    stage: Stage,
    api: ModelApi,
    mark: String,
}

impl Case {
    fn new(mark: &str) -> Self {
        let (stage, api) = (Stage::new(), ModelApi::start());
        let settings = r#"{"security":{"auth":{"selectedType":"gemini-api-key"}},"general":{"maxAttempts":1}}"#;
        fs::create_dir_all(stage.path().join(".gemini")).unwrap();
        stage.project.write(".gemini/settings.json", settings);
        Self { stage, api, mark: format!("{mark}-{}", std::process::id()) }
    }

    fn command(&self, args: &[&str]) -> Command {
        let bin = PathBuf::from(env::var_os("CASCADE_AGENTS").unwrap()).join("node_modules/.bin");
        // Codex keeps its programs in its home, which may not be in a temporary folder.
        let codex = bin.parent().unwrap().parent().unwrap().join("codex-home");
        fs::create_dir_all(&codex).unwrap();
        let mut command = self.stage.command(args);
        command
            .env("PATH", format!("{}:{}", bin.display(), env::var("PATH").unwrap()))
            .env(MARK, &self.mark)
            .env("CODEX_HOME", codex)
            .env("CLAUDE_CONFIG_DIR", self.stage.path().join(".claude"))
            .env("ANTHROPIC_BASE_URL", &self.api.url)
            .env("OPENAI_BASE_URL", format!("{}/v1", self.api.url))
            .env("GOOGLE_GEMINI_BASE_URL", &self.api.url)
            .envs([
                ("ANTHROPIC_API_KEY", "dummy-key-of-the-test"),
                ("OPENAI_API_KEY", "dummy-key-of-the-test"),
                ("GEMINI_API_KEY", "dummy-key-of-the-test"),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
                ("DISABLE_AUTOUPDATER", "1"),
                ("CLAUDE_CODE_MAX_RETRIES", "1"),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
                ("GEMINI_CLI_NO_RELAUNCH", "true"),
            ]);
        // The adapter of Codex is configured by variables.
        let provider = serde_json::json!({ "name": "f", "base_url": format!("{}/v1", self.api.url), "wire_api": "responses",
            "env_key": "OPENAI_API_KEY", "request_max_retries": 0, "stream_max_retries": 0 });
        let codex =
            serde_json::json!({ "model": "gpt-5.5", "model_provider": "f", "model_providers": { "f": provider } });
        command
            .env("CODEX_CONFIG", codex.to_string())
            .env("MODEL_PROVIDER", "f")
            .env("INITIAL_AGENT_MODE", "read-only")
            .env("CODEX_API_KEY", "dummy-key-of-the-test");
        command
    }

    fn call(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a flow, and kills it when the agent has asked its model.
    fn run_and_kill(&self, text: &str) -> Result<(), String> {
        self.stage.project.write("flow.cascade", text);
        let mut child = self.command(&["run", "flow.cascade", "--quiet"]).spawn().map_err(|error| error.to_string())?;
        let asked = (0..300).any(|_| {
            thread::sleep(Duration::from_millis(100));
            !self.api.questions().is_empty()
        });
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        asked.then_some(()).ok_or("it never asked its model".to_owned())
    }

    fn run(&self, text: &str) -> Output {
        self.stage.project.write("flow.cascade", text);
        self.call(&["run", "flow.cascade", "--quiet"])
    }

    /// The processes of this case that are left after a moment.
    fn left(&self) -> Vec<String> {
        let wanted = format!("{MARK}={}", self.mark);
        let look = || {
            let entries = fs::read_dir("/proc").unwrap().flatten();
            let is_ours = |path: &PathBuf| {
                fs::read(path.join("environ"))
                    .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()))
            };
            let paths = entries.map(|entry| entry.path()).filter(is_ours);
            paths
                .map(|path| fs::read_to_string(path.join("cmdline")).unwrap_or_default().replace('\0', " "))
                .collect::<Vec<_>>()
        };
        for _ in 0..30 {
            if look().is_empty() {
                return Vec::new();
            }
            thread::sleep(Duration::from_millis(100));
        }
        look()
    }
}

fn flow((provider, id, command): Agent, url: &str, word: &str, tools: &str, clauses: &str) -> String {
    let address = match provider {
        "codex_cli" => format!("  base_url: \"{url}/v1\"\n"),
        "acp" => format!("  command: sh\"{command}\"\n"),
        _ => String::new(),
    };
    format!(
        "type Work {{\n  summary: string\n  score: int\n}}\n\nmodel m {{\n  provider: {provider}\n  id: \"{id}\"\n{address}}}\n\n\
         skill work(repo: path) -> {{ work: Work, changed: list<path> }} {{\n  agent in repo \"{word}: do it.\"\n  tools [{tools}]\n    \
         output json Work\n  return {{ work: output, changed: changed }}\n}}\n\n\
         cascade main(repo: path = \"repo\") -> string {{\n  stage a = work(repo)\n    using m\n{clauses}  \
         return \"$<a.work.summary> $<a.work.score> $<a.changed.len()>\"\n}}\n"
    )
}

fn expect(output: &Output, said: &str) -> Result<(), String> {
    match stdout(output).trim() == said {
        true => Ok(()),
        false => Err(format!("{} {}", stdout(output).trim(), stderr(output).trim())),
    }
}

fn expect_failure(output: &Output, kind: &str) -> Result<(), String> {
    let text = stderr(output);
    match !output.status.success() && text.contains(kind) {
        true => Ok(()),
        false => Err(format!("{} {}", stdout(output).trim(), text.trim())),
    }
}

fn try_agent(agent: Agent, word: &str, case: &Case) -> Result<(), String> {
    let url = case.api.url.clone();
    let text = |word: &str, tools: &str, clauses: &str| flow(agent, &url, word, tools, clauses);
    match word {
        "typed answer" => expect(&case.run(&text("CASE-ANSWER", "", "")), "done 4 0"),
        "edit" => {
            expect(&case.run(&text("CASE-EDIT", "edit", "")), "done 4 1")?;
            let file = case.stage.file("repo/new.txt");
            (file.trim() == "hello").then_some(()).ok_or(format!("new.txt holds {file:?}"))
        }
        "edit refused" => {
            // Whatever the agent makes of it, nothing has changed.
            case.run(&text("CASE-EDIT", "", ""));
            if !case.api.questions().iter().any(|body| body.contains("CASE-EDIT")) {
                return Err("its model was not asked".to_owned());
            }
            (!case.stage.path().join("repo/new.txt").exists()).then_some(()).ok_or("it has written".to_owned())
        }
        "failure" => expect_failure(&case.run(&text("CASE-FAIL", "", "")), "the stand-in refuses"),
        "timeout" => expect_failure(&case.run(&text("CASE-HANG", "", "    timeout 6s\n")), "timed_out"),
        "recorded" => {
            // The next stage fails; the run that is resumed does not ask again, and restores the change.
            let flow = text("CASE-EDIT", "edit", "")
                .replace("  return \"$<a.work", "  stage b = check()\n  return \"$<a.work")
                + "\nskill check() {\n  run sh\"test -e ready\"\n}\n";
            if case.run(&flow).status.success() {
                return Err("the first run did not fail".to_owned());
            }
            let asked = case.api.questions().len();
            case.stage.project.write("ready", "");
            fs::remove_file(case.stage.path().join("repo/new.txt")).map_err(|error| error.to_string())?;
            expect(&case.call(&["resume", "--quiet"]), "done 4 1")?;
            if case.api.questions().len() != asked {
                return Err("a finished turn was asked again".to_owned());
            }
            (case.stage.file("repo/new.txt").trim() == "hello")
                .then_some(())
                .ok_or("the change is not there".to_owned())
        }
        "killed" => {
            case.run_and_kill(&text("CASE-EDIT CASE-SLOW", "edit", ""))?;
            let resumed = case.call(&["resume", "--quiet"]);
            // The adapter of Claude also asks for a title, and that may be the question which is not answered: then the
            // file is written before the kill, and the session that goes on has nothing to change.
            expect(&resumed, "done 4 1").or_else(|_| expect(&resumed, "done 4 0"))?;
            (case.stage.file("repo/new.txt").trim() == "hello")
                .then_some(())
                .ok_or("the change is not there".to_owned())
        }
        "repair" => {
            expect(&case.run(&text("CASE-REPAIR", "", "    retry 1\n")), "done 4 0")?;
            // It cannot load a session within its first minute, and begins anew.
            if agent.2.starts_with("gemini") {
                return Ok(());
            }
            let last = case.api.questions().into_iter().rfind(|body| body.contains("CASE-REPAIR")).unwrap_or_default();
            let goes_on = last.contains(model_api::BAD_ANSWER)
                && ["\"role\":\"assistant\"", "\"role\":\"model\""].iter().any(|role| last.contains(role));
            goes_on.then_some(()).ok_or("the repair is no part of the conversation".to_owned())
        }
        other => Err(format!("no case {other}")),
    }
}

fn try_servers(case: &Case) -> Result<(), String> {
    let text = "mcp board {\n  command: sh\"ruv-swarm mcp start\"\n}\n\nmcp everything {\n  command: sh\"mcp-server-everything\"\n}\n\n\
        mcp graph {\n  command: sh\"mcp-server-memory\"\n}\n\nskill sum() -> string {\n  mcp everything.get_sum { a: 1, b: 2 }\n}\n\n\
        skill read() -> json {\n  mcp graph.read_graph\n}\n\nmodel m {\n  provider: agent_cli\n  id: \"x\"\n  command: sh\"echo said {prompt}\"\n}\n\n\
        skill part(n: int) -> string {\n  prompt \"Part $<n>.\"\n}\n\n\
        cascade main() -> string {\n  stage s = sum()\n  stage g = read()\n  \
        stage all = swarm topology star max 2 via mcp board {\n    stage one = part(1)\n      using m\n    stage two = part(2)\n      using m\n  }\n  \
        return \"$<s> $<g != null> $<all.one.contains(\"said\")>\"\n}\n";
    expect(&case.run(text), "The sum of 1 and 2 is 3. true true")?;
    let logs = stdout(&case.call(&["runs", "logs"]));
    match logs.contains("does not show") || !logs.contains("done  main/all#task_orchestrate two") {
        true => Err(logs),
        false => Ok(()),
    }
}

#[test]
#[ignore = "needs the programs that tests/agents/run.sh installs"]
fn real_agents_and_servers_hold() {
    let only = env::var("ONLY").unwrap_or_default();
    let (mut tried, mut failed) = (0, Vec::new());
    let mut note = |name: String, case: &Case, result: Result<(), String>| {
        tried += 1;
        let left = case.left();
        let result = result.and_then(|()| if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) });
        eprintln!("{:40} {}", name, if result.is_ok() { "held" } else { "FAILED" });
        if let Err(why) = result {
            eprintln!("    {}", why.replace('\n', "\n    "));
            failed.push(name);
        }
    };
    for agent in AGENTS {
        let (provider, _, command) = agent;
        let words = ["typed answer", "edit", "edit refused", "failure", "timeout", "repair", "killed", "recorded"];
        for word in words {
            let name = format!("{}: {word}", format!("{provider} {command}").trim());
            if name.contains(&only) {
                let case = Case::new(&name.replace(' ', "-"));
                let result = try_agent(agent, word, &case);
                note(name, &case, result);
            }
        }
    }
    for round in 1..=20 {
        let name = format!("servers: run {round} of 20");
        if name.contains(&only) {
            let case = Case::new(&format!("servers-{round}"));
            let result = try_servers(&case);
            note(name, &case, result);
        }
    }
    eprintln!("{tried} tried, {} held", tried - failed.len());
    assert!(failed.is_empty(), "{failed:?}");
}
