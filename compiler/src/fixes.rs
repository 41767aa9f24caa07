//! Applies suggested changes of diagnostics.

use cascade_grammar::{ast, ast::Span};

use crate::{
    diagnostic::{Diagnostic, Fix},
    source::SourceId,
};

/// The span to remove so that a file no longer imports the name at `name`. Imported files have no
/// effects, so nothing else changes.
pub(crate) fn without_import(file: &ast::File, name: Span) -> Option<Span> {
    for item in &file.items {
        let ast::ItemKind::Import(import) = &item.kind else { continue };
        if !item.span.encloses(name) {
            continue;
        }
        let whole = |n: &ast::ImportName| n.alias.as_ref().map_or(n.name.span, |alias| n.name.span.to(alias.span));
        let names: Vec<Span> = import.names.iter().flatten().map(whole).collect();
        return match names.iter().position(|n| n.encloses(name)) {
            // The line may continue after the closing brace.
            Some(_) if names.len() == 1 && import.alias.is_some() => None,
            Some(at) if names.len() > 1 => Some(match names.get(at + 1) {
                Some(next) => Span { start: names[at].start, end: next.start },
                None => Span { start: names[at - 1].end, end: names[at].end },
            }),
            _ => Some(item.span),
        };
    }
    None
}

/// A text with safe fixes applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedText {
    /// The new text.
    pub text: String,
    /// The number of diagnostics that were fixed.
    pub count: usize,
}

/// Applies the first safe fix of each diagnostic to one file. Of overlapping fixes the first one is
/// applied; the others are left for the next round. `None` if there is no fix to apply.
pub fn apply_fixes(text: &str, source: SourceId, diagnostics: &[Diagnostic]) -> Option<FixedText> {
    let mut fixes: Vec<&Fix> =
        diagnostics.iter().filter_map(|d| d.fixes.iter().find(|fix| fix.safe && fix.source == source)).collect();
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut count = 0;
    let mut last: Option<&Fix> = None;
    for fix in fixes {
        let same = last.is_some_and(|l| l.span == fix.span && l.replacement == fix.replacement);
        if same {
            // Two diagnostics with the same fix.
            count += 1;
            continue;
        }
        let range = fix.span.range();
        // The result of two insertions at one place would depend on their order.
        let apart = last
            .is_none_or(|l| l.span.end < fix.span.start || (l.span.end == fix.span.start && l.span.start < l.span.end));
        let Some(between) = text.get(done..range.start).filter(|_| apart && text.is_char_boundary(range.end)) else {
            continue;
        };
        out.push_str(between);
        out.push_str(&fix.replacement);
        done = range.end;
        count += 1;
        last = Some(fix);
    }
    out.push_str(text.get(done..)?);
    (count > 0).then_some(FixedText { text: out, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemorySources, codes, compile};

    fn replacement(from: usize, to: usize, replacement: &str) -> Diagnostic {
        let span = Span::new(from, to);
        Diagnostic::new(codes::SYNTAX, SourceId(0), span, "x").safe_fix("x", span, replacement)
    }

    fn applied(text: &str, diagnostics: &[Diagnostic]) -> Option<(String, usize)> {
        apply_fixes(text, SourceId(0), diagnostics).map(|m| (m.text, m.count))
    }

    #[test]
    fn fixes_apply_in_any_order() {
        let two = [replacement(4, 5, "X"), replacement(0, 1, "long")];
        assert_eq!(applied("a b c d", &two), Some(("long b X d".to_owned(), 2)));
    }

    #[test]
    fn of_overlapping_fixes_the_first_is_applied() {
        assert_eq!(applied("abcdef", &[replacement(1, 4, "-"), replacement(2, 5, "+")]), Some(("a-ef".to_owned(), 1)));
        assert_eq!(applied("abc", &[replacement(1, 1, "x"), replacement(1, 1, "y")]), Some(("axbc".to_owned(), 1)));
        assert_eq!(applied("abc", &[replacement(1, 2, "x"), replacement(1, 2, "x")]), Some(("axc".to_owned(), 2)));
        assert_eq!(applied("abc", &[replacement(0, 1, "x"), replacement(1, 2, "y")]), Some(("xyc".to_owned(), 2)));
    }

    #[test]
    fn unused_imports_are_removed() {
        for (before, after) in [
            ("import std.models { auto, claude }\n", "import std.models { claude }\n"),
            ("import std.models { claude, auto as a }\n", "import std.models { claude }\n"),
            ("import std.models { auto }\nimport std.models { claude }\n", "\nimport std.models { claude }\n"),
            ("import std.models {\n  auto, // the usual one\n  claude,\n}\n", ""),
            ("import std.github\nimport std.models { claude }\n", "\nimport std.models { claude }\n"),
        ] {
            let rest = "\nroute r { _ -> claude }\n";
            let text = format!("{before}{rest}");
            let checked = compile("a.cascade", text.as_str().into(), &MemorySources::default());
            let id = checked.sources.iter().find(|(_, s)| s.name == "a.cascade").map_or(SourceId(0), |(id, _)| id);
            let fixed = apply_fixes(&text, id, &checked.diagnostics).map(|m| m.text).unwrap_or_default();
            let wanted = if after.is_empty() { String::new() } else { format!("{after}{rest}") };
            assert_eq!(fixed, wanted, "{:?}", checked.diagnostics);
        }
    }

    #[test]
    fn unsafe_and_out_of_range_fixes_are_not_applied() {
        let span = Span::new(0, 1);
        let guess = Diagnostic::new(codes::SYNTAX, SourceId(0), span, "x").fix("x", span, "y");
        assert_eq!(applied("abc", &[guess]), None);
        assert_eq!(applied("aé", &[replacement(0, 2, "y")]), None);
        assert_eq!(applied("abc", &[replacement(2, 9, "y")]), None);
    }
}
