//! Holes that are written as in other languages: `${name}`, `{name}`, `$name`.

use cascade_grammar::ast::{Name, Span};

use super::{BodyChecker, BodyKind, variables::Target};
use crate::{checks::style, world::Def};

/// A hole as another language writes it: where it stands in the text, and the expression in it.
struct ForeignHole<'t> {
    start: usize,
    end: usize,
    expression: &'t str,
}

impl BodyChecker<'_> {
    /// Warns of holes of other languages in a text whose names are values here.
    pub(super) fn report_foreign_holes(&mut self, text: Span) {
        if self.kind == BodyKind::Constant {
            return;
        }
        let source = self.context.source_text(text);
        for hole in foreign_holes(source, true) {
            self.report_foreign_hole(text, source, &hole);
        }
    }

    /// The same for a command, where `{name}` is a placeholder and the variables of the script are its own.
    pub(super) fn report_foreign_holes_of_command(&mut self, text: Span, script: &str) {
        let source = self.context.source_text(text);
        for hole in foreign_holes(source, false) {
            let name = first_name(hole.expression);
            let is_shells = script_sets(script, name) || self.shell_names.iter().any(|known| known == name);
            if !is_shells {
                self.report_foreign_hole(text, source, &hole);
            }
        }
    }

    fn report_foreign_hole(&mut self, text: Span, source: &str, hole: &ForeignHole<'_>) {
        let name = Name { text: first_name(hole.expression).into(), span: text };
        let known = match self.probe(&name) {
            Target::Local(_) | Target::Declared(Def::Const(_)) => true,
            Target::Declared(_) | Target::Unknown => false,
        };
        if known {
            let start = text.start + hole.start as u32;
            let span = Span { start, end: text.start + hole.end as u32 };
            let written = &source[hole.start..hole.end];
            self.context.report(style::foreign_hole(self.context.view(), span, written, hole.expression));
        }
    }
}

/// The name that an expression begins with.
fn first_name(expression: &str) -> &str {
    let end = expression.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(expression.len());
    &expression[..end]
}

/// The length of a dotted name at the start of a text: `name`, `name.field`; 0 when there is none.
fn dotted_name(text: &str) -> usize {
    let mut end = 0;
    for (index, part) in text.split('.').enumerate() {
        let length = first_name(part).len();
        if length == 0 || part.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        end += length + usize::from(index > 0);
        if length < part.len() {
            break;
        }
    }
    end
}

/// The length of the spaces at the start of a text.
fn leading_spaces(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b' ').count()
}

/// The holes of other languages in a text; `{name}` only with `braces`.
fn foreign_holes(source: &str, braces: bool) -> Vec<ForeignHole<'_>> {
    let bytes = source.as_bytes();
    let mut holes = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find(['$', '{']) {
        let start = at + found;
        at = start + 1;
        let escaped = start > 0 && matches!(bytes[start - 1], b'\\' | b'$');
        let dollar = bytes[start] == b'$';
        let open = if dollar { start + 1 } else { start };
        let count = source[open..].bytes().take_while(|byte| *byte == b'{').take(2).count();
        if escaped || (!dollar && !braces) {
            continue;
        }
        // `{{ name }}` of Jinja and `${{ inputs.name }}` of workflow files have spaces; `{ name }` is plain text.
        let inner = open + count;
        let inner = if count == 2 { inner + leading_spaces(&source[inner..]) } else { inner };
        let inner = match source[inner..].strip_prefix("inputs.") {
            Some(_) if count == 2 => inner + "inputs.".len(),
            _ => inner,
        };
        let length = match count {
            // In `$name.` the dot ends the sentence.
            0 => first_name(&source[inner..]).len(),
            _ => dotted_name(&source[inner..]),
        };
        let starts_with_digit = bytes.get(inner).is_some_and(u8::is_ascii_digit);
        let end = inner + length;
        let close = if count == 2 { end + leading_spaces(&source[end..]) } else { end };
        if length == 0 || starts_with_digit || !source[close..].starts_with(&"}}"[..count]) {
            continue;
        }
        let end_of_hole = close + count;
        holes.push(ForeignHole { start, end: end_of_hole, expression: &source[inner..end] });
        at = end_of_hole;
    }
    holes
}

/// Whether a script gives a variable of this name a value, as far as the words around the name tell.
fn script_sets(script: &str, name: &str) -> bool {
    let mut at = 0;
    while let Some(found) = script[at..].find(name) {
        let start = at + found;
        let end = start + name.len();
        at = end;
        let whole = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let (before, after) = (&script[..start], &script[end..]);
        if !whole(before.chars().next_back()) || !whole(after.chars().next()) {
            continue;
        }
        let words = before.rsplit(['\n', ';', '&', '|']).next().unwrap_or_default();
        let command = words.split_whitespace().next().unwrap_or_default();
        let sets = after.starts_with('=')
            || before.ends_with("${") && after.starts_with(":=")
            || (matches!(command, "for" | "read" | "while" | "export" | "local" | "readonly" | "unset" | "getopts")
                && !before.ends_with('$')
                && !before.ends_with("${"));
        if sets {
            return true;
        }
    }
    false
}
