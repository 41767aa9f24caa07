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
    assert!(stderr(&output).contains("15 passed"), "{}", stderr(&output));
}

#[test]
fn times_are_read_by_a_pattern() {
    let stage = stage();
    let found = result(
        &stage,
        "import std.time\n\ncascade main() -> list<string> {\n  stage a = time.parse(\"01.03.2026 07:05\", \"%d.%m.%Y %H:%M\", \"Europe/Berlin\")\n  \
           stage b = time.parse(\"2026-07-01\", \"%Y-%m-%d\", \"Europe/Berlin\")\n  \
           stage c = time.parse(\"Sun, 01 Mar 2026 07:05:09 +0500\", \"%a, %d %b %Y %H:%M:%S %z\", \"Europe/Berlin\")\n  \
           stage zone = time.local_zone()\n  return [\"$<a>\", \"$<b>\", \"$<c>\", zone]\n}\n",
    );
    let zone = found[3].as_str().unwrap();
    assert_eq!(found, json!(["2026-03-01T06:05:00Z", "2026-06-30T22:00:00Z", "2026-03-01T02:05:09Z", zone]));
    for (text, pattern, zone, why) in [
        ("31.02.2026", "%d.%m.%Y", "UTC", "`31.02.2026` does not fit"),
        ("2026", "%Y-%m-%d", "UTC", "does not fit"),
        ("2026-01-01", "%Y-%m-%d", "Europe/Nowhere", "there is no time zone `Europe/Nowhere`"),
    ] {
        let output = stage.run(&format!(
            "import std.time\n\ncascade main() -> time {{\n  stage at = time.parse(\"{text}\", \"{pattern}\", \"{zone}\")\n  return at\n}}\n"
        ));
        assert!(stderr(&output).contains(why) && stderr(&output).contains("(invalid_output)"), "{}", stderr(&output));
    }
}

/// A mail server without encryption: it answers the commands of SMTP and keeps what it was told.
fn mail_server(codes: &'static [(&'static str, &'static str)]) -> (String, std::thread::JoinHandle<String>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut out = stream.try_clone().unwrap();
        let mut told = String::new();
        let mut in_text = false;
        out.write_all(b"220 here\r\n").unwrap();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            told.push_str(&line);
            told.push('\n');
            if in_text && line != "." {
                continue;
            }
            let word = line.split(' ').next().unwrap_or_default().to_uppercase();
            let answer = match codes.iter().find(|(known, _)| *known == word) {
                Some((_, answer)) => answer,
                None if word == "EHLO" => "250-here\r\n250 AUTH PLAIN LOGIN",
                None if word == "DATA" => "354 go on",
                None if word == "AUTH" => "235 welcome",
                None => "250 fine",
            };
            in_text = word == "DATA";
            if out.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                break;
            }
            if word == "QUIT" {
                break;
            }
        }
        told
    });
    (address, server)
}

const MAIL: &str = "import std.notify\n\nskill draw() -> file {\n  run sh\"echo figures > report.txt\"\n    output file \"report.txt\"\n}\n\n\
    cascade main(server: string, password: secret = env(\"MAIL_PASSWORD\")) {\n  stage report = draw()\n  \
      stage sent = notify.email(server, password, {\n    from: \"Ada <ada@example.com>\",\n    to: [\"bob@example.com\", \"Zoë <zoe@example.com>\"],\n    \
        subject: \"Done: größer\",\n    text: \"All is done.\",\n    files: [\"report.txt\"],\n  })\n  \
      log \"$<report> was sent\"\n}\n";

#[test]
fn mail_is_sent_with_its_files() {
    let stage = stage();
    let (address, server) = mail_server(&[]);
    stage.project.write("flow.cascade", MAIL);
    let server_of = format!("server=smtp://ada%40example.com@{address}");
    let mut command = stage.command(&["run", "flow.cascade", "--quiet", "--input", &server_of]);
    let output = command.env("MAIL_PASSWORD", "word of Ada").output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let told = server.join().unwrap();
    // The name and the password: `\0ada@example.com\0word of Ada`.
    let login = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "\0ada@example.com\0word of Ada");
    for text in [
        &*format!("AUTH PLAIN {login}"),
        "RCPT TO:<bob@example.com>",
        "RCPT TO:<zoe@example.com>",
        "From: Ada <ada@example.com>",
        "All is done.",
        "filename=\"report.txt\"",
        "figures",
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
}

