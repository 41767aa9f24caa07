//! Lines of tests as other languages write them.

use super::{Explained, Site, first_word, is_name_char};

/// Lines of tests.
pub(super) fn explain(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, word, rest, .. } = *site;
    let head = line.trim_start();
    if head.starts_with("run ") && found == "->" {
        return Some(
            Explained::new_at(
                site.token_span(),
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
        return Some(Explained::new_at(site.token_span(), message, help).covering(site.line_end()));
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
        return Some(
            Explained::new_at(site.token_span(), "a stage ran, was skipped or failed", help).covering(site.line_end()),
        );
    }
    let name = first_word(expected);
    let value = rest.trim_start_matches("equal ").trim().trim_start_matches("equal ").trim_start_matches("be ");
    match found {
        "to" | "is" | "=" | "equals" | "toBe" | "be" => {
            let value = if found == "to" { value.trim_start_matches("equal").trim() } else { value };
            Some(
                Explained::new_at(
                    site.token_span(),
                    "values are compared by `==`",
                    format!("write `expect {name} == {value}`"),
                )
                .covering(site.line_end()),
            )
        }
        "called" | "ran" | "runs" => Some(
            Explained::new_at(site.token_span(), "what ran is a stage", "write `expect stage name ran`")
                .covering(site.line_end()),
        ),
        "stage" if word == "not" => {
            let stage = first_word(rest.trim_start());
            Some(
                Explained::new_at(
                    site.token_span(),
                    "a stage ran, was skipped or failed",
                    format!("write `expect stage {stage} skipped`"),
                )
                .covering(site.line_end()),
            )
        }
        _ if matches!(word, "throws" | "fails" | "raises" | "error") => Some(
            Explained::new_at(
                site.token_span(),
                "a failure has a kind",
                "write `expect fails`, or `expect fails(command_failed)`",
            )
            .covering(site.line_end()),
        ),
        _ => None,
    }
}
