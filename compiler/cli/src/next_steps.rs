//! `cascadec` without arguments: what one does next in this folder.

use std::path::{Path, PathBuf};

use cascade_ir::screen::neutral_line;
use cascade_runtime::journal::RunRow;

use crate::{
    commands::print_text,
    error::Stop,
    files, journal, list,
    projects::{Found, Projects, from_here},
};

/// A command with what it does.
type Step = (String, String);

/// How many names of cascades are shown.
const MAX_NAMES: usize = 4;

/// Prints at most ten lines. The exit code is that of wrong usage: a script that has lost its arguments does not go on.
pub fn print_next_steps() -> Result<u8, Stop> {
    let project = Projects::default().project_of(Path::new("."))?;
    let names = match &project {
        Some(_) => files::expand_paths(&[], &mut Projects::default()).map(|found| found.files).unwrap_or_default(),
        // Without a project this may be any folder: only what lies in it is looked at.
        None => files_here(),
    };
    let (about, mut steps) = match (names.as_slice(), &project) {
        ([], _) => (String::from("No .cascade file is here yet."), steps_of_empty_folder(project.is_some())),
        (files, project) => steps_of_programs(files, project.as_deref()),
    };
    let folder = project.as_ref().map_or(Path::new("."), |found| &found.root);
    if let Some(row) = newest_run(folder) {
        steps.extend(step_of_run(&row));
    }
    steps.push(new_step("cascadec --help", "all commands; `cascadec help COMMAND` has examples"));
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let mut out = format!("cascadec checks and runs workflows of programs, models, agents and people.\n{about}\n\n");
    for (command, does) in &steps {
        out.push_str(&format!("  {command:width$}  {does}\n"));
    }
    print_text(&out)?;
    Ok(2)
}

fn new_step(command: impl Into<String>, does: impl Into<String>) -> Step {
    (command.into(), does.into())
}

fn files_here() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut files: Vec<_> = entries
        .map(PathBuf::from)
        .filter(|file| file.extension().is_some_and(|extension| extension == "cascade"))
        .collect();
    files.sort();
    files
}

fn steps_of_empty_folder(in_project: bool) -> Vec<Step> {
    let mut steps =
        vec![new_step("cascadec new hello", "begin a project in a new folder: it checks, runs and has a test")];
    if !in_project {
        steps.push(new_step("cascadec init", "begin one in this folder"));
    }
    steps.push(new_step("cascadec generate \"a goal\"", "let a model write a program, which is checked and never run"));
    steps.push(new_step("cascadec explain stage", "what a word of the language means"));
    steps
}

fn steps_of_programs(files: &[PathBuf], project: Option<&Found>) -> (String, Vec<Step>) {
    let counted = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
    let about = match project.map(|found| (&found.project.name, &found.root)) {
        Some((Some(name), _)) => format!("This is the project `{}`: {counted}.", neutral_line(name)),
        Some((None, root)) => format!("This is the project in `{}`: {counted}.", from_here(root).display()),
        None => format!("Here: {counted}, without a project (`cascadec init` begins one)."),
    };
    let entry = project.and_then(|found| found.project.entry.as_ref()).map(|entry| neutral_line(entry));
    let mut steps = vec![new_step("cascadec check", "find mistakes before anything runs")];
    match (entry, files) {
        (Some(entry), _) => steps.push(new_step("cascadec run", format!("run `{entry}`"))),
        (None, [only]) => {
            let name = only.display();
            let inputs = required_inputs(only).iter().map(|input| format!(" {input}=…")).collect::<String>();
            steps.push(new_step(format!("cascadec run {name}{inputs}"), "run it"));
        }
        (None, [first, ..]) => steps.push(new_step(format!("cascadec run {}", first.display()), "run a program")),
        (None, []) => {}
    }
    steps.push(new_step("cascadec list", list_names(files)));
    steps.push(new_step("cascadec test", "run the tests, without real effects"));
    (about, steps)
}

/// What `list` shows, with the first names.
fn list_names(files: &[PathBuf]) -> String {
    let mut names = Vec::new();
    // A large project is not compiled for a hint.
    for file in files.iter().take(MAX_NAMES) {
        let Some(program) = files::program_without_messages(file) else { continue };
        names.extend(list::own_cascades(&program).map(|cascade| format!("`{}`", cascade.name)));
    }
    let more = names.len() > MAX_NAMES || files.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    match names.is_empty() {
        true => "the cascades with their inputs".to_owned(),
        false => {
            format!("the cascades with their inputs: {}{}", names.join(", "), if more { ", …" } else { "" })
        }
    }
}

/// The inputs without a default of the cascade that a file runs.
fn required_inputs(file: &Path) -> Vec<String> {
    let Some(program) = files::program_without_messages(file) else { return Vec::new() };
    let main = program.main.and_then(|id| program.cascades.get(id.index()));
    let required = main.iter().flat_map(|cascade| &cascade.params).filter(|param| param.default.is_none());
    required.map(|param| param.name.to_string()).collect()
}

/// The newest run of a folder with a journal of its own.
fn newest_run(folder: &Path) -> Option<RunRow> {
    if !folder.join(journal::FILE).is_file() {
        return None;
    }
    journal::open_project_store().ok()?.runs().ok()?.into_iter().next()
}

fn step_of_run(row: &RunRow) -> Option<Step> {
    let cascade = neutral_line(&row.cascade);
    let at = crate::time::clock_text(row.started);
    Some(match row.status.as_str() {
        "paused" => new_step(format!("cascadec runs show {}", row.id), format!("what `{cascade}` of {at} waits for")),
        "failed" | "dead" | "cancelled" => new_step(
            format!("cascadec resume {}", row.id),
            format!("go on with `{cascade}` of {at}, which did not end well"),
        ),
        "done" => new_step("cascadec runs show last", format!("what `{cascade}` of {at} did")),
        _ => return None,
    })
}
