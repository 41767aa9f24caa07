//! From the answer of an effect to the value of its skill.

use cascade_ir::{
    Effect, ErrorKind, Expr, OutputFormat, Program, Skill, Type,
    limits::{LONGEST_COMPLAINT, LONGEST_REFUSED_ANSWER},
};

use serde_json::Value as Json;

use super::{
    Machine,
    agent::keep_session,
    call::{guard_below, guard_below_mut},
    fiber::Fiber,
    frame::Frame,
    parse,
};
use crate::{
    check::{Strictness, coerce_value},
    describe::declares_secret,
    eval::{Result, escape_in_tag},
    events::Event,
    failure::{Failure, defect},
    lenient::{Repair, read_answer},
    media::wanted_file,
    request::{AnswerForm, Output},
    value::Value,
    workspace::{FileChange, WorkspacePatch},
};

impl<'p> Machine<'p> {
    /// The value of an answer, checked, without the secrets that nobody declared; those that its type
    /// declares are known from now on.
    pub(super) fn read_output(&mut self, fiber: &mut Fiber<'p>, output: Output) -> Result {
        let Some(Frame::Call(call)) = fiber.frames.last() else {
            return Err(defect!("an answer without its call"));
        };
        if !answer_form(self.program, call.skill).secret {
            // Text is what was searched when it came; in all else escapes have been decoded since then.
            let searched = call.skill.map.is_none() && reads_text(call.skill);
            let value = self.read_declared_output(fiber, output);
            return match searched || self.env.redactor.is_empty() || !self.hides_secrets() {
                true => value,
                false => value.map(|value| self.env.redactor.mask_value(value)),
            };
        }
        match self.read_declared_output(fiber, output) {
            Ok(value) => {
                self.new_secrets.extend(self.env.redactor.learn_value(&value));
                Ok(self.env.redactor.mask_value(value))
            }
            Err(mut failure) => {
                if failure.kind == ErrorKind::InvalidOutput {
                    hide_content(&mut failure);
                }
                self.env.redactor.mask_failure(&mut failure);
                Err(failure)
            }
        }
    }

    /// Tells what was corrected to read the answer of a model. What a resumed run reads again was told before.
    fn emit_repairs(&mut self, fiber: &Fiber<'p>, repairs: &[Repair]) {
        let attempt = guard_below(fiber).map_or(1, |guard| guard.attempts);
        let mut told: Vec<String> = repairs.iter().take(MOST_REPAIRS).map(|repair| repair.0.clone()).collect();
        if let Some(more) = repairs.len().checked_sub(MOST_REPAIRS).filter(|more| *more > 0) {
            told.push(format!("and {more} more"));
        }
        self.emit_event(|| Event::AnswerRepaired { path: fiber.path(), attempt, repairs: told });
    }

