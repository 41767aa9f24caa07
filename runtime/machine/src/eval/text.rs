//! Built-ins of texts, paths and commands.

use std::path::Path;

use cascade_ir::{Builtin, Rendering};
use smol_str::SmolStr;

use super::{
    Eval, Result,
    builtins::Args,
    template::{command_argument, reveal_text},
};
use crate::{
    failure::{defect, fail},
    render::render_value,
    value::{Command, MAX_WEIGHT, Value, from_json, to_json},
};

impl Eval<'_> {
    pub(super) fn text_builtin(&mut self, builtin: Builtin, args: &mut Args) -> Result {
        match builtin {
            Builtin::ToText | Builtin::ToJson => {
                let value = args.next();
                self.use_fuel(value.weight() as usize)?;
                return Ok(Value::str(match builtin {
                    Builtin::ToText => render_value(&value, Rendering::Text),
                    _ => to_json(&value).to_string(),
                }));
            }
            _ => {}
        }
        if builtin == Builtin::ToFloat
            && let Some(number) = args.take_number()
        {
            return Ok(Value::Float(number));
        }
        let text = args.text()?;
        self.use_fuel(text.len() / 16)?;
        Ok(match builtin {
            Builtin::Split => {
                let separator = args.text()?;
                if separator.is_empty() {
                    Value::list(text.chars().map(|c| Value::Str(SmolStr::from_iter([c]))).collect())
                } else {
                    text_list(text.split(separator.as_str()))
                }
            }
            Builtin::Trim => Value::str(text.trim()),
            Builtin::Lines => text_list(text.lines()),
            Builtin::Words => text_list(text.split_whitespace()),
            Builtin::Lower => Value::str(text.to_lowercase()),
            Builtin::Upper => Value::str(text.to_uppercase()),
            Builtin::Replace => {
                let (from, to) = (args.text()?, args.text()?);
                let hits = if from.is_empty() { text.len() + 1 } else { text.matches(from.as_str()).count() };
                check_length(text.len().saturating_add(hits.saturating_mul(to.len())))?;
                Value::str(text.replace(from.as_str(), &to))
            }
            Builtin::StartsWith => Value::Bool(text.starts_with(args.text()?.as_str())),
            Builtin::EndsWith => Value::Bool(text.ends_with(args.text()?.as_str())),
            Builtin::Matches => Value::Bool(self.pattern(&args.text()?)?.is_match(&text)),
            Builtin::Capture => match self.pattern(&args.text()?)?.captures(&text) {
                Some(groups) => {
                    Value::list(groups.iter().map(|g| g.map_or(Value::Null, |m| Value::str(m.as_str()))).collect())
                }
                None => Value::Null,
            },
            Builtin::PadStart | Builtin::PadEnd => {
                let width = args.count()?;
                let fill = match args.optional() {
                    Some(Value::Str(fill)) if !fill.is_empty() => fill,
                    _ => " ".into(),
                };
                let missing = width.saturating_sub(text.chars().count());
                check_length(missing.saturating_mul(4))?;
                let padding: String = fill.chars().cycle().take(missing).collect();
                Value::str(if builtin == Builtin::PadStart {
                    format!("{padding}{text}")
                } else {
                    format!("{text}{padding}")
                })
            }
            Builtin::Repeat => {
                let n = args.count()?;
                check_length(text.len().saturating_mul(n))?;
                Value::str(text.repeat(n))
            }
            Builtin::ToInt => text.trim().parse().map_or(Value::Null, Value::Int),
            Builtin::ToFloat => match text.trim().parse::<f64>() {
                Ok(x) if x.is_finite() => Value::Float(x),
                _ => Value::Null,
            },
            Builtin::ParseTime => crate::value::parse_time(&text).map_or(Value::Null, Value::Time),
            Builtin::ParseJson => serde_json::from_str(&text).map_or(Value::Null, |json| from_json(&json)),
            Builtin::Slug => Value::str(to_slug(&text)),
            other => return Err(defect!("{other:?} is not of text")),
        })
    }

    /// Built-ins that texts share with lists; positions count characters.
    pub(super) fn text_shared(&mut self, builtin: Builtin, receiver: &Value, args: &mut Args) -> Result {
        let text = match receiver {
            Value::Null => "",
            other => other.as_text().ok_or_else(|| defect!("{builtin:?} of {}", other.kind()))?,
        };
        self.use_fuel(text.len() / 16)?;
        Ok(match builtin {
            Builtin::Len => Value::Int(text.chars().count() as i64),
            Builtin::IsEmpty => Value::Bool(text.is_empty()),
            Builtin::Reverse => Value::str(text.chars().rev().collect::<String>()),
            Builtin::Take => Value::str(text.chars().take(args.count()?).collect::<String>()),
            Builtin::Skip => Value::str(text.chars().skip(args.count()?).collect::<String>()),
            Builtin::Contains => Value::Bool(text.contains(args.text()?.as_str())),
            _ => match text.find(args.text()?.as_str()) {
                Some(bytes) => Value::Int(text[..bytes].chars().count() as i64),
                None => Value::Null,
            },
        })
    }
}

fn text_list<'t>(parts: impl Iterator<Item = &'t str>) -> Value {
    Value::list(parts.map(Value::str).collect())
}

fn check_length(bytes: usize) -> Result<()> {
    if bytes as u64 / 16 > MAX_WEIGHT {
        fail!("the text would be too long ({bytes} bytes)");
    }
    Ok(())
}

fn to_slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

pub(super) fn paths_and_commands(builtin: Builtin, args: &mut Args) -> Result {
    if builtin == Builtin::CommandWith {
        let command = args.next();
        let name = args.text()?;
        let value = command_argument(reveal_text(&args.next()))?;
        return match command {
            Value::Command(c) => Ok(Value::Command(c.with_value(&name, &value).into())),
            other => Err(defect!("`with` of {}", other.kind())),
        };
    }
    if builtin == Builtin::CommandWords {
        return match args.next() {
            Value::Command(command) => command_words(&command),
            Value::Null => Ok(Value::Null),
            other => Err(defect!("the words of {}", other.kind())),
        };
    }
    let text = args.text()?;
    let path = Path::new(text.as_str());
    let part = |p: Option<&std::ffi::OsStr>| p.and_then(|s| s.to_str()).map_or(Value::Null, Value::str);
    Ok(match builtin {
        Builtin::PathJoin => Value::path(&path.join(args.text()?.as_str()).to_string_lossy()),
        // `..` and `/` have no file name: the result is empty.
        Builtin::PathName => Value::str(path.file_name().and_then(|s| s.to_str()).unwrap_or_default()),
        Builtin::PathStem => Value::str(path.file_stem().and_then(|s| s.to_str()).unwrap_or_default()),
        Builtin::PathExtension => part(path.extension()),
        Builtin::PathParent => match path.parent().and_then(|p| p.to_str()) {
            Some("") => Value::path("."),
            Some(parent) => Value::path(parent),
            None => Value::Null,
        },
        other => return Err(defect!("{other:?} is not of paths")),
    })
}

/// The words of a command, of which another command is made. A script has none.
fn command_words(command: &Command) -> Result {
    match command {
        Command::Direct(_) => {
            let words = command.argv();
            if words.iter().any(|word| word.secret) {
                fail!("a command with a secret in it cannot be a part of another");
            }
            Ok(Value::list(words.into_iter().map(|word| Value::Str(word.text)).collect()))
        }
        Command::Shell { .. } => {
            fail!("`{command}` is a script of the shell: only a command of plain words can be a part of another")
        }
    }
}
