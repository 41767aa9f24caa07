//! The seam between the interpreter and the world.

use std::future::Future;

use cascade_ir::ErrorKind;

use crate::{
    events::Event,
    failure::{Failure, Raise},
    request::{Answer, MemoryOp, Request, RequestId},
    value::Secret,
    workspace::WorkspacePatch,
};

/// What a running effect reports of itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It is alive, and has nothing else to say.
    Alive,
    /// The last line that a program wrote, without control characters.
    Line(String),
    /// How many tokens a model has written so far.
    Tokens(u64),
    /// What an agent does.
    Step(String),
}

/// What a host reports.
#[derive(Debug)]
pub enum Report {
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// Progress of a running effect; also the sign of life that `idle` waits for.
    Progress(RequestId, Progress),
    /// Somebody wants the run to end.
    Cancel,
    /// Nothing can go on until a person answers or a quota is there again.
    Paused,
}

/// Whoever does what the interpreter asks for: this machine, a distributed engine, a test.
pub trait Host {
    /// Begins a request; its answer comes through [`Host::next`].
    fn start(&mut self, request: Request);
    /// The answer to this request is no longer wanted.
    fn cancel(&mut self, id: RequestId);
    /// Waits for the next report.
    fn next(&mut self) -> impl Future<Output = Report>;
    /// The next report if there is one already.
    fn ready(&mut self) -> Option<Report>;
    /// Takes note of an event.
    fn event(&mut self, event: Event);
    /// Takes note of a secret that an effect gave.
    fn learn_secret(&mut self, secret: &Secret) {
        let _ = secret;
    }
    /// Changes memory that outlives the run.
    fn remember(&mut self, op: MemoryOp);
    /// Changes the files of a workspace as an effect did whose answer comes from the record. It is
    /// called before the answer is passed on, in the order of the answers.
    ///
    /// # Errors
    /// When the files are neither as the effect found them nor as it left them, or when this host
    /// has no workspaces.
    fn restore_workspace(&mut self, patch: &WorkspacePatch) -> Result<(), Raise> {
        let _ = patch;
        Err(Failure::raise(ErrorKind::Denied, "this host has no workspaces, so that none can be restored"))
    }
    /// Waits until everything that was begun has ended; the run needs nothing of it any more.
    fn settle(&mut self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}
