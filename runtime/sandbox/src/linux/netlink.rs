//! Asks the kernel, by netlink: where it would send what is meant for an address, and which sockets have a port.

use std::{io, net::IpAddr};

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// Whether an address is one of other machines: neither one of this machine, nor of several at a time (broadcast,
/// multicast), which would be this machine too. `interface` is the number of an interface, or 0.
///
/// # Errors
/// With the error of the kernel where no way leads to the address, and when the kernel cannot be asked.
pub(super) fn leads_elsewhere(address: IpAddr, interface: u32) -> io::Result<bool> {
    const UNICAST: u8 = 1;
    // Where the type is in `struct rtmsg`.
    const TYPE: usize = 7;
    if address.is_unspecified() {
        // The kernel takes it for the loopback.
        return Ok(false);
    }
    let mut kind = None;
    // Without a protocol: that of routes is 0.
    ask_kernel(None, &build_route_question(address, interface), |route| kind = route.get(TYPE).copied())?;
    Ok(kind.ok_or(io::ErrorKind::InvalidData)? == UNICAST)
}

/// The numbers of the sockets with a port of this machine: of TCP those that listen, of UDP all.
///
/// # Errors
/// When the kernel has no list of sockets (`CONFIG_INET_DIAG`).
pub(super) fn list_sockets_of_port(protocol: libc::c_int, port: u16) -> io::Result<Vec<u64>> {
    // Where the port and the number are in `struct inet_diag_msg`.
    const PORT: std::ops::Range<usize> = 4..6;
    const NUMBER: std::ops::Range<usize> = 68..72;
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        ask_kernel(Some(netlink::SOCK_DIAG), &build_sockets_question(family, protocol, port), |socket| {
            let number = socket.get(NUMBER).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
            if let (Some(own), Some(number)) = (socket.get(PORT), number)
                && own == port.to_be_bytes()
            {
                found.push(number.into());
            }
        })?;
    }
    Ok(found)
}

const HEADER: usize = 16;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;

/// A message with its header; see netlink(7).
fn build_message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX).to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes().iter().chain(&flags.to_ne_bytes()));
    message.resize(HEADER, 0);
    message.extend(body);
    message
}

/// The message `RTM_GETROUTE` for one address; see rtnetlink(7).
fn build_route_question(address: IpAddr, interface: u32) -> Vec<u8> {
    const GET_ROUTE: u16 = 26;
    const DESTINATION: u16 = 1;
    const INTERFACE: u16 = 4;
    let (family, bytes) = match address {
        IpAddr::V4(v4) => (libc::AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6, v6.octets().to_vec()),
    };
    let bits = u8::try_from(bytes.len() * 8).unwrap_or(u8::MAX);
    let mut body = vec![u8::try_from(family).unwrap_or(0), bits];
    body.resize(12, 0);
    let mut attribute = |kind: u16, value: &[u8]| {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        body.extend(length.to_ne_bytes().iter().chain(&kind.to_ne_bytes()).chain(value));
    };
    attribute(DESTINATION, &bytes);
    if interface != 0 {
        attribute(INTERFACE, &interface.to_ne_bytes());
    }
    build_message(GET_ROUTE, REQUEST, &body)
}

/// The message `SOCK_DIAG_BY_FAMILY` for one port; see sock_diag(7).
fn build_sockets_question(family: libc::c_int, protocol: libc::c_int, port: u16) -> Vec<u8> {
    const BY_FAMILY: u16 = 20;
    const LISTEN: u32 = 1 << 10;
    let states = if protocol == libc::IPPROTO_TCP { LISTEN } else { u32::MAX };
    let small = |number: libc::c_int| u8::try_from(number).unwrap_or(0);
    let mut body = vec![small(family), small(protocol), 0, 0];
    body.extend(states.to_ne_bytes().iter().chain(&port.to_be_bytes()));
    body.resize(56, 0);
    build_message(BY_FAMILY, REQUEST | DUMP, &body)
}

/// Sends a question, and gives the body of each answer to `take`.
fn ask_kernel(protocol: Option<Protocol>, question: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    const ERROR: u16 = 2;
    const DONE: u16 = 3;
    const MULTI: u16 = 2;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    send(&socket, question, SendFlags::empty())?;
    let mut buffer = vec![0u8; 32 * 1024];
    loop {
        let (length, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some((length, kind, flags)) = parse_header(rest) {
            let body = rest.get(HEADER..length).ok_or(io::ErrorKind::InvalidData)?;
            match kind {
                DONE => return Ok(()),
                ERROR => {
                    let errno = body.get(..4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
                    return Err(io::Error::from_raw_os_error(errno.map_or(libc::EIO, i32::wrapping_abs)));
                }
                _ => take(body),
            }
            if flags & MULTI == 0 {
                return Ok(());
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// The length, the type and the flags of a message.
fn parse_header(message: &[u8]) -> Option<(usize, u16, u16)> {
    let length = usize::try_from(u32::from_ne_bytes(message.get(..4)?.try_into().ok()?)).ok()?;
    let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
    let flags = u16::from_ne_bytes(message.get(6..8)?.try_into().ok()?);
    (length >= HEADER).then_some((length, kind, flags))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_all_machines_lead_nowhere_else() {
        for address in ["127.0.0.1", "127.3.2.1", "0.0.0.0", "255.255.255.255", "::"] {
            assert!(!leads_elsewhere(address.parse().unwrap(), 0).unwrap_or(false), "{address}");
        }
        // Machines without a network, or without IPv6, have no way to them.
        for address in ["::1", "224.0.0.251", "ff02::fb"] {
            assert!(!leads_elsewhere(address.parse().unwrap(), 0).unwrap_or(false), "{address}");
        }
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert!(leads_elsewhere(address.parse().unwrap(), 0).unwrap_or(true), "{address}");
        }
    }
}
