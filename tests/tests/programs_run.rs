//! The sample programs run end to end as they stand. The services of models, the coding agents, the linters, pytest and
//! `gh` are played; files, git, sandboxes, test reports and the pull request's content are real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::{
    fs,
    net::TcpListener,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use agents::{Stage, codex_that};
use base64::{Engine, engine::general_purpose::STANDARD};
use cascade_tests::{
    programs::repository_root,
    server::{Reply, read_request, write_reply},
};
use project::{stderr, stdout};
use serde_json::{Value as Json, json};

/// What begins like a PNG.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\x01";

/// What a model says.
enum Said {
    Text(String),
    Picture,
}

fn text(answer: Json) -> Said {
    Said::Text(answer.to_string())
}

/// The services of Anthropic, OpenAI and Google on one address, and the prompts that they were sent.
struct Services {
    url: String,
    prompts: Arc<Mutex<Vec<String>>>,
}

impl Services {
    /// `answer` gets the whole body as text.
    fn start(answer: impl Fn(&str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let prompts: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&prompts);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some((head, body)) = read_request(&stream) else { continue };
                let said = answer(&body);
                kept.lock().unwrap().push(body);
                let body = write_answer(head.lines().next().unwrap_or_default(), &said);
                let reply = Reply { status: 200, headers: "content-type: application/json\r\n".into(), body };
                let _ = write_reply(&mut stream, &reply);
            }
        });
        Self { url, prompts }
    }
}

/// An answer in the dialect of an address.
fn write_answer(line: &str, said: &Said) -> String {
    let usage = json!({ "input_tokens": 1_000, "output_tokens": 100 });
    let answer = match said {
        Said::Text(text) if line.contains("/messages") => json!({
            "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn", "usage": usage,
        }),
        Said::Text(text) if line.contains("/responses") => json!({
            "status": "completed", "usage": usage,
            "output": [{ "type": "message", "content": [{ "type": "output_text", "text": text }] }],
        }),
        Said::Text(text) => json!({
            "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 1_000, "candidatesTokenCount": 100 },
        }),
        Said::Picture => json!({
            "candidates": [{ "finishReason": "STOP", "content": { "parts": [
                { "inlineData": { "mimeType": "image/png", "data": STANDARD.encode(PICTURE) } },
            ] } }],
            "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 1_290 },
        }),
    };
    answer.to_string()
}

