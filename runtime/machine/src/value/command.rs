//! Commands as values: a program and its arguments, or a script whose values are shell variables. A
//! value can never become code.

use std::fmt;

use cascade_ir::Quote;
use smol_str::SmolStr;

use super::REDACTED;

/// The prefix of the variables that hold values. Scripts cannot use such names.
const VARIABLE_PREFIX: &str = "__cascade_";

/// An `echo` that prints its arguments unchanged. The built-in of some shells interprets backslashes,
/// which would change the values.
const ECHO: &str =
    r#"echo() { case "${1-}" in -*) command env echo "$@";; *) local IFS=' '; printf '%s\n' "$*";; esac; }; "#;

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// The text.
    pub text: SmolStr,
    /// Whether it contains a secret: it is passed on, but never shown.
    pub secret: bool,
}

impl Arg {
    /// An argument without secrets.
    pub fn plain(text: impl Into<SmolStr>) -> Self {
        Self { text: text.into(), secret: false }
    }
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A program and its arguments, run without a shell.
    Direct(Vec<CommandWord>),
    /// A script for `/bin/sh`.
    Shell {
        /// The text and the values.
        parts: Vec<ScriptPart>,
        /// Whether the script stops at the first command that fails.
        stop_on_error: bool,
    },
}

/// A word of a command: its parts, concatenated.
pub type CommandWord = Vec<CommandPart>;

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandPart {
    /// Text.
    Text(Arg),
    /// `{name}`, which `with` replaces.
    Placeholder(SmolStr),
}

/// A part of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptPart {
    /// Script text.
    Text(SmolStr),
    /// Values: any number of words outside of quotes, exactly one within quotes.
    Values(Vec<Arg>, Quote),
    /// `{name}`, which `with` replaces.
    Placeholder(SmolStr, Quote),
}

impl Command {
    /// The arguments of the process, starting with the program.
    pub fn argv(&self) -> Vec<Arg> {
        match self {
            Self::Direct(words) => words.iter().map(join_word).collect(),
            Self::Shell { parts, stop_on_error } => {
                let mut argv = vec![Arg::plain("/bin/sh")];
                if *stop_on_error {
                    argv.push(Arg::plain("-e"));
                }
                argv.push(Arg::plain("-c"));
                let (script, values) = write_script(parts);
                argv.push(Arg::plain(script));
                argv.push(Arg::plain("sh"));
                argv.extend(values);
                argv
            }
        }
    }

    /// The command with `{name}` replaced by a value, which stays one argument.
    pub fn with_value(&self, name: &str, value: &Arg) -> Self {
        match self {
            Self::Direct(words) => {
                let replace = |part: &CommandPart| match part {
                    CommandPart::Placeholder(found) if found == name => CommandPart::Text(value.clone()),
                    other => other.clone(),
                };
                Self::Direct(words.iter().map(|word| word.iter().map(replace).collect()).collect())
            }
            Self::Shell { parts, stop_on_error } => {
                let replace = |part: &ScriptPart| match part {
                    ScriptPart::Placeholder(found, quote) if found == name => {
                        ScriptPart::Values(vec![value.clone()], *quote)
                    }
                    other => other.clone(),
                };
                Self::Shell { parts: parts.iter().map(replace).collect(), stop_on_error: *stop_on_error }
            }
        }
    }

    pub(super) fn weight(&self) -> u64 {
        let text = |arg: &Arg| 1 + arg.text.len() as u64 / 16;
        let sum: u64 = match self {
            Self::Direct(words) => words
                .iter()
                .flatten()
                .map(|part| match part {
                    CommandPart::Text(arg) => text(arg),
                    CommandPart::Placeholder(_) => 1,
                })
                .sum(),
            Self::Shell { parts, .. } => parts
                .iter()
                .map(|part| match part {
                    ScriptPart::Values(args, _) => args.iter().map(text).sum(),
                    ScriptPart::Text(code) => 1 + code.len() as u64 / 16,
                    ScriptPart::Placeholder(..) => 1,
                })
                .sum(),
        };
        sum + 1
    }
}

fn join_word(word: &CommandWord) -> Arg {
    if let [CommandPart::Text(arg)] = word.as_slice() {
        return arg.clone();
    }
    let (mut text, mut secret) = (String::new(), false);
    for part in word {
        match part {
            CommandPart::Text(arg) => {
                text.push_str(&arg.text);
                secret |= arg.secret;
            }
            CommandPart::Placeholder(name) => text.push_str(&format!("{{{name}}}")),
        }
    }
    Arg { text: text.into(), secret }
}

