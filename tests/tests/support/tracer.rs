//! Kills a process at one of its system calls, by `ptrace` (Linux only). Calls that write, sync, move or remove files,
//! start programs, send, wait, or end the process are counted.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    libc,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Where in a call a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the call has an effect.
    Before,
    /// After half of its data was written.
    Torn,
}

/// The result of a traced process.
#[derive(Debug)]
pub struct Traced {
    /// How many of its calls were counted.
    pub calls: u64,
    /// The call at which it was killed; `None` if it ended by itself.
    pub cut: Option<&'static str>,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
}

/// The name of a call that is counted.
fn call_name(number: i64, args: &[u64]) -> Option<&'static str> {
    let creates = |flags: Option<&u64>| flags.is_some_and(|f| f & libc::O_CREAT as u64 != 0);
    Some(match number {
        libc::SYS_write => "write",
        libc::SYS_pwrite64 => "pwrite",
        libc::SYS_writev => "writev",
        libc::SYS_fsync => "fsync",
        libc::SYS_fdatasync => "fdatasync",
        libc::SYS_ftruncate => "ftruncate",
        libc::SYS_renameat | libc::SYS_renameat2 => "rename",
        libc::SYS_unlinkat => "unlink",
        libc::SYS_mkdirat => "mkdir",
        libc::SYS_linkat => "link",
        libc::SYS_openat if creates(args.get(2)) => "create",
        libc::SYS_clone | libc::SYS_clone3 => "spawn",
        libc::SYS_sendto => "send",
        libc::SYS_connect => "connect",
        libc::SYS_flock => "lock",
        libc::SYS_wait4 | libc::SYS_waitid => "wait",
        libc::SYS_exit_group => "exit",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => "rename",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => "unlink",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => "mkdir",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork | libc::SYS_vfork => "spawn",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open if creates(args.get(1)) => "create",
        _ => return None,
    })
}

/// The number and arguments of the call at which a thread is stopped.
fn call_of(thread: Pid) -> Option<(i64, Vec<u64>)> {
    let text = fs::read_to_string(format!("/proc/{thread}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    Some((number, words.map_while(hex).collect()))
}

/// Makes a thread write half of the data of its call.
fn write_half(thread: Pid, number: i64, args: &[u64]) -> Option<()> {
    let [fd, buffer, length, offset, ..] = args else { return None };
    if number != libc::SYS_pwrite64 {
        return None;
    }
    let mut half = vec![0; usize::try_from(*length / 2).ok()?];
    File::open(format!("/proc/{thread}/mem")).ok()?.read_exact_at(&mut half, *buffer).ok()?;
    let file = OpenOptions::new().write(true).open(format!("/proc/{thread}/fd/{fd}")).ok()?;
    file.write_all_at(&half, *offset).ok()
}

/// Runs a program in a folder and kills it at its k-th call. Its output is written to a file.
pub fn call(program: &Path, args: &[String], folder: &Path, prints: &Path, end: Option<(u64, Cut)>) -> Traced {
    let output = File::create(prints).unwrap();
    // The program waits until it is traced; calls are counted from then on. `waitpid` below waits for its end.
    #[allow(clippy::zombie_processes)]
    let child = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""])
        .arg(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let main = Pid::from_raw(child.id().cast_signed());
    // Children of other threads of the test are not waited for.
    let own = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    assert!(matches!(waitpid(main, Some(own | WaitPidFlag::WUNTRACED)).unwrap(), WaitStatus::Stopped(..)));
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options).unwrap();
    kill(main, Signal::SIGCONT).unwrap();
    let mut traced = Traced { calls: 0, cut: None, code: None };
    let (mut begun, mut inside) = (false, HashSet::new());
    // A thread may have ended before it is continued.
    let go_on = |thread: Pid, signal: Option<Signal>| {
        let _ = ptrace::syscall(thread, signal);
    };
    loop {
        match waitpid(None, Some(own)).unwrap() {
            WaitStatus::PtraceSyscall(thread) => {
                let enters = inside.insert(thread);
                if !enters {
                    inside.remove(&thread);
                } else if begun
                    && traced.cut.is_none()
                    && let Some((number, args)) = call_of(thread)
                    && let Some(name) = call_name(number, &args)
                {
                    traced.calls += 1;
                    if let Some((_, cut)) = end.filter(|(k, _)| *k == traced.calls) {
                        if cut == Cut::Torn {
                            // A call without data is not made.
                            let _ = write_half(thread, number, &args);
                        }
                        traced.cut = Some(name);
                        kill(main, Signal::SIGKILL).unwrap();
                        continue;
                    }
                }
                go_on(thread, None);
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                begun |= event == libc::PTRACE_EVENT_EXEC;
                go_on(thread, None);
            }
            WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal)),
            WaitStatus::Exited(thread, code) if thread == main => {
                traced.code = Some(code);
                return traced;
            }
            WaitStatus::Signaled(thread, ..) if thread == main => return traced,
            _ => {}
        }
    }
}
