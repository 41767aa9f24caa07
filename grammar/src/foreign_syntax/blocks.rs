//! Heads of blocks as other languages write them.

use super::{Explained, Site, first_word, is_name_char, no_such_word, operators::operand_before, stages::gate_message};
use crate::ast::Span;

/// Heads of `if`, `for`, `match`, `repeat`, `parallel`, and what stands where their block must.
pub(super) fn explain_block(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    match found {
        ":" if place.arrow && !place.block && !head.starts_with("mock ") => Some(
            Explained::new_at(site.token_span(), "an arm has an arrow", "write `->` after its pattern")
                .write_instead(" ->")
                .covering(site.enclosing_end()),
        ),
        "," if place.arrow && rest.contains("->") => Some(
            Explained::new_at(
                site.token_span(),
                "alternatives of a pattern are joined by `|`",
                format!("write `{head} | {}`", rest.trim()),
            )
            .write_instead(" |")
            .covering(site.enclosing_end()),
        ),
        "elif" | "elsif" | "elseif" => Some(
            Explained::new_at(site.token_span(), no_such_word(found), "write `else if`")
                .write_instead("else if")
                .covering(site.block_end()),
        ),
        "else" if rest.trim_start().starts_with("->") => Some(
            Explained::new_at(site.token_span(), "the arm for what is left is `_`", "write `_ -> …`")
                .write_instead("_")
                .covering(site.line_end()),
        ),
        "else" if first == "gate" => Some(gate_message(site, rest)),
        "else" => Some(
            Explained::new_at(
                site.token_span(),
                "`else` follows the block of an `if`",
                "write `if condition { … } else { … }`",
            )
            .covering(site.line_end()),
        ),
        "(" if word == "for" => {
            let inner = rest.split(')').next().unwrap_or_default();
            let inner = ["const ", "let ", "var "]
                .iter()
                .fold(inner.trim(), |text, word| text.strip_prefix(word).unwrap_or(text));
            let help = match inner.split_once(" of ").or_else(|| inner.split_once(" in ")) {
                Some((name, list)) if name.chars().all(is_name_char) => {
                    format!("write `for {name} in {} {{ … }}`", list.trim())
                }
                _ if inner.contains(';') => format!(
                    "write `for {} in 0..n {{ … }}`",
                    match first_word(inner) {
                        "" => "i",
                        name => name,
                    }
                ),
                _ => "write `for x in xs { … }`".to_owned(),
            };
            Some(Explained::new_at(site.token_span(), "a `for` has no parentheses", help).covering(site.line_end()))
        }
        "," if first == "for" && !head.contains(" in ") => Some(
            Explained::new_at(
                site.token_span(),
                "a `for` has one name",
                "write `for pair in xs.enumerate() { … }`: `pair.index`, `pair.value`",
            )
            .covering(site.line_end()),
        ),
        "=" if first == "for" && !head.contains(" in ") => {
            let range = rest.replace(" to ", "..");
            Some(
                Explained::new_at(
                    site.token_span(),
                    "a `for` has `in`",
                    format!("write `for {word} in {}`", range.trim()),
                )
                .covering(site.line_end()),
            )
        }
        "for" if word == "parallel" => {
            let help = match rest.trim().strip_suffix('{') {
                Some(over) => format!("write `for {} parallel {{`", over.trim()),
                None => "write `for x in xs parallel { … }`".to_owned(),
            };
            Some(
                Explained::new_at(site.span_before(8), "`parallel` stands after the list of a `for`", help)
                    .covering(site.block_end()),
            )
        }
        "parallel" if word == "in" => Some(
            Explained::new_at(
                site.token_span(),
                "`parallel` stands after the list of a `for`",
                "write `for x in xs parallel { … }`",
            )
            .covering(site.line_end()),
        ),
        "[" | "(" if word == "parallel" && first != "for" && !place.skill_line => {
            let inside = [found, rest].concat();
            let number =
                inside.trim_start_matches(['(', '[']).split([')', ']']).next().unwrap_or_default().trim().to_owned();
            let help = if number.parse::<u32>().is_ok() {
                format!("write `parallel max {number} {{ … }}`")
            } else {
                "write `parallel { … }`, with a stage on each line: `stage a = …`".to_owned()
            };
            Some(
                Explained::new_at(site.token_span(), "what runs at once stands in braces", help)
                    .covering(site.block_end()),
            )
        }
        _ if word == "parallel" && (found.starts_with(|c: char| c.is_ascii_digit()) || found == "(") => {
            let number = leading_number(&[found, rest].concat());
            Some(
                Explained::new_at(
                    site.token_span(),
                    "how many run at once is said by `max`",
                    format!("write `parallel max {number}`"),
                )
                .covering(site.line_end()),
            )
        }
        _ if word == "repeat" && (found.starts_with(|c: char| c.is_ascii_digit()) || found == "(") => {
            let number = leading_number(&[found, rest].concat());
            Some(
                Explained::new_at(
                    site.token_span(),
                    "how often a loop runs is said by `max`",
                    format!("write `repeat max {number} {{ … }}`"),
                )
                .covering(site.line_end()),
            )
        }
        "until" if first == "repeat" || line.contains("= repeat") => Some(
            Explained::new_at(
                site.token_span(),
                "`until` stands after the block",
                "write `repeat max 3 { … } until condition`",
            )
            .covering(site.line_end()),
        ),
        "max" if head.contains("until") => {
            let number = first_word(rest.trim());
            // At the head of the loop, which has no bound otherwise.
            let from = site.before.saturating_sub(4_000);
            let span = match site.text.get(from..site.before).and_then(|text| text.rfind("repeat {")) {
                Some(at) => Span::new(from + at, from + at + "repeat".len()),
                None => site.token_span(),
            };
            Some(
                Explained::new_at(
                    span,
                    "the bound of a loop stands at its beginning",
                    format!("write `repeat max {number} {{ … }} until …`"),
                )
                .covering(site.line_end()),
            )
        }
        "then" if head.contains("if ") => Some(
            Explained::new_at(
                site.token_span(),
                "the block of `if` must be in braces",
                if_in_braces(operand_before(&line[line.rfind("if ").unwrap_or(0)..]), rest.trim())
                    .unwrap_or_else(|| "write `if condition { … } else { … }`".to_owned()),
            )
            .covering(site.line_end()),
        ),
        _ if place.block
            && !place.expression
            && !place.name
            && line.contains("if ")
            && !matches!(found.trim(), "{" | "}" | "") =>
        {
            let condition = line[line.rfind("if ").unwrap_or(0)..].trim_start_matches("if ").trim();
            let branches = [found, rest].concat();
            let help = if_in_braces(condition, &branches)
                .unwrap_or_else(|| format!("write `if {condition} {{ {} }}`", branches.trim()));
            Some(
                Explained::new_at(site.token_span(), "the block of `if` must be in braces", help)
                    .covering(site.line_end()),
            )
        }
        _ => None,
    }
}

/// How an `if` with both branches is written; `None` when there is no `else`.
fn if_in_braces(condition: &str, branches: &str) -> Option<String> {
    let (yes, no) = branches.split_once(" else ")?;
    Some(format!("write `if {condition} {{ {} }} else {{ {} }}`", yes.trim(), no.trim()))
}

/// The digits that a text begins with, perhaps in parentheses.
fn leading_number(text: &str) -> String {
    text.trim_start_matches('(').split(|c: char| !c.is_ascii_digit()).next().unwrap_or("3").to_owned()
}
