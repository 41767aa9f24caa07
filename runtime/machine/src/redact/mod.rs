//! Finds secrets in the output of programs and servers, and replaces them by `[secret]`.
//!
//! One [`Redactor`] knows all secrets of a run. It looks for each of them
//!
//! - as plain text, and as UTF-16;
//! - in base64, at each of the three alignments and in both alphabets, and in hex, also where lines or
//!   blanks break it;
//! - with the escapes of JSON, shells, URLs, forms, HTML and XML, also twice over.
//!
//! A short text occurs in many others by coincidence. So a secret of fewer than four bytes is not searched
//! for; one of four or five bytes is only found as a whole word or number, and so are its base64 and hex; a
//! longer one is found everywhere. White space around a secret is not part of it, and white space alone is no
//! secret. Each line of at least 16 bytes of a secret of several lines (a private key) is a secret, too.
//!
//! Texts with the shape of a well-known key are found even if they are not known as secrets (`shapes.rs`).

mod declared;
mod needles;
mod shapes;
mod views;

use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::{
    failure::Failure,
    value::{Arg, REDACTED, Secret, Value},
};
pub use declared::mask_declared;
use needles::{Needle, Writing};
use views::Decoding;

/// Texts are decoded in windows of this length, in bytes, so that a large output needs little memory.
const WINDOW: usize = 1024 * 1024;
/// How many levels of escapes within escapes are decoded.
const LEVELS: u32 = 2;
/// The shortest beginning of a secret that is recognised at the end of a text that was cut, in bytes.
const SHORTEST_CUT: usize = 4;

/// The secrets of a run, and the search for them. Clones share their data.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<KnownSecrets>>);

struct KnownSecrets {
    /// The texts that are secrets.
    secrets: Vec<String>,
    needles: Vec<Needle>,
    /// Finds the needles; built on first use. `None` if it cannot be built: then every text counts as secret.
    automaton: OnceLock<Option<AhoCorasick>>,
    /// The length of the longest needle.
    longest: usize,
    has_blanks: bool,
}

/// The ends of a text at which something was cut off, so that a part of a secret may remain there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Text before the start is missing.
    pub start: bool,
    /// Text after the end is missing.
    pub end: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, |known| known.secrets.len());
        write!(f, "Redactor({count} secrets)")
    }
}

