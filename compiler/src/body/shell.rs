//! `sh"…"`: lowers a command. How a shell reads its text is known by `cascade-shell`; what its
//! values are made of is known here.

use cascade_grammar::ast::{Expr, Name, Span, StrLit, StrPart};
use cascade_ir as ir;
use cascade_shell::{CodePosition, DirectPart, HoleSet, Part, Position, Quoting, Reason, Script, Surroundings};
use smol_str::SmolStr;

use super::{BodyChecker, BodyKind, Typed, text::TRUSTED};
use crate::{
    callees::NetworkUse,
    checks::{capabilities::network_program, leaks},
    codes,
    flow::{CodeReason, Flow},
    types::{Ty, TyKind},
};

/// A value of a command.
struct Hole {
    value: ir::Expr,
    ty: Ty,
    span: Span,
    format: Format,
}

/// How a value of a command is written, and whether it may be code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Rendering(ir::Rendering),
    /// `as words`: an empty list gives no word.
    Words,
    /// `as trusted`: the program vouches for the text.
    Trusted,
}

/// The text of a command as the shell's reader wants it: each value is one character.
#[derive(Default)]
struct Source<'a> {
    text: String,
    /// Where each part of the literal begins in the text.
    starts: Vec<(usize, &'a StrPart)>,
}

impl Source<'_> {
    /// The place in the file of a byte of the text; `file` is the text of the file.
    fn span_at(&self, at: usize, whole: Span, file: &str) -> Span {
        match self.starts.iter().rev().find(|(start, _)| *start <= at) {
            Some((_, StrPart::Hole { span, .. })) => *span,
            Some((start, StrPart::Text { text, span })) => {
                let written = file.get(span.range()).unwrap_or_default();
                let before = text.get(..at - start).unwrap_or_default();
                // Where nothing was removed or escaped, offsets agree; in a block, lines do.
                if text == written {
                    let begin = span.start + before.len() as u32;
                    let width = text.get(at - start..).and_then(|t| t.chars().next()).map_or(0, char::len_utf8) as u32;
                    return Span { start: begin, end: begin + width };
                }
                let lines = before.matches('\n').count();
                let Some(line) = written.split('\n').nth(lines) else { return *span };
                let offset: usize = written.split('\n').take(lines).map(|line| line.len() + 1).sum();
                let begin = offset + (line.len() - line.trim_start().len());
                let start = span.start + begin as u32;
                Span { start, end: start + line.trim().len() as u32 }
            }
            None => whole,
        }
    }
}

impl BodyChecker<'_> {
    /// A command.
    pub(super) fn infer_command(&mut self, literal: &StrLit) -> Typed {
        let mut checker =
            CommandChecker { body: self, literal, source: Source::default(), holes: Vec::new(), flows: Vec::new() };
        match checker.read_parts() {
            Some(flow) => checker.infer_script(flow),
            None => Typed::error(),
        }
    }

    /// In the shell's arithmetic a text could be a command again; a number cannot.
    fn report_arithmetic_type(&mut self, ty: Ty, span: Span) {
        let base = self.context.types.base(ty);
        if !matches!(self.context.types.kind(base), TyKind::Int | TyKind::Error) {
            let shown = self.context.type_text(ty);
            let d = self
                .context
                .diagnostic(codes::MISMATCH, span, format!("the shell's arithmetic needs `int`, found `{shown}`"))
                .label(format!("`{shown}`"));
            self.context.report(d);
        }
    }
}

/// The check of one command.
struct CommandChecker<'b, 'a> {
    body: &'b mut BodyChecker<'a>,
    literal: &'b StrLit,
    source: Source<'b>,
    /// The values of the command, in order.
    holes: Vec<Hole>,
    /// What is known of these values; nothing of one for which the program vouches.
    flows: Vec<Flow>,
}

