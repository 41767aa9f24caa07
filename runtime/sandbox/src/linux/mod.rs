//! The helper on Linux: it confines a child and executes the command there.
//!
//! Where namespaces are allowed:
//!
//! ```text
//! cascadec ── supervisor (outside: limits, exit, connections) ── first process of the namespaces ── command
//! ```
//!
//! Where they are not, a guardian in a session of its own, to which orphans inside are given, takes the place of the
//! first process: it ends everything that is left.

mod changes;
mod confine;
mod destinations;
mod filter;
mod message;
mod mounts;
mod netlink;
mod notify;
mod sockets;
mod supervise;
mod sys;
mod watchdog;

use std::{
    ffi::{CString, OsString},
    fs, io,
    io::{Read, Write},
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, net::UnixStream},
    },
    process::ExitCode,
};

use crate::{Abilities, Network, Report, Spec};
use notify::Decider;
use supervise::{Task, supervise};
pub(crate) use sys::receive_descriptor;

/// The exit code when the sandbox could not be set up.
const FAILED: u8 = 125;

/// What a child says to the supervisor: one letter, then a number or a text.
enum Said {
    /// The sandbox could not be set up.
    Setup(String),
    /// The program could not be executed.
    NotStarted(i32),
    /// The command ended with this status.
    Status(i32),
}

/// The end of a child's way to say something; the supervisor reads until all copies are closed.
struct Speaker(io::PipeWriter);

impl Speaker {
    fn say(&mut self, said: &Said) {
        let line = match said {
            Said::Setup(why) => format!("e{}\n", why.replace('\n', " ")),
            Said::NotStarted(errno) => format!("x{errno}\n"),
            Said::Status(status) => format!("s{status}\n"),
        };
        // Without a reader there is nobody to tell.
        let _ = self.0.write_all(line.as_bytes());
    }
}

fn read_said(mut reader: io::PipeReader) -> Vec<Said> {
    let mut text = String::new();
    // What came before an error is used.
    let _ = reader.read_to_string(&mut text);
    let parse = |line: &str| {
        let (kind, rest) = (line.as_bytes().first()?, line.get(1..)?);
        Some(match kind {
            b'e' => Said::Setup(rest.to_owned()),
            b'x' => Said::NotStarted(rest.parse().ok()?),
            b's' => Said::Status(rest.parse().ok()?),
            _ => return None,
        })
    };
    text.lines().filter_map(parse).collect()
}

/// Runs a command in a sandbox; the exit of the helper is that of the command.
pub(crate) fn run(spec: &Spec, argv: &[OsString]) -> ExitCode {
    let argv: Result<Vec<CString>, _> = argv.iter().map(|argument| CString::new(argument.as_bytes())).collect();
    let mut report = Report::default();
    let status = match argv.map_err(io::Error::from).and_then(|argv| start(spec, &argv, &mut report)) {
        Ok(status) => status,
        Err(error) => {
            report.setup.get_or_insert(error.to_string());
            None
        }
    };
    if !report.is_empty() {
        let written = serde_json::to_vec(&report).map_err(io::Error::other);
        if let Err(error) = written.and_then(|text| fs::write(&spec.report, text)) {
            eprintln!("cascade: the sandbox cannot report to `{}`: {error}", spec.report.display());
            return ExitCode::from(FAILED);
        }
    }
    if report.setup.is_some() || report.not_started.is_some() {
        return ExitCode::from(FAILED);
    }
    match status {
        Some(status) if libc::WIFEXITED(status) => {
            ExitCode::from(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(FAILED))
        }
        Some(status) if libc::WIFSIGNALED(status) => {
            sys::die_by(libc::WTERMSIG(status));
            ExitCode::from(FAILED)
        }
        // Ended by the supervisor.
        _ => {
            sys::die_by(libc::SIGKILL);
            ExitCode::from(FAILED)
        }
    }
}

