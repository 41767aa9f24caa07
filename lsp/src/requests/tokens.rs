//! `textDocument/semanticTokens/full`, `…/full/delta` and `…/range`.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use cascade_compiler::ide::{SemanticToken as Token, TokenKind, semantic_tokens};
use cascade_grammar::ast::Span;
use tower_lsp::ls_types::{
    Range, SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensDelta,
    SemanticTokensEdit, SemanticTokensFullDeltaResult, SemanticTokensLegend,
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
    (TokenKind::ShellProgram, SemanticTokenType::new("program")),
    (TokenKind::ShellOption, SemanticTokenType::new("option")),
    (TokenKind::ShellArgument, SemanticTokenType::new("argument")),
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
pub(crate) fn tokens_legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: KINDS.iter().map(|(_, name)| name.clone()).collect(),
        token_modifiers: vec![
            SemanticTokenModifier::DECLARATION,
            SemanticTokenModifier::new("untrusted"),
            SemanticTokenModifier::new("secret"),
        ],
    }
}

/// The answer that a client has, which a later one can be told by its difference to.
#[derive(Debug, Default)]
pub(crate) struct SentTokens(Mutex<Option<(String, Vec<SemanticToken>)>>);

impl SentTokens {
    /// Remembers an answer under a name of its own, and gives the one before.
    fn replace(&self, data: &[SemanticToken]) -> (String, Option<(String, Vec<SemanticToken>)>) {
        // No other document, and no other time that this one was open, has the same name.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sent.replace((id.clone(), data.to_vec()));
        (id, before)
    }
}

/// All tokens of the document.
pub(crate) fn answer_tokens(view: &View) -> Option<SemanticTokens> {
    let data = tokens_in(view, None)?;
    let (id, _) = view.tokens.replace(&data);
    Some(SemanticTokens { result_id: Some(id), data })
}

/// The tokens of the document by their difference to an answer before; all of them if that is not known any more.
pub(crate) fn answer_delta(view: &View, previous: &str) -> Option<SemanticTokensFullDeltaResult> {
    let data = tokens_in(view, None)?;
    let (id, before) = view.tokens.replace(&data);
    let before = before.filter(|(id, _)| id == previous);
    Some(match before {
        Some((_, before)) => {
            let edits = token_edits(&before, data);
            SemanticTokensFullDeltaResult::TokensDelta(SemanticTokensDelta { result_id: Some(id), edits })
        }
        None => SemanticTokensFullDeltaResult::Tokens(SemanticTokens { result_id: Some(id), data }),
    })
}

/// The edit from one list to another, without what both begin and end with. Places are counted in numbers, of which a
/// token has five.
fn token_edits(before: &[SemanticToken], mut after: Vec<SemanticToken>) -> Vec<SemanticTokensEdit> {
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (rest_before, rest_after) = (&before[head..], &after[head..]);
    let tail = rest_before.iter().rev().zip(rest_after.iter().rev()).take_while(|(a, b)| a == b).count();
    let (start, deleted) = (head as u32 * 5, (rest_before.len() - tail) as u32 * 5);
    after.truncate(after.len() - tail);
    let data = after.split_off(head);
    if deleted == 0 && data.is_empty() {
        return Vec::new();
    }
    vec![SemanticTokensEdit { start, delete_count: deleted, data: Some(data) }]
}

/// The tokens in a range of the document.
pub(crate) fn answer_range(view: &View, range: Range) -> Option<SemanticTokens> {
    Some(SemanticTokens { result_id: None, data: tokens_in(view, Some(range))? })
}

fn tokens_in(view: &View, range: Option<Range>) -> Option<Vec<SemanticToken>> {
    let checked = view.checked()?;
    let tokens = semantic_tokens(checked.compiled, checked.source, &view.text);
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
    Some(data)
}
