//! The loop that connects an interpreter to a host.

use cascade_ir::ErrorKind;

use crate::{
    failure::Failure,
    host::{Host, Report},
    interpreter::Machine,
    value::Value,
};

/// After so many requests the host starts them before the machine makes more: thousands of branches would otherwise all be
/// prepared before the first one begins.
const STARTED_TOGETHER: usize = 512;

/// Where a driven machine stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum DriveOutcome {
    /// At its end.
    Ended(Result<Value, Failure>),
    /// At a wait that can take days.
    Paused,
}

/// Drives a machine to its end, or until its host has to pause.
pub async fn drive<H: Host>(machine: &mut Machine<'_>, host: &mut H) -> DriveOutcome {
    loop {
        let is_waiting = machine.step_to(STARTED_TOGETHER);
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
            return DriveOutcome::Ended(outcome.cloned().map_err(Clone::clone));
        }
        while let Some(request) = machine.take_request() {
            host.start(request);
        }
        if !is_waiting {
            continue;
        }
        if machine.is_stuck() {
            return DriveOutcome::Ended(Err(Failure::new(ErrorKind::Internal, "the run waits for nothing")));
        }
        let mut report = Some(host.next().await);
        // Pending reports are handled together: many answers at once cost one step.
        while let Some(next) = report {
            match next {
                Report::Answer(id, answer) => machine.answer(id, answer),
                Report::Progress(id, _) => machine.alive(id),
                Report::Secret(secret) => machine.learn_secret(&secret),
                Report::Cancel => machine.cancel(),
                Report::Paused => return DriveOutcome::Paused,
            }
            report = host.ready();
        }
    }
}
