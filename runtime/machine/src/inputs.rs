//! The inputs of a cascade.

use std::{collections::HashMap, sync::Arc};

use cascade_ir::{CascadeId, Field, Program, Type, TypeDefKind};
use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

use crate::{
    check::{Strictness, coerce_value, is_tagged},
    describe::{declares_secret, describe_type, suggest_name},
    eval::{DEFAULT_FUEL, Eval},
    redact::Redactor,
    value::{REDACTED, Secret, Value, from_json, parse_duration, parse_money, parse_time, to_json},
};

/// An invalid input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The input's name.
    pub input: String,
    /// The message, with the place within the value.
    pub message: String,
}

/// Validates the inputs; gives them in the order of the parameters, with defaults for absent ones.
///
/// # Errors
/// All errors, not only the first.
pub fn inputs_from_json(
    program: &Program,
    cascade: CascadeId,
    inputs: &Map<String, Json>,
) -> Result<Vec<Value>, Vec<InputError>> {
    inputs_with_variables(program, cascade, inputs, Arc::default())
}

/// The same, where defaults may name variables of the environment (`env("NAME")`).
///
/// # Errors
/// All errors, not only the first.
pub fn inputs_with_variables(
    program: &Program,
    cascade: CascadeId,
    inputs: &Map<String, Json>,
    variables: Arc<HashMap<SmolStr, Secret>>,
) -> Result<Vec<Value>, Vec<InputError>> {
    let Some(entry) = program.cascades.get(cascade.index()) else {
        return Err(vec![InputError { input: String::new(), message: "there is no such cascade".to_owned() }]);
    };
    let mut errors = Vec::new();
    let names: Vec<&str> = entry.params.iter().map(|p| p.name.as_str()).collect();
    for name in inputs.keys().filter(|n| !names.contains(&n.as_str())) {
        let hint = suggest_name(name, &names);
        errors.push(InputError { input: name.clone(), message: format!("`{}` has no such input{hint}", entry.name) });
    }
    let mut eval = Eval::new(program, DEFAULT_FUEL);
    eval.facts.variables = variables;
    let mut slots = vec![Value::Null; entry.slots as usize];
    for param in &entry.params {
        let value = match (inputs.get(param.name.as_str()), &param.default) {
            (Some(json), _) => coerce_value(&mut eval, from_json(json), &param.ty, Strictness::Input),
            (None, Some(default)) => eval.eval(default, &mut slots),
            (None, None) if matches!(param.ty, Type::Optional(_) | Type::Null) => Ok(Value::Null),
            (None, None) => {
                let message = format!("missing; {} was expected", describe_type(program, &param.ty));
                errors.push(InputError { input: param.name.to_string(), message });
                continue;
            }
        };
        match value {
            Ok(value) => {
                if let Some(slot) = slots.get_mut(param.slot.0 as usize) {
                    *slot = value;
                }
            }
            Err(failure) => errors.push(InputError { input: param.name.to_string(), message: failure.message }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(entry.params.iter().map(|p| slots.get(p.slot.0 as usize).cloned().unwrap_or(Value::Null)).collect())
}

/// The inputs of a recorded run by name, without those that contain a secret: the record only has a
/// placeholder for it. `program` is the program of the recorded run; its types show where secrets are,
/// so that an ordinary text that equals the placeholder is kept.
pub fn recorded_inputs(program: &Program, cascade: CascadeId, recorded: &Json) -> Map<String, Json> {
    let params = program.cascades.get(cascade.index()).map(|c| c.params.as_slice()).unwrap_or_default();
    let mut out = Map::new();
    for (name, value) in recorded.as_object().into_iter().flatten() {
        let param = params.iter().find(|param| param.name == name.as_str());
        if param.is_some_and(|param| !is_withheld(value) && !holds_secret(program, &param.ty, value)) {
            out.insert(name.clone(), value.clone());
        }
    }
    out
}

/// The recorded form of an input whose type contains no secret: the value itself, unless a secret was
/// found in it. Then it is marked as withheld, so that the rest is not mistaken for the input.
pub fn record_input(redactor: &Redactor, value: &Value) -> Json {
    let json = to_json(value);
    let mut masked = json.clone();
    redactor.mask_json(&mut masked);
    match masked == json {
        true => json,
        false => Json::Object([(REDACTED.to_owned(), masked)].into_iter().collect()),
    }
}

/// Whether an input was recorded without a secret that it contained.
fn is_withheld(value: &Json) -> bool {
    value.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key(REDACTED))
}

/// Whether a recorded value contains a placeholder where its type has a secret.
fn holds_secret(program: &Program, ty: &Type, value: &Json) -> bool {
    let in_fields = |fields: &[Field]| {
        fields.iter().any(|f| value.get(f.name.as_str()).is_some_and(|value| holds_secret(program, &f.ty, value)))
    };
    match ty {
        Type::Secret => !value.is_null(),
        Type::Optional(inner) | Type::Refined(inner, _) => holds_secret(program, inner, value),
        Type::List(item) => value.as_array().into_iter().flatten().any(|value| holds_secret(program, item, value)),
        Type::Map(item) => value.as_object().into_iter().flatten().any(|(_, value)| holds_secret(program, item, value)),
        Type::Record(fields) => in_fields(fields),
        Type::Named(id) => match program.types.get(id.index()).map(|def| &def.kind) {
            Some(TypeDefKind::Record(fields)) => in_fields(fields),
            Some(TypeDefKind::Enum(variants)) => {
                let kind = value.get("kind").and_then(Json::as_str);
                variants.iter().any(|v| kind == Some(v.name.as_str()) && in_fields(&v.fields))
            }
            Some(TypeDefKind::Alias(inner)) => holds_secret(program, inner, value),
            None => false,
        },
        Type::Null
        | Type::String
        | Type::Int
        | Type::Float
        | Type::Bool
        | Type::Path
        | Type::Json
        | Type::Duration
        | Type::Time
        | Type::Money
        | Type::Command
        | Type::Artifact(_)
        | Type::Model => false,
    }
}

/// Parses an input from the command line: texts, paths, enums, durations and amounts of money as they
/// are, everything else as JSON.
///
/// # Errors
/// What is expected.
pub fn parse_input_text(program: &Program, ty: &Type, text: &str) -> Result<Json, String> {
    match ty {
        Type::String | Type::Path | Type::Secret | Type::Artifact(_) => Ok(Json::from(text)),
        Type::Duration => match parse_duration(text) {
            Some(_) => Ok(Json::from(text)),
            None => text
                .trim()
                .parse::<f64>()
                .map(Json::from)
                .map_err(|_| format!("`{text}` is not a duration; write it like `90s` or `1h30m`")),
        },
        Type::Time => match parse_time(text) {
            Some(_) => Ok(Json::from(text.trim())),
            None => Err(format!("`{text}` is not a time; write it like `2026-03-01T12:00:00Z`")),
        },
        Type::Command if text.trim().is_empty() => Err("the command is empty".to_owned()),
        Type::Command => Ok(Json::from(text)),
        Type::Money => match parse_money(text) {
            Some(micro) => Ok(Json::from(micro as f64 / 1e6)),
            None => Err(format!("`{text}` is not an amount; write it like `0.50usd`")),
        },
        Type::Refined(inner, _) => parse_input_text(program, inner, text),
        Type::Optional(_) if text.trim() == "null" => Ok(Json::Null),
        Type::Optional(inner) => parse_input_text(program, inner, text),
        Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind) {
            Some(TypeDefKind::Alias(inner)) => parse_input_text(program, inner, text),
            Some(TypeDefKind::Enum(variants)) if !is_tagged(variants) => {
                let text = text.trim();
                let names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
                if names.contains(&text) {
                    return Ok(Json::from(text));
                }
                Err(format!("`{text}` is none of {}{}", names.join(", "), suggest_name(text, &names)))
            }
            _ => parse_json_input(program, ty, text),
        },
        Type::Json => Ok(serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))),
        _ => parse_json_input(program, ty, text),
    }
}

