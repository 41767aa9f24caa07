//! Renders a document: greedy, with an explicit stack, so that deeply nested documents need no
//! recursion.

use super::doc::{Doc, Items};

/// The maximal length of a line that can be broken.
const WIDTH: usize = 100;
/// The indentation of one level.
const STEP: usize = 2;

/// How the soft breaks of a piece are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Flat,
    Break,
    /// Only the last brackets break.
    Hug,
}

#[derive(Clone, Copy)]
enum Command<'d> {
    Doc(usize, Mode, &'d Doc<'d>),
    Str(&'d str),
    /// A line break with an indentation; true: after a blank line.
    Line(usize, bool),
    Suffix(&'d str),
}

/// Renders a document.
pub(super) fn render(doc: &Doc<'_>) -> String {
    let mut renderer = Renderer { out: String::new(), column: 0, suffixes: Vec::new() };
    renderer.run(doc);
    renderer.out
}

struct Renderer<'d> {
    out: String,
    column: usize,
    /// Comments to print at the end of the line.
    suffixes: Vec<&'d str>,
}

impl<'d> Renderer<'d> {
    fn run(&mut self, doc: &'d Doc<'d>) {
        let mut stack = vec![Command::Doc(0, Mode::Break, doc)];
        while let Some(command) = stack.pop() {
            match command {
                Command::Str(text) => self.push(text),
                Command::Line(indent, blank) => self.line(indent, blank),
                Command::Suffix(text) => self.suffixes.push(text),
                Command::Doc(indent, mode, doc) => self.doc(indent, mode, doc, &mut stack),
            }
        }
        self.flush(0);
    }

    fn doc(&mut self, indent: usize, mode: Mode, doc: &'d Doc<'d>, stack: &mut Vec<Command<'d>>) {
        match doc {
            Doc::Text(text) => self.push(text),
            Doc::Owned(text) => self.push(text),
            Doc::Suffix(text) => self.suffixes.push(text),
            Doc::Hard => self.line(indent, false),
            Doc::Soft if mode == Mode::Break => self.line(indent, false),
            Doc::SoftEmpty if mode == Mode::Break => self.line(indent, false),
            Doc::Soft => self.push(" "),
            Doc::SoftEmpty => {}
            Doc::Seq(docs, _) => push_sequence(indent, mode, docs, stack),
            Doc::Nest(doc, _) => stack.push(Command::Doc(indent + STEP, mode, doc)),
            Doc::Group(doc, hard) => {
                let mode = match mode {
                    Mode::Flat | Mode::Hug => mode,
                    Mode::Break if *hard => Mode::Break,
                    Mode::Break => {
                        let flat = Command::Doc(indent, Mode::Flat, doc);
                        if self.fits(flat, stack) { Mode::Flat } else { Mode::Break }
                    }
                };
                stack.push(Command::Doc(indent, mode, doc));
            }
            Doc::Items(items) => {
                let mode = self.items_mode(indent, mode, doc, items, stack);
                push_items(indent, mode, items, stack);
            }
            Doc::Block(block) => {
                self.push(block.open);
                if let Some(first) = &block.first {
                    self.push(first);
                }
                for line in &block.lines {
                    self.text_line(if line.is_empty() { 0 } else { indent + STEP });
                    self.push(line);
                }
                if block.closes_line {
                    self.text_line(indent + STEP);
                }
                self.push("\"\"\"");
            }
        }
    }

