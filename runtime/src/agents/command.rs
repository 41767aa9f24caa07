//! Any other program that works as an agent: its standard output is the answer.

use super::{Dialect, Ended, Heard, Invocation, Work, no_answer, whole_prompt};
use crate::failure::{Failure, Raise};
use cascade_ir::ErrorKind;

pub(super) struct Plain;

impl Dialect for Plain {
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise> {
        let Some(program) = &work.request.program else {
            return Err(Failure::raise(ErrorKind::Internal, "an agent without its command"));
        };
        let stdin = if program.reads_prompt { whole_prompt(work)? } else { String::new() };
        Ok(Invocation { argv: program.argv.clone(), stdin, ..Invocation::default() })
    }

    fn hear(&self, line: &str, heard: &mut Heard) {
        if !line.trim().is_empty() {
            heard.step = Some(line.trim().to_owned());
        }
    }

    fn answer(&self, _heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise> {
        match ended.code {
            Some(0) => Ok(ended.stdout.trim_end().to_owned()),
            _ => Err(no_answer("the agent", ended)),
        }
    }
}
