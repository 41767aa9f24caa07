//! Generates `docs/language-sheet.md`: what is needed to write Cascade, on one page.
//!
//! `language_sheet/frame.md` has text and programs; what stands in `{{…}}` is filled in from its owner: tables of the
//! reference, examples of methods with the types and values that they have, words of the lexer, the standard library.

use std::{collections::HashMap, fmt::Write as _};

use cascade_grammar::ast::{DocLine, FnBody, Item, ItemKind};

const FRAME: &str = include_str!("language_sheet/frame.md");
const METHODS: &str = include_str!("language_sheet/methods.txt");

/// What the examples of methods use.
pub const VALUES: &str = r#"type Node {
  name: string
  children: list<Node> = []
}

let m: map<int> = { a: 1 }
let p: path = "a/b.txt"
let j: json = { b: [1] }
"#;

/// Examples of the methods of one kind of values.
#[derive(Debug, Clone, Copy)]
pub struct Methods {
    /// The values: `lists`.
    pub of: &'static str,
    /// The constant of `compiler/src/builtins.rs` that has the names of the methods.
    pub constant: &'static str,
    /// A line for each example, an expression.
    pub examples: &'static str,
}

/// The examples of methods, in the order of the page.
pub fn methods() -> Vec<Methods> {
    METHODS
        .split("# ")
        .filter_map(|section| {
            let (head, examples) = section.split_once('\n')?;
            let (of, constant) = head.split_once(' ')?;
            Some(Methods { of, constant, examples })
        })
        .collect()
}

/// What an example is and gives.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// The type, as the compiler writes it.
    pub ty: String,
    /// The value as JSON.
    pub value: String,
}

/// What the page is generated from.
pub struct Facts<'a> {
    /// Reads a file of the repository.
    pub read: &'a dyn Fn(&str) -> String,
    /// The examples of methods, evaluated.
    pub evaluated: &'a HashMap<&'static str, Evaluated>,
    /// Free functions, in their forms.
    pub functions: Vec<String>,
    /// Reserved words.
    pub reserved: Vec<String>,
    /// The modules of the standard library with their texts.
    pub library: Vec<(&'static str, &'static str)>,
}

