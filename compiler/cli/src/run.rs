//! `cascadec run`.

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use cascade_compiler::{Project, cost};
use cascade_ir::{
    self as ir,
    screen::{neutral_line, neutralize_controls},
};
use cascade_runtime::{
    Begin, Cancel, Failure, RunOptions, SandboxSettings, Value, block_on, environment_variables, inputs_with_variables,
    journal::{SqliteStore, Store},
    parse_input_text,
    recordings::Recordings,
    run as execute, to_json,
    value::parse_json,
};
use cascade_sandbox::Promise;
use serde_json::{Map, Value as Json, json};

use crate::{
    args::{InputArgs, LiveArgs, RunArgs},
    ask_first::{ask_first, show_cost},
    commands::print_text,
    error::Stop,
    files,
    interrupt::cancel_on_interrupt,
    journal, list, people,
    progress::{Alert, Meter, Progress, dollars, duration_text},
    projects::{project_of, providers_of},
    rerun, resume,
};

/// Runs a cascade, prints its result.
pub fn run_cascade(args: &RunArgs, color: bool) -> Result<u8, Stop> {
    if args.watch {
        return rerun::run_again_and_again(args, color);
    }
    let (file, wanted) = list::find_program(args.file.as_deref(), args.cascade.as_deref())?;
    run_once(args, &file, wanted.as_deref(), false, color)
}

/// Runs a cascade of a file once; again: with the recorded answers of its newest run.
pub fn run_once(args: &RunArgs, file: &Path, wanted: Option<&str>, is_again: bool, color: bool) -> Result<u8, Stop> {
    let program = files::load_program(file, color, args.live.quiet || args.live.json)?;
    let cascade = files::find_entry(&program, wanted)?;
    let recordings = open_recordings(args)?;
    // A replayed run is not recorded: its answers are recorded already, and a cache must not take them as new.
    let store: Option<Arc<dyn Store>> = match args.no_journal || args.replay.is_some() {
        true => None,
        false => Some(Arc::new(SqliteStore::at(&journal::of_file(file)?))),
    };
    let mut begin = Begin::New;
    let mut known = Map::new();
    if let Some(store) = store.as_deref().filter(|_| args.resume || args.fork.is_some()) {
        let found = match &args.fork {
            Some(id) => Some(journal::find_run(store, id)?),
            None => resume::last_of(store, &program, cascade)?,
        };
        if let Some(row) = found {
            known = resume::kept_inputs(store, &row, &program, cascade);
            begin = if args.fork.is_some() { Begin::Fork(row.id) } else { Begin::Resume(row.id) };
        }
    }
    if args.dry_run {
        let inputs = read_inputs(&args.given, &program, cascade, known, file.as_os_str() == "-")?;
        if matches!(begin, Begin::New) {
            return show_cost(&program, cascade, args.live.json);
        }
        let source =
            resume::PlanSource { store: store.as_deref(), begin: &begin, folder: None, use_cache: !args.live.no_cache };
        return resume::show_plan(&program, cascade, inputs, &source, args.live.json, color);
    }
    let inputs = read_inputs(&args.given, &program, cascade, known, file.as_os_str() == "-")?;
    if !ask_first(args, &program, cascade)? {
        return Ok(0);
    }
    if is_again && let Some(store) = store.as_deref() {
        let last = resume::newest_of(store, &program, cascade)?;
        begin = last.map_or(Begin::New, |row| Begin::Fork(row.id));
    }
    let how = Performance { store, begin, cwd: None, cancel_first: false, recordings, live: &args.live, color };
    perform_run(&program, cascade, inputs, how)
}

/// What `--record` and `--replay` name.
fn open_recordings(args: &RunArgs) -> Result<Option<Arc<Recordings>>, Stop> {
    let opened = match (&args.record, &args.replay) {
        (Some(folder), _) => Recordings::record(folder),
        (None, Some(folder)) => Recordings::replay(folder),
        (None, None) => return Ok(None),
    };
    opened.map(|recordings| Some(Arc::new(recordings))).map_err(|error| Stop::usage(error.to_string()))
}

