//! Generates `docs/reference/grammar.md` from the grammar of the parser.
//!
//! Left out are actions, names of parts, and the alternatives for error recovery.

use std::fmt::Write as _;

/// Rules that the page explains in words instead: their definitions only serve error recovery.
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

Generated from `grammar/src/cascade.lalrpop` by a test; do not edit this page. In a rule, `A` refers to the rule `A`,
`"word"` is a token, `|` separates alternatives, `?` marks an optional part, `*` a part that occurs any number of times,
and `+` one that occurs at least once. Tokens stand for themselves, except these:

| notation | meaning |
| --- | --- |
| `lines of X` | any number of `X`, separated by line ends or commas |
| `list of X` | any number of `X`, separated by commas; a trailing comma is allowed |
| `"ident"` | a name, or a contextual keyword such as `max` |
| `"line end"` | the end of a line, unless the construct continues on the next line |
| `"begin of item"`, `"end of item"`, `"record {"` | `{`, `}` and `{`, distinguished by the lexer |
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

/// Generates the page.
pub fn write_page(grammar: &str) -> String {
    let rules = grammar.split_once("// Files and declarations").map_or("", |(_, rules)| rules);
    let mut out = format!("{HEAD}\n## Files and declarations\n\n```text\n");
    let mut rest = rules;
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
            // A comment with an empty line after it is a heading; others explain the next rule.
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

/// The position of a character outside of brackets and quotes.
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
