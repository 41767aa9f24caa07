//! Attacks by sockets, and what of the network must work.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{UnixDatagram, UnixStream},
    },
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::attacks::{Outcome, call, escaped, number, outside, variable};

pub const NAMES: &[&str] = &[
    "abstract_socket",
    "path_socket",
    "path_datagram",
    "abstract_datagram",
    "tcp_loopback",
    "tcp_loopback_v6",
    "tcp_any_address",
    "tcp_mapped_address",
    "tcp_own_address",
    "tcp_source_route",
    "tcp_race",
    "mptcp",
    "sctp",
    "fast_open",
    "udp",
    "udp_connected",
    "udp_message",
    "udp_messages",
    "udp_no_family",
    "dns",
    "raw_socket",
    "packet_socket",
    "vsock",
    "netlink_addressed",
    "netlink_message",
    "proxy_hop",
    "proxy_other_host",
    "proxy_other_port",
];

/// What must work where a command has a loopback.
pub const LOOPBACK: &[&str] = &["serve_tcp", "serve_udp", "serve_by_messages", "pass_descriptors", "refused"];

const PATIENCE: Duration = Duration::from_secs(3);

pub fn carry_out(name: &str) -> Outcome {
    let victim = loopback(number("ESCAPE_TCP"));
    match name {
        "abstract_socket" => {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(variable("ESCAPE_ABSTRACT"));
            escaped(address.and_then(|address| UnixStream::connect_addr(&address)), "reached a local service")
        }
        "path_socket" => escaped(UnixStream::connect(outside("socket")), "reached a local service"),
        // A pair needs no permission to make a socket, and one of datagrams can be sent elsewhere.
        "path_datagram" => escaped(
            UnixDatagram::pair().and_then(|(socket, _)| socket.send_to(b"x", outside("datagram"))),
            "reached a local service",
        ),
        "abstract_datagram" => {
            let name = format!("{}-datagram", variable("ESCAPE_ABSTRACT"));
            let sent = std::os::unix::net::SocketAddr::from_abstract_name(name).and_then(|address| {
                let (socket, _) = UnixDatagram::pair()?;
                socket.send_to_addr(b"x", &address)
            });
            escaped(sent, "reached a local service")
        }
        "tcp_loopback" => reach(victim),
        "tcp_loopback_v6" => reach((Ipv6Addr::LOCALHOST, number("ESCAPE_TCP6")).into()),
        "tcp_any_address" => reach((Ipv4Addr::UNSPECIFIED, victim.port()).into()),
        "tcp_mapped_address" => reach((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), victim.port()).into()),
        "tcp_own_address" => match variable("ESCAPE_OWN").parse() {
            Ok(address) => reach(address),
            Err(_) => Err("the machine has no other address".to_owned()),
        },
        "tcp_source_route" => source_route(victim.port()),
        "tcp_race" => race(victim.port()),
        "mptcp" => other_protocol(libc::SOCK_STREAM, 262),
        "sctp" => other_protocol(libc::SOCK_STREAM, 132),
        "fast_open" => socket(libc::AF_INET, libc::SOCK_STREAM, 0).map_or_else(
            |error| Err(error.to_string()),
            |fd| {
                let address = address_in(victim.port());
                // SAFETY: the address and the text live until the call returns.
                let sent = unsafe {
                    libc::sendto(
                        fd.as_raw_fd(),
                        c"x".as_ptr().cast(),
                        1,
                        libc::MSG_FASTOPEN,
                        (&raw const address).cast(),
                        size_of_val(&address) as u32,
                    )
                };
                escaped(call(sent as libc::c_long), "reached the machine")
            },
        ),
        // What is sent is seen outside, if it comes.
        "udp" => sent_nowhere(UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            let port = number("ESCAPE_UDP");
            socket.send_to(b"x", loopback(port))?;
            socket.send_to(b"x", (Ipv4Addr::UNSPECIFIED, port))
        })),
        "udp_connected" => sent_nowhere(UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect(loopback(number("ESCAPE_UDP")))?;
            socket.send(b"x")
        })),
        "udp_message" => sent_nowhere(send_message(&address_in(number("ESCAPE_UDP")), false)),
        "udp_messages" => sent_nowhere(send_message(&address_in(number("ESCAPE_UDP")), true)),
        "udp_no_family" => {
            // The kernel takes an address without a family for one of the older Internet.
            let mut address = address_in(number("ESCAPE_UDP"));
            address.sin_family = libc::AF_UNSPEC as u16;
            sent_nowhere(send_message(&address, false))
        }
        "dns" => {
            use std::net::ToSocketAddrs;
            escaped(("example.org", 443).to_socket_addrs(), "resolved a name")
        }
        "raw_socket" => escaped(socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP), "has a raw socket"),
        "packet_socket" => escaped(socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300), "has a packet socket"),
        "vsock" => escaped(socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0), "has a socket to the host"),
        "netlink_addressed" => add_address(false),
        "netlink_message" => add_address(true),
        "proxy_hop" => ask_proxy(&format!("127.0.0.1:{}", number("ESCAPE_TCP"))),
        "proxy_other_host" => ask_proxy("example.org:443"),
        "proxy_other_port" => ask_proxy("allowed.invalid:22"),
        "serve_tcp" => works(serve_tcp()),
        "serve_udp" => works(serve_udp()),
        "serve_by_messages" => works(serve_by_messages()),
        "pass_descriptors" => works(pass_descriptors()),
        "refused" => match TcpStream::connect(loopback(1)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err("nobody listens".to_owned()),
            other => Ok(format!("a port where nobody listens: {other:?}")),
        },
        "beyond" => beyond(),
        "local_port" => works(TcpStream::connect(loopback(number("ESCAPE_ALLOWED"))).map(|_| "reached".to_owned())),
        other => panic!("there is no attack `{other}`"),
    }
}

