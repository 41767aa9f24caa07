//! Questions that an editor asks about a program, one a file. Nothing here knows a protocol: a
//! question is asked about a file and a byte offset, and answered with files and spans.

mod actions;
mod calls;
mod changed;
mod completion;
mod definition;
mod describe;
mod difference;
mod hints;
mod hover;
mod importing;
mod indent;
mod lenses;
mod links;
mod ranges;
mod references;
mod rename;
mod shell_words;
mod signature;
mod symbols;
mod tokens;
mod type_at;

use cascade_grammar::ast::Span;

pub use actions::{Action, ActionKind, find_actions};
pub use calls::{Callee, Calls};
pub use completion::{Completion, CompletionKind, Completions, complete};
pub use definition::{Definition, definition, implementations};
pub use describe::Description;
pub use difference::difference;
pub use hints::{TypeHint, type_hints};
pub use hover::{Hover, hover};
pub use indent::indent_line;
pub use lenses::{Lens, LensAction, lenses};
pub use links::{Link, links};
pub use ranges::{enclosing_ranges, folding_ranges};
pub use references::{Reference, references};
pub use rename::{Analysed, Change, prepare_rename, rename};
pub use signature::{SignatureHelp, signature_help};
pub use symbols::{OutlineSymbol, SymbolKind, outline_of};
pub use tokens::{SemanticToken, TokenKind, semantic_tokens};
pub use type_at::{TypeAt, type_at, type_definition, type_of};

use crate::{compile::Analysis, index::Symbol, source::SourceId};

/// A range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub source: SourceId,
    /// The range.
    pub span: Span,
}

impl Analysis {
    /// The symbols of the name at an offset, with where that name stands.
    fn symbols_at(&self, source: SourceId, offset: u32) -> Vec<(Symbol, Span)> {
        let module = self.module(source).and_then(|module| self.index.modules().get(module));
        module.map(|module| module.symbols_at(offset)).unwrap_or_default()
    }

    /// The place of a span of a module.
    fn place(&self, module: u32, span: Span) -> Place {
        Place { source: self.modules[module as usize].source, span }
    }
}