/// Starts the command and waits for its end; the status of the command, if it said one.
fn start(spec: &Spec, argv: &[CString], report: &mut Report) -> io::Result<Option<libc::c_int>> {
    let parent = sys::open_process(sys::parent())?;
    let signals = sys::watch_signals()?;
    let (reader, writer) = io::pipe()?;
    let speaker = Speaker(writer);
    let (here, there) = UnixStream::pair()?;
    let (user, group) = sys::user_and_group();
    let namespaces = match spec.namespaces {
        false => 0,
        true => {
            let own_network = if spec.has_own_network() { libc::CLONE_NEWNET } else { 0 };
            let own_users = if user == 0 { 0 } else { libc::CLONE_NEWUSER };
            sys::NAMESPACES | own_network | own_users
        }
    };
    let Some(child) = sys::fork_into(namespaces)? else {
        drop((reader, here));
        // The watched signals stay blocked until the command is executed.
        drop(signals);
        match spec.namespaces {
            true => first_process(spec, argv, speaker, there, (user, group)),
            false => guardian(spec, argv, speaker),
        }
    };
    drop((speaker, there));
    let task = Task {
        child,
        parent: &parent,
        signals: &signals,
        decider: if spec.namespaces { take_decider(spec, child, here) } else { None },
        // In namespaces the command is in the group of this process, and has the signal itself.
        passes_signals_to: (!spec.namespaces).then_some(child),
        is_watched: !spec.namespaces,
        limited: spec.namespaces.then_some(child),
        spec,
    };
    supervise(task, report);
    let mut status = None;
    for said in read_said(reader) {
        match said {
            Said::Setup(why) => report.setup = Some(why),
            Said::NotStarted(errno) => report.not_started = Some(errno),
            Said::Status(said) => status = Some(said),
        }
    }
    if !spec.namespaces {
        // The guardian reports by a file of its own.
        if let Ok(text) = fs::read(guardian_report(spec))
            && let Ok(more) = serde_json::from_slice::<Report>(&text)
        {
            report.limit = report.limit.take().or(more.limit);
            report.denied.extend(more.denied);
            let _ = fs::remove_file(guardian_report(spec));
        }
    }
    Ok(status)
}

fn guardian_report(spec: &Spec) -> std::path::PathBuf {
    spec.report.with_extension("guardian")
}

/// The first process of new namespaces: it makes them what they shall be, starts the command, and waits for it. When
/// it ends, the kernel ends all others.
fn first_process(
    spec: &Spec,
    argv: &[CString],
    mut speaker: Speaker,
    to_supervisor: UnixStream,
    user: (libc::uid_t, libc::gid_t),
) -> ! {
    let prepared = (|| {
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        if user.0 != 0 {
            keep_user(user)?;
        }
        if spec.has_own_network() {
            sys::raise_loopback().map_err(|error| about("the loopback", &error))?;
        }
        if let Network::Proxy { port, handover } = &spec.network {
            hand_over_listener(*port, handover).map_err(|error| about("the listener of the proxy", &error))?;
        }
        mounts::prepare(spec)?;
        sys::prctl(libc::PR_SET_DUMPABLE, 0)?;
        sys::fork_into(0)
    })();
    match prepared {
        Ok(Some(command)) => {
            drop(to_supervisor);
            let status = wait_for(command);
            speaker.say(&Said::Status(status));
            sys::exit(0)
        }
        Ok(None) => confined_command(spec, argv, &mut speaker, &to_supervisor),
        Err(error) => {
            speaker.say(&Said::Setup(error.to_string()));
            sys::exit(FAILED.into())
        }
    }
}

/// Stands for the first process where there are no namespaces: orphans inside are given to it, and it ends them.
fn guardian(spec: &Spec, argv: &[CString], mut speaker: Speaker) -> ! {
    let mut report = Report::default();
    let started = (|| {
        let leader = sys::open_process(sys::parent())?;
        sys::leave_group(true);
        sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1)?;
        sys::prctl(libc::PR_SET_DUMPABLE, 0)?;
        let signals = sys::watch_signals()?;
        let (here, there) = UnixStream::pair()?;
        let Some(command) = sys::fork_into(0)? else {
            sys::leave_group(false);
            confined_command(spec, argv, &mut speaker, &there);
        };
        drop(there);
        let own = libc::pid_t::try_from(std::process::id()).map_err(io::Error::other)?;
        let task = Task {
            child: command,
            parent: &leader,
            signals: &signals,
            decider: take_decider(spec, own, here),
            passes_signals_to: Some(-command),
            is_watched: false,
            limited: Some(own),
            spec,
        };
        Ok::<_, io::Error>(supervise(task, &mut report))
    })();
    match started {
        Ok(Some(status)) => speaker.say(&Said::Status(status)),
        Ok(None) => {}
        Err(error) => speaker.say(&Said::Setup(error.to_string())),
    }
    supervise::end_descendants();
    if !report.is_empty()
        && let Ok(text) = serde_json::to_vec(&report)
    {
        // The supervisor does without it.
        let _ = fs::write(guardian_report(spec), text);
    }
    sys::exit(0)
}

