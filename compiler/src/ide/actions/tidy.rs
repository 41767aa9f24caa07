//! Applies changes to a text and formats the declarations that they touch.

use cascade_grammar::{
    Parse,
    ast::{Item, Span},
};

use crate::{format, ide::difference};

/// The text with changes, which must be sorted and apart, and the changes that lead to it. A declaration that was in
/// the canonical style is so afterwards; one that was not keeps its lines. `None` for changes that fit nowhere.
pub(super) fn apply_changes(
    text: &str,
    parse: &Parse,
    changes: &[(Span, String)],
) -> Option<(String, Vec<(Span, String)>)> {
    let mut after = String::with_capacity(text.len());
    let mut done = 0;
    // Where the new texts stand in the result.
    let mut touched = Vec::new();
    for (span, replacement) in changes {
        after.push_str(text.get(done..span.start as usize)?);
        let start = after.len();
        after.push_str(replacement);
        touched.push(Span::new(start, after.len()));
        done = span.end as usize;
    }
    after.push_str(text.get(done..)?);
    let after_parse = cascade_grammar::parse(&after);
    let is_touched = |item: &Item| touched.iter().any(|t| t.start <= item.span.end && item_span(item).start <= t.end);
    let unchanged = |item: &Item| -> bool {
        let change = |(span, _): &(Span, String)| span.start <= item.span.end && item_span(item).start <= span.end;
        !changes.iter().any(change)
    };
    // One declaration more or less does not count: what the author wrote in another style stays so.
    let mut styled = parse.file.items.iter().filter(|item| !unchanged(item));
    let in_style = styled.all(|item| format_item(text, item).is_some_and(|new| new == text[item_span(item).range()]));
    let mut formatted_after = after.clone();
    if in_style {
        for item in after_parse.file.items.iter().rev().filter(|item| is_touched(item)) {
            if let Some(new) = format_item(&after, item) {
                formatted_after.replace_range(item_span(item).range(), &new);
            }
        }
    }
    // What is in style already changes no more than it has to.
    let changes = if formatted_after == after {
        changes.to_vec()
    } else {
        difference(text, &formatted_after).into_iter().collect()
    };
    Some((formatted_after, changes))
}

/// A declaration with its documentation.
fn item_span(item: &Item) -> Span {
    let start = item.docs.first().map_or(item.span.start, |doc| doc.span.start);
    Span { start, end: item.span.end }
}

/// The declaration in the canonical style; `None` if it has syntax errors.
fn format_item(text: &str, item: &Item) -> Option<String> {
    let alone = text.get(item_span(item).range())?;
    let new = format::format(alone, &cascade_grammar::parse(alone))?;
    Some(new.trim_end().to_owned())
}
