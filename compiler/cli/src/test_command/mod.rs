//! `cascadec test`.

mod args;
mod coverage;
mod human;
mod junit;
mod report;

use std::{path::PathBuf, sync::Arc};

use cascade_compiler::{FileSources, Report, Severity, SourceMap, compile, render};
use cascade_ir as ir;
use cascade_runtime::rehearsal::{Coverage, RehearsalOptions, RehearsalOutcome, rehearse};

pub use args::TestArgs;
use args::TestFormat;

use crate::{
    commands::{print_text, write_file},
    error::Stop,
    files, github, jobs,
    projects::Projects,
};

/// A file with its tests.
pub struct File {
    /// Its name in messages.
    name: String,
    sources: SourceMap,
    program: ir::Program,
}

/// The result of one test.
pub struct Done<'a> {
    file: &'a File,
    test: &'a ir::Test,
    /// The order of answers that failed first, or 0.
    seed: u64,
    /// How many times it was run.
    runs: u64,
    rehearsed: RehearsalOutcome,
    coverage: Option<Coverage>,
}

impl Done<'_> {
    fn has_passed(&self) -> bool {
        self.rehearsed.has_passed()
    }
}

/// Runs the tests of files; exit 1 when one fails.
pub fn run_tests(args: &TestArgs, color: bool) -> Result<u8, Stop> {
    let mut projects = Projects::default();
    let found = files::expand_paths(&args.paths, &mut projects)?;
    let files = compile_files(&found.files, color)?;
    let wanted: Vec<(&File, &ir::Test)> = files
        .iter()
        .flat_map(|file| file.program.tests.iter().map(move |test| (file, test)))
        .filter(|(_, test)| args.filter.as_ref().is_none_or(|text| test.name.contains(text.as_str())))
        .collect();
    let all = files.iter().map(|file| file.program.tests.len()).sum::<usize>();
    if let (Some(text), true, true) = (&args.filter, wanted.is_empty(), all > 0) {
        return Err(Stop::usage_help(format!("no test has `{text}` in its name"), format!("there are {all} tests")));
    }
    let done = jobs::run_on_all_cores(&wanted, |(file, test)| perform_test(file, test, args));
    let coverage = args.coverage.then(|| {
        let mut sum = Coverage::default();
        for file in &files {
            sum.add(Coverage::nothing_reached(&file.program));
        }
        for one in &done {
            sum.add(one.coverage.clone().unwrap_or_default());
        }
        sum
    });
    if let Some(path) = &args.junit {
        write_file(path, &junit::junit_document(&done))?;
    }
    match args.format {
        TestFormat::Human => {
            eprint!("{}", human::report_text(&done, all, color));
            if github::is_here() {
                print_annotations(&done)?;
            }
            if let Some(coverage) = &coverage {
                eprint!("{}", coverage::coverage_text(coverage, color));
            }
        }
        TestFormat::Json => print_text(&report::json_lines(&done, coverage.as_ref()))?,
    }
    Ok(u8::from(done.iter().any(|one| !one.has_passed())))
}

/// Annotates the failures in GitHub Actions, and adds the results to the summary of the job.
fn print_annotations(done: &[Done<'_>]) -> Result<(), Stop> {
    let mut text = String::new();
    let mut summary = String::from("### cascadec test\n\n| test | result |\n| --- | --- |\n");
    for one in done {
        for problem in &one.rehearsed.problems {
            let title = format!("test \"{}\"", one.test.name);
            text.push_str(&render::annotate_error(&one.file.name, problem.place.line, &title, &problem.message));
        }
        let failed = one.rehearsed.problems.first().map(|problem| github::escape_cell(&problem.message));
        let result = failed.map_or_else(|| "passed".to_owned(), |why| format!("**failed**: {why}"));
        summary.push_str(&format!(
            "| {}: {} | {result} |\n",
            github::escape_cell(&one.file.name),
            github::escape_cell(&one.test.name)
        ));
    }
    print_text(&text)?;
    github::add_summary(&summary);
    Ok(())
}

/// Compiles files; prints the diagnostics of those that have errors.
fn compile_files(paths: &[PathBuf], color: bool) -> Result<Vec<File>, Stop> {
    let read = paths.iter().map(|path| files::read_source(path)).collect::<Result<Vec<_>, _>>()?;
    let compiled =
        jobs::run_on_all_cores(&read, |(name, text): &(String, Arc<str>)| compile(name, text.clone(), &FileSources));
    let mut wrong = Report::default();
    let mut out = Vec::with_capacity(compiled.len());
    for ((name, _), compiled) in read.into_iter().zip(compiled) {
        match compiled.program {
            Some(program) => out.push(File { name, sources: compiled.sources, program }),
            None => {
                let errors = compiled.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
                wrong.add(&compiled.sources, errors);
            }
        }
    }
    if wrong.diagnostics.is_empty() {
        return Ok(out);
    }
    wrong.sort();
    eprint!("{}", render::render(&wrong.diagnostics, &wrong.sources, render::Format::Human, color));
    if let Some(summary) = render::summarize_counts(&wrong.diagnostics) {
        eprintln!("{summary}; no test was run");
    }
    Err(Stop::Said)
}

/// Runs a test the given number of times, up to its first failure.
fn perform_test<'a>(file: &'a File, test: &'a ir::Test, args: &TestArgs) -> Done<'a> {
    let seeds = match args.seed {
        Some(seed) => seed..seed.saturating_add(args.times),
        None => 0..args.times,
    };
    let mut done =
        Done { file, test, seed: seeds.start, runs: 0, rehearsed: RehearsalOutcome::default(), coverage: None };
    for seed in seeds {
        let mut rehearsed = rehearse(&file.program, test, RehearsalOptions { seed, coverage: args.coverage });
        done.runs += 1;
        done.seed = seed;
        if let Some(coverage) = rehearsed.coverage.take() {
            done.coverage.get_or_insert_default().add(coverage);
        }
        done.rehearsed = rehearsed;
        if !done.has_passed() {
            break;
        }
    }
    done
}
