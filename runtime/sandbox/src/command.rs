//! Starting commands in a sandbox, by way of the helper.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{Command, ExitCode},
};

use crate::{Abilities, Spec};

/// The first argument that makes the program the helper.
pub const HELPER_ARGUMENT: &str = "__sandbox";
/// The second argument with which the helper only finds out what the machine can do.
const PROBE: &str = "probe";

/// A command that starts a program in a sandbox; its environment, streams and process group are set as those of any
/// other command. `helper` is the program that calls [`run_helper`] first.
///
/// # Errors
/// When this system has no sandbox.
pub fn sandboxed_command<'a>(
    helper: &Path,
    spec: &Spec,
    argv: impl IntoIterator<Item = &'a OsStr>,
) -> io::Result<Command> {
    if cfg!(not(target_os = "linux")) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "commands are confined only on Linux so far"));
    }
    let mut command = Command::new(helper);
    command.arg(HELPER_ARGUMENT).arg(serde_json::to_string(spec).map_err(io::Error::other)?).args(argv);
    Ok(command)
}

/// Finds out what this machine can enforce, in a child.
///
/// # Errors
/// When the helper cannot be started, or says what is not understood.
pub fn probe_abilities(helper: &Path) -> io::Result<Abilities> {
    if cfg!(not(target_os = "linux")) {
        return Ok(Abilities { no_namespaces: Some("not Linux".to_owned()), ..Abilities::default() });
    }
    let output = Command::new(helper).arg(HELPER_ARGUMENT).arg(PROBE).output()?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        io::Error::other(format!("the sandbox's helper gave no list of abilities ({error}): {stderr}"))
    })
}

/// Is the helper, if the arguments say so; `None` otherwise. It must be called before the program starts a thread.
pub fn run_helper(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1);
    if args.next()? != HELPER_ARGUMENT {
        return None;
    }
    let task = args.next()?;
    Some(run_task(&task, args.collect()))
}

#[cfg(target_os = "linux")]
fn run_task(task: &OsStr, argv: Vec<OsString>) -> ExitCode {
    if task == PROBE {
        let Ok(text) = serde_json::to_string(&crate::linux::probe()) else { return ExitCode::from(125) };
        println!("{text}");
        return ExitCode::SUCCESS;
    }
    let spec: Result<Spec, _> = serde_json::from_slice(task.as_encoded_bytes());
    match spec {
        Ok(spec) => crate::linux::run(&spec, &argv),
        Err(error) => {
            eprintln!("cascade: the sandbox's policy cannot be read: {error}");
            ExitCode::from(125)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run_task(_task: &OsStr, _argv: Vec<OsString>) -> ExitCode {
    eprintln!("cascade: commands are confined only on Linux so far");
    ExitCode::from(125)
}
