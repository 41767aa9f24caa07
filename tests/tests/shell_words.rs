//! Values in scripts, with real shells: each value becomes exactly its words, in any context, and the same words without
//! a shell; and untrusted text is refused or passed as data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path, process::Command as Process, process::Stdio};

use cascade_ir::Quote;
use cascade_machine::value::{Arg, Command, CommandPart, ScriptPart};
use cascade_shell::{DirectPart, Part, Quoting, Surroundings, hole_character, parse};

/// Pseudo-random numbers from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        // xorshift64*, after Marsaglia and Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }

    fn pick<'t, T: ?Sized>(&mut self, among: &[&'t T]) -> &'t T {
        among[self.next(among.len())]
    }
}

/// Texts that a shell would split, expand or run where they are not quoted.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "a b  c",
    "a\nb",
    "\n",
    "*",
    "?",
    "[a-z]",
    "~",
    "$HOME",
    "${HOME}",
    "$(touch owned)",
    "`touch owned`",
    "; touch owned",
    "& touch owned",
    "| touch owned",
    "'",
    "\"",
    "\\",
    "\\n",
    "a\\",
    "'\"'",
    "\"$(touch owned)\"",
    "-n",
    "-e",
    "--",
    "#",
    "# x",
    "{a,b}",
    "!!",
    "=",
    "a=b",
    "%s",
    "%d\\n",
    "ünï 🦀",
    "\u{7f}\u{1}",
    "\t",
    "}",
    ")",
    "esac",
    "END",
    "$1",
    "$@",
    "<<END",
    "> owned",
    "a'b\"c`d$e\\f",
];

/// The command of a text with values, as the compiler lowers it. A value that has not exactly one word is a list.
fn command_of(text: &str, values: &[Vec<&str>]) -> Command {
    let script = parse(text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let args = |id: u32| values[id as usize].iter().map(|v| Arg::plain(*v)).collect::<Vec<_>>();
    if let Some(words) = script.direct_words() {
        let mut all = Vec::new();
        for word in words {
            match word.as_slice() {
                [DirectPart::Hole(id)] => all.extend(args(*id).into_iter().map(|arg| vec![CommandPart::Text(arg)])),
                parts => all.push(
                    parts
                        .iter()
                        .map(|part| {
                            CommandPart::Text(match part {
                                DirectPart::Text(text) => Arg::plain(text.as_str()),
                                DirectPart::Hole(id) => Arg::plain(values[*id as usize].join(" ")),
                                DirectPart::Placeholder(name) => Arg::plain(format!("{{{name}}}")),
                            })
                        })
                        .collect(),
                ),
            }
        }
        return Command::Direct(all);
    }
    let parts = script.parts(&|id| values[id as usize].len() != 1);
    let quote = |quoting| match quoting {
        Quoting::Bare | Quoting::Pattern => Quote::Bare,
        Quoting::Double => Quote::Double,
        Quoting::Single => Quote::Single,
        Quoting::Arithmetic => Quote::Arithmetic,
    };
    let parts = parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => ScriptPart::Text(text.into()),
            Part::Placeholder(name, position) => ScriptPart::Placeholder(name.into(), quote(position.quoting)),
            Part::Hole(id, position) if position.is_word => ScriptPart::Values(args(id), quote(position.quoting)),
            Part::Hole(id, position) => {
                ScriptPart::Values(vec![Arg::plain(values[id as usize].join(" "))], quote(position.quoting))
            }
        })
        .collect();
    Command::Shell { parts, stop_on_error: true }
}

/// Runs a command with a shell in a folder; returns its output.
fn run_by_shell(command: &Command, shell: &str, folder: &Path) -> (bool, Vec<u8>, String) {
    let argv = command.argv();
    let program = if argv[0].text == "/bin/sh" { shell } else { argv[0].text.as_str() };
    let output = Process::new(program)
        .args(argv[1..].iter().map(|arg| arg.text.as_str()))
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn installed_shells() -> Vec<&'static str> {
    ["/bin/dash", "/bin/bash", "/bin/sh"].into_iter().filter(|shell| Path::new(shell).exists()).take(2).collect()
}