/// What the server says decides the kind of the failure; the password is nowhere.
#[test]
fn mail_that_is_not_taken_is_a_failure_of_its_kind() {
    let login: &[(&str, &str)] = &[("AUTH", "535 word of Ada is wrong")];
    for (codes, kind) in [
        (login, "denied"),
        (&[("RCPT", "550 nobody of that name")], "failed"),
        (&[("MAIL", "451 later")], "unavailable"),
    ] {
        let stage = stage();
        let (address, server) = mail_server(codes);
        stage.project.write("flow.cascade", MAIL);
        let server_of = format!("server=smtp://ada@{address}");
        let mut command = stage.command(&["run", "flow.cascade", "--quiet", "--input", &server_of]);
        let output = command.env("MAIL_PASSWORD", "word of Ada").output().unwrap();
        let said = stderr(&output);
        assert!(said.contains(&format!("`{address}` did not take the mail")), "{said}");
        assert!((kind == "failed") != said.contains(&format!("({kind})")), "{kind}: {said}");
        assert!(!said.contains("word of Ada"), "{said}");
        drop(output);
        let _ = server.join();
    }
    let stage = stage();
    stage.project.write("flow.cascade", MAIL);
    for (server, why) in [
        ("mail.example.com", "write `smtps://mail.example.com`"),
        ("https://mail.example.com", "begins with `smtps://` or `smtp://`"),
        ("smtps://mail.example.com", "names no user for the password"),
        ("smtps://ada:word@mail.example.com", "has a password in it"),
    ] {
        let server_of = format!("server={server}");
        let mut command = stage.command(&["run", "flow.cascade", "--quiet", "--input", &server_of]);
        let said = stderr(&command.env("MAIL_PASSWORD", "word of Ada").output().unwrap());
        assert!(said.contains(why), "{server}: {said}");
    }
}

#[test]
fn github_is_told_by_its_rest_interface_and_not_twice() {
    let stage = stage();
    let issue = |body: &str| json!({ "number": 7, "title": "T", "body": body, "html_url": "https://github.example/7" });
    let (url, server) = serve(vec![
        (
            200,
            json!([{ "number": 6, "title": "a pull request", "body": null, "html_url": "x", "pull_request": {} }])
                .to_string(),
        ),
        (201, issue("B").to_string()),
        (200, json!([issue("B\n\n<!-- cascade nightly -->")]).to_string()),
        (200, "[]".to_owned()),
        (201, json!({ "html_url": "https://github.example/7#1", "body": "x" }).to_string()),
        (200, json!([{ "html_url": "https://github.example/pull/9" }]).to_string()),
        (200, "[]".to_owned()),
        (201, "{}".to_owned()),
    ]);
    let text = "import std.github_rest\n\ncascade main(api: string, token: secret = env(\"GITHUB_TOKEN\")) -> list<string> {\n  \
                let repo: github_rest.Repository = { owner: \"ada\", name: \"engine\", api: api }\n  \
                stage first = github_rest.create_issue(repo, token, \"T\", \"B\", mark: \"nightly\")\n  \
                stage again = github_rest.create_issue(repo, token, \"T\", \"B\", mark: \"nightly\")\n  \
                stage told = github_rest.comment(repo, token, 7, \"Hello\")\n  \
                stage pull = github_rest.create_pull_request(repo, token, \"P\", \"Q\", head: \"fix\")\n  \
                stage labelled = github_rest.add_labels(repo, token, 7, [\"bug\"])\n  \
                stage state = github_rest.set_status(repo, token, \"abc\", success, \"cascade\", \"all passed\")\n  \
                return [first.url, again.url, told.url, pull.url]\n}\n";
    stage.project.write("flow.cascade", text);
    let api = format!("api={url}");
    let mut command = stage.command(&["run", "flow.cascade", "--quiet", "--input", &api]);
    let output = command.env("GITHUB_TOKEN", "token-of-ada-1234567").output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let found: Json = serde_json::from_slice(&output.stdout).unwrap();
    let of = |n: &str| format!("https://github.example/{n}");
    assert_eq!(found, json!([of("7"), of("7"), of("7#1"), of("pull/9")]));
    let asked = server.join().unwrap();
    let heads: Vec<&str> =
        asked.iter().map(|request| request.lines().next().unwrap().trim_end_matches(" HTTP/1.1")).collect();
    assert_eq!(
        heads,
        [
            "GET /repos/ada/engine/issues?state=all&labels=&per_page=100",
            "POST /repos/ada/engine/issues",
            "GET /repos/ada/engine/issues?state=all&labels=&per_page=100",
            "GET /repos/ada/engine/issues/7/comments?per_page=100",
            "POST /repos/ada/engine/issues/7/comments",
            "GET /repos/ada/engine/pulls?state=open&head=ada%3Afix",
            "POST /repos/ada/engine/issues/7/labels",
            "POST /repos/ada/engine/statuses/abc",
        ]
    );
    assert!(asked.iter().all(|request| request.contains("authorization: Bearer token-of-ada-1234567")));
    assert!(asked[1].contains("<!-- cascade nightly -->"), "{}", asked[1]);
}

#[test]
fn a_status_is_set_by_gh_and_figures_are_pushed() {
    let stage = stage();
    let (url, server) = serve(vec![(200, String::new())]);
    let text = format!(
        "import std.github\nimport std.metrics\n\ncascade main() -> bool {{\n  \
           stage told = github.set_status(\"repo\", \"abc\", success, \"cascade\", \"all passed\", url: \"https://ci.example/1\")\n  \
           stage pushed = metrics.push(\"{url}\", \"nightly\", [{{ name: \"runs\", value: 3.0 }}])\n  return true\n}}\n"
    );
    assert_eq!(result(&stage, &text), json!(true));
    let log = stage.log().join("\n");
    assert!(log.contains("gh api --silent repos/{owner}/{repo}/statuses/abc -f state=success -f context=cascade -f description=all passed -f target_url=https://ci.example/1"), "{log}");
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("PUT /metrics/job/nightly ") && asked[0].ends_with("runs 3.0\n"), "{}", asked[0]);
}
