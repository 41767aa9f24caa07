//! Words and numbers that prose states: `The answer is **two**.`, `Verdict: approve`. A word that is
//! only mentioned, denied or bound to a condition is not stated.

use super::words::fold_word;

/// Words that deny a statement, doubt it, or bind it to a condition.
const DOUBTS: &[&str] = &[
    "not",
    "no",
    "never",
    "none",
    "neither",
    "nor",
    "without",
    "cannot",
    "cant",
    "dont",
    "doesnt",
    "didnt",
    "isnt",
    "arent",
    "wasnt",
    "werent",
    "wont",
    "wouldnt",
    "couldnt",
    "shouldnt",
    "hasnt",
    "havent",
    "if",
    "unless",
    "until",
    "would",
    "could",
    "might",
    "may",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "whether",
    "rather",
    "instead",
    "except",
    "provided",
    "assuming",
    "assume",
    "suppose",
    "once",
    "when",
    "before",
    "after",
    "but",
    "however",
    "although",
    "though",
    "unlikely",
    "hardly",
    "barely",
    "refuse",
    "refused",
    "decline",
    "fail",
    "fails",
    "failed",
    "unable",
    "hesitate",
    "against",
    "far",
    "or",
    "either",
    "otherwise",
    "pending",
    "depends",
    "unsure",
    "unclear",
    "example",
    "wrong",
    "incorrect",
    "tempted",
    "only",
    "almost",
    "nearly",
    "hypothetically",
    "impossible",
    "different",
    "opposite",
    "aint",
    "anything",
    "nobody",
    "nothing",
    "reluctant",
    "doubt",
    "avoid",
    "eg",
    "was",
    "were",
    "had",
    "they",
    "he",
    "she",
    "previously",
    "draft",
    "others",
    "someone",
];
/// What stands before a stated word.
const STATES: &[&str] = &[
    "is",
    "as",
    "be",
    "choose",
    "pick",
    "select",
    "answer",
    "verdict",
    "result",
    "decision",
    "conclusion",
    "say",
    "i",
    "vote",
    "equals",
    "classification",
    "category",
    "label",
    "output",
];
/// Words between a statement and the word.
const ARTICLES: &[&str] =
    &["a", "an", "the", "for", "to", "with", "therefore", "thus", "hence", "clearly", "definitely"];
/// The last words of labels before a colon.
const LABELS: &[&str] = &[
    "answer",
    "verdict",
    "result",
    "decision",
    "conclusion",
    "output",
    "value",
    "classification",
    "category",
    "label",
    "choice",
    "response",
    "score",
    "rating",
    "total",
    "number",
    "count",
    "recommendation",
    "sentiment",
    "priority",
    "severity",
    "status",
    "type",
    "class",
    "sum",
    "as",
    "is",
];

/// A word of a text: without case and accents, with its place, and whether a sentence ends after it.
struct Word {
    folded: String,
    ends_sentence: bool,
    ends_clause: bool,
}

/// Splits a text into words; an apostrophe belongs to its word and is dropped.
fn split_words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    for part in text.split(|c: char| c.is_whitespace() || c == '_' || c == '\u{a0}' || "/|\u{2014}\u{2013}".contains(c))
    {
        for piece in part.split_inclusive(['-', ',', ';', ':', '.', '!', '?', '(', ')', '"', '=']) {
            let word: String =
                piece.chars().filter(|c| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(c)).collect();
            if !word.is_empty() {
                out.push(Word { folded: fold_word(&word), ends_sentence: false, ends_clause: false });
            }
            let Some(last) = out.last_mut() else { continue };
            last.ends_clause |= word.is_empty() && piece == "-";
            last.ends_sentence |= piece.ends_with(['.', '!', '?', ';']);
            last.ends_clause |= piece.ends_with(['.', '!', '?', ';', ',', ':', '(', ')', '"']);
        }
    }
    out
}

fn has_doubt(words: &[Word]) -> bool {
    words.iter().any(|w| DOUBTS.contains(&w.folded.as_str()))
}

fn name_words(name: &str) -> Vec<String> {
    split_words(name).into_iter().map(|w| w.folded).collect()
}

/// Where a text mentions names: the name's index and the range of words. The longest name counts.
fn find_mentions(words: &[Word], names: &[&str]) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut names: Vec<(usize, Vec<String>)> = names.iter().map(|n| name_words(n)).enumerate().collect();
    names.retain(|(_, parts)| !parts.is_empty());
    names.sort_by_key(|(_, parts)| std::cmp::Reverse(parts.len()));
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let here = names.iter().find(|(_, parts)| {
            words.get(at..at + parts.len()).is_some_and(|w| w.iter().zip(parts).all(|(w, p)| w.folded == *p))
        });
        match here {
            Some((index, parts)) => {
                found.push((*index, at..at + parts.len()));
                at += parts.len();
            }
            None => at += 1,
        }
    }
    found
}

/// The parts of a text that state its answer: the whole text, lines of their own, and what stands
/// after a label, the last first.
fn split_statements(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for line in text.lines().rev() {
        let line = line.trim().trim_start_matches(['-', '*', '>', '#', '•', ' ']);
        if let Some((label, rest)) = line.split_once(':').or_else(|| line.split_once('='))
            && is_label(label)
        {
            out.push(rest.trim());
        }
    }
    out
}

fn is_label(label: &str) -> bool {
    let words = split_words(label);
    words.len() <= 4 && !has_doubt(&words) && words.last().is_some_and(|w| LABELS.contains(&w.folded.as_str()))
}

