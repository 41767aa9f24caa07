//! Work on all cores at once.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Deep nesting takes stack; as much as a process's first thread has, and some more.
const STACK: usize = 16 << 20;

/// Does all jobs; what came of them is in the order of the jobs, whoever did them.
pub fn on_all<'j, J: Sync, T: Send>(jobs: &'j [J], work: impl Fn(&'j J) -> T + Sync) -> Vec<T> {
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
        // What no thread could be started for is done here.
        all.append(&mut some());
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, one)| one).collect()
}
