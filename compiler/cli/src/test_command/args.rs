//! The arguments of `cascadec test`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the results of tests are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For a person, on standard error
    Human,
    /// One JSON object a line, on standard output
    Json,
}

/// `cascadec test`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cascadec test                             the project of this folder
  cascadec test flow.cascade --filter deep
  cascadec test --times 100                 answers come in another order each time
  cascadec test --coverage --junit tests.xml

A test never touches the world: what it calls is answered by its mocks, and time is virtual.
Exit codes: 0 all passed; 1 one failed, or a file has a mistake; 2 the call was wrong.")]
pub struct TestArgs {
    /// Files, folders, or `-` for standard input; the project of the current folder when none is
    /// given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only tests whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Run each test this many times; answers of the same moment come in another order each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub times: u64,
    /// The order of answers to use, as a failure reported it; with --times, the first one
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Report which stages and branches the tests reach
    #[arg(long)]
    pub coverage: bool,
    /// Also write the results as JUnit XML, `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// How results are reported
    #[arg(long, value_enum, default_value_t = TestFormat::Human)]
    pub format: TestFormat,
}
