//! Programs that outlive the process that started them.
//!
//! When a program of a run is started, its process group is noted in a file beside the lock of the run.
//! The file is removed at the end of the run. When the process that runs the run is killed, the file
//! remains; whoever resumes the run ends the programs that are still running before it begins any, so
//! that no two of them do the same work at once. A group is known by the number and the start time of its
//! first process: numbers are used again. That a program has ended is not noted: it is seen.
//! A program that was started in the very moment of the kill is not noted. So each program also carries a
//! variable that names its run, its project and its stage, and is found by it.
//! Where the system does not tell start times and variables (they are read from `/proc`), nothing is found.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use sha2::{Digest, Sha256};

use super::GRACE;
use crate::interpreter::to_hex;

/// How often it is looked whether a program has ended.
const POLL: Duration = Duration::from_millis(5);
/// How long a program that was killed may take to end.
const DEATH: Duration = Duration::from_secs(10);

/// The variable that names the run of a program: the run, a dot, a digest of the project's folder, and then, after
/// blanks, `once` or `-`, the attempt, and the stage.
pub(super) const VARIABLE: &str = "CASCADE_RUN";

/// What is noted of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// The path of its stage.
    pub(crate) stage: String,
    /// The attempt of the stage, from 1.
    pub(crate) attempt: u32,
    /// Whether it must never be repeated (`@once`).
    pub(crate) once: bool,
}

/// The file with the programs that a run has started.
#[derive(Debug, Default)]
pub(super) struct ProcessList {
    path: Option<PathBuf>,
    /// What programs of the run carry in their variable. It is made with the first program: before, the folder may
    /// not be there.
    run: OnceLock<Option<String>>,
    file: Mutex<Option<File>>,
}

impl ProcessList {
    /// A list in a file, which is made when the first program begins. Without a path nothing is noted.
    pub(super) fn at(path: Option<PathBuf>) -> Self {
        Self { path, run: OnceLock::new(), file: Mutex::new(None) }
    }

    /// The value of [`VARIABLE`] for a program.
    pub(super) fn variable(&self, process: &Process) -> Option<String> {
        let once = if process.once { "once" } else { "-" };
        let run = self.run.get_or_init(|| self.path.as_deref().and_then(name_of_run));
        Some(format!("{} {once} {} {}", run.as_ref()?, process.attempt, process.stage))
    }

    /// Notes that a program runs.
    pub(super) fn note_start(&self, group: Option<Pid>, process: &Process) {
        let (Some(group), true) = (group, self.path.is_some()) else { return };
        let Some(started) = start_time(group) else { return };
        let once = if process.once { "once" } else { "-" };
        self.append(&format!("+ {} {started} {once} {}\n", group.as_raw_pid(), process.stage));
    }

    /// Removes the list, when all programs have ended or were killed.
    pub(super) fn remove(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(path), Some(_)) = (&self.path, file.as_ref()) {
            // One that remains names no program that still runs.
            let _ = std::fs::remove_file(path);
        }
    }

    /// A list that cannot be written is like one that the system keeps no start times for: a resumed run
    /// then does not know of the programs.
    fn append(&self, line: &str) {
        let Some(path) = &self.path else { return };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok();
        }
        if let Some(file) = file.as_mut() {
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// The name of a run by which its programs are found: also another project on this machine may have a run of its id,
/// when its folder was copied.
fn name_of_run(list: &Path) -> Option<String> {
    let run = list.file_name()?.to_str()?.strip_suffix(".programs")?;
    // The same folder, however the project is reached.
    let folder = list.parent()?.canonicalize().ok()?;
    Some(format!("{run}.{}", to_hex(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..4])))
}

/// A program that an earlier process of the run left running.
struct Survivor {
    group: Pid,
    process: Process,
}

