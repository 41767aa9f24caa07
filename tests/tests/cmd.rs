//! Transcripts of the command line: `cmd/*.md` and `cmd/*.toml`.
//!
//! `TRYCMD=overwrite cargo test -p cascade-tests --test cmd` writes what is printed now; times and
//! ids have to be made `[..]` again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};

use cascade_tests::{binary::cascadec, programs::repository_root};

#[test]
fn transcripts() {
    let binary = cascadec().as_ref().unwrap();
    trycmd::TestCases::new()
        .register_bin("cascadec", binary.as_path())
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("RUST_BACKTRACE", "0")
        .case("cmd/*.md")
        .case("cmd/*.toml");
}

/// The shell itself reads them, and knows every command.
#[test]
fn completions_are_read_by_bash() {
    let binary = cascadec().as_ref().unwrap();
    let output = Command::new(binary).args(["completions", "bash"]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success());
    let script = String::from_utf8(output.stdout).unwrap();
    for word in ["check", "run", "fmt", "build", "explain", "graph", "completions", "--no-journal", "--input"] {
        assert!(script.contains(word), "{word} is missing");
    }
    let ask = "COMP_WORDS=(cascadec r); COMP_CWORD=1; _cascadec cascadec r cascadec; echo \"${COMPREPLY[*]}\"";
    let read =
        Command::new("bash").args(["-c", &format!("{script}\n{ask}")]).current_dir(repository_root()).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).trim(),
        "run resume reject runs",
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

/// The other shells have completions too.
#[test]
fn completions_for_every_shell() {
    let binary = cascadec().as_ref().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Command::new(binary).args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 500, "{shell}");
    }
}