impl Redactor {
    /// One that knows these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        out.learn_all(secrets);
        out
    }

    /// One that knows every secret in these values.
    pub fn of_values<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut found = Vec::new();
        values.into_iter().for_each(|value| collect_secrets(value, &mut found));
        Self::new(found)
    }

    /// Whether it knows no secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Learns a secret.
    pub fn learn(&mut self, secret: &str) {
        self.learn_all([secret]);
    }

    /// Learns every secret in a value; gives those that were not known.
    pub fn learn_value(&mut self, value: &Value) -> Vec<Secret> {
        let mut found = Vec::new();
        collect_secrets(value, &mut found);
        found.retain(|text| needles::searched_parts(text).iter().any(|part| !self.contains_secret(part)));
        let new = found.iter().map(|text| Secret::new(text)).collect();
        self.learn_all(found);
        new
    }

    /// Learns an argument that is secret, unless a secret that is known makes it one.
    pub fn learn_arg(&mut self, arg: &Arg) {
        if arg.secret && self.find(arg.text.as_bytes(), Cut::default()).is_empty() {
            self.learn(&arg.text);
            // `Bearer …`
            if let Some((_, last)) = arg.text.trim().rsplit_once(' ') {
                self.learn(last);
            }
        }
    }

    fn contains_secret(&self, part: &str) -> bool {
        self.0.as_ref().is_some_and(|known| known.secrets.iter().any(|secret| secret == part))
    }

    fn learn_all<'a>(&mut self, secrets: impl IntoIterator<Item = &'a str>) {
        let mut all = self.0.as_ref().map(|known| known.secrets.clone()).unwrap_or_default();
        let before = all.len();
        for part in secrets.into_iter().flat_map(needles::searched_parts) {
            if !all.contains(&part) {
                all.push(part);
            }
        }
        if all.len() > before {
            self.0 = Some(Arc::new(KnownSecrets::new(all)));
        }
    }

    /// Bytes without the secrets.
    pub fn mask_bytes<'b>(&self, bytes: &'b [u8], cut: Cut) -> Cow<'b, [u8]> {
        replace_ranges(bytes, self.find(bytes, cut))
    }

    /// A text without the secrets.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.mask_cut(text, Cut::default())
    }

    /// A text, of which something may have been cut off, without the secrets.
    pub fn mask_cut<'t>(&self, text: &'t str, cut: Cut) -> Cow<'t, str> {
        let ranges = self.find(text.as_bytes(), cut);
        replace_ranges_in_text(text, ranges)
    }

    /// The output of a program or the answer of a server without secrets and without what looks like
    /// a well-known key. A number in JSON that is a secret becomes a text.
    pub fn mask_answer<'b>(&self, bytes: &'b [u8], is_json: bool) -> (Cow<'b, [u8]>, Option<&'static str>) {
        let mut ranges = self.find(bytes, Cut::default());
        let shapes = shapes::find_keys(bytes);
        let what = shapes.first().map(|found| found.what);
        if !shapes.is_empty() {
            ranges.extend(shapes.into_iter().map(|found| found.range));
            ranges = merge_ranges(ranges);
        }
        if ranges.is_empty() {
            return (Cow::Borrowed(bytes), None);
        }
        let masked = if is_json { replace_ranges_in_json(bytes, ranges) } else { replace_ranges(bytes, ranges) };
        (masked, what)
    }

    /// A text that is stored, without secrets and without what looks like a well-known key.
    pub fn mask_stored<'t>(&self, text: &'t str) -> (Cow<'t, str>, Option<&'static str>) {
        let shapes = shapes::find_keys(text.as_bytes());
        let what = shapes.first().map(|found| found.what);
        let mut ranges = self.find(text.as_bytes(), Cut::default());
        ranges.extend(shapes.into_iter().map(|found| found.range));
        (replace_ranges_in_text(text, merge_ranges(ranges)), what)
    }

    /// JSON without secrets and without what looks like a well-known key; whose it was.
    pub fn mask_json(&self, json: &mut Json) -> Option<&'static str> {
        match json {
            Json::String(text) => {
                let (masked, what) = self.mask_stored(text);
                if let Cow::Owned(masked) = masked {
                    *text = masked;
                }
                what
            }
            Json::Array(items) => items.iter_mut().map(|item| self.mask_json(item)).fold(None, Option::or),
            Json::Object(fields) => {
                if fields.keys().any(|key| matches!(self.mask_stored(key).0, Cow::Owned(_))) {
                    let renamed = std::mem::take(fields).into_iter();
                    *fields = renamed.map(|(key, item)| (self.mask_stored(&key).0.into_owned(), item)).collect();
                }
                fields.iter_mut().map(|(_, item)| self.mask_json(item)).fold(None, Option::or)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => None,
        }
    }

    /// A value without secrets, but for those that its type says are secrets.
    pub fn mask_value(&self, value: Value) -> Value {
        match &value {
            Value::Str(text) => match self.mask_stored(text).0 {
                Cow::Owned(masked) => Value::str(masked),
                Cow::Borrowed(_) => value,
            },
            Value::Path(text) => match self.mask_stored(text).0 {
                Cow::Owned(masked) => Value::path(&masked),
                Cow::Borrowed(_) => value,
            },
            Value::List(items) => Value::list(items.iter().map(|item| self.mask_value(item.clone())).collect()),
            Value::Map(entries) => {
                let masked = |(key, item): (&SmolStr, &Value)| {
                    (SmolStr::from(self.mask_stored(key).0), self.mask_value(item.clone()))
                };
                Value::map(entries.iter().map(masked).collect())
            }
            Value::Record(fields) => {
                Value::record(fields.iter().map(|(name, item)| (name.clone(), self.mask_value(item.clone()))).collect())
            }
            Value::Variant(variant) => {
                let fields = variant.fields.iter().map(|(name, item)| (name.clone(), self.mask_value(item.clone())));
                Value::variant(variant.name.clone(), variant.tagged, fields.collect())
            }
            _ => value,
        }
    }

    /// A failure without secrets.
    pub fn mask_failure(&self, failure: &mut Failure) {
        for text in std::iter::once(&mut failure.message).chain(&mut failure.causes) {
            if let Cow::Owned(masked) = self.mask_stored(text).0 {
                *text = masked;
            }
        }
    }

    /// Where secrets are, in order and apart from each other.
    fn find(&self, bytes: &[u8], cut: Cut) -> Vec<Range<usize>> {
        match &self.0 {
            Some(known) => known.find(bytes, cut),
            None => Vec::new(),
        }
    }
}

