//! `sandbox` and `isolate` with the real `cascadec` and real git repositories: what is applied, what is refused, and
//! what becomes of it when the process is killed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use project::{Project, stderr, stdout};
use serde_json::Value as Json;

/// Skills that most programs here use.
const SKILLS: &str = r#"
skill write(repo: path, file: string, text: string) -> string {
  run sh"mkdir -p \"$(dirname $<file>)\"; echo $<text> > $<file>; cat $<file>" in repo
}

skill append(repo: path, file: string, text: string) -> string {
  run sh"echo $<text> >> $<file>; echo ran >> $<file>.log; cat $<file>" in repo
}

skill sh_in(repo: path, script: command) -> string {
  run script in repo
}
"#;

/// A project with a repository `repo`, and a cache of its own.
struct World {
    project: Project,
}

impl World {
    fn new() -> Self {
        let project = Project::new();
        let repo = project.path().join("repo");
        fs::create_dir(&repo).unwrap();
        for (name, text) in [("a.txt", "one\ntwo\nthree\nfour\nfive\n"), ("b.txt", "b\n"), (".gitignore", "*.log\n")] {
            fs::write(repo.join(name), text).unwrap();
        }
        let world = Self { project };
        // Machines without namespaces cannot hold these; what is held there is tested all the same.
        world.project.write("cascade.toml", "[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\n");
        world.git(&["init", "-q"]);
        world.git(&["add", "-A"]);
        world.git(&["commit", "-qm", "first"]);
        world
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.project.path().join("repo"))
            .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.project.path().join("repo").join(name)).unwrap_or_default()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.project.path().join("repo").join(name), text).unwrap();
    }

    fn program(&self, text: &str) {
        self.project.write("flow.cascade", &format!("{SKILLS}\n{text}"));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.env("CASCADE_SANDBOX_FOLDER", self.project.path().join("copies"));
        command
    }

    fn run(&self) -> Output {
        self.command(&["run", "-q", "flow.cascade"]).output().unwrap()
    }

    fn result(&self) -> Json {
        let output = self.run();
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| Json::from(stdout(&output).trim_end()))
    }

    fn failure(&self) -> String {
        let output = self.run();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stderr(&output)
    }

    /// The id of the only run.
    fn run_id(&self) -> String {
        let runs = self.project.store().runs().unwrap();
        assert_eq!(runs.len(), 1);
        runs[0].id.clone()
    }

    /// Copies that were left.
    fn copies(&self) -> usize {
        let runs = fs::read_dir(self.project.path().join("copies")).into_iter().flatten().flatten();
        runs.map(|run| fs::read_dir(run.path()).into_iter().flatten().count()).sum()
    }
}

