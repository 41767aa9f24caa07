//! Explains why a recorded answer does not fit: what changed in the request or the program.

use cascade_ir::{Effect, Program, Prompt, Skill};
use serde::Serialize;

use crate::{
    interpreter::part_digest,
    request::{EffectInfo, KeyParts},
};

/// What an edit changed in a skill, in words; `None` when it is only what the skill reaches.
pub(crate) fn explain_skill_change(old: &Program, new: &Program, name: &str) -> Option<String> {
    let find = |program: &Program| program.skills.iter().find(|s| s.name == name).cloned();
    let (Some(before), Some(after)) = (find(old), find(new)) else {
        return Some(format!("the skill `{name}` is new"));
    };
    let mut changed: Vec<&str> = Vec::new();
    let differs = |a: &dyn Fn(&Program, &Skill) -> [u8; 32]| a(old, &before) != a(new, &after);
    if std::mem::discriminant(&before.effect) != std::mem::discriminant(&after.effect) {
        changed.push("kind of effect");
    } else {
        let parts = effect_parts(&before.effect).into_iter().zip(effect_parts(&after.effect));
        for ((name, a), (_, b)) in parts {
            if part_digest(old, &a) != part_digest(new, &b) {
                changed.push(name);
            }
        }
    }
    if differs(&|p, s| digest_part(p, &s.params.iter().map(|p| (&p.name, &p.ty)).collect::<Vec<_>>())) {
        changed.push("inputs");
    }
    if differs(&|p, s| digest_part(p, &(&s.output, &s.result))) {
        changed.push("type of the result");
    }
    if differs(&|p, s| digest_part(p, &s.map)) {
        changed.push("`return`");
    }
    if differs(&|p, s| digest_part(p, &s.needs)) {
        changed.push("`needs`");
    }
    match changed.as_slice() {
        [] => None,
        [one] => Some(format!("the {one} of `{name}` changed")),
        [init @ .., last] => Some(format!("the {} and the {last} of `{name}` changed", init.join(", the "))),
    }
}

fn digest_part(program: &Program, part: &impl Serialize) -> [u8; 32] {
    part_digest(program, &serde_json::to_value(part).unwrap_or_default())
}

fn part_json(part: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(part).unwrap_or_default()
}

fn prompt_parts(prompt: &Prompt) -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("prompt", part_json(&prompt.prompt)),
        ("system text", part_json(&prompt.system)),
        ("temperature", part_json(&prompt.temperature)),
        ("limit of tokens", part_json(&prompt.max_tokens)),
        ("attachments", part_json(&prompt.attach)),
        ("tools", part_json(&prompt.tools)),
    ]
}

/// The parts of an effect by the names that the language gives them.
fn effect_parts(effect: &Effect) -> Vec<(&'static str, serde_json::Value)> {
    match effect {
        Effect::Run(run) => vec![
            ("command", part_json(&run.command)),
            ("directory", part_json(&run.cwd)),
            ("environment", part_json(&run.env)),
            ("standard input", part_json(&run.stdin)),
            ("exit codes", part_json(&run.exit)),
            ("output format", part_json(&run.format)),
        ],
        Effect::Http(http) => vec![
            ("method", part_json(&http.method)),
            ("address", part_json(&http.url)),
            ("headers", part_json(&http.headers)),
            ("query", part_json(&http.query)),
            ("body", part_json(&http.body)),
            ("status codes", part_json(&http.status)),
            ("output format", part_json(&http.format)),
        ],
        Effect::Prompt(prompt) => prompt_parts(prompt),
        Effect::Agent(agent) => {
            let mut parts = prompt_parts(&agent.prompt);
            parts.push(("directory", part_json(&agent.directory)));
            parts.push(("abilities", part_json(&agent.abilities)));
            parts
        }
        Effect::Mcp(call) => vec![("tool", part_json(&call.tool)), ("arguments", part_json(&call.args))],
        Effect::Builtin(name) => vec![("built-in skill", part_json(name))],
        Effect::Invalid => Vec::new(),
    }
}

/// Explains why a recorded answer does not answer a request: which parts of the keys differ.
pub(crate) fn explain_key_change(program: &Program, info: &EffectInfo, kept: &[u8]) -> String {
    let Some(kept) = KeyParts::from_bytes(kept) else {
        return "nothing is known of what it was asked before".to_owned();
    };
    let mut changed = Vec::new();
    let differs = |name: &str| kept.get(name) != info.parts.get(name);
    if differs("skill") {
        changed.push(format!("the skill `{}`", info.skill));
    }
    if differs("model") {
        changed.push("the model".to_owned());
    }
    if differs("candidates") && !differs("model") {
        changed.push("the models to choose from".to_owned());
    }
    if differs("attached") {
        changed.push("the content of its files".to_owned());
    }
    let skill = program.skills.iter().find(|s| s.name == info.skill);
    if differs("folder") {
        changed.push("the folder in which it runs".to_owned());
    }
    let mut inputs = Vec::new();
    for (name, _) in info.parts.iter().filter(|(name, _)| differs(name)) {
        let Some(input) = name.strip_prefix("input.") else { continue };
        // Keys of version 1 know inputs by their position.
        let param = input.parse::<usize>().ok().and_then(|i| skill.and_then(|s| s.params.get(i)));
        inputs.push(format!("the input `{}`", param.map_or(input, |param| param.name.as_str())));
    }
    // Variables are computed from inputs: they are named only when no input says why.
    if inputs.is_empty() && differs("environment") {
        inputs.push("the environment".to_owned());
    }
    changed.extend(inputs);
    match changed.as_slice() {
        [] => "it was asked something else before".to_owned(),
        [one] => format!("{one} changed"),
        [init @ .., last] => format!("{} and {last} changed", init.join(", ")),
    }
}
