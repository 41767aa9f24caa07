//! The loop that ties an interpreter to a host.

use cascade_ir::ErrorKind;

use crate::{
    failure::Failure,
    host::{Host, Report},
    interpreter::Machine,
    value::Value,
};

/// How far a machine was driven.
#[derive(Debug, Clone, PartialEq)]
pub enum Driven {
    /// To its end.
    Ended(Result<Value, Failure>),
    /// Until it waits for what may take days.
    Paused,
}

/// Runs a machine to its end, or as far as its host can.
pub async fn drive<H: Host>(machine: &mut Machine<'_>, host: &mut H) -> Driven {
    loop {
        machine.step();
        for id in machine.take_withdrawn() {
            host.cancel(id);
        }
        for secret in machine.take_new_secrets() {
            host.learn_secret(&secret);
        }
        for op in machine.take_memory_ops() {
            host.remember(op);
        }
        for event in machine.take_events() {
            host.event(event);
        }
        if let Some(outcome) = machine.outcome() {
            return Driven::Ended(outcome.cloned().map_err(Clone::clone));
        }
        while let Some(request) = machine.take_request() {
            host.start(request);
        }
        if machine.is_stuck() {
            return Driven::Ended(Err(Failure::new(ErrorKind::Internal, "the run waits for nothing")));
        }
        let mut report = Some(host.next().await);
        // Whatever else has arrived is taken along, so that much arriving at once costs one step.
        while let Some(next) = report {
            match next {
                Report::Answer(id, answer) => machine.answer(id, answer),
                Report::Progress(id, _) => machine.alive(id),
                Report::Cancel => machine.cancel(),
                Report::Paused => return Driven::Paused,
            }
            report = host.ready();
        }
    }
}
