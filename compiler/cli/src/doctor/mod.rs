//! `cascadec doctor`: whether what a project needs is here.
//!
//! Each check is a function of the [`Surroundings`] in a file of its own; [`CHECKS`] lists them. A check starts nothing
//! but programs that it knows, for their version and whether they are signed in, the MCP servers that programs declare, and
//! a shell in a sandbox. It changes nothing, and shows no secret.

mod agents;
mod models;
mod programs;
mod project;
mod sandbox;
mod servers;
mod used;

use std::{path::PathBuf, sync::Arc};

use cascade_compiler::{FileSources, Severity, compile};
use cascade_ir::{Program, screen::neutral_line};
use cascade_runtime::Providers;
use serde_json::json;

use crate::{
    args::DoctorArgs,
    commands::print_text,
    error::Stop,
    files,
    projects::{Found, Projects, apply_model_settings},
};

/// What is known of the place that is looked at.
pub struct Surroundings {
    /// The project.
    project: Option<Arc<Found>>,
    /// Its programs that have no mistakes.
    programs: Vec<Program>,
    /// The files that have mistakes.
    broken: Vec<String>,
    /// How the providers of its models are reached, or what is wrong with that.
    providers: Result<Providers, String>,
}

/// How it stands with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is here.
    Good,
    /// It is not here, and the project can do without it.
    Note,
    /// It is not here, and the project needs it.
    Missing,
}

/// What a check has found.
struct Finding {
    /// What was looked at.
    name: String,
    state: State,
    /// What was found.
    detail: String,
    /// What to do.
    remedy: Option<String>,
}

impl Finding {
    fn new_good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Good, detail: detail.into(), remedy: None }
    }

    fn new_note(name: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Note, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn new_missing(name: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Missing, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

type Check = fn(&Surroundings) -> Vec<Finding>;

/// All checks, in the order in which they are shown.
const CHECKS: [(&str, Check); 6] = [
    ("project", project::check_project),
    ("models", models::check_models),
    ("agents", agents::check_agents),
    ("programs", programs::check_programs),
    ("servers", servers::check_servers),
    ("sandbox", sandbox::check_sandbox),
];

/// Checks, and prints what was found. The exit code is 1 where something is missing.
pub fn run_doctor(args: &DoctorArgs) -> Result<u8, Stop> {
    let around = look_around(&args.paths)?;
    let found: Vec<(&str, Finding)> = CHECKS
        .iter()
        .flat_map(|(name, check)| check(&around).into_iter().map(move |finding| (*name, finding)))
        .collect();
    let missing = found.iter().filter(|(_, finding)| finding.state == State::Missing).count();
    match args.json {
        true => print_json(&found, missing == 0)?,
        false => print_lines(&found, missing)?,
    }
    Ok(u8::from(missing > 0))
}

fn look_around(paths: &[PathBuf]) -> Result<Surroundings, Stop> {
    let mut projects = Projects::default();
    // A folder without programs can be looked at all the same; a path that was named must be there.
    let found = match files::expand_paths(paths, &mut projects) {
        Ok(found) => found.files,
        Err(_) if paths.is_empty() => Vec::new(),
        Err(stop) => return Err(stop),
    };
    let project = match found.first() {
        Some(file) => projects.of_file(file)?,
        None => projects.project_of(std::path::Path::new("."))?,
    };
    let (mut programs, mut broken) = (Vec::new(), Vec::new());
    for file in &found {
        let (name, text) = files::read_source(file)?;
        let compiled = compile(&name, text, &FileSources);
        let wrong = compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        match compiled.program {
            Some(mut program) if !wrong => {
                if let Some(found) = &project {
                    apply_model_settings(&mut program, &found.project);
                }
                programs.push(program);
            }
            _ => broken.push(name),
        }
    }
    let providers = match &project {
        None => Ok(Providers::default()),
        Some(found) => found.providers().map_err(|stop| match stop {
            Stop::Usage(diagnostic) => diagnostic.message.clone(),
            Stop::Said => "cascade.toml cannot be used".to_owned(),
        }),
    };
    Ok(Surroundings { project, programs, broken, providers })
}

fn print_json(found: &[(&str, Finding)], ok: bool) -> Result<(), Stop> {
    let rows: Vec<_> = found
        .iter()
        .map(|(check, finding)| {
            let state = match finding.state {
                State::Good => "good",
                State::Note => "note",
                State::Missing => "missing",
            };
            json!({
                "check": check, "name": finding.name, "state": state, "detail": finding.detail, "remedy": finding.remedy,
            })
        })
        .collect();
    print_text(&(json!({ "ok": ok, "findings": rows }).to_string() + "\n"))
}

fn print_lines(found: &[(&str, Finding)], missing: usize) -> Result<(), Stop> {
    let width = found.iter().map(|(_, finding)| finding.name.chars().count()).max().unwrap_or(0);
    let (mut out, mut group) = (String::new(), "");
    for (check, finding) in found {
        if *check != group {
            out.push_str(&format!("{check}\n"));
            group = check;
        }
        let mark = match finding.state {
            State::Good => "✓",
            State::Note => "○",
            State::Missing => "✗",
        };
        let (name, detail) = (neutral_line(&finding.name), neutral_line(&finding.detail));
        out.push_str(format!("  {mark} {name:width$}  {detail}").trim_end());
        out.push('\n');
        if let Some(remedy) = &finding.remedy {
            out.push_str(&format!("    {:width$}  → {}\n", "", neutral_line(remedy)));
        }
    }
    out.push_str(&match missing {
        0 => "all that is needed is here\n".to_owned(),
        1 => "1 thing is missing\n".to_owned(),
        n => format!("{n} things are missing\n"),
    });
    print_text(&out)
}
