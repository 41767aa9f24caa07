//! `cascadec resume`, and the plan of a resumed run (`--dry-run`).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_ir::{
    self as ir,
    screen::{neutral_line, neutralize_controls},
};
use cascade_runtime::{
    Begin, Plan, PlanOptions, Value, from_json,
    journal::{RunRow, Store},
    plan, recorded_inputs,
};
use serde_json::{Map, Value as Json, json};

use crate::{
    args::{InputArgs, LiveArgs, ResumeArgs},
    commands::print_text,
    error::Stop,
    files, journal,
    projects::providers_of,
    run::{self, Performance},
};

/// Goes on with a run.
pub fn run_resume(args: &ResumeArgs, color: bool) -> Result<u8, Stop> {
    let store = journal::open_project_store()?;
    let row = match &args.run {
        Some(id) => journal::find_run(&*store, id)?,
        None => journal::newest_unfinished(&*store)?,
    };
    resume_run(store, row, &args.given, args.dry_run, &args.live, color)
}

/// Goes on with this run.
pub fn resume_run(
    store: Arc<dyn Store>,
    row: RunRow,
    given: &InputArgs,
    dry_run: bool,
    live: &LiveArgs,
    color: bool,
) -> Result<u8, Stop> {
    if let Some(pid) = row.pid {
        return Err(Stop::usage_help(
            format!("run {} is being run by process {pid}", row.id),
            format!("wait for its end, or end it: `cascadec runs cancel {}`", row.id),
        ));
    }
    if row.status == "done" {
        // It may have been interrupted between its end and the last word.
        if !live.quiet {
            eprintln!("note: run {} had ended well; this is its result", row.id);
        }
        let value = row.result.as_ref().map_or(Value::Null, from_json);
        if live.json {
            print_text(&format!("{}\n", json!({ "event": "result", "run": row.id, "value": row.result })))?;
        } else {
            run::print_result(&value)?;
        }
        return Ok(0);
    }
    let program = program_of_run(&*store, &row, color, live)?;
    let cascade = files::find_entry(&program, Some(&row.cascade))?;
    let known = kept_inputs(&*store, &row, &program, cascade);
    let inputs = run::read_inputs(given, &program, cascade, known, false)?;
    let begin = Begin::Resume(row.id.clone());
    let cwd = Some(PathBuf::from(&row.cwd)).filter(|c| c.is_dir());
    if dry_run {
        let source =
            PlanSource { store: Some(&*store), begin: &begin, folder: cwd.as_deref(), use_cache: !live.no_cache };
        return show_plan(&program, cascade, inputs, &source, live.json, color);
    }
    let how = Performance { store: Some(store), begin, cwd, cancel_first: false, recordings: None, live, color };
    run::perform_run(&program, cascade, inputs, how)
}

/// Takes a run up only to cancel it: its `on cancel` runs, and nothing else begins.
pub fn cancel_run(store: &Arc<dyn Store>, row: &RunRow, color: bool) -> Result<(), Stop> {
    let live = LiveArgs { json: false, quiet: true, jobs: None, wait: false, no_cache: false };
    let program = program_of_run(&**store, row, color, &live)?;
    let cascade = files::find_entry(&program, Some(&row.cascade))?;
    let known = kept_inputs(&**store, row, &program, cascade);
    let inputs = run::read_inputs(&InputArgs::default(), &program, cascade, known, false)?;
    let cwd = Some(PathBuf::from(&row.cwd)).filter(|c| c.is_dir());
    let begin = Begin::Resume(row.id.clone());
    let how = Performance {
        store: Some(Arc::clone(store)),
        begin,
        cwd,
        cancel_first: true,
        recordings: None,
        live: &live,
        color,
    };
    run::perform_run(&program, cascade, inputs, how).map(|_| ())
}

/// The program of a run as it is now; as it was, when its file is gone.
fn program_of_run(store: &dyn Store, row: &RunRow, color: bool, live: &LiveArgs) -> Result<ir::Program, Stop> {
    let here = std::env::current_dir().unwrap_or_default();
    let file = Path::new(&row.file);
    let path = if Path::new(&row.cwd) == here { file.to_path_buf() } else { Path::new(&row.cwd).join(file) };
    if row.file != files::STDIN && path.is_file() {
        return files::load_program(&path, color, live.quiet || live.json);
    }
    let program = store.program(&row.program)?;
    if !live.quiet {
        eprintln!("note: `{}` does not exist; the run continues with the program that it started with", row.file);
    }
    Ok(program)
}

