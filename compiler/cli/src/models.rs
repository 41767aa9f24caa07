//! `cascadec models`: which models can be asked here, and what is known of their answers.

use std::{path::Path, sync::Arc, time::Duration};

use cascade_compiler::{compile, source::MemorySources};
use cascade_ir::{Model, ModelId, Program, screen::neutral_line};
use cascade_runtime::{Probe, Providers, failure::kind_name, probe_model};
use serde_json::{Value as Json, json};

use crate::{
    args::{ModelsArgs, ModelsCommand, ModelsListArgs, ModelsTestArgs},
    commands::print_text,
    error::Stop,
    files, journal,
    progress::{dollars, duration_text, short_count},
    projects::{Projects, apply_model_settings, providers_here, providers_of},
};

/// A program with the models of the standard library.
const STANDARD: &str = "import std.models\n";

/// `cascadec models …`.
pub fn run_models(args: &ModelsArgs, color: bool) -> Result<u8, Stop> {
    match &args.command {
        ModelsCommand::List(args) => list_models(args, color),
        ModelsCommand::Test(args) => test_models(args, color),
        ModelsCommand::Stats { json } => show_stats(*json),
    }
}

/// The program of a file, or one with the models of the standard library, and how its providers are reached.
fn program_with_models(file: Option<&Path>, color: bool) -> Result<(Program, Providers), Stop> {
    match file {
        Some(file) => {
            let program = files::load_program(file, color, true)?;
            let providers = providers_of(&program, None)?;
            Ok((program, providers))
        }
        None => {
            let mut program = standard_models()?;
            if let Some(found) = Projects::default().project_of(Path::new("."))? {
                apply_model_settings(&mut program, &found.project);
            }
            Ok((program, providers_here()?))
        }
    }
}

/// How long a model may take to answer.
const LIMIT: Duration = Duration::from_secs(120);

fn test_models(args: &ModelsTestArgs, color: bool) -> Result<u8, Stop> {
    let (program, providers) = program_with_models(args.file.as_deref(), color)?;
    let providers = Arc::new(providers);
    let named = |model: &Model| args.model.as_ref().is_none_or(|name| *name == model.name);
    let chosen: Vec<(ModelId, &Model)> =
        (0..).map(ModelId).zip(&program.models).filter(|(_, model)| named(model)).collect();
    if let (Some(name), true) = (&args.model, chosen.is_empty()) {
        let known: Vec<String> = program.models.iter().map(|model| format!("`{}`", model.name)).collect();
        return Err(Stop::usage_help(
            format!("there is no model `{name}`"),
            format!("the models are {}; `--file` names a program with others", known.join(", ")),
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::usage(format!("no model can be asked: {error}")))?;
    let width = chosen.iter().map(|(_, model)| model.name.chars().count()).max().unwrap_or(0);
    let (mut rows, mut asked, mut failed) = (Vec::new(), 0, 0);
    for (id, model) in chosen {
        let why_not = match model.is_agent() {
            true => Some("a coding agent is not asked; `cascadec doctor` looks for its program".to_owned()),
            false => providers.why_unavailable(model),
        };
        let (mut line, row) = match why_not {
            Some(why) => {
                let line = format!("○ {:width$}  not asked: {why}", model.name);
                (line, json!({ "name": model.name, "asked": false, "why_not": why }))
            }
            None => {
                asked += 1;
                let probe = runtime.block_on(probe_model(&program, id, Arc::clone(&providers), LIMIT));
                failed += usize::from(probe.result.is_err());
                describe_probe(model, &probe, width)
            }
        };
        line.push('\n');
        match args.json {
            true => rows.push(row),
            // A model may take its time: what is known is shown.
            false => print_text(&line)?,
        }
    }
    if args.json {
        print_text(&(json!(rows).to_string() + "\n"))?;
    } else if asked == 0 {
        print_text("no model can be asked here; `cascadec doctor` says what is missing\n")?;
    }
    Ok(u8::from(failed > 0 || asked == 0))
}

/// A line and a row of JSON on what a model answered.
fn describe_probe(model: &Model, probe: &Probe, width: usize) -> (String, Json) {
    let ms = u64::try_from(probe.took.as_millis()).unwrap_or(u64::MAX);
    let tokens = probe.usage.tokens_in.saturating_add(probe.usage.tokens_out);
    let mut row = json!({
        "name": model.name, "asked": true, "ok": probe.result.is_ok(), "milliseconds": ms,
        "tokens": tokens, "microdollars": probe.cost,
    });
    let line = match &probe.result {
        Ok(said) => {
            row["said"] = json!(said);
            let said: String = neutral_line(said.trim()).chars().take(40).collect();
            let (took, cost) = (duration_text(ms), dollars(probe.cost));
            format!("✓ {:width$}  \"{said}\" in {took}, {} tokens, {cost}", model.name, short_count(tokens))
        }
        Err(failure) => {
            let kind = kind_name(failure.kind);
            row["kind"] = json!(kind);
            row["message"] = json!(failure.message);
            format!("✗ {:width$}  {kind}: {}", model.name, neutral_line(&failure.message))
        }
    };
    (line, row)
}

fn list_models(args: &ModelsListArgs, color: bool) -> Result<u8, Stop> {
    let (program, providers) = program_with_models(args.file.as_deref(), color)?;
    let models = || program.models.iter().map(|model| (model, providers.why_unavailable(model)));
    if args.json {
        let rows = models().map(|(m, why_not)| {
            json!({
                "name": m.name, "provider": m.provider, "id": m.id, "context": m.context,
                "provides": m.provides, "available": why_not.is_none(), "why_not": why_not,
            })
        });
        print_text(&(json!(rows.collect::<Vec<_>>()).to_string() + "\n"))?;
        return Ok(0);
    }
    let width = program.models.iter().map(|m| m.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (model, why_not) in models() {
        let mark = if why_not.is_none() { "✓" } else { "✗" };
        out.push_str(&format!("{mark} {:width$}  {}\n", model.name, describe_model(model)));
        if let Some(reason) = why_not {
            out.push_str(&format!("  {:width$}  not used: {reason}\n", ""));
        }
    }
    if program.models.is_empty() {
        out.push_str("the program declares no models\n");
    }
    print_text(&out)?;
    Ok(0)
}

fn standard_models() -> Result<Program, Stop> {
    let compiled = compile("models.cascade", STANDARD.into(), &MemorySources::default());
    compiled.program.ok_or_else(|| Stop::usage("the models of the standard library cannot be read"))
}

/// `anthropic claude-sonnet-5-5, 1,000,000 tokens, $2.00 in and $10.00 out; coding, reasoning`.
fn describe_model(model: &Model) -> String {
    let mut out = format!("{} {}", model.provider, neutral_line(&model.id));
    if let Some(context) = model.context {
        out.push_str(&format!(", {} tokens", short_count(context)));
    }
    if let (Some(input), Some(output)) = (model.price_input, model.price_output) {
        out.push_str(&format!(", {} in and {} out for a million", dollars(input), dollars(output)));
    }
    if !model.provides.is_empty() {
        out.push_str(&format!("; {}", model.provides.join(", ")));
    }
    out
}

fn show_stats(as_json: bool) -> Result<u8, Stop> {
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
        print_text(&(json!(rows.collect::<Vec<_>>()).to_string() + "\n"))?;
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
            dollars(cost),
            duration_text(each(known.ms, known.timed)),
            pad = width - skill.len() - model.len(),
        ));
    }
    if out.is_empty() {
        out.push_str("no answers of models are recorded\n");
    }
    print_text(&out)?;
    Ok(0)
}
