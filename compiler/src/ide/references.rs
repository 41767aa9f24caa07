//! Every place that names what the name under the cursor stands for.

use super::Place;
use crate::{compile::Analysis, index::Symbol, source::SourceId};

/// A place that names a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The name.
    pub place: Place,
    /// Whether the symbol is defined there.
    pub definition: bool,
}

/// The definition and all uses of what the name at an offset stands for, sorted by place. Names
/// that the language gives have none.
pub fn references(analysis: &Analysis, source: SourceId, offset: u32) -> Vec<Reference> {
    let mut found = Vec::new();
    for (symbol, _) in analysis.symbols_at(source, offset) {
        if matches!(symbol, Symbol::Builtin(_) | Symbol::Missing) {
            continue;
        }
        let defined = analysis.index.definitions(symbol).map(|place| (place, true));
        let used = analysis.index.uses(symbol).map(|place| (place, false));
        found.extend(
            defined
                .chain(used)
                .map(|((module, span), definition)| Reference { place: analysis.place(module, span), definition }),
        );
    }
    found.sort_unstable_by_key(|reference| (reference.place, !reference.definition));
    found.dedup_by_key(|reference| reference.place);
    found
}
