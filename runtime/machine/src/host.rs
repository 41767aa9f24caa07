//! The interface between the interpreter and the outside world.

use std::future::Future;

use cascade_ir::ErrorKind;

use crate::{
    events::Event,
    failure::{Failure, Raise},
    request::{Answer, MemoryOp, Request, RequestId},
    value::Secret,
    workspace::{OpenSandbox, WorkspacePatch},
};

/// Progress of a running effect.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A sign of life without further information.
    Alive,
    /// The last line of a command's output, without control characters.
    Line(String),
    /// The number of tokens that a model has written so far.
    Tokens(u64),
    /// The activity of an agent.
    Step(String),
    /// An agent works in the session of this name, by which it can be continued.
    Session(String),
    /// It is not sent yet, since its provider asked to slow down: until this time, in milliseconds since 1970.
    WaitsUntil(i64),
    /// It waits for its turn: another stage or another run holds this name (`exclusive`).
    WaitsFor(String),
}

/// A report of the host.
#[derive(Debug)]
pub enum Report {
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// Progress of a running effect, which also resets its `idle` limit.
    Progress(RequestId, Progress),
    /// A secret of which the host has learned: effects may repeat it.
    Secret(Secret),
    /// A user cancels the run.
    Cancel,
    /// The run can only continue after a person has answered or a quota is available again.
    Paused,
}

/// Carries out the interpreter's requests: this machine, a distributed engine, or a test.
pub trait Host {
    /// Starts a request; its answer is returned by [`Host::next`].
    fn start(&mut self, request: Request);
    /// Cancels a request; its answer is no longer needed.
    fn cancel(&mut self, id: RequestId);
    /// Waits for the next report.
    fn next(&mut self) -> impl Future<Output = Report>;
    /// The next report, if there is one already.
    fn ready(&mut self) -> Option<Report>;
    /// Receives an event.
    fn event(&mut self, event: Event);
    /// Receives a secret that an effect returned.
    fn learn_secret(&mut self, secret: &Secret) {
        let _ = secret;
    }
    /// Changes persistent memory.
    fn remember(&mut self, op: MemoryOp);
    /// Changes the files of a workspace as a recorded effect did. It is called before the recorded answer
    /// is passed on, in the order of the answers.
    ///
    /// # Errors
    /// If the files match neither the state before nor the state after the effect, or if this host
    /// has no workspaces.
    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> Result<(), Raise> {
        let _ = patch;
        Err(Failure::raise(ErrorKind::Denied, "this host has no workspaces, so that none can be restored"))
    }
    /// Learns of a sandbox that a recorded answer has opened: effects in it may follow that are not recorded. The
    /// recorded changes of those that are come by [`Host::restore_workspace`].
    fn reopen_sandbox(&mut self, id: RequestId, sandbox: &OpenSandbox) {
        let _ = (id, sandbox);
    }
    /// Waits until all started requests have ended; the run no longer needs their answers.
    fn settle(&mut self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}
