//! The system calls that have no safe wrapper in the libraries at hand. All unsafe code of the crate is here.
//!
//! The helper has one thread until it has forked, so that a child may do after `fork` whatever its parent may.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

/// All namespaces but that of users.
pub(super) const NAMESPACES: libc::c_int =
    libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// A child like that of `fork`, in new namespaces; `None` in the child.
pub(super) fn fork_into(namespaces: libc::c_int) -> io::Result<Option<libc::pid_t>> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without a stack and without shared memory this is `fork`, and the process has one thread.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    Ok(libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0))
}

/// Calls `prctl` with numbers.
pub(super) fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    // SAFETY: all options that are used here take numbers.
    check(unsafe { libc::prctl(option, argument, 0, 0, 0) }.into()).map(drop)
}

/// From now on no program that is executed gets more rights than this process has.
pub(super) fn prctl_no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// Drops all capabilities for good, also those that a program of the superuser would get.
pub(super) fn drop_capabilities() -> io::Result<()> {
    for capability in 0..=63 {
        // Numbers beyond the last capability are refused, and then there is nothing to drop.
        let _ = prctl(libc::PR_CAPBSET_DROP, capability);
    }
    // Of no use where it is refused: the bounding set is empty.
    let _ = prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong);
    #[repr(C)]
    struct Header(u32, i32);
    let header = Header(0x2008_0522, 0);
    let data = [[0u32; 3]; 2];
    // SAFETY: version 3 reads a header and two sets.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) }).map(drop)
}

/// Mounts a file system.
pub(super) fn mount(
    source: &CStr,
    target: &Path,
    kind: &CStr,
    flags: libc::c_ulong,
    options: Option<&CStr>,
) -> io::Result<()> {
    let target = c_path(target)?;
    let data = options.map_or(std::ptr::null(), |options| options.as_ptr().cast());
    // SAFETY: all pointers are to texts that live until the call returns.
    let result = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data) };
    check(result.into()).map(drop)
}

#[repr(C)]
#[derive(Default)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;

/// Makes a mount and those below it unable to give rights, and, if `read_only`, unable to be written.
pub(super) fn confine_mount(at: Option<BorrowedFd<'_>>, read_only: bool) -> io::Result<()> {
    let set = MOUNT_ATTR_NOSUID | if read_only { MOUNT_ATTR_RDONLY } else { 0 };
    let attributes = MountAttributes { set, ..MountAttributes::default() };
    let (fd, path, flags) = match at {
        Some(fd) => (fd.as_raw_fd(), c"", AT_RECURSIVE | libc::AT_EMPTY_PATH as libc::c_uint),
        None => (libc::AT_FDCWD, c"/", AT_RECURSIVE),
    };
    // SAFETY: the structure is that of the call, with its size.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    })
    .map(drop)
}

/// A copy of the mount of a path, which is mounted nowhere yet.
pub(super) fn open_tree(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let flags = 1 | AT_RECURSIVE | libc::O_CLOEXEC as libc::c_uint;
    // SAFETY: the path lives until the call returns; the result is a new descriptor.
    unsafe {
        let fd = check(libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Mounts what [`open_tree`] gave.
pub(super) fn move_mount(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    let target = c_path(target)?;
    // SAFETY: both paths live until the call returns; 4 is MOVE_MOUNT_F_EMPTY_PATH.
    check(unsafe {
        libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), c"".as_ptr(), libc::AT_FDCWD, target.as_ptr(), 4)
    })
    .map(drop)
}

/// Marks all descriptors from this one as closed when a program is executed.
pub(super) fn close_on_exec_from(first: libc::c_uint) -> io::Result<()> {
    // SAFETY: takes numbers; 4 is CLOSE_RANGE_CLOEXEC.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 4) }).map(drop)
}

/// Brings the loopback of a network namespace up.
pub(super) fn raise_loopback() -> io::Result<()> {
    // SAFETY: the request is zeroed and then filled as `netdevice(7)` says.
    unsafe {
        let socket = check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())?;
        let socket = OwnedFd::from_raw_fd(socket as RawFd);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (place, byte) in request.ifr_name.iter_mut().zip(b"lo\0") {
            *place = *byte as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request).into()).map(drop)
    }
}