/// What looks like a well-known key in a text: whose it is.
pub fn find_key(bytes: &[u8]) -> Option<&'static str> {
    shapes::find_keys(bytes).first().map(|found| found.what)
}

/// Every secret in a value.
fn collect_secrets<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::Secret(secret) => out.push(secret.reveal()),
        other => {
            other.as_list().into_iter().flatten().for_each(|item| collect_secrets(item, out));
            other.entries().into_iter().flatten().for_each(|(_, item)| collect_secrets(item, out));
        }
    }
}

impl KnownSecrets {
    fn new(secrets: Vec<String>) -> Self {
        let mut needles: Vec<Needle> = Vec::new();
        for needle in secrets.iter().flat_map(|part| needles::needles_of(part)) {
            if !needles.contains(&needle) {
                needles.push(needle);
            }
        }
        let longest = needles.iter().map(|needle| needle.text.len()).max().unwrap_or(0);
        let has_blanks = secrets.iter().any(|secret| secret.contains(' '));
        Self { secrets, needles, automaton: OnceLock::new(), longest, has_blanks }
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let build = || {
            let texts = self.needles.iter().map(|needle| &needle.text);
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts).ok()
        };
        self.automaton.get_or_init(build).as_ref()
    }

    fn find(&self, bytes: &[u8], cut: Cut) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        self.search_needles(bytes, false, &mut out);
        // A needle may be written with up to six bytes for each of its own, and that twice over.
        let overlap = self.longest * 12 + 64;
        let step = WINDOW.max(2 * overlap);
        let mut start = 0;
        loop {
            let end = bytes.len().min(start + step + overlap);
            let mut found = Vec::new();
            self.search_decoded(&bytes[start..end], LEVELS, &mut found);
            out.extend(found.into_iter().map(|range| range.start + start..range.end + start));
            if end == bytes.len() {
                break;
            }
            start += step;
        }
        // A secret may be a part of the mark that stands in the place of others.
        out.retain(|range| !is_in_mark(bytes, range));
        // Blanks and breaks of lines between the parts of a secret do not count.
        let near = bytes.len().min(overlap);
        if cut.start {
            out.extend(self.end_of_needle(bytes).map(|length| 0..length));
            let view = Decoding::Squeezed.decode(&bytes[..near]);
            out.extend(self.end_of_needle(&view.bytes).map(|length| view.original_range(0..length)));
        }
        if cut.end {
            out.extend(self.start_of_needle(bytes).map(|length| bytes.len() - length..bytes.len()));
            let (tail, view) = (bytes.len() - near, Decoding::Squeezed.decode(&bytes[bytes.len() - near..]));
            let found = self.start_of_needle(&view.bytes).map(|length| view.bytes.len() - length..view.bytes.len());
            out.extend(found.map(|range| view.original_range(range)).map(|range| range.start + tail..range.end + tail));
        }
        merge_ranges(out)
    }

    /// Looks for all needles, or in a text without blanks for those that are encoded.
    fn search_needles(&self, bytes: &[u8], squeezed: bool, out: &mut Vec<Range<usize>>) {
        let Some(automaton) = self.automaton() else {
            out.push(0..bytes.len());
            return;
        };
        for hit in automaton.find_overlapping_iter(bytes) {
            let Some(needle) = self.needles.get(hit.pattern().as_usize()) else { continue };
            if squeezed && (needle.writing == Writing::Plain || needle.alone) {
                continue;
            }
            if needle.alone && !stands_alone(bytes, hit.range(), needle.writing) {
                continue;
            }
            let (mut start, mut end) = (hit.start(), hit.end());
            if needle.before && start > 0 && is_base64(bytes[start - 1]) {
                start -= 1;
            }
            if needle.after && bytes.get(end).is_some_and(|byte| is_base64(*byte)) {
                end += 1;
            }
            if needle.after {
                end += bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
            }
            out.push(start..end);
        }
    }

    /// Looks for the needles where they are written with escapes.
    fn search_decoded(&self, bytes: &[u8], levels: u32, out: &mut Vec<Range<usize>>) {
        let all =
            [Decoding::Backslash, Decoding::Percent, Decoding::Form, Decoding::Entity, Decoding::Squeezed].into_iter();
        for decoding in all.filter(|decoding| decoding.occurs_in(bytes)) {
            if decoding == Decoding::Form && !self.has_blanks {
                continue;
            }
            let view = decoding.decode(bytes);
            let mut found = Vec::new();
            self.search_needles(&view.bytes, decoding == Decoding::Squeezed, &mut found);
            if levels > 1 && decoding != Decoding::Squeezed {
                self.search_decoded(&view.bytes, levels - 1, &mut found);
            }
            out.extend(found.into_iter().map(|range| view.original_range(range)));
        }
    }

    /// How many bytes at the beginning of a text may be the end of a needle.
    fn end_of_needle(&self, bytes: &[u8]) -> Option<usize> {
        let of = |needle: &Needle| {
            let text = &needle.text;
            let longest = text.len().saturating_sub(1).min(bytes.len());
            (SHORTEST_CUT..=longest).rev().find(|length| bytes.starts_with(&text[text.len() - length..]))
        };
        self.needles.iter().filter(|needle| !needle.alone).filter_map(of).max()
    }

    /// How many bytes at the end of a text may be the beginning of a needle.
    fn start_of_needle(&self, bytes: &[u8]) -> Option<usize> {
        let of = |needle: &Needle| {
            let text = &needle.text;
            let longest = text.len().saturating_sub(1).min(bytes.len());
            (SHORTEST_CUT..=longest).rev().find(|length| bytes.ends_with(&text[..*length]))
        };
        self.needles.iter().filter(|needle| !needle.alone).filter_map(of).max()
    }
}

