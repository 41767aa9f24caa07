//! `cascadec check`.

mod all;
mod baseline;
mod fix;
pub mod watch;

use cascade_compiler::{Level, Levels, Severity, cost, render};

use crate::{
    args::{CheckArgs, Format},
    commands::print_text,
    error::Stop,
    github,
    projects::Found,
};
use all::Checked;

/// Diagnostics in the summary of a job.
const MOST_ROWS: usize = 100;

/// Checks files; exit 1 when anything is an error.
pub fn run_check(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
    if args.json {
        return Err(Stop::usage_help("`check` has several machine-readable forms", "write `--format json`"));
    }
    if (args.fix || args.watch) && args.paths.iter().any(|p| p.as_os_str() == "-") {
        return Err(Stop::usage("standard input can be checked, but not fixed or watched"));
    }
    if args.cost && matches!(args.format, Format::Sarif | Format::Github) {
        return Err(Stop::usage_help(
            "worst cases have no form of their own in SARIF and on GitHub",
            "take --format human, short or json with --cost",
        ));
    }
    if args.watch {
        return watch::watch_check(args, color);
    }
    let mut fixed = None;
    if args.fix {
        fixed = Some(fix::fix_files(args)?);
    }
    let mut checked = all::check_all(args)?;
    if args.write_baseline {
        return baseline::write_baseline(args, &mut checked);
    }
    let outcome = print_report(args, color, checked)?;
    if let (Some(fixed), Format::Human) = (fixed, args.format) {
        eprintln!("{fixed}");
    }
    Ok(outcome)
}

/// The levels of a project and those of the command line, which win where both set one.
fn lint_levels(args: &CheckArgs, project: Option<&Found>) -> Levels {
    let mut levels = project.map(|found| found.project.levels.clone()).unwrap_or_default();
    let denied = args.deny.iter().map(|rule| (rule, Level::Deny));
    for (rule, level) in denied.chain(args.allow.iter().map(|rule| (rule, Level::Allow))) {
        levels.set(rule.clone(), level);
    }
    levels
}

/// Annotates the diagnostics in GitHub Actions, and adds them to the summary of the job.
fn print_annotations(checked: &Checked) -> Result<(), Stop> {
    let report = &checked.report;
    print_text(&render::render(&report.diagnostics, &report.sources, render::Format::Github, false))?;
    let mut summary = format!(
        "### cascadec check\n\n{} files, {}\n",
        checked.files,
        render::summarize_counts(&report.diagnostics).unwrap_or_else(|| "no mistakes found".to_owned())
    );
    if !report.diagnostics.is_empty() {
        summary.push_str("\n| place | code | message |\n| --- | --- | --- |\n");
    }
    for d in report.diagnostics.iter().take(MOST_ROWS) {
        let source = report.sources.get(d.primary.source);
        let (line, _) = source.position(d.primary.span.start);
        let (name, message) = (github::escape_cell(&source.name), github::escape_cell(&d.message));
        summary.push_str(&format!("| {name}:{line} | {} | {message} |\n", d.code.as_str()));
    }
    if report.diagnostics.len() > MOST_ROWS {
        summary.push_str(&format!("\nand {} more\n", report.diagnostics.len() - MOST_ROWS));
    }
    github::add_summary(&summary);
    Ok(())
}

/// Prints the report without known diagnostics, and returns the exit code.
fn print_report(args: &CheckArgs, color: bool, mut checked: Checked) -> Result<u8, Stop> {
    let known = baseline::drop_known(args, &mut checked)?;
    let report = &checked.report;
    let format = match args.format {
        Format::Human => render::Format::Human,
        Format::Short => render::Format::Short,
        Format::Json => render::Format::Json,
        Format::Sarif => render::Format::Sarif,
        Format::Github => render::Format::Github,
    };
    let text = render::render(&report.diagnostics, &report.sources, format, color);
    if args.format == Format::Human {
        eprint!("{text}");
        let files = if checked.files == 1 { "1 file".to_owned() } else { format!("{} files", checked.files) };
        let summary = render::summarize_counts(&report.diagnostics);
        let known = known.filter(|(n, _)| *n > 0).map_or_else(String::new, |(n, f)| format!(", {n} known from {f}"));
        match summary {
            Some(summary) => eprintln!("{files} checked: {summary}{known}"),
            None if known.is_empty() => eprintln!("{files} checked: no mistakes found"),
            None => eprintln!("{files} checked: nothing new{known}"),
        }
        if github::is_here() {
            print_annotations(&checked)?;
        }
    } else {
        print_text(&text)?;
    }
    let report = &checked.report;
    for (costs, files) in &checked.costs {
        print_text(&match args.format {
            Format::Json => cost::report_json(costs, files),
            Format::Short => cost::short_report(costs, files),
            _ => cost::report_text(costs, files),
        })?;
    }
    Ok(u8::from(report.diagnostics.iter().any(|d| d.severity == Severity::Error)))
}
