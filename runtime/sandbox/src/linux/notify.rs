//! Decides `connect` for a command without a network of its own: only the proxy is reached.

use std::os::fd::OwnedFd;

use super::sys::{self, Notification};

/// Decides the next `connect`; what was denied.
pub(super) fn decide(listener: &OwnedFd, port: u16) -> Option<String> {
    let Ok(notification) = sys::receive_notification(listener) else { return None };
    let (errno, denied) = match connect(listener, &notification, port) {
        Ok(errno) => (errno, None),
        Err(denied) => (libc::EACCES, Some(denied)),
    };
    sys::answer_notification(listener, notification.id, errno);
    denied
}

/// Connects the socket of the caller itself: an address that is only looked at could be another one when the kernel
/// reads it.
fn connect(listener: &OwnedFd, notification: &Notification, port: u16) -> Result<libc::c_int, String> {
    let [fd, address, length, ..] = notification.args;
    let mut buffer = [0u8; 128];
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
    let buffer = &mut buffer[..length];
    let unseen = |_| "connect".to_owned();
    let process = sys::open_process(notification.pid).map_err(unseen)?;
    sys::read_memory(notification.pid, address, buffer).map_err(unseen)?;
    if !sys::is_waiting(listener, notification.id) {
        return Err("connect".to_owned());
    }
    let wanted = address_of(buffer).ok_or_else(|| "connect".to_owned())?;
    if wanted != std::net::SocketAddr::from(([127, 0, 0, 1], port)) {
        return Err(format!("connect {wanted}"));
    }
    let fd = libc::c_int::try_from(fd as u32).map_err(|_| "connect".to_owned())?;
    let socket = sys::copy_descriptor(&process, fd).map_err(unseen)?;
    match sys::socket_protocol(&socket) {
        Ok(libc::IPPROTO_TCP) => Ok(sys::connect_loopback(&socket, port)),
        _ => Err(format!("connect {wanted}")),
    }
}

/// The address in a `sockaddr_in` or `sockaddr_in6`.
fn address_of(bytes: &[u8]) -> Option<std::net::SocketAddr> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => Some((<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?, port).into()),
        libc::AF_INET6 => Some((<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?, port).into()),
        _ => None,
    }
}
