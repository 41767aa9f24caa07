//! The standard library against real git, a played `gh` that keeps what it is told, and a local server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/agents.rs"]
mod agents;
#[path = "support/project.rs"]
mod project;

use std::{fs, process::Command};

use agents::Stage;
use cascade_tests::{programs::repository_root, server::serve};
use project::{stderr, stdout};
use serde_json::{Value as Json, json};

/// `gh`, played: issues, comments and pull requests are files in `$LOG.d`; `--jq` is understood for the two filters that
/// the library uses.
const GH: &str = r#"
store="$LOG.d"; mkdir -p "$store"
echo "gh $*" >> "$LOG"
kind=$1; verb=$2; filter=; head=
for word in "$@"; do
  case "$previous" in --jq) filter=$word;; --head) head=$word;; esac
  previous=$word
done
mark=$(printf '%s' "$filter" | sed -n 's/.*contains("\(.*\)")).*/\1/p')
find_marked() { for file in "$store"/$1.*; do if [ -f "$file" ] && grep -qF "$mark" "$file"; then echo "https://example.com/$(basename "$file" | tr . /)"; fi; done; }
keep() { n=$(($(ls "$store" | grep -c "^$1") + 1)); cat > "$store/$1.$n"; echo "https://example.com/$1/$n"; }
case "$kind $verb" in
  "issue list") if [ -n "$mark" ]; then find_marked issue; else echo '[{"number":1,"title":"t","body":"b","url":"u"}]'; fi;;
  "issue view") find_marked comment;;
  "issue create") keep issue;;
  "issue comment") keep comment; if [ -n "$LOSE" ] && [ ! -f "$store/lost" ]; then : > "$store/lost"; exit 1; fi;;
  "pr list") if [ -f "$store/pr.1" ]; then echo https://example.com/pr/1; fi;;
  "pr create") keep pr;;
  "pr checks") echo '[{"name":"tests","state":"SUCCESS"}]';;
esac
"#;

fn stage() -> Stage {
    let stage = Stage::new();
    stage.program("gh", GH);
    let repo = stage.path().join("repo");
    fs::write(repo.join("a.txt"), "a\n").unwrap();
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["config", "user.name", "T \"Q\" T"],
        &["config", "user.email", "t@example.com"],
        &["add", "-A"],
        &["commit", "-qm", "first \"quoted\" \\ subject"],
    ] {
        assert!(Command::new("git").args(args).current_dir(&repo).status().unwrap().success());
    }
    stage
}

fn result(stage: &Stage, text: &str) -> Json {
    let output = stage.run(text);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!(stdout(&output).trim()))
}

#[test]
fn git_tells_and_commits() {
    let stage = stage();
    fs::write(stage.path().join("repo/a.txt"), "b\n").unwrap();
    fs::write(stage.path().join("repo/new file.txt"), "n\n").unwrap();
    let found = result(
        &stage,
        "import std.git\n\ntype Seen {\n  branch: string\n  changed: list<path>\n  patch: string\n  hash: string\n  \
           again: string\n  commits: list<git.Commit>\n}\n\n\
         cascade main() -> Seen {\n  stage branch = git.current_branch(\"repo\")\n  stage changed = git.changed_files(\"repo\")\n  \
           stage patch = git.diff(\"repo\")\n  stage hash = git.commit(\"repo\", \"second\\n\\nwith a body\")\n  \
           stage again = git.commit(\"repo\", \"nothing\")\n  stage commits = git.recent_commits(\"repo\")\n  \
           return { branch: branch, changed: changed, patch: patch, hash: hash, again: again, commits: commits }\n}\n",
    );
    assert_eq!(found["branch"], json!("main"));
    assert_eq!(found["changed"], json!(["a.txt", "new file.txt"]));
    assert!(found["patch"].as_str().unwrap().contains("-a\n+b"), "{found}");
    assert_eq!(found["hash"], found["again"]);
    let subjects: Vec<&str> =
        found["commits"].as_array().unwrap().iter().map(|c| c["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["second", "first \"quoted\" \\ subject"]);
    assert_eq!(found["commits"][0]["author"], json!("T \"Q\" T"));
}