/// Waits for what the command asks its questions by, if it has any. A command that could not be confined sends nothing.
fn take_decider(spec: &Spec, root: libc::pid_t, from_command: UnixStream) -> Option<Decider> {
    if !filter::has_listener(spec) {
        return None;
    }
    let listener = receive_descriptor(from_command.as_fd()).ok()?;
    // It calls in place of the command, and can do no more than that.
    sys::drop_capabilities().ok()?;
    Some(Decider::new(spec, root, listener))
}

/// Confines this process and becomes the command.
fn confined_command(spec: &Spec, argv: &[CString], speaker: &mut Speaker, to_supervisor: &UnixStream) -> ! {
    match confine::confine(spec, to_supervisor) {
        Ok(()) => {
            sys::restore_signals();
            let error = sys::execute(argv);
            speaker.say(&Said::NotStarted(error.raw_os_error().unwrap_or(libc::EIO)));
        }
        Err(error) => speaker.say(&Said::Setup(error.to_string())),
    }
    sys::exit(FAILED.into())
}

/// Waits for a child, and for every orphan meanwhile.
fn wait_for(child: libc::pid_t) -> libc::c_int {
    loop {
        match sys::wait_any(true) {
            Some((pid, status)) if pid == child => return status,
            Some(_) => {}
            // It cannot be: the child is there until it is waited for.
            None => return FAILED.into(),
        }
    }
}

/// Is the same user inside as outside.
fn keep_user((user, group): (libc::uid_t, libc::gid_t)) -> io::Result<()> {
    let write = |path: &str, text: String| fs::write(path, text).map_err(|error| about(path, &error));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Listens on the loopback of the namespace, for the proxy outside.
fn hand_over_listener(port: u16, handover: &std::path::Path) -> io::Result<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    sys::send_descriptor(UnixStream::connect(handover)?.as_fd(), &listener)
}

/// An error with what it is about.
fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Finds out what this machine can do, each in a child of its own.
pub(crate) fn probe() -> Abilities {
    let (user, group) = sys::user_and_group();
    let own_users = if user == 0 { 0 } else { libc::CLONE_NEWUSER };
    let mut no_namespaces = None;
    let mut pid_max = false;
    match try_in_child(sys::NAMESPACES | libc::CLONE_NEWNET | own_users, || {
        if user != 0 {
            keep_user((user, group))?;
        }
        sys::raise_loopback()?;
        mounts::try_all()?;
        Ok(mounts::limit_processes(4096).is_ok())
    }) {
        Ok(limited) => pid_max = limited,
        Err(why) => no_namespaces = Some(why),
    }
    Abilities {
        namespaces: no_namespaces.is_none(),
        no_namespaces,
        landlock: sys::landlock_version(),
        seccomp: try_in_child(0, || filter::try_filter(false)).is_ok(),
        notify: try_in_child(0, || filter::try_filter(true)).is_ok(),
        pid_max,
        is_root: user == 0,
    }
}

/// Whether something succeeds in a child that ends afterwards; what it gives, or why not.
fn try_in_child(namespaces: libc::c_int, attempt: impl FnOnce() -> io::Result<bool>) -> Result<bool, String> {
    let (reader, writer) = io::pipe().map_err(|error| error.to_string())?;
    let mut speaker = Speaker(writer);
    match sys::fork_into(namespaces) {
        Ok(None) => {
            drop(reader);
            match attempt() {
                Ok(found) => speaker.say(&Said::Status(found.into())),
                Err(error) => speaker.say(&Said::Setup(error.to_string())),
            }
            sys::exit(0)
        }
        Ok(Some(child)) => {
            drop(speaker);
            let said = read_said(reader);
            wait_for(child);
            match said.into_iter().next() {
                Some(Said::Status(found)) => Ok(found != 0),
                Some(Said::Setup(why)) => Err(why),
                _ => Err("the child that tried was ended".to_owned()),
            }
        }
        Err(error) => Err(error.to_string()),
    }
}