fn wait_for(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_change_in_a_dirty_repository_is_applied_and_nothing_else() {
    let world = World::new();
    world.write("b.txt", "b, edited\n");
    world.write("new.txt", "untracked\n");
    world.git(&["add", "b.txt"]);
    let before = (world.git(&["status", "--porcelain=v2"]), world.git(&["for-each-ref"]));
    world.program(
        r#"
cascade main() -> { text: string, patch: string, branch: string? } {
  stage work = sandbox "repo" as box {
    stage seen = sh_in(box, sh"git status --short; cat b.txt new.txt; echo junk > x.log; git add -A; git commit -qm inside")
    stage made = write(box, "deep/er/file.txt", "made")
    seen
  }
  return { text: work.value, patch: work.patch, branch: work.branch }
}
"#,
    );
    let result = world.result();
    assert_eq!(result["text"], "M  b.txt\n?? new.txt\nb, edited\nuntracked");
    assert!(result["patch"].as_str().unwrap().starts_with("diff --git a/deep/er/file.txt b/deep/er/file.txt\n"));
    assert_eq!(result["branch"], Json::Null);
    assert_eq!(world.file("deep/er/file.txt"), "made\n");
    assert!(world.file("x.log").is_empty(), "what is ignored is not applied");
    let status = world.git(&["status", "--porcelain=v2", "--", ":!deep", ":!.cascade"]);
    assert_eq!((status, world.git(&["for-each-ref"])), before, "the index and the branches are the user's");
    assert_eq!(world.copies(), 0, "the copy is gone");
    assert!(!world.project.path().join("repo/.cascade").exists(), "nothing is left in the repository");
}

#[test]
fn a_conflict_is_a_failure_of_its_kind_and_touches_nothing() {
    let world = World::new();
    // What the user does meanwhile: a command in the sandbox waits for it.
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage inside = write(box, "b.txt", "inside")
    stage also = write(box, "c.txt", "inside")
    stage waits = sh_in(box, sh"touch started; while ! test -e /tmp/never; do if test -e go; then break; fi; sleep 0.01; done")
  }
  return work.value
}
"#,
    );
    let child = world.command(&["run", "-q", "flow.cascade"]).spawn().unwrap();
    let started = || walk(&world.project.path().join("copies")).into_iter().find(|path| path.ends_with("work/started"));
    wait_for(|| started().is_some());
    world.write("b.txt", "outside\n");
    fs::write(started().unwrap().with_file_name("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`b.txt` cannot be merged") && said.contains("(merge_conflict)"), "{said}");
    assert_eq!((world.file("b.txt").as_str(), world.file("c.txt").as_str()), ("outside\n", ""));
    // When the user has put it back, the same run ends well.
    world.git(&["checkout", "-q", "b.txt"]);
    let output = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!((world.file("b.txt").as_str(), world.file("c.txt").as_str()), ("inside\n", "inside\n"));
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn what_fails_or_is_discarded_leaves_no_trace() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage thrown = sandbox "repo" as box {
    stage made = write(box, "c.txt", "discarded")
    made
  } discard
  stage failed = sandbox "repo" as box {
    stage made = write(box, "c.txt", "failed")
    gate made == "good", "not good"
  } on error skip
  sandbox "repo" as box {
    stage made = write(box, "c.txt", "no stage")
  } discard
  return thrown.value + " " + (if failed == null { "skipped" } else { "done" })
}
"#,
    );
    assert_eq!(world.result(), "discarded skipped");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    assert_eq!(world.copies(), 0);
}

#[test]
fn a_branch_has_the_change_and_the_files_have_not() {
    let world = World::new();
    world.write("b.txt", "b, edited\n");
    world.program(
        r#"
cascade main() -> { branch: string?, patch: string } {
  stage work = sandbox "repo" as box {
    stage made = append(box, "a.txt", "six")
  } branch "fix/$<"one">"
  return { branch: work.branch, patch: work.patch }
}
"#,
    );
    assert_eq!(world.result()["branch"], "fix/one");
    assert_eq!(world.git(&["diff", "--stat", "HEAD", "fix/one"]), " a.txt | 1 +\n 1 file changed, 1 insertion(+)");
    assert_eq!(world.git(&["status", "--porcelain"]), " M b.txt");
    // The same change is there already, and another one is not put in its place.
    assert_eq!(world.result()["branch"], "fix/one");
    let text = fs::read_to_string(world.project.path().join("flow.cascade")).unwrap();
    world.project.write("flow.cascade", &text.replace("\"six\"", "\"other\""));
    assert!(world.failure().contains("there is a branch `fix/one` already"));
}

#[test]
fn a_returned_value_ends_a_sandbox_well() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage made = write(box, "c.txt", "returned")
    return "early $<made>"
  }
}
"#,
    );
    assert_eq!(world.result(), "early returned");
    assert_eq!(world.file("c.txt"), "returned\n");
}

