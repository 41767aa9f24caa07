//! The difference of two texts.

use cascade_grammar::ast::Span;

/// The change from one text to another: the lines that differ, from the first to the last, so that an editor keeps its
/// cursor, folds and marks. `None` if the texts are equal.
pub fn difference(before: &str, after: &str) -> Option<(Span, String)> {
    if before == after {
        return None;
    }
    let pairs = before.split_inclusive('\n').zip(after.split_inclusive('\n'));
    let head: usize = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
    let (before_rest, after_rest) = (&before[head..], &after[head..]);
    let pairs = before_rest.split_inclusive('\n').rev().zip(after_rest.split_inclusive('\n').rev());
    let tail: usize = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
    Some((Span::new(head, before.len() - tail), after_rest[..after_rest.len() - tail].to_owned()))
}
