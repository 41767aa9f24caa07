//! HTML escaping, and the frame that all pages share.

use cascade_ir::{markup::push_escaped, screen::neutralize_controls};

/// Escapes text for HTML.
pub(super) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, &neutralize_controls(text), |c| (c == '\'').then_some("&#39;"));
    out
}

/// Embeds a picture. As an `img` its styles are isolated from the page and follow dark mode.
pub(super) fn image_tag(svg: &str, alt: &str) -> String {
    let mut data = String::with_capacity(svg.len() * 2);
    for byte in svg.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'='
            | b'/'
            | b':'
            | b'.'
            | b'-'
            | b'_'
            | b','
            | b';'
            | b'('
            | b')' => {
                data.push(char::from(byte));
            }
            _ => data.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("<img class=\"picture\" alt=\"{}\" src=\"data:image/svg+xml,{data}\">", escape_html(alt))
}

/// A whole page.
pub(super) fn html_page(title: &str, nav: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<nav>\n{nav}</nav>\n<main>\n{main}</main>\n</body>\n</html>\n",
        escape_html(title)
    )
}

const STYLE: &str = "\
:root { --fg: #1f2328; --dim: #59636e; --bg: #ffffff; --side: #f6f8fa; --line: #d1d9e0; --link: #0969da; --code: #f6f8fa; --kind: #8250df }
@media (prefers-color-scheme: dark) {
  :root { --fg: #e6edf3; --dim: #9198a1; --bg: #0d1117; --side: #151b23; --line: #3d444d; --link: #4493f8; --code: #151b23; --kind: #ab7df8 }
}
* { box-sizing: border-box }
html { scroll-behavior: smooth }
body { margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr); color: var(--fg); background: var(--bg); font: 16px/1.6 system-ui, sans-serif }
nav { background: var(--side); border-right: 1px solid var(--line); padding: 1.5rem 1rem; font-size: .9rem; position: sticky; top: 0; height: 100vh; overflow: auto }
nav h2 { font-size: .75rem; text-transform: uppercase; letter-spacing: .05em; color: var(--dim); margin: 1.4rem 0 .3rem }
nav ul { list-style: none; margin: 0; padding: 0 }
nav li { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
nav .here { font-weight: 600 }
main { padding: 2rem 3rem 6rem; max-width: 62rem }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
h1 { line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { margin: 2.5rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line) }
h3 { margin: 0; font: 600 1.1rem ui-monospace, monospace; overflow-wrap: anywhere }
section.item { margin: 0 0 2rem }
section.item:target > h3 { background: color-mix(in srgb, var(--link) 15%, transparent) }
.kind { color: var(--kind); font-weight: 400 }
.dim { color: var(--dim) }
.at { float: right; font: 400 .8rem system-ui, sans-serif }
code, pre { font-family: ui-monospace, monospace; font-size: .875em }
code { background: var(--code); border-radius: 4px; padding: .1em .3em }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow: auto; line-height: 1.5 }
pre code { background: none; padding: 0; font-size: 1em }
table { border-collapse: collapse; width: 100%; display: block; overflow: auto }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--dim); font-weight: 500; font-size: .85rem }
td p { margin: 0 }
.picture { max-width: 100%; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; display: block }
summary { cursor: pointer; color: var(--dim) }
.source span { display: block; min-height: 1.5em; white-space: pre }
.source span::before { content: attr(data-n); display: inline-block; width: 3.5em; color: var(--dim); user-select: none }
.source span:target { background: color-mix(in srgb, var(--link) 20%, transparent) }
@media (max-width: 50rem) { body { display: block } nav { position: static; height: auto } main { padding: 1.5rem 1rem } }
";
