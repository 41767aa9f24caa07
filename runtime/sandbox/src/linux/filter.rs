//! The system calls that a command may make.

use std::{collections::BTreeMap, io, os::fd::OwnedFd};

use seccompiler::{
    SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{changes, sys};
use crate::{Network, Spec};

#[cfg(target_arch = "x86_64")]
const ARCH: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCH: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);
#[cfg(target_arch = "riscv64")]
const ARCH: (TargetArch, u32) = (TargetArch::riscv64, 0xc000_00f3);

/// System calls that reach beyond the sandbox, or into parts of the kernel that commands have no need of.
const DENIED: &[libc::c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_pidfd_getfd,
];

const EPERM: u32 = libc::EPERM as u32;

/// Which calls the supervisor carries out, because what they may do depends on addresses in the memory of the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    None,
    /// `connect`: only the proxy is reached.
    Connect,
    /// `connect`, and what sends to an address: all but this machine is reached.
    Send,
}

/// What is asked of the supervisor for this policy.
pub(super) fn asked(spec: &Spec) -> Asked {
    match spec.network {
        Network::On { supervised: true, .. } => Asked::Send,
        Network::Proxy { .. } if !spec.namespaces => Asked::Connect,
        _ => Asked::None,
    }
}

/// Whether calls are told to the supervisor: those that it carries out, and those that it looks at.
pub(super) fn has_listener(spec: &Spec) -> bool {
    asked(spec) != Asked::None || spec.watched
}

/// Installs the filters; gives the listener for the calls that are told to the supervisor.
pub(super) fn install(spec: &Spec) -> io::Result<Option<OwnedFd>> {
    let listener = sys::install_filter(&first_filter(asked(spec), spec.watched), has_listener(spec))?;
    let rules = SeccompFilter::new(
        rules(spec).map_err(io::Error::other)?,
        SeccompAction::Allow,
        SeccompAction::Errno(EPERM),
        ARCH.0,
    );
    let program: seccompiler::BpfProgram =
        rules.and_then(TryInto::try_into).map_err(|error| io::Error::other(error.to_string()))?;
    seccompiler::apply_filter(&program).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(listener)
}

/// Whether the kernel takes a filter, with a listener if `listens`.
pub(super) fn try_filter(listens: bool) -> io::Result<bool> {
    sys::prctl_no_new_privileges()?;
    let filter = first_filter(if listens { Asked::Send } else { Asked::None }, listens);
    sys::install_filter(&filter, listens).map(|listener| listener.is_some() == listens)
}

/// What the library has no words for: other sets of system calls of the same processor, `clone3`, whose flags cannot
/// be looked at (programs use `clone` instead when it is unknown), and questions to the supervisor.
fn first_filter(asked: Asked, watched: bool) -> Vec<libc::sock_filter> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    // Calls that open files, with the number of their flags among the arguments.
    const OPENING: &[(libc::c_long, u32)] = &[
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, 1),
        (libc::SYS_openat, 2),
    ];
    // Where the lower half of an argument is in what the filter looks at.
    let argument = |number: u32| 16 + 8 * number;
    let step = |code: u16, k: u32| libc::sock_filter { code, jt: 0, jf: 0, k };
    let jump = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
    let errno = |number: libc::c_int| libc::SECCOMP_RET_ERRNO | number as u32;
    let mut filter = vec![
        step(LOAD, 4),
        jump(EQUAL, ARCH.1, 1, 0),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, 0),
        // x32 has the numbers from here.
        jump(AT_LEAST, 0x4000_0000, 0, 1),
        step(RETURN, errno(libc::ENOSYS)),
        jump(EQUAL, libc::SYS_clone3 as u32, 0, 1),
        step(RETURN, errno(libc::ENOSYS)),
    ];
    let calls: &[libc::c_long] = match asked {
        Asked::None => &[],
        Asked::Connect => &[libc::SYS_connect],
        Asked::Send => &[libc::SYS_connect, libc::SYS_sendmsg, libc::SYS_sendmmsg],
    };
    for call in calls.iter().chain(if watched { changes::CALLS } else { &[] }) {
        filter.push(jump(EQUAL, *call as u32, 0, 1));
        filter.push(step(RETURN, libc::SECCOMP_RET_USER_NOTIF));
    }
    // Files that are opened only to be read are not told: there are many more of them.
    for (call, flags) in OPENING.iter().filter(|_| watched) {
        filter.extend([
            jump(EQUAL, *call as u32, 0, 4),
            step(LOAD, argument(*flags)),
            jump(ANY_BIT, changes::WRITING as u32, 0, 1),
            step(RETURN, libc::SECCOMP_RET_USER_NOTIF),
            step(RETURN, libc::SECCOMP_RET_ALLOW),
        ]);
    }
    if asked == Asked::Send {
        // `sendto` without an address, the fifth argument, is `send`: it reaches only what `connect` has.
        filter.extend([
            jump(EQUAL, libc::SYS_sendto as u32, 0, 6),
            step(LOAD, argument(4)),
            jump(EQUAL, 0, 0, 2),
            step(LOAD, argument(4) + 4),
            jump(EQUAL, 0, 1, 0),
            step(RETURN, libc::SECCOMP_RET_USER_NOTIF),
            step(RETURN, libc::SECCOMP_RET_ALLOW),
        ]);
    }
    filter.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
    filter
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(spec: &Spec) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces = sys::NAMESPACES | libc::CLONE_NEWNET | libc::CLONE_NEWUSER;
    for flag in (0..32).map(|bit| 1u64 << bit).filter(|flag| namespaces as u64 & flag != 0) {
        for call in [libc::SYS_clone, libc::SYS_unshare] {
            deny(&mut rules, call, &[(0, SeccompCmpOp::MaskedEq(flag), flag)])?;
        }
    }
    // Devices; the file system denies them too.
    for kind in [libc::S_IFCHR, libc::S_IFBLK] {
        let mask = SeccompCmpOp::MaskedEq(libc::S_IFMT.into());
        deny(&mut rules, libc::SYS_mknodat, &[(2, mask.clone(), kind.into())])?;
        #[cfg(target_arch = "x86_64")]
        deny(&mut rules, libc::SYS_mknod, &[(1, mask, kind.into())])?;
    }
    // What is typed into a terminal by a program, as if by its user.
    for request in [libc::TIOCSTI, 0x541c] {
        deny(&mut rules, libc::SYS_ioctl, &[(1, SeccompCmpOp::Eq, request)])?;
    }
    restrict_sockets(&mut rules, spec)?;
    Ok(rules)
}

