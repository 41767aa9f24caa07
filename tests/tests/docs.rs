//! Every program and every command of the README and the docs is executed.
//!
//! A fence ```` ```cascade name.cascade ```` is written to a file and must check without an error
//! (unless a command of the page expects otherwise). A fence ```` ```console ```` has commands
//! after `$ `, each followed by what it prints: standard output and standard error together. A
//! line `...` stands for any lines, within a line for any text; a first line `? n` for an exit code other than 0. Fences
//! ```` ```toml name.toml ```` and ```` ```json name.json ```` are written too.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test says what went wrong by failing

use std::{
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All programs below a folder of the repository.
fn programs_below(folder: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == "cascade") {
                out.push(path);
            }
        }
    }
    out
}

/// The `cascadec` of this build.
fn cascadec_path() -> &'static Path {
    cascade_tests::binary::cascadec().as_ref().unwrap()
}

struct Fence {
    language: String,
    argument: String,
    text: String,
    line: usize,
}

fn read_fences(page: &str) -> Vec<Fence> {
    let mut out = Vec::new();
    let mut open: Option<Fence> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let (language, argument) = info.split_once(' ').unwrap_or((info, ""));
                open = Some(Fence {
                    language: language.to_owned(),
                    argument: argument.trim().to_owned(),
                    text: String::new(),
                    line: number + 1,
                });
            }
            (Some(_), Some("")) => out.extend(open.take()),
            (Some(fence), _) => {
                fence.text.push_str(line);
                fence.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is never closed");
    out
}

/// Whether an output matches that of a page, in which `...` stands for any lines.
fn matches_output(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|n| matches_output(rest, &found[n..])),
        Some((first, rest)) => {
            found.split_first().is_some_and(|(f, others)| matches_line(first, f) && matches_output(rest, others))
        }
    }
}

