//! The context of a value in a prompt: the tags and code fences that the program has opened before
//! it. A value cannot close them, so that a model can tell the program's text from the data.

/// A tag that is not complete: its `<` was read, but not its `>`.
#[derive(Debug, Clone)]
struct Tag {
    name: String,
    closes: bool,
    /// Whether the position is within a quoted attribute.
    quoted: bool,
    /// The last character outside of quotes.
    last: char,
}

/// The tags and the fence that are open at a position of a prompt.
#[derive(Debug, Default)]
pub(super) struct PromptContext {
    /// Names of the open tags.
    tags: Vec<String>,
    /// The incomplete tag.
    tag: Option<Tag>,
    /// The open fence: its character and length.
    fence: Option<(char, usize)>,
    /// The current line, if all of it is the program's text.
    line: Option<String>,
    started: bool,
}

impl PromptContext {
    /// Reads text of the program.
    pub(super) fn read(&mut self, text: &str) {
        if !self.started {
            (self.started, self.line) = (true, Some(String::new()));
        }
        for (at, c) in text.char_indices() {
            self.read_line(c);
            match &mut self.tag {
                Some(tag) => match c {
                    '"' if tag.quoted => tag.quoted = false,
                    _ if tag.quoted => {}
                    '"' if tag.last == '=' => tag.quoted = true,
                    '>' => self.end_tag(),
                    '<' => self.tag = begin_tag(&text[at..]),
                    c => tag.last = c,
                },
                None if c == '<' => self.tag = begin_tag(&text[at..]),
                None => {}
            }
        }
    }

    fn end_tag(&mut self) {
        let Some(tag) = self.tag.take() else { return };
        if tag.closes {
            if let Some(open) = self.tags.iter().rposition(|name| *name == tag.name) {
                self.tags.truncate(open);
            }
        } else if tag.last != '/' {
            self.tags.push(tag.name);
        }
    }

    fn read_line(&mut self, c: char) {
        if c != '\n' {
            if let Some(line) = &mut self.line {
                line.push(c);
            }
            return;
        }
        let line = self.line.replace(String::new());
        let Some((mark, count, rest)) = line.as_deref().and_then(fence_of) else { return };
        self.fence = match self.fence {
            None => Some((mark, count)),
            Some((open, most)) if open == mark && count >= most && rest.trim().is_empty() => None,
            open => open,
        };
    }

    /// Escapes a value for this position.
    pub(super) fn escape(&mut self, value: &str) -> String {
        // A line that contains a value cannot open or close a fence.
        self.line = None;
        if self.tag.as_ref().is_some_and(|tag| tag.quoted) {
            let mut out = String::with_capacity(value.len());
            cascade_ir::markup::push_escaped(&mut out, value, |_| None);
            return out;
        }
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find('<') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            out.push_str(if self.is_closing(rest) { "&lt;" } else { "<" });
            rest = &rest[1..];
        }
        out.push_str(rest);
        let Some((mark, most)) = self.fence else { return out };
        let guarded = |line: &str| match fence_of(line.trim_end_matches('\n')) {
            Some((found, count, _)) if found == mark && count >= most => {
                let indent = line.len() - line.trim_start().len();
                format!("{}\\{}", &line[..indent], &line[indent..])
            }
            _ => line.to_owned(),
        };
        out.split_inclusive('\n').map(guarded).collect()
    }

    /// Whether a text starts with the closing tag of an open tag.
    fn is_closing(&self, text: &str) -> bool {
        let Some(name) = text.trim_start_matches('<').trim_start().strip_prefix('/') else { return false };
        let name = name.trim_start();
        self.tags.iter().any(|open| {
            let same = name.get(..open.len()).is_some_and(|found| found.eq_ignore_ascii_case(open));
            same && !name[open.len()..].starts_with(is_name)
        })
    }
}

/// Escapes a text for a position within a tag.
pub fn escape_in_tag(text: &str, tag: &str) -> String {
    PromptContext { tags: vec![tag.to_owned()], ..PromptContext::default() }.escape(text)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.:".contains(c)
}

/// The tag that starts here.
fn begin_tag(text: &str) -> Option<Tag> {
    let rest = text.strip_prefix('<')?;
    let (closes, rest) = match rest.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
    let begins_well = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins_well.then_some(Tag { name, closes, quoted: false, last: '<' })
}

/// The character and the length of a fence, and the rest of its line.
fn fence_of(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (count >= 3).then_some((mark, count, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value, escaped after a text of the program.
    fn escaped_after(before: &str, value: &str) -> String {
        let mut around = PromptContext::default();
        around.read(before);
        around.escape(value)
    }

    #[test]
    fn a_value_does_not_close_the_tag_around_it() {
        for (before, value, after) in [
            ("<doc>\n", "a</doc>b", "a&lt;/doc>b"),
            ("<doc id=\"1\">", "a< / DOC >b", "a&lt; / DOC >b"),
            ("<a><b></b>", "</a></b>", "&lt;/a></b>"),
            ("<a><b/>", "</b>", "</b>"),
            ("<a></a>", "</a>", "</a>"),
            ("<doc>", "</docs>", "</docs>"),
            ("if a < b and c > d: ", "</b>", "</b>"),
            ("<doc>", "<p>hi</p>", "<p>hi</p>"),
        ] {
            assert_eq!(escaped_after(before, value), after, "{before}");
        }
    }

    #[test]
    fn a_value_does_not_end_the_attribute_that_it_is() {
        assert_eq!(escaped_after("<doc path=\"", "a\"><b>"), "a&quot;&gt;&lt;b&gt;");
        assert_eq!(escaped_after("<doc path=\"x\" and ", "say \"hi\""), "say \"hi\"");
        let mut around = PromptContext::default();
        around.read("<doc path=\"");
        around.escape("x");
        around.read("\">\n");
        assert_eq!(around.escape("</doc>"), "&lt;/doc>");
    }

    #[test]
    fn a_value_does_not_close_the_fence_around_it() {
        for (before, value, after) in [
            ("```\n", "a\n```\nb", "a\n\\```\nb"),
            ("```text\n", "```", "\\```"),
            ("~~~\n", "```\n  ~~~~\n", "```\n  \\~~~~\n"),
            ("````\n", "```\n", "```\n"),
            ("```\nx\n```\n", "```\n", "```\n"),
            ("no fence\n", "```\n", "```\n"),
        ] {
            assert_eq!(escaped_after(before, value), after, "{before}");
        }
    }
}