/// Ends the programs that an earlier process of the run left running, and waits until they have ended;
/// gives the paths of their stages. What a program left running on purpose whose end is recorded (`has_ended`, by stage
/// and attempt) is left alone.
///
/// # Errors
/// The program that must not be repeated and still runs, or the one that cannot be ended, in words.
pub(crate) fn end_survivors(list: &Path, has_ended: impl Fn(&str, u32) -> bool) -> Result<Vec<String>, String> {
    let text = match std::fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("the list of programs `{}` cannot be read: {error}", list.display())),
    };
    let mut survivors = find_survivors(&text);
    for found in name_of_run(list).map(|run| find_carriers(&run)).unwrap_or_default() {
        let is_known = survivors.iter().any(|survivor| survivor.group == found.group);
        if !is_known && !has_ended(&found.process.stage, found.process.attempt) {
            survivors.push(found);
        }
    }
    // One that is about to end needs nobody's attention.
    let patience = Instant::now() + GRACE;
    let once = || survivors.iter().find(|survivor| survivor.process.once && is_running(survivor.group));
    while let Some(once) = once() {
        if Instant::now() < patience {
            thread::sleep(POLL);
            continue;
        }
        return Err(format!(
            "the program of `{}`, which must not be repeated, still runs (process {}); resume the run when it has ended",
            once.process.stage,
            once.group.as_raw_pid()
        ));
    }
    for survivor in &survivors {
        let _ = kill_process_group(survivor.group, Signal::TERM);
    }
    let (asked, killed) = (Instant::now() + GRACE, Instant::now() + GRACE + DEATH);
    let mut was_killed = false;
    while let Some(running) = survivors.iter().find(|survivor| is_running(survivor.group)) {
        if !was_killed && Instant::now() >= asked {
            was_killed = true;
            for survivor in &survivors {
                let _ = kill_process_group(survivor.group, Signal::KILL);
            }
        }
        if Instant::now() >= killed {
            return Err(format!(
                "the program of `{}` still runs (process {}) and cannot be ended",
                running.process.stage,
                running.group.as_raw_pid()
            ));
        }
        thread::sleep(POLL);
    }
    let _ = std::fs::remove_file(list);
    Ok(survivors.into_iter().map(|survivor| survivor.process.stage).collect())
}

/// The programs of a list that are running now.
fn find_survivors(text: &str) -> Vec<Survivor> {
    let mut running: Vec<(Survivor, String)> = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(5, ' ');
        let (mark, number) = (words.next(), words.next());
        let Some(group) = number.and_then(|n| n.parse().ok()).and_then(Pid::from_raw) else { continue };
        // Others are lines that were cut off, or those of a version that noted ends (`- number`).
        if let (Some("+"), Some(started), Some(once), Some(stage)) = (mark, words.next(), words.next(), words.next()) {
            let process = Process { stage: stage.to_owned(), attempt: 0, once: once == "once" };
            running.push((Survivor { group, process }, started.to_owned()));
        }
    }
    running
        .into_iter()
        .filter(|(survivor, started)| start_time(survivor.group).as_ref() == Some(started))
        .filter(|(survivor, _)| is_running(survivor.group))
        .map(|(survivor, _)| survivor)
        .collect()
}

/// The process groups that carry the name of a run in their variable, but for the one that asks.
fn find_carriers(run: &str) -> Vec<Survivor> {
    let own = rustix::process::getpgrp();
    let start = format!("{VARIABLE}={run} ").into_bytes();
    let mut found: Vec<Survivor> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Those of other users cannot be read, and are none of the run.
        let Ok(variables) = std::fs::read(entry.path().join("environ")) else { continue };
        let carried = variables.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(&start[..]));
        let Some(process) = carried.and_then(|text| read_process(&String::from_utf8_lossy(text))) else { continue };
        let Some(status) = ProcessStatus::read(&name) else { continue };
        let group = status.field(2).and_then(|group| group.parse().ok()).and_then(Pid::from_raw);
        if let Some(group) = group.filter(|group| !status.has_ended() && *group != own)
            && !found.iter().any(|survivor| survivor.group == group)
        {
            found.push(Survivor { group, process });
        }
    }
    found
}

