//! Whether a prompt fits into the context window of a model.

use cascade_ir::{Model, limits::estimated_tokens};
use smol_str::SmolStr;

use crate::{
    request::Attachment,
    tokens::{count_tokens, counted_by, file_tokens},
    value::{Value, to_json},
};

/// How many pieces an error names.
const NAMED_PIECES: usize = 5;

/// What a prompt has besides its text, measured when it matters.
pub(super) struct ContextUse<'a> {
    files: &'a [Attachment],
    /// The inputs of the skill, which its prompt is made of.
    inputs: Vec<(&'a SmolStr, &'a Value)>,
    /// The bytes of attached text.
    text_bytes: u64,
    /// The tokens of files that are sent as files.
    file_tokens: u64,
    /// The measured tokens of attached text.
    text_tokens: Option<u64>,
}

fn is_text(file: &Attachment) -> bool {
    matches!(file.media.as_str(), "text/plain" | "image/svg+xml")
}

impl<'a> ContextUse<'a> {
    pub(super) fn new(files: &'a [Attachment], inputs: Vec<(&'a SmolStr, &'a Value)>) -> Self {
        let (text, other): (Vec<_>, Vec<_>) = files.iter().partition(|file| is_text(file));
        let text_bytes = text.iter().map(|file| (file.content.len() + file.path.len()) as u64).sum();
        Self { files, inputs, text_bytes, file_tokens: other.into_iter().map(file_tokens).sum(), text_tokens: None }
    }

    /// About how many tokens are sent.
    pub(super) fn estimate(&self, text: &str, system: Option<&str>) -> u64 {
        let bytes = (text.len() + system.map_or(0, str::len)) as u64;
        estimated_tokens(bytes.saturating_add(self.text_bytes)).saturating_add(self.file_tokens)
    }

    /// The tokens of a prompt if they are more than a model holds. They are measured only where they may be: a token
    /// has at least one byte.
    pub(super) fn count_overflow(&mut self, model: &Model, text: &str, system: Option<&str>) -> Option<u64> {
        let context = model.context?;
        let bytes = (text.len() + system.map_or(0, str::len)) as u64;
        let most = bytes.saturating_add(self.text_bytes).saturating_add(self.file_tokens);
        if counted_by(&model.provider, most) <= context {
            return None;
        }
        let attached = *self.text_tokens.get_or_insert_with(|| {
            let texts = self.files.iter().filter(|file| is_text(file));
            texts.map(|file| count_tokens(&String::from_utf8_lossy(&file.content))).sum()
        });
        let own = count_tokens(text) + system.map_or(0, count_tokens);
        let tokens = counted_by(&model.provider, own + attached).saturating_add(self.file_tokens);
        (tokens > context).then_some(tokens)
    }

    /// The largest pieces of a prompt that no model holds: `` `big.txt` has 240,112 tokens ``.
    pub(super) fn largest_pieces(&self, system: Option<&str>) -> String {
        let mut pieces: Vec<(String, u64)> = Vec::new();
        for file in self.files {
            let tokens = match is_text(file) {
                true => count_tokens(&String::from_utf8_lossy(&file.content)),
                false => file_tokens(file),
            };
            pieces.push((format!("the file `{}`", file.path), tokens));
        }
        for (name, value) in &self.inputs {
            let tokens = match value.as_text() {
                Some(text) => count_tokens(text),
                None => count_tokens(&to_json(value).to_string()),
            };
            pieces.push((format!("the input `{name}`"), tokens));
        }
        pieces.extend(system.map(|system| ("`system`".to_owned(), count_tokens(system))));
        pieces.retain(|(_, tokens)| *tokens > 0);
        pieces.sort_by_key(|(_, tokens)| std::cmp::Reverse(*tokens));
        let named: Vec<String> = pieces
            .iter()
            .take(NAMED_PIECES)
            .map(|(name, tokens)| format!("{name} has {}", group_digits(*tokens)))
            .collect();
        named.join(", ")
    }
}

/// A number with commas: `240,112`.
pub(super) fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
