//! Reads a model's answer as a value of a type.
//!
//! Strict JSON comes first. Otherwise the type leads: objects and lists outside of the reasoning are
//! read tolerantly, and a single word or number is taken from prose that states it. Nothing is left out
//! silently: each repair is recorded, and what is cut off or ambiguous fails with the exact complaint.

mod candidates;
mod prose;
mod quoted;
mod syntax;
#[cfg(test)]
mod tests;
mod words;

use cascade_ir::{ErrorKind, Program, Type, TypeDefKind};
use serde_json::Value as Json;

use self::candidates::Candidate;
pub(crate) use self::{
    prose::stated_word,
    words::{is_placeholder, read_bool, read_number, same_word},
};
use crate::{
    check::{coerce_leniently, is_tagged},
    eval::{Eval, Result, check_limits},
    failure::{Failure, Raise},
    schema,
    value::{Value, from_json},
};

/// A deviation of an answer that was corrected, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repair(pub String);

/// A value with what was corrected to read it.
#[derive(Debug)]
pub(crate) struct Reading {
    pub value: Value,
    /// In the order in which they were made; empty for strict JSON of the type.
    pub repairs: Vec<Repair>,
}

type Read = Result<Reading>;

/// Reads a model's answer as a value of a type, or fails with `invalid_output`.
pub(crate) fn read_answer(eval: &mut Eval<'_>, ty: &Type, text: &str) -> Read {
    let text = text.trim_start_matches('\u{feff}');
    let program = eval.program;
    if schema::is_text(program, ty) {
        return read_text(eval, ty, text);
    }
    let mut complaint = None;
    if let Ok(json) = serde_json::from_str::<Json>(text.trim()) {
        match fit_to_type(eval, ty, json.clone(), Vec::new()) {
            Ok(reading) => return Ok(reading),
            Err(failure) if !matches!(json, Json::String(_)) => return Err(failure),
            Err(failure) => complaint = Some(failure),
        }
        // JSON within a text of JSON.
        if let Json::String(inner) = &json
            && let Ok(json @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str::<Json>(inner)
        {
            return fit_to_type(eval, ty, json, vec![Repair("JSON within a text was read".to_owned())]);
        }
    }
    let (answer, skipped) = candidates::without_reasoning(text);
    if let Some(reading) = read_candidates(eval, ty, &answer, &skipped)? {
        return Ok(reading);
    }
    if let Some(value) = stated_value(program, ty, &answer) {
        let mut repairs = skipped;
        repairs.push(Repair("the value was taken from prose that states it".to_owned()));
        return fit_value(eval, ty, value, repairs);
    }
    Err(complaint.unwrap_or_else(|| {
        let excerpt: String = answer.trim().chars().take(120).collect();
        let what = if is_single(program, ty) { "does not state exactly one value of the type" } else { "is not JSON" };
        invalid_answer(format!("the answer {what}: {excerpt}"))
    }))
}

fn invalid_answer(message: String) -> Raise {
    Failure::raise(ErrorKind::InvalidOutput, message)
}

/// An answer that is text: without white space around it and without reasoning before it.
fn read_text(eval: &mut Eval<'_>, ty: &Type, text: &str) -> Read {
    let trimmed = text.trim();
    let begins = trimmed.get(..6).is_some_and(|tag| tag.eq_ignore_ascii_case("<think"));
    let (answer, repairs) =
        if begins { candidates::without_reasoning(trimmed) } else { (trimmed.to_owned(), Vec::new()) };
    fit_value(eval, ty, Value::str(answer.trim()), repairs)
}

fn fit_to_type(eval: &mut Eval<'_>, ty: &Type, json: Json, repairs: Vec<Repair>) -> Read {
    let mut value = from_json(&json);
    if schema::is_wrapped(eval.program, ty)
        && let Value::Map(map) = &value
        && map.len() == 1
        && let Some(inner) = map.get("value")
    {
        value = inner.clone();
    }
    fit_value(eval, ty, value, repairs)
}

fn fit_value(eval: &mut Eval<'_>, ty: &Type, value: Value, mut repairs: Vec<Repair>) -> Read {
    eval.use_fuel(value.weight() as usize)?;
    let (value, coerced) = coerce_leniently(eval, check_limits(value)?, ty)?;
    repairs.extend(coerced);
    Ok(Reading { value, repairs })
}

/// The answer among the objects and lists of a text: of several that fit, the last that is no example.
fn read_candidates(eval: &mut Eval<'_>, ty: &Type, text: &str, skipped: &[Repair]) -> Result<Option<Reading>> {
    let program = eval.program;
    let mut found = candidates::find_candidates(text);
    if found.iter().any(|c| !c.is_example) {
        found.retain(|c| !c.is_example);
    }
    let shape = Shape::of_type(program, ty);
    if shape == Shape::Single {
        // Brackets within prose are no word and no number.
        found.retain(|c| c.is_alone || c.open == '{');
    }
    if shape == Shape::List && found.iter().any(|c| c.open == '[') {
        found.retain(|c| c.open == '[' || is_wrapper(c));
    } else if shape == Shape::List && found.len() > 1 {
        return read_elements(eval, ty, found, skipped).map(Some);
    }
    if shape == Shape::Object && found.iter().any(|c| c.open == '{') {
        found.retain(|c| c.open == '{');
    }
    let mut best: Option<Reading> = None;
    let mut complaint: Option<Raise> = None;
    let mut differ = false;
    let broken_last = matches!(found.last(), Some(Candidate { parsed: Err(_), .. }));
    for candidate in found {
        let Candidate { parsed, repairs, .. } = candidate;
        let read = match parsed {
            Ok(json) => fit_to_type(eval, ty, json, skipped.iter().cloned().chain(repairs).collect()),
            Err(why) => Err(invalid_answer(why)),
        };
        match read {
            Ok(reading) => {
                differ |= best.as_ref().is_some_and(|known| known.value != reading.value);
                best = Some(reading);
            }
            Err(failure) if failure.kind == ErrorKind::InvalidOutput => complaint = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    match (best, complaint) {
        (_, Some(failure)) if broken_last => Err(failure),
        (Some(mut reading), _) => {
            if differ {
                reading.repairs.push(Repair("several values fit and differ; the last one was taken".to_owned()));
            }
            Ok(Some(reading))
        }
        (None, Some(_)) if shape == Shape::Single && stated_value(program, ty, text).is_some() => Ok(None),
        (None, Some(failure)) => Err(failure),
        (None, None) => Ok(None),
    }
}

/// `{ "value": … }`, the form in which the schema asks for what is no object.
fn is_wrapper(candidate: &Candidate) -> bool {
    matches!(&candidate.parsed, Ok(Json::Object(fields)) if fields.len() == 1 && fields.contains_key("value"))
}

/// Objects without a list around them, if nothing but commas and white space stands between them.
fn read_elements(eval: &mut Eval<'_>, ty: &Type, found: Vec<Candidate>, skipped: &[Repair]) -> Read {
    if found.iter().skip(1).any(|c| !c.follows_directly) {
        return Err(invalid_answer("the answer has several objects instead of one list".to_owned()));
    }
    let mut repairs = skipped.to_vec();
    let mut items = Vec::with_capacity(found.len());
    for candidate in found {
        items.push(candidate.parsed.map_err(invalid_answer)?);
        repairs.extend(candidate.repairs);
    }
    repairs.push(Repair("objects without a list around them were read as a list".to_owned()));
    fit_to_type(eval, ty, Json::Array(items), repairs)
}

/// The form of JSON that a type has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    List,
    Single,
    Any,
}

impl Shape {
    fn of_type(program: &Program, ty: &Type) -> Self {
        match ty {
            Type::Record(_) | Type::Map(_) => Self::Object,
            Type::List(_) => Self::List,
            Type::Json => Self::Any,
            Type::Optional(inner) | Type::Refined(inner, _) => Self::of_type(program, inner),
            Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind) {
                Some(TypeDefKind::Record(_)) => Self::Object,
                Some(TypeDefKind::Enum(variants)) if is_tagged(variants) => Self::Object,
                // An alias may mean itself through a list only, so this ends.
                Some(TypeDefKind::Alias(inner)) => Self::of_type(program, inner),
                _ => Self::Single,
            },
            _ => Self::Single,
        }
    }
}

fn is_single(program: &Program, ty: &Type) -> bool {
    Shape::of_type(program, ty) == Shape::Single
}

/// A number, a truth value or a variant that prose states.
fn stated_value(program: &Program, ty: &Type, text: &str) -> Option<Value> {
    match ty {
        Type::Int | Type::Float => read_number(prose::stated_number(text)?),
        Type::Bool => stated_word(text, &["true", "false", "yes", "no"]).and_then(read_bool).map(Value::Bool),
        Type::Optional(inner) | Type::Refined(inner, _) => stated_value(program, inner, text),
        Type::Named(id) => match program.types.get(id.index()).map(|d| &d.kind)? {
            TypeDefKind::Enum(variants) if !is_tagged(variants) => {
                let names: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
                stated_word(text, &names).map(Value::str)
            }
            TypeDefKind::Alias(inner) => stated_value(program, inner, text),
            _ => None,
        },
        _ => None,
    }
}
