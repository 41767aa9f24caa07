//! Every page of `cascadec explain` tells the truth: its wrong program gives its code, and no
//! other error; its right program gives nothing.

#![allow(clippy::unwrap_used)]

use cascade_compiler::{MemorySources, Project, Severity, SourceId, codes, compile};

/// Codes whose mistake no short program of one file can show.
const WITHOUT_PROGRAM: &[&str] = &["E0110", "E0111", "E0206", "E1001", "E1002", "E1003", "W1001"];

fn diagnostics(program: &str) -> Vec<(String, Severity, String)> {
    let compiled = compile("page.cascade", program.into(), &MemorySources::default());
    compiled.diagnostics.iter().map(|d| (d.code.as_str().to_owned(), d.severity, d.message.clone())).collect()
}

#[test]
fn pages_are_executed() {
    let mut failures = Vec::new();
    for (code, _) in codes::ALL {
        let page = code.explanation();
        assert!(page.title().len() > 8, "{} has no title", code.as_str());
        let (wrong, right) = (page.programs("wrong"), page.programs("right"));
        if WITHOUT_PROGRAM.contains(&code.as_str()) {
            continue;
        }
        assert_eq!((wrong.len(), right.len()), (1, 1), "{} needs a wrong and a right program", code.as_str());
        let found = diagnostics(wrong[0]);
        let expected: Vec<_> = found.iter().filter(|(c, _, _)| c == code.as_str()).collect();
        let others: Vec<_> = found.iter().filter(|(c, s, _)| c != code.as_str() && *s == Severity::Error).collect();
        if expected.is_empty() || !others.is_empty() {
            failures.push(format!("{}: the wrong program gives {found:?}", code.as_str()));
        }
        let found = diagnostics(right[0]);
        if !found.is_empty() {
            failures.push(format!("{}: the right program gives {found:?}", code.as_str()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The pages of family E10 show a `cascade.toml`.
#[test]
fn pages_of_projects_are_executed() {
    for (code, page) in codes::ALL.iter().filter(|(code, _)| code.as_str().starts_with("E10")) {
        let part = |mark: &str| {
            let open = format!("```toml {mark}\n");
            let text = page.split_once(&open).and_then(|(_, rest)| rest.split_once("```")).map(|(text, _)| text);
            let (_, found) = Project::parse(text.unwrap_or_default(), SourceId(0));
            found.iter().map(|d| d.code.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(part("wrong"), [code.as_str()]);
        assert_eq!(part("right"), [""; 0]);
    }
}

/// `docs/diagnostics.md` has what the pages say.
#[test]
fn the_page_of_all_codes_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnostics.md");
    let wanted = cascade_compiler::docgen::codes_page();
    for (code, _) in codes::ALL {
        assert!(wanted.contains(&format!("### {}: ", code.as_str())), "{} is in no family", code.as_str());
    }
    if std::env::var_os("CASCADE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/diagnostics.md is stale; write it again:\n  CASCADE_WRITE_DOCS=1 cargo test -p cascade-compiler --test explain"
    );
}

#[test]
fn codes_are_sorted_and_unique() {
    let codes: Vec<&str> = codes::ALL.iter().map(|(c, _)| c.as_str()).collect();
    let (errors, warnings): (Vec<&str>, Vec<&str>) = codes.iter().partition(|c| c.starts_with('E'));
    assert!(errors.is_sorted() && warnings.is_sorted());
    let unique: std::collections::HashSet<&&str> = codes.iter().collect();
    assert_eq!(unique.len(), codes.len());
}