/// What must work, and how it did not.
fn works(result: io::Result<String>) -> Outcome {
    match result {
        Ok(how) => Err(how),
        Err(error) => Ok(format!("does not work: {error}")),
    }
}

fn reach(address: SocketAddr) -> Outcome {
    escaped(TcpStream::connect_timeout(&address, PATIENCE), "reached the loopback of the machine")
}

fn sent_nowhere(sent: io::Result<usize>) -> Outcome {
    Err(match sent {
        Ok(_) => "sent into a network of its own".to_owned(),
        Err(error) => error.to_string(),
    })
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers; the result is a new descriptor.
    unsafe { call(libc::socket(family, kind, protocol).into()).map(|fd| OwnedFd::from_raw_fd(fd as i32)) }
}

fn address_in(port: u16) -> libc::sockaddr_in {
    // SAFETY: zero is a valid address.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
    address
}

fn connect(fd: &OwnedFd, address: &libc::sockaddr_in) -> io::Result<libc::c_long> {
    // SAFETY: the address lives until the call returns.
    call(unsafe { libc::connect(fd.as_raw_fd(), std::ptr::from_ref(address).cast(), 16) }.into())
}

fn other_protocol(kind: i32, protocol: i32) -> Outcome {
    let reached = socket(libc::AF_INET, kind, protocol).and_then(|fd| connect(&fd, &address_in(number("ESCAPE_TCP"))));
    escaped(reached, "reached the machine")
}

/// A packet for another machine whose way leads through this one: the socket's destination is in its options.
fn source_route(port: u16) -> Outcome {
    let reached = socket(libc::AF_INET, libc::SOCK_STREAM, 0).and_then(|fd| {
        // Loose source routing with one hop.
        let options: [u8; 8] = [131, 7, 4, 127, 0, 0, 1, 0];
        let option = |level, name, value: *const u8, size| {
            // SAFETY: the value lives until the call returns, with this size.
            call(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.cast(), size) }.into())
        };
        option(libc::IPPROTO_IP, libc::IP_OPTIONS, options.as_ptr(), 8)?;
        let mut address = address_in(port);
        address.sin_addr.s_addr = u32::from_be_bytes([192, 0, 2, 1]).to_be();
        connect(&fd, &address)
    });
    escaped(reached, "reached the machine by a route of its own")
}

/// Changes the address while it is being judged: one that is allowed, and one that is not, in turns.
fn race(port: u16) -> Outcome {
    let own = TcpListener::bind(loopback(0));
    let allowed = own.as_ref().map_or(1, |own| own.local_addr().map_or(1, |address| address.port()));
    let mut address = address_in(allowed);
    let place = (&raw mut address.sin_port) as usize;
    let ended = AtomicBool::new(false);
    let (ended, began) = (&ended, Instant::now());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let place = place as *mut u16;
            while !ended.load(Ordering::Relaxed) {
                for port in [port, allowed] {
                    // SAFETY: the address outlives the thread; the kernel reads it as bytes.
                    unsafe { place.write_volatile(port.to_be()) };
                    std::hint::spin_loop();
                }
            }
        });
        let mut outcome = Err("it was never reached".to_owned());
        while began.elapsed() < Duration::from_millis(300) && outcome.is_err() {
            let Ok(fd) = socket(libc::AF_INET, libc::SOCK_STREAM, 0) else { break };
            // SAFETY: the address lives until the call returns; that it changes meanwhile is the attack.
            let result = unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), 16) };
            if result != 0 {
                continue;
            }
            match TcpStream::from(fd).peer_addr() {
                Ok(peer) if peer.port() == port => outcome = Ok("reached the loopback of the machine".to_owned()),
                // What waits to be accepted does not become too much.
                _ => drop(own.as_ref().map(TcpListener::accept)),
            }
        }
        ended.store(true, Ordering::Relaxed);
        outcome
    })
}