    fn read_declared_output(&mut self, fiber: &mut Fiber<'p>, output: Output) -> Result {
        let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an answer without its call"));
        };
        let skill = call.skill;
        let mut slots = std::mem::take(&mut call.slots);
        let (raw, format) = match (&skill.effect, output) {
            (Effect::Run(run), Output::Process(process)) => {
                let value = parse::read_process_output(run, &process)?;
                let value = match &run.files {
                    Some(files) => {
                        made_files(files.many, call.patch.as_deref(), &mut self.eval, &files.pattern, &mut slots)?
                    }
                    None => value,
                };
                if let Some(slot) = skill.exit_code {
                    let code = process.code.map_or(Value::Null, |code| Value::Int(code.into()));
                    crate::eval::write_slot(&mut slots, slot, code)?;
                }
                if let Some(slot) = skill.stderr {
                    crate::eval::write_slot(&mut slots, slot, Value::str(process.stderr.trim_end()))?;
                }
                (value, Some(run.format))
            }
            (Effect::Http(http), Output::Response(response)) => {
                (parse::read_http_response(http, response)?, Some(http.format))
            }
            (Effect::Builtin(_), Output::Builtin(json)) => {
                let raw = crate::value::from_json(&json);
                (
                    coerce_value(&mut self.eval, crate::eval::check_limits(raw)?, &skill.output, Strictness::Effect)?,
                    None,
                )
            }
            (Effect::Prompt(_), Output::Model(path)) if wanted_file(self.program, &skill.output).is_some() => {
                (coerce_value(&mut self.eval, Value::str(&path), &skill.output, Strictness::Effect)?, None)
            }
            (Effect::Mcp(_), Output::Tool(json)) => {
                let raw = crate::eval::check_limits(crate::value::from_json(&tool_result(json, &skill.output)))?;
                (coerce_value(&mut self.eval, raw, &skill.output, Strictness::Effect)?, None)
            }
            (Effect::Prompt(_) | Effect::Agent(_), output @ (Output::Model(_) | Output::Agent(_))) => {
                let text = match output {
                    Output::Agent(answer) => {
                        let changed = changed_files(call.patch.as_deref());
                        let written = [(skill.changed, changed), (skill.diff, Value::str(&answer.diff))];
                        for (slot, value) in written {
                            if let Some(slot) = slot {
                                crate::eval::write_slot(&mut slots, slot, value)?;
                            }
                        }
                        let is_recorded = call.is_recorded;
                        keep_session(fiber, answer.session);
                        for note in answer.notes.into_iter().filter(|_| !is_recorded) {
                            self.emit_warning(&fiber.path(), note, Some(skill.place));
                        }
                        answer.text
                    }
                    Output::Model(text) => text,
                    _ => return Err(defect!("an answer of another kind than was asked for")),
                };
                let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
                    return Err(defect!("an answer without its call"));
                };
                let (is_secret, is_recorded) = (answer_form(self.program, skill).secret, call.is_recorded);
                let reading = match read_answer(&mut self.eval, &skill.output, &text) {
                    Ok(reading) => reading,
                    Err(failure) => {
                        if failure.kind == ErrorKind::InvalidOutput && !is_secret {
                            keep_complaint(fiber, &text, &failure.message);
                        }
                        if !is_recorded {
                            let attempt = guard_below(fiber).map_or(1, |guard| guard.attempts);
                            self.emit_event(|| Event::AnswerRefused { path: fiber.path(), attempt });
                        }
                        return Err(failure);
                    }
                };
                if !is_secret && !is_recorded && !reading.repairs.is_empty() {
                    self.emit_repairs(fiber, &reading.repairs);
                }
                (reading.value, None)
            }
            _ => return Err(defect!("an answer of another kind than was asked for")),
        };
        let value = match format {
            Some(format) => {
                self.eval.use_fuel(raw.weight() as usize)?;
                let strictness = output_strictness(format);
                coerce_value(&mut self.eval, crate::eval::check_limits(raw)?, &skill.output, strictness)?
            }
            None => raw,
        };
        let Some((slot, expr)) = &skill.map else {
            return if skill.output == skill.result {
                Ok(value)
            } else {
                coerce_value(&mut self.eval, value, &skill.result, Strictness::Effect)
            };
        };
        crate::eval::write_slot(&mut slots, *slot, value)?;
        let mapped = self.eval.eval(expr, &mut slots)?;
        coerce_value(&mut self.eval, mapped, &skill.result, Strictness::Effect)
    }
}

/// Notes why an answer could not be used, for the next attempt of its stage.
fn keep_complaint(fiber: &mut Fiber<'_>, answer: &str, message: &str) {
    if let Some(guard) = guard_below_mut(fiber) {
        guard.complaint = Some(repair_prompt(answer, message));
    }
}

/// What a model is told of its answer when it is asked again.
fn repair_prompt(answer: &str, message: &str) -> String {
    let answer = escape_in_tag(shorten_text(answer.trim(), LONGEST_REFUSED_ANSWER), TAG);
    let message = shorten_text(message, LONGEST_COMPLAINT);
    format!(
        "Your previous answer was:\n<{TAG}>\n{answer}\n</{TAG}>\nIt could not be used: {message}\n\
         Answer again, so that it can be used."
    )
}

/// The tag around an answer that could not be used.
const TAG: &str = "previous_answer";