/// How commands in sandboxes are confined: this program confines itself, and the rest is in `cascade.toml`.
fn sandbox_settings(project: &Project) -> SandboxSettings {
    let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let mut settings = SandboxSettings {
        // Without it no sandbox is opened, and the run says so.
        helper: std::env::current_exe().ok(),
        allow_unenforced: project.allow_unenforced.iter().filter_map(|name| Promise::of_name(name)).collect(),
        readable: project.sandbox_reads.iter().map(PathBuf::from).collect(),
        private_hosts: project.private_hosts.clone(),
        local_ports: project.local_ports.clone(),
        without_namespaces: std::env::var_os("CASCADE_SANDBOX_NAMESPACES").is_some_and(|value| value == "off"),
        folder: folder("CASCADE_SANDBOX_FOLDER"),
        ..SandboxSettings::default()
    };
    settings.limits.memory = project.sandbox_memory.unwrap_or(settings.limits.memory);
    settings
}

/// How a run is performed.
pub struct Performance<'a> {
    /// Where it is recorded.
    pub store: Option<Arc<dyn Store>>,
    /// Where it begins.
    pub begin: Begin,
    /// The directory of its programs.
    pub cwd: Option<PathBuf>,
    /// Whether it is taken up only to be cancelled.
    pub cancel_first: bool,
    /// Where answers are recorded, or come from.
    pub recordings: Option<Arc<Recordings>>,
    /// What the user asked for.
    pub live: &'a LiveArgs,
    /// Whether standard error is coloured.
    pub color: bool,
}

/// Runs to the end, or as far as it goes, and says what came of it.
pub fn perform_run(
    program: &ir::Program,
    cascade: ir::CascadeId,
    inputs: Vec<Value>,
    how: Performance<'_>,
) -> Result<u8, Stop> {
    let Performance { store, begin, cwd, cancel_first, recordings, live, color } = how;
    let providers = Arc::new(providers_of(program, cwd.as_deref())?);
    let cancel = Cancel::default();
    let _interruptible = cancel_on_interrupt(&cancel);
    let progress = Progress::new(live.quiet, live.json, color, &program.files, &cancel, || {
        let (cost, asked) = cost::cost_of(program, cascade)?;
        (!asked.is_empty()).then(|| Meter::new(&cost))
    });
    let recorded = store.is_some();
    // Its file is tidied when it is closed: after the result is shown.
    let _open_until_shown = store.clone();
    let project = project_of(program).unwrap_or_default();
    let alert = Alert { bell: project.bell, notify: project.notify.clone() };
    let options = RunOptions {
        store,
        begin,
        observer: progress.observer(alert),
        asker: progress.asker(color),
        wait: live.wait,
        cancel_first,
        // What comes from a cache would be missing in the recordings.
        no_cache: live.no_cache || recordings.is_some(),
        max_commands: live.jobs.unwrap_or(0),
        cwd,
        cancel,
        recordings: recordings.clone(),
        sandbox: sandbox_settings(&project),
        providers,
    };
    let outcome = block_on(execute(program, cascade, inputs, options));
    progress.finish();
    progress.check()?;
    let trouble =
        recordings.as_ref().filter(|recordings| recordings.records()).and_then(|recordings| recordings.first_error());
    let ms = u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX);
    if let Some(pause) = &outcome.pause {
        if let Progress::Json(events) = &progress {
            let questions: Vec<Json> = pause.questions.iter().map(people::question_json).collect();
            events.write(json!({
                "event": "paused", "run": outcome.run, "questions": questions, "quota": pause.quota, "until": pause.until,
            }));
        }
        eprint!("{}", people::explain_pause(&outcome.run, pause, color));
        progress.check()?;
        return Ok(3);
    }
    match outcome.result {
        Ok(value) => {
            if let Progress::Json(events) = &progress {
                events.write(json!({ "event": "result", "run": outcome.run, "value": to_json(&value) }));
            } else {
                print_result(&value)?;
                let replayed = recordings.is_some_and(|recordings| !recordings.records());
                if outcome.spent.cost > 0 && !live.quiet {
                    match replayed {
                        true => eprintln!("nothing spent; {} when it was recorded", dollars(outcome.spent.cost)),
                        false => eprintln!("{} spent in {}", dollars(outcome.spent.cost), duration_text(ms)),
                    }
                }
            }
            progress.check()?;
            match trouble {
                Some(trouble) => Err(Stop::usage(trouble.message)),
                None => Ok(0),
            }
        }
        Err(failure) => {
            let code = if failure.kind == ir::ErrorKind::Cancelled { 130 } else { 1 };
            if let Progress::Json(events) = &progress {
                let error = serde_json::to_value(&failure).unwrap_or_default();
                events.write(json!({ "event": "error", "run": outcome.run, "error": error }));
            }
            eprint!("{}", explain_failure(&failure, program, color));
            progress.check()?;
            // A gate or `fail` gives the same result again; any other failure may not.
            if recorded && failure.kind != ir::ErrorKind::Failed {
                eprintln!("  resume it with: cascadec resume {}", outcome.run);
            }
            Ok(code)
        }
    }
}

