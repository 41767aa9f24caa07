//! Expressions and statements as other languages write them.

use super::{Explained, Site, first_word, is_name_char, last_word, no_such_word, types::translate_type};
use crate::ast::Span;

/// Operators that are words or signs elsewhere, with how they are written here.
const OPERATORS: &[(&str, &str)] = &[
    ("is", "write `==`; to be there is `!= null`"),
    ("isnt", "write `!=`"),
    ("instanceof", "a value's type is known; an `enum` is taken apart by `match`"),
    ("mod", "write `%`"),
    ("div", "write `/`: of two ints it gives the whole number"),
    ("xor", "write `!=`"),
    ("eq", "write `==`"),
    ("ne", "write `!=`"),
    ("between", "join two comparisons by `and`: `x >= 1 and x <= 3`"),
    ("matches", "it is a method: `text.matches(\"…\")`"),
    ("contains", "it is a method: `xs.contains(x)`; or write `x in xs`"),
    ("includes", "write `x in xs`"),
    ("like", "it is a method: `text.matches(\"…\")`"),
    ("to", "a range is written `0..3`, without its end"),
    ("of", "write `for x in xs { … }`"),
    ("unless", "write `if not (…) { … }`"),
];

pub(super) fn explain(site: &Site<'_>) -> Option<Explained> {
    explain_signs(site)
        .or_else(|| explain_blocks(site))
        .or_else(|| explain_stages(site))
        .or_else(|| explain_values(site))
        .or_else(|| explain_names(site))
}

