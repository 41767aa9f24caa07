//! One program from start to end: its streams, its limits, its exit.

use std::{
    borrow::Cow,
    io::{self, ErrorKind as Io, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use cascade_ir::ErrorKind;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal},
};
use tempfile::TempPath;

use super::{
    GRACE, Message, Outbox,
    agents::{AgentJob, Listener},
    commands::{Job, Running},
    lines::{MAX_STDERR, last_line, last_lines, printable_line},
    sandboxes::Entered,
    survivors::{ProcessList, VARIABLE},
};
use crate::{
    host::Progress,
    redact::Cut,
    request::{Answer, Output, Process, RunRequest, Usage},
    search_path::find_program,
    value::Arg,
};

/// Longest output that is kept, in bytes.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;
/// Signs of life are passed on at most this often.
const ALIVE: Duration = Duration::from_millis(50);
/// Lines are reported at most this often, and not before a program has run for as long: most programs
/// end before that.
const LINES: Duration = Duration::from_millis(250);

/// How long an agent may live on after its last word.
const IDLE: Duration = Duration::from_secs(3);

/// How long a program that cannot be started for want of processes or open files is tried again.
const SHORTAGE: Duration = Duration::from_secs(60);
/// The first pause between these tries, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Runs a program to its end.
pub(super) fn run_program(
    job: &Job,
    running: &Running,
    processes: &ProcessList,
    outbox: &Outbox,
    buffer: &mut [u8],
) -> Answer {
    if running.is_stopped() {
        return Answer::failed(ErrorKind::Cancelled, "cancelled");
    }
    let before = match job.agent.as_ref().map_or(Ok(None), AgentJob::take_snapshot) {
        Ok(before) => before,
        Err(failure) => return Answer { result: Err(failure), usage: Usage::default() },
    };
    let mut entered = match job.sandbox.as_ref().map(|sandbox| sandbox.enter()).transpose() {
        Ok(entered) => entered,
        Err(failure) => return Answer { result: Err(failure), usage: Usage::default() },
    };
    if running.is_stopped() {
        return Answer::failed(ErrorKind::Cancelled, "cancelled");
    }
    let (mut child, report) = match spawn_patiently(job, running, processes, &mut entered) {
        Ok(started) => started,
        Err(answer) => return answer,
    };
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    processes.note_start(pid, &job.process);
    if running.note_started(pid) {
        running.signal(Signal::TERM);
    }
    let mut streams = Streams::new(job, outbox, &mut child);
    let watched = streams.watch(pid, running, buffer);
    if running.is_stopped() || watched.is_err() || streams.overflow {
        // The rest of the group does not outlive it. Until it is reaped the group is its own.
        running.signal(Signal::KILL);
    }
    running.note_reaped();
    drop(child.stdin.take());
    let status = child.wait();
    if streams.overflow {
        return Answer::failed(
            ErrorKind::CommandFailed,
            format!("the program wrote more than {} MiB", MAX_OUTPUT / 1024 / 1024),
        );
    }
    match watched.and(status) {
        Ok(status) => {
            let stderr = last_lines(&streams.masked_stderr());
            let mut listener = streams.listener.take();
            if let Some(listener) = &mut listener {
                listener.read_output(&streams.stdout, true);
            }
            let mut process =
                Process { code: status.code(), signal: status.signal(), stderr, stdout: streams.stdout.into() };
            let denied = match (&mut entered, report) {
                (Some(entered), Some(report)) => match take_report(job, entered, &report, &mut process) {
                    Ok(denied) => denied,
                    Err(answer) => return *answer,
                },
                _ => Vec::new(),
            };
            let answer = match (&job.agent, listener) {
                (Some(agent), Some(listener)) => with_denied(agent.finish(listener, &process, before), denied),
                _ => with_files(job, process, entered.as_ref()),
            };
            match &mut entered {
                Some(entered) => with_changes(entered, answer),
                None => answer,
            }
        }
        Err(error) => Answer::failed(ErrorKind::Unavailable, format!("the program could not be watched: {error}")),
    }
}

