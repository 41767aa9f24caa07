//! One mistake gives one error: what only follows from a mistake of syntax is not told.

use std::collections::HashMap;

use cascade_grammar::ast::Span;

use crate::{
    codes::{self, Code},
    diagnostic::Diagnostic,
    module::Module,
    source::{SourceId, SourceMap},
};

/// What can be missing only because the statements that give it could not be read.
const OF_LOST_STATEMENTS: &[Code] = &[
    codes::UNKNOWN_NAME,
    codes::MAYBE_UNSET,
    codes::MISSING_RETURN,
    codes::MISSING_FIELD,
    codes::NOT_EXHAUSTIVE,
    codes::UNREACHABLE,
];

/// Where a file could not be read.
#[derive(Default)]
struct Damage {
    /// Lines with a mistake of syntax, sorted.
    lines: Vec<u32>,
    /// Declarations with one.
    items: Vec<Span>,
    /// Whether anything at all is wrong with the file.
    any: bool,
}

/// Drops diagnostics that most likely follow from others. The first `of_syntax` stay.
pub(crate) fn drop_followups(map: &SourceMap, modules: &[Module], diagnostics: &mut Vec<Diagnostic>, of_syntax: usize) {
    let mut damage: HashMap<SourceId, Damage> = HashMap::new();
    for d in diagnostics.iter().filter(|d| d.code.as_str().starts_with('E')) {
        damage.entry(d.primary.source).or_default().any = true;
    }
    for module in modules.iter().filter(|m| !m.parse.errors.is_empty()) {
        let here = damage.entry(module.source).or_default();
        let source = map.get(module.source);
        let mut starts: Vec<u32> = module.parse.errors.iter().map(|error| error.span.start).collect();
        starts.sort_unstable();
        here.lines = starts.iter().map(|start| source.line(*start)).collect();
        here.lines.dedup();
        let damaged = |item: &Span| {
            let first = starts.partition_point(|start| *start < item.start);
            starts.get(first).is_some_and(|start| *start <= item.end)
        };
        here.items = module.parse.file.items.iter().map(|item| item.span).filter(damaged).collect();
    }
    let mut index = 0;
    diagnostics.retain(|d| {
        index += 1;
        index <= of_syntax || damage.get(&d.primary.source).is_none_or(|damage| !damage.explains(map, d))
    });
}

impl Damage {
    fn explains(&self, map: &SourceMap, d: &Diagnostic) -> bool {
        // What reads a name may be the very thing that is wrong.
        if d.code == codes::UNUSED {
            return self.any;
        }
        let span = d.primary.span;
        let source = map.get(d.primary.source);
        let (first, last) = (source.line(span.start), source.line(span.end));
        let lost = OF_LOST_STATEMENTS.contains(&d.code) && self.item_around(span);
        lost || self.line_between(first, last)
    }

    /// Whether a line with a mistake of syntax is among these.
    fn line_between(&self, first: u32, last: u32) -> bool {
        let at = self.lines.partition_point(|line| *line < first);
        self.lines.get(at).is_some_and(|line| *line <= last)
    }

    /// Whether a declaration with a mistake of syntax holds a span. Declarations do not overlap.
    fn item_around(&self, span: Span) -> bool {
        let after = self.items.partition_point(|item| item.start <= span.start);
        after.checked_sub(1).and_then(|at| self.items.get(at)).is_some_and(|item| span.end <= item.end)
    }
}