/// Generates a script with values in many contexts, and its expected output.
struct Maker {
    random: Random,
    values: Vec<Vec<&'static str>>,
    text: String,
    expected: Vec<Vec<String>>,
    names: usize,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self { random, values: Vec::new(), text: String::new(), expected: Vec::new(), names: 0 }
    }

    /// A value of one word, and the character that stands for it.
    fn any_value(&mut self) -> (char, &'static str) {
        let text = self.random.pick(HOSTILE);
        self.values.push(vec![text]);
        (hole_character(self.values.len() as u32 - 1).unwrap(), text)
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// A word with a value, and its expected text.
    fn write_word(&mut self) -> (String, String) {
        let (c, v) = self.any_value();
        match self.random.next(13) {
            0 | 1 => (c.to_string(), v.to_owned()),
            2 => (format!("\"{c}\""), v.to_owned()),
            3 => (format!("'{c}'"), v.to_owned()),
            4 => (format!("a{c}\"b c\"'d'"), format!("a{v}b cd")),
            5 => (format!("\"x $((1+1)) {c}y\""), format!("x 2 {v}y")),
            6 => (format!("'it '{c}' is'"), format!("it {v} is")),
            7 => (format!("${{unset:-{c}}}"), v.to_owned()),
            8 => (format!("\"${{unset-{c}}}\""), v.to_owned()),
            9 => (format!("\"$(printf %s {c}; printf x)\""), format!("{v}x")),
            10 => (format!("\"`printf %s {c}; printf x`\""), format!("{v}x")),
            11 => (format!("\"$(printf '%s' \"$(printf '%s.' '{c}')\")\""), format!("{v}.")),
            _ => (format!("\"$(case {c} in zzz) echo no;; *) printf '%s.' {c};; esac)\""), format!("{v}.")),
        }
    }

    /// A command that writes a value as one word.
    fn write_plain_command(&mut self) -> String {
        let name = self.new_name();
        let (command, expected) = match self.random.next(14) {
            0..=3 => {
                let (one, a) = self.write_word();
                let (two, b) = self.write_word();
                (format!("probe {one} {two}"), vec![a, b])
            }
            4 => {
                let (word, text) = self.write_word();
                (format!("{name}={word}\nprobe \"${name}\""), vec![text])
            }
            5 => {
                let (word, text) = self.write_word();
                (format!("for {name} in {word} b; do probe \"${name}\"; done"), vec![text, "\u{2}".into(), "b".into()])
            }
            6 => {
                let (word, text) = self.write_word();
                (format!("{name}() {{ probe \"$1\" {word}; }}; {name} first"), vec!["first".into(), text])
            }
            7 => {
                let (word, text) = self.write_word();
                (format!("set -- a {word}; probe \"$2\" \"$#\""), vec![text, "2".into()])
            }
            8 => {
                let (c, v) = self.any_value();
                (
                    format!("case {c} in {c}) probe same;; *) probe other;; esac; probe {c}"),
                    vec!["same".into(), "\u{2}".into(), v.to_owned()],
                )
            }
            9 => {
                let (c, v) = self.any_value();
                (
                    format!("{name}=$(cat <<E{name}\n<{c}> it's\nE{name}\n)\nprobe \"${name}\""),
                    vec![format!("<{v}> it's")],
                )
            }
            10 => {
                let (word, text) = self.write_word();
                (
                    format!("{name}=1 {name}=$({name}={word}; printf '%s.' \"${name}\"); probe \"${name}\""),
                    vec![format!("{text}.")],
                )
            }
            11 => {
                let (c, v) = self.any_value();
                (
                    format!("{name}={c}tail; probe \"${{{name}#{c}}}\" \"${{{name}%tail}}\""),
                    vec!["tail".into(), v.into()],
                )
            }
            12 => {
                let (c, v) = self.any_value();
                (format!("printf '%s.' {c} | {{ {name}=$(cat); probe \"${name}\"; }}"), vec![format!("{v}.")])
            }
            _ => {
                // A list is one word for each element, with or without quotes around it.
                let several = vec![self.random.pick(HOSTILE), self.random.pick(HOSTILE)];
                self.values.push(several.clone());
                let c = hole_character(self.values.len() as u32 - 1).unwrap();
                let word = [format!("{c}"), format!("\"{c}\""), format!("'{c}'")][self.random.next(3)].clone();
                (format!("probe {word} end"), several.into_iter().map(str::to_owned).chain(["end".into()]).collect())
            }
        };
        self.expected.push(expected);
        command
    }

    /// A compound command.
    fn command(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.write_plain_command();
        }
        let inner = self.command(depth - 1);
        let name = self.new_name();
        match self.random.next(13) {
            0 => format!("if true; then\n{inner}\nfi"),
            1 => format!("{{ {inner}\n}}"),
            2 => format!("( {inner}\n)"),
            3 => format!("# it's a comment \"\n{inner} # another's"),
            4 => format!("while :; do {inner}\nbreak; done"),
            5 => format!("case x in (y|z) false;; x) {inner}\n;; esac"),
            6 => format!("{name}() {{\n{inner}\n}}\n{name} arg"),
            7 => format!("true && {{ {inner}\n}}"),
            8 => format!("false || ( {inner}\n)"),
            9 => format!("if false; then false; elif true; then {inner}\nelse false; fi"),
            10 => format!("for {name} in 1; do\n{inner}\ndone"),
            11 => format!(": \"quoted ' text\" 'and \" this' \\' \\\"\n{inner}"),
            _ => format!("cat > /dev/null <<'{name}' && :\nisn't $( it\n{name}\n{inner}"),
        }
    }
}

