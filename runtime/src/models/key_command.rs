//! A key that a command prints: `key_command = ["pass", "show", "anthropic"]`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tokio::sync::OnceCell;

use crate::{
    brief_command::{Ended, NotEnded, run_briefly},
    value::Secret,
};

/// How long a command may take: a person may have to confirm it.
const LIMIT: Duration = Duration::from_secs(120);
/// How much of its output is read, in bytes.
const MAX_OUTPUT: u64 = 64 * 1024;

/// A command that prints a key. It runs when the key is needed, and once; its output is never shown.
#[derive(Debug)]
pub(crate) struct KeyCommand {
    provider: String,
    argv: Vec<String>,
    key: OnceCell<Result<Secret, String>>,
}

impl KeyCommand {
    pub(super) fn new(provider: &str, argv: &[String]) -> Self {
        Self { provider: provider.to_owned(), argv: argv.to_vec(), key: OnceCell::new() }
    }

    /// The key.
    ///
    /// # Errors
    /// Why the command gave none.
    pub(crate) async fn key(&self) -> Result<Secret, String> {
        let run = || async {
            let argv = self.argv.clone();
            let ran = tokio::task::spawn_blocking(move || print_key(&argv)).await;
            let ran = ran.unwrap_or_else(|error| Err(format!("it was not run: {error}")));
            ran.map_err(|why| {
                format!("`key_command` of provider `{}` in cascade.toml gave no key: {why}", self.provider)
            })
        };
        self.key.get_or_init(run).await.clone()
    }
}

/// Runs a command and reads what it prints. What it says on standard error stays on standard error, where it may ask
/// for a passphrase; it is no part of a message.
fn print_key(argv: &[String]) -> Result<Secret, String> {
    let Some((program, args)) = argv.split_first() else { return Err("it is empty".to_owned()) };
    let ended = run_briefly(Command::new(program).args(args).stderr(Stdio::inherit()), LIMIT, MAX_OUTPUT);
    let Ended { status, stdout } = ended.map_err(|why| match why {
        NotEnded::NotStarted(error) => format!("`{program}` cannot be started: {error}"),
        NotEnded::TooLong => format!("`{program}` took longer than {} seconds", LIMIT.as_secs()),
        NotEnded::Lost(error) => format!("`{program}` was lost: {error}"),
    })?;
    if !status.success() {
        return Err(format!("`{program}` ended with {status}"));
    }
    let text = match stdout {
        Ok(text) => String::from_utf8(text).map_err(|_| format!("`{program}` printed no text"))?,
        _ => return Err(format!("the output of `{program}` cannot be read")),
    };
    // As password stores do, the first line is the key.
    let key = text.lines().next().unwrap_or_default().trim();
    match key.is_empty() || key.chars().any(char::is_control) {
        true => Err(format!("`{program}` printed none on its first line")),
        false => Ok(Secret::new(key)),
    }
}
