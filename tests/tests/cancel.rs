//! Ctrl-C on a real process: the first signal cancels the run and lets its hooks run, the second one ends it at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use cascade_tests::binary::cascadec;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A program with a stage that writes the ids of its process and of its child, then waits; the hook may wait, too.
fn program_with_hook(hook: &str) -> String {
    format!(
        r#"skill wait(to: path) -> string {{
  run sh"""
    sleep 30 &
    echo "$$ $!" > $<to>.part
    mv $<to>.part $<to>
    wait
    """
}}

skill note(file: path) {{
  run sh"echo cancelled > $<file>; {hook}"
}}

cascade main() -> string {{
  stage waiting = wait("started")
  return waiting

  on failure(error) {{
    stage wrong = note("failed")
  }}
  on cancel {{
    stage told = note("cancelled")
  }}
}}
"#
    )
}

struct Run {
    child: Child,
    events: BufReader<ChildStdout>,
    began: Instant,
}

impl Run {
    /// Starts a run; returns when its stage has begun.
    fn start(folder: &Path, hook: &str) -> Self {
        fs::write(folder.join("main.cascade"), program_with_hook(hook)).unwrap();
        let mut child = Command::new(cascadec().as_ref().unwrap())
            .args(["run", "--json", "main.cascade"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let mut run = Self { child, events, began: Instant::now() };
        run.read_until("\"stage_started\"");
        // The event is sent before the shell has written its id.
        while !folder.join("started").exists() {
            assert!(run.began.elapsed() < Duration::from_secs(20), "the stage does not start");
            std::thread::yield_now();
        }
        run.began = Instant::now();
        run
    }

    /// Reads events up to one that holds a text.
    fn read_until(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.events.read_line(&mut line).unwrap() > 0, "the run ended before {text}");
        }
    }

    fn interrupt(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    /// The exit code, what was printed, and how long it took since the start.
    fn wait_for_end(mut self) -> (Option<i32>, String, Duration) {
        let mut text = String::new();
        self.events.read_to_string(&mut text).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, text, self.began.elapsed())
    }
}

/// Whether a process is running; a zombie is not.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

fn noted_processes(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("started")).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_first_signal_lets_hooks_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::start(folder.path(), "true");
    let processes = noted_processes(folder.path());
    assert!(processes.len() == 2 && processes.iter().all(|p| is_running(p)));
    run.interrupt();
    let (code, said, took) = run.wait_for_end();
    assert_eq!(code, Some(130), "{said}");
    assert!(took < Duration::from_secs(8), "it took {took:?}");
    assert!(processes.iter().all(|p| !is_running(p)), "a process of the stage is still there: {processes:?}");
    assert_eq!(fs::read_to_string(folder.path().join("cancelled")).unwrap(), "cancelled\n", "{said}");
    assert!(!folder.path().join("failed").exists(), "a cancelled run has not failed");
    assert!(said.contains("\"status\":\"cancelled\""), "{said}");
}

#[test]
fn the_second_signal_ends_the_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path(), "sleep 30");
    run.interrupt();
    // The hook of the cancelled cascade is running now, and would for half a minute.
    run.read_until("main/on_cancel/told");
    run.interrupt();
    let (code, said, took) = run.wait_for_end();
    assert_eq!(code, Some(130), "{said}");
    assert!(took < Duration::from_secs(8), "it took {took:?}");
}
