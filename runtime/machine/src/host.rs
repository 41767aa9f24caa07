//! The seam between the interpreter and the world.

use std::future::Future;

use crate::{
    events::Event,
    request::{Answer, MemoryOp, Request, RequestId},
};

/// What a host reports.
#[derive(Debug)]
pub enum Report {
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// A sign of life of a running effect.
    Alive(RequestId),
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
    /// Changes memory that outlives the run.
    fn remember(&mut self, op: MemoryOp);
    /// Waits until everything that was begun has ended; the run needs nothing of it any more.
    fn settle(&mut self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}