#[test]
fn a_revision_is_no_option() {
    let stage = stage();
    let output = stage.run(
        "import std.git\n\ncascade main() -> string {\n  stage patch = git.diff(\"repo\", base: \"--output=stolen\")\n  \
         return patch\n}\n",
    );
    assert!(!output.status.success());
    assert!(!stage.path().join("repo/stolen").exists());
}

/// The answer of a comment is lost after it was written: the repeated call finds it.
#[test]
fn what_was_written_to_github_is_found_and_not_written_again() {
    let stage = stage();
    let text = "import std.github\n\ncascade main() -> string {\n  \
                stage told = github.comment(\"repo\", 7, \"Hello\")\n    retry 2 backoff 1ms..2ms\n  return told.url\n}\n";
    stage.project.write("flow.cascade", text);
    let output = stage.command(&["run", "flow.cascade", "--quiet"]).env("LOSE", "1").output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output).trim(), "https://example.com/comment/1");
    let kept = stage.file("log.d/comment.1");
    assert!(kept.starts_with("Hello\n\n<!-- cascade ") && kept.trim_end().ends_with(" -->"), "{kept}");
    assert!(!stage.path().join("log.d/comment.2").exists());
    // Another run is another call.
    assert_eq!(result(&stage, text), json!("https://example.com/comment/2"));
}

#[test]
fn issues_and_pull_requests() {
    let stage = stage();
    let text = "import std.github\n\ntype Seen {\n  issue: github.Issue\n  request: string\n  again: string\n  \
                  checks: list<github.Check>\n  open: int\n}\n\n\
                skill draw() -> file {\n  run sh\"echo x > plan.txt\"\n    output file \"plan.txt\"\n}\n\n\
                cascade main() -> Seen {\n  stage issue = github.create_issue(\"repo\", { title: \"T\", body: \"B\" })\n  \
                  stage labelled = github.add_labels(\"repo\", issue.number, [\"bug\", \"help wanted\"])\n  \
                  stage plan = draw()\n  \
                  stage one = github.create_pull_request(\"repo\", { title: \"P\", body: \"Q\", head: \"main\", attachments: [null, plan] })\n  \
                  stage two = github.create_pull_request(\"repo\", { title: \"P\", body: \"Q\", head: \"main\" })\n  \
                  stage checks = github.checks(\"repo\", 1)\n  stage open = github.list_issues(\"repo\")\n  \
                  return { issue: issue, request: one.url, again: two.url, checks: checks, open: open.len() }\n}\n";
    let found = result(&stage, text);
    assert_eq!(found["issue"]["number"], json!(1));
    assert_eq!(found["request"], json!("https://example.com/pr/1"));
    assert_eq!(found["again"], found["request"]);
    assert_eq!(found["checks"], json!([{ "name": "tests", "state": "SUCCESS" }]));
    assert_eq!(stage.file("log.d/pr.1"), "Q\n\nFiles of the run: `plan.txt`");
    let log = stage.log().join("\n");
    assert!(log.contains("gh issue edit 1 --add-label bug,help wanted"), "{log}");
}

#[test]
fn a_message_is_posted() {
    let stage = stage();
    let (url, server) = serve(vec![(200, "ok".to_owned())]);
    stage.project.write(
        "flow.cascade",
        "import std.notify\n\ncascade main(url: secret = env(\"HOOK\")) {\n  stage told = notify.slack(url, \"done: \\\"all\\\"\")\n}\n",
    );
    let output =
        stage.command(&["run", "flow.cascade", "--quiet"]).env("HOOK", format!("{url}/hook")).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("POST /hook "), "{}", asked[0]);
    assert!(asked[0].ends_with("{\"text\":\"done: \\\"all\\\"\"}"), "{}", asked[0]);
}

/// What the library says of itself in Cascade.
#[test]
fn the_tests_of_the_library_pass() {
    let output = Command::new(cascade_tests::binary::cascadec().as_ref().unwrap())
        .args(["test", "stdlib/tests", "--times", "10"])
        .current_dir(repository_root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("5 passed"), "{}", stderr(&output));
}