/// Whether a line matches that of a page, in which `...` stands for any text.
fn matches_line(expected: &str, found: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = found.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        match rest.find(part) {
            // The last part must end the line.
            Some(_) if i + 1 == parts.len() => return rest.ends_with(part),
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn run_console(fence: &Fence, folder: &Path, page: &str, failures: &mut Vec<String>) {
    let mut lines = fence.text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            failures.push(format!("{page}:{}: output without a command: {line}", fence.line));
            return;
        };
        let mut expected = Vec::new();
        while let Some(next) = lines.next_if(|l| !l.starts_with("$ ")) {
            expected.push(next);
        }
        let code = match expected.first().and_then(|l| l.strip_prefix("? ")) {
            Some(code) => {
                let code = code.parse().unwrap();
                expected.remove(0);
                code
            }
            None => 0,
        };
        let from_cargo = command.strip_prefix("cargo run -q -p cascadec -- ");
        let (command, folder) = match from_cargo {
            Some(rest) => (format!("cascadec {rest}"), root()),
            None => (command.to_owned(), folder.to_path_buf()),
        };
        let path = format!("{}:{}", cascadec_path().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(folder)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        // Progress is left out, since its times differ.
        let found: Vec<&str> = found.lines().filter(|l| !l.starts_with("done ") && !l.starts_with("warn ")).collect();
        if output.status.code() != Some(code) || !matches_output(&expected, &found) {
            failures.push(format!(
                "{page}:{}: `{command}` gave {:?}:\n{}\n-- expected {code}:\n{}",
                fence.line,
                output.status.code(),
                found.join("\n"),
                expected.join("\n")
            ));
        }
    }
}

fn check_page(page: &Path) -> Vec<String> {
    let name = page.file_name().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(page).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("docs-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    // Pages mention "this repository": they run in one with fixed content.
    let git = "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one";
    assert!(Command::new("sh").args(["-c", git]).current_dir(&folder).status().unwrap().success());
    let mut failures = Vec::new();
    let fences = read_fences(&text);
    let wrong: Vec<&str> = fences
        .iter()
        .filter(|f| f.language == "console" && f.text.contains("\n? 1\n"))
        .flat_map(|f| f.text.lines().filter_map(|l| l.strip_prefix("$ ")))
        .collect();
    for fence in &fences {
        match fence.language.as_str() {
            "cascade" => {
                let file = if fence.argument.is_empty() {
                    format!("line_{}.cascade", fence.line)
                } else {
                    fence.argument.clone()
                };
                std::fs::write(folder.join(&file), &fence.text).unwrap();
                if wrong.iter().any(|command| command.contains(&file)) {
                    continue;
                }
                let output = Command::new(cascadec_path())
                    .args(["check", &file])
                    .current_dir(&folder)
                    .env("NO_COLOR", "1")
                    .output()
                    .unwrap();
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    failures.push(format!("{name}:{}: {said}", fence.line));
                }
                let parse = cascade_grammar::parse(&fence.text);
                match cascade_compiler::format::format(&fence.text, &parse) {
                    Some(formatted) if formatted != fence.text => {
                        failures.push(format!("{name}:{}: is not formatted:\n{formatted}", fence.line));
                    }
                    _ => {}
                }
            }
            "toml" | "json" if !fence.argument.is_empty() => {
                std::fs::write(folder.join(&fence.argument), &fence.text).unwrap();
            }
            "console" => run_console(fence, &folder, &name, &mut failures),
            _ => {}
        }
    }
    failures
}

#[test]
fn commands_of_pages_have_the_output_shown() {
    let mut pages = vec![root().join("README.md")];
    let folders = ["docs", "docs/reference"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    for entry in folders.into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    let failures: Vec<String> = pages.iter().flat_map(|p| check_page(p)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn examples_and_the_standard_library_check_and_are_formatted() {
    let mut failures = Vec::new();
    let mut files = programs_below("examples");
    files.append(&mut programs_below("stdlib/std"));
    assert!(files.len() >= 7);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.to_string_lossy().into_owned();
        let parse = cascade_grammar::parse(&text);
        if cascade_compiler::format::format(&text, &parse).as_deref() != Some(text.as_str()) {
            failures.push(format!("{name} is not formatted"));
        }
        let compiled = cascade_compiler::compile(&name, text.into(), &cascade_compiler::FileSources);
        // The warnings of the workflows are known: `programs_check_with_known_warnings`.
        for d in compiled.diagnostics.iter().filter(|_| !is_workflow(&file)) {
            failures.push(format!("{name}: {} {}", d.code.as_str(), d.message));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Whether it is one of the workflows whose tests and command are those of their folder.
fn is_workflow(file: &Path) -> bool {
    file.parent().is_some_and(|folder| folder.ends_with("workflows"))
}

/// The tests of the examples pass, in whatever order their mocks answer.
#[test]
fn the_tests_of_examples_pass() {
    let command = ["test", "examples", "--times", "20", "--coverage", "--format", "json"];
    let output = Command::new(cascadec_path()).args(command).current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for example in programs_below("examples").iter().filter(|file| !is_workflow(file)) {
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        assert!(said.contains(&format!("{name}\",\"name\"")), "{name} has no test");
    }
}

/// The commands in the documentation of examples (`//!     cascadec …`) succeed at the root of the repository.
#[test]
fn commands_of_examples_succeed() {
    let mut commands = Vec::new();
    for path in programs_below("examples") {
        let text = std::fs::read_to_string(&path).unwrap();
        let own: Vec<String> =
            text.lines().filter_map(|l| l.strip_prefix("//!     cascadec ")).map(str::to_owned).collect();
        assert!(!own.is_empty() || is_workflow(&path), "{} does not say how it is run", path.display());
        commands.extend(own);
    }
    for command in commands {
        let end = if command.starts_with("run ") { " --no-journal" } else { "" };
        let line = format!("{} {command}{end}", cascadec_path().display());
        let output = Command::new("sh").args(["-c", &line]).current_dir(root()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command}: {said}");
        assert!(output.stdout.len() + output.stderr.len() > 100, "{command} prints nothing");
    }
}
