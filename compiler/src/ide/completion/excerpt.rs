//! The declaration at the cursor in a program that was analysed before it changed.
//!
//! Who types changes one body after the other, and what the rest of the program declares stays as it is. So the
//! declaration is parsed and checked alone, in the world of the last analysis. Its new text stands behind the old
//! text of the file, in which blanks are left for it: no other place of the file moves.

use std::sync::Arc;

use cascade_grammar::{
    Parse,
    ast::{File, Item, ItemKind, Span},
    parse_from,
};

use crate::{compile::Analysis, ide::Analysed, index::TYPED_NAME};

/// A declaration, checked alone.
pub(super) struct Excerpt {
    /// The program with the declaration as it is typed; its index has the declaration's entries only.
    pub analysis: Analysis,
    /// The text to which all places refer.
    pub text: Arc<str>,
    /// The number of the module.
    pub module: usize,
    /// Where the new text of the declaration begins.
    pub start: u32,
    /// Where [`TYPED_NAME`] stands.
    pub typed: Span,
    /// Where the declaration stood before.
    pub before: Span,
    /// How many bytes longer the declaration has become, without [`TYPED_NAME`].
    pub grown: i64,
}

/// The declaration in which a word of a file is typed, if the file differs in its body only from what was
/// analysed. `None` when more has changed; then the whole file tells more.
pub(super) fn check_declaration(kept: Analysed<'_>, file: &str, text: &str, word: Span) -> Option<Excerpt> {
    let number = kept.analysis.modules.iter().position(|module| module.name == file && !module.std)?;
    let module = &kept.analysis.modules[number];
    let old = &*kept.sources.get(module.source).text;
    // The word may differ even where it does not: a text that was not changed since differs in nothing else.
    let before = old.as_bytes().iter().zip(text.get(..word.start as usize)?.as_bytes());
    let changed = before.take_while(|(a, b)| a == b).count();
    let after = old.as_bytes()[changed..].iter().rev().zip(text.get(word.end as usize..)?.as_bytes().iter().rev());
    let end = old.len() - after.take_while(|(a, b)| a == b).count();
    let items = &module.parse.file.items;
    let position = items.partition_point(|item| part_start(item) <= changed).checked_sub(1)?;
    let before_start = part_start(&items[position]);
    let before_end = items.get(position + 1).map_or(old.len(), |next| part_start(next));
    if end > before_end {
        return None;
    }
    let part = text.get(before_start..text.len() - (old.len() - before_end))?;
    let (start_in_part, end_in_part) = (word.start as usize - before_start, word.end as usize - before_start);
    // The old text with blanks in place of the declaration.
    let mut patched = String::with_capacity(old.len() + part.len() + TYPED_NAME.len() + 1);
    patched.push_str(old.get(..before_start)?);
    patched.extend(std::iter::repeat_n(' ', before_end - before_start));
    patched.push_str(old.get(before_end..)?);
    patched.push('\n');
    let start = patched.len();
    patched.push_str(part.get(..start_in_part)?);
    let typed = Span::new(patched.len(), patched.len() + TYPED_NAME.len());
    patched.push_str(TYPED_NAME);
    patched.push_str(part.get(end_in_part..)?);
    let parse = parse_from(&patched, start);
    // What cannot follow a declaration, such as a string before which the word is typed, is skipped.
    let [item, rest @ ..] = parse.file.items.as_slice() else { return None };
    if !rest.iter().all(|skipped| matches!(skipped.kind, ItemKind::Error)) {
        return None;
    }
    let same_head = |old_body: Span, new_body: Span| {
        let old_head = old.get(before_start..old_body.start as usize);
        let new_head = patched.get(start..new_body.start as usize);
        old_head.map(str::trim_end) == new_head.map(str::trim_end)
    };
    let same = same_head(body_of(&items[position])?, body_of(item)?);
    if !same || item.span.end < typed.end || !parse.file.docs.is_empty() {
        return None;
    }
    let grown = part.len() as i64 - (before_end - before_start) as i64;
    let mut items = items.clone();
    items[position] = Arc::clone(item);
    let file = File { docs: module.parse.file.docs.clone(), items };
    let text: Arc<str> = patched.into();
    let parse = Parse { file, ..parse };
    let analysis = kept.analysis.with_body(kept.sources, (number, position), Arc::clone(&text), parse);
    Some(Excerpt {
        analysis,
        text,
        module: number,
        start: start as u32,
        typed,
        before: Span::new(before_start, before_end),
        grown,
    })
}

/// Where a declaration begins, with its documentation.
pub(super) fn part_start(item: &Item) -> usize {
    item.docs.first().map_or(item.span.start, |doc| doc.span.start.min(item.span.start)) as usize
}

/// The body of a declaration whose head alone others see.
fn body_of(item: &Item) -> Option<Span> {
    match &item.kind {
        ItemKind::Fn(decl) => Some(decl.body.span()),
        ItemKind::Skill(decl) => Some(decl.body_span),
        ItemKind::Cascade(decl) => Some(decl.body.span),
        ItemKind::Test(decl) => Some(decl.body_span),
        _ => None,
    }
}
