//! The edition of the language in which a file is written.

use cascade_grammar::ast::EditionDecl;

use crate::{
    codes,
    diagnostic::Diagnostic,
    edition::{NEWEST, unknown_edition},
    world::View,
};

/// Reports an edition that this compiler does not read, or that is not the first thing of its file.
pub(crate) fn wrong_edition(view: View<'_>, edition: &EditionDecl, position: usize) -> Option<Diagnostic> {
    let number = &edition.number;
    if let Some(message) = unknown_edition(&number.text) {
        let d = view.diagnostic(codes::EDITION, number.span, message).label("not an edition that it knows");
        return Some(d.help(format!("write `cascade {NEWEST}`, or leave the line out")));
    }
    (position > 0).then(|| {
        view.diagnostic(codes::MISPLACED, number.span, "the edition stands on the first line of a file")
            .label("not here")
            .help("move it before all declarations")
    })
}
