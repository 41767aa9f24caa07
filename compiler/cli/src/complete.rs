//! What a shell completes: files, cascades, inputs, runs and stages, as they are now.
//!
//! The script of a shell calls `cascadec` with the words of the line in it; nothing is written to the terminal by a
//! program that has mistakes, or by a journal that cannot be read: there is nothing to complete then.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use cascade_ir::screen::neutral_line;
use cascade_runtime::journal::RunRow;
use clap::{Arg, Command, CommandFactory};
use clap_complete::{
    ArgValueCompleter, CompleteEnv, CompletionCandidate, PathCompleter, engine::ValueCompleter, env::Shells,
};

use crate::{
    args::{Cli, CompletionsArgs},
    commands::print_text,
    error::Stop,
    files, journal, list,
    projects::Projects,
};

/// The commands whose `RUN` is one that is not over.
const OF_UNFINISHED: [&str; 5] = ["resume", "approve", "reject", "answer", "cancel"];

/// The variable by which the script of a shell says which shell it is.
const VARIABLE: &str = "CASCADEC_COMPLETE";

/// Answers the script of a shell, and ends the process then; otherwise it does nothing.
pub fn complete_for_shell() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(|| add_completers(Cli::command())).var(VARIABLE).complete();
    }
}

/// `cascadec completions`: the script for a shell.
pub fn print_script(args: &CompletionsArgs) -> Result<u8, Stop> {
    let shells = Shells::builtins();
    let name = args.shell.to_string();
    let Some(shell) = shells.completer(&name) else {
        return Err(Stop::usage(format!("there are no completions for `{name}`")));
    };
    let mut out = Vec::new();
    shell
        .write_registration(VARIABLE, "cascadec", "cascadec", "cascadec", &mut out)
        .map_err(|error| Stop::usage(format!("the script cannot be written: {error}")))?;
    print_text(&String::from_utf8_lossy(&out))?;
    Ok(0)
}

/// The command line with what completes the values of its arguments.
fn add_completers(command: Command) -> Command {
    let is_unfinished = OF_UNFINISHED.contains(&command.get_name());
    let add = |arg: Arg| {
        let completer = match arg.get_id().as_str() {
            "file" | "paths" => ArgValueCompleter::new(complete_programs),
            "cascade" => ArgValueCompleter::new(complete_cascades),
            "input" => ArgValueCompleter::new(complete_inputs),
            "run" | "fork" | "runs" if is_unfinished => ArgValueCompleter::new(complete_unfinished_runs),
            "run" | "fork" | "runs" => ArgValueCompleter::new(complete_runs),
            "stage" => ArgValueCompleter::new(complete_stages),
            _ => return arg,
        };
        arg.add(completer)
    };
    command.mut_args(add).mut_subcommands(add_completers)
}

/// The words of the line that is completed, without the program.
fn typed_words() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(2).collect()
}

fn new_candidate(value: impl Into<OsString>, help: &str) -> CompletionCandidate {
    let help = neutral_line(help.lines().next().unwrap_or_default().trim());
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
}

fn starting_with(current: &OsStr, found: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    found.into_iter().filter(|candidate| candidate.get_value().to_string_lossy().starts_with(&*current)).collect()
}

/// Programs and folders, and where one is run the cascades of the project.
fn complete_programs(current: &OsStr) -> Vec<CompletionCandidate> {
    let is_program = |path: &Path| path.extension().is_some_and(|e| e == "cascade" || e == "cir");
    let mut found = PathCompleter::file().filter(move |path| path.is_dir() || is_program(path)).complete(current);
    if typed_words().first().is_some_and(|word| word == "run") {
        let files = files::expand_paths(&[], &mut Projects::default()).map(|found| found.files).unwrap_or_default();
        let names = files.iter().flat_map(|file| cascades_of(file)).map(|(name, doc)| new_candidate(name, &doc));
        found.extend(starting_with(current, names.collect()));
    }
    found
}

fn cascades_of(file: &Path) -> Vec<(String, String)> {
    let Some(program) = files::program_without_messages(file) else { return Vec::new() };
    list::own_cascades(&program).map(|cascade| (cascade.name.to_string(), cascade.doc.to_string())).collect()
}

/// The file that the line names, or the one that holds the cascade of that name, or the entry of the project.
fn named_program() -> Option<(PathBuf, Option<String>)> {
    let words = typed_words();
    let mut named = words.iter().skip(1).filter(|word| !word.to_string_lossy().starts_with('-')).map(Path::new);
    let file = named.find(|word| !word.to_string_lossy().contains('='));
    let cascade = named.next().and_then(Path::to_str).filter(|word| !word.contains('='));
    list::find_program(file, cascade).ok().or_else(|| list::find_program(file, None).ok())
}

/// The cascades of the file, and the inputs that may stand in their place.
fn complete_cascades(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((file, _)) = named_program() else { return Vec::new() };
    let cascades = cascades_of(&file).into_iter().map(|(name, doc)| new_candidate(name, &doc)).collect();
    let mut found = starting_with(current, cascades);
    if typed_words().first().is_some_and(|word| word == "run") {
        found.extend(complete_inputs(current));
    }
    found
}

/// `name=` for each input of the cascade.
fn complete_inputs(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((file, wanted)) = named_program() else { return Vec::new() };
    let Some(program) = files::program_without_messages(&file) else { return Vec::new() };
    let entry = wanted.and_then(|name| files::find_entry(&program, Some(&name)).ok()).or(program.main);
    let params = entry.and_then(|id| program.cascades.get(id.index())).map(|cascade| cascade.params.as_slice());
    let inputs = params.unwrap_or_default().iter().map(|param| {
        let ty = cascade_runtime::describe::describe_type(&program, &param.ty);
        let doc = param.doc.lines().next().unwrap_or_default();
        new_candidate(format!("{}=", param.name), &if doc.is_empty() { ty } else { format!("{ty}: {doc}") })
    });
    starting_with(current, inputs.collect())
}

fn complete_runs(current: &OsStr) -> Vec<CompletionCandidate> {
    run_candidates(current, |_| true)
}

fn complete_unfinished_runs(current: &OsStr) -> Vec<CompletionCandidate> {
    run_candidates(current, |row| row.status == "running" || journal::is_unfinished(row))
}

fn run_candidates(current: &OsStr, is_meant: impl Fn(&RunRow) -> bool) -> Vec<CompletionCandidate> {
    let Ok(rows) = journal::open_project_store().and_then(|store| Ok(store.runs()?)) else { return Vec::new() };
    let named = rows.iter().filter(|row| is_meant(row)).take(100).enumerate().map(|(order, row)| {
        let help = format!("{} {} {}", row.cascade, row.status, crate::time::clock_text(row.started));
        // The newest first.
        new_candidate(&row.id, &help).display_order(Some(order))
    });
    let last = new_candidate("last", "the newest run").display_order(Some(0));
    starting_with(current, std::iter::once(last).chain(named).collect())
}

/// The stages of the run that the line names, or of the newest, that ask a person.
fn complete_stages(current: &OsStr) -> Vec<CompletionCandidate> {
    let find = || -> Result<Vec<CompletionCandidate>, Stop> {
        let store = journal::open_project_store()?;
        let words = typed_words();
        let run = words.get(1).map_or("last".into(), |word| word.to_string_lossy());
        let row = journal::find_run(&*store, &run)?;
        let open = store.questions(&row.id)?.into_iter().filter(|question| question.answer.is_none());
        Ok(open.map(|question| new_candidate(question.path, &question.question)).collect())
    };
    starting_with(current, find().unwrap_or_default())
}