/// Takes in what the sandbox has to say of a program, and gives what it was denied: that stands at the end of what it
/// wrote to standard error.
///
/// # Errors
/// The answer, when the program was not started, or was ended for a limit.
fn take_report(
    job: &Job,
    entered: &mut Entered<'_>,
    path: &Path,
    process: &mut Process,
) -> Result<Vec<String>, Box<Answer>> {
    let report = entered.report(path);
    if let Some(why) = report.setup {
        let message = format!("the sandbox cannot be set up, and nothing was started: {why}");
        return Err(Box::new(Answer::failed(ErrorKind::Denied, message)));
    }
    if let (Some(errno), Some(program)) = (report.not_started, job.request.argv.first()) {
        return Err(Box::new(why_not_started(&io::Error::from_raw_os_error(errno), program, None)));
    }
    for denied in &report.denied {
        process.stderr.push_str(&format!("\ndenied: {denied}"));
    }
    match report.limit {
        Some(limit) => {
            let message = format!("the sandbox ended the program: {limit}");
            Err(Box::new(Answer::failed(ErrorKind::CommandFailed, message)))
        }
        None => Ok(report.denied),
    }
}

/// The answer of an agent with what the sandbox denied to it and its commands.
fn with_denied(mut answer: Answer, denied: Vec<String>) -> Answer {
    answer.result = answer.result.map(|mut output| {
        let told = match &mut output {
            Output::WithPatch(inner, _) => inner.as_mut(),
            other => other,
        };
        if let Output::Agent(agent) = told {
            agent.notes.extend(denied.into_iter().map(|denied| format!("the sandbox denied: {denied}")));
        }
        output
    });
    answer
}

/// An answer with what has changed in the sandbox, also of a program that has failed: it may be accepted.
fn with_changes(entered: &mut Entered<'_>, answer: Answer) -> Answer {
    let (changes, text) = match entered.changes_with_text() {
        Ok(changes) => changes.unzip(),
        Err(failure) => return Answer { result: answer.result.and(Err(failure)), usage: answer.usage },
    };
    let result = answer.result.map(|output| {
        let (mut output, files) = output.split_patch();
        if let (Output::Agent(answer), Some(mut text)) = (&mut output, text) {
            super::snapshot::cut_diff(&mut text);
            answer.diff = text;
        }
        let Some(mut all) = changes.or_else(|| files.as_deref().cloned()) else { return output };
        // Files that are declared come back whatever has become of them, also those that git ignores.
        for file in files.iter().flat_map(|files| &files.changes) {
            all.changes.retain(|change| change.path != file.path);
            all.changes.push(file.clone());
        }
        Output::WithPatch(Box::new(output), all.into())
    });
    Answer { result, usage: answer.usage }
}

/// The answer of a program, with the files that it declares. Of one that failed they are not looked at.
fn with_files(job: &Job, process: Process, entered: Option<&Entered<'_>>) -> Answer {
    let Some(files) = &job.request.files else { return Answer::ok(Output::Process(process)) };
    let collected = match entered {
        Some(entered) => entered.outputs(files, &job.request),
        None => super::workspace::collect_outputs(files, &job.request.workspace, job.cwd.as_deref()),
    };
    match collected {
        Ok(patch) => Answer::ok(Output::WithPatch(Box::new(Output::Process(process)), patch.into())),
        // What it says of itself explains more than a file that is missing.
        Err(_) if process.code != Some(0) => Answer::ok(Output::Process(process)),
        Err(failure) => Answer { result: Err(failure), usage: Usage::default() },
    }
}

