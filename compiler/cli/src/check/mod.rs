//! `cascadec check`.

mod all;
mod baseline;
mod fix;
mod watch;

use cascade_compiler::{Level, Levels, Severity, cost, render};

use crate::{
    args::{CheckArgs, Format},
    commands::print,
    error::Stop,
    projects::Found,
};
use all::Checked;

/// Checks files; exit 1 when anything is an error.
pub fn run(args: &CheckArgs, color: bool) -> Result<u8, Stop> {
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
        return watch::run(args, color);
    }
    let mut fixed = None;
    if args.fix {
        fixed = Some(fix::run(args)?);
    }
    let mut checked = all::check(args)?;
    if args.write_baseline {
        return baseline::write(args, &mut checked);
    }
    let outcome = print_report(args, color, checked)?;
    if let (Some(fixed), Format::Human) = (fixed, args.format) {
        eprintln!("{fixed}");
    }
    Ok(outcome)
}

/// The levels of a project and those of the command line, which win where both set one.
fn rules(args: &CheckArgs, project: Option<&Found>) -> Levels {
    let mut levels = project.map(|found| found.project.levels.clone()).unwrap_or_default();
    let denied = args.deny.iter().map(|rule| (rule, Level::Deny));
    for (rule, level) in denied.chain(args.allow.iter().map(|rule| (rule, Level::Allow))) {
        levels.set(rule.clone(), level);
    }
    levels
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
        let summary = render::summary(&report.diagnostics);
        let known = known.filter(|(n, _)| *n > 0).map_or_else(String::new, |(n, f)| format!(", {n} known from {f}"));
        match summary {
            Some(summary) => eprintln!("{files} checked: {summary}{known}"),
            None if known.is_empty() => eprintln!("{files} checked: no mistakes found"),
            None => eprintln!("{files} checked: nothing new{known}"),
        }
    } else {
        print(&text)?;
    }
    for (costs, files) in &checked.costs {
        print(&match args.format {
            Format::Json => cost::json(costs, files),
            Format::Short => cost::short(costs, files),
            _ => cost::human(costs, files),
        })?;
    }
    Ok(u8::from(report.diagnostics.iter().any(|d| d.severity == Severity::Error)))
}