/// The text of a script and its values. They are passed as positional parameters, and the script starts
/// by moving them to variables that are not exported, so that `$1`, functions, `set --` and loops work
/// as in any script.
fn write_script(parts: &[ScriptPart]) -> (String, Vec<Arg>) {
    let (mut body, mut values) = (String::new(), Vec::new());
    for part in parts {
        match part {
            ScriptPart::Text(text) => body.push_str(text),
            ScriptPart::Placeholder(name, _) => body.push_str(&format!("{{{name}}}")),
            ScriptPart::Values(args, quote) => {
                for (i, arg) in args.iter().enumerate() {
                    values.push(arg.clone());
                    let n = values.len();
                    let variable = format!("${{{VARIABLE_PREFIX}{n}}}");
                    match quote {
                        Quote::Bare if i > 0 => body.push_str(&format!(" \"{variable}\"")),
                        Quote::Bare => body.push_str(&format!("\"{variable}\"")),
                        Quote::Double => body.push_str(&variable),
                        Quote::Single => body.push_str(&format!("'\"{variable}\"'")),
                        Quote::Arithmetic => body.push_str(&format!("({variable})")),
                    }
                }
            }
        }
    }
    let mut script = String::with_capacity(body.len() + 32 * values.len());
    for n in 1..=values.len() {
        script.push_str(&format!("{VARIABLE_PREFIX}{n}=${{{n}}} "));
    }
    if !values.is_empty() {
        // A line break would change the line numbers in the shell's messages.
        script.truncate(script.trim_end().len());
        script.push_str("; set --; ");
    }
    if body.contains("echo") {
        script.push_str(ECHO);
    }
    script.push_str(&body);
    (script, values)
}

/// The arguments of a process that runs a command, as people read them: of a script its text, without what
/// moves its values to variables, and the values.
pub fn shown_command(argv: &[&str]) -> String {
    let script = argv.iter().position(|word| *word == "-c").and_then(|at| Some((at, *argv.get(at + 1)?)));
    let Some((at, script)) = script.filter(|_| argv.first() == Some(&"/bin/sh")) else { return argv.join(" ") };
    let body = match script.starts_with(VARIABLE_PREFIX) {
        true => script.split_once("; set --; ").map_or(script, |(_, body)| body),
        false => script,
    };
    let body = body.strip_prefix(ECHO).unwrap_or(body);
    // After the script stands the name of the shell, then the values.
    let values = argv.iter().skip(at + 3).enumerate();
    let values: Vec<String> =
        values.map(|(i, value)| format!("{VARIABLE_PREFIX}{}={}", i + 1, quote_word(value))).collect();
    if values.is_empty() { body.to_owned() } else { format!("{body}  # {}", values.join(" ")) }
}

/// As a user would type it, with secrets redacted.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(words) => {
                for (i, word) in words.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    f.write_str(&show_argument(&join_word(word)))?;
                }
                Ok(())
            }
            Self::Shell { parts, .. } => {
                for part in parts {
                    match part {
                        ScriptPart::Text(text) => f.write_str(text)?,
                        ScriptPart::Placeholder(name, _) => write!(f, "{{{name}}}")?,
                        ScriptPart::Values(args, _) => {
                            let shown: Vec<String> = args.iter().map(show_argument).collect();
                            f.write_str(&shown.join(" "))?;
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

fn show_argument(arg: &Arg) -> String {
    quote_word(if arg.secret { REDACTED } else { &arg.text })
}

fn quote_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+[]{}".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_becomes_a_variable_as_its_quotes_demand() {
        let placeholder = |quote| ScriptPart::Placeholder("x".into(), quote);
        let shell = Command::Shell {
            parts: vec![
                ScriptPart::Text("t ".into()),
                placeholder(Quote::Bare),
                ScriptPart::Text(" \"a ".into()),
                placeholder(Quote::Double),
                ScriptPart::Text("\" 'b ".into()),
                placeholder(Quote::Single),
                ScriptPart::Text("'".into()),
            ],
            stop_on_error: false,
        };
        let argv = shell.with_value("x", &Arg::plain("two")).argv();
        let body = "t \"${__cascade_1}\" \"a ${__cascade_2}\" 'b '\"${__cascade_3}\"''";
        let moved = "__cascade_1=${1} __cascade_2=${2} __cascade_3=${3}; set --; ";
        assert_eq!(argv[2].text, format!("{moved}{body}"));
        assert_eq!(argv[4..], [Arg::plain("two"), Arg::plain("two"), Arg::plain("two")]);
        assert_eq!(shell.with_value("y", &Arg::plain("two")).argv()[2].text, "t {x} \"a {x}\" 'b {x}'");
    }

    #[test]
    fn a_recorded_script_is_shown_without_what_moves_its_values() {
        let parts = vec![
            ScriptPart::Text("echo ".into()),
            ScriptPart::Values(vec![Arg::plain("a b")], Quote::Bare),
            ScriptPart::Text("; true".into()),
        ];
        let argv = Command::Shell { parts, stop_on_error: true }.argv();
        let words: Vec<&str> = argv.iter().map(|arg| arg.text.as_str()).collect();
        assert_eq!(shown_command(&words), "echo \"${__cascade_1}\"; true  # __cascade_1='a b'");
        assert_eq!(shown_command(&["/bin/sh", "-e", "-c", "ls; true", "sh"]), "ls; true");
        assert_eq!(shown_command(&["ls", "-c", "x"]), "ls -c x");
    }

    #[test]
    fn shown_as_typed_without_secrets() {
        let text = |arg: Arg| vec![CommandPart::Text(arg)];
        let secret = Arg { text: "hunter2".into(), secret: true };
        let c = Command::Direct(vec![text(Arg::plain("echo")), text(Arg::plain("it's")), text(secret)]);
        assert_eq!(c.to_string(), "echo 'it'\\''s' '[secret]'".replace("'[secret]'", "[secret]"));
    }
}
