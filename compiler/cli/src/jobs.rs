//! Jobs on all cores.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Stack of a thread, in bytes: deep nesting needs as much as the first thread of a process has.
const STACK: usize = 16 << 20;

/// Runs all jobs on all cores; the results are in the order of the jobs.
pub fn run_on_all_cores<'j, J: Sync, T: Send>(jobs: &'j [J], work: impl Fn(&'j J) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(job) = jobs.get(index)
        {
            done.push((index, work(job)));
        }
        done
    };
    let mut all = thread::scope(|scope| {
        let started: Vec<_> =
            (0..threads).map(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, some)).collect();
        let mut all = Vec::with_capacity(jobs.len());
        for handle in started.into_iter().flatten() {
            match handle.join() {
                Ok(mut done) => all.append(&mut done),
                Err(panic) => resume_unwind(panic),
            }
        }
        // Jobs that no thread could be started for run here.
        all.append(&mut some());
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, one)| one).collect()
}
