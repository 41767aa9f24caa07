//! The world outside of the sandbox, and how an attack is started and judged.

use std::{
    ffi::OsStr,
    fmt, fs,
    net::{IpAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixDatagram, UnixListener},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cascade_sandbox::{
    Limits, Network, Report, Spec, probe_abilities,
    proxy::{Host, Proxy},
    sandboxed_command,
};

const NOBODY: u32 = 65534;

pub fn helper() -> &'static str {
    env!("CARGO_BIN_EXE_cascade-sandbox-helper")
}

/// How a sandbox is made.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The user, if it is another one.
    user: Option<u32>,
    pub namespaces: bool,
    pub network: Access,
    landlock: i32,
}

/// The network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Off,
    Proxy,
    On,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = match self.user {
            Some(user) => format!("user {user}"),
            None if is_root() => "root".to_owned(),
            None => "the user of the tests".to_owned(),
        };
        let namespaces = if self.namespaces { "namespaces" } else { "no namespaces" };
        let network = match self.network {
            Access::Off => "network off",
            Access::Proxy => "network by the proxy",
            Access::On => "network on",
        };
        write!(f, "{user}, {namespaces}, {network}, Landlock {}", self.landlock)
    }
}

fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() == 0 }
}

/// All settings that this machine has.
pub fn settings() -> Vec<Setting> {
    let abilities = probe_abilities(helper().as_ref()).unwrap();
    let mut settings = Vec::new();
    let users: &[Option<u32>] = if is_root() { &[None, Some(NOBODY)] } else { &[None] };
    if !is_root() {
        println!("not tested: as root");
    }
    if abilities.landlock == 0 {
        println!("not tested: anything, since this machine has no Landlock");
        return settings;
    }
    for user in users {
        for namespaces in [true, false] {
            if namespaces && !abilities.namespaces {
                println!("not tested: namespaces ({})", abilities.no_namespaces.as_deref().unwrap_or_default());
                continue;
            }
            for network in [Access::Off, Access::Proxy, Access::On] {
                settings.push(Setting { user: *user, namespaces, network, landlock: abilities.landlock });
            }
        }
    }
    settings
}

impl Setting {
    /// Whether a command can serve itself.
    pub fn has_loopback(&self) -> bool {
        self.namespaces || self.network == Access::On
    }

    /// Why an attack cannot be tried here.
    pub fn cannot_test(&self, attack: &str) -> Option<&'static str> {
        let is_root = is_root() && self.user.is_none();
        match attack {
            "proxy_hop" | "proxy_other_host" | "proxy_other_port" if self.network != Access::Proxy => {
                Some("there is no proxy")
            }
            "dns" if self.network == Access::On => Some("names may be resolved"),
            "read_shadow" if !is_root => Some("the user may not read it anyway"),
            "signal" | "abstract_socket" | "abstract_datagram" if !self.namespaces && self.landlock < 6 => {
                Some("Landlock is too old")
            }
            _ => None,
        }
    }
}

