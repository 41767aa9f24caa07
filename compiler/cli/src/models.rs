//! `cascadec models`: which models can be asked here, and what is known of their answers.

use cascade_compiler::{compile, source::MemorySources};
use cascade_ir::{Model, Program, screen::neutral_line};
use serde_json::json;

use crate::{
    args::{ModelsArgs, ModelsCommand, ModelsListArgs},
    commands::print,
    error::Stop,
    files, journal,
    progress::{count, money, seconds},
    projects::{providers_here, providers_of},
};

/// A program with the models of the standard library.
const STANDARD: &str = "import std.models\n";

/// `cascadec models …`.
pub fn run(args: &ModelsArgs, color: bool) -> Result<u8, Stop> {
    match &args.command {
        ModelsCommand::List(args) => list(args, color),
        ModelsCommand::Stats { json } => stats(*json),
    }
}

fn list(args: &ModelsListArgs, color: bool) -> Result<u8, Stop> {
    let (program, providers) = match &args.file {
        Some(file) => {
            let program = files::program(file, color, true)?;
            let providers = providers_of(&program, None)?;
            (program, providers)
        }
        None => (standard_models()?, providers_here()?),
    };
    let models = || program.models.iter().map(|model| (model, providers.why_unavailable(model)));
    if args.json {
        let rows = models().map(|(m, why_not)| {
            json!({
                "name": m.name, "provider": m.provider, "id": m.id, "context": m.context,
                "provides": m.provides, "available": why_not.is_none(), "why_not": why_not,
            })
        });
        print(&(json!(rows.collect::<Vec<_>>()).to_string() + "\n"))?;
        return Ok(0);
    }
    let width = program.models.iter().map(|m| m.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (model, why_not) in models() {
        let mark = if why_not.is_none() { "✓" } else { "✗" };
        out.push_str(&format!("{mark} {:width$}  {}\n", model.name, described(model)));
        if let Some(reason) = why_not {
            out.push_str(&format!("  {:width$}  not used: {reason}\n", ""));
        }
    }
    if program.models.is_empty() {
        out.push_str("the program declares no models\n");
    }
    print(&out)?;
    Ok(0)
}

fn standard_models() -> Result<Program, Stop> {
    let compiled = compile("models.cascade", STANDARD.into(), &MemorySources::default());
    compiled.program.ok_or_else(|| Stop::usage("the models of the standard library cannot be read"))
}

/// `anthropic claude-sonnet-4-5, 200,000 tokens, $3.00 in and $15.00 out; coding, reasoning`.
fn described(model: &Model) -> String {
    let mut out = format!("{} {}", model.provider, neutral_line(&model.id));
    if let Some(context) = model.context {
        out.push_str(&format!(", {} tokens", count(context)));
    }
    if let (Some(input), Some(output)) = (model.price_input, model.price_output) {
        out.push_str(&format!(", {} in and {} out for a million", money(input), money(output)));
    }
    if !model.provides.is_empty() {
        out.push_str(&format!("; {}", model.provides.join(", ")));
    }
    out
}

fn stats(as_json: bool) -> Result<u8, Stop> {
    let outcomes = journal::open_project_store()?.model_outcomes()?;
    let mut rows: Vec<_> = outcomes.iter().collect();
    rows.sort_by(|a, b| a.0.cmp(b.0));
    if as_json {
        let rows = rows.iter().map(|((skill, model), known)| {
            json!({
                "skill": skill, "model": model, "good": known.good, "bad": known.bad,
                "microdollars": known.cost, "timed": known.timed, "milliseconds": known.ms,
            })
        });
        print(&(json!(rows.collect::<Vec<_>>()).to_string() + "\n"))?;
        return Ok(0);
    }
    let mut out = String::new();
    let width = rows.iter().map(|((skill, model), _)| skill.len() + model.len()).max().unwrap_or(0);
    for ((skill, model), known) in rows {
        let each = |sum: u64, of: u64| sum.checked_div(of).unwrap_or(0);
        let cost = i64::try_from(each(known.cost, known.count())).unwrap_or(i64::MAX);
        out.push_str(&format!(
            "{skill}, {model}:{:pad$} {} of {} answers good, {} and {} each\n",
            "",
            known.good,
            known.count(),
            money(cost),
            seconds(each(known.ms, known.timed)),
            pad = width - skill.len() - model.len(),
        ));
    }
    if out.is_empty() {
        out.push_str("no answers of models are recorded\n");
    }
    print(&out)?;
    Ok(0)
}
