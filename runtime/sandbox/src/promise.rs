//! What a sandbox promises, and what of it this machine can hold.

use serde::{Deserialize, Serialize};

use crate::Network;

/// A promise of a sandbox. `allow_unenforced` of `cascade.toml` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Files outside of the workspace are not created, changed or removed.
    Writes,
    /// Modes, owners and times of files outside of the workspace are not changed.
    Metadata,
    /// Files outside are not read, but for those of the system and of tool chains.
    Reads,
    /// The network is reached only as the policy says.
    Network,
    /// Processes outside are not seen, signalled or traced, and nothing inside outlives the command.
    Processes,
    /// Memory, processes and disk are limited.
    Limits,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Writes, Self::Metadata, Self::Reads, Self::Network, Self::Processes, Self::Limits];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::Metadata => "metadata",
            Self::Reads => "reads",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Limits => "limits",
        }
    }

    /// The promise with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|promise| promise.name() == name)
    }

    /// What it says, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Writes => "no file outside of the workspace is created, changed or removed",
            Self::Metadata => "no mode, owner or time of a file outside is changed",
            Self::Reads => "credentials and other people's files cannot be read",
            Self::Network => "the network is reached only as the policy says",
            Self::Processes => "no process outside is reached, and none inside outlives its command",
            Self::Limits => "memory, processes and disk are limited",
        }
    }
}

/// Whether this machine holds a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The promise.
    pub promise: Promise,
    /// Whether it is held.
    pub held: bool,
    /// By which means, or why not.
    pub why: String,
    /// What to do about a promise that is not held; empty for one that is.
    pub remedy: String,
}

/// What this machine lets a process do to itself, as a child that was started to find out has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Abilities {
    /// Whether all namespaces can be made, with the mounts in them.
    pub namespaces: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_namespaces: Option<String>,
    /// The version of Landlock; 0: none.
    pub landlock: i32,
    /// Whether seccomp filters are taken.
    pub seccomp: bool,
    /// Whether a supervisor can be asked about system calls.
    pub notify: bool,
    /// Whether the number of processes of a namespace can be limited.
    pub pid_max: bool,
    /// Whether this is the superuser, for whom RLIMIT_NPROC does not hold.
    pub is_root: bool,
}

const LINUX: &str = "use Linux 5.13 or newer with Landlock (CONFIG_SECURITY_LANDLOCK, and `landlock` in `lsm=`)";
const NAMESPACES: &str = "allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu \
     `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, in a container run it with a seccomp profile that allows \
     `unshare`";

impl Abilities {
    /// The same machine without namespaces.
    #[must_use]
    pub fn without_namespaces(mut self, why: &str) -> Self {
        self.namespaces = false;
        self.no_namespaces = Some(why.to_owned());
        self.pid_max = false;
        self
    }

    /// Which promises are held for a command with this network.
    pub fn promises(&self, network: &Network) -> Vec<Held> {
        Promise::ALL.into_iter().map(|promise| self.promise(promise, network)).collect()
    }

    fn promise(&self, promise: Promise, network: &Network) -> Held {
        let yes = |why: &str| Held { promise, held: true, why: why.to_owned(), remedy: String::new() };
        let no =
            |why: &str, remedy: &str| Held { promise, held: false, why: why.to_owned(), remedy: remedy.to_owned() };
        let no_namespaces = || format!("no namespaces: {}", self.no_namespaces.as_deref().unwrap_or("not available"));
        let (landlock, namespaces) = (self.landlock > 0, self.namespaces);
        match promise {
            Promise::Writes => match (namespaces, landlock) {
                (true, true) => yes("mounts that cannot be written, and Landlock"),
                (true, false) => yes("mounts that cannot be written"),
                (false, true) => yes("Landlock"),
                (false, false) => no("neither namespaces nor Landlock", LINUX),
            },
            Promise::Metadata if namespaces => yes("mounts that cannot be written"),
            Promise::Metadata => no(&no_namespaces(), NAMESPACES),
            Promise::Reads if landlock && namespaces => yes("Landlock, and mounts over what is private"),
            Promise::Reads if landlock => yes("Landlock"),
            Promise::Reads => no("no Landlock", LINUX),
            Promise::Network => match network {
                _ if !self.seccomp => no("no seccomp", "use a kernel with CONFIG_SECCOMP_FILTER"),
                Network::On { supervised: true, .. } if self.notify => {
                    yes("a supervisor connects to other machines only; local sockets are denied by seccomp")
                }
                Network::On { .. } => no(
                    "no supervision of `connect`: services of this machine itself could be reached",
                    "use Linux 5.6 or newer, and not from within another sandbox that supervises",
                ),
                _ if namespaces => yes("a network of its own, and seccomp"),
                Network::Off => yes("seccomp denies sockets"),
                Network::Proxy { .. } if self.notify => yes("a supervisor asks for each connection"),
                Network::Proxy { .. } => no("no supervision of `connect`", "use Linux 5.6 or newer"),
            },
            Promise::Processes => match () {
                () if namespaces => yes("processes of its own, which end with the command"),
                () if self.landlock >= 6 => yes("Landlock scopes, and a supervisor that ends what is left"),
                () if landlock => no(
                    "Landlock is too old to deny signals to processes of the same user, and there are no namespaces",
                    "use Linux 6.12 or newer, or allow user namespaces",
                ),
                () => no(&no_namespaces(), NAMESPACES),
            },
            Promise::Limits if self.pid_max => yes("limits of processes and of the namespace, and a watchdog"),
            Promise::Limits => yes("limits of processes, and a watchdog"),
        }
    }
}
