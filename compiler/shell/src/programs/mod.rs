//! What programs do with their arguments: which read code, which pass the question on to another
//! program, which have options that carry code. A program that is in no row reads its arguments
//! as data.
//!
//! This file has the kinds of rows; [`table`] the rows, [`git`] those of the subcommands of git, and [`variables`] the
//! variables that choose programs. [`table_rows`] lists all of them for the test that has a script for each.

mod git;
mod rows;
mod table;
mod variables;

pub(crate) use git::{GIT_CARRIERS, GIT_CODE, GIT_GLOBAL_CODE, GIT_GLOBAL_VALUES, GIT_OPTIONS};
pub use rows::{Row, table_rows};
use table::PROGRAMS;
pub use variables::chooses_program;

/// How a program reads its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// A shell: `-c` is given a script, the first operand is a file with one, and without both
    /// the standard input is one.
    Shell,
    /// Reads code from options, from its first operand, or from its standard input.
    Interpreter(Interpreter),
    /// Runs the program that stands after its options and operands.
    Wrapper(Wrapper),
    /// Runs the program that stands after a first word (`docker run image …`).
    Runner(Runner),
    /// All arguments are code.
    Code,
    /// Runs programs of the network: after the host, all arguments are code.
    RemoteShell,
    /// Reads arguments as data, but for some options.
    Carrier(Carrier),
    /// `git`, whose subcommands differ.
    Git,
    /// `find`, with the commands of `-exec`.
    Find,
    /// `xargs`, which adds words of its standard input.
    Xargs,
    /// `env`, with variables before the program.
    Env,
    /// A built-in command of the shell with rules of its own.
    Builtin(Builtin),
}

/// Built-in commands of the shell that change variables, directories or what is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Alias,
    ChangeDirectory,
    Declare,
    Eval,
    Let,
    Printf,
    Read,
    Set,
    Source,
    Test,
    Trap,
    Unset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// Options whose value is code, in place of the operand that would be code.
    pub code: &'static [&'static str],
    /// Options whose value is code (a library, a start file), after which the operand is code as well.
    pub preload: &'static [&'static str],
    /// Options whose value is data.
    pub data: &'static [&'static str],
    /// Options that name a module to run; what follows is data.
    pub module: &'static [&'static str],
    /// How many operands are data before the one that is code or a file with code.
    pub data_operands: usize,
    /// Whether standard input is code when there is no other.
    pub stdin: bool,
    /// Whether options may stand after operands.
    pub late_options: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrapper {
    /// Options with a value.
    pub values: &'static [&'static str],
    /// Options whose value is a script.
    pub code: &'static [&'static str],
    /// Options whose value chooses what is run, but is no script: a shell, a package, a variable.
    pub choices: &'static [&'static str],
    /// How many operands stand before the program.
    pub operands: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Runner {
    /// The subcommands that run a program. Others read data.
    pub subcommands: &'static [&'static str],
    /// Options without a value.
    pub flags: &'static [&'static str],
    /// How many operands stand between the subcommand and the program; they choose what is run.
    pub operands: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carrier {
    /// Options whose value is code or a program.
    pub code: &'static [&'static str],
    /// Options whose value is data.
    pub data: &'static [&'static str],
    /// Whether an operand that begins with a dash would be read as such an option.
    pub operands: bool,
}

/// Whether a program runs the program that stands after its options.
pub fn is_wrapper(name: &str) -> bool {
    matches!(find_program(name), Some(Program::Wrapper(_) | Program::Env | Program::Xargs))
}

/// How a program of a name reads its arguments; `None` when it reads them as data.
pub(crate) fn find_program(name: &str) -> Option<Program> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let find = |name: &str| PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| *program);
    find(name).or_else(|| {
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        (!bare.is_empty()).then(|| find(bare)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_folders_do_not_hide_a_program() {
        for name in ["python", "python3", "/usr/bin/python3.12", "pypy3", "perl5.36.0", "bash", "lua5.4", "bash.exe"] {
            assert!(find_program(name).is_some(), "{name}");
        }
        for name in ["cat", "printf-it", "jq", "sha256sum", "g++-12", ""] {
            assert!(find_program(name).is_none(), "{name}");
        }
    }

    #[test]
    fn each_program_stands_once() {
        let mut names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
