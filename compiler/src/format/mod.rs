//! The formatter: one canonical style, printed from the syntax tree and the table of comments.
//!
//! It changes neither the meaning nor the comments, and is idempotent. `doc` and `render` decide
//! where lines break; the other modules lay out the parts of the language; `comments` ensures that
//! every comment is printed exactly once, in order.

mod blocks;
mod clauses;
mod comments;
mod decls;
mod doc;
mod exprs;
mod items;
mod render;
mod skills;
mod stmts;
mod strings;
mod types;

use cascade_grammar::Parse;
use cascade_grammar::ast::{Attribute, DocLine, File, ItemKind, Name, Span};

use comments::Comments;
use doc::{Doc, Entry, Items};

/// The text in canonical style; `None` if it has syntax errors, since the tree is incomplete then.
///
/// `parse` must be what [`cascade_grammar::parse`] gives for `text`.
pub fn format(text: &str, parse: &Parse) -> Option<String> {
    if !parse.errors.is_empty() {
        return None;
    }
    let mut out = print_file(text, parse);
    for _ in 0..ROUNDS {
        let parse = cascade_grammar::parse(&out);
        let again = print_file(&out, &parse);
        if !parse.errors.is_empty() || again == out {
            break;
        }
        out = again;
    }
    Some(out)
}

/// A break that was inserted because a line was too long counts as the author's in the next round,
/// which can make room for its neighbours. One round is enough for nearly all texts, two for the rest.
const ROUNDS: usize = 4;

/// Prints the tree once.
fn print_file(text: &str, parse: &Parse) -> String {
    let comments = Comments::new(text, &parse.trivia);
    let mut formatter = Formatter { text, comments };
    let doc = formatter.file(&parse.file);
    let mut out = render::render(&doc);
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The state of printing.
struct Formatter<'t> {
    text: &'t str,
    comments: Comments<'t>,
}

impl<'t> Formatter<'t> {
    fn file(&mut self, file: &'t File) -> Doc<'t> {
        let mut docs = Vec::new();
        if let Some(last) = file.docs.last() {
            let head = self.comments.leading(&file.docs, last.span.end);
            push_lines(&head.lines, &mut docs);
        }
        let mut before: Option<&ItemKind> = None;
        let mut carried = Vec::new();
        for item in &file.items {
            let mut entry = self.entry(&item.docs, item.span, |this| this.item(item));
            // Only one comment fits at the end of a line.
            let rest = entry.trailing.split_off(entry.trailing.len().min(1));
            entry.put_before(std::mem::replace(&mut carried, rest));
            // Imports, and constants, stand on lines one below the other.
            let together = matches!(
                (&item.kind, before),
                (ItemKind::Import(_), Some(ItemKind::Import(_))) | (ItemKind::Const(_), Some(ItemKind::Const(_)))
            );
            if !docs.is_empty() {
                docs.push(Doc::Hard);
                if entry.blank || !together {
                    docs.push(Doc::Hard);
                }
            }
            before = Some(&item.kind);
            push_lines(&entry.leading, &mut docs);
            if let Some((_, blank)) = entry.leading.last() {
                docs.extend([Doc::Hard]);
                docs.extend(blank.then_some(Doc::Hard));
            }
            docs.extend(entry.body);
            docs.extend(entry.trailing.into_iter().map(Doc::Suffix));
        }
        let carried = carried.into_iter().map(|comment| (false, comment));
        for (blank, comment) in carried.chain(self.comments.take_dangling(u32::MAX)) {
            if !docs.is_empty() {
                docs.push(Doc::Hard);
                docs.extend(blank.then_some(Doc::Hard));
            }
            docs.push(Doc::Text(comment));
        }
        Doc::seq(docs)
    }

    fn str(&self, span: Span) -> &'t str {
        &self.text[span.range()]
    }

    /// Whether only white space precedes `at` on its line.
    fn first_of_line(&self, at: u32) -> bool {
        let before = self.text[..at as usize].trim_end_matches([' ', '\t']);
        before.ends_with('\n')
    }

