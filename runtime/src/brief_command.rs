//! A command that is run for the few lines that it prints: a version, a key.

use std::{
    io::{self, Read},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a command is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// The beginning of its standard output.
    pub stdout: io::Result<Vec<u8>>,
}

/// Why a command has no end.
#[derive(Debug)]
pub enum NotEnded {
    /// It was not started.
    NotStarted(io::Error),
    /// It took longer than it may, and was ended.
    TooLong,
    /// It cannot be waited for.
    Lost(io::Error),
}

/// Runs a command without input, for at most `limit`, and reads at most `most` bytes of its standard output. Its standard
/// error goes where `command` says.
///
/// # Errors
/// When it cannot be started or waited for, or takes too long.
pub fn run_briefly(command: &mut Command, limit: Duration, most: u64) -> Result<Ended, NotEnded> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(NotEnded::NotStarted)?;
    let stdout = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.map_or(Ok(0), |stdout| stdout.take(most).read_to_end(&mut bytes)).map(|_| bytes)
    });
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(NotEnded::TooLong);
            }
            Ok(None) => thread::sleep(POLL),
            Err(error) => return Err(NotEnded::Lost(error)),
        }
    };
    let stdout = reader.join().unwrap_or_else(|_| Err(io::Error::other("its reader has ended")));
    Ok(Ended { status, stdout })
}
