//! `sh"…"`: what a shell would read, understood well enough that a value can never become code.
//!
//! A command without any syntax of the shell is split into words here and executed directly.
//! Any other is a script in which each value is a positional parameter, written so that it is
//! one argument whatever quotes stand around it. The same reading tells which words choose a
//! program: there, only text that the program vouches for may stand.

use std::{iter::Peekable, str::Chars};

use cascade_grammar::ast::{Span, StrLit, StrPart};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::body::{Body, Kind, Typed};
use crate::{
    checks::capabilities::{Network, network_program},
    codes,
    flow::Flow,
    types::{Ty, TyKind},
};

/// Words that only a shell understands as the name of a command.
const SHELL_WORDS: &[&str] = &[
    ":", ".", "!", "{", "}", "[[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "declare",
    "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fg", "fi", "for", "function", "getopts",
    "hash", "if", "jobs", "let", "local", "read", "readonly", "return", "set", "shift", "source", "then", "times",
    "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
];

/// Commands whose next word that is no option is a program again.
const WRAPPERS: &[&str] = &[
    ".", "source", "command", "doas", "env", "exec", "eval", "nice", "nohup", "npx", "ionice", "setsid", "stdbuf",
    "sudo", "time", "uvx", "watch", "timeout", "xargs", "then", "do", "else", "elif", "if", "while", "until", "!", "{",
];

/// Interpreters and the options after which they read code.
const INTERPRETERS: &[(&str, &[&str])] = &[
    ("sh", &["-c"]),
    ("bash", &["-c"]),
    ("dash", &["-c"]),
    ("zsh", &["-c"]),
    ("ksh", &["-c"]),
    ("fish", &["-c"]),
    ("python", &["-c"]),
    ("python3", &["-c"]),
    ("perl", &["-e", "-E"]),
    ("ruby", &["-e"]),
    ("node", &["-e", "--eval", "-p"]),
    ("php", &["-r"]),
    ("awk", &["-e", "--source"]),
    ("gawk", &["-e", "--source"]),
    ("mawk", &["--source"]),
    ("sed", &["-e", "--expression"]),
];

/// Options of other programs that are given code or a program. What `git` does is chosen by its
/// first word, which may be an alias for a command.
const CODE_OPTIONS: &[(&str, &[&str])] = &[
    ("git", &["-c", "--config-env", "--exec-path", "--upload-pack", "--receive-pack", "-u"]),
    ("tar", &["-I", "--use-compress-program", "--to-command", "--checkpoint-action", "-F", "--info-script"]),
    ("rsync", &["-e", "--rsh", "--rsync-path"]),
    ("scp", &["-S", "-o"]),
    ("sftp", &["-S", "-o", "-b"]),
    ("curl", &["-K", "--config"]),
    ("make", &["-f", "--file", "--makefile", "--eval"]),
    ("su", &["-c", "--command", "-s", "--shell"]),
    ("vim", &["-c", "--cmd", "-S"]),
    ("gdb", &["-ex", "-x"]),
];

/// Options of interpreters whose value is neither a file to run nor code.
const OPTIONS_WITH_VALUE: &[&str] = &["-v", "-F", "-W", "-X", "-o", "--assign", "--field-separator"];

/// What encloses a place of a command. Around all stands the command itself.
#[derive(Debug, PartialEq, Eq)]
enum Around {
    /// `"…"`
    Double,
    /// `'…'`
    Single,
    /// `$(…)`, with the words of the command around it.
    Substitution(Outer),
    /// `` `…` ``, with the words of the command around it.
    Backticks(Outer),
    /// `(…)`
    Parentheses,
    /// `$((…))`, with the parentheses that are open in it.
    Arithmetic(u32),
    /// `# …` to the end of the line.
    Comment,
    /// The lines after `<<END`.
    Heredoc {
        /// The line that ends them.
        end: String,
        /// `<<'END'`: nothing in them means anything.
        quoted: bool,
        /// The line so far.
        line: String,
    },
}

