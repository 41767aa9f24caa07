//! The host of a test: mocks and a virtual clock that jumps to the next event.

use std::collections::{BTreeMap, HashMap};

use cascade_ir::{ErrorKind, Place, Program};

use super::{Problem, mocks::Mocks, mocks::Timed, stages::Stages};
use crate::{
    events::Event,
    host::{Host, Report},
    request::{Answer, MemoryOp, Output, Request, RequestId, RequestKind},
};

/// The default time until a quota is available again, in milliseconds.
const QUOTA: u64 = 3_600_000;

/// The sort key of a pending event: its time, answers before timers, a number from the seed, and
/// the sequence number of the request.
type EventOrder = (u64, bool, u64, u64);

pub(super) struct TestHost<'p> {
    program: &'p Program,
    run: Place,
    mocks: Mocks<'p>,
    stages: Stages,
    now: u64,
    order: u64,
    /// The state of the random number generator; 0: it is not used.
    seed: u64,
    coming: BTreeMap<EventOrder, (RequestId, Answer)>,
    when: HashMap<RequestId, EventOrder>,
    stopped: Option<Problem>,
}

impl<'p> TestHost<'p> {
    pub(super) fn new(program: &'p Program, run: Place, mocks: Mocks<'p>, seed: u64) -> Self {
        Self {
            program,
            run,
            mocks,
            stages: Stages::default(),
            now: 0,
            order: 0,
            seed,
            coming: BTreeMap::new(),
            when: HashMap::new(),
            stopped: None,
        }
    }

    /// The virtual time since the start of the run, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn into_parts(self) -> (Stages, Mocks<'p>, Option<Problem>) {
        (self.stages, self.mocks, self.stopped)
    }

    fn next_random(&mut self) -> u64 {
        if self.seed == 0 {
            return 0;
        }
        // SplitMix64 is sufficient for choosing an order.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn schedule_answer(&mut self, id: RequestId, ms: u64, timer: bool, answer: Answer) {
        self.order += 1;
        let drawn = if timer { 0 } else { self.next_random() };
        let when = (self.now.saturating_add(ms), timer, drawn, self.order);
        self.coming.insert(when, (id, answer));
        self.when.insert(id, when);
    }

    /// Schedules an answer, or ends the test.
    fn answer(&mut self, id: RequestId, answer: Result<Timed, Problem>) {
        match answer {
            Ok((ms, answer)) => self.schedule_answer(id, ms, false, answer),
            Err(problem) => self.stop_with(problem),
        }
    }

    fn stop_with(&mut self, mut problem: Problem) {
        if problem.place == Place::default() {
            problem.place = self.run;
        }
        self.stopped.get_or_insert(problem);
    }
}

impl Host for TestHost<'_> {
    fn start(&mut self, request: Request) {
        let Request { id, kind, effect, .. } = request;
        match kind {
            RequestKind::Call(call) => {
                let answer = self.mocks.call(self.program, &call);
                self.answer(id, answer);
            }
            RequestKind::Person(question) => {
                let path = effect.map(|info| info.path.clone()).unwrap_or_default();
                let path = path.strip_suffix("/escalate").unwrap_or(&path);
                let answer = self.mocks.person(&question, path);
                self.answer(id, answer);
            }
            RequestKind::Timer { ms, .. } => self.schedule_answer(id, ms, true, Answer::ok(Output::Fired)),
            RequestKind::Delay { up_to_ms, at_least_ms, .. } => {
                self.schedule_answer(id, up_to_ms.max(at_least_ms), true, Answer::ok(Output::Fired));
            }
            RequestKind::Quota { retry_after_ms, .. } => {
                self.schedule_answer(id, retry_after_ms.unwrap_or(QUOTA), true, Answer::ok(Output::Fired));
            }
            // No other run takes part in a test; the stages of one run take turns without the host.
            RequestKind::Lock { .. } => self.schedule_answer(id, 0, true, Answer::ok(Output::Fired)),
            // Tests make no such requests.
            RequestKind::Run(_)
            | RequestKind::Http(_)
            | RequestKind::Prompt(_)
            | RequestKind::Agent(_)
            | RequestKind::Mcp(_)
            | RequestKind::Builtin(_)
            | RequestKind::OpenSandbox(_)
            | RequestKind::CloseSandbox(_)
            | RequestKind::Load(_) => {
                self.schedule_answer(id, 0, false, Answer::failed(ErrorKind::Internal, "a test makes no real calls"));
            }
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if let Some(when) = self.when.remove(&id) {
            self.coming.remove(&when);
        }
    }

    async fn next(&mut self) -> Report {
        if self.stopped.is_some() {
            return Report::Paused;
        }
        match self.coming.pop_first() {
            Some(((time, ..), (id, answer))) => {
                self.now = time;
                self.when.remove(&id);
                Report::Answer(id, answer)
            }
            None => Report::Paused,
        }
    }

    fn ready(&mut self) -> Option<Report> {
        None
    }

    fn event(&mut self, event: Event) {
        self.stages.event(event);
    }

    /// A test starts with the declared memory, and its changes are discarded.
    fn remember(&mut self, _op: MemoryOp) {}
}
