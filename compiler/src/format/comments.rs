//! Comments and blank lines, consumed in source order, each exactly once.

use std::collections::VecDeque;

use cascade_grammar::ast::{DocLine, Span};
use cascade_grammar::{Comment, Trivia};

/// The comments that are not printed yet.
pub(super) struct Comments<'t> {
    text: &'t str,
    left: VecDeque<&'t Comment>,
    blank_lines: &'t [u32],
    /// The end of what was printed last.
    last_end: u32,
}

/// The comments and documentation on the lines before an element.
pub(super) struct Leading<'t> {
    /// Whether a blank line precedes them.
    pub(super) blank: bool,
    /// Each line, with whether a blank line follows it.
    pub(super) lines: Vec<(&'t str, bool)>,
}

impl<'t> Comments<'t> {
    pub(super) fn new(text: &'t str, trivia: &'t Trivia) -> Self {
        let left = trivia.comments.iter().collect();
        Self { text, left, blank_lines: &trivia.blank_lines, last_end: 0 }
    }

    /// Records the end of what was printed last.
    pub(super) fn skip_until(&mut self, at: u32) {
        self.last_end = self.last_end.max(at);
    }

    /// Whether a blank line separates what was printed last from `start`.
    fn blank_before(&self, start: u32) -> bool {
        let first = self.blank_lines.partition_point(|blank| *blank < self.last_end);
        self.blank_lines.get(first).is_some_and(|blank| *blank < start)
    }

    fn take_comment(&mut self) -> Option<&'t Comment> {
        let first = self.left.pop_front()?;
        self.skip_until(first.span.end);
        Some(first)
    }

    fn str(&self, span: Span) -> &'t str {
        &self.text[span.range()]
    }

    /// The text of a comment. A doc comment that documents nothing is printed as a plain comment, so
    /// that it does not become the documentation of the element after it. `///!` would become the
    /// documentation of the file.
    fn comment(&self, span: Span) -> &'t str {
        let text = self.str(span);
        let documents = text.starts_with("///") && !text.starts_with("////") && !text.starts_with("///!");
        if documents { &text[1..] } else { text }
    }

    fn has_before(&self, at: u32) -> bool {
        self.left.front().is_some_and(|comment| comment.span.start < at)
    }

    /// The comments within a span, which may be anywhere in the list.
    fn range_inside(&self, span: Span) -> std::ops::Range<usize> {
        let at = |place: u32| self.left.partition_point(|comment| comment.span.start < place);
        at(span.start)..at(span.end)
    }

    /// Whether there is a comment within a span.
    pub(super) fn in_span(&self, span: Span) -> bool {
        !self.range_inside(span).is_empty()
    }

    /// Removes the comments before `at` for a while: what is printed next has no place for comments.
    pub(super) fn set_aside(&mut self, at: u32) -> Vec<&'t Comment> {
        let end = self.left.partition_point(|comment| comment.span.start < at);
        self.left.drain(..end).collect()
    }

    /// Restores the comments that `set_aside` removed.
    pub(super) fn put_back(&mut self, comments: Vec<&'t Comment>) {
        for comment in comments.into_iter().rev() {
            self.left.push_front(comment);
        }
    }

    /// Drops the comments of a span, which are printed as part of its text.
    pub(super) fn skip(&mut self, span: Span) {
        let range = self.range_inside(span);
        self.left.drain(range);
    }

    /// The comments before `start`, then the documentation, then the comments before `body`.
    pub(super) fn leading(&mut self, docs: &'t [DocLine], body: u32) -> Leading<'t> {
        let start = docs.first().map_or(body, |doc| doc.span.start.min(body));
        let first = self.left.front().map_or(start, |comment| comment.span.start.min(start));
        let blank = self.blank_before(first);
        let mut lines: Vec<(&'t str, bool)> = Vec::new();
        let add = |comments: &mut Self, span: Span, text: &'t str, lines: &mut Vec<(&'t str, bool)>| {
            if let Some(last) = lines.last_mut() {
                last.1 = comments.blank_before(span.start);
            }
            lines.push((text, false));
            comments.skip_until(span.end);
        };
        for doc in docs {
            while self.has_before(doc.span.start) {
                let before = self.last_end;
                let Some(comment) = self.take_comment() else { break };
                self.last_end = before;
                add(self, comment.span, self.comment(comment.span), &mut lines);
            }
            add(self, doc.span, self.str(doc.span), &mut lines);
            // Documentation directly precedes what it documents.
            if let [.., previous, _] = &mut lines[..]
                && previous.0.starts_with("///")
            {
                previous.1 = false;
            }
        }
        while self.has_before(body) {
            let before = self.last_end;
            let Some(comment) = self.take_comment() else { break };
            self.last_end = before;
            add(self, comment.span, self.comment(comment.span), &mut lines);
        }
        let blank_last = self.blank_before(body);
        if let Some(last) = lines.last_mut() {
            last.1 = blank_last && !last.0.starts_with("///");
        }
        Leading { blank, lines }
    }

    /// The comments before `end` that are not printed yet, and the comment after `end` on the same
    /// line.
    pub(super) fn take_trailing(&mut self, end: u32) -> Vec<&'t str> {
        let mut trailing = Vec::new();
        while self.has_before(end) {
            trailing.extend(self.take_comment().map(|comment| self.comment(comment.span)));
        }
        self.skip_until(end);
        if let Some(next) = self.left.front()
            && !next.own_line
            && self.text[end as usize..next.span.start as usize].bytes().all(|byte| matches!(byte, b' ' | b'\t' | b','))
        {
            trailing.extend(self.take_comment().map(|comment| self.comment(comment.span)));
        }
        trailing
    }

    /// The comments before a closing bracket, each with whether a blank line precedes it.
    pub(super) fn take_dangling(&mut self, end: u32) -> Vec<(bool, &'t str)> {
        let mut dangling = Vec::new();
        while let Some(comment) = self.left.front().copied()
            && comment.span.start < end
        {
            let blank = self.blank_before(comment.span.start);
            self.take_comment();
            dangling.push((blank, self.comment(comment.span)));
        }
        dangling
    }
}
