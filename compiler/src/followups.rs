//! One mistake gives one error: what only follows from a mistake of syntax is not told.

use std::collections::HashMap;

use cascade_grammar::ast::Span;

use crate::{
    codes::{self, Code},
    diagnostic::Diagnostic,
    module::Module,
    source::{Source, SourceId, SourceMap},
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
    /// Lines with a mistake of syntax.
    lines: Vec<u32>,
    /// Declarations with one.
    items: Vec<Span>,
    /// Whether anything at all is wrong with the file.
    any: bool,
}

/// Drops diagnostics that most likely follow from others. The first `of_syntax` stay.
pub(crate) fn drop(map: &SourceMap, modules: &[Module], diagnostics: &mut Vec<Diagnostic>, of_syntax: usize) {
    let mut damage: HashMap<SourceId, Damage> = HashMap::new();
    for d in diagnostics.iter().filter(|d| d.code.as_str().starts_with('E')) {
        damage.entry(d.primary.source).or_default().any = true;
    }
    for module in modules.iter().filter(|m| !m.parse.errors.is_empty()) {
        let here = damage.entry(module.source).or_default();
        let source = map.get(module.source);
        for error in &module.parse.errors {
            here.lines.push(line(source, error.span.start));
            let holds = |s: &Span| s.start <= error.span.start && error.span.start <= s.end;
            here.items.extend(module.parse.file.items.iter().map(|item| item.span).filter(holds));
        }
    }
    let mut index = 0;
    diagnostics.retain(|d| {
        index += 1;
        index <= of_syntax || damage.get(&d.primary.source).is_none_or(|damage| !damage.explains(map, d))
    });
}

fn line(source: &Source, offset: u32) -> u32 {
    source.position(offset).0
}

impl Damage {
    fn explains(&self, map: &SourceMap, d: &Diagnostic) -> bool {
        // What reads a name may be the very thing that is wrong.
        if d.code == codes::UNUSED {
            return self.any;
        }
        let span = d.primary.span;
        let source = map.get(d.primary.source);
        let (first, last) = (line(source, span.start), line(source, span.end));
        let lost = OF_LOST_STATEMENTS.contains(&d.code)
            && self.items.iter().any(|item| item.start <= span.start && span.end <= item.end);
        lost || self.lines.iter().any(|at| first <= *at && *at <= last)
    }
}
