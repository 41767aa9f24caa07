//! Clauses of stages, and what follows `on error`, as other languages write them.

use super::{Explained, Site, first_word};
use crate::ast::Span;

const CLAUSES: &[&str] = &["using", "needs", "timeout", "retry", "budget", "cache", "isolate", "exclusive"];
/// Units of time as words.
const UNITS: &[(&[&str], &str)] = &[
    (&["milliseconds", "millisecond", "millis", "msec", "msecs"], "ms"),
    (&["seconds", "second", "secs", "sec"], "s"),
    (&["minutes", "minute", "mins", "min"], "m"),
    (&["hours", "hour", "hrs", "hr"], "h"),
    (&["days", "day"], "d"),
    (&["usd", "USD", "dollars", "dollar"], "usd"),
];

/// The unit that a word means.
pub(crate) fn unit_of(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|(words, _)| words.contains(&word)).map(|(_, unit)| *unit)
}

pub(super) fn explain_clause(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    if word.chars().all(|c| c.is_ascii_digit() || c == '_')
        && !word.is_empty()
        && let Some(unit) = unit_of(found)
    {
        let span = site.span_before(word.len());
        let written = format!("{word}{unit}");
        return Some(
            Explained::new_at(span, "a number and its unit are one word", format!("write `{written}`"))
                .write_instead(written),
        );
    }
    if site.begins_line()
        && found.starts_with("on")
        && found.ends_with("error")
        && !place.skill_line
        && !place.test_line
    {
        return Some(
            Explained::new_at(
                site.token_span(),
                "`on error` belongs to a stage",
                "at the end of a cascade, write `on failure(error) { … }`",
            )
            .covering(site.block_end()),
        );
    }
    if site.begins_line() && CLAUSES.contains(&found) && (place.statement || place.name) && !place.skill_line {
        return explain_clause_without_stage(site);
    }
    if place.action
        && (line.ends_with("on error")
            || line.ends_with(')') && line.contains("on error")
            || line.contains("on error as"))
    {
        return Some(explain_action(site));
    }
    if found == ":" && head.ends_with("on error") {
        return Some(Explained::new_at(site.token_span(), "`on error` has no `:`", "write `on error skip`"));
    }
    match first {
        _ if CLAUSES.contains(&first) && matches!(found, "=" | ":") && head == first => {
            let value = rest.trim();
            Some(
                Explained::new_at(
                    site.token_span(),
                    format!("`{first}` has no `{found}`"),
                    format!("write `{first} {value}`"),
                )
                .covering(site.line_end()),
            )
        }
        "retry" => {
            let number = [head, " ", found, rest]
                .concat()
                .split(|c: char| !c.is_ascii_digit())
                .find(|n| !n.is_empty())
                .map(str::to_owned);
            let number = number.as_deref().unwrap_or("3");
            if head.contains(" times") || head == "retry max" {
                let help = if head.contains("backoff") || found.contains("backoff") || rest.contains("backoff") {
                    format!("write `retry {number} backoff 1s..30s`")
                } else {
                    format!("write `retry {number}`")
                };
                let word = if head == "retry max" { "max" } else { "times" };
                let at = site.before - line.len() + line.rfind(word).unwrap_or(0);
                let span = Span::new(at, at + word.len());
                return Some(
                    Explained::new_at(span, "`retry` is followed by a number alone", help).covering(site.line_end()),
                );
            }
            let pause = ["backoff", "every", "delay", "wait", "after", "interval", "sleep"]
                .iter()
                .find(|w| head.contains(**w) || **w == found);
            pause.map(|_| {
                Explained::new_at(
                    site.token_span(),
                    "the pauses between attempts have a shortest and a longest",
                    format!("write `retry {number} backoff 1s..30s`"),
                )
                .covering(site.line_end())
            })
        }
        "budget" if word == "max" => Some(
            Explained::new_at(site.word_span(), "`budget` has no `max`", format!("write `budget {found}`"))
                .covering(site.line_end()),
        ),
        "budget" if matches!(found, "cents" | "cent" | "eur" | "EUR" | "euros") => {
            Some(Explained::new_at(site.token_span(), "money is in US dollars", "write `budget 0.50usd`"))
        }
        "using" if word == "model" => {
            Some(Explained::new_at(site.word_span(), "`using` names the model alone", format!("write `using {found}`")))
        }
        "with" if found == "model" => Some(
            Explained::new_at(site.token_span(), "there is no `with`", format!("write `using {}`", rest.trim()))
                .covering(site.line_end()),
        ),
        "needs" if found != "[" && word == "needs" => Some(
            Explained::new_at(
                site.token_span(),
                "`needs` is followed by a list",
                format!("write `needs [{}]`", found.trim_matches('"')),
            )
            .covering(site.line_end()),
        ),
        "on_failure" | "on_success" | "on_cancel" | "on_error" if found == "{" && site.operator => {
            let event = if first == "on_error" { "failure" } else { first.trim_start_matches("on_") };
            let error = head
                .split(['(', ')'])
                .nth(1)
                .filter(|name| !name.is_empty())
                .map_or(String::new(), |name| format!("({name})"));
            let help = format!("write `on {event}{error} {{ … }}`");
            Some(
                Explained::new_at(site.token_span(), format!("there is no `{first}`"), help).covering(site.block_end()),
            )
        }
        "on" if place.block
            && matches!(word, "failure" | "timeout" | "error" | "exception" | "fail")
            && head.starts_with("on ")
            && found != "{"
            && !(word == "failure" && rest.trim_end().ends_with('{')) =>
        {
            Some(
                Explained::new_at(
                    site.word_span(),
                    format!("a stage has no `on {word}`"),
                    format!("write `on error {found}{rest}`"),
                )
                .covering(site.line_end()),
            )
        }
        "on" if place.block && word == "failure" && rest.trim_end().ends_with('{') => Some(
            Explained::new_at(
                site.token_span(),
                "the name of the error stands in parentheses",
                format!("write `on failure({}) {{ … }}`", first_word(found)),
            )
            .covering(site.block_end()),
        ),
        _ => None,
    }
}

