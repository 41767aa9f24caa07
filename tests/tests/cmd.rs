//! Transcripts of the command line: `cmd/*.md` and `cmd/*.toml`.
//!
//! `TRYCMD=overwrite cargo test -p cascade-tests --test cmd` writes what is printed now; times and
//! ids have to be made `[..]` again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};

use cascade_tests::binary::cascadec;

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

/// The shell itself reads them: commands, files, cascades, inputs, runs, and the stages that ask.
#[test]
fn completions_are_read_by_bash() {
    let binary = cascadec().as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = "/// Greets.\ncascade greet(name: string, times: int = 1) -> string {\n  \
                   stage sure = approve(\"go on, $<name>?\")\n  return \"$<sure> $<times>\"\n}\n";
    std::fs::write(folder.path().join("greet.cascade"), program).unwrap();
    let run = ["run", "-q", "greet.cascade", "name=x"];
    let run = Command::new(binary).args(run).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(run.status.code(), Some(3));
    let ask = r#"
        source <(cascadec completions bash)
        complete() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
            _clap_complete_cascadec cascadec "${@: -1}" "${@: -2:1}"
            for word in "${COMPREPLY[@]}"; do case $word in -*) ;; *) printf '%s ' "$word" ;; esac; done; echo
        }
        complete cascadec r
        complete cascadec check gr
        complete cascadec run ""
        complete cascadec run greet.cascade ""
        complete cascadec run greet.cascade -i n
        complete cascadec approve la
        complete cascadec approve last ""
        complete cascadec resume "" | wc -w
        complete cascadec runs show "" | wc -w
    "#;
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let read = Command::new("bash").args(["-c", ask]).current_dir(folder.path()).env("PATH", path).output().unwrap();
    let said: Vec<String> = String::from_utf8_lossy(&read.stdout).lines().map(|line| line.trim().to_owned()).collect();
    let expected = [
        "run resume reject runs",
        "greet.cascade",
        ". greet.cascade greet",
        "greet name= times=",
        "name=",
        "last",
        "greet/sure",
        "2",
        "2",
    ];
    assert_eq!(said, expected, "{}", String::from_utf8_lossy(&read.stderr));
}

/// The other shells have completions too.
#[test]
fn completions_for_every_shell() {
    let binary = cascadec().as_ref().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Command::new(binary).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("CASCADEC_COMPLETE"), "{shell}: {script}");
    }
}