const PROBE: &str = "probe() { printf '%s\\001' \"$@\"; printf '\\002\\001'; }\n";

fn expected_output(expected: &[Vec<String>]) -> String {
    let mut all = String::new();
    for words in expected {
        for word in words {
            all.push_str(word);
            all.push('\u{1}');
        }
        all.push_str("\u{2}\u{1}");
    }
    all
}

#[test]
fn each_value_becomes_exactly_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let shells = installed_shells();
    let scripts: u64 = std::env::var("CASCADE_SHELL_SCRIPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    std::thread::scope(|scope| {
        for worker in 0..2_u64 {
            let (shells, folder) = (&shells, folder.path());
            scope.spawn(move || {
                for seed in (worker..scripts).step_by(2) {
                    let mut maker = Maker::new(seed + 1);
                    let mut text = PROBE.to_owned();
                    for _ in 0..=maker.random.next(3) {
                        let depth = maker.random.next(4);
                        text.push_str(&maker.command(depth));
                        text.push('\n');
                    }
                    maker.text = text;
                    let command = command_of(&maker.text, &maker.values);
                    let shell = shells[(seed / 2) as usize % shells.len()];
                    let (success, output, error) = run_by_shell(&command, shell, folder);
                    let found = String::from_utf8_lossy(&output).into_owned();
                    let expected = expected_output(&maker.expected);
                    assert!(
                        success && found == expected,
                        "seed {seed}, {shell}\n{}\nexpected {expected:?}\n   found {found:?}\n{error}\n{}",
                        command.argv()[3].text,
                        maker.text
                    );
                }
            });
        }
    });
    assert!(!folder.path().join("owned").exists());
}

#[test]
fn commands_have_the_same_words_with_and_without_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..400_u64 {
        let mut maker = Maker::new(seed);
        let mut words = Vec::new();
        for _ in 0..3 {
            let (c, _) = maker.any_value();
            words.push(match maker.random.next(6) {
                0 => c.to_string(),
                1 => format!("\"{c}\""),
                2 => format!("'{c}'"),
                3 => format!("a{c}'b c'\"d\""),
                4 => format!("--x={c}"),
                _ => format!("\"\\$ \\\\ {c}\"\\ y"),
            });
            if maker.random.next(3) == 0 {
                let two = maker.random.pick(HOSTILE);
                maker.values.last_mut().unwrap().push(two);
            }
        }
        for program in ["printf '%s\\n'", "echo x"] {
            let text = format!("{program} {}", words.join(" "));
            let direct = command_of(&text, &maker.values);
            assert!(matches!(direct, Command::Direct(_)), "{text}");
            for shell in installed_shells() {
                let by_shell = command_of(&format!("{text}; true"), &maker.values);
                let (one, two) =
                    (run_by_shell(&direct, shell, folder.path()), run_by_shell(&by_shell, shell, folder.path()));
                assert_eq!(
                    String::from_utf8_lossy(&one.1),
                    String::from_utf8_lossy(&two.1),
                    "{text} {:?}",
                    maker.values
                );
            }
        }
    }
    assert!(!folder.path().join("owned").exists());
}

