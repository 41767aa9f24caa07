//! What a script is made of for the one who runs it: text, values, and how each is written.

use crate::{
    Script,
    cursor::{Edit, EditKind, Quoting},
    syntax::{CommandKind, HoleId, Piece, Word},
};

/// Words that only a shell understands as the name of a command.
const SHELL_WORDS: &[&str] = &[
    ":", ".", "[[", "alias", "bg", "break", "builtin", "cd", "command", "continue", "declare", "eval", "exec", "exit",
    "export", "fg", "function", "getopts", "hash", "jobs", "let", "local", "read", "readonly", "return", "select",
    "set", "shift", "source", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait",
];

/// How a value stands in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The quotes around it.
    pub quoting: Quoting,
    /// Whether it is a word of its own, so that a list may become several words.
    pub is_word: bool,
}

/// A part of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text of the script.
    Text(String),
    /// A value.
    Hole(HoleId, Position),
    /// `{name}`, which may be given a value later.
    Placeholder(String, Position),
}

/// A part of a word of a command that needs no shell.
#[derive(Debug, Clone, PartialEq)]
pub enum DirectPart {
    /// Literal text, quotes already removed.
    Text(String),
    /// A value.
    Hole(HoleId),
    /// `{name}`, which may be given a value later.
    Placeholder(String),
}

impl Script {
    /// The parts of the script in order. For values that may be several words (`may_be_several`)
    /// quotes that stand around them alone are left out.
    pub fn parts(&self, may_be_several: &dyn Fn(HoleId) -> bool) -> Vec<Part> {
        let mut parts = Vec::new();
        push_parts(&self.text, &self.edits, may_be_several, &mut parts);
        parts
    }

    /// The words of a command that needs no shell: one program, its arguments, and nothing that a
    /// shell would expand or redirect.
    pub fn direct_words(&self) -> Option<Vec<Vec<DirectPart>>> {
        let [pipeline] = self.list.pipelines.as_slice() else { return None };
        let [command] = pipeline.commands.as_slice() else { return None };
        let CommandKind::Simple { assignments, words } = &command.kind else { return None };
        if !pipeline.plain || !assignments.is_empty() || !command.redirects.is_empty() {
            return None;
        }
        if words.first().and_then(Word::literal).is_some_and(|name| SHELL_WORDS.contains(&name.as_str())) {
            return None;
        }
        words.iter().map(direct_word).collect()
    }

    /// Whether a program is run by the name `echo`, which shells understand in different ways.
    pub fn uses_echo(&self) -> bool {
        let mut found = false;
        crate::flow::visit_simple_commands(self, &mut |words| {
            found |= words.first().and_then(Word::literal).is_some_and(|name| name == "echo");
        });
        found
    }

    /// The literal words of each command that names its program, for checks that go by names.
    pub fn programs(&self) -> Vec<Vec<Option<String>>> {
        let mut all = Vec::new();
        crate::flow::visit_simple_commands(self, &mut |words| all.push(words.iter().map(Word::literal).collect()));
        all
    }
}

fn push_parts(text: &str, edits: &[Edit], may_be_several: &dyn Fn(HoleId) -> bool, parts: &mut Vec<Part>) {
    let mut at = 0;
    for edit in edits {
        let several = match &edit.kind {
            EditKind::Hole(id, _) => may_be_several(*id),
            EditKind::Placeholder(..) => false,
            EditKind::Text(_) | EditKind::Substitution(..) => false,
        };
        let range = match &edit.word {
            Some(word) if several => word.clone(),
            _ => edit.range.clone(),
        };
        push_text(parts, text.get(at..range.start).unwrap_or_default());
        let position = |quoting: Quoting| Position {
            quoting: if several && edit.word.is_some() { Quoting::Bare } else { quoting },
            is_word: edit.word.is_some(),
        };
        match &edit.kind {
            EditKind::Hole(id, quoting) => parts.push(Part::Hole(*id, position(*quoting))),
            EditKind::Placeholder(name, quoting) => parts.push(Part::Placeholder(name.clone(), position(*quoting))),
            EditKind::Text(literal) => push_text(parts, literal),
            EditKind::Substitution(inner, edits) => {
                // A blank keeps `$( (…) )` from being read as arithmetic.
                push_text(parts, "$( ");
                push_parts(inner, edits, may_be_several, parts);
                push_text(parts, "\n)");
            }
        }
        at = range.end;
    }
    push_text(parts, text.get(at..).unwrap_or_default());
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

/// The parts of a word in which a shell would expand nothing but the values.
fn direct_word(word: &Word) -> Option<Vec<DirectPart>> {
    let mut parts = Vec::new();
    push_direct(&word.pieces, true, &mut parts)?;
    Some(parts)
}

fn push_direct(pieces: &[Piece], is_first: bool, parts: &mut Vec<DirectPart>) -> Option<()> {
    for (position, piece) in pieces.iter().enumerate() {
        let literal = match piece {
            Piece::Text(text) if text.contains(['*', '?', '[']) => return None,
            Piece::Text(text) if text.starts_with('~') && is_first && position == 0 => return None,
            Piece::Text(text) | Piece::Quoted(text) => text,
            Piece::Double(inner) | Piece::Single(inner) => {
                push_direct(inner, false, parts)?;
                continue;
            }
            Piece::Hole(id) => {
                parts.push(DirectPart::Hole(*id));
                continue;
            }
            Piece::Placeholder(name) => {
                parts.push(DirectPart::Placeholder(name.clone()));
                continue;
            }
            Piece::Parameter(_) | Piece::Substitution(_) | Piece::Arithmetic(_) => return None,
        };
        match parts.last_mut() {
            Some(DirectPart::Text(before)) => before.push_str(literal),
            _ => parts.push(DirectPart::Text(literal.clone())),
        }
    }
    Some(())
}
