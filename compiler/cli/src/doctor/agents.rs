//! The coding agents that the programs use: whether each is installed and signed in, as far as it can say that.

use std::{
    collections::BTreeMap,
    env,
    process::{Command, Stdio},
    time::Duration,
};

use cascade_compiler::cost;
use cascade_ir::{Effect, Model};
use cascade_runtime::{
    brief_command::{NotEnded, run_briefly},
    search_path::find_program,
};

use super::{Finding, Surroundings, used::used_skills};

/// How long an agent may take to say whether it is signed in.
const LIMIT: Duration = Duration::from_secs(15);

/// An agent that is known.
struct Agent {
    program: &'static str,
    install: &'static str,
    /// What it is called with to say whether it is signed in: it ends with 0 if it is.
    status: Option<&'static [&'static str]>,
    /// The variables that hold a key for it.
    keys: &'static [&'static str],
    /// A file of the home of the user that its sign-in leaves.
    file: Option<&'static str>,
    sign_in: &'static str,
}

const CLAUDE: Agent = Agent {
    program: "claude",
    install: "npm install -g @anthropic-ai/claude-code",
    status: Some(&["auth", "status"]),
    keys: &["ANTHROPIC_API_KEY"],
    file: None,
    sign_in: "call `claude auth login`, or set `ANTHROPIC_API_KEY`",
};
const CODEX: Agent = Agent {
    program: "codex",
    install: "npm install -g @openai/codex",
    status: Some(&["login", "status"]),
    keys: &["OPENAI_API_KEY"],
    file: None,
    sign_in: "call `codex login`, or set `OPENAI_API_KEY`",
};
const GEMINI: Agent = Agent {
    program: "gemini",
    install: "npm install -g @google/gemini-cli",
    // It has no command for that.
    status: None,
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    file: Some(".gemini/oauth_creds.json"),
    sign_in: "call `gemini` and sign in, or set `GEMINI_API_KEY`",
};

/// The agent of a model, where it is one of those that are known.
fn agent_of(model: &Model) -> Option<&'static Agent> {
    match model.provider.as_str() {
        "claude_cli" | "anthropic" => Some(&CLAUDE),
        "codex_cli" | "openai" => Some(&CODEX),
        "gemini_cli" | "google" => Some(&GEMINI),
        _ => None,
    }
}

pub(super) fn check_agents(around: &Surroundings) -> Vec<Finding> {
    let mut used: BTreeMap<&str, (&Model, bool)> = BTreeMap::new();
    for program in &around.programs {
        // Models of services are agents, too, where a skill needs one.
        let needs_agent = used_skills(program).iter().any(|skill| matches!(skill.effect, Effect::Agent(_)));
        for id in &program.entries {
            let asked = cost::cost_of(program, *id).map(|(_, asked)| asked).unwrap_or_default();
            let agents: Vec<&Model> = asked
                .into_iter()
                .filter(|model| model.is_agent() || (needs_agent && agent_of(model).is_some()))
                .collect();
            let is_only = agents.len() == 1;
            for model in agents {
                if let Some(own) = program.models.iter().find(|own| own.name == model.name) {
                    used.entry(own.name.as_str()).or_insert((own, is_only)).1 |= is_only;
                }
            }
        }
    }
    used.into_iter().map(|(name, (model, is_only))| look_at(name, model, is_only)).collect()
}

fn look_at(name: &str, model: &Model, is_only: bool) -> Finding {
    // Another one may be asked in its place.
    let lacks = |detail: String, remedy: &str| match is_only {
        true => Finding::new_missing(name, detail, remedy),
        false => Finding::new_note(name, detail, remedy),
    };
    let Some(agent) = agent_of(model) else {
        return match model.command.as_ref().and_then(program_of) {
            Some(program) => match find_program(program) {
                Some(path) => {
                    Finding::new_good(name, format!("{}; whether it is signed in is not known", path.display()))
                }
                None => lacks(
                    format!("its program `{program}` is not in `PATH`"),
                    "install it, or add its folder to `PATH`",
                ),
            },
            None => Finding::new_good(name, "a script of the shell; it is not started"),
        };
    };
    let program = agent.program;
    if find_program(program).is_none() {
        return lacks(format!("its program `{program}` is not in `PATH`"), agent.install);
    }
    let key = agent.keys.iter().copied().chain(model.key_env.as_deref()).find(|key| is_set(key));
    if let Some(key) = key {
        return Finding::new_good(name, format!("`{program}` is here, and `{key}` is set"));
    }
    match is_signed_in(agent) {
        Ok(true) => Finding::new_good(name, format!("`{program}` is here and signed in")),
        Ok(false) => lacks(format!("`{program}` is not signed in"), agent.sign_in),
        Err(why) => {
            Finding::new_note(name, format!("`{program}` does not say whether it is signed in: {why}"), agent.sign_in)
        }
    }
}

/// The program of a command that is written out.
fn program_of(command: &cascade_ir::Expr) -> Option<&str> {
    match command {
        cascade_ir::Expr::Command(command) => command.literal_program(),
        _ => None,
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Whether an agent is signed in.
///
/// # Errors
/// Why it cannot be known.
fn is_signed_in(agent: &Agent) -> Result<bool, String> {
    if let Some(file) = agent.file {
        let home = env::var_os("HOME").ok_or("the variable `HOME` is not set")?;
        return Ok(std::path::Path::new(&home).join(file).is_file());
    }
    let Some(status) = agent.status else { return Err("it has no command for that".to_owned()) };
    let ended = run_briefly(Command::new(agent.program).args(status).stderr(Stdio::null()), LIMIT, 4096);
    match ended {
        Ok(ended) if ended.status.success() => Ok(true),
        Ok(ended) if ended.status.code() == Some(1) => Ok(false),
        Ok(ended) => Err(format!("`{} {}` ended with {}", agent.program, status.join(" "), ended.status)),
        Err(NotEnded::TooLong) => Err(format!("it took more than {} seconds", LIMIT.as_secs())),
        Err(NotEnded::NotStarted(error) | NotEnded::Lost(error)) => Err(error.to_string()),
    }
}
