//! The file system as a command sees it, in a mount namespace.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use super::{about, sys};
use crate::{
    Spec,
    system::{SECRETS_OF_THE_SYSTEM, system_paths},
};

/// A mount that is taken before the others change, with the place where it is mounted again.
struct Bind {
    target: PathBuf,
    tree: OwnedFd,
    is_folder: bool,
}

impl Bind {
    fn take(source: &Path, target: &Path, read_only: bool) -> io::Result<Self> {
        let is_folder = fs::metadata(source)?.is_dir();
        let tree = sys::open_tree(source).map_err(|error| about(&source.display().to_string(), &error))?;
        sys::confine_mount(Some(tree.as_fd()), read_only)
            .map_err(|error| about(&source.display().to_string(), &error))?;
        Ok(Self { target: target.to_owned(), tree, is_folder })
    }

    fn put(&self) -> io::Result<()> {
        let put = || {
            if fs::symlink_metadata(&self.target).is_err() {
                match self.is_folder {
                    true => fs::create_dir_all(&self.target)?,
                    false => {
                        if let Some(folder) = self.target.parent() {
                            fs::create_dir_all(folder)?;
                        }
                        fs::write(&self.target, "")?;
                    }
                }
            }
            sys::move_mount(&self.tree, &self.target)
        };
        put().map_err(|error| about(&self.target.display().to_string(), &error))
    }
}

/// Folders that are replaced by empty ones: homes, and where local services listen.
fn private_folders(spec: &Spec) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/root", "/home", "/run", "/var/run", "/var/tmp", "/dev/shm", "/mnt", "/media", "/srv"]
            .iter()
            .map(PathBuf::from)
            .collect();
    folders.extend(spec.hidden.iter().filter(|folder| !folder.starts_with("/tmp")).cloned());
    folders.retain(|folder| {
        let real = fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir());
        real && folder.parent().is_some()
    });
    folders.sort();
    // What is in one of them is hidden with it.
    folders.dedup_by(|inner, outer| inner.starts_with(outer));
    folders
}

/// Makes everything read-only but what the command may write, and puts empty folders over what is private.
pub(super) fn prepare(spec: &Spec) -> io::Result<()> {
    sys::mount(c"none", Path::new("/"), c"none", libc::MS_REC | libc::MS_PRIVATE, None)
        .map_err(|error| about("mounts of its own", &error))?;
    // Taken before anything is hidden, and put back at their places afterwards: a workspace may be below a home.
    let private = private_folders(spec);
    let is_private = |path: &Path| path.starts_with("/tmp") || private.iter().any(|folder| path.starts_with(folder));
    let mut binds = Vec::new();
    for path in spec.readable.iter().chain(&system_paths()) {
        // Folders that are nowhere need no place.
        if is_private(path) && path.exists() {
            binds.push(Bind::take(path, path, true)?);
        }
    }
    for path in &spec.writable {
        binds.push(Bind::take(path, path, false)?);
    }
    let temporary = Bind::take(&spec.temporary, Path::new("/tmp"), false)?;
    // Outer folders first, so that none hides an inner one.
    binds.sort_by_key(|bind| bind.target.components().count());
    sys::confine_mount(None, true).map_err(|error| about("mounts that cannot be written", &error))?;
    for folder in &private {
        let options = match folder.ends_with("shm") {
            true => c"mode=1777,size=256m,nr_inodes=4096",
            false => c"mode=0755,size=1m,nr_inodes=1024",
        };
        sys::mount(c"tmpfs", folder, c"tmpfs", libc::MS_NOSUID | libc::MS_NODEV, Some(options))
            .map_err(|error| about(&folder.display().to_string(), &error))?;
    }
    temporary.put()?;
    for bind in &binds {
        bind.put()?;
    }
    for secret in SECRETS_OF_THE_SYSTEM.iter().map(Path::new) {
        hide(secret)?;
    }
    mount_processes()?;
    if kernel_limits_namespaces() {
        // RLIMIT_NPROC is there too, and the watchdog.
        let _ = limit_processes(spec.limits.processes);
    }
    Ok(())
}

fn hide(path: &Path) -> io::Result<()> {
    let hidden = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let options = Some(c"mode=0755,size=4k,nr_inodes=2");
            sys::mount(c"tmpfs", path, c"tmpfs", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_RDONLY, options)
        }
        Ok(meta) if meta.is_file() => sys::mount(c"/dev/null", path, c"none", libc::MS_BIND, None),
        _ => Ok(()),
    };
    hidden.map_err(|error| about(&path.display().to_string(), &error))
}

/// The list of processes of the namespace. In a container it may be forbidden to mount one; then that of the container
/// stays, and Landlock keeps the command from what is in it.
fn mount_processes() -> io::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    match sys::mount(c"proc", Path::new("/proc"), c"proc", flags, None) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
        other => other.map_err(|error| about("/proc", &error)),
    }
}

/// Whether the number of processes is counted for each namespace: before Linux 6.14 it was that of the machine.
fn kernel_limits_namespaces() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 14)
}

/// Limits the processes of the namespace. The least that the kernel takes is 301.
pub(super) fn limit_processes(most: u64) -> io::Result<()> {
    if !kernel_limits_namespaces() {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    fs::write("/proc/sys/kernel/pid_max", most.clamp(301, 4_000_000).to_string())
}

/// Tries every kind of mount that [`prepare`] needs.
pub(super) fn try_all() -> io::Result<()> {
    sys::mount(c"none", Path::new("/"), c"none", libc::MS_REC | libc::MS_PRIVATE, None)?;
    let bind = Bind::take(Path::new("/tmp"), Path::new("/tmp"), false)?;
    sys::confine_mount(None, true)?;
    bind.put()?;
    sys::mount(c"tmpfs", Path::new("/var/tmp"), c"tmpfs", libc::MS_NOSUID | libc::MS_NODEV, None)?;
    mount_processes()
}
