//! `textDocument/semanticTokens/full` and `…/range`.

use cascade_compiler::ide::{SemanticToken as Token, TokenKind, semantic_tokens};
use cascade_grammar::ast::Span;
use tower_lsp::ls_types::{
    Range, SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensLegend,
};

use super::View;
use crate::position::LineIndex;

const KINDS: &[(TokenKind, SemanticTokenType)] = &[
    (TokenKind::Keyword, SemanticTokenType::KEYWORD),
    (TokenKind::Number, SemanticTokenType::NUMBER),
    (TokenKind::Operator, SemanticTokenType::OPERATOR),
    (TokenKind::Text, SemanticTokenType::STRING),
    (TokenKind::Prompt, SemanticTokenType::new("prompt")),
    (TokenKind::Shell, SemanticTokenType::new("shell")),
    (TokenKind::Hole, SemanticTokenType::new("hole")),
    (TokenKind::Type, SemanticTokenType::TYPE),
    (TokenKind::Enum, SemanticTokenType::ENUM),
    (TokenKind::Variant, SemanticTokenType::ENUM_MEMBER),
    (TokenKind::Field, SemanticTokenType::PROPERTY),
    (TokenKind::Parameter, SemanticTokenType::PARAMETER),
    (TokenKind::Variable, SemanticTokenType::VARIABLE),
    (TokenKind::Function, SemanticTokenType::FUNCTION),
    (TokenKind::Skill, SemanticTokenType::new("skill")),
    (TokenKind::Method, SemanticTokenType::METHOD),
    (TokenKind::Model, SemanticTokenType::new("model")),
    (TokenKind::Module, SemanticTokenType::NAMESPACE),
    (TokenKind::Store, SemanticTokenType::new("store")),
    (TokenKind::Word, SemanticTokenType::new("word")),
];

/// The names of the kinds and of the marks.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: KINDS.iter().map(|(_, name)| name.clone()).collect(),
        token_modifiers: vec![
            SemanticTokenModifier::DECLARATION,
            SemanticTokenModifier::new("untrusted"),
            SemanticTokenModifier::new("secret"),
        ],
    }
}

/// The tokens of the document, or those in a range of it.
pub(crate) fn answer(view: &View, range: Option<Range>) -> Option<SemanticTokens> {
    let checked = view.checked()?;
    let tokens = semantic_tokens(checked.compiled, checked.source);
    let lines = LineIndex::new(&view.text);
    let wanted = range.map(|range| Span { start: view.offset(range.start), end: view.offset(range.end) });
    let is_wanted = |token: &&Token| wanted.is_none_or(|w| w.start < token.span.end && token.span.start < w.end);
    let mut data = Vec::new();
    let (mut line, mut character) = (0, 0);
    for token in tokens.iter().filter(is_wanted) {
        let kind = KINDS.iter().position(|(kind, _)| *kind == token.kind)? as u32;
        let modifiers = [token.declaration, token.untrusted, token.secret];
        let modifiers = modifiers.iter().enumerate().map(|(bit, is_set)| u32::from(*is_set) << bit).sum();
        // The protocol has no token of several lines.
        let text = view.text.get(token.span.range()).unwrap_or_default();
        let mut start = token.span.start;
        for part in text.split_inclusive('\n') {
            let shown = part.trim_end_matches(['\n', '\r']);
            let span = Span { start, end: start + shown.len() as u32 };
            start += part.len() as u32;
            if shown.is_empty() {
                continue;
            }
            let place = lines.range(&view.text, span, view.settings.encoding);
            let delta_start =
                if place.start.line == line { place.start.character - character } else { place.start.character };
            data.push(SemanticToken {
                delta_line: place.start.line - line,
                delta_start,
                length: place.end.character.saturating_sub(place.start.character),
                token_type: kind,
                token_modifiers_bitset: modifiers,
            });
            (line, character) = (place.start.line, place.start.character);
        }
    }
    Some(SemanticTokens { result_id: None, data })
}
