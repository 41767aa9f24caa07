//! What people write before they have read the help: `cascadec flow.cascade`, `run flow.cascade name=value --name value`.
//! It is turned into the arguments that the command has.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Command;

/// The arguments of `cli` with what stands for a command or an input written as such.
pub fn complete_words(words: Vec<OsString>, cli: &Command) -> Vec<OsString> {
    let mut words = name_command(words, cli);
    let is_run = words.get(1).is_some_and(|word| word == "run");
    if is_run {
        let rest = words.split_off(2);
        words.extend(name_inputs(rest, cli));
    }
    words
}

/// A file or a folder in the place of the command: a file is run, a folder is checked.
fn name_command(mut words: Vec<OsString>, cli: &Command) -> Vec<OsString> {
    let Some(first) = words.get(1).map(Path::new) else { return words };
    let is_program = first.extension().is_some_and(|extension| extension == "cascade" || extension == "cir");
    let command = match (is_program && first.is_file(), first.is_dir()) {
        (true, _) => "run",
        // A folder may be called as a command is.
        (_, true) if cli.find_subcommand(first.as_os_str()).is_none() && first != Path::new("help") => "check",
        _ => return words,
    };
    words.insert(1, command.into());
    words
}

/// The program of `run FILE --help`.
pub fn asks_about_program(words: &[OsString]) -> Option<PathBuf> {
    let run = words.get(1).is_some_and(|word| word == "run");
    let asks = words.iter().any(|word| word == "--help" || word == "-h");
    let file = words.iter().skip(2).map(Path::new).find(|word| word.extension().is_some_and(|e| e == "cascade"));
    file.filter(|file| run && asks && file.is_file()).map(Path::to_path_buf)
}

/// The words after `run` with `name=value`, `--name value` and `--name=value` as `--input name=value`. Options of `run` stay
/// what they are, and unknown ones before the file are left to be refused.
fn name_inputs(words: Vec<OsString>, cli: &Command) -> Vec<OsString> {
    let mut out = Vec::new();
    let mut words = words.into_iter().peekable();
    let mut file = false;
    while let Some(word) = words.next() {
        let Some(text) = word.to_str().map(str::to_owned) else {
            file = true;
            out.push(word);
            continue;
        };
        if text == "--" {
            out.push(word);
            out.extend(words);
            break;
        }
        if let Some(option) = text.strip_prefix("--") {
            let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            match takes_value(cli, |arg| arg.get_long() == Some(name)) {
                Some(takes) => {
                    out.push(word);
                    if takes && value.is_none() {
                        out.extend(words.next());
                    }
                }
                None if file && is_input_name(name) => {
                    let value = match value {
                        Some(value) => value.to_owned(),
                        None => match words.next_if(|next| !next.to_string_lossy().starts_with("--")) {
                            Some(next) => next.to_string_lossy().into_owned(),
                            None => "true".to_owned(),
                        },
                    };
                    out.push("--input".into());
                    out.push(format!("{}={value}", name.replace('-', "_")).into());
                }
                None => out.push(word),
            }
            continue;
        }
        if let Some(option) = text.strip_prefix('-').filter(|option| !option.is_empty()) {
            let letter = option.chars().next();
            out.push(word);
            if takes_value(cli, |arg| arg.get_short() == letter) == Some(true) && option.chars().count() == 1 {
                out.extend(words.next());
            }
            continue;
        }
        let is_input = text.split_once('=').is_some_and(|(name, _)| is_input_name(name)) && !Path::new(&text).exists();
        match is_input {
            true => out.push("--input".into()),
            false => file = true,
        }
        out.push(word);
    }
    out
}

/// Whether an option of `run` takes a value; `None` when `run` has no such option.
fn takes_value(cli: &Command, is_meant: impl Fn(&clap::Arg) -> bool) -> Option<bool> {
    if is_meant(&clap::Arg::new("help").long("help").short('h'))
        || is_meant(&clap::Arg::new("version").long("version").short('V'))
    {
        return Some(false);
    }
    let run = cli.find_subcommand("run")?;
    let mut known = run.get_arguments().chain(cli.get_arguments());
    known.find(|arg| is_meant(arg)).map(|arg| arg.get_action().takes_values())
}

fn is_input_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::complete_words;
    use crate::args::Cli;

    fn complete(line: &str) -> String {
        let words = std::iter::once("cascadec").chain(line.split_whitespace()).map(Into::into).collect();
        complete_words(words, &Cli::command())
            .iter()
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn inputs_are_named() {
        assert_eq!(complete("run f.cascade n=3"), "run f.cascade --input n=3");
        assert_eq!(complete("run f.cascade main n=3 -q"), "run f.cascade main --input n=3 -q");
        assert_eq!(complete("run f.cascade --n 3 --dry --json"), "run f.cascade --input n=3 --input dry=true --json");
        assert_eq!(complete("run f.cascade --max-size=3"), "run f.cascade --input max_size=3");
        assert_eq!(complete("run n=3"), "run --input n=3");
    }

    #[test]
    fn options_stay_options() {
        for line in [
            "run f.cascade --input n=3 --jobs 2 -j 3",
            "run --jobs 2 f.cascade",
            "run --recrod x f.cascade",
            "run f.cascade --color never --help",
            "run f.cascade -i n=3 -- x=y",
            "check a=b",
            "check --n 3",
        ] {
            assert_eq!(complete(line), line);
        }
    }
}
