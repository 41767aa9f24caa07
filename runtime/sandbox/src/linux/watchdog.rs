//! Limits that no limit of a process holds: those of all processes together, and of the disk.

use std::{collections::HashMap, fs, path::Path};

use crate::Spec;

pub(super) struct Watchdog<'a> {
    spec: &'a Spec,
    root: libc::pid_t,
    free_at_first: Option<u64>,
}

impl<'a> Watchdog<'a> {
    pub(super) fn new(spec: &'a Spec, root: libc::pid_t) -> Self {
        Self { spec, root, free_at_first: free_disk(&spec.directory) }
    }

    /// The limit that is exceeded, in words.
    pub(super) fn exceeded(&mut self) -> Option<String> {
        let limits = &self.spec.limits;
        let (processes, memory) = usage_below(self.root);
        if processes > limits.processes {
            return Some(format!("it started more than {} processes", limits.processes));
        }
        if memory > limits.memory {
            return Some(format!("it used more than {} MiB of memory", limits.memory >> 20));
        }
        let free = free_disk(&self.spec.directory)?;
        if free < limits.free_disk && self.free_at_first.is_some_and(|first| free < first) {
            return Some(format!("less than {} MiB of the disk are left", limits.free_disk >> 20));
        }
        // Others write too: what it has is counted only when so much is gone.
        if self.free_at_first.is_some_and(|first| first.saturating_sub(free) > limits.disk) {
            let used: u64 = self.spec.writable.iter().map(|folder| size_of_folder(folder)).sum();
            if used > limits.disk {
                return Some(format!("its files take more than {} MiB", limits.disk >> 20));
            }
            self.free_at_first = Some(free);
        }
        None
    }
}

fn free_disk(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The space that the files of a folder take, in bytes.
fn size_of_folder(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of_folder(&entry.path()),
        Ok(meta) => meta.blocks().saturating_mul(512),
        Err(_) => 0,
    };
    entries.flatten().map(size).fold(0, u64::saturating_add)
}

/// How many processes are below one (itself included), and the memory that they hold, in bytes.
fn usage_below(root: libc::pid_t) -> (u64, u64) {
    let found = processes_below(root);
    (found.len() as u64, found.into_iter().map(memory_of).fold(0, u64::saturating_add))
}

/// The processes below one, itself included.
pub(super) fn processes_below(root: libc::pid_t) -> Vec<libc::pid_t> {
    let mut children: HashMap<libc::pid_t, Vec<libc::pid_t>> = HashMap::new();
    for (pid, parent) in processes() {
        children.entry(parent).or_default().push(pid);
    }
    let (mut found, mut waiting) = (Vec::new(), vec![root]);
    while let Some(pid) = waiting.pop() {
        found.push(pid);
        waiting.extend(children.remove(&pid).unwrap_or_default());
    }
    found
}

/// All processes with their parents.
fn processes() -> Vec<(libc::pid_t, libc::pid_t)> {
    let parent = |entry: fs::DirEntry| {
        let pid: libc::pid_t = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(parent).collect()
}

/// The memory of a process that is its own: what it shares with others is not counted for each.
fn memory_of(pid: libc::pid_t) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut pages = text.split(' ').map(|number| number.parse::<u64>().unwrap_or(0));
    let (_, resident, shared) = (pages.next(), pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared).saturating_mul(rustix::param::page_size() as u64)
}

/// How many processes and threads the user of this one has.
pub(super) fn count_processes_of_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let (user, _) = super::sys::user_and_group();
    let threads = |entry: fs::DirEntry| {
        let is_process = entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit());
        if !is_process || entry.metadata().ok()?.uid() != user {
            return None;
        }
        Some(fs::read_dir(entry.path().join("task")).ok()?.count() as u64)
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(threads).sum()
}