/// Sends a byte by `sendmsg`, or by `sendmmsg`.
fn send_message(address: &libc::sockaddr_in, many: bool) -> io::Result<usize> {
    let fd = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut byte = *b"x";
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: zero is a valid message; all that it points to lives until the calls return.
    unsafe {
        let mut message: libc::mmsghdr = std::mem::zeroed();
        message.msg_hdr.msg_name = std::ptr::from_ref(address).cast_mut().cast();
        message.msg_hdr.msg_namelen = size_of_val(address) as u32;
        message.msg_hdr.msg_iov = &raw mut part;
        message.msg_hdr.msg_iovlen = 1;
        let sent = match many {
            true => {
                let count = call(libc::sendmmsg(fd.as_raw_fd(), &raw mut message, 1, 0).into())?;
                assert_eq!((count, message.msg_len), (1, 1));
                1
            }
            false => call(libc::sendmsg(fd.as_raw_fd(), &raw const message.msg_hdr, 0) as libc::c_long)?,
        };
        Ok(sent as usize)
    }
}

fn serve_tcp() -> io::Result<String> {
    let server = TcpListener::bind(loopback(0)).or_else(|_| TcpListener::bind("[::1]:0"))?;
    let address = server.local_addr()?;
    let server = std::thread::spawn(move || {
        let (mut stream, _) = server.accept()?;
        stream.write_all(b"served")
    });
    let mut text = String::new();
    TcpStream::connect_timeout(&address, PATIENCE)?.read_to_string(&mut text)?;
    server.join().map_err(|_| io::Error::other("the server has panicked"))??;
    // And one that waits for its connection.
    let server = TcpListener::bind(loopback(0))?;
    TcpStream::connect(server.local_addr()?)?;
    Ok(text)
}

fn serve_udp() -> io::Result<String> {
    let (server, client) = (UdpSocket::bind(loopback(0))?, UdpSocket::bind("0.0.0.0:0")?);
    server.set_read_timeout(Some(PATIENCE))?;
    client.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; 16];
    for connected in [false, true] {
        match connected {
            false => client.send_to(b"asked", server.local_addr()?)?,
            true => client.connect(server.local_addr()?).and_then(|()| client.send(b"asked"))?,
        };
        let (length, from) = server.recv_from(&mut buffer)?;
        if &buffer[..length] != b"asked" {
            return Err(io::Error::other("something else came"));
        }
        server.send_to(b"answered", from)?;
        let length = client.recv(&mut buffer)?;
        if &buffer[..length] != b"answered" {
            return Err(io::Error::other("another answer came"));
        }
    }
    Ok("asked and answered".to_owned())
}

fn serve_by_messages() -> io::Result<String> {
    let server = UdpSocket::bind(loopback(0))?;
    server.set_read_timeout(Some(PATIENCE))?;
    for many in [false, true] {
        send_message(&address_in(server.local_addr()?.port()), many)?;
        let mut buffer = [0; 16];
        if server.recv(&mut buffer)? != 1 || buffer[0] != b'x' {
            return Err(io::Error::other("something else came"));
        }
    }
    // A large text through a small pipe, by a socket that waits.
    let (sender, mut receiver) = UnixStream::pair()?;
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        receiver.read_to_end(&mut all).map(|_| all)
    });
    let text: Vec<u8> = (0..3_000_000u32).map(|index| index as u8).collect();
    let parts = [io::IoSlice::new(&text[..5]), io::IoSlice::new(&text[5..])];
    // SAFETY: zero is a valid message, and the parts live until the call returns.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = parts.as_ptr().cast_mut().cast();
        message.msg_iovlen = 2;
        call(libc::sendmsg(sender.as_raw_fd(), &raw const message, 0) as libc::c_long)?
    };
    drop(sender);
    let received = reader.join().map_err(|_| io::Error::other("the reader has panicked"))??;
    match sent as usize == text.len() && received == text {
        true => Ok("all came".to_owned()),
        false => Err(io::Error::other(format!("{sent} were sent, {} came", received.len()))),
    }
}

