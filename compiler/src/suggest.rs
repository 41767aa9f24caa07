//! "Did you mean …?"

use cascade_grammar::ast::Span;

use crate::diagnostic::Diagnostic;

/// The candidate most like `word`, if one is like enough (Damerau–Levenshtein similarity of at
/// least 0.6, the threshold that nickel found to please), or differs only by case and `_`.
pub fn closest_name<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold_case(word);
    let length = word.chars().count();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        if candidate == word || candidate.is_empty() {
            continue;
        }
        // Each character that one has more is a change: too different a length needs no comparison.
        let other = candidate.chars().count();
        let too_far = length.abs_diff(other) * 5 > length.max(other) * 2;
        let score = if fold_case(candidate) == folded {
            1.0
        } else if too_far {
            0.0
        } else {
            strsim::normalized_damerau_levenshtein(word, candidate)
        };
        if score >= 0.6 && best.is_none_or(|(s, c)| score > s || (score == s && candidate < c)) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, c)| c)
}

/// Adds "did you mean" with its fix, when something is near.
pub(crate) fn with_suggestion<'n>(
    d: Diagnostic,
    name: &str,
    span: Span,
    candidates: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    match closest_name(name, candidates) {
        Some(near) => {
            let near = near.to_owned();
            d.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => d,
    }
}

/// How many names a message lists at most.
const MAX_LISTED: usize = 32;

/// "`a`, `b` and `c`", for messages.
pub(crate) fn quoted_list<'n>(list: impl Iterator<Item = &'n str>) -> String {
    let mut list: Vec<String> = list.map(|n| format!("`{n}`")).collect();
    if list.len() > MAX_LISTED {
        let more = list.len() - MAX_LISTED + 1;
        list.truncate(MAX_LISTED - 1);
        list.push(format!("{more} more"));
    }
    match list.as_slice() {
        [] => "nothing".into(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

fn fold_case(word: &str) -> String {
    word.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}