#[test]
fn commands_write_only_there_and_see_no_keys() {
    let world = World::new();
    let home = world.project.path().join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::write(home.join(".ssh/id_rsa"), "PLANTED").unwrap();
    world.project.write("secret.txt", "PLANTED");
    world.program(
        r#"
skill attack(repo: path, outside: string) -> string {
  run sh"""
    say() { if "$@" 2>/dev/null; then echo "did: $*"; fi; }
    touch $<outside>/escaped 2>/dev/null || true
    touch $<outside>/repo/.git/escaped 2>/dev/null || true
    say touch /etc/escaped
    say cat $<outside>/home/.ssh/id_rsa
    say cat $<outside>/secret.txt
    say cat $<outside>/repo/.git/config
    env | grep -E "PLANTED" || true
    test "$HOME" != $<outside>/home && touch "$HOME/own" "$TMPDIR/own" && echo "has a home"
    git log --format=%s
    """
    in repo
}

cascade main(outside: string) -> string {
  stage work = sandbox "repo" as box {
    stage tried = attack(box, outside)
    tried
  }
  return work.value
}
"#,
    );
    let outside = format!("outside={}", world.project.path().canonicalize().unwrap().display());
    let run = |namespaces: bool| {
        let mut command = world.command(&["run", "-q", "flow.cascade", "--input", &outside]);
        command.env("HOME", &home).env("MY_API_KEY", "PLANTED").env("SSH_AUTH_SOCK", "/run/PLANTED");
        if !namespaces {
            command.env("CASCADE_SANDBOX_NAMESPACES", "off");
        }
        command.output().unwrap()
    };
    for namespaces in [true, false] {
        let output = run(namespaces);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stdout(&output), "has a home\nfirst\n", "namespaces: {namespaces}");
        assert!(
            !world.project.path().join("escaped").exists() && !world.project.path().join("repo/.git/escaped").exists()
        );
    }
}

#[test]
fn what_cannot_be_enforced_is_refused_with_the_way_out() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage made = write(box, "c.txt", "x")
    made
  }
  return work.value
}
"#,
    );
    fs::remove_file(world.project.path().join("cascade.toml")).unwrap();
    let run =
        || world.command(&["run", "-q", "flow.cascade"]).env("CASCADE_SANDBOX_NAMESPACES", "off").output().unwrap();
    let refused = run();
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("`metadata` (no mode, owner or time of a file outside is changed)"), "{said}");
    assert!(said.contains("allow_unenforced = [\"metadata\""), "{said}");
    assert!(world.file("c.txt").is_empty());
    world.project.write("cascade.toml", "[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\n");
    let allowed = run();
    assert!(allowed.status.success(), "{}", stderr(&allowed));
    assert_eq!(world.file("c.txt"), "x\n");
    world.project.write("cascade.toml", "[sandbox]\nallow_unenforced = [\"everything\"]\n");
    let checked = world.command(&["check", "flow.cascade"]).output().unwrap();
    let said = stdout(&checked) + &stderr(&checked);
    assert!(said.contains("a sandbox promises nothing of the name `everything`"), "{said}");
}

/// A server of the loopback that answers each request with a line.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut head = [0; 1024];
            let length = stream.read(&mut head).unwrap_or(0);
            let first = String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned();
            let body = format!("served {first}\n");
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        }
    });
    port
}

#[test]
fn the_network_is_that_of_the_policy() {
    let world = World::new();
    let port = serve();
    let get = r#"
skill get(repo: path, url: string) -> string {
  // `printf` and a file descriptor are all that is needed of HTTP: the proxy is asked, if there is one.
  run sh"""
    address=${HTTP_PROXY#http://}
    if test -z "$address"; then address=$<url>; address=${address#http://}; address=${address%%/*}; fi
    bash -c "exec 3<>/dev/tcp/${address%:*}/${address#*:} && printf 'GET %s HTTP/1.0\\r\\n\\r\\n' \"\$1\" >&3 && cat <&3" _ $<url> \
      2>/dev/null | tail -1 || echo "no network"
    """
    in repo
}
"#;
    let program = |network: &str| {
        let url = format!("http://127.0.0.1:{port}/x");
        world.program(&format!(
            "{get}\ncascade main() -> string {{\n  stage work = sandbox \"repo\" network {network} as box {{\n    stage got = \
             get(box, \"{url}\")\n    stage other = get(box, \"http://127.0.0.1:9/other\")\n    got + \"|\" + other\n  }}\n  \
             return work.value\n}}\n"
        ));
    };
    for namespaces in ["on", "off"] {
        world.project.write("cascade.toml", "[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\n");
        let run = || {
            let output =
                world.command(&["run", "-q", "flow.cascade"]).env("CASCADE_SANDBOX_NAMESPACES", namespaces).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
            stdout(&output).trim().to_owned()
        };
        program("off");
        assert_eq!(run(), "|", "namespaces {namespaces}");
        program("on");
        assert_eq!(run(), "served GET http://127.0.0.1:PORT/x HTTP/1.0|".replace("PORT", &port.to_string()));
        program(&format!("[\"localhost\", \"127.0.0.1:{port}\"]"));
        let said = run();
        let (got, other) = said.split_once('|').unwrap();
        assert_eq!(got, "served GET /x HTTP/1.0", "namespaces {namespaces}");
        assert_eq!(other, "cascade: connect 127.0.0.1:9 (not in the list of hosts)", "namespaces {namespaces}");
    }
}

