//! Operators and other signs as other languages write them.

use super::{Explained, Site, first_word, is_name_char, last_word, no_such_word};
use crate::ast::Span;

/// The operand that a line ends with: after its keyword, its bracket, its comma.
pub(super) fn operand_before(line: &str) -> &str {
    let mut from = 0;
    let mut depth = 0_i32;
    for (at, c) in line.char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth == 0 => {
                from = at + 1;
                break;
            }
            '(' | '[' | '{' => depth -= 1,
            ',' | '|' if depth == 0 => {
                from = at + 1;
                break;
            }
            '=' if depth == 0
                && !line[..at].ends_with(['=', '!', '<', '>', '+'])
                && !line[at + 1..].starts_with('=') =>
            {
                from = at + 1;
                break;
            }
            '>' if depth == 0 && line[..at].ends_with('-') => {
                from = at + 1;
                break;
            }
            _ => {}
        }
    }
    let text = line[from..].trim();
    ["return ", "log ", "gate ", "warn ", "if "].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text).trim()
}

/// The operand that a text begins with: up to the end of its line, its bracket, its comma.
pub(super) fn operand_after(text: &str) -> &str {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return text[..at].trim(),
            ')' | ']' | '}' => depth -= 1,
            ',' | ';' if depth == 0 => return text[..at].trim(),
            _ => {}
        }
    }
    text.trim()
}

