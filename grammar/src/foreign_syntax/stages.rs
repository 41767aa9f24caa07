//! Stages, and what `gate` and `warn` say, as other languages write them.

use super::{Explained, Site, first_word, operators::operand_after};

/// Stages.
pub(super) fn explain_stage(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, .. } = *site;
    let head = line.trim_start();
    if matches!(first, "gate" | "warn") && site.operator && !place.expression {
        match found {
            "->" | ":" | "{" | "or" | "else" => return Some(gate_message(site, rest)),
            "," if head.contains('(') => return Some(gate_message(site, rest)),
            _ if found.starts_with('"') => return Some(gate_message(site, &[found, rest].concat())),
            "=" => {
                return Some(
                    Explained::new_at(site.token_span(), "`=` does not compare", "write `==`").write_instead("=="),
                );
            }
            _ => {}
        }
    }
    if first == "gate" && word == "or" && found == "fail" {
        let condition = head.trim_start_matches("gate").trim().trim_end_matches("or").trim();
        return Some(
            Explained::new_at(
                site.token_span(),
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
            Some(
                Explained::new_at(site.token_span(), "a stage has a name and `=`", help)
                    .write_instead("=")
                    .covering(site.line_end()),
            )
        }
        "->" if head == format!("stage {name}") => {
            let ty = rest.split('=').next().unwrap_or_default().trim();
            let call = rest.split_once('=').map_or("skill(…)", |(_, call)| call.trim());
            let help = format!("write `stage {name}: {ty} = {call}`");
            Some(
                Explained::new_at(site.token_span(), "the type of a stage follows after `:`", help)
                    .write_instead(":")
                    .covering(site.line_end()),
            )
        }
        "(" if head == format!("stage {name}") && !place.expression => {
            let arguments = operand_after(rest.split(')').next().unwrap_or_default());
            let help = format!("write `stage {name}_result = {name}({arguments})`");
            Some(Explained::new_at(site.token_span(), "a stage has a name and `=`", help).covering(site.line_end()))
        }
        "(" if line.contains(':') && !line.contains('=') => {
            let call = head.split_once(':').map_or("", |(_, call)| call.trim());
            let help = format!("write `stage {name} = {call}({}`", rest.trim());
            Some(Explained::new_at(site.token_span(), "a stage has a name and `=`", help).covering(site.line_end()))
        }
        "(" if !place.expression && !site.operator => Some(
            Explained::new_at(site.token_span(), "a stage has a name and `=`", "write `stage name = skill(…)`")
                .covering(site.line_end()),
        ),
        "{" if head == format!("stage {name}") => Some(
            Explained::new_at(
                site.token_span(),
                "a stage has a name and `=`",
                format!("write `stage {name} = skill(…)`, or `stage {name} = parallel {{ … }}`"),
            )
            .covering(site.block_end()),
        ),
        _ if found.starts_with('"') && head == "stage" => Some(
            Explained::new_at(site.token_span(), "the name of a stage is a word", "write `stage name = skill(…)`")
                .covering(site.block_end()),
        ),
        "{" if word == "race" => Some(
            Explained::new_at(site.word_span(), "there is no `race`", "write `parallel first { … }`")
                .covering(site.block_end()),
        ),
        "{" if word == "all" => Some(
            Explained::new_at(site.word_span(), "there is no `all`", "write `parallel { … }`")
                .covering(site.block_end()),
        ),
        "if" | "when" | "unless" if site.operator => {
            let call = head.split_once('=').map_or("skill(…)", |(_, call)| call.trim());
            let condition = rest.trim();
            let (condition, not) =
                if found == "unless" { (format!("not ({condition})"), "") } else { (condition.to_owned(), "") };
            let help =
                format!("write `stage {name} = if {condition}{not} {{ stage it = {call} }}`: then it may be null");
            Some(
                Explained::new_at(site.token_span(), format!("a stage has no `{found}`"), help)
                    .covering(site.line_end()),
            )
        }
        _ if matches!(word, "run" | "prompt" | "agent" | "http" | "sh" | "mcp" | "exec" | "bash" | "shell")
            && head.ends_with(&format!("= {word}")) =>
        {
            let effect = [found, rest].concat();
            let help = format!(
                "declare a skill, `skill {name}_skill() -> string {{ {word} {} }}`, and write `stage {name} = {name}_skill()`",
                effect.trim()
            );
            Some(Explained::new_at(site.word_span(), "an effect stands in a skill", help).covering(site.line_end()))
        }
        _ => None,
    }
}

/// The message of a gate, which follows after a comma.
pub(super) fn gate_message(site: &Site<'_>, message: &str) -> Explained {
    let condition = site.line.trim_start().trim_start_matches(site.first).trim().trim_start_matches('(');
    let message = message.split('"').nth(1).map_or("message", |text| text);
    let help = format!("write `{} {condition}, \"{message}\"`", site.first);
    Explained::new_at(site.token_span(), format!("the message of a `{}` follows after a comma", site.first), help)
        .covering(site.line_end())
}
