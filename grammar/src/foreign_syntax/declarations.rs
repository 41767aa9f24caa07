//! Declarations, imports and heads of blocks as other languages write them.

use super::{Explained, Site, first_word, no_such_word, types::translate_type};

/// Words that begin a declaration elsewhere. `{name}` is the next word.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["function", "def", "func", "fun", "sub", "proc"],
        "write `fn` for what is pure, `skill` for an effect, `cascade` for what is run",
    ),
    (
        &["class", "struct", "interface", "dataclass", "schema", "message", "object"],
        "write `type {name} { field: string }`",
    ),
    (&["impl", "trait", "abstract"], "a type has fields only; what is computed of it is a `fn`"),
    (
        &["tool", "task", "action", "node", "agent", "prompt", "activity", "step", "component", "template"],
        "write `skill {name}(…) -> string { … }`; what is run is a `cascade`",
    ),
    (&["client", "provider", "llm"], "write `model {name} { provider: …, id: … }`"),
    (&["use", "using", "include", "require", "load", "from"], "write `import std.models { auto }`"),
    (
        &["export", "pub", "public", "private", "static"],
        "leave it out: what a file declares can be imported, if it does not begin with `_`",
    ),
    (&["package", "module", "namespace", "mod"], "leave it out: a file is a module, named by its path"),
    (
        &["resource", "data", "provider", "terraform", "locals"],
        "write `type`, `skill` or `cascade`; a value is `let name = …`",
    ),
    (
        &["variable", "input", "inputs", "param", "parameter"],
        "an input is a parameter of the cascade: `cascade name(x: string)`",
    ),
    (&["output", "outputs"], "a result is what the cascade returns: `cascade name() -> string { … return x }`"),
    (
        &[
            "job", "jobs", "steps", "stage", "stages", "on", "name", "version", "runs", "env", "graph", "workflow",
            "pipeline", "run", "tasks",
        ],
        "write `cascade name(…) { stage a = skill(…) }`",
    ),
    (&["describe", "it", "spec", "suite", "scenario"], "write `test \"what it shows\" { … }`"),
    (
        &["if", "for", "match", "repeat", "parallel", "return", "log", "gate", "while", "print"],
        "statements stand in a cascade: `cascade main() { … }`",
    ),
    (&["union", "variant", "sealed", "oneof"], "write `enum {name} { low, high }`"),
];

/// What a file imports, for help.
fn import_help(names: &str, module: &str) -> String {
    let module = module.trim_matches(['"', '\'', ';', ' ']).replace("::", ".").replace('/', ".");
    let names = names.trim().trim_matches(['{', '}']).trim();
    let known = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_., ".contains(c));
    if known(&module) && known(names) {
        format!("write `import {module} {{ {names} }}`")
    } else {
        "write `import std.models { claude }`".to_owned()
    }
}

