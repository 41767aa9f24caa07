//! `docs/cli.md` has a section for each command with its help and an example, which `docs.rs` executes.
//!
//! `CASCADE_WRITE_DOCS=1 cargo test -p cascade-tests --test cli_page` writes the help texts; sections and examples are
//! written by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says what went wrong by failing

use std::{fs, process::Command};

use cascade_tests::{binary::cascadec, programs::repository_root};

/// What every command has, which the page says once.
const COMMON: [&str; 3] = ["--color", "-h, --help", "-V, --version"];

fn help(words: &[&str]) -> String {
    let output = Command::new(cascadec().as_ref().unwrap())
        .args(words)
        .arg("-h")
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<&str> = Vec::new();
    let mut is_common = false;
    for line in text.lines() {
        let begins = line.trim_start();
        // A long description goes on with deeper lines.
        is_common =
            COMMON.iter().any(|option| begins.starts_with(option)) || (is_common && line.starts_with("          "));
        if !is_common {
            lines.push(line);
        }
    }
    // Nothing is left below the heading of the options.
    let headless: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(i, line)| **line != "Options:" || lines.get(i + 1).is_some_and(|next| !next.is_empty()))
        .map(|(_, line)| *line)
        .collect();
    headless.join("\n").replace("\n\n\n", "\n\n").trim_end().to_owned() + "\n"
}

/// The names in the list of commands of a help text.
fn commands_of(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_its_help_and_an_example() {
    let path = repository_root().join("docs/cli.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut sections = page.split("\n## ");
    let mut out = sections.next().unwrap().to_owned();
    let mut named = Vec::new();
    for section in sections {
        let (title, body) = section.split_once('\n').unwrap();
        let name = title.trim_matches('`');
        named.push(name.to_owned());
        let example = body.find("```console").map(|at| &body[at..]);
        let example = example.unwrap_or_else(|| panic!("`{name}` has no example"));
        let text = help(&[name]);
        let mut blocks = format!("```text\n{text}```\n\n");
        for command in commands_of(&text) {
            blocks.push_str(&format!("```text\n{}```\n\n", help(&[name, &command])));
        }
        out.push_str(&format!("\n## `{name}`\n\n{blocks}{example}"));
    }
    assert_eq!(named, commands_of(&help(&[])), "the sections of docs/cli.md and the commands");
    if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
        fs::write(&path, &out).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), out, "docs/cli.md is old: CASCADE_WRITE_DOCS=1 writes it");
}