/// A clause that stands where a statement could.
fn explain_clause_without_stage(site: &Site<'_>) -> Option<Explained> {
    let Site { found, rest, .. } = *site;
    let value = rest.trim();
    if value.ends_with('{') {
        return Some(
            Explained::new_at(
                site.token_span(),
                format!("`{found}` has no block"),
                format!(
                    "it stands below the stage that it limits: `stage name = skill(…)`, then `{found} {}`",
                    value.trim_end_matches('{').trim()
                ),
            )
            .covering(site.block_end()),
        );
    }
    Some(
        Explained::new_at(
            site.token_span(),
            format!("`{found}` belongs to a stage"),
            format!("write `{found} {value}` on the line below a `stage name = …`; what holds for the whole cascade stands before its `{{`"),
        )
        .covering(site.line_end()),
    )
}

/// What follows `on error` and is no action.
fn explain_action(site: &Site<'_>) -> Explained {
    let Site { found, rest, .. } = *site;
    let value = rest.trim();
    let (message, help) = match found {
        "ignore" | "continue" | "pass" | "null" | "nothing" | "resume" | "proceed" => {
            (format!("`on error` has no `{found}`"), "write `on error skip`: then the stage is null".to_owned())
        }
        "return" | "default" | "else" => (
            format!("`on error` has no `{found}`"),
            format!("write `on error fallback {}`", if value.is_empty() { "value" } else { value }),
        ),
        "retry" => (
            "`retry` is a clause of its own".to_owned(),
            format!("write `retry {}` on a line of its own", if value.is_empty() { "3" } else { value }),
        ),
        "throw" | "raise" | "stop" | "abort" | "exit" | "panic" => {
            (format!("`on error` has no `{found}`"), "write `on error fail \"message\"`".to_owned())
        }
        "{" => (
            "`on error` has no block".to_owned(),
            "write `on error fallback value`; to go on by what failed, `on error keep`, and `match` the stage after it"
                .to_owned(),
        ),
        "->" | "=>" | ":" | "=" | "do" | "then" => (
            format!("`on error` has no `{found}`"),
            format!("write `on error {}`", if value.is_empty() { "skip" } else { value }),
        ),
        "log" | "warn" => (
            format!("`on error` has no `{found}`"),
            "write `on error keep`, and `match` the stage after it: `failed { error } -> …`".to_owned(),
        ),
        "continue_on_error" => (format!("`on error` has no `{found}`"), "write `on error skip`".to_owned()),
        _ if found.starts_with('"') => {
            ("what to do is missing".to_owned(), format!("write `on error fallback {found}{rest}`"))
        }
        _ => (
            "what to do on error is missing".to_owned(),
            "write `on error skip`, `keep`, `use [model]`, `fallback value`, `fail \"message\"` or `escalate`"
                .to_owned(),
        ),
    };
    let end = if found == "{" || rest.trim_end().ends_with('{') { site.block_end() } else { site.line_end() };
    Explained::new_at(site.token_span(), message, help).covering(end)
}

/// A word that none of the expected ones is: a unit, the moment of a hook.
pub(super) fn explain_word(site: &Site<'_>, expected: &[&str]) -> Option<Explained> {
    let Site { found, line, word, .. } = *site;
    let number = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '_' | '.')) && !word.is_empty();
    if number && let Some(unit) = unit_of(found) {
        let written = format!("{word}{unit}");
        let message = "a number and its unit are one word";
        return Some(
            Explained::new_at(site.span_before(word.len()), message, format!("write `{written}`"))
                .write_instead(written),
        );
    }
    if matches!(found, "cents" | "cent" | "eur" | "EUR" | "euros") && line.contains("budget") {
        return Some(Explained::new_at(site.token_span(), "money is in US dollars", "write `budget 0.50usd`"));
    }
    expected.contains(&"failure").then(|| {
        let help = match found {
            "error" | "exception" | "fail" => "write `on failure(error) { … }`",
            "exit" | "end" | "finish" | "done" | "complete" => "write `on success { … }` and `on failure { … }`",
            "abort" | "stop" | "interrupt" => "write `on cancel { … }`",
            _ => "the moments are `on success(result)`, `on failure(error)` and `on cancel`",
        };
        Explained::new_at(site.token_span(), format!("there is no `on {found}`"), help)
    })
}
