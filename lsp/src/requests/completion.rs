//! `textDocument/completion`.

use cascade_compiler::ide::{Completion, CompletionKind, complete};
use tower_lsp::ls_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, CompletionList, CompletionParams, CompletionResponse,
    CompletionTextEdit, Documentation, InsertTextFormat, MarkupContent, MarkupKind, TextEdit,
};

use super::View;
use crate::{analysis::Analysis, position::LineIndex};

/// The characters after which a client asks by itself.
pub(crate) const TRIGGERS: &[&str] = &[".", "<", "\"", "/", "@"];

/// What can be written at a position. It is computed from the text, with the help of the last analysis, and waits
/// for no new one.
pub(crate) fn answer_completion(view: &View, params: &CompletionParams) -> Option<CompletionResponse> {
    let offset = view.offset(params.text_document_position.position);
    let kept = view.kept.as_deref().and_then(Analysis::analysed);
    let found = complete(&view.name, &view.text, offset, &view.sources(), kept);
    let lines = LineIndex::new(&view.text);
    let range = |span| lines.range(&view.text, span, view.settings.encoding);
    let replace = range(found.replace);
    let items = found.entries.into_iter().enumerate().map(|(rank, entry)| {
        let additional = entry.also.iter().map(|(span, text)| TextEdit { range: range(*span), new_text: text.clone() });
        let additional: Vec<_> = additional.collect();
        let (text, is_snippet) = inserted_text(&entry, view.settings.snippets);
        CompletionItem {
            kind: Some(item_kind(entry.kind)),
            detail: (!entry.detail.is_empty()).then_some(entry.detail),
            documentation: (!entry.documentation.is_empty()).then_some(Documentation::MarkupContent(MarkupContent {
                kind: MarkupKind::Markdown,
                value: entry.documentation,
            })),
            tags: entry.deprecated.then(|| vec![CompletionItemTag::DEPRECATED]),
            // Clients sort by this text: the best entries come first.
            sort_text: Some(format!("{rank:05}")),
            // A path has signs that clients do not count to the word before the cursor.
            filter_text: Some(text_to_filter(&entry.label, &text, is_snippet)),
            insert_text_format: is_snippet.then_some(InsertTextFormat::SNIPPET),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range: replace, new_text: text })),
            additional_text_edits: (!additional.is_empty()).then_some(additional),
            label: entry.label,
            ..CompletionItem::default()
        }
    });
    Some(CompletionResponse::List(CompletionList { is_incomplete: found.cut, items: items.collect() }))
}

/// What is written, and whether it is a snippet. Clients without snippets get the name alone.
fn inserted_text(entry: &Completion, snippets: bool) -> (String, bool) {
    match (entry.snippet, snippets) {
        (true, true) => (entry.insert.clone(), true),
        (true, false) => (entry.label.clone(), false),
        (false, _) => (entry.insert.clone(), false),
    }
}

fn text_to_filter(label: &str, inserted: &str, is_snippet: bool) -> String {
    if is_snippet { label.to_owned() } else { inserted.to_owned() }
}

fn item_kind(kind: CompletionKind) -> CompletionItemKind {
    match kind {
        CompletionKind::Keyword => CompletionItemKind::KEYWORD,
        CompletionKind::Variable => CompletionItemKind::VARIABLE,
        CompletionKind::Field => CompletionItemKind::FIELD,
        CompletionKind::Variant => CompletionItemKind::ENUM_MEMBER,
        CompletionKind::Type => CompletionItemKind::STRUCT,
        CompletionKind::Enum => CompletionItemKind::ENUM,
        CompletionKind::Function => CompletionItemKind::FUNCTION,
        CompletionKind::Method => CompletionItemKind::METHOD,
        CompletionKind::Model => CompletionItemKind::CLASS,
        CompletionKind::Module => CompletionItemKind::MODULE,
        CompletionKind::Store => CompletionItemKind::INTERFACE,
        CompletionKind::Property => CompletionItemKind::PROPERTY,
        CompletionKind::Word => CompletionItemKind::VALUE,
        CompletionKind::File => CompletionItemKind::FILE,
        CompletionKind::Folder => CompletionItemKind::FOLDER,
    }
}