/// Texts that create a file when they are executed.
const PAYLOADS: &[&str] = &[
    "touch owned",
    "; touch owned; :",
    "$(touch owned)",
    "`touch owned`",
    "a[$(touch owned)]",
    "owned.sh",
    "./owned.sh",
    "x; touch owned #",
    "system(\"touch owned\")",
    "BEGIN { system(\"touch owned\") }",
    "1e touch owned",
    "sh owned.sh",
    "--eval=$(shell touch owned)",
    "x=$(shell touch owned)",
    "import os; os.system('touch owned')",
    "touch owned\n",
    "-exec\ntouch\nowned",
    "PATH=.:/bin:/usr/bin",
    "!touch owned",
    "-e1e touch owned",
    "--expression=1e touch owned",
    "-ctouch owned",
    "--upload-pack=touch owned",
    "-oProxyCommand=touch owned",
    "--to-command=touch owned",
    "--use-compress-program=touch owned",
    "-I\ntouch owned",
];

/// Contexts of a script that interpret text in different ways; `@` is the value.
const PLACES: &[&str] = &[
    "@",
    "\"@\" x",
    "sh -c @",
    "sh -c \"echo @\"",
    "sh -c 'echo \"$1\"' sh @",
    "sh -c 'eval \"$1\"' sh @",
    "eval @",
    "x=@; f() { $1; }; eval 'f \"$x\"'",
    "eval 'printf %s @'",
    "eval \"printf %s $v\"",
    "echo @ | sh",
    "printf %s @ | cat | sh",
    "sh <<E\n@\nE",
    "cat <<E\n@\nE",
    "cat <<E | sh\n@\nE",
    "v=@; $v",
    "v=@; eval \"$v\"",
    "v=@; w=$v; sh -c \"$w\"",
    "printf '%s' \"$(printf %s @)\"",
    "v=$(printf %s @); sh -c \"$v\"",
    "for v in @; do sh -c \"$v\"; done",
    "for v in @; do printf %s \"$v\"; done",
    "f() { \"$1\"; }; f @",
    "f() { printf %s \"$1\"; }; f @",
    "f() { sh -c \"$1\"; }; f a @",
    "set -- @; sh -c \"$1\"",
    "set -- a @; printf %s \"$2\"",
    "trap @ EXIT",
    "trap \"echo @\" EXIT",
    "v=@; trap '$v' EXIT",
    "timeout 5 @",
    "timeout 5 sh -c @",
    "timeout @ true",
    "env @ true",
    "env X=@ true",
    "env PATH=@ owned.sh",
    "PATH=@ owned.sh",
    "PATH=@; owned.sh",
    "export PATH=@; owned.sh",
    "X=@ printenv X",
    "nice -n 5 @",
    "nice sh -c @",
    "xargs @ < /dev/null",
    "printf %s @ | xargs printf %s",
    "printf %s @ | xargs sh -c",
    "printf %s @ | xargs -I{} sh -c {}",
    "printf %s @ | xargs -I{} printf %s {}",
    "find . -name @",
    "find . -maxdepth 0 -exec @ ';'",
    "find . -maxdepth 0 -exec sh -c @ ';'",
    "find . -maxdepth 0 -exec printf %s @ ';'",
    "sed -- s/a/b/ @",
    "sed -n p @",
    "sed -n p -- @",
    "ssh localhost @",
    "ssh @ true",
    "docker run alpine @",
    "npx @",
    "git clone @ x",
    "git push -- @",
    "psql -c @",
    "sqlite3 x.db @",
    "sqlite3 @ .tables",
    "sudo -n @",
    "sudo -u root sh -c @",
    "flock x @",
    "flock x -c @",
    "watch @",
    "bash -lc @",
    "bash --norc @",
    "python3 -m @",
    "python3 x.py @",
    "node -e @",
    "stdbuf -oL @",
    "nohup @",
    "uv run @",
    "kubectl exec x -- @",
    "su -c @",
    "script -c @",
    "rsync -e @ a b",
    "tee -a -- @ < /dev/null",
    "awk @ /dev/null",
    "awk -v x=@ 'BEGIN { print x }'",
    "awk 'BEGIN { print ARGV[1] }' @",
    "sed @ /dev/null",
    "echo a | sed -e @",
    "echo a | sed 's/a/b/' @",
    "make -f /dev/null @",
    "printf %s @ > owned.sh; sh owned.sh",
    "printf %s @ > owned.sh; . ./owned.sh",
    "printf %s @ > f; cat f",
    "cat @ /dev/null",
    "ls -d -- @",
    "grep -F @ /dev/null",
    "test -n @",
    "[ @ = x ]",
    "case @ in x) :;; esac",
    "case x in @) :;; esac",
    "v=@; echo $((v))",
    "v=@; : ${w:=$v}; sh -c \"$w\"",
    "while read -r v; do sh -c \"$v\"; done <<E\n@\nE",
    "while read -r v; do printf %s \"$v\"; done <<E\n@\nE",
    "printf %s @ | while read -r v; do eval \"$v\"; done",
    "t=sh; $t -c @",
    "t=printf; $t %s @",
    "\"$UNKNOWN\" @",
    "alias v=@",
    ". @",
    "exec @",
    "command @",
    "command printf %s @",
    "if sh -c @; then :; fi",
    "! @",
    "{ @; }",
    "( @ )",
    "cd @ && ./owned.sh",
    "> /dev/null @",
    "2>&1 sh -c @",
    "echo `@`",
    "echo \"$(@)\"",
    "echo ${x:-$(@)}",
    "python3 -c @",
    "printf %s @ | python3",
    "python3 - @ <<E\nimport sys\nprint(sys.argv)\nE",
    "perl -e @",
    "git -c @ version",
    "git @",
    "tar -cf /dev/null @",
    "tar -cf /dev/null -- @",
    "read @ < /dev/null",
    "unset @",
    "printf -v @ x",
    "export @",
    "busybox @",
    "setsid @",
    "xargs -a /dev/null @",
];