/// The lines of a text without fences and marks of lists.
fn text_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.trim().trim_start_matches(['-', '*', '>', '#', '•', ' ']).trim())
        .filter(|line| !line.is_empty() && !line.starts_with("```"))
}

/// Of several parts that mean the same, what they mean.
fn agree_on_one<T: PartialEq>(found: impl Iterator<Item = T>) -> Option<Result<T, ()>> {
    let mut first = None;
    for next in found {
        match &first {
            None => first = Some(next),
            Some(known) if *known == next => {}
            Some(_) => return Some(Err(())),
        }
    }
    first.map(Ok)
}

/// The name that a text states.
pub(crate) fn stated_word<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let exact = |part: &str| super::words::same_word(part, names);
    if let Some(name) = exact(text) {
        return Some(name);
    }
    let labelled =
        split_statements(text).into_iter().filter_map(|part| exact(part).or_else(|| leading_name(part, names)));
    if let Some(agreed) = agree_on_one(labelled) {
        return agreed.ok();
    }
    let words = split_words(text);
    let found = find_mentions(&words, names);
    let (first, _) = found.first()?;
    if found.iter().any(|(index, _)| index != first) {
        return None;
    }
    let name = *names.get(*first)?;
    let is_in_name = |at: usize| {
        let next = found.partition_point(|(_, range)| range.end <= at);
        found.get(next).is_some_and(|(_, range)| range.contains(&at))
    };
    let first_doubt = (0..words.len())
        .find(|at| DOUBTS.contains(&words[*at].folded.as_str()) && !is_in_name(*at))
        .unwrap_or(words.len());
    let stated = found.iter().take_while(|(_, range)| range.start <= first_doubt).any(|(_, range)| {
        let ends = words[range.end - 1..].iter().position(|w| w.ends_sentence);
        if first_doubt < ends.map_or(words.len(), |i| range.end + i) {
            return false;
        }
        let before = words[..range.start].iter().rev().map(|w| w.folded.as_str()).find(|w| !ARTICLES.contains(w));
        let after = words.get(range.end).map(|w| w.folded.as_str());
        let clause_ends = words[range.end - 1].ends_clause || range.end == words.len();
        match before {
            None => {
                is_at_start(range.start, &words)
                    && (clause_ends || matches!(after, Some("is" | "because" | "since" | "as")))
            }
            Some("i") => true,
            Some(word) => STATES.contains(&word) && (clause_ends || matches!(after, Some("because" | "since" | "as"))),
        }
    });
    // A line of its own states its word, unless doubt stands before it.
    let last = found.last().map_or(0, |(_, range)| range.start);
    let on_own_line = || last <= first_doubt && text_lines(text).any(|line| exact(line).is_some());
    (!text.contains('?') && (stated || on_own_line())).then_some(name)
}

fn is_at_start(start: usize, words: &[Word]) -> bool {
    words[..start].iter().all(|w| ARTICLES.contains(&w.folded.as_str()))
}

/// The name at the start of a labelled part, if an explanation follows that takes nothing back.
fn leading_name<'n>(part: &str, names: &[&'n str]) -> Option<&'n str> {
    let words = split_words(part);
    let found = find_mentions(&words, names);
    let (index, range) = found.first()?;
    let alone = found.iter().all(|(other, _)| other == index);
    let follows = words.get(range.end).map(|w| w.folded.as_str());
    let delimited = words[range.end - 1].ends_clause || matches!(follows, None | Some("because" | "since" | "as"));
    (range.start == 0 && alone && delimited && !has_doubt(&words[range.end..])).then(|| names[*index])
}

/// The number that a text states, as it is written.
pub(crate) fn stated_number(text: &str) -> Option<&str> {
    let is_number = |part: &str| super::words::read_number(part).is_some();
    let marks: &[char] = &['*', '`', '"', '\'', ' ', '\t', '\r', '\n'];
    let whole = text.trim_matches(marks);
    if is_number(whole) {
        return Some(whole);
    }
    let labelled =
        split_statements(text).into_iter().map(|part| part.trim_matches(marks)).filter(|part| is_number(part));
    if let Some(agreed) = agree_on_one(labelled) {
        return agreed.ok();
    }
    if text.contains('?') {
        return None;
    }
    // Otherwise there is exactly one number, in a line of its own or at the end of its sentence.
    let mut numbers = text
        .split(|c: char| c.is_whitespace() || "()[]{}:;=".contains(c))
        .filter(|part| part.contains(|c: char| c.is_ascii_digit()))
        .map(|part| part.trim_matches(marks));
    let (only, None) = (numbers.next()?, numbers.next()) else { return None };
    let bare = only.trim_end_matches([',', '.', '!']).trim_matches(marks);
    if !is_number(bare) {
        return None;
    }
    let at = text.find(bare)?;
    let (before, after) = (split_words(&text[..at]), &text[at + bare.len()..]);
    if has_doubt(&before) {
        return None;
    }
    let after = after.trim_start_matches(['*', '`', '"', '\'']);
    let rest = split_words(after);
    let ends = after.trim().is_empty()
        || after.starts_with(['.', ',', '!', '\n', ';'])
        || matches!(rest.first().map(|w| w.folded.as_str()), Some("is" | "because" | "since"));
    let stated = match before.last().map(|w| w.folded.as_str()) {
        None => true,
        Some(word) => {
            STATES.contains(&word) && word != "i"
                || LABELS.contains(&word)
                || text_lines(text).any(|line| line.trim_matches(marks) == only)
        }
    };
    (ends && stated && !has_doubt(&rest)).then_some(bare)
}
