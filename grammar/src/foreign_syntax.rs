//! Syntax of other languages, recognised by the tokens around an unexpected one, with the Cascade
//! syntax to write instead.

use crate::ast::Span;
use crate::{SyntaxError, SyntaxErrorKind};

/// What could stand where the token stands.
pub(crate) struct Place {
    pub declaration: bool,
    pub expression: bool,
    pub operator: bool,
    pub block: bool,
    pub name: bool,
}

/// Keywords of other languages, and what Cascade has instead.
const WORDS: &[(&str, &str)] = &[
    ("while", "a loop says how often it runs at most: `repeat max 10 { … } until done`"),
    ("loop", "a loop says how often it runs at most: `repeat max 10 { … } until done`"),
    ("try", "a stage says what happens when it fails: `on error skip`, `on error fallback explain()`"),
    ("catch", "a stage says what happens when it fails: `on error skip`, `on error fallback explain()`"),
    ("except", "a stage says what happens when it fails: `on error skip`, `on error fallback explain()`"),
    ("finally", "the end of a cascade has `on success`, `on failure` and `on cancel`"),
    ("switch", "write `match x { 1 -> … }`"),
    ("case", "an arm begins with its pattern: `1 -> …`"),
    ("default", "the default arm is `_ -> …`"),
    ("await", "a stage waits by itself: `stage a = go()`"),
    ("async", "what runs at once stands in `parallel { … }`"),
    ("throw", "write `fail \"message\"`"),
    ("raise", "write `fail \"message\"`"),
    ("lambda", "a lambda is written `|x| …`"),
    ("new", "a value is written `{ field: value }` where its type is expected"),
    ("del", "values do not change"),
    ("assert", "write `gate condition, \"message\"`"),
];

/// Keywords that are reported only when the keyword before them (`try`, `switch`) was not.
const FOLLOWS: &[(&str, &str)] =
    &[("catch", "try"), ("except", "try"), ("finally", "try"), ("case", "switch"), ("default", "switch")];

const TYPES: &[&str] = &["int", "string", "float", "bool", "path", "json", "duration", "money", "str", "number"];

fn explain(message: String, help: &str, span: Span) -> Option<SyntaxError> {
    Some(SyntaxError { kind: SyntaxErrorKind::Other { message, help: Some(help.to_owned()), instead: None }, span })
}

fn no_such_word(word: &str) -> String {
    format!("there is no `{word}`")
}

/// Whether the error is the continuation of a construct that an earlier error reports (`catch` after `try`).
pub(crate) fn follows_from_earlier(kind: &SyntaxErrorKind, before: &[SyntaxError]) -> bool {
    let SyntaxErrorKind::Other { message, .. } = kind else { return false };
    FOLLOWS.iter().any(|(word, first)| {
        *message == no_such_word(word)
            && before
                .iter()
                .any(|e| matches!(&e.kind, SyntaxErrorKind::Other { message, .. } if *message == no_such_word(first)))
    })
}

/// Whether errors of this kind are reported once a line only.
pub(crate) fn is_reported_once_a_line(kind: &SyntaxErrorKind) -> bool {
    let SyntaxErrorKind::Other { message, .. } = kind else { return false };
    ["there is no `", "a variant has no number", "a statement ends with its line"]
        .iter()
        .any(|m| message.starts_with(m))
}

/// The word that a text ends with; empty when it ends with something else.
fn last_word(text: &str) -> &str {
    let start = text
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[start..]
}

