//! `cascadec doc`: every link has a target, every page is well-formed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use cascade_tests::{binary::cascadec, programs::repository_root};

const VOID: &[&str] = &["meta", "img", "br", "hr", "link", "!doctype"];

/// The links of a page and its anchors.
#[derive(Default)]
struct Seen {
    links: Vec<String>,
    ids: BTreeSet<String>,
}

/// Reads a page strictly: every element is closed in its order, every attribute is quoted.
fn read_page(name: &str, html: &str) -> Seen {
    let mut seen = Seen::default();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "{name}: a stray `>`: {}", &rest[..at]);
        rest = &rest[at + 1..];
        let mut quoted = false;
        let end = rest
            .find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .unwrap_or_else(|| panic!("{name}: {rest}"));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{name}: closed in a wrong order");
            continue;
        }
        let (element, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(element != "script", "{name} has a script");
        for (key, value) in attributes.split("\" ").filter_map(|a| a.split_once("=\"")) {
            let value = value.trim_end_matches('"');
            match key.trim() {
                "href" => seen.links.push(value.to_owned()),
                "id" => assert!(seen.ids.insert(value.to_owned()), "{name}: the id {value} is there twice"),
                "src" => assert!(value.starts_with("data:image/svg+xml,%3Csvg"), "{name} loads {value}"),
                other => assert!(!other.starts_with("on"), "{name}: {other}"),
            }
        }
        if element == "style" {
            let (_, after) = rest.split_once("</style>").unwrap();
            rest = after;
        } else if !VOID.contains(&element) {
            open.push(element.to_owned());
        }
    }
    assert!(open.is_empty(), "{name}: never closed: {open:?}");
    seen
}

/// Documents some paths, reads every page, follows every link.
fn document_paths(folder: &Path, paths: &[&str]) -> BTreeMap<String, String> {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(cascadec().as_ref().unwrap())
        .arg("doc")
        .args(paths)
        .arg("-o")
        .arg(out.path())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pages: BTreeMap<String, String> = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap()))
        .collect();
    let seen: BTreeMap<&str, Seen> = pages.iter().map(|(name, html)| (name.as_str(), read_page(name, html))).collect();
    let mut inside = 0;
    for (name, page) in &seen {
        for link in &page.links {
            if link.starts_with("https://") {
                continue;
            }
            let (file, id) = link.split_once('#').unwrap_or((link, ""));
            let target = seen.get(if file.is_empty() { *name } else { file });
            let target = target.unwrap_or_else(|| panic!("{name}: no page for {link}"));
            assert!(id.is_empty() || target.ids.contains(id), "{name}: {link} leads nowhere");
            inside += 1;
        }
    }
    assert!(inside > 5);
    pages
}

#[test]
fn every_link_of_the_examples_leads_somewhere() {
    let pages = document_paths(&repository_root(), &["examples"]);
    assert!(pages.len() > 12);
    let github = &pages["std.github.html"];
    assert!(github.contains("<section class=\"item\" id=\"skill."), "the library is documented too");
    let audit = &pages["examples.workflows.6_complete_dev_workflow.html"];
    assert!(audit.contains("<img class=\"picture\""), "cascades have pictures");
}

#[test]
fn pages_of_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "cascade.toml",
        "[project]\nname = \"shop <&>\"\nversion = \"1.2\"\ndescription = \"Sells `things`.\"\nentry = \"flows/main.cascade\"\nexclude = [\"old\"]\n",
    );
    write("old/x.cascade", "fn one() -> int = 1\n");
    write(
        "index.cascade",
        "//! Not the index.\n\n/// A kind of thing.\nenum Kind {\n  /// Small & <b>cheap</b>.\n  small\n  big { size: int }\n}\n",
    );
    write(
        "flows/main.cascade",
        r#"//! Sells.
//!
//! - one
//! - [a link](https://example.org/?a=1&b=2), not [this](javascript:alert(1))
//!
//!     code <here>

import "../index.cascade" { Kind as Sort }
import std.github as gh

/// An order of "things".
type Order {
  /// What.
  kinds: list<Sort>
  next: Order?
  size: int = 3
}

skill count(
  /// Where to look.
  folder: path,
  order: Order,
) -> int {
  run sh"ls $<folder> | wc -l"
    output json int
}

/// Runs <script>alert(1)</script>.
cascade sell(order: Order) -> int
  timeout 5m
{
  stage counted = count(".", order)
  return counted
}
"#,
    );
    let pages = document_paths(folder.path(), &[]);
    let names: Vec<&str> = pages.keys().map(String::as_str).collect();
    assert_eq!(names, ["flows.main.html", "index.2.html", "index.html", "std.github.html"]);
    let main = &pages["flows.main.html"];
    for part in [
        "list&lt;<a href=\"index.2.html#enum.Kind\">Sort</a>&gt;",
        "<a href=\"#type.Order\">Order</a>?",
        "<p>Calls <a href=\"#skill.count\"><code>count</code></a>.</p>",
        "<a href=\"https://example.org/?a=1&amp;b=2\">a link</a>",
        "[this](javascript:alert(1))",
        "<pre><code>code &lt;here&gt;\n</code></pre>",
        "Runs &lt;script&gt;",
        "cascade sell(order: <a href=\"#type.Order\">Order</a>) -&gt; int\n  timeout 5m</code>",
        "skill count(\n  folder: path,\n  order: <a href=\"#type.Order\">Order</a>,\n) -&gt; int</code>",
    ] {
        assert!(main.contains(part), "no {part} in\n{main}");
    }
    let index = &pages["index.html"];
    assert!(
        index.contains("<h1>shop &lt;&amp;&gt; <span class=\"dim\">1.2</span></h1>\n<p>Sells <code>things</code>.</p>")
    );
    assert!(index.contains("<p>Begin with <a href=\"flows.main.html\">flows/main.cascade</a>.</p>"));
}
