//! The list of everything that the tables say, as single statements that a script can show.

use super::{
    Program,
    git::{GIT_CARRIERS, GIT_CODE, GIT_GLOBAL_CODE, GIT_GLOBAL_VALUES, GIT_OPTIONS},
    table::PROGRAMS,
    variables::{GIT_DATA, PROGRAM_VARIABLE_PREFIXES, PROGRAM_VARIABLES},
};

/// A statement of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// A program that reads code, runs another program, or has options that carry code.
    Program(&'static str),
    /// A word (an option, or a subcommand) of a program whose value, or whose rest, is code.
    CodeWord(&'static str, &'static str),
    /// An option of a program whose value is data.
    DataWord(&'static str, &'static str),
    /// A variable that chooses a program.
    CodeVariable(&'static str),
    /// The beginning of the names of such variables.
    CodeVariables(&'static str),
    /// A variable that is data although its name begins as those do.
    DataVariable(&'static str),
}

/// All statements of the tables.
pub fn table_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, program) in PROGRAMS {
        rows.push(Row::Program(name));
        let (code, data): (&[&[&'static str]], &[&'static str]) = match program {
            Program::Interpreter(interpreter) => {
                (&[interpreter.code, interpreter.preload, interpreter.module], interpreter.data)
            }
            Program::Wrapper(wrapper) => (&[wrapper.code, wrapper.choices], wrapper.values),
            Program::Runner(runner) => (&[runner.subcommands], runner.flags),
            Program::Carrier(carrier) => (&[carrier.code], carrier.data),
            Program::Git => {
                rows.extend(GIT_GLOBAL_VALUES.iter().map(|option| Row::DataWord(name, option)));
                rows.extend(GIT_OPTIONS.data.iter().map(|option| Row::DataWord(name, option)));
                (&[GIT_GLOBAL_CODE, GIT_CODE, GIT_CARRIERS, GIT_OPTIONS.code], &[])
            }
            Program::Shell
            | Program::Code
            | Program::RemoteShell
            | Program::Find
            | Program::Xargs
            | Program::Env
            | Program::Builtin(_) => (&[], &[]),
        };
        rows.extend(code.iter().copied().flatten().map(|word| Row::CodeWord(name, word)));
        rows.extend(data.iter().map(|word| Row::DataWord(name, word)));
    }
    rows.extend(PROGRAM_VARIABLES.iter().map(|name| Row::CodeVariable(name)));
    rows.extend(PROGRAM_VARIABLE_PREFIXES.iter().map(|prefix| Row::CodeVariables(prefix)));
    rows.extend(GIT_DATA.iter().map(|name| Row::DataVariable(name)));
    rows.sort_unstable();
    rows.dedup();
    rows
}
