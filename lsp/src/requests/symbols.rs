//! `textDocument/documentSymbol` and `workspace/symbol`.

use cascade_compiler::{
    Sources,
    ide::{OutlineSymbol, SymbolKind as Kind, outline_of},
};
use tower_lsp::ls_types::{
    DocumentSymbol, DocumentSymbolResponse, Location, OneOf, SymbolKind, WorkspaceSymbol, WorkspaceSymbolParams,
    WorkspaceSymbolResponse,
};

use super::View;
use crate::position::LineIndex;

/// How many symbols of a project are given at most.
const MOST: usize = 500;

/// The declarations of the document, as a tree.
pub(crate) fn answer_symbols(view: &View) -> Option<DocumentSymbolResponse> {
    let parse = view.sources().parse(&view.name, &view.text);
    let lines = LineIndex::new(&view.text);
    let symbols = outline_of(&parse).into_iter().map(|symbol| document_symbol(view, &lines, symbol));
    Some(DocumentSymbolResponse::Nested(symbols.collect()))
}

fn document_symbol(view: &View, lines: &LineIndex, symbol: OutlineSymbol) -> DocumentSymbol {
    let range = |span| lines.range(&view.text, span, view.settings.encoding);
    let children: Vec<_> = symbol.children.into_iter().map(|child| document_symbol(view, lines, child)).collect();
    #[allow(deprecated)] // a field that the protocol has replaced by `tags` must be given
    DocumentSymbol {
        name: symbol.name,
        detail: None,
        kind: symbol_kind(symbol.kind),
        tags: None,
        deprecated: None,
        range: range(symbol.span),
        selection_range: range(symbol.name_span),
        children: (!children.is_empty()).then_some(children),
    }
}

/// The declarations of all files of the project whose names have the letters of the query, in their order.
pub(crate) fn answer_workspace(view: &View, params: &WorkspaceSymbolParams) -> Option<WorkspaceSymbolResponse> {
    let sources = view.sources();
    let mut found = Vec::new();
    for name in view.project_files() {
        let Ok(text) = sources.read(&name) else { continue };
        let Some(file) = view.client_file(&name) else { continue };
        let lines = LineIndex::new(&text);
        for symbol in outline_of(&sources.parse(&name, &text)) {
            if !matches_query(&symbol.name, &params.query) {
                continue;
            }
            let range = lines.range(&text, symbol.name_span, view.settings.encoding);
            found.push(WorkspaceSymbol {
                name: symbol.name,
                kind: symbol_kind(symbol.kind),
                tags: None,
                container_name: None,
                location: OneOf::Left(Location::new(file.uri.clone(), range)),
                data: None,
            });
            if found.len() == MOST {
                return Some(WorkspaceSymbolResponse::Nested(found));
            }
        }
    }
    Some(WorkspaceSymbolResponse::Nested(found))
}

/// Whether a name has the letters of a query in their order, whatever their case.
fn matches_query(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}

pub(super) fn symbol_kind(kind: Kind) -> SymbolKind {
    match kind {
        Kind::Type => SymbolKind::STRUCT,
        Kind::Enum => SymbolKind::ENUM,
        Kind::Variant => SymbolKind::ENUM_MEMBER,
        Kind::Field => SymbolKind::FIELD,
        Kind::Model => SymbolKind::CLASS,
        Kind::Skill | Kind::Fn => SymbolKind::FUNCTION,
        Kind::Constant => SymbolKind::CONSTANT,
        Kind::Memory => SymbolKind::OBJECT,
        Kind::Cascade => SymbolKind::MODULE,
        Kind::Stage => SymbolKind::VARIABLE,
        Kind::Test => SymbolKind::METHOD,
    }
}
