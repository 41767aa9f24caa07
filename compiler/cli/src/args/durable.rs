//! Arguments of the commands that are about recorded runs and memory.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{InputArgs, LiveArgs};

/// `cascadec resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec resume                           the last run that did not succeed
  cascadec resume 0kw3                      the run whose id begins so
  cascadec resume 0kw3 --dry-run            what would run, what is reused, and why

Recorded answers are reused, unless an edit of the program changed what is asked.
A run that was interrupted, failed, was cancelled or waits can be resumed; a running one cannot.")]
pub struct ResumeArgs {
    /// The run: its id, or the beginning of it; by default the last one that did not succeed
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Inputs that are not recorded (secrets), or that change
    #[command(flatten)]
    pub given: InputArgs,
    /// Show what would run, what is reused, and why; start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Options of a run
    #[command(flatten)]
    pub live: LiveArgs,
}

/// `cascadec approve` and `cascadec reject`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec approve                          the run that waits for approval, when it is the only one
  cascadec approve last
  cascadec reject 0kw3 deploy
  cascadec approve 0kw3 --resume            and resume the run")]
pub struct ApproveArgs {
    /// The run: its id, the beginning of it, or `last`; the only one that waits when absent
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The stage that asks; needed when several do
    #[arg(value_name = "STAGE")]
    pub stage: Option<String>,
    /// Resume the run
    #[arg(long)]
    pub resume: bool,
    /// Options of a run
    #[command(flatten)]
    pub live: LiveArgs,
}

/// `cascadec answer`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec answer 0kw3 name \"Ada\"           what `ask` asked for
  cascadec answer 0kw3 region eu            one of the options of `choose`
  cascadec answer 0kw3 deploy retry         after `on error escalate`: retry, skip, abort
  cascadec answer 0kw3 deploy value '{\"url\": \"https://…\"}'
  cascadec answer 0kw3 pay done '{\"id\": 7}'  what an interrupted `@once` effect gave: done, failed, again")]
pub struct AnswerArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The stage that asks: its path, or its name
    #[arg(value_name = "STAGE")]
    pub stage: String,
    /// The answer
    #[arg(value_name = "ANSWER")]
    pub answer: String,
    /// The value that goes with `value` or `done`
    #[arg(value_name = "VALUE")]
    pub value: Option<String>,
    /// Resume the run
    #[arg(long)]
    pub resume: bool,
    /// Options of a run
    #[command(flatten)]
    pub live: LiveArgs,
}

/// `cascadec runs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec runs                             the last runs
  cascadec runs show 0kw3 --io              one run, with the requests and answers of its stages
  cascadec runs logs 0kw3 -f                what happens, as it happens
  cascadec runs diff 0kw3 0kx1              what two runs did differently
  cascadec runs gc --older-than 30d")]
pub struct RunsArgs {
    /// What to do; the last runs are listed when absent
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

/// The commands of `cascadec runs`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, the newest first
    List(RunsListArgs),
    /// Show one run: its stages, times, attempts, tokens and money
    Show(RunsShowArgs),
    /// Print what happened in a run
    Logs(RunsLogsArgs),
    /// Compare two runs; exits with 1 when they differ
    Diff(RunsDiffArgs),
    /// Say whether records are whole and unchanged; exits with 1 when one is not
    Verify(RunsVerifyArgs),
    /// End a run
    Cancel(RunsCancelArgs),
    /// Remove old runs
    Gc(GcArgs),
}