/// Prints a result: as it is for a program, harmless for a terminal.
pub fn print_result(value: &Value) -> Result<(), Stop> {
    let text = format_result(value);
    match std::io::stdout().is_terminal() {
        true => print_text(&neutralize_controls(&text)),
        false => print_text(&text),
    }
}

/// The result as it is printed: text as it is, everything else as JSON.
fn format_result(value: &Value) -> String {
    match to_json(value) {
        Json::Null => String::new(),
        Json::String(text) => {
            if text.ends_with('\n') {
                text
            } else {
                text + "\n"
            }
        }
        other => serde_json::to_string_pretty(&other).unwrap_or_default() + "\n",
    }
}

/// A failure for a person: what, where, after how many attempts, why.
fn explain_failure(failure: &Failure, program: &ir::Program, color: bool) -> String {
    let (red, dim, end) = if color { ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    // The kind is shown too, except for failures that the program itself states.
    let kind = match failure.kind {
        ir::ErrorKind::Failed => String::new(),
        kind => format!(" {dim}({}){end}", cascade_runtime::failure::kind_name(kind)),
    };
    if failure.kind == ir::ErrorKind::Cancelled {
        return format!("{red}cancelled{end}\n");
    }
    let mut out = String::new();
    let message = neutralize_controls(&failure.message);
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    if failure.stage.is_empty() {
        out.push_str(&format!("{red}failed{end}: {first}{kind}\n"));
    } else {
        out.push_str(&format!("{red}failed{end}: {}: {first}{kind}\n", failure.stage));
    }
    for line in lines {
        out.push_str(&format!("  {line}\n"));
    }
    for cause in &failure.causes {
        out.push_str(&format!("  because {}\n", neutral_line(cause)));
    }
    let position = |place: ir::Place| {
        let file = program.files.get(place.file as usize).map_or("?", String::as_str);
        format!("{file}:{}:{}", place.line, place.column)
    };
    match (failure.stage_place, failure.place) {
        (Some(stage), Some(inside)) if stage != inside => {
            out.push_str(&format!("  at {} (the stage)\n", position(stage)));
            out.push_str(&format!("     {} (where it failed)\n", position(inside)));
        }
        (Some(place), _) | (None, Some(place)) => out.push_str(&format!("  at {}\n", position(place))),
        (None, None) => {}
    }
    if failure.attempts > 1 {
        out.push_str(&format!("  after {} attempts\n", failure.attempts));
    }
    out
}

/// The inputs of a cascade: those that are known, then those that were given.
pub fn read_inputs(
    args: &InputArgs,
    program: &ir::Program,
    cascade: ir::CascadeId,
    known: Map<String, Json>,
    stdin_taken: bool,
) -> Result<Vec<Value>, Stop> {
    let Some(entry) = program.cascades.get(cascade.index()) else { return Ok(Vec::new()) };
    let mut map = known;
    if let Some(path) = &args.inputs {
        map.extend(inputs_file(path, stdin_taken)?);
    }
    for given in &args.input {
        let Some((name, text)) = given.split_once('=') else {
            return Err(Stop::usage_help(format!("`--input {given}` has no `=`"), "write `--input name=value`"));
        };
        let param = entry.params.iter().find(|p| p.name == name);
        let value = match param {
            Some(param) => input_value(program, param, text)?,
            // An unknown name is reported with the others.
            None => Json::String(text.to_owned()),
        };
        map.insert(name.to_owned(), value);
    }
    for (name, text) in project_of(program).map(|project| project.inputs).unwrap_or_default() {
        if let Some(param) = entry.params.iter().find(|p| p.name == name.as_str())
            && !map.contains_key(&name)
        {
            map.insert(name, input_value(program, param, &text)?);
        }
    }
    inputs_with_variables(program, cascade, &map, environment_variables(program)).map_err(|errors| {
        let mut message = String::new();
        for (i, error) in errors.iter().enumerate() {
            if i > 0 {
                message.push_str("\n       ");
            }
            message.push_str(&format!("input `{}`: {}", error.input, error.message));
        }
        let signature: Vec<String> = entry
            .params
            .iter()
            .map(|p| if p.default.is_some() { format!("[{}]", p.name) } else { p.name.to_string() })
            .collect();
        let help = if signature.is_empty() {
            format!("`{}` takes no inputs", entry.name)
        } else {
            format!("`{}` takes {}; give them as `--input name=value`", entry.name, signature.join(", "))
        };
        Stop::usage_help(message, help)
    })
}

/// The value of an input that was given as text. A secret may be given by reference: `env:NAME`, `@file`.
fn input_value(program: &ir::Program, param: &ir::Param, text: &str) -> Result<Json, Stop> {
    let name = &param.name;
    if is_secret(program, &param.ty) {
        if let Some(variable) = text.strip_prefix("env:") {
            return match std::env::var(variable) {
                Ok(value) => Ok(Json::String(value)),
                Err(_) => Err(Stop::usage_help(
                    format!("input `{name}`: the environment variable `{variable}` is not set, or is no text"),
                    "export it, or give the secret by `@file`",
                )),
            };
        }
        if let Some(path) = text.strip_prefix('@') {
            let path = Path::new(path);
            let value = std::fs::read_to_string(path).map_err(|e| Stop::file("read", path, &e))?;
            return Ok(Json::String(value.trim_end_matches(['\r', '\n']).to_owned()));
        }
    }
    parse_input_text(program, &param.ty, text).map_err(|e| Stop::usage(format!("input `{name}`: {e}")))
}

/// Whether a type is a secret, perhaps an optional one.
fn is_secret(program: &ir::Program, ty: &ir::Type) -> bool {
    match ty {
        ir::Type::Secret => true,
        ir::Type::Optional(inner) | ir::Type::Refined(inner, _) => is_secret(program, inner),
        ir::Type::Named(id) => match program.types.get(id.index()).map(|def| &def.kind) {
            Some(ir::TypeDefKind::Alias(inner)) => is_secret(program, inner),
            _ => false,
        },
        _ => false,
    }
}

fn inputs_file(path: &Path, stdin_taken: bool) -> Result<Map<String, Json>, Stop> {
    let text = if path.as_os_str() == "-" {
        if stdin_taken {
            return Err(Stop::usage("standard input cannot be both the program and its inputs"));
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| Stop::file("read", Path::new(files::STDIN), &e))?;
        text
    } else {
        std::fs::read_to_string(path).map_err(|e| Stop::file("read", path, &e))?
    };
    match parse_json(text.as_bytes()) {
        Ok(Json::Object(map)) => Ok(map),
        Ok(_) => Err(Stop::usage_help(
            format!("`{}` does not hold a JSON object", path.display()),
            "write `{ \"name\": value }`",
        )),
        Err(why) => Err(Stop::usage(format!("`{}` {why}", path.display()))),
    }
}
