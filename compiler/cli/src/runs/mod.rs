//! `cascadec runs`: what is recorded of runs.

mod diff;
mod logs;
pub mod picture;
mod show;
mod verify;

use std::sync::Arc;

use cascade_ir::screen::neutral_line;
use cascade_runtime::journal::{RunRow, Store, now_ms};
use serde_json::json;

use crate::{
    args::{GcArgs, RunsArgs, RunsCommand, RunsListArgs},
    commands::print_text,
    error::Stop,
    journal,
    progress::{dollars, duration_text},
    resume, time,
};

/// `cascadec runs …`.
pub fn run_runs(args: &RunsArgs, color: bool) -> Result<u8, Stop> {
    let store = journal::open_project_store()?;
    match &args.command {
        None => list_runs(&*store, &RunsListArgs::default(), color),
        Some(RunsCommand::List(args)) => list_runs(&*store, args, color),
        Some(RunsCommand::Show(args)) => show::show_run(&*store, args, color),
        Some(RunsCommand::Logs(args)) => logs::show_logs(&*store, args, color),
        Some(RunsCommand::Diff(args)) => diff::show_run_diff(&*store, args, color),
        Some(RunsCommand::Verify(args)) => verify::verify_run(&*store, args),
        Some(RunsCommand::Cancel(args)) => cancel_run(&store, &args.run, color),
        Some(RunsCommand::Gc(args)) => collect_garbage(&*store, args),
    }
}

/// The colour of a status.
fn paint_status(color: bool, status: &str) -> String {
    let code = match status {
        "done" => "32",
        "failed" | "dead" => "31",
        "running" => "36",
        _ => "33",
    };
    if color { format!("\x1b[{code}m{status}\x1b[0m") } else { status.to_owned() }
}

/// How long a run lived.
fn lifetime_ms(run: &RunRow) -> i64 {
    if run.pid.is_some() { now_ms().saturating_sub(run.started).max(run.clock) } else { run.clock }
}

fn list_runs(store: &dyn Store, args: &RunsListArgs, color: bool) -> Result<u8, Stop> {
    let mut runs = store.runs()?;
    if let Some(status) = &args.status {
        runs.retain(|r| r.status == *status);
    }
    let hidden = runs.len().saturating_sub(args.number.unwrap_or(20));
    runs.truncate(args.number.unwrap_or(20));
    if args.json {
        let mut out = String::new();
        for run in &runs {
            out.push_str(&serde_json::to_string(run).unwrap_or_default());
            out.push('\n');
        }
        print_text(&out)?;
        return Ok(0);
    }
    if runs.is_empty() {
        print_text("no runs are recorded\n")?;
        return Ok(0);
    }
    let mut rows = vec![["run", "status", "started", "took", "tokens", "cost", "what"].map(str::to_owned)];
    for run in &runs {
        let millis = u64::try_from(lifetime_ms(run)).unwrap_or(0);
        rows.push([
            run.id.clone(),
            run.status.clone(),
            time::clock_text(run.started),
            duration_text(millis),
            if run.tokens > 0 { run.tokens.to_string() } else { String::new() },
            if run.cost > 0 { dollars(run.cost) } else { String::new() },
            format!("{} {}", neutral_line(&run.file), run.cascade),
        ]);
    }
    // The time that a run took is at least so wide, whatever it was.
    let least = |i: usize| if i == 3 { 6 } else { 0 };
    let widest = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0).max(least(i));
    let widths: Vec<usize> = (0..6).map(widest).collect();
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (j, cell) in row.iter().enumerate() {
            let shown = if i > 0 && j == 1 { paint_status(color, cell) } else { cell.clone() };
            line.push_str(&shown);
            if let Some(width) = widths.get(j) {
                line.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 2));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if hidden > 0 {
        out.push_str(&format!("… and {hidden} older; `--number` shows more\n"));
    }
    print_text(&out)?;
    Ok(0)
}

fn cancel_run(store: &Arc<dyn Store>, id: &str, color: bool) -> Result<u8, Stop> {
    let run = journal::find_run(&**store, id)?;
    if let Some(pid) = run.pid {
        let raw = i32::try_from(pid).ok().and_then(nix_pid);
        let signalled = raw.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::INT).is_ok());
        if !signalled {
            return Err(Stop::usage(format!("process {pid}, which runs {}, cannot be signalled", run.id)));
        }
        eprintln!("process {pid} was asked to end run {}", run.id);
        return Ok(0);
    }
    match run.status.as_str() {
        "done" | "failed" | "cancelled" => Err(Stop::usage(format!("run {} has ended ({})", run.id, run.status))),
        _ => {
            // A program that cannot be compiled any more has no hooks to run.
            if resume::cancel_run(store, &run, color).is_err() {
                store.mark_cancelled(&run.id)?;
            }
            eprintln!("run {} is cancelled; it can still be resumed: cascadec resume {}", run.id, run.id);
            Ok(0)
        }
    }
}

fn nix_pid(pid: i32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(pid)
}

fn collect_garbage(store: &dyn Store, args: &GcArgs) -> Result<u8, Stop> {
    let before = now_ms().saturating_sub(time::parse_duration(&args.older_than).map_err(Stop::usage)?);
    let collected = store.collect(before, args.all)?;
    if args.json {
        print_text(&format!("{}\n", json!(collected)))?;
        return Ok(0);
    }
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    print_text(&format!(
        "removed {}, {}, {} and {}\n",
        plural(collected.runs, "run", "runs"),
        plural(collected.cached, "cached answer", "cached answers"),
        plural(collected.changes, "old change of memory", "old changes of memory"),
        plural(collected.artifacts, "file of a large answer", "files of large answers")
    ))?;
    Ok(0)
}