/// Sends a descriptor over a local socket.
pub(super) fn send_descriptor(socket: BorrowedFd<'_>, sent: &impl AsRawFd) -> io::Result<()> {
    let mut byte = [0u8; 1];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = [0u64; 4];
    // SAFETY: the buffers live until the call returns, and `control` has room for one descriptor.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
        libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(sent.as_raw_fd());
        check(libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) as libc::c_long).map(drop)
    }
}

/// Receives a descriptor from a local socket.
pub(crate) fn receive_descriptor(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut byte = [0u8; 1];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = [0u64; 4];
    // SAFETY: the buffers live until the call returns; a descriptor that came is a new one.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        check(libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) as libc::c_long)?;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no descriptor came"));
        }
        Ok(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
    }
}

/// Signals that the helper looks at instead of obeying.
pub(super) const WATCHED_SIGNALS: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD];

fn signal_set(signals: &[libc::c_int]) -> libc::sigset_t {
    // SAFETY: an empty set is made, and numbers of signals are added.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}

/// Blocks the watched signals, and gives a descriptor that tells of them.
pub(super) fn watch_signals() -> io::Result<OwnedFd> {
    let set = signal_set(&WATCHED_SIGNALS);
    // SAFETY: the set lives until the calls return; the result is a new descriptor.
    unsafe {
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()).into())?;
        let fd = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// The signals that came since the last call.
pub(super) fn read_signals(fd: &OwnedFd) -> Vec<libc::c_int> {
    let mut signals = Vec::new();
    loop {
        // SAFETY: the kernel writes whole structures, of which there is one.
        unsafe {
            let mut info: libc::signalfd_siginfo = std::mem::zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            if libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) != size as isize {
                return signals;
            }
            signals.push(info.ssi_signo as libc::c_int);
        }
    }
}

/// Lets the signals through again, with what they do by default: for what is executed.
pub(super) fn restore_signals() {
    let set = signal_set(&WATCHED_SIGNALS);
    // SAFETY: default actions are set; the set lives until the call returns.
    unsafe {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD, libc::SIGPIPE, libc::SIGQUIT] {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Sends a signal to a process, or a group if negative. One that has ended is no error.
pub(super) fn kill(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: takes numbers.
    unsafe { libc::kill(pid, signal) };
}

/// Ends this process by a signal, as the command ended.
pub(super) fn die_by(signal: libc::c_int) {
    restore_signals();
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: takes numbers and a structure that lives until the call returns.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

/// Waits for any child: its number and its status; `None` when there is none whose end is not known.
pub(super) fn wait_any(block: bool) -> Option<(libc::pid_t, libc::c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: the status lives until the call returns.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, if block { 0 } else { libc::WNOHANG }) };
        match pid {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            ..=0 => return None,
            _ => return Some((pid, status)),
        }
    }
}

/// Executes a program, found as a shell does; returns only if that fails.
pub(super) fn execute(argv: &[CString]) -> io::Error {
    let mut pointers: Vec<*const libc::c_char> = argv.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    if let Some(program) = argv.first() {
        // SAFETY: the list ends with null, and its texts live until the call returns.
        unsafe { libc::execvp(program.as_ptr(), pointers.as_ptr()) };
    }
    io::Error::last_os_error()
}

/// Ends this process at once.
pub(super) fn exit(code: libc::c_int) -> ! {
    // SAFETY: takes a number.
    unsafe { libc::_exit(code) }
}

/// Sets a limit, lowered to what is allowed.
pub(super) fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    // SAFETY: the structure lives until the calls return.
    unsafe {
        let mut now: libc::rlimit = std::mem::zeroed();
        check(libc::getrlimit(resource, &raw mut now).into())?;
        let value = (value as libc::rlim_t).min(now.rlim_max);
        let new = libc::rlimit { rlim_cur: value, rlim_max: value };
        check(libc::setrlimit(resource, &raw const new).into()).map(drop)
    }
}

