//! The proxy that connects commands to the hosts of a list: it stands outside of the sandbox, and is all that a command
//! reaches.
//!
//! It takes `CONNECT`, and plain HTTP by its full address. Of each connection are checked the host by name, the port,
//! the addresses that the name has (those of this machine and of private networks are refused), and of TLS the host
//! that the client asks for: an allowed name is no way to another host.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

mod hello;

/// A host that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A name, or `*.` and the end of names.
    name: String,
    /// The only port; without it 80 and 443.
    port: Option<u16>,
    /// Whether it may be at an address that is not of the public network.
    is_private: bool,
}

impl Host {
    /// Reads `example.org`, `*.example.org`, `example.org:8443`, `localhost:8080`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, private: &[String]) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => {
                let port = port.parse().map_err(|_| format!("`{text}`: `{port}` is no port"))?;
                (name.to_owned(), Some(port))
            }
            None => (text.clone(), None),
        };
        let plain = name.strip_prefix("*.").unwrap_or(&name);
        let is_name = !plain.is_empty()
            && plain.split('.').all(|part| !part.is_empty())
            && plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if !is_name {
            return Err(format!(
                "`{text}` is no host: write a name such as `crates.io` or `*.pypi.org`, without `https://`"
            ));
        }
        // Whoever names an address of this machine means it.
        let is_literal = name == "localhost" || name.parse::<IpAddr>().is_ok();
        let is_private = is_literal || private.iter().any(|listed| listed.eq_ignore_ascii_case(&name));
        Ok(Self { name, port, is_private })
    }

    fn allows(&self, name: &str, port: u16) -> bool {
        let names = match self.name.strip_prefix('*') {
            Some(end) => name.len() > end.len() && name.ends_with(end),
            None => name == self.name,
        };
        names && self.port.map_or(port == 80 || port == 443, |only| only == port)
    }
}

/// A running proxy; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    /// Where it listens itself, for commands without a network of their own.
    port: u16,
    handover: PathBuf,
}

#[derive(Debug)]
struct Shared {
    hosts: Vec<Host>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// What was denied since it was asked for last.
    denied: Vec<String>,
}

/// The port on which commands find it in a network of their own.
pub const PORT: u16 = 3128;
/// How long a connection may take, and the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest head of a request, in bytes.
const MAX_HEAD: u64 = 64 * 1024;
/// Most denials that are kept.
const MAX_DENIED: usize = 64;

