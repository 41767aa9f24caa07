//! `textDocument/codeLens`.

use cascade_compiler::{
    Sources,
    ide::{LensAction, lenses},
};
use serde_json::json;
use tower_lsp::ls_types::{CodeLens, Command};

use super::View;
use crate::position::LineIndex;

/// The actions above the declarations of the document. Their commands belong to the client; see docs/editors.md.
pub(crate) fn answer(view: &View) -> Option<Vec<CodeLens>> {
    let uri = view.client_file(&view.name)?.uri;
    let lines = LineIndex::new(&view.text);
    let found = lenses(&view.sources().parse(&view.name, &view.text)).into_iter().map(|lens| {
        let (title, command) = match lens.action {
            LensAction::Run => ("▶ Run", "cascade.run"),
            LensAction::Graph => ("Graph", "cascade.graph"),
            LensAction::Test => ("▶ Test", "cascade.test"),
        };
        let arguments = vec![json!(uri.as_str()), json!(lens.name)];
        let command = Command { title: title.to_owned(), command: command.to_owned(), arguments: Some(arguments) };
        let range = lines.range(&view.text, lens.span, view.settings.encoding);
        CodeLens { range, command: Some(command), data: None }
    });
    Some(found.collect())
}
