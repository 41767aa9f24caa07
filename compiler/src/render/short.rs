//! One line per diagnostic, in the format that editors and `grep` understand.

use cascade_ir::screen::neutral_line;

use crate::{diagnostic::Diagnostic, source::SourceMap};

/// `file:line:column: error[E0201]: message`.
pub fn render_short(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let source = sources.get(d.primary.source);
        let (line, column) = source.position(d.primary.span.start);
        out.push_str(&format!(
            "{}:{line}:{column}: {}[{}]: {}\n",
            neutral_line(&source.name),
            d.severity.as_str(),
            d.code.as_str(),
            neutral_line(&d.message)
        ));
    }
    out
}
