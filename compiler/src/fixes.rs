//! Applies the changes that diagnostics offer.

use cascade_grammar::{ast, ast::Span};

use crate::{
    diagnostic::{Diagnostic, Fix},
    source::SourceId,
};

/// What to take away so that a file no longer imports what `name` stands at. Files have no
/// effects, so nothing else changes.
pub(crate) fn without_import(file: &ast::File, name: Span) -> Option<Span> {
    for item in &file.items {
        let ast::ItemKind::Import(import) = &item.kind else { continue };
        if !(item.span.start <= name.start && name.end <= item.span.end) {
            continue;
        }
        let whole = |n: &ast::ImportName| n.alias.as_ref().map_or(n.name.span, |alias| n.name.span.to(alias.span));
        let names: Vec<Span> = import.names.iter().flatten().map(whole).collect();
        return match names.iter().position(|n| n.start <= name.start && name.end <= n.end) {
            // The whole line may have other names behind its braces.
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

/// A text with its mistakes mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The new text.
    pub text: String,
    /// How many mistakes were mended.
    pub count: usize,
}

/// Applies the first safe change of each diagnostic to one file. Of changes that overlap the one
/// that begins first is applied; what it leaves is for the next round. `None` when there is none.
pub fn apply(text: &str, source: SourceId, diagnostics: &[Diagnostic]) -> Option<Mended> {
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
            // Two diagnostics that want the same.
            count += 1;
            continue;
        }
        let range = fix.span.range();
        // Two insertions at one place would depend on their order.
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
    (count > 0).then_some(Mended { text: out, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemorySources, codes, compile};

    fn wrong(from: usize, to: usize, replacement: &str) -> Diagnostic {
        let span = Span::new(from, to);
        Diagnostic::new(codes::SYNTAX, SourceId(0), span, "x").safe_fix("x", span, replacement)
    }

    fn applied(text: &str, diagnostics: &[Diagnostic]) -> Option<(String, usize)> {
        apply(text, SourceId(0), diagnostics).map(|m| (m.text, m.count))
    }

    #[test]
    fn changes_in_any_order() {
        let two = [wrong(4, 5, "X"), wrong(0, 1, "long")];
        assert_eq!(applied("a b c d", &two), Some(("long b X d".to_owned(), 2)));
    }

    #[test]
    fn of_overlapping_changes_the_first() {
        assert_eq!(applied("abcdef", &[wrong(1, 4, "-"), wrong(2, 5, "+")]), Some(("a-ef".to_owned(), 1)));
        assert_eq!(applied("abc", &[wrong(1, 1, "x"), wrong(1, 1, "y")]), Some(("axbc".to_owned(), 1)));
        assert_eq!(applied("abc", &[wrong(1, 2, "x"), wrong(1, 2, "x")]), Some(("axc".to_owned(), 2)));
        assert_eq!(applied("abc", &[wrong(0, 1, "x"), wrong(1, 2, "y")]), Some(("xyc".to_owned(), 2)));
    }

    #[test]
    fn imports_that_nobody_uses_go() {
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
            let mended = apply(&text, id, &checked.diagnostics).map(|m| m.text).unwrap_or_default();
            let wanted = if after.is_empty() { String::new() } else { format!("{after}{rest}") };
            assert_eq!(mended, wanted, "{:?}", checked.diagnostics);
        }
    }

    #[test]
    fn what_is_not_safe_or_not_there_is_left() {
        let span = Span::new(0, 1);
        let guess = Diagnostic::new(codes::SYNTAX, SourceId(0), span, "x").fix("x", span, "y");
        assert_eq!(applied("abc", &[guess]), None);
        assert_eq!(applied("aé", &[wrong(0, 2, "y")]), None);
        assert_eq!(applied("abc", &[wrong(2, 9, "y")]), None);
    }
}
