//! Commands as values: a program and its arguments, or a script whose values are passed beside
//! it. A value can never become code.

use std::fmt;

use smol_str::SmolStr;

use super::REDACTED;

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its text.
    pub text: SmolStr,
    /// Whether a secret is in it: it is run as it is, but never shown.
    pub secret: bool,
}

impl Arg {
    /// An argument that may be shown.
    pub fn plain(text: impl Into<SmolStr>) -> Self {
        Self { text: text.into(), secret: false }
    }
}

/// A command that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A program and its arguments, run without a shell.
    Direct(Vec<Arg>),
    /// A script for `/bin/sh` with its positional parameters.
    Shell {
        /// The script; it refers to the values as `${1}`.
        script: String,
        /// The values.
        args: Vec<Arg>,
        /// Whether the script stops at the first line that fails.
        stop_on_error: bool,
    },
}

impl Command {
    /// The arguments of the process that runs it, the program first.
    pub fn argv(&self) -> Vec<Arg> {
        match self {
            Self::Direct(args) => args.clone(),
            Self::Shell { script, args, stop_on_error } => {
                let mut argv = vec![Arg::plain("/bin/sh")];
                if *stop_on_error {
                    argv.push(Arg::plain("-e"));
                }
                argv.push(Arg::plain("-c"));
                argv.push(Arg::plain(script.as_str()));
                argv.push(Arg::plain("sh"));
                argv.extend(args.iter().cloned());
                argv
            }
        }
    }

    /// The command with `{name}` replaced by a value, which stays one argument.
    pub fn with(&self, name: &str, value: &Arg) -> Self {
        let mark = format!("{{{name}}}");
        match self {
            Self::Direct(args) => Self::Direct(
                args.iter()
                    .map(|arg| match arg.text.contains(&mark) {
                        false => arg.clone(),
                        true => Arg {
                            text: arg.text.replace(&mark, &value.text).into(),
                            secret: arg.secret || value.secret,
                        },
                    })
                    .collect(),
            ),
            Self::Shell { script, args, stop_on_error } => {
                let mut args = args.clone();
                let (script, used) = replace_in_script(script, &mark, args.len() + 1);
                if used {
                    args.push(value.clone());
                }
                Self::Shell { script, args, stop_on_error: *stop_on_error }
            }
        }
    }

    pub(super) fn weight(&self) -> u64 {
        let (Self::Direct(args) | Self::Shell { args, .. }) = self;
        args.iter().map(|a| 1 + a.text.len() as u64 / 16).sum::<u64>() + 1
    }
}

/// Writes positional parameter `position` for each mark, as the quotes around it demand.
fn replace_in_script(script: &str, mark: &str, position: usize) -> (String, bool) {
    let (mut out, mut used) = (String::with_capacity(script.len()), false);
    let (mut single, mut double) = (false, false);
    // Inside of `$(…)` quotes begin anew: the quotes around each, and its open parentheses.
    let mut around: Vec<(bool, u32)> = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with(mark) {
            used = true;
            match (single, double) {
                (true, _) => out.push_str(&format!("'\"${{{position}}}\"'")),
                (_, true) => out.push_str(&format!("${{{position}}}")),
                _ => out.push_str(&format!("\"${{{position}}}\"")),
            }
            rest = &rest[mark.len()..];
            continue;
        }
        let mut len = c.len_utf8();
        match c {
            '\\' if !single => len += rest[len..].chars().next().map_or(0, char::len_utf8),
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '$' if !single && rest.starts_with("$(") => {
                around.push((double, 0));
                double = false;
                len = 2;
            }
            '(' if !single && !double => {
                if let Some((_, open)) = around.last_mut() {
                    *open += 1;
                }
            }
            ')' if !single && !double => match around.last_mut() {
                Some((_, 0)) => double = around.pop().is_some_and(|(outer, _)| outer),
                Some((_, open)) => *open -= 1,
                None => {}
            },
            _ => {}
        }
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    (out, used)
}

/// As a person would type it; secrets are redacted.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Direct(args) | Self::Shell { args, .. }) = self;
        if let Self::Shell { script, .. } = self {
            f.write_str(script)?;
            if !args.is_empty() {
                f.write_str("  # with")?;
            }
        }
        for (i, arg) in args.iter().enumerate() {
            if i > 0 || matches!(self, Self::Shell { .. }) {
                f.write_str(" ")?;
            }
            f.write_str(&quote(if arg.secret { REDACTED } else { &arg.text }))?;
        }
        Ok(())
    }
}

fn quote(text: &str) -> String {
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
    fn a_mark_becomes_a_parameter_as_its_quotes_demand() {
        let shell = Command::Shell {
            script: "t {x} \"a {x}\" 'b {x}' \\'{x}".into(),
            args: vec![Arg::plain("one")],
            stop_on_error: false,
        };
        let Command::Shell { script, args, .. } = shell.with("x", &Arg::plain("two")) else { panic!() };
        assert_eq!(script, "t \"${2}\" \"a ${2}\" 'b '\"${2}\"'' \\'\"${2}\"");
        assert_eq!(args.len(), 2);
    }

    #[test]
    fn a_mark_inside_of_a_substitution_is_one_argument_too() {
        let (script, used) = replace_in_script("echo \"$(cat \"{x}\" {x} '{x}')\" \"{x}\"", "{x}", 1);
        assert!(used);
        assert_eq!(script, "echo \"$(cat \"${1}\" \"${1}\" ''\"${1}\"'')\" \"${1}\"");
    }

    #[test]
    fn shown_as_typed_without_secrets() {
        let secret = Arg { text: "hunter2".into(), secret: true };
        let c = Command::Direct(vec![Arg::plain("echo"), Arg::plain("it's"), secret]);
        assert_eq!(c.to_string(), "echo 'it'\\''s' '[secret]'".replace("'[secret]'", "[secret]"));
    }
}