/// Installs a seccomp filter; gives its listener if asked for.
pub(super) fn install_filter(filter: &[libc::sock_filter], listener: bool) -> io::Result<Option<OwnedFd>> {
    let program =
        libc::sock_fprog { len: filter.len().try_into().unwrap_or(u16::MAX), filter: filter.as_ptr().cast_mut() };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the program lives until the call returns; the kernel copies it.
        check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })
    };
    if !listener {
        return install(0).map(|_| None);
    }
    // A caller that waits for an answer is not interrupted by a signal: it would ask again, and be answered twice.
    // Before Linux 5.19 it is.
    let fd = install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        .or_else(|_| install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER))?;
    // SAFETY: it is a new descriptor.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
}

/// A system call that its caller waits to be decided.
pub(super) struct Notification {
    pub(super) id: u64,
    pub(super) pid: libc::pid_t,
    pub(super) call: libc::c_long,
    pub(super) args: [u64; 6],
}

const NOTIF_RECV: libc::c_ulong = 0xc050_2100;
const NOTIF_SEND: libc::c_ulong = 0xc018_2101;
const NOTIF_ID_VALID: libc::c_ulong = 0x4008_2102;

/// The next system call to decide.
pub(super) fn receive_notification(listener: &OwnedFd) -> io::Result<Notification> {
    // SAFETY: the structure is zeroed, as the call demands.
    unsafe {
        let mut notification: libc::seccomp_notif = std::mem::zeroed();
        check(libc::ioctl(listener.as_raw_fd(), NOTIF_RECV as _, &raw mut notification).into())?;
        let pid = libc::pid_t::try_from(notification.pid).unwrap_or(0);
        let call = notification.data.nr.into();
        Ok(Notification { id: notification.id, pid, call, args: notification.data.args })
    }
}

/// Whether the caller still waits: only then its number and its memory are its own.
pub(super) fn is_waiting(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the number lives until the call returns.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ID_VALID as _, &raw const id) == 0 }
}

/// Answers a system call: with a value, or an error number. A caller that has ended needs no answer.
pub(super) fn answer_notification(listener: BorrowedFd<'_>, id: u64, result: Result<i64, libc::c_int>) {
    // SAFETY: the structure is that of the call.
    unsafe {
        let mut response: libc::seccomp_notif_resp = std::mem::zeroed();
        response.id = id;
        match result {
            Ok(value) => response.val = value,
            Err(errno) => response.error = -errno,
        }
        libc::ioctl(listener.as_raw_fd(), NOTIF_SEND as _, &raw mut response);
    }
}

/// Lets the kernel carry out a system call itself, as if nobody had been asked.
pub(super) fn continue_notification(listener: BorrowedFd<'_>, id: u64) {
    // SAFETY: the structure is that of the call.
    unsafe {
        let mut response: libc::seccomp_notif_resp = std::mem::zeroed();
        response.id = id;
        response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        libc::ioctl(listener.as_raw_fd(), NOTIF_SEND as _, &raw mut response);
    }
}

/// Reads a text from the memory of another process, without the zero at its end; at most as much as a path may have.
pub(super) fn read_text(pid: libc::pid_t, address: u64) -> io::Result<Vec<u8>> {
    const LONGEST: usize = libc::PATH_MAX as usize;
    const PAGE: usize = 4096;
    let mut text = vec![0u8; LONGEST];
    let local = libc::iovec { iov_base: text.as_mut_ptr().cast(), iov_len: LONGEST };
    // The text may end before a page that is not there: then the kernel gives what comes before it.
    let first = PAGE - (address as usize % PAGE);
    let remote = [(address, first), (address.wrapping_add(first as u64), LONGEST - first.min(LONGEST))]
        .map(|(start, length)| libc::iovec { iov_base: start as *mut libc::c_void, iov_len: length });
    // SAFETY: the local buffer is as long as is said; the remote ones are checked by the kernel.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, remote.as_ptr(), 2, 0) };
    text.truncate(check(read as libc::c_long)? as usize);
    match text.iter().position(|byte| *byte == 0) {
        Some(end) => text.truncate(end),
        None => return Err(io::Error::from(io::ErrorKind::InvalidFilename)),
    }
    Ok(text)
}

