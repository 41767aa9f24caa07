//! Reading keys one by one, while something else is drawn; the settings of the terminal are put back afterwards.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio::stdin,
    termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr},
};

/// The settings of the terminal before keys were read one by one.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// While it lives, keys are read as they are pressed and are not echoed; Ctrl-C still sends its signal.
pub struct KeyMode(());

impl KeyMode {
    /// Enters the mode. What was typed before is dropped: it was no answer to a question that nobody had seen.
    ///
    /// # Errors
    /// When standard input is no terminal.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut keys = before.clone();
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        SAVED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(before);
        tcsetattr(stdin(), OptionalActions::Drain, &keys)?;
        tcflush(stdin(), QueueSelector::IFlush)?;
        Ok(Self(()))
    }
}

impl Drop for KeyMode {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Puts the settings back, if they were changed: also for a process that ends while another thread reads keys.
pub fn restore_terminal() {
    if let Some(before) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that has gone away has no settings.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}

/// What came from the terminal.
pub enum Keys {
    /// Nothing in the time.
    None,
    /// Bytes.
    Bytes(Vec<u8>),
    /// It is closed.
    Closed,
}

/// Waits for keys, at most so long.
pub fn read_keys(wait: Duration) -> Keys {
    let stdin = stdin();
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timeout)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Keys::None,
        Ok(_) => {}
        Err(_) => return Keys::Closed,
    }
    let mut buffer = [0; 4096];
    match rustix::io::read(stdin, &mut buffer) {
        Ok(0) => Keys::Closed,
        Ok(count) => Keys::Bytes(buffer.get(..count).unwrap_or_default().to_vec()),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Keys::None,
        Err(_) => Keys::Closed,
    }
}