pub(super) fn explain_declaration(site: &Site<'_>) -> Option<Explained> {
    let Site { place, found, line, first, word, rest, .. } = *site;
    let head = line.trim_start();
    if word == "import" && found == "{" && !rest.is_empty() {
        let (names, module) = rest.split_once('}').unwrap_or(("", ""));
        let module = module.trim_start().strip_prefix("from").unwrap_or_default();
        return Some(
            Explained::new_at(site.token_span(), "an import names its module first", import_help(names, module))
                .covering(site.line_end()),
        );
    }
    if word == "import" && found == "*" {
        let module = rest.split(" from ").nth(1).unwrap_or_default();
        let name = module.trim_matches(['"', '\'', ';', ' ']);
        let name = if name.is_empty() { "std.models" } else { name };
        return Some(
            Explained::new_at(site.token_span(), "a module is imported by its name", format!("write `import {name}`"))
                .covering(site.line_end()),
        );
    }
    if place.declaration && site.begins_line() {
        if found == "from" {
            let (module, names) = rest.split_once("import").unwrap_or(("", ""));
            return Some(
                Explained::new_at(site.token_span(), "an import begins with `import`", import_help(names, module))
                    .covering(site.line_end()),
            );
        }
        if found == "use" {
            let path = rest.trim().trim_end_matches(';').replace("::", ".");
            let (module, names) = path.rsplit_once('.').unwrap_or(("", ""));
            return Some(
                Explained::new_at(site.token_span(), "an import begins with `import`", import_help(names, module))
                    .covering(site.line_end()),
            );
        }
        if found == "test" {
            return Some(Explained::new_at(
                site.token_span(),
                "the name of a test is text",
                "write `test \"what it shows\" { … }`",
            ));
        }
        let next = first_word(rest.trim_start_matches([' ', '"']));
        if let Some((_, help)) = WORDS.iter().find(|(words, _)| words.contains(&found)) {
            let name = if next.is_empty() { "name" } else { next };
            return Some(
                Explained::new_at(
                    site.token_span(),
                    format!("`{found}` declares nothing"),
                    help.replace("{name}", name),
                )
                .covering(site.indented_end()),
            );
        }
        let after = rest.trim_start();
        if first_word(found) == found && !found.is_empty() {
            if after.starts_with('=') && !after.starts_with("==") {
                let help = format!("write `let {found} {}`", after.trim_end().trim_end_matches(';'));
                return Some(
                    Explained::new_at(site.token_span(), "a value of a file begins with `let`", help)
                        .covering(site.line_end()),
                );
            }
            if after.starts_with('(') && after.trim_end().ends_with('{') {
                let help = format!(
                    "write `cascade {found}{}`, or `skill`, or `fn`",
                    rest.trim_end().trim_end_matches('{').trim_end()
                );
                return Some(
                    Explained::new_at(site.token_span(), "a declaration begins with what it is", help)
                        .covering(site.indented_end()),
                );
            }
        }
    }
    let head_word = matches!(first, "fn" | "skill" | "cascade");
    match found {
        "then" | ":" | "return" | "do"
            if place.block && matches!(first, "if" | "for" | "else" | "repeat" | "match" | "test") =>
        {
            Some(
                Explained::new_at(
                    site.token_span(),
                    format!("the block of `{first}` must be in braces"),
                    "write `{ … }`",
                )
                .covering(site.line_end()),
            )
        }
        ":" if head_word && place.block && head.ends_with(')') => {
            let ty = rest.split(['{', '=']).next().unwrap_or_default().trim();
            let here = translate_type(ty).unwrap_or_else(|| "type".to_owned());
            Some(
                Explained::new_at(site.token_span(), "the result stands after `->`", format!("write `-> {here}`"))
                    .write_instead(" ->")
                    .covering(site.line_end()),
            )
        }
        "=" if first == "enum" && place.block && !line.contains('{') => {
            let names: Vec<&str> = rest
                .split(['|', ',', '"', '\'', '[', ']', ' '])
                .map(first_word)
                .filter(|name| !name.is_empty())
                .collect();
            let names = if names.is_empty() { "low, high".to_owned() } else { names.join(", ") };
            let name = first_word(head.trim_start_matches("enum").trim_start());
            Some(
                Explained::new_at(
                    site.token_span(),
                    "the variants of an enum must be in braces",
                    format!("write `enum {name} {{ {names} }}`"),
                )
                .covering(site.line_end()),
            )
        }
        "=" if first == "enum" && rest.trim_start().starts_with(['"', '\'']) => Some(
            Explained::new_at(
                site.token_span(),
                "a variant is its own text",
                format!("write `{word}` alone; its text in JSON is `\"{word}\"`"),
            )
            .covering(site.line_end()),
        ),
        "=" if first == "enum" => Some(
            Explained::new_at(site.token_span(), "a variant has no number", "give it a field: `low { value: int }`")
                .covering(site.line_end()),
        ),
        "=" if first == "skill" && head.contains(')') && !place.expression && place.block => Some(
            Explained::new_at(
                site.token_span(),
                "the body of a skill stands in braces",
                format!("write `{{ run {} }}`, each line on its own", rest.trim()),
            )
            .covering(site.line_end()),
        ),
        "=" if !place.expression && head_word && line.rfind('(') > line.rfind(')') => Some(Explained::new_at(
            site.token_span(),
            "the type of a parameter comes before its value",
            "write `n: int = 3`",
        )),
        "?" if head_word && head.contains('(') && !head.contains(')') && rest.trim_start().starts_with(':') => {
            let ty = rest.trim_start().trim_start_matches(':').split([',', ')']).next().unwrap_or_default();
            let ty = translate_type(ty).unwrap_or_else(|| "string".to_owned());
            Some(
                Explained::new_at(
                    site.token_span(),
                    "`?` stands after the type",
                    format!("write `{word}: {ty}? = null`"),
                )
                .covering(site.line_end()),
            )
        }
        ")" | ","
            if head_word
                && !place.expression
                && !place.operator
                && !word.is_empty()
                && !head.contains(')')
                && !head.ends_with('(') =>
        {
            Some(
                Explained::new_at(site.word_span(), "a parameter has a type", format!("write `{word}: string`"))
                    .covering(site.line_end()),
            )
        }
        "{" if first == "fn" && place.block && !head.contains("->") => {
            Some(Explained::new_at(site.token_span(), "a fn says what it gives", "write `-> type` before the body"))
        }
        "cascade" | "skill" | "type" | "enum" | "test" | "fn" | "import" | "model"
            if site.begins_line() && place.statement =>
        {
            Some(
                Explained::new_at(
                    site.token_span(),
                    format!("`{found}` stands between declarations"),
                    format!("move `{found}{rest}` before or after this declaration"),
                )
                .covering(site.indented_end()),
            )
        }
        _ if head_word
            && !place.expression
            && !word.is_empty()
            && first_word(found) == found
            && !found.is_empty()
            && head.contains('(')
            && !head.contains(')') =>
        {
            let known = |text: &str| {
                translate_type(text).is_some_and(|here| here != text)
                    || matches!(text, "int" | "string" | "float" | "bool" | "path" | "json" | "duration" | "money")
            };
            let help = if known(word) {
                let here = translate_type(word).unwrap_or_else(|| word.to_owned());
                format!("write `{found}: {here}`")
            } else {
                format!("write `{word}: {}`", translate_type(found).unwrap_or_else(|| found.to_owned()))
            };
            let span = site.span_before(word.len());
            Some(Explained::new_at(span, "the type is written after the name", help).covering(site.line_end()))
        }
        _ if found == "default" && place.declaration => {
            Some(Explained::new_at(site.token_span(), no_such_word(found), "leave it out"))
        }
        _ => None,
    }
}