/// The words of a command, and the one that has begun.
type Outer = (Vec<String>, String);

/// What the reading of the text found.
#[derive(Default)]
struct Reading {
    /// The words, while the command is simple.
    words: Vec<ir::Word>,
    word: Option<ir::Word>,
    /// Script parts.
    script: Vec<ir::ShellPart>,
    /// Whether syntax of the shell was seen.
    shell: bool,
    /// The literal text of the current word so far.
    current: String,
    /// Words of the current simple command, literal text only.
    command: Vec<String>,
    newlines: bool,
    /// Variables of the shell that hold values, with what those are made of.
    assigned: Vec<(String, Flow, Span)>,
    /// Those of them that choose what is executed.
    chosen: Vec<usize>,
    /// A heredoc that begins with the next line.
    heredoc: Option<(String, bool)>,
    /// Whether a placeholder stands where a program is chosen.
    placeholder: bool,
    /// The first program that needs the network.
    network: Option<&'static str>,
}

impl Reading {
    /// The word after `<<`, which ends the heredoc.
    fn announce(&mut self, chars: &mut Peekable<Chars<'_>>) {
        chars.next_if_eq(&'-');
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        let (mut end, mut quoted) = (String::new(), false);
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !";&|<>()".contains(*c)) {
            if matches!(c, '\'' | '"' | '\\') {
                quoted = true;
            } else {
                end.push(c);
            }
        }
        self.heredoc = Some((end, quoted));
    }

    fn push(&mut self, c: char) {
        self.current.push(c);
        let word = self.word.get_or_insert_with(|| ir::Word { parts: Vec::new() });
        if let Some(ir::WordPart::Text(text)) = word.parts.last_mut() {
            let mut joined = text.to_string();
            joined.push(c);
            *text = SmolStr::new(joined);
        } else {
            word.parts.push(ir::WordPart::Text(SmolStr::new(c.to_string())));
        }
    }

    /// Quotes begin a word even when nothing stands between them.
    fn begin(&mut self) {
        self.word.get_or_insert_with(|| ir::Word { parts: Vec::new() });
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            self.words.push(word);
            self.command.push(std::mem::take(&mut self.current));
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        if self.network.is_none() {
            let words = self.command.iter().map(String::as_str);
            let wraps = |w: &str| {
                is_assignment(w)
                    || WRAPPERS.contains(&w)
                    || w.starts_with('-')
                    || w.starts_with(|c: char| c.is_ascii_digit())
            };
            self.network = network_program(words.skip_while(|w| wraps(w)));
        }
        self.command.clear();
    }

    /// Another command begins inside of this one.
    fn enter(&mut self) -> Outer {
        self.shell = true;
        (std::mem::take(&mut self.command), std::mem::take(&mut self.current))
    }

    /// The command inside ends, and the one around it goes on.
    fn leave(&mut self, around: &mut Vec<Around>) {
        self.end_command();
        if let Some(Around::Substitution(outer) | Around::Backticks(outer)) = around.pop() {
            (self.command, self.current) = outer;
            // What a substitution gives is a part of a word.
            self.begin();
        }
    }

    /// The variable of the shell that the current word assigns: `name=…`, `export name=…`.
    fn assigns(&self) -> Option<String> {
        let (name, _) = self.current.split_once('=').filter(|_| is_assignment(&self.current))?;
        let declares = ["export", "local", "readonly", "declare", "typeset"];
        let first = self.command.iter().find(|w| !is_assignment(w));
        first.is_none_or(|w| declares.contains(&w.as_str())).then(|| name.to_owned())
    }

    /// Notes a variable that holds a value and would choose what is executed: `$name`, `${name…`.
    fn variable(&mut self, after: impl Iterator<Item = char>) {
        if !self.chooses() {
            return;
        }
        let name: String =
            after.skip_while(|c| *c == '{').take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let held = self.assigned.iter().enumerate().filter(|(_, (n, _, _))| *n == name).map(|(i, _)| i);
        self.chosen.extend(held);
    }

    /// Whether the word that begins here, or goes on here, chooses what is executed.
    fn chooses(&self) -> bool {
        // A path below a literal directory (`./tools/$<name>`) is still chosen by the value.
        let before: Vec<&str> = self.command.iter().map(String::as_str).filter(|w| !is_assignment(w)).collect();
        let Some(first) = before.first() else {
            return !self.current.contains('=');
        };
        let name = first.rsplit('/').next().unwrap_or(first);
        if let Some((_, options)) = INTERPRETERS.iter().find(|(n, _)| *n == name) {
            let last = before.last().copied().unwrap_or_default();
            let combined = |o: &&str| {
                last == *o
                    || (last.starts_with('-') && !last.starts_with("--") && last.ends_with(&o[1..]) && o.len() == 2)
            };
            let code = before.len() > 1 && options.iter().any(combined);
            // The first that is no option is a file to run, or code; unless standard input is.
            let first = before[1..].iter().all(|w| w.starts_with('-') && !matches!(*w, "-" | "-s"));
            return code || (first && !self.current.starts_with('-') && !OPTIONS_WITH_VALUE.contains(&last));
        }
        if name == "find" {
            return before.last().is_some_and(|w| matches!(*w, "-exec" | "-execdir" | "-ok" | "-okdir"));
        }
        if name == "ssh" {
            return true;
        }
        if let Some((_, options)) = CODE_OPTIONS.iter().find(|(n, _)| *n == name) {
            // Set apart (`-c alias.x=…`) or joined (`--upload-pack=…`).
            let last = before.last().copied().unwrap_or_default();
            if options.iter().any(|o| last == *o || self.current.strip_prefix(o).is_some_and(|r| r.starts_with('='))) {
                return true;
            }
            let options_only = before[1..].iter().all(|w| w.starts_with('-'));
            return name == "git" && options_only && self.current.is_empty();
        }
        if WRAPPERS.contains(&name) {
            if name == "eval" {
                return true;
            }
            // Options, what follows one (`sudo -u name`), and numbers stand before the program.
            let aside = |(at, word): (usize, &&str)| {
                word.starts_with('-') || before[at].starts_with('-') || word.starts_with(|c: char| c.is_ascii_digit())
            };
            return before[1..].iter().enumerate().all(aside) && !self.current.starts_with('-');
        }
        false
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}