/// Ends all processes that carry this value in a variable, and waits until they have ended.
pub(super) fn end_carriers(variable: &str, value: &str) {
    let carried = format!("{variable}={value}").into_bytes();
    let patience = Instant::now() + DEATH;
    while Instant::now() < patience {
        let mut found = false;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(variables) = std::fs::read(entry.path().join("environ")) else { continue };
            let carries = variables.split(|byte| *byte == 0).any(|variable| variable == carried);
            let process = name.parse().ok().and_then(Pid::from_raw);
            if let (true, Some(process)) = (carries, process)
                && ProcessStatus::read(&name).is_some_and(|status| !status.has_ended())
            {
                found = true;
                // It may have ended meanwhile.
                let _ = rustix::process::kill_process(process, Signal::KILL);
            }
        }
        if !found {
            return;
        }
        thread::sleep(POLL);
    }
}

/// What the variable says after the name of the run.
fn read_process(text: &str) -> Option<Process> {
    let mut words = text.splitn(3, ' ');
    let (once, attempt, stage) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    Some(Process { stage: stage.to_owned(), attempt, once: once == "once" })
}

/// The status of a process (proc(5)).
struct ProcessStatus {
    /// The first bytes of the file: a status is shorter.
    text: [u8; 1024],
    length: usize,
}

impl ProcessStatus {
    fn read(process: &str) -> Option<Self> {
        let mut status = Self { text: [0; 1024], length: 0 };
        let mut file = File::open(format!("/proc/{process}/stat")).ok()?;
        // One call gives all of it. This is done for each program that is started.
        status.length = file.read(&mut status.text).ok()?;
        Some(status)
    }

    /// Whether the process has ended and only waits for its parent to see it.
    fn has_ended(&self) -> bool {
        matches!(self.field(0), Some("Z" | "X") | None)
    }

    /// A field after the name of the process, which may hold blanks and brackets: its state, its parent, its
    /// group, …
    fn field(&self, index: usize) -> Option<&str> {
        let text = self.text.get(..self.length)?;
        let name_end = text.iter().rposition(|byte| *byte == b')')?;
        let fields = text.get(name_end + 2..)?;
        std::str::from_utf8(fields.split(|byte| *byte == b' ').nth(index)?).ok()
    }
}

/// When a process was started, in ticks since the system was.
fn start_time(process: Pid) -> Option<String> {
    ProcessStatus::read(&process.as_raw_pid().to_string())?.field(19).map(str::to_owned)
}

/// Whether a process of a group is running. One that has ended stays in the list of the system until its
/// parent has asked for its exit, which the parent of an orphan may never do.
fn is_running(group: Pid) -> bool {
    let group = group.as_raw_pid().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_process = name.starts_with(|c: char| c.is_ascii_digit());
        is_process
            && ProcessStatus::read(&name)
                .is_some_and(|status| status.field(2) == Some(group.as_str()) && !status.has_ended())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_used_again_is_no_survivor() {
        use std::os::unix::process::CommandExt;
        let mut child = std::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let (number, started) = (group.as_raw_pid(), start_time(group).unwrap());
        let found = |text: String| find_survivors(&text).len();
        assert_eq!(found(format!("+ {number} {started} - main/a b\n")), 1);
        assert_eq!(found(format!("+ {number} 1{started} - main/a\n")), 0);
        assert_eq!(found(format!("+ {number} {started}\n+ {number}\nx\n+ 0 1 - a\n")), 0);
        // One that has ended and was not asked for its exit is no survivor either.
        child.kill().unwrap();
        while is_running(group) {
            thread::sleep(POLL);
        }
        assert_eq!(found(format!("+ {number} {started} - main/a\n")), 0);
        child.wait().unwrap();
    }
}
