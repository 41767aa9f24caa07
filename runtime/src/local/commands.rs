//! The pool of threads on which programs run: one thread watches one program.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    Message, Outbox,
    agents::AgentJob,
    process,
    sandboxes::Sandbox,
    survivors::{Process, ProcessList, VARIABLE},
};
use crate::{
    redact::Redactor,
    request::{RequestId, RunRequest},
};

/// Stack of a thread of the pool, in bytes.
const STACK: usize = 256 * 1024;
/// How many programs run at once on a machine of few processors: most programs wait for others.
const ALWAYS: usize = 8;

/// A program that runs or is about to.
#[derive(Default)]
pub(super) struct Running {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Its process group, until it is reaped.
    group: Option<Pid>,
    stopped: bool,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has started; `true` when it was stopped before.
    pub(super) fn note_started(&self, group: Option<Pid>) -> bool {
        let mut state = self.lock();
        state.group = group;
        state.stopped
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// It is about to be reaped: from now on its group may be another's.
    pub(super) fn note_reaped(&self) {
        self.lock().group = None;
    }

    /// Sends a signal to the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        let state = self.lock();
        if let Some(group) = state.group {
            // The group may have ended: then there is nothing to do.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// What of a running program is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watching {
    /// Signs of life, at short intervals: an `idle` clause holds.
    pub(super) idle: bool,
    /// The last line that it wrote, at intervals: an observer wants progress.
    pub(super) lines: bool,
}

/// A program to run.
pub(super) struct Job {
    pub(super) id: RequestId,
    pub(super) request: RunRequest,
    pub(super) cwd: Option<PathBuf>,
    pub(super) watch: Watching,
    /// The secrets that it may have been given.
    pub(super) redactor: Redactor,
    /// The sandbox that it is in.
    pub(super) sandbox: Option<Arc<Sandbox>>,
    /// What is noted of it while it runs.
    pub(super) process: Process,
    /// What belongs to it if it is a coding agent.
    pub(super) agent: Option<AgentJob>,
}

/// One that was queued.
struct Queued {
    job: Job,
    running: Arc<Running>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Queued>,
    /// Threads without a job, with those that are starting.
    idle: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    processes: ProcessList,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Queued> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                queue.idle = queue.idle.saturating_sub(1);
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(super) struct Commands {
    shared: Arc<Shared>,
    threads: usize,
    /// The most threads; 0: as many as processors, and at least [`ALWAYS`].
    max: usize,
    outbox: Outbox,
    running: HashMap<RequestId, Arc<Running>>,
}

impl Commands {
    pub(super) fn new(max: usize, outbox: Outbox, processes: ProcessList) -> Self {
        let shared = Arc::new(Shared { processes, ..Shared::default() });
        Self { shared, threads: 0, max, outbox, running: HashMap::new() }
    }

    /// Starts a thread for the first program, which then need not wait for it.
    pub(super) fn prepare(&mut self) {
        if self.threads == 0 && self.add_thread() {
            self.threads = 1;
        }
    }

    fn may_grow(&self) -> bool {
        match self.max {
            // How many processors there are stands in several files.
            0 => self.threads < ALWAYS || self.threads < thread::available_parallelism().map_or(ALWAYS, usize::from),
            max => self.threads < max,
        }
    }

    /// Queues a program.
    pub(super) fn start(&mut self, job: Job) {
        let running = Arc::new(Running::default());
        self.running.insert(job.id, Arc::clone(&running));
        let mut queue = self.shared.lock();
        queue.jobs.push_back(Queued { job, running });
        let short = queue.idle < queue.jobs.len();
        drop(queue);
        if short && self.may_grow() && self.add_thread() {
            self.threads += 1;
        }
        self.shared.wake.notify_one();
    }

    /// Adds a thread; without one at all, the job is answered with a failure.
    fn add_thread(&mut self) -> bool {
        let (shared, outbox) = (Arc::clone(&self.shared), self.outbox.clone());
        shared.lock().idle += 1;
        let work = move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Some(Queued { mut job, running }) = shared.next() {
                let id = job.id;
                let mut answer = process::run_program(&job, &running, &shared.processes, &outbox, &mut buffer);
                if let Some(request) = job.agent.as_mut().and_then(|agent| agent.begin_anew(&answer)) {
                    job.request = request;
                    answer = process::run_program(&job, &running, &shared.processes, &outbox, &mut buffer);
                }
                // Its directories are removed before the run can end.
                drop(job);
                shared.lock().idle += 1;
                if outbox.send(Message::Done(id, answer)).is_err() {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name("cascade-command".to_owned()).stack_size(STACK).spawn(work);
        if let Err(error) = &spawned {
            let mut queue = self.shared.lock();
            queue.idle = queue.idle.saturating_sub(1);
            let unserved = if self.threads == 0 { std::mem::take(&mut queue.jobs) } else { VecDeque::new() };
            drop(queue);
            let message = format!("no thread for a program can be started: {error}");
            for Queued { job, .. } in unserved {
                let answer = crate::request::Answer::failed(cascade_ir::ErrorKind::Unavailable, message.clone());
                let _ = self.outbox.send(Message::Done(job.id, answer));
            }
        }
        spawned.is_ok()
    }

    /// Asks a program and all that it started to end; `false` when there is none.
    pub(super) fn stop(&mut self, id: RequestId) -> bool {
        let Some(running) = self.running.get(&id) else {
            return false;
        };
        running.lock().stopped = true;
        running.signal(Signal::TERM);
        let mut queue = self.shared.lock();
        if let Some(position) = queue.jobs.iter().position(|queued| queued.job.id == id) {
            queue.jobs.remove(position);
            drop(queue);
            self.running.remove(&id);
            return false;
        }
        true
    }

    /// Ends a program and all that it started.
    pub(super) fn kill(&mut self, id: RequestId) {
        if let Some(running) = self.running.get(&id) {
            running.signal(Signal::KILL);
        }
    }

    /// Ends all of them.
    pub(super) fn kill_all(&mut self) {
        for running in self.running.values() {
            running.signal(Signal::KILL);
        }
    }

    /// The variable by which the process of an MCP server is found when the run is resumed.
    pub(super) fn mark_of_server(&self, name: &str) -> Option<(&'static str, String)> {
        let process = Process { stage: format!("mcp {name}"), attempt: 1, once: false };
        self.shared.processes.variable(&process).map(|value| (VARIABLE, value))
    }

    /// It has ended.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.running.remove(&id);
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.kill_all();
        self.shared.processes.remove();
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}
