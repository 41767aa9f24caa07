//! The page of all diagnostic codes.

use crate::codes;

const FAMILIES: &[(&str, &str)] = &[
    ("E01", "Syntax"),
    ("E02", "Names and imports"),
    ("E03", "Types"),
    ("E04", "Flow"),
    ("E05", "Capabilities and effects"),
    ("E06", "Secrets and untrusted text"),
    ("E07", "Concurrency"),
    ("E08", "Bounds, budget and cost"),
    ("E10", "The project"),
    ("W", "Warnings"),
];

/// All codes with their pages, as Markdown.
pub fn codes_page() -> String {
    let mut out = String::from(
        "# Diagnostics\n\n\
         Every code that `cascadec check` knows, with a wrong and a right program. `cascadec explain CODE`\n\
         prints the same. This page is generated from `compiler/explain/`.\n\n",
    );
    let mut sections = String::new();
    for (index, (family, title)) in FAMILIES.iter().enumerate() {
        // A code belongs to the first family whose prefix it has.
        let earlier = &FAMILIES[..index];
        let of_family = |code: &str| code.starts_with(family) && !earlier.iter().any(|(f, _)| code.starts_with(f));
        let all: Vec<_> = codes::ALL.iter().map(|(code, _)| *code).filter(|code| of_family(code.as_str())).collect();
        if all.is_empty() {
            continue;
        }
        out.push_str(&format!("- {title}:"));
        sections.push_str(&format!("## {title}\n\n"));
        for code in all {
            let (id, page) = (code.as_str(), code.explanation());
            out.push_str(&format!(" [{id}](#{})", id.to_lowercase()));
            let text = page.page.split_once('\n').map_or("", |(_, rest)| rest).trim();
            let text = text
                .replace("```cascade wrong", "Wrong:\n\n~~~cascade")
                .replace("```cascade right", "Right:\n\n~~~cascade");
            let text = text.replace("```toml wrong", "Wrong:\n\n~~~toml").replace("```toml right", "Right:\n\n~~~toml");
            let text = text.replace("```", "~~~");
            sections.push_str(&format!(
                "<a id=\"{}\"></a>\n\n### {id}: {}\n\n{text}\n\n",
                id.to_lowercase(),
                page.title()
            ));
        }
        out.push('\n');
    }
    out.push('\n');
    out + sections.trim_end() + "\n"
}
