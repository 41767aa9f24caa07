//! Whose sockets have a port of this machine.

use std::{collections::HashSet, fs};

use super::{netlink, watchdog::processes_below};

/// Who has a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    /// Only processes of the sandbox.
    Inside,
    /// Others, or others too.
    Outside,
}

/// The sockets of a sandbox that were found so far.
pub(super) struct Sockets {
    root: libc::pid_t,
    /// The numbers of sockets that a process inside has, or had: while a socket is there, its number means it alone.
    inside: HashSet<u64>,
}

impl Sockets {
    /// Those of a process and all below it.
    pub(super) fn of(root: libc::pid_t) -> Self {
        Self { root, inside: HashSet::new() }
    }

    /// Who accepts connections to a port (TCP), or receives at it (UDP), at whichever address.
    pub(super) fn find_holder(&mut self, protocol: libc::c_int, port: u16) -> Holder {
        if ![libc::IPPROTO_TCP, libc::IPPROTO_UDP].contains(&protocol) {
            // Of an echo the kernel itself is the service.
            return Holder::Outside;
        }
        let found = netlink::list_sockets_of_port(protocol, port).unwrap_or_else(|_| read_tables(protocol, port));
        if found.is_empty() {
            return Holder::Nobody;
        }
        if !found.iter().all(|number| self.inside.contains(number)) {
            self.inside = list_sockets_below(self.root);
        }
        match found.iter().all(|number| self.inside.contains(number)) {
            true => Holder::Inside,
            false => Holder::Outside,
        }
    }
}

/// The same from the tables of the kernel, which take it some milliseconds.
fn read_tables(protocol: libc::c_int, port: u16) -> Vec<u64> {
    let is_tcp = protocol == libc::IPPROTO_TCP;
    let tables = if is_tcp { ["/proc/net/tcp", "/proc/net/tcp6"] } else { ["/proc/net/udp", "/proc/net/udp6"] };
    let texts = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    texts.iter().flat_map(|text| parse_table(text, port, is_tcp)).collect()
}

/// The numbers of the sockets with a port in a table; see proc_net_tcp.txt of the kernel's documentation.
fn parse_table(table: &str, port: u16, listening: bool) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let number = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, own_port) = fields.get(1)?.rsplit_once(':')?;
        let is_meant = u16::from_str_radix(own_port, 16).ok()? == port && (!listening || *fields.get(3)? == LISTEN);
        is_meant.then(|| fields.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(number).collect()
}

/// The numbers of all sockets that a process and those below it have.
fn list_sockets_below(root: libc::pid_t) -> HashSet<u64> {
    let of_process = |pid: libc::pid_t| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
    };
    processes_below(root).into_iter().flat_map(of_process).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_port_is_of_those_who_have_its_sockets() {
        let own = libc::pid_t::try_from(std::process::id()).unwrap();
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let ports = [(6, tcp.local_addr().unwrap().port()), (17, udp.local_addr().unwrap().port())];
        for (protocol, port) in ports {
            assert_eq!(Sockets::of(own).find_holder(protocol, port), Holder::Inside);
            assert_eq!(read_tables(protocol, port), netlink::list_sockets_of_port(protocol, port).unwrap());
            // A process that has not got it.
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let other = libc::pid_t::try_from(child.id()).unwrap();
            assert_eq!(Sockets::of(other).find_holder(protocol, port), Holder::Outside);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        drop(tcp);
        assert_eq!(Sockets::of(own).find_holder(6, ports[0].1), Holder::Nobody);
    }
}
