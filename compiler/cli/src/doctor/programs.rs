//! The programs that Cascade and the programs of a project start.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use cascade_ir::{Effect, Expr};
use cascade_runtime::{
    brief_command::{Ended, NotEnded, run_briefly},
    search_path::find_program,
};

use super::{Finding, Surroundings, used::used_skills};

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(10);

/// The programs that are asked for their versions: name, what it is for, how it is installed.
const KNOWN: [(&str, &str, &str); 4] = [
    ("git", "files that `.gitignore` names are found without it", "install git"),
    ("claude", "only agents of `claude_cli` need it", "npm install -g @anthropic-ai/claude-code"),
    ("codex", "only agents of `codex_cli` need it", "npm install -g @openai/codex"),
    ("gemini", "only agents of `gemini_cli` need it", "npm install -g @google/gemini-cli"),
];

pub(super) fn check_programs(around: &Surroundings) -> Vec<Finding> {
    let mut out = Vec::new();
    out.push(match find_program("sh") {
        Some(path) => Finding::new_good("sh", path.display().to_string()),
        None => Finding::new_missing("sh", "no POSIX shell is in `PATH`", "install one; scripts of skills run in it"),
    });
    let wanted = wanted_programs(around);
    for (name, purpose, install) in KNOWN {
        out.push(match (find_program(name), wanted.get(name)) {
            (Some(_), _) => match ask_version(name) {
                Ok(version) => Finding::new_good(name, version),
                Err(why) => Finding::new_note(name, why, format!("call `{name} --version` yourself")),
            },
            (None, Some(skill)) => Finding::new_missing(name, format!("not in `PATH`; `{skill}` starts it"), install),
            (None, None) => Finding::new_note(name, format!("not in `PATH`; {purpose}"), install),
        });
    }
    for (name, skill) in wanted.iter().filter(|(name, _)| KNOWN.iter().all(|(known, ..)| known != *name)) {
        out.push(match find_program(name) {
            Some(path) => Finding::new_good(name.as_str(), path.display().to_string()),
            None => Finding::new_missing(
                name.as_str(),
                format!("not in `PATH`; `{skill}` starts it"),
                "install it, or add its folder to `PATH`",
            ),
        });
    }
    out
}

/// The programs that skills start without a shell, where they are written out, with a skill that does.
fn wanted_programs(around: &Surroundings) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for program in &around.programs {
        for skill in used_skills(program) {
            if let Effect::Run(run) = &skill.effect
                && let Expr::Command(command) = &run.command
                && let Some(name) = command.literal_program()
            {
                out.entry(name.to_owned()).or_insert_with(|| skill.name.to_string());
            }
        }
    }
    // A path is relative to a folder that is known only at run time.
    out.retain(|name, _| !name.contains('/') || Path::new(name).is_absolute());
    out
}

/// The first line of what a program says of its version.
fn ask_version(name: &str) -> Result<String, String> {
    let ended = run_briefly(Command::new(name).arg("--version").stderr(Stdio::null()), LIMIT, 4096);
    let Ended { status, stdout } = ended.map_err(|why| match why {
        NotEnded::NotStarted(error) => format!("it cannot be started: {error}"),
        NotEnded::TooLong => format!("it did not say its version within {} seconds", LIMIT.as_secs()),
        NotEnded::Lost(error) => format!("it was lost: {error}"),
    })?;
    let said = stdout.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    match (status.success(), said.lines().map(str::trim).find(|line| !line.is_empty())) {
        (true, Some(line)) => Ok(line.chars().take(80).collect()),
        (true, None) => Err("it says no version".to_owned()),
        (false, _) => Err(format!("`{name} --version` ended with {status}")),
    }
}
