//! The lock of a run, held by the process that runs it. The system releases it when the process ends,
//! however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{JournalError, Result, private};

/// How long a lock without a living process is waited for.
const ORPHANS: Duration = Duration::from_secs(2);

/// Held as long as a run lives.
#[derive(Debug)]
pub(super) struct RunLock {
    /// The locked file; closing it releases the lock.
    _file: File,
    path: PathBuf,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // If the file cannot be removed, that does no harm: only the lock on it counts.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock_file(journal: &Path, run: &str) -> PathBuf {
    let dir = journal.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    dir.join("running").join(run)
}

/// The file beside the lock of a run in which its programs are noted.
pub(super) fn process_list(journal: &Path, run: &str) -> PathBuf {
    lock_file(journal, &format!("{run}.programs"))
}

/// The folder of the names that only one run may hold at a time.
pub(super) fn lock_directory(journal: &Path) -> PathBuf {
    let dir = journal.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    dir.join("locks")
}

impl RunLock {
    /// Takes a run; `Err` with the process that has it.
    ///
    /// # Errors
    /// The outer one when the lock cannot be made.
    pub(super) fn acquire(journal: &Path, run: &str) -> Result<std::result::Result<Self, Option<u32>>> {
        let path = lock_file(journal, run);
        let wrong = |e: std::io::Error| JournalError(format!("the lock `{}` cannot be taken: {e}", path.display()));
        let mut opened = private::create_file(&path);
        if opened.is_err() {
            for dir in [journal.parent(), path.parent()].into_iter().flatten() {
                private::create_dir(dir)
                    .map_err(|e| JournalError(format!("the directory `{}` cannot be made: {e}", dir.display())))?;
            }
            opened = private::create_file(&path);
        }
        let mut file = opened.map_err(wrong)?;
        let deadline = Instant::now() + ORPHANS;
        loop {
            match file.try_lock() {
                // Whoever held it before removed its name, perhaps after this one opened it: then somebody
                // else may have made a new file of that name, and the lock of this one excludes nobody.
                Ok(()) if !is_file_at(&file, &path) => {
                    file = private::create_file(&path).map_err(wrong)?;
                }
                Ok(()) => break,
                // A child that was being started when its run was killed holds an inherited lock until
                // it has called `exec`.
                Err(TryLockError::WouldBlock) => match read_holder(&mut file) {
                    Some(pid) if !process_exists(pid) && Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    holder => return Ok(Err(holder)),
                },
                Err(TryLockError::Error(e)) => return Err(wrong(e)),
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(file, "{}", std::process::id()));
        written.map_err(wrong)?;
        Ok(Ok(Self { _file: file, path }))
    }
}

/// Whether an open file is the one that a path names now.
fn is_file_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Whether there is a process with this number.
fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_none_or(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The process that runs a run now; `None` when nobody does.
pub(super) fn running_process(journal: &Path, run: &str) -> Option<u32> {
    let mut file = OpenOptions::new().read(true).write(true).open(lock_file(journal, run)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Some(read_holder(&mut file).unwrap_or(0)).filter(|pid| *pid == 0 || process_exists(*pid))
        }
        _ => None,
    }
}
