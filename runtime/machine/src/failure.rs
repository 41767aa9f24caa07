//! Failures, with everything that their messages need.

use std::fmt;

use cascade_ir::{ErrorKind, Place};
use serde::{Deserialize, Serialize};

/// A failure that propagates, and in the end the outcome of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind, named as in the language.
    pub kind: ErrorKind,
    /// One sentence, sometimes followed by the last lines of a command's output.
    pub message: String,
    /// The path of the stage that failed; empty outside of stages.
    pub stage: String,
    /// The number of attempts of that stage.
    pub attempts: u32,
    /// The place in the program, if it is known: in the stage, or in the skill that it called.
    pub place: Option<Place>,
    /// The place of the stage that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_place: Option<Place>,
    /// The failures that caused it, the nearest first.
    pub causes: Vec<String>,
    /// The time that the service asks to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// How the program ended whose failure this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Box<EndedProgram>>,
    /// Whether the same request would fail in the same way, so that `retry` does not apply whatever the kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

/// How a program, or an agent, ended that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedProgram {
    /// Its exit code; absent when a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The last lines of its standard error.
    pub stderr: String,
    /// Of an agent: its session, by which it can be continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// The failure of an operation; boxed because it is rare and large.
pub type Raise = Box<Failure>;

impl Failure {
    /// A failure that is not attributed to a stage yet.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            stage: String::new(),
            attempts: 0,
            place: None,
            stage_place: None,
            causes: Vec::new(),
            retry_after_ms: None,
            program: None,
            permanent: false,
        }
    }

    /// Like `new`, boxed.
    pub fn raise(kind: ErrorKind, message: impl Into<String>) -> Raise {
        Box::new(Self::new(kind, message))
    }

    /// Whether `retry` applies: temporary failures are retried, decisions are not.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{CommandFailed, Internal, InvalidOutput, RateLimited, TimedOut, Unavailable};
        !self.permanent
            && matches!(self.kind, TimedOut | RateLimited | Unavailable | InvalidOutput | CommandFailed | Internal)
    }
}

/// The kind's name in the language.
pub fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TimedOut => "timed_out",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::QuotaExhausted => "quota_exhausted",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::InvalidOutput => "invalid_output",
        ErrorKind::CommandFailed => "command_failed",
        ErrorKind::Refused => "refused",
        ErrorKind::OverBudget => "over_budget",
        ErrorKind::MergeConflict => "merge_conflict",
        ErrorKind::Denied => "denied",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Failed => "failed",
        ErrorKind::Internal => "internal",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.stage.is_empty() {
            write!(f, "{}: ", self.stage)?;
        }
        write!(f, "{} ({})", self.message, kind_name(self.kind))
    }
}

impl std::error::Error for Failure {}

/// Raises a failure of the program.
macro_rules! fail {
    ($($arg:tt)*) => {
        return Err($crate::failure::Failure::raise(cascade_ir::ErrorKind::Failed, format!($($arg)*)))
    };
}
/// Reports a bug in the program tree or in this crate as a failure; it never panics.
macro_rules! defect {
    ($($arg:tt)*) => {
        $crate::failure::Failure::raise(cascade_ir::ErrorKind::Internal, format!($($arg)*))
    };
}
pub(crate) use {defect, fail};
