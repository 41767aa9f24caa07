//! Ranges of a file that follow from its syntax: what can be folded, what a selection grows to.

use cascade_grammar::{
    Parse, TokenClass,
    ast::{Block, ExprKind, ItemKind, Span},
};

use crate::walk;

/// Ranges that can be folded: what is between brackets, texts, comments on lines of their own.
pub fn folding_ranges(parse: &Parse, text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    for token in &parse.tokens {
        let span = token.span();
        match (token.class(), text.get(span.range()).unwrap_or_default()) {
            (TokenClass::Bracket, "{" | "[" | "(") => open.push(span),
            (TokenClass::Bracket, "}" | "]" | ")") => {
                found.extend(open.pop().map(|start: Span| Span { start: start.start, end: span.end }));
            }
            _ => {}
        }
    }
    for item in &parse.file.items {
        walk::walk_item(item, &mut |e| match &e.kind {
            ExprKind::Str(text) | ExprKind::Command(text) => found.push(text.span),
            _ => {}
        });
    }
    let mut comments = parse.trivia.comments.iter().filter(|comment| comment.own_line).peekable();
    while let Some(first) = comments.next() {
        let mut end = first.span.end;
        let follows = |end: u32, next: u32| {
            text.get(end as usize..next as usize)
                .is_some_and(|between| between.trim().is_empty() && between.matches('\n').count() == 1)
        };
        while let Some(next) = comments.next_if(|next| follows(end, next.span.start)) {
            end = next.span.end;
        }
        found.push(Span { start: first.span.start, end });
    }
    let lines = |span: &Span| text.get(span.range()).is_some_and(|inside| inside.contains('\n'));
    found.retain(lines);
    found.sort_unstable();
    found.dedup();
    found
}

/// The ranges around an offset, the smallest first: the word, expressions, statements, the declaration, the
/// file.
pub fn enclosing_ranges(parse: &Parse, text: &str, offset: u32) -> Vec<Span> {
    let mut found = vec![Span::new(0, text.len())];
    let token = parse.tokens.iter().map(|token| token.span());
    found.extend(token.filter(|span| span.start < span.end && span.touches(offset)));
    for item in parse.file.items.iter().filter(|item| item.span.touches(offset)) {
        found.push(item.span);
        walk::walk_item(item, &mut |e| found.push(e.span));
        match &item.kind {
            ItemKind::Cascade(decl) => add_statements(&decl.body, &mut found),
            ItemKind::Skill(decl) => found.extend(decl.body.iter().map(|line| line.span)),
            ItemKind::Test(decl) => found.extend(decl.body.iter().map(|line| line.span)),
            ItemKind::Type(decl) => found.extend(decl.fields.iter().map(|field| field.span)),
            _ => {}
        }
    }
    found.retain(|span| span.touches(offset));
    found.sort_unstable_by_key(|span| (span.end - span.start, span.start));
    found.dedup();
    // Each range must hold the one before it: two tokens may touch the offset.
    let mut nested: Vec<Span> = Vec::new();
    for span in found {
        if nested.last().is_none_or(|last| span.encloses(*last)) {
            nested.push(span);
        }
    }
    nested
}

fn add_statements(block: &Block, found: &mut Vec<Span>) {
    found.push(block.span);
    for stmt in &block.stmts {
        found.push(stmt.span);
        let mut inner = Vec::new();
        walk::blocks_of(stmt, &mut inner);
        inner.into_iter().for_each(|block| add_statements(block, found));
    }
}
