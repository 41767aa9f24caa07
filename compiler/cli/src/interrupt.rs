//! Ctrl-C: it cancels the run that goes on, and ends a process that only waits.

use std::sync::{Mutex, Once, PoisonError};

use cascade_runtime::Cancel;

/// The run that goes on.
static RUNNING: Mutex<Option<Cancel>> = Mutex::new(None);
/// A process has one handler.
static HANDLED: Once = Once::new();

/// While it lives, Ctrl-C cancels its run.
pub struct Interruptible(());

/// Lets Ctrl-C cancel a run.
pub fn cancel_on_interrupt(cancel: &Cancel) -> Interruptible {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(cancel.clone());
    HANDLED.call_once(|| {
        // A handler that cannot be set only means that Ctrl-C ends the process as usual.
        let _ = ctrlc::set_handler(|| match &*RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(cancel) => cancel.cancel(),
            None => std::process::exit(130),
        });
    });
    Interruptible(())
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
