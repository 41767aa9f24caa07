//! The subset of Markdown that doc comments use: paragraphs, lists, code, links.

use super::html::escape_html;

/// The text as HTML blocks.
pub(super) fn render_blocks(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if trimmed.starts_with("```") {
            let mut code = String::new();
            for line in lines.by_ref().take_while(|line| !line.trim().starts_with("```")) {
                code.push_str(line);
                code.push('\n');
            }
            out.push_str(&format!("<pre><code>{}</code></pre>\n", escape_html(&code)));
        } else if let Some(first) = line.strip_prefix("    ") {
            let mut code = format!("{first}\n");
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                code.push_str(line.strip_prefix("    ").unwrap_or(line));
                code.push('\n');
            }
            out.push_str(&format!("<pre><code>{}</code></pre>\n", escape_html(&code)));
        } else if let Some(level) = heading_level(trimmed) {
            // Headings are moved down, below the page's own.
            let text = trimmed.trim_start_matches('#').trim();
            out.push_str(&format!("<h{level}>{}</h{level}>\n", render_inline(text)));
        } else if let Some(first) = bullet_text(line) {
            let mut items = vec![first.to_owned()];
            while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
                match (bullet_text(line), items.last_mut()) {
                    (Some(item), _) => items.push(item.to_owned()),
                    (None, Some(last)) => {
                        last.push(' ');
                        last.push_str(line.trim());
                    }
                    (None, None) => {}
                }
            }
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", render_inline(item))).collect();
            out.push_str(&format!("<ul>\n{items}</ul>\n"));
        } else {
            let mut paragraph = trimmed.to_owned();
            while let Some(line) =
                lines.next_if(|l| !l.trim().is_empty() && bullet_text(l).is_none() && !l.trim().starts_with("```"))
            {
                paragraph.push('\n');
                paragraph.push_str(line.trim());
            }
            out.push_str(&format!("<p>{}</p>\n", render_inline(&paragraph)));
        }
    }
    out
}

/// The first sentence, without block markup.
pub(super) fn first_paragraph(text: &str) -> String {
    let paragraph: Vec<&str> =
        text.lines().map(str::trim).skip_while(|l| l.is_empty()).take_while(|l| !l.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph.find(". ").map_or(paragraph.len(), |at| at + 1);
    render_inline(&paragraph[..end])
}

fn heading_level(line: &str) -> Option<usize> {
    let marks = line.len() - line.trim_start_matches('#').len();
    (marks > 0 && line[marks..].starts_with(' ')).then_some((marks + 3).min(6))
}

fn bullet_text(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* "))
}

/// Code, emphasis by `**`, and links to the web.
fn render_inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[', '*']) {
        out.push_str(&escape_html(&rest[..at]));
        let tail = &rest[at..];
        let done = read_code(tail).or_else(|| read_link(tail)).or_else(|| read_strong(tail));
        match done {
            Some((html, length)) => {
                out.push_str(&html);
                rest = &tail[length..];
            }
            None => {
                out.push_str(&tail[..1]);
                rest = &tail[1..];
            }
        }
    }
    out + &escape_html(rest)
}

fn read_code(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('`')?;
    let end = inner.find('`').filter(|end| *end > 0)?;
    Some((format!("<code>{}</code>", escape_html(&inner[..end])), end + 2))
}

fn read_strong(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix("**")?;
    let end = inner.find("**").filter(|end| *end > 0)?;
    Some((format!("<strong>{}</strong>", escape_html(&inner[..end])), end + 4))
}

fn read_link(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('[')?;
    let (name, rest) = inner.split_once("](")?;
    let (target, _) = rest.split_once(')')?;
    // Only links to the web: a relative path would point into the sources, not into these pages.
    let fine = ["https://", "http://"].iter().any(|s| target.starts_with(s)) && !target.contains(char::is_whitespace);
    let length = 1 + name.len() + 2 + target.len() + 1;
    let plain = !name.contains(['[', '\n']) && !name.is_empty();
    (fine && plain).then(|| (format!("<a href=\"{}\">{}</a>", escape_html(target), escape_html(name)), length))
}
