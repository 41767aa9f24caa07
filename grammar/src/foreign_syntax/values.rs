//! Values as other languages write them: records, lists, lambdas, conditions.

use super::{
    Explained, Site, is_name_char, last_word,
    operators::{operand_after, operand_before},
};

/// Values.
pub(super) fn explain_value(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    match found {
        "if" if site.operator && !place.expression => {
            let (condition, other) = rest.split_once(" else ").unwrap_or((rest, "…"));
            let value = operand_before(line);
            let help = format!("write `if {} {{ {value} }} else {{ {} }}`", condition.trim(), operand_after(other));
            Some(Explained::new_at(site.token_span(), "the condition stands first", help).covering(site.line_end()))
        }
        "for" if site.operator && !place.expression && line.contains('[') => {
            let value = line.rsplit('[').next().unwrap_or_default().trim();
            let (name, over) = rest.split_once(" in ").unwrap_or(("x", "xs"));
            let over = operand_after(over);
            let (name, value) = (name.trim(), value);
            let help = match over.split_once(" if ") {
                Some((over, condition)) => {
                    let filter = format!("{}.filter(|{name}| {})", over.trim(), condition.trim());
                    if value == name {
                        format!("write `{filter}`")
                    } else {
                        format!("write `{filter}.map(|{name}| {value})`")
                    }
                }
                None if first == "stage" => {
                    format!("write `stage name = for {name} in {over} parallel {{ stage it = {value} }}`")
                }
                None => format!("write `{over}.map(|{name}| {value})`"),
            };
            Some(Explained::new_at(site.token_span(), "a list is made by methods", help).covering(site.line_end()))
        }
        "{" if site.operator && !word.is_empty() && word.starts_with(char::is_uppercase) => {
            let fields = rest.split('}').next().unwrap_or_default().trim();
            let help = format!("write `{{ {fields} }}` where a `{word}` is expected");
            Some(
                Explained::new_at(site.word_span(), "a record is written without the name of its type", help)
                    .covering(site.line_end()),
            )
        }
        "{" if site.operator && glued_call(line) => Some(lambda_in_braces(site)),
        "{" if place.expression && line.ends_with('|') => {
            let body =
                rest.split('}').next().unwrap_or_default().trim().trim_start_matches("return ").trim_end_matches(';');
            let help =
                format!("write `|{}| {body}`", line.trim_end_matches('|').rsplit('|').next().unwrap_or_default());
            Some(
                Explained::new_at(site.token_span(), "the body of a lambda is an expression without braces", help)
                    .covering(site.line_end()),
            )
        }
        "{" if place.expression && !place.declaration && rest.contains('=') && !rest.contains("==") => {
            let fields = rest.split('}').next().unwrap_or_default().replace(" = ", ": ").replace('=', ": ");
            Some(
                Explained::new_at(
                    site.token_span(),
                    "a record is written with `:`",
                    format!("write `{{ {} }}`", fields.trim()),
                )
                .covering(site.block_end()),
            )
        }
        "{" if place.expression && !place.declaration && !rest.trim().is_empty() && rest.contains('}') => {
            let inner = rest.split('}').next().unwrap_or_default().trim();
            let names: Vec<&str> = inner.split(',').map(str::trim).collect();
            let help = if inner.starts_with("**") {
                "write `{ ...base, key: value }`".to_owned()
            } else if names.iter().all(|name| !name.is_empty() && name.chars().all(is_name_char)) {
                let fields: Vec<String> = names.iter().map(|name| format!("{name}: {name}")).collect();
                format!("write `{{ {} }}`", fields.join(", "))
            } else if inner.starts_with('[') {
                "a key that is computed belongs to a map: `m.set(key, value)`".to_owned()
            } else {
                "write `{ key: value }`".to_owned()
            };
            Some(Explained::new_at(site.token_span(), "a record is written with `:`", help).covering(site.line_end()))
        }
        "{" if place.expression && !place.declaration && word.is_empty() && head.ends_with('=') => {
            Some(Explained::new_at(site.token_span(), "a record is written with `:`", "write `{ key: value }`"))
        }
        "{" if site.operator && line.contains("function(") => {
            let params = line.rsplit('(').next().unwrap_or_default().trim_end_matches(')');
            let body =
                rest.split('}').next().unwrap_or_default().trim().trim_start_matches("return ").trim_end_matches(';');
            Some(
                Explained::new_at(
                    site.token_span(),
                    "the parameters of a lambda are written between bars",
                    format!("write `|{params}| {}`", body.trim()),
                )
                .covering(site.line_end()),
            )
        }
        "(" if word == "let" || word == "var" => Some(
            Explained::new_at(
                site.token_span(),
                "there are no tuples",
                "write a `let` for each, or take a record apart: `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "[" if word == "env" => Some(
            Explained::new_at(
                site.token_span(),
                "`env` names each variable with its value",
                "write `env { NAME: value }`",
            )
            .covering(site.line_end()),
        ),
        "where" if site.begins_line() => Some(
            Explained::new_at(
                site.token_span(),
                "a stage has no `where`",
                format!("write `gate {}, \"message\"` after the stage", rest.trim()),
            )
            .covering(site.line_end()),
        ),
        _ if word == "each" && first == "for" => Some(
            Explained::new_at(
                site.word_span(),
                "a `for` has no `each`",
                format!("write `for {found}{}`", rest.trim_end().trim_end_matches('{').trim_end()),
            )
            .covering(site.line_end()),
        ),
        "[" if word == "let" || word == "var" => Some(
            Explained::new_at(
                site.token_span(),
                "a list is not taken apart",
                "write `let first = xs[0]`; the fields of a record are `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "," if matches!(first, "let" | "var") && site.operator => Some(
            Explained::new_at(
                site.token_span(),
                format!("`{first}` declares one name"),
                format!("write another `{first}` on a line of its own"),
            )
            .covering(site.line_end()),
        ),
        "," if matches!(first, "let" | "var") => Some(
            Explained::new_at(
                site.token_span(),
                format!("`{first}` declares one name"),
                "write a `let` for each, or take a record apart: `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "," if first == "log" => {
            let value = operand_after(rest);
            Some(
                Explained::new_at(site.token_span(), "`log` writes one text", format!("write `log \"… $<{value}>\"`"))
                    .covering(site.line_end()),
            )
        }
        "." if first == "log" => Some(
            Explained::new_at(site.token_span(), "`log` is a statement", "write `log \"…\"`").covering(site.line_end()),
        ),
        "," if line
            .rfind('(')
            .is_some_and(|open| !line[..open].ends_with(is_name_char) && !line[open..].contains(')')) =>
        {
            if site.rest.contains("=>") || site.rest.contains("->") {
                let params = format!(
                    "{}, {}",
                    line.rsplit('(').next().unwrap_or_default().trim(),
                    rest.split(')').next().unwrap_or_default().trim()
                );
                let body = rest.split_once('>').map_or("…", |(_, body)| operand_after(body));
                return Some(
                    Explained::new_at(
                        site.token_span(),
                        "the parameters of a lambda are written between bars",
                        format!("write `|{params}| {body}`"),
                    )
                    .covering(site.line_end()),
                );
            }
            Some(
                Explained::new_at(
                    site.token_span(),
                    "there are no tuples",
                    "write a record: `{ first: a, second: b }`",
                )
                .covering(site.line_end()),
            )
        }
        "," if first == "return" => Some(
            Explained::new_at(
                site.token_span(),
                "a cascade returns one value",
                "write a record: `return { first: a, second: b }`",
            )
            .covering(site.line_end()),
        ),
        "," if site.operator && rest.contains("->") => Some(
            Explained::new_at(
                site.token_span(),
                "alternatives of a pattern are joined by `|`",
                format!("write `{head} | {}`", rest.trim()),
            )
            .write_instead(" |")
            .covering(site.line_end()),
        ),
        "=" if line
            .rfind('(')
            .is_some_and(|open| line[..open].ends_with(is_name_char) && !line[open..].contains(')'))
            && site.operator =>
        {
            Some(
                Explained::new_at(
                    site.token_span(),
                    "an argument's name is followed by `:`",
                    format!("write `{word}: {}`", operand_after(rest)),
                )
                .covering(site.line_end()),
            )
        }
        "=" if matches!(first, "if") || line.contains("if ") => {
            Some(Explained::new_at(site.token_span(), "`=` does not compare", "write `==`").write_instead("=="))
        }
        "=" if matches!(
            word,
            "prompt"
                | "run"
                | "system"
                | "agent"
                | "output"
                | "temperature"
                | "max_tokens"
                | "tools"
                | "stdin"
                | "env"
                | "exit"
                | "attach"
                | "needs"
                | "file"
                | "files"
        ) =>
        {
            Some(
                Explained::new_at(site.token_span(), format!("`{word}` has no `=`"), "its value follows after a space")
                    .covering(site.line_end()),
            )
        }
        _ if word == "times" && first == "retry" => {
            Some(Explained::new_at(site.word_span(), "`retry` is followed by a number alone", "write `retry 3`"))
        }
        _ => None,
    }
}

fn glued_call(line: &str) -> bool {
    let method = last_word(line);
    matches!(method, "map" | "filter" | "forEach" | "each" | "any" | "all" | "find" | "flat_map" | "reduce")
        && line.contains('.')
}

fn lambda_in_braces(site: &Site<'_>) -> Explained {
    let body = site.rest.split('}').next().unwrap_or_default().trim();
    let (params, body) = body.split_once("->").map_or(("x", body), |(params, body)| (params.trim(), body.trim()));
    let body = if params == "x" { body.replace("it ", "x ") } else { body.to_owned() };
    Explained::new_at(
        site.token_span(),
        "a lambda stands in parentheses",
        format!("write `{}(|{params}| {body})`", site.word),
    )
    .covering(site.line_end())
}
