//! The `cascadec` command: arguments in, text and exit codes out. What it does is done by the
//! libraries.

mod args;
mod ask_first;
mod check;
mod commands;
mod complete;
mod doc;
mod doctor;
mod error;
mod files;
mod fmt;
mod generate;
mod github;
mod interrupt;
mod jobs;
mod journal;
mod list;
mod lsp;
mod memory;
mod models;
mod new;
mod next_steps;
mod people;
mod progress;
mod projects;
mod rerun;
mod resume;
mod run;
mod runs;
mod test_command;
mod time;
mod types;
mod words;

use std::{io::IsTerminal, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::args::{Cli, Color, Command};

fn main() -> ExitCode {
    // A command in a sandbox is started by this program itself, which confines itself first.
    if let Some(code) = cascade_sandbox::run_helper(std::env::args_os()) {
        return code;
    }
    std::panic::set_hook(Box::new(tell_defect));
    complete::complete_for_shell();
    let command = Cli::command();
    let words = words::complete_words(std::env::args_os().collect(), &command);
    // The help of `run` is also about the inputs of the program, where one is named.
    if let Some(file) = words::asks_about_program(&words) {
        return match list::print_inputs(&file) {
            Ok(code) => ExitCode::from(code),
            Err(stop) => ExitCode::from(stop.report(false)),
        };
    }
    if words.len() < 2 {
        return match next_steps::print_next_steps() {
            Ok(code) => ExitCode::from(code),
            Err(stop) => ExitCode::from(stop.report(use_color(Color::Auto))),
        };
    }
    let matches = command.try_get_matches_from(words).unwrap_or_else(|error| exit_with_usage(error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let color = use_color(cli.color);
    let result = match &cli.command {
        Command::New(args) => new::create_folder(args),
        Command::Init => new::begin_here(),
        Command::List(args) => list::run_list(args, color),
        Command::Check(args) => check::run_check(args, color),
        Command::Fix(args) => check::run_check(&args.as_check(), color),
        Command::Run(args) => run::run_cascade(args, color),
        Command::Resume(args) => resume::run_resume(args, color),
        Command::Approve(args) => people::run_approve(args, true, color),
        Command::Reject(args) => people::run_approve(args, false, color),
        Command::Answer(args) => people::run_answer(args, color),
        Command::Runs(args) => runs::run_runs(args, color),
        Command::Memory(args) => memory::run_memory(args),
        Command::Models(args) => models::run_models(args, color),
        Command::Doctor(args) => doctor::run_doctor(args),
        Command::Generate(args) => generate::run_generate(args, color),
        Command::Test(args) => test_command::run_tests(args, color),
        Command::Fmt(args) => fmt::run_fmt(args, color),
        Command::Build(args) => commands::run_build(args, color),
        Command::Explain(args) => commands::run_explain(args),
        Command::Graph(args) => commands::run_graph(args, color),
        Command::Doc(args) => doc::run_doc(args),
        Command::Schema(args) => types::run_schema(args, color),
        Command::Import(args) => types::run_import(args, color),
        Command::Lsp(args) => lsp::run_lsp(args),
        Command::Completions(args) => complete::print_script(args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(stop) => ExitCode::from(stop.report(color)),
    }
}

/// Says what is wrong with the words. For what people try on every program, `--version` is no suggestion.
fn exit_with_usage(mut error: clap::Error) -> ! {
    let is_verbose = |value: &ContextValue| matches!(value, ContextValue::String(arg) if ["--verbose", "-v", "--debug"].contains(&arg.as_str()));
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_verbose) {
        error.remove(ContextKind::SuggestedArg);
        let help = "`run --json` prints every event, `runs show --io` every request and answer of a run".to_owned();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![help.into()]));
    }
    error.exit()
}

/// Says where a bug in Cascade showed itself. What is put together at run time may hold what the program
/// works with, also a secret; it is not said.
fn tell_defect(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    let what = panic.payload().downcast_ref::<&str>().map(|what| format!(": {what}")).unwrap_or_default();
    eprintln!("a bug in Cascade{place}{what}");
}

/// Whether standard error is coloured. <https://no-color.org>, <https://bixense.com/clicolors>
fn use_color(choice: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("CLICOLOR_FORCE") => true,
        Color::Auto => std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
    }
}
