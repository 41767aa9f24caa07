//! Words between operands, prefixes of texts, types before names, as other languages write them.

use super::{
    Explained, Site,
    operators::{operand_after, operand_before},
    tests_of_programs,
    types::translate_type,
};

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

/// Words between operands, prefixes of texts, types before names.
pub(super) fn explain_word(site: &Site<'_>) -> Option<Explained> {
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
            Explained::new_at(site.word_span(), format!("a string has no `{word}` before it"), help)
                .covering(site.line_end()),
        );
    }
    if place.test_line
        || line.trim_start().starts_with("expect ")
        || line.trim_start().starts_with("mock ")
        || (line.trim_start().starts_with("run ") && found == "->")
    {
        return tests_of_programs::explain(site);
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
        let explained = Explained::new_at(site.token_span(), format!("there is no operator `{word}`"), help)
            .covering(site.line_end());
        return Some(match instead {
            Some(text) => explained.write_instead(text),
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
                Explained::new_at(site.word_span(), format!("there is no `{word}`"), help).covering(site.line_end()),
            );
        }
        let ty = translate_type(found).unwrap_or_else(|| found.to_owned());
        return Some(
            Explained::new_at(
                site.token_span(),
                "the type follows after `:`",
                format!("write `{first} {word}: {ty}{rest}`"),
            )
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
            Explained::new_at(
                site.span_before(word.len()),
                "a value begins with `let`",
                format!("write `let {found} = …`"),
            )
            .covering(site.line_end()),
        );
    }
    explain_skill_line(site)
}

/// Lines of a skill whose parts stand in the order of another language.
fn explain_skill_line(site: &Site<'_>) -> Option<Explained> {
    let Site { found, line, first, word, rest, place, glued, .. } = *site;
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
            return Some(Explained::new_at(
                site.token_span(),
                "a skill does not choose its model",
                "a stage does: `stage answer = skill(…) using claude`; `needs [reasoning]` says what the model must have",
            ));
        }
        let sign = if rest.trim_start().starts_with(':') { ':' } else { '=' };
        return Some(
            Explained::new_at(
                site.token_span(),
                format!("`{found}` has no `{sign}`"),
                "its value follows after a space",
            )
            .covering(site.line_end()),
        );
    }
    if first == "run" && line.trim_start() == format!("run {word}") && word != "run" && !glued {
        let written = format!("{found}{rest}");
        // Backticks are how other languages quote a command.
        let quoted = written.trim().strip_prefix('`').and_then(|inner| inner.strip_suffix('`'));
        let command = match quoted.filter(|inner| word == "sh" && !inner.contains('`')) {
            Some(inner) => inner.to_owned(),
            None => format!("{word} {written}"),
        };
        return Some(
            Explained::new_at(
                site.word_span(),
                "a command is written in `sh\"…\"`",
                format!("write `run sh\"{}\"`", command.trim()),
            )
            .covering(site.line_end()),
        );
    }
    if matches!(found, "cwd" | "in" | "dir" | "from") && first == "run" {
        return Some(
            Explained::new_at(
                site.token_span(),
                "the folder of a command follows after `in`",
                format!("write `in {}`", rest.trim()),
            )
            .write_instead("in")
            .covering(site.line_end()),
        );
    }
    if found == "=" && matches!(first, "env" | "body" | "headers" | "query") {
        return Some(
            Explained::new_at(
                site.token_span(),
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
                Explained::new_at(
                    site.token_span(),
                    "the method of a request stands first",
                    format!("write `http get {}`", url.trim()),
                )
                .covering(site.line_end()),
            );
        }
        if word == "http" && found == "{" {
            return Some(
                Explained::new_at(
                    site.token_span(),
                    "the method and the address stand first",
                    "write `http get url { headers: … }`",
                )
                .covering(site.block_end()),
            );
        }
        if matches!(found, "json" | "body" | "data" | "headers" | "with" | ",") {
            return Some(
                Explained::new_at(
                    site.token_span(),
                    "what is sent stands in braces",
                    "write `http post url { body: value, headers: { … } }`",
                )
                .covering(site.line_end()),
            );
        }
    }
    if first == "exit" && word == "exit" && found.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(
            Explained::new_at(
                site.token_span(),
                "the exit codes that are no failure are a list",
                format!("write `exit [{found}]`"),
            )
            .covering(site.line_end()),
        );
    }
    if first == "mcp" && found == "(" {
        return Some(
            Explained::new_at(
                site.token_span(),
                "the arguments of a tool are a record",
                "write `mcp server.tool { key: value }`",
            )
            .covering(site.line_end()),
        );
    }
    if matches!(first, "needs" | "tools") && found.starts_with('"') {
        return Some(
            Explained::new_at(
                site.token_span(),
                "names stand without quotes",
                format!("write `[{}]`", rest.split('"').next().unwrap_or_default()),
            )
            .covering(site.line_end()),
        );
    }
    None
}
