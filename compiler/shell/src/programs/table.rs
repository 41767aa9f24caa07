//! The table of programs: a row for each.

use super::{Builtin, Carrier, Interpreter, Program, Runner, Wrapper};

const fn interpreter(code: &'static [&'static str], data: &'static [&'static str]) -> Program {
    preloading_interpreter(code, &[], data)
}

/// An interpreter with options for libraries or start files.
const fn preloading_interpreter(
    code: &'static [&'static str],
    preload: &'static [&'static str],
    data: &'static [&'static str],
) -> Program {
    Program::Interpreter(Interpreter {
        code,
        preload,
        data,
        module: &[],
        data_operands: 0,
        stdin: true,
        late_options: false,
    })
}

/// An interpreter whose options may stand after its operands.
const fn late_interpreter(code: &'static [&'static str], data: &'static [&'static str]) -> Program {
    Program::Interpreter(Interpreter {
        code,
        preload: &[],
        data,
        module: &[],
        data_operands: 0,
        stdin: true,
        late_options: true,
    })
}

const fn wrapper(values: &'static [&'static str], operands: usize) -> Program {
    choosing_wrapper(&[], values, operands)
}

/// A wrapper with options that choose what is run.
const fn choosing_wrapper(
    choices: &'static [&'static str],
    values: &'static [&'static str],
    operands: usize,
) -> Program {
    Program::Wrapper(Wrapper { values, code: &[], choices, operands })
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

const NODE: Program = preloading_interpreter(
    &["-e", "--eval", "-p", "--print"],
    &["-r", "--require", "--import", "--loader", "--experimental-loader"],
    &[],
);

const GAWK: Program = preloading_interpreter(
    &["-e", "--source", "-f", "--file", "-E", "--exec"],
    &["-i", "--include", "-l", "--load"],
    &["-v", "-F", "--assign", "--field-separator"],
);

/// Programs by name. Names with a version (`python3.12`) are found without it.
pub(super) const PROGRAMS: &[(&str, Program)] = &[
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
            preload: &[],
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
            preload: &[],
            data: &["-W", "-X"],
            module: &["-m"],
            data_operands: 0,
            stdin: true,
            late_options: false,
        }),
    ),
    ("ipython", interpreter(&["-c"], &[])),
    ("perl", preloading_interpreter(&["-e", "-E", "-x"], &["-M", "-m", "-I"], &[])),
    ("ruby", preloading_interpreter(&["-e"], &["-r", "-I"], &["-E", "-W"])),
    ("irb", preloading_interpreter(&[], &["-r", "-I"], &[])),
    ("node", NODE),
    ("nodejs", NODE),
    ("deno", runner(&["run", "eval", "x"], &["-A", "--allow-all"], 0)),
    ("bun", runner(&["run", "x", "exec"], &[], 0)),
    ("tsx", NODE),
    ("ts-node", NODE),
    ("php", preloading_interpreter(&["-r", "-B", "-R", "-E", "-f"], &["-c", "-d", "-z"], &[])),
    ("lua", preloading_interpreter(&[], &["-e", "-l"], &[])),
    ("luajit", preloading_interpreter(&[], &["-e", "-l", "-j"], &[])),
    ("Rscript", interpreter(&["-e"], &[])),
    ("R", interpreter(&["-e", "-f", "--file"], &[])),
    ("julia", preloading_interpreter(&["-e", "-E", "--eval", "--print"], &["-L", "--load"], &["-p", "-t"])),
    ("octave", interpreter(&["--eval"], &[])),
    ("scala", interpreter(&["-e"], &[])),
    ("groovy", interpreter(&["-e"], &[])),
    (
        "java",
        preloading_interpreter(&["-jar"], &["-cp", "-classpath", "--class-path", "-agentpath", "-javaagent"], &[]),
    ),
    ("ghci", preloading_interpreter(&[], &["-e"], &[])),
    ("runghc", interpreter(&["-e"], &[])),
    ("racket", interpreter(&["-e", "-r", "-l"], &[])),
    ("guile", preloading_interpreter(&["-c", "-s"], &["-l", "-L"], &[])),
    ("tclsh", interpreter(&[], &[])),
    ("expect", preloading_interpreter(&["-f"], &["-c"], &[])),
    ("osascript", interpreter(&["-e"], &["-l"])),
    ("pwsh", interpreter(&["-c", "-Command", "-e", "-EncodedCommand", "-File"], &[])),
    ("powershell", interpreter(&["-c", "-Command", "-e", "-EncodedCommand", "-File"], &[])),
    ("awk", GAWK),
    ("gawk", GAWK),
    ("mawk", interpreter(&["--source", "-f", "--file"], &["-v", "-F"])),
    ("nawk", interpreter(&["-f"], &["-v", "-F"])),
    ("sed", late_interpreter(&["-e", "--expression", "-f", "--file"], &["-l"])),
    ("gsed", late_interpreter(&["-e", "--expression", "-f", "--file"], &["-l"])),
    (
        "m4",
        Program::Interpreter(Interpreter {
            code: &[],
            preload: &["-D", "--define"],
            data: &[],
            module: &[],
            data_operands: 0,
            stdin: true,
            late_options: true,
        }),
    ),
    ("ed", late_interpreter(&[], &["-p"])),
    ("ex", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("vi", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("vim", late_interpreter(&["-c", "--cmd", "-S", "-u"], &[])),
    ("nvim", late_interpreter(&["-c", "--cmd", "-S", "-u", "-l"], &[])),
    ("emacs", late_interpreter(&["--eval", "--execute", "-l", "--load", "-f", "--funcall", "--script"], &[])),
    ("gnuplot", preloading_interpreter(&[], &["-e"], &[])),
    ("gdb", late_interpreter(&["-ex", "-x", "-iex", "-ix", "--command", "--eval-command"], &["-p"])),
    ("lldb", late_interpreter(&["-o", "-O", "-s", "-S", "-k"], &["-p", "-n"])),
    ("dc", preloading_interpreter(&[], &["-e", "-f", "--expression", "--file"], &[])),
    // Their commands can run programs: `\!`, `.shell`, `system`.
    (
        "psql",
        Program::Interpreter(Interpreter {
            code: &["-c", "--command", "-f", "--file"],
            preload: &[],
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
            preload: &[],
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
            preload: &[],
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
    ("chpst", choosing_wrapper(&["-e"], &["-u", "-U", "-b", "-d", "-l", "-m", "-o", "-n"], 0)),
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
        Program::Wrapper(Wrapper {
            values: &["-w", "--timeout", "-E"],
            code: &["-c", "--command"],
            choices: &[],
            operands: 1,
        }),
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
        Program::Wrapper(Wrapper {
            values: &["-u", "-g", "-G"],
            code: &["-c", "--command"],
            choices: &["-s", "--shell"],
            operands: 0,
        }),
    ),
    (
        "script",
        Program::Wrapper(Wrapper {
            values: &["-o", "-O", "-I"],
            code: &["-c", "--command"],
            choices: &[],
            operands: 9,
        }),
    ),
    ("setarch", wrapper(&[], 1)),
    ("setpriv", wrapper(&[], 0)),
    ("setsid", wrapper(&[], 0)),
    ("stdbuf", wrapper(&["-i", "-o", "-e", "--input", "--output", "--error"], 0)),
    // Output to `|command` is given to a command.
    ("strace", choosing_wrapper(&["-o", "--output", "-E", "--env"], &["-e", "-p", "-u", "-s", "-P"], 0)),
    (
        "su",
        Program::Wrapper(Wrapper {
            values: &["-g", "-G"],
            code: &["-c", "--command"],
            choices: &["-s", "--shell"],
            operands: 9,
        }),
    ),
    (
        "sudo",
        wrapper(&["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group", "--chdir"], 0),
    ),
    ("systemd-run", choosing_wrapper(&["-p", "--property", "-E", "--setenv"], &["-u", "--unit", "-M"], 0)),
    ("taskset", wrapper(&[], 1)),
    ("time", wrapper(&["-f", "-o", "--format", "--output"], 0)),
    ("timeout", wrapper(&["-s", "-k", "--signal", "--kill-after"], 1)),
    ("torsocks", wrapper(&[], 0)),
    ("unbuffer", wrapper(&[], 0)),
    ("unshare", wrapper(&["-R", "-w", "-S", "-G"], 0)),
    ("valgrind", wrapper(&[], 0)),
    ("xvfb-run", wrapper(&["-e", "-f", "-n", "-p", "-s", "-w"], 0)),
    ("npx", choosing_wrapper(&["-p", "--package"], &["-w"], 0)),
    ("bunx", choosing_wrapper(&["-p", "--package"], &[], 0)),
    ("uvx", choosing_wrapper(&["--from", "--with", "--python", "-p", "--index-url"], &[], 0)),
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
    ("go", carrier(&["-exec", "-toolexec", "-vettool", "run"], &[], false)),
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
