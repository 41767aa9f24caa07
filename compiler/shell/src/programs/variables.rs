//! The table of variables that choose a program.

/// Variables that choose a program, or code that a program reads.
pub(super) const PROGRAM_VARIABLES: &[&str] = &[
    "BASH_ENV",
    "BROWSER",
    "CARGO_BUILD_RUSTC",
    "CC",
    "CLASSPATH",
    "CVS_RSH",
    "CXX",
    "EDITOR",
    "ENV",
    "FPATH",
    "GEM_HOME",
    "GEM_PATH",
    "GOFLAGS",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LESSCLOSE",
    "LESSOPEN",
    "LUA_INIT",
    "LUA_PATH",
    "MAKEFLAGS",
    "MANPAGER",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PHPRC",
    "PROMPT_COMMAND",
    "PS1",
    "PS4",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "RSYNC_RSH",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "SHELL",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SVN_SSH",
    "TAR_OPTIONS",
    "TERMINFO",
    "VISUAL",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of the names of such variables.
pub(super) const PROGRAM_VARIABLE_PREFIXES: &[&str] = &["DYLD_", "GIT_", "LD_", "CARGO_TARGET_"];

/// `GIT_…` variables that are data.
pub(super) const GIT_DATA: &[&str] = &[
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
];

/// Whether the value of a variable of the environment can choose a program or be code.
pub fn chooses_program(variable: &str) -> bool {
    PROGRAM_VARIABLES.contains(&variable)
        || (PROGRAM_VARIABLE_PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
            && !GIT_DATA.contains(&variable))
}
