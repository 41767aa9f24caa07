//! The arguments of every command.

mod durable;

use std::path::PathBuf;

use cascade_compiler::project::Rule;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::test_command::TestArgs;
pub use durable::*;

/// Checks, runs, formats and draws `.cascade` programs.
#[derive(Debug, Parser)]
#[command(
    name = "cascadec",
    version,
    about = "Checks, runs, formats and draws .cascade programs",
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  cascadec check flow.cascade              find mistakes before anything runs
  cascadec run flow.cascade --input n=3    run its cascade, print the result
  cascadec test flow.cascade               run its tests, without real effects
  cascadec explain E0301                   what a diagnostic means

Exit codes: 0 success; 1 the program failed (a diagnostic, a gate, a stage);
2 wrong usage; 3 paused; 130 cancelled."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours; `auto` looks at the terminal, NO_COLOR and CLICOLOR_FORCE.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// `cascadec new`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cascadec new tidy && cd tidy && cascadec run

The project checks, runs and has a test; nothing in it needs a key.")]
pub struct NewArgs {
    /// The folder, which must not be there or be empty; its name is that of the project
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
}

/// `cascadec list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec list                             the project of this folder, or the folder
  cascadec list flow.cascade
  cascadec list --json                      one JSON object")]
pub struct ListArgs {
    /// Files or folders; the project of the current folder when none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cascadec generate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec generate \"summarise the issues of this week\" -o summary.cascade
  cascadec generate \"review each file\" --skills skills --model claude
  cascadec generate --sheet > .claude/skills/cascade-language/SKILL.md")]
pub struct GenerateArgs {
    /// What the program shall do
    #[arg(value_name = "GOAL")]
    pub goal: Option<String>,
    /// A folder with Agent Skills (`SKILL.md`) and Cascade files that the program may use
    #[arg(long, value_name = "DIR")]
    pub skills: Option<PathBuf>,
    /// The model of the standard library that writes; the route `auto` when absent
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// How often the model may correct its program
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub rounds: u32,
    /// Where the program is written
    #[arg(short, long, value_name = "FILE", default_value = "generated.cascade")]
    pub output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Print the language on one sheet as an Agent Skill, and do nothing else
    #[arg(long)]
    pub sheet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a project in a new folder
    New(NewArgs),
    /// Begin a project in this folder
    #[command(after_help = "Files that are there already are kept as they are.")]
    Init,
    /// List the cascades of a project with their inputs
    List(ListArgs),
    /// Find mistakes without running anything
    Check(CheckArgs),
    /// Apply the safe suggestions to the files, and report what is left
    Fix(FixArgs),
    /// Run a cascade
    Run(RunArgs),
    /// Resume a run that was interrupted, failed or waits
    Resume(ResumeArgs),
    /// Approve what a waiting run asks
    Approve(ApproveArgs),
    /// Reject what a waiting run asks
    Reject(ApproveArgs),
    /// Answer a question of a waiting run
    Answer(AnswerArgs),
    /// List, show, compare and clean up runs
    Runs(RunsArgs),
    /// Read and change what a project remembers between runs
    Memory(MemoryArgs),
    /// Show which models can be asked here, and how they answered
    Models(ModelsArgs),
    /// Look whether what the project needs is here
    Doctor(DoctorArgs),
    /// Let a model write a program, which is checked and never run
    Generate(GenerateArgs),
    /// Run the tests of source files
    Test(TestArgs),
    /// Format source files
    Fmt(FmtArgs),
    /// Compile into one file that runs without its sources
    Build(BuildArgs),
    /// Explain a diagnostic by its code
    Explain(ExplainArgs),
    /// Draw a cascade
    Graph(GraphArgs),
    /// Write documentation of a project as HTML
    Doc(DocArgs),
    /// Print the JSON Schema of a type
    Schema(SchemaArgs),
    /// Write types for a JSON Schema
    Import(ImportArgs),
    /// Serve an editor
    #[command(long_about = "Serve an editor: the language server protocol on standard input and output.

An editor starts it; started by hand it waits for messages. It reports diagnostics while you type,
offers their fixes, and formats. It uses the unsaved text of every open file, also where another
file imports it.")]
    Lsp(LspArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
}

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With source and help
    Human,
    /// One line each
    Short,
    /// One JSON object a line
    Json,
    /// One SARIF 2.1.0 document, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// `cascadec check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec check                            the project (cascade.toml) of this folder, or the folder
  cascadec check flow.cascade
  cascadec check - < flow.cascade           standard input
  cascadec check --watch                    again after every change
  cascadec check --fix                      apply the safe suggestions, report what is left
  cascadec check --deny warnings --format github
  cascadec check --cost                     and what each cascade may cost at most

Files and folders whose names begin with `.`, `target`, `node_modules` and what cascade.toml
excludes are skipped, unless they are named.")]
pub struct CheckArgs {
    /// Files, folders, or `-` for standard input; the project of the current folder when none is
    /// given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How diagnostics are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Refused with a hint at `--format json`
    #[arg(long, hide = true)]
    pub json: bool,
    /// Treat these as errors: `warnings`, a code (W0101) or a family (W01)
    #[arg(long, value_name = "WHAT", value_parser = parse_rule)]
    pub deny: Vec<Rule>,
    /// Do not report these: `warnings`, a code or a family
    #[arg(long, value_name = "WHAT", value_parser = parse_rule)]
    pub allow: Vec<Rule>,
    /// Apply the safe suggestions to the files
    #[arg(long, conflicts_with = "watch")]
    pub fix: bool,
    /// Check again after every change, until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
    /// Print the most stages, model calls, tokens, money and time of every cascade as well
    #[arg(long, conflicts_with_all = ["watch", "fix", "write_baseline"])]
    pub cost: bool,
    /// With --cost: also of the cascades that are imported
    #[arg(long, requires = "cost")]
    pub all: bool,
    /// A baseline of known diagnostics: they are counted, not reported
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write all current diagnostics to the baseline: the one given, the project's, or cascade.baseline
    #[arg(long, conflicts_with_all = ["watch", "fix"])]
    pub write_baseline: bool,
}

/// `cascadec fix`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec fix                              the project of this folder, or the folder
  cascadec fix flow.cascade

A suggestion is applied when it is the only one that can be meant, and when it leaves no more errors
than there were. Comments and formatting stay.")]
pub struct FixArgs {
    /// Files or folders; the project of the current folder when none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How the diagnostics that are left are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

impl FixArgs {
    /// The same as arguments of `check`.
    pub fn as_check(&self) -> CheckArgs {
        CheckArgs {
            paths: self.paths.clone(),
            format: self.format,
            json: false,
            deny: Vec::new(),
            allow: Vec::new(),
            fix: true,
            watch: false,
            cost: false,
            all: false,
            baseline: None,
            write_baseline: false,
        }
    }
}

fn parse_rule(text: &str) -> Result<Rule, String> {
    Rule::parse(text)
}

/// `cascadec run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec run hello.cascade
  cascadec run                              the `entry` of cascade.toml
  cascadec run report                       the cascade `report` of the project
  cascadec run report.cascade repo=. threshold=80
  cascadec run report.cascade --repo . --threshold 80
  cascadec run report.cascade --help        its inputs
  cascadec run report.cascade --inputs inputs.json
  echo '{\"repo\": \".\"}' | cascadec run report.cascade --inputs -
  cascadec run report.cir --json            a compiled program; one JSON event a line
  cascadec run report.cascade --record fixtures && cascadec run report.cascade --replay fixtures

An input is checked against its declared type before anything runs. Text, paths, enums,
durations and money are written as they are; everything else as JSON.")]
pub struct RunArgs {
    /// A .cascade file, a .cir file, `-` for a program on standard input, or a cascade of the project; the `entry` of
    /// cascade.toml when absent
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The cascade to run; needed when the file has several
    #[arg(value_name = "CASCADE")]
    pub cascade: Option<String>,
    /// Inputs
    #[command(flatten)]
    pub given: InputArgs,
    /// Resume the last run of this cascade that did not succeed; start a new run if there is none
    #[arg(long, conflicts_with_all = ["fork", "no_journal"])]
    pub resume: bool,
    /// Start a new run with the recorded answers of another; only what differs runs again
    #[arg(long, value_name = "RUN", conflicts_with = "no_journal")]
    pub fork: Option<String>,
    /// Start nothing: show what the run costs at most; with --resume or --fork what would run, what is reused, and why
    #[arg(long)]
    pub dry_run: bool,
    /// Show what the run costs at most, and ask whether to start it
    #[arg(long, conflicts_with = "dry_run")]
    pub plan: bool,
    /// Run again after every change of the program, until Ctrl-C; only what an edit reaches runs again
    #[arg(short, long, conflicts_with_all = ["resume", "fork", "dry_run", "record", "replay"])]
    pub watch: bool,
    /// Start without a question, whatever the run may cost
    #[arg(long)]
    pub yes: bool,
    /// Options of a run
    #[command(flatten)]
    pub live: LiveArgs,
    /// Keep no journal of this run
    #[arg(long)]
    pub no_journal: bool,
    /// Record the answers of models and HTTP requests into this folder, without secrets
    #[arg(long, value_name = "DIR", conflicts_with_all = ["resume", "fork", "dry_run"])]
    pub record: Option<PathBuf>,
    /// Take the answers of models and HTTP requests from this folder; needs no network and no key,
    /// and keeps no journal
    #[arg(long, value_name = "DIR", conflicts_with_all = ["resume", "fork", "dry_run", "record"])]
    pub replay: Option<PathBuf>,
}

/// Inputs of a cascade.
#[derive(Debug, Default, Args)]
pub struct InputArgs {
    /// One input; `name=value` and `--name value` after the file mean the same
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Inputs as a JSON object, from a file or `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
}

/// Options of a run: how it is shown, and how it waits.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Print one JSON event a line to standard output; the last one has the result
    #[arg(long)]
    pub json: bool,
    /// Print nothing but the result and errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Most commands at once [default: the processors, at least 8]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Wait until people have answered and quotas are available again, instead of exiting with 3
    #[arg(long)]
    pub wait: bool,
    /// Do not take answers of other runs (`cache`)
    #[arg(long)]
    pub no_cache: bool,
}

/// `cascadec fmt`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec fmt flow.cascade                 rewrite it
  cascadec fmt                              every file of the project
  cascadec fmt --check                      only say what would change, exit 1 if anything would
  cascadec fmt - < flow.cascade             standard input to standard output")]
pub struct FmtArgs {
    /// Files, folders, or `-` for standard input; the project of the current folder when none is
    /// given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Change nothing; show a diff and exit 1 if a file is not formatted
    #[arg(long)]
    pub check: bool,
}

/// `cascadec build`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cascadec build flow.cascade -o flow.cir && cascadec run flow.cir")]
pub struct BuildArgs {
    /// The file to compile
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write; the file's name with `.cir` when absent, `-` for standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// `cascadec explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec explain E0401
  cascadec explain 0401
  cascadec explain gate                     the pages about a word
  cascadec explain                          all codes with their titles")]
pub struct ExplainArgs {
    /// A code such as E0301, its digits, or a word
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// For a browser
    Svg,
}

/// `cascadec graph`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec graph flow.cascade
  cascadec graph flow.cascade quality --format svg -o quality.svg
  cascadec graph flow.cascade --format svg --run last -o run.svg")]
pub struct GraphArgs {
    /// A .cascade or .cir file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The cascade to draw; needed when the file has several
    #[arg(value_name = "CASCADE")]
    pub cascade: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = GraphFormat::Mermaid)]
    pub format: GraphFormat,
    /// Show in an SVG how the stages ended in this run of the cascade: its id, the beginning of it, or `last`
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Where to write; standard output when absent
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// `cascadec doc`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec doc                              the project of this folder, into target/cascade-doc
  cascadec doc flows -o /tmp/doc

The pages need no server and no JavaScript: open index.html.")]
pub struct DocArgs {
    /// Files or folders; the project of the current folder when none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The folder to write into
    #[arg(short, long, value_name = "FOLDER", default_value = "target/cascade-doc")]
    pub output: PathBuf,
}

/// `cascadec schema`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec schema Finding                   of the file of this project that declares it
  cascadec schema Finding flow.cascade -o finding.schema.json")]
pub struct SchemaArgs {
    /// The type
    #[arg(value_name = "TYPE")]
    pub ty: String,
    /// The file that knows it
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Where to write; standard output when absent
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// `cascadec import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec import order.schema.json
  cascadec import order.schema.json -o order.cascade --name Order

What a type cannot express is kept as a comment, and reported on standard error.")]
pub struct ImportArgs {
    /// A JSON Schema, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The name of the type; the schema's title, or else the file's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where to write; standard output when absent
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// `cascadec lsp`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec lsp                              the command that an editor starts
  vim.lsp.config(\"cascade\", { cmd = { \"cascadec\", \"lsp\" }, filetypes = { \"cascade\" } })

Exit codes: 0 after `shutdown` and `exit`; 1 when the editor left without saying so.")]
pub struct LspArgs {
    /// Standard input and output, which is the only way; accepted because editors add it
    #[arg(long)]
    pub stdio: bool,
}

/// `cascadec completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(cascadec completions bash)                            in ~/.bashrc
  source <(cascadec completions zsh)                             in ~/.zshrc
  cascadec completions fish > ~/.config/fish/completions/cascadec.fish

Commands and options are completed, and files, cascades, inputs, runs and the stages that ask.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
