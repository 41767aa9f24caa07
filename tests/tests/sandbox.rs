//! `sandbox` and `isolate` with the real `cascadec` and real git repositories: what is applied, and what is refused.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;
#[path = "support/sandbox.rs"]
mod sandbox;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use project::{stderr, stdout};
use sandbox::{SKILLS, World};
use serde_json::Value as Json;

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
        assert_eq!(run(), "|", "namespaces {namespaces}");
        world.project.write(
            "cascade.toml",
            &format!("[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\nlocal_ports = [{port}]\n"),
        );
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
fn denied_changes_of_files_are_in_the_failure() {
    let world = World::new();
    world.program(
        r#"
cascade main() -> string {
  stage work = sandbox "repo" as box {
    stage tried = sh_in(box, sh"touch a.txt /etc/cascade-test || rm -f /not-there /etc/hosts || exit 3")
    tried
  }
  return work.value
}
"#,
    );
    let said = world.failure();
    for denied in ["write /etc/cascade-test", "remove /etc/hosts"] {
        assert!(said.contains(&format!("denied: {denied}")), "{said}");
    }
    assert!(!said.contains("denied: remove /not-there") && !said.contains("denied: write a.txt"), "{said}");
}

#[test]
fn what_an_agent_is_denied_is_noted() {
    let world = World::new();
    let tools = world.project.path().join("tools");
    fs::create_dir(&tools).unwrap();
    let agent = tools.join("my-agent");
    fs::write(&agent, "#!/bin/sh\ncat > /dev/null\ntouch /etc/cascade-test 2> /dev/null\necho done\n").unwrap();
    fs::set_permissions(&agent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.program(
        r#"
model helper { provider: agent_cli, command: sh"my-agent" }

skill improve(repo: path) -> string {
  agent in repo "Improve this."
}

cascade main() -> string {
  stage work = sandbox "repo" network off as box {
    stage said = improve(box) using helper
    said
  }
  return work.value
}
"#,
    );
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let output = world.command(&["run", "flow.cascade"]).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the sandbox denied: write /etc/cascade-test"), "{}", stderr(&output));
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

/// The copy of a large folder is kept when it is closed, and the next run has the folder as it is by then.
#[test]
fn a_second_run_over_a_large_folder_sees_what_was_edited_meanwhile() {
    let world = World::new();
    fs::create_dir(world.project.path().join("repo/many")).unwrap();
    for index in 0..2_100 {
        world.write(&format!("many/{index}.txt"), &format!("{index}\n"));
    }
    world.program(
        r#"
cascade main() -> { value: string, patch: string, branch: string? } {
  stage work = sandbox "repo" as box {
    stage seen = sh_in(box, sh"cat many/7.txt; ls many | wc -l; ls -a | tr '\n' ' '; rm -f many/8.txt; echo log > x.log; chmod 700 many")
    stage made = append(box, "many/7.txt", "inside")
    seen
  }
  return work
}
"#,
    );
    let kept = || fs::read_dir(world.project.path().join("copies/kept")).into_iter().flatten().count();
    assert_eq!(world.result()["value"], "7\n2100\n. .. .git .gitignore a.txt b.txt many ");
    assert_eq!((kept(), world.file("many/7.txt").as_str()), (1, "7\ninside\n"));
    world.write("many/7.txt", "edited\n");
    world.write("many/new.txt", "new\n");
    assert_eq!(world.result()["value"], "edited\n2100\n. .. .git .gitignore a.txt b.txt many ");
    assert_eq!((kept(), world.file("many/7.txt").as_str()), (1, "edited\ninside\n"));
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