impl Proxy {
    /// Starts a proxy. `handover` is where it takes listeners of other networks, a path for a socket that is not there.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(hosts: Vec<Host>, handover: PathBuf) -> io::Result<Self> {
        let shared = Arc::new(Shared { hosts, state: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        spawn_acceptor(&shared, listener)?;
        #[cfg(target_os = "linux")]
        take_listeners(&shared, &handover)?;
        Ok(Self { shared, port, handover })
    }

    /// The port of the machine's loopback where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it takes listeners of other networks.
    pub fn handover(&self) -> &std::path::Path {
        &self.handover
    }

    /// What was denied since the last call: `connect example.org:443 (not in the list of hosts)`.
    pub fn take_denied(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().denied)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        // Wakes those who accept.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        #[cfg(unix)]
        let _ = std::os::unix::net::UnixStream::connect(&self.handover);
        let _ = std::fs::remove_file(&self.handover);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deny(&self, what: String) {
        let mut state = self.lock();
        if state.denied.len() < MAX_DENIED && !state.denied.contains(&what) {
            state.denied.push(what);
        }
    }

    fn has_ended(&self) -> bool {
        self.lock().ended
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).stack_size(128 * 1024).spawn(work).map(drop)
}

fn spawn_acceptor(shared: &Arc<Shared>, listener: TcpListener) -> io::Result<()> {
    let shared = Arc::clone(shared);
    spawn("cascade-proxy", move || {
        // It ends with the network of its command.
        while let Ok((client, _)) = listener.accept() {
            if shared.has_ended() {
                return;
            }
            let of_client = Arc::clone(&shared);
            // Without a thread the connection is closed.
            let _ = spawn("cascade-proxied", move || {
                if let Err(refusal) = serve(&of_client, &client) {
                    refusal.tell(&of_client, &client);
                }
            });
        }
    })
}

/// Takes listeners from helpers of this user.
#[cfg(target_os = "linux")]
fn take_listeners(shared: &Arc<Shared>, handover: &std::path::Path) -> io::Result<()> {
    use std::os::{fd::AsFd, unix::net::UnixListener};
    let socket = UnixListener::bind(handover)?;
    std::fs::set_permissions(handover, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let shared = Arc::clone(shared);
    spawn("cascade-handover", move || {
        while let Ok((helper, _)) = socket.accept() {
            if shared.has_ended() {
                return;
            }
            let _ = helper.set_read_timeout(Some(PATIENCE));
            if let Ok(listener) = crate::linux::receive_descriptor(helper.as_fd()) {
                // Without a thread its command has no network.
                let _ = spawn_acceptor(&shared, listener.into());
            }
        }
    })
}

/// Why a connection is refused.
enum Refusal {
    /// With a status, and what is noted of it.
    Denied(&'static str, String),
    /// Something that is no request.
    Malformed,
    Io,
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

impl Refusal {
    fn tell(self, shared: &Shared, mut client: &TcpStream) {
        let (status, body) = match self {
            Self::Denied(status, what) => {
                shared.deny(what.clone());
                (status, format!("cascade: {what}\n"))
            }
            Self::Malformed => ("400 Bad Request", "cascade: this proxy takes CONNECT and plain HTTP\n".to_owned()),
            Self::Io => return,
        };
        // Who has gone is not told.
        let _ = write!(
            client,
            "HTTP/1.1 {status}\r\nX-Proxy-Error: cascade-sandbox\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = client.shutdown(Shutdown::Both);
    }
}

/// The first line and the headers of a request.
struct Head {
    method: String,
    target: String,
    version: String,
    headers: Vec<(String, String)>,
}

fn read_head(reader: &mut impl BufRead) -> Result<Head, Refusal> {
    let mut reader = reader.take(MAX_HEAD);
    let mut line = || -> Result<String, Refusal> {
        let mut line = String::new();
        if reader.read_line(&mut line).map_err(|_| Refusal::Malformed)? == 0 || !line.ends_with('\n') {
            return Err(Refusal::Malformed);
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    let first = line()?;
    let words: Vec<&str> = first.split(' ').collect();
    let [method, target, version] = words.as_slice() else { return Err(Refusal::Malformed) };
    let mut head =
        Head { method: (*method).into(), target: (*target).into(), version: (*version).into(), headers: Vec::new() };
    loop {
        let line = line()?;
        if line.is_empty() {
            return Ok(head);
        }
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(Refusal::Malformed);
        }
        head.headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn serve(shared: &Shared, client: &TcpStream) -> Result<(), Refusal> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(client);
    let head = read_head(&mut reader)?;
    match head.method.as_str() {
        "CONNECT" => tunnel(shared, client, reader, &head),
        _ => forward(shared, client, reader, &head),
    }
}

/// Splits `host:port`; a name in lower case and without a dot at its end.
fn split_authority(authority: &str, default: Option<u16>) -> Result<(String, u16), Refusal> {
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().map_err(|_| Refusal::Malformed)?),
        _ => (authority, default.ok_or(Refusal::Malformed)?),
    };
    let name = name.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match name.is_empty() || name.contains('@') {
        true => Err(Refusal::Malformed),
        false => Ok((name, port)),
    }
}

/// Connects to a host that is allowed.
fn connect(shared: &Shared, name: &str, port: u16) -> Result<TcpStream, Refusal> {
    let denied = |why: &str| Refusal::Denied("403 Forbidden", format!("connect {name}:{port} ({why})"));
    let Some(host) = shared.hosts.iter().find(|host| host.allows(name, port)) else {
        return Err(denied("not in the list of hosts"));
    };
    let failed = |error: io::Error| {
        Refusal::Denied("502 Bad Gateway", format!("connect {name}:{port} (it cannot be reached: {error})"))
    };
    let addresses: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(failed)?.collect();
    if !host.is_private && addresses.iter().any(|address| !is_public(address.ip())) {
        return Err(denied("its address is not of the public network"));
    }
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn tunnel(
    shared: &Shared,
    mut client: &TcpStream,
    mut reader: BufReader<&TcpStream>,
    head: &Head,
) -> Result<(), Refusal> {
    let (name, port) = split_authority(&head.target, None)?;
    let mut server = connect(shared, &name, port)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    // What the client says first tells whether it is TLS, and whom it asks for.
    let first = hello::read_first(&mut reader)?;
    let denied = |why: String| Refusal::Denied("403 Forbidden", format!("connect {name}:{port} ({why})"));
    match hello::server_name(&first) {
        hello::Hello::Name(asked) if asked.trim_end_matches('.').eq_ignore_ascii_case(&name) => {}
        hello::Hello::Name(asked) => return Err(quiet(shared, denied(format!("TLS asks for `{asked}`")))),
        // An address has no name to ask for.
        hello::Hello::Nameless if name.parse::<IpAddr>().is_ok() => {}
        hello::Hello::Nameless => return Err(quiet(shared, denied("TLS names no host".to_owned()))),
        hello::Hello::NotTls if port == 443 => return Err(quiet(shared, denied("it is no TLS".to_owned()))),
        hello::Hello::NotTls => {}
    }
    server.write_all(&first)?;
    pump(client, reader, &server)
}

/// Notes a refusal of which the client cannot be told any more.
fn quiet(shared: &Shared, refusal: Refusal) -> Refusal {
    if let Refusal::Denied(_, what) = refusal {
        shared.deny(what);
    }
    Refusal::Io
}

/// Passes one request on to its host, and the answer back.
fn forward(shared: &Shared, client: &TcpStream, mut reader: BufReader<&TcpStream>, head: &Head) -> Result<(), Refusal> {
    let rest = head.target.strip_prefix("http://").ok_or(Refusal::Malformed)?;
    let (authority, path) = match rest.find(['/', '?']) {
        Some(start) => rest.split_at(start),
        None => (rest, "/"),
    };
    let (name, port) = split_authority(authority, Some(80))?;
    let length = |head: &Head| -> Result<u64, Refusal> {
        let mut lengths = head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = lengths.next().map_or(Ok(0), |(_, value)| value.parse().map_err(|_| Refusal::Malformed))?;
        let is_chunked = head.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        if is_chunked || lengths.next().is_some() {
            let what = format!("connect {name}:{port} (a body without a length over plain HTTP)");
            return Err(Refusal::Denied("411 Length Required", what));
        }
        Ok(length)
    };
    let length = length(head)?;
    let mut server = connect(shared, &name, port)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut out =
        format!("{} {slash}{path} {}\r\nHost: {authority}\r\nConnection: close\r\n", head.method, head.version);
    // One request a connection, and the host is the one that was checked.
    const DROPPED: &[&str] =
        &["host", "connection", "keep-alive", "upgrade", "proxy-connection", "proxy-authorization"];
    for (name, value) in &head.headers {
        if !DROPPED.contains(&name.to_ascii_lowercase().as_str()) {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    out.push_str("\r\n");
    server.write_all(out.as_bytes())?;
    io::copy(&mut Read::by_ref(&mut reader).take(length), &mut server)?;
    server.set_read_timeout(None)?;
    let mut answer = client;
    io::copy(&mut server, &mut answer)?;
    client.shutdown(Shutdown::Both)?;
    Ok(())
}

/// Copies both ways until both are done.
fn pump(client: &TcpStream, mut reader: BufReader<&TcpStream>, server: &TcpStream) -> Result<(), Refusal> {
    client.set_read_timeout(None)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::Builder::new().stack_size(128 * 1024).spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    })?;
    let mut to_server = server;
    let _ = io::copy(&mut reader, &mut to_server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}

/// Whether an address is of the public network: none of this machine, of a private network, or with a use of its own
/// (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public_v4(v4),
            // Of what IANA has given out, 2000::/3 is public.
            None => v6.segments()[0] & 0xe000 == 0x2000 && v6.segments()[..2] != [0x2001, 0xdb8],
        },
    }
}

/// The older address in a newer one: mapped, compatible, translated (64:ff9b::/96), or tunnelled (2002::/16).
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text, &[]).unwrap()
    }

    #[test]
    fn a_host_is_a_name_a_pattern_or_has_a_port() {
        assert!(host("crates.io").allows("crates.io", 443) && host("Crates.IO").allows("crates.io", 80));
        assert!(!host("crates.io").allows("crates.io", 22) && !host("crates.io").allows("static.crates.io", 443));
        assert!(host("*.pypi.org").allows("a.b.pypi.org", 443) && !host("*.pypi.org").allows("pypi.org", 443));
        assert!(!host("*.pypi.org").allows("evilpypi.org", 443));
        assert!(host("x.org:8443").allows("x.org", 8443) && !host("x.org:8443").allows("x.org", 443));
        for wrong in ["https://crates.io", "", "*", "*.", "a..b", "a:b", "a b", "a/b", "*.*.org"] {
            assert!(Host::parse(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2002:0101:0101::"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    /// What a client of the proxy gets for a first line and what it says then, and what reaches the server.
    fn talk(hosts: &[&str], first: &str, then: &[u8]) -> (String, Vec<u8>, Vec<String>) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let fill = |text: &str| text.replace("PORT", &port.to_string());
        let hosts = hosts.iter().map(|text| Host::parse(&fill(text), &[]).unwrap()).collect();
        let proxy = Proxy::start(hosts, folder.path().join("handover")).unwrap();
        let reached = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut bytes = Vec::new();
            // A client that waits for its answer says no more.
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let _ = stream.read_to_end(&mut bytes);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nserved");
            bytes
        });
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        client.write_all(fill(first).as_bytes()).unwrap();
        // What was refused at its head is closed by now, maybe.
        let _ = client.write_all(then).and_then(|()| client.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        // A server that was not reached is let go.
        drop(TcpStream::connect(("127.0.0.1", port)));
        let denied = proxy.take_denied().into_iter().map(|text| text.replace(&port.to_string(), "PORT")).collect();
        (String::from_utf8_lossy(&answer).into_owned(), reached.join().unwrap(), denied)
    }

    #[test]
    fn an_allowed_host_is_no_way_to_another() {
        use hello::tests::{hello, name};
        const CONNECT: &str = "CONNECT localhost:PORT HTTP/1.1\r\n\r\n";
        let asks = |host: &str| hello(&[(0, name(host))], 100);
        let (_, reached, denied) = talk(&["localhost:PORT"], CONNECT, &asks("localhost"));
        assert_eq!((reached, denied), (asks("localhost"), vec![]));
        let (_, reached, denied) = talk(&["localhost:PORT"], CONNECT, &asks("evil.org"));
        assert_eq!((reached, denied), (vec![], vec!["connect localhost:PORT (TLS asks for `evil.org`)".to_owned()]));
        let (_, reached, denied) = talk(&["localhost:PORT"], CONNECT, &hello(&[], 100));
        assert_eq!((reached, denied), (vec![], vec!["connect localhost:PORT (TLS names no host)".to_owned()]));
        let (answer, reached, _) = talk(&["example.org"], CONNECT, &asks("localhost"));
        assert!(answer.starts_with("HTTP/1.1 403 ") && reached.is_empty(), "{answer}");
    }

    #[test]
    fn plain_http_goes_to_the_host_of_its_address_one_request_at_a_time() {
        let first =
            "GET http://localhost:PORT/a?b HTTP/1.1\r\nHost: evil.org\r\nX: y\r\nConnection: keep-alive\r\n\r\n";
        let (_, reached, _) = talk(&["localhost:PORT"], first, b"GET http://localhost:1/second HTTP/1.1\r\n\r\n");
        let reached = String::from_utf8(reached).unwrap();
        assert!(reached.starts_with("GET /a?b HTTP/1.1\r\nHost: localhost:"), "{reached}");
        assert!(reached.contains("\r\nX: y\r\n") && reached.contains("Connection: close"), "{reached}");
        assert!(!reached.contains("evil.org") && !reached.contains("second"), "{reached}");
        let chunked = "POST http://localhost:PORT/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (answer, reached, _) = talk(&["localhost:PORT"], chunked, b"0\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 411 ") && reached.is_empty(), "{answer}");
    }
}
