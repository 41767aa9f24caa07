//! Coding agents, played by scripts that speak the protocols of the real programs, also wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]
#![cfg(target_os = "linux")]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::{fs, thread, time::Duration};

use agents::{ACP, CLAUDE, CODEX, GEMINI, Stage, is_running};
use project::{stderr, stdout};
use serde_json::Value as Json;

/// A program with one agent, whose model is declared as given.
fn program(model: &str, clauses: &str) -> String {
    format!(
        "model agent {{ {model} }}\n\ntype Work {{\n  summary: string\n  score: int\n}}\n\n\
         skill improve(repo: path) -> {{ work: Work, changed: list<path>, diff: string }} {{\n  \
         agent in repo \"Improve this.\"\n  output json Work\n  \
         return {{ work: output, changed: changed, diff: diff }}\n}}\n\n\
         cascade main() -> {{ score: int, changed: list<path>, diff: string }} {{\n  stage done = improve(\"repo\")\n    using agent\n{clauses}  \
         return {{ score: done.work.score, changed: done.changed, diff: done.diff }}\n}}\n"
    )
}

fn json_of(output: &std::process::Output) -> Json {
    serde_json::from_str(&stdout(output))
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

/// What every agent of this file does.
fn assert_worked(stage: &Stage, output: &std::process::Output) {
    let result = json_of(output);
    assert_eq!(result["score"], 4);
    assert_eq!(result["changed"], serde_json::json!(["repo/new.txt"]));
    assert_eq!(result["diff"], "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+hello\n");
    assert_eq!(stage.file("repo/new.txt"), "hello\n");
}

#[test]
fn claude_code_works_in_a_directory_and_its_change_is_recorded() {
    let stage = Stage::new();
    stage.program("claude", CLAUDE);
    let output = stage.run(&program("provider: claude_cli, id: \"sonnet\"", "    budget 2.50usd\n"));
    assert_worked(&stage, &output);
    let log = stage.log();
    let flags = [
        "-p --output-format stream-json --verbose --strict-mcp-config",
        "--model sonnet",
        "--permission-mode acceptEdits",
        "--allowedTools Edit,MultiEdit,Write,NotebookEdit",
        "--disallowedTools Bash,BashOutput,KillShell,WebFetch,WebSearch",
        "--json-schema {\"type\":\"object\"",
        "--max-budget-usd 2.500000",
    ];
    for flag in flags {
        assert!(log[0].contains(flag), "{flag}: {}", log[0]);
    }
    assert_eq!(log[1], "prompt Improve this.");
    // What it was refused is said, and what it cost is counted.
    let said = stdout(&stage.call(&["runs", "show", "--io"]));
    assert!(said.contains("$0.25") && said.contains("files +new.txt"), "{said}");
    let logs = stdout(&stage.call(&["runs", "logs"]));
    assert!(logs.contains("the agent was not allowed: Bash rm -rf x"), "{logs}");
}

#[test]
fn codex_works_in_a_directory_and_may_do_what_the_program_says() {
    let stage = Stage::new();
    stage.program("codex", CODEX);
    let text =
        program("provider: codex_cli, id: \"gpt\"", "").replace("  output json", "  tools [edit, web]\n  output json");
    assert_worked(&stage, &stage.run(&text));
    let log = stage.log();
    for flag in [
        "exec --json --ignore-user-config --skip-git-repo-check -m gpt",
        "-c sandbox_mode=\"workspace-write\"",
        "-c sandbox_workspace_write.network_access=true",
        "--output-schema ",
    ] {
        assert!(log[0].contains(flag), "{flag}: {}", log[0]);
    }
    assert!(log[0].ends_with(" -"), "{}", log[0]);
}

#[test]
fn gemini_works_in_a_directory_and_what_it_says_before_a_tool_is_no_answer() {
    let stage = Stage::new();
    stage.program("gemini", GEMINI);
    assert_worked(&stage, &stage.run(&program("provider: gemini_cli, id: \"flash\"", "")));
    let log = stage.log();
    assert!(log[0].contains("-o stream-json --approval-mode auto_edit -m flash"), "{}", log[0]);
    assert!(log[1].contains("\"exclude\":[\"run_shell_command\",\"web_fetch\",\"google_web_search\"]"), "{}", log[1]);
}

#[test]
fn an_agent_of_the_agent_client_protocol_gets_the_permissions_of_the_program() {
    let stage = Stage::new();
    stage.program("toy-agent", ACP);
    assert_worked(&stage, &stage.run(&program("provider: acp, command: sh\"toy-agent\"", "")));
    let log = stage.log();
    assert!(log[0].contains("\"protocolVersion\":1"), "{}", log[0]);
    // It would act without asking in the mode that it begins with.
    assert!(log[2].contains("\"method\":\"session/set_mode\"") && log[2].contains("\"default\""), "{}", log[2]);
    assert!(log[4].contains("\"id\":\"p1\"") && log[4].contains("\"optionId\":\"yes\""), "{}", log[4]);
    assert!(log[5].contains("\"id\":\"p2\"") && log[5].contains("\"optionId\":\"no\""), "{}", log[5]);
    assert!(log[6].contains("-32601"), "{}", log[6]);
    assert_eq!(stage.file("repo/ran.txt"), "", "commands are not allowed");

    // With `tools [run]` it may run commands, and no more edit files.
    let stage = Stage::new();
    stage.program("toy-agent", ACP);
    let text =
        program("provider: acp, command: sh\"toy-agent\"", "").replace("  output json", "  tools [run]\n  output json");
    let output = stage.run(&text);
    assert_eq!(json_of(&output)["changed"], serde_json::json!(["repo/ran.txt"]));
    // Claude's adapter must not be able to pass over permissions; as root it would not even start.
    let opened = stage.log().into_iter().find(|line| line.contains("session/new")).unwrap();
    assert!(opened.contains("\"allowDangerouslySkipPermissions\":false"), "{opened}");
}

#[test]
fn an_edit_outside_of_the_directory_is_refused() {
    for path in ["../out.txt", "/etc/passwd", "sub/../../out.txt"] {
        let stage = Stage::new();
        stage.program("toy-agent", &ACP.replace("[{\"path\":\"new.txt\"}]", &format!("[{{\"path\":\"{path}\"}}]")));
        let output = stage.run(&program("provider: acp, command: sh\"toy-agent\"", ""));
        assert_eq!(json_of(&output)["changed"], serde_json::json!([]), "{path}");
    }
}

#[test]
fn any_program_can_be_an_agent() {
    let stage = Stage::new();
    stage.program(
        "my-agent",
        "echo \"$1 | $2 | $(cat)\" >> \"$LOG\"\necho hello > new.txt\necho '{\"summary\":\"done\",\"score\":4}'\n",
    );
    let model = "provider: agent_cli, id: \"m-1\", command: sh\"my-agent {model} {prompt}\"";
    assert_worked(&stage, &stage.run(&program(model, "")));
    assert_eq!(stage.log()[0], "m-1 | Improve this. | ");
    let stage = Stage::new();
    stage.program(
        "my-agent",
        "echo \"$(cat)\" >> \"$LOG\"\necho hello > new.txt\necho '{\"summary\":\"done\",\"score\":4}'\n",
    );
    assert_worked(&stage, &stage.run(&program("provider: agent_cli, command: sh\"my-agent\"", "")));
    assert_eq!(stage.log()[0], "Improve this.");
    assert!(stage.log()[2].starts_with("When you are done, answer with one JSON value"), "{:?}", stage.log());
}

#[test]
fn failures_of_agents_have_kinds() {
    let result =
        |fields: &str| format!("cat > /dev/null\necho '{{\"type\":\"result\",\"session_id\":\"s\",{fields}}}'\n");
    for (script, kind, says) in [
        // Errors of the service come with `subtype: success`.
        (
            result("\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":401,\"result\":\"no key\""),
            "denied",
            "sign in",
        ),
        (
            result("\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":429,\"result\":\"slow\""),
            "rate_limited",
            "slow",
        ),
        (
            result("\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":529,\"result\":\"busy\""),
            "unavailable",
            "busy",
        ),
        (result("\"subtype\":\"error_max_budget_usd\",\"is_error\":false"), "over_budget", "budget was spent"),
        ("cat > /dev/null\necho 'it broke' >&2\nexit 7\n".to_owned(), "command_failed", "it broke"),
        ("cat > /dev/null\nexit 0\n".to_owned(), "command_failed", "gave no answer"),
        (result("\"subtype\":\"success\",\"is_error\":false,\"result\":\"I am sorry.\""), "invalid_output", ""),
    ] {
        let stage = Stage::new();
        stage.program("claude", &script);
        let output = stage.run(&program("provider: claude_cli, id: \"x\"", ""));
        let said = stderr(&output);
        assert!(said.contains(&format!("({kind})")) && said.contains(says), "{script}: {said}");
    }
}

#[test]
fn an_agent_that_is_not_installed_is_passed_over_before_anything_runs() {
    let stage = Stage::new();
    stage.program("codex", CODEX);
    let text = program("provider: acp, command: sh\"no-such-agent\"", "")
        .replace("using agent", "using [agent, other]")
        + "\nmodel other { provider: codex_cli, id: \"gpt\" }\n";
    assert_worked(&stage, &stage.run(&text));
    let stage = Stage::new();
    let output = stage.run(&program("provider: acp, command: sh\"no-such-agent\"", ""));
    assert!(stderr(&output).contains("the program `no-such-agent` is not installed"), "{}", stderr(&output));
}

#[test]
fn a_claim_without_a_change_is_said() {
    let stage = Stage::new();
    stage.program("claude", &CLAUDE.replace("echo hello > new.txt", ""));
    let output = stage.run(&program("provider: claude_cli, id: \"x\"", ""));
    assert_eq!(json_of(&output)["changed"], serde_json::json!([]));
    let logs = stdout(&stage.call(&["runs", "logs"]));
    assert!(logs.contains("the agent says that it has changed files, and none is different"), "{logs}");
}

#[test]
fn an_answer_that_cannot_be_used_goes_back_into_the_same_session() {
    let stage = Stage::new();
    // The first answer lacks a field.
    let script = CLAUDE.replace(
        "echo hello > new.txt",
        "echo hello > new.txt\ncase \"$*\" in *--resume*) ;; *) echo '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\
         \"structured_output\":{\"summary\":\"x\"},\"session_id\":\"s-1\"}'; exit 0;; esac",
    );
    stage.program("claude", &script);
    let output = stage.run(&program("provider: claude_cli, id: \"x\"", "    retry 1 backoff 1ms..2ms\n"));
    assert_eq!(json_of(&output)["score"], 4);
    let log = stage.log();
    assert!(!log[0].contains("--resume"), "{}", log[0]);
    assert!(log[2].contains("--resume s-1"), "{}", log[2]);
    assert_eq!(log[3], "prompt Your previous answer was:");
}

#[test]
fn a_killed_run_goes_on_with_the_session_of_its_agent() {
    let stage = Stage::new();
    // The first time it hangs after it has told its session.
    let script = CLAUDE
        .replace("echo hello > new.txt", "case \"$*\" in *--resume*) ;; *) sleep 60;; esac\necho hello > new.txt");
    stage.program("claude", &script);
    stage.project.write("flow.cascade", &program("provider: claude_cli, id: \"x\"", ""));
    let mut child = stage.command(&["run", "flow.cascade"]).spawn().unwrap();
    // The journal is written in order: the session is in it when the log tells of progress.
    while !stdout(&stage.call(&["runs", "logs"])).contains("s-1") {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = stage.call(&["resume", "--quiet"]);
    assert_worked(&stage, &output);
    let log = stage.log();
    assert!(log[2].contains("--resume s-1"), "{log:?}");
    assert!(log[3].starts_with("prompt Your work was interrupted"), "{log:?}");
}

#[test]
fn a_session_that_is_gone_is_begun_anew() {
    let stage = Stage::new();
    let script = format!(
        "case \"$*\" in *--resume*) cat > /dev/null; echo \"lost $*\" >> \"$LOG\"; echo '{{\"type\":\"result\",\"subtype\":\"error_during_execution\",\
         \"is_error\":true,\"session_id\":\"s-1\",\"errors\":[\"No conversation found with session ID: s-1\"]}}'; exit 1;; esac\n\
         if [ ! -e ../tried ]; then touch ../tried; cat > /dev/null; echo '{{\"type\":\"system\",\"session_id\":\"s-1\"}}'; \
         echo '{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":529,\"result\":\"busy\",\"session_id\":\"s-1\"}}'; exit 1; fi\n{CLAUDE}"
    );
    stage.program("claude", &script);
    let output = stage.run(&program("provider: claude_cli, id: \"x\"", "    retry 1 backoff 1ms..2ms\n"));
    assert_worked(&stage, &output);
    let log = stage.log();
    assert!(log[0].starts_with("lost") && log[0].contains("--resume s-1"), "{log:?}");
    assert!(log[1].starts_with("claude") && !log[1].contains("--resume"), "{log:?}");
    assert_eq!(log[2], "prompt Improve this.");
}

#[test]
fn what_an_agent_changed_is_restored_and_not_paid_for_again() {
    let stage = Stage::new();
    stage.program("claude", CLAUDE);
    let text = program("provider: claude_cli, id: \"x\"", "")
        .replace("  return { score", "  stage last = check()\n  return { score")
        + "\nskill check() {\n  run sh\"test -e repo/ok\"\n}\n";
    let output = stage.run(&text);
    assert!(stderr(&output).contains("main/last"), "{}", stderr(&output));
    // The change is lost, and the reason of the failure is gone.
    fs::remove_file(stage.path().join("repo/new.txt")).unwrap();
    fs::write(stage.path().join("repo/ok"), "").unwrap();
    let output = stage.call(&["resume", "--quiet"]);
    assert_worked(&stage, &output);
    assert_eq!(stage.log().iter().filter(|line| line.starts_with("claude")).count(), 1);
}

#[test]
fn no_process_of_an_agent_is_left() {
    // After its last word: the agent itself, and a program that has left its process group.
    let stage = Stage::new();
    let lingers = format!("setsid sleep 300 &\necho $! > ../orphan\necho $$ > ../agent\n{CLAUDE}\nsleep 300\n");
    stage.program("claude", &lingers);
    assert_worked(&stage, &stage.run(&program("provider: claude_cli, id: \"x\"", "")));
    for pid in ["agent", "orphan"] {
        assert!(!is_running(&stage.file(pid)), "{pid}");
    }
    // After a time limit.
    let stage = Stage::new();
    let hangs = "cat > /dev/null\nsetsid sleep 300 &\necho $! > ../orphan\necho $$ > ../agent\nsleep 300\n";
    stage.program("claude", hangs);
    let output = stage.run(&program("provider: claude_cli, id: \"x\"", "    timeout 500ms\n"));
    assert!(stderr(&output).contains("timed_out"), "{}", stderr(&output));
    for pid in ["agent", "orphan"] {
        assert!(!is_running(&stage.file(pid)), "{pid}");
    }
}

#[test]
fn a_prompt_to_an_agent_runs_in_an_empty_directory() {
    let stage = Stage::new();
    stage.program("my-agent", "cat > /dev/null\necho \"$(pwd) $(ls | wc -l)\" >> \"$LOG\"\necho fine\n");
    let output = stage.run(
        "model m { provider: agent_cli, command: sh\"my-agent\" }\n\nskill ask() -> string {\n  prompt \"Well?\"\n}\n\n\
         cascade main() -> string {\n  stage a = ask() using m\n  return a\n}\n",
    );
    assert_eq!(stdout(&output).trim(), "fine", "{}", stderr(&output));
    let log = stage.log();
    let (directory, files) = log[0].rsplit_once(' ').unwrap();
    assert_eq!(files, "0");
    assert!(!std::path::Path::new(directory).exists(), "it is removed");
}

#[test]
fn recorded_work_of_an_agent_is_replayed_with_its_change() {
    let stage = Stage::new();
    stage.program("claude", CLAUDE);
    let text = program("provider: claude_cli, id: \"x\"", "");
    stage.project.write("flow.cascade", &text);
    let recorded = stage.call(&["run", "flow.cascade", "--quiet", "--record", "kept"]);
    assert_worked(&stage, &recorded);
    fs::remove_file(stage.path().join("repo/new.txt")).unwrap();
    fs::remove_file(stage.path().join("bin/claude")).unwrap();
    let replayed = stage.call(&["run", "flow.cascade", "--quiet", "--replay", "kept"]);
    assert_worked(&stage, &replayed);
}

const FIX: &str = r#"
model fixer { provider: agent_cli, command: sh"fixer" }

skill check(repo: path) -> string {
  run sh"grep fixed state.txt"
    in repo
}

cascade main() -> string {
  stage checked = check("repo")
    on error fix using fixer max 2
    on error fallback "given up"
  return checked
}
"#;

#[test]
fn a_stage_that_failed_is_repaired_and_runs_again() {
    let stage = Stage::new();
    stage.program(
        "fixer",
        "cat >> \"$LOG\"\nif [ -e once ]; then echo fixed > state.txt; fi\ntouch once\necho repaired\n",
    );
    stage.project.write("repo/state.txt", "broken\n");
    let output = stage.run(FIX);
    assert_eq!(stdout(&output).trim(), "fixed", "{}", stderr(&output));
    let log = stage.log();
    for told in ["**directory**: repo", "**command**: grep fixed state.txt", "**kind**: command_failed"] {
        assert_eq!(log.iter().filter(|line| *line == told).count(), 2, "{told}: {log:?}");
    }
    let said = stdout(&stage.call(&["runs", "show", "--io"]));
    assert!(said.contains("files +once") && said.contains("files state.txt"), "{said}");
}

#[test]
fn the_next_clause_follows_when_repairs_do_not_help_or_fail() {
    for (script, repairs) in
        [("cat > /dev/null\necho x >> \"$LOG\"\necho nothing\n", 2), ("echo x >> \"$LOG\"\nexit 1\n", 1)]
    {
        let stage = Stage::new();
        stage.program("fixer", script);
        stage.project.write("repo/state.txt", "broken\n");
        let output = stage.run(FIX);
        assert_eq!(stdout(&output).trim(), "given up", "{}", stderr(&output));
        assert_eq!(stage.log().len(), repairs, "{script}");
    }
}
