//! What programs do with their arguments: which read code, which pass the question on to another
//! program, which have options that carry code. A program that is in no row reads its arguments
//! as data.

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
    /// Options whose value is code.
    pub code: &'static [&'static str],
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
    /// Options whose value is code.
    pub code: &'static [&'static str],
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

const fn interpreter(code: &'static [&'static str], data: &'static [&'static str]) -> Program {
    Program::Interpreter(Interpreter { code, data, module: &[], data_operands: 0, stdin: true, late_options: false })
}

/// An interpreter whose options may stand after its operands.
const fn late_interpreter(code: &'static [&'static str], data: &'static [&'static str]) -> Program {
    Program::Interpreter(Interpreter { code, data, module: &[], data_operands: 0, stdin: true, late_options: true })
}

const fn wrapper(values: &'static [&'static str], operands: usize) -> Program {
    Program::Wrapper(Wrapper { values, code: &[], operands })
}

const fn runner(subcommands: &'static [&'static str], flags: &'static [&'static str], operands: usize) -> Program {
    Program::Runner(Runner { subcommands, flags, operands })
}

const fn carrier(code: &'static [&'static str], data: &'static [&'static str], operands: bool) -> Program {
    Program::Carrier(Carrier { code, data, operands })
}

const CONTAINER: Program = runner(
    &["run", "exec", "create"],
    &[
        "-i",
        "-t",
        "-d",
        "-it",
        "-ti",
        "-dit",
        "-P",
        "--rm",
        "--interactive",
        "--tty",
        "--detach",
        "--init",
        "--privileged",
        "--read-only",
        "--no-healthcheck",
        "--oom-kill-disable",
        "--quiet",
        "-q",
        "-T",
        "--no-deps",
        "--publish-all",
        "--sig-proxy",
    ],
    1,
);