/// `cascadec runs verify`.
#[derive(Debug, Default, Args)]
pub struct RunsVerifyArgs {
    /// The run: its id, the beginning of it, or `last`; all runs when absent
    pub run: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `cascadec runs list`.
#[derive(Debug, Default, Args)]
pub struct RunsListArgs {
    /// Most runs [default: 20]
    #[arg(short, long, value_name = "N")]
    pub number: Option<usize>,
    /// Only those with this status
    #[arg(long, value_parser = ["running", "done", "failed", "cancelled", "paused", "dead"])]
    pub status: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `cascadec runs show`.
#[derive(Debug, Args)]
pub struct RunsShowArgs {
    /// The run: its id, or the beginning of it; the newest when absent
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// With the request and the answer of each stage, shortened
    #[arg(long)]
    pub io: bool,
    /// With all of it
    #[arg(long)]
    pub full: bool,
    /// With what the key of each effect is made of: an effect runs again when one of these changes
    #[arg(long)]
    pub keys: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec runs logs`.
#[derive(Debug, Args)]
pub struct RunsLogsArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
    /// Follow the run until it ends
    #[arg(short, long)]
    pub follow: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `cascadec runs diff`.
#[derive(Debug, Args)]
pub struct RunsDiffArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub before: String,
    /// Another
    #[arg(value_name = "RUN")]
    pub after: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec runs cancel`.
#[derive(Debug, Args)]
pub struct RunsCancelArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// `cascadec runs gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Only what ended longer ago than this
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub older_than: String,
    /// Also runs that failed, were cancelled, wait or died; without it, they can still be resumed
    #[arg(long)]
    pub all: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec memory`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec memory list
  cascadec memory get project.best_practices
  cascadec memory set project.best_practices '[\"small functions\"]'
  cascadec memory history project.quality_history
  cascadec memory forget project.quality_history")]
pub struct MemoryArgs {
    /// What to do
    #[command(subcommand)]
    pub command: MemoryCommand,
}

/// The commands of `cascadec memory`.
#[derive(Debug, Subcommand)]
pub enum MemoryCommand {
    /// List all keys with their values
    List(MemoryListArgs),
    /// Print a value as JSON
    Get {
        /// The memory and the key
        #[arg(value_name = "MEMORY.KEY")]
        key: String,
    },
    /// Give a key a value; the next run sees it
    Set {
        /// The memory and the key
        #[arg(value_name = "MEMORY.KEY")]
        key: String,
        /// The value as JSON
        #[arg(value_name = "VALUE")]
        value: String,
    },
    /// Print all changes of a key, the oldest first
    History {
        /// The memory and the key
        #[arg(value_name = "MEMORY.KEY")]
        key: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a key: the next run begins with the first value that its program declares
    Forget {
        /// The memory and the key
        #[arg(value_name = "MEMORY.KEY")]
        key: String,
    },
}

/// `cascadec memory list`.
#[derive(Debug, Args)]
pub struct MemoryListArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec models`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec models list
  cascadec models list flow.cascade
  cascadec models stats")]
pub struct ModelsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// The commands of `cascadec models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models of a program, which of them can be asked, and why others cannot
    List(ModelsListArgs),
    /// Ask each model that can be asked one small question
    Test(ModelsTestArgs),
    /// Print what the recorded answers tell of each model, by skill
    Stats {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `cascadec models list`.
#[derive(Debug, Args)]
pub struct ModelsListArgs {
    /// The program; without it, the models of the standard library
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec models test`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec models test                      the models of the standard library
  cascadec models test claude
  cascadec models test --file flow.cascade  those of a program

Each model that can be asked answers one small question, which costs a little. Exit code 1: one of
them did not answer.")]
pub struct ModelsTestArgs {
    /// The model; all that can be asked when none is named
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,
    /// The program whose models are meant; without it, those of the standard library
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `cascadec doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec doctor                           the project (cascade.toml) of this folder, or the folder
  cascadec doctor flow.cascade
  cascadec doctor --json

It looks at the project file, the models that its programs may ask and whether their keys are there
(they are not shown), the programs that are started, MCP servers, and what confines programs here.
Nothing is started but `--version` of programs that it knows, and a trial of a sandbox. Exit code 1: something that the project
needs is missing.")]
pub struct DoctorArgs {
    /// Files or folders; the project of the current folder when none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