#[test]
fn a_denied_connection_is_in_the_failure() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" network ["example.org"] as box {
    stage tried = sh_in(box, sh"bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; printf \"CONNECT 10.0.0.1:443 HTTP/1.1\\r\\n\\r\\n\" >&3; cat <&3'; exit 3")
    tried
  }
  return work.value
}
"#,
    );
    let said = world.failure();
    assert!(said.contains("denied: connect 10.0.0.1:443 (not in the list of hosts)"), "{said}");
}

#[test]
fn parallel_isolated_stages_are_merged_in_the_order_of_the_text() {
    let world = World::new();
    world.program(
        r#"
skill edit(repo: path, from: string, to: string, pause: string) -> string {
  run sh"sleep $<pause>; sed -i s/$<from>/$<to>/ a.txt; cat a.txt | tr '\n' ' '; echo $<to> >> order-$<to>.txt" in repo
}

cascade main() -> { first: string, second: string, third: string } {
  stage all = parallel {
    stage first = edit("repo", "one", "ONE", "0.3")
      isolate
    stage second = edit("repo", "three", "THREE", "0")
      isolate
    stage third = edit("repo", "five", "FIVE", "0.1")
      isolate
  }
  return all
}
"#,
    );
    let result = world.result();
    // None sees what the others do.
    assert_eq!(result["first"].as_str().unwrap().trim(), "ONE two three four five");
    assert_eq!(result["second"].as_str().unwrap().trim(), "one two THREE four five");
    assert_eq!(world.file("a.txt"), "ONE\ntwo\nTHREE\nfour\nFIVE\n");
    let store = world.project.store();
    let effects = store.effects(&world.run_id()).unwrap();
    let mut closed: Vec<_> = effects.iter().filter(|effect| effect.path.ends_with("#close")).collect();
    closed.sort_by_key(|effect| effect.seq);
    let closed: Vec<&str> = closed.iter().map(|effect| effect.path.as_str()).collect();
    assert_eq!(closed, ["main/all/first#close", "main/all/second#close", "main/all/third#close"]);
}

#[test]
fn an_isolated_stage_in_a_folder_of_a_repository_has_all_of_it() {
    let world = World::new();
    fs::create_dir(world.project.path().join("repo/sub")).unwrap();
    world.write("sub/x.txt", "x\n");
    world.program(
        r#"
cascade main() -> string {
  stage seen = sh_in("repo/sub", sh"cat x.txt ../a.txt | tr '\n' ' '; git log --format=%s; echo y > x.txt")
    isolate
  return seen
}
"#,
    );
    assert_eq!(world.result(), "x one two three four five first");
    assert_eq!(world.file("sub/x.txt"), "y\n");
}

#[test]
fn isolated_edits_of_one_place_conflict_and_the_first_stays() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage all = for name in ["x", "y", "z"] parallel {
    stage made = write("repo", "b.txt", name)
      isolate
      on error (merge_conflict) skip
    made ?? "conflict"
  }
  return all.join(" ")
}
"#,
    );
    assert_eq!(world.result(), "x conflict conflict");
    assert_eq!(world.file("b.txt"), "x\n");
}

#[test]
fn a_sandbox_in_a_sandbox_is_merged_into_it() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> { inner: string, seen: string } {
  stage work = sandbox "repo" as outer {
    stage first = write(outer, "c.txt", "outer")
    stage nested = sandbox outer as inner {
      stage text = append(inner, "c.txt", "inner")
      text
    }
    stage seen = sh_in(outer, sh"cat c.txt | tr '\n' ' '; git log --format=%s")
    { inner: nested.value, seen: seen }
  }
  return work.value
}
"#,
    );
    let result = world.result();
    assert_eq!(result["inner"], "outer\ninner");
    assert_eq!(result["seen"], "outer inner first");
    assert_eq!(world.file("c.txt"), "outer\ninner\n");
}

