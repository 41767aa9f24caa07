//! The models that the programs may ask.

use std::collections::BTreeMap;

use cascade_compiler::cost;
use cascade_ir::Model;

use super::{Finding, Surroundings};

pub(super) fn check_models(around: &Surroundings) -> Vec<Finding> {
    let Ok(providers) = &around.providers else { return Vec::new() };
    let mut out = Vec::new();
    let mut known: BTreeMap<&str, (&Model, Option<String>)> = BTreeMap::new();
    let mut stranded = Vec::new();
    for program in &around.programs {
        for id in &program.entries {
            let Some((_, asked)) = cost::cost_of(program, *id) else { continue };
            let mut usable = asked.is_empty();
            for model in asked {
                let why_not = providers.why_unavailable(model);
                usable |= why_not.is_none();
                // The models of a program are borrowed longer than this walk.
                if let Some(model) = program.models.iter().find(|own| own.name == model.name) {
                    known.entry(model.name.as_str()).or_insert((model, why_not));
                }
            }
            let cascade = program.cascades.get(id.index()).map(|cascade| cascade.name.as_str()).unwrap_or_default();
            if !usable {
                stranded.push((format!("{cascade} in {}", program.name), cascade));
            }
        }
    }
    for (name, (model, why_not)) in known {
        let described = format!("{} {}", model.provider, model.id);
        out.push(match why_not {
            None if model.is_agent() => Finding::new_good(name, described.trim_end().to_owned()),
            None => Finding::new_good(name, format!("{described}; `cascadec models test {name}` asks it")),
            Some(why) => Finding::new_note(name, format!("{described}: {why}"), key_remedy(model)),
        });
    }
    for (place, cascade) in stranded {
        let detail = format!("`{cascade}` can ask none of its models");
        out.push(Finding::new_missing(place, detail, "do for one of the models above what its line says"));
    }
    if out.is_empty() {
        out.push(Finding::new_good("none", "no program asks a model"));
    }
    out
}

fn key_remedy(model: &Model) -> String {
    if model.is_agent() {
        return "install the program, or name another model with `using`".to_owned();
    }
    format!(
        "set the variable, or write `key_env` or `key_command` below `[providers.{}]` in cascade.toml",
        model.provider
    )
}
