//! What a sandbox allows one command, as it is handed to the helper.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What one command may do. Paths are absolute and without links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Where the command works.
    pub directory: PathBuf,
    /// Folders that it may change, with everything below them: the workspace, and its private folders.
    pub writable: Vec<PathBuf>,
    /// Folders and files that it may read besides [`crate::system_paths`] and what it may change.
    pub readable: Vec<PathBuf>,
    /// Folders that it sees empty where mounts are allowed, but for what it may read or write in them: the home.
    pub hidden: Vec<PathBuf>,
    /// The folder that it sees as `/tmp` where mounts are allowed; it must be among `writable`.
    pub temporary: PathBuf,
    /// The network.
    pub network: Network,
    /// Whether namespaces are used. Without them Landlock, seccomp and a supervisor enforce what they can.
    pub namespaces: bool,
    /// Whether changes of files that are denied are reported. It takes every call that could change a file some
    /// microseconds.
    pub watched: bool,
    /// The limits.
    pub limits: Limits,
    /// Where the helper writes its [`crate::Report`], if there is anything to report.
    pub report: PathBuf,
}

/// The network of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// None but a loopback of its own, where the machine allows that.
    Off,
    /// That of the machine, without local sockets.
    On {
        /// Whether a supervisor keeps the command from services of this machine itself. The loopback of the command is
        /// that of the machine, of which it reaches its own ports then.
        supervised: bool,
        /// Ports of this machine that it may reach by TCP all the same.
        local_ports: Vec<u16>,
    },
    /// Only a proxy, at this port of the loopback.
    Proxy {
        /// The port.
        port: u16,
        /// The socket of the proxy that takes the listener, where the command has a loopback of its own.
        handover: PathBuf,
    },
}

/// The limits of a command and everything that it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Processor time of one process, in seconds.
    pub cpu_seconds: u64,
    /// Memory of all processes together, in bytes; also that of any one.
    pub memory: u64,
    /// Processes and threads at a time.
    pub processes: u64,
    /// Open files of a process.
    pub open_files: u64,
    /// The size of a file, in bytes.
    pub file_size: u64,
    /// What the command may add to its folders, in bytes.
    pub disk: u64,
    /// What must stay free on the disk, in bytes.
    pub free_disk: u64,
}

impl Spec {
    /// Whether the command has a network of its own, with nothing in it but a loopback.
    pub(crate) fn has_own_network(&self) -> bool {
        self.namespaces && !matches!(self.network, Network::On { .. })
    }
}

const GIB: u64 = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_seconds: 3600,
            memory: 8 * GIB,
            processes: 2048,
            open_files: 4096,
            file_size: 8 * GIB,
            disk: 16 * GIB,
            free_disk: GIB / 2,
        }
    }
}

/// What the helper has to say of a command, beyond its exit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Why the sandbox could not be set up; then the command was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<String>,
    /// The error number with which the command itself could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<i32>,
    /// The limit for which it was ended, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What was denied, where the sandbox saw it: `connect 127.0.0.1:22`, `write /etc/hosts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

impl Report {
    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
