//! `textDocument/codeLens`.

use std::path::Path;

use cascade_compiler::{
    Sources,
    ide::{LensAction, lenses},
};
use serde_json::{Value, json};
use tower_lsp::ls_types::{CodeLens, Command};

use super::View;
use crate::position::LineIndex;

/// The actions above the declarations of the document, and the last runs of its cascades. Their commands belong to the client; see docs/editors.md.
pub(crate) fn answer_lenses(view: &View) -> Option<Vec<CodeLens>> {
    let uri = view.client_file(&view.name)?.uri;
    let lines = LineIndex::new(&view.text);
    let mut found = Vec::new();
    for lens in lenses(&view.sources().parse(&view.name, &view.text)) {
        let range = lines.range(&view.text, lens.span, view.settings.encoding);
        let mut add = |title: String, command: &str, arguments: Vec<Value>| {
            let command = Command { title, command: command.to_owned(), arguments: Some(arguments) };
            found.push(CodeLens { range, command: Some(command), data: None });
        };
        let (title, command) = match lens.action {
            LensAction::Run => ("▶ Run", "cascade.run"),
            LensAction::Graph => ("Graph", "cascade.graph"),
            LensAction::Test => ("▶ Test", "cascade.test"),
        };
        let arguments = vec![json!(uri.as_str()), json!(lens.name)];
        add(title.to_owned(), command, arguments.clone());
        let file = Path::new(&view.name);
        if lens.action == LensAction::Graph
            && file.is_absolute()
            && let Some(run) = view.history.last_run(file, &lens.name)
        {
            let arguments = arguments.into_iter().chain([json!(run.id)]).collect();
            add(format!("Last run: {}", run.summary), "cascade.lastRun", arguments);
        }
    }
    Some(found)
}
