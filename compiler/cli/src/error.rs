//! Errors of a command: printed once, with a way out.

use std::path::Path;

use cascade_ir::screen::neutralize_controls;
use miette::MietteDiagnostic;

/// Ends a command without its result.
#[derive(Debug)]
pub enum Stop {
    /// The call was wrong: exit 2.
    Usage(Box<MietteDiagnostic>),
    /// The program failed, and the failure has been printed: exit 1.
    Said,
}

impl Stop {
    /// A wrong call.
    pub fn usage(message: impl Into<String>) -> Self {
        Stop::Usage(Box::new(MietteDiagnostic::new(message)))
    }
    /// A wrong call, with what to do.
    pub fn usage_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Stop::Usage(Box::new(MietteDiagnostic::new(message).with_help(help)))
    }
    /// A failure that is not the fault of the call, with what to do: it is said at once.
    pub fn failed_help(message: impl Into<String>, help: impl Into<String>, color: bool) -> Self {
        Self::usage_help(message, help).report(color);
        Stop::Said
    }
    /// A file that cannot be read or written.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        Self::usage(format!("cannot {doing} `{}`: {why}", path.display()))
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(self, color: bool) -> u8 {
        match self {
            Stop::Said => 1,
            Stop::Usage(d) => {
                let (bold, end) = if color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
                eprintln!("{bold}error{end}: {}", neutralize_controls(&d.message));
                if let Some(help) = d.help {
                    let (blue, end) = if color { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
                    eprintln!("  {blue}help{end}: {}", neutralize_controls(&help));
                }
                2
            }
        }
    }
}
