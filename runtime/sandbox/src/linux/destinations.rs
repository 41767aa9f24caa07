//! Which addresses a command may reach by the machine's own network.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

use super::{
    netlink,
    sockets::{Holder, Sockets},
};
use crate::{Network, Spec};

/// Why a call is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With this error number, as the kernel would.
    Errno(libc::c_int),
    /// By the policy; the address.
    Denied(String),
}

/// A socket of the caller, as the kernel describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SocketKind {
    pub(super) domain: libc::c_int,
    pub(super) protocol: libc::c_int,
}

/// The addresses that may be reached.
pub(super) enum Destinations {
    /// This one alone: the proxy.
    Only(SocketAddr),
    /// All but those of this machine. Of those the ports of the sandbox itself, the resolvers of names, and some ports.
    Elsewhere { own: Sockets, resolvers: Vec<IpAddr>, ports: Vec<u16> },
}

impl Destinations {
    /// Those that a policy allows; `root` is the process below which all of the sandbox is.
    pub(super) fn of(spec: &Spec, root: libc::pid_t) -> Self {
        match &spec.network {
            Network::Proxy { port, .. } => Self::Only(SocketAddr::from(([127, 0, 0, 1], *port))),
            Network::On { local_ports, .. } => {
                let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
                Self::Elsewhere {
                    own: Sockets::of(root),
                    resolvers: parse_resolvers(&text),
                    ports: local_ports.clone(),
                }
            }
            // Nothing is asked.
            Network::Off => Self::Elsewhere { own: Sockets::of(root), resolvers: Vec::new(), ports: Vec::new() },
        }
    }

    /// Whether a socket may reach an address, which is that of a connection or of one datagram.
    pub(super) fn judge_destination(
        &mut self,
        socket: SocketKind,
        address: &[u8],
        connects: bool,
    ) -> Result<(), Refusal> {
        let family = address.get(..2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
        let family = family.map(i32::from).ok_or(Refusal::Errno(libc::EINVAL))?;
        match (socket.domain, family) {
            // A socket is taken from its address.
            (libc::AF_INET | libc::AF_INET6, libc::AF_UNSPEC) if connects => Ok(()),
            (libc::AF_INET | libc::AF_INET6, libc::AF_INET | libc::AF_INET6) => {
                let (address, interface) = parse_address(address).ok_or(Refusal::Errno(libc::EINVAL))?;
                self.judge_address(socket.protocol, address, interface)
            }
            (libc::AF_INET | libc::AF_INET6, _) => Err(Refusal::Errno(libc::EAFNOSUPPORT)),
            // The kernel itself is asked, and no other process: its number is 0, and the mask of groups is.
            (libc::AF_NETLINK, libc::AF_NETLINK) if address.get(4..12).is_some_and(|rest| rest == [0; 8]) => Ok(()),
            (libc::AF_UNIX, _) => Err(Refusal::Errno(libc::EISCONN)),
            _ => Err(Refusal::Errno(libc::EACCES)),
        }
    }

    fn judge_address(&mut self, protocol: libc::c_int, wanted: SocketAddr, interface: u32) -> Result<(), Refusal> {
        let (own, resolvers, ports) = match self {
            Self::Only(only) if protocol == libc::IPPROTO_TCP && wanted == *only => return Ok(()),
            Self::Only(_) => return Err(Refusal::Denied(wanted.to_string())),
            Self::Elsewhere { own, resolvers, ports } => (own, resolvers, ports),
        };
        let errno = |error: std::io::Error| Refusal::Errno(error.raw_os_error().unwrap_or(libc::EACCES));
        if netlink::leads_elsewhere(wanted.ip(), interface).map_err(errno)? {
            return Ok(());
        }
        let resolves = wanted.port() == 53 && resolvers.contains(&wanted.ip());
        let is_listed = protocol == libc::IPPROTO_TCP && ports.contains(&wanted.port());
        match own.find_holder(protocol, wanted.port()) {
            Holder::Inside => Ok(()),
            _ if resolves || is_listed => Ok(()),
            Holder::Nobody if wanted.ip().is_multicast() => Err(Refusal::Denied(wanted.to_string())),
            // Nothing is sent: a service might begin in this moment.
            Holder::Nobody => Err(Refusal::Errno(libc::ECONNREFUSED)),
            Holder::Outside => Err(Refusal::Denied(format!("{wanted} (a service of this machine)"))),
        }
    }
}

/// The address in a `sockaddr_in` or `sockaddr_in6`, with the number of its interface, or 0.
fn parse_address(bytes: &[u8]) -> Option<(SocketAddr, u32)> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET if bytes.len() >= 16 => Some(((<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?, port).into(), 0)),
        libc::AF_INET6 => {
            let address = IpAddr::from(<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?);
            let interface = bytes.get(24..28).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
            Some((SocketAddr::new(address.to_canonical(), port), if address.is_ipv4() { 0 } else { interface }))
        }
        _ => None,
    }
}