/// Signs.
pub(super) fn explain_operator(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, glued, before, place, .. } = *site;
    let at = &site.text[site.span.start as usize..];
    let next = at.chars().nth(1);
    if (glued && matches!(found, "=" | "+" | "-" | ">")) || matches!(found, "+" | "-") {
        let joined: String = line.chars().last().into_iter().chain(found.chars()).collect();
        let name = last_word(line.trim_end_matches(['=', '+', '-', '*', '/', '!', '>', ' ']));
        let name = if name.is_empty() { "n" } else { name };
        match joined.as_str() {
            "==" if line.ends_with("==") => {
                return Some(
                    Explained::new_at(site.span_before(2), "there is no `===`", "`==` compares").write_instead("=="),
                );
            }
            "==" if line.ends_with("!=") => {
                return Some(
                    Explained::new_at(site.span_before(2), "there is no `!==`", "`!=` compares").write_instead("!="),
                );
            }
            "==" | "=~" => {}
            "-=" | "*=" | "/=" | "%=" => {
                let sign = &joined[..1];
                let value = operand_after(site.rest);
                let value = if value.contains(' ') { format!("({value})") } else { value.to_owned() };
                let help = format!("write the whole value: `{name} = {name} {sign} {value}`; only `+=` is short");
                return Some(
                    Explained::new_at(site.span_before(1), no_such_word(&joined), help).covering(site.line_end()),
                );
            }
            "++" | "--" if glued => {
                let sign = &joined[..1];
                return Some(
                    Explained::new_at(site.span_before(1), no_such_word(&joined), short_step(name, sign))
                        .covering(site.line_end()),
                );
            }
            _ if matches!(found, "+" | "-") && next == found.chars().next() => {
                let span = Span { end: site.token_span().end + 1, ..site.token_span() };
                return Some(
                    Explained::new_at(span, no_such_word(&at[..2]), short_step(name, found)).covering(site.line_end()),
                );
            }
            _ => {}
        }
    }
    match found {
        "*" if glued && line.ends_with('*') => {
            let base = last_word(line.trim_end_matches(['*', ' ']));
            let base = if base.is_empty() { "n" } else { base };
            Some(
                Explained::new_at(
                    Span::new(before - 1, site.span.end as usize),
                    "there is no `**`",
                    format!("multiply: `{base} * {base}`"),
                )
                .covering(site.line_end()),
            )
        }
        "*" if place.expression && site.rest.starts_with(is_name_char) && !line.ends_with(['[', '(', ',', '{']) => {
            Some(
                Explained::new_at(
                    site.token_span(),
                    "a value has no sign before its name",
                    format!("write `{}`", first_word(site.rest)),
                )
                .covering(site.line_end()),
            )
        }
        "." if place.expression && site.rest.starts_with(|c: char| c.is_ascii_digit()) => {
            let number = format!("0.{}", first_word(site.rest));
            Some(
                Explained::new_at(site.token_span(), "a number begins with a digit", format!("write `{number}`"))
                    .write_instead("0."),
            )
        }
        _ if line.ends_with('%') && (found.is_empty() || found.starts_with('\n')) => Some(
            Explained::new_at(site.span_before(1), "a number has no `%` after it", "write a fraction: `0.5` is half")
                .covering(site.line_end()),
        ),
        "*" if place.expression && line.ends_with(['[', '(', ',', '{']) => Some(
            Explained::new_at(
                site.token_span(),
                "there is no `*` before a value",
                "lists are joined by `+`, records by `{ ...base, key: value }`",
            )
            .covering(site.line_end()),
        ),
        "..." if place.expression => Some(
            Explained::new_at(site.token_span(), "a list has no `...`", "lists are joined by `+`: `xs + [x]`")
                .covering(site.line_end()),
        ),
        ".." | "..." if site.operator && !place.expression => {
            let (low, high) = (operand_before(line), operand_after(site.rest.trim_start_matches(['=', '.', '<'])));
            let help = if site.line.ends_with('[') || line.contains('[') {
                "write `xs.skip(from).take(count)`".to_owned()
            } else {
                format!("write `range({low}, {high})`: without its end")
            };
            Some(
                Explained::new_at(site.token_span(), "a range stands in `for` and in a `match`", help)
                    .covering(site.line_end()),
            )
        }
        "=" if glued && line.ends_with("..") => Some(
            Explained::new_at(
                site.span_before(2),
                "there is no `..=`",
                "in a `match`, `1..3` has both its ends; in `for`, write `0..n + 1`",
            )
            .covering(site.enclosing_end()),
        ),
        "=" if line.ends_with(['=', '~']) || site.rest.starts_with('~') => Some(
            Explained::new_at(site.token_span(), "there is no `=~`", "write `text.matches(\"…\")`")
                .covering(site.line_end()),
        ),
        "/" if place.expression => Some(
            Explained::new_at(site.token_span(), "a regular expression is text", "write `text.matches(\"…\")`")
                .covering(site.line_end()),
        ),
        "@" if place.expression && site.rest.starts_with(is_name_char) => Some(Explained::new_at(
            site.token_span(),
            "a value has no sign before its name",
            format!("write `{}`", first_word(site.rest)),
        )),
        "?" if !place.expression && site.rest.trim_start().starts_with(':') => {
            let (left, right) = (operand_before(line), operand_after(site.rest.trim_start().trim_start_matches(':')));
            Some(
                Explained::new_at(site.token_span(), "there is no `?:`", format!("write `{left} ?? {right}`"))
                    .covering(site.line_end()),
            )
        }
        "?" if !place.expression && site.rest.contains(':') => {
            let (yes, no) = site.rest.split_once(" : ").or_else(|| site.rest.split_once(':'))?;
            let (condition, yes, no) = (operand_before(line), yes.trim(), operand_after(no));
            let help = format!("write `if {condition} {{ {yes} }} else {{ {no} }}`");
            Some(Explained::new_at(site.token_span(), "there is no `? :`", help).covering(site.line_end()))
        }
        "?" if !place.expression => Some(Explained::new_at(
            site.token_span(),
            "a value has no `?` after it",
            "write `x ?? other`, or test it first: `if x != null { … }`",
        )),
        ":" if line.ends_with(':') || site.rest.starts_with(':') => Some(
            Explained::new_at(
                site.token_span(),
                "there is no `::`",
                "what belongs to a module or a type follows after `.`",
            )
            .covering(site.line_end()),
        ),
        ":" if line.rfind('[').is_some_and(|open| !line[open..].contains(']')) && site.operator => {
            let open = line.rfind('[').unwrap_or(0);
            let list = last_word(&line[..open]);
            let list = if list.is_empty() { "xs" } else { list };
            let (from, to) = (line[open + 1..].trim(), site.rest.split(']').next().unwrap_or_default().trim());
            let help = match (from.parse::<u32>(), to.parse::<u32>()) {
                (Ok(from), Ok(to)) if from <= to => match from {
                    0 => format!("write `{list}.take({to})`"),
                    _ => format!("write `{list}.skip({from}).take({})`", to - from),
                },
                (Ok(from), _) if to.is_empty() => format!("write `{list}.skip({from})`"),
                (_, Ok(to)) if from.is_empty() => format!("write `{list}.take({to})`"),
                _ => format!("write `{list}.skip(from).take(count)`"),
            };
            Some(
                Explained::new_at(site.token_span(), "a part of a list is taken by methods", help)
                    .covering(site.line_end()),
            )
        }
        "|" if site.rest.starts_with('>') => {
            let call = operand_after(site.rest.trim_start_matches('>').trim());
            let help = if site.first == "stage" {
                "write a stage for each: `stage first = …`, then `stage second = next(first)`".to_owned()
            } else {
                format!("write `{}.{call}`", operand_before(line))
            };
            Some(Explained::new_at(site.token_span(), "there is no `|>`", help).covering(site.line_end()))
        }
        "|" if site.first == "stage" && site.operator => Some(
            Explained::new_at(
                site.token_span(),
                "there is no `|`",
                "write a stage for each: `stage first = …`, then `stage second = next(first)`",
            )
            .covering(site.line_end()),
        ),
        "|" if site.operator && !place.expression && line.ends_with('}') => Some(
            Explained::new_at(site.token_span(), "there is no `|`", "write `{ ...base, key: value }`")
                .covering(site.line_end()),
        ),
        "|" if site.operator && !place.expression && site.first != "let" => Some(
            Explained::new_at(
                site.token_span(),
                "there is no `|` between values",
                "conditions are joined by `or`, patterns of a `match` by `|`",
            )
            .covering(site.line_end()),
        ),
        "->" if site.operator && glued_lambda(line) && !lambda_params(line).is_empty() => {
            let (params, body) = (lambda_params(line), operand_after(site.rest));
            let help = format!("write `|{params}| {body}`");
            Some(
                Explained::new_at(site.token_span(), "the parameters of a lambda are written between bars", help)
                    .covering(site.line_end()),
            )
        }
        "->" if site.operator
            && !last_word(line.trim_end_matches(')')).is_empty()
            && line.trim_end().ends_with(is_name_char)
            && glued =>
        {
            Some(
                Explained::new_at(
                    site.token_span(),
                    "a field follows after `.`",
                    format!("write `{}.{}`", operand_before(line), first_word(site.rest)),
                )
                .covering(site.line_end()),
            )
        }
        _ => None,
    }
}

fn short_step(name: &str, sign: &str) -> String {
    match sign {
        "+" => format!("write `{name} += 1`"),
        _ => format!("write `{name} = {name} - 1`"),
    }
}

/// Whether what stands before an arrow is the only parameter of a call: `map(x`, `map((x)`.
fn glued_lambda(before: &str) -> bool {
    let params = before.trim_end_matches(|c: char| is_name_char(c) || matches!(c, ' ' | ',' | ')'));
    params.ends_with('(')
}

/// The parameters of a lambda that stand before its arrow.
fn lambda_params(before: &str) -> &str {
    before.rsplit('(').next().unwrap_or_default().trim_end_matches(')').trim()
}