/// Generates the page.
///
/// # Errors
/// When the frame asks for what there is not.
pub fn write_sheet(facts: &Facts<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = FRAME;
    while let Some((before, after)) = rest.split_once("{{") {
        let (wanted, after) = after.split_once("}}").ok_or("`{{` is never closed")?;
        out.push_str(before);
        out.push_str(&fill(wanted, facts)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn fill(wanted: &str, facts: &Facts<'_>) -> Result<String, String> {
    if let Some(table) = wanted.strip_prefix("table ") {
        let (page, head) = table.split_once(' ').ok_or_else(|| format!("`{wanted}` names no table"))?;
        return table_of(&(facts.read)(page), head).ok_or_else(|| format!("{page} has no table `{head}`"));
    }
    let in_code = |words: &[String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match wanted {
        "values" => Ok(VALUES.trim_end().to_owned()),
        "methods" => methods_section(facts),
        "functions" => Ok(in_code(&facts.functions)),
        "reserved" => Ok(in_code(&facts.reserved)),
        "kinds" => prelude_names(facts, "ErrorKind").map(|names| in_code(&names)),
        "error fields" => prelude_names(facts, "Error").map(|names| in_code(&names)),
        "standard library" => {
            let sections: Vec<String> = facts.library.iter().map(|(name, text)| module_section(name, text)).collect();
            Ok(sections.join("\n").trim_end().to_owned())
        }
        other => Err(format!("the frame asks for `{other}`")),
    }
}

/// The table of a page that begins with a line, with links made plain.
fn table_of(page: &str, head: &str) -> Option<String> {
    let mut lines = page.lines().skip_while(|line| *line != head).peekable();
    lines.peek()?;
    let rows: Vec<&str> = lines.take_while(|line| line.starts_with('|')).collect();
    Some(without_links(&rows.join("\n")))
}

/// `[text](address)` becomes `text`: the addresses are seen from another folder.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at);
        let Some((end, open)) = after.find(')').zip(before.rfind('[')) else { break };
        out.push_str(&before[..open]);
        out.push_str(&before[open + 1..]);
        rest = &after[end + 1..];
    }
    out + rest
}

fn methods_section(facts: &Facts<'_>) -> Result<String, String> {
    let mut out = String::new();
    for Methods { of, examples, .. } in methods() {
        let _ = write!(out, "{}**{of}**\n\n```text\n", if out.is_empty() { "" } else { "\n\n" });
        for example in examples.lines().filter(|line| !line.is_empty()) {
            let Evaluated { ty, value } =
                facts.evaluated.get(example).ok_or_else(|| format!("`{example}` was not evaluated"))?;
            let _ = writeln!(out, "{example}  // {ty}: {value}");
        }
        out.push_str("```");
    }
    Ok(out)
}

/// The names of the variants or fields of a type of the prelude.
fn prelude_names(facts: &Facts<'_>, name: &str) -> Result<Vec<String>, String> {
    let (_, text) = facts.library.iter().find(|(module, _)| *module == "std.prelude").ok_or("there is no prelude")?;
    let parse = cascade_grammar::parse(text);
    let found = parse.file.items.iter().find_map(|item| match &item.kind {
        ItemKind::Enum(decl) if decl.name.text == name => {
            Some(decl.variants.iter().map(|v| v.name.text.to_string()).collect())
        }
        ItemKind::Type(decl) if decl.name.text == name => {
            Some(decl.fields.iter().map(|f| f.name.text.to_string()).collect())
        }
        _ => None,
    });
    found.ok_or_else(|| format!("the prelude has no `{name}`"))
}

fn module_section(name: &str, text: &str) -> String {
    let file = cascade_grammar::parse(text).file;
    let mut out = format!("**{name}**: {}\n\n", first_sentence(&file.docs));
    for item in &file.items {
        if let Some(signature) = signature_of(item, text) {
            let docs = first_sentence(&item.docs);
            let _ = writeln!(out, "- `{signature}`{}{docs}", if docs.is_empty() { "" } else { ": " });
        }
    }
    out
}

/// The first sentence of documentation, on one line.
fn first_sentence(docs: &[DocLine]) -> String {
    let text =
        docs.iter().map(|line| line.text.trim()).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

/// A declaration on one line without its body; `None` for what is private or an import.
fn signature_of(item: &Item, text: &str) -> Option<String> {
    let (name, end) = match &item.kind {
        ItemKind::Type(decl) => (&decl.name, item.span.end),
        ItemKind::Alias(decl) => (&decl.name, item.span.end),
        ItemKind::Enum(decl) => (&decl.name, item.span.end),
        ItemKind::Skill(decl) => (&decl.name, decl.body_span.start),
        ItemKind::Cascade(decl) => (&decl.name, decl.body.span.start),
        ItemKind::Model(decl) => return Some(format!("model {}", decl.name.text)),
        ItemKind::Route(decl) => return Some(format!("route {}", decl.name.text)),
        ItemKind::Fn(decl) => match &decl.body {
            FnBody::Expr(value) => (&decl.name, value.span.start),
            FnBody::Block(body) => (&decl.name, body.span.start),
        },
        _ => return None,
    };
    if name.text.starts_with('_') {
        return None;
    }
    let start = text.get(..name.span.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let whole = text.get(start..end as usize)?;
    let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let mut out = String::new();
    for line in lines {
        let inside = !out.is_empty() && !out.ends_with(['{', '(', ',']) && !line.starts_with(['}', ')']);
        out.push_str(match inside {
            true => ", ",
            false if out.is_empty() || out.ends_with('(') || line.starts_with(')') => "",
            false => " ",
        });
        out.push_str(line);
    }
    Some(out.trim_end_matches(['=', ' ']).to_owned())
}