/// The error that explains the Cascade syntax, when the token at `span` comes from another language.
pub(crate) fn foreign_syntax_error(text: &str, span: Span, place: &Place) -> Option<SyntaxError> {
    let at = &text[span.start as usize..];
    let found = &text[span.range()];
    let before = text[..span.start as usize].trim_end();
    let line = crate::errors::line_start(before, before.len()).map_or("", |start| &before[start..]);
    let first = line.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let here = Span { start: span.start, end: span.end.max(span.start + 1).min(text.len() as u32) };
    let back = |n: usize| Span::new(before.len() - n, span.end as usize);
    let glued = before.len() == span.start as usize;
    let same_line = !text[before.len()..span.start as usize].contains('\n');
    let word = if same_line { last_word(before) } else { "" };
    let led = line.trim_start().trim_start_matches(['}', ' ']).split(|c: char| !c.is_alphanumeric()).next();
    if let Some((word, _)) = FOLLOWS.iter().find(|(w, _)| Some(*w) == led && matches!(found, "{" | ":" | "(")) {
        return explain(no_such_word(word), "a stage says what happens when it fails: `on error skip`", here);
    }
    if let Some((word, help)) = WORDS.iter().find(|(w, _)| *w == word || *w == found) {
        let span = if *word == found { here } else { Span::new(before.len() - word.len(), before.len()) };
        return explain(no_such_word(word), help, span);
    }
    if glued && matches!(found, "=" | "+" | "-" | ">") || matches!(found, "+" | "-") {
        let joined: String = before.chars().last().into_iter().chain(found.chars()).collect();
        let next = at.chars().nth(1);
        match joined.as_str() {
            "==" if before.ends_with("==") => return explain("there is no `===`".into(), "`==` compares", back(2)),
            "-=" | "*=" | "/=" => {
                return explain(
                    no_such_word(&joined),
                    "write the whole value: `n = n - 1`; only `+=` is short",
                    back(1),
                );
            }
            "++" | "--" if glued => return explain(no_such_word(&joined), "write `n = n + 1`, or `n += 1`", back(1)),
            _ if matches!(found, "+" | "-") && next == found.chars().next() => {
                return explain(
                    no_such_word(&at[..2]),
                    "write `n = n + 1`, or `n += 1`",
                    Span { end: here.end + 1, ..here },
                );
            }
            _ => {}
        }
    }
    match found {
        "then" | ":" | "return" | "do"
            if place.block && matches!(first, "if" | "for" | "else" | "repeat" | "match") =>
        {
            explain(format!("the block of `{first}` must be in braces"), "write `{ … }`", here)
        }
        "(" if word == "for" => explain("a `for` has no parentheses".into(), "write `for x in xs { … }`", here),
        "(" | "->" if first == "stage" && !place.expression && !place.operator => {
            explain("a stage has a name and `=`".into(), "write `stage name = skill(…)`", here)
        }
        "->" if place.operator && glued_lambda(before) => {
            explain("the parameters of a lambda are written between bars".into(), "write `|x| …`", here)
        }
        "{" if word == "import" => {
            explain("an import names its module first".into(), "write `import std.models { claude }`", here)
        }
        "from" if place.declaration => {
            explain("an import begins with `import`".into(), "write `import std.models { claude }`", here)
        }
        "?" if !place.expression && place.name => explain("`?` stands after its type".into(), "write `string?`", here),
        "|" if first != "let" && !place.expression && !place.name => explain(
            "a type has no alternatives".into(),
            "what may be null is `string?`; one of several is an `enum`",
            here,
        ),
        "=" if first == "enum" && place.block && !line.contains('{') => {
            explain("the variants of an enum must be in braces".into(), "write `enum Level { low, high }`", here)
        }
        "=" if first == "enum" => {
            explain("a variant has no number".into(), "give it a field: `low { value: int }`", here)
        }
        "=" if matches!(first, "gate" | "warn" | "if") => explain("`=` does not compare".into(), "write `==`", here),
        "=" if !place.expression && line.contains('(') && matches!(first, "fn" | "skill" | "cascade") => {
            explain("the type of a parameter comes before its value".into(), "write `n: int = 3`", here)
        }
        "=" if matches!(word, "prompt" | "run" | "system" | "agent" | "output" | "temperature") => {
            explain(format!("`{word}` has no `=`"), "its value follows after a space", here)
        }
        "test" if place.declaration => {
            explain("the name of a test is text".into(), "write `test \"what it shows\" { … }`", here)
        }
        ":" if line.trim_end().ends_with("on error") => {
            explain("`on error` has no `:`".into(), "write `on error skip`", here)
        }
        "prompt" | "run" | "system" | "needs" | "output" | "http" | "agent" | "temperature"
            if at[found.len()..].trim_start().starts_with(':') =>
        {
            explain(format!("`{found}` has no `:`"), "its value follows after a space", here)
        }
        "model" if at["model".len()..].trim_start().starts_with(['=', ':']) => explain(
            "a skill does not choose its model".into(),
            "a stage does: `stage answer = skill(…) using claude`; `needs [reasoning]` says what the model must have",
            here,
        ),
        "{" if place.expression && !place.declaration && word.is_empty() && line.trim_end().ends_with('=') => {
            explain("a record is written with `:`".into(), "write `{ key: value }`", here)
        }
        _ if TYPES.contains(&word)
            && found.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !place.expression =>
        {
            let span = Span::new(before.len() - word.len(), span.end as usize);
            if matches!(first, "fn" | "skill" | "cascade") {
                explain("the type is written after the name".into(), &format!("write `{found}: {word}`"), span)
            } else {
                explain("a value begins with `let`".into(), &format!("write `let {found} = …`"), span)
            }
        }
        _ if word == "times" && first == "retry" => explain(
            "`retry` is followed by a number alone".into(),
            "write `retry 3`",
            Span::new(before.len() - 5, before.len()),
        ),
        _ => None,
    }
}

/// Whether what stands before an arrow is the only parameter of a call: `map(x`, `map((x)`.
fn glued_lambda(before: &str) -> bool {
    let params = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | ',' | ')'));
    params.ends_with('(')
}
