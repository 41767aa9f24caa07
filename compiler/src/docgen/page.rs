//! The complete pages.

use super::{
    About, Input,
    html::{self, escape_html},
    item::{Printer, docs_text},
    markdown,
    names::{Names, anchor_of, declared_name},
};
use crate::source::Source;

/// The sections of a page: title and kinds of declaration.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Cascades", &["cascade"]),
    ("Skills", &["skill"]),
    ("Types", &["type", "enum"]),
    ("Functions", &["fn"]),
    ("Constants", &["let"]),
    ("Memory", &["memory"]),
    ("Models", &["model", "route", "mcp"]),
];

/// The start page.
pub(super) fn index_page(about: &About, inputs: &[Input], names: &Names) -> String {
    let mut main = format!("<h1>{}", escape_html(&about.name));
    if let Some(version) = &about.version {
        main.push_str(&format!(" <span class=\"dim\">{}</span>", escape_html(version)));
    }
    main.push_str("</h1>\n");
    if let Some(description) = &about.description {
        main.push_str(&markdown::render_blocks(description));
    }
    let entry = about.entry.as_ref().and_then(|entry| inputs.iter().position(|input| input.name == *entry));
    if let Some(file) = entry {
        main.push_str(&format!(
            "<p>Begin with <a href=\"{}\">{}</a>.</p>\n",
            names.pages[file],
            escape_html(&inputs[file].title)
        ));
    }
    main.push_str("<h2>Files</h2>\n<table>\n");
    for (file, input) in inputs.iter().enumerate() {
        main.push_str(&format!(
            "<tr><td><a href=\"{}\">{}</a></td><td>{}</td></tr>\n",
            names.pages[file],
            escape_html(&input.title),
            markdown::first_paragraph(&docs_text(&input.parse.file.docs))
        ));
    }
    main.push_str("</table>\n<h2>Names</h2>\n<table>\n");
    let mut all: Vec<(String, String)> = Vec::new();
    for (file, input) in inputs.iter().enumerate() {
        for item in &input.parse.file.items {
            let Some((kind, name)) = declared_name(item) else { continue };
            let row = format!(
                "<tr><td><a href=\"{}#{}\"><code>{}</code></a> <span class=\"kind\">{kind}</span></td><td class=\"dim\">{}</td><td>{}</td></tr>\n",
                names.pages[file],
                anchor_of(kind, name),
                escape_html(&name.text),
                escape_html(&input.title),
                markdown::first_paragraph(&docs_text(&item.docs))
            );
            all.push((name.text.to_lowercase(), row));
        }
    }
    all.sort();
    all.into_iter().for_each(|(_, row)| main.push_str(&row));
    main.push_str("</table>\n");
    html::html_page(&about.name, &navigation_list(about, inputs, None, names), &main)
}

/// The page of a file.
pub(super) fn of_file(about: &About, inputs: &[Input], file: usize, names: &Names) -> String {
    let input = &inputs[file];
    let source = Source::new(&input.name, input.text.as_str().into());
    let printer = Printer { input, file, names, lines: &source.line_starts };
    let mut main = format!("<h1>{}</h1>\n", escape_html(&input.title));
    main.push_str(&markdown::render_blocks(&docs_text(&input.parse.file.docs)));
    for (title, kinds) in SECTIONS {
        let of_kind = |item: &&std::sync::Arc<cascade_grammar::ast::Item>| {
            declared_name(item).is_some_and(|(kind, _)| kinds.contains(&kind))
        };
        let items: String = input.parse.file.items.iter().filter(of_kind).map(|item| printer.item(item)).collect();
        if !items.is_empty() {
            main.push_str(&format!("<h2>{title}</h2>\n{items}"));
        }
    }
    main.push_str("<h2 id=\"source\">Source</h2>\n<details><summary>Show</summary>\n<pre class=\"source\">");
    for (number, line) in (1..).zip(input.text.lines()) {
        main.push_str(&format!("<span id=\"L{number}\" data-n=\"{number}\">{}</span>", escape_html(line)));
    }
    main.push_str("</pre>\n</details>\n");
    html::html_page(
        &format!("{} – {}", input.title, about.name),
        &navigation_list(about, inputs, Some(file), names),
        &main,
    )
}

/// The sidebar: the sections of this page, and all files.
fn navigation_list(about: &About, inputs: &[Input], here: Option<usize>, names: &Names) -> String {
    let mut out = format!("<a href=\"index.html\"><strong>{}</strong></a>\n", escape_html(&about.name));
    if let Some(input) = here.and_then(|file| inputs.get(file)) {
        for (title, kinds) in SECTIONS {
            let items: String = input
                .parse
                .file
                .items
                .iter()
                .filter_map(|item| declared_name(item))
                .filter(|(kind, _)| kinds.contains(kind))
                .map(|(kind, name)| {
                    format!("<li><a href=\"#{}\">{}</a></li>\n", anchor_of(kind, name), escape_html(&name.text))
                })
                .collect();
            if !items.is_empty() {
                out.push_str(&format!("<h2>{title}</h2>\n<ul>\n{items}</ul>\n"));
            }
        }
    }
    out.push_str("<h2>Files</h2>\n<ul>\n");
    for (file, input) in inputs.iter().enumerate() {
        let class = if here == Some(file) { " class=\"here\"" } else { "" };
        out.push_str(&format!("<li{class}><a href=\"{}\">{}</a></li>\n", names.pages[file], escape_html(&input.title)));
    }
    out + "</ul>\n"
}