    fn items_mode(
        &self,
        indent: usize,
        mode: Mode,
        doc: &'d Doc<'d>,
        items: &Items<'_>,
        stack: &[Command<'d>],
    ) -> Mode {
        if items.broken {
            return Mode::Break;
        }
        match mode {
            Mode::Flat => Mode::Flat,
            Mode::Hug if items.hug => Mode::Hug,
            Mode::Hug => Mode::Break,
            Mode::Break if self.fits(Command::Doc(indent, Mode::Flat, doc), stack) => Mode::Flat,
            Mode::Break if items.hug && self.fits(Command::Doc(indent, Mode::Hug, doc), stack) => Mode::Hug,
            Mode::Break => Mode::Break,
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        match text.rfind('\n') {
            None => self.column += text.chars().count(),
            Some(at) => self.column = text[at + 1..].chars().count(),
        }
    }

    fn line(&mut self, indent: usize, blank: bool) {
        self.flush(indent);
        if blank {
            self.out.push('\n');
        }
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// A line break in a text block, where comments are impossible.
    fn text_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// Writes the pending comments: the first at the end of the line, the others below.
    fn flush(&mut self, indent: usize) {
        for (index, comment) in std::mem::take(&mut self.suffixes).into_iter().enumerate() {
            if index == 0 {
                self.out.push(' ');
            } else {
                self.out.push('\n');
                self.out.extend(std::iter::repeat_n(' ', indent));
            }
            self.out.push_str(comment);
        }
    }

    /// Whether everything up to the next line break fits on the line.
    fn fits(&self, first: Command<'d>, rest: &[Command<'d>]) -> bool {
        let mut room = match WIDTH.checked_sub(self.column) {
            Some(room) => room,
            None => return false,
        };
        let mut stack = vec![first];
        let mut rest = rest.iter().rev();
        loop {
            let command = match stack.pop().or_else(|| rest.next().copied()) {
                Some(command) => command,
                None => return true,
            };
            let text: &str = match command {
                Command::Line(..) => return true,
                Command::Suffix(_) => continue,
                Command::Str(text) => text,
                Command::Doc(indent, mode, doc) => match doc {
                    Doc::Text(text) => text,
                    Doc::Owned(text) => text,
                    Doc::Hard => return true,
                    Doc::Soft | Doc::SoftEmpty if mode == Mode::Break => return true,
                    Doc::Soft => " ",
                    Doc::Suffix(_) | Doc::SoftEmpty => continue,
                    Doc::Seq(docs, _) => {
                        push_sequence(indent, mode, docs, &mut stack);
                        continue;
                    }
                    Doc::Nest(doc, _) => {
                        stack.push(Command::Doc(indent, mode, doc));
                        continue;
                    }
                    Doc::Group(doc, hard) => {
                        // In what follows, a group that is still undecided may break.
                        let mode = if *hard && mode == Mode::Flat { Mode::Break } else { mode };
                        stack.push(Command::Doc(indent, mode, doc));
                        continue;
                    }
                    Doc::Items(items) => {
                        let mode = match mode {
                            _ if items.broken => Mode::Break,
                            Mode::Hug if items.hug => Mode::Hug,
                            Mode::Hug => Mode::Break,
                            Mode::Break if items.entries.is_empty() => Mode::Flat,
                            Mode::Flat | Mode::Break => mode,
                        };
                        push_items(indent, mode, items, &mut stack);
                        continue;
                    }
                    Doc::Block(block) => {
                        stack.push(Command::Str("\"\"\""));
                        if block.closes_line || !block.lines.is_empty() {
                            stack.push(Command::Line(indent, false));
                        }
                        if let Some(first) = &block.first {
                            stack.push(Command::Str(first));
                        }
                        block.open
                    }
                },
            };
            let (text, ends) = match text.split_once('\n') {
                Some((line, _)) => (line, true),
                None => (text, false),
            };
            match room.checked_sub(text.chars().count()) {
                Some(left) => room = left,
                None => return false,
            }
            if ends {
                return true;
            }
        }
    }
}

/// Pushes a sequence; only its last piece may use the hugging mode.
fn push_sequence<'d>(indent: usize, mode: Mode, docs: &'d [Doc<'d>], stack: &mut Vec<Command<'d>>) {
    for (index, doc) in docs.iter().enumerate().rev() {
        let last = index + 1 == docs.len();
        let mode = if mode == Mode::Hug && !last { Mode::Flat } else { mode };
        stack.push(Command::Doc(indent, mode, doc));
    }
}

/// Pushes the pieces of a bracketed list in a mode.
fn push_items<'d>(indent: usize, mode: Mode, items: &'d Items<'d>, stack: &mut Vec<Command<'d>>) {
    let from = stack.len();
    stack.push(Command::Str(items.open));
    if mode == Mode::Break {
        push_broken(indent, items, stack);
    } else {
        let pad = if items.padded && !items.entries.is_empty() { " " } else { "" };
        stack.push(Command::Str(pad));
        for (index, entry) in items.entries.iter().enumerate() {
            if index > 0 {
                stack.push(Command::Str(", "));
            }
            let last = index + 1 == items.entries.len();
            let mode = if last { mode } else { Mode::Flat };
            stack.extend(entry.body.as_ref().map(|body| Command::Doc(indent, mode, body)));
        }
        stack.push(Command::Str(pad));
    }
    stack.push(Command::Str(items.close));
    stack[from..].reverse();
}

fn push_broken<'d>(indent: usize, items: &'d Items<'d>, stack: &mut Vec<Command<'d>>) {
    let inside = indent + STEP;
    for (index, entry) in items.entries.iter().enumerate() {
        let here = if entry.deeper { inside + STEP } else { inside };
        let mut blank = entry.blank && index > 0;
        for (text, blank_after) in &entry.leading {
            stack.push(Command::Line(here, blank));
            stack.push(Command::Str(text));
            blank = *blank_after;
        }
        let Some(body) = &entry.body else { continue };
        stack.push(Command::Line(here, blank));
        stack.push(Command::Doc(here, Mode::Break, body));
        if items.commas {
            stack.push(Command::Str(","));
        }
        stack.extend(entry.trailing.iter().map(|text| Command::Suffix(text)));
    }
    for (index, (blank, text)) in items.dangling.iter().enumerate() {
        let first = index == 0 && items.entries.is_empty();
        stack.push(Command::Line(inside, *blank && !first));
        stack.push(Command::Str(text));
    }
    if !items.entries.is_empty() || !items.dangling.is_empty() {
        stack.push(Command::Line(indent, false));
    }
}