/// The name servers of a `resolv.conf`. One of the machine itself, such as that of systemd, may be asked for names.
fn parse_resolvers(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        words.next()?.parse::<IpAddr>().ok()
    };
    let mut found: Vec<IpAddr> = text.lines().filter_map(address).collect();
    if found.is_empty() {
        // What resolv.conf(5) says of a file without any.
        found.push(IpAddr::from([127, 0, 0, 1]));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn bytes_of(address: &str) -> Vec<u8> {
        let address: SocketAddr = address.parse().unwrap();
        let port = address.port().to_be_bytes();
        match address {
            SocketAddr::V4(v4) => [&2u16.to_ne_bytes()[..], &port, &v4.ip().octets(), &[0; 8]].concat(),
            SocketAddr::V6(v6) => [&10u16.to_ne_bytes()[..], &port, &[0; 4], &v6.ip().octets(), &[0; 4]].concat(),
        }
    }

    const TCP: SocketKind = SocketKind { domain: libc::AF_INET6, protocol: libc::IPPROTO_TCP };
    const UDP: SocketKind = SocketKind { domain: libc::AF_INET, protocol: libc::IPPROTO_UDP };

    #[test]
    fn services_of_the_machine_are_denied_however_they_are_named() {
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = service.local_addr().unwrap().port();
        // No process is below this one.
        let mut all =
            Destinations::Elsewhere { own: Sockets::of(libc::pid_t::MAX), resolvers: Vec::new(), ports: Vec::new() };
        for host in ["127.0.0.1", "127.1.2.3", "0.0.0.0", "[::ffff:127.0.0.1]"] {
            let judged = all.judge_destination(TCP, &bytes_of(&format!("{host}:{port}")), true);
            assert!(matches!(&judged, Err(Refusal::Denied(_))), "{host}: {judged:?}");
        }
        assert_eq!(all.judge_destination(TCP, &bytes_of("127.0.0.1:1"), true), Err(Refusal::Errno(libc::ECONNREFUSED)));
        // An address without a family is one of the older Internet when something is sent to it.
        assert_eq!(all.judge_destination(UDP, &[0; 16], false), Err(Refusal::Errno(libc::EAFNOSUPPORT)));
        assert_eq!(all.judge_destination(UDP, &[0; 16], true), Ok(()));
        for wrong in [&[][..], &[2], &bytes_of("127.0.0.1:1")[..8]] {
            assert_eq!(all.judge_destination(TCP, wrong, true), Err(Refusal::Errno(libc::EINVAL)));
        }
    }

    #[test]
    fn a_resolver_of_the_machine_is_asked_for_names_alone() {
        let resolvers = parse_resolvers("# nameserver 127.0.0.9\nsearch lan\nnameserver 127.0.0.53\noptions edns0\n");
        assert_eq!(resolvers, ["127.0.0.53".parse::<IpAddr>().unwrap()]);
        let service = UdpSocket::bind("127.0.0.53:0").unwrap();
        let port = service.local_addr().unwrap().port();
        let mut all = Destinations::Elsewhere { own: Sockets::of(libc::pid_t::MAX), resolvers, ports: Vec::new() };
        assert_eq!(all.judge_destination(UDP, &bytes_of("127.0.0.53:53"), false), Ok(()));
        assert_eq!(all.judge_destination(TCP, &bytes_of("127.0.0.53:53"), true), Ok(()));
        let other = all.judge_destination(UDP, &bytes_of(&format!("127.0.0.53:{port}")), false);
        assert!(matches!(other, Err(Refusal::Denied(_))), "{other:?}");
        assert_ne!(all.judge_destination(UDP, &bytes_of("127.0.0.1:53"), false), Ok(()));
        assert_eq!(super::parse_resolvers("search lan\n"), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    }
}