/// The operand that a line ends with: after its keyword, its bracket, its comma.
fn operand_before(line: &str) -> &str {
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
fn operand_after(text: &str) -> &str {
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
fn explain_signs(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, glued, before, place, .. } = *site;
    let at = &site.text[site.span.start as usize..];
    let next = at.chars().nth(1);
    if (glued && matches!(found, "=" | "+" | "-" | ">")) || matches!(found, "+" | "-") {
        let joined: String = line.chars().last().into_iter().chain(found.chars()).collect();
        let name = last_word(line.trim_end_matches(['=', '+', '-', '*', '/', '!', '>', ' ']));
        let name = if name.is_empty() { "n" } else { name };
        match joined.as_str() {
            "==" if line.ends_with("==") => {
                return Some(Explained::at(site.back(2), "there is no `===`", "`==` compares").instead("=="));
            }
            "==" if line.ends_with("!=") => {
                return Some(Explained::at(site.back(2), "there is no `!==`", "`!=` compares").instead("!="));
            }
            "==" | "=~" => {}
            "-=" | "*=" | "/=" | "%=" => {
                let sign = &joined[..1];
                let value = operand_after(site.rest);
                let value = if value.contains(' ') { format!("({value})") } else { value.to_owned() };
                let help = format!("write the whole value: `{name} = {name} {sign} {value}`; only `+=` is short");
                return Some(Explained::at(site.back(1), no_such_word(&joined), help).covering(site.line_end()));
            }
            "++" | "--" if glued => {
                let sign = &joined[..1];
                return Some(
                    Explained::at(site.back(1), no_such_word(&joined), short_step(name, sign))
                        .covering(site.line_end()),
                );
            }
            _ if matches!(found, "+" | "-") && next == found.chars().next() => {
                let span = Span { end: site.here().end + 1, ..site.here() };
                return Some(
                    Explained::at(span, no_such_word(&at[..2]), short_step(name, found)).covering(site.line_end()),
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
                Explained::at(
                    Span::new(before - 1, site.span.end as usize),
                    "there is no `**`",
                    format!("multiply: `{base} * {base}`"),
                )
                .covering(site.line_end()),
            )
        }
        "*" if place.expression && site.rest.starts_with(is_name_char) && !line.ends_with(['[', '(', ',', '{']) => {
            Some(
                Explained::at(
                    site.here(),
                    "a value has no sign before its name",
                    format!("write `{}`", first_word(site.rest)),
                )
                .covering(site.line_end()),
            )
        }
        "." if place.expression && site.rest.starts_with(|c: char| c.is_ascii_digit()) => {
            let number = format!("0.{}", first_word(site.rest));
            Some(Explained::at(site.here(), "a number begins with a digit", format!("write `{number}`")).instead("0."))
        }
        _ if line.ends_with('%') && (found.is_empty() || found.starts_with('\n')) => Some(
            Explained::at(site.back(1), "a number has no `%` after it", "write a fraction: `0.5` is half")
                .covering(site.line_end()),
        ),
        "*" if place.expression && line.ends_with(['[', '(', ',', '{']) => Some(
            Explained::at(
                site.here(),
                "there is no `*` before a value",
                "lists are joined by `+`, records by `{ ...base, key: value }`",
            )
            .covering(site.line_end()),
        ),
        "..." if place.expression => Some(
            Explained::at(site.here(), "a list has no `...`", "lists are joined by `+`: `xs + [x]`")
                .covering(site.line_end()),
        ),
        ".." | "..." if site.operator && !place.expression => {
            let (low, high) = (operand_before(line), operand_after(site.rest.trim_start_matches(['=', '.', '<'])));
            let help = if site.line.ends_with('[') || line.contains('[') {
                "write `xs.skip(from).take(count)`".to_owned()
            } else {
                format!("write `range({low}, {high})`: without its end")
            };
            Some(Explained::at(site.here(), "a range stands in `for` and in a `match`", help).covering(site.line_end()))
        }
        "=" if glued && line.ends_with("..") => Some(
            Explained::at(
                site.back(2),
                "there is no `..=`",
                "in a `match`, `1..3` has both its ends; in `for`, write `0..n + 1`",
            )
            .covering(site.enclosing_end()),
        ),
        "=" if line.ends_with(['=', '~']) || site.rest.starts_with('~') => Some(
            Explained::at(site.here(), "there is no `=~`", "write `text.matches(\"…\")`").covering(site.line_end()),
        ),
        "/" if place.expression => Some(
            Explained::at(site.here(), "a regular expression is text", "write `text.matches(\"…\")`")
                .covering(site.line_end()),
        ),
        "@" if place.expression && site.rest.starts_with(is_name_char) => Some(Explained::at(
            site.here(),
            "a value has no sign before its name",
            format!("write `{}`", first_word(site.rest)),
        )),
        "?" if !place.expression && site.rest.trim_start().starts_with(':') => {
            let (left, right) = (operand_before(line), operand_after(site.rest.trim_start().trim_start_matches(':')));
            Some(
                Explained::at(site.here(), "there is no `?:`", format!("write `{left} ?? {right}`"))
                    .covering(site.line_end()),
            )
        }
        "?" if !place.expression && site.rest.contains(':') => {
            let (yes, no) = site.rest.split_once(" : ").or_else(|| site.rest.split_once(':'))?;
            let (condition, yes, no) = (operand_before(line), yes.trim(), operand_after(no));
            let help = format!("write `if {condition} {{ {yes} }} else {{ {no} }}`");
            Some(Explained::at(site.here(), "there is no `? :`", help).covering(site.line_end()))
        }
        "?" if !place.expression => Some(Explained::at(
            site.here(),
            "a value has no `?` after it",
            "write `x ?? other`, or test it first: `if x != null { … }`",
        )),
        ":" if line.ends_with(':') || site.rest.starts_with(':') => Some(
            Explained::at(site.here(), "there is no `::`", "what belongs to a module or a type follows after `.`")
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
            Some(Explained::at(site.here(), "a part of a list is taken by methods", help).covering(site.line_end()))
        }
        "|" if site.rest.starts_with('>') => {
            let call = operand_after(site.rest.trim_start_matches('>').trim());
            let help = if site.first == "stage" {
                "write a stage for each: `stage first = …`, then `stage second = next(first)`".to_owned()
            } else {
                format!("write `{}.{call}`", operand_before(line))
            };
            Some(Explained::at(site.here(), "there is no `|>`", help).covering(site.line_end()))
        }
        "|" if site.first == "stage" && site.operator => Some(
            Explained::at(
                site.here(),
                "there is no `|`",
                "write a stage for each: `stage first = …`, then `stage second = next(first)`",
            )
            .covering(site.line_end()),
        ),
        "|" if site.operator && !place.expression && line.ends_with('}') => Some(
            Explained::at(site.here(), "there is no `|`", "write `{ ...base, key: value }`").covering(site.line_end()),
        ),
        "|" if site.operator && !place.expression && site.first != "let" => Some(
            Explained::at(
                site.here(),
                "there is no `|` between values",
                "conditions are joined by `or`, patterns of a `match` by `|`",
            )
            .covering(site.line_end()),
        ),
        "->" if site.operator && glued_lambda(line) && !lambda_params(line).is_empty() => {
            let (params, body) = (lambda_params(line), operand_after(site.rest));
            let help = format!("write `|{params}| {body}`");
            Some(
                Explained::at(site.here(), "the parameters of a lambda are written between bars", help)
                    .covering(site.line_end()),
            )
        }
        "->" if site.operator
            && last_word(line.trim_end_matches(')')) != ""
            && line.trim_end().ends_with(is_name_char)
            && glued =>
        {
            Some(
                Explained::at(
                    site.here(),
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

/// Heads of `if`, `for`, `match`, `repeat`, `parallel`, and what stands where their block must.
fn explain_blocks(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    match found {
        ":" if place.arrow && !place.block && !head.starts_with("mock ") => Some(
            Explained::at(site.here(), "an arm has an arrow", "write `->` after its pattern")
                .instead(" ->")
                .covering(site.enclosing_end()),
        ),
        "," if place.arrow && rest.contains("->") => Some(
            Explained::at(
                site.here(),
                "alternatives of a pattern are joined by `|`",
                format!("write `{head} | {}`", rest.trim()),
            )
            .instead(" |")
            .covering(site.enclosing_end()),
        ),
        "elif" | "elsif" | "elseif" => Some(
            Explained::at(site.here(), no_such_word(found), "write `else if`")
                .instead("else if")
                .covering(site.block_end()),
        ),
        "else" if rest.trim_start().starts_with("->") => Some(
            Explained::at(site.here(), "the arm for what is left is `_`", "write `_ -> …`")
                .instead("_")
                .covering(site.line_end()),
        ),
        "else" if first == "gate" => Some(gate_message(site, rest)),
        "else" => Some(
            Explained::at(site.here(), "`else` follows the block of an `if`", "write `if condition { … } else { … }`")
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
            Some(Explained::at(site.here(), "a `for` has no parentheses", help).covering(site.line_end()))
        }
        "," if first == "for" && !head.contains(" in ") => Some(
            Explained::at(
                site.here(),
                "a `for` has one name",
                format!("write `for pair in xs.enumerate() {{ … }}`: `pair.index`, `pair.value`"),
            )
            .covering(site.line_end()),
        ),
        "=" if first == "for" && !head.contains(" in ") => {
            let range = rest.replace(" to ", "..");
            Some(
                Explained::at(site.here(), "a `for` has `in`", format!("write `for {word} in {}`", range.trim()))
                    .covering(site.line_end()),
            )
        }
        "for" if word == "parallel" => {
            let help = match rest.trim().strip_suffix('{') {
                Some(over) => format!("write `for {} parallel {{`", over.trim()),
                None => "write `for x in xs parallel { … }`".to_owned(),
            };
            Some(
                Explained::at(site.back(8), "`parallel` stands after the list of a `for`", help)
                    .covering(site.block_end()),
            )
        }
        "parallel" if word == "in" => Some(
            Explained::at(
                site.here(),
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
            Some(Explained::at(site.here(), "what runs at once stands in braces", help).covering(site.block_end()))
        }
        _ if word == "parallel" && (found.starts_with(|c: char| c.is_ascii_digit()) || found == "(") => {
            let number = [found, rest]
                .concat()
                .trim_start_matches('(')
                .split(|c: char| !c.is_ascii_digit())
                .next()
                .unwrap_or("3")
                .to_owned();
            Some(
                Explained::at(
                    site.here(),
                    "how many run at once is said by `max`",
                    format!("write `parallel max {number}`"),
                )
                .covering(site.line_end()),
            )
        }
        _ if word == "repeat" && (found.starts_with(|c: char| c.is_ascii_digit()) || found == "(") => {
            let number = [found, rest]
                .concat()
                .trim_start_matches('(')
                .split(|c: char| !c.is_ascii_digit())
                .next()
                .unwrap_or("3")
                .to_owned();
            Some(
                Explained::at(
                    site.here(),
                    "how often a loop runs is said by `max`",
                    format!("write `repeat max {number} {{ … }}`"),
                )
                .covering(site.line_end()),
            )
        }
        "until" if first == "repeat" || line.contains("= repeat") => Some(
            Explained::at(site.here(), "`until` stands after the block", "write `repeat max 3 { … } until condition`")
                .covering(site.line_end()),
        ),
        "max" if head.contains("until") => {
            let number = first_word(rest.trim());
            // At the head of the loop, which has no bound otherwise.
            let from = site.before.saturating_sub(4_000);
            let span = match site.text.get(from..site.before).and_then(|text| text.rfind("repeat {")) {
                Some(at) => Span::new(from + at, from + at + "repeat".len()),
                None => site.here(),
            };
            Some(
                Explained::at(
                    span,
                    "the bound of a loop stands at its beginning",
                    format!("write `repeat max {number} {{ … }} until …`"),
                )
                .covering(site.line_end()),
            )
        }
        "then" if head.contains("if ") => Some(
            Explained::at(
                site.here(),
                "the block of `if` must be in braces",
                if_in_braces(operand_before(&line[line.rfind("if ").unwrap_or(0)..]), rest.trim()),
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
            let help = match branches.split_once(" else ") {
                Some((yes, no)) => format!("write `if {condition} {{ {} }} else {{ {} }}`", yes.trim(), no.trim()),
                None => format!("write `if {condition} {{ {} }}`", branches.trim()),
            };
            Some(Explained::at(site.here(), "the block of `if` must be in braces", help).covering(site.line_end()))
        }
        _ => None,
    }
}

fn if_in_braces(condition: &str, branches: &str) -> String {
    match branches.split_once(" else ") {
        Some((yes, no)) => format!("write `if {condition} {{ {} }} else {{ {} }}`", yes.trim(), no.trim()),
        None => "write `if condition { … } else { … }`".to_owned(),
    }
}

/// The message of a gate, which follows after a comma.
fn gate_message(site: &Site<'_>, message: &str) -> Explained {
    let condition = site.line.trim_start().trim_start_matches(site.first).trim().trim_start_matches('(');
    let message = message.split('"').nth(1).map_or("message", |text| text);
    let help = format!("write `{} {condition}, \"{message}\"`", site.first);
    Explained::at(site.here(), format!("the message of a `{}` follows after a comma", site.first), help)
        .covering(site.line_end())
}

/// Stages.
fn explain_stages(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    if matches!(first, "gate" | "warn") && site.operator && !place.expression {
        match found {
            "->" | ":" | "{" | "or" | "else" => return Some(gate_message(site, rest)),
            "," if head.contains('(') => return Some(gate_message(site, rest)),
            _ if found.starts_with('"') => return Some(gate_message(site, &[found, rest].concat())),
            "=" => return Some(Explained::at(site.here(), "`=` does not compare", "write `==`").instead("==")),
            _ => {}
        }
    }
    if first == "gate" && word == "or" && found == "fail" {
        let condition = head.trim_start_matches("gate").trim().trim_end_matches("or").trim();
        return Some(
            Explained::at(
                site.here(),
                "the message of a `gate` follows after a comma",
                format!("write `gate {condition}, {}`", rest.trim()),
            )
            .covering(site.line_end()),
        );
    }
    if first != "stage" {
        return None;
    }
    let name = first_word(head.trim_start_matches("stage").trim_start());
    let name = if name.is_empty() { "name" } else { name };
    match found {
        "->" if head == format!("stage {name}") && !rest.contains('=') => {
            let help = format!("write `stage {name} = {}`", rest.trim());
            Some(Explained::at(site.here(), "a stage has a name and `=`", help).instead("=").covering(site.line_end()))
        }
        "->" if head == format!("stage {name}") => {
            let ty = rest.split('=').next().unwrap_or_default().trim();
            let call = rest.split_once('=').map_or("skill(…)", |(_, call)| call.trim());
            let help = format!("write `stage {name}: {ty} = {call}`");
            Some(
                Explained::at(site.here(), "the type of a stage follows after `:`", help)
                    .instead(":")
                    .covering(site.line_end()),
            )
        }
        "(" if head == format!("stage {name}") && !place.expression => {
            let arguments = operand_after(rest.split(')').next().unwrap_or_default());
            let help = format!("write `stage {name}_result = {name}({arguments})`");
            Some(Explained::at(site.here(), "a stage has a name and `=`", help).covering(site.line_end()))
        }
        "(" if line.contains(':') && !line.contains('=') => {
            let call = head.split_once(':').map_or("", |(_, call)| call.trim());
            let help = format!("write `stage {name} = {call}({}`", rest.trim());
            Some(Explained::at(site.here(), "a stage has a name and `=`", help).covering(site.line_end()))
        }
        "(" if !place.expression && !site.operator => Some(
            Explained::at(site.here(), "a stage has a name and `=`", "write `stage name = skill(…)`")
                .covering(site.line_end()),
        ),
        "{" if head == format!("stage {name}") => Some(
            Explained::at(
                site.here(),
                "a stage has a name and `=`",
                format!("write `stage {name} = skill(…)`, or `stage {name} = parallel {{ … }}`"),
            )
            .covering(site.block_end()),
        ),
        _ if found.starts_with('"') && head == "stage" => Some(
            Explained::at(site.here(), "the name of a stage is a word", "write `stage name = skill(…)`")
                .covering(site.block_end()),
        ),
        "{" if word == "race" => Some(
            Explained::at(site.word_span(), "there is no `race`", "write `parallel first { … }`")
                .covering(site.block_end()),
        ),
        "{" if word == "all" => Some(
            Explained::at(site.word_span(), "there is no `all`", "write `parallel { … }`").covering(site.block_end()),
        ),
        "if" | "when" | "unless" if site.operator => {
            let call = head.split_once('=').map_or("skill(…)", |(_, call)| call.trim());
            let condition = rest.trim();
            let (condition, not) =
                if found == "unless" { (format!("not ({condition})"), "") } else { (condition.to_owned(), "") };
            let help =
                format!("write `stage {name} = if {condition}{not} {{ stage it = {call} }}`: then it may be null");
            Some(Explained::at(site.here(), format!("a stage has no `{found}`"), help).covering(site.line_end()))
        }
        _ if matches!(word, "run" | "prompt" | "agent" | "http" | "sh" | "mcp" | "exec" | "bash" | "shell")
            && head.ends_with(&format!("= {word}")) =>
        {
            let effect = [found, rest].concat();
            let help = format!(
                "declare a skill, `skill {name}_skill() -> string {{ {word} {} }}`, and write `stage {name} = {name}_skill()`",
                effect.trim()
            );
            Some(Explained::at(site.word_span(), "an effect stands in a skill", help).covering(site.line_end()))
        }
        _ => None,
    }
}

/// Values.
fn explain_values(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    match found {
        "if" if site.operator && !place.expression => {
            let (condition, other) = rest.split_once(" else ").unwrap_or((rest, "…"));
            let value = operand_before(line);
            let help = format!("write `if {} {{ {value} }} else {{ {} }}`", condition.trim(), operand_after(other));
            Some(Explained::at(site.here(), "the condition stands first", help).covering(site.line_end()))
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
            Some(Explained::at(site.here(), "a list is made by methods", help).covering(site.line_end()))
        }
        "{" if site.operator && !word.is_empty() && word.starts_with(char::is_uppercase) => {
            let fields = rest.split('}').next().unwrap_or_default().trim();
            let help = format!("write `{{ {fields} }}` where a `{word}` is expected");
            Some(
                Explained::at(site.word_span(), "a record is written without the name of its type", help)
                    .covering(site.line_end()),
            )
        }
        "{" if site.operator && glued_call(line, "map") => Some(lambda_in_braces(site)),
        "{" if place.expression && line.ends_with('|') => {
            let body =
                rest.split('}').next().unwrap_or_default().trim().trim_start_matches("return ").trim_end_matches(';');
            let help =
                format!("write `|{}| {body}`", line.trim_end_matches('|').rsplit('|').next().unwrap_or_default());
            Some(
                Explained::at(site.here(), "the body of a lambda is an expression without braces", help)
                    .covering(site.line_end()),
            )
        }
        "{" if place.expression && !place.declaration && rest.contains('=') && !rest.contains("==") => {
            let fields = rest.split('}').next().unwrap_or_default().replace(" = ", ": ").replace('=', ": ");
            Some(
                Explained::at(site.here(), "a record is written with `:`", format!("write `{{ {} }}`", fields.trim()))
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
            Some(Explained::at(site.here(), "a record is written with `:`", help).covering(site.line_end()))
        }
        "{" if place.expression && !place.declaration && word.is_empty() && head.ends_with('=') => {
            Some(Explained::at(site.here(), "a record is written with `:`", "write `{ key: value }`"))
        }
        "{" if site.operator && line.contains("function(") => {
            let params = line.rsplit('(').next().unwrap_or_default().trim_end_matches(')');
            let body =
                rest.split('}').next().unwrap_or_default().trim().trim_start_matches("return ").trim_end_matches(';');
            Some(
                Explained::at(
                    site.here(),
                    "the parameters of a lambda are written between bars",
                    format!("write `|{params}| {}`", body.trim()),
                )
                .covering(site.line_end()),
            )
        }
        "(" if word == "let" || word == "var" => Some(
            Explained::at(
                site.here(),
                "there are no tuples",
                "write a `let` for each, or take a record apart: `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "[" if word == "env" => Some(
            Explained::at(site.here(), "`env` names each variable with its value", "write `env { NAME: value }`")
                .covering(site.line_end()),
        ),
        "where" if site.begins_line() => Some(
            Explained::at(
                site.here(),
                "a stage has no `where`",
                format!("write `gate {}, \"message\"` after the stage", rest.trim()),
            )
            .covering(site.line_end()),
        ),
        _ if word == "each" && first == "for" => Some(
            Explained::at(
                site.word_span(),
                "a `for` has no `each`",
                format!("write `for {found}{}`", rest.trim_end().trim_end_matches('{').trim_end()),
            )
            .covering(site.line_end()),
        ),
        "[" if word == "let" || word == "var" => Some(
            Explained::at(
                site.here(),
                "a list is not taken apart",
                "write `let first = xs[0]`; the fields of a record are `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "," if matches!(first, "let" | "var") && site.operator => Some(
            Explained::at(
                site.here(),
                format!("`{first}` declares one name"),
                format!("write another `{first}` on a line of its own"),
            )
            .covering(site.line_end()),
        ),
        "," if matches!(first, "let" | "var") => Some(
            Explained::at(
                site.here(),
                format!("`{first}` declares one name"),
                "write a `let` for each, or take a record apart: `let { a, b } = record`",
            )
            .covering(site.line_end()),
        ),
        "," if first == "log" => {
            let value = operand_after(rest);
            Some(
                Explained::at(site.here(), "`log` writes one text", format!("write `log \"… $<{value}>\"`"))
                    .covering(site.line_end()),
            )
        }
        "." if first == "log" => {
            Some(Explained::at(site.here(), "`log` is a statement", "write `log \"…\"`").covering(site.line_end()))
        }
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
                    Explained::at(
                        site.here(),
                        "the parameters of a lambda are written between bars",
                        format!("write `|{params}| {body}`"),
                    )
                    .covering(site.line_end()),
                );
            }
            Some(
                Explained::at(site.here(), "there are no tuples", "write a record: `{ first: a, second: b }`")
                    .covering(site.line_end()),
            )
        }
        "," if first == "return" => Some(
            Explained::at(
                site.here(),
                "a cascade returns one value",
                "write a record: `return { first: a, second: b }`",
            )
            .covering(site.line_end()),
        ),
        "," if site.operator && rest.contains("->") => Some(
            Explained::at(
                site.here(),
                "alternatives of a pattern are joined by `|`",
                format!("write `{head} | {}`", rest.trim()),
            )
            .instead(" |")
            .covering(site.line_end()),
        ),
        "=" if line
            .rfind('(')
            .is_some_and(|open| line[..open].ends_with(is_name_char) && !line[open..].contains(')'))
            && site.operator =>
        {
            Some(
                Explained::at(
                    site.here(),
                    "an argument's name is followed by `:`",
                    format!("write `{word}: {}`", operand_after(rest)),
                )
                .covering(site.line_end()),
            )
        }
        "=" if matches!(first, "if") || line.contains("if ") => {
            Some(Explained::at(site.here(), "`=` does not compare", "write `==`").instead("=="))
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
                Explained::at(site.here(), format!("`{word}` has no `=`"), "its value follows after a space")
                    .covering(site.line_end()),
            )
        }
        _ if word == "times" && first == "retry" => {
            Some(Explained::at(site.word_span(), "`retry` is followed by a number alone", "write `retry 3`"))
        }
        _ => None,
    }
}

fn glued_call(line: &str, _name: &str) -> bool {
    let method = last_word(line);
    matches!(method, "map" | "filter" | "forEach" | "each" | "any" | "all" | "find" | "flat_map" | "reduce")
        && line.contains('.')
}

fn lambda_in_braces(site: &Site<'_>) -> Explained {
    let body = site.rest.split('}').next().unwrap_or_default().trim();
    let (params, body) = body.split_once("->").map_or(("x", body), |(params, body)| (params.trim(), body.trim()));
    let body = if params == "x" { body.replace("it ", "x ") } else { body.to_owned() };
    Explained::at(site.here(), "a lambda stands in parentheses", format!("write `{}(|{params}| {body})`", site.word))
        .covering(site.line_end())
}

/// Words between operands, prefixes of texts, types before names.
fn explain_names(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, glued, .. } = *site;
    let begins_word = found.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if found.starts_with('"') && glued && matches!(word, "f" | "r" | "b" | "u" | "fr" | "rf" | "F" | "R" | "s" | "raw")
    {
        let help = if matches!(word, "r" | "raw" | "R") {
            "write `\"…\"`; a backslash is `\\\\`"
        } else {
            "write `\"…\"`: a value in it is `$<name>`"
        };
        return Some(
            Explained::at(site.word_span(), format!("a string has no `{word}` before it"), help)
                .covering(site.line_end()),
        );
    }
    if place.test_line
        || line.trim_start().starts_with("expect ")
        || line.trim_start().starts_with("mock ")
        || (line.trim_start().starts_with("run ") && found == "->")
    {
        return explain_tests(site);
    }
    if site.operator
        && !place.expression
        && begins_word
        && let Some((word, help)) = OPERATORS.iter().find(|(w, _)| *w == found)
    {
        let negated = rest.trim_start().starts_with("not ");
        let value = rest.trim_start().trim_start_matches("not ").trim();
        let null = value.starts_with("None") || value.starts_with("null") || value.starts_with("nil");
        let (help, instead) = match (*word, null) {
            ("is", true) => {
                let sign = if negated { "!=" } else { "==" };
                (format!("write `{} {sign} null`", operand_before(line)), None)
            }
            ("is", false) if !negated => ("write `==`".to_owned(), Some("==")),
            _ => ((*help).to_owned(), None),
        };
        let explained =
            Explained::at(site.here(), format!("there is no operator `{word}`"), help).covering(site.line_end());
        return Some(match instead {
            Some(text) => explained.instead(text),
            None => explained,
        });
    }
    if matches!(first, "let" | "var")
        && begins_word
        && !place.expression
        && line.trim_start() == format!("{first} {word}")
        && word != first
    {
        if matches!(word, "mut" | "const") {
            let help = format!("write `var {found}{rest}`");
            return Some(
                Explained::at(site.word_span(), format!("there is no `{word}`"), help).covering(site.line_end()),
            );
        }
        let ty = translate_type(found).unwrap_or_else(|| found.to_owned());
        return Some(
            Explained::at(site.here(), "the type follows after `:`", format!("write `{first} {word}: {ty}{rest}`"))
                .covering(site.line_end()),
        );
    }
    let type_word = matches!(
        word,
        "int"
            | "string"
            | "float"
            | "bool"
            | "path"
            | "json"
            | "duration"
            | "money"
            | "str"
            | "number"
            | "String"
            | "boolean"
            | "double"
    );
    if type_word && begins_word && !place.expression {
        return Some(
            Explained::at(site.back(word.len()), "a value begins with `let`", format!("write `let {found} = …`"))
                .covering(site.line_end()),
        );
    }

    if matches!(
        found,
        "prompt"
            | "run"
            | "system"
            | "needs"
            | "output"
            | "http"
            | "agent"
            | "temperature"
            | "max_tokens"
            | "model"
            | "tools"
            | "env"
            | "exit"
            | "stdin"
            | "attach"
    ) && rest.trim_start().starts_with([':', '='])
    {
        if found == "model" {
            return Some(Explained::at(
                site.here(),
                "a skill does not choose its model",
                "a stage does: `stage answer = skill(…) using claude`; `needs [reasoning]` says what the model must have",
            ));
        }
        let sign = if rest.trim_start().starts_with(':') { ':' } else { '=' };
        return Some(
            Explained::at(site.here(), format!("`{found}` has no `{sign}`"), "its value follows after a space")
                .covering(site.line_end()),
        );
    }
    if first == "run" && line.trim_start() == format!("run {word}") && word != "run" && !glued {
        let command = format!("{word} {found}{rest}");
        return Some(
            Explained::at(
                site.word_span(),
                "a command is written in `sh\"…\"`",
                format!("write `run sh\"{}\"`", command.trim()),
            )
            .covering(site.line_end()),
        );
    }
    if matches!(found, "cwd" | "in" | "dir" | "from") && first == "run" {
        return Some(
            Explained::at(
                site.here(),
                "the folder of a command follows after `in`",
                format!("write `in {}`", rest.trim()),
            )
            .instead("in")
            .covering(site.line_end()),
        );
    }
    if found == "=" && matches!(first, "env" | "body" | "headers" | "query") {
        return Some(
            Explained::at(
                site.here(),
                "an entry is written with `:`",
                format!("write `{word}: {}`", operand_after(rest)),
            )
            .covering(site.enclosing_end()),
        );
    }
    if first == "http" && !place.expression {
        let url = [found, rest].concat();
        if word == "http" && found.starts_with('"') {
            return Some(
                Explained::at(
                    site.here(),
                    "the method of a request stands first",
                    format!("write `http get {}`", url.trim()),
                )
                .covering(site.line_end()),
            );
        }
        if word == "http" && found == "{" {
            return Some(
                Explained::at(
                    site.here(),
                    "the method and the address stand first",
                    "write `http get url { headers: … }`",
                )
                .covering(site.block_end()),
            );
        }
        if matches!(found, "json" | "body" | "data" | "headers" | "with" | ",") {
            return Some(
                Explained::at(
                    site.here(),
                    "what is sent stands in braces",
                    "write `http post url { body: value, headers: { … } }`",
                )
                .covering(site.line_end()),
            );
        }
    }
    if first == "exit" && word == "exit" && found.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(
            Explained::at(
                site.here(),
                "the exit codes that are no failure are a list",
                format!("write `exit [{found}]`"),
            )
            .covering(site.line_end()),
        );
    }
    if first == "mcp" && found == "(" {
        return Some(
            Explained::at(
                site.here(),
                "the arguments of a tool are a record",
                "write `mcp server.tool { key: value }`",
            )
            .covering(site.line_end()),
        );
    }
    if matches!(first, "needs" | "tools") && found.starts_with('"') {
        return Some(
            Explained::at(
                site.here(),
                "names stand without quotes",
                format!("write `[{}]`", rest.split('"').next().unwrap_or_default()),
            )
            .covering(site.line_end()),
        );
    }
    None
}

/// Lines of tests.
fn explain_tests(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, word, rest, .. } = *site;
    let head = line.trim_start();
    if head.starts_with("run ") && found == "->" {
        return Some(
            Explained::at(
                site.here(),
                "what a run gives is `result`",
                format!("write `expect result == {}` on the next line", rest.trim()),
            )
            .covering(site.line_end()),
        );
    }
    if let Some(mock) = head.strip_prefix("mock ") {
        let skill = mock.split(|c: char| !(is_name_char(c) || c == '.')).next().unwrap_or_default();
        let all = [found, rest].concat();
        let value = match all.split_once("->") {
            Some((_, value)) => value,
            None if found == "{" => all.trim_matches(['{', '}', ' ']).trim_start_matches("return "),
            None => all.trim_start_matches(['=', ':']),
        };
        let help = if matches!(word, "fails" | "throws" | "raises" | "errors") {
            format!("write `mock {skill} fails(command_failed)`")
        } else {
            format!("write `mock {skill} -> {}`", value.trim())
        };
        let message =
            if found == "(" { "a mock answers whatever the arguments are" } else { "a mock says what the skill gives" };
        return Some(Explained::at(site.here(), message, help).covering(site.line_end()));
    }
    let expected = head.strip_prefix("expect ")?;
    if let Some(stage) = expected.strip_prefix("stage ").map(first_word) {
        let times = match found.trim_end_matches('x') {
            "once" => Some("1".to_owned()),
            "twice" => Some("2".to_owned()),
            "thrice" => Some("3".to_owned()),
            number if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) => Some(number.to_owned()),
            _ => None,
        };
        let help = match times {
            Some(times) => format!("write `expect stage {stage} ran times {times}`"),
            None => format!("write `expect stage {stage} ran`, `skipped` or `failed`"),
        };
        return Some(Explained::at(site.here(), "a stage ran, was skipped or failed", help).covering(site.line_end()));
    }
    let name = first_word(expected);
    let value = rest.trim_start_matches("equal ").trim().trim_start_matches("equal ").trim_start_matches("be ");
    match found {
        "to" | "is" | "=" | "equals" | "toBe" | "be" => {
            let value = if found == "to" { value.trim_start_matches("equal").trim() } else { value };
            Some(
                Explained::at(site.here(), "values are compared by `==`", format!("write `expect {name} == {value}`"))
                    .covering(site.line_end()),
            )
        }
        "called" | "ran" | "runs" => Some(
            Explained::at(site.here(), "what ran is a stage", "write `expect stage name ran`")
                .covering(site.line_end()),
        ),
        "stage" if word == "not" => {
            let stage = first_word(rest.trim_start());
            Some(
                Explained::at(
                    site.here(),
                    "a stage ran, was skipped or failed",
                    format!("write `expect stage {stage} skipped`"),
                )
                .covering(site.line_end()),
            )
        }
        _ if matches!(word, "throws" | "fails" | "raises" | "error") => Some(
            Explained::at(
                site.here(),
                "a failure has a kind",
                "write `expect fails`, or `expect fails(command_failed)`",
            )
            .covering(site.line_end()),
        ),
        _ => None,
    }
}