impl<'a> CommandChecker<'_, 'a> {
    /// Reads the text and the values of the command, and gives the flow of all of them; `None` when it has something that
    /// no command can have, which is reported.
    fn read_parts(&mut self) -> Option<Flow> {
        let mut flow = Flow::default();
        for part in &self.literal.parts {
            self.source.starts.push((self.source.text.len(), part));
            match part {
                StrPart::Text { text, span } => {
                    if text.chars().any(|c| cascade_shell::hole_of(c).is_some()) {
                        let message = "this text has a character of a plane for private use";
                        let d = self.body.context.diagnostic(codes::UNKNOWN_CHARACTER, *span, message);
                        self.body.context.report(d.label("cannot stand in a command"));
                        return None;
                    }
                    self.source.text.push_str(text);
                }
                StrPart::Hole { expr, format, .. } => {
                    let value = self.infer_part(expr);
                    let format = format.as_ref().map_or(Format::Plain, |name| self.resolve_format(name));
                    self.body.context.report(leaks::command_argument(self.body.context.view(), value.ty, expr.span));
                    let Some(c) = cascade_shell::hole_character(self.holes.len() as u32) else {
                        let message = "this command has too many values";
                        let d = self.body.context.diagnostic(codes::TOO_LARGE, expr.span, message);
                        self.body.context.report(d);
                        return None;
                    };
                    self.source.text.push(c);
                    let value_flow = if format == Format::Trusted { Flow::default() } else { value.flow };
                    flow.include(&value_flow);
                    self.flows.push(value_flow);
                    self.holes.push(Hole { value: value.ir, ty: value.ty, span: expr.span, format });
                }
            }
        }
        Some(flow)
    }

    /// The command itself, whose parts were read.
    fn infer_script(&mut self, flow: Flow) -> Typed {
        let script = match cascade_shell::parse(&self.source.text) {
            Ok(script) => script,
            Err(error) => {
                let span = self.source.span_at(error.at, self.literal.span, self.file_text());
                let d = self
                    .body
                    .context
                    .diagnostic(codes::COMMAND_SYNTAX, span, error.message)
                    .label("a shell cannot read this command");
                let d = match error.help {
                    Some(help) => d.help(help),
                    None => d,
                };
                self.body.context.report(d);
                return Typed::new(ir::Expr::Const(ir::Const::Null), Ty::COMMAND, flow);
            }
        };
        for part in &self.literal.parts {
            if let StrPart::Text { span, .. } = part {
                self.body.report_foreign_holes_of_command(*span, &self.source.text);
            }
        }
        if script.list.is_empty() {
            let d = self.body.context.diagnostic(codes::MISMATCH, self.literal.span, "this command is empty");
            self.body.context.report(d.label("nothing to run"));
        }
        self.note_network(&script);
        self.report_code_positions(&script);
        let template = self.lower_script(&script);
        Typed::new(ir::Expr::Command(Box::new(template)), Ty::COMMAND, flow)
    }

    /// The value of a hole. A command is spliced as its words.
    fn infer_part(&mut self, e: &Expr) -> Typed {
        let value = self.body.infer(e);
        if self.body.context.types.base(self.body.context.types.non_null(value.ty)) != Ty::COMMAND {
            return value;
        }
        let words = ir::Expr::Builtin(ir::Builtin::CommandWords, vec![value.ir], self.body.context.place(e.span));
        let list = self.body.context.types.list(Ty::STRING);
        Typed::new(words, list, value.flow)
    }

    fn file_text(&self) -> &'a str {
        &self.body.context.world.files.map.get(self.body.context.source()).text
    }

    /// What `as name` means in a command.
    fn resolve_format(&mut self, name: &Name) -> Format {
        match name.text.as_str() {
            "words" => {
                self.body.context.record_word(name);
                Format::Words
            }
            TRUSTED => {
                self.body.context.record_word(name);
                Format::Trusted
            }
            _ => self.body.resolve_rendering(name).map_or(Format::Plain, Format::Rendering),
        }
    }

    fn lower_script(&mut self, script: &Script) -> ir::CommandTemplate {
        if let Some(words) = script.direct_words() {
            let word = |parts: &Vec<DirectPart>| ir::Word {
                parts: parts
                    .iter()
                    .map(|part| match part {
                        DirectPart::Text(text) => ir::WordPart::Text(SmolStr::new(text)),
                        DirectPart::Placeholder(name) => ir::WordPart::Placeholder(SmolStr::new(name)),
                        DirectPart::Hole(id) => {
                            let hole = &self.holes[*id as usize];
                            match hole.format {
                                Format::Words => ir::WordPart::Words(hole.value.clone()),
                                Format::Rendering(rendering) => ir::WordPart::Hole(hole.value.clone(), Some(rendering)),
                                Format::Plain | Format::Trusted => ir::WordPart::Hole(hole.value.clone(), None),
                            }
                        }
                    })
                    .collect(),
            };
            return ir::CommandTemplate::Direct(words.iter().map(word).collect());
        }
        let several: Vec<bool> = self.holes.iter().map(|hole| self.may_be_several(hole)).collect();
        let parts = script.parts(&|id| several.get(id as usize).copied().unwrap_or(false));
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => lowered.push(ir::ShellPart::Text(SmolStr::new(text))),
                Part::Placeholder(name, position) => {
                    lowered.push(ir::ShellPart::Placeholder(SmolStr::new(name), quote_of(position)));
                }
                Part::Hole(id, position) => self.lower_hole(id as usize, position, &mut lowered),
            }
        }
        ir::CommandTemplate::Shell { parts: lowered, stop_on_error: true }
    }

    fn lower_hole(&mut self, index: usize, position: Position, parts: &mut Vec<ir::ShellPart>) {
        let hole = &self.holes[index];
        if position.quoting == Quoting::Arithmetic {
            self.body.report_arithmetic_type(hole.ty, hole.span);
        }
        let rendering = match hole.format {
            Format::Rendering(rendering) => Some(rendering),
            Format::Plain | Format::Words | Format::Trusted => None,
        };
        let (value, quote) = (hole.value.clone(), quote_of(position));
        match (self.may_be_several(hole), position.is_word) {
            (true, true) => parts.push(ir::ShellPart::Words { value, may_be_empty: hole.format == Format::Words }),
            // In a longer word its elements are joined: quotes keep them together.
            (true, false) if quote == ir::Quote::Bare => {
                parts.push(ir::ShellPart::Text("\"".into()));
                parts.push(ir::ShellPart::Hole(value, rendering, ir::Quote::Double));
                parts.push(ir::ShellPart::Text("\"".into()));
            }
            _ => parts.push(ir::ShellPart::Hole(value, rendering, quote)),
        }
    }

    /// Whether a value may give several words, or none.
    fn may_be_several(&self, hole: &Hole) -> bool {
        let types = &*self.body.context.types;
        let is_optional = types.non_null(hole.ty) != hole.ty;
        let base = types.base(types.non_null(hole.ty));
        let is_list = matches!(types.kind(base), TyKind::List(_) | TyKind::Json | TyKind::Command | TyKind::Error);
        !matches!(hole.format, Format::Rendering(_)) && (is_optional || is_list)
    }

    /// Notes the first program of the command that is of no use without a network.
    fn note_network(&mut self, script: &Script) {
        if self.body.kind != BodyKind::Skill {
            return;
        }
        let found = script.programs().iter().find_map(|words| {
            let literal: Vec<&str> = words.iter().map_while(|word| word.as_deref()).collect();
            let stands_before = |word: &&str| {
                cascade_shell::is_wrapper(word)
                    || word.starts_with('-')
                    || word.contains('=')
                    || word.starts_with(|c: char| c.is_ascii_digit())
            };
            network_program(literal.into_iter().skip_while(stands_before))
        });
        if let Some(program) = found {
            let network = NetworkUse { program: program.into(), at: (self.body.context.source(), self.literal.span) };
            self.body.use_network(network, self.literal.span);
        }
    }

    /// Reports values that would be code, and remembers whether standard input would be.
    fn report_code_positions(&mut self, script: &Script) {
        let literal = self.literal.span;
        let several =
            (0..self.holes.len()).filter(|i| self.may_be_several(&self.holes[*i])).map(|i| i as u32).collect();
        let positions = script.code_positions(&Surroundings { stdin: true, several });
        let file = self.file_text();
        let mut reported: Vec<u32> = Vec::new();
        for CodePosition { holes: found, at, reason } in positions {
            for id in found.iter() {
                if id == HoleSet::STDIN {
                    self.body.outcome.stdin_code.get_or_insert(CodeReason::Shell(reason.clone()));
                } else if id == HoleSet::PLACEHOLDER {
                    if reason != Reason::UnknownProgram {
                        self.body.placeholder_sink(literal);
                    }
                } else if !reported.contains(&id) {
                    reported.push(id);
                    let place = self.source.span_at(at, literal, file);
                    let (hole, flow) = (&self.holes[id as usize], &self.flows[id as usize]);
                    self.body.code_sink(flow, hole.span, &CodeReason::Shell(reason.clone()), place);
                }
            }
        }
    }
}

fn quote_of(position: Position) -> ir::Quote {
    match position.quoting {
        Quoting::Bare | Quoting::Pattern => ir::Quote::Bare,
        Quoting::Double => ir::Quote::Double,
        Quoting::Single => ir::Quote::Single,
        Quoting::Arithmetic => ir::Quote::Arithmetic,
    }
}
