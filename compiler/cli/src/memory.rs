//! `cascadec memory`: what a project remembers between runs.

use cascade_ir::screen::neutral_line;
use cascade_runtime::{journal::Store, redact::find_key};
use serde_json::{Value as Json, json};

use crate::{
    args::{MemoryArgs, MemoryCommand},
    commands::print_text,
    error::Stop,
    journal, time,
};

/// `cascadec memory …`.
pub fn run_memory(args: &MemoryArgs) -> Result<u8, Stop> {
    let store = journal::open_project_store()?;
    match &args.command {
        MemoryCommand::List(args) => list_values(&*store, args.json),
        MemoryCommand::Get { key } => {
            let (memory, key) = split_name(key)?;
            match store.memory()?.into_iter().find(|m| m.memory == memory && m.key == key) {
                Some(found) => print_text(&(serde_json::to_string_pretty(&found.value).unwrap_or_default() + "\n"))?,
                None => return Err(report_unknown_key(&*store, memory, key)?),
            }
            Ok(0)
        }
        MemoryCommand::Set { key, value } => {
            let (memory, key) = split_name(key)?;
            let value: Json = serde_json::from_str(value).map_err(|e| {
                Stop::usage_help(
                    format!("the value is not JSON: {e}"),
                    format!("text is written in quotes: `cascadec memory set {memory}.{key} '\"text\"'`"),
                )
            })?;
            if let Some(what) = find_key(value.to_string().as_bytes()) {
                return Err(Stop::usage_help(
                    format!("the value holds what looks like {what}; memory is recorded, and shown to models"),
                    "give it to the cascade as an input of the type `secret`",
                ));
            }
            store.set_memory(memory, key, value)?;
            Ok(0)
        }
        MemoryCommand::History { key, json } => show_history(&*store, key, *json),
        MemoryCommand::Forget { key } => {
            let (memory, key) = split_name(key)?;
            if store.forget_memory(memory, key)? { Ok(0) } else { Err(report_unknown_key(&*store, memory, key)?) }
        }
    }
}

fn split_name(name: &str) -> Result<(&str, &str), Stop> {
    name.split_once('.').ok_or_else(|| {
        Stop::usage_help(format!("`{name}` names no key"), "write `MEMORY.KEY`, such as `project.best_practices`")
    })
}

fn report_unknown_key(store: &dyn Store, memory: &str, key: &str) -> Result<Stop, Stop> {
    let known: Vec<String> = store.memory()?.iter().map(|m| format!("`{}.{}`", m.memory, m.key)).collect();
    let help = match known.is_empty() {
        true => "nothing is remembered yet; a run begins with the first values that its program declares".to_owned(),
        false => format!("there is {}", known.join(", ")),
    };
    Ok(Stop::usage_help(format!("nothing is remembered as `{memory}.{key}`"), help))
}

fn list_values(store: &dyn Store, as_json: bool) -> Result<u8, Stop> {
    let all = store.memory()?;
    if as_json {
        print_text(&(json!(all).to_string() + "\n"))?;
        return Ok(0);
    }
    let mut out = String::new();
    for m in &all {
        let text = neutral_line(&m.value.to_string());
        let short: String =
            if text.chars().count() > 100 { text.chars().take(100).chain(['…']).collect() } else { text };
        out.push_str(&format!("{}.{} = {short}\n", m.memory, m.key));
    }
    if all.is_empty() {
        out.push_str("nothing is remembered\n");
    }
    print_text(&out)?;
    Ok(0)
}

fn show_history(store: &dyn Store, name: &str, as_json: bool) -> Result<u8, Stop> {
    let (memory, key) = split_name(name)?;
    let changes = store.memory_history(memory, key)?;
    if as_json {
        print_text(&(json!(changes).to_string() + "\n"))?;
        return Ok(0);
    }
    if changes.is_empty() {
        return Err(report_unknown_key(store, memory, key)?);
    }
    let mut out = String::new();
    for c in &changes {
        let by = match (&c.run, &c.path) {
            (Some(run), Some(path)) => format!("run {run}, {path}"),
            (Some(run), None) => format!("run {run}"),
            _ => "by hand".to_owned(),
        };
        let what = match (c.kind.as_str(), &c.change) {
            ("append", Some(change)) => format!("+= {}", neutral_line(&change.to_string())),
            ("forget", _) => "forgotten".to_owned(),
            (_, Some(change)) => format!("= {}", neutral_line(&change.to_string())),
            (other, None) => other.to_owned(),
        };
        out.push_str(&format!("{} {what}  ({by})\n", time::clock_text(c.at)));
    }
    print_text(&out)?;
    Ok(0)
}