impl<'a> Body<'_, 'a> {
    /// A command.
    pub fn command(&mut self, literal: &'a StrLit) -> Typed {
        let mut flow = Flow::default();
        let mut r = Reading::default();
        let mut around: Vec<Around> = Vec::new();
        for part in &literal.parts {
            match part {
                StrPart::Text { text, .. } => {
                    r.script.push(ir::ShellPart::Text(SmolStr::new(text)));
                    read(&mut r, text, &mut around);
                }
                StrPart::Hole { expr, format, .. } => {
                    let value = self.infer(expr);
                    flow.include(&value.flow);
                    let rendering = format.as_ref().and_then(|f| self.rendering(f));
                    self.argument_type(value.ty, expr.span);
                    if r.chooses() {
                        self.program_sink(&value.flow, expr.span);
                    }
                    if let Some(name) = r.assigns() {
                        r.assigned.push((name, value.flow, expr.span));
                    }
                    let quote = match around.last_mut() {
                        Some(Around::Heredoc { quoted, line, .. }) => {
                            line.push('\0');
                            if *quoted {
                                self.in_quoted_heredoc(expr.span);
                            }
                            ir::Quote::Double
                        }
                        Some(Around::Single) => ir::Quote::Single,
                        Some(Around::Double | Around::Comment) => ir::Quote::Double,
                        Some(Around::Arithmetic(_)) => {
                            self.number_type(value.ty, expr.span);
                            ir::Quote::Double
                        }
                        _ => ir::Quote::Bare,
                    };
                    r.word
                        .get_or_insert_with(|| ir::Word { parts: Vec::new() })
                        .parts
                        .push(ir::WordPart::Hole(value.ir.clone(), rendering));
                    r.script.push(ir::ShellPart::Hole(value.ir, rendering, quote));
                }
            }
        }
        r.end_command();
        if let (Some(program), Kind::Skill) = (r.network, self.kind) {
            let network = Network { what: program.into(), source: self.source(), span: literal.span };
            self.uses_network(network, literal.span);
        }
        if r.placeholder {
            self.placeholder_sink(literal.span);
        }
        for index in std::mem::take(&mut r.chosen) {
            let (_, flow, span) = r.assigned[index].clone();
            self.program_sink(&flow, span);
        }
        let open = around.iter().rev().find_map(|a| match a {
            Around::Single => Some("'"),
            Around::Double => Some("\""),
            Around::Backticks(_) => Some("`"),
            Around::Substitution(_) => Some("$("),
            Around::Arithmetic(_) => Some("$(("),
            Around::Parentheses | Around::Comment | Around::Heredoc { .. } => None,
        });
        if let Some(open) = open {
            let message = format!("a `{open}` in this command is never closed");
            let d = self.diag(codes::UNTERMINATED_STRING, literal.span, message).label("open at the end");
            self.report(d);
        }
        if r.words.is_empty() && !r.shell {
            let d = self.diag(codes::MISMATCH, literal.span, "this command is empty").label("nothing to run");
            self.report(d);
        }
        let first_literal = r.words.first().map(|w| match w.parts.as_slice() {
            [ir::WordPart::Text(t)] => t.to_string(),
            _ => String::new(),
        });
        let needs_shell =
            r.shell || first_literal.is_some_and(|w| SHELL_WORDS.contains(&w.as_str()) || is_assignment(&w));
        let template = if needs_shell {
            ir::CommandTemplate::Shell { parts: r.script, stop_on_error: r.newlines }
        } else {
            ir::CommandTemplate::Direct(r.words)
        };
        Typed::new(ir::Expr::Command(Box::new(template)), Ty::COMMAND, flow)
    }

    /// Where the shell reads nothing, it does not read a parameter either.
    fn in_quoted_heredoc(&mut self, span: Span) {
        let d = self
            .diag(codes::MISPLACED, span, "the shell puts no value into a heredoc whose end is quoted")
            .label("would not be replaced")
            .help("write the word after `<<` without quotes, or give the text on `stdin`");
        self.report(d);
    }

    /// In the shell's arithmetic a text could be a command again; a number cannot.
    fn number_type(&mut self, ty: Ty, span: Span) {
        let base = self.cx.types.base(ty);
        if !matches!(self.cx.types.kind(base), TyKind::Int | TyKind::Error) {
            let shown = self.show(ty);
            let d = self
                .diag(codes::MISMATCH, span, format!("the shell's arithmetic needs `int`, found `{shown}`"))
                .label(format!("`{shown}`"));
            self.report(d);
        }
    }
}

