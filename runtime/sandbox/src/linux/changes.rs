//! Notices, for a report, which changes of files a sandbox denies.
//!
//! It denies them by mounts and by Landlock, which tell nobody but the caller. So calls that would change files are told
//! to the supervisor, which looks at the path and lets the kernel go on. A caller can deceive it about the path; what
//! the caller can do does not depend on that.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};

use super::sys::{self, Notification};
use crate::{Spec, without_dots};

/// System calls that change what a path leads to, whatever their arguments. Opening a file is one only with some flags.
pub(super) const CALLS: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmodat,
    libc::SYS_truncate,
];

/// Flags with which opening a file is a change, or may become one.
pub(super) const WRITING: libc::c_int = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;

/// What a call does to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Writes a file, which is made if it is not there and `creates`.
    Write { creates: bool },
    /// Makes an entry that is not there yet.
    Make,
    /// Removes an entry, or moves it away.
    Remove,
    /// Changes the mode of what is there.
    Mode,
}

/// A path in the memory of a caller, and the descriptor from which it leads on.
struct Target {
    folder: u64,
    path: u64,
    kind: Kind,
}

/// Where a command may change files.
pub(super) struct Changes {
    writable: Vec<PathBuf>,
    /// Whether modes are kept too; Landlock alone does not keep them.
    keeps_modes: bool,
}

impl Changes {
    pub(super) fn new(spec: &Spec) -> Self {
        // Devices and the list of processes have rules of their own.
        let mut writable: Vec<PathBuf> = ["/dev", "/proc"].iter().map(PathBuf::from).collect();
        writable.extend(spec.writable.iter().chain([&spec.temporary]).cloned());
        writable.extend(spec.namespaces.then(|| PathBuf::from("/tmp")));
        Self { writable, keeps_modes: spec.namespaces }
    }

    /// What of a call the sandbox denies: `write /etc/hosts`. Nothing of one that would fail without it, because
    /// something is not there.
    pub(super) fn find_denied(&self, notification: &Notification) -> Vec<String> {
        let pid = notification.pid;
        let denied = |target: Target| self.find_denied_target(pid, &target);
        find_targets(notification).into_iter().flatten().filter_map(denied).collect()
    }

    fn find_denied_target(&self, pid: libc::pid_t, target: &Target) -> Option<String> {
        if target.kind == Kind::Mode && !self.keeps_modes {
            return None;
        }
        let path = sys::read_text(pid, target.path).ok().filter(|path| !path.is_empty())?;
        let path = Path::new(OsStr::from_bytes(&path)).to_path_buf();
        let path = match path.is_absolute() {
            true => path,
            false => folder_of(pid, target.folder)?.join(path),
        };
        if self.is_writable(&without_dots(&path)) {
            return None;
        }
        let real = find_real(pid, &path, target.kind)?;
        let verb = match target.kind {
            Kind::Write { .. } | Kind::Make => "write",
            Kind::Remove => "remove",
            Kind::Mode => "change the mode of",
        };
        (!self.is_writable(&real)).then(|| format!("{verb} {}", real.display()))
    }

    fn is_writable(&self, path: &Path) -> bool {
        self.writable.iter().any(|folder| path.starts_with(folder))
    }
}

/// What a call would change.
fn find_targets(notification: &Notification) -> [Option<Target>; 2] {
    const HERE: u64 = libc::AT_FDCWD as u32 as u64;
    let args = &notification.args;
    let one = |folder, path, kind| [Some(Target { folder, path, kind }), None];
    let moved = |from, old, to, new| {
        [
            Some(Target { folder: from, path: old, kind: Kind::Remove }),
            Some(Target { folder: to, path: new, kind: Kind::Write { creates: true } }),
        ]
    };
    let creates = |flags: u64| Kind::Write { creates: flags & libc::O_CREAT as u64 != 0 };
    match notification.call {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => one(HERE, args[0], creates(args[1])),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => one(HERE, args[0], Kind::Write { creates: true }),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => one(HERE, args[0], Kind::Make),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rmdir | libc::SYS_unlink => one(HERE, args[0], Kind::Remove),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => moved(HERE, args[0], HERE, args[1]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_renameat => moved(args[0], args[1], args[2], args[3]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link | libc::SYS_symlink => one(HERE, args[1], Kind::Make),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => one(HERE, args[0], Kind::Mode),
        libc::SYS_openat => one(args[0], args[1], creates(args[2])),
        libc::SYS_mkdirat => one(args[0], args[1], Kind::Make),
        libc::SYS_unlinkat => one(args[0], args[1], Kind::Remove),
        libc::SYS_renameat2 => moved(args[0], args[1], args[2], args[3]),
        libc::SYS_linkat => one(args[2], args[3], Kind::Make),
        libc::SYS_symlinkat => one(args[1], args[2], Kind::Make),
        libc::SYS_fchmodat => one(args[0], args[1], Kind::Mode),
        libc::SYS_truncate => one(HERE, args[0], Kind::Write { creates: false }),
        _ => [None, None],
    }
}

/// The folder of a descriptor of a process, or its working directory.
fn folder_of(pid: libc::pid_t, descriptor: u64) -> Option<PathBuf> {
    // Of the number the kernel looks at the lower half.
    let link = match descriptor as u32 as libc::c_int {
        libc::AT_FDCWD => format!("/proc/{pid}/cwd"),
        number => format!("/proc/{pid}/fd/{number}"),
    };
    fs::read_link(link).ok()
}

/// Where a path leads for a process, without links; `None` when the call would not come to change anything there.
fn find_real(pid: libc::pid_t, path: &Path, kind: Kind) -> Option<PathBuf> {
    let root = File::open(format!("/proc/{pid}/root")).ok()?;
    let open = |path: &Path, more: OFlags| {
        let flags = OFlags::PATH | OFlags::CLOEXEC | more;
        rustix::fs::openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()
    };
    let place = |fd: &rustix::fd::OwnedFd| fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok();
    if let Kind::Write { .. } | Kind::Mode = kind
        && let Some(found) = open(path, OFlags::empty())
    {
        return place(&found);
    }
    let folder = open(path.parent()?, OFlags::DIRECTORY)?;
    let name = path.file_name()?;
    let is_there = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let changes = match kind {
        Kind::Write { creates } => creates,
        Kind::Make => !is_there,
        Kind::Remove => is_there,
        Kind::Mode => false,
    };
    changes.then(|| place(&folder).map(|folder| folder.join(name)))?
}