/// A descriptor that is passed to another process, as Node and Python do it.
fn pass_descriptors() -> io::Result<String> {
    let (here, there) = UnixStream::pair()?;
    let (mut reader, writer) = io::pipe()?;
    let mut byte = *b"x";
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = [0u64; 4];
    // SAFETY: the buffers live until the calls return, and have room for one descriptor.
    let passed = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(writer.as_raw_fd());
        call(libc::sendmsg(here.as_raw_fd(), &raw const message, 0) as libc::c_long)?;
        drop(writer);
        message.msg_controllen = size_of_val(&control) as _;
        call(libc::recvmsg(there.as_raw_fd(), &raw mut message, 0) as libc::c_long)?;
        OwnedFd::from_raw_fd(libc::CMSG_DATA(libc::CMSG_FIRSTHDR(&raw const message)).cast::<i32>().read_unaligned())
    };
    std::fs::File::from(passed).write_all(b"passed")?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

/// A machine that is not this one may be asked; that it does not answer is no matter.
fn beyond() -> Outcome {
    let tcp = TcpStream::connect_timeout(&(IpAddr::from([192, 0, 2, 1]), 9).into(), Duration::from_millis(50));
    let udp = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", "192.0.2.1:9"));
    let denied = [tcp.err(), udp.err()].into_iter().flatten().find(|error| {
        let errno = error.raw_os_error();
        errno == Some(libc::EACCES) || errno == Some(libc::EPERM)
    });
    match denied {
        Some(error) => Ok(format!("another machine is denied: {error}")),
        None => Err("another machine is asked".to_owned()),
    }
}

/// Gives the loopback one more address, which only an administrator of the network may. With an address of the kernel
/// itself, it is not looked at who has opened the socket, but only at who sends: the supervisor must not.
fn add_address(by_message: bool) -> Outcome {
    const NEW: u16 = 20;
    const REMOVED: u16 = 21;
    let ask = |kind: u16| -> io::Result<i32> {
        let fd = socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)?;
        // Request, answer, create.
        let flags: u16 = 1 | 4 | 0x400;
        let mut message: Vec<u8> = 32u32.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes().iter().chain(&flags.to_ne_bytes()).chain(&[0; 8]));
        // An address of the older Internet for interface 1: 127.77.77.77/32.
        message.extend([libc::AF_INET as u8, 32, 0, 0, 1, 0, 0, 0]);
        message.extend([8, 0, 2, 0, 127, 77, 77, 77]);
        // SAFETY: zero is a valid address; all that is pointed to lives until the calls return.
        unsafe {
            let mut kernel: libc::sockaddr_nl = std::mem::zeroed();
            kernel.nl_family = libc::AF_NETLINK as u16;
            let (name, length) = ((&raw mut kernel).cast::<libc::c_void>(), size_of_val(&kernel) as u32);
            let data = message.as_mut_ptr().cast::<libc::c_void>();
            let sent = match by_message {
                false => libc::sendto(fd.as_raw_fd(), data, message.len(), 0, name.cast(), length),
                true => {
                    let mut part = libc::iovec { iov_base: data, iov_len: message.len() };
                    let mut header: libc::msghdr = std::mem::zeroed();
                    (header.msg_name, header.msg_namelen) = (name, length);
                    (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
                    libc::sendmsg(fd.as_raw_fd(), &raw const header, 0)
                }
            };
            call(sent as libc::c_long)?;
            let mut answer = [0u8; 256];
            call(libc::recv(fd.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), libc::MSG_DONTWAIT)
                as libc::c_long)?;
            Ok(i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]))
        }
    };
    match ask(NEW) {
        Ok(0) => {
            let _ = ask(REMOVED);
            Ok("changed the network of the machine".to_owned())
        }
        Ok(errno) => Err(io::Error::from_raw_os_error(-errno).to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn ask_proxy(target: &str) -> Outcome {
    let proxy = loopback(number("ESCAPE_PROXY"));
    let mut answer = String::new();
    let asked = TcpStream::connect_timeout(&proxy, Duration::from_secs(5)).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")?;
        stream.read_to_string(&mut answer)
    });
    match asked {
        Ok(_) if answer.starts_with("HTTP/1.1 403") => Err(answer.lines().last().unwrap_or_default().to_owned()),
        // The proxy must be there, or nothing was tried.
        other => Ok(format!("the proxy said {answer:?}, {other:?}")),
    }
}
