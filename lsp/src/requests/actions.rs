//! `textDocument/codeAction`.

use cascade_compiler::ide::{Action, ActionKind, find_actions};
use cascade_grammar::ast::Span;
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, TextEdit,
};

use super::View;
use crate::convert::{Converter, edit_of_file};

/// The kinds of actions that the server has.
pub(crate) fn action_kinds() -> Vec<CodeActionKind> {
    [ActionKind::QuickFix, ActionKind::Extract, ActionKind::Inline, ActionKind::Rewrite].map(kind_of).to_vec()
}

fn kind_of(kind: ActionKind) -> CodeActionKind {
    match kind {
        ActionKind::QuickFix => CodeActionKind::QUICKFIX,
        ActionKind::Extract => CodeActionKind::REFACTOR_EXTRACT,
        ActionKind::Inline => CodeActionKind::REFACTOR_INLINE,
        ActionKind::Rewrite => CodeActionKind::REFACTOR_REWRITE,
    }
}

/// The actions at a range of the document: fixes of diagnostics, then rewritings.
pub(crate) fn answer_code_actions(view: &View, params: &CodeActionParams) -> Option<CodeActionResponse> {
    let checked = view.checked()?;
    let program = checked.analysis.analysed()?;
    let selected = Span { start: view.offset(params.range.start), end: view.offset(params.range.end) };
    let project = || view.project_files().into_iter().collect();
    let found = find_actions(program, checked.source, selected, &view.sources(), &project);
    let client_file = |name: &str| view.client_file(name);
    let mut converter = Converter::new(checked.analysis, view.settings, &client_file);
    let mut answer = Vec::new();
    for action in found {
        let kind = kind_of(action.kind);
        if !is_wanted(params.context.only.as_deref(), &kind) {
            continue;
        }
        let diagnostic = action.diagnostic.and_then(|number| program.diagnostics.get(number));
        // What mends a diagnostic in the only way is preferred.
        let only = diagnostic.is_some_and(|diagnostic| diagnostic.fixes.len() == 1 && kind == CodeActionKind::QUICKFIX);
        answer.push(CodeActionOrCommand::CodeAction(CodeAction {
            diagnostics: diagnostic.map(|diagnostic| vec![converter.diagnostic(diagnostic)]),
            edit: Some(edit_of_file(view.client_file(&view.name)?, text_edits(view, &action), view.settings)),
            title: action.title,
            kind: Some(kind),
            is_preferred: Some(only),
            ..CodeAction::default()
        }));
    }
    Some(answer)
}

/// Whether a client wants a kind of actions: a kind includes those below it, `refactor` also `refactor.inline`.
fn is_wanted(only: Option<&[CodeActionKind]>, kind: &CodeActionKind) -> bool {
    let includes = |wanted: &CodeActionKind| {
        let rest = kind.as_str().strip_prefix(wanted.as_str());
        wanted.as_str().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    only.is_none_or(|only| only.iter().any(includes))
}

fn text_edits(view: &View, action: &Action) -> Vec<TextEdit> {
    let edit = |(span, text): &(Span, String)| TextEdit { range: view.range(*span), new_text: text.clone() };
    action.changes.iter().map(edit).collect()
}
