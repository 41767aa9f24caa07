//! What a process does to itself before it becomes the command: limits, capabilities, Landlock, seccomp.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, RawFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
};

use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules};

use super::{
    about,
    filter::{self, Asked},
    sys,
};
use crate::{
    Spec,
    system::{SECRETS_OF_THE_SYSTEM, device_files, system_paths},
};

pub(super) fn confine(spec: &Spec, to_supervisor: &UnixStream) -> io::Result<()> {
    std::env::set_current_dir(&spec.directory).map_err(|error| about(&spec.directory.display().to_string(), &error))?;
    set_limits(spec)?;
    sys::drop_capabilities().map_err(|error| about("capabilities", &error))?;
    sys::prctl_no_new_privileges()?;
    restrict_files(spec)?;
    install_filter(spec, to_supervisor).map_err(|error| about("seccomp", &error))?;
    sys::close_on_exec_from(3)
}

/// Installs the filters, and gives the supervisor the listener.
fn install_filter(spec: &Spec, to_supervisor: &UnixStream) -> io::Result<()> {
    if filter::asked(spec) == Asked::Send {
        return install_filter_of_sending(spec, to_supervisor);
    }
    match filter::install(spec)? {
        Some(listener) => sys::send_descriptor(to_supervisor.as_fd(), &listener),
        None => Ok(()),
    }
}

/// The same where sending is among the calls that wait for the supervisor: a child with the same descriptors sends it,
/// which is not under the filter.
fn install_filter_of_sending(spec: &Spec, to_supervisor: &UnixStream) -> io::Result<()> {
    let (mut numbers, mut to_sender) = io::pipe()?;
    let Some(_) = sys::fork_into(libc::CLONE_FILES)? else {
        let mut number = [0; 4];
        let sent = numbers
            .read_exact(&mut number)
            .and_then(|()| sys::send_descriptor(to_supervisor.as_fd(), &RawFd::from_ne_bytes(number)));
        sys::exit(sent.is_err().into())
    };
    let listener = filter::install(spec)?.ok_or(io::ErrorKind::NotFound)?;
    to_sender.write_all(&listener.as_raw_fd().to_ne_bytes())?;
    match sys::wait_any(true) {
        Some((_, 0)) => Ok(()),
        _ => Err(io::Error::other("the supervisor cannot be told of the filter")),
    }
}

fn set_limits(spec: &Spec) -> io::Result<()> {
    let limits = &spec.limits;
    let all = [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_CPU, limits.cpu_seconds),
        (libc::RLIMIT_DATA, limits.memory),
        (libc::RLIMIT_NOFILE, limits.open_files),
        (libc::RLIMIT_FSIZE, limits.file_size),
        (libc::RLIMIT_MEMLOCK, 64 << 20),
    ];
    for (resource, value) in all {
        sys::limit(resource, value).map_err(|error| about("limits", &error))?;
    }
    // In a user namespace its own processes are counted, without one all those of the user.
    let others = match (spec.namespaces, sys::user_and_group().0) {
        (true, _) => 0,
        // The limit does not hold for the superuser.
        (false, 0) => return Ok(()),
        (false, _) => super::watchdog::count_processes_of_user(),
    };
    sys::limit(libc::RLIMIT_NPROC, limits.processes.saturating_add(others)).map_err(|error| about("limits", &error))
}

/// Landlock: reading the system and tool chains, writing the workspace, and no signals to the outside.
fn restrict_files(spec: &Spec) -> io::Result<()> {
    if sys::landlock_version() == 0 {
        // Whether that is acceptable was decided by who started the command; see `Abilities::promises`.
        return Ok(());
    }
    let abi = ABI::V6;
    let read = AccessFs::from_read(abi);
    let mut readable: Vec<PathBuf> = spec.readable.iter().cloned().chain(system_paths()).collect();
    if !spec.namespaces && sys::user_and_group().0 == 0 {
        // Others may not read them anyway. Where nothing can be mounted over secrets, the folders around them are opened piece by piece.
        readable = readable.into_iter().flat_map(without_secrets).collect();
    }
    let restrict = || -> Result<(), landlock::RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .add_rules(path_beneath_rules(readable, read))?
            .add_rules(path_beneath_rules(device_files(), AccessFs::from_all(abi)))?
            .add_rules(path_beneath_rules(spec.writable.iter().chain([&spec.temporary]), AccessFs::from_all(abi)))?
            .add_rules(path_beneath_rules(spec.namespaces.then_some("/tmp"), AccessFs::from_all(abi)))?
            .restrict_self()?;
        Ok(())
    };
    restrict().map_err(|error| io::Error::other(format!("Landlock: {error}")))
}

/// A path as it may be read: itself, or what is in it but for the secrets.
fn without_secrets(path: PathBuf) -> Vec<PathBuf> {
    let secrets = || SECRETS_OF_THE_SYSTEM.iter().map(Path::new);
    if secrets().any(|secret| path.starts_with(secret)) {
        return Vec::new();
    }
    if !secrets().any(|secret| secret.starts_with(&path)) {
        return vec![path];
    }
    let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
    entries.flat_map(|entry| without_secrets(entry.path())).collect()
}