fn is_in_mark(bytes: &[u8], range: &Range<usize>) -> bool {
    let length = REDACTED.len();
    let mut starts = range.end.saturating_sub(length)..=range.start;
    starts.any(|start| bytes[start..].starts_with(REDACTED.as_bytes()))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// Whether a short secret is a word or a number of its own.
fn stands_alone(bytes: &[u8], range: Range<usize>, writing: Writing) -> bool {
    let before = range.start.checked_sub(1).map(|at| bytes[at]);
    let after = bytes.get(range.end).copied();
    let (first, last) = (bytes[range.start], bytes[range.end - 1]);
    let joins = |byte: u8| match writing {
        Writing::Plain => byte.is_ascii_alphanumeric() || !byte.is_ascii(),
        Writing::Encoded => byte.is_ascii_alphanumeric() || b"+/".contains(&byte),
    };
    if before.is_some_and(|byte| joins(byte) && joins(first)) || after.is_some_and(|byte| joins(byte) && joins(last)) {
        return false;
    }
    // `1.4711` and `4711.5` are other numbers.
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let more_before = before == Some(b'.') && first.is_ascii_digit() && is_digit(range.start.checked_sub(2));
    let more_after = after == Some(b'.') && last.is_ascii_digit() && is_digit(Some(range.end + 1));
    !more_before && !more_after
}

/// Ranges in order; those that overlap or touch are one.
fn merge_ranges(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

fn replace_ranges(bytes: &[u8], ranges: Vec<Range<usize>>) -> Cow<'_, [u8]> {
    if ranges.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for range in ranges {
        out.extend_from_slice(&bytes[at..range.start]);
        out.extend_from_slice(REDACTED.as_bytes());
        at = range.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Cow::Owned(out)
}

fn replace_ranges_in_text(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    // A range of another encoding may begin or end within a character.
    let whole = |range: Range<usize>| text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
    let ranges = merge_ranges(ranges.into_iter().map(whole).collect());
    Cow::Owned(String::from_utf8_lossy(&replace_ranges(text.as_bytes(), ranges)).into_owned())
}

/// The same in JSON, which stays JSON: outside of texts the whole number is replaced by a text.
fn replace_ranges_in_json(bytes: &[u8], ranges: Vec<Range<usize>>) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut inside) = (0, false);
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    for range in ranges {
        let mut escaped = false;
        for byte in &bytes[at..range.start.max(at)] {
            match byte {
                b'"' if !escaped => inside = !inside,
                _ => {}
            }
            escaped = *byte == b'\\' && !escaped;
        }
        if inside || !bytes[range.clone()].iter().all(|byte| is_number(byte) || byte.is_ascii_whitespace()) {
            out.extend_from_slice(&bytes[at..range.start.max(at)]);
            out.extend_from_slice(REDACTED.as_bytes());
            at = range.end.max(at);
            continue;
        }
        let start = range.start - bytes[..range.start].iter().rev().take_while(|byte| is_number(byte)).count();
        let end = range.end + bytes[range.end..].iter().take_while(|byte| is_number(byte)).count();
        if start >= at {
            out.extend_from_slice(&bytes[at..start]);
            out.extend_from_slice(format!("\"{REDACTED}\"").as_bytes());
        }
        at = end.max(at);
    }
    out.extend_from_slice(&bytes[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