/// Programs by name. Names with a version (`python3.12`) are found without it.
const PROGRAMS: &[(&str, Program)] = &[
    // Shells.
    ("sh", Program::Shell),
    ("ash", Program::Shell),
    ("bash", Program::Shell),
    ("dash", Program::Shell),
    ("fish", Program::Shell),
    ("ksh", Program::Shell),
    ("mksh", Program::Shell),
    ("yash", Program::Shell),
    ("zsh", Program::Shell),
    ("csh", Program::Shell),
    ("tcsh", Program::Shell),
    ("rbash", Program::Shell),
    // Interpreters.
    (
        "python",
        Program::Interpreter(Interpreter {
            code: &["-c"],
            data: &["-W", "-X", "--check-hash-based-pycs"],
            module: &["-m"],
            data_operands: 0,
            stdin: true,
            late_options: false,
        }),
    ),
    (
        "pypy",
        Program::Interpreter(Interpreter {
            code: &["-c"],
            data: &["-W", "-X"],
            module: &["-m"],
            data_operands: 0,
            stdin: true,
            late_options: false,
        }),
    ),
    ("ipython", interpreter(&["-c"], &[])),
    ("perl", interpreter(&["-e", "-E", "-M", "-m", "-I", "-x"], &[])),
    ("ruby", interpreter(&["-e", "-r", "-I"], &["-E", "-W"])),
    ("irb", interpreter(&["-r"], &[])),
    ("node", interpreter(&["-e", "--eval", "-p", "--print", "-r", "--require", "--import", "--loader"], &[])),
    ("nodejs", interpreter(&["-e", "--eval", "-p", "--print", "-r", "--require"], &[])),
    ("deno", runner(&["run", "eval", "x"], &["-A", "--allow-all"], 0)),
    ("bun", runner(&["run", "x", "exec"], &[], 0)),
    ("tsx", interpreter(&["-e", "--eval", "-p"], &[])),
    ("ts-node", interpreter(&["-e", "--eval", "-p", "-r"], &[])),
    ("php", interpreter(&["-r", "-B", "-R", "-E", "-f"], &["-d"])),
    ("lua", interpreter(&["-e", "-l"], &[])),
    ("luajit", interpreter(&["-e", "-l"], &[])),
    ("Rscript", interpreter(&["-e"], &[])),
    ("R", interpreter(&["-e", "-f", "--file"], &[])),
    ("julia", interpreter(&["-e", "-E", "--eval", "--print", "-L", "--load"], &["-p", "-t"])),
    ("octave", interpreter(&["--eval"], &[])),
    ("scala", interpreter(&["-e"], &[])),
    ("groovy", interpreter(&["-e"], &[])),
    ("java", interpreter(&["-jar", "-cp", "-classpath", "--class-path", "-agentpath", "-javaagent"], &[])),
    ("ghci", interpreter(&["-e"], &[])),
    ("runghc", interpreter(&["-e"], &[])),
    ("racket", interpreter(&["-e", "-r", "-l"], &[])),
    ("guile", interpreter(&["-c", "-l", "-s"], &[])),
    ("tclsh", interpreter(&[], &[])),
    ("expect", interpreter(&["-c", "-f"], &[])),
    ("osascript", interpreter(&["-e"], &["-l"])),
    ("pwsh", interpreter(&["-c", "-Command", "-e", "-EncodedCommand", "-File"], &[])),
    ("powershell", interpreter(&["-c", "-Command", "-e", "-EncodedCommand", "-File"], &[])),
    (
        "awk",
        interpreter(&["-e", "--source", "-f", "--file", "-i", "-l"], &["-v", "-F", "--assign", "--field-separator"]),
    ),
    (
        "gawk",
        interpreter(&["-e", "--source", "-f", "--file", "-i", "-l"], &["-v", "-F", "--assign", "--field-separator"]),
    ),
    ("mawk", interpreter(&["--source", "-f", "--file"], &["-v", "-F"])),
    ("nawk", interpreter(&["-f"], &["-v", "-F"])),
    ("sed", late_interpreter(&["-e", "--expression", "-f", "--file"], &["-l"])),
    ("gsed", late_interpreter(&["-e", "--expression", "-f", "--file"], &["-l"])),
    ("m4", late_interpreter(&[], &["-D"])),
    ("ed", late_interpreter(&[], &["-p"])),
    ("ex", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("vi", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("vim", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("nvim", late_interpreter(&["-c", "--cmd", "-S", "-u", "-l"], &[])),
    ("emacs", late_interpreter(&["--eval", "--execute", "-l", "--load", "-f", "--funcall", "--script"], &[])),
    ("gnuplot", interpreter(&["-e"], &[])),
    ("gdb", late_interpreter(&["-ex", "-x", "-iex", "-ix", "--command", "--eval-command"], &["-p"])),
    ("lldb", late_interpreter(&["-o", "-O", "-s", "-S", "-k"], &["-p", "-n"])),
    ("dc", interpreter(&["-e", "-f"], &[])),
    // Their commands can run programs: `\!`, `.shell`, `system`.
    (
        "psql",
        Program::Interpreter(Interpreter {
            code: &["-c", "--command", "-f", "--file"],
            data: &[
                "-h",
                "--host",
                "-p",
                "--port",
                "-U",
                "--username",
                "-d",
                "--dbname",
                "-v",
                "-F",
                "-o",
                "-R",
                "-P",
                "-T",
            ],
            module: &[],
            data_operands: 2,
            stdin: true,
            late_options: true,
        }),
    ),
    (
        "sqlite3",
        Program::Interpreter(Interpreter {
            code: &["-cmd", "-init"],
            data: &["-separator", "-nullvalue", "-newline"],
            module: &[],
            data_operands: 1,
            stdin: true,
            late_options: true,
        }),
    ),
    (
        "mysql",
        Program::Interpreter(Interpreter {
            code: &["-e", "--execute", "--init-command"],
            data: &["-h", "--host", "-P", "--port", "-u", "--user", "-D", "--database"],
            module: &[],
            data_operands: 1,
            stdin: true,
            late_options: true,
        }),
    ),
    ("at", late_interpreter(&["-f"], &["-q", "-t"])),
    ("batch", late_interpreter(&["-f"], &["-q"])),
    ("crontab", late_interpreter(&[], &["-u"])),
    // Wrappers: what they run is asked again.
    ("builtin", wrapper(&[], 0)),
    ("busybox", wrapper(&[], 0)),
    ("chpst", wrapper(&["-u", "-U", "-b", "-e", "-d", "-l", "-m", "-o", "-n"], 0)),
    ("chroot", wrapper(&[], 1)),
    ("chrt", wrapper(&["-T", "-P", "-D"], 1)),
    ("command", wrapper(&[], 0)),
    ("dbus-run-session", wrapper(&[], 0)),
    ("doas", wrapper(&["-u", "-C"], 0)),
    ("entr", wrapper(&[], 0)),
    ("exec", wrapper(&["-a"], 0)),
    ("fakeroot", wrapper(&["-l", "-s", "-i"], 0)),
    ("firejail", wrapper(&[], 0)),
    (
        "flock",
        Program::Wrapper(Wrapper { values: &["-w", "--timeout", "-E"], code: &["-c", "--command"], operands: 1 }),
    ),
    ("ionice", wrapper(&["-c", "-n", "-p", "--class", "--classdata"], 0)),
    ("ltrace", wrapper(&["-e", "-o", "-p", "-u", "-s"], 0)),
    ("nice", wrapper(&["-n", "--adjustment"], 0)),
    ("nohup", wrapper(&[], 0)),
    ("nsenter", wrapper(&["-t", "--target"], 0)),
    ("perf", wrapper(&["-e", "-o", "-F", "-g"], 1)),
    ("proot", wrapper(&["-r", "-b", "-w"], 0)),
    (
        "runuser",
        Program::Wrapper(Wrapper { values: &["-u", "-g", "-G", "-s"], code: &["-c", "--command"], operands: 0 }),
    ),
    ("script", Program::Wrapper(Wrapper { values: &["-o", "-O", "-I"], code: &["-c", "--command"], operands: 9 })),
    ("setarch", wrapper(&[], 1)),
    ("setpriv", wrapper(&[], 0)),
    ("setsid", wrapper(&[], 0)),
    ("stdbuf", wrapper(&["-i", "-o", "-e", "--input", "--output", "--error"], 0)),
    ("strace", wrapper(&["-e", "-o", "-p", "-u", "-s", "-E", "-P"], 0)),
    (
        "su",
        Program::Wrapper(Wrapper { values: &["-g", "-G"], code: &["-c", "--command", "-s", "--shell"], operands: 9 }),
    ),
    (
        "sudo",
        wrapper(&["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group", "--chdir"], 0),
    ),
    ("systemd-run", wrapper(&["-p", "--property", "-u", "--unit", "-M", "-E", "--setenv"], 0)),
    ("taskset", wrapper(&[], 1)),
    ("time", wrapper(&["-f", "-o", "--format", "--output"], 0)),
    ("timeout", wrapper(&["-s", "-k", "--signal", "--kill-after"], 1)),
    ("torsocks", wrapper(&[], 0)),
    ("unbuffer", wrapper(&[], 0)),
    ("unshare", wrapper(&["-R", "-w", "-S", "-G"], 0)),
    ("valgrind", wrapper(&[], 0)),
    ("xvfb-run", wrapper(&["-e", "-f", "-n", "-p", "-s", "-w"], 0)),
    ("npx", wrapper(&["-p", "--package", "-w"], 0)),
    ("bunx", wrapper(&[], 0)),
    ("uvx", wrapper(&["--from", "--with", "--python", "-p"], 0)),
    ("env", Program::Env),
    ("xargs", Program::Xargs),
    ("find", Program::Find),
    // Programs that run what follows a subcommand.
    ("docker", CONTAINER),
    ("podman", CONTAINER),
    ("nerdctl", CONTAINER),
    ("kubectl", runner(&["exec", "run", "debug"], &["-i", "-t", "-it", "--stdin", "--tty", "-q", "--quiet"], 1)),
    ("oc", runner(&["exec", "run", "rsh"], &["-i", "-t", "-it"], 1)),
    ("lxc", runner(&["exec"], &[], 1)),
    ("uv", runner(&["run"], &["-q", "--quiet", "--no-sync", "--locked", "--frozen"], 0)),
    ("poetry", runner(&["run"], &["-q"], 0)),
    ("pipenv", runner(&["run"], &[], 0)),
    ("pdm", runner(&["run"], &[], 0)),
    ("hatch", runner(&["run"], &[], 0)),
    ("rye", runner(&["run"], &[], 0)),
    ("pipx", runner(&["run"], &[], 0)),
    ("conda", runner(&["run"], &["--no-capture-output"], 0)),
    ("bundle", runner(&["exec"], &[], 0)),
    ("npm", runner(&["exec", "x"], &["-y", "--yes"], 0)),
    ("pnpm", runner(&["exec", "dlx"], &[], 0)),
    ("yarn", runner(&["exec", "dlx"], &["-q"], 0)),
    ("nix", runner(&["run", "shell"], &[], 1)),
    ("direnv", runner(&["exec"], &[], 1)),
    ("dotenv", runner(&["run"], &[], 0)),
    ("op", runner(&["run"], &[], 0)),
    ("aws-vault", runner(&["exec"], &[], 1)),
    // All that they are given is code.
    ("watch", Program::Code),
    ("parallel", Program::Code),
    ("make", Program::Code),
    ("gmake", Program::Code),
    ("tmux", Program::Code),
    ("screen", Program::Code),
    ("nix-shell", Program::Code),
    ("ssh", Program::RemoteShell),
    ("autossh", Program::RemoteShell),
    ("mosh", Program::RemoteShell),
    ("rsh", Program::RemoteShell),
    // Options that carry code.
    ("git", Program::Git),
    (
        "tar",
        carrier(
            &[
                "-I",
                "--use-compress-program",
                "--to-command",
                "--checkpoint-action",
                "-F",
                "--info-script",
                "--new-volume-script",
                "--rsh-command",
                "--rmt-command",
            ],
            &["-f", "--file", "-C", "--directory", "-T", "-X", "--exclude", "--transform"],
            true,
        ),
    ),
    ("rsync", carrier(&["-e", "--rsh", "--rsync-path"], &["--exclude", "--include", "-f", "--filter"], true)),
    ("scp", carrier(&["-S", "-o", "-F", "-J"], &["-P", "-i", "-l", "-c"], true)),
    ("sftp", carrier(&["-S", "-o", "-b", "-F", "-J"], &["-P", "-i", "-l", "-c"], true)),
    ("zip", carrier(&["-TT", "--unzip-command"], &["-x", "-i"], true)),
    ("man", carrier(&["-P", "--pager", "-H"], &[], true)),
    ("sort", carrier(&["--compress-program"], &["-k", "-t", "-o", "-S"], true)),
    ("split", carrier(&["--filter"], &["-l", "-b", "-n", "-a"], true)),
    ("curl", carrier(&["-K", "--config"], &[], false)),
    ("wget", carrier(&["--use-askpass", "--config", "-e", "--execute"], &["-O", "-o", "-P"], true)),
    ("go", carrier(&["-exec", "-toolexec", "-vettool"], &[], false)),
    ("cargo", carrier(&["--config"], &[], false)),
    ("tcpdump", carrier(&["-z"], &["-i", "-w", "-r", "-c"], true)),
    // Built-in commands of the shell.
    (".", Program::Builtin(Builtin::Source)),
    ("source", Program::Builtin(Builtin::Source)),
    ("alias", Program::Builtin(Builtin::Alias)),
    ("cd", Program::Builtin(Builtin::ChangeDirectory)),
    ("pushd", Program::Builtin(Builtin::ChangeDirectory)),
    ("declare", Program::Builtin(Builtin::Declare)),
    ("export", Program::Builtin(Builtin::Declare)),
    ("local", Program::Builtin(Builtin::Declare)),
    ("readonly", Program::Builtin(Builtin::Declare)),
    ("typeset", Program::Builtin(Builtin::Declare)),
    ("eval", Program::Builtin(Builtin::Eval)),
    ("let", Program::Builtin(Builtin::Let)),
    ("printf", Program::Builtin(Builtin::Printf)),
    ("read", Program::Builtin(Builtin::Read)),
    ("mapfile", Program::Builtin(Builtin::Read)),
    ("readarray", Program::Builtin(Builtin::Read)),
    ("getopts", Program::Builtin(Builtin::Read)),
    ("set", Program::Builtin(Builtin::Set)),
    ("test", Program::Builtin(Builtin::Test)),
    ("[", Program::Builtin(Builtin::Test)),
    ("[[", Program::Builtin(Builtin::Test)),
    ("trap", Program::Builtin(Builtin::Trap)),
    ("unset", Program::Builtin(Builtin::Unset)),
];

/// Variables that choose a program, or code that a program reads.
const PROGRAM_VARIABLES: &[&str] = &[
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
const PROGRAM_VARIABLE_PREFIXES: &[&str] = &["DYLD_", "GIT_", "LD_", "CARGO_TARGET_"];

/// `GIT_…` variables that are data.
const GIT_DATA: &[&str] = &[
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

/// Subcommands of `git` all of whose arguments are code or configuration.
pub(crate) const GIT_CODE: &[&str] = &["bisect", "config", "filter-branch", "submodule"];
/// Subcommands of `git` that have options with code.
pub(crate) const GIT_CARRIERS: &[&str] = &[
    "archive",
    "clone",
    "daemon",
    "difftool",
    "fetch",
    "fetch-pack",
    "grep",
    "instaweb",
    "ls-remote",
    "mergetool",
    "pull",
    "push",
    "rebase",
    "remote",
    "send-email",
    "send-pack",
];
/// What the options of those mean.
pub(crate) const GIT_OPTIONS: Carrier = Carrier {
    code: &[
        "--upload-pack",
        "--receive-pack",
        "--exec",
        "-x",
        "--extcmd",
        "-O",
        "--open-files-in-pager",
        "-c",
        "--config",
        "--template",
        "--tool",
        "-t",
        "--smtp-server",
        "--sendmail-cmd",
    ],
    data: &["-b", "--branch", "-o", "--origin", "--depth", "--onto", "-m", "--format", "--prefix", "-e"],
    operands: true,
};
/// Options of `git` before its subcommand.
pub(crate) const GIT_GLOBAL_VALUES: &[&str] = &["-C", "--git-dir", "--work-tree", "--namespace"];
/// Options of `git` before its subcommand that carry code.
pub(crate) const GIT_GLOBAL_CODE: &[&str] = &["-c", "--config-env", "--exec-path"];

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
