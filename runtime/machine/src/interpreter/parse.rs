//! Raw answers as values: exit codes, status codes, formats.

use cascade_ir::{ErrorKind, Http, OutputFormat, Run};

use super::call::with_pause;
use crate::{
    eval::Result,
    failure::{EndedProgram, Failure, Raise},
    output,
    request::{Process, Response},
    value::Value,
};

fn is_accepted(ranges: &[(i64, i64)], default: (i64, i64), code: i64) -> bool {
    let within = |(low, high): &(i64, i64)| (*low..=*high).contains(&code);
    if ranges.is_empty() { within(&default) } else { ranges.iter().any(within) }
}

/// The output of a program that ended with an accepted exit code; a failure otherwise.
pub(super) fn read_process_output(run: &Run, process: &Process) -> Result {
    let tail = |message: String| match process.stderr.trim_end() {
        "" => message,
        stderr => format!("{message}\n{stderr}"),
    };
    let ended = |message: String| {
        let mut failure = Failure::raise(ErrorKind::CommandFailed, tail(message));
        let stderr = process.stderr.trim_end().to_owned();
        failure.program = Some(Box::new(EndedProgram { exit_code: process.code, stderr, session: None }));
        failure
    };
    match (process.code, process.signal) {
        (Some(code), _) if is_accepted(&run.exit, (0, 0), i64::from(code)) => {
            format_output(run.format, &process.stdout).map_err(|mut failure| {
                if !process.stderr.trim().is_empty() {
                    failure.message = tail(failure.message);
                }
                failure
            })
        }
        (Some(code), _) => Err(ended(format!("exit code {code}"))),
        (None, signal) => {
            let signal = signal.map_or_else(|| "a signal".to_owned(), |s| format!("signal {s}"));
            Err(ended(format!("ended by {signal}")))
        }
    }
}

/// The body of an answer whose status is accepted.
pub(super) fn read_http_response(http: &Http, response: Response) -> Result {
    let status = response.status;
    if is_accepted(&http.status, (200, 299), i64::from(status)) {
        return match (http.format, response.charset) {
            (OutputFormat::None, _) | (_, None) => format_output(http.format, &response.body),
            (OutputFormat::Junit, Some(charset)) => output::junit_text(&output::decode_body(&response.body, &charset)?),
            (format, Some(charset)) => format_output(format, output::decode_body(&response.body, &charset)?.as_bytes()),
        };
    }
    Err(status_failure(status, &response.body, response.retry_after_ms))
}

/// The failure that an HTTP status stands for.
fn status_failure(status: u16, body: &[u8], retry_after_ms: Option<u64>) -> Raise {
    let kind = match status {
        429 => ErrorKind::RateLimited,
        401 | 403 | 407 => ErrorKind::Denied,
        408 | 425 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let message = format!(
            "HTTP status {status}: the server sends the request to another address, and only `get` and `head` go \
             there; ask that address itself, or take the answer with `exit [{status}]`"
        );
        return with_pause(kind, message, retry_after_ms);
    }
    let text = String::from_utf8_lossy(body);
    let excerpt: String = text.trim().chars().take(300).collect();
    let message =
        if excerpt.is_empty() { format!("HTTP status {status}") } else { format!("HTTP status {status}: {excerpt}") };
    with_pause(kind, message, retry_after_ms)
}

fn format_output(format: OutputFormat, bytes: &[u8]) -> Result {
    match format {
        OutputFormat::None => Ok(Value::Null),
        OutputFormat::Text => output::read_text(bytes),
        OutputFormat::Json => output::read_json(bytes),
        OutputFormat::JsonLines => output::json_lines(bytes),
        OutputFormat::Csv => output::read_csv(bytes),
        OutputFormat::Junit => output::parse_junit(bytes),
        OutputFormat::Tap => output::parse_tap(bytes),
    }
}
