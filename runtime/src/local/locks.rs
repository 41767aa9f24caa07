//! Names that only one run of a project may hold at a time (`exclusive`).
//!
//! A name is a file in the project's folder that is locked by the operating system, which gives the lock back
//! when the process ends, however it ends.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use cascade_ir::ErrorKind;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::{Message, Outbox};
use crate::{
    failure::{Failure, Raise},
    host::Progress,
    interpreter::to_hex,
    request::{Answer, Output, RequestId, Usage},
};

/// How often a name that another run holds is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The names that this run holds or waits for.
pub(super) struct Locks {
    /// Where the files are; `None` for a run without a project.
    directory: Option<PathBuf>,
    held: HashMap<RequestId, File>,
    waiting: HashMap<RequestId, JoinHandle<()>>,
    outbox: Outbox,
}

impl Locks {
    pub(super) fn new(directory: Option<PathBuf>, outbox: Outbox) -> Self {
        Self { directory, held: HashMap::new(), waiting: HashMap::new(), outbox }
    }

    /// Takes a name, now or when it is free; answers the request then.
    pub(super) fn acquire(&mut self, id: RequestId, name: &str, nowait: bool) {
        let file = match open_lock_file(self.directory.as_deref(), name) {
            Ok(file) => file,
            Err(failure) => return self.refuse_request(id, failure),
        };
        match file.try_lock() {
            Ok(()) => {
                self.held.insert(id, file);
                let _ = self.outbox.send(Message::Done(id, Answer::ok(Output::Fired)));
            }
            Err(TryLockError::WouldBlock) if nowait => {
                self.refuse_request(id, Failure::raise(ErrorKind::Unavailable, format!("another run holds `{name}`")));
            }
            Err(TryLockError::WouldBlock) => {
                let _ = self.outbox.send(Message::Progress(id, Progress::WaitsFor(name.to_owned())));
                let outbox = self.outbox.clone();
                let task = tokio::spawn(async move {
                    let message = wait_for_lock(file).await;
                    let message = match message {
                        Ok(file) => Message::Locked(id, file),
                        Err(error) => Message::Done(id, failed_answer(&error)),
                    };
                    let _ = outbox.send(message);
                });
                self.waiting.insert(id, task);
            }
            Err(TryLockError::Error(error)) => self.refuse_request(id, cannot_lock(name, &error)),
        }
    }

    /// A name that was waited for is this run's now; when nobody wants it any more, it is free again.
    pub(super) fn acquired(&mut self, id: RequestId, file: File) {
        if self.waiting.remove(&id).is_some() {
            self.held.insert(id, file);
        }
    }

    /// Gives a name back, or stops to wait for it. `false` when the request asked for no name.
    pub(super) fn release(&mut self, id: RequestId) -> bool {
        if let Some(task) = self.waiting.remove(&id) {
            task.abort();
            return true;
        }
        self.held.remove(&id).is_some()
    }

    fn refuse_request(&self, id: RequestId, failure: Raise) {
        let answer = Answer { result: Err(failure), usage: Usage::default() };
        let _ = self.outbox.send(Message::Done(id, answer));
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        self.waiting.values().for_each(JoinHandle::abort);
    }
}

async fn wait_for_lock(file: File) -> std::io::Result<File> {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => pause = (pause * 2).min(LONGEST_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn open_lock_file(directory: Option<&Path>, name: &str) -> Result<File, Raise> {
    let Some(directory) = directory else {
        return Err(Failure::raise(
            ErrorKind::Unavailable,
            format!("`exclusive` needs the record of the project, and this run has none: `{name}` is not shared"),
        ));
    };
    // The name may have any characters, and any length.
    let path = directory.join(to_hex(&Sha256::digest(name)));
    let open = || {
        std::fs::create_dir_all(directory)?;
        File::options().create(true).truncate(false).write(true).open(&path)
    };
    open().map_err(|error| cannot_lock(name, &error))
}

fn cannot_lock(name: &str, error: &std::io::Error) -> Raise {
    Failure::raise(ErrorKind::Unavailable, format!("`{name}` cannot be locked: {error}"))
}

fn failed_answer(error: &std::io::Error) -> Answer {
    Answer::failed(ErrorKind::Unavailable, format!("a name cannot be locked: {error}"))
}