/// Whether `name}` follows: the rest of a mark for [`with`](crate::elab::methods).
fn is_placeholder(mut after: impl Iterator<Item = char>) -> bool {
    let mut name = 0;
    loop {
        match after.next() {
            Some('}') => return name > 0,
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => name += 1,
            _ => return false,
        }
    }
}

/// Reads literal text of a command, from what encloses its begin to what encloses its end.
fn read(r: &mut Reading, text: &str, around: &mut Vec<Around>) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_text = matches!(around.last(), Some(Around::Comment | Around::Heredoc { .. } | Around::Arithmetic(_)));
        if c == '{' && !is_text && !r.current.ends_with('$') && is_placeholder(chars.clone()) && r.chooses() {
            r.placeholder = true;
        }
        match (around.last_mut(), c) {
            (Some(Around::Comment), '\n') => {
                around.pop();
                r.shell = true;
                r.newlines = true;
            }
            (Some(Around::Comment), _) => {}
            (Some(Around::Heredoc { end, line, .. }), '\n') => {
                let ended = line.trim_start_matches('\t') == end;
                line.clear();
                if ended {
                    around.pop();
                }
            }
            (Some(Around::Heredoc { line, .. }), c) => line.push(c),
            (Some(Around::Single), '\'') | (Some(Around::Double), '"') => {
                around.pop();
            }
            (Some(Around::Single), c) => r.push(c),
            (Some(Around::Arithmetic(open)), '(') => *open += 1,
            (Some(Around::Arithmetic(0)), ')') => {
                around.pop();
                chars.next_if_eq(&')');
            }
            (Some(Around::Arithmetic(open)), ')') => *open -= 1,
            (Some(Around::Arithmetic(_)), _) => {}
            (Some(Around::Double), '\\') => match chars.peek() {
                Some('$' | '`' | '"' | '\\') => {
                    if let Some(next) = chars.next() {
                        r.push(next);
                    }
                }
                Some('\n') => {
                    chars.next();
                }
                _ => r.push('\\'),
            },
            (Some(Around::Backticks(_)), '`') => r.leave(around),
            (_, '`') => {
                let outer = r.enter();
                around.push(Around::Backticks(outer));
            }
            (_, '$') if chars.next_if_eq(&'(').is_some() => {
                if chars.next_if_eq(&'(').is_some() {
                    r.shell = true;
                    around.push(Around::Arithmetic(0));
                } else {
                    let outer = r.enter();
                    around.push(Around::Substitution(outer));
                }
            }
            (Some(Around::Double), c) => {
                if c == '$' {
                    r.shell = true;
                    r.variable(chars.clone());
                }
                r.push(c);
            }
            (Some(Around::Substitution(_)), ')') => r.leave(around),
            (_, '\'') => {
                r.begin();
                around.push(Around::Single);
            }
            (_, '"') => {
                r.begin();
                around.push(Around::Double);
            }
            (_, '\\') => match chars.next() {
                Some('\n') => {}
                Some(next) => r.push(next),
                None => {
                    // Before a hole: the shell would escape what follows.
                    r.shell = true;
                }
            },
            (_, '\n') => {
                if !r.words.is_empty() || r.word.is_some() {
                    r.shell = true;
                    r.newlines = true;
                }
                r.end_command();
                if let Some((end, quoted)) = r.heredoc.take() {
                    r.newlines = true;
                    around.push(Around::Heredoc { end, quoted, line: String::new() });
                }
            }
            (_, c) if c.is_whitespace() => r.end_word(),
            (last, '|' | '&' | ';' | '(' | ')') => {
                let closes = c == ')' && last.is_some_and(|a| *a == Around::Parentheses);
                r.shell = true;
                r.end_command();
                if closes {
                    around.pop();
                } else if c == '(' {
                    around.push(Around::Parentheses);
                }
            }
            (_, '<' | '>') => {
                r.shell = true;
                r.end_word();
                if c == '<' && chars.next_if_eq(&'<').is_some() && chars.peek() != Some(&'<') {
                    r.announce(&mut chars);
                    continue;
                }
                // What follows is a file, not a word of the command.
                while chars.next_if(|c| matches!(c, '<' | '>' | '&' | '|')).is_some() {}
            }
            (_, '$' | '*' | '?' | '[') => {
                r.shell = true;
                if c == '$' {
                    r.variable(chars.clone());
                }
                r.push(c);
            }
            (_, '#') if r.word.is_none() => {
                r.shell = true;
                r.end_command();
                around.push(Around::Comment);
            }
            (_, '~') if r.word.is_none() => {
                r.shell = true;
                r.push(c);
            }
            (_, c) => r.push(c),
        }
    }
}
