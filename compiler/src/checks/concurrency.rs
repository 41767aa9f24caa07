//! Concurrency: what parallel branches would do to each other.

use cascade_grammar::ast::Name;

use crate::{codes, elab::body::Body};

impl<'a> Body<'_, 'a> {
    /// Reports a variable from outside that a parallel branch assigns.
    pub fn parallel_write(&mut self, name: &Name, index: u32) {
        let span = self.locals[index as usize].span;
        let source = self.source();
        let d = self
            .diag(
                codes::PARALLEL_WRITE,
                name.span,
                format!("parallel branches would overwrite each other's `{}`", name.text),
            )
            .label("assigned from a parallel branch")
            .also(source, span, "declared outside")
            .help("let each branch give a value, and join them after the block");
        self.report(d);
    }
}