/// The beginning of a text, of at most so many bytes.
fn shorten_text(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// The number of repairs of one answer that are told.
const MOST_REPAIRS: usize = 20;

/// Whether the value of a skill is the text of its answer.
fn reads_text(skill: &Skill) -> bool {
    match &skill.effect {
        Effect::Run(run) => run.format == OutputFormat::Text,
        Effect::Http(http) => http.format == OutputFormat::Text,
        Effect::Prompt(_) | Effect::Agent(_) | Effect::Mcp(_) | Effect::Builtin(_) | Effect::Invalid => false,
    }
}

/// How the answer of a skill is read.
pub(super) fn answer_form(program: &Program, skill: &Skill) -> AnswerForm {
    let format = match &skill.effect {
        Effect::Run(run) => run.format,
        Effect::Http(http) => http.format,
        Effect::Prompt(_) | Effect::Agent(_) | Effect::Mcp(_) | Effect::Builtin(_) | Effect::Invalid => {
            OutputFormat::Text
        }
    };
    AnswerForm {
        json: matches!(format, OutputFormat::Json | OutputFormat::JsonLines),
        secret: declares_secret(program, &skill.output),
    }
}

/// A message about an answer in which a secret is declared says where it is wrong, and not what stands
/// there: that may be the secret.
fn hide_content(failure: &mut Failure) {
    let place = failure.message.strip_prefix("at ").and_then(|rest| rest.split_once(": "));
    let place = place.map(|(place, _)| format!("at {place}: ")).unwrap_or_default();
    failure.message =
        format!("{place}the answer does not fit its type; what it says is not shown, since it holds a secret");
}

/// The result of a tool as JSON. Many tools write JSON as text; a skill that gives nothing takes none of it.
fn tool_result(json: Json, output: &Type) -> Json {
    match (json, output) {
        (_, Type::Null) => Json::Null,
        (Json::String(text), output) if !matches!(output, Type::String) => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        (json, _) => json,
    }
}

/// The paths of the files that an effect has changed, relative to the folder of the run.
fn changed_files(patch: Option<&WorkspacePatch>) -> Value {
    let changes = patch.map(|patch| patch.changes.as_slice()).unwrap_or_default();
    Value::list(changes.iter().map(|change| Value::path(&path_in_run(patch, change))).collect())
}

/// The path of a changed file, relative to the folder of the run.
fn path_in_run(patch: Option<&WorkspacePatch>, change: &FileChange) -> String {
    match patch.and_then(|patch| patch.directory.as_deref()) {
        None | Some("") => change.path.clone(),
        Some(directory) => format!("{}/{}", directory.trim_end_matches('/'), change.path),
    }
}

/// The files that a program has made, as paths relative to the folder of the run.
fn made_files(
    many: bool,
    patch: Option<&WorkspacePatch>,
    eval: &mut crate::eval::Eval<'_>,
    pattern: &Expr,
    slots: &mut [Value],
) -> Result {
    let changes = patch.map(|patch| patch.changes.as_slice()).unwrap_or_default();
    let path = |change: &FileChange| path_in_run(patch, change);
    let files: Vec<Value> =
        changes.iter().filter(|change| change.is_output).map(|change| Value::path(&path(change))).collect();
    if files.is_empty() {
        let pattern = eval.eval(pattern, slots)?;
        let pattern = pattern.as_text().unwrap_or_default();
        let message = match many {
            true => format!("the program ended well, and made no file that `{pattern}` matches"),
            false => format!("the program ended well, and did not make `{pattern}`"),
        };
        return Err(Failure::raise(ErrorKind::CommandFailed, message));
    }
    Ok(match many {
        true => Value::list(files),
        false => files.into_iter().next().unwrap_or(Value::Null),
    })
}

/// Tables hold text only; their cells are read as what the type says.
fn output_strictness(format: cascade_ir::OutputFormat) -> Strictness {
    match format {
        cascade_ir::OutputFormat::Csv => Strictness::Cells,
        _ => Strictness::Effect,
    }
}

#[cfg(test)]
mod tests {
    use cascade_ir::limits::MOST_COMPLAINT;

    use super::*;

    #[test]
    fn a_complaint_has_a_bound_and_its_answer_cannot_leave_its_tag() {
        for answer in ["</previous_answer>".repeat(1_000), "é".repeat(10_000), "x".repeat(LONGEST_REFUSED_ANSWER)] {
            let told = repair_prompt(&answer, &"ü".repeat(10_000));
            assert!(told.len() as u64 + "\n\n".len() as u64 <= MOST_COMPLAINT, "{}", told.len());
            assert_eq!(told.matches("</previous_answer>").count(), 1, "{told}");
        }
    }
}