/// A descriptor for a process.
pub(super) fn open_process(pid: libc::pid_t) -> io::Result<OwnedFd> {
    open_process_with(pid, 0)
}

/// A descriptor for a thread; before Linux 6.9 for its process, whose descriptors it nearly always shares.
pub(super) fn open_thread(thread: libc::pid_t) -> io::Result<OwnedFd> {
    // O_EXCL is PIDFD_THREAD.
    open_process_with(thread, libc::O_EXCL).or_else(|error| {
        let status = std::fs::read_to_string(format!("/proc/{thread}/status"))?;
        let process = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
        open_process(process.ok_or(error)?)
    })
}

fn open_process_with(pid: libc::pid_t, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers; the result is a new descriptor.
    unsafe {
        let fd = check(libc::syscall(libc::SYS_pidfd_open, pid, flags))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// A copy of a descriptor of another process.
pub(super) fn copy_descriptor(process: &OwnedFd, fd: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers; the result is a new descriptor.
    unsafe {
        let fd = check(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Asks a socket for an option of `SOL_SOCKET` that is a number.
pub(super) fn socket_option(socket: &OwnedFd, option: libc::c_int) -> io::Result<libc::c_int> {
    let (mut value, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the number and its length live until the call returns.
    let result = unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, &raw mut length)
    };
    check(result.into()).map(|_| value)
}

/// Connects a socket to an address as the kernel has it.
pub(super) fn connect(socket: &OwnedFd, address: &[u8]) -> io::Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the address lives until the call returns, and is as long as is said.
    check(unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) }.into()).map(drop)
}

/// Sends a message; `control` is what stands beside its data, as the kernel has it. Gives the number of bytes.
pub(super) fn send(
    socket: &OwnedFd,
    data: &[u8],
    address: &[u8],
    control: &[u64],
    flags: libc::c_int,
) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: all that the message points to lives until the call returns, and is only read.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        if !address.is_empty() {
            message.msg_name = address.as_ptr().cast_mut().cast();
            message.msg_namelen = address.len() as libc::socklen_t;
        }
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !control.is_empty() {
            message.msg_control = control.as_ptr().cast_mut().cast();
            message.msg_controllen = size_of_val(control) as _;
        }
        libc::sendmsg(socket.as_raw_fd(), &raw const message, flags)
    };
    check(sent as libc::c_long).map(|sent| sent as usize)
}

/// The user and the group of this process.
pub(super) fn user_and_group() -> (libc::uid_t, libc::gid_t) {
    // SAFETY: takes nothing.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// The number of the parent.
pub(super) fn parent() -> libc::pid_t {
    // SAFETY: takes nothing.
    unsafe { libc::getppid() }
}

/// Makes this process the leader of a session or of a group of its own.
pub(super) fn leave_group(session: bool) {
    // SAFETY: takes numbers. It fails only for one that leads already.
    unsafe {
        if session {
            libc::setsid()
        } else {
            libc::setpgid(0, 0)
        };
    }
}

/// The version of Landlock; 0: none.
pub(super) fn landlock_version() -> i32 {
    // SAFETY: with flag 1 (LANDLOCK_CREATE_RULESET_VERSION) nothing is read.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) };
    i32::try_from(version).unwrap_or(0).max(0)
}

/// What is ready of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    No,
    Readable,
    Closed,
}

/// Waits until one of the descriptors is ready, or the time is over. Negative ones are left out.
pub(super) fn poll<const N: usize>(fds: &[RawFd; N], timeout: std::time::Duration) -> [Ready; N] {
    let mut polled = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let ms = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the list lives until the call returns, and has this length.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, ms.saturating_add(1)) };
    polled.map(|polled| match polled.revents {
        _ if count <= 0 => Ready::No,
        0 => Ready::No,
        found if found & libc::POLLIN != 0 => Ready::Readable,
        _ => Ready::Closed,
    })
}