/// What stands outside, and must stay as it is.
pub struct Outside {
    folder: tempfile::TempDir,
    tcp: TcpListener,
    tcp6: Option<TcpListener>,
    udp: UdpSocket,
    /// A service of the machine that commands with the network on may reach.
    allowed: TcpListener,
    /// At an address of the machine that is not of its loopback.
    own: Option<TcpListener>,
    _path_socket: UnixListener,
    _abstract_socket: UnixListener,
    datagrams: [UnixDatagram; 2],
    abstract_name: String,
    victim: Child,
    proxy: Option<Proxy>,
    inherited: OwnedFd,
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// An address by which others reach this machine; nothing is sent to find it.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o777 } else { 0o666 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Outside {
    pub fn new(setting: &Setting) -> Self {
        let folder = tempfile::Builder::new().prefix("cascade-escape-").tempdir_in("/var/tmp").unwrap();
        open_to_all(folder.path());
        for name in ["out", "box", "box/work", "box/tmp", "home", "home/.ssh"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            open_to_all(&folder.path().join(name));
        }
        for (name, text) in [("out/file", "before"), ("home/.ssh/id_rsa", "PLANTED-KEY"), ("inherited", "before")] {
            fs::write(folder.path().join(name), text).unwrap();
            open_to_all(&folder.path().join(name));
        }
        if let Some(user) = setting.user {
            // What the user could do without a sandbox.
            for name in ["out", "out/file", "home", "home/.ssh", "home/.ssh/id_rsa", "inherited"] {
                std::os::unix::fs::chown(folder.path().join(name), Some(user), Some(user)).unwrap();
            }
        }
        let copy = folder.path().join("helper");
        fs::copy(helper(), &copy).unwrap();
        let attacker = folder.path().join("attacker");
        fs::copy(std::env::current_exe().unwrap(), &attacker).unwrap();
        let path_socket = UnixListener::bind(folder.path().join("out/socket")).unwrap();
        open_to_all(&folder.path().join("out/socket"));
        let abstract_name = format!("cascade-escape-{}", folder.path().file_name().unwrap().display());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let mut victim = Command::new("sleep");
        victim.arg("600").env("PLANTED_TOKEN", "PLANTED-KEY");
        if let Some(user) = setting.user {
            victim.uid(user).gid(user);
        }
        let datagrams = [
            UnixDatagram::bind(folder.path().join("out/datagram")).unwrap(),
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{abstract_name}-datagram")).unwrap())
                .unwrap(),
        ];
        open_to_all(&folder.path().join("out/datagram"));
        for socket in &datagrams {
            socket.set_nonblocking(true).unwrap();
        }
        let proxy = (setting.network == Access::Proxy).then(|| {
            let hosts = vec![Host::parse("allowed.invalid", &[]).unwrap()];
            Proxy::start(hosts, folder.path().join("handover")).unwrap()
        });
        if proxy.is_some() {
            open_to_all(&folder.path().join("handover"));
        }
        let file = fs::OpenOptions::new().write(true).open(folder.path().join("inherited")).unwrap();
        // SAFETY: the result of `dup`, which is not closed on exec, is a new descriptor.
        let inherited = unsafe { OwnedFd::from_raw_fd(libc::dup(file.as_raw_fd())) };
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            tcp6: TcpListener::bind("[::1]:0").ok(),
            allowed: TcpListener::bind("127.0.0.1:0").unwrap(),
            own: own_address().and_then(|address| TcpListener::bind((address, 0)).ok()),
            datagrams,
            udp,
            _path_socket: path_socket,
            _abstract_socket: UnixListener::bind_addr(&address).unwrap(),
            abstract_name,
            victim: victim.spawn().unwrap(),
            proxy,
            inherited,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spec(&self, setting: &Setting) -> Spec {
        let network = match &self.proxy {
            None if setting.network == Access::On => {
                Network::On { supervised: true, local_ports: vec![self.allowed.local_addr().unwrap().port()] }
            }
            None => Network::Off,
            Some(proxy) => Network::Proxy {
                port: if setting.namespaces { cascade_sandbox::proxy::PORT } else { proxy.port() },
                handover: proxy.handover().to_owned(),
            },
        };
        Spec {
            directory: self.path("box/work"),
            writable: vec![self.path("box/work"), self.path("box/tmp")],
            // What is outside can be seen, so that changing it is tried.
            readable: vec![self.path("attacker"), self.path("out")],
            hidden: vec![self.path("home")],
            temporary: self.path("box/tmp"),
            network,
            namespaces: setting.namespaces,
            watched: true,
            limits: Limits {
                cpu_seconds: 20,
                memory: 512 << 20,
                processes: 400,
                disk: 64 << 20,
                file_size: 48 << 20,
                ..Limits::default()
            },
            report: self.path("report"),
        }
    }

    /// What a script was denied, as it is reported.
    pub fn denied(&self, setting: &Setting, script: &str) -> Vec<String> {
        let spec = self.spec(setting);
        open_to_all(self.folder.path());
        let _ = fs::remove_file(&spec.report);
        let mut shell =
            sandboxed_command(&self.path("helper"), &spec, ["/bin/sh", "-c", script].map(OsStr::new)).unwrap();
        shell.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", self.path("box/tmp"));
        shell.env("OUT", self.path("out")).process_group(0);
        if let Some(user) = setting.user {
            shell.uid(user).gid(user);
        }
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{setting}: {output:?}");
        let report: Report =
            fs::read(&spec.report).map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default();
        let out = self.path("out").canonicalize().unwrap().display().to_string();
        report.denied.iter().map(|denied| denied.replace(&out, "OUT")).collect()
    }

    /// How an attack was held, or what it achieved.
    pub fn attack(&self, setting: &Setting, name: &str) -> Result<String, String> {
        let spec = self.spec(setting);
        if setting.user.is_some() {
            // The report is written by the helper.
            open_to_all(self.folder.path());
        }
        let _ = fs::remove_file(&spec.report);
        let attacker = self.path("attacker");
        let argv =
            [attacker.as_os_str(), "--exact".as_ref(), "attack".as_ref(), "--ignored".as_ref(), "--nocapture".as_ref()];
        let mut attack = sandboxed_command(&self.path("helper"), &spec, argv).unwrap();
        attack.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", self.path("box/tmp"));
        attack.env("ESCAPE_ATTACK", name).env("ESCAPE_OUT", self.path("out")).env("ESCAPE_HOME", self.path("home"));
        attack.env("ESCAPE_ABSTRACT", &self.abstract_name).env("ESCAPE_VICTIM", self.victim.id().to_string());
        attack.env("ESCAPE_MARK", self.folder.path()).env("ESCAPE_CASCADE", std::process::id().to_string());
        attack.env("ESCAPE_TCP", self.tcp.local_addr().unwrap().port().to_string());
        let port6 = self.tcp6.as_ref().map_or(1, |listener| listener.local_addr().unwrap().port());
        attack
            .env("ESCAPE_TCP6", port6.to_string())
            .env("ESCAPE_UDP", self.udp.local_addr().unwrap().port().to_string());
        attack.env("ESCAPE_ALLOWED", self.allowed.local_addr().unwrap().port().to_string());
        if let Some(own) = &self.own {
            attack.env("ESCAPE_OWN", own.local_addr().unwrap().to_string());
        }
        if let Network::Proxy { port, .. } = spec.network {
            attack.env("ESCAPE_PROXY", port.to_string());
        }
        if let Some(user) = setting.user {
            attack.uid(user).gid(user);
        }
        attack.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let output = attack.spawn().unwrap().wait_with_output().unwrap();
        let report: Report =
            fs::read(&spec.report).map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default();
        assert!(report.setup.is_none(), "{setting}: {name}: {report:?}");
        self.judge(name, began)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("HELD ").or_else(|| line.split_once("HELD ").map(|(_, how)| how)));
        match (line, &report.limit) {
            (_, Some(limit)) => Ok(limit.clone()),
            (Some(how), None) if output.status.code() == Some(11) => Ok(how.to_owned()),
            _ if said.contains("ESCAPED") => {
                Err(said.lines().find(|line| line.contains("ESCAPED")).unwrap().to_owned())
            }
            // Ended by a signal: of a limit, or of the filter.
            _ => match std::os::unix::process::ExitStatusExt::signal(&output.status) {
                Some(signal) => Ok(format!("ended by signal {signal}")),
                None => Err(format!("it ended oddly: {output:?}")),
            },
        }
    }