/// pytest, played: each file `tests/*.sh` is a test.
const PYTHON: &str = r#"
report=; only=; collect=
while [ $# -gt 0 ]; do
  case "$1" in
    --junitxml=*) report=${1#*=};;
    --collect-only) collect=1;;
    -m|-p|-o) shift;;
    -*) ;;
    *) only=${1##*::};;
  esac
  shift
done
if [ -n "$collect" ]; then
  for file in tests/*.sh; do echo "$file::$(basename "$file" .sh)"; done
  exit 0
fi
n=0; bad=0; cases=
for file in tests/*.sh; do
  name=$(basename "$file" .sh)
  if [ -n "$only" ] && [ "$only" != "$name" ]; then continue; fi
  n=$((n + 1))
  if sh "$file"; then cases="$cases<testcase classname=\"tests\" name=\"$name\"/>"
  else
    bad=$((bad + 1))
    cases="$cases<testcase classname=\"tests\" name=\"$name\"><failure message=\"$file failed\"/></testcase>"
  fi
done
echo "<testsuite name=\"pytest\" tests=\"$n\" failures=\"$bad\">$cases</testsuite>" > "$report"
[ "$bad" = 0 ]
"#;

/// The GitHub command line, played: it keeps what it was told.
const GH: &str = r#"
echo "gh $*" >> "$LOG"
case "$1 $2" in
  "issue list"|"pr list") ;;
  "issue view") case "$*" in *--jq*) exit 0;; esac
    echo '{"number":7,"title":"Two is wrong","body":"It should be TWO.","url":"https://example.com/issues/7"}';;
  *) sed 's/^/  /' >> "$LOG"; echo "https://example.com/$1/9";;
esac
"#;

/// A folder with the programs, a repository, and all that is played. The agents do what `agent` says, where `$prompt` is
/// what they were told.
fn prepare(agent: &str, tests: &[(&str, &str)]) -> Stage {
    let stage = Stage::new();
    let answer = "Changed one line.";
    stage.program("codex", &codex_that(agent, answer));
    stage.program(
        "claude",
        &format!(
            "prompt=$(cat)\n{agent}\nanswer='\"{answer}\"'\n\
             case \"$prompt\" in\n  *\"Polish this code\"*) answer='{{\"mended\":1,\"remaining\":2,\"notes\":[]}}';;\n  \
             *\"Refactor\"*) answer='{{\"summary\":\"shorter\",\"lesson\":\"keep it short\"}}';;\nesac\n\
             echo '{{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}}'\n\
             echo \"{{\\\"type\\\":\\\"result\\\",\\\"subtype\\\":\\\"success\\\",\\\"is_error\\\":false,\\\"result\\\":\\\"{answer}\\\",\
             \\\"structured_output\\\":$answer,\\\"session_id\\\":\\\"s\\\",\\\"total_cost_usd\\\":0.01,\\\"usage\\\":{{\\\"input_tokens\\\":1,\\\"output_tokens\\\":1}}}}\"\n"
        ),
    );
    stage.program("python", PYTHON);
    stage.program("gh", GH);
    for file in fs::read_dir(repository_root().join("examples/workflows")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), stage.path().join(file.file_name())).unwrap();
    }
    let repo = stage.path().join("repo");
    fs::create_dir_all(repo.join("tests")).unwrap();
    fs::create_dir_all(repo.join("src")).unwrap();
    fs::write(repo.join("src/main.py"), "one\ntwo\nthree\n").unwrap();
    fs::write(repo.join("pytest.ini"), "[pytest]\n").unwrap();
    fs::write(repo.join(".gitignore"), "report.xml\n").unwrap();
    for (name, text) in tests {
        fs::write(repo.join(format!("tests/{name}.sh")), text).unwrap();
    }
    stage.commit_and_allow_sandboxes();
    stage
}

fn run_program(stage: &Stage, services: &Services, args: &[&str]) -> Output {
    stage
        .command(&[&["run", "--quiet", "--yes"], args].concat())
        .env("ANTHROPIC_BASE_URL", &services.url)
        .env("OPENAI_BASE_URL", &services.url)
        .env("GOOGLE_GEMINI_BASE_URL", &services.url)
        .env("ANTHROPIC_API_KEY", "a")
        .env("OPENAI_API_KEY", "o")
        .env("GEMINI_API_KEY", "g")
        .output()
        .unwrap()
}

fn result(output: &Output) -> Json {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    // A text is printed as it is.
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!(stdout(output).trim()))
}

const ONE: (&str, &str) = ("one", "grep -q one src/main.py");
const TWO: (&str, &str) = ("two", "grep -q TWO src/main.py");
const REPAIR: &str = "case \"$prompt\" in *two*|*TWO*) sed -i s/two/TWO/ src/main.py;; esac";

#[test]
fn linear_pipeline() {
    let stage = prepare("", &[]);
    stage.project.write("rows.csv", "id,amount,category\na,1.5,x\nb,2,x\nc,-1,y\n");
    let services = Services::start(|prompt| match prompt {
        p if p.contains("Split these rows") => text(json!({
            "valid": [{ "id": "a", "amount": 1.5, "category": "x" }, { "id": "b", "amount": 2, "category": "x" }],
            "problems": ["c: the amount is negative"],
        })),
        p if p.contains("Sum the amounts") => text(json!({ "x": 3.5 })),
        p if p.contains("bar chart") => Said::Picture,
        other => panic!("not expected: {other}"),
    });
    let output = run_program(&stage, &services, &["1_linear_pipeline.cascade", "--input", "source=rows.csv"]);
    let path = result(&output);
    assert_eq!(fs::read(stage.path().join(path.as_str().unwrap())).unwrap(), PICTURE);
    assert!(services.prompts.lock().unwrap().last().unwrap().contains("3.5"));
}

#[test]
fn parallel_fan_out() {
    let stage = prepare("", &[]);
    stage.program(
        "ruff",
        "echo '[{\"filename\":\"src/b.py\",\"message\":\"unused\",\"location\":{\"row\":3}}]'; exit 1",
    );
    stage.program(
        "bandit",
        "echo '{\"results\":[{\"filename\":\"src/a.py\",\"line_number\":1,\"issue_text\":\"eval\"}]}'; exit 1",
    );
    stage.program("radon", "echo '{\"src/c.py\":[{\"name\":\"f\",\"lineno\":9,\"rank\":\"D\"}]}'");
    stage.program("coverage", "echo broken >&2; exit 1");
    let services = Services::start(|_| panic!("no model is asked"));
    let output = run_program(&stage, &services, &["2_parallel_fan_out.cascade", "--input", "repo=repo"]);
    let report = result(&output);
    assert_eq!((&report["score"], &report["coverage"]), (&json!(85), &json!(null)), "{report}");
    let tools: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|f| f["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["bandit", "ruff", "radon"]);
}

#[test]
fn sandbox_iteration() {
    let stage = prepare(REPAIR, &[ONE, TWO]);
    let services = Services::start(|_| panic!("only the agent is asked"));
    let output = run_program(&stage, &services, &["3_sandbox_iteration.cascade", "--input", "repo=repo"]);
    let report = result(&output);
    assert_eq!(report["repaired"], json!(["tests::two"]), "{report}");
    assert_eq!(stage.git(&["status", "--porcelain"]), " M src/main.py\n");
}

#[test]
fn conditional() {
    for score in [90, 40] {
        let stage = prepare("echo 1.1 > VERSION", &[]);
        let services = Services::start(move |prompt| match prompt {
            p if p.contains("Rate the quality") => {
                text(json!({ "quality_score": score, "hot_spots": ["repo/src/main.py"] }))
            }
            p if p.contains("Audit these files for style") => text(json!({ "passed": false, "notes": ["long lines"] })),
            p if p.contains("Audit these files") => text(json!({ "passed": true, "notes": [] })),
            other => panic!("not expected: {other}"),
        });
        // The agent that prepares a release answers with an audit.
        let answer = json!({ "passed": true, "notes": ["1.1"] }).to_string();
        stage.program("codex", &codex_that("echo 1.1 > VERSION", &answer));
        let output = run_program(&stage, &services, &["4_conditional.cascade", "--input", "repo=repo"]);
        let (expected, asked) = match score {
            90 => (json!({ "passed": true, "notes": ["1.1"] }), 1),
            _ => (json!({ "passed": false, "notes": ["long lines"] }), 4),
        };
        assert_eq!(result(&output), expected);
        assert_eq!(services.prompts.lock().unwrap().len(), asked);
        assert_eq!(stage.path().join("repo/VERSION").exists(), score == 90);
    }
}

#[test]
fn iterative_memory() {
    let stage = prepare("echo \"# $prompt\" >> src/main.py", &[]);
    let round = Mutex::new(0);
    let services = Services::start(move |prompt| {
        assert!(prompt.contains("Score this code"), "{prompt}");
        let mut round = round.lock().unwrap();
        *round += 1;
        text(json!({ "score": 50 + 20 * *round, "complaints": ["too long"] }))
    });
    // Only Claude Code is installed: the other models of the route are passed over.
    fs::remove_file(stage.path().join("bin/codex")).unwrap();
    let output = run_program(&stage, &services, &["5_iterative_memory.cascade", "--input", "repo=repo"]);
    assert_eq!(result(&output)["score"], json!(90));
    let written = stage.file("repo/src/main.py");
    assert_eq!(written.matches("Refactor this code").count(), 2, "{written}");
    assert!(written.contains("keep it short"), "the second round is told what helped: {written}");
}

/// The suite is that of nextest, whose report is played.
#[test]
fn complete_dev_workflow() {
    let stage = prepare(REPAIR, &[ONE, TWO]);
    stage.program(
        "cargo",
        "mkdir -p target/nextest/ci\ntest=\nif [ \"$6\" = -E ]; then test=${7#test(=}; test=${test%)}; fi\n\
         exec python -m pytest -q --junitxml=target/nextest/ci/junit.xml $test\n",
    );
    fs::write(stage.path().join("repo/.gitignore"), "target\nreport.xml\n").unwrap();
    fs::write(stage.path().join("repo/src/main.rs"), "fn main() {}\n").unwrap();
    let services = Services::start(|prompt| match prompt {
        p if p.contains("Research the current") => text(json!(["Use TWO (https://example.com)"])),
        p if p.contains("Draw the architecture") => Said::Picture,
        other => panic!("not expected: {other}"),
    });
    let args = ["6_complete_dev_workflow.cascade", "--input", "repo=repo", "--input", "task=Say TWO"];
    let output = run_program(&stage, &services, &args);
    assert_eq!(result(&output)["url"], json!("https://example.com/pr/9"));
    let log = stage.log().join("\n");
    assert!(log.contains("gh pr create --title Say TWO --body-file - --head cascade/say-two"), "{log}");
    assert!(log.contains("2 tests pass after"), "{log}");
    // The change is on a branch, and the files are as they were.
    assert_eq!(stage.file("repo/src/main.py"), "one\ntwo\nthree\n");
    assert_eq!(stage.git(&["show", "cascade/say-two:src/main.py"]), "one\nTWO\nthree\n");
}

#[test]
fn modernize_legacy() {
    let agent = "case \"$prompt\" in\n  *\"placeholder at src/main.py:2\"*) sed -i s/two/2/ src/main.py;;\n  \
                 *\"placeholder at src/main.py:3\"*) sed -i s/three/3/ src/main.py;;\n  \
                 *tests::two*) sed -i s/^2/TWO/ src/main.py;;\nesac";
    let stage = prepare(agent, &[ONE, TWO]);
    let services = Services::start(|prompt| match prompt {
        p if p.contains("Read this whole code base") => text(json!({
            "modules": [{ "root": "src", "purpose": "all" }], "risks": ["none"],
        })),
        p if p.contains("only pretends to work") => text(json!([
            { "file": "src/main.py", "line": 2, "why": "a stub" },
            { "file": "src/main.py", "line": 3, "why": "canned" },
        ])),
        p if p.contains("Draw the architecture") => Said::Picture,
        other => panic!("not expected: {other}"),
    });
    let output = run_program(&stage, &services, &["7_modernize_legacy.cascade", "--input", "repo=repo"]);
    assert_eq!(result(&output)["url"], json!("https://example.com/pr/9"));
    let log = stage.log().join("\n");
    assert!(log.contains("Modernize: 2 placeholders replaced"), "{log}");
    assert!(log.contains("2 findings of style, 2 tests pass"), "{log}");
    assert_eq!(stage.file("repo/src/main.py"), "one\nTWO\n3\n");
}

#[test]
fn bug_fix_with_root_cause() {
    for complexity in [json!("simple"), json!({ "kind": "complex", "why": "two callers" })] {
        let stage = prepare(REPAIR, &[ONE, TWO]);
        let thorough = complexity != json!("simple");
        let services = Services::start(move |prompt| match prompt {
            p if p.contains("Find the root cause") => text(json!({
                "cause": "two is not TWO", "complexity": complexity, "files": ["src/main.py"],
            })),
            p if p.contains("What else in this code base") => text(json!("Nothing.")),
            p if p.contains("Propose up to three") => text(json!(["write TWO"])),
            other => panic!("not expected: {other}"),
        });
        let args = ["8_bug_fix_rca.cascade", "--input", "repo=repo", "--input", "issue_number=7"];
        let output = run_program(&stage, &services, &args);
        assert_eq!(result(&output), json!("https://example.com/issue/9"));
        let log = stage.log().join("\n");
        assert!(log.contains("gh issue comment 7 --body-file -\n  Root cause: two is not TWO"), "{log}");
        assert!(log.contains("2 tests pass"), "{log}");
        assert_eq!(stage.file("repo/src/main.py"), "one\nTWO\nthree\n");
        assert_eq!(services.prompts.lock().unwrap().len(), if thorough { 3 } else { 1 });
    }
}

/// The command of the folder's README: all skills are mocked.
#[test]
fn tests_of_the_workflows_pass_without_anything_else() {
    let output = Command::new(cascade_tests::binary::cascadec().as_ref().unwrap())
        .args(["test", "examples/workflows"])
        .current_dir(repository_root())
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("12 tests: 12 passed"), "{}", stderr(&output));
}