/// Starts the program. While the system has no more processes or open files, it waits for other programs to
/// end: that there are many at once is no failure of one of them.
fn spawn_patiently(
    job: &Job,
    running: &Running,
    processes: &ProcessList,
    entered: &mut Option<Entered<'_>>,
) -> Result<(Child, Option<TempPath>), Answer> {
    let (deadline, mut pause) = (Instant::now() + SHORTAGE, FIRST_PAUSE);
    loop {
        match spawn_program(job, processes, entered) {
            Err(NotStarted { answer, is_shortage }) => {
                if !is_shortage || Instant::now() >= deadline {
                    return Err(*answer);
                }
                if running.is_stopped() {
                    return Err(Answer::failed(ErrorKind::Cancelled, "cancelled"));
                }
                thread::sleep(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
            Ok(started) => return Ok(started),
        }
    }
}

/// Why a program was not started.
struct NotStarted {
    answer: Box<Answer>,
    /// Whether the system lacks processes, open files or memory at the moment.
    is_shortage: bool,
}

impl From<Answer> for NotStarted {
    fn from(answer: Answer) -> Self {
        Self { answer: Box::new(answer), is_shortage: false }
    }
}

/// Whether the system could start a program a little later.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let Some(errno) = Errno::from_io_error(error) else { return false };
    [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM].contains(&errno)
}

/// Starts the program in a process group of its own; gives also where the sandbox will report.
fn spawn_program(
    job: &Job,
    processes: &ProcessList,
    entered: &mut Option<Entered<'_>>,
) -> Result<(Child, Option<TempPath>), NotStarted> {
    let request = &job.request;
    let Some((program, args)) = request.argv.split_first() else {
        return Err(Answer::failed(ErrorKind::Failed, "the command is empty").into());
    };
    let (mut command, report) = match entered {
        Some(entered) => {
            let refused = |failure| Answer { result: Err(failure), usage: Usage::default() };
            let (command, report) = entered.command(request, job.agent.as_ref()).map_err(refused)?;
            (command, Some(report))
        }
        None => {
            let mut command = Command::new(file_of(program, request));
            command.arg0(program.text.as_str());
            command.args(args.iter().map(|a| a.text.as_str()));
            (command, None)
        }
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.stdin(if request.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let dir = match (&request.workspace.directory, &job.cwd) {
        (Some(dir), Some(base)) => Some(base.join(dir)),
        (Some(dir), None) => Some(dir.into()),
        (None, base) => base.clone(),
    };
    if let Some(dir) = dir.as_ref().filter(|_| report.is_none()) {
        command.current_dir(dir);
    }
    for (name, value) in &request.env {
        match value {
            Some(value) => command.env(name.as_str(), value.text.as_str()),
            None => command.env_remove(name.as_str()),
        };
    }
    if let Some(value) = processes.variable(&job.process) {
        command.env(VARIABLE, value);
    }
    command.spawn().map(|child| (child, report)).map_err(|error| NotStarted {
        is_shortage: is_shortage(&error),
        answer: Box::new(why_not_started(&error, program, dir.as_deref())),
    })
}

/// The file to execute. It is looked for here since an attempt to execute a file that is not there costs ten times as
/// much as a look at it, and search paths have many folders. What this does not decide, the start of the program does.
fn file_of(program: &Arg, request: &RunRequest) -> PathBuf {
    // With a search path of its own the system looks for the program.
    let has_own_path = request.env.iter().any(|(name, _)| name == "PATH");
    let found = if has_own_path { None } else { find_program(&program.text) };
    // A relative folder is meant from where the program will run.
    found.filter(|file| file.is_absolute()).unwrap_or_else(|| PathBuf::from(program.text.as_str()))
}

fn why_not_started(error: &io::Error, program: &Arg, dir: Option<&Path>) -> Answer {
    let program = if program.secret { crate::value::REDACTED } else { &program.text };
    if let Some(dir) = dir.filter(|d| !d.is_dir()) {
        return Answer::failed(ErrorKind::Failed, format!("there is no directory `{}`", dir.display()));
    }
    match error.kind() {
        Io::NotFound => Answer::failed(ErrorKind::Unavailable, format!("program `{program}` not found")),
        Io::PermissionDenied => {
            Answer::failed(ErrorKind::Denied, format!("program `{program}` may not be run: {error}"))
        }
        Io::ArgumentListTooLong => {
            Answer::failed(ErrorKind::Failed, format!("the arguments of `{program}` are too long; use `stdin`"))
        }
        _ => Answer::failed(ErrorKind::Unavailable, format!("program `{program}` could not be started: {error}")),
    }
}

struct Streams<'j> {
    job: &'j Job,
    outbox: &'j Outbox,
    out: Option<std::process::ChildStdout>,
    err: Option<std::process::ChildStderr>,
    input: Option<std::process::ChildStdin>,
    /// What is written to its standard input, and how much of it was.
    input_text: Cow<'j, str>,
    written: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Whether the beginning of standard error was let go.
    stderr_is_cut: bool,
    overflow: bool,
    /// When the program was started, or last reported.
    reported: Instant,
    /// Whether it has written something that was not due to be reported yet.
    is_unreported: bool,
    /// The stream that wrote last; its last line is what is reported.
    last_is_stderr: bool,
    /// Reads what an agent tells.
    listener: Option<Listener>,
}

impl<'j> Streams<'j> {
    fn new(job: &'j Job, outbox: &'j Outbox, child: &mut Child) -> Self {
        Self {
            job,
            outbox,
            out: child.stdout.take(),
            err: child.stderr.take(),
            input: child.stdin.take(),
            input_text: job.request.stdin.as_ref().map_or("", |text| &text.text).into(),
            written: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            stderr_is_cut: false,
            overflow: false,
            reported: Instant::now(),
            is_unreported: false,
            last_is_stderr: false,
            listener: job.agent.as_ref().map(AgentJob::listener),
        }
    }

    /// Serves the streams until the program has exited. What a program left running in the
    /// background may hold the streams open; it is not waited for.
    fn watch(&mut self, pid: Option<Pid>, running: &Running, buffer: &mut [u8]) -> io::Result<()> {
        let exit = pid.and_then(exit_handle);
        for fd in [
            self.out.as_ref().map(AsFd::as_fd),
            self.err.as_ref().map(AsFd::as_fd),
            self.input.as_ref().map(AsFd::as_fd),
        ]
        .into_iter()
        .flatten()
        {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        loop {
            self.write();
            let exited = self.wait(exit.as_ref())?;
            self.read(buffer)?;
            if self.is_unreported {
                self.report();
            }
            self.end_idler(running);
            if exited || self.overflow {
                return Ok(());
            }
            if exit.is_none() && self.out.is_none() && self.err.is_none() {
                return Ok(());
            }
        }
    }

    /// Waits until something can be done; `true` when the program has exited.
    fn wait(&self, exit: Option<&OwnedFd>) -> io::Result<bool> {
        let streams: [(Option<BorrowedFd<'_>>, PollFlags); 4] = [
            (exit.map(AsFd::as_fd), PollFlags::IN),
            (self.out.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (self.err.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (self.input.as_ref().filter(|_| self.has_input()).map(AsFd::as_fd), PollFlags::OUT),
        ];
        let mut fds: Vec<PollFd<'_>> =
            streams.into_iter().filter_map(|(fd, flags)| fd.map(|fd| PollFd::from_borrowed_fd(fd, flags))).collect();
        let timeout = self.time_to_idle().into_iter().chain(self.time_to_report()).min();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(exit.is_some() && fds.first().is_some_and(|f| !f.revents().is_empty()))
    }

    /// When what was written is due to be reported: a program may write nothing for a long time afterwards.
    fn time_to_report(&self) -> Option<Timespec> {
        let left = self.is_unreported.then(|| self.pause().saturating_sub(self.reported.elapsed()))?;
        Timespec::try_from(left.max(Duration::from_millis(1))).ok()
    }

    /// The least time between two reports.
    fn pause(&self) -> Duration {
        if self.job.watch.idle { ALIVE } else { LINES }
    }

    /// How long an agent that has said its last word may still live; nothing for others.
    fn time_to_idle(&self) -> Option<Timespec> {
        let over = self.listener.as_ref()?.over_since()?;
        let end = if over.elapsed() < IDLE { IDLE } else { IDLE + GRACE };
        let left = end.saturating_sub(over.elapsed()).max(Duration::from_millis(1));
        Timespec::try_from(left).ok()
    }

    /// Ends an agent that lives on after its last word.
    fn end_idler(&self, running: &Running) {
        let Some(over) = self.listener.as_ref().and_then(Listener::over_since) else { return };
        if over.elapsed() >= IDLE + GRACE {
            running.signal(Signal::KILL);
        } else if over.elapsed() >= IDLE {
            running.signal(Signal::TERM);
        }
    }

    /// Whether there is something to write to the program, or its input is to be closed.
    fn has_input(&self) -> bool {
        self.written < self.input_text.len() || !self.is_talking()
    }

    fn is_talking(&self) -> bool {
        self.listener.as_ref().is_some_and(Listener::is_talking)
    }

    fn write(&mut self) {
        if let Some(listener) = &mut self.listener {
            let more = listener.take_outgoing();
            if !more.is_empty() {
                self.input_text.to_mut().push_str(&more);
            }
        }
        let talking = self.is_talking();
        let Some(input) = &mut self.input else { return };
        let rest = self.input_text.as_bytes().get(self.written..).unwrap_or_default();
        match if rest.is_empty() { Ok(0) } else { input.write(rest) } {
            Ok(0) if talking => {}
            Ok(n) if talking || self.written + n < self.input_text.len() => self.written += n,
            Err(error) if matches!(error.kind(), Io::WouldBlock | Io::Interrupted) => {}
            // All is written, or the program does not want more.
            _ => self.input = None,
        }
    }

    /// Reports that the program has written something, if that is wanted and due.
    fn report(&mut self) {
        let watch = self.job.watch;
        if !(watch.idle || watch.lines) {
            return;
        }
        self.is_unreported = self.reported.elapsed() < self.pause();
        if self.is_unreported {
            return;
        }
        self.reported = Instant::now();
        let progress = match &mut self.listener {
            // The redactor has seen no part of it: it may be cut.
            Some(listener) if watch.lines => listener.take_step().map_or(Progress::Alive, |step| {
                Progress::Step(printable_line(&self.job.redactor.mask_stored(&step).0))
            }),
            Some(_) => Progress::Alive,
            None => {
                let written = if self.last_is_stderr { &self.stderr } else { &self.stdout };
                let line = if watch.lines { last_line(written, &self.job.redactor) } else { None };
                line.map_or(Progress::Alive, Progress::Line)
            }
        };
        // The run may have ended meanwhile.
        let _ = self.outbox.send(Message::Progress(self.job.id, progress));
    }

    /// Standard error without secrets. Mask before you cut: half a secret is not recognised.
    fn masked_stderr(&self) -> String {
        let cut = Cut { start: self.stderr_is_cut, end: false };
        String::from_utf8_lossy(&self.job.redactor.mask_bytes(&self.stderr, cut)).into_owned()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut seen = false;
        if let Some(out) = &mut self.out {
            let open = drain_stream(out, buffer, |chunk| {
                seen = true;
                self.last_is_stderr = false;
                self.stdout.extend_from_slice(chunk);
                self.overflow = self.stdout.len() > MAX_OUTPUT;
                !self.overflow
            })?;
            if !open {
                self.out = None;
            }
        }
        if let Some(err) = &mut self.err {
            let open = drain_stream(err, buffer, |chunk| {
                seen = true;
                self.last_is_stderr = true;
                self.stderr.extend_from_slice(chunk);
                if self.stderr.len() > 64 * MAX_STDERR.0 {
                    let cut = self.stderr.len() - 4 * MAX_STDERR.0;
                    // At the end of a line, so that no secret is cut before it is masked.
                    let rest = self.stderr[cut..].iter().position(|&b| b == b'\n').map_or(0, |end| end + 1);
                    self.stderr.drain(..cut + rest);
                    self.stderr_is_cut = true;
                }
                true
            })?;
            if !open {
                self.err = None;
            }
        }
        if let Some(listener) = self.listener.as_mut().filter(|_| seen) {
            listener.read_output(&self.stdout, false);
            if let Some(session) = listener.take_session() {
                let _ = self.outbox.send(Message::Progress(self.job.id, Progress::Session(session)));
            }
        }
        if seen {
            self.report();
        }
        Ok(())
    }
}

/// Reads what there is; whether the stream is still open.
fn drain_stream(stream: &mut impl Read, buffer: &mut [u8], mut take: impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => {
                if !take(&buffer[..n]) {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == Io::WouldBlock => return Ok(true),
            Err(error) if error.kind() == Io::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file descriptor that becomes readable when the program exits. On other systems the end of its
/// streams shows the exit.
#[cfg(target_os = "linux")]
fn exit_handle(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}
#[cfg(not(target_os = "linux"))]
fn exit_handle(_pid: Pid) -> Option<OwnedFd> {
    None
}