fn parse_json_input(program: &Program, ty: &Type, text: &str) -> Result<Json, String> {
    let example = match ty {
        Type::Int => "; write a number like `42`",
        Type::Float => "; write a number like `0.5`",
        Type::Bool => "; write `true` or `false`",
        Type::List(_) => "; write JSON like `[\"a\", \"b\"]`",
        _ => "; write JSON",
    };
    // A text that is not JSON may contain a secret.
    let shown = if declares_secret(program, ty) { REDACTED.to_owned() } else { format!("`{text}`") };
    let wrong = |detail: String| format!("{shown} is not {}{detail}{example}", describe_type(program, ty));
    let value: Json = serde_json::from_str(text).map_err(|e| match ty {
        Type::Int | Type::Float | Type::Bool => wrong(String::new()),
        _ => wrong(format!(" ({e})")),
    })?;
    let fits = match ty {
        // What a number that is too large cannot be is said by its type.
        Type::Int => value.as_f64().is_none_or(|f| f.fract() == 0.0) && value.is_number(),
        Type::Float => value.is_number(),
        Type::Bool => value.is_boolean(),
        Type::List(_) => value.is_array(),
        Type::Map(_) | Type::Record(_) => value.is_object(),
        _ => true,
    };
    if fits { Ok(value) } else { Err(wrong(String::new())) }
}
