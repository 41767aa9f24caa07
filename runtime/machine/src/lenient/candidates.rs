//! Where an answer may stand in a text: objects and lists outside of the reasoning.

use serde_json::Value as Json;

use super::{Repair, syntax};

/// Tags around what a model thinks before it answers.
const REASONING: &[&str] = &[
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "analysis",
    "scratchpad",
    "reflection",
    "draft",
    "example",
    "examples",
];

/// An object or a list in the text, or why it is none.
pub(super) struct Candidate {
    pub open: char,
    pub parsed: Result<Json, String>,
    pub repairs: Vec<Repair>,
    /// Whether an example is announced before it.
    pub is_example: bool,
    /// Whether only white space and commas stand between it and the one before.
    pub follows_directly: bool,
    /// Whether nothing but a fence stands around it.
    pub is_alone: bool,
}

/// The text without reasoning and examples in tags. What follows an opening tag that is never closed is
/// reasoning; so is what stands before a closing tag that is never opened.
pub(super) fn without_reasoning(text: &str) -> (String, Vec<Repair>) {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    let mut repairs = Vec::new();
    let mut at = 0;
    while let Some(found) = rest[at..].find('<').map(|i| at + i) {
        at = found + 1;
        let Some((closing, name, length)) = reasoning_tag(&rest[found..]) else { continue };
        let line = line_before(&rest[..found]);
        let after = &rest[found + length..];
        repairs = vec![Repair("reasoning and examples in tags were skipped".to_owned())];
        if closing {
            out.clear();
            (rest, at) = (after, 0);
            continue;
        }
        if !line.trim().is_empty() {
            continue;
        }
        out.push_str(&rest[..found]);
        let end = after.to_ascii_lowercase().find(&format!("</{name}>"));
        rest = end.map_or("", |end| &after[end + name.len() + 3..]);
        at = 0;
    }
    out.push_str(rest);
    (out, repairs)
}

/// The tag of reasoning at the start of a text: whether it closes, its name and its length.
fn reasoning_tag(text: &str) -> Option<(bool, &'static str, usize)> {
    let inner = text.strip_prefix('<')?;
    let closing = inner.starts_with('/');
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let name = REASONING.iter().find(|name| {
        inner.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)) && inner[name.len()..].starts_with('>')
    })?;
    Some((closing, name, 1 + usize::from(closing) + name.len() + 1))
}

/// The objects and lists of a text, in their order. What stands within brackets that cannot be read is
/// no candidate of its own: it would be a part taken for the whole.
pub(super) fn find_candidates(text: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    let (mut at, mut last_end) = (0, None);
    while let Some(start) = text[at..].find(['{', '[']).map(|i| at + i) {
        let rest = &text[start..];
        let open = if rest.starts_with('{') { '{' } else { '[' };
        let data = looks_like_data(rest);
        if !data && !is_list_of_words(rest) {
            at = start + 1;
            continue;
        }
        let read = syntax::parse_value(text, start);
        let end = match &read {
            Ok(parsed) => parsed.end,
            Err(stop) => end_of_brackets(text, start).max(stop.at),
        };
        at = end.max(start + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
        if read.is_err() && !data {
            at = start + 1;
            continue;
        }
        let (before, after) = (&text[..start], &text[at..]);
        let is_alone = found.is_empty() && is_fence_only(before) && is_fence_only(after);
        if let Ok(parsed) = &read
            && !is_alone
            && is_incidental(&parsed.json, before, after)
        {
            continue;
        }
        let follows_directly =
            last_end.is_some_and(|end: usize| text[end..start].chars().all(|c| c.is_whitespace() || c == ','));
        last_end = Some(at);
        let (parsed, repairs) = match read {
            Ok(parsed) => (Ok(parsed.json), parsed.repairs),
            Err(stop) => (Err(stop.why), Vec::new()),
        };
        found.push(Candidate {
            open,
            parsed,
            repairs,
            is_example: announces_example(before),
            follows_directly,
            is_alone,
        });
    }
    found
}

/// Whether a bracket begins JSON rather than a remark of the prose.
fn looks_like_data(text: &str) -> bool {
    let inner = text[1..].trim_start();
    match text.starts_with('{') {
        true => {
            inner.starts_with(['"', '}', '/', '#']) && !text.starts_with("{#")
                || inner.is_empty()
                || syntax::starts_with_key(inner, true)
        }
        false => {
            let word = inner.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
            inner.starts_with(['{', '[', '"', '\'', '`', ']', '-', '/'])
                || inner.starts_with(|c: char| c.is_ascii_digit())
                || matches!(word, "true" | "false" | "null")
        }
    }
}

/// `[a, b]` on one line.
fn is_list_of_words(text: &str) -> bool {
    text.strip_prefix('[')
        .is_some_and(|inner| inner.find(['[', ']', '{', '}', '\n']).is_some_and(|end| inner[end..].starts_with(']')))
}

/// Whether brackets within a line of prose are a remark: a footnote, a box, a link, nothing at all.
fn is_incidental(json: &Json, before: &str, after: &str) -> bool {
    let rest_of_line = after.trim_start_matches([' ', '\t', '\r']);
    let own_line = line_before(before).trim().is_empty() && (rest_of_line.is_empty() || rest_of_line.starts_with('\n'));
    match json {
        Json::Object(fields) => fields.is_empty() && !own_line,
        Json::Array(items) => {
            after.starts_with('(')
                || (!own_line
                    && (items.is_empty()
                        || (items.len() == 1
                            && !items[0].is_object()
                            && !items[0].is_array()
                            && !before.trim_end().ends_with(':'))))
        }
        _ => true,
    }
}

fn is_fence_only(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || (text.starts_with("```") && !text.contains('\n') && text.len() < 24)
}

/// Whether the words right before a candidate announce an example, and no answer.
fn announces_example(before: &str) -> bool {
    let before = before
        .trim_end()
        .trim_end_matches(|c: char| c == '`' || c.is_alphanumeric() && before.ends_with('\n'))
        .trim_end();
    let line = line_before(before).rsplit('}').next().unwrap_or_default().to_lowercase();
    ["example", "e.g.", "for instance", "draft", "placeholder", "such as", "wrong"]
        .iter()
        .any(|word| line.contains(word))
}

/// The last line of a text, or as much of its end as a remark can take.
fn line_before(text: &str) -> &str {
    let mut from = text.len().saturating_sub(120);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].rsplit('\n').next().unwrap_or_default()
}

/// The end of the brackets that open here, without regard to what is between them but texts in quotes.
fn end_of_brackets(text: &str, start: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (i, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}