/// A run that is killed at many moments and resumed: every finished command is not repeated, the change is applied once,
/// and the repository is before or after, never between.
#[test]
fn a_killed_run_goes_on_in_a_fresh_copy_and_applies_once() {
    const PROGRAM: &str = r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage one = append(box, "a.txt", "six")
    stage two = append(box, "a.txt", "seven")
    stage many = sh_in(box, sh"for i in $(seq 1 150); do echo $i > f$i; done; rm b.txt")
    stage three = append(box, "a.txt", "eight")
    three
  }
  return work.value
}
"#;
    let expected = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight";
    let whole = |world: &World| -> bool {
        let after = world.file("a.txt").trim_end() == expected;
        let files = (1..=150).filter(|i| world.file(&format!("f{i}")) == format!("{i}\n")).count();
        match (after, files, world.file("b.txt").is_empty()) {
            (true, 150, true) => true,
            (false, 0, false) => false,
            other => panic!("torn: {other:?}"),
        }
    };
    let (mut before, mut after) = (0, 0);
    for round in 0..14u64 {
        let world = World::new();
        world.program(PROGRAM);
        let mut child = world.command(&["run", "-q", "flow.cascade"]).spawn().unwrap();
        // Half of them when the change is decided, the others at any moment.
        if round % 2 == 1 {
            let decided =
                || walk(&world.project.path().join("repo/.cascade")).iter().any(|path| path.ends_with("commit"));
            while child.try_wait().unwrap().is_none() && !decided() {
                thread::sleep(Duration::from_micros(200));
            }
            thread::sleep(Duration::from_micros(round * 300));
        } else {
            thread::sleep(Duration::from_millis(20 + round * 12));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !world.project.journal().exists() || world.project.store().runs().unwrap().is_empty() {
            before += 1;
            continue;
        }
        // Copies of a machine that was restarted are gone.
        if round % 4 == 2 {
            let _ = fs::remove_dir_all(world.project.path().join("copies"));
        }
        let output = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
        assert!(output.status.success(), "round {round}: {}", stderr(&output));
        assert_eq!(stdout(&output).trim_end(), expected, "round {round}");
        assert!(whole(&world), "round {round}");
        after += 1;
        assert_eq!(world.copies(), 0, "round {round}");
    }
    assert!(after > 0, "{before} and {after}");
}

