//! Carries out, for a command, the calls that lead to addresses, and looks at those that change files.
//!
//! An address stands in the memory of the caller, and another thread may change it after it was looked at. So the call of
//! the caller itself is never continued: the supervisor copies the address and the socket, judges, and calls in its place.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use super::{
    changes::Changes,
    destinations::{Destinations, Refusal, SocketKind},
    message::{Caller, LONG_HEADER, MOST_PARTS, Message},
    sys::{self, Notification},
};
use crate::Spec;

/// Decides the calls of one command.
pub(super) struct Decider {
    destinations: Destinations,
    changes: Changes,
    listener: Arc<OwnedFd>,
    /// One for each call that waits in a thread.
    waiting: Arc<()>,
}

/// Most calls that wait at a time.
const MOST_WAITING: usize = 256;

/// A socket of a caller.
struct Socket {
    fd: OwnedFd,
    kind: SocketKind,
    is_stream: bool,
    /// Whether calls wait until they can be carried out.
    waits: bool,
}

impl Socket {
    fn of(caller: &Caller, number: u64) -> Result<Self, Refusal> {
        let fd = caller.copy_descriptor(number)?;
        let option = |option| sys::socket_option(&fd, option).map_err(|error| refusal_of(&error));
        let kind = SocketKind { domain: option(libc::SO_DOMAIN)?, protocol: option(libc::SO_PROTOCOL)? };
        let is_stream = option(libc::SO_TYPE)? == libc::SOCK_STREAM;
        let flags = rustix::fs::fcntl_getfl(&fd).map_err(|error| Refusal::Errno(error.raw_os_error()))?;
        Ok(Self { kind, is_stream, waits: !flags.contains(rustix::fs::OFlags::NONBLOCK), fd })
    }

    fn is_local(&self) -> bool {
        self.kind.domain == libc::AF_UNIX
    }
}

/// How a call is answered.
enum Outcome {
    Now(i64),
    /// By a thread, which may wait: for a connection, or for a reader.
    Later(Box<dyn FnOnce() -> io::Result<usize> + Send>),
}

impl Decider {
    /// One for the command whose filter has this listener; all of it is below `root`.
    pub(super) fn new(spec: &Spec, root: libc::pid_t, listener: OwnedFd) -> Self {
        Self {
            destinations: Destinations::of(spec, root),
            changes: Changes::new(spec),
            listener: Arc::new(listener),
            waiting: Arc::new(()),
        }
    }

    /// Where calls are told.
    pub(super) fn listener(&self) -> &OwnedFd {
        &self.listener
    }

    /// Decides the next call; what was denied.
    pub(super) fn decide(&mut self) -> Vec<String> {
        let Ok(notification) = sys::receive_notification(&self.listener) else { return Vec::new() };
        match notification.call {
            libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => {
                self.answer_call(&notification).into_iter().collect()
            }
            // What it changes is decided by the kernel.
            _ => {
                let denied = self.changes.find_denied(&notification);
                sys::continue_notification(self.listener.as_fd(), notification.id);
                denied
            }
        }
    }

    fn answer_call(&mut self, notification: &Notification) -> Option<String> {
        let answer = |result| sys::answer_notification(self.listener.as_fd(), notification.id, result);
        let verb = if notification.call == libc::SYS_connect { "connect" } else { "send" };
        let outcome = match Caller::of(&self.listener, notification) {
            Ok(caller) => carry_out_call(&mut self.destinations, caller, notification),
            // It has ended, or cannot be looked at.
            Err(_) => Err(Refusal::Errno(libc::EACCES)),
        };
        match outcome {
            Ok(Outcome::Now(value)) => answer(Ok(value)),
            Ok(Outcome::Later(work)) => {
                if let Err(error) = self.answer_later(notification.id, work) {
                    answer(Err(errno_of(&error)));
                }
            }
            Err(Refusal::Errno(errno)) => answer(Err(errno)),
            Err(Refusal::Denied(what)) => {
                answer(Err(libc::EACCES));
                return Some(format!("{verb} {what}"));
            }
        }
        None
    }

    fn answer_later(&self, id: u64, work: Box<dyn FnOnce() -> io::Result<usize> + Send>) -> io::Result<()> {
        if Arc::strong_count(&self.waiting) > MOST_WAITING {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let (listener, waiting) = (Arc::clone(&self.listener), Arc::clone(&self.waiting));
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                let result = work().map(|value| value as i64).map_err(|error| errno_of(&error));
                sys::answer_notification(listener.as_fd(), id, result);
                drop(waiting);
            })
            .map(drop)
    }
}

fn refusal_of(error: &io::Error) -> Refusal {
    Refusal::Errno(errno_of(error))
}