/// The newest run of a cascade.
pub fn newest_of(store: &dyn Store, program: &ir::Program, cascade: ir::CascadeId) -> Result<Option<RunRow>, Stop> {
    let name = program.cascades.get(cascade.index()).map(|c| c.name.to_string()).unwrap_or_default();
    Ok(store.runs()?.into_iter().find(|row| row.file == program.name && row.cascade == name))
}

/// The last run of a cascade that has not ended well.
pub fn last_of(store: &dyn Store, program: &ir::Program, cascade: ir::CascadeId) -> Result<Option<RunRow>, Stop> {
    // One that ended well after it makes an older one obsolete.
    Ok(newest_of(store, program, cascade)?.filter(journal::is_unfinished))
}

/// The inputs of a run that the program still has, without those that were not kept: secrets.
pub fn kept_inputs(
    store: &dyn Store,
    row: &RunRow,
    program: &ir::Program,
    cascade: ir::CascadeId,
) -> Map<String, Json> {
    // What was a secret when the run began was not kept, whatever its type is now.
    let recorded = match store.program(&row.program) {
        Ok(began_with) => match files::find_entry(&began_with, Some(&row.cascade)) {
            Ok(entry) => recorded_inputs(&began_with, entry, &row.inputs),
            Err(_) => Map::new(),
        },
        Err(_) => recorded_inputs(program, cascade, &row.inputs),
    };
    let params = program.cascades.get(cascade.index()).map(|c| c.params.as_slice()).unwrap_or_default();
    recorded.into_iter().filter(|(name, _)| params.iter().any(|p| p.name == name.as_str())).collect()
}

/// What a plan is made from.
pub struct PlanSource<'a> {
    /// Where the run is recorded.
    pub store: Option<&'a dyn Store>,
    /// How the run would begin.
    pub begin: &'a Begin,
    /// The folder in which the run would look for files; the current one if absent.
    pub folder: Option<&'a Path>,
    /// Whether the run would take answers from the cache.
    pub use_cache: bool,
}

/// Prints what a run would do.
pub fn show_plan(
    program: &ir::Program,
    cascade: ir::CascadeId,
    inputs: Vec<Value>,
    source: &PlanSource<'_>,
    as_json: bool,
    color: bool,
) -> Result<u8, Stop> {
    let PlanSource { store, begin, folder, use_cache } = *source;
    let (Some(store), Begin::Resume(run) | Begin::Fork(run)) = (store, begin) else {
        return Err(Stop::usage_help(
            "a new run has nothing to reuse",
            "`--dry-run` goes with `--resume`, `--fork RUN`, or `cascadec resume RUN`",
        ));
    };
    let providers = providers_of(program, folder)?;
    let plan = plan(program, cascade, inputs, &PlanOptions { store, run, folder, use_cache, providers: &providers })?;
    if as_json {
        print_text(&(serde_json::to_string_pretty(&json!({ "run": run, "plan": plan })).unwrap_or_default() + "\n"))?;
    } else {
        print_text(&format_plan(run, &plan, color))?;
    }
    Ok(0)
}

fn format_plan(run: &str, plan: &Plan, color: bool) -> String {
    let paint = |code: &str, text: &str| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = String::new();
    let attempt = |n: u32| if n > 1 { format!(" (attempt {n})") } else { String::new() };
    for reused in &plan.reused {
        let from = if reused.reason.is_empty() { String::new() } else { format!(": {}", reused.reason) };
        out.push_str(&format!("{} {}{}{from}\n", paint("32", "reuse"), reused.path, attempt(reused.attempt)));
    }
    for new in &plan.runs {
        let line =
            format!("{}  {}{}: {}\n", paint("36", "run "), new.path, attempt(new.attempt), neutral_line(&new.reason));
        out.push_str(&line);
    }
    for depends in &plan.depends {
        out.push_str(&format!("{} {}\n", paint("2", "maybe"), depends.path));
    }
    if !plan.depends.is_empty() {
        out.push_str("`maybe`: an answer is recorded; it is reused if the stage still asks the same\n");
    }
    let (reused, new) = (plan.reused.len(), plan.runs.len());
    match &plan.end {
        Some(end) if end == "done" => {
            let answers = if reused == 1 { "its answer is" } else { "all its answers are" };
            out.push_str(&format!("run {run}: nothing to run, {answers} recorded\n"));
        }
        Some(end) => {
            out.push_str(&format!("run {run}: {reused} reused; it would end at once: {}\n", neutralize_controls(end)))
        }
        None => {
            out.push_str(&format!("run {run}: {reused} reused, {new} to run, and the stages that depend on them\n"))
        }
    }
    out
}
