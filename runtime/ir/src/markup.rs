//! Text inside of markup: the one place that knows which characters XML and HTML give a meaning.

/// The entity for a character that must not stand for itself in an element or in an attribute
/// between double quotes.
fn entity_of(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

/// Appends text so that it means only itself in XML and HTML. `replace` says what stands for a
/// character that is no part of markup but that the document cannot hold, such as a control
/// character in XML: `Some("")` leaves it out.
pub fn push_escaped(out: &mut String, text: &str, replace: impl Fn(char) -> Option<&'static str>) {
    for c in text.chars() {
        match entity_of(c).or_else(|| replace(c)) {
            Some(written) => out.push_str(written),
            None => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_means_only_itself() {
        let mut out = String::from("x ");
        push_escaped(&mut out, "a < b && \"c\" > 'd'", |_| None);
        assert_eq!(out, "x a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd'");
    }

    #[test]
    fn the_document_says_what_it_cannot_hold() {
        let mut out = String::new();
        push_escaped(&mut out, "1\u{7}<2\n", |c| c.is_control().then_some("?"));
        assert_eq!(out, "1?&lt;2?");
    }
}