    /// Whether everything outside is as it was.
    fn judge(&self, name: &str, began: Instant) -> Result<(), String> {
        let text = |file: &str| fs::read_to_string(self.path(file)).unwrap_or_default();
        if text("out/file") != "before" || text("inherited") != "before" {
            return Err("a file outside was changed".to_owned());
        }
        let _ = &self.inherited;
        let files: Vec<_> = fs::read_dir(self.path("out")).unwrap().flatten().map(|entry| entry.file_name()).collect();
        if files.len() != 3 {
            return Err(format!("outside are now {files:?}"));
        }
        let mode = fs::metadata(self.path("out/file")).unwrap().permissions().mode() & 0o7777;
        if mode != 0o666 {
            open_to_all(&self.path("out/file"));
            return Err(format!("the mode of a file outside was changed to {mode:o}"));
        }
        if began.elapsed() > Duration::from_secs(90) {
            return Err("it could not be ended".to_owned());
        }
        let mut datagrams = 0;
        while self.udp.recv(&mut [0; 16]).is_ok() {
            datagrams += 1;
        }
        if datagrams > 0 {
            return Err("a datagram came".to_owned());
        }
        if self.datagrams.iter().any(|socket| socket.recv(&mut [0; 16]).is_ok()) {
            return Err("a datagram came to a local service".to_owned());
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.victim.id())).unwrap_or_default();
        if !stat.contains(") S ") {
            return Err(format!("a process outside was reached: {stat}"));
        }
        // Nothing that carries the mark of the attack is left.
        let mark = format!("ESCAPE_MARK={}", self.folder.path().display());
        for _ in 0..100 {
            let left = fs::read_dir("/proc").unwrap().flatten().find(|entry| {
                let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
            });
            if left.is_none() {
                return Ok(());
            }
            // What was killed takes a moment to end.
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("a process outlived `{name}`"))
    }
}
