//! Workflow commands of GitHub Actions: `::error file=…,line=…::message`.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use cascade_ir::screen::neutralize_controls;

use crate::{diagnostic::Diagnostic, source::SourceMap};

/// One command a line.
pub fn render_annotations(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let source = sources.get(d.primary.source);
        let (line, column) = source.position(d.primary.span.start);
        let (end_line, end_column) = source.position(d.primary.span.end);
        let mut message = d.message.clone();
        if let Some(help) = &d.help {
            message.push('\n');
            message.push_str(help);
        }
        out.push_str(&format!(
            "::{} file={},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}\n",
            d.severity.as_str(),
            escape_property(&source.name),
            d.code.as_str(),
            escape_data(&message)
        ));
    }
    out
}

/// An annotation of one place that is no diagnostic, an error.
pub fn annotate_error(file: &str, line: u32, title: &str, message: &str) -> String {
    format!(
        "::error file={},line={line},title={}::{}\n",
        escape_property(file),
        escape_property(title),
        escape_data(message)
    )
}

fn escape_data(text: &str) -> String {
    neutralize_controls(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
