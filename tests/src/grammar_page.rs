//! `docs/reference/grammar.md`, written from the grammar that the compiler reads.
//!
//! What the rules do is left out: actions, names of parts, and the alternatives with which reading
//! goes on after a mistake.

use std::fmt::Write as _;

/// Rules that are explained in words, since their text tells how and not what.
const HELPERS: &[&str] = &[
    "Lines",
    "LinesSeparated",
    "Readable",
    "Separator",
    "Mark",
    "List",
    "ListSeparated",
    "ReadableList",
    "ReadableSeparated",
];

const HEAD: &str = r#"# The grammar

Written from `grammar/src/cascade.lalrpop` by a test; do not edit it here. A rule is read like this:
`A` is `A`, `"word"` is the word or the sign itself, `|` one or the other, `?` perhaps, `*` any number of
times, `+` at least once.

| | |
| --- | --- |
| `lines of X` | each on a line of its own, or with commas between |
| `list of X` | with commas between; one at the end is fine |
| `"ident"` | a name; where a rule gives no other choice, a word that is known by its place, such as `max` |
| `"line end"` | the end of a line that does not go on; see [values.md](values.md#text) |
| `"begin of item"`, `"end of item"`, `"record {"` | `{`, `}` and `{`, told apart by what stands around them |
| `"type <"` | `<` after `list` or `map` |
| `"operator"` | `+ * / % == != <= >= and or` |
| `"number"`, `"constant"` | `42`, `0.5`, `30s`, `0.50usd`; `true`, `false`, `null` |
| `"string"`, `"text"`, `"hole"`, `"hole as"`, `"hole end"`, `"string end"` | `"` or `"""`, text, `$<`, `as`, `>`, the closing quotes |
| `"command"` | `sh"` or `sh"""` |
| `"let"`, `"check"`, `"say"` | `let` or `var`; `gate` or `warn`; `log` or `fail` |
| `"clause word"`, `"clause"` | `budget`, `cache`, `branch`; `isolate`, `discard` |
| `"line word"` | `prompt`, `run`, `system`, `temperature`, `max_tokens`, `stdin`, `skill_file`, `attach` |
| `"use"`, `"escalate"`, `"skip"` | `use`, `fallback`; `escalate`, `fail`; `skip`, `redistribute` |
"#;

/// The page.
pub fn write_page(grammar: &str) -> String {
    let rules = grammar.split_once("// Files and declarations").map_or("", |(_, rules)| rules);
    let mut out = format!("{HEAD}\n## Files and declarations\n\n```text\n");
    let mut rest = rules;
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
            // A heading stands alone; what explains a rule stands right above it.
            if after.starts_with('\n') {
                let _ = write!(out, "```\n\n## {}\n\n```text\n", line.trim());
            }
            rest = after;
            continue;
        }
        let end = find_end(rest, ';');
        let (rule, after) = rest.split_at(end);
        rule_text(rule, &mut out);
        rest = after.strip_prefix(';').unwrap_or("");
    }
    out.push_str("```\n");
    out.replace("```text\n```\n\n", "")
}

/// Where a character stands outside of brackets and quotes.
fn find_end(text: &str, wanted: char) -> usize {
    let (mut depth, mut quoted, mut before) = (0i32, false, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ if c == wanted && depth == 0 => return at,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '<' => depth += 1,
            '>' if before != '=' && before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

fn rule_text(rule: &str, out: &mut String) {
    let rule = rule.trim().trim_start_matches("pub ");
    let (head, body) = rule.split_at(find_end(rule, '='));
    let name = head.split([':', '<']).next().unwrap_or_default().trim();
    if HELPERS.contains(&name) {
        return;
    }
    let body = body.trim_start_matches('=').trim();
    let body = match body.strip_prefix('{') {
        Some(inner) => inner.trim_end_matches('}'),
        None => body,
    };
    let mut ways = Vec::new();
    let mut rest = body.trim();
    while !rest.is_empty() {
        let end = find_end(rest, ',');
        let (way, after) = rest.split_at(end);
        rest = after.trim_start_matches(',').trim_start();
        let (symbols, action) = way.split_once("=>").unwrap_or((way, ""));
        let text = symbols_text(with_words(symbols.trim(), action).as_str());
        if !text.split_whitespace().any(|symbol| symbol == "!") {
            ways.push(if text.is_empty() { "nothing".to_owned() } else { text });
        }
    }
    let _ = writeln!(out, "{name}");
    for (i, way) in ways.iter().enumerate() {
        let _ = writeln!(out, "  {} {way}", if i == 0 { '=' } else { '|' });
    }
    out.push('\n');
}

/// Symbols with the words that an action insists on in the place of a name.
fn with_words(symbols: &str, action: &str) -> String {
    let mut out = symbols.to_owned();
    for wanted in action.split("tree.expect_word(").skip(1) {
        if let Some((part, rest)) = wanted.split_once(", &[")
            && let Some((words, _)) = rest.split_once(']')
        {
            out = out.replace(&format!("<{part}:\"ident\">"), &words.replace(", ", " | "));
        }
    }
    out
}

/// Symbols without the names of parts.
fn symbols_text(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = rest[1..].find('"').map_or(rest.len(), |at| at + 2);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if c == '<' {
            let end = find_end(&rest[1..], '>') + 1;
            let inner = rest[1..end].trim_start_matches("mut ");
            let generic = out.chars().last().is_some_and(char::is_alphanumeric);
            let inner = match inner.split_once(':') {
                Some((name, symbol)) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => symbol,
                _ => inner,
            };
            let inner = symbols_text(inner);
            if generic {
                let at = out.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
                let helper = out.split_off(at);
                let words = match helper.as_str() {
                    "Lines" => "lines of ",
                    "List" | "ReadableList" => "list of ",
                    _ => "",
                };
                out.push_str(words);
            }
            out.push_str(&inner);
            rest = rest.get(end + 1..).unwrap_or("");
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
