//! "Did you mean …?"

/// The candidate most like `word`, if one is like enough (Damerau–Levenshtein similarity of at
/// least 0.6, the threshold that nickel found to please), or differs only by case and `_`.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let length = word.chars().count();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        if candidate == word || candidate.is_empty() {
            continue;
        }
        // Each character that one has more is a change: too different a length needs no comparison.
        let other = candidate.chars().count();
        let too_far = length.abs_diff(other) * 5 > length.max(other) * 2;
        let score = if fold(candidate) == folded {
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

fn fold(word: &str) -> String {
    word.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}