#[test]
fn a_resumed_run_repeats_no_finished_command() {
    let world = World::new();
    let program = |gate: &str| {
        format!(
            r#"
cascade main() -> string {{
  stage work = sandbox "repo" as box {{
    stage one = append(box, "a.txt", "six")
    stage two = append(box, "a.txt", "seven")
    gate {gate}, "stop here"
    stage three = append(box, "a.txt", "eight")
    three
  }}
  return work.value
}}
"#
        )
    };
    world.program(&program("two == \"\""));
    assert!(world.failure().contains("stop here"));
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    // The user has changed another place meanwhile.
    world.write("b.txt", "meanwhile\n");
    world.program(&program("two != \"\""));
    let output = world.command(&["resume", &world.run_id(), "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stderr(&output) + &stdout(&output);
    assert!(events.contains(r#""path":"main/work/one","attempt":1,"from":"journal""#), "{events}");
    assert!(events.contains(r#""path":"main/work/two","attempt":1,"from":"journal""#), "{events}");
    assert_eq!(world.file("a.txt"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n");
    assert_eq!(world.file("b.txt"), "meanwhile\n");
    // When it is resumed again nothing is applied, whatever has become of the files.
    world.write("a.txt", "changed back\n");
    let again = world.command(&["resume", "-q", &world.run_id()]).output().unwrap();
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(world.file("a.txt"), "changed back\n");
}

#[test]
fn what_is_started_inside_ends_with_its_command() {
    let world = World::new();
    let mark = format!("cascade-daemon-{}", std::process::id());
    world.program(&format!(
        r#"
cascade main() -> string {{
  stage work = sandbox "repo" as box {{
    stage left = sh_in(box, sh"(setsid sh -c 'exec sleep 300; : {mark}' >/dev/null 2>&1 &) ; sleep 0.1; echo started")
    left
  }}
  return work.value
}}
"#
    ));
    assert_eq!(world.result(), "started");
    let is_left = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let of_run = format!("GIT_CEILING_DIRECTORIES={}", world.project.path().join("copies").display());
            environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(of_run.as_bytes()))
        })
    };
    wait_for(|| !is_left());
}

/// What Cascade itself reads and writes for a program in a sandbox is in the copy, is recorded as a change, and follows
/// no link that a command has planted.
#[test]
fn files_of_the_library_are_those_of_the_copy() {
    let world = World::new();
    world.project.write("secret.txt", "PLANTED");
    let program = |end: &str| {
        world.project.write(
            "flow.cascade",
            &format!(
                r#"
import std.files
{SKILLS}
cascade main() -> string {{
  stage work = sandbox "repo" as box {{
    stage made = files.write("repo/made.txt", "by the library")
    stage planted = sh_in(box, sh"ln -sf ../../../../secret.txt leak; cat made.txt")
    {end}
  }} discard
  return work.value
}}
"#
            ),
        );
    };
    program("stage seen = files.read(\"repo/made.txt\")\n    seen + planted");
    assert_eq!(world.result(), "by the libraryby the library");
    program("stage seen = files.read(\"repo/leak\")\n    seen");
    let said = world.failure();
    assert!(said.contains("`repo/leak` is behind a link in a sandbox"), "{said}");
    program("stage seen = files.read(\"secret.txt\")\n    seen");
    let said = world.failure();
    assert!(said.contains("`secret.txt` is outside of the sandbox of"), "{said}");
}

/// An agent works in the copy, whichever directory it is given, and is confined as commands are.
#[test]
fn an_agent_works_in_the_copy_and_is_confined() {
    let world = World::new();
    world
        .project
        .write("agent.sh", "#!/bin/sh\npwd >> a.txt\n(echo escaped > /etc/escaped) 2>/dev/null || echo \"held: $1\"\n");
    let agent = world.project.path().canonicalize().unwrap().join("agent.sh");
    world.project.write(
        "cascade.toml",
        &format!("[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\nread = [\"{}\"]\n", agent.display()),
    );
    world.program(&format!(
        r#"
model helper {{
  provider: agent_cli
  id: "helper"
  context: 1_000
  command: sh"sh {} {{prompt}}"
}}

skill repair(repo: path) -> string {{
  agent in repo "Repair it."
}}

cascade main() -> {{ said: string, patch: string }} {{
  stage work = sandbox "repo" network off as box {{
    stage done = repair("repo") using helper
    done
  }} discard
  return {{ said: "$<work.value>", patch: work.patch }}
}}
"#,
        agent.display()
    ));
    let result = world.result();
    assert!(result["said"].as_str().unwrap().contains("held: Repair it."), "{result}");
    assert!(result["patch"].as_str().unwrap().contains("/tree/work\n"), "{result}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

/// With and without namespaces: a killed `cascadec` takes everything inside with it, also what left its group.
#[test]
fn nothing_inside_outlives_a_killed_process() {
    for namespaces in ["on", "off"] {
        let world = World::new();
        world.program(
            r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage stays = sh_in(box, sh"(setsid sleep 300 >/dev/null 2>&1 &); touch begun; sleep 300")
    stays
  }
  return work.value
}
"#,
        );
        let mut command = world.command(&["run", "-q", "flow.cascade"]);
        let mut child = command.env("CASCADE_SANDBOX_NAMESPACES", namespaces).spawn().unwrap();
        let begun = || walk(&world.project.path().join("copies")).iter().any(|path| path.ends_with("work/begun"));
        wait_for(begun);
        child.kill().unwrap();
        child.wait().unwrap();
        let of_run = format!("GIT_CEILING_DIRECTORIES={}", world.project.path().join("copies").display());
        let is_left = || {
            fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(of_run.as_bytes()))
            })
        };
        wait_for(|| !is_left());
    }
}

#[test]
fn a_mocked_sandbox_opens_nothing() {
    let world = World::new();
    world.program(
        r#"
cascade main(repo: path) -> string {
  stage work = sandbox repo as box {
    stage made = write(box, "c.txt", "x")
    made
  } branch "b"
  return "$<work.value> $<work.branch>"
}

test "a sandbox" {
  mock write -> "mocked"
  run main(repo: "/nowhere")
  expect result == "mocked b"
}
"#,
    );
    let output = world.command(&["test", "flow.cascade"]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}
