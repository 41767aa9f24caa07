//! `cascadec list`, and finding the program that `run` means.

use std::path::{Path, PathBuf};

use cascade_compiler::{FileSources, compile};
use cascade_ir::{self as ir, screen::neutral_line};
use cascade_runtime::describe::describe_type;
use serde_json::{Value as Json, json};

use crate::{
    args::ListArgs,
    commands::print_text,
    error::Stop,
    files,
    projects::{Projects, from_here},
};

/// `cascadec list`.
pub fn run_list(args: &ListArgs, color: bool) -> Result<u8, Stop> {
    let mut said = String::new();
    let mut found = Vec::new();
    let mut failed = false;
    for file in files::expand_paths(&args.paths, &mut Projects::default())?.files {
        let (name, text) = files::read_source(&file)?;
        let Some(program) = compile(&name, text, &FileSources).program else {
            failed = true;
            eprintln!("{name}: has errors; `cascadec check` shows them");
            continue;
        };
        for cascade in own_cascades(&program) {
            said.push_str(&format_cascade(&program, cascade, color));
            found.push(describe_cascade(&program, cascade));
        }
    }
    match args.json {
        true => print_text(&(serde_json::to_string_pretty(&json!({ "cascades": found })).unwrap_or_default() + "\n"))?,
        false if found.is_empty() && !failed => eprintln!("no file here has a cascade"),
        false => print_text(&said)?,
    }
    Ok(u8::from(failed))
}

/// `cascadec run FILE --help`: the inputs of its cascades.
pub fn print_inputs(file: &Path) -> Result<u8, Stop> {
    let program = files::load_program(file, false, true)?;
    let name = file.display();
    let mut out = String::new();
    for cascade in own_cascades(&program) {
        out.push_str(&format_cascade(&program, cascade, false));
    }
    let example: String = own_cascades(&program)
        .find(|cascade| program.main.and_then(|id| program.cascades.get(id.index())) == Some(cascade))
        .map(|cascade| {
            cascade.params.iter().filter(|p| p.default.is_none()).map(|p| format!(" {}=…", p.name)).collect()
        })
        .unwrap_or_default();
    print_text(&format!("{out}\nRun it: cascadec run {name}{example}\nOptions of `run`: cascadec run --help\n"))?;
    Ok(0)
}

/// The cascades that a program can run.
pub fn own_cascades(program: &ir::Program) -> impl Iterator<Item = &ir::Cascade> {
    program.entries.iter().filter_map(|id| program.cascades.get(id.index()))
}

fn place_of(program: &ir::Program, cascade: &ir::Cascade) -> String {
    let file = program.files.get(cascade.place.file as usize).map_or("?", String::as_str);
    format!("{file}:{}", cascade.place.line)
}

/// A cascade with its inputs, for a person.
fn format_cascade(program: &ir::Program, cascade: &ir::Cascade, color: bool) -> String {
    let (bold, dim, end) = if color { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let doc = |doc: &str| match doc.lines().next().unwrap_or_default().trim() {
        "" => String::new(),
        line => format!("  {}", neutral_line(line)),
    };
    let result = match &cascade.result {
        ir::Type::Null => String::new(),
        result => format!(" -> {}", describe_type(program, result)),
    };
    let mut out =
        format!("{bold}{}{end}{result}  {dim}{}{end}\n", cascade.name, neutral_line(&place_of(program, cascade)));
    if !cascade.doc.is_empty() {
        out.push_str(&format!("{}\n", doc(&cascade.doc)));
    }
    let width = cascade.params.iter().map(|param| param.name.chars().count()).max().unwrap_or_default();
    for param in &cascade.params {
        let ty = describe_type(program, &param.ty);
        let optional = if param.default.is_some() { ", may be left out" } else { "" };
        out.push_str(&format!("    {:width$}  {ty}{optional}{}\n", param.name, doc(&param.doc)));
    }
    out
}

fn describe_cascade(program: &ir::Program, cascade: &ir::Cascade) -> Json {
    let inputs: Vec<Json> = cascade
        .params
        .iter()
        .map(|param| {
            json!({
                "name": param.name, "type": describe_type(program, &param.ty), "optional": param.default.is_some(),
                "doc": param.doc,
            })
        })
        .collect();
    json!({
        "name": cascade.name, "file": program.files.get(cascade.place.file as usize), "line": cascade.place.line,
        "doc": cascade.doc, "inputs": inputs, "result": describe_type(program, &cascade.result),
    })
}

/// The file and the cascade that `run` means: a file, a cascade of the project by its name, or the project's `entry`.
pub fn find_program(file: Option<&Path>, cascade: Option<&str>) -> Result<(PathBuf, Option<String>), Stop> {
    let cascade = cascade.map(str::to_owned);
    let Some(file) = file else { return Ok((entry_of_project()?, cascade)) };
    let is_name = file.extension().is_none() && file.components().count() == 1 && file.as_os_str() != "-";
    if !is_name || file.exists() || cascade.is_some() {
        return Ok((file.to_path_buf(), cascade));
    }
    let wanted = file.to_string_lossy().into_owned();
    let mut places = Vec::new();
    let mut names = Vec::new();
    let files = files::expand_paths(&[], &mut Projects::default()).map(|found| found.files).unwrap_or_default();
    for path in files {
        let Some(program) = files::program_without_messages(&path) else { continue };
        names.extend(own_cascades(&program).map(|cascade| cascade.name.to_string()));
        if own_cascades(&program).any(|cascade| cascade.name == wanted.as_str()) {
            places.push(path);
        }
    }
    match places.as_slice() {
        [one] => Ok((one.clone(), Some(wanted))),
        [] => Err(Stop::usage_help(
            format!("there is no file `{wanted}`, and no cascade of that name below this folder"),
            match names.is_empty() {
                true => "name a .cascade file: `cascadec run flow.cascade`".to_owned(),
                false => format!("`cascadec list` shows the cascades: {}", names.join(", ")),
            },
        )),
        several => Err(Stop::usage_help(
            format!("several files have a cascade `{wanted}`"),
            several
                .iter()
                .map(|path| format!("`cascadec run {} {wanted}`", path.display()))
                .collect::<Vec<_>>()
                .join(", "),
        )),
    }
}

/// The file that `entry` of `cascade.toml` names.
fn entry_of_project() -> Result<PathBuf, Stop> {
    let help = "name a file: `cascadec run flow.cascade`; `cascadec list` shows what can be run";
    let Some(found) = Projects::default().project_of(Path::new("."))? else {
        return Err(Stop::usage_help("no file is named, and there is no cascade.toml here or above", help));
    };
    match &found.project.entry {
        Some(entry) => Ok(from_here(&found.root.join(entry))),
        None => Err(Stop::usage_help("no file is named, and cascade.toml has no `entry`", help)),
    }
}
