//! Evaluates templates: texts and commands with holes.

use cascade_ir::{CommandTemplate, Expr, Quote, Rendering, ShellPart, Template, TextPart, Word, WordPart};

use super::{Eval, Result, address::check_segments, prompt_context::PromptContext};
use crate::{
    failure::fail,
    render::{self, percent_encode, render_preferred, render_value},
    value::{Arg, Command, CommandPart, CommandWord, MAX_WEIGHT, ScriptPart, Value},
};

/// The destination of a template's text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Ordinary text: secrets are redacted.
    Text,
    /// A prompt for a model that prefers this rendering; secrets are redacted.
    Prompt(Rendering),
    /// An address: holes are percent-encoded; secrets are inserted, and make the text a secret.
    Url,
    /// A header, an environment variable, standard input, an argument: secrets are inserted.
    Private,
}

/// Whether a list of arguments may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EmptyList {
    Allowed,
    Refused,
}

/// A text, and whether it contains a secret.
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) secret: bool,
}

impl Eval<'_> {
    /// Evaluates a template.
    pub(crate) fn template(&mut self, template: &Template, slots: &mut [Value], target: Target) -> Result<Text> {
        let mut out = Text { text: String::new(), secret: false };
        let mut in_address = Vec::new();
        let mut around = PromptContext::default();
        for (position, part) in template.parts.iter().enumerate() {
            match part {
                TextPart::Text(text) => {
                    if let Target::Prompt(_) = target {
                        around.read(text);
                    }
                    out.text.push_str(text);
                }
                TextPart::Hole { value, rendering, indent } => {
                    let mut hole = self.eval_hole(value, *rendering, slots, target)?;
                    out.secret |= hole.secret;
                    // XML is escaped already, and its own closing tags must stay.
                    if matches!(target, Target::Prompt(_)) && *rendering != Some(Rendering::Xml) {
                        hole.text = around.escape(&hole.text);
                    }
                    if target == Target::Url && position > 0 {
                        let start = out.text.len();
                        percent_encode(&hole.text, &mut out.text);
                        in_address.push(start..out.text.len());
                    } else {
                        out.text.push_str(&render::indent_lines(&hole.text, *indent));
                    }
                }
            }
            if out.text.len() as u64 / 16 > MAX_WEIGHT {
                fail!("the text is too long");
            }
            self.use_fuel(1 + out.text.len() / 256)?;
        }
        check_segments(&out.text, &in_address)?;
        Ok(out)
    }

    fn eval_hole(
        &mut self,
        value: &Expr,
        rendering: Option<Rendering>,
        slots: &mut [Value],
        target: Target,
    ) -> Result<Text> {
        if matches!(target, Target::Url | Target::Private) && rendering.is_none() {
            return self.private_text(value, slots);
        }
        let value = self.eval(value, slots)?;
        self.use_fuel(value.weight() as usize)?;
        let text = match (rendering, target) {
            (Some(rendering), _) => render_value(&value, rendering),
            (None, Target::Prompt(preferred)) => render_preferred(&value, preferred),
            (None, _) => render_value(&value, Rendering::Text),
        };
        Ok(Text { text, secret: false })
    }

    /// The text of an expression where secrets are allowed: a header, an argument.
    pub(crate) fn private_text(&mut self, expr: &Expr, slots: &mut [Value]) -> Result<Text> {
        if let Expr::Template(template) = expr {
            return self.template(template, slots, Target::Private);
        }
        let value = self.eval(expr, slots)?;
        self.use_fuel(value.weight() as usize)?;
        Ok(reveal_text(&value))
    }

    /// Evaluates a command.
    pub(crate) fn command(&mut self, template: &CommandTemplate, slots: &mut [Value]) -> Result<Command> {
        match template {
            CommandTemplate::Direct(words) => {
                let mut args = Vec::with_capacity(words.len());
                for word in words {
                    self.eval_word(word, slots, &mut args)?;
                }
                Ok(Command::Direct(args))
            }
            CommandTemplate::Shell { parts, stop_on_error } => {
                let parts = parts.iter().map(|part| self.script_part(part, slots)).collect::<Result<_>>()?;
                Ok(Command::Shell { parts, stop_on_error: *stop_on_error })
            }
        }
    }

    fn eval_word(&mut self, word: &Word, slots: &mut [Value], args: &mut Vec<CommandWord>) -> Result<()> {
        if let [WordPart::Hole(..) | WordPart::Words(_)] = &word.parts[..] {
            let found = match &word.parts[0] {
                WordPart::Hole(value, rendering) => self.arguments(value, *rendering, EmptyList::Refused, slots)?,
                WordPart::Words(value) => self.arguments(value, None, EmptyList::Allowed, slots)?,
                WordPart::Text(_) | WordPart::Placeholder(_) => Vec::new(),
            };
            args.extend(found.into_iter().map(|arg| vec![CommandPart::Text(arg)]));
            return Ok(());
        }
        let mut joined = CommandWord::new();
        for part in &word.parts {
            joined.push(match part {
                WordPart::Text(text) => CommandPart::Text(Arg::plain(text.clone())),
                WordPart::Hole(value, rendering) => {
                    CommandPart::Text(join_arguments(self.arguments(value, *rendering, EmptyList::Allowed, slots)?))
                }
                WordPart::Words(value) => {
                    CommandPart::Text(join_arguments(self.arguments(value, None, EmptyList::Allowed, slots)?))
                }
                WordPart::Placeholder(name) => CommandPart::Placeholder(name.clone()),
            });
        }
        args.push(joined);
        Ok(())
    }

    fn script_part(&mut self, part: &ShellPart, slots: &mut [Value]) -> Result<ScriptPart> {
        Ok(match part {
            ShellPart::Text(text) => ScriptPart::Text(text.clone()),
            ShellPart::Placeholder(name, quote) => ScriptPart::Placeholder(name.clone(), *quote),
            ShellPart::Hole(value, rendering, quote) => {
                let args = self.arguments(value, *rendering, EmptyList::Allowed, slots)?;
                ScriptPart::Values(if *quote == Quote::Bare { args } else { vec![join_arguments(args)] }, *quote)
            }
            ShellPart::Words { value, may_be_empty } => {
                let empty = if *may_be_empty { EmptyList::Allowed } else { EmptyList::Refused };
                ScriptPart::Values(self.arguments(value, None, empty, slots)?, Quote::Bare)
            }
        })
    }

    /// The arguments of a hole: one, one per element of a list, or none for null.
    fn arguments(
        &mut self,
        value: &Expr,
        rendering: Option<Rendering>,
        empty: EmptyList,
        slots: &mut [Value],
    ) -> Result<Vec<Arg>> {
        if let (Expr::Template(template), None) = (value, rendering) {
            let text = self.template(template, slots, Target::Private)?;
            return Ok(vec![command_argument(text)?]);
        }
        let value = self.eval(value, slots)?;
        self.use_fuel(value.weight() as usize)?;
        match (&value, rendering) {
            (_, Some(rendering)) => {
                Ok(vec![command_argument(Text { text: render_value(&value, rendering), secret: false })?])
            }
            (Value::Null, None) => Ok(Vec::new()),
            (Value::List(items), None) if items.is_empty() && empty == EmptyList::Refused => {
                fail!("a list in the command is empty and gives no argument (`$<… as words>` says that none is fine)")
            }
            (Value::List(items), None) => items.iter().map(|v| command_argument(reveal_text(v))).collect(),
            (Value::Command(command), None) => Ok(command.argv()),
            _ => Ok(vec![command_argument(reveal_text(&value))?]),
        }
    }
}

/// The plain text of a value, including a secret.
pub(crate) fn reveal_text(value: &Value) -> Text {
    match value {
        Value::Secret(secret) => Text { text: secret.reveal().to_owned(), secret: true },
        other => Text { text: render_value(other, Rendering::Text), secret: false },
    }
}

pub(crate) fn command_argument(text: Text) -> Result<Arg> {
    if text.text.contains('\0') {
        fail!("an argument of a command contains a NUL byte");
    }
    Ok(Arg { text: text.text.into(), secret: text.secret })
}

fn join_arguments(args: Vec<Arg>) -> Arg {
    let secret = args.iter().any(|a| a.secret);
    let texts: Vec<&str> = args.iter().map(|a| a.text.as_str()).collect();
    Arg { text: texts.join(" ").into(), secret }
}