    /// Whether there is a line break between two offsets.
    fn line_between(&self, from: u32, to: u32) -> bool {
        self.text.get(from as usize..to as usize).is_some_and(|text| text.contains('\n'))
    }

    /// The offset of the first token at or after `at`.
    fn next_token(&self, at: u32) -> u32 {
        let mut rest = &self.text[at as usize..];
        loop {
            rest = rest.trim_start();
            if !rest.starts_with("//") {
                return (self.text.len() - rest.len()) as u32;
            }
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        }
    }

    /// The closing bracket of a list whose last element ends at `at`.
    fn closer(&self, at: u32) -> u32 {
        let next = self.next_token(at);
        let comma = self.text[next as usize..].starts_with(',');
        if comma { self.next_token(next + 1) } else { next }
    }

    /// An entry of a list, with its comments.
    fn entry(&mut self, docs: &'t [DocLine], span: Span, build: impl FnOnce(&mut Self) -> Doc<'t>) -> Entry<'t> {
        let leading = self.comments.leading(docs, span.start);
        let body = build(self);
        let trailing = self.comments.take_trailing(span.end);
        let (blank, leading) = (leading.blank, leading.lines);
        Entry { blank, leading, body: Some(body), trailing, deeper: false }
    }

    /// Braces around entries that are on one line only if the author wrote them so.
    fn braces(&mut self, entries: Vec<Entry<'t>>, first: Option<u32>, end: u32) -> Items<'t> {
        let broken = first.is_some_and(|first| self.first_of_line(first));
        self.brackets("{", entries, "}", end, broken)
    }

    fn brackets(
        &mut self,
        open: &'static str,
        entries: Vec<Entry<'t>>,
        close: &'static str,
        end: u32,
        broken: bool,
    ) -> Items<'t> {
        let dangling = self.comments.take_dangling(end);
        let padded = open == "{";
        Items { open, entries, dangling, close, padded, commas: true, hug: false, broken, hard: false }
    }

    /// Attributes, each on a line of its own.
    fn attributes(&mut self, attributes: &'t [Attribute], docs: &mut Vec<Doc<'t>>) {
        for attribute in attributes {
            docs.push(Doc::Text("@"));
            docs.push(Doc::Text(&attribute.name.text));
            if attribute.span.end > attribute.name.span.end {
                let end = attribute.span.end - 1;
                docs.push(self.exprs("(", &attribute.args, ")", end, false));
            }
            let trailing = self.comments.take_trailing(attribute.span.end);
            docs.extend(clauses::ends_line(trailing));
            docs.push(Doc::Hard);
            let next = self.next_token(attribute.span.end);
            for (comment, _) in self.comments.leading(&[], next).lines {
                docs.extend([Doc::Text(comment), Doc::Hard]);
            }
        }
    }

    /// A dotted name.
    fn path(&self, path: &'t [Name]) -> Doc<'t> {
        let mut docs = Vec::new();
        for (index, name) in path.iter().enumerate() {
            if index > 0 {
                docs.push(Doc::Text("."));
            }
            docs.push(Doc::Text(&name.text));
        }
        Doc::seq(docs)
    }

    /// `[a, b.c]`: a list of names.
    fn names<T>(&mut self, names: &'t [T], path: impl Fn(&'t T) -> &'t [Name], end: u32) -> Doc<'t> {
        let mut entries = Vec::new();
        for name in names {
            let path = path(name);
            let span = match (path.first(), path.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => continue,
            };
            entries.push(self.entry(&[], span, |this| this.path(path)));
        }
        self.brackets("[", entries, "]", end, false).doc()
    }
}

/// Lines of comments, without a line break after the last one.
fn push_lines<'t>(lines: &[(&'t str, bool)], docs: &mut Vec<Doc<'t>>) {
    for (index, (text, blank)) in lines.iter().enumerate() {
        docs.push(Doc::Text(text));
        if index + 1 < lines.len() {
            docs.push(Doc::Hard);
            docs.extend(blank.then_some(Doc::Hard));
        }
    }
}
