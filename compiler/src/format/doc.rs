//! The document model: text with possible line breaks. `render` decides which of them break.

/// A piece of a document.
#[derive(Debug)]
pub(super) enum Doc<'t> {
    /// A slice of the source, without a line break.
    Text(&'t str),
    /// Generated text, without a line break except in the holes of text blocks.
    Owned(String),
    /// An unconditional line break.
    Hard,
    /// A space, or a line break if its group breaks.
    Soft,
    /// Nothing, or a line break if its group breaks.
    SoftEmpty,
    /// A sequence.
    Seq(Vec<Doc<'t>>, bool),
    /// Indented by one level.
    Nest(Box<Doc<'t>>, bool),
    /// On one line if it fits; otherwise all its soft breaks break.
    Group(Box<Doc<'t>>, bool),
    /// A bracketed list.
    Items(Box<Items<'t>>),
    /// A text block.
    Block(Box<TextBlock<'t>>),
    /// A line comment, printed at the end of the current line.
    Suffix(&'t str),
}

/// A bracketed list: on one line, or one entry per line.
#[derive(Debug)]
pub(super) struct Items<'t> {
    pub(super) open: &'static str,
    pub(super) entries: Vec<Entry<'t>>,
    /// Comments after the last entry, each with whether a blank line precedes it.
    pub(super) dangling: Vec<(bool, &'t str)>,
    pub(super) close: &'static str,
    /// Whether there are spaces inside the brackets on one line.
    pub(super) padded: bool,
    /// Whether entries on lines of their own are separated by commas.
    pub(super) commas: bool,
    /// Whether the last entry may break while the others stay on the line of the bracket.
    pub(super) hug: bool,
    /// Whether each entry must be on a line of its own.
    pub(super) broken: bool,
    /// Whether it contains an unconditional line break.
    pub(super) hard: bool,
}

/// An entry of [`Items`].
#[derive(Debug, Default)]
pub(super) struct Entry<'t> {
    /// Whether a blank line precedes it (or its comments).
    pub(super) blank: bool,
    /// Comments and documentation before it, each with whether a blank line follows it.
    pub(super) leading: Vec<(&'t str, bool)>,
    pub(super) body: Option<Doc<'t>>,
    /// Comments after it on its line.
    pub(super) trailing: Vec<&'t str>,
    /// Whether it is indented one level more than the others.
    pub(super) deeper: bool,
}

/// A text block, with the common indentation of its lines removed.
#[derive(Debug)]
pub(super) struct TextBlock<'t> {
    /// `"""` or `sh"""`.
    pub(super) open: &'t str,
    /// The text on the line of the opening quotes, if there is any.
    pub(super) first: Option<String>,
    pub(super) lines: Vec<String>,
    /// Whether the closing quotes are on a line of their own.
    pub(super) closes_line: bool,
}

impl<'t> Doc<'t> {
    pub(super) fn owned_text(text: impl Into<String>) -> Self {
        Doc::Owned(text.into())
    }

    pub(super) fn seq(docs: impl Into<Vec<Doc<'t>>>) -> Self {
        let docs = docs.into();
        let hard = docs.iter().any(Doc::is_hard);
        Doc::Seq(docs, hard)
    }

    pub(super) fn nest_doc(doc: Doc<'t>) -> Self {
        let hard = doc.is_hard();
        Doc::Nest(Box::new(doc), hard)
    }

    pub(super) fn group(doc: Doc<'t>) -> Self {
        let hard = doc.is_hard();
        Doc::Group(Box::new(doc), hard)
    }

    /// A group that does not break when a group inside it breaks.
    pub(super) fn loose_group(doc: Doc<'t>) -> Self {
        Doc::Group(Box::new(doc), false)
    }

    /// Whether it contains an unconditional line break.
    pub(super) fn is_hard(&self) -> bool {
        match self {
            Doc::Hard => true,
            Doc::Text(_) | Doc::Soft | Doc::SoftEmpty | Doc::Suffix(_) => false,
            Doc::Owned(text) => text.contains('\n'),
            Doc::Seq(_, hard) | Doc::Nest(_, hard) => *hard,
            // A loose group does not break for its contents, but they do break the groups around it.
            Doc::Group(doc, hard) => *hard || doc.is_hard(),
            Doc::Items(items) => items.hard,
            Doc::Block(block) => block.closes_line || !block.lines.is_empty(),
        }
    }

    /// The text on one line, unless it contains an unconditional line break.
    pub(super) fn flat_text(&self) -> Option<String> {
        if self.is_hard() {
            return None;
        }
        let mut text = String::new();
        self.flat_into(&mut text);
        Some(text)
    }

    fn flat_into(&self, out: &mut String) {
        match self {
            Doc::Text(text) => out.push_str(text),
            Doc::Owned(text) => out.push_str(text),
            Doc::Soft => out.push(' '),
            Doc::Hard | Doc::SoftEmpty | Doc::Suffix(_) => {}
            Doc::Seq(docs, _) => docs.iter().for_each(|doc| doc.flat_into(out)),
            Doc::Nest(doc, _) | Doc::Group(doc, _) => doc.flat_into(out),
            Doc::Items(items) => {
                out.push_str(items.open);
                let pad = if items.padded && !items.entries.is_empty() { " " } else { "" };
                out.push_str(pad);
                for (index, entry) in items.entries.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    if let Some(body) = &entry.body {
                        body.flat_into(out);
                    }
                }
                out.push_str(pad);
                out.push_str(items.close);
            }
            Doc::Block(block) => {
                out.push_str(block.open);
                out.push_str(block.first.as_deref().unwrap_or(""));
                out.push_str("\"\"\"");
            }
        }
    }
}

impl<'t> Items<'t> {
    /// Brackets around the entries; decides which groups must break.
    pub(super) fn doc(mut self) -> Doc<'t> {
        self.move_extra_comments();
        let commented = |entry: &Entry<'_>| !entry.leading.is_empty() || !entry.trailing.is_empty();
        let last = self.entries.len().saturating_sub(1);
        let mut inner_hard = false;
        for (index, entry) in self.entries.iter().enumerate() {
            let hard = entry.body.as_ref().is_some_and(Doc::is_hard);
            inner_hard |= hard;
            self.broken |= commented(entry) || (hard && !(self.hug && index == last));
        }
        self.broken |= !self.dangling.is_empty();
        self.hard = self.broken || inner_hard;
        Doc::Items(Box::new(self))
    }

    /// Only one comment fits at the end of a line: the others are moved before the next entry.
    fn move_extra_comments(&mut self) {
        for index in 0..self.entries.len() {
            let trailing = &mut self.entries[index].trailing;
            if trailing.len() < 2 {
                continue;
            }
            let rest = trailing.split_off(1);
            match self.entries.get_mut(index + 1) {
                Some(next) => next.put_before(rest),
                None => {
                    self.dangling.splice(0..0, rest.into_iter().map(|text| (false, text)));
                }
            }
        }
    }
}

impl<'t> Entry<'t> {
    /// Moves the comments after the previous entry to the lines before this one.
    pub(super) fn put_before(&mut self, comments: Vec<&'t str>) {
        let mut lines: Vec<_> = comments.into_iter().map(|text| (text, false)).collect();
        if let Some(last) = lines.last_mut() {
            last.1 = std::mem::take(&mut self.blank);
        }
        self.leading.splice(0..0, lines);
    }
}