fn restrict_sockets(rules: &mut Rules, spec: &Spec) -> Result<(), seccompiler::BackendError> {
    let ne = |argument: u8, value: libc::c_int| (argument, SeccompCmpOp::Ne, value as u64);
    // A pair of sockets for datagrams is no closed pair: each of the two can be connected to any local service.
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        deny(rules, libc::SYS_socketpair, &[(1, SeccompCmpOp::MaskedEq(0xf), kind as u64)])?;
    }
    let asked = asked(spec);
    if spec.network == Network::Off && !spec.namespaces {
        rules.insert(libc::SYS_socket, Vec::new());
        return Ok(());
    }
    // Local sockets lead to services outside, some families to other machines (vsock) or into the kernel.
    let mut families = vec![ne(0, libc::AF_INET), ne(0, libc::AF_INET6)];
    if asked != Asked::Connect {
        families.push(ne(0, libc::AF_NETLINK));
    }
    deny(rules, libc::SYS_socket, &families)?;
    let kinds = |kinds: std::ops::RangeInclusive<u64>, except: &[libc::c_int]| {
        kinds.filter(|kind| !except.iter().any(|allowed| *allowed as u64 == *kind)).collect::<Vec<_>>()
    };
    let allowed: &[libc::c_int] = match asked {
        Asked::Connect => &[libc::SOCK_STREAM],
        Asked::None | Asked::Send => &[libc::SOCK_STREAM, libc::SOCK_DGRAM],
    };
    for kind in kinds(1..=10, allowed) {
        // Netlink is used with raw sockets.
        let of_kind = (1, SeccompCmpOp::MaskedEq(0xf), kind);
        deny(rules, libc::SYS_socket, &[of_kind, ne(0, libc::AF_NETLINK)])?;
    }
    match asked {
        Asked::None => return Ok(()),
        Asked::Connect => {
            // Multipath TCP and the like are not under Landlock, and the supervisor knows TCP only.
            deny(rules, libc::SYS_socket, &[ne(2, 0), ne(2, libc::IPPROTO_TCP)])?;
            rules.insert(libc::SYS_listen, Vec::new());
            rules.insert(libc::SYS_bind, Vec::new());
        }
        Asked::Send => {
            // Others connect in ways of their own (SCTP by an option). Of ICMP there are sockets for everybody.
            let known = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_ICMP, libc::IPPROTO_ICMPV6];
            let mut other: Vec<_> = known.iter().map(|protocol| ne(2, *protocol)).collect();
            other.push(ne(0, libc::AF_NETLINK));
            deny(rules, libc::SYS_socket, &other)?;
            // The supervisor sends from memory that the kernel must not use any longer.
            let option = |value: libc::c_int| (2, SeccompCmpOp::Eq, value as u64);
            deny(rules, libc::SYS_setsockopt, &[(1, SeccompCmpOp::Eq, 1), option(libc::SO_ZEROCOPY)])?;
            // Ways that lead elsewhere than the address says.
            let level = |level: libc::c_int| (1, SeccompCmpOp::Eq, level as u64);
            deny(rules, libc::SYS_setsockopt, &[level(libc::IPPROTO_IP), option(libc::IP_OPTIONS)])?;
            // IPV6_2292PKTOPTIONS and IPV6_RTHDR.
            for name in [6, 57] {
                deny(rules, libc::SYS_setsockopt, &[level(libc::IPPROTO_IPV6), option(name)])?;
            }
        }
    }
    // Connections that are made by sending.
    let fast_open = libc::MSG_FASTOPEN as u64;
    for (call, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        deny(rules, call, &[(argument, SeccompCmpOp::MaskedEq(fast_open), fast_open)])?;
    }
    let tcp = (1, SeccompCmpOp::Eq, libc::IPPROTO_TCP as u64);
    for option in [libc::TCP_FASTOPEN_CONNECT, libc::TCP_ULP, libc::TCP_REPAIR] {
        deny(rules, libc::SYS_setsockopt, &[tcp.clone(), (2, SeccompCmpOp::Eq, option as u64)])?;
    }
    Ok(())
}

/// Denies a call when all conditions hold: an argument, a comparison, a value.
fn deny(
    rules: &mut Rules,
    call: libc::c_long,
    conditions: &[(u8, SeccompCmpOp, u64)],
) -> Result<(), seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| SeccompCondition::new(*argument, Dword, operator.clone(), *value))
        .collect::<Result<Vec<_>, _>>()?;
    rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
    Ok(())
}