fn errno_of(error: &io::Error) -> libc::c_int {
    error.raw_os_error().unwrap_or(libc::EIO)
}

fn carry_out_call(to: &mut Destinations, caller: Caller, notification: &Notification) -> Result<Outcome, Refusal> {
    let args = &notification.args;
    let socket = Socket::of(&caller, args[0])?;
    match notification.call {
        libc::SYS_connect => {
            let address = caller.read_address(args[1], args[2])?;
            to.judge_destination(socket.kind, &address, true)?;
            if socket.waits && socket.is_stream {
                return Ok(Outcome::Later(Box::new(move || sys::connect(&socket.fd, &address).map(|()| 0))));
            }
            sys::connect(&socket.fd, &address).map(|()| Outcome::Now(0)).map_err(|error| refusal_of(&error))
        }
        libc::SYS_sendto => {
            let message = judge_message(to, &socket, caller.read_plain(args)?)?;
            send_message(caller, socket, message, args[3] as libc::c_int)
        }
        libc::SYS_sendmsg => {
            let message = judge_message(to, &socket, caller.read_message(args[1], socket.is_local())?)?;
            send_message(caller, socket, message, args[2] as libc::c_int)
        }
        libc::SYS_sendmmsg => send_messages(to, caller, socket, args),
        _ => Err(Refusal::Errno(libc::ENOSYS)),
    }
}

/// A message that may be sent.
fn judge_message(to: &mut Destinations, socket: &Socket, mut message: Message) -> Result<Message, Refusal> {
    if !message.address.is_empty() {
        to.judge_destination(socket.kind, &message.address, false)?;
    }
    if socket.kind.domain == libc::AF_NETLINK {
        // It goes to the kernel anyway. With an address the kernel asks what the sender may do, which is the supervisor,
        // and without one also what the one may do who has opened the socket.
        message.address.clear();
    }
    Ok(message)
}

/// Sends one message: at once if that can be, otherwise in a thread that waits.
fn send_message(caller: Caller, socket: Socket, message: Message, flags: libc::c_int) -> Result<Outcome, Refusal> {
    let waits = socket.waits && flags & libc::MSG_DONTWAIT == 0;
    let sent = match message.send(&socket.fd, flags | libc::MSG_DONTWAIT) {
        // Of a stream the rest follows; a datagram is sent whole.
        Ok(sent) if sent == message.len() || !socket.is_stream || !waits => return Ok(Outcome::Now(sent as i64)),
        Ok(sent) => sent,
        Err(error) if waits && error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(tell_failure(&caller, &socket, flags, &error)),
    };
    Ok(Outcome::Later(Box::new(move || match message.skip(sent).send(&socket.fd, flags) {
        Ok(more) => Ok(sent + more),
        Err(_) if sent > 0 => Ok(sent),
        Err(error) => {
            tell_failure(&caller, &socket, flags, &error);
            Err(error)
        }
    })))
}

/// The error of a call; a stream that nobody reads any more also gives a signal.
fn tell_failure(caller: &Caller, socket: &Socket, flags: libc::c_int, error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::BrokenPipe && socket.is_stream && flags & libc::MSG_NOSIGNAL == 0 {
        // A caller that has ended needs none.
        let _ = rustix::process::pidfd_send_signal(&caller.process, rustix::process::Signal::PIPE);
    }
    refusal_of(error)
}

/// Sends the messages of `sendmmsg`. If one cannot be sent at once, the caller comes again with it and those after it.
fn send_messages(to: &mut Destinations, caller: Caller, socket: Socket, args: &[u64; 6]) -> Result<Outcome, Refusal> {
    let flags = args[3] as libc::c_int;
    let waits = socket.waits && flags & libc::MSG_DONTWAIT == 0;
    let count = u64::from(args[2] as u32).min(MOST_PARTS);
    for index in 0..count {
        let place = args[1].saturating_add(index * LONG_HEADER);
        let message =
            caller.read_message(place, socket.is_local()).and_then(|message| judge_message(to, &socket, message));
        let refusal = match message {
            Err(refusal) => refusal,
            Ok(message) => match message.send(&socket.fd, flags | libc::MSG_DONTWAIT) {
                Ok(sent) => {
                    caller.write_sent(place, sent);
                    continue;
                }
                Err(error) if index == 0 && waits && error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Outcome::Later(Box::new(move || {
                        caller.write_sent(place, message.send(&socket.fd, flags)?);
                        Ok(1)
                    })));
                }
                Err(error) => refusal_of(&error),
            },
        };
        // The error of a later message comes with the next call.
        return if index == 0 { Err(refusal) } else { Ok(Outcome::Now(index as i64)) };
    }
    Ok(Outcome::Now(count as i64))
}
