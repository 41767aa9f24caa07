//! `on error fix`: an agent repairs what made a stage fail, and the stage runs again.

use cascade_ir::{Effect, Fix, Run, SkillId, Stage, Work};

use super::{
    Machine,
    fiber::Fiber,
    frame::{Frame, Mode},
    guard::Subject,
};
use crate::{
    eval::{Result, write_slot},
    failure::{Failure, Raise, defect, kind_name},
    value::Value,
};

impl<'p> Machine<'p> {
    /// Begins a repair for the guard on top; gives the failure back when no repair is left.
    pub(super) fn begin_fix(
        &mut self,
        fiber: &mut Fiber<'p>,
        fix: &'p Fix,
        failure: Raise,
    ) -> Result<std::result::Result<Mode, Raise>> {
        let left = match fiber.frames.last() {
            Some(Frame::Guard(guard)) => guard.fixes_left,
            _ => return Err(defect!("a repair without its guard")),
        };
        let left = match (left, &fix.max) {
            (Some(left), _) => left,
            (None, Some(max)) => match self.eval.eval(max, fiber.slots())? {
                Value::Int(max) => max,
                other => return Err(defect!("`max` of {}", other.kind())),
            },
            (None, None) => 1,
        };
        if left <= 0 {
            return Ok(Err(failure));
        }
        let failed = self.failed_stage(fiber, &failure);
        write_slot(fiber.slots(), fix.failed, failed)?;
        if let Some(Frame::Guard(guard)) = fiber.frames.last_mut() {
            guard.fixes_left = Some(left - 1);
            guard.fixing = Some(failure);
            if left > 1 {
                // The next failure comes to the same clause.
                guard.next_handler = guard.next_handler.saturating_sub(1);
            }
        }
        self.begin_stage(fiber, &fix.repair, false).map(Ok)
    }

    /// What the agent is told of the stage whose guard is on top.
    fn failed_stage(&mut self, fiber: &mut Fiber<'p>, failure: &Failure) -> Value {
        let program = self.failed_program(fiber);
        let (directory, command) = match program.and_then(|(run, args)| self.describe_program(run, args).ok()) {
            Some((directory, command)) => (directory, Value::str(&command)),
            None => (None, Value::Null),
        };
        Value::record(vec![
            ("directory".into(), Value::path(directory.as_deref().unwrap_or("."))),
            ("stage".into(), Value::str(failure.stage.as_str())),
            ("kind".into(), Value::str(kind_name(failure.kind))),
            ("message".into(), Value::str(failure.message.as_str())),
            ("command".into(), command),
            ("attempts".into(), Value::Int(failure.attempts.into())),
        ])
    }

    /// The program of the stage whose guard is on top, and the inputs of its skill.
    fn failed_program(&self, fiber: &Fiber<'p>) -> Option<(&'p Run, Vec<Value>)> {
        let Some(Frame::Guard(guard)) = fiber.frames.last() else { return None };
        let Subject::Stage(Stage { work: Work::Skill(id, _), .. }) = guard.subject else { return None };
        let (id, args): (&SkillId, _) = (id, guard.args.clone()?);
        let skill = self.program.skills.get(id.index())?;
        let Effect::Run(run) = &skill.effect else { return None };
        let mut slots = args;
        slots.resize((skill.slots as usize).max(slots.len()), Value::Null);
        Some((run, slots))
    }

    /// The directory of a program, and its command as it is shown.
    fn describe_program(&mut self, run: &Run, mut slots: Vec<Value>) -> Result<(Option<String>, String)> {
        let directory = match &run.cwd {
            Some(expr) => self.eval.eval(expr, &mut slots)?.as_text().map(str::to_owned),
            None => None,
        };
        let command = match self.eval.eval(&run.command, &mut slots)? {
            Value::Command(command) => command.to_string(),
            other => return Err(defect!("`run` of {}", other.kind())),
        };
        Ok((directory, self.env.redactor.mask_stored(&command).0.into_owned()))
    }
}