#[test]
fn untrusted_text_is_refused_or_passed_as_data() {
    let (mut refused, mut ran) = (0, 0);
    let hole = hole_character(0).unwrap().to_string();
    let wrappers = [
        "@",
        "if true; then @\nfi",
        "f0() { @\n}\nf0",
        "( @\n)",
        "for i in 1; do @\ndone",
        "true; @",
        "x=$(@\n); : \"$x\"",
    ];
    for (number, place) in PLACES.iter().enumerate() {
        for wrapper in wrappers {
            let text = wrapper.replace('@', place).replace('@', &hole);
            let Ok(script) = parse(&text) else {
                refused += 1;
                continue;
            };
            if !script.code_positions(&Surroundings::default()).is_empty() {
                refused += 1;
                continue;
            }
            // The surrounding commands matter to the check; they do not change what the shell executes.
            let payloads = if wrapper == "@" { PAYLOADS } else { &PAYLOADS[number % PAYLOADS.len()..][..1] };
            for payload in payloads {
                let folder = tempfile::tempdir().unwrap();
                // Programs that could be found through a search path, a file name or an interpreter.
                let trap = folder.path().join("owned.sh");
                fs::write(&trap, "#!/bin/sh\ntouch owned\n").unwrap();
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                fs::set_permissions(&trap, mode).unwrap();
                let shells = installed_shells();
                let shell = shells[number % shells.len()];
                let _ = run_by_shell(&command_of(&text, &[vec![payload]]), shell, folder.path());
                ran += 1;
                assert!(!folder.path().join("owned").exists(), "{payload:?} was run by {shell}:\n{text}");
            }
        }
    }
    assert!(refused > 400 && ran > 500, "{refused} refused, {ran} ran");
}
