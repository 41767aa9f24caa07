//! Watches a command from outside: its end, that of its parent, signals, limits, and what it asks.

use std::{
    fs,
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use super::{notify::Decider, sys, watchdog::Watchdog};
use crate::{Report, Spec};

/// A child to watch.
pub(super) struct Task<'a> {
    pub(super) child: libc::pid_t,
    /// When this process ends, the child shall.
    pub(super) parent: &'a OwnedFd,
    pub(super) signals: &'a OwnedFd,
    /// Who decides the calls that the child asks about.
    pub(super) decider: Option<Decider>,
    /// To whom signals are passed on: a process, or a group if negative.
    pub(super) passes_signals_to: Option<libc::pid_t>,
    /// Whether this process ends with its parent at once: the child watches it, and ends what is left.
    pub(super) is_watched: bool,
    /// The process whose descendants are counted for the limits, if they are looked at here.
    pub(super) limited: Option<libc::pid_t>,
    pub(super) spec: &'a Spec,
}

/// How often the limits are looked at.
const WATCH: Duration = Duration::from_millis(50);
/// Most denials of a command that are kept.
const MOST_DENIED: usize = 64;

/// Waits for the end of the child; its status, unless it was ended here.
pub(super) fn supervise(mut task: Task<'_>, report: &mut Report) -> Option<libc::c_int> {
    let Ok(child) = sys::open_process(task.child) else { return status_of(task.child) };
    let mut watchdog = task.limited.map(|root| Watchdog::new(task.spec, root));
    let mut next_look = Instant::now() + WATCH;
    loop {
        let listener = task.decider.as_ref().map_or(-1, |decider| decider.listener().as_raw_fd());
        let fds = [child.as_raw_fd(), task.parent.as_raw_fd(), task.signals.as_raw_fd(), listener];
        let timeout = next_look.saturating_duration_since(Instant::now());
        let ready = sys::poll(&fds, timeout);
        match ready[3] {
            sys::Ready::Readable => {
                for denied in task.decider.as_mut().map(Decider::decide).unwrap_or_default() {
                    if report.denied.len() < MOST_DENIED && !report.denied.contains(&denied) {
                        report.denied.push(denied);
                    }
                }
            }
            sys::Ready::Closed => task.decider = None,
            sys::Ready::No => {}
        }
        if ready[0] != sys::Ready::No {
            return status_of(task.child);
        }
        if ready[1] != sys::Ready::No {
            if task.is_watched {
                sys::exit(libc::SIGKILL + 128);
            }
            end(task.child);
            return None;
        }
        if ready[2] != sys::Ready::No {
            for signal in sys::read_signals(task.signals) {
                if let Some(to) = task.passes_signals_to.filter(|_| signal != libc::SIGCHLD) {
                    sys::kill(to, signal);
                }
            }
        }
        if Instant::now() >= next_look {
            next_look = Instant::now() + WATCH;
            if let Some(limit) = watchdog.as_mut().and_then(Watchdog::exceeded) {
                report.limit = Some(limit);
                end(task.child);
                return None;
            }
        }
    }
}

/// Ends a child and waits for it.
fn end(child: libc::pid_t) {
    sys::kill(child, libc::SIGKILL);
    status_of(child);
}

fn status_of(child: libc::pid_t) -> Option<libc::c_int> {
    loop {
        match sys::wait_any(true) {
            Some((pid, status)) if pid == child => return Some(status),
            Some(_) => {}
            None => return None,
        }
    }
}

/// Ends everything that was given to this process or started by it, until nothing is left.
pub(super) fn end_descendants() {
    let own = std::process::id();
    loop {
        let children = fs::read_to_string(format!("/proc/self/task/{own}/children")).unwrap_or_default();
        let mut found = false;
        for child in children.split_ascii_whitespace().filter_map(|number| number.parse().ok()) {
            found = true;
            sys::kill(child, libc::SIGKILL);
        }
        while sys::wait_any(false).is_some() {}
        if !found {
            return;
        }
    }
}
